"""How Postfix writes lists and times in its settings (postconf(5))."""

from __future__ import annotations

from actions.host.errors import HostError
from actions.host.words import BadBraces, within_braces
from actions.host.words import words as items

__all__ = ["items", "seconds", "spec_in"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def spec_in(item: str) -> str:
    """Return the specification in *item* of a list, which may have settings in braces beside it.

    It is the whole item where Postfix can't take the braces apart.
    """
    if not item.startswith("{"):
        return item
    try:
        return next(iter(items(within_braces(item))), "")
    except BadBraces:
        return item


def seconds(value: str, usual: str = "s") -> float:
    """Return a time such as 30s, 10m or 30 in seconds; raises `HostError`.

    Args:
        value: as Postfix's settings write it.
        usual: the unit of a number without one.
    """
    text = value.strip().lower()
    unit = _UNITS.get(text[-1:], 0.0)
    number = text[:-1] if unit else text
    if not (number.isascii() and number.isdigit()):
        raise HostError(f"{value!r} is no time; write one such as 30s")
    return int(number) * (unit or _UNITS[usual])
