"""The define_milter blocks of milter-manager.local.conf."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actions.settings import ruby

TEXT = """\
# -*- ruby -*-
=begin
define_milter("clamav-milter") do |milter|
  milter.enabled = false
end
=end
define_milter("clamav-milter") do |milter|
  # milter.enabled = false
  milter.connection_spec = "unix:/old" # "why"
  if File.exist?("/x")
    milter.enabled = compute("x")
  end
end

define_milter('spamass-milter') do |m|\r
  m.enabled = true\r
end\r
__END__
define_milter("late") do |milter|
end
"""


def test_blocks_are_told_apart() -> None:
    found = ruby.blocks(TEXT)
    assert [(one.name, one.line) for one in found] == [("clamav-milter", 7), ("spamass-milter", 15)]
    assert ruby.value(TEXT, "clamav-milter", "connection_spec") == "unix:/old"
    assert ruby.setting(TEXT, "clamav-milter", "enabled") is None, "no literal sets it"
    assert ruby.value(TEXT, "spamass-milter", "enabled") == "true"


def test_a_literal_is_changed_in_place() -> None:
    after = ruby.with_value(TEXT, "clamav-milter", "connection_spec", "unix:/new")
    assert after == TEXT.replace('"unix:/old"', '"unix:/new"')


def test_what_no_literal_sets_is_added_at_the_end_of_the_block() -> None:
    after = ruby.with_value(TEXT, "clamav-milter", "enabled", value=False)
    assert after == TEXT.replace("  end\nend\n", "  end\n  milter.enabled = false\nend\n")


def test_a_new_block_stands_before_the_data() -> None:
    after = ruby.with_value(TEXT, "opendkim", "enabled", value=True)
    added = 'define_milter("opendkim") do |milter|\n  milter.enabled = true\nend\n'
    assert after == TEXT.replace("__END__\n", added + "__END__\n")


MODE = "manager.unix_socket_mode"


def test_a_setting_outside_of_the_blocks_is_read_and_changed_in_place() -> None:
    text = f"#{MODE} = 0600\n{MODE} = 0640 # why\n{TEXT}"
    found = ruby.top_setting(text, MODE)
    assert found is not None
    assert (found.value, found.line) == ("0640", 2)
    assert ruby.with_top_value(text, MODE, "0660") == text.replace("0640", "0660")


def test_a_setting_that_is_nowhere_stands_at_the_end_and_before_the_data() -> None:
    assert ruby.top_setting(f"=begin\n{MODE} = 0640\n=end\n__END__\n{MODE} = 0640\n", MODE) is None
    after = ruby.with_top_value(TEXT, MODE, "0660")
    assert after == TEXT.replace("__END__\n", f"{MODE} = 0660\n__END__\n")
    assert ruby.with_top_value("", MODE, "0660") == f"{MODE} = 0660\n"


def test_what_loads_a_file_is_found() -> None:
    assert ruby.loads(
        'x\nload_if_exist("milter-manager.local.conf")\n', "milter-manager.local.conf"
    )
    assert not ruby.loads('# load("milter-manager.local.conf")\n', "milter-manager.local.conf")


names = st.sampled_from(["clamav-milter", "spamass-milter", 'it\'s a "name"'])
settings = st.sampled_from(
    [
        "milter.enabled = true",
        "milter.enabled = x || y",
        'milter.connection_spec = "unix:/a"',
        "# a comment",
        "",
        "milter.connection_spec = nil # none",
        "milter.enabled == false",
    ]
)
blocks = st.builds(
    lambda name, inside: "\n".join(
        [f'define_milter("{name}") do |milter|', *(f"  {one}" for one in inside), "end"]
    ),
    st.sampled_from(["clamav-milter", "spamass-milter"]),
    st.lists(settings, max_size=4),
)
texts = st.builds(
    lambda parts, last: "\n".join(parts) + ("\n" if last else ""),
    st.lists(
        st.one_of(blocks, st.sampled_from(["# why", "", "manager.n_workers = 0"])), max_size=4
    ),
    st.booleans(),
)
values = st.one_of(st.booleans(), st.sampled_from(["unix:/run/x.sock", 'a "b" #{1} \\', ""]))


@given(texts, names, st.sampled_from(["enabled", "connection_spec"]), values)
def test_what_is_set_is_read_back_and_done_once(
    text: str, milter: str, name: str, value: str | bool
) -> None:
    milter = milter.replace('"', "").replace("'", "")
    after = ruby.with_value(text, milter, name, value)
    assert ruby.value(after, milter, name) == (
        str(value).lower() if value in {True, False} else value
    )
    assert ruby.with_value(after, milter, name, value) == after
    kept = [line for line in text.split("\n") if not line.lstrip().startswith(f"milter.{name}")]
    assert [line for line in after.split("\n") if line in kept][: len(kept)] != [] or not kept
