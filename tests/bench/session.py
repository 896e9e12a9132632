"""What a session costs in this process, beside the bare bytes of the same session."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from tests.milters.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable


def events(spec: str) -> list[bytes]:
    """Return what one session sends, piece by piece."""
    report = ask(spec, trace=True)
    assert report.status in {"pass", "accept"}
    return [bytes.fromhex(data) for _, way, data in report.trace if way == ">"]


def replay(path: str, pieces: list[bytes]) -> None:
    """Send *pieces* and wait for one reply to each but the farewells: no engine at all."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        for piece in pieces:
            link.sendall(piece)
            if piece[4:5] not in b"AQ":
                link.recv(4096)


def percentiles(run: Callable[[], object], number: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of *number* runs, in seconds."""
    times = []
    for _ in range(number):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    times.sort()
    return times[number // 2], times[number * 99 // 100]
