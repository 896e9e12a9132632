"""Our engine's turn: the same session, driven through the same milters."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from actions.milter.chain import Chain
from actions.milter.codec import SmtpReply
from actions.milter.envelope import Client, routed_recipient, routed_sender
from actions.milter.member import HANG_UP, MISCONFIGURED, TEMPFAILED
from tests.golden.cases import HOSTNAME
from tests.golden.configured import as_configured
from tests.golden.identity import AUTHORITY, CLIENT, TLS
from tests.golden.scripted import Heard, queue_ids, readable, scripted
from tests.golden.submit import play_submission

if TYPE_CHECKING:
    from actions.milter.chain import Outcome
    from actions.milter.envelope import Sender
    from tests.golden.cases import Case
    from tests.golden.configured import Configured, Played
    from tests.milters.peer import Peers

PORT = 40025
"""The client's."""

NOT_RECOGNIZED = SmtpReply(500, ("5.5.2 Error: command not recognized",))


class Session:
    """One SMTP session of the pretended MTA.

    Args:
        chain: the milters.
        expected: the replies of the recording; what Postfix itself refused, we refuse too.
    """

    def __init__(self, chain: Chain, expected: list[str]) -> None:
        self.replies: list[str] = []
        self.outcomes: list[Outcome] = []
        self._chain = chain
        self._expected = expected
        self._messages = 0
        self._sender = False
        self._recipients = False
        self._hung_up = False
        self._client = Client("", "")

    def play(self, case: Case) -> None:
        """Play it to the end."""
        self._client = _client(case)
        self._greeting(self._chain.connect(self._client))
        for verb, argument, *more in case.steps:
            if self._hung_up:
                self.replies.append("-" if verb in ("rcpt", "data") else "closed")
                continue
            match verb:
                case "helo":
                    refusal = self._chain.helo(str(argument))
                    self._note_hang_up(refusal)
                    self.replies.append("421" if self._hung_up else "")
                case "mail":
                    refusal = self._chain.mail(_sender(str(argument), tuple(more)))
                    self._sender, self._recipients = self._note(refusal), False
                case "rcpt":
                    self._rcpt(str(argument), tuple(more))
                case "data":
                    self._data(argument if isinstance(argument, bytes) else b"")
                case "rset":
                    self._chain.abort()
                    self._sender = self._recipients = False
                    self._note(None)
                case "starttls" | "auth":
                    self._change(verb, str(argument))
                case _:
                    self._note(self._chain.unknown(str(argument)) or NOT_RECOGNIZED)
        self._chain.abort()
        self._chain.close()

    def _greeting(self, refusal: SmtpReply | None) -> None:
        """Note what the client reads first: refused with 5xx at once, with 4xx at MAIL only."""
        self._note_hang_up(refusal)
        if self._hung_up:
            self.replies.append(f"421 {HOSTNAME} Service unavailable - try again later")
        elif refusal and refusal.code >= 500:
            self.replies.append(f"554 {HOSTNAME} ESMTP not accepting connections")
        else:
            self.replies.append("")

    def _note_hang_up(self, refusal: SmtpReply | None) -> None:
        self._hung_up = self._hung_up or bool(refusal and refusal.code in HANG_UP)

    def _change(self, verb: str, argument: str) -> None:
        """Begin TLS or log in, unless Postfix did not let us."""
        reply = self._expected[len(self.replies)]
        self.replies.append("" if reply.startswith("2") else reply)
        if self.replies[-1]:
            return
        if verb == "auth":
            self._client = self._client._replace(auth_type="PLAIN", auth_name=argument)
            self._chain.know(self._client)
        else:
            self._client = _encrypted(self._client, argument)
            self._chain.starttls(self._client)
            self._sender = self._recipients = False

    def _rcpt(self, address: str, arguments: tuple[str, ...]) -> None:
        if not self._sender:
            self.replies.append("-")
            return
        recipient = routed_recipient(address, ("example.org",), arguments)
        refused = self._expected[len(self.replies)] if address.startswith("nobody") else ""
        if refused:
            self._chain.rcpt(recipient._replace(refused=refused), self._queue_id())
            self.replies.append(refused)
        else:
            accepted = self._note(self._chain.rcpt(recipient, self._queue_id()))
            self._open() if accepted else None

    def _data(self, message: bytes) -> None:
        if not self._recipients:
            self.replies.append("-")
            return
        self._sender = self._recipients = False
        refusal = self._chain.data(f"QUEUEID{self._messages}")
        if refusal:
            self._note(refusal)
            return
        outcome = self._chain.message(message, b"RECEIVED")
        self.outcomes.append(outcome)
        self._note(outcome.reply)

    def _open(self) -> None:
        """Give the message its queue id, as Postfix does with the first recipient."""
        if not self._recipients:
            self._messages += 1
        self._recipients = True

    def _queue_id(self) -> str:
        return f"QUEUEID{self._messages}" if self._recipients else ""

    def _note(self, refusal: SmtpReply | None) -> bool:
        self._note_hang_up(refusal)
        self.replies.append(_text(refusal) if refusal else "")
        return refusal is None


