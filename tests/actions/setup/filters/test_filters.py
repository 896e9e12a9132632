"""What the checks of the filters make of hosts that no table of settings shows."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import ConfigCheck, FileEdit, Membership, UnitOperation
from actions.host.errors import HostError
from actions.runner import run_plan
from actions.setup.fix import plan_fix
from actions.setup.survey import check_setup
from console.lab.postfix import DEFAULTS
from tests.actions.setup.filters.conftest import corrected, fixed, looked, undone
from tests.postfix_ports import SMTPD, TablePostfix

if TYPE_CHECKING:
    from pathlib import Path

    from actions.setup.check import Result
    from tests.actions.setup.filters.tree import TreeHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


def one(host: TreeHost, name: str) -> Result:
    found = [result for result in looked(host) if result.name == name]
    assert len(found) == 1, found
    return found[0]


def kinds(host: TreeHost, name: str) -> list[str]:
    return [f"{change.kind} {change.target}" for change in plan_fix(Context(host), [name]).changes]


def test_a_host_without_filters_has_nothing_to_look_at(debian: TreeHost) -> None:
    for name in ("clamav", "spamassassin", "milter-greylist", "default"):
        debian.path(f"/etc/{name}").rename(debian.path(f"/etc/{name}.gone"))
    assert check_setup(Context(debian)).results == ()


def test_who_asks_milter_greylist_joins_the_group_that_may(debian: TreeHost) -> None:
    """Debian's own socket is for its owner only, and Postfix is in no group of it."""
    assert kinds(debian, "milter-greylist.socket_mode") == [
        f"edit {debian.at('/etc/milter-greylist/greylist.conf')}",
        "join postfix in group greylist",
        "restart milter-greylist.service",
        "reload postfix.service",
    ]


def test_behind_milter_manager_that_one_joins(rhel: TreeHost) -> None:
    assert kinds(rhel, "milter-greylist.socket_mode")[1:] == [
        "join milter-manager in group grmilter",
        "restart milter-greylist.service",
        "restart milter-manager.service",
    ]


def test_only_what_runs_is_restarted(rhel: TreeHost) -> None:
    rhel.services.table["clamd@scan.service"] = ("inactive", False)
    assert kinds(rhel, "clamd.example") == [f"edit {rhel.at('/etc/clamd.d/scan.conf')}"]
    rhel.services.table["clamd@scan.service"] = ("failed", True)
    assert kinds(rhel, "clamd.example")[1:] == ["restart clamd@scan.service"]


def test_the_daemons_take_their_settings_up(rhel: TreeHost) -> None:
    fixed(rhel, ["spamassassin.rewrite_subject"])
    fixed(rhel, ["spamass-milter.reject_score"])
    assert rhel.services.done == [
        ("reload", "spamassassin.service"),
        ("restart", "spamass-milter.service"),
    ]


def test_several_settings_of_one_file_are_one_edit(rhel: TreeHost) -> None:
    names = ["clamd.example", "clamd.log", "clamd.local_socket"]
    changes = plan_fix(Context(rhel), names).changes
    assert [type(change) for change in changes] == [FileEdit, UnitOperation]
    before = rhel.path("/etc/clamd.d/scan.conf").read_bytes()
    entry = fixed(rhel, names)
    assert not [result for result in looked(rhel) if result.name in names]
    undone(rhel, entry)
    assert rhel.path("/etc/clamd.d/scan.conf").read_bytes() == before


def test_a_log_file_alone_is_a_choice_and_a_facility_alone_is_none(debian: TreeHost) -> None:
    assert one(debian, "clamd.log").verdict == "choice"
    debian.edit("/etc/clamav/clamd.conf", "LOG_LOCAL6", "LOG_MAIL")
    found = one(debian, "clamd.log")
    assert found.verdict == "deviates"
    assert "no effect without LogSyslog" in found.why
    assert "does nothing" in found.advice


def test_the_socket_of_a_clamd_elsewhere_is_left_alone(rhel: TreeHost) -> None:
    corrected(rhel)
    rhel.edit(
        "/etc/mail/clamav-milter.conf",
        "ClamdSocket unix:/run/clamd.scan/clamd.sock",
        "ClamdSocket tcp:scanner.example.net:3310",
    )
    assert looked(rhel) == ()


def test_clamd_on_a_port_is_asked_there(rhel: TreeHost) -> None:
    corrected(rhel)
    rhel.edit("/etc/clamd.d/scan.conf", "\nLocalSocket /", "\nTCPSocket 3310\n#LocalSocket /")
    assert one(rhel, "clamav-milter.clamd_socket").wanted == "ClamdSocket tcp:127.0.0.1:3310"
    fixed(rhel, ["clamav-milter.clamd_socket"])
    assert looked(rhel) == ()


