"""The coming firings, against the compiler, cronsim, and what a clock change does to a time."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.compile import compile_job
from qstash_sync.crons.firings import next_firings
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse
from qstash_sync.crons.robfig import firings as stored_firings
from qstash_sync.model.resources import Message, Schedule, Timing
from qstash_sync.timeline.coming import MOST, coming
from qstash_sync.timeline.rules import fits, rule_at, rule_of
from tests.crons.crons import a_cron
from tests.crons.test_firings import CRONSIM_STUMBLES, cronsim_firings

SEED = 20261126
NOW = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
HOURS = 400 * 24
ZONES = random.Random(SEED).sample(
    sorted(name for name in zones.names() if "/" in name and name not in CRONSIM_STUMBLES), 40
)


def schedule(name: str, job: Job, **more: Any) -> Schedule:
    return Schedule(
        name=name,
        id=f"billing.{name}",
        timing=Timing(job=job),
        message=Message(destination="https://app.example.com/x"),
        **more,
    )


def job(*texts: str, timezone: str = "Europe/Berlin", **policy: Any) -> Job:
    return Job(tuple(map(parse, texts)), timezone, **policy)


def found(
    *jobs: Job, now: datetime = NOW, hours: int | None = HOURS, count: int = 100_000
) -> list[datetime]:
    schedules = [schedule(f"s{number}", one) for number, one in enumerate(jobs)]
    return [one.at for one in coming(schedules, now, hours=hours, count=count).firings]


def jobs(count: int) -> list[Job]:
    rng = random.Random(SEED)
    made: list[Job] = []
    while len(made) < count:
        text = a_cron(rng)
        if " 0-23 " not in text and "*" not in text.split()[0]:
            made.append(job(text, timezone=ZONES[len(made) % len(ZONES)]))
    return made


@pytest.mark.parametrize("one", jobs(200), ids=lambda one: f"{one.crons[0].text}-{one.timezone}")
def test_over_400_days_they_are_the_compilers_and_cronsims(one: Job) -> None:
    span = Span(NOW.date(), 402)
    at = found(one)
    end = NOW + timedelta(hours=HOURS)
    assert set(at) == {
        f for f in cronsim_firings(one.crons[0].text, one.timezone, span) if NOW <= f < end
    }
    made = compile_job(one, now=NOW)
    exact = min(made.valid_until or end, end)
    stored = [f for cron in made.crons for f in instants(stored_firings(cron, span)[0], span)]
    assert [f for f in at if f < exact] == sorted(f for f in stored if NOW <= f < exact), (
        f"seed {SEED}"
    )


def test_a_count_reaches_as_far_as_it_takes() -> None:
    leap = job("0 12 29 2 *", timezone="UTC")
    assert [at.year for at in found(leap, hours=None, count=3)] == [2028, 2032, 2036]


def test_they_come_in_order_and_what_is_left_out_is_counted() -> None:
    schedules = [schedule(name, job("*/5 * * * *", timezone="UTC")) for name in ("b", "a")]
    answer = coming(
        [*schedules, schedule("off", job("@daily"), paused=True)], NOW, hours=2, count=5
    )
    assert [(one.at.minute, one.schedule.name) for one in answer.firings] == [
        (30, "a"), (30, "b"), (35, "a"), (35, "b"), (40, "a"),
    ]  # fmt: skip
    assert (answer.more, answer.paused) == (43, ("off",))


def test_a_started_minute_is_over() -> None:
    every = job("* * * * *", timezone="UTC")
    for second, first in ((0, 30), (1, 31)):
        now = NOW.replace(second=second)
        assert found(every, now=now, hours=1)[0].minute == first


def test_many_schedules_have_as_many_firings_as_an_answer_takes() -> None:
    answer = coming(
        [schedule(f"s{n:03}", job("* * * * *", timezone="UTC")) for n in range(300)],
        NOW,
        hours=8_784,
        count=MOST,
    )
    assert len(answer.firings) == MOST
    assert answer.more == 300 * 8_784 * 60 - MOST


def test_clock_changes_stand_between_them() -> None:
    at = datetime(2027, 3, 27, 12, tzinfo=UTC)
    both = [schedule("a", job("@daily")), schedule("b", job("@daily", timezone="Europe/Paris"))]
    answer = coming(both, at, hours=24, count=50)
    assert [(c.timezone, c.change.at.hour) for c in answer.changes] == [
        ("Europe/Berlin", 1),
        ("Europe/Paris", 1),
    ]
    assert not coming(both, at, hours=24, count=50, timezone="UTC").changes
    shown = coming(both, at, hours=24, count=50, timezone="Asia/Tokyo").firings[0]
    assert (shown.local.hour, shown.timezone) == (8, "Asia/Tokyo")


@pytest.mark.parametrize(
    "policy", [{}, *({"gap": gap} for gap in Gap), *({"fold": fold} for fold in Fold)], ids=str
)
def test_each_firing_at_a_clock_change_has_its_rule(policy: dict[str, Any]) -> None:
    """A firing whose time comes twice, or that is not at a time of its cron, has a rule; no other."""
    rng = random.Random(SEED)
    seen = {True: 0, False: 0}
    for timezone in ZONES:
        for change in zones.transitions(timezone, NOW, NOW + timedelta(days=800)):
            hour, minute = divmod(change.at.hour * 60 + change.at.minute + change.offset_before, 60)
            near = [f"{rng.randrange(60)} {(hour + by) % 24} * * *" for by in (-1, 0, 1)]
            for text in (*near, a_cron(rng), f"0,{(minute + 30) % 60} {hour % 24} * * *"):
                one = job(text, timezone=timezone, **policy)
                start = change.at - timedelta(days=1)
                for at in next_firings(one, start, 200):
                    if at > change.at + timedelta(days=1):
                        break
                    check(one, at, seen)

    least = {True: 0 if policy.get("gap") is Gap.SKIP else 40, False: 30}
    assert all(seen[kind] >= least[kind] for kind in seen), f"seed {SEED}: {seen}"


def check(one: Job, at: datetime, seen: dict[bool, int]) -> None:
    zone = zones.zone(one.timezone)
    local = at.astimezone(zone)
    wall = local.replace(tzinfo=None, fold=0)
    offsets = {local.replace(fold=fold).utcoffset() for fold in (0, 1)}
    rule = rule_at(one, at)
    if not fits(one.crons[0], wall):
        assert rule
        assert rule.is_gap
        assert (
            rule.local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
            != rule.local
        )
        told = rule_of(one, rule.local)
        assert told
        assert told.at == at
        seen[True] += 1
    elif len(offsets) == 2:
        keeps_its_beat = one.crons[0].interval and one.fold is None
        assert rule or keeps_its_beat
        if rule:
            assert (rule.is_gap, rule.local, rule.second) == (False, wall, local.fold == 1)
            assert rule_of(one, wall)
            seen[False] += 1
    else:
        assert rule is None, (one, at)


def test_a_time_that_is_left_out_is_told() -> None:
    lost = rule_of(job("30 2 * * *", gap=Gap.SKIP), datetime.fromisoformat("2027-03-28T02:30"))
    assert lost
    assert (lost.at, lost.policy, lost.chosen) == (None, Gap.SKIP, True)
    assert rule_of(job("30 2 * * *"), datetime.fromisoformat("2027-03-27T02:30")) is None
    assert rule_of(job("30 4 * * *"), datetime.fromisoformat("2027-03-28T02:30")) is None
