"""`compile` as its reader meets it: a page of 80 columns, one JSON document, one clear error."""

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.crons import zones
from qstash_sync.crons.compile import after_the_end, compile_job
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from tests.crons.crons import a_cron
from tests.support import Ran, cli

ROOT = Path(__file__).parents[2]
NOW = "2026-11-22T10:00Z"
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
SEED = 20261122
TZDATA = zones.tzdata_version()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compilation asks nobody: whoever opens a socket fails the test."""

    def refuse(*_args: Any, **_more: Any) -> None:
        raise AssertionError("compile opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)


def compiled(*words: str, now: str = NOW) -> Ran:
    return cli("compile", *words, "--now", now, "--color", "never")


def document(*words: str, now: str = NOW, code: int = 0) -> dict[str, Any]:
    ran = compiled(*words, "--format", "json", now=now)
    assert ran.code == code, ran
    assert ran.err == ""
    found: dict[str, Any] = json.loads(ran.out)
    assert set(found) >= {"format_version", "schedules", "warnings", "errors", "requests"}
    assert found["requests"] == {"read": 0, "write": 0}
    return found


def one(*words: str, now: str = NOW) -> dict[str, Any]:
    (found,) = document(*words, now=now)["schedules"]
    assert isinstance(found, dict)
    return found


# ---------------------------------------------------------------- the page

KOLKATA = f"""\
0 9 * * 1-5 in Asia/Kolkata
  strategy   split
  parts      30 3 * * 1-5  UTC+5:30  all year
  clock      no change within a year
  next       Mon 2026-11-23 09:00   2026-11-23 03:30Z
             Tue 2026-11-24 09:00   2026-11-24 03:30Z
             Wed 2026-11-25 09:00   2026-11-25 03:30Z
             Thu 2026-11-26 09:00   2026-11-26 03:30Z
             Fri 2026-11-27 09:00   2026-11-27 03:30Z
  horizon    from 2026-11-22 00:00Z for ever, as far as the zone data tells
  renewal    none needed
  proof      261 firings: 0 missing, 0 extra, 0 doubled
  after      no end in sight

1 schedule, 1 part; tzdata {TZDATA}.
"""

LORD_HOWE_BY_AUTO = f"""\
30 2 * * * in Australia/Lord_Howe
  strategy   native, chosen by auto: the model of QStash's parser equals the
             policy for 5 years
  parts      CRON_TZ=Australia/Lord_Howe 30 2 * * *  UTC+11/+10:30  all year
  clock      Sun 2027-04-04 02:00 -> 01:30   UTC+11 -> UTC+10:30
             Sun 2027-10-03 02:00 -> 02:30   UTC+10:30 -> UTC+11
  next       Mon 2026-11-23 02:30   2026-11-22 15:30Z
             Tue 2026-11-24 02:30   2026-11-23 15:30Z
             Wed 2026-11-25 02:30   2026-11-24 15:30Z
             Thu 2026-11-26 02:30   2026-11-25 15:30Z
             Fri 2026-11-27 02:30   2026-11-26 15:30Z
  horizon    from 2026-11-22 00:00Z for ever: QStash keeps the zone's time
  renewal    none needed
  proof      366 firings: 0 missing, 0 extra, 0 doubled
             by a model of QStash's parser, over 366 days
  after      no end in sight

1 schedule, 1 part; tzdata {TZDATA}.
"""

NEW_YORK_BY_FOLLOW = f"""\
0 9 * * 1 in America/New_York
  strategy   follow
  policy     gap: shift, fold: second
  parts      0 14 * * 1  UTC-5  all year
  clock      Sun 2027-03-14 02:00 -> 03:00   UTC-5 -> UTC-4
             Sun 2027-11-07 02:00 -> 01:00   UTC-4 -> UTC-5
  next       Mon 2027-03-01 09:00   2027-03-01 14:00Z
             Mon 2027-03-08 09:00   2027-03-08 14:00Z
             Mon 2027-03-15 09:00   2027-03-15 13:00Z   once renewed
             Mon 2027-03-22 09:00   2027-03-22 13:00Z   once renewed
             Mon 2027-03-29 09:00   2027-03-29 13:00Z   once renewed
  horizon    exact from 2027-03-01 00:00Z until 2027-03-14 07:00Z, 13 days
  renewal    by an apply right after the end, no sooner
  proof      2 firings: 0 missing, 0 extra, 0 doubled
  after      365 days if not renewed: 34 missing, 34 extra, 0 doubled
             first wrong Mon 2027-03-15 09:00   2027-03-15 13:00Z
  warning    follow: wrong from 2027-03-14 07:00Z until the next apply

