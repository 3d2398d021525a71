"""A clock that goes through 2027 and 2028 day by day: plans, renewals, and what then fires.

Each day there is a plan against the local server, and an apply of the clock's changes where it is
not empty. What the stored crons fire from day to day is held against the oracle, which shares no
code with the compiler. Then the account is left alone for two years: what goes wrong there must be
what the compiler foretold, in numbers.
"""

import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.crons.bitmaps import Difference
from qstash_sync.crons.compile import after_the_end
from qstash_sync.model.change import Action, Reason
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Schedule
from qstash_sync.qstash.client import Client
from qstash_sync.reconcile import times
from tests.crons import oracle
from tests.fault_server import FaultServer
from tests.support import HEAD, World, config

START, END = datetime(2027, 1, 1, 0, 3, tzinfo=UTC), datetime(2029, 1, 1, 0, 3, tzinfo=UTC)
LATER = datetime(2031, 1, 1, tzinfo=UTC)  # two years after the last apply
WALKED = date(2026, 12, 29), 4 * 366  # a little more than all of it
RENEW_BEFORE = timedelta(days=45)
URL = "https://app.example.com/x"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A schedule of the file; more: its other keys, as YAML in flow style."""

    name: str
    cron: str
    timezone: str
    strategy: str = "split"
    gap: str | None = None
    fold: str | None = None
    more: str = ""

    @property
    def text(self) -> str:
        """Its entry in the file."""
        given = {"strategy": self.strategy, "gap": self.gap, "fold": self.fold}
        dst = ", ".join(f"{key}: {value}" for key, value in given.items() if value)
        more = f", {self.more}" if self.more else ""
        return (
            f"  {self.name}: {{cron: '{self.cron}', timezone: {self.timezone}, dst: {{{dst}}},"
            f" destination: '{URL}'{more}}}\n"
        )

    def wanted(
        self, start: datetime, end: datetime, walked: tuple[date, int] = WALKED
    ) -> list[int]:
        """The minutes that it is wanted in, by brute force over the days walked, which hold both."""
        found = _all_wanted(self, walked)
        low, high = (bisect_left(found, oracle.minute_of(at)) for at in (start, end))
        return found[low:high]

    @property
    def steady(self) -> bool:
        """Whether its zone never changes its clock in these years."""
        return len(oracle.walk(self.timezone, *WALKED).stretches) == 1


@lru_cache(maxsize=64)
def _all_wanted(job: Job, walked: tuple[date, int]) -> list[int]:
    found = oracle.seen(job.cron, job.timezone, *walked)
    return sorted(oracle.wanted(job.cron, found, job.gap, job.fold))


def show(*lines: str) -> None:
    """Print a seed or counts; pytest shows them where a test fails, and with -rP."""
    print(*lines, sep="\n")  # noqa: T201 see above


def file(jobs: Iterable[Job]) -> str:
    """The file that declares them."""
    return HEAD + "schedules:\n" + "".join(job.text for job in jobs)


def fired(
    account: FaultServer, names: Iterable[str], start: datetime, end: datetime
) -> dict[str, list[int]]:
    """The minutes in which each schedule fires, with those that it fires twice."""
    found: dict[str, list[int]] = {name: [] for name in names}
    for minute, part_id in account.firings(start.timestamp(), end.timestamp()):
        found[part_id.split(".")[1]].append(minute)
    return found


def crons(account: FaultServer) -> dict[str, dict[str, str]]:
    """The stored crons of each schedule by the id of their part."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for stored in account.store.all("schedule"):
        found[stored["scheduleId"].split(".")[1]][stored["scheduleId"]] = stored["cron"]
    return found


def errors(fires: Sequence[int], wanted: Sequence[int]) -> Difference:
    """What is missing, extra and doubled, in firings."""
    times, right = Counter(fires), set(wanted)
    doubled = {minute for minute, count in times.items() if count > 1}
    wrong = (right ^ set(times)) | doubled
    return Difference(
        missing=len(right - set(times)),
        extra=len(set(times) - right),
        doubled=len(doubled),
        first=oracle.EPOCH + timedelta(minutes=min(wrong)) if wrong else None,
    )


@dataclass
class Lived:
    """What became of a job: its firings, the days of its applies, and the days that were due."""

    fired: list[int] = field(default_factory=list)
    applied: list[date] = field(default_factory=list)
    due: list[date] = field(default_factory=list)
    written: datetime = START
    parts: Counter[int] = field(default_factory=Counter)  # days with so many parts


