"""Packages: what is missing where configuration names it, and how apt and dnf would bring it.

dnf and rpm are scripts that answer as the real ones do: there is no RHEL-like system here. What
is asked of apt is asked of the real one, by simulation only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import Packages, from_record
from actions.host.errors import HostError
from actions.host.ports import Completed
from actions.outcome import ChangeSaid
from actions.plan import Plan, Standing
from actions.runner import run_plan
from actions.setup.fix import plan_fix
from tests.actions.setup.injected import MAIN, QuickCommands, injected_host, told
from tests.programs import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.actions.mailhost.private import PrivateHost

Answer = tuple[int, str]

INFO = (
    "Available Packages\nName         : {name}\nVersion      : {version}\nRepository   : {source}\n"
)


class Answering(QuickCommands):
    """The machine's programs, but for package managers, which answer from a table."""

    def __init__(self, folder: Path, answers: dict[tuple[str, ...], Answer]) -> None:
        super().__init__(folder)
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        if argv[0] not in {"dnf", "yum", "rpm", "apt-cache", "apt-get", "dpkg", "dpkg-query"}:
            return super().run(argv, user=user, timeout=timeout)
        self.asked.append(tuple(argv))
        words = (argv[0], *(one for one in argv[1:] if not one.startswith("-")))
        code, text = self.answers.get(words, (1, ""))
        return Completed(tuple(argv), code, text, "" if code == 0 else f"no answer to {words}")

    def stream(
        self,
        argv: Sequence[str],
        take: Callable[[str], None],
        *,
        user: str | None = None,
        timeout: float = 30.0,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> Completed:
        """Have a real program write the answer, so that its lines come as they do."""
        told = self.run(argv)
        script = 'printf "%s" "$1"; printf "%s" "$2" >&2; exit "$3"'
        answer = ("sh", "-c", script, "sh", told.stdout, told.stderr, str(told.exit_code))
        return super().stream(answer, take, timeout=timeout, is_cancelled=is_cancelled)


def a_host(
    root: Path, tool: str, answers: dict[tuple[str, ...], Answer], main: str = MAIN
) -> PrivateHost:
    host = injected_host(root, main)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin" / tool).touch()
    host.commands = Answering(root / "postfix", answers)
    return host


ASKS_GREYLIST = MAIN.replace("unix:milters/one.sock", "unix:/run/milter-greylist/sock")
TABLE = """\
Dependencies resolved.
================================================================================
 Package              Arch      Version             Repository             Size
================================================================================
Installing:
 {name}      x86_64    {version}        {source}                  250 k
{more}
Transaction Summary
================================================================================
Install  2 Packages

Operation aborted.
"""
"""What dnf 4 shows before it asks; dnf 5 and yum have the same columns and headings."""

DEPENDS = """\
Installing dependencies:
 a-library-with-a-name-that-is-longer-than-its-column
                      x86_64    1:1.0-1.el9         baseos                  30 k
Upgrading:
 another              noarch    2.0-1.el9           baseos                  10 k
"""


def table(name: str, version: str, source: str, more: str = "") -> str:
    return TABLE.format(name=name, version=version, source=source, more=more)


GREYLIST = table("milter-greylist", "4.6.4-9.el9", "epel", DEPENDS)
EPEL: dict[tuple[str, ...], Answer] = {
    ("dnf", "info", "milter-greylist"): (
        0,
        INFO.format(name="milter-greylist", version="4.6.4", source="epel"),
    ),
    ("dnf", "install", "milter-greylist"): (1, GREYLIST),
}


def test_software_that_nothing_refers_to_is_not_missing(tmp_path: Path) -> None:
    assert not told(a_host(tmp_path, "dnf", {}), "packages")


def test_a_milter_that_postfix_asks_and_that_is_not_here_is_missing(tmp_path: Path) -> None:
    host = a_host(tmp_path, "dnf", EPEL, ASKS_GREYLIST)
    (result,) = told(host, "packages")
    assert (result.name, result.severe) == ("packages.milter-greylist", True)
    assert result.wanted == "milter-greylist 4.6.4 from epel"
    assert "/run/milter-greylist/sock" in result.why
    (change,) = plan_fix(Context(host), ("packages.milter-greylist",)).changes
    assert isinstance(change, Packages)
    exact = "milter-greylist-4.6.4-9.el9.x86_64"
    assert change.as_command() == f"dnf --assumeyes install -- {exact}"
    assert change.undo == "compensating"
    library = "a-library-with-a-name-that-is-longer-than-its-column"
    assert [line.text for line in change.lines()[1:]] == [
        "milter-greylist 4.6.4-9.el9 from epel",
        f"{library} 1:1.0-1.el9 from baseos",
        "another 2.0-1.el9 from baseos, an upgrade, which stays when this is undone",
    ]
    assert change.inverse().as_command() == f"rpm --erase -- milter-greylist {library}"
    assert change.undo_note.endswith("configuration files stay, and the upgrade of another")
    assert from_record(change.record()) == change


@pytest.mark.parametrize(
    "more",
    [
        "Removing:\n exim  x86_64  4.96-1  @base  5 M\n",
        "Removing dependent packages:\n exim  x86_64  4.96-1  @base  5 M\n",
        "Downgrading:\n exim  x86_64  4.90-1  base  5 M\n",
        "     replacing  exim.x86_64 4.96-1\n",
        "A heading of a later dnf:\n exim  x86_64  4.96-1  @base  5 M\n",
    ],
)
def test_dnf_may_remove_replace_and_downgrade_nothing(tmp_path: Path, more: str) -> None:
    told = table("milter-greylist", "4.6.4-9.el9", "epel", more)
    answers = EPEL | {("dnf", "install", "milter-greylist"): (1, told)}
    with pytest.raises(HostError, match="would remove or replace exim"):
        Packages.planned(a_host(tmp_path, "dnf", answers), "dnf", ("milter-greylist",))


@pytest.mark.parametrize(
    "said", ["Is this ok [y/N]: N\n", table("cut-off", "", "").replace("250 k", "")]
)
def test_what_dnf_would_do_that_cannot_be_read_is_refused(tmp_path: Path, said: str) -> None:
    host = a_host(tmp_path, "dnf", {("dnf", "install", "x"): (0, said)})
    with pytest.raises(HostError, match="can't be read"):
        Packages.planned(host, "dnf", ("x",))


def test_what_dnf_would_do_otherwise_by_now_is_refused(tmp_path: Path) -> None:
    exact = "milter-greylist-4.6.4-9.el9.x86_64"
    host = a_host(tmp_path, "dnf", EPEL)
    change = Packages.planned(host, "dnf", ("milter-greylist",))
    commands = host.commands
    assert isinstance(commands, Answering)
    more = table("milter-greylist", "4.6.4-9.el9", "epel", DEPENDS.replace("1:1.0", "1:1.1"))
    commands.answers[("dnf", "install", exact)] = (0, more)
    commands.asked.clear()
    with pytest.raises(HostError, match=r"something else by now: a-library.* 1:1\.1"):
        change.apply(host, "token")
    assert all("--assumeyes" not in argv for argv in commands.asked)
    commands.answers[("dnf", "install", exact)] = (0, GREYLIST)
    change.apply(host, "token")
    assert commands.asked[-1] == ("dnf", "--assumeyes", "install", "--", exact)


def test_an_installed_one_is_fine(tmp_path: Path) -> None:
    host = a_host(tmp_path, "dnf", EPEL, ASKS_GREYLIST)
    (tmp_path / "usr/sbin").mkdir()
    (tmp_path / "usr/sbin/milter-greylist").touch()
    assert not told(host, "packages")


def test_what_epel_has_is_brought_after_epel(tmp_path: Path) -> None:
    release = INFO.format(name="epel-release", version="9", source="extras")
    answers: dict[tuple[str, ...], Answer] = {
        ("dnf", "info", "epel-release"): (0, release),
        ("dnf", "install", "epel-release"): (1, table("epel-release", "9-2", "extras")),
    }
    host = a_host(tmp_path, "dnf", answers, ASKS_GREYLIST)
    plan = plan_fix(Context(host), ("packages.milter-greylist",))
    assert [change.target for change in plan.changes] == ["epel-release", "milter-greylist"]
    assert "what came with it" in plan.changes[1].undo_note, "nobody can know it before"


def test_a_third_partys_script_is_shown_and_never_run(tmp_path: Path) -> None:
    main = MAIN.replace("unix:milters/one.sock", "unix:/run/milter-manager/milter-manager.sock")
    for tool, kind in (("dnf", "rpm"), ("apt-get", "deb")):
        (tmp_path / tool).mkdir()
        host = a_host(tmp_path / tool, tool, {}, main)
        (result,) = told(host, "packages.milter-manager")
        assert f"script.{kind}.sh" in result.unfixable
        assert "read it" in result.unfixable
        with pytest.raises(ActionError) as caught:
            plan_fix(Context(host), ("packages.milter-manager",))
        assert caught.value.exit_code == Exit.PROBLEM
        commands = host.commands
        assert isinstance(commands, Answering)
        assert not any("http" in word for argv in commands.asked for word in argv)


POLICY = """\
spamass-milter:
  Installed: (none)
  Candidate: 0.4.0-2
  Version table:
     0.4.0-2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
"""

SIMULATED = """\
Reading package lists...
Inst libmilter1.0.1 (8.17.1.9-2+deb12u2 Debian:12.11/stable [amd64])
Inst libc6 [2.36-9] (2.36-10 Debian:12.11/stable [amd64])
Inst spamass-milter (0.4.0-2 Debian:12.11/stable [amd64])
Conf spamass-milter (0.4.0-2 Debian:12.11/stable [amd64])
"""


def apt_host(root: Path, simulated: str = SIMULATED) -> PrivateHost:
    return a_host(
        root,
        "apt-get",
        {
            ("apt-cache", "policy", "spamass-milter"): (0, POLICY),
            ("apt-get", "install", "spamass-milter"): (0, simulated),
        },
    )


def test_what_is_asked_for_by_name_is_wanted(tmp_path: Path) -> None:
    host = apt_host(tmp_path)
    assert not told(host, "packages"), "nothing refers to it"
    (result,) = told(host, "packages.spamass-milter")
    assert result.wanted == (
        "spamass-milter 0.4.0-2 from http://deb.debian.org/debian bookworm/main amd64 Packages"
    )
    assert not result.severe


def test_undoing_removes_what_came_and_nothing_else(tmp_path: Path) -> None:
    host = apt_host(tmp_path)
    (change,) = plan_fix(Context(host), ("packages.spamass-milter",)).changes
    assert isinstance(change, Packages)
    assert change.names == ("libmilter1.0.1", "spamass-milter"), "an upgrade is not taken back"
    assert "--no-install-recommends" in change.as_command()
    assert change.inverse().as_command() == "dpkg --remove -- libmilter1.0.1 spamass-milter"
    assert from_record(change.record()) == change
    assert from_record(change.inverse().record()) == change.inverse()


def test_an_installation_that_would_remove_something_is_refused(tmp_path: Path) -> None:
    host = apt_host(tmp_path, SIMULATED + "Remv exim4 [4.96]\n")
    with pytest.raises(HostError, match="would remove or replace exim4"):
        plan_fix(Context(host), ("packages.spamass-milter",))


@pytest.mark.parametrize(
    ("here", "standing", "back"),
    [
        ((), Standing.BEFORE, Standing.AFTER),
        (("one",), Standing.BEFORE, Standing.BEFORE),
        (("one", "two"), Standing.AFTER, Standing.BEFORE),
    ],
)
def test_half_done_counts_as_not_done(
    tmp_path: Path, here: tuple[str, ...], standing: Standing, back: Standing
) -> None:
    answers: dict[tuple[str, ...], Answer] = {("rpm", name): (0, name) for name in here}
    host = a_host(tmp_path, "dnf", answers)
    change = Packages("dnf", ("two",), ("one", "two"))
    assert change.stands(host) is standing
    assert change.inverse().stands(host) is back


def test_a_failure_is_told_in_the_package_managers_words(tmp_path: Path) -> None:
    host = a_host(tmp_path, "dnf", {})
    with pytest.raises(HostError, match="dnf: no answer"):
        Packages("dnf", ("two",), ("two",)).apply(host, "token")


def test_what_the_package_manager_does_is_told_while_it_does_it(tmp_path: Path) -> None:
    said = "Transaction Summary\nDownloading 250 MB\r\x1b[32mInstalling two\x1b[0m\nComplete!\n"
    host = a_host(tmp_path, "dnf", {("dnf", "install", "two"): (0, said)})
    events: list[object] = []
    change = Packages("dnf", ("two",), ("two",))
    report = run_plan(Context(host, events.append), Plan("x", "setup.fix", {}, "", (change,)))
    assert report.status == "applied", report.because
    told = [event.line for event in events if isinstance(event, ChangeSaid)]
    assert told == ["Transaction Summary", "Downloading 250 MB", "Installing two", "Complete!"]


def test_the_real_apt_tells_what_would_come() -> None:
    needs("apt-get", "dpkg-query")
    from actions.host.system import SystemHost

    host = SystemHost()
    here = Packages.planned(host, "apt-get", ("dpkg",))
    assert here.names == (), "it is here already, whether or not a newer one is"
    assert Packages("apt-get", ("dpkg",), ("dpkg",)).stands(host) is Standing.AFTER
    gone = Packages("apt-get", ("x",), ("no-such-package-at-all",))
    assert gone.stands(host) is Standing.BEFORE
    with pytest.raises(HostError, match="no-such-package-at-all"):
        Packages.planned(host, "apt-get", ("no-such-package-at-all",))
