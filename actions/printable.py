"""Text from outside made harmless: what a terminal would obey is shown instead."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return *text* with control characters written out, such as ``\x1b``; tabs stay.

    Log lines, headers, key names and error texts come from strangers; an escape sequence in
    them could retitle, recolour or overwrite the operator's terminal.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\t" else _written_out(char) for char in text
    )


def printable_bytes(data: bytes) -> str:
    """Return *data* as harmless text; what is not UTF-8 is written out."""
    return printable(data.decode("utf-8", "backslashreplace"))


def _written_out(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
