"""What ``milter-manager --show-config`` prints: valid configuration, and where each item is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.lab.services.milter_manager.conditions import CONDITIONS
from console.lab.services.milter_manager.items import CHILD, MODES, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.lab.services.milter_manager.configuration import ChildSettings, Configuration
    from console.lab.services.milter_manager.items import Given, Value


def shown(configuration: Configuration) -> str:
    """Return *configuration* as text that a configuration file could hold."""
    blocks = [
        *(_section(configuration, name) for name in SECTIONS),
        *(_condition(name) for name in CONDITIONS),
        *(_child(configuration.file, child) for child in configuration.children),
    ]
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks)


def _section(configuration: Configuration, name: str) -> Iterator[str]:
    for item in SECTIONS[name]:
        full = f"{name}.{item}"
        yield _place(configuration.file, configuration.given.get(full))
        yield f"{full} = {_written(item, configuration.value(name, item))}"


def _condition(name: str) -> Iterator[str]:
    yield "# default"
    yield f'define_applicable_condition("{name}") do |condition|'
    yield "  # default"
    yield f"  condition.description = {_written('', CONDITIONS[name])}"
    yield "end"


def _child(file: str, child: ChildSettings) -> Iterator[str]:
    yield f"# {child.file or file}:{child.line}"
    yield f"define_milter({_written('', child.name)}) do |milter|"
    for item in CHILD:
        if item == "applicable_conditions" and child.added_conditions:
            yield "  milter.applicable_conditions = ["
            for condition in child.added_conditions:
                yield f"    {_place(file, condition)}"
                yield f"    {_written('', condition.value)},"
            yield "  ]"
            continue
        yield f"  {_place(file, child.given.get(item))}"
        yield f"  milter.{item} = {_written(item, child.value(item))}"
    yield "end"


def _place(file: str, given: Given | None) -> str:
    return f"# {given.file or file}:{given.line}" if given else "# default"


def _written(item: str, value: Value) -> str:
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case tuple():
            return "[]"
        case int() if item in MODES:
            return f"{value:#o}".replace("0o", "0")
    return str(value)
