"""A declaration, read the way every face reads it."""

from __future__ import annotations

import time
from typing import Annotated

import pytest

from actions.action import DECLARED, ActionError, Cancelled, Context, Exit, Option, report
from actions.finding import Finding, Health, worst
from actions.registry import all_actions, find


@pytest.fixture
def declared():  # type: ignore[no-untyped-def]
    def function(
        ctx: Context,
        *,
        place: Annotated[str, Option("where", ("-p",), "PLACE")],
        count: Annotated[int | None, Option("how many")] = None,
        wait: Annotated[float, Option("how long")] = 1.5,
        names: Annotated[tuple[str, ...], Option("who")] = (),
        loud: Annotated[bool, Option("whether")] = False,
    ) -> None:
        """Do something.

        At some length,
          and indented.
        """

    # The annotations of a declaration are real objects; these are strings in this module.
    function.__annotations__ = {
        "ctx": Context,
        "place": Annotated[str, Option("where", ("-p",), "PLACE")],
        "count": Annotated[int | None, Option("how many")],
        "wait": Annotated[float, Option("how long")],
        "names": Annotated[tuple[str, ...], Option("who")],
        "loud": Annotated[bool, Option("whether")],
        "return": None,
    }
    report("test.declared")(function)
    yield DECLARED["test.declared"]
    del DECLARED["test.declared"]


def test_the_docstring_becomes_summary_and_description(declared) -> None:  # type: ignore[no-untyped-def]
    assert declared.summary == "Do something."
    assert declared.description == "At some length,\nand indented."


def test_parameters_have_a_shape_a_default_and_a_flag(declared) -> None:  # type: ignore[no-untyped-def]
    shapes = {one.name: (one.shape, one.default, one.required) for one in declared.parameters}
    assert shapes == {
        "place": ("text", None, True),
        "count": ("number", None, False),
        "wait": ("seconds", 1.5, False),
        "names": ("list", (), False),
        "loud": ("switch", False, False),
    }
    assert declared.parameters[0].flag == "--place"


def test_every_action_has_a_summary_and_help_for_each_option() -> None:
    for action in all_actions():
        assert action.summary.endswith("."), action.name
        assert all(parameter.option.help for parameter in action.parameters), action.name


@pytest.mark.parametrize(("name", "meant"), [("chain.tset", "chain.test"), ("journal", "journal")])
def test_an_unknown_name_leads_to_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(ActionError) as caught:
        find(name)
    assert caught.value.exit_code == Exit.USAGE
    assert meant in caught.value.next_step


def test_a_cancelled_context_stops_the_action() -> None:
    class Set:
        def is_set(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        Context(None, cancel=Set()).check()  # type: ignore[arg-type]


def test_a_deadline_that_is_over_decides_nothing() -> None:
    with pytest.raises(ActionError) as caught:
        Context(None, deadline=time.monotonic() - 1).check()  # type: ignore[arg-type]
    assert caught.value.exit_code == Exit.UNDECIDED


def test_unknown_is_worse_than_degraded_and_better_than_down() -> None:
    def finding(health: Health) -> Finding:
        return Finding(health, "what", "where")

    assert worst(()) is Health.OK
    assert worst((finding(Health.DEGRADED), finding(Health.UNKNOWN))) is Health.DEGRADED
    assert worst((finding(Health.OK), finding(Health.UNKNOWN))) is Health.UNKNOWN
    assert worst((finding(Health.UNKNOWN), finding(Health.DOWN))) is Health.DOWN


def test_every_health_has_a_sign_of_its_own() -> None:
    assert len({health.sign for health in Health}) == len(Health)
