"""`--var`: what it sets is a variable that the files know, and never to nothing."""

from pathlib import Path

import pytest

import qstash_sync
from qstash_sync.cli.main import _MODULES, cli as commands
from qstash_sync.errors import UsageError
from tests.support import HEAD, cli, ids

SCHEDULE = "schedules: {a: {cron: '0 9 * * *', destination: 'https://a.example.com/%s'}}\n"
PREVIEWS = f"""\
version: 1
namespace: shop
defaults: {{timezone: UTC}}
vars: {{preview: none}}
environments:
  production: {{token: "${{env.PROD_TOKEN}}"}}
  preview: {{token: "${{env.PREVIEW_TOKEN}}", namespace: "shop-${{var.preview}}", vars: {{host: a}}}}
{SCHEDULE % "${var.path}"}"""
# What a command needs beside the options of the files.
MORE = {
    "apply": ("--yes", "--local=a.db"), "destroy": ("--yes", "shop-none", "--local=a.db"),
    "explain": ("a", "--local=a.db"), "pause": ("a", "--yes", "--local=a.db"),
    "resume": ("a", "--yes", "--local=a.db"), "import": ("--strays", "--local=a.db"),
    "plan": ("--local=a.db",), "drift": ("--local=a.db",),
}  # fmt: skip
TAKE = sorted(
    name for name in _MODULES if any(p.name == "variables" for p in commands.commands[name].params)
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "qstash.yaml").write_text(PREVIEWS)
    return tmp_path


@pytest.mark.parametrize("command", TAKE)
def test_a_slip_in_the_name_of_a_variable_is_wrong_usage_in_every_command(
    command: str, here: Path
) -> None:
    """An apply would else go into the namespace that the file has without it."""
    words = (command, *MORE.get(command, ()), "-e", "preview", "--var", "path=x")
    ran = cli(*words, "--var", "preveiw=pr-7")
    assert (ran.code, ran.out) == (64, "")
    assert "--var preveiw: no such variable in the files" in ran.err
    assert "did you mean preview?" in ran.err
    assert not (here / "a.db").exists()


@pytest.mark.parametrize("command", TAKE)
def test_an_empty_value_of_a_variable_is_wrong_usage_in_every_command(
    command: str, here: Path
) -> None:
    """It is a variable of a workflow that is not set."""
    words = (command, *MORE.get(command, ()), "-e", "preview", "--var", "path=x")
    ran = cli(*words, "--var", "preview=")
    assert (ran.code, ran.out) == (64, "")
    assert "--var preview: is empty; is a variable unset?" in ran.err
    assert "write it in vars" in ran.err
    assert not (here / "a.db").exists()


