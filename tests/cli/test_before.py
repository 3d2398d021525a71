"""`--base-ref` and `--base`: whose each change is, with real git."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fault_server import FaultServer
from tests.repository import Repository, edit
from tests.support import Ran, cli, ids

NOW = "2026-11-23T12:00Z"
FILE = """
version: 1
namespace: billing
owns: {url_groups: [g], queues: [q1]}
defaults: {destination: https://app.example.com/x, timezone: UTC}
schedules:
  a: {cron: "0 9 * * *"}
  b: {cron: "0 10 * * *", retries: 5}
  c: {cron: "0 11 * * *", body: one}
queues:
  q1: {parallelism: 2}
  q2: {parallelism: 2}
"""

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Clone(Repository):
    """A clone with a file, and an account beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.database = folder / "a.db"

    def run(self, *words: str, now: str = NOW, **more: Any) -> Ran:
        return cli(*words, f"--local={self.database}", "--now", now, **more)

    def origins(self, *words: str, **more: Any) -> dict[str, str]:
        ran = self.run("plan", "--format", "json", *words, **more)
        assert ran.code == 0, ran
        return {c["name"]: c["origin"] for c in json.loads(ran.out)["changes"]}

    def edit(self, name: str, **changes: Any) -> None:
        edit(self.database, name, **changes)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    made = Clone(tmp_path)
    made.commit(FILE)
    monkeypatch.chdir(made.folder)
    assert made.run("apply", "--yes").code == 0
    made.git("checkout", "-q", "-b", "branch")
    return made


def test_each_change_is_yours_or_was_there_or_both(repository: Clone) -> None:
    repository.edit("billing.b", retries=1)
    repository.edit("billing.c", retries=1)
    repository.commit(FILE.replace("0 9", "0 8").replace("body: one", "body: two"))
    assert repository.origins("--base-ref", "main") == {
        "a": "yours",
        "b": "already_there",
        "c": "both",
    }
    page = repository.run("plan", "--base-ref", "main").out
    assert "~ schedule b  (changed outside; there before this branch)" in page
    assert "~ schedule c  (changed outside and in the file; yours, beside what was" in page
    assert "By the base: 2 of this branch, 1 there before it, 0 of the clock." in page
    assert "daily 09:00 -> 08:00 UTC" in page
    markdown = repository.run("plan", "--base-ref", "main", "--format", "markdown").out
    assert "By the base: 2 of this branch" in markdown


def test_drift_says_it_too(repository: Clone) -> None:
    repository.edit("billing.b", retries=1)
    repository.commit(FILE.replace("0 9", "0 8"))
    found = json.loads(repository.run("drift", "--base-ref", "main", "--format", "json").out)
    origins = {one["name"]: one["origin"] for one in found["status"]}
    assert (origins["a"], origins["b"], origins["c"]) == ("yours", "already_there", None)
    page = repository.run("drift", "--base-ref", "main").out
    assert "changed outside; there before" in page
    assert "the file changed; yours" in page
    markdown = repository.run("drift", "--base-ref", "main", "--format", "markdown").out
    assert "! schedule b  (there before)" in markdown
    html = repository.run("drift", "--base-ref", "main", "--format", "html").out
    assert "changed outside; there before" in html


def test_what_a_page_masks_is_told_apart_by_its_value(repository: Clone) -> None:
    """Both plans change the same header, and neither page shows to which value."""
    text = FILE.replace("body: one", "headers: {X-Key: '${env.A}'}")
    environ = {"A": "one", "B": "two"}
    found = {}
    repository.git("checkout", "-q", "main")
    repository.commit(text)
    for name, branch in (("same", text), ("other", text.replace("env.A", "env.B"))):
        repository.git("checkout", "-q", "-b", name, "main")
        repository.commit(branch.replace("0 9", "0 8"))
        ran = repository.run("plan", "--format", "json", "--base-ref", "main", environ=environ)
        found[name] = {c["name"]: c["origin"] for c in json.loads(ran.out)["changes"]}
    assert found["same"]["c"] == "already_there"
    assert found["other"]["c"] == "both"


def test_a_refused_change_is_marked_with_whose_it_is_too(repository: Clone) -> None:
    repository.edit("billing.b", labels=[])
    repository.commit(FILE.replace("0 9", "0 8"))
    page = repository.run("plan", "--base-ref", "main").out
    assert "~ schedule b  (not ours; there before this branch)" in page
    assert "By the base: 1 of this branch, 1 there before it" in page


def test_what_another_branch_has_done_since_is_not_yours(repository: Clone) -> None:
    """The base is where this branch left the other one, not where that is now."""
    repository.commit(FILE.replace("0 9", "0 8"))
    repository.git("checkout", "-q", "main")
    repository.commit(FILE.replace("0 10", "0 12"))
    assert repository.run("apply", "--yes").code == 0
    repository.git("checkout", "-q", "branch")
    assert repository.origins("--base-ref", "main") == {"a": "yours", "b": "already_there"}


def test_a_renewal_is_the_clocks(repository: Clone) -> None:
    local = FILE.replace("timezone: UTC", "timezone: America/New_York")
    repository.git("checkout", "-q", "main")
    repository.commit(local)
    assert repository.run("apply", "--yes").code == 0
    repository.git("checkout", "-q", "-b", "later")
    repository.commit(local.replace("body: one", "body: two"))
    found = repository.origins("--base-ref", "main", now="2027-10-30T12:00Z")
    assert found == {"a": "clock", "b": "clock", "c": "both"}


def test_what_leaves_the_file_and_stays_is_told_with_the_line_for_owns(
    repository: Clone,
) -> None:
    repository.commit(
        FILE.replace("  q2: {parallelism: 2}\n", "").replace(
            "  q1: {parallelism: 2}\n", "  q3: {parallelism: 1}\n"
        )
    )
    ran = repository.run("plan", "--base-ref", "main", "--allow-deletes", "5")
    text = " ".join(ran.out.split())
    assert "queues.q2: leaves the file and stays in the account: owns does not name it" in text
    assert "to have it deleted, say owns: {queues: [q2]}" in text
    assert "queues.q1: leaves" not in text  # owns names it: the plan deletes it


def test_a_base_never_grants_a_delete(repository: Clone) -> None:
    with FaultServer(repository.database) as server:
        stored = server.store.get("schedule", "billing.a")
        assert stored
        server.store.put("schedule", "foreign", {**stored, "scheduleId": "foreign", "labels": []})
    (repository.folder.parent / "base.yaml").write_text(
        FILE.replace("  a:", "  x: {cron: '0 1 * * *', id: foreign}\n  a:")
    )
    found = repository.origins("--base", "../base.yaml")
    assert found == {}


def test_what_git_would_leave_out_of_an_archive_is_there(repository: Clone) -> None:
    repository.git("checkout", "-q", "main")
    (repository.folder / ".gitattributes").write_text("* export-ignore\n*.yaml export-subst\n")
    (repository.folder / "body.txt").write_text("one")
    text = FILE.replace("body: one", "body_file: body.txt")
    repository.commit(text)
    assert repository.run("apply", "--yes").code == 0
    repository.git("checkout", "-q", "-b", "bodies")
    (repository.folder / "body.txt").write_text("two")
    repository.commit(text.replace("0 9", "0 8"))
    assert repository.origins("--base-ref", "main") == {"a": "yours", "c": "yours"}


def test_files_that_the_base_has_not_are_told(repository: Clone) -> None:
    repository.git("mv", "qstash.yaml", "moved.yaml")
    repository.commit(FILE.replace("0 9", "0 8"), "moved.yaml")
    ran = repository.run("plan", "-f", "moved.yaml", "--base-ref", "main")
    assert (ran.code, "main has no such files, so everything counts as yours" in ran.err) == (
        0,
        True,
    )


def test_a_scope_may_name_what_the_base_has_not(repository: Clone) -> None:
    repository.commit(FILE.replace("\nqueues:", "\n  new: {cron: '0 1 * * *'}\nqueues:"))
    words = ("--target", "schedule.new", "--base-ref", "main")
    assert repository.origins(*words) == {"new": "yours"}


def test_a_directory_and_a_file_that_was_not_there(repository: Clone) -> None:
    repository.git("checkout", "-q", "-b", "split")
    first = FILE.replace("retries: 5", "retries: 4")
    repository.commit(first, "conf/all.yaml")
    assert repository.origins("-f", "conf", "--base-ref", "main") == {"b": "yours"}
    repository.commit(first.replace("0 9", "0 8"), "conf/all.yaml")
    found = repository.origins("-f", "conf", "--base-ref", "HEAD~1")
    assert found == {"a": "yours", "b": "already_there"}


def test_a_shallow_clone_is_named_with_its_remedy(
    repository: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = repository.folder.parent / "clone"
    source = f"file://{repository.folder}"
    repository.git("commit", "-q", "--allow-empty", "-m", "y")
    repository.git("clone", "-q", "--depth=1", "--branch", "branch", source, str(clone))
    monkeypatch.chdir(clone)
    ran = repository.run("plan", "--base-ref", "origin/main")
    assert ran.code == 64
    assert "not in this clone, which is shallow" in ran.err
    remedy = ran.err.partition("(`git ")[2].partition("`)")[0]
    repository.git(*remedy.split(), folder=clone)
    assert repository.run("plan", "--base-ref", "origin/main").code == 0


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("--base-ref", "nowhere"), "--base-ref nowhere: no such revision in this clone"),
        (("--base-ref", "--output=x"), "is no name of a revision"),
        (("--base-ref", ""), "--base-ref: is empty"),
        (("--base-ref", "main", "--base", "x"), "one of them is enough"),
        (("--base-ref", "main", "-f", "../outside.yaml"), "--base-ref: "),
        (
            ("--base", "nowhere.yaml"),
            "nowhere.yaml: no such file or directory\n",
        ),
        (("--base", ""), "--base: is empty"),
        (("--base", "-"), "--base -: standard input is for -f; name the files as they were"),
        (("--base-ref", "^HEAD"), "--base-ref ^HEAD: is no name of a revision"),
        (
            ("--base-ref", "main..branch"),
            "--base-ref main..branch: no such revision in this clone; in a workflow, check out with fetch-depth: 0\n",
        ),
        (
            ("--base-ref", "HEAD~99"),
            "--base-ref HEAD~99: no such revision in this clone; in a workflow, check out with fetch-depth: 0\n",
        ),
        (
            ("--base-ref", "@{-9}"),
            "--base-ref @{-9}: no such revision in this clone; in a workflow, check out with fetch-depth: 0\n",
        ),
        (
            ("--base-ref", "HEAD:"),
            "--base-ref HEAD:: no such revision in this clone; in a workflow, check out with fetch-depth: 0\n",
        ),
        (
            ("--base-ref", "$(touch x1)"),
            "--base-ref $(touch x1): no such revision in this clone; in a workflow, check out with fetch-depth: 0\n",
        ),
    ],
)
def test_what_cannot_be_a_base_is_one_clear_error(
    repository: Clone, words: tuple[str, ...], fact: str
) -> None:
    (repository.folder.parent / "outside.yaml").write_text(FILE)
    ran = repository.run("plan", *words)
    assert (ran.code, fact in ran.err) == (64, True), ran
    assert not list(repository.folder.glob("x*"))


