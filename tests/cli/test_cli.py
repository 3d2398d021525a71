"""The command line as its user meets it: exit codes, JSON, the examples, the demo's story."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qstash_sync.cli.main import _MODULES, cli as commands
from tests.support import HEAD, cli

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    ("quickstart", (), {}),
    ("saas", (), {"REPORT_TOKEN": "r3port-t0ken"}),
    ("environments", ("-e", "staging"), {"STG_QSTASH_TOKEN": "t"}),
    ("environments", ("-e", "production"), {"PROD_QSTASH_TOKEN": "t"}),
]
KEYS = {"format_version", "summary", "changes", "warnings", "errors", "requests"}


@pytest.mark.parametrize(
    ("name", "words", "environ"), EXAMPLES, ids=lambda v: str(v) if isinstance(v, str) else ""
)
def test_every_example_applies_and_then_there_is_nothing_to_do(
    tmp_path: Path, name: str, words: tuple[str, ...], environ: dict[str, str]
) -> None:
    common = ("-f", str(ROOT / "examples" / name), *words, f"--local={tmp_path / 'a.db'}")
    assert cli("plan", *common, "--detailed-exitcode", environ=environ).code == 2
    ran = cli("apply", *common, "--format", "json", environ=environ)
    assert ran.code == 0, ran
    data = json.loads(ran.out)
    assert {change["outcome"] for change in data["changes"]} == {"done"}
    # Three reads of the account; a look before each is created, and two more for a URL group,
    # before and after its endpoints change.
    writes = data["requests"]["write"]
    assert data["requests"]["read"] <= 3 * 4 + writes + 2
    ran = cli("plan", *common, "--detailed-exitcode", environ=environ)
    assert (ran.code, ran.out[:10]) == (0, "No changes")
    ran = cli("apply", *common, "--format", "json", environ=environ)
    assert json.loads(ran.out)["requests"]["write"] == 0
    for secret in environ.values():
        assert len(secret) < 2 or secret not in ran.text


def test_json_is_one_document_with_the_fixed_keys_in_every_outcome(tmp_path: Path) -> None:
    local = f"--local={tmp_path / 'a.db'}"
    quick = str(ROOT / "examples" / "quickstart")
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nnamespace: a\nschedule: {}\n")
    for words, code in (
        (("plan", "-f", quick, local), 0),
        (("apply", "-f", quick, local), 0),
        (("apply", "-f", quick, local), 0),
        (("plan", "-f", str(bad), local), 1),
        (("plan", "-f", quick), 1),
        (("plan", "-f", "nowhere"), 64),
        (("plan", "--nonsense"), 64),
    ):
        ran = cli(*words, "--format", "json")
        assert ran.code == code, ran
        data = json.loads(ran.out)
        assert set(data) >= KEYS
        assert data["format_version"] == 1
        assert set(data["summary"]) == {
            "create", "update", "delete", "refused", "unchanged", "unmanaged",
        }  # fmt: skip
        assert set(data["requests"]) == {"read", "write"}
        for change in data["changes"]:
            assert set(change) >= {"kind", "name", "id", "action", "reason", "fields"}
            assert all(set(field) >= {"path", "before", "after"} for field in change["fields"])
        for error in data["errors"]:
            assert set(error) >= {"code", "message", "file", "line", "column"}


def test_the_error_names_file_line_and_column_and_shows_the_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nnamespace: a\nschedules:\n  x: {corn: '0 9 * * *'}\n")
    ran = cli("validate", "-f", str(bad), "--color", "never")
    assert ran.err.splitlines()[:3] == [
        f"{bad}:4:7: error: schedules.x.corn: unknown key",
        "     4 |   x: {corn: '0 9 * * *'}",
        "       |       ^ did you mean cron?",
    ]


def test_a_plan_shows_what_a_live_secret_was_only_as_removed(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    text = (
        "version: 1\nnamespace: n\ndefaults: {timezone: UTC}\nschedules:\n  a:\n    cron: 0 9 * * *\n"
        "    destination: https://e.com\n    headers: {Authorization: 'Bearer ${env.T}'}\n"
    )
    file.write_text(text)
    words = ("-f", str(file), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", *words, environ={"T": "first-secret"}).code == 0
    rotated = cli("plan", *words, environ={"T": "second-secret"})
    assert "header Authorization  Bearer (secret) (changed)" in rotated.out
    file.write_text(text.partition("    headers")[0])
    removed = cli("plan", *words)
    assert "header Authorization  removed" in removed.out
    for ran in (rotated, removed):
        assert "first-secret" not in ran.text
        assert "second-secret" not in ran.text


def test_a_missing_secret_can_be_left_unknown_in_a_plan(tmp_path: Path) -> None:
    words = ("-f", str(ROOT / "examples" / "saas"), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", *words, environ={"REPORT_TOKEN": "t"}).code == 0
    assert cli("plan", *words).code == 1
    ran = cli("plan", *words, "--unknown-env", "--detailed-exitcode")
    assert ran.code == 0, ran


def test_now_is_refused_by_apply_unless_local(tmp_path: Path) -> None:
    ran = cli("apply", "-f", str(ROOT / "examples" / "quickstart"), "--now", "2027-01-01T00:00Z")
    assert ran.code == 64
    assert "only with --local" in ran.err


@pytest.mark.parametrize("now", ["0001-01-01", "1969-12-31", "3000-01-01", "9999-12-31T23:59Z"])
def test_a_now_at_the_end_of_the_calendar_is_wrong_usage(tmp_path: Path, now: str) -> None:
    """A horizon reaches days before and years behind it."""
    words = ("-f", str(ROOT / "examples" / "quickstart"), f"--local={tmp_path / 'a.db'}")
    ran = cli("plan", *words, "--now", now)
    assert ran.code == 64
    assert "the years 1970 to 2999" in ran.err


def test_colours_reach_a_pipe_when_they_are_asked_for(tmp_path: Path) -> None:
    words = ("-f", str(ROOT / "examples" / "quickstart"), f"--local={tmp_path / 'a.db'}")
    assert "\x1b[32;1m  + queue images" in cli("plan", *words, "--color", "always").out
    assert "\x1b[" not in cli("plan", *words).text
    assert "\x1b[31;1merror:" in cli("plan", "-f", "nowhere", "--color", "always").err


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for name, command in commands.commands.items():
        assert command.help, name
        assert f"qstash-sync {name}" in readme, name
        assert cli(name, "--help").code == 0


def test_the_help_of_all_says_of_each_command_what_it_says_of_itself() -> None:
    for name, (_, told) in _MODULES.items():
        command = commands.commands[name]
        assert inspect.cleandoc(command.help or "").split("\n\n")[0].replace("\n", " ") == told
    page = cli("--help", environ={"COLUMNS": "80"}).out.partition("Commands:")[2]
    listed = re.findall(r"^  (\w+) +((?:.|\n {4})+)$", page, re.MULTILINE)
    shown = {name: " ".join(words.split()) for name, words in listed}
    assert shown == {name: words for name, (_, words) in sorted(_MODULES.items())}
    assert max(map(len, page.split("\n"))) <= 80


def test_the_demo_tells_its_story() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")],
        capture_output=True, text=True, check=True, cwd=ROOT, env={"PATH": "", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "Plan: 6 to create, 0 to update, 0 to delete" in done.stdout
    assert "No changes: the account is as the file says; 6 unchanged" in done.stdout
    assert "~ schedule daily-report  (changed outside)" in done.stdout
    assert "Plan: 0 to create, 1 to update, 0 to delete; 5 unchanged" in done.stdout


def test_no_file_of_the_project_names_a_host_of_a_registry_or_a_path_of_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    for name in listed.stdout.split():
        text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
        assert "index-" + "url" not in text, name
        assert '"resolved": "' + "http" not in text, name


WORDS_WITH_A_TOKEN = [
    ("plan", "TOKEN"), ("plan", "--format", "TOKEN"), ("plan", "--now", "TOKEN"), ("plan", "-f", "TOKEN"),
    ("plan", "--TOKEN"), ("TOKEN",), ("apply", "TOKEN"), ("pause", "TOKEN"), ("plan", "--env-file", "TOKEN"),
    ("plan", "--only", "TOKEN"), ("plan", "--parallelism", "TOKEN"), ("compile", "TOKEN"),
    ("import", "--namespace", "TOKEN"), ("destroy", "--yes", "TOKEN"), ("plan", "-e", "TOKEN"),
    ("plan", "--format", "json", "--now", "TOKEN"), ("serve", "--port", "TOKEN"),
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS_WITH_A_TOKEN, ids=" ".join)
def test_a_token_on_the_command_line_is_not_echoed(words: tuple[str, ...], tmp_path: Path) -> None:
    token = "eyJVc2VySUQiOiJ4In0tdG9rZW4"
    file = tmp_path / "q.yaml"
    file.write_text("version: 1\nnamespace: billing\nschedules: {}\n")
    given = [word.replace("TOKEN", token) for word in words]
    given += ["-f", str(file)] if words[0] in ("plan", "apply", "destroy", "pause") else []
    ran = cli(*given, environ={"QSTASH_TOKEN": token})
    assert ran.code != 0
    assert token not in ran.text


def test_what_is_no_secret_needs_a_value_or_a_default_that_is_none_either(tmp_path: Path) -> None:
    """The hints work as they stand: `--unknown-env` is about secrets, and a default may be shown."""
    file = tmp_path / "q.yaml"
    text = HEAD.replace("{timezone: UTC", "{timezone: UTC, base_url: '${env.B|plain}'")
    file.write_text(text + "schedules: {a: {cron: '0 9 * * *', destination: /x}}\n")
    local = f"--local={tmp_path / 'a.db'}"
    for more in ((), ("--unknown-env",)):
        ran = cli("plan", "-f", str(file), local, *more)
        assert ran.code == 1
        assert "give a default ${env.B:-…|plain}, or" in ran.err
        assert "--unknown-env" not in ran.err
    file.write_text(file.read_text().replace("B|plain", "B:-https://e.com|plain"))
    assert "https://e.com/x" in cli("plan", "-f", str(file), local).out
    file.write_text(file.read_text().replace("B:-https", "B|https"))
    assert "${env.NAME:-default|plain}" in cli("plan", "-f", str(file), local).err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("plan", "--unknown-env"),
        ("drift", "--unknown-env"),
        ("validate", "--mock-env"),
        ("apply", ""),
    ],
)
def test_a_secret_that_is_not_set_names_the_way_to_go_without(
    command: str, option: str, tmp_path: Path
) -> None:
    file = tmp_path / "q.yaml"
    entry = "{cron: '0 9 * * *', destination: 'https://e.com/x', headers: {A: '${env.%s}'}}"
    file.write_text(
        HEAD + "".join(f"  {n}: {entry % n.upper()}\n" for n in "ab").join(["schedules:\n", ""])
    )
    local = () if command == "validate" else (f"--local={tmp_path / 'a.db'}",)
    ran = cli(command, "-f", str(file), *local)
    assert ran.code == 1
    assert ran.err.count("goes without secrets") == bool(option)
    assert option in ran.err
    assert not (tmp_path / "a.db").exists() or command == "apply"


TAKING = [
    (name, option)
    for name, command in sorted(commands.commands.items())
    if name != "serve"
    for parameter in command.params
    if not getattr(parameter, "is_flag", False)
    for option in (parameter.opts[0] if parameter.opts[0].startswith("-") else "",)
]


@pytest.mark.parametrize(("command", "option"), TAKING, ids=" ".join)
@pytest.mark.parametrize("password", ["hunter2", "2#n/t:@ter2"])
def test_the_password_of_an_address_is_shown_by_no_option_of_any_command(
    command: str, option: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong in a command line is quoted, whatever the option is for."""
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(HEAD)
    address = f"https://me:{password}@acme.com/x"
    given = (
        [f"{option}={address}"] if option.startswith("--") else [*filter(None, [option]), address]
    )
    for more in ([], ["--format", "json"]):
        ran = cli(command, *given, *more)
        assert "ter2" not in ran.text


