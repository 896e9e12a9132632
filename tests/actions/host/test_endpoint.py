"""Specifications of sockets compared, whatever their notations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.host.endpoint import asked_at, same_socket

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("inet:localhost:8891", "inet:127.0.0.1:8891", True),
        ("inet:8891@localhost", "inet:8891", True),
        ("inet6:8891@[::1]", "inet:127.0.0.1:8891", True),
        ("inet:0.0.0.0:8891", "inet:127.0.0.1:8891", True),
        ("inet:127.0.0.1:8891", "inet:127.0.0.1:8892", False),
        ("inet:192.0.2.1:8891", "inet:127.0.0.1:8891", False),
        ("local:/run/x", "unix:/run/x", True),
        ("/var/run/x", "unix:/run/x", True),
        ("unix:/run/x", "inet:127.0.0.1:1", False),
        ("no socket", "no socket", True),
        ("no socket", "unix:/run/x", False),
    ],
)
def test_one_socket_in_two_notations(one: str, other: str, *, same: bool) -> None:
    assert same_socket(one, other) is same
    assert same_socket(other, one) is same


def test_a_socket_and_a_link_to_it_are_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "x.sock")
    assert same_socket(f"unix:{tmp_path}/link", f"unix:{tmp_path}/x.sock")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("", "127.0.0.1"),
        ("*", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::", "[::1]"),
        ("[::]", "[::1]"),
        ("2001:db8::9", "[2001:db8::9]"),
        ("192.0.2.9", "192.0.2.9"),
    ],
)
def test_everywhere_is_asked_on_loopback(address: str, host: str) -> None:
    assert asked_at(address) == host