FETCHES = [
    ("main", "git fetch --depth=1 origin main:refs/remotes/origin/main", "origin/main"),
    ("origin/x", "git fetch --depth=1 origin x:refs/remotes/origin/x", None),
    ("fix/x", "git fetch --depth=1 origin fix/x:refs/remotes/origin/fix/x", "origin/fix/x"),
    ("$(touch${IFS}x)", "git fetch --depth=1 origin '$(touch${IFS}x):refs/remotes/origin/$(touch${IFS}x)'", "'origin/$(touch${IFS}x)'"),
]  # fmt: skip


@pytest.mark.parametrize(("ref", "fetch", "then"), FETCHES, ids=[ref for ref, _, _ in FETCHES])
def test_a_revision_that_could_be_fetched_comes_with_a_line_that_does_it(
    repository: Clone, ref: str, fetch: str, then: str | None
) -> None:
    """Whoever copies the line runs git alone: a name that a shell would obey is quoted."""
    repository.git("branch", "-q", "-m", "main", "other")
    repository.git("remote", "add", "origin", str(repository.folder))
    ran = repository.run("plan", "--base-ref", ref)
    say = f" and say --base-ref {then}" if then else ""
    assert ran.err.endswith(f"no such revision in this clone; fetch it (`{fetch}`){say}\n")


