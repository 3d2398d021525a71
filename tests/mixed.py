"""A mixed apply: every kind created, updated, deleted, paused and renamed, beside what others own.

The account stands still in virtual time: a wait moves the one clock that the server, the client
and the executor share, so nothing here is slow and nothing depends on the machine.
"""

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from qstash_sync.applying import applying, outcomes, proposal
from qstash_sync.applying.executor import Control
from qstash_sync.local import LOCAL_TOKEN
from qstash_sync.model.resources import Desired
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.policy import Policy
from qstash_sync.qstash.client import TIMEOUT, Client
from tests.fault_server import FaultServer
from tests.support import NOW, config, secret

HEAD = """
version: 1
namespace: billing
limits: {plan: payg, max_deletes: 20, max_delete_percent: none}
owns: {url_groups: ["billing-*"], queues: ["billing-*"], flow_controls: ["billing-*"]}
defaults: {timezone: America/New_York, destination: https://app.example.com/x, body: {n: 1}}
"""
BEFORE = (
    HEAD
    + """
url_groups:
  billing-single: {endpoints: {a: https://u0.example.com}}
  billing-swapped: {endpoints: {a: https://u0.example.com, b: https://u1.example.com}}
  billing-renamed: {endpoints: {a: https://u0.example.com}}
  billing-old: {endpoints: {a: https://u0.example.com}}
queues: {billing-q: {parallelism: 2}, billing-halt: {}, billing-old: {}}
flow_controls: {billing-f: {parallelism: 2}, billing-old: {parallelism: 1, rate: 2}}
schedules:
  keep: {cron: "0 6 * * *"}
  body: {cron: "30 8 * * 1-5", timezone: UTC}
  moved: {cron: "0 15 * * *", timezone: UTC, url_group: billing-old, destination: null}
  split: {cron: "0 9 * * *"}
  native: {cron: "0 10 * * *"}
  fewer: {cron: "0 11 * * *"}
  old-name: {cron: "0 7 * * *", timezone: UTC}
  halt: {cron: "0 5 * * *"}
  go: {cron: "0 4 * * *", timezone: UTC, paused: true}
  gone: {cron: "0 3 * * *", timezone: UTC, queue: billing-old}
"""
)
AFTER = (
    HEAD
    + """
url_groups:
  billing-single: {endpoints: {a: https://u9.example.com}}
  billing-swapped: {endpoints: {a: https://u1.example.com, b: https://u0.example.com}}
  billing-renamed: {endpoints: {c: https://u0.example.com}}
  billing-new: {endpoints: [https://u0.example.com]}
queues: {billing-q: {parallelism: 3}, billing-halt: {paused: true}, billing-new: {}}
flow_controls: {billing-f: {parallelism: 3}, billing-new: {rate: 5, period: 1m}}
schedules:
  keep: {cron: "0 6 * * *"}
  body: {cron: "30 8 * * 1-5", timezone: UTC, body: {n: 2}}
  moved: {cron: "5 15 * * *", timezone: UTC}
  split: {cron: "30 9 * * *"}
  native: {cron: "0 10 * * *", dst: {strategy: native, accept: true}}
  fewer: {cron: "0 11 * * *", timezone: UTC}
  new-name: {cron: "0 7 * * *", timezone: UTC, was: old-name}
  halt: {cron: "0 5 * * *", paused: true}
  go: {cron: "0 4 * * *", timezone: UTC, paused: false}
  new: {cron: "0 12 * * *", timezone: UTC, url_group: billing-new, destination: null, queue: billing-new, paused: true}
"""
)
PAUSED_BY_HAND = ("billing.body", "billing.old-name")  # `paused` is absent: it must stay so
THEIRS = """
version: 1
namespace: NAMESPACE
defaults: {timezone: UTC, destination: https://other.example.com, cron: "0 1 * * *"}
url_groups: {NAMESPACE-g: {endpoints: {a: https://u0.example.com}}}
queues: {NAMESPACE-q: {parallelism: 5}}
flow_controls: {NAMESPACE-f: {parallelism: 5}}
schedules: {body: {}, customer-1: {queue: NAMESPACE-q}, old-name: {paused: true}}
"""
NEIGHBOURS = ("billing2", "bill", "x-billing")
UNMARKED = "billing.customer-1"  # in our namespace, but the application's own
KINDS = ("schedule", "topic", "queue", "flow")
TIMES = ("createdAt", "updatedAt", "ratePeriodStart", "scheduleId", "labels")
Snapshot = dict[str, dict[str, str]]


