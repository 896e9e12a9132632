"""``services.status``, declared: how each service of this mail host is."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, report

if TYPE_CHECKING:
    from actions.services.report import ServicesReport

ACCOUNT = "a test account"


@report("services.status")
def services_status(
    ctx: Context,
    *,
    service: Annotated[
        tuple[str, ...],
        Option(
            "look only at this service and at what it needs (may be repeated; default: all)",
            (),
            "NAME",
        ),
    ] = (),
    timeout: Annotated[float, Option("seconds for each look; they go on side by side")] = 3.0,
    login: Annotated[
        str,
        Option(
            "log in as this user where mail is fetched (POP3, IMAP) and handed in (submission)",
            (),
            "USER",
            ACCOUNT,
        ),
    ] = "",
    password: Annotated[
        str,
        Option(
            "read the password from file descriptor N, its first line (default: ask at the "
            "terminal)",
            metavar="N",
            group=ACCOUNT,
            secret=True,
        ),
    ] = "",
) -> "ServicesReport":
    """Find out how each service of this mail host is: process, sockets, greeting, what it needs.

    Each look has its own time limit, and none waits for another. What may not be seen is
    unknown, never down. Exits 0 where all is well, 1 where a service is down or degraded, 6
    where one could not be seen.
    """
    from actions.mailhost.greeting.heard import Login
    from actions.services.status import check_services

    account = None
    if login:
        secret = password or ctx.ask_secret(f"Password of {login}: ", "--password-fd")
        account = Login(login, secret)
    return check_services(ctx, service, timeout, account)
