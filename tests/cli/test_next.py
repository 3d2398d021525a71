"""`next` as its reader meets it: 80 columns, one document, no account and no secret."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import vobject

from qstash_sync.cli.options import CALENDAR_FORMATS
from tests.support import HEAD, Ran, cli, ids

NOW = "2027-03-27T20:00Z"
FILE = """
version: 1
namespace: billing
limits: {plan: free}
defaults: {base_url: https://app.example.com, headers: {Authorization: "Bearer ${env.NOT_SET}"}}
schedules:
  report: {cron: "30 2 * * *", timezone: Europe/Berlin, destination: /r, owner: team-a}
  sync: {cron: "0 */6 * * *", timezone: America/New_York, destination: /s, delay: 1h}
  poll: {cron: "15 * * * *", timezone: UTC, destination: /p}
  off: {cron: "15 * * * *", timezone: UTC, destination: /off, paused: true}
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise AssertionError("next opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(FILE)


def shown(*words: str, code: int = 0) -> Ran:
    ran = cli("next", "--now", NOW, *words)
    assert ran.code == code, ran
    return ran


def test_the_page_is_local_time_and_utc_with_the_clock_changes_between() -> None:
    text = shown("--hours", "8").out
    assert (
        text
        == """\
Sat 2027-03-27, UTC
  20:15Z                              poll
  21:15Z                              poll
  22:00Z  Sat 18:00 America/New_York  sync    sent 1h later
  22:15Z                              poll
  23:15Z                              poll

Sun 2027-03-28, UTC
  00:15Z                              poll
  -- Europe/Berlin: the clock goes from 02:00 to 03:00, 01:00Z
  01:00Z  Sun 03:00 Europe/Berlin     report
         02:30 does not exist (dst.gap: next_valid)
  01:15Z                              poll
  02:15Z                              poll
  03:15Z                              poll

10 firings until Sun 2027-03-28 04:00Z.
Paused in the file, and left out: off.
A pause made in the account is not known here: `drift` shows it.
"""
    )


def test_one_a_day_is_one_line_each() -> None:
    assert (
        shown("--name", "report", "--count", "3").out
        == """\
In Europe/Berlin
  Sun 2027-03-28  -- Europe/Berlin: the clock goes from 02:00 to 03:00, 01:00Z
  Sun 2027-03-28  03:00  01:00Z  report
         02:30 does not exist (dst.gap: next_valid)
  Mon 2027-03-29  02:30  00:30Z  report
  Tue 2027-03-30  02:30  00:30Z  report

3 firings.
A pause made in the account is not known here: `drift` shows it.
"""
    )


@pytest.mark.parametrize(
    "words", [(), ("--load",), ("--timezone", "Australia/Lord_Howe"), ("--count", "200")]
)
def test_no_line_is_longer_than_80_columns(words: tuple[str, ...]) -> None:
    assert max(map(len, shown(*words).out.splitlines())) <= 80


def test_json_has_the_keys_of_the_design() -> None:
    found = json.loads(shown("--format", "json", "--load").out)
    assert set(found["firings"][0]) >= {"name", "at", "local", "timezone"}
    gap = next(one for one in found["firings"] if one["rule"])
    assert gap == {
        "name": "report", "id": "billing.report", "at": "2027-03-28T01:00:00Z",
        "local": "2027-03-28T03:00:00+02:00", "timezone": "Europe/Berlin", "delay": 0,
        "rule": {"local": "2027-03-28T02:30:00", "policy": "gap: next_valid", "chosen": False},
    }  # fmt: skip
    assert found["load"]["allowed_a_day"] == 1_000
    assert (found["errors"], found["paused"]) == ([], ["off"])


def test_every_format_goes_into_its_file() -> None:
    outputs = [f"--output={form}=out.{form}" for form in ("text", "markdown", "json", "ics")]
    page = shown(*outputs).out
    assert Path("out.text").read_text() == page
    assert "```text" in Path("out.markdown").read_text()
    assert Path("out.ics").read_bytes().count(b"\r\n") == Path("out.ics").read_bytes().count(b"\n")
    assert Path("out.ics").read_text().count("BEGIN:VEVENT") == len(
        json.loads(shown("--format", "json", "--hours", "744").out)["firings"]
    )


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (
            ("--name", "nobody*"),
            "--name nobody*: no schedule of this name; the files have off, poll",
        ),
        (("--timezone", "Mars/Base"), "--timezone: 'Mars/Base' is not a time zone"),
        (("--hours", "0"), "0 is not in the range"),
        (("--count", "x"), "is not a valid integer"),
    ],
)
def test_wrong_usage_is_one_clear_error(words: tuple[str, ...], fact: str) -> None:
    ran = shown(*words, code=64)
    assert fact in ran.err
    assert ran.out == ""


