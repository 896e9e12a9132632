"""What SELinux and AppArmor denied the programs at both ends of a socket, as the host logged it.

A denial is looked for in the log, since it can't be proved: the console runs in another SELinux
domain, and under no AppArmor profile, so its own connection is judged by other rules. Where
neither is on, nothing is read. The forms of the lines are those of the kernel's
security/selinux/avc.c and security/apparmor/audit.c, in which auditd writes them too.

A denial from before the policy was last changed tells nothing any more, and is left out: what
still is not allowed is denied again when it is tried again.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from actions.host.endpoint import UNIX_PATH_LIMIT, BadEndpoint, parse_endpoint, real_path
from actions.host.errors import HostError
from actions.record import Record
from actions.sockets.advice import local_file, profile_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actions.host.ports import Host
    from actions.mailhost.edges import Edge
    from actions.sockets.path import Step

System = Literal["SELinux", "AppArmor"]

AUDIT_LOG = "/var/log/audit/audit.log"
"""Where auditd writes, unless auditd.conf says otherwise; ausearch(8) knows."""

SYSLOGS = ("/var/log/kern.log", "/var/log/syslog", "/var/log/messages")
"""Where syslog puts the kernel's lines: Debian-like, RHEL-like."""

_AUSEARCH = ("/usr/sbin/ausearch", "/sbin/ausearch")
_SELINUX = "/sys/fs/selinux/enforce"
_APPARMOR = "/sys/module/apparmor/parameters/enabled"

_POLICIES = "/etc/selinux"
"""Has a folder of each policy. semanage, semodule and setsebool -P write its policy/policy.VERSION
anew (semodule(8), libsemanage)."""

_LOADED = "/sys/kernel/security/apparmor/policy/profiles"
"""Has a folder of each profile, NAME.NUMBER, whose time is when it was loaded
(security/apparmor/apparmorfs.c)."""

READ_BYTES = 1 << 20
"""Bytes at the end of a log that are read."""

_MOST = 2000
"""Lines that the journal is asked for."""

_NAME = 15
"""Bytes of a program's name that the kernel keeps (TASK_COMM_LEN)."""

_MOST = 200
"""Denials of an edge's own programs that are looked at, the newest: a service can make many."""

_STAMP = re.compile(r"audit\((\d{1,12}\.\d{1,6}):\d+\)")
_UNIX = re.compile(r"(\d{9,12}\.\d{1,6}) ")
_AVC = re.compile(r"\bavc:\s+denied\s+\{(?P<wanted>[^}]*)\}\s+for\s+(?P<rest>.*)")
_FIELD = re.compile(r'(\w+)=("[^"]*"|\S+)')
_HEX = re.compile(r"(?:[0-9A-F]{2})+")


class Denial(Record):
    """One thing that was not allowed."""

    system: System
    program: str
    """The name of the process, of which the kernel keeps 15 bytes."""
    domain: str
    """The process's SELinux type, or its AppArmor profile."""
    wanted: str
    """What it wanted to do: "write", "connectto", "rw"."""
    target: str
    """A path; of SELinux often the last component alone, or a port's number."""
    kind: str
    """SELinux's class of the target ("sock_file"), or AppArmor's operation ("connect")."""
    label: str
    """The target's SELinux type; empty for AppArmor."""
    time: float
    """Seconds since the epoch; 0 where the line doesn't tell."""
    enforced: bool
    """Whether it was in fact kept from it, not only told of (permissive, complain)."""
    line: str
    """As it was logged."""


class FoundDenials(Record):
    """What was denied on a host."""

    denials: tuple[Denial, ...] = ()
    """The newest last."""
    notes: tuple[str, ...] = ()
    """What could not be seen, and what would let it be seen."""


def denials(host: Host) -> FoundDenials:
    """Return what the logs of *host* tell of denials by the policies that are in force.

    Nothing where no such system is on.
    """
    systems = systems_on(host)
    if not systems:
        return FoundDenials()
    notes: list[str] = []
    lines = _lines(host, notes)
    found = {one for line in lines if (one := read_denial(line)) and one.system in systems}
    if notes:
        notes = [f"what {' and '.join(systems)} denied is not known: {'; '.join(notes)}"]
    stand = (one for one in found if not one.time or one.time > policy_changed(host, one))
    return FoundDenials(tuple(sorted(stand, key=lambda one: one.time)), tuple(notes))


