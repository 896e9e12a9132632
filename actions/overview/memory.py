"""What the last look with ``--since-last`` found, and what is another than then.

It is kept in the console's state folder for root and in labs, else below XDG_STATE_HOME.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.finding import Health
from actions.host.errors import HostError
from actions.journal.own import open_own
from actions.overview.report import Change, SinceLast
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from actions.finding import Finding
    from actions.host.ports import Host

NAME = "overview-last.json"
SCHEMA = "overview.last/1"
MOST_BYTES = 10_000_000


class Remembered(Record):
    """What was found then."""

    when: float
    states: Mapping[str, tuple[Health, str]]
    """By a finding's name: its state and what it said."""


class BadMemory(Exception):
    """What is remembered can't be used; tells why."""


def folder_of(host: Host) -> str:
    """Return where this user's memory of *host* is kept."""
    if host.kind == "lab" or os.geteuid() == 0:
        return host.state_folder
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # what the base directory specification says of others
        state = os.path.expanduser("~/.local/state")
    return os.path.join(state, "milter-console")


def recalled(folder: str) -> Remembered | None:
    """Return what is remembered in *folder*, or None where nothing is.

    Raises:
        BadMemory: it is damaged, or not this user's own.
    """
    path = os.path.join(folder, NAME)
    try:
        held = open_own(folder)
        if held is None:
            return None
        try:
            number = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held)
        finally:
            os.close(held)
        with os.fdopen(number, "rb") as file:
            return _read(file.read(MOST_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, HostError, ValueError, LookupError, TypeError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadMemory(f"{path} can't be used: {why}") from error


def remember(folder: str, findings: Sequence[Finding], now: float) -> None:
    """Keep what is found, whole or not at all; raises `HostError` or OSError."""
    entries = {finding.name: [finding.health.value, finding.what] for finding in findings}
    document = {"schema": SCHEMA, "when": now, "findings": entries}
    held = open_own(folder, make=True)
    assert held is not None  # it was just made
    temporary = f".{NAME}-{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with suppress(FileNotFoundError):  # of a process of this number that was killed
            os.unlink(temporary, dir_fd=held)
        number = os.open(temporary, flags, 0o600, dir_fd=held)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(document, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, NAME, src_dir_fd=held, dst_dir_fd=held)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=held)
            raise
        os.fsync(held)
    finally:
        os.close(held)


def compared(
    before: Remembered | None, findings: Sequence[Finding], known: Iterable[str] = ()
) -> SinceLast:
    """Return what is another now than it was.

    Args:
        before: what was found then.
        findings: what counts now.
        known: what is there and does not count, by name: it is not gone.
    """
    states = dict(before.states) if before else {}
    for name in known:
        states.pop(name, None)
    return SinceLast(before.when if before else None, tuple(_changes(states, findings)))


def _changes(
    states: Mapping[str, tuple[Health, str]], findings: Sequence[Finding]
) -> Iterator[Change]:
    for finding in findings:
        was = states.get(finding.name)
        if was is None:
            yield Change("new", finding.name, "", finding, finding.what)
        elif finding.health.rank > was[0].rank:
            yield Change("worse", finding.name, was[0].value, finding, finding.what)
    now = {finding.name for finding in findings}
    for name, (health, what) in states.items():
        if name not in now:
            yield Change("gone", name, health.value, None, what)


def _read(content: bytes) -> Remembered:
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    states = {
        str(name): (_wrong(Health(health)), str(what))
        for name, (health, what) in document["findings"].items()
    }
    return Remembered(float(document["when"]), states)


def _wrong(health: Health) -> Health:
    if health is Health.OK:
        raise ValueError("it remembers as wrong what is ok")
    return health
