"""The Textual app around the panes: the header's facts, the palette, the help, the end."""

from __future__ import annotations

import os
import shlex
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import App
from textual.binding import Binding
from textual.theme import Theme

from actions.action import ActionError, Exit, refuse_effect
from actions.finding import Health
from actions.printable import printable
from actions.record import Record
from actions.registry import find
from widgets.fault import fault_of
from widgets.form import Form
from widgets.given import from_pairs, missing
from widgets.header import NOT_LOOKED, NOT_SEEN, Outlook, outlook
from widgets.help import help_rows
from widgets.job import Job
from widgets.look import QUICK, WHOLE, HostLook
from widgets.page import Over, Page, View
from widgets.palette import Commands
from widgets.pane import Changed, Looked, Open, Pane, Turn
from widgets.plan import PlanView
from widgets.report import ReportView
from widgets.workplace import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from textual.app import SystemCommand
    from textual.binding import BindingType
    from textual.notifications import SeverityLevel
    from textual.screen import Screen

    from actions.action import Action, Report
    from actions.host.ports import Host

THEME = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "border": "ansi_cyan",
        "border-blurred": "ansi_bright_black",
        "scrollbar": "ansi_bright_black",
        "scrollbar-hover": "ansi_bright_black",
        "scrollbar-active": "ansi_cyan",
        "scrollbar-background": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
    },
)
"""The terminal's own colours: they fit its background, light or dark, and cost few bytes."""


class PaneEntry(Record):
    """One pane, by where it is found; its module is imported when it is first shown."""

    digit: str
    name: str
    title: str
    place: str
    shows: Mapping[str, frozenset[str]] = {}
    """The reports that it shows better than plain text, with the arguments it does so for."""


PANES = (
    PaneEntry("1", "overview", "Overview", "widgets.overview:OverviewPane"),
    PaneEntry("2", "services", "Services", "widgets.services:ServicesPane"),
    PaneEntry("3", "chain", "Chain", "widgets.chain:ChainPane"),
    PaneEntry(
        "5",
        "sockets",
        "Sockets",
        "widgets.sockets:SocketsPane",
        {"sockets.check": frozenset({"edge"}), "sockets.ways": frozenset({"edge"})},
    ),
    PaneEntry("6", "debug", "Debug", "widgets.debug:DebugPane", {"debug.status": frozenset()}),
)

VIEWS = {"debug.run": "widgets.debug.run:RunPlan"}
"""By action: the view that shows it better than the one of its kind."""

_NAMES = {"escape": "Esc", "enter": "Enter", "tab": "Tab", "question_mark": "?"}


