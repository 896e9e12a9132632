"""ClamAV's signatures fetched by freshclam, the first time or again, as a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import Command, ConfigCheck, UnitOperation
from actions.host.errors import HostError
from actions.plan import Plan, Proof
from actions.services.effects import without
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

FILES = ("/etc/clamav/freshclam.conf", "/etc/freshclam.conf")

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
    check = ConfigCheck(
        ("freshclam", f"--config-file={file}", "--version"), note="its configuration parses"
    )
    if updater is not None:
        require_right(host, updater, (check,))
    changes = (check, *_fetched(host, updater, file), *_used(host, clamd))
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
    for path in (*known, *FILES):
        if host.files.state(host.at(path)).kind != "absent":
            return path
    raise ActionError(
        "freshclam's configuration was not found",
        Exit.PROBLEM,
        f"it is one of {', '.join(FILES)}; install the package clamav-freshclam",
    )


def _fetched(host: Host, updater: MailService | None, file: str) -> Iterator[Change]:
    """Yield the run; a freshclam that waits for its next time holds the log file meanwhile."""
    runs = bool(updater and updater.unit and host.units.state(updater.unit).activity == "active")
    if updater and runs:
        note = "it holds the log file, and starts again at the end"
        yield UnitOperation.planned(host, "stop", updater.unit, note)
    try:
        text = host.files.read(host.files.resolve(host.at(file))).decode("utf-8", "replace")
    except HostError as error:
        raise ActionError(
            f"freshclam's configuration can't be read: {error}",
            Exit.NOT_PERMITTED,
            "run it as root",
        ) from error
    yield Command(
        ("freshclam", f"--config-file={file}", "--stdout", "--show-progress"),
        CLAMAV.value(text, "DatabaseOwner") or OWNER,
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
