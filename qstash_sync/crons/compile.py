"""From local time to what QStash stores: parts, each one cron, proven to fire as wanted.

    split    plain UTC crons, exact over the horizon        `seasons.py` gives dates to offsets,
                                                            `cover.py` writes them as few crons
    follow   plain UTC crons for the offset in force now
    native   CRON_TZ=<zone> <cron>, held to a model of QStash's parser (`robfig.py`)
    auto     one plain cron if exact for five years, else native if equal for five years, else split

Nothing leaves here unproven. The crons as written are read again through croniter's `expand`, which
the compiler does not use, and their firings are compared, as a multiset, with the wanted ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from qstash_sync.crons import some_years, zones
from qstash_sync.crons.bitmaps import (
    DAY,
    Difference,
    Span,
    compare as compare_bitmaps,
    first_wrong,
    pieces,
    wall,
)
from qstash_sync.crons.compilation import Compilation, Part, Proof, Strategy, native_differs
from qstash_sync.crons.cover import Piece
from qstash_sync.crons.error import CronError
from qstash_sync.crons.exactness import AHEAD_YEARS, compare, exact_until, is_plain
from qstash_sync.crons.firings import steady, wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import MONTH_DAYS, MONTHS, Fields, listed, render
from qstash_sync.crons.seasons import LONGEST, Year

__all__ = [
    "Compilation", "Part", "Proof", "Strategy", "after_the_end", "compare", "compile_job",
    "exact_until", "is_plain", "native_parts", "read_back",
]  # fmt: skip

RENEW_BEFORE = timedelta(days=45)
RENEWALS = timedelta(days=1), timedelta(days=60)  # what may be said instead


def compile_job(
    job: Job,
    *,
    now: datetime,
    strategy: Strategy = Strategy.SPLIT,
    renew_before: timedelta = RENEW_BEFORE,
    accept: bool = False,
    keep: tuple[str, ...] = (),
) -> Compilation:
    """Compile, once for each (job, strategy, UTC day, keep).

    now: an aware datetime; the horizon begins at its UTC midnight.
    accept: take a `native` compilation that differs from the policy, as a warning.
    keep: the live crons. They come first among the parts, in their order, and `auto` stays with
    them while they are exact and no more than it would choose anew.
    Raises `CronError` where there is no proof.
    """
    at = now.astimezone(UTC)
    if strategy is Strategy.FOLLOW:
        found = _follow(job, _stretch(job.timezone, at))
    elif strategy is Strategy.NATIVE:
        found = _native(job, at.date(), accept=accept)
    elif strategy is Strategy.AUTO:
        found = _auto(job, at.date(), keep)
    else:
        found = _split(job, at.date())
    if found.valid_until is None and not keep:
        return found
    parts = found.parts
    if keep:
        kept = {cron: number for number, cron in enumerate(keep)}
        parts = tuple(sorted(parts, key=lambda part: kept.get(part.cron, len(kept))))
    renew_at = found.valid_until and found.valid_until - renew_before
    return replace(found, parts=parts, renew_at=renew_at)


# ---------------------------------------------------------------- strategies


@lru_cache(maxsize=16_384)
def _split(job: Job, today: date) -> Compilation:
    if not some_years.fires_every_year(job):
        return _for_ever(job, today, Strategy.SPLIT)
    span = Span(today, LONGEST)
    want = wanted(job, span)
    found = Year(job, today, want, _offsets(job, span)).best()
    parts = _parts(found.pieces, job)
    bitmaps = [read_back(part.cron, span) for part in parts]
    wrong = first_wrong(want, bitmaps)
    days = LONGEST if wrong is None else wrong // DAY
    if days < found.days:
        raise _unproven(compare_bitmaps(want, bitmaps, span, Span(today, found.days).mask))
    until: datetime | None = span.start + timedelta(days=days)
    if wrong is None and exact_until(job, [part.cron for part in parts], span.end) is None:
        until = None
    right = want & (1 << days * DAY) - 1  # until the first that is not
    return _proven(job, Strategy.SPLIT, parts, span.start, until, Proof(right.bit_count()))


def _proven(
    job: Job,
    strategy: Strategy,
    parts: tuple[Part, ...],
    since: datetime,
    until: datetime | None,
    proof: Proof,
) -> Compilation:
    return Compilation(
        job=job,
        strategy=strategy,
        requested=strategy,
        parts=parts,
        valid_from=since,
        valid_until=until,
        proof=proof,
    )


def _offsets(job: Job, span: Span) -> tuple[int, ...]:
    """Those of the zone within a span, in their order."""
    return tuple(dict.fromkeys(offset for _, _, offset in pieces(job.timezone, span)))


def _for_ever(job: Job, today: date, strategy: Strategy) -> Compilation:
    """Of a job that some year goes without: plain crons that are right in all years, or none."""
    span = some_years.next_year(job, today)
    if span is None:
        raise CronError(_silence(job))
    year = Year(job, span.first, wanted(job, span), _offsets(job, span))
    parts = _parts(year.best().pieces, job)
    all_years = Span(today, some_years.CYCLE)
    want, bitmaps = wanted(job, all_years), [read_back(part.cron, all_years) for part in parts]
    if first_wrong(want, bitmaps) is not None:
        raise CronError(_silence(job))
    return _proven(job, strategy, parts, all_years.start, None, Proof(want.bit_count()))


def _unproven(found: Difference) -> CronError:
    """Anything wrong within a compilation's horizon is a bug of ours."""
    return CronError(
        f"cannot be proven: {found.missing:,} firings missing, {found.extra:,} extra,"
        f" {found.doubled:,} doubled, the first at {found.first:%Y-%m-%d %H:%MZ};"
        " please report this cron, and use dst: {strategy: native} until it is mended"
    )


