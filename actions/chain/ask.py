"""The body of ``chain.test``: which milters, opened as whom, asked what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.request import (
    Limits,
    Mail,
    Mta,
    Origin,
    Target,
    chosen_timeouts,
    spelled_out,
    usage,
)
from actions.chain.run import test_chain, test_side_by_side
from actions.chain.samples import SAMPLES
from actions.host.endpoint import BadEndpoint
from actions.host.errors import HostError, UnknownAccount
from actions.mailhost.chain import configured_chain, connector_as, links
from actions.milter.transport import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions.action import Context
    from actions.chain.report import ChainReport, Shown
    from actions.milter.link import Link

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
    _check_user(ctx, target.as_user)
    own = not target.specs
    chain, mta, user = _own_chain(ctx, target.as_user) if own else _given_chain(ctx, target)
    chain = tuple(link._replace(timeouts=chosen_timeouts(limits, link.timeouts)) for link in chain)
    asked = target._replace(as_user=user)
    request = spelled_out(mta, asked, mail, origin, macros, limits, trace=shown.trace)
    request = request._replace(configured=own)
    if mail.save_as:
        _check_writable(mail.save_as)
    if target.sessions > 1:
        report = test_side_by_side(ctx, chain, request, target.sessions)
    else:
        report = test_chain(ctx, chain, request)
    if mail.save_as and report.message_after:
        _save(mail.save_as, report.message_after)
    notes = (*report.notes, *_further_notes(mail, report), *_rights_note(ctx, own=own, user=user))
    return report._replace(notes=notes, shown=shown)


def _check_user(ctx: Context, user: str) -> None:
    if not user:
        return
    try:
        account = ctx.host.accounts.user(user)
    except UnknownAccount as error:
        raise usage(f"--as-user: {error}") from error
    if os.geteuid() not in {0, account.uid}:
        raise ActionError(
            f"--as-user {user}: only root may open sockets with another user's rights",
            Exit.NOT_PERMITTED,
            "run it as root",
        )


def _given_chain(ctx: Context, target: Target) -> tuple[tuple[Link, ...], Mta, str]:
    connector = connector_as(ctx.host, target.as_user) if target.as_user else connect
    try:
        chain = links(target.specs, connector)
    except BadEndpoint as error:
        raise usage(f"--milter {error}") from error
    return chain, Mta(ctx.host.name, ctx.host.name), target.as_user


def _own_chain(ctx: Context, as_user: str) -> tuple[tuple[Link, ...], Mta, str]:
    """Return the milters of this host's Postfix, opened as its own user where that is possible."""
    elsewhere = "name one with --milter unix:/path/to/socket"
    try:
        user = as_user or (ctx.host.postfix.user() if os.geteuid() == 0 else "")
        own = configured_chain(ctx.host, connector_as(ctx.host, user) if user else connect)
    except HostError as error:
        raise ActionError(
            f"the milters of this host can't be read: {error}", Exit.UNDECIDED, elsewhere
        ) from error
    if not own.links:
        raise ActionError(
            "Postfix on this host uses no milter (smtpd_milters is empty)", Exit.USAGE, elsewhere
        )
    mta = Mta(own.hostname, own.daemon_name, own.version, own.macro_lists)
    return own.links, mta, user


def _rights_note(ctx: Context, *, own: bool, user: str) -> Iterator[str]:
    """Say where the sockets of the host's own chain were not opened as Postfix opens them."""
    if own and not user and ctx.host.kind == "system":
        yield (
            "the sockets were opened with your own rights: whether Postfix may open them is "
            "not shown (run it as root)"
        )


def _further_notes(mail: Mail, report: ChainReport) -> Iterator[str]:
    warning = "" if mail.file else SAMPLES[mail.sample].warning
    if warning:
        yield f"sample {mail.sample}: {warning}"
    if mail.save_as and report.message_after:
        yield f"the message as the chain leaves it is in {mail.save_as}"
    elif mail.save_as:
        yield f"{mail.save_as} was not written: the session ended before the content"


def _check_writable(path: str) -> None:
    """Refuse a file that can't be written before the test, so that no report is lost."""
    place = path if os.path.lexists(path) else os.path.dirname(os.path.abspath(path))
    right = os.W_OK | os.X_OK if os.path.isdir(place) else os.W_OK
    if os.path.isdir(path) or os.path.islink(path) or not os.access(place, right):
        raise usage(f"--save-message {path}: can't be written", "name a file, not a link or folder")


def _save(path: str, message: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(message)
    except OSError as error:
        raise usage(f"--save-message {path}: {error.strerror}") from error
