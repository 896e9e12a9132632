"""Services under systemd, as systemctl tells of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.host import units
from actions.host.commands import SystemCommands
from actions.host.errors import HostError, NotPermitted
from actions.host.ports import Completed
from actions.host.units import SystemdUnits

if TYPE_CHECKING:
    from collections.abc import Sequence

ACTIVE = """LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
MainPID=814
InvocationID=2f6d1c
"""


class Systemctl:
    """Answers of systemctl as recorded on a real host; none runs where the tests do."""

    def __init__(self, *answers: tuple[int, str, str] | HostError) -> None:
        self._answers = list(answers)
        self.asked: list[Sequence[str]] = []

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        self.asked.append(argv)
        answer = self._answers.pop(0)
        if isinstance(answer, HostError):
            raise answer
        return Completed(tuple(argv), *answer)


@pytest.fixture
def with_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "_no_systemd", lambda: "")


@pytest.mark.usefixtures("with_systemd")
def test_a_running_unit_is_asked_for_once() -> None:
    systemctl = Systemctl((0, ACTIVE, ""))
    state = SystemdUnits(systemctl).state("clamav-milter.service")
    assert state == ("clamav-milter.service", "active", True, 814, "2f6d1c", "running")
    assert len(systemctl.asked) == 1
    assert systemctl.asked[0][-2:] == ["--", "clamav-milter.service"]


@pytest.mark.usefixtures("with_systemd")
@pytest.mark.parametrize(
    ("told", "activity", "enabled", "detail"),
    [
        (
            "ActiveState=failed\nResult=exit-code\nSubState=failed",
            "failed",
            None,
            "failed, exit-code",
        ),
        ("ActiveState=activating\nSubState=auto-restart", "changing", None, "auto-restart"),
        ("ActiveState=inactive\nUnitFileState=disabled\nSubState=dead", "inactive", False, "dead"),
        ("ActiveState=inactive\nUnitFileState=masked", "inactive", False, ""),
        ("ActiveState=active\nUnitFileState=static", "active", None, ""),
        (
            "LoadState=not-found\nActiveState=inactive",
            "inactive",
            None,
            "this host has no such unit",
        ),
        ("", "unknown", None, ""),
    ],
)
def test_every_state(told: str, activity: str, enabled: bool | None, detail: str) -> None:
    state = SystemdUnits(Systemctl((0, told, ""))).state("x.service")
    assert (state.activity, state.enabled, state.detail) == (activity, enabled, detail)


@pytest.mark.usefixtures("with_systemd")
def test_what_cannot_be_seen_is_unknown() -> None:
    for answer in (HostError("systemctl: no such program"), (1, "", "Failed to connect to bus")):
        state = SystemdUnits(Systemctl(answer)).state("x.service")
        assert state.activity == "unknown"
        assert "systemctl" in state.detail


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here")
def test_without_systemd_it_is_unknown_and_says_why() -> None:
    state = SystemdUnits(SystemCommands()).state("postfix.service")
    assert state.activity == "unknown"
    assert "systemd does not run here (process 1 is" in state.detail
    with pytest.raises(HostError, match=r"cannot start postfix.service: systemd does not run"):
        SystemdUnits(SystemCommands()).operate("start", "postfix.service")


@pytest.mark.usefixtures("with_systemd")
def test_operations() -> None:
    systemctl = Systemctl((0, "", ""), (0, ACTIVE, ""), (0, "", ""))
    SystemdUnits(systemctl).operate("restart", "x.service")
    SystemdUnits(systemctl).operate("stop", "x.service")
    assert systemctl.asked[0] == ["systemctl", "--no-ask-password", "restart", "--", "x.service"]
    assert systemctl.asked[2][2] == "stop"


@pytest.mark.usefixtures("with_systemd")
def test_a_unit_that_falls_over_at_once() -> None:
    systemctl = Systemctl((0, "", ""), (0, "ActiveState=failed\nResult=exit-code", ""))
    with pytest.raises(HostError, match=r"cannot start x.service: exit-code; see journalctl"):
        SystemdUnits(systemctl).operate("start", "x.service")


@pytest.mark.usefixtures("with_systemd")
def test_refusals() -> None:
    failed = Systemctl((1, "", "Job for x.service failed."))
    with pytest.raises(HostError, match=r"Job for x.service failed\.; see journalctl -u x.service"):
        SystemdUnits(failed).operate("restart", "x.service")
    denied = Systemctl((1, "", "Failed to restart x.service: Access denied"))
    with pytest.raises(NotPermitted, match="run as root or with sudo"):
        SystemdUnits(denied).operate("restart", "x.service")
