"""A schedule's time against its live parts: what is in sync, what must be written, why.

A live set that is whole by its marks, written for what the file says, and exact for `renew_before`
is in sync: it is verified, not compiled. All others are compiled, each distinct timing once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from qstash_sync.crons import compile as compiler, exactness
from qstash_sync.crons.bitmaps import Span, compare as compare_bitmaps
from qstash_sync.crons.compile import Compilation, Strategy
from qstash_sync.crons.effect import DAYS, Effect, effect
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import next_firings
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse, render
from qstash_sync.crons.robfig import firings, names_zone, read
from qstash_sync.crons.some_years import fires_every_year
from qstash_sync.model.change import FieldChange, Firings, Note, Wanted, cron_field
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import LiveSchedule, Schedule, instant
from qstash_sync.reconcile import diff, mark as marks, times
from qstash_sync.reconcile.about import about
from qstash_sync.reconcile.live_parts import (
    LivePart,
    Part,
    SetState,
    Writing,
    as_written,
    is_understood,
    read_parts,
    same_crons,
    state,
)
from qstash_sync.reconcile.mark import Declared
from qstash_sync.record import record

RENEWAL = "renewal"  # a code
WrittenFor = tuple[Job, Strategy]


@record(kw_only=True)
class When:
    """The crons to be stored, in order; without fields the live ones do.

    writing: what became of the live set since it was written.
    """

    crons: tuple[str, ...]
    writing: Writing = Writing.WHOLE
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[Note, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def compare(
    declared: Declared, parts: Sequence[Part], now: datetime, old: Sequence[LiveSchedule] = ()
) -> When | Diagnostic:
    """Whether the live parts are those we wrote, and fire as wanted for long enough.

    old: what a rename, which was cut off, has left.
    """
    schedule = declared.schedule
    live = tuple(part.live.cron for part in parts)
    if not declared.has_time:
        return _compare_ignored(schedule, parts, now, old)
    found = _with_rename(state(schedule, parts), old)
    # Written for other times, which may lie months away, a set that is exact today is not in sync.
    # Nor is what is taken over: our marks alone promise what lies beyond the days until a renewal.
    as_declared = all(part.mark is None or declared.defines(part.mark) for part in parts)
    if found.writing is Writing.WHOLE and as_declared:
        promised = all(part.mark for part in parts)
        ahead = None if promised else times.LOOK_AHEAD
        said = still_right(schedule, live, now, ahead)
        if said is not None:
            return When(crons=live, diagnostics=said)

    made = times.compiled(schedule, now, tuple(as_written(schedule, cron) for cron in live))
    if isinstance(made, Diagnostic):
        return _without_compilation(schedule, live, made, found)
    notes = times.warnings(made, schedule.name, schedule.timed_at)
    same = same_crons(made.crons, live) or _fires_alike(schedule, made.crons, live, now)
    former = _former(declared, parts) or _named_before(old)
    if same and found.writing in (Writing.WHOLE, Writing.EDITED):
        fields = _meant(declared, parts, former)
        if fields and found.writing is Writing.EDITED:  # somebody's edit, and the file follows
            return When(
                crons=live,
                fields=tuple(replace(one, note="the account has it so already") for one in fields)
                if same_crons(made.crons, live)
                else fields,
                notes=_unmoved(schedule.timing.job),
                diagnostics=notes,
            )
        return When(
            crons=live,
            fields=fields,
            notes=_meant_notes(former, schedule, made, now),
            diagnostics=notes,
        )
    fires = (*live, *(one.cron for one in old if not one.paused))
    return When(
        crons=made.crons,
        writing=found.writing,
        fields=tuple(_fields(schedule, parts, made, found, former, same=same)),
        notes=()
        if same
        else tuple(_notes(declared, parts, fires, made, found.writing, former, now)),
        diagnostics=notes,
    )


def _with_rename(found: SetState, old: Sequence[LiveSchedule]) -> SetState:
    """What the marks say, where a rename was cut off: it had not come to the parts that lack."""
    is_begun = bool(old and found.missing) and not (found.edited or found.surplus)
    return replace(found, cut_off=True) if is_begun else found


def _named_before(old: Sequence[LiveSchedule]) -> WrittenFor | None:
    """What the parts of a former name were written for, where they tell."""
    labels = old[0].message.labels if old else ()
    mark = marks.parse(labels)
    return marks.written_for(mark, labels) if mark else None


def _compare_ignored(
    schedule: Schedule, parts: Sequence[Part], now: datetime, old: Sequence[LiveSchedule]
) -> When:
    """A time that is ignored: as it is live, but for what an apply that was cut off has left."""
    live = [part.live for part in parts]
    stored = tuple(part.cron for part in live)
    writing, note = Writing.CUT_OFF, "parts of two times: an apply was cut off"
    crons = _crons_of_file(schedule, now) if _are_of_two_times(parts) else None
    if crons is None:
        writing, note = Writing.CUT_OFF, "an apply was cut off"
        if not old:
            writing = Writing.BROKEN
            note = "less than a whole set: an apply was cut off, or parts were deleted"
        crons = ignored_crons(schedule, old if old and _lacks_parts(live) else live, now)
    if not same_crons(crons, stored):
        field = FieldChange(path="parts", before=len(live), after=len(crons), note=note)
        return When(crons=crons, writing=writing, fields=(field,))
    if not _lacks_parts(live):
        return When(crons=stored)
    some = f"{len(live):,} of {_parts_by_marks(live):,} parts"
    fact = f"{some} are live, and not with the time of the file"
    hint = "the time is ignored, so they are left; delete them all to have the time of the file"
    fewer = about(schedule, Severity.INFO, "fewer_parts", fact, hint)
    return When(crons=stored, diagnostics=(fewer,))


def ignored_crons(
    schedule: Schedule, live: Sequence[LiveSchedule], now: datetime
) -> tuple[str, ...]:
    """What to store of a time that is ignored, of a set under this name or a former one.

    live                                   then
    as many parts as the marks tell        as they are
    fewer parts, with crons of the file    a create was cut off: as the file has it
    fewer parts, with others               as they are: somebody has made fewer of them
    """
    stored = tuple(part.cron for part in live)
    if not _lacks_parts(live):
        return stored
    ours = {as_written(schedule, cron) for cron in stored}
    created = {at for part in live if (at := instant(part.created_at)) and at <= now}
    # The create may be long ago, and the crons of the file be others by now.
    known = [crons for at in (now, *created) if (crons := _crons_of_file(schedule, at))]
    is_of_file = any(ours <= {*crons} for crons in known)
    return _crons_of_file(schedule, now) or stored if is_of_file else stored


def _crons_of_file(schedule: Schedule, at: datetime) -> tuple[str, ...] | None:
    made = times.compiled(schedule, at)
    return None if isinstance(made, Diagnostic) else made.crons


def _lacks_parts(live: Sequence[LiveSchedule]) -> bool:
    """Whether there are fewer parts of a set than the marks tell, whoever's they are."""
    return len(live) < _parts_by_marks(live)