1 schedule, 1 part; tzdata {TZDATA}.
"""


def test_a_cron_that_feels_no_clock_change_is_one_part_for_ever() -> None:
    assert compiled("0 9 * * 1-5", "--timezone", "Asia/Kolkata").out == KOLKATA


def test_auto_names_its_choice_and_its_reason_and_native_its_model() -> None:
    ran = compiled("30 2 * * *", "--timezone", "Australia/Lord_Howe", "--strategy", "auto")
    assert ran.out == LORD_HOWE_BY_AUTO


def test_follow_says_when_it_turns_wrong_and_what_then() -> None:
    words = ("--timezone", "America/New_York", "--strategy", "follow")
    ran = compiled("0 9 * * 1", *words, "--gap", "shift", "--fold", "second", now="2027-03-01")
    assert ran.out == NEW_YORK_BY_FOLLOW


def test_the_page_of_a_split_shows_parts_horizon_renewal_and_what_comes_after() -> None:
    """The layout with the compiler's own parts and numbers, whatever they are."""
    job = Job((parse("30 2 * * *"),), "America/New_York")
    made = compile_job(job, now=AT)
    assert made.valid_until is not None
    assert made.renew_at is not None
    after = after_the_end(job, made)
    assert after.first is not None
    wide = max(len(part.cron) for part in made.parts)
    hours = {-300: "UTC-5", -240: "UTC-4", None: "UTC-5/-4"}
    middle = max(len(hours[part.offset]) for part in made.parts)
    rows = [
        f"{part.cron:{wide}}  {hours[part.offset]:{middle}}  {part.serves}" for part in made.parts
    ]
    gap = " " * 13
    end, days = made.valid_until, (made.valid_until - made.valid_from).days
    wrong = f"{after.missing} missing, {after.extra} extra, {after.doubled} doubled"
    lines = [
        "30 2 * * * in America/New_York",
        "  strategy   split",
        "  parts      " + f"\n{gap}".join(rows),
        "  clock      Sun 2027-03-14 02:00 -> 03:00   UTC-5 -> UTC-4",
        "             Sun 2027-11-07 02:00 -> 01:00   UTC-4 -> UTC-5",
        "  next       Mon 2026-11-23 02:30   2026-11-23 07:30Z",
        "             Tue 2026-11-24 02:30   2026-11-24 07:30Z",
        "             Wed 2026-11-25 02:30   2026-11-25 07:30Z",
        "             Thu 2026-11-26 02:30   2026-11-26 07:30Z",
        "             Fri 2026-11-27 02:30   2026-11-27 07:30Z",
        f"  horizon    exact from 2026-11-22 00:00Z until {end:%Y-%m-%d %H:%MZ}, {days} days",
        f"  renewal    planned from {made.renew_at:%a %Y-%m-%d} on, 45 days before the end",
        f"  proof      {made.proof.firings} firings: 0 missing, 0 extra, 0 doubled",
        f"  after      365 days if not renewed: {wrong}",
    ]
    page = compiled("30 2 * * *", "--timezone", "America/New_York").out
    assert page.startswith("\n".join(lines))
    warned = (
        '  warning    "30 2 * * *": 2027-03-14 02:30 does not exist in America/New_York;\n'
        "             it fires at 03:00 instead (dst.gap: next_valid)\n"
    )
    assert warned in page
    assert page.endswith(f"\n\n1 schedule, {len(made.parts)} parts; tzdata {TZDATA}.\n")


