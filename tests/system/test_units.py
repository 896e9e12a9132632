"""Services under a real systemd, through the host's own port."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.rig.machine import OPERATOR, SUDOER
from tests.system.visitors import visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.system.rig.machine import Machine

ASK = """
import json, sys
from actions.host.commands import SystemCommands
from actions.host.units import SystemdUnits
units = SystemdUnits(SystemCommands())
print(json.dumps([units.state(name)._asdict() for name in sys.argv[1:]]))
"""

OPERATE = """
import json, sys
from actions.host.commands import SystemCommands
from actions.host.errors import HostError
from actions.host.units import SystemdUnits
try:
    SystemdUnits(SystemCommands()).operate(sys.argv[1], sys.argv[2])
except HostError as error:
    print(json.dumps([type(error).__name__, str(error)]))
else:
    print(json.dumps(["done", ""]))
"""

BROKEN = """\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo there is no such setting; exit 3'
"""


def states(machine: Machine, *units: str, user: str = "root") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        machine.python(ASK, *units, user=user).checked().stdout
    )
    return found


def state(machine: Machine, unit: str, user: str = "root") -> dict[str, Any]:
    return states(machine, unit, user=user)[0]


def operate(machine: Machine, operation: str, unit: str, user: str = "root") -> tuple[str, str]:
    told, why = machine.python(OPERATE, operation, unit, user=user).checked().json()
    return told, why


@pytest.mark.parametrize("user", ["root", OPERATOR])
def test_running_units_are_told_to_anyone(healthy: Machine, user: str) -> None:
    native, script = states(healthy, "opendkim.service", "spamass-milter", user=user)
    assert (native["activity"], native["enabled"]) == ("active", True)
    assert native["main_pid"] == int(healthy.sh("cat /run/opendkim/opendkim.pid"))
    assert native["invocation"]
    assert script["activity"] == "active"


@pytest.fixture
def borrowed(borrowed: Machine) -> Iterator[Machine]:
    """The same, where milters end at once."""
    with visited(borrowed):
        yield borrowed


@pytest.fixture
def broken(borrowed: Machine) -> Iterator[Machine]:
    """A host with a unit that does not start."""
    path = "/etc/systemd/system/broken.service"
    borrowed.write(path, BROKEN)
    borrowed.systemctl("daemon-reload")
    yield borrowed
    borrowed.sh(f"rm {path}; systemctl daemon-reload; systemctl reset-failed broken")


def test_stopped_failed_masked_and_missing_units_are_told_apart(broken: Machine) -> None:
    broken.run(["systemctl", "start", "broken"])
    broken.systemctl("stop", "opendkim")
    broken.systemctl("mask", "--now", "spamd")
    stopped, failed, masked, missing, held = states(
        broken, "opendkim", "broken", "spamd", "nosuch.service", "clamav-freshclam"
    )
    broken.sh("systemctl unmask spamd; systemctl start spamd opendkim")
    assert (stopped["activity"], stopped["enabled"]) == ("inactive", True)
    assert failed["activity"] == "failed"
    assert "exit-code" in failed["detail"]
    # spamd may end by a signal that it answers with a failure of its borrowed.
    assert masked["activity"] in {"inactive", "failed"}
    assert masked["enabled"] is False
    assert (missing["activity"], missing["detail"]) == ("inactive", "this host has no such unit")
    assert (held["activity"], held["enabled"]) == ("inactive", False)


def test_root_operates_a_unit(borrowed: Machine) -> None:
    first = state(borrowed, "opendkim")
    assert operate(borrowed, "stop", "opendkim") == ("done", "")
    assert state(borrowed, "opendkim")["activity"] == "inactive"
    assert operate(borrowed, "start", "opendkim") == ("done", "")
    second = state(borrowed, "opendkim")
    assert second["activity"] == "active"
    assert operate(borrowed, "restart", "opendkim") == ("done", "")
    third = state(borrowed, "opendkim")
    assert len({one["invocation"] for one in (first, second, third)}) == 3
    assert operate(borrowed, "reload", "postfix") == ("done", "")
    assert operate(borrowed, "disable", "opendkim") == ("done", "")
    assert state(borrowed, "opendkim")["enabled"] is False
    assert operate(borrowed, "enable", "opendkim") == ("done", "")
    assert state(borrowed, "opendkim")["enabled"] is True


def test_what_was_started_too_often_is_started_once_it_is_mended(borrowed: Machine) -> None:
    unit = "/run/systemd/system/often.service"
    borrowed.write(unit, "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1ms\n")
    borrowed.systemctl("daemon-reload")
    try:
        borrowed.run(["systemctl", "start", "often"])
        borrowed.wait_for(lambda: state(borrowed, "often.service")["activity"] == "failed")
        borrowed.write(unit, "[Service]\nExecStart=/bin/sleep 600\n")
        borrowed.systemctl("daemon-reload")
        refused = borrowed.run(["systemctl", "restart", "often"])
        assert refused.returncode, "else there is nothing to see"
        assert operate(borrowed, "restart", "often.service") == ("done", "")
        assert state(borrowed, "often.service")["activity"] == "active"
    finally:
        borrowed.run(["systemctl", "stop", "often"])
        borrowed.sh(f"rm {unit}")
        borrowed.systemctl("daemon-reload")


@pytest.mark.parametrize("unit", ["spamass-milter", "clamav-milter"])
def test_a_unit_made_of_an_init_script_is_back_after_a_restart(
    borrowed: Machine, unit: str
) -> None:
    assert operate(borrowed, "restart", unit) == ("done", "")
    edges = borrowed.console("sockets.check", "--json").json()["edges"]
    health = {edge["edge"]["name"]: edge["finding"]["health"] for edge in edges}
    assert health[f"smtpd:{unit}"] == "ok"


@pytest.mark.parametrize("unit", ["spamass-milter", "clamav-milter"])
def test_a_unit_made_of_an_init_script_is_disabled_and_enabled(
    borrowed: Machine, unit: str
) -> None:
    assert operate(borrowed, "disable", unit) == ("done", "")
    assert state(borrowed, unit)["enabled"] is False
    assert operate(borrowed, "enable", unit) == ("done", "")
    assert state(borrowed, unit)["enabled"] is True


def test_what_fails_to_start_is_told_with_its_last_words(broken: Machine) -> None:
    told, why = operate(broken, "start", "broken")
    assert told == "HostError"
    assert "there is no such setting" in why


@pytest.mark.parametrize("operation", ["start", "stop", "restart", "enable", "disable"])
@pytest.mark.parametrize("user", [OPERATOR, SUDOER])
def test_an_ordinary_user_may_not(healthy: Machine, user: str, operation: str) -> None:
    before = state(healthy, "opendkim")
    told, why = operate(healthy, operation, "opendkim", user)
    assert told == "NotPermitted", why
    assert "sudo" in why
    after = state(healthy, "opendkim")
    # The clock that counts from the boot is not slewed as the other one is.
    assert after["since"] == pytest.approx(before["since"], abs=0.1)
    assert after == {**before, "memory": after["memory"], "since": after["since"]}


def test_an_operators_own_restarts_are_never_too_many(borrowed: Machine) -> None:
    borrowed.write("/run/systemd/system/often.service", "[Service]\nExecStart=/bin/sleep 600\n")
    borrowed.systemctl("daemon-reload")
    try:
        for _ in range(7):
            assert operate(borrowed, "restart", "often.service") == ("done", "")
    finally:
        borrowed.run(["systemctl", "stop", "often"])
        borrowed.sh("rm /run/systemd/system/often.service")
        borrowed.systemctl("daemon-reload")
