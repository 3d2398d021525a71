"""When a set of crons may take the place of another without a lost or doubled firing.

    a firing in which the sets differ      v                         v
    must not begin            |############|            |############|
    may begin      ___________|            |____________|
                              ^ 60 s for QStash to take a schedule up, and 5 s for each write

Between two such firings the whole swap is done, so each is fired by exactly one of the sets. A job
whose firings lie too close for that is written right after one, which is the best there is.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from qstash_sync.core import parser
from qstash_sync.core.change import Change, Swap
from qstash_sync.core.minutes import Span, instants
from qstash_sync.core.steps import DeleteSchedule, PauseSchedule, PutSchedule, Step
from qstash_sync.errors import CompileError

ACTIVATION = timedelta(seconds=60)  # until QStash takes up what was written
EACH_WRITE = timedelta(seconds=5)
AFTER = timedelta(seconds=2)  # a firing's minute has begun
JUST = timedelta(seconds=10)  # so long ago a firing has just been
LOOK = timedelta(days=2)  # in which a window must come


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When to begin; tight: there is no room anywhere, so a firing may be lost or doubled.

    risk: the next firing in which the two sets differ, if one comes within two days.
    """

    at: datetime
    tight: bool = False
    risk: datetime | None = None


def window(change: Change, at: datetime) -> Window:
    """The first moment from `at` on at which a change may begin."""
    now = at.astimezone(UTC)
    if change.swap is None:
        return Window(at=now)
    writes = sum(not isinstance(step, PauseSchedule) for step in change.steps)
    need = ACTIVATION + EACH_WRITE * writes
    near = list(_risks(change.swap, now - JUST))
    risks = [risk for risk in near if risk >= now]
    first = next(iter(risks), None)
    candidates = [risk + AFTER for risk in risks if risk < now + LOOK]
    for begin in [now, *candidates]:
        following = next((risk for risk in risks if risk >= begin), None)
        if following is None or following - begin > need:
            return Window(at=begin, risk=first)
    just_fired = any(risk + AFTER <= now for risk in near)
    return Window(at=now if just_fired else risks[0] + AFTER, tight=True, risk=first)


def at_risk(swap: Swap, at: datetime, until: datetime) -> tuple[datetime, ...]:
    """The firings from `at` until `until` in which the sets of a swap differ."""
    return tuple(risk for risk in _risks(swap, at.astimezone(UTC)) if risk <= until)


def _risks(swap: Swap, start: datetime) -> Iterator[datetime]:
    """The firings from then on in which the two sets differ; under other ids, all of them."""
    span = Span(start.date(), LOOK.days + 2)
    before, after = (_bitmap(crons, span) for crons in (swap.before, swap.after))
    bitmap = before | after if swap.moved else before ^ after
    return (at for at in instants(bitmap & span.window(start, span.end), span) if at >= start)


def _bitmap(crons: Sequence[str], span: Span) -> int:
    found = 0
    for cron in crons:
        try:
            found |= parser.firings(cron, span)[0]
        except CompileError:
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
        return parser.next_after(parser.read(cron), at.astimezone(UTC)) or datetime.max.replace(
            tzinfo=UTC
        )
    except CompileError:
        return datetime.max.replace(tzinfo=UTC)


def predicted(cron: str, low: datetime, high: datetime, found: datetime) -> bool:
    """Whether an instant is the next firing of a cron, seen from some moment of low to high."""
    try:
        spec = parser.read(cron)
    except CompileError:
        return True  # nobody can say
    moment: datetime | None = low.astimezone(UTC) - timedelta(minutes=1)
    while moment is not None and moment <= high:
        moment = parser.next_after(spec, moment)
        if moment == found:
            return True
    return False
