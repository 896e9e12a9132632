"""main.cf and master.cf with edits of Postfix's own tool, put together before any is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes import FileEdit
from actions.host.errors import HostError
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.kept import Kept
    from actions.host.ports import Host, PostfixEdit, PostfixFile


class PostfixFiles(Record):
    """main.cf and master.cf as they are, and as they become."""

    host: Host
    paths: dict[PostfixFile, str]
    before: dict[PostfixFile, Kept]
    after: dict[PostfixFile, bytes]

    def edit(self, edit: PostfixEdit, argument: str) -> None:
        """Take one edit of postconf(1) into what the files become; raises `HostError`."""
        name: PostfixFile = "main.cf" if edit == "-e" else "master.cf"
        self.after[name] = self.host.postfix.edited(self.after, edit, argument)

    def text(self, name: PostfixFile) -> str:
        """Return a file as it becomes."""
        return self.after[name].decode("utf-8", "surrogateescape")

    def changes(self, note: str = "") -> Iterator[FileEdit]:
        """Yield the edits that come out of it."""
        for name, kept in self.before.items():
            if self.after[name] != kept.content:
                after = kept._replace(content=self.after[name])
                yield FileEdit(self.paths[name], kept, after, note)


def postfix_files(host: Host) -> PostfixFiles:
    """Return the files of *host*'s Postfix as they are; raises `HostError`."""
    folder = host.postfix.folder()
    paths: dict[PostfixFile, str] = {}
    before: dict[PostfixFile, Kept] = {}
    names: tuple[PostfixFile, ...] = ("main.cf", "master.cf")
    for name in names:
        paths[name] = host.files.resolve(f"{folder}/{name}")
        kept = host.files.keep(paths[name])
        if kept is None:
            raise HostError(f"{paths[name]} does not exist")
        before[name] = kept
    return PostfixFiles(host, paths, before, {name: one.content for name, one in before.items()})
