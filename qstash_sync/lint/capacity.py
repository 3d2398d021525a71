"""What all schedules of a file send together: at once, a day, and through flow control."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.firings import wanted
from qstash_sync.lint.finding import Resource, finding, shared
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.durations import duration
from qstash_sync.model.lint import Code
from qstash_sync.model.load import DAYS, Load, deliveries, fan_out, first_days, load
from qstash_sync.model.names import natural
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Desired, FlowControl, Queue, Schedule, UrlGroup, plain
from qstash_sync.record import record

_SECONDS = 60
_FEW = 3  # names in a message


def findings(desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """What the resources of a file give cause to say together."""
    running = [schedule for schedule in desired.schedules or () if not schedule.paused]
    for queue in desired.queues or ():
        yield from _queue(queue)
    yield from _together(running, desired, now)
    yield from _flow(running, desired, now)


def _queue(queue: Queue) -> Iterator[Diagnostic]:
    if queue.parallelism > 1:
        fact = f"a parallelism of {queue.parallelism}: QStash retires it for flow control"
        hint = "flow_control: {key: …, parallelism: …} in the schedules of it"
        yield finding(Code.QUEUE_PARALLELISM, queue, fact, hint, "parallelism")


def _together(running: Sequence[Schedule], desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    """The fullest minute against what the plan delivers at once; the fullest day likewise.

    Of each the first that is too full, what comes soon before what is far.
    """
    plan = desired.limits.plan
    most = PLANS[plan or "free"].parallelism
    soon = load(desired, running, now)
    is_told = soon.at_peak > most and (soon.allowed is None or _exceeds(soon))
    far = [] if is_told else first_days(running, fan_out(desired), now)[1:]
    later = [load(desired, running, now, first) for first in far]
    peaks = (found for found in (soon, *later) if found.peak and found.at_peak > most)
    if full := next(peaks, None):
        of = f"the plan {plan}" if plan else "the free plan"
        fact = f"{full.at_peak:,} messages in the minute {full.peak:%Y-%m-%d %H:%MZ}; {of} delivers"
        hint = f"spread the crons; next --load{_pretended(full, soon)} shows whose"
        yield finding(Code.PEAK_MINUTE, None, f"{fact} {most:,} at once", hint)
    if _exceeds(soon):
        fact = f"{soon.messages:,} messages a day, more than the plan's {soon.allowed:,}"
    elif full := next(filter(_exceeds, later), None):
        fact = f"{full.messages:,} messages on {full.busiest}, more than the plan's"
        fact += f" {full.allowed:,} a day"
    else:
        return
    hint = "fire less often, or raise the plan; retries come on top"
    yield finding(Code.DAILY_MESSAGES, None, fact, hint)


def _exceeds(found: Load) -> bool:
    return found.allowed is not None and found.messages > found.allowed


def _pretended(full: Load, soon: Load) -> str:
    """The option with which a command looks at days that are far."""
    return "" if full is soon or full.peak is None else f" --now {full.peak:%Y-%m-%d}"


# ---------------------------------------------------------------- flow control


@record()
class _Limits:
    """Of a key: as a schedule brings them along, or as they are pinned."""

    parallelism: int | None
    rate: int | None
    period: int | None

    def __str__(self) -> str:
        pairs = (("parallelism", self.parallelism), ("rate", self.rate), ("period", self.period))
        return ", ".join(f"{key} {value}" for key, value in pairs if value is not None) or "none"


@record()
class _Use:
    """A flow-control key: the schedules of it, and what is pinned."""

    key: str
    schedules: Sequence[Schedule]
    pinned: FlowControl | None
    groups: Mapping[str, UrlGroup]

    def telling(self, code: Code, now: datetime) -> list[Schedule]:
        """The schedules that do not disable a code: one that does is silent for itself alone."""
        return [one for one in self.schedules if not one.lint.disables(code, now)]

    def subjects(self, schedules: Iterable[Schedule]) -> Iterator[Resource]:
        """What a finding about some of the schedules is about: any of it can have caused it."""
        for schedule in schedules:
            yield schedule
            if schedule.to_group and (
                group := self.groups.get(plain(schedule.message.destination))
            ):
                yield group
        if self.pinned:
            yield self.pinned


def _flow(schedules: Iterable[Schedule], desired: Desired, now: datetime) -> Iterator[Diagnostic]:
    users: defaultdict[str, list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        if schedule.message.flow_control:
            users[schedule.message.flow_control.key].append(schedule)
    pinned = {key.name: key for key in desired.flow_controls or ()}
    groups = {group.name: group for group in desired.url_groups or ()}
    for key, some in sorted(users.items()):
        use = _Use(key, some, pinned.get(key), groups)
        yield from _conflict(use, now)
        yield from _drain(use, fan_out(desired), now)


def _brought(schedule: Schedule) -> _Limits:
    use = schedule.message.flow_control
    assert use is not None
    return _Limits(use.parallelism, use.rate, use.period)


def _conflict(use: _Use, now: datetime) -> Iterator[Diagnostic]:
    """Schedules that bring along other limits than the first; what is pinned holds anyway."""
    pinned = use.pinned
    free = [name for name in ("parallelism", "rate") if not (pinned and getattr(pinned, name))]

    def open_(limits: _Limits) -> tuple[object, ...]:
        rate = (limits.rate, limits.period) if "rate" in free else None
        return (limits.parallelism if "parallelism" in free else None, rate)

    telling = use.telling(Code.FLOW_CONFLICT, now)
    differing: dict[tuple[object, ...], Schedule] = {}  # the first that brings each
    for schedule in telling:
        differing.setdefault(open_(_brought(schedule)), schedule)
    brought = [*differing.values()]
    if not brought[1:]:
        return
    first, other, *more = brought
    fact = f"gives {use.key} {_brought(other)}, and {first.name} gives it {_brought(first)}"
    if more:
        fact += f" ({_names(more)} yet others)"
    hint = f"pin it once under flow_controls: {{{use.key}: …}}"
    found = finding(
        Code.FLOW_CONFLICT, other, f"{fact}: the last message wins", hint, "flow_control"
    )
    yield shared(found, use.subjects(telling))


def _names(schedules: Iterable[Schedule]) -> str:
    names = sorted((schedule.name for schedule in schedules), key=natural)
    return ", ".join(names[:_FEW]) + f" and {len(names) - _FEW:,} more" * (len(names) > _FEW)


def _strictest(use: _Use) -> tuple[int, int] | None:
    """Messages and seconds of the rate that holds: the pinned one, or the slowest of any."""
    if use.pinned and use.pinned.rate:
        return use.pinned.rate, use.pinned.period or 1
    brought = map(_brought, use.schedules)
    rates = [(limits.rate, limits.period or 1) for limits in brought if limits.rate]
    return max(rates, key=lambda rate: rate[1] / rate[0], default=None)


def _drain(use: _Use, fan_out: Mapping[str, int], now: datetime) -> Iterator[Diagnostic]:
    """The first firing that finds messages of an earlier one still waiting for the rate."""
    strictest, telling = _strictest(use), use.telling(Code.SLOW_DRAIN, now)
    if strictest is None or not telling:
        return
    for first in first_days(use.schedules, fan_out, now):
        if fact := _waiting(use, strictest, fan_out, Span(first, DAYS), now):
            hint = "a higher rate, or fewer or later firings"
            found = finding(Code.SLOW_DRAIN, telling[0], fact, hint, "flow_control")
            yield shared(found, use.subjects(telling))
            return


def _waiting(
    use: _Use, strictest: tuple[int, int], fan_out: Mapping[str, int], span: Span, now: datetime
) -> str | None:
    """Of a span, from now on: what has fired today is no longer news."""
    rate, period = strictest
    coming = span.window(now, span.end)
    minutes: Counter[int] = Counter()
    for schedule in use.schedules:
        weight = deliveries(schedule.message, fan_out)
        for at in instants(wanted(schedule.timing.job, span) & coming, span):
            minutes[span.minute(at)] += weight
    each = period / rate  # seconds of one message
    free_at = before = 0.0
    for minute, count in sorted(minutes.items()):
        start = minute * _SECONDS
        if free_at - each >= start > before:  # one that leaves right then is in nobody's way
            waiting = int((free_at - start) / each)
            at = span.instant(minute)
            fact = f"{use.key} lets {rate} through in {duration(period)}: at {at:%Y-%m-%d %H:%MZ}"
            waits = (
                "message of an earlier firing still waits"
                if waiting == 1
                else "messages still wait"
            )
            return f"{fact} {waiting:,} {waits} ({_names(use.schedules)})"
        free_at = max(free_at, start) + count * each
        before = start
    return None
