"""How Postfix takes text apart: words between separators, where braces hold one together.

The rules are those of mystrtokq(3) and extpar(3) in Postfix's source.
"""

from __future__ import annotations

BLANKS = " \t\r\n"
COMMAS_AND_BLANKS = "," + BLANKS


class BadBraces(ValueError):
    """Braces that do not hold one word; the text is what Postfix says of it."""


def words(text: str, separators: str = COMMAS_AND_BLANKS) -> tuple[str, ...]:
    """Return the words of *text*; a separator between braces is part of its word."""
    found: list[str] = []
    start, depth = -1, 0
    for at, char in enumerate(text):
        if depth == 0 and char in separators:
            if start >= 0:
                found.append(text[start:at])
            start = -1
            continue
        start = at if start < 0 else start
        if char == "{":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
    if start >= 0:
        found.append(text[start:])
    return tuple(found)


def within_braces(word: str) -> str:
    """Return what stands in the braces of *word*, without blanks around it.

    Raises:
        BadBraces: the first brace is not closed, or not at the end.
    """
    end = closing_brace(word)
    if end < 0:
        raise BadBraces(f"missing '}}' in \"{word}\"")
    if word[end + 1 :].strip():
        raise BadBraces(f"syntax error after '}}' in \"{word}\"")
    return word[1:end].strip()


def closing_brace(word: str) -> int:
    """Return where the brace closes with which *word* begins, or -1 where it does not."""
    depth = 0
    for at, char in enumerate(word):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return at or -1
    return -1


def unwrapped(word: str) -> str:
    """Return *word* without the braces around it, where it begins with one; raises `BadBraces`."""
    return within_braces(word) if word.startswith("{") else word


def name_and_value(text: str) -> tuple[str, str]:
    """Return both sides of ``name = value``.

    Raises:
        BadBraces: there is no "=" or no name.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise BadBraces(f"missing '=' after attribute name: \"...{text}...\"")
    if not name.strip():
        raise BadBraces(f'missing attribute name: "...{text}..."')
    return name.strip(), value.strip()
