"""What Postfix's log lines say of a mail: deliveries, verdicts, ids. Text in, facts out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from actions.chain.send.report import MilterTrouble
from actions.record import Record

if TYPE_CHECKING:
    from actions.mailhost.logline import LogLine

Kind = Literal["message-id", "client", "queued", "delivery", "verdict", "removed", "other"]


class Delivery(Record):
    """An attempt to deliver to one recipient, as a delivery agent logs it."""

    to: str
    orig_to: str
    """The address before it was rewritten; empty where it was not."""
    relay: str
    delay: float
    dsn: str
    status: str
    """Postfix's word: sent, deferred, bounced, expired …"""
    words: str
    """What stands in parentheses."""

    @property
    def next_id(self) -> str:
        """The queue id under which the mail goes on, where one is named."""
        found = _NEXT.search(self.words)
        return found[1] if found else ""


class Judged(Record):
    """What a milter, a restriction or a check decided, as smtpd or cleanup logs it."""

    by: Literal["milter", "restriction", "content check", "proxy"]
    action: Literal["reject", "hold", "discard"]
    stage: str
    """RCPT, END-OF-MESSAGE, header …"""
    text: str
    """The reply or the reason."""
    sender: str | None
    """None where the line names none."""
    recipient: str | None
    helo: str | None
    client: str | None
    """The address that the mail came from."""


class Refusal(Record):
    """A reply that refused us."""

    recipient: str
    """Empty where the mail was refused as a whole."""
    reply: str
    at_connect: bool
    """Whether it stood in the greeting's place, where Postfix gives no milter's text."""

    def was_given_by(self, judged: Judged) -> bool:
        """Return whether *judged* is what the log has of it."""
        if judged.action != "reject":
            return False
        if self.recipient and judged.recipient not in {None, "", self.recipient}:
            return False
        if self.at_connect and judged.stage == "CONNECT":
            return True
        first = self.reply.partition("\n")[0]
        bare = first[4:]  # the log leaves out the code of what cleanup refused
        return bool(bare) and bare in judged.text


class Fact(Record):
    """One line, read."""

    kind: Kind
    queue_id: str
    """Empty, or "NOQUEUE", where it has none."""
    line: LogLine
    value: str = ""
    """The message-id, or the client."""
    delivery: Delivery | None = None
    judged: Judged | None = None


_ID = re.compile(r"([0-9A-Za-z]{6,}): (.*)", re.DOTALL)
"""The id and what is said of it; long ids (enable_long_queue_ids) have consonants too."""

_ADDRESS = r'(?:"(?:[^"\\]|\\.)*"(?:@[^\s<>"]*)?|[^"<>\s]*)'
"""As Postfix logs it (info_log_addr_form): what is odd in it stands in quotes."""

_NEXT = re.compile(r"(?:queued|forwarded) as ([0-9A-Za-z]{6,})")
_DELIVERY = re.compile(
    rf"to=<(?P<to>{_ADDRESS})>, (?:orig_to=<(?P<orig_to>{_ADDRESS})>, )?"
    r"relay=(?P<relay>[^\s,]*), (?:conn_use=\d+, )?"
    r"delay=(?P<delay>\d{1,9}(?:\.\d{1,9})?(?:e[+-]?\d\d?)?), (?:delays=[^\s,]*, )?"
    r"dsn=(?P<dsn>\d\.\d{1,3}\.\d{1,3}), status=(?P<status>[\w-]+)(?: \((?P<words>.*)\))?",
    re.ASCII | re.DOTALL,
)
"""Read from the left and by the address's own rules: what follows may quote a remote server."""
_JUDGED = re.compile(
    r"(?P<whose>milter-|proxy-)?(?P<action>reject|hold|discard): "
    r"(?P<stage>header|body|nested header|mime header|[A-Z-]+)(?P<text>.*)",
    re.DOTALL,
)
_FROM = re.compile(r" from [^\s\[]*\[(?P<client>[^\]\s]*)\](?::\d+)?")
_ENVELOPE = re.compile(
    rf"; (?:from=<(?P<sender>{_ADDRESS})>)?(?:,? ?to=<(?P<recipient>{_ADDRESS})>)?"
    r"(?:,? ?proto=(?P<proto>[A-Z]+))?(?:,? helo=<(?P<helo>[^<>\s]*)>)?"
    r"(?: [a-z_]+=<[^<>]*>)*(?:: (?P<reason>.*))?",
    re.DOTALL,
)


