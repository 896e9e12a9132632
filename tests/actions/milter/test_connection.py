"""The protocol's state machine without a socket: what may be sent, and what may come back."""

from __future__ import annotations

import struct

import pytest

from actions.milter import connection as limits
from actions.milter.codec import Chosen, Edit, Progress, Reply, Violation
from actions.milter.connection import Connection, Offer, offer_of
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.protocol import (
    ACTIONS,
    ALL_ACTIONS,
    ALL_STEPS,
    RULES,
    SKIP,
    STEPS,
    Stage,
    names,
)
from tests.milters.peer import Packet, frame, macro_list, options

STAGES = tuple(Stage)
ANSWERED = tuple(stage for stage in STAGES if RULES[stage].unanswered)
DECLINED = tuple(stage for stage in STAGES if RULES[stage].unwanted)
AFTER_HELO = tuple(stage for stage in STAGES if stage not in (Stage.CONNECT, Stage.HELO))


def opened(
    *, offer: Offer | None = None, answer: bytes | None = None, **extra: dict[str, bytes]
) -> Connection:
    """Return a connection that has been negotiated."""
    connection = Connection(offer or Offer(), DEFAULT_LISTS, extra)
    connection.negotiate()
    connection.receive(options() if answer is None else answer)
    assert isinstance(connection.next(), Chosen)
    return connection


def sent(connection: Connection, stage: Stage, data: bytes = b"", **values: bytes) -> list[Packet]:
    """Send *stage* with its macros and return the packets that go out."""
    return packets(connection.head(connection.prepared(stage, values), len(data)) + data)


def packets(data: bytes) -> list[Packet]:
    found = []
    while data:
        (length,) = struct.unpack_from(">I", data)
        found.append((data[4:5], data[5 : 4 + length]))
        data = data[4 + length :]
    return found


def answer_to(connection: Connection, stage: Stage, *answers: bytes) -> list[object]:
    """Send *stage*, let the milter say *answers*, and return what was read of them."""
    sent(connection, stage)
    connection.receive(b"".join(answers))
    found: list[object] = []
    while (one := connection.next()) is not None:
        found.append(one)
    return found


class TestNegotiation:
    def test_the_usual_offer_is_version_6_with_everything(self) -> None:
        connection = Connection(Offer(), DEFAULT_LISTS)
        assert packets(connection.negotiate()) == [(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF))]

    @pytest.mark.parametrize(
        ("version", "actions", "steps"),
        [(2, 0x1FF, 0x7F), (3, 0x1FF, 0x17F), (4, 0x1FF, 0x37F), (6, 0x1FF, 0x1FFFFF)],
    )
    def test_each_version_offers_what_exists_in_it(
        self, version: int, actions: int, steps: int
    ) -> None:
        assert offer_of(version) == Offer(version, actions, steps)

    @pytest.mark.parametrize("version", [0, 1, 5, 7])
    def test_other_versions_cannot_be_offered(self, version: int) -> None:
        with pytest.raises(ValueError, match=f"no milter protocol version {version}"):
            offer_of(version)

    @pytest.mark.parametrize("version", [2, 3, 4, 6])
    def test_a_milter_may_choose_an_older_version(self, version: int) -> None:
        assert opened(answer=options(version)).chosen == Chosen(version, 0x1FF, 0, ())

    @pytest.mark.parametrize(
        ("offered", "answer", "what"),
        [
            (6, options(7), "version 7; 6 was offered"),
            (2, options(6, 0), "version 6; 2 was offered"),
            (6, options(1), "version 1; 6 was offered"),
            (6, options(0), "version 0; 6 was offered"),
            (6, options(actions=0x3FF), r"actions that were not offered \(0x200\)"),
            (2, options(2, actions=0x200), r"actions that were not offered \(0x200\)"),
            (6, options(steps=1 << 21), r"steps that were not offered \(0x200000\)"),
            (2, options(2, 0, steps=0x400), r"steps that were not offered \(0x400\)"),
        ],
    )
    def test_what_was_not_offered_is_refused(self, offered: int, answer: bytes, what: str) -> None:
        with pytest.raises(Violation, match=what):
            opened(offer=offer_of(offered), answer=answer)

    @pytest.mark.parametrize("letter", [b"c", b"a", b"p", b"q"])
    def test_another_answer_to_the_offer_is_refused(self, letter: bytes) -> None:
        answer = frame(letter, b"x\0" if letter == b"q" else b"")
        with pytest.raises(Violation, match="does not answer the negotiation"):
            opened(answer=answer)

    def test_a_second_negotiation_is_refused(self) -> None:
        connection = opened()
        with pytest.raises(Violation, match="no answer is owed"):
            answer_to(connection, Stage.CONNECT, options())

    def test_actions_and_steps_have_names(self) -> None:
        assert len(names(ALL_ACTIONS, ACTIONS)) == 9
        assert len(names(ALL_STEPS, STEPS)) == 21
        assert names(0x1000021, ACTIONS) == ("add headers", "quarantine", "0x1000000")


