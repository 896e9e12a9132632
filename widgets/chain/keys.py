"""The keys of the chain pane, with what each means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

if TYPE_CHECKING:
    from textual.binding import BindingType


def _key(key: str, action: str, word: str, meaning: str) -> Binding:
    return Binding(key, action, word, tooltip=meaning)


KEYS: list[BindingType] = [
    _key("r", "run", "run", "send the message through the milters"),
    Binding("escape", "cancel", "cancel"),
    _key("m", "choose_milter", "milter", "the whole chain, one milter, or another socket"),
    _key("s", "choose_sample", "sample", "which message is sent"),
    _key("p", "choose_profile", "profile", "who sends it: outside, inside, authenticated, local"),
    _key("o", "options", "options", "whatever else a test can be told"),
    _key("f", "fix", "fix", "open the plan that mends what was found"),
    _key("v", "debug", "debug", "run the milter in the foreground, and the test again beside it"),
    _key("d", "difference", "diff", "the message before and after"),
    _key("n", "negotiation", "negotiation", "versions, actions, steps, macros asked for"),
    _key("t", "packets", "packets", "every packet in hexadecimal"),
    _key("c", "compare", "compare", "what differs from an earlier run"),
    _key("x", "over('scenario')", "scenarios", "run a suite of tests with what they expect"),
    _key("l", "over('load')", "load", "many sessions at once: throughput, percentiles"),
    _key("y", "command", "command", "show and copy the same as a shell command"),
    Binding("pagedown", "page(1)", show=False),
    Binding("pageup", "page(-1)", show=False),
]
