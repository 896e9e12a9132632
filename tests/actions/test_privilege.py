"""The same command again under a real sudo, with accounts and rules of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from actions.action import ActionError, Exit
from actions.changes import Command
from actions.journal.store import Journal
from actions.plan import Plan
from actions.privilege import escalate, needs_root
from tests.actions.sandbox import SandboxHost

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan("Do", "test.do", {}, "", (Command(("true",)),))

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_BECOME = "setpriv --reuid 12001 --regid 12001 --clear-groups"

_OPENED = """
set -e
mount -t tmpfs tmpfs /mnt
number=0
for folder in $OUTERMOST; do
    number=$((number + 1))
    mkdir -p /mnt/$number/upper /mnt/$number/work
    mount -t overlay overlay \\
        -o "lowerdir=$folder,upperdir=/mnt/$number/upper,workdir=/mnt/$number/work" "$folder"
done
for folder in $CLOSED; do chmod o+x "$folder"; done
"""
"""Lets the operator pass the folders on the way to this code, in the namespace only."""

_IN_A_NAMESPACE = f"""
{_OPENED}
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount --bind "$1/sudoers" /etc/sudoers
mount --bind "$1/lib" /var/lib
shift
exec {_BECOME} "$@"
"""

_AS_OPERATOR = """
import os, sys
sys.path.insert(0, {root!r})
from actions.action import ActionError
from actions.privilege import escalate
try:
    print("ended", escalate([{program!r}, "run", "x.y"], "abc"), flush=True)
except ActionError as error:
    print("refused", int(error.exit_code), error, "|", error.next_step, flush=True)
"""


def _closed() -> tuple[list[str], list[str]]:
    """Return the folders on the way to this code that others may not pass; the outermost first."""
    needed = (_ROOT, sys.executable, os.path.realpath(sys.executable), sys.prefix, sys.base_prefix)
    passed = {part for path in needed for part in _ancestors(path)}
    closed = sorted(part for part in passed if not os.stat(part).st_mode & 0o001)
    outermost = [one for one in closed if not any(one.startswith(f"{o}/") for o in closed)]
    return outermost, closed


def _ancestors(path: str) -> list[str]:
    found = [path] if os.path.isdir(path) else []
    while path != "/":
        path = os.path.dirname(path)
        found.append(path)
    return found


def _in_namespace(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    outermost, closed = _closed()
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *words],
        env={**os.environ, "OUTERMOST": " ".join(outermost), "CLOSED": " ".join(closed)},
        check=False,
        capture_output=True,
        text=True,
    )


def _why_not() -> str:
    """Return why there can be no operator here who runs this code; empty where there can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in ("sudo", "unshare", "setpriv") if not shutil.which(name)]
    if missing:
        return f"needs {', '.join(missing)}"
    code = f"import sys; sys.path.insert(0, {_ROOT!r}); import subprocess, actions.privilege"
    script = f'{_OPENED}\nexec {_BECOME} "$1" -B -c "$2"'
    ended = _in_namespace(script, sys.executable, code)
    return ended.stderr.strip() if ended.returncode else ""


@pytest.fixture(scope="module")
def real_sudo() -> None:
    """An operator with sudo, in a mount namespace; without one CI fails, and others skip."""
    if why := _why_not():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


