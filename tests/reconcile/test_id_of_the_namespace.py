"""An adopted id that is the namespace itself: its further parts look like names of digits."""

import json
from pathlib import Path

import pytest

from tests.support import UNLINTED, Ran, cli

NOW = "--now=2026-11-23T12:00Z"
JOB = 'cron: "0 9 * * *", destination: "https://app.example.com/%s"'
TWO = "timezone: Europe/Berlin"  # two parts


class Account:
    """A file and its account."""

    def __init__(self, folder: Path) -> None:
        self.file, self.local = folder / "q.yaml", f"--local={folder / 'a.db'}"

    def write(self, schedules: str, head: str = "") -> None:
        """Write the file."""
        text = f"{UNLINTED}version: 1\nnamespace: billing\n{head}defaults: {{timezone: UTC}}\n"
        self.file.write_text(f"{text}schedules:\n{schedules}")

    def run(self, *words: str) -> Ran:
        """Run a command."""
        return cli(*words, "-f", str(self.file), self.local)

    def apply(self) -> None:
        """Apply; a second plan is empty."""
        ran = self.run("apply", "--yes", NOW, "--allow-deletes", "9")
        assert ran.code == 0, ran
        again = self.run("plan", NOW, "--detailed-exitcode")
        assert again.code == 0, again


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


@pytest.mark.parametrize("head", ["", "namespace_was: old\n"])
@pytest.mark.parametrize("name", ["billing", "old"])
def test_a_second_part_of_it_is_its_part(account: Account, name: str, head: str) -> None:
    """A name of digits has part 1 of its own; who says which it is, is the mark."""
    entry = f"  report: {{id: {name}, {JOB % 'r'}%s}}\n"
    account.write(entry % "", head)
    account.apply()
    account.write(entry % f", {TWO}", head)
    account.apply()
    assert account.run("drift", NOW).code == 0
    assert account.run("pause", "report", "--yes").code == 0
    shown = json.loads(account.run("explain", "report", "--format", "json", NOW).out)
    assert "paused" in json.dumps(shown)
    assert account.run("resume", "report", "--yes").code == 0
    account.write(entry % "", head)
    account.apply()
    account.write(entry % f", {TWO}", head)
    account.apply()
    account.write("  other: {%s}\n" % (JOB % "o"), head)
    account.apply()


def test_a_name_of_digits_beside_it_has_the_same_id(account: Account) -> None:
    two = f'  "2": {{{JOB % "two"}, {TWO}}}\n'
    account.write(two)
    account.apply()
    account.write(f"{two}  x: {{id: billing, {JOB % 'x'}}}\n")
    ran = account.run("plan", NOW)
    assert ran.code == 1
    assert "schedules.2: has the same id as x: billing.2" in ran.err


def test_a_name_of_digits_gives_way_to_it(account: Account) -> None:
    """What was `2` leaves the file as the namespace's own id comes: one set goes, one grows."""
    account.write(f'  "2": {{{JOB % "two"}, {TWO}}}\n')
    account.apply()
    account.write(f"  x: {{id: billing, {JOB % 'x'}, {TWO}}}\n")
    ran = account.run("apply", "--yes", NOW, "--allow-deletes", "9")
    assert ran.code == 0, ran
    account.apply()


def test_a_schedule_named_1_is_no_part_of_the_namespace(account: Account) -> None:
    """Its mark says part 1, as that of every first part does."""
    one = f'  "1": {{{JOB % "one"}, {TWO}}}\n'
    account.write(f"{one}  x: {{{JOB % 'x'}}}\n")
    account.apply()
    account.write(f"  x: {{{JOB % 'x'}}}\n")
    plan = json.loads(account.run("plan", NOW, "--format", "json").out)
    assert [(c["action"], c["name"], c["id"]) for c in plan["changes"]] == [
        ("delete", "1", "billing.1")
    ]
    account.apply()