def test_no_entry_that_greylists_is_no_choice(rhel: TreeHost) -> None:
    rhel.edit("/etc/mail/greylist.conf", 'racl greylist list "grey', '#racl greylist list "grey')
    found = one(rhel, "milter-greylist.default")
    assert found.verdict == "deviates"
    assert "no mail is ever greylisted" in found.why


def test_a_disabled_milter_that_the_manager_asks_all_the_same_is_found(rhel: TreeHost) -> None:
    corrected(rhel)
    rhel.services.table["spamass-milter.service"] = ("inactive", False)
    found = one(rhel, "milter-manager.spamass-milter")
    assert "does not run" in found.why
    entry = fixed(rhel, [found.name])
    assert looked(rhel) == ()
    local = rhel.path("/etc/milter-manager/milter-manager.local.conf")
    assert "milter.enabled = false" in local.read_text()
    undone(rhel, entry)
    assert one(rhel, found.name) == found


def test_a_milter_that_the_manager_does_not_know_is_defined(rhel: TreeHost) -> None:
    program = rhel.path("/usr/sbin/milter-manager")
    program.write_text(program.read_text().replace("clamav-milter:", "clamav-milter-old:"))
    corrected(rhel)
    text = rhel.path("/etc/milter-manager/milter-manager.local.conf").read_text()
    assert text.endswith(
        'define_milter("clamav-milter") do |milter|\n'
        '  milter.connection_spec = "unix:/run/clamav-milter/clamav-milter.socket"\n'
        "  milter.enabled = true\nend\n"
    )
    assert ("reload", "milter-manager.service") in rhel.services.done


def test_the_managers_configuration_is_parsed_before_it_is_reloaded(rhel: TreeHost) -> None:
    corrected(rhel)
    local = rhel.path("/etc/milter-manager/milter-manager.local.conf")
    wrong = 'define_milter("clamav-milter") do |milter|\n  milter.enabled = false\nend\n'
    rhel.edit("/etc/milter-manager/milter-manager.local.conf", "", wrong)
    before, done = local.read_bytes(), len(rhel.services.done)
    ctx = Context(rhel)
    plan = plan_fix(ctx, ["milter-manager.clamav-milter"])
    assert [type(change) for change in plan.changes] == [FileEdit, ConfigCheck, UnitOperation]
    # Somebody else breaks another of its files between the look and the plan's run.
    other = rhel.path("/etc/milter-manager/other.conf")
    other.write_text("BROKEN\n")
    report = run_plan(ctx, plan)
    assert report.exit_code == Exit.ROLLED_BACK
    assert local.read_bytes() == before
    assert len(rhel.services.done) == done, "nothing was reloaded"


def test_a_configuration_with_an_error_is_unknown_not_guessed_at(rhel: TreeHost) -> None:
    corrected(rhel)
    rhel.edit("/etc/milter-manager/milter-manager.local.conf", "", "BROKEN\n")
    found = looked(rhel)
    assert {result.verdict for result in found} == {"unknown"}
    assert all("syntax error" in result.why for result in found)
    with pytest.raises(ActionError, match="syntax error"):
        plan_fix(Context(rhel), ["milter-manager.clamav-milter"])


@AS_ROOT
def test_a_local_configuration_that_is_not_there_is_made(rhel: TreeHost) -> None:
    local = rhel.path("/etc/milter-manager/milter-manager.local.conf")
    local.unlink()
    rhel.services.table["spamass-milter.service"] = ("inactive", False)
    entry = fixed(rhel, ["milter-manager.spamass-milter"])
    assert local.read_text().startswith('define_milter("spamass-milter")')
    undone(rhel, entry)
    assert not local.exists()


@pytest.fixture
def listening(rhel: TreeHost, monkeypatch: pytest.MonkeyPatch) -> Path:
    """clamd's socket, in a folder for its group, as tmpfiles.d makes it."""
    corrected(rhel)
    folder = rhel.path("/run/clamd.scan")
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)  # the path of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("clamd.sock")
    owner = rhel.accounts.user("clamscan")
    os.chown(folder, owner.uid, owner.gid)
    os.chown(folder / "clamd.sock", owner.uid, owner.gid)
    return folder / "clamd.sock"


@AS_ROOT
def test_the_group_is_that_of_what_really_stands_there(rhel: TreeHost, listening: Path) -> None:
    listening.chmod(0o666)
    listening.parent.chmod(0o710)
    assert looked(rhel) == ()
    virus = rhel.path("/etc/group")
    virus.write_text(virus.read_text() + "virusgroup:x:12190:\n")
    os.chown(listening.parent, -1, 12190)
    found = one(rhel, "clamav-milter.groups")
    assert found.wanted == "clamilt in group virusgroup"
    assert str(listening.parent) in found.why
    changes = plan_fix(Context(rhel), ["clamav-milter.groups"]).changes
    assert [type(change) for change in changes] == [Membership, UnitOperation]
    fixed(rhel, ["clamav-milter.groups"])
    assert looked(rhel) == ()


