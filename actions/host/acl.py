"""POSIX access control lists, read as the kernel reads them (acl(5), linux/posix_acl_xattr.h)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Literal

from actions.record import Record

if TYPE_CHECKING:
    from actions.host.ports import Account, Accounts

ATTRIBUTE = "system.posix_acl_access"

VERSION = 2
"""POSIX_ACL_XATTR_VERSION."""

NOBODY = 0xFFFFFFFF
"""ACL_UNDEFINED_ID: what stands for the number in entries that name nobody."""

_HEAD = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")

Tag = Literal["owner", "user", "group", "named group", "mask", "other"]

_TAGS: dict[int, Tag] = {
    0x01: "owner",
    0x02: "user",
    0x04: "group",
    0x08: "named group",
    0x10: "mask",
    0x20: "other",
}
"""ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_GROUP, ACL_MASK and ACL_OTHER."""


class Entry(Record):
    """One entry of an access control list."""

    tag: Tag
    bits: int
    """4 for r, 2 for w, 1 for x."""
    number: int
    """Of the user or group where the entry names one."""

    def written(self, accounts: Accounts) -> str:
        """Return it as getfacl(1) writes it: "user:postfix:rw-"."""
        kind = {"owner": "user", "named group": "group"}.get(self.tag, self.tag)
        name = ""
        if self.tag == "user":
            name = accounts.user_name(self.number)
        elif self.tag == "named group":
            name = accounts.group_name(self.number)
        return f"{kind}:{name}:{letters(self.bits)}"


class Deciding(Record):
    """What an access control list comes to for one user."""

    entry: Entry
    """The entry that decides."""
    bits: int
    """What it leaves, with the mask respected."""


def letters(bits: int) -> str:
    """Return *bits* as ls(1) writes them: "rw-"."""
    return "".join(letter if bits & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))


def read_acl(path: str) -> tuple[Entry, ...]:
    """Return the list of *path*, whose links are not followed; empty where it has none.

    One that has only the three entries of the mode is none: the kernel keeps no such list.
    """
    try:
        return entries(os.getxattr(path, ATTRIBUTE, follow_symlinks=False))
    except OSError:
        return ()


def entries(content: bytes) -> tuple[Entry, ...]:
    """Return the entries in an attribute's *content*; nothing of a version that is not known."""
    if len(content) < _HEAD.size or _HEAD.unpack_from(content)[0] != VERSION:
        return ()
    whole = content[: len(content) - (len(content) - _HEAD.size) % _ENTRY.size]
    told = (_ENTRY.unpack_from(whole, at) for at in range(_HEAD.size, len(whole), _ENTRY.size))
    return tuple(Entry(_TAGS[tag], bits, number) for tag, bits, number in told if tag in _TAGS)


def content(acl: tuple[Entry, ...]) -> bytes:
    """Return *acl* as an attribute's content, in the order that the kernel asks for."""
    tags = {tag: number for number, tag in _TAGS.items()}
    told = sorted((tags[one.tag], one.number, one.bits) for one in acl)
    return _HEAD.pack(VERSION) + b"".join(_ENTRY.pack(tag, bits, who) for tag, who, bits in told)


def deciding(
    acl: tuple[Entry, ...], owner: int, group: int, account: Account, wanted: int
) -> Deciding:
    """Return which entry of *acl* decides for *account*, and what it leaves him (acl(5)).

    Args:
        acl: with the three entries of the mode at least.
        owner: the number of the object's owner.
        group: and of its group.
        account: who asks; not root.
        wanted: the bits that are asked for: of several groups one that has them all decides.
    """
    by_tag = {entry.tag: entry for entry in acl}
    mask = by_tag["mask"].bits if "mask" in by_tag else 7
    if account.uid == owner:
        return Deciding(by_tag["owner"], by_tag["owner"].bits)
    for entry in acl:
        if entry.tag == "user" and entry.number == account.uid:
            return Deciding(entry, entry.bits & mask)
    own = [
        entry
        for entry in acl
        if (entry.tag == "group" and group in account.groups)
        or (entry.tag == "named group" and entry.number in account.groups)
    ]
    if own:
        entry = next((one for one in own if one.bits & wanted == wanted), own[0])
        return Deciding(entry, entry.bits & mask)
    return Deciding(by_tag["other"], by_tag["other"].bits)
