"""Who listens on this host, as the kernel's tables tell it to every user (proc(5), net)."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from actions.host.endpoint import EVERYWHERE, real_path
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actions.host.endpoint import Endpoint

K = TypeVar("K")

LISTEN = b"0A"
"""TCP_LISTEN."""

ACCEPTS = 0x10000
"""__SO_ACCEPTCON, the flag of a unix socket that listens."""

DATAGRAM = 2
"""SOCK_DGRAM, which takes what comes without listening."""


class Table(Record):
    """What listens, at one moment: each with the inodes of its sockets."""

    ports: dict[tuple[str, int], tuple[int, ...]]
    """By address and port; "*" for every address."""
    paths: dict[str, tuple[int, ...]]
    """By the paths that sockets were bound to, some of them relative."""

    def at_path(self, path: str) -> tuple[int, ...]:
        """Return the sockets bound to *path*."""
        real = real_path(path)
        return self.paths.get(path) or self.paths.get(real) or self._bound_as(path, real)

    def _bound_as(self, path: str, real: str) -> tuple[int, ...]:
        """Return the sockets of who bound *path* by a link, or in its folder as Postfix does."""
        for one, found in self.paths.items():
            if real_path(one) == real if one.startswith("/") else path.endswith(f"/{one}"):
                return found
        return ()

    def at_port(self, address: str, port: int) -> tuple[int, ...]:
        """Return the sockets that take connections to *port* at *address*, a name or a number."""
        if address in EVERYWHERE:
            every = [found for (_, bound), found in self.ports.items() if bound == port]
            return tuple(inode for found in every for inode in found)
        names = {"localhost": ("127.0.0.1", "::1")}.get(address.lower(), (address,))
        return tuple(inode for one in (*names, "*") for inode in self.ports.get((one, port), ()))

    def at(self, endpoint: Endpoint) -> tuple[int, ...]:
        """Return the sockets that take connections to *endpoint*."""
        if endpoint.family == "unix":
            return self.at_path(endpoint.place)
        return self.at_port(endpoint.place, endpoint.port)


def read_table() -> Table:
    """Return what listens now."""
    return Table(read_ports(), _together(_paths()))


def read_ports() -> dict[tuple[str, int], tuple[int, ...]]:
    """Return the sockets that listen now by their addresses and ports; "*" for all addresses."""
    return _together((*_ports("tcp", socket.AF_INET), *_ports("tcp6", socket.AF_INET6)))


def _together(found: Iterable[tuple[K, int]]) -> dict[K, tuple[int, ...]]:
    together: dict[K, tuple[int, ...]] = {}
    for key, inode in found:
        together[key] = (*together.get(key, ()), inode)
    return together


def _ports(table: str, family: int) -> Iterator[tuple[tuple[str, int], int]]:
    # sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …
    with suppress(OSError), open(f"/proc/net/{table}", "rb") as file:
        for line in file:
            words = line.split(None, 4)
            if len(words) > 4 and words[3] == LISTEN:
                address, _, port = words[1].partition(b":")
                yield (_address(address, family), int(port, 16)), int(words[4].split()[5])


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


def _paths() -> Iterator[tuple[str, int]]:
    # Num RefCount Protocol Flags Type St Inode Path; a path may have blanks.
    with suppress(OSError), open("/proc/net/unix", "rb") as file:
        next(file, None)
        for line in file:
            words = line.rstrip(b"\n").split(None, 7)
            if len(words) < 8 or words[7].startswith(b"@"):
                continue
            if int(words[3], 16) & ACCEPTS or int(words[4], 16) == DATAGRAM:
                yield os.fsdecode(words[7]), int(words[6])
