"""What a change does, in words: its headline, and the lines of its notes."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from qstash_sync.crons import zones
from qstash_sync.crons.effect import DAYS
from qstash_sync.model.change import (
    Action,
    Change,
    Firings,
    InSomeParts,
    PausesAll,
    Stored,
    Takes,
    TwinOf,
    Wanted,
)
from qstash_sync.model.durations import duration
from qstash_sync.reconcile.taken import Unmanaged
from qstash_sync.render import spoken

_GROUP = re.compile(r"[\w.-]+")  # a destination that is no URL, and is not withheld


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 part, 1,200 parts."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def label(path: str) -> str:
    """The path of a field as a person says it."""
    if path.startswith("endpoints.(unnamed)"):
        return "endpoint (unnamed)"  # it is told by its URL, which stands beside it
    for long, short in (("headers.", "header "), ("endpoints.", "endpoint ")):
        if path.startswith(long):
            return path.replace(long, short, 1)
    return path


def value(found: Any, path: str) -> str:
    """What a field was or becomes, as one line of text."""
    if found is None:
        return "(none)"
    if type(found) is int and path.rpartition(".")[2] in ("timeout", "delay", "period"):
        return duration(found)
    return destination(found) if path == "destination" else plain(found)


def destination(found: str) -> str:
    """Where messages go: a URL, or which URL group."""
    return f"URL group {found}" if _GROUP.fullmatch(found) else found


def plain(value: Any) -> str:
    """A value as one line of text."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def notes(change: Change) -> list[str]:
    """The lines of all its notes, but for its local time."""
    effects = [effect(note, change.wanted) for note in change.notes if isinstance(note, Firings)]
    return [*stored(change), *filter(None, effects), *details(change, verbose=True)]


def stored(change: Change) -> list[str]:
    """What QStash will hold: crons in UTC, or with a zone of their own."""
    notes = (note for note in change.notes if isinstance(note, Stored))
    return [f"stored as {cron}" for note in notes for cron in note.crons]


def details(change: Change, *, verbose: bool) -> list[str]:
    """What no headline says; verbose: moments to the minute, too."""
    lines: list[str] = []
    for note in change.notes:
        match note:
            case Firings():
                lines += [*moments(note), *doubled(note)] if verbose else doubled(note)
            case InSomeParts():
                lines.append(f"in {len(note.ids):,} of {note.of:,} parts: {', '.join(note.ids)}")
            case PausesAll():
                lines.append("every part will be paused, since some are")
            case Takes() if note.destination is None:
                lines.append(_taken(note))
            case TwinOf():
                lines.append(f"twin of schedules.{note.name}")
    return [line for line in lines if line]


def when(change: Change) -> str:
    """The local time of a schedule: before and after, or the one that there is."""
    wanted, takes = change.wanted, change.takes
    if takes and takes.job:
        return spoken.time(takes.job)
    if wanted is None or wanted.after is None:
        return ""
    if wanted.before is None or change.action is Action.CREATE:
        return spoken.time(wanted.after)
    if wanted.before == wanted.after:
        return spoken.time(wanted.after)
    return spoken.move(wanted.before, wanted.after)


def headline(change: Change) -> str:
    """What is to be known of a change at once: its time, and what happens to its firings."""
    said = when(change)
    if change.firings:
        found = effect(change.firings, change.wanted)
        return f"{said}: {found}" if said else found
    if change.action is Action.DELETE:
        return "; ".join(filter(None, (said, *of_delete(change))))
    return said


def is_paused(change: Change) -> bool:
    """Whether what is created does not fire."""
    made = change.fields if change.action is Action.CREATE else ()
    return any(field.path == "paused" and field.after is True for field in made)


def stands(change: Change) -> str:
    """Whether what comes or goes fires, on one line: what is created paused, or when it would."""
    return "paused" if is_paused(change) else stops(change)


def stops(change: Change) -> str:
    """When what is deleted fired last and would fire next, on one line."""
    takes = change.takes
    if takes is None or takes.destination is None:
        return ""
    last = f"last {takes.last_at:%a %Y-%m-%d %H:%MZ}" if takes.last_at else ""
    soon = f"next {takes.next_at:%a %Y-%m-%d %H:%MZ}" if takes.next_at else ""
    return "; ".join(filter(None, (last, "paused" if takes.paused else soon)))


def of_delete(change: Change) -> list[str]:
    """What stands beside the name of what goes, its time aside."""
    found = notes(change)
    takes = change.takes
    if takes and takes.destination is not None and len(takes.crons) > 1:
        found.append(f"{len(takes.crons):,} parts")
    return found


