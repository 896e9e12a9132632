"""Two runs side by side: what differs is told, and nothing else."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any

import pytest

from actions.chain.compare import (
    NOT_REACHED,
    Changed,
    EditChanged,
    MilterCompared,
    Shifted,
    compare,
    ratio,
)
from actions.chain.report import ChildResult
from actions.milter.codec import Edit
from actions.milter.protocol import Stage
from tests.milters.asking import ask
from tests.milters.peer import macro_list, options

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.chain.compare import Comparison
    from actions.chain.report import ChainReport
    from tests.milters.peer import Packet, Peers, Wire

Answers = dict[bytes, tuple["Packet", ...]]


@pytest.fixture
def runs(peers: Peers) -> Callable[..., list[ChainReport]]:
    """Runs against one milter that behaves otherwise each time."""

    def run(*behaviours: Callable[[Wire], None], **given: Any) -> list[ChainReport]:
        left = iter(behaviours)

        def behave(wire: Wire) -> None:
            next(left)(wire)

        peer = peers.start(behave)
        return [ask(peer.spec, **given) for _ in behaviours]

    return run


def serving(answers: Answers | None = None, **opening: object) -> Callable[[Wire], None]:
    def behave(wire: Wire) -> None:
        wire.negotiate(options(**opening))  # type: ignore[arg-type]
        wire.serve(answers)

    return behave


def only(found: Comparison) -> MilterCompared:
    (milter,) = found.milters
    return milter


def test_two_equal_runs_differ_in_times_only(runs: Callable[..., list[ChainReport]]) -> None:
    edit = (b"h", b"X-A\0one\0")
    found = compare(*runs(*[serving({b"E": (edit, (b"c", b""))})] * 2))
    assert found.same
    assert (found.asked, found.outcome) == ((), ())
    assert found.verdict == Changed("verdict", *["Passed: the message would be delivered"] * 2)
    milter = only(found)
    assert milter.then
    assert milter.now
    assert ratio(milter.then, milter.now) == milter.now / milter.then
    assert (ratio(None, 1.0), ratio(0.0, 1.0), ratio(1.0, None)) == (None, None, None)


def test_another_answer_is_told_with_its_stage_and_its_words(
    runs: Callable[..., list[ChainReport]],
) -> None:
    found = compare(*runs(serving(), serving({b"M": ((b"y", b"550 5.7.1 No\0"),)})))
    assert not found.same
    assert found.verdict.then == "Passed: the message would be delivered"
    assert found.verdict.now.startswith("Rejected by ")
    assert found.outcome == (Changed("reply", "", "550 5.7.1 No"),)
    first, *later = only(found).answers
    assert first == Changed("mail", "● continue", "✗ reject 550 5.7.1 No")
    assert [one.what for one in later][:2] == ["rcpt", "data"]
    assert {one.now for one in later} == {NOT_REACHED}


def test_edits_that_came_went_and_changed(runs: Callable[..., list[ChainReport]]) -> None:
    def edits(*headers: bytes) -> Answers:
        return {b"E": (*((b"h", header) for header in headers), (b"c", b""))}

    then = edits(b"X-Same\0s\0", b"X-Score\x001\0", b"X-Gone\0g\0")
    now = edits(b"X-New\0n\0", b"x-score\x002\0", b"X-Same\0s\0")
    found = only(compare(*runs(serving(then), serving(now))))
    assert found.edits == (
        EditChanged(None, Edit("add header", b"X-New", b"n")),
        EditChanged(Edit("add header", b"X-Score", b"1"), Edit("add header", b"x-score", b"2")),
        EditChanged(Edit("add header", b"X-Gone", b"g"), None),
    )
    assert not found.answers


def test_the_same_edit_twice_is_not_the_same_as_once(
    runs: Callable[..., list[ChainReport]],
) -> None:
    edit = (b"h", b"X-A\0a\0")
    then, now = serving({b"E": (edit, (b"c", b""))}), serving({b"E": (edit, edit, (b"c", b""))})
    found = only(compare(*runs(then, now)))
    assert found.edits == (EditChanged(None, Edit("add header", b"X-A", b"a")),)


def test_a_new_body_counts_by_its_bytes_however_it_is_cut(
    runs: Callable[..., list[ChainReport]],
) -> None:
    def body(*pieces: bytes) -> Callable[[Wire], None]:
        return serving({b"E": (*((b"b", piece) for piece in pieces), (b"c", b""))})

    one, two, three = runs(body(b"abc\r\n"), body(b"ab", b"c\r\n"), body(b"abd\r\n"))
    assert only(compare(one, two)).edits == ()
    (changed,) = only(compare(two, three)).edits
    assert changed.then == Edit("replace body", value=b"abc\r\n")
    assert changed.now == Edit("replace body", value=b"abd\r\n")


def test_what_was_negotiated_otherwise(runs: Callable[..., list[ChainReport]]) -> None:
    then = serving(actions=0x01, steps=0x02)
    now = serving(actions=0x121, steps=0, lists=macro_list(0, "j {daemon_name}"))
    milter = only(compare(*runs(then, now)))
    assert milter.opening == ()
    assert milter.wishes == (
        Shifted("may", (), ("quarantine", "set macro lists")),
        Shifted("protocol", ("no helo",), ()),
        Shifted("asks at connect for", (), ("j", "daemon_name")),
    )
    assert milter.answers == (Changed("helo", "– not sent", "● continue"),)


def test_another_version_of_the_protocol(runs: Callable[..., list[ChainReport]]) -> None:
    then, now = serving(), serving(version=2, actions=0x1F)
    (changed,) = only(compare(*runs(then, now))).opening
    assert changed == Changed("protocol version", "6", "2")


def test_a_milter_that_can_no_more_be_opened(
    runs: Callable[..., list[ChainReport]],
) -> None:
    found = compare(*runs(serving(), lambda wire: None))
    milter = only(found)
    assert found.verdict.now.startswith("Not decided: ")
    assert [one.what for one in found.outcome] == ["because"]
    assert milter.opening[-1].what == "opening"
    assert milter.opening[-1].then == "opened"
    assert milter.answers[0] == Changed("connect", "● continue", NOT_REACHED)


def test_the_stage_that_became_slow_is_named(runs: Callable[..., list[ChainReport]]) -> None:
    def slow(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"R")
        time.sleep(0.2)
        wire.send(b"c")
        wire.serve()

    found = compare(*runs(serving(), slow))
    assert found.same
    assert only(found).slower_at is Stage.RCPT
    assert (ratio(only(found).then, only(found).now) or 0) > 2


def test_answers_that_differ_within_a_stage_are_counted(
    runs: Callable[..., list[ChainReport]],
) -> None:
    def refuse(*refused: bytes) -> Callable[[Wire], None]:
        def behave(wire: Wire) -> None:
            wire.negotiate()
            for _ in range(3):
                data = wire.until(b"R")
                wire.send(b"r" if data.split(b"@")[0][1:] in refused else b"c")
            wire.serve()

        return behave

    recipients = ("a@example.org", "b@example.org", "c@example.org")
    then, now = runs(refuse(b"a"), refuse(b"a", b"b"), recipient=recipients)
    found = compare(then, now)
    assert only(found).answers[0] == Changed(
        "rcpt",
        "✗ reject, then ● continue (2 times)",
        "✗ reject (2 times), then ● continue",
    )
    (fate,) = [one for one in found.outcome if one.what == "<b@example.org>"]
    assert fate.then == "accepted"
    assert fate.now.startswith("refused by ")


def test_what_was_asked_otherwise(peers: Peers) -> None:
    first, second = peers.start(serving()), peers.start(serving())
    then = ask(first.spec)
    now = ask(
        first.spec, second.spec, sample="8bit", profile="inside", sender="", helo="other", threads=2
    )
    found = compare(then, now)
    told = {one.what: one for one in found.asked}
    assert list(told) == [
        *("sample", "profile", "client", "HELO", "sender", "recipients", "milters"),
        "sessions side by side",
    ]
    assert told["sample"] == Changed("sample", "clean", "8bit")
    assert told["sessions side by side"].now == "2"
    old, new = found.milters
    assert old.same
    assert (new.then, bool(new.now), new.same) == (None, True, False)


def test_a_milter_is_found_again_behind_its_manager_and_by_its_order(
    runs: Callable[..., list[ChainReport]],
) -> None:
    then, now = runs(serving(), serving({b"E": ((b"r", b""),)}))

    def with_child(chain: ChainReport, *children: ChainReport) -> ChainReport:
        manager = chain.milters[0].name
        shown = tuple(
            ChildResult(
                manager,
                (),
                "",
                "",
                one.status,
                one.decided_at,
                "",
                "",
                (),
                one.milters[0],
                "accept",
            )
            for one in children
        )
        return chain._replace(children=shown)

    found = compare(with_child(then, then, then), with_child(then, then, now))
    assert [bool(one.manager) for one in found.milters] == [False, True, True]
    assert [one.same for one in found.milters] == [True, True, False]
    assert found.milters[2].answers[-1].what == "end of message"
    assert compare(with_child(then, now), then).milters[1].now is None


def test_an_endless_number_of_edits_is_compared_quickly(
    runs: Callable[..., list[ChainReport]],
) -> None:
    def flood(value: bytes) -> Callable[[Wire], None]:
        edits = tuple(
            (b"i", struct.pack(">I", 1) + b"X\0%d %s\0" % (n, value)) for n in range(5000)
        )
        return serving({b"E": (*edits, (b"c", b""))})

    then, now = runs(flood(b"a"), flood(b"b"))
    started = time.perf_counter()
    assert len(only(compare(then, now)).edits) == 5000
    assert time.perf_counter() - started < 1.0
