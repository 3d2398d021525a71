"""The hand of an operator, and of time: changes to the account that no client of ours makes."""

from collections.abc import Callable
from typing import Any

from qstash_sync.local import flow
from qstash_sync.local.queues import ensure_queue
from qstash_sync.local.store import Document, Store

_NAMES = {"schedule": "scheduleId", "topic": "name", "queue": "name", "flow": "flowControlKey"}


class Console:
    """Edits stored documents directly; the log and the counters of the server do not see it."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def snapshot(self) -> dict[str, dict[str, Document]]:
        """Every stored document, by kind and name."""
        return {
            kind: {str(item[key]): item for item in self._store.all(kind)}
            for kind, key in _NAMES.items()
        }

    def edit(self, kind: str, name: str, **changes: Any) -> Document:
        """Change fields of a stored document; a field set to None is removed."""
        with self._store.transaction():
            stored = self._store.get(kind, name)
            if stored is None:
                raise KeyError(f"no {kind} {name}")
            stored = {k: v for k, v in {**stored, **changes}.items() if v is not None}
            self._store.put(kind, name, stored)
            return stored

    def pause(self, schedule_id: str, *, paused: bool = True) -> None:
        """Pause a schedule, or resume it."""
        self.edit("schedule", schedule_id, isPaused=paused)

    def delete(self, kind: str, name: str) -> bool:
        """Delete a resource; whether it was there."""
        with self._store.transaction():
            return self._store.delete(kind, name)

    def set_lag(self, queue: str, lag: int) -> None:
        """Let messages wait in a queue."""
        self.edit("queue", queue, lag=lag)

    def tick(self, schedule_id: str, *, state: str = "SUCCESS") -> None:
        """Fire a schedule now: its flow-control key and its queue come into being by that.

        A paused one ignores its ticks.
        """
        with self._store.transaction():
            stored = self._store.get("schedule", schedule_id)
            if stored is None:
                raise KeyError(f"no schedule {schedule_id}")
            if stored["isPaused"]:
                return
            now = int(self._clock() * 1000)
            run = {"lastScheduleTime": now, "lastScheduleStates": {f"msg_{now}": state}}
            self._store.put("schedule", schedule_id, stored | run)
            if "flowControlKey" in stored:
                flow.use(self._store, stored)
            if "queueName" in stored:
                ensure_queue(self._store, stored["queueName"], now)
