"""Each service of a real host stopped, killed, masked, broken or cut off: seen within a second."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.bench import services
from tests.system.busy import stretched
from tests.system.following import Follower
from tests.system.rig.machine import OPERATOR
from tests.system.visitors import visited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

FRESH = 1.0
"""Seconds within which a change is told."""

LATE = 3.0
"""The same for the slowest of them; see `test_changes_are_told_in_time`."""

DELAYS: list[float] = []
"""Seconds that each change in these tests took to be told."""


class Service(NamedTuple):
    """One service of the host, and how it is broken."""

    name: str
    unit: str
    needed_by: str = ""
    without: str = ""
    socket: str = ""
    settings: str = ""
    mistake: str = ""


CHROOT = "/var/spool/postfix"
SERVICES = (
    Service("postfix", "postfix", settings="/etc/postfix/master.cf", mistake="smtp inet n\n"),
    Service(
        "milter-greylist",
        "milter-greylist",
        "postfix",
        "mail is deferred",
        f"{CHROOT}/milter-greylist/milter-greylist.sock",
        "/etc/milter-greylist/greylist.conf",
        "this is no setting\n",
    ),
    Service(
        "opendkim",
        "opendkim",
        "postfix",
        "mail is deferred",
        f"{CHROOT}/opendkim/opendkim.sock",
        "/etc/opendkim.conf",
        "Nonsense yes\n",
    ),
    Service(
        "clamav-milter",
        "clamav-milter",
        "postfix",
        "mail is deferred",
        f"{CHROOT}/clamav/clamav-milter.ctl",
        "/etc/clamav/clamav-milter.conf",
        "Nonsense yes\n",
    ),
    Service(
        "spamass-milter",
        "spamass-milter",
        "postfix",
        "mail is deferred",
        f"{CHROOT}/spamass/spamass.sock",
        "/etc/default/spamass-milter",
        'OPTIONS="-Z"\n',
    ),
    Service(
        "clamd",
        "clamav-daemon",
        "clamav-milter",
        "mail is deferred",
        "/var/run/clamav/clamd.ctl",
        "/etc/clamav/clamd.conf",
        "Nonsense yes\n",
    ),
    Service(
        "spamd",
        "spamd",
        "spamass-milter",
        "mail passes unfiltered",
        "",
        "/etc/default/spamd",
        'OPTIONS="--nonsense"\n',
    ),
    Service(
        "dovecot",
        "dovecot",
        "postfix",
        "nobody can log in",
        f"{CHROOT}/private/auth",
        "/etc/dovecot/dovecot.conf",
        "nonsense {\n",
    ),
    Service(
        "mariadb",
        "mariadb",
        "",
        "",
        "/run/mysqld/mysqld.sock",
        "/etc/mysql/mariadb.conf.d/99-broken.cnf",
        "[mysqld]\nnonsense=1\n",
    ),
)

ALL = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
WITH_SOCKET = pytest.mark.parametrize(
    "service", [one for one in SERVICES if one.socket], ids=lambda service: service.name
)


@pytest.fixture(scope="module")
def host(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A healthy host, in which each test mends what it broke."""
    with booted("debian/healthy") as machine, visited(machine):
        yield machine


@pytest.fixture(scope="module")
def followed(host: Machine) -> Iterator[Follower]:
    """What a pane would see of it."""
    follower = Follower(host)
    try:
        yield follower
    finally:
        follower.end()


@contextmanager
def mended(host: Machine, followed: Follower, service: Service) -> Iterator[None]:
    """Have all well before and after."""
    followed.settle({})
    text = host.read(service.settings) if host.exists(service.settings) else None
    try:
        yield
    finally:
        if text is None:
            host.run(["rm", "-f", service.settings])
        else:
            host.write(service.settings, text)
        host.run(["systemctl", "unmask", service.unit])
        # A milter takes up to six seconds to end when it is asked to.
        host.run(["systemctl", "kill", "--signal=KILL", "--kill-whom=all", service.unit])
        host.run(["systemctl", "reset-failed", service.unit])
        host.run(["systemctl", "restart", service.unit])
        if service.needed_by == "postfix":
            # An smtpd that could not start without Dovecot's socket is not tried for a minute.
            host.systemctl("restart", "postfix")
        followed.settle({})


