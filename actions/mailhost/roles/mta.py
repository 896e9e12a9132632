"""Postfix as a service: where it listens, and whom it hands mail and passwords to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.host.endpoint import asked_at
from actions.host.errors import HostError
from actions.mailhost.discovery import port_of
from actions.mailhost.roles.filters import spec_of
from actions.mailhost.roles.site import Told
from actions.mailhost.service import Listener, Need
from actions.mailhost.values import items
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Host, PostfixService
    from actions.mailhost.roles.site import Site
    from actions.mailhost.service import Speech

_INTAKES = {"smtpd", "postscreen"}
_LABELS = {25: "25", 587: "submission", 465: "submissions"}

LMTP_PORT = 24

_TRANSPORTS = (
    ("mailbox_transport", "mydestination"),
    ("local_transport", "mydestination"),
    ("virtual_transport", "virtual_mailbox_domains"),
)
"""The settings that name who delivers, and whose mail each is for."""

NO_LOGIN = "nobody can log in to send mail"
QUEUED = "mail waits in the queue"

WITHOUT = {
    "tempfail": "mail is deferred (451)",
    "accept": "mail passes unfiltered",
    "reject": "mail is rejected (554)",
    "shutdown": "mail is deferred (421)",
    "quarantine": "mail is held in the queue",
}
"""What happens where a milter can't be asked, by milter_default_action (postconf(5))."""


def postfix(site: Site) -> Told:
    """Ask Postfix for its services and for whom they hand mail to."""
    host = site.host
    folder = _setting(host, "config_directory") or "/etc/postfix"
    site.files += [f"{folder}/main.cf", f"{folder}/master.cf"]
    try:
        services = host.postfix.services()
        user = host.postfix.user()
    except HostError as error:
        site.notes.append(f"Postfix's listeners are not known: {error}")
        return Told()
    needs = (
        Need("dovecot", one.endpoint, one.user, one.without) for one in partners(host, services)
    )
    listeners = (found for one in services for found in _listener(host, one))
    return Told(tuple(listeners), tuple(dict.fromkeys(needs)), user)


def listeners(host: Host) -> tuple[Listener, ...]:
    """Return where Postfix takes mail in; nothing where it can't be asked."""
    try:
        return tuple(found for one in host.postfix.services() for found in _listener(host, one))
    except HostError:
        return ()


def _listener(host: Host, service: PostfixService) -> Iterator[Listener]:
    if service.program not in _INTAKES or service.kind not in {"inet", "unix"}:
        return
    source = f"master.cf: {service.name}"
    tls = _setting_of(host, service, "smtpd_tls_wrappermode") == "yes"
    if service.kind == "unix":
        folder = "private" if service.private else "public"
        path = f"{_setting(host, 'queue_directory')}/{folder}/{service.name}"
        yield Listener(f"unix:{path}", "smtp", service.name, tls, source=source)
        return
    place = service.name.rpartition(":")[0]
    port = _port(service.name)
    if port:
        where = asked_at(place or _interface(host))
        label = _LABELS.get(port, str(port))
        yield Listener(f"inet:{where}:{port}", "smtp", label, tls, source=source)


def _interface(host: Host) -> str:
    """Return the address at which Postfix listens (inet_interfaces); empty for everywhere."""
    given = items(_setting(host, "inet_interfaces") or "all")
    first = next(iter(given), "all")
    return "" if first in {"all", "loopback-only"} else first


def _port(service: str) -> int:
    word = port_of(service)
    if word.isascii() and word.isdigit():
        return int(word)
    import socket

    try:
        return socket.getservbyname(word, "tcp")
    except OSError:
        return 0


class Partner(Record):
    """Whom one of Postfix's services hands mail or passwords to."""

    client: PostfixService
    user: str
    """With whose rights it connects."""
    speech: Speech
    spec: str
    """As Postfix's settings write it."""
    endpoint: str
    """Where it really is, seen from outside any chroot, in Postfix's notation."""
    source: str
    """The setting: "main.cf: smtpd_sasl_path"."""
    without: str
    """What happens where it can't be asked."""


def partners(host: Host, services: tuple[PostfixService, ...]) -> Iterator[Partner]:
    """Yield whom Postfix hands passwords and mail to; each where one of *services* does."""
    for one in services:
        if one.program == "smtpd":
            yield from _passwords(host, one)
    yield from _deliverers(host, services)


def _passwords(host: Host, service: PostfixService) -> Iterator[Partner]:
    """Yield whom *service* asks about passwords, where that is Dovecot."""
    if _setting_of(host, service, "smtpd_sasl_auth_enable") != "yes":
        return
    if _setting_of(host, service, "smtpd_sasl_type") != "dovecot":
        return
    path = _setting_of(host, service, "smtpd_sasl_path")
    endpoint = _from_queue(host, service, path)
    if endpoint:
        user, source = _user(host, service), setting_in(service, "smtpd_sasl_path")
        yield Partner(service, user, "dovecot-auth", path, endpoint, source, NO_LOGIN)


def setting_in(service: PostfixService, name: str) -> str:
    """Return where setting *name* of *service* stands, for people."""
    own = name in dict(service.overrides)
    return f"master.cf: {service.name}: -o {name}" if own else f"main.cf: {name}"


def _deliverers(host: Host, services: tuple[PostfixService, ...]) -> Iterator[Partner]:
    """Yield whom mail is handed to by LMTP."""
    clients = {one.name: one for one in services if one.program == "lmtp"}
    for setting, domains in _TRANSPORTS:
        transport, _, nexthop = _setting(host, setting).partition(":")
        client = clients.get(transport)
        if client is None or not nexthop or not _setting(host, domains):
            continue
        endpoint = _nexthop(host, client, nexthop)
        if endpoint:
            user, source = _user(host, client), f"main.cf: {setting}"
            yield Partner(client, user, "lmtp", nexthop, endpoint, source, QUEUED)


def _nexthop(host: Host, client: PostfixService, nexthop: str) -> str:
    """Return where lmtp(8) connects for *nexthop*: unix:PATH, [inet:]HOST[:PORT]."""
    if nexthop.startswith("unix:"):
        return _from_queue(host, client, nexthop)
    place = nexthop.removeprefix("inet:")
    if place.startswith("["):
        name, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = place.partition(":")
    bracketed = f"[{name}]" if ":" in name else name
    return spec_of(f"inet:{bracketed}:{port or LMTP_PORT}")


def _from_queue(host: Host, service: PostfixService, spec: str) -> str:
    """Return *spec* as it is outside the chroot of *service*; a path starts in the queue."""
    if spec.startswith("inet:"):
        return spec_of(spec)
    path = spec.removeprefix("unix:")
    if not path:
        return ""
    queue = _setting(host, "queue_directory")
    if not path.startswith("/"):
        return f"unix:{queue}/{path}"
    return f"unix:{queue}{path}" if service.chroot else f"unix:{path}"


def _user(host: Host, service: PostfixService) -> str:
    return host.postfix.user() if service.unprivileged else "root"


def _setting(host: Host, name: str) -> str:
    """Return a setting of Postfix; nothing where this version has none of that name."""
    try:
        return host.postfix.setting(name)
    except HostError:
        return ""


def _setting_of(host: Host, service: PostfixService, name: str) -> str:
    try:
        return host.postfix.setting_of(service, name)
    except HostError:
        return ""
