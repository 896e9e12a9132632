"""Services of a real Debian host started, stopped and reloaded by plans, under real systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.system.orders import Orders
from tests.system.rig.machine import OPERATOR, SUDOER
from tests.system.visitors import visited

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
    with booted("debian/healthy") as machine, visited(machine):
        yield machine


@pytest.fixture(scope="module")
def orders(shared: Machine) -> Iterator[Orders]:
    """Root's console there."""
    orders = Orders(shared)
    yield orders
    orders.end()


def done(orders: Orders, action: str, *words: str) -> dict[str, Any]:
    """Apply the plan of *action*, which must succeed, and return what became of it."""
    told = orders.console(action, *words, "--yes", "--json")
    document: dict[str, Any] = told.json()
    assert (document.get("status"), document.get("because")) == ("applied", ""), told
    return document


def undone(orders: Orders, report: dict[str, Any]) -> None:
    done(orders, "journal.undo", f"--entry={report['entry']}")


def entries(orders: Orders) -> list[str]:
    """Return the ids of all entries of the journal."""
    return [entry["id"] for entry in orders.console("journal.list", "--json").json()["entries"]]


def is_active(machine: Machine, unit: str) -> bool:
    return machine.run(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def is_enabled(machine: Machine, unit: str) -> bool:
    return machine.run(["systemctl", "is-enabled", "--quiet", unit]).returncode == 0


def invocation(machine: Machine, unit: str) -> str:
    """Return what is another after each start of *unit*."""
    return machine.systemctl("show", "-PInvocationID", unit).strip()


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_stopped_and_the_undo_starts_it(
    shared: Machine, orders: Orders, service: str
) -> None:
    unit = SERVICES[service]
    report = done(orders, "services.stop", service)
    assert not is_active(shared, unit)
    undone(orders, report)
    assert is_active(shared, unit)
    waited = orders.console("services.wait", service, "--json").json()
    assert waited["because"] == ""


@pytest.mark.parametrize("service", ["opendkim", "clamd", "postfix"])
def test_a_service_is_restarted_and_answers(shared: Machine, orders: Orders, service: str) -> None:
    """By its unit's name: a milter, one with a socket unit, and who asks all milters."""
    unit = SERVICES[service]
    before = invocation(shared, unit)
    report = done(orders, "services.restart", unit)
    assert report["proof"]["status"] == "proved"
    assert invocation(shared, unit) != before


@pytest.mark.parametrize("service", ["opendkim", "clamav-milter", "clamd", "postfix"])
def test_a_service_is_taken_off_boot_and_the_undo_puts_it_back(
    shared: Machine, orders: Orders, service: str
) -> None:
    unit = SERVICES[service]
    report = done(orders, "services.disable", service)
    assert not is_enabled(shared, unit)
    undone(orders, report)
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


def test_a_connection_does_not_start_what_was_stopped(
    socket_activated: Machine, orders: Orders
) -> None:
    machine = socket_activated
    report = done(orders, "services.stop", "clamd")
    (change,) = report["changes"]
    assert change["command"] == "systemctl stop clamav-daemon.socket clamav-daemon.service"
    knock = "import socket; socket.socket(socket.AF_UNIX).connect('/run/clamav/clamd.ctl')"
    assert machine.run(["python3", "-c", knock]).returncode, "nobody listens there"
    assert not is_active(machine, "clamav-daemon.service")
    undone(orders, report)
    assert is_active(machine, "clamav-daemon.socket")
    assert is_active(machine, "clamav-daemon.service")


def test_an_init_scripts_old_process_is_gone_before_the_new_one_starts(
    shared: Machine, orders: Orders
) -> None:
    """spamass-milter takes seconds to end, and removes its socket then."""
    pgrep = ["pgrep", "-x", "spamass-milter"]
    old = shared.run(pgrep).stdout.split()
    done(orders, "services.restart", "spamass-milter")
    (new,) = shared.run(pgrep).stdout.split()
    assert new not in old
    socket = "/var/spool/postfix/spamass/spamass.sock"
    assert shared.exists(socket), "the end of the old one removed the socket of the new"


def test_a_masked_unit_names_who_masked_it_and_the_way_out(shared: Machine) -> None:
    shared.systemctl("stop", "opendkim")
    shared.systemctl("mask", "opendkim")
    try:
        told = shared.console("services.start", "opendkim", "--yes")
        assert told.returncode == 1
        assert "opendkim.service is masked by an administrator" in told.stderr
        assert "systemctl unmask opendkim.service" in told.stderr
        enable = shared.console("services.enable", "opendkim", "--yes")
        assert "masked" in enable.stderr
    finally:
        shared.systemctl("unmask", "opendkim")
        shared.systemctl("start", "opendkim")


def test_a_unit_that_nothing_enables_says_so(orders: Orders) -> None:
    told = orders.console("services.disable", "journald", "--yes")
    assert told.returncode == 1
    assert "it has no [Install] section" in told.stderr


def test_what_does_not_start_is_rolled_back_with_its_last_words(
    shared: Machine, orders: Orders
) -> None:
    """The configuration parses; the socket's folder is not there."""
    path = "/etc/milter-greylist/greylist.conf"
    before = shared.read(path)
    shared.systemctl("stop", "milter-greylist")
    shared.write(path, before.replace('socket "', 'socket "/nonexistent'))
    try:
        told = orders.console("services.start", "milter-greylist", "--yes", "--json")
        report = told.json()
        assert report["status"] == "rolled back"
        assert "it logged: " in report["because"]
        assert "/nonexistent" in report["because"]
        assert not is_active(shared, "milter-greylist.service")
    finally:
        shared.write(path, before)
        shared.systemctl("start", "milter-greylist")


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
    shared: Machine, orders: Orders, service: str, path: str, said: str
) -> None:
    text = shared.read(path)
    before = invocation(shared, SERVICES[service]), entries(orders)
    shared.write(path, f"{text}\nFrobnicate yes\n")
    try:
        told = orders.console("services.restart", service, "--yes")
    finally:
        shared.write(path, text)
    assert told.returncode == 1, told.stdout
    assert "refuses its configuration" in told.stderr
    assert said in told.stderr
    assert (invocation(shared, SERVICES[service]), entries(orders)) == before


