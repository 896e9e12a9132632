"""Who speaks, from whom, to whom: the envelope as the MTA knows it."""

from __future__ import annotations

from typing import Literal

from actions.record import Record

Family = Literal["inet", "inet6", "unix", "unknown"]


class Client(Record):
    """The SMTP client at the other end of the session."""

    name: str
    """Its verified host name; empty where it has none."""
    address: str
    port: int = 50443
    family: Family = "inet"
    reverse_name: str = ""
    """The name that its address has; empty where it is the verified one."""
    auth_type: str = ""
    auth_name: str = ""
    """The authenticated user ({auth_authen})."""
    auth_author: str = ""
    tls_version: str = ""
    cipher: str = ""
    cipher_bits: str = ""
    certificate_subject: str = ""
    certificate_issuer: str = ""

    @property
    def before_login(self) -> Client:
        """The same client as the MTA knows it at the beginning of the session."""
        return self._replace(auth_type="", auth_name="", auth_author="")


class Sender(Record):
    """The envelope sender, with where the MTA would route its address."""

    address: str
    """Without angle brackets; empty for the null sender."""
    host: str = ""
    mailer: str = ""
    arguments: tuple[str, ...] = ()
    """ESMTP parameters, such as SIZE=1000."""


class Recipient(Record):
    """One envelope recipient, with where the MTA would route it."""

    address: str
    host: str = ""
    mailer: str = ""
    arguments: tuple[str, ...] = ()
    refused: str = ""
    """The MTA's own refusal, where it refuses the recipient before any milter."""


def routed_sender(address: str, arguments: tuple[str, ...] = ()) -> Sender:
    """Return *address* as a sender that the MTA would route by SMTP to its domain."""
    return Sender(address, _domain(address), "smtp" if address else "", arguments)


def routed_recipient(
    address: str, local_domains: tuple[str, ...] = (), arguments: tuple[str, ...] = ()
) -> Recipient:
    """Return *address* as a recipient, local where its domain is among *local_domains*."""
    mailer = "local" if _domain(address).lower() in local_domains else "smtp"
    return Recipient(address, _domain(address), mailer, arguments)


def _domain(address: str) -> str:
    return address.rpartition("@")[2] if "@" in address else ""
