"""Which links lead on, and which another user could have planted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.host.endpoint import same_socket
from actions.host.walk import is_ours, settled, standing

if TYPE_CHECKING:
    from pathlib import Path

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
STRANGER = 12345


def test_our_own_links_lead_on(tmp_path: Path) -> None:
    (tmp_path / "run/daemon").mkdir(parents=True)
    (tmp_path / "var").mkdir()
    (tmp_path / "var/run").symlink_to("../run")
    (tmp_path / "absolute").symlink_to(tmp_path / "var/run")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("var/run/daemon/x.sock", "absolute/daemon/../daemon/x.sock", "missing/x", "var"):
        path = str(tmp_path / name)
        assert settled(path) == os.path.realpath(path)
    assert same_socket(f"unix:{tmp_path}/var/run/x.sock", f"unix:{tmp_path}/run/x.sock")
    assert settled(str(tmp_path / "circle")) == str(tmp_path / "circle")


@AS_ROOT
def test_a_link_in_anothers_folder_stays(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    (own / "deep").mkdir()
    (own / "x.sock").symlink_to(other / "x.sock")
    (own / "folder").symlink_to(other)
    other.mkdir()
    (other / "back").symlink_to(own)
    os.chown(own, STRANGER, STRANGER)
    for name in ("x.sock", "folder/x.sock", "folder/back/deep"):
        assert settled(str(own / name)) == str(own / name)
    assert settled(str(other / "back/x.sock")) == str(own / "x.sock")
    assert not same_socket(f"unix:{own}/x.sock", f"unix:{other}/x.sock")


@AS_ROOT
def test_a_file_is_ours_where_no_other_can_write_or_exchange_it(tmp_path: Path) -> None:
    folder, file = tmp_path / "etc", tmp_path / "etc/x.conf"
    folder.mkdir()
    file.touch(mode=0o644)
    assert is_ours(str(file))
    file.chmod(0o664)
    assert is_ours(str(file)), "the group is root's"
    os.chown(file, 0, STRANGER)
    assert not is_ours(str(file))
    file.chmod(0o644)
    assert is_ours(str(file))
    os.chown(folder, STRANGER, -1)
    assert not is_ours(str(file))
    assert standing(str(folder))[1], "nobody else can move the folder itself"
