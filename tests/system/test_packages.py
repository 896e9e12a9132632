"""Packages brought in by the real apt, from a repository of the machine's own that changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.system.rig.machine import Machine

PUBLISH = """
mkdir -p /srv/repo
cd /srv/repo
publish() {  # NAME VERSION [FIELD…]
  name=$1 version=$2; shift 2
  rm -rf tree; mkdir -p tree/DEBIAN tree/usr/sbin; echo >"tree/usr/sbin/$name"
  { echo "Package: $name"; echo "Version: $version"; echo "Architecture: all"
    echo "Maintainer: a <a@example.org>"; echo "Description: a stand-in"
    for field; do echo "$field"; done; } >tree/DEBIAN/control
  dpkg-deb --root-owner-group --build tree "$name-$version.deb" >/dev/null
}
index() {
  : >Packages
  for deb in *.deb; do
    { dpkg-deb -f "$deb"; echo "Filename: ./$deb"; echo "Size: $(stat -c %s "$deb")"
      echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"; echo; } >>Packages
  done
  echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/repo.list
  apt-get update -q >/dev/null 2>&1
}
"""

CHANGED_MEANWHILE = """\
import json, subprocess, sys
from actions.action import Context
from actions.host.system import SystemHost
from actions.runner import run_plan
from actions.setup.fix import plan_fix
ctx = Context(SystemHost())
plan = plan_fix(ctx, ("packages.milter-manager",))
subprocess.run(["sh", "-euc", sys.argv[1]], check=True)
report = run_plan(ctx, plan)
print(json.dumps({"status": report.status, "because": report.because, "entry": report.entry}))
"""


def applied(machine: Machine, meanwhile: str) -> dict[str, Any]:
    """Plan milter-manager, run the script *meanwhile*, then apply the plan."""
    told: dict[str, Any] = json.loads(machine.python(CHANGED_MEANWHILE, meanwhile).checked().stdout)
    return told


def installed(machine: Machine, *names: str) -> dict[str, str]:
    form = "${Package} ${Version} ${db:Status-Status}\\n"
    told = machine.run(["dpkg-query", "-W", "-f", form, *names]).stdout
    rows = [line.split() for line in told.splitlines()]
    return {row[0]: row[1] for row in rows if row[-1] == "installed"}


def test_nothing_is_installed_or_removed_that_the_plan_did_not_show(machine: Machine) -> None:
    opendkim = installed(machine, "opendkim")
    machine.sh(f"{PUBLISH} publish milter-manager 9.1; index")
    worse = f"{PUBLISH} publish milter-manager 9.2 'Conflicts: opendkim'; rm *-9.1.deb; index"
    told = applied(machine, worse)
    assert told["status"] != "applied", told
    assert "9.1" in told["because"], told
    assert installed(machine, "milter-manager", "opendkim") == opendkim

    # The same version, but it has got another dependency by now.
    machine.sh(f"{PUBLISH} rm *.deb; publish milter-manager 9.3; index")
    more = f"{PUBLISH} publish milter-manager 9.3 'Depends: extra'; publish extra 1; index"
    told = applied(machine, more)
    assert "extra 1 from" in told["because"], told
    assert installed(machine, "milter-manager", "extra") == {}

    # And one that takes another away.
    away = f"{PUBLISH} publish milter-manager 9.3 'Conflicts: opendkim'; rm -f extra*; index"
    machine.sh(f"{PUBLISH} rm *.deb; publish milter-manager 9.3; index")
    told = applied(machine, away)
    assert "would remove or replace opendkim" in told["because"], told
    assert installed(machine, "milter-manager", "opendkim") == opendkim


def test_the_plan_shows_versions_and_what_is_upgraded_and_undo_leaves_that(
    machine: Machine,
) -> None:
    machine.sh(
        f"{PUBLISH} publish old 1; dpkg -i old-1.deb >/dev/null; rm old-1.deb; publish old 2;"
        "publish new 5; publish milter-manager 9.1 'Depends: old (>= 2), new'; index"
    )
    shown = machine.console("setup.fix", "packages.milter-manager", "--dry-run").checked().stdout
    for line in ("new 5 from", "milter-manager 9.1 from", "old 2 from", "milter-manager=9.1"):
        assert line in shown, shown
    assert "an upgrade, which stays when this is undone" in shown
    assert "stay, and the upgrade of old" in shown
    told = applied(machine, "true")
    assert told["status"] == "applied", told
    names = ("milter-manager", "old", "new")
    assert installed(machine, *names) == {"milter-manager": "9.1", "old": "2", "new": "5"}
    assert machine.console("journal.undo", "--yes").returncode == 0
    assert installed(machine, *names) == {"old": "2"}