class _Stretch(NamedTuple):
    """From when an offset is in force, at the earliest today's midnight UTC."""

    since: datetime
    offset: int


def _stretch(timezone: str, at: datetime) -> _Stretch:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    today = zones.transitions(timezone, midnight, at)
    return _Stretch(today[-1].at if today else midnight, zones.offset(timezone, at))


@lru_cache(maxsize=4096)
def _follow(job: Job, stretch: _Stretch) -> Compilation:
    """The parts for one offset; right until the first clock change that they get wrong."""
    if not some_years.fires_every_year(job):
        return _for_ever(job, stretch.since.date(), Strategy.FOLLOW)
    span = Span(stretch.since.date(), LONGEST)
    as_now = steady(job, stretch.offset, span)
    parts = _parts(Year(job, span.first, as_now, (stretch.offset,)).best().pieces, job)
    want, bitmaps = wanted(job, span), [read_back(part.cron, span) for part in parts]
    wrong = compare_bitmaps(want, bitmaps, span, span.window(stretch.since, span.end)).first
    until = None
    if wrong:
        # Wrong from the clock change on that leads to it, not only from the firing on.
        changes = zones.transitions(job.timezone, stretch.since, wrong)
        until = changes[-1].at if changes else wrong
    elif exact_until(job, [part.cron for part in parts], span.end):
        until = span.end
    within = span.window(stretch.since, until or span.end)
    difference = compare_bitmaps(want, bitmaps, span, within)
    if not difference.none:
        raise _unproven(difference)
    proof = Proof((want & within).bit_count())
    return _proven(job, Strategy.FOLLOW, parts, stretch.since, until, proof)


@lru_cache(maxsize=4096)
def _native(job: Job, today: date, *, accept: bool) -> Compilation:
    span = Span(today, LONGEST)
    parts = native_parts(job)
    wrong = compare(job, [part.cron for part in parts], span.start, span.end)
    firings = wanted(job, span).bit_count()
    proof = Proof(firings, wrong.missing, wrong.extra, wrong.doubled, wrong.first)
    if not wrong.none and not accept:
        ways = "use dst: {strategy: split}, or take it knowingly with accept: true"
        raise CronError(f"{native_differs(proof, job.timezone)}; {ways}")
    return _proven(job, Strategy.NATIVE, parts, span.start, None, proof)


def native_parts(job: Job) -> tuple[Part, ...]:
    """One part for each distinct cron, its zone in front."""
    distinct = {cron.key: cron for cron in job.crons}
    return tuple(
        Part(f"CRON_TZ={job.timezone} {cron.canonical}", None, "all year")
        for cron in distinct.values()
    )


