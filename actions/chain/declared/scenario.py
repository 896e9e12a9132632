"""``chain.scenario``, declared."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, report
from actions.chain.declared.options import (
    SHOWN,
    TIMES,
    AllTimeouts,
    AsUser,
    ConnectionTimeout,
    EndTimeout,
    ReadingTimeout,
    WritingTimeout,
)

if TYPE_CHECKING:
    from actions.chain.scenario.report import ScenarioReport


@report("chain.scenario")
def chain_scenario(
    ctx: Context,
    *,
    file: Annotated[
        tuple[str, ...],
        Option(
            "a suite in TOML, or the name of one that comes with the program",
            metavar="FILE",
            positional=True,
        ),
    ] = (),
    milter: Annotated[
        tuple[str, ...],
        Option(
            "where the milter that a suite calls NAME listens (default: as the suite says, or "
            "else the one of this name among the milters of this host)",
            ("-s",),
            "NAME=SPEC",
        ),
    ] = (),
    chain: Annotated[
        str,
        Option(
            "look for milters in this host's chain of this service only (default: in all of "
            "them; a suite that names no milter asks that of mail from outside)",
            metavar="SERVICE",
        ),
    ] = "",
    as_user: AsUser = "",
    only: Annotated[
        tuple[str, ...],
        Option("run the scenarios of this name only; * stands for anything", (), "NAME"),
    ] = (),
    fail_fast: Annotated[bool, Option("run no further after one that did not pass")] = False,
    shipped: Annotated[
        bool, Option("list the suites that come with the program", ("--list",))
    ] = False,
    connection_timeout: ConnectionTimeout = None,
    reading_timeout: ReadingTimeout = None,
    writing_timeout: WritingTimeout = None,
    end_of_message_timeout: EndTimeout = None,
    all_timeouts: AllTimeouts = None,
    deadline: Annotated[
        float, Option("for each session, however often a milter asks for more time", group=TIMES)
    ] = 600.0,
    verbose: Annotated[
        bool, Option("show what came of every message", ("-v",), group=SHOWN)
    ] = False,
    junit: Annotated[
        str, Option("write the results to FILE as JUnit XML, for CI", (), "FILE", SHOWN)
    ] = "",
) -> "ScenarioReport":
    """Run test suites against a milter, or a chain of them, and say what differed.

    A suite is a file of scenarios: who sends what, and what is expected of each milter.
    Exits 0 when all scenarios passed; 1 when one failed; 6 when none failed and one could not
    be decided: a milter gave no decision, Postfix refuses a milter of its chain, or the milters
    behind a milter-manager can't be told; 2 when something is wrong with a file: then nothing
    was run.
    """
    from actions.chain.request import Limits
    from actions.chain.scenario.ask import Wanted, ask, list_shipped

    if shipped:
        return list_shipped()
    return ask(
        ctx,
        Wanted(file, milter, chain, as_user, only, junit, fail_fast, verbose),
        Limits(
            all_timeouts,
            connection_timeout,
            reading_timeout,
            writing_timeout,
            end_of_message_timeout,
            deadline,
        ),
    )
