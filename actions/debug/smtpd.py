"""Postfix's own two: smtpd's ``-v`` in master.cf, and ``debug_peer_list`` in main.cf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.debug.found import Setting
from actions.host.main_cf import service_line
from actions.host.master import COLUMNS, read_master
from actions.mailhost.values import items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.main_cf import Logical
    from actions.host.ports import Host, PostfixService

PEERS = "debug_peer_list"
_PEER = re.compile(r"[A-Za-z0-9_.:/\[\]-]+")


def settings(host: Host) -> tuple[Setting, ...]:
    """Return what switches Postfix's debug modes on; raises `HostError`."""
    return tuple(_settings(host))


def _settings(host: Host) -> Iterator[Setting]:
    folder = host.postfix.folder()
    for service in verbose(host):
        yield Setting("master", f"{folder}/master.cf", f"{service.name}/{service.kind}")
    if peers(host):
        yield Setting("peers", f"{folder}/main.cf", PEERS)


def smtpds(host: Host) -> tuple[PostfixService, ...]:
    """Return the services of master.cf that smtpd serves; raises `HostError`."""
    return tuple(one for one in host.postfix.services() if one.program == "smtpd")


def verbose(host: Host) -> tuple[PostfixService, ...]:
    """Return those of `smtpds` that log more; raises `HostError`."""
    return tuple(one for one in smtpds(host) if any(map(_is_verbose, one.arguments)))


def peers(host: Host) -> tuple[str, ...]:
    """Return the clients of which more is logged; raises `HostError`."""
    return tuple(items(host.postfix.setting(PEERS)))


def peer(address: str) -> str:
    """Return *address* as ``debug_peer_list`` takes it; raises `ActionError`."""
    if not _PEER.fullmatch(address):
        raise ActionError(
            f"{address!r} is no client's address or name",
            Exit.USAGE,
            "give it like 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or .example.com",
        )
    place, slash, length = address.partition("/")
    if ":" in place and not place.startswith("["):
        return f"[{place}]{slash}{length}"
    return address


def meant(host: Host, port: str) -> tuple[PostfixService, ...]:
    """Return the services that *port* means: one by its name, or all that take mail in by TCP.

    Those that take passwords have to be named: with ``-v`` they log them.

    Raises:
        ActionError: there is none.
        HostError: Postfix can't be asked.
    """
    known = smtpds(host)
    by_tcp = [one for one in known if one.kind == "inet"]
    open_to_all = (one for one in by_tcp if not takes_passwords(host, one))
    chosen = tuple(one for one in known if one.name == port) if port else tuple(open_to_all)
    if by_tcp and not chosen and not port:
        raise ActionError(
            "every port of smtpd takes passwords, and would log them in base64",
            Exit.USAGE,
            f"name one client with --peer, or one with --port: "
            f"{', '.join(one.name for one in by_tcp)}",
        )
    if not chosen:
        names = ", ".join(one.name for one in known)
        what = f"smtpd serves no {port!r}" if port else "smtpd serves no port"
        raise ActionError(
            f"{what} in master.cf", Exit.USAGE, f"name one of: {names}" if names else ""
        )
    return chosen


def takes_passwords(host: Host, service: PostfixService) -> bool:
    """Return whether clients log in there, so that ``-v`` logs what they log in with.

    Seen with Postfix 3.10: each AUTH command is logged, and what the SASL client sends.
    """
    return host.postfix.setting_of(service, "smtpd_sasl_auth_enable") == "yes"


def with_verbose(text: str, service: PostfixService) -> str:
    """Return master.cf with ``-v`` right behind the program of *service*.

    Raises:
        ActionError: the file has no such service; Postfix reads it from elsewhere.
    """
    where = _line(text, service)
    lines = text.split("\n")
    for number, _, end in _words(where):
        lines[number - 1] = f"{lines[number - 1][:end]} -v{lines[number - 1][end:]}"
        break
    return "\n".join(lines)


def without_verbose(text: str, service: PostfixService) -> str:
    """Return master.cf without any ``-v`` of *service*, all else kept; raises `ActionError`."""
    where = _line(text, service)
    lines = text.split("\n")
    own = list(_words(where))[1:]
    for number, start, end in reversed(own):
        line = lines[number - 1]
        if _is_verbose(line[start:end]):
            lines[number - 1] = line[:start].rstrip(" \t") * bool(line[:start].strip()) + line[end:]
    return "\n".join(lines)


def without_any(text: str) -> str:
    """Return master.cf without any ``-v`` of smtpd."""
    for service in _smtpds_in(text):
        if any(map(_is_verbose, service.arguments)):
            text = without_verbose(text, service)
    return text


def verbose_in(text: str) -> tuple[str, ...]:
    """Return which services of smtpd log more in *text*, a master.cf, as NAME/TYPE."""
    return tuple(
        f"{one.name}/{one.kind}" for one in _smtpds_in(text) if any(map(_is_verbose, one.arguments))
    )


def _smtpds_in(text: str) -> tuple[PostfixService, ...]:
    found = read_master(text, chroot=False)
    return tuple(one for one in found if one.program == "smtpd")


def _is_verbose(word: str) -> bool:
    return re.fullmatch("-v+", word) is not None


def _line(text: str, service: PostfixService) -> Logical:
    where = service_line(text, service.name, service.kind)
    if where is None:
        raise ActionError(
            f"master.cf has no line for {service.name} {service.kind}",
            Exit.PROBLEM,
            "see postconf -M",
        )
    return where


def _words(where: Logical) -> Iterator[tuple[int, int, int]]:
    """Yield line, start and end of the program of a service, and of each plain argument."""
    column, depth, is_value = 0, 0, False
    for number, line in where.pieces:
        for word in re.finditer(r"\S+", line):
            column += 1
            if column < COLUMNS:
                continue
            if column == COLUMNS or not (depth or is_value):
                yield number, word.start(), word.end()
            if depth == 0:
                is_value = word[0] == "-o" and not is_value
            depth = max(0, depth + word[0].count("{") - word[0].count("}"))
