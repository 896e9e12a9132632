"""A private Postfix on the loopback, with an smtpd for every way to be set up that the cases want.

No queue manager and no delivery agent runs, so that nothing can leave.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.golden.cases import HOSTNAME
from tests.golden.identity import Identities
from tests.golden.logins import Logins
from tests.milters.running import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.golden.cases import Case

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = {protocols}
myhostname = {hostname}
mydestination = example.org, $myhostname
mynetworks = 127.0.0.1/32
local_recipient_maps = inline:{{ b=x, c=x, d=x }}
local_header_rewrite_clients =
smtpd_error_sleep_time = 0
smtpd_client_event_limit_exceptions =
smtpd_client_connection_rate_limit = 0
smtpd_hard_error_limit = 1000
milter_connect_timeout = 5s
milter_command_timeout = 5s
milter_content_timeout = 5s
alias_maps =
in_flow_delay = 0
"""

MASTER = """\
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
bounce unix - - n - 0 bounce
pickup unix n - n - 1 pickup -o cleanup_service_name=submitted
submitted unix n - n - 0 cleanup -o max_use=1
postlog unix-dgram n - n - 1 postlogd
"""

Settings = tuple[tuple[str, str], ...]


class Postfix:
    """The instance.

    Args:
        cases: what it will be asked to play.
    """

    def __init__(self, cases: Iterable[Case]) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="golden-"))
        self.root.chmod(0o755)
        self.config = self.root / "config"
        self.milters = {name: free_port() for name in "AB"}
        self.identities = Identities(self.root / "identities")
        self._logins = Logins()
        made = {self.settings(case) for case in cases if not case.submitted}
        self.ports = {settings: free_port() for settings in made}

    def start(self) -> None:
        """Start it; raises where Postfix refuses."""
        for name in ("config", "queue", "data"):
            (self.root / name).mkdir()
        shutil.chown(self.root / "data", "postfix")
        self.identities.make()
        self._write_main(())
        services = [MASTER]
        for settings, port in self.ports.items():
            options = " ".join(f"-o {{ {name} = {value} }}" for name, value in settings)
            services.append(f"127.0.0.1:{port} inet n - n - - smtpd {options}\n")
        (self.config / "master.cf").write_text("".join(services))
        self._control("start")

    def stop(self) -> None:
        """Stop it and leave nothing behind."""
        try:
            self._control("stop")
        finally:
            self._logins.end()
            shutil.rmtree(self.root)

    def settings(self, case: Case) -> Settings:
        """Return what *case* wants set for the service that takes its mail."""
        specs = {name: f"inet:127.0.0.1:{self.milters[name]}" for name in case.names}
        tls = self.identities.settings if case.wants_tls else ()
        login = self._logins.settings if case.wants_login else ()
        return (*case.settings_with(specs), *tls, *login)

    def port(self, case: Case) -> int:
        """Return where the smtpd for *case* listens."""
        return self.ports[self.settings(case)]

    def version(self) -> str:
        """Return the version of the Postfix that is installed."""
        command = ["postconf", "-c", str(self.config), "-h", "mail_version"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def submit(self, case: Case, sender: str, recipients: list[str], message: bytes) -> str:
        """Hand *message* to Postfix's sendmail, and return what became of it.

        Returns:
            "queued", "bounced", "kept" (to be tried again later) or "gone".
        """
        self._write_main(self.settings(case))
        known, read = self._queue(), len(self._log())
        command = ["sendmail", "-C", str(self.config), "-i", "-F", "", "-f", sender]
        command += ["--", *recipients]
        subprocess.run(command, check=True, input=message, capture_output=True)
        eventually(lambda: not self._maildrop() or bool(_PUT_OFF.search(self._log()[read:])))
        if kept := self._maildrop():
            for path in kept:
                path.unlink()
            return "kept"
        new = self._queue() - known
        if not new:
            return "gone"
        senders = {self.queued(path.name)["sender"] for path in new}
        return "bounced" if sender and senders == {""} else "queued"

    def newest(self) -> str:
        """Return the id of the message that was queued last."""
        return max(self._queue(), key=lambda path: path.stat().st_ctime_ns).name

    def queued(self, queue_id: str) -> dict[str, Any]:
        """Return sender, recipients and content of a message in the queue."""
        (path,) = self.root.glob(f"queue/*/**/{queue_id}")
        show = ["postcat", "-c", str(self.config)]
        envelope = subprocess.run([*show, "-e", path], check=True, capture_output=True).stdout
        content = subprocess.run([*show, "-h", "-b", path], check=True, capture_output=True).stdout
        records = re.findall(r"^(sender|recipient): ?(.*)$", envelope.decode(), re.MULTILINE)
        if content.endswith(b"\n\n") and b"\n\n" not in content[:-2]:
            content = content[:-1]  # whether there is an empty body makes no difference
        text = re.sub(
            r"^Received: (?:from [^\n]*\n\t)?by " + HOSTNAME + r" .*\n(?:\t.*\n)*",
            "Received: RECEIVED\n",
            content.decode("latin-1"),
            count=1,
            flags=re.MULTILINE,
        )
        return {
            "hold": path.parts[len(self.root.parts) + 1] == "hold",
            "sender": next(value for kind, value in records if kind == "sender"),
            "recipients": [value for kind, value in records if kind == "recipient"],
            "content": text if len(text) < 2000 else len(text),
        }

    def is_queued(self, queue_id: str) -> bool:
        """Return whether there is a message of that id in the queue."""
        return any(self.root.glob(f"queue/*/**/{queue_id}"))

    def _queue(self) -> set[Path]:
        folders = ("incoming", "hold", "active", "deferred")
        found = (path for folder in folders for path in self.root.glob(f"queue/{folder}/**/*"))
        return {path for path in found if path.is_file()}

    def _maildrop(self) -> list[Path]:
        return list(self.root.glob("queue/maildrop/*"))

    def _log(self) -> str:
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def _write_main(self, settings: Settings) -> None:
        """Write main.cf whole at once: daemons start at any moment."""
        protocols = "all" if socket.has_ipv6 else "ipv4"
        main = MAIN.format(root=self.root, hostname=HOSTNAME, protocols=protocols)
        main += "".join(f"{name} = {value}\n" for name, value in settings)
        new = self.config / "main.cf.new"
        new.write_text(main)
        os.utime(new, (1, 1))  # Postfix waits until a file that was just written has come to rest
        new.rename(self.config / "main.cf")

    def _control(self, what: str) -> None:
        command = ["postfix", "-c", str(self.config), what]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


_PUT_OFF = re.compile(r"milter-reject: \S+ from \S+ 4\.|message not accepted")
