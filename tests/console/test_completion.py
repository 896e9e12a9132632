"""Completion, asked as a shell asks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from console.completion import BASH, FILES, candidates

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ru"], ["run"]),
        (["run", "chain.t"], ["chain.test"]),
        (["run", "chain.test", "--sample", "g"], ["gtube"]),
        (["run", "chain.test", "--expect", "dis"], ["discard"]),
        (["run", "chain.test", "--format", ""], ["text", "json", "nagios", "prometheus"]),
        (["run", "chain.test", "--mail-"], ["--mail-file"]),
        (["run", "chain.test", "--mail-file", "/et"], [FILES]),
        (["run", "chain.scenario", ""], [FILES]),
        (["run", "chain.scenario", "suite.toml", "--verbose", "ot"], [FILES]),
        (["run", "chain.scenario", "--fail"], ["--fail-fast"]),
        (["run", "chain.scenario", "suite.toml", "--format", "n"], ["nagios"]),
        (["run", "sockets.fix", "--dr"], ["--dry-run"]),
        (["run", "chain.test", "--dr"], []),
        (["lab", "--fault", "milter-h"], ["milter-hangs"]),
        (["lab", "--fault", "milter-hangs", "run", "sockets.c"], ["sockets.check"]),
        (["completion", ""], ["bash", "zsh"]),
    ],
)
def test_the_last_word_is_completed(words: list[str], expected: list[str]) -> None:
    assert candidates(words) == expected


def test_a_hidden_option_is_not_offered() -> None:
    assert candidates(["run", "sockets.fix", "--confirm"]) == []


def test_bash_itself_completes(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash, "bash is part of every Debian"
    command = tmp_path / "console"
    command.write_text(
        f"#!{sys.executable}\nfrom console.cli import main\nmain()\n", encoding="utf-8"
    )
    command.chmod(0o755)
    script = f"""{BASH}
        COMP_WORDS=(console run chain.test --sample e); COMP_CWORD=4
        _console; printf '%s\\n' "${{COMPREPLY[@]}}"
        COMP_WORDS=(console run chain.test ""); COMP_CWORD=3
        _console; printf '%s\\n' "${{#COMPREPLY[@]}}"
    """
    told = subprocess.run(
        [bash, "-c", script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    first, count = told.stdout.split()
    assert first == "eicar"
    assert int(count) > 40


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("smtpd", ":", "mi"), "[smtpd:mi] milter-manager"),
        (("smtpd", ":"), "[smtpd:] milter-manager opendkim"),
        (("sm",), "[sm] smtpd:milter-manager smtpd:opendkim"),
        (
            ("smtpd", ":", "opendkim", "smtpd", ":", "mi"),
            "[smtpd:opendkim][smtpd:mi] milter-manager",
        ),
    ],
)
def test_bash_is_given_names_with_colons_in_their_parts(
    tmp_path: Path, typed: tuple[str, ...], expected: str
) -> None:
    """To bash a colon ends a word, and only what is behind it is replaced."""
    bash = shutil.which("bash")
    assert bash, "bash is part of every Debian"
    command = tmp_path / "console"
    command.write_text(
        '#!/bin/bash\nshift 3\nprintf "[%s]" "$@" >"${0%/*}/asked"\n'
        "for name in smtpd:milter-manager smtpd:opendkim; do\n"
        '  [[ $name == "${@: -1}"* ]] && echo "$name"\ndone\nexit 0\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    words = " ".join(f"'{word}'" for word in ("console", "run", "sockets.check", *typed))
    script = f"""{BASH}
        COMP_WORDS=({words}); COMP_CWORD={len(typed) + 2}
        _console; printf '%s ' "${{COMPREPLY[@]}}"
    """
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    told = subprocess.run(
        [bash, "-c", script], env=path, capture_output=True, text=True, check=True, timeout=30
    )
    asked = (tmp_path / "asked").read_text(encoding="utf-8")
    assert f"{asked} {told.stdout.strip()}" == expected
