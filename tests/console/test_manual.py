"""The manual page, read by the program that shows it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from actions.registry import all_actions
from console.manual import manual


def test_every_action_and_option_is_in_it() -> None:
    page = manual().replace("\\-", "-")
    for action in all_actions():
        assert f".SS {action.name}" in page
        assert all(word in page for one in action.parameters for word in one.words)


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_groff_reads_it_without_a_warning() -> None:
    words = ["groff", "-man", "-Tutf8", "-ww", "-z"]
    told = subprocess.run(words, input=manual(), capture_output=True, text=True, check=True)
    assert told.stderr == ""
