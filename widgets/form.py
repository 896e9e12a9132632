"""`Form`: the parameters of any action as fields, made from its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Select, Static, TextArea

from widgets.footer import KeyLine
from widgets.given import BadValue, as_text, from_text
from widgets.ink import joined, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import DescendantFocus
    from textual.widget import Widget

    from actions.action import Action, Parameter


class Toggle(Static, can_focus=True):
    """Yes or no, said by a word."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "switch", "yes or no")]

    def __init__(self, *, value: bool) -> None:
        super().__init__()
        self.value = value

    def render(self) -> Content:
        """Draw the sign and the word."""
        return said("● yes" if self.value else "– no", "" if self.value else "dim")

    def action_switch(self) -> None:
        """Change it."""
        self.value = not self.value
        self.refresh()

    def on_click(self) -> None:
        """Change it by the mouse too."""
        self.action_switch()


class Field(Horizontal):
    """One parameter: its name and the place for its value."""

    def __init__(self, parameter: Parameter, value: object) -> None:
        super().__init__()
        self.parameter = parameter
        self.editor = _editor(parameter, value)

    def compose(self) -> ComposeResult:
        """Lay out the name and the editor."""
        yield Static(self._label(""), classes="label")
        yield self.editor

    def read(self) -> object:
        """Return the value; raises `BadValue`, and says so beside the name."""
        try:
            value = from_text(self.parameter, _text_of(self.editor))
        except BadValue as error:
            self.query_one(".label", Static).update(self._label(str(error)))
            raise
        self.query_one(".label", Static).update(self._label(""))
        return value

    def _label(self, objection: str) -> Content:
        name = said(self.parameter.name.replace("_", " "))
        if objection:
            return joined(name, said(f"  ✗ {objection}", "bad"))
        return name + said(" needed", "dim") if self.parameter.required else name


def _editor(parameter: Parameter, value: object) -> Widget:
    option = parameter.option
    if parameter.shape == "switch":
        return Toggle(value=bool(value))
    if option.choices:
        pairs = [(Content(choice), choice) for choice in option.choices]
        blank = parameter.default not in option.choices
        chosen = value if value in option.choices else Select.NULL
        return Select(pairs, value=chosen, allow_blank=blank, prompt="–", compact=True)
    text = as_text(value)
    if parameter.shape == "list":
        area = TextArea(text, compact=True, placeholder=Content(_hint(parameter)))
        area.cursor_blink = False
        return area
    line = Input(text, placeholder=_hint(parameter), password=option.secret, compact=True)
    line.cursor_blink = False
    return line


def _hint(parameter: Parameter) -> str:
    shown = {"number": "number", "seconds": "seconds", "list": "one per line"}
    default = as_text(parameter.default)
    kind = parameter.option.metavar or shown.get(parameter.shape, "text")
    many = ", one per line" if parameter.shape == "list" and parameter.option.metavar else ""
    return f"{kind}{many}" + (f", otherwise {default}" if default else "")


def _text_of(editor: Widget) -> str:
    match editor:
        case Toggle():
            return "yes" if editor.value else "no"
        case Select():
            return "" if editor.value is Select.NULL else str(editor.value)
        case TextArea():
            return editor.text
        case Input():
            return editor.value
    raise TypeError(type(editor))


class Form(Screen["dict[str, object] | None"]):
    """What an action can be told; the arguments that differ from the usual, or None.

    Args:
        action: whose parameters.
        given: the values to begin with.
        without: parameters that are not asked for; they stay as given.
        note: what is to be known before going on; empty for nothing.
    """

    AUTO_FOCUS = "Field Input, Field TextArea, Field Select, Field Toggle"
    CSS_PATH = "form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "go_on", "go on", key_display="Ctrl+R"),
        Binding("tab", "app.focus_next", "next"),
        Binding("escape", "dismiss(None)", "back"),
    ]

    def __init__(
        self,
        action: Action,
        given: Mapping[str, object],
        without: tuple[str, ...] = (),
        note: str = "",
    ) -> None:
        super().__init__()
        self._action = action
        self._given = dict(given)
        self._without = without
        self._note = note

    def compose(self) -> ComposeResult:
        """Lay out the fields by their groups."""
        title = joined(said(self._action.name, "bold"), said(f"  {self._action.summary}"))
        yield Static(title, classes="title")
        if self._note:
            yield Static(said(f"◐ {self._note}", "warn"), classes="note")
        with VerticalScroll(can_focus=False):
            yield from self._fields()
        yield Static(id="explanation")
        yield KeyLine()

    @on(Input.Submitted)
    def submitted(self) -> None:
        """Go to the next field; where there is but one, go on."""
        if len(self.query(Field)) > 1:
            self.app.action_focus_next()
        else:
            self.action_go_on()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Explain the field that has the focus."""
        field = next((one for one in event.widget.ancestors if isinstance(one, Field)), None)
        if field:
            flags = ", ".join(field.parameter.words)
            told = joined(said(field.parameter.option.help), said(f"  {flags}", "dim"))
            self.query_one("#explanation", Static).update(told)

    def action_go_on(self) -> None:
        """Return the arguments, or show which field they fail at."""
        given = {name: self._given[name] for name in self._without if name in self._given}
        wrong: list[Field] = []
        for field in self.query(Field):
            try:
                value = field.read()
            except BadValue:
                wrong.append(field)
                continue
            if value != field.parameter.default or field.parameter.required:
                given[field.parameter.name] = value
        if wrong:
            wrong[0].editor.focus()
        else:
            self.dismiss(given)

    def _fields(self) -> Iterator[Widget]:
        group: str | None = None
        asked = [one for one in self._action.parameters if one.name not in self._without]
        groups = list(dict.fromkeys(one.option.group for one in asked))
        for parameter in sorted(asked, key=lambda one: groups.index(one.option.group)):
            if parameter.option.group != group:
                group = parameter.option.group
                if group:
                    yield Static(said(group, "bold"), classes="group")
            yield Field(parameter, self._given.get(parameter.name, parameter.default))
