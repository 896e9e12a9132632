"""The lab as a host: units, accounts, settings, connections with the rights of its users."""

from __future__ import annotations

import os
import queue
import signal
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Exit
from actions.host.endpoint import parse_endpoint
from actions.host.errors import HostError, UnknownAccount
from console.lab import lab as lab_module
from console.lab.lab import attach, running_lab
from tests.console.lab.kit import UNITS, alive, edited, log, log_size, send

if TYPE_CHECKING:
    from console.lab.lab import Lab

GREYLIST = "/etc/milter-greylist/greylist.conf"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="services have users of their own as root")


def greylist_socket(lab: Lab) -> Path:
    return Path(lab.root, "run/milter-greylist/milter-greylist.sock")


def test_starting_and_stopping_is_quick(place: Path) -> None:
    started = time.monotonic()
    with running_lab() as lab:
        start = time.monotonic() - started
        states = [lab.host.units.state(unit) for unit in UNITS]
        assert {state.activity for state in states} == {"active"}
        assert all(state.enabled and state.main_pid and state.invocation for state in states)
        ended = time.monotonic()
    stop = time.monotonic() - ended
    assert start < 1.5
    assert stop < 1.0
    assert not Path(lab.root).exists()
    assert not any(alive(state.main_pid) for state in states)


def test_the_chain_is_in_postfix_order(lab: Lab) -> None:
    order = ("milter-manager", "opendkim")
    assert all(word in spec for word, spec in zip(order, lab.milters, strict=True))
    for spec in lab.milters:
        assert stat.S_ISSOCK(os.stat(parse_endpoint(spec).place).st_mode)


