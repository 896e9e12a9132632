"""What can be broken in the lab on purpose, as data: where, how, and what the operator sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable


class FileEdit(Record):
    """A piece of a configuration file that is replaced before anything starts."""

    path: str
    old: str
    new: str


class Fault(Record):
    """One thing broken on purpose."""

    name: str
    unit: str
    breaks: str
    """What is wrong."""
    seen: str
    """What the operator will see."""
    mended_by: str
    edit: FileEdit | None = None
    stand_in: str = ""
    """A function of `console.lab.services.faulty` that runs in the unit's place."""
    stand_in_lasts: bool = False
    """Whether a restart runs the stand-in again, not the true program."""
    killed: bool = False
    """Whether the unit is killed as soon as it runs, which leaves its socket behind."""


FAULTS = (
    Fault(
        "milter-dead",
        "clamav-milter",
        "clamav-milter was killed; its socket is still there",
        "mail passes unscanned, only milter-manager's log tells; asked directly, the milter "
        "refuses the connection: Connection refused",
        "starting clamav-milter",
        killed=True,
    ),
    Fault(
        "milter-hangs",
        "clamav-milter",
        "clamav-milter accepts connections and never answers",
        "the unit is active; every mail waits 2 s and passes unscanned; asked directly, the "
        "milter does not answer the negotiation",
        "restarting clamav-milter",
        stand_in="hang",
    ),
    Fault(
        "milter-closes",
        "spamass-milter",
        "spamass-milter closes the connection at end of message",
        "mail passes unmarked; asked directly, every stage passes but the last, which ends "
        "without a reply",
        "nothing in the lab: the program itself is broken",
        stand_in="close_at_end",
        stand_in_lasts=True,
    ),
    Fault(
        "socket-unwritable",
        "milter-manager",
        'milter-manager\'s socket has the wrong group: SOCKET_GROUP="milter-manager"',
        "Postfix can't open the socket: Permission denied",
        'setting SOCKET_GROUP="postfix" in /etc/default/milter-manager and restarting '
        "milter-manager",
        edit=FileEdit(
            "/etc/default/milter-manager",
            'SOCKET_GROUP="postfix"',
            'SOCKET_GROUP="milter-manager"',
        ),
    ),
    Fault(
        "manager-conf-broken",
        "milter-manager",
        "milter-manager.conf has a mistake: an end too much",
        "the unit is active, and all mail passes unfiltered: there are no children any more",
        "taking the second end out of milter-manager.conf and reloading milter-manager",
        edit=FileEdit(
            "/etc/milter-manager/milter-manager.conf",
            'define_milter("clamav-milter")',
            'end\n\ndefine_milter("clamav-milter")',
        ),
    ),
    Fault(
        "not-a-milter",
        "opendkim",
        "an HTTP server answers on opendkim's socket",
        "the reply to the negotiation is no milter's",
        "restarting opendkim",
        stand_in="http",
    ),
    Fault(
        "rejects-everything",
        "spamass-milter",
        "spamass-milter rejects from a score of 0 on: -r 0 in place of -r 15",
        "every message is refused: 550 5.7.1 Blocked by SpamAssassin",
        "setting -r 15 in /etc/default/spamass-milter and restarting spamass-milter",
        edit=FileEdit("/etc/default/spamass-milter", "-r 15", "-r 0"),
    ),
)


def faults_named(names: Iterable[str]) -> tuple[Fault, ...]:
    """Return the faults called *names*, each once.

    Raises:
        ActionError: one is unknown, or two of them break the same unit.
    """
    known = {fault.name: fault for fault in FAULTS}
    chosen: dict[str, Fault] = {}
    for name in dict.fromkeys(names):
        if name not in known:
            raise ActionError(
                f"the lab has no fault {name!r}", Exit.USAGE, f"choose from: {', '.join(known)}"
            )
        fault = known[name]
        if fault.unit in chosen:
            other = chosen[fault.unit].name
            raise ActionError(
                f"{other} and {name} both break {fault.unit}", Exit.USAGE, "choose one of them"
            )
        chosen[fault.unit] = fault
    return tuple(chosen.values())
