"""How many messages the declared schedules send: a day, at worst, and in the busiest minute."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from qstash_sync.crons.bitmaps import DAY, Span, fitting, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, Message, Schedule, is_known, plain
from qstash_sync.record import record

if TYPE_CHECKING:
    from qstash_sync.crons.grammar import Fields

DAYS = 8  # whole UTC days, today among them: every weekday is one of them
_YEAR = 366  # days
_NAMED = 5


@record(kw_only=True)
class Load:
    """Over the coming days; messages: deliveries where each endpoint answers at once.

    busiest: the day with the most. worst: of that day, where every try fails, callbacks among them.
    allowed: a day, by the plan that the file names; None: as many as are paid for, or not known.
    peak: the first minute with the most messages. of_peak: names and messages, the most first.
    uncounted: URL groups that the file does not declare; each counts as one endpoint.
    """

    days: int
    total: int
    busiest: date
    messages: int
    worst: int
    plan: str | None
    allowed: int | None
    peak: datetime | None
    at_peak: int
    of_peak: tuple[tuple[str, int], ...]
    more_of_peak: int
    uncounted: tuple[str, ...]


def load(
    desired: Desired, schedules: Sequence[Schedule], now: datetime, first: date | None = None
) -> Load:
    """What some of the schedules send, those that are paused in the file left out.

    first: the first of the days, in place of today.
    """
    running = [schedule for schedule in schedules if not schedule.paused]
    ends = fan_out(desired)
    groups = {plain(one.message.destination) for one in running if one.to_group}
    first = first or now.astimezone(UTC).date()
    span = Span(first, DAYS)
    usual, worst, minutes = [0] * DAYS, [0] * DAYS, Counter[int]()
    for job, weight in _weights(running, ends).items():
        fired = wanted(job, span)
        for number, day in enumerate(span.days_of(fired)):
            usual[number] += weight[0] * day.bit_count()
            worst[number] += weight[1] * day.bit_count()
        for at in instants(fired & span.window(now, span.end), span):
            minutes[span.minute(at)] += weight[0]
    busiest = max(range(DAYS), key=lambda number: (usual[number], -number))
    most = max(minutes.values(), default=0)
    peak = min((minute for minute, count in minutes.items() if count == most), default=None)
    of_peak = _of_minute(running, ends, span, peak)
    plan = desired.limits.plan
    return Load(
        days=DAYS,
        total=sum(usual),
        busiest=first + timedelta(days=busiest),
        messages=usual[busiest],
        worst=worst[busiest],
        plan=plan,
        allowed=PLANS[plan].messages if plan else None,
        peak=None if peak is None else span.instant(peak),
        at_peak=most,
        of_peak=of_peak[:_NAMED],
        more_of_peak=max(len(of_peak) - _NAMED, 0),
        uncounted=tuple(sorted(groups - ends.keys())),
    )


def first_days(
    schedules: Sequence[Schedule], fan_out: Mapping[str, int], now: datetime
) -> list[date]:
    """Where to look for the fullest day of a year, eight days from each: first of all, today.

    A week is like another but for what has a day of the month or a month. With such schedules it
    is also, of the days after those, the one with the most messages and the one on which the most
    schedules fire; counted by local dates, so that a look begins a day before.
    """
    today = now.astimezone(UTC).date()
    year = Span(today, _YEAR)
    rules: dict[tuple[object, ...], tuple[Fields, int, int]] = {}
    for job, (weight, _) in _weights(schedules, fan_out).items():
        for cron in job.crons:
            fields, messages, firings = rules.get(cron.fields.day_rule, (cron.fields, 0, 0))
            messages += weight * cron.fields.minute_of_day.bit_count()
            rules[fields.day_rule] = fields, messages, firings + weight
    if not any(fields.is_dated for fields, _, _ in rules.values()):
        return [today]
    sums = [[0] * _YEAR, [0] * _YEAR]
    for fields, *counts in rules.values():
        for number, fits in enumerate(fitting(fields, year)):
            if fits:
                for totals, count in zip(sums, counts, strict=True):
                    totals[number] += count
    full = sorted({totals.index(max(totals[DAYS:]), DAYS) for totals in sums})
    return [today, *(today + timedelta(days=number - 1) for number in full)]


def _weights(
    schedules: Iterable[Schedule], fan_out: Mapping[str, int]
) -> dict[Job, tuple[int, int]]:
    """Messages of one firing, and at worst, by the job: many schedules fire alike."""
    found: dict[Job, tuple[int, int]] = {}
    for schedule in schedules:
        usual, worst = found.get(schedule.timing.job, (0, 0))
        found[schedule.timing.job] = (
            usual + of_firing(schedule.message, fan_out),
            worst + _worst(schedule.message, fan_out),
        )
    return found


def fan_out(desired: Desired) -> dict[str, int]:
    """How many endpoints each declared URL group has."""
    return {group.name: len(group.endpoints) for group in desired.url_groups or ()}


def deliveries(message: Message, fan_out: Mapping[str, int]) -> int:
    """Of one firing; a URL is no group's name, and a group that is not known has one endpoint."""
    target = message.destination
    return fan_out.get(plain(target), 1) if is_known(target) else 1


def of_firing(message: Message, fan_out: Mapping[str, int]) -> int:
    """Deliveries of one firing, and the callbacks that report them; retries come on top."""
    return deliveries(message, fan_out) * (1 + bool(message.callback))


def _worst(message: Message, fan_out: Mapping[str, int]) -> int:
    """Where every try fails: each is a message, and each has its callback; one failure each."""
    tries = (1 + message.retries) * (1 + bool(message.callback))
    return deliveries(message, fan_out) * (tries + bool(message.failure_callback))


def _of_minute(
    schedules: Iterable[Schedule], fan_out: Mapping[str, int], span: Span, minute: int | None
) -> tuple[tuple[str, int], ...]:
    if minute is None:
        return ()
    day = Span(span.first + timedelta(days=minute // DAY), 1)
    found = [
        (schedule.name, of_firing(schedule.message, fan_out))
        for schedule in schedules
        if wanted(schedule.timing.job, day) >> minute % DAY & 1
    ]
    return tuple(sorted(found, key=lambda item: (-item[1], item[0])))
