"""Text from outside is data: nothing of it is obeyed by the terminal, or read as markup."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.printable import printable
from console.lab.lab import running_lab
from tests.widgets.driving import Driven, console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab
    from tests.milters.peer import Peers, Wire

TITLE = b"\x1b]0;owned\x07"
CLEAR = b"\x1b[2J\x9b31m"
MARKUP = b"[/x][session][end][red]"
NAME = "[session][end]\x1b]0;name\x07"


def malicious(wire: Wire) -> None:
    """Answer as a milter would that wants the operator's terminal."""
    wire.negotiate()
    edits = (
        (b"h", b"X-Evil\0" + TITLE + MARKUP + b"\0"),
        (b"i", struct.pack(">I", 1) + b"[/x]\0" + CLEAR + b"\0"),
        (b"+", b"<" + CLEAR + b"@example.org>\0"),
        (b"b", TITLE + MARKUP + b"\r\n"),
    )
    reply = (b"y", b"550 5.7.1 " + CLEAR + TITLE + MARKUP + b"\0")
    wire.serve({b"E": (*edits, reply)})


@pytest.fixture
def renamed() -> Iterator[Lab]:
    """A lab whose Postfix has a milter with a hostile name."""
    with running_lab() as running:
        main = Path(running.host.at("/etc/postfix/main.cf"))
        text = main.read_text()
        main.write_text(text + f"\nsmtpd_milters = unix:/nowhere/{NAME}\n")
        yield running


def assert_harmless(screen: Driven) -> None:
    for strip in screen.app.screen._compositor.render_strips():
        for segment in strip:
            assert segment.text.isprintable(), repr(segment.text)


async def test_what_a_milter_says_is_shown_and_never_obeyed(peers: Peers, lab: Lab) -> None:
    peer = peers.start(malicious)
    async with console(lab.host, (120, 40)) as screen:
        await screen.ask_milter(peer.spec)
        await screen.press("r")
        await screen.sees(
            "Rejected by", "550 5.7.1 \\x1b[2J\\x9b31m\\x1b]0;owned\\x07[/x][session]"
        )
        await screen.sees("+ X-Evil: \\x1b]0;owned\\x07[/x][session][end][red]")
        assert_harmless(screen)
        for key in ("enter", "d", "n", "t", "y"):
            await screen.press(key)
            await screen.settled()
            assert_harmless(screen)
            await screen.press("escape")
        await screen.press("d")
        await screen.sees("[/x]: \\x1b[2J\\x9b31m", "RCPT TO:<\\x1b[2J\\x9b31m@example.org>")


async def test_the_name_of_a_milter_is_data(renamed: Lab) -> None:
    async with console(renamed.host, (120, 40)) as screen:
        shown = "[session][end]\\x1b]0;name\\x07"
        await screen.sees(shown)
        await screen.press("r")
        await screen.sees("Not decided", f"{shown}  ? No such file or directory")
        assert_harmless(screen)
        await screen.press("m")
        await screen.settled()
        assert_harmless(screen)
        assert shown in screen.text
        await screen.press("escape", "enter")
        await screen.settled()
        assert_harmless(screen)


@pytest.mark.parametrize("text", ["[/x]", "[session][end]", "\x1b]0;owned\x07", "a\nb\x9b31m"])
async def test_a_toast_shows_text_as_it_is(lab: Lab, text: str) -> None:
    async with console(lab.host) as screen:
        screen.app.notify(text, title=text, severity="warning")
        screen.app.screen.notify(text)
        await screen.sees(printable(text))
        assert_harmless(screen)


async def test_a_peer_that_is_no_milter_is_told_harmlessly(peers: Peers, lab: Lab) -> None:
    peer = peers.start(lambda wire: wire.raw(b"HTTP/1.1 400 [/x]\x1b[2J\r\n\r\n"))
    async with console(lab.host, (120, 40)) as screen:
        await screen.ask_milter(peer.spec)
        await screen.press("r")
        await screen.sees("Not decided", "no milter", "[/x]")
        assert_harmless(screen)


async def test_a_flood_of_edits_is_shown_in_part(peers: Peers, lab: Lab) -> None:
    def flood(wire: Wire) -> None:
        wire.negotiate()
        edits = tuple((b"h", b"X-%d\0%s\0" % (n, b"v" * 500)) for n in range(5000))
        wire.serve({b"E": (*edits, (b"a", b""))})

    peer = peers.start(flood)
    async with console(lab.host, (120, 40)) as screen:
        await screen.ask_milter(peer.spec)
        await screen.press("r")
        await screen.sees("would be delivered", "+ X-1:")
        await screen.press("d")
        await screen.sees("+ X-0:")
