"""A table of a suite's file, read key by key: every mistake is noted with where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from actions.chain.report import Verdict
from actions.chain.scenario.pattern import REMEDY, TooSlow, check_pattern
from actions.chain.scenario.suite import Problem
from actions.chain.scenario.text import ABSENT, Text, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_PROBLEMS = 50
"""Mistakes of one file that are told; whoever made more has another kind of file."""

LONGEST = 1_000_000.0
"""The longest time limit, in seconds."""

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)")
_PART = re.compile(r'"[^"]*"|[A-Za-z0-9_-]+|\[\d+\]')
"""A part of a key's path."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}

_KINDS: dict[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


class Problems:
    """The mistakes found in one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def note(self, place: str, key: str, text: str, next_step: str = "") -> None:
        """Keep a mistake, once."""
        problem = Problem(self.file, place, key, text, next_step)
        if problem not in self.found and len(self.found) < MOST_PROBLEMS:
            self.found.append(problem)

    def arrange(self, data: Mapping[str, object]) -> None:
        """Put the mistakes into the order in which they stand in the file with the tables *data*.

        A key that is not there comes before the others of its table.
        """
        self.found.sort(key=lambda one: _position(data, one))


def _position(data: Mapping[str, object], problem: Problem) -> tuple[int, ...]:
    """Return where in *data* the key of *problem* stands, level by level."""
    scenario = re.match(r"scenario (\d+)", problem.place)
    path = f"scenario[{scenario[1]}].{problem.key}" if scenario else problem.key
    found: list[int] = []
    inside: object = data
    for part in _PART.findall(path):
        if part.startswith("["):
            keys: list[object] = list(range(len(inside))) if isinstance(inside, list) else []
            key: object = int(part[1:-1]) - 1
        else:
            keys = list(inside) if isinstance(inside, dict) else []
            key = part.strip('"')
        if key not in keys:
            return (*found, -1)
        found.append(keys.index(key))
        inside = inside[key]  # type: ignore[index]
    return tuple(found)


class Table:
    """A table, and below it those whose values hold where it has none.

    Args:
        data: the table itself.
        problems: takes what is wrong.
        place: the scenario that it belongs to.
        path: its key path inside that.
        under: the table with the defaults.
    """

    def __init__(
        self,
        data: Mapping[str, object],
        problems: Problems,
        place: str = "",
        path: str = "",
        under: Table | None = None,
    ) -> None:
        self.data = data
        self.problems = problems
        self.place = place
        self.path = path
        self.under = under

    def __contains__(self, key: str) -> bool:
        return self.owner(key) is not None

    def owner(self, key: str) -> Table | None:
        """Return the table that says what *key* is: this one, or one below."""
        if key in self.data:
            return self
        return self.under.owner(key) if self.under else None

    def key(self, key: str) -> str:
        """Return the path of *key*."""
        return f"{self.path}.{quoted(key)}" if self.path else quoted(key)

    def wrong(self, key: str, text: str, next_step: str = "") -> None:
        """Note that something is wrong with *key*."""
        owner = self.owner(key) or self
        owner.problems.note(owner.place, owner.key(key), text, next_step)

    def only(self, *known: str) -> None:
        """Note every key that is not among *known*."""
        for key in self.data:
            if key not in known:
                self.problems.note(self.place, self.key(key), "unknown key", nearest(key, known))

    def needed(self, key: str, text: str) -> None:
        """Note that there is no *key*, unless it is there or a key was taken for a slip of it."""
        slips = {self.key(one) for one in self.data}
        if key not in self.data and not any(
            one.place == self.place and one.key in slips and one.next_step == _slip(key)
            for one in self.problems.found
        ):
            self.wrong(key, text)

    def take(self, key: str, *kinds: type) -> object:
        """Return the value of *key*, or None where there is none of these kinds."""
        owner = self.owner(key)
        if owner is None:
            return None
        value = owner.data[key]
        if type(value) in kinds:
            return value
        wanted = " or ".join(dict.fromkeys(_KINDS[kind] for kind in kinds))
        self.wrong(key, f"is {_kind(value)}; wanted is {wanted}")
        return None

    def text(self, key: str, default: str = "") -> str:
        """Return a text that is not empty, or *default* where there is none."""
        value = self.take(key, str)
        if value == "":
            self.wrong(key, "is empty")
        return str(value) if value else default

    def flag(self, key: str) -> bool:
        """Return a truth; False where there is none."""
        return bool(self.take(key, bool))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a text, or several, as several."""
        value = self.take(key, str, list)
        given = value if isinstance(value, list) else [] if value is None else [value]
        if isinstance(value, list) and not value:
            self.wrong(key, "is empty")
        if not all(isinstance(one, str) and one for one in given):
            self.wrong(key, "is a list of texts, none of them empty")
            return ()
        return tuple(given)

    def choice(self, key: str, known: Sequence[str], default: str = "") -> str:
        """Return a text that is one of *known*."""
        chosen = self.choices(key, known, several=False)
        return chosen[0] if chosen else default

    def choices(
        self,
        key: str,
        known: Sequence[str],
        *,
        several: bool = True,
        meant: Mapping[str, str] = {},
    ) -> tuple[str, ...]:
        """Return a text, or several where that is allowed, each one of *known*.

        Args:
            key: where they stand.
            known: what they may be.
            several: whether there may be more than one.
            meant: other words for some of *known*, which a mistake is told to replace.
        """
        given = self.texts(key) if several else tuple(filter(None, [self.text(key)]))
        for one in given:
            if one not in known:
                self.wrong(key, f"{shown(one)} is not known", nearest(one, known, meant))
        return tuple(one for one in given if one in known)

    def verdicts(self, key: str) -> tuple[Verdict, ...]:
        """Return the verdicts that are fine; "delivered" stands for pass and accept."""
        found: list[str] = []
        for one in self.choices(key, ("delivered", *get_args(Verdict))):
            found += ["pass", "accept"] if one == "delivered" else [one]
        return cast("tuple[Verdict, ...]", tuple(found))

    def seconds(self, key: str) -> float | None:
        """Return a time such as "2s", "500ms" or 2.5, in seconds."""
        value = self.take(key, str, int, float)
        if value is None:
            return None
        found = _SECONDS.fullmatch(value) if isinstance(value, str) else None
        if found:
            value = float(found[1]) * _UNITS[found[2]]
        if not isinstance(value, (int, float)) or not 0 < value <= LONGEST:
            self.wrong(key, 'is no time; write one such as "2s" or "500ms"')
            return None
        return float(value)

    def table(self, key: str) -> Table | None:
        """Return the table at *key*, without those below."""
        value = self.take(key, dict)
        owner = self.owner(key)
        if value is None or owner is None:
            return None
        given = cast("dict[str, object]", value)
        return Table(given, self.problems, owner.place, owner.key(key))

    def tables(self, key: str) -> Iterator[Table]:
        """Yield every table of the list at *key*."""
        value = self.take(key, list)
        for number, one in enumerate(cast("list[object]", value or []), 1):
            path = f"{self.key(key)}[{number}]"
            if isinstance(one, dict):
                yield Table(one, self.problems, self.place, path)
            else:
                self.problems.note(self.place, path, f"is {_kind(one)}; wanted is a table")

    def wish(self, key: str, *, absent: bool = True) -> Text | None:
        """Return the expectation of a text: a text, true, false, or a table of conditions."""
        value = self.take(key, str, bool, dict)
        if value is None:
            return None
        if value is False and not absent:
            self.wrong(key, "is false; leave it out instead")
        if isinstance(value, bool):
            return Text() if value else ABSENT
        if isinstance(value, str):
            return Text(exact=value)
        table = self.table(key)
        assert table is not None
        table.only("is", "contains", "matches")
        exact, contains = table.take("is", str), table.take("contains", str)
        wish = Text(
            exact=None if exact is None else str(exact),
            contains=None if contains is None else str(contains),
            matches=table.pattern("matches"),
        )
        if not table.data:
            self.wrong(key, "is empty; it takes is, contains or matches")
        return wish

    def pattern(self, key: str) -> str | None:
        """Return a regular expression that ends soon."""
        value = self.text(key)
        try:
            check_pattern(value)
        except TooSlow as error:
            self.wrong(key, str(error), REMEDY)
            return None
        except (re.error, OverflowError, RecursionError) as error:
            self.wrong(key, f"is no regular expression: {error}")
            return None
        return value or None


def nearest(word: str, known: Sequence[str], meant: Mapping[str, str] = {}) -> str:
    """Return which of *known* may have been meant by *word*; *meant* has other words for them."""
    from difflib import get_close_matches

    plain = " ".join(word.lower().replace("_", " ").replace("-", " ").split())
    if plain in meant:
        return _slip(meant[plain])
    close = get_close_matches(word[:100], known, 1, 0.6)
    return _slip(close[0]) if close else f"known are: {', '.join(known)}"


def _slip(meant: str) -> str:
    return f"did you mean {meant}?"


def quoted(key: str) -> str:
    """Return *key* as TOML writes it in a path."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a date or time")
