"""One operator at a time."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from actions.journal.lock import Busy, held, holder

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_held_and_let_go(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert holder(state) is None
    with held(state, "alice", "Mend"):
        found = holder(state)
        assert found is not None
        assert found[:3] == ("alice", "Mend", os.getpid())
        with pytest.raises(Busy, match=r"alice is at it since .* \(process \d+\): Mend"):
            held(state, "bob", "Other").__enter__()
    assert holder(state) is None
    with pytest.raises(ZeroDivisionError), held(state, "alice", "Mend"):
        raise ZeroDivisionError
    assert holder(state) is None
    with held(state, "bob", "Other"):
        pass


def test_it_ends_with_its_holder(tmp_path: Path) -> None:
    state = str(tmp_path)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with held(state, "alice", "Mend"):
            os.write(writing, b"x")
            signal.pause()
    os.read(reading, 1)
    os.close(reading)
    os.close(writing)
    assert holder(state) is not None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert holder(state) is None
    with held(state, "bob", "Other"):
        pass


def test_a_command_does_not_inherit_it(tmp_path: Path) -> None:
    from actions.host.commands import SystemCommands

    with held(str(tmp_path), "alice", "Mend"):
        told = SystemCommands().run(["ls", "-l", "/proc/self/fd"]).stdout
    assert "lock" not in told


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    from actions.host.errors import HostError

    (tmp_path / "other").touch()
    (tmp_path / "lock").symlink_to("other")
    with pytest.raises(HostError, match="symbolic link"), held(str(tmp_path), "a", "b"):
        pass


@pytest.mark.parametrize("fault", ["folder link", "folder mode", "fifo", "owner"])
def test_what_others_could_have_put_there_is_refused(tmp_path: Path, fault: str) -> None:
    from actions.host.errors import HostError

    state = tmp_path / "state"
    state.mkdir(0o700)
    lock = state / "lock"
    lock.write_bytes(b"kept")
    if fault == "folder link":
        state.rename(tmp_path / "elsewhere")
        state.symlink_to(tmp_path / "elsewhere")
    elif fault == "folder mode":
        state.chmod(0o777)
    elif fault == "fifo":
        lock.unlink()
        os.mkfifo(lock)
    else:
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(lock, 12001, 12001)
    with pytest.raises(HostError, match=r"look (who|at what)"), held(str(state), "a", "b"):
        pass
    assert holder(str(state)) is None
    assert fault == "fifo" or lock.read_bytes() == b"kept"


def test_those_who_only_look_are_not_in_the_way(tmp_path: Path) -> None:
    state = str(tmp_path)
    with held(state, "alice", "Mend"):
        pass
    with open(tmp_path / "lock", "rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        timer = threading.Timer(0.1, fcntl.flock, (looking.fileno(), fcntl.LOCK_UN))
        timer.start()
        with held(state, "bob", "Other"):
            assert holder(state) is not None
        timer.join()
