"""The service that brings a unit back once nobody holds on to it; see `actions.host.foreground`."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
from typing import TYPE_CHECKING

from actions.host.commands import SEARCHED
from actions.host.errors import HostError
from actions.host.unit_words import to_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

STARTING = 90.0
"""Seconds in which a unit must have started, or ended."""


class Keeper:
    """The service that brings *unit* back when this process lets go of it, or is gone.

    Args:
        unit: its whole name.
        made: the files that make it run another program; they are in one folder.
        seconds: after which it is brought back in any case.
        runs: whether it is to run then.
    """

    def __init__(self, unit: str, made: Sequence[str], seconds: float, *, runs: bool) -> None:
        self.name = keeper_of(unit)
        systemctl = _program("systemctl")
        after = (
            (_program("rm"), "-f", *made),
            (_program("rmdir"), "--ignore-fail-on-non-empty", os.path.dirname(made[0])),
            (systemctl, "daemon-reload"),
            (systemctl, "reset-failed", unit),
            (systemctl, "--no-block", "restart" if runs else "stop", unit),
        )
        settings = (
            f"Description=Brings {unit} back after a run in the foreground",
            f"RuntimeMaxSec={seconds:.0f}",
            f"TimeoutStopSec={STARTING:.0f}",
            # With "-", one that fails keeps none of the others from being done.
            *(f"ExecStopPost=-{to_unit(words)}" for words in after),
        )
        reading, self._held = os.pipe()
        # It has to read a line and write it again to be seen running.
        os.write(self._held, b"\n")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argument list
                [
                    *(_program("systemd-run"), "--quiet", "--collect", "--pipe"),
                    *(f"--unit={self.name}", *(f"--property={one}" for one in settings)),
                    *("--", _program("cat")),
                ],
                stdin=reading,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": SEARCHED, "LC_ALL": "C"},
                start_new_session=True,  # a Ctrl+C is not for it
            )
        except BaseException:
            os.close(self._held)
            raise
        finally:
            os.close(reading)
        try:
            why = self._refusal()
        except BaseException:
            self.release()
            raise
        if why:
            self.release()
            raise HostError(why)

    def release(self) -> None:
        """Let go of the unit, and wait until it is on its way back."""
        os.close(self._held)
        if self._process.stdout:
            self._process.stdout.close()
        try:
            self._process.wait(STARTING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _refusal(self) -> str:
        """Return why it does not run, or nothing."""
        told = self._process.stdout
        assert told is not None
        ready = select.select([told], [], [], STARTING)[0]
        heard = os.read(told.fileno(), 4096) if ready else b""
        if heard == b"\n":
            return ""
        why = heard.decode("utf-8", "replace").strip() or "it does not answer"
        if "already" in why:
            return f"{self.name} runs already: somebody runs this service in the foreground now"
        return f"systemd-run {self.name}: {why}"


def keeper_of(unit: str) -> str:
    """Return the unit that brings *unit* back."""
    # An "@" would make it an instance of a template.
    plain = re.sub(r"[^A-Za-z0-9:_.-]", "-", unit.removesuffix(".service"))
    return f"milter-console-run-{plain}.service"


def _program(name: str) -> str:
    """Return the path of a program; raises `HostError` where it is missing."""
    found = shutil.which(name, path=SEARCHED)
    if found is None:
        raise HostError(f"{name}: no such program here, so nothing can be run in the foreground")
    return found