class TestSteps:
    @pytest.mark.parametrize("stage", DECLINED)
    def test_an_event_that_is_not_wanted_is_withheld(self, stage: Stage) -> None:
        connection = opened(answer=options(steps=RULES[stage].unwanted))
        assert connection.withheld(stage) == "not wanted by the milter"
        assert [one for one in STAGES if connection.withheld(one)] == [stage]

    def test_end_of_message_cannot_be_declined(self) -> None:
        assert not opened(answer=options(steps=ALL_STEPS)).withheld(Stage.END)

    @pytest.mark.parametrize("stage", ANSWERED)
    def test_an_event_that_gets_no_reply_leaves_none_owed(self, stage: Stage) -> None:
        connection = opened(answer=options(steps=RULES[stage].unanswered))
        sent(connection, stage)
        assert connection.awaits is None
        other = Stage.END if stage is not Stage.END else Stage.EOH
        sent(connection, other)
        assert connection.awaits is other

    @pytest.mark.parametrize(
        ("version", "withheld"),
        [(2, {Stage.UNKNOWN, Stage.DATA}), (3, {Stage.DATA}), (4, set()), (6, set())],
    )
    def test_an_older_version_is_not_sent_what_came_later(
        self, version: int, withheld: set[Stage]
    ) -> None:
        connection = opened(answer=options(version, 0, 0))
        assert {stage for stage in STAGES if connection.withheld(stage)} == withheld
        for stage in withheld:
            assert connection.withheld(stage) == f"not in protocol version {version}"

    def test_leading_space_and_rejected_recipients_are_told(self) -> None:
        assert not opened().keeps_leading_space
        assert not opened().wants_rejected_recipients
        assert opened(answer=options(steps=0x100000)).keeps_leading_space
        assert opened(answer=options(steps=0x800)).wants_rejected_recipients


class TestSkip:
    @pytest.mark.parametrize("stage", AFTER_HELO)
    def test_further_events_of_the_stage_are_withheld_until_another(self, stage: Stage) -> None:
        connection = opened(answer=options(steps=SKIP))
        assert answer_to(connection, stage, frame(b"s")) == [Reply("skip")]
        assert connection.withheld(stage) == "skipped at the milter's wish"
        other = Stage.EOH if stage is not Stage.EOH else Stage.BODY
        assert not connection.withheld(other)
        answer_to(connection, other, frame(b"c"))
        assert not connection.withheld(stage)

    def test_the_next_message_begins_without_it(self) -> None:
        connection = opened(answer=options(steps=SKIP))
        answer_to(connection, Stage.RCPT, frame(b"s"))
        connection.abort()
        assert not connection.withheld(Stage.RCPT)

    def test_it_is_obeyed_where_it_was_not_negotiated(self) -> None:
        connection = opened()
        assert answer_to(connection, Stage.BODY, frame(b"s")) == [Reply("skip")]
        assert connection.withheld(Stage.BODY)