def _parts_by_marks(live: Sequence[LiveSchedule]) -> int:
    found = (marks.parse(part.message.labels) for part in live)
    return max((mark.parts for mark in found if mark), default=0)


def _are_of_two_times(parts: Sequence[Part]) -> bool:
    """Whether an apply was cut off before the time was ignored, and nobody has touched it since.

    A mark of a time that is ignored tells no cron.
    """
    written = {part.mark.times for part in parts if part.mark}
    return len(written) > 1 and all(
        part.mark and marks.fits(part.mark, part.view, part.live.cron) for part in parts
    )


def differing(former: WrittenFor, schedule: Schedule) -> tuple[FieldChange, ...]:
    """How the time of a schedule differs from a former one, by the settings of the file."""
    (before, old), (after, new) = former, (schedule.timing.job, schedule.timing.strategy)
    fields: list[FieldChange] = []
    if {cron.key for cron in before.crons} != {cron.key for cron in after.crons}:
        old_texts, texts = ([cron.text for cron in job.crons] for job in (before, after))
        zone = after.timezone if before.timezone == after.timezone else ""
        fields.append(cron_field(old_texts, texts, zone))
    if before.timezone != after.timezone:
        fields.append(FieldChange(path="timezone", before=before.timezone, after=after.timezone))
    if old is not new:
        fields.append(FieldChange(path="dst.strategy", before=str(old), after=str(new)))
    if before.gap is not after.gap:
        gaps = (_policy(job.gap, map(job.gap_of, job.crons)) for job in (before, after))
        fields.append(FieldChange(path="dst.gap", before=next(gaps), after=next(gaps)))
    if before.fold is not after.fold:
        folds = (_policy(job.fold, map(job.fold_of, job.crons)) for job in (before, after))
        fields.append(FieldChange(path="dst.fold", before=next(folds), after=next(folds)))
    return tuple(fields)


