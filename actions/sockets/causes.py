"""What stands in the way of an edge, named: the cause, and the words for people.

What decides is what the proof met; the walk tells at which component, and what is missing there.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from actions.host.endpoint import BadEndpoint, parse_endpoint
from actions.record import Record
from actions.sockets.path import failing
from actions.sockets.proof import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actions.mailhost.edges import Edge
    from actions.sockets.denials import Denial
    from actions.sockets.path import Step
    from actions.sockets.proof import Proof
    from actions.sockets.report import Cause


class Words(Record):
    """How one cause is told."""

    title: str
    """In a few words, behind the two ends of the edge."""
    sentence: str
    """What, where and why; what `sentence` fills in stands in braces."""


_DENIED = "connecting as {user}: permission denied on {path} (needs {needs}, {note}; {bits})"

WORDS: Mapping[Cause, Words] = {
    "group": Words(
        "permission denied",
        "connecting as {user}: permission denied on {path} "
        "(needs {needs}, not in its group; {bits})",
    ),
    "write": Words("permission denied", _DENIED),
    "folder": Words("permission denied", _DENIED + ": the folder can't be passed"),
    "stale-groups": Words(
        "permission denied until {client} is started again",
        "{user} is in the group {group}, which {path} asks for, and {running} is not yet: "
        "a process has the groups that its user had when it began",
    ),
    "missing": Words("no such file or directory", "{path} {note}"),
    "dangling": Words("no such file or directory", "{link} is a link to {target}, {lost}"),
    "chroot": Words(
        "no such file or directory",
        "{client} is confined to {chroot}, where {path} does not exist; "
        "{outside} lies outside of it",
    ),
    "stale": Words(
        "connection refused", "{path} is a socket that nobody listens on: it was left over"
    ),
    "not-a-socket": Words("connection refused", "{path} is no socket ({kind})"),
    "closed-port": Words("connection refused", "nobody takes connections on {spec}: {text}"),
    "datagram": Words(
        "a socket of the wrong type", "{path} is a datagram socket, or another that is no stream"
    ),
    "closes": Words(
        "it closes the connection", "{place} accepts, and closes before it has read anything"
    ),
    "closes-on-read": Words(
        "it closes the connection", "{place} accepts, reads what it is asked, and closes"
    ),
    "hangs": Words("no answer in time", "{place} does not answer within {patience:g} s"),
    "not-a-milter": Words("it does not speak {speech}", "{place}: {text}"),
    "no-transport": Words("it names no socket", "{refused}: write unix:PATH or inet:HOST:PORT"),
    "name": Words("host or service not found", "{spec}: {text}{inside}"),
    "syntax": Words("its specification can't be read", "{refused}"),
    "denied": Words("permission denied", "connecting as {user}: permission denied on {path}{why}"),
    "unseen": Words("not proved", "{text}{modes}"),
}
"""By cause; `actions.sockets.logged` has what the client logs of it."""


def refused_cause(edge: Edge) -> Cause:
    """Return why the client of *edge* takes its specification for no endpoint."""
    if "host or service" in edge.refused and "not found" in edge.refused:
        return "name"
    unnamed = ("needs transport:endpoint", "invalid transport name")
    if not edge.spec or any(words in edge.refused for words in unnamed):
        return "no-transport"
    return "syntax"


def cause_of(edge: Edge, steps: tuple[Step, ...], proof: Proof) -> Cause:
    """Return what stands in the way of *edge*, whose proof met what *proof* tells."""
    by_talk: dict[str, Cause] = {
        "": "",
        "name": "name",
        "late": "hangs",
        "reset": "closes",
        "closed": "closes-on-read",
        "silent": "hangs",
        "strange": "not-a-milter",
        "unseen": "unseen",
    }
    if proof.met != "refused":
        return by_talk[proof.met]
    last = steps[-1] if steps else None
    number = proof.number
    if number in {errno.EACCES, errno.EPERM}:
        return _denied(steps)
    if number in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        return _absent(edge, steps)
    if number in {errno.EPROTOTYPE, errno.EPROTONOSUPPORT}:
        return "datagram"
    if number == errno.ENOTSOCK or (last is not None and last.kind not in {"socket", "missing"}):
        return "not-a-socket"
    if number == errno.ECONNRESET:
        return "closes"
    return "stale" if last is not None else "closed-port"


def _denied(steps: tuple[Step, ...]) -> Cause:
    step = failing(steps)
    if step is None or ":" in step.decided_by or step.decided_by == "mask":
        return "denied"
    if step is not steps[-1]:
        return "folder"
    if step.kind != "socket":
        return "not-a-socket"
    return "group" if step.decided_by == "others" and _group_may(step) else "write"


def _group_may(step: Step) -> bool:
    """Return whether the group of *step* may write; of an access control list by its entry."""
    entry = next((one for one in step.acl if one.startswith("group::")), "")
    return "w" in entry if entry else bool(step.mode & 0o020)


def _absent(edge: Edge, steps: tuple[Step, ...]) -> Cause:
    if edge.chroot and outside_of(edge, steps):
        return "chroot"
    return "dangling" if _dangling(steps) else "missing"


def _dangling(steps: tuple[Step, ...]) -> Step | None:
    """Return the link of which the target itself is what is missing, or part of a loop."""
    links = [step for step in steps if step.kind == "link"]
    if not links or steps[-1].kind == "link":
        return links[-1] if links else None
    link, missing = links[-1], steps[-1].path
    root = steps[0].path.rstrip("/")
    target = target_of(link)
    place = f"{root}{target}" if target.startswith("/") else f"{_folder(link.path)}/{target}"
    meant = os.path.normpath(place)
    return link if meant == missing or meant.startswith(f"{missing}/") else None


def _folder(path: str) -> str:
    return os.path.dirname(path).rstrip("/")


def outside_of(edge: Edge, steps: tuple[Step, ...]) -> str:
    """Return what the client of *edge* would find if it were not confined; "" where nothing."""
    place = place_of(edge)
    meant = [place[len(edge.chroot.rstrip("/")) :]] if place.startswith(edge.chroot) else []
    meant += [target_of(step) for step in steps if step.kind == "link"]
    return next((path for path in meant if path.startswith("/") and os.path.exists(path)), "")


def target_of(link: Step) -> str:
    """Return where *link* leads, as it is written."""
    return link.note.removeprefix("→ ")


def place_of(edge: Edge) -> str:
    """Return the path of the socket of *edge* as seen from outside, or the whole port."""
    try:
        endpoint = parse_endpoint(edge.endpoint)
    except BadEndpoint:
        return edge.endpoint or edge.spec
    return endpoint.place if endpoint.family == "unix" else endpoint.spec


def sentence(
    edge: Edge,
    cause: Cause,
    steps: tuple[Step, ...],
    proof: Proof,
    told: str = "",
    group: str = "",
) -> str:
    """Return what, where and why, for people.

    Args:
        edge: the edge.
        cause: what stands in its way.
        steps: its path as the client walks it.
        proof: what the proof met.
        told: of "stale-groups" the processes that lack the group; of "denied" who denied what.
        group: the group that those processes lack.
    """
    step = failing(steps) or (steps[-1] if steps else None)
    if group:
        step = next((one for one in steps if one.membership == group), step)
    place = place_of(edge)
    links = [one for one in steps if one.kind == "link"]
    confined = bool(edge.chroot) and proof.met == "name"
    inside = f"; {edge.client} sees only what is in {edge.chroot}" if confined else ""
    lost = step.path if step and step.kind == "missing" else ""
    fields: dict[str, object] = {
        "client": edge.client,
        "user": edge.user,
        "path": step.path if step else place,
        "needs": step.needs if step else "",
        "note": (step.note if step else "") or "does not exist",
        "bits": f"{step.owner}:{step.group} {step.mode:04o}" if step else "",
        "group": group,
        "kind": _KINDS.get(step.kind, step.kind) if step else "",
        "running": told,
        "link": links[-1].path if links else "",
        "target": target_of(links[-1]) if links else "",
        "lost": f"and {lost} does not exist" if lost else "which leads to itself",
        "chroot": edge.chroot,
        "outside": outside_of(edge, steps) if cause == "chroot" else "",
        "spec": edge.spec or edge.endpoint,
        "place": place,
        "text": proof.text,
        "patience": PATIENCE,
        "speech": edge.speech,
        "refused": edge.refused,
        "inside": inside,
        "why": _why_denied(steps, told),
        "modes": _modes(edge, steps),
    }
    return WORDS[cause].sentence.format(**fields)


_KINDS = {"file": "a regular file", "folder": "a folder", "other": "something else"}


def _why_denied(steps: tuple[Step, ...], told: str) -> str:
    step = failing(steps)
    if step is not None:
        return f" (needs {step.needs}): {step.note}"
    if told:
        return f", though owner, group and mode let it through: {told}"
    return ", though owner, group and mode let it through: another rule of the system forbids it"


def denial_told(denial: Denial) -> str:
    """Return what was denied to whom, as the host logged it."""
    target = f"{denial.target} ({denial.label})" if denial.label else denial.target
    who = f"{denial.program} ({denial.domain})"
    return f"{denial.system} denied {who} {denial.wanted} on {target}"


def _modes(edge: Edge, steps: tuple[Step, ...]) -> str:
    """Return what the modes say of an edge that could not be proved."""
    step = failing(steps)
    if step is not None:
        return f"; by its modes {step.path} would stop it ({step.note})"
    if steps and all(one.granted for one in steps):
        return f"; by the modes on the way {edge.user} is let through"
    return ""
