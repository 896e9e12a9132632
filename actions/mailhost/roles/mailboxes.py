"""Dovecot: where it listens, as ``doveconf`` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.endpoint import asked_at
from actions.host.errors import HostError
from actions.mailhost.roles.site import Told
from actions.mailhost.service import Listener
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.mailhost.roles.site import Site
    from actions.mailhost.service import Speech

CONFIGURATION = "/etc/dovecot/dovecot.conf"
SOURCE = "doveconf -a"

PATIENCE = 5.0
"""Seconds for doveconf, which takes some 20 ms."""


class _Kind(Record):
    """What listens by one inet_listener."""

    protocol: str
    """The word in ``protocols`` without which it is not started."""
    speech: Speech
    label: str
    port: int
    """Where it listens when nothing says where; Dovecot 2.4 prints what is set only."""
    tls: bool = False


_INET = {
    "imap": _Kind("imap", "imap", "IMAP", 143),
    "imaps": _Kind("imap", "imap", "IMAPS", 993, tls=True),
    "pop3": _Kind("pop3", "pop3", "POP3", 110),
    "pop3s": _Kind("pop3", "pop3", "POP3S", 995, tls=True),
    "sieve": _Kind("sieve", "managesieve", "ManageSieve", 4190),
    "lmtp": _Kind("lmtp", "lmtp", "LMTP", 0),
    "submission": _Kind("submission", "smtp", "submission", 587),
    "submissions": _Kind("submission", "smtp", "submissions", 465, tls=True),
}

_USUAL = ("imap", "pop3")
"""What is asked where doveconf can't be."""

_OTHER_AUTH = ("-userdb", "-master", "-worker", "login", "-client-inner")
"""How the sockets of service auth end that are not for SASL clients such as Postfix."""


class Block(Record):
    """One block of Dovecot's configuration: ``service lmtp { … }``."""

    kind: str
    name: str
    settings: dict[str, str]
    blocks: tuple[Block, ...]


def dovecot(site: Site) -> Told:
    """Ask doveconf for all listeners; where it can't be asked, the usual ports are taken."""
    site.text(CONFIGURATION)
    try:
        asked = site.host.commands.run(["doveconf", "-a"], timeout=PATIENCE)
        trouble = asked.stderr.strip() or str(asked.exit_code) if asked.exit_code else ""
    except HostError as error:
        trouble = str(error)
    if trouble:
        first = trouble.splitlines()[0]
        site.notes.append(f"Dovecot's listeners are not known, its usual ports are taken: {first}")
        return Told(tuple(_usual()))
    return Told(tuple(listeners(read_blocks(asked.stdout))))


def _usual() -> Iterator[Listener]:
    for name in _USUAL:
        kind = _INET[name]
        yield Listener(f"inet:127.0.0.1:{kind.port}", kind.speech, kind.label, source="assumed")


def listeners(configuration: Block) -> Iterator[Listener]:
    """Yield where the Dovecot of *configuration* listens for others than itself."""
    protocols = _protocols(configuration)
    no_tls = configuration.settings.get("ssl") == "no"
    everywhere = configuration.settings.get("listen", "*")
    for service in configuration.blocks:
        if service.kind != "service":
            continue
        for one in service.blocks:
            if one.kind == "inet_listener":
                yield from _inet(service, one, everywhere, protocols, no_tls=no_tls)
            elif one.kind == "unix_listener":
                yield from _unix(service, one, protocols)


def _protocols(configuration: Block) -> set[str]:
    """Return the protocols that are served; Dovecot 2.4 writes them as a block of booleans."""
    found = set(configuration.settings.get("protocols", "").split())
    for block in configuration.blocks:
        if block.kind == "protocols":
            found |= {name for name, value in block.settings.items() if value == "yes"}
    return found


def _inet(
    service: Block, one: Block, everywhere: str, protocols: set[str], *, no_tls: bool
) -> Iterator[Listener]:
    kind = _Kind("", "dovecot-auth", "auth", 0) if service.name == "auth" else _INET.get(one.name)
    if kind is None:
        return
    port = one.settings.get("port", str(kind.port))
    if not port.isdigit() or not int(port):
        return
    if (kind.protocol and kind.protocol not in protocols) or (kind.tls and no_tls):
        return
    given = one.settings.get("address") or one.settings.get("listen") or everywhere
    addresses = given.replace(",", " ").split()
    host = asked_at("" if "*" in addresses else next(iter(addresses), ""))
    tls = kind.tls or one.settings.get("ssl") == "yes"
    yield Listener(f"inet:{host}:{port}", kind.speech, kind.label, tls, source=SOURCE)


def _unix(service: Block, one: Block, protocols: set[str]) -> Iterator[Listener]:
    """Yield a socket that others than Dovecot's own processes ask: those with a whole path."""
    if not one.name.startswith("/") or one.settings.get("mode", "1").strip("0") == "":
        return
    if service.name == "lmtp" and "lmtp" in protocols:
        yield Listener(f"unix:{one.name}", "lmtp", "LMTP", source=SOURCE)
    if service.name == "auth" and not one.name.endswith(_OTHER_AUTH):
        yield Listener(f"unix:{one.name}", "dovecot-auth", "auth", source=SOURCE)


def read_blocks(text: str) -> Block:
    """Return what doveconf printed: settings ``name = value``, and blocks in braces."""
    stack = [_Open("", "")]
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped == "}":
            if len(stack) > 1:
                done = stack.pop()
                stack[-1].blocks.append(done.closed())
            continue
        if stripped.endswith("{"):
            kind, _, name = stripped[:-1].strip().partition(" ")
            stack.append(_Open(kind, name.strip().strip('"')))
            continue
        name, equals, value = stripped.partition("=")
        if equals:
            stack[-1].settings[name.strip()] = value.strip().strip('"')
    while len(stack) > 1:
        done = stack.pop()
        stack[-1].blocks.append(done.closed())
    return stack[0].closed()


class _Open:
    """A block while it is read."""

    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.name = name
        self.settings: dict[str, str] = {}
        self.blocks: list[Block] = []

    def closed(self) -> Block:
        return Block(self.kind, self.name, self.settings, tuple(self.blocks))