def test_a_day_that_the_clock_change_leaves_is_named() -> None:
    assert "Fri 2027-10-29 00:00 -> Thu 23:00   UTC+3 -> UTC+2" in (
        compiled("0 9 * * *", "--timezone", "Africa/Cairo").out
    )


def fields_of(page: str) -> Iterator[str]:
    """The words of a page that no break can make shorter."""
    return (word for word in page.split() if len(word) > 80 - 13)


def test_a_page_fits_80_columns_however_long_its_crons() -> None:
    """Only a field that alone is too long is left whole."""
    rng = random.Random(SEED)
    zones = ("America/New_York", "Pacific/Chatham", "Australia/Lord_Howe", "Asia/Tokyo")
    for _ in range(60):
        crons = [a_cron(rng) for _ in range(rng.choice((1, 1, 2)))]
        page = compiled(*crons, "--timezone", rng.choice(zones)).out
        for line in page.splitlines():
            assert len(line) <= 80 or any(fields_of(line)), (SEED, crons, line)
            assert line == line.rstrip()


def test_colours_carry_no_meaning_of_their_own() -> None:
    words = ("compile", "0 9 * * *", "--timezone", "Asia/Tokyo", "--now", NOW)
    plain, coloured = cli(*words).out, cli(*words, "--color", "always").out
    assert "\x1b[" not in plain
    assert "\x1b[32m366 firings: 0 missing, 0 extra, 0 doubled\x1b[0m" in coloured


# ---------------------------------------------------------------- the document


def test_every_key_of_a_compilation_is_there() -> None:
    found = one("0 9 * * *", "--timezone", "America/New_York")
    job = Job((parse("0 9 * * *"),), "America/New_York")
    made = compile_job(job, now=AT)
    after = after_the_end(job, made)
    assert made.valid_until is not None
    assert made.renew_at is not None
    assert after.first is not None
    assert found == {
        "name": None,
        "cron": "0 9 * * *",
        "timezone": "America/New_York",
        "gap": None,
        "fold": None,
        "requested": "split",
        "strategy": "split",
        "reason": "",
        "parts": list(made.crons),
        "parts_detail": [
            {"cron": part.cron, "serves": part.serves, "offsets": [part.offset]}
            for part in made.parts
        ],
        "valid_from": "2026-11-22T00:00:00Z",
        "valid_until": f"{made.valid_until:%Y-%m-%dT%H:%M:%SZ}",
        "renew_at": f"{made.renew_at:%Y-%m-%dT%H:%M:%SZ}",
        "proof": {"firings": made.proof.firings, "missing": 0, "extra": 0, "doubled": 0},
        "transitions": [
            {"at": "2027-03-14T07:00:00Z", "offset_before": -300, "offset_after": -240},
            {"at": "2027-11-07T06:00:00Z", "offset_before": -240, "offset_after": -300},
        ],
        "next_firings": [
            {"local": f"2026-11-{day}T09:00:00-05:00", "utc": f"2026-11-{day}T14:00:00Z"}
            for day in range(22, 27)
        ],
        "after_the_end": {
            "missing": after.missing,
            "extra": after.extra,
            "doubled": 0,
            "first": f"{after.first:%Y-%m-%dT%H:%M:%SZ}",
        },
        "warnings": [],
    }


def test_a_compilation_for_ever_has_no_end_and_no_renewal() -> None:
    found = one("0 9 * * *", "--timezone", "Asia/Kolkata", "--strategy", "auto")
    assert (found["valid_until"], found["renew_at"], found["transitions"]) == (None, None, [])
    assert found["after_the_end"] == {"missing": 0, "extra": 0, "doubled": 0, "first": None}
    assert (found["requested"], found["strategy"]) == ("auto", "split")
    assert found["reason"] == "one plain UTC cron is exact for 5 years"
    assert found["parts_detail"][0]["offsets"] == [330]