class ConsoleApp(App[None]):
    """The console on one host."""

    CSS_PATH = "app.tcss"
    TITLE = "milter-console"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Commands]]] = {Commands}  # type: ignore[assignment]
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(one.digit, f"pane('{one.name}')", one.title, show=False) for one in PANES),
        Binding("question_mark", "help", "help", tooltip="these keys and words"),
        Binding(
            "ctrl+p",
            "command_palette",
            "everything",
            key_display="Ctrl+P",
            tooltip="every action and key, by searching",
        ),
        Binding("q", "quit", "quit", tooltip="leave the console; Ctrl+Q too"),
    ]

    def __init__(self, host: Host, *, read_only: bool) -> None:
        super().__init__(ansi_color=True)
        self.register_theme(THEME)
        self.theme = THEME.name
        self.animation_level = "none"
        self.panes = tuple((one.digit, one.title) for one in PANES)
        self.kind = "lab" if host.kind == "lab" else system_name(host)
        self.outlook = NOT_LOOKED
        self.workplace = Workplace(
            host, user_name(), read_only, renderer(host), self._command_line, self._as_root
        )
        self.host_look = HostLook(host, self)
        for entry in PANES:
            self.add_mode(entry.name, self._maker(entry))

    def on_mount(self) -> None:
        """Open the first pane, and look how the host is."""
        self.switch_mode(PANES[0].name)
        self.host_look.begin(WHOLE)
        self.set_interval(TICK, self.host_look.tick)

    # What is opened

    def open_action(self, name: str, given: Mapping[str, object] | None = None) -> None:
        """Open the action called *name* with the arguments *given*.

        A pane may take it over; a plan opens in the plan view; whatever is needed and not
        given is asked for by a form.
        """
        try:
            action = find(name)
            if self.workplace.read_only:
                refuse_effect(action)
            arguments = from_pairs(action, (given or {}).items())
        except (ActionError, KeyError, ValueError) as error:
            self.notify(fault_of(error).what, severity="error")
            return
        pane = self.screen
        if isinstance(pane, Pane) and pane.adopt(name, arguments):
            return
        for entry in PANES:
            if name in entry.shows and entry.shows[name].issuperset(arguments):
                self.post_message(Turn(entry.name, name, arguments))
                return
        if missing(action, arguments):
            form = Form(action, arguments)
            self.push_screen(form, lambda told: self._open(action, told))
        else:
            self._open(action, arguments)

    @on(Turn)
    async def turned(self, message: Turn) -> None:
        """Switch to another pane, and let it begin."""
        await self.switch_mode(message.pane)
        while message.action and isinstance(self.screen, Over) and not self.screen.reason_to_stay:
            await self.pop_screen()
        pane = self.screen
        if isinstance(pane, Pane):
            if message.action:
                pane.adopt(message.action, message.given)
            pane.begin()

    @on(Open)
    def opened(self, message: Open) -> None:
        """Open what a view asks for."""
        self.open_action(message.action, message.given)

    def action_pane(self, name: str) -> None:
        """Switch to a pane."""
        self.switch_mode(name)

    def action_help(self) -> None:
        """Show the help of the view below."""
        words = self.screen.WORDS if isinstance(self.screen, View) else ()
        self.push_screen(Page("Help", help_rows(self, self.screen, words)))

    def _open(self, action: Action, given: dict[str, object] | None) -> None:
        if given is None:
            return
        view: Callable[..., View] = PlanView if action.kind == "plan" else ReportView
        if action.name in VIEWS:
            view = _imported(VIEWS[action.name])
        self.push_screen(view(self.workplace, action, given))

    def get_system_commands(self, _screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return none of Textual's own: our provider has everything."""
        return ()

    # How the host is

    @on(Looked)
    def looked(self) -> None:
        """Look again: something may have changed."""
        self.host_look.begin(QUICK)

    @on(Changed)
    def changed(self) -> None:
        """Look again, and let no pane show what it found before."""
        self.host_look.begin(WHOLE)
        for one in self.screen_stack:
            if isinstance(one, Pane):
                one.forget()

    @on(HostLook.Noticed)
    def noticed(self, message: HostLook.Noticed) -> None:
        """Look at what has changed."""
        self.host_look.notice(message.changed)

    @on(Job.Told)
    def told(self, message: Job.Told) -> None:
        """Take what is known so far."""
        self.host_look.told(message)

    @on(Job.Ended)
    def took(self, message: Job.Ended) -> None:
        """Take what came of a look."""
        self.host_look.took(message)

    @on(HostLook.News)
    def seen(self) -> None:
        """Show how the host is."""
        self.outlook = seen_as(self.host_look)
        for one in self.screen_stack:
            if isinstance(one, Pane) and one.is_mounted:
                one.show_outlook(self.outlook)

    # How it ends

    async def action_quit(self) -> None:
        """End, unless that would leave something half done."""
        for one in self._views():
            if one.reason_to_stay:
                self.notify(one.reason_to_stay, severity="warning")
                one.wind_up()
                return
        self.exit()

    def action_help_quit(self) -> None:
        """Say how to quit, for Ctrl+C."""
        self.notify("q quits, Esc cancels what is under way.")

    def _views(self) -> list[View]:
        """Return every view that is open, over all panes."""
        stacks = list(self._screen_stacks.values())
        return [one for stack in stacks for one in list(stack) if isinstance(one, View)]

    def end_by(self, number: int, _: object = None) -> None:
        """End by a signal; a plan under way is stopped and taken back first."""
        threading.Thread(target=self._leave, args=(128 + number,), daemon=True).start()

    def _leave(self, code: int) -> None:
        for one in self._views():
            job = one.applying if isinstance(one, PlanView) else None
            if job:
                job.cancel()
                job.join(PATIENCE_FOR_A_PLAN)
        self.call_later(self.exit, return_code=code)
        # With the terminal gone, the way out through it may be blocked for ever.
        threading.Event().wait(PATIENCE_FOR_THE_TERMINAL)
        os._exit(code)

    # What Textual is told otherwise

    def _fatal_error(self) -> None:
        """End by a defect, told without the values of variables: those may be secrets."""
        import traceback

        from rich.text import Text

        self._return_code = Exit.DEFECT
        told = [*traceback.format_exc().splitlines(), "console: this is a defect; please report it"]
        self.panic(Text("\n".join(map(printable, told))))

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a short message as it is: no markup, and nothing that a terminal obeys."""
        del markup
        super().notify(
            printable(message),
            title=printable(title),
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as operators write it."""
        return binding.key_display or _NAMES.get(binding.key, binding.key)

    def _maker(self, entry: PaneEntry) -> Callable[[], Screen[object]]:
        def make() -> Screen[object]:
            return cast("Screen[object]", _imported(entry.place)(self))

        return make

    def _command_line(self, action: Action, given: Mapping[str, object]) -> str:
        return shlex.join(["console", "run", *self._words(action, given)])

    def _as_root(self, action: Action, given: Mapping[str, object]) -> list[str]:
        from console.change import own_command

        return ["sudo", "-n", "--", *own_command(), "run", *self._words(action, given)]

    def _words(self, action: Action, given: Mapping[str, object]) -> list[str]:
        from console.options import command_line

        host = self.workplace.host
        lab = [f"--lab={getattr(host, 'root', '')}"] if host.kind == "lab" else []
        return [action.name, *lab, *command_line(action, dict(given))]


TICK = 5.0
"""Seconds between two thoughts of whether it is time for a look."""

PATIENCE_FOR_A_PLAN = 120.0
"""Seconds that a plan has for being taken back when the line is cut."""

PATIENCE_FOR_THE_TERMINAL = 2.0


def _imported(place: str) -> Callable[..., Any]:
    """Return what stands at *place*, given as ``module:name``."""
    module, _, name = place.partition(":")
    return cast("Callable[..., Any]", getattr(import_module(module), name))


def renderer(host: Host) -> Callable[[Report], str]:
    """Return what makes text of a report about *host*."""

    def rendered(report: Report) -> str:
        from console.render.report import rendered as render
        from console.run import hints_for

        return render(report, "text", hints_for(host))[0]

    return rendered


def seen_as(look: HostLook) -> Outlook:
    """Return what the look at the host says of it; while it is new, only what is wrong."""
    if look.fault:
        return NOT_SEEN
    if look.report is None:
        return NOT_LOOKED
    known = outlook(look.report.findings, len(look.report.acknowledged))
    if look.report.under_way and not look.ended and known.health is Health.OK:
        return NOT_LOOKED
    return known


def user_name() -> str:
    """Return who works here, and that it is not root where it is not."""
    import pwd

    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    by = os.environ.get("SUDO_USER", "")
    if uid == 0:
        return f"{name} (sudo by {by})" if by and by != "root" else name
    return f"{name}, not root"


def system_name(host: Host) -> str:
    """Return which system the host runs, as it calls itself."""
    try:
        with open(host.at("/etc/os-release"), encoding="utf-8", errors="replace") as file:
            text = file.read(65536)
    except OSError:
        return "Linux"
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return lines.get("PRETTY_NAME", "Linux").strip('"')
