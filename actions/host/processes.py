"""The processes of this host, as /proc and the control groups tell them, without any rights."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
"""Where the control groups are: version 2, both at once, version 1."""

NAME_LIMIT = 15
"""Bytes of a process's name that the kernel keeps (TASK_COMM_LEN)."""

SYSTEM_UIDS = range(1000)
"""Those of the system's own users (login.defs(5), SYS_UID_MAX): any other user may call a process
what he likes."""

INTERPRETERS = ("perl", "python", "ruby", "sh", "bash", "dash")


class Process(Record):
    """One process."""

    pid: int
    uid: int
    """The real one: spamd, for one, takes another's rights for a while as it starts."""
    names: frozenset[str]
    """What its program may be called: the kernel's name for it, and its command's."""


def is_alive(pid: int) -> bool | None:
    """Return whether *pid* runs, and is no remains of one; None where that can't be seen."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state = file.read().rpartition(b")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None if _is_hidden(pid) else False
    except (OSError, IndexError):
        return None
    return state not in {b"Z", b"X"}


def of_group(group: str) -> tuple[int, ...] | None:
    """Return the processes in the control group *group*; None where they can't be seen."""
    if not group.strip("/"):
        return None
    for top in GROUPS:
        folder = f"{top}{group}"
        if os.path.isdir(folder):
            return tuple(_below(folder))
    # systemd removes the group of a unit that has no process.
    return () if any(os.path.isdir(f"{top}/system.slice") for top in GROUPS) else None


def has_process(group: str) -> bool | None:
    """Return whether any process is in the control group *group*; None where that is not told.

    One small file tells it (cgroups(7), cgroup.events), which is for who asks often.
    """
    if not group.strip("/"):
        return None
    try:
        with open(f"{GROUPS[0]}{group}/cgroup.events", "rb") as file:
            return b"populated 1" in file.read()
    except OSError:
        found = of_group(group)
        return None if found is None else bool(found)


def _below(folder: str) -> Iterator[int]:
    for place, _, files in os.walk(folder):
        if "cgroup.procs" in files:
            with suppress(OSError), open(f"{place}/cgroup.procs", "rb") as file:
                yield from (int(word) for word in file.read().split() if word != b"0")


def all_processes() -> tuple[Process, ...]:
    """Return every process of this host that this user can see, those in containers left out."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                found.append(process_of(int(name)))
    return tuple(one for one in found if one)


def hides_others() -> bool:
    """Return whether /proc shows this user only his own processes (hidepid, proc(5))."""
    return os.geteuid() != 0 and not os.path.exists("/proc/1/stat")


def named(
    processes: Iterable[Process], names: Iterable[str], uid: int | None
) -> tuple[Process, ...]:
    """Return those of *processes* that are called one of *names*, and run as *uid* if given."""
    wanted = {short for name in names if name for short in (name, name[:NAME_LIMIT])}
    return tuple(one for one in processes if one.names & wanted and (uid is None or one.uid == uid))


def unit_of(pid: int) -> str:
    """Return the service in whose control group process *pid* is, or ""."""
    with suppress(OSError), open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        for line in file:
            number, controllers, path = line.rstrip("\n").split(":", 2)
            if number == "0" or controllers == "name=systemd":
                parts = [part for part in path.split("/") if part.endswith(".service")]
                if parts:
                    return parts[-1]
    return ""


def holders(inodes: Iterable[int]) -> Iterator[int]:
    """Yield the processes that have one of the sockets *inodes*; root sees those of all users."""
    names = {f"socket:[{inode}]" for inode in inodes}
    pids = (int(name) for name in os.listdir("/proc") if names and name.isdigit())
    return (pid for pid in pids if _holds(pid, names))


def _holds(pid: int, names: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for number in os.listdir(folder):
            with suppress(OSError):
                if os.readlink(f"{folder}/{number}") in names:
                    return True
    return False


def memory_of(pids: Iterable[int]) -> int | None:
    """Return the bytes that *pids* take together, what they share counted once per process."""
    total, seen = 0, False
    page = os.sysconf("SC_PAGE_SIZE")
    for pid in pids:
        with suppress(OSError, IndexError, ValueError), open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared = (int(word) for word in file.read().split()[:3])
            total, seen = total + (resident - shared) * page, True
    return total if seen else None


def started(pid: int) -> float | None:
    """Return when *pid* began, in seconds since the epoch (proc(5), starttime and btime)."""
    with suppress(OSError, IndexError, ValueError):
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        return boot + ticks / os.sysconf("SC_CLK_TCK")
    return None


def status_of(pid: int | str) -> dict[bytes, bytes]:
    """Return what the kernel tells of process *pid*, by name (proc(5), status); raises OSError."""
    with open(f"/proc/{pid}/status", "rb") as file:
        return dict(line.partition(b":")[::2] for line in file)


def process_of(pid: int) -> Process | None:
    """Return process *pid*; None where it is in a container or has ended; raises OSError."""
    told = status_of(pid)
    if len(told.get(b"NSpid", b"").split()) > len(_own_depth()):
        return None  # in a container, which has its own console
    if told.get(b"State", b"").split()[:1] == [b"Z"]:
        return None
    uid = int(told[b"Uid"].split()[0])
    names = {told[b"Name"].strip().decode("utf-8", "replace"), *_command_names(pid)}
    return Process(pid, uid, frozenset(names - {""}))


def _own_depth() -> list[bytes]:
    global _DEPTH
    if not _DEPTH:
        _DEPTH = status_of("self").get(b"NSpid", b"1").split() or [b"1"]
    return _DEPTH


_DEPTH: list[bytes] = []


def _command_names(pid: int) -> Iterator[str]:
    """Yield the file name of the command; of a script, the script's too."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(4096).decode("utf-8", "replace").split("\0")
    first = os.path.basename(words[0].split(" ")[0].rstrip(":"))
    yield first
    if first.rstrip("0123456789.") in INTERPRETERS:
        script = next((word for word in words[1:] if word and not word.startswith("-")), "")
        yield os.path.basename(script)


def _is_hidden(pid: int) -> bool:
    return pid != os.getpid() and hides_others()
