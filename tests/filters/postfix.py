"""A private Postfix in front of the filters: what it answers and queues is what ours must tell."""

from __future__ import annotations

import os
import re
import shutil
import smtplib
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.milter.message import with_crlf
from actions.record import Record
from tests.milters.running import eventually, free_port
from tests.programs import needs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions.milter.envelope import Client

HOSTNAME = "mx.example.org"

MAIN = f"""\
compatibility_level = 3.6
queue_directory = {{root}}/queue
data_directory = {{root}}/data
maillog_file = {{root}}/log
maillog_file_prefixes = {{root}}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {HOSTNAME}
mydestination = example.org
mynetworks = 127.0.0.1/32
relay_domains = example.net
smtpd_relay_restrictions = reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
local_recipient_maps =
local_header_rewrite_clients =
alias_maps =
in_flow_delay = 0
"""

MASTER = """\
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n - 1 pickup -o cleanup_service_name=submitted
submitted unix n - n - 0 cleanup -o non_smtpd_milters={submitted}
"""
"""Neither a queue manager nor a delivery agent: nothing can leave."""


class Queued(Record):
    """What became of a message."""

    reply: str
    """The reply to the end of the content."""
    queue: str = ""
    """"incoming" or "hold"; empty where nothing was queued."""
    recipients: tuple[str, ...] = ()
    message: bytes = b""


class Postfix:
    """A running instance with an smtpd for each chain.

    Args:
        chains: the milters of each chain, as Postfix names them.
        submitted: the chain for what programs on this host hand in.
    """

    def __init__(self, chains: Mapping[str, Sequence[str]], submitted: str) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root starts Postfix")
        _, _, sendmail = needs("postfix", "postcat", "sendmail")
        self._root = Path(tempfile.mkdtemp(prefix="f-postfix-", dir="/tmp"))
        self._root.chmod(0o755)
        self._config = self._root / "config"
        self._sendmail = [sendmail, "-C", str(self._config)]
        self._ports = {name: free_port() for name in chains}
        self._set_up(chains, chains[submitted])

    def start(self) -> None:
        """Start it, and see that it answers."""
        self._control("start")
        for port in self._ports.values():
            try:
                smtplib.SMTP("127.0.0.1", port, timeout=60).quit()
            except (smtplib.SMTPException, OSError) as error:
                raise AssertionError((self._root / "log").read_text()) from error

    def stop(self) -> None:
        """Stop it and remove its folder."""
        try:
            self._control("stop")
        finally:
            shutil.rmtree(self._root)

    def send(
        self, chain: str, client: Client, sender: str, recipients: Sequence[str], message: bytes
    ) -> Queued:
        """Send *message* through *chain* as *client* would, and return what became of it."""
        login = f" LOGIN={client.auth_name}" if client.auth_name else ""
        with smtplib.SMTP("127.0.0.1", self._ports[chain], timeout=60) as smtp:
            smtp.ehlo("localhost")
            code, said = smtp.docmd("XCLIENT", f"NAME={client.name} ADDR={client.address}{login}")
            assert code == 220, said
            smtp.ehlo(client.name)
            assert smtp.mail(sender)[0] == 250
            for recipient in recipients:
                assert smtp.rcpt(recipient)[0] == 250
            code, said = smtp.data(with_crlf(message))
        reply = f"{code} {said.decode()}"
        queued = re.search(r"queued as (\w+)", reply)
        return self._queued(reply, queued[1]) if queued else Queued(reply)

    def submit(self, sender: str, recipients: Sequence[str], message: bytes) -> Queued:
        """Hand *message* in by Postfix's sendmail, and return what became of it."""
        known = self._queue()
        command = [*self._sendmail, "-i", "-f", sender, "--", *recipients]
        subprocess.run(command, check=True, input=message, capture_output=True)
        eventually(lambda: bool(self._queue() - known))
        (path,) = self._queue() - known
        return self._queued("", path.name)

    def _queue(self) -> set[Path]:
        """Return what is queued as a whole: cleanup makes a file executable when it is done."""
        found = {
            path for name in ("incoming", "hold") for path in self._root.glob(f"queue/{name}/*")
        }
        return {path for path in found if path.stat().st_mode & 0o100}

    def _queued(self, reply: str, queue_id: str) -> Queued:
        found = list(self._root.glob(f"queue/*/**/{queue_id}"))
        if not found:
            return Queued(reply)
        (path,) = found
        show = ["postcat", "-c", str(self._config)]
        envelope = subprocess.run([*show, "-e", path], check=True, capture_output=True).stdout
        message = subprocess.run([*show, "-h", "-b", path], check=True, capture_output=True).stdout
        recipients = re.findall(rb"^recipient: (.*)$", envelope, re.MULTILINE)
        queue = path.relative_to(self._root / "queue").parts[0]
        return Queued(reply, queue, tuple(found.decode() for found in recipients), message)

    def _set_up(self, chains: Mapping[str, Sequence[str]], submitted: Sequence[str]) -> None:
        for name in ("config", "queue", "data"):
            (self._root / name).mkdir()
        shutil.chown(self._root / "data", "postfix")
        (self._config / "main.cf").write_text(MAIN.format(root=self._root))
        services = "".join(
            f"127.0.0.1:{self._ports[name]} inet n - n - - smtpd"
            f" -o smtpd_milters={','.join(milters)}\n"
            for name, milters in chains.items()
        )
        master = MASTER.format(submitted=",".join(submitted))
        (self._config / "master.cf").write_text(master + services)

    def _control(self, what: str) -> None:
        command = ["postfix", "-c", str(self._config), what]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
