"""Sockets opened by their folder, their unit or by hand: on real hosts, and what lasts of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.system.orders import Orders
from tests.system.visitors import visited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Completed, Machine


class Fault(NamedTuple):
    """One edge closed, the way by which it is opened, and how it was before."""

    edge: str
    way: str
    daemon: str
    socket: str
    break_: str
    mend: str


QUEUE = "/var/spool/postfix"

OPENDKIM = Fault(
    "smtpd:opendkim",
    "tmpfiles",
    "opendkim",
    f"{QUEUE}/opendkim/opendkim.sock",
    f"chgrp opendkim {QUEUE}/opendkim; chmod 00750 {QUEUE}/opendkim",
    f"chgrp postfix {QUEUE}/opendkim; chmod 2750 {QUEUE}/opendkim",
)
CLAMAV = Fault(
    "smtpd:clamav-milter",
    "drop-in",
    "clamav-milter",
    f"{QUEUE}/clamav/clamav-milter.ctl",
    f"chgrp clamav {QUEUE}/clamav; chmod 00751 {QUEUE}/clamav; "
    "sed -i 's/^MilterSocketGroup/#&/' /etc/clamav/clamav-milter.conf",
    f"chgrp postfix {QUEUE}/clamav; chmod 2750 {QUEUE}/clamav; "
    "sed -i 's/^#MilterSocketGroup/MilterSocketGroup/' /etc/clamav/clamav-milter.conf",
)
GREYLIST = Fault(
    "smtpd:milter-greylist",
    "acl",
    "milter-greylist postfix",
    f"{QUEUE}/milter-greylist/milter-greylist.sock",
    "gpasswd --delete postfix greylist",
    "gpasswd --add postfix greylist",
)
CHILD = Fault(
    "milter-manager:clamav-milter",
    "tmpfiles",
    "clamav-milter milter-manager",
    "/run/clamav-milter/clamav-milter.socket",
    "gpasswd --delete milter-manager clamilt",
    "gpasswd --add milter-manager clamilt",
)
MANAGER = Fault(
    "smtpd:milter-manager",
    "drop-in",
    "milter-manager",
    "/run/milter-manager/milter-manager.sock",
    """sed -i 's|^SOCKET_GROUP=.*|SOCKET_GROUP="milter-manager"|' /etc/sysconfig/milter-manager""",
    """sed -i 's|^SOCKET_GROUP=.*|SOCKET_GROUP="postfix"|' /etc/sysconfig/milter-manager""",
)
OWN = "/etc/systemd/system/milter-greylist.service.d/own.conf"
RUNTIME = Fault(
    "milter-manager:milter-greylist",
    "drop-in",
    "milter-greylist",
    "/run/milter-greylist/milter-greylist.sock",
    f"mkdir -p {OWN.rpartition('/')[0]}; "
    "printf '[Service]\\nUser=grmilter\\nRuntimeDirectory=milter-greylist\\n"
    f"RuntimeDirectoryMode=0700\\n' >{OWN}; systemctl daemon-reload",
    f"rm -r {OWN.rpartition('/')[0]}; systemctl daemon-reload; "
    "systemctl stop milter-greylist; systemd-tmpfiles --create || true",
)
"""A unit that has systemd make its folder anew at each start."""


class Layout:
    """One host with clients that visit it, and its console."""

    def __init__(self, machine: Machine, faults: tuple[Fault, ...]) -> None:
        self.machine = machine
        self.faults = faults
        self._begin()

    def _begin(self) -> None:
        self._stack = ExitStack()
        sockets = [fault.socket for fault in self.faults]
        self._stack.enter_context(visited(self.machine, sockets))
        self.orders = Orders(self.machine)
        self._stack.callback(self.orders.end)

    def end(self) -> None:
        """End what runs there for the tests."""
        self._stack.close()

    def reboot(self) -> None:
        """Boot the host anew."""
        self.end()
        self.machine.reboot()
        self._begin()


LAYOUTS = {"debian": (OPENDKIM, CLAMAV, GREYLIST), "rhel": (CHILD, MANAGER, RUNTIME)}


@pytest.fixture(scope="module")
def hosts(
    booted: Callable[[str], AbstractContextManager[Machine]],
) -> Iterator[Callable[[str], Layout]]:
    """Boots a host of each layout once for the tests of this file; each leaves it healthy."""
    with ExitStack() as stack:
        running: dict[str, Layout] = {}

        def host(layout: str) -> Layout:
            if layout not in running:
                machine = stack.enter_context(booted(f"{layout}/healthy"))
                running[layout] = Layout(machine, LAYOUTS[layout])
            return running[layout]

        yield host
        for one in running.values():
            one.end()


@pytest.fixture
def debian(hosts: Callable[[str], Layout]) -> Layout:
    """A host of Debian's layout."""
    return hosts("debian")


