"""No text from outside gets into a page as more than the words of one line."""

import json
import re
import sys

import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.render import json as json_view, safe
from qstash_sync.render.text import Paint
from tests.support import ids

CASES = [
    ("escape", "a\x1b[2Jb", r"a\x1b[2Jb"),
    ("our colours", "a\x1b[31;1mb", r"a\x1b[31;1mb"),
    ("carriage return", "done\rfailed", r"done\x0dfailed"),
    ("line feed", "a\nb", r"a\x0ab"),
    ("next line", "a\x85b", r"a\x85b"),
    ("bell and backspace", "a\a\bb", r"a\x07\x08b"),
    ("delete", "a\x7fb", r"a\x7fb"),
    ("C1 control", "a\x9b31mb", r"a\x9b31mb"),
    ("line separator", "a\u2028b\u2029", r"a\u2028b\u2029"),
    ("right to left", "a\u202egpj.exe", r"a\u202egpj.exe"),
    ("isolates", "\u2066a\u2069", r"\u2066a\u2069"),
    ("zero width", "a\u200bb\u200d\u2060\ufeff", r"a\u200bb\u200d\u2060\ufeff"),
    ("soft hyphen", "a\u00adb", r"a\xadb"),
    ("filler", "a\u3164b\u115f\u2800", r"a\u3164b\u115f\u2800"),
    ("tags", "a\U000e0041b", r"a\ue0041b"),
    ("selectors that carry text", "a\U000e0101", r"a\ue0101"),
    ("half a character", "a\ud800b", r"a\ud800b"),
    ("no character", "a\uffffb", r"a\uffffb"),
    ("private use", "a\ue000b", r"a\ue000b"),
    ("no-break space", "a\xa0b", r"a\xa0b"),
    ("workflow command", "::error::no", r"\x3a:error::no"),
    ("behind spaces", "  ::add-mask::x", r"  \x3a:add-mask::x"),
    ("older workflow command", "a ##[error]b", r"a \x23#[error]b"),
    ("pipelines command", "a ##vso[task.setvariable]b", r"a \x23#vso[task.setvariable]b"),
    ("build server's command", "##teamcity[x]", r"\x23#teamcity[x]"),
    ("plain", "Ä 日本語 🎉 a::b # c", "Ä 日本語 🎉 a::b # c"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text", "shown"), CASES, ids=ids(CASES))
def test_what_is_not_plain_text_is_shown_escaped(_id: str, text: str, shown: str) -> None:
    assert safe.page(text) == shown
    assert safe.line(shown) == shown, "made once more, it stays as it is"
    assert json.loads(safe.document(json.dumps({"k": text}, ensure_ascii=False))) == {"k": text}


COMMAND = re.compile(r"^\s*::|##\[|##vso\[|##teamcity\[", re.MULTILINE | re.IGNORECASE)


def assert_harmless(page: str) -> None:
    """Lines of visible characters, none of which commands a runner."""
    assert all(line.isprintable() for line in page.split("\n")), ascii(page)
    assert not COMMAND.search(page), ascii(page)


anything = st.text(
    st.one_of(
        st.characters(max_codepoint=sys.maxunicode, categories=None),
        st.sampled_from("\x1b\r\n\t:#[ \u202e\u200b\\`<"),
    ),
    max_size=30,
) | st.sampled_from([text for _, text, _ in CASES])


@given(lines=st.lists(anything, max_size=4))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_page_has_as_many_lines_as_it_is_given(lines: list[str]) -> None:
    page = safe.page(lines)
    assert page.count("\n") == max(len(lines) - 1, 0)
    assert_harmless(page)


@given(tree=st.recursive(anything, lambda deeper: st.dictionaries(anything, deeper, max_size=3)))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_document_says_the_same_in_harmless_characters(tree: object) -> None:
    page = json_view.document(tree=tree)
    assert_harmless(page)
    assert json.loads(page)["tree"] == tree


@given(text=anything, other=anything)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_only_our_own_colours_are_colours(text: str, other: str) -> None:
    page = safe.page(f"{other}{Paint(color=True)(text, 'red', 'bold')}{other}")
    head, middle, tail = re.split(r"\x1b\[31;1m|\x1b\[0m", page)
    assert page.count("\x1b") == 2
    assert_harmless(head)
    for part in (middle, tail):
        assert_harmless(f"-{part}")  # not at the head of the line
    assert safe.page(Paint(color=False)(text, "red")) == safe.page(text)


@pytest.mark.parametrize("width", [40, 80, 200])
@given(st.text(st.sampled_from("ab \t\x1b日本😀é\u0301,-"), max_size=400), st.integers(0, 30))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_line_is_wider_than_the_page(width: int, text: str, hang: int) -> None:
    lines = safe.wrapped(f"      {text}", hang, width)
    assert all(safe.columns(line) <= width for line in lines)
    shown = safe.line(f"      {text}")
    assert "".join("".join(lines).split()) == "".join(shown.split())


@pytest.mark.parametrize("width", range(20, 81))
def test_a_number_stays_with_what_it_counts(width: int) -> None:
    text = "Plan: 3 to create, 1,200 unchanged, 0 unmanaged; tzdata 2026f."
    lines = safe.wrapped(text, 4, width)
    assert " ".join(line.strip() for line in lines) == text
    assert not any(line.endswith((" 0", " 1,200", " 3", "tzdata")) for line in lines)


@pytest.mark.parametrize("width", range(20, 81))
@pytest.mark.parametrize("name", ["tz", "'my schedule'", "x" * 80])
def test_a_command_is_never_broken(width: int, name: str) -> None:
    """Copied from two lines, it would be two commands: a long one is left to the terminal."""
    command = f"`qstash-sync apply --adopt {name}`"
    text = f"they are not ours; to take them over run {command} (or rename it)"
    lines = safe.wrapped(f"    {text}", 4, width)
    assert all(safe.columns(line) <= width for line in lines if command not in line)
    assert " ".join(line.strip() for line in lines) == text
    assert [line for line in lines if command in line]


@pytest.mark.parametrize("width", range(20, 81))
def test_what_else_stands_in_backticks_is_broken_where_it_must_be(width: int) -> None:
    lines = safe.wrapped(f"it says `{'a b ' * 40}` there", 4, width)
    assert all(safe.columns(line) <= width for line in lines)
