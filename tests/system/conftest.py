"""Machines for the tests; where the rig can't run, its tests are skipped, and fail in CI."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.programs import give_up
from tests.system.rig import requirements
from tests.system.rig.boot import boot, prepare
from tests.system.rig.build import BuildFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine


@pytest.fixture(scope="session")
def booted() -> Callable[[str], AbstractContextManager[Machine]]:
    """Boots a clean copy of an image, for as long as a `with` lasts: `booted("debian/stock")`."""
    missing = requirements.missing()
    if missing:
        give_up(missing)

    @contextmanager
    def booted(image: str) -> Iterator[Machine]:
        try:
            prepare(image)
        except BuildFailed as error:
            give_up(str(error))
        with boot(image) as machine:
            yield machine

    return booted


@pytest.fixture(scope="session")
def healthy(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A healthy host that all tests share: they look, and leave it as they found it."""
    with booted("debian/healthy") as machine:
        yield machine


@pytest.fixture
def machine(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A healthy host of the test's own."""
    with booted("debian/healthy") as machine:
        yield machine


@pytest.fixture
def stock(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A host of the test's own with the faults that Debian ships it with."""
    with booted("debian/stock") as machine:
        yield machine


@pytest.fixture(scope="session")
def rhel(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A healthy host of RHEL's layout that all tests share: they leave it as they found it."""
    with booted("rhel/healthy") as machine:
        yield machine


@pytest.fixture
def seed(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A host of the test's own, as instructions for CentOS leave it: Postfix is shut out."""
    with booted("rhel/seed") as machine:
        yield machine
