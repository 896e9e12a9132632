"""Plans for the tests of the spine, and how they are undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Context, Exit
from actions.changes import Command, FileEdit, Folder, Membership, Ownership, UnitOperation
from actions.plan import Plan, Proof
from actions.registry import find
from actions.runner import run_plan
from tests.actions.sandbox import MENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.plan import Change
    from tests.actions.sandbox import SandboxHost


def a_plan(
    host: SandboxHost, *further: Change, proof_fails: bool = False, title: str = "Mend the milter"
) -> Plan:
    """Return a plan with every kind of change."""
    marker = host.at("/var/marker")
    return Plan(
        title,
        "sandbox.fix",
        {"edge": "smtpd"},
        "postfix may not open the socket",
        (
            FileEdit.planned(host, host.at("/etc/milter.conf"), MENDED),
            FileEdit.planned(host, host.at("/etc/old.conf"), None),
            Folder.planned(host, host.at("/etc/drop.d"), mode=0o750, group="postfix"),
            FileEdit.planned(
                host,
                host.at("/etc/drop.d/new.conf"),
                b"Group=postfix\n",
                mode=0o640,
                owner="milter",
            ),
            Ownership.planned(host, host.at("/run/milter.sock"), group="postfix", mode=0o660),
            Membership.planned(host, "postfix", "milter"),
            Command(("touch", marker), undo_argv=("rm", "-f", marker)),
            UnitOperation.planned(host, "restart", "milter"),
            *further,
        ),
        Proof("the milter runs with its settings", "sandbox.proof", {"fails": proof_fails}),
    )


def an_edit(host: SandboxHost, content: bytes = MENDED) -> Plan:
    """Return a plan with one edit and no proof."""
    edit = FileEdit.planned(host, host.at("/etc/milter.conf"), content)
    return Plan("Edit", "sandbox.edit", {}, "", (edit,))


def journal_plan(host: SandboxHost, action: str, **arguments: object) -> Plan:
    made = find(f"journal.{action}").function(Context(host), **arguments)
    assert isinstance(made, Plan)
    return made


def undo(host: SandboxHost, entry: str = "last", **arguments: object) -> None:
    report = run_plan(Context(host), journal_plan(host, "undo", entry=entry, **arguments))
    assert report.status == "applied"
    assert report.exit_code is Exit.FINE


def status_of(host: SandboxHost) -> Mapping[str, str]:
    report = find("journal.list").function(Context(host))
    return {entry.id: entry.status for entry in report.entries}  # type: ignore[attr-defined]
