"""One entry of an open folder: what it is, and a regular file as a whole, read and written."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.walk import Place

READ_LIMIT = 4 * 1024 * 1024
"""Bytes; no configuration file is as large."""

FileKind = Literal["absent", "file", "folder", "link", "socket", "fifo", "device"]

_KINDS: dict[int, FileKind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "fifo",
}

_NOT_KEPT = ("trusted.", "security.ima", "security.evm")
"""Labels of the kernel's own: measured over the contents, or private to a file system."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileState(Record):
    """What stands at a path, seen without following a link."""

    kind: FileKind
    mode: int = 0
    """Permission bits, with set-id and sticky bits."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    names: int = 0
    """How many names (hard links) it has."""
    link_target: str = ""


class Kept(Record):
    """All of a regular file that is worth keeping."""

    content: bytes
    mode: int
    uid: int
    gid: int
    labels: tuple[tuple[str, bytes], ...] = ()
    """Extended attributes, by name: the ACL, the security label, the user's own."""


def look(place: Place) -> os.stat_result | None:
    """Return what stands at *place*, a link itself, or None."""
    try:
        return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def state_at(place: Place) -> FileState:
    """Return the state of what stands at *place*."""
    entry = look(place)
    if entry is None:
        return FileState("absent")
    state = state_of(entry)
    if state.kind != "link":
        return state
    return state._replace(link_target=os.readlink(place.name, dir_fd=place.folder))


def state_of(entry: os.stat_result) -> FileState:
    """Return the state that *entry* tells; where a link leads is not told."""
    kind = _KINDS.get(stat.S_IFMT(entry.st_mode), "device")
    mode = stat.S_IMODE(entry.st_mode)
    return FileState(kind, mode, entry.st_uid, entry.st_gid, entry.st_size, entry.st_nlink)


def keep_at(place: Place, limit: int) -> Kept:
    """Return all of the regular file at *place*.

    Raises:
        HostError: it is not a regular file, or has more than *limit* bytes.
        OSError: it is missing or may not be read.
    """
    _require_file(place)
    held = os.open(place.name, _READ, dir_fd=place.folder)
    try:
        entry = os.fstat(held)
        if entry.st_size > limit:
            raise HostError(f"{place.path}: {entry.st_size} bytes, and at most {limit} are read")
        return Kept(
            _content(held, place.path, limit),
            stat.S_IMODE(entry.st_mode),
            entry.st_uid,
            entry.st_gid,
            _labels(held),
        )
    finally:
        os.close(held)


def _require_file(place: Place) -> None:
    """Refuse what is no regular file, before an open that might wait for it."""
    state = state_at(place)
    if state.kind == "absent":
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if state.kind == "link":
        raise HostError(
            f"{place.path}: a symbolic link to {state.link_target}, which is not followed; "
            "name the file itself"
        )
    if state.kind != "file":
        raise HostError(f"{place.path}: a {state.kind}, not a regular file")


def _content(held: int, path: str, limit: int) -> bytes:
    """Read to the end; files of /proc and growing ones don't tell their size beforehand."""
    chunks: list[bytes] = []
    size = 0
    while chunk := os.read(held, 1 << 20):
        size += len(chunk)
        if size > limit:
            raise HostError(f"{path}: more than {limit} bytes, which is all that is read")
        chunks.append(chunk)
    return b"".join(chunks)


def _labels(held: int) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(os.listxattr(held))
    except OSError:
        # This file system has none.
        return ()
    return tuple(
        (name, os.getxattr(held, name)) for name in names if not name.startswith(_NOT_KEPT)
    )


def same(one: Kept | None, other: Kept | None) -> bool:
    """Return whether two files are equal to an operator.

    Security labels are left out: the system itself renews them (restorecon).
    """
    if one is None or other is None:
        return one is other
    return one._replace(labels=_own_labels(one)) == other._replace(labels=_own_labels(other))


def _own_labels(kept: Kept) -> tuple[tuple[str, bytes], ...]:
    return tuple(label for label in kept.labels if not label[0].startswith("security."))


@contextmanager
def write_new(folder: int, name: str, kept: Kept) -> Iterator[int]:
    """Make the file *name* in *folder* be *kept*, on the disk, and hold it open meanwhile.

    Raises:
        OSError: the host refused, or something stands there.
    """
    held = os.open(name, _CREATE, 0o600, dir_fd=folder)
    try:
        view = memoryview(kept.content)
        while view:
            view = view[os.write(held, view) :]
        _dress(held, kept)
        os.fsync(held)
        yield held
    finally:
        os.close(held)


def _dress(held: int, kept: Kept) -> None:
    """Give an open file its owner, labels and mode; each of them may reset the next."""
    entry = os.fstat(held)
    if (entry.st_uid, entry.st_gid) != (kept.uid, kept.gid):
        os.fchown(held, kept.uid, kept.gid)
    present, wanted = dict(_labels(held)), dict(kept.labels)
    for name in present.keys() - wanted.keys():
        # A default ACL of the folder; a security label can't be taken off.
        if not name.startswith("security."):
            os.removexattr(held, name)
    for name, value in wanted.items():
        if present.get(name) != value:
            os.setxattr(held, name, value)
    os.fchmod(held, kept.mode)