def test_a_milter_leaves_postfixs_list_before_it_stops(shared: Machine, orders: Orders) -> None:
    before = shared.read("/etc/postfix/main.cf"), shared.read("/etc/postfix/master.cf")
    report = done(orders, "services.drop", "opendkim")
    kinds = [change["kind"] for change in report["changes"]]
    assert kinds[-2:] == ["disable", "stop"]
    assert kinds.index("reload") < kinds.index("stop")
    assert "opendkim" not in shared.run(["postconf", "-hx", "smtpd_milters"]).checked().stdout
    assert not is_active(shared, "opendkim.service")
    taken = done(orders, "services.take", "opendkim")
    assert "opendkim" in shared.run(["postconf", "-hx", "smtpd_milters"]).checked().stdout
    undone(orders, taken)
    undone(orders, report)
    after = shared.read("/etc/postfix/main.cf"), shared.read("/etc/postfix/master.cf")
    assert after == before
    assert is_active(shared, "opendkim.service")


@pytest.fixture
def late(shared: Machine) -> Iterator[Machine]:
    """opendkim as one whose unit is called started seconds before it answers."""
    folder = "/etc/systemd/system/opendkim.service.d"
    command = "/bin/sh -c 'rm -f /run/opendkim/opendkim.sock; sleep 3; exec opendkim -f'"
    shared.sh(f"mkdir -p {folder}")
    shared.write(
        f"{folder}/test.conf",
        f"[Service]\nType=simple\nPIDFile=\nExecStart=\nExecStart={command}\n",
    )
    shared.sh("systemctl daemon-reload; systemctl restart opendkim")
    waited = shared.console("services.wait", "opendkim", "--within=20", "--json").json()
    assert waited["because"] == ""
    yield shared
    shared.sh(f"rm -r {folder}; systemctl daemon-reload; systemctl restart opendkim")


def test_the_undo_of_a_drop_sends_no_mail_before_the_milter_answers(
    late: Machine, orders: Orders
) -> None:
    report = done(orders, "services.drop", "opendkim")
    told = done(orders, "journal.undo", f"--entry={report['entry']}")
    assert [one["kind"] for one in told["changes"]][:3] == ["start", "enable", "wait"]
    assert told["proof"]["status"] == "proved"
    assert told["changes"][2]["seconds"] > 1


def test_sudo_applies_the_plan_that_an_ordinary_user_confirmed(shared: Machine) -> None:
    before = invocation(shared, "opendkim")
    restart = ("services.restart", "opendkim", "--yes", "--json")
    told = shared.console(*restart, user=SUDOER)
    assert told.json()["status"] == "applied", told
    assert invocation(shared, "opendkim") != before


def test_without_sudo_nothing_is_done(shared: Machine) -> None:
    told = shared.console("services.stop", "opendkim", "--yes", user=OPERATOR)
    assert told.returncode == 3
    assert is_active(shared, "opendkim.service")
