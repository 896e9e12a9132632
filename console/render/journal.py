"""The journal as text: what was changed, by whom, and what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from actions.printable import printable
from console.render.ink import Ink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.journal.listing import EntryShown, JournalReport
    from console.render.hint import Hints

_SIGNS = {
    "applied": "●",
    "finished": "●",
    "undone": "–",
    "rolled back": "◐",
    "interrupted": "✗",
    "under way": "…",
    "left as it stood": "?",
    "cut off": "–",
}


def render(report: JournalReport, hints: Hints) -> str:
    """Return *report* as text, the newest entry first."""
    ink = Ink()
    lines = [line for entry in report.entries for line in _entry(entry, ink, hints)]
    lines += [f" ? damaged, can't be read: {printable(name)}" for name in report.unreadable]
    if not lines:
        return "Nothing was changed on this host by the console.\n"
    lines.append(ink.paint(f" Entries are kept {report.kept_days} days.", "dim"))
    return "\n".join(lines) + "\n"


def headline(report: JournalReport) -> str:
    """Return the state of the journal in one line."""
    open_ones = [entry for entry in report.entries if entry.status == "interrupted"]
    if open_ones:
        return f"interrupted: {open_ones[0].title} ({open_ones[0].id})"
    if report.unreadable:
        return f"{len(report.unreadable)} entries of the journal are damaged"
    return f"{len(report.entries)} entries, none interrupted"


def _entry(entry: EntryShown, ink: Ink, hints: Hints) -> Iterator[str]:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.begun))
    sign = _SIGNS.get(entry.status, "?")
    by = f" by {entry.undone_by}" if entry.undone_by else ""
    yield f" {sign} {entry.id}  {printable(entry.title)}"
    told = f"{when}  {entry.who}  {entry.action}  {entry.status}{by}"
    yield ink.paint(f"   {printable(told)}", "dim")
    if entry.because:
        yield f"   {printable(entry.because)}"
    for stood in entry.stands:
        told = f"{stood.number}  {stood.kind} {stood.target}: {stood.words}"
        yield f"     {printable(told)}"
    if entry.status == "interrupted":
        named = (("entry", entry.id),)
        yield f"   take it back: {hints.command('journal.undo', named)}"
        yield f"   or do the rest: {hints.command('journal.finish', named)}"
