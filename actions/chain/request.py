"""From what the operator asked for to what is sent: one chain test, fully spelled out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.profiles import PROFILES
from actions.chain.samples import SAMPLES, compose
from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.milter.connection import Offer, offer_of
from actions.milter.envelope import (
    Client,
    Family,
    Recipient,
    Sender,
    routed_recipient,
    routed_sender,
)
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.message import (
    Content,
    Header,
    folded,
    is_header_name,
    parse_message,
    with_crlf,
)
from actions.milter.transport import Timeouts
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from actions.milter.macros import MacroLists

MESSAGE_LIMIT = 256 << 20
"""The largest message that is read, in bytes."""

LONGEST = 1_000_000
"""The longest time limit, in seconds; the system's calls know no endless one."""


class TestRequest(Record):
    """One session to be run against a chain."""

    sample: str
    """What the message is called in the report: a sample's name or a file's."""
    profile: str
    client: Client
    helo: str
    sender: Sender
    recipients: tuple[Recipient, ...]
    message: bytes
    mta: Mta
    offer: Offer
    macros: Mapping[str, Mapping[str, bytes]]
    unknown: tuple[str, ...]
    deadline: float
    as_user: str = ""
    trace: bool = False
    submitted: bool = False
    """Whether the message is handed in on this host, without SMTP."""
    configured: bool = False
    """Whether Postfix's own settings name the milters, milter_default_action included."""


class Mta(Record):
    """What the MTA says of itself, and when."""

    hostname: str
    daemon_name: str
    """The value of {daemon_name}."""
    version: str = "Postfix"
    macro_lists: MacroLists = DEFAULT_LISTS
    macro_defaults: Mapping[str, bytes] = {}
    """milter_macro_defaults: values for macros that have none of their own."""


class Target(Record):
    """Which milters are asked, and how."""

    specs: tuple[str, ...]
    chain: str
    """The service whose chain is asked where no specs are given; empty for mail from outside."""
    as_user: str
    version: int | None = None
    server_name: str = ""
    sessions: int = 1


class Mail(Record):
    """What the operator wants sent."""

    file: str
    sample: str
    headers: tuple[str, ...]
    body: tuple[str, ...]
    unknown: tuple[str, ...]
    save_as: str


class Origin(Record):
    """Who the operator wants it sent by; what is empty is the profile's."""

    profile: str
    host: str
    address: str
    helo: str
    sender: str
    recipients: tuple[str, ...]
    auth_name: str
    auth_type: str
    auth_author: str
    tls_version: str
    cipher: str


class Limits(Record):
    """The time limits asked for, in seconds; None keeps Postfix's."""

    everything: float | None = None
    connect: float | None = None
    reading: float | None = None
    writing: float | None = None
    end: float | None = None
    deadline: float = 600.0


def spelled_out(
    mta: Mta,
    target: Target,
    mail: Mail,
    origin: Origin,
    macros: Mapping[str, Sequence[str]],
    limits: Limits,
    *,
    trace: bool,
) -> TestRequest:
    """Return the session that the operator asked for.

    Raises:
        ActionError: an option makes no sense; the text names it.
    """
    sender = chosen_sender(origin.sender, origin.profile)
    recipients = chosen_recipients(origin.recipients, mail, origin.profile)
    message = chosen_message(mail, sender, recipients, mta.hostname)
    check_seconds("--deadline", limits.deadline)
    return TestRequest(
        sample=mail.file or mail.sample,
        profile=origin.profile,
        client=chosen_client(origin),
        helo=_one_word("--helo", origin.helo) or PROFILES[origin.profile].helo,
        sender=sender,
        recipients=recipients,
        message=message,
        mta=mta._replace(daemon_name=target.server_name or mta.daemon_name),
        offer=chosen_offer(target.version),
        macros=macro_values(macros),
        unknown=mail.unknown,
        deadline=limits.deadline,
        as_user=target.as_user,
        trace=trace,
        submitted=PROFILES[origin.profile].submitted,
    )


def usage(text: str, next_step: str = "") -> ActionError:
    """Return the error for an option that makes no sense."""
    return ActionError(text, Exit.USAGE, next_step)


def chosen_client(origin: Origin) -> Client:
    """Return the profile's client with what the operator changed of it."""
    client = PROFILES[origin.profile].client
    if origin.host:
        client = client._replace(name="" if origin.host == "unknown" else origin.host)
    if origin.address:
        client = _at_address(client, origin.address)
    return client._replace(
        auth_name=origin.auth_name or client.auth_name,
        auth_type=origin.auth_type or client.auth_type,
        auth_author=origin.auth_author or client.auth_author,
        tls_version=origin.tls_version or client.tls_version,
        cipher=origin.cipher or client.cipher,
    )


def _at_address(client: Client, address: str) -> Client:
    if address == "unknown":
        return client._replace(family="unknown", address=address, port=0)
    if address.startswith(("unix:", "local:")):
        return client._replace(family="unix", address=address.partition(":")[2], port=0)
    if address.startswith(("inet:", "inet6:")):
        try:
            endpoint = parse_endpoint(address)
        except BadEndpoint as error:
            raise usage(f"--connect-address {error}") from error
        return client._replace(
            family=_family(endpoint.place), address=endpoint.place, port=endpoint.port
        )
    return client._replace(family=_family(address), address=address)


def _family(address: str) -> Family:
    """Return the family of *address*; a milter would hang up on one that is none."""
    import socket

    family: Family = "inet6" if ":" in address else "inet"
    try:
        socket.inet_pton(socket.AF_INET6 if family == "inet6" else socket.AF_INET, address)
    except (OSError, ValueError) as error:
        raise usage(f"--connect-address {address!r} is no IP address") from error
    return family


