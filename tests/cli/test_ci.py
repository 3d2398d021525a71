"""The workflows in examples/ci: little trust each, and every shell in them does what it says."""

import json
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
CANARY = "canary-of-the-report-token"
NUMBER = "7"
VALUES = {
    "secrets.PREVIEW_QSTASH_TOKEN": LOCAL_TOKEN,
    "github.repository": "acme/jobs",
    "github.event.number": NUMBER,
    "secrets.QSTASH_TOKEN": LOCAL_TOKEN,
    "secrets.QSTASH_READ_ONLY_TOKEN": LOCAL_READ_ONLY_TOKEN,
    "secrets.REPORT_TOKEN": CANARY,
    "github.token": "github-token",
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


def test_there_is_one_for_each_of_the_jobs() -> None:
    assert sorted(WORKFLOWS) == ["apply", "approved", "drift", "plan", "preview", "renew"]
    named = {"Validate", "Compile", "Plan", "Comment", "Apply", "Drift", "Renew", "Save"}
    assert named | {"Carry out", "Preview", "Destroy"} == set(shells())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_the_repository_and_only_a_plan_may_comment(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job, content in workflow["jobs"].items():
        granted = content.get("permissions", workflow["permissions"])
        more = {"pull-requests": "write"} if (name, job) == ("plan", "plan") else {}
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
        assert secrets_of(WORKFLOWS[name]) == {"QSTASH_READ_ONLY_TOKEN"}
    # A preview writes, with the token of an account that is for previews alone.
    assert secrets_of(WORKFLOWS["preview"]) == {"PREVIEW_QSTASH_TOKEN"}
    assert list(WORKFLOWS["preview"][True]) == ["pull_request"]
    for job in WORKFLOWS["preview"]["jobs"].values():
        assert "head.repo.full_name == github.repository" in job["if"]


def secrets_of(content: Any) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", str(content)))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_secret_is_given_to_the_one_step_that_needs_it(name: str) -> None:
    workflow = WORKFLOWS[name]
    outside = [workflow.get("env"), *(job.get("env") for job in workflow["jobs"].values())]
    assert "secrets" not in str(outside)
    for job in workflow["jobs"].values():
        holders = [step for step in job["steps"] if "secrets" in str(step)]
        assert len(holders) == ("secrets" in str(job))
        assert all(step["run"].startswith("qstash-sync ") for step in holders)


def test_what_writes_runs_from_main_alone_and_behind_an_environment() -> None:
    alone = {"group": "qstash", "cancel-in-progress": False, "queue": "max"}
    environments = {
        "apply": ["production"],
        "approved": ["production-plans", "production"],
        "renew": ["production-renewals"],
    }
    for name, wanted in environments.items():
        first, *rest = WORKFLOWS[name]["jobs"].values()
        assert first["if"] == "github.ref == 'refs/heads/main'"
        assert all(job["needs"] == "plan" for job in rest)
        assert [job["environment"] for job in (first, *rest)] == wanted
        assert WORKFLOWS[name]["concurrency"] == alone
    for name in ("apply", "approved"):
        assert WORKFLOWS[name][True]["push"]["branches"] == ["main"]
    planning, _ = WORKFLOWS["approved"]["jobs"].values()
    assert "QSTASH_TOKEN" not in secrets_of(planning)  # only the read-only one


@pytest.mark.parametrize(("name", "fields"), [("drift", 2), ("renew", 3)])
def test_drift_runs_every_night_and_renewals_every_week(name: str, fields: int) -> None:
    (entry,) = WORKFLOWS[name][True]["schedule"]
    assert len([field for field in entry["cron"].split() if field != "*"]) == fields


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_expression_stands_in_a_shell(name: str) -> None:
    """GitHub pastes expressions into the script: a branch's name could be a command."""
    for _, step in steps(name):
        assert "${{" not in step.get("run", "")
        most = 9 if step.get("name") == "Comment" else 1
        assert len(step.get("run", "").splitlines()) <= most
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
            "GITHUB_ACTIONS": "true",
            "GITHUB_BASE_REF": "main",
            "GITHUB_WORKSPACE": str(self.work),
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


def repository(folder: Path) -> None:
    """A clone, as `actions/checkout` leaves it."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "x"],
                  ["update-ref", "refs/remotes/origin/main", "HEAD"]):  # fmt: skip
        subprocess.run(["git", *words], cwd=folder, check=True, env={"PATH": "/usr/bin:/bin"})


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A fresh machine and an empty account."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "work").mkdir()
    shutil.copy(ROOT / "examples" / "saas" / "qstash.yaml", tmp_path / "work")
    repository(tmp_path / "work")
    account = FaultServer()
    ours = f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m qstash_sync "$@"'
    pretended = f'echo "$(basename "$0") $*" >> "{tmp_path / "calls"}"'
    gh = f'exec "{sys.executable}" "{Path(__file__).with_name("gh.py")}" "{tmp_path}" "$@"'
    for name, line in (("qstash-sync", ours), ("gh", gh), ("python", pretended)):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    with account, Served(account) as served:
        yield Runner(tmp_path, account, served.url)


def test_the_install_step_installs_what_the_workflow_pins(runner: Runner) -> None:
    for name, workflow in WORKFLOWS.items():
        for step in [step for _, step in steps(name) if step.get("name") == "Install"]:
            assert runner.shell(step["run"], workflow["env"]).returncode == 0
            assert runner.calls[-1] == f"python -I -m pip install {workflow['env']['QSTASH_SYNC']}"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the variable may name: a clone, a tag of a repository, and a wheel."""
    folder = tmp_path_factory.mktemp("sources")
    clone = folder / "clone"
    clone.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    shutil.copytree(ROOT / "qstash_sync", clone / "qstash_sync")
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "1"], ["tag", "v1.2.3"]):
        subprocess.run([*git, *words], check=True)
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "-w", str(folder), str(clone)], check=True)
    (built,) = folder.glob("*.whl")
    return {"clone": str(clone), "tag": f"git+file://{clone}@v1.2.3", "wheel": str(built)}


