"""Commands that a report names: those of a lab that ends with the action bring up another."""

from __future__ import annotations

import pytest

from console.lab.command import lab
from console.render.hint import Hints

FAULT = ("--fault", "socket-unwritable")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("chain.test",), "see why: console lab --fault socket-unwritable run sockets.check\n"),
        (("sockets.check",), "mend it: console lab --fault socket-unwritable\n"),
        (
            ("chain.scenario", "--list"),
            "run one: console lab --fault socket-unwritable run chain.scenario clamav-milter\n",
        ),
    ],
)
def test_a_lab_for_one_action_is_brought_up_again(
    words: tuple[str, ...], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab([*FAULT, "run", *words])
    told = capsys.readouterr().out
    assert hint in told
    assert "--lab" not in told


def test_a_lab_that_lasts_is_named_by_its_folder() -> None:
    spec = "unix:/tmp/mc-lab-x/run/a.sock"
    assert Hints("/tmp/mc-lab-x").command("sockets.check", (("milter", spec),)) == (
        f"console run sockets.check --milter {spec} --lab /tmp/mc-lab-x"
    )


def test_what_is_none_of_the_labs_stays_in_the_command() -> None:
    hints = Hints("/tmp/mc-lab-x", ("console", "lab"))
    given = (("milter", "inet:h:1"), ("as-user", "postfix"))
    assert hints.command("chain.test", given) == (
        "console lab run chain.test --milter inet:h:1 --as-user postfix"
    )