@lru_cache(maxsize=16_384)
def _auto(job: Job, today: date, keep: tuple[str, ...]) -> Compilation:
    found, reason = _choice(job, today)
    live = _live_choice(job, today, keep)
    if live and len(live.parts) <= len(found.parts) and live.strategy is not found.strategy:
        what = "native" if live.strategy is Strategy.NATIVE else "the plain UTC cron"
        found, reason = live, f"{what} is live and exact for the coming year"
    return replace(found, requested=Strategy.AUTO, reason=reason)


def _choice(job: Job, today: date) -> tuple[Compilation, str]:
    """What `auto` chooses where nothing is live."""
    try:
        split = _split(job, today)
    except CronError:
        split = None
    if split and len(split.parts) == 1 and split.valid_until is None:
        return split, f"one plain UTC cron is exact for {AHEAD_YEARS} years"
    native = [part.cron for part in native_parts(job)]
    start = datetime(today.year, today.month, today.day, tzinfo=UTC)
    wrong = exact_until(job, native, start)
    if wrong is None:
        reason = f"the model of QStash's parser equals the policy for {AHEAD_YEARS} years"
        return _native(job, today, accept=False), reason
    if split is None:
        raise CronError(_silence(job))
    return split, f"QStash's parser would be wrong on {wrong:%Y-%m-%d}"


def _live_choice(job: Job, today: date, keep: tuple[str, ...]) -> Compilation | None:
    """The strategy of the live crons, if they are one whole, exact compilation of it."""
    if not keep:
        return None
    if set(keep) == {part.cron for part in native_parts(job)}:
        try:
            return _native(job, today, accept=False)
        except CronError:
            return None
    if len(keep) == 1 and is_plain(keep[0]):
        try:
            split = _split(job, today)
        except CronError:
            return None
        return split if split.crons == keep else None
    return None


# ---------------------------------------------------------------- parts


def _parts(found: Sequence[Piece], job: Job) -> tuple[Part, ...]:
    if not found:
        raise CronError(_silence(job))
    return tuple(
        Part(
            render(piece.fields),
            piece.offsets[0] if len(piece.offsets) == 1 else None,
            _words(piece.fields),
        )
        for piece in found
    )


def _silence(job: Job) -> str:
    crons = ", ".join(cron.text for cron in job.crons)
    fact = f'"{crons}" does not fire within every year, and a stored cron has no year'
    way_out = "let it fire every year, and check the date in the endpoint"
    # QStash's parser has no day of the month that must be a weekday, too.
    has_weekday = any(some_years.by_weekday(cron.fields) for cron in job.crons)
    native = "" if has_weekday else "use strategy native, or "
    return f"{fact}; {native}{way_out}"


def _words(fields: Fields) -> str:
    """The dates of a part in words."""
    if len(fields.months) == len(MONTHS):
        months = "all year"
    else:
        names = listed(fields.months, lambda month: MONTHS[month - 1].capitalize())
        months = names.replace(",", ", ")
    return months if len(fields.days) == max(MONTH_DAYS) else f"{listed(fields.days)} {months}"


# ---------------------------------------------------------------- the second reading


def read_back(part: str, span: Span) -> int:
    """The firings of a plain UTC cron, read by croniter: the second pair of eyes of the proof."""
    return wall(_expanded(part), span)


@lru_cache(maxsize=65_536)
def _expanded(part: str) -> Fields:
    from croniter import croniter  # noqa: PLC0415 heavy, and only the proof needs it

    fields = croniter.expand(part)[0]
    tops = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    sets = [
        tuple(range(low, high + 1)) if "*" in values else tuple(sorted(int(v) for v in values))
        for values, (low, high) in zip(fields, tops, strict=True)
    ]
    minutes, hours, days, months, weekdays = sets
    either = "*" not in fields[2] and "*" not in fields[4]
    return Fields(minutes, hours, days, months, weekdays, either=either)


def after_the_end(job: Job, compilation: Compilation) -> Difference:
    """What would be wrong in the year (365 days) after the end, if nothing were applied."""
    if compilation.valid_until is None:
        return Difference()
    end = compilation.valid_until
    return compare(job, compilation.crons, end, end + timedelta(days=365))
