"""What `debug.off` can't switch off: a daemon that no unit runs, or whose unit can't be seen."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context, Exit
from actions.debug import off
from actions.debug.modes import MODES
from actions.debug.modes.catalogue import Directive
from actions.debug.off import plan_off
from actions.debug.subject import Subject, Subjects
from actions.host.processes import SYSTEM_UIDS
from actions.host.system import SystemHost
from actions.mailhost.service import MailService

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actions.debug.modes import Mode

PROGRAM = "own-hand-milter"
"""A name that no other process of this machine has."""

MANAGER, DKIM = (
    next(mode for mode in MODES if mode.service == name)._replace(programs=(PROGRAM,))
    for name in ("milter-manager", "opendkim")
)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have this machine be a mail host with one service."""

    def be(mode: Mode, service: MailService | None = None) -> None:
        subject = Subject(mode.service, mode, service, None)
        # A stand-in: what else this machine is, and its units, are none of a test's business.
        monkeypatch.setattr(off, "subjects", lambda host: Subjects((subject,), (), ()))

    return be


@pytest.mark.skipif(os.geteuid() not in SYSTEM_UIDS, reason="other users' processes do not count")
def test_a_daemon_that_somebody_started_by_hand_is_not_called_off(
    tmp_path: Path, only: Callable[..., None]
) -> None:
    program = tmp_path / PROGRAM
    shutil.copy("/usr/bin/tail", program)
    only(MANAGER)
    with subprocess.Popen([program, "--verbose", "-f", "/dev/stdin"], stdin=subprocess.PIPE) as one:
        try:
            with pytest.raises(ActionError, match="no unit runs it") as refused:
                plan_off(Context(SystemHost()), "milter-manager")
        finally:
            one.kill()
    assert str(one.pid) in str(refused.value)
    assert refused.value.exit_code == Exit.PROBLEM
    assert refused.value.next_step == "start it anew without --verbose"


def test_what_its_file_switches_on_is_named_where_its_unit_can_not_be_seen(
    tmp_path: Path, only: Callable[..., None]
) -> None:
    path = tmp_path / "opendkim.conf"
    path.write_text("LogWhy yes\n")
    mode = DKIM._replace(directive=Directive("opendkim", ("LogWhy",), (str(path),)))
    only(mode, MailService("opendkim", "milter", "opendkim.service", PROGRAM))
    with pytest.raises(ActionError, match=r"its unit opendkim\.service can't be seen") as refused:
        plan_off(Context(SystemHost()), "opendkim")
    assert refused.value.next_step.startswith(f"take out by hand: LogWhy in {path}; ")
    path.write_text("LogWhy no\n")
    assert plan_off(Context(SystemHost()), "opendkim").changes == ()
