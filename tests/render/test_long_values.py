"""What is too long for a line: whoever approves a change sees what differs."""

from pathlib import Path

import pytest

from qstash_sync.model.change import FieldChange
from qstash_sync.render import text
from tests.support import HEAD, UNLINTED, cli

PATH = "https://a.example.com/api/v2/reports/customers/daily/summary/export?format=csv&limit="
FILE = f"""{UNLINTED}{HEAD}schedules:
  j:
    cron: "0 9 * * *"
    destination: {PATH}LIMIT
    headers: {{X-Filter: "status=open and owner=platform and region=eu-central-1 and age<LIMIT"}}
    body: |
      Dear all, this is the daily report of the sales of yesterday.
      It goes to: team-LIMIT
"""


@pytest.fixture
def changed(tmp_path: Path) -> list[str]:
    """The words of a plan against an account in which three long values are others."""
    words = ["-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}"]
    (tmp_path / "q.yaml").write_text(FILE.replace("LIMIT", "10"))
    assert cli("apply", "--yes", *words).code == 0
    (tmp_path / "q.yaml").write_text(FILE.replace("LIMIT", "20"))
    return words


def test_of_long_values_the_difference_is_shown(changed: list[str]) -> None:
    shown = cli("plan", *changed).out
    for before, after in (
        ("- …export?format=csv&limit=10", "+ …export?format=csv&limit=20"),
        ("- …on=eu-central-1 and age<10", "+ …on=eu-central-1 and age<20"),
        (r"- ….\x0aIt goes to: team-10\x0a", r"+ ….\x0aIt goes to: team-20\x0a"),
    ):
        assert before.split("…")[1] in shown, shown
        assert after.split("…")[1] in shown, shown


@pytest.mark.parametrize("more", [("-v",), ("--format", "markdown")])
def test_field_by_field_nothing_is_cut(changed: list[str], more: tuple[str, ...]) -> None:
    shown = " ".join(cli("plan", *changed, *more).out.split())
    for limit in ("10", "20"):
        assert f"/api/v2/reports/customers/daily/ summary/export?format=csv&limit={limit}" in (
            shown.replace("daily/summary", "daily/ summary")
        )
        assert f"status=open and owner=platform and region=eu-central-1 and age<{limit}" in shown


def test_the_short_line_of_a_comment_says_what_it_was_and_what_it_becomes(
    changed: list[str],
) -> None:
    shown = cli("plan", *changed, "--format", "markdown").out
    head = shown.partition("<details>")[0]
    head = " ".join(head.split())
    assert "destination …?format=csv&limit=10 -> …?format=csv&limit=20" in head


def test_whom_a_new_schedule_calls_is_told_whole(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(FILE.replace("LIMIT", "10"))
    ran = cli("plan", "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    assert f"{PATH}10".removeprefix("https://a.example.com") in ran.out.replace("\n" + " " * 27, "")


SIDES = [
    ("a", "b", "a -> b"),
    (None, "b", "(none) -> b"),
    ("x" * 60, "y" * 60, f"{'x' * 60} -> {'y' * 60}"),
    ("x" * 61, "y" * 61, f"{'x' * 59}… -> {'y' * 59}…"),
    ("x" * 61, "x" * 62, f"…{'x' * 24} -> …{'x' * 25}"),
    ("x" * 80, "x" * 30, f"{'x' * 59}… -> {'x' * 30}"),
    ("x" * 70 + "a", "x" * 70, f"…{'x' * 24}a -> …{'x' * 24}"),
    ("x" * 70 + "a" * 90, "x" * 70 + "b", f"…{'x' * 24}{'a' * 34}… -> …{'x' * 24}b"),
    ("é\n" * 40, "é\n" * 39 + "e", None),
]


@pytest.mark.parametrize(("before", "after", "expected"), SIDES)
def test_two_sides_are_cut_at_one_place(before: str, after: str, expected: str | None) -> None:
    shown = text.sides(FieldChange(path="body", before=before, after=after))
    assert expected is None or shown == expected
    left, _, right = shown.partition(" -> ")
    assert left != right
    assert max(len(left), len(right)) <= 60


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_where_many_change_each_line_has_both_sides(tmp_path: Path, form: str) -> None:
    """Of many changes a text, too, has one line each."""
    words = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    text = UNLINTED + HEAD + "schedules:\n" + "".join(
        f"  j{k}: {{cron: '0 9 * * *', destination: 'https://app.example.com/k/{k}'}}\n" for k in range(30)
    )  # fmt: skip
    (tmp_path / "q.yaml").write_text(text)
    assert cli("apply", "--yes", *words).code == 0
    (tmp_path / "q.yaml").write_text(text.replace("/k/", "/new/"))
    shown = " ".join(cli("plan", *words, "--format", form).out.partition("<details>")[0].split())
    for k in range(30):
        assert f"https://app.example.com/k/{k} -> https://app.example.com/new/{k}" in shown
