"""A file created, edited or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.changes.reading import number, part, text
from actions.host.errors import HostError
from actions.host.kept import Kept, same
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actions.host.ports import Host
    from actions.plan import Undo


class FileEdit(Record):
    """A regular file made to be *after*: its bytes, owner, group, mode, ACL and labels."""

    path: str
    before: Kept | None
    """None where it did not exist."""
    after: Kept | None
    """None where it is removed."""
    note: str = ""

    @classmethod
    def planned(
        cls,
        host: Host,
        path: str,
        content: bytes | None,
        *,
        mode: int = 0o644,
        owner: str = "root",
        group: str = "root",
        note: str = "",
    ) -> FileEdit:
        """Plan to give *path* the *content*, or with None to remove it.

        An existing file keeps its owner, group, mode and labels; *mode*, *owner* and *group*
        are for a new one.

        Raises:
            HostError: the file can't be read, or is a link or no regular file.
            UnknownAccount: the owner or group of a new file does not exist.
        """
        before = host.files.keep(path)
        if content is None:
            return cls(path, before, None, note)
        if before is not None:
            return cls(path, before, before._replace(content=content), note)
        uid, gid = host.accounts.user(owner).uid, host.accounts.group_id(group)
        return cls(path, None, Kept(content, mode, uid, gid), note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> FileEdit:
        """Return the change of a journal *record*."""
        return cls(
            text(record, "path"),
            _kept(part(record, "before")),
            _kept(part(record, "after")),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        if self.before is None:
            return "create"
        return "remove" if self.after is None else "edit"

    @property
    def target(self) -> str:
        """The path."""
        return self.path

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "exact"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        return ""

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return the difference, without the lines far from any change."""
        return tuple(self._lines())

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        from actions.changes.shell import file_command

        return file_command(self.path, self.before, self.after)

    def stands(self, host: Host) -> Standing:
        """Look whether the file is as before or as after."""
        found = host.files.keep(self.path)
        if same(found, self.after):
            return Standing.AFTER
        return Standing.BEFORE if same(found, self.before) else Standing.OTHER

    def apply(self, host: Host, token: str) -> None:
        """Make the file be *after*; raises `HostError` where it is not *before*."""
        if self.after is not None:
            host.files.put(self.path, self.after, token, replaces=self.before)
        elif self.before is not None:
            host.files.remove(self.path, expected=self.before)
        else:
            raise HostError(f"{self.path}: does not exist, so it can't be removed")

    def sweep(self, host: Host, token: str) -> None:
        """Remove the temporary file."""
        host.files.sweep(self.path, token)

    def inverse(self) -> FileEdit:
        """Return the change back."""
        return FileEdit(self.path, self.after, self.before)

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "change": "file",
            "path": self.path,
            "before": _record(self.before),
            "after": _record(self.after),
            "note": self.note,
        }

    def _lines(self) -> Iterator[Line]:
        import difflib

        old, new = _shown(self.before), _shown(self.after)
        if self.before is None and self.after is not None:
            yield Line(
                "+", f"(mode {self.after.mode:04o}, owner {self.after.uid}:{self.after.gid})"
            )
        if old == new and self.before is not None and self.after is not None:
            if self.before.content != self.after.content:
                yield from (Line("-", old[0]), Line("+", new[0]))
            return
        first = True
        for line in difflib.unified_diff(old, new, lineterm="", n=3):
            if line.startswith("@@"):
                if not first:
                    yield Line(" ", "…")
                first = False
            elif not first:
                sign: str = line[:1]
                yield Line("+" if sign == "+" else "-" if sign == "-" else " ", line[1:])


def _shown(kept: Kept | None) -> list[str]:
    """Return the lines of a file for the eye; what is no text is one line with its size."""
    from actions.changes.shell import text_of

    if kept is None or not kept.content:
        return []
    text = text_of(kept.content)
    if text is None:
        return [f"({len(kept.content)} bytes, not shown: no text)"]
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else [*lines[:-1], lines[-1] + " (no newline at the end)"]


def _record(kept: Kept | None) -> dict[str, object] | None:
    if kept is None:
        return None
    return {
        "content": _base64(kept.content),
        "mode": kept.mode,
        "uid": kept.uid,
        "gid": kept.gid,
        "labels": {name: _base64(value) for name, value in kept.labels},
    }


def _kept(record: Mapping[str, object] | None) -> Kept | None:
    if record is None:
        return None
    labels = part(record, "labels") or {}
    return Kept(
        _bytes(text(record, "content")),
        number(record, "mode"),
        number(record, "uid"),
        number(record, "gid"),
        tuple(sorted((name, _bytes(text(labels, name))) for name in labels)),
    )


def _base64(data: bytes) -> str:
    import binascii

    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _bytes(text: str) -> bytes:
    import binascii

    return binascii.a2b_base64(text, strict_mode=True)
