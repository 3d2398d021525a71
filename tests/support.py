"""What the tests share: a world with a local account, a fixed clock and one file."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import httpx

from qstash_sync.applying import applying, outcomes, proposal
from qstash_sync.applying.executor import Control
from qstash_sync.applying.outcomes import Outcome
from qstash_sync.cli.main import run
from qstash_sync.config.load import Config, Files, Source
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Desired, Piece, Secret
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.policy import Policy
from qstash_sync.qstash.client import Client
from tests import contract
from tests.fault_server import Fault, FaultServer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HEAD = "version: 1\nnamespace: billing\ndefaults: {timezone: UTC}\n"
UNLINTED = (
    "lint: {disable: [no_failure_callback, default_retries, no_timeout]}\n"  # of tests about else
)

OTHER_SCOPE = "0000"  # of another environment's marks


def seconds(most: float) -> float:
    """A bound of processor time, for what would else take minutes; a tracer takes its own."""
    return most * 6 if sys.gettrace() else most


def secret(text: str) -> Secret:
    """A value as it comes from the environment."""
    return Secret((Piece(text, hidden=True),))


def build(
    text: str, environ: dict[str, str] | None = None, **more: Any
) -> tuple[Config | None, tuple[Diagnostic, ...]]:
    """One file named q.yaml, built."""
    return Files([Source("q.yaml", ".", text)]).build(
        more.pop("environment", None), more.pop("variables", {}), environ or {}, **more
    )


def config(text: str, environ: dict[str, str] | None = None, **more: Any) -> Config:
    """A file that must be valid."""
    built, diagnostics = build(text, environ, **more)
    assert built is not None, [f.text for f in diagnostics]
    return built


def messages(text: str, environ: dict[str, str] | None = None, **more: Any) -> list[str]:
    """The messages of a file's diagnostics, places first."""
    _, diagnostics = build(text, environ, **more)
    return [f"{f.location or ''}: {f.text} | {f.hint}" for f in diagnostics]


@dataclass
class World:
    """An account in memory and a clock that stands still."""

    account: FaultServer = field(init=False)
    environ: dict[str, str] = field(default_factory=dict)
    environment: str | None = None
    now: datetime = NOW

    def client(self, *, read_only: bool = False, token: str = LOCAL_TOKEN) -> Client:
        """A client of ours on the account."""
        return Client(
            "http://local",
            secret(token),
            read_only=read_only,
            transport=httpx.MockTransport(self.account),
            sleep=self.sleep,
            clock=self.time,
            monotonic=self.time,
        )

    def time(self) -> float:
        """Unix time of this world."""
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        """Let time go by at once."""
        self.now += timedelta(seconds=seconds)

    def desired(self, text: str) -> Desired:
        """What a file asks for."""
        return config(text, self.environ, environment=self.environment).desired

    def plan(self, text: str, **more: Any) -> Plan:
        """What an apply would do."""
        with self.client(read_only=True) as client:
            desired = self.desired(text)
            return proposal.propose(client, desired, now=self.now, policy=Policy(**more))

    def apply(self, text: str, **more: Any) -> tuple[Outcome, ...]:
        """Plan and apply; returns what became of every change. Any number of deletes is fine."""
        more.setdefault("allow_deletes", 10_000)
        parallelism = more.pop("parallelism", Control().parallelism)
        with self.client() as client:
            desired = self.desired(text)
            policy = Policy(**more)
            plan = proposal.propose(client, desired, now=self.now, policy=policy)
            assert not plan.errors, plan.errors
            return self.carry_out(client, desired, plan, policy, parallelism).outcomes

    def carry_out(
        self,
        client: Client,
        desired: Desired,
        plan: Plan,
        policy: Policy = Policy(),
        parallelism: int = Control().parallelism,
    ) -> outcomes.Applied:
        """Apply a plan in this world's time."""
        control = Control(sleep=self.sleep, parallelism=parallelism)
        return applying.apply(client, desired, plan, policy=policy, control=control)

    def cut_off(self, text: str, *, after: int, **more: Any) -> tuple[Outcome, ...]:
        """An apply whose connection breaks for good after some writes, which come one by one."""
        lost = Fault(kind="reset_before", at=after + 1, times=999, matches=lambda m, _: m != "GET")
        self.account.inject(lost)
        outcomes = self.apply(text, parallelism=1, **more)
        self.account.forget()
        return outcomes

    def hand_over(self, *part_ids: str) -> None:
        """Let another environment have written all schedules, or these parts."""
        for part_id in part_ids or sorted(self.account.console.snapshot()["schedule"]):
            first, *more = self.schedule(part_id)["labels"]
            theirs = re.sub("^qsync1-[0-9a-f]{4}", f"qsync1-{OTHER_SCOPE}", first)
            self.edit(part_id, labels=[theirs, *more])

    def schedule(self, schedule_id: str) -> dict[str, Any]:
        """A stored schedule, to look at or to edit by hand."""
        found = self.account.store.get("schedule", schedule_id)
        assert found is not None
        return found

    def edit(self, schedule_id: str, **changes: Any) -> None:
        """Somebody's hand in the console."""
        stored = self.schedule(schedule_id)
        self.account.store.put("schedule", schedule_id, {**stored, **changes})


@contextlib.contextmanager
def world(switches: Switches = Switches()) -> Iterator[World]:
    """A fresh world."""
    found = World()
    with FaultServer(switches=switches, clock=found.time) as found.account:
        yield found


@dataclass(frozen=True)
class Ran:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything that was printed."""
        return self.out + self.err


def cli(*words: str, environ: dict[str, str] | None = None, stdin: str | bytes = "") -> Ran:
    """Run the command line in this process, with just this environment.

    Python decodes standard input by the locale, which here is no UTF-8.
    """
    given = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = io.StringIO(), io.StringIO()
    bare = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    with (
        mock.patch.dict(os.environ, {**bare, **(environ or {})}, clear=True),
        mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(given), encoding="cp1252")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(list(words))
    contract.check(words, out.getvalue())
    return Ran(code, out.getvalue(), err.getvalue())


def ids(cases: Sequence[tuple[Any, ...]]) -> list[str]:
    """The first item of each case as its test id."""
    return [str(case[0]) for case in cases]
