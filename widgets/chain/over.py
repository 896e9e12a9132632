"""What the pane opens over itself for other actions of the chain; imported when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from widgets.chain.target import OwnMilters
    from widgets.page import Over
    from widgets.workplace import Workplace


def view_of(
    workplace: Workplace,
    action: str,
    given: Mapping[str, object],
    held: Mapping[str, object],
    own: OwnMilters,
) -> Over | None:
    """Return the view of *action*; None where it has none of its own.

    Args:
        workplace: the host.
        action: its name.
        given: its arguments.
        held: the arguments of the pane's test.
        own: the milters of this host.
    """
    if action == "chain.load":
        from widgets.chain.load.view import LoadView

        return LoadView(workplace, {**held, **given}, own)
    if action == "chain.scenario" and not given.get("shipped"):
        from widgets.chain.scenarios.view import ScenariosView

        return ScenariosView(workplace, given)
    return None
