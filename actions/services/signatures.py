"""Whether clamd answers, and how old the signatures are that it uses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.finding import Health
from actions.record import Record
from actions.services.again import PATIENCE, until
from actions.services.looks.greeting import Asking, meet
from actions.services.looks.signatures import DAY, look_at_files, made_at
from actions.services.named import found_services

if TYPE_CHECKING:
    from actions.action import Context
    from actions.mailhost.service import MailService


class SignaturesReport(Record):
    """The result of ``services.signatures``."""

    answer: str
    """What clamd says, or why it says nothing."""
    health: Health
    """Of clamd's answer."""
    made: float | None
    """When the signatures were made, in seconds since the epoch; None where nothing tells."""
    days: float | None
    most_days: float
    """The age that is still right."""

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "services.signatures/1"

    @property
    def because(self) -> str:
        """What is wrong; empty where nothing is."""
        if self.health is not Health.OK:
            return f"clamd: {self.answer}"
        if self.days is not None and self.days > self.most_days:
            return f"the signatures are {self.days:.0f} days old"
        return ""

    @property
    def exit_code(self) -> int:
        """0 where clamd answers and they are not too old, 6 where it can't be asked, else 1."""
        if not self.because:
            return Exit.FINE
        return Exit.UNDECIDED if self.health is Health.UNKNOWN else Exit.PROBLEM


def look_at_signatures(ctx: Context, most_days: float, within: float) -> SignaturesReport:
    """Ask clamd until it answers, for *within* seconds.

    Raises:
        ActionError: this host has no clamd.
    """
    clamd = next((one for one in found_services(ctx.host) if one.program == "clamd"), None)
    if clamd is None:
        raise ActionError("this host has no clamd", Exit.USAGE, "install the package clamav-daemon")
    return until(
        ctx,
        within,
        lambda: _look(ctx, clamd, most_days),
        lambda report: report.health is not Health.DOWN,
    )


def _look(ctx: Context, clamd: MailService, most_days: float) -> SignaturesReport:
    listener = next((one for one in clamd.listeners if one.speech == "clamd"), None)
    if listener is None:
        answer = "its configuration names no socket (LocalSocket, TCPSocket)"
        return SignaturesReport(answer, Health.DOWN, None, None, most_days)
    # The question is what clamd knows, not who may ask it.
    heard = meet(Asking(ctx, PATIENCE, ctx.host.name), listener, "").heard
    made = made_at(heard.signed, look_at_files(ctx.host, clamd))
    days = None if made is None else (time.time() - made) / DAY
    return SignaturesReport(heard.detail, heard.health, made, days, most_days)
