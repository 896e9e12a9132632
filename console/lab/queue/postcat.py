"""The lab's ``/usr/sbin/postcat``: shows one message of the queue."""

from __future__ import annotations

import getopt
import sys
import time
from typing import TYPE_CHECKING

from console.lab.layout import MAIN_CF
from console.lab.postfix import MainCf
from console.lab.queue.file import files

if TYPE_CHECKING:
    from console.lab.queue.file import Letter

USAGE = "postcat: fatal: usage: postcat [-b] [-e] [-h] -q queue_id"


def main(root: str, argv: list[str]) -> int:
    """Do what *argv* asks for in the lab below *root*; return the exit code."""
    try:
        given, ids = getopt.getopt(argv, "behq")
    except getopt.GetoptError:
        given, ids = [], []
    parts = {option for option, _ in given} - {"-q"} or {"-e", "-h", "-b"}
    if ("-q", "") not in given or len(ids) != 1:
        print(USAGE, file=sys.stderr)
        return 1
    queue = MainCf(root + MAIN_CF).setting("queue_directory")
    try:
        found = next((file for file in files(queue) if file.id == ids[0]), None)
    except PermissionError:
        print(f"postcat: fatal: open queue file {ids[0]}: Permission denied", file=sys.stderr)
        return 1
    if found is None:
        told = "No such file or directory"
        print(f"postcat: fatal: open queue file {ids[0]}: {told}", file=sys.stderr)
        return 1
    letter, _ = found.read()
    sys.stdout.buffer.write(_shown(f"{found.state}/{found.id}", letter, parts))
    return 0


def _shown(name: str, letter: Letter, parts: set[str]) -> bytes:
    text = letter.content.replace(b"\r\n", b"\n")
    head, empty, body = text.partition(b"\n\n")
    shown = b"".join(
        (
            _envelope(name, letter) if "-e" in parts else b"",
            f"*** MESSAGE CONTENTS {name} ***\n".encode(),
            head + b"\n" if "-h" in parts else b"",
            b"\n" + body if "-b" in parts and empty else b"",
        )
    )
    end = f"*** HEADER EXTRACTED {name} ***\n*** MESSAGE FILE END {name} ***\n"
    return shown + (end.encode() if "-e" in parts else b"")


def _envelope(name: str, letter: Letter) -> bytes:
    lines = [
        f"*** ENVELOPE RECORDS {name} ***",
        f"message_size: {len(letter.content):>15}",
        f"message_arrival_time: {time.ctime(letter.arrived)}",
        f"sender: {letter.sender}",
    ]
    for who in letter.recipients:
        lines += [f"original_recipient: {who}", f"recipient: {who}"]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
