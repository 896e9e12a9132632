"""ClamAV's signatures fetched by the real freshclam from a mirror inside the machine."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.system.rig.machine import Machine

CONF = "/etc/clamav/freshclam.conf"
SIGNATURES = "/var/lib/clamav/eicar.ndb"
MIRROR = "http://127.0.0.1:18099"

FROM_THE_MIRROR = f"""
DatabaseDirectory /var/lib/clamav
DatabaseOwner clamav
UpdateLogFile /var/log/clamav/freshclam.log
NotifyClamd /etc/clamav/clamd.conf
DNSDatabaseInfo no
ScriptedUpdates no
MaxAttempts 1
PrivateMirror {MIRROR}
DatabaseCustomURL {MIRROR}/eicar.ndb
ExcludeDatabase main
ExcludeDatabase daily
ExcludeDatabase bytecode
"""
"""ClamAV's own databases are signed, and can only come from its own servers."""

SILENT = """\
import socket
listener = socket.create_server(("127.0.0.1", 18099))
print("listens", flush=True)
kept = [listener.accept() for _ in range(100)]
"""
"""A mirror that takes connections and never answers."""

TOLD = """\
import json
from actions.action import Context
from actions.host.system import SystemHost
from actions.outcome import ChangeSaid
from actions.registry import find
from actions.runner import run_plan
said = []
ctx = Context(SystemHost(), lambda event: said.append(event) if isinstance(event, ChangeSaid) else None)
report = run_plan(ctx, find("services.freshclam").function(ctx))
print(json.dumps({"status": report.status, "because": report.because, "said": [one.line for one in said]}))
"""  # noqa: E501


@pytest.fixture(scope="module")
def shared(booted: Callable[[str], AbstractContextManager[Machine]]) -> Iterator[Machine]:
    with booted("debian/healthy") as machine:
        machine.sh("mkdir -p /srv/mirror; cp -p /var/lib/clamav/eicar.ndb /srv/mirror/")
        machine.write(CONF, FROM_THE_MIRROR)
        yield machine


@pytest.fixture
def fresh(shared: Machine) -> Iterator[Machine]:
    """A host that has never had signatures: clamd does not run."""
    shared.sh("systemctl stop clamav-daemon.socket clamav-daemon.service clamav-freshclam")
    shared.sh("rm -f /var/lib/clamav/*.ndb /var/lib/clamav/freshclam.dat")
    yield shared
    shared.sh("cp -p /srv/mirror/eicar.ndb /var/lib/clamav/; systemctl start clamav-daemon")


@contextmanager
def mirror(machine: Machine, *command: str) -> Iterator[None]:
    words = command or (
        *("python3", "-u", "-m", "http.server", "18099"),
        *("--bind", "127.0.0.1", "--directory", "/srv/mirror"),
    )
    server = machine.popen(words)
    try:
        assert server.stdout is not None
        assert server.stdout.readline()
        yield
    finally:
        server.kill()
        server.communicate()


def fetched(machine: Machine, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = machine.console(
        "services.freshclam", "--yes", "--json", *words, timeout=120
    ).json()
    return document


def test_the_first_run_fetches_starts_clamd_and_proves_it(fresh: Machine) -> None:
    start = fresh.console("services.start", "clamd", "--yes")
    assert start.returncode == 5, "clamd does not start without signatures"
    assert "ConditionPathExistsGlob" in start.stdout
    with mirror(fresh):
        report = fetched(fresh)
    assert (report["status"], report["because"]) == ("applied", "")
    kinds = [(change["kind"], change["undo"]) for change in report["changes"]]
    assert ("run", "none") in kinds
    assert report["proof"]["status"] == "proved"
    assert fresh.exists(SIGNATURES)
    owner = fresh.run(["stat", "-c", "%U", SIGNATURES]).stdout.strip()
    assert owner == "clamav", "it ran as the owner of the database"
    told = fresh.console("services.signatures", "--json").json()
    assert told["answer"].startswith("PONG; ClamAV")


def test_what_freshclam_says_is_told_line_by_line(fresh: Machine) -> None:
    with mirror(fresh):
        told = json.loads(fresh.python(TOLD).checked().stdout)
    assert told["status"] == "applied"
    assert any("update process started" in line for line in told["said"])
    assert any("eicar.ndb updated" in line for line in told["said"])
    assert not any("\x1b" in line for line in told["said"])


def test_a_freshclam_that_waits_is_stopped_for_the_run_and_started_again(shared: Machine) -> None:
    with mirror(shared):
        shared.systemctl("start", "clamav-freshclam")
        report = fetched(shared)
    assert (report["status"], report["because"]) == ("applied", "")
    kinds = [change["kind"] for change in report["changes"]]
    assert kinds[:4] == ["check", "stop", "run", "start"]
    assert shared.run(["systemctl", "is-active", "-q", "clamav-freshclam"]).returncode == 0
    shared.systemctl("stop", "clamav-freshclam")


def test_a_mirror_that_is_down_is_told_in_freshclams_words(fresh: Machine) -> None:
    report = fetched(fresh)
    assert report["status"] == "rolled back"
    assert "freshclam" in report["because"]
    assert "18099" in report["because"] or "Update failed" in report["because"]


def test_it_is_stopped_amid_its_work(fresh: Machine) -> None:
    with mirror(fresh, "python3", "-uc", SILENT):
        run = fresh.popen(["sh", "-c", "echo $$; exec console run services.freshclam --yes --json"])
        assert run.stdout is not None
        pid = run.stdout.readline().strip()
        running = ["pgrep", "-f", "freshclam.*--show-progress"]
        fresh.wait_for(lambda: fresh.run(running).stdout, "the run of freshclam")
        fresh.run(["kill", "-INT", pid]).checked()
        report = json.loads(run.communicate(timeout=20)[0])
    assert report["status"] == "rolled back"
    assert "SIGINT" in report["because"] or "cancelled" in report["because"]
    assert not fresh.run(["pgrep", "-x", "freshclam"]).stdout, "nothing of it runs on"


def test_an_example_configuration_is_refused_before_anything(shared: Machine) -> None:
    shared.write(CONF, f"Example\n{FROM_THE_MIRROR}")
    try:
        told = shared.console("services.freshclam", "--yes")
    finally:
        shared.write(CONF, FROM_THE_MIRROR)
    assert told.returncode == 1
    assert "refuses its configuration" in told.stderr
    assert "example config file" in told.stderr