@pytest.fixture
def rhel(hosts: Callable[[str], Layout]) -> Layout:
    """A host of RHEL's layout."""
    return hosts("rhel")


def broken(host: Layout, fault: Fault) -> None:
    """Close the edge, and see that it is closed."""
    restart = f"systemctl reset-failed {fault.daemon}; systemctl restart {fault.daemon}"
    host.machine.sh(f"{fault.break_}; {restart}")
    host.machine.wait_for(lambda: host.machine.exists(fault.socket), fault.socket)
    assert state(host, fault.edge) == "down"


def mended(host: Layout, fault: Fault) -> None:
    """Have the host as it was before."""
    restart = f"systemctl reset-failed {fault.daemon}; systemctl restart {fault.daemon}"
    host.machine.sh(f"{fault.mend}; {restart}; systemctl reload postfix")
    host.machine.wait_for(lambda: state(host, fault.edge) == "ok", f"{fault.edge} mended")


def state(host: Layout, edge: str) -> str:
    """Return how the edge is, as its client meets it."""
    told = host.orders.console("sockets.check", edge, "--json").json()
    (one,) = told["edges"]
    return str(one["finding"]["health"])


def ways(host: Layout, edge: str) -> list[str]:
    """Return the names of the ways that are offered."""
    told = host.orders.console("sockets.ways", edge, "--json").json()
    return [way["name"] for way in told["ways"]]


def fixed(host: Layout, edge: str, way: str) -> dict[str, Any]:
    """Open the edge by a way, which must succeed."""
    ended = host.orders.console("sockets.fix", edge, "--way", way, "--yes", "--json")
    report: dict[str, Any] = ended.json()
    assert (report.get("status"), report.get("because")) == ("applied", ""), ended
    return report


def undone(host: Layout, report: dict[str, Any]) -> Completed:
    ended = host.orders.console("journal.undo", f"--entry={report['entry']}", "--yes")
    assert ended.returncode == 0, ended
    return ended


SEEN = (
    "find /etc/tmpfiles.d /etc/systemd/system /etc/clamav /etc/sysconfig /etc/group "
    f"{QUEUE}/opendkim {QUEUE}/clamav /run/clamav-milter /run/milter-manager "
    "-printf '%p %y %m %u %g\\n' 2>/dev/null | grep --invert-match '[.]pid ' | sort; "
    "find /etc/tmpfiles.d /etc/systemd/system /etc/clamav /etc/sysconfig /etc/group -type f "
    "-exec md5sum {} + 2>/dev/null | sort; "
    f"getfacl --absolute-names --recursive {QUEUE}/opendkim {QUEUE}/clamav {QUEUE}/milter-greylist "
    "/run/clamav-milter 2>/dev/null"
)


def seen(host: Layout) -> list[str]:
    """Return every file, folder and socket that a way could touch: owner, group, mode, content."""
    return host.machine.run(["sh", "-c", SEEN]).stdout.splitlines()


