"""The milters that Postfix and a milter-manager ask on this host, as their settings stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.endpoint import same_socket
from actions.host.errors import HostError
from actions.mailhost.discovery import discover

if TYPE_CHECKING:
    from actions.host.ports import Host
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.managed import Child
    from actions.mailhost.service import MailService
    from actions.milter.link import Link


def chains(host: Host) -> tuple[HostChain, ...]:
    """Return the chains of *host*; raises `ActionError` where they can't be read."""
    try:
        return discover(host).chains
    except HostError as error:
        raise ActionError(
            f"Postfix's settings can't be read: {error}",
            Exit.UNDECIDED,
            "see what postconf -n and postconf -M say",
        ) from error


def children_of(found: tuple[HostChain, ...]) -> tuple[Child, ...]:
    """Return every milter behind a milter-manager of *found*, each once.

    Raises:
        ActionError: they are not known, and why.
    """
    children: dict[str, Child] = {}
    for chain in found:
        for manager in chain.managers:
            if manager.trouble:
                raise ActionError(
                    f"the milters behind {manager.milter} are not known: {manager.trouble}",
                    Exit.NOT_PERMITTED if manager.needs_root else Exit.PROBLEM,
                    f"run it as root; see what {manager.source} says",
                )
            children.update((child.link.name, child) for child in manager.children)
    return tuple(children.values())


def children_out_of_chain(host: Host, found: tuple[HostChain, ...]) -> tuple[Child, ...]:
    """Return the milters that a milter-manager names which no chain of *found* asks.

    What can't be known, as without root, is left out.
    """
    from actions.mailhost.milter_manager import MilterManager
    from actions.milter.transport import connect

    if any(chain.managers for chain in found):
        return ()
    return MilterManager(host, connect).named()


def managed(host: Host) -> tuple[str, ...]:
    """Return the names of the milters that a milter-manager is to ask as its files stand."""
    return tuple(child.link.name for child in children_of(chains(host)) if child.enabled)


def is_at(link: Link, service: MailService) -> bool:
    """Return whether *link* leads to *service*: to a socket of it, or by its name."""
    own = sockets(service)
    if not own:
        return link.name == service.name
    return any(same_socket(link.endpoint.spec, spec) for spec in own)


def sockets(service: MailService) -> tuple[str, ...]:
    """Return where *service* is asked as a milter."""
    return tuple(one.spec for one in service.listeners if one.speech == "milter")