class TestMacros:
    def test_they_go_before_every_event(self) -> None:
        for stage in STAGES:
            letter = RULES[stage].command
            first, second = sent(opened(), stage, b"data")
            assert first[0] == b"D"
            assert first[1][:1] == letter
            assert second == (letter, b"data")

    def test_those_without_a_value_are_left_out(self) -> None:
        connection = opened()
        assert sent(connection, Stage.CONNECT, j=b"host", v=b"Postfix")[0] == (
            b"D",
            b"Cj\0host\0v\0Postfix\0",
        )

    def test_an_empty_packet_is_sent_where_none_has_a_value(self) -> None:
        assert sent(opened(), Stage.MAIL)[0] == (b"D", b"M")
        assert sent(opened(), Stage.UNKNOWN, i=b"never")[0] == (b"D", b"U")

    def test_only_single_letters_go_unbraced(self) -> None:
        connection = opened(rcpt={"xy": b"2"})
        (_, data), _ = sent(connection, Stage.RCPT, i=b"1", rcpt_addr=b"a@b")
        assert data == b"R{xy}\x002\0i\x001\0{rcpt_addr}\0a@b\0"

    @pytest.mark.parametrize(
        ("stage", "wire"),
        [
            (Stage.CONNECT, 0),
            (Stage.HELO, 1),
            (Stage.MAIL, 2),
            (Stage.RCPT, 3),
            (Stage.DATA, 4),
            (Stage.END, 5),
            (Stage.EOH, 6),
        ],
    )
    def test_a_list_of_the_milters_own_replaces_that_stages_only(
        self, stage: Stage, wire: int
    ) -> None:
        own = opened(answer=options(lists=macro_list(wire, "i {other}")))
        usual = opened()
        values = {name: b"x" for asked in DEFAULT_LISTS.values() for name in asked}
        values["other"] = b"y"
        listed = RULES[stage].macros
        for one in STAGES:
            told = own.prepared(one, values).macros
            if RULES[one].macros == listed:
                assert told == (("i", b"x"), ("other", b"y"))
            else:
                assert told == usual.prepared(one, values).macros

    def test_an_empty_list_replaces_nothing(self) -> None:
        connection = opened(answer=options(lists=macro_list(0, "") + macro_list(1, "  ")))
        assert connection.prepared(Stage.CONNECT, {"j": b"host"}).macros == (("j", b"host"),)
        assert connection.prepared(Stage.HELO, {"cipher": b"c"}).macros == (("cipher", b"c"),)

    def test_given_values_go_first_though_nobody_asked(self) -> None:
        connection = opened(connect={"own": b"1", "v": b"mine"})
        values = {"j": b"host", "v": b"Postfix"}
        assert connection.prepared(Stage.CONNECT, values).macros == (
            ("own", b"1"),
            ("v", b"mine"),
            ("j", b"host"),
        )
        assert connection.prepared(Stage.HELO, values).macros == ()

    @pytest.mark.parametrize(
        "stage", [Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.UNKNOWN]
    )
    def test_those_of_an_unwanted_event_go_with_the_next(self, stage: Stage) -> None:
        """Postfix's milter8_event() sends them first, and only then looks at the flag."""
        connection = opened(answer=options(steps=RULES[stage].unwanted))
        values = {"i": b"1", "j": b"host", "cipher": b"c"}
        held = connection.hold_macros(stage, values)
        assert held == connection.prepared(stage, values).macros
        letters = [(letter, data[:1]) for letter, data in sent(connection, Stage.EOH)]
        assert letters == [(b"D", RULES[stage].command), (b"D", b"N"), (b"N", b"")]
        assert packets(connection.abort()) == [(b"A", b"")]

    @pytest.mark.parametrize("stage", [Stage.HEADER, Stage.EOH, Stage.BODY])
    def test_unwanted_content_has_none(self, stage: Stage) -> None:
        connection = opened(answer=options(steps=RULES[stage].unwanted))
        assert connection.hold_macros(stage, {"i": b"1"}) == ()
        assert packets(connection.quit()) == [(b"Q", b"")]

    def test_an_event_that_the_version_does_not_know_has_none(self) -> None:
        connection = opened(answer=options(2, 0, 0))
        assert connection.hold_macros(Stage.DATA, {"i": b"1"}) == ()

    def test_a_skipped_event_has_none(self) -> None:
        connection = opened(answer=options(steps=SKIP))
        answer_to(connection, Stage.RCPT, frame(b"s"))
        assert connection.hold_macros(Stage.RCPT, {"i": b"1"}) == ()


