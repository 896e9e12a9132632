"""Suites written by a test, and run through the action itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actions.action import Context, Never
from actions.chain.declared.scenario import chain_scenario
from actions.chain.scenario.file import load
from actions.host.system import SystemHost

if TYPE_CHECKING:
    from pathlib import Path

    from actions.chain.scenario.report import ScenarioReport, ScenarioResult
    from actions.chain.scenario.suite import Suite
    from tests.milters.peer import Wire
    from tests.milters.running import Running


class Suites:
    """A folder of suites.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str, name: str = "suite") -> str:
        """Write a suite and return its path."""
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, text: str, *milters: Running, **options: Any) -> ScenarioReport:
        """Run the suite *text* against *milters*, which it may call a, b, c in their order."""
        named = tuple(f"{name}={one.spec}" for name, one in zip("abcdef", milters, strict=False))
        return run_files(self.write(text), milter=named, **options)

    def one(self, text: str, *milters: Running, **options: Any) -> ScenarioResult:
        """Run a suite of one scenario and return what came of it."""
        report = self.run(text, *milters, **options)
        assert report.problems == ()
        ((result,),) = (suite.scenarios for suite in report.suites)
        return result

    def keys(self, expect: str, *milters: Running, head: str = "") -> list[str]:
        """Run one scenario with the expectations *expect*; return the keys that differ."""
        text = f'[[scenario]]\nname = "one"\n{head}\n[scenario.expect]\n{expect}\n'
        result = self.one(text, *milters)
        assert result.status == ("failed" if result.differences else "passed")
        return [difference.key for difference in result.differences]

    def read(self, text: str) -> Suite:
        """Return the suite *text*, which has nothing wrong with it."""
        suite, problems = load(self.write(text))
        assert suite, problems
        return suite

    def wrong(self, text: str) -> list[str]:
        """Return what is wrong with the suite *text*, a line for each mistake."""
        suite, problems = load(self.write(text))
        assert suite is None
        return [
            ": ".join(filter(None, (one.place, one.key, one.text, one.next_step)))
            for one in problems
        ]


def run_files(*files: str, ctx: Context | None = None, **options: Any) -> ScenarioReport:
    """Run ``chain.scenario`` on *files* with *options* and return its report."""
    return chain_scenario(ctx or Context(SystemHost(), cancel=Never()), file=files, **options)


def web_server(wire: Wire) -> None:
    """Answer as one who is no milter."""
    wire.read()
    wire.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
