"""Regular expressions of suites: only such as end soon, whatever text they are matched with.

Python tries them by going back, without a limit and without hearing a cancel meanwhile. So the
longest that one can take is reckoned before it is used, and one that could take too long is
a mistake of its suite.
"""

from __future__ import annotations

import re
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING, Any

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TEXT_LIMIT = 10_000
"""Characters of a text that a regular expression looks at."""

PATTERN_LIMIT = 1000
"""Characters of a regular expression."""

STEP_LIMIT = 800_000_000
"""Steps that it may take; at most about a second."""

_GROUP_STEPS = 10
"""What one turn of a repeated group takes, in steps of a repeated character."""

_parser: Any = import_module("re._parser")  # Nothing public tells what one is made of.

_SOME_IGNORED = re.compile(r"\(\?[A-Za-z-]*i")
"""A part that ignores case."""

_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_CHARACTERS = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})


REMEDY = "say how often a part may repeat, such as .{0,60} for .*; or use contains"
"""How it is written instead."""


class TooSlow(ValueError):
    """An expression that could take too long; the text says why."""


class _Tail(Record):
    """What follows a part of an expression."""

    steps: float
    """What matching it takes, from one place on."""
    begins: str
    """The character with which it begins; empty where that may be one of several."""


_END = _Tail(0.0, "")


def check_pattern(pattern: str) -> None:
    """Raise unless *pattern* ends soon on any text of `TEXT_LIMIT` characters.

    Raises:
        TooSlow: it could take too long.
        re.error: it is no regular expression.
    """
    if len(pattern) > PATTERN_LIMIT:
        raise TooSlow(f"is longer than {PATTERN_LIMIT} characters")
    re.compile(pattern)
    parsed = _parser.parse(pattern)
    items = tuple(parsed)
    exact = not parsed.state.flags & re.IGNORECASE and not _SOME_IGNORED.search(pattern)
    steps = _Reckoning(exact=exact).sequence(items, _END).steps
    starts = 1 if _is_anchored(items, parsed.state.flags) else TEXT_LIMIT
    if starts * (1 + steps) > STEP_LIMIT:
        raise TooSlow("could take very long on a long text")


def search(pattern: str, text: str) -> bool:
    """Return whether *pattern* is found in the first `TEXT_LIMIT` characters of *text*."""
    return re.search(pattern, text[:TEXT_LIMIT]) is not None


def _is_anchored(items: Sequence[Any], flags: int) -> bool:
    if not items or str(items[0][0]) != "AT":
        return False
    where = str(items[0][1])
    return where == "AT_BEGINNING_STRING" or (where == "AT_BEGINNING" and not flags & re.MULTILINE)


