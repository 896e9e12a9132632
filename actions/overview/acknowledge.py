"""The plan that acknowledges a finding until a day: one entry in one small file."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.changes import FileEdit, Folder
from actions.host.errors import HostError
from actions.host.kept import Kept
from actions.overview.acknowledged import FILE, FOLDER, is_day, parsed, written
from actions.overview.report import Acknowledgement
from actions.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.action import Context
    from actions.host.ports import Host
    from actions.plan import Change

_NAME = re.compile(r"[a-z]+\.\S+")
LONGEST = 500
"""Characters of a reason."""


def plan_acknowledgement(ctx: Context, name: str, until: str, reason: str) -> Plan:
    """Return the plan that acknowledges the finding *name*.

    Raises:
        ActionError: the name or the day is none, the day is over, or the file is damaged.
    """
    today = time.strftime("%Y-%m-%d")
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise ActionError(
            f"{name!r:.80} is no finding's name", Exit.USAGE, "overview.check tells the names"
        )
    if not is_day(until):
        raise ActionError(
            f"{until!r:.40} is no day", Exit.USAGE, f"write it as year-month-day, such as {today}"
        )
    if until < today:
        raise ActionError(f"{until} is over: it would count at once", Exit.USAGE)
    if not reason.strip() or len(reason) > LONGEST:
        raise ActionError(
            f"a reason is wanted, of at most {LONGEST} characters",
            Exit.USAGE,
            "say why it may stand until then",
        )
    arguments = {"name": name, "until": until, "reason": reason}
    changes = tuple(_changes(ctx.host, Acknowledgement(name, until, reason.strip())))
    why = f"it is shown, and not counted, up to and with {until}: {reason.strip()}"
    return Plan(f"Acknowledge {name}", "overview.ack", arguments, why, changes)


def _changes(host: Host, new: Acknowledgement) -> Iterator[Change]:
    """Yield what writes *new*; a lab is its user's own, a system's files are root's."""
    uid, gid = (0, 0) if host.kind == "system" else (os.geteuid(), os.getegid())
    folder, path = host.at(FOLDER), host.at(FILE)
    if host.files.state(folder).kind == "absent":
        yield Folder(folder, "make", 0o755, uid, gid)
        yield FileEdit(path, None, Kept(written((new,)), 0o644, uid, gid))
        return
    kept = host.files.keep(path)
    content = written((*_others(path, kept, new.name), new))
    after = kept._replace(content=content) if kept else Kept(content, 0o644, uid, gid)
    yield FileEdit(path, kept, after)


def _others(path: str, kept: Kept | None, name: str) -> tuple[Acknowledgement, ...]:
    if kept is None:
        return ()
    try:
        return tuple(one for one in parsed(kept.content) if one.name != name)
    except (ValueError, LookupError, TypeError) as error:
        raise HostError(
            f"{path} is no list of acknowledgements ({error}); mend it or move it away"
        ) from error
