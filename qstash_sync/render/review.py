"""A change as its reviewer reads it: what, why, the effect; then fields; UTC crons last.

Values for a page, texts from outside among them just as they are: whoever shows them escapes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qstash_sync.model.change import (
    Action,
    Change,
    FieldChange,
    Firings,
    Reason,
    Stored,
    Takes,
)
from qstash_sync.model.resources import Kind, Schedule
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.drift import ResourceDrift, Status
from qstash_sync.reconcile.live_parts import same_crons
from qstash_sync.record import record
from qstash_sync.render import drift as drifts, text, words
from qstash_sync.render.alike_changes import as_read

_LONGEST = 2_000  # characters of a value
_LONGEST_NAME = 200
_MOST_FIELDS = 60  # of one change
_NAMED = 5  # of the changes of one risk
_BRIEF = 30  # characters of a value that stands in the head
_TIMES = ("cron", "timezone")
_SIGNS = {Action.CREATE: "+", Action.DELETE: "-"}
_STATUS_SIGNS = {Status.SURPLUS: "-", Status.MISSING: "+", Status.IN_SYNC: "="}


@record(kw_only=True)
class Row:
    """A setting before and after; None: it is not there."""

    label: str
    before: str | None
    after: str | None
    note: str = ""


@record(kw_only=True)
class Details:
    """What is folded under a change; parts: signs and the crons that QStash stores.

    facts: labels and texts. more: so many fields are left out. sides: what the columns are called.
    """

    rows: tuple[Row, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    more: int = 0
    sides: tuple[str, str] = ("before", "after")

    def __bool__(self) -> bool:
        return bool(self.rows or self.facts or self.lines or self.parts)


@record(kw_only=True)
class Head:
    """What is to be known of a change at first sight."""

    sign: str
    kind: str
    name: str
    why: str
    lead: tuple[str, ...] = ()
    refused: str = ""
    timed: bool = False  # the first line of lead is when it fires


@record(kw_only=True)
class Risk:
    """What to look at twice, and the first resources of it."""

    text: str
    count: int
    names: tuple[str, ...]
    more: int


def sign(change: Change) -> str:
    """What happens to it, as one character."""
    return _SIGNS.get(change.action, "~")


def status_sign(status: Status) -> str:
    """Likewise of what an apply would do about a status."""
    return _STATUS_SIGNS.get(status, "~")


def head(change: Change) -> Head:
    """The first lines of a change."""
    why = text.aside(change)
    return Head(
        sign=sign(change),
        kind=text.noun(change.kind),
        name=cut(change.name, _LONGEST_NAME),
        why=why,
        lead=tuple(cut(line) for line in _lead(change)),
        refused=cut(change.refused or ""),
        timed=change.kind is Kind.SCHEDULE
        and (change.action is Action.DELETE or bool(words.when(change))),
    )


def details(change: Change, schedule: Schedule | None) -> Details:
    """Everything else, field by field."""
    stored = _stored(change)
    shown = [field for field in change.fields if not _is_stored(field, stored)]
    if change.action is Action.CREATE:
        shown = [f for f in shown if f.after is not None and f.after is not False]  # 0 is a value
    rows = tuple(_row(field, change.action) for field in shown[:_MOST_FIELDS])
    moments = words.moments(change.firings) if change.firings else []
    lead = {*_lead(change)}
    told = [line for line in words.details(change, verbose=False) if line not in lead]
    return Details(
        rows=rows,
        facts=tuple((key, cut(fact)) for key, fact in schedule.notes) if schedule else (),
        lines=tuple(map(cut, (*moments, *told))),
        parts=tuple(_parts(change)),
        more=len(shown) - len(rows),
    )


def cut(line: str, most: int = _LONGEST) -> str:
    """A text that is not too long."""
    return line if len(line) <= most else f"{line[: most - 1]}…"


def resource(one: ResourceDrift) -> Head:
    """The first lines of a resource that is watched."""
    known = one.change and head(one.change)
    is_refused = one.change and one.change.refused and not one.change.is_guarded
    return Head(
        sign=status_sign(one.status),
        kind=text.noun(one.kind),
        name=cut(one.name, _LONGEST_NAME),
        why="; ".join(filter(None, (drifts.who_moved(one), drifts.whose(one)))),
        lead=known.lead if known else (),
        refused=known.refused if known and is_refused else "",
        timed=bool(known and known.timed),
    )


# ---------------------------------------------------------------- at first sight


def _lead(change: Change) -> Iterator[str]:
    if change.action is Action.DELETE:
        yield from _goes(change)
        return
    if change.kind is Kind.SCHEDULE:
        yield from _time(change)
        if change.action is Action.CREATE:
            yield from ["paused"] * words.is_paused(change)
            return
    others = [field for field in change.fields if field.path not in (*_TIMES, "parts")]
    if others:
        shown, more = (
            [_briefly(field, change.action) for field in others[:_NAMED]],
            len(others) - _NAMED,
        )
        yield f"{', '.join(shown)}" + f" and {more:,} more" * (more > 0)


def _briefly(field: FieldChange, action: Action) -> str:
    """A setting, with its values where they are short."""
    path = _label(field.path)
    if field.withheld:
        return f"{path} {field.withheld}"
    sides = [value(side, field.path) for side in (field.before, field.after)]
    if action is Action.CREATE:
        return f"{path} {cut(sides[1], _BRIEF)}"
    if any(len(side) > _BRIEF for side in sides):
        return f"{path} changed"
    return f"{path} {sides[0]} -> {sides[1]}"


def _goes(change: Change) -> Iterator[str]:
    """What a delete takes away."""
    takes = change.takes
    if takes is None or takes.destination is None:
        yield "; ".join(words.of_delete(change))
        return
    to = words.destination(takes.destination)
    yield f"{words.when(change) or ', '.join(takes.crons)} to {to}"
    if stops := words.stops(change):
        yield stops


def _time(change: Change) -> Iterator[str]:
    """The local time before and after, where both are known, and what that does to firings."""
    to = next((f.after for f in change.fields if f.path == "destination"), None)
    is_new = change.action is Action.CREATE and to is not None
    said = words.when(change)
    if said:
        yield f"{said} to {value(to, 'destination')}" if is_new else said
    if change.firings and (effect := words.effect(change.firings, change.wanted)):
        yield effect


# ---------------------------------------------------------------- fields


def value(found: Any, path: str) -> str:
    """A value as a person reads it."""
    return cut(words.value(found, path))


def _row(field: FieldChange, action: Action) -> Row:
    before = None if field.before is None else value(field.before, field.path)
    after = None if field.after is None else value(field.after, field.path)
    if action is Action.CREATE:
        before = None
    elif field.withheld:
        before = f"({field.withheld})"
    return Row(label=_label(field.path), before=before, after=after, note=cut(field.note))


def _label(path: str) -> str:
    return cut(words.label(path), _LONGEST_NAME)


def _stored(change: Change) -> frozenset[str]:
    """The crons of the account that a change is about, before and after."""
    found = {*change.swap.before, *change.swap.after} if change.swap else set()
    for note in change.notes:
        if isinstance(note, Stored):
            found.update(note.crons)
    return frozenset(found)


def _is_stored(field: FieldChange, stored: frozenset[str]) -> bool:
    """Whether a field has crons as QStash stores them, and so says nothing that parts do not."""
    before, after = field.several or ((field.before,), (field.after,))
    shown = {side for side in (*before, *after) if isinstance(side, str)}
    return field.path == "cron" and bool(stored) and shown <= stored


def _parts(change: Change) -> Iterator[tuple[str, str]]:
    """Crons as they are stored: those that go, that stay, that come; none where all stay."""
    takes = [cron for note in change.notes if isinstance(note, Takes) for cron in note.crons]
    before = change.swap.before if change.swap else tuple(takes)
    told = [cron for note in change.notes if isinstance(note, Stored) for cron in note.crons]
    after = change.swap.after if change.swap else tuple(told)
    if same_crons(before, after):
        return
    yield from (("-", cut(cron)) for cron in sorted(before) if cron not in after)
    yield from ((" ", cut(cron)) for cron in sorted(after) if cron in before)
    yield from (("+", cut(cron)) for cron in after if cron not in before)


# ---------------------------------------------------------------- risks


def risks(plan: Plan) -> tuple[Risk, ...]:
    """What a reviewer should look at twice, the gravest first."""
    changes = as_read(plan.changes)
    protected = [c for c in changes if c.protected]
    return tuple(
        _risk(what, found)
        for what, found in (
            ("Refused", [c for c in changes if c.refused]),
            ("Takes away what is protected", protected),
            (
                "Deletes",
                [
                    c
                    for c in changes
                    if c.action is Action.DELETE and not (c.protected or c.is_refused_alone)
                ],
            ),
            ("Undoes what was changed outside", [c for c in changes if c.reason in _OUTSIDE]),
            ("Takes over what carries no mark of ours", [*_adopted(changes)]),
            ("Loses firings", [c for c in changes if any(e.removed for e in _effects(c))]),
            ("Stops firing", [c for c in changes if c.action is Action.PAUSE or c.pauses_all]),
            ("Fires again", [c for c in changes if c.action is Action.RESUME]),
            ("Finishes an apply that was cut off", [c for c in changes if c.cut_off]),
        )
        if found
    )


_OUTSIDE = (Reason.DRIFT, Reason.BOTH)


def _adopted(changes: Iterable[Change]) -> Iterator[Change]:
    return (c for c in changes if c.reason is Reason.ADOPT and not c.refused)


def _effects(change: Change) -> Iterator[Any]:
    return (note.effect for note in change.notes if isinstance(note, Firings))


def _risk(what: str, found: Sequence[Change]) -> Risk:
    names = (f"{text.noun(change.kind)} {change.name}" for change in found[:_NAMED])
    return Risk(
        text=what,
        count=len(found),
        names=tuple(cut(name, _LONGEST_NAME) for name in names),
        more=max(len(found) - _NAMED, 0),
    )