@pytest.mark.parametrize("form", ["clone", "tag", "wheel"])
def test_a_clone_a_tag_and_a_wheel_can_be_installed(
    runner: Runner, sources: dict[str, str], form: str
) -> None:
    """With the real pip, and with what is installed here in place of a network."""
    (runner.folder / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    target = str(runner.folder / "installed")
    (install, *_) = [step for _, step in steps("plan") if step.get("name") == "Install"]
    given = {
        **offline,
        "PIP_TARGET": target,
        "HOME": str(runner.folder),
        "QSTASH_SYNC": sources[form],
    }
    ran = runner.shell(install["run"], given)
    assert ran.returncode == 0, ran
    code = "import qstash_sync, sys; sys.exit(qstash_sync.__file__.count(sys.argv[1]) != 1)"
    words = [sys.executable, "-c", code, target]
    assert subprocess.run(words, env={"PYTHONPATH": target}, cwd="/", check=False).returncode == 0


ACTION = re.compile(r"- uses: (\S+)@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_say_which_release_that_is(name: str) -> None:
    text = (FOLDER / f"{name}.yml").read_text()
    assert text.count("uses:") == len(ACTION.findall(text))


@pytest.mark.parametrize("name", ["Validate", "Compile"])
def test_a_fork_is_checked_without_any_token(runner: Runner, name: str) -> None:
    assert runner.run(name).returncode == 0
    assert not runner.account.log
    path = runner.work / "qstash.yaml"
    path.write_text(path.read_text().replace("cron:", "corn:", 1))
    assert runner.run(name).returncode == 1


MARKER = "<!-- qstash-sync plan -->"


def comments(runner: Runner, *made: tuple[str, str]) -> list[tuple[str, str]]:
    """The comments after a run of the step: who wrote each, and what."""
    path = runner.folder / "comments.json"
    found = [{"id": n, "user": {"login": who}, "body": body} for n, (who, body) in enumerate(made)]
    path.write_text(json.dumps(found))
    ran = runner.run("Comment")
    assert ran.returncode == 0, ran
    return [(item["user"]["login"], item["body"]) for item in json.loads(path.read_text())]


BOT = "github-actions[bot]"
needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="gh has jq inside, this has not")


def test_without_a_plan_there_is_no_comment(runner: Runner) -> None:
    for text in (None, ""):
        if text is not None:
            (runner.work / "plan.md").write_text(text)
        assert comments(runner) == []


@needs_jq
def test_a_comment_is_ours_by_its_first_line_and_its_author(runner: Runner) -> None:
    """Not by being the bot's last one: other workflows comment as the same bot."""
    page = f"{MARKER}\na plan\n"
    (runner.work / "plan.md").write_text(page)
    others = [
        (BOT, "coverage: 97 %"),
        ("mallory", f"{MARKER}\nnot ours"),
        (BOT, "<!-- qstash-sync plan production -->\nof another environment"),
        (BOT, f"quoted: {MARKER}"),
    ]
    assert comments(runner, *others) == [*others, (BOT, page)]
    old = (BOT, f"{MARKER}\nan older plan")
    assert comments(runner, others[0], old, *others[1:]) == [others[0], (BOT, page), *others[1:]]
    assert comments(runner, old, old) == [(BOT, page), old]


@needs_jq
@pytest.mark.parametrize("state", ["fresh", "broken"])
def test_what_a_plan_writes_begins_with_the_line_that_is_looked_for(
    runner: Runner, state: str
) -> None:
    """An error, too, takes the place of the last plan."""
    globals()[state](runner)
    runner.run("Plan")
    ((who, body),) = comments(runner, (BOT, f"{MARKER}\nan older plan"))
    assert (who, body) == (BOT, (runner.work / "plan.md").read_text())
    assert body.startswith(f"{MARKER}\n")


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
        assert runner.summary.endswith((runner.work / "plan.md").read_text())


def in_folder(runner: Runner) -> None:
    """The file's parts in qstash/, as the variable may say."""
    (runner.work / "qstash").mkdir()
    (runner.work / "qstash.yaml").rename(runner.work / "qstash" / "qstash.yaml")


def test_files_and_environment_are_variables_of_every_workflow(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_folder(runner)
    path = runner.work / "qstash" / "qstash.yaml"
    token = (
        f"environments: {{production: {{token: '${{env.QSTASH_TOKEN}}', url: '{runner.url}'}}}}\n"
    )
    path.write_text(path.read_text() + token)
    for name in set(WORKFLOWS) - {"preview"}:
        chosen = {"FILES": "qstash", "TARGET": "-e production"}
        monkeypatch.setitem(WORKFLOWS[name], "env", {**WORKFLOWS[name]["env"], **chosen})
    for name in ("Validate", "Compile", "Plan", "Save", "Carry out", "Drift", "Renew"):
        ran = runner.run(name)
        assert ran.returncode == 0, (name, ran)
    assert (runner.work / "plan.md").read_text().startswith("<!-- qstash-sync plan production -->")
    assert runner.account.store.count("schedule") > 0


@pytest.mark.parametrize("name", sorted(set(WORKFLOWS) - {"preview"}))
def test_where_an_environment_can_be_named_so_is_its_token(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With environments QSTASH_TOKEN is not read; what a comment says to write in its place works."""
    text = (FOLDER / f"{name}.yml").read_text()
    lines = [line for line in text.splitlines() if " QSTASH_TOKEN: ${{" in line]
    assert lines
    assert all("# with environments: what token: names, as PROD_QSTASH_TOKEN" in line for line in lines)  # fmt: skip
    path = runner.work / "qstash.yaml"
    token = f"environments: {{production: {{token: '${{env.PROD_QSTASH_TOKEN}}', url: '{runner.url}'}}}}\n"
    path.write_text(path.read_text() + token)
    workflow = yaml.safe_load(text.replace(" QSTASH_TOKEN: ${{", " PROD_QSTASH_TOKEN: ${{"))
    workflow["env"]["TARGET"] = "-e production"
    monkeypatch.setitem(WORKFLOWS, name, workflow)
    asking = [each for each, (of, step) in shells().items() if of == name and "PROD_QSTASH_TOKEN" in step.get("env", {})]  # fmt: skip
    assert asking
    for each in asking:
        ran = runner.run(each)
        assert ran.returncode == (2 if each == "Drift" else 0), (each, ran)  # nothing is there yet


def test_what_was_approved_is_carried_out_or_nothing_is(runner: Runner) -> None:
    assert runner.run("Save").returncode == 0
    assert runner.account.writes == []
    kept = (runner.work / "plan.json").read_text()
    assert not [one for one in (CANARY, LOCAL_TOKEN, LOCAL_READ_ONLY_TOKEN) if one in kept]
    path = runner.work / "qstash.yaml"
    text = path.read_text()
    path.write_text(text.replace("retries: 5", "retries: 4"))
    assert runner.run("Carry out").returncode == 5
    assert runner.account.writes == []
    path.write_text(text)
    for _ in range(2):
        assert runner.run("Carry out").returncode == 0
    runner.account.forget()
    assert runner.run("Drift").returncode == 0


def test_a_preview_lives_in_a_namespace_of_its_own_until_it_is_destroyed(runner: Runner) -> None:
    text = (ROOT / "examples" / "previews" / "qstash.yaml").read_text()
    here = f"namespace: shop-${{var.preview}}\n    url: {runner.url}"
    (runner.work / "qstash.yaml").write_text(text.replace("namespace: shop-${var.preview}", here))
    runner.account.store.put(
        "schedule", "shop.sync-stock", {**THEIRS, "scheduleId": "shop.sync-stock"}
    )
    for _ in range(2):
        ran = runner.run("Preview")
        assert ran.returncode == 0, ran
        found = set(runner.account.console.snapshot()["schedule"])
        assert found == {"shop.sync-stock", f"shop-pr-{NUMBER}.sync-stock"}
    for _ in range(2):
        ran = runner.run("Destroy")
        assert ran.returncode == 0, ran
        assert set(runner.account.console.snapshot()["schedule"]) == {"shop.sync-stock"}


THEIRS = {
    "cron": "0 9 * * *", "destination": "https://e.example.com", "isPaused": False, "createdAt": 1,
    "retries": 3, "method": "POST", "labels": [], "header": {}, "redact": [], "bodyBase64": "",
}  # fmt: skip


def test_the_steps_of_the_stories_are_all_that_need_an_account() -> None:
    told = {case[0] for case in STORY}
    elsewhere = {"Validate", "Compile", "Comment", "Save", "Carry out", "Preview", "Destroy"}
    assert told | elsewhere == set(shells())
