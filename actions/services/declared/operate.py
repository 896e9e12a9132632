"""Starting and stopping services, declared."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.plan import Plan
    from actions.services.asked import AskedReport
    from actions.services.signatures import SignaturesReport
    from actions.services.wait import WaitReport

Service = Annotated[
    str,
    Option("its name, such as clamav-milter, or its unit", metavar="NAME", positional=True),
]

Unasked = Annotated[
    tuple[str, ...],
    Option("a milter that runs and that milter-manager is meant to leave out", metavar="NAME"),
]


@plan("services.start")
def services_start(ctx: Context, *, service: Service) -> "Plan":
    """Start a service of this mail host, and prove that it answers.

    Its configuration is parsed first, where its program can; one that does not start is not
    left half started.
    """
    from actions.services.operate import plan_operation

    return plan_operation(ctx, "start", service)


@plan("services.stop")
def services_stop(ctx: Context, *, service: Service) -> "Plan":
    """Stop a service of this mail host; the plan says what that means for mail.

    To have a milter asked no more before it stops, take services.drop.
    """
    from actions.services.operate import plan_operation

    return plan_operation(ctx, "stop", service)


@plan("services.restart")
def services_restart(ctx: Context, *, service: Service, unasked: Unasked = ()) -> "Plan":
    """Stop a service and start it again, and prove that it answers.

    Its configuration is parsed first, where its program can: a broken one ends the plan.
    """
    from actions.services.operate import plan_operation

    return plan_operation(ctx, "restart", service, unasked)


@plan("services.reload")
def services_reload(ctx: Context, *, service: Service, unasked: Unasked = ()) -> "Plan":
    """Let a service take up its configuration while it runs.

    The configuration is parsed first, where the program can: a broken one ends the plan
    before anything is done. milter-manager must name every milter that runs.
    """
    from actions.services.operate import plan_operation

    return plan_operation(ctx, "reload", service, unasked)


@plan("services.enable")
def services_enable(ctx: Context, *, service: Service) -> "Plan":
    """Let a service start at boot."""
    from actions.services.operate import plan_operation

    return plan_operation(ctx, "enable", service)


@plan("services.disable")
def services_disable(ctx: Context, *, service: Service) -> "Plan":
    """Let a service start at boot no more; it runs on until it is stopped."""
    from actions.services.operate import plan_operation

    return plan_operation(ctx, "disable", service)


@plan("services.drop")
def services_drop(ctx: Context, *, service: Service) -> "Plan":
    """Take a milter out of the chain: it is asked no more, stopped, and off at boot.

    No mail is refused on the way: who asks the milter stops asking first, then it stops. The
    proof is the chain, which answers without it. services.take puts it back.
    """
    from actions.services.membership import plan_drop

    return plan_drop(ctx, service)


@plan("services.take")
def services_take(ctx: Context, *, service: Service) -> "Plan":
    """Take a milter into the chain: it starts, starts at boot, and is asked from then on.

    It is asked only once it answers. The proof is the chain, which answers with it.
    """
    from actions.services.membership import plan_take

    return plan_take(ctx, service)


@report("services.wait")
def services_wait(
    ctx: Context,
    *,
    service: Service,
    state: Annotated[
        str,
        Option(
            "what to wait for",
            choices=("running", "stopped", "enabled", "disabled"),
        ),
    ] = "running",
    within: Annotated[float, Option("the longest wait", metavar="SECONDS")] = 60.0,
) -> "WaitReport":
    """Wait until a service runs and answers, or has stopped.

    It runs where its unit is active and each of its sockets greets with the rights of who
    asks it. Exits 1 where that is not so in time, 6 where it can't be seen.
    """
    from actions.services.wait import wait_for

    return wait_for(ctx, service, state, within)  # type: ignore[arg-type]  # one of the choices


@report("services.asked")
def services_asked(
    ctx: Context,
    *,
    expect: Annotated[
        tuple[str, ...], Option("a milter that must be asked, and answer", metavar="NAME|SPEC")
    ] = (),
    without: Annotated[
        tuple[str, ...], Option("a milter that must not be asked", metavar="NAME|SPEC")
    ] = (),
    within: Annotated[
        float, Option("ask again a milter that does not answer, so long", metavar="SECONDS")
    ] = 0.0,
) -> "AskedReport":
    """Show which milters are asked for mail, by Postfix and by a milter-manager, and ask each.

    Each is connected to and negotiated with, with the rights of who asks it, which needs root.
    """
    from actions.services.asked import look_who_is_asked

    return look_who_is_asked(ctx, expect, without, within)


@plan("services.freshclam")
def services_freshclam(ctx: Context) -> "Plan":
    """Fetch ClamAV's signatures by freshclam, and have clamd use them; the first time too.

    It runs as the owner of the database and tells how far it is. Without signatures clamd does
    not start; the plan starts it then. Stopped amid its work, what was there before stays.
    """
    from actions.services.freshclam import plan_freshclam

    return plan_freshclam(ctx)


@report("services.signatures")
def services_signatures(
    ctx: Context,
    *,
    most_days: Annotated[float, Option("the age that is still right", metavar="DAYS")] = 3.0,
    within: Annotated[
        float, Option("ask again a clamd that does not answer, so long", metavar="SECONDS")
    ] = 0.0,
) -> "SignaturesReport":
    """Ask clamd which signatures it uses, and tell how old they are.

    Exits 1 where clamd does not answer or they are too old.
    """
    from actions.services.signatures import look_at_signatures

    return look_at_signatures(ctx, most_days, within)
