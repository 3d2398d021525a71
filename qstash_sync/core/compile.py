"""From local time to what QStash stores: parts, each one cron, proven to fire as wanted.

    split    plain UTC crons, exact over the horizon        `seasons.py` gives dates to offsets,
                                                            `cover.py` writes them as few crons
    follow   plain UTC crons for the offset in force now
    native   CRON_TZ=<zone> <cron>, held to a model of QStash's parser (`parser.py`)
    auto     one plain cron if exact for five years, else native if equal for five years, else split

Nothing leaves here unproven. The crons as written are read again through croniter's `expand`, which
the compiler does not use, and their firings are compared, as a multiset, with the wanted ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from qstash_sync.core import zones
from qstash_sync.core.cover import Piece
from qstash_sync.core.cron import MONTHS, Cron, Fields, listed, render
from qstash_sync.core.effect import Effect, effect
from qstash_sync.core.firings import Gap, Job, Meeting, meetings, steady, wanted
from qstash_sync.core.live import AHEAD_YEARS, compare, exact_until, is_plain
from qstash_sync.core.minutes import DAY, Difference, Span, compare as compare_bitmaps, wall
from qstash_sync.core.seasons import LONGEST, Year
from qstash_sync.core.zones import Transition
from qstash_sync.errors import CompileError

__all__ = [
    "Compilation", "Effect", "Part", "Proof", "Strategy", "after_the_end", "compare",
    "compile_job", "effect", "exact_until", "is_plain", "native_parts", "read_back",
]  # fmt: skip

RENEW_BEFORE = timedelta(days=45)


class Strategy(StrEnum):
    """How a local cron is brought to QStash."""

    SPLIT = "split"
    NATIVE = "native"
    FOLLOW = "follow"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Part:
    """One cron that QStash stores.

    offset: minutes east of UTC of the dates that it serves; None for several, or for `native`.
    serves: those dates in words, such as "Jan-Feb, Dec" or "1-13 Mar".
    """

    cron: str
    offset: int | None
    serves: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the proof counted over the horizon, in firings; the last three are 0."""

    firings: int
    missing: int = 0
    extra: int = 0
    doubled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """The parts of a schedule and how long they hold.

    strategy: the one in use (never `auto`); requested: the one asked for; reason: why `auto` chose.
    valid_from, valid_until: exact in between; until None means for ever.
    transitions: the zone's clock changes within 366 days.
    """

    strategy: Strategy
    requested: Strategy
    reason: str
    parts: tuple[Part, ...]
    valid_from: datetime
    valid_until: datetime | None
    renew_at: datetime | None
    proof: Proof
    transitions: tuple[Transition, ...]
    warnings: tuple[str, ...]

    @property
    def crons(self) -> tuple[str, ...]:
        """The crons alone, in the order of the parts."""
        return tuple(part.cron for part in self.parts)


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
    Raises `CompileError` where there is no proof.
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
    return replace(
        found,
        parts=_kept_first(found.parts, keep) if keep else found.parts,
        renew_at=found.valid_until and found.valid_until - renew_before,
    )


def _kept_first(parts: tuple[Part, ...], keep: tuple[str, ...]) -> tuple[Part, ...]:
    place = {cron: number for number, cron in enumerate(keep)}
    return tuple(sorted(parts, key=lambda part: place.get(part.cron, len(place))))


# ---------------------------------------------------------------- strategies


@lru_cache(maxsize=16_384)
def _split(job: Job, today: date) -> Compilation:
    span = Span(today, LONGEST)
    want = wanted(job, span)
    offsets = _offsets(job.timezone, span)
    found = Year(job, today, want, offsets).best()
    parts = _parts(found.pieces, offsets)
    if not parts:
        raise CompileError(_silence(job))
    bitmaps = [read_back(part.cron, span) for part in parts]
    wrong = compare_bitmaps(want, bitmaps, span).first
    days = span.minute(wrong) // DAY if wrong else LONGEST
    proof = _prove(want, bitmaps, Span(today, max(days, found.days)))
    until: datetime | None = span.start + timedelta(days=days)
    if wrong is None and exact_until(job, [part.cron for part in parts], span.end) is None:
        until = None
    return Compilation(
        strategy=Strategy.SPLIT,
        requested=Strategy.SPLIT,
        reason="",
        parts=parts,
        valid_from=span.start,
        valid_until=until,
        renew_at=until and until - RENEW_BEFORE,
        proof=proof,
        transitions=zones.transitions(job.timezone, span.start, span.end),
        warnings=_warnings(job, span.start, until or span.start),  # none: no change is felt
    )


