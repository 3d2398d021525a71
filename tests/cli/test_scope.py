"""`--target` and `--exclude` on the command line: plan, apply, drift, and saved plans."""

import json
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.local.store import Store
from tests.support import HEAD, Ran, cli

ENTRY = "{cron: 0 9 * * *, destination: 'https://e.example.com/x'}"
FILE = f"{HEAD}queues: {{images: {{}}}}\nschedules: {{a: {ENTRY}, b: {ENTRY}}}\n"
SECTIONS = "the kinds are url_groups, queues, flow_controls, schedules"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """A command line on a file and a local account of the test's own."""
    (tmp_path / "q.yaml").write_text(FILE)

    def ran(*words: str) -> Ran:
        return cli(*words, "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")

    return ran


def edit(tmp_path: Path, schedule_id: str, **changes: Any) -> None:
    store = Store(tmp_path / "a.db")
    stored = store.get("schedule", schedule_id)
    assert stored is not None
    store.put("schedule", schedule_id, {**stored, **changes})
    store.close()


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--target", "a"), f"a: write it like schedules.billing-*; {SECTIONS}"),
        (("--exclude", "topics.a"), f"topics.a: write it like schedules.billing-*; {SECTIONS}"),
        (("--target", "schedules.zzz"), "there is schedules.a, schedules.b"),
        (("--exclude", "queue.imagse"), "did you mean queues.images? there is queues.images"),
    ],
)
def test_a_scope_that_means_nothing_is_wrong_usage(
    run: Any, tmp_path: Path, command: str, words: tuple[str, str], told: str
) -> None:
    ran = run(command, *words)
    assert ran.code == 64, ran.text
    assert f"{words[0]}" in ran.err
    assert words[1] in ran.err
    assert told in " ".join(ran.err.split())
    assert not Store(tmp_path / "a.db").all("schedule")


def test_text_markdown_and_json_say_what_was_left_out(run: Any) -> None:
    words = ("plan", "--target", "schedules.a")
    line = "Left out by --target and --exclude: 2 to create."
    assert line in run(*words).out
    assert line in run(*words, "--format", "markdown").out
    assert "  create queue images\n" in run(*words, "-v").out
    found = json.loads(run(*words, "--format", "json").out)
    assert [(c["kind"], c["name"], c["action"]) for c in found["left_out"]] == [
        ("queue", "images", "create"), ("schedule", "b", "create"),
    ]  # fmt: skip
    assert found["summary_left_out"] == {"create": 2, "update": 0, "delete": 0, "refused": 0}
    assert found["summary"]["create"] == 1
    whole = run("plan")
    assert "Left out" not in whole.out
    assert json.loads(run("plan", "--format", "json").out)["left_out"] == []


def test_exit_codes_judge_what_is_kept(run: Any, tmp_path: Path) -> None:
    assert run("apply", "--yes").code == 0
    edit(tmp_path, "billing.a", retries=9)
    kept, left = ("--target", "schedules.a"), ("--exclude", "schedules.a")
    assert run("plan", "--detailed-exitcode", *kept).code == 2
    assert run("plan", "--detailed-exitcode", *left).code == 0
    assert run("drift", *kept).code == 2
    ran = run("drift", *left)
    assert ran.code == 0
    assert "Left out by --target and --exclude: 1 to update." in ran.out
    assert "Left out by" in run("drift", *left, "--format", "markdown").out
    found = json.loads(run("drift", *left, "--format", "json").out)
    assert [one["name"] for one in found["left_out"]] == ["a"]
    assert [one["name"] for one in found["status"]] == ["images", "b"]
    assert "No changes of what this run is about; 2 unchanged" in run("plan", *left).out


def test_a_reference_that_is_left_out_stops_an_apply_before_the_first_write(
    run: Any, tmp_path: Path
) -> None:
    (tmp_path / "q.yaml").write_text(FILE.replace("a: {", "a: {queue: images, "))
    ran = run("apply", "--yes", "--target", "schedules.*")
    assert ran.code == 1
    assert "images is left out of this run, and not in the account yet" in " ".join(
        ran.text.split()
    )
    assert not Store(tmp_path / "a.db").all("schedule")


def test_a_saved_plan_remembers_its_scope(run: Any, tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    assert run("plan", "--save", plan, "--target", "schedules.a").code == 0
    assert json.loads(Path(plan).read_text())["options"] == {"target": ["schedules.a"]}
    other = run("apply", plan, "--target", "schedules.b")
    assert other.code == 64
    assert "--target: the plan was saved without that" in other.err
    assert run("apply", plan, "--exclude", "schedules.b").code == 64
    ran = run("apply", plan)
    assert ran.code == 0, ran.text
    assert "Left out by --target and --exclude: 2 to create." in ran.out
    stored = Store(tmp_path / "a.db").all("schedule")
    assert [one["scheduleId"] for one in stored] == ["billing.a"]
    assert run("apply", plan, "--target", "schedules.a").code == 0  # done already


def test_a_saved_delete_holds_when_it_is_done_already(run: Any, tmp_path: Path) -> None:
    assert run("apply", "--yes").code == 0
    (tmp_path / "q.yaml").write_text(FILE.replace(f"b: {ENTRY}", "x-b: {}"))
    plan = str(tmp_path / "plan.json")
    assert run("plan", "--save", plan, "--target", "schedule.b").code == 0
    assert run("apply", plan).code == 0
    assert run("apply", plan).code == 0
    assert run("plan", "--target", "schedule.b").code == 64
