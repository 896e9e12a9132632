"""The access control lists of one folder, read and set by its descriptor (acl(5))."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from actions.host.acl import ATTRIBUTE, NOBODY, Entry, content, entries
from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from actions.host.walk import Place

DEFAULT = "system.posix_acl_default"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NONE = frozenset({errno.ENODATA, errno.ENOTSUP})


class Access(Record):
    """Who may do what in a folder: its mode, its own list, and that of what is made in it."""

    mode: int
    """Permission bits; those of the group are the mask's where there is a list."""
    own: bytes = b""
    """As the kernel keeps it; empty for none."""
    default: bytes = b""
    """What is made in the folder gets it."""

    def passing(self, uid: int) -> Access:
        """Return the same, where user *uid* may pass and may connect to what is made in it.

        What the others may do stays; what is made there is as open to its group as it wants
        to be, and closed to others.

        Raises:
            HostError: a list that is there already has a mask that takes it away again.
        """
        own = _with_user(entries(self.own) or _of_mode(self.mode), uid, 1)
        default = _with_user(entries(self.default) or _NEW, uid, 6)
        mask = next(one.bits for one in own if one.tag == "mask")
        return Access(self.mode & ~0o070 | mask << 3, content(own), content(default))


_NEW = (Entry("owner", 7, NOBODY), Entry("group", 6, NOBODY), Entry("other", 0, NOBODY))
"""What is made in the folder: a socket is connected to by "w" alone."""


def access_at(place: Place) -> Access:
    """Return the lists of the folder at *place*; raises `OSError`."""
    held = os.open(place.name, _FOLDER, dir_fd=place.folder)
    try:
        return _access(held)
    finally:
        os.close(held)


def set_access_at(place: Place, expected: Access, wanted: Access) -> bool:
    """Set the lists of the folder at *place*, and say whether it had each from one of the two.

    Raises:
        OSError: it is no folder, or the host refused.
    """
    held = os.open(place.name, _FOLDER, dir_fd=place.folder)
    try:
        found = _access(held)
        if not between(found, expected, wanted):
            return False
        _set(held, ATTRIBUTE, found.own, wanted.own)
        _set(held, DEFAULT, found.default, wanted.default)
        os.fchmod(held, wanted.mode)
        return True
    finally:
        os.close(held)


def between(found: Access, one: Access, other: Access) -> bool:
    """Return whether a kill on the way from *one* to *other* can leave *found*."""
    # A list that is set sets the group's bits of the mode with it.
    modes = {one.mode, other.mode}
    pairs = ((found.own, one.own, other.own), (found.default, one.default, other.default))
    return found.mode in modes and all(has in either for has, *either in pairs)


def _access(held: int) -> Access:
    mode = stat.S_IMODE(os.fstat(held).st_mode)
    return Access(mode, _get(held, ATTRIBUTE), _get(held, DEFAULT))


def _get(held: int, name: str) -> bytes:
    try:
        return os.getxattr(held, name)
    except OSError as error:
        if error.errno in _NONE:
            return b""
        raise


def _set(held: int, name: str, before: bytes, after: bytes) -> None:
    if after:
        os.setxattr(held, name, after)
    elif before:
        os.removexattr(held, name)


def _of_mode(mode: int) -> tuple[Entry, ...]:
    return (
        Entry("owner", mode >> 6 & 7, NOBODY),
        Entry("group", mode >> 3 & 7, NOBODY),
        Entry("other", mode & 7, NOBODY),
    )


def _with_user(acl: tuple[Entry, ...], uid: int, bits: int) -> tuple[Entry, ...]:
    """Return *acl* with the entry of user *uid*, and a mask where it had none."""
    kept = [one for one in acl if (one.tag, one.number) != ("user", uid)]
    mask = next((one for one in kept if one.tag == "mask"), None)
    if mask is None:
        masked = [one.bits for one in kept if one.tag not in {"owner", "other"}]
        both = bits
        for one in masked:
            both |= one
        kept.append(Entry("mask", both, NOBODY))
    elif mask.bits & bits != bits:
        raise HostError("it has an access control list whose mask takes such entries away")
    return (*kept, Entry("user", bits, uid))
