"""Macros: which are sent at each stage, and what their values are, as Postfix fills them in.

Lists and values follow MILTER_README and ``postconf`` (milter_*_macros) of Postfix 3.7.
"""

from __future__ import annotations

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
    return _encoded({"j": hostname, "daemon_name": hostname, "daemon_addr": address, "v": version})


def client_macros(client: Client) -> dict[str, bytes]:
    """Return what is known of the client when it connects, TLS and authentication included."""
    facts = {
        "_": f"{client.name or 'unknown'} [{client.address}]",
        "client_addr": client.address,
        "client_name": client.name or "unknown",
        "client_ptr": client.name or "unknown",
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


def sender_macros(sender: Sender) -> dict[str, bytes]:
    """Return what is known of the sender at MAIL."""
    return _encoded(
        {"mail_addr": sender.address, "mail_host": sender.host, "mail_mailer": sender.mailer}
    )


def recipient_macros(recipient: Recipient) -> dict[str, bytes]:
    """Return what is known of one recipient at RCPT."""
    return _encoded(
        {
            "rcpt_addr": recipient.address,
            "rcpt_host": recipient.host,
            "rcpt_mailer": recipient.mailer,
        }
    )


def _encoded(facts: Mapping[str, str]) -> dict[str, bytes]:
    return {
        name: value.encode("utf-8", "surrogateescape").replace(b"\0", b"")
        for name, value in facts.items()
        if value
    }
