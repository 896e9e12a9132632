"""Where suites are: files of the operator's, and those that come with the program."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from actions.chain.scenario.read import check_milters, read_suite
from actions.chain.scenario.table import Problems
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Collection

    from actions.chain.scenario.suite import Problem, Suite

SIZE_LIMIT = 128 << 10
"""The largest suite that is read, in bytes; a large message stands in a file of its own."""

SHIPPED = os.path.join(os.path.dirname(os.path.dirname(__file__)), "scenarios")
"""The folder of the suites that come with the program."""

_MOST_PARTS = 100
"""Parts of a key; tomllib takes quadratic time for them."""

_TOKEN = re.compile(
    rb'"""(?:\\.?|[^\\])*?(?:"""|\Z)|"(?:\\[^\n]|[^"\\\n])*"?'
    rb"|'''.*?(?:'''|\Z)|'[^'\n]*'?|#[^\n]*|[.=,{}\[\]\n]",
    re.DOTALL,
)
"""A string, a comment, or a character that joins or ends keys; always found where one begins."""


class Listed(Record):
    """A suite that comes with the program."""

    name: str
    about: str
    scenarios: int


class BadFile(Exception):
    """A file that can't be read as a suite; the text says why."""


def shipped_names() -> tuple[str, ...]:
    """Return the names of the suites that come with the program."""
    names = (name for name in os.listdir(SHIPPED) if name.endswith(".toml"))
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def shipped() -> tuple[Listed, ...]:
    """Return the suites that come with the program, each with what it is about."""
    read = (load(name)[0] for name in shipped_names())
    return tuple(Listed(one.name, one.about, len(one.scenarios)) for one in read if one)


def load(file: str, given: Collection[str] = ()) -> tuple[Suite | None, tuple[Problem, ...]]:
    """Read the suite *file*: a path, or the name of one that comes with the program.

    Args:
        file: the path or the name.
        given: the milters that the operator says the place of.

    Returns:
        The suite, or None where something is wrong with it; and all that is.
    """
    path = path_of(file)
    problems = Problems(file)
    try:
        data = _parsed(_bytes(path, file))
        name = os.path.basename(path).removesuffix(".toml")
        folder = os.path.dirname(os.path.abspath(path))
        suite = read_suite(data, name, problems, folder, given)
    except BadFile as error:
        problems.note("", "", *error.args)
        return None, tuple(problems.found)
    except RecursionError:
        problems.note("", "", "its tables or lists are nested too deep")
        return None, tuple(problems.found)
    if suite.milters:
        check_milters(suite, [milter.name for milter in suite.milters], problems)
    problems.arrange(data)
    return (None if problems.found else suite), tuple(problems.found)


def path_of(file: str) -> str:
    """Return the path that *file* stands for."""
    plain = "/" not in file and not file.endswith(".toml")
    return os.path.join(SHIPPED, f"{file}.toml") if plain and file in shipped_names() else file


def _bytes(path: str, file: str) -> bytes:
    try:
        # A pipe or a terminal would keep us waiting.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise BadFile("is no regular file")
        with os.fdopen(number, "rb") as opened:
            data = opened.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        known = ", ".join(shipped_names())
        step = "" if "/" in file else f"suites that come with the program: {known}"
        raise BadFile("no such file", step) from None
    except (OSError, ValueError) as error:
        raise BadFile(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > SIZE_LIMIT:
        step = "put large messages into files of their own (file = …)"
        raise BadFile(f"larger than {SIZE_LIMIT >> 10} KiB", step)
    return data


def _parsed(data: bytes) -> dict[str, object]:
    import tomllib

    if _longest_key(data) > _MOST_PARTS:
        raise BadFile(f"has a key of more than {_MOST_PARTS} parts")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadFile(f"is not UTF-8 (line {line})", "TOML is written in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"is no TOML: {error}") from None
    except ValueError as error:
        raise BadFile(f"is no TOML: {error}") from None


def _longest_key(data: bytes) -> int:
    """Return how many parts the longest key in *data* has, at least."""
    parts = longest = 1
    for found in _TOKEN.finditer(data):
        token = found[0]
        if token == b".":
            parts += 1
            longest = max(longest, parts)
        elif token[:1] not in b"\"'":
            parts = 1
    return longest
