"""Where a service listens: the notations that operators write, read into one form."""

from __future__ import annotations

from typing import Literal

from actions.record import Record

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 - it is compared, not bound


class BadEndpoint(ValueError):
    """A specification that names no endpoint; the text says what is wrong with it."""


class Endpoint(Record):
    """A unix socket, or a TCP port on a host."""

    family: Literal["unix", "inet", "inet6"]
    place: str
    """The path of the socket, or the host's name or address."""
    port: int
    spec: str
    """The endpoint in Postfix's notation, for messages and reports."""

    @property
    def socket(self) -> tuple[str, int]:
        """What all specifications of one socket of this host have in common."""
        if self.family == "unix":
            return real_path(self.place), 0
        return "" if self.place in LOOPBACK | EVERYWHERE else self.place, self.port


UNIX_PATH_LIMIT = 107
"""Bytes of a socket's path on Linux, without the closing NUL (unix(7))."""


def parse_endpoint(spec: str) -> Endpoint:
    """Read *spec* in Postfix's notation or in libmilter's.

    Args:
        spec: ``unix:PATH``, ``local:PATH``, a bare absolute path, ``inet:HOST:PORT`` as
            Postfix writes it, or ``inet:PORT@HOST`` and ``inet6:PORT@HOST`` as libmilter
            does; without a host, ``inet:PORT`` is the loopback.

    Raises:
        BadEndpoint: the specification is empty, has an unknown transport, no port, a port
            out of range, or a path too long for a socket.
    """
    text = spec.strip()
    if text.startswith("/"):
        return _unix(text)
    transport, colon, rest = text.partition(":")
    if not colon or not rest:
        raise BadEndpoint(f"{spec!r}: a milter is given as transport:endpoint, e.g. unix:/path")
    if transport in {"unix", "local"}:
        return _unix(rest)
    if transport == "inet":
        return _inet("inet", rest, spec)
    if transport == "inet6":
        return _inet("inet6", rest, spec)
    raise BadEndpoint(f"{spec!r}: unknown transport {transport!r}; use unix:, inet: or inet6:")


def socket_of(spec: str) -> tuple[str, int]:
    """Return the socket that *spec* means, to compare it; what names none is itself."""
    try:
        return parse_endpoint(spec).socket
    except BadEndpoint:
        return spec, -1


def same_socket(one: str, other: str) -> bool:
    """Return whether two specifications mean one socket, whatever their notations."""
    return one == other or socket_of(one) == socket_of(other)


def asked_at(address: str) -> str:
    """Return the host to ask for what listens on *address*: everywhere is asked on loopback."""
    bare = address.strip("[]")
    if bare == "::":
        return "[::1]"
    if bare in EVERYWHERE or bare == "localhost":
        return "127.0.0.1"
    return f"[{bare}]" if ":" in bare else bare


def real_path(path: str) -> str:
    """Return where *path* leads; /var/run is /run, even where the link is missing.

    No link is followed that a service's user could have put there.
    """
    from actions.host.walk import settled

    return settled(path.removeprefix("/var") if path.startswith("/var/run/") else path)


def _unix(path: str) -> Endpoint:
    if len(path.encode("utf-8", "surrogateescape")) > UNIX_PATH_LIMIT:
        raise BadEndpoint(f"{path!r}: a socket's path has at most {UNIX_PATH_LIMIT} bytes")
    return Endpoint("unix", path, 0, f"unix:{path}")


def _inet(family: Literal["inet", "inet6"], rest: str, spec: str) -> Endpoint:
    loopback = "127.0.0.1" if family == "inet" else "::1"
    if "@" in rest:
        port_text, _, host = rest.partition("@")
    elif ":" in rest:
        host, _, port_text = rest.rpartition(":")
    else:
        host, port_text = "", rest
    host = host.removeprefix("[").removesuffix("]") or loopback
    digits = port_text.isascii() and port_text.isdigit() and len(port_text) < 10
    if not (digits and 0 < int(port_text) < 65536):
        raise BadEndpoint(f"{spec!r}: {port_text!r} is no port; write a number from 1 to 65535")
    shown = f"[{host}]" if ":" in host else host
    return Endpoint(family, host, int(port_text), f"{family}:{shown}:{port_text}")
