"""Stand-ins for milters that misbehave on the wire; each runs in place of a unit's program.

They stand on the socket that the unit's own configuration names.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

from actions.host.endpoint import parse_endpoint
from console.lab.services.libmilter import made_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.lab.services import Serve, Site
    from console.lab.services.libmilter import Listener

VERSION, NO_ACTIONS, NO_STEPS = 6, 0, 0


def hang(site: Site) -> Serve:
    """Take clamav-milter's place: accept, and never say a word."""
    from console.lab.services.clamav import CONFIGURATION, read_settings

    kept: list[socket.socket] = []
    listener = read_settings(_read(site, CONFIGURATION)).listener
    return _server(site, listener, kept.append)


def close_at_end(site: Site) -> Serve:
    """Take spamass-milter's place: go along with everything, and close at end of message."""
    from console.lab.services.spamass import CONFIGURATION, read_settings

    return _server(site, read_settings(_read(site, CONFIGURATION)).listener, _go_along)


def http(site: Site) -> Serve:
    """Take opendkim's place: be a web server."""
    from console.lab.services.opendkim import CONFIGURATION, read_settings

    return _server(site, read_settings(_read(site, CONFIGURATION)).listener, _answer_http)


def _go_along(link: socket.socket) -> None:
    with link, link.makefile("rb") as stream:
        while header := stream.read(5):
            length, command = struct.unpack(">IB", header)
            stream.read(length - 1)
            match chr(command):
                case "O":
                    offer = struct.pack(">III", VERSION, NO_ACTIONS, NO_STEPS)
                    link.sendall(struct.pack(">I", 1 + len(offer)) + b"O" + offer)
                case "D" | "A" | "K":
                    continue
                case "E" | "Q":
                    return
                case _:
                    link.sendall(struct.pack(">I", 1) + b"c")


def _answer_http(link: socket.socket) -> None:
    with link:
        request = link.recv(65536)
        status = "200 OK" if request.startswith((b"GET ", b"HEAD ")) else "400 Bad Request"
        body = f"{status}\n"
        link.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}".encode()
        )


def _read(site: Site, path: str) -> str:
    with open(site.root + path, encoding="utf-8") as file:
        return file.read()


def _server(site: Site, listener: Listener, serve: Callable[[socket.socket], None]) -> Serve:
    path = parse_endpoint(listener.spec).place
    server = socket.socket(socket.AF_UNIX)
    with made_as(path, listener, site):
        server.bind(path)
    server.listen(64)

    def loop() -> None:
        while True:
            link, _ = server.accept()
            threading.Thread(target=serve, args=(link,), daemon=True).start()

    return loop
