"""Fixtures of the ways' tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.actions.sockets.ways.cases import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.actions.setup.filters.tree import TreeHost

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives sockets away")


@pytest.fixture
def host() -> Iterator[TreeHost]:
    """A host in a folder that every user may pass."""
    with tempfile.TemporaryDirectory(prefix="mc-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield tree(Path(folder))
