"""One milter connection without I/O: events in, bytes out; bytes in, answers out.

The MTA's half of the protocol as a state machine. What may come back at which moment is
checked here once; a milter that breaks it gets a `Violation` that says how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.milter.codec import (
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
)
from actions.milter.protocol import (
    LEADING_SPACE,
    MESSAGE_STAGES,
    OFFERS,
    REJECTED_RECIPIENTS,
    RULES,
    SKIP,
    VERSION,
    Stage,
)
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.milter.macros import MacroLists

    MacroValues = tuple[tuple[str, bytes], ...]

EDIT_LIMIT = 20_000
"""Edits taken for one message; a milter that sends more is broken or hostile."""

EDIT_BYTES_LIMIT = 256 << 20
"""Bytes of edits taken for one message."""

_NOT_AT_CONNECT = ("discard", "skip")


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
        self._macro_lists = dict(macro_lists)
        self._extra = extra or {}
        self._reader = PacketReader()
        self._skipped: Stage | None = None
        self._unsent = b""
        self._edits = 0
        self._edit_bytes = 0

    def negotiate(self) -> bytes:
        """Return the bytes that open the session; the answer to them is a `Chosen`."""
        self._negotiating = True
        return negotiation(*self.offer)

    def withheld(self, stage: Stage) -> str:
        """Return why *stage* is not sent to this milter, or an empty string."""
        chosen, rule = self._negotiated, RULES[stage]
        if chosen.steps & rule.unwanted:
            return "not wanted by the milter"
        if chosen.version < rule.since:
            return f"not in protocol version {chosen.version}"
        if self._skipped is stage:
            return "skipped at the milter's wish"
        return ""

    @property
    def wants_rejected_recipients(self) -> bool:
        """Whether recipients that the MTA refuses are announced as well."""
        return bool(self._negotiated.steps & REJECTED_RECIPIENTS)

    @property
    def keeps_leading_space(self) -> bool:
        """Whether header values are passed with the space after the colon."""
        return bool(self._negotiated.steps & LEADING_SPACE)

    def macros(self, stage: Stage, values: Mapping[str, bytes]) -> MacroValues:
        """Return the macros of *stage* that have a value, in their order."""
        name = RULES[stage].macros
        extra = self._extra.get(name, {})
        wanted = dict.fromkeys((*extra, *self._macro_lists.get(name, ())))
        known = {**values, **extra} if extra else values
        return tuple((macro, known[macro]) for macro in wanted if macro in known)

    def hold_macros(self, stage: Stage, values: Mapping[str, bytes]) -> MacroValues:
        """Keep the macros of an event that the milter does not want, and return them.

        Postfix sends them all the same; they go out before the next event. There are none where
        the event is not in the protocol version, was skipped, or is part of the content.
        """
        chosen, rule = self._negotiated, RULES[stage]
        wanted = not chosen.steps & rule.unwanted
        if wanted or chosen.version < rule.since or stage in MESSAGE_STAGES:
            return ()
        macros = self.macros(stage, values)
        self._unsent += macro_packet(rule.command, macros)
        return macros

    def send(self, stage: Stage, data: bytes, macros: MacroValues) -> bytes:
        """Return the bytes of the event *stage*, its macros before it.

        Raises:
            Violation: the milter has sent something nobody asked for.
        """
        if self.awaits or self._reader.pending:
            raise Violation("the milter answered more than once")
        if self._skipped is not stage:
            self._skipped = None
        rule = RULES[stage]
        if not self._negotiated.steps & rule.unanswered:
            self.awaits = stage
        return self._held() + macro_packet(rule.command, macros) + packet(rule.command, data)

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
        self._macro_lists.update((stage, asked) for stage, asked in incoming.macro_lists if asked)
        return incoming

    def _take_answer(self, incoming: Incoming, size: int) -> Incoming:
        stage = self.awaits
        if stage is None or isinstance(incoming, Chosen):
            raise Violation("the milter answers where no answer is owed")
        if isinstance(incoming, Edit):
            self._count_edit(stage, incoming, size)
        elif isinstance(incoming, Reply):
            self._check_reply(stage, incoming)
            self.awaits = None
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

    def _check_reply(self, stage: Stage, reply: Reply) -> None:
        if stage in (Stage.CONNECT, Stage.HELO) and reply.decision in _NOT_AT_CONNECT:
            raise Violation(f"{reply.decision} is not allowed at {stage.words}")
        if reply.decision == "skip" and not self._negotiated.steps & SKIP:
            raise Violation("skip was not negotiated")
