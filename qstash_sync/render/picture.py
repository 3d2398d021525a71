"""Pictures of time as SVG, and the same in words.

    a line of a week     one axis of 24 hours, a mark for each firing: hollow before, full after
    a clock change       its local day, the hours around it drawn wider; a gap hatched, a fold twice

Across, everything is in percent, so that a picture is as wide as its page; down, in pixels. What
comes from outside is escaped here: nothing else looks at it on its way into a page.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from html import escape
from itertools import pairwise, product

from qstash_sync.render import safe, spoken, words as words_of
from qstash_sync.timeline import week as weeks
from qstash_sync.timeline.clock_days import ClockDay, MetJob, Pass
from qstash_sync.timeline.week import Fate, Lane, Line, is_beyond

_DAY = 1440
_HOUR = 60
_NEAR = 30  # minutes; marks that are closer are one bar
_FEW = 5  # times that are listed
_MOST_ARROWS = 8
_IN_A_ROW = 3  # dates that are told by their ends
_EDGE = 1.5  # percent that are left free on either side
_LENS, _AROUND = 5, 60  # how much wider the hours around a clock change are, and so many minutes
_SHORT = 8.0  # percent; a phone has no room for such an arrow
_APART = 5.5  # percent between two hours that are written
_HEIGHT, _MIDDLE, _UPPER, _LOWER = 28, 14, 9, 19

Scale = Callable[[int], float]  # percent of a minute or column

# ---------------------------------------------------------------- words


def days(line: Line, lane: Lane, first: date) -> str:
    """Days of the week that begins with the first; by their dates where others will not be so."""
    found = line.days
    if not lane.is_weekly or is_beyond(found, first):
        is_of_month = lane.is_monthly and line.after and len(found) == 1
        day = f", {spoken.ordinal(found[0].day)} of the month" if is_of_month else ""
        return _dates(found) + day
    numbers = {day.isoweekday() % weeks.DAYS for day in found}
    return "every day" if len(numbers) == weeks.DAYS else spoken.weekdays(numbers)


def _dates(found: Sequence[date]) -> str:
    """Each; of many in a row the first and the last."""
    last = found[-1]
    if len(found) >= _IN_A_ROW and (last - found[0]).days == len(found) - 1:
        return f"{found[0]:%a %Y-%m-%d} to {last:%a %Y-%m-%d}"
    return ", ".join(f"{day:%a %Y-%m-%d}" for day in found)


def times(minutes: Sequence[int]) -> str:
    """Minutes of a day in words."""
    if not minutes:
        return "none"
    if len(minutes) <= _FEW:
        return ", ".join(map(clock, minutes))
    steps = {later - one for one, later in pairwise(minutes)}
    first, last = minutes[0], minutes[-1]
    if len(steps) > 1:
        return f"{len(minutes):,} times, {clock(first)} to {clock(last)}"
    step = steps.pop()
    every = f"every {step} minutes" if step % _HOUR else f"every {step // _HOUR} hours"
    every = {1: "every minute", _HOUR: "every hour"}.get(step, every)
    if last + step < _DAY or first >= step:
        return f"{every}, {clock(first)} to {clock(last)}"
    return every if first == 0 else f"{every} from {clock(first)}"


def change(line: Line, fate: Fate) -> str:
    """The times of a line, before and after where there are both and they differ."""
    before, after = times(line.before), times(line.after)
    if fate is Fate.NEW or line.before == line.after:
        return after
    return before if fate is Fate.GONE else f"{before} -> {after}"


def clock(minute: int) -> str:
    """A minute of the day, or of the next one."""
    return f"{minute // _HOUR % 24:02}:{minute % _HOUR:02}"


# ---------------------------------------------------------------- a week


def axis() -> str:
    """The hours of a day."""
    labels = (_text(_of_day(hour * _HOUR), 12, str(hour)) for hour in range(0, 25, 3))
    return _svg(labels, 16)


def line(found: Line, lane: Lane, first: date) -> str:
    """The marks of the days that are alike."""
    fires = f"{days(found, lane, first)}: {change(found, lane.fate)}"
    title = f"{lane.name}, {fires}, {lane.timezone}"
    goes = sorted({*found.before} - {*found.after})
    comes = sorted({*found.after} - {*found.before})
    stays = sorted({*found.before} & {*found.after})

    def parts() -> Iterator[str]:
        yield from _grid()
        if _collide(goes, comes):
            # Side by side each whole, or nobody sees what is what.
            yield from _marks(found.before, "goes", _of_day, _UPPER)
            yield from _marks(found.after, "comes", _of_day, _LOWER)
            return
        is_alone = not (goes and comes) and _lie_upon(stays, goes or comes)
        stay_at, move_at = (_UPPER, _LOWER) if is_alone else (_MIDDLE, _MIDDLE)
        yield from _marks(stays, "stays", _of_day, stay_at)
        yield from _marks(goes, "goes", _of_day, move_at)
        if len(goes) == len(comes) <= _MOST_ARROWS:
            yield from (_arrow(_of_day(a), _of_day(b)) for a, b in zip(goes, comes, strict=True))
        yield from _marks(comes, "comes", _of_day, move_at)

    return _svg(parts(), _HEIGHT, title)


def _of_day(minute: int) -> float:
    return _EDGE + (100 - 2 * _EDGE) * minute / _DAY


def _grid() -> Iterator[str]:
    for hour in range(0, 25, 3):
        kind = "hour" if hour % 6 else "hour six"
        yield _upright(_of_day(hour * _HOUR), kind)
    yield _across(_of_day(0), _of_day(_DAY), _MIDDLE, "base")


def _collide(some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether marks of two kinds would lie upon each other."""
    dense = any(end > start for start, end in (*_runs(some), *_runs(others)))
    near = any(abs(one - other) < _NEAR for one in some for other in others)
    return bool(some and others) and (dense or near)


