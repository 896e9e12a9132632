"""The setup of a real host: nothing is wrong with a healthy one, and a stock one's faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

MAIN, MASTER = "/etc/postfix/main.cf", "/etc/postfix/master.cf"


def wrong(machine: Machine, *names: str, user: str = "root") -> dict[str, dict[str, object]]:
    """Return what deviates or is unknown, by the check's name."""
    only = [word for name in names for word in ("--only", name)]
    told = machine.console("setup.check", *only, "--json", user=user).json()
    return {
        one["name"]: one for one in told["results"] if one["verdict"] in {"deviates", "unknown"}
    }


def test_nothing_is_wrong_with_a_healthy_host(healthy: Machine) -> None:
    assert wrong(healthy) == {}
    assert healthy.console("setup.check").returncode == 0


def test_whoever_looks_without_root_claims_nothing(healthy: Machine) -> None:
    found = wrong(healthy, user="operator1")
    assert {one["verdict"] for one in found.values()} <= {"unknown"}
    assert all(one["why"] for one in found.values())


def test_a_stock_hosts_faults_are_found_with_their_place(shipped: Machine) -> None:
    found = wrong(shipped)
    chroot = found["postfix.milter_chroot"]
    line = shipped.read(MAIN).split("\n")[int(str(chroot["line"])) - 1]
    assert chroot["file"] == MAIN
    assert "/run/milter-greylist/milter-greylist.sock" in line
    assert "clamd does not start without signatures" in str(found["units.started"]["unfixable"])
    assert {name.partition(".")[0] for name in found} <= {
        "postfix",
        "milter-greylist",
        "clamav-milter",
        "spamass-milter",
        "units",
    }


def test_the_chroot_is_turned_off_where_it_hides_the_milters(stock: Machine) -> None:
    before = stock.read(MASTER)
    fixed = stock.console("setup.fix", "postfix.milter_chroot", "--yes")
    assert fixed.returncode == 0, fixed
    after = stock.read(MASTER).split("\n")
    changed = [line for line in after if line not in before.split("\n")]
    assert [line.split()[:5] for line in changed] == [["smtp", "inet", "n", "-", "n"]]
    assert len(after) == len(before.split("\n"))
    told = stock.console("chain.discover", "--json").json()
    (chain,) = (chain for chain in told["chains"] if "smtp" in chain["services"])
    assert {milter["socket"] for milter in chain["milters"]} == {"exists"} | {
        milter["socket"] for milter in chain["milters"] if milter["name"] == "clamav-milter"
    }
    assert stock.console("journal.undo", "--yes").returncode == 0
    assert stock.read(MASTER) == before


CASES = (
    ("postfix.milter_protocol", MAIN, "milter_protocol = 2\n"),
    ("postfix.milter_mail_macros", MAIN, "milter_mail_macros = {auth_author}\n"),
    ("postfix.mynetworks", MAIN, "mynetworks = 127.0.0.0/8, 0.0.0.0/0\n"),
    ("postfix.unused_parameters", MAIN, "smtpd_milter = unix:x\n"),
    ("postfix.milter_syntax", MAIN, "smtpd_milters = inet:8891@127.0.0.1\n"),
)


@pytest.mark.parametrize(("name", "path", "line"), CASES, ids=[case[0] for case in CASES])
def test_a_deviation_is_mended_while_postfix_runs(
    borrowed: Machine, name: str, path: str, line: str
) -> None:
    healthy = borrowed.read(path)
    setting = line.partition(" = ")[0]
    borrowed.sh(f"postconf -# {setting} 2>&1; echo '{line.strip()}' >>{path}; postfix reload")
    before = borrowed.read(path)
    found = wrong(borrowed, name)[name]
    assert found["file"] == path
    assert before.split("\n")[int(str(found["line"])) - 1] == line.strip()
    fixed = borrowed.console("setup.fix", name, "--yes")
    assert fixed.returncode == 0, fixed
    assert wrong(borrowed, name) == {}
    assert borrowed.console("journal.undo", "--yes").returncode == 0
    assert borrowed.read(path) == before
    borrowed.write(path, healthy)
    borrowed.systemctl("reload", "postfix")


