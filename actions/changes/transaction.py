"""What a package manager would do, asked beforehand: nothing is installed that no plan showed.

apt-get tells it in lines made for programs (apt-get(8), --simulate). dnf and yum have a table for
the eye, shown before they ask; what can't be read in it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.changes.failed import last_words
from actions.host.errors import HostError, NotPermitted
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actions.host.ports import Completed, Host

Tool = Literal["apt-get", "dnf", "yum"]

APT = (
    "--yes",
    "--no-install-recommends",
    "--no-upgrade",
    "--option=Dpkg::Options::=--force-confold",
    "--option=DPkg::Lock::Timeout=60",
)
"""Nothing is asked, what is here already is not upgraded for its own sake, files that an operator
changed are kept, another apt is waited for."""

PATIENCE = 120.0

_COME = {"Installing", "Installing dependencies", "Installing weak dependencies", "Upgrading"}
"""The parts of dnf's table that are not refused; its others remove, replace or go back."""


class Coming(Record):
    """One package that would come."""

    name: str
    version: str
    exact: str
    """How the package manager is asked for this version of it and no other."""
    source: str
    """Where it comes from."""
    upgrades: bool = False
    """Whether an older one is here."""

    @property
    def shown(self) -> str:
        """It in one line."""
        stays = ", an upgrade, which stays when this is undone" if self.upgrades else ""
        return f"{self.name} {self.version} from {self.source}{stays}"


def would_come(host: Host, tool: Tool, asked: Sequence[str]) -> tuple[Coming, ...]:
    """Return what would come where *tool* is *asked* to install.

    Raises:
        HostError: there is no such package, others would have to go for it, or what would
            happen can't be read.
    """
    if tool == "apt-get":
        told = host.commands.run(
            (tool, "--simulate", *APT, "install", "--", *asked), timeout=PATIENCE
        )
        require_done(told, tool)
        return tuple(_of_apt(told.stdout, asked))
    told = host.commands.run((tool, "--assumeno", "install", "--", *asked), timeout=PATIENCE)
    if "Transaction Summary" not in told.stdout:
        # It ends with 1 where it was told no, too.
        require_done(told, tool)
        if "Nothing to do" in f"{told.stdout}{told.stderr}":
            return ()
        raise HostError(
            f"{tool}: what it would do can't be read; install {' '.join(asked)} by hand"
        )
    return tuple(_of_dnf(told.stdout, tool, asked))


def _of_apt(text: str, asked: Sequence[str]) -> Iterator[Coming]:
    lines = [line.split() for line in text.splitlines()]
    _require_none([words[1] for words in lines if words[:1] == ["Remv"]], asked)
    for words in lines:
        if words[:1] != ["Inst"]:
            continue
        # An upgrade names the version before in brackets.
        upgrades = words[2].startswith("[")
        rest = words[3 if upgrades else 2 :]
        version = rest[0].removeprefix("(")
        # What follows the version: its origins, and at the end its architecture.
        origin = " ".join(rest[1:]).partition("[")[0].strip().rstrip(")")
        exact = f"{words[1]}={version}"
        yield Coming(words[1], version, exact, origin or "this host", upgrades)


def _of_dnf(text: str, tool: Tool, asked: Sequence[str]) -> Iterator[Coming]:
    """Yield the rows of dnf's table: package, architecture, version, repository and size."""
    part, row = "", list[str]()
    other: list[str] = []
    for line in text.partition("Transaction Summary")[0].splitlines():
        if line[:1].strip():
            part, row = line.strip().removesuffix(":"), []
            continue
        # A name that is too long for its column has its row on the next line.
        row += line.split()
        if row[:1] == ["replacing"]:
            other.append(row[1])
        elif part not in _COME and row:
            other.append(row[0])
        elif len(row) < 5:
            continue
        elif part in _COME:
            name, arch, version, source = row[:4]
            yield Coming(name, version, f"{name}-{version}.{arch}", source, part == "Upgrading")
        row = []
    headed = {"Package"}
    _require_none([name for name in other if name not in headed], asked)
    if row:
        raise HostError(
            f"{tool}: what it would do can't be read; install {' '.join(asked)} by hand"
        )


def _require_none(gone: Sequence[str], asked: Sequence[str]) -> None:
    if gone:
        raise HostError(
            f"installing {' '.join(asked)} would remove or replace {' '.join(gone)}; do it by hand"
        )


def require_done(ended: Completed, program: str, heard: tuple[str, ...] = ()) -> None:
    """Refuse what did not end well, in the program's own words; raises `HostError`."""
    if ended.exit_code:
        why = last_words(ended, heard)
        unable = any(one in why.lower() for one in ("are you root", "superuser"))
        raise (NotPermitted if unable else HostError)(f"{program}: {why}")
