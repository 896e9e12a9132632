"""Booting a clean copy of an image, and ending what a killed test run left behind."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.system.rig import build, cgroups, product
from tests.system.rig.machine import Machine, first_process

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNING = Path("/run/milter-console-rig")
"""One folder for each machine that runs, named like it."""

SCRIPT = Path(__file__).with_name("boot.sh")

_IF_WANTED = '[ "$PPID" = "$1" ] && shift && exec "$@"'
"""For sh: go on unless the parent died before this process could ask to be told of it."""

_numbers = itertools.count(1)


@contextmanager
def boot(image: str, name: str = "") -> Iterator[Machine]:
    """Boot a clean copy of *image* with the product in it; it ends with the context.

    Args:
        image: such as "debian/healthy"; built first where that is missing.
        name: of the machine; a free one otherwise.

    Raises:
        BuildFailed: the image or the product could not be built.
        FileExistsError: a machine of this name runs.
        AssertionError: the machine did not start.
    """
    clear_away()
    with _layers(image) as layers:
        yield from _started(image, name, layers)


def prepare(image: str) -> None:
    """Build what *image* and the product in it lack; raises `BuildFailed`."""
    with _layers(image):
        pass


@contextmanager
def _layers(image: str) -> Iterator[list[Path]]:
    """Hold what a machine is stacked of, the lowest first."""
    layers = build.hold(image)
    try:
        layers = (*layers, *product.hold(layers))
        yield [layer.root for layer in layers]
    finally:
        for layer in layers:
            layer.let_go()


def _started(image: str, name: str, layers: list[Path]) -> Iterator[Machine]:
    name = name or f"{image.replace('/', '-')}-{os.getpid()}-{next(_numbers)}"
    RUNNING.mkdir(mode=0o700, exist_ok=True)
    folder = RUNNING / name
    folder.mkdir(mode=0o700)
    groups: tuple[Path, ...] = ()
    machine = None
    try:
        groups = cgroups.make(f"milter-console-rig-{name}")
        _record(folder, image, groups)
        machine = Machine(name, image, folder, _argv(folder, name, layers))
        machine.booted()
        _record(folder, image, groups, machine)
        yield machine
    finally:
        if machine is not None:
            machine.kill()
        cgroups.end(groups)
        shutil.rmtree(folder)


def running() -> dict[str, int]:
    """Return the machines that run and have started, each with its process 1."""
    found = {}
    for folder in RUNNING.glob("*"):
        told = _recorded(folder)
        if told and _is_same(told["owner"]) and told["keeper"]:
            leader = first_process(told["keeper"]["pid"])
            if leader:  # else it ends, or starts again, just now
                found[folder.name] = leader
    return found


def stop(name: str) -> bool:
    """End the machine *name*, whoever started it; return whether it ran."""
    if name not in running():
        return False
    told = _recorded(RUNNING / name)
    if told and told["keeper"] and _is_same(told["keeper"]):
        os.kill(told["keeper"]["pid"], signal.SIGKILL)
    return True


def clear_away() -> None:
    """End the machines whose owner died without ending them, and remove what is left of them."""
    for folder in RUNNING.glob("*"):
        told = _recorded(folder)
        if not told or _is_same(told["owner"]):
            continue
        cgroups.end(tuple(Path(group) for group in told["groups"]))
        shutil.rmtree(folder, ignore_errors=True)


def _argv(folder: Path, name: str, layers: list[Path]) -> list[str]:
    (folder / "space").mkdir()
    return [
        # A killed test run takes its machines along: its death kills unshare, that kills the
        # first process of the namespace, and that death all others in it.
        *("setpriv", "--pdeathsig", "KILL", "sh", "-c", _IF_WANTED, "sh", str(os.getpid())),
        *("unshare", "--mount", "--propagation", "private", "--pid", "--fork"),
        *("--kill-child=KILL", "--mount-proc", "--", str(SCRIPT), str(folder)),
        ":".join(str(root) for root in reversed(layers)),
        *("--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe"),
        *(f"--machine={name}", "--resolv-conf=off", "--timezone=off"),
        *("--link-journal=no", "--notify-ready=yes", "--boot"),
    ]


def _record(
    folder: Path, image: str, groups: tuple[Path, ...], machine: Machine | None = None
) -> None:
    """Write down whose the machine is, before anything of it starts, and again when it runs."""
    (folder / "cgroups").write_text("".join(f"{group}\n" for group in groups))
    told = {
        "image": image,
        "owner": _process(os.getpid()),
        "keeper": _process(machine.keeper) if machine else None,
        "groups": [str(group) for group in groups],
    }
    fresh = folder / "record.new"
    fresh.write_text(json.dumps(told))
    fresh.rename(folder / "record")


def _recorded(folder: Path) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads((folder / "record").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return told


def _process(pid: int) -> dict[str, int]:
    return {"pid": pid, "began": _began(pid)}


def _is_same(process: dict[str, int]) -> bool:
    return _began(process["pid"]) == process["began"]


def _began(pid: int) -> int:
    """Return when *pid* started, in clock ticks since the machine's start; 0 where it is gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = told.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])
