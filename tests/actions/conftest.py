"""Fixtures of the actions' tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest

from actions import registry
from tests.actions.sandbox import IS_UNABLE, WHY_UNABLE, SandboxHost, furnish

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox(sandbox_actions: None) -> Iterator[SandboxHost]:
    """A sandbox host with a running milter; in memory where the machine has such a folder."""
    if IS_UNABLE:
        pytest.skip(WHY_UNABLE)
    # Every step is synced to the disk, which takes long on a real one.
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = tempfile.mkdtemp(prefix="sandbox-", dir=fast)
    host = furnish(root)
    try:
        yield host
    finally:
        host.services.end_all()
        shutil.rmtree(root)


@pytest.fixture
def sandbox_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry find the sandbox's own action."""
    monkeypatch.setitem(registry.MODULES, "sandbox.proof", "tests.actions.sandbox_declared")