_MILTER = re.compile(
    r"warning: (?P<how>connect to Milter service|milter) "
    r"(?P<spec>(?:unix|local|inet6?):\S+): (?P<why>.*)",
    re.DOTALL,
)
"""What Postfix's milter client warns of (src/milter/milter8.c)."""


def milter_trouble(text: str) -> MilterTrouble | None:
    """Return the milter that a line's *text* warns of, or None where it warns of none."""
    found = _MILTER.fullmatch(text)
    return MilterTrouble(found["spec"], found["why"], found["how"] == "milter") if found else None


def read_fact(line: LogLine, postfix: str = "postfix") -> Fact:
    """Return what *line* says; only of a program of *postfix* it is a fact about a mail."""
    found = _ID.fullmatch(line.text)
    if not found or not (line.is_from(postfix) or line.is_from("postfix")):
        return Fact("other", "", line)
    queue_id, rest = found.groups()
    if rest.startswith("message-id="):
        return Fact("message-id", queue_id, line, rest.removeprefix("message-id="))
    if rest.startswith("client="):
        return Fact("client", queue_id, line, rest.removeprefix("client=").partition(",")[0])
    if rest == "removed":
        return Fact("removed", queue_id, line)
    if delivery := _DELIVERY.fullmatch(rest):
        return Fact("delivery", queue_id, line, delivery=_delivery(delivery))
    if judged := _JUDGED.fullmatch(rest):
        return Fact("verdict", queue_id, line, judged=_judged(judged))
    if rest.startswith("from=<"):
        return Fact("queued", queue_id, line)
    return Fact("other", queue_id, line)


def _delivery(found: re.Match[str]) -> Delivery:
    return Delivery(
        found["to"],
        found["orig_to"] or "",
        found["relay"],
        float(found["delay"]),
        found["dsn"],
        found["status"],
        found["words"] or "",
    )


def _judged(found: re.Match[str]) -> Judged:
    whose, action, stage, text = found["whose"], found["action"], found["stage"], found["text"]
    envelope = _envelope(text)
    told = text[: envelope.start()] if envelope else text
    reason = (envelope["reason"] if envelope else "") or ""
    # A session's client stands first; a content check quotes the content before it.
    clients = list(_FROM.finditer(told))
    client = clients[0 if stage.isupper() else -1] if clients else None
    if not reason and client and told[client.end() :].startswith(": ") and not client.start():
        reason = told[client.end() + 2 :]
    by: Literal["milter", "restriction", "content check", "proxy"] = "restriction"
    if whose:
        by = "milter" if whose == "milter-" else "proxy"
    elif not stage.isupper():
        by = "content check"
    sender, recipient, helo = (
        envelope.group("sender", "recipient", "helo") if envelope else (None, None, None)
    )
    as_action: Literal["reject", "hold", "discard"] = action  # type: ignore[assignment]
    return Judged(
        by,
        as_action,
        stage,
        reason or told.strip(),
        sender,
        recipient,
        helo,
        client["client"] if client else None,
    )


def _envelope(text: str) -> re.Match[str] | None:
    """Return the last that reads as an envelope: what stands before may quote a stranger."""
    at = text.rfind("; ")
    while at >= 0:
        if found := _ENVELOPE.fullmatch(text, at):
            return found
        at = text.rfind("; ", 0, at)
    return None
