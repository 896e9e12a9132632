"""Connections with the rights of another user: what that user meets, and how the helper ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.host.endpoint import parse_endpoint
from actions.host.errors import NotPermitted
from actions.host.opener import Opener, connect
from actions.host.ports import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.endpoint import Endpoint

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
STRANGER = Account("stranger", 61100, 61100, (61100,))
MEMBER = Account("member", 61101, 61101, (61101, 61102))
GROUP = 61102


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can pass."""
    made = Path(tempfile.mkdtemp(prefix="opener-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def listener(folder: Path) -> Iterator[socket.socket]:
    """A unix socket with room for one waiting client, mode 660."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "sock"))
        made.listen(0)
        (folder / "sock").chmod(0o660)
        yield made


@pytest.fixture
def opener() -> Iterator[Opener]:
    made = Opener()
    yield made
    made.close()


def endpoint(folder: Path) -> Endpoint:
    return parse_endpoint(f"unix:{folder}/sock")


@AS_ROOT
def test_a_user_meets_what_its_groups_allow(
    opener: Opener, folder: Path, listener: socket.socket
) -> None:
    with pytest.raises(PermissionError, match="Permission denied"):
        opener.connect_as(STRANGER, endpoint(folder), 2.0)
    os.chown(folder / "sock", 0, GROUP)
    with opener.connect_as(MEMBER, endpoint(folder), 2.0) as link:
        peer, _ = listener.accept()
        with peer:
            link.sendall(b"hello")
            assert peer.recv(5) == b"hello"
            assert link.gettimeout() == 2.0
            wanted = socket.SO_PEERCRED
            credentials = peer.getsockopt(socket.SOL_SOCKET, wanted, 12)
    assert int.from_bytes(credentials[4:8], sys.byteorder) == MEMBER.uid


@AS_ROOT
def test_errors_are_the_users_own(opener: Opener, folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opener.connect_as(STRANGER, endpoint(folder), 2.0)
    (folder / "sock").write_text("")
    (folder / "sock").chmod(0o666)
    with pytest.raises(ConnectionRefusedError):
        opener.connect_as(STRANGER, endpoint(folder), 2.0)
    with pytest.raises(socket.gaierror):
        opener.connect_as(STRANGER, parse_endpoint("inet:no-such-host.invalid:25"), 5.0)
    folder.chmod(0o700)
    with pytest.raises(PermissionError):
        opener.connect_as(STRANGER, endpoint(folder), 2.0)


@AS_ROOT
def test_a_full_queue_is_waited_for_and_then_too_late(
    opener: Opener, folder: Path, listener: socket.socket
) -> None:
    (folder / "sock").chmod(0o666)
    with opener.connect_as(STRANGER, endpoint(folder), 2.0):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            opener.connect_as(STRANGER, endpoint(folder), 0.3)
        assert 0.25 < time.monotonic() - started < 1.5
        threading.Timer(0.2, _make_room, [listener]).start()
        opener.connect_as(STRANGER, endpoint(folder), 2.0).close()


@AS_ROOT
def test_a_chroot_is_where_the_path_begins(
    opener: Opener, folder: Path, listener: socket.socket
) -> None:
    (folder / "sock").chmod(0o666)
    with pytest.raises(FileNotFoundError):
        opener.connect_as(STRANGER, endpoint(folder), 2.0, chroot=str(folder))
    opener.connect_as(STRANGER, parse_endpoint("unix:/sock"), 2.0, chroot=str(folder)).close()


@AS_ROOT
def test_a_user_that_can_not_be_become_is_said_so(opener: Opener, folder: Path) -> None:
    impossible = Account("broken", -1, 61100, ())
    with pytest.raises(NotPermitted, match="may not become broken"):
        opener.connect_as(impossible, endpoint(folder), 2.0)


@AS_ROOT
def test_many_threads_ask_one_process(
    opener: Opener, folder: Path, listener: socket.socket
) -> None:
    (folder / "sock").chmod(0o666)
    listener.listen(64)
    failures: list[Exception] = []

    def ask() -> None:
        try:
            opener.connect_as(STRANGER, endpoint(folder), 5.0).close()
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert time.monotonic() - started < 2.0


@AS_ROOT
def test_a_slow_connection_holds_up_nobody(
    opener: Opener, folder: Path, listener: socket.socket
) -> None:
    (folder / "sock").chmod(0o666)
    with opener.connect_as(STRANGER, endpoint(folder), 2.0):
        slow = threading.Thread(target=_wait_in_vain, args=(opener, endpoint(folder)))
        slow.start()
        started = time.monotonic()
        with pytest.raises(FileNotFoundError):
            opener.connect_as(STRANGER, parse_endpoint(f"unix:{folder}/none"), 2.0)
        assert time.monotonic() - started < 0.5
        slow.join()


def _make_room(listener: socket.socket) -> None:
    listener.accept()[0].close()


def _wait_in_vain(opener: Opener, where: Endpoint) -> None:
    with pytest.raises(TimeoutError):
        opener.connect_as(STRANGER, where, 1.0)


@AS_ROOT
def test_a_killed_helper_is_started_again(opener: Opener, folder: Path) -> None:
    opener.start()
    assert opener._process
    killed = opener._process
    killed.kill()
    killed.wait()
    with pytest.raises(FileNotFoundError):
        opener.connect_as(STRANGER, endpoint(folder), 2.0)
    assert opener._process.pid != killed.pid


@AS_ROOT
def test_the_helper_ends_with_its_program() -> None:
    script = """
import sys, time
from actions.host.opener import Opener
opener = Opener()
opener.start()
print(opener._process.pid, flush=True)
time.sleep(60)
"""
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with program:
        assert program.stdout
        helper = int(program.stdout.readline())
        program.send_signal(signal.SIGKILL)
    until = time.monotonic() + 3
    while (stat := Path(f"/proc/{helper}/stat")).exists() and time.monotonic() < until:
        if stat.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.01)
    else:
        assert not stat.exists()


def test_oneself_is_connected_without_a_helper(
    opener: Opener, folder: Path, listener: socket.socket
) -> None:
    myself = Account("me", os.geteuid(), os.getegid(), (os.getegid(),))
    opener.connect_as(myself, endpoint(folder), 2.0).close()
    assert opener._process is None


def test_tcp_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect("inet", "localhost", port, 2.0).close()
    with pytest.raises(ConnectionRefusedError):
        connect("inet", "127.0.0.1", port, 2.0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may become anybody")
def test_without_root_nobody_else_can_be_become(opener: Opener, folder: Path) -> None:
    with pytest.raises(NotPermitted, match="only root"):
        opener.connect_as(STRANGER, endpoint(folder), 2.0)


def test_one_that_is_started_amid_the_closing_is_not_waited_for(opener: Opener) -> None:
    opener.start()
    channel, process = opener._channel, opener._process
    assert channel is not None
    assert process is not None
    close, wait = channel.close, process.wait
    late = threading.Thread(target=opener.start)

    class Closing:
        """The channel; a look that is still under way asks for another one as it is closed."""

        def close(self) -> None:
            close()
            wait()
            late.start()
            late.join(0.2)

    opener._channel = Closing()  # type: ignore[assignment]
    closing = threading.Thread(target=opener.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    late.join(10)
