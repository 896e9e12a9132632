"""Services under systemd, as systemctl tells of them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from actions.host import units
from actions.host.commands import SystemCommands
from actions.host.errors import HostError, NotPermitted
from actions.host.ports import Completed
from actions.host.unit_state import starts_at_boot
from actions.host.units import SystemdUnits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ACTIVE = """LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
MainPID=814
InvocationID=2f6d1c
"""

SCANNER = """Id=clamd@scan.service
Names=clamd@scan.service
Description=clamd scanner (scan) daemon
LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
MainPID=901
ActiveEnterTimestampMonotonic=1234500000
InactiveEnterTimestampMonotonic=0
MemoryCurrent=[not set]
NRestarts=2
ExecStart={ path=/usr/sbin/clamd ; argv[]=/usr/sbin/clamd -c /etc/clamd.d/scan.conf ; \
ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
SourcePath=
FragmentPath=/usr/lib/systemd/system/clamd@.service
DropInPaths=/etc/systemd/system/clamd@scan.service.d/limits.conf
ControlGroup=/system.slice/system-clamd.slice/clamd@scan.service
User=clamscan
"""


NOTHING = (0, "", "")


class Systemctl(SystemCommands):
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
    assert state[:6] == ("clamav-milter.service", "active", True, 814, "2f6d1c", "running")
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
        ("", "unknown", None, "systemctl show: it says nothing of this unit"),
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
    with pytest.raises(HostError, match=r"cannot take up the units' files: systemd does not run"):
        SystemdUnits(SystemCommands()).reread()


@pytest.mark.usefixtures("with_systemd")
def test_operations() -> None:
    active, done = (0, ACTIVE, ""), (0, "", "")
    systemctl = Systemctl(active, done, done, active, active, done)
    SystemdUnits(systemctl).operate("restart", "x.service")
    SystemdUnits(systemctl).operate("stop", "x.service")
    assert systemctl.asked[1][2] == "reset-failed", "its restarts are an operator's own"
    assert systemctl.asked[2] == ["systemctl", "--no-ask-password", "restart", "--", "x.service"]
    assert systemctl.asked[5][2] == "stop"


@pytest.mark.usefixtures("with_systemd")
def test_units_are_read_again() -> None:
    denied = "Failed to reload daemon: Interactive authentication required."
    systemctl = Systemctl((0, "", ""), (1, "", denied), (1, "", "Failed: Connection timed out"))
    units = SystemdUnits(systemctl)
    units.reread()
    assert systemctl.asked[0] == ["systemctl", "--no-ask-password", "daemon-reload"]
    with pytest.raises(NotPermitted, match="run as root or with sudo"):
        units.reread()
    with pytest.raises(HostError, match="timed out; see journalctl"):
        units.reread()


@pytest.mark.usefixtures("with_systemd")
def test_an_init_script_is_stopped_and_started() -> None:
    script = ACTIVE + "SourcePath=/etc/init.d/x\n"
    active, done = (0, script, ""), (0, "", "")
    systemctl = Systemctl(active, done, done, done, active)
    SystemdUnits(systemctl).operate("restart", "x.service")
    assert [asked[2] for asked in systemctl.asked[2:4]] == ["stop", "start"]


@pytest.mark.usefixtures("with_systemd")
def test_a_unit_that_falls_over_at_once() -> None:
    off, failed = (0, "ActiveState=inactive", ""), (0, "ActiveState=failed\nResult=exit-code", "")
    systemctl = Systemctl(off, NOTHING, NOTHING, failed, NOTHING)
    with pytest.raises(HostError, match=r"cannot start x.service: exit-code; see journalctl"):
        SystemdUnits(systemctl).operate("start", "x.service")


@pytest.mark.usefixtures("with_systemd")
def test_a_unit_that_fell_over_too_often_is_started_all_the_same() -> None:
    systemctl = Systemctl((0, "ActiveState=failed", ""), NOTHING, NOTHING, (0, ACTIVE, ""))
    SystemdUnits(systemctl).operate("start", "x.service")
    assert [asked[2] for asked in systemctl.asked[1:3]] == ["reset-failed", "start"]


@pytest.mark.usefixtures("with_systemd")
def test_a_refusal_has_what_the_unit_logged_last() -> None:
    logged = "x.service: Main process exited\nbad option --frobnicate\n"
    off, refusal = (0, "ActiveState=inactive", ""), (1, "", "Job for x.service failed.\nSee …")
    systemctl = Systemctl(off, NOTHING, refusal, (0, logged, ""))
    with pytest.raises(HostError) as refused:
        SystemdUnits(systemctl).operate("start", "x.service")
    told = "cannot start x.service: Job for x.service failed; it logged: bad option --frobnicate"
    assert str(refused.value) == told


@pytest.mark.usefixtures("with_systemd")
def test_all_that_is_told_of_a_unit() -> None:
    state = SystemdUnits(Systemctl((0, SCANNER, ""))).state("clamd@scan")
    assert state.known
    assert not state.masked
    assert (state.description, state.user) == ("clamd scanner (scan) daemon", "clamscan")
    assert state.since is not None
    assert state.since == pytest.approx(time.time() - time.monotonic() + 1234.5, abs=1)
    assert (state.memory, state.restarts) == (None, 2)
    assert state.command == ("/usr/sbin/clamd", "-c", "/etc/clamd.d/scan.conf")
    assert state.files == (
        "/usr/lib/systemd/system/clamd@.service",
        "/etc/systemd/system/clamd@scan.service.d/limits.conf",
    )
    assert state.group == "/system.slice/system-clamd.slice/clamd@scan.service"


@pytest.mark.usefixtures("with_systemd")
def test_many_units_by_one_question_in_their_order() -> None:
    answer = f"{ACTIVE}\n{SCANNER}\nId=x.service\nNames=x.service\nLoadState=not-found\n"
    systemctl = Systemctl((0, answer, ""))
    names = ("clamav-milter.service", "clamd@scan.service", "x.service")
    states = SystemdUnits(systemctl).states(names)
    assert [state.name for state in states] == list(names)
    assert [state.main_pid for state in states] == [814, 901, 0]
    assert [state.known for state in states] == [True, True, False]
    assert len(systemctl.asked) == 1
    assert SystemdUnits(systemctl).states(()) == ()


@pytest.mark.usefixtures("with_systemd")
def test_a_unit_left_out_of_the_answer_is_unknown_and_the_others_are_not() -> None:
    refused = "Failed to get properties: Unit name bad@@.x is neither a valid invocation ID"
    systemctl = Systemctl((1, SCANNER, refused))
    bad, scanner = SystemdUnits(systemctl).states(("bad@@.x", "clamd@scan"))
    assert (bad.activity, scanner.activity) == ("unknown", "active")
    assert "neither a valid invocation ID" in bad.detail


@pytest.mark.usefixtures("with_systemd")
def test_templates_and_patterns_are_no_unit() -> None:
    systemctl = Systemctl()
    for name in ("clamd@.service", "clamd@", "post*", ""):
        state = SystemdUnits(systemctl).state(name)
        assert (state.activity, state.detail) == ("unknown", f"{name!r} is no unit's name")
    assert systemctl.asked == []


@pytest.mark.usefixtures("with_systemd")
def test_old_and_odd_answers() -> None:
    old = "LoadState=loaded\nActiveState=active\nMemoryCurrent=18446744073709551615\n"
    state = SystemdUnits(Systemctl((0, old, ""))).state("x")
    assert (state.memory, state.restarts, state.since, state.command) == (None, None, None, ())
    masked = "LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n"
    state = SystemdUnits(Systemctl((0, masked, ""))).state("x")
    assert (state.masked, state.enabled, state.known) == (True, False, True)
    bad = "LoadState=bad-setting\nActiveState=inactive\nSubState=dead\n"
    state = SystemdUnits(Systemctl((0, bad, ""))).state("x")
    assert (state.activity, state.detail) == ("inactive", "bad-setting, dead")


@pytest.mark.usefixtures("with_systemd")
def test_an_init_script_is_the_units_file_and_its_links_enable_it() -> None:
    script = "/etc/init.d/no-such-script"
    told = f"LoadState=loaded\nActiveState=active\nUnitFileState=generated\nSourcePath={script}\n"
    told += "FragmentPath=/run/systemd/generator.late/no-such-script.service\n"
    state = SystemdUnits(Systemctl((0, told, ""))).state("no-such-script")
    assert state.files == (script,)
    assert state.enabled is False


@pytest.mark.parametrize(
    ("links", "enabled"),
    [(("K01milter",), False), (("S01milter", "K01other"), True), (("S20other-milter",), False)],
)
def test_links_that_start_an_init_script(
    tmp_path: Path, links: tuple[str, ...], enabled: bool
) -> None:
    (tmp_path / "rc3.d").mkdir()
    for link in links:
        (tmp_path / "rc3.d" / link).symlink_to("../init.d/milter")
    assert starts_at_boot("milter", str(tmp_path)) is enabled


@pytest.mark.usefixtures("with_systemd")
def test_names_are_of_loaded_units_and_of_files_and_no_templates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = (
        "clamd@scan.service loaded active running clamd scanner (scan) daemon\n"
        "gone.service not-found inactive dead gone.service\n"
        "postfix@-.service loaded active running Postfix (instance -)\n"
    )
    for name in ("clamd@.service", "mariadb.service", "postfix.service", "x.socket"):
        (tmp_path / name).touch()
    (tmp_path / "mysql.service").symlink_to("mariadb.service")
    (tmp_path / "exim4.service").symlink_to("/dev/null")
    monkeypatch.setattr(units, "UNIT_FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    assert SystemdUnits(Systemctl((0, loaded, ""))).names() == (
        "clamd@scan.service",
        "exim4.service",
        "mariadb.service",
        "postfix.service",
        "postfix@-.service",
    )
    with pytest.raises(HostError, match="systemctl list-units: no bus"):
        SystemdUnits(Systemctl((1, "", "no bus"))).names()


@pytest.mark.usefixtures("with_systemd")
def test_a_start_that_a_condition_held_back_is_told() -> None:
    told = (
        "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\n"
        "ConditionResult=no\nConditionTimestampMonotonic={}\n"
    )
    held = SystemdUnits(Systemctl((0, told.format(2_345_678), ""))).state("clamav-daemon")
    assert held.detail == "dead, a condition of its unit was not met"
    never = SystemdUnits(Systemctl((0, told.format(0), ""))).state("clamav-daemon")
    assert never.detail == "dead"


@pytest.mark.usefixtures("with_systemd")
def test_a_hanging_systemctl_is_left_soon(tmp_path: Path) -> None:
    # A systemd that hangs can't be made at will: its program is a stand-in that sleeps.
    class Hanging(SystemCommands):
        def run(
            self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
        ) -> Completed:
            assert timeout <= 5
            return super().run(["sleep", "60"], timeout=timeout / 50)

    state = SystemdUnits(Hanging()).state("postfix")
    assert state.activity == "unknown"
    assert "not ended after" in state.detail


@pytest.mark.usefixtures("with_systemd")
def test_refusals() -> None:
    active, done = (0, ACTIVE, ""), (0, "", "")
    failed = Systemctl(active, done, (1, "", "Job for x.service failed."), NOTHING)
    with pytest.raises(HostError, match=r"Job for x.service failed\.; see journalctl -u x.service"):
        SystemdUnits(failed).operate("restart", "x.service")
    denied = Systemctl(active, done, (1, "", "Failed to restart x.service: Access denied"))
    with pytest.raises(NotPermitted, match="run as root or with sudo"):
        SystemdUnits(denied).operate("restart", "x.service")
