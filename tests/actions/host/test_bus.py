"""The watch on the bus: a real dbus-daemon, and in systemd's place a stand-in that says its words.

A real systemd is watched in `tests.system`; here is what can't be asked of one: that it is away,
refuses, or comes back, and the bus with it.
"""

from __future__ import annotations

import asyncio
import queue
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from actions.host import bus as bus_module
from actions.host.bus import watch_units
from actions.host.errors import HostError
from tests.programs import needs

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path
    from typing import Any

SYSTEMD = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
LIMIT = 10.0

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class Daemon:
    """A bus of this test's own."""

    def __init__(self, folder: Path) -> None:
        (self._program,) = needs("dbus-daemon")
        self._file = folder / "bus.conf"
        self.path = folder / "bus"
        self.address = f"unix:path={self.path}"
        self._file.write_text(CONFIGURATION.format(path=self.path))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        process = subprocess.Popen(
            [self._program, f"--config-file={self._file}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        with process.stdout as told:
            assert told.readline(), "the bus does not start"
        self._process = process

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(LIMIT)
            self._process = None


class Systemd:
    """What says systemd's words on the bus."""

    def __init__(self, address: str, answer: str = "") -> None:
        self.subscribed: queue.Queue[str] = queue.Queue()
        self._answer = answer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._bus = self._do(self._connect(address))

    def _do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(LIMIT)

    async def _connect(self, address: str) -> MessageBus:
        bus = await MessageBus(bus_address=address).connect()
        bus.add_message_handler(self._take)
        await bus.request_name(SYSTEMD)
        return bus

    def _take(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.member != "Subscribe":
            return None
        if self._answer == "silence":
            return True
        self.subscribed.put(message.sender or "")
        if self._answer:
            return Message.new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "no")
        return Message.new_method_return(message)

    def say(self, member: str, signature: str, *body: object, unit: str = "") -> None:
        path = f"{PATH}/unit/{unit}" if unit else PATH
        interface = "org.freedesktop.DBus.Properties" if unit else f"{SYSTEMD}.Manager"
        self._do(self._say(Message.new_signal(path, interface, member, signature, list(body))))

    async def _say(self, message: Message) -> None:
        await self._bus.send(message)

    def close(self) -> None:
        self._do(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _leave(self) -> None:
        self._bus.disconnect()
        await asyncio.wait_for(asyncio.ensure_future(_gone(self._bus)), LIMIT)


async def _gone(bus: MessageBus) -> None:
    try:
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    except (EOFError, OSError):
        return


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    made.start()
    yield made
    made.stop()


@contextmanager
def systemd(daemon: Daemon, answer: str = "") -> Iterator[Systemd]:
    made = Systemd(daemon.address, answer)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def watching(daemon: Daemon) -> Iterator[queue.Queue[str]]:
    told: queue.Queue[str] = queue.Queue()
    watch = watch_units(told.put, daemon.address)
    try:
        yield told
    finally:
        watch.close()


def change(one: Systemd, unit: str) -> None:
    one.say("PropertiesChanged", "sa{sv}as", f"{SYSTEMD}.Unit", {}, ["ActiveState"], unit=unit)


def test_changes_are_told_by_the_units_name(daemon: Daemon) -> None:
    with systemd(daemon) as one, watching(daemon) as told:
        change(one, "clamd_40scan_2eservice")
        assert told.get(timeout=LIMIT) == "clamd@scan.service"
        one.say("JobRemoved", "uoss", 7, f"{PATH}/job/7", "postfix.service", "done")
        assert told.get(timeout=LIMIT) == "postfix.service"


def test_many_signals_of_one_change_are_one_call(daemon: Daemon) -> None:
    with systemd(daemon) as one, watching(daemon) as told:
        for _ in range(20):
            change(one, "postfix_2eservice")
        change(one, "zz_2eservice")
        seen = [told.get(timeout=LIMIT)]
        while seen[-1] != "zz.service":
            seen.append(told.get(timeout=LIMIT))
        assert len(seen) < 20


def tell_values(one: Systemd, state: str, pid: int) -> None:
    for interface, name, value in (
        ("Unit", "ActiveState", Variant("s", state)),
        ("Service", "MainPID", Variant("u", pid)),
    ):
        body = (f"{SYSTEMD}.{interface}", {name: value}, ["Conditions"])
        one.say("PropertiesChanged", "sa{sv}as", *body, unit="clamd_2eservice")


def test_values_that_are_told_again_as_they_were_are_no_change(daemon: Daemon) -> None:
    with systemd(daemon) as one, watching(daemon) as told:

        def seen() -> list[str]:
            change(one, "last_2eservice")
            names = [told.get(timeout=LIMIT)]
            while names[-1] != "last.service":
                names.append(told.get(timeout=LIMIT))
            return names[:-1]

        tell_values(one, "active", 7)
        assert seen() == ["clamd.service"]
        tell_values(one, "active", 7)
        assert seen() == []
        tell_values(one, "active", 8)
        assert seen() == ["clamd.service"]


def test_what_is_no_service_and_what_asking_causes_is_not_told(daemon: Daemon) -> None:
    with systemd(daemon) as one, watching(daemon) as told:
        change(one, "system_2eslice")
        one.say("UnitNew", "so", "postfix.service", f"{PATH}/unit/postfix_2eservice")
        one.say("UnitRemoved", "so", "postfix.service", f"{PATH}/unit/postfix_2eservice")
        one.say("Reloading", "b", True)
        change(one, "last_2eservice")
        assert told.get(timeout=LIMIT) == "last.service"


@pytest.mark.parametrize(
    ("member", "signature", "body"),
    [
        ("Reloading", "b", (False,)),
        ("UnitFilesChanged", "", ()),
    ],
)
def test_after_a_reload_any_may_have_changed(
    daemon: Daemon, member: str, signature: str, body: tuple[object, ...]
) -> None:
    with systemd(daemon) as one, watching(daemon) as told:
        one.say(member, signature, *body)
        assert told.get(timeout=LIMIT) == ""


def test_a_stranger_on_the_bus_is_not_believed(daemon: Daemon) -> None:
    with systemd(daemon) as one, watching(daemon) as told:
        stranger = Systemd(daemon.address)  # the name is taken: it gets another
        change(stranger, "forged_2eservice")
        stranger.close()
        change(one, "true_2eservice")
        assert told.get(timeout=LIMIT) == "true.service"


def test_it_goes_on_when_systemd_and_the_bus_come_again(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    with watching_restarts(daemon) as told:
        with systemd(daemon) as again:
            assert again.subscribed.get(timeout=LIMIT)
            assert told.get(timeout=LIMIT) == "", "what happened meanwhile is not known"
            change(again, "postfix_2eservice")
            assert told.get(timeout=LIMIT) == "postfix.service"
        daemon.stop()
        daemon.start()
        with systemd(daemon) as once_more:
            assert once_more.subscribed.get(timeout=LIMIT)
            assert told.get(timeout=LIMIT) == ""
            change(once_more, "dovecot_2eservice")
            assert told.get(timeout=LIMIT) == "dovecot.service"
    assert caplog.text == "", "nothing may be written over the screen"


@contextmanager
def watching_restarts(daemon: Daemon) -> Iterator[queue.Queue[str]]:
    """Watch a bus from which systemd has gone."""
    first = Systemd(daemon.address)
    with watching(daemon) as told:
        first.close()
        yield told


def test_closing_ends_the_thread_and_every_call(daemon: Daemon) -> None:
    before = threading.active_count()
    with systemd(daemon) as one:
        told: queue.Queue[str] = queue.Queue()
        watch = watch_units(told.put, daemon.address)
        watch.close()
        watch.close()
        change(one, "postfix_2eservice")
    assert threading.active_count() == before
    assert told.empty()


def test_it_can_be_closed_from_within_a_call(daemon: Daemon) -> None:
    closed = threading.Event()

    def close(_name: str) -> None:
        watch.close()
        closed.set()

    with systemd(daemon) as one:
        watch = watch_units(close, daemon.address)
        change(one, "postfix_2eservice")
        assert closed.wait(LIMIT)
        watch.close()


def test_without_a_bus_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"nothing tells of changes: unix:path=.*No such file"):
        watch_units(print, f"unix:path={tmp_path}/none")


def test_a_bus_without_systemd_says_so(daemon: Daemon) -> None:
    with pytest.raises(HostError, match=r"systemd1: Subscribe: "):
        watch_units(print, daemon.address)


def test_a_systemd_that_refuses_or_hangs_is_said(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    with systemd(daemon, "refuse"), pytest.raises(HostError, match="Subscribe: no"):
        watch_units(print, daemon.address)
    monkeypatch.setattr(bus_module, "PATIENCE", 0.2)
    hangs = pytest.raises(HostError, match=r"does not answer Subscribe within 0\.2 s")
    with systemd(daemon, "silence"), hangs:
        watch_units(print, daemon.address)
