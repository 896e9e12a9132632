"""The units of the lab, as data: what each is called, who runs it, and which program it is."""

from __future__ import annotations

from actions.record import Record
from console.lab.users import POSTFIX


class UnitDefinition(Record):
    """One unit."""

    name: str
    user: str
    module: str
    """Its program in `console.lab.services`."""
    can_reload: bool = False


UNITS = (
    UnitDefinition("milter-greylist", "greylist", "greylist"),
    UnitDefinition("clamav-milter", "clamav", "clamav"),
    UnitDefinition("spamass-milter", "spamass-milter", "spamass"),
    UnitDefinition("opendkim", "opendkim", "opendkim"),
    UnitDefinition("postfix", POSTFIX, "smtpd", can_reload=True),
)
"""In the order in which Postfix asks them, Postfix itself last."""

SUFFIX = ".service"


def plain_name(unit: str) -> str:
    """Return *unit* without the suffix that systemd's names end with."""
    return unit.removesuffix(SUFFIX)
