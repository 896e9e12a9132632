"""Files that a test leaves: whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError
from actions.chain.written import check_writable, write

if TYPE_CHECKING:
    from pathlib import Path


def test_it_takes_the_place_of_the_one_before_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before")
    path.chmod(0o666)
    write("--out", str(path), b"after", 0o600)
    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["out"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(ActionError, match="--out"):
        write("--out", str(tmp_path / "folder"), b"after", 0o600)
    assert sorted(os.listdir(tmp_path)) == ["folder", "out"]


def test_what_can_t_be_written_is_refused_before(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for path in (tmp_path, tmp_path / "link", tmp_path / "no" / "folder"):
        with pytest.raises(ActionError, match="can't be written"):
            check_writable("--out", str(path))
    check_writable("--out", str(tmp_path / "new"))
