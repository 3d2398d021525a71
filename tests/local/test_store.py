"""The file of an account: which files are none, who may read it, and who else holds it."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qstash_sync.local import LocalQStash, StoreError
from qstash_sync.local.store import Store
from tests.support import cli, ids

FILE = "version: 1\nnamespace: n\nqueues: {q: {parallelism: 1}}\n"


def database(statement: str) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()

    return make


NO_ACCOUNTS: list[tuple[str, Callable[[Path], object], str]] = [
    ("a directory", Path.mkdir, "it is a directory"),
    ("a text", lambda path: path.write_text("hello\n" * 100), "not a database"),
    ("a short text", lambda path: path.write_text("hello"), "not a database"),
    ("noise", lambda path: path.write_bytes(bytes(range(256)) * 40), "not a database"),
    ("half of a database", lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(9)), "not a database"),
    ("another program's", database("create table moz_places (url)"), "of another program"),
    ("other columns", database("create table resources (a)"), "no such column"),
    ("a pipe", os.mkfifo, "no regular file"),
    ("a link to nothing", lambda path: path.symlink_to("/nowhere/at/all"), "No such file"),
    ("a link to itself", lambda path: path.symlink_to(path), "symbolic links"),
    ("a device", lambda path: path.symlink_to("/dev/zero"), "no regular file"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "make", "why"), NO_ACCOUNTS, ids=ids(NO_ACCOUNTS))
@pytest.mark.parametrize(
    "command", [["plan", "-f", "-"], ["apply", "--yes", "-f", "-"], ["serve", "--port", "0"]]
)
def test_what_is_no_account_is_said_in_one_line_and_left_as_it_is(
    tmp_path: Path, _id: str, make: Callable[[Path], object], why: str, command: list[str]
) -> None:
    path = tmp_path / "x.db"
    make(path)
    before = os.lstat(path)
    ran = cli(*command, f"--local={path}", stdin=FILE)
    assert ran.code == 64
    assert ran.err.startswith(f"error: --local={path}: ")
    assert why in ran.err
    assert len(ran.err.splitlines()) == 1
    after = os.lstat(path)
    assert (after.st_mode, after.st_size) == (before.st_mode, before.st_size)


@pytest.mark.parametrize("name", ["", "nowhere/x.db", "x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_is_said(tmp_path: Path, name: str) -> None:
    path = f"{tmp_path}/{name}" if name else ""
    ran = cli("plan", "-f", "-", f"--local={path}", stdin=FILE)
    assert ran.code == 64
    assert "error: --local" in ran.err
    assert "Traceback" not in ran.text


def test_an_account_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    """Headers and bodies stand in it in clear, secrets and all; its journal is no exception."""
    path = tmp_path / "new.db"
    before = os.umask(0)
    try:
        with LocalQStash(path) as account, account.store.transaction():
            account.store.put("queue", "q", {})
            modes = {stat.S_IMODE(found.stat().st_mode) for found in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    path.chmod(0o644)  # as earlier releases made it
    Store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


LOCKER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("begin " + sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("mode", "code"), [("exclusive", 64), ("immediate", 4)])
def test_a_file_that_another_process_holds_is_said(
    tmp_path: Path, mode: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, or at the first write."""
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", {"wait": 0.05})
    monkeypatch.setattr("qstash_sync.qstash.throttle.FIRST", 0.001)
    path = tmp_path / "a.db"
    Store(path).close()
    LocalQStash(path).close()
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, path, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout and other.stdout.readline() == b"locked\n"
        ran = cli("apply", "--yes", "-f", "-", f"--local={path}", stdin=FILE)
        other.communicate()
    assert ran.code == code
    assert "another process does not let go of it" in ran.text
    assert "Traceback" not in ran.text


def test_a_file_that_fails_in_the_middle_is_an_answer(tmp_path: Path) -> None:
    with LocalQStash(tmp_path / "a.db") as account:
        with sqlite3.connect(tmp_path / "a.db") as db:
            db.execute("drop table resources")
        with pytest.raises(StoreError, match="no such table"):
            account.store.all("queue")
