"""A service's user that exchanges what stands in its folder as fast as it can, against root.

Whatever root is asked to give an owner or a mode: nothing outside of that folder changes, and no
program of the user's gets a set-id bit.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import socket
import stat
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest

from actions.changes import AccessList, Folder, Owned, Ownership
from actions.host.errors import HostError
from actions.host.folder_acl import Access
from actions.sockets.ways.dropin import handing
from tests.actions.sandbox import SandboxHost, needs_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = needs_root

SERVICE, CLIENT = 12001, 12002
SECONDS, MOST = 1.0, 20.0
"""How long root tries, again and again: until it was both let through and refused."""

_EXCHANGE, _HERE = 2, -100
"""RENAME_EXCHANGE and AT_FDCWD (linux/fs.h, fcntl.h)."""
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276}
"""The number of renameat2(2), which Python does not have."""


class Attacked(NamedTuple):
    """What stands where when it begins."""

    outside: Path
    """Root's own: a file and a folder that nothing may touch."""
    folder: Path
    """The service's."""
    socket: Path
    """In it; stands there by turns with a link and with a program."""
    inner: Path
    """A folder in it; stands there by turns with a link to root's folder and with a program."""


@pytest.fixture
def attacked(tmp_path: Path) -> Attacked:
    tmp_path.chmod(0o755)
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "shadow").write_bytes(b"root:secret")
    (outside / "shadow").chmod(0o640)
    (outside / "folder/in.sock").touch(0o600)
    folder = tmp_path / "service"
    folder.mkdir()
    socket_path, inner = folder / "milter.sock", folder / "inner"
    inner.mkdir(0o750)
    for path in (socket_path, inner / "in.sock"):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
        path.chmod(0o640)
    for name, target in (("link", "../outside/shadow"), ("folder-link", "../outside/folder")):
        (folder / name).symlink_to(target)
    for name in ("program", "other-program"):
        (folder / name).write_bytes(b"#!/bin/sh\n")
        (folder / name).chmod(0o750)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, SERVICE, SERVICE, follow_symlinks=False)
    return Attacked(outside, folder, socket_path, inner)


def seen(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return owner, group, mode and names of all in *folder*."""
    return {
        str(path): (entry.st_uid, entry.st_gid, entry.st_mode, entry.st_nlink)
        for path in (folder, *sorted(folder.rglob("*")))
        for entry in (path.lstat(),)
    }


@contextmanager
def exchanging(attacked: Attacked) -> Iterator[None]:
    """Exchange what stands in the service's folder, as its user, as long as this lasts."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.chdir(attacked.folder)
            os.setgroups([])
            os.setgid(SERVICE)
            os.setuid(SERVICE)
            _exchange_for_ever(tell)
        finally:
            os._exit(1)
    os.close(tell)
    try:
        assert os.read(told, 1) == b"!", "nothing was exchanged"
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)


def _exchange_for_ever(tell: int) -> None:
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    number = _RENAMEAT2[os.uname().machine]
    pairs = (
        (b"milter.sock", b"link"),
        (b"milter.sock", b"program"),
        (b"inner", b"folder-link"),
        (b"inner", b"other-program"),
    )
    for turn in itertools.count():
        for one, other in pairs:
            # Twice, so that each thing is back in its place before the next is exchanged.
            for _ in range(2):
                if syscall(number, _HERE, one, _HERE, other, _EXCHANGE):
                    os._exit(2)
        with suppress(OSError):  # the kernel forbids it where it protects hard links
            os.link("../outside/shadow", "second")
        with suppress(OSError):
            os.unlink("second")
        if not turn:
            os.write(tell, b"!")


def again_and_again(fix: Callable[[], object]) -> tuple[int, int]:
    """Try *fix* for a while; return how often it was done, and how often refused."""
    done = refused = 0
    began = time.monotonic()
    while (spent := time.monotonic() - began) < SECONDS or (
        not (done and refused) and spent < MOST
    ):
        try:
            fix()
        except HostError:
            refused += 1
        else:
            done += 1
    return done, refused


def fixes(host: SandboxHost, attacked: Attacked) -> dict[str, Callable[[], object]]:
    """Return root's fixes, each of which would be right if nobody interfered."""
    socket_before, socket_after = Owned(SERVICE, SERVICE, 0o640), Owned(SERVICE, CLIENT, 0o660)
    folder_before, folder_after = Owned(SERVICE, SERVICE, 0o750), Owned(SERVICE, CLIENT, 0o2750)
    there = Ownership(str(attacked.socket), socket_before, socket_after)
    below = Ownership(str(attacked.inner / "in.sock"), socket_before, socket_after)
    folder = Ownership(str(attacked.inner), folder_before, folder_after)
    closed = Access(0o750)
    listed = AccessList(str(attacked.inner), closed, closed.passing(CLIENT), ("user:x:--x",))
    made = Folder(str(attacked.inner / "new"), "make", 0o2750, SERVICE, CLIENT)
    return {
        "socket": lambda: there.apply(host, "t"),
        "socket below": lambda: below.apply(host, "t"),
        "folder": lambda: folder.apply(host, "t"),
        "list": lambda: listed.apply(host, "t"),
        "new folder": lambda: _made_anew(host, made),
    }


def _made_anew(host: SandboxHost, change: Folder) -> None:
    with suppress(HostError):  # it may be refused, and then the folder stands there still
        change.inverse().apply(host, "t")
    change.apply(host, "t")


@pytest.mark.parametrize("kind", ["socket", "socket below", "folder", "list", "new folder"])
def test_root_changes_nothing_outside_of_the_folder(
    tmp_path: Path, attacked: Attacked, kind: str
) -> None:
    host = SandboxHost(str(tmp_path))
    before = seen(attacked.outside)
    with exchanging(attacked):
        done, refused = again_and_again(fixes(host, attacked)[kind])
    assert (attacked.outside / "shadow").read_bytes() == b"root:secret"
    assert seen(attacked.outside) == before
    programs = [path for path in attacked.folder.rglob("*program*") if path.is_file()]
    assert programs
    assert not any(path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID) for path in programs)
    assert done, "it was never done, so nothing was tried"
    assert refused, "nothing was ever exchanged at the right moment"


def test_the_command_of_the_drop_in_changes_nothing_outside(attacked: Attacked) -> None:
    before = seen(attacked.outside)
    # What systemd makes of it: "$$" is "$" (systemd.service(5)).
    argv = [word.replace("$$", "$") for word in handing(str(attacked.socket), str(CLIENT))]
    with exchanging(attacked):
        ended = {
            subprocess.run(argv, check=False, capture_output=True, timeout=20).returncode
            for _ in range(20)
        }
    assert 0 in ended
    assert seen(attacked.outside) == before
    assert CLIENT in {path.lstat().st_gid for path in attacked.folder.rglob("*")}


TMPFILES = "/usr/bin/systemd-tmpfiles"


@pytest.mark.skipif(not os.path.exists(TMPFILES), reason="systemd-tmpfiles is not installed")
def test_the_line_for_tmpfiles_changes_nothing_outside(tmp_path: Path, attacked: Attacked) -> None:
    before = seen(attacked.outside)
    file = tmp_path / "milter-console-test.conf"
    file.write_text(f"z {attacked.folder} 2750 {SERVICE} {CLIENT}\n")
    with exchanging(attacked):
        for _ in range(20):
            attacked.folder.chmod(0o700)
            subprocess.run([TMPFILES, "--create", str(file)], check=True, timeout=20)
            assert stat.S_IMODE(attacked.folder.stat().st_mode) == 0o2750
    assert seen(attacked.outside) == before
