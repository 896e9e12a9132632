"""What Postfix makes of each milter in its settings, and what it says where it refuses one.

The rules and the words are those of milter.c, milter8.c and attr_override.c in Postfix's
source, and were compared with what a running Postfix 3.7 logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from actions.host.endpoint import UNIX_PATH_LIMIT, Endpoint
from actions.host.words import BadBraces, name_and_value, unwrapped, within_braces, words
from actions.mailhost.values import seconds
from actions.milter.link import DefaultAction, Link
from actions.milter.transport import Timeouts
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.milter.transport import Connector

TIMES = ("connect_timeout", "command_timeout", "content_timeout")
WORDS = ("default_action", "protocol")

PER_MILTER = (*TIMES, *WORDS)
"""The settings milter_NAME that braces may set for one milter (MILTER_README)."""

PROTOCOLS = ("2", "3", "4", "6")

WHEN_IT_FAILS = "clients are answered 451 4.3.5 whenever the milter fails"
PASSED_OVER = "the milter is passed over"
"""What a refused setting does where Postfix goes on all the same."""

ENDS = "the service ends at once and answers no client"
"""What follows from what Postfix calls fatal."""

SHUTDOWN_SINCE = {(3, 7): 20, (3, 8): 15, (3, 9): 9, (3, 10): 8, (3, 11): 0}
"""By release: the first patch level that knows milter_default_action = shutdown.

It came with 3.11, and later into the others (milter8.c; seen to work in 3.10.13).
"""


class Refused(Exception):
    """A milter, or a setting of one, that Postfix does not accept.

    Args:
        reason: in Postfix's words.
        effect: what becomes of the mail.
    """

    def __init__(self, reason: str, effect: str) -> None:
        super().__init__(reason)
        self.effect = effect


class Surroundings(Record):
    """What a milter's specification is read against."""

    queue_directory: str
    chroot: bool = False
    version: tuple[int, ...] = ()
    """Postfix's; empty where it can't be told."""
    ipv6: bool = True
    """Whether inet_protocols has IPv6."""


def read_milter(
    item: str, usual: Mapping[str, str], around: Surroundings, connector: Connector
) -> tuple[str, str, Link]:
    """Return the specification in *item*, its milter_protocol, and the milter.

    Args:
        item: ``unix:PATH``, ``inet:HOST:PORT``, or ``{ SPEC, name=value, … }``.
        usual: the milter_* settings, by the names in `PER_MILTER`.
        around: where the service runs that will connect.
        connector: how the milter's socket is opened.

    Raises:
        Refused: Postfix does not accept it.
    """
    spec, own = _taken_apart(item)
    endpoint = _endpoint(spec, around, default_action=own.get("default_action", ""))
    values = {**usual, **own}
    connect_time, command, content = (seconds(values[name]) for name in TIMES)
    timeouts = Timeouts(connect_time, command, command, content, content)
    action = checked_action(values["default_action"], around.version)
    checked_protocol(values["protocol"])
    return spec, values["protocol"], Link(spec, endpoint, connector, timeouts, action)


def _taken_apart(item: str) -> tuple[str, dict[str, str]]:
    """Return the specification, and the settings that its braces give."""
    if not item.startswith("{"):
        return item, {}
    try:
        spec, *settings = words(within_braces(item)) or ("",)
    except BadBraces as error:
        raise Refused(f"milter service syntax error: {error}", ENDS) from error
    if not spec:
        raise Refused(f'empty milter definition: "{item}"', ENDS)
    return spec, dict(_own_setting(setting) for setting in settings)


def _own_setting(text: str) -> tuple[str, str]:
    try:
        name, value = name_and_value(unwrapped(text))
    except BadBraces as error:
        raise Refused(f"malformed option: {error}", ENDS) from error
    if name in TIMES:
        check_time(name, value)
    elif name not in WORDS:
        raise Refused(f'unknown option: "{name} = {value}"', ENDS)
    elif not value:
        raise Refused(f"bad string length 0 < 1: {name} =", ENDS)
    return name, value


def check_time(name: str, value: str) -> None:
    """Raise `Refused` where *value* is no time to Postfix, which knows no capital units."""
    digits = value.rstrip("smhdw") if value[-1:] in {*"smhdw"} else value
    if digits.isascii() and digits.isdigit() and len(value) - len(digits) <= 1:
        if int(digits):
            return
        raise Refused(f"invalid {name}: 0 (min 1)", ENDS)
    if not value[:1].isdigit():
        raise Refused(f"invalid {name}: {value!r} is no time", ENDS)
    raise Refused(f"{name}: bad time value or unit: {value}", ENDS)


