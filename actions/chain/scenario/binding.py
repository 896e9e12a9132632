"""Which milters a suite asks: given on the command line, in its file, or found on this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.chain.request import Mta, usage
from actions.chain.scenario.report import MilterAsked
from actions.chain.scenario.suite import SuiteMilter
from actions.chain.target import found_chain, rights_note
from actions.host.endpoint import BadEndpoint, parse_endpoint
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
    """

    def __init__(self, ctx: Context, given: Mapping[str, str], as_user: str) -> None:
        self._ctx = ctx
        self._given = given
        self._as_user = as_user
        self._host: Found | None = None

    def bind(self, suite: Suite) -> Bound:
        """Return the milters of *suite*.

        Raises:
            ActionError: one is nowhere to be found, or the host's can't be read.
        """
        named = suite.milters or tuple(SuiteMilter(name) for name in self._given)
        if not named:
            found = self._found(suite.name, "NAME")
            asked = tuple(MilterAsked(link.name, link.endpoint.spec) for link in found.links)
            return Bound(found.links, asked, found.mta, found.as_user, self._notes(found))
        pairs = [self._one(milter, suite) for milter in named]
        links = tuple(link for link, _ in pairs)
        asked = tuple(MilterAsked(link.name, link.endpoint.spec, behind) for link, behind in pairs)
        if all(milter.spec or milter.name in self._given for milter in named):
            name = self._ctx.host.name
            return Bound(links, asked, Mta(name, name), self._as_user)
        found = self._found(suite.name, "NAME")
        return Bound(links, asked, found.mta, found.as_user, self._notes(found))

    def _one(self, milter: SuiteMilter, suite: Suite) -> tuple[Link, str]:
        """Return the link of *milter*, and the manager that it is behind."""
        spec = self._given.get(milter.name) or milter.spec
        if spec:
            (link,) = found_chain(self._ctx, (spec,), self._as_user).links
            return link._replace(name=milter.name, default_action=milter.default_action), ""
        found = self._found(f"{suite.name}: {milter.name} is not found", milter.name)
        known: list[str] = []
        for link, behind in _all_links(found):
            if link.name == milter.name:
                return link, behind
            known.append(link.name)
        raise ActionError(
            f"{suite.name}: this host has no milter called {milter.name} "
            f"(it has {', '.join(known)})",
            Exit.USAGE,
            _say_where(milter.name),
        )

    def _found(self, what: str, milter: str) -> Found:
        """Return the host's own chain; raises `ActionError` about *what*."""
        if self._host is None:
            try:
                self._host = found_chain(self._ctx, (), self._as_user)
            except ActionError as error:
                text = f"{what}: {error}"
                raise ActionError(text, error.exit_code, _say_where(milter)) from error
        return self._host

    def _notes(self, found: Found) -> tuple[str, ...]:
        return tuple(rights_note(self._ctx, found))


def _say_where(milter: str) -> str:
    return f"say where it is: --milter {milter}=unix:/path/to/socket"


def _all_links(found: Found) -> Iterator[tuple[Link, str]]:
    """Yield Postfix's own milters, then those behind managers, each with its manager's name."""
    yield from ((link, "") for link in found.links)
    for manager in found.managers:
        for child in manager.children:
            if child.enabled:
                yield child.link, manager.milter
