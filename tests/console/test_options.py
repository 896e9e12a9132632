"""The command line is the declaration's mirror: what is written out is read back the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.action import ActionError
from actions.registry import all_actions, find
from console.options import arguments, command_line, options_of, parser

if TYPE_CHECKING:
    from actions.action import Parameter

MILTER_TEST_SERVER = """
    --name -s --connection-spec --negotiate-version --connect-host --connect-address
    --helo-fqdn -f --envelope-from -r --envelope-recipient --connect-macro --helo-macro
    --envelope-from-macro --envelope-recipient-macro --data-macro --end-of-header-macro
    --end-of-message-macro -h --header -b --body --unknown --authenticated-name
    --authenticated-type --authenticated-author -m --mail-file --output-message --color
    --connection-timeout --reading-timeout --writing-timeout --end-of-message-timeout
    --all-timeouts -t --threads -v --verbose --version --help
"""

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


def values_of(parameter: Parameter) -> st.SearchStrategy[object]:
    if parameter.option.choices:
        return st.sampled_from(parameter.option.choices)
    match parameter.shape:
        case "switch":
            return st.booleans()
        case "number":
            return st.integers(-1000, 1000)
        case "seconds":
            return st.floats(0.001, 1e6)
        case "list":
            return st.lists(TEXT, min_size=int(parameter.required), max_size=3).map(tuple)
        case _:
            return TEXT


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_arguments_survive_the_way_through_the_command_line(data: st.DataObject) -> None:
    action = data.draw(st.sampled_from(all_actions()))
    wanted = {
        parameter.name: data.draw(values_of(parameter), parameter.name)
        for parameter in action.parameters
        if not parameter.option.secret and (parameter.required or data.draw(st.booleans()))
    }
    full = {one.name: one.default for one in action.parameters} | wanted
    line = command_line(action, full)
    assert arguments(action, parser(action).parse_args(line)) == full


class TestPlaces:
    """What goes by its place, not by a flag."""

    @pytest.mark.parametrize(
        ("words", "files"),
        [
            (["a", "--verbose", "b"], ("a", "b")),
            (["--only", "x", "a"], ("a",)),
            (["--only=x", "a", "b"], ("a", "b")),
            (["-s", "n=unix:/x", "a", "--junit", "out", "b"], ("a", "b")),
            (["a", "--", "--verbose", "-s"], ("a", "--verbose", "-s")),
            (["-"], ("-",)),
            ([], ()),
        ],
    )
    def test_it_may_stand_anywhere(self, words: list[str], files: tuple[str, ...]) -> None:
        action = find("chain.scenario")
        assert arguments(action, parser(action).parse_args(words))["file"] == files

    def test_an_option_without_its_value_is_still_told(self) -> None:
        with pytest.raises(ActionError, match="--only: expected one argument"):
            parser(find("chain.scenario")).parse_args(["a", "--only"])
        with pytest.raises(ActionError, match="unrecognized arguments: --onyl"):
            parser(find("chain.scenario")).parse_args(["--onyl", "a"])

    def test_it_comes_last_on_the_command_line(self) -> None:
        given = {"file": ("a", "b"), "verbose": True}
        assert command_line(find("chain.scenario"), given) == ["--verbose", "a", "b"]

    def test_an_action_without_any_takes_none(self) -> None:
        with pytest.raises(ActionError, match="unrecognized arguments: a"):
            parser(find("chain.test")).parse_args(["a"])


def test_milter_test_servers_options_all_exist() -> None:
    ours = set(options_of(next(one for one in all_actions() if one.name == "chain.test")))
    assert set(MILTER_TEST_SERVER.split()) <= ours
