"""Where the local server keeps its resources: one SQLite table of JSON documents."""

import contextlib
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLE = """
create table if not exists resources (
  number integer primary key autoincrement, kind text not null, name text not null,
  document text not null, unique (kind, name)
)
"""
_TABLES = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
_WAIT = 20.0  # seconds for other processes to finish their transactions
_PRIVATE = 0o600
Document = dict[str, Any]


class StoreError(Exception):
    """The file of an account cannot be used; str() says why."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        locked = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        why = "another process does not let go of it" if locked else str(error)
        raise StoreError(why) from None


class Store:
    """Documents by kind and name; several threads and processes may share the file.

    Every method raises `StoreError` where the file cannot be used.
    """

    def __init__(self, path: str | Path, *, wait: float = _WAIT) -> None:
        self._lock = threading.RLock()
        is_file = str(path) != ":memory:"
        if is_file:
            _make(Path(path))
        with _told():
            self._db = sqlite3.connect(
                str(path), timeout=wait, check_same_thread=False, isolation_level=None
            )
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise
        if is_file:
            _keep_private(Path(path))

    def _open(self) -> None:
        # A killed process loses nothing that was committed; only a power cut could.
        self._db.execute("pragma synchronous = off")
        tables = {name for (name,) in self._db.execute(_TABLES)}
        if tables - {"resources"}:
            raise StoreError("it is the database of another program")
        self._db.execute(_TABLE)
        self._db.execute("select kind, name, document from resources limit 1")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """All or nothing; nobody else writes meanwhile if this one writes."""
        with self._lock, _told():
            self._db.execute("begin immediate" if write else "begin")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def all(self, kind: str) -> list[Document]:
        """Every document of a kind, oldest first."""
        query = "select document from resources where kind = ? order by number"
        with self._lock, _told():
            return [json.loads(row[0]) for row in self._db.execute(query, (kind,))]

    def get(self, kind: str, name: str) -> Document | None:
        """One document."""
        query = "select document from resources where kind = ? and name = ?"
        with self._lock, _told():
            row = self._db.execute(query, (kind, name)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, name: str, document: Document) -> None:
        """Create or replace; a replaced document keeps its place in the order."""
        statement = """
            insert into resources (kind, name, document) values (?1, ?2, ?3)
            on conflict (kind, name) do update set document = ?3
        """
        with self._lock, _told():
            self._db.execute(statement, (kind, name, json.dumps(document)))

    def delete(self, kind: str, name: str) -> bool:
        """Whether there was one to delete."""
        statement = "delete from resources where kind = ? and name = ?"
        with self._lock, _told():
            return self._db.execute(statement, (kind, name)).rowcount > 0

    def count(self, kind: str) -> int:
        """How many there are of a kind."""
        query = "select count(*) from resources where kind = ?"
        with self._lock, _told():
            return int(self._db.execute(query, (kind,)).fetchone()[0])


def _make(path: Path) -> None:
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise StoreError(getattr(error, "strerror", None) or "no file can have this name") from None
    if not stat.S_ISREG(mode):
        raise StoreError("it is a directory" if stat.S_ISDIR(mode) else "it is no regular file")


def _keep_private(path: Path) -> None:
    """For its owner alone: headers and bodies stand in it in clear, secrets and all."""
    with contextlib.suppress(OSError):
        if stat.S_IMODE(path.stat().st_mode) & ~_PRIVATE:
            path.chmod(_PRIVATE)
