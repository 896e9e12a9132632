"""What a cold start costs, beside the bare interpreter, and where the rest goes."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from tests.milters.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES = ("actions", "console")
MAIN = "from console.cli import main; main()"
LEAVE = "import os; os._exit(0)"
"""How the console ends too: without taking the interpreter apart."""

BARE, TEST = "python -c pass", "console run chain.test"
START, STANDARD, OURS = "  interpreter alone", "  + standard modules", "  + our modules"

SPY = f"""
import os, sys
before = set(sys.modules)
def leave(code):
    sys.stderr.write(" ".join(name for name in sys.modules if name not in before))
    sys.stderr.flush()
    end(code)
end, os._exit = os._exit, leave
{MAIN}
"""


def environment() -> dict[str, str]:
    """Return the children's environment: one in which .pyc files are used, as installed."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def compile_all() -> None:
    """Write the .pyc of everything that is measured."""
    for package in PACKAGES:
        compileall.compile_dir(str(ROOT / package), quiet=1)


def loaded(*arguments: str) -> list[str]:
    """Return the modules that the command loads, in order, beyond the bare interpreter's."""
    done = subprocess.run(
        [sys.executable, "-c", SPY, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stderr.split()


def programs(spec: str) -> dict[str, list[str]]:
    """Return what is measured, by name: each a command that begins with the interpreter."""
    test = ["run", "chain.test", "--milter", spec, "--brief"]
    modules = loaded(*test)
    ours = [name for name in modules if name.partition(".")[0] in PACKAGES]
    theirs = [name for name in modules if name not in ours]
    python = [sys.executable, "-c"]
    return {
        BARE: [*python, "pass"],
        START: [*python, LEAVE],
        STANDARD: [*python, f"import {', '.join(theirs)}; {LEAVE}"],
        OURS: [*python, f"import {', '.join((*theirs, *ours))}; {LEAVE}"],
        TEST: [*python, MAIN, *test],
        "console run --help": [*python, MAIN, "run", "--help"],
        "console run chain.test --help": [*python, MAIN, "run", "chain.test", "--help"],
    }


def measured(commands: Mapping[str, list[str]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each of *commands*, run in turn for *rounds* rounds."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    env = environment()
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=True)
            times[name].append(time.perf_counter() - started)
    return {name: median(all_times) for name, all_times in times.items()}
