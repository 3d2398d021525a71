"""On a runner of GitHub: annotations at file and line, and the run's summary."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.support import Ran, cli

GOOD = """\
version: 1
namespace: billing
defaults: {destination: https://app.example.com/x, timezone: Europe/Berlin}
schedules:
  a: {cron: "30 2 * * *"}
"""
COMMAND = re.compile(
    r"::(error|warning) (?:file=([^,:]+),line=(\d+),col=(\d+),)?title=qstash-sync::(.+)"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return folder


def run(text: str, *words: str, name: str = "qstash.yaml") -> Ran:
    Path(name).write_text(text)
    local = ["--local=../a.db"] if words[0] != "validate" else []
    given = {name: value for name, value in os.environ.items() if name.startswith("GITHUB_")}
    return cli(*words, "-f", name, *local, "--now", "2026-11-23T12:00Z", environ=given)


def told(ran: Ran) -> list[tuple[str, ...]]:
    commands = [line for line in ran.err.splitlines() if line.startswith("::")]
    found = [COMMAND.fullmatch(line) for line in commands]
    assert all(found), commands
    return [match.groups() for match in found if match]


def summary() -> str:
    path = Path("../summary.md")
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(
    "words",
    [("validate",), ("plan",), ("drift",), ("apply", "--yes"), ("plan", "--format", "json")],
)
def test_an_error_stands_beside_its_line(here: Path, words: tuple[str, ...]) -> None:
    ran = run(GOOD.replace("30 2", "61 2"), *words, name="sub/q.yaml")
    assert ran.code == 1
    ((kind, file, line, column, text),) = told(ran)
    assert (kind, file, line, column) == ("error", "sub/q.yaml", "5", "7")
    assert "out of range" in text
    assert "::" not in ran.out
    if "json" in words:
        json.loads(ran.out)
    assert "It ended in an error" in summary()


def test_a_plan_and_what_became_of_it_are_in_the_summary(here: Path) -> None:
    ran = run(GOOD, "plan")
    assert [(kind, line) for kind, _, line, _, _ in told(ran)] == [
        ("warning", "5")
    ] * 3  # a gap, a fold, and no failure callback
    assert "**Plan: 1 to create" in summary()
    assert run(GOOD, "apply", "--yes").code == 0
    assert "**1 done, 0 not done.**" in summary()
    assert "+ done       create schedule a" in summary()
    assert run(GOOD, "drift").code == 0
    assert "**No differences" in summary()
    assert summary().count("<!-- qstash-sync") == 3


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_a_warning_about_what_does_not_change_stands_beside_no_line(
    here: Path, command: str
) -> None:
    """Each pull request would have it, on lines that nobody has touched."""
    first = run(GOOD, "apply", "--yes")
    assert len(told(first)) == 3
    more = GOOD + '  b: {cron: "30 2 * * *", lint: {disable: [clock_change]}}\n'
    words = (command, "--yes") if command == "apply" else (command,)
    ran = run(GOOD, *words)
    assert (told(ran), "warnings about what does not change" in ran.out) == ([], True)
    assert "### " not in summary().rpartition("<!-- qstash-sync")[2]
    if command == "plan":
        assert len(told(run(GOOD, *words, "-v"))) == 2
    assert {line for _, _, line, _, _ in told(run(more, *words))} == {"6"}


def test_a_difference_stands_beside_its_schedule(here: Path) -> None:
    assert run(GOOD, "apply", "--yes").code == 0
    ran = run(GOOD.replace("30 2", "30 4"), "drift")
    assert ran.code == 2
    assert ("warning", "qstash.yaml", "5") in [one[:3] for one in told(ran)]


def test_who_writes_the_summary_himself_has_it_once(here: Path) -> None:
    ran = run(GOOD, "plan", "--output", f"markdown={here.parent / 'summary.md'}")
    assert ran.code == 0
    assert summary().count("<!-- qstash-sync") == 1


def test_elsewhere_nothing_of_it_is_there(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    ran = run(GOOD.replace("30 2", "61 2"), "plan")
    assert not told(ran)
    assert not summary()


def test_no_more_than_github_shows(here: Path) -> None:
    many = "".join(f"  s{n}: {{cron: '61 * * * *'}}\n" for n in range(30))
    assert len(told(run(GOOD + many, "plan"))) == 10


def test_what_a_file_says_is_no_command(here: Path) -> None:
    name = "sub/a,b:c%.yaml"
    text = GOOD.replace("  a:", '  "x\\n::error::y%0A":')
    ran = run(text, "plan", name=name)
    assert ran.code == 1
    lines = [
        line for line in ran.err.splitlines() if "::" in line and line.lstrip().startswith("::")
    ]
    assert len(lines) == 1
    assert "file=sub/a%2Cb%3Ac%25.yaml," in lines[0]


def test_a_summary_that_cannot_be_written_is_told_and_no_more(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
    ran = run(GOOD, "plan")
    assert ran.code == 0
    assert "the run's summary cannot be written" in ran.err
