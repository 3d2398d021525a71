"""`--env-file`: python-dotenv's rules, no line skipped, none shown; the process wins."""

import time
from pathlib import Path

import dotenv
import pytest

from qstash_sync.config.env_file import surroundings
from qstash_sync.errors import UsageError
from tests.support import HEAD, cli, seconds

WRITTEN = [
    ("A=b # c", "b"),
    ('A="b" # c', "b"),
    ("A='b' # c", "b"),
    ("A=b#c", "b#c"),
    ('A="b # c"', "b # c"),
    ("export A=b", "b"),
    ("A = b", "b"),
    ("A=", ""),
    ('A="x\\ny"', "x\ny"),
    ("A='x\\ny'", "x\\ny"),
    ('A="x\ny"', "x\ny"),
    ("A=b\r\nC=d\r\n", "b"),
    ("\ufeffA=b", "b"),
    ("A='it\\'s'", "it's"),
    ("A=b=c==", "b=c=="),
    ("A=b\nA=c", "c"),
    ("B=x\nA=${B}/y", "x/y"),
    ("A=${P}/y", "process/y"),
    ("A=${NOPE:-z}", "z"),
    ("P=file\nA=${P}", "process"),
]


@pytest.mark.parametrize(("text", "value"), WRITTEN, ids=[text for text, _ in WRITTEN])
def test_a_line_means_what_python_dotenv_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, value: str
) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    assert surroundings(str(path), {"P": "process"})["A"] == value
    monkeypatch.setenv("P", "process")
    theirs = dotenv.main.DotEnv(path, override=False, encoding="utf-8").dict()
    assert theirs["A"] == value


def test_the_process_wins_over_the_file_unless_it_has_nothing(tmp_path: Path) -> None:
    """Empty is not set: CI hands over a missing secret as empty text."""
    path = tmp_path / ".env"
    path.write_text("A=file\nB=file\nC=file\n")
    found = surroundings(str(path), {"A": "process", "B": "", "D": "process"})
    assert found == {"A": "process", "B": "file", "C": "file", "D": "process"}


@pytest.mark.parametrize(
    "line", ["S3cret", "A: S3cret", "A B=S3cret", 'A="S3cret', "=S3cret", "A='S3cret\n"]
)
def test_a_line_that_is_not_understood_is_an_error_with_its_number_and_without_its_text(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / ".env").write_text(f"# one\nX=1\n{line}\nY=2\n")
    (tmp_path / "q.yaml").write_text(HEAD + "queues: {q: {}}\n# ${env.X}")
    ran = cli("validate", "-f", str(tmp_path / "q.yaml"), "--env-file", str(tmp_path / ".env"))
    assert ran.code == 64, ran
    assert f"{tmp_path / '.env'}:3: not a NAME=VALUE line" in ran.err
    assert "S3cret" not in ran.text


@pytest.mark.parametrize(
    "text",
    [
        "A0=xx\n" + "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 41)),
        '"x=' * 100_000,
    ],
    ids=["doubling", "quotes"],
)
def test_what_would_grow_ends_fast_with_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)
    start = time.process_time()
    with pytest.raises(UsageError):
        surroundings(str(tmp_path / ".env"), {})
    assert time.process_time() - start < seconds(2)


def test_thousands_of_variables_are_read_fast(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("".join(f"A{n}=${{A{n - 1}}}\n" for n in range(20_000)))
    start = time.process_time()
    assert len(surroundings(str(tmp_path / ".env"), {})) == 20_000
    assert time.process_time() - start < seconds(5)
