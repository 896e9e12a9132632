"""Make the recordings: Postfix drives the scripted milters through every case.

Usage, from the repository's root and as root, on a host with Postfix installed (its own
instance is neither needed nor touched)::

    python -m tests.golden.record [GROUP…]

A private Postfix is started in a temporary folder: smtpd on ports of the loopback, cleanup and
trivial-rewrite, no queue manager and no delivery agent, so that nothing can leave. Every case of
`tests.golden.groups` is played to it by SMTP, and what the milters heard, what the client was
answered and what was queued is written to ``tests/golden/recordings/GROUP.json``. Queue ids, the
client's port and Postfix's own Received header are replaced by constants.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.golden.cases import HOSTNAME
from tests.golden.groups import GROUPS
from tests.golden.scripted import Heard, queue_ids, readable, scripted
from tests.milters.peer import Peer
from tests.milters.running import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.golden.cases import Case

RECORDINGS = Path(__file__).with_name("recordings")

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
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
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A private instance, with an smtpd for every way to be set up that the cases want."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="golden-"))
        self.root.chmod(0o755)
        self.config = self.root / "config"
        cases = [case for group in GROUPS.values() for case in group.values()]
        self.ports = {_setup(case): free_port() for case in cases}
        self.milters = {name: free_port() for name in "AB"}

    def start(self) -> None:
        for name in ("config", "queue", "data"):
            (self.root / name).mkdir()
        shutil.chown(self.root / "data", "postfix")
        main = MAIN.format(root=self.root, hostname=HOSTNAME)
        (self.config / "main.cf").write_text(main)
        services = [MASTER]
        for (names, version, lookup, action), port in self.ports.items():
            specs = ",".join(f"inet:127.0.0.1:{self.milters[name]}" for name in names)
            services.append(
                f"127.0.0.1:{port} inet n - n - - smtpd -o smtpd_milters={specs}"
                f" -o milter_protocol={version} -o milter_default_action={action}"
                f" -o smtpd_peername_lookup={lookup}\n"
            )
        (self.config / "master.cf").write_text("".join(services))
        self._control("start")

    def stop(self) -> None:
        try:
            self._control("stop")
        finally:
            shutil.rmtree(self.root)

    def version(self) -> str:
        command = ["postconf", "-c", str(self.config), "-h", "mail_version"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

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
            r"^Received: from [^\n]*\n\tby " + HOSTNAME + r" .*\n(?:\t.*\n)*",
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

    def _control(self, what: str) -> None:
        command = ["postfix", "-c", str(self.config), what]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def _setup(case: Case) -> tuple[str, int, str, str]:
    return (
        "AB"[: len(case.milters)],
        case.version,
        "yes" if case.client else "no",
        case.default_action,
    )


class Smtp:
    """The client's side of one session."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 8)
        self._file = self._socket.makefile("rb")

    def reply(self) -> str:
        lines = []
        while True:
            line = self._file.readline().decode().rstrip("\r\n")
            if not line:
                return "closed"
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def ask(self, line: str) -> str:
        return self.ask_raw(line.encode() + b"\r\n")

    def ask_raw(self, data: bytes) -> str:
        try:
            self._socket.sendall(data)
            return self.reply()
        except ConnectionError:
            return "closed"

    def play(self, case: Case) -> list[str]:
        """Play the whole session and return the reply to each step, the greeting's first."""
        replies = [self.reply()]
        sender = recipients = False
        for verb, argument, *more in case.steps:
            text = str(argument)
            match verb:
                case "helo":
                    reply = self.ask(f"EHLO {text}").split("\n")[-1].partition(" ")[0]
                case "mail":
                    reply = self.ask(" ".join((f"MAIL FROM:<{text}>", *more)))
                    sender, recipients = reply.startswith("2"), False
                case "rcpt":
                    reply = self.ask(" ".join((f"RCPT TO:<{text}>", *more))) if sender else "-"
                    recipients = recipients or reply.startswith("2")
                case "data":
                    reply = self._content(argument) if recipients else "-"
                    sender = recipients = False
                case _:
                    reply = self.ask("RSET" if verb == "rset" else text)
                    if verb == "rset":
                        sender = recipients = False
            replies.append(reply)
        self.ask("QUIT")
        self._socket.close()
        return replies

    def _content(self, message: Any) -> str:
        reply = self.ask("DATA")
        if not reply.startswith("354"):
            return reply
        lines = bytes(message).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        stuffed = re.sub(rb"(?m)^\.", b"..", lines)
        return self.ask_raw(stuffed + b".\r\n")


def record(postfix: Postfix, case: Case) -> dict[str, Any]:
    """Play *case* and return what is kept of it."""
    heard = Heard({}, [])
    peers = []
    for name, script in zip("AB", case.milters, strict=False):
        listener = socket.create_server(("127.0.0.1", postfix.milters[name]))
        peers.append(Peer(listener, "", scripted(name, script, heard)))
    try:
        replies = Smtp(postfix.ports[_setup(case)]).play(case)
        for peer in peers:
            peer.finish()
    finally:
        for peer in peers:
            peer.end()
    for peer in peers:
        assert not peer.trouble, peer.trouble
    ids = re.findall(r"queued as (\w+)", " ".join(replies))
    known = queue_ids(heard)
    sessions = {
        name: [[readable(packet, known) for packet in packets] for packets in found]
        for name, found in heard.sessions.items()
    }
    queued = [postfix.queued(one) for one in ids if list(postfix.root.glob(f"queue/*/**/{one}"))]
    replies = [re.sub(r"queued as \w+", "queued as QUEUEID", reply) for reply in replies]
    return {"replies": replies, "order": heard.order, "sessions": sessions, "queued": queued}


def main(wanted: list[str], say: Callable[[str], object]) -> None:
    """Record the groups *wanted*, or all."""
    postfix = Postfix()
    postfix.start()
    try:
        version = postfix.version()
        for group in wanted or GROUPS:
            cases = {}
            for name, case in GROUPS[group].items():
                started = time.monotonic()
                cases[name] = record(postfix, case)
                if (seconds := time.monotonic() - started) > 2:
                    say(f"{group}: {name}: {seconds:.1f} s\n")
            found = {"postfix": version, "cases": cases}
            path = RECORDINGS / f"{group}.json"
            path.write_text(json.dumps(found, indent=1, ensure_ascii=True) + "\n")
            say(f"{path.name}: {len(cases)} cases\n")
    finally:
        postfix.stop()


if __name__ == "__main__":
    main(sys.argv[1:], sys.stderr.write)
