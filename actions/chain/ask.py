"""The body of ``chain.test``: which milters are asked what, and what is told beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.difference import differences
from actions.chain.request import (
    Limits,
    Mail,
    Origin,
    Target,
    chosen_timeouts,
    spelled_out,
    usage,
)
from actions.chain.run import test_chain, test_side_by_side
from actions.chain.samples import SAMPLES
from actions.chain.target import found_chain, rights_note
from actions.chain.verdict import not_as_postfix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions.action import Context
    from actions.chain.report import ChainReport, Shown

MOST_SESSIONS = 100

LOCAL = "local"
"""The profile of mail that is handed in on this host; every other comes by SMTP."""


def ask(
    ctx: Context,
    target: Target,
    mail: Mail,
    origin: Origin,
    macros: Mapping[str, Sequence[str]],
    limits: Limits,
    shown: Shown,
) -> ChainReport:
    """Run the test that was asked for and return its report.

    Raises:
        ActionError: an option makes no sense, or this host has no milters to ask.
    """
    if not 1 <= target.sessions <= MOST_SESSIONS:
        raise usage(f"--threads is a number from 1 to {MOST_SESSIONS}")
    local = origin.profile == LOCAL and not target.specs
    service = target.chain or ("non_smtpd" if local else "")
    found = found_chain(ctx, target.specs, target.as_user, service)
    if found.submitted:
        if origin.profile not in {LOCAL, "outside"}:
            raise usage(
                f"--profile {origin.profile}: mail of {service} comes from no client",
                f"leave it out, or give --profile {LOCAL}",
            )
        origin = origin._replace(profile=LOCAL)
    elif local:
        raise usage(f"--profile {LOCAL} goes with --chain non_smtpd: it comes without SMTP")
    chain = tuple(
        link._replace(
            timeouts=chosen_timeouts(limits, link.timeouts),
            offer=link.offer if target.version is None else None,
        )
        for link in found.links
    )
    asked = target._replace(as_user=found.as_user)
    request = spelled_out(found.mta, asked, mail, origin, macros, limits, trace=shown.trace)
    request = request._replace(configured=found.own)
    if mail.save_as:
        from actions.chain.written import check_writable, write

        check_writable("--save-message", mail.save_as)
    if target.sessions > 1:
        report = test_side_by_side(ctx, chain, request, target.sessions)
    else:
        report = test_chain(ctx, chain, request)
    if found.managers:
        from actions.chain.children import with_children

        report = with_children(ctx, report, found.managers, request, limits)
    report = report._replace(doubts=(*found.passed_over, *report.doubts))
    if found.refusals:
        report = not_as_postfix(report, found.refusals[0])
    if mail.save_as and report.message_after:
        write("--save-message", mail.save_as, report.message_after, 0o600)
    notes = (
        *found.refusals[1:],
        *found.oddities,
        *report.notes,
        *_further_notes(mail, report),
        *rights_note(ctx, found),
    )
    return report._replace(
        setting=report.setting._replace(chain=found.service),
        notes=notes,
        differences=differences(report.edited),
        edited=(),
        shown=shown,
    )


def _further_notes(mail: Mail, report: ChainReport) -> Iterator[str]:
    warning = "" if mail.file else SAMPLES[mail.sample].warning
    if warning:
        yield f"sample {mail.sample}: {warning}"
    if mail.save_as and report.message_after:
        yield f"the message as the chain leaves it is in {mail.save_as}"
    elif mail.save_as:
        yield f"{mail.save_as} was not written: the session ended before the content"
