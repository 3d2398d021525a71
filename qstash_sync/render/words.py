"""What a change does beside its fields, in words: its notes."""

from dataclasses import replace
from datetime import datetime, timedelta

from qstash_sync.crons import zones
from qstash_sync.crons.effect import DAYS
from qstash_sync.model.change import (
    Change,
    Firings,
    InSomeParts,
    OfParts,
    PausesAll,
    Stored,
    Takes,
    TwinOf,
)
from qstash_sync.plan.taken import Unmanaged


def notes(change: Change) -> list[str]:
    """The lines of all notes."""
    lines: list[str] = []
    for note in change.notes:
        match note:
            case Stored():
                lines += [f"stored as {cron}" for cron in note.crons]
            case Firings():
                lines += _firings(note)
            case InSomeParts():
                lines.append(f"in {len(note.ids)} of {note.of} parts: {', '.join(note.ids)}")
            case PausesAll():
                lines.append("every part will be paused, since some are")
            case Takes():
                lines.append(_taken(note))
            case TwinOf():
                lines.append(f"twin of schedules.{note.name}")
            case OfParts():
                pass  # stands beside the name
    return lines


def of_delete(change: Change) -> list[str]:
    """What stands beside the name of what goes: not what its details say at once."""
    beside = (
        note
        for note in change.notes
        if not (isinstance(note, Takes) and note.destination is not None and len(note.crons) == 1)
    )
    return notes(replace(change, notes=tuple(beside)))


def _taken(note: Takes) -> str:
    if note.endpoints is not None:
        return _endpoints(note.endpoints)
    if note.waiting is not None:
        return f"{note.waiting} waiting"
    if note.unpins:
        return "unpinned: a key cannot be deleted, and a pause stays"
    return f"cron {note.crons[0]}" if len(note.crons) == 1 else f"{len(note.crons)} parts"


def _endpoints(count: int) -> str:
    return f"{count} endpoint{'s' * (count != 1)}"


def taken(change: Change) -> list[tuple[str, list[str]]]:
    """What is known of a schedule that is deleted, by labels; its first line stands beside it."""
    found: list[tuple[str, list[str]]] = []
    for note in change.notes:
        if isinstance(note, Takes) and note.destination is not None:
            soon = f"{note.next_at:%a %Y-%m-%d %H:%MZ}" if note.next_at else "not known"
            found = [
                ("cron", [note.local] if note.local else [*note.crons]),
                ("destination", [note.destination]),
                ("next firing", ["none: paused" if note.paused else soon]),
            ]
        elif isinstance(note, TwinOf) and note.differs:
            found.append(("differs in", [", ".join(note.differs)]))
    return [(label, lines) for label, lines in found if lines]


def unmanaged(one: Unmanaged) -> str:
    """What is known of a resource that is not ours, beside its name."""
    facts = [
        one.cron,
        one.destination and f"to {one.destination}",
        one.marked and f"carries the mark of {one.marked}",
        None if one.endpoints is None else _endpoints(one.endpoints),
        None if one.waiting is None else f"{one.waiting} waiting",
    ]
    return "  ".join(filter(None, facts))


def _firings(note: Firings) -> list[str]:
    """How many firings of a year move, and the first that differs."""
    effect = note.effect
    span = "a year" if effect.days == DAYS else f"in {effect.days} days"
    doubled = [f"{note.doubled} firings a year come twice"] if note.doubled else []
    if effect.none:
        within = "within a year" if effect.days == DAYS else span
        return doubled or [f"no firing changes {within}"]

    move = f"{'moves' if effect.moved == 1 else 'move'}"
    move += f" by {_signed(effect.by)}" if effect.by else ""
    fates = (
        (effect.moved, move),
        (effect.added, "is new" if effect.added == 1 else "are new"),
        (effect.removed, "falls away" if effect.removed == 1 else "fall away"),
    )
    (first, fate), *more = [(count, fate) for count, fate in fates if count]
    counts = [f"{first} firing{'s' * (first != 1)} {span} {fate}"]
    counts += [f"{count} {fate}" for count, fate in more]
    moments = (("first before", effect.first_before), ("first after ", effect.first_after))
    return [
        ", ".join(counts),
        *(f"{label}  {_moment(at, note.timezone)}" for label, at in moments if at),
        *doubled,
    ]


def _signed(by: timedelta) -> str:
    minutes = round(abs(by).total_seconds() / 60)
    days, minutes = divmod(minutes, 1440)
    hours, rest = divmod(minutes, 60)
    size = f"{days}d" * bool(days) + f"{hours}h" * bool(hours) + f"{rest}m" * bool(rest)
    return f"{'-' if by < timedelta() else '+'}{size}"


def _moment(at: datetime, timezone: str) -> str:
    """In local time and UTC."""
    return f"{at.astimezone(zones.zone(timezone)):%a %Y-%m-%d %H:%M} ({at:%a %H:%MZ})"
