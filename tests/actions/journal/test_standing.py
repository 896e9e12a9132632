"""The steps back and on, from every position of an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from actions.host.errors import HostError
from actions.journal.entry import Position
from actions.journal.standing import way_back, way_on
from actions.plan import Standing

if TYPE_CHECKING:
    from actions.host.ports import Host
    from actions.plan import Change

NEW, BEGUN, DONE, RETURNING, RETURNED = Position
HOST = cast("Host", None)


class Step(NamedTuple):
    """A change whose place on the host is given; "-" before the name takes it back."""

    name: str
    now: Standing = Standing.BEFORE
    settles: bool = False
    target: str = ""
    final: bool = False
    kind: str = "edit"
    undo_note: str = "it is gone"

    def stands(self, host: object) -> Standing:
        if self.now is Standing.UNTOLD and self.name.endswith("unseen"):
            raise HostError("not permitted to look")
        return self.now

    def inverse(self) -> Step | None:
        if self.final:
            return None
        turned = {Standing.BEFORE: Standing.AFTER, Standing.AFTER: Standing.BEFORE}
        return self._replace(name=f"-{self.name}", now=turned.get(self.now, self.now))


def changes(*steps: Step) -> tuple[Change, ...]:
    return cast(
        "tuple[Change, ...]", tuple(one._replace(target=one.target or one.name) for one in steps)
    )


BEFORE, AFTER, OTHER, UNTOLD = Standing


def back(steps: tuple[Change, ...], *positions: Position) -> list[str]:
    way = way_back(steps, positions, HOST)
    assert all(step.back for step in way.steps)
    return [cast("Step", step.change).name for step in way.steps]


def on(steps: tuple[Change, ...], *positions: Position) -> list[str]:
    way = way_on(steps, positions, HOST)
    assert not any(step.back for step in way.steps)
    return [cast("Step", step.change).name for step in way.steps]


RESTARTS = changes(
    Step("a", AFTER),
    Step("restart x", settles=True),
    Step("b", AFTER),
    Step("reload y", settles=True),
)


def test_back_in_reverse_and_then_taken_up_in_order() -> None:
    assert back(RESTARTS, DONE, DONE, DONE, DONE) == ["-b", "-a", "restart x", "reload y"]


def test_what_was_not_begun_is_left() -> None:
    assert back(RESTARTS, DONE, NEW, NEW, NEW) == ["-a"]
    assert back(RESTARTS, NEW, NEW, NEW, NEW) == []


@pytest.mark.parametrize("position", [BEGUN, RETURNING])
def test_a_restart_that_was_cut_short_is_done_again(position: Position) -> None:
    assert back(RESTARTS, RETURNED, position, RETURNED, RETURNED) == ["restart x"]
    assert on(RESTARTS, DONE, position, DONE, DONE) == ["restart x"]


@pytest.mark.parametrize(
    ("position", "now", "steps"),
    [
        (BEGUN, BEFORE, []),
        (BEGUN, AFTER, ["-a"]),
        (BEGUN, UNTOLD, ["-a"]),
        (RETURNING, BEFORE, []),
        (RETURNING, AFTER, ["-a"]),
        (RETURNING, UNTOLD, ["-a"]),
        (RETURNED, AFTER, []),
        (DONE, BEFORE, []),
        (DONE, AFTER, ["-a"]),
    ],
)
def test_the_host_tells_of_what_was_cut_short(
    position: Position, now: Standing, steps: list[str]
) -> None:
    assert back(changes(Step("a", now)), position) == steps


@pytest.mark.parametrize(
    ("position", "now", "steps"),
    [
        (NEW, BEFORE, ["a"]),
        (BEGUN, BEFORE, ["a"]),
        (BEGUN, AFTER, []),
        (BEGUN, UNTOLD, ["a"]),
        (RETURNING, BEFORE, ["a"]),
        (RETURNED, BEFORE, ["a"]),
        (DONE, BEFORE, []),
    ],
)
def test_on_does_what_is_left(position: Position, now: Standing, steps: list[str]) -> None:
    assert on(changes(Step("a", now)), position) == steps


def test_what_is_done_again_is_taken_up_again() -> None:
    steps = changes(Step("a"), Step("restart x", settles=True))
    assert on(steps, RETURNED, DONE) == ["a", "restart x"]
    assert on(steps, DONE, DONE) == []


def test_somebody_elses_work_is_in_the_way() -> None:
    steps = changes(Step("a", AFTER), Step("b", OTHER), Step("unseen", UNTOLD))
    way = way_back(steps, (DONE, DONE, DONE), HOST)
    assert [(one.number, one.why) for one in way.blocked] == [
        (2, "unseen: not permitted to look"),
        (1, "b: was changed by someone else"),
    ]
    assert [step.number for step in way.steps] == [0]
    assert [one.number for one in way_on(steps, (DONE, NEW, DONE), HOST).blocked] == [1]


def test_one_target_is_looked_at_once() -> None:
    # The first edit's result is covered by the second's.
    twice = changes(Step("one", OTHER, target="file"), Step("two", AFTER, target="file"))
    assert back(twice, DONE, DONE) == ["-two", "-one"]
    twice = changes(Step("one", BEFORE, target="file"), Step("two", OTHER, target="file"))
    assert on(twice, NEW, NEW) == ["one", "two"]


def test_what_nothing_takes_back_is_told() -> None:
    way = way_back(changes(Step("a", UNTOLD, final=True)), (BEGUN,), HOST)
    assert way.steps == ()
    assert [one.why for one in way.lasting] == ["edit a: it is gone"]
