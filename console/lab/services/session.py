"""One SMTP session as smtpd and cleanup see it: the milters asked, the replies, the log.

What is answered and what is logged follows Postfix (smtpd.c, cleanup_milter.c, milter8.c).
"""

from __future__ import annotations

import email.utils
import re
import time
from typing import TYPE_CHECKING

from actions.milter.chain import Chain, Edited
from actions.milter.envelope import Client, routed_recipient, routed_sender
from actions.milter.link import ChainSettings
from actions.milter.macros import server_macros
from actions.milter.protocol import MESSAGE_STAGES, Stage
from actions.milter.session import Negotiated
from actions.record import Record
from console.lab.maillog import MAIL_INFO, MAIL_WARNING
from console.lab.queue.file import Letter, QueueFile
from console.lab.services.delivery import Delivery

if TYPE_CHECKING:
    from actions.milter.chain import ChainEvent, Outcome
    from actions.milter.codec import SmtpReply
    from actions.milter.session import Trouble
    from console.lab.maillog import Syslog
    from console.lab.services.front import FrontSettings

SESSION_LIMIT = 3600.0
"""Seconds for a whole SMTP session."""

PACKET_LIMIT = 0x3FFFFFFF
"""Postfix's limit for a milter's packet, named in its warning."""

_COMMANDS = {
    Stage.CONNECT: "SMFIC_CONNECT",
    Stage.HELO: "SMFIC_HELO",
    Stage.MAIL: "SMFIC_MAIL",
    Stage.RCPT: "SMFIC_RCPT",
    Stage.DATA: "SMFIC_DATA",
    Stage.HEADER: "SMFIC_HEADER",
    Stage.EOH: "SMFIC_EOH",
    Stage.BODY: "SMFIC_BODY",
    Stage.END: "SMFIC_BODYEOB",
}

_MESSAGE_ID = re.compile(rb"^message-id:(.*)", re.IGNORECASE | re.MULTILINE)
_ERRORS = {"timeout": "Connection timed out", "closed": "Application error"}


class Speaker(Record):
    """For whom the client speaks: itself, or whom it named by XCLIENT."""

    name: str
    """Empty where it has none."""
    address: str
    port: int
    login: str = ""


