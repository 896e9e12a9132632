"""The users and groups of the lab: one user for each service, so that modes mean something.

As root they get numbers of their own that nothing else on this machine uses. Without root
every name stands for the user who started the lab, which is what the processes run as.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

POSTFIX = "postfix"
MILTER_MANAGER = "milter-manager"

MEMBERSHIPS: dict[str, tuple[str, ...]] = {
    "greylist": (MILTER_MANAGER,),
    "clamav": (MILTER_MANAGER,),
    "spamass-milter": (MILTER_MANAGER,),
    "opendkim": (POSTFIX,),
    MILTER_MANAGER: (),
    POSTFIX: (MILTER_MANAGER,),
}
"""Each service's user with its group of the same name, and who else is in that group.

milter-manager can give its socket only to a group that it is in itself.
"""

EVERYBODY = "lab"
"""The group of all services: only they may pass the lab's folder."""

FREE_NUMBERS = range(60706, 61184)
"""Numbers that neither distributions nor systemd assign (systemd's UIDS-GIDS.md)."""


class NumberedUser(Record):
    """A user with its number, which is its group's too."""

    name: str
    uid: int
    gid: int


class Crew(Record):
    """The users of one lab."""

    users: tuple[NumberedUser, ...]
    everybody: int
    """The number of the group `EVERYBODY`."""


class NoFreeNumbers(Exception):
    """Every number that a service user could get is taken."""


def number_crew(taken: Iterable[int]) -> Crew:
    """Return the lab's users with their numbers.

    Args:
        taken: numbers that other labs use.

    Raises:
        NoFreeNumbers: there are not enough numbers left on this machine.
    """
    if os.geteuid() != 0:
        uid, gid = os.geteuid(), os.getegid()
        return Crew(tuple(NumberedUser(name, uid, gid) for name in MEMBERSHIPS), gid)
    everybody, *numbers = _free_numbers(1 + len(MEMBERSHIPS), frozenset(taken))
    named = zip(MEMBERSHIPS, numbers, strict=True)
    return Crew(tuple(NumberedUser(name, number, number) for name, number in named), everybody)


def passwd_text(crew: Crew) -> str:
    """Return the lab's etc/passwd: who started the lab, then its services."""
    own = f"{_own_name()}:x:{os.geteuid()}:{os.getegid()}:who started the lab:/:/bin/sh\n"
    return own + "".join(
        f"{user.name}:x:{user.uid}:{user.gid}:lab service:/nonexistent:/usr/sbin/nologin\n"
        for user in crew.users
    )


def group_text(crew: Crew) -> str:
    """Return the lab's etc/group."""
    own = f"{_own_group()}:x:{os.getegid()}:\n"
    services = "".join(
        f"{user.name}:x:{user.gid}:{','.join(MEMBERSHIPS[user.name])}\n" for user in crew.users
    )
    return own + services + f"{EVERYBODY}:x:{crew.everybody}:{','.join(MEMBERSHIPS)}\n"


def _free_numbers(count: int, taken: frozenset[int]) -> list[int]:
    blocks = [FREE_NUMBERS[at : at + count] for at in range(0, len(FREE_NUMBERS), count)]
    start = int.from_bytes(os.urandom(4), "big") % len(blocks)
    for block in blocks[start:] + blocks[:start]:
        if len(block) == count and not any(n in taken or _is_known(n) for n in block):
            return list(block)
    first, last = FREE_NUMBERS[0], FREE_NUMBERS[-1]
    raise NoFreeNumbers(f"no user numbers are free between {first} and {last}")


def _is_known(number: int) -> bool:
    import grp
    import pwd

    for look_up in (pwd.getpwuid, grp.getgrgid):
        try:
            look_up(number)
        except KeyError:
            continue
        return True
    return False


def _own_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return "operator"


def _own_group() -> str:
    import grp

    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        return "operator"
