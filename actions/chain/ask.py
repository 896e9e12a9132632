"""The body of ``chain.test``: which milters, opened as whom, asked what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
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
from actions.host.endpoint import BadEndpoint
from actions.host.errors import HostError
from actions.mailhost.chain import configured_chain, connector_as, links
from actions.milter.transport import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions.action import Context
    from actions.chain.report import ChainReport, Shown
    from actions.milter.link import Link
    from actions.milter.transport import Timeouts

MOST_SESSIONS = 100


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
    chain, user = _chain(ctx, target, chosen_timeouts(limits))
    request = spelled_out(
        ctx.host.name,
        target._replace(as_user=user),
        mail,
        origin,
        macros,
        limits,
        trace=shown.trace,
    )
    if target.sessions > 1:
        report = test_side_by_side(ctx, chain, request, target.sessions)
    else:
        report = test_chain(ctx, chain, request)
    return report._replace(notes=(*report.notes, *_further_notes(mail, report)), shown=shown)


def _further_notes(mail: Mail, report: ChainReport) -> Iterator[str]:
    warning = "" if mail.file else SAMPLES[mail.sample].warning
    if warning:
        yield f"sample {mail.sample}: {warning}"
    if mail.save_as and report.message_after:
        _save(mail.save_as, report.message_after)
        yield f"the message as the chain leaves it is in {mail.save_as}"
    elif mail.save_as:
        yield f"{mail.save_as} was not written: the session ended before the content"


def _chain(ctx: Context, target: Target, timeouts: Timeouts) -> tuple[tuple[Link, ...], str]:
    """Return the milters to ask and the user whose rights open their sockets."""
    specs, action, user = target.specs, "tempfail", target.as_user
    if not specs:
        specs, action = _own_chain(ctx)
        user = user or (ctx.host.postfix.user() if os.geteuid() == 0 else "")
    connector = connector_as(ctx.host, user) if user else connect
    try:
        return links(specs, action, timeouts, connector), user
    except BadEndpoint as error:
        raise usage(f"--milter {error}") from error


def _own_chain(ctx: Context) -> tuple[tuple[str, ...], str]:
    try:
        own = configured_chain(ctx.host)
    except HostError as error:
        raise ActionError(
            f"the milters of this host can't be read: {error}",
            Exit.UNDECIDED,
            "name one with --milter unix:/path/to/socket",
        ) from error
    if not own.specs:
        raise ActionError(
            "Postfix on this host uses no milter (smtpd_milters is empty)",
            Exit.USAGE,
            "name one with --milter unix:/path/to/socket",
        )
    return own.specs, own.default_action


def _save(path: str, message: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(message)
    except OSError as error:
        raise usage(f"--save-message {path}: {error.strerror}") from error
