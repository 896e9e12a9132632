"""`Record`: what travels between the rooms, an immutable named tuple that is quick to define.

To type checkers it is `typing.NamedTuple`. At run time it leaves the annotations alone:
compiling them took a quarter of the start-up time of ``console run``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from collections import namedtuple

    class _Definition(type):
        def __new__(meta, name, bases, body):
            if not bases:
                return super().__new__(meta, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = [body.pop(field) for field in fields if field in body]
            plain = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024
            return type(name, (plain,), {**body, "__slots__": ()})

    class Record(metaclass=_Definition):
        """The base of every record; see the module."""


__all__ = ["Record"]
