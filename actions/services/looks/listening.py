"""Who listens on this host, as the kernel's tables tell it to every user (proc(5), net)."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTEN = b"0A"
"""TCP_LISTEN."""

ACCEPTS = 0x10000
"""__SO_ACCEPTCON, the flag of a unix socket that listens."""

DATAGRAM = 2
"""SOCK_DGRAM, which takes what comes without listening."""


class Table(Record):
    """What listens, at one moment."""

    ports: frozenset[tuple[str, int]]
    """Address and port; "*" for every address."""
    paths: frozenset[str]
    """The paths that sockets were bound to, some of them relative."""

    def has_path(self, path: str) -> bool:
        """Return whether somebody listens on the socket *path*."""
        if path in self.paths or os.path.realpath(path) in self.paths:
            return True
        # Who bound it in its working folder, as Postfix does, gave a relative path.
        return any(path.endswith(f"/{other}") for other in self.paths if not other.startswith("/"))

    def has_port(self, address: str, port: int) -> bool:
        """Return whether somebody listens on *port* at *address*, a name or a number."""
        if ("*", port) in self.ports:
            return True
        if address in {"", "*", "0.0.0.0", "::"}:  # noqa: S104
            return any(bound == port for _, bound in self.ports)
        names = {"localhost": ("127.0.0.1", "::1")}.get(address.lower(), (address,))
        return any((name, port) in self.ports for name in names)


def read_table() -> Table:
    """Return what listens now."""
    return Table(read_ports(), frozenset(_paths()))


def read_ports() -> frozenset[tuple[str, int]]:
    """Return the ports on which somebody listens now, with their addresses; "*" for all."""
    return frozenset((*_ports("tcp", socket.AF_INET), *_ports("tcp6", socket.AF_INET6)))


def _ports(table: str, family: int) -> Iterator[tuple[str, int]]:
    with suppress(OSError), open(f"/proc/net/{table}", "rb") as file:
        for line in file:
            words = line.split(None, 4)
            if len(words) > 3 and words[3] == LISTEN:
                address, _, port = words[1].partition(b":")
                yield _address(address, family), int(port, 16)


def _address(text: bytes, family: int) -> str:
    """Return an address out of its words, each of which is in the machine's own order."""
    raw = bytes.fromhex(text.decode("ascii"))
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    turned = struct.pack(f">{len(words)}I", *words)
    if not any(turned):
        return "*"
    if turned.startswith(bytes(10) + b"\xff\xff"):
        return socket.inet_ntoa(turned[12:])
    return socket.inet_ntop(family, turned)


def _paths() -> Iterator[str]:
    with suppress(OSError), open("/proc/net/unix", "rb") as file:
        next(file, None)
        for line in file:
            words = line.rstrip(b"\n").split(None, 7)
            if len(words) < 8 or words[7].startswith(b"@"):
                continue
            if int(words[3], 16) & ACCEPTS or int(words[4], 16) == DATAGRAM:
                yield os.fsdecode(words[7])
