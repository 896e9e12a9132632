"""ClamAV's signatures fetched by freshclam, the first time or again, as a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import Command, ConfigCheck, UnitOperation
from actions.host.errors import HostError, UnknownAccount
from actions.mailhost import files
from actions.mailhost.effects import without
from actions.plan import Plan, Proof
from actions.services.named import found_services
from actions.services.operate import require_right
from actions.services.syntax import checks, is_here
from actions.settings.directives import CLAMAV

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.mailhost.service import MailService
    from actions.plan import Change

OWNER = "clamav"
"""DatabaseOwner where nothing sets it (freshclam.conf(5)); RHEL's package sets clamupdate."""

PATIENCE = 3600.0
"""Seconds; the first time some 250 MB come."""

IN_TIME = 180.0
"""Seconds in which clamd must have read them."""


def plan_freshclam(ctx: Context) -> Plan:
    """Return the plan that runs freshclam to its end, and has clamd use what it fetched.

    Raises:
        ActionError: there is no freshclam, or its configuration is broken.
        HostError: its configuration can't be read.
    """
    host = ctx.host
    services = found_services(host)
    if host.kind != "system" or not is_here("freshclam"):
        raise ActionError(
            "this host has no freshclam", Exit.PROBLEM, "install the package clamav-freshclam"
        )
    clamd = next((one for one in services if one.program == "clamd"), None)
    updater = next((one for one in services if one.program == "freshclam"), None)
    file = _configuration(host, updater)
    user = _owner(host, file)
    check = ConfigCheck(
        ("freshclam", f"--config-file={file}", "--version"), user, note="its configuration parses"
    )
    if updater is not None:
        require_right(host, updater, (check,))
    changes = (check, *_fetched(host, updater, file, user), *_used(host, clamd))
    effect = without(clamd, services) if clamd else ""
    why = "clamd knows only what freshclam has fetched"
    why += f"; without any it does not start: {effect}" if effect else ""
    proof = Proof(
        "clamd answers with its signatures" if clamd else "the signatures are there",
        "services.signatures",
        {"within": IN_TIME},
    )
    return Plan("Fetch ClamAV's signatures", "services.freshclam", {}, why, changes, proof)


def _configuration(host: Host, updater: MailService | None) -> str:
    known = updater.configuration if updater else ()
    for path in (*known, *files.FRESHCLAM):
        if host.files.state(host.at(path)).kind != "absent":
            return path
    raise ActionError(
        "freshclam's configuration was not found",
        Exit.PROBLEM,
        f"it is one of {', '.join(files.FRESHCLAM)}; install the package clamav-freshclam",
    )


def _owner(host: Host, file: str) -> str:
    """Return as whom freshclam runs: DatabaseOwner, where root or that user wrote it.

    It runs programs that its configuration names (OnUpdateExecute), and Debian's belongs to
    clamav.
    """
    path = host.at(file)
    try:
        path = host.files.resolve(path)
        kept = host.files.keep(path)
    except HostError as error:
        raise ActionError(
            f"freshclam's configuration can't be read: {error}",
            Exit.NOT_PERMITTED,
            "run it as root",
        ) from error
    text = kept.content.decode("utf-8", "replace") if kept else ""
    name = CLAMAV.value(text, "DatabaseOwner") or OWNER
    try:
        uid = host.accounts.user(name).uid
    except UnknownAccount as error:
        raise ActionError(
            f"{file} names a DatabaseOwner that this host lacks: {error}",
            Exit.PROBLEM,
            "name the user to whom the signatures belong",
        ) from error
    if kept and (kept.mode & 0o022 or kept.uid not in {0, uid}):
        writer = host.accounts.user_name(kept.uid)
        raise ActionError(
            f"{file} (of {writer}, mode {kept.mode:04o}) tells freshclam to run as {name}, and "
            "others can write it: it could run anything with that user's rights",
            Exit.PROBLEM,
            f"look who set DatabaseOwner, then: chown root {file}; chmod go-w {file}",
        )
    return name


def _fetched(host: Host, updater: MailService | None, file: str, user: str) -> Iterator[Change]:
    """Yield the run; a freshclam that waits for its next time holds the log file meanwhile."""
    runs = bool(updater and updater.unit and host.units.state(updater.unit).activity == "active")
    if updater and runs:
        note = "it holds the log file, and starts again at the end"
        yield UnitOperation.planned(host, "stop", updater.unit, note)
    yield Command(
        ("freshclam", f"--config-file={file}", "--stdout", "--show-progress"),
        user,
        why_no_undo="newer signatures take the place of older ones",
        timeout=PATIENCE,
        note="the first time some 250 MB come; stopped amid it, what was there before stays",
        stoppable=True,
    )
    if updater and runs:
        yield UnitOperation.planned(host, "start", updater.unit)


def _used(host: Host, clamd: MailService | None) -> Iterator[Change]:
    """Yield what has clamd use the new signatures."""
    if clamd is None or not clamd.unit:
        return
    state = host.units.state(clamd.unit)
    if state.masked:
        return
    if state.activity == "active":
        if state.reloads:
            note = "it goes on with the old signatures until it has read the new"
            yield UnitOperation.planned(host, "reload", clamd.unit, note)
        return
    guard = checks(host, clamd, state)
    require_right(host, clamd, guard)
    yield from guard
    yield UnitOperation.planned(host, "start", clamd.unit, "it reads its signatures first")
