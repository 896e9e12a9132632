"""Which milter of a chain is a milter-manager, and the milters behind it.

Its children are what ``milter-manager --show-config`` says, asked with the rights of its own
user and of nobody else: the configuration is Ruby, which that user may be able to write, and no
other program can tell what it comes to.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.finding import Finding, Health
from actions.host.endpoint import BadEndpoint, Endpoint, parse_endpoint
from actions.host.errors import HostError, NotPermitted, UnknownAccount
from actions.mailhost import files
from actions.mailhost.managed import (
    CONFIGURATION,
    Child,
    Manager,
    is_called_manager,
    program_of,
)
from actions.mailhost.shown_config import MOST_MILTERS, ShownConfig, ShownMilter, read_shown
from actions.milter.link import DefaultAction, Link
from actions.milter.transport import Timeouts, connect
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Completed, Host
    from actions.milter.transport import Connector

USER = "milter-manager"

DEFAULT_SPEC = "inet:10025@[127.0.0.1]"
"""Where it listens when nothing says where."""

PATIENCE = 15.0
"""Seconds for --show-config, which looks for milters all over the host."""

_DEFAULT_TIMES = {
    "connection_timeout": 297.0,
    "writing_timeout": 7.0,
    "reading_timeout": 7.0,
    "end_of_message_timeout": 297.0,
}
"""Seconds; milter-manager's configuration guide."""

_LONGEST = 1_000_000.0
"""The longest time limit that is kept, in seconds; sockets take no endless one."""

_ACTIONS: dict[str, DefaultAction] = {
    "accept": "accept",
    "temporary-failure": "tempfail",
    "reject": "reject",
}
"""Postfix's words for fallback_status; it has none for "discard"."""


class Behind(Record):
    """What this host's milter-manager says of itself."""

    sockets: frozenset[tuple[str, int]]
    """Where it listens, as far as its files and its configuration name it."""
    source: str
    children: tuple[Child, ...]
    trouble: str
    user: str
    findings: tuple[Finding, ...]


class MilterManager:
    """The milter-manager of *host*, asked once, and only where a chain has one.

    Args:
        host: the host.
        connector: how Postfix's milters are opened; where that is with another user's rights,
            the children are opened with those of milter-manager's user.
    """

    def __init__(self, host: Host, connector: Connector) -> None:
        self._host = host
        self._connector = connector
        self._behind: Behind | None = None

    def behind(self, links: tuple[Link, ...]) -> tuple[Manager, ...]:
        """Return the managers among *links* with their children, and what is wrong with them."""
        named = [link for link in links if is_called_manager(link.endpoint)]
        told = self._ask()
        here = [link for link in links if link in named or link.endpoint.socket in told.sockets]
        return tuple(
            Manager(link.name, told.source, told.children, told.trouble, told.user, told.findings)
            for link in here
        )

    def named(self) -> tuple[Child, ...]:
        """Return the milters that it names, whether any chain asks it or not."""
        return self._ask().children

    def _ask(self) -> Behind:
        if self._behind is None:
            service = _service_settings(self._host)
            self._behind = _asked(self._host, service, self._connector)
        return self._behind


def _service_settings(host: Host) -> dict[str, str]:
    """Return what the service's file sets, such as USER and CONNECTION_SPEC."""
    from actions.settings import shell

    for path in files.MILTER_MANAGER:
        try:
            with open(host.at(path), encoding="utf-8", errors="surrogateescape") as file:
                return {one.name: one.value for one in shell.settings(file.read())}
        except OSError:
            continue
    return {}


def _asked(host: Host, service: dict[str, str], connector: Connector) -> Behind:
    """Return what --show-config tells, or why it tells nothing."""
    listens = _sockets(host, service.get("CONNECTION_SPEC", ""))
    user = service.get("USER") or USER
    program = program_of(host)
    command = f"{program} --show-config"
    try:
        answer = show_config(host, program, user)
    except HostError as error:
        behind = _unknown(host, listens, user, command, str(error))
        needs_root = isinstance(error, NotPermitted)
        return behind._replace(
            findings=tuple(one._replace(needs_root=needs_root) for one in behind.findings)
        )
    shown = read_shown(answer.stdout, answer.stderr)
    if answer.exit_code:
        said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
        reason = f"{command} ended with {answer.exit_code}: {' '.join(said)}".rstrip(": ")
        return _unknown(host, listens, user, command, reason)
    named = shown.settings.get("manager.connection_spec", "")
    where = _sockets(host, named or ("" if listens else DEFAULT_SPEC))
    children = tuple(_children(shown, _opener(host, user, connector)))
    findings = tuple(_wrong(shown, command))
    trouble = f"its configuration has an error: {shown.errors[0]}" if shown.errors else ""
    if shown.left_out and not trouble:
        trouble = _too_many(shown)
    return Behind(listens | where, command, children, trouble, user, findings)


