"""Edits of Postfix's files: by the real postconf on a copy, and by the lab's own editor."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from actions.host.errors import HostError
from actions.host.main_cf import entries, entry_of, override_line, service_line
from actions.host.master import read_master
from actions.host.system import SystemPostfix
from console.lab.postconf import edited as edited_in_the_lab
from tests.actions.setup.injected import MAIN, MASTER, injected_host

if TYPE_CHECKING:
    from pathlib import Path

    from actions.host.ports import PostfixEdit, PostfixFile

FILES: dict[PostfixFile, bytes] = {
    "main.cf": f"{MAIN}twice = a\n# between\ntwice = b\n".encode(),
    "master.cf": MASTER.encode(),
}

EDITS = (
    ("-e", "milter_protocol=4"),
    ("-e", "smtpd_milters=unix:one, unix:two"),
    ("-e", "twice=c"),
    ("-e", "new_one=$a ${b} {c}"),
    ("-#", "smtpd_milters"),
    ("-#", "twice"),
    ("-P", "smtp/inet/smtpd_milters=unix:one,unix:two"),
    ("-P", "submission/inet/syslog_name=other"),
    ("-PX", "submission/inet/syslog_name"),
    ("-PX", "127.0.0.1:10026/inet/smtpd_milters"),
    ("-F", "smtp/inet/chroot=y"),
)


def settings(text: bytes) -> list[tuple[str, str]]:
    return [(entry.name, entry.value) for entry in entries(text.decode())]


@pytest.mark.parametrize(("option", "argument"), EDITS)
def test_the_labs_editor_comes_to_what_postconf_comes_to(
    tmp_path: Path, option: str, argument: str
) -> None:
    edit = cast("PostfixEdit", option)
    real = injected_host(tmp_path).postfix.edited(FILES, edit, argument)
    own = edited_in_the_lab(FILES, edit, argument)
    if edit in {"-e", "-#"}:
        assert settings(own) == settings(real)
        assert settings(own) != settings(FILES["main.cf"])
    else:
        assert read_master(own.decode(), chroot=False) == read_master(real.decode(), chroot=False)
        assert own != FILES["master.cf"]
    comments = [line for line in own.split(b"\n") if line.startswith(b"# ")]
    assert comments == [line for line in real.split(b"\n") if line.startswith(b"# ")]


@pytest.mark.parametrize(("option", "argument"), EDITS)
def test_the_live_files_are_not_touched(tmp_path: Path, option: str, argument: str) -> None:
    host = injected_host(tmp_path)
    before = {name: (tmp_path / "postfix" / name).read_bytes() for name in FILES}
    host.postfix.edited(FILES, cast("PostfixEdit", option), argument)
    assert {name: (tmp_path / "postfix" / name).read_bytes() for name in FILES} == before


def test_what_postconf_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    postfix = injected_host(tmp_path).postfix
    with pytest.raises(HostError, match="whitespace"):
        postfix.edited(FILES, "-P", "smtp/inet/a=b c")
    with pytest.raises(HostError, match="no service"):
        edited_in_the_lab(FILES, "-F", "nosuch/inet/chroot=n")


def test_settings_are_asked_anew_once_a_file_is_another(tmp_path: Path) -> None:
    host = injected_host(tmp_path)
    ran = host.commands
    postfix = SystemPostfix(ran)
    assert postfix.setting("milter_protocol") == "6"
    assert len(postfix.services()) == 5
    main, master = (tmp_path / "postfix" / name for name in ("main.cf", "master.cf"))
    main.write_text(main.read_text(encoding="utf-8").replace("protocol = 6", "protocol = 2"))
    assert postfix.setting("milter_protocol") == "2"
    master.write_text(MASTER.replace("pickup    unix  n - n 60 1 pickup\n", ""))
    assert len(postfix.services()) == 4


def test_lines_are_told_past_comments_and_continuations() -> None:
    text = FILES["main.cf"].decode()
    lines = text.split("\n")
    entry = entry_of(text, "smtpd_milters")
    assert entry
    assert entry.value == "unix:milters/one.sock, inet:127.0.0.1:10025"
    assert lines[entry.where.line_of("inet:") - 1] == "    inet:127.0.0.1:10025"
    last = entry_of(text, "twice")
    assert last
    assert last.value == "b"

    where = service_line(MASTER, "submission", "inet")
    assert where
    found = MASTER.split("\n")[override_line(where, "smtpd_sasl_auth_enable") - 1]
    assert found == "  -o smtpd_sasl_auth_enable=yes"
    assert override_line(where, "sasl_auth_enable") == where.line
