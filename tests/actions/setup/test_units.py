"""Units that mail needs: what keeps one from starting, and what is told of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from actions.action import ActionError, Context
from actions.overview.fold import told_once
from actions.setup.fix import plan_fix
from actions.setup.survey import check_setup
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.host.ports import Host, Operation, Units, UnitState, UnitWatch
    from console.lab.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in which every unit runs."""
    with running_lab() as running:
        yield running


class Masked:
    """The lab's units, of which some are masked: its supervisor knows no masks."""

    def __init__(self, units: Units, names: Sequence[str]) -> None:
        self._units, self._names = units, names

    def __getattr__(self, name: str) -> object:
        return getattr(self._units, name)

    def state(self, unit: str) -> UnitState:
        return self.states((unit,))[0]

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        return tuple(
            one._replace(masked=True, enabled=False, activity="inactive")
            if unit.removesuffix(".service") in self._names
            else one
            for unit, one in zip(units, self._units.states(units), strict=True)
        )

    def absent(self) -> str:
        return self._units.absent()

    def names(self) -> tuple[str, ...]:
        return self._units.names()

    def watch(self, changed: object) -> UnitWatch:
        raise NotImplementedError

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        raise NotImplementedError


class Seen(NamedTuple):
    """A host with other units than its own."""

    host: Host
    units: Units

    def __getattr__(self, name: str) -> object:
        return getattr(self.host, name)


def test_each_unit_is_a_finding_of_its_own_and_one_plan_starts_them_all(lab: Lab) -> None:
    for name in ("opendkim", "milter-greylist"):
        lab.host.units.operate("stop", name)
    try:
        report = check_setup(Context(lab.host), ("units.started",))
        names = {finding.name for finding in report.findings}
        assert names == {
            "setup.units.started:milter-greylist.service",
            "setup.units.started:opendkim.service",
        }
        assert {finding.remedy for finding in report.findings} == {report.findings[0].remedy}
        told = told_once(report.findings, ())
        assert {one.name for one in told.findings} == names, "each can be acknowledged by itself"
        starts = [change.kind for change in plan_fix(Context(lab.host), ("units.started",)).changes]
        assert starts == ["start", "start"]
    finally:
        for name in ("opendkim", "milter-greylist"):
            lab.host.units.operate("start", name)


def test_who_masked_a_unit_is_told_and_what_takes_that_back(lab: Lab) -> None:
    own = Path(lab.host.at("/usr/lib/systemd/system/opendkim.service"))
    link = Path(lab.host.at("/run/systemd/system/opendkim.service"))
    for file in (own, link):
        file.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("[Service]\nExecStart=/usr/sbin/opendkim\n")
    link.symlink_to("/dev/null")
    masked = Masked(lab.host.units, ["opendkim"])
    host: Host = Seen(lab.host, masked)  # type: ignore[assignment, arg-type]
    try:
        for name in ("units.started", "units.enabled"):
            with pytest.raises(ActionError) as caught:
                plan_fix(Context(host), (name,))
            assert "systemctl unmask --runtime opendkim.service" in caught.value.next_step
            assert "until the next boot" in caught.value.next_step
    finally:
        link.unlink()
        own.unlink()


def test_what_mail_loses_is_told_in_the_words_of_who_needs_the_service(lab: Lab) -> None:
    lab.host.units.operate("stop", "postfix")
    try:
        (result,) = [
            one
            for one in check_setup(Context(lab.host), ("units.started",)).results
            if one.verdict == "deviates"
        ]
        assert result.why.endswith("other hosts keep theirs and try again")
    finally:
        lab.host.units.operate("start", "postfix")
