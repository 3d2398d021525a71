"""What all schedules of a file send together: at once, a day, and through flow control."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import Job, wanted
from qstash_sync.lint.finding import finding
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, FlowControl, Queue, Schedule, plain

DAYS = 8  # whole UTC days, today among them: every weekday is one of them
_SECONDS = 60
_FEW = 3  # names in a message


def findings(desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """What the resources of a file give cause to say together."""
    running = [schedule for schedule in desired.schedules or () if not schedule.paused]
    span = Span.around(now, now + timedelta(days=DAYS - 1))
    coming = span.window(now, span.end)
    for queue in desired.queues or ():
        yield from _queue(queue)
    yield from _peak(running, desired, span, coming)
    yield from _flow(running, desired, span)


def _queue(queue: Queue) -> Iterator[Diagnostic]:
    if queue.parallelism > 1:
        fact = f"a parallelism of {queue.parallelism}: QStash retires it for flow control"
        hint = "flow_control: {key: …, parallelism: …} in the schedules of it"
        yield finding(Code.QUEUE_PARALLELISM, queue, fact, hint, "parallelism")


def _fan_out(desired: Desired) -> Mapping[str, int]:
    return {group.name: len(group.endpoints) for group in desired.url_groups or ()}


def _count(schedule: Schedule, fan_out: Mapping[str, int]) -> int:
    """Messages of one firing."""
    return fan_out.get(plain(schedule.message.destination), 1) if schedule.to_group else 1


def _peak(
    schedules: Sequence[Schedule], desired: Desired, span: Span, coming: int
) -> Iterator[Diagnostic]:
    """The fullest minute against what the plan delivers at once; the fullest day likewise.

    coming: the minutes that are not over.
    """
    fan_out, plan = _fan_out(desired), desired.limits.plan
    weights: Counter[Job] = Counter()
    for schedule in schedules:
        weights[schedule.timing.job] += _count(schedule, fan_out)
    limits = PLANS[plan or "free"]
    is_near = weights.total() > limits.parallelism
    days = [0] * span.days
    minutes: Counter[int] = Counter()
    for job, weight in weights.items():
        fired = wanted(job, span)
        for number, day in enumerate(span.days_of(fired)):
            days[number] += weight * day.bit_count()
        for at in instants(fired & coming, span) if is_near else ():
            minutes[span.minute(at)] += weight
    most = max(minutes.values(), default=0)
    if most > limits.parallelism:
        at = span.instant(min(minute for minute, count in minutes.items() if count == most))
        of = f"the plan {plan}" if plan else "the free plan"
        fact = f"{most} messages in the minute {at:%Y-%m-%d %H:%MZ}; {of} delivers"
        fact += f" {limits.parallelism} at once"
        yield finding(Code.PEAK_MINUTE, None, fact, "spread the crons; next --load shows whose")
    if plan and limits.messages is not None and max(days) > limits.messages:
        fact = f"{max(days):,} messages a day, more than the plan's {limits.messages:,}"
        hint = "fire less often, or raise the plan; retries and callbacks come on top"
        yield finding(Code.DAILY_MESSAGES, None, fact, hint)


# ---------------------------------------------------------------- flow control


@dataclass(frozen=True, slots=True)
class _Limits:
    """Of a key: as a schedule brings them along, or as they are pinned."""

    parallelism: int | None
    rate: int | None
    period: int | None

    def __str__(self) -> str:
        pairs = (("parallelism", self.parallelism), ("rate", self.rate), ("period", self.period))
        return ", ".join(f"{key} {value}" for key, value in pairs if value is not None) or "none"


def _flow(schedules: Iterable[Schedule], desired: Desired, span: Span) -> Iterator[Diagnostic]:
    users: defaultdict[str, list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        if schedule.message.flow_control:
            users[schedule.message.flow_control.key].append(schedule)
    pinned = {key.name: key for key in desired.flow_controls or ()}
    for key, some in sorted(users.items()):
        yield from _conflict(key, some, pinned.get(key))
        yield from _drain(key, some, pinned.get(key), _fan_out(desired), span)


def _brought(schedule: Schedule) -> _Limits:
    use = schedule.message.flow_control
    assert use is not None
    return _Limits(use.parallelism, use.rate, use.period)


def _conflict(
    key: str, schedules: Sequence[Schedule], pinned: FlowControl | None
) -> Iterator[Diagnostic]:
    """Schedules that bring along other limits than the first; what is pinned holds anyway."""
    free = [name for name in ("parallelism", "rate") if not (pinned and getattr(pinned, name))]

    def open_(limits: _Limits) -> tuple[object, ...]:
        rate = (limits.rate, limits.period) if "rate" in free else None
        return (limits.parallelism if "parallelism" in free else None, rate)

    first = schedules[0]
    for other in schedules[1:]:
        one, two = _brought(first), _brought(other)
        if open_(one) != open_(two):
            fact = f"gives {key} {two}, and {first.name} gives it {one}: the last message wins"
            hint = f"pin it once under flow_controls: {{{key}: …}}"
            yield finding(Code.FLOW_CONFLICT, other, fact, hint, "flow_control")
            return


def _drain(
    key: str,
    schedules: Sequence[Schedule],
    pinned: FlowControl | None,
    fan_out: Mapping[str, int],
    span: Span,
) -> Iterator[Diagnostic]:
    """The first firing that finds messages of an earlier one still waiting for the rate."""
    brought = _brought(schedules[0])
    rate, period = brought.rate, brought.period
    if pinned and pinned.rate:
        rate, period = pinned.rate, pinned.period
    if not rate:
        return
    minutes: Counter[int] = Counter()
    for schedule in schedules:
        weight = _count(schedule, fan_out)
        for at in instants(wanted(schedule.timing.job, span), span):
            minutes[span.minute(at)] += weight
    each = (period or 1) / rate  # seconds of one message
    free_at = before = 0.0
    for minute, count in sorted(minutes.items()):
        start = minute * _SECONDS
        if free_at - each >= start > before:  # one that leaves right then is in nobody's way
            waiting = int((free_at - start) / each)
            at = span.instant(minute)
            names = sorted(schedule.name for schedule in schedules)
            of = ", ".join(names[:_FEW]) + f" and {len(names) - _FEW} more" * (len(names) > _FEW)
            fact = f"{key} lets {rate} through in {period or 1} s: at {at:%Y-%m-%d %H:%MZ}"
            waits = (
                "message of an earlier firing still waits"
                if waiting == 1
                else "messages still wait"
            )
            fact += f" {waiting} {waits} ({of})"
            hint = "a higher rate, or fewer or later firings"
            yield finding(Code.SLOW_DRAIN, schedules[0], fact, hint, "flow_control")
            return
        free_at = max(free_at, start) + count * each
        before = start
