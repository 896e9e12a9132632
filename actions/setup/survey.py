"""All checks of the setup, one after the other, none of which can take the others down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Cancelled, Context, Exit
from actions.host.errors import AS_ROOT, HostError, NotPermitted
from actions.record import Record
from actions.setup.catalogue import all_checks, matching
from actions.setup.check import Result
from actions.setup.looking import LookingHost
from actions.setup.report import SetupReport, report_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.setup.check import Check


class Looking(Record):
    """Told before each check."""

    name: str
    title: str

    @property
    def standing(self) -> str:
        """The event in one line."""
        return f"looking whether {self.title} ({self.name})"


def check_setup(ctx: Context, only: Sequence[str] = ()) -> SetupReport:
    """Look at everything, or at the checks that *only* names.

    Raises:
        ActionError: a name means no check, or the run was cancelled.
    """
    host = LookingHost(ctx.host, only)
    ctx = ctx._replace(host=host)
    results: list[Result] = []
    for check in chosen(only):
        ctx.check()
        ctx.tell(Looking(check.name, check.title))
        results += results_of(check, ctx)
    return report_of(tuple(results), host.notes())


def chosen(names: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks that *names* mean; raises `ActionError` where one means none."""
    checks = all_checks()
    try:
        return matching(checks, names)
    except KeyError as error:
        name = str(error.args[0])
        known = _close_to(name, checks)
        raise ActionError(f"no check is called {name!r}", Exit.USAGE, known) from None


def results_of(check: Check, ctx: Context) -> tuple[Result, ...]:
    """Return what *check* finds; one that fails is unknown, with the reason."""
    found: list[Result] = []
    try:
        for result in check.look(ctx):
            found.append(result)  # noqa: PERF402 - what was found before a failure counts too
    except (Cancelled, ActionError):
        raise
    except NotPermitted as error:
        unseen = _unknown(check, f"{error}")
        found.append(unseen._replace(advice=AS_ROOT, needs_root=True))
    except (HostError, OSError) as error:
        found.append(_unknown(check, f"{error}"))
    except Exception as error:  # noqa: BLE001 - a check's own defect must not hide the others
        found.append(_unknown(check, f"a defect of this check: {type(error).__name__}: {error}"))
    return tuple(found)


def _unknown(check: Check, why: str) -> Result:
    return Result(check.name, "unknown", why=why)


def _close_to(name: str, checks: Sequence[Check]) -> str:
    import difflib

    names = [check.name for check in checks]
    begins = [one for one in names if one.startswith(name)]
    close = begins or difflib.get_close_matches(name, names, 3, 0.4)
    if close:
        return f"did you mean {' or '.join(close)}?"
    parts = dict.fromkeys(one.partition(".")[0] for one in names)
    return f"names begin with {', '.join(parts)}; docs/setup.md lists all"
