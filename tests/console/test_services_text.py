"""The services' report as text, for monitoring plugins, and for Prometheus by its own parser."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actions.finding import Finding, Health
from actions.mailhost.service import Cause, Listener, Look, MailService, Need, ServiceStatus
from actions.services.report import ServicesReport
from console.render.hint import Hints
from console.render.report import OUTPUT_LIMIT, rendered

ODD = 'cl"am\\d\n\x1b[31m|x'
"""A name that would break whatever does not write it out."""


def status(
    name: str = "clamd",
    health: Health = Health.OK,
    reason: str = "",
    looks: tuple[Look, ...] = (Look("process", Health.OK, "runs", 0.01),),
    **more: Any,
) -> ServiceStatus:
    service = MailService(name, "engine", f"{name}.service")
    made = ServiceStatus(service, health, reason, looks)
    return made._replace(**more)


def report(*statuses: ServiceStatus, notes: tuple[str, ...] = ()) -> ServicesReport:
    return ServicesReport(statuses, notes, 0.25)


DOWN = status(
    "clamav-milter",
    Health.DOWN,
    "failed: signal",
    (Look("process", Health.DOWN, "failed: signal", 0.01, "", "see why: journalctl"),),
    last_error="ERROR: no such file",
)
WEAK = status("postfix", Health.DEGRADED, "clamav-milter down, mail is deferred: nobody listens")
UNSEEN = status("opendkim", Health.UNKNOWN, "not asked")


def text(one: ServicesReport) -> str:
    return rendered(one, "text", Hints())[0]


def nagios(one: ServicesReport) -> tuple[str, int]:
    return rendered(one, "nagios", Hints())


class TestText:
    """For people."""

    def test_what_is_well_takes_a_line(self) -> None:
        told = text(
            report(status(since=time.time() - 7200, memory=3 << 20, restarts=2, enabled=False))
        )
        assert " What milters ask\n" in told
        assert (
            "● clamd                  ok        for 2 h · 3.1 MB · 2 restarts · not at boot" in told
        )
        assert "1 service ok · 0.2 s" in told

    def test_what_is_wrong_is_told_with_its_reason_and_what_to_do(self) -> None:
        told = text(report(DOWN, notes=("4 looks need more rights",)))
        lines = [line.strip() for line in told.splitlines()]
        assert lines[1].startswith("✗ clamav-milter")
        assert lines[2:5] == [
            "failed: signal",
            "last error: ERROR: no such file",
            "→ see why: journalctl",
        ]
        assert lines[5] == "note: 4 looks need more rights"

    def test_what_is_off_on_purpose_is_no_problem(self) -> None:
        off = status(
            "freshclam", looks=(Look("process", Health.OK, "not needed", 0.0, cause="off"),)
        )
        told = text(report(off))
        assert "– freshclam              off" in told

    def test_what_could_not_be_seen_goes_after_what_is_wrong(self) -> None:
        found = report(status(), UNSEEN, WEAK, DOWN).findings
        assert [one.health for one in found] == [Health.DOWN, Health.DEGRADED, Health.UNKNOWN]

    def test_lines_fit_a_terminal_of_80_columns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("console.render.columns.width", lambda: 80)
        long = status("postfix", Health.DOWN, "word " * 60, last_error="said " * 60)
        for line in text(report(long)).splitlines():
            assert len(line) <= 80, line

    def test_what_strangers_wrote_is_harmless(self) -> None:
        told = text(report(status(ODD, Health.DOWN, ODD, last_error=ODD, changed=ODD)))
        assert "\x1b" not in told

    def test_the_action_that_mends_it_is_named(self) -> None:
        spec = "unix:/run/x.sock"
        postfix = MailService("postfix", "MTA", "", needs=(Need("x", spec, "postfix"),))
        milter = MailService("x", "milter", "", listeners=(Listener(spec, "milter"),))
        closed = (Look("greeting", Health.DOWN, "closed", 0.0, spec, cause="closed"),)
        told = text(
            report(
                ServiceStatus(postfix, Health.OK, "", ()),
                ServiceStatus(milter, Health.DOWN, "closed", closed),
            )
        )
        assert f" mend it: console run sockets.fix --milter {spec}" in told


class TestNagios:
    """One line, a code from 0 to 3, and measurements after the bar."""

    @pytest.mark.parametrize(
        ("one", "code", "word"),
        [
            (report(status()), 0, "OK"),
            (report(status(), WEAK), 1, "WARNING"),
            (report(WEAK, UNSEEN), 1, "WARNING"),
            (report(UNSEEN, DOWN, WEAK), 2, "CRITICAL"),
            (report(status(), UNSEEN), 3, "UNKNOWN"),
            (report(), 3, "UNKNOWN"),
        ],
    )
    def test_the_worst_decides(self, one: ServicesReport, code: int, word: str) -> None:
        line, given = nagios(one)
        assert given == code
        assert line.startswith(f"{word} - ")

    def test_the_worst_is_named_first(self) -> None:
        line, _ = nagios(report(WEAK, DOWN))
        assert line.index("clamav-milter down (failed") < line.index("postfix degraded")

    def test_measurements_are_as_the_guidelines_have_them(self) -> None:
        line, _ = nagios(report(status(), WEAK))
        text, _, measured = line.partition(" | ")
        assert "|" not in text
        form = re.compile(r"'?[^'= ]+'?=-?[0-9.]+(us|ms|s|%|B|KB|MB|GB|TB|c)?(;[0-9.:~@-]*){0,4}")
        assert measured == "services=2 ok=1 degraded=1 down=0 unknown=0 time=0.25s"
        assert all(form.fullmatch(part) for part in measured.split(" "))

    def test_a_long_story_is_cut_and_stays_one_line(self) -> None:
        many = report(*(status(f"s{at}", Health.DOWN, f"{ODD} " * 9) for at in range(90)))
        line, code = nagios(many)
        assert code == 2
        assert len(line.encode()) <= OUTPUT_LIMIT
        assert "\n" not in line
        assert line.count("|") == 1
        assert line.endswith("time=0.25s")

    def test_sockets_are_a_warning_where_nothing_is_down(self) -> None:
        from actions.mailhost.edges import Edge
        from actions.sockets.report import EdgeState, SocketsReport

        edge = Edge("smtpd:a", "smtpd", "postfix", "a", "postfix", "milter", "unix:/a", "unix:/a")

        def told(*healths: Health) -> int:
            edges = (
                EdgeState(edge, Finding(health, "a", "b"), "", (), None, 0.0) for health in healths
            )
            return rendered(SocketsReport(tuple(edges)), "nagios", Hints())[1]

        assert told(Health.OK) == 0
        assert told(Health.DEGRADED) == 1
        assert told(Health.DOWN, Health.DEGRADED) == 2
        assert told(Health.UNKNOWN) == 3


class TestPrometheus:
    """The exposition, read by the parser of Prometheus's own client."""

    def read(self, one: ServicesReport) -> dict[str, list[tuple[dict[str, str], float]]]:
        text, code = rendered(one, "prometheus", Hints())
        assert code == one.exit_code
        assert text.endswith("\n")
        names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
        assert len(names) == len(set(names)) == len(re.findall(r"^# HELP", text, re.MULTILINE))
        return {
            family.name: [(sample.labels, sample.value) for sample in family.samples]
            for family in text_string_to_metric_families(text)
        }

    def test_each_service_is_told_with_its_state(self) -> None:
        told = self.read(report(status(since=1.5e9, memory=1024, restarts=3, enabled=True), DOWN))
        up, down = told["milter_console_service_up"]
        assert up == ({"service": "clamd", "role": "engine", "unit": "clamd.service"}, 1.0)
        assert down[1] == 0.0
        states = [
            (labels["service"], labels["state"])
            for labels, value in told["milter_console_service_state"]
            if value == 1.0
        ]
        assert states == [("clamd", "ok"), ("clamav-milter", "down")]
        assert told["milter_console_service_start_time_seconds"] == [({"service": "clamd"}, 1.5e9)]
        assert told["milter_console_service_memory_bytes"] == [({"service": "clamd"}, 1024.0)]
        assert told["milter_console_service_restarts"] == [({"service": "clamd"}, 3.0)]
        assert told["milter_console_service_enabled"] == [({"service": "clamd"}, 1.0)]
        assert len(told["milter_console_service_look_seconds"]) == 2
        assert told["milter_console_services_seconds"] == [({}, 0.25)]
        counts = {labels["state"]: value for labels, value in told["milter_console_findings"]}
        assert counts == {"ok": 0, "degraded": 0, "down": 1, "unknown": 0}
        assert told["milter_console_exit_code"] == [({"action": "services.status"}, 1.0)]

    def test_a_service_keeps_its_series_whatever_its_state(self) -> None:
        def series(one: ServiceStatus) -> list[tuple[str, dict[str, str]]]:
            stable = ("milter_console_service_up", "milter_console_service_state")
            return [(name, labels) for name in stable for labels, _ in self.read(report(one))[name]]

        off = (Look("process", Health.OK, "not needed", 0.0, cause="off"),)
        assert series(status()) == series(status(health=Health.DOWN)) == series(status(looks=off))

    def test_odd_names_come_through_whole(self) -> None:
        told = self.read(report(status(ODD)))
        assert told["milter_console_service_up"][0][0]["service"] == ODD

    def test_a_name_that_is_not_utf_8_spoils_nothing(self) -> None:
        odd = b"cl\xffamd".decode("utf-8", "surrogateescape")
        text, _ = rendered(report(status(odd)), "prometheus", Hints())
        text.encode()
        assert list(text_string_to_metric_families(text))

    def test_no_services_is_no_error(self) -> None:
        assert self.read(report())["milter_console_exit_code"][0][1] == 6.0

    def test_two_sockets_of_one_service_are_two_samples(self) -> None:
        looks = tuple(Look("listener", Health.OK, "", 0.1, target) for target in ("25", "587"))
        told = self.read(report(status(looks=looks)))
        targets = [labels["target"] for labels, _ in told["milter_console_service_look_seconds"]]
        assert targets == ["25", "587"]


