"""The units of the lab, as data: what each is called, who runs it, and which program it is."""

from __future__ import annotations

from typing import Literal

from actions.record import Record
from console.lab.users import MILTER_MANAGER, POSTFIX


class UnitDefinition(Record):
    """One unit."""

    name: str
    user: str
    module: str
    """Its program in `console.lab.services`."""
    command: tuple[str, ...]
    """What Debian's unit runs, for which that program stands."""
    description: str
    reload: Literal["", "restart", "SIGHUP"] = ""
    """How it takes up new settings: by a new process, or by itself; empty where it can't."""


UNITS = (
    UnitDefinition(
        "milter-greylist",
        "greylist",
        "greylist",
        ("/usr/sbin/milter-greylist", "-D"),
        "Greylist milter",
    ),
    UnitDefinition(
        "clamav-milter",
        "clamav",
        "clamav",
        ("/usr/sbin/clamav-milter", "--foreground=true"),
        "Virus scanning milter",
    ),
    UnitDefinition(
        "spamass-milter",
        "spamass-milter",
        "spamass",
        ("/usr/sbin/spamass-milter",),
        "SpamAssassin milter",
    ),
    UnitDefinition(
        "opendkim",
        "opendkim",
        "opendkim",
        ("/usr/sbin/opendkim",),
        "DKIM signing milter",
    ),
    UnitDefinition(
        "milter-manager",
        MILTER_MANAGER,
        "milter_manager.daemon",
        ("/usr/sbin/milter-manager",),
        "Milter of milters",
        "SIGHUP",
    ),
    UnitDefinition(
        "postfix",
        POSTFIX,
        "smtpd",
        ("/usr/lib/postfix/sbin/master",),
        "Mail transport agent",
        "restart",
    ),
)
"""The milters, then who asks some of them, Postfix last."""

SUFFIX = ".service"


def plain_name(unit: str) -> str:
    """Return *unit* without the suffix that systemd's names end with."""
    return unit.removesuffix(SUFFIX)
