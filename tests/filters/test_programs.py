"""What becomes of a test whose program is not installed."""

from __future__ import annotations

import pytest

from tests.programs import needs

NO_PROGRAM = "no-such-program-on-any-host"


def test_what_is_there_is_found_also_in_sbin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (found,) = needs("useradd")
    assert found.endswith("/sbin/useradd")


def test_outside_ci_the_test_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"not installed: {NO_PROGRAM}"):
        needs("sh", NO_PROGRAM)


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"not installed: {NO_PROGRAM}"):
        needs("sh", NO_PROGRAM)
