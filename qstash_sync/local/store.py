"""Where the local server keeps its resources: one SQLite table of JSON documents."""

import json
import sqlite3
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
_WAIT = 60.0  # seconds for other processes to finish their transactions
Document = dict[str, Any]


class Store:
    """Documents by kind and name; several threads and processes may share the file."""

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            str(path), timeout=_WAIT, check_same_thread=False, isolation_level=None
        )
        # A killed process loses nothing that was committed; only a power cut could.
        self._db.execute("pragma synchronous = off")
        self._db.execute(_TABLE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """All or nothing; nobody else writes meanwhile if this one writes."""
        with self._lock:
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
        with self._lock:
            return [json.loads(row[0]) for row in self._db.execute(query, (kind,))]

    def get(self, kind: str, name: str) -> Document | None:
        """One document."""
        query = "select document from resources where kind = ? and name = ?"
        with self._lock:
            row = self._db.execute(query, (kind, name)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, name: str, document: Document) -> None:
        """Create or replace; a replaced document keeps its place in the order."""
        statement = """
            insert into resources (kind, name, document) values (?1, ?2, ?3)
            on conflict (kind, name) do update set document = ?3
        """
        with self._lock:
            self._db.execute(statement, (kind, name, json.dumps(document)))

    def delete(self, kind: str, name: str) -> bool:
        """Whether there was one to delete."""
        statement = "delete from resources where kind = ? and name = ?"
        with self._lock:
            return self._db.execute(statement, (kind, name)).rowcount > 0

    def count(self, kind: str) -> int:
        """How many there are of a kind."""
        query = "select count(*) from resources where kind = ?"
        with self._lock:
            return int(self._db.execute(query, (kind,)).fetchone()[0])