def test_several_crons_are_their_union_and_stay_a_list() -> None:
    found = one("0 9 * * *", "0 9,17 * * 1", "--timezone", "Asia/Tokyo")
    assert found["cron"] == ["0 9 * * *", "0 9,17 * * 1"]
    assert found["proof"]["firings"] == 366 + 53  # Mondays, from one Sunday to a year's Monday
    assert compiled("0 9 * * *", "0 9,17 * * 1", "--timezone", "Asia/Tokyo").out.startswith(
        "0 9 * * *, 0 9,17 * * 1 in Asia/Tokyo\n"
    )


def test_a_warning_is_told_for_its_schedule_and_for_the_run() -> None:
    found = document("30 2 * * *", "--timezone", "America/New_York")
    (warning,) = found["schedules"][0]["warnings"]
    gap = "2027-03-14 02:30 does not exist in America/New_York; it fires at 03:00 instead"
    assert gap in warning
    assert [w["message"] for w in found["warnings"]] == [warning]
    chosen = document("30 2 * * *", "--timezone", "America/New_York", "--gap", "next_valid")
    assert chosen["warnings"] == []
    assert chosen["schedules"][0]["gap"] == "next_valid"


def test_accepted_native_tells_the_difference_of_the_model() -> None:
    words = ("0 9 * * 5", "--timezone", "Africa/Cairo", "--strategy", "native", "--accept")
    found = document(*words)
    assert found["schedules"][0]["proof"] == {
        "firings": 52, "missing": 1, "extra": 0, "doubled": 0,
    }  # fmt: skip
    assert "would miss 1 firing," in found["warnings"][0]["message"]
    on_the_day = one(*words, now="2027-04-24")["next_firings"]
    assert on_the_day[0]["local"] == "2027-05-07T09:00:00+03:00"  # the lost Friday is 30 April


def test_now_moves_the_horizon_and_a_renewal_can_come_earlier() -> None:
    early = one("0 9 * * *", "--timezone", "Europe/Berlin", now="2027-06-01")
    assert early["valid_from"] == "2027-06-01T00:00:00Z"
    later = one("0 9 * * *", "--timezone", "Europe/Berlin", "--renew-before", "60d")
    until, renewal = (
        datetime.fromisoformat(str(later[key])) for key in ("valid_until", "renew_at")
    )
    assert (until - renewal).days == 60


def test_only_changes_still_to_come_are_the_next_ones() -> None:
    """At 12:00Z the clocks of New York have been changed already on this day."""
    page = compiled("0 9 * * *", "--timezone", "America/New_York", now="2027-03-14T12:00Z").out
    assert "2027-03-14 02:00 -> 03:00" not in page
    assert "Sun 2027-11-07 02:00 -> 01:00" in page


def test_twice_the_same_question_gets_byte_for_byte_the_same_answer() -> None:
    words = [sys.executable, "-m", "qstash_sync", "compile", "-f", "examples/saas", "--now", NOW]
    for style in ("text", "json"):
        answers = {
            subprocess.run(
                [*words, "--format", style], capture_output=True, check=True, cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "TZ": zone},
            ).stdout
            for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
        }  # fmt: skip
        assert len(answers) == 1


def test_the_page_has_every_key_of_the_document() -> None:
    """What it prints is compared by tests/docs/test_pages.py."""
    page = (ROOT / "docs" / "compile.md").read_text()
    for key in one("0 9 * * *", "--timezone", "UTC"):
        assert f"`{key}`" in page, key


# ---------------------------------------------------------------- files

