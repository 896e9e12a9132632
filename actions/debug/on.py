"""The plan that switches a debug mode on for a while."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit, Folder, Reread, TimerSet
from actions.changes.timer import timer_called
from actions.debug import dropin, enigma, smtpd
from actions.debug.duration import seconds_in
from actions.debug.edits import file_at, kept_aside, written
from actions.debug.ending import (
    quieted,
    removed,
    restarted,
    restored,
    tidied,
    timer_of,
    unlisted,
)
from actions.debug.found import (
    DIRECTIVES,
    configured_in,
    file_of,
    found,
    variable_of,
    words_of,
)
from actions.debug.modes import ENIGMA, POSTFIX, php
from actions.debug.modes.options import put_in, with_debug
from actions.debug.status import refuse_live, state_of
from actions.debug.subject import subjects
from actions.debug.taken_up import reloaded
from actions.debug.taken_up import restarted as restarted_now
from actions.host.ending import is_init_script
from actions.host.errors import HostError
from actions.host.main_cf import entry_of
from actions.plan import Plan, Proof
from actions.record import Record
from actions.settings import shell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.debug.edits import File
    from actions.debug.ending import Argv
    from actions.debug.found import Found
    from actions.debug.subject import Subject
    from actions.host.ports import Host, Timer, UnitState
    from actions.mailhost.service import MailService
    from actions.plan import Change

ENDS = "the debug mode ends so, though nobody is here any more"


class _Case(Record):
    """One debug mode that is to be switched on."""

    host: Host
    subject: Subject
    services: tuple[MailService, ...]
    seconds: float
    timer: Timer | None
    """What ends it already, where it is on."""

    def ended_by(self, commands: tuple[Argv, ...], *, lasting: bool) -> TimerSet:
        """Return the change that leaves its end to the host."""
        name = timer_of(self.subject.name)
        return TimerSet.planned(self.host, name, commands, self.seconds, lasting=lasting, note=ENDS)

    def file(self, path: str) -> File:
        """Return the file of settings at *path*.

        Raises:
            ActionError: a debug mode is on in it, and somebody has edited it since.
        """
        file = file_at(self.host, path, self.timer)
        if self.timer is not None and file.copy is not None and not file.untouched:
            name = self.subject.name
            raise ActionError(
                f"{path} was edited since the debug mode of {name} was switched on",
                Exit.PROBLEM,
                f"switch it off first: console run debug.off {name}",
            )
        return file


def plan_on(ctx: Context, name: str, duration: str, peer: str, port: str) -> Plan:
    """Return the plan that switches the debug mode of the service called *name* on.

    Raises:
        ActionError: it has none here, does not run, or nothing would end it.
        HostError: what it needs to know can't be read.
    """
    host, seconds = ctx.host, seconds_in(duration)
    known = subjects(host)
    subject = known.named(name)
    if (peer or port) and subject.name != POSTFIX:
        raise ActionError("--peer and --port are for postfix alone", Exit.USAGE)
    if peer and port:
        raise ActionError("--peer means every port: give one of both", Exit.USAGE)
    if absent := host.timers.absent():
        raise ActionError(
            f"nothing here would switch it off again: {absent}",
            Exit.PROBLEM,
            f"stop {name} by hand, run it with {subject.mode.shown} as long as you watch, start it",
        )
    timer = timer_called(host, timer_of(subject.name))
    case = _Case(host, subject, known.services, seconds, timer)
    title = f"Debug {subject.name} for {duration}"
    arguments: dict[str, object] = {"service": subject.name, "duration": duration}
    arguments |= {key: value for key, value in (("peer", peer), ("port", port)) if value}
    seen = state_of(host, subject)
    refuse_live(seen)
    if subject.name != POSTFIX and timer is None and seen.word in {"on", "pending", "blocking"}:
        how = "set" if seen.word == "blocking" else seen.word
        why = f"it is {how} already ({', '.join(seen.sets)}), and nothing ends it by itself"
        step = f"console run debug.off {subject.name} switches it off"
        return Plan(title, "debug.on", arguments, f"{why}; {step}", ())
    changes = tuple(_changes(case, peer, port))
    proof = Proof(f"{subject.name} is in debug mode", "debug.status", _asked(subject, "on"))
    back = Proof(f"{subject.name} is so no more", "debug.status", _asked(subject, "off"))
    why = f"to see more of what it does; {subject.mode.output} tells{_tells_too(case, peer, port)}"
    return Plan(
        title,
        "debug.on",
        arguments,
        why if changes else "it is on already, and not ours to end",
        changes,
        proof,
        lasting=False,
        undo_proof=back if seen.word == "off" else None,
    )


def _tells_too(case: _Case, peer: str, port: str) -> str:
    """Return what its words have in them that is nobody's business, behind where they go."""
    if case.subject.name != POSTFIX:
        return ""
    meant = smtpd.smtpds(case.host) if peer else smtpd.meant(case.host, port)
    takes = any(smtpd.takes_passwords(case.host, one) for one in meant)
    return ", with the passwords of all who log in there (base64)" if takes else ""


