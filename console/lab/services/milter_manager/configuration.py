"""milter-manager.conf, read line by line in the form in which operators write it.

The true file is a Ruby program. What is read here is the part of it that is data: items,
``define_milter`` blocks, the loading of further files, and what ``--show-config`` prints.
"""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING

from actions.record import Record
from console.lab.services.milter_manager.conditions import CONDITIONS, is_network
from console.lab.services.milter_manager.items import (
    CALLS,
    CHILD,
    SECTIONS,
    STATUSES,
    Given,
    Value,
    fits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TEXT = r'"(?:[^"\\]|\\.)*"'
_CODE = re.compile(rf'((?:[^"#]|{_TEXT})*)(?:#.*)?')
_ASSIGNMENT = re.compile(r"(\w+)\.(\w+)\s*=\s*(.+)")
_CALL = re.compile(rf"(\w+)\.(\w+)\s*\(\s*({_TEXT})\s*\)")
_BLOCK = re.compile(
    rf"(define_milter|define_applicable_condition)\s*\(\s*({_TEXT})\s*\)\s*do\s*\|\s*(\w+)\s*\|"
)
_LOAD = re.compile(rf"(load|load_if_exist)\s*\(\s*({_TEXT})\s*\)")
_LIST = re.compile(rf"\[\s*((?:{_TEXT}\s*(?:,\s*|(?=\])))*)\]")
_PLAIN: Mapping[str, Value] = {"nil": None, "true": True, "false": False}


class ChildSettings(Record):
    """One child milter as it is defined."""

    name: str
    line: int
    given: Mapping[str, Given]
    """What the file sets, by the item's name."""
    added_conditions: tuple[Given, ...] = ()
    """Conditions that were added, or listed, one by one."""
    file: str = ""
    """Where it is defined; empty for the file of the whole configuration."""

    def value(self, item: str) -> Value:
        """Return what holds for *item*; see `items.CHILD`."""
        return self.given[item].value if item in self.given else CHILD[item]

    def seconds(self, item: str) -> float:
        """Return the timeout *item*."""
        value = self.value(item)
        assert isinstance(value, int | float)
        return float(value)

    @property
    def spec(self) -> str:
        """Where it listens."""
        return str(self.value("connection_spec") or "")

    @property
    def enabled(self) -> bool:
        """Whether it is used."""
        return bool(self.value("enabled"))

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions under which it applies."""
        return tuple(str(condition.value) for condition in self.added_conditions)


class Configuration(Record):
    """What a configuration file says."""

    file: str
    given: Mapping[str, Given] = {}
    """By full name, such as ``manager.unix_socket_mode``."""
    children: tuple[ChildSettings, ...] = ()
    local: tuple[str, ...] = ()
    """Networks that count as local, beside the private ones."""
    remote: tuple[str, ...] = ()
    """Networks that do not, though they are private."""
    error: str = ""
    """Why the file says nothing at all: then there are no children."""

    def value(self, section: str, item: str) -> Value:
        """Return what holds for *item* of *section*; see `items.SECTIONS`."""
        found = self.given.get(f"{section}.{item}")
        return found.value if found else SECTIONS[section][item]


class BadLine(Exception):
    """A line that is no configuration."""


if TYPE_CHECKING:
    Detect = Callable[[str], Iterator[ChildSettings]]


def load(file: str, detect: Detect | None = None) -> Configuration:
    """Read *file*; where it can't be read it counts as one with a mistake in it.

    Args:
        file: the configuration.
        detect: finds the milters of a platform, such as "redhat", once ``package.platform`` names
            it; what the files say of them comes after.
    """
    try:
        text = _text_of(file)
    except OSError as error:
        return Configuration(file, error=f"{file}: {error.strerror}")
    return parse(text, file, detect)


def parse(text: str, file: str, detect: Detect | None = None) -> Configuration:
    """Read *text*; one mistake in it costs all children, as milter-manager has it."""
    reader = _Reader(file, detect)
    try:
        reader.read(text, file)
        return reader.result()
    except BadLine as error:
        return Configuration(file, error=f"{reader.file}:{reader.line}: {error}")


def _text_of(file: str) -> str:
    with open(file, encoding="utf-8", errors="replace") as opened:
        return opened.read()


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement on one line, without comments, with the number of its first line."""
    pending, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        found = _CODE.fullmatch(line)
        code = (found[1] if found else line).strip()
        if not code:
            continue
        pending, first = (f"{pending} {code}", first) if pending else (code, number)
        if "= [" in pending and "]" not in pending:
            continue
        yield first, pending
        pending = ""
    if pending:
        yield first, pending


class _Reader:
    """The state between two statements."""

    def __init__(self, file: str, detect: Detect | None) -> None:
        self._configuration = Configuration(file)
        self._detect = detect
        self._open_files: list[str] = []
        self._given: dict[str, Given] = {}
        self._children: dict[str, ChildSettings] = {}
        self._child: ChildSettings | None = None
        self._block = ""
        """The name by which the block that is open calls its object."""
        self._lists: dict[str, list[str]] = {"add_local_address": [], "add_remote_address": []}
        self.file, self.line = file, 0

    def read(self, text: str, file: str) -> None:
        """Take all statements of *text*; raises `BadLine`, and `file` and `line` tell where."""
        if file in self._open_files:
            raise BadLine(f"{file} loads itself")
        self._open_files.append(file)
        before, self.file = (self.file, self.line), file
        for number, line in _statements(text):
            self._take(number, line)
        if self._block:
            raise BadLine("syntax error, unexpected end-of-input, expecting `end'")
        self.file, self.line = before
        self._open_files.pop()

    def _take(self, number: int, statement: str) -> None:
        self.line = number
        if found := _BLOCK.fullmatch(statement):
            self._open(found[1], str(_value(found[2])), found[3])
        elif statement == "end":
            self._close()
        elif found := _ASSIGNMENT.fullmatch(statement):
            self._assign(found[1], found[2], _value(found[3]))
        elif found := _LOAD.fullmatch(statement):
            self._load(str(_value(found[2])), must_exist=found[1] == "load")
        elif found := _CALL.fullmatch(statement):
            self._call(found[1], found[2], str(_value(found[3])))
        else:
            raise BadLine(f"syntax error, unexpected {statement!r}")

    def result(self) -> Configuration:
        """Return what was read."""
        return self._configuration._replace(
            given=self._given,
            children=tuple(self._children.values()),
            local=tuple(self._lists["add_local_address"]),
            remote=tuple(self._lists["add_remote_address"]),
        )

    def _load(self, name: str, *, must_exist: bool) -> None:
        """Read further files: *name* stands beside the configuration, and may be a pattern."""
        pattern = os.path.join(os.path.dirname(self._configuration.file), name)
        paths = sorted(glob.glob(pattern))
        if must_exist and not paths and not glob.has_magic(pattern):
            raise BadLine(f"no such file to load -- {name}")
        for path in paths:
            try:
                text = _text_of(path)
            except OSError as error:
                raise BadLine(f"{path}: {error.strerror}") from error
            self.read(text, path)

    def _place(self) -> str:
        """Return the file that is read, as `Given` and `ChildSettings` call it."""
        return "" if self.file == self._configuration.file else self.file

    def _open(self, kind: str, name: str, block: str) -> None:
        if self._block:
            raise BadLine(f"syntax error, unexpected {kind} within a block")
        self._block = block
        if kind == "define_milter":
            self._child = self._children.get(
                name, ChildSettings(name, self.line, {}, file=self._place())
            )

    def _close(self) -> None:
        if not self._block:
            raise BadLine("syntax error, unexpected `end'")
        if self._child:
            self._children[self._child.name] = self._child
        self._block, self._child = "", None

    def _assign(self, place: str, item: str, value: Value) -> None:
        if self._block and place == self._block:
            self._assign_in_block(item, value)
            return
        if place == "database":
            return
        if place not in SECTIONS or item not in SECTIONS[place]:
            raise BadLine(_undefined(place, f"{item}="))
        _require_fit(f"{place}.{item}", value, SECTIONS[place][item])
        self._given[f"{place}.{item}"] = Given(value, self.line, self._place())
        if (place, item) == ("package", "platform") and self._detect:
            self._children.update((one.name, one) for one in self._detect(str(value)))

    def _assign_in_block(self, item: str, value: Value) -> None:
        child = self._child
        if child is None:
            if item != "description":
                raise BadLine(_undefined("condition", f"{item}="))
            return
        if item not in CHILD:
            raise BadLine(_undefined("milter", f"{item}="))
        _require_fit(f"milter.{item}", value, CHILD[item])
        if isinstance(value, tuple):
            conditions = tuple(self._condition(name) for name in value)
            self._child = child._replace(added_conditions=conditions)
        else:
            given = {**child.given, item: Given(value, self.line, self._place())}
            self._child = child._replace(given=given)

    def _call(self, place: str, method: str, value: str) -> None:
        of = "milter" if self._child and place == self._block else place
        if method not in CALLS.get(of, ()) or (of == "milter") is not bool(self._child):
            raise BadLine(_undefined(place, method))
        if self._child:
            conditions = (*self._child.added_conditions, self._condition(value))
            self._child = self._child._replace(added_conditions=conditions)
        elif is_network(value):
            self._lists[method].append(value)
        else:
            raise BadLine(f"invalid address: {value!r}")

    def _condition(self, name: str) -> Given:
        if name not in CONDITIONS:
            raise BadLine(f"nonexistent applicable condition: {name!r}")
        return Given(name, self.line, self._place())


def _value(text: str) -> Value:
    text = text.strip()
    if text in _PLAIN:
        return _PLAIN[text]
    if re.fullmatch(_TEXT, text):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if re.fullmatch(r"0[0-7]+", text):
        return int(text, 8)
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"\d+\.\d+", text):
        return float(text)
    if found := _LIST.fullmatch(text):
        return tuple(str(_value(one)) for one in re.findall(_TEXT, found[1]))
    raise BadLine(f"syntax error, unexpected {text!r}")


def _require_fit(name: str, value: Value, default: Value) -> None:
    if not fits(value, default):
        raise BadLine(f"{name}: invalid value {value!r}")
    if (
        name.endswith(("fallback_status", "fallback_status_at_disconnect"))
        and value not in STATUSES
    ):
        raise BadLine(f"{name}: invalid value {value!r}")


def _undefined(place: str, method: str) -> str:
    return f"undefined method `{method}' for {place}"
