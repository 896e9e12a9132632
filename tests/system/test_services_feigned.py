"""What a service's own user puts in the way of the looks at it, on a real host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from actions.services.looks.logged import TOO_LONG

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

SPEAK = """
import glob, os, socket, sys
for path in glob.glob("/sys/fs/cgroup/**/system.slice/spamd.service/cgroup.procs", recursive=True):
    with open(path, "w") as file:
        file.write(str(os.getpid()))
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
    journal.connect("/run/systemd/journal/socket")
    for field in ("UNIT=postfix.service\\nMESSAGE=fatal: feigned", "MESSAGE=" + "long " * 2000):
        journal.send(f"PRIORITY=3\\n{field}\\n".encode())
print("spoken", flush=True)
sys.stdin.read()
"""
"""A process of spamd's that says what it likes; it lives until the journal knows whose it is."""


def statuses(machine: Machine) -> dict[str, Any]:
    report = machine.console("services.status", "--json").json()
    return {one["service"]["name"]: one for one in report["services"]}


def test_a_pipe_among_the_signatures_keeps_no_look_waiting(borrowed: Machine) -> None:
    borrowed.run(["mkfifo", "/var/lib/clamav/x.cvd"], user="clamav").checked()
    try:
        for action in ("services.signatures", "services.status"):
            told = borrowed.run(["console", "run", action], timeout=30)
            assert told.returncode == 0, told
    finally:
        borrowed.run(["rm", "/var/lib/clamav/x.cvd"]).checked()


def test_a_service_logs_in_its_own_name_alone(machine: Machine) -> None:
    speaker = machine.popen(["python3", "-c", SPEAK])
    try:
        assert speaker.stdout is not None
        assert (line := speaker.stdout.readline()) == "spoken\n", line + speaker.stdout.read()
        machine.wait_for(
            lambda: TOO_LONG in {one["last_error"] for one in statuses(machine).values()},
            "the line in the journal",
        )
        said = {name: one["last_error"] for name, one in statuses(machine).items()}
    finally:
        speaker.kill()
        speaker.communicate()
    assert said["spamd"] == TOO_LONG
    assert "feigned" not in said["postfix"]


def test_anybodys_process_is_not_taken_for_postfix(machine: Machine) -> None:
    machine.systemctl("stop", "postfix")
    feigned = machine.popen(["bash", "-c", "exec -a master sleep 600"], user="operator1")
    try:
        machine.wait_for(lambda: machine.run(["pgrep", "-u", "operator1"]).stdout, "the process")
        # What a container without a service manager looks like to who asks whether it is there.
        machine.sh(
            "unshare --mount sh -euc 'mount -t tmpfs none /run/systemd; "
            "console run services.status --json >/root/told || true'"
        )
    finally:
        feigned.kill()
        feigned.communicate()
    report = json.loads(machine.read("/root/told"))
    (postfix,) = (one for one in report["services"] if one["service"]["name"] == "postfix")
    look = postfix["looks"][0]
    assert look["detail"].startswith("no process master runs"), look


def test_a_milter_that_postfix_may_not_open_is_not_taken(machine: Machine) -> None:
    socket = "/var/spool/postfix/opendkim/opendkim.sock"
    machine.sh("postconf -X smtpd_milters non_smtpd_milters; postfix reload")
    machine.run(["chmod", "600", socket]).checked()
    told = machine.console("services.take", "opendkim", "--yes")
    assert told.returncode == 1
    assert f"Postfix's user postfix may not open unix:{socket}" in told.stderr
    assert machine.console("journal.list", "--json").json()["entries"] == []
