"""What has changed is told within a second, by what a lab really does; and it costs little."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.host.errors import HostError
from actions.services.watch import PAUSE, Changed, Watch, affected
from console.lab.lab import running_lab
from tests.actions.services.labbed import SOCKETS, services_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from console.lab.lab import Lab

FRESH = 1.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in which each test mends what it broke."""
    with running_lab() as running:
        yield running


@pytest.fixture(params=["told", "looked for"])
def way(request: pytest.FixtureRequest, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether the service manager tells of changes, or has to be asked again and again."""
    way: str = request.param
    if way == "looked for":

        def refuse(changed: object) -> None:
            raise HostError("nothing tells of changes")

        monkeypatch.setattr(lab.host.units, "watch", refuse)
    return way


@contextmanager
def watching(
    lab: Lab, afterwards: Sequence[float] = ()
) -> Iterator[queue.SimpleQueue[tuple[float, Changed]]]:
    """Watch the lab's services; yields what is told, and when.

    Args:
        lab: the lab.
        afterwards: when a change is told again.
    """
    told: queue.SimpleQueue[tuple[float, Changed]] = queue.SimpleQueue()

    def tell(changed: Changed) -> None:
        told.put((time.monotonic(), changed))

    watch = Watch(lab.host, services_of(lab), tell, afterwards)
    try:
        yield told
    finally:
        watch.close()


def seen(told: queue.SimpleQueue[tuple[float, Changed]], does: Callable[[], object]) -> Changed:
    """Do something and return the first that is told of it, which must come in time."""
    does()
    done = time.monotonic()
    at, change = told.get(timeout=10)
    assert at - done < FRESH
    return change


def test_a_service_that_is_killed(lab: Lab, way: str) -> None:
    pid = lab.host.units.state("opendkim").main_pid
    with watching(lab) as told:
        change = seen(told, lambda: os.kill(pid, signal.SIGKILL))
    lab.host.units.operate("start", "opendkim")
    assert {"opendkim", "postfix"} <= change.services
    assert not change.settings


def test_a_socket_that_is_removed(lab: Lab, way: str) -> None:
    path = Path(lab.host.at(SOCKETS["spamass-milter"]))
    kept = path.with_suffix(".kept")
    with watching(lab) as told:
        change = seen(told, lambda: path.rename(kept))
        kept.rename(path)
    assert change.services == {"spamass-milter", "milter-manager"}


def test_a_mode_that_is_changed(lab: Lab, way: str) -> None:
    path = Path(lab.host.at(SOCKETS["milter-greylist"]))
    mode = path.stat().st_mode
    with watching(lab) as told:
        change = seen(told, lambda: path.chmod(0o600))
        path.chmod(mode)
    assert "milter-greylist" in change.services


def test_settings_that_are_written(lab: Lab, way: str) -> None:
    path = Path(lab.host.at("/etc/postfix/main.cf"))
    kept = path.read_bytes()
    with watching(lab) as told:
        change = seen(told, lambda: path.write_bytes(kept + b"# a remark\n"))
    path.write_bytes(kept)
    assert change == Changed(frozenset({"postfix"}), settings=True)


def test_it_is_told_again_for_what_answers_late(lab: Lab) -> None:
    later = (0.02, 0.2)
    with watching(lab, later) as told:
        os.utime(lab.host.at("/etc/postfix/main.cf"))
        first, *again = (told.get(timeout=10) for _ in range(3))
        os.utime(lab.host.at(SOCKETS["opendkim"]))
        other = told.get(timeout=10)
    assert [change.services for _, change in again] == [first[1].services] * 2
    assert all(at - first[0] >= after for (at, _), after in zip(again, later, strict=True))
    assert "opendkim" in other[1].services, "nothing was told once more"


def test_after_closing_nothing_is_told(lab: Lab) -> None:
    with watching(lab) as told:
        pass
    os.utime(lab.host.at("/etc/postfix/main.cf"))
    assert "services" not in {thread.name for thread in threading.enumerate()}
    assert told.empty()


def test_who_needs_a_service_is_affected(lab: Lab) -> None:
    every = services_of(lab)
    assert affected(every, {"clamav-milter"}) == {"clamav-milter", "milter-manager"}
    assert affected(every, {"postfix"}) == {"postfix"}


def test_watching_costs_next_to_nothing(lab: Lab) -> None:
    watch = Watch(lab.host, services_of(lab) * 3, lambda _: None)
    watch.close()
    spent = []
    for _ in range(50):
        began = time.thread_time()
        watch._marks()
        spent.append(time.thread_time() - began)
    assert sorted(spent)[25] / PAUSE < 0.01, "the goal is 0.003; a busy machine gets room"
