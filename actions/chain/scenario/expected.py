"""The ``expect`` tables of a suite's file, read into what is compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
from actions.milter.protocol import Stage

if TYPE_CHECKING:
    from actions.chain.scenario.table import Table

STAGES = tuple(stage.value for stage in Stage)

_OTHER_WORDS = {
    **dict.fromkeys(("eom", "eod", "end of message", "end of data", "dot", "."), "end"),
    **dict.fromkeys(("end of headers", "end of header", "headers end"), "eoh"),
    **dict.fromkeys(("from", "mail from", "envfrom", "envelope from", "sender"), "mail"),
    **dict.fromkeys(("to", "rcpt to", "envrcpt", "envelope recipient", "recipient"), "rcpt"),
    **dict.fromkeys(("connection", "conn"), "connect"),
    **dict.fromkeys(("ehlo", "hello"), "helo"),
    "headers": "header",
}
"""What people call stages who know them from libmilter, from SMTP or from our own texts."""

EXPECT = (
    *("verdict", "by", "stage", "reply", "recipients", "quarantine"),
    *("milters", "message", "within"),
)
_EDITS = ("adds", "inserts", "changes", "deletes")
_MILTER = (
    *("verdict", "asked", "skipped", "no_edits", *_EDITS, "body", "sender"),
    *("recipients_added", "recipients_deleted", "quarantine", "within"),
)


def read_expect(table: Table) -> Expect:
    """Return what *table* expects of a message."""
    return Expect(
        verdicts=table.verdicts("verdict"),
        by=table.texts("by"),
        stages=_stages(table, "stage"),
        reply=_reply(table, "reply"),
        recipients=_recipients(table),
        quarantine=table.wish("quarantine"),
        milters=_milters(table),
        message=_message(table),
        within=table.seconds("within"),
        paths={key: owner.key(key) for key in EXPECT if (owner := table.owner(key))},
    )


def _reply(table: Table, key: str) -> ReplyWish | None:
    value = table.take(key, str, dict)
    if isinstance(value, str):
        if not re.match(r"[45]\d\d ", value):
            table.wrong(key, 'is no reply; write one such as "550 5.7.1 Text", or a table')
        return ReplyWish(whole=Text(exact=value))
    inner = table.table(key) if value is not None else None
    if inner is None:
        return None
    inner.only("code", "status", "text", "matches")
    code = inner.take("code", int)
    if isinstance(code, int) and not 400 <= code <= 599:
        inner.wrong("code", "is a number from 400 to 599")
    status = inner.text("status")
    if status and not re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", status):
        inner.wrong("status", 'is no enhanced status code; write one such as "5.7.1"')
    pattern = inner.pattern("matches")
    if not inner.data:
        table.wrong(key, "is empty; it takes code, status, text or matches")
    return ReplyWish(
        whole=Text(matches=pattern) if pattern else None,
        code=code if isinstance(code, int) else None,
        status=status or None,
        text=inner.wish("text", absent=False),
    )


def _recipients(table: Table) -> tuple[tuple[str, RecipientWish], ...]:
    inner = table.table("recipients")
    if inner is None:
        return ()
    return tuple((address, _recipient(inner, address)) for address in inner.data)


def _recipient(table: Table, address: str) -> RecipientWish:
    value = table.take(address, str, dict)
    if isinstance(value, str):
        word = table.choice(address, ("accepted", "refused"))
        return RecipientWish(word == "accepted")
    inner = table.table(address) if value is not None else None
    if inner is None:
        return RecipientWish(accepted=True)
    inner.only("accepted", "reply", "by")
    if "accepted" in inner and inner.flag("accepted"):
        if len(inner.data) > 1:
            inner.wrong("accepted", "is true; a recipient that is accepted has no reply")
        return RecipientWish(accepted=True)
    return RecipientWish(accepted=False, reply=_reply(inner, "reply"), by=inner.text("by"))


def _milters(table: Table) -> tuple[tuple[str, MilterWish], ...]:
    inner = table.table("milters")
    if inner is None:
        return ()
    tables = ((name, inner.table(name)) for name in inner.data)
    return tuple((name, _milter(one)) for name, one in tables if one)


def _milter(table: Table) -> MilterWish:
    table.only(*_MILTER)
    if not table.data:
        table.problems.note(table.place, table.path, "expects nothing")
    asked = table.take("asked", bool, str, list)
    return MilterWish(
        verdicts=table.verdicts("verdict"),
        asked=asked if isinstance(asked, bool) else None,
        asked_at=() if asked is None or isinstance(asked, bool) else _stages(table, "asked"),
        skipped_at=_stages(table, "skipped"),
        no_edits=_only_true(table, "no_edits"),
        fields=tuple(filter(None, (_fields(table, key) for key in _EDITS))),
        body=_body(table),
        sender=table.wish("sender"),
        recipients_added=table.texts("recipients_added"),
        recipients_deleted=table.texts("recipients_deleted"),
        quarantine=table.wish("quarantine"),
        within=table.seconds("within"),
    )


def _stages(table: Table, key: str) -> tuple[str, ...]:
    return table.choices(key, STAGES, meant=_OTHER_WORDS)


def _only_true(table: Table, key: str) -> bool:
    """Return whether *key* is true; where it is false, nothing would be compared."""
    if key in table and table.take(key, bool) is False:
        table.wrong(key, "is false; leave it out instead")
    return table.flag(key)


def _fields(table: Table, key: str) -> Fields | None:
    """Return headers with their values, or a list of headers that are there."""
    value = table.take(key, str, list, dict)
    if value is None:
        return None
    if not isinstance(value, dict):
        return Fields(key, tuple((name, Text()) for name in table.texts(key)))
    inner = table.table(key)
    assert inner is not None
    if not inner.data:
        table.wrong(key, "is empty")
    wishes = ((name, inner.wish(name)) for name in inner.data)
    return Fields(key, tuple((name, wish) for name, wish in wishes if wish))


def _body(table: Table) -> BodyWish | None:
    value = table.take("body", str, dict)
    if isinstance(value, str):
        return BodyWish(table.choice("body", ("changed", "unchanged")) == "changed")
    return BodyWish(text=table.wish("body", absent=False)) if value is not None else None


def _message(table: Table) -> MessageWish | None:
    inner = table.table("message")
    if inner is None:
        return None
    inner.only("headers", "body", "sender", "recipients")
    if not inner.data:
        table.wrong("message", "expects nothing")
    sender = inner.take("sender", str)
    return MessageWish(
        headers=_fields(inner, "headers"),
        body=_body(inner),
        sender=None if sender is None else str(sender).removeprefix("<").removesuffix(">"),
        recipients=inner.texts("recipients") if "recipients" in inner else None,
    )
