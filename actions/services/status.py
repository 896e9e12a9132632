"""All looks at all services, at the same time, and what they come to."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from actions.action import ActionError, Exit
from actions.finding import Health
from actions.host.endpoint import socket_of
from actions.host.errors import AS_ROOT, HostError, NotPermitted
from actions.host.listening import read_table
from actions.mailhost.greeting.heard import Heard
from actions.mailhost.service import Listener, Look, ServiceStatus
from actions.mailhost.together import Failed, Together
from actions.record import Record
from actions.services.looks import logged, signatures
from actions.services.looks.consequence import with_consequences
from actions.services.looks.dependency import dependency_look, needed_listener
from actions.services.looks.greeting import Asking, Met, meet
from actions.services.looks.listener import look_at_listener, shown
from actions.services.looks.process import Running, look_at_processes
from actions.services.looks.settings import look_at_settings, with_fatal
from actions.services.looks.signatures import Kept
from actions.services.looks.verdict import verdict
from actions.services.report import LookDone, ServicesReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from actions.action import Context
    from actions.host.ports import UnitState
    from actions.mailhost.greeting.heard import Login
    from actions.mailhost.service import MailService, Need
    from actions.services.looks.logged import Line

LOGIN_PATIENCE = 5.0
"""Seconds more where there is a login: a wrong password is answered late on purpose."""

ELSEWHERE = "see where it listens and where it is asked: console run chain.discover"
"""The next step where a service runs, and nobody listens where it should."""


class _Key(NamedTuple):
    """What is looked at; two that ask for the same are asked once."""

    kind: str
    socket: tuple[str, int] = ("", 0)
    speech: str = ""
    client: str = ""


_SETTINGS = _Key("settings")
"""Those of Postfix."""


class _Results(Record):
    """What came of the looks, by what was looked at."""

    running: dict[str, Running] | Failed
    looks: dict[_Key, Look]
    met: dict[_Key, Met]
    kept: dict[_Key, Kept]
    """Of each clamd's signatures."""
    errors: tuple[Line, ...] | HostError | None


def check_services(
    ctx: Context, names: tuple[str, ...], timeout: float, login: Login | None = None
) -> ServicesReport:
    """Look at the services of this host, or at those called *names* and what they need.

    Raises:
        ActionError: a name is unknown, or a number makes no sense.
    """
    from actions.mailhost.roles import find_services

    if not 0 < timeout <= 300:
        raise ActionError("--timeout is a number of seconds up to 300", Exit.USAGE)
    began = time.monotonic()
    looks = _Looks(ctx, timeout, login)
    # Of all services the sockets that are known first are asked while others are still found.
    found = find_services(ctx.host, None if names else looks.meet)
    finding = time.monotonic() - began
    ctx.check()
    report = looks.done(found.services, chosen(found.services, names), found.states)
    return report._replace(
        notes=(*found.notes, *report.notes),
        seconds=time.monotonic() - began,
        finding_seconds=finding,
    )


def chosen(services: Sequence[MailService], names: Sequence[str]) -> tuple[MailService, ...]:
    """Return those of *services* that are called *names*, and what they need; all without names.

    Raises:
        ActionError: a name is none of theirs.
    """
    if not names:
        return tuple(services)
    known = {service.name: service for service in services}
    wanted: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in known and name in names:
            told = ", ".join(known) or "none"
            raise ActionError(
                f"this host has no service {name!r}", Exit.USAGE, f"its services are: {told}"
            )
        if name in known and name not in wanted:
            wanted[name] = None
            todo += [need.service for need in known[name].needs]
    return tuple(service for service in services if service.name in wanted)


def look_at(
    ctx: Context,
    every: Sequence[MailService],
    services: Sequence[MailService],
    timeout: float,
    login: Login | None = None,
) -> ServicesReport:
    """Look at *services*; *every* one of the host is known, as some need others.

    Raises:
        Cancelled: the operator cancelled.
    """
    return _Looks(ctx, timeout, login).done(every, services, {})


class _Looks:
    """The looks at one host's services, some of which begin before all services are known."""

    def __init__(self, ctx: Context, timeout: float, login: Login | None) -> None:
        limit = timeout + (LOGIN_PATIENCE if login else 0.0)
        self._began = time.monotonic()
        self._ctx = ctx
        self._asking = Asking(ctx, limit, ctx.host.name, login)
        self._run: Together[_Key, object] = Together(ctx, limit)

    def meet(self, listener: Listener) -> None:
        """Begin to ask at *listener*, with the rights of its client."""
        key = _met_key(listener, listener.client)
        self._run.begin(key, partial(meet, self._asking, listener, listener.client))

    def done(
        self,
        every: Sequence[MailService],
        services: Sequence[MailService],
        states: Mapping[str, UnitState],
    ) -> ServicesReport:
        """Do all looks at *services*, and return what they come to; see `look_at`.

        Args:
            every: service of the host.
            services: those that are looked at.
            states: of units, as far as they have just been asked for.
        """
        ctx, asking = self._ctx, self._asking
        for key, job in _jobs(asking, every, services, states):
            self._run.begin(key, job)
        results = _Results({}, {}, {}, {}, None)
        for key, result in self._run.results():
            results = _kept(results, key, result)
            _tell(ctx, services, key, results, len(self._run))
        results = _with_last_words(asking, services, results)
        statuses = [_status(service, every, results) for service in services]
        statuses = _with_signatures(every, statuses, results)
        seconds = time.monotonic() - self._began
        return ServicesReport(tuple(statuses), tuple(_notes(statuses, results)), seconds)


