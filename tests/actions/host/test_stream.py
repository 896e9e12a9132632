"""Programs whose output is taken line by line."""

from __future__ import annotations

import time

import pytest

from actions.host import commands
from actions.host.commands import OUTPUT_LIMIT, SystemCommands
from actions.host.errors import HostError

STREAM = SystemCommands().stream


def test_lines_come_in_order_and_the_end_is_told() -> None:
    lines: list[str] = []
    ended = STREAM(
        ["sh", "-c", "echo one; echo; printf 'caf\\303\\251 \\377'; exit 3"], lines.append
    )
    assert lines == ["one", "", "café \ufffd"]
    assert (ended.exit_code, ended.stdout) == (3, "")
    assert STREAM(["sh", "-c", "echo bad >&2"], lines.append).stderr == "bad\n"
    assert len(lines) == 3


def test_a_carriage_return_ends_a_piece_and_stays_in_it() -> None:
    lines: list[str] = []
    STREAM(["printf", "10 %%\\r20 %%\\rdone\\nnext\\r\\n"], lines.append)
    assert lines == ["10 %\r", "20 %\r", "done", "next\r", ""]


def test_more_than_could_be_kept_goes_through() -> None:
    count, size = 0, 0

    def take(line: str) -> None:
        nonlocal count, size
        count += 1
        size += len(line) + 1

    STREAM(["sh", "-c", f"yes 0123456789 | head -c {5 * OUTPUT_LIMIT}"], take)
    assert size - 1 <= 5 * OUTPUT_LIMIT <= size
    assert count == -(-5 * OUTPUT_LIMIT // 11)


def test_what_the_taker_raises_ends_the_program_and_is_raised() -> None:
    started = time.monotonic()

    def take(line: str) -> None:
        raise KeyError(line)

    with pytest.raises(KeyError, match="one"):
        STREAM(["sh", "-c", "echo one; echo two; exec sleep 86398.5"], take)
    assert time.monotonic() - started < 5


def test_the_last_line_raises_too() -> None:
    def take(line: str) -> None:
        raise KeyError(line)

    with pytest.raises(KeyError, match="unended"):
        STREAM(["printf", "unended"], take)


def test_a_line_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LINE_LIMIT", 1 << 20)
    with pytest.raises(HostError, match="a line of more than 1 MiB"):
        STREAM(["cat", "/dev/zero"], lambda _: None)


def test_too_slow_is_ended() -> None:
    lines: list[str] = []
    with pytest.raises(HostError, match=r"not ended after 0\.3 s"):
        STREAM(["sh", "-c", "echo one; exec sleep 86398.25"], lines.append, timeout=0.3)
    assert lines == ["one"]


def test_endless_errors_end_it() -> None:
    with pytest.raises(HostError, match="wrote more than 4 MiB"):
        STREAM(["sh", "-c", "yes >&2"], lambda _: None)
