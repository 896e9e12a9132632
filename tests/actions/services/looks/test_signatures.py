"""How old clamd's signatures are, by its word and by the heads of files as ClamAV ships them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from actions.finding import Health
from actions.host.system import SystemHost
from actions.mailhost.service import Look, MailService, ServiceStatus
from actions.services.looks.signatures import Kept, explained, judged, look_at_files, made_at

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400
PONG = Look("greeting", Health.OK, "PONG", 0.0)


def updater(health: Health = Health.OK, *, expected: bool = True) -> ServiceStatus:
    service = MailService(
        "freshclam", "engine", "clamav-freshclam.service", "freshclam", expected=expected
    )
    return ServiceStatus(service, health, "" if health is Health.OK else "stopped", ())


def scanner(folder: Path) -> MailService:
    conf = folder / "clamd.conf"
    conf.write_text(f"# DatabaseDirectory /elsewhere\nDatabaseDirectory {folder}/db\n")
    (folder / "db").mkdir()
    return MailService("clamd", "engine", "clamd.service", "clamd", configuration=(str(conf),))


def head(made: int) -> bytes:
    """The head of a .cvd file (libclamav, cvd.c), filled up to its size."""
    fields = f"ClamAV-VDB:05 Nov 2026 08-33 +0000:27500:2076:90:md5:sig:builder:{made}"
    return fields.encode().ljust(512)


@pytest.mark.parametrize(
    ("days", "health"), [(0, Health.OK), (2.9, Health.OK), (9.1, Health.DEGRADED)]
)
def test_old_signatures_are_told(days: float, health: Health) -> None:
    look = judged(PONG, time.time() - days * DAY, updater())
    assert look.health is health
    if health is Health.DEGRADED:
        assert look.detail == "its signatures are 9 days old"


def test_the_one_who_should_have_fetched_them_is_named() -> None:
    look = judged(PONG, time.time() - 9 * DAY, updater(Health.DOWN))
    assert look.detail == "its signatures are 9 days old; freshclam is down: stopped"


@pytest.mark.parametrize("one", [None, updater(expected=False)])
def test_where_freshclam_is_not_meant_to_run_their_age_is_no_matter(
    one: ServiceStatus | None,
) -> None:
    assert judged(PONG, 1.0, one) is PONG


def test_the_newest_file_counts(tmp_path: Path) -> None:
    clamd = scanner(tmp_path)
    assert look_at_files(SystemHost(), clamd) == Kept(None, f"{tmp_path}/db")
    (tmp_path / "db/main.cvd").write_bytes(head(1_600_000_000))
    (tmp_path / "db/daily.cld").write_bytes(head(1_700_000_000))
    (tmp_path / "db/broken.cvd").write_bytes(b"ClamAV-VDB:nonsense")
    (tmp_path / "db/own.hdb").write_bytes(b"md5:1:name")
    assert look_at_files(SystemHost(), clamd) == Kept(1_700_000_000, "")


def test_what_clamds_user_puts_there_neither_hangs_nor_leads_elsewhere(tmp_path: Path) -> None:
    clamd = scanner(tmp_path)
    os.mkfifo(tmp_path / "db/pipe.cvd")
    (tmp_path / "elsewhere").write_bytes(head(1_700_000_000))
    (tmp_path / "db/link.cvd").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "db/future.cvd").write_bytes(head(4_000_000_000))
    (tmp_path / "db/endless.cvd").write_bytes(head(0).replace(b":0", b":inf"))
    (tmp_path / "db/large.cvd").write_bytes(head(int("9" * 350)))
    assert look_at_files(SystemHost(), clamd) == Kept(None, "")


@pytest.mark.parametrize(
    ("signed", "kept", "made"),
    [
        (None, None, None),
        (200.0, None, 200.0),
        (None, Kept(100.0, ""), 100.0),
        (200.0, Kept(100.0, ""), 100.0),
        (100.0, Kept(200.0, ""), 100.0),
        (4e9, Kept(100.0, ""), 100.0),
        (4e9, None, None),
    ],
)
def test_clamds_own_word_makes_them_no_younger(
    signed: float | None, kept: Kept | None, made: float | None
) -> None:
    assert made_at(signed, kept) == made


def test_a_scanner_without_any_is_explained(tmp_path: Path) -> None:
    clamd = scanner(tmp_path)
    down = Look("process", Health.DOWN, "stopped", 0.0)
    look = explained(look_at_files(SystemHost(), clamd), down)
    assert look.detail == f"stopped: there are no signatures in {tmp_path}/db"
    (tmp_path / "db/own.hdb").write_bytes(b"md5:1:name")
    assert explained(look_at_files(SystemHost(), clamd), down) is down
    assert explained(None, down) is down
