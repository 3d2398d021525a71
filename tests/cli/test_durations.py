"""Durations of the command line: any text ends in a duration or in one clear line."""

from pathlib import Path

import pytest

from qstash_sync.cli import options
from qstash_sync.errors import UsageError
from tests.support import HEAD, cli


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5_400),
        ("60", 60),
        ("0", 0),
        ("8784h", 31_622_400),
        ("1d", 86_400),
        ("1d12h", 129_600),
    ],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert options.seconds(text, "--max-wait") == seconds


@pytest.mark.parametrize(
    "text",
    [
        "99999999999999999h",
        "9" * 5_000,
        "8785h",
        "999999999h",
        "367d",
        "",
        "-5",
        "5 m",
        "\u0663h",
        "1e9",
        "inf",
        "0x5",
    ],
)
def test_what_is_none_or_endless_is_wrong_usage_and_nothing_is_written(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(UsageError, match="write it like 90s, 5m, 1h30m or 1d"):
        options.seconds(text, "--max-wait")
    (tmp_path / "q.yaml").write_text(HEAD + "queues: {q: {}}")
    words = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    ran = cli("apply", *words, f"--max-wait={text}")
    assert (ran.code, ran.out) == (64, "")  # before there is a plan
    assert len(ran.err) < 200
    assert cli("plan", *words, "--detailed-exitcode").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--renew-before", "9" * 5_000 + "d"),
        ("--renew-before", "99999999999999999999d"),
        ("--max-parts", "9" * 5_000),
        ("--gap", "x" * 5_000),
        ("--now", "9" * 5_000),
    ],
)
def test_no_number_of_an_option_is_too_long_for_an_error(words: tuple[str, str]) -> None:
    ran = cli("compile", "0 9 * * *", "--timezone", "UTC", *words)
    assert ran.code == 64, ran
    assert "Traceback" not in ran.text


@pytest.mark.parametrize(
    "command", ["plan --local", "apply --local", "drift --local", "next", "explain a"]
)
def test_a_time_that_is_none_is_found_before_any_file_is_read(command: str) -> None:
    ran = cli(*command.split(), "-f", "none.yaml", "--now", "soon")
    assert ran.code == 64
    assert ran.err.startswith("error: --now soon: write it like")
