"""A shell's TAB offers what may stand there, and makes no error of a line that is not whole."""

from pathlib import Path

import click
import pytest

from qstash_sync.cli.main import cli as program, run

FILE = (
    "version: 1\nnamespace: a\nenvironments: {prod: {}, stage: {}}\n"
    "schedules: {x-base: {}, fx-rates: {}, '${var.a}': {}, daily: {}}\n"
)


def offered(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What bash is given for TAB at the end of a line."""
    words = f"qstash-sync {line}"
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - (not words.endswith(" "))))
    monkeypatch.setenv("_QSTASH_SYNC_COMPLETE", "bash_complete")
    with pytest.raises(SystemExit) as ended:
        run(["ignored"])
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, ""), line
    return out.split()


@pytest.fixture(autouse=True)
def _a_folder_with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qstash.yaml").write_text(FILE)
    (tmp_path / "other.yaml").write_text("schedules: [")
    monkeypatch.chdir(tmp_path)


CASES = [
    ("plan --format ", ["plain,text", "plain,markdown", "plain,json", "plain,html"]),
    ("plan --format ht", ["plain,html"]),
    ("plan --only ", ["plain,clock"]),
    ("plan -f ", ["file,"]),
    ("plan --base qs", ["file,qs"]),
    ("apply ", ["file,"]),
    ("plan -e ", ["plain,prod", "plain,stage"]),
    ("pause fx-rates -e st", ["plain,stage"]),
    ("plan -f qstash.yaml --env p", ["plain,prod"]),
    ("plan -f other.yaml -e ", []),
    ("plan -f nope.yaml -e ", []),
    ("plan -f - -e ", []),
    ("explain ", ["plain,fx-rates", "plain,daily"]),
    ("pause daily f", ["plain,fx-rates"]),
    ("next --name d", ["plain,daily"]),
    ("plan --target ", []),
    ("plan x --forma", ["plain,--format"]),
    ("plan --now a --now ", []),
    ("completion --for", []),
]


@pytest.mark.parametrize(("line", "found"), CASES, ids=[line for line, _ in CASES])
def test_a_value_is_completed(
    line: str,
    found: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert offered(line, monkeypatch, capsys) == found


@pytest.mark.parametrize("name", sorted(program.commands))
def test_no_option_makes_an_error_of_tab(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in program.commands[name].params:
        if isinstance(option, click.Option):
            offered(f"{name} {option.opts[-1]} ", monkeypatch, capsys)
            offered(f"{name} {option.opts[-1]} x --", monkeypatch, capsys)
