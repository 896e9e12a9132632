"""Reaching a folder by descriptor, so that nobody else chose where the path leads.

The rule, for every component of a path but the last:

- A real folder is opened by its parent's descriptor and is never exchanged for a link.
- A symbolic link is followed only where nobody but root or the user of this process could
  have put it there: it belongs to one of them, and so do all folders on the way to it, none
  of which is writable by group or others (or it is sticky, as /tmp is). So /var/run -> /run
  is followed; a link inside a service's own folder is refused.

The last component is never followed: the caller gets the folder and the name in it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actions.host.errors import HostError, NotPermitted
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

LINK_LIMIT = 40
"""As many links as the kernel follows in one path."""

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_HINTS = {
    errno.EACCES: "run as root or with sudo",
    errno.EPERM: "run as root or with sudo; as root, look for an immutable flag with lsattr",
    errno.EROFS: "the file system is mounted read-only; remount it first",
    errno.ENOSPC: "the file system is full; make room first",
    errno.EDQUOT: "the quota is used up; make room first",
    errno.ELOOP: "it is a symbolic link; name the file that it leads to",
}


class Place(Record):
    """One name in one open folder."""

    folder: int
    """A descriptor of the folder, opened with O_PATH."""
    name: str
    path: str
    """Its path without any links."""
    ours: bool
    """Whether only root and this user can put things into the folder or exchange it."""


class Planted(HostError):
    """A link that another user could have put there, so it is not followed."""


def refusal(path: str, doing: str, error: OSError) -> HostError:
    """Return *error*, met while *doing* something to *path*, in the operator's words."""
    hint = _HINTS.get(error.errno or 0, "")
    text = f"{path}: cannot {doing}: {error.strerror or error}" + (f"; {hint}" if hint else "")
    denied = error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}
    return NotPermitted(text) if denied else HostError(text)


@contextmanager
def place_of(path: str) -> Iterator[Place]:
    """Open the folder of *path* and close it at the end.

    Raises:
        Planted: a link on the way could have been put there by another user.
        HostError: *path* is not absolute or names no entry of a folder.
        OSError: a folder on the way is missing, is none, or may not be searched.
    """
    head, name = os.path.split(path.rstrip("/"))
    if not path.startswith("/") or name in {"", ".", ".."} or "\0" in path:
        raise HostError(f"{path!r}: not the absolute path of a file; write it out in full")
    walk = _Walk()
    try:
        walk.go(head)
        real = "/" + "/".join([*walk.names, name])
        yield Place(walk.folder, name, real, walk.ours)
    finally:
        os.close(walk.folder)


def only_ours(place: Place, entry: os.stat_result) -> bool:
    """Return whether only root and this user can exchange *entry* at *place* for another."""
    return place.ours and _fixed(os.fstat(place.folder), entry)


def follow(place: Place, entry: os.stat_result) -> str:
    """Return the path that the link *entry* at *place* leads to.

    Raises:
        Planted: another user could have put the link there.
    """
    if not only_ours(place, entry) or entry.st_uid not in _us():
        raise _planted(place.path, os.fstat(place.folder), entry)
    target = os.readlink(place.name, dir_fd=place.folder)
    return os.path.join(os.path.dirname(place.path), target)


def standing(path: str) -> tuple[os.stat_result, bool]:
    """Return what stands at *path*, a link itself, and whether only root and this user can move it.

    Raises:
        HostError, OSError: as `place_of`; `FileNotFoundError` where nothing stands there.
    """
    with place_of(path) as place:
        entry = os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
        return entry, only_ours(place, entry)


def is_ours(path: str) -> bool:
    """Return whether only root and this user decide what the file *path* says.

    Raises:
        HostError, OSError: as `standing`.
    """
    entry, fixed = standing(path)
    others = stat.S_IWOTH | (stat.S_IWGRP if entry.st_gid else 0)
    return fixed and entry.st_uid in _us() and not entry.st_mode & others


def settled(path: str) -> str:
    """Return *path* without the links that only root or this user could have put there.

    A link that another could have planted stays as it is, and so does what is missing: no user
    of a service makes one place of two.
    """
    done: list[str] = []
    rest = _parts(path)
    ours, links = True, 0
    while rest:
        name = rest.pop()
        if name == "..":
            done = done[:-1]
            continue
        folder = "/" + "/".join(done)
        try:
            here, entry = os.stat(folder), os.lstat(os.path.join(folder, name))
            target = os.readlink(os.path.join(folder, name)) if stat.S_ISLNK(entry.st_mode) else ""
        except OSError:
            ours = False
            done.append(name)
            continue
        ours = ours and _fixed(here, entry)
        if not target:
            done.append(name)
        elif ours and entry.st_uid in _us() and links < LINK_LIMIT:
            links += 1
            done = [] if target.startswith("/") else done
            rest += _parts(target)
        else:
            ours = False
            done.append(name)
    return "/" + "/".join(done)


class _Walk:
    """The way from the root to a folder, one descriptor at a time."""

    def __init__(self) -> None:
        self.folder = os.open("/", _FOLDER)
        self.names: list[str] = []
        self.ours = True
        self._links = 0

    def go(self, path: str) -> None:
        rest = _parts(path)
        while rest:
            name = rest.pop()
            entry = os.stat(name, dir_fd=self.folder, follow_symlinks=False)
            if stat.S_ISLNK(entry.st_mode):
                rest += self._follow(name, entry)
            else:
                self._enter(name, entry)

    def _enter(self, name: str, entry: os.stat_result) -> None:
        self.ours = self.ours and _fixed(os.fstat(self.folder), entry)
        self._stand_in(os.open(name, _FOLDER, dir_fd=self.folder))
        self.names = self.names[:-1] if name == ".." else [*self.names, name]

    def _follow(self, name: str, entry: os.stat_result) -> list[str]:
        self._links += 1
        if self._links > LINK_LIMIT:
            raise OSError(errno.ELOOP, "Too many levels of symbolic links")
        here = os.fstat(self.folder)
        if not (self.ours and _fixed(here, entry) and entry.st_uid in _us()):
            raise _planted("/" + "/".join([*self.names, name]), here, entry)
        target = os.readlink(name, dir_fd=self.folder)
        if target.startswith("/"):
            self._stand_in(os.open("/", _FOLDER))
            self.names, self.ours = [], True
        return _parts(target)

    def _stand_in(self, folder: int) -> None:
        os.close(self.folder)
        self.folder = folder


def _parts(path: str) -> list[str]:
    """Return the components of *path*, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]


def _us() -> tuple[int, int]:
    return (0, os.geteuid())


def _fixed(folder: os.stat_result, entry: os.stat_result) -> bool:
    """Return whether nobody but us can exchange *entry* of *folder* for another."""
    if folder.st_uid not in _us():
        return False
    if not folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return True
    # Where the kernel does not protect hard links, anyone can put a second name of our
    # file into a sticky folder.
    single = stat.S_ISDIR(entry.st_mode) or entry.st_nlink == 1
    return bool(folder.st_mode & stat.S_ISVTX) and entry.st_uid in _us() and single


def _planted(path: str, folder: os.stat_result, entry: os.stat_result) -> Planted:
    return Planted(
        f"{path}: a symbolic link that a user other than root could have put there (it is "
        f"uid {entry.st_uid}'s, in a folder of uid {folder.st_uid} with mode "
        f"{stat.S_IMODE(folder.st_mode):04o}), so it is not followed; name the real path, "
        "or remove the link"
    )
