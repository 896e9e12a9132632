"""A question that is asked beside other things."""

from __future__ import annotations

import threading

import pytest

from actions.host.meanwhile import begun


def test_the_answer_is_waited_for() -> None:
    event = threading.Event()
    answer = begun(lambda: event.wait(10))
    event.set()
    assert answer() is True
    assert answer() is True, "it can be asked for again"


def test_what_was_raised_is_raised_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise ValueError("no")

    answer = begun(fail)
    with pytest.raises(ValueError, match="no"):
        answer()