def _policy(given: str | None, usual: Iterable[str]) -> str:
    """A policy as the file has it, or what it is where the file says none."""
    return given or f"{', '.join(dict.fromkeys(usual))} (default)"


def _former(declared: Declared, parts: Sequence[Part]) -> WrittenFor | None:
    """What the parts were written for, where the file has changed times since, and they tell."""
    moved = [(part.mark, part.live.message.labels) for part in _moved(declared, parts) if part.mark]
    return marks.written_for(*moved[0]) if moved else None


def _moved(declared: Declared, parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if part.mark and declared.times_moved(part.mark)]


def _meant(
    declared: Declared, parts: Sequence[Part], former: WrittenFor | None
) -> tuple[FieldChange, ...]:
    """What the file has changed of a time without any effect on the crons that are stored."""
    if former:
        return differing(former, declared.schedule)
    if any(part.mark and declared.settings_moved(part.mark) for part in parts):
        return ()  # of an old mark, or beside such settings: `attribution` names what it can be
    if not _moved(declared, parts):
        return ()
    note = "timezone or dst, which QStash does not show, changed in the file"
    return (FieldChange(path="dst", before=diff.HIDDEN, after="as in the file", note=note),)


def still_right(
    schedule: Schedule, live: Sequence[str], now: datetime, ahead: timedelta | None = None
) -> tuple[Diagnostic, ...] | None:
    """What to say of plain live crons that need no renewal yet; None where they do.

    Or where nobody knows: the other strategies know no end, and some jobs no year that is like
    another. ahead: for how long they must be right, if not until a renewal is due.
    """
    timing = schedule.timing
    if timing.strategy in (Strategy.NATIVE, Strategy.FOLLOW) or not fires_every_year(timing.job):
        return None
    if not exactness.holds(timing.job, live, now, now + (ahead or timing.renew_before)):
        return None
    return times.said_of(schedule, now)


def are_of_the_file(declared: Declared, found: Sequence[LivePart]) -> bool:
    """Whether live parts are, crons and all, as they were written for the times of the file.

    Those of a schedule that is to be renamed have its former id, and the label of its former name.
    """
    if not found:
        return False
    schedule, base = declared.schedule, found[0].base
    if base != schedule.id:
        behind = marks.name_behind(found[0].live.message.labels) or base
        namespace = found[0].former or declared.namespace
        former = replace(schedule, id=base, name=behind.removeprefix(f"{namespace}."))
        declared = Declared(former, namespace, declared.environment)
    parts = read_parts(declared, found)
    are_alike = all(part.mark and part.mark.times in declared.alike_times for part in parts)
    return are_alike and state(declared.schedule, parts).writing is Writing.WHOLE


def late(schedule: Schedule, live: Sequence[str], now: datetime) -> tuple[Diagnostic, ...]:
    """That what is live is wrong at its next firing already: nobody has renewed it in time."""
    job = schedule.timing.job
    (soon,) = next_firings(job, now, 1) or (None,)
    end = soon and soon + timedelta(minutes=1)
    wrong = end and next(exactness.wrong_minutes(job, live, now, end), None)
    if not wrong:
        return ()
    fact = f"wrong at its next firing, {wrong:%a %Y-%m-%d %H:%MZ}, until an apply renews it"
    return (about(schedule, Severity.WARNING, RENEWAL, fact),)


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
    if any(map(names_zone, wanted)):  # `auto` chose native: croniter reads no zone
        return False
    if not all(exactness.is_plain(cron) for cron in (*wanted, *live)):
        return False
    span = Span.around(now, now + times.LOOK_AHEAD)
    union = 0
    for cron in wanted:
        union |= compiler.read_back(cron, span)
    return compare_bitmaps(union, [firings(cron, span)[0] for cron in live], span).none


def _fields(
    schedule: Schedule,
    parts: Sequence[Part],
    made: Compilation,
    found: SetState,
    former: WrittenFor | None,
    *,
    same: bool,
) -> Iterator[FieldChange]:
    """How a plan shows it; same: the crons fire alike, only the set is not whole."""
    # That its only part was edited is shown by the cron.
    live = [part.live.cron for part in parts]
    edited_alone = len(live) == 1 and found.writing is Writing.EDITED and former is None
    if found.writing is not Writing.WHOLE and not edited_alone:
        # Where the local time has changed too, no other line has the crons that are stored.
        hands = [f"to {part.live.cron}" for part in parts if former and not part.cron_intact]
        note = " ".join([str(found), ", ".join(hands)]).rstrip()
        yield FieldChange(path="parts", before=len(live), after=len(made.parts), note=note)
    if same:
        return
    if former:
        yield from differing(former, schedule)
        return
    yield cron_field(sorted(live), made.crons, times.stored_for(schedule, made.crons))


