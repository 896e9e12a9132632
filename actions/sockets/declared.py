"""The sockets' actions, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.plan import Plan
    from actions.sockets.report import SocketsReport


@report("sockets.check")
def sockets_check(
    ctx: Context,
    *,
    milter: Annotated[
        tuple[str, ...],
        Option(
            "look at this milter's socket: unix:PATH, or inet:HOST:PORT (default: every milter "
            "of this host's Postfix)",
            ("-s",),
            "SPEC",
        ),
    ] = (),
) -> "SocketsReport":
    """Find out whether Postfix can open its milters' sockets, by opening them as Postfix.

    Each path is walked component by component; the proof is a connection and a negotiation
    with the rights of Postfix's user, which needs root.
    """
    from actions.sockets.check import check_sockets

    return check_sockets(ctx, milter)


@plan("sockets.fix")
def sockets_fix(
    ctx: Context,
    *,
    milter: Annotated[str, Option("the milter whose socket is closed", ("-s",), "SPEC")],
) -> "Plan":
    """Let Postfix open a milter's socket, by the daemon's own setting, so that it lasts.

    The plan edits the setting, restarts the daemon, and proves the socket as Postfix's user.
    """
    from actions.sockets.fix import plan_fix

    return plan_fix(ctx, milter)