def _asked(subject: Subject, expect: str) -> dict[str, object]:
    return {"service": (subject.name,), "expect": expect}


def _changes(case: _Case, peer: str, port: str) -> Iterator[Change]:
    if case.subject.name == ENIGMA:
        yield from _enigma(case)
        return
    if case.subject.name == POSTFIX:
        yield from _postfix(case, peer, port)
        return
    state = _running(case)
    mode, seen = case.subject.mode, found(case.host, case.subject.mode, state)
    if mode.directive is not None and mode.directive.sets:
        yield from _by_directive(case, state, seen)
    elif is_init_script(state):
        yield from _by_variable(case, state)
    else:
        yield from _by_dropin(case, state, seen)


def _running(case: _Case) -> UnitState:
    name, state = case.subject.name, case.subject.state
    if state is None:
        raise ActionError(
            f"{name}: its unit can't be seen, or it has none",
            Exit.UNDECIDED,
            f"see what console run services.status {name} tells",
        )
    if state.activity != "active":
        raise ActionError(
            f"{name} does not run",
            Exit.PROBLEM,
            f"start it: console run services.start {name}; or see why it does not start: "
            f"console run debug.run {name}",
        )
    return state


def _by_dropin(case: _Case, state: UnitState, seen: Found) -> Iterator[Change]:
    host, options = case.host, case.subject.mode.options
    if options is None:
        return
    try:
        content = dropin.text(with_debug(seen.argv, options))
    except ValueError as error:
        raise HostError(f"{state.name}: {error}; see systemctl cat {state.name}") from error
    path, folder = host.at(dropin.path_of(state.name)), host.at(dropin.folder_of(state.name))
    commands = (*removed(path, folder), restarted(state))
    yield case.ended_by(commands, lasting=False)
    edit = FileEdit.planned(host, path, content, note="a reboot clears it")
    if edit.before is not None and edit.before.content == content:
        return
    yield from _folders(host, folder)
    yield edit
    yield Reread("systemd has to read it")
    yield from restarted_now(host, case.subject, case.services)


