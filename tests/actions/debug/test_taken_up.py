"""Whom the restart of a daemon waits for: none who could not connect before it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from actions.changes import Answering
from actions.debug.modes import MODES
from actions.debug.subject import Subject
from actions.debug.taken_up import restarted, started_again
from actions.host.ports import UnitState
from actions.host.system import SystemHost
from actions.mailhost.service import Listener, MailService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone connects as others")

MODE = next(mode for mode in MODES if mode.service == "opendkim")
UNIT = "own-hand-milter.service"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """A socket that takes connections, in a folder that everybody may pass."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith("pytest"):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/socket")
        listening.listen()
        yield f"{tmp_path}/socket"


def subject(path: str, activity: str = "active") -> Subject:
    listener = Listener(f"unix:{path}", "milter", client="nobody")
    service = MailService("opendkim", "milter", UNIT, "opendkim", listeners=(listener,))
    state = UnitState(UNIT, activity, True, 0, "a", "running")  # type: ignore[arg-type]
    return Subject("opendkim", MODE, service, state)


def waits(path: str) -> list[str]:
    one = subject(path)
    assert one.service is not None
    changes = restarted(SystemHost(), one, (one.service,))
    return [change.client for change in changes if isinstance(change, Answering)]


def test_who_connects_now_is_waited_for(path: str) -> None:
    os.chmod(path, 0o666)
    assert waits(path) == ["nobody"]


def test_who_may_not_connect_now_is_not_waited_for_but_what_listens_is(path: str) -> None:
    os.chmod(path, 0o600)
    assert waits(path) == ["root"]


def test_where_nothing_listens_now_nothing_is_waited_for(path: str) -> None:
    assert waits(f"{path}-of-nobody") == []


def test_one_that_could_not_start_is_started_and_has_to_listen(path: str) -> None:
    start, wait = started_again(SystemHost(), subject(path, "failed"))
    assert start.kind == "start"
    assert isinstance(wait, Answering)
    assert wait.client == "root"
