"""A milter taken out of the chain, or into it, without a moment in which mail is refused.

Who asks the milter stops asking before it stops, and begins only once it answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import Answering, Looked, UnitOperation
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError
from actions.plan import Plan, Proof
from actions.record import Record
from actions.services.again import PATIENCE
from actions.services.children import (
    chains,
    children_of,
    children_out_of_chain,
    is_at,
    sockets,
)
from actions.services.listed import with_milter, without_milter
from actions.services.managing import managed_edit
from actions.services.masks import require_startable
from actions.services.named import named, unit_state
from actions.services.operate import IN_TIME, chain_proof, operation_of, require_right
from actions.services.syntax import checks, manager_check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.changes import ConfigCheck
    from actions.host.ports import Host, UnitState
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Child
    from actions.mailhost.service import Listener, MailService
    from actions.plan import Change
    from actions.services.named import Services

_UNDER_WAY = {
    "accept": "its mail passes unfiltered from there on",
    "tempfail": "its mail is deferred (451) and comes again",
    "reject": "its mail is refused",
    "quarantine": "its mail is put on hold",
    "shutdown": "its client is sent away (421) and comes again",
}
"""What becomes of a session that asked the milter before, by milter_default_action."""


class _Place(Record):
    """A milter, who asks it, and who else is asked."""

    host: Host
    service: MailService
    services: Services
    state: UnitState
    found: tuple[HostChain, ...]
    children: tuple[Child, ...]
    """All behind the manager, those not asked too."""

    @property
    def child(self) -> Child | None:
        """The milter as milter-manager's configuration names it."""
        return next((one for one in self.children if is_at(one.link, self.service)), None)

    @property
    def listener(self) -> Listener | None:
        """Where the milter is asked, as far as that is known."""
        return next((one for one in self.service.listeners if one.speech == "milter"), None)

    @property
    def is_listed(self) -> bool:
        """Whether Postfix asks the milter itself."""
        return any(is_at(link, self.service) for one in self.found for link in one.chain.links)

    @property
    def names(self) -> tuple[str, ...]:
        """What the milter is called by those that ask it."""
        links = [link for one in self.found for link in one.chain.links]
        links += [child.link for child in self.children]
        return tuple(dict.fromkeys(one.name for one in links if is_at(one, self.service)))

    @property
    def others(self) -> tuple[str, ...]:
        """The other milters behind the manager that are asked."""
        child = self.child
        return tuple(one.link.name for one in self.children if one.enabled and one != child)

    def of_role(self, role: str) -> MailService:
        """Return the service of *role*; raises `ActionError`."""
        for service in self.services:
            if service.role == role:
                return service
        raise ActionError(
            f"no {role} was found on this host",
            Exit.PROBLEM,
            "see what console run services.status tells",
        )


def plan_drop(ctx: Context, name: str) -> Plan:
    """Return the plan that takes the milter called *name* out of the chain.

    Raises:
        ActionError: it is no milter, or where it is asked can't be changed here.
    """
    place = _place(ctx, name)
    service = place.service
    unasked = tuple(_unasked(place))
    is_asked_again = bool(unasked) and place.state.activity == "active"
    changes = (*unasked, *(_answers_again(place) if is_asked_again else ()), *_off(place))
    title, arguments = f"Take {service.name} out of the chain", {"service": name}
    if not changes:
        why = f"{service.name} is not asked, does not run, and is off at boot: nothing to do"
        return Plan(title, "services.drop", arguments, why, ())
    names = place.names or (service.name,)
    summary = f"the chain answers without {', '.join(names)}"
    # By its sockets: who asks it may call it otherwise.
    proof = chain_proof(ctx, summary, without=sockets(service) or names)
    why = f"mail is no more looked at by {service.name}"
    plan = Plan(title, "services.drop", arguments, why, changes, proof)
    if not is_asked_again:
        return plan
    again = {"expect": names, "without": (), "within": IN_TIME}
    told = f"{', '.join(names)} is asked again, and answers"
    return plan._replace(undo_proof=Proof(told, "services.asked", again))


def plan_take(ctx: Context, name: str) -> Plan:
    """Return the plan that takes the milter called *name* into the chain.

    Raises:
        ActionError: it is no milter, its unit is masked, or nobody can be made to ask it.
    """
    place = _place(ctx, name)
    service = place.service
    changes = (*_on(place), *_asked(place))
    title, arguments = f"Take {service.name} into the chain", {"service": name}
    if not changes:
        why = f"{service.name} is asked, runs, and starts at boot: nothing to do"
        return Plan(title, "services.take", arguments, why, ())
    names = place.names or sockets(service)[:1] or (service.name,)
    proof = chain_proof(ctx, f"the chain answers with {', '.join(names)}", expect=names)
    why = f"mail is looked at by {service.name} too"
    return Plan(title, "services.take", arguments, why, changes, proof)


def _place(ctx: Context, name: str) -> _Place:
    service, services = named(ctx.host, name)
    if service.role not in {"milter", "milter manager"}:
        raise ActionError(
            f"{service.name} is no milter (it is of the role {service.role})",
            Exit.USAGE,
            f"stop it with: console run services.stop {service.name}",
        )
    state = unit_state(ctx.host, service)
    found = chains(ctx.host)
    return _Place(ctx.host, service, services, state, found, children_of(found))


