"""Packages installed, or removed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.changes.reading import text, texts
from actions.host.errors import HostError, NotPermitted
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actions.host.ports import Host
    from actions.plan import Undo

Tool = Literal["apt-get", "dnf", "yum"]

LONGEST = 1800.0
"""Seconds that an installation may take."""

_APT = (
    "--yes",
    "--no-install-recommends",
    "--option=Dpkg::Options::=--force-confold",
    "--option=DPkg::Lock::Timeout=60",
)
"""Nothing is asked, files that an operator changed are kept, another apt is waited for."""


class Packages(Record):
    """Packages brought in by the host's own package manager."""

    tool: Tool
    asked: tuple[str, ...]
    """What the package manager is asked for."""
    names: tuple[str, ...]
    """All that comes with it and was not here before; undoing removes these and no others."""
    operation: Literal["install", "remove"] = "install"
    sources: tuple[str, ...] = ()
    """For the eye: each package with its version and the repository it comes from."""
    note: str = ""

    @classmethod
    def planned(cls, host: Host, tool: Tool, asked: Sequence[str], note: str = "") -> Packages:
        """Plan to install what is *asked* for, with what it needs.

        Raises:
            HostError: there is no such package, or others would have to go for it.
        """
        if tool != "apt-get":
            return cls(tool, tuple(asked), tuple(asked), "install", (), note)
        told = _run(host, ("apt-get", "--simulate", *_APT, "install", "--", *asked), 120.0)
        lines = [line.split() for line in told.splitlines()]
        gone = [words[1] for words in lines if words[:1] == ["Remv"]]
        if gone:
            raise HostError(
                f"installing {' '.join(asked)} would remove {' '.join(gone)}; do it by hand"
            )
        coming = [words for words in lines if words[:1] == ["Inst"]]
        # An upgrade names the version before in brackets; it can't be taken back.
        names = tuple(words[1] for words in coming if not words[2].startswith("["))
        sources = tuple(" ".join(words[1:]) for words in coming)
        return cls(tool, tuple(asked), names, "install", sources, note)

    @classmethod
    def read(cls, record: Mapping[str, object]) -> Packages:
        """Return the change of a journal *record*."""
        tool = text(record, "tool")
        installs = text(record, "operation") == "install"
        return cls(
            _tool(tool),
            texts(record, "asked"),
            texts(record, "names"),
            "install" if installs else "remove",
            texts(record, "sources"),
            text(record, "note"),
        )

    @property
    def kind(self) -> str:
        """The word for it."""
        return self.operation

    @property
    def target(self) -> str:
        """The packages."""
        return " ".join(self.asked)

    @property
    def undo(self) -> Undo:
        """How it is undone."""
        return "compensating"

    @property
    def undo_note(self) -> str:
        """What undoing means here."""
        if self.operation == "remove":
            return "installed again"
        return f"{' '.join(self.names)} removed again; configuration files stay"

    @property
    def settles(self) -> bool:
        """Whether it only makes a service take up other changes."""
        return False

    def lines(self) -> tuple[Line, ...]:
        """Return the command, and what it brings."""
        sign: Literal["+", "-"] = "+" if self.operation == "install" else "-"
        shown = self.sources or self.names
        return (Line("$", self.as_command()), *(Line(sign, one) for one in shown))

    def as_command(self) -> str:
        """Return the shell command that does the same."""
        import shlex

        return shlex.join(self._argv())

    def stands(self, host: Host) -> Standing:
        """Look whether all of the packages are there."""
        here = all(is_installed(host, self.tool, name) for name in self.names)
        gone = not any(is_installed(host, self.tool, name) for name in self.names)
        if self.operation == "install":
            return Standing.AFTER if here else Standing.BEFORE
        return Standing.AFTER if gone else Standing.BEFORE

    def apply(self, host: Host, token: str) -> None:
        """Install or remove them; raises `HostError`."""
        _run(host, self._argv(), LONGEST)

    def sweep(self, host: Host, token: str) -> None:
        """Leave everything: the package manager mends what it left itself."""

    def inverse(self) -> Packages:
        """Return the change back."""
        back: Literal["install", "remove"] = "install"
        if self.operation == "install":
            back = "remove"
        return self._replace(operation=back, note="")

    def record(self) -> dict[str, object]:
        """Return it as JSON."""
        lists = {name: list(getattr(self, name)) for name in ("asked", "names", "sources")}
        return {"change": "packages", **self._asdict(), **lists}

    def _argv(self) -> tuple[str, ...]:
        if self.operation == "install":
            options = _APT if self.tool == "apt-get" else ("--assumeyes",)
            return (self.tool, *options, "install", "--", *self.asked)
        if self.tool == "apt-get":
            # Unlike apt-get it refuses where something else needs one of them by now.
            return ("dpkg", "--remove", "--", *self.names)
        return (self.tool, "--assumeyes", "remove", "--", *self.names)


def is_installed(host: Host, tool: Tool, name: str) -> bool:
    """Return whether the package *name* is on *host*; raises `HostError`."""
    if tool != "apt-get":
        return host.commands.run(["rpm", "--query", "--", name]).exit_code == 0
    told = host.commands.run(["dpkg-query", "-W", "-f", "${db:Status-Status}\n", "--", name])
    return "installed" in told.stdout.split()


def _run(host: Host, argv: tuple[str, ...], timeout: float) -> str:
    ended = host.commands.run(argv, timeout=timeout)
    if ended.exit_code:
        told = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-3:]
        why = "; ".join(line.strip() for line in told) or f"ended with {ended.exit_code}"
        kind = NotPermitted if "are you root" in why.lower() else HostError
        raise kind(f"{argv[0]}: {why}")
    return ended.stdout


def _tool(word: str) -> Tool:
    tools: dict[str, Tool] = {"apt-get": "apt-get", "dnf": "dnf", "yum": "yum"}
    return tools[word]
