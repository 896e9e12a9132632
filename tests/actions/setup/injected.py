"""A Postfix's own folder, deviations put into it, and each of them taken through its whole way.

What is injected is found with its file and line, mended by the plan, proved by the same check,
and undone byte for byte.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from actions.action import Context, Exit
from actions.host.errors import HostError
from actions.host.ports import UnitState
from actions.registry import find
from actions.runner import run_plan
from actions.setup.fix import plan_fix
from actions.setup.survey import check_setup
from tests.actions.mailhost.private import PrivateCommands, PrivateHost, private_host
from tests.unit_ports import NoForeground

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.host.ports import Completed, Operation, UnitWatch
    from actions.setup.check import Result, Verdict

MAIN = """\
# The mail host under test.
mydestination = $myhostname, localhost
mynetworks = 127.0.0.0/8 [::1]/128 10.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination

# Milters, in their order.
smtpd_milters =
    unix:milters/one.sock,
    # the second one is a signer
    inet:127.0.0.1:10025
non_smtpd_milters = inet:127.0.0.1:10025
milter_protocol = 6
milter_default_action = tempfail
milter_command_timeout = 30s
smtpd_banner = $myhostname ESMTP
"""

MASTER = """\
# service type private unpriv chroot wakeup maxproc command
smtp      inet  n - n - - smtpd
submission inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:10026 inet n - n - - smtpd -o smtpd_milters=
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
"""


class Injected(NamedTuple):
    """One deviation, as a replacement in main.cf or master.cf."""

    check: str
    file: str
    old: str
    new: str
    at: str
    """What the line that is reported begins with; empty where the setting is in no line."""
    found: str
    verdict: Verdict = "deviates"


class QuickCommands(PrivateCommands):
    """Postconf waits until what it reads is 2 s old: here it always is."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._files = [folder / "main.cf", folder / "master.cf"]

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        for path in self._files:
            os.utime(path, (1.0, 1.0))
        return super().run(argv, user=user, timeout=timeout)


class NoServices(NoForeground):
    """A service manager without a service: what else runs on this machine is no part of the host.

    A stand-in, as the machine that runs the tests has its own services, or no systemd.
    """

    def absent(self) -> str:
        return ""

    def names(self) -> tuple[str, ...]:
        return ()

    def state(self, unit: str) -> UnitState:
        detail = "this host has no such unit"
        return UnitState(unit, "inactive", None, 0, "", detail, known=False)

    def states(self, units: Sequence[str]) -> tuple[UnitState, ...]:
        return tuple(map(self.state, units))

    def watch(self, changed: Callable[[str], None]) -> UnitWatch:
        raise HostError("nothing changes here")

    def operate(self, operation: Operation, unit: str, timeout: float = 90.0) -> None:
        raise HostError(f"cannot {operation} {unit}: there is none")


def injected_host(root: Path, main: str = MAIN, master: str = MASTER) -> PrivateHost:
    """Return a host with these files, whose journal is its own."""
    host = private_host(root)
    start = (root / "postfix/main.cf").read_text(encoding="utf-8")
    (root / "postfix/main.cf").write_text(start + main, encoding="utf-8")
    (root / "postfix/master.cf").write_text(master, encoding="utf-8")
    host.commands = QuickCommands(root / "postfix")
    host.units = NoServices()
    host.state_folder = str(root / "state")
    return host


def goes_its_way(host: PrivateHost, case: Injected, beside: Sequence[str] = ("postfix",)) -> None:
    """Take the one deviation of *host*, which is *case*, through its whole way."""
    path = Path(host.root, "postfix", case.file)
    before, mode = path.read_bytes(), path.stat().st_mode
    ctx = Context(host)
    others = said(host, beside) - {case.check}

    (result,) = told(host, case.check)
    assert result.verdict == case.verdict
    assert result.file == str(path)
    lines = before.decode().split("\n")
    assert (lines[result.line - 1] if result.line else "").strip().startswith(case.at)
    assert bool(result.line) == bool(case.at)
    assert case.found in result.found
    assert result.why
    assert result.wanted

    plan = plan_fix(ctx, (case.check,))
    assert path.read_bytes() == before, "planning changes nothing"
    report = run_plan(ctx, plan)
    assert report.exit_code == Exit.FINE, (report.because, report.proof)
    assert report.proof
    assert report.proof.status == "proved"
    assert not told(host, case.check)
    assert said(host, beside) == others, "mending one thing makes no other worse"
    assert comments(path.read_bytes()) >= comments(before), "no comment is lost"
    assert not plan_fix(ctx, (case.check,)).changes, "what is as wanted needs no plan"

    undo = find("journal.undo").function(ctx, entry=report.entry)
    assert run_plan(ctx, undo).exit_code == Exit.FINE  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert path.stat().st_mode == mode
    assert told(host, case.check) == (result,)


def told(host: PrivateHost, name: str) -> tuple[Result, ...]:
    """Return what the check *name* has against *host*."""
    report = check_setup(Context(host), (name,))
    return tuple(one for one in report.results if one.verdict != "as wanted")


def said(host: PrivateHost, names: Sequence[str]) -> set[str]:
    """Return which of the checks *names* have something against *host*."""
    return {name for part in names for name in (one.name for one in told(host, part))}


def comments(content: bytes) -> set[bytes]:
    """Return the comments of a file."""
    return {line for line in content.split(b"\n") if line.lstrip().startswith(b"#")}