def policy_changed(host: Host, denial: Denial) -> float:
    """Return when the policy that *denial* goes by was last changed.

    Of AppArmor this is when its profile was loaded; where the kernel doesn't tell, when its files
    were written.

    Returns:
        Seconds since the epoch; 0 where it can't be seen.
    """
    if denial.system == "SELinux":
        folders = (f"{one}/policy" for one in _inside(host, _POLICIES))
        return _newest(
            host,
            (
                path
                for folder in folders
                for path in _inside(host, folder)
                if os.path.basename(path).startswith("policy.")
            ),
        )
    name = denial.domain.strip("/").replace("/", ".")
    loaded = (
        path for path in _inside(host, _LOADED) if os.path.basename(path).rpartition(".")[0] == name
    )
    if newest := _newest(host, loaded):
        return newest
    file = profile_file(host, denial.domain)
    return _newest(host, (file, local_file(file))) if file else 0.0


def _inside(host: Host, folder: str) -> list[str]:
    """Return the paths in *folder*; none where it can't be read."""
    try:
        return [f"{folder}/{name}" for name in os.listdir(host.at(folder))]
    except OSError:
        return []


def _newest(host: Host, paths: Iterable[str]) -> float:
    """Return when the last of *paths* was written; 0 for none."""
    newest = 0.0
    for path in paths:
        with suppress(OSError):
            newest = max(newest, os.stat(host.at(path)).st_mtime)
    return newest


def systems_on(host: Host) -> tuple[System, ...]:
    """Return which of the two are on; one that only tells of denials (permissive) is."""
    systems: list[System] = []
    if os.path.exists(host.at(_SELINUX)):
        systems.append("SELinux")
    with suppress(HostError):
        if host.files.read(host.at(_APPARMOR)).strip() == b"Y":
            systems.append("AppArmor")
    return tuple(systems)


def of_edge(found: Iterable[Denial], edge: Edge, steps: Sequence[Step]) -> Denial | None:
    """Return the newest denial that concerns *edge*, and still stands, or None.

    It concerns the edge where its program is at one of the two ends and its target is the
    socket, or a folder on the way. It stands where the target is as it was then: another label,
    as well as a new socket, changes the time of the inode's last change.

    Args:
        found: the denials.
        edge: the edge.
        steps: the path as its client walks it; empty for a port.
    """
    programs = {name[:_NAME] for name in (edge.client, edge.service) if name}
    own = [one for one in found if one.program in programs]
    newest = sorted(own, key=lambda denial: -denial.time)[:_MOST]
    return next((one for one in newest if _is_at(one, edge, steps)), None)


def read_denial(line: str) -> Denial | None:
    """Return the denial that *line* tells of, or None where it tells of none."""
    if found := _AVC.search(line):
        return _avc(line, found["wanted"].strip(), dict(_FIELD.findall(found["rest"])))
    if "apparmor=" not in line:
        return None
    told = dict(_FIELD.findall(line[line.index("apparmor=") :]))
    verdict = _value(told, "apparmor")
    # ALLOWED is what a profile in complain mode would have denied.
    if verdict not in {"DENIED", "ALLOWED"}:
        return None
    return Denial(
        "AppArmor",
        _value(told, "comm"),
        _value(told, "profile"),
        _value(told, "denied_mask"),
        _value(told, "name"),
        _value(told, "operation"),
        "",
        _time(line),
        verdict == "DENIED",
        line.strip(),
    )


def _avc(line: str, wanted: str, told: dict[str, str]) -> Denial:
    return Denial(
        "SELinux",
        _value(told, "comm"),
        _type(told, "scontext"),
        wanted,
        _value(told, "path") or _value(told, "name") or _value(told, "dest"),
        _value(told, "tclass"),
        _type(told, "tcontext"),
        _time(line),
        _value(told, "permissive") != "1",
        line.strip(),
    )


