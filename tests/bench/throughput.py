"""Sessions a second, side by side: a minimal client in C, miltertest, and ours, on one milter."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from actions.action import Context, Never
from actions.chain.request import Limits, Mail, Mta, Origin, Target, spelled_out
from actions.chain.run import announce, chain_settings, greet, new_queue_id, received, test_chain
from actions.host.system import SystemHost
from actions.mailhost.chain import links
from actions.milter.chain import Chain
from actions.milter.message import parse_message
from tests.milters.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.chain.request import TestRequest
    from actions.milter.chain import ChainEvent

HERE = Path(__file__).parent
LINE = b"A line of text as it stands in a mail, seventy-four characters of it.....\n"
USUAL = ("From: a@example.net", "To: b@example.org", "Subject: test", "MIME-Version: 1.0")
PARALLEL = 4
AT_ONCE = f"{PARALLEL} at once"
IN_C, IN_C_AT_ONCE = "C client", f"C client, {AT_ONCE}"


class Kind(NamedTuple):
    """A kind of mail."""

    name: str
    headers: int
    body: int
    sessions: int
    """In one run."""

    @property
    def message(self) -> bytes:
        """The mail, its lines ended by LF as most files have them."""
        more = range(len(USUAL), self.headers)
        lines = [f"X-Header-{number}: some value of a usual length" for number in more]
        head = "\n".join((*USUAL, *lines)).encode()
        return head + b"\n\n" + (LINE * (self.body // len(LINE) + 1))[: self.body]


KINDS = (
    Kind("small (6 headers, 200 bytes)", 6, 200, 1000),
    Kind("typical (20 headers, 10 KB)", 20, 10_000, 600),
    Kind("1 MB (20 headers)", 20, 1_000_000, 200),
)


class Pass(NamedTuple):
    """One run of one client."""

    per_second: float
    percentiles: tuple[float, ...]
    """The 50th, 90th and 99th of a session, in seconds; none where the client does not tell."""


class Figures(NamedTuple):
    """What one client came to over all rounds: medians."""

    per_second: float
    ratio: float
    """Of its throughput to the C client's in the same round, with as many sessions at once."""
    percentiles: tuple[float, ...]
    """The 50th, 90th and 99th in seconds, or none."""


def built(folder: Path) -> None:
    """Compile the milter and the client into *folder*."""
    for name, libraries in (("noop", ["-lmilter"]), ("client", [])):
        source, program = HERE / f"{name}.c", folder / name
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source)]
        subprocess.run([*command, *libraries, "-lpthread"], check=True)


