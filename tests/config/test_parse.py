"""YAML to a tree: two parsers that agree, exact positions, and an end to every growth."""

import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.config import parse
from qstash_sync.config.report import Report
from qstash_sync.config.tree import Map, Seq
from tests.config.test_refusals import CASES, schedule
from tests.support import HEAD, build, cli, ids, messages, seconds

ROOT = Path(__file__).parents[2]
URL = "https://app.example.com/x"
ODDITIES = [
    "a: &x {b: [1, 2, {c: d}]}\ne: *x\nf:\n  <<: *x\n  g: 1\nh:\n  - *x\n  - <<: [*x, {z: 1}]\n",
    "a: &a\n  b: *a\n", "<<: {q: 1}\n<<: {q: 2, r: 1}\nq: 5\n", "<<: 5\nb: {<<: [1, {c: 2}]}\n",
    "x: !!str 5\ny: !!int '7'\nz: !!int seven\n", "? [a]\n: 1\n? {b: c}\n: 2\nd: 3\n",
    "a: &s cron\nb: *s\n*s : 3\n", "a: *u\n", "a: &d 1\nb: &d 2\n", "--- {a: 1}\n...\n",
    "a: 1\n---\nb: 2\n", "- a\n", "text", "", "a:\n- 1\n-\n- - x\n  - y: z\n    w:\n",
    "a: |\n  x\n  y\nb: >-\n  q\n   r\nc: 'it''s'\nd: \"\\u00e4\\n\"\n", "\ufeffa: 1\n",
    "1: c\nnull: d\ntrue: e\n~: f\n", "a: {b: 1, b: 2}\na: 3\n", "ä: ö\n😀: [😀, ü]\n",
    "a: 'x\n  y'\nb: x\n  y\n", "a: 1\r\nb: [2]\r\n", 'a: "\\uD800"\n', "a: \x07\n", "a: [1\n",
    "a: 0x1F\nb: 1e3\nc: 1.5\nd: .5\ne: 1_000\nf: -0\ng: 010\nh: +5\ni: 12:30\nj: yes\n",
]  # fmt: skip
# What only libyaml takes: a tab between tokens, `?` inside a word; and tags of ill shape.
DIALECT = set("\t?!\ufeff")


def plain(value: Any) -> Any:
    """A tree with every position, to be compared."""
    if isinstance(value, Map):
        return [value.mark, *((key, value.marks[key], plain(item)) for key, item in value.items())]
    if isinstance(value, Seq):
        return [value.mark, *zip(value.marks, map(plain, value), strict=True)]
    return type(value), value


def outcome(text: str, *parsers: Any) -> tuple[Any, Report]:
    """What parsers make of a text."""
    report = Report()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse, "PARSERS", parsers)
        document = parse.read(text, name="q.yaml", folder=".", report=report)
    return document and plain(document.root), report


def mutants(count: int) -> Iterator[str]:
    """Files with a few characters more, less or elsewhere."""
    draw = random.Random(8)
    files = [path.read_text() for path in sorted((ROOT / "examples").glob("*/*.yaml"))]
    texts = [*ODDITIES, *(case[1] for case in CASES), *(text[:1500] for text in files)]
    yield from texts
    inserted = [*"{}[]:-,&*|>'\"#%@ \n<", "\n  ", "<<: ", "*a", "&a ", "- ", ": ", "~"]
    for _ in range(count):
        text = draw.choice(texts)
        for _ in range(draw.randint(1, 3)):
            start = draw.randrange(len(text) + 1)
            end = start if draw.random() < 0.5 else start + draw.randint(1, 4)
            text = text[:start] + draw.choice([*inserted, ""]) + text[end:]
        yield text


@pytest.mark.skipif(len(parse.PARSERS) == 1, reason="a PyYAML without libyaml")
def test_both_parsers_make_the_same_of_every_file_and_every_mutant() -> None:
    libyaml, python = parse.PARSERS
    for text in mutants(1500):
        if not DIALECT & set(text):
            assert outcome(text, libyaml, python) == outcome(text, python), text