def test_a_body_behind_a_link_is_there_at_the_base(repository: Clone) -> None:
    (repository.folder / "one.txt").write_text("one")
    (repository.folder / "body.txt").symlink_to("./one.txt")
    text = FILE.replace("body: one", "body_file: body.txt")
    repository.commit(text)
    repository.commit(text.replace("0 9", "0 8"))
    assert repository.origins("--base-ref", "HEAD~1") == {"a": "yours"}


BROKEN: list[tuple[str, str | bytes, str]] = [
    ("a cron", FILE.replace("0 9 * * *", "61 9 * * *"), "qstash.yaml:7:7: schedules.a.cron"),
    ("a key", FILE.replace("retries: 5", "retrys: 5"), "qstash.yaml:8:"),
    ("an empty file", "", "qstash.yaml:1:1: "),
    ("no YAML", "a: [", "qstash.yaml:1:"),
    ("no text", b"\xff", "qstash.yaml:1:1: not UTF-8 text"),
    ("environments", f"environments: {{prod: {{}}}}\n{FILE}", "it has environments, and -e names"),
]


@pytest.mark.parametrize(("_id", "text", "fact"), BROKEN, ids=ids(BROKEN))
@pytest.mark.parametrize("command", ["plan", "drift"])
@pytest.mark.parametrize("by", ["--base-ref", "--base"])
def test_a_base_that_cannot_be_read_attributes_nothing_and_stops_nothing(
    repository: Clone, _id: str, text: str | bytes, fact: str, command: str, by: str
) -> None:
    """The branch that mends the files must be planned, too."""
    path = repository.folder / "qstash.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (repository.folder / "old.yaml").write_bytes(path.read_bytes())
    repository.git("commit", "-q", "-am", "broken")
    repository.commit(FILE.replace("0 9", "0 8"))
    base = {"--base-ref": "HEAD~1", "--base": "old.yaml"}[by]
    ran = repository.run(command, by, base, "--format", "json")
    found = json.loads(ran.out)
    assert ran.code == (0 if command == "plan" else 2)
    assert [one["name"] for one in found["changes"]] == ["a"]
    assert "origin" not in found["changes"][0] or found["changes"][0]["origin"] is None
    (warning,) = (one for one in found["warnings"] if one["code"] == "base")
    fact = fact if by == "--base-ref" else fact.replace("qstash.yaml", "old.yaml")
    assert warning["message"].startswith(f"the base {base} cannot be read: {fact}")
    assert "None" not in warning["message"]
    assert "/tmp" not in warning["message"]
    assert f"warning: the base {base} cannot be read: " in repository.run(command, by, base).err


