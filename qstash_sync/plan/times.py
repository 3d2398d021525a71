"""A schedule's time against the live parts: what is in sync, what must be written, why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from qstash_sync.crons import compile as compiler, zones
from qstash_sync.crons.bitmaps import Span, compare as compare_bitmaps
from qstash_sync.crons.compile import Compilation, Strategy
from qstash_sync.crons.effect import Effect, effect
from qstash_sync.crons.error import CronError
from qstash_sync.crons.robfig import firings
from qstash_sync.model.change import FieldChange
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import LiveSchedule, Schedule
from qstash_sync.plan import mark
from qstash_sync.plan.live_parts import (
    CUT_OFF,
    Part,
    as_written,
    is_understood,
    oddities,
    same_crons,
)

LOOK_AHEAD = timedelta(days=366)
ACTIVATION = timedelta(seconds=60)  # until QStash takes up what was written


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The crons to be stored, in order; without fields the live ones do.

    odd: parts are missing, surplus or edited, so the account moved.
    cut_off: parts of two sets, which is our doing.
    """

    crons: tuple[str, ...]
    odd: bool = False
    cut_off: bool = False
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


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
        message = f"schedules.{schedule.name}.cron: {error}"
        return Diagnostic(code="cron", message=message, location=schedule.location)


def warnings(
    made: Compilation, name: str | None, location: Location | None
) -> tuple[Diagnostic, ...]:
    """What a person should know of a compilation: gaps and folds, its end, both day fields."""
    where = f"schedules.{name}: " if name else ""
    return tuple(
        Diagnostic(
            severity=Severity.WARNING, code="time", message=f"{where}{text}", location=location
        )
        for text in made.warnings
    )


def too_many(
    count: int,
    most: int,
    name: str | None,
    location: Location | None,
    severity: Severity = Severity.ERROR,
) -> tuple[Diagnostic, ...]:
    """A diagnostic where a schedule takes more parts than it may."""
    return () if count <= most else (over(f"needs {count} parts", most, name, location, severity),)


def over(
    need: str, most: int, name: str | None, location: Location | None, severity: Severity
) -> Diagnostic:
    """The diagnostic of a schedule with more parts than `dst.max_parts`."""
    where = f"schedules.{name}: " if name else ""
    return Diagnostic(
        severity=severity,
        code="max_parts",
        message=f"{where}{need}, max_parts is {most}",
        location=location,
        hint="raise dst.max_parts, or use dst: {strategy: auto} for fewer",
    )


def created_fields(schedule: Schedule) -> tuple[FieldChange, ...]:
    """Time as it stands in the file."""
    return (
        FieldChange(path="cron", after=text(schedule)),
        FieldChange(path="timezone", after=schedule.timing.job.timezone),
    )


def text(schedule: Schedule) -> str:
    """The crons as written."""
    return ", ".join(cron.text for cron in schedule.timing.job.crons)


def created_notes(schedule: Schedule, crons: Sequence[str]) -> tuple[str, ...]:
    """What QStash will hold."""
    if len(crons) == 1 and schedule.timing.job.timezone == "UTC":
        return ()
    return tuple(f"stored as {cron}" for cron in crons)


def compare(schedule: Schedule, parts: Sequence[Part], now: datetime) -> When | Diagnostic:
    """Whether the live parts are those we wrote, and fire as wanted for long enough."""
    live = tuple(part.live.cron for part in parts)
    odd = oddities(schedule, parts)
    made = compiled(schedule, now, tuple(as_written(schedule, cron) for cron in live))
    if isinstance(made, Diagnostic):
        return _without(schedule, live, made, odd)
    notes = warnings(made, schedule.name, schedule.location)
    if not odd and _as_declared(schedule, parts) and _exact(schedule, live, now):
        return When(crons=live, diagnostics=notes)
    same = same_crons(made.crons, live) or _fires_alike(schedule, made.crons, live, now)
    if same and all(note.endswith("edited") for note in odd):
        return When(crons=live, diagnostics=notes)
    moved = any(CUT_OFF not in note for note in odd)
    return When(
        crons=made.crons,
        odd=moved,
        cut_off=bool(odd) and not moved,
        fields=(*_parts_field(live, made, odd), *_cron_field(schedule, live, made, same=same)),
        notes=() if same else _effect(schedule, live, made.crons if moved else None, now),
        diagnostics=notes,
    )


