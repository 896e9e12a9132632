"""Plans of the services, made and applied on a lab that is afterwards as it was."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from actions.action import Context
from actions.journal.store import Journal
from actions.plan import Plan
from actions.registry import find
from actions.runner import run_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.outcome import PlanReport
    from console.lab.lab import Lab

MANAGED = "/etc/milter-manager/milter-manager.conf"
FILES = (MANAGED, "/etc/postfix/main.cf", "/etc/postfix/master.cf")


@contextmanager
def restored(lab: Lab) -> Iterator[Lab]:
    """Let *lab* be changed, and put back files and units afterwards."""
    kept = {path: Path(lab.host.at(path)).read_bytes() for path in FILES}
    try:
        yield lab
    finally:
        if entry := Journal(lab.host.state_folder).open_entry():
            leave = find("journal.leave").function(Context(lab.host), entry=entry.id)
            run_plan(Context(lab.host), cast("Plan", leave))
        for path, content in kept.items():
            Path(lab.host.at(path)).write_bytes(content)
        for unit in lab.host.units.names():
            lab.host.units.operate("start", unit)
            lab.host.units.operate("enable", unit)
        for unit in ("milter-manager", "postfix"):
            lab.host.units.operate("reload", unit)


def contents(lab: Lab) -> dict[str, bytes]:
    return {path: Path(lab.host.at(path)).read_bytes() for path in FILES}


def planned(lab: Lab, action: str, **arguments: Any) -> Plan:
    made = find(f"services.{action}").function(Context(lab.host), **arguments)
    assert isinstance(made, Plan)
    return made


def applied(lab: Lab, plan: Plan) -> PlanReport:
    return run_plan(Context(lab.host), plan)


def undo(lab: Lab, report: PlanReport, *, proof: str = "") -> None:
    """Take back what *report* did; where a *proof* of it is given, that must be proved."""
    plan = cast("Plan", find("journal.undo").function(Context(lab.host), entry=report.entry))
    undone = applied(lab, plan)
    assert undone.status == "applied"
    if proof:
        assert undone.proof is not None
        assert (undone.proof.summary, undone.proof.status) == (proof, "proved")


def activity(lab: Lab, name: str) -> str:
    return lab.host.units.state(name).activity


def asked(lab: Lab) -> list[str]:
    told = find("services.asked").function(Context(lab.host))
    return [one.name for one in told.milters]  # type: ignore[attr-defined]
