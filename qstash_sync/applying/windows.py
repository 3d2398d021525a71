"""When a set of crons may take the place of another without a lost or doubled firing.

    a firing of a part that is written     v                         v
    must not begin            |############|            |############|
    may begin      ___________|            |____________|
                              ^ 60 s for QStash to take a schedule up, and 5 s for each request

Between two such firings the whole swap is done, so each is fired by exactly one of the sets. All
firings of the parts that are written or deleted count, not only those in which the sets differ: a
firing that both have may pass from one part to another, and nobody knows whether a part fires as
it did, as it will or not at all until it is taken up. A job whose firings lie too close for that
is written right after one, which is the best there is.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from qstash_sync.crons import robfig
from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.error import CronError
from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule, PutSchedule, Step
from qstash_sync.reconcile.times import ACTIVATION
from qstash_sync.record import record

EACH_REQUEST = timedelta(seconds=5)  # a write, or the look before it
AFTER = timedelta(seconds=2)  # a firing's minute has begun
RIGHT_AFTER = timedelta(seconds=15)  # as long as this a firing has just been
_LOOK = 2  # days in which a window must come


@record(kw_only=True)
class Window:
    """When to begin; tight: there is no room anywhere, so a firing may be lost or doubled."""

    at: datetime
    tight: bool = False


def window(change: Change, at: datetime) -> Window:
    """The first moment from `at` on at which a change may begin."""
    now = at.astimezone(UTC)
    if change.swap is None:
        return Window(at=now)
    near = now - RIGHT_AFTER
    span = Span(near.date(), _LOOK + 1)
    risks = list(_risks(change, span, near, span.end))
    past, ahead = [r for r in risks if r <= now], [r for r in risks if r > now]
    first = max(now, past[-1] + AFTER) if past else now
    need = ACTIVATION + EACH_REQUEST * _requests(change.steps)
    begins = [first, *(risk + AFTER for risk in ahead)]
    for begin, following in zip(begins, [*ahead, span.end], strict=True):
        if following - begin > need:
            return Window(at=begin)
    return Window(at=first if past else begins[1], tight=True)


def warnings(changes: Iterable[Change], now: datetime) -> Iterator[Diagnostic]:
    """Of each change that finds no room between firings, what that means: before it is approved."""
    alike: dict[tuple[object, ...], bool] = {}
    for change in changes:
        if change.swap is None or change.refused:
            continue
        crons = tuple(step.cron for step in change.steps if isinstance(step, PutSchedule))
        key = change.swap.before, change.swap.after, crons, _requests(change.steps)
        if key not in alike:
            alike[key] = window(change, now).tight
        if alike[key]:
            yield Diagnostic(
                severity=Severity.WARNING,
                code="tight",
                message="no room between its firings: the write may lose or double one",
                path=(f"{change.kind}s", change.name),
            )


def _requests(steps: Sequence[Step]) -> int:
    """Every write has a look before it, but for a pause, which comes right after another.

    So has every delete at what stays: the first at all that is written.
    """
    each = sum(1 if isinstance(step, PauseSchedule) else 2 for step in steps)
    puts = sum(isinstance(step, PutSchedule) for step in steps)
    deletes = sum(isinstance(step, DeleteSchedule) for step in steps)
    return each + deletes + max(puts - 1, 0) * bool(deletes)


def at_risk(change: Change, at: datetime, until: datetime) -> tuple[datetime, ...]:
    """The firings from `at` to `until` of the parts that a swap writes or deletes."""
    if change.swap is None:
        return ()
    start = at.astimezone(UTC)
    span = Span.around(start, until + timedelta(minutes=1))
    return tuple(risk for risk in _risks(change, span, start, span.end) if risk <= until)


def _risks(change: Change, span: Span, start: datetime, end: datetime) -> Iterator[datetime]:
    assert change.swap is not None
    written = {step.cron for step in change.steps if isinstance(step, PutSchedule)}
    kept = set(change.swap.after) - written
    bitmap = _bitmap(written | set(change.swap.before) - kept, span)
    return instants(bitmap & span.window(start, end), span)


def _bitmap(crons: Iterable[str], span: Span) -> int:
    found = 0
    for cron in crons:
        try:
            found |= robfig.firings(cron, span)[0]
        except CronError:
            continue  # a live cron that nobody understands has no firings to protect
    return found


def in_order(steps: Sequence[Step], at: datetime, there: Container[str]) -> tuple[Step, ...]:
    """The steps of a swap: new parts, then the part that fires next, each with its pause; deletes.

    there: the ids in the account. New parts come first because a swap that is cut off has marks of
    two sets then, and is not taken for a set that somebody has deleted parts of.
    """
    groups: list[list[Step]] = []
    for step in steps:
        alone = not isinstance(step, PauseSchedule) or not groups
        if alone or getattr(groups[-1][0], "id", None) != getattr(step, "id", None):
            groups.append([step])
        else:
            groups[-1].append(step)
    return tuple(
        step
        for group in sorted(groups, key=lambda group: _rank(group[0], at, there))
        for step in group
    )


def _rank(step: Step, at: datetime, there: Container[str]) -> tuple[int, datetime]:
    if isinstance(step, PutSchedule):
        return int(step.id in there), _next(step.cron, at)
    return (2 if isinstance(step, DeleteSchedule) else 1), at


def _next(cron: str, at: datetime) -> datetime:
    try:
        return robfig.next_after(robfig.read(cron), at.astimezone(UTC)) or datetime.max.replace(
            tzinfo=UTC
        )
    except CronError:
        return datetime.max.replace(tzinfo=UTC)
