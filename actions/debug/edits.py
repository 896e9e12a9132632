"""Files that are edited for a while: how each is kept meanwhile, and how it is given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit
from actions.debug.ending import copy_of, restored
from actions.record import Record
from actions.settings.text import content_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actions.host.kept import Kept
    from actions.host.ports import Host, Timer
    from actions.plan import Change


class File(Record):
    """A file of settings as it stands, and its copy from before a debug mode was switched on."""

    path: str
    kept: Kept
    copy: Kept | None
    """What it was before; None where no debug mode of this program is on in it."""
    untouched: bool
    """Whether it still is as this program left it, so that the timer gives it back exactly."""

    @property
    def text(self) -> str:
        """What it says."""
        return text_of(self.kept.content)

    @property
    def original(self) -> str:
        """What it said before, as far as nobody has changed it since."""
        return text_of(self.copy.content) if self.copy and self.untouched else self.text


def file_at(host: Host, path: str, timer: Timer | None) -> File:
    """Return the file at *path*.

    Args:
        host: the host.
        path: the file, without links.
        timer: what ends the debug mode that is on, if any.

    Raises:
        ActionError: there is none.
        HostError: it can't be read.
    """
    kept = host.files.keep(path)
    if kept is None:
        raise ActionError(f"{path} does not exist", Exit.PROBLEM, "write it first")
    copy = host.files.keep(copy_of(path))
    ends = timer.commands if timer else ()
    return File(path, kept, copy, copy is not None and restored(path, kept.content) in ends)


def kept_aside(file: File) -> Iterator[Change]:
    """Yield what keeps *file* as it is, beside it; nothing where that is done already."""
    if file.untouched:
        return
    note = "the file as it was, until the debug mode ends"
    yield FileEdit(copy_of(file.path), file.copy, file.kept, note)


def written(file: File, text: str, note: str = "") -> Iterator[Change]:
    """Yield the edit that gives *file* this *text*; nothing where it has it."""
    if text != file.text:
        after = file.kept._replace(content=content_of(text))
        yield FileEdit(file.path, file.kept, after, note)


def given_back(file: File, without: Callable[[str], str]) -> Iterator[Change]:
    """Yield what takes a debug mode out of *file*.

    Args:
        file: the file; where it is as this program left it, it becomes again what it was.
        without: takes the words out that switch the mode on, where any are left.
    """
    text = without(file.original)
    if file.untouched and file.copy is not None and text == file.original:
        yield FileEdit(file.path, file.kept, file.copy, "as it was before")
    else:
        yield from written(file, text)
    if file.copy is not None:
        yield FileEdit(copy_of(file.path), file.copy, None)
