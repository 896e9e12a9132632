"""A switch in a PHP file: read and set by its lines, all else kept."""

from __future__ import annotations

import time

import pytest

from actions.debug.modes.php import is_php, is_set, with_switch

NAME = "enigma_debug"

ON = (
    "<?php\n$config['enigma_debug'] = true;\n",
    '<?php\n$config["enigma_debug"]=TRUE ;\n',
    "<?php\n$rcmail_config['enigma_debug'] = 1;",
    "<?php $config = array('enigma_debug' => true);",
    "<?php\n$config['enigma_debug'] = false;\n$config['enigma_debug'] = true;\n",
    # PHP takes any other text for true.
    "<?php\n$config['enigma_debug'] = 'false';\n",
)
OFF = (
    "<?php\n",
    "<?php\n$config['enigma_debug'] = false;\n",
    "<?php\n$config['enigma_debug'] = null;\n",
    "<?php\n$config['enigma_debug'] = '';\n",
    "<?php\n// $config['enigma_debug'] = true;\n",
    "<?php\n# $config['enigma_debug'] = true;\n",
    "<?php\n/*\n$config['enigma_debug'] = true;\n*/\n",
    "<?php\n$config['other'] = true;\n",
    "<?php\n$config['enigma_debug'] = true;\n$config['enigma_debug'] = false;\n",
    "<?php\n$config['home'] = '/var/#enigma';\n$config['enigma_debug'] = 0;\n",
)


@pytest.mark.parametrize("text", ON)
def test_what_is_on_is_seen_and_switched_off(text: str) -> None:
    assert is_set(text, NAME)
    off = with_switch(text, NAME, on=False)
    assert not is_set(off, NAME)
    assert len(off.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("text", OFF)
def test_what_is_off_is_seen_and_switched_on(text: str) -> None:
    assert not is_set(text, NAME)
    on = with_switch(text, NAME, on=True)
    assert is_set(on, NAME)
    assert is_php(on)


def test_a_line_is_added_before_the_end_of_the_file_as_debian_ships_it() -> None:
    text = "<?php\n// Empty configuration for enigma\n$config=array();\n?>\n"
    assert with_switch(text, NAME, on=True) == (
        "<?php\n// Empty configuration for enigma\n$config=array();\n"
        "$config['enigma_debug'] = true;\n?>\n"
    )


def test_other_line_ends_and_bytes_are_kept() -> None:
    text = "<?php\r\n// gr\udcfc\udcdfe\r\n$config['enigma_debug'] = false; // why\r\n"
    on = with_switch(text, NAME, on=True)
    assert on == text.replace("= false;", "= true;")
    assert with_switch("<?php\r\n", NAME, on=True).endswith("true;\r\n")


@pytest.mark.parametrize(
    ("text", "is_one"), [("<?php\n", True), ("\ufeff<?php\n", True), ("$config = 1;", False)]
)
def test_a_file_that_php_would_not_run_is_told(text: str, is_one: bool) -> None:
    assert is_php(text) is is_one


@pytest.mark.parametrize(
    "text",
    [
        "<?php\n'" + "\\'" * 20_000,
        '<?php\n"' + '\\"' * 20_000,
        "<?php\n" + "#\n'enigma_debug' => 0,\n" * 30_000,
    ],
    ids=("apostrophes", "quotes", "comments"),
)
def test_who_may_write_the_file_can_not_keep_the_console_busy(text: str) -> None:
    began = time.monotonic()
    assert not is_set(text, NAME)
    assert time.monotonic() - began < 5
