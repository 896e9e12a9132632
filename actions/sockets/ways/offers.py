"""The ways in the order in which they are recommended, and what they offer for one edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError
from actions.host.errors import HostError
from actions.record import Record
from actions.sockets.path import planted
from actions.sockets.ways.acl import offer as acl
from actions.sockets.ways.case import case_of
from actions.sockets.ways.denied import apparmor, selinux
from actions.sockets.ways.dropin import offer as dropin
from actions.sockets.ways.inside_chroot import NAME as CHROOT
from actions.sockets.ways.inside_chroot import offer as inside_chroot
from actions.sockets.ways.made import offer as made
from actions.sockets.ways.membership import offer as membership
from actions.sockets.ways.now import offer as now
from actions.sockets.ways.setting import offer as setting
from actions.sockets.ways.specification import offer as specification
from actions.sockets.ways.stale import offer as stale
from actions.sockets.ways.start import offer as start
from actions.sockets.ways.tmpfiles import offer as tmpfiles
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.host.ports import Host
    from actions.mailhost.edges import Edge
    from actions.sockets.report import EdgeState
    from actions.sockets.ways.case import Case
    from actions.sockets.ways.way import Offer

WAYS: tuple[tuple[str, Callable[[Case], Offer | None]], ...] = (
    ("specification", specification),
    ("setting", setting),
    ("membership", membership),
    ("apparmor", apparmor),
    ("label", selinux),
    ("stale", stale),
    ("folder", made),
    ("start", start),
    ("tmpfiles", tmpfiles),
    ("acl", acl),
    ("drop-in", dropin),
    (CHROOT, inside_chroot),
    ("now", now),
)
"""Each way with its name: what is written wrongly first, then the daemon's own setting, then what
others give it, then another place for the socket, and last what holds only until the next
restart."""

_BEFORE = ("specification", "setting", "membership")
"""What goes before the move into the client's chroot."""


class NotOffered(Record):
    """A way that would help, and why it is not offered."""

    name: str
    why: str
    next_step: str = ""


class Offers(Record):
    """What can be done about one edge."""

    offers: tuple[Offer, ...]
    """In the order in which they are recommended; the first lasting one is what is done,
    but for a move of the socket that its client does not need."""
    not_offered: tuple[NotOffered, ...] = ()
    beside: tuple[Edge, ...] = ()
    """The other edges that end at the same socket."""


def offers_of(host: Host, state: EdgeState) -> Offers:
    """Return what can be done about the edge of *state*; raises `HostError`."""
    if link := planted(state.steps):
        why = f"{link.path} is a link that a user other than root could have put there"
        opened = f"{why}: what lies behind it is opened to nobody"
        return Offers((), (NotOffered("every way", opened, "find out who made it; remove it"),))
    case = case_of(host, state)
    offers: list[Offer] = []
    declined: list[NotOffered] = []
    for name, offer_of in WAYS:
        try:
            offer = offer_of(case)
        except Declined as why:
            declined.append(NotOffered(name, str(why), why.next_step))
        except ActionError as error:
            declined.append(NotOffered(name, str(error), error.next_step))
        except HostError as error:
            declined.append(NotOffered(name, str(error)))
        else:
            offers += [offer] if offer is not None else []
    return Offers(in_order(case, offers), tuple(declined), case.beside)


def in_order(case: Case, offers: list[Offer]) -> tuple[Offer, ...]:
    """Return *offers* in their order, with the one that is done where no way is named.

    A socket moves only for a client that can't see it where it is.
    """
    is_chrooted = bool(case.edge.chroot)
    if is_chrooted:
        first = {*_BEFORE, CHROOT}
        offers = sorted(offers, key=lambda one: one.way.name not in first)
    best = next(
        (one for one in offers if one.way.lasting and (is_chrooted or one.way.name != CHROOT)), None
    )
    return tuple(one._replace(way=one.way._replace(recommended=one is best)) for one in offers)