def _without(
    schedule: Schedule, live: tuple[str, ...], why: Diagnostic, odd: tuple[str, ...]
) -> When | Diagnostic:
    """There is no compilation today; what is live is left alone where it is what the file says.

    So `native` that has come to differ from the policy since it was written is only a warning.
    """
    native = tuple(part.cron for part in compiler.native_parts(schedule.timing.job))
    if schedule.timing.strategy is Strategy.NATIVE and not odd and same_crons(native, live):
        return When(crons=live, diagnostics=(replace(why, severity=Severity.WARNING),))
    return why


def _as_declared(schedule: Schedule, parts: Sequence[Part]) -> bool:
    """Whether the parts were written for what the file says now: else it may ask for other times.

    Those times may be months away, where `_exact` does not look.
    """
    wanted = mark.definition(schedule)
    return all(part.mark is None or part.mark.definition == wanted for part in parts)


def _exact(schedule: Schedule, live: tuple[str, ...], now: datetime) -> bool:
    """Whether plain live crons need no renewal yet; the other strategies know no end."""
    timing = schedule.timing
    if timing.strategy in (Strategy.NATIVE, Strategy.FOLLOW):
        return False
    if not all(compiler.is_plain(cron) for cron in live):
        return False
    return compiler.compare(timing.job, live, now, now + timing.renew_before).none


def _fires_alike(
    schedule: Schedule, wanted: tuple[str, ...], live: tuple[str, ...], now: datetime
) -> bool:
    """Whether plain crons fire at the same minutes for a year, none of them twice."""
    if schedule.timing.strategy is Strategy.NATIVE:
        return False
    if not all(compiler.is_plain(cron) for cron in (*wanted, *live)):
        return False
    span = Span.around(now, now + LOOK_AHEAD)
    bitmaps = [compiler.read_back(cron, span) for cron in wanted]
    union = 0
    for bitmap in bitmaps:
        union |= bitmap
    return compare_bitmaps(union, [firings(cron, span)[0] for cron in live], span).none


def _parts_field(
    live: tuple[str, ...], made: Compilation, odd: tuple[str, ...]
) -> tuple[FieldChange, ...]:
    if not odd or (len(live) == 1 and odd[0].endswith("edited")):
        return ()  # the fields tell it
    note = "; ".join(odd)
    return (FieldChange(path="parts", before=len(live), after=len(made.parts), note=note),)


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
) -> tuple[str, ...]:
    """How many firings of the coming year move or come twice, and the first that differs.

    mended: the crons that undo somebody's hand; told is what that hand did, not what else will be
    wrong once the horizon has ended. None: what the file wants of the year.
    """
    if not all(is_understood(cron) for cron in live):
        return ()
    job = schedule.timing.job
    found = effect(live, job if mended is None else mended, now, job.timezone)
    twice = compiler.compare(job, live, now, now + LOOK_AHEAD).doubled
    doubled = (f"{twice} firings a year come twice",) * bool(twice)
    if found.none:
        return doubled or ("no firing changes within a year",)
    return (_counts(found), *_first(found, job.timezone), *doubled)


def _counts(found: Effect) -> str:
    facts = []
    if found.moved:
        by = f" by {_duration(found.by)}" if found.by else ""
        facts.append(f"{found.moved} firings a year move{by}")
    if found.added:
        facts.append(f"{found.added} are new" if facts else f"{found.added} firings a year are new")
    if found.removed:
        fact = "fall away"
        facts.append(
            f"{found.removed} {fact}" if facts else f"{found.removed} firings a year {fact}"
        )
    return ", ".join(facts)


def _duration(by: timedelta) -> str:
    minutes = round(abs(by).total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    size = f"{hours}h" * bool(hours) + f"{rest}m" * bool(rest)
    return f"{'-' if by < timedelta() else '+'}{size}"


def _first(found: Effect, timezone: str) -> tuple[str, ...]:
    """The first firing that differs, before and after, in local time and UTC."""
    zone = zones.zone(timezone)

    def told(at: datetime | None) -> str:
        if at is None:
            return "none"
        return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M} ({at:%a %H:%MZ})"

    return (f"first before  {told(found.first_before)}", f"      after   {told(found.first_after)}")


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