class _Reckoning:
    """Reckons the steps of an expression, from its end to its beginning.

    Args:
        exact: whether a character matches itself only.
    """

    def __init__(self, *, exact: bool) -> None:
        self._exact = exact

    def sequence(self, items: Iterable[Any], tail: _Tail) -> _Tail:
        """Return the steps of *items* with *tail* behind them."""
        for code, value in reversed(tuple(items)):
            tail = self._item(str(code), value, tail)
        return tail

    def _item(self, code: str, value: Any, tail: _Tail) -> _Tail:
        if code == "LITERAL":
            return _Tail(1 + tail.steps, chr(value))
        if code in _CHARACTERS:
            return _Tail(1 + tail.steps, "")
        if code == "AT":
            return _Tail(1 + tail.steps, "")
        if code == "SUBPATTERN":
            return self.sequence(value[3], tail)
        if code == "ATOMIC_GROUP":
            return _Tail(1 + self.sequence(value, _END).steps + tail.steps, "")
        if code in {"ASSERT", "ASSERT_NOT"}:
            return _Tail(1 + self.sequence(value[1], _END).steps + tail.steps, "")
        if code == "GROUPREF":
            return _Tail(TEXT_LIMIT + tail.steps, "")
        if code in {"BRANCH", "GROUPREF_EXISTS"}:
            return _Tail(sum(self.sequence(one, tail).steps for one in _ways_in(code, value)), "")
        if code in _REPEATS:
            return self._repeat(value, tail)
        raise TooSlow(f"has a part that is not known here ({code})")

    def _repeat(self, value: Any, tail: _Tail) -> _Tail:
        least, most, body = value
        most = min(most, TEXT_LIMIT)
        choices = most - least + 1
        one = _single(body)
        if one:
            if not tail.steps:  # Nothing is left that could fail.
                return _Tail(1 + least, "")
            if tail.begins and self._exact and not _may_be(one, tail.begins):
                # Only one length fits, and such repeats share the text among themselves.
                return _Tail(1 + max(most, tail.steps), "")
            return _Tail(most + choices * (1 + tail.steps), "")
        ways, width = _ways(body), max(1, body.getwidth()[0])
        if ways > 1 and most == TEXT_LIMIT:
            raise TooSlow("repeats without a limit what itself repeats or has alternatives")
        most = min(most, TEXT_LIMIT // width + 1)
        turn = _GROUP_STEPS + self.sequence(body, _END).steps
        if ways == 1:
            return _Tail(most * turn + (most - least + 1) * (1 + tail.steps), "")
        return _Tail(_powers(ways, least, most) * (most * turn + tail.steps), "")


def _ways(items: Iterable[Any]) -> float:
    """Return in how many ways *items* may match at one place, at most."""
    ways = 1.0
    for code, value in items:
        name = str(code)
        if name == "SUBPATTERN":
            ways *= _ways(value[3])
        elif name in {"BRANCH", "GROUPREF_EXISTS"}:
            ways *= sum(_ways(one) for one in _ways_in(name, value))
        elif name in _REPEATS:
            least, most, body = value
            ways *= _powers(_ways(body), least, min(most, TEXT_LIMIT))
    return ways


def _powers(ways: float, least: int, most: int) -> float:
    """Return the sum of *ways* to the power of *least* up to *most*."""
    if ways == 1:
        return float(most - least + 1)
    total = 0.0
    for power in range(least, most + 1):
        try:
            total += ways**power
        except OverflowError:
            return inf
    return total


def _ways_in(code: str, value: Any) -> list[Any]:
    if code == "BRANCH":
        return list(value[1])
    return [one for one in value[1:] if one is not None] + [()] * (value[2] is None)


def _single(body: Any) -> Any:
    """Return the only item of *body* where that is one character; else None."""
    items = tuple(body)
    if len(items) != 1:
        return None
    code, value = items[0]
    if str(code) == "SUBPATTERN" and not value[1] and not value[2]:
        return None if value[0] is not None else _single(value[3])
    return items[0] if str(code) in _CHARACTERS else None


def _may_be(item: Any, character: str) -> bool:
    """Return whether *item* may match *character*."""
    code, value = str(item[0]), item[1]
    if code == "LITERAL":
        return bool(chr(value) == character)
    if code == "NOT_LITERAL":
        return bool(chr(value) != character)
    if code == "ANY" or not character.isascii() or "\x1c" <= character <= "\x1f":
        return True  # What the classes make of the others depends on the flags.
    negated = any(str(one[0]) == "NEGATE" for one in value)
    return any(_is_of(str(kind), what, character) for kind, what in value) is not negated


def _is_of(kind: str, what: Any, character: str) -> bool:
    if kind == "LITERAL":
        return bool(chr(what) == character)
    if kind == "RANGE":
        return bool(what[0] <= ord(character) <= what[1])
    if kind == "CATEGORY":
        return _CATEGORIES[str(what).rpartition("_")[2]](character) is not ("_NOT_" in str(what))
    return False


_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdecimal,
    "SPACE": str.isspace,
    "WORD": lambda character: character.isalnum() or character == "_",
}
