"""The real command, as a child process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
MAIN = "from console.cli import main; main()"
PATIENCE = 30.0

PR_CAPBSET_DROP = 24
OVERRIDES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root pass where modes forbid it."""


def chain_test(
    *options: str,
    stdin: bytes = b"",
    program: str = MAIN,
    ordinary: bool = False,
    **environment: str,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``console run chain.test`` with *options* to its end.

    Args:
        options: its arguments.
        stdin: what it reads on standard input.
        program: the Python that calls it.
        ordinary: whether modes of files bind it, as they bind everybody but root.
        environment: variables besides those of the tests.
    """
    return subprocess.run(
        [sys.executable, "-c", program, "run", "chain.test", *options],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=PATIENCE,
        preexec_fn=_bound_by_modes if ordinary else None,
        check=False,
    )


def _bound_by_modes() -> None:
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in OVERRIDES:
            assert libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