def _client(case: Case) -> Client:
    client = Client(case.client, "127.0.0.1", PORT)
    if case.wrapped:
        client = _encrypted(client, "")
    facts = dict(fact.split("=", 1) for fact in case.xclient.split())
    for name, value in facts.items():
        given = "" if value in ("[UNAVAILABLE]", "[TEMPUNAVAIL]") else value
        match name:
            case "NAME":
                client = client._replace(name=given)
            case "REVERSE_NAME":
                client = client._replace(reverse_name=given)
            case "PORT":
                client = client._replace(port=int(given or "0"))
            case "LOGIN":
                client = client._replace(auth_type="XCLIENT", auth_name=given)
            case _ if given.startswith("IPV6:"):
                address = ipaddress.ip_address(given.removeprefix("IPV6:"))
                client = client._replace(address=str(address), family="inet6")
            case _:
                client = client._replace(address=given or "unknown")
    return client


def _encrypted(client: Client, certificate: str) -> Client:
    """Return *client* with TLS; Postfix tells only what it trusts of a certificate."""
    version, cipher, bits = TLS
    client = client._replace(tls_version=version, cipher=cipher, cipher_bits=bits)
    if certificate != "trusted":
        return client
    return client._replace(certificate_subject=CLIENT, certificate_issuer=AUTHORITY)


def _sender(address: str, arguments: tuple[str, ...]) -> Sender:
    made = routed_sender(address, arguments)
    return made._replace(mailer="local") if address.endswith("@example.org") else made


def _text(reply: SmtpReply) -> str:
    *others, last = reply.lines
    return "\n".join([f"{reply.code}-{line}" for line in others] + [f"{reply.code} {last}"])


def replay(peers: Peers, case: Case, recorded: dict[str, Any], version: str) -> dict[str, Any]:
    """Play *case* through our engine and return what is compared with the recording."""
    heard = Heard({}, [])
    started, specs = [], {}
    for name, script in zip(case.names, case.milters, strict=True):
        behave = scripted(name, script, heard)
        specs[name] = f"unix:{peers.path('nobody')}"
        if not script.absent:
            started.append(peers.start(behave))
            specs[name] = started[-1].spec
    configured = as_configured(case, specs, version)
    play = play_submission if case.submitted else _play_session
    replies, outcomes = play(case, configured, recorded["replies"])
    if configured.unknown_action:
        replies = [_text(MISCONFIGURED) if one == _text(TEMPFAILED) else one for one in replies]
    for peer in started:
        peer.finish()
    known = queue_ids(heard)
    sessions = {
        name: [[readable(packet, known, PORT) for packet in packets] for packets in found]
        for name, found in heard.sessions.items()
    }
    queued = [_queued(outcome) for outcome in outcomes if _is_queued(outcome)]
    return {
        "replies": replies,
        "order": heard.order,
        "sessions": sessions,
        "queued": queued,
    }


def _play_session(case: Case, configured: Configured, expected: list[str]) -> Played:
    chain = Chain(configured.links, configured.settings)
    session = Session(chain, expected)
    try:
        session.play(case)
    finally:
        chain.close()
    return session.replies, session.outcomes


def _is_queued(outcome: Outcome) -> bool:
    return outcome.action in ("deliver", "quarantine")


def _queued(outcome: Outcome) -> dict[str, Any]:
    content = outcome.content
    headers = b"".join(header.line for header in content.headers).replace(b"\r\n", b"\n")
    body = b"\n" + content.body.replace(b"\r\n", b"\n") if content.body else b""
    text = (headers + body).decode("latin-1")
    return {
        "hold": outcome.action == "quarantine",
        "sender": outcome.envelope.sender.decode(),
        "recipients": [address.decode() for address in outcome.envelope.recipients],
        "content": text if len(text) < 2000 else len(text),
    }
