"""Files replaced and owned, and what is refused."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from actions.host.errors import HostError, NotPermitted
from actions.host.files import Files, temporary
from actions.host.kept import FileState, Kept
from actions.host.walk import Planted
from tests.actions.sandbox import needs_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICE = 12001
FILES = Files()


def kept(content: bytes = b"new\n", mode: int = 0o600) -> Kept:
    return Kept(content, mode, os.geteuid(), os.getegid())


@pytest.fixture
def service_folder(tmp_path: Path) -> Path:
    """A folder that a service user owns, below ones that are ours."""
    folder = tmp_path / "service"
    folder.mkdir()
    os.chown(folder, SERVICE, SERVICE)
    return folder


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(b"old\n")
    path.chmod(0o640)
    before = FILES.keep(str(path))
    assert before is not None
    FILES.put(str(path), before._replace(content=b"new\n"), "t", replaces=before)
    assert path.read_bytes() == b"new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["a.conf"]


def test_readers_see_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    contents = (b"a" * 100_000, b"b" * 200_000)
    path.write_bytes(contents[0])
    done = threading.Event()

    def replace() -> None:
        for number in range(100):
            before = FILES.keep(str(path))
            after = kept(contents[number % 2])
            FILES.put(str(path), after, "t", replaces=before)
        done.set()

    thread = threading.Thread(target=replace)
    thread.start()
    while not done.is_set():
        assert path.read_bytes() in contents
    thread.join()


def test_the_temporary_file_is_never_more_open_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    seen = []

    def look(descriptor: int, mode: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fchmod", look)
        FILES.put(str(path), kept(mode=0o644), "t", replaces=None)
    assert seen == [0o600]


def test_what_came_meanwhile_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(b"planned for\n")
    before = FILES.keep(str(path))
    path.write_bytes(b"by hand\n")
    for replaces in (before, None):
        with pytest.raises(HostError, match="somebody changed it meanwhile"):
            FILES.put(str(path), kept(), "t", replaces=replaces)
    assert before is not None
    with pytest.raises(HostError, match="somebody changed it meanwhile"):
        FILES.remove(str(path), expected=before)
    assert path.read_bytes() == b"by hand\n"
    assert os.listdir(tmp_path) == ["a.conf"]


def test_a_file_is_created_and_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "a.conf")
    FILES.put(path, kept(mode=0o640), "t", replaces=None)
    assert FILES.keep(path) == kept(mode=0o640)
    assert FILES.state(path) == FileState("file", 0o640, os.geteuid(), os.getegid(), 4, 1)
    FILES.remove(path, expected=kept(mode=0o640))
    assert FILES.state(path).kind == "absent"
    assert FILES.keep(path) is None


def test_a_folder_is_made_and_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "drop.d")
    FILES.make_folder(path, 0o2750, os.geteuid(), os.getegid(), "t")
    assert FILES.state(path)[:2] == ("folder", 0o2750)
    with pytest.raises(HostError, match="stands there already"):
        FILES.make_folder(path, 0o755, os.geteuid(), os.getegid(), "t")
    (tmp_path / "drop.d/x").touch()
    with pytest.raises(HostError, match="not empty"):
        FILES.remove_folder(path)
    (tmp_path / "drop.d/x").unlink()
    FILES.remove_folder(path)
    assert os.listdir(tmp_path) == []


@needs_root
@pytest.mark.parametrize("kind", ["file", "folder", "socket", "fifo"])
def test_owner_and_mode_of_every_kind(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "file":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    FILES.own(str(path), SERVICE, 12002, 0o2770)
    assert FILES.state(str(path))[:4] == (kind, 0o2770, SERVICE, 12002)


@needs_root
@pytest.mark.parametrize("work", ["own", "read", "keep", "put"])
def test_a_last_link_is_never_followed(service_folder: Path, tmp_path: Path, work: str) -> None:
    target = tmp_path / "shadow"
    target.write_bytes(b"secret")
    target.chmod(0o600)
    link = service_folder / "milter.sock"
    link.symlink_to(target)
    os.chown(link, SERVICE, SERVICE, follow_symlinks=False)
    works: dict[str, Callable[[], object]] = {
        "own": lambda: FILES.own(str(link), SERVICE, SERVICE, 0o666),
        "read": lambda: FILES.read(str(link)),
        "keep": lambda: FILES.keep(str(link)),
        "put": lambda: FILES.put(str(link), kept(), "t", replaces=kept(b"secret")),
    }
    with pytest.raises(HostError, match="symbolic link"):
        works[work]()
    assert target.read_bytes() == b"secret"
    assert FILES.state(str(target))[:4] == ("file", 0o600, 0, 0)
    assert FILES.state(str(link)).link_target == str(target)
    assert os.listdir(service_folder) == ["milter.sock"]


@needs_root
@pytest.mark.parametrize("owner", [0, SERVICE])
def test_a_planted_link_on_the_way_is_refused(
    service_folder: Path, tmp_path: Path, owner: int
) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_bytes(b"root\n")
    link = service_folder / "conf"
    link.symlink_to(etc)
    os.chown(link, owner, owner, follow_symlinks=False)
    path = str(link / "passwd")
    works: tuple[Callable[[], object], ...] = (
        lambda: FILES.own(path, SERVICE, SERVICE, 0o666),
        lambda: FILES.read(path),
        lambda: FILES.state(path),
        lambda: FILES.put(path, kept(), "t", replaces=kept(b"root\n")),
        lambda: FILES.resolve(path),
        lambda: FILES.resolve(str(link)),
    )
    for work in works:
        with pytest.raises(Planted, match=r"could have put there .* mode 0755"):
            work()
    assert (etc / "passwd").read_bytes() == b"root\n"
    assert os.listdir(etc) == ["passwd"]


@needs_root
@pytest.mark.parametrize(
    ("mode", "follows"), [(0o755, True), (0o775, False), (0o777, False), (0o1777, True)]
)
def test_links_of_root_in_folders_of_root_are_followed(
    tmp_path: Path, mode: int, follows: bool
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/x").write_bytes(b"content")
    var = tmp_path / "var"
    var.mkdir()
    (var / "run").symlink_to("../run")
    var.chmod(mode)
    path = str(var / "run/x")
    if not follows:
        with pytest.raises(Planted):
            FILES.read(path)
        return
    assert FILES.read(path) == b"content"
    assert FILES.resolve(path) == str(tmp_path / "run/x")
    assert FILES.resolve(str(var / "run")) == str(tmp_path / "run")


@needs_root
def test_a_link_of_root_below_a_service_folder_is_refused(service_folder: Path) -> None:
    # The service can rename what stands in its folder, so it chose this way.
    inner = service_folder / "inner"
    inner.mkdir()
    (inner / "link").symlink_to("/etc")
    with pytest.raises(Planted):
        FILES.read(str(inner / "link/passwd"))


@needs_root
def test_a_link_of_a_service_in_a_sticky_folder_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to("/etc")
    os.chown(shared / "link", SERVICE, SERVICE, follow_symlinks=False)
    with pytest.raises(Planted):
        FILES.read(str(shared / "link/passwd"))


@needs_root
def test_a_second_name_in_a_service_folder_is_left_alone(
    service_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "shadow"
    target.write_bytes(b"secret")
    target.chmod(0o600)
    os.link(target, service_folder / "milter.pid")
    with pytest.raises(HostError, match="2 names"):
        FILES.own(str(service_folder / "milter.pid"), SERVICE, SERVICE, 0o666)
    assert FILES.state(str(target))[:4] == ("file", 0o600, 0, 0)
    with pytest.raises(HostError, match="2 names"):
        FILES.put(str(target), kept(), "t", replaces=FILES.keep(str(target)))


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(HostError, match="Too many levels"):
        FILES.read(str(tmp_path / "a/x"))
    with pytest.raises(HostError, match="Too many levels"):
        FILES.resolve(str(tmp_path / "a"))


def test_reading_has_limits(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 1001)
    assert len(FILES.read(str(path), 1001)) == 1001
    with pytest.raises(HostError, match="at most 1000"):
        FILES.read(str(path), 1000)
    with pytest.raises(HostError, match="more than 100"):
        FILES.read("/proc/self/maps", 100)


def test_what_would_wait_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(HostError, match="a fifo, not a regular file"):
        FILES.read(str(tmp_path / "fifo"))
    with pytest.raises(HostError, match="a device, not a regular file"):
        FILES.read("/dev/zero")
    with pytest.raises(HostError, match="a folder, not a regular file"):
        FILES.read(str(tmp_path))


@pytest.mark.parametrize("path", ["relative", "/", "/etc/..", "/etc/a\0b", ""])
def test_a_path_must_name_a_file(path: str) -> None:
    with pytest.raises(HostError, match="absolute path"):
        FILES.read(path)


def test_what_is_missing_is_absent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("no", "no/such", "file/below"):
        assert FILES.state(str(tmp_path / name)).kind == "absent"
        assert FILES.keep(str(tmp_path / name)) is None
        FILES.sweep(str(tmp_path / name), "t")
        with pytest.raises(HostError, match="cannot read it"):
            FILES.read(str(tmp_path / name))


def test_sweep_removes_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / temporary("1")).touch()
    (tmp_path / temporary("2")).mkdir()
    for token in ("1", "2", "3"):
        FILES.sweep(str(tmp_path / "x"), token)
    assert os.listdir(tmp_path) == []


@needs_root
def test_what_is_not_permitted_says_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    path = tmp_path / "a.conf"
    path.write_bytes(b"old\n")
    path.chmod(0o600)
    child = os.fork()
    if not child:
        os.setuid(SERVICE)
        status = 1
        try:
            FILES.read(str(path))
        except NotPermitted as error:
            status = 0 if "run as root or with sudo" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def _acl(*entries: tuple[int, int, int]) -> bytes:
    """Return an access control list as the kernel keeps it: tag, permissions, number."""
    return b"\2\0\0\0" + b"".join(struct.pack("<HHi", *entry) for entry in entries)


@needs_root
def test_labels_are_kept_and_none_are_added(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(b"old\n")
    path.chmod(0o640)
    default = _acl((1, 7, -1), (2, 6, SERVICE), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    try:
        os.setxattr(path, "user.note", b"kept")
        os.setxattr(path, "security.test", b"label")
        os.setxattr(tmp_path, "system.posix_acl_default", default)
    except OSError as error:
        pytest.skip(f"no such labels on this file system: {error}")
    before = FILES.keep(str(path))
    assert before is not None
    assert before.labels == (("security.test", b"label"), ("user.note", b"kept"))
    FILES.put(str(path), before._replace(content=b"new\n"), "t", replaces=before)
    assert FILES.keep(str(path)) == before._replace(content=b"new\n")
    # Without an ACL of its own it would let the service read it, by the folder's default.
    assert sorted(os.listxattr(path)) == ["security.test", "user.note"]


@needs_root
@pytest.mark.parametrize("exchange", ["link", "hard link", "file"])
@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_what_is_exchanged_while_it_is_written_is_refused(
    service_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exchange: str,
    is_new: bool,
    late: bool,
) -> None:
    secret = tmp_path / "shadow"
    secret.write_bytes(b"secret")
    path, name = service_folder / "a.conf", service_folder / temporary("t")
    before = None if is_new else kept(b"old\n")
    if before is not None:
        path.write_bytes(before.content)
        path.chmod(before.mode)

    def exchanged() -> None:
        name.unlink()
        if exchange == "link":
            name.symlink_to(secret)
        elif exchange == "hard link":
            os.link(secret, name)
        else:
            name.write_bytes(b"planted")

    step = ("link" if is_new else "replace") if late else "fsync"
    real = getattr(os, step)

    def meanwhile(*arguments: object, **further: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, step, real)
            exchanged()
        real(*arguments, **further)
        monkeypatch.setattr(os, step, real)

    monkeypatch.setattr(os, step, meanwhile)
    with pytest.raises(HostError, match="somebody exchanged what was being written"):
        FILES.put(str(path), kept(), "t", replaces=before)
    assert secret.read_bytes() == b"secret"
    assert secret.stat().st_nlink == 1 or not is_new
    assert not name.exists()
    if is_new:
        assert os.listdir(service_folder) == []
    elif not late:
        assert path.read_bytes() == b"old\n"


@needs_root
@pytest.mark.parametrize("step", ["mkdir", "fchmod", "replace"])
def test_a_new_folder_that_is_exchanged_is_refused(
    service_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    name = service_folder / temporary("t")
    real = getattr(os, step)

    def meanwhile(*arguments: object, **further: object) -> None:
        monkeypatch.setattr(os, step, real)
        if step == "mkdir":
            real(*arguments, **further)
        name.rename(tmp_path / "moved")
        name.mkdir(0o755)
        os.chown(name, SERVICE, SERVICE)
        if step != "mkdir":
            real(*arguments, **further)

    monkeypatch.setattr(os, step, meanwhile)
    with pytest.raises(HostError, match="somebody exchanged"):
        FILES.make_folder(str(service_folder / "drop.d"), 0o700, 0, 0, "t")
