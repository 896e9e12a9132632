"""The milters behind a milter-manager, asked directly: over the lab's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actions.action import ActionError, Context, Exit
from actions.chain.children import AskingChild
from actions.chain.declared.load import chain_load
from actions.chain.declared.scenario import chain_scenario
from actions.chain.declared.test import chain_test
from actions.milter.session import Exchange, Negotiated
from console.lab.lab import running_lab
from console.render.chain import headline, render
from console.render.hint import Hints
from console.render.load import headline as load_headline
from console.render.load import render as load_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.chain.load.report import LoadReport
    from actions.chain.report import ChainReport, ChildResult
    from console.lab.lab import Lab

NAMES = ["milter-greylist", "clamav-milter", "spamass-milter"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


def ask_all(
    lab: Lab, tell: Callable[[object], None] = lambda _: None, **options: Any
) -> tuple[ChainReport, dict[str, ChildResult]]:
    report = chain_test(Context(lab.host, tell), **options)
    return report, {child.milter.name: child for child in report.children}


def test_each_child_is_asked_and_the_one_that_decides_is_named(lab: Lab) -> None:
    report, children = ask_all(lab, sample="gtube")
    assert (report.status, report.decided_by) == ("reject", "milter-manager")
    assert list(children) == NAMES
    assert children["spamass-milter"].status == "reject"
    assert children["spamass-milter"].reply == report.reply == "550 5.7.1 Blocked by SpamAssassin"
    assert children["clamav-milter"].status in {"pass", "accept"}
    assert "it is spamass-milter behind milter-manager that answers so" in report.notes
    told = render(report, Hints())
    assert " Behind milter-manager, each asked directly" in told
    assert "spamass-milter: reject at end of message, 550 5.7.1 Blocked by SpamAssassin" in told


def test_a_child_that_the_manager_skips_is_named_with_the_reason(lab: Lab) -> None:
    report, children = ask_all(lab, profile="inside")
    skipped = children["spamass-milter"].skipped
    assert skipped == "applies to remote networks; this test came from 192.168.1.20"
    assert children["clamav-milter"].skipped == ""
    assert report.exit_code == Exit.FINE
    assert "milter-manager skipped spamass-milter: applies to" in render(report, Hints())


def test_networks_that_only_the_configuration_knows_are_no_accusation(lab: Lab) -> None:
    report, children = ask_all(lab, sample="gtube", connect_address="192.0.2.5")
    assert report.status in {"pass", "accept"}  # the lab's manager counts this network as local
    assert "further local networks" in children["spamass-milter"].perhaps_skipped
    (note,) = (note for note in report.notes if note.startswith("spamass-milter would refuse"))
    assert "unless milter-manager skipped it: " in note


def test_events_of_a_child_follow_its_name(lab: Lab) -> None:
    events: list[object] = []
    ask_all(lab, events.append)
    starts = [at for at, event in enumerate(events) if isinstance(event, AskingChild)]
    assert [events[at].name for at in starts] == NAMES  # type: ignore[attr-defined]
    for start, end in zip(starts, [*starts[1:], len(events)], strict=True):
        mine = [one for one in events[start:end] if isinstance(one, (Negotiated, Exchange))]
        assert {one.milter for one in mine} == {events[start].name}  # type: ignore[attr-defined]


def test_a_dead_child_is_mail_that_passes_unfiltered() -> None:
    with running_lab(["milter-dead"]) as lab:
        report, children = ask_all(lab)
    assert report.status in {"pass", "accept"}
    assert children["clamav-milter"].status == "undecided"
    told = "clamav-milter behind milter-manager gave no decision (Connection refused)"
    assert report.doubts == (f"{told}: mail passes it unfiltered",)
    assert report.exit_code == Exit.UNDECIDED
    wanted = report._replace(shown=report.shown._replace(expect=report.status))
    assert wanted.exit_code == Exit.UNDECIDED
    assert "it may not have been filtered - clamav-milter behind" in headline(report)
    brief = render(report._replace(shown=report.shown._replace(brief=True)), Hints())
    assert brief.splitlines()[2] == report.doubts[0]


def test_milters_that_were_named_have_no_children(lab: Lab) -> None:
    manager = ask_all(lab)[0].milters[0].endpoint
    assert not ask_all(lab, milter=(manager,))[0].children


def test_children_are_asked_once_beside_sessions_side_by_side(lab: Lab) -> None:
    report, children = ask_all(lab, threads=2)
    assert list(children) == NAMES
    assert len(report.sessions) == 2


def test_a_manager_that_lost_its_children_filters_nothing() -> None:
    with running_lab(["manager-conf-broken"]) as lab:
        report, _ = ask_all(lab, sample="eicar")
    assert report.status in {"pass", "accept"}
    assert report.exit_code == Exit.UNDECIDED
    assert "milter-manager.conf" in report.doubts[0]
    assert render(report, Hints()).count(report.doubts[0][:60]) == 1


def with_manager(lab: Lab, **settings: str) -> None:
    """Give clamav-milter further settings, which the running manager takes up."""
    lines = "".join(f"  milter.{name} = {value}\n" for name, value in settings.items())
    path = Path(lab.host.at("/etc/milter-manager/milter-manager.conf"))
    begin = 'define_milter("clamav-milter") do |milter|\n'
    text = path.read_text()
    assert begin in text
    path.write_text(text.replace(begin, begin + lines))


def test_a_fallback_that_refuses_lets_nothing_pass() -> None:
    with running_lab(["milter-dead"]) as lab:
        with_manager(lab, fallback_status='"temporary-failure"')
        lab.host.units.operate("reload", "milter-manager")
        report, children = ask_all(lab)
    assert (report.status, report.decided_by) == ("temporary-failure", "milter-manager")
    assert children["clamav-milter"].fallback == "tempfail"
    assert not report.doubts
    assert any("answers for it by its fallback_status" in note for note in report.notes)


def test_a_manager_that_runs_with_something_else_than_its_file_says() -> None:
    with running_lab() as lab:
        with_manager(lab, enabled="false")
        report, children = ask_all(lab, sample="eicar")
    assert report.decided_by == "milter-manager"
    assert "clamav-milter" not in children
    assert any("may differ from its configuration file" in note for note in report.notes)


def refuse(lab: Lab, written: str) -> None:
    """Put a milter before the others that Postfix does not accept."""
    path = Path(lab.host.at("/etc/postfix/main.cf"))
    text = path.read_text()
    assert "\nsmtpd_milters =\n" in text
    path.write_text(text.replace("\nsmtpd_milters =\n", f"\nsmtpd_milters = {written},\n"))


@pytest.mark.parametrize("written", ["inet:8891@localhost", "/run/a.sock"])
def test_what_postfix_does_not_accept_decides_nothing(written: str) -> None:
    with running_lab() as lab:
        refuse(lab, written)
        report, _ = ask_all(lab, sample="eicar")
        brief = render(report._replace(shown=report.shown._replace(brief=True)), Hints())
    assert (report.status, report.exit_code) == ("undecided", Exit.UNDECIDED)
    assert f"Postfix refuses {written}" in report.because
    assert "Postfix does not accept this chain" in headline(report)
    assert brief.startswith("Not decided: Postfix does not accept this chain")


def test_delivered_is_wanted_whatever_word_the_filters_use(lab: Lab) -> None:
    assert ask_all(lab, expect="delivered")[0].exit_code == Exit.FINE
    assert ask_all(lab, expect="delivered", sample="gtube")[0].exit_code == Exit.PROBLEM


def load(lab: Lab, **options: Any) -> LoadReport:
    return chain_load(Context(lab.host), sessions=3, **options)


def test_a_load_says_that_children_are_not_looked_at(lab: Lab) -> None:
    report = load(lab, parallel=50)
    assert "the milters behind milter-manager are not looked at" in report.notes[0]
    assert report.parallel == 3


def test_a_load_of_nothing_that_answers_leaves_nothing_behind(tmp_path: Path, lab: Lab) -> None:
    report = load(lab, milter=(f"unix:{tmp_path}/nobody",))
    assert (report.sessions, report.messages, report.bytes) == (3, 0, 0)
    assert report.notes == ()
    assert "  nobody" not in load_text(report, Hints())


def test_a_load_on_a_chain_that_postfix_refuses_is_refused() -> None:
    with running_lab() as lab:
        refuse(lab, "/run/a.sock")
        with pytest.raises(ActionError, match=r"Postfix refuses /run/a\.sock") as refused:
            load(lab)
    assert refused.value.exit_code == Exit.UNDECIDED


def test_a_suite_on_a_chain_that_postfix_refuses_is_undecided() -> None:
    with running_lab() as lab:
        refuse(lab, "inet:8891@localhost")
        report = chain_scenario(Context(lab.host), file=("clamav-milter",))
    assert report.exit_code == Exit.UNDECIDED
    assert "Postfix refuses inet:8891@localhost" in report.suites[0].scenarios[0].because


def test_a_load_on_a_manager_without_children_is_doubted() -> None:
    with running_lab(["manager-conf-broken"]) as lab:
        report = load(lab)
    assert "milter-manager.conf" in report.doubts[0]
    assert report.exit_code == Exit.UNDECIDED
    assert report.doubts[0] in load_headline(report)


def test_a_refusal_that_no_mail_meets_decides_nothing() -> None:
    with running_lab() as lab:
        path = Path(lab.host.at("/etc/postfix/main.cf"))
        text = path.read_text()
        path.write_text(text.replace("default_action = tempfail", "default_action = foo"))
        report, _ = ask_all(lab)
    assert report.exit_code == Exit.FINE
    assert any("whenever the milter fails" in note for note in report.notes)


def test_a_milter_that_postfix_passes_over_is_a_doubt() -> None:
    with running_lab() as lab:
        refuse(lab, "{ /run/a.sock, default_action=accept }")
        report, _ = ask_all(lab)
    assert report.status in {"pass", "accept"}
    assert "the milter is passed over" in report.doubts[0]
    assert report.exit_code == Exit.UNDECIDED


def test_a_fallback_that_the_manager_does_not_run_with_is_a_doubt() -> None:
    with running_lab(["milter-dead"]) as lab:
        with_manager(lab, fallback_status='"temporary-failure"')
        report, _ = ask_all(lab)
    assert report.status in {"pass", "accept"}
    assert "against its fallback_status" in report.doubts[0]


def test_a_child_said_to_be_skipped_explains_no_answer() -> None:
    with running_lab() as lab:
        path = Path(lab.host.at("/etc/milter-manager/milter-manager.conf"))
        begin = 'define_milter("clamav-milter") do |milter|\n'
        condition = '  milter.add_applicable_condition("Authenticated")\n'
        path.write_text(path.read_text().replace(begin, begin + condition))
        report, children = ask_all(lab, sample="eicar")
    assert children["clamav-milter"].skipped
    assert any("may differ from its configuration file" in note for note in report.notes)
