"""A healthy mail host, looked at by everyone who may be logged in there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.rig.machine import OPERATOR, SUDOER

if TYPE_CHECKING:
    from tests.system.rig.machine import Completed, Machine

MILTERS = ["milter-greylist", "opendkim", "clamav-milter", "spamass-milter"]
UNITS = [*MILTERS, "clamav-daemon", "dovecot", "mariadb", "postfix", "rsyslog", "spamd"]
USERS = ["root", OPERATOR, SUDOER]


def with_sudo(machine: Machine, action: str, *arguments: str) -> Completed:
    """Run an action as the operator who may use sudo, with it."""
    return machine.run(["sudo", "-n", "console", "run", action, *arguments], user=SUDOER)


def test_every_unit_of_it_runs(healthy: Machine) -> None:
    assert healthy.systemctl("--failed", "--no-legend") == ""
    assert healthy.systemctl("is-system-running") == "running\n"
    assert healthy.systemctl("is-active", *UNITS).split() == ["active"] * len(UNITS)


def test_the_operators_are_what_they_are_called(healthy: Machine) -> None:
    assert healthy.run(["id", "-un"], user=OPERATOR).stdout == f"{OPERATOR}\n"
    assert healthy.run(["sudo", "-n", "true"], user=OPERATOR).returncode == 1
    assert healthy.run(["sudo", "-n", "id", "-un"], user=SUDOER).stdout == "root\n"


@pytest.mark.parametrize("user", USERS)
def test_anyone_sees_the_chain(healthy: Machine, user: str) -> None:
    told = healthy.console("chain.discover", "--json", user=user).json()
    chain = next(chain for chain in told["chains"] if "smtp" in chain["services"])
    assert chain["chroot"]
    assert [milter["name"] for milter in chain["milters"]] == MILTERS
    found = [one["health"] for chain in told["chains"] for one in chain["findings"]]
    assert not {"down", "degraded"} & set(found)


@pytest.mark.parametrize(
    ("sample", "status", "by"),
    [
        ("clean", "pass", ""),
        ("gtube", "reject", "spamass-milter"),
        ("eicar", "reject", "clamav-milter"),
    ],
)
@pytest.mark.parametrize("user", ["root", SUDOER])
def test_the_filters_tell_the_samples_apart(
    healthy: Machine, user: str, sample: str, status: str, by: str
) -> None:
    arguments = ("chain.test", "--sample", sample, "--json")
    ended = healthy.console(*arguments) if user == "root" else with_sudo(healthy, *arguments)
    told = ended.json()
    assert (told["status"], told["decided_by"]) == (status, by)
    assert ended.returncode == (0 if status == "pass" else 1)
    assert told["setting"]["as_user"] == "postfix"


@pytest.mark.parametrize("user", [OPERATOR, SUDOER])
def test_without_root_the_chain_is_not_decided(healthy: Machine, user: str) -> None:
    ended = healthy.console("chain.test", "--json", user=user)
    told = ended.json()
    assert (ended.returncode, told["status"]) == (6, "undecided")
    assert any("your own rights" in note for note in told["notes"])


@pytest.mark.parametrize("user", ["root", SUDOER])
def test_root_proves_the_sockets(healthy: Machine, user: str) -> None:
    arguments = ("sockets.check", "--json")
    ended = healthy.console(*arguments) if user == "root" else with_sudo(healthy, *arguments)
    edges = {edge["edge"]["name"]: edge["finding"]["health"] for edge in ended.json()["edges"]}
    assert set(edges) > {f"smtpd:{milter}" for milter in MILTERS}
    assert set(edges.values()) == {"ok"}
    assert ended.returncode == 0


@pytest.mark.parametrize("user", [OPERATOR, SUDOER])
def test_others_are_told_that_the_sockets_are_not_proved(healthy: Machine, user: str) -> None:
    ended = healthy.console("sockets.check", "--json", user=user)
    milters = {f"smtpd:{milter}" for milter in MILTERS}
    edges = [edge for edge in ended.json()["edges"] if edge["edge"]["name"] in milters]
    findings = [edge["finding"] for edge in edges]
    assert [finding["health"] for finding in findings] == ["unknown"] * len(MILTERS)
    assert {finding["why"].partition(";")[0] for finding in findings} == {
        "only root may connect as postfix"
    }
    assert ended.returncode == 6
