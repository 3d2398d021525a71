"""A name that nothing has is wrong usage, whichever command or option has it."""

from pathlib import Path

import pytest

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
