"""What a program writes, kept in files that are bounded in size and in number."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.changes import recorded
from actions.changes.recorded import MORE, MOST_FILES, Recorded
from actions.changes.socket_owners import SocketOwners
from actions.host.errors import HostError
from tests.actions.sandbox import SandboxHost, needs_root

if TYPE_CHECKING:
    from pathlib import Path


def kept(tmp_path: Path, name: str = "milter-n1") -> Recorded:
    return Recorded(str(tmp_path / "state"), str(tmp_path / "state/debug"), name)


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    with kept(tmp_path) as file:
        file.write("one", 1.5)
    assert file.path == str(tmp_path / "state/debug/milter-n1.log")
    modes = [os.stat(path).st_mode & 0o777 for path in (file.path, os.path.dirname(file.path))]
    assert modes == [0o600, 0o700]


def test_it_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "MOST_BYTES", 200)
    with kept(tmp_path) as file:
        for _ in range(100):
            file.write("a line of twenty bytes", 1.5)
    with open(file.path, encoding="utf-8") as text:
        lines = text.read().splitlines()
    assert lines[-1].endswith(MORE)
    assert len(lines) < 10


def test_it_is_bounded_in_bytes_not_in_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MOST_BYTES", 2000)
    with kept(tmp_path) as file:
        for _ in range(100):
            file.write("é" * 100, 1.5)
    assert os.stat(file.path).st_size < 2000 + 300


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 3):
        with kept(tmp_path, f"milter-n{number}") as file:
            os.utime(file.path, (number, number))
    left = os.listdir(tmp_path / "state/debug")
    assert len(left) == MOST_FILES
    assert "milter-n0.log" not in left
    assert f"milter-n{MOST_FILES + 2}.log" in left


def test_a_name_leads_nowhere_else(tmp_path: Path) -> None:
    with kept(tmp_path, "../../evil/x") as file:
        assert os.path.dirname(file.path) == str(tmp_path / "state/debug")


def test_a_folder_that_others_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/debug").mkdir()
    (tmp_path / "state/debug").chmod(0o777)
    with pytest.raises(HostError, match="others may write it"):
        kept(tmp_path)


@needs_root
def test_a_socket_made_anew_gets_its_owner_and_mode_again(sandbox: SandboxHost) -> None:
    import socket

    path = f"{sandbox.root}/m.sock"
    first, second = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    with first, second:
        first.bind(path)
        os.chown(path, 12001, 12002)
        os.chmod(path, 0o660)
        owners = SocketOwners(sandbox, (f"unix:{path}", "inet:127.0.0.1:25", "nonsense"))
        os.unlink(path)
        owners.keep()
        second.bind(path)
        owners.keep()
        entry = os.stat(path)
        assert (entry.st_uid, entry.st_gid, entry.st_mode & 0o777) == (12001, 12002, 0o660)
        # What is no socket any more is let alone, wherever it leads.
        os.unlink(path)
        target = f"{sandbox.root}/secret"
        with open(target, "w", encoding="utf-8"):
            os.chmod(target, 0o600)
        os.symlink(target, path)
        owners.keep()
        assert os.stat(target).st_uid == 0
        os.unlink(path)
        os.link(target, path)
        owners.keep()
        assert (os.stat(target).st_uid, os.stat(target).st_mode & 0o777) == (0, 0o600)
