"""The keeper of a unit, as far as no systemd is needed; the rest is in tests/system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actions.host import keeper
from actions.host.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path

# It never tells that it runs, and ends when nobody holds on to it.
STAND_IN = """\
#!/bin/sh
cat >/dev/null
>{ended}
"""


class Interrupted(BaseException):
    """What an operator's Ctrl+C comes to."""


def interrupted(_: object) -> str:
    raise Interrupted


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    """Put a script in the place of systemd-run, which needs systemd."""
    program = folder / "systemd-run"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setattr(
        keeper, "_program", lambda name: str(program) if name == "systemd-run" else f"/bin/{name}"
    )


def test_who_is_interrupted_while_it_starts_holds_on_to_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = tmp_path / "ended"
    stand_in(monkeypatch, tmp_path, STAND_IN.format(ended=ended))
    # A real signal could come a moment too early, while it is only being started.
    monkeypatch.setattr(keeper.Keeper, "_refusal", interrupted)
    with pytest.raises(Interrupted):
        keeper.Keeper("x.service", ("/run/x.d/x.conf",), 60.0, runs=True)
    assert ended.exists(), "it has been let go of, and waited for"


def test_why_it_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "#!/bin/sh\necho no such property\nexit 1\n")
    with pytest.raises(HostError, match=r"systemd-run milter-console-run-x.*no such property"):
        keeper.Keeper("x.service", ("/run/x.d/x.conf",), 60.0, runs=True)
