"""Files and Postfix's settings as they will be once the edits planned so far are done."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from actions.changes import FileEdit
from actions.host.errors import HostError
from actions.host.files import Files
from actions.host.main_cf import entries
from actions.host.master import read_master

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions.host.kept import Kept
    from actions.host.ports import Postfix, PostfixEdit, PostfixFile, PostfixService
    from actions.plan import Change


class PendingFiles(Files):
    """The files of a host as they will be once planned edits are done."""

    def __init__(self) -> None:
        self._planned: dict[str, Kept | None] = {}

    def plan(self, changes: Sequence[Change]) -> None:
        """See the edits among *changes* as done from now on."""
        for change in changes:
            if isinstance(change, FileEdit):
                self._planned[change.path] = change.after

    def keep(self, path: str) -> Kept | None:
        """Return all of the regular file *path*, or None where nothing stands there."""
        return self._planned[path] if path in self._planned else super().keep(path)

    def planned(self, path: str) -> str | None:
        """Return the text that a plan gives the file *path*, or None where it gives none."""
        kept = self._planned.get(path)
        return None if kept is None else _text(kept)


class PendingPostfix:
    """Postfix as it will be with another main.cf and master.cf; its own tools still tell.

    Args:
        postfix: as it is.
        before: main.cf as it is.
        main: main.cf as it will be.
        master: master.cf as it will be.
    """

    def __init__(self, postfix: Postfix, before: str, main: str, master: str) -> None:
        self._postfix = postfix
        self._master = master
        was = {entry.name: entry.value for entry in entries(before)}
        will = {entry.name: entry.value for entry in entries(main)}
        self._changed = {name: value for name, value in will.items() if was.get(name) != value}
        for name in was.keys() - will.keys():
            with suppress(HostError):  # one that Postfix does not know counts for nothing
                self._changed[name] = postfix.default(name)

    def setting(self, name: str) -> str:
        """Return the value of *name* with its parameters expanded; raises `HostError`."""
        overrides = self._overrides({})
        if not overrides:
            return self._postfix.setting(name)
        return self._postfix.setting_of(_nobody(overrides), name)

    def setting_of(self, service: PostfixService, name: str) -> str:
        """Return the value of *name* in *service*; raises `HostError`."""
        own = self._overrides(dict(service.overrides))
        return self._postfix.setting_of(service._replace(overrides=own), name)

    def default(self, name: str) -> str:
        """Return Postfix's own value of *name*, without expansion; raises `HostError`."""
        return self._postfix.default(name)

    def services(self) -> tuple[PostfixService, ...]:
        """Return the services of master.cf in their order; raises `HostError`."""
        try:
            level = self.setting("compatibility_level")
        except HostError:  # before Postfix 3.0
            level = ""
        return read_master(self._master, chroot=level.partition(".")[0] in {"", "0"})

    def user(self) -> str:
        """Return the user that Postfix's network services run as (mail_owner)."""
        return self.setting("mail_owner")

    def folder(self) -> str:
        """Return the folder of main.cf and master.cf; raises `HostError`."""
        return self._postfix.folder()

    def warnings(self) -> tuple[str, ...]:
        """Return what Postfix says against its files as they are; raises `HostError`."""
        return self._postfix.warnings()

    def edited(self, files: Mapping[PostfixFile, bytes], edit: PostfixEdit, argument: str) -> bytes:
        """Return what a file becomes by an edit of Postfix's own; raises `HostError`."""
        return self._postfix.edited(files, edit, argument)

    def _overrides(self, own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return what main.cf will have otherwise, and the settings *own* of a service."""
        return tuple({**self._changed, **own}.items())


def _nobody(overrides: tuple[tuple[str, str], ...]) -> PostfixService:
    """Return a service that is in no master.cf, with settings of its own."""
    from actions.host.ports import PostfixService

    return PostfixService(
        "",
        "inet",
        private=False,
        unprivileged=True,
        chroot=False,
        program="smtpd",
        arguments=(),
        overrides=overrides,
    )


def _text(kept: Kept) -> str:
    return kept.content.decode("utf-8", "surrogateescape")
