"""The actions of debug modes, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.debug.report import DebugReport
    from actions.plan import Plan

Service = Annotated[
    str,
    Option(
        "the service, such as milter-manager",
        metavar="SERVICE",
        positional=True,
        known="actions.debug.modes.catalogue:names",
    ),
]

Duration = Annotated[
    str,
    Option("how long, such as 90s, 15m or 2h; 24h at most", ("--for",), "TIME"),
]


@report("debug.status")
def debug_status(
    ctx: Context,
    *,
    service: Annotated[
        tuple[str, ...],
        Option(
            "look at this one only (default: all that have a debug mode)",
            metavar="SERVICE",
            positional=True,
            known="actions.debug.modes.catalogue:names",
        ),
    ] = (),
    expect: Annotated[
        str,
        Option("exit 0 where each of them is so, and 1 where one is not", choices=("on", "off")),
    ] = "off",
) -> "DebugReport":
    """Tell which services log more than usual just now, since when, and until when.

    It is read from the running processes, their units with all drop-ins, and their files. What
    is set and not taken up yet is told from what still runs though nothing sets it. Exits 1
    where any debug mode is on.
    """
    from actions.debug.status import look_at_modes

    return look_at_modes(ctx, service, expect)


@plan("debug.on")
def debug_on(
    ctx: Context,
    *,
    service: Service,
    duration: Duration = "15m",
    peer: Annotated[
        str,
        Option("of Postfix: only for this client, an address or a name", metavar="ADDRESS"),
    ] = "",
    port: Annotated[
        str,
        Option(
            "of Postfix: only this service of master.cf, such as smtp or submission",
            metavar="NAME",
        ),
    ] = "",
) -> "Plan":
    """Switch the debug mode of a service on for a while; it ends by itself.

    The end is left to the host first, so it comes though the console is gone. The service is
    restarted twice: now and at the end. Given again, it takes as long from then on.
    """
    from actions.debug.on import plan_on

    return plan_on(ctx, service, duration, peer, port)


@plan("debug.off")
def debug_off(ctx: Context, *, service: Service) -> "Plan":
    """Switch the debug mode of a service off, whoever switched it on.

    What `debug.on` set is taken back exactly; of what somebody else set, only the words that
    switch it on are taken out.
    """
    from actions.debug.off import plan_off

    return plan_off(ctx, service)


@plan("debug.run")
def debug_run(ctx: Context, *, service: Service, duration: Duration = "15m") -> "Plan":
    """Run a service's daemon in the foreground in its place, and show what it tells.

    The daemon has the service's own user, folders and settings, and a debug mode where an option
    switches one on. Ctrl+C ends it, and the host starts the service again as it was: at the end
    of the time too, and where the console is gone, however it went. What it tells is kept.
    """
    from actions.debug.running import plan_run

    return plan_run(ctx, service, duration)
