"""OpenDKIM with a key of the tests: one that signs, one that verifies; no DNS is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from actions.record import Record
from tests.programs import needs

if TYPE_CHECKING:
    from tests.filters.daemons import Daemon, Daemons

SELECTOR = "chaintest"

COMMON = """\
Background no
Syslog no
RequireSafeKeys no
UMask 000
Socket local:{socket}
BaseDirectory {folder}
TemporaryDirectory {folder}
Canonicalization relaxed/relaxed
"""

SIGNER = """\
Mode s
Domain example.org
Selector {selector}
KeyFile {key}
InternalHosts {internal}
"""

VERIFIER = """\
Mode v
InternalHosts 127.0.0.1
TestPublicKeys {keys}
AuthservID verifier.test
AlwaysAddARHeader yes
"""


class OpenDkim(Record):
    """The two sides of a key."""

    signer: Daemon
    verifier: Daemon


def start_opendkim(daemons: Daemons) -> OpenDkim:
    """Start both, with a fresh key of example.org; inside is 192.168.0.0/16."""
    program, openssl = needs("opendkim", "openssl")
    signer = start_signer(daemons, "opendkim", internal="192.168.0.0/16")
    folder = daemons.folder("verifier")
    keys = daemons.write(folder / "keys", _record(openssl, _key(signer)))
    verifier = _start(daemons, program, folder, VERIFIER.format(keys=keys))
    return OpenDkim(signer, verifier)


def start_signer(
    daemons: Daemons, name: str, *further: str, internal: str = "192.0.2.255"
) -> Daemon:
    """Start a signer called *name*, with a fresh key and with *further* settings.

    Args:
        daemons: who starts it.
        name: the last part of its path, by which reports call it.
        further: lines of its configuration.
        internal: the clients whose mail it signs wherever it comes in.
    """
    program, openssl = needs("opendkim", "openssl")
    folder = daemons.folder(name)
    key = daemons.write(folder / "key", _output(openssl, "genrsa", "2048"))
    own = SIGNER.format(selector=SELECTOR, key=key, internal=internal)
    return _start(daemons, program, folder, own + "\n".join(further))


def _start(daemons: Daemons, program: str, folder: Path, settings: str) -> Daemon:
    socket = folder / folder.name
    common = COMMON.format(socket=socket, folder=folder)
    conf = daemons.write(folder / "conf", f"{common}{settings}\n")
    daemon = daemons.start(folder, [program, "-f", "-x", str(conf)], socket)
    daemon.wait()
    return daemon


def _key(signer: Daemon) -> Path:
    return Path(signer.path).with_name("key")


def _record(openssl: str, key: Path) -> str:
    """Return the public half of *key*, as the DNS would have it."""
    public = _output(openssl, "rsa", "-in", str(key), "-pubout")
    base64 = "".join(line for line in public.splitlines() if not line.startswith("-----"))
    return f"{SELECTOR}._domainkey.example.org v=DKIM1; k=rsa; p={base64}\n"


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
