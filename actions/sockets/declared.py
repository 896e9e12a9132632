"""The sockets' actions, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.plan import Plan
    from actions.sockets.report import SocketsReport
    from actions.sockets.ways.report import WaysReport

EDGES = "actions.sockets.named:names"
"""What completes the name of an edge."""


@report("sockets.check")
def sockets_check(
    ctx: Context,
    *,
    edge: Annotated[
        tuple[str, ...],
        Option(
            "only this edge, such as smtpd:milter-manager (default: every edge of this host)",
            metavar="EDGE",
            positional=True,
            known=EDGES,
        ),
    ] = (),
    milter: Annotated[
        tuple[str, ...],
        Option(
            "look at what Postfix meets at this milter's socket: unix:PATH, or inet:HOST:PORT",
            ("-s",),
            "SPEC",
        ),
    ] = (),
) -> "SocketsReport":
    """Find out whether each client of this mail host can open its socket, by opening it as that.

    The edges are those from Postfix to its milters, to Dovecot's auth and LMTP, from a
    milter-manager to its milters, and from milters to clamd and spamd. Each path is walked
    component by component, as its client sees it from its chroot; the proof is a connection and
    the first words of the protocol with the rights of the client's user, which needs root.
    """
    from actions.sockets.check import check_sockets

    return check_sockets(ctx, edge, milter)


@report("sockets.ways")
def sockets_ways(
    ctx: Context,
    *,
    edge: Annotated[
        str,
        Option(
            "the edge, such as smtpd:milter-manager", metavar="EDGE", positional=True, known=EDGES
        ),
    ] = "",
    milter: Annotated[
        str, Option("the socket of a milter of which no edge is known", ("-s",), "SPEC")
    ] = "",
) -> "WaysReport":
    """Compare the ways to let a client open its socket: what each changes, and what it risks.

    The daemon's own setting lasts longest; what only holds until the next restart is said to.
    Nothing is changed: sockets.fix makes the plan.
    """
    from actions.sockets.ways.report import look_at_ways

    return look_at_ways(ctx, edge, milter)


@plan("sockets.fix")
def sockets_fix(
    ctx: Context,
    *,
    edge: Annotated[
        str,
        Option(
            "the edge to mend, such as smtpd:milter-manager",
            metavar="EDGE",
            positional=True,
            known=EDGES,
        ),
    ] = "",
    way: Annotated[
        str,
        Option(
            "how (default: the first that lasts; sockets.ways compares them)",
            metavar="NAME",
            known="actions.sockets.ways.names:names",
        ),
    ] = "",
    milter: Annotated[
        str, Option("the socket of a milter of which no edge is known", ("-s",), "SPEC")
    ] = "",
) -> "Plan":
    """Let a client open its socket, so that it lasts: by the daemon's own setting where it has one.

    The plan makes the change, restarts the daemon, and proves the socket with the client's rights.
    """
    from actions.sockets.fix import plan_fix

    return plan_fix(ctx, edge, way=way, milter=milter)
