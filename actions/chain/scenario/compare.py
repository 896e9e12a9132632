"""What was expected of a message, and what came of it: pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.chain.scenario.report import Difference
from actions.chain.scenario.table import quoted
from actions.chain.scenario.text import any_meets, listed, meets, shown, unfolded
from actions.milter.message import bare_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.chain.report import ChainReport, EditShown, MilterResult, RecipientResult
    from actions.chain.scenario.play import Played
    from actions.chain.scenario.suite import (
        BodyWish,
        Expect,
        Fields,
        MessageWish,
        MilterWish,
        RecipientWish,
        ReplyWish,
    )
    from actions.chain.scenario.text import Text
    from actions.milter.message import Content

_KINDS = {
    "adds": ("add header", "insert header"),
    "inserts": ("insert header",),
    "changes": ("change header",),
    "deletes": ("delete header",),
}
_DID = {"adds": "added", "inserts": "inserted", "changes": "changed", "deletes": "deleted"}

_REPLY = re.compile(r"(\d{3})[ -]?(?:(\d\.\d{1,3}\.\d{1,3})(?: |$))?(.*)", re.DOTALL)


def compare(expect: Expect, played: Played) -> Iterator[Difference]:
    """Yield where *played* is not what *expect* says."""
    report, paths = played.report, expect.paths
    if expect.verdicts and report.status not in expect.verdicts:
        yield Difference(paths["verdict"], " or ".join(expect.verdicts), _verdict(report))
    if expect.by and report.decided_by not in expect.by:
        came = report.decided_by or f"nobody: the message came to {report.status}"
        yield Difference(paths["by"], " or ".join(expect.by), came)
    at = report.decided_at.value if report.decided_at else ""
    if expect.stages and at not in expect.stages:
        came = at or f"no stage: the message came to {report.status}"
        yield Difference(paths["stage"], " or ".join(expect.stages), came)
    if expect.reply:
        yield from _reply(paths["reply"], expect.reply, refusal(report))
    for address, wish in expect.recipients:
        yield from _recipient(f"{paths['recipients']}.{quoted(address)}", wish, address, report)
    if expect.quarantine:
        yield from _quarantine(paths["quarantine"], expect.quarantine, played)
    for name, milter_wish in expect.milters:
        milter = next(one for one in report.milters if one.name == name)
        yield from _milter(f"{paths['milters']}.{quoted(name)}", milter_wish, milter, played)
    if expect.message:
        yield from _message(paths["message"], expect.message, played)
    yield from _within(paths.get("within", ""), expect.within, report.seconds)


def refusal(report: ChainReport) -> str:
    """Return the reply that refused the message, or else the first recipient of it."""
    by_milters = (one.reply for one in report.recipients if one.refused_by)
    return report.reply or next(by_milters, "")


def _verdict(report: ChainReport) -> str:
    by = f" by {report.decided_by}" if report.decided_by else ""
    at = f" at {report.decided_at.words}" if report.decided_at else ""
    told = refusal(report) or report.because
    return f"{report.status}{by}{at}{f': {told}' if told else ''}"


def _reply(path: str, wish: ReplyWish, came: str) -> Iterator[Difference]:
    if not came:
        yield Difference(path, _reply_words(wish), "no refusal")
        return
    found = _REPLY.fullmatch(came)
    code, status, text = found.groups("") if found else ("", "", came)
    if wish.whole and not meets(wish.whole, came):
        key = path if wish.whole.exact is not None else f"{path}.matches"
        yield Difference(key, wish.whole.words, shown(came))
    if wish.code is not None and str(wish.code) != code:
        yield Difference(f"{path}.code", str(wish.code), f"{code} in {shown(came)}")
    if wish.status is not None and wish.status != status:
        yield Difference(f"{path}.status", wish.status, f"{status or 'none'} in {shown(came)}")
    if wish.text and not meets(wish.text, text):
        yield Difference(f"{path}.text", wish.text.words, shown(text))


def _reply_words(wish: ReplyWish) -> str:
    said = [wish.whole.words] if wish.whole else []
    said += [str(one) for one in (wish.code, wish.status) if one is not None]
    said += [wish.text.words] if wish.text else []
    return " ".join(said)


def _recipient(
    path: str, wish: RecipientWish, address: str, report: ChainReport
) -> Iterator[Difference]:
    found: RecipientResult | None = next(
        (one for one in report.recipients if one.address == address), None
    )
    expected = "accepted" if wish.accepted else "refused"
    if found is None:
        known = listed([one.address for one in report.recipients])
        yield Difference(path, expected, f"never announced (announced: {known})")
        return
    if found.accepted is not wish.accepted:
        by = f" by {found.refused_by or 'the MTA itself'}: {found.reply}"
        yield Difference(path, expected, "accepted" if found.accepted else f"refused{by}")
        return
    if wish.reply:
        yield from _reply(f"{path}.reply", wish.reply, found.reply)
    if wish.by and found.refused_by != wish.by:
        yield Difference(f"{path}.by", wish.by, found.refused_by or "the MTA itself")


def _quarantine(path: str, wish: Text, played: Played) -> Iterator[Difference]:
    outcome = played.outcome
    held = outcome is not None and outcome.action == "quarantine"
    reasons = [outcome.quarantine_reason] if outcome and held else []
    if not any_meets(wish, reasons):
        yield Difference(path, wish.words, shown(reasons[0]) if reasons else "no quarantine")


def _milter(
    path: str, wish: MilterWish, milter: MilterResult, played: Played
) -> Iterator[Difference]:
    if wish.verdicts and milter.verdict not in wish.verdicts:
        words = " or ".join(wish.verdicts)
        yield Difference(f"{path}.verdict", words, milter.verdict or "not asked")
    yield from _asked(path, wish, asked_at(played, milter.name))
    edits = edits_of(played, milter)
    if wish.no_edits and edits:
        yield Difference(f"{path}.no_edits", "no edits", _edits_words(edits))
    for fields in wish.fields:
        yield from _edited_fields(path, fields, edits)
    if wish.body:
        edited = next((one for one in played.report.edited if one.milter == milter.name), None)
        before = edited.before.body if edited else b""
        after = edited.after.body if edited else b""
        yield from _body(f"{path}.body", wish.body, before, after)
    yield from _envelope_edits(path, wish, edits)
    if wish.quarantine:
        reasons = [edit.value for edit in edits if edit.kind == "quarantine"]
        if not any_meets(wish.quarantine, reasons):
            came = listed([shown(one) for one in reasons]) if reasons else "no quarantine"
            yield Difference(f"{path}.quarantine", wish.quarantine.words, came)
    took = sum(one.seconds for one in played.exchanges if one.milter == milter.name)
    yield from _within(f"{path}.within", wish.within, took)


def asked_at(played: Played, milter: str) -> tuple[str, ...]:
    """Return the stages at which *milter* was asked about a message."""
    sent = (one for one in played.exchanges if one.milter == milter and not one.withheld)
    return tuple(dict.fromkeys(one.stage.value for one in sent))


def edits_of(played: Played, milter: MilterResult) -> tuple[EditShown, ...]:
    """Return what *milter* did to a message."""
    return milter.edits if asked_at(played, milter.name) else ()


def _asked(path: str, wish: MilterWish, stages: Sequence[str]) -> Iterator[Difference]:
    came = f"asked at {', '.join(stages)}" if stages else "not asked"
    if wish.asked is not None and wish.asked is not bool(stages):
        yield Difference(f"{path}.asked", "asked" if wish.asked else "not asked", came)
    missing = [stage for stage in wish.asked_at if stage not in stages]
    if missing:
        yield Difference(f"{path}.asked", f"asked at {', '.join(missing)}", came)
    extra = [stage for stage in wish.skipped_at if stage in stages]
    if extra:
        yield Difference(f"{path}.skipped", f"not asked at {', '.join(extra)}", came)


def _edits_words(edits: Sequence[EditShown]) -> str:
    told = []
    for edit in edits:
        if edit.kind == "quarantine":
            told.append(f"quarantine {shown(edit.value)}")
        elif edit.kind == "replace body":
            told.append("replace body")
        else:
            told.append(f"{edit.kind} {edit.name}")
    return listed(tuple(dict.fromkeys(told)))


def _edited_fields(path: str, fields: Fields, edits: Sequence[EditShown]) -> Iterator[Difference]:
    did = [edit for edit in edits if edit.kind in _KINDS[fields.key]]
    for name, wish in fields.wishes:
        values = [unfolded(edit.value) for edit in did if edit.name.lower() == name.lower()]
        if any_meets(wish, values):
            continue
        others = listed(tuple(dict.fromkeys(edit.name for edit in did)))
        came = f"it {_DID[fields.key]} {_values(values)}"
        if not values:
            came = f"not {_DID[fields.key]} ({_DID[fields.key]}: {others})"
        yield Difference(f"{path}.{fields.key}.{quoted(name)}", wish.words, came)


def _values(values: Sequence[str]) -> str:
    return listed([shown(value) for value in values])


def _envelope_edits(
    path: str, wish: MilterWish, edits: Sequence[EditShown]
) -> Iterator[Difference]:
    def addresses(kind: str) -> list[str]:
        names = (edit.name.encode() for edit in edits if edit.kind == kind)
        return [bare_address(name).decode() for name in names]

    if wish.sender:
        senders = addresses("change sender")
        if not any_meets(wish.sender, senders[-1:]):
            came = _values(senders) if senders else "the sender is left as it is"
            yield Difference(f"{path}.sender", wish.sender.words, came)
    for key, kind, wanted in (
        ("recipients_added", "add recipient", wish.recipients_added),
        ("recipients_deleted", "delete recipient", wish.recipients_deleted),
    ):
        found = addresses(kind)
        missing = [one for one in wanted if one not in found]
        if missing:
            yield Difference(f"{path}.{key}", listed(missing), listed(found))


def _message(path: str, wish: MessageWish, played: Played) -> Iterator[Difference]:
    if played.outcome is None:
        yield Difference(path, "a message", "the session ended before the content")
        return
    content, envelope = played.outcome.content, played.outcome.envelope
    if wish.headers:
        yield from _headers(f"{path}.headers", wish.headers, content)
    if wish.body:
        yield from _body(f"{path}.body", wish.body, played.sent.body, content.body)
    sender = _text(envelope.sender)
    if wish.sender is not None and wish.sender != sender:
        yield Difference(f"{path}.sender", f"<{wish.sender}>", f"<{sender}>")
    recipients = [_text(one) for one in envelope.recipients]
    if wish.recipients is not None and sorted(wish.recipients) != sorted(recipients):
        yield Difference(f"{path}.recipients", listed(wish.recipients), listed(recipients))


def _headers(path: str, wish: Fields, content: Content) -> Iterator[Difference]:
    for name, one in wish.wishes:
        values = [
            unfolded(_text(header.rest))
            for header in content.visible
            if _text(header.name).lower() == name.lower()
        ]
        if not any_meets(one, values):
            came = _values(values) if values else "no such header"
            yield Difference(f"{path}.{quoted(name)}", one.words, came)


def _body(path: str, wish: BodyWish, before: bytes, after: bytes) -> Iterator[Difference]:
    if wish.changed is not None and wish.changed is not (before != after):
        words = {True: "changed", False: "unchanged"}
        yield Difference(path, words[wish.changed], words[not wish.changed])
    if wish.text:
        text = _text(after).replace("\r\n", "\n")
        if not meets(wish.text, text):
            most = 200
            came = shown(text[:most].strip()) + (f" ({len(after)} bytes)" if text[most:] else "")
            yield Difference(path, wish.text.words, came if text else "no new body")


def _within(path: str, limit: float | None, took: float) -> Iterator[Difference]:
    if limit is not None and took > limit:
        yield Difference(path, f"within {limit:g} s", f"{took:.3f} s")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