def _jobs(
    asking: Asking,
    every: Sequence[MailService],
    services: Sequence[MailService],
    states: Mapping[str, UnitState],
) -> Iterator[tuple[_Key, Callable[[], object]]]:
    host, timeout = asking.ctx.host, asking.timeout
    yield _Key("process"), partial(look_at_processes, host, services, states)
    table = read_table()
    for service in services:
        if service.role == "MTA":
            yield _SETTINGS, partial(look_at_settings, host)
        if _is_scanner(service):
            yield _signatures_key(service), partial(signatures.look_at_files, host, service)
        for listener in service.listeners:
            key = _Key("listener", socket_of(listener.spec))
            yield key, partial(look_at_listener, listener, table, timeout)
            if listener.speech:
                yield (
                    _met_key(listener, listener.client),
                    partial(meet, asking, listener, listener.client),
                )
        for need in service.needs:
            listener = needed_listener(need, every)
            client = need.client or listener.client
            yield _met_key(listener, client), partial(meet, asking, listener, client)
    yield _Key("errors"), partial(_errors, asking, services)


def _errors(asking: Asking, services: Sequence[MailService]) -> tuple[Line, ...] | HostError:
    """Return what the services logged as errors, or why that can't be seen."""
    host = asking.ctx.host
    units = dict.fromkeys(
        unit for service in services for unit in (service.seen_unit, service.unit) if unit
    )
    try:
        if host.kind == "system" and units and not host.units.absent():
            return logged.error_lines(host, units, asking.timeout)
        return logged.log_lines(host, services)
    except HostError as error:
        return error


def _with_last_words(
    asking: Asking, services: Sequence[MailService], results: _Results
) -> _Results:
    """Return *results* with what those said before they ended that logged no error."""
    host, errors = asking.ctx.host, results.errors
    running = results.running
    if host.kind != "system" or not isinstance(errors, tuple) or isinstance(running, Failed):
        return results
    ended = {
        service.seen_unit: seen.look.cause
        for service in services
        if service.unit
        and (seen := running[service.name]).look.health is Health.DOWN
        and not logged.tells_itself(errors, service, seen.state, seen.since)
    }
    if not ended or host.units.absent():
        return results
    try:
        said = logged.last_words(host, ended, asking.timeout)
    except HostError:
        return results
    # What was stopped says goodbye; that is no error.
    told = [
        line
        for line in said
        if ended.get(line.unit) != "stopped" or logged.tells_of_errors(line.text)
    ]
    return results._replace(errors=(*errors, *told))


def _met_key(listener: Listener, client: str) -> _Key:
    return _Key("met", socket_of(listener.spec), listener.speech, client)


def _kept(results: _Results, key: _Key, result: object) -> _Results:
    """Return *results* with one more; a look that failed is unknown."""
    if key.kind == "process":
        assert isinstance(result, (dict, Failed))
        return results._replace(running=result)
    if key.kind == "errors":
        if isinstance(result, Failed):
            result = HostError(f"the journal: {result.why}")
        return results._replace(errors=result)  # type: ignore[arg-type]
    if key.kind == "signatures":
        if isinstance(result, Kept):
            results.kept[key] = result
        return results
    if isinstance(result, Failed):
        heard = Heard(result.why, Health.UNKNOWN)
        if key.kind == "met":
            results.met[key] = Met(heard, result.seconds)
        else:
            results.looks[key] = Look("listener", Health.UNKNOWN, result.why, result.seconds)
    elif isinstance(result, Met):
        results.met[key] = result
    elif isinstance(result, Look):
        results.looks[key] = result
    return results


def _tell(
    ctx: Context, services: Sequence[MailService], key: _Key, results: _Results, of: int
) -> None:
    """Tell how far the looks have come."""
    done = len(results.looks) + len(results.met) + len(results.kept)
    done += bool(results.running) + bool(results.errors)
    name = next(
        (one.name for one in services for at in one.listeners if socket_of(at.spec) == key.socket),
        key.kind,
    )
    look = results.looks.get(key)
    if key in results.met:
        look = _greeting_look(key.socket[0] or str(key.socket[1]), results.met[key])
    if look is not None:
        ctx.tell(LookDone(name, look, done, of))


