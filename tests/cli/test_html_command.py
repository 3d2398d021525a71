"""`--format html` of plan, drift and next: one page in every outcome, and only where it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from qstash_sync.exit_codes import ExitCode
from tests.fault_server import FaultServer
from tests.render.test_html import Page
from tests.support import Ran, cli, ids

NOW = ("--now", "2026-11-23T12:00Z")
SECRET = "S3cretS3cret-of-the-file"
ENVIRON = {"SECRET": SECRET}
FILE = """
version: 1
namespace: billing
defaults: {timezone: Europe/Berlin, base_url: https://app.example.com}
queues: {billing-images: {parallelism: 1}}
schedules:
  report: {cron: "30 2 * * *", destination: /r, headers: {Authorization: "Bearer ${env.SECRET}"}, owner: team-a}
  sync: {cron: "0 */6 * * *", timezone: America/New_York, destination: /s}
"""
LOCAL = "--local=a.db"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qstash.yaml").write_text(FILE)


def run(*words: str) -> Ran:
    return cli(*words, *NOW, environ=ENVIRON)


def shown(*words: str, code: int = 0) -> Page:
    """The page on stdout, and nothing on stderr."""
    ran = run(*words, "--format", "html")
    assert (ran.code, ran.err) == (code, "")
    assert SECRET not in ran.out
    return Page(ran.out.removesuffix("\n"))


def test_a_plan_is_a_page() -> None:
    page = shown("plan", LOCAL)
    assert page.of("h1") == ["QStash plan"]
    for said in (
        "3 to create",
        "report",
        "daily 02:30 Berlin to https://",
        "(secret)",
        "The next clock changes",
    ):
        assert said in page.text, said


def test_a_drift_is_a_page_and_ends_with_its_code() -> None:
    assert run("apply", LOCAL, "--yes").code == 0
    with FaultServer("a.db") as server:
        stored = server.store.get("schedule", "billing.report") or {}
        server.store.put("schedule", "billing.report", {**stored, "cron": "0 5 * * *"})
        server.store.put("schedule", "scd_1", {**stored, "scheduleId": "scd_1", "labels": ["x"]})
    page = shown("drift", LOCAL, "-v", code=ExitCode.DIFFERENCES)
    for said in (
        "Differences: 1 drifted",
        "owner team-a",
        "2 in sync",
        "1 unmanaged: in the account",
        "2 read, 0 write",
    ):
        assert said in page.text, said
    assert "unmanaged: in the account" not in shown("drift", LOCAL, code=ExitCode.DIFFERENCES).text


def test_next_is_a_page_without_an_account() -> None:
    ran = cli("next", "--format", "html", "--load", *NOW)
    page = Page(ran.out.removesuffix("\n"))
    assert (ran.code, ran.err) == (0, "")
    for said in (
        "5 firings until Tue 2026-11-24 12:00Z.",
        "01:30Z",
        "busiest day",
        "When what fires",
    ):
        assert said in page.text, said


@pytest.mark.parametrize("word", ["plan", "drift", "next"])
def test_a_page_goes_into_a_file_beside_the_text(word: str) -> None:
    words = (word,) if word == "next" else (word, LOCAL)
    ran = run(*words, "--output", "html=page.html", "--output", "json=page.json")
    assert ran.out == run(*words).out
    page = Path("page.html").read_text()
    assert Page(page.removesuffix("\n")).of("h1") == [f"QStash {word}"]
    assert page == run(*words, "--format", "html").out
    assert SECRET not in page


ERRORS = [
    ("a file", ("plan", LOCAL, "-f", "bad.yaml"), ExitCode.ERROR, "61 is out of range"),
    ("no file", ("drift", LOCAL, "-f", "none.yaml"), ExitCode.USAGE, "none.yaml"),
    ("usage", ("next", "--timezone", "Mars/<b>"), ExitCode.USAGE, "'Mars/<b>' is not a time zone"),
    ("an option", ("plan", LOCAL, "--nonsense"), ExitCode.USAGE, "--nonsense"),
    ("an environment", ("plan", LOCAL, "-e", "<script>"), ExitCode.USAGE, "<script>"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "words", "code", "said"), ERRORS, ids=ids(ERRORS))
def test_an_error_is_a_page(_id: str, words: tuple[str, ...], code: int, said: str) -> None:
    Path("bad.yaml").write_text(FILE.replace("30 2 * * *", "61 2 * * *"))
    ran = run(*words, "--format", "html")
    assert ran.code == code
    page = Page(ran.out.removesuffix("\n"))
    assert "It ended in an error; nothing was written." in page.text
    assert said in page.text
    assert ran.err == ""


def test_an_error_goes_into_the_file_too() -> None:
    Path("qstash.yaml").write_text(FILE.replace("30 2 * * *", "61 2 * * *"))
    ran = run("plan", LOCAL, "--output", "html=page.html")
    assert "61 is out of range" in Page(Path("page.html").read_text().removesuffix("\n")).text
    assert "61 is out of range" in ran.err


def test_what_is_written_takes_no_page() -> None:
    ran = run("apply", LOCAL, "--yes", "--format", "html")
    assert ran.code == ExitCode.USAGE


def test_the_same_account_and_files_are_the_same_bytes() -> None:
    assert run("plan", LOCAL, "--format", "html").out == run("plan", LOCAL, "--format", "html").out


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize("word", ["plan", "next"])
def test_jinja_is_loaded_for_a_page_alone(word: str, form: str) -> None:
    words = [word, *([LOCAL] if word == "plan" else []), "--format", form]
    code = (
        "import sys; from qstash_sync.cli.main import run\n"
        f"code = run({words!r})\n"
        "print('\\nloaded', [name for name in ('jinja2', 'qstash_sync.render.html') if name in sys.modules], code)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRON
    )
    assert ran.stdout.splitlines()[-1] == "loaded [] 0", ran.stdout
