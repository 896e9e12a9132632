"""The lab's ``/usr/sbin/postqueue``: lists the queue, and tries deferred mail again."""

from __future__ import annotations

import getopt
import json
import sys
from typing import TYPE_CHECKING

from console.lab.layout import MAIN_CF
from console.lab.postfix import MainCf
from console.lab.queue.delivering import Deliverer
from console.lab.queue.file import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.queue.file import QueueFile

USAGE = "postqueue: fatal: usage: postqueue -f | postqueue -i queueid | postqueue -j"


def main(root: str, argv: list[str]) -> int:
    """Do what *argv* asks for in the lab below *root*; return the exit code."""
    try:
        given, rest = getopt.getopt(argv, "fi:j")
    except getopt.GetoptError:
        given, rest = [], argv
    if len(given) != 1 or rest:
        print(USAGE, file=sys.stderr)
        return 64
    (option, value) = given[0]
    try:
        return _do(root, option, value)
    except PermissionError as error:
        print(f"postqueue: fatal: {error.filename}: {error.strerror}", file=sys.stderr)
        return 69


def _do(root: str, option: str, value: str) -> int:
    queue = MainCf(root + MAIN_CF).setting("queue_directory")
    if option == "-j":
        for line in _lines(queue):
            print(line)
        return 0
    wanted = [file for file in files(queue, ("deferred",)) if option == "-f" or file.id == value]
    Deliverer(root).deliver(wanted)
    return 0


def _lines(queue: str) -> Iterator[str]:
    for file in files(queue):
        try:
            yield _line(file)
        except (OSError, ValueError):  # it has left the queue, or is being written
            continue


def _line(file: QueueFile) -> str:
    letter, reasons = file.read()
    recipients = [
        {"address": who} | ({"delay_reason": reason} if reason else {})
        for who, reason in reasons.items()
    ]
    return json.dumps(
        {
            "queue_name": file.state,
            "queue_id": file.id,
            "arrival_time": int(letter.arrived),
            "message_size": len(letter.content),
            "forced_expire": False,
            "sender": letter.sender or "MAILER-DAEMON",
            "recipients": recipients,
        }
    )
