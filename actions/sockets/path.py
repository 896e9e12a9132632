"""A path walked as a client walks it: which component lets it through, and which does not."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Account, Accounts

LINK_LIMIT = 40
"""Links the kernel follows before it gives up (path_resolution(7))."""

_CLASSES = ("owner has", "group has", "others have")


class Step(Record):
    """One component of a path, as seen by one user."""

    path: str
    kind: str
    """"folder", "socket", "link", "file", "missing" or "other"."""
    owner: str
    group: str
    mode: int
    needs: str
    """"x" to pass a folder, "w" to connect to a socket."""
    granted: bool | None
    """None where an access control list decides, which is not read here."""
    note: str = ""
    """Which bits the user has, or where a link leads."""


def walk(accounts: Accounts, path: str, account: Account) -> tuple[Step, ...]:
    """Return every component from the root to *path*, links included, up to what is missing."""
    steps: list[Step] = []
    rest = [part for part in path.split("/") if part]
    here = "/"
    steps.append(_step(accounts, here, account, last=not rest))
    links = 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            here = os.path.dirname(here)
            continue
        at = os.path.join(here, part)
        step = _step(accounts, at, account, last=not rest)
        steps.append(step)
        if step.kind == "missing":
            break
        if step.kind != "link":
            here = at
            continue
        links += 1
        target = step.note.removeprefix("→ ")
        if links > LINK_LIMIT:
            break
        rest = [piece for piece in target.split("/") if piece] + rest
        here = "/" if target.startswith("/") else here
    return tuple(steps)


def failing(steps: tuple[Step, ...]) -> Step | None:
    """Return the first component that does not let the user through."""
    return next((step for step in steps if step.granted is False), None)


def _step(accounts: Accounts, path: str, account: Account, *, last: bool) -> Step:
    try:
        entry = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Step(path, "missing", "", "", 0, "", granted=False, note="does not exist")
    except PermissionError:
        return Step(path, "other", "", "", 0, "", granted=None, note="can't be seen from here")
    except OSError as error:
        return Step(path, "other", "", "", 0, "", granted=None, note=error.strerror or str(error))
    kind = _kind(entry.st_mode)
    owner, group = accounts.user_name(entry.st_uid), accounts.group_name(entry.st_gid)
    mode = stat.S_IMODE(entry.st_mode)
    if kind == "link":
        target = os.readlink(path)
        return Step(path, kind, owner, group, mode, "", granted=True, note=f"→ {target}")
    if kind != "folder" and not last:
        return Step(path, kind, owner, group, mode, "", granted=False, note="is no folder")
    needs = "w" if last else "x"
    granted, note = _verdict(path, entry, account, needs)
    return Step(path, kind, owner, group, mode, needs, granted, note)


def _verdict(
    path: str, entry: os.stat_result, account: Account, needs: str
) -> tuple[bool | None, str]:
    if account.uid == 0:
        return True, "root passes everywhere"
    if _has_acl(path):
        return None, "an access control list decides"
    which = _class(entry, account)
    bits = entry.st_mode >> (6, 3, 0)[which] & 7
    has = "".join(letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
    return bool(bits & (2 if needs == "w" else 1)), f"{_CLASSES[which]} {has}"


def _class(entry: os.stat_result, account: Account) -> int:
    if entry.st_uid == account.uid:
        return 0
    return 1 if entry.st_gid in account.groups else 2


def _has_acl(path: str) -> bool:
    try:
        return bool(os.getxattr(path, "system.posix_acl_access", follow_symlinks=False))
    except OSError:
        return False


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFSOCK: "socket",
        stat.S_IFLNK: "link",
        stat.S_IFREG: "file",
    }
    return kinds.get(stat.S_IFMT(mode), "other")
