"""One milter connection without I/O: events in, bytes out; bytes in, answers out.

The MTA's half of the protocol as a state machine. What may come back at which moment is
checked here once; a milter that breaks it gets a `Violation` that says how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.codec import (
    CONTINUE,
    Chosen,
    Edit,
    Incoming,
    PacketReader,
    Reply,
    Violation,
    decode,
    macro_packet,
    negotiation,
    packet,
    packet_head,
)
from actions.milter.protocol import (
    LEADING_SPACE,
    MESSAGE_STAGES,
    OFFERS,
    REJECTED_RECIPIENTS,
    RULES,
    VERSION,
    Stage,
)
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.milter.macros import MacroLists

    MacroValues = tuple[tuple[str, bytes], ...]

EDIT_LIMIT = 20_000
"""Edits taken for one message; a milter that sends more is broken or hostile."""

EDIT_BYTES_LIMIT = 256 << 20
"""Bytes of edits taken for one message."""

DECLINES = sum(rule.unwanted for rule in RULES.values())
"""All flags by which a milter declines events."""

_NOT_AT_CONNECT = ("discard", "skip")
"""What Postfix overlooks there; a skip that was not negotiated it obeys elsewhere."""

UNWANTED = "not wanted by the milter"
"""Why an event is withheld that the milter declined when it negotiated."""


class Offer(Record):
    """What the MTA offers in the negotiation."""

    version: int = VERSION
    actions: int = OFFERS[VERSION][0]
    steps: int = OFFERS[VERSION][1]


def offer_of(version: int) -> Offer:
    """Return everything that exists in *version* of the protocol (2, 3, 4 or 6).

    Raises:
        ValueError: there is no such version.
    """
    if version not in OFFERS:
        known = ", ".join(map(str, OFFERS))
        raise ValueError(f"there is no milter protocol version {version}; known are {known}")
    return Offer(version, *OFFERS[version])


class Prepared(Record):
    """What goes before the data of an event; it is the same before every header of a message."""

    stage: Stage
    values: Mapping[str, bytes]
    """What was known."""
    macros: MacroValues
    """What of it is sent."""
    macro_packet: bytes
    command: bytes
    awaits: Stage | None
    """The stage again, where the milter owes it a reply."""


class Connection:
    """The state of one connection to a milter.

    Args:
        offer: what is offered in the negotiation.
        macro_lists: the macros sent at each stage, unless the milter asks for others.
        extra: by stage, values that are sent whether asked for or not, before all others.
    """

    def __init__(
        self,
        offer: Offer,
        macro_lists: MacroLists,
        extra: Mapping[str, Mapping[str, bytes]] | None = None,
    ) -> None:
        self.offer = offer
        self.chosen: Chosen | None = None
        self.awaits: Stage | None = None
        """The event whose reply is owed."""
        self._negotiating = False
        self._declined: dict[Stage, str] = {}
        """Events that are never sent, and why not."""
        self._macro_lists = dict(macro_lists)
        self._extra = extra or {}
        self._reader = PacketReader()
        self._skipped: Stage | None = None
        self._unsent = b""
        self._prepared: dict[Stage, Prepared] = {}
        """By stage: the last of its events."""
        self._edits = 0
        self._edit_bytes = 0

    def negotiate(self) -> bytes:
        """Return the bytes that open the session; the answer to them is a `Chosen`."""
        self._negotiating = True
        return negotiation(*self.offer)

    def withheld(self, stage: Stage) -> str:
        """Return why *stage* is not sent to this milter, or an empty string."""
        declined = self._declined.get(stage, "")
        return "skipped at the milter's wish" if self._skipped is stage else declined

    @property
    def wants_rejected_recipients(self) -> bool:
        """Whether recipients that the MTA refuses are announced as well."""
        return bool(self._negotiated.steps & REJECTED_RECIPIENTS)

    @property
    def keeps_leading_space(self) -> bool:
        """Whether header values are passed with the space after the colon."""
        return bool(self._negotiated.steps & LEADING_SPACE)

    def prepared(self, stage: Stage, values: Mapping[str, bytes]) -> Prepared:
        """Return what goes before the data of the event *stage*.

        Args:
            stage: the event.
            values: all that is known, by the names of macros; not to be changed later on.
        """
        found = self._prepared.get(stage)
        if found is None or found.values is not values:
            rule = RULES[stage]
            macros = self._macros(rule.macros, values)
            awaits = None if self._negotiated.steps & rule.unanswered else stage
            before = macro_packet(rule.command, macros)
            found = Prepared(stage, values, macros, before, rule.command, awaits)
            self._prepared[stage] = found
        return found

    def _macros(self, name: str, values: Mapping[str, bytes]) -> MacroValues:
        """Return the macros of the list called *name* that have a value, in their order.

        What a milter asks for twice, as OpenDKIM can, Postfix sends twice.
        """
        wanted = self._macro_lists.get(name, ())
        if extra := self._extra.get(name):
            wanted = (*extra, *[macro for macro in wanted if macro not in extra])
            values = {**values, **extra}
        return tuple([(macro, values[macro]) for macro in wanted if macro in values])

    def hold_macros(self, stage: Stage, values: Mapping[str, bytes]) -> MacroValues:
        """Keep the macros of an event that the milter does not want, and return them.

        Postfix sends them all the same; they go out before the next event. There are none where
        the event is not in the protocol version, was skipped, or is part of the content.
        """
        chosen, rule = self._negotiated, RULES[stage]
        wanted = not chosen.steps & rule.unwanted
        if wanted or chosen.version < rule.since or stage in MESSAGE_STAGES:
            return ()
        held = self.prepared(stage, values)
        self._unsent += held.macro_packet
        return held.macros

    def head(self, event: Prepared, size: int) -> bytes:
        """Return the bytes of *event* up to its data, which is of *size* bytes.

        Raises:
            Violation: the milter has sent something nobody asked for.
        """
        if self.awaits or self._reader.pending:
            raise Violation("the milter answered more than once")
        if self._skipped is not event.stage:
            self._skipped = None
        self.awaits = event.awaits
        head = event.macro_packet + packet_head(event.command, size)
        return self._held() + head if self._unsent else head

    def abort(self) -> bytes:
        """Return the bytes that end a message, whatever its state (SMFIC_ABORT)."""
        self._skipped = None
        self._edits = self._edit_bytes = 0
        return self._held() + packet(b"A")

    def quit(self) -> bytes:
        """Return the bytes that end the session (SMFIC_QUIT)."""
        return self._held() + packet(b"Q")

    def _held(self) -> bytes:
        held, self._unsent = self._unsent, b""
        return held

    def receive(self, data: bytes) -> None:
        """Take bytes from the milter."""
        self._reader.feed(data)

    def goes_on(self, data: bytes) -> bool:
        """Take *data* where it is the plain reply to go on, as nearly every one is.

        Returns:
            Whether it was; else it has yet to be received.
        """
        if data != CONTINUE or self.awaits is None or self._reader.pending:
            return False
        self.awaits = None
        return True

    def next(self) -> Incoming | None:
        """Return the milter's next answer, or None where more bytes are needed.

        Raises:
            Violation: the bytes are no answer, or none that is legal now.
        """
        found = self._reader.next()
        if found is None:
            return None
        incoming = decode(*found)
        if self._negotiating:
            return self._take_negotiation(incoming)
        return self._take_answer(incoming, len(found[1]))

    @property
    def _negotiated(self) -> Chosen:
        assert self.chosen is not None, "events come after the negotiation"
        return self.chosen

    def _take_negotiation(self, incoming: Incoming) -> Chosen:
        if not isinstance(incoming, Chosen):
            raise Violation("the milter does not answer the negotiation")
        offered = self.offer
        if not 2 <= incoming.version <= offered.version:
            raise Violation(
                f"the milter wants protocol version {incoming.version}; "
                f"{offered.version} was offered"
            )
        if extra := incoming.actions & ~offered.actions:
            raise Violation(f"the milter wants actions that were not offered ({extra:#x})")
        if extra := incoming.steps & ~offered.steps:
            raise Violation(f"the milter wants protocol steps that were not offered ({extra:#x})")
        self._negotiating = False
        self.chosen = incoming
        if incoming.steps & DECLINES or incoming.version < VERSION:
            self._declined = dict(_declined(incoming))
        self._macro_lists.update((stage, asked) for stage, asked in incoming.macro_lists if asked)
        return incoming

    def _take_answer(self, incoming: Incoming, size: int) -> Incoming:
        stage = self.awaits
        if stage is None or isinstance(incoming, Chosen):
            raise Violation("the milter answers where no answer is owed")
        if isinstance(incoming, Edit):
            self._count_edit(stage, incoming, size)
        elif isinstance(incoming, Reply):
            self.awaits = None
            if stage in (Stage.CONNECT, Stage.HELO) and incoming.decision in _NOT_AT_CONNECT:
                return Reply("continue")
            if incoming.decision == "skip":
                self._skipped = stage
        return incoming

    def _count_edit(self, stage: Stage, edit: Edit, size: int) -> None:
        if stage is not Stage.END:
            raise Violation(f"{edit.kind!r} at {stage.words}; edits belong to end of message")
        self._edits += 1
        self._edit_bytes += size
        if self._edits > EDIT_LIMIT or self._edit_bytes > EDIT_BYTES_LIMIT:
            raise Violation(f"more than {EDIT_LIMIT} edits or {EDIT_BYTES_LIMIT} bytes of them")


def _declined(chosen: Chosen) -> Iterator[tuple[Stage, str]]:
    """Yield the events that a milter that answered *chosen* is not sent, and why not."""
    for stage, rule in RULES.items():
        if chosen.steps & rule.unwanted:
            yield stage, UNWANTED
        elif chosen.version < rule.since:
            yield stage, f"not in protocol version {chosen.version}"
