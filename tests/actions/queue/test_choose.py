"""Which messages a choice means."""

from __future__ import annotations

import pytest

from actions.queue.choose import matches


@pytest.mark.parametrize(
    ("address", "wanted", "is_meant"),
    [
        ("bob@example.org", "bob@example.org", True),
        ("Bob@Example.ORG", "bob@example.org", True),
        ("xbob@example.org", "bob@example.org", False),
        ("bob@example.org.evil", "bob@example.org", False),
        ("bob@example.org", "@example.org", True),
        ("bob@sub.example.org", "@example.org", False),
        ("bob@example.org", "@EXAMPLE.org", True),
        ("bob@sub.example.org", "@*.example.org", True),
        ("bob@example.org", "bob*", True),
        ("news-17@example.org", "news-*@example.org", True),
        ("news-17@example.org", "*", True),
        ("a?b[c]@example.org", "a?b[c]@*", True),
        ("axbc@example.org", "a?b[c]@*", False),
        ("", "<>", True),
        ("bob@example.org", "<>", False),
        ("", "@example.org", False),
        ("", "*@example.org", False),
        ("bob", "bob", True),
    ],
)
def test_addresses(address: str, wanted: str, is_meant: bool) -> None:
    assert matches(address, wanted) is is_meant
