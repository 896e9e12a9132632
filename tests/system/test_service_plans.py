"""Services of a real Debian host started, stopped and reloaded by plans, under real systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

SERVICES = {
    "postfix": "postfix.service",
    "milter-greylist": "milter-greylist.service",
    "opendkim": "opendkim.service",
    "clamav-milter": "clamav-milter.service",
    "spamass-milter": "spamass-milter.service",
    "clamd": "clamav-daemon.service",
    "spamd": "spamd.service",
    "dovecot": "dovecot.service",
    "mariadb": "mariadb.service",
    "rsyslog": "rsyslog.service",
}
"""clamav-milter and spamass-milter are init scripts; clamd is started by its socket too."""


@pytest.fixture(scope="module")
def shared(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A healthy host for the tests of this file; each undoes what it did."""
    with booted("debian/healthy") as machine:
        yield machine


def done(machine: Machine, action: str, *words: str, user: str = "root") -> dict[str, Any]:
    """Apply the plan of *action* and return what became of it."""
    told = machine.console(action, *words, "--yes", "--json", user=user)
    document: dict[str, Any] = told.json()
    return document


def undone(machine: Machine, report: dict[str, Any]) -> None:
    assert done(machine, "journal.undo", f"--entry={report['entry']}")["status"] == "applied"


