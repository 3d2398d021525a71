"""What a declared schedule's time compiles to, now and in the coming year, and what to say of it.

Whether the live parts are so: `live_times.py`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from qstash_sync.crons import bound as bounds, compile as compiler
from qstash_sync.crons.bitmaps import Span
from qstash_sync.crons.compilation import Caution, Compilation, Strategy, cautions_of
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.some_years import fires_every_year
from qstash_sync.model.change import FieldChange, Note, Stored, Wanted
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import Schedule

LOOK_AHEAD = timedelta(days=366)
ACTIVATION = timedelta(seconds=60)  # until QStash takes up what was written


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
        return Diagnostic(
            code="cron",
            message=str(error),
            path=path,
            location=schedule.timed_at,
        )


def warnings(
    made: Compilation, name: str | None, location: Location | None
) -> tuple[Diagnostic, ...]:
    """What a person should know of a compilation: gaps and folds, its end, both day fields."""
    return _said(made.cautions, name, location)


def _said(
    cautions: Sequence[Caution], name: str | None, location: Location | None
) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            severity=Severity.WARNING,
            code=caution.kind,
            message=caution.text,
            path=_path(name),
            location=location,
        )
        for caution in cautions
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
        message=f"needs {count:,} parts{day}, max_parts is {most:,}",
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
    if strategy is Strategy.SPLIT and _fires(job, now):
        return said_of(schedule, now)
    made = compiled(schedule, now)
    if isinstance(made, Diagnostic):
        return (made,)
    return warnings(made, schedule.name, schedule.timed_at)


@lru_cache(maxsize=16_384)
def _fires(job: Job, now: datetime) -> bool:
    """Whether there is a compilation of it, now and at each renewal."""
    return fires_every_year(job) and bool(wanted(job, Span.around(now, now + LOOK_AHEAD)))


def said_of(schedule: Schedule, now: datetime) -> tuple[Diagnostic, ...]:
    """What to know of a schedule in the coming year, whatever it is compiled to."""
    cautions = cautions_of(schedule.timing.job, _midnight(now))
    return _said(cautions, schedule.name, schedule.timed_at) if cautions else ()


@lru_cache(maxsize=64)
def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


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


def stored_for(schedule: Schedule, crons: Sequence[str]) -> str:
    """What stored crons are of: their zone, and the local time, where they are not the same text.

    Beside a file in local time they would read as if the hour had changed.
    """
    written, timezone = text(schedule), schedule.timing.job.timezone
    if timezone != "UTC" and all(map(compiler.is_plain, crons)):
        return f"in UTC, for {written} in {timezone}"
    return "" if crons[0].endswith(written) else written


def notes(schedule: Schedule, crons: Sequence[str], before: Job | None = None) -> tuple[Note, ...]:
    """When it fires, and what QStash will hold, where that is not what the file says."""
    wanted = Wanted(before=before, after=schedule.timing.job)
    if len(crons) == 1 and schedule.timing.job.timezone == "UTC":
        return (wanted,)
    return wanted, Stored(crons=tuple(crons))
