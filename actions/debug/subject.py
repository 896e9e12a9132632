"""The services of a host that have a debug mode, by the names that operators give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.debug import enigma
from actions.debug.modes import ENIGMA, MODES, mode_of
from actions.host.errors import HostError
from actions.mailhost.roles import find_services
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.debug.modes import Mode
    from actions.host.ports import Host, UnitState
    from actions.mailhost.service import MailService


class Subject(Record):
    """A service with a debug mode."""

    name: str
    mode: Mode
    service: MailService | None
    """None for Enigma, which PHP runs."""
    state: UnitState | None
    """Of the unit that runs it; None where it has none, or that can't be seen."""

    @property
    def unit(self) -> str:
        """Its unit, or ""."""
        return self.service.unit if self.service else ""


class Subjects(Record):
    """Those of one host."""

    subjects: tuple[Subject, ...]
    services: tuple[MailService, ...]
    """Every service of the mail host."""
    notes: tuple[str, ...]

    def named(self, name: str) -> Subject:
        """Return the one called *name*, or whose unit is.

        Raises:
            ActionError: there is none; the next step names what there is.
        """
        units = {name, f"{name}.service"}
        for one in self.subjects:
            if one.name == name:
                return one
        for one in self.subjects:
            if one.service and {one.service.unit, one.service.instance} & units:
                return one
        known = ", ".join(one.name for one in self.subjects)
        raise ActionError(
            f"{name!r} is no service of this mail host with a debug mode",
            Exit.USAGE,
            f"name one of: {known}" if known else "see what console run services.status tells",
        )


def subjects(host: Host) -> Subjects:
    """Return the services of *host* that have a debug mode."""
    found = find_services(host)
    known = [one for service in found.services if (one := _subject(host, service, found.states))]
    known.sort(key=lambda one: MODES.index(one.mode))
    notes = list(found.notes)
    try:
        if enigma.file(host):
            known.append(Subject(ENIGMA, _enigma(), None, None))
    except HostError as error:
        notes.append(f"{ENIGMA}: {error}")
    return Subjects(tuple(known), found.services, tuple(notes))


def _enigma() -> Mode:
    return next(mode for mode in MODES if mode.service == ENIGMA)


def _subject(host: Host, service: MailService, states: Mapping[str, UnitState]) -> Subject | None:
    mode = mode_of(service)
    if mode is None:
        return None
    if not service.unit:
        return Subject(service.name, mode, service, None)
    state = states.get(service.seen_unit) or host.units.state(service.seen_unit)
    if state.activity == "unknown" or not state.known:
        return Subject(service.name, mode, service, None)
    return Subject(service.name, mode, service, state)
