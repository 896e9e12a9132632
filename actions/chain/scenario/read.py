"""A suite's file read strictly: whatever it can't mean is a mistake that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

from actions.action import ActionError
from actions.chain.samples import SAMPLES
from actions.chain.scenario.beside import NotBeside, message_beside
from actions.chain.scenario.expected import EXPECT, read_expect
from actions.chain.scenario.suite import (
    Body,
    Message,
    Scenario,
    Suite,
    SuiteMilter,
)
from actions.chain.scenario.table import Problems, Table, nearest, quoted
from actions.chain.scenario.who import read_client, read_recipients, read_sender
from actions.host.endpoint import BadEndpoint, Endpoint, parse_endpoint
from actions.milter.link import DefaultAction
from actions.milter.macros import DEFAULT_LISTS
from actions.milter.message import is_header_name, with_crlf

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from actions.chain.scenario.suite import Expect

UNIQUE = "{unique}"
"""Stands for a word that is another one in each run of each scenario."""

MOST_WORK = 500_000
"""Values that are read of one file; a second's work."""

_SOURCES = ("sample", "file", "raw")
_CONTENT = (*_SOURCES, "headers", "body")
_MESSAGE = ("sender", "recipients", *_CONTENT, "unknown", "rset", "expect")
_SESSION = ("client", "macros", "milters")


def read_suite(
    data: Mapping[str, object],
    name: str,
    problems: Problems,
    folder: str,
    given: Collection[str] = (),
) -> Suite:
    """Return the suite that *data* describes; what is wrong with it goes to *problems*.

    Args:
        data: the file's tables.
        name: what the suite is called.
        problems: takes what is wrong.
        folder: where files that it names are looked for.
        given: the milters that the operator says the place of.
    """
    top = Table(data, problems)
    top.only("about", "milter", "defaults", "scenario")
    about = top.text("about")
    milters = tuple(_suite_milters(top, given))
    defaults = top.table("defaults")
    if defaults:
        defaults.only(*_SESSION, *(key for key in _MESSAGE if key != "rset"))
    tables = list(top.tables("scenario"))
    if not tables and "scenario" not in top:
        problems.note("", "scenario", "there is no scenario", "begin one with [[scenario]]")
    if _work(tables, defaults) > MOST_WORK:
        text = "too many messages for as much as holds for all of them"
        problems.note("", "defaults" if defaults else "scenario", text, "make several files of it")
        return Suite(problems.file, name, about, milters, ())
    reader = _Reader(problems, milters, folder)
    scenarios = tuple(
        reader.scenario(number, table, defaults) for number, table in enumerate(tables, 1)
    )
    _names_differ(scenarios, problems)
    return Suite(problems.file, name, about, milters, scenarios)


def _work(tables: Sequence[Table], defaults: Table | None) -> int:
    """Return how many values are read: each message reads those of its scenario, and defaults."""
    every = _size(defaults.data) if defaults else 0
    work = 0
    for table in tables:
        messages = table.data.get("message")
        count = len(messages) if isinstance(messages, list) else 1
        own = sum(_size(value) for key, value in table.data.items() if key != "message")
        work += max(1, count) * (every + own) + _size(messages)
    return work


def _size(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inner))


def check_milters(suite: Suite, known: Sequence[str], problems: Problems) -> None:
    """Note every milter that a scenario of *suite* expects something of and that is not there.

    Args:
        suite: the suite.
        known: the milters that it asks.
        problems: takes what is wrong.
    """
    for scenario in suite.scenarios:
        asked = scenario.milters or tuple(known)
        for message in scenario.messages:
            paths, expect = message.expect.paths, message.expect
            wanted = [(paths["by"], name) for name in expect.by]
            wanted += [(f"{paths['milters']}.{quoted(name)}", name) for name, _ in expect.milters]
            wanted += [
                (f"{paths['recipients']}.{quoted(address)}.by", wish.by)
                for address, wish in expect.recipients
                if wish.by
            ]
            for key, name in wanted:
                if name not in asked:
                    text = f"{name} is no milter of this scenario"
                    problems.note(scenario.place, key, text, nearest(name, asked))


