"""Access control lists: read as the kernel keeps them, decided as the kernel decides."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from actions.host.accounts import SystemAccounts
from actions.host.acl import ATTRIBUTE, Entry, deciding, entries, read_acl
from actions.host.ports import Account
from tests.programs import give_up

NO_ID = 0xFFFFFFFF
ONE = Account("one", 61001, 61001, (61001, 61009))

OWNER = Entry("owner", 6, NO_ID)
OTHER = Entry("other", 0, NO_ID)


def group(bits: int) -> Entry:
    return Entry("group", bits, NO_ID)


def mask(bits: int) -> Entry:
    return Entry("mask", bits, NO_ID)


def user(number: int, bits: int) -> Entry:
    return Entry("user", bits, number)


def named_group(number: int, bits: int) -> Entry:
    return Entry("named group", bits, number)


def packed(*listed: Entry) -> bytes:
    tags = {"owner": 1, "user": 2, "group": 4, "named group": 8, "mask": 16, "other": 32}
    told = (struct.pack("<HHI", tags[one.tag], one.bits, one.number) for one in listed)
    return struct.pack("<I", 2) + b"".join(told)


LISTS = (
    (OWNER, user(61001, 6), group(0), mask(6), OTHER),
    (OWNER, user(61001, 6), group(0), mask(4), OTHER),
    (OWNER, user(61001, 0), group(6), mask(6), Entry("other", 6, NO_ID)),
    (OWNER, user(61002, 6), group(0), mask(6), OTHER),
    (OWNER, user(61002, 0), group(0), mask(0), Entry("other", 6, NO_ID)),
    (OWNER, group(4), named_group(61009, 6), mask(6), OTHER),
    (OWNER, group(4), named_group(61009, 6), mask(4), OTHER),
    (OWNER, group(6), named_group(61009, 0), mask(6), OTHER),
    (OWNER, group(0), named_group(61009, 0), mask(6), Entry("other", 6, NO_ID)),
)


@pytest.mark.parametrize("gid", [0, 61001, 61009])
@pytest.mark.parametrize("uid", [0, 61001])
@pytest.mark.parametrize("listed", LISTS, ids=range(len(LISTS)))
def test_it_decides_as_the_kernel_does(listed: tuple[Entry, ...], uid: int, gid: int) -> None:
    """A real socket with the list, and a real process of the user that connects."""
    if os.geteuid() != 0:
        give_up("only root can connect as another user")
    root = Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp") / f"acl-{os.getpid()}"
    root.mkdir(mode=0o755)
    path = root / "one.sock"
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            os.chown(path, uid, gid)
            os.setxattr(path, ATTRIBUTE, packed(*listed))
            assert read_acl(str(path)) == listed
            told = deciding(listed, uid, gid, ONE, 2)
            script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
            ended = subprocess.run(
                ["/usr/bin/python3", "-c", script, str(path)],
                check=False,
                capture_output=True,
                user=ONE.uid,
                group=ONE.gid,
                extra_groups=ONE.groups,
                timeout=30,
            )
            assert bool(told.bits & 2) is (ended.returncode == 0), (told, ended.stderr)
    finally:
        shutil.rmtree(root)


def test_entries_are_written_as_getfacl_does() -> None:
    accounts = SystemAccounts()
    listed = (OWNER, user(0, 6), group(5), named_group(61009, 4), mask(7), OTHER)
    assert [one.written(accounts) for one in listed] == [
        "user::rw-",
        "user:root:rw-",
        "group::r-x",
        "group:61009:r--",
        "mask::rwx",
        "other::---",
    ]


@pytest.mark.parametrize("content", [b"", b"\2\0\0", struct.pack("<I", 3) + b"\0" * 8])
def test_what_is_no_list_is_none(content: bytes) -> None:
    assert entries(content) == ()


def test_what_is_cut_off_or_of_a_later_kind_is_left_out() -> None:
    later = struct.pack("<HHI", 0x40, 7, 0)
    assert entries(packed(OWNER) + later + b"\1\0") == (OWNER,)


def test_a_file_without_a_list(tmp_path: Path) -> None:
    assert read_acl(str(tmp_path)) == ()
    assert read_acl(str(tmp_path / "missing")) == ()
