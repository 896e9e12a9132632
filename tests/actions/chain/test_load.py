"""``chain.load``: it counts what happened, ends, and can be cancelled."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from actions.action import ActionError, Exit
from actions.chain.load.report import LoadProgress
from console.render.hint import Hints
from console.render.load import headline, render
from console.render.plain import document
from tests.milters.loading import load
from tests.milters.peer import frame
from tests.milters.running import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from actions.chain.load.report import LoadReport
    from tests.milters.peer import Peers, Wire
    from tests.milters.running import Milters

EVENTS = ["negotiate", "connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body", "end"]


def numbers(report: LoadReport, milter: int = 0) -> dict[str, int]:
    """Return how often each stage happened."""
    return {one.stage: one.times.number for one in report.milters[milter].stages}


def open_sockets() -> int:
    """Return how many sockets this process holds."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue
    return found


class TestCounts:
    def test_every_session_and_every_stage_is_counted(self, milters: Milters) -> None:
        milter = milters.start()
        report = load(milter.spec, sessions=20, parallel=5)
        assert report.exit_code == Exit.FINE
        assert (report.ending, report.sessions, report.undecided) == ("all sessions done", 20, 0)
        assert report.session.number == report.milters[0].sessions.number == 20
        headers = numbers(report).pop("header")
        assert headers == 20 * sum(name == "header" for name in milter.names()) // 20
        assert numbers(report) == {**dict.fromkeys(EVENTS, 20), "header": headers}
        assert milter.names().count("end") == 20

    def test_a_milters_time_is_in_the_stage_that_took_it(self, milters: Milters) -> None:
        milter = milters.start(delays={"rcpt": 0.1})
        report = load(milter.spec, sessions=4, parallel=2)
        times = {one.stage: one.times for one in report.milters[0].stages}
        assert 0.098 <= times["rcpt"].p50 < 0.2  # percentiles are within one percent
        assert times["mail"].p50 < 0.1
        assert report.session.p50 >= report.milters[0].sessions.p50 >= times["rcpt"].p50 * 0.98
        assert report.seconds >= 0.2

    def test_messages_of_a_session_are_counted_each(self, milters: Milters) -> None:
        milter = milters.start()
        report = load(milter.spec, sessions=3, messages=4)
        assert (report.sessions, report.messages) == (3, 12)
        assert milter.names().count("helo") == 3
        assert milter.names().count("end") == 12

    def test_sizes_are_played_in_turn_and_exact(self, milters: Milters) -> None:
        milter = milters.start()
        report = load(milter.spec, sessions=5, parallel=1, size=("1000,2K", "70000"))
        counted = {one.size: one.messages for one in report.verdicts}
        assert counted == {1000: 2, 2048: 2, 70000: 1}
        assert report.bytes == 2 * 1000 + 2 * 2048 + 70000
        assert numbers(report)["body"] == 4 + 2

    def test_a_chain_is_told_apart_by_its_milters(self, milters: Milters) -> None:
        first, second = milters.start_all({"delays": {"helo": 0.05}}, {})
        report = load(first.spec, second.spec, sessions=4)
        slow, quick = ({one.stage: one.times for one in of.stages} for of in report.milters)
        assert slow["helo"].p50 >= 0.049 > quick["helo"].p50

    def test_equal_messages_with_other_verdicts_are_a_problem(self, milters: Milters) -> None:
        milter = milters.start(replies={"rcpt": [["450", "4.7.1", "later"], "continue"]})
        report = load(milter.spec, sessions=2, parallel=1, messages=2)
        assert {one.verdict for one in report.verdicts} == {"pass", "temporary-failure"}
        assert report.exit_code == Exit.PROBLEM
        assert "different verdicts" in render(report, Hints())

    def test_the_same_refusal_each_time_is_what_was_measured(self, milters: Milters) -> None:
        report = load(milters.start(replies={"mail": "reject"}).spec, sessions=3)
        assert [(one.verdict, one.messages) for one in report.verdicts] == [("reject", 3)]
        assert report.exit_code == Exit.FINE

    def test_a_milter_that_accepts_at_once_accepts_every_message(self, milters: Milters) -> None:
        report = load(milters.start(replies={"connect": "accept"}).spec, sessions=2, messages=3)
        assert [(one.verdict, one.messages) for one in report.verdicts] == [("accept", 6)]
        assert set(numbers(report)) == {"negotiate", "connect"}


