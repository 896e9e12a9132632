"""What the timer of Postfix's debug modes does, where a file of settings is a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.changes import TimerSet
from actions.debug import on
from actions.debug.modes import MODES
from actions.debug.subject import Subject
from actions.host.ports import UnitState
from tests.actions.setup.injected import injected_host
from tests.programs import needs


@pytest.mark.parametrize("linked", ["main.cf", "master.cf"])
@pytest.mark.parametrize("peer", ["192.0.2.1", ""])
def test_of_a_linked_file_the_timer_takes_the_right_words_out(
    tmp_path: Path, peer: str, linked: str
) -> None:
    needs("postconf")
    host = injected_host(tmp_path)
    link, real = Path(host.postfix.folder(), linked), tmp_path / "of-this-host"
    link.rename(real)
    link.symlink_to(real)
    mode = next(mode for mode in MODES if mode.service == "postfix")
    state = UnitState("postfix.service", "active", True, 0, "a", "running")
    case = on._Case(host, Subject("postfix", mode, None, state), (), 60.0, None)
    changes = on._postfix(case, peer, "" if peer else "submission")
    commands = next(one.commands for one in changes if isinstance(one, TimerSet))
    words = [word for command in commands for word in command]
    assert (peer in words) == bool(peer)
    assert ("submission/inet/command" in words) == (not peer)
    edited = "main.cf" if peer else "master.cf"
    assert ("./of-this-host" in words) == (linked == edited)