def _suite_milters(top: Table, given: Collection[str]) -> Iterator[SuiteMilter]:
    """Yield the milters that have a name of their own; what is wrong with any is noted."""
    seen: set[str] = set()
    for table in top.tables("milter"):
        table.only("name", "spec", "default_action")
        table.needed("name", "a milter needs a name")
        name, spec = table.text("name"), table.text("spec")
        if name in seen:
            table.wrong("name", f"another milter is called {name}")
        try:
            if spec and not _is_here(parse_endpoint(spec)) and name not in given:
                text = f"{spec} is neither a unix socket nor a loopback address"
                step = f"to ask it all the same, run it with --milter {name or 'NAME'}={spec}"
                table.wrong("spec", text, step)
        except BadEndpoint as error:
            table.wrong("spec", str(error))
        action = table.choice("default_action", get_args(DefaultAction), "tempfail")
        if name and name not in seen:
            yield SuiteMilter(name, spec, cast("DefaultAction", action))
        seen.add(name)


def _is_here(endpoint: Endpoint) -> bool:
    """Return whether *endpoint* is surely on this host.

    A suite from somebody else must not choose who gets the messages; only the operator may.
    """
    import ipaddress

    try:
        loopback = ipaddress.ip_address(endpoint.place).is_loopback
    except ValueError:
        loopback = endpoint.place == "localhost"
    return endpoint.family == "unix" or loopback


def _names_differ(scenarios: Sequence[Scenario], problems: Problems) -> None:
    seen: dict[str, int] = {}
    for scenario in scenarios:
        if scenario.name and scenario.name in seen:
            text = f"scenario {seen[scenario.name]} has the same name"
            problems.note(scenario.place, "name", text)
        seen.setdefault(scenario.name, scenario.number)


