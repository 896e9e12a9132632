"""A load's memory does not grow with its sessions; ``CHAIN_LOAD_SESSIONS`` says how many."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.milters.running import ROOT

if TYPE_CHECKING:
    from tests.milters.running import Milters

SESSIONS = int(os.environ.get("CHAIN_LOAD_SESSIONS", "1000"))
WARM_UP = 500
MEBIBYTE = 1 << 20

PROGRAM = """
import gc, os, sys
from tests.milters.loading import load

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

spec, warm_up, sessions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
load(spec, sessions=warm_up, parallel=8)
before = resident()
report = load(spec, sessions=sessions, parallel=8)
assert (report.sessions, report.undecided) == (sessions, 0), report
print(resident() - before)
"""


def test_memory_stays_flat(milters: Milters) -> None:
    """In a process of its own: what else the tests hold would hide what the load keeps."""
    spec = milters.start(bare=True).spec
    command = [sys.executable, "-c", PROGRAM, spec, str(WARM_UP), str(SESSIONS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    grown = int(done.stdout)
    sys.stdout.write(f"{SESSIONS} sessions: {grown / 1024:.0f} KiB more\n")
    assert grown < 2 * MEBIBYTE
