"""Postfix's own lists of milters, with one taken out or put in; Postfix's tool makes the edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.host.main_cf import entry_of
from actions.mailhost.postfix_files import postfix_files
from actions.mailhost.values import items, spec_in
from actions.services.children import is_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.changes import FileEdit
    from actions.host.ports import Host, PostfixService
    from actions.mailhost.discovery import HostChain
    from actions.mailhost.service import MailService

_SETTINGS = {"smtpd": "smtpd_milters", "non_smtpd": "non_smtpd_milters"}


def without_milter(
    host: Host, found: tuple[HostChain, ...], service: MailService
) -> tuple[FileEdit, ...]:
    """Return the edits of main.cf and master.cf after which Postfix does not ask *service*.

    Raises:
        ActionError: a list names it in a way that can't be taken apart here.
        HostError: the files can't be read.
    """
    files = postfix_files(host)
    for chain in found:
        pairs = zip(chain.chain.links, chain.specs, strict=True)
        specs = {spec for link, spec in pairs if is_at(link, service)}
        if not specs:
            continue
        setting = _SETTINGS[chain.kind]
        overriding = [one for one in _services(host, chain) if setting in dict(one.overrides)]
        for one in overriding:
            rest = _rest(dict(one.overrides)[setting], specs, f"master.cf: {one.name}")
            files.edit("-P", f"{one.name}/{one.kind}/{setting}={','.join(rest)}")
        entry = entry_of(files.text("main.cf"), setting)
        if entry is not None and any(spec_in(item) in specs for item in items(entry.value)):
            files.edit("-e", f"{setting}={', '.join(_rest(entry.value, specs, 'main.cf'))}")
        elif not overriding:
            raise _refused(f"main.cf: {setting}", specs)
    return tuple(files.changes("its comments and all other settings stay"))


def with_milter(
    host: Host, found: tuple[HostChain, ...], service: MailService
) -> tuple[FileEdit, ...]:
    """Return the edit of main.cf after which Postfix asks *service*, last of all.

    Raises:
        ActionError: no socket of it is known, or Postfix's smtpd can't reach it.
        HostError: the files can't be read.
    """
    listener = next((one for one in service.listeners if one.speech == "milter"), None)
    if listener is None:
        raise ActionError(
            f"where {service.name} listens is not known, and no milter-manager names it",
            Exit.PROBLEM,
            "add its socket to smtpd_milters yourself: postconf -e smtpd_milters=…; "
            "or take back the plan that dropped it: console run journal.list",
        )
    chain = next((one for one in found if one.kind == "smtpd"), None)
    spec = _as_seen(host, listener.spec, chroot=chain is not None and chain.chroot)
    files = postfix_files(host)
    entry = entry_of(files.text("main.cf"), "smtpd_milters")
    before = items(entry.value) if entry else ()
    files.edit("-e", f"smtpd_milters={', '.join((*before, spec))}")
    return tuple(files.changes("it is asked last, and for mail that comes by SMTP"))


def _as_seen(host: Host, spec: str, *, chroot: bool) -> str:
    """Return *spec* as Postfix's settings must write it."""
    if not chroot or not spec.startswith("unix:"):
        return spec
    queue = host.postfix.setting("queue_directory")
    path = spec.removeprefix("unix:")
    if path.startswith(f"{queue}/"):
        return f"unix:{path[len(queue) + 1 :]}"
    raise ActionError(
        f"Postfix's smtpd is shut in {queue}, and {path} is outside of it",
        Exit.PROBLEM,
        f"let the milter make its socket below {queue}; see console run sockets.check",
    )


def _services(host: Host, chain: HostChain) -> Iterator[PostfixService]:
    programs = {"smtpd"} if chain.kind == "smtpd" else {"cleanup", "pickup", "qmqpd"}
    for service in host.postfix.services():
        if service.program in programs and (
            service.name in chain.services or chain.kind == "non_smtpd"
        ):
            yield service


def _rest(value: str, specs: set[str], where: str) -> list[str]:
    """Return the items of *value* but those of *specs*; raises `ActionError`."""
    every = items(value)
    rest = [item for item in every if spec_in(item) not in specs]
    if len(rest) == len(every):
        raise _refused(where, specs)
    return rest


def _refused(where: str, specs: set[str]) -> ActionError:
    return ActionError(
        f"{where} does not name {', '.join(sorted(specs))} in so many words: another setting "
        "stands for it",
        Exit.PROBLEM,
        "take it out by hand where it is written: postconf -n | grep milters",
    )
