"""Our engine's turn where a program on the host handed the message in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.envelope import routed_recipient, routed_sender
from actions.milter.submission import KEPT, Submission, completed
from tests.golden.cases import HOSTNAME

if TYPE_CHECKING:
    from actions.milter.chain import Outcome
    from actions.milter.codec import SmtpReply
    from tests.golden.cases import Case
    from tests.golden.configured import Configured, Played

BECAME = {"deliver": "queued", "quarantine": "queued", "discard": "gone"}


def play_submission(case: Case, configured: Configured, _: list[str]) -> Played:
    """Hand the message in, and return what Postfix would make of it."""
    chain = Submission(configured.links, configured.settings, "QUEUEID1")
    try:
        refusal, outcome = _announced(chain, case)
    finally:
        chain.close()
    if refusal:
        return ["bounced" if refusal.code >= 500 else "kept"], []
    assert outcome is not None
    return [BECAME[outcome.action]], [outcome]


def _announced(chain: Submission, case: Case) -> tuple[SmtpReply | None, Outcome | None]:
    message, sender = b"", ""
    refusal = chain.connect() or chain.helo("localhost")
    for verb, argument, *_ in case.steps:
        match verb:
            case "mail":
                sender = _qualified(argument)
                refusal = refusal or chain.mail(routed_sender(sender))
            case "rcpt" if not refusal and chain.rcpt(routed_recipient(_qualified(argument))):
                refusal = KEPT
            case "data":
                message = argument if isinstance(argument, bytes) else b""
    refusal = refusal or chain.data()
    if refusal:
        return refusal, None
    message = completed(message, sender, "MESSAGE-ID", "DATE")
    outcome = chain.message(message, b"RECEIVED")
    return outcome.reply, outcome


def _qualified(address: object) -> str:
    """Return *address* as Postfix does one of a local program, before any milter sees it."""
    return f"{address}@{HOSTNAME}" if address and "@" not in str(address) else str(address)
