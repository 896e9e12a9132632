"""Whether somebody listens: real sockets, left over, missing, of another kind, or closed to us."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.finding import Health
from actions.host.listening import read_table
from actions.mailhost.service import Listener, Look
from actions.services.looks.listener import look_at_listener

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as name:
        yield Path(name)


def looked(spec: str) -> Look:
    return look_at_listener(Listener(spec, "milter"), read_table(), 1.0)


def test_one_that_listens_is_ok(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        assert looked(f"unix:{folder}/s").health is Health.OK
        (folder / "link").symlink_to(folder / "s")
        assert looked(f"unix:{folder}/link").health is Health.OK


def test_one_that_takes_datagrams_is_ok(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "log"))
        assert looked(f"unix:{folder}/log").health is Health.OK


def test_one_that_was_bound_by_a_relative_path_is_ok(folder: Path) -> None:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("private-auth")
            listener.listen()
            assert looked(f"unix:{folder}/private-auth").health is Health.OK
    finally:
        os.chdir(before)


def test_a_socket_that_is_left_over_is_told(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
    look = looked(f"unix:{folder}/s")
    assert look.health is Health.DOWN
    assert "left over" in look.detail


def test_a_bound_socket_that_does_not_listen_is_down(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        assert looked(f"unix:{folder}/s").health is Health.DOWN


def test_what_is_not_there_or_no_socket_is_told(folder: Path) -> None:
    (folder / "file").touch()
    (folder / "dangling").symlink_to(folder / "nowhere")
    for name, told in {
        "missing": "does not exist",
        "file": "is a regular file",
        "dangling": "is a link to what does not exist",
    }.items():
        look = looked(f"unix:{folder}/{name}")
        assert look.health is Health.DOWN
        assert told in look.detail
    assert looked(f"unix:{folder}").detail.endswith("is no socket")


@pytest.mark.parametrize(
    ("address", "family", "specs"),
    [
        ("127.0.0.1", socket.AF_INET, ("inet:127.0.0.1", "inet:localhost", "inet:0.0.0.0")),
        ("0.0.0.0", socket.AF_INET, ("inet:127.0.0.1", "inet:0.0.0.0")),
        ("::1", socket.AF_INET6, ("inet6:[::1]", "inet:[::1]", "inet:localhost")),
    ],
)
def test_a_port_on_which_somebody_listens_is_ok(
    address: str, family: socket.AddressFamily, specs: tuple[str, ...]
) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        listener.listen()
        port = listener.getsockname()[1]
        for spec in specs:
            assert looked(f"{spec}:{port}").health is Health.OK, spec
    closed = looked(f"{specs[0]}:{port}")
    assert closed.health is Health.DOWN
    assert "nobody listens on port" in closed.detail


def test_a_connection_alone_makes_nobody_listen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert ("127.0.0.1", port) not in read_table().ports


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_rights_it_is_unknown_unless_the_table_tells(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(closed / "s"))
        listener.listen()
        with_rights = (looked(f"unix:{closed}/s").health, looked(f"unix:{closed}/x").health)
        os.seteuid(65534)
        try:
            without = (looked(f"unix:{closed}/s").health, looked(f"unix:{closed}/x").health)
        finally:
            os.seteuid(0)
    assert with_rights == (Health.OK, Health.DOWN)
    assert without == (Health.OK, Health.UNKNOWN)


def test_what_names_no_socket_is_unknown() -> None:
    assert looked("inet:nowhere").health is Health.UNKNOWN
