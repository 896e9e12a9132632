"""A Postfix of the tests' own, and the action run on its host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from console.run import run
from tests.postfix.fixtures import postfix

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postfix.running import Postfix

__all__ = ["postfix"]


class Told(NamedTuple):
    """What the command printed, and its exit code."""

    code: int
    report: Any
    text: str

    @property
    def fate(self) -> Any:
        """What became of the only recipient."""
        (fate,) = self.report["recipients"]
        return fate


@pytest.fixture
def send(postfix: Postfix, capfd: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Runs ``chain.send --json`` on the host of the private Postfix."""
    host = postfix.host()

    def run_it(*arguments: str, to: str = "alice@example.org", port: str = "") -> Told:
        place = ["--server", f"127.0.0.1:{postfix.ports[port]}"] if port else []
        code = run(["chain.send", "--recipient", to, *place, "--json", *arguments], host)
        out, err = capfd.readouterr()
        return Told(code, json.loads(out), out + err)

    return run_it
