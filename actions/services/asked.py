"""Which milters are asked for mail from outside, and whether those answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Exit
from actions.finding import Health
from actions.host.endpoint import same_socket
from actions.mailhost.service import Listener
from actions.record import Record
from actions.services.again import PATIENCE, until
from actions.services.children import chains, children_of
from actions.services.looks.greeting import Asking, meet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actions.action import Context
    from actions.mailhost.discovery import HostChain
    from actions.milter.link import Link


class Asked(Record):
    """One milter, and whether it answers who asks it."""

    name: str
    endpoint: str
    by: str
    """"postfix", or the milter-manager that asks it."""
    client: str
    """With whose rights it was asked."""
    health: Health
    detail: str

    def is_one_of(self, wanted: Iterable[str]) -> bool:
        """Return whether its name or its socket is among *wanted*."""
        return any(self.name == one or same_socket(self.endpoint, one) for one in wanted)


class AskedReport(Record):
    """The result of ``services.asked``."""

    milters: tuple[Asked, ...]
    """In the order in which they are asked, each by each."""
    expect: tuple[str, ...]
    without: tuple[str, ...]

    @property
    def schema(self) -> str:
        """Name and version of the JSON document."""
        return "services.asked/1"

    @property
    def wrong(self) -> tuple[str, ...]:
        """Which milters are asked, or not asked, against what is wanted."""

        def is_asked(wanted: str) -> bool:
            return any(one.is_one_of((wanted,)) for one in self.milters)

        missing = [f"{one} is not asked" for one in self.expect if not is_asked(one)]
        return (*missing, *(f"{one} is asked still" for one in self.without if is_asked(one)))

    @property
    def silent(self) -> tuple[Asked, ...]:
        """The milters that count, and do not answer or could not be asked.

        All count where none is named.
        """
        every = not (self.expect or self.without)
        return tuple(
            one
            for one in self.milters
            if one.health is not Health.OK and (every or one.is_one_of(self.expect))
        )

    @property
    def because(self) -> str:
        """What is not as it should be, in one line; empty where all is."""
        silent = [f"{one.name}, asked by {one.by}: {one.detail}" for one in self.silent]
        return "; ".join((*self.wrong, *silent))

    @property
    def exit_code(self) -> int:
        """0 where all is as it should be, 6 where some could not be asked, else 1."""
        if self.wrong or any(one.health is not Health.UNKNOWN for one in self.silent):
            return Exit.PROBLEM
        return Exit.UNDECIDED if self.silent else Exit.FINE


def look_who_is_asked(
    ctx: Context, expect: tuple[str, ...], without: tuple[str, ...], within: float
) -> AskedReport:
    """Return the milters of the chain, and those behind a manager, each asked once.

    Args:
        ctx: the host.
        expect: milters that must be asked and answer, by their names or sockets.
        without: milters that must not be asked.
        within: seconds in which a milter that does not answer is asked again.

    Raises:
        ActionError: the settings can't be read, or the manager's children can't be known.
    """

    def is_enough(report: AskedReport) -> bool:
        is_silent = bool(report.silent) and report.exit_code == Exit.PROBLEM
        return bool(report.wrong) or not is_silent

    return until(ctx, within, lambda: AskedReport(_all(ctx), expect, without), is_enough)


def _all(ctx: Context) -> tuple[Asked, ...]:
    found = chains(ctx.host)
    children_of(found)  # refuses where they are not known
    asking = Asking(ctx, PATIENCE, ctx.host.name)
    asked = [one for chain in found for one in _of_chain(asking, chain)]
    return tuple({(one.by, one.endpoint): one for one in asked}.values())


def _of_chain(asking: Asking, chain: HostChain) -> list[Asked]:
    managers = {manager.milter: manager for manager in chain.managers}
    asked = []
    for link in chain.chain.links:
        asked.append(_ask(asking, link, "postfix", chain.user))
        manager = managers.get(link.name)
        if manager:
            children = (child.link for child in manager.children if child.enabled)
            asked += [_ask(asking, one, link.name, manager.user) for one in children]
    return asked


def _ask(asking: Asking, link: Link, by: str, client: str) -> Asked:
    listener = Listener(link.endpoint.spec, "milter", client=client)
    heard = meet(asking, listener, client).heard
    return Asked(link.name, link.endpoint.spec, by, client, heard.health, heard.detail)
