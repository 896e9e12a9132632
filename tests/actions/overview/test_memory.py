"""What is remembered for ``--since-last``: whole or not at all, one's own, not believed blindly."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.finding import Finding, Health
from actions.host.errors import HostError
from actions.overview.memory import NAME, BadMemory, compared, folder_of, recalled, remember

if TYPE_CHECKING:
    from pathlib import Path

    from actions.host.ports import Host


def finding(name: str, health: Health) -> Finding:
    return Finding(health, f"{name} is {health.value}", "", name=name)


def test_new_worse_and_gone_are_told_and_nothing_else(tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    assert recalled(folder) is None
    before = [
        finding("same", Health.DOWN),
        finding("worse", Health.DEGRADED),
        finding("better", Health.DOWN),
        finding("gone", Health.UNKNOWN),
    ]
    first = compared(recalled(folder), before)
    assert first.when is None
    assert {one.kind for one in first.changes} == {"new"}
    remember(folder, before, 1000.0)
    now = [
        finding("same", Health.DOWN),
        finding("worse", Health.DOWN),
        finding("better", Health.DEGRADED),
        finding("new", Health.DEGRADED),
    ]
    told = compared(recalled(folder), now)
    assert told.when == 1000.0
    assert [(one.kind, one.name, one.was) for one in told.changes] == [
        ("worse", "worse", "degraded"),
        ("new", "new", ""),
        ("gone", "gone", "unknown"),
    ]


def test_the_file_is_nobody_else_s_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    remember(str(folder), [finding("a", Health.DOWN)], 1.0)
    remember(str(folder), [finding("b", Health.DOWN)], 2.0)
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert os.listdir(folder) == [NAME]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'{"schema": "overview.last/2"}',
        b'{"schema": "overview.last/1"}',
        b'{"schema": "overview.last/1", "when": 1, "findings": {"a": ["ok", "x"]}}',
        b'{"schema": "overview.last/1", "when": [], "findings": {}}',
        b"\xff",
    ],
)
def test_a_damaged_memory_is_said(tmp_path: Path, content: bytes) -> None:
    remember(str(tmp_path / "state"), [], 1.0)
    (tmp_path / "state" / NAME).write_bytes(content)
    with pytest.raises(BadMemory, match="can't be used"):
        recalled(str(tmp_path / "state"))


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    folder, other = tmp_path / "state", tmp_path / "precious"
    folder.mkdir(0o700)
    other.write_text("precious")
    (folder / NAME).symlink_to(other)
    with pytest.raises(BadMemory):
        recalled(str(folder))
    remember(str(folder), [], 1.0)
    assert other.read_text() == "precious"
    assert not (folder / NAME).is_symlink()


def test_a_folder_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(BadMemory, match="others may write it"):
        recalled(str(folder))
    with pytest.raises(HostError, match="others may write it"):
        remember(str(folder), [], 1.0)


def test_who_is_not_root_has_a_memory_of_his_own(
    bare: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # the tests may run as root
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    assert folder_of(bare) == "/somewhere/state/milter-console"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/alice")
    assert folder_of(bare) == "/home/alice/.local/state/milter-console"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert folder_of(bare) == bare.state_folder
