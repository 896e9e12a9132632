"""Reports as JSON documents: named tuples become objects, nothing else is added."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actions.action import Report


def document(report: Report) -> str:
    """Return *report* as one JSON document with its schema and exit code."""
    omitted = getattr(report, "json_omits", ())
    fields = report._asdict() if hasattr(report, "_asdict") else {}
    facts = {name: plain(value) for name, value in fields.items() if name not in omitted}
    head = {"schema": report.schema, "exit_code": int(report.exit_code)}
    return json.dumps(head | facts, indent=2)


def error_document(text: str, exit_code: int, next_step: str) -> str:
    """Return an error as a JSON document."""
    facts = {"schema": "error/1", "exit_code": exit_code, "error": text, "next_step": next_step}
    return json.dumps(facts, indent=2)


def plain(value: object) -> object:
    """Return *value* as what JSON knows."""
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value
