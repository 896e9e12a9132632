"""The table of what Postfix refuses, held against what a running Postfix logs of each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.actions.mailhost.test_specs import REFUSED
from tests.milters.running import free_port
from tests.programs import give_up, needs

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.org
mynetworks = 127.0.0.1/32
smtpd_peername_lookup = no
service_throttle_time = 1s
"""

MASTER = """\
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

PATIENCE = 40.0


def mail_to(port: int) -> None:
    """Bring an smtpd to its milters; one that ends at once answers nothing."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5.0) as client:
        client.settimeout(1.0)
        for command in (b"HELO there.example\r\n", b"MAIL FROM:<a@there.example>\r\n", b"QUIT\r\n"):
            client.recv(1000)
            client.sendall(command)
        client.recv(1000)


def missing(log: Path) -> list[str]:
    said = log.read_text(errors="replace") if log.exists() else ""
    return [item for item, reason in REFUSED.items() if reason not in said]


def controlled(config: Path, what: str) -> int:
    command = [needs("postfix")[0], "-c", str(config), what]
    quiet = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    return quiet.returncode


def test_a_running_postfix_says_so_of_each() -> None:
    needs("postfix")
    if os.geteuid() != 0:
        give_up("only root can start a Postfix")
    root = Path(tempfile.mkdtemp(prefix="refusals-"))
    try:
        root.chmod(0o755)
        for name in ("config", "queue", "data"):
            (root / name).mkdir()
        shutil.chown(root / "data", "postfix")
        main, master = MAIN.format(root=root), MASTER
        ports: dict[str, int] = {}
        for number, item in enumerate(REFUSED):
            ports[item] = free_port()
            main += f"refused{number} = {item}\n"
            master += (
                f"127.0.0.1:{ports[item]} inet n - n - - smtpd -o smtpd_milters=$refused{number}\n"
            )
        (root / "config/main.cf").write_text(main)
        (root / "config/master.cf").write_text(master)
        assert controlled(root / "config", "start") == 0
        deadline = time.monotonic() + PATIENCE
        with ThreadPoolExecutor(len(ports)) as clients:
            # An smtpd that was slow to start is asked again.
            while (left := missing(root / "log")) and time.monotonic() < deadline:
                list(clients.map(mail_to, [ports[item] for item in left]))
                time.sleep(0.1)
        assert missing(root / "log") == []
    finally:
        controlled(root / "config", "stop")
        shutil.rmtree(root)
