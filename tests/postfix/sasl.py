"""The server's side of Dovecot's auth protocol, as much as Postfix needs to log a user in.

https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/
"""

from __future__ import annotations

import base64
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GREETING = (
    "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\n"
    "SPID\t1\nCUID\t1\nCOOKIE\t00112233445566778899aabbccddeeff\nDONE\n"
)


class AuthServer:
    """Knows one user."""

    def __init__(self, path: Path, user: str, password: str) -> None:
        self._path = path
        self._wanted = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self._user = user
        self._listener = socket.socket(socket.AF_UNIX)
        self._held: list[socket.socket] = []

    def start(self) -> None:
        self._listener.bind(str(self._path))
        self._path.chmod(0o666)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        for one in (self._listener, *self._held):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._held.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client.makefile("r", encoding="utf-8") as lines:
            client.sendall(GREETING.encode())
            for line in lines:
                word, *fields = line.rstrip("\n").split("\t")
                if word == "AUTH":
                    client.sendall(self._answer(fields).encode())

    def _answer(self, fields: list[str]) -> str:
        number, mechanism = fields[:2]
        given = next((one.removeprefix("resp=") for one in fields if one.startswith("resp=")), "")
        if mechanism == "PLAIN" and given == self._wanted:
            return f"OK\t{number}\tuser={self._user}\n"
        return f"FAIL\t{number}\tuser={self._user}\n"
