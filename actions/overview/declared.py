"""The overview's actions, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.overview.report import OverviewReport
    from actions.plan import Plan


@report("overview.check")
def overview_check(
    ctx: Context,
    *,
    ack: Annotated[
        tuple[str, ...],
        Option(
            "a known finding that is not counted up to and with this day, such as "
            "services.clamd@2030-01-31",
            metavar="NAME@DATE",
        ),
    ] = (),
    since_last: Annotated[
        bool,
        Option("tell only what is new, worse or gone since the last look with this option"),
    ] = False,
) -> "OverviewReport":
    """Look at the whole host: how mail flows through it, and what is wrong, worst first.

    Services, sockets, the milter chain, the queue and the configuration are looked at beside
    each other, each with a time limit; a look that fails is told as unknown, with its reason.
    """
    from actions.overview.check import check_all

    return check_all(ctx, ack, since_last=since_last)


@plan("overview.ack")
def overview_ack(
    ctx: Context,
    *,
    name: Annotated[str, Option("the finding, as overview.check calls it", metavar="NAME")],
    until: Annotated[str, Option("the last day on which it is not counted", metavar="DATE")],
    reason: Annotated[str, Option("why it may stand until then", metavar="TEXT")],
) -> "Plan":
    """Acknowledge a finding: until a day it is shown, but not counted.

    It is written to /etc/milter-console/acknowledged.json, which overview.check reads.
    """
    from actions.overview.acknowledge import plan_acknowledgement

    return plan_acknowledgement(ctx, name, until, reason)
