"""Every row of what stands in the way of an edge, made for real and named exactly."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NamedTuple

import pytest

from actions.finding import Health
from actions.mailhost.specs import ENDS, PASSED_OVER
from actions.sockets import proof
from tests.actions.sockets.scenes import (
    CLIENT,
    OTHER_GROUP,
    left_over,
)
from tests.milters.peer import Wire
from tests.milters.running import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions.sockets.report import Cause
    from tests.actions.sockets.scenes import Scene

CONNECT = "warning: connect to Milter service {spec}: "


def serve(wire: Wire) -> None:
    wire.negotiate()
    wire.serve()


def closing(wire: Wire) -> None:
    """Close without having read, as soon as there is something to read."""
    wire.link.recv(1, socket.MSG_PEEK)


def reading(wire: Wire) -> None:
    wire.read()


def babbling(wire: Wire) -> None:
    wire.raw(b"hello, this is no milter\r\n")
    wire.wait_for_close()


def greeting(wire: Wire) -> None:
    wire.raw(b"220 mx.example.org ESMTP\r\n")
    wire.wait_for_close()


class Row(NamedTuple):
    cause: Cause
    set_up: Callable[[Scene], object]
    why: str
    log: str


def in_other_group(place: Scene) -> None:
    place.listen(serve, 0o660)
    os.chown(place.socket, 0, OTHER_GROUP)


def own_but_unwritable(place: Scene) -> None:
    place.listen(serve, 0o640)
    os.chown(place.socket, 0, place.host.accounts.user(CLIENT).gid)


def in_closed_folder(place: Scene) -> None:
    place.listen(serve)
    place.socket.parent.chmod(0o750)


def dangling(place: Scene) -> None:
    place.socket.symlink_to(place.folder / "gone.sock")


def looping(place: Scene) -> None:
    place.socket.symlink_to(place.socket)


def datagram(place: Scene) -> None:
    place.keep(socket.SOCK_DGRAM)


def a_file(place: Scene) -> None:
    place.socket.touch()
    place.socket.chmod(0o666)


def a_folder(place: Scene) -> None:
    place.socket.mkdir()


DENIED = CONNECT + "Permission denied"
ABSENT = CONNECT + "No such file or directory"
REFUSED = CONNECT + "Connection refused"
NO_REPLY = "warning: milter {spec}: can't read SMFIC_OPTNEG reply packet header: "

ROWS = (
    Row(
        "group",
        in_other_group,
        "connecting as nobody: permission denied on {socket} (needs w, not in its group; "
        "root:61997 0660)",
        DENIED,
    ),
    Row(
        "write",
        own_but_unwritable,
        "connecting as nobody: permission denied on {socket} (needs w, group has r--; "
        "root:nogroup 0640)",
        DENIED,
    ),
    Row(
        "write",
        lambda place: place.listen(serve, 0o755),
        "connecting as nobody: permission denied on {socket} (needs w, others have r-x; "
        "root:root 0755)",
        DENIED,
    ),
    Row(
        "folder",
        in_closed_folder,
        "connecting as nobody: permission denied on {folder} (needs x, others have ---; "
        "root:root 0750): the folder can't be passed",
        DENIED,
    ),
    Row("missing", lambda _: None, "{socket} does not exist", ABSENT),
    Row(
        "missing",
        lambda place: place.socket.parent.rmdir(),
        "{folder} does not exist",
        ABSENT,
    ),
    Row(
        "dangling",
        dangling,
        "{socket} is a link to {root}/gone.sock, and {root}/gone.sock does not exist",
        ABSENT,
    ),
    Row("dangling", looping, "{socket} is a link to {socket}, which leads to itself", ""),
    Row(
        "stale",
        lambda place: left_over(place.socket),
        "{socket} is a socket that nobody listens on: it was left over",
        REFUSED,
    ),
    Row("not-a-socket", a_file, "{socket} is no socket (a regular file)", REFUSED),
    Row("not-a-socket", a_folder, "{socket} is no socket (a folder)", ""),
    Row(
        "datagram",
        datagram,
        "{socket} is a datagram socket, or another that is no stream",
        CONNECT + "Protocol wrong type for socket",
    ),
    Row(
        "closes",
        lambda place: place.listen(closing),
        "{socket} accepts, and closes before it has read anything",
        NO_REPLY + "Connection reset by peer",
    ),
    Row(
        "closes-on-read",
        lambda place: place.listen(reading),
        "{socket} accepts, reads what it is asked, and closes",
        NO_REPLY + "Application error",
    ),
    Row(
        "hangs",
        lambda place: place.listen(Wire.wait_for_close),
        "{socket} does not answer within ",
        NO_REPLY + "Connection timed out",
    ),
    Row(
        "not-a-milter",
        lambda place: place.listen(babbling),
        '{socket}: the peer is no milter; it says "hello, this is no milter"',
        "warning: milter {spec}: unreasonable packet length: 1751477356 > 1073741823",
    ),
    Row(
        "not-a-milter",
        lambda place: place.listen(greeting),
        '{socket}: the peer is no milter; it says "220 mx.example.org ESMTP"',
        'warning: milter {spec}: unexpected reply "m" in initial handshake',
    ),
)


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row.cause}-{getattr(row.set_up, '__name__', '')}"
)
def test_each_row_is_named(row: Row, place: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "PATIENCE", 0.3)
    row.set_up(place)
    state = place.look()
    names = {
        "socket": place.socket,
        "folder": place.socket.parent,
        "root": place.folder,
        "spec": f"unix:{place.socket}",
    }
    assert state.cause == row.cause
    assert state.finding.health is Health.DOWN
    assert state.finding.name == "sockets.smtpd:milter"
    assert state.finding.what.startswith("smtpd → milter: ")
    assert row.why.format(**names) in state.finding.why
    assert state.trouble is not None
    if row.log:
        assert state.log_line == row.log.format(**names)


def test_a_milter_that_answers_is_well(place: Scene) -> None:
    place.listen(serve)
    state = place.look()
    assert (state.cause, state.trouble, state.log_line) == ("", None, "")
    assert state.finding.health is Health.OK


def test_a_port_that_nobody_listens_on(place: Scene) -> None:
    spec = f"inet:127.0.0.1:{free_port()}"
    state = place.look(place.edge(spec))
    assert state.cause == "closed-port"
    assert state.steps == ()
    assert state.finding.why == f"nobody takes connections on {spec}: Connection refused"
    assert state.log_line == f"warning: connect to Milter service {spec}: Connection refused"


@pytest.mark.parametrize(
    ("spec", "refused", "effect", "cause", "health"),
    [
        (
            "/run/x.sock",
            'Milter service needs transport:endpoint instead of "/run/x.sock"',
            "clients are answered 451 4.3.5",
            "no-transport",
            Health.DOWN,
        ),
        (
            "/run/x.sock",
            'Milter service needs transport:endpoint instead of "/run/x.sock"',
            PASSED_OVER,
            "no-transport",
            Health.DEGRADED,
        ),
        ("inet:8891@localhost", "8891@localhost: garbage", ENDS, "syntax", Health.DOWN),
        (
            "inet:localhost:nosuch",
            "host or service localhost:nosuch not found: no service of that name",
            "the milter can't be reached, whatever it does",
            "name",
            Health.DOWN,
        ),
    ],
)
def test_a_specification_that_is_refused(
    place: Scene, spec: str, refused: str, effect: str, cause: Cause, health: Health
) -> None:
    edge = place.edge()._replace(spec=spec, endpoint="", refused=refused, effect=effect)
    state = place.look(edge)
    assert (state.cause, state.finding.health) == (cause, health)
    assert refused in state.finding.why
    kind = "fatal" if effect == ENDS else "warning"
    told = f"warning: connect to Milter service {spec}: Cannot assign requested address"
    assert state.log_line == (told if cause == "name" else f"{kind}: {refused}")
