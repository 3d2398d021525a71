"""Six hundred messages of one kind are one line, and one of each kind stays as it is."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.render.alike import folded
from tests.support import HEAD, cli

NOW = ("--now", "2026-11-23T12:00Z")


def warning(number: int, message: str = "m", code: str = "time", **more: Any) -> Diagnostic:
    found = Diagnostic(
        severity=Severity.WARNING,
        code=code,
        message=message,
        path=("schedules", f"s{number}"),
        location=Location("q.yaml", number, 3, "the line"),
        hint="do this",
    )
    return replace(found, **more)


def test_many_of_one_fact_are_one_with_the_count_and_the_first_three_places() -> None:
    (one,) = folded(warning(n) for n in range(1, 1201))
    assert one.text == "1,200 times, first at q.yaml:1:3, q.yaml:2:3, q.yaml:3:3: m"
    assert (one.hint, one.location, one.severity) == ("do this", None, Severity.WARNING)


def test_a_few_facts_of_one_code_are_a_line_each() -> None:
    found = folded(warning(n, f"m{n % 3}") for n in range(30))
    assert [one.text.rpartition(": ")[2] for one in found] == ["m0", "m1", "m2"]
    assert all(one.text.startswith("10 times, first at ") for one in found)


def test_very_many_facts_of_one_code_are_one_line_that_shows_the_first() -> None:
    (one,) = folded(warning(n, f"m{n}") for n in range(600))
    assert one.text.startswith("600 like this, first at q.yaml:0:3, ")
    assert one.text.endswith(": m0")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_few_stay_as_they_are(count: int) -> None:
    some = [warning(n) for n in range(count)]
    assert folded(some) == some


def test_what_is_told_once_keeps_its_place_beside_what_is_told_often() -> None:
    often = [warning(n) for n in range(9)]
    found = folded([*often[:4], warning(0, "other", code="zone"), *often[4:], warning(1, "m2")])
    assert [one.code for one in found] == ["time", "time", "zone"]
    assert found[1].path == ("schedules", "s1")


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.DIFFERENCE])
def test_each_error_and_each_difference_is_looked_at_by_itself(severity: Severity) -> None:
    some = [warning(n, severity=severity) for n in range(600)]
    assert folded(some) == some


def unset(number: int, name: str = "TOKEN", **more: Any) -> Diagnostic:
    path = ("schedules", f"s{number}", "headers", "Authorization")
    fact = f"the environment variable {name} is not set"
    error = warning(number, fact, "unset", path=path, severity=Severity.ERROR)
    return replace(error, cause=f"env.{name}", **more)


def test_errors_of_one_cause_are_one_with_the_count_and_the_first_places() -> None:
    found = folded([unset(1), unset(2, "OTHER"), *map(unset, range(3, 22))])
    assert found[0].text == (
        "in 20 places, first at q.yaml:1:3, q.yaml:3:3, q.yaml:4:3:"
        " headers.Authorization: the environment variable TOKEN is not set"
    )
    assert (found[0].hint, found[0].location, found[0].severity) == ("do this", None, "error")
    assert found[1:] == [unset(2, "OTHER")]  # of one place nothing is lost


def test_two_places_of_one_cause_are_one_error_already() -> None:
    (one,) = folded([unset(1), unset(2, path=("schedules", "b", "body", "x"))])
    assert one.text == (
        "in 2 places, first at q.yaml:1:3, q.yaml:2:3: the environment variable TOKEN is not set"
    )


def test_errors_of_one_cause_that_say_something_else_are_apart() -> None:
    """Of another message, code or way out: one mend would not do for both."""
    some = [unset(1), unset(2, message="m"), unset(3, code="x"), unset(4, hint="do that")]
    assert folded(some) == some


def test_a_place_counts_once() -> None:
    callback = unset(1, path=("schedules", "s1", "callback"))
    assert folded([unset(1), callback]) == [unset(1), callback]
    (one,) = folded([unset(1), callback, unset(2)])
    assert one.text.startswith("in 2 places, first at q.yaml:1:3, q.yaml:2:3: ")


def test_without_a_place_the_path_says_what_it_is_about() -> None:
    (one,) = folded(warning(n, location=None) for n in range(6))
    assert "first at schedules.s0, schedules.s1, schedules.s2: m" in one.text
    (one,) = folded(warning(n, location=None, path=()) for n in range(6))
    assert one.text == "6 times: m"


MANY = HEAD + "lint: {disable: [no_failure_callback, peak_minute]}\n" + "schedules:\n" + "".join(
    f"  s{k}: {{cron: '30 2 * * *', timezone: Europe/Berlin, destination: 'https://e.example.com/{k}'}}\n"
    for k in range(600)
)  # fmt: skip


@pytest.mark.parametrize(
    "words", [("validate",), ("plan",), ("plan", "--format", "markdown"), ("drift",)], ids=" ".join
)
def test_no_view_prints_hundreds_of_lines_of_one_warning(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(MANY)
    local = [f"--local={tmp_path / 'a.db'}"] * (words[0] != "validate")
    ran = cli(*words, "-f", str(file), *local, *NOW)
    lines = ran.text.splitlines()
    begin = next(n for n, line in enumerate(lines) if "600 times" in line)
    after = (n for n, line in enumerate(lines[begin:]) if line.startswith("<details>"))
    assert next(after, len(lines) - begin) <= 22
    whole = cli(words[0], "-f", str(file), *local, *NOW, "--format", "json")
    assert whole.out.count("does not exist in Europe/Berlin") == 600


UNSET = HEAD + "schedules:\n" + "".join(
    f"  s{k}: {{cron: '0 9 * * *', destination: 'https://e.example.com/{k}', headers: {{Authorization: 'Bearer ${{env.A_TOKEN}}'}}}}\n"
    for k in range(20)
)  # fmt: skip
ONE_CAUSE = [
    ("a secret", UNSET, "the environment variable A_TOKEN is not set", 20),
    ("a plain one", UNSET.replace("A_TOKEN}", "A_TOKEN|plain}"), "the environment variable A_TOKEN is not set", 20),
    ("of the file", UNSET.replace("env.A", "var.A"), "the variable A_TOKEN is not defined", 20),
    ("a zone", UNSET.replace("timezone: UTC", "retries: 1").replace("Authorization: 'Bearer ${env.A_TOKEN}'", "X-A: b"), "timezone: this key is missing", 20),
    ("a base", UNSET.replace("https://e.example.com/", "/").replace("Authorization: 'Bearer ${env.A_TOKEN}'", "X-A: b"), "destination: a URL must start with https://", 20),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "text", "fact", "count"), ONE_CAUSE, ids=[one[0] for one in ONE_CAUSE]
)
def test_a_mistake_of_one_cause_is_told_once_to_people_and_each_time_to_programs(
    tmp_path: Path, _id: str, text: str, fact: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a.db'}"
    file.write_text(text)
    for form in ("text", "markdown", "html"):
        ran = cli("plan", "-f", str(file), local, *NOW, "--format", form)
        shown = " ".join(ran.text.split())
        assert (ran.code, shown.count(f"in {count} places, first at")) == (1, 1), ran
        assert shown.count(fact) == 1
        assert re.search(r"\b1 error\b", shown)
    assert (
        len(json.loads(cli("plan", "-f", str(file), local, *NOW, "--format", "json").out)["errors"])
        == count
    )
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ran = cli("plan", "-f", str(file), local, *NOW, environ={"GITHUB_ACTIONS": "true"})
    assert ran.err.count("::error ") == 10  # beside each line, as many as GitHub shows


@pytest.mark.parametrize("key", ["cron", "destination"])
def test_what_each_schedule_has_of_its_own_is_told_of_each(tmp_path: Path, key: str) -> None:
    file = tmp_path / "q.yaml"
    entry = {"cron": "cron: '0 9 * * *', ", "destination": "destination: 'https://e.com/x', "}
    rest = "".join(value for name, value in entry.items() if name != key)
    file.write_text(
        f"{HEAD}schedules:\n" + "".join(f"  s{k}: {{{rest}retries: 1}}\n" for k in range(9))
    )
    ran = cli("validate", "-f", str(file))
    assert ran.err.count(f"{key}: this key is missing") == 9


def test_information_is_not_counted_as_a_warning(tmp_path: Path) -> None:
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a.db'}"
    text = (
        HEAD
        + "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.example.com/x', paused: true}}\n"
    )
    file.write_text(text)
    assert cli("apply", "--yes", "-f", str(file), local, *NOW).code == 0
    file.write_text(text.replace(", paused: true", ""))
    ran = cli("plan", "--format", "markdown", "-f", str(file), local, *NOW)
    assert "### 1 thing to know" in ran.out
    assert "warning" not in ran.out


def test_what_is_refused_is_counted_alike_in_every_format(tmp_path: Path) -> None:
    """No update: nothing is written of it. Few and many, of the run and left out of it."""
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a.db'}"
    entries = MANY.splitlines(keepends=True)
    for count in (4, 60):
        text = "".join(entries[: len(entries) - 600 + count]).replace("30 2", "0 9")
        file.write_text(text)
        assert cli("apply", "--yes", "-f", str(file), local, *NOW).code == 0
        file.write_text(f"environments: {{production: {{}}}}\n{text}")
        words = ("plan", "-e", "production", "-f", str(file), local, *NOW)
        data = json.loads(cli(*words, "--format", "json").out)
        assert data["summary"]["update"] == 0
        assert data["summary"]["refused"] == count
        for more in ((), ("-v",), ("--format", "markdown"), ("--format", "html")):
            shown = cli(*words, *more).out
            assert f"0 to update, 0 to delete; {count} refused" in shown, more
            assert f"{count} to update" not in shown, more
        data = json.loads(cli(*words, "--exclude", "*.*", "--format", "json").out)
        assert data["summary_left_out"]["refused"] == count
        assert f"Left out by --target and --exclude: {count} refused." in (
            " ".join(cli(*words, "--exclude", "*.*").text.split())
        )


def test_a_file_that_gets_environments_is_refused_in_one_entry(tmp_path: Path) -> None:
    """All schedules carry the mark of no environment then, further parts too: no strays."""
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a.db'}"
    text = "".join(MANY.splitlines(keepends=True)[:-540]).replace("30 2", "0 9")
    file.write_text(text)
    assert cli("apply", "--yes", "-f", str(file), local, *NOW).code == 0
    file.write_text(f"environments: {{production: {{}}}}\n{text}")
    for more in ((), ("--format", "markdown"), ("-v",)):
        ran = cli("plan", "-e", "production", "-f", str(file), local, *NOW, *more)
        assert ran.code == 3
        shown = " ".join(ran.text.split())
        assert "looks like a part" not in shown
        if more != ("-v",):
            assert "each carries the mark of another environment or namespace" in shown
            assert len(ran.text.splitlines()) < 40
    assert (
        cli("apply", "--yes", "-e", "production", "--adopt", "*", "-f", str(file), local, *NOW).code
        == 0
    )
    assert "No changes" in cli("plan", "-e", "production", "-f", str(file), local, *NOW).text


def test_the_example_is_that_of_its_first_place() -> None:
    """Found by name, s10 before s2: the words are of the place that is told first."""
    found = [warning(n, f"m{n}") for n in (10, 2, 20, 30, 40, 50)]
    (one,) = folded([replace(found[0], location=None), *found[1:], found[0]])
    assert one.text.startswith("7 like this, first at schedules.s10, ")
    (one,) = folded([*found, replace(found[0], location=None, path=())])
    assert "first at q.yaml:2:3, q.yaml:10:3" in one.text
    assert one.text.endswith(": m2")
    (one,) = folded(replace(each, hint=each.message) for each in found)
    assert (one.text.endswith(": m2"), one.hint) == (True, "m2")
