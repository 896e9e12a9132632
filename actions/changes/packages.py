"""Packages installed, or removed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from actions.changes.reading import text, texts
from actions.changes.transaction import APT, Tool, require_done, would_come
from actions.host.errors import HostError
from actions.plan import Line, Standing
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from actions.host.ports import Host
    from actions.plan import Undo

LONGEST = 1800.0
"""Seconds that an installation may take."""


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
    exact: tuple[str, ...] = ()
    """All that comes, new or upgraded, each as the package manager is asked for that version.

    Empty where that is not known before an earlier step has been done.
    """
    pinned: tuple[str, ...] = ()
    """What is `asked` for, in these versions."""
    upgraded: tuple[str, ...] = ()
    """What is upgraded along with it; undoing leaves it so."""

    @classmethod
    def planned(cls, host: Host, tool: Tool, asked: Sequence[str], note: str = "") -> Packages:
        """Plan to install what is *asked* for, with what it needs.

        Raises:
            HostError: there is no such package, or others would have to go for it.
        """
        coming = would_come(host, tool, asked)
        exact = {one.name: one.exact for one in coming}
        return cls(
            tool,
            tuple(asked),
            tuple(one.name for one in coming if not one.upgrades),
            "install",
            tuple(one.shown for one in coming),
            note,
            tuple(exact.values()),
            tuple(exact.get(one, one) for one in asked),
            tuple(one.name for one in coming if one.upgrades),
        )

    @classmethod
    def later(cls, tool: Tool, asked: Sequence[str]) -> Packages:
        """Plan to install what comes from a repository that an earlier step registers."""
        note = "what comes with it is known when its repository is; nothing is removed for it"
        return cls(tool, tuple(asked), tuple(asked), "install", (), note)

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
            texts(record, "exact"),
            texts(record, "pinned"),
            texts(record, "upgraded"),
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
        also = f", and the upgrade of {' '.join(self.upgraded)}" if self.upgraded else ""
        rest = "" if self.exact else ", what came with it"
        return f"{' '.join(self.names)} removed again; configuration files stay{rest}{also}"

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
        self.apply_aloud(host, token, lambda _: None, lambda: False)

    def apply_aloud(
        self,
        host: Host,
        token: str,
        tell: Callable[[str], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        """Install or remove them, and hand what is said of it to *tell*; raises `HostError`.

        It comes to its end: a package manager that is ended amid its work leaves a half of it.
        """
        from actions.changes.aloud import run_aloud

        if self.operation == "install":
            self._require_same(host)
        argv = self._argv()
        ended, heard = run_aloud(host, argv, tell, timeout=LONGEST)
        require_done(ended, argv[0], heard)

    def _require_same(self, host: Host) -> None:
        """Refuse where by now other packages would come than were shown, or some would go."""
        coming = would_come(host, self.tool, (self.pinned or self.asked))
        # What came by another way meanwhile is no harm.
        other = [one.shown for one in coming if one.exact not in self.exact]
        if self.exact and other:
            raise HostError(
                f"installing {self.target} would bring something else by now: {'; '.join(other)}; "
                "nothing was installed, plan it again"
            )

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
        named = ("asked", "names", "sources", "exact", "pinned", "upgraded")
        lists = {name: list(getattr(self, name)) for name in named}
        return {"change": "packages", **self._asdict(), **lists}

    def _argv(self) -> tuple[str, ...]:
        if self.operation == "install":
            options = (*APT, "--no-remove") if self.tool == "apt-get" else ("--assumeyes",)
            return (self.tool, *options, "install", "--", *(self.pinned or self.asked))
        # Unlike apt-get and dnf they refuse where something else needs one of them by now, and
        # remove nothing else.
        if self.tool == "apt-get":
            return ("dpkg", "--remove", "--", *self.names)
        return ("rpm", "--erase", "--", *self.names)


def is_installed(host: Host, tool: Tool, name: str) -> bool:
    """Return whether the package *name* is on *host*; raises `HostError`."""
    if tool != "apt-get":
        return host.commands.run(["rpm", "--query", "--", name]).exit_code == 0
    told = host.commands.run(["dpkg-query", "-W", "-f", "${db:Status-Status}\n", "--", name])
    return "installed" in told.stdout.split()


def _tool(word: str) -> Tool:
    tools: dict[str, Tool] = {"apt-get": "apt-get", "dnf": "dnf", "yum": "yum"}
    return tools[word]
