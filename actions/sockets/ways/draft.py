"""The edits of a daemon's files while a way puts them together: each file once, however often."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import FileEdit, Membership
from actions.host.endpoint import BadEndpoint, parse_endpoint, real_path
from actions.host.errors import HostError
from actions.host.walk import is_ours
from actions.settings.text import content_of, text_of
from actions.sockets.ways.groups import gives_group
from actions.sockets.ways.way import Declined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from actions.changes import ConfigCheck
    from actions.host.kept import Kept
    from actions.host.ports import Host
    from actions.plan import Change
    from actions.sockets.ways.case import Case

    SpecOf = Callable[[str], str]


class Draft:
    """Files as they become, and who joins which group for it.

    Args:
        case: the edge that is mended.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.does: list[str] = []
        """What is changed, in words."""
        self.risks: list[str] = []
        self._before: dict[str, Kept | None] = {}
        self._after: dict[str, str] = {}
        self._joins: list[Membership] = []
        self._checks: list[ConfigCheck] = []

    @property
    def host(self) -> Host:
        """The host."""
        return self.case.host

    @property
    def is_empty(self) -> bool:
        """Whether nothing is changed so far."""
        return not self.does

    @property
    def joined(self) -> bool:
        """Whether the client gets a new group."""
        return any(one.user == self.case.edge.user for one in self._joins)

    def text(self, file: str) -> str | None:
        """Return what *file* says as it becomes; None where there is none. Raises `HostError`."""
        if not os.path.lexists(self.host.at(file)) and file not in self._before:
            return None
        path = self._path(file)
        if path not in self._before:
            kept = self.host.files.keep(path)
            if kept is None:
                return None
            self._before[path], self._after[path] = kept, text_of(kept.content)
        return self._after[path]

    def edit(self, file: str, text: str, does: str) -> None:
        """Let *file* say *text*; *does* tells the setting in words.

        A file that is not there is made, for all to read.

        Raises:
            HostError: it can't be read, or is no regular file.
        """
        if self.text(file) == text:
            return
        path = self._path(file)
        self._before.setdefault(path, None)
        self._after[path] = text
        self.does.append(f"{does} in {file}")

    def join(self, user: str, group: str) -> None:
        """Put *user* into *group*, where it is not in it.

        Raises:
            Declined: others than root can have written what the draft has read so far.
            UnknownAccount: this host lacks the user or the group.
        """
        account = self.host.accounts.user(user)
        if account.uid == 0 or self.host.accounts.group_id(group) in account.groups:
            return
        for path, kept in self._before.items():
            if kept is not None and not is_ours(path):
                raise Declined(
                    f"{path}: others than root can write it, so nobody joins a group for what it "
                    "says",
                    "let it belong to root, and look who changed it",
                )
        planned = Membership.planned(self.host, user, group)
        if planned not in self._joins:
            self._joins.append(planned)
            self.does.append(f"{user} in group {group}")

    def lend(self, group: str, user: str) -> None:
        """Let *user* give the socket to *group*, and name the risk; nothing where it can anyhow.

        A user may give away to groups that it is in, and to the one of the folder where that has
        the set-group-ID bit (chown(2), inode(7)).
        """
        if not user or gives_group(self.host, self.case.socket, group):
            return
        before = len(self.does)
        self.join(user, group)
        if len(self.does) > before:
            self.risks.append(f"{user} may open all that is open to group {group}")

    def check(self, *checks: ConfigCheck) -> None:
        """Have *checks* asked once the files are edited."""
        self._checks += checks

    def changes(self) -> tuple[Change, ...]:
        """Return the edits, the memberships and the checks; raises `HostError`."""
        edits = [
            FileEdit(path, kept, kept._replace(content=content_of(self._after[path])))
            if kept is not None
            else FileEdit.planned(self.host, path, content_of(self._after[path]))
            for path, kept in self._before.items()
            if kept is None or content_of(self._after[path]) != kept.content
        ]
        return (*edits, *self._joins, *self._checks)

    def _path(self, file: str) -> str:
        there = self.host.at(file)
        return self.host.files.resolve(there) if os.path.lexists(there) else there


def names_socket(case: Case, spec: str) -> bool:
    """Return whether *spec* of a daemon's settings names the socket of *case*.

    Raises:
        Declined: a link that the daemon's user could have made leads from there to the socket.
    """
    try:
        endpoint = parse_endpoint(spec)
    except BadEndpoint:
        return False
    path = case.socket
    if endpoint.family != "unix" or os.path.realpath(endpoint.place) != os.path.realpath(path):
        return False
    # A link of root's own, such as /var/run, is gone from this; one that is left is another's.
    own = real_path(endpoint.place)
    if own != os.path.realpath(own):
        raise Declined(
            f"{endpoint.place} is a link to {os.path.realpath(own)}, not the daemon's own socket",
            "find out who made it; a milter's user can put one there",
        )
    return True


def configured(case: Case, usual: Iterable[str]) -> tuple[str, ...]:
    """Return the files of the daemon behind the socket: those that its unit names go first."""
    own = case.service.configuration if case.service else ()
    return tuple(dict.fromkeys((*own, *usual)))


def first_naming(draft: Draft, files: Iterable[str], spec_of: SpecOf) -> str:
    """Return the first of *files* whose settings name the socket; raises `Declined` for none.

    Args:
        draft: reads the files.
        files: those of the daemon.
        spec_of: returns what a file's text says of where it listens.
    """
    case = draft.case
    for file, text in _readable(draft, files):
        if names_socket(case, spec_of(text)):
            return file
    raise Declined(
        f"no known daemon's settings name the socket {case.socket or case.edge.endpoint}",
        "find the daemon that makes it, and let its own setting give the client write access",
    )


def first_with(draft: Draft, files: Iterable[str], spec_of: SpecOf) -> str:
    """Return the first of *files* whose settings name any socket; raises `Declined` for none."""
    for file, text in _readable(draft, files):
        if spec_of(text):
            return file
    name = draft.case.service.name if draft.case.service else "the daemon"
    raise Declined(f"no settings of {name} name its socket")


def _readable(draft: Draft, files: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each of *files* that can be read, with its text; another daemon's may be closed."""
    for file in files:
        try:
            text = draft.text(file)
        except HostError:
            continue
        if text is not None:
            yield file, text
