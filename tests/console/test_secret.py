"""A secret comes from a descriptor or a terminal, and is never on a command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Exit
from actions.registry import find
from console.options import arguments, command_line, options_of, parser
from console.secret import LONGEST, read_secret
from tests.actions.chain.send.server import Scripted
from tests.console.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def descriptor() -> Iterator[Callable[[bytes], int]]:
    """Makes descriptors out of which bytes can be read."""
    opened: list[int] = []

    def make(data: bytes) -> int:
        reading, writing = os.pipe()
        opened.append(reading)
        os.write(writing, data)
        os.close(writing)
        return reading

    yield make
    for number in opened:
        os.close(number)


@pytest.mark.parametrize(
    ("data", "secret"),
    [
        (b"word\n", "word"),
        (b"word", "word"),
        (b"word\r\nmore", "word"),
        (b" a word \n", " a word "),
        ("wörd".encode(), "wörd"),
    ],
)
def test_the_first_line_is_the_secret(
    descriptor: Callable[[bytes], int], data: bytes, secret: str
) -> None:
    assert read_secret("--password-fd", descriptor(data)) == secret


def test_what_follows_the_line_is_left(descriptor: Callable[[bytes], int]) -> None:
    number = descriptor(b"word\nSubject: x\n")
    read_secret("--password-fd", number)
    assert os.read(number, 100) == b"Subject: x\n"


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n", b"x" * (LONGEST + 1)])
def test_what_is_no_secret(descriptor: Callable[[bytes], int], data: bytes) -> None:
    with pytest.raises(ActionError, match="--password-fd") as refused:
        read_secret("--password-fd", descriptor(data))
    assert refused.value.exit_code is Exit.USAGE


@pytest.mark.parametrize("number", [-1, 999, 1 << 70])
def test_no_descriptor(number: int) -> None:
    with pytest.raises(ActionError, match="nothing can be read"):
        read_secret("--password-fd", number)


def test_the_command_line_takes_a_descriptor_and_gives_no_secret(
    descriptor: Callable[[bytes], int],
) -> None:
    action = find("chain.send")
    assert "--password-fd" in options_of(action)
    assert "--password" not in options_of(action)
    words = ["--recipient", "a@b", "--password-fd", str(descriptor(b"word"))]
    given = arguments(action, parser(action).parse_args(words))
    assert given["password"] == "word"
    assert command_line(action, given) == ["--recipient=a@b"]


def test_typed_at_a_terminal_it_is_not_shown() -> None:
    server = Scripted({"EHLO": "250-x\n250 AUTH PLAIN", "AUTH": "235 ok"})
    place = ("--server", f"127.0.0.1:{server.port}", "--tls", "none", "--follow", "0")
    terminal = Terminal("run", "chain.send", "--recipient", "a@b", "--user", "me", *place)
    try:
        terminal.sees("Password of me: ")
        terminal.press("word typed\n")
        assert terminal.wait() == 0
        assert b"word typed" not in terminal.written
        assert any(line.startswith(b"AUTH PLAIN ") for line in server.heard)
    finally:
        terminal.end()
        server.end()
