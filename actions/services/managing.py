"""Where milter-manager's configuration itself says whether a milter is asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actions.changes import FileEdit
from actions.mailhost.managed import CONFIGURATION, LOCAL
from actions.record import Record
from actions.settings import ruby
from actions.settings.text import content_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.host.kept import Kept
    from actions.host.ports import Host


class _File(Record):
    path: str
    kept: Kept
    text: str


def managed_edit(host: Host, milter: str, *, asked: bool) -> FileEdit | None:
    """Return the edit by which *milter* is asked or not, or None where its unit decides.

    milter-manager finds out by itself which milters start at boot, unless a file says
    ``enabled`` for one, or names its socket and leaves it at the default, enabled.

    Raises:
        HostError: a file can't be read.
    """
    files = tuple(_files(host))
    said = [one for one in files if ruby.setting(one.text, milter, "enabled")]
    if not said and not asked:
        said = [one for one in files if ruby.setting(one.text, milter, "connection_spec")]
    if not said:
        return None
    file = said[-1]
    text = ruby.with_value(file.text, milter, "enabled", asked)
    if text == file.text:
        return None
    note = "this file says whether it is asked, whatever its unit is"
    return FileEdit(file.path, file.kept, file.kept._replace(content=content_of(text)), note)


def _files(host: Host) -> Iterator[_File]:
    """Yield the files in the order in which they count, the last most."""
    for name in (CONFIGURATION, LOCAL):
        path = host.files.resolve(host.at(name))
        kept = host.files.keep(path)
        text = text_of(kept.content) if kept else ""
        if kept is not None:
            yield _File(path, kept, text)
        if not ruby.loads(text, os.path.basename(LOCAL)):
            return