@pytest.mark.parametrize("layout", ["debian", "rhel"])
def test_what_is_called_lasting_survives_restarts_and_a_reboot_and_is_undone_exactly(
    hosts: Callable[[str], Layout], layout: str
) -> None:
    host = hosts(layout)
    machine, faults = host.machine, host.faults
    for fault in faults:
        broken(host, fault)
    before = seen(host)
    reports = [fixed(host, fault.edge, fault.way) for fault in faults]

    daemons = dict.fromkeys(" ".join(fault.daemon for fault in faults).split())
    machine.systemctl("restart", *daemons, "postfix")
    for fault in faults:
        assert state(host, fault.edge) == "ok", fault.edge

    host.reboot()
    for fault in faults:
        machine.wait_for(
            lambda fault=fault: state(host, fault.edge) == "ok",  # type: ignore[misc]
            f"{fault.edge} after the reboot",
        )

    for report in reversed(reports):
        undone(host, report)
    for fault in faults:
        machine.wait_for(
            lambda fault=fault: machine.exists(fault.socket),  # type: ignore[misc]
            fault.socket,
        )
        assert state(host, fault.edge) == "down", fault.edge
    assert seen(host) == before
    for fault in faults:
        mended(host, fault)


def test_by_hand_is_called_temporary_and_is_lost_at_the_restart(debian: Layout) -> None:
    broken(debian, CLAMAV)
    plan = debian.orders.console("sockets.fix", CLAMAV.edge, "--way", "now", "--dry-run")
    assert "(temporary)" in plan.stdout
    assert "lost as soon as the daemon" in plan.stdout
    fixed(debian, CLAMAV.edge, "now")
    assert state(debian, CLAMAV.edge) == "ok"
    debian.machine.systemctl("restart", CLAMAV.daemon)
    debian.machine.wait_for(lambda: debian.machine.exists(CLAMAV.socket), CLAMAV.socket)
    assert state(debian, CLAMAV.edge) == "down"
    mended(debian, CLAMAV)


def test_by_hand_is_undone_exactly(debian: Layout) -> None:
    broken(debian, OPENDKIM)
    before = seen(debian)
    report = fixed(debian, OPENDKIM.edge, "now")
    assert seen(debian) != before
    undone(debian, report)
    assert seen(debian) == before
    mended(debian, OPENDKIM)


def test_a_folder_that_the_unit_sets_at_each_start_keeps_a_list_and_no_group(rhel: Layout) -> None:
    broken(rhel, MANAGER)
    told = rhel.orders.console("sockets.ways", MANAGER.edge, "--json").json()
    declined = {one["name"]: one["why"] for one in told["not_offered"]}
    assert "again at each start (install)" in declined["tmpfiles"]
    offered = [way["name"] for way in told["ways"]]
    assert offered.index("acl") < offered.index("chroot")

    # A list is there after the boot, though the unit makes the folder long after tmpfiles.d.
    before = seen(rhel)
    report = fixed(rhel, MANAGER.edge, "acl")
    rhel.reboot()
    rhel.machine.wait_for(lambda: state(rhel, MANAGER.edge) == "ok", "open after the reboot")
    undone(rhel, report)
    assert state(rhel, MANAGER.edge) == "down"
    assert seen(rhel) == before
    mended(rhel, MANAGER)


def test_a_folder_shut_by_hand_is_opened_by_a_restart_not_by_a_move(rhel: Layout) -> None:
    rhel.machine.sh("chmod 700 /run/milter-manager")
    told = rhel.orders.console("sockets.ways", MANAGER.edge, "--json").json()
    assert [way["name"] for way in told["ways"] if way["recommended"]] == ["start"]
    ended = rhel.orders.console("sockets.fix", MANAGER.edge, "--yes")
    assert ended.returncode == 0, ended
    assert state(rhel, MANAGER.edge) == "ok"


def test_a_folder_of_systemds_own_is_left_to_the_drop_in(rhel: Layout) -> None:
    broken(rhel, RUNTIME)
    told = rhel.orders.console("sockets.ways", RUNTIME.edge, "--json").json()
    declined = {one["name"]: one["why"] for one in told["not_offered"]}
    assert "RuntimeDirectory=" in declined["tmpfiles"]
    assert "drop-in" in ways(rhel, RUNTIME.edge)
    mended(rhel, RUNTIME)


def test_where_nobody_listens_the_daemon_is_started(debian: Layout) -> None:
    debian.machine.systemctl("stop", "opendkim")
    assert state(debian, OPENDKIM.edge) == "down"
    told = debian.orders.console("sockets.ways", OPENDKIM.edge, "--json").json()
    assert [way["name"] for way in told["ways"] if way["recommended"]] == ["start"]
    report = fixed(debian, OPENDKIM.edge, "start")
    assert state(debian, OPENDKIM.edge) == "ok"
    undone(debian, report)
    assert state(debian, OPENDKIM.edge) == "down"
    debian.machine.systemctl("start", "opendkim")


