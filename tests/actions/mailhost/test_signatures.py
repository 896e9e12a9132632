"""Where clamd's signatures are, and whether there are any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.mailhost.signatures import FOLDER, KINDS, are_missing, folder_of
from tests.actions.mailhost.private import PrivateHost

if TYPE_CHECKING:
    from actions.host.ports import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host that is a folder."""
    return PrivateHost(tmp_path)


def written(host: Host, path: str, text: str) -> str:
    file = Path(host.at(path))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return path


def test_the_folder_is_what_clamd_reads_of_its_own_configuration(host: Host) -> None:
    assert folder_of(host, ()) == folder_of(host, ("/etc/none.conf",)) == FOLDER
    text = "#DatabaseDirectory /no\nDatabaseDirectory /srv/s\nDatabaseDirectory /later\n"
    assert folder_of(host, (written(host, "/etc/clamd.conf", text),)) == "/srv/s"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_any_kind_is_enough(host: Host, kind: str) -> None:
    written(host, f"{FOLDER}/freshclam.dat", "")
    assert are_missing(host, FOLDER)
    written(host, f"{FOLDER}/some{kind}", "")
    assert not are_missing(host, FOLDER)


def test_a_folder_that_can_t_be_seen_may_have_some(host: Host) -> None:
    assert not are_missing(host, "/no/such")