def _taken(note: Takes) -> str:
    if note.endpoints is not None:
        return _endpoints(note.endpoints)
    if note.waiting is not None:
        return f"{note.waiting:,} waiting"
    return "unpinned: a key cannot be deleted, and a pause stays" if note.unpins else ""


def _endpoints(count: int) -> str:
    return f"{count:,} endpoint{'s' * (count != 1)}"


def taken(change: Change) -> list[tuple[str, list[str]]]:
    """What is known of a schedule that is deleted, by labels; its first line stands beside it."""
    found: list[tuple[str, list[str]]] = []
    for note in change.notes:
        if isinstance(note, Takes) and note.destination is not None:
            soon = f"{note.next_at:%a %Y-%m-%d %H:%MZ}" if note.next_at else "not known"
            job = note.job
            local = job and f"{', '.join(cron.text for cron in job.crons)} in {job.timezone}"
            found = [
                ("cron", [local] if local else [*note.crons]),
                ("destination", [destination(note.destination)]),
                ("last firing", [f"{note.last_at:%a %Y-%m-%d %H:%MZ}" if note.last_at else ""]),
                ("next firing", ["none: paused" if note.paused else soon]),
            ]
        elif isinstance(note, TwinOf) and note.differs:
            found.append(("differs in", [", ".join(note.differs)]))
    return [(label, lines) for label, lines in found if any(lines)]


def unmanaged(one: Unmanaged) -> str:
    """What is known of a resource that is not ours, beside its name."""
    facts = [
        one.cron,
        one.destination and f"to {destination(one.destination)}",
        one.marked and _whose(one.marked, one),
        None if one.endpoints is None else _endpoints(one.endpoints),
        None if one.waiting is None else f"{one.waiting:,} waiting",
    ]
    return "  ".join(filter(None, facts))


def _whose(marked: str, one: Unmanaged) -> str:
    """Of the parts of a set one word: a name has no dot, so what is behind one is their number."""
    if one.orphan:
        return "of an environment that the files do not have"
    base, _, number = one.name.rpartition(".")
    is_its_own = marked == one.name or (marked == base and number.isdecimal())
    return "managed elsewhere" if is_its_own else f"carries the mark of {marked}"


def effect(note: Firings, wanted: Wanted | None) -> str:
    """How many firings of a year move, come or go, and from when on; where the zone does, in which.

    wanted: the time before and after, where that is known.
    """
    found = note.effect
    span = "a year" if found.days == DAYS else f"in {found.days} days"
    if found.none:
        within = "within a year" if found.days == DAYS else span
        return "" if note.doubled else f"no firing changes {within}"
    move = "moves" if found.moved == 1 else "move"
    if found.by:
        by = duration(round(abs(found.by).total_seconds()))
        move += f" {by} {'earlier' if found.by < timedelta() else 'later'}"
        move += f" ({found.odd:,} otherwise, at a clock change)" if found.odd else ""
    fates = (
        (found.moved, move),
        (found.added, "is new" if found.added == 1 else "are new"),
        (found.removed, "falls away" if found.removed == 1 else "fall away"),
    )
    (first, fate), *more = [(count, fate) for count, fate in fates if count]
    counts = [f"{first:,} firing{'s' * (first != 1)} {span} {fate}"]
    counts += [f"{count:,} {fate}" for count, fate in more]
    at = min(filter(None, (found.first_before, found.first_after)), default=None)
    jobs = (wanted.before, wanted.after) if wanted else ()
    in_several = len({job.timezone for job in jobs if job}) > 1
    city = f" {spoken.city(note.timezone)}" if in_several else ""
    since = f", first {_local(at, note.timezone)}{city}" if at else ""
    return f"{', '.join(counts)}{since}"


def moments(note: Firings) -> list[str]:
    """The first firing that is no more, and the first that was none, to the minute."""
    found = note.effect
    shown = (("first before", found.first_before), ("first after ", found.first_after))
    return [f"{label}  {_moment(at, note.timezone)}" for label, at in shown if at]


def doubled(note: Firings) -> list[str]:
    """Firings that come twice as it is now."""
    come = "comes" if note.doubled == 1 else "come"
    return [f"{counted(note.doubled, 'firing')} a year {come} twice"] if note.doubled else []


def _local(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(zones.zone(timezone)):%a %Y-%m-%d %H:%M}"


def _moment(at: datetime, timezone: str) -> str:
    """In local time, of which zone, and UTC."""
    city = spoken.city(timezone)
    city = "" if city == "UTC" else f" {city}"
    return f"{_local(at, timezone)}{city} ({at:%a %H:%MZ})"
