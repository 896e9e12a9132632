"""Amounts in words: spans of time, and sizes in bytes."""

from __future__ import annotations

_SPANS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """Return a time in words, in its two largest units, such as "2 d 3 h"."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for name, unit in _SPANS:
        number, rest = divmod(rest, unit)
        if parts:
            return f"{parts[0]} {number} {name}" if number else parts[0]
        if number:
            parts.append(f"{number} {name}")
    return parts[0] if parts else "0 s"


def short(seconds: float) -> str:
    """Return a time in one unit, such as "36 h"; empty where it is over."""
    for name, unit in _SPANS[:-1]:
        if seconds >= 2 * unit:
            return f"{int(seconds / unit)} {name}"
    return f"{int(seconds)} s" if seconds >= 1 else ""


def amount(size: float) -> str:
    """Return *size* bytes in words, such as "45.2 MB"; a megabyte is a million bytes."""
    if size < 1000:
        return f"{int(size)} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95 or unit == "GB":
            break
    return f"{size:.1f} {unit}"
