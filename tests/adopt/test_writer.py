"""What is written reads back as it was, with our own parser and with PyYAML's."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from qstash_sync.adopt.writer import WIDTH, Writer
from qstash_sync.cli.import_ import style_of
from qstash_sync.config.parse import read
from qstash_sync.config.report import Report
from tests.support import ids

SHOWS = style_of("utf-8").shows
WRITER = Writer(SHOWS)
TEXTS = st.text() | st.text(
    " \n#:-'\"\\{}[],&*!|>%@`~?=<$ab0\t\r\x00\x85\u2028\ufeff🎉ü", max_size=12
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def written(key: str, value: Any, writer: Writer = WRITER) -> str:
    return "\n".join(writer.entry(key, value, 0)) + "\n"


def parsed(text: str) -> Any:
    report = Report()
    found = read(text, name="q.yaml", folder=".", report=report)
    assert not report, [d.text for d in report]
    assert found is not None
    return json.loads(json.dumps(found.root))


@settings(max_examples=600)
@given(TEXTS, TREES)
def test_any_tree_reads_back_as_it_was(key: str, value: Any) -> None:
    """Numbers stay numbers, texts texts, to the last blank; and every line can be shown."""
    text = written(key, value)
    assert parsed(text) == {key: value}, text
    assert all(SHOWS(line) for line in text.split("\n"))


@settings(max_examples=200)
@given(TREES)
def test_where_only_ascii_can_be_shown_the_rest_is_escaped(value: Any) -> None:
    text = written("k", value, Writer(style_of("ascii").shows))
    assert text.isascii()
    assert parsed(text) == {"k": value}, text


MISREAD = [
    "12:30", "010", "0x1F", "1e5", "1_000", ".5", "+1", "-", "--", "NO", "no", "on", "Yes", "y", "n",
    "true", "null", "~", "", " ", " a", "a ", "a: b", "a:", "a #b", "#a", "*/5 * * * *", "@daily", "&a",
    "!a", "%a", "`a", "'a'", '"a"', "- a", "? a", "[a]", "{a}", "a, b", "2026-11-25", "<<", "=", "...",
    "---", "| a", "> a", ".inf", "0 9 * * 1-5", "1.10", "0b1", "1:20:30", "::error::x", "a ##[error]",
]  # fmt: skip


@pytest.mark.parametrize("text", MISREAD)
def test_what_some_reader_of_yaml_takes_for_something_else_is_quoted(text: str) -> None:
    """YAML 1.1 readers are tried, too: a file is read by more tools than this one."""
    for value in (text, [text], {text: text}):
        found = written("k", value)
        assert parsed(found) == {"k": value}, found
        assert yaml.safe_load(found) == {"k": value}, found


SHAPES: list[tuple[str, Any, str]] = [
    ("a short mapping", {"type": "daily"}, "k: {type: daily}\n"),
    ("a list", ["a", "b c"], "k: [a, b c]\n"),
    ("nothing in it", {}, "k: {}\n"),
    ("nested once", {"a": {"b": 1}}, "k: {a: {b: 1}}\n"),
    ("nested twice", {"a": {"b": {"c": 1}}}, "k:\n  a: {b: {c: 1}}\n"),
    ("JSON", '{"a": 1}', "k: '{\"a\": 1}'\n"),
    ("a template", "${env.A}", "k: ${env.A}\n"),
    ("a template in a mapping", {"a": "${env.A}"}, 'k: {a: "${env.A}"}\n'),
    ("an address", "https://e.com/x?a=1&b=2", "k: https://e.com/x?a=1&b=2\n"),
    ("a duration", "1h30m", "k: 1h30m\n"),
    ("lines", "a\nb\n", "k: |\n  a\n  b\n"),
    ("lines without an end", "a\n\nb", "k: |-\n  a\n\n  b\n"),
    ("lines that begin with a blank", " a\nb", 'k: " a\\nb"\n'),
    ("lines that end in a blank", "a \nb", 'k: "a \\nb"\n'),
    ("a control character", "a\x07", 'k: "a\\x07"\n'),
    ("an emoji", "🎉", 'k: "🎉"\n'),
    ("many words", "word " * 30 + "end", f"k: |-\n  {'word ' * 30}end\n"),
]


@pytest.mark.parametrize(("_id", "value", "text"), SHAPES, ids=ids(SHAPES))
def test_things_have_the_shape_that_a_person_gives_them(_id: str, value: Any, text: str) -> None:
    assert written("k", value) == text
    assert parsed(text) == {"k": value}


def test_a_mapping_that_is_too_wide_stands_line_by_line() -> None:
    value = {f"key-{n}": "a text" for n in range(9)}
    lines = written("k", value).splitlines()
    assert len(lines) == 10
    assert max(map(len, lines)) <= WIDTH
