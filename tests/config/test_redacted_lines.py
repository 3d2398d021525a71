"""What `redact` hides is hidden in the lines of the file that findings and errors quote."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from qstash_sync.config import redacted
from qstash_sync.config.load import Files, Source
from qstash_sync.config.tree import Document
from tests.support import HEAD, build, cli, ids

VALUE = "pw $TOPSECRETPASS1"
TOP = HEAD.replace("defaults: {timezone: UTC}\n", "")
CRON = "cron: '0 9 * * *', timezone: UTC, destination: https://e.com"

FILES = [
    ("one line", TOP + f"schedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, redact: {{headers: [x-note]}}, WRONG}}\n"),
    ("all headers", TOP + f"schedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, redact: {{headers: true}}, WRONG}}\n"),
    ("a body", TOP + f"schedules:\n  a: {{{CRON}, body: '{VALUE}', redact: {{body: true}}, WRONG}}\n"),
    ("a member of a body", TOP + f"schedules:\n  a: {{{CRON}, body: {{b: ['{VALUE}']}}, redact: {{body: true}}, WRONG}}\n"),
    ("a text of several lines", TOP + f"schedules:\n  a: {{{CRON}, redact: {{body: true}}, body: 'one\n    {VALUE}\n    two', WRONG}}\n"),
    ("at the end of lines", TOP + f"schedules:\n  a: {{{CRON}, redact: {{body: true}}, body: 'one\n    {VALUE}', WRONG}}\n"),
    ("escaped", TOP + f'schedules:\n  a: {{{CRON}, headers: {{X-Note: "\\u0070{VALUE[1:]}"}}, redact: {{headers: [X-Note]}}, WRONG}}\n'),
    ("redact of defaults", TOP + f"defaults: {{redact: {{headers: [X-Note]}}}}\nschedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, WRONG}}\n"),
    ("headers of defaults", TOP + f"defaults: {{headers: {{X-Note: '{VALUE}'}}, WRONG}}\nschedules:\n  a: {{{CRON}, redact: {{headers: [X-Note]}}}}\n"),
    ("redact of an environment", TOP + f"environments: {{p: {{defaults: {{redact: {{headers: [X-Note]}}}}}}}}\nschedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, WRONG}}\n"),
    ("an override", TOP + f"environments: {{p: {{overrides: {{schedules: {{a: {{headers: {{X-Note: '{VALUE}'}}, WRONG}}}}}}}}}}\nschedules:\n  a: {{{CRON}, redact: {{headers: [X-Note]}}}}\n"),
    ("redact of an override", TOP + f"environments: {{p: {{overrides: {{schedules: {{a: {{redact: {{headers: [X-Note]}}}}}}}}}}}}\nschedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, WRONG}}\n"),
    ("a variable", TOP + f"vars: {{v: '{VALUE}', WRONG: 3}}\nschedules:\n  a: {{{CRON}, headers: {{X-Note: '${{var.v}}'}}, redact: {{headers: [X-Note]}}}}\n"),
    ("an anchor", TOP + f"schedules:\n  x-h: &h {{X-Note: '{VALUE}', X A: b}}\n  a: {{{CRON}, headers: *h, redact: {{headers: [X-Note]}}}}\n"),
    ("a redact that is wrong", TOP + f"schedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, redact: [x-note]}}\n"),
    ("a redact that a variable stands for", TOP + f"vars: {{r: [x-note]}}\nschedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, redact: {{headers: '${{var.r}}'}}, WRONG}}\n"),
    ("a key twice", TOP + f"schedules:\n  a: {{{CRON}, headers: {{X-Note: '{VALUE}'}}, redact: {{headers: [x-note]}}, {CRON}}}\n"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", ["colour: red", "retries: many", "queue: a b"])
@pytest.mark.parametrize(("_id", "text"), FILES, ids=ids(FILES))
def test_no_error_quotes_a_line_with_a_redacted_value(_id: str, text: str, wrong: str) -> None:
    environment = "p" if "environments:" in text else None
    _, found = build(
        text.replace("WRONG: 3", wrong).replace("WRONG", wrong), environment=environment
    )
    assert found or _id == "a variable"
    for one in found:
        assert not one.location or "TOPSECRET" not in one.location.text, one


def test_a_line_that_holds_none_is_quoted() -> None:
    text = HEAD + (
        "schedules:\n  a:\n    retries: many\n    headers:\n      X-Note: 'pw'\n      x: [1]\n"
        "    redact: {headers: [x-note]}\n    timeout: long\n"
        f"  b: {{{CRON}, headers: {{X-Note: 'pw'}}, retries: many}}\n"
        f"  c: {{{CRON}, body: pw, headers: {{X-Note: 'pw'}}, redact: null, retries: many}}\n"
        f"  d: {{{CRON}, body: '${{env.B|plain}}', redact: {{body: true}}, retries: many}}\n"
    )
    shown = {one.location.line: one.location.text for one in build(text)[1] if one.location}
    assert {line for line, quoted in shown.items() if quoted} >= {6, 11, 12, 13, 14}, shown


STRAYS = [  # below two schedules, after `defaults: {redact: …}`
    ("a misspelt body", "    bodyy: VALUE\n"),
    ("a misspelt mapping", "    header: {X-Note: VALUE}\n"),
    ("a body in the column of names", "  body: VALUE\n"),
    ("headers in the column of names", "  headers:\n    X-Note: VALUE\n"),
    ("a header too far left", "    headers:\n    X-Note: VALUE\n"),
    ("a body too deep", "    dst:\n      gap: skip\n      body: VALUE\n"),
    ("a text of several lines", "    bodyy: |\n      one\n      VALUE\n"),
    ("an entry twice", f"  a: {{{CRON}, body: VALUE}}\n"),
    ("an entry in the wrong section", f"queues:\n  b: {{{CRON}, body: VALUE}}\n"),
    ("an unknown section", f"schedule:\n  b: {{{CRON}, body: VALUE}}\n"),
    ("one beside another error", f"  b: {{{CRON}, callback: {{url: '/x', headers: {{X-Note: VALUE}}, colour: 1}}}}\n"),
    ("an environment's", "environments:\n  p:\n    default: {body: VALUE}\n"),
    ("an override's", "environments:\n  p:\n    overrides:\n      schedules:\n        a: {bodyy: VALUE}\n"),
]  # fmt: skip


@pytest.mark.parametrize("redact", ["body: true, headers: true", "headers: [x-other]"])
@pytest.mark.parametrize(("_id", "stray"), STRAYS, ids=ids(STRAYS))
def test_what_stands_where_nothing_is_known_may_be_what_is_redacted(
    _id: str, stray: str, redact: str
) -> None:
    text = TOP + f"defaults: {{redact: {{{redact}}}}}\nschedules:\n  a:\n    cron: '@daily'\n"
    environment = "p" if "environments:" in stray else None
    _, found = build(text + stray.replace("VALUE", VALUE), environment=environment)
    assert found
    for one in found:
        assert not one.location or "TOPSECRET" not in one.location.text, one


MISPLACED = [  # `redact` where it redacts nothing, and a value with an error
    ("a word for defaults", "default: {redact: {body: true}}\nschedules:\n  a: {WHOLE}\n"),
    ("below limits", "limits:\n  defaults: {redact: {body: true}}\nschedules:\n  a: {WHOLE}\n"),
    ("misspelt", "schedules:\n  a: {redacts: {body: true}, WHOLE}\n"),
    ("without a blank", "defaults:\n  redact: {body:true}\nschedules:\n  a: {WHOLE}\n"),
    ("as a key that is none", "schedules:\n  a:\n    ? [redact]\n    : {body: true}\n    body: 'VALUE ${var.no}'\n"),
    ("with capitals inside", "schedules:\n  a: {redact: {Body: true}, WHOLE}\n"),
    ("with other words inside", "schedules:\n  a: {redact: {all: true}, WHOLE}\n"),
    ("as a set", "schedules:\n  a: {redact: {body, headers}, WHOLE}\n"),
    ("in capitals", "schedules:\n  a: {Redact: {body: true}, WHOLE}\n"),
    ("with two letters in the wrong order", "schedules:\n  a: {readct: {body: true}, WHOLE}\n"),
    ("beside what is no key", "schedules:\n  a: {redact: {body: true}, headers: {<<: [VALUE]}, WHOLE}\n"),
    ("in the column of names", "schedules:\n  a:\n    body: 'VALUE ${var.no}'\n  redact:\n    body: true\n"),
    ("below dst", "schedules:\n  a: {dst: {redact: {body: true}}, WHOLE}\n"),
    ("twice", "schedules:\n  a: {redact: {}, redact: {body: true}, WHOLE}\n"),
    ("an environment's", "environments:\n  p:\n    redact: {body: true}\nschedules:\n  a: {WHOLE}\n"),
    ("among the environments", "environments:\n  p: {}\n  defaults: {redact: {body: true}}\nschedules:\n  a: {WHOLE}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text"), MISPLACED, ids=ids(MISPLACED))
def test_a_redact_that_redacts_nothing_may_be_meant_for_any(_id: str, text: str) -> None:
    environment = "p" if "environments:" in text else None
    whole = text.replace("WHOLE", "body: 'VALUE ${var.no}'").replace("VALUE", VALUE)
    _, found = build(TOP + whole, environment=environment)
    assert any("variable no" in one.message for one in found)
    for one in found:
        assert not one.location or "TOPSECRET" not in one.location.text, one


def test_it_is_quoted_where_nothing_is_redacted() -> None:
    _, found = build(TOP + f"schedules:\n  a: {{{CRON}, colour: red}}\n")
    assert [
        one.location.text for one in found if one.location and "colour: red" in one.location.text
    ]


def test_what_comes_before_an_environment_is_chosen_quotes_none_either() -> None:
    text = FILES[0][1].replace("WRONG", CRON) + "environments: {p: {}}\n"
    _, found = Files([Source("q.yaml", ".", text)]).build(None, {}, {})
    assert found
    assert not [one for one in found if one.location and "TOPSECRET" in one.location.text]


FORMATS = [
    ("text", ("validate",)), ("json", ("validate", "--format", "json")),
    ("plan", ("plan", "--local=a.db")), ("markdown", ("plan", "--local=a.db", "--format", "markdown")),
    ("html", ("plan", "--local=a.db", "--format", "html")), ("plan as json", ("plan", "--local=a.db", "--format", "json")),
]  # fmt: skip


@pytest.mark.parametrize("wrong", ["retries: 1", "colour: red"], ids=["lint", "error"])
@pytest.mark.parametrize(("_id", "words"), FORMATS, ids=ids(FORMATS))
def test_no_view_quotes_a_redacted_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _id: str, words: tuple[str, ...], wrong: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(FILES[0][1].replace("WRONG", wrong))
    ran = cli(*words, environ={"GITHUB_ACTIONS": "true"})
    assert "TOPSECRET" not in ran.out + ran.err
    assert "qstash.yaml" in ran.out + ran.err or _id in ("html", "plan as json")


WRONG_YAML = [
    "'x ${CANARYx9}'",
    "'${env.A-CANARYx9}'",
    "'ab${env.A-CANARYx9}'",
    "'${var.x:-CANARYx9}'",
    "'${env.A|CANARYx9}'",
    "@CANARYx9",
    "%CANARYx9",
    "`CANARYx9`",
    "*CANARYx9",
    '"\\qCANARYx9"',
    "'it's CANARYx9'",
    "!CANARYx9 x",
    "!<CANARYx9> x",
    "!a!CANARYx9 x",
    "!!CANARYx9 x",
    "&CANARYx9 &b x",
    "a: CANARYx9: b",
]


@pytest.mark.parametrize(
    "holder",
    [
        "    redact: {body: true}\n    body: ",
        "    redact: {headers: [x-key]}\n    headers:\n      X-Key: ",
    ],
)
@pytest.mark.parametrize("value", WRONG_YAML)
@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_a_line_that_is_no_yaml_is_not_quoted_where_something_is_redacted(
    tmp_path: Path, holder: str, value: str, form: str
) -> None:
    """A sign of YAML in a secret is what makes its line fail."""
    (tmp_path / "q.yaml").write_text(
        "version: 1\nnamespace: n\nschedules:\n  a:\n    cron: '@daily'\n    timezone: UTC\n"
        f"    destination: https://e.com\n{holder}{value}\n"
    )
    words = (
        ("validate", "--format", form)
        if form in ("text", "json")
        else ("plan", "--local", "--format", form)
    )
    ran = cli(*words, "-f", str(tmp_path / "q.yaml"), environ={})
    assert ran.code == 1
    assert "CANARY" not in ran.text


BASE = "version: 1\nnamespace: n\nENV\n"
JOBS = (
    "version: 1\ndefaults: {timezone: UTC}\nschedules:\n  a:\n    cron: '@daily'\n"
    "    destination: https://e.com\n    body: VALUE\n"
)
ASKING = "environments: {p: {defaults: {redact: {body: true}}}}"
APART = [  # what the one file has of redact, and what the other has of the value
    ("the value's is no YAML", ASKING, "@CANARYx9"),
    ("redact's is no YAML", ASKING.replace("true}}}}", "true}}}, @}"), "'CANARYx9 ${var.nope}'"),
    ("neither is", ASKING.replace("true}}}}", "true}}}, @}"), "@CANARYx9"),
    ("redact's is no text", ASKING + "\nx-a: '\udcff'", "'CANARYx9 ${var.nope}'"),
    ("redact's is in UTF-16", ASKING, "'CANARYx9 ${var.nope}'"),
    ("an override", ASKING.replace("{defaults: {", "{overrides: {schedules: {a: {") + "}}", "@CANARYx9"),
    ("both are right", ASKING, "'CANARYx9 ${var.nope}'"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "asking", "value"), APART, ids=ids(APART))
def test_the_value_may_stand_in_another_file_than_its_redact(
    tmp_path: Path, _id: str, asking: str, value: str
) -> None:
    base, jobs = tmp_path / "base.yaml", tmp_path / "jobs.yaml"
    encoding = "utf-16" if _id == "redact's is in UTF-16" else "utf-8"
    base.write_text(BASE.replace("ENV", asking), encoding, errors="surrogateescape")
    jobs.write_text(JOBS.replace("VALUE", value))
    ran = cli("validate", "-f", str(tmp_path), environ={})
    assert (ran.code, "CANARY" in ran.text) == (1, False), ran


def test_the_lines_are_looked_for_when_one_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan in sync shows none: of many schedules they are dear."""
    asked: list[int] = []

    def lines(documents: Sequence[Document]) -> dict[str, frozenset[int]]:
        asked.append(len(documents))
        return {}

    monkeypatch.setattr(redacted, "lines", lines)
    text = HEAD + f"schedules:\n  a: {{{CRON}, body: pw, redact: {{body: true}}}}\n"
    config, found = Files([Source("q.yaml", ".", text)]).build(None, {}, {})
    assert config
    assert (found, asked) == ((), [])
    (schedule,) = config.desired.schedules or ()
    assert schedule.location
    assert schedule.location.text
    assert asked == [1]


def test_an_anchors_home_is_known_by_its_anchor_though_its_line_is_hidden() -> None:
    home = f"  x-h: &h {{{CRON}, body: pw, redact: {{body: true}}}}\n"
    assert build(HEAD + f"schedules:\n{home}  a: *h\n")[1] == ()
    (found,) = build(HEAD + f"schedules:\n{home.replace('&h ', '')}")[1]
    assert (found.code, found.location and found.location.text) == ("home", "")
