"""The queue of a real Postfix: seen, explained, and changed by plans."""

from __future__ import annotations

import socket
import subprocess
import time
from typing import TYPE_CHECKING, cast

import pytest

from actions.action import ActionError, Exit
from actions.changes import QueueOperation
from actions.changes.queue import Chosen
from actions.finding import Health
from actions.journal.undoing import plan_undo
from actions.plan import Standing
from actions.runner import run_plan
from tests.milters.running import eventually

if TYPE_CHECKING:
    from actions.outcome import PlanReport
    from actions.plan import Plan
    from actions.queue.report import MessageReport, QueueReport, WhereReport
    from tests.actions.queue.conftest import Mail


def listed(mail: Mail, **arguments: object) -> QueueReport:
    return cast("QueueReport", mail.look("queue.list", **arguments))


def planned(mail: Mail, action: str, **arguments: object) -> Plan:
    return cast("Plan", mail.look(action, **arguments))


def done(mail: Mail, action: str, **arguments: object) -> PlanReport:
    report = run_plan(mail.ctx, planned(mail, action, **arguments))
    assert report.status == "applied", report
    return report


def states(mail: Mail) -> dict[str, int | None]:
    return {count.state: count.messages for count in listed(mail).states if count.messages}


def test_an_empty_queue_is_fine(mail: Mail) -> None:
    report = listed(mail)
    assert (report.matched, report.total, report.messages, report.reasons) == (0, 0, (), ())
    assert (report.oldest, report.next_retry, report.unseen) == (None, None, ())
    assert report.exit_code == Exit.FINE
    assert [count.state for count in report.states] == [
        *("incoming", "active", "deferred", "hold", "maildrop", "corrupt")
    ]


def test_what_waits_is_counted_and_explained(mail: Mail) -> None:
    mail.send("a@closed.example", "b@closed.example")
    mail.send("c@waiting.example", "d@closed.example", sender="")
    mail.send("hold@example.org")
    mail.wait(deferred=2, hold=1)
    report = listed(mail)
    assert states(mail) == {"deferred": 2, "hold": 1}
    assert report.matched == 3
    refused = f"connect to *:{mail.postfix.closed}: Connection refused"
    told = [(group.reason, group.messages, group.recipients) for group in report.reasons]
    assert told == [(refused, 2, 3), ("mail transport unavailable", 1, 1)]
    assert report.reasons[0].domains == (("closed.example", 3),)
    assert "connect to 127.0.0.1[127.0.0.1]" in report.reasons[0].example
    bounce = next(one for one in report.messages if not one.sender)
    assert {one.address for one in bounce.recipients} == {"c@waiting.example", "d@closed.example"}
    (finding,) = report.findings
    assert (finding.name, finding.health) == ("queue.held", Health.DEGRADED)
    assert report.exit_code == Exit.PROBLEM
    assert listed(mail, max_held=1).exit_code == Exit.FINE
    many = listed(mail, max_held=1, max_deferred=1)
    assert [finding.name for finding in many.findings] == ["queue.deferred"]


