"""Which milters a suite asks: given, named in the file, or found on the host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Context
from actions.host.system import SystemHost
from console.lab.lab import running_lab
from console.render.hint import Hints
from console.render.scenario import render
from tests.actions.chain.scenario.suites import run_files
from tests.actions.mailhost.test_chain import USUAL
from tests.postfix_ports import SMTPD, TablePostfix

if TYPE_CHECKING:
    from actions.chain.scenario.report import ScenarioReport
    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.running import Milters

NAMED = """
    [[milter]]
    name = "{name}"
    {spec}
    [[scenario]]
    name = "one"
    [scenario.expect]
    verdict = "delivered"
    milters.{name}.asked = true
"""
UNNAMED = '[[scenario]]\nname = "one"\n[scenario.expect]\nverdict = "delivered"\n'


def own_host(*specs: str, submission: str = "") -> Context:
    """Return a context on a host whose Postfix uses the milters at *specs*.

    Args:
        specs: for mail from outside.
        submission: the milter of its service "submission"; empty for no such service.
    """
    host = SystemHost()
    settings = {**USUAL, "smtpd_milters": ", ".join(specs)}
    own = SMTPD._replace(name="submission", overrides=(("smtpd_milters", submission),))
    host.postfix = TablePostfix(settings, (SMTPD, own) if submission else (SMTPD,), user="root")
    return Context(host)


def asked(report: ScenarioReport) -> list[tuple[str, str]]:
    assert report.exit_code == 0
    return [(one.name, one.endpoint) for one in report.suites[0].milters]


def test_what_is_given_goes_before_what_the_file_says(suites: Suites, milters: Milters) -> None:
    first, second = milters.start_all({}, {})
    path = suites.write(NAMED.format(name="x", spec=f'spec = "{first.spec}"'))
    assert asked(run_files(path)) == [("x", first.spec)]
    assert asked(run_files(path, milter=(f"x={second.spec}",))) == [("x", second.spec)]
    assert len([one for one in second.names() if one == "connect"]) == 1


def test_without_either_it_is_the_one_of_that_name_on_the_host(
    suites: Suites, milters: Milters
) -> None:
    other, wanted = milters.start_all({}, {"spec": f"unix:{milters.path('clamav.sock')}"})
    path = suites.write(NAMED.format(name="clamav-milter", spec=""))
    ctx = own_host(other.spec, wanted.spec)
    assert asked(run_files(path, ctx=ctx)) == [("clamav-milter", wanted.spec)]
    assert other.seen() == []


def test_a_suite_that_names_none_asks_the_whole_chain_of_the_host(
    suites: Suites, milters: Milters
) -> None:
    first, second = milters.start_all({}, {})
    report = run_files(suites.write(UNNAMED), ctx=own_host(first.spec, second.spec))
    assert [spec for _, spec in asked(report)] == [first.spec, second.spec]


def test_a_suite_that_names_none_asks_those_given_in_their_order(
    suites: Suites, milters: Milters
) -> None:
    first, second = milters.start_all({}, {})
    given = (f"late={second.spec}", f"early={first.spec}")
    report = run_files(suites.write(UNNAMED), milter=given)
    assert [name for name, _ in asked(report)] == ["late", "early"]


def test_its_default_action_is_the_files(suites: Suites, milters: Milters) -> None:
    text = NAMED.format(name="x", spec='default_action = "reject"').replace("delivered", "pass")
    nobody = f"unix:{milters.path('nobody')}"
    (result,) = run_files(suites.write(text), milter=(f"x={nobody}",)).suites[0].scenarios
    assert result.because == "x gave no decision: No such file or directory"


def test_an_expectation_of_a_milter_that_the_host_lacks_is_a_mistake_in_the_file(
    suites: Suites, milters: Milters
) -> None:
    running = milters.start(spec=f"unix:{milters.path('clamav.sock')}")
    path = suites.write(UNNAMED + 'by = "clamav"\n')
    report = run_files(path, ctx=own_host(running.spec))
    (problem,) = report.problems
    assert (problem.key, problem.next_step) == ("expect.by", "did you mean clamav-milter?")
    chosen = suites.write(UNNAMED.replace("[scenario.", 'milters = "x"\n[scenario.'))
    (problem,) = run_files(chosen, ctx=own_host(running.spec)).problems
    assert problem.key == "milters"
    assert running.seen() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("unix:/x",), "is not NAME=SPEC"),
        (("x=",), "is not NAME=SPEC"),
        (("x=/y",) * 2, "--milter x is given twice"),
        (("x=nonsense",), "a milter is given as transport:endpoint"),
        (("y=unix:/y",), "--milter y: no suite names such a milter"),
    ],
)
def test_a_milter_that_is_given_wrongly(suites: Suites, given: tuple[str, ...], said: str) -> None:
    path = suites.write(NAMED.format(name="x", spec=""))
    with pytest.raises(ActionError, match=said) as caught:
        run_files(path, milter=given)
    assert caught.value.exit_code == 2


def test_a_milter_that_the_host_lacks_is_named_with_those_it_has(
    suites: Suites, milters: Milters
) -> None:
    running = milters.start(spec=f"unix:{milters.path('clamav.sock')}")
    path = suites.write(NAMED.format(name="greylist", spec=""))
    with pytest.raises(ActionError, match=r"no milter called greylist \(it has clam") as caught:
        run_files(path, ctx=own_host(running.spec))
    assert caught.value.next_step == "say where it is: --milter greylist=unix:/path/to/socket"
    with pytest.raises(ActionError, match="suite: greylist is not found: Postfix") as caught:
        run_files(path, ctx=own_host())
    assert "--milter greylist=" in caught.value.next_step
    with pytest.raises(ActionError, match="suite: Postfix on this host uses no") as caught:
        run_files(suites.write(UNNAMED), ctx=own_host())
    assert "--milter NAME=" in caught.value.next_step


@pytest.mark.parametrize("specs", [("unix:/nowhere/a.sock",), ()])
def test_a_milter_of_another_chain_is_found_by_its_name(
    suites: Suites, milters: Milters, specs: tuple[str, ...]
) -> None:
    signer = milters.start(spec=f"unix:{milters.path('opendkim.sock')}")
    path = suites.write(NAMED.format(name="opendkim", spec=""))
    ctx = own_host(*specs, submission=signer.spec)
    report = run_files(path, ctx=ctx)
    assert asked(report) == [("opendkim", signer.spec)]
    assert report.suites[0].milters[0].service == "submission"
    assert " · of submission\n" in render(report, Hints())
    chosen = run_files(path, ctx=ctx, chain="submission")
    assert chosen.suites[0].milters[0].service == ""


def test_a_chain_that_is_named_is_the_only_one_looked_at(suites: Suites, milters: Milters) -> None:
    first, second = milters.start_all({}, {"spec": f"unix:{milters.path('opendkim.sock')}"})
    ctx = own_host(first.spec, submission=second.spec)
    whole = run_files(suites.write(UNNAMED), ctx=ctx, chain="submission")
    assert asked(whole) == [("opendkim", second.spec)]
    path = suites.write(NAMED.format(name="opendkim", spec=""))
    with pytest.raises(ActionError, match="no milter called opendkim"):
        run_files(path, ctx=ctx, chain="smtp")
    with pytest.raises(ActionError, match="Postfix takes in no mail by 'nowhere'"):
        run_files(path, ctx=ctx, chain="nowhere")


def test_a_chain_that_postfix_refuses_leaves_its_scenarios_undecided(
    suites: Suites, milters: Milters
) -> None:
    running = milters.start()
    report = run_files(suites.write(UNNAMED), ctx=own_host(running.spec, "inet:8891@localhost"))
    assert report.exit_code == 6
    (result,) = report.suites[0].scenarios
    assert result.because.startswith("Postfix refuses inet:8891@localhost: ")
    assert running.seen() == []
    named = suites.write(NAMED.format(name="opendkim", spec=""))
    with pytest.raises(ActionError, match="opendkim is not found: Postfix refuses inet") as caught:
        run_files(named, ctx=own_host(running.spec, "inet:8891@localhost"))
    assert caught.value.exit_code == 6
    with pytest.raises(ActionError, match="accepts no milter for mail from outside") as caught:
        run_files(suites.write(UNNAMED), ctx=own_host("inet:8891@localhost"))
    assert caught.value.exit_code == 6


def test_a_manager_whose_configuration_is_broken_hides_its_milters(suites: Suites) -> None:
    with running_lab(["manager-conf-broken"]) as lab:
        ctx = Context(lab.host)
        path = suites.write(NAMED.format(name="clamav-milter", spec=""))
        with pytest.raises(ActionError, match="milter-manager are not known: its conf") as caught:
            run_files(path, ctx=ctx)
        assert caught.value.exit_code == 6
        assert "--milter clamav-milter=" in caught.value.next_step
        notes = run_files(suites.write(UNNAMED), ctx=ctx).notes
        assert any("configuration has an error" in note for note in notes)


def test_a_milter_that_its_manager_does_not_use_is_told_as_disabled(suites: Suites) -> None:
    with running_lab() as lab:
        file = Path(f"{lab.root}/etc/milter-manager/milter-manager.conf")
        text = file.read_text()
        off = 'define_milter("clamav-milter") do |milter|\n  milter.enabled = false\n'
        file.write_text(text.replace('define_milter("clamav-milter") do |milter|\n', off))
        with pytest.raises(ActionError, match="disabled in milter-manager's configuration"):
            run_files(
                suites.write(NAMED.format(name="clamav-milter", spec="")), ctx=Context(lab.host)
            )


def test_mail_without_smtp_is_none_of_a_suites(suites: Suites) -> None:
    with running_lab() as lab, pytest.raises(ActionError, match="a suite plays SMTP sessions"):
        run_files(suites.write(UNNAMED), ctx=Context(lab.host), chain="non_smtpd")
    lines = suites.wrong(UNNAMED.replace("[scenario.", 'client = "local"\n[scenario.'))
    assert lines == [
        'scenario 1 "one": client: "local" is not known: known are: outside, inside, authenticated'
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_sockets_are_opened_as_the_user_asked_for(suites: Suites, milters: Milters) -> None:
    running = milters.start()
    os.chmod(running.path, 0o755)
    path = suites.write(NAMED.format(name="x", spec=f'spec = "{running.spec}"'))
    report = run_files(path, as_user="nobody")
    (result,) = report.suites[0].scenarios
    assert result.because == "x gave no decision: Permission denied"
    assert report.suites[0].as_user == "nobody"
    with pytest.raises(ActionError, match="--as-user: "):
        run_files(path, as_user="no-such-user")


def test_a_suite_after_one_that_asked_the_host_is_still_its_own(
    suites: Suites, milters: Milters
) -> None:
    own, given = milters.start_all({"spec": f"unix:{milters.path('clamav.sock')}"}, {})
    text = NAMED.format(name="x", spec=f'spec = "{given.spec}"')
    files = (suites.write(UNNAMED, "first"), suites.write(text, "second"))
    assert run_files(*files, ctx=own_host(own.spec)).exit_code == 0
    (theirs,), (ours,) = (
        [one.macros for one in running.seen() if one.event == "connect"] for running in (own, given)
    )
    # The host's settings name no macro for connect, and Postfix's defaults do.
    assert "daemon_name" not in theirs
    assert "daemon_name" in ours
