"""Looks side by side: one that hangs or fails delays no other, and cancelling ends all."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from actions.action import Cancelled, Context
from actions.host.system import SystemHost
from actions.mailhost.together import AT_ONCE, GRACE, Failed, Together, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 0.2


@pytest.fixture
def forever() -> Iterator[threading.Event]:
    """What a look hangs on until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def ctx() -> Context:
    return Context(SystemHost())


def fail() -> str:
    raise ValueError("the look itself is broken")


def test_each_gives_its_result() -> None:
    jobs: dict[int, Callable[[], int]] = {number: lambda n=number: n * n for number in range(100)}  # type: ignore[misc]
    assert dict(together(ctx(), jobs, LIMIT)) == {number: number**2 for number in range(100)}


def test_one_that_fails_is_told_with_its_reason() -> None:
    told = dict(together(ctx(), {"bad": fail, "good": lambda: "fine"}, LIMIT))
    assert told["good"] == "fine"
    assert isinstance(told["bad"], Failed)
    assert told["bad"].why == "the look itself is broken"


def test_more_that_hang_than_there_are_threads_delay_nobody_past_their_limit(
    forever: threading.Event,
) -> None:
    def hang() -> str:
        forever.wait()
        return "late"

    jobs: dict[object, Callable[[], str]] = dict.fromkeys(range(AT_ONCE + 3), hang)
    jobs["last"] = lambda: "fine"
    began = time.monotonic()
    told = dict(together(ctx(), jobs, LIMIT))
    assert told["last"] == "fine"
    assert sum(isinstance(result, Failed) for result in told.values()) == AT_ONCE + 3
    assert time.monotonic() - began < 2 * (LIMIT + GRACE) + 1


def test_cancelling_ends_the_wait(forever: threading.Event) -> None:
    cancel = threading.Event()

    def hang() -> None:
        cancel.set()
        forever.wait()

    began = time.monotonic()
    with pytest.raises(Cancelled):
        dict(together(ctx()._replace(cancel=cancel), {"one": hang}, 60.0))
    assert time.monotonic() - began < 2


def test_the_deadline_of_the_action_ends_what_is_open(forever: threading.Event) -> None:
    late = ctx()._replace(deadline=time.monotonic())
    told = dict(together(late, {"one": forever.wait}, 60.0))
    assert isinstance(told["one"], Failed)


def test_more_is_begun_while_others_are_under_way(forever: threading.Event) -> None:
    run: Together[str, object] = Together(ctx(), 60.0)
    run.begin("first", lambda: forever.wait(10))
    run.begin("second", forever.set)
    assert dict(run.results()) == {"first": True, "second": None}


def test_what_is_begun_twice_is_done_once() -> None:
    run: Together[str, str] = Together(ctx(), LIMIT)
    run.begin("one", lambda: "once")
    run.begin("one", lambda: "twice")
    assert list(run.results()) == [("one", "once")]


def test_looks_begun_one_by_one_are_all_done() -> None:
    run: Together[int, int] = Together(ctx(), 60.0)
    for number in range(500):  # threads end in between, and new ones begin
        run.begin(number, lambda n=number: n)  # type: ignore[misc]
    assert dict(run.results()) == {number: number for number in range(500)}
