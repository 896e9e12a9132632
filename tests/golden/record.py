"""Make the recordings: Postfix drives the scripted milters through every case.

Usage, from the repository's root and as root, on a host with Postfix installed (its own
instance is neither needed nor touched)::

    python -m tests.golden.record [GROUP…]
    python -m tests.golden.record --check [GROUP…]

Every case of `tests.golden.groups` is played to a private Postfix by SMTP or through its
sendmail, and what the milters heard, what the client was answered and what was queued is written
to ``tests/golden/recordings/GROUP.json``. Queue ids, the client's port and Postfix's own Received
header are replaced by constants. With ``--check`` nothing is written: what would be is compared
with what is there, which shows in what another version of Postfix differs.
"""

from __future__ import annotations

import difflib
import json
import re
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.golden.cases import HOSTNAME
from tests.golden.groups import GROUPS
from tests.golden.postfix import Postfix
from tests.golden.scripted import Heard, queue_ids, readable, scripted
from tests.golden.smtp import Smtp
from tests.milters.peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.golden.cases import Case

NO_PORT = -1
"""That of mail that did not come over the network."""

RECORDINGS = Path(__file__).with_name("recordings")


def record(postfix: Postfix, case: Case) -> dict[str, Any]:
    """Play *case* and return what is kept of it."""
    heard = Heard({}, [])
    with _milters(postfix, case, heard) as peers:
        if case.submitted:
            replies, ids, port = *_submitted(postfix, case), NO_PORT
        else:
            smtp = Smtp(postfix.port(case), postfix.identities)
            replies, port = smtp.play(case), smtp.port
            ids = re.findall(r"queued as (\w+)", " ".join(replies))
        for peer in peers:
            peer.finish()
    for peer in peers:
        assert not peer.trouble, peer.trouble
    if case.xclient:
        _drop_prelude(heard)
    known = queue_ids(heard)
    sessions = {
        name: [[_steady(readable(packet, known, port)) for packet in packets] for packets in found]
        for name, found in heard.sessions.items()
    }
    queued = [postfix.queued(one) for one in ids if postfix.is_queued(one)]
    for one in queued:
        one["content"] = _steady(one["content"])
    replies = [re.sub(r"queued as \w+", "queued as QUEUEID", reply) for reply in replies]
    return {"replies": replies, "order": heard.order, "sessions": sessions, "queued": queued}


def _steady(text: Any) -> Any:
    """Return *text* with what Postfix made up by the clock replaced by constants."""
    if isinstance(text, int):
        return text
    text = re.sub(r"<\d{14}\.[0-9A-F]+@" + HOSTNAME + ">", "<MESSAGE-ID>", text)
    return re.sub(r"\w{3}, [\d ]{1,2} \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", "DATE", text)


@contextmanager
def _milters(postfix: Postfix, case: Case, heard: Heard) -> Iterator[list[Peer]]:
    peers = []
    for name, script in zip(case.names, case.milters, strict=True):
        behave = scripted(name, script, heard)
        if not script.absent:
            listener = socket.create_server(("127.0.0.1", postfix.milters[name]))
            peers.append(Peer(listener, "", behave))
    try:
        yield peers
    finally:
        for peer in peers:
            peer.end()


def _submitted(postfix: Postfix, case: Case) -> tuple[list[str], list[str]]:
    """Hand the one message of *case* to sendmail; return what became of it, and its queue id."""
    said = {verb: argument for verb, argument, *_ in case.steps}
    recipients = [str(argument) for verb, argument, *_ in case.steps if verb == "rcpt"]
    message = said["data"]
    assert isinstance(message, bytes)
    became = postfix.submit(case, str(said["mail"]), recipients, message)
    return [became], [postfix.newest()] if became == "queued" else []


def _drop_prelude(heard: Heard) -> None:
    """Forget the connection of the client that XCLIENT replaced: its CONNECT and its HELO."""
    for sessions in heard.sessions.values():
        del sessions[0]
    del heard.order[: 2 * len(heard.sessions)]


def main(arguments: list[str], say: Callable[[str], object]) -> int:
    """Record, or check, the groups that *arguments* name, or all."""
    check = "--check" in arguments
    wanted = [argument for argument in arguments if argument != "--check"] or list(GROUPS)
    with running([case for group in wanted for case in GROUPS[group].values()]) as postfix:
        version = postfix.version()
        differing = [group for group in wanted if _group(postfix, version, group, say, check=check)]
    return int(bool(differing))


@contextmanager
def running(cases: list[Case]) -> Iterator[Postfix]:
    """A private Postfix for *cases*, stopped afterwards."""
    postfix = Postfix(cases)
    try:
        postfix.start()
        yield postfix
    finally:
        postfix.stop()


def _group(
    postfix: Postfix, version: str, group: str, say: Callable[[str], object], *, check: bool
) -> bool:
    """Record one group, or return whether it differs from what was recorded."""
    cases = {}
    for name, case in GROUPS[group].items():
        started = time.monotonic()
        cases[name] = record(postfix, case)
        if (seconds := time.monotonic() - started) > 2:
            say(f"{group}: {name}: {seconds:.1f} s\n")
    path = RECORDINGS / f"{group}.json"
    if not check:
        found = {"postfix": version, "cases": cases}
        path.write_text(json.dumps(found, indent=1, ensure_ascii=True) + "\n")
        say(f"{path.name}: {len(cases)} cases\n")
        return False
    recorded = json.loads(path.read_text())
    others = different(recorded, version, cases)
    for name, lines in others.items():
        say(f"{group}: {name}\n" + "".join(f"  {line}\n" for line in lines))
    say(f"{path.name}: {len(others)} of {len(cases)} cases differ from {recorded['postfix']}\n")
    return bool(others)


def different(
    recorded: dict[str, Any], version: str, cases: dict[str, Any]
) -> dict[str, list[str]]:
    """Return, by case, in which lines *cases* are not what was *recorded*.

    Args:
        recorded: a file of the recordings.
        version: the version of the Postfix that *cases* came from; it is in {v}, and no difference.
        cases: what was recorded now.
    """
    then = {name: _lines(case) for name, case in recorded["cases"].items()}
    now = {
        name: [
            line.replace(f"Postfix {version}", f"Postfix {recorded['postfix']}")
            for line in _lines(case)
        ]
        for name, case in cases.items()
    }
    return {
        name: list(difflib.unified_diff(then.get(name, []), lines, lineterm="", n=1))[2:]
        for name, lines in now.items()
        if lines != then.get(name)
    }


def _lines(case: dict[str, Any]) -> list[str]:
    return json.dumps(case, indent=1).splitlines()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stderr.write))
