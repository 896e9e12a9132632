"""A mail host of RHEL's layout: milter-manager with three milters behind it, as CentOS had it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.system.rig.machine import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

CHILDREN = ["milter-greylist", "clamav-milter", "spamass-milter"]
SOCKETS = [
    "unix:/run/milter-greylist/milter-greylist.sock",
    "unix:/run/clamav-milter/clamav-milter.socket",
    "unix:/run/spamass-milter/postfix/sock",
]
SERVICES = {
    "postfix": ("MTA", "postfix.service"),
    "milter-manager": ("milter manager", "milter-manager.service"),
    "milter-greylist": ("milter", "milter-greylist.service"),
    "clamav-milter": ("milter", "clamav-milter.service"),
    "spamass-milter": ("milter", "spamass-milter.service"),
    "clamd": ("engine", "clamd@scan.service"),
    "spamd": ("engine", "spamassassin.service"),
    "dovecot": ("MDA", "dovecot.service"),
    "mariadb": ("database", "mariadb.service"),
    "rsyslog": ("log", "rsyslog.service"),
}

SYSCONFIG = "/etc/sysconfig/milter-manager"
LOCAL = "/etc/milter-manager/milter-manager.local.conf"
SOCKET = "unix:/var/run/milter-manager/milter-manager.sock"
MAIL_LOG = "/var/log/maillog"

DYNAMIC = "--connect-host=203-0-113-7.dyn.example.net"
"""A client whose name looks like an end user's (S25R)."""


def manager(machine: Machine, user: str = "root") -> dict[str, Any]:
    """Return milter-manager as the chain of mail from outside has it: it is the only milter."""
    told = machine.console("chain.discover", "--json", user=user).json()
    (chain,) = (chain for chain in told["chains"] if "smtp" in chain["services"])
    assert not chain["chroot"]
    (milter,) = chain["milters"]
    assert (milter["spec"], milter["managed"]) == (SOCKET, True)
    found: dict[str, Any] = milter
    return found


def asked(machine: Machine) -> list[str]:
    """Return the children that milter-manager asks, in their order."""
    return [child["name"] for child in manager(machine)["children"] if child["enabled"]]