def _status(service: MailService, every: Sequence[MailService], results: _Results) -> ServiceStatus:
    running = _running(service, results)
    looks = (
        running.look,
        *_listener_looks(service, running, results),
        *_dependency_looks(service, every, results),
    )
    looks = with_consequences(service, looks)
    state = running.state
    errors = results.errors if isinstance(results.errors, tuple) else ()
    if service.role == "MTA":
        fatal = logged.last_fatal(errors, service, state, running.since)
        looks = tuple(with_fatal(look, fatal) for look in looks)
        if (settings := results.looks[_SETTINGS]).health is Health.DOWN:
            looks = (running.look, settings, *looks[1:])
    if running.look.cause == "off":
        looks = (running.look,)
    health, reason = verdict(looks)
    last_error = logged.last_error(errors, service, state, running.since)
    return ServiceStatus(
        service,
        health,
        reason,
        looks,
        running.since,
        running.memory,
        state.restarts if state else None,
        state.enabled if state else None,
        "" if last_error and reason.endswith(last_error) else last_error,
    )


def _running(service: MailService, results: _Results) -> Running:
    told = results.running
    if isinstance(told, Failed):
        detail = f"not seen: the service manager did not answer ({told.why})"
        return Running(Look("process", Health.UNKNOWN, detail, told.seconds))
    return told[service.name]


def _is_up(running: Running) -> bool:
    return running.look.health is Health.OK and running.look.cause != "off"


def _listener_looks(service: MailService, running: Running, results: _Results) -> Iterator[Look]:
    for listener in service.listeners:
        look = results.looks[_Key("listener", socket_of(listener.spec))]
        if look.health is Health.DOWN and _is_up(running):
            look = look._replace(next_step=ELSEWHERE)
        yield look._replace(target=shown(listener))
        met = results.met.get(_met_key(listener, listener.client))
        # What nobody listens on can't be greeted: the cause is told already.
        if met is not None and look.health is not Health.DOWN:
            yield _greeting_look(shown(listener), met)


def _greeting_look(target: str, met: Met) -> Look:
    heard = met.heard
    step, cause = heard.next_step, heard.cause
    return Look("greeting", heard.health, heard.detail, met.seconds, target, step, cause)


def _dependency_looks(
    service: MailService, every: Sequence[MailService], results: _Results
) -> Iterator[Look]:
    for need in service.needs:
        yield dependency_look(need, _met_by(need, every, results))


def _met_by(need: Need, every: Sequence[MailService], results: _Results) -> Met:
    listener = needed_listener(need, every)
    return results.met[_met_key(listener, need.client or listener.client)]


def _with_signatures(
    every: Sequence[MailService],
    statuses: list[ServiceStatus],
    results: _Results,
) -> list[ServiceStatus]:
    """Return *statuses* with what the signatures come to told at the scanner that uses them."""
    # Who looks at the scanner alone does not know how freshclam is, but whether there is one.
    unseen = (ServiceStatus(one, Health.UNKNOWN, "", ()) for one in every)
    updater = next(
        (one for one in (*statuses, *unseen) if one.service.name == signatures.UPDATER), None
    )
    told = []
    for status in statuses:
        service, looks = status.service, status.looks
        if _is_scanner(service):
            looks = tuple(_scanner_looks(service, looks, updater, results))
        if looks != status.looks:
            health, reason = verdict(looks)
            status = status._replace(looks=looks, health=health, reason=reason)  # noqa: PLW2901
        told.append(status)
    return told


def _is_scanner(service: MailService) -> bool:
    return any(listener.speech == "clamd" for listener in service.listeners)


def _signatures_key(service: MailService) -> _Key:
    return _Key("signatures", (service.name, 0))


def _scanner_looks(
    service: MailService,
    looks: Sequence[Look],
    updater: ServiceStatus | None,
    results: _Results,
) -> Iterator[Look]:
    signed = {
        shown(listener): met.heard.signed
        for listener in service.listeners
        if (met := results.met.get(_met_key(listener, listener.client)))
    }
    kept = results.kept.get(_signatures_key(service))
    for look in looks:
        if look.kind == "greeting" and look.health is Health.OK:
            made = signatures.made_at(signed.get(look.target), kept)
            yield signatures.judged(look, made, updater)
        elif look.kind == "process" and look.health is Health.DOWN:
            yield signatures.explained(kept, look)
        else:
            yield look


def _notes(statuses: Iterable[ServiceStatus], results: _Results) -> Iterator[str]:
    looks = [look for status in statuses for look in status.looks]
    unseen = [look for look in looks if look.cause == "rights"]
    closed = isinstance(results.errors, NotPermitted)
    if unseen:
        also = ", and the journal's errors" if closed else ""
        yield f"{len(unseen)} of {len(looks)} looks need more rights{also}: {AS_ROOT}"
    elif closed:
        how = f"{AS_ROOT}, or join group systemd-journal"
        yield f"the last errors are unknown: {results.errors}; {how}"
    if isinstance(results.errors, HostError) and not closed:
        yield f"the last errors are unknown: {results.errors}"