class _Reader:
    """Reads the scenarios of one file."""

    def __init__(self, problems: Problems, milters: tuple[SuiteMilter, ...], folder: str) -> None:
        self._problems = problems
        self._milters = tuple(milter.name for milter in milters)
        self._folder = folder
        self._files: dict[str, bytes] = {}
        """The messages read from files, by name."""

    def scenario(self, number: int, raw: Table, raw_defaults: Table | None) -> Scenario:
        """Return the scenario in *raw*."""
        word = _unique()
        name = raw.data.get("name")
        place = (
            f'scenario {number} "{name}"'
            if name and isinstance(name, str)
            else f"scenario {number}"
        )
        defaults = None
        if raw_defaults:
            filled = _filled(raw_defaults.data, word)
            defaults = Table(filled, self._problems, "", "defaults")
        table = Table(_filled(raw.data, word), self._problems, place, "", defaults)
        table.only("name", "why", "message", *_SESSION, *_MESSAGE)
        table.needed("name", "a scenario needs a name")
        profile, client, helo = read_client(table)
        return Scenario(
            name=table.text("name"),
            why=table.text("why"),
            number=number,
            profile=profile,
            client=client,
            helo=helo,
            messages=tuple(self._messages(table, profile)),
            milters=self._chosen_milters(table),
            macros=_macros(table),
        )

    def _chosen_milters(self, table: Table) -> tuple[str, ...]:
        known = self._milters
        chosen = table.choices("milters", known) if known else table.texts("milters")
        if len(set(chosen)) < len(chosen):
            table.wrong("milters", "names one twice")
        return chosen

    def _messages(self, table: Table, profile: str) -> Iterator[Message]:
        if "message" not in table.data:
            if "rset" in table.data:
                table.wrong("rset", "stands in a message: a session that ends so tests nothing")
            yield self._message(table, profile, "")
            return
        given = list(table.tables("message"))
        if not given and table.data["message"] == []:
            table.wrong("message", "is empty")
        for key in ("expect", "rset"):
            if key in table.data:
                table.wrong(key, "stands in each [[scenario.message]], where there are any")
        for one in given:
            one.only(*_MESSAGE)
            yield self._message(
                Table(one.data, self._problems, table.place, one.path, table), profile, one.path
            )

    def _message(self, table: Table, profile: str, place: str) -> Message:
        content = self._content(table)
        expect = self._expect(table)
        rset = table.flag("rset")
        if not expect.paths and not rset and not table.take("expect", dict):
            table.wrong("expect", "nothing is expected: such a test can't fail")
        return Message(
            sender=read_sender(table, profile),
            recipients=read_recipients(table, profile, content.sample),
            content=content,
            expect=expect,
            unknown=table.texts("unknown"),
            rset=rset,
            place=place,
        )

    def _expect(self, table: Table) -> Expect:
        found: Table | None = None
        layers = [layer for layer in _layers(table) if "expect" in layer.data]
        for layer in reversed(layers):
            inner = layer.table("expect")
            if inner:
                inner.only(*EXPECT)
                inner.under = found
                found = inner
        return read_expect(found or Table({}, self._problems))

    def _content(self, table: Table) -> Body:
        """Return what the innermost table that names a source says, and those inside of it."""
        layers: list[Table] = []
        for layer in _layers(table):
            layers.append(layer)
            if any(source in layer.data for source in _SOURCES):
                break
        chosen: Table | None = None
        for layer in reversed(layers):
            chosen = Table(layer.data, self._problems, layer.place, layer.path, chosen)
        assert chosen is not None
        sources = [source for source in _SOURCES if source in layers[-1].data]
        if len(sources) > 1:
            chosen.wrong(sources[1], f"there is {sources[0]} too; a message has one source")
        headers = tuple(_headers(chosen))
        text = chosen.take("body", str)
        if text is not None and sources == ["raw"]:
            chosen.wrong("body", "there is raw too, which has a body already")
        body = None if text is None else with_crlf(str(text).encode())
        source = sources[0] if sources else "sample"
        if source == "file":
            path = chosen.text("file")
            return Body(raw=self._file(chosen, path), label=path, headers=headers, body=body)
        if source == "raw":
            return Body(raw=chosen.text("raw").encode(), label="raw", headers=headers, body=body)
        sample = chosen.choice("sample", tuple(SAMPLES), "clean")
        return Body(sample=sample, label=sample, headers=headers, body=body)

    def _file(self, table: Table, name: str) -> bytes:
        if name and name not in self._files:
            try:
                self._files[name] = message_beside(self._folder, name)
            except (NotBeside, ActionError) as error:
                table.wrong("file", str(error), "messages stand in files beside the suite")
        return self._files.get(name, b"")


def _layers(table: Table | None) -> Iterator[Table]:
    while table:
        yield table
        table = table.under


def _macros(table: Table) -> dict[str, dict[str, bytes]]:
    inner = table.table("macros")
    if inner is None:
        return {}
    inner.only(*DEFAULT_LISTS)
    stages: dict[str, dict[str, bytes]] = {}
    for stage in inner.data:
        values = inner.table(stage)
        if values:
            given = {name: values.take(name, str) for name in values.data}
            stages[stage] = {
                name.strip("{}"): str(value).encode().replace(b"\0", b"")
                for name, value in given.items()
                if value is not None
            }
    return stages


def _headers(table: Table) -> Iterator[str]:
    inner = table.table("headers")
    if inner is None:
        return
    for name in inner.data:
        if not is_header_name(name.encode()) or ":" in name:
            inner.wrong(name, "is no name of a header")
            continue
        value = inner.take(name, str, list)
        given = value if isinstance(value, list) else [] if value is None else [value]
        if not all(isinstance(one, str) for one in given):
            inner.wrong(name, "is a text or a list of texts")
            continue
        yield from (f"{name}:{one}" for one in given)


def _unique() -> str:
    import os

    return os.urandom(5).hex()


def _filled(data: Mapping[str, object], word: str) -> dict[str, object]:
    """Return *data* with *word* wherever a text or a key says `UNIQUE`."""
    return {key.replace(UNIQUE, word): _filled_value(value, word) for key, value in data.items()}


def _filled_value(value: object, word: str) -> object:
    if isinstance(value, str):
        return value.replace(UNIQUE, word)
    if isinstance(value, list):
        return [_filled_value(one, word) for one in value]
    return _filled(value, word) if isinstance(value, dict) else value
