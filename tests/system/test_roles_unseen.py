"""What is found of a real mail host whose service manager can't be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.system.rig.machine import OPERATOR
from tests.system.test_roles import look

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine


def test_a_systemctl_that_hangs(machine: Machine) -> None:
    before, _ = look(machine)
    machine.sh("mv /usr/bin/systemctl /usr/bin/systemctl.away")
    machine.sh("printf '#!/bin/sh\\nexec sleep 600\\n' >/usr/bin/systemctl")
    machine.sh("chmod 755 /usr/bin/systemctl")
    after, notes = look(machine)
    assert "not ended after 5 s" in next(note for note in notes if "units can't be seen" in note)
    assert after.keys() == before.keys()
    for name, one in after.items():
        assert one["unit"] == ""
        # What is told of it otherwise is the same, from files and from processes.
        assert (one["place"], one["needs"]) == (before[name]["place"], before[name]["needs"])
        assert one["listeners"] == before[name]["listeners"], name


def test_a_bus_that_is_away(machine: Machine) -> None:
    machine.systemctl("stop", "dbus.socket", "dbus.service")
    after, notes = look(machine, OPERATOR)
    (note,) = [note for note in notes if "units can't be seen" in note]
    assert "systemctl list-units" in note
    assert {"postfix", "milter-greylist", "clamd", "dovecot", "mariadb"} <= after.keys()
