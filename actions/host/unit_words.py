"""Command lines as a unit's file has them (systemd.service(5), "Command lines")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROGRAM = re.compile(r"/[A-Za-z0-9_./+@:,=~-]+", re.ASCII)
"""What may stand first: nothing is put in for variables there."""

_PLAIN = re.compile(r"[A-Za-z0-9_./+@:,=~-]+", re.ASCII)

_ESCAPED = {
    "\\": "\\\\",
    '"': '\\"',
    "%": "%%",
    "$": "$$",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
}
"""What would mean something else in a word between quotes."""

_MEANT = {written: sign for sign, written in _ESCAPED.items()}

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"\']+')
_SIGN = re.compile(r"\\.|%%|\$\$|.", re.DOTALL)


def to_unit(argv: Sequence[str]) -> str:
    """Return *argv* as ExecStart= takes it, so that the program gets these very words.

    Raises:
        ValueError: it does not begin with the whole path of a program, or has what no unit's
            file can have.
    """
    if not argv or not _PROGRAM.fullmatch(argv[0]):
        raise ValueError(f"{' '.join(argv)!r} does not begin with the path of a program")
    return " ".join((argv[0], *map(_written, argv[1:])))


def from_unit(line: str) -> tuple[str, ...]:
    """Return the words of a *line* as `to_unit` writes it.

    Raises:
        ValueError: it was written in another way.
    """
    words = _WORD.findall(line)
    argv = tuple("".join(_MEANT.get(one, one) for one in _SIGN.findall(_bare(w))) for w in words)
    if to_unit(argv) != line:
        raise ValueError(f"{line!r} can't be read")
    return argv


def _written(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    text = "".join(_ESCAPED.get(sign, sign) for sign in word)
    if not all(sign.isprintable() for sign in text):
        raise ValueError(f"{word!r} can't stand in a unit's file")
    return f'"{text}"'


def _bare(word: str) -> str:
    return word[1:-1] if word.startswith('"') else word
