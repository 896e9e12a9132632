"""Plans of runs in the foreground: which command line, for how long, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.changes import Foreground
from actions.debug import foreground
from actions.debug.foreground import command_of
from actions.debug.found import Found, Running
from actions.debug.modes import MODES
from actions.debug.running import plan_run
from actions.debug.status import state_of
from actions.debug.subject import Subject
from actions.host.ports import UnitState
from actions.host.system import SystemHost
from console.lab.lab import running_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.lab import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab(()) as lab:
        yield lab


def argv_of(lab: Lab, service: str) -> tuple[str, ...]:
    (change,) = plan_run(Context(lab.host), service, "10m").changes
    assert isinstance(change, Foreground)
    assert (change.unit, change.seconds) == (f"{service}.service", 600.0)
    return change.argv


@pytest.mark.parametrize(
    ("service", "argv"),
    [
        ("milter-manager", ("/usr/sbin/milter-manager", "--verbose", "--no-daemon")),
        ("milter-greylist", ("/usr/sbin/milter-greylist", "-D", "-v")),
        (
            "spamass-milter",
            ("/usr/sbin/spamass-milter", "-d", "func,misc,net,rcpt,spamc"),
        ),
        ("opendkim", ("/usr/sbin/opendkim", "-l", "-W", "-f")),
        ("clamav-milter", ("/usr/sbin/clamav-milter", "--foreground=true")),
    ],
)
def test_each_daemon_is_kept_in_the_foreground_and_tells_more(
    lab: Lab, service: str, argv: tuple[str, ...]
) -> None:
    assert argv_of(lab, service) == argv


def test_the_plan_says_what_happens_to_mail(lab: Lab) -> None:
    plan = plan_run(Context(lab.host), "milter-manager", "15m")
    assert plan.arguments == {"service": "milter-manager", "duration": "15m"}
    assert not plan.lasting
    (change,) = plan.changes
    assert change.note.startswith("it goes on answering: restarted now, and again at the end; ")
    assert "mail" in change.note
    assert isinstance(change, Foreground)
    assert change.sockets == ((lab.milters[0], "postfix"),)


def test_one_that_is_stopped_is_stopped_again(lab: Lab) -> None:
    lab.host.units.operate("stop", "opendkim")
    try:
        (change,) = plan_run(Context(lab.host), "opendkim", "15m").changes
        assert "is stopped again then" in change.note
    finally:
        lab.host.units.operate("start", "opendkim")


@pytest.mark.parametrize(
    ("service", "duration", "why", "code"),
    [
        ("postfix", "15m", "is not one daemon", Exit.USAGE),
        ("exim", "15m", "'exim' is no service", Exit.USAGE),
        ("opendkim", "soon", "'soon' is no time", Exit.USAGE),
        ("opendkim", "40h", "is not between", Exit.USAGE),
    ],
)
def test_what_makes_no_sense_is_refused(
    lab: Lab, service: str, duration: str, why: str, code: Exit
) -> None:
    with pytest.raises(ActionError, match=why) as refused:
        plan_run(Context(lab.host), service, duration)
    assert refused.value.exit_code is code
    assert refused.value.next_step


SCRIPT = UnitState(
    "milter.service",
    "active",
    True,
    0,
    "a",
    "running",
    command=("/etc/init.d/milter", "start"),
    files=("/etc/init.d/milter",),
)


def test_of_an_init_script_without_a_process_it_can_not_be_told() -> None:
    mode = next(mode for mode in MODES if mode.service == "spamass-milter")
    with pytest.raises(ActionError, match="and does not run") as refused:
        command_of(SystemHost(), mode, SCRIPT)
    assert refused.value.next_step == "start it: console run services.start spamass-milter"


@pytest.mark.skipif(os.geteuid() != 0, reason="speaks of a process of root's")
def test_of_an_init_script_no_process_of_roots_is_believed() -> None:
    """Its command line may be written by anybody who has its rights no more."""
    own = next(mode for mode in MODES if mode.service == "spamd")
    mode = own._replace(
        programs=(os.path.basename(os.readlink("/proc/self/exe")), "python", "pytest")
    )
    with pytest.raises(ActionError, match="whose daemon runs as root"):
        command_of(SystemHost(), mode, SCRIPT._replace(main_pid=os.getpid()))


WIPED = """
import ctypes
told = open("/proc/self/stat", "rb").read().rpartition(b")")[2].split()
first, end = int(told[45]), int(told[46])  # arg_start and arg_end of proc(5)
ctypes.memset(first, 0, end - first)
print(flush=True)
input()
"""


def test_a_process_that_wiped_out_its_command_line_is_told_of_and_not_run() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WIPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        name = Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8").strip()
        state = SCRIPT._replace(main_pid=process.pid)
        own = next(mode for mode in MODES if mode.service == "opendkim")
        mode = own._replace(programs=(name,), directive=None)
        subject = Subject("opendkim", mode, None, state)
        assert state_of(SystemHost(), subject).word == "off"
        with pytest.raises(ActionError, match="has wiped out what it was started with"):
            command_of(SystemHost(), mode, state)
        process.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("/usr/bin/sleep", "60"), ("/usr/bin/sleep", "60")),
        (("sleep", "60"), ("/usr/bin/sleep", "60")),
        (("/usr/bin/perl", "-T", "/usr/bin/sleep", "60"), ("/usr/bin/sleep", "60")),
        (("/bin/sh", "-c", "anything"), None),
        (("/tmp/there/sleep", "60"), None),
    ],
)
def test_of_an_init_scripts_process_the_daemons_own_program_alone_is_run(
    words: tuple[str, ...], expected: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon may say of itself what it likes: its process is one that is confined, maybe."""
    own = next(mode for mode in MODES if mode.service == "spamd")
    mode = own._replace(programs=("sleep",))
    with subprocess.Popen(["sleep", "60"], user=61999, group=61998) as process:
        try:
            seen = Found((), Running(process.pid, words, None), ())
            # What a process says of itself it says only as long as it likes.
            monkeypatch.setattr(foreground, "found", lambda *_: seen)
            if expected is None:
                with pytest.raises(ActionError, match="no program of spamd that root alone"):
                    command_of(SystemHost(), mode, SCRIPT)
                return
            argv = command_of(SystemHost(), mode, SCRIPT)
            assert argv[1:4] == ("--reuid=61999", "--regid=61998", "--init-groups")
            assert argv[4:6] == expected
        finally:
            process.kill()
