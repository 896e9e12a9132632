"""The lab's supervisor: starts the services, takes orders, keeps the log, clears up.

A process with a single thread in a session of its own, so that Ctrl+C in the console's
terminal does not reach it. It lives exactly as long as the console holds the other end of
its leash, a pipe: however the console ends, the supervisor stops everything and removes the
folder. Where it is killed itself, the kernel kills the services (see `process`), and the
next lab removes the folder (see `folder`).
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from console.lab import folder
from console.lab.control import Client
from console.lab.definitions import SUFFIX, UNITS, plain_name
from console.lab.faults import faults_named
from console.lab.instead import Run
from console.lab.layout import CONTROL, ERRORS, MAIN_CF
from console.lab.maillog import MailLog
from console.lab.postfix import MainCf
from console.lab.timers import Timetable
from console.lab.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

    from console.lab.faults import Fault

START_LIMIT = 20.0
"""Seconds for a service to open its socket."""

STOP_LIMIT = 3.0
"""Seconds after SIGTERM before SIGKILL; at the end of the lab `END_LIMIT`."""

END_LIMIT = 0.6
TICK = 0.25
"""Seconds after which running operations look at the clock."""

_ENDED = object()
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class OperationFailed(Exception):
    """An order that could not be carried out; the text is for the operator."""


class Supervisor:
    """Everything that runs in one lab.

    Args:
        root: the lab's folder, furnished.
        leash: a descriptor that reaches its end when the console ends.
        faults: what is broken on purpose.
        listener: the SMTP front's socket, already listening.
    """

    def __init__(
        self, root: str, leash: int, faults: tuple[Fault, ...], listener: socket.socket
    ) -> None:
        broken = {fault.unit: fault for fault in faults}
        self._root = root
        self._units = {unit.name: Unit(root, unit, broken.get(unit.name)) for unit in UNITS}
        self._units["postfix"].listener = listener
        self._killed = tuple(fault.unit for fault in faults if fault.killed)
        self._log = MailLog(root, MainCf(root + MAIN_CF).setting("myhostname"), self._pass_on)
        self._jobs: list[Iterator[None]] = []
        self._watchers: list[Client] = []
        self._timetable = Timetable(root, self._operate_later)
        self._seen = self._looks()
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._watch(leash, self._end)
        self._watch(self._log.socket, self._log.drain)
        self._signals = _wakeups()
        self._watch(self._signals, self._take_signals)
        self._control = _listen(root + CONTROL)
        self._watch(self._control, self._take_client)

    def run(self, report: Callable[[str], None]) -> None:
        """Serve until the leash is let go.

        Args:
            report: is given an empty text when every unit runs or is as broken as asked,
                else why one does not.
        """
        failures: list[str] = []
        boots = [self._boot(unit, failures) for unit in self._units.values()]
        self._jobs += boots
        while self._jobs and not self._ending:
            self._turn()
        report("; ".join(failures))
        while not self._ending:
            self._turn()

    def stop_all(self) -> None:
        """Stop every service, by force where it does not end in time."""
        for unit in self._units.values():
            unit.signal(signal.SIGTERM)
        until = time.monotonic() + END_LIMIT
        while any(unit.pid for unit in self._units.values()):
            if time.monotonic() > until:
                for unit in self._units.values():
                    unit.signal(signal.SIGKILL)
            time.sleep(0.005)
            self._reap()

    def _turn(self) -> None:
        for key, _ in self._selector.select(TICK if self._jobs else self._timetable.wait()):
            key.data()
        self._jobs += self._timetable.due()
        while ended := [job for job in self._jobs if next(job, _ENDED) is _ENDED]:
            # The end of one may be what another waits for.
            self._jobs = [job for job in self._jobs if job not in ended]
        self._tell_watchers()

    def _looks(self) -> dict[str, object]:
        """Return what of each unit a watcher is told of, when it is another than before."""
        return {name: (unit.activity, unit.pid, unit.enabled) for name, unit in self._units.items()}

    def _tell_watchers(self) -> None:
        looks = self._looks()
        changed = [name for name, look in looks.items() if look != self._seen[name]]
        self._seen = looks
        for name in changed:
            for client in self._watchers:
                client.answer({"changed": f"{name}{SUFFIX}"})

    def _watch(self, source: int | socket.socket, act: Callable[[], None]) -> None:
        self._selector.register(source, selectors.EVENT_READ, act)

    def _end(self) -> None:
        self._ending = True

    def _take_signals(self) -> None:
        numbers = self._signals.recv(4096)
        self._reap()
        if any(number in _ENDING for number in numbers):
            self._end()

    def _reap(self) -> None:
        for unit in self._units.values():
            if unit.pid and (ended := os.waitpid(unit.pid, os.WNOHANG))[0]:
                self._hear_last(unit)
                unit.reaped(ended[1])

    def _hear_last(self, unit: Unit) -> None:
        while unit.told >= 0:
            self._hear(unit)

    def _hear(self, unit: Unit) -> None:
        number = unit.told
        if number < 0:
            return
        unit.hear()
        if unit.told < 0:
            self._selector.unregister(number)

    def _take_client(self) -> None:
        link, _ = self._control.accept()
        client = Client(link)
        self._watch(link, lambda: self._take_orders(client))

    def _take_orders(self, client: Client) -> None:
        orders = client.receive()
        if orders is None:
            self._selector.unregister(client.link)
            self._watchers = [one for one in self._watchers if one is not client]
            client.link.close()
            return
        for order in orders:
            if order.get("do") == "watch":
                self._watchers.append(client)
            elif order.get("do") == "end":
                client.ends = True
            else:
                self._jobs.append(self._answer(client, order))

    def _answer(self, client: Client, order: dict[str, Any]) -> Iterator[None]:
        try:
            answer = yield from self._carry_out(client, order)
        except OperationFailed as error:
            answer = {"error": str(error)}
        client.answer(answer)

    def _carry_out(
        self, client: Client, order: dict[str, Any]
    ) -> Generator[None, None, dict[str, object]]:
        operation = order.get("do", "")
        if (known := self._at_once(operation, order)) is not None:
            return known
        unit = yield from self._free(order.get("unit", ""))
        unit.busy = True
        try:
            if operation == "run":
                run = Run(client, float(order["seconds"]))
                return (yield from self._run_instead(unit, run, tuple(order["argv"])))
            yield from self._operate(operation, unit)
        finally:
            unit.busy = False
        return {}

    def _at_once(self, operation: str, order: dict[str, Any]) -> dict[str, object] | None:
        """Return the answer to an order that needs no waiting; None for any other."""
        match operation:
            case "names":
                return {"names": [f"{name}{SUFFIX}" for name in self._units]}
            case "states":
                asked = [self._units.get(plain_name(name)) for name in order.get("units", ())]
                return {"states": [unit.state() if unit else {} for unit in asked]}
            case "reread":
                self._reread()
            case "timers":
                return {"timers": self._timetable.all()}
            case "set timer":
                why = self._timetable.set(order["timer"])
                return {"error": why} if why else {}
            case "remove timer":
                self._timetable.remove(order["name"])
            case _:
                return None
        return {}

    def _reread(self) -> None:
        for unit in self._units.values():
            unit.reread()

    def _free(self, name: str) -> Generator[None, None, Unit]:
        """Return the unit called *name* once nothing else is done to it."""
        unit = self._units.get(plain_name(name))
        if unit is None:
            raise OperationFailed("this host has no such unit")
        while unit.busy and not unit.run:
            yield
        if unit.run:
            raise OperationFailed("somebody runs it in the foreground just now")
        return unit

    def _operate_later(self, operation: str, name: str) -> Iterator[None]:
        """Do what a timer is to do; nobody waits for it."""
        if operation == "reread":
            self._reread()
            return
        try:
            unit = yield from self._free(name)
            unit.busy = True
            try:
                yield from self._operate(operation, unit)
            finally:
                unit.busy = False
        except OperationFailed as error:
            self._log.write("lab", f"{operation} {name}: {error}")

    def _run_instead(
        self, unit: Unit, run: Run, argv: tuple[str, ...]
    ) -> Generator[None, None, dict[str, object]]:
        ran, trouble = bool(unit.pid), ""
        yield from self._stop(unit)
        unit.run_instead(argv, run)
        self._watch(run.output, lambda: self._hear_run(run))
        try:
            yield from self._start(unit)
            while unit.pid and not run.why_over:
                run.flush()
                yield
        except OperationFailed as error:
            trouble = str(error)
        words = run.why_over or unit.detail
        if unit.activity == "failed":
            trouble = f"{argv[0]} has ended by itself: {unit.detail}"
        yield from self._stop(unit)
        self._hear_run(run, rest=True)
        unit.run_instead((), None)
        if ran:
            yield from self._start(unit)
        if trouble:
            raise OperationFailed(trouble)
        return {"ended": words}

    def _hear_run(self, run: Run, *, rest: bool = False) -> None:
        """Pass on what a run has written, or all the *rest* of it."""
        if run.closed:
            return
        more = run.hear()
        while more and rest:
            more = run.hear()
        if not more:
            self._selector.unregister(run.output)
            run.close()

    def _pass_on(self, pid: int, text: bytes) -> None:
        """Pass on what process *pid* has logged to who looks on."""
        for unit in self._units.values():
            if unit.run and unit.pid == pid:
                unit.run.tell(text)

    def _operate(self, operation: str, unit: Unit) -> Iterator[None]:
        match operation:
            case "start":
                yield from self._start(unit)
            case "stop":
                yield from self._stop(unit)
            case "restart":
                yield from self._stop(unit)
                yield from self._start(unit)
            case "try-restart":
                if unit.pid:
                    yield from self._operate("restart", unit)
            case "reload":
                yield from self._reload(unit)
            case "enable" | "disable":
                unit.enabled = operation == "enable"
            case _:
                raise OperationFailed(f"no such operation: {operation}")

    def _boot(self, unit: Unit, failures: list[str]) -> Iterator[None]:
        try:
            yield from self._start(unit)
        except OperationFailed as error:
            failures.append(f"{unit.name}: {error}")
            return
        if unit.name in self._killed:
            unit.signal(signal.SIGKILL)
            while unit.pid:
                yield

    def _start(self, unit: Unit, *, keep_invocation: bool = False) -> Iterator[None]:
        if unit.pid:
            return
        unit.launch(keep_invocation=keep_invocation)
        self._watch(unit.told, lambda: self._hear(unit))
        until = time.monotonic() + START_LIMIT
        while unit.starting:
            yield
            if time.monotonic() > until:
                unit.signal(signal.SIGKILL)
        if not unit.active:
            self._log.write("lab", f"{unit.name}.service: {unit.detail}")
            raise OperationFailed(unit.detail)

    def _stop(self, unit: Unit) -> Iterator[None]:
        unit.signal(signal.SIGTERM)
        until = time.monotonic() + STOP_LIMIT
        while unit.pid:
            yield
            if time.monotonic() > until:
                unit.signal(signal.SIGKILL)

    def _reload(self, unit: Unit) -> Iterator[None]:
        if not unit.reload:
            raise OperationFailed("it has nothing to reload; restart it")
        if not unit.pid:
            raise OperationFailed("it is not running")
        if unit.reload == "SIGHUP":
            unit.signal(signal.SIGHUP)
            return
        yield from self._stop(unit)
        yield from self._start(unit, keep_invocation=True)


def _wakeups() -> socket.socket:
    """Return a socket that gets the number of every signal that matters here."""
    receive, send = socket.socketpair()
    receive.setblocking(False)  # noqa: FBT003 - the standard library's own switch
    send.setblocking(False)  # noqa: FBT003
    for number in (signal.SIGCHLD, *_ENDING):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(send.detach(), warn_on_full_buffer=False)
    return receive


def _listen(path: str) -> socket.socket:
    control = socket.socket(socket.AF_UNIX)
    control.bind(path)
    os.chmod(path, 0o600)
    control.listen()
    return control


def _collect_errors(path: str) -> None:
    """Let standard output and error of this process and its services go to *path*."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _report(number: int, failure: str) -> None:
    with suppress(OSError):  # the console may be gone; its leash says so too
        os.write(number, json.dumps({"failed": failure}).encode())
    os.close(number)


def main() -> None:
    """Run the lab in the folder that the arguments name; see `console.lab.lab`."""
    root, leash, report, listener, faults = sys.argv[1:]
    os.umask(0o022)
    # Whoever started this may have blocked the signals for itself.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _collect_errors(root + ERRORS)
    supervisor = None
    try:
        supervisor = Supervisor(
            root,
            int(leash),
            faults_named(filter(None, faults.split(","))),
            socket.socket(fileno=int(listener)),
        )
        supervisor.run(lambda failure: _report(int(report), failure))
    except Exception:  # noqa: BLE001 - whatever it is, the console is told and the lab ends
        _report(int(report), traceback.format_exc())
    finally:
        if supervisor:
            supervisor.stop_all()
        folder.remove(root)


if __name__ == "__main__":
    main()
