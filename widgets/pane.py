"""`Pane`: the frame of every pane, and what panes ask of the app around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.message import Message

from widgets.footer import KeyLine
from widgets.header import HostLine, Outlook, Tabs
from widgets.page import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.widget import Widget

    from widgets.look import HostLook
    from widgets.workplace import Workplace


class Frame(Protocol):
    """What stands around every pane."""

    workplace: Workplace
    kind: str
    """The kind of host, for people."""
    outlook: Outlook
    host_look: HostLook
    panes: tuple[tuple[str, str], ...]
    """Digit and title of each pane."""


class Open(Message):
    """Asks the app to open an action: its plan view, its report, or its form."""

    def __init__(self, action: str, given: Mapping[str, object]) -> None:
        super().__init__()
        self.action = action
        self.given = given


class Looked(Message):
    """Tells the app that the host may be another than before."""


class Changed(Message):
    """Tells the app that a plan changed the host."""


class Turn(Message):
    """Asks the app to switch to another pane, and that to begin what it is there for.

    Args:
        pane: its name.
        action: what it is to take over before it begins; empty for what it has.
        given: the arguments of *action*.
    """

    def __init__(
        self, pane: str, action: str = "", given: Mapping[str, object] | None = None
    ) -> None:
        super().__init__()
        self.pane = pane
        self.action = action
        self.given = given or {}


class Pane(View):
    """One pane with the header above and the keys below."""

    DIGIT: ClassVar[str]

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.frame = frame
        self.workplace = frame.workplace

    def body(self) -> tuple[Widget, ...]:
        """Return what stands between the header and the keys."""
        raise NotImplementedError

    def adopt(self, action: str, given: Mapping[str, object]) -> bool:  # noqa: ARG002
        """Take over an *action* that this pane shows better than a plain report."""
        return False

    def forget(self) -> None:
        """Let go of what was found on a host that has changed since."""

    def begin(self) -> None:
        """Do what this pane is there for, because another pane turned to it."""

    def compose(self) -> ComposeResult:
        """Lay out the header, the pane and the keys."""
        frame, place = self.frame, self.workplace
        yield HostLine(place.host.name, frame.kind, place.user, read_only=place.read_only)
        yield Tabs(frame.panes, self.DIGIT)
        yield from self.body()
        yield KeyLine("help", "command_palette", "quit")

    def on_screen_resume(self) -> None:
        """Show the host as it was seen last."""
        self.show_outlook(self.frame.outlook)

    def show_outlook(self, outlook: Outlook) -> None:
        """Show how the host is."""
        for line in self.query(HostLine):
            line.state = outlook
