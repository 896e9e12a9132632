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
        "the unit is failed; connecting is refused: Connection refused",
        "starting clamav-milter",
        killed=True,
    ),
    Fault(
        "milter-hangs",
        "clamav-milter",
        "clamav-milter accepts connections and never answers",
        "the unit is active; the negotiation gets no reply: Connection timed out",
        "restarting clamav-milter",
        stand_in="hang",
    ),
    Fault(
        "milter-closes",
        "spamass-milter",
        "spamass-milter closes the connection at end of message",
        "every stage passes but the last, which ends without a reply",
        "nothing in the lab: the program itself is broken",
        stand_in="close_at_end",
        stand_in_lasts=True,
    ),
    Fault(
        "socket-unwritable",
        "milter-greylist",
        'greylist.conf gives its socket mode 440: socket "…" 440',
        "Postfix can't open the socket: Permission denied",
        'setting socket "…" 660 in greylist.conf and restarting milter-greylist',
        edit=FileEdit("/etc/milter-greylist/greylist.conf", '.sock" 660', '.sock" 440'),
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
