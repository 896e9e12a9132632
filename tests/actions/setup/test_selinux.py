"""SELinux's modules: a policy's folder as it is on RHEL-like systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actions.action import Context
from actions.setup.fix import plan_fix
from actions.setup.selinux import CONFIGURATION, DISABLED, ENFORCE
from tests.actions.setup.injected import injected_host, told

if TYPE_CHECKING:
    from pathlib import Path

    from tests.actions.mailhost.private import PrivateHost


def policy(root: Path, *disabled: str) -> PrivateHost:
    host = injected_host(root)
    for path, text in ((ENFORCE, "1"), (CONFIGURATION, "# why\nSELINUXTYPE=mls\n")):
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True)
        place.write_text(text, encoding="utf-8")
    for module in disabled:
        place = root / DISABLED.format(policy="mls", module=module).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return host


def test_without_selinux_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert not told(injected_host(tmp_path), "selinux.modules")


def test_modules_that_are_enabled_are_fine(tmp_path: Path) -> None:
    assert not told(policy(tmp_path), "selinux.modules")


def test_a_disabled_module_is_enabled_again_and_never_disabled(tmp_path: Path) -> None:
    host = policy(tmp_path, "postfix", "milter")
    first, second = told(host, "selinux.modules")
    assert (first.found, second.found) == ("postfix disabled", "milter disabled")
    plan = plan_fix(Context(host), ("selinux.modules",))
    assert [change.target for change in plan.changes] == [
        "semodule -e postfix",
        "semodule -e milter",
    ]
    assert all(change.undo == "compensating" for change in plan.changes)
