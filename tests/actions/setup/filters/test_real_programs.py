"""The daemons' own programs read what the plans make of their files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.actions.setup.filters.conftest import corrected
from tests.actions.setup.filters.tree import furnish
from tests.programs import needs

if TYPE_CHECKING:
    from tests.actions.setup.filters.tree import TreeHost

CLAMAV = {
    "debian": {
        "clamd.conf": "/etc/clamav/clamd.conf",
        "freshclam.conf": "/etc/clamav/freshclam.conf",
        "clamav-milter.conf": "/etc/clamav/clamav-milter.conf",
    },
    "rhel": {
        "clamd.conf": "/etc/clamd.d/scan.conf",
        "freshclam.conf": "/etc/freshclam.conf",
        "clamav-milter.conf": "/etc/mail/clamav-milter.conf",
    },
}


def said(*argv: str) -> str:
    argv = (*needs(argv[0]), *argv[1:])
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("layout", CLAMAV)
def test_clamav_reads_every_file(tmp_path: Path, layout: str) -> None:
    (tmp_path / "host").mkdir()
    host = furnish(tmp_path / "host", layout)
    files = {name: host.path(path) for name, path in CLAMAV[layout].items()}
    before = clamconf(tmp_path / "before", files)
    assert ("Please edit the example" in before) == (layout == "rhel")
    corrected(host)
    after = clamconf(tmp_path / "after", files)
    assert "ERROR" not in after
    assert after.count('LogFacility = "LOG_MAIL"') == 3
    assert after.count('LogSyslog = "yes"') == 3
    assert f'NotifyClamd = "{host.root}/etc/clam' in after or layout == "debian"
    assert 'MilterSocketMode = "660"' in after


def clamconf(folder: Path, files: dict[str, Path]) -> str:
    """Return what clamconf says of *files*, which it wants in one folder."""
    folder.mkdir()
    for name, path in files.items():
        (folder / name).write_bytes(path.read_bytes())
    return said("clamconf", "-c", str(folder))


def test_freshclam_starts_without_the_line_example(rhel: TreeHost) -> None:
    argv = ("freshclam", f"--config-file={rhel.path('/etc/freshclam.conf')}", "--version")
    assert "Please edit the example" in said(*argv)
    corrected(rhel)
    assert "ERROR" not in said(*argv)


@pytest.mark.parametrize("layout", ["debian", "rhel"])
def test_spamassassin_finds_no_fault(tmp_path: Path, layout: str) -> None:
    host = furnish(tmp_path, layout)
    corrected(host)
    folder = "/etc/spamassassin" if layout == "debian" else "/etc/mail/spamassassin"
    told = said(
        "spamassassin",
        "--lint",
        "--local",
        f"--siteconfigpath={host.path(folder)}",
        f"--prefspath={tmp_path}/none",
    )
    wrong = [line for line in told.splitlines() if "local.cf" in line or "parse" in line]
    assert wrong == []


def test_a_header_left_out_is_left_out(debian: TreeHost) -> None:
    corrected(debian)
    settings = debian.path("/etc/spamassassin")
    for plugins in Path("/etc/spamassassin").glob("*.pre"):
        shutil.copy(plugins, settings)
    assert "X-Spam-Status:" not in marked(settings)
    for header in ("Status", "Level"):
        debian.edit("/etc/spamassassin/local.cf", f"remove_header ham {header}\n", "")
    assert "X-Spam-Status:" in marked(settings)


def marked(settings: Path) -> str:
    """Return what SpamAssassin makes of a mail that is no spam."""
    mail = "From: a@example.org\nTo: b@example.net\nSubject: hello\n\nhow are you\n"
    argv = [
        *needs("spamassassin"),
        "--local",
        "--cf=required_score 100",
        f"--siteconfigpath={settings}",
    ]
    return subprocess.run(
        argv, input=mail, capture_output=True, text=True, check=True, timeout=60
    ).stdout
