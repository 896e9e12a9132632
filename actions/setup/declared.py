"""The setup's actions, declared; their bodies are imported when called."""

from typing import TYPE_CHECKING, Annotated

from actions.action import Context, Option, plan, report

if TYPE_CHECKING:
    from actions.plan import Plan
    from actions.setup.report import SetupReport


@report("setup.check")
def setup_check(
    ctx: Context,
    *,
    only: Annotated[
        tuple[str, ...],
        Option(
            "look at this only: a check's name, or how names begin, such as postfix "
            "(may be given more than once)",
            metavar="NAME",
            known="actions.setup.catalogue:names",
        ),
    ] = (),
) -> "SetupReport":
    """Find settings of the mail host that are not as they should be.

    Each check names the file and line, the value found and the one wanted, and why it matters.
    A value that may be meant is told as a choice, and is no problem. docs/setup.md lists all
    checks.
    """
    from actions.setup.survey import check_setup

    return check_setup(ctx, only)


@plan("setup.fix")
def setup_fix(
    ctx: Context,
    *,
    name: Annotated[
        tuple[str, ...],
        Option(
            "the check whose setting is to be mended",
            metavar="NAME",
            positional=True,
            known="actions.setup.catalogue:names",
        ),
    ],
) -> "Plan":
    """Mend what a check of the setup found, by an edit of exactly that.

    The plan edits the setting, keeps comments and order, has the services take it up, and
    proves it by the same check. A choice is changed too: naming it is the decision.
    """
    from actions.setup.fix import plan_fix

    return plan_fix(ctx, name)
