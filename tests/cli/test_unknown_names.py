"""A name that nothing has is wrong usage, whichever command or option has it."""

import json
from pathlib import Path

import pytest

from qstash_sync.cli.main import cli as program
from tests.support import HEAD, cli, ids

FILE = HEAD + "schedules: {daily: {cron: '0 9 * * *', destination: 'https://a.example.com/a'}}\n"
NAMED = [
    ("pause", ("pause", "dayly", "--yes")),
    ("pause by a glob", ("pause", "week*", "--yes")),
    ("resume", ("resume", "dayly", "--yes")),
    ("explain", ("explain", "dayly")),
    ("plan --adopt", ("plan", "--adopt", "dayly")),
    ("apply --adopt", ("apply", "--yes", "--adopt", "dayly")),
    ("plan --target", ("plan", "--target", "schedules.dayly")),
    ("drift --target", ("drift", "--target", "schedules.dayly")),
    ("plan --exclude", ("plan", "--exclude", "schedules.dayly")),
    ("plan --ignore", ("plan", "--ignore", "schedules.dayly.cron")),
    ("next --name", ("next", "--name", "dayly")),
    ("compile --name", ("compile", "--name", "dayly")),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("_id", "words"), NAMED, ids=ids(NAMED))
def test_a_name_that_nothing_has_is_wrong_usage(
    _id: str, words: tuple[str, ...], form: str, tmp_path: Path
) -> None:
    (tmp_path / "q.yaml").write_text(FILE)
    files = ("-f", str(tmp_path / "q.yaml"))
    local = () if words[0] in ("next", "compile") else (f"--local={tmp_path / 'a.db'}",)
    assert cli("apply", "--yes", *files, f"--local={tmp_path / 'a.db'}").code == 0
    ran = cli(*words, *files, *local, "--format", form)
    assert ran.code == 64, ran
    assert "week*" in ran.text if "week*" in words else "dayly" in ran.text


@pytest.mark.parametrize(
    "command", [("plan",), ("apply", "--yes"), ("destroy", "--yes", "billing")]
)
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--drop-backlog", "daily"), "--drop-backlog daily: nothing in the files"),
        (("--allow-in-use", "dayly"), "--allow-in-use dayly: nothing in the files"),
        (("--allow-protected", "dayly"), "did you mean schedules.daily?"),
    ],
)
def test_a_consent_to_what_is_not_there_is_told_and_ends_nothing(
    command: tuple[str, ...], words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """A run that was cut off, and has deleted it, is typed once more."""
    (tmp_path / "q.yaml").write_text(FILE)
    common = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", *common).code == 0
    ran = cli(*command, *words, *common)
    assert ran.code == 0, ran
    assert told in " ".join(ran.text.split())


def test_a_glob_or_a_name_that_is_there_is_no_slip(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(FILE)
    words = ("--allow-in-use", "*", "--drop-backlog", "i*", "--allow-protected", "daily")
    ran = cli("plan", *words, "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    assert ran.code == 0


COMMANDS = ("validate", "plan", "apply", "drift", "next", "compile", "explain a",
            "pause a", "resume a", "destroy --yes x", "doctor", "import --strays")  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("has_environments", [True, False])
def test_an_environment_that_is_not_there_is_wrong_usage(
    tmp_path: Path, command: str, *, has_environments: bool
) -> None:
    more = "environments: {prod: {token: '${env.T}'}}\n" if has_environments else ""
    (tmp_path / "q.yaml").write_text(FILE + more)
    ran = cli(*command.split(), "-f", str(tmp_path / "q.yaml"), "-e", "Prod")
    assert ran.code == 64, ran
    assert ("did you mean prod?" if has_environments else "no environments section") in ran.err
    (tmp_path / "q.yaml").write_text("a: [")
    broken = cli(*command.split(), "-f", str(tmp_path / "q.yaml"), "-e", "Prod")
    assert broken.code == (2 if command == "doctor" else 1)  # there it is a finding


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "validate"])
def test_an_environment_that_is_missing_is_wrong_usage(tmp_path: Path, command: str) -> None:
    (tmp_path / "q.yaml").write_text(FILE + "environments: {prod: {token: '${env.T}'}}\n")
    ran = cli(*command.split(), "-f", str(tmp_path / "q.yaml"))
    assert ran.code == 64, ran
    assert "-e prod" in ran.text


def test_every_command_that_takes_an_environment_is_among_them() -> None:
    taking = {name for name, one in program.commands.items()
              if any("-e" in param.opts for param in one.params)}  # fmt: skip
    assert taking == {command.split()[0] for command in COMMANDS}


TWICE = [
    ("two environments", ("-e", "prod", "--env=stg"), "-e: stands here 2 times"),
    ("the same twice", ("-e", "prod", "-e", "prod"), "-e: stands here 2 times"),
    ("two accounts", ("--local=a.db", "--local=b.db"), "--local: stands here 2 times"),
    ("two times", ("--now", "2027-01-01", "--now", "2027-02-01"), "--now: stands"),
    ("two bases", ("--base-ref", "a", "--base-ref=b"), "--base-ref: stands"),
    ("two files of secrets", ("--env-file", "a", "--env-file", "b"), "--env-file: stands"),
    ("two limits", ("--allow-deletes", "5", "--allow-deletes", "50"), "--allow-deletes: stands"),
]


@pytest.mark.parametrize(("_id", "words", "told"), TWICE, ids=ids(TWICE))
def test_an_option_of_one_value_stands_once(_id: str, words: tuple[str, ...], told: str) -> None:
    """Who writes `-e prod -e stg` means both, and the last one alone would be applied."""
    ran = cli("plan", *words)
    assert ran.code == 64
    assert told in ran.err
    ran = cli("plan", *words, "--format", "text", "--format", "json")  # here the last one wins
    assert json.loads(ran.out)["errors"][0]["code"] == "usage"


@pytest.mark.parametrize("helped", ["-h", "--help"])
def test_who_asks_for_help_gets_it(helped: str) -> None:
    ran = cli("plan", "-e", "a", "-e", "b", helped)
    assert ran.code == 0
    assert ran.out.startswith("Usage: qstash-sync plan")


def test_words_from_a_short_list_stand_once_too() -> None:
    ran = cli("validate", "--fail-on", "error", "--fail-on", "warning")
    assert ran.code == 64
    assert "--fail-on: stands here 2 times" in ran.err


def test_who_names_two_environments_is_told_which_commands_take_them() -> None:
    assert "pause and resume take several" in cli("apply", "-e", "a", "-e", "b").err
    assert "stands here" not in cli("pause", "x", "-e", "a", "-e", "b").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("explain", "fx"), "did you mean fx-rates?"),
        (("explain", "fx-rats"), "did you mean fx-rates?"),
        (("explain", "zzz"), "the files have daily, fx-rates"),
        (("pause", "fx"), "did you mean fx-rates?"),
        (("plan", "--target", "schedules.fx"), "did you mean schedules.fx-rates?"),
    ],
)
def test_who_types_a_part_of_a_name_is_told_the_whole(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    (tmp_path / "q.yaml").write_text(
        FILE.replace("}}\n", "}, fx-rates: {cron: '0 9 * * *', destination: 'https://a.example.com'}}\n")
    )  # fmt: skip
    common = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", "--yes", *common).code == 0
    ran = cli(*words, *common)
    assert (ran.code, told in " ".join(ran.text.split())) == (64, True), ran
