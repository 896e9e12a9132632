"""Who a test mail comes from: the clients a chain treats differently, as data.

Addresses are those reserved for documentation (RFC 5737), so that a filter that spares inside
networks does not silently skip an outside test.
"""

from __future__ import annotations

from actions.milter.envelope import Client
from actions.record import Record


class Profile(Record):
    """One kind of client."""

    name: str
    summary: str
    client: Client
    helo: str
    sender: str
    recipient: str
    submitted: bool = False
    """Whether the mail is handed in on this host, without SMTP (non_smtpd_milters)."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "outside",
            "another mail host on the internet",
            Client("mail.example.net", "203.0.113.7"),
            "mail.example.net",
            "sender@example.net",
            "recipient@example.org",
        ),
        Profile(
            "inside",
            "a machine of your own network",
            Client("desk.example.org", "192.168.1.20"),
            "desk.example.org",
            "user@example.org",
            "recipient@example.net",
        ),
        Profile(
            "authenticated",
            "a user who logged in from outside, over TLS",
            Client(
                "laptop.example.net",
                "203.0.113.8",
                auth_type="PLAIN",
                auth_name="user@example.org",
                tls_version="TLSv1.3",
                cipher="TLS_AES_256_GCM_SHA384",
                cipher_bits="256",
            ),
            "laptop.example.net",
            "user@example.org",
            "recipient@example.net",
        ),
        Profile(
            "local",
            "a program on this host, by sendmail and without SMTP",
            Client("localhost", "127.0.0.1", port=0),
            "localhost",
            "user@example.org",
            "recipient@example.net",
            submitted=True,
        ),
    )
}
