"""Labels and access control lists of what is edited or given away: they stay as they were.

SELinux is not on where the tests run; its label is an extended attribute all the same, and is
kept as one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.changes import FileEdit, Ownership
from tests.actions.sandbox import POSTFIX, needs_root
from tests.actions.sockets.scenes import GROUP, MASK, NO_ID, OTHER, OWNER, USER, give_acl

if TYPE_CHECKING:
    from tests.actions.sandbox import SandboxHost

pytestmark = needs_root

LABEL = b"system_u:object_r:milter_data_t:s0\0"
LISTED = (
    (OWNER, 6, NO_ID),
    (USER, 4, POSTFIX),
    (GROUP, 4, NO_ID),
    (MASK, 4, NO_ID),
    (OTHER, 0, NO_ID),
)


def labelled(path: Path) -> dict[str, bytes]:
    """Give *path* a label of SELinux's and a list; return all of its attributes."""
    try:
        os.setxattr(path, "security.selinux", LABEL)
    except OSError as error:
        pytest.skip(f"{path} can have no such label: {error.strerror}")
    give_acl(path, *LISTED)
    return attributes(path)


def attributes(path: Path) -> dict[str, bytes]:
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def test_an_edited_file_keeps_its_label_and_its_list(sandbox: SandboxHost) -> None:
    path = Path(sandbox.root, "etc/milter.conf")
    before = labelled(path)
    assert {"security.selinux", "system.posix_acl_access"} <= before.keys()
    edit = FileEdit.planned(sandbox, str(path), b"SOCKET_GROUP=postfix\n")
    edit.apply(sandbox, "t")
    assert path.read_bytes() == b"SOCKET_GROUP=postfix\n"
    assert attributes(path) == before
    edit.inverse().apply(sandbox, "t")
    assert attributes(path) == before


@pytest.mark.parametrize("name", ["run/milter.sock", "run"])
def test_what_is_given_to_a_group_keeps_its_label(sandbox: SandboxHost, name: str) -> None:
    path = Path(sandbox.root, name)
    before = labelled(path)
    owned = Ownership.planned(sandbox, str(path), group="postfix")
    owned.apply(sandbox, "t")
    assert path.stat().st_gid == POSTFIX
    assert attributes(path) == before
    owned.inverse().apply(sandbox, "t")
    assert attributes(path) == before
