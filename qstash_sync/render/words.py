"""What a change does beside its fields, in words: its notes, and durations."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from qstash_sync.crons import zones
from qstash_sync.crons.effect import Effect
from qstash_sync.model.change import (
    Change,
    Firings,
    InSomeParts,
    Note,
    OfParts,
    PausesAll,
    Stored,
    Takes,
)


def notes(change: Change) -> list[str]:
    """The lines of all notes."""
    return [line for note in change.notes for line in _lines(note)]


def _lines(note: Note) -> Iterator[str]:
    match note:
        case Stored():
            yield from (f"stored as {cron}" for cron in note.crons)
        case Firings():
            yield from _firings(note)
        case InSomeParts():
            yield f"in {len(note.ids)} of {note.of} parts: {', '.join(note.ids)}"
        case PausesAll():
            yield "every part will be paused, since some are"
        case Takes():
            yield _taken(note)
        case OfParts():  # stands beside the name
            return


def _taken(note: Takes) -> str:
    if note.endpoints is not None:
        return f"{note.endpoints} endpoints"
    if note.waiting is not None:
        return f"{note.waiting} waiting"
    if note.unpins:
        return "unpinned: a key cannot be deleted, and a pause stays"
    return f"cron {note.crons[0]}" if len(note.crons) == 1 else f"{len(note.crons)} parts"


def _firings(note: Firings) -> Iterator[str]:
    """How many firings of a year move, and the first that differs."""
    doubled = f"{note.doubled} firings a year come twice"
    if note.effect.none:
        yield doubled if note.doubled else "no firing changes within a year"
        return
    yield _counts(note.effect)
    yield f"first before  {_moment(note.effect.first_before, note.timezone)}"
    yield f"      after   {_moment(note.effect.first_after, note.timezone)}"
    if note.doubled:
        yield doubled


def _counts(found: Effect) -> str:
    facts = []
    if found.moved:
        by = f" by {_signed(found.by)}" if found.by else ""
        facts.append(f"{found.moved} firings a year move{by}")
    if found.added:
        facts.append(f"{found.added} are new" if facts else f"{found.added} firings a year are new")
    if found.removed:
        fact = "fall away"
        facts.append(
            f"{found.removed} {fact}" if facts else f"{found.removed} firings a year {fact}"
        )
    return ", ".join(facts)


def _signed(by: timedelta) -> str:
    minutes = round(abs(by).total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    size = f"{hours}h" * bool(hours) + f"{rest}m" * bool(rest)
    return f"{'-' if by < timedelta() else '+'}{size}"


def _moment(at: datetime | None, timezone: str) -> str:
    """In local time and UTC."""
    if at is None:
        return "none"
    return f"{at.astimezone(zones.zone(timezone)):%a %Y-%m-%d %H:%M} ({at:%a %H:%MZ})"


def duration(seconds: int) -> str:
    """Seconds as a person writes them: 1h30m."""
    shown = ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        shown += f"{count}{unit}" if count else ""
    return shown or "0s"
