"""`lint:` of a file: what it disables, for how long, what it makes an error of, and who is asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from qstash_sync.lint import judge
from qstash_sync.model.diagnostics import Diagnostic, Severity
from tests.support import build, cli, config, messages

HEAD = "version: 1\nnamespace: shop\ndefaults: {timezone: UTC, retries: 3, timeout: 60s}\n"
JOB = "{cron: '0 9 * * *', destination: https://app.example.com/job"
FINDING = "[no_failure_callback]"


def validate(tmp_path: Path, schedules: str, *words: str, head: str = HEAD) -> tuple[int, str, str]:
    path = tmp_path / "qstash.yaml"
    path.write_text(f"{head}schedules:\n{schedules}")
    ran = cli("validate", "-f", str(path), "--now", "2026-11-26", *words)
    return ran.code, ran.out, ran.err


def test_a_finding_is_told_with_its_code_and_fails_nothing(tmp_path: Path) -> None:
    code, out, err = validate(tmp_path, f"  job: {JOB}}}\n")
    assert code == 0
    assert out == "Valid: 1 file.\n"
    assert f"are used up {FINDING}" in err


@pytest.mark.parametrize(
    ("fail_on", "level", "expected"),
    [
        ("error", "", 0), ("warning", "", 2), ("none", "", 0),
        ("error", "error: no_failure_callback", 2), ("none", "error: no_failure_callback", 0),
        ("warning", "disable: no_failure_callback", 0),
    ],
)  # fmt: skip
def test_fail_on_and_the_levels_of_the_file(
    fail_on: str, level: str, expected: int, tmp_path: Path
) -> None:
    head = f"{HEAD}lint: {{{level}}}\n"
    code, out, err = validate(tmp_path, f"  job: {JOB}}}\n", "--fail-on", fail_on, head=head)
    assert code == expected
    assert ("1 finding fails it" in out) == (expected == 2)
    assert (FINDING in err) == ("disable" not in level)


@pytest.mark.parametrize(
    ("own", "of_file", "expected"),
    [
        ("disable: no_failure_callback", "error: no_failure_callback", 0),  # a schedule's own word
        ("error: [no_failure_callback]", "disable: [no_failure_callback]", 2),
        ("disable: no_failure_callback, until: 2026-11-26", "error: no_failure_callback", 0),
        ("disable: no_failure_callback, until: 2026-11-25", "error: no_failure_callback", 2),
        ("disable: no_failure_callback, until: 2026-11-25", "disable: no_failure_callback", 0),
    ],
)
def test_a_schedule_has_its_own_word_for_as_long_as_it_says(
    own: str, of_file: str, expected: int, tmp_path: Path
) -> None:
    head = f"{HEAD}lint: {{{of_file}}}\n"
    code, _, err = validate(tmp_path, f"  job: {JOB}, lint: {{{own}}}}}\n", head=head)
    assert code == expected
    assert ("its lint.until, 2026-11-25, is over" in err) == ("25" in own and expected == 2)


def test_a_word_about_one_schedule_is_not_about_another(tmp_path: Path) -> None:
    own = "lint: {disable: no_failure_callback}"
    _, _, err = validate(tmp_path, f"  a: {JOB}, {own}}}\n  b: {JOB}}}\n")
    assert "schedules.b: " in err
    assert "schedules.a: " not in err


def test_what_the_compiler_warns_of_is_lint_too(tmp_path: Path) -> None:
    night = "{cron: '30 2 * * *', timezone: Europe/Berlin, destination: https://a.example.com/j, failure_callback: https://a.example.com/f"
    _, _, err = validate(tmp_path, f"  job: {night}}}\n")
    assert err.count("[clock_change]") == 2
    code, _, err = validate(tmp_path, f"  job: {night}, lint: {{disable: clock_change}}}}\n")
    assert (code, err) == (0, "")
    code, _, _ = validate(tmp_path, f"  job: {night}, lint: {{error: clock_change}}}}\n")
    assert code == 2


@pytest.mark.parametrize("cron", ["0 0 1-31 * 1", "0 0 1 * 1-7", "0 0 31 * 0-6", "0 0 1-31 2 1"])
def test_a_job_that_fires_daily_against_one_of_its_day_fields_is_found(
    cron: str, tmp_path: Path
) -> None:
    job = JOB.replace("0 9 * * *", cron) + ", failure_callback: https://a.example.com/f}"
    code, _, err = validate(tmp_path, f"  job: {job}\n", "--fail-on", "warning")
    assert code == 2
    of = " of its months" if " 2 " in cron else ""
    told = " ".join(err.split())
    assert f"so it fires every day{of}; write * in place of that field [both_days]" in told


@pytest.mark.parametrize(
    ("lint", "message"),
    [
        ("{disable: no_failure_calback}", "did you mean no_failure_callback?"),
        ("{disable: [twin]}", "'twin' is not one of"),
        ("{until: 2026-13-01}", "'2026-13-01' is not a date | write it like 2027-01-31"),
        ("{disabled: no_timeout}", "unknown key"),
    ],
)
def test_what_lint_does_not_know_is_an_error_at_its_place(lint: str, message: str) -> None:
    found = messages(f"{HEAD}schedules:\n  job: {JOB}, lint: {lint}}}\n")
    assert len(found) == 1
    assert message in found[0]
    assert found[0].startswith("q.yaml:5:")


BOTH = "{disable: [no_timeout, late_day], error: [late_day]}"


@pytest.mark.parametrize(
    ("lint", "message"),
    [
        (BOTH, "late_day is in disable and in error | keep it in one of the two"),
        ("{until: 2027-01-31}", "until is the last day of disable, and nothing is disabled"),
        ("{error: late_day, until: 2027-01-31}", "until is the last day of disable"),
        ("{disable: peak_minute}", "peak_minute is about all schedules together"),
        ("{error: [daily_messages]}", "write it at the top of the file: lint: {error: [daily_messages]}"),
        ("{disable: [queue_parallelism]}", "queue_parallelism is about a queue"),
    ],
)  # fmt: skip
def test_a_word_of_a_schedule_that_would_do_nothing_is_an_error(lint: str, message: str) -> None:
    (found,) = messages(f"{HEAD}schedules:\n  job: {JOB}, lint: {lint}}}\n")
    assert message in found
    assert found.startswith("q.yaml:5:")
    head = HEAD.replace("retries: 3", f"retries: 3, lint: {lint}")
    (found,) = messages(f"{head}schedules:\n  a: {JOB}}}\n  b: {JOB}}}\n")
    assert message in found
    assert found.startswith("q.yaml:3:")


def test_a_contradiction_at_the_top_is_one_too() -> None:
    (found,) = messages(f"{HEAD}lint: {BOTH}\nschedules: {{}}\n")
    assert found.startswith("q.yaml:4:")
    assert "lint: late_day is in disable and in error" in found


def test_a_schedule_contradicts_its_defaults_as_it_likes() -> None:
    head = HEAD.replace("retries: 3", "retries: 3, lint: {disable: late_day}")
    assert messages(f"{head}schedules:\n  a: {JOB}, lint: {{error: late_day}}}}\n") == []


def test_the_day_of_until_is_one_of_utc() -> None:
    """One day for a whole file, on whatever machine and of whatever zones its schedules are."""
    word = "lint: {disable: late_day, until: 2026-11-25}"
    job = JOB.replace("0 9 * *", "0 9 31 *")
    desired = config(f"{HEAD}schedules:\n  a: {job}, timezone: Asia/Tokyo, {word}}}\n").desired
    for hour, count in ((23, 0), (24, 1)):
        now = datetime(2026, 11, 25, tzinfo=UTC) + timedelta(hours=hour)
        found = judge.leveled(judge.findings(desired, now), desired, now)
        assert sum(one.code == "late_day" for one in found) == count


def test_a_file_has_no_until() -> None:
    built, found = build(
        f"{HEAD}lint: {{disable: no_timeout, until: 2027-01-01}}\nschedules: {{}}\n"
    )
    assert built is None
    assert [(f.code, f.path) for f in found] == [("unknown_key", ("lint", "until"))]


def test_v_shows_each_finding_by_itself(tmp_path: Path) -> None:
    jobs = "".join(f"  j{n}: {JOB}}}\n" for n in range(7))
    assert validate(tmp_path, jobs)[2].count(FINDING) == 1
    assert validate(tmp_path, jobs, "-v")[2].count(FINDING) == 7


def test_notes_are_counted_and_shown_with_v(tmp_path: Path) -> None:
    head = "version: 1\nnamespace: shop\ndefaults: {timezone: UTC}\n"
    job = f"{JOB}, failure_callback: https://a.example.com/f}}"
    _, _, err = validate(tmp_path, f"  job: {job}\n", head=head)
    assert err == "2 notes beside: -v\n"
    _, _, err = validate(tmp_path, f"  job: {job}\n", "-v", head=head)
    assert "[default_retries]" in err
    assert "[no_timeout]" in err
    _, _, err = validate(tmp_path, f"  job: {job}\n", head=f"{head}lint: {{error: no_timeout}}\n")
    assert "error: schedules.job: no timeout" in err


# ---------------------------------------------------------------- plan and apply


def plan(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    ran = cli("plan", "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path}/a.db", *words)
    return ran.code, ran.out, ran.err


def write(tmp_path: Path, schedules: str, lint: str = "") -> None:
    (tmp_path / "q.yaml").write_text(f"{HEAD}{lint}schedules:\n{schedules}")


def apply(tmp_path: Path, *words: str) -> int:
    path = str(tmp_path / "q.yaml")
    return cli("apply", "--yes", "-f", path, f"--local={tmp_path}/a.db", *words).code


def test_a_plan_tells_findings_of_what_it_changes_and_of_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, f"  a: {JOB}}}\n")
    assert plan(tmp_path)[1].count(FINDING) == 1
    assert apply(tmp_path) == 0
    assert FINDING not in plan(tmp_path)[1]
    write(tmp_path, f"  a: {JOB}}}\n  b: {JOB}}}\n")
    assert plan(tmp_path)[1].count(FINDING) == 1
    assert plan(tmp_path)[1].count("schedules.b: no failure_callback") == 1


def test_an_error_of_lint_stops_plan_and_apply_unless_it_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, f"  a: {JOB}}}\n")
    assert apply(tmp_path) == 0
    strict = "lint: {error: no_failure_callback}\n"
    write(tmp_path, f"  a: {JOB}}}\n", strict)
    assert plan(tmp_path)[0] == 0  # it is there already: nothing of this run
    write(tmp_path, f"  a: {JOB}}}\n  b: {JOB}}}\n", strict)
    assert plan(tmp_path)[0] == 3
    assert apply(tmp_path) == 3
    assert apply(tmp_path, "--fail-on", "none") == 0
    assert plan(tmp_path, "--detailed-exitcode")[0] == 0


def test_fail_on_warning_stops_a_plan(tmp_path: Path) -> None:
    write(tmp_path, f"  a: {JOB}}}\n")
    assert plan(tmp_path, "--fail-on", "warning")[0] == 3
    code, out, _ = plan(tmp_path, "--fail-on", "warning", "--format", "json")
    assert code == 3
    assert '"code": "no_failure_callback"' in out


def test_an_approved_plan_is_not_judged_again(tmp_path: Path) -> None:
    lint = "lint: {disable: no_failure_callback, until: 2026-11-26}"
    write(tmp_path, f"  a: {JOB}, {lint}}}\n", "lint: {error: no_failure_callback}\n")
    saved = str(tmp_path / "plan.json")
    code, _, _ = plan(tmp_path, "--save", saved, "--now", "2026-11-26")
    assert code == 0
    path = str(tmp_path / "q.yaml")
    words = (
        "apply",
        saved,
        "--yes",
        "-f",
        path,
        f"--local={tmp_path}/a.db",
        "--now",
        "2026-11-27T00:00Z",
    )
    assert cli(*words).code == 0
    assert cli(*words, "--fail-on", "warning").code == 0  # which says nothing here


@pytest.mark.parametrize("name", ["quickstart", "saas", "environments", "previews"])
def test_the_examples_give_no_cause(name: str) -> None:
    path = str(Path(__file__).parents[2] / "examples" / name)
    ran = cli("validate", "--mock-env", "-f", path, "--fail-on", "warning", "--now", "2026-11-26")
    assert ran.code == 0, ran.err


def test_a_finding_of_a_queue_is_told_when_the_queue_changes(tmp_path: Path) -> None:
    queue = "queues: {q: {parallelism: %d}, r: {parallelism: 3}}\n"
    (tmp_path / "q.yaml").write_text(HEAD + queue % 1)
    assert apply(tmp_path) == 0
    (tmp_path / "q.yaml").write_text(HEAD + queue % 2)
    code, out, _ = plan(tmp_path, "--fail-on", "warning")
    assert (code, out.count("[queue_parallelism]")) == (3, 1)
    assert "queues.q.parallelism" in out


def test_a_word_about_lint_changes_nothing_in_the_account(tmp_path: Path) -> None:
    write(tmp_path, f"  a: {JOB}}}\n")
    assert apply(tmp_path) == 0
    own = "lint: {disable: no_failure_callback, until: 2027-01-01}"
    write(tmp_path, f"  a: {JOB}, {own}}}\n", "lint: {error: peak_minute}\n")
    assert plan(tmp_path, "--detailed-exitcode")[0] == 0


def test_what_is_no_finding_stays_as_it_is_whatever_it_is_about() -> None:
    text = f"{HEAD}lint: {{error: peak_minute}}\nschedules:\n  a: {JOB}}}\n"
    desired = config(text).desired
    found = [
        Diagnostic(code="x", message="m", path=path)
        for path in ((), ("schedules",), ("schedules", "a"), ("owns", "queues"))
    ]
    now = datetime(2026, 11, 26, tzinfo=UTC)
    assert list(judge.leveled(found, desired, now)) == found
    assert list(judge.stopping(found, Severity.WARNING, {("schedules", "a")})) == found


def test_drift_does_not_lint(tmp_path: Path) -> None:
    write(tmp_path, f"  a: {JOB}}}\n")
    assert apply(tmp_path) == 0
    write(tmp_path, f"  a: {JOB}}}\n  b: {JOB}}}\n", "lint: {error: no_failure_callback}\n")
    ran = cli("drift", "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path}/a.db")
    assert ran.code == 2
    assert FINDING not in ran.out + ran.err
