"""The lab's queue and Postfix's commands for it, through the queue's own actions."""

from __future__ import annotations

import json
import smtplib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from actions.action import Context
from actions.journal.undoing import plan_undo
from actions.registry import find
from actions.runner import run_plan
from tests.console.lab.kit import EICAR, INSIDE, edited, log, log_size, send
from tests.console.lab.test_lab_mail import CLAMAV, mails

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.outcome import PlanReport
    from actions.plan import Plan
    from actions.queue.report import MessageReport, QueueReport
    from console.lab.lab import Lab


@pytest.fixture
def queue(lab: Lab) -> Iterator[Path]:
    """The lab's queue, empty before and after."""
    folder = Path(lab.root, "var/spool/postfix")
    _run(lab, "postsuper", "-d", "ALL")
    yield folder
    _run(lab, "postsuper", "-d", "ALL")
    assert [path for path in folder.glob("*/*") if path.is_file()] == []


def _run(lab: Lab, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"{lab.root}/usr/sbin/{program}", *words], capture_output=True, text=True, check=False
    )


def _listed(lab: Lab, **arguments: object) -> QueueReport:
    ctx = Context(lab.host)
    return cast("QueueReport", find("queue.list").function(ctx, **arguments))


def _done(lab: Lab, action: str, **arguments: object) -> PlanReport:
    ctx = Context(lab.host)
    report = run_plan(ctx, cast("Plan", find(action).function(ctx, **arguments)))
    assert report.status == "applied", report
    return report


def _states(lab: Lab) -> dict[str, int | None]:
    return {one.state: one.messages for one in _listed(lab).states if one.messages}


def _fill(lab: Lab) -> str:
    """Send two mails that are deferred and one that is put on hold; return its queue id."""
    for name in "ab":
        assert send(lab, client=INSIDE, recipient=f"{name}@elsewhere.example").code == 250
    with edited(lab, CLAMAV, "OnInfected Reject", "OnInfected Quarantine", "clamav-milter"):
        code, text = send(lab, EICAR, recipient="henry@example.org")
    assert code == 250
    return text.rpartition(" ")[2]


def test_the_commands_are_those_that_postfix_settings_name(lab: Lab) -> None:
    assert lab.host.postfix.setting("command_directory") == f"{lab.root}/usr/sbin"


def test_the_queue_is_listed_and_a_message_shown(lab: Lab, queue: Path) -> None:
    assert _listed(lab).total == 0
    held = _fill(lab)
    report = _listed(lab)
    assert _states(lab) == {"deferred": 2, "hold": 1}
    (group,) = report.reasons
    assert (group.reason, group.recipients) == ("deferred transport", 2)
    assert group.domains == (("elsewhere.example", 2),)
    assert report.unseen == ()
    assert report.next_retry is not None
    assert 290 < report.next_retry - report.now <= 300
    assert [finding.name for finding in report.findings] == ["queue.held"]
    shown = cast(
        "MessageReport", find("queue.show").function(Context(lab.host), id=held, body=True)
    )
    assert shown.message.state == "hold"
    assert dict(shown.headers)["X-Virus-Status"] == "Infected (Eicar-Test-Signature)"
    assert EICAR in (shown.body or "")


def test_hold_and_undo(lab: Lab, queue: Path) -> None:
    _fill(lab)
    report = _done(lab, "queue.hold", recipient="@elsewhere.example")
    assert _states(lab) == {"hold": 3}
    run_plan(Context(lab.host), plan_undo(Context(lab.host), report.entry, partly=False))
    assert _states(lab) == {"deferred": 2, "hold": 1}


def test_what_is_released_and_flushed_arrives(lab: Lab, queue: Path) -> None:
    held = _fill(lab)
    since, before = log_size(lab), len(mails(lab, "henry"))
    _done(lab, "queue.release", id=(held,))
    assert _states(lab) == {"deferred": 3}
    _done(lab, "queue.flush", id=(held,))
    assert _states(lab) == {"deferred": 2}
    assert len(mails(lab, "henry")) == before + 1
    assert f"{held}: to=<henry@example.org>, relay=local" in log(lab, f"{held}: removed", since)
    owners = {path.stat().st_uid for path in Path(lab.root, "var/mail/henry").rglob("*")}
    assert owners == {Path(lab.root, "var/mail").stat().st_uid}
    _done(lab, "queue.flush")
    assert log(lab, "deferred transport", since).count("status=deferred") == 2


def test_requeue_and_delete(lab: Lab, queue: Path) -> None:
    _fill(lab)
    old = {one.queue_id for one in _listed(lab, state="deferred").messages}
    arrived = {one.arrival for one in _listed(lab, state="deferred").messages}
    _done(lab, "queue.requeue", state="deferred")
    new = _listed(lab, state="deferred").messages
    assert len(new) == 2
    assert not old & {one.queue_id for one in new}
    assert {one.arrival for one in new} == arrived
    _done(lab, "queue.delete", recipient="a@elsewhere.example")
    assert _states(lab) == {"deferred": 1, "hold": 1}


def test_only_the_rest_of_a_message_waits(lab: Lab, queue: Path) -> None:
    with smtplib.SMTP("127.0.0.1", lab.smtp_port) as smtp:
        smtp.sendmail("a@example.org", ["x@elsewhere.example", "ida@example.org"], "Subject: x\n")
    (message,) = _listed(lab).messages
    assert [one.address for one in message.recipients] == ["x@elsewhere.example"]
    assert len(mails(lab, "ida")) == 1
    _done(lab, "queue.flush")
    assert len(mails(lab, "ida")) == 1


@pytest.mark.parametrize(
    ("program", "words", "code", "told"),
    [
        ("postqueue", (), 64, "usage"),
        ("postqueue", ("-p",), 64, "usage"),
        ("postqueue", ("-i", "ABCDEF12345"), 0, ""),
        ("postsuper", (), 1, "usage"),
        ("postsuper", ("-d", "ABCDEF12345"), 0, ""),
        ("postcat", ("ABCDEF12345",), 1, "usage"),
        ("postcat", ("-q", "ABCDEF12345"), 1, "open queue file ABCDEF12345: No such file"),
    ],
)
def test_the_commands_answer_as_postfix_does(
    lab: Lab, program: str, words: tuple[str, ...], code: int, told: str
) -> None:
    ended = _run(lab, program, *words)
    assert ended.returncode == code
    assert told in ended.stderr
    assert bool(told) == bool(ended.stderr)


def test_ids_are_taken_from_standard_input_too(lab: Lab, queue: Path) -> None:
    _fill(lab)
    ids = [one.queue_id for one in _listed(lab, state="deferred").messages]
    ended = subprocess.run(
        [f"{lab.root}/usr/sbin/postsuper", "-h", "-"],
        input="\n".join(ids),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.endswith("postsuper: Placed on hold: 2 messages\n")
    assert _states(lab) == {"hold": 3}


def test_a_message_in_the_queue_is_plain_to_postqueue(lab: Lab, queue: Path) -> None:
    _fill(lab)
    lines = _run(lab, "postqueue", "-j").stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        told = json.loads(line)
        assert list(told) == [
            *("queue_name", "queue_id", "arrival_time", "message_size", "forced_expire"),
            *("sender", "recipients"),
        ]
