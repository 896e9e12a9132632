"""The body of ``debug.status``: how each debug mode stands, from the running host."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.debug import enigma, smtpd
from actions.debug.ending import timer_of
from actions.debug.found import Found, found
from actions.debug.modes import ENIGMA, POSTFIX
from actions.debug.modes.options import is_on, is_torn
from actions.debug.report import DebugReport, DebugState
from actions.debug.subject import subjects
from actions.host.errors import HostError
from actions.host.processes import hides_others
from actions.host.unit_state import is_in_foreground

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.action import Context
    from actions.debug.found import Setting
    from actions.debug.report import Word
    from actions.debug.subject import Subject
    from actions.host.ports import Host, Timer
    from actions.journal.entry import Entry


def look_at_modes(ctx: Context, names: tuple[str, ...], expect: str) -> DebugReport:
    """Look at the debug modes of the services called *names*, or of all.

    Raises:
        ActionError: a name is of no service with a debug mode.
        Cancelled: the operator cancelled.
    """
    known = subjects(ctx.host)
    chosen = tuple(map(known.named, dict.fromkeys(names))) if names else known.subjects
    notes = () if names else known.notes
    entries = _entries(ctx.host)
    timers, authors = _timers(ctx.host), _authors(entries)
    notes = (*notes, *_interrupted(ctx.host, entries, {subject.name for subject in chosen}))
    states = []
    for subject in chosen:
        ctx.check()
        seen = state_of(ctx.host, subject)
        timer = timers.get(timer_of(subject.name))
        who, begun = authors.get(subject.name, ("", None))
        if seen.word not in {"off", "unknown"}:
            seen = seen._replace(by=who, since=begun or seen.since, until=timer and timer.at)
        states.append(seen)
    return DebugReport(tuple(states), expect, notes)


def state_of(host: Host, subject: Subject) -> DebugState:
    """Return how the debug mode of *subject* stands, without who began it and when it ends."""
    try:
        if subject.name == ENIGMA:
            return _by_files(subject, enigma.settings(host), "its file of settings")
        if subject.name == POSTFIX:
            return _by_files(subject, smtpd.settings(host), "master.cf and main.cf")
    except HostError as error:
        return _state(subject, "unknown", "nothing", note=str(error))
    return _by_process(subject, found(host, subject.mode, subject.state))


def refuse_live(seen: DebugState) -> None:
    """Raise `ActionError` where the service runs in the foreground: its end undoes all else."""
    if seen.word == "live":
        raise ActionError(
            f"{seen.service} runs in the foreground, as long as somebody looks on",
            Exit.PROBLEM,
            "end that run: its unit is back then; see who began it: console run journal.list",
        )


def _by_files(subject: Subject, settings: tuple[Setting, ...], asked: str) -> DebugState:
    word: Word = "on" if settings else "off"
    return _state(subject, word, asked, settings)


def _by_process(subject: Subject, seen: Found) -> DebugState:
    """Return how the mode of a daemon stands, by its process and by what sets it."""
    settings, process, options = seen.settings, seen.process, subject.mode.options
    state = subject.state
    if state is not None and is_in_foreground(state):
        return _state(subject, "live", "its unit", since=state.since)
    stopped = state.activity in {"inactive", "failed"} if state else not hides_others()
    if process is None and not stopped:
        return _state(subject, "unknown", "nothing", settings, note="its process can't be seen")
    if process is None:
        how = f"{state.name} is {state.activity}" if state else "it does not run"
        return _told(subject, seen, _to_come(subject, seen), f"what its next start reads ({how})")
    asked = f"its process {process.pid}"
    if options is not None and is_on(process.argv, options):
        word: Word = "on" if settings or state is None else "left"
        return _told(subject, seen, word, asked, process.since)
    # Its command line does not tell what its file has switched on; some write theirs anew.
    renamed = not process.argv or process.argv[0].endswith(":")
    by_file = [one for one in settings if renamed or one.kind == "directive"]
    if by_file:
        asked = f"{by_file[0].path}, and when its process {process.pid} began"
        word = "pending" if seen.later else "on"
        return _told(subject, seen, word, asked, None if seen.later else process.since)
    return _told(subject, seen, _to_come(subject, seen), asked)


def _to_come(subject: Subject, seen: Found) -> Word:
    """Return what the next start of *subject* makes of what is set, where it runs without it."""
    options = subject.mode.options
    if not seen.settings:
        return "off"
    return "blocking" if options is not None and is_torn(seen.argv, options) else "pending"


def _told(
    subject: Subject, seen: Found, word: Word, asked: str, since: float | None = None
) -> DebugState:
    if seen.unread and word == "off":
        return _state(subject, "unknown", asked, note=f"{seen.unread}; run it as root")
    return _state(subject, word, asked, seen.settings, since, seen.unread)


def _state(
    subject: Subject,
    word: Word,
    asked: str,
    settings: tuple[Setting, ...] = (),
    since: float | None = None,
    note: str = "",
) -> DebugState:
    on = None if word == "unknown" else word in {"on", "live", "left"}
    mode = subject.mode
    sets = tuple(one.shown for one in settings)
    return DebugState(
        subject.name,
        subject.unit,
        mode.shown,
        word,
        on,
        asked,
        sets,
        since,
        note=note,
        output=mode.output,
    )


def _timers(host: Host) -> Mapping[str, Timer]:
    try:
        return {timer.name: timer for timer in host.timers.all()}
    except HostError:
        return {}


def _entries(host: Host) -> tuple[Entry, ...]:
    from actions.journal.store import Journal

    try:
        return Journal(host.state_folder).entries()
    except HostError:
        return ()


def _interrupted(host: Host, entries: tuple[Entry, ...], names: set[str]) -> Iterator[str]:
    """Yield which switching of the services called *names* was interrupted, and what settles it."""
    from actions.journal.lock import holder
    from actions.journal.standing import has_passed
    from actions.journal.status import statuses, ways_out

    known = statuses(entries)
    for entry in entries:
        if known[entry.id].word != "interrupted" or not entry.plan.action.startswith("debug."):
            continue
        if entry.plan.arguments.get("service") not in names:
            continue
        # One that is being applied right now looks the same on the disk.
        if holder(host.state_folder) is None and not has_passed(entry, host):
            yield f"{entry.plan.title}: interrupted; {ways_out(entry)}"


def _authors(entries: tuple[Entry, ...]) -> Mapping[str, tuple[str, float | None]]:
    """Return, by service, who switched its debug mode on last and when, where the journal tells."""
    from actions.debug.duration import seconds_in
    from actions.journal.status import statuses

    words = statuses(entries)
    found: dict[str, tuple[str, float | None]] = {}
    for entry in entries:
        plan = entry.plan
        if plan.action not in {"debug.on", "debug.off"}:
            continue
        if words[entry.id].word not in {"applied", "finished", "interrupted"}:
            continue
        name = str(plan.arguments.get("service"))
        found.pop(name, None)
        if plan.action == "debug.on":
            # One whose duration is none has ended, as far as anybody can tell.
            with suppress(ActionError):
                lasts = seconds_in(str(plan.arguments.get("duration")))
                if entry.begun + lasts > time.time():
                    found[name] = (entry.who, entry.begun)
    return found
