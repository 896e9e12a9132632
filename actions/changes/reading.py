"""Values of a journal record, each of the type that its change expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def text(record: Mapping[str, object], name: str) -> str:
    """Return the text *name* of *record*; raises `KeyError`, `TypeError`."""
    value = record[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def number(record: Mapping[str, object], name: str) -> int:
    """Return the whole number *name* of *record*; raises `KeyError`, `TypeError`."""
    value = record[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is no whole number")
    return value


def part(record: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """Return the object *name* of *record*, or None; raises `KeyError`, `TypeError`."""
    value = record[name]
    if value is not None and not isinstance(value, dict):
        raise TypeError(f"{name} is no object")
    return value


def texts(record: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the list of texts *name* of *record*; raises `KeyError`, `TypeError`."""
    value = record[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name} is no list of texts")
    return tuple(value)
