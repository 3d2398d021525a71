"""`--ignore` on the command line, and what plan, drift and apply say of ignored fields."""

import json
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.local.store import Store
from tests.support import HEAD, Ran, cli

FILE = (
    f"{HEAD}queues: {{q: {{}}}}\n"
    "schedules:\n"
    "  a: {cron: 0 9 * * *, destination: 'https://e.example.com/x', headers: {X-A: '1'}}\n"
    "  b: {cron: 0 9 * * *, destination: 'https://e.example.com/y'}\n"
)
SECRET = "sk_theirs_4711"
IGNORE = ("--ignore", "schedules.a.retries", "--ignore", "schedule.*.headers.x-a")


class Home:
    """A file and a local account of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.file, self.plan = folder / "q.yaml", str(folder / "plan.json")
        self.account = folder / "a.db"
        self.file.write_text(FILE)

    def run(self, *words: str) -> Ran:
        """A command line."""
        return cli(*words, "-f", str(self.file), f"--local={self.account}")

    def edit(self, schedule_id: str, **changes: Any) -> None:
        """Somebody's hand."""
        store = Store(self.account)
        stored = store.get("schedule", schedule_id)
        assert stored is not None
        store.put("schedule", schedule_id, {**stored, **changes})
        store.close()

    def stored(self, schedule_id: str) -> dict[str, Any]:
        """What the account holds."""
        store = Store(self.account)
        stored = store.get("schedule", schedule_id)
        store.close()
        assert stored is not None
        return stored


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Applied, and edited by somebody else since."""
    found = Home(tmp_path)
    assert found.run("apply", "--yes").code == 0
    found.edit("billing.a", retries=9, header={"X-A": [SECRET]})
    return found


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("retries", "write it like schedules.daily.retries"),
        ("schedules.a.retrys", "retrys is no field that can be ignored; known: paused, method"),
        ("schedules.a.redact", "redact cannot be left to somebody else: QStash does not show it"),
        ("schedules.zzz.retries", "no schedule of the files has such a name; they have a, b"),
    ],
)
def test_what_cannot_be_ignored_is_wrong_usage(
    home: Home, command: str, option: str, told: str
) -> None:
    ran = home.run(command, "--ignore", option)
    assert ran.code == 64, ran.text
    assert told in " ".join(ran.err.split())


def test_for_one_run_it_is_neither_compared_nor_written(home: Home) -> None:
    assert home.run("plan", "--detailed-exitcode").code == 2
    assert home.run("drift").code == 2
    assert home.run("plan", "--detailed-exitcode", *IGNORE).code == 0
    assert home.run("drift", *IGNORE).code == 0
    home.file.write_text(FILE.replace("/x'", "/z'"))
    ran = home.run("apply", "--yes", *IGNORE, "-v")
    assert ran.code == 0, ran.text
    assert SECRET not in ran.text
    stored = home.stored("billing.a")
    assert (stored["retries"], stored["header"]["X-A"]) == (9, [SECRET])
    assert stored["destination"].endswith("/z")
    assert home.run("plan", "--detailed-exitcode", *IGNORE).code == 0
    ran = home.run("drift")
    assert ran.code == 2
    assert "drifted      schedule a" in ran.out
    assert SECRET not in ran.text


def test_what_is_ignored_is_told_with_v_and_in_json(home: Home) -> None:
    told = "ignored (somebody else's, neither compared nor written):\n    schedule a  retries"
    for command in ("plan", "drift"):
        assert told not in home.run(command, *IGNORE).out
        ran = home.run(command, *IGNORE, "-v")
        assert f"{told}, headers.X-A\n    schedule b  headers.X-A\n" in ran.out
        assert told not in home.run(command, "-v").out
        found = json.loads(home.run(command, *IGNORE, "--format", "json").out)
        assert found["ignored"] == [
            {"kind": "schedule", "name": "a", "fields": ["retries", "headers.X-A"]},
            {"kind": "schedule", "name": "b", "fields": ["headers.X-A"]},
        ]
    home.file.write_text(FILE.replace("queues: {q: {}}", "queues: {q: {ignore: [parallelism]}}"))
    assert "    queue q  parallelism\n" in home.run("plan", "-v").out


def test_a_saved_plan_remembers_it(home: Home) -> None:
    home.file.write_text(FILE.replace("/x'", "/z'"))
    assert home.run("plan", "--save", home.plan, *IGNORE).code == 0
    text = Path(home.plan).read_text()
    assert json.loads(text)["options"]["ignore"] == list(IGNORE[1::2])
    assert SECRET not in text
    assert home.run("apply", home.plan, "--ignore", "schedules.b.retries").code == 64
    ran = home.run("apply", home.plan)
    assert ran.code == 0, ran.text
    stored = home.stored("billing.a")
    assert (stored["retries"], stored["header"]["X-A"]) == (9, [SECRET])


def test_a_saved_plan_does_not_write_another_value_than_the_one_that_is_there(home: Home) -> None:
    """What its owner has made of it since moves no plan, and is not overwritten."""
    home.file.write_text(FILE.replace("/x'", "/z'"))
    assert home.run("plan", "--save", home.plan, *IGNORE).code == 0
    home.edit("billing.a", retries=8)
    assert home.run("apply", home.plan).code == 0
    stored = home.stored("billing.a")
    assert (stored["retries"], stored["destination"][-2:]) == (8, "/z")


def test_a_digest_is_refused_and_nothing_is_written(home: Home) -> None:
    home.edit("billing.a", header={"X-A": ["REDACTED:0123"]})
    home.file.write_text(FILE.replace("/x'", "/z'").replace("/y'", "/w'"))
    ran = home.run("apply", "--yes", *IGNORE)
    assert ran.code == 1
    assert "headers.X-A is ignored, and cannot be kept: the header X-A of billing.a" in " ".join(
        ran.text.split()
    )
    assert home.stored("billing.b")["destination"].endswith("/y")
    assert home.run("apply", "--yes", *IGNORE, "--exclude", "schedules.a").code == 0
