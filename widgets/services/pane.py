"""The pane itself: three lists under one heading, and what is known of the row in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.widgets import Static

from actions.registry import find
from widgets.choice import Alternative, Choice
from widgets.cursor import CursorLines
from widgets.fault import fault_rows
from widgets.ink import joined, said
from widgets.job import Job
from widgets.lines import Lines, Row
from widgets.look import QUICK, WHOLE
from widgets.page import Page
from widgets.pane import Open, Pane
from widgets.services.running import Running
from widgets.services.settled import Settled
from widgets.services.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType
    from textual.content import Content
    from textual.widget import Widget

    from widgets.fault import Fault
    from widgets.header import Outlook
    from widgets.pane import Frame
    from widgets.services.sheet import Act, Item, Sheet


class _Shown:
    """What one list shows."""

    def __init__(self) -> None:
        self.job: Job | None = None
        """The list's own look, where it does not take what the shared look told."""
        self.report: object = None
        self.fault: Fault | None = None
        self.cursor = ""
        """The key of the row under the cursor."""


class ServicesPane(Pane):
    """See what runs on this host, what waits, and how it is set up; act on each."""

    AUTO_FOCUS = "CursorLines"
    CSS_PATH = "services.tcss"
    DIGIT = "2"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn(1)", "next list", tooltip="services, queue, setup"),
        Binding("shift+tab", "turn(-1)", show=False),
        Binding("enter", "explain", "explain", tooltip="all that is known of the row"),
        Binding("a", "act", "act", tooltip="start, stop, hold, release, …: each is a plan first"),
        Binding("f", "fix", "fix", tooltip="open the plan that mends what was found"),
        Binding("r", "look", "look again"),
        Binding("y", "command", "command", tooltip="show and copy the same as a shell command"),
    ]

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._sheets: tuple[Sheet, ...] = (Running(), Waiting(), Settled())
        self._lists = {sheet.action: _Shown() for sheet in self._sheets}
        self._at = 0
        self._items: tuple[Item, ...] = ()

    @property
    def WORDS(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]  # noqa: N802
        """Terms and signs of the list that is shown."""
        return self._sheet.words

    def body(self) -> tuple[Widget, ...]:
        """Return the names of the lists, the one shown, and what is known of its row."""
        return (Static(id="lists"), CursorLines(id="items"), Lines(id="details"))

    def on_screen_resume(self) -> None:
        """Follow the host while somebody sees it."""
        super().on_screen_resume()
        self.frame.host_look.watch(self, watched=True)
        self._take()

    def on_screen_suspend(self) -> None:
        """Follow it no more: another view is in front."""
        self.frame.host_look.watch(self, watched=False)

    def on_unmount(self) -> None:
        """Let go of what is under way."""
        for one in self._lists.values():
            if one.job:
                one.job.cancel()

    def show_outlook(self, outlook: Outlook) -> None:
        """Show how the host is, at the top and in the lists."""
        super().show_outlook(outlook)
        self._take()

    def adopt(self, action: str, given: Mapping[str, object]) -> bool:
        """Take over the reports that are this pane's lists."""
        places = [number for number, one in enumerate(self._sheets) if one.action == action]
        if not places or given:
            return False
        self._turn_to(places[0])
        return True

    def forget(self) -> None:
        """Look anew at what the shared look does not tell: the host was changed."""
        for sheet in self._sheets:
            if not sheet.is_shared and self._lists[sheet.action].report is not None:
                self._look(sheet)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only the keys that do something now."""
        current = self._current
        needs = {
            "explain": current is not None,
            "act": bool(self._acts),
            "fix": current is not None and current.remedy is not None,
            "look": not self._is_looking,
        }
        return needs.get(action, True)

    # What the keys do

    def action_turn(self, by: int) -> None:
        """Turn to another list."""
        self._turn_to((self._at + by) % len(self._sheets))

    def action_look(self) -> None:
        """Look again."""
        if self._sheet.is_shared:
            self.frame.host_look.begin(QUICK if isinstance(self._sheet, Running) else WHOLE)
        else:
            self._look(self._sheet)

    def action_explain(self) -> None:
        """Show all that is known of the row under the cursor."""
        current = self._current
        if current and current.opens:
            self.post_message(Open(current.opens.action, current.opens.given))
        elif current:
            self.app.push_screen(Page(current.title, current.details))

    def action_act(self) -> None:
        """Choose what is done with the row under the cursor, or with all of them."""
        acts = self._acts
        alternatives = [
            Alternative(str(number), act.title, act.summary) for number, act in enumerate(acts)
        ]
        title = self._current.title if self._current else self._sheet.title

        def chosen(value: str | None) -> None:
            if value is not None:
                act = acts[int(value)]
                self.post_message(Open(act.action, act.given))

        self.app.push_screen(Choice(title, alternatives, ""), chosen)

    def action_fix(self) -> None:
        """Open the plan that mends what is under the cursor."""
        if self._current and self._current.remedy:
            remedy = self._current.remedy
            self.post_message(Open(remedy.action, dict(remedy.arguments)))

    def action_command(self) -> None:
        """Show and copy the command that tells the same."""
        self.show_command(self.workplace.command_line(find(self._sheet.action), {}))

    # What happens

    @on(Job.Ended)
    def ended(self, message: Job.Ended) -> None:
        """Take what a list's own look told."""
        for sheet in self._sheets:
            one = self._lists[sheet.action]
            if one.job is message.job:
                one.job, one.fault = None, message.fault
                one.report = message.result if message.result is not None else one.report
                self._draw()

    @on(CursorLines.Moved)
    def moved(self) -> None:
        """Tell of the row that the cursor came to."""
        current = self._current
        self._list.cursor = current.key if current else ""
        self._draw_details()

    def _take(self) -> None:
        """Take what the shared look told, and draw it."""
        for sheet in self._sheets:
            told = self.frame.host_look.latest(sheet.action) if sheet.is_shared else None
            one = self._lists[sheet.action]
            if told is not None and told is not one.report:
                sheet.take(told)
                one.report = told
        self._draw()

    def _turn_to(self, place: int) -> None:
        self._at = place
        if not self._sheet.is_shared:
            self._look(self._sheet)
        self._draw()

    def _look(self, sheet: Sheet) -> None:
        one = self._lists[sheet.action]
        if one.job is None:
            function, given = find(sheet.action).function, dict(sheet.given)
            one.job = Job(self.workplace.host, lambda ctx: function(ctx, **given), self)
            one.job.start()

    @property
    def _sheet(self) -> Sheet:
        return self._sheets[self._at]

    @property
    def _list(self) -> _Shown:
        return self._lists[self._sheet.action]

    @property
    def _is_looking(self) -> bool:
        if self._sheet.is_shared:
            return self.frame.host_look.is_under_way
        return self._list.job is not None

    @property
    def _current(self) -> Item | None:
        if not self.stands or not self._items:
            return None
        return self._items[min(self.query_one(CursorLines).cursor, len(self._items) - 1)]

    @property
    def _acts(self) -> tuple[Act, ...]:
        current, report = self._current, self._list.report
        whole = self._sheet.acts(report) if report is not None else ()
        return (*(current.acts if current else ()), *whole)

    # What is shown

    def _draw(self) -> None:
        if not self.stands:
            return
        self.query_one("#lists", Static).update(self._heading())
        report = self._list.report
        self._items = tuple(self._sheet.items(report)) if report is not None else ()
        items = self.query_one(CursorLines)
        keys = [item.key for item in self._items]
        held = self._list.cursor
        # A row that is gone leaves the cursor where it was; a list not yet seen begins at its top.
        place = keys.index(held) if held in keys else None if held else 0
        items.put([item.row for item in self._items], place)
        was_shown, items.display = items.display, bool(self._items)
        if self._items and (not was_shown or self.focused is None):
            items.focus()
        self._draw_details()

    def _draw_details(self) -> None:
        current, one = self._current, self._list
        rows: list[Row] = [*current.details] if current else []
        if one.report is not None:
            below = self._sheet.below(one.report)
            rows += [Row(), *below] if rows and below else below
        fault = self.frame.host_look.fault if self._sheet.is_shared else one.fault
        if fault:
            rows = [*fault_rows(fault), Row(), *rows]
        self.query_one("#details", Lines).show(rows)
        self.refresh_bindings()

    def _heading(self) -> Content:
        names = joined(
            *(
                said(f" {sheet.title} ").stylize("bold underline" if sheet is self._sheet else "")
                for sheet in self._sheets
            )
        )
        report = self._list.report
        told = self._sheet.heading(report) if report is not None else said("")
        if report is None and self._is_looking:
            told = said("looking …", "accent")
        return joined(names, said("   "), told)