@pytest.mark.parametrize(("command", "option"), [*TAKING, ("serve", "--local")])
def test_an_empty_value_is_an_error_that_names_the_option(
    command: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a variable of a script that is not set: what was meant would be left out unseen."""
    monkeypatch.chdir(tmp_path)
    given = [f"{option}="] if option.startswith("--") else [*filter(None, [option]), ""]
    more = ["--yes"] if command == "init" else []
    ran = cli(command, *given, *more)
    assert ran.code == 64
    assert (option or f"{command} ") in ran.err
    assert "is empty; is a variable unset?" in ran.err or "'' is not" in ran.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "-f", "environments"), "-e 'my env' or -e '$(x)'"),
        (("apply", "my plan.yaml"), "come with -f 'my plan.yaml'"),
        (("plan", "--local", "my $x.db"), "write '--local=my $x.db'"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_the_words_of_a_way_out_are_quoted_for_a_shell(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("environments").mkdir()
    environments = "environments: {my env: {token: '${env.T}'}, $(x): {token: '${env.U}'}}\n"
    Path("environments/a.yaml").write_text(HEAD + environments)
    Path("my plan.yaml").write_text(HEAD)
    assert told in cli(*words).err


@pytest.mark.parametrize("command", ["plan", "drift", "validate", "doctor"])
def test_a_secret_that_is_no_text_is_not_one_that_is_not_set(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No command goes without it: the way out is to encode it."""
    monkeypatch.chdir(tmp_path)
    entry = "{cron: '0 9 * * *', destination: 'https://e.com/x', headers: {A: '${env.A}'}}"
    Path("qstash.yaml").write_text(f"{HEAD}schedules: {{a: {entry}}}\n")
    local = () if command == "validate" else ("--local=a.db",)
    ran = cli(command, *local, environ={"A": "\udcff"})
    assert "the environment variable A is not UTF-8 text" in " ".join(ran.text.split())
    assert "goes without" not in ran.text
    ran = cli(command, *local, "--format", "json", environ={"A": "\udcff"})
    if command != "doctor":
        (error,) = json.loads(ran.out)["errors"]
        assert (error["code"], error["hint"]) == ("not_text", "encode it, for example as base64")