def _lie_upon(some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether marks of one kind would cover those of the other: bars that overlap, dots beside."""
    return any(
        start <= last + room and first <= end + room
        for (start, end), (first, last) in product(_runs(some), _runs(others))
        for room in [0 if end > start or last > first else _NEAR]
    )


def _runs(minutes: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of minutes that are close together."""
    found: list[tuple[int, int]] = []
    for minute in minutes:
        if found and minute - found[-1][1] < _NEAR:
            found[-1] = found[-1][0], minute
        else:
            found.append((minute, minute))
    return found


# ---------------------------------------------------------------- the day of a clock change


def clock_axis(day: ClockDay) -> str:
    """The hours of the day as the clock shows them, those of a fold twice."""
    scale = _lens(day)
    low, high = _around(day)
    hours: list[tuple[int, float, str]] = []
    for stretch in day.stretches:
        # The first hour of a stretch may lie within it; its end is the start of the next one.
        end = stretch.end + (stretch is day.stretches[-1])
        for column in range(stretch.start - stretch.wall % -_HOUR, end, _HOUR):
            hour = (stretch.wall + column - stretch.start) // _HOUR % 24
            rank = 0 if low <= column <= high else 1 if hour % 6 == 0 else 2 + bool(hour % 3)
            hours.append((rank, scale(column), str(hour)))
    written: list[tuple[float, str]] = []
    for _, at, text in sorted(hours):
        if all(abs(at - other) >= _APART for other, _ in written):
            written.append((at, text))
    return _svg((_text(at, 12, text) for at, text in sorted(written)), 16)


def clock_all(day: ClockDay) -> str:
    """Everything that fires on the day, as ticks."""
    scale = _lens(day)

    def parts() -> Iterator[str]:
        yield from _clock_grid(day, scale)
        yield from _marks(day.firings, "stays", scale, _MIDDLE)

    minutes = words_of.counted(len(day.firings), "minute")
    title = f"{day.day:%a %Y-%m-%d} in {day.timezone}: {minutes} in which schedules fire"
    return _svg(parts(), _HEIGHT, title)


def clock_job(day: ClockDay, job: MetJob, words: str) -> str:
    """Where the firings of a job go; words: the same in words."""
    scale = _lens(day)
    lands = {column for met in job.met for column in met.lands}
    spare = [column for met in job.met for column in met.spare]

    def parts() -> Iterator[str]:
        yield from _clock_grid(day, scale)
        others = [column for column in job.firings if column not in lands]
        yield from _marks(others, "stays", scale, _MIDDLE)
        yield from _marks(spare, "goes", scale, _MIDDLE)
        # What is skipped moves; of what comes twice one stays and the other is nothing.
        for met in job.met[:_MOST_ARROWS] if day.by > 0 else ():
            for start, end in zip(met.spare, met.lands, strict=False):
                yield _arrow(scale(start), scale(end))
        yield from _marks(sorted(lands), "comes", scale, _MIDDLE)

    return _svg(parts(), _HEIGHT, words)


def _lens(day: ClockDay) -> Scale:
    """Columns to percent: those around the change take more room."""
    low, high = _around(day)
    end = day.stretches[-1].end
    width = end + (_LENS - 1) * (high - low)

    def scale(column: int) -> float:
        inside = min(max(column - low, 0), high - low)
        return _EDGE + (100 - 2 * _EDGE) * (column + (_LENS - 1) * inside) / width

    return scale


def _around(day: ClockDay) -> tuple[int, int]:
    """The columns that are drawn wider."""
    odd = [one for one in day.stretches if one.passes is not Pass.USUAL]
    end = day.stretches[-1].end
    return max(odd[0].start - _AROUND, 0), min(odd[-1].end + _AROUND, end)


def _clock_grid(day: ClockDay, scale: Scale) -> Iterator[str]:
    for one in day.stretches:
        if one.passes in (Pass.GAP, Pass.SECOND):
            left, width = scale(one.start), scale(one.end) - scale(one.start)
            yield (
                f'<rect class="{one.passes}" x="{left:.2f}%" y="0" width="{width:.2f}%"'
                f' height="{_HEIGHT}"/>'
            )
    for one in day.stretches:
        yield _upright(scale(one.start), "hour six")
    end = day.stretches[-1].end
    yield _upright(scale(end), "hour six")
    yield _across(scale(0), scale(end), _MIDDLE, "base")


# ---------------------------------------------------------------- SVG


def _svg(parts: Iterable[str], height: int, title: str = "") -> str:
    """A picture; without a title it only repeats what stands beside it."""
    told = f'role="img"><title>{_escaped(title)}</title>' if title else 'aria-hidden="true">'
    return f'<svg class="strip" width="100%" height="{height}" {told}{"".join(parts)}</svg>'


def _escaped(text: str) -> str:
    return escape(safe.line(text))


def _text(at: float, y: int, text: str) -> str:
    return f'<text x="{at:.2f}%" y="{y}">{_escaped(text)}</text>'


def _upright(at: float, kind: str) -> str:
    x = f"{at:.2f}%"
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="0" y2="{_HEIGHT}"/>'


def _across(start: float, end: float, y: int, kind: str) -> str:
    return f'<line class="{kind}" x1="{start:.2f}%" x2="{end:.2f}%" y1="{y}" y2="{y}"/>'


def _marks(minutes: Sequence[int], kind: str, scale: Scale, y: int) -> Iterator[str]:
    """A dot for each firing, a bar for those that are close together."""
    for start, end in _runs(minutes):
        if start == end:
            yield f'<circle class="{kind}" cx="{scale(start):.2f}%" cy="{y}" r="5"/>'
        else:
            left, width = scale(start), scale(end) - scale(start)
            yield (
                f'<rect class="{kind}" x="{left:.2f}%" y="{y - 4}" width="{width:.2f}%"'
                ' height="8" rx="4"/>'
            )


def _arrow(start: float, end: float) -> str:
    """From one mark to another; a picture in the picture has its head at a percentage."""
    head = "M-6 0l-6 -4v8z" if end > start else "M6 0l6 -4v8z"
    short = " short" * (abs(end - start) < _SHORT)
    return (
        f"{_across(start, end, _MIDDLE, 'way' + short)}"
        f'<svg class="head{short}" x="{end:.2f}%" y="{_MIDDLE}" overflow="visible">'
        f'<path d="{head}"/></svg>'
    )
