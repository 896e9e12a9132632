"""Records behave as the named tuples that type checkers take them for."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import pytest

from actions.record import Record


class Ours(Record):
    """A record."""

    first: int
    second: str = "two"

    @property
    def both(self) -> str:
        """Both of them."""
        return f"{self.first} {self.second}"


class Theirs(NamedTuple):
    first: int
    second: str = "two"


def test_a_record_is_a_named_tuple() -> None:
    ours, theirs = Ours(1), Theirs(1)
    assert tuple(ours) == tuple(theirs) == (1, "two")
    assert ours._fields == theirs._fields
    assert ours._replace(second="zwei") == (1, "zwei")
    assert repr(ours) == "Ours(first=1, second='two')"
    assert ours.both == "1 two"


def test_a_record_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        Ours(1).first = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Ours(1).third = 3  # type: ignore[attr-defined]


def test_a_record_without_its_required_field_is_refused() -> None:
    with pytest.raises(TypeError):
        Ours()  # type: ignore[call-arg]


def test_a_record_travels() -> None:
    assert pickle.loads(pickle.dumps(Ours(1))) == Ours(1)
    assert isinstance(pickle.loads(pickle.dumps(Ours(1))), Ours)
