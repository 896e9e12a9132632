"""What the lab's tests share: labs in a folder of their own, mail, the log, other processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from console.lab.lab import running_lab
from tests.console.lab.kit import CONSOLE, PROGRAM, SEARCHED, Console, parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.lab.lab import Lab

DROP = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.geteuid() == 0 else ()
"""Goes before a command that an ordinary user is to run."""

RUNNABLE = """\
import subprocess, sys
tag = "import sys; print(sys.implementation.cache_tag)"
print(subprocess.check_output([sys.executable, "-c", tag], text=True))
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for temporary files that only these tests use, short and passable."""
    folder = Path(tempfile.mkdtemp(prefix="mct-", dir="/tmp"))
    folder.chmod(0o1777)
    old, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = old
    left = [path.name for path in folder.iterdir()]
    shutil.rmtree(folder)
    assert left == [], "labs left their folders behind"


@pytest.fixture(scope="module")
def lab(place: Path) -> Iterator[Lab]:
    """One lab without faults; whoever changes it changes it back."""
    with running_lab() as started:
        yield started


@pytest.fixture
def console(place: Path) -> Iterator[Callable[..., Console]]:
    """Starts labs from processes of their own, each the leader of its process group."""
    started: list[subprocess.Popen[str]] = []

    def start(*faults: str) -> Console:
        process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE, *faults],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(place), "PYTHONPATH": SEARCHED},
        )
        started.append(process)
        assert process.stdout
        told = json.loads(process.stdout.readline())
        services = tuple(filter(None, told["pids"]))
        return Console(process, Path(told["root"]), parent(services[0]), services)

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout
        process.stdout.close()


@pytest.fixture(scope="module")
def ordinary_user(place: Path) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Runs a script as a user without rights and returns the JSON that it prints.

    The program is copied to where that user can read it.
    """
    shared = Path(tempfile.mkdtemp(prefix="mct-program-", dir="/tmp"))
    shared.chmod(0o755)
    try:
        yield _runner(_python_for_all(), _program(shared), place)
    finally:
        shutil.rmtree(shared)


def _runner(python: str, program: Path, place: Path) -> Callable[[str], dict[str, Any]]:
    def run(script: str) -> dict[str, Any]:
        ended = subprocess.run(
            [*DROP, python, "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "TMPDIR": str(place), "PYTHONPATH": str(program)},
        )
        assert ended.returncode == 0, ended.stderr
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    return run


def _program(shared: Path) -> Path:
    for package in ("console", "actions"):
        shutil.copytree(PROGRAM / package, shared / package)
    for module in ("Milter", "milter", "aiosmtpd", "public", "attr", "attrs", "sh"):
        _copy_module(module, shared)
    return shared


def _python_for_all() -> str:
    """Return an interpreter of this version that every user can run."""
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            told = subprocess.run(
                [*DROP, python, "-c", RUNNABLE],
                capture_output=True,
                text=True,
                check=False,
            )
            if told.stdout.strip() == sys.implementation.cache_tag:
                return python
    pytest.skip("no interpreter of this version that an ordinary user can run")


def _copy_module(name: str, target: Path) -> None:
    # Not find_spec: sh, once imported, is a module without a spec.
    spec = PathFinder.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin)
    if spec.submodule_search_locations:
        shutil.copytree(source.parent, target / name)
    else:
        shutil.copy(source, target)
