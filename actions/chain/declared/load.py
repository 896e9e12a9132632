"""``chain.load``, declared."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, report
from actions.chain.declared.options import (
    TIMES,
    WHAT,
    WHO,
    AllTimeouts,
    AsUser,
    Chain,
    Headers,
    Message,
    Milters,
    Recipients,
    Sample,
    Sender,
)

if TYPE_CHECKING:
    from actions.chain.load.report import LoadReport

_MUCH = "how much"
_CLIENTS = ("outside", "inside", "authenticated")


@report("chain.load")
def chain_load(
    ctx: Context,
    *,
    milter: Milters = (),
    chain: Chain = "",
    as_user: AsUser = "",
    sessions: Annotated[
        int | None,
        Option(
            "play N sessions (default: 1000, or as many as the duration lets)", ("-n",), "N", _MUCH
        ),
    ] = None,
    parallel: Annotated[int, Option("C of them at once", ("-c",), "C", _MUCH)] = 4,
    messages: Annotated[int, Option("send M messages in each session", (), "M", _MUCH)] = 1,
    size: Annotated[
        tuple[str, ...],
        Option(
            "make the message so many bytes long, such as 10000, 64K or 1M; several, with "
            "commas or by several options, are played in turn",
            (),
            "BYTES",
            _MUCH,
        ),
    ] = (),
    duration: Annotated[
        float | None, Option("begin no more sessions after SECONDS", (), "SECONDS", _MUCH)
    ] = None,
    message: Message = "",
    sample: Sample = "clean",
    header: Headers = (),
    body: Annotated[
        tuple[str, ...],
        Option("use TEXT as the body; several are put one after another", ("-b",), "TEXT", WHAT),
    ] = (),
    profile: Annotated[str, Option("the kind of client", group=WHO, choices=_CLIENTS)] = "outside",
    sender: Sender = "",
    recipient: Recipients = (),
    all_timeouts: AllTimeouts = None,
    deadline: Annotated[float, Option("for each session", group=TIMES)] = 600.0,
) -> "LoadReport":
    """Play many sessions through a milter or a chain at once, and time them.

    Exits 0 when every session was decided and equal messages had equal verdicts; 1 when equal
    messages had different ones; 6 when a session could not be decided, or it was cancelled.
    Filters remember what they see and take their time for it: not for a busy host by day.
    """
    from actions.chain.load.ask import ask
    from actions.chain.load.run import Load
    from actions.chain.request import Limits, Mail, Origin, Target

    origin = Origin(profile, "", "", "", sender, recipient, "", "", "", "", "")
    return ask(
        ctx,
        Target(milter, chain, as_user),
        Mail(message, sample, header, body, (), ""),
        origin,
        Limits(all_timeouts, deadline=deadline),
        Load(sessions, parallel, messages, duration),
        size,
    )
