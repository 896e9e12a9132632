"""What a terminal shows while an action runs, and what is left of it when the report comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from actions.action import Standing
from actions.chain.load.report import LoadProgress
from actions.chain.send.report import Step, StoryLine
from console.lab.lab import running_lab
from tests.console.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

WRITTEN_OVER = b"\r\x1b[K"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as made:
        yield made


def on_terminal(lab: Lab, *words: str) -> tuple[int, list[bytes], str]:
    """Return the exit code, what stood for a moment, and what stayed."""
    terminal = Terminal("run", *words, "--lab", lab.root)
    try:
        code = terminal.wait(60)
    finally:
        terminal.end()
    assert b"Traceback" not in terminal.written
    passing = re.findall(rb"\r\x1b\[K([^\r]+)(?=\r\x1b\[K)", terminal.written)
    stayed = re.sub(rb"\r\x1b\[K[^\r\n]*(?=\r\x1b\[K)", b"", terminal.written)
    plain = re.sub(rb"\x1b\[[\d;]*[mK]", b"", stayed).replace(b"\r", b"")
    return code, passing, plain.decode()


def test_a_sent_mail_shows_its_steps_and_the_log_as_they_come(lab: Lab) -> None:
    code, passing, stayed = on_terminal(lab, "chain.send", "--recipient", "alice@example.org")
    assert code == 0
    assert b"RCPT <alice@example.org>: 250 2.1.5 Ok" in passing
    assert any(re.match(rb"\d\d:\d\d:\d\d qmgr: .*: removed$", line) for line in passing)
    assert stayed.startswith("sent; following it in ")
    assert "✓ delivered to alice@example.org" in stayed
    assert stayed.count("RCPT <alice@example.org>") == 1


def test_a_sent_mails_report_fits_the_terminal(lab: Lab) -> None:
    _, _, stayed = on_terminal(lab, "chain.send", "--recipient", "alice@example.org")
    report = stayed.partition("\n\n")[2]
    whole_words = re.compile(r"\s*\S+$")  # a word that is longer than the line is not broken
    long = [line for line in report.split("\n") if len(line) > 80]
    assert not [line for line in long if not whole_words.match(line)]


def test_cancelled_while_it_is_followed_the_mail_is_said_to_be_on_its_way(lab: Lab) -> None:
    terminal = Terminal("run", "chain.send", "--recipient", "x@example.net", "--lab", lab.root)
    try:
        terminal.sees(" error: ")
        terminal.press("\x03")
        assert terminal.wait() == 6
    finally:
        terminal.end()
    assert b"cancelled; the mail may be on its way: Message-ID <" in terminal.written


def test_load_shows_how_far_it_is(lab: Lab) -> None:
    code, passing, stayed = on_terminal(lab, "chain.load", "--sessions", "20")
    assert code == 0
    assert any(line.startswith(b"20 of 20 sessions, ") for line in passing)
    assert " of 20 sessions" not in stayed


def test_scenarios_are_run_on_a_terminal_too(lab: Lab) -> None:
    code, _, stayed = on_terminal(lab, "chain.scenario", "clamav-milter")
    assert code == 0
    assert "passed" in stayed


def test_what_stands_is_a_line_of_text() -> None:
    kinds = (Step, StoryLine, LoadProgress)
    assert all(isinstance(getattr(kind, "standing", None), property) for kind in kinds)
    assert not isinstance("sent", Standing)
