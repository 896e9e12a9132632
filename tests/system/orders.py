"""One console in a machine that takes order after order, for tests of plans and reports.

An order goes the way of `console run`, without the start of a program each time. What is about the
command line itself - users, sudo, terminals, signals - goes by `Machine.console`.
"""

from __future__ import annotations

import json
import select
from typing import TYPE_CHECKING

from tests.system.rig.machine import PYTHON, Completed

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

SCRIPT = """
import contextlib, io, json, sys
from console.run import run

for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(json.loads(line))
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""

PATIENCE = 120.0
"""Seconds after which an order is taken for lost."""


class Orders:
    """The console that takes them, as root; `end` ends it."""

    def __init__(self, machine: Machine) -> None:
        self._process = machine.popen([PYTHON, "-c", SCRIPT])

    def console(self, action: str, *arguments: str) -> Completed:
        """Do what `console run ACTION ARGUMENT…` does."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([action, *arguments]) + "\n")
        stdin.flush()
        assert select.select([stdout], [], [], PATIENCE)[0], f"{action} does not end"
        line = stdout.readline()
        try:
            code, out, err = json.loads(line)
        except ValueError:
            raise AssertionError(f"{action} ended the console: {line}{stdout.read()}") from None
        return Completed(("console", "run", action, *arguments), code, out, err)

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
