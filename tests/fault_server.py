"""The local QStash with all that a test wants of it: faults, an operator's hand, a log, hooks."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx

from qstash_sync.local import LocalQStash, Switches, flow
from qstash_sync.local.queues import ensure_queue
from qstash_sync.local.server import target_of
from qstash_sync.local.store import Document

NO_ANSWER = 0  # the status in the log of a request that got none and had no effect

# Faults

ANSWERED = frozenset({"401", "429", "429_headers", "500", "503", "html"})  # nothing applied
LOST_BEFORE = frozenset({"reset_before", "hang_before"})  # no answer, nothing applied
LOST_AFTER = frozenset({"reset_after", "hang_after"})  # no answer, but applied
KINDS = sorted(ANSWERED | LOST_BEFORE | LOST_AFTER)
_LOSSES: dict[str, type[httpx.TransportError]] = {
    "reset_before": httpx.ConnectError,
    "reset_after": httpx.ReadError,
    "hang_before": httpx.ReadTimeout,
    "hang_after": httpx.ReadTimeout,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong: `times` times, first at the `at`-th matching request (1 is the next)."""

    kind: str
    at: int = 1
    times: int = 1
    matches: Callable[[str, str], bool] = lambda _method, _path: True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not one of {', '.join(KINDS)}")


@dataclass(slots=True)
class Faults:
    """The queued faults, each with the number of matching requests so far."""

    queued: list[tuple[Fault, list[int]]] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Queue faults for the requests to come."""
        self.queued += [(fault, [0]) for fault in faults]

    def due(self, method: str, path: str) -> str | None:
        """Count one request against every fault; what happens to it, if anything."""
        kinds: list[str] = []
        for fault, count in self.queued:
            if fault.matches(method, path):
                count[0] += 1
                if fault.at <= count[0] < fault.at + fault.times:
                    kinds.append(fault.kind)
        # The first one wins, but the request counts for all of them: no early return above.
        return kinds[0] if kinds else None


# An operator

_NAMES = {"schedule": "scheduleId", "topic": "name", "queue": "name", "flow": "flowControlKey"}


class Console:
    """The hand of an operator, and of time: changes that no client of ours makes.

    Edits stored documents directly; the log and the counters of the server do not see it.
    """

    def __init__(self, account: LocalQStash) -> None:
        self._account = account  # its clock may be another one by the time of a tick
        self._store = account.store

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
            now = int(self._account.clock() * 1000)
            run = {"lastScheduleTime": now, "lastScheduleStates": {f"msg_{now}": state}}
            self._store.put("schedule", schedule_id, stored | run)
            if "flowControlKey" in stored:
                flow.use(self._store, stored)
            if "queueName" in stored:
                ensure_queue(self._store, stored["queueName"], now)


# The server


class FaultServer(LocalQStash):
    """A LocalQStash that goes wrong when told to, and remembers what it was asked.

    log: (method, path with its query but no token, status) of every request, in the order of
    their ends. before, after: called around every request, outside any transaction.
    """

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        switches: Switches = Switches(),
        clock: Callable[[], float] = time.time,
        latency: float = 0.0,
    ) -> None:
        super().__init__(path, switches=switches, clock=clock)
        self.latency = latency
        self.console = Console(self)
        self.log: list[tuple[str, str, int]] = []
        self.in_flight = self.most_in_flight = 0
        self.before: Callable[[httpx.Request], None] | None = None
        self.after: Callable[[httpx.Request], None] | None = None
        self._faults = Faults()
        self._counting = threading.Lock()

    def inject(self, *faults: Fault) -> None:
        """Queue faults for requests to come."""
        with self._counting:
            self._faults.add(*faults)

    @property
    def writes(self) -> list[tuple[str, str, int]]:
        """The requests so far that were not GET."""
        return [entry for entry in self.log if entry[0] != "GET"]

    @property
    def requests(self) -> Counter[str]:
        """The number of requests so far by method."""
        return Counter(method for method, _, _ in self.log)

    def forget(self) -> None:
        """Empty the log, the counters and the queue of faults; the account stays as it is."""
        with self._counting:
            self.log.clear()
            self._faults.queued.clear()
            self.most_in_flight = self.in_flight

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; a fault may raise httpx's transport errors instead."""
        request.read()
        path = target_of(request)
        with self._counting:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            fault = self._faults.due(request.method, path)
        status = NO_ANSWER
        try:
            if self.before:
                self.before(request)
            if self.latency:
                time.sleep(self.latency)
            _lose(request, fault, when="before")
            response = self._fault_answer(fault) if fault in ANSWERED else super().__call__(request)
            status = response.status_code
            _lose(request, fault, when="after")
            return response
        finally:
            with self._counting:
                self.in_flight -= 1
                self.log.append((request.method, path, status))
            if self.after:
                self.after(request)

    def _fault_answer(self, fault: str | None) -> httpx.Response:
        headers = {"Date": formatdate(self.clock(), usegmt=True)}
        if fault == "html":
            headers["Content-Type"] = "text/html"
            return httpx.Response(200, headers=headers, content=b"<html>maintenance</html>")
        if fault == "429_headers":
            headers |= self.rate_headers(0)
        content = json.dumps({"error": f"fault {fault}"}).encode()
        headers["Content-Type"] = "application/json"
        return httpx.Response(int(str(fault)[:3]), headers=headers, content=content)


def _lose(request: httpx.Request, fault: str | None, *, when: str) -> None:
    """Raise what a client sees of a connection that breaks or hangs."""
    if fault in _LOSSES and fault.endswith(when):
        raise _LOSSES[fault](f"{fault} on purpose", request=request)