def test_an_error_of_the_file_is_one_document() -> None:
    Path("qstash.yaml").write_text(FILE.replace("30 2 * * *", "61 2 * * *"))
    ran = shown("--format", "json", code=1)
    assert "out of range" in json.loads(ran.out)["errors"][0]["message"]


def test_nothing_fires() -> None:
    Path("qstash.yaml").write_text("version: 1\nnamespace: billing\nschedules: {}\n")
    assert shown().out == "No schedule fires until Sun 2027-03-28 20:00Z.\n"
    assert "BEGIN:VEVENT" not in shown("--format", "ics").out


def test_a_comment_takes_no_more_than_a_comment_may() -> None:
    page = shown("--format", "markdown", "--hours", "8784", "--count", "10000").out
    assert len(page) < 60_000
    assert "... and more; --count and --name ask for less" in page
    assert page.count("```") == 2


WRONG: list[tuple[str, tuple[str, ...]]] = [
    ("a zone that is none", ("--timezone", "Mars")),
    ("a file that is not there", ("-f", "nope.yaml")),
    ("a file that is broken", ("-f", "broken.yaml")),
    ("an environment that is not there", ("-e", "prod")),
    ("a time that is none", ("--now", "soon")),
]


@pytest.mark.parametrize(("_id", "words"), WRONG, ids=ids(WRONG))
@pytest.mark.parametrize("form", CALENDAR_FORMATS)
def test_every_format_tells_every_error(_id: str, words: tuple[str, ...], form: str) -> None:
    Path("broken.yaml").write_text("version: 1\nschedules: {a: 1}\n")
    ran = cli("next", *words, "--format", form, *(f"--output={f}=o.{f}" for f in CALENDAR_FORMATS))
    assert ran.code in (1, 64), ran
    assert "internal" not in ran.text
    assert all(Path(f"o.{f}").read_text().strip() for f in CALENDAR_FORMATS)
    if form == "text":
        assert "error" in ran.err
    else:
        assert ran.out.split() == Path(f"o.{form}").read_text().split()
    event = vobject.readOne(Path("o.ics").read_bytes().decode()).vevent
    (first, *_) = json.loads(Path("o.json").read_text())["errors"]
    assert first["message"] in event.description.value


@pytest.mark.parametrize(("path", "code"), [("nowhere/o.ics", 64), ("/dev/full", 1), (".", 64)])
def test_a_calendar_that_cannot_be_written_is_told_as_that(path: str, code: int) -> None:
    ran = shown("--output", f"ics={path}", code=code)
    assert f"error: --output {path}: cannot be written" in ran.err


def test_what_fires_all_the_time_is_one_line_and_the_rest_is_in_view() -> None:
    """What fires tonight? Not fifty rows of a heartbeat."""
    beat = '  beat: {cron: "*/15 * * * *", timezone: UTC, destination: /b}\n'
    Path("qstash.yaml").write_text(FILE + beat)
    for form in ("text", "markdown"):
        page = shown("--format", form).out
        assert (
            "beat  every 15 minutes in UTC, 96 times, next Sat 2027-03-27 20:00Z"
            in page.replace("\n", " ")
        )
        assert "125 firings until Sun 2027-03-28 20:00Z." in page
    assert len(json.loads(shown("--format", "json").out)["firings"]) == 29 + 96
    assert "beat  every" not in shown("--name", "beat").out
    assert "beat  every" not in shown("--count", "20").out
    assert "beat  every" not in shown("--hours", "5").out


def test_what_a_clock_change_moves_is_shown_of_what_is_one_line_too() -> None:
    names = [f"nightly-{letter}" for letter in "abc"]
    line = '  {}: {{cron: "30 2 * * *", timezone: Europe/Berlin, destination: /b}}\n'
    Path("qstash.yaml").write_text(FILE + "".join(map(line.format, names)))
    page = " ".join(shown("--hours", "500").out.split())
    counted = [
        f"{name} daily 02:30 Berlin, 20 times, next Mon 2027-03-29" in page for name in names
    ]
    assert any(counted)
    assert [page.count(name) for name in names] == [2 if one else 21 for one in counted]
    assert page.count("02:30 does not exist (dst.gap: next_valid)") == 3 + FILE.count("30 2 * * *")
    document = json.loads(shown("--hours", "500", "--format", "json").out)
    assert f"{len(document['firings'])} firings until" in page


def test_of_what_a_clock_change_moves_a_crowd_is_not_shown() -> None:
    crowd = '  crowd: {cron: "*/10 2 * * *", timezone: Europe/Berlin, destination: /b, dst: {gap: shift}}\n'
    few = '  few: {cron: "*/20 2 * * *", timezone: Europe/Berlin, destination: /b, dst: {gap: shift}}\n'
    Path("qstash.yaml").write_text(FILE + crowd + few)
    rows = [line for line in shown("--hours", "500").out.splitlines() if "firings" not in line]
    named = [
        [row for row in rows if name in row and "times" not in row] for name in ("crowd", "few")
    ]
    assert [len(found) for found in named] == [0, 3]


