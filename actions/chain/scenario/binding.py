"""Which milters a suite asks: given on the command line, in its file, or found on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.request import Mta, usage
from actions.chain.scenario.report import MilterAsked
from actions.chain.scenario.suite import SuiteMilter
from actions.chain.target import found_chain, rights_note
from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actions.action import Context
    from actions.chain.scenario.suite import Suite
    from actions.chain.target import Found
    from actions.milter.link import Link


class Bound(Record):
    """The milters of a suite, ready to be asked."""

    links: tuple[Link, ...]
    asked: tuple[MilterAsked, ...]
    mta: Mta
    as_user: str
    notes: tuple[str, ...] = ()
    refusal: str = ""
    """What Postfix does not accept of its own chain: then it asks these milters otherwise."""

    def chosen(self, names: Sequence[str]) -> tuple[Link, ...]:
        """Return the links called *names*, in that order; all of them where there are none."""
        if not names:
            return self.links
        by_name = {link.name: link for link in self.links}
        return tuple(by_name[name] for name in names)


def given_milters(pairs: Sequence[str]) -> dict[str, str]:
    """Return what NAME=SPEC says of each milter; raises `ActionError` where one is no such."""
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, spec = pair.partition("=")
        if not equals or not name or not spec:
            raise usage(f"--milter {pair!r} is not NAME=SPEC", "such as greylist=unix:/run/x.sock")
        if name in given:
            raise usage(f"--milter {name} is given twice")
        try:
            parse_endpoint(spec)
        except BadEndpoint as error:
            raise usage(f"--milter {error}") from error
        given[name] = spec
    return given


class Binder:
    """Finds the milters of suites; asks the host once, and only where it must.

    Args:
        ctx: the host.
        given: by name, where milters are; it goes before all else.
        as_user: with whose rights sockets are opened; empty as in ``chain.test``.
        chain: the service whose chain is the only one looked at; empty for all of the host,
            and that of mail from outside for a suite that names no milter.
    """

    def __init__(
        self, ctx: Context, given: Mapping[str, str], as_user: str, chain: str = ""
    ) -> None:
        self._ctx = ctx
        self._given = given
        self._as_user = as_user
        self._chain = chain
        self._read: dict[str, Found] = {}
        """The host's chains by service, as far as they were looked at."""

    def bind(self, suite: Suite) -> Bound:
        """Return the milters of *suite*.

        Raises:
            ActionError: one is nowhere to be found, or the host's can't be read.
        """
        named = suite.milters or tuple(SuiteMilter(name) for name in self._given)
        if not named:
            return self._whole(suite)
        pairs = [self._one(milter, suite) for milter in named]
        links = tuple(place.link for place, _ in pairs)
        asked = tuple(
            MilterAsked(place.link.name, place.link.endpoint.spec, place.behind, place.service)
            for place, _ in pairs
        )
        found = next((found for _, found in pairs if found), None)
        if found is None:
            name = self._ctx.host.name
            return Bound(links, asked, Mta(name, name), self._as_user)
        own = [chain for _, chain in pairs if chain]
        refusal = next((refusal for chain in own for refusal in chain.refusals), "")
        notes = (*found.passed_over, *found.oddities, *self._notes(found))
        return Bound(links, asked, found.mta, found.as_user, notes, refusal)

    def _whole(self, suite: Suite) -> Bound:
        """Return the chain of the host for a suite that names no milter."""
        try:
            found = self._own(self._chain)
        except ActionError as error:
            raise _about(suite.name, error, "NAME") from error
        asked = tuple(MilterAsked(link.name, link.endpoint.spec) for link in found.links)
        notes = (
            *found.refusals[1:],
            *found.passed_over,
            *found.oddities,
            *self._notes(found),
        )
        refusal = next(iter(found.refusals), "")
        return Bound(found.links, asked, found.mta, found.as_user, notes, refusal)

    def _one(self, milter: SuiteMilter, suite: Suite) -> tuple[_Place, Found | None]:
        """Return where *milter* is, and the chain of the host that it was found in."""
        spec = self._given.get(milter.name) or milter.spec
        if not spec:
            return self._looked_up(milter.name, suite)
        (link,) = found_chain(self._ctx, (spec,), self._as_user).links
        return _Place(link._replace(name=milter.name, default_action=milter.default_action)), None

    def _looked_up(self, name: str, suite: Suite) -> tuple[_Place, Found]:
        """Return where the milter called *name* is among those of the host."""
        chains: dict[str, Found] = {}
        failure: ActionError | None = None
        try:
            chains[""] = self._own(self._chain)
        except ActionError as error:
            failure = error
        if not _called(name, chains) and not self._chain:
            chains.update(self._others())
        for place, found in _called(name, chains):
            return place, found
        if failure and (not chains or failure.exit_code != Exit.USAGE):
            raise _about(f"{suite.name}: {name} is not found", failure, name) from failure
        raise _not_there(suite.name, name, chains)

    def _own(self, service: str) -> Found:
        """Return the chain of *service*; raises `ActionError`."""
        if service not in self._read:
            found = found_chain(self._ctx, (), self._as_user, service)
            if found.submitted and self._chain:
                raise usage(
                    f"--chain {service}: a suite plays SMTP sessions, and this mail comes "
                    "without SMTP",
                    f"ask it by console run chain.test --chain {service}",
                )
            self._read[service] = found
        return self._read[service]

    def _others(self) -> dict[str, Found]:
        """Return the chains of the host that have milters, by service."""
        from actions.mailhost.discovery import discover

        try:
            chains = discover(self._ctx.host).chains
        except HostError:
            return {}
        return {chain.name: self._own(chain.name) for chain in chains if chain.chain.links}

    def _notes(self, found: Found) -> tuple[str, ...]:
        wrong = (
            f"{finding.what}: {finding.why}"
            for manager in found.managers
            for finding in manager.findings
        )
        return (*wrong, *rights_note(self._ctx, found))


