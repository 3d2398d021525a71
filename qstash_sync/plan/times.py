"""A schedule's time against the live parts: what is in sync, what must be written, why.

A live set that is whole by its marks, written for what the file says, and exact for `renew_before`
is in sync: it is verified, not compiled. All others are compiled, each distinct timing once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from qstash_sync.crons import bound as bounds, compile as compiler, exactness
from qstash_sync.crons.bitmaps import Span, compare as compare_bitmaps
from qstash_sync.crons.compile import Compilation, Strategy
from qstash_sync.crons.effect import effect
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import Job, meetings, wanted
from qstash_sync.crons.robfig import firings
from qstash_sync.model.change import FieldChange, Firings, Note, Stored
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import LiveSchedule, Schedule
from qstash_sync.plan.live_parts import (
    Part,
    SetState,
    Writing,
    as_written,
    is_understood,
    same_crons,
    state,
)

LOOK_AHEAD = timedelta(days=366)
ACTIVATION = timedelta(seconds=60)  # until QStash takes up what was written


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The crons to be stored, in order; without fields the live ones do.

    writing: what became of the live set since it was written.
    """

    crons: tuple[str, ...]
    writing: Writing = Writing.WHOLE
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[Note, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


# ---------------------------------------------------------------- compilations


def compiled(
    schedule: Schedule, now: datetime, live: tuple[str, ...] = ()
) -> Compilation | Diagnostic:
    """The parts of a schedule from now on, or why there are none.

    live: the crons in the account, in our spelling; `auto` keeps that choice while it is exact.
    """
    timing = schedule.timing
    try:
        return compiler.compile_job(
            timing.job,
            now=now,
            strategy=timing.strategy,
            renew_before=timing.renew_before,
            accept=timing.accept,
            keep=live,
        )
    except CronError as error:
        path = ("schedules", schedule.name, "cron")
        return Diagnostic(code="cron", message=str(error), path=path, location=schedule.location)


def warnings(
    made: Compilation, name: str | None, location: Location | None
) -> tuple[Diagnostic, ...]:
    """What a person should know of a compilation: gaps and folds, its end, both day fields."""
    return tuple(
        Diagnostic(
            severity=Severity.WARNING,
            code="time",
            message=text,
            path=_path(name),
            location=location,
        )
        for text in made.warnings
    )


def _path(name: str | None) -> tuple[str, ...]:
    """Of a schedule; a cron of the command line has none."""
    return ("schedules", name) if name else ()


def too_many(
    count: int,
    most: int,
    name: str | None,
    location: Location | None,
    *,
    severity: Severity = Severity.ERROR,
    on: datetime | None = None,
) -> tuple[Diagnostic, ...]:
    """What a schedule with more parts than `dst.max_parts` gives cause to say; on: from when."""
    if count <= most:
        return ()
    day = f" on {on:%Y-%m-%d}" if on else ""
    found = Diagnostic(
        severity=severity,
        code="max_parts",
        message=f"needs {count} parts{day}, max_parts is {most}",
        path=_path(name),
        location=location,
        hint="raise dst.max_parts, or use dst: {strategy: auto} for fewer",
    )
    return (found,)


def parts_ahead(schedule: Schedule, now: datetime) -> tuple[tuple[datetime, int], ...]:
    """How many parts a schedule takes from now on and from each renewal of the coming year on."""
    found: list[tuple[datetime, int]] = []
    at = now
    while at < now + LOOK_AHEAD:
        made = compiled(schedule, at)
        if isinstance(made, Diagnostic):
            break
        found.append((at, len(made.parts)))
        due = made.valid_until if made.strategy is Strategy.FOLLOW else made.renew_at
        if due is None:
            break
        at = max(due, at) + timedelta(days=1)
    return tuple(found)


def most_parts(schedule: Schedule, now: datetime) -> int:
    """No more parts than these in the coming year; a bound, found without compiling."""
    job = schedule.timing.job
    native = len({cron.key for cron in job.crons})
    if schedule.timing.strategy is Strategy.NATIVE:
        return native
    bound = bounds.most_parts(job, now.astimezone(UTC).date())
    return max(bound, native) if schedule.timing.strategy is Strategy.AUTO else bound


def checked(schedule: Schedule, now: datetime) -> tuple[Diagnostic, ...]:
    """What a file's schedule gives cause to say, without an account; compiled only if need be."""
    strategy, job = schedule.timing.strategy, schedule.timing.job
    if strategy is Strategy.SPLIT and not _has_warnings(job, now) and _fires(job, now):
        return ()
    made = compiled(schedule, now)
    if isinstance(made, Diagnostic):
        return (made,)
    return warnings(made, schedule.name, schedule.location)


@lru_cache(maxsize=16_384)
def _fires(job: Job, now: datetime) -> bool:
    return bool(wanted(job, Span.around(now, now + LOOK_AHEAD)))


# ---------------------------------------------------------------- what a create shows


def created_fields(schedule: Schedule) -> tuple[FieldChange, ...]:
    """Time as it stands in the file."""
    return (
        FieldChange(path="cron", after=text(schedule)),
        FieldChange(path="timezone", after=schedule.timing.job.timezone),
    )


def text(schedule: Schedule) -> str:
    """The crons as written."""
    return ", ".join(cron.text for cron in schedule.timing.job.crons)


def created_notes(schedule: Schedule, crons: Sequence[str]) -> tuple[Note, ...]:
    """What QStash will hold, where that is not what the file says."""
    if len(crons) == 1 and schedule.timing.job.timezone == "UTC":
        return ()
    return (Stored(crons=tuple(crons)),)


# ---------------------------------------------------------------- against the live parts


def compare(
    schedule: Schedule, parts: Sequence[Part], now: datetime, definition: str
) -> When | Diagnostic:
    """Whether the live parts are those we wrote, and fire as wanted for long enough.

    definition: digest `b` of the schedule as it is declared.
    """
    live = tuple(part.live.cron for part in parts)
    found = state(schedule, parts)
    # Written for other times, which may lie months away, a set that is exact today is not in sync.
    as_declared = all(part.mark is None or part.mark.definition == definition for part in parts)
    holds = found.writing is Writing.WHOLE and as_declared and _holds(schedule, live, now)
    if holds and not _has_warnings(schedule.timing.job, now):
        return When(crons=live)
    made = compiled(schedule, now, tuple(as_written(schedule, cron) for cron in live))
    if isinstance(made, Diagnostic):
        return _without_compilation(schedule, live, made, found)
    notes = warnings(made, schedule.name, schedule.location)
    if holds:
        return When(crons=live, diagnostics=notes)
    same = same_crons(made.crons, live) or _fires_alike(schedule, made.crons, live, now)
    if same and found.writing in (Writing.WHOLE, Writing.EDITED):
        return When(crons=live, diagnostics=notes)
    moved = found.writing in (Writing.EDITED, Writing.BROKEN)
    return When(
        crons=made.crons,
        writing=found.writing,
        fields=(*_parts_field(live, made, found), *_cron_field(schedule, live, made, same=same)),
        notes=() if same else _effect(schedule, live, made.crons if moved else None, now),
        diagnostics=notes,
    )


def _holds(schedule: Schedule, live: tuple[str, ...], now: datetime) -> bool:
    """Whether plain live crons need no renewal yet; the other strategies know no end."""
    timing = schedule.timing
    if timing.strategy in (Strategy.NATIVE, Strategy.FOLLOW):
        return False
    return exactness.holds(timing.job, live, now, now + timing.renew_before)


@lru_cache(maxsize=65_536)
def _has_warnings(job: Job, now: datetime) -> bool:
    """Whether a compilation of this job could say anything: then it is asked."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return any(cron.both_days_restricted for cron in job.crons) or any(
        not meeting.chosen for meeting in meetings(job, midnight, midnight + LOOK_AHEAD)
    )


def _without_compilation(
    schedule: Schedule, live: tuple[str, ...], why: Diagnostic, found: SetState
) -> When | Diagnostic:
    """There is no compilation today; what is live is left alone where it is what the file says.

    So `native` that has come to differ from the policy since it was written is only a warning.
    """
    native = tuple(part.cron for part in compiler.native_parts(schedule.timing.job))
    is_native = schedule.timing.strategy is Strategy.NATIVE
    if is_native and found.writing is Writing.WHOLE and same_crons(native, live):
        return When(crons=live, diagnostics=(replace(why, severity=Severity.WARNING),))
    return why


def _fires_alike(
    schedule: Schedule, wanted: tuple[str, ...], live: tuple[str, ...], now: datetime
) -> bool:
    """Whether plain crons fire at the same minutes for a year, none of them twice."""
    if schedule.timing.strategy is Strategy.NATIVE:
        return False
    if not all(exactness.is_plain(cron) for cron in (*wanted, *live)):
        return False
    span = Span.around(now, now + LOOK_AHEAD)
    union = 0
    for cron in wanted:
        union |= compiler.read_back(cron, span)
    return compare_bitmaps(union, [firings(cron, span)[0] for cron in live], span).none


def _parts_field(
    live: tuple[str, ...], made: Compilation, found: SetState
) -> tuple[FieldChange, ...]:
    if found.writing is Writing.WHOLE or (len(live) == 1 and found.writing is Writing.EDITED):
        return ()  # the other fields show it
    return (FieldChange(path="parts", before=len(live), after=len(made.parts), note=str(found)),)


def _cron_field(
    schedule: Schedule, live: tuple[str, ...], made: Compilation, *, same: bool
) -> tuple[FieldChange, ...]:
    if same:
        return ()
    note = "" if made.crons[0].endswith(text(schedule)) else text(schedule)
    before, after = ", ".join(sorted(live)), ", ".join(made.crons)
    return (FieldChange(path="cron", before=before, after=after, note=note),)


def _effect(
    schedule: Schedule, live: tuple[str, ...], mended: tuple[str, ...] | None, now: datetime
) -> tuple[Note, ...]:
    """How many firings of the coming year move or come twice, and the first that differs.

    mended: the crons that undo somebody's hand: what that hand did, not what else will be wrong
    once the horizon has ended. None: what the file wants of the year.
    """
    if not all(is_understood(cron) for cron in live):
        return ()
    job = schedule.timing.job
    found = effect(live, job if mended is None else mended, now, job.timezone)
    twice = exactness.compare(job, live, now, now + LOOK_AHEAD).doubled
    return (Firings(effect=found, doubled=twice, timezone=job.timezone),)


def assign(
    schedule: Schedule, crons: Sequence[str], found: Sequence[LiveSchedule]
) -> dict[str, str]:
    """Which id holds which cron: a part whose cron stays keeps its id, the first always exists."""
    ids = [schedule.part_id(number) for number in range(1, len(crons) + 1)]
    live = {as_written(schedule, part.cron): part.id for part in found if part.id in ids}
    kept = {live[cron]: cron for cron in crons if cron in live}
    rest = [cron for cron in crons if cron not in kept.values()]
    free = [part_id for part_id in ids if part_id not in kept]
    placed = {**kept, **dict(zip(free, rest, strict=True))}
    return {part_id: placed[part_id] for part_id in ids}
