"""The plan that switches a debug mode off."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit, Folder, Reread, TimerSet
from actions.changes.timer import timer_called
from actions.debug import dropin, enigma, smtpd
from actions.debug.edits import file_at, given_back
from actions.debug.ending import copy_of, timer_of
from actions.debug.found import (
    DIRECTIVES,
    configured_in,
    directive_in,
    file_of,
    found,
    words_of,
)
from actions.debug.modes import ENIGMA, POSTFIX, php
from actions.debug.modes.options import is_on, leaves, without_debug
from actions.debug.report import WORDS
from actions.debug.status import refuse_live, state_of
from actions.debug.subject import subjects
from actions.debug.taken_up import reloaded, restarted, started_again
from actions.plan import Plan, Proof
from actions.settings import greylist, shell
from actions.settings.text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.action import Context
    from actions.debug.edits import File
    from actions.debug.found import Found, Setting
    from actions.debug.modes.catalogue import Directive
    from actions.debug.modes.options import Options
    from actions.debug.report import DebugState, Word
    from actions.debug.subject import Subject
    from actions.host.ports import Host, Timer, UnitState
    from actions.plan import Change


def plan_off(ctx: Context, name: str) -> Plan:
    """Return the plan that switches the debug mode of the service called *name* off.

    Raises:
        ActionError: it has none here, or what switches it on is not to be edited by a program.
        HostError: what it needs to know can't be read.
    """
    host = ctx.host
    known = subjects(host)
    subject = known.named(name)
    title, arguments = f"Debug {subject.name} no more", {"service": subject.name}
    timer = timer_called(host, timer_of(subject.name))
    seen = state_of(host, subject)
    refuse_live(seen)
    changes = list(_back(host, subject, timer))
    if seen.word == "unknown":
        raise ActionError(
            f"whether {subject.name} is in debug mode can't be seen: {seen.note}",
            Exit.NOT_PERMITTED,
            "run it as root",
        )
    if subject.name == POSTFIX:
        changes += reloaded(host, subject) if changes else ()
    elif _may_run_so(subject, seen.word):
        changes += restarted(host, subject, known.services)
    elif changes and _keeps_down(subject, seen.word):
        changes += started_again(host, subject)
    if not changes and seen.word != "off":
        raise _by_hand(subject, seen)
    if timer is not None:
        changes.append(TimerSet.forgotten(host, timer.name, "it has ended by then"))
    if not changes:
        return Plan(title, "debug.off", arguments, "it is off: nothing to do", ())
    proof = Proof(
        f"{subject.name} is not in debug mode",
        "debug.status",
        {"service": (subject.name,), "expect": "off"},
    )
    return Plan(title, "debug.off", arguments, seen.note, tuple(changes), proof)


def _by_hand(subject: Subject, seen: DebugState) -> ActionError:
    """Return why nothing here can switch the debug mode of *subject* off, and how a person can."""
    if state := subject.state:
        why = f"{state.name} is {state.activity}"
    elif subject.unit:
        why = f"its unit {subject.unit} can't be seen"
    else:
        why = "no unit runs it"
    step = f"start it anew without {seen.mode}"
    return ActionError(
        f"debugging of {subject.name}: {WORDS[seen.word]} ({seen.asked}); {why}",
        Exit.PROBLEM,
        f"take out by hand: {', '.join(seen.sets)}; then {step}" if seen.sets else step,
    )


def _may_run_so(subject: Subject, word: Word) -> bool:
    """Return whether *subject* has to be restarted to log no more than usual.

    Whether one has taken up what its file says can't be seen; of its options that is sure.
    """
    return word in {"on", "left"} or (word == "pending" and subject.mode.directive is not None)


def _keeps_down(subject: Subject, word: Word) -> bool:
    """Return whether *subject* was to run, and its debug mode kept it from starting."""
    state = subject.state
    return word == "blocking" and state is not None and state.activity == "failed"


def _back(host: Host, subject: Subject, timer: Timer | None) -> Iterator[Change]:
    if subject.name == ENIGMA:
        path = enigma.file(host)
        yield from _given_back(host, path, timer, _without_switch) if path else ()
        return
    if subject.name == POSTFIX:
        yield from _postfix(host, timer)
        return
    if subject.state is not None:
        yield from _daemon(host, subject, subject.state, timer)


def _given_back(
    host: Host, path: str, timer: Timer | None, without: Callable[[str], str]
) -> Iterator[Change]:
    yield from given_back(file_at(host, path, timer), without)


def _without_switch(text: str) -> str:
    on = php.is_set(text, enigma.SWITCH)
    return php.with_switch(text, enigma.SWITCH, on=False) if on else text


def _postfix(host: Host, timer: Timer | None) -> Iterator[Change]:
    folder = host.postfix.folder()
    main, master = (
        file_at(host, host.files.resolve(f"{folder}/{name}"), timer)
        for name in ("main.cf", "master.cf")
    )
    yield from given_back(master, smtpd.without_any)
    yield from given_back(main, lambda text: _without_peers(host, text, master))


def _without_peers(host: Host, text: str, master: File) -> str:
    from actions.host.main_cf import entry_of

    entry = entry_of(text, smtpd.PEERS)
    if entry is None or not entry.value:
        return text
    content = text.encode("utf-8", "surrogateescape")
    edited = host.postfix.edited(
        {"main.cf": content, "master.cf": master.kept.content}, "-#", smtpd.PEERS
    )
    return edited.decode("utf-8", "surrogateescape")


def _daemon(
    host: Host, subject: Subject, state: UnitState, timer: Timer | None
) -> Iterator[Change]:
    mode, seen = subject.mode, found(host, subject.mode, state)
    edited = set()
    for one in seen.settings:
        if one.kind == "drop-in":
            yield from _dropin(host, state)
        elif one.kind == "variable" and mode.options is not None:
            edited.add(one.path)
            without = _without_words(one, mode.options, seen.argv)
            yield from _given_back(host, one.path, timer, without)
        elif one.kind == "directive" and mode.directive is not None:
            edited.add(one.path)
            file = file_at(host, one.path, timer)
            yield from given_back(file, _without_line(mode.directive, file))
        else:
            raise ActionError(
                f"{state.name} itself runs {subject.name} in debug mode "
                f"({', '.join(state.files) or 'no file of it is known'})",
                Exit.PROBLEM,
                f"take {mode.shown} out of ExecStart= there: systemctl edit --full {state.name}",
            )
    for path in _places(host, subject, seen):
        # A copy that nobody needs: somebody has taken the words out by hand.
        if path not in edited and os.path.lexists(copy_of(path)):
            kept = host.files.keep(copy_of(path))
            yield FileEdit(copy_of(path), kept, None, "nothing needs it any more")


def _places(host: Host, subject: Subject, seen: Found) -> Iterator[str]:
    mode = subject.mode
    lists = [mode.defaults]
    if mode.directive is not None:
        lists.append(configured_in(mode.directive, seen.argv))
    for paths in lists:
        if path := file_of(host, paths):
            yield path


def _dropin(host: Host, state: UnitState) -> Iterator[Change]:
    folder, path = host.at(dropin.folder_of(state.name)), host.at(dropin.path_of(state.name))
    yield FileEdit.planned(host, path, None)
    if os.listdir(folder) == [dropin.NAME]:
        kept = host.files.state(folder)
        yield Folder(folder, "remove", kept.mode, kept.uid, kept.gid)
    yield Reread("systemd has to forget it")


def _as_they_were(text: str, before: str, directive: Directive) -> str:
    """Return *text* with what `debug.on` sets as it was *before*."""
    language = DIRECTIVES[directive.language]
    for name, value in directive.sets:
        was = language.in_force(before, name)
        if language.value(text, name) != value:
            continue  # somebody has set it otherwise since
        if was is None:
            text = language.without(text, name)
        else:
            text = language.with_value(text, name, was.value)
    return text


def _without_words(
    setting: Setting, options: Options, argv: tuple[str, ...]
) -> Callable[[str], str]:
    """Return what takes the words out of the variable of *setting*.

    Those that would keep a daemon in the foreground go with them, where its unit says the
    opposite: it would not start.
    """
    forks = leaves(argv, options)

    def without(text: str) -> str:
        import shlex

        words = words_of(text, setting.name)
        if not is_on(words, options):
            return text
        rest = without_debug(words, options)
        if forks:
            rest = tuple(word for word in rest if word not in options.foreground)
        return shell.with_value(text, setting.name, shlex.join(rest))

    return without


def _without_line(directive: Directive, file: File) -> Callable[[str], str]:
    def without(text: str) -> str:
        if file.copy is not None and directive.language != "greylist":
            text = _as_they_were(text, text_of(file.copy.content), directive)
        while name := directive_in(text, directive):
            if directive.language == "greylist":
                statement = greylist.in_force(text, name)
                if statement is None:
                    break
                text = greylist.without(text, statement)
            else:
                text = DIRECTIVES[directive.language].with_value(text, name, "no")
        return text

    return without
