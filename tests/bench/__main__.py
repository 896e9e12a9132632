"""Prints the benchmarks as tables of ratios."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import cold, services, session, sockets, throughput
from tests.milters.asking import ask
from tests.milters.running import Milters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rounds", type=int, default=40, help="runs of each command")
    parser.add_argument("--sessions", type=int, default=500, help="sessions in one process")
    parser.add_argument("--passes", type=int, default=7, help="runs of each client")
    parser.add_argument("--looks", type=int, default=10, help="looks at all services")
    parser.add_argument("--rig", action="store_true", help="look at those of the rig too")
    given = parser.parse_args()
    _services("this machine", services.here, given.looks)
    if given.rig:
        _rig(given.looks)
    _sockets(given.looks)
    milters = Milters()
    try:
        running = milters.start(bare=True)
        _cold(running.spec, given.rounds)
        _session(running.spec, running.path, given.sessions)
    finally:
        milters.end()
    _throughput(given.passes)


def _cold(spec: str, rounds: int) -> None:
    cold.compile_all()
    commands = cold.programs(spec)
    for command in commands.values():  # the disk's part is not measured
        cold.measured({"": command}, 1)
    times = cold.measured(commands, rounds)
    bare = times[cold.BARE]
    _say(f"Cold start: medians of {rounds} runs of each, in turn; .pyc files compiled first,")
    _say("PYTHONDONTWRITEBYTECODE unset; the milter is a libmilter no-op on a unix socket.")
    _say(f"{'':34} {'time':>9}  {'ratio':>6}")
    for name, seconds in times.items():
        _say(f"{name:34} {seconds * 1000:6.1f} ms  {seconds / bare:6.2f}")
    steps = [cold.START, cold.STANDARD, cold.OURS, cold.TEST]
    ends = [times[step] for step in steps]
    whole = ends[-1]
    words = ("interpreter", "standard modules", "our modules", "options, session and output")
    parts = {word: end - start for word, start, end in zip(words, [0.0, *ends], ends, strict=False)}
    shares = ", ".join(f"{name} {part / whole:.0%}" for name, part in parts.items())
    _say(f"Of console run chain.test: {shares}.\n")


def _session(spec: str, path: str, sessions: int) -> None:
    pieces = session.events(spec)
    bare, bare_99 = session.percentiles(lambda: session.replay(path, pieces), sessions)
    whole, whole_99 = session.percentiles(lambda: ask(spec), sessions)
    _say(f"One session in a running process: {sessions} of each, the sample clean, same milter.")
    _say(f"{'':34} {'p50':>9}  {'ratio':>6}  {'p99':>9}")
    for name, p50, p99 in (
        ("the same bytes, replayed", bare, bare_99),
        ("chain.test", whole, whole_99),
    ):
        _say(f"{name:34} {p50 * 1000:6.2f} ms  {p50 / bare:6.2f}  {p99 * 1000:6.2f} ms")


def _rig(rounds: int) -> None:
    from tests.system.rig.boot import boot

    with boot("debian/healthy") as machine:
        asked = ["console", *services.ASKED]
        _services("the rig, debian/healthy", lambda: machine.run(asked).checked().stdout, rounds)


def _services(where: str, asked: Callable[[], str], rounds: int) -> None:
    asked()  # the disk's part is not measured
    figures = services.measured(asked, rounds)
    one, (ratio, bare) = services.middle(figures), services.ratios(figures)
    _say(f"services.status on {where}: {one.services} services, {one.looks} looks,")
    _say(f"the median of {rounds} runs; load before: {os.getloadavg()[0]:.1f}")
    for name, seconds in (
        ("all of it", one.total),
        ("to find the services", one.finding),
        ("the slowest look at one", one.slowest),
    ):
        _say(f"{name:34} {seconds * 1000:6.0f} ms")
    _say(f"{'all to the slowest, finding them counted as a look':54} {ratio:6.2f}")
    _say(f"{'all to the slowest look at one':54} {bare:6.2f}\n")


def _sockets(rounds: int) -> None:
    if os.geteuid() != 0:
        _say("The proof of a dozen sockets as another user needs root: left out.\n")
        return
    seconds = sockets.measured(rounds)
    _say(f"sockets.check: {sockets.EDGES} edges proved as {sockets.CLIENT}, each by a process of")
    _say(f"its own; the median of {rounds} runs, the start of what forks them included.")
    _say(f"{'all of them':34} {seconds * 1000:6.0f} ms\n")


def _throughput(rounds: int) -> None:
    """Print the sessions of each client, on one processor and as the kernel places them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        throughput.built(folder)
        _say(f"Throughput: {rounds} whole runs of each, in turn; medians, and the ratio to the C")
        _say("client of the same round. The milter is a no-op in C that sees every event.")
        _say(f"The load of the machine before: {os.getloadavg()[0]:.1f}")
        if not shutil.which("miltertest"):
            _say("miltertest is not installed: left out.")
        allowed = os.sched_getaffinity(0)
        for words, cpu in (
            ("as the kernel places them", None),
            ("client and milter on one processor", min(allowed)),
        ):
            try:
                os.sched_setaffinity(0, allowed if cpu is None else {cpu})
                with throughput.noop(folder, cpu) as path:
                    for kind in throughput.KINDS:
                        _say(f"\n{kind.name}, {words}:")
                        _figures(throughput.measured(path, folder, kind, rounds))
            finally:
                os.sched_setaffinity(0, allowed)


def _figures(figures: Mapping[str, throughput.Figures]) -> None:
    _say(f"{'':34} {'sessions':>10}  {'ratio':>6}  {'p50':>9}  {'p90':>9}  {'p99':>9}")
    for name, found in figures.items():
        times = "".join(f"  {seconds * 1000:6.2f} ms" for seconds in found.percentiles)
        _say(f"{name:34} {found.per_second:8.0f}/s  {found.ratio:6.2f}{times}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
