"""The last error of a service: out of the journal's entries, or the end of a real mail log.

The journal's own answers are asked for in tests/system; here its entries are taken apart.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from actions.host.commands import SystemCommands
from actions.host.errors import HostError, NotPermitted
from actions.host.ports import Completed, UnitState
from actions.mailhost.service import MailService
from actions.services.looks.logged import (
    LATELY,
    TOO_LONG,
    Line,
    error_lines,
    last_error,
    last_fatal,
    log_lines,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.postfix.running import Postfix

CLAMD = MailService("clamd", "engine", "clamav-daemon.service", "clamd")


class Answering(SystemCommands):
    """A journalctl that answers what a test says; a journal full of errors is made by no test."""

    def __init__(self, stdout: str = "", stderr: str = "", exit_code: int = 0) -> None:
        self._answer = Completed((), exit_code, stdout, stderr)
        self.asked: list[Sequence[str]] = []

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        self.asked.append(argv)
        return self._answer


def entry(**fields: object) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": "1700000000000000", **fields})


def lines(*entries: str) -> tuple[Line, ...]:
    from actions.host.system import SystemHost

    host = SystemHost()
    host.commands = Answering("\n".join(entries))
    return error_lines(host, ["clamav-daemon.service"], 3.0)


def test_all_units_are_asked_for_at_once() -> None:
    from actions.host.system import SystemHost

    host = SystemHost()
    host.commands = commands = Answering()
    assert error_lines(host, ["a.service", "b.service"], 3.0) == ()
    (argv,) = commands.asked
    assert " ".join(argv).startswith("journalctl -u a.service -u b.service --priority=err")


@pytest.mark.parametrize(
    "said",
    [
        "Hint: You are currently not seeing messages from other users and the system.",
        "No journal files were opened due to insufficient permissions.",
    ],
)
def test_a_closed_journal_is_said(said: str) -> None:
    from actions.host.system import SystemHost

    host = SystemHost()
    host.commands = Answering(stderr=said)
    with pytest.raises(NotPermitted):
        error_lines(host, ["a.service"], 3.0)
    host.commands = Answering(stderr="no such option", exit_code=1)
    with pytest.raises(HostError, match="no such option"):
        error_lines(host, ["a.service"], 3.0)


def test_entries_are_told_by_their_unit() -> None:
    told = lines(
        entry(MESSAGE="Failed", UNIT="a.service", INVOCATION_ID="1", _PID="1"),
        entry(MESSAGE=[104, 105, 255], _SYSTEMD_UNIT="a.service", _SYSTEMD_INVOCATION_ID="1"),
        "no JSON",
        entry(_SYSTEMD_UNIT="a.service"),
    )
    assert told == (
        Line("a.service", "1", 1.7e9, "Failed", is_own=False),
        Line("a.service", "1", 1.7e9, "hi\\xff"),
    )


def test_whose_an_entry_is_is_not_its_senders_to_say() -> None:
    (line,) = lines(
        entry(
            MESSAGE="fatal: no disk",
            UNIT="postfix.service",
            INVOCATION_ID="7",
            _PID="99",
            _SYSTEMD_UNIT="spamd.service",
            _SYSTEMD_INVOCATION_ID="2",
        )
    )
    assert line == Line("spamd.service", "2", 1.7e9, "fatal: no disk")


def test_a_line_that_journalctl_leaves_out_is_told_as_too_long() -> None:
    (line,) = lines(entry(MESSAGE=None, _SYSTEMD_UNIT="a.service"))
    assert line.text == TOO_LONG


def state(activity: str = "active", invocation: str = "2") -> UnitState:
    return UnitState("clamav-daemon.service", activity, True, 1, invocation, "")  # type: ignore[arg-type]


UNIT = CLAMD.unit
MANAGER = Line(UNIT, "2", 9, "b", is_own=False)
CASES = [
    ("its own before the manager's", [MANAGER, Line(UNIT, "2", 8, "a")], "a"),
    ("the manager's alone", [MANAGER], "b"),
    ("none of another unit", [Line("other.service", "2", 9, "b")], ""),
    ("none of an earlier start", [Line(UNIT, "1", 9, "old")], ""),
    ("by its time", [Line(UNIT, "", 9, "new")], "new"),
    ("none before its start", [Line(UNIT, "", 1, "old")], ""),
    ("no greeting", [Line(UNIT, "2", 9, "clamd 1.4 starting"), Line(UNIT, "2", 8, "a")], "a"),
    ("a start that fails", [Line(UNIT, "2", 9, "Error starting")], "Error starting"),
]


@pytest.mark.parametrize(
    ("given", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_last_error_is(given: list[Line], told: str) -> None:
    assert last_error(given, CLAMD, state(), 5.0) == told


def test_of_one_that_failed_the_errors_before_count() -> None:
    given = [Line(UNIT, "", 1, "why")]
    assert last_error(given, CLAMD, state("failed", ""), 5.0) == "why"


def test_a_real_mail_log_is_read_at_its_end(postfix: Postfix) -> None:
    host = postfix.host()
    moment = time.strftime("%b %d %H:%M:%S")
    with postfix.log.open("a") as log:
        log.write(f"{moment} mx postfix/smtpd[1]: fatal: no table\n")
        log.write(f"{moment} mx clamd[2]: ERROR: no database\n")
        log.write(f"{moment} mx clamd[2]: all is well\n")
    mta = MailService("postfix", "MTA", "", "smtpd")
    told = log_lines(host, (mta, CLAMD))
    assert [(line.unit, line.text) for line in told[:2]] == [
        ("clamd", "ERROR: no database"),
        ("postfix", "fatal: no table"),
    ]
    assert abs(told[0].at - time.time()) < 5
    assert last_error(told, mta, None, time.time() - 60) == "fatal: no table"
    assert last_error(told, mta, None, time.time() + 60) == ""


def test_why_a_program_gave_up_is_of_this_start_and_lately() -> None:
    now = time.time()
    fatal = Line(CLAMD.unit, "2", now - 60, "fatal: bad numerical configuration: x = 10M")
    state = UnitState(CLAMD.unit, "active", True, 1, "2", "")
    warning = fatal._replace(text="warning: process /usr/lib/postfix/sbin/smtpd exit status 1")
    assert last_fatal((warning, fatal), CLAMD, state, None) == fatal.text
    for other in (
        fatal._replace(invocation="1"),
        fatal._replace(at=now - LATELY - 60),
        fatal._replace(is_own=False),
        fatal._replace(unit="other.service"),
        warning,
    ):
        assert not last_fatal((other,), CLAMD, state, None)
