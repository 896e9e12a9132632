"""The SMTP client that plays the cases to the private Postfix."""

from __future__ import annotations

import base64
import re
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.golden.cases import Case
    from tests.golden.identity import Identities


class Smtp:
    """The client's side of one session.

    Args:
        port: where the smtpd listens.
        identities: what STARTTLS is done with.
    """

    def __init__(self, port: int, identities: Identities) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 8)
        self._file = self._socket.makefile("rb")
        self._identities = identities
        self.port: int = self._socket.getsockname()[1]
        """The client's own."""

    def play(self, case: Case) -> list[str]:
        """Play the whole session and return the reply to each step, the greeting's first."""
        if case.wrapped:
            self._encrypt("")
        replies = [self._reply()]
        if case.xclient:
            self._ask("EHLO prelude.example.net")
            replies = [self._ask(f"XCLIENT {case.xclient}")]
        sender = recipients = False
        for verb, argument, *more in case.steps:
            text = str(argument)
            match verb:
                case "helo":
                    reply = self._ask(f"EHLO {text}").split("\n")[-1].partition(" ")[0]
                case "mail":
                    reply = self._ask(" ".join((f"MAIL FROM:<{text}>", *more)))
                    sender, recipients = reply.startswith("2"), False
                case "rcpt":
                    reply = self._ask(" ".join((f"RCPT TO:<{text}>", *more))) if sender else "-"
                    recipients = recipients or reply.startswith("2")
                case "data":
                    reply = self._content(argument) if recipients else "-"
                    sender = recipients = False
                case "starttls":
                    reply = self._start_tls(text)
                case "auth":
                    secret = base64.b64encode(f"\0{text}\0secret".encode()).decode()
                    reply = self._ask(f"AUTH PLAIN {secret}")
                case _:
                    reply = self._ask("RSET" if verb == "rset" else text)
                    if verb == "rset":
                        sender = recipients = False
            replies.append(reply)
        self._ask("QUIT")
        self._file.close()
        self._socket.close()
        return replies

    def _reply(self) -> str:
        lines = []
        while True:
            line = self._file.readline().decode().rstrip("\r\n")
            if not line:
                return "closed"
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def _ask(self, line: str) -> str:
        return self._ask_raw(line.encode() + b"\r\n")

    def _ask_raw(self, data: bytes) -> str:
        try:
            self._socket.sendall(data)
            return self._reply()
        except ConnectionError:
            return "closed"

    def _content(self, message: Any) -> str:
        reply = self._ask("DATA")
        if not reply.startswith("354"):
            return reply
        lines = bytes(message).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        stuffed = re.sub(rb"(?m)^\.", b"..", lines)
        return self._ask_raw(stuffed + b".\r\n")

    def _start_tls(self, client: str) -> str:
        reply = self._ask("STARTTLS")
        if reply.startswith("220"):
            self._encrypt(client)
        return reply

    def _encrypt(self, client: str) -> None:
        self._file.close()
        self._socket = self._identities.context(client).wrap_socket(self._socket)
        self._file = self._socket.makefile("rb")
