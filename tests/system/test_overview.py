"""The overview of a real mail host: nothing wrong where nothing is, and the cause where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.system.rig.machine import OPERATOR

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

SERVICES = {
    "postfix",
    "milter-greylist",
    "clamav-milter",
    "spamass-milter",
    "opendkim",
    "dovecot",
}


def overview(machine: Machine, user: str = "root") -> Any:
    return machine.console("overview.check", "--json", user=user).json()


def names(told: Any) -> list[str]:
    return [one["name"] for one in told["findings"]]


def test_a_healthy_host_raises_no_alarm(healthy: Machine) -> None:
    told = overview(healthy)
    assert names(told) == []
    assert told["exit_code"] == 0
    assert {one["service"]["name"] for one in told["services"]} >= SERVICES
    assert [one["trouble"] for one in told["looks"]] == [""] * len(told["looks"])


def test_who_may_not_see_is_told_unknown_and_nothing_down(healthy: Machine) -> None:
    told = overview(healthy, OPERATOR)
    assert {one["health"] for one in told["findings"]} <= {"unknown"}
    assert told["exit_code"] in {0, 6}


def test_a_killed_milter_is_told_first_and_once(borrowed: Machine) -> None:
    borrowed.systemctl("stop", "opendkim")
    told = overview(borrowed)
    first = told["findings"][0]
    assert first["name"] == "services.opendkim"
    assert first["health"] == "down"
    assert first["remedy"]["action"] == "services.start"
    mended = borrowed.console("services.start", "opendkim", "--yes")
    assert mended.returncode == 0, mended
    assert "services.opendkim" not in names(overview(borrowed))


def test_a_chroot_that_hides_the_milters_is_told_first_and_mended_at_once(stock: Machine) -> None:
    told = overview(stock)
    first = told["findings"][0]
    assert first["name"] == "setup.postfix.milter_chroot"
    assert not [name for name in names(told) if name.startswith("sockets.smtpd:")]
    edges = {f"sockets.smtpd:{one}" for one in ("milter-greylist", "opendkim", "clamav-milter")}
    under = {one["finding"]["name"] for one in told["folded"] if one["under"] == first["name"]}
    assert under >= edges
    assert "setup.spamass-milter.reject_score" not in names(told), "to mark spam only is a choice"

    mended = stock.console("setup.fix", "postfix.milter_chroot", "--yes")
    assert mended.returncode == 0, mended
    after = overview(stock)
    # What the chroot hid too: postfix may not pass opendkim's folder. It is told by its edge only.
    assert "sockets.smtpd:opendkim" in names(after)
    assert not [name for name in names(after) if name.startswith("setup.postfix.groups")]
