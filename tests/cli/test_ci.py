"""The workflows in examples/ci: little trust each, and every shell in them does what it says."""

import itertools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, Served
from tests.fault_server import FaultServer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "ci"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
PULL_REQUEST = "https://github.example.com/acme/jobs/pull/7"
CANARY = "canary-of-the-report-token"
VALUES = {
    "secrets.QSTASH_TOKEN": LOCAL_TOKEN,
    "secrets.QSTASH_READ_ONLY_TOKEN": LOCAL_READ_ONLY_TOKEN,
    "secrets.REPORT_TOKEN": CANARY,
    "github.token": "github-token",
    "github.event.pull_request.html_url": PULL_REQUEST,
}
Step = dict[str, Any]


def steps(name: str) -> Iterator[tuple[str, Step]]:
    """The steps of a workflow with their jobs."""
    for job, content in WORKFLOWS[name]["jobs"].items():
        yield from ((job, step) for step in content["steps"])


def shells() -> dict[str, tuple[str, Step]]:
    """The steps that run a shell and talk to more than pip, by their names, each with its workflow."""
    found = [(name, step) for name in WORKFLOWS for _, step in steps(name) if "run" in step]
    return {step["name"]: (name, step) for name, step in found if step["name"] != "Install"}


# What they may


def test_there_is_one_for_each_of_the_four_jobs() -> None:
    assert sorted(WORKFLOWS) == ["apply", "drift", "plan", "renew"]
    assert {"Validate", "Compile", "Plan", "Comment", "Apply", "Drift", "Renew"} == set(shells())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_the_repository_and_only_a_plan_may_comment(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job, content in workflow["jobs"].items():
        granted = content.get("permissions", workflow["permissions"])
        more = {"pull-requests": "write"} if job == "plan" else {}
        assert granted == {"contents": "read"} | more
        assert content["timeout-minutes"] <= 30
    for _, step in steps(name):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_what_a_pull_request_runs_gets_no_token_that_writes() -> None:
    """`pull_request` and not `pull_request_target`: a fork gets no secret at all."""
    assert list(WORKFLOWS["plan"][True]) == ["pull_request"]  # YAML 1.1 reads `on` as true
    jobs = WORKFLOWS["plan"]["jobs"]
    assert (
        jobs["plan"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    )
    assert "if" not in jobs["check"]
    assert "secrets" not in str(jobs["check"])
    for name in ("plan", "drift"):
        secrets = set(re.findall(r"secrets\.(\w+)", str(WORKFLOWS[name])))
        assert secrets == {"QSTASH_READ_ONLY_TOKEN"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_secret_is_given_to_the_one_step_that_needs_it(name: str) -> None:
    workflow = WORKFLOWS[name]
    outside = [workflow.get("env"), *(job.get("env") for job in workflow["jobs"].values())]
    assert "secrets" not in str(outside)
    holders = [step for _, step in steps(name) if "secrets" in str(step)]
    assert len(holders) == 1
    assert holders[0]["run"].startswith("qstash-sync ")


def test_what_writes_runs_from_main_alone_and_behind_an_environment() -> None:
    groups = []
    for name, environment in (("apply", "production"), ("renew", "production-renewals")):
        (job,) = WORKFLOWS[name]["jobs"].values()
        assert job["environment"] == environment
        assert job["if"] == "github.ref == 'refs/heads/main'"
        groups.append(WORKFLOWS[name]["concurrency"])
    assert (
        groups[0] == groups[1] == {"group": "qstash", "cancel-in-progress": False, "queue": "max"}
    )
    assert WORKFLOWS["apply"][True]["push"]["branches"] == ["main"]


@pytest.mark.parametrize(("name", "fields"), [("drift", 2), ("renew", 3)])
def test_drift_runs_every_night_and_renewals_every_week(name: str, fields: int) -> None:
    (entry,) = WORKFLOWS[name][True]["schedule"]
    assert len([field for field in entry["cron"].split() if field != "*"]) == fields


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_expression_stands_in_a_shell(name: str) -> None:
    """GitHub pastes expressions into the script: a branch's name could be a command."""
    for _, step in steps(name):
        assert "${{" not in step.get("run", "")
        assert len(step.get("run", "").splitlines()) <= 1
    assert WORKFLOWS[name]["defaults"] == {"run": {"shell": "bash"}}


# What they do


@dataclass
class Runner:
    """A machine with the repository of the `saas` example, its account, and the tools on PATH."""

    folder: Path
    account: FaultServer
    url: str

    @property
    def work(self) -> Path:
        """The checkout."""
        return self.folder / "work"

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run one step as GitHub does, with the environment that the workflow gives it."""
        workflow, step = shells()[name]
        given = {**WORKFLOWS[workflow]["env"], **step.get("env", {})}
        return self.shell(step["run"], {key: _filled(value) for key, value in given.items()})

    def shell(self, text: str, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a script; only a step with a token is told where the account is."""
        script = self.folder / "step.sh"
        script.write_text(text)
        address = {"QSTASH_URL": self.url} if "QSTASH_TOKEN" in given else {}
        surroundings = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
        }
        bash = shutil.which("bash")
        assert bash
        return subprocess.run(
            [bash, "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.work, env={**surroundings, **address, **given},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    @property
    def summary(self) -> str:
        """What the run's summary page holds."""
        path = self.folder / "summary.md"
        return path.read_text() if path.exists() else ""

    @property
    def calls(self) -> list[str]:
        """The calls of tools that are only pretended here."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


def _filled(value: str) -> str:
    return re.sub(r"\$\{\{ (.+?) \}\}", lambda match: VALUES[match[1]], value)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A fresh machine and an empty account."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    shutil.copy(ROOT / "examples" / "saas" / "qstash.yaml", tmp_path / "work")
    ours = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m qstash_sync "$@"'
    pretended = f'echo "$(basename "$0") $*" >> "{tmp_path / "calls"}"'
    for name, line in (("qstash-sync", ours), ("gh", pretended), ("python", pretended)):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    with FaultServer() as account, Served(account) as served:
        yield Runner(tmp_path, account, served.url)


def test_the_install_step_installs_what_the_workflow_pins(runner: Runner) -> None:
    for name, workflow in WORKFLOWS.items():
        (install, *_) = [step for _, step in steps(name) if step.get("name") == "Install"]
        assert runner.shell(install["run"], workflow["env"]).returncode == 0
        assert runner.calls[-1] == f"python -m pip install {workflow['env']['QSTASH_SYNC']}"


@pytest.mark.parametrize("name", ["Validate", "Compile"])
def test_a_fork_is_checked_without_any_token(runner: Runner, name: str) -> None:
    assert runner.run(name).returncode == 0
    assert not runner.account.log
    path = runner.work / "qstash.yaml"
    path.write_text(path.read_text().replace("cron:", "corn:", 1))
    assert runner.run(name).returncode == 1


def test_a_comment_is_written_where_there_is_a_plan(runner: Runner) -> None:
    for text in (None, ""):
        if text is not None:
            (runner.work / "plan.md").write_text(text)
        assert runner.run("Comment").returncode == 0
        assert runner.calls == []
    (runner.work / "plan.md").write_text("a plan\n")
    assert runner.run("Comment").returncode == 0
    how = "--edit-last --create-if-none --body-file plan.md"
    assert runner.calls == [f"gh pr comment {PULL_REQUEST} {how}"]


def applied(runner: Runner) -> None:
    assert runner.run("Apply").returncode == 0
    runner.account.forget()


def edited(runner: Runner) -> None:
    """Applied, and then changed in the console."""
    applied(runner)
    key = min(runner.account.console.snapshot()["schedule"])
    runner.account.console.edit("schedule", key, retries=1)


def changed(runner: Runner) -> None:
    """Applied, and then changed in the file."""
    applied(runner)
    path = runner.work / "qstash.yaml"
    path.write_text(path.read_text().replace("retries: 5", "retries: 4"))


def broken(runner: Runner) -> None:
    (runner.work / "qstash.yaml").write_text("version: 1\n")


def fresh(_runner: Runner) -> None:
    pass


# The step, the state before it, its exit code, and whether it writes to the account.
STORY = [
    ("Apply", fresh, 0, True),
    ("Apply", applied, 0, False),
    ("Apply", edited, 0, True),
    ("Apply", changed, 0, True),
    ("Apply", broken, 1, False),
    ("Plan", fresh, 0, False),
    ("Plan", applied, 0, False),
    ("Plan", changed, 0, False),
    ("Plan", broken, 1, False),
    ("Drift", applied, 0, False),
    ("Drift", edited, 2, False),
    ("Drift", broken, 1, False),
    ("Renew", applied, 0, False),
    ("Renew", edited, 0, False),
    ("Renew", changed, 0, False),
    ("Renew", broken, 1, False),
]


@pytest.mark.parametrize(
    ("name", "state", "code", "writes"),
    STORY,
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_each_shell_ends_as_it_says(
    runner: Runner, name: str, state: Any, code: int, *, writes: bool
) -> None:
    state(runner)
    ran = runner.run(name)
    assert ran.returncode == code, ran
    assert bool(runner.account.writes) is writes
    shown = ran.stdout + ran.stderr + runner.summary
    assert not [
        secret for secret in (CANARY, LOCAL_TOKEN, LOCAL_READ_ONLY_TOKEN) if secret in shown
    ]
    if name in ("Plan", "Drift") and code != 1:
        assert runner.summary.strip()
    if name == "Plan":
        assert (runner.work / "plan.md").read_text() == runner.summary


def test_the_steps_of_the_story_are_all_that_need_an_account() -> None:
    told = set(itertools.chain((case[0] for case in STORY), ("Validate", "Compile", "Comment")))
    assert told == set(shells())
