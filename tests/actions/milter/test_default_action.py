"""What becomes of the mail, and of the next milter, when one fails: milter_default_action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.milter.codec import SmtpReply
from tests.milters.driving import EVERYTHING, Driven

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.milters.peer import Peers, Wire
    from tests.milters.running import Milters

REPLIES = {
    "tempfail": SmtpReply(451, ("4.7.1 Service unavailable - try again later",)),
    "reject": SmtpReply(550, ("5.5.0 Service unavailable",)),
    "shutdown": SmtpReply(421, ("4.7.1 Service unavailable - try again later",)),
}


def failing(event: bytes) -> Callable[[Wire], None]:
    """Return a peer that closes at *event*."""

    def behave(wire: Wire) -> None:
        wire.negotiate()
        wire.until(event)

    return behave


@pytest.mark.parametrize("action", REPLIES)
class TestRefusing:
    def test_a_milter_that_is_not_there(self, milters: Milters, action: str) -> None:
        b = milters.start()
        nobody = f"unix:{milters.path('nobody')}"
        with Driven(nobody, b.spec, default_action=action) as driven:
            assert driven.greet() == REPLIES[action]
            assert driven.mail() == REPLIES[action]
        assert b.seen() == []

    def test_one_that_closes_at_mail(self, milters: Milters, peers: Peers, action: str) -> None:
        b = milters.start()
        with Driven(peers.start(failing(b"M")).spec, b.spec, default_action=action) as driven:
            assert driven.greet() is None
            assert driven.mail() == REPLIES[action]
            driven.chain.abort()
            assert driven.mail() == REPLIES[action]
        assert b.names() == ["connect", "helo"]

    def test_one_that_closes_at_end_of_message(
        self, milters: Milters, peers: Peers, action: str
    ) -> None:
        b = milters.start()
        with Driven(peers.start(failing(b"E")).spec, b.spec, default_action=action) as driven:
            outcome = driven.everything()
        assert outcome.reply == REPLIES[action]
        assert outcome.action == ("reject" if action == "reject" else "tempfail")
        assert b.told() == EVERYTHING[:5]


class TestAccept:
    @pytest.mark.parametrize("event", [b"C", b"M", b"L", b"E"])
    def test_the_others_are_asked_everything(
        self, milters: Milters, peers: Peers, event: bytes
    ) -> None:
        b = milters.start()
        with Driven(peers.start(failing(event)).spec, b.spec, default_action="accept") as driven:
            outcome = driven.everything()
            driven.mail()
        assert outcome.action == "deliver"
        assert b.told() == [*EVERYTHING, "mail"]

    def test_what_it_edited_before_it_failed_stays(self, milters: Milters, peers: Peers) -> None:
        """Postfix has written each edit into the queue file by then."""

        def half(wire: Wire) -> None:
            wire.negotiate()
            wire.until(b"E")
            wire.send(b"h", b"X-Half\0done\0")

        b = milters.start()
        with Driven(peers.start(half).spec, b.spec, default_action="accept") as driven:
            assert driven.everything().action == "deliver"
        assert "X-Half" in [one.arguments[0] for one in b.events() if one.event == "header"]


class TestQuarantine:
    @pytest.mark.parametrize(
        ("event", "told"), [(b"C", []), (b"R", EVERYTHING[:3]), (b"E", EVERYTHING[:5])]
    )
    def test_the_message_is_held_and_the_others_hear_no_more(
        self, milters: Milters, peers: Peers, event: bytes, told: list[str]
    ) -> None:
        b = milters.start()
        first = peers.start(failing(event))
        with Driven(first.spec, b.spec, default_action="quarantine") as driven:
            outcome = driven.everything()
        assert (outcome.action, outcome.quarantine_reason) == ("quarantine", "default_action")
        assert b.told() == told


def test_shutdown_by_the_milter_ends_the_session(peers: Peers) -> None:
    def shut(wire: Wire) -> None:
        wire.negotiate()
        wire.until(b"M")
        wire.send(b"4")
        wire.wait_for_close()

    with Driven(peers.start(shut).spec) as driven:
        driven.greet()
        assert driven.mail() == SmtpReply(421, ("4.7.0 Server closing connection",))
        assert driven.mail() == SmtpReply(421, ("4.7.0 Server closing connection",))
