"""What ``chain.load`` was asked for: checked, and made into messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.load.run import Load, run_load
from actions.chain.load.session import Mail
from actions.chain.request import (
    LONGEST,
    MESSAGE_LIMIT,
    chosen_timeouts,
    spelled_out,
    usage,
)
from actions.chain.samples import SAMPLES
from actions.chain.target import found_chain, rights_note
from actions.finding import Health
from actions.milter.message import parse_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.chain import request
    from actions.chain.load.report import LoadReport
    from actions.chain.target import Found

MOST_SESSIONS = 10_000_000
MOST_PARALLEL = 1000
MOST_MESSAGES = 1000
USUAL_SESSIONS = 1000

_UNITS = {"K": 1 << 10, "M": 1 << 20}

_LINE = b"A line of a message that is only there to make it as large as it should be.\r\n"

MEMORY = (
    "real milters remember what they see: greylists, Bayes databases, reputation and statistics "
    "now hold these messages too"
)


def ask(
    ctx: Context,
    target: request.Target,
    mail: request.Mail,
    origin: request.Origin,
    limits: request.Limits,
    load: Load,
    sizes: tuple[str, ...],
) -> LoadReport:
    """Run the load that was asked for and return its report.

    Raises:
        ActionError: an option makes no sense, or this host has no milters to ask.
    """
    load = _checked(load)
    found = found_chain(ctx, target.specs, target.as_user, target.chain)
    chain = tuple(
        link._replace(timeouts=chosen_timeouts(limits, link.timeouts)) for link in found.links
    )
    _check_files(load.parallel, len(chain))
    _check_chain(found)
    asked = target._replace(as_user=found.as_user)
    request = spelled_out(found.mta, asked, mail, origin, {}, limits, trace=False)
    request = request._replace(configured=found.own)
    report = run_load(ctx, chain, request, _mails(request.message, sizes), load)
    notes = (*found.oddities, *_unseen(found), *rights_note(ctx, found), *_left(mail, report))
    return report._replace(notes=notes, doubts=(*found.passed_over, *_broken(found)))


def _check_chain(found: Found) -> None:
    """Refuse a chain that no client of Postfix meets."""
    if found.refusals:
        raise ActionError(
            f"Postfix does not accept this chain: {found.refusals[0]}",
            Exit.UNDECIDED,
            "mend it, or name milters with --milter",
        )
    if found.submitted:
        raise usage("--chain: a load goes through SMTP, and this chain's mail does not")


def _broken(found: Found) -> Iterator[str]:
    for manager in found.managers:
        for finding in manager.findings:
            if finding.health is Health.DOWN:
                yield f"{finding.what}: {finding.why}"


def _unseen(found: Found) -> Iterator[str]:
    for manager in found.managers:
        yield (
            f"the milters behind {manager.milter} are not looked at one by one: where one fails, "
            "mail may pass it unfiltered (chain.test asks each)"
        )


def _left(mail: request.Mail, report: LoadReport) -> Iterator[str]:
    """Yield what stays behind of the messages that milters saw."""
    if all(one.verdict == "undecided" for one in report.verdicts):
        return
    warning = "" if mail.file else SAMPLES[mail.sample].warning
    yield f"sample {mail.sample}: {warning}" if warning else MEMORY


def _checked(load: Load) -> Load:
    """Return *load* with what was left open decided."""
    _check_number("--sessions", load.sessions, MOST_SESSIONS)
    _check_number("--parallel", load.parallel, MOST_PARALLEL)
    _check_number("--messages", load.messages, MOST_MESSAGES)
    if load.duration is None:
        sessions = load.sessions or USUAL_SESSIONS
        return load._replace(sessions=sessions, parallel=min(load.parallel, sessions))
    if not 0 < load.duration <= LONGEST:
        raise usage(f"--duration is a number of seconds above 0 and at most {LONGEST}")
    return load


def _check_number(option: str, number: int | None, most: int) -> None:
    if number is not None and not 1 <= number <= most:
        raise usage(f"{option} is a number from 1 to {most}")


def _check_files(parallel: int, milters: int) -> None:
    """Refuse more sockets than this process may open, before the first session fails on it."""
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = parallel * milters + 64
    if allowed != resource.RLIM_INFINITY and needed > allowed:
        raise usage(
            f"--parallel {parallel} with {milters} milters needs {needed} open files; "
            f"{allowed} are allowed",
            f"take a smaller number, or allow more with: ulimit -n {needed}",
        )


def _mails(message: bytes, sizes: tuple[str, ...]) -> list[Mail]:
    """Return the messages that are played in turn: *message* as it is, or in each of *sizes*."""
    content = parse_message(message)
    if not sizes:
        return [Mail(len(content.as_bytes()), content)]
    head = len(content.as_bytes()) - len(content.body)
    mails = []
    for size in tuple(_bytes_of(sizes)):
        if size < head:
            raise usage(f"--size {size}: the headers alone have {head} bytes")
        body = content.body or _LINE
        body = (body * ((size - head) // len(body) + 1))[: size - head]
        mails.append(Mail(size, content._replace(body=body)))
    return mails


def _bytes_of(sizes: tuple[str, ...]) -> Iterator[int]:
    for given in ",".join(sizes).split(","):
        number, unit = given.strip().upper(), 1
        if number[-1:] in _UNITS:
            number, unit = number[:-1], _UNITS[number[-1]]
        if not (number.isascii() and number.isdigit()):
            raise usage(f"--size {given!r} is no number of bytes, such as 10000, 64K or 1M")
        size = int(number[:12]) * unit
        if not 1 <= size <= MESSAGE_LIMIT:
            raise usage(f"--size {given}: from 1 byte to {MESSAGE_LIMIT >> 20}M are possible")
        yield size
