"""Clients that come to a host's milters all the time, as they do where there is mail.

A milter that is asked to end looks for that when a client has come, and otherwise only every five
seconds (libmilter, `MI_CHK_TIME`): on a host without mail a test would wait for that.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.system.rig.machine import Machine

SOCKETS = (
    "/var/spool/postfix/milter-greylist/milter-greylist.sock",
    "/var/spool/postfix/opendkim/opendkim.sock",
    "/var/spool/postfix/clamav/clamav-milter.ctl",
)

SCRIPT = """
import socket, sys, time
print("come", flush=True)
while True:
    for path in sys.argv[1:]:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.1)
            try:
                client.connect(path)
            except OSError:
                pass  # the milter is down just now
    time.sleep(0.1)
"""


@contextmanager
def visited(machine: Machine, sockets: Sequence[str] = SOCKETS) -> Iterator[None]:
    """Have clients come to the milters of a healthy host as long as this lasts.

    Those of Debian's layout, where no others are named.
    """
    process = machine.popen(["python3", "-c", SCRIPT, *sockets])
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "come\n"
        yield
    finally:
        process.kill()
        process.communicate()
