"""From options to a request: what an operator may type, and what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actions.action import ActionError, Exit
from actions.chain import request
from actions.chain.samples import SAMPLES, Sample, compose
from actions.milter.message import parse_message
from actions.registry import find
from console.render.chain import render
from console.render.hint import Hints
from console.render.plain import document
from tests.milters.asking import ask

if TYPE_CHECKING:
    from pathlib import Path

    from actions.action import Parameter
    from tests.milters.peer import Peers, Wire

NASTY = ("\udcff", "\x1b[2J", "a\nb: c", ":", "x" * 5000, "<>", "{}", "%s%n", "é\u202e", "/")
"""Texts that have broken programs before; the first is what a shell makes of a bad byte."""

TEXTS = [
    parameter
    for parameter in find("chain.test").parameters
    if parameter.shape in {"text", "list"}
    and not parameter.option.choices
    and parameter.name not in {"milter", "chain", "as_user"}
]


def obliging(wire: Wire) -> None:
    wire.negotiate()
    wire.serve()


def shown(spec: str, options: dict[str, Any]) -> str:
    """Return the report as text, or the text of a usage error."""
    try:
        report = ask(spec, verbose=True, **options)
    except ActionError as error:
        return str(error) if error.exit_code == Exit.USAGE else ""
    document(report).encode("ascii")
    return render(report, Hints()).replace("\n", "").replace("\t", "")


@pytest.mark.parametrize("parameter", TEXTS, ids=lambda parameter: parameter.name)
def test_no_text_in_any_option_is_a_defect(
    peers: Peers, parameter: Parameter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Either there is a report, which can be shown, or the option is named as wrong."""
    monkeypatch.chdir(tmp_path)
    spec = peers.start(obliging).spec
    for text in NASTY:
        value = (text, text) if parameter.shape == "list" else text
        assert shown(spec, {parameter.name: value})


@pytest.mark.parametrize("text", NASTY)
def test_nor_can_it_reach_the_terminal_raw(peers: Peers, text: str) -> None:
    options = {"helo": text, "sender": text, "recipient": (text,), "connect_host": text}
    said = shown(peers.start(obliging).spec, {**options, "connect_macro": (f"a:{text}",)})
    assert said.isprintable()


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.name)
def test_every_sample_is_a_whole_message(sample: Sample) -> None:
    message = compose(sample, "a@b", "c@d", "host")
    content = parse_message(message)
    names = [header.name for header in content.headers]
    assert names[:6] == [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version"]
    assert content.body == parse_message(b"\n" + sample.body()).body


def test_no_two_messages_are_alike() -> None:
    sample = SAMPLES["clean"]
    assert compose(sample, "a@b", "c@d", "h") != compose(sample, "a@b", "c@d", "h")


def test_a_message_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "MESSAGE_LIMIT", 1 << 20)
    file = tmp_path / "large"
    file.write_bytes(b"x" * (1 << 20))
    assert len(request.read_message(str(file))) == 1 << 20
    file.write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(ActionError, match="larger than 1 MiB"):
        request.read_message(str(file))


def test_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ActionError, match="standard input is closed"):
        request.read_message("-")
