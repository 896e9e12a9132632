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
    reload: Literal["", "restart", "SIGHUP"] = ""
    """How it takes up new settings: by a new process, or by itself; empty where it can't."""


UNITS = (
    UnitDefinition("milter-greylist", "greylist", "greylist"),
    UnitDefinition("clamav-milter", "clamav", "clamav"),
    UnitDefinition("spamass-milter", "spamass-milter", "spamass"),
    UnitDefinition("opendkim", "opendkim", "opendkim"),
    UnitDefinition("milter-manager", MILTER_MANAGER, "milter_manager.daemon", "SIGHUP"),
    UnitDefinition("postfix", POSTFIX, "smtpd", "restart"),
)
"""The milters, then who asks some of them, Postfix last."""

SUFFIX = ".service"


def plain_name(unit: str) -> str:
    """Return *unit* without the suffix that systemd's names end with."""
    return unit.removesuffix(SUFFIX)
