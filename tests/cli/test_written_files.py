"""Every option that writes a file: whole or not at all, and never over what no run can make again."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import HEAD, Ran, cli, ids

ROOT = Path(__file__).parents[2]
NOW = ("--now", "2026-11-23T12:00Z")
SCHEDULES = (
    "schedules:\n  a: {cron: '0 9 * * *', timezone: UTC, destination: 'https://e.example.com/a'}\n"
)
FILE = HEAD + SCHEDULES
READS = (*NOW, "-f", "q.yaml", "--local=a.db")
WRITERS: list[tuple[str, tuple[str, ...]]] = [
    ("markdown", ("plan", *READS, "--output", "markdown={}")),
    ("html", ("plan", *READS, "--output", "html={}")),
    ("json", ("drift", *READS, "--output", "json={}")),
    ("ics", ("next", "-f", "q.yaml", *NOW, "--output", "ics={}")),
    ("an error", ("plan", *READS, "--var", "x", "--output", "json={}")),
    ("schema", ("schema", "--output", "{}")),
    ("schema of a command", ("schema", "plan", "--output", "{}")),
    ("saved plan", ("plan", *READS, "--save", "{}")),
    ("imported file", ("import", "--namespace", "b", "--local=a.db", *NOW, "--out", "{}")),
    ("imported secrets", ("import", "--namespace", "b", "--local=a.db", *NOW, "--env-out", "{}")),
    ("first file", ("init", "--yes", "--out", "{}")),
    ("first secrets", ("init", "--yes", "--from", "jobs.json", "--base-url", "https://a.com", "--out", "new", "--env-out", "{}")),
]  # fmt: skip
OVERWRITING = [one for one in WRITERS if "--output" in one[1]]
JOBS = [{"name": "j", "cron": "0 9 * * *", "url": "https://a.com/j", "headers": {"X": "s"}}]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("q.yaml").write_text(FILE)
    Path("jobs.json").write_text(json.dumps(JOBS))
    assert cli("apply", "--yes", *READS).code == 0
    return tmp_path


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def written(words: tuple[str, ...], path: str, code: int = 0) -> Ran:
    ran = cli(*(word.format(path) for word in words))
    assert ran.code == (code or 64 * ("--var" in words)), ran.text
    return ran


# ---------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize(("_id", "words"), WRITERS, ids=ids(WRITERS))
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_disk_that_fails_is_an_error_and_leaves_all_as_it_was(
    _id: str, words: tuple[str, ...], fault: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the workflow is to be mended: 1, not 64."""
    earlier = b"earlier" if "--output" in words else b""
    if earlier:
        Path("there").write_bytes(earlier)
    before = names()

    good = ["new"] if "new" in words else []  # the file beside this one

    def full(_: int) -> None:
        if not good:
            raise OSError(fault, os.strerror(fault))
        good.pop()

    monkeypatch.setattr("os.fsync", full)
    ran = written(words, "there", 0 if _id == "an error" else 1)
    option = next(
        word for word in reversed(words) if word in ("--output", "--save", "--out", "--env-out")
    )
    assert f"{option} there: cannot be written: {os.strerror(fault)}" in ran.err
    assert names() == before
    assert not earlier or Path("there").read_bytes() == earlier


def test_a_document_tells_of_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    ran = cli("plan", *READS, "--format", "json", "--output", "html=o.html")
    (error,) = json.loads(ran.out)["errors"]
    assert (ran.code, error["code"]) == (1, "file")
    assert error["message"] == "--output o.html: cannot be written: No space left on device"


