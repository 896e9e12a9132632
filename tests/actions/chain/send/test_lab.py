"""The lab's mail host takes a real mail too, and its log tells the same story."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.lab.lab import running_lab
from console.run import run
from tests.console.lab.conftest import lab, place

if TYPE_CHECKING:
    import pytest

    from console.lab.lab import Lab

__all__ = ["lab", "place"]


def sent(lab: Lab, capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = run(["chain.send", *arguments, "--json"], lab.host)
    return code, json.loads(capfd.readouterr().out)


def test_to_a_mailbox(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    code, report = sent(lab, capfd, "--recipient", "alice@example.org")
    assert (code, report["status"]) == (0, "delivered")
    assert report["port"] == lab.smtp_port
    mails = Path(lab.root, "var/mail/alice/Maildir/new").iterdir()
    assert any(report["message_id"].encode() in mail.read_bytes() for mail in mails)


def test_refused_by_a_milter(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    wanted = ("--recipient", "alice@example.org", "--recipient", "bob@example.org")
    code, report = sent(lab, capfd, *wanted, "--sample", "eicar")
    assert (code, report["status"]) == (1, "refused")
    assert [fate["by"] for fate in report["recipients"]] == ["milter", "milter"]


def test_deferred(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    code, report = sent(lab, capfd, "--recipient", "x@example.net", "--follow", "1")
    assert (code, report["status"]) == (1, "deferred")


def test_a_lab_has_no_ports_but_its_own(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    for asked in (("--user", "alice"), ("--tls", "implicit"), ("--port", "25")):
        code, report = sent(lab, capfd, "--recipient", "alice@example.org", *asked)
        assert code == 2
        assert report["error"].startswith("the lab's master.cf has no ")
        assert report["next_step"] == "name a server with --server HOST:PORT"


def test_the_milter_that_is_closed_is_named_with_what_looks_why(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_lab(["socket-unwritable"]) as broken:
        run(["chain.send", "--recipient", "alice@example.org"], broken.host)
        spec = broken.milters[0]
    text = capsys.readouterr().out
    assert f"milter {spec}: Permission denied" in " ".join(text.split())
    assert f"see why: console run sockets.check --milter {spec} --lab {broken.root}\n" in text
