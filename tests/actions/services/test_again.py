"""Looking again: until it is enough, until time is up, or until the operator cancels."""

from __future__ import annotations

import threading

import pytest

from actions.action import Cancelled, Context
from actions.host.system import SystemHost
from actions.services.again import until


def test_the_first_that_is_enough_is_returned() -> None:
    seen = iter(range(10))
    assert until(Context(SystemHost()), 60.0, lambda: next(seen), lambda one: one == 1) == 1
    assert next(seen) == 2, "it looked no more"


def test_the_last_is_returned_when_time_is_up() -> None:
    assert until(Context(SystemHost()), 0.0, lambda: "not yet", lambda _: False) == "not yet"


def test_cancelling_ends_it() -> None:
    cancel = threading.Event()
    looks: list[None] = []

    def look() -> None:
        looks.append(None)
        cancel.set()

    with pytest.raises(Cancelled):
        until(Context(SystemHost(), cancel=cancel), 60.0, look, lambda _: False)
    assert len(looks) == 1, "the pause before the second look was not waited out"
