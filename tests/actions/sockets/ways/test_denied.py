"""The ways for what is denied: a local rule for AppArmor, and the label that SELinux misses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from actions.changes import ConfigCheck, FileEdit, Looked
from actions.sockets.ways.denied import apparmor, selinux
from actions.sockets.ways.way import Declined
from tests.actions.sandbox import needs_root
from tests.actions.sockets.ways.folders import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_root

PROFILE = "profile milter /usr/sbin/milter {\n  include if exists <local/usr.sbin.milter>\n}\n"


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    made.closed(0o755, 0o666)
    yield made
    made.end()


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def by_apparmor(place: Place) -> None:
    """Let AppArmor have denied the daemon its socket, in the form of its lines."""
    put(place.root / "sys/module/apparmor/parameters/enabled", "Y\n")
    put(place.root / "etc/apparmor.d/usr.sbin.milter", PROFILE)
    line = (
        f"type=AVC msg=audit({time.time() + 1:.3f}:456): "
        'apparmor="DENIED" operation="connect" class="file" profile="/usr/sbin/milter" '
        f'name="{place.socket}" pid=1234 comm="smtpd" requested_mask="wr" denied_mask="wr" '
        "fsuid=117 ouid=117"
    )
    put(place.root / "var/log/audit/audit.log", f"{line}\n")


def by_selinux(place: Place) -> None:
    """Let SELinux have denied smtpd the socket, in the form of its lines."""
    put(place.root / "sys/fs/selinux/enforce", "1")
    line = (
        f"type=AVC msg=audit({time.time() + 1:.3f}:1638): avc:  denied  {{ write }} for  "
        'pid=6591 comm="smtpd" name="milter.sock" dev="tmpfs" ino=17423 '
        "scontext=system_u:system_r:postfix_smtpd_t:s0 "
        "tcontext=system_u:object_r:var_run_t:s0 tclass=sock_file permissive=0"
    )
    put(place.root / "var/log/audit/audit.log", f"{line}\n")


def test_where_nothing_is_denied_nothing_is_offered(place: Place) -> None:
    assert apparmor(place.case("denied")) is None
    assert selinux(place.case("denied")) is None


def test_a_rule_is_added_to_the_operators_own_and_loaded(place: Place) -> None:
    by_apparmor(place)
    assert selinux(place.case("denied")) is None
    local = place.root / "etc/apparmor.d/local/usr.sbin.milter"
    put(local, "# mine\n  /etc/hosts r,")
    offer = apparmor(place.case("denied"))
    assert offer is not None
    assert offer.way.lasting
    ahead, edit, load = offer.changes[:3]
    assert isinstance(edit, FileEdit)
    assert edit.path == str(local)
    assert edit.after is not None
    assert edit.after.content.decode() == f"# mine\n  /etc/hosts r,\n  {place.socket} rw,\n"
    # Forward it is loaded after the edit, and on the way back after the edit is gone.
    assert isinstance(load, ConfigCheck)
    assert load.argv == ("apparmor_parser", "--replace", "/etc/apparmor.d/usr.sbin.milter")
    assert isinstance(ahead, Looked)
    assert (ahead.ahead, ahead.inverse()) == (True, load)


def test_a_profile_without_the_operators_own_part_is_told(place: Place) -> None:
    by_apparmor(place)
    put(place.root / "etc/apparmor.d/usr.sbin.milter", "profile milter /usr/sbin/milter {\n}\n")
    with pytest.raises(Declined, match="does not include") as caught:
        apparmor(place.case("denied"))
    assert caught.value.next_step == f"add to the profile: {place.socket} rw,"
    (place.root / "etc/apparmor.d/usr.sbin.milter").unlink()
    with pytest.raises(Declined, match="is not found in /etc/apparmor"):
        apparmor(place.case("denied"))


def test_a_pattern_in_a_path_becomes_no_rule(place: Place) -> None:
    place.socket = place.socket.rename(place.folder / "{a,**}.sock")
    by_apparmor(place)
    with pytest.raises(Declined, match="would mean something else in a rule"):
        apparmor(place.case("denied"))


def test_the_label_that_is_missing_is_told_with_its_commands(place: Place) -> None:
    by_selinux(place)
    assert apparmor(place.case("denied")) is None
    with pytest.raises(Declined, match="SELinux denied smtpd") as caught:
        selinux(place.case("denied"))
    assert f"restorecon -Rv {place.folder}" in caught.value.next_step
    assert "semanage fcontext -a -t" in caught.value.next_step