def _prove(want: int, bitmaps: Sequence[int], span: Span) -> Proof:
    """Count the firings of a proven compilation; anything wrong is a bug of ours, and an error."""
    difference = compare_bitmaps(want, bitmaps, span, span.mask)
    if not difference.none:
        raise CompileError(
            f"cannot be proven: {difference.missing} firings missing, {difference.extra} extra,"
            f" {difference.doubled} doubled within {span.days} days; please report this cron, and"
            " use dst: {strategy: native} until it is mended"
        )
    return Proof((want & span.mask).bit_count())


def _silence(job: Job) -> str:
    crons = ", ".join(cron.text for cron in job.crons)
    fact = f'"{crons}" does not fire within a year, and a stored cron has no year'
    return f"{fact}; let it fire every year, and check the weekday in the endpoint"


@dataclass(frozen=True, slots=True)
class _Stretch:
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
    span = Span(stretch.since.date(), LONGEST)
    as_now = 0
    for cron in job.crons:
        as_now |= steady(cron.fields, stretch.offset, span)
    parts = _parts(Year(job, span.first, as_now, (stretch.offset,)).best().pieces, ())
    if not parts:
        raise CompileError(_silence(job))
    bitmaps = [read_back(part.cron, span) for part in parts]
    within = span.window(stretch.since, span.end)
    wrong = compare_bitmaps(wanted(job, span), bitmaps, span, within).first
    until = wrong and _last_change(job.timezone, stretch.since, wrong)
    ahead = exact_until(job, [part.cron for part in parts], span.end) if until is None else None
    until = until or (span.end if ahead else None)
    proven = span.window(stretch.since, until or span.end)
    difference = compare_bitmaps(wanted(job, span), bitmaps, span, proven)
    if not difference.none:
        raise CompileError("cannot be proven for the offset in force now; use dst: split")
    return Compilation(
        strategy=Strategy.FOLLOW,
        requested=Strategy.FOLLOW,
        reason="",
        parts=tuple(replace(part, offset=stretch.offset) for part in parts),
        valid_from=stretch.since,
        valid_until=until,
        renew_at=until and until - RENEW_BEFORE,
        proof=Proof((wanted(job, span) & proven).bit_count()),
        transitions=zones.transitions(job.timezone, span.start, span.end),
        warnings=(*_follow_warning(until), *_warnings(job, stretch.since, until or span.end)),
    )


def _follow_warning(until: datetime | None) -> tuple[str, ...]:
    if until is None:
        return ()
    return (f"follow: wrong from {until:%Y-%m-%d %H:%MZ} until the next apply",)


def _last_change(timezone: str, since: datetime, wrong: datetime) -> datetime:
    """The clock change that leads to a wrong firing; the firing itself if none does."""
    changes = zones.transitions(timezone, since, wrong)
    return changes[-1].at if changes else wrong


@lru_cache(maxsize=4096)
def _native(job: Job, today: date, *, accept: bool) -> Compilation:
    span = Span(today, LONGEST)
    parts = native_parts(job)
    difference = compare(job, [part.cron for part in parts], span.start, span.end)
    if not difference.none and not accept:
        raise CompileError(_native_refusal(job, difference))
    return Compilation(
        strategy=Strategy.NATIVE,
        requested=Strategy.NATIVE,
        reason="",
        parts=parts,
        valid_from=span.start,
        valid_until=None,
        renew_at=None,
        proof=Proof(
            wanted(job, span).bit_count(),
            difference.missing,
            difference.extra,
            difference.doubled,
        ),
        transitions=zones.transitions(job.timezone, span.start, span.end),
        warnings=(
            *(() if difference.none else (_native_refusal(job, difference),)),
            *_warnings(job, span.start, span.end),
        ),
    )


def native_parts(job: Job) -> tuple[Part, ...]:
    """One part for each distinct cron, its zone in front."""
    distinct = {cron.key: cron for cron in job.crons}
    return tuple(
        Part(f"CRON_TZ={job.timezone} {cron.canonical}", None, "all year")
        for cron in distinct.values()
    )


