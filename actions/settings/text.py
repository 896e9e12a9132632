"""What the languages share: a setting as it stands in a text, and lines put in or left out."""

from __future__ import annotations

from actions.record import Record


class Setting(Record):
    """A setting in force, and where its value is written."""

    name: str
    """As written."""
    value: str
    """Without quotes."""
    line: int
    """From 1."""
    start: int
    """Where what is written as its value begins, quotes included."""
    end: int


def text_of(content: bytes) -> str:
    """Return *content* as text; `content_of` gives the same bytes back, whatever they are."""
    return content.decode("utf-8", "surrogateescape")


def content_of(text: str) -> bytes:
    """Return the bytes of *text*."""
    return text.encode("utf-8", "surrogateescape")


def line_at(text: str, offset: int) -> int:
    """Return the number of the line that *offset* is in, from 1."""
    return text.count("\n", 0, offset) + 1


def line_start(text: str, offset: int) -> int:
    """Return where the line begins that *offset* is in."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """Return where the line ends that *offset* is in, before its newline (CRLF too)."""
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    return end - 1 if end > offset and text[end - 1] == "\r" else end


def newline_of(text: str) -> str:
    """Return how the lines of *text* end: as the first one does."""
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def with_lines(text: str, *lines: str, at: int | None = None) -> str:
    """Return *text* with *lines* put in before the line at *at*, or at the end."""
    newline = newline_of(text)
    added = "".join(line + newline for line in lines)
    if at is not None:
        at = line_start(text, at)
        return text[:at] + added + text[at:]
    gap = "" if not text or text.endswith("\n") else newline
    return text + gap + added


def commented_out(text: str, offset: int) -> str:
    """Return *text* with the line at *offset* made a comment, its indentation kept."""
    at = line_start(text, offset)
    while text[at : at + 1] in {" ", "\t"}:
        at += 1
    return text[:at] + "#" + text[at:]