def as_operator(folder: Path, rule: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run `escalate` as a user whom sudo's *rule* is for, for a program that is a shell script."""
    script = folder / "program"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    inner = folder / "asks.py"
    inner.write_text(_AS_OPERATOR.format(root=_ROOT, program=str(script)))
    return as_ann(folder, rule.format(program=script), [sys.executable, str(inner)])


def as_ann(folder: Path, rule: str, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run *argv* as a user whom sudo's *rule* is for, where *folder* holds the accounts."""
    folder.chmod(0o755)
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "passwd").write_text("root:x:0:0::/:/bin/sh\nann:x:12001:12001::/:/bin/sh\n")
    (folder / "shadow").write_text("root:*:1::::::\nann:*:1::::::\n")
    (folder / "sudoers").write_text(f"root ALL=(ALL) ALL\n{rule}\n")
    for name, mode in (("passwd", 0o644), ("shadow", 0o600), ("sudoers", 0o440)):
        (folder / name).chmod(mode)
    return _in_namespace(_IN_A_NAMESPACE, str(folder), *argv)


@pytest.mark.usefixtures("real_sudo")
def test_the_same_command_runs_as_root(tmp_path: Path) -> None:
    told = as_operator(
        tmp_path,
        "ann ALL=(root) NOPASSWD: {program}",
        'echo "$(id -u) $SUDO_USER: $*"; echo on the side >&2; cat; exit 5',
    )
    assert told.stdout == "0 ann: run x.y --confirm-digest abc --yes\nended 5\n", told.stderr
    assert told.stderr == "on the side\n"


@pytest.mark.usefixtures("real_sudo")
@pytest.mark.parametrize("code", [0, 1])
def test_its_exit_code_is_ours(tmp_path: Path, code: int) -> None:
    told = as_operator(tmp_path, "ann ALL=(root) NOPASSWD: ALL", f"exit {code}")
    assert told.stdout == f"ended {code}\n"


@pytest.mark.usefixtures("real_sudo")
@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("ann ALL=(root) {program}", "password is required"),
        ("ann ALL=(root) NOPASSWD: /bin/true", "refused 3"),
        ("", "refused 3"),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, rule: str, said: str) -> None:
    told = as_operator(tmp_path, rule, "echo must not run")
    assert told.stdout.startswith("refused 3 this needs root: sudo: "), told
    assert said in told.stdout
    assert "run sudo -v first" in told.stdout
    assert told.stderr == ""


def test_without_sudo_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ActionError, match="sudo cannot be run: No such file") as refused:
        escalate(["console"], "abc")
    assert refused.value.exit_code is Exit.NOT_PERMITTED


def test_who_needs_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = SandboxHost(str(tmp_path))
    for euid, kind, plan, needed in (
        (1000, "system", PLAN, True),
        (1000, "lab", PLAN, False),
        (0, "system", PLAN, False),
    ):
        monkeypatch.setattr(os, "geteuid", lambda euid=euid: euid)
        monkeypatch.setattr(host, "kind", kind)
        assert needs_root(host, plan) is needed


_CONSOLE = """#!{python} -B
import sys
sys.path[:0] = [{root!r}, {folder!r}]
from actions import registry
registry.MODULES["greeting.set"] = "greeting_declared"
from console.cli import main
main()
"""

_DECLARED = """
import os
from typing import Annotated
from actions.action import Context, Option, plan

@plan("greeting.set")
def greeting_set(
    ctx: Context, *, text: Annotated[str, Option("what to say")],
    moved: Annotated[bool, Option("plan something else as root")] = False,
):
    from actions.changes import FileEdit
    from actions.plan import Plan
    said = text + (str(os.geteuid()) if moved else "")
    edit = FileEdit.planned(ctx.host, "/var/lib/greeting", said.encode())
    return Plan("Greet", "greeting.set", {"text": text, "moved": moved}, "", (edit,))
"""


@pytest.mark.usefixtures("real_sudo")
@pytest.mark.parametrize("moved", [False, True])
def test_a_plan_goes_the_whole_way(tmp_path: Path, moved: bool) -> None:
    (tmp_path / "greeting_declared.py").write_text(_DECLARED)
    (tmp_path / "lib").mkdir()
    greeting = tmp_path / "lib/greeting"
    greeting.write_text("hello")
    program = tmp_path / "console"
    program.write_text(_CONSOLE.format(python=sys.executable, root=_ROOT, folder=str(tmp_path)))
    program.chmod(0o755)
    asked = ["run", "greeting.set", "--text", "good day", "--yes", *(["--moved"] if moved else [])]
    told = as_ann(tmp_path, f"ann ALL=(root) NOPASSWD: {program}", [str(program), *asked])
    journal = Journal(str(tmp_path / "lib/milter-console"))
    if moved:
        assert told.returncode == Exit.NOT_CONFIRMED, told
        assert "not the one that was confirmed" in told.stderr
        assert greeting.read_text() == "hello"
        assert journal.ids() == ()
        return
    assert told.returncode == Exit.FINE, told
    assert greeting.read_text() == "good day"
    assert greeting.stat().st_uid == 0
    (entry,) = journal.entries()
    assert entry.who == "ann"