def test_a_socket_left_behind_is_ended_by_a_start(rhel: Layout) -> None:
    rhel.machine.run(["systemctl", "kill", "--signal=KILL", "spamass-milter"])
    edge = "milter-manager:spamass-milter"
    rhel.machine.wait_for(lambda: state(rhel, edge) == "down", "the socket is stale")
    told = rhel.orders.console("sockets.check", edge, "--json").json()
    assert told["edges"][0]["cause"] == "stale"
    fixed(rhel, edge, "start")
    assert state(rhel, edge) == "ok"


def test_a_folder_that_nobody_makes_is_there_after_the_fix(rhel: Layout) -> None:
    """As after a boot, where no package's tmpfiles.d makes it."""
    machine, edge, folder = rhel.machine, CHILD.edge, "/run/clamav-milter"
    packaged = "/usr/lib/tmpfiles.d/milters.conf"
    machine.sh(
        f"systemctl stop clamav-milter; rm -r {folder}; sed -i 's|^d {folder}|#&|' {packaged}; "
        "systemctl start clamav-milter || true"
    )
    # Until systemd gives up it comes and goes, and a plan made meanwhile would not hold.
    failed = ["systemctl", "is-failed", "--quiet", "clamav-milter"]
    machine.wait_for(lambda: machine.run(failed).returncode == 0, "the daemon has tried to start")
    assert "folder" in ways(rhel, edge)
    report = fixed(rhel, edge, "folder")
    assert state(rhel, edge) == "ok"
    machine.sh(f"systemctl stop clamav-milter; rm -r {folder}; systemd-tmpfiles --create || true")
    machine.systemctl("start", "clamav-milter")
    machine.wait_for(lambda: state(rhel, edge) == "ok", "tmpfiles.d made it")
    undone(rhel, report)
    assert not machine.exists(folder)
    machine.sh(f"sed -i 's|^#d {folder}|d {folder}|' {packaged}; systemd-tmpfiles --create || true")
    machine.systemctl("restart", "clamav-milter")
    machine.wait_for(lambda: state(rhel, edge) == "ok", "the package's own file made it")


HOSTILE = """
import os, sys, time
os.chdir(sys.argv[1])
names = sorted(os.listdir("."))
print("began", flush=True)
while True:
    for name in names:
        for target in ("/etc/shadow", "/etc", "/root"):
            try:
                os.rename(name, "kept." + name)
                os.symlink(target, name)
                os.unlink(name)
                os.rename("kept." + name, name)
            except OSError:
                pass  # the daemon, or root, was faster
    time.sleep(0.001)  # the socket is there often enough to be found, and mended
"""

ROOTS_OWN = "stat -c '%n %a %u %g' /etc /etc/shadow /etc/passwd /root /var/spool/postfix"


@pytest.mark.parametrize("way", ["now", "tmpfiles", "drop-in"])
def test_the_daemons_user_can_turn_no_way_against_root(debian: Layout, way: str) -> None:
    fault = CLAMAV if way == "drop-in" else OPENDKIM
    machine = debian.machine
    broken(debian, fault)
    before = machine.sh(ROOTS_OWN)
    user = "clamav" if fault is CLAMAV else "opendkim"
    folder = fault.socket.rpartition("/")[0]
    hostile = machine.popen(["python3", "-c", HOSTILE, folder], user=user)
    try:
        assert hostile.stdout is not None
        assert hostile.stdout.readline() == "began\n"
        for _ in range(5 if way == "now" else 1):
            ended = debian.orders.console("sockets.fix", fault.edge, "--way", way, "--yes")
            if ended.returncode == 0:
                debian.orders.console("journal.undo", "--yes")
    finally:
        hostile.kill()
        hostile.communicate()
    assert machine.sh(ROOTS_OWN) == before
    machine.sh(f"rm -f {folder}/*")
    mended(debian, fault)