def test_an_edited_setting_counts_after_a_restart(lab: Lab) -> None:
    path = greylist_socket(lab)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with edited(lab, GREYLIST, '" 660', '" 600', "milter-greylist.service"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    moved = f"{lab.root}/run/clamav/other.ctl"
    conf = "/etc/clamav/clamav-milter.conf"
    with edited(lab, conf, f"{lab.root}/run/clamav/clamav-milter.ctl", moved, "clamav-milter"):
        assert stat.S_ISSOCK(os.stat(moved).st_mode)
    assert not Path(moved).exists(), "a stopped milter removes its socket"


def test_verbosity_is_a_setting(lab: Lab) -> None:
    since = log_size(lab)
    with edited(
        lab, "/etc/clamav/clamav-milter.conf", "LogVerbose false", "LogVerbose yes", "clamav-milter"
    ):
        send(lab)
        assert "scanning 7 bytes from 203.0.113.7" in log(lab, "disconnect", since)


def test_a_broken_setting_fails_the_unit_and_says_where(lab: Lab) -> None:
    file = Path(lab.root + GREYLIST)
    before = file.read_text()
    since = log_size(lab)
    file.write_text(before.replace('" 660', '" 888'))
    with pytest.raises(HostError, match="restart milter-greylist: socket: '888' is no mode"):
        lab.host.units.operate("restart", "milter-greylist")
    state = lab.host.units.state("milter-greylist")
    assert (state.activity, state.main_pid) == ("failed", 0)
    assert "'888' is no mode" in state.detail
    assert "milter-greylist.service: socket: '888' is no mode" in log(lab, "lab[", since)
    file.write_text(before)
    lab.host.units.operate("start", "milter-greylist")
    assert lab.host.units.state("milter-greylist").activity == "active"


def test_stop_start_and_restart_wait_for_the_process(lab: Lab) -> None:
    units = lab.host.units
    first = units.state("opendkim")
    units.operate("stop", "opendkim")
    assert not alive(first.main_pid)
    assert units.state("opendkim").activity == "inactive"
    units.operate("start", "opendkim")
    second = units.state("opendkim")
    units.operate("restart", "opendkim.service")
    third = units.state("opendkim.service")
    assert len({state.invocation for state in (first, second, third)}) == 3
    assert third.name == "opendkim.service"


def test_a_killed_service_is_failed(lab: Lab) -> None:
    units = lab.host.units
    os.kill(units.state("opendkim").main_pid, 9)
    until = time.monotonic() + 3
    while units.state("opendkim").activity != "failed" and time.monotonic() < until:
        time.sleep(0.01)
    assert units.state("opendkim").detail == "main process killed by SIGKILL"
    units.operate("start", "opendkim")


def test_postfix_stops_listening_and_keeps_its_port(lab: Lab) -> None:
    lab.host.units.operate("stop", "postfix")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", lab.smtp_port))
    lab.host.units.operate("start", "postfix")
    assert send(lab).code == 250


def test_a_reload_keeps_the_invocation_and_not_every_unit_has_one(lab: Lab) -> None:
    units = lab.host.units
    before = units.state("postfix")
    units.operate("reload", "postfix")
    assert units.state("postfix").invocation == before.invocation
    assert send(lab).code == 250
    with pytest.raises(HostError, match="nothing to reload"):
        units.operate("reload", "opendkim")


def test_enabling_is_remembered_and_unknown_units_are_told(lab: Lab) -> None:
    units = lab.host.units
    units.operate("disable", "opendkim")
    assert units.state("opendkim").enabled is False
    units.operate("enable", "opendkim")
    assert units.state("opendkim").enabled is True
    assert units.state("exim").detail == "this host has no such unit"
    with pytest.raises(HostError, match="no such unit"):
        units.operate("start", "exim")


def test_all_units_are_told_by_one_question(lab: Lab) -> None:
    units = lab.host.units
    assert units.absent() == ""
    assert set(units.names()) == {f"{unit}.service" for unit in UNITS}
    started = time.time()
    units.operate("restart", "opendkim")
    states = units.states(("opendkim.service", "exim", "postfix"))
    assert [state.name for state in states] == ["opendkim.service", "exim", "postfix"]
    signer, exim, postfix = states
    assert (exim.known, exim.activity) == (False, "inactive")
    assert signer.command == ("/usr/sbin/opendkim",)
    assert signer.user == "opendkim"
    assert signer.since is not None
    assert started - 0.01 <= signer.since <= time.time()
    assert postfix.since is not None
    assert postfix.since < signer.since
    assert signer.memory is not None
    assert signer.memory > 1_000_000
    units.operate("stop", "opendkim")
    assert units.state("opendkim").memory is None
    units.operate("start", "opendkim")


def test_changes_are_told_as_they_happen(lab: Lab) -> None:
    told: queue.Queue[str] = queue.Queue()
    units = lab.host.units
    watch = units.watch(told.put)
    try:
        os.kill(units.state("opendkim").main_pid, signal.SIGKILL)
        assert told.get(timeout=5) == "opendkim.service"
        assert units.state("opendkim").activity == "failed"
    finally:
        watch.close()
    units.operate("start", "opendkim")
    while not told.empty():
        assert told.get() == "opendkim.service"
    units.operate("reload", "postfix")
    assert told.empty(), "it was closed"


def test_a_watch_ends_with_its_lab(place: Path) -> None:
    told: queue.Queue[str] = queue.Queue()
    with running_lab() as ended:
        watch = ended.host.units.watch(told.put)
    watch.close()
    with pytest.raises(HostError, match="the lab does not answer"):
        ended.host.units.watch(told.put)
    with pytest.raises(HostError, match="the lab does not answer"):
        ended.host.units.names()
    assert "the lab does not answer" in ended.host.units.absent()


def test_settings_are_told_as_postfix_tells_them(lab: Lab) -> None:
    postfix = lab.host.postfix
    assert postfix.user() == "postfix"
    assert postfix.setting("mydestination").startswith("mx1.example.org, localhost.example.org")
    assert postfix.setting("milter_rcpt_macros") == "i {rcpt_addr} {rcpt_host} {rcpt_mailer}"
    with pytest.raises(HostError, match="no setting 'colour'"):
        postfix.setting("colour")
    assert lab.host.name == "mx1.example.org"
    assert lab.host.at("/etc/passwd") == f"{lab.root}/etc/passwd"


def test_connecting_as_a_user_meets_what_that_user_meets(lab: Lab) -> None:
    lab.host.connect_as("postfix", parse_endpoint(lab.milters[0]), 5.0).close()
    endpoint = parse_endpoint(f"unix:{greylist_socket(lab)}")
    lab.host.connect_as("milter-manager", endpoint, 5.0).close()
    read_only = edited(lab, GREYLIST, '" 660', '" 440', "milter-greylist")
    with read_only, pytest.raises(PermissionError):
        lab.host.connect_as("milter-manager", endpoint, 5.0)
    with pytest.raises(FileNotFoundError):
        lab.host.connect_as("postfix", parse_endpoint(f"unix:{lab.root}/run/none"), 5.0)
    with pytest.raises(UnknownAccount):
        lab.host.connect_as("mallory", endpoint, 5.0)


@AS_ROOT
def test_each_service_has_a_user_of_its_own(lab: Lab) -> None:
    pids = [lab.host.units.state(unit).main_pid for unit in UNITS]
    uids = {os.stat(f"/proc/{pid}").st_uid for pid in pids}
    assert len(uids) == len(UNITS)
    assert 0 not in uids
    endpoint = parse_endpoint(f"unix:{greylist_socket(lab)}")
    for stranger in ("clamav", "postfix"):
        with pytest.raises(PermissionError):
            lab.host.connect_as(stranger, endpoint, 5.0)


@AS_ROOT
def test_a_membership_counts_from_the_next_start(lab: Lab) -> None:
    accounts, units = lab.host.accounts, lab.host.units
    accounts.remove_member("opendkim", "postfix")
    try:
        assert send(lab).code == 250, "the running smtpd keeps its groups"
        units.operate("reload", "postfix")
        since = log_size(lab)
        assert send(lab).code == 451
        warning = f"warning: connect to Milter service {lab.milters[1]}: "
        assert f"{warning}Permission denied\n" in log(lab, "disconnect", since)
    finally:
        accounts.add_member("opendkim", "postfix")
        units.operate("reload", "postfix")
    assert send(lab).code == 250


def test_two_labs_do_not_meet(lab: Lab) -> None:
    with running_lab() as other:
        assert other.root != lab.root
        assert other.smtp_port != lab.smtp_port
        assert send(other).code == send(lab).code == 250
        ours, theirs = lab.host.accounts.user("postfix"), other.host.accounts.user("postfix")
        assert os.geteuid() != 0 or ours.uid != theirs.uid


def test_a_second_process_can_attach(lab: Lab, tmp_path: Path) -> None:
    host = attach(lab.root + "/")
    assert host.units.state("postfix").activity == "active"
    assert host.kind == "lab"
    with pytest.raises(ActionError, match="no lab runs there") as refused:
        attach(str(tmp_path))
    assert refused.value.exit_code is Exit.USAGE


def test_missing_packages_are_named_before_anything_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(place.iterdir())
    monkeypatch.setattr(lab_module, "NEEDED", ("no_such_package",))
    with pytest.raises(ActionError, match="no_such_package") as refused, running_lab():
        pass
    assert "pip install 'milter-console[lab]'" in refused.value.next_step
    assert set(place.iterdir()) == before


def test_a_lab_that_has_ended_is_said_so(place: Path) -> None:
    with running_lab() as ended:
        pass
    assert ended.host.units.state("postfix").activity == "unknown"
    with pytest.raises(HostError, match="the lab does not answer"):
        ended.host.units.operate("start", "postfix")