@dataclass
class Scene:
    """An account in virtual time; waits are counted, and requests take `latency` seconds."""

    account: FaultServer = field(init=False)
    now: float = NOW.timestamp()
    skew: float = 0.0  # of the client's own clock
    today: datetime | None = None  # for plans, if it is not the server's time
    said: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def time(self) -> float:
        """Unix time of the server."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go by at once."""
        with self._lock:
            self.now += seconds

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What a client sees: a hanging connection takes its time."""
        try:
            return self.account(request)
        except httpx.TimeoutException:
            self.sleep(TIMEOUT)
            raise

    @property
    def at(self) -> datetime:
        """The time for which a plan is made."""
        return self.today or NOW + timedelta(seconds=self.now - NOW.timestamp())

    def client(self, *, read_only: bool = False) -> Client:
        """A client of ours on the account."""
        return Client(
            "http://local",
            secret(LOCAL_TOKEN),
            read_only=read_only,
            transport=httpx.MockTransport(self.answer),
            sleep=self.sleep,
            clock=lambda: self.now + self.skew,
            monotonic=self.time,
        )

    def plan(self, desired: Desired, policy: Policy = Policy()) -> Plan:
        """What an apply would do."""
        with self.client(read_only=True) as client:
            return proposal.propose(client, desired, now=self.at, policy=policy)

    def apply(
        self,
        desired: Desired,
        policy: Policy = Policy(),
        **more: Any,
    ) -> outcomes.Applied:
        """Plan and apply; an `AccountError` is the caller's to judge."""
        with self.client() as client:
            plan = proposal.propose(client, desired, now=self.at, policy=policy)
            assert not plan.errors, plan.errors
            control = Control(sleep=self.sleep, say=self.said.append, **{"parallelism": 1, **more})
            return applying.apply(client, desired, plan, policy=policy, control=control)

    def stored(self) -> Snapshot:
        """Everything in the account, as text."""
        return {
            kind: {_name(kind, item): json.dumps(item) for item in self.account.store.all(kind)}
            for kind in KINDS
        }

    def theirs(self) -> dict[tuple[str, str], str]:
        """What is not ours, as text."""
        ours = ("billing-", "billing.")
        return {
            (kind, name): text
            for kind, found in self.stored().items()
            for name, text in found.items()
            if name == UNMARKED or not name.startswith(ours)
        }

    def ours(self) -> dict[tuple[str, str], list[str]]:
        """What is ours, without the times at which it was written and the order of its parts."""
        found: dict[tuple[str, str], list[str]] = {}
        for kind, resources in self.stored().items():
            for name in resources.keys() - {name for k, name in self.theirs() if k == kind}:
                told = {k: v for k, v in json.loads(resources[name]).items() if k not in TIMES}
                base = name.rpartition(".")[0] if name[-1].isdecimal() else name
                found.setdefault((kind, base), []).append(json.dumps(told, sort_keys=True))
        return {key: sorted(told) for key, told in found.items()}

    def restore(self, snapshot: Snapshot) -> None:
        """The account as it was."""
        with self.account.store.transaction():
            for kind in KINDS:
                for item in self.account.store.all(kind):
                    self.account.store.delete(kind, _name(kind, item))
                for name, text in snapshot[kind].items():
                    self.account.store.put(kind, name, json.loads(text))

    def schedule(self, schedule_id: str) -> dict[str, Any]:
        """A stored schedule."""
        found = self.account.store.get("schedule", schedule_id)
        assert found is not None
        return found

    def prepare(self) -> None:
        """The account before: ours, what others have beside it, and two pauses made by hand."""
        for namespace in NEIGHBOURS:
            assert self.apply(config(THEIRS.replace("NAMESPACE", namespace)).desired).done
        theirs = self.schedule("billing2.body")
        unmarked = {**theirs, "scheduleId": UNMARKED, "labels": ["customer"]}
        self.account.store.put("schedule", UNMARKED, unmarked)
        assert self.apply(config(BEFORE).desired).done
        for part in PAUSED_BY_HAND:
            self.edit("schedule", part, isPaused=True)
        self.account.forget()

    def edit(self, kind: str, name: str, **changes: Any) -> None:
        """Somebody's hand in the console."""
        stored = self.account.store.get(kind, name)
        assert stored is not None
        self.account.store.put(kind, name, {**stored, **changes})


def _name(kind: str, item: dict[str, Any]) -> str:
    return str(item[{"schedule": "scheduleId", "flow": "flowControlKey"}.get(kind, "name")])
