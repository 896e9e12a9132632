"""The same test of the chain again, once the milter that is run in the foreground answers."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.children import AskingChild
from actions.chain.table import cell, milliseconds
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError, NotPermitted
from actions.milter.session import Exchange, Negotiated
from actions.milter.transport import connect
from actions.record import Record
from actions.registry import find
from widgets.ink import SIGN_TONES, joined, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.action import Context
    from actions.host.ports import Host
    from widgets.debug.tape import Tape

TEST = "chain.test"

PATIENCE = 30.0
"""Seconds in which the milter must have opened its socket."""

DENIED = 5.0
"""The same where it opened one that may not be connected to: an init script grants that later."""

AGAIN = 0.1
"""Seconds between two attempts."""


class Suspect(Record):
    """The milter that is debugged, and the test that it is asked in."""

    milter: str
    """Its name in the test."""
    manager: str
    """The milter-manager that asks it; empty for a milter of the chain."""
    endpoint: str
    heading: str
    """What is tested, in words."""
    arguments: Mapping[str, object]
    """Of the test."""
    unit: str = ""
    """Of the service that listens there; empty as long as it is not known."""
    invocation: str = ""
    """Of the unit before the run; empty where that can't be told."""
    client: str = ""
    """With whose rights it is asked; empty for ours."""


def tested(ctx: Context, suspect: Suspect, tape: Tape) -> object:
    """Test the chain as soon as the milter answers; its stages go onto *tape* as they end.

    Raises:
        ActionError: the milter did not open its socket in time.
        Cancelled: the operator cancelled.
    """
    _await(ctx, suspect)
    stages = _Stages(suspect, tape)
    given = {**suspect.arguments, "trace": False}
    return find(TEST).function(ctx._replace(tell=stages.take), **given)


def _await(ctx: Context, suspect: Suspect) -> None:
    """Wait until the milter that is run now takes connections, and not the one before it."""
    began = time.monotonic()
    while why := _refusal(ctx.host, suspect):
        ctx.check()
        waited = time.monotonic() - began
        if waited > DENIED and why.denied:
            return  # the test tells it better
        if waited > PATIENCE:
            raise ActionError(
                f"{suspect.milter} took no connection within {PATIENCE:.0f} s: {why.text}",
                Exit.UNDECIDED,
            )
        time.sleep(AGAIN)


class _Refusal(Record):
    """Why a milter can't be asked yet."""

    text: str
    denied: bool = False


def _refusal(host: Host, suspect: Suspect) -> _Refusal | None:
    """Return why the milter that is run now takes no connection; None where it does."""
    state = host.units.state(suspect.unit) if suspect.unit else None
    if state and state.invocation and state.invocation == suspect.invocation:
        return _Refusal("it has not been started")
    endpoint = parse_endpoint(suspect.endpoint)
    try:
        if suspect.client and os.geteuid() == 0:
            host.connect_as(suspect.client, endpoint, AGAIN).close()
        else:
            connect(endpoint, AGAIN).close()
    except (OSError, HostError) as error:
        text = getattr(error, "strerror", None) or str(error)
        return _Refusal(text, isinstance(error, (PermissionError, NotPermitted)))
    return None


class _Stages:
    """The stages of one test on their way to a tape: those that concern the suspect."""

    def __init__(self, suspect: Suspect, tape: Tape) -> None:
        self._suspect = suspect
        self._tape = tape
        self._child = ""
        """The milter that is asked directly, behind its manager."""

    def take(self, event: object) -> None:
        """Put *event* where it belongs, by when it began."""
        if isinstance(event, AskingChild):
            self._child = event.name
        elif isinstance(event, (Negotiated, Exchange)) and self._concerns(event.milter):
            when = time.time() - event.seconds
            if isinstance(event, Negotiated):
                self._opened(event, when)
            elif not event.withheld:
                self._answered(event, when)

    def _concerns(self, milter: str) -> bool:
        suspect = self._suspect
        if self._child:
            return bool(suspect.manager) and self._child == suspect.milter
        return milter == (suspect.manager or suspect.milter)

    def _opened(self, event: Negotiated, when: float) -> None:
        directly = " directly" if self._child else ""
        name = f"{event.milter}{directly}"
        trouble = event.trouble.text if event.trouble else ""
        spent = milliseconds(event.seconds)
        word = said(f"  ? {trouble}", "warn") if trouble else said(f"  {spent}", "dim")
        text = f"{name}: {trouble or 'negotiated'} {spent}"
        self._tape.mark(when, text, joined(said(name, "bold"), word))

    def _answered(self, event: Exchange, when: float) -> None:
        shown, spent = cell(event), milliseconds(event.seconds)
        word = said(f"{shown.sign} {shown.word:<13}", SIGN_TONES.get(shown.sign, ""))
        stage = joined(said(f"{event.stage.value:<8} "), word, said(f"{spent:>9}", "dim"))
        text = f"{event.milter} {event.stage.value} {event.argument}: {shown.word} {spent}"
        self._tape.mark(when, text, stage)
