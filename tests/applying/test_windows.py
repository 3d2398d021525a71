"""No firing is lost or doubled while crons take the place of others.

Time is virtual: each request takes 0.2 to 5 seconds of it, a wait takes what it says, and at every
minute that goes by it is written down who fires. Twice, since nobody knows how QStash takes up
what was written:

    gap     what was there is gone at once, what comes fires up to 60 s later (`activation_lag`)
    late    what was there goes on until what comes, or a delete, is taken up, up to 60 s later
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.local import Switches, cron as local_cron
from qstash_sync.model.change import Reason
from qstash_sync.planning.policy import Policy
from tests.fault_server import Fault, FaultServer
from tests.mixed import Scene
from tests.support import cli, config, ids

HEAD = "version: 1\nnamespace: n\ndefaults: {destination: 'https://e.com', timezone: UTC}\nschedules:\n"
MINUTE = 60
NO_POLICY, CLOCK = Policy(), Policy(only=Reason.CLOCK)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
Fired = Counter[tuple[str, int]]  # how often a job fires in a minute since 1970


def job_of(schedule_id: str) -> str:
    """The job that a part belongs to: `a` of `n.a.2`; `b` is what `a` is called later.

    And `a` of `scd_a.2`, an id that the file has adopted.
    """
    first, *rest = schedule_id.split(".")
    name = first.removeprefix("scd_") if first.startswith("scd_") else rest[0]
    return "a" if name == "b" else name


@dataclass
class Tape(Scene):
    """An account whose firings are written down as time goes by."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    gap: Fired = field(default_factory=Counter)
    late: Fired = field(default_factory=Counter)
    written: dict[str, list[float]] = field(default_factory=dict)  # by job
    _versions: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def sleep(self, seconds: float) -> None:
        """Let time go by, minute by minute."""
        with self._lock:
            end = self.now + max(seconds, 0.0)
            for minute in range(int(self.now // MINUTE) + 1, int(end // MINUTE) + 1):
                self.now = float(minute * MINUTE)
                for _, part in self.account.firings(self.now, self.now + MINUTE):
                    self.gap[job_of(part), minute] += 1
                for part, versions in self._versions.items():
                    cron = [cron for since, cron in versions if since <= self.now][-1]
                    self.late[job_of(part), minute] += fires(cron, minute)
            self.now = end

    def record(self) -> None:
        """From now on: what is stored is in force, and each request takes its time."""
        self._versions = {part: [(0.0, cron)] for part, cron in self.crons().items()}
        self.account.before, self.account.after = self._on_its_way, self._done

    def _on_its_way(self, _request: httpx.Request) -> None:
        self.sleep(self.rng.uniform(0.1, 2.5))

    def _done(self, request: httpx.Request) -> None:
        if request.method != "GET":
            part = request.headers.get("upstash-schedule-id") or request.url.path.split("/")[3]
            self.written.setdefault(job_of(part), []).append(self.now)
            cron = self.crons().get(part, "")
            versions = self._versions.setdefault(part, [(0.0, "")])
            versions.append((max(self.now + self.rng.uniform(0, 60), versions[-1][0]), cron))
        self.sleep(self.rng.uniform(0.1, 2.5))

    def crons(self) -> dict[str, str]:
        """What is stored and not paused."""
        stored = self.account.store.all("schedule")
        return {item["scheduleId"]: item["cron"] for item in stored if not item["isPaused"]}

    def wanted(self, minutes: range) -> Fired:
        """How often each job fires by what is stored now."""
        return Counter(
            (job_of(part), minute)
            for part, cron in self.crons().items()
            for minute in local_cron.firings(local_cron.parse(cron), minutes.start, minutes.stop)
        )


def fires(cron: str, minute: int) -> bool:
    """Whether a cron has a minute; none is no cron."""
    return bool(cron) and minute in local_cron.firings(local_cron.parse(cron), minute, minute + 1)


@contextmanager
def tape(seed: int, *, lag: int = 0, **more: Any) -> Iterator[Tape]:
    """A fresh account with a tape."""
    found = Tape(rng=random.Random(seed), **more)
    switches = Switches(activation_lag=lag)
    with FaultServer(switches=switches, clock=found.time) as found.account:
        yield found


@dataclass(frozen=True)
class Swap:
    """A file that takes the place of another, at some time, and what came of it."""

    before: str
    after: str
    written: float  # Unix time at which `before` is applied
    at: float  # Unix time at which `after` is
    policy: Policy = NO_POLICY
    max_wait: timedelta = timedelta(minutes=5)


def swap(world: Tape, case: Swap) -> tuple[Outcome, ...]:
    """Apply both files, and hold every firing of the second apply against what is in force."""
    world.now = case.written
    applied = world.apply(config(HEAD + case.before).desired)
    assert all(outcome.status is Status.DONE for outcome in applied.outcomes), applied.outcomes
    world.now = case.at
    world.record()
    desired = config(HEAD + case.after).desired
    minutes = range(int(case.at // MINUTE) + 1, int(case.at // MINUTE) + 30)
    before, crons = world.wanted(minutes), world.crons()
    outcomes = world.apply(desired, case.policy, max_wait=case.max_wait).outcomes
    world.account.before = world.account.after = None
    world.sleep(minutes.stop * MINUTE - world.now)
    after, changed = world.wanted(minutes), crons.items() ^ world.crons().items()
    for job in {job_of(part) for part, _ in changed}:  # elsewhere only settings are written
        first, last = world.written[job][0], world.written[job][-1]
        for minute in minutes:
            key, now = (job, minute), minute * MINUTE
            told = f"{job} {datetime.fromtimestamp(now, UTC):%H:%M}\n{case}\n{world.said}\n{world.written}"
            if first < now <= last:
                assert before[key] == after[key], f"between two writes: {told}"
            expected = before if now <= first else after
            assert expected[key] <= 1, told
            assert world.gap[key] == expected[key], f"gap: {told}"
            assert world.late[key] == expected[key], f"late: {told}"
    return outcomes


def schedule(cron: str, *, name: str = "a", **more: Any) -> str:
    """A schedule's line in the file."""
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  {name}: {{cron: '{cron}'{rest}}}\n"


# Random swaps. A job that fires every minute has no window: it has tests of its own.

CRONS = [
    "0 12 * * *", "1 12 * * *", "2 12 * * *", "5 12 * * *", "0 12 * * 1-5", "0,2,4 12 * * *",
    "*/2 * * * *", "*/5 * * * *", "*/10 11-12 * * *", "3-59/5 * * * *", "0 * * * *", "0 * 23 * *",
    "0 12 24 * *", "30 12 * * *", "0 3 1 * *", "0,5,10 12 23 11 *", "2-59/3 * * * *",
]  # fmt: skip
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe"]
STRATEGIES = ["split", "native", "follow", "auto"]
LOCAL_NOON = {"UTC": 12, "America/New_York": 7, "Europe/Berlin": 13, "Africa/Cairo": 14, "Australia/Lord_Howe": 23}  # fmt: skip


def near_noon(rng: random.Random) -> float:
    """A moment within three minutes of a firing."""
    return NOON + rng.choice([0, 60, 120, 300]) + rng.uniform(-180, 60)


def changed_cron(rng: random.Random) -> tuple[str, str]:
    before, after = rng.sample(CRONS, 2)
    return schedule(before), schedule(after)


def changed_strategy(rng: random.Random) -> tuple[str, str]:
    zone = rng.choice(ZONES)
    chosen = [rng.choice(STRATEGIES) for _ in range(2)]
    crons = [
        f"{rng.choice([0, 0, 1, 2])} {LOCAL_NOON[zone]} * * {rng.choice(['*', '*', '1-5'])}"
        for _ in range(2)
    ]
    if rng.random() < 0.5:
        crons[1] = crons[0]
    before, after = (
        schedule(cron, timezone=zone, dst=f"{{strategy: {name}, accept: true}}")
        for cron, name in zip(crons, chosen, strict=True)
    )
    return before, after


def renamed(rng: random.Random) -> tuple[str, str]:
    zone = rng.choice(ZONES)
    before = f"{rng.choice([0, 1])} {LOCAL_NOON[zone]} * * *"
    after = before if rng.random() < 0.5 else f"2 {LOCAL_NOON[zone]} * * *"
    return schedule(before, timezone=zone), schedule(after, name="b", timezone=zone, was="a")


def unadopted(rng: random.Random) -> tuple[str, str]:
    """An entry that loses its `id:`, and so moves to ours."""
    zone = rng.choice(ZONES)
    before = f"{rng.choice([0, 1])} {LOCAL_NOON[zone]} * * *"
    after = before if rng.random() < 0.5 else f"2 {LOCAL_NOON[zone]} * * *"
    strategy = f"{{strategy: {rng.choice(STRATEGIES)}, accept: true}}"
    common: dict[str, Any] = {"timezone": zone, "dst": strategy}
    return schedule(before, id="scd_a", **common), schedule(after, **common)


def several(rng: random.Random) -> tuple[str, str]:
    """More swaps than workers: some stand in line while their windows close."""
    pairs = [rng.sample(CRONS, 2) for _ in range(4)]
    return (
        "".join(schedule(before, name=f"s{k}") for k, (before, _) in enumerate(pairs)),
        "".join(schedule(after, name=f"s{k}") for k, (_, after) in enumerate(pairs)),
    )


class KilledError(BaseException):
    """The process is gone: nobody answers it, and it asks nothing more."""


def killed(world: Tape, text: str, request: int, *, after: bool) -> bool:
    """Apply, and be killed at a request, before or after it has its effect; False: it had fewer."""
    count = 0

    def step(then: Any) -> Any:
        def hook(sent: httpx.Request) -> None:
            nonlocal count
            then(sent)
            count += 1
            if count >= request:
                raise KilledError

        return hook

    world.record()
    name = "after" if after else "before"
    setattr(world.account, name, step(getattr(world.account, name)))
    try:
        world.apply(config(HEAD + text).desired)
    except KilledError:
        return True
    return count >= request


@pytest.mark.parametrize("again", [False, True], ids=["left so", "run again"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("strategy", ["split", "native"])
def test_an_id_that_is_dropped_costs_no_run_wherever_it_is_killed(
    strategy: str, after: bool, again: bool
) -> None:
    """Run again before the next firing, it doubles none either; left so, it still misses none."""
    common = {"timezone": "America/New_York", "dst": f"{{strategy: {strategy}, accept: true}}"}
    crons = {"0 7 * * *": [0], "*/20 7 * * *": [0, 20]}  # fires at, in minutes behind noon
    for cron, firings in crons.items():
        text = schedule(cron, **common)
        for request in itertools.count(1):
            with tape(request) as world:
                world.now = NOON - 86_400
                world.apply(config(HEAD + schedule(cron, id="scd_a", **common)).desired)
                world.now = NOON - 900
                was_killed = killed(world, text, request, after=after)
                world.account.before, world.account.after = world._on_its_way, world._done
                if again:
                    outcomes = world.apply(config(HEAD + text).desired).outcomes
                    assert {outcome.status for outcome in outcomes} <= {Status.DONE}, outcomes
                    assert {part.partition(".")[0] for part in world.crons()} == {"n"}
                assert world.now < NOON
                world.account.before = world.account.after = None
                world.sleep(NOON + 1_800 - world.now)
                minutes = {("a", int(NOON // MINUTE) + minute) for minute in firings}
                for fired in (world.gap, world.late):
                    assert (+fired).keys() == minutes, request
                    assert not again or set(fired.values()) <= {0, 1}, request
            if not was_killed:
                assert request > 5
                break


# What is due in 2027: a set of parts takes the place of another, and today's firing changes its part.
RENEWALS = [
    ("New York", "0 9 * * *", "America/New_York", "2026-11-23", "2027-02-20T14:00"),
    ("New York, again", "0 9 * * *", "America/New_York", "2027-02-20", "2027-09-26T13:00"),
    ("New York, weekdays", "0 9 * * 1-5", "America/New_York", "2026-11-23", "2027-02-22T14:00"),
    ("Berlin", "0 9 * * *", "Europe/Berlin", "2026-11-23", "2027-02-15T08:00"),
    ("Berlin, again", "0 9 * * *", "Europe/Berlin", "2027-02-15", "2027-09-20T07:00"),
    ("every five minutes", "*/5 9 * * *", "Europe/Berlin", "2027-02-15", "2027-09-20T07:25"),
    ("Lord Howe", "*/5 9 * * *", "Australia/Lord_Howe", "2026-11-23", "2027-02-20T22:30"),
    ("Lord Howe, again", "*/5 9 * * *", "Australia/Lord_Howe", "2027-02-20", "2027-08-22T22:30"),
    ("Santiago, again", "0 9 * * *", "America/Santiago", "2027-02-20", "2027-07-25T13:00"),
]  # fmt: skip
SORTS = [("cron", changed_cron), ("strategy", changed_strategy), ("rename", renamed), ("id to name", unadopted), ("several", several)]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("_id", "sort"), SORTS, ids=[name for name, _ in SORTS])
def test_a_swap_loses_and_doubles_no_firing(_id: str, sort: Any, seed: int) -> None:
    rng = random.Random(f"{_id} {seed}")
    for _ in range(10):
        before, after = sort(rng)
        case = Swap(before=before, after=after, written=NOON - 86_400, at=near_noon(rng))
        skew = rng.choice([0.0, 0.0, -240.0, 280.0])
        with tape(rng.randrange(10**6), lag=rng.choice([0, 20, 60]), skew=skew) as world:
            outcomes = swap(world, case)
            assert {o.status for o in outcomes} <= {Status.DONE, Status.BLOCKED}, outcomes


@pytest.mark.parametrize(("_id", "cron", "zone", "written", "firing"), RENEWALS, ids=ids(RENEWALS))
def test_a_renewal_loses_and_doubles_no_firing(
    _id: str, cron: str, zone: str, written: str, firing: str
) -> None:
    rng = random.Random(_id)
    text = schedule(cron, timezone=zone)
    start, at = (
        datetime.fromisoformat(f"{t}+00:00").timestamp() for t in (written + "T12:00", firing)
    )
    for ahead in (-1, 1, 12, 40, 66, 75, 100, 130):
        case = Swap(before=text, after=text, written=start, at=at - ahead, policy=CLOCK)
        with tape(rng.randrange(10**6), lag=rng.choice([0, 20, 60])) as world:
            (outcome,) = swap(world, case)
            assert outcome.status is Status.DONE, outcome
            assert len(world.written["a"]) > 1


DAILY, LATER = schedule("0 12 * * *"), schedule("5 12 * * *")
EVERY_MINUTE = schedule("* * * * *")


def begun(world: Tape) -> str:
    """When the first write took effect."""
    return f"{datetime.fromtimestamp(world.written['a'][0], UTC):%H:%M}"


@pytest.mark.parametrize("skew", [0, -270, 270])
def test_a_wait_is_told_and_the_servers_clock_decides(skew: float) -> None:
    with tape(1, skew=skew) as world:
        case = Swap(before=DAILY, after=LATER, written=NOON - 86_400, at=NOON - 50)
        (outcome,) = swap(world, case)
        assert outcome.status is Status.DONE
        assert world.said == ["a: a firing is near; waiting until 12:00:02Z"]
        assert begun(world) == "12:00"


def test_without_a_window_in_time_nothing_is_written_and_the_next_one_is_named() -> None:
    busy = schedule("* 8-13 * * *")
    with tape(2) as world:
        case = Swap(before=busy, after=schedule("* 8-14 * * *"), written=NOON - 86_400, at=NOON)
        (outcome,) = swap(world, case)
        assert outcome.status is Status.BLOCKED
        assert "its next window opens at 2026-11-23 14:59:02Z" in outcome.message
        at_once = "`qstash-sync pause a`, this apply again, `qstash-sync resume a`"
        where = "where the file leaves its pause open"
        assert f"or --max-wait 3h; or at once, {where}: {at_once}" in outcome.message
        assert world.written == {}
        world.now = NOON + 3 * 3600 - 50
        (outcome,) = world.apply(config(HEAD + case.after).desired).outcomes
        assert outcome.status is Status.DONE


def test_of_a_saved_plan_no_pause_is_advised_that_would_move_it() -> None:
    with tape(2) as world:
        case = Swap(
            before=schedule("* 8-13 * * *"), after=schedule("* 8-14 * * *"), written=NOON - 86_400,
            at=NOON, policy=Policy(saved=True),
        )  # fmt: skip
        (outcome,) = swap(world, case)
        assert outcome.status is Status.BLOCKED
        assert outcome.message.endswith("or --max-wait 3h")


def test_a_wait_is_no_longer_than_asked() -> None:
    with tape(3) as world:
        case = Swap(
            before=DAILY,
            after=LATER,
            written=NOON - 86_400,
            at=NOON - 60,
            max_wait=timedelta(seconds=20),
        )
        (outcome,) = swap(world, case)
        assert outcome.status is Status.BLOCKED
        assert "its next window opens at 2026-11-23 12:00:02Z" in outcome.message
        assert "or --max-wait 1m;" in outcome.message
        assert world.written == {}


@pytest.mark.parametrize("second", [1, 3, 20, 40, 59])
@pytest.mark.parametrize("after", ["* * * * 1-6", "*/2 * * * *"])
def test_a_job_that_fires_every_minute_is_written_right_after_a_firing_and_that_is_told(
    second: int, after: str
) -> None:
    with tape(second) as world:
        world.now = NOON - 86_400
        world.apply(config(HEAD + EVERY_MINUTE).desired)
        world.now = NOON + second
        world.record()
        (outcome,) = world.apply(config(HEAD + schedule(after)).desired).outcomes
        assert outcome.status is Status.DONE
        assert "no room between its firings" in outcome.message
        assert "lost or doubled" in outcome.message
        assert world.written["a"][0] % 60 < 30
        assert world.now < NOON + 180
        assert any("warning: a: no room between its firings" in said for said in world.said)


def test_a_window_that_closes_while_the_change_stands_in_line_is_waited_for_again() -> None:
    """One worker, and a slow request before it."""
    slow = schedule("30 3 * * *", name="0")
    with tape(4) as world:
        world.now = NOON - 86_400
        world.apply(config(HEAD + slow + DAILY).desired)
        world.now = NOON - 135
        world.record()
        on_its_way = world.account.before

        def before(request: httpx.Request) -> None:
            assert on_its_way is not None
            on_its_way(request)
            if request.headers.get("upstash-schedule-id") == "n.0":
                world.sleep(60)

        world.account.before = before
        both = slow.replace("30 3", "31 3") + LATER
        outcomes = world.apply(config(HEAD + both).desired).outcomes
        assert [o.status for o in outcomes] == [Status.DONE, Status.DONE]
        assert world.said == ["a: a firing is near; waiting until 12:00:02Z"]
        assert begun(world) == "12:00"


def test_a_swap_that_takes_longer_than_its_window_names_the_firing_at_risk() -> None:
    with tape(5) as world:
        world.now = NOON - 86_400
        world.apply(config(HEAD + DAILY).desired)
        world.now = NOON - 120

        def before(request: httpx.Request) -> None:
            world.sleep(100 if request.method == "POST" else 0)

        world.account.before = before
        (outcome,) = world.apply(config(HEAD + LATER).desired).outcomes
        assert outcome.status is Status.DONE
        assert (
            "took longer than its window: Mon 2026-11-23 12:00Z may be lost or doubled"
            in outcome.message
        )


def test_a_swap_that_is_cut_off_names_the_firings_at_risk_and_is_healed() -> None:
    split = schedule("0 9 * * *", timezone="America/New_York")
    text = split.replace("0 9", "30 9")
    with tape(6) as world:
        world.now = NOON - 86_400
        world.apply(config(HEAD + split).desired)
        second = Fault(
            kind="500", at=2, times=99, matches=lambda m, p: m == "POST" and "https" in p
        )
        world.account.inject(second)
        (outcome,) = world.apply(config(HEAD + text).desired).outcomes
        assert outcome.status is Status.FAILED
        assert "cut off after" in outcome.message
        assert "may be lost or doubled: Sun 2026-11-22 14:00Z, " in outcome.message
        world.account.forget()
        (outcome,) = world.apply(config(HEAD + text).desired).outcomes
        assert outcome.status is Status.DONE
        assert world.plan(config(HEAD + text).desired).empty


def test_a_wait_in_pretended_time_ends(tmp_path: Path) -> None:
    """--now moves on by what is waited."""
    file, account = tmp_path / "q.yaml", f"--local={tmp_path / 'a.db'}"
    words = ("apply", "--yes", "-f", str(file), account, "--now")
    file.write_text(HEAD + DAILY)
    assert cli(*words, "2026-11-22T12:00:30Z").code == 0
    file.write_text(HEAD + LATER)
    ran = cli(*words, "2026-11-23T11:59:30Z")
    assert ran.code == 0, ran
    assert "a: a firing is near; waiting until 12:00:02Z" in ran.err