def test_a_file_that_may_not_grow_stays_as_it_was() -> None:
    """The real process, under the real limit of 1,024 bytes."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    Path("o.html").write_text("yesterday")
    words = ("-m", "qstash_sync", "plan", "-f", "q.yaml", "--local", "--output", "html=o.html")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, *words], env=environ, preexec_fn=limited, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, "File too large" in ran.stderr) == (1, True), ran.stderr
    assert Path("o.html").read_text() == "yesterday"
    assert names() == ["a.db", "jobs.json", "o.html", "q.yaml"]


NO_FILES: list[tuple[str, Callable[[], str]]] = [
    ("a directory", lambda: "folder"),
    ("in no directory", lambda: "nowhere/x"),
    ("in a file", lambda: "q.yaml/x"),
    ("too long", lambda: "x" * 256),
    ("in a circle", lambda: "circle/x"),
    ("where nobody may", lambda: "/proc/x"),
]


@pytest.mark.parametrize(("_id", "words"), WRITERS, ids=ids(WRITERS))
@pytest.mark.parametrize(("_name", "path"), NO_FILES, ids=ids(NO_FILES))
def test_a_path_that_cannot_be_a_file_is_wrong_usage(
    _id: str, words: tuple[str, ...], _name: str, path: Callable[[], str]
) -> None:
    Path("folder").mkdir()
    Path("circle").symlink_to("circle")
    before = names()
    written(words, path(), 64)
    assert names() == before


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_that_is_overwritten_stays_whose_it_was(
    _id: str, words: tuple[str, ...], mode: int
) -> None:
    path = Path("there")
    path.write_text("earlier")
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    written(words, "there")
    after = path.stat()
    assert path.read_text().strip()[:1] in "#<{B"
    for key in ("st_mode", "st_uid", "st_gid"):
        assert getattr(after, key) == getattr(before, key)
    assert after.st_mtime_ns >= before.st_mtime_ns


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
def test_a_file_of_two_names_stays_one(_id: str, words: tuple[str, ...]) -> None:
    Path("there").write_text("earlier, and longer than a report is" * 10_000)
    Path("other").hardlink_to("there")
    written(words, "there")
    assert Path("other").samefile("there")
    assert "earlier" not in Path("other").read_text()


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
@pytest.mark.parametrize("fault", [errno.EACCES, errno.EROFS, errno.EINVAL, errno.EBUSY])
def test_a_file_that_cannot_be_replaced_where_it_is_is_overwritten_there(
    _id: str, words: tuple[str, ...], fault: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file that is mounted, or is in a folder that takes no other."""
    Path("there").write_text("earlier, and longer than a report is" * 10_000)
    inode = Path("there").stat().st_ino
    before = names()

    def busy(*_: object, **__: object) -> None:
        raise OSError(fault, os.strerror(fault))

    steps = {errno.EBUSY: "pathlib.Path.replace", errno.EINVAL: "shutil.copystat"}
    monkeypatch.setattr(steps.get(fault, "tempfile.mkstemp"), busy)
    written(words, "there")
    assert Path("there").stat().st_ino == inode
    assert "earlier" not in Path("there").read_text()
    assert names() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
