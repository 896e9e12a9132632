"""What goes over the wire for a scenario, and what is made of a milter that gives no decision."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from actions.action import Cancelled, Context
from actions.chain.scenario.report import ScenarioDone
from actions.host.system import SystemHost
from tests.actions.chain.scenario.suites import run_files

if TYPE_CHECKING:
    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.peer import Peers, Wire
    from tests.milters.running import Milters

THREE = """
    [[scenario]]
    name = "three messages"
    [[scenario.message]]
    sender = "first@example.net"
    expect.verdict = "delivered"
    [[scenario.message]]
    sender = "second@example.net"
    rset = true
    [[scenario.message]]
    sender = "third@example.net"
    expect.verdict = "delivered"
"""


class TestSession:
    def test_several_messages_go_through_one_session(
        self, suites: Suites, milters: Milters
    ) -> None:
        running = milters.start()
        assert suites.one(THREE, running).status == "passed"
        events = running.events()
        assert {event.session for event in events} == {1}
        told = [event.event for event in events]
        assert told.count("connect") == told.count("helo") == 1
        senders = [event.arguments[0] for event in events if event.event == "mail"]
        assert senders == [f"<{name}@example.net>" for name in ("first", "second", "third")]

    def test_rset_gives_a_message_up_after_its_recipients(
        self, suites: Suites, peers: Peers
    ) -> None:
        peer = peers.start(lambda wire: (wire.negotiate(), wire.serve()))  # type: ignore[arg-type, func-returns-value]
        run_files(suites.write(THREE), milter=(f"a={peer.spec}",))
        peer.finish()
        letters = b"".join(letter for letter, _ in peer.heard if letter != b"D").decode()
        message = "MRT" + "L" * 6 + "NBE"
        # After a message Postfix sends ABORT; for RSET once more only where one was begun.
        assert letters == f"OCH{message}A" + "MRA" + f"{message}A" + "AQ"

    def test_a_refused_message_is_over_before_the_next(
        self, suites: Suites, milters: Milters
    ) -> None:
        running = milters.start(replies={"mail": [["550", "5.7.1", "Not you"], "continue"]})
        text = THREE.replace("expect.verdict", 'expect.verdict = "reject" #', 1)
        assert suites.one(text, running).status == "passed"

    def test_a_recipient_that_the_mta_refuses_is_not_the_milters_verdict(
        self, suites: Suites, milters: Milters
    ) -> None:
        running = milters.start()
        head = """
            recipients = [
                "good@example.org",
                { address = "gone@example.org", refused = "550 5.1.1 Unknown user" },
            ]
        """
        expect = """
            verdict = "pass"
            recipients."gone@example.org" = { reply.status = "5.1.1" }
            recipients."good@example.org" = "accepted"
            message.recipients = "good@example.org"
        """
        assert suites.keys(expect, running, head=head) == []
        told = [event.arguments[0] for event in running.events() if event.event == "rcpt"]
        assert told == ["<good@example.org>"]
        by = 'recipients."gone@example.org".by = "a"'
        assert suites.keys(by, running, head=head) == ['expect.recipients."gone@example.org".by']

    def test_a_message_without_any_recipient_left_is_rejected(
        self, suites: Suites, milters: Milters
    ) -> None:
        head = 'recipients = { address = "gone@example.org", refused = "550 5.1.1 Unknown" }'
        listed = head.replace("= {", "= [{", 1) + "]"
        running = milters.start()
        assert suites.keys('verdict = "reject"', running, head=listed) == []
        assert "data" not in running.names()

    def test_client_macros_and_commands_are_as_the_file_says(
        self, suites: Suites, milters: Milters
    ) -> None:
        running = milters.start()
        head = """
            client.host = "h.example.net"
            client.address = "2001:db8::1"
            client.port = 4321
            client.helo = "hello"
            client.auth.name = "joe"
            client.tls.version = "TLSv1.2"
            macros = { mail.x-given = "yes" }
            unknown = "XFOO"
        """
        assert suites.keys('verdict = "delivered"', running, head=head) == []
        events = {event.event: event for event in running.events()}
        assert events["connect"].arguments[0] == "h.example.net"
        assert events["connect"].arguments[2][:2] == ["2001:db8::1", 4321]
        assert events["helo"].arguments == ["hello"]
        assert events["helo"].macros["tls_version"] == "TLSv1.2"
        assert events["mail"].macros["auth_authen"] == "joe"
        assert events["mail"].macros["x-given"] == "yes"
        assert events["unknown"].arguments == ["XFOO"]

    def test_milters_of_a_scenario_are_asked_in_its_order(
        self, suites: Suites, milters: Milters
    ) -> None:
        first, second = milters.start_all({"edits": [["addheader", "X-First", "v", -1]]}, {})
        head = 'milters = ["b", "a"]'
        text = f'[[milter]]\nname = "a"\n[[milter]]\nname = "b"\n[[scenario]]\nname = "one"\n{head}'
        result = suites.one(f'{text}\nexpect.verdict = "delivered"', first, second)
        assert [milter.name for milter in result.messages[0].milters] == ["b", "a"]
        headers = [event.arguments[0] for event in second.events() if event.event == "header"]
        assert "X-First" not in headers


class TestContent:
    @pytest.mark.parametrize(
        ("head", "header", "body"),
        [
            ('sample = "gtube"', "Milter chain test: spam by agreement", "GTUBE-STANDARD"),
            ('headers.X-Sent = "here"\nbody = "the text"', "here", "the text\r\n"),
            ('headers.X-Sent = ["here", "there"]', "there", "Nothing is wrong"),
            ('raw = """X-Sent: raw\n\nline one\nline two"""', "raw", "line one\r\nline two\r\n"),
            ('file = "mail.eml"', "from a file", "the file's\r\n"),
            ('file = "mail.eml"\nbody = "mine"', "from a file", "mine\r\n"),
        ],
    )
    def test_each_source(
        self, suites: Suites, milters: Milters, head: str, header: str, body: str
    ) -> None:
        (suites.folder / "mail.eml").write_bytes(b"X-Sent: from a file\n\nthe file's\n")
        running = milters.start()
        assert suites.keys('verdict = "delivered"', running, head=head) == []
        events = running.events()
        values = [event.arguments[1] for event in events if event.event == "header"]
        assert header in values
        assert any(body in event.arguments[0] for event in events if event.event == "body")

    def test_the_innermost_source_wins_and_takes_its_own_headers(self, suites: Suites) -> None:
        suite = suites.read("""
            [defaults]
            sample = "gtube"
            headers.X-Outer = "1"
            expect.verdict = "delivered"
            [[scenario]]
            name = "from the defaults"
            body = "inner"
            [[scenario]]
            name = "its own"
            raw = "X-Raw: 1"
        """)
        outer, own = (scenario.messages[0].content for scenario in suite.scenarios)
        assert (outer.sample, outer.headers, outer.body) == ("gtube", ("X-Outer:1",), b"inner\r\n")
        assert (own.sample, own.raw, own.headers) == ("", b"X-Raw: 1", ())

    def test_unique_is_one_word_in_a_scenario_and_another_in_the_next(self, suites: Suites) -> None:
        text = """
            [defaults]
            sender = "s-{unique}@example.net"
            recipients = ["r-{unique}@example.org"]
            [[scenario]]
            name = "one"
            expect.recipients."r-{unique}@example.org" = "accepted"
            [[scenario]]
            name = "two"
            expect.verdict = "pass"
        """
        first, second = (scenario.messages[0] for scenario in suites.read(text).scenarios)
        word = first.sender.address.removeprefix("s-").partition("@")[0]
        assert word.isalnum()
        assert first.recipients[0].address == f"r-{word}@example.org"
        assert first.expect.recipients[0][0] == f"r-{word}@example.org"
        again = suites.read(text).scenarios[0].messages[0]
        assert len({one.sender.address for one in (first, second, again)}) == 3


class TestUndecided:
    TEXT = '[[scenario]]\nname = "one"\nexpect = { verdict = "delivered", by = "a" }'

    @staticmethod
    def closing(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"E")

    def test_no_decision_is_no_difference(self, suites: Suites, peers: Peers) -> None:
        peer = peers.start(self.closing)
        report = run_files(suites.write(self.TEXT), milter=(f"a={peer.spec}",))
        (result,) = report.suites[0].scenarios
        assert (result.status, result.differences, report.exit_code) == ("undecided", (), 6)
        said = "a gave no decision at end of message: the milter closed the connection"
        assert result.because == said

    def test_where_it_is_expected_it_passes(self, suites: Suites, peers: Peers) -> None:
        text = self.TEXT.replace("delivered", "undecided")
        report = run_files(suites.write(text), milter=(f"a={peers.start(self.closing).spec}",))
        assert report.exit_code == 0

    def test_a_milter_that_failed_leaves_the_rest_of_its_session_undecided(
        self, suites: Suites, peers: Peers
    ) -> None:
        peer = peers.start(self.closing)
        action = f'[[milter]]\nname = "a"\nspec = "{peer.spec}"\ndefault_action = "accept"\n'
        result = suites.one(action + THREE.replace("rset = true", 'expect.verdict = "pass"'))
        assert result.status == "undecided"
        assert [message.verdict for message in result.messages] == ["undecided"] * 3
        assert result.because.startswith("message[1]: a gave no decision")

    def test_a_difference_elsewhere_fails_all_the_same(self, suites: Suites, peers: Peers) -> None:
        def behave(wire: Wire) -> None:
            wire.negotiate()
            wire.until(b"M")
            wire.send(b"r")
            wire.until(b"E")

        text = THREE.replace("rset = true", 'expect.verdict = "pass"')
        (result,) = (
            run_files(suites.write(text), milter=(f"a={peers.start(behave).spec}",))
            .suites[0]
            .scenarios
        )
        assert result.status == "failed"
        assert [one.key for one in result.differences] == ["message[1].expect.verdict"]
        assert result.because.startswith("message[2]: a gave no decision")

    def test_a_session_that_the_mta_closes_is_over_for_every_message(
        self, suites: Suites, milters: Milters
    ) -> None:
        running = milters.start(replies={"rcpt": ["421", "4.3.2", "Closing"]})
        text = THREE.replace("delivered", "temporary-failure").replace(
            "rset = true", 'expect.verdict = "temporary-failure"\nexpect.reply.code = 421'
        )
        assert suites.one(text, running).status == "passed"
        assert running.names().count("mail") == 1


class TestOnTheWay:
    def test_each_scenario_is_told_when_it_is_over(self, suites: Suites, milters: Milters) -> None:
        told: list[object] = []
        ctx = Context(SystemHost(), told.append)
        text = THREE + THREE.replace("three messages", "once more")
        suites.run(text, milters.start(), ctx=ctx)
        done = [event for event in told if isinstance(event, ScenarioDone)]
        assert [(one.number, one.total, one.result.name) for one in done] == [
            (1, 2, "three messages"),
            (2, 2, "once more"),
        ]

    def test_cancelling_ends_it(self, suites: Suites, milters: Milters) -> None:
        running = milters.start(delays={"end": 30.0})
        cancel = threading.Event()
        timer = threading.Timer(0.3, cancel.set)
        timer.start()
        ctx = Context(SystemHost(), cancel=cancel)
        with pytest.raises(Cancelled):
            suites.run(THREE, running, ctx=ctx)
        timer.join()

    def test_its_time_limits_are_those_of_a_chain_test(
        self, suites: Suites, milters: Milters
    ) -> None:
        running = milters.start(delays={"end": 5.0})
        result = suites.one(THREE, running, end_of_message_timeout=0.2)
        assert result.because.endswith("no reply within 0.2 s")
        assert suites.one(THREE, running, deadline=0.3).status == "undecided"