def chosen_recipients(given: Sequence[str], mail: Mail, profile: str) -> tuple[Recipient, ...]:
    """Return the recipients asked for, or as many of the profile's as the sample has."""
    if given:
        return tuple(routed_recipient(_recipient(address), ("example.org",)) for address in given)
    usual = PROFILES[profile].recipient
    count = 1 if mail.file else SAMPLES[mail.sample].recipients
    if count == 1:
        return (routed_recipient(usual, ("example.org",)),)
    local, _, domain = usual.partition("@")
    numbered = (f"{local}{number}@{domain}" for number in range(1, count + 1))
    return tuple(routed_recipient(address, ("example.org",)) for address in numbered)


def _recipient(address: str) -> str:
    bare = _bare("--recipient", address)
    if not bare:
        raise usage("--recipient: an empty address is no recipient")
    return bare


def chosen_sender(given: str, profile: str) -> Sender:
    """Return the sender asked for ("<>" is the null sender), or the profile's."""
    return routed_sender(_bare("--sender", given) if given else PROFILES[profile].sender)


def chosen_message(
    mail: Mail, sender: Sender, recipients: tuple[Recipient, ...], hostname: str
) -> bytes:
    """Return the file's message or a fresh sample, with the headers and body asked for."""
    if mail.file:
        message = read_message(mail.file)
    else:
        to = recipients[0].address
        message = compose(SAMPLES[mail.sample], sender.address, to, hostname)
    if mail.body:
        body = with_crlf("".join(mail.body).encode("utf-8", "surrogateescape"))
        message = parse_message(message)._replace(body=body).as_bytes()
    return with_headers(message, mail.headers)


def with_headers(message: bytes, headers: Sequence[str]) -> bytes:
    """Return *message* with *headers*, given as NAME:VALUE, above its own of other names.

    A header of the same name is replaced.
    """
    if not headers:
        return message
    given = [_header(header) for header in headers]
    names = {header.name.lower() for header in given}
    content = parse_message(message)
    kept = (header for header in content.headers if header.name.lower() not in names)
    return Content((*given, *kept), content.body).as_bytes()


def _header(text: str) -> Header:
    name, colon, value = text.partition(":")
    raw = name.strip().encode("utf-8", "surrogateescape")
    if not colon or not is_header_name(raw):
        raise usage(f"--header {text!r} is not NAME:VALUE")
    return Header(raw, b" " + folded(value.strip().encode("utf-8", "surrogateescape")))


def read_message(path: str) -> bytes:
    """Return the message in file *path*, or on standard input where it is "-".

    The "From " line with which mailboxes begin a message is left out: no client sends it.
    """
    import sys

    try:
        if path == "-":
            if sys.stdin is None:
                raise usage("standard input is closed: there is no message to read")
            return message_in(sys.stdin.buffer, path)
        with open(path, "rb") as file:
            return message_in(file, path)
    except OSError as error:
        raise usage(
            f"{path}: {error.strerror}", "give a readable file, or - for standard input"
        ) from error


def message_in(file: BinaryIO, path: str) -> bytes:
    """Return the message in *file*, which messages call *path*; see `read_message`."""
    data = file.read(MESSAGE_LIMIT + 1)
    if len(data) > MESSAGE_LIMIT:
        raise usage(f"{path}: larger than {MESSAGE_LIMIT >> 20} MiB")
    if not data.strip():
        raise usage(f"{path}: empty; a message has at least one header")
    if data.startswith(b"From ") and not data[4:].lstrip(b" \t").startswith(b":"):
        data = data.partition(b"\n")[2]
    return data


def macro_values(given: Mapping[str, Sequence[str]]) -> dict[str, dict[str, bytes]]:
    """Return the macros given as NAME:VALUE for each stage; names may wear braces."""
    stages: dict[str, dict[str, bytes]] = {}
    for stage, pairs in given.items():
        for pair in pairs:
            name, colon, value = pair.partition(":")
            if not colon or not name.strip("{}"):
                raise usage(f"the macro {pair!r} is not NAME:VALUE")
            encoded = value.encode("utf-8", "surrogateescape").replace(b"\0", b"")
            stages.setdefault(stage, {})[name.strip("{}")] = encoded
    return stages


def chosen_offer(version: int | None) -> Offer:
    """Return the offer for protocol *version*, or the usual one."""
    try:
        return offer_of(version) if version is not None else Offer()
    except ValueError as error:
        raise usage(f"--negotiate-version: {error}") from error


def chosen_timeouts(limits: Limits, usual: Timeouts) -> Timeouts:
    """Return the *usual* timeouts with those changed that were given."""
    if limits.everything is not None:
        usual = Timeouts(*(limits.everything,) * len(usual))
    timeouts = Timeouts(
        connect=usual.connect if limits.connect is None else limits.connect,
        write=usual.write if limits.writing is None else limits.writing,
        reply=usual.reply if limits.reading is None else limits.reading,
        content=usual.content if limits.reading is None else limits.reading,
        end=usual.end if limits.end is None else limits.end,
    )
    for seconds in timeouts:
        check_seconds("a timeout", seconds)
    return timeouts


def check_seconds(what: str, seconds: float) -> None:
    """Raise `ActionError` where *seconds*, which *what* is called, are no time limit."""
    if not 0 < seconds <= LONGEST:  # nor is "nan" any number
        raise usage(f"{what} is a number of seconds above 0 and at most {LONGEST}")


def _bare(option: str, address: str) -> str:
    return _one_word(option, address.strip().removeprefix("<").removesuffix(">"))


def _one_word(option: str, text: str) -> str:
    """Return *text*; Postfix would take none with spaces or control characters for a word."""
    if any(ord(char) <= 32 or ord(char) == 127 for char in text):
        raise usage(f"{option} {text!r} has a space or a control character in it")
    return text
