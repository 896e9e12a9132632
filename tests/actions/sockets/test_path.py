"""A path walked with a user's eyes, on a real tree of folders, links and sockets."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from actions.host.ports import Account
from actions.sockets.path import MOST_STEPS, failing, planted, walk
from tests.programs import give_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRANGER = Account("stranger", 61999, 61999, (61999,))


class Numbers:
    """Accounts without names: every user and group is its number."""

    def user_name(self, uid: int) -> str:
        return str(uid)

    def group_name(self, gid: int) -> str:
        return str(gid)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    """A socket in a folder that everybody may pass."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o011)
    path = folder / "milter.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


def steps_of(path: Path | str, account: Account = STRANGER):  # type: ignore[no-untyped-def]
    return walk(Numbers(), str(path), account)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [0o755, 0o640, 0o664])
def test_a_socket_without_w_for_others_stops_a_stranger(listening: Path, mode: int) -> None:
    listening.chmod(mode)
    broken = failing(steps_of(listening))
    assert broken is not None
    assert (broken.path, broken.kind, broken.needs) == (str(listening), "socket", "w")
    assert broken.note.startswith("others have ")


def test_connecting_needs_nothing_but_w(listening: Path) -> None:
    listening.chmod(0o602)
    assert failing(steps_of(listening)) is None


def test_the_owner_is_judged_by_the_owners_bits_only(listening: Path) -> None:
    listening.chmod(0o066)
    owner = Account("owner", os.getuid() or 61998, 61999, (61999,))
    if os.getuid() == 0:
        os.chown(listening, owner.uid, 0)
    broken = failing(steps_of(listening, owner))
    assert broken is not None
    assert broken.note == "owner has ---"


def test_a_supplementary_group_counts(listening: Path) -> None:
    gid = listening.stat().st_gid
    listening.chmod(0o620)
    member = STRANGER._replace(groups=(61999, gid))
    assert failing(steps_of(listening, member)) is None
    assert failing(steps_of(listening)) is not None


def test_a_folder_without_x_is_named_before_the_socket(listening: Path) -> None:
    listening.chmod(0o666)
    listening.parent.chmod(0o750)
    broken = failing(steps_of(listening))
    assert broken is not None
    assert (broken.path, broken.kind, broken.needs) == (str(listening.parent), "folder", "x")


def test_what_is_missing_ends_the_walk(listening: Path) -> None:
    steps = steps_of(listening.parent / "gone" / "milter.sock")
    assert steps[-1].kind == "missing"
    assert steps[-1].path.endswith("/gone")


def test_a_link_is_shown_and_followed(listening: Path, tmp_path: Path) -> None:
    listening.chmod(0o600)
    link = tmp_path / "short"
    link.symlink_to("run")
    steps = steps_of(link / "milter.sock")
    shown = next(step for step in steps if step.kind == "link")
    assert (shown.path, shown.note) == (str(link), "→ run")
    broken = failing(steps)
    assert broken is not None
    assert broken.path == str(listening)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert len(steps_of(tmp_path / "a")) < 60


def test_root_passes_everywhere(listening: Path) -> None:
    listening.chmod(0)
    assert failing(steps_of(listening, Account("root", 0, 0, (0,)))) is None


def test_links_and_dots_stay_inside_of_the_root(listening: Path, tmp_path: Path) -> None:
    listening.chmod(0o666)
    (tmp_path / "away").symlink_to("/run/milter.sock")
    (tmp_path / "up").symlink_to("../../run")
    for way in ("away", "up/milter.sock", "../run/milter.sock"):
        steps = walk(Numbers(), f"{tmp_path}/{way}", STRANGER, str(tmp_path))  # type: ignore[arg-type]
        assert steps[0].path == str(tmp_path)
        assert (steps[-1].path, steps[-1].granted) == (str(listening), True)


def test_what_lets_a_user_in_by_a_further_group_is_told(listening: Path) -> None:
    listening.chmod(0o620)
    gid = listening.stat().st_gid
    member = STRANGER._replace(groups=(61999, gid))
    assert steps_of(listening, member)[-1].membership == str(gid)
    first = STRANGER._replace(gid=gid, groups=(gid,))
    assert steps_of(listening, first)[-1].membership == ""
    listening.chmod(0o666)
    assert steps_of(listening)[-1].membership == ""


def test_a_security_label_is_shown(listening: Path) -> None:
    label = b"system_u:object_r:postfix_spool_t:s0\0"
    try:
        os.setxattr(listening, "security.selinux", label)
    except OSError as error:
        give_up(f"labels can't be set here: {error.strerror}")
    assert steps_of(listening)[-1].label == "system_u:object_r:postfix_spool_t:s0"
    assert steps_of(listening)[-2].label == ""


def test_links_that_stand_for_thousands_of_folders_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for number in range(40):
        (tmp_path / f"link{number}").symlink_to("x/../" * 800 + f"link{number + 1}")
    assert len(steps_of(tmp_path / "link0")) == MOST_STEPS


def test_a_link_that_goes_while_it_is_looked_at_is_told(
    listening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race itself can't be had at will: the link's end comes right after its look."""
    (listening.parent / "link").symlink_to("milter.sock")
    monkeypatch.setattr(os, "readlink", lambda path: os.stat(f"{path}-gone"))
    assert steps_of(listening.parent / "link")[-1].kind == "missing"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_link_in_a_folder_of_another_user_is_told_from_roots_own(
    listening: Path, tmp_path: Path
) -> None:
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    for folder in (own, theirs):
        folder.mkdir()
        (folder / "link").symlink_to(listening)
    os.chown(theirs, STRANGER.uid, STRANGER.gid)
    assert planted(steps_of(own / "link")) is None
    link = planted(steps_of(theirs / "link"))
    assert link is not None
    assert link.path == str(theirs / "link")
