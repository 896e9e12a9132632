"""No input makes a session hang, crash or grow.

The sizes are set by the environment: ``MILTER_FUZZ_PACKETS`` for the state machine alone,
``MILTER_FUZZ_SECONDS`` for real sockets, ``MILTER_FUZZ_SEED`` for other inputs than last time.
"""

from __future__ import annotations

import gc
import json
import os
import time
import tracemalloc
from random import Random
from typing import TYPE_CHECKING

from actions.action import Exit
from actions.chain.report import VERDICT_EXITS, Shown
from actions.milter.codec import Edit, Violation
from actions.milter.connection import Connection, Offer
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.message import Envelope, InterruptedBody, edit_message, parse_message
from actions.milter.protocol import Stage
from console.render.chain import render
from console.render.hint import Hints
from console.render.plain import document
from tests.milters.asking import ask
from tests.milters.noise import Noise

if TYPE_CHECKING:
    import pytest

    from actions.chain.report import ChainReport
    from tests.milters.peer import Peers

SECONDS = float(os.environ.get("MILTER_FUZZ_SECONDS", "3"))
PACKETS = int(os.environ.get("MILTER_FUZZ_PACKETS", "100000"))
SEED = int(os.environ.get("MILTER_FUZZ_SEED", "1"))

MESSAGE = parse_message(b"From: a@b\nSubject: x\n\nbody\n")
ENVELOPE = Envelope(b"a@b", (b"c@d",))
STAGES = tuple(Stage)
MEBIBYTE = 1 << 20


def play(noise: Noise, random: Random) -> tuple[int, list[Edit], bool]:
    """Play one session against the state machine.

    Returns:
        How many answers it took, the edits among them, and whether it ended in a violation.
    """
    connection = Connection(Offer(), DEFAULT_LISTS)
    connection.negotiate()
    connection.receive(noise.opening())
    taken, edits = 0, []
    try:
        while True:
            found = connection.next()
            while found is not None:
                taken += 1
                if isinstance(found, Edit):
                    edits.append(found)
                found = connection.next()
            if connection.chosen and not connection.awaits:
                stage = random.choice((*STAGES, Stage.END))
                if not connection.withheld(stage):
                    connection.head(connection.prepared(stage, {"i": b"1"}), 0)
            elif taken > 200:
                return taken, edits, False
            connection.receive(noise.anything() if random.random() < 0.1 else noise.valid())
    except Violation:
        return taken, edits, True


def test_no_packets_crash_the_state_machine() -> None:
    random = Random(SEED)
    noise = Noise(random)
    taken = sessions = violations = edited = 0
    while taken + sessions < PACKETS:
        count, edits, violated = play(noise, random)
        taken, sessions, violations = taken + count, sessions + 1, violations + violated
        try:
            edit_message(MESSAGE, ENVELOPE, edits, leading_space=bool(sessions % 2))
            edited += len(edits)
        except InterruptedBody:
            continue
    # Else the noise would be too poor to prove a thing.
    assert violations > sessions / 2
    assert taken > sessions
    assert edited > sessions / 20


def test_no_milter_makes_a_session_hang_crash_or_grow(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actions.milter.transport.SLICE", 0.02)  # most of the time is waiting
    random = Random(SEED)
    noise = Noise(random)
    peer = peers.start(noise.behave)
    seen: dict[str, int] = {}
    ask(peer.spec, deadline=1.0)
    until = time.monotonic() + SECONDS
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        while time.monotonic() < until:
            started = time.monotonic()
            report = ask(peer.spec, deadline=1.0, all_timeouts=0.05, trace=random.random() < 0.1)
            assert time.monotonic() - started < 2.5, "it went on past its deadline"
            check(report)
            seen[report.status] = seen.get(report.status, 0) + 1
            del peer.wires[:-1], peer._threads[1:-1]
        del report
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2 * MEBIBYTE
    assert {"undecided", "pass"} < seen.keys(), seen


def check(report: ChainReport) -> None:
    """Assert that *report* holds together and can be shown to anybody."""
    if report.status == "undecided":
        assert report.exit_code == Exit.UNDECIDED
        assert report.because
    elif report.status in VERDICT_EXITS:
        assert report.exit_code == Exit.PROBLEM
        assert report.decided_by
    else:
        assert report.exit_code == Exit.FINE
        assert not any(milter.trouble for milter in report.milters)
    for shown in (Shown(verbose=True, output_message=True), Shown(brief=True)):
        text = render(report._replace(shown=shown), Hints())
        assert text.replace("\n", "").replace("\t", "").isprintable()
    assert json.loads(document(report))["schema"] == "chain.test/1"
