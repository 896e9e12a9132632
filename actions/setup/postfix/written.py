"""What is written in main.cf and master.cf and counts for nothing, or for something else."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from actions.host.errors import HostError
from actions.host.main_cf import entries, entry_of
from actions.setup.check import Result
from actions.setup.found import Found, FoundCheck
from actions.setup.postfix.files import (
    MAIN,
    MASTER,
    edited,
    line_in_master,
    path_of,
    taken_away,
    text_of,
    with_content,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.plan import Change

_UNUSED = re.compile(r"warning: \S*?(?P<file>main|master)\.cf: unused parameter: (?P<rest>.*)")
_TOLD_ELSEWHERE = ("overriding earlier entry", "multiple entries for", "unused parameter")
_KEPT = "what is commented out can be had back by its #"


def _duplicates(ctx: Context, name: str) -> Iterator[Found]:
    path = path_of(ctx, MAIN)
    found = entries(text_of(ctx, MAIN))
    for setting in dict.fromkeys(entry.name for entry in found):
        *earlier, last = [entry for entry in found if entry.name == setting]
        if not earlier:
            continue
        lines = " and ".join(str(entry.where.line) for entry in earlier)
        result = Result(
            name,
            "deviates",
            path,
            earlier[0].where.line,
            f"{setting} = {earlier[0].value}",
            f"{setting} once: line {last.where.line} has {last.value or 'nothing'}",
            f"{setting} stands in line {lines} too, which counts for nothing: whoever edits it "
            "there changes nothing",
            _KEPT,
            about=setting,
        )
        yield Found(result, partial(_without_earlier, setting=setting))


def _without_earlier(ctx: Context, setting: str) -> tuple[Change, ...]:
    """Comment out each line of *setting* but the last; postconf has no edit for that."""
    path = path_of(ctx, MAIN)
    kept = ctx.host.files.keep(path)
    if kept is None:
        raise HostError(f"{path} does not exist")
    lines = kept.content.decode("utf-8", "surrogateescape").split("\n")
    found = [entry for entry in entries("\n".join(lines)) if entry.name == setting]
    for entry in found[:-1]:
        for number, line in entry.where.pieces:
            lines[number - 1] = f"#{line}"
    return with_content(ctx, path, "\n".join(lines).encode("utf-8", "surrogateescape"))


def _unused(ctx: Context, name: str) -> Iterator[Found]:
    for warning in ctx.host.postfix.warnings():
        told = _UNUSED.search(warning)
        if not told:
            continue
        setting, _, value = (part.strip() for part in told["rest"].partition("="))
        result = Result(
            name,
            "deviates",
            found=f"{setting} = {value}".rstrip(),
            wanted="a name that Postfix knows, or no such line",
            why="Postfix has no such setting, and nothing here refers to it: the line does nothing",
            advice=_close_to(ctx, setting) or _KEPT,
            about=setting,
        )
        yield from _unused_in(ctx, told["file"], setting, result)


def _unused_in(ctx: Context, file: str, setting: str, result: Result) -> Iterator[Found]:
    if file == "main":
        entry = entry_of(text_of(ctx, MAIN), setting)
        line = entry.where.line if entry else 0
        placed = result._replace(file=path_of(ctx, MAIN), line=line)
        yield Found(placed, lambda ctx: edited(ctx, "-#", setting))
        return
    for service in ctx.host.postfix.services():
        if setting in dict(service.overrides):
            line = line_in_master(ctx, service, setting)
            about = f"{service.name}/{service.kind}:{setting}"
            placed = result._replace(file=path_of(ctx, MASTER), line=line, advice="", about=about)
            yield Found(placed, partial(taken_away, service=service, setting=setting))


def _close_to(ctx: Context, setting: str) -> str:
    """Return which setting of Postfix may be meant; empty where none comes to mind."""
    for guess in (f"{setting}s", setting.removesuffix("s"), setting.replace("-", "_").lower()):
        if guess == setting:
            continue
        try:
            ctx.host.postfix.default(guess)
        except HostError:
            continue
        return f"is {guess} meant?"
    return ""


def _warnings(ctx: Context, name: str) -> Iterator[Found]:
    for warning in ctx.host.postfix.warnings():
        if "warning: " not in warning or any(words in warning for words in _TOLD_ELSEWHERE):
            continue
        told = warning.partition("warning: ")[2]
        path, colon, what = told.partition(": ")
        where = re.search(r"line (\d+)", path)
        here = bool(colon) and path.partition(",")[0].endswith(".cf")
        yield Found(
            Result(
                name,
                "deviates",
                path.partition(",")[0] if here else path_of(ctx, MAIN),
                int(where[1]) if where else _line_of(ctx, what),
                what if here else told,
                "no warning",
                "Postfix says so whenever it reads its settings",
                unfixable="edit the line by hand: what was meant can't be told from here",
                about=what if here else told,
            )
        )


def _line_of(ctx: Context, what: str) -> int:
    """Return the line of main.cf that refers to the parameter which a warning names."""
    name = what.rpartition(": ")[2].strip()
    reference = re.compile(rf"\$[{{(]?{re.escape(name)}\b")
    for entry in entries(text_of(ctx, MAIN)):
        if entry.name == name or reference.search(entry.value):
            return entry.where.line_of(name)
    return 0


CHECKS = (
    FoundCheck("postfix.duplicate_settings", "each setting stands once in main.cf", _duplicates),
    FoundCheck("postfix.unused_parameters", "Postfix knows every setting", _unused),
    FoundCheck("postfix.warnings", "Postfix reads its settings without a warning", _warnings),
)
