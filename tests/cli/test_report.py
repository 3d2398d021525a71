"""What is shown of many errors: each cause once, as many as anybody reads, and how many there are."""

import json
from pathlib import Path

import pytest

from qstash_sync.errors import UnreachableError
from qstash_sync.local import Served
from qstash_sync.render import markdown
from tests.fault_server import FaultServer
from tests.support import HEAD, cli

COUNT = 250


def written(path: Path, value: str) -> Path:
    path.write_text(
        HEAD
        + "schedules:\n"
        + "".join(
            f"  j{k}: {{cron: '0 9 * * *', destination: 'https://e.com', {value}}}\n"
            for k in range(COUNT)
        )
    )
    return path


@pytest.mark.parametrize("command", ["validate", "plan"])
@pytest.mark.parametrize(
    ("value", "shown", "more", "total"),
    [
        ("body: '${env.GONE}'", 1, 0, "1 error."),
        ("retries: wrong", 200, COUNT - 200, f"{COUNT} errors."),
    ],
)
def test_errors_are_folded_before_they_are_cut(
    tmp_path: Path, command: str, value: str, shown: int, more: int, total: str
) -> None:
    path = written(tmp_path / "q.yaml", value)
    words = (command, "-f", str(path), *(["--local"] if command == "plan" else []))
    ran = cli(*words, environ={})
    assert ran.code == 1
    assert sum(": error: " in line or line.startswith("error: ") for line in ran.err.splitlines()) == shown  # fmt: skip
    assert (f"\nand {more} more\n" in ran.err) == bool(more)
    assert ran.err.endswith(f"\n\n{total}\n")

    ran = cli(*words, "--format", "json", environ={})
    assert len(json.loads(ran.out)["errors"]) == COUNT


def test_every_page_counts_errors_as_it_shows_them(tmp_path: Path) -> None:
    path = written(tmp_path / "q.yaml", "body: '${env.GONE}'")
    words = ("plan", "-f", str(path), "--local")
    assert "### 1 error\n" in cli(*words, "--format", "markdown", environ={}).out
    assert "<h2>1 error</h2>" in cli(*words, "--format", "html", environ={}).out
    path = written(tmp_path / "q.yaml", "timezone: 'x${var.gone}'")
    told = json.loads(cli("doctor", "-f", str(path), "--local", "--format", "json").out)["checks"]
    assert "more" not in told[0]["message"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("apply", "--yes"), True),
        (("destroy", "--yes", "billing"), True),
        (("pause", "a"), True),
        (("resume", "*"), True),
        (("import", "--namespace", "billing"), True),
        (("plan",), False),  # which cannot write
        (("drift",), False),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "served"], ids=["nobody", "no token"])
def test_what_may_write_and_gets_no_answer_says_that_it_has_written_nothing(
    tmp_path: Path, words: tuple[str, ...], url: str, *, says: bool
) -> None:
    (tmp_path / "q.yaml").write_text(
        HEAD + "schedules: {a: {cron: '0 9 * * *', destination: 'https://a.example.com'}}\n"
    )
    files = () if words[0] == "import" else ("-f", str(tmp_path / "q.yaml"))
    with FaultServer() as account, Served(account) as served:
        environ = {"QSTASH_URL": served.url if url == "served" else url, "QSTASH_TOKEN": "t-77"}
        ran = cli(*words, *files, environ=environ)
    assert ran.code == 1
    assert ran.err.rstrip().endswith("; nothing was written") == says, ran.err


def test_what_has_written_does_not_say_that_it_has_not() -> None:
    error = UnreachableError("gone")
    assert "nothing was written" in markdown.error(error, "apply", None)
    assert "nothing was written" not in markdown.error(error, "apply", None, written=1)
