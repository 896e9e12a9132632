"""Who masked a unit, by where the mask is, and what takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.mailhost.masks import masked_by
from tests.actions.mailhost.private import PrivateHost

UNIT = "x.service"


@pytest.mark.parametrize(
    ("folder", "who", "step"),
    [
        ("/etc/systemd/system", "an administrator", f"systemctl unmask {UNIT}"),
        ("/run/systemd/system", "until the next boot", f"systemctl unmask --runtime {UNIT}"),
        ("/usr/lib/systemd/system", "its package", "see the package's documentation for"),
    ],
)
def test_a_link_to_nothing_masks(tmp_path: Path, folder: str, who: str, step: str) -> None:
    host = PrivateHost(tmp_path)
    Path(host.at(folder)).mkdir(parents=True)
    Path(host.at(f"{folder}/{UNIT}")).symlink_to("/dev/null")
    mask = masked_by(host, UNIT)
    assert who in mask.who
    assert host.at(f"{folder}/{UNIT}") in mask.who
    assert mask.step.startswith(step)


def test_an_empty_file_masks_and_unmask_does_not_take_it_away(tmp_path: Path) -> None:
    host = PrivateHost(tmp_path)
    Path(host.at("/etc/systemd/system")).mkdir(parents=True)
    Path(host.at(f"/etc/systemd/system/{UNIT}")).touch()
    assert masked_by(host, UNIT).step.startswith("remove ")


def test_a_mask_that_is_not_found_is_said(tmp_path: Path) -> None:
    assert "not found" in masked_by(PrivateHost(tmp_path), UNIT).who
