"""A private Postfix on ports of the loopback; nothing can leave it, and the host's is untouched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from actions.host.commands import SystemCommands
from actions.host.system import SystemHost, SystemPostfix
from tests.milters.running import eventually, free_port
from tests.postfix.sasl import AuthServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actions.host.ports import Completed

HOSTNAME = "mx.test.example"
CERTIFIED = "localhost"
"""The name in the certificate."""

CERTIFY = f"""\
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -batch -keyout key -out certificate \
    -subj '/CN={CERTIFIED}/O=Test house' -addext subjectAltName=DNS:{CERTIFIED}
"""
USER, PASSWORD = "alice@example.org", "pässword with spaces"
NOBODY = 65534

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {hostname}
mydestination =
mynetworks = 127.0.0.1/32
alias_maps =
local_recipient_maps =
smtpd_error_sleep_time = 0
smtpd_client_event_limit_exceptions =
smtpd_client_connection_rate_limit = 0
smtpd_recipient_restrictions =
    check_recipient_access inline:{{
        {{ refused@example.org = REJECT no mail for this one }},
        {{ later@example.org = 450 4.2.0 come back tomorrow }},
        {{ hold@example.org = HOLD }},
        {{ drop@example.org = DISCARD }} }},
    permit_mynetworks, reject
header_checks = regexp:{root}/header_checks
milter_default_action = tempfail
milter_connect_timeout = 5s
milter_command_timeout = 5s
milter_content_timeout = 5s
default_transport = error:5.4.0 nothing leaves this host
virtual_mailbox_domains = example.org
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = inline:{{
    {{ alice@example.org = alice/ }}, {{ bob@example.org = bob/ }}, {{ refused@example.org = r/ }},
    {{ later@example.org = l/ }}, {{ hold@example.org = h/ }}, {{ drop@example.org = d/ }} }}
virtual_alias_maps = inline:{{
    {{ both@example.org = alice@example.org bob@example.org }},
    {{ half@example.org = alice@example.org x@bounced.example }} }}
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
virtual_minimum_uid = 1
relay_domains = closed.example, waiting.example, bounced.example, discarded.example, hop.example
transport_maps = inline:{{
    {{ closed.example = smtp:[127.0.0.1]:{closed} }},
    {{ waiting.example = nowhere: }},
    {{ bounced.example = error:5.1.1 no such address here }},
    {{ discarded.example = discard:by the test }} }}
smtpd_tls_cert_file = {root}/tls/certificate
smtpd_tls_key_file = {root}/tls/key
smtpd_sasl_type = dovecot
smtpd_sasl_path = {root}/auth
in_flow_delay = 0
minimal_backoff_time = 300s
"""

MASTER = """\
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
showq unix n - n - - showq
pickup unix n - n 60 1 pickup
postlog unix-dgram n - n - 1 postlogd
qmgr unix n - n 300 1 qmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
"""

PORTS = {
    "plain": "",
    "milter": "-o smtpd_milters=inet:127.0.0.1:{milter}",
    "submission": "-o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes"
    " -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject",
    "wrapped": "-o smtpd_tls_wrappermode=yes",
    "filtered": "-o content_filter=smtp:[127.0.0.1]:{hop}",
    "hop": "-o content_filter=",
    "narrow": "-o smtpd_discard_ehlo_keywords=8bitmime,smtputf8,size",
}
"""Every smtpd, and what it is set to besides main.cf."""


OWN = ("postconf", "postqueue", "postsuper", "postcat")
"""Postfix's commands that look at the private instance."""


class PrivateCommands(SystemCommands):
    """The machine's programs; Postfix's own look at the private instance."""

    def __init__(self, config: Path) -> None:
        self._config = str(config)

    def run(
        self, argv: Sequence[str], *, user: str | None = None, timeout: float = 30.0
    ) -> Completed:
        return super().run(self._own(argv), user=user, timeout=timeout)

    def stream(
        self,
        argv: Sequence[str],
        take: Callable[[str], None],
        *,
        user: str | None = None,
        timeout: float = 30.0,
        is_cancelled: Callable[[], bool] | None = None,
    ) -> Completed:
        return super().stream(
            self._own(argv), take, user=user, timeout=timeout, is_cancelled=is_cancelled
        )

    def _own(self, argv: Sequence[str]) -> Sequence[str]:
        is_own = os.path.basename(argv[0]) in OWN
        return [argv[0], "-c", self._config, *argv[1:]] if is_own else argv


class Postfix:
    """The instance.

    Attributes:
        ports: of each smtpd, by the name in `PORTS`.
        milter: the port on which the smtpd "milter" expects its milter.
    """

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="postfix-"))
        self.root.chmod(0o755)
        self.log = self.root / "log"
        self.config = self.root / "config"
        self.ports = {name: free_port() for name in PORTS}
        self.milter, self.closed = free_port(), free_port()
        self._auth = AuthServer(self.root / "auth", USER, PASSWORD)

    def host(self) -> SystemHost:
        """Return a host whose Postfix this is."""
        host = SystemHost()
        host.commands = PrivateCommands(self.config)
        host.postfix = SystemPostfix(host.commands)
        return host

    @property
    def certificate(self) -> Path:
        """The certificate, which is its own authority."""
        return self.root / "tls" / "certificate"

    def start(self) -> None:
        for name in ("config", "queue", "data", "mail", "tls"):
            (self.root / name).mkdir()
        shutil.chown(self.root / "data", "postfix")
        os.chown(self.root / "mail", NOBODY, NOBODY)
        self._certify()
        (self.root / "header_checks").write_text(
            "/^Subject: forbidden/ REJECT this subject is not wanted\n"
        )
        values = {"root": self.root, "hostname": HOSTNAME, "closed": self.closed, "nobody": NOBODY}
        (self.config / "main.cf").write_text(MAIN.format(**values))
        known = {"milter": self.milter, "hop": self.ports["hop"]}
        smtpds = [
            f"127.0.0.1:{port} inet n - n - - smtpd {PORTS[name].format(**known)}\n"
            for name, port in self.ports.items()
        ]
        (self.config / "master.cf").write_text("".join([*smtpds, MASTER]))
        self._auth.start()
        self._control("start")
        eventually(lambda: self.log.exists() and "daemon started" in self.log.read_text())

    def stop(self) -> None:
        try:
            self._control("stop")
        finally:
            self._auth.stop()
            shutil.rmtree(self.root)

    def mailbox(self, name: str) -> list[bytes]:
        """Return the mails in the maildir of *name*."""
        return [path.read_bytes() for path in (self.root / "mail" / name / "new").glob("*")]

    def queued(self, folder: str) -> set[str]:
        """Return the queue ids in *folder*: hold, deferred …"""
        return {path.name for path in self.root.glob(f"queue/{folder}/**/*") if path.is_file()}

    def _certify(self) -> None:
        files = self.root / "tls"
        subprocess.run(["sh", "-ec", CERTIFY], cwd=files, check=True, capture_output=True)
        (files / "key").chmod(0o600)

    def _control(self, what: str) -> None:
        done = subprocess.run(
            ["postfix", "-c", str(self.config), what],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        log = self.log.read_text() if self.log.exists() else ""
        assert done.returncode == 0, f"postfix {what}: {done.stdout}{done.stderr}{log}"
