"""Plans for the filters' settings on a real host: the daemons take them up, and give them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

FILES = (
    "/etc/milter-greylist/greylist.conf",
    "/etc/clamav/clamav-milter.conf",
    "/etc/default/spamass-milter",
    "/etc/spamassassin/local.cf",
    "/etc/group",
)

CHECKS = (
    "milter-greylist.socket_mode",
    "milter-greylist.subnetmatch",
    "milter-greylist.greylist",
    "milter-greylist.autowhite",
    "milter-greylist.default",
    "clamav-milter.log",
    "clamav-milter.milter_socket_mode",
    "spamass-milter.reject_score",
    "spamass-milter.body",
    "spamassassin.ham_status",
)


def test_the_filters_take_their_settings_up_and_give_them_back(stock: Machine) -> None:
    before = {path: stock.read(path) for path in FILES}
    fixed = stock.console("setup.fix", *CHECKS, "--yes", timeout=120)
    assert fixed.returncode == 0, fixed
    only = [word for name in CHECKS for word in ("--only", name)]
    told = stock.console("setup.check", *only, "--json").json()
    assert {one["verdict"] for one in told["results"]} == {"as wanted"}

    said = stock.run(["milter-greylist", "-c", "-f", FILES[0]])
    assert "is okay" in said.stdout + said.stderr
    assert "greylist" in stock.run(["id", "-nG", "postfix"]).stdout.split()
    sockets = ("/run/milter-greylist/milter-greylist.sock", "/run/clamav/clamav-milter.ctl")
    for path in sockets:
        stock.wait_for(lambda path=path: stock.exists(path), path)  # type: ignore[misc]
        assert stock.run(["stat", "-c", "%a", path]).stdout.strip() == "660"
    running = stock.run(["sh", "-c", "tr '\\0' ' ' < /proc/$(pidof spamass-milter)/cmdline"])
    assert "-r 15" in running.stdout
    assert "-m" in running.stdout.split()

    undone = stock.console("journal.undo", "--yes", timeout=120)
    assert undone.returncode == 0, undone
    assert {path: stock.read(path) for path in FILES} == before


def test_milter_greylist_accepts_the_lines_for_trusted_domains(stock: Machine) -> None:
    """They are looked at only beside a milter-manager, so one is made to seem to be there."""
    stock.sh("mkdir -p /etc/milter-manager && touch /etc/milter-manager/milter-manager.conf")
    fixed = stock.console("setup.fix", "milter-greylist.trusted_domain", "--yes")
    assert fixed.returncode == 0, fixed
    said = stock.run(["milter-greylist", "-c", "-f", FILES[0]])
    assert "is okay" in said.stdout + said.stderr
    assert 'racl whitelist sm_macro "trusted_domain" spf pass' in stock.read(FILES[0])