class _Place(Record):
    """Where a milter was found."""

    link: Link
    behind: str = ""
    """The milter-manager that asks it."""
    service: str = ""
    """Whose chain it is of, where that is not the one asked first."""


def _called(name: str, chains: Mapping[str, Found]) -> list[tuple[_Place, Found]]:
    """Return where in *chains* there is a milter called *name*."""
    return [
        (_Place(link, behind, service), found)
        for service, found in chains.items()
        for link, behind in _all_links(found)
        if link.name == name
    ]


def _not_there(suite: str, name: str, chains: Mapping[str, Found]) -> ActionError:
    """Return the error that no milter is called *name*; what hides milters is told first."""
    managers = [manager for found in chains.values() for manager in found.managers]
    hidden = [
        f"the milters behind {one.milter} are not known: {one.trouble}"
        for one in managers
        if one.trouble
    ]
    hidden += [refusal for found in chains.values() for refusal in found.refusals]
    if hidden:
        text = f"{suite}: {name} is not found: {hidden[0]}"
        return ActionError(text, Exit.UNDECIDED, _say_where(name))
    for manager in managers:
        if any(child.link.name == name for child in manager.children):
            text = f"{suite}: {name} is disabled in {manager.milter}'s configuration"
            return ActionError(text, Exit.USAGE, _say_where(name))
    known = dict.fromkeys(link.name for found in chains.values() for link, _ in _all_links(found))
    text = f"{suite}: this host has no milter called {name} (it has {', '.join(known)})"
    return ActionError(text, Exit.USAGE, _say_where(name))


def _about(what: str, error: ActionError, milter: str) -> ActionError:
    """Return *error* told about *what*, with the way around it; no scenario failed by it."""
    wrong = error.exit_code == Exit.PROBLEM
    code = Exit.UNDECIDED if wrong else error.exit_code
    return ActionError(f"{what}: {error}", code, _say_where(milter))


def _say_where(milter: str) -> str:
    return f"say where it is: --milter {milter}=unix:/path/to/socket"


def _all_links(found: Found) -> Iterator[tuple[Link, str]]:
    """Yield Postfix's own milters, then those behind managers, each with its manager's name."""
    yield from ((link, "") for link in found.links)
    for manager in found.managers:
        for child in manager.children:
            if child.enabled:
                yield child.link, manager.milter
