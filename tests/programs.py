"""Programs of the system that tests need: where one is missing, its tests are skipped.

`./dev test` installs them where there is apt. In CI nothing is skipped: there a missing program
is a defect of the set-up, and fails.
"""

from __future__ import annotations

import os
import shutil

import pytest

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where daemons are, which the path of an ordinary user leaves out."""


def needs(*programs: str) -> tuple[str, ...]:
    """Return the paths of *programs*, or skip the test where one is not installed."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    found = [shutil.which(program, path=path) for program in programs]
    missing = [name for name, place in zip(programs, found, strict=True) if place is None]
    if missing:
        give_up(f"not installed: {', '.join(missing)}")
    return tuple(place for place in found if place is not None)


def give_up(why: str) -> None:
    """Skip the test, or fail it in CI."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(why)
    pytest.skip(why)
