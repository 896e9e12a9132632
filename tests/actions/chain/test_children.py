"""The milters behind a milter-manager, asked directly: over the lab's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actions.action import Context, Exit
from actions.chain.children import AskingChild
from actions.chain.declared.test import chain_test
from actions.milter.session import Exchange, Negotiated
from console.lab.lab import running_lab
from console.render.chain import headline, render
from console.render.hint import Hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    assert report.unfiltered_by == ("clamav-milter",)
    assert report.exit_code == Exit.UNDECIDED
    wanted = report._replace(shown=report.shown._replace(expect=report.status))
    assert wanted.exit_code == Exit.UNDECIDED
    assert "clamav-milter gave no decision" in headline(report)
    brief = render(report._replace(shown=report.shown._replace(brief=True)), Hints())
    assert "Failed to connect to unix:" in brief


def test_milters_that_were_named_have_no_children(lab: Lab) -> None:
    manager = ask_all(lab)[0].milters[0].endpoint
    assert not ask_all(lab, milter=(manager,))[0].children


def test_sessions_side_by_side_ask_the_chain_only(lab: Lab) -> None:
    assert not ask_all(lab, threads=2)[0].children