def _unasked(place: _Place) -> Iterator[Change]:
    """Yield what makes those that ask the milter stop asking it."""
    if place.is_listed:
        yield from without_milter(place.host, place.found, place.service)
        yield from _postfix_takes_up(place)
    child = place.child
    if child is None or not child.enabled:
        return
    # milter-manager asks what starts at boot; where its configuration says so, it is edited.
    if place.state.enabled:
        yield operation_of(place.host, "disable", place.service, _NO_LINK)
    if edit := managed_edit(place.host, child.link.name, asked=False):
        yield edit
    manager = place.of_role("milter manager")
    yield manager_check(place.host, manager, children=place.others, gone=(child.link.name,))
    yield _reloaded(place.host, manager, "its sessions under way go on with the milter")


_NO_LINK = "milter-manager asks no milter that is off at boot"


def _off(place: _Place) -> Iterator[Change]:
    """Yield what stops the milter, and keeps it off."""
    child = place.child
    disabled = child is not None and child.enabled
    if place.state.enabled and not disabled:
        yield operation_of(place.host, "disable", place.service, "")
    if place.state.activity not in {"inactive", "failed"}:
        yield operation_of(place.host, "stop", place.service, _in_flight(place))


def _answers_again(place: _Place) -> Iterator[Change]:
    """Yield what lets nobody be sent to the milter on the way back before it answers."""
    if listener := place.listener:
        client = listener.client or place.host.postfix.user()
        note = "nobody is sent to it again before it answers"
        yield Looked(Answering(listener.spec, client, note=note), note, ahead=True)


def _in_flight(place: _Place) -> str:
    """Return what becomes of a session that is under way when the milter stops."""
    actions = [
        link.default_action
        for one in place.found
        for link in one.chain.links
        if is_at(link, place.service)
    ]
    if place.child is not None:
        actions.append(place.child.link.default_action)
    told = "; ".join(dict.fromkeys(_UNDER_WAY[action] for action in actions))
    return f"nobody asks it by then; a session that began before: {told}" if told else ""


def _on(place: _Place) -> Iterator[Change]:
    """Yield what starts the milter, now and at boot."""
    require_startable(place.host, "start", place.service, place.state)
    runs = place.state.activity == "active"
    if not runs:
        guard = checks(place.host, place.service, place.state)
        require_right(place.host, place.service, guard)
        yield from guard
        yield UnitOperation.planned(place.host, "start", place.service.unit)
    if place.state.enabled is False:
        yield UnitOperation.planned(place.host, "enable", place.service.unit)
    listener = place.listener
    if not runs and listener is not None:
        note = "nobody is sent to it before it answers"
        yield Answering(listener.spec, listener.client or place.host.postfix.user(), note=note)


def _asked(place: _Place) -> Iterator[Change]:
    """Yield what makes Postfix or the milter-manager ask the milter."""
    child = place.child
    if place.is_listed or (child is not None and child.enabled):
        return
    if child is None:
        _require_reachable(place)
        yield from with_milter(place.host, place.found, place.service)
        yield from _postfix_takes_up(place)
        return
    if edit := managed_edit(place.host, child.link.name, asked=True):
        yield edit
    manager = place.of_role("milter manager")
    yield manager_check(place.host, manager, children=(*place.others, child.link.name))
    yield _reloaded(place.host, manager, "sessions that begin from then on ask it too")


def _require_reachable(place: _Place) -> None:
    """Refuse to have Postfix ask what a manager out of the chain names, or what it can't open."""
    service = place.service
    manager = next((one for one in place.services if one.role == "milter manager"), None)
    if manager is not None and manager != service:
        named_there = (child.link for child in children_out_of_chain(place.host, place.found))
        if any(is_at(link, service) for link in named_there):
            raise ActionError(
                f"{manager.name} names {service.name}, and Postfix does not ask {manager.name}",
                Exit.PROBLEM,
                f"take {manager.name} into the chain first: console run services.take "
                f"{manager.name}",
            )
    listener = place.listener
    if listener is None:
        return
    user = place.host.postfix.user()
    try:
        place.host.connect_as(user, parse_endpoint(listener.spec), PATIENCE).close()
    except PermissionError as error:
        raise ActionError(
            f"Postfix's user {user} may not open {listener.spec} of {service.name}",
            Exit.PROBLEM,
            "see who may: console run sockets.check",
        ) from error
    except (OSError, HostError):
        return  # it does not run yet, or can't be tried: the plan waits for it, and proves it


def _postfix_takes_up(place: _Place) -> Iterator[Change]:
    postfix = place.of_role("MTA")
    guard: tuple[ConfigCheck, ...] = checks(
        place.host, postfix, place.host.units.state(postfix.unit)
    )
    require_right(place.host, postfix, guard)
    yield from guard
    yield _reloaded(place.host, postfix, "mail under way goes on; new sessions see the new list")


def _reloaded(host: Host, service: MailService, note: str) -> UnitOperation:
    return UnitOperation.planned(host, "reload", service.unit, note=note)