@contextmanager
def noop(folder: Path, cpu: int | None) -> Iterator[str]:
    """Run the milter that does nothing; yield the path of its socket."""
    path = folder / "socket"
    command = [str(folder / "noop"), f"unix:{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == b"ready\n"
            if cpu is not None:
                os.sched_setaffinity(running.pid, {cpu})  # its threads inherit it
            yield str(path)
        finally:
            running.kill()
            path.unlink(missing_ok=True)


def measured(path: str, folder: Path, kind: Kind, rounds: int) -> dict[str, Figures]:
    """Return what each client came to, in whole runs that take turns."""
    request = _request(path, kind)
    recording = folder / "session"
    recording.write_bytes(_recording(path, request))
    clients = _clients(path, recording, folder, kind, request)
    passes: dict[str, list[Pass]] = {name: [] for name in clients}
    for run in clients.values():  # a first time, which is not counted
        run()
    for _ in range(rounds):
        for name, run in clients.items():
            passes[name].append(run())
    return {
        name: _figures(own, passes[IN_C_AT_ONCE if AT_ONCE in name else IN_C])
        for name, own in passes.items()
    }


def _figures(own: list[Pass], against: list[Pass]) -> Figures:
    ratios = [one.per_second / other.per_second for one, other in zip(own, against, strict=True)]
    spreads = [one.percentiles for one in own]
    return Figures(
        median(one.per_second for one in own),
        median(ratios),
        tuple(median(column) for column in zip(*spreads, strict=True)),
    )


def _percentiles(times: list[float]) -> tuple[float, float, float]:
    ordered = sorted(times)
    count = len(ordered)
    return ordered[count // 2], ordered[count * 9 // 10], ordered[count * 99 // 100]


def _clients(
    path: str, recording: Path, folder: Path, kind: Kind, request: TestRequest
) -> dict[str, Callable[[], Pass]]:
    program, sessions, spec = str(folder / "client"), kind.sessions, f"unix:{path}"
    mail = folder / "mail"
    mail.write_bytes(kind.message)
    chain, settings = links((spec,)), chain_settings(_context(), request)
    content = parse_message(request.message)

    def engine() -> None:
        events: list[object] = []
        playing = Chain(chain, settings, events.append)
        _play(playing, request, lambda top: playing.content(content, top))

    def in_c(parallel: int) -> Pass:
        command = [program, path, str(recording), str(sessions), str(parallel)]
        done = subprocess.run(command, capture_output=True, check=True)
        whole, *times = map(float, done.stdout.split())
        return Pass(sessions / whole, _percentiles(times))

    def at_once() -> Pass:
        report = load(spec, message=str(mail), sessions=sessions, parallel=PARALLEL)
        assert report.undecided == 0
        times = report.session
        return Pass(report.sessions_per_second, (times.p50, times.p90, times.p99))

    return {
        IN_C: lambda: in_c(1),
        "ours, every exchange recorded": lambda: _timed(engine, sessions),
        "ours, chain.test with its verdict": lambda: _timed(
            lambda: test_chain(_context(), chain, request), sessions
        ),
        **({"miltertest": lambda: _miltertest(spec, kind)} if shutil.which("miltertest") else {}),
        IN_C_AT_ONCE: lambda: in_c(PARALLEL),
        f"chain.load, {AT_ONCE}": at_once,
    }


def _timed(session: Callable[[], object], number: int) -> Pass:
    times = []
    begun = time.perf_counter()
    for _ in range(number):
        started = time.perf_counter()
        session()
        times.append(time.perf_counter() - started)
    return Pass(number / (time.perf_counter() - begun), _percentiles(times))


def _miltertest(spec: str, kind: Kind) -> Pass:
    """Time a whole run from outside; it tells no times itself."""
    given = {"spec": spec, "sessions": kind.sessions, "headers": kind.headers, "bytes": kind.body}
    command = ["miltertest", "-s", str(HERE / "session.lua")]
    for name, value in given.items():
        command += ["-D", f"{name}={value}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Pass(kind.sessions / (time.perf_counter() - started), ())


def _context() -> Context:
    return Context(SystemHost(), cancel=Never())


def _request(path: str, kind: Kind) -> TestRequest:
    asked = spelled_out(
        Mta("host.example", "host.example"),
        Target((f"unix:{path}",), "", "", None, "", 1),
        Mail("", "clean", (), (), (), ""),
        Origin("outside", "", "", "", "", (), "", "", "", "", ""),
        {},
        Limits(None, None, None, None, None, 600.0),
        trace=False,
    )
    return asked._replace(message=kind.message)


def _play(chain: Chain, request: TestRequest, send: Callable[[bytes], object]) -> None:
    events: list[ChainEvent] = []
    assert greet(chain, request) is None
    queue_id = new_queue_id()
    assert announce(chain, request, queue_id, events)[1] is None
    assert chain.data(queue_id) is None
    send(received(request, queue_id))
    chain.abort()
    chain.close()


def _recording(path: str, request: TestRequest) -> bytes:
    """Return what our session sends, in the form that the client in C reads."""
    sent: list[tuple[bytes, str]] = []

    def note(_milter: str, way: str, data: bytes) -> None:
        if way == ">":
            sent.append((bytes(data), "."))
        else:
            sent[-1] = sent[-1][0], "?"

    settings = chain_settings(_context(), request, note)
    chain = Chain(links((f"unix:{path}",)), settings)
    _play(chain, request, lambda top: chain.message(request.message, top))
    return b"".join(struct.pack(">I", len(data)) + way.encode() + data for data, way in sent)
