"""What ``postfix check`` says to the log only, looked at here without changing anything.

``postfix check`` makes missing folders and writes its warnings to syslog where it has no
terminal. These are the same looks as in Postfix's postfix-script (check-warn).
"""

from __future__ import annotations

import os
import stat
from functools import partial
from typing import TYPE_CHECKING

from actions.changes import FileEdit, Ownership
from actions.host.errors import NotPermitted
from actions.record import Record
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.postfix.files import reloaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.plan import Change

_COPIED = ("etc", "lib", "usr/lib")
"""What of the chroot is compared; what a program there needs is in these."""

_OF_MAIL_OWNER = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "public",
    "saved",
    "trace",
)
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST = 2000
"""Files of the configuration that are looked at."""


class Wanted(Record):
    """Who should own something, and who may write it."""

    path: str
    owner: str = ""
    group: str = ""
    closed: bool = True
    """Whether nobody else may write it."""
    mode: int = 0
    """Bits that it must have."""


def _differ(ctx: Context, name: str) -> Iterator[Found]:
    queue = ctx.host.postfix.setting("queue_directory").rstrip("/")
    if not any(service.chroot for service in ctx.host.postfix.services()):
        return
    for path in _files_in(queue):
        real = path.removeprefix(queue)
        if not os.path.isfile(ctx.host.at(real)):
            continue
        copy, original = _content(path), _content(ctx.host.at(real))
        result = Result(name, "as wanted", path, 0, "the same", f"as {real}")
        if copy == original:
            yield Found(result)
            continue
        result = result._replace(
            verdict="deviates",
            line=_first_difference(copy, original),
            found=f"another content than {real}",
            why="chrooted services read this copy: they look up names and services by what was "
            "right once",
            about=real,
        )
        yield Found(result, partial(_copied, path=path, content=original))


def _copied(ctx: Context, path: str, content: bytes) -> tuple[Change, ...]:
    edit = FileEdit.planned(ctx.host, ctx.host.files.resolve(path), content)
    return (edit, *reloaded(ctx))


def _files_in(queue: str) -> Iterator[str]:
    for folder in _COPIED:
        for here, _, names in os.walk(f"{queue}/{folder}", onerror=_unseen):
            for name in sorted(names):
                path = os.path.join(here, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


def _unseen(error: OSError) -> None:
    """Say of a folder that can't be read that it was not looked at; one may be missing."""
    if isinstance(error, PermissionError):
        raise NotPermitted(f"{error.filename}: {error.strerror}") from error


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _first_difference(one: bytes, other: bytes) -> int:
    if b"\0" in one:
        return 0
    lines = zip([*one.split(b"\n"), None], [*other.split(b"\n"), None], strict=False)
    return next((number for number, (mine, its) in enumerate(lines, 1) if mine != its), 0)


def _owned(ctx: Context, name: str) -> Iterator[Found]:
    if ctx.host.kind == "lab":
        # Without root the lab's users are all the one who runs it.
        return
    fine = 0
    for wanted in _wanted(ctx):
        found = _judged(ctx, name, wanted)
        if found:
            yield found
        else:
            fine += 1
    if fine:
        yield Found(Result(name, "as wanted", ctx.host.postfix.folder(), 0, f"{fine} looked at"))


def _wanted(ctx: Context) -> Iterator[Wanted]:
    """Yield what belongs to whom, as postfix-script has it."""
    get = ctx.host.postfix.setting
    queue, owner, group = get("queue_directory"), get("mail_owner"), get("setgid_group")
    yield Wanted(queue, "root")
    yield Wanted(f"{queue}/pid", "root")
    count = 0
    for here, folders, names in os.walk(ctx.host.postfix.folder(), onerror=_unseen):
        for path in (here, *(os.path.join(here, one) for one in names)):
            count += 1
            if count <= _MOST:
                yield Wanted(path, "root")
        folders.sort()
    data = get("data_directory")
    yield Wanted(data, owner)
    for folder in _OF_MAIL_OWNER:
        yield Wanted(f"{queue}/{folder}", owner, closed=False)
    yield Wanted(f"{queue}/maildrop", owner, group, closed=False)
    yield Wanted(f"{queue}/public", "", group, closed=False)
    for program in ("postqueue", "postdrop"):
        # rwxr-sr-x: they hand mail to Postfix with the rights of this group.
        yield Wanted(f"{get('command_directory')}/{program}", "", group, closed=False, mode=0o2111)


def _judged(ctx: Context, name: str, wanted: Wanted) -> Found | None:
    """Return what is wrong with the owner or mode of a path; nothing where it is not there."""
    try:
        entry = os.stat(wanted.path)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotPermitted(f"{wanted.path}: {error.strerror}") from error
    names = ctx.host.accounts
    owner, group = names.user_name(entry.st_uid), names.group_name(entry.st_gid)
    mode = stat.S_IMODE(entry.st_mode)
    right = mode & ~_OTHERS_MAY_WRITE if wanted.closed else mode
    if wanted.closed and stat.S_ISREG(entry.st_mode) and wanted.owner not in {"", owner}:
        # Who owned it could have made it run with the rights of whoever is to own it.
        right &= ~(stat.S_ISUID | stat.S_ISGID)
    right |= wanted.mode
    should = (wanted.owner or owner, wanted.group or group, right)
    if should == (owner, group, mode):
        return None
    result = Result(
        name,
        "deviates",
        wanted.path,
        0,
        f"{owner}:{group} {mode:04o}",
        f"{should[0]}:{should[1]} {should[2]:04o}",
        _why(wanted, owner, mode),
        severe=bool(wanted.mode) or (wanted.closed and bool(mode & stat.S_IWOTH)),
        about=wanted.path,
    )
    return Found(result, partial(_given, path=wanted.path, should=should))


def _why(wanted: Wanted, owner: str, mode: int) -> str:
    if wanted.mode:
        return "programs of this host can't hand mail to Postfix, or ask for its queue"
    if wanted.closed and mode & _OTHERS_MAY_WRITE:
        return "others may write it, and with it decide what Postfix runs with root's rights"
    if wanted.owner and owner != wanted.owner:
        return f"it belongs to {owner}: {wanted.owner} must own it for Postfix to work safely"
    return "Postfix's programs can't use it with the rights of its group"


def _given(ctx: Context, path: str, should: tuple[str, str, int]) -> tuple[Change, ...]:
    owner, group, mode = should
    real = ctx.host.files.resolve(path)
    return (Ownership.planned(ctx.host, real, owner=owner, group=group, mode=mode),)


CHECKS = (
    FoundCheck("postfix.chroot_files", "the chroot's files are those of the host", _differ),
    FoundCheck("postfix.ownership", "Postfix's files belong to whom they should", _owned),
)
