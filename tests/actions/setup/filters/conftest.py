"""Hosts in folders, as their packages leave them and as they should be."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import Context, Exit
from actions.registry import find
from actions.runner import run_plan
from actions.setup import catalogue
from actions.setup.fix import plan_fix
from actions.setup.survey import check_setup
from tests.actions.setup.filters.tree import TreeHost, furnish

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.setup.check import Result


@pytest.fixture(autouse=True)
def only_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the other checks out: these hosts have no Postfix and no packages."""
    monkeypatch.setattr(catalogue, "MODULES", ("actions.setup.filters",))


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder that every user may pass; in memory where the machine has such a place.

    pytest's own is for one user only, and every step of a plan is synced to the disk.
    """
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="filters-", dir=fast) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    with fresh_folder() as path:
        yield path


@pytest.fixture
def debian(folder: Path) -> TreeHost:
    return furnish(folder, "debian")


@pytest.fixture
def rhel(folder: Path) -> TreeHost:
    return furnish(folder, "rhel")


def looked(host: TreeHost, *only: str) -> tuple[Result, ...]:
    """Return what is not as wanted."""
    results = check_setup(Context(host), only).results
    return tuple(one for one in results if one.verdict != "as wanted")


def fixed(host: TreeHost, names: Sequence[str]) -> str:
    """Mend what the checks called *names* find; return the journal's entry."""
    ctx = Context(host)
    report = run_plan(ctx, plan_fix(ctx, names))
    assert report.exit_code == Exit.FINE, report
    return report.entry


def undone(host: TreeHost, entry: str) -> None:
    """Take the plan of *entry* back."""
    ctx = Context(host)
    plan = find("journal.undo").function(ctx, entry=entry)
    assert run_plan(ctx, plan).exit_code == Exit.FINE  # type: ignore[arg-type]


def corrected(host: TreeHost) -> tuple[str, ...]:
    """Mend everything; return the journal's entries."""
    entries = []
    while wrong := looked(host):
        name = next(iter(dict.fromkeys(one.name for one in wrong)))
        assert not wrong[0].unfixable, wrong[0]
        entries.append(fixed(host, [name]))
        assert len(entries) < 60, wrong
    return tuple(entries)
