"""What Postfix puts into the events of a session, as bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from actions.milter.codec import strings
from actions.milter.protocol import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.milter.envelope import Client
    from actions.milter.message import Content
    from actions.milter.transport import Buffer

_FAMILIES = {"inet": b"4", "inet6": b"6", "unix": b"L", "unknown": b"U"}


def client_data(client: Client) -> bytes:
    """Return the data of CONNECT."""
    nowhere = client.family == "unknown"
    unknown = nowhere or client.address == "unknown"
    name = client.name or ("unknown" if unknown else f"[{client.address}]")
    data = text_strings([name]) + _FAMILIES[client.family]
    if not nowhere:
        data += struct.pack(">H", client.port) + text_strings([client.address])
    return data


def content_events(content: Content, *, leading_space: bool) -> Iterator[tuple[Stage, Buffer, str]]:
    """Yield the events in which *content* goes to a milter: stage, data, and words for people."""
    for header in content.visible:
        name, value = header.name, header.value(leading_space=leading_space)
        yield Stage.HEADER, b"%s\0%s\0" % (name, value.replace(b"\0", b"")), name.decode("latin-1")
    yield Stage.EOH, b"", ""
    for chunk in content.chunks():
        yield Stage.BODY, chunk, f"{len(chunk)} bytes"
    yield Stage.END, b"", ""


def text_strings(parts: list[str]) -> bytes:
    """Return *parts* as the data of a command, bytes that are no UTF-8 as they came."""
    return strings([part.encode("utf-8", "surrogateescape") for part in parts])
