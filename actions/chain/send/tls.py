"""The encrypted connection: how it is begun, what it turned out to be, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.chain.request import usage
from actions.chain.send.report import Tls

if TYPE_CHECKING:
    import ssl


def client_settings(*, verify: bool, ca: str) -> ssl.SSLContext:
    """Return how this client speaks TLS.

    Args:
        verify: whether the server's certificate must be good, and for the server's name.
        ca: a file of certificates to trust instead of the system's; empty for the system's.

    Raises:
        ActionError: *ca* can't be read.
    """
    import ssl

    try:
        settings = ssl.create_default_context(cafile=ca or None)
    except OSError as error:  # SSLError is one
        raise usage(
            f"--ca {ca}: {error.strerror or error}", "give a readable file of PEM certificates"
        ) from error
    if not verify:
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
    return settings


def described(wrapped: ssl.SSLSocket, *, verified: bool) -> Tls:
    """Return what the connection *wrapped* is."""
    import ssl

    # The certificate is only taken apart where it was asked for; after the handshake the
    # setting has no other effect.
    wrapped.context.verify_mode = ssl.CERT_REQUIRED
    certificate = wrapped.getpeercert() or {}
    cipher = wrapped.cipher()
    return Tls(
        wrapped.version() or "",
        cipher[0] if cipher else "",
        _name(certificate.get("subject", ())),
        _name(certificate.get("issuer", ())),
        str(certificate.get("notAfter", "")),
        True if verified else None,
    )


def why(error: OSError) -> str:
    """Return why a handshake failed, in the library's words."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no handshake: {error.reason or error}"
    return str(error.strerror or error)


def _name(parts: object) -> str:
    """Write a name such as CN=mx.example.org, O=Example."""
    short = {"commonName": "CN", "organizationName": "O", "countryName": "C"}
    assert isinstance(parts, tuple)
    pairs = (pair for group in parts for pair in group)
    return ", ".join(f"{short.get(name, name)}={value}" for name, value in pairs)
