"""However a lab ends, no process and no folder is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from console.lab.lab import running_lab
from tests.console.lab.kit import CONSOLE, SEARCHED, parent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.console.lab.kit import Console


def gone(root: Path) -> bool:
    until = time.monotonic() + 3
    while root.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return not root.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_console_that_is_killed(console: Callable[..., Console], number: int) -> None:
    lab = console()
    lab.process.send_signal(number)
    lab.process.wait(5)
    lab.wait_until_nothing_runs()
    assert gone(lab.root)


def test_ctrl_c_in_the_terminal(console: Callable[..., Console]) -> None:
    lab = console("milter-hangs")
    os.killpg(lab.process.pid, signal.SIGINT)
    lab.process.wait(5)
    lab.wait_until_nothing_runs()
    assert gone(lab.root)


def test_a_supervisor_that_is_told_to_end(console: Callable[..., Console]) -> None:
    lab = console()
    os.kill(lab.supervisor, signal.SIGTERM)
    lab.wait_until_nothing_runs()
    assert gone(lab.root)


def test_a_supervisor_that_is_killed_takes_its_services_along_and_is_swept(
    console: Callable[..., Console],
) -> None:
    lab, living = console(), console()
    os.kill(lab.supervisor, signal.SIGKILL)
    lab.wait_until_nothing_runs()
    lab.process.kill()
    lab.process.wait()
    assert lab.root.exists(), "nobody was left to remove it"
    with running_lab():
        assert not lab.root.exists()
        assert living.root.exists(), "a living lab is left alone"


def test_a_console_whose_supervisor_was_killed_removes_the_folder(place: Path) -> None:
    with running_lab() as lab:
        service = lab.host.units.state("postfix").main_pid
        os.kill(parent(service), signal.SIGKILL)
        assert lab.host.units.state("postfix").activity == "unknown"
    assert not os.path.exists(lab.root)


def test_an_error_in_the_block_ends_the_lab_too(place: Path) -> None:
    before = set(place.iterdir())
    with pytest.raises(RuntimeError, match="in the block"), running_lab():
        raise RuntimeError("in the block")
    assert set(place.iterdir()) == before


def test_a_console_that_is_killed_while_the_lab_starts(place: Path) -> None:
    env: dict[str, Any] = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": SEARCHED}
    for milliseconds in (20, 60, 90, 120, 160, 220, 300):
        process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE], stdout=subprocess.DEVNULL, env=env
        )
        time.sleep(milliseconds / 1000)
        process.kill()
        process.wait()
    until = time.monotonic() + 5
    while (left := list(place.iterdir())) and time.monotonic() < until:
        with running_lab():  # sweeps what was killed before it had a supervisor
            pass
        time.sleep(0.02)
    assert left == []
