"""Fixtures of the sockets' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.actions.sockets.scenes import Scene, scene
from tests.milters.fixtures import milters, peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.milters.peer import Peers

__all__ = ["milters", "peers", "place"]


@pytest.fixture
def place(peers: Peers) -> Iterator[Scene]:
    """A folder with sockets, which a client without rights is to open."""
    with scene(peers) as made:
        yield made
