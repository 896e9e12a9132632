"""A milter taken out of the chain and into it, as one action each, while mail flows."""

from __future__ import annotations

import re
import smtplib
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from actions.action import ActionError, Context, Exit
from actions.journal.store import Journal
from actions.registry import find
from actions.runner import run_plan
from console.lab.lab import running_lab
from tests.actions.killing import in_child
from tests.actions.services.driving import (
    MANAGED,
    activity,
    applied,
    asked,
    contents,
    planned,
    restored,
    undo,
)
from tests.console.lab.kit import EICAR, INSIDE, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab

ALL = ["milter-manager", "milter-greylist", "clamav-milter", "spamass-milter", "opendkim"]


COMES_AGAIN = 0
"""No answer: the lab's Postfix reloads by a new process, and a client tries again."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    with restored(shared):
        yield shared


@contextmanager
def mail_flowing(lab: Lab) -> Iterator[list[int]]:
    """Send harmless mail again and again; yields the codes that decided each."""
    over = threading.Event()
    codes: list[int] = []

    def flow() -> None:
        while not over.is_set():
            try:
                codes.append(_sent(lab))
            except (OSError, smtplib.SMTPServerDisconnected):
                codes.append(COMES_AGAIN)

    sender = threading.Thread(target=flow)
    sender.start()
    try:
        yield codes
    finally:
        over.set()
        sender.join()


def _sent(lab: Lab) -> int:
    message = "From: <a@example.net>\r\nMessage-ID: <x@example.net>\r\n\r\nhello"
    with smtplib.SMTP("127.0.0.1", lab.smtp_port, timeout=30) as smtp:
        smtp.ehlo("tests")
        smtp.docmd("XCLIENT", f"NAME={INSIDE.name} ADDR={INSIDE.address}")
        smtp.ehlo(INSIDE.name)
        steps = (
            partial(smtp.mail, "a@example.net"),
            partial(smtp.rcpt, "alice@example.org"),
            partial(smtp.data, message),
        )
        for step in steps:
            code = step()[0]
            if code != 250:
                return code
    return code


def test_a_child_is_dropped_and_taken_again(lab: Lab) -> None:
    assert send(lab, EICAR, INSIDE).code == 550
    with mail_flowing(lab) as codes:
        dropped = applied(lab, planned(lab, "drop", service="clamav-milter"))
        assert dropped.exit_code is Exit.FINE
        kinds = [change.kind for change in dropped.changes]
        assert kinds == ["disable", "edit", "check", "reload", "wait", "stop"]
        assert asked(lab) == [name for name in ALL if name != "clamav-milter"]
        state = lab.host.units.state("clamav-milter")
        assert (state.activity, state.enabled) == ("inactive", False)
        taken = applied(lab, planned(lab, "take", service="clamav-milter"))
        assert taken.exit_code is Exit.FINE
    assert asked(lab) == ALL
    assert set(codes) == {250}, "no mail was refused or put off on the way"
    assert send(lab, EICAR, INSIDE).code == 550


def test_mail_is_looked_at_without_it_in_between(lab: Lab) -> None:
    applied(lab, planned(lab, "drop", service="clamav-milter"))
    assert send(lab, EICAR, INSIDE).code == 250


def test_the_undo_of_a_drop_restores_every_byte(lab: Lab) -> None:
    before = contents(lab)
    report = applied(lab, planned(lab, "drop", service="spamass-milter"))
    assert contents(lab) != before
    undo(lab, report, proof="spamass-milter is asked again, and answers")
    assert contents(lab) == before
    assert asked(lab) == ALL
    assert activity(lab, "spamass-milter") == "active"
    assert lab.host.units.state("spamass-milter").enabled is True


def test_a_milter_that_postfix_asks_is_taken_out_of_its_list_first(lab: Lab) -> None:
    before = contents(lab)
    with mail_flowing(lab) as codes:
        report = applied(lab, planned(lab, "drop", service="opendkim"))
    assert report.exit_code is Exit.FINE
    kinds = [change.kind for change in report.changes]
    assert kinds == ["edit", "reload", "wait", "disable", "stop"]
    assert set(codes) <= {250, COMES_AGAIN}
    assert 250 in codes
    assert asked(lab) == [name for name in ALL if name != "opendkim"]
    assert lab.host.postfix.setting("non_smtpd_milters") == ""
    undo(lab, report)
    assert contents(lab) == before
    assert asked(lab) == ALL


def test_a_milter_of_no_list_is_asked_last_once_it_answers(lab: Lab) -> None:
    applied(lab, planned(lab, "drop", service="opendkim"))
    with mail_flowing(lab) as codes:
        report = applied(lab, planned(lab, "take", service="opendkim"))
    assert report.exit_code is Exit.FINE
    kinds = [change.kind for change in report.changes]
    assert kinds == ["start", "enable", "wait", "edit", "reload"]
    assert set(codes) <= {250, COMES_AGAIN}
    assert 250 in codes
    assert asked(lab) == ALL


def test_an_override_in_master_cf_is_edited_too(lab: Lab) -> None:
    master = Path(lab.host.at("/etc/postfix/master.cf"))
    specs = lab.host.postfix.setting("smtpd_milters").replace(" ", "")
    text = master.read_text()
    line = next(line for line in text.splitlines() if line.endswith(" smtpd"))
    master.write_text(text.replace(line, f"{line}\n    -o smtpd_milters={specs}"))
    before = contents(lab)
    report = applied(lab, planned(lab, "drop", service="opendkim"))
    assert report.exit_code is Exit.FINE
    assert "opendkim" not in master.read_text()
    undo(lab, report)
    assert contents(lab) == before


def test_a_list_made_of_other_settings_is_left_to_the_operator(lab: Lab) -> None:
    main = Path(lab.host.at("/etc/postfix/main.cf"))
    spec = next(one for one in lab.milters if "opendkim" in one)
    text = main.read_text()
    main.write_text(text.replace(spec, "$signer") + f"signer = {spec}\n")
    with pytest.raises(ActionError, match="another setting stands for it"):
        planned(lab, "drop", service="opendkim")


def test_what_is_out_and_off_needs_no_plan(lab: Lab) -> None:
    applied(lab, planned(lab, "drop", service="milter-greylist"))
    again = planned(lab, "drop", service="milter-greylist")
    assert not again.changes
    assert again.why.endswith("nothing to do")


def test_what_is_in_needs_no_plan(lab: Lab) -> None:
    assert not planned(lab, "take", service="milter-greylist").changes


def test_postfix_is_no_milter(lab: Lab) -> None:
    with pytest.raises(ActionError, match="postfix is no milter") as refused:
        planned(lab, "drop", service="postfix")
    assert "services.stop postfix" in refused.value.next_step


def test_what_a_manager_out_of_the_chain_names_is_not_asked_past_it(lab: Lab) -> None:
    main = Path(lab.host.at("/etc/postfix/main.cf"))
    manager, signer = (next(one for one in lab.milters if name in one) for name in ALL[::4])
    main.write_text(re.sub(rf"{re.escape(manager)}[,\s]*", "", main.read_text()))
    assert signer in lab.host.postfix.setting("smtpd_milters")
    with pytest.raises(ActionError, match="Postfix does not ask milter-manager") as refused:
        planned(lab, "take", service="milter-greylist")
    assert "services.take milter-manager" in refused.value.next_step
    kinds = [change.kind for change in planned(lab, "take", service="milter-manager").changes]
    assert kinds[0] == "edit"


def test_a_milter_that_does_not_start_is_not_asked(lab: Lab) -> None:
    applied(lab, planned(lab, "drop", service="clamav-milter"))
    before = contents(lab)
    conf = Path(lab.host.at("/etc/clamav/clamav-milter.conf"))
    text = conf.read_text()
    conf.write_text("Frobnicate yes\n")
    try:
        report = applied(lab, planned(lab, "take", service="clamav-milter"))
    finally:
        conf.write_text(text)
    assert report.exit_code is Exit.ROLLED_BACK
    assert contents(lab) == before
    assert "clamav-milter" not in asked(lab)


def test_another_child_that_vanishes_on_the_way_rolls_it_back(lab: Lab) -> None:
    """Somebody edits the manager's configuration while the plan is being done."""
    plan = planned(lab, "drop", service="clamav-milter")

    def lose_spamass(event: object) -> None:
        if type(event).__name__ == "Proving":
            file = Path(lab.host.at(MANAGED))
            start = (text := file.read_text()).index('define_milter("spamass-milter")')
            file.write_text(text[:start])

    report = run_plan(Context(lab.host, lose_spamass), plan)
    assert "spamass-milter is not asked" in report.because
    assert report.status == "stuck", "what somebody else has changed is not overwritten"
    assert activity(lab, "clamav-milter") == "active"