FILE = """\
version: 1
namespace: n
defaults: {timezone: America/New_York, base_url: "${env.APP|plain}"}
queues: {mail: {parallelism: 1}}
schedules:
  daily:
    cron: "0 9 * * *"
    destination: "${env.SECRET_URL}"
    headers: {Authorization: "Bearer ${env.TOKEN}"}
    retries: ${env.RETRIES|plain}
    body_file: not-here.json
  eternal:
    cron: ["0 0 29 2 */7"]
    destination: https://e.com
  kolkata:
    cron: ["0 9 * * *", "0 17 * * *"]
    timezone: Asia/Kolkata
    dst: {strategy: auto, max_parts: 1}
    destination: https://e.com
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "q.yaml"
    path.write_text(FILE)
    return path


def test_a_file_is_compiled_without_account_and_variables_and_failures_keep_to_themselves(
    file: Path,
) -> None:
    found = document("-f", str(file), code=1)
    assert [s["name"] for s in found["schedules"]] == ["daily", "kolkata"]
    assert (
        found["schedules"][0]["parts"]
        == one("0 9 * * *", "--timezone", "America/New_York")["parts"]
    )
    (error,) = found["errors"]
    assert error["message"].startswith('schedules.eternal.cron: "0 0 29 2 */7" does not fire')
    assert (error["file"], error["line"], error["column"]) == (str(file), 13, 5)
    ran = compiled("-f", str(file))
    assert ran.code == 1
    assert ran.out.startswith("daily: 0 9 * * * in America/New_York\n")
    assert "\nkolkata: 0 9 * * *, 0 17 * * * in Asia/Kolkata\n" in ran.out
    assert ran.err.startswith(f"{file}:13:5: error: schedules.eternal.cron: ")
    assert ran.err.count("error:") == 1


def test_names_choose_among_the_schedules_of_a_file(file: Path) -> None:
    found = document("-f", str(file), "--name", "k*", "--name", "daily")
    assert [s["name"] for s in found["schedules"]] == ["daily", "kolkata"]
    ran = compiled("-f", str(file), "--name", "weekly")
    assert ran.code == 64
    assert "no schedule of this name; the files have daily, eternal, kolkata" in ran.err


def test_more_parts_than_allowed_are_shown_and_an_error(file: Path) -> None:
    file.write_text(FILE.replace("Asia/Kolkata", "America/New_York").replace("auto", "split"))
    found = document("-f", str(file), "--name", "kolkata", code=1)
    count = len(found["schedules"][0]["parts"])
    (error,) = found["errors"]
    assert error["message"] == f"schedules.kolkata: needs {count} parts, max_parts is 1"
    assert error["line"] == 16
    ran = compiled("0 9 * * *", "--timezone", "America/New_York", "--max-parts", "1")
    assert ran.code == 1
    assert ran.out.startswith("0 9 * * * in America/New_York")
    assert "parts, max_parts is 1" in ran.err


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_is_compiled_with_its_overrides(environment: str) -> None:
    words = ("-f", str(ROOT / "examples" / "environments"))
    found = document(*words, "-e", environment)
    crons = {s["name"]: s["cron"] for s in found["schedules"]}
    assert crons["sync-stock"] == ("0 * * * *" if environment == "staging" else "*/10 * * * *")
    assert ("year-end" in crons) is (environment == "production")
    ran = compiled(*words)
    assert ran.code == 64
    assert "the file has environments: say which" in ran.err


@pytest.mark.parametrize("path", ["quickstart", "saas"])
def test_every_example_compiles(path: str) -> None:
    assert document("-f", str(ROOT / "examples" / path))["errors"] == []


def test_a_file_from_stdin_and_one_without_schedules_compile(tmp_path: Path) -> None:
    ran = cli("compile", "-f", "-", "--now", NOW, stdin=FILE.replace("0 0 29 2 */7", "0 8 * * *"))
    assert (ran.code, ran.out.count(" in America/New_York")) == (0, 2)
    empty = tmp_path / "empty.yaml"
    empty.write_text("version: 1\nnamespace: n\n")
    assert compiled("-f", str(empty)).out == f"0 schedules, 0 parts; tzdata {TZDATA}.\n"


BROKEN = {
    "an unknown key": ("  a: {corn: 0 9 * * *, destination: 'https://e.com'}", ":5:7: error: schedules.a.corn: unknown key"),
    "a bad cron": ("  a: {cron: 0 25 * * *, destination: 'https://e.com'}", "hour: 25 is out of range 0-23"),
    "an unknown zone": ("  a: {cron: 0 9 * * *, timezone: Europa/Berlin}", "did you mean Europe/Berlin?"),
    "a zone that no variable gives": ("  a: {cron: 0 9 * * *, timezone: '${env.ZONE|plain}'}", "the environment variable ZONE is not set"),
    "a secret cron": ("  a: {cron: '${env.CRON}'}", "schedules.a.cron: a secret cannot stand here"),
    "schedules of the wrong type": ("  5", "schedules: must be a mapping"),
    "a schedule of the wrong type": ("  a: 5", "schedules.a: must be a mapping"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_its_place(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(f"version: 1\nnamespace: n\ndefaults: {{timezone: UTC}}\nschedules:\n{line}\n")
    ran = compiled("-f", str(path))
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err
    found = document("-f", str(path), code=1)
    assert found["schedules"] == []
    told = [f"{error['message']} {error['hint']}" for error in found["errors"]]
    assert any(message.rpartition("error: ")[2] in each for each in told)


# ---------------------------------------------------------------- refusals

REFUSED = {
    "a bad cron": (("0 9 L * *", "--timezone", "UTC"), "'0 9 L * *': day of month: L (last) is not known"),
    "the bad one of two": (("0 9 * * *", "0 24 * * *", "--timezone", "UTC"), "'0 24 * * *': hour: 24 is out of range"),
    "an unquoted cron": (("0", "9", "*", "*", "1", "--timezone", "UTC"), 'quote the whole cron, such as "0 9 * * 1-5"'),
    "a mistyped macro": (("@dayly", "--timezone", "UTC"), "'@dayly' is not known; did you mean @daily?\n"),
    "a macro that is none": (("@reboot", "--timezone", "UTC"), ", @midnight, @hourly\n"),
    "a day that no month has": (("0 0 31 2 *", "--timezone", "UTC"), "error: '0 0 31 2 *' never fires"),
    "a cron that a year may not have": (("0 0 29 2 */7", "--timezone", "UTC"), "does not fire within every year"),
    "native where the parser differs": (("0 9 * * 5", "--timezone", "Africa/Cairo", "--strategy", "native"), "would miss 1 firing,"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compiled_is_one_clear_error(words: tuple[str, ...], message: str) -> None:
    ran = compiled(*words)
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1
    found = document(*words, code=1)
    assert found["schedules"] == []
    (error,) = found["errors"]
    assert error["code"] == "cron"
    assert f"error: {error['message']}\n" == ran.err


MISUSED = {
    "an unknown zone": (("0 9 * * *", "--timezone", "NewYork"), "did you mean America/New_York?"),
    "no zone": (("0 9 * * *",), "give --timezone Europe/Berlin"),
    "a cron and a file": (("0 9 * * *", "-f", "q.yaml"), "leave out -f, or put the cron into the file"),
    "a cron and names": (("0 9 * * *", "--timezone", "UTC", "--name", "a"), "leave out --name"),
    "a file and a zone": (("-f", "q.yaml", "--timezone", "UTC"), "a file says it with timezone"),
    "a file and a strategy": (("-f", "q.yaml", "--strategy", "auto"), "a file says it with dst.strategy"),
    "a file and a renewal": (("--renew-before", "9d"), "a file says it with dst.renew_before"),
    "a renewal that is no duration": (("0 9 * * *", "--timezone", "UTC", "--renew-before", "soon"), "write it like 45d"),
    "a renewal out of range": (("0 9 * * *", "--timezone", "UTC", "--renew-before", "61d"), "1d to 60d"),
    "no such file": (("-f", "nowhere.yaml"), "nowhere.yaml: no such file"),
    "a strategy that is none": (("0 9 * * *", "--strategy", "best"), "'best' is not one of"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "message"), MISUSED.values(), ids=MISUSED)
def test_wrong_usage_is_64_with_the_way_out(words: tuple[str, ...], message: str) -> None:
    ran = compiled(*words)
    assert (ran.code, ran.out) == (64, "")
    assert message in ran.err
    as_json = compiled(*words, "--format", "json")
    assert as_json.code == 64
    assert json.loads(as_json.out)["errors"][0]["code"] == "usage"
