"""Fixtures of the suites' tests: real milters, raw peers, and files to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.actions.chain.scenario.suites import Suites
from tests.milters.fixtures import lasting, milters, peers

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["lasting", "milters", "peers", "suites"]


@pytest.fixture
def suites(tmp_path: Path) -> Suites:
    """A folder for suites."""
    return Suites(tmp_path)