def _value(told: dict[str, str], name: str) -> str:
    """Return a field; what has odd characters is written in hexadecimal, without quotes."""
    value = told.get(name, "")
    if value.startswith('"'):
        return value.strip('"')
    if name in {"comm", "name", "path", "profile"} and _HEX.fullmatch(value):
        return bytes.fromhex(value).decode("utf-8", "replace")
    return value


def _type(told: dict[str, str], name: str) -> str:
    """Return the type in a context such as "system_u:object_r:var_run_t:s0"."""
    parts = told.get(name, "").split(":")
    return parts[2] if len(parts) > 2 else ""


def _time(line: str) -> float:
    stamp = _STAMP.search(line) or _UNIX.match(line)
    return float(stamp[1]) if stamp else 0.0


def _is_at(denial: Denial, edge: Edge, steps: Sequence[Step]) -> bool:
    try:
        endpoint = parse_endpoint(edge.endpoint or edge.spec)
    except BadEndpoint:
        return False
    if endpoint.family != "unix":
        return denial.target == str(endpoint.port)
    paths = [endpoint.place, *(step.path for step in steps)]
    if edge.spec.partition(":")[2].startswith("/"):
        paths.append(edge.spec.partition(":")[2])
    meant = [path for path in dict.fromkeys(paths) if _means(denial, path)]
    return any(not _changed_since(path, denial.time) for path in meant)


def _means(denial: Denial, path: str) -> bool:
    # What a service was denied elsewhere may have a name of any length, dear to look at.
    if len(denial.target) > UNIX_PATH_LIMIT:
        return False
    if denial.target.startswith("/"):
        return real_path(denial.target) == real_path(path)
    return bool(denial.target) and denial.target == os.path.basename(path)


def _changed_since(path: str, time: float) -> bool:
    """Return whether what stands at *path* is another, or has another label, than at *time*."""
    try:
        return bool(time) and os.lstat(path).st_ctime > time
    except OSError:
        # A socket that could not be made at all.
        return False


def _lines(host: Host, notes: list[str]) -> Iterator[str]:
    """Yield the lines of the first log that tells of denials: auditd's, the journal, syslog's."""
    for read in (_of_auditd, _of_journal, _of_syslog):
        try:
            lines = read(host)
        except HostError as error:
            notes.append(str(error))
            continue
        if lines is not None:
            notes.clear()
            yield from lines
            return


def _of_auditd(host: Host) -> list[str] | None:
    """Return auditd's lines, or None where there is no auditd; raises `HostError`."""
    if any(os.path.exists(host.at(path)) for path in _AUSEARCH):
        argv = ["ausearch", "--input-logs", "--message", "AVC,USER_AVC", "--start", "boot", "--raw"]
        asked = host.commands.run(argv, timeout=10.0)
        # It ends with 1 where there are none, too (ausearch(8)).
        if asked.exit_code and "<no matches>" not in asked.stderr:
            raise HostError(f"ausearch: {asked.stderr.strip() or asked.exit_code}")
        return asked.stdout.splitlines()
    return _end_of(host, AUDIT_LOG)


def _of_journal(host: Host) -> list[str] | None:
    """Return the kernel's lines of this boot, or None without a journal; raises `HostError`."""
    if host.units.absent():
        return None
    # Nobody but the kernel sets this field: what others log in its name is left out.
    of_kernel = ("_TRANSPORT=audit", "+", "_TRANSPORT=kernel")
    argv = ["journalctl", "--boot", "--no-pager", "--quiet", "--output=short-unix"]
    asked = host.commands.run([*argv, f"--lines={_MOST}", *of_kernel], timeout=10.0)
    if asked.exit_code and not asked.stdout:
        raise HostError(f"journalctl: {asked.stderr.strip() or asked.exit_code}")
    return asked.stdout.splitlines()


def _of_syslog(host: Host) -> list[str] | None:
    """Return the lines of the kernel that syslog wrote; raises `HostError`."""
    for path in SYSLOGS:
        lines = _end_of(host, path)
        if lines is not None:
            return [line for line in lines if " kernel: " in line]
    return None


def _end_of(host: Host, path: str) -> list[str] | None:
    """Return the last lines of a log, or None where it is missing; raises `HostError`."""
    try:
        with open(host.at(path), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - READ_BYTES))
            return file.read(READ_BYTES).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"{path} can't be read ({error.strerror}); run it as root") from error
