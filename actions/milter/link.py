"""One milter of a chain: how it is reached, and a session with it opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from actions.action import Never
from actions.host.errors import HostError
from actions.milter.codec import Violation
from actions.milter.connection import Connection, Offer
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.session import MilterSession, Negotiated, trouble_of
from actions.milter.transport import MilterTrouble, Timeouts, Transport, connect
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actions.action import Cancel
    from actions.host.endpoint import Endpoint
    from actions.milter.macros import MacroLists
    from actions.milter.transport import Connector

DefaultAction = Literal["accept", "tempfail", "reject", "shutdown", "quarantine"]


class Link(Record):
    """One milter of a chain."""

    name: str
    endpoint: Endpoint
    connector: Connector = connect
    timeouts: Timeouts = Timeouts()
    default_action: DefaultAction = "tempfail"
    offer: Offer | None = None
    """What it is offered, where that is not what all are (milter_protocol)."""


class ChainSettings(Record):
    """What holds for every milter of a chain."""

    server: Mapping[str, bytes]
    """Macros about the MTA itself; see `server_macros`."""
    extra: Mapping[str, Mapping[str, bytes]] = {}
    """By stage name: macro values that go before all others, and are sent though unasked."""
    macro_lists: MacroLists = DEFAULT_LISTS
    offer: Offer = Offer()
    deadline: float = 600.0
    """Seconds for the whole session, however long each wait may last."""
    cancel: Cancel = Never()
    trace: Callable[[str, str, bytes], None] | None = None
    """Is given the milter's name, ">" or "<", and the bytes."""
    macro_defaults: Mapping[str, bytes] = {}
    """Values for macros that have none of their own (milter_macro_defaults)."""
    whole_commands: bool = False
    """Whether milters are told the arguments of an unknown command too."""


def tells_whole_commands(version: str) -> bool:
    """Return whether Postfix *version*, as in "Postfix 3.10.5", tells them: it does since 3.8."""
    numbers = version.split(" ")[-1].split("-")[0].split(".")
    return all(map(str.isdecimal, numbers)) and tuple(map(int, numbers)) >= (3, 8)


def open_session(
    link: Link, settings: ChainSettings, deadline: float
) -> tuple[MilterSession | None, Negotiated]:
    """Connect to the milter of *link* and negotiate with it.

    Args:
        link: the milter.
        settings: what is offered, and how cancelling and tracing are done.
        deadline: on `time.monotonic`, for everything in this session.

    Returns:
        The session, or None where there was trouble; and what happened.
    """
    started = time.perf_counter()
    session = chosen = trouble = None
    try:
        session = _session(link, settings, deadline)
        chosen = session.negotiate()
    except (MilterTrouble, Violation, OSError, HostError) as error:
        trouble = trouble_of(error)
    finally:
        if session and not chosen:
            session.close()
    seconds = time.perf_counter() - started
    offer = link.offer or settings.offer
    opened = Negotiated(link.name, link.endpoint.spec, offer, chosen, seconds, trouble)
    return session if chosen else None, opened


def _session(link: Link, settings: ChainSettings, deadline: float) -> MilterSession:
    trace = settings.trace
    patience = max(min(link.timeouts.connect, deadline - time.monotonic()), 0.001)
    transport = Transport(
        link.connector(link.endpoint, patience),
        deadline,
        settings.cancel,
        (lambda way, data: trace(link.name, way, data)) if trace else None,
    )
    offer = link.offer or settings.offer
    connection = Connection(offer, settings.macro_lists, extra=settings.extra)
    return MilterSession(link.name, transport, connection, link.timeouts)
