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
    "milter-dead": Seen("failed", 451, "clamav-milter.ctl: Connection refused"),
    "milter-hangs": Seen(
        "active",
        451,
        "clamav-milter.ctl: can't read SMFIC_OPTNEG reply packet header: Connection timed out",
    ),
    "milter-closes": Seen(
        "active",
        451,
        "spamass.sock: can't read SMFIC_BODYEOB reply packet header: Application error",
    ),
    "socket-unwritable": Seen(
        "active", 451, "milter-greylist/milter-greylist.sock: Permission denied"
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
        if name == "milter-hangs":
            hurry(lab)
        state = lab.host.units.state(fault.unit)
        assert (state.activity, send(lab).code) == SEEN[name][:2]
        assert SEEN[name].logged in log(lab, "disconnect")
        mend(lab, name, fault.unit)
        assert send(lab).code == (451 if name == "milter-closes" else 250)


def test_several_faults_at_once(place: Path) -> None:
    with running_lab(["milter-dead", "not-a-milter"]) as lab:
        assert [fault.name for fault in lab.faults] == ["milter-dead", "not-a-milter"]
        assert lab.host.units.state("clamav-milter").activity == "failed"
        assert send(lab).code == 451
        assert log(lab, "disconnect").count("warning: ") == 2


def hurry(lab: Lab) -> None:
    """Let Postfix wait for a milter for a second only."""
    file = Path(lab.root, "etc/postfix/main.cf")
    file.write_text(file.read_text().replace("command_timeout = 5s", "command_timeout = 1s"))
    lab.host.units.operate("reload", "postfix")


def mend(lab: Lab, name: str, unit: str) -> None:
    edits = {
        "socket-unwritable": ("/etc/milter-greylist/greylist.conf", '" 440', '" 660'),
        "rejects-everything": ("/etc/default/spamass-milter", "-r 0", "-r 15"),
    }
    if name in edits:
        path, old, new = edits[name]
        file = Path(lab.root + path)
        file.write_text(file.read_text().replace(old, new))
    lab.host.units.operate("restart", unit)


def test_every_fault_has_its_test() -> None:
    assert {fault.name for fault in FAULTS} == set(SEEN)
