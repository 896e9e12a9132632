"""Who sends to whom: the client, the sender and the recipients of a suite's file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.chain.profiles import PROFILES
from actions.chain.samples import SAMPLES
from actions.chain.scenario.table import Table
from actions.milter.envelope import Client, Recipient, Sender, routed_recipient, routed_sender

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCAL_DOMAINS = ("example.org",)
"""Domains that the pretended MTA delivers itself."""

CLIENTS = tuple(profile.name for profile in PROFILES.values() if not profile.submitted)
"""The profiles of those who come by SMTP, as every scenario does."""

_CLIENT = ("profile", "host", "address", "port", "helo", "auth", "tls")
_AUTH = ("name", "type", "author")
_TLS = ("version", "cipher", "bits", "subject", "issuer")


def read_client(table: Table) -> tuple[str, Client, str]:
    """Return the profile, the client and its name in HELO."""
    value = table.take("client", str, dict)
    if not isinstance(value, dict):
        name = table.choice("client", CLIENTS, "outside")
        return name, PROFILES[name].client, PROFILES[name].helo
    inner = table.table("client")
    assert inner is not None
    inner.only(*_CLIENT)
    profile = inner.choice("profile", CLIENTS, "outside")
    client = _at_address(PROFILES[profile].client, inner)
    host = inner.text("host")
    if host:
        client = client._replace(name="" if host == "unknown" else _one_word(inner, "host"))
    auth, tls = _facts(inner, "auth", _AUTH), _facts(inner, "tls", _TLS)
    client = client._replace(
        auth_name=auth.get("name", client.auth_name),
        auth_type=auth.get("type", client.auth_type),
        auth_author=auth.get("author", client.auth_author),
        tls_version=tls.get("version", client.tls_version),
        cipher=tls.get("cipher", client.cipher),
        cipher_bits=tls.get("bits", client.cipher_bits),
        certificate_subject=tls.get("subject", client.certificate_subject),
        certificate_issuer=tls.get("issuer", client.certificate_issuer),
    )
    return profile, client, _one_word(inner, "helo") or PROFILES[profile].helo


def _facts(table: Table, key: str, names: Sequence[str]) -> dict[str, str]:
    """Return what the table at *key* says under *names*, each a text."""
    inner = table.table(key)
    if inner is None:
        return {}
    inner.only(*names)
    return {name: inner.text(name) for name in inner.data if name in names}


def _at_address(client: Client, table: Table) -> Client:
    import socket

    address, port = table.text("address"), table.take("port", int)
    if isinstance(port, int):
        if not 0 < port < 65536:
            table.wrong("port", "is a number from 1 to 65535")
        client = client._replace(port=port)
    if address == "unknown":
        return client._replace(family="unknown", address=address, port=0)
    if not address:
        return client
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.inet_pton(family, address)
    except (OSError, ValueError):
        table.wrong("address", f'"{address}" is no IP address, nor "unknown"')
    return client._replace(family="inet6" if ":" in address else "inet", address=address)


def read_sender(table: Table, profile: str) -> Sender:
    """Return the envelope sender; *profile*'s where none is given."""
    if "sender" not in table:
        return routed_sender(PROFILES[profile].sender)
    return routed_sender(_bare(_one_word(table, "sender")))


def read_recipients(table: Table, profile: str, sample: str) -> tuple[Recipient, ...]:
    """Return the recipients; as many of *profile*'s as *sample* has where none are given."""
    if "recipients" in table:
        return tuple(_given_recipients(table))
    usual = PROFILES[profile].recipient
    count = SAMPLES[sample].recipients if sample else 1
    if count == 1:
        return (routed_recipient(usual, LOCAL_DOMAINS),)
    local, _, domain = usual.partition("@")
    numbered = (f"{local}{number}@{domain}" for number in range(1, count + 1))
    return tuple(routed_recipient(address, LOCAL_DOMAINS) for address in numbered)


def _given_recipients(table: Table) -> Iterator[Recipient]:
    value = table.take("recipients", str, list)
    if value == []:
        table.wrong("recipients", "is empty")
    owner = table.owner("recipients")
    given = value if isinstance(value, list) else [] if value is None else [value]
    for number, one in enumerate(given, 1):
        assert owner is not None
        path = f"{owner.key('recipients')}[{number}]"
        inner = Table(
            one if isinstance(one, dict) else {"address": one}, table.problems, owner.place, path
        )
        before = len(inner.problems.found)
        inner.only("address", "refused")
        address = _bare(_one_word(inner, "address"))
        if not address and len(inner.problems.found) == before:
            inner.wrong("address", "a recipient needs an address")
        recipient = routed_recipient(address, LOCAL_DOMAINS)
        refused = inner.text("refused")
        if refused:
            if not re.match(r"[45]\d\d ", refused):
                inner.wrong("refused", 'is no reply; write one such as "550 5.1.1 Unknown user"')
            recipient = recipient._replace(mailer="error", refused=refused)
        yield recipient


def _one_word(table: Table, key: str) -> str:
    """Return a text that Postfix would take for one word."""
    text = table.text(key)
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        table.wrong(key, f'"{text}" has a space or a control character in it')
    return text


def _bare(address: str) -> str:
    return address.removeprefix("<").removesuffix(">")