KNOWN = [
    ("in vars", "vars: {x: a}\n", "", ""),
    ("in vars of another environment", "environments: {b: {token: '${env.B}', vars: {x: a}}, c: {token: '${env.C}'}}\n", "", ""),
    ("in a text", "", "${var.x}", ""),
    ("in a text, with spaces", "", "${ var.x }", ""),
    ("in a text that is wrong", "", "${var.x:-a}", ""),
    ("in a variable", "vars: {y: '${var.x}'}\n", "", ""),
    ("in a name", "queues: {'q-${var.x}': {parallelism: 1}}\n", "", ""),
    ("in another file", "", "", "queues: {'q-${var.x}': {parallelism: 1}}\n"),
    ("in vars of another file", "", "", "vars: {x: a}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "head", "path", "other"), KNOWN, ids=ids(KNOWN))
def test_a_variable_that_some_file_or_environment_knows_may_be_given(
    _id: str, head: str, path: str, other: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + head + SCHEDULE % path)
    (tmp_path / "b.yaml").write_text(f"version: 1\n{other}")
    for command in ("validate", "compile", "next"):
        named = ("-e", "c") if "environments" in head and command != "validate" else ()
        ran = cli(command, "-f", str(tmp_path), *named, "--var", "x=v")
        assert ran.code in ((0, 1) if ":-" in path else (0,)), ran


def test_a_variable_that_another_given_one_names_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + SCHEDULE % "${var.x}")
    given = ("--var", "x=${var.y}", "--var", "y=1")
    assert cli("validate", "-f", str(tmp_path), *given).code == 0


UNKNOWN = [
    ("of files without any", "", "x=1", "--var x: no such variable in the files, neither in vars nor as ${var.…}\n"),
    ("far from what there is", "vars: {preview: a}\n", "x=1", "; known: preview\n"),
    ("that is a literal", "vars: {y: '$${var.x}'}\n", "x=1", "; known: y\n"),
    ("that is one of the process", "vars: {y: '${env.x:-a}'}\n", "x=1", "; known: y\n"),
    ("in another case", "vars: {app_url: a}\n", "APP_URL=1", "--var APP_URL: no such"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "head", "given", "told"), UNKNOWN, ids=ids(UNKNOWN))
def test_a_variable_that_no_file_knows(
    _id: str, head: str, given: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + head)
    ran = cli("validate", "-f", str(tmp_path), "--var", given)
    assert (ran.code, told in ran.err) == (64, True), ran


def test_what_may_be_the_end_of_a_secret_is_not_repeated(tmp_path: Path) -> None:
    """`--var "$SECRET"` without a name, where base64 ends as names do."""
    (tmp_path / "a.yaml").write_text(HEAD)
    for end in ("=", "=="):
        ran = cli("validate", "-f", str(tmp_path), "--var", f"c2VjcmV0{end}")
        assert (ran.code, "c2VjcmV0" in ran.text) == (64, False)
    token = "sk_live_" + "abcdefghijklmnopqrstuvwx"
    ran = cli("validate", "-f", str(tmp_path), "--var", f"{token}=1")
    assert (ran.code, "abcdef" in ran.text) == (64, False)


def test_a_file_that_cannot_be_read_is_told_before_its_variables(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nnamespace: a\nvars: {x: 1\n")
    ran = cli("validate", "-f", str(tmp_path), "--var", "x=1")
    assert (ran.code, "not valid YAML" in ran.err) == (1, True)


@pytest.mark.parametrize("vars_", ["[x]", "[{x: a}]", "x", "5", "true"])
@pytest.mark.parametrize(
    "where", ["vars: %s\n", "environments: {e: {token: '${env.T}', vars: %s}}\n"]
)
def test_vars_that_are_no_mapping_are_told_before_what_is_given(
    where: str, vars_: str, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + where % vars_)
    ran = cli("validate", "-f", str(tmp_path), "--var", "x=1")
    assert (ran.code, "vars: must be a mapping" in ran.err) == (1, True), ran


def test_variables_of_an_env_file_are_another_matter(tmp_path: Path) -> None:
    """A process has many variables that a file does not ask for, and CI has empty ones."""
    (tmp_path / "a.yaml").write_text(HEAD + SCHEDULE % "${env.X:-x}")
    (tmp_path / "env").write_text("X=\nOTHER=1\n")
    given = ("--env-file", str(tmp_path / "env"))
    assert cli("validate", "-f", str(tmp_path / "a.yaml"), *given).code == 0


@pytest.mark.parametrize(
    ("given", "told"), [({"y": "1"}, "variables y: no such"), ({"x": ""}, "variables x: is empty")]
)
def test_the_library_refuses_the_same(given: dict[str, str], told: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{HEAD}vars: {{x: a}}\n")
    with pytest.raises(UsageError, match=told):
        qstash_sync.load(tmp_path, variables=given, environ={})


@pytest.mark.parametrize("command", [
    "plan", "plan --save PLAN", "drift", "explain b", "explain b --format json", "pause b",
    "pause b --format json", "apply --yes", "apply --yes --format json", "doctor",
])  # fmt: skip
def test_a_hint_has_no_secret_that_a_variable_brings(tmp_path: Path, command: str) -> None:
    """Only a config tells which value is one: without it no value is shown."""
    entry = "{cron: 0 9 * * *, destination: 'https://e.com/b', body: {password: '${var.pw}'}}"
    head = f"version: 1\nnamespace: acme\ndefaults: {{timezone: UTC}}\nvars: {{pw: ''}}\nschedules: {{b: {entry}}}\n"
    (tmp_path / "one.yaml").write_text(head)
    (tmp_path / "two.yaml").write_text(f"{head}environments: {{prod: {{token: '${{env.T}}'}}}}\n")
    given = ["--var", "pw=made-up-secret", f"--local={tmp_path / 'a.db'}"]
    cli("apply", "--yes", "-f", str(tmp_path / "one.yaml"), *given)
    words = command.replace("PLAN", str(tmp_path / "plan")).split()
    ran = cli(*words, "-f", str(tmp_path / "two.yaml"), "-e", "prod", *given, environ={"T": "t"})
    assert "made-up-secret" not in ran.text
    assert "--adopt b" in ran.text or command in ("doctor", "apply --yes")
