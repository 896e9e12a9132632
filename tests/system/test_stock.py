"""The faults that Debian ships a mail host with: found, and mended where a plan can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

GREYLIST = "/etc/milter-greylist/greylist.conf"
SOCKET = "/run/milter-greylist/milter-greylist.sock"
MILTER = ("--milter", f"unix:{SOCKET}")


def health(machine: Machine) -> str:
    told = machine.console("sockets.check", *MILTER, "--json").json()
    return str(told["edges"][0]["finding"]["health"])


def modes(machine: Machine) -> str:
    return machine.sh(f"stat -c '%a %U:%G' {SOCKET}").strip()


def test_the_faults_are_there(shipped: Machine) -> None:
    assert modes(shipped) == "755 greylist:greylist"
    assert shipped.run(["systemctl", "is-active", "clamav-daemon"]).stdout == "inactive\n"
    assert "smtp/inet/chroot = y" in shipped.sh("postconf -F smtp/inet/chroot")


def test_paths_that_the_chroot_hides_are_found_missing(shipped: Machine) -> None:
    told = shipped.console("chain.discover", "--json").json()
    (chain,) = (chain for chain in told["chains"] if "smtp" in chain["services"])
    sockets = {milter["name"]: milter["socket"] for milter in chain["milters"]}
    assert sockets == {
        "milter-greylist": "missing",
        "opendkim": "missing",
        "clamav-milter": "missing",
        "spamass-milter": "exists",
    }
    assert all("chroot" in finding["why"] for finding in chain["findings"])
    assert shipped.console("chain.test").returncode == 6


def test_the_socket_is_opened_for_good_and_closed_again(stock: Machine) -> None:
    before = stock.read(GREYLIST)
    assert health(stock) == "down"

    assert stock.console("sockets.fix", *MILTER, "--dry-run").returncode == 0
    assert stock.read(GREYLIST) == before

    fixed = stock.console("sockets.fix", *MILTER, "--yes")
    assert fixed.returncode == 0, fixed
    assert health(stock) == "ok"
    stock.systemctl("restart", "milter-greylist")
    assert health(stock) == "ok"
    stock.reboot()
    assert health(stock) == "ok"

    undone = stock.console("journal.undo", "--yes")
    assert undone.returncode == 0, undone
    assert stock.read(GREYLIST) == before
    assert modes(stock) == "755 greylist:greylist"
    assert health(stock) == "down"
