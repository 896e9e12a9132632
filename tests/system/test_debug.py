"""Debug modes on real hosts of both layouts: on, heard, and off again by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

LEFT = """
find /etc /run/systemd /var/lib/systemd -printf '%p %M %u %g\\n' |
  grep -v -e ^/run/systemd/units -e ^/run/systemd/journal -e ^/run/systemd/transient \\
    -e ^/run/systemd/sessions -e ^/run/systemd/users -e ^/run/systemd/inaccessible \\
    -e ^/run/systemd/propagate -e /timers/stamp-[a-l] | sort
find /etc -type f ! -name aliases.db -exec md5sum {} + | sort
systemctl list-units --all --no-legend --plain 'milter-console*'
systemctl --failed --no-legend
"""
"""What a debug mode could leave behind on a host."""

LOG = "cat /var/log/mail* /var/log/clamav/*; journalctl --quiet --boot --output=cat"


class Verbose(NamedTuple):
    """A service, and what it says only in its debug mode, of a mail or as it starts."""

    service: str
    words: str
    options: tuple[str, ...] = ()


class Layout(NamedTuple):
    """A host, and the services of it that are put into their debug modes."""

    machine: Machine
    services: tuple[Verbose, ...]
    duration: str
    """Time enough to switch all of them on."""


IN_UNITS = (
    Verbose("milter-manager", "[children][reply]"),
    Verbose("spamass-milter", "Setting debug level"),
    Verbose("spamd", "dbg: "),
    Verbose("postfix", ">>> START Recipient address RESTRICTIONS", ("--peer", "127.0.0.1")),
)
IN_FILES = (
    Verbose("milter-greylist", "load list item"),
    Verbose("clamav-milter", "Clean message"),
    Verbose("clamd", "Consumed entire command"),
    Verbose("spamass-milter", "mlfi_connect: enter"),
    Verbose("opendkim", "no signing domain match"),
    Verbose("postfix", ">>> START Recipient address RESTRICTIONS"),
)


@pytest.fixture(scope="module")
def debian(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Layout]:
    """A host with init scripts, and with Enigma."""
    with booted("debian/healthy") as machine:
        yield Layout(machine, IN_FILES, "40s")


@pytest.fixture(scope="module")
def red_hat(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Layout]:
    """A host where milter-manager asks the others."""
    with booted("rhel/healthy") as machine:
        yield Layout(machine, IN_UNITS, "20s")


@pytest.mark.parametrize("name", ["red_hat", "debian"])
def test_each_tells_more_for_a_while_and_nothing_is_left(
    request: pytest.FixtureRequest, name: str
) -> None:
    machine, services, duration = request.getfixturevalue(name)
    send(machine)
    before, quiet = left(machine), log(machine)
    assert [one.service for one in services if one.words in quiet] == []
    for one in services:
        switch_on(machine, one.service, "--for", duration, *one.options)
    told = states(machine)
    for one in services:
        state = told[one.service]
        assert (state["word"], state["by"]) == ("on", "root"), state
        assert state["until"] > state["since"]
    send(machine)
    for one in services:
        machine.wait_for(lambda: one.words in log(machine), f"{one.service} tells more", 10)  # noqa: B023
    found = machine.console("overview.check", "--json").json()["findings"]
    names = {finding["name"] for finding in found}
    assert {f"debug.{one.service}" for one in services} <= names
    machine.wait_for(lambda: is_over(machine), "the end of all")
    is_as(machine, before)
    send(machine)


def test_what_a_reboot_clears_is_over_and_what_it_does_not_is_made_up_for(
    red_hat: Layout,
) -> None:
    machine = red_hat.machine
    before = left(machine)
    switch_on(machine, "milter-manager", "--for", "2h")
    switch_on(machine, "enigma", "--for", "5s")
    # The host is down when its time comes.
    machine.systemctl("stop", "milter-console-debug-enigma.timer")
    assert states(machine)["enigma"]["until"] is None
    machine.reboot()
    machine.wait_for(lambda: is_over(machine), "the end of both")
    is_as(machine, before)


def test_a_console_that_is_killed_amid_it_takes_nothing_from_its_end(red_hat: Layout) -> None:
    machine = red_hat.machine
    before = left(machine)
    console = machine.popen(
        ["console", "run", "debug.on", "milter-manager", "--for", "6s", "--yes"]
    )
    dropin = "/run/systemd/system/milter-manager.service.d/90-milter-console-debug.conf"
    machine.wait_for(lambda: machine.exists(dropin), "the drop-in")
    console.kill()
    console.communicate()
    machine.wait_for(lambda: not machine.exists(dropin), "its end")
    machine.wait_for(lambda: is_over(machine), "its end")
    # The journal knows of what was interrupted, where it was; taken back is what is left of it.
    listed = machine.console("journal.list", "--json").json()["entries"][0]
    if listed["status"] == "interrupted":
        machine.console("journal.undo", "--entry", listed["id"], "--yes").checked()
    assert is_over(machine)
    is_as(machine, before)


def test_undoing_it_is_the_same_as_switching_it_off(debian: Layout) -> None:
    machine = debian.machine
    before = left(machine)
    switch_on(machine, "spamass-milter")
    entry = machine.console("journal.list", "--json").json()["entries"][0]["id"]
    machine.console("journal.undo", "--entry", entry, "--yes").checked()
    assert is_over(machine)
    is_as(machine, before)
    switch_on(machine, "opendkim")
    machine.console("debug.off", "opendkim", "--yes").checked()
    assert is_over(machine)
    is_as(machine, before)


def test_of_a_file_edited_meanwhile_only_its_own_words_are_taken_out(debian: Layout) -> None:
    machine = debian.machine
    main, master = (f"/etc/postfix/{name}.cf" for name in ("main", "master"))
    texts = {path: machine.read(path) for path in (main, master)}
    before = left(machine)
    switch_on(machine, "postfix", "--for", "6s")
    # A second one joins the first: both end with it.
    switch_on(machine, "postfix", "--for", "6s", "--peer", "2001:db8::1")
    assert "smtpd -v" in machine.read(master)
    assert "debug_peer_list = [2001:db8::1]" in machine.read(main)
    for path in (main, master):
        machine.sh("echo '# somebody was here' >>\"$1\"", path)
    machine.wait_for(lambda: is_over(machine), "its end")
    for path, text in texts.items():
        told = machine.read(path)
        assert "# somebody was here" in told
        assert "smtpd -v" not in told
        assert "debug_peer_list" not in told
        machine.write(path, text)
    is_as(machine, before)


def test_the_sample_of_milter_managers_own_makers_is_mended(red_hat: Layout) -> None:
    machine = red_hat.machine
    file = "/etc/sysconfig/milter-manager"
    text = machine.read(file)
    machine.write(file, text.replace("#OPTION_ARGS=", "OPTION_ARGS="))
    sample = machine.read(file)
    # It runs still as it did: what is set would keep it from starting.
    state = states(machine)["milter-manager"]
    assert (state["word"], state["on"]) == ("blocking", False)
    assert machine.console("debug.off", "milter-manager", "--yes").returncode == 0
    assert is_over(machine)
    assert 'OPTION_ARGS=""' in machine.read(file)
    # Whoever starts it so finds it down; what is taken out lets it start again.
    machine.write(file, sample)
    assert machine.run(["systemctl", "restart", "milter-manager"]).returncode != 0
    state = states(machine)["milter-manager"]
    assert (state["word"], state["on"]) == ("blocking", False)
    assert "failed" in state["asked"]
    machine.console("debug.off", "milter-manager", "--yes").checked()
    assert is_over(machine)
    machine.systemctl("is-active", "milter-manager")
    machine.write(file, text)
    send(machine)


def test_a_milter_that_postfix_can_not_open_is_debugged_all_the_same(red_hat: Layout) -> None:
    machine = red_hat.machine
    before = left(machine)
    file = "/etc/sysconfig/milter-manager"
    text = machine.read(file)
    own = text.replace('SOCKET_GROUP="postfix"', 'SOCKET_GROUP="milter-manager"')
    assert own != text
    machine.write(file, own)
    machine.systemctl("restart", "milter-manager")
    switch_on(machine, "milter-manager")
    assert states(machine)["milter-manager"]["word"] == "on"
    shown = machine.console("debug.off", "milter-manager", "--yes").checked().stdout
    assert "postfix can't connect now either" in shown
    assert is_over(machine)
    machine.write(file, text)
    machine.systemctl("restart", "milter-manager")
    is_as(machine, before)


def test_what_is_set_and_what_runs_are_told_apart(red_hat: Layout) -> None:
    machine = red_hat.machine
    before = left(machine)
    folder = "/run/systemd/system/milter-manager.service.d"
    switch_on(machine, "milter-manager")
    machine.sh('rm -r "$1"; systemctl daemon-reload', folder)
    state = states(machine)["milter-manager"]
    assert (state["word"], state["on"], state["sets"]) == ("left", True, [])
    machine.console("debug.off", "milter-manager", "--yes").checked()
    assert is_over(machine)
    is_as(machine, before)
    # What an operator has written into a unit of his own is his to edit.
    machine.sh('mkdir "$1"', folder)
    command = "ExecStart=\nExecStart=/usr/sbin/milter-manager --verbose\n"
    machine.write(f"{folder}/own.conf", f"[Service]\n{command}")
    machine.systemctl("daemon-reload")
    assert states(machine)["milter-manager"]["word"] == "pending"
    refused = machine.console("debug.off", "milter-manager", "--yes")
    assert refused.returncode == 1
    assert "systemctl edit" in refused.stderr
    machine.sh('rm -r "$1"; systemctl daemon-reload', folder)
    is_as(machine, before)


def test_an_ordinary_user_sees_the_same_and_may_switch_nothing(debian: Layout) -> None:
    machine = debian.machine
    assert is_over(machine, user="operator1")
    refused = machine.console("debug.on", "opendkim", "--yes", user="operator1")
    assert refused.returncode == 3, refused
    assert is_over(machine)


def switch_on(machine: Machine, service: str, *options: str) -> None:
    """Switch the debug mode of *service* on."""
    ended = machine.console("debug.on", service, *options, "--yes")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def states(machine: Machine) -> dict[str, Any]:
    """Return what is told of each service."""
    told = machine.console("debug.status", "--json").json()
    return {state["service"]: state for state in told["states"]}


def is_over(machine: Machine, user: str = "root") -> bool:
    """Return whether no debug mode is on."""
    return machine.console("debug.status", user=user).returncode == 0


def left(machine: Machine) -> str:
    """Return what a debug mode could change on a host."""
    return machine.run(["sh", "-c", LEFT]).stdout


def is_as(machine: Machine, before: str) -> None:
    """Wait until a host is as it was *before*: what ends a debug mode clears up at its own end."""
    try:
        machine.wait_for(lambda: left(machine) == before, "clearing up", 15)
    except AssertionError:
        assert left(machine) == before
        raise


def log(machine: Machine) -> str:
    """Return everything that is logged on a host."""
    return machine.run(["sh", "-c", LOG]).stdout


def send(machine: Machine) -> None:
    """Let a mail go through all milters."""
    envelope = ("--from", "sender@example.org", "--to", "alice@example.test")
    machine.run(["swaks", "--silent", "3", "--server", "127.0.0.1", *envelope]).checked()