def expect(
    followed: Follower, service: Service, began: float, *reasons: str, done: float = 0.0
) -> None:
    """Require that it is told to be down in time, with whom needs it, and nothing else.

    Args:
        followed: what is told.
        service: what was broken.
        began: the moment before it was.
        reasons: one of these is to be in the reason.
        done: the moment after it; where that is not given, it took no time.
    """
    state = followed.see(service.name, began, "down")
    # A daemon may fail later than the command that started it has ended.
    changed = max(done or began, state.since or 0.0)
    DELAYS.append(state.at - changed)
    assert state.at - changed < stretched(LATE), state
    wanted = {service.name: "down"}
    if service.needed_by:
        wanted[service.needed_by] = "degraded"
        because = f"{service.name} down, {service.without}"
        needing = followed.see(service.needed_by, began, "degraded", because)
        assert needing.at - changed < stretched(LATE), needing
    followed.settle(wanted)
    followed.wait_for(
        lambda: any(reason in followed.now()[service.name].reason for reason in reasons), reasons
    )


def test_changes_are_told_by_the_service_manager(followed: Follower) -> None:
    assert followed.is_told
    assert not followed.trouble


@ALL
def test_stopped_and_masked(host: Machine, followed: Follower, service: Service) -> None:
    with mended(host, followed, service):
        began = time.time()
        host.systemctl("stop", service.unit)
        expect(followed, service, began, "stopped", done=time.time())

        began = time.time()
        host.systemctl("mask", service.unit)
        done = time.time()
        # What nothing here needs is off on purpose where it is masked.
        off = service.name == "mariadb"
        told = ("ok", "") if off else ("down", "masked: it can't be started")
        state = followed.see(service.name, began, *told)
        DELAYS.append(state.at - done)
        assert state.at - done < stretched(LATE), state


@ALL
def test_killed(host: Machine, followed: Follower, service: Service) -> None:
    with mended(host, followed, service):
        killed = time.time()
        host.systemctl("kill", "--signal=KILL", "--kill-whom=all", service.unit)
        restarts = host.systemctl("show", "-P", "Restart", service.unit).strip() != "no"
        if not restarts:
            expect(followed, service, killed, "failed: signal", "no process of it runs")
            return
        # It is started again at once; what is told of it is another than before all the same.
        host.wait_for(
            lambda: any(state.at > killed for state in followed.told[service.name]), "a change"
        )
        first = next(state for state in followed.told[service.name] if state.at > killed)
        DELAYS.append(first.at - killed)
        assert first.at - killed < stretched(LATE), first


@ALL
def test_broken_settings(host: Machine, followed: Follower, service: Service) -> None:
    with mended(host, followed, service):
        kept = host.read(service.settings) if host.exists(service.settings) else ""
        host.write(service.settings, kept + service.mistake)
        began = time.time()
        host.run(["systemctl", "restart", service.unit])
        expect(followed, service, began, "failed: ", "keeps ending", "no process", done=time.time())
        # One that keeps ending has, right after each start, logged nothing yet.
        host.wait_for(lambda: last_error(host, service.name), "an error in the log")


def last_error(host: Machine, name: str) -> str:
    """Return the last error that is told of a service which is not well."""
    told = host.console("services.status", "--json", "--service", name)
    assert told.returncode == 1, told
    statuses = {one["service"]["name"]: one for one in told.json()["services"]}
    error: str = statuses[name]["last_error"]
    return error


@WITH_SOCKET
def test_removed_socket(host: Machine, followed: Follower, service: Service) -> None:
    with mended(host, followed, service):
        removed = time.time()
        host.run(["rm", service.socket]).checked()
        health = "degraded" if service.name in {"dovecot", "mariadb"} else "down"
        state = followed.see(service.name, removed, health)
        DELAYS.append(state.at - removed)
        assert state.at - removed < stretched(LATE)
        # Which of the two is told depends on the look that was under way.
        assert f"{service.socket} does not exist" in state.reason or "no such" in state.reason
        wanted = {service.name: health}
        if service.needed_by:
            wanted[service.needed_by] = "degraded"
        followed.settle(wanted)


