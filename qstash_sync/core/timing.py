"""A schedule's time against the live parts: what is in sync, what must be written, why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from qstash_sync.core import compile as compiler, zones
from qstash_sync.core.compile import Strategy
from qstash_sync.core.diff import FieldChange
from qstash_sync.core.effect import effect
from qstash_sync.core.findings import Finding
from qstash_sync.core.mark import Mark
from qstash_sync.core.model import LiveSchedule, Schedule
from qstash_sync.errors import CompileError


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The crons to be stored, in order; changed where the live ones do not do."""

    crons: tuple[str, ...]
    changed: bool = False
    incomplete: bool = False  # parts missing, surplus or edited
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()


def compiled(
    schedule: Schedule, now: datetime, live: tuple[str, ...] = ()
) -> tuple[str, ...] | Finding:
    """The crons for a schedule from now on, or why there are none.

    live: the crons in the account; `auto` keeps that choice while it is exact.
    """
    timing = schedule.timing
    try:
        found = compiler.compile_job(
            timing.job,
            now=now,
            strategy=timing.strategy,
            renew_before=timing.renew_before,
            accept=timing.accept,
            keep=live,
        )
    except CompileError as error:
        return Finding(
            code="cron", message=f"schedules.{schedule.name}.cron: {error}", place=schedule.place
        )
    if len(found.parts) > timing.max_parts:
        need = f"needs {len(found.parts)} parts, max_parts is {timing.max_parts}"
        fact = f"schedules.{schedule.name}: {need}"
        hint = "raise dst.max_parts, or use dst: {strategy: native}"
        return Finding(code="max_parts", message=fact, place=schedule.place, hint=hint)
    return found.crons


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


def compare(
    schedule: Schedule, found: Sequence[LiveSchedule], marks: Sequence[Mark | None], now: datetime
) -> When | Finding:
    """Whether the live parts are a complete set that fires as wanted for long enough."""
    live = tuple(part.cron for part in found)
    complete = _complete(marks)
    if complete and _in_sync(schedule, live, now):
        return When(crons=live)
    wanted = compiled(schedule, now, live)
    if isinstance(wanted, Finding):
        return wanted
    if sorted(wanted) == sorted(live):
        if complete:
            return When(crons=live)
        fact = FieldChange(
            path="parts", before=len(found), after=len(wanted), note=_incomplete(marks)
        )
        return When(crons=wanted, changed=True, incomplete=True, fields=(fact,))
    note = "" if wanted[0].endswith(text(schedule)) else text(schedule)
    changed = FieldChange(
        path="cron", before=", ".join(sorted(live)), after=", ".join(wanted), note=note
    )
    return When(
        crons=wanted,
        changed=True,
        incomplete=not complete,
        fields=(changed,),
        notes=_effect(schedule, live, now),
    )


def _complete(marks: Sequence[Mark | None]) -> bool:
    """Whether these are all parts of one set, by what their marks say; unmarked sets are."""
    numbers = [mark.part for mark in marks if mark]
    if not numbers:
        return True
    total = {mark.parts for mark in marks if mark}
    return total == {len(marks)} and sorted(numbers) == list(range(1, len(marks) + 1))


def _incomplete(marks: Sequence[Mark | None]) -> str:
    numbers = {mark.part for mark in marks if mark}
    total = max(mark.parts for mark in marks if mark)
    missing = sorted(set(range(1, total + 1)) - numbers)
    return f"missing: {', '.join(map(str, missing))}" if missing else "surplus parts"


def _in_sync(schedule: Schedule, live: tuple[str, ...], now: datetime) -> bool:
    timing = schedule.timing
    if timing.strategy in (Strategy.NATIVE, Strategy.FOLLOW):
        wanted = compiled(schedule, now, live)
        return not isinstance(wanted, Finding) and sorted(wanted) == sorted(live)
    if not all(compiler.is_plain(cron) for cron in live):
        return False
    return compiler.compare(timing.job, live, now, now + timing.renew_before).none


def _effect(schedule: Schedule, live: tuple[str, ...], now: datetime) -> tuple[str, ...]:
    """How many firings of the coming year move, and the first that differs."""
    if not all(compiler.is_plain(cron) for cron in live):
        return ()
    job = schedule.timing.job
    found = effect(live, job, now)
    if found.none:
        return ("no firing changes within a year",)
    new, lost = found.added + found.moved, found.removed + found.moved
    sides = (found.first_before, "stops"), (found.first_after, "starts")
    first, verb = min((at, verb) for at, verb in sides if at)
    local = first.astimezone(zones.zone(job.timezone))
    return (
        f"{new} firings a year are new, {lost} fall away",
        f"first {verb}: {local:%a %Y-%m-%d %H:%M} ({first:%H:%MZ})",
    )


def assign(
    schedule: Schedule, crons: Sequence[str], found: Sequence[LiveSchedule]
) -> dict[str, str]:
    """Which id holds which cron: a part whose cron stays keeps its id, the first always exists."""
    ids = [schedule.part_id(number) for number in range(1, len(crons) + 1)]
    live = {part.cron: part.id for part in found if part.id in ids}
    kept = {live[cron]: cron for cron in crons if cron in live}
    rest = [cron for cron in crons if cron not in kept.values()]
    free = [part_id for part_id in ids if part_id not in kept]
    placed = {**kept, **dict(zip(free, rest, strict=True))}
    return {part_id: placed[part_id] for part_id in ids}
