"""Macros: which are sent at each stage, and what their values are, as Postfix fills them in.

Lists and values follow MILTER_README and ``postconf`` (milter_*_macros) of Postfix 3.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.milter.envelope import Client, Recipient, Sender

    MacroLists = Mapping[str, tuple[str, ...]]

DEFAULT_LISTS: MacroLists = {
    "connect": ("j", "daemon_name", "daemon_addr", "v", "_"),
    "helo": ("tls_version", "cipher", "cipher_bits", "cert_subject", "cert_issuer"),
    "mail": (
        "i",
        "auth_type",
        "auth_authen",
        "auth_author",
        "mail_addr",
        "mail_host",
        "mail_mailer",
    ),
    "rcpt": ("i", "rcpt_addr", "rcpt_host", "rcpt_mailer"),
    "data": ("i",),
    "end_of_header": ("i",),
    "end_of_data": ("i",),
    "unknown": (),
}
"""Postfix's defaults, by stage; names without braces."""


def server_macros(hostname: str, address: str, version: str) -> dict[str, bytes]:
    """Return what the MTA says of itself.

    Args:
        hostname: myhostname; it is the daemon's name too (milter_macro_daemon_name).
        address: the address on which the client was accepted.
        version: the MTA and its version (milter_macro_v).
    """
    facts = {"j": hostname, "daemon_name": hostname, "daemon_addr": address, "v": version}
    return _encoded({**facts, "daemon_port": "25"})


def client_macros(client: Client) -> dict[str, bytes]:
    """Return what is known of the client when it connects, TLS and authentication included."""
    name = client.name or "unknown"
    reverse = client.reverse_name or name
    forged = "" if reverse == name else " (may be forged)"
    facts = {
        "_": f"{reverse} [{client.address}]{forged}",
        "client_addr": f"{'IPv6:' if client.family == 'inet6' else ''}{client.address}",
        "client_name": name,
        "client_ptr": reverse,
        "client_resolve": "OK" if client.name else "FAIL",
        "client_port": str(client.port),
        "client_connections": "1",
        "tls_version": client.tls_version,
        "cipher": client.cipher,
        "cipher_bits": client.cipher_bits,
        "cert_subject": client.certificate_subject,
        "cert_issuer": client.certificate_issuer,
        "auth_type": client.auth_type,
        "auth_authen": client.auth_name,
        "auth_author": client.auth_author,
    }
    return _encoded(facts)


def sender_macros(sender: Sender, hostname: bytes = b"") -> dict[str, bytes]:
    """Return what is known of the sender at MAIL.

    Args:
        sender: the sender; the null sender stands for a local one.
        hostname: myhostname, the next hop of what is delivered here.
    """
    mailer = sender.mailer or ("" if sender.address else "local")
    facts = {"mail_host": sender.host, "mail_mailer": mailer}
    for argument in sender.arguments:
        if argument[:5].upper() == "AUTH=":
            facts["auth_author"] = argument[5:]
    address = _encoded({"mail_addr": _lower_domain(sender.address)}) or {"mail_addr": b""}
    return address | _encoded(facts) | _here("mail_host", mailer, hostname)


def recipient_macros(recipient: Recipient, hostname: bytes = b"") -> dict[str, bytes]:
    """Return what is known of one recipient at RCPT; of a refused one, why it is refused."""
    if recipient.refused:
        return _refusal_macros(recipient.refused)
    facts = {
        "rcpt_addr": _lower_domain(recipient.address),
        "rcpt_host": recipient.host,
        "rcpt_mailer": recipient.mailer,
    }
    return _encoded(facts) | _here("rcpt_host", recipient.mailer, hostname)


def _refusal_macros(reply: str) -> dict[str, bytes]:
    """Read ``550 5.1.1 <address>: text`` as Postfix tells it to milters that want to know."""
    found = _REFUSAL.fullmatch(reply)
    assert found is not None  # every part of it is optional
    status, text = found.groups("")
    return _encoded({"rcpt_addr": text, "rcpt_host": status, "rcpt_mailer": "error"})


_REFUSAL = re.compile(r"(?:\d{3}[ -])?(?:(\d\.\d+\.\d+) )?(?:<[^>]*>: )?(.*)", re.DOTALL)


def _here(name: str, mailer: str, hostname: bytes) -> dict[str, bytes]:
    """Return the next hop of the local mailer: this host, whatever the address's domain."""
    return {name: hostname} if hostname and mailer == "local" else {}


def _lower_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower() if at else address


def content_macros(session: Mapping[str, bytes], message: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what is known where the content is sent, by Postfix's cleanup and not its smtpd.

    Args:
        session: what is known of the MTA and the client.
        message: what is known of the message and its envelope; little of it reaches cleanup.
    """
    known = {name: value for name, value in session.items() if name in _KNOWN_TO_CLEANUP}
    if "client_addr" in known:
        known["client_addr"] = known["client_addr"].removeprefix(b"IPv6:")
    return known | {name: message[name] for name in ("i", "auth_author") if name in message}


_KNOWN_TO_CLEANUP = {
    *("j", "v", "_", "daemon_name", "daemon_addr", "daemon_port"),
    *("client_addr", "client_name", "client_port", "client_ptr"),
    *("auth_type", "auth_authen", "auth_author", "i", "mail_addr", "rcpt_addr"),
}
"""What Postfix's cleanup has a value for (``cleanup_milter_eval``); of TLS it knows nothing."""


def _encoded(facts: Mapping[str, str]) -> dict[str, bytes]:
    return {
        name: value.encode("utf-8", "surrogateescape").replace(b"\0", b"")
        for name, value in facts.items()
        if value
    }
