"""The cache of built layers: whole or not there, kept while in use, swept when old."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.system.rig import store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "FOLDER", tmp_path / "cache")
    return tmp_path / "cache"


def fill(part: Path) -> None:
    (part / "root").mkdir()
    (part / "root" / "file").write_text("built")
    (part / "work").mkdir()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_a_layer_is_built_once_and_without_what_only_its_making_needed(folder: Path) -> None:
    built: list[Path] = []

    def build(part: Path) -> None:
        built.append(part)
        fill(part)

    for _ in range(2):
        held = store.hold("debian/base", "one", build)
        assert (held.root / "file").read_text() == "built"
        assert [path.name for path in held.root.parent.iterdir()] == ["root"]
        held.let_go()
    assert len(built) == 1


def test_a_build_that_fails_leaves_nothing(folder: Path) -> None:
    def broken(part: Path) -> None:
        fill(part)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.hold("debian/base", "one", broken)
    assert names(folder) == []
    # As a killed build leaves it:
    (folder / "debian-base@one.part" / "root").mkdir(parents=True)
    held = store.hold("debian/base", "one", fill)
    assert (held.root / "file").exists()
    held.let_go()
    assert names(folder) == ["debian-base@one"]


def use(digest: str, name: str = "debian/base", *, ago: float = 0.0) -> None:
    """Have a layer that was used last *ago* seconds before now."""
    held = store.hold(name, digest, fill)
    os.utime(held.root.parent, (time.time() - ago,) * 2)
    held.let_go()


def test_two_checkouts_leave_each_others_layers(folder: Path) -> None:
    for _ in range(2):
        use("mine")
        use("theirs")
    assert names(folder) == ["debian-base@mine", "debian-base@theirs"]


def test_of_the_layers_used_before_the_last_stay(folder: Path) -> None:
    use("elsewhere", "debian/base-more", ago=99.0)
    for number in range(store.KEPT + 2):
        use(str(number), ago=99.0 - number)
    use("0", ago=50.0)
    use("now")
    kept = ["0", *(str(number) for number in range(4, store.KEPT + 2)), "now"]
    assert names(folder) == ["debian-base-more@elsewhere", *(f"debian-base@{one}" for one in kept)]


def test_what_nobody_used_for_days_goes_when_nobody_holds_it(folder: Path) -> None:
    old = store.hold("debian/base", "old", fill)
    os.utime(old.root.parent, (0, 0))
    use("new")
    assert old.root.exists()
    old.let_go()
    use("new")
    assert names(folder) == ["debian-base@new"]


def test_two_who_want_the_same_build_it_once(folder: Path) -> None:
    built: list[Path] = []
    began, go_on = threading.Event(), threading.Event()

    def build(part: Path) -> None:
        built.append(part)
        fill(part)
        began.set()
        assert go_on.wait(10)

    def want() -> None:
        store.hold("debian/base", "one", build).let_go()

    first = threading.Thread(target=want)
    second = threading.Thread(target=want)
    first.start()
    assert began.wait(10)
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert len(built) == 1