def test_an_environment_that_the_base_has_not_is_yours(repository: Clone) -> None:
    environments = "environments: {prod: {namespace: p}, stage: {namespace: s}}\n"
    repository.commit(environments.replace(", stage: {namespace: s}", "") + FILE)
    repository.commit(environments + FILE)
    words = ("-e", "stage", "--base-ref", "HEAD~1")
    assert set(repository.origins(*words).values()) == {"yours"}
    ran = repository.run("plan", *words)
    assert "the base HEAD~1 has no environment stage, so everything counts as yours" in ran.err


def test_a_base_without_environments_is_the_one_it_had(repository: Clone) -> None:
    repository.edit("billing.b", retries=1)
    repository.commit(f"environments: {{prod: {{}}}}\n{FILE.replace('0 9', '0 8')}")
    words = ("-e", "prod", "--base-ref", "main", "--adopt", "*")
    ran = repository.run("plan", *words, "--format", "json")
    origins = {c["name"]: c["origin"] for c in json.loads(ran.out)["changes"]}
    assert (ran.err, origins["a"], origins["b"]) == ("", "yours", "already_there")


def test_what_is_ignored_is_ignored_in_the_base_too(repository: Clone) -> None:
    """A change of the time and of an ignored field is the file's; the rest was there before."""
    repository.edit("billing.b", retries=1, timeout=9)
    repository.commit(FILE.replace('a: {cron: "0 9 * * *"', 'a: {retries: 5, cron: "0 8 * * *"'))
    words = ("--ignore", "schedules.a.retries", "--ignore", "schedules.b.timeout")
    assert repository.origins(*words, "--base-ref", "main") == {"a": "yours", "b": "already_there"}
    page = repository.run("plan", *words).out
    assert "edited" not in page
    assert "daily 09:00 -> 08:00 UTC" in page
