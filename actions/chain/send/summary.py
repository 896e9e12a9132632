"""Everything that was seen, put together: the report of a sent mail. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.send.fate import Ends
from actions.chain.send.lines import milter_trouble
from actions.chain.send.report import Fate, Followed, SendReport, StoryLine, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.send.ask import Asked
    from actions.chain.send.follow import Seen
    from actions.chain.send.lines import Fact, Refusal
    from actions.chain.send.report import MilterTrouble, Refuser, Step
    from actions.chain.send.sent import Sent
    from actions.chain.send.trace import Trace


def summed_up(
    asked: Asked,
    sent: Sent,
    steps: tuple[Step, ...],
    trace: Trace,
    seen: Seen,
    log: str,
    closed: str,
    seconds: float,
) -> SendReport:
    """Return the report.

    Args:
        asked: what was to be done.
        sent: how far the session came.
        steps: its steps.
        trace: what the log told.
        seen: how following ended.
        log: what was read; empty where none was.
        closed: why no log was read.
        seconds: of the whole action.
    """
    story = trace.story
    fates = tuple(_fate(one, sent, trace, story) for one in asked.letter.recipients)
    status = worst(tuple(fate.status for fate in fates))
    shown = next(fate for fate in fates if fate.status == status)
    trouble = closed or seen.trouble
    followed = Followed(log, asked.follow, seen.seconds, trouble)
    because, next_step = "", ""
    if status == "undecided":
        because, next_step = _undecided(sent)
    elif status == "accepted" and asked.follow:
        because, next_step = _not_seen(sent, trace, followed)
    milters = _milters(story)
    return SendReport(
        status=status,
        sample=asked.sample,
        server=asked.server.host,
        port=asked.server.port,
        tls_mode=asked.server.tls_mode,
        helo=asked.letter.helo,
        sender=asked.letter.sender,
        user=asked.user,
        message_id=asked.marked.message_id,
        test_id=asked.marked.test_id,
        queue_id=sent.queue_id,
        queue_ids=tuple(trace.ids),
        recipients=fates,
        reply=sent.answer.text if sent.answer else shown.reply,
        refused_by=shown.by,
        refused_by_milter=_refusing(milters, shown),
        milters=milters,
        evidence=shown.evidence,
        because=because,
        next_step=next_step,
        steps=steps,
        tls=sent.tls,
        extensions=sent.extensions,
        mechanism=sent.mechanism,
        story=tuple(StoryLine(fact.line, fact.queue_id) for fact in story),
        followed=followed,
        notes=tuple(_notes(asked, sent, trace)),
        seconds=seconds,
    )


def _fate(address: str, sent: Sent, trace: Trace, story: Sequence[Fact]) -> Fate:
    for refusal in sent.refusals:
        if refusal.recipient in {"", address}:
            by, evidence = _refuser(refusal, story)
            return Fate(address, "refused", refusal.reply, by, evidence=evidence)
    if not sent.queued and not (sent.content_sent and trace.ids):
        return Fate(address, "undecided")
    if not trace.ids:
        return Fate(address, "accepted")
    return Ends(story).fate(address, trace.ids[0])


def _refuser(refusal: Refusal, story: Sequence[Fact]) -> tuple[Refuser, str]:
    """Return who refused, and the line of the log that says so."""
    for fact in story:
        if fact.judged and refusal.was_given_by(fact.judged):
            return fact.judged.by, fact.line.text
    return "server", ""


def _milters(story: Sequence[Fact]) -> tuple[MilterTrouble, ...]:
    """Return the milters that the log warns of, each once."""
    warned = (milter_trouble(fact.line.text) for fact in story)
    return tuple({one.spec: one for one in warned if one}.values())


def _refusing(milters: tuple[MilterTrouble, ...], shown: Fate) -> str:
    """Return the one milter whose trouble is why Postfix refused, or nothing.

    A milter's own refusal is logged without its name; Postfix's reply in its place
    (milter_default_action) has these words.
    """
    told = f"{shown.reply} {shown.evidence}"
    instead = shown.status == "refused" and shown.by == "milter" and "Service unavailable" in told
    return milters[0].spec if instead and len(milters) == 1 else ""


def _undecided(sent: Sent) -> tuple[str, str]:
    if sent.content_sent:
        return (
            f"{sent.trouble}; the content was sent: the server may have taken the mail",
            "look for the message-id in the server's log before sending again",
        )
    return sent.trouble, sent.next_step


def _not_seen(sent: Sent, trace: Trace, followed: Followed) -> tuple[str, str]:
    if followed.because:
        return f"the delivery was not seen: {followed.because}", ""
    if any(fact.kind in {"queued", "client"} for fact in trace.story):
        return (
            f"still in the queue after {followed.seconds:.0f} s",
            "give more time with --follow SECONDS, or look at it with postqueue -p",
        )
    if not sent.same_host:
        return (
            f"the delivery was not seen: the server is another host, {followed.log} says nothing",
            "look for the queue id in that host's log, or do not follow: --follow 0",
        )
    return (
        f"the delivery was not seen: {followed.log} said nothing for {followed.seconds:.0f} s",
        "see where this Postfix logs: postconf maillog_file, and the journal",
    )


def _notes(asked: Asked, sent: Sent, trace: Trace) -> Iterator[str]:
    yield from sent.notes
    if sent.content_sent and sent.trouble and trace.ids:
        yield f"the server's last reply did not come ({sent.trouble}), but its log has the mail"
    if sent.tls and sent.tls.verified is None:
        yield "the server's certificate was not checked (--verify yes does)"
    if asked.server.tls_mode == "none" and asked.user:
        yield "the password went over the loopback in the clear"
    for line in Ends(trace.story).contradictions():
        yield f"the log contradicts itself: {line}"
    if trace.unread:
        yield f"{trace.unread} lines of the log were not looked at: too many came"
