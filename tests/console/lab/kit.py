"""What the lab's tests do again and again: send mail, read the log, change a setting."""

from __future__ import annotations

import os
import smtplib
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from console.lab.lab import Lab

PROGRAM = Path(__file__).parents[3]
SEARCHED = os.pathsep.join(filter(None, [str(PROGRAM), os.environ.get("PYTHONPATH", "")]))
"""PYTHONPATH of the programs that tests start."""

UNITS = (
    "postfix",
    "milter-greylist",
    "clamav-milter",
    "spamass-milter",
    "opendkim",
    "milter-manager",
)
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


CONSOLE = """\
import json, os, sys, time
from console.lab.lab import running_lab
with running_lab(sys.argv[1:]) as lab:
    pids = [lab.host.units.state(unit).main_pid for unit in "UNITS".split()]
    print(json.dumps({"root": lab.root, "pids": pids}), flush=True)
    time.sleep(60)
""".replace("UNITS", " ".join(UNITS))
"""A program that starts a lab, says which processes it has, and waits to be ended."""


class Answer(NamedTuple):
    """How the lab took a message."""

    code: int
    text: str


class Client(NamedTuple):
    """For whom a message is sent."""

    name: str
    address: str


OUTSIDE = Client("mail.example.net", "203.0.113.7")
DIAL_UP = Client("dsl-203-0-113-9.example.net", "203.0.113.9")
INSIDE = Client("pc.example.org", "192.0.2.5")


def send(
    lab: Lab,
    body: str = "hello",
    client: Client = OUTSIDE,
    recipient: str = "alice@example.org",
    headers: str = "Message-ID: <one@example.net>\r\n",
) -> Answer:
    """Send one message by SMTP; return the reply that decided once the session is logged."""
    since = log_size(lab)
    message = f"From: <a@example.net>\r\nTo: <{recipient}>\r\nSubject: hi\r\n{headers}\r\n{body}"
    with smtplib.SMTP("127.0.0.1", lab.smtp_port, timeout=30) as smtp:
        smtp.ehlo("tests")
        smtp.docmd("XCLIENT", f"NAME={client.name} ADDR={client.address}")
        smtp.ehlo(client.name)
        code, text = smtp.mail("a@example.net")
        if code == 250:
            code, text = smtp.rcpt(recipient)
        if code == 250:
            code, text = smtp.data(message)
    log(lab, f"disconnect from {client.name}", since)
    return Answer(code, text.decode())


def log(lab: Lab, wanted: str, since: int = 0) -> str:
    """Wait until the mail log has *wanted*; return the log from byte *since* on."""
    path = Path(lab.root, "var/log/mail.log")
    until = time.monotonic() + 5
    while wanted not in (text := path.read_text()[since:]):
        assert time.monotonic() < until, f"no {wanted!r} in:\n{text}"
        time.sleep(0.01)
    return text


def log_size(lab: Lab) -> int:
    """Return how long the mail log is."""
    return len(Path(lab.root, "var/log/mail.log").read_text())


@contextmanager
def edited(lab: Lab, path: str, old: str, new: str, unit: str) -> Iterator[None]:
    """Change a setting and restart the unit; afterwards change it back."""
    file = Path(lab.root + path)
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new))
    try:
        lab.host.units.operate("restart", unit)
        yield
    finally:
        file.write_text(before)
        lab.host.units.operate("restart", unit)


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def parent(pid: int) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class Console(NamedTuple):
    """Another process that has started a lab."""

    process: subprocess.Popen[str]
    root: Path
    supervisor: int
    services: tuple[int, ...]

    def wait_until_nothing_runs(self) -> None:
        """Fail where a process of the lab is still there after a moment."""
        until = time.monotonic() + 3
        while running := [pid for pid in (self.supervisor, *self.services) if alive(pid)]:
            assert time.monotonic() < until, f"still running: {running}"
            time.sleep(0.01)