def _native_refusal(job: Job, difference: Difference) -> str:
    local = difference.first and difference.first.astimezone(zones.zone(job.timezone))
    return (
        f"native: QStash's parser would miss {difference.missing} firings, add {difference.extra}"
        f" and double {difference.doubled} within a year, the first on {local:%Y-%m-%d at %H:%M};"
        " use dst: {strategy: split}, or take it knowingly with accept: true"
    )


@lru_cache(maxsize=16_384)
def _auto(job: Job, today: date, keep: tuple[str, ...]) -> Compilation:
    found, reason = _choice(job, today)
    live = _live_choice(job, today, keep)
    if live and len(live.parts) <= len(found.parts) and live.strategy is not found.strategy:
        found, reason = live, f"{_label(live)} is live and exact for the coming year"
    return replace(found, requested=Strategy.AUTO, reason=reason)


def _choice(job: Job, today: date) -> tuple[Compilation, str]:
    """What `auto` chooses where nothing is live."""
    try:
        split = _split(job, today)
    except CompileError:
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
        raise CompileError(_silence(job))
    return split, f"QStash's parser would be wrong on {wrong:%Y-%m-%d}"


def _live_choice(job: Job, today: date, keep: tuple[str, ...]) -> Compilation | None:
    """The strategy of the live crons, if they are one whole, exact compilation of it."""
    if not keep:
        return None
    if set(keep) == {part.cron for part in native_parts(job)}:
        try:
            return _native(job, today, accept=False)
        except CompileError:
            return None
    if len(keep) == 1 and is_plain(keep[0]):
        try:
            split = _split(job, today)
        except CompileError:
            return None
        return split if split.crons == keep else None
    return None


def _label(compilation: Compilation) -> str:
    return "native" if compilation.strategy is Strategy.NATIVE else "the plain UTC cron"


# ---------------------------------------------------------------- parts


def _offsets(timezone: str, span: Span) -> tuple[int, ...]:
    """The offsets in force within a span, in order of time."""
    changes = zones.transitions(timezone, span.start, span.end)
    first = zones.offset(timezone, span.start)
    return tuple(dict.fromkeys([first, *(change.offset_after for change in changes)]))


def _parts(pieces: Sequence[Piece], offsets: tuple[int, ...]) -> tuple[Part, ...]:
    return tuple(
        Part(
            render(piece.fields),
            piece.offsets[0] if len(piece.offsets) == 1 and len(offsets) > 1 else None,
            _words(piece.fields),
        )
        for piece in pieces
    )


def _words(fields: Fields) -> str:
    """The dates of a part in words."""
    if len(fields.months) == len(MONTHS):
        months = "all year"
    else:
        names = listed(fields.months, lambda month: MONTHS[month - 1].capitalize())
        months = names.replace(",", ", ")
    all_days = len(fields.days) == 31  # noqa: PLR2004 - days of a month
    return months if all_days else f"{listed(fields.days)} {months}"


def _warnings(job: Job, start: datetime, end: datetime) -> tuple[str, ...]:
    found = [_both_days(cron) for cron in job.crons if cron.both_days_restricted]
    met = [_met(meeting, job) for meeting in meetings(job, start, end) if not meeting.chosen]
    return tuple(found + met)


def _both_days(cron: Cron) -> str:
    if cron.either:
        return (
            f'"{cron.text}": both day fields are restricted, so it fires when either matches; use'
            " two crons to say so, or check the date in the endpoint for both"
        )
    return (
        f'"{cron.text}": a day field that starts with * is no restriction of its own, so it fires'
        " when both day fields match; other crons take it as either"
    )


def _met(meeting: Meeting, job: Job) -> str:
    kind = "does not exist" if isinstance(meeting.policy, Gap) else "comes twice"
    return (
        f'"{meeting.cron.text}": {meeting.local:%Y-%m-%d %H:%M} {kind} in {job.timezone}; policy:'
        f" {meeting.policy}"
    )


# ---------------------------------------------------------------- the second reading


def read_back(part: str, span: Span) -> int:
    """The firings of a plain UTC cron, read by croniter: the second pair of eyes of the proof."""
    return wall(_expanded(part), span)


@lru_cache(maxsize=65_536)
def _expanded(part: str) -> Fields:
    from croniter import croniter  # noqa: PLC0415 - heavy, and only the proof needs it

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
