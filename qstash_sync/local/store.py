"""Where the local server keeps its resources: one SQLite table of JSON documents."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLE = """
create table if not exists resource (
  kind text not null, name text not null, number integer not null, document text not null,
  primary key (kind, name)
) without rowid
"""
Document = dict[str, Any]


class Store:
    """Documents by kind and name; several processes may share the file."""

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            str(path), timeout=30, check_same_thread=False, isolation_level=None
        )
        self._db.execute("pragma synchronous = off")
        self._db.execute(_TABLE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else writes meanwhile."""
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def all(self, kind: str) -> list[Document]:
        """Every document of a kind, oldest first."""
        query = "select document from resource where kind = ? order by number, name"
        with self._lock:
            return [json.loads(row[0]) for row in self._db.execute(query, (kind,))]

    def get(self, kind: str, name: str) -> Document | None:
        """One document."""
        query = "select document from resource where kind = ? and name = ?"
        with self._lock:
            row = self._db.execute(query, (kind, name)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, name: str, document: Document) -> None:
        """Create or replace; a replaced document keeps its place in the order."""
        statement = """
            insert into resource
            values (?1, ?2, (select coalesce(max(number), 0) + 1 from resource), ?3)
            on conflict (kind, name) do update set document = ?3
        """
        with self._lock:
            self._db.execute(statement, (kind, name, json.dumps(document)))

    def delete(self, kind: str, name: str) -> bool:
        """Whether there was one to delete."""
        with self._lock:
            cursor = self._db.execute(
                "delete from resource where kind = ? and name = ?", (kind, name)
            )
            return cursor.rowcount > 0

    def count(self, kind: str) -> int:
        """How many there are of a kind."""
        with self._lock:
            found = self._db.execute("select count(*) from resource where kind = ?", (kind,))
            return int(found.fetchone()[0])