def test_a_file_that_nobody_may_write_is_not_replaced(_id: str, words: tuple[str, ...]) -> None:
    Path("there").write_text("earlier")
    Path("there").chmod(0o444)
    assert "cannot be written: Permission denied" in written(words, "there", 64).err
    assert Path("there").read_text() == "earlier"


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
def test_a_pipe_gets_the_page_and_stays_a_pipe(_id: str, words: tuple[str, ...]) -> None:
    os.mkfifo("pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_text()))
    reader.start()
    written(words, "pipe")
    reader.join(10)
    assert read[0].endswith("\n")
    assert Path("pipe").is_fifo()


@pytest.mark.parametrize("number", [1, 3])
def test_a_stream_by_its_number_goes_where_it_goes(number: int) -> None:
    """It may be a file: that is written, and the name is left alone."""
    words = f"-m qstash_sync plan -f q.yaml --local=a.db --output html=/dev/fd/{number}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = f"exec {sys.executable} {words} {number}> got"
    subprocess.run(
        ["/bin/sh", "-c", script], env=environ, capture_output=True, check=True, timeout=60
    )
    assert "</html>" in Path("got").read_text()


# ---------------------------------------------------------------- what no run can make again

CONFIGS: list[tuple[str, str]] = [
    ("a file", FILE),
    ("with comments first", f"# ours\n\n---\nnamespace: b\nversion: 1 # of the format\n{SCHEDULES}"),
    ("with other ends of lines", FILE.replace("\n", "\r\n")),
    ("a part of a folder", SCHEDULES),
    ("queues alone", "queues:\n  q: {parallelism: 2}\n"),
    ("in one line", "url_groups: {g: {endpoints: [https://a.com]}}"),
    ("broken", "version: 1\nschedules: ["),
    ("in braces", "{version: 1, namespace: b}"),
    ("JSON", '{"version": 1, "namespace": "b"}'),
    ("JSON in lines", '{\n  "version": 1,\n  "namespace": "b"\n}\n'),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
@pytest.mark.parametrize(("_name", "text"), CONFIGS, ids=ids(CONFIGS))
def test_a_configuration_is_not_overwritten(
    _id: str, words: tuple[str, ...], _name: str, text: str
) -> None:
    Path("qstash.yaml").write_bytes(text.encode())
    ran = written(words, "qstash.yaml", 64)
    fact = "--output qstash.yaml: holds a configuration, and is not overwritten; name another file"
    assert fact in ran.err
    assert Path("qstash.yaml").read_bytes() == text.encode()


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_saved_plan_is_not_overwritten(
    _id: str, words: tuple[str, ...], *, is_damaged: bool
) -> None:
    assert cli("plan", *READS, "--save", "plan.json").code == 0
    if is_damaged:
        Path("plan.json").write_text(Path("plan.json").read_text()[:200])
    before = Path("plan.json").read_text()
    ran = written(words, "plan.json", 64)
    assert "--output plan.json: holds a saved plan, and is not overwritten" in ran.err
    assert Path("plan.json").read_text() == before


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
def test_a_local_account_is_not_overwritten(_id: str, words: tuple[str, ...]) -> None:
    assert cli("apply", "--yes", *NOW, "-f", "q.yaml", "--local=other.db").code == 0
    ran = written(words, "other.db", 64)
    assert "--output other.db: holds an SQLite database, and is not overwritten" in ran.err
    assert cli("plan", *NOW, "-f", "q.yaml", "--local=other.db", "--detailed-exitcode").code == 0


def test_that_is_said_before_anything_is_read() -> None:
    Path("qstash.yaml").write_text(FILE)
    ran = cli("plan", "-f", "nowhere.yaml", "--output", "html=qstash.yaml")
    assert "holds a configuration" in ran.err


OTHERS: list[tuple[str, str]] = [
    ("nothing", ""),
    ("words", "schedules: see the other file\nthe version: 1 of two\n"),
    ("another's file", "version: '3'\nservices: {a: {image: b}}\n"),
    ("a package", '{\n  "name": "x",\n  "version": "1.0.0"\n}\n'),
    ("a later key", '{"a": {\n"version": 1}}'),
    ("no text", "\udcff\udcfe"),
]


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
@pytest.mark.parametrize(("_name", "text"), OTHERS, ids=ids(OTHERS))
def test_anything_else_is_overwritten_without_a_word(
    _id: str, words: tuple[str, ...], _name: str, text: str
) -> None:
    Path("there").write_bytes(text.encode(errors="surrogateescape"))
    ran = written(words, "there")
    assert "there" not in ran.err
    assert Path("there").read_bytes() != text.encode(errors="surrogateescape")


@pytest.mark.parametrize(("_id", "words"), OVERWRITING, ids=ids(OVERWRITING))
def test_so_is_a_page_of_ours(_id: str, words: tuple[str, ...]) -> None:
    """Of any other format, and of a schedule that is called like a key of the file."""
    entry = SCHEDULES.partition("  a:")[2].replace("UTC,", "UTC, body: {version: 1},")
    Path("q.yaml").write_text(f"{FILE}  queues:{entry}")
    pages = [words for _, words in OVERWRITING]
    pages.append(("next", "-f", "q.yaml", *NOW, "--output", "text={}"))
    for earlier in pages:
        for one in (earlier, words):
            ran = cli(*(word.format("there") for word in one))
            assert ran.code in (0, 2, 64)
            assert "there" not in ran.err
