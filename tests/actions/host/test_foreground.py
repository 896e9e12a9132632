"""A run in a unit's place, as far as no systemd is needed; the rest is in tests/system."""

from __future__ import annotations

import os

import pytest

from actions.host.commands import SystemCommands
from actions.host.errors import HostError, NotPermitted
from actions.host.foreground import run_instead
from actions.host.keeper import keeper_of
from actions.host.ports import UnitState
from actions.host.unit_state import FOREGROUND, is_in_foreground
from actions.host.units import SystemdUnits
from tests.actions.sandbox import SandboxUnits


class Stated(SandboxUnits):
    """Units of one state, which nothing may be done to: it is refused before."""

    def __init__(self, state: UnitState) -> None:
        super().__init__("/nonexistent")
        self._state = state

    def state(self, unit: str) -> UnitState:
        return self._state


def refused(units: SandboxUnits | SystemdUnits, unit: str, *argv: str) -> str:
    with pytest.raises(HostError) as error:
        run_instead(SystemCommands(), units, unit, argv, lambda *_: None, lambda: True, 1.0)
    return str(error.value)


ACTIVE = UnitState("x.service", "active", True, 1, "a", "running")


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here")
def test_without_systemd_it_is_said_so() -> None:
    units = SystemdUnits(SystemCommands())
    with pytest.raises(HostError, match="systemd does not run here"):
        units.run_instead("x.service", ("/bin/true",), lambda *_: None, lambda: True, 1.0)


def test_only_root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotPermitted, match="use sudo"):
        run_instead(
            SystemCommands(), Stated(ACTIVE), "x", ("/bin/true",), lambda *_: None, lambda: True, 1
        )


@pytest.mark.parametrize(
    ("state", "unit", "argv", "why"),
    [
        (ACTIVE, "../x", ("/bin/true",), "is no service"),
        (ACTIVE, "x y", ("/bin/true",), "is no service"),
        (ACTIVE, "x", ("true",), "does not begin with the path"),
        (ACTIVE, "x", ("/bin/true", "\x1b"), "can't stand in a unit's file"),
        (ACTIVE._replace(masked=True), "x", ("/bin/true",), "it is masked"),
        (ACTIVE._replace(activity="changing", detail="start"), "x", ("/bin/true",), "start"),
        (ACTIVE._replace(known=False, detail="no such unit"), "x", ("/bin/true",), "no such unit"),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may")
def test_what_makes_no_sense_is_refused_before_anything_is_made(
    state: UnitState, unit: str, argv: tuple[str, ...], why: str
) -> None:
    assert why in refused(Stated(state), unit, *argv)


@pytest.mark.parametrize(
    ("unit", "keeper"),
    [
        ("opendkim.service", "milter-console-run-opendkim.service"),
        ("clamd@scan.service", "milter-console-run-clamd-scan.service"),
        ("a\\x2db.service", "milter-console-run-a-x2db.service"),
    ],
)
def test_the_keeper_is_no_instance_of_a_template(unit: str, keeper: str) -> None:
    assert keeper_of(unit) == keeper


def test_a_run_is_told_by_its_drop_in() -> None:
    path = f"/run/systemd/system/x.service.d/{FOREGROUND}"
    assert is_in_foreground(ACTIVE._replace(files=("/usr/lib/systemd/system/x.service", path)))
    assert not is_in_foreground(ACTIVE)