def test_a_unit_that_neither_runs_nor_starts_at_boot_is_set_right(borrowed: Machine) -> None:
    borrowed.systemctl("disable", "milter-greylist")
    borrowed.systemctl("stop", "milter-greylist")
    found = wrong(borrowed, "units")
    # Nothing but the chain says that it is needed.
    assert set(found) == {"units.enabled", "units.started"}
    fixed = borrowed.console("setup.fix", "units.enabled", "units.started", "--yes")
    assert fixed.returncode == 0, fixed
    assert wrong(borrowed, "units") == {}
    assert borrowed.systemctl("is-enabled", "milter-greylist").strip() == "enabled"
    assert borrowed.console("journal.undo", "--yes").returncode == 0
    assert set(wrong(borrowed, "units")) == {"units.enabled", "units.started"}
    borrowed.systemctl("enable", "--now", "milter-greylist")


REPOSITORY = """\
set -e
mkdir -p /repo/p/DEBIAN /repo/p/usr/sbin
printf 'Package: milter-manager\\nVersion: 2.2.7-1\\nArchitecture: all\\nMaintainer: t <t@t>\\n' \
    >/repo/p/DEBIAN/control
printf 'Description: stand-in\\n' >>/repo/p/DEBIAN/control
printf '#!/bin/sh\\n' >/repo/p/usr/sbin/milter-manager
chmod 755 /repo/p/usr/sbin/milter-manager
dpkg-deb -b /repo/p /repo/mm.deb
{ cat /repo/p/DEBIAN/control; echo Filename: ./mm.deb; echo Size: $(stat -c %s /repo/mm.deb)
  echo SHA256: $(sha256sum </repo/mm.deb | cut -d' ' -f1); } >/repo/Packages
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list
apt-get update
"""


def test_a_package_is_installed_by_the_real_apt_and_removed_again(machine: Machine) -> None:
    """The package is of the test's own making: the machine has no net."""
    name = "packages.milter-manager"
    assert wrong(machine, "packages") == {}
    missing = wrong(machine, name)[name]
    assert "packagecloud.io" in str(missing["unfixable"])

    machine.sh(REPOSITORY)
    missing = wrong(machine, name)[name]
    assert str(missing["wanted"]).startswith("milter-manager 2.2.7-1 from file:/repo")
    status = machine.sh("dpkg-query -W")
    fixed = machine.console("setup.fix", name, "--yes")
    assert fixed.returncode == 0, fixed
    assert machine.exists("/usr/sbin/milter-manager")
    assert wrong(machine, name) == {}

    undone = machine.console("journal.undo", "--yes")
    assert undone.returncode == 0, undone
    assert not machine.exists("/usr/sbin/milter-manager")
    assert machine.sh("dpkg-query -W") == status


def test_milters_that_nobody_asks_are_all_put_into_the_list(borrowed: Machine) -> None:
    listed = set(borrowed.sh("postconf -h smtpd_milters").replace(",", " ").split())
    healthy = borrowed.read(MAIN)
    borrowed.sh("postconf -e smtpd_milters=; postfix reload")
    before = borrowed.read(MAIN)
    fixed = borrowed.console("setup.fix", "postfix.smtpd_milters", "--yes")
    assert fixed.returncode == 0, fixed
    again = set(borrowed.sh("postconf -h smtpd_milters").replace(",", " ").split())
    assert len(again) == len(listed)
    assert {word.rpartition("/")[2] for word in again} == {
        word.rpartition("/")[2] for word in listed
    }
    assert borrowed.console("journal.undo", "--yes").returncode == 0
    assert borrowed.read(MAIN) == before
    borrowed.write(MAIN, healthy)
    borrowed.systemctl("reload", "postfix")
