"""What all schedules of a file send together: at once, a day, and through flow control."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.lint.finding import finding
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.load import DAYS, deliveries, fan_out, load
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, FlowControl, Queue, Schedule

_SECONDS = 60
_FEW = 3  # names in a message


def findings(desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """What the resources of a file give cause to say together."""
    running = [schedule for schedule in desired.schedules or () if not schedule.paused]
    span = Span.around(now, now + timedelta(days=DAYS - 1))
    for queue in desired.queues or ():
        yield from _queue(queue)
    yield from _together(desired, now)
    yield from _flow(running, desired, span)


def _queue(queue: Queue) -> Iterator[Diagnostic]:
    if queue.parallelism > 1:
        fact = f"a parallelism of {queue.parallelism}: QStash retires it for flow control"
        hint = "flow_control: {key: …, parallelism: …} in the schedules of it"
        yield finding(Code.QUEUE_PARALLELISM, queue, fact, hint, "parallelism")


def _together(desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """The fullest minute against what the plan delivers at once; the fullest day likewise."""
    found, plan = load(desired, desired.schedules or (), now), desired.limits.plan
    most = PLANS[plan or "free"].parallelism
    if found.peak and found.at_peak > most:
        of = f"the plan {plan}" if plan else "the free plan"
        fact = f"{found.at_peak} messages in the minute {found.peak:%Y-%m-%d %H:%MZ}; {of} delivers"
        fact += f" {most} at once"
        yield finding(Code.PEAK_MINUTE, None, fact, "spread the crons; next --load shows whose")
    if found.allowed is not None and found.messages > found.allowed:
        fact = f"{found.messages:,} messages a day, more than the plan's {found.allowed:,}"
        hint = "fire less often, or raise the plan; retries come on top"
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
        yield from _drain(key, some, pinned.get(key), fan_out(desired), span)


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
        weight = deliveries(schedule, fan_out)
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