def drop(lab: Lab) -> None:
    assert applied(lab, planned(lab, "drop", service="clamav-milter")).status == "applied"


def test_a_drop_killed_anywhere_is_taken_back(lab: Lab) -> None:
    before = contents(lab)
    whole = in_child(partial(drop, lab))
    take_back(lab, before)
    killed = 0
    for line in range(whole.lines // 24, whole.lines, whole.lines // 12):
        killed += in_child(partial(drop, lab), line).killed
        take_back(lab, before)
        assert asked(lab) == ALL
    assert killed > 6


def take_back(lab: Lab, before: dict[str, bytes]) -> None:
    """Settle the interrupted entry, or undo what came to its end, as the next operator does."""
    journal = Journal(lab.host.state_folder)
    entries = journal.entries()
    if entries and (journal.open_entry() or contents(lab) != before):
        made = find("journal.undo").function(Context(lab.host), entry=entries[-1].id)
        assert applied(lab, made).status == "applied"  # type: ignore[arg-type]
    assert journal.open_entry() is None
    assert contents(lab) == before
    state = lab.host.units.state("clamav-milter")
    assert (state.activity, state.enabled) == ("active", True)


def test_a_port_that_each_writes_in_its_way_is_one_socket(lab: Lab) -> None:
    conf, main = (Path(lab.host.at(at)) for at in ("/etc/opendkim.conf", "/etc/postfix/main.cf"))
    before, spec = conf.read_text(), next(one for one in lab.milters if "opendkim" in one)
    lab.host.units.operate("stop", "opendkim")  # a lab's milters open no port
    lines = [line for line in before.splitlines() if not line.startswith("Socket")]
    conf.write_text("\n".join((*lines, "Socket inet:8891@localhost", "")))
    main.write_text(main.read_text().replace(spec, "inet:localhost:8891"))
    lab.host.units.operate("reload", "postfix")
    try:
        plan = planned(lab, "drop", service="opendkim")
        assert [change.kind for change in plan.changes] == ["edit", "reload", "disable"]
        look = partial(find("services.asked").function, Context(lab.host))
        without = cast("tuple[str, ...]", plan.proof.arguments["without"])  # type: ignore[union-attr]
        assert look(without=without).exit_code is Exit.PROBLEM  # type: ignore[attr-defined]
        assert applied(lab, plan).exit_code is Exit.FINE
        assert "8891" not in lab.host.postfix.setting("smtpd_milters")
        assert look(without=without).exit_code is Exit.FINE  # type: ignore[attr-defined]
        assert look(expect=without).exit_code is Exit.PROBLEM  # type: ignore[attr-defined]
    finally:
        conf.write_text(before)


def test_a_file_that_milter_manager_does_not_load_says_nothing(lab: Lab) -> None:
    local = Path(lab.host.at("/etc/milter-manager/milter-manager.local.conf"))
    local.write_text('define_milter("clamav-milter") do |milter|\n  milter.enabled = true\nend\n')
    try:
        plan = planned(lab, "drop", service="clamav-milter")
    finally:
        local.unlink()
    assert [one.target for one in plan.changes if one.kind == "edit"] == [lab.host.at(MANAGED)]