def test_the_next_attempt_is_the_time_that_qmgr_notes(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.send("hold@example.org")
    mail.wait(deferred=1, hold=1)
    report = listed(mail)
    by_state = {one.state: one for one in report.messages}
    assert by_state["hold"].next_retry is None
    retry = by_state["deferred"].next_retry
    assert retry is not None
    # minimal_backoff_time of this instance is 300 s; qmgr(8) looks at its clock in seconds.
    assert 290 <= retry - time.time() <= 302
    assert report.next_retry == retry
    before = mail.attempts("a@closed.example")
    assert done(mail, "queue.flush", id=(by_state["deferred"].queue_id,))
    eventually(lambda: mail.attempts("a@closed.example") > before)
    mail.wait(deferred=1, hold=1)
    again = listed(mail, state="deferred").messages[0].next_retry
    assert again is not None
    assert again >= retry


def test_choosing(mail: Mail) -> None:
    mail.send("a@closed.example", sender="news@example.org")
    mail.send("b@waiting.example", sender="")
    mail.send("hold@example.org", sender="news@example.org")
    mail.wait(deferred=2, hold=1)
    for choice, number in (
        ({"state": "deferred"}, 2),
        ({"sender": "news@example.org"}, 2),
        ({"sender": "NEWS@*"}, 2),
        ({"sender": "@example.org", "state": "hold"}, 1),
        ({"sender": "<>"}, 1),
        ({"recipient": "@waiting.example"}, 1),
        ({"reason": "connection REFUSED"}, 1),
        ({"reason": "refused", "recipient": "@waiting.example"}, 0),
    ):
        report = listed(mail, **choice)
        assert (report.matched, len(report.messages)) == (number, number), choice
        assert report.total == 3
        assert report.choice
    assert len(listed(mail, limit=1).messages) == 1
    assert listed(mail, limit=0).messages == ()
    assert listed(mail, limit=2).messages == listed(mail).messages[:2]


def test_a_message_is_shown_and_its_text_only_when_asked_for(mail: Mail) -> None:
    text = (
        "Subject: one\n two\nX-Evil: \x1b[31m\n\nsecret\n*** MESSAGE FILE END deferred/A ***\nend\n"
    )
    mail.send("a@closed.example", "b@closed.example", text=text)
    mail.wait(deferred=1)
    (queued,) = listed(mail).messages
    report = cast("MessageReport", mail.look("queue.show", id=queued.queue_id))
    assert report.message == queued
    assert report.body is None
    assert "secret" not in repr(report)
    headers = dict(report.headers)
    assert headers["Subject"] == "one\n two"
    assert headers["X-Evil"] == "\x1b[31m"
    assert ("sender", "alice@example.org") in report.envelope
    assert [value for name, value in report.envelope if name == "recipient"] == [
        *("a@closed.example", "b@closed.example")
    ]
    whole = cast("MessageReport", mail.look("queue.show", id=queued.queue_id, body=True))
    assert whole.headers == report.headers
    assert whole.body == "secret\n*** MESSAGE FILE END deferred/A ***\nend"
    assert not whole.body_cut


def test_a_long_text_is_cut(mail: Mail) -> None:
    mail.send("hold@example.org", text="Subject: x\n\n" + "0123456789\n" * 100_000)
    mail.wait(hold=1)
    (queued,) = listed(mail).messages
    report = cast("MessageReport", mail.look("queue.show", id=queued.queue_id, body=True))
    assert report.body_cut
    assert len(report.body or "") <= 256 * 1024


@pytest.mark.parametrize(
    ("queue_id", "code"), [("ABCDEF12345", Exit.PROBLEM), ("ALL", Exit.USAGE), ("-d", Exit.USAGE)]
)
def test_what_is_not_in_the_queue_can_not_be_shown(mail: Mail, queue_id: str, code: Exit) -> None:
    with pytest.raises(ActionError) as told:
        mail.look("queue.show", id=queue_id)
    assert told.value.exit_code == code


def test_hold_and_its_undo(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.send("b@waiting.example")
    mail.send("hold@example.org")
    mail.wait(deferred=2, hold=1)
    report = done(mail, "queue.hold", sender="alice@example.org")
    (change,) = report.changes
    assert (change.kind, change.undo) == ("hold", "compensating")
    assert change.target.endswith(" and 1 more")
    assert report.proof is not None
    proof = cast("WhereReport", report.proof.report)
    assert [place.state for place in proof.places] == ["hold", "hold"]
    assert states(mail) == {"hold": 3}
    assert planned(mail, "queue.hold", state="hold").changes == ()
    undone = run_plan(mail.ctx, plan_undo(mail.ctx, report.entry, partly=False))
    assert undone.status == "applied"
    # What an operator or a milter had put on hold before stays there.
    assert states(mail) == {"deferred": 2, "hold": 1}


def test_release_lets_mail_go_on(mail: Mail) -> None:
    mail.send("hold@example.org")
    mail.wait(hold=1)
    (queued,) = listed(mail).messages
    report = done(mail, "queue.release", id=(queued.queue_id,))
    assert states(mail) == {"deferred": 1}
    assert done(mail, "queue.flush").status == "applied"
    eventually(lambda: not listed(mail).total)
    # Undone after it was delivered, nothing is left to hold, and nothing is wrong.
    assert plan_undo(mail.ctx, report.entry, partly=False).changes == ()


def test_requeue_gives_new_ids(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.wait(deferred=1)
    (old,) = listed(mail).messages
    report = done(mail, "queue.requeue", state="deferred")
    assert report.changes[0].undo == "none"
    assert states(mail) == {"maildrop": 1}
    with socket.socket(socket.AF_UNIX) as pickup:
        pickup.connect(str(mail.postfix.root / "queue/public/pickup"))
        pickup.sendall(b"W")
    mail.wait(deferred=1, maildrop=0)
    (new,) = listed(mail).messages
    assert new.queue_id != old.queue_id
    assert new.recipients == old.recipients


def test_delete_and_that_nothing_brings_it_back(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.send("b@waiting.example")
    mail.wait(deferred=2)
    plan = planned(mail, "queue.delete", reason="mail transport unavailable")
    (change,) = plan.changes
    assert change.undo == "none"
    assert change.undo_note
    shown = "\n".join(line.text for line in change.lines())
    assert "alice@example.org → b@waiting.example" in shown
    assert run_plan(mail.ctx, plan).status == "applied"
    (left,) = listed(mail).messages
    assert left.recipients[0].address == "a@closed.example"


def test_a_message_that_left_meanwhile_is_passed_over_and_said(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.send("b@closed.example")
    mail.wait(deferred=2)
    plan = planned(mail, "queue.hold", state="deferred")
    first, second = (one.queue_id for one in listed(mail).messages)
    mail.run("postsuper", "-d", first)
    report = run_plan(mail.ctx, plan)
    assert report.status == "applied"
    assert report.proof is not None
    proof = cast("WhereReport", report.proof.report)
    assert {place.queue_id: place.state for place in proof.places} == {first: "", second: "hold"}
    some = planned(mail, "queue.release", id=(first, second))
    assert f"no longer in the queue: {first}" in some.why
    assert some.title == f"Release message {second}"


def test_a_queue_id_that_is_another_message_by_now_is_not_touched(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.wait(deferred=1)
    (queued,) = listed(mail).messages
    other = QueueOperation("delete", (Chosen(queued.queue_id, queued.arrival - 60),))
    assert other.stands(mail.host) is Standing.AFTER
    other.apply(mail.host, "t")
    assert states(mail) == {"deferred": 1}


def test_a_hold_that_others_undid_can_be_told(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.wait(deferred=1)
    (queued,) = listed(mail).messages
    hold = QueueOperation("hold", (Chosen(queued.queue_id, queued.arrival),))
    back = hold.inverse()
    assert back is not None
    assert (hold.stands(mail.host), back.stands(mail.host)) == (Standing.BEFORE, Standing.AFTER)
    hold.apply(mail.host, "t")
    assert (hold.stands(mail.host), back.stands(mail.host)) == (Standing.AFTER, Standing.BEFORE)
    mail.run("postsuper", "-H", queued.queue_id)
    assert back.stands(mail.host) is Standing.AFTER


def test_where_tells_what_is_not_as_expected(mail: Mail) -> None:
    mail.send("hold@example.org")
    mail.wait(hold=1)
    (queued,) = listed(mail).messages
    for expect, code in (("", 0), ("hold", 0), ("moving", 1), ("gone", 1)):
        ids = (queued.queue_id, "ABCDEF12345")
        report = cast("WhereReport", mail.look("queue.where", id=ids, expect=expect))
        assert [place.state for place in report.places] == ["hold", ""]
        assert report.exit_code == code, expect
        assert bool(report.because) == bool(code)


def test_flush_of_a_site_reaches_its_mail_alone(mail: Mail) -> None:
    mail.send("a@closed.example")
    mail.send("b@waiting.example")
    mail.wait(deferred=2)
    before = mail.attempts("a@closed.example"), mail.attempts("b@waiting.example")
    report = done(mail, "queue.flush", site="waiting.example")
    eventually(lambda: mail.attempts("b@waiting.example") > before[1])
    mail.wait(deferred=2)
    assert mail.attempts("a@closed.example") == before[0]
    # There is nothing to take back.
    assert plan_undo(mail.ctx, report.entry, partly=False).changes == ()
    assert planned(mail, "queue.flush", site="elsewhere.example").changes == ()
    done(mail, "queue.flush")
    eventually(lambda: mail.attempts("a@closed.example") > before[0])
    mail.wait(deferred=2)


@pytest.mark.parametrize("action", ["hold", "release", "requeue", "delete"])
def test_a_plan_wants_to_know_which_messages(mail: Mail, action: str) -> None:
    for arguments, code in (
        ({}, Exit.USAGE),
        ({"id": ("ALL",)}, Exit.USAGE),
        ({"id": ("-d",)}, Exit.USAGE),
        ({"id": ("ABCDEF12345",)}, Exit.PROBLEM),
    ):
        with pytest.raises(ActionError) as told:
            mail.look(f"queue.{action}", **arguments)
        assert told.value.exit_code == code
        assert told.value.next_step
    assert planned(mail, f"queue.{action}", state="active").changes == ()


def test_a_damaged_message_is_a_finding(mail: Mail) -> None:
    corrupt = mail.postfix.root / "queue/corrupt/ABCDEF12345"
    corrupt.write_bytes(b"no queue file")
    try:
        report = listed(mail)
    finally:
        corrupt.unlink()
    assert [finding.name for finding in report.findings] == ["queue.corrupt"]
    assert report.total == 1


def test_a_postfix_that_is_down_is_said(mail: Mail) -> None:
    mail.send("hold@example.org")
    mail.wait(hold=1)
    mail.run("postfix", "stop")
    try:
        report = listed(mail)
    finally:
        mail.run("postfix", "start")
    assert report.total == 1
    assert "Postfix is down: nothing of it is delivered" in report.unseen
    assert not listed(mail).unseen


@pytest.mark.parametrize("number", [2, 6])
def test_the_command_that_is_shown_does_the_same(mail: Mail, number: int) -> None:
    for _ in range(number):
        mail.send("a@closed.example")
    mail.wait(deferred=number)
    config = {"PATH": "/usr/sbin:/usr/bin:/bin", "MAIL_CONFIG": str(mail.postfix.config)}
    (flush,) = planned(mail, "queue.flush", site="closed.example").changes
    before = mail.attempts("a@closed.example")
    subprocess.run(["sh", "-ec", flush.as_command()], check=True, env=config)
    eventually(lambda: mail.attempts("a@closed.example") == before + number)
    mail.wait(deferred=number)
    (hold,) = planned(mail, "queue.hold", state="deferred").changes
    back = hold.inverse()
    assert back is not None
    for change, folder in ((hold, "hold"), (back, "deferred")):
        command = change.as_command()
        subprocess.run(["sh", "-ec", command], check=True, env=config, capture_output=True)
        assert len(mail.postfix.queued(folder)) == number
        assert change.stands(mail.host) is Standing.AFTER