def test_changes_are_told_in_time() -> None:
    if not DELAYS:
        pytest.skip("none of the tests above was run")
    assert sorted(DELAYS)[len(DELAYS) // 2] < stretched(FRESH)


def test_one_look_at_one_service_is_quick(followed: Follower) -> None:
    slowest = sorted(state.slowest for states in followed.told.values() for state in states)
    assert slowest[len(slowest) // 2] < stretched(0.5)


def test_a_healthy_host_is_well(healthy: Machine) -> None:
    told = healthy.console("services.status", "--json")
    report = told.json()
    assert {status["health"] for status in report["services"]} == {"ok"}
    assert told.returncode == 0
    assert len(report["services"]) >= 12
    assert not report["notes"]


def test_an_ordinary_user_sees_nothing_down_and_is_told_once_what_root_sees(
    healthy: Machine,
) -> None:
    told = healthy.console("services.status", "--json", user=OPERATOR)
    report = told.json()
    assert told.returncode == 6
    assert {status["health"] for status in report["services"]} <= {"ok", "unknown"}
    assert [note for note in report["notes"] if "run it as root" in note] == report["notes"]
    unknown = {status["reason"] for status in report["services"] if status["health"] == "unknown"}
    assert all("root would see" in reason for reason in unknown)


def test_all_of_it_takes_little_longer_than_the_slowest_look(healthy: Machine) -> None:
    # Finding the services is a look too, beside which others begin.
    figures = services.measured(lambda: healthy.console(*services.ASKED[1:]).stdout, 5)
    assert figures[0].services >= 12
    assert services.ratios(figures)[0] < stretched(1.5), figures


def test_a_hanging_peer_costs_no_more_than_its_own_limit(borrowed: Machine) -> None:
    # The listener goes on and accepts nobody: what a daemon in an endless loop looks like.
    borrowed.systemctl("kill", "--signal=STOP", "--kill-whom=all", "clamav-milter")
    report = borrowed.console("services.status", "--json").json()
    borrowed.systemctl("kill", "--signal=CONT", "--kill-whom=all", "clamav-milter")
    slowest = max(look["seconds"] for one in report["services"] for look in one["looks"])
    assert 3 <= slowest < stretched(3.5)
    assert report["seconds"] < stretched(1.5 * slowest)
    health = {one["service"]["name"]: one["health"] for one in report["services"]}
    assert {name for name, state in health.items() if state != "ok"} == {
        "clamav-milter",
        "postfix",
    }
    assert health["clamav-milter"] == "down"


def test_what_comes_of_a_hanging_milter_is_not_called_the_cause(borrowed: Machine) -> None:
    borrowed.systemctl("kill", "--signal=STOP", "--kill-whom=all", "milter-greylist")
    told = borrowed.console("services.status").stdout
    report = borrowed.console("services.status", "--json").json()
    borrowed.systemctl("kill", "--signal=CONT", "--kill-whom=all", "milter-greylist")
    postfix = next(one for one in report["services"] if one["service"]["name"] == "postfix")
    assert postfix["health"] == "degraded"
    assert postfix["reason"].startswith("milter-greylist down, mail is deferred")
    assert "services.restart milter-greylist" in told
    assert "services.restart postfix" not in told


def test_settings_that_postfix_cannot_read_are_told(borrowed: Machine) -> None:
    before = borrowed.read("/etc/postfix/main.cf")
    borrowed.write("/etc/postfix/main.cf", f"{before}smtpd_milters =\nbroken line\n")
    told = borrowed.console("services.status", "--format", "nagios")
    as_user = borrowed.console("services.status", "--format", "nagios", user=OPERATOR)
    borrowed.write("/etc/postfix/main.cf", before)
    assert "postfix down (it can't read its settings: /etc/postfix/main.cf, line " in told.stdout
    assert "missing '=' after attribute name" in told.stdout
    assert "overriding earlier entry" not in told.stdout
    assert told.returncode == 2
    assert "postfix down (it can't read its settings" in as_user.stdout


def test_a_value_that_only_smtpd_refuses_is_told(borrowed: Machine) -> None:
    before = borrowed.read("/etc/postfix/main.cf")
    # An smtpd that runs already keeps the settings that it began with.
    borrowed.systemctl("restart", "postfix")
    borrowed.write("/etc/postfix/main.cf", f"{before}message_size_limit = 10M\n")
    asked = ("services.status", "--service", "postfix", "--json")
    try:
        fatal = "fatal: bad numerical configuration: message_size_limit = 10M"
        borrowed.wait_for(
            lambda: fatal in borrowed.console(*asked).json()["services"][0]["reason"], fatal
        )
        told = borrowed.console(*asked).json()
        looked = borrowed.console("overview.check")
    finally:
        borrowed.write("/etc/postfix/main.cf", before)
        borrowed.systemctl("restart", "postfix")
    assert told["services"][0]["reason"] == f"accepts, and gives up: {fatal}"
    assert "mend that" in looked.stdout
    assert "services.restart" not in looked.stdout, "it would not even start again"
    after = borrowed.console(*asked).json()["services"][0]
    assert after["health"] == "ok", "what it gave up for is of the start before"


def test_what_was_stopped_has_no_last_error(borrowed: Machine) -> None:
    borrowed.systemctl("stop", "opendkim")
    report = borrowed.console("services.status", "--json", "--service", "opendkim").json()
    borrowed.systemctl("start", "opendkim")
    (status,) = report["services"]
    assert (status["reason"], status["last_error"]) == ("stopped", "")


def test_a_hanging_systemctl_is_told_and_the_rest_is_seen(borrowed: Machine) -> None:
    borrowed.write("/usr/local/bin/systemctl", "#!/bin/sh\nexec sleep 600\n")
    borrowed.run(["chmod", "755", "/usr/local/bin/systemctl"]).checked()
    began = time.monotonic()
    told = borrowed.console("services.status", "--timeout", "2")
    borrowed.run(["rm", "/usr/local/bin/systemctl"]).checked()
    assert time.monotonic() - began < stretched(30)
    assert "Traceback" not in told.stderr
    # What runs and answers is seen by other ways, and what could not be asked is said.
    assert told.returncode == 0
    assert "not ended after" in told.stdout


def test_a_full_disk_stops_no_look(borrowed: Machine) -> None:
    borrowed.sh("mount -t tmpfs -o size=4k tmpfs /tmp; head -c 100000 /dev/zero >/tmp/x || true")
    told = borrowed.console("services.status", "--json")
    borrowed.sh("umount /tmp")
    assert told.returncode == 0
    assert {one["health"] for one in told.json()["services"]} == {"ok"}


def test_without_systemd_the_processes_are_seen_all_the_same(borrowed: Machine) -> None:
    # What a container without a service manager looks like to who asks whether it is there.
    borrowed.sh(
        "unshare --mount sh -euc 'mount -t tmpfs none /run/systemd; "
        "console run services.status --json >/root/told || true'"
    )
    import json

    report = json.loads(borrowed.read("/root/told"))
    looks = {
        one["service"]["name"]: one["looks"][0]
        for one in report["services"]
        if one["service"]["name"] in {"postfix", "mariadb", "dovecot", "opendkim"}
    }
    assert looks
    for look in looks.values():
        assert look["health"] == "ok"
        assert "systemd does not run here" in look["detail"]


def test_the_stock_hosts_scanner_is_explained(shipped: Machine) -> None:
    told = shipped.console("services.status", "--json", "--service", "clamd").json()
    (clamd,) = told["services"]
    assert clamd["health"] == "down"
    assert clamd["reason"] == "stopped: there are no signatures in /var/lib/clamav"


@pytest.mark.parametrize("right", [True, False])
def test_a_test_account_is_logged_in_everywhere(healthy: Machine, right: bool) -> None:
    password = "correct horse" if right else "battery staple"
    script = (
        'printf "%s\\n" "$1" | console run services.status --json --login alice --password-fd 0'
    )
    told = healthy.run(["sh", "-c", script, "sh", password])
    assert password not in told.stdout + told.stderr
    services = {one["service"]["name"]: one for one in told.json()["services"]}
    greetings = {
        look["target"]: look["detail"]
        for name in ("dovecot", "postfix")
        for look in services[name]["looks"]
        if look["kind"] == "greeting"
    }
    word = "logs in alice" if right else "refuses the login of alice"
    for target in ("IMAP", "IMAPS", "POP3", "POP3S", "submission"):
        assert word in greetings[target], greetings
    assert told.returncode == (0 if right else 1)
    assert services["mariadb"]["health"] == "ok"
