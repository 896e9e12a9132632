"""Services under a real systemd, through the host's own port."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.system.rig.machine import OPERATOR, SUDOER

if TYPE_CHECKING:
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


def test_stopped_failed_masked_and_missing_units_are_told_apart(machine: Machine) -> None:
    machine.write("/etc/systemd/system/broken.service", BROKEN)
    machine.systemctl("daemon-reload")
    machine.run(["systemctl", "start", "broken"])
    machine.systemctl("stop", "opendkim")
    machine.systemctl("mask", "--now", "spamd")
    stopped, failed, masked, missing, held = states(
        machine, "opendkim", "broken", "spamd", "nosuch.service", "clamav-freshclam"
    )
    assert (stopped["activity"], stopped["enabled"]) == ("inactive", True)
    assert failed["activity"] == "failed"
    assert "exit-code" in failed["detail"]
    # spamd may end by a signal that it answers with a failure of its own.
    assert masked["activity"] in {"inactive", "failed"}
    assert masked["enabled"] is False
    assert (missing["activity"], missing["detail"]) == ("inactive", "this host has no such unit")
    assert (held["activity"], held["enabled"]) == ("inactive", False)


def test_root_operates_a_unit(machine: Machine) -> None:
    first = state(machine, "opendkim")
    assert operate(machine, "stop", "opendkim") == ("done", "")
    assert state(machine, "opendkim")["activity"] == "inactive"
    assert operate(machine, "start", "opendkim") == ("done", "")
    second = state(machine, "opendkim")
    assert second["activity"] == "active"
    assert operate(machine, "restart", "opendkim") == ("done", "")
    third = state(machine, "opendkim")
    assert len({one["invocation"] for one in (first, second, third)}) == 3
    assert operate(machine, "reload", "postfix") == ("done", "")
    assert operate(machine, "disable", "opendkim") == ("done", "")
    assert state(machine, "opendkim")["enabled"] is False
    assert operate(machine, "enable", "opendkim") == ("done", "")
    assert state(machine, "opendkim")["enabled"] is True


@pytest.mark.parametrize("unit", ["spamass-milter", "clamav-milter"])
def test_a_unit_made_of_an_init_script_is_back_after_a_restart(machine: Machine, unit: str) -> None:
    assert operate(machine, "restart", unit) == ("done", "")
    edges = machine.console("sockets.check", "--json").json()["edges"]
    health = {edge["name"]: edge["finding"]["health"] for edge in edges}
    assert health[unit] == "ok"


@pytest.mark.parametrize("unit", ["spamass-milter", "clamav-milter"])
def test_a_unit_made_of_an_init_script_is_disabled_and_enabled(machine: Machine, unit: str) -> None:
    assert operate(machine, "disable", unit) == ("done", "")
    assert state(machine, unit)["enabled"] is False
    assert operate(machine, "enable", unit) == ("done", "")
    assert state(machine, unit)["enabled"] is True


def test_what_fails_to_start_is_told_with_its_last_words(machine: Machine) -> None:
    machine.write("/etc/systemd/system/broken.service", BROKEN)
    machine.systemctl("daemon-reload")
    told, why = operate(machine, "start", "broken")
    assert told == "HostError"
    assert "there is no such setting" in why


@pytest.mark.parametrize("operation", ["start", "stop", "restart", "enable", "disable"])
@pytest.mark.parametrize("user", [OPERATOR, SUDOER])
def test_an_ordinary_user_may_not(healthy: Machine, user: str, operation: str) -> None:
    before = state(healthy, "opendkim")
    told, why = operate(healthy, operation, "opendkim", user)
    assert told == "NotPermitted", why
    assert "sudo" in why
    assert state(healthy, "opendkim") == {**before, "memory": state(healthy, "opendkim")["memory"]}
