"""Fixtures of the overview's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.host.system import SystemHost
from tests.postfix_ports import NoPostfix

if TYPE_CHECKING:
    from pathlib import Path

    from actions.host.ports import Postfix


@pytest.fixture
def bare(tmp_path: Path) -> SystemHost:
    """This machine, as if there was no Postfix on it."""
    host = SystemHost()
    postfix: Postfix = NoPostfix()
    host.postfix = postfix
    host.state_folder = f"{tmp_path}/state"
    return host