class SmtpSession:
    """One session. Every method may wait for a milter; all are called from one thread.

    Args:
        settings: the front's.
        log: the mail log.
        speaker: the client.
    """

    _chain: Chain
    _speaker: Speaker
    _client: str
    _helo: str
    _protocol: str
    _sender: str | None
    _recipient: str
    _accepted: list[str]
    _arrived: float
    _file: QueueFile | None
    _first: dict[str, bytes]
    """What each milter said first, for the warning about a peer that is none."""

    def __init__(self, settings: FrontSettings, log: Syslog, speaker: Speaker) -> None:
        self._settings = settings
        self._log = log
        self._delivery = Delivery(settings, self._write)
        self._counts: dict[str, list[int]] = {}
        self._last = "CONNECT"
        self._begin(speaker)

    def connect(self) -> str:
        """Begin; return the refusal that takes the greeting's place, or nothing."""
        self._write("smtpd", f"connect from {self._client}")
        return self._announce()

    def speak_for(self, speaker: Speaker) -> str:
        """Begin again for another client (XCLIENT); return as `connect` does."""
        self.reset()
        self._chain.close()
        self._begin(speaker)
        return self._announce()

    def helo(self, name: str, protocol: str) -> str:
        """Take HELO or EHLO; return the refusal, or nothing.

        Only a milter's 421 is told to the client at once; any other refusal follows at MAIL.
        """
        verb = "EHLO" if protocol == "ESMTP" else "HELO"
        self.reset()
        self._helo, self._protocol = name, protocol
        refusal = self._refused(verb, self._chain.helo(name))
        self._count(verb, done=True)
        return refusal if refusal.startswith("421") else ""

    def mail(self, sender: str, arguments: list[str]) -> str:
        """Take the sender; return the reply."""
        self._sender, self._arrived = sender, time.time()
        reply = self._chain.mail(routed_sender(sender, tuple(arguments)))
        refusal = self._refused("MAIL", reply)
        if refusal:
            self._sender = None
        self._count("MAIL", done=not refusal)
        return refusal or "250 2.1.0 Ok"

    def rcpt(self, address: str, arguments: list[str]) -> str:
        """Take a recipient; return the reply."""
        address = self._settings.complete(address)
        own = self._own_refusal(address)
        local = tuple(self._settings.local_domains)
        recipient = routed_recipient(address, local, tuple(arguments))
        if own:
            recipient = recipient._replace(mailer="error", refused=own)
        self._recipient = address
        reply = self._chain.rcpt(recipient, self._file.id if self._file else "")
        refusal = self._refuse("RCPT", own) if own else self._refused("RCPT", reply)
        if not refusal and not self._file:
            self._file = QueueFile(self._settings.queue)
            self._write("smtpd", f"{self._file.id}: client={self._client}")
        self._recipient = "" if refusal else address
        self._accepted += [] if refusal else [address]
        self._count("RCPT", done=not refusal)
        return refusal or "250 2.1.5 Ok"

    def data(self) -> str:
        """Take DATA; return the refusal, or nothing."""
        refusal = self._refused("DATA", self._chain.data(self._file.id if self._file else ""))
        if refusal:
            self._count("DATA", done=False)
        return refusal

    def message(self, content: bytes) -> str:
        """Take the message; return the reply."""
        assert self._file is not None
        file = self._file
        self._write("cleanup", f"{file.id}: message-id={_message_id(content)}")
        outcome = self._chain.message(content, self._received(file.id).encode())
        reply = self._settle(file, outcome)
        self._count("DATA", done=reply.startswith("2"))
        self._file = None
        self.reset()
        return reply

    def reset(self) -> None:
        """Forget the message, as RSET does."""
        self._chain.abort()
        if self._file:
            self._file.remove()
        self._file, self._sender, self._recipient, self._accepted = None, None, "", []

    def quit(self) -> str:
        """Take QUIT; return the reply."""
        self._count("QUIT", done=True)
        return "221 2.0.0 Bye"

    def close(self) -> None:
        """End the session, however the client left."""
        self.reset()
        self._chain.close()
        if self._last != "QUIT":
            self._write("smtpd", f"lost connection after {self._last} from {self._client}")
        done = {name: counts for name, counts in self._counts.items() if counts[1]}
        total = [sum(counts[at] for counts in done.values()) for at in (0, 1)]
        shown = [f"{name.lower()}={_share(*counts)}" for name, counts in done.items()]
        tally = " ".join([*shown, f"commands={_share(*total)}"])
        self._write("smtpd", f"disconnect from {self._client} {tally}")

    def _begin(self, speaker: Speaker) -> None:
        settings = self._settings
        self._speaker = speaker
        self._client = f"{speaker.name or 'unknown'}[{speaker.address}]"
        self._helo, self._protocol = "", "SMTP"
        self._sender, self._recipient, self._accepted = None, "", []
        self._arrived, self._file, self._first = time.time(), None, {}
        chain_settings = ChainSettings(
            server_macros(settings.hostname, "127.0.0.1", settings.version),
            macro_lists=settings.macro_lists,
            deadline=SESSION_LIMIT,
            trace=self._trace,
        )
        self._chain = Chain(settings.links, chain_settings, self._observe)

    def _announce(self) -> str:
        speaker = self._speaker
        client = Client(
            speaker.name,
            speaker.address,
            speaker.port,
            "inet6" if ":" in speaker.address else "inet",
            auth_type="LOGIN" if speaker.login else "",
            auth_name=speaker.login,
        )
        refusal = self._refused("CONNECT", self._chain.connect(client))
        if refusal.startswith("421"):
            return f"421 {self._settings.hostname} Service unavailable - try again later"
        if refusal.startswith("5"):
            return f"554 {self._settings.hostname} ESMTP not accepting connections"
        return ""  # any other refusal follows at MAIL

    def _own_refusal(self, address: str) -> str:
        settings, speaker = self._settings, self._speaker
        if settings.is_local(address):
            if settings.mailbox(address):
                return ""
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if speaker.login or settings.is_inside(speaker.address):
            return ""
        return f"554 5.7.1 <{address}>: Relay access denied"

    def _settle(self, file: QueueFile, outcome: Outcome) -> str:
        envelope = outcome.envelope
        letter = Letter(
            envelope.sender.decode("utf-8", "surrogateescape"),
            tuple(who.decode("utf-8", "surrogateescape") for who in envelope.recipients),
            outcome.content.as_bytes(),
            self._arrived,
        )
        queued = f"250 2.0.0 Ok: queued as {file.id}"
        match outcome.action:
            case "deliver":
                self._delivery.send(file, letter)
                return queued
            case "quarantine":
                self._log_verdict(file.id, "milter-hold", "milter triggers HOLD action")
                self._delivery.hold(file, letter)
                return queued
            case "discard":
                self._log_verdict(file.id, "milter-discard", "milter triggers DISCARD action")
                file.remove()
                return queued
        assert outcome.reply is not None
        text = _text(outcome.reply)
        self._log_verdict(file.id, "milter-reject", text[4:].partition("\r\n")[0])
        file.remove()
        return text

    def _log_verdict(self, queue_id: str, action: str, text: str) -> None:
        self._write(
            "cleanup",
            f"{queue_id}: {action}: END-OF-MESSAGE from {self._client}: {text};{self._whatsup()}",
        )

    def _refused(self, where: str, reply: SmtpReply | None) -> str:
        """Log a milter's refusal and return it as text; nothing where there is none."""
        return self._refuse(where, _text(reply), "milter-reject") if reply else ""

    def _refuse(self, where: str, text: str, action: str = "reject") -> str:
        queue_id = self._file.id if self._file else "NOQUEUE"
        first = text.partition("\r\n")[0]
        self._write(
            "smtpd",
            f"{queue_id}: {action}: {where} from {self._client}: {first};{self._whatsup()}",
        )
        return text

    def _whatsup(self) -> str:
        sender = "" if self._sender is None else f" from=<{self._sender}>"
        recipient = f" to=<{self._recipient}>" if self._recipient else ""
        helo = f" helo=<{self._helo}>" if self._helo else ""
        return f"{sender}{recipient} proto={self._protocol}{helo}"

    def _received(self, queue_id: str) -> str:
        speaker = self._speaker
        whom = f"\n\tfor <{self._accepted[0]}>" if len(self._accepted) == 1 else ""
        return (
            f"from {self._helo} ({speaker.name or 'unknown'} [{speaker.address}])\n"
            f"\tby {self._settings.hostname} (Postfix) with {self._protocol} id {queue_id}"
            f"{whom}; {email.utils.formatdate(localtime=True)}"
        )

    def _trace(self, milter: str, way: str, data: bytes) -> None:
        if way == "<":
            self._first.setdefault(milter, data[:4])

    def _observe(self, event: ChainEvent) -> None:
        if isinstance(event, Edited) or event.trouble is None:
            return
        program = "smtpd"
        if isinstance(event, Negotiated):
            text = self._negotiation_warning(event, event.trouble)
        else:
            text = _warning(event.milter, _COMMANDS.get(event.stage, ""), event.trouble)
            program = "cleanup" if event.stage in MESSAGE_STAGES else program
        self._write(program, f"warning: {text}", MAIL_WARNING)

    def _negotiation_warning(self, event: Negotiated, trouble: Trouble) -> str:
        if trouble.kind == "connection":
            return f"connect to Milter service {event.milter}: {trouble.text}"
        length = int.from_bytes(self._first.get(event.milter, b""), "big")
        if trouble.kind == "protocol" and length > PACKET_LIMIT:
            return f"milter {event.milter}: unreasonable packet length: {length} > {PACKET_LIMIT}"
        return _warning(event.milter, "SMFIC_OPTNEG", trouble)

    def _count(self, command: str, *, done: bool) -> None:
        self._last = command
        counts = self._counts.setdefault(command, [0, 0])
        counts[0] += done
        counts[1] += 1

    def _write(self, program: str, text: str, priority: int = MAIL_INFO) -> None:
        self._log.write(text, tag=f"postfix/{program}", priority=priority)


def _warning(milter: str, command: str, trouble: Trouble) -> str:
    if trouble.kind in _ERRORS:
        return f"milter {milter}: can't read {command} reply packet header: {_ERRORS[trouble.kind]}"
    return f"milter {milter}: {trouble.text}"


def _text(reply: SmtpReply) -> str:
    *before, last = reply.lines
    return "".join(f"{reply.code}-{line}\r\n" for line in before) + f"{reply.code} {last}"


def _share(done: int, total: int) -> str:
    return str(total) if done == total else f"{done}/{total}"


def _message_id(content: bytes) -> str:
    found = _MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
    return found[1].decode("utf-8", "surrogateescape").strip() if found else "<>"