def checked_action(value: str, version: tuple[int, ...]) -> DefaultAction:
    """Return *value* as a default action; raises `Refused`."""
    action = value.lower()
    too_new = action == "shutdown" and not _knows_shutdown(version)
    if action not in get_args(DefaultAction) or too_new:
        raise Refused(
            f"unrecognized default action: {value}",
            WHEN_IT_FAILS,
        )
    return cast("DefaultAction", action)


def _knows_shutdown(version: tuple[int, ...]) -> bool:
    """Return whether Postfix *version* does; one that can't be told is taken for a new one."""
    release, patch = version[:2], version[2:3]
    if release in SHUTDOWN_SINCE:
        return (patch or (0,)) >= (SHUTDOWN_SINCE[release],)
    return not version or release > (3, 11)


def checked_protocol(value: str) -> int:
    """Return the version in *value*; raises `Refused`.

    It is one protocol version, and beside it an extension that Postfix knows, which says no
    more than the version does.
    """
    effect = "clients are answered 451 4.3.5"
    given = words(value)
    if any(word not in {*PROTOCOLS, "no_header_reply"} for word in given):
        raise Refused(f"bad protocol information: {value}", effect)
    versions = [word for word in given if word in PROTOCOLS]
    if len(versions) != 1:
        what = "multiple protocol versions" if versions else "no protocol version information"
        raise Refused(what, effect)
    return int(versions[0])


def _endpoint(spec: str, around: Surroundings, *, default_action: str) -> Endpoint:
    answered = "clients are answered 451 4.3.5"
    effect = PASSED_OVER if default_action == "accept" else answered
    transport, _, rest = spec.partition(":")
    if not transport or not rest:
        raise Refused(f'Milter service needs transport:endpoint instead of "{spec}"', effect)
    if transport in {"unix", "local"}:
        return _unix(rest, around)
    if transport == "inet":
        return _inet(rest, around)
    raise Refused(f"invalid transport name: {transport} in Milter service: {spec}", effect)


def _unix(path: str, around: Surroundings) -> Endpoint:
    """Return the socket's real place: a service starts in the queue directory, or is shut in it."""
    if len(path.encode("utf-8", "surrogateescape")) > UNIX_PATH_LIMIT:
        raise Refused(f"unix-domain name too long: {path}", ENDS)
    if not path.startswith("/"):
        path = f"{around.queue_directory}/{path}"
    elif around.chroot:
        path = around.queue_directory + path
    return Endpoint("unix", path, 0, f"unix:{path}")


def _inet(rest: str, around: Surroundings) -> Endpoint:
    host, service = _host_and_service(rest)
    port = _port(service, rest)
    if ":" in host and not around.ipv6:
        raise _not_found(rest, "Address family for hostname not supported (see inet_protocols)")
    shown = f"[{host}]" if ":" in host else host
    return Endpoint("inet", host, port, f"inet:{shown}:{port}")


def _host_and_service(rest: str) -> tuple[str, str]:
    """Take ``HOST:PORT``, ``[ADDRESS]:PORT`` or ``PORT`` apart, as host_port(3) does."""
    if rest.startswith("["):
        host, bracket, service = rest[1:].partition("]")
        if not bracket or not service.startswith(":"):
            raise Refused(f"{rest}: missing service information", ENDS)
        return host, service[1:]
    host, _, service = rest.rpartition(":")
    if host and (":" in host or (host.replace(".", "").isdigit() and not _is_ipv4(host))):
        raise Refused(f"{rest}: valid hostname or network address required", ENDS)
    return host or "localhost", service


def _is_ipv4(host: str) -> bool:
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def _port(service: str, rest: str) -> int:
    number = service.isascii() and service.isdigit()
    if service[:1].isdigit() and not number:
        raise Refused(f"{rest}: garbage after numerical service", ENDS)
    if not service:
        raise Refused(f"{rest}: missing service information", ENDS)
    if number:
        if 0 < int(service) < 65536:
            return int(service)
        raise _not_found(rest, "ports go from 1 to 65535")
    import socket

    try:
        return socket.getservbyname(service, "tcp")
    except OSError:
        raise _not_found(rest, "no service of that name, and no port number") from None


def _not_found(rest: str, why: str) -> Refused:
    return Refused(
        f"host or service {rest} not found: {why}", "the milter can't be reached, whatever it does"
    )
