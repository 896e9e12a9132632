"""The checks of SpamAssassin's local.cf and of spamass-milter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from actions.settings import shell
from actions.settings.directives import SPAMASSASSIN as LINES
from actions.settings.text import with_lines
from actions.setup.filters.daemons import (
    NOT_SET,
    SPAMASS_MILTER,
    SPAMASSASSIN,
    Configuration,
    as_wanted,
    differs,
    read,
)
from actions.setup.found import FoundCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.setup.found import Found

_OPTIONS = "fd:mMp:P:r:u:D:i:b:B:e:xS:R:c:C:g:T:aIl:"
"""The options of spamass-milter 0.4 that take a value (spamass-milter(1))."""

_SCORE = 15.0


def rewritten_subject(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether the subject of spam is changed."""
    conf = read(ctx.host, SPAMASSASSIN)
    if conf is None:
        return
    found = LINES.in_force(conf.text, "rewrite_header Subject")
    if found is None or not found.value:
        yield as_wanted(name, conf, found.line if found else 0, "subjects are left alone")
        return
    yield differs(
        name,
        conf,
        found.line,
        f"rewrite_header Subject {found.value}",
        "no rewrite_header Subject",
        "the subject of spam gets a mark, which breaks DKIM signatures of mail that goes on",
        lambda text: LINES.without(text, "rewrite_header Subject"),
        verdict="choice",
        advice="it is off unless a line turns it on; older guides tell to comment out a line that "
        "packages no longer ship active",
        operation="reload",
    )


def kept_header(header: str) -> Callable[[Context, str], Iterator[Found]]:
    """Return the look whether X-Spam-*header* is left out of mail that is no spam.

    The last add_header or remove_header that means the header for ham counts.
    """

    def find(ctx: Context, name: str) -> Iterator[Found]:
        conf = read(ctx.host, SPAMASSASSIN)
        if conf is None:
            return
        wanted = f"remove_header ham {header}"
        is_removed, line, found = _header(conf.text, header)
        if is_removed:
            yield as_wanted(name, conf, line, found)
            return
        yield differs(
            name,
            conf,
            line,
            found or NOT_SET,
            wanted,
            f"mail that is no spam gets X-Spam-{header} too, which tells readers how it scored",
            lambda text: _without_header(text, header, wanted),
            verdict="choice",
            advice="keep it where the scores of good mail are looked at",
            operation="reload",
        )

    return find


def _without_header(text: str, header: str, line: str) -> str:
    """Return *text* with *line* where it takes effect: a later add_header would undo it."""
    after = LINES.with_line(text, line)
    return after if _header(after, header)[0] else with_lines(text, line)


def _header(text: str, header: str) -> tuple[bool, int, str]:
    """Return whether *header* is removed from ham, and by which line, as written."""
    is_removed, line, found = False, 0, ""
    for one in LINES.settings(text):
        name = one.name.lower()
        words = one.value.split()
        if name == "clear_headers":
            is_removed, line, found = True, one.line, one.name
        elif name in {"add_header", "remove_header"} and len(words) > 1:
            kind, which = words[0].lower(), words[1].lower()
            if kind in {"ham", "all"} and which in {header.lower(), "all"}:
                is_removed = name == "remove_header"
                line, found = one.line, f"{one.name} {' '.join(words[:2])}"
    return is_removed, line, found


def _variable(conf: Configuration) -> str:
    return "EXTRA_FLAGS" if "/sysconfig/" in conf.path else "OPTIONS"


def _given(value: str) -> dict[str, str]:
    """Return the options in *value*; what can't be read so is taken word by word."""
    import getopt

    words = shell.words(value)
    try:
        return dict(getopt.getopt(list(words), _OPTIONS)[0])
    except getopt.GetoptError:
        pairs = zip(words, (*words[1:], ""), strict=True)
        return {word: following for word, following in pairs if word.startswith("-")}


