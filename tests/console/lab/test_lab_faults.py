"""Every fault is seen as its table says, and mended as it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from console.lab.faults import FAULTS
from console.lab.lab import running_lab
from tests.console.lab.kit import log, send

if TYPE_CHECKING:
    from console.lab.lab import Lab


class Seen(NamedTuple):
    """What one fault looks like from outside."""

    activity: str
    code: int
    logged: str


SEEN = {
    "milter-dead": Seen("failed", 250, "clamav-milter.ctl: Connection refused: clamav-milter"),
    "milter-hangs": Seen("active", 250, "[children][timeout][reading][negotiate][accept] ["),
    "milter-closes": Seen("active", 250, "[children][error][end-of-message][accept] ["),
    "socket-unwritable": Seen(
        "active", 451, "milter-manager/milter-manager.sock: Permission denied"
    ),
    "manager-conf-broken": Seen(
        "active", 250, "milter-manager.conf:24: syntax error, unexpected `end'"
    ),
    "not-a-milter": Seen(
        "active", 451, "opendkim.sock: unreasonable packet length: 1213486160 > 1073741823"
    ),
    "rejects-everything": Seen("active", 550, "END-OF-MESSAGE from mail.example.net"),
}


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_a_fault_is_seen_and_mended(name: str, place: Path) -> None:
    fault = next(fault for fault in FAULTS if fault.name == name)
    with running_lab([name]) as lab:
        state = lab.host.units.state(fault.unit)
        assert (state.activity, send(lab).code) == SEEN[name][:2]
        assert SEEN[name].logged in log(lab, "disconnect")
        mend(lab, name, fault.unit)
        assert send(lab).code == 250


def test_several_faults_at_once(place: Path) -> None:
    with running_lab(["milter-dead", "not-a-milter"]) as lab:
        assert [fault.name for fault in lab.faults] == ["milter-dead", "not-a-milter"]
        assert lab.host.units.state("clamav-milter").activity == "failed"
        assert send(lab).code == 451
        told = log(lab, "disconnect")
        assert "opendkim.sock: unreasonable packet length" in told
        assert "Connection refused: clamav-milter" in told


def mend(lab: Lab, name: str, unit: str) -> None:
    edits = {
        "socket-unwritable": (
            "/etc/default/milter-manager",
            'SOCKET_GROUP="milter-manager"',
            'SOCKET_GROUP="postfix"',
        ),
        "manager-conf-broken": (
            "/etc/milter-manager/milter-manager.conf",
            "end\n\nend",
            "end",
        ),
        "rejects-everything": ("/etc/default/spamass-milter", "-r 0", "-r 15"),
    }
    if name in edits:
        path, old, new = edits[name]
        file = Path(lab.root + path)
        file.write_text(file.read_text().replace(old, new))
    lab.host.units.operate("restart", unit)


def test_every_fault_has_its_test() -> None:
    assert {fault.name for fault in FAULTS} == set(SEEN)
