"""Fixtures of the screen's tests: labs that run, raw milters, a host without Postfix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.host.system import SystemHost
from console.lab.lab import running_lab
from tests.milters.fixtures import milters, peers
from tests.postfix_ports import NoPostfix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.ports import Postfix
    from console.lab.lab import Lab

__all__ = ["milters", "peers"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab where nothing is wrong."""
    with running_lab() as running:
        yield running


@pytest.fixture
def broken() -> Iterator[Lab]:
    """A lab with a socket that Postfix can't open."""
    with running_lab(["socket-unwritable"]) as running:
        yield running


@pytest.fixture
def bare(tmp_path: object) -> SystemHost:
    """This machine, as if there was no Postfix on it."""
    host = SystemHost()
    postfix: Postfix = NoPostfix()
    host.postfix = postfix
    host.state_folder = f"{tmp_path}/state"
    return host
