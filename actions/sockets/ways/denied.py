"""The ways for what SELinux or AppArmor denies: a local rule, or advice which label is missing."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from actions.changes import ConfigCheck, FileEdit, Folder, Looked
from actions.sockets.advice import (
    label_advice,
    local_file,
    module_words,
    profile_file,
    rule,
)
from actions.sockets.causes import denial_told
from actions.sockets.denials import denials, of_edge
from actions.sockets.ways.settled import settled, told
from actions.sockets.ways.way import Declined, Offer, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actions.plan import Change
    from actions.sockets.denials import Denial, System
    from actions.sockets.ways.case import Case

_SAFE = re.compile(r"/[A-Za-z0-9/._@+ -]+")
"""Paths that stand for themselves in a rule: no patterns, variables or quotes."""


def apparmor(case: Case) -> Offer | None:
    """Add the one rule to the operator's own part of the profile, and load it."""
    denial = _denial(case, "AppArmor")
    if denial is None:
        return None
    host = case.host
    profile = profile_file(host, denial.domain)
    if not profile:
        raise Declined(
            f"{denial_told(denial)}; the file of that profile is not found in /etc/apparmor.d",
            f"add to the profile: {rule(denial).strip()}",
        )
    local = local_file(profile)
    _require_included(case, profile, local, denial)
    if not _SAFE.fullmatch(denial.target):
        raise Declined(
            f"{denial_told(denial)}; {denial.target!r} would mean something else in a rule"
        )
    changes = (*_allowed(case, denial, profile, local), *settled(case))
    does = (f"{rule(denial).strip()} in {local}", f"load {profile} anew", *told(changes))
    risk = f"{denial.domain} may read and write {denial.target}, and nothing else besides"
    way = Way("apparmor", "a local rule for AppArmor", lasting=True, does=does, risk=risk)
    return Offer(way, changes)


def selinux(case: Case) -> Offer | None:
    """Tell which label is missing: what the policy knows, only the host's own tools tell."""
    denial = _denial(case, "SELinux")
    if denial is None:
        return None
    folder = os.path.dirname(case.socket) if case.socket else ""
    raise Declined(
        denial_told(denial), label_advice(denial, case.edge, folder) or module_words(denial)
    )


def _denial(case: Case, system: System) -> Denial | None:
    found = denials(case.host).denials
    return of_edge((one for one in found if one.system == system), case.edge, case.state.steps)


def _require_included(case: Case, profile: str, local: str, denial: Denial) -> None:
    """Refuse a profile that does not read the operator's own rules; raises `Declined`."""
    text = case.host.files.read(case.host.at(profile)).decode("utf-8", "replace")
    name = re.escape(os.path.basename(local))
    if not re.search(rf"include\s+(?:if\s+exists\s+)?<local/{name}>", text):
        raise Declined(
            f"{denial_told(denial)}; {profile} does not include {local}",
            f"add to the profile: {rule(denial).strip()}",
        )


def _allowed(case: Case, denial: Denial, profile: str, local: str) -> Iterator[Change]:
    """Yield the edit and the profile's load, on the way back after the edit is gone."""
    host = case.host
    load = ConfigCheck(
        ("apparmor_parser", "--replace", profile), note="the kernel takes up the profile"
    )
    yield Looked(load, ahead=True)
    folder, path = host.at(os.path.dirname(local)), host.at(local)
    if host.files.state(folder).kind == "absent":
        yield Folder.planned(host, folder)
    kept = host.files.keep(path)
    before = kept.content if kept else b"# The operator's own rules; see apparmor.d(5).\n"
    gap = b"" if not before or before.endswith(b"\n") else b"\n"
    yield FileEdit.planned(host, path, before + gap + rule(denial).encode() + b"\n")
    yield load