class TestErrors:
    def test_a_refused_connection_is_counted_with_its_words(self, peers: Peers) -> None:
        report = load(f"unix:{peers.path('nobody')}", sessions=7)
        (error,) = report.errors
        assert (error.kind, error.stage, error.number) == ("connection", "negotiate", 7)
        assert error.text == "No such file or directory"
        assert report.undecided == report.sessions == 7
        assert report.exit_code == Exit.UNDECIDED
        assert "sockets.check" in render(report, Hints())

    def test_each_kind_is_told_apart(self, peers: Peers) -> None:
        turn = iter(range(100))

        def behave(wire: Wire) -> None:
            number = next(turn)
            wire.negotiate()
            wire.until(b"H")
            if number % 3 == 0:
                wire.link.close()
            elif number % 3 == 1:
                wire.raw(frame(b"?"))
            else:
                wire.wait_for_close()

        report = load(peers.start(behave).spec, sessions=6, parallel=1, all_timeouts=0.3)
        seen = {error.kind: error.number for error in report.errors}
        assert seen == {"closed": 2, "protocol": 2, "timeout": 2}
        assert {error.stage for error in report.errors} == {"helo"}
        firsts = [error.first for error in report.errors]
        assert firsts == sorted(firsts)

    def test_a_session_goes_no_further_than_its_failure(self, peers: Peers) -> None:
        def behave(wire: Wire) -> None:
            wire.negotiate()
            wire.until(b"E")

        report = load(peers.start(behave).spec, sessions=2, messages=5)
        assert (report.messages, report.undecided) == (0, 2)

    def test_a_milters_ever_changing_words_do_not_fill_memory(
        self, peers: Peers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("actions.chain.load.tally.MOST_ERRORS", 3)
        letters = iter(b"ABDEFGHIJK")

        def behave(wire: Wire) -> None:
            wire.negotiate()
            wire.until(b"C")
            wire.raw(frame(bytes([next(letters)])))

        report = load(peers.start(behave).spec, sessions=8, parallel=1)
        assert [error.number for error in report.errors] == [1, 1, 1, 5]


class TestEnding:
    @pytest.mark.parametrize("again", range(3))
    def test_a_hundred_sessions_at_once_all_end(self, milters: Milters, again: int) -> None:
        report = load(milters.start(bare=True).spec, sessions=400, parallel=100)
        assert (report.sessions, report.undecided, report.errors) == (400, 0, ())

    def test_a_hundred_sessions_with_silent_peers_end_at_their_timeouts(self, peers: Peers) -> None:
        started = time.monotonic()
        peer = peers.start(lambda wire: wire.wait_for_close())
        report = load(peer.spec, sessions=100, parallel=100, all_timeouts=0.5)
        assert report.undecided == 100
        assert time.monotonic() - started < 10

    def test_the_duration_ends_it(self, milters: Milters) -> None:
        report = load(milters.start(bare=True).spec, duration=0.5)
        assert report.ending == "the duration is over"
        assert report.planned is None
        assert 0.5 <= report.seconds < 3
        assert report.sessions > 10

    def test_a_cancelled_load_tells_what_it_saw(self, milters: Milters) -> None:
        cancel = threading.Event()
        milter = milters.start(delays={"end": 0.1})
        before = open_sockets()

        def tell(event: object) -> None:
            if isinstance(event, LoadProgress) and event.done >= 4:
                cancel.set()

        started = time.monotonic()
        report = load(milter.spec, sessions=100_000, parallel=4, cancel=cancel, tell=tell)
        assert time.monotonic() - started < 5
        assert report.ending == "cancelled"
        assert report.exit_code == Exit.UNDECIDED
        assert 4 <= report.sessions < 1000
        assert f"cancelled after {report.sessions} of 100000" in headline(report)
        assert open_sockets() == before

    def test_it_is_over_within_a_second_of_the_cancel(self, peers: Peers) -> None:
        cancel = threading.Event()
        peer = peers.start(lambda wire: wire.wait_for_close())
        threading.Timer(0.5, cancel.set).start()
        before = open_sockets()
        started = time.monotonic()
        report = load(peer.spec, sessions=50, parallel=50, cancel=cancel)
        assert time.monotonic() - started < 1.5 + 0.5  # and half a second of a busy machine
        assert report.sessions == 0
        assert report.exit_code == Exit.UNDECIDED
        eventually(lambda: open_sockets() <= before + 50)  # the peer's own ends

    def test_a_listener_that_accepts_nobody_can_be_cancelled(self, tmp_path: Path) -> None:
        import socket

        cancel = threading.Event()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "full"))
            listener.listen(0)
            threading.Timer(0.5, cancel.set).start()
            started = time.monotonic()
            report = load(f"unix:{tmp_path}/full", sessions=9, parallel=9, cancel=cancel)
            assert time.monotonic() - started < 2.0
        assert report.ending == "cancelled"
        eventually(lambda: not [one for one in threading.enumerate() if one.name[:4] == "load"])


class TestProgress:
    def test_it_is_told_while_it_runs(self, milters: Milters) -> None:
        told: list[LoadProgress] = []
        milter = milters.start(delays={"end": 0.1})

        def tell(event: object) -> None:
            assert isinstance(event, LoadProgress)
            told.append(event)

        load(milter.spec, sessions=12, parallel=1, tell=tell)
        assert 3 <= len(told) <= 12
        dones = [event.done for event in told]
        assert dones == sorted(dones)
        assert dones[-1] == 12
        assert told[1].running == 1
        assert told[-1].session.p50 >= 0.098
        assert told[-1].standing.startswith("12 of 12 sessions, ")


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "because"),
        [
            ({"sessions": 0}, "--sessions is a number from 1"),
            ({"parallel": 1001}, "--parallel is a number from 1 to 1000"),
            ({"messages": -1}, "--messages is a number from 1"),
            ({"duration": 0.0}, "--duration is a number"),
            ({"duration": float("nan")}, "--duration is a number"),
            ({"size": ("12Q",)}, "is no number of bytes"),
            ({"size": ("1,,2",)}, "is no number of bytes"),
            ({"size": ("10",)}, "the headers alone have"),
            ({"size": ("300M",)}, "256M are possible"),
            ({"size": ("9" * 5000,)}, "256M are possible"),
        ],
    )
    def test_what_makes_no_sense(self, options: dict[str, Any], because: str) -> None:
        with pytest.raises(ActionError, match=because) as refused:
            load("unix:/nowhere", **options)
        assert refused.value.exit_code == Exit.USAGE

    def test_more_sockets_than_the_process_may_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
        with pytest.raises(ActionError, match="needs 264 open files; 256 are allowed"):
            load("unix:/nowhere", "unix:/there", parallel=100)


def test_the_document_says_it_all(milters: Milters) -> None:
    report = load(milters.start().spec, sessions=3)
    told = json.loads(document(report))
    assert told["schema"] == "chain.load/1"
    assert told["sessions_per_second"] > 0
    assert told["milters"][0]["stages"][0]["stage"] == "negotiate"
    assert told["session"]["number"] == 3
    assert "real milters remember" in told["notes"][-1]