def left_alone(ctx: Context, name: str) -> Iterator[Found]:
    """Look whether spamass-milter leaves subject and body alone (-m)."""
    conf = read(ctx.host, SPAMASS_MILTER)
    if conf is None:
        return
    variable = _variable(conf)
    found = shell.in_force(conf.text, variable)
    line, value = (found.line, found.value) if found else (0, "")
    if _given(value).keys() & {"-m", "-M"}:
        yield as_wanted(name, conf, line, value)
        return
    yield differs(
        name,
        conf,
        line,
        f'{variable}="{value}"' if found else NOT_SET,
        "-m",
        "spamass-milter may change subject, content type and body of spam, which costs time and "
        "breaks signatures",
        lambda text: _with_option(text, variable, "-m"),
        verdict="choice",
    )


def reject_score(ctx: Context, name: str) -> Iterator[Found]:
    """Look from which score on spamass-milter refuses spam (-r)."""
    conf = read(ctx.host, SPAMASS_MILTER)
    if conf is None:
        return
    variable = _variable(conf)
    found = shell.in_force(conf.text, variable)
    line, value = (found.line, found.value) if found else (0, "")
    score = _given(value).get("-r")
    if score is None:
        yield differs(
            name,
            conf,
            line,
            f'{variable}="{value}"' if found else NOT_SET,
            "-r 15",
            "spam is never refused, whatever its score: it is marked and delivered",
            lambda text: _with_option(text, variable, "-r 15"),
            verdict="choice",
            advice="leave it so where mail is sorted behind the milter",
        )
        return
    try:
        number = float(score)
    except ValueError:
        number = 0.0
    if number == _SCORE:
        yield as_wanted(name, conf, line, f"-r {score}")
        return
    lower = "-r -1 refuses what SpamAssassin calls spam" if number < 0 else f"at {score} or more"
    yield differs(
        name,
        conf,
        line,
        f"-r {score}",
        "-r 15",
        f"spam is refused {'where ' if number < 0 else ''}{lower}: "
        + ("good mail may be refused too" if number < _SCORE else "much of it is let in"),
        lambda text: _with_score(text, variable, score),
        verdict="choice",
    )


def _with_option(text: str, variable: str, option: str) -> str:
    """Return *text* with *option* among those of spamass-milter: what is behind -- is spamc's."""
    found = shell.in_force(text, variable)
    if found is None:
        return shell.with_value(text, variable, option)
    words = shell.words(found.value)
    if "--" not in words:
        return shell.with_more(text, variable, option)
    separators = list(re.finditer(r"(?<![^\s\"'])--(?=[\s\"']|$)", text[found.start : found.end]))
    if len(separators) == 1:
        at = found.start + separators[0].start()
        after = f"{text[:at]}{option} {text[at:]}"
        if shell.value(after, variable) != found.value:
            return after
    import shlex

    at = words.index("--")
    return shell.with_value(
        text, variable, f"{shlex.join(words[:at])} {option} {shlex.join(words[at:])}".strip()
    )


def _with_score(text: str, variable: str, score: str) -> str:
    """Return *text* with 15 in the place of *score*, in the last line that says it."""
    for found in reversed([one for one in shell.settings(text) if one.name == variable]):
        word = text[found.start : found.end]
        for written in (f"-r {score}", f"-r{score}"):
            at = word.rfind(written)
            start = found.start + at
            after = text[:start] + "-r 15" + text[start + len(written) :]
            if at >= 0 and _given(shell.value(after, variable)).get("-r") == "15":
                return after
    # The last -r counts.
    return _with_option(text, variable, "-r 15")


CHECKS = (
    FoundCheck(
        "spamassassin.rewrite_subject", "SpamAssassin leaves subjects alone", rewritten_subject
    ),
    FoundCheck(
        "spamassassin.ham_status",
        "mail that is no spam gets no X-Spam-Status",
        kept_header("Status"),
    ),
    FoundCheck(
        "spamassassin.ham_level", "mail that is no spam gets no X-Spam-Level", kept_header("Level")
    ),
    FoundCheck("spamass-milter.body", "spamass-milter leaves subject and body alone", left_alone),
    FoundCheck("spamass-milter.reject_score", "spamass-milter refuses clear spam", reject_score),
)