def is_active(machine: Machine, unit: str) -> bool:
    return machine.run(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def is_enabled(machine: Machine, unit: str) -> bool:
    return machine.run(["systemctl", "is-enabled", "--quiet", unit]).returncode == 0


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_stopped_and_the_undo_starts_it(shared: Machine, service: str) -> None:
    unit = SERVICES[service]
    report = done(shared, "services.stop", f"--service={service}")
    assert (report["status"], report["because"]) == ("applied", "")
    assert not is_active(shared, unit)
    undone(shared, report)
    assert is_active(shared, unit)
    waited = shared.console("services.wait", f"--service={service}", "--json").json()
    assert waited["because"] == ""


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_restarted_and_answers(shared: Machine, service: str) -> None:
    report = done(shared, "services.restart", f"--service={SERVICES[service]}")
    assert (report["status"], report["because"]) == ("applied", "")
    assert report["proof"]["status"] == "proved"


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_taken_off_boot_and_the_undo_puts_it_back(
    shared: Machine, service: str
) -> None:
    unit = SERVICES[service]
    report = done(shared, "services.disable", f"--service={service}")
    assert (report["status"], report["because"]) == ("applied", "")
    assert not is_enabled(shared, unit)
    undone(shared, report)
    assert is_enabled(shared, unit)


@pytest.fixture
def socket_activated(shared: Machine) -> Iterator[Machine]:
    """clamd with its socket unit, as it is where ClamAV's own signatures are."""
    conditions = "/etc/systemd/system/clamav-daemon.socket.d"
    shared.sh(f"mkdir -p {conditions}")
    shared.write(f"{conditions}/test.conf", "[Unit]\nConditionPathExistsGlob=\n")
    shared.sh(
        "systemctl daemon-reload; systemctl stop clamav-daemon; systemctl start clamav-daemon"
    )
    assert is_active(shared, "clamav-daemon.socket")
    yield shared
    shared.sh(f"rm -r {conditions}; systemctl daemon-reload")
    shared.sh("systemctl stop clamav-daemon.socket clamav-daemon; systemctl start clamav-daemon")


def test_a_connection_does_not_start_what_was_stopped(socket_activated: Machine) -> None:
    machine = socket_activated
    report = done(machine, "services.stop", "--service=clamd")
    (change,) = report["changes"]
    assert change["command"] == "systemctl stop clamav-daemon.socket clamav-daemon.service"
    knock = "import socket; socket.socket(socket.AF_UNIX).connect('/run/clamav/clamd.ctl')"
    assert machine.run(["python3", "-c", knock]).returncode, "nobody listens there"
    assert not is_active(machine, "clamav-daemon.service")
    undone(machine, report)
    assert is_active(machine, "clamav-daemon.socket")
    assert is_active(machine, "clamav-daemon.service")


def test_an_init_scripts_old_process_is_gone_before_the_new_one_starts(shared: Machine) -> None:
    socket = "/var/spool/postfix/spamass/spamass.sock"
    for _ in range(2):
        done(shared, "services.restart", "--service=spamass-milter")
        assert shared.exists(socket), "the end of the old one removed the socket of the new"
        pids = shared.run(["pgrep", "-x", "spamass-milter"]).stdout.split()
        assert len(pids) == 1


def test_a_masked_unit_names_who_masked_it_and_the_way_out(shared: Machine) -> None:
    shared.systemctl("stop", "opendkim")
    shared.systemctl("mask", "opendkim")
    try:
        told = shared.console("services.start", "--service=opendkim", "--yes")
        assert told.returncode == 1
        assert "opendkim.service is masked by an administrator" in told.stderr
        assert "systemctl unmask opendkim.service" in told.stderr
        enable = shared.console("services.enable", "--service=opendkim", "--yes")
        assert "masked" in enable.stderr
    finally:
        shared.systemctl("unmask", "opendkim")
        shared.systemctl("start", "opendkim")


def test_a_unit_that_nothing_enables_says_so(shared: Machine) -> None:
    told = shared.console("services.disable", "--service=journald", "--yes")
    assert told.returncode == 1
    assert "it has no [Install] section" in told.stderr


def test_what_does_not_start_is_rolled_back_with_its_last_words(shared: Machine) -> None:
    """The configuration parses; the socket's folder is not there."""
    conf = shared.read("/etc/default/spamass-milter")
    shared.systemctl("stop", "milter-greylist")
    greylist = shared.read("/etc/milter-greylist/greylist.conf")
    shared.write(
        "/etc/milter-greylist/greylist.conf",
        greylist.replace('socket "', 'socket "/nonexistent'),
    )
    try:
        report = done(shared, "services.start", "--service=milter-greylist")
        assert report["status"] == "rolled back"
        assert "it logged: " in report["because"]
        assert "/nonexistent" in report["because"]
        assert not is_active(shared, "milter-greylist.service")
    finally:
        shared.write("/etc/milter-greylist/greylist.conf", greylist)
        shared.systemctl("start", "milter-greylist")
    assert shared.read("/etc/default/spamass-milter") == conf


@pytest.mark.parametrize(
    ("service", "path", "said"),
    [
        ("opendkim", "/etc/opendkim.conf", "configuration error at line"),
        ("postfix", "/etc/postfix/main.cf", "missing '=' after attribute name"),
        ("clamd", "/etc/clamav/clamd.conf", "Unknown option Frobnicate"),
        ("dovecot", "/etc/dovecot/dovecot.conf", "Error in configuration file"),
        ("milter-greylist", "/etc/milter-greylist/greylist.conf", "error"),
        ("spamd", "/etc/spamassassin/local.cf", "failed to parse"),
        ("rsyslog", "/etc/rsyslog.conf", "rsyslog"),
    ],
)
def test_a_broken_configuration_is_not_taken_up(
    shared: Machine, service: str, path: str, said: str
) -> None:
    before = shared.read(path)
    running = shared.run(["systemctl", "show", "-PInvocationID", SERVICES[service]]).stdout
    shared.write(path, f"{before}\nFrobnicate yes\n")
    try:
        told = shared.console("services.restart", f"--service={service}", "--yes")
    finally:
        shared.write(path, before)
    assert told.returncode == 1, told.stdout
    assert "refuses its configuration" in told.stderr
    assert said in told.stderr
    after = shared.run(["systemctl", "show", "-PInvocationID", SERVICES[service]]).stdout
    assert after == running
    assert "services.restart" not in shared.console("journal.list", "--json").stdout.split()[-1]


def test_a_milter_leaves_postfixs_list_before_it_stops(shared: Machine) -> None:
    before = shared.read("/etc/postfix/main.cf"), shared.read("/etc/postfix/master.cf")
    report = done(shared, "services.drop", "--service=spamass-milter")
    assert (report["status"], report["because"]) == ("applied", "")
    kinds = [change["kind"] for change in report["changes"]]
    assert kinds[-2:] == ["disable", "stop"]
    assert kinds.index("reload") < kinds.index("stop")
    assert "spamass" not in shared.run(["postconf", "-hx", "smtpd_milters"]).stdout
    assert not is_active(shared, "spamass-milter.service")
    taken = done(shared, "services.take", "--service=spamass-milter")
    assert (taken["status"], taken["because"]) == ("applied", "")
    undone(shared, taken)
    undone(shared, report)
    after = shared.read("/etc/postfix/main.cf"), shared.read("/etc/postfix/master.cf")
    assert after == before
    assert is_active(shared, "spamass-milter.service")


def test_sudo_applies_the_plan_that_an_ordinary_user_confirmed(shared: Machine) -> None:
    report = done(shared, "services.restart", "--service=opendkim", user="operator2")
    assert report["status"] == "applied"


def test_without_sudo_nothing_is_done(shared: Machine) -> None:
    told = shared.console("services.stop", "--service=opendkim", "--yes", user="operator1")
    assert told.returncode == 3
    assert is_active(shared, "opendkim.service")
