"""The real machine as a host: nearly free to make, and Postfix asked once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from actions.host import system as system_module
from actions.host.commands import SystemCommands
from actions.host.errors import HostError
from actions.host.ports import Completed
from actions.host.system import SystemHost, SystemPostfix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actions.host.ports import Host


class Postconf(SystemCommands):
    """What ``postconf -x`` prints on a host with Postfix."""

    def __init__(self, ended: Completed) -> None:
        self.ended = ended
        self.asked: list[tuple[str, ...]] = []

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        self.asked.append(tuple(argv))
        return self.ended


def test_it_is_a_host_and_its_ports_are_made_once() -> None:
    system = SystemHost()
    host: Host = system
    assert host.name == os.uname().nodename
    assert host.kind == "system"
    assert host.state_folder == "/var/lib/milter-console"
    assert host.at("/etc/passwd") == "/etc/passwd"
    assert host.files is host.files
    assert host.accounts.user("root").uid == 0
    assert host.commands.run(["true"]).exit_code == 0
    assert host.units.state("no-such-unit-here").main_pid == 0
    with pytest.raises(AttributeError):
        _ = system.colour


def test_postfix_is_asked_once_for_everything() -> None:
    text = "mail_owner = postfix\nmilter_default_action = accept\nmyorigin =\nsmtpd_milters = a=b\n"
    commands = Postconf(Completed(("postconf",), 0, text, ""))
    postfix = SystemPostfix(commands)
    assert postfix.user() == "postfix"
    assert postfix.setting("myorigin") == ""
    assert postfix.setting("smtpd_milters") == "a=b"
    with pytest.raises(HostError, match="no setting 'colour'"):
        postfix.setting("colour")
    assert commands.asked == [("postconf", "-x")]


def test_a_postfix_that_does_not_answer_is_said_so() -> None:
    refused = Completed(("postconf",), 1, "", "fatal: open /etc/postfix/main.cf: No such file\n")
    with pytest.raises(HostError, match="postconf -x failed: fatal: open"):
        SystemPostfix(Postconf(refused)).setting("myhostname")


def test_why_it_gives_up_is_told_without_what_it_warned_of_before() -> None:
    said = (
        "postconf: warning: main.cf, line 9: overriding\npostconf: fatal: main.cf, line 11: no =\n"
    )
    with pytest.raises(HostError) as told:
        SystemPostfix(Postconf(Completed(("postconf",), 1, "", said))).setting("myhostname")
    assert str(told.value) == "postconf -x failed: fatal: main.cf, line 11: no ="


def test_two_that_ask_at_the_same_time_both_get_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    met, go_on = threading.Event(), threading.Event()
    others: list[threading.Thread] = []

    class Slow(Postconf):
        def run(
            self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
        ) -> Completed:
            if self.asked:  # whoever asks again has lost the answer that was there
                met.set()
                go_on.wait(10)
            return super().run(argv, user=user, timeout=timeout)

    def other() -> None:
        postfix.setting("mail_owner")
        met.set()

    def stamp(path: str) -> object:
        if not others:
            others.append(threading.Thread(target=other))
            others[0].start()
            assert met.wait(10)
        return original(path)

    original = system_module._stamp
    monkeypatch.setattr(system_module, "_stamp", stamp)
    text = "mail_owner = postfix\nconfig_directory = /nowhere\n"
    postfix = SystemPostfix(Slow(Completed(("postconf",), 0, text, "")))
    try:
        assert postfix.setting("mail_owner") == "postfix"
    finally:
        go_on.set()
        others[0].join(10)


def test_making_one_imports_nothing_more() -> None:
    script = (
        "import sys; from actions.host.system import SystemHost; before = set(sys.modules); "
        "SystemHost(); new = set(sys.modules) - before; "
        "heavy = {'socket', 'json', 'sh', 'subprocess', 'pathlib'} & set(sys.modules); "
        "print(sorted(new), sorted(heavy))"
    )
    told = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[] []\n"
