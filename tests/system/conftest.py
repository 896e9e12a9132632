"""Machines for the tests; where the rig can't run, its tests are skipped, and fail in CI."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

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


STATE = """
set -- postfix milter-greylist opendkim clamav-milter spamass-milter clamav-daemon spamd dovecot \
  mariadb rsyslog systemd-journald
systemctl is-active "$@"
systemctl is-enabled "$@"
systemctl --failed --no-legend
find /etc /usr/local /var/lib/clamav /var/mail -type f ! -name '*-' -exec md5sum {} + | sort
id operator1
findmnt --noheadings --list --output=TARGET --types=tmpfs
"""


class Lent(NamedTuple):
    """A machine that is handed from test to test."""

    machine: Machine
    state: str
    """What it was like when it had started."""

    @classmethod
    def fresh(cls, machine: Machine) -> Lent:
        return cls(machine, machine.run(["sh", "-c", STATE]).stdout)

    def is_mended(self) -> bool:
        return self.machine.run(["sh", "-c", STATE]).stdout == self.state


@pytest.fixture(scope="session")
def lent() -> Iterator[tuple[ExitStack, list[Lent]]]:
    """The machine that `borrowed` lends just now, and how it is ended."""
    with ExitStack() as stack:
        yield stack, []


@pytest.fixture
def borrowed(
    booted: Callable[[str], AbstractContextManager[Machine]],
    lent: tuple[ExitStack, list[Lent]],
) -> Iterator[Machine]:
    """A healthy host that a test borrows, and gives back as it was.

    The next test gets the same, so it costs no start; where it is not as it was, it gets another.
    """
    stack, machines = lent
    if not machines:
        machines.append(Lent.fresh(stack.enter_context(booted("debian/healthy"))))
    yield machines[0].machine
    if not machines[0].is_mended():
        machines.clear()
        stack.close()


@pytest.fixture(scope="session")
def shipped(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    """A host with the faults that Debian ships it with, which all tests share: they look."""
    with booted("debian/stock") as machine:
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
