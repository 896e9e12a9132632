"""The SMTP front: speaks SMTP on loopback, and drives the milters as Postfix's smtpd does.

The protocol is aiosmtpd's. Everything that may wait for a milter runs in a thread of the
session's own; see `console.lab.services.session`.
"""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401 - resolving a name needs it, when it can't be read any more
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from aiosmtpd.smtp import SMTP

from console.lab.conf import BadSetting
from console.lab.layout import MAIN_CF, smtp_port
from console.lab.maillog import MAIL_WARNING, Syslog
from console.lab.postfix import MainCf
from console.lab.services.front import read_front
from console.lab.services.session import SmtpSession, Speaker

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiosmtpd.smtp import Envelope, Session

    from console.lab.services import Serve, Site
    from console.lab.services.front import FrontSettings

T = TypeVar("T")

LINE_LIMIT = 65536
"""Bytes of a line; Postfix takes long lines too."""

XCLIENT_ATTRIBUTES = "NAME ADDR PORT LOGIN"
UNKNOWN = {"[UNAVAILABLE]", "[TEMPUNAVAIL]"}


def prepare(site: Site) -> Serve:
    """Read main.cf and master.cf and open the port; see `console.lab.services`."""
    settings = read_front(MainCf(site.root + MAIN_CF))
    log = Syslog(site.root, "postfix/smtpd")
    listener = site.listener or _listen(smtp_port(site.root))
    # Relative milter sockets are below the queue, as for Postfix.
    os.chdir(settings.queue)
    return lambda: asyncio.run(_serve(listener, settings, log))


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise BadSetting(f"bind 127.0.0.1 port {port}: {error.strerror}") from error


def _from_xtext(value: str) -> str:
    """Return what *value* stands for: ``+XX`` is the byte with that hexadecimal number."""
    return unquote(value.replace("%", "%25").replace("+", "%"))


async def _serve(listener: socket.socket, settings: FrontSettings, log: Syslog) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(settings, log, loop), sock=listener)
    await server.serve_forever()


class Front(SMTP):
    """One SMTP connection."""

    line_length_limit = LINE_LIMIT

    def __init__(
        self, settings: FrontSettings, log: Syslog, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._settings = settings
        self._log = log
        self._peer = ("127.0.0.1", 0)
        self._worker = ThreadPoolExecutor(1)
        self._conversation: SmtpSession | None = None
        super().__init__(
            self,
            data_size_limit=settings.size_limit,
            enable_SMTPUTF8=True,
            hostname=settings.hostname,
            ident=settings.banner,
            loop=loop,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self._peer = transport.get_extra_info("peername") or self._peer
        speaker = Speaker("localhost", self._peer[0], self._peer[1])
        self._conversation = SmtpSession(self._settings, self._log, speaker)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End the session, as soon as no milter is waited for any more."""
        self._worker.submit(self._mail().close)
        self._worker.shutdown(wait=False)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's way to name a command
        """Ask the milters before the content is asked for."""
        if self.envelope and self.envelope.rcpt_tos and not arg:
            refusal = await self._work(self._mail().data)
            if refusal:
                await self._reply(refusal)
                return
        await super().smtp_DATA(arg)

    async def smtp_XCLIENT(self, arg: str | None) -> None:  # noqa: N802
        """Take the name and address of whom the client speaks for (XCLIENT_README)."""
        if not self._settings.may_speak_for_others(self._peer[0]):
            await self.push("550 5.7.0 Error: insufficient authorization")
            return
        given: dict[str, str] = {}
        for word in (arg or "").split():
            name, equals, value = word.partition("=")
            if not equals or name.upper() not in XCLIENT_ATTRIBUTES.split():
                await self.push(f"501 5.5.4 Bad XCLIENT attribute: {name}")
                return
            given[name.upper()] = "" if value in UNKNOWN else _from_xtext(value)
        port = given.get("PORT", "")
        address = given.get("ADDR", self._peer[0]).removeprefix("IPV6:")
        speaker = Speaker(
            given.get("NAME", ""),
            address,
            int(port) if port.isdigit() else self._peer[1],
            given.get("LOGIN", ""),
        )
        self.envelope = self._create_envelope()
        assert self.session is not None
        self.session.host_name = None
        refusal = await self._work(lambda: self._mail().speak_for(speaker))
        await self._reply(refusal or f"220 {self._settings.hostname} {self._settings.banner}")

    async def handle_HELO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str
    ) -> str:
        """Take HELO."""
        session.host_name = hostname
        refusal = await self._work(lambda: self._mail().helo(hostname, "SMTP"))
        return refusal or f"250 {self._settings.hostname}"

    async def handle_EHLO(  # noqa: N802
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Take EHLO; offers XCLIENT where the client may use it."""
        session.host_name = hostname
        refusal = await self._work(lambda: self._mail().helo(hostname, "ESMTP"))
        if refusal:
            return [refusal]
        offers = [line for line in responses if line != "250 HELP"]
        if self._settings.may_speak_for_others(self._peer[0]):
            offers.append(f"250-XCLIENT {XCLIENT_ATTRIBUTES}")
        return [*offers[:-1], offers[-1].replace("-", " ", 1)]

    async def handle_MAIL(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take the sender."""
        sender = "" if address == "<>" else address
        reply = await self._work(lambda: self._mail().mail(sender, options))
        if reply.startswith("2"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take a recipient."""
        reply = await self._work(lambda: self._mail().rcpt(address, options))
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take the message."""
        content = envelope.content
        assert isinstance(content, bytes)
        return await self._work(lambda: self._mail().message(content))

    async def handle_RSET(  # noqa: N802
        self, _server: SMTP, _session: Session, _envelope: Envelope
    ) -> str:
        """Forget the message."""
        await self._work(self._mail().reset)
        return "250 2.0.0 Ok"

    async def handle_QUIT(  # noqa: N802
        self, _server: SMTP, _session: Session, _envelope: Envelope
    ) -> str:
        """Say goodbye."""
        return self._mail().quit()

    async def handle_exception(self, error: Exception) -> str:
        """Log what should not have happened."""
        self._log.write(f"warning: {type(error).__name__}: {error}", priority=MAIL_WARNING)
        return "451 4.3.0 Error: queue file write error"

    async def _handle_client(self) -> None:
        refusal = await self._work(self._mail().connect)
        if refusal:
            await self._reply(refusal)
            assert self.transport is not None
            self.transport.close()
            return
        await super()._handle_client()

    def _mail(self) -> SmtpSession:
        assert self._conversation is not None, "the connection was made"
        return self._conversation

    async def _work(self, step: Callable[[], T]) -> T:
        return await self.loop.run_in_executor(self._worker, step)

    async def _reply(self, text: str) -> None:
        await self.push(text.encode("utf-8", "surrogateescape"))