def test_the_first_key_of_a_block_has_its_own_line() -> None:
    """A block mapping starts where its first key does, which once hid the key."""
    for text, place in (
        ("schedules:\n  a:\n    cron: '61 * * * *'\n    destination: https://e.com\n", "6:5"),
        ("schedules:\n  a:\n    retries: -1\n    cron: '@daily'\n    destination: https://e.com\n", "6:5"),
        ("queues:\n  q:\n    parallelism: 0\n", "6:5"),
        ("url_groups:\n  g:\n    endpoints:\n      a: http://e.com\n", "7:7"),
        ("schedules:\n  a:\n    headers:\n      X: ä\n    cron: '@daily'\n    destination: https://e.com\n", "7:7"),
    ):  # fmt: skip
        assert [m.partition(": ")[0] for m in messages(HEAD + text)] == [f"q.yaml:{place}"], text


def test_a_duplicate_key_is_told_with_its_whole_path() -> None:
    (found,) = messages(HEAD + "queues:\n  q:\n    paused: true\n    paused: false\n")
    fact, _, way_out = found.partition(" | ")
    assert fact == "q.yaml:7:5: queues.q.paused: this key stands here twice, first in line 6"
    assert way_out == "keep one of the two"


def bomb(levels: int, width: int, merged: bool) -> str:
    """Aliases of aliases of aliases."""
    lines = ["x-0: &a0 {k: v, l: w}"]
    for level in range(1, levels + 1):
        names = ", ".join([f"*a{level - 1}"] * width)
        value = f"{{<<: [{names}], k{level}: 1}}" if merged else f"[{names}]"
        lines.append(f"x-{level}: &a{level} {value}")
    return HEAD + "\n".join(lines) + f"\nvars: {{v: *a{levels}}}\n"