def test_what_a_clock_change_moves_takes_no_room_of_what_fires_once() -> None:
    line = '  {}: {{cron: "{}", timezone: Europe/Berlin, destination: /b}}\n'
    nightly = "".join(line.format(f"nightly-{n:02}", "30 2 * * *") for n in range(60))
    Path("qstash.yaml").write_text(FILE + nightly + line.format("monthly", "0 7 10 * *"))
    page = shown("--hours", "500").out
    assert "monthly" in page
    assert "and" not in page.split("firings")[-1].split("until")[0]
    assert "21 times" in page


def test_a_gap_parts_what_fires_all_the_time_from_the_days_and_names_rise() -> None:
    beats = "".join(
        f'  {name}: {{cron: "*/{step} * * * *", timezone: UTC, destination: /b}}\n'
        for name, step in (("b2", 15), ("b1", 15), ("b3", 15), ("a9", 20))
    )
    Path("qstash.yaml").write_text(FILE + beats)
    for form in ("text", "markdown"):
        page = shown("--format", form).out
        found = re.findall(r"\b(a9|b\d) every (?:15|20) minutes", re.sub(r"\s+", " ", page))
        assert found == ["b1", "b2", "b3", "a9"], form
        lines = page.splitlines()
        last = next(n for n, line in enumerate(lines) if "a9  every" in line)
        gap = lines.index("", last)
        assert lines[gap + 1].startswith("Sat 2027-03-27")
        assert gap - last <= 1
    alone = FILE.partition("schedules:")[0] + "schedules:\n" + beats
    Path("qstash.yaml").write_text(alone)
    page = shown("--format", "markdown", "--count", "13").out
    assert "\n\n```\n" not in page


def test_a_comment_is_that_of_its_environment() -> None:
    Path("qstash.yaml").write_text(FILE + "environments: {production: {}}\n")
    page = shown("--format", "markdown", "-e", "production").out
    assert page.startswith(
        "<!-- qstash-sync next production -->\n## QStash: the coming firings of `production`\n"
    )


def test_a_calendar_says_that_a_delay_comes_on_top() -> None:
    assert "sent 1h later" in shown("--format", "ics").out


def test_one_is_one_message_and_one_firing(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(
        HEAD + "schedules: {a: {cron: '0 9 * * 5', destination: 'https://a.example.com/a'}}\n"
    )
    words = ("next", "-f", str(tmp_path / "q.yaml"), "--now", "2026-11-25T12:00Z", "--load")
    assert "Fri 2026-11-27: 1 message\n" in cli(*words).out
    assert "1 firing, and " in cli(*words, "--count", "1", "--hours", "400").out
    plan = (tmp_path / "q.yaml").read_text() + "limits: {plan: free}\n"
    (tmp_path / "q.yaml").write_text(plan)
    assert re.search(r"Fri 2026-11-27: 1 message of [\d,]+ \(free\)", cli(*words).out)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_load_stands_below_the_very_firings_that_there_are_without_it(
    tmp_path: Path, form: str
) -> None:
    """Neither folded nor cut otherwise."""
    (tmp_path / "q.yaml").write_text(
        HEAD + "schedules:\n" + "".join(
            f"  a{k}: {{cron: '{k} * * * *', destination: 'https://a.example.com/a'}}\n" for k in range(3)
        )
    )  # fmt: skip
    words = ("next", "-f", str(tmp_path / "q.yaml"), "--now", "2026-11-25T12:00Z", "--format", form)
    without = cli(*words).out
    assert cli(*words, "--load").out.startswith(without.rstrip("\n"))


def test_a_number_stays_with_the_name_that_it_counts(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(
        HEAD + "schedules:\n" + "".join(
            f"  stock-sync-{'x' * k}: {{cron: '0 9 * * *', destination: 'https://a.example.com/a'}}\n" for k in range(9)
        )
    )  # fmt: skip
    out = cli("next", "-f", str(tmp_path / "q.yaml"), "--now", "2026-11-25T12:00Z", "--load").out
    peak = out.partition("peak minute")[2]
    assert "9 messages: 1 stock-sync-, 1 stock-sync-x," in " ".join(peak.split())
    assert len(peak.splitlines()) > 1
    assert not [line for line in peak.splitlines() if line[-1].isdecimal()]


def test_a_count_alone_has_no_end_in_json() -> None:
    """The schema says so: `cli` holds every document against it."""
    assert json.loads(shown("--count", "3", "--format", "json").out)["until"] is None
