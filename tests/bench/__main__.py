"""Prints both benchmarks as a table of ratios."""

from __future__ import annotations

import argparse
import sys

from tests.bench import cold, session
from tests.milters.asking import ask
from tests.milters.running import Milters


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rounds", type=int, default=40, help="runs of each command")
    parser.add_argument("--sessions", type=int, default=500, help="sessions in one process")
    given = parser.parse_args()
    milters = Milters()
    try:
        running = milters.start(bare=True)
        _cold(running.spec, given.rounds)
        _session(running.spec, running.path, given.sessions)
    finally:
        milters.end()


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


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