GROWTH: list[tuple[str, str, str]] = [
    ("alias bomb", bomb(8, 9, merged=False), "aliases make more than 1,000,000 values"),
    ("merge bomb", bomb(8, 9, merged=True), "aliases make more than 1,000,000 values"),
    ("deep lists", HEAD + "x-a: " + "[" * 100_000, "nested too deeply"),
    ("deep mappings", HEAD + "x-a: " + "{a: " * 100_000, "nested too deeply"),
    ("deep blocks", HEAD + "x-a:\n" + "".join(" " * n + "- \n" for n in range(1, 900)), "nested too deeply"),
    ("deep aliases", HEAD + "".join(f"x-{n}: &a{n} {'[' * 40}{f'*a{n - 1}' if n else ''}{']' * 40}\n" for n in range(9)), "nested too deeply"),
    ("huge integer", schedule("body: [" + "9" * 5000 + "]"), "is not a number that can be sent"),
    ("huge decimal", schedule("body: [1e999]"), "1e999 is not a number that can be sent"),
    ("no integer", schedule("body: [!!int seven]"), "seven is not a number that can be sent"),
    ("foreign tag", schedule("body: !set {a}"), "the tag !set is not allowed"),
    ("many values", HEAD + "x-a: [" + "a," * 1_600_000 + "]", "more values than any account could hold"),
    ("long aliases", HEAD + f"x-a: &a '{'x' * 1_000_000}'\nvars: {{v: [{'*a,' * 1_000}]}}", "aliases make more than 1,000,000 values"),
    ("long aliases in a list", HEAD + f"x-a: &a ['{'x' * 1_000_000}']\nvars: {{v: [{'*a,' * 1_000}]}}", "aliases make more than 1,000,000 values"),
    ("an error at the end", HEAD + "x-a: [" + "a," * 1_000_000 + "\n}", "not valid YAML"),
    ("digits in a cron", HEAD + f"schedules: {{a: {{cron: '{'9' * 10_000} 9 * * *', destination: {URL}}}}}", "a number of 10,000 digits is out of range"),
    ("digits in a step", HEAD + f"schedules: {{a: {{cron: '*/{'9' * 10_000} 9 * * *', destination: {URL}}}}}", "the step has 10,000 digits"),
    ("digits in hexadecimal", schedule("retries: 0x" + "F" * 10_000), "is not a number that can be sent"),
    ("digits in a duration", schedule(f"timeout: {'9' * 10_000}s"), "is not a duration"),
    ("parentheses", schedule(f"retry_delay: '{'(' * 3_000}'"), "longer than 1,000 characters"),
    ("environments", HEAD + "environments: {" + ",".join(f"e{n}: {{}}" for n in range(3_000)) + "}", "3,000 environments; 200 can be checked"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text", "fact"), GROWTH, ids=ids(GROWTH))
def test_what_would_grow_without_bounds_ends_fast_with_one_error(
    _id: str, text: str, fact: str
) -> None:
    start = time.process_time()
    found = messages(text)
    assert time.process_time() - start < seconds(5)
    assert len(found) == 1
    assert fact in found[0]
    assert len(found[0]) < 1_000


MANY: list[tuple[str, str]] = [
    ("unknown keys", schedule(", ".join(f"k{n}: 1" for n in range(3_000)))),
    ("unknown keys at the top", HEAD + "\n".join(f"k{n}: 1" for n in range(3_000))),
    ("keys twice", HEAD + "queues: {" + ",".join("a: {}" for n in range(3_000)) + "}"),
    ("wrong values in one line", HEAD + "queues: {" + ",".join(f"a{n}: {{parallelism: 0}}" for n in range(3_000)) + "}"),
    ("zones", HEAD + "schedules: {" + ",".join(f"a{n}: {{cron: '@daily', timezone: Eu/Be{n}, destination: {URL}}}" for n in range(3_000)) + "}"),
    ("tags", HEAD + "x-a: [" + "!x a," * 3_000 + "]"),
    ("undefined variables", HEAD + "vars: {" + ",".join(f"v{n}: 1" for n in range(3_000)) + f"}}\nschedules: {{a: {{cron: '@daily', destination: '{URL}', body: [" + ",".join(f"'${{var.w{n}}}'" for n in range(3_000)) + "]}}"),
    ("overrides of nothing", HEAD + "queues: {" + ",".join(f"b{n}: {{}}" for n in range(3_000)) + "}\nenvironments: {e: {token: '${env.T}', overrides: {queues: {" + ",".join(f"a{n}: {{}}" for n in range(3_000)) + "}}}}"),
    ("a long value everywhere", HEAD + f"vars: {{v: '{'x' * 5_000}'}}\nschedules: {{" + ",".join(f"a{n}: {{cron: '@daily', timezone: '${{var.v}}', destination: {URL}}}" for n in range(3_000)) + "}"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text"), MANY, ids=ids(MANY))
def test_thousands_of_errors_are_told_fast_and_not_all_of_them(
    tmp_path: Path, _id: str, text: str
) -> None:
    """Each with the part of its line that it is about: a line may have a million columns."""
    (tmp_path / "q.yaml").write_text(text)
    words = ("-e", "e") if "environments" in text else ()
    start = time.process_time()
    ran = cli("validate", "-f", str(tmp_path / "q.yaml"), *words, environ={"T": "x"})
    assert time.process_time() - start < seconds(5)
    assert ran.code == 1
    assert len(ran.err) < 200_000
    assert re.search(r"\nand [\d,]+ more\n\n[\d,]+ errors\.\n$", ran.err)


def test_many_endpoints_are_compared_fast() -> None:
    urls = ",".join(f"'https://e{n}.example.com/{n}'" for n in range(20_000))
    start = time.process_time()
    assert messages(HEAD + f"url_groups: {{g: {{endpoints: [{urls}]}}}}") == []
    assert time.process_time() - start < seconds(5)
    twice = "['https://e.com', 'https://f.com', 'https://e.com']"
    (found,) = messages(HEAD + f"url_groups: {{g: {{endpoints: {twice}}}}}")
    assert "this endpoint stands here twice" in found


NUMBERS: list[tuple[str, Any]] = [
    (".5", 0.5), ("+5", 5), ("-.5", -0.5), ("5.", 5.0), ("0x1F", 31), ("0o17", 15), ("1e3", 1000.0),
    ("1E-3", 0.001), ("!!int 0x1F", 31), ("!!float 5", 5.0), ("0e9", 0.0), ("-0.0", -0.0),
    ("010", "010"), ("-010", "-010"), ("1_000", "1_000"), ("12:30", "12:30"), ("+", "+"),
    (".", "."), ("0x", "0x"), ("+x", "+x"), ("1.2.3", "1.2.3"), ("!!str 5", "5"), ("!!bool True", True),
    ('"\\uD83D\\uDE00"', "😀"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "value"), NUMBERS, ids=[n for n, _ in NUMBERS])
def test_a_number_is_what_yaml_1_2_and_json_call_one(written: str, value: Any) -> None:
    document = parse.read(f"x: [{written}]\n", name="q", folder=".", report=Report())
    assert document is not None
    assert document.root["x"] == [value]
    assert isinstance(document.root["x"][0], type(value))
    assert json.dumps(document.root["x"]) == json.dumps([value])


NO_VALUES = [
    "1e400", "-1e400", "1e-400", ".inf", "-.Inf", ".nan", "!!int abc", "!!int 1.5", "!!int 1_000",
    "!!float x", "!!bool maybe", "!!bool ''", "!!null 5", "!!map [a]", "!!seq {a: 1}", "!!map a",
    "!!str [a]", "!!timestamp 2020-01-01", "!!binary aGk=", "!!python/object:os.system {a: 1}",
    "!!python/object/apply:os.system [ls]", "!!python/name:os.system ", "!!python/tuple [1]",
    "!<tag:yaml.org,2002:python/object/new:os.system> [ls]", "!x {!!python/name:os.a b: 1}",
    "{!!python/name:os.a b: 1}", "{!!int 5: 1}",
]  # fmt: skip


@pytest.mark.parametrize("written", NO_VALUES)
def test_what_json_cannot_carry_and_every_foreign_tag_is_refused_where_it_stands(
    written: str,
) -> None:
    found = messages(schedule(f"body: {{k: {written}}}"))
    assert found
    for message in found:
        assert "is no" in message or "not allowed" in message, message
        assert message.startswith(("q.yaml:5:7", "q.yaml:5:80:"))


DOUBLING = "".join(f"  v{n}: '${{var.v{n - 1}}}${{var.v{n - 1}}}'\n" for n in range(1, 41))
DOUBLED_LISTS = "".join(
    f"  v{n}: ['${{var.v{n - 1}}}', '${{var.v{n - 1}}}']\n" for n in range(1, 41)
)
CHAIN = "".join(f"  v{n}: '${{var.v{n - 1}}}'\n" for n in range(1, 1001))


@pytest.mark.parametrize(
    ("variables", "fact"),
    [
        (DOUBLING, "more than 10,000,000 characters"),
        (DOUBLED_LISTS, "more than 10,000,000 characters"),
        (CHAIN, "nested too deeply"),
    ],
    ids=["doubling texts", "doubling lists", "a chain"],
)
def test_variables_that_grow_end_fast_with_one_error(variables: str, fact: str) -> None:
    last = variables.count("\n")
    text = f"vars:\n  v0: xx\n{variables}"
    text += f"schedules: {{a: {{cron: '@daily', destination: {URL}, body: '${{var.v{last}}}'}}}}\n"
    start = time.process_time()
    found = [message for message in messages(HEAD + text) if fact in message]
    assert time.process_time() - start < seconds(5)
    assert len(found) == 1


def test_a_variable_may_be_used_often_and_through_others() -> None:
    text = "vars:\n  v0: x\n" + "".join(f"  v{n}: '${{var.v{n - 1}}}'\n" for n in range(1, 60))
    text += "schedules:\n" + "".join(
        f"  s{n}: {{cron: '@daily', destination: {URL}, body: ['${{var.v59}}']}}\n"
        for n in range(50)
    )
    built, found = build(HEAD + text)
    assert built is not None, found
    assert {s.message.body for s in built.desired.schedules or ()} == {'["x"]'}


def test_what_aliases_share_is_not_copied() -> None:
    text = "x-b: &b {a: [1, 2]}\nx-c: [*b, *b, {<<: *b}]\n"
    document = parse.read(text, name="q", folder=".", report=Report())
    assert document is not None
    one, two, three = document.root["x-c"]
    assert one is two is document.root["x-b"]
    assert three["a"] is one["a"]


def test_characters_that_json_writes_as_two_halves_are_whole() -> None:
    body = r'{"k\ud83d\ude00": "v\ud83d\ude01", plain: "\u00e9"}'
    built, found = build(schedule(f"body: {body}"))
    assert not found
    assert built is not None
    (made,) = built.desired.schedules or ()
    assert made.message.body == '{"k\U0001f600":"v\U0001f601","plain":"\u00e9"}'


NO_BLANK = [
    ("a header", "headers: {Authorization:Bearer CANARYx1}", "schedules.a.headers.Authorization"),
    ("a member of a body", "body: {password:CANARYx1, b: c}", "schedules.a.body.password"),
    ("a setting", "timeout:CANARYx1", "schedules.a.timeout"),
    ("an unknown key", "tokn:CANARYx1", "schedules.a.tokn"),
    ("one beside it", "body: {é:CANARYx1}", "schedules.a.body.é"),
]


@pytest.mark.parametrize(("_id", "written", "path"), NO_BLANK, ids=[one[0] for one in NO_BLANK])
def test_a_blank_that_is_missing_behind_a_colon_is_told_and_what_follows_is_not(
    _id: str, written: str, path: str
) -> None:
    """YAML takes `{token:abc}` for a key without a value, and a message would repeat the key."""
    text = f"version: 1\nnamespace: n\nschedules:\n  a: {{cron: '@daily', {written}}}\n"
    _, found = build(text)
    told = [(".".join(map(str, one.path)), one.message) for one in found]
    assert (path, "a blank is missing behind the colon") in told
    for one in found:
        assert "CANARY" not in repr(one), one
        assert not one.location or "CANARY" not in one.location.text, one


def test_a_key_with_a_colon_may_be_quoted_or_have_a_value() -> None:
    body = "{'a:b': null, xml:lang: en, c: 'd:e', 'f:': , g:: x, h:i: , 'j:k': , \"l:m\"}"
    text = (
        f"{HEAD}schedules:\n  a: {{cron: '@daily', destination: 'https://e.com', body: {body}}}\n"
    )
    config, found = build(text)
    assert config, found
    (one,) = config.desired.schedules or ()
    assert json.loads(str(one.message.body)) == {
        "a:b": None, "xml:lang": "en", "c": "d:e", "f:": None, "g:": "x", "h:i": None, "j:k": None,
        "l:m": None,
    }  # fmt: skip


@pytest.mark.parametrize("written", ["{Authorization, Bearer CANARYx1}", "{Bearer CANARYx1: x}"])
def test_a_header_name_that_is_none_is_not_repeated(written: str) -> None:
    text = f"{HEAD}schedules:\n  a: {{cron: '@daily', destination: 'https://e.com', headers: {written}}}\n"
    _, found = build(text)
    assert "'Bearer…' is not a header name" in [one.message for one in found]
    for one in found:
        assert "CANARY" not in repr(one), one
        assert not one.location or "CANARY" not in one.location.text, one


@pytest.mark.parametrize("written", ["{token CANARYx1}", "{token, CANARY x1}", "{token;CANARYx1}"])
def test_a_token_without_its_colon_is_not_repeated(written: str) -> None:
    _, found = build(f"{HEAD}environments: {{p: {written}}}\nschedules: {{}}\n", environment="p")
    assert any(one.code == "unknown_key" for one in found)
    for one in found:
        assert "CANARYx1" not in repr(one), one
        assert not one.location or "CANARYx1" not in one.location.text, one


def test_a_variable_that_has_no_name_is_none_that_is_defined() -> None:
    text = f"{HEAD}vars: {{api_key CANARYx1, fine: 1}}\nschedules: {{a: {{cron: '${{var.no}}'}}}}\n"
    _, found = build(text)
    hints = [one.hint for one in found if "variable no" in one.message]
    assert hints
    assert all("defined: fine; add no to vars" in hint for hint in hints)


@pytest.mark.parametrize(
    "written",
    ["schedules: {a: {body CANARYx1}}", "queues: {q: {token;CANARYx1}}", "limits: {plan CANARYx1}", "token CANARYx1: 1",
     "defaults: {headers Bearer CANARYx1: }", "schedules: {a: {callback: {url: 'https://e.com', headers X=CANARYx1: 3}}}"],
)  # fmt: skip
def test_no_key_that_is_none_is_repeated_wherever_it_stands(written: str) -> None:
    _, found = build(f"version: 1\nnamespace: n\n{written}\n")
    told = [one for one in found if one.code == "unknown_key"]
    assert told
    assert all(str(one.path[-1]).endswith("…") for one in told)
    for one in found:
        assert "CANARY" not in repr(one), one
        assert not one.location or "CANARY" not in one.location.text, one


def test_a_key_with_dots_is_one() -> None:
    _, found = build(f"{HEAD}schedules: {{a: {{flow_control.key: x}}}}\n")
    assert ("schedules", "a", "flow_control.key") in [one.path for one in found]
