"""A server that says what a test tells it to say, and writes down what it hears."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL: Mapping[str, str] = {
    "": "220 scripted ESMTP",
    "EHLO": "250-scripted\n250 AUTH PLAIN LOGIN CRAM-MD5",
    "HELO": "250 scripted",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 Ok: queued as ABCDEF12",
    "QUIT": "221 bye",
}
SILENCE = "silence"
CLOSE = "close"


class Scripted:
    """One session of a server on the loopback.

    Args:
        changed: replies that differ from the usual ones, by verb: "" is the greeting, "." the
            reply to the content. `SILENCE` and `CLOSE` are no replies; those that "|" separates
            are given in turn, the last for ever.
    """

    def __init__(self, changed: Mapping[str, str]) -> None:
        self.heard: list[bytes] = []
        self.content = b""
        self._replies = {**USUAL, **changed}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            client.settimeout(20)
            with client, client.makefile("rb") as lines:
                self._talk(client, lines)

    def _talk(self, client: socket.socket, lines: object) -> None:
        going = self._say(client, "")
        while going:
            line = lines.readline()  # type: ignore[attr-defined]
            if not line:
                return
            self.heard.append(line.rstrip(b"\r\n"))
            verb = line.split()[0].decode("latin-1").upper() if line.split() else ""
            known = verb if verb in self._replies else "AUTH more" if verb != "AUTH" else "AUTH"
            going = self._say(client, known)
            if going and verb == "DATA" and self._replies["DATA"].startswith("354"):
                while (line := lines.readline()) not in {b".\r\n", b""}:  # type: ignore[attr-defined]
                    self.content += line
                going = self._say(client, ".")

    def _say(self, client: socket.socket, what: str) -> bool:
        reply, _, further = self._replies.get(what, "500 unknown").partition("|")
        if further:
            self._replies[what] = further
        if reply == SILENCE:
            self._over.wait(20)
        if reply in {SILENCE, CLOSE}:
            return False
        client.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")
        return True