class Years:
    """A world whose clock goes from day to day; the hour is another one each day."""

    def __init__(self, world: World, jobs: Sequence[Job], seed: int) -> None:
        self.world = world
        self.jobs = {job.name: job for job in jobs}
        self.text = file(jobs)
        self.desired = config(self.text).desired
        self.lived = {name: Lived() for name in self.jobs}
        rng = random.Random(seed)
        days = (END - START).days
        # Three minutes past the hour no job is about to fire, so that no apply has to wait.
        later = [START + timedelta(days=day, hours=rng.randrange(24)) for day in range(1, days)]
        self.ticks = [START, *later, END]

    def run(self) -> None:
        """Every day from the first to the last."""
        self.world.now = START
        self.world.apply(self.text)
        self._look_ahead(self.jobs, START)
        with self.world.client(read_only=True) as client:
            for before, now in zip(self.ticks, self.ticks[1:], strict=False):
                self._collect(before, now)
                self.world.now = now
                if now < END:
                    self._day(client, now)

    def _day(self, client: Client, now: datetime) -> None:
        plan = proposal.propose(client, self.desired, now=now)
        assert not plan.errors, plan.errors
        names = [change.name for change in plan.changes]
        told = [(c.name, c.action, c.reason, [f.path for f in c.fields]) for c in plan.changes]
        assert told == [(name, Action.UPDATE, Reason.CLOCK, ["cron"]) for name in names]
        if plan.empty:
            return
        before = crons(self.world.account)
        outcomes = self.world.apply(self.text, only=Reason.CLOCK)
        assert [(o.change.name, o.status) for o in outcomes] == [(n, Status.DONE) for n in names]
        assert self.world.now == now, "no apply has to wait"
        assert proposal.propose(client, self.desired, now=now).empty
        _judge_ids(before, crons(self.world.account))
        for name in names:
            self.lived[name].applied.append(now.date())
            self.lived[name].written = now
        self._look_ahead(names, now)

    def _collect(self, start: datetime, end: datetime) -> None:
        for name, minutes in fired(self.world.account, self.jobs, start, end).items():
            self.lived[name].fired += minutes
        for name, stored in crons(self.world.account).items():
            self.lived[name].parts[len(stored)] += 1

    def _look_ahead(self, names: Iterable[str], now: datetime) -> None:
        """When the next apply is due: six weeks before the stored crons first go wrong."""
        end = END + RENEW_BEFORE
        ahead = fired(self.world.account, self.jobs, now, end)
        for name in names:
            wrong = errors(ahead[name], self.jobs[name].wanted(now, end)).first
            days = (
                t.date() for t in self.ticks if wrong and now < t < END and wrong < t + RENEW_BEFORE
            )
            self.lived[name].due += list(days)[:1]

    def judge(self, name: str) -> str:
        """Hold one job against every promise; returns what happened, in numbers."""
        job, lived = self.jobs[name], self.lived[name]
        wanted = job.wanted(START, END)
        assert errors(lived.fired, wanted) == Difference(), name
        assert lived.applied == lived.due, name
        made = times.compiled(self._schedule(name), lived.written)
        assert not isinstance(made, Diagnostic)
        assert sorted(made.crons) == sorted(crons(self.world.account)[name].values())
        end = made.valid_until or LATER
        assert self._left_alone(name, END, end) == Difference(), name
        foretold = after_the_end(self._schedule(name).timing.job, made)
        assert self._left_alone(name, end, min(end + timedelta(days=365), LATER)) == foretold, name
        if job.steady:
            assert (lived.applied, foretold) == ([], Difference()), name
        parts = ", ".join(f"{n} on {days} days" for n, days in sorted(lived.parts.items()))
        wrong = f"{foretold.missing} missing, {foretold.extra} extra, {foretold.doubled} doubled"
        return (
            f"{job.timezone:20} {name:9} {made.strategy:6} {len(wanted):6} firings,"
            f" {len(lived.applied)} applies, parts: {parts}; in the year after the end {wrong}"
        )

    def _schedule(self, name: str) -> Schedule:
        return next(s for s in self.desired.schedules or () if s.name == name)

    def _left_alone(self, name: str, start: datetime, end: datetime) -> Difference:
        fires = fired(self.world.account, self.jobs, start, end)[name]
        return errors(fires, self.jobs[name].wanted(start, end))


def _judge_ids(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> None:
    """The first part always exists; a part whose cron stays keeps its id, as far as ids go."""
    for name, now in after.items():
        assert f"billing.{name}" in now
        stays = {i: cron for i, cron in before[name].items() if i in now and cron in now.values()}
        assert {i: now[i] for i in stays} == stays