def chain_report(machine: Machine, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = machine.console("chain.test", *words, "--json").json()
    return told


def children_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {child["milter"]["name"]: child for child in report["children"]}


def done(machine: Machine, action: str, *words: str) -> dict[str, Any]:
    """Apply the plan of *action* and return what became of it."""
    report: dict[str, Any] = machine.console(action, *words, "--yes", "--json").json()
    assert report["status"] == "applied", report
    return report


def wrong(machine: Machine) -> dict[str, dict[str, Any]]:
    """Return what deviates or is unknown, by the check's name."""
    told = machine.console("setup.check", "--json").json()
    return {
        one["name"]: one for one in told["results"] if one["verdict"] in {"deviates", "unknown"}
    }


def health(machine: Machine) -> str:
    asked = machine.console("sockets.check", "smtpd:milter-manager", "--json")
    (edge,) = asked.json()["edges"]
    return str(edge["finding"]["health"])


def send(machine: Machine) -> None:
    """Hand a mail in as another host would."""
    envelope = ["--from", "sender@example.net", "--to", "alice@example.test"]
    ended = machine.run(["swaks", "--silent", "3", "--server", "127.0.0.1", *envelope])
    assert ended.returncode == 0, ended


def test_every_unit_of_it_runs(rhel: Machine) -> None:
    assert rhel.systemctl("--failed", "--no-legend") == ""
    units = [unit for _, unit in SERVICES.values()]
    assert rhel.systemctl("is-active", *units).split() == ["active"] * len(units)
    assert rhel.systemctl("is-enabled", *units).split() == ["enabled"] * len(units)


def test_the_mail_log_is_where_rhel_has_it(rhel: Machine) -> None:
    assert "postfix/master" in rhel.read(MAIL_LOG)
    assert not rhel.exists("/var/log/mail.log")


def test_the_manager_is_found_with_its_children_in_order(rhel: Machine) -> None:
    found = manager(rhel)
    assert [child["name"] for child in found["children"]] == CHILDREN
    assert [child["endpoint"] for child in found["children"]] == SOCKETS
    assert {child["socket"] for child in found["children"]} == {"exists"}
    assert all(child["enabled"] for child in found["children"])
    greylist = found["children"][0]
    assert "S25R" in {condition["name"] for condition in greylist["conditions"]}


def test_an_operator_is_told_why_the_children_are_not_seen(rhel: Machine) -> None:
    found = manager(rhel, OPERATOR)
    assert found["children"] == []
    assert "run as root" in found["trouble"]


@pytest.mark.parametrize(
    ("sample", "status", "by"),
    [
        ("clean", "accept", ""),
        ("gtube", "reject", "spamass-milter"),
        ("eicar", "quarantine", "clamav-milter"),
    ],
)
def test_the_child_that_decides_is_named(rhel: Machine, sample: str, status: str, by: str) -> None:
    report = chain_report(rhel, "--sample", sample)
    assert (report["status"], report["decided_by"]) == (status, "milter-manager" if by else "")
    named = [note for note in report["notes"] if "behind milter-manager" in note]
    assert named == ([f"it is {by} behind milter-manager that answers so"] if by else [])


def test_a_child_whose_condition_is_not_met_is_shown_as_skipped(rhel: Machine) -> None:
    outside = children_of(chain_report(rhel))
    assert "S25R" in outside["milter-greylist"]["skipped"]
    assert outside["clamav-milter"]["skipped"] == outside["spamass-milter"]["skipped"] == ""

    inside = children_of(chain_report(rhel, "--profile", "inside"))
    assert "remote networks" in inside["spamass-milter"]["skipped"]


def test_a_child_whose_condition_is_met_decides(rhel: Machine) -> None:
    report = chain_report(rhel, DYNAMIC)
    assert report["status"] == "temporary-failure"
    assert children_of(report)["milter-greylist"]["skipped"] == ""
    assert "it is milter-greylist behind milter-manager that answers so" in report["notes"]


def test_every_service_has_its_role_and_its_own_units_name(rhel: Machine) -> None:
    told = rhel.console("services.status", "--json").json()
    found = {one["service"]["name"]: one for one in told["services"]}
    assert {
        name: (found[name]["service"]["role"], found[name]["service"]["unit"]) for name in SERVICES
    } == SERVICES
    assert {name: found[name]["health"] for name in SERVICES} == dict.fromkeys(SERVICES, "ok")
    behind = [name for name in found if found[name]["service"]["behind"] == "milter-manager"]
    assert behind == CHILDREN
    needs = {
        name: {need["service"] for need in found[name]["service"]["needs"]} for name in CHILDREN
    }
    assert (needs["clamav-milter"], needs["spamass-milter"]) == ({"clamd"}, {"spamd"})


def test_nothing_is_wrong_with_it(rhel: Machine) -> None:
    assert wrong(rhel) == {}
    overview = rhel.console("overview.check", "--json")
    assert (overview.returncode, overview.json()["findings"]) == (0, [])


def test_mail_goes_through_the_manager_and_its_log_says_so(rhel: Machine) -> None:
    before = len(rhel.read(MAIL_LOG))
    send(rhel)
    rhel.wait_for(
        lambda: "[sessions][finished]" in rhel.read(MAIL_LOG)[before:], "the end of the session"
    )
    told = rhel.read(MAIL_LOG)[before:]
    assert "milter-manager[" in told
    assert "[statistics] [session][end][end-of-message]" in told
    assert "warning: " not in told


@pytest.fixture(scope="module")
def own(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A healthy host for the tests of this file that change it; each takes that back."""
    with booted("rhel/healthy") as machine:
        yield machine


def test_a_milter_is_dropped_and_taken_again(own: Machine) -> None:
    dropped = done(own, "services.drop", "milter-greylist")
    assert dropped["proof"]["status"] == "proved"
    assert asked(own) == CHILDREN[1:]
    assert own.run(["systemctl", "is-enabled", "milter-greylist"]).stdout == "disabled\n"
    assert own.run(["systemctl", "is-active", "milter-greylist"]).stdout == "inactive\n"
    # milter-manager itself knows, not only its configuration: who would be deferred passes.
    assert chain_report(own, DYNAMIC)["status"] == "accept"

    taken = done(own, "services.take", "milter-greylist")
    assert taken["proof"]["status"] == "proved"
    assert asked(own) == CHILDREN
    assert chain_report(own, DYNAMIC)["status"] == "temporary-failure"


def test_the_instructions_own_steps_to_disable_a_milter_are_seen(own: Machine) -> None:
    own.systemctl("disable", "--quiet", "--now", "milter-greylist")
    own.systemctl("reload", "milter-manager")
    assert asked(own) == CHILDREN[1:]
    assert wrong(own) == {}
    assert chain_report(own, DYNAMIC)["status"] == "accept"
    own.systemctl("enable", "--quiet", "--now", "milter-greylist")
    own.systemctl("reload", "milter-manager")
    assert asked(own) == CHILDREN


def test_an_operators_own_definition_goes_before_what_is_found(own: Machine) -> None:
    local = "/etc/milter-manager/milter-manager.local.conf"
    own.write(local, 'define_milter("clamav-milter") do |milter|\n  milter.enabled = false\nend\n')
    assert asked(own) == ["milter-greylist", "spamass-milter"]
    found = wrong(own)["milter-manager.clamav-milter"]
    assert (found["file"], found["line"]) == (LOCAL, 2)
    done(own, "setup.fix", "milter-manager.clamav-milter")
    assert asked(own) == CHILDREN
    own.run(["rm", LOCAL]).checked()
    own.systemctl("reload", "milter-manager")


def test_a_reload_that_would_drop_every_child_is_not_done(own: Machine) -> None:
    own.write(LOCAL, "define_milter(\n")
    ended = own.console("services.reload", "milter-manager", "--yes", "--json")
    assert ended.returncode == 1
    assert f"{LOCAL}:1: syntax error" in ended.json()["error"]
    assert f"mend {LOCAL}, line 1, " in ended.json()["next_step"]
    assert chain_report(own, "--sample", "gtube")["status"] == "reject"

    # Without the guard it reports success, and mail passes unfiltered.
    own.systemctl("reload", "milter-manager")
    assert chain_report(own, "--sample", "gtube")["status"] != "reject"
    own.run(["rm", LOCAL]).checked()
    own.systemctl("reload", "milter-manager")
    assert chain_report(own, "--sample", "gtube")["status"] == "reject"


def test_options_for_debugging_keep_it_from_starting_and_are_found(own: Machine) -> None:
    before = own.read(SYSCONFIG)
    own.write(SYSCONFIG, before.replace("#OPTION_ARGS", "OPTION_ARGS"))
    assert own.run(["systemctl", "restart", "milter-manager"]).returncode == 1
    assert "Unknown option --verbose --no-daemon" in own.log("-u", "milter-manager")
    assert "milter-manager.debugging" in wrong(own)
    own.write(SYSCONFIG, before)
    own.systemctl("restart", "milter-manager")
    assert health(own) == "ok"


def test_it_tells_every_step_in_the_foreground(own: Machine) -> None:
    socket = "unix:/run/milter-manager/verbose.sock"
    argv = ["/usr/sbin/milter-manager", "--verbose", "--no-daemon", "--connection-spec", socket]
    # It would outlive the kill if it changed its user itself (prctl(2), PR_SET_PDEATHSIG).
    running = own.popen(argv, user="milter-manager")
    try:
        own.wait_for(lambda: own.exists(socket.removeprefix("unix:")), "its socket")
        own.console("chain.test", "--milter", socket)
    finally:
        running.kill()
    said = running.communicate(timeout=20)[0]
    assert "[children][reply][end-of-message]" in said
    assert "[statistics] [session][end][end-of-message]" in said


def test_the_instructions_end_with_a_socket_that_postfix_cannot_open(seed: Machine) -> None:
    before = seed.read(SYSCONFIG)
    send(seed)
    denied = f"warning: connect to Milter service {SOCKET}: Permission denied"
    seed.wait_for(lambda: denied in seed.read(MAIL_LOG), "the warning in the mail log")
    assert health(seed) == "down"
    assert {"milter-manager.socket_group", "postfix.milter_mail_macros"} == set(wrong(seed))
    overview = seed.console("overview.check", "--json").json()
    first = overview["findings"][0]
    assert first["remedy"]["action"] == "sockets.fix"

    # Their first remedy: it holds until the daemon starts again.
    seed.run(["chown", "milter-manager:postfix", "/run/milter-manager/milter-manager.sock"])
    assert health(seed) == "ok"
    seed.systemctl("restart", "milter-manager")
    assert health(seed) == "down"

    fixed = done(seed, "sockets.fix", "--milter", SOCKET)
    assert fixed["proof"]["status"] == "proved"
    assert seed.read(SYSCONFIG) == before.replace(
        'SOCKET_GROUP="milter-manager"', 'SOCKET_GROUP="postfix"'
    )
    seed.systemctl("restart", "milter-manager")
    assert health(seed) == "ok"
    seed.reboot()
    assert health(seed) == "ok"
    assert chain_report(seed, "--sample", "gtube")["status"] == "reject"

    done(seed, "journal.undo")
    assert seed.read(SYSCONFIG) == before
    assert health(seed) == "down"


NOT_SET_UP = {
    *("clamd.example", "clamd.local_socket", "clamd.log", "freshclam.example", "freshclam.log"),
    *("clamav-milter.example", "clamav-milter.milter_socket", "clamav-milter.milter_socket_mode"),
    *("clamav-milter.clamd_socket", "clamav-milter.log", "milter-greylist.socket_mode"),
    *("milter-manager.socket_group", "units.enabled", "units.started"),
}
"""What the packages leave to be done, of what the instructions tell to do."""


def test_what_the_packages_leave_to_be_done_is_found_and_mended(
    booted: Callable[[str], AbstractContextManager[Machine]],
) -> None:
    with booted("rhel/fresh") as fresh:
        found = wrong(fresh)
        assert set(found) == NOT_SET_UP
        clamd = found["clamd.example"]
        scan = fresh.read(clamd["file"]).splitlines()
        assert (clamd["file"], scan[clamd["line"] - 1]) == ("/etc/clamd.d/scan.conf", "Example")
        assert found["clamav-milter.clamd_socket"]["wanted"] == (
            "ClamdSocket unix:/run/clamd.scan/clamd.sock"
        )
        assert found["units.started"]["found"] == "postfix.service inactive"
        # systemd itself names no instance of clamd@ that was never started.
        told = fresh.console("services.status", "--json").json()["services"]
        (scanner,) = (one for one in told if one["service"]["unit"] == "clamd@scan.service")
        assert (scanner["enabled"], scanner["service"]["expected"]) == (False, False)

        for name in sorted(found):
            done(fresh, "setup.fix", name)
        assert wrong(fresh) == {}
