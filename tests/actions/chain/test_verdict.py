"""The verdict: who gave it, at which stage, in which words, and what does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import Exit
from actions.milter.protocol import Stage
from actions.milter.session import Exchange
from tests.milters.asking import ask
from tests.milters.peer import Packet, Wire, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from actions.chain.report import ChainReport
    from tests.milters.peer import Peers
    from tests.milters.running import Milters

TWO = ("a@example.org", "b@example.org")


def answering(answers: Mapping[bytes, Sequence[Packet]]) -> Callable[[Wire], None]:
    """Return a peer that serves with *answers*."""

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.serve(answers)

    return behave


def in_turn(event: bytes, *answers: bytes) -> Callable[[Wire], None]:
    """Return a peer that gives *answers* to *event* one after another, then continues."""

    def behave(wire: Wire) -> None:
        wire.negotiate()
        for answer in answers:
            wire.until(event)
            wire.raw(answer)
        wire.serve()

    return behave


def decided(report: ChainReport) -> tuple[str, str, str, str]:
    """Return the status, who decided, at which stage, and the reply."""
    at = report.decided_at.value if report.decided_at else ""
    who = [milter.name for milter in report.milters].index(report.decided_by) if at else -1
    return report.status, str(who), at, report.reply


REPLY = (b"y", b"550 5.7.1 not here\0")


@pytest.mark.parametrize(
    ("letter", "stage"),
    [
        (b"C", "connect"),
        (b"H", "helo"),
        (b"M", "mail"),
        (b"T", "data"),
        (b"L", "header"),
        (b"N", "eoh"),
        (b"B", "body"),
        (b"E", "end"),
    ],
)
def test_it_names_the_milter_the_stage_and_the_exact_reply(
    peers: Peers, letter: bytes, stage: str
) -> None:
    first, second = peers.start(answering({})), peers.start(answering({letter: [REPLY]}))
    report = ask(first.spec, second.spec)
    assert decided(report) == ("reject", "1", stage, "550 5.7.1 not here")
    assert report.exit_code == Exit.PROBLEM
    assert report.milters[0].verdict == "pass"
    assert report.milters[1].verdict == "reject"


def test_it_names_who_refused_which_recipient(peers: Peers) -> None:
    peer = peers.start(in_turn(b"R", frame(b"c"), frame(b"y", b"450 4.2.1 full\0")))
    report = ask(peer.spec, recipient=(*TWO, "c@example.org"))
    assert [(one.address, one.accepted, one.reply) for one in report.recipients] == [
        ("a@example.org", True, ""),
        ("b@example.org", False, "450 4.2.1 full"),
        ("c@example.org", True, ""),
    ]
    assert report.recipients[1].refused_by == report.milters[0].name
    assert decided(report)[:3] == ("temporary-failure", "0", "rcpt")
    assert report.milters[0].exchanges[-1].stage is Stage.END


def test_the_worse_of_a_refused_recipient_and_a_refused_message_counts(peers: Peers) -> None:
    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"R")
        wire.send(b"t")
        wire.serve({b"E": [REPLY]})

    report = ask(peers.start(behave).spec, recipient=TWO)
    assert decided(report) == ("reject", "0", "end", "550 5.7.1 not here")


@pytest.mark.parametrize("code", [421, 521])
def test_after_a_reply_at_which_postfix_hangs_up_nothing_more_is_sent(
    peers: Peers, code: int
) -> None:
    peer = peers.start(in_turn(b"R", frame(b"c"), frame(b"y", b"%d bye\0" % code)))
    report = ask(peer.spec, recipient=(*TWO, "c@example.org"))
    assert report.status == ("temporary-failure" if code == 421 else "reject")
    assert report.reply == f"{code} bye"
    assert len(report.recipients) == 2
    assert report.message_after == b""
    assert report.milters[0].exchanges[-1].stage is Stage.RCPT


class TestUnknown:
    """A reply to a command that SMTP does not know is about that command alone."""

    @pytest.mark.parametrize("letter", [b"r", b"t", b"c"])
    def test_the_message_goes_on(self, peers: Peers, letter: bytes) -> None:
        peer = peers.start(answering({b"U": [(letter, b"")]}))
        report = ask(peer.spec, unknown=("XYZZY", "PLUGH"))
        assert (report.status, report.milters[0].verdict) == ("pass", "pass")
        stages = [one.stage for one in report.milters[0].exchanges]
        assert stages.count(Stage.UNKNOWN) == 2
        assert stages[-1] is Stage.END

    def test_trouble_there_is_trouble(self, peers: Peers) -> None:
        report = ask(peers.start(answering({b"U": [(b"Z", b"")]})).spec, unknown=("XYZZY",))
        assert report.status == "undecided"


class TestPassAndAccept:
    @pytest.mark.parametrize(
        ("replies", "status"), [("aa", "accept"), ("ac", "pass"), ("ca", "pass"), ("cc", "pass")]
    )
    def test_it_is_accepted_where_every_milter_accepts(
        self, peers: Peers, replies: str, status: str
    ) -> None:
        specs = [peers.start(answering({b"E": [(r.encode(), b"")]})).spec for r in replies]
        report = ask(*specs)
        assert (report.status, report.exit_code) == (status, Exit.FINE)
        assert (report.decided_by, report.reply, report.because) == ("", "", "")


class TestQuarantine:
    def test_its_reason_is_told(self, peers: Peers) -> None:
        peer = peers.start(answering({b"E": [(b"q", b"looks odd\0"), (b"a", b"")]}))
        report = ask(peer.spec)
        assert decided(report)[:3] == ("quarantine", "0", "end")
        assert report.because == "looks odd"

    def test_a_refusal_outweighs_it(self, peers: Peers) -> None:
        peer = peers.start(answering({b"E": [(b"q", b"odd\0"), REPLY]}))
        report = ask(peer.spec)
        assert decided(report) == ("reject", "0", "end", "550 5.7.1 not here")
        assert report.milters[0].verdict == "reject"


def test_a_broken_off_body_is_put_off_and_its_milter_named(peers: Peers) -> None:
    edits = [(b"b", b"one"), (b"h", b"X\0v\0"), (b"b", b"two"), (b"c", b"")]
    report = ask(peers.start(answering({b"E": edits})).spec)
    text = "451 4.3.5 Server configuration problem - try again later"
    assert decided(report) == ("temporary-failure", "0", "end", text)
    assert report.exit_code == Exit.PROBLEM


def test_discard_is_a_verdict_without_a_reply(peers: Peers) -> None:
    report = ask(peers.start(answering({b"M": [(b"d", b"")]})).spec)
    assert decided(report) == ("discard", "0", "mail", "")


def test_trouble_outweighs_a_refusal_by_another(peers: Peers) -> None:
    """Whoever failed might have decided otherwise, so the test proves nothing."""
    refusing = peers.start(answering({b"R": [REPLY]}))
    broken = peers.start(answering({b"M": [(b"Z", b"")]}))
    assert ask(broken.spec, refusing.spec).status == "undecided"


def test_a_header_that_libmilter_would_drop_is_warned_of(peers: Peers, tmp_path: Path) -> None:
    file = tmp_path / "long.eml"
    note = "a header is over 65535 bytes: Debian's libmilter drops such a packet"
    for size, warned in ((65_000, False), (66_000, True)):
        file.write_bytes(b"X-Long: " + b"x" * size + b"\n\nbody\n")
        report = ask(peers.start(answering({})).spec, message=str(file))
        assert (note in report.notes) is warned


def test_libmilter_does_drop_it(milters: Milters, tmp_path: Path) -> None:
    file = tmp_path / "long.eml"
    file.write_bytes(b"X-Long: " + b"x" * 66_000 + b"\n\nbody\n")
    report = ask(milters.start().spec, message=str(file))
    assert (report.status, report.because) == ("undecided", "the milter closed the connection")
    assert report.decided_at is Stage.HEADER


def test_everything_is_told_while_it_happens(peers: Peers) -> None:
    told: list[object] = []
    report = ask(peers.start(answering({})).spec, tell=told.append)
    assert [one for one in told if isinstance(one, Exchange)] == list(report.milters[0].exchanges)
