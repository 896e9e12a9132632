"""Certificates for the private Postfix and its clients, made afresh at each start."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TLS = ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "256")
"""Version, cipher and bits on which OpenSSL 3 agrees with itself."""

AUTHORITY = "Golden Authority"
CLIENT = "client.example.net"


class Identities:
    """The server's certificate, a client's that Postfix trusts, and one that it does not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Postfix's settings for an smtpd that offers STARTTLS and asks for a certificate."""
        return (
            ("smtpd_tls_security_level", "may"),
            ("smtpd_tls_ask_ccert", "yes"),
            ("smtpd_tls_cert_file", str(self._folder / "server.pem")),
            ("smtpd_tls_key_file", str(self._folder / "server.key")),
            ("smtpd_tls_CAfile", str(self._folder / "authority.pem")),
        )

    def context(self, client: str) -> ssl.SSLContext:
        """Return the settings of a client that shows the certificate *client*, or none if empty."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if client:
            context.load_cert_chain(self._folder / f"{client}.pem", self._folder / f"{client}.key")
        return context

    def make(self) -> None:
        """Make them."""
        self._folder.mkdir()
        self._sign("authority", AUTHORITY, "")
        self._sign("server", "mx.example.org", "authority")
        self._sign("trusted", CLIENT, "authority")
        self._sign("untrusted", CLIENT, "")

    def _sign(self, name: str, subject: str, by: str) -> None:
        made = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/O=Golden/CN={subject}"]
        signer = ["-CA", f"{by}.pem", "-CAkey", f"{by}.key"] if by else []
        usual = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command = ["openssl", "req", *usual, *made, *signer]
        subprocess.run(command, check=True, cwd=self._folder, capture_output=True)
