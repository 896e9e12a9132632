"""Fixtures around the milters of the tests; a conftest that wants them imports them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.milters.peer import Peers
from tests.milters.running import Milters

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def milters() -> Iterator[Milters]:
    """Real milters, ended with the test."""
    started = Milters()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture
def peers() -> Iterator[Peers]:
    """Raw peers, ended with the test; what went wrong in one fails the test."""
    started = Peers()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture(scope="module")
def lasting() -> Iterator[Milters]:
    """Real milters, ended with the module."""
    started = Milters()
    try:
        yield started
    finally:
        started.end()