def show_config(host: Host, program: str, user: str) -> Completed:
    """Return what *program* shows of its configuration, asked as *user*; raises `HostError`."""
    argv = [program, "--show-config"]
    if host.kind == "lab":  # Its users are none of this machine's, and its program is ours.
        return host.commands.run(argv, timeout=PATIENCE)
    if os.geteuid() != 0:
        if not _is_own(host, user):
            raise NotPermitted(
                "milter-manager's configuration is a program: "
                f"run as root (or as {user}) to have it evaluated"
            )
        return host.commands.run(argv, timeout=PATIENCE)
    if _is_own(host, user):
        raise HostError(
            "milter-manager runs as root: its configuration is a program, which is not "
            "evaluated with root's rights; let it run as a user of its own"
        )
    try:
        return host.commands.run(argv, user=user, timeout=PATIENCE)
    except (UnknownAccount, NotPermitted) as error:
        raise HostError(f"it can't be asked as its user: {error}") from error


def _is_own(host: Host, user: str) -> bool:
    """Return whether this process has the rights of *user*, and no others."""
    try:
        return host.accounts.user(user).uid == os.geteuid()
    except HostError:
        return False


def _unknown(
    host: Host, listens: frozenset[tuple[str, int]], user: str, command: str, reason: str
) -> Behind:
    configured = os.path.exists(host.at(CONFIGURATION))
    source = CONFIGURATION if configured else command
    finding = Finding(
        Health.UNKNOWN,
        "the milters behind milter-manager are not known",
        source,
        reason,
        name="chain.milter-manager.unknown",
    )
    return Behind(listens, source, (), reason, user, (finding,))


def _sockets(host: Host, spec: str) -> frozenset[tuple[str, int]]:
    try:
        endpoint = parse_endpoint(spec)
    except BadEndpoint:
        return frozenset()
    if endpoint.family != "unix":
        return frozenset({endpoint.socket})
    # A lab writes paths with its folder before them, a real host's files do not.
    there = endpoint._replace(place=host.at(endpoint.place))
    return frozenset({endpoint.socket, there.socket})


def _opener(host: Host, user: str, connector: Connector) -> Connector:
    if connector is connect:
        return connect
    try:
        host.accounts.user(user)
    except HostError:
        return connector
    from actions.mailhost.chain import connector_as

    return connector_as(host, user)


def _children(shown: ShownConfig, connector: Connector) -> Iterator[Child]:
    for milter in shown.milters:
        enabled = milter.settings.get("enabled", "true") == "true"
        timeouts, odd_times = _timeouts(milter)
        notes = [*_notes(milter), *odd_times]
        try:
            endpoint = parse_endpoint(milter.settings.get("connection_spec", ""))
        except BadEndpoint as error:
            spec = milter.settings.get("connection_spec", "")
            endpoint = Endpoint("unix", "", 0, spec)
            trouble = f"its connection_spec names no socket: {error}"
            notes.insert(0, trouble if spec else "it has no connection_spec")
        link = Link(milter.name, endpoint, connector, timeouts, _action(milter))
        yield Child(link, enabled, milter.conditions, "; ".join(notes))


def _notes(milter: ShownMilter) -> Iterator[str]:
    if milter.settings.get("evaluation_mode") == "true":
        yield "evaluation mode: it is asked, and its answer is ignored"
    if milter.settings.get("fallback_status") == "discard":
        yield "mail is discarded where it fails (fallback_status)"


def _action(milter: ShownMilter) -> DefaultAction:
    return _ACTIONS.get(milter.settings.get("fallback_status", ""), "accept")


def _timeouts(milter: ShownMilter) -> tuple[Timeouts, tuple[str, ...]]:
    """Return the time limits of *milter*, and which of them are milter-manager's defaults."""
    times = dict(_DEFAULT_TIMES)
    notes: list[str] = []
    for name, usual in _DEFAULT_TIMES.items():
        given = milter.settings.get(name)
        if not given:
            continue
        try:
            seconds = float(given)
        except ValueError:
            seconds = 0.0
        if 0 < seconds <= _LONGEST:
            times[name] = seconds
        else:
            notes.append(f"{name} = {given[:40]} is no time limit; {usual:g} s are taken")
    reading = times["reading_timeout"]
    timeouts = Timeouts(
        times["connection_timeout"],
        times["writing_timeout"],
        reading,
        reading,
        times["end_of_message_timeout"],
    )
    return timeouts, tuple(notes)


def _too_many(shown: ShownConfig) -> str:
    return f"it has more than {MOST_MILTERS} milters; {shown.left_out} are left out here"


def _wrong(shown: ShownConfig, command: str) -> Iterator[Finding]:
    for error in shown.errors[:1]:
        yield Finding(
            Health.DOWN,
            "milter-manager's configuration has an error",
            command,
            f"{error}; a reload would drop every child and let all mail pass unfiltered",
            name="chain.milter-manager.configuration",
        )
    if shown.left_out:
        what = "not all milters behind milter-manager are known"
        why = _too_many(shown)
        yield Finding(Health.UNKNOWN, what, command, why, name="chain.milter-manager.too-many")
    for milter in shown.milters:
        if milter.settings.get("enabled", "true") == "true":
            yield from _wrong_spec(milter)


def _wrong_spec(milter: ShownMilter) -> Iterator[Finding]:
    spec = milter.settings.get("connection_spec", "")
    try:
        parse_endpoint(spec)
    except BadEndpoint as error:
        what = f"milter-manager can't ask {milter.name}"
        where = f"connection_spec of {milter.name}"
        why = str(error) if spec else "it is nil"
        yield Finding(Health.DOWN, what, where, why, name=f"chain.milter-manager.{milter.name}")
