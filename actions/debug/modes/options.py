"""A daemon's command line turned into one that logs more and stays in the foreground."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Options(Record):
    """The words by which one daemon's debug mode is switched on."""

    on: tuple[str, ...]
    """What is put in."""
    mark: str
    """A pattern of the word that says it is on."""
    foreground: tuple[str, ...] = ()
    """What is put in besides, so that it stays in the foreground."""
    stays: str = ""
    """A pattern of the word that says so already."""
    leaves: str = ""
    """A pattern of the words by which it would leave the foreground; they are taken out."""
    valued: bool = False
    """Whether the word behind the mark may belong to it."""


def is_on(argv: Sequence[str], options: Options) -> bool:
    """Return whether *argv* switches the debug mode on."""
    return any(re.fullmatch(options.mark, word) for word in _own(argv))


def with_debug(argv: Sequence[str], options: Options) -> tuple[str, ...]:
    """Return *argv* with the debug mode on, in the foreground."""
    own = _own(argv)
    stays = not options.foreground or any(re.fullmatch(options.stays, word) for word in own)
    if set(options.on) <= set(own) and stays and not leaves(own, options):
        return tuple(argv)
    kept = [word for word in without_debug(own, options) if not leaves((word,), options)]
    added = [word for word in options.on if word not in kept]
    return (*kept, *added, *(() if stays else options.foreground), *argv[len(own) :])


def leaves(argv: Sequence[str], options: Options) -> bool:
    """Return whether *argv* has the daemon leave the foreground."""
    return bool(options.leaves) and any(re.fullmatch(options.leaves, word) for word in argv)


def is_torn(argv: Sequence[str], options: Options) -> bool:
    """Return whether *argv* has the daemon both leave the foreground and stay in it.

    A unit that expects the one does not start with the other.
    """
    stays = options.stays and any(re.fullmatch(options.stays, word) for word in _own(argv))
    return bool(stays) and leaves(_own(argv), options)


def put_in(argv: Sequence[str], options: Options) -> tuple[str, ...]:
    """Return *argv* with the debug mode on; it may leave the foreground as it did."""
    own = _own(argv)
    if is_on(own, options):
        return tuple(argv)
    return (*own, *(word for word in options.on if word not in own), *argv[len(own) :])


def without_debug(argv: Sequence[str], options: Options) -> tuple[str, ...]:
    """Return *argv* with the debug mode off, all else kept."""
    own = _own(argv)
    return (*_unmarked(own, options), *argv[len(own) :])


def real_words(command: Sequence[str], argv: Sequence[str]) -> tuple[str, ...]:
    """Return *argv* as it is meant, where *command* is the same before its variables are put in.

    To systemd ``${OPTION_ARGS}`` is one word, whatever blanks its value has, and an empty one
    where nothing is set. Who wrote options there meant several, or none.
    """
    whole = {word for word in command if re.fullmatch(r"\$\{\w+\}", word)}
    found: list[str] = []
    for word in argv:
        if not word and whole and not (found and found[-1].startswith("-")):
            continue
        if whole and word.startswith("-") and " " in word:
            found += word.split()
        else:
            found.append(word)
    return tuple(found)


def _own(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the words before ``--``: what follows is another program's (spamass-milter(1))."""
    words = tuple(argv)
    return words[: words.index("--")] if "--" in words else words


def _unmarked(words: Sequence[str], options: Options) -> Iterator[str]:
    rest = iter(words)
    for word in rest:
        if not re.fullmatch(options.mark, word):
            yield word
        elif options.valued and len(word) == 2:
            next(rest, None)
