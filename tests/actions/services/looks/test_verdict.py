"""What looks come to: the worst and most causal first."""

from __future__ import annotations

import pytest

from actions.finding import Health
from actions.mailhost.service import Look, LookKind
from actions.services.looks.verdict import verdict

OK, DEGRADED, DOWN, UNKNOWN = Health.OK, Health.DEGRADED, Health.DOWN, Health.UNKNOWN


def look(kind: LookKind, health: Health, detail: str = "", target: str = "") -> Look:
    return Look(kind, health, detail or health.value, 0.0, target)


RUNS = look("process", OK)
MASKED = look("process", DEGRADED, "masked: it runs")._replace(cause="masked")
CASES: list[tuple[str, tuple[Look, ...], Health, str]] = [
    ("all well", (RUNS, look("listener", OK), look("greeting", OK)), OK, ""),
    ("nothing to look at", (), OK, ""),
    (
        "dead, so nobody listens",
        (look("process", DOWN, "failed: signal"), look("listener", DOWN, "missing")),
        DOWN,
        "failed: signal",
    ),
    (
        "starting, so nobody listens yet",
        (look("process", DEGRADED, "is changing: start"), look("listener", DOWN, "missing")),
        DEGRADED,
        "is changing: start",
    ),
    (
        "masked is no reason for a closed socket",
        (MASKED, look("listener", DOWN, "missing")),
        DOWN,
        "missing",
    ),
    (
        "masked, and well",
        (MASKED,),
        DEGRADED,
        "masked: it runs",
    ),
    (
        "one socket of two",
        (RUNS, look("listener", DOWN, "nobody", "IMAP"), look("listener", OK, "", "POP3")),
        DEGRADED,
        "IMAP: nobody",
    ),
    (
        "both sockets",
        (RUNS, look("listener", DOWN, "nobody", "IMAP"), look("greeting", DOWN, "hangs", "POP3")),
        DOWN,
        "nobody",
    ),
    (
        "a scanner that is missing, and what follows from it",
        (RUNS, look("greeting", DEGRADED, "421 later"), look("dependency", DOWN, "clamd down")),
        DEGRADED,
        "clamd down",
    ),
    (
        "no greeting weighs more than what is needed",
        (RUNS, look("greeting", DOWN, "hangs"), look("dependency", DOWN, "clamd down")),
        DOWN,
        "hangs",
    ),
    ("a certificate", (RUNS, look("greeting", DEGRADED, "expires")), DEGRADED, "expires"),
    ("not allowed to see", (RUNS, look("greeting", UNKNOWN, "closed")), UNKNOWN, "closed"),
    (
        "what was found goes before what was not seen",
        (look("process", UNKNOWN), look("greeting", DEGRADED, "expires")),
        DEGRADED,
        "expires",
    ),
    ("an edge that was not proved", (RUNS, look("dependency", UNKNOWN, "who")), UNKNOWN, "who"),
]


@pytest.mark.parametrize(
    ("looks", "health", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_looks_come_to(looks: tuple[Look, ...], health: Health, reason: str) -> None:
    assert verdict(looks) == (health, reason)