@AS_ROOT
def test_nobody_joins_a_group_that_the_daemons_user_chose(rhel: TreeHost, listening: Path) -> None:
    group = rhel.path("/etc/group")
    group.write_text(group.read_text() + "powerful:x:12191:clamscan\n")
    listening.chmod(0o666)
    listening.parent.chmod(0o710)
    os.chown(listening.parent, -1, 12191)
    found = one(rhel, "clamav-milter.groups")
    assert "is for group powerful, which clamd's settings do not name" in found.why
    assert "put clamilt into it by hand" in found.unfixable
    with pytest.raises(ActionError, match="group powerful"):
        plan_fix(Context(rhel), ["clamav-milter.groups"])
    rhel.edit("/etc/clamd.d/scan.conf", "", "LocalSocketGroup powerful\n")
    assert one(rhel, "clamav-milter.groups").wanted == "clamilt in group powerful"
    # What others than root can write names no group, and no user.
    os.chown(rhel.path("/etc/clamd.d/scan.conf"), 12103, -1)
    assert one(rhel, "clamav-milter.groups").unfixable


@AS_ROOT
def test_a_planted_link_is_told_and_not_followed(rhel: TreeHost, listening: Path) -> None:
    other = rhel.path("/run/other.sock")
    listening.rename(other)
    os.chown(other, 0, 12101)
    other.chmod(0o660)
    listening.symlink_to(other)
    found = one(rhel, "clamav-milter.groups")
    assert f"{listening} is a symbolic link that a user other than root could" in found.why
    assert "find out who made it" in found.unfixable
    with pytest.raises(ActionError, match="symbolic link"):
        plan_fix(Context(rhel), ["clamav-milter.groups"])


@AS_ROOT
@pytest.mark.parametrize(
    ("file", "check"),
    [
        ("/etc/mail/clamav-milter.conf", "clamav-milter.milter_socket_mode"),
        ("/etc/mail/greylist.conf", "milter-greylist.socket_mode"),
    ],
)
def test_nobody_joins_a_group_for_settings_that_a_service_can_write(
    rhel: TreeHost, file: str, check: str
) -> None:
    os.chown(rhel.path(file), 12102, -1)
    with pytest.raises((ActionError, HostError), match="others than root can write it"):
        plan_fix(Context(rhel), [check])


@AS_ROOT
def test_a_folder_gives_its_group_to_the_socket_that_will_be_made_in_it(debian: TreeHost) -> None:
    path = "/etc/milter-greylist/greylist.conf"
    usual = 'socket "/var/run/milter-greylist/milter-greylist.sock"\n'
    folder = debian.path("/var/spool/postfix/milter-greylist")
    debian.edit(path, f"\n{usual}", f'\nsocket "{folder}/milter-greylist.sock" 660\n')
    folder.mkdir(parents=True)
    debian.services.table["milter-greylist.service"] = ("inactive", True)
    asked = {**DEFAULTS, "smtpd_milters": f"unix:{folder}/milter-greylist.sock"}
    debian.postfix = TablePostfix(asked, (SMTPD,))
    postfix, owner = (debian.accounts.user(name) for name in ("postfix", "greylist"))
    os.chown(folder, owner.uid, postfix.gid)
    folder.chmod(0o750)
    assert one(debian, "postfix.groups").wanted == "postfix in group greylist"
    folder.chmod(0o2750)
    assert "postfix.groups" not in {result.name for result in looked(debian)}


@AS_ROOT
def test_what_no_group_opens_is_told_and_not_fixed(rhel: TreeHost, listening: Path) -> None:
    listening.chmod(0o600)
    found = one(rhel, "clamav-milter.groups")
    assert "lets no group in" in found.why
    assert found.unfixable
    with pytest.raises(ActionError):
        plan_fix(Context(rhel), ["clamav-milter.groups"])


def test_options_for_debugging_are_taken_out_and_others_kept(rhel: TreeHost) -> None:
    rhel.edit(
        "/etc/sysconfig/milter-manager", "", 'OPTION_ARGS="--verbose --event-loop-backend libev"\n'
    )
    fixed(rhel, ["milter-manager.debugging"])
    text = rhel.path("/etc/sysconfig/milter-manager").read_text()
    assert text.endswith('OPTION_ARGS="--event-loop-backend libev"\n')


def test_an_option_stands_before_those_that_are_for_spamc(rhel: TreeHost) -> None:
    path = "/etc/sysconfig/spamass-milter"
    rhel.edit(path, '#EXTRA_FLAGS="-m -r 15"', 'EXTRA_FLAGS="-m -- -d spam.example.net"')
    fixed(rhel, ["spamass-milter.reject_score"])
    assert '\nEXTRA_FLAGS="-m -r 15 -- -d spam.example.net"\n' in rhel.path(path).read_text()