def test_json_has_the_looks() -> None:
    document = json.loads(rendered(report(DOWN), "json", Hints())[0])
    assert document["schema"] == "services.status/1"
    assert document["exit_code"] == 1
    assert document["services"][0]["looks"][0]["health"] == "down"


def test_json_has_how_long_finding_them_took() -> None:
    told = report(status())._replace(finding_seconds=0.125)
    document = json.loads(rendered(told, "json", Hints())[0])
    assert (document["seconds"], document["finding_seconds"]) == (0.25, 0.125)


def remedied(process: Look, *others: Look, unit: str = "x.service") -> str:
    """Return the action that mends a service which is down, as its looks are."""
    service = MailService("x", "engine", unit, listeners=(Listener("unix:/x", "clamd"),))
    (found,) = report(ServiceStatus(service, Health.DOWN, "", (process, *others))).findings
    return found.remedy.action if found.remedy else ""


def process(health: Health, cause: Cause = "") -> Look:
    return Look("process", health, "in any words", 0.0, cause=cause)


@pytest.mark.parametrize(
    ("cause", "action"),
    [
        ("stopped", "services.start"),
        ("failed", "services.start"),
        ("left", "services.restart"),
        ("unsigned", "services.freshclam"),
        ("masked", ""),
    ],
)
def test_what_the_process_met_decides_what_mends_it(cause: Cause, action: str) -> None:
    assert remedied(process(Health.DOWN, cause)) == action


def test_what_runs_and_does_not_answer_is_started_again() -> None:
    silent = Look("greeting", Health.DOWN, "no answer", 0.0, "unix:/x")
    assert remedied(process(Health.OK), silent) == "services.restart"
    # That its client may not open it is mended at the socket.
    assert remedied(process(Health.OK), silent._replace(cause="closed")) == ""
    assert remedied(process(Health.OK), silent, unit="") == ""
