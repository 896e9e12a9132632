"""A path walked as a client walks it: which component lets it through, and which does not."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from actions.host.acl import deciding, letters, read_acl
from actions.host.errors import HostError
from actions.host.walk import standing
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.acl import Entry
    from actions.host.ports import Account, Accounts

LINK_LIMIT = 40
"""Links the kernel follows before it gives up (path_resolution(7))."""

MOST_STEPS = 400
"""Components that are looked at; links may stand for many thousands, and name the same again."""

LABEL = "security.selinux"
"""The attribute in which SELinux keeps its label (xattr(7))."""

_CLASSES = ("owner", "group", "others")
_HAVE = {"owner": "owner has", "group": "group has", "others": "others have"}


class Step(Record):
    """One component of a path, as seen by one user."""

    path: str
    """Where it is, seen from outside any chroot."""
    kind: str
    """"folder", "socket", "link", "file", "missing" or "other"."""
    owner: str
    group: str
    mode: int
    needs: str
    """"x" to pass a folder, "w" to connect to a socket."""
    granted: bool | None
    """None where it can't be seen."""
    note: str = ""
    """Which bits the user has, or where a link leads."""
    decided_by: str = ""
    """What decides: "owner", "group" or "others" of the mode; of an access control list the entry,
    such as "user:postfix", or "mask" where that takes away what the entry gives; "root"."""
    membership: str = ""
    """The group by which the user is let through, where it is not its own first one."""
    acl: tuple[str, ...] = ()
    """The access control list, where it has one, as getfacl(1) writes it."""
    label: str = ""
    """SELinux's label, where it has one."""


def walk(accounts: Accounts, path: str, account: Account, root: str = "/") -> tuple[Step, ...]:
    """Return every component from *root* to *path*, links included, up to what is missing.

    Args:
        accounts: name the owners and groups.
        path: absolute; with *root* before it, where it is seen from outside.
        account: who walks.
        root: the folder that it is confined to: what it links to lies below that too.
    """
    root = root.rstrip("/") or "/"
    steps: list[Step] = []
    inside = path[len(root) :] if root != "/" and path.startswith(f"{root}/") else path
    rest = [part for part in inside.split("/") if part and part != "."]
    here = root
    steps.append(_step(accounts, here, account, last=not rest))
    links = 0
    while rest and len(steps) < MOST_STEPS:
        part = rest.pop(0)
        if part == "..":
            here = os.path.dirname(here) if here != root else root
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
        rest = [piece for piece in target.split("/") if piece and piece != "."] + rest
        here = root if target.startswith("/") else here
    return tuple(steps)


def failing(steps: tuple[Step, ...]) -> Step | None:
    """Return the first component that does not let the user through."""
    return next((step for step in steps if step.granted is False), None)


def planted(steps: tuple[Step, ...]) -> Step | None:
    """Return the first link among *steps* that a user other than root or ours could have put there.

    What lies behind it is what its owner chose, and may be anybody's. None also where this user
    can't see whose it is.
    """
    return next((one for one in steps if one.kind == "link" and _is_planted(one.path)), None)


def _is_planted(path: str) -> bool:
    try:
        entry, fixed = standing(path)
    except HostError:
        return True
    except OSError:
        return False
    return not fixed or entry.st_uid not in {0, os.geteuid()}


def _step(accounts: Accounts, path: str, account: Account, *, last: bool) -> Step:
    try:
        entry = os.lstat(path)
        target = os.readlink(path) if stat.S_ISLNK(entry.st_mode) else ""
    except (FileNotFoundError, NotADirectoryError):
        return Step(path, "missing", "", "", 0, "", granted=False, note="does not exist")
    except PermissionError:
        return Step(path, "other", "", "", 0, "", granted=None, note="can't be seen from here")
    except OSError as error:
        return Step(path, "other", "", "", 0, "", granted=None, note=error.strerror or str(error))
    kind = _kind(entry.st_mode)
    owner, group = accounts.user_name(entry.st_uid), accounts.group_name(entry.st_gid)
    mode = stat.S_IMODE(entry.st_mode)
    seen = Step(path, kind, owner, group, mode, "", granted=True, label=_label(path))
    if kind == "link":
        return seen._replace(note=f"→ {target}")
    if kind != "folder" and not last:
        return seen._replace(granted=False, note="is no folder")
    return _judged(accounts, seen._replace(needs="w" if last else "x"), entry, account)


def _judged(accounts: Accounts, step: Step, entry: os.stat_result, account: Account) -> Step:
    """Return *step* with whether *account* is let through, and what decides that."""
    if account.uid == 0:
        return step._replace(note="root passes everywhere", decided_by="root")
    wanted = 2 if step.needs == "w" else 1
    if acl := read_acl(step.path):
        return _by_list(accounts, step, entry, account, acl)
    which = _CLASSES[_class(entry, account)]
    bits = entry.st_mode >> {"owner": 6, "group": 3, "others": 0}[which] & 7
    granted = bool(bits & wanted)
    through = granted and which == "group" and entry.st_gid != account.gid
    return step._replace(
        granted=granted,
        note=f"{_HAVE[which]} {letters(bits)}",
        decided_by=which,
        membership=step.group if through else "",
    )


def _by_list(
    accounts: Accounts,
    step: Step,
    entry: os.stat_result,
    account: Account,
    acl: tuple[Entry, ...],
) -> Step:
    wanted = 2 if step.needs == "w" else 1
    told = deciding(acl, entry.st_uid, entry.st_gid, account, wanted)
    granted = bool(told.bits & wanted)
    written = told.entry.written(accounts)
    by = _by_entry(written, told.entry.tag)
    note = f"the ACL's {written} decides"
    if told.bits != told.entry.bits:
        note += f", its mask leaves {letters(told.bits)}"
        by = by if granted or not told.entry.bits & wanted else "mask"
    of_group = {"group": entry.st_gid, "named group": told.entry.number}.get(told.entry.tag)
    through = granted and of_group is not None and of_group != account.gid
    return step._replace(
        granted=granted,
        note=note,
        decided_by=by,
        membership=accounts.group_name(of_group) if through and of_group is not None else "",
        acl=tuple(one.written(accounts) for one in acl),
    )


def _by_entry(written: str, tag: str) -> str:
    """Return what decides: a class of the mode, or the user or group that an entry names."""
    classes = {"owner": "owner", "group": "group", "other": "others"}
    return classes.get(tag) or written.rpartition(":")[0]


def _class(entry: os.stat_result, account: Account) -> int:
    if entry.st_uid == account.uid:
        return 0
    return 1 if entry.st_gid in account.groups else 2


def _label(path: str) -> str:
    try:
        label = os.getxattr(path, LABEL, follow_symlinks=False)
    except OSError:
        return ""
    return label.rstrip(b"\0").decode("ascii", "backslashreplace")


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFSOCK: "socket",
        stat.S_IFLNK: "link",
        stat.S_IFREG: "file",
    }
    return kinds.get(stat.S_IFMT(mode), "other")
