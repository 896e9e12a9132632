"""The lab's ``/usr/sbin/postsuper``: holds, releases, requeues and deletes messages."""

from __future__ import annotations

import getopt
import os
import sys
from typing import TYPE_CHECKING

from actions.record import Record
from console.lab.layout import MAIN_CF
from console.lab.postfix import MainCf
from console.lab.queue.delivering import Deliverer
from console.lab.queue.file import QueueFile, files

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = "postsuper: fatal: usage: postsuper [-d queue_id] [-h queue_id] [-H queue_id] [-r queue_id]"


class _Operation(Record):
    folders: tuple[str, ...]
    """Where a message has to be."""
    done: str
    """What is said of one message, and, with a capital, of how many."""
    do: Callable[[QueueFile], None]


_OPERATIONS = {
    "-d": _Operation(("hold", "incoming", "deferred"), "deleted", lambda file: file.remove()),
    "-h": _Operation(("incoming", "deferred"), "placed on hold", lambda file: file.move("hold")),
    "-H": _Operation(("hold",), "released from hold", lambda file: file.move("deferred")),
    "-r": _Operation(("hold", "incoming", "deferred"), "requeued", lambda _: None),
}


def main(root: str, argv: list[str]) -> int:
    """Do what *argv* asks for in the lab below *root*; return the exit code."""
    if os.stat(root).st_uid != os.geteuid():
        print(
            "postsuper: fatal: use of this command is reserved for the superuser", file=sys.stderr
        )
        return 1
    try:
        given, rest = getopt.getopt(argv, "d:h:H:r:")
    except getopt.GetoptError:
        given, rest = [], argv
    if not given or rest:
        print(USAGE, file=sys.stderr)
        return 1
    queue = MainCf(root + MAIN_CF).setting("queue_directory")
    counts = dict.fromkeys(_OPERATIONS, 0)
    again = []
    for option, word in given:
        for queue_id in _ids(word):
            for file in _found(queue, _OPERATIONS[option], queue_id):
                _OPERATIONS[option].do(file)
                print(f"postsuper: {file.id}: {_OPERATIONS[option].done}", file=sys.stderr)
                counts[option] += 1
                again += [file] if option == "-r" else []
    for option, number in counts.items():
        if number:
            messages = "1 message" if number == 1 else f"{number} messages"
            done = _OPERATIONS[option].done.capitalize()
            print(f"postsuper: {done}: {messages}", file=sys.stderr)
    _deliver_anew(root, queue, again)
    return 0


def _ids(word: str) -> list[str]:
    return [line.strip() for line in sys.stdin] if word == "-" else [word]


def _found(queue: str, operation: _Operation, queue_id: str) -> list[QueueFile]:
    every = files(queue, operation.folders)
    return [file for file in every if queue_id in {file.id, "ALL"}]


def _deliver_anew(root: str, queue: str, requeued: list[QueueFile]) -> None:
    """Give each message a new queue id and try it, as pickup(8) and cleanup(8) would."""
    if not requeued:
        return
    deliverer = Deliverer(root)
    deliverer.become_postfix()
    fresh = []
    for old in requeued:
        letter, _ = old.read()
        new = QueueFile(queue)
        new.put(letter)
        old.remove()
        fresh.append(new)
    deliverer.deliver(fresh)