def _notes(
    declared: Declared,
    parts: Sequence[Part],
    live: Sequence[str],
    made: Compilation,
    writing: Writing,
    former: WrittenFor | None,
    now: datetime,
) -> Iterator[Note]:
    """What QStash will hold, and what that does to the firings of the coming year.

    live: the crons that fire, those that a rename has left among them.
    """
    schedule = declared.schedule
    job = schedule.timing.job
    # Somebody's hand is undone: what it did, not what else will be wrong once the horizon has
    # ended. Old parts of times that nobody tells are nobody's intent beyond their horizon.
    undone = writing in (Writing.EDITED, Writing.BROKEN)
    if former and not undone:
        yield from times.notes(schedule, made.crons, former[0])
        if writing is not Writing.CUT_OFF:
            yield _effect(former, schedule, made, now)
        elif all(map(is_understood, live)):
            yield _rest(live, schedule, made, now)
        return
    if not all(is_understood(cron) for cron in live):
        return
    unknown = any(part.mark and not declared.defines(part.mark) for part in parts)
    if parts[0].mark and not undone and not unknown:
        return  # a renewal: what it wards off lies beyond what the parts were written for
    yield Wanted(before=_as_job(live), after=job)
    days = _days(made, now) if undone else DAYS
    if unknown and not undone:
        days = max(schedule.timing.renew_before.days, 1)
    found = effect(live, made.crons if undone else job, now, job.timezone, days=days)
    twice = exactness.compare(job, live, now, now + times.LOOK_AHEAD).doubled
    yield Firings(effect=found, doubled=twice, timezone=job.timezone)


def _meant_notes(
    former: WrittenFor | None, schedule: Schedule, made: Compilation, now: datetime
) -> tuple[Note, ...]:
    if former is None:
        return ()
    wanted = Wanted(before=former[0], after=schedule.timing.job)
    return wanted, _effect(former, schedule, made, now)


def _unmoved(job: Job) -> tuple[Note, ...]:
    """Of a time that is live already."""
    return Wanted(after=job), Firings(effect=Effect(), doubled=0, timezone=job.timezone)


def _as_job(live: Sequence[str]) -> Job | None:
    """The time of one stored cron; None of several, or where the grammar of files has no such."""
    if len(live) != 1:
        return None
    try:
        spec = read(live[0])
        return Job(crons=(parse(render(spec.fields)),), timezone=spec.timezone)
    except CronError:
        return None


def _effect(former: WrittenFor, schedule: Schedule, made: Compilation, now: datetime) -> Firings:
    """What a change of the file does to times; a cron with a zone fires as QStash reads it."""
    job = schedule.timing.job
    before: Job | Sequence[str] = former[0]
    if former[1] is Strategy.NATIVE:
        before = [part.cron for part in compiler.native_parts(former[0])]
    after = job if all(map(compiler.is_plain, made.crons)) else made.crons
    return Firings(effect=effect(before, after, now), doubled=0, timezone=job.timezone)


def _rest(live: Sequence[str], schedule: Schedule, made: Compilation, now: datetime) -> Firings:
    """What is left to do of a change that was cut off: until then what is live was written for."""
    job = schedule.timing.job
    after = job if all(map(compiler.is_plain, made.crons)) else made.crons
    days = _days(made, now)
    twice = exactness.compare(job, live, now, now + timedelta(days=days)).doubled
    found = effect(live, after, now, job.timezone, days=days)
    return Firings(effect=found, doubled=twice, timezone=job.timezone)


def _days(made: Compilation, now: datetime) -> int:
    """How long what is compiled is what the file wants, a year at most: the parts say no more."""
    return min(max((made.valid_until - now).days, 1), DAYS) if made.valid_until else DAYS


def assign(
    schedule: Schedule, crons: Sequence[str], found: Sequence[LiveSchedule]
) -> dict[str, str]:
    """Which id holds which cron: a part whose cron stays keeps its id, the first always exists."""
    ids = [schedule.part_id(number) for number in range(1, len(crons) + 1)]
    live = {part.id: as_written(schedule, part.cron) for part in found}
    rest, kept = list(crons), dict[str, str]()
    for part_id in ids:
        if (cron := live.get(part_id)) in rest:  # two live parts may have the same
            rest.remove(cron)
            kept[part_id] = cron
    return {part_id: kept.get(part_id) or rest.pop(0) for part_id in ids}
