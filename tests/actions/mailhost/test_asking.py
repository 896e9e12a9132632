"""Whose fault it is that a connection did not come about."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest

from actions.host.endpoint import parse_endpoint
from actions.mailhost.asking import refusal
from actions.milter.transport import connect

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.EACCES, 0])
def test_what_this_program_lacks_says_nothing_of_the_service(number: int) -> None:
    assert refusal(OSError(number, "no")) == ""


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("missing", "there is no such socket"),
        ("file/below", "there is no such socket"),
        ("file", "nobody listens there"),
        ("left", "nobody listens there"),
        ("datagrams", "is a socket of another type"),
    ],
)
def test_what_a_real_connection_meets(tmp_path: Path, place: str, told: str) -> None:
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(str(tmp_path / "datagrams"))
        with pytest.raises(OSError) as met:  # noqa: PT011 - its number is what is looked at
            connect(parse_endpoint(f"unix:{tmp_path}/{place}"), 1.0)
    assert refusal(met.value) == told


def test_a_host_that_nobody_knows() -> None:
    with pytest.raises(OSError) as met:  # noqa: PT011
        connect(parse_endpoint("inet:no..host:25"), 1.0)
    assert refusal(met.value) == "has a host name that nobody knows"
