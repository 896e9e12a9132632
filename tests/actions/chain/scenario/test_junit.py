"""The JUnit document: what CI systems require of one, whatever the milters said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.chain.scenario.junit import document
from actions.chain.scenario.report import (
    Difference,
    ScenarioReport,
    ScenarioResult,
    SuiteResult,
)
from tests.actions.chain.scenario.suites import run_files, web_server
from tests.actions.chain.scenario.test_command import MIXED

if TYPE_CHECKING:
    from tests.actions.chain.scenario.suites import Suites
    from tests.milters.peer import Peers
    from tests.milters.running import Milters

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp"),
        *("hostname", "id", "package", "file", "log", "url", "version"),
    },
    "testcase": {"name", "assertions", "time", "classname", "status", "file", "line"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}
"""What the schema of Jenkins's xUnit plugin (junit-10.xsd) knows of each element."""

CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase", "properties", "system-out", "system-err"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
}
REQUIRED = {
    "testsuite": {"name", "tests", "errors", "failures", "time", "timestamp"},
    "testcase": {"name", "classname", "time"},
}


def obeys_the_schema(data: bytes) -> ET.Element:
    """Return the document in *data*; fail where it breaks the schema or miscounts."""
    root = ET.fromstring(data)
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
        assert REQUIRED.get(element.tag, set()) <= set(element.attrib)
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        if "time" in element.attrib:
            assert re.fullmatch(r"\d+\.\d{3}", element.attrib["time"])
    for suite in root:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == len(suite.findall(f"testcase/{tag}"))
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    assert int(root.attrib["tests"]) == len(root.findall("testsuite/testcase"))
    return root


def test_each_kind_of_result(suites: Suites, milters: Milters) -> None:
    path = str(suites.folder / "out.xml")
    running = milters.start(replies={"end": ["550", "5.7.1", "Go away"]})
    suites.run(MIXED, running, junit=path, fail_fast=True)
    with open(path, "rb") as file:
        root = obeys_the_schema(file.read())
    passed, failed, left = root.findall("testsuite/testcase")
    assert (passed.attrib["name"], passed.attrib["classname"]) == ("passes", "suite")
    assert [child.tag for child in passed] == ["system-out"]
    (failure,) = failed.findall("failure")
    assert failure.attrib["message"].startswith("expect.verdict: expected pass or accept, came")
    assert "expect.reply.code\n  expected  551\n  came      550 in" in (failure.text or "")
    assert "message 1: reject by a at end" in (failed.findtext("system-out") or "")
    assert [child.tag for child in left] == ["skipped"]


def test_no_decision_is_an_error(suites: Suites, peers: Peers) -> None:
    path = str(suites.folder / "out.xml")
    peer = peers.start(web_server)
    run_files(suites.write(MIXED), milter=(f"a={peer.spec}",), junit=path)
    with open(path, "rb") as file:
        root = obeys_the_schema(file.read())
    assert root.attrib["errors"] == "3"
    errors = root.findall("testsuite/testcase/error")
    assert "is no milter" in errors[0].attrib["message"]


ANY = st.text(st.characters(), max_size=10)
"""Any characters at all: what XML 1.0 can't hold, and lone surrogates too."""


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY, min_size=8, max_size=8), st.sampled_from(["passed", "failed", "undecided"]))
def test_whatever_is_said_it_is_xml(texts: list[str], status: str) -> None:
    suite, file, name, why, because, key, expected, came = texts
    result = ScenarioResult(
        suite,
        file,
        name,
        why,
        status,  # type: ignore[arg-type]
        because,
        (Difference(key, expected, came),),
        (),
        0.5,
    )
    report = ScenarioReport(
        (SuiteResult(suite, file, "", (), "", (result,), 1.0),),
        passed=int(status == "passed"),
        failed=int(status == "failed"),
        undecided=int(status == "undecided"),
    )
    obeys_the_schema(document(report, suite))