def _folders(host: Host, path: str) -> Iterator[Folder]:
    """Yield the folders on the way to *path* that are missing, and *path* itself."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    yield from (Folder.planned(host, one) for one in reversed(missing))


def _by_variable(case: _Case, state: UnitState) -> Iterator[Change]:
    mode = case.subject.mode
    name, path = variable_of(case.host, mode, state), file_of(case.host, mode.defaults)
    if mode.options is None or not name or not path:
        raise ActionError(
            f"{case.subject.name}: its init script ({state.files[0]}) takes options from no file "
            "that is known",
            Exit.PROBLEM,
            f"run it in the foreground: console run debug.run {case.subject.name}",
        )
    file = case.file(path)
    words, text = words_of(file.text, name), file.text
    wanted = put_in(words, mode.options)
    if wanted[: len(words)] != words:
        import shlex

        text = shell.with_value(text, name, shlex.join(wanted))
    elif wanted != words:
        text = shell.with_more(text, name, " ".join(wanted[len(words) :]))
    yield from _for_a_while(case, file, text, (restarted(state),))


def _by_directive(case: _Case, state: UnitState, seen: Found) -> Iterator[Change]:
    directive = case.subject.mode.directive
    if directive is None or directive.language == "greylist":
        return
    path = file_of(case.host, configured_in(directive, seen.argv))
    if not path:
        raise ActionError(
            f"{case.subject.name}: its configuration is not found",
            Exit.PROBLEM,
            f"it may be one of: {', '.join(directive.files)}",
        )
    file = case.file(path)
    text, language = file.text, DIRECTIVES[directive.language]
    for name, value in directive.sets:
        text = language.with_value(text, name, value)
    yield from _for_a_while(case, file, text, (restarted(state),))


def _enigma(case: _Case) -> Iterator[Change]:
    file = case.file(enigma.file(case.host))
    if not php.is_php(file.text):
        raise ActionError(
            f"{file.path} does not begin with <?php: Roundcube reads nothing of it",
            Exit.PROBLEM,
            "mend that first",
        )
    text = file.text
    if not php.is_set(text, enigma.SWITCH):
        text = php.with_switch(text, enigma.SWITCH, on=True)
    yield from _for_a_while(case, file, text, ())


def _for_a_while(
    case: _Case, file: File, text: str, taken_up: tuple[Argv, ...]
) -> Iterator[Change]:
    """Yield the edit of *file*, with all that gives it back."""
    yield from kept_aside(file)
    after = text.encode("utf-8", "surrogateescape")
    yield case.ended_by((restored(file.path, after), *taken_up), lasting=True)
    if text != file.text:
        yield from written(file, text)
        yield from restarted_now(case.host, case.subject, case.services)


def _postfix(case: _Case, peer: str, port: str) -> Iterator[Change]:
    """Yield the edits of main.cf or master.cf.

    Both are given back by one timer: what was on before ends with what is switched on now.
    """
    host = case.host
    state = _running(case)
    folder = host.postfix.folder()
    master = case.file(host.files.resolve(f"{folder}/master.cf"))
    main = case.file(host.files.resolve(f"{folder}/main.cf"))
    text_of_master, text_of_main = master.text, main.text
    if peer:
        text_of_main = _with_peer(host, main, master, smtpd.peer(peer))
    else:
        on = smtpd.verbose(host)
        for service in smtpd.meant(host, port):
            if service not in on:
                text_of_master = smtpd.with_verbose(text_of_master, service)
    texts = ((master, text_of_master, _quieted), (main, text_of_main, _unlisted))
    concerned = [one for one in texts if one[1] != one[0].text or one[0].untouched]
    if not concerned:
        return
    for file, _, _ in concerned:
        yield from kept_aside(file)
    commands: list[Argv] = []
    for file, text, taken_out in concerned:
        commands.append(restored(file.path, text.encode("utf-8", "surrogateescape")))
        commands += (*taken_out(host, file, text), *tidied(host, file.path))
    reload = ("systemctl", "reload", "--", case.subject.unit or state.name)
    yield case.ended_by((*commands, reload), lasting=True)
    edits = [change for file, text, _ in concerned for change in written(file, text)]
    yield from edits
    if edits:
        yield from reloaded(host, case.subject)


def _with_peer(host: Host, main: File, master: File, peer: str) -> str:
    """Return main.cf with *peer* among the clients of which more is logged."""
    if peer in smtpd.peers(host):
        return main.text
    entry = entry_of(main.text, smtpd.PEERS)
    value = f"{entry.value}, {peer}" if entry and entry.value else peer
    files = {"main.cf": main.kept.content, "master.cf": master.kept.content}
    edited = host.postfix.edited(files, "-e", f"{smtpd.PEERS} = {value}")  # type: ignore[arg-type]
    return edited.decode("utf-8", "surrogateescape")


def _unlisted(host: Host, file: File, text: str) -> Iterator[Argv]:
    """Yield what takes our clients out of *text*, a main.cf, once somebody has edited it too."""
    before, after = (
        entry.value if (entry := entry_of(one, smtpd.PEERS)) else ""
        for one in (file.original, text)
    )
    yield from unlisted(host, after, before)


def _quieted(host: Host, file: File, text: str) -> Iterator[Argv]:
    """Yield what takes our words out of *text*, a master.cf, once somebody has edited it too."""
    was = set(smtpd.verbose_in(file.original))
    for name in smtpd.verbose_in(text):
        if name not in was:
            yield from quieted(host, name)
