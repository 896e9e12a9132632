"""What operators have acknowledged: read from the command line and from one small file."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from actions.action import ActionError, Exit
from actions.overview.report import Acknowledged, Acknowledgement
from actions.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actions.finding import Finding
    from actions.host.ports import Host

FOLDER = "/etc/milter-console"
FILE = f"{FOLDER}/acknowledged.json"
SCHEMA = "overview.acknowledged/1"

MOST_BYTES = 1_000_000


class BadFile(Exception):
    """The file of acknowledgements says nothing that can be used; tells why."""


class Sorted(Record):
    """Findings by whether they are counted."""

    counted: tuple[Finding, ...]
    acknowledged: tuple[Acknowledged, ...]
    expired: tuple[Acknowledgement, ...]
    unmatched: tuple[Acknowledgement, ...]


def given(words: Iterable[str]) -> tuple[Acknowledgement, ...]:
    """Return what ``--ack NAME@DATE`` says; raises `ActionError`."""
    told = []
    for word in words:
        name, _, until = word.rpartition("@")
        if not name or not is_day(until):
            raise ActionError(
                f"--ack {word!r}: a name and a day are wanted",
                Exit.USAGE,
                "such as --ack services.clamd@2030-01-31; overview.check tells the names",
            )
        told.append(Acknowledgement(name, until))
    return tuple(told)


def is_day(text: str) -> bool:
    """Return whether *text* is a day, written YEAR-MONTH-DAY."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def on_file(host: Host) -> tuple[Acknowledgement, ...]:
    """Return what is acknowledged on *host*.

    Raises:
        BadFile: the file is damaged or can't be read.
    """
    path = host.at(FILE)
    try:
        with open(path, "rb") as file:
            return parsed(file.read(MOST_BYTES + 1))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise BadFile(f"{path} is no list of acknowledgements: {error}") from error


def parsed(content: bytes) -> tuple[Acknowledgement, ...]:
    """Return the acknowledgements in *content*; raises ValueError, LookupError or TypeError."""
    import json

    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    return tuple(_one(entry) for entry in document["acknowledged"])


def written(acknowledgements: Iterable[Acknowledgement]) -> bytes:
    """Return the content of the file with *acknowledgements*."""
    import json

    entries = [one._asdict() for one in acknowledgements]
    document = {"schema": SCHEMA, "acknowledged": entries}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def sort_out(findings: Sequence[Finding], known: Iterable[Acknowledgement], today: str) -> Sorted:
    """Return which of *findings* count.

    Args:
        findings: what was found.
        known: what is acknowledged; of two with one name the later day holds.
        today: as YEAR-MONTH-DAY.
    """
    by_name: dict[str, Acknowledgement] = {}
    for one in known:
        if one.name not in by_name or by_name[one.name].until <= one.until:
            by_name[one.name] = one
    valid = {name: one for name, one in by_name.items() if one.until >= today}
    found = {finding.name for finding in findings}
    return Sorted(
        tuple(finding for finding in findings if finding.name not in valid),
        tuple(
            Acknowledged(finding, valid[finding.name].until, valid[finding.name].reason)
            for finding in findings
            if finding.name in valid
        ),
        tuple(one for name, one in by_name.items() if name in found and name not in valid),
        tuple(one for name, one in valid.items() if name not in found),
    )


def _one(entry: Mapping[str, object]) -> Acknowledgement:
    name, until = entry["name"], entry["until"]
    if not isinstance(name, str) or not isinstance(until, str) or not is_day(until):
        raise ValueError(f"{entry!r:.80} has no name, or no day")
    return Acknowledgement(name, until, str(entry.get("reason", "")))