class TestAnswers:
    def test_progress_leaves_the_reply_owed(self) -> None:
        connection = opened()
        assert answer_to(connection, Stage.MAIL, frame(b"p") * 3) == [Progress()] * 3
        assert connection.awaits is Stage.MAIL
        connection.receive(frame(b"c"))
        assert connection.next() == Reply("continue")
        assert connection.awaits is None

    @pytest.mark.parametrize("letter", [b"c", b"a", b"r", b"t", b"f", b"4", b"p", b"b"])
    def test_an_answer_to_nothing_is_a_violation(self, letter: bytes) -> None:
        connection = opened()
        connection.receive(frame(letter))
        with pytest.raises(Violation, match="answers where no answer is owed"):
            connection.next()

    def test_a_second_answer_is_a_violation_before_the_next_event(self) -> None:
        connection = opened()
        sent(connection, Stage.MAIL)
        connection.receive(frame(b"c") * 2)
        assert connection.next() == Reply("continue")
        with pytest.raises(Violation, match="answered more than once"):
            sent(connection, Stage.RCPT)

    def test_half_a_packet_too_many_is_one_as_well(self) -> None:
        connection = opened()
        sent(connection, Stage.MAIL)
        connection.receive(frame(b"c") + b"\0")
        assert connection.next() == Reply("continue")
        with pytest.raises(Violation, match="answered more than once"):
            sent(connection, Stage.RCPT)

    @pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.HELO])
    @pytest.mark.parametrize("letter", [b"d", b"s"])
    def test_discard_and_skip_are_overlooked_before_mail(self, stage: Stage, letter: bytes) -> None:
        connection = opened(answer=options(steps=SKIP))
        assert answer_to(connection, stage, frame(letter)) == [Reply("continue")]
        assert not connection.withheld(stage)

    @pytest.mark.parametrize("stage", [stage for stage in STAGES if stage is not Stage.END])
    def test_edits_belong_to_end_of_message(self, stage: Stage) -> None:
        with pytest.raises(Violation, match="edits belong to end of message"):
            answer_to(opened(), stage, frame(b"h", b"X\0v\0"))

    def test_edits_are_taken_at_end_of_message(self) -> None:
        found = answer_to(opened(), Stage.END, frame(b"h", b"X\0v\0"), frame(b"c"))
        assert found == [Edit("add header", b"X", b"v"), Reply("continue")]


class TestLimits:
    def test_too_many_edits_are_a_violation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "EDIT_LIMIT", 10)
        connection = opened()
        assert len(answer_to(connection, Stage.END, *[frame(b"b")] * 10)) == 10
        connection.receive(frame(b"b"))
        with pytest.raises(Violation, match="more than 10 edits"):
            connection.next()

    def test_too_many_bytes_of_edits_are_a_violation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "EDIT_BYTES_LIMIT", 1000)
        connection = opened()
        assert answer_to(connection, Stage.END, frame(b"b", b"x" * 1000))
        connection.receive(frame(b"b", b"x"))
        with pytest.raises(Violation, match="1000 bytes of them"):
            connection.next()

    def test_each_message_has_the_whole_allowance(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "EDIT_LIMIT", 10)
        connection = opened()
        for _ in range(3):
            answer_to(connection, Stage.END, *[frame(b"b")] * 10, frame(b"c"))
            connection.abort()
