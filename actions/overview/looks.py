"""The looks of which the overview is made: other capabilities' checks, asked by their names.

Each has a thread of its own and a time limit; what happens to one does nothing to the others.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Cancelled, Exit
from actions.host.errors import HostError, NotPermitted
from actions.overview.chains import discovered
from actions.overview.report import CHAIN, SERVICES
from actions.record import Record
from actions.registry import MODULES, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actions.action import Cancel, Context


class Check(Record):
    """One look: an action, and how long it may take."""

    name: str
    seconds: float
    quick: bool = True
    """Whether it is so cheap that a screen may do it again and again."""
    given: tuple[tuple[str, object], ...] = ()
    """Its arguments, where it is not to look at everything."""


CHECKS = (
    Check(CHAIN, 30.0, quick=False),
    Check(SERVICES, 30.0),
    Check("sockets.check", 30.0),
    Check("queue.list", 20.0),
    Check("setup.check", 60.0, quick=False),
    Check("debug.status", 20.0),
)
"""In the order in which their findings are told; one that is not registered is left out."""


def services_named(names: Iterable[str]) -> Check:
    """Return the look at the services called *names*, and at what they need."""
    check = next(check for check in CHECKS if check.name == SERVICES)
    return check._replace(given=(("service", tuple(names)),))


class Seen(Record):
    """What came of one look."""

    name: str
    report: object | None
    trouble: str
    """Why there is no report; empty where there is one."""
    next_step: str
    seconds: float
    needs_root: bool = False
    """Whether it told nothing for want of rights."""


def known_checks() -> tuple[Check, ...]:
    """Return the looks that can be done here."""
    return tuple(check for check in CHECKS if check.name == CHAIN or check.name in MODULES)


class _Ending:
    """The flag by which one look is told to end: the operator's, or its time is over."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel
        self.over = False

    def is_set(self) -> bool:
        """Return whether it has to end."""
        return self.over or self._cancel.is_set()


class _Under:
    """One look under way."""

    def __init__(self, ctx: Context, check: Check, ended: Callable[[Seen], None]) -> None:
        self.check = check
        self._ended = ended
        self._flag = _Ending(ctx.cancel)
        self._started = time.monotonic()
        deadline = min(ctx.deadline, self._started + check.seconds)
        self._ctx = ctx._replace(cancel=self._flag, deadline=deadline, tell=lambda _: None)
        # It dies with the program: what hangs in a system call can't be ended otherwise.
        thread = threading.Thread(target=self._run, name=check.name, daemon=True)
        thread.start()

    @property
    def left(self) -> float:
        """Seconds that it still has."""
        return self.check.seconds - (time.monotonic() - self._started)

    def give_up(self) -> Seen:
        """Wait for it no longer."""
        self._flag.over = True
        why = f"it did not end within {self.check.seconds:.0f} s"
        return self._seen(None, why, "see what hangs: run it by itself")

    def _run(self) -> None:
        try:
            self._ended(self._seen(_report(self._ctx, self.check)))
        except ActionError as error:
            # What makes no sense here, such as a look at the sockets of no milter, is no trouble.
            trouble = "" if error.exit_code == Exit.USAGE else str(error)
            seen = self._seen(None, trouble, error.next_step)
            self._ended(seen._replace(needs_root=error.exit_code == Exit.NOT_PERMITTED))
        except Cancelled:
            self._ended(self._seen(None, "cancelled"))
        except (HostError, OSError) as error:
            needs_root = isinstance(error, (NotPermitted, PermissionError))
            self._ended(self._seen(None, str(error))._replace(needs_root=needs_root))
        except BaseException as error:  # noqa: BLE001  (whatever it is, the others go on)
            defect = f"a defect of the console: {type(error).__name__}: {error}"
            self._ended(self._seen(None, defect, "please report it"))

    def _seen(self, report: object | None, trouble: str = "", next_step: str = "") -> Seen:
        seconds = time.monotonic() - self._started
        return Seen(self.check.name, report, " ".join(trouble.split()), next_step, seconds)


def look(ctx: Context, checks: Iterable[Check], told: Callable[[Seen], None]) -> None:
    """Do *checks* beside each other, and tell each as it ends, from this thread.

    Raises:
        Cancelled: the operator cancelled.
    """
    bell = threading.Condition()
    ended: list[Seen] = []

    def end(seen: Seen) -> None:
        with bell:
            ended.append(seen)
            bell.notify()

    under = {check.name: _Under(ctx, check, end) for check in checks}
    while under:
        ctx.check()
        with bell:
            if not ended:
                bell.wait(min(_PATIENCE, *(one.left for one in under.values()), _PATIENCE))
            news, ended[:] = list(ended), []
        late = [one.give_up() for one in under.values() if one.left <= 0]
        for seen in (*news, *late):
            if under.pop(seen.name, None):
                told(seen)


_PATIENCE = 0.2
"""Seconds after which it is asked again whether the operator cancelled."""


def _report(ctx: Context, check: Check) -> object:
    if check.name == CHAIN:
        return discovered(ctx.host)
    return find(check.name).function(ctx, **dict(check.given))
