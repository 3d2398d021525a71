"""A quarter in the life of a repository: the verdict of each day, in one file to be read.

`quarter.md` is what it prints; QSTASH_SYNC_STORY=write writes it anew, to be looked at and committed.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qstash_sync.cli.session import Session
from tests.repository import Repository, edit
from tests.support import cli

GOLDEN = Path(__file__).with_name("quarter.md")
FILE = """\
version: 1
namespace: billing
environments:
  staging: {token: "${env.STAGING_TOKEN}", vars: {host: staging.example.com}}
  production: {token: "${env.QSTASH_TOKEN}", vars: {host: app.example.com}}
vars: {host: localhost}
defaults:
  base_url: https://${var.host}
  timezone: Europe/Berlin
schedules:
  report:
    cron: "0 9 * * 1-5"
    destination: /cron/report
    owner: team-billing
    runbook: https://wiki.example.com/report
  nightly:
    cron: "30 2 * * *"
    destination: /cron/nightly
  payouts:
    cron: "0 8 1 * *"
    destination: /cron/payouts
    timezone: America/New_York
    dst: {strategy: follow}
"""

TOKENS = {"STAGING_TOKEN": "of-staging", "QSTASH_TOKEN": "of-production"}

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


_OF_APPLY = ("done", "failed", "blocked", "refused", "unverified", "Applied", "error")


class Story:
    """What happens, and what the tool says to it."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder)
        self.folder = folder
        self.lines: list[str] = []
        self.now = ""
        self.text = FILE

    def tell(self, words: str) -> None:
        self.lines += ["", words]

    def day(self, at: str, title: str) -> None:
        self.now = at
        self.lines += ["", f"## {at[:10]}: {title}"]

    def account(self, environment: str) -> Path:
        return self.folder / f"{environment}.db"

    def run(self, *words: str, environment: str = "production") -> None:
        """A command and all that it prints."""
        given = ["-e", environment]
        given += [f"--local={self.account(environment)}"] * (words[0] != "next")
        given += ["--now", self.now] * (words[0] not in ("pause", "resume"))
        given += ["--parallelism", "1"] * (words[0] == "apply")
        ran = cli(*words, *given, environ=TOKENS)
        shown = " ".join(f"'{word}'" if " " in word else word for word in words)
        # Its warnings are on stderr, before the result.
        said = f"{ran.err}{ran.out}".rstrip()
        if words[0] == "apply":  # it shows the plan once more
            said = "\n".join(line for line in said.splitlines() if line.startswith(_OF_APPLY))
        status = [f"(exit {int(ran.code)})"] if ran.code else []
        self.lines += ["", "```console", f"$ qstash-sync {shown} -e {environment}"]
        self.lines += [*said.splitlines(), *status, "```"]
        assert max(map(len, ran.out.splitlines()), default=0) <= 80

    def branch(self, name: str, *changes: tuple[str, str]) -> None:
        """A pull request: the file changed on a branch."""
        self.repository.git("checkout", "-q", "-b", name)
        for old, new in changes:
            assert old in self.text, old
            self.text = self.text.replace(old, new)
        self.repository.commit(self.text)

    def merge(self, name: str) -> None:
        """The merge, and the apply that follows it, in both environments."""
        self.repository.git("checkout", "-q", "main")
        self.repository.git("merge", "-q", "--no-ff", "-m", name, name)
        for environment in ("staging", "production"):
            self.run("apply", "--yes", environment=environment)

    def edit(self, name: str, **changes: object) -> None:
        edit(self.account("production"), name, **changes)


def test_a_quarter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(tmp_path)
    monkeypatch.chdir(story.repository.folder)
    # It tells of real accounts: no command names the files that stand for them.
    whole = vars(Session)["options"].fget
    told_of = property(lambda session: whole(replace(session, local=None)))
    monkeypatch.setattr(Session, "options", told_of)
    live(story)
    told = "\n".join(["# A quarter", *story.lines]) + "\n"
    if os.environ.get("QSTASH_SYNC_STORY") == "write":
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()


def live(story: Story) -> None:
    """From the first file to the end of the year."""
    story.day("2026-10-01T10:00Z", "the first file")
    story.repository.commit("# nothing yet\n", "README.md")
    story.branch("first")
    story.tell("The first pull request: everything in it is new.")
    story.run("plan", "--base-ref", "main")
    story.tell("It is merged.")
    story.merge("first")

    story.day("2026-10-06T10:00Z", "a pull request moves the report by half an hour")
    story.branch("later", ('"0 9 * * 1-5"', '"30 9 * * 1-5"'))
    story.run("plan", "--base-ref", "main")
    story.merge("later")

    story.day("2026-10-08T03:17Z", "somebody has been in the console")
    story.tell(
        "Yesterday somebody lowered the retries of the report in production. The nightly drift fails:"
    )
    story.edit("billing.report", retries=0)
    story.run("drift")

    story.day("2026-10-08T09:00Z", "a pull request that has nothing to do with it")
    story.branch(
        "invoices",
        (
            "  payouts:",
            '  invoices:\n    cron: "0 7 * * *"\n    destination: /cron/invoices\n  payouts:',
        ),
    )
    story.tell("The comment says whose each change is:")
    story.run("plan", "--base-ref", "main")
    story.merge("invoices")

    story.day("2026-10-20T01:00Z", "an incident")
    story.tell("The nightly job does harm. It is paused, and everybody sees that it is:")
    story.run("pause", "nightly", "--yes")
    story.run("drift")
    story.tell("A merge in between leaves the pause as it is:")
    story.branch(
        "retries",
        ("    destination: /cron/nightly", "    destination: /cron/nightly\n    retries: 5"),
    )
    story.merge("retries")
    story.run("explain", "nightly")
    story.tell("It is mended and resumed.")
    story.run("resume", "nightly", "--yes")

    the_clock(story)


def the_clock(story: Story) -> None:
    """It goes back in Berlin, then in New York; then somebody is paged, and the year ends."""
    story.day("2026-10-24T18:00Z", "the night before the clock goes back in Berlin")
    story.run("next", "--hours", "16")

    story.day("2026-10-25T08:00Z", "why did it run once, although 02:30 came twice?")
    story.run("explain", "nightly", "--at", "2026-10-25T00:30Z")
    story.run("explain", "nightly", "--at", "2026-10-25T01:30Z")
    story.run("drift")

    story.day("2026-10-30T03:17Z", "the renewal of what follows the clock by hand")
    story.tell(
        "`payouts` has one cron that is right until New York changes its clock; the weekly job renews it:"
    )
    story.run("drift")
    story.day("2026-11-01T12:00Z", "the weekly renewal")
    story.run("apply", "--only", "clock", "--yes")
    story.run("drift")

    story.day("2026-11-17T02:00Z", "paged at three")
    story.tell("Why was the report called at 11:13?")
    story.run("explain", "report", "--at", "2026-11-16 11:13")
    story.run("explain", "billing.report", "--at", "2026-11-16 09:33")

    story.day("2026-12-15T10:00Z", "a name that is better, and a job that goes")
    story.branch(
        "rename",
        ("  nightly:\n", "  nightly-orders:\n    was: nightly\n"),
        ('  invoices:\n    cron: "0 7 * * *"\n    destination: /cron/invoices\n', ""),
    )
    story.run("plan", "--base-ref", "main")
    story.merge("rename")

    story.day("2026-12-31T03:17Z", "the last night")
    for environment in ("staging", "production"):
        story.run("drift", environment=environment)
