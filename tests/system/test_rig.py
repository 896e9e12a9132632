"""The rig itself: clean copies, apart from each other, of which nothing stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.rig import boot
from tests.system.rig.machine import OPERATOR, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

CHECKOUT = Path(__file__).parents[2]

HOLD = """
import time
from tests.system.rig.boot import boot
with boot("debian/stock") as machine:
    print(machine.name, machine.leader, flush=True)
    time.sleep(600)
"""


RIG = [sys.executable, "-m", "tests.system.rig"]


def left_of(name: str) -> list[str]:
    """Return what there still is of a machine: processes, mounts, control groups, its record."""
    found = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/milter-console-rig-{name}")]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if name in line]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told = process.read_bytes()
        except OSError:
            continue
        found += [str(process)] if f"--machine={name}".encode() in told else []
    folder = boot.RUNNING / name
    return found + ([str(folder)] if folder.exists() else [])


def test_two_machines_run_side_by_side_each_with_a_clean_copy(
    booted: Callable[[str], AbstractContextManager[Machine]],
) -> None:
    with booted("debian/stock") as one:
        one.sh("echo mine >/etc/mine; systemctl stop postfix")
        with booted("debian/stock") as other:
            assert not other.exists("/etc/mine")
            assert other.systemctl("is-active", "postfix") == "active\n"
            names = one.name, other.name
        assert one.read("/etc/mine") == "mine\n"
        assert one.run(["systemctl", "is-active", "postfix"]).stdout == "inactive\n"
    assert [left_of(name) for name in names] == [[], []]


def test_a_reboot_keeps_the_disk_and_empties_run(stock: Machine) -> None:
    stock.sh("echo kept >/etc/kept; echo lost >/run/lost")
    stock.reboot()
    assert stock.read("/etc/kept") == "kept\n"
    assert not stock.exists("/run/lost")
    assert stock.systemctl("is-active", "postfix") == "active\n"


def test_a_machine_is_powered_off_in_order(stock: Machine) -> None:
    stock.power_off()
    assert not Path(f"/proc/{stock.leader}").exists()


def test_a_killed_test_run_takes_its_machine_along(
    booted: Callable[[str], AbstractContextManager[Machine]],
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout is not None
        name, leader = run.stdout.readline().split()
        run.kill()
    until = time.monotonic() + PATIENCE
    while Path(f"/proc/{leader}").exists():
        assert time.monotonic() < until, "the machine outlives who started it"
        time.sleep(0.02)
    boot.clear_away()
    assert left_of(name) == []


def test_a_command_that_takes_too_long_ends_inside_too(healthy: Machine) -> None:
    try:
        healthy.run(["sleep", "4242"], timeout=0.2)
    except subprocess.TimeoutExpired:
        pass
    else:
        raise AssertionError("it did not run")
    healthy.wait_for(lambda: healthy.run(["pgrep", "-f", "sleep 424[2]"]).returncode == 1)


def test_a_machine_is_used_and_stopped_by_its_name(
    booted: Callable[[str], AbstractContextManager[Machine]],
) -> None:
    name = f"by-name-{os.getpid()}"
    kept = subprocess.Popen(
        [*RIG, "boot", name, "debian/stock"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    with kept:
        assert kept.stdout is not None
        assert kept.stdout.readline().startswith(f"{name}: runs")
        command = [*RIG, "run", "--user", OPERATOR, name, "--", "sh", "-c", "id -un; exit 7"]
        ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout) == (7, f"{OPERATOR}\n")
        until = time.monotonic() + PATIENCE
        with subprocess.Popen([*RIG, "stop", name], cwd=CHECKOUT) as stopping:
            # Who lists the machines is not disturbed by one that ends meanwhile.
            while name in boot.running() or kept.poll() is None:
                assert time.monotonic() < until, "it does not end"
        assert (stopping.returncode, kept.returncode) == (0, 0)
    assert left_of(name) == []
