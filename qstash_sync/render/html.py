"""HTML: one page that asks nobody for anything, for plan, drift and next.

    templates/*.html, style.css    all markup of ours; every value in it is made visible and escaped
    review.py, gallery.py           what the values are
    this module                    what fits: the heads of all entries before the details of any

A page is bounded; what is left out is counted. Nothing in it runs: it has no script, and forbids
all of them by its policy.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from html import escape
from itertools import groupby, takewhile
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qstash_sync.crons import zones
from qstash_sync.errors import QstashSyncError
from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import RANKS, Diagnostic, Severity
from qstash_sync.model.load import Load
from qstash_sync.model.resources import Desired, Kind, Schedule
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.drift import Drift, ResourceDrift, Status
from qstash_sync.record import record
from qstash_sync.render import (
    coming as comings,
    drift as drifts,
    gallery,
    json as view,
    review,
    safe,
    text,
)
from qstash_sync.render.alike import folded, number, said
from qstash_sync.render.alike_changes import by_risk, titled_by_action
from qstash_sync.render.review import Details, Head
from qstash_sync.render.safe import Page
from qstash_sync.timeline import week as weeks
from qstash_sync.timeline.coming import Coming, Firing

LIMIT = 5_000_000  # bytes of a page; the rooms below leave space for markup of its own
_SIDES = ("in the account", "as the file says")  # of a drift
_HEADS, _DETAILS, _DIAGNOSTICS, _NAMES = 2_400_000, 600_000, 200_000, 400_000  # bytes
_AROUND, _BETWEEN = 200, 40  # bytes of markup: of an entry, and of each text in it
_MOST_DIAGNOSTICS = 200
_LONGEST_NAME = 200  # characters
_MARKS = re.compile(r"`([^`]+)`|->")
_CODE, _ARROW = Markup("<code>{}</code>"), Markup("<span class=to>-&gt;</span>")
_LONGEST_SOURCE = 200  # characters of a line of a file
_OPEN = 25  # entries of a section that stand open


@record(kw_only=True)
class _Entry:
    """A change or a resource: its head, and what is folded under it."""

    kind: str  # of its style
    head: Head
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    details: Details | None = None


@dataclass(slots=True, kw_only=True)
class _Section:
    """Entries under a title; names: of those that are listed by their names alone.

    unlisted: so many are not there at all. bare: so many have no details.
    """

    title: str
    entries: list[_Entry] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    folded: bool = False
    unlisted: int = 0
    bare: int = 0


# ---------------------------------------------------------------- pages


def plan(
    plan: Plan,
    desired: Desired,
    requests: tuple[int, int],
    *,
    verbose: bool = False,
    account: str = "",
) -> Page:
    """What an apply would change; account: which it is about, and why."""
    declared = {schedule.id: schedule for schedule in desired.schedules or ()}
    deletes, updates, creates = titled_by_action(plan.changes)
    heads, bodies = _Room(_HEADS), _Room(_DETAILS)

    def listed(title: str, changes: Sequence[Change], *, closed: bool = False) -> _Section:
        made = (_of_change(change, declared, bodies) for change in changes)
        section = _fit(title, made, len(changes), heads)
        section.folded = closed and len(changes) > _OPEN
        return section

    lead, *more = text.headline(plan)
    week = weeks.of_plan(desired, plan)
    return _page(
        "plan.html",
        **_about("plan", plan, account),
        lead=lead,
        more=more,
        tiles=[*_tiles(plan)],
        errors=_diagnostics(plan.errors),
        risks=review.risks(plan),
        sections=[
            _and_names(listed(*deletes), [change.name for change in deletes[1]]),
            listed(updates[0], by_risk(updates[1]), closed=True),
            listed(*creates, closed=True),
        ],
        **gallery.pictures(week, plan.now, "as it is", "as it will be"),
        warnings=_diagnostics(plan.warnings),
        unmanaged=_lines(text.unmanaged(plan) if verbose else (), heads),
        summary=text.summary(plan)[len((lead, *more)) :],
        sent=drifts.sent(requests),
    )


def drift(
    drift: Drift,
    desired: Desired,
    requests: tuple[int, int],
    *,
    verbose: bool = False,
    account: str = "",
) -> Page:
    """Where the declared resources stand, and who moved; account: where that is, and why there."""
    plan = drift.plan
    declared = {schedule.name: schedule for schedule in desired.schedules or ()}
    heads, bodies = _Room(_HEADS), _Room(_DETAILS)
    sections = []
    for status in Status:
        found = [one for one in drifts.as_read(drift) if one.status is status]
        made = (_of_resource(one, declared, bodies) for one in found)
        who = drifts.WHO_MOVED[status]
        title = f"{len(found):,} {drifts.words(status)}" + f": {who}" * bool(who)
        section = _fit(title, made, len(found), heads)
        if status is Status.SURPLUS:
            _and_names(section, [one.name for one in found])
        section.folded = status is Status.IN_SYNC and len(found) > _OPEN
        sections.append(section)
    week = weeks.of_plan(desired, plan)
    statuses = {
        one.name: (drifts.words(one.status), _style(one.status))
        for one in drift.resources
        if one.kind is Kind.SCHEDULE
    }
    counts = drift.counts
    return _page(
        "drift.html",
        **_about("drift", plan, account),
        lead=drifts.summary(drift),
        tiles=[(count, drifts.words(status), _style(status)) for status, count in counts.items()]
        + [(len(plan.unmanaged), "unmanaged", "none")],
        errors=_diagnostics(plan.errors),
        sections=sections,
        **gallery.pictures(week, plan.now, *_SIDES, statuses),
        warnings=_diagnostics(plan.warnings),
        unmanaged=_lines(text.unmanaged(plan) if verbose else (), heads),
        sent=drifts.sent(requests),
    )


def coming(
    found: Coming,
    load: Load | None,
    schedules: Sequence[Schedule],
    *,
    environment: str | None,
    namespace: str,
    timezone: str | None = None,
    warnings: Sequence[Diagnostic] = (),
) -> Page:
    """The coming firings, below their days; timezone: in which all are shown."""
    named = {one.timezone for one in found.firings}
    zone = timezone or (next(iter(named)) if len(named) == 1 else "UTC")
    room = _Room(_HEADS)
    days, unlisted = _days(found, zone, room)
    week = weeks.of_schedules(schedules, found.start, timezone=timezone)
    lead, *more = filter(None, (*comings.end(found), *comings.often(found)))
    return _page(
        "next.html",
        command="next",
        environment=environment or "",
        namespace=namespace,
        account="",
        now=f"{found.start:%a %Y-%m-%d %H:%MZ}",
        tzdata=zones.tzdata_version(),
        lead=lead,
        more=more,
        zone=zone,
        days=days,
        unlisted=unlisted,
        load=[*comings.load_lines(load)] if load else [],
        **gallery.pictures(week, found.start, "", "fires"),
        warnings=_diagnostics(warnings),
    )


def error(error: QstashSyncError, command: str, environment: str | None) -> Page:
    """A run that ended in an error."""
    return _page(
        "error.html",
        command=command,
        environment=environment or "",
        errors=_diagnostics(view.diagnostics_of(error)),
    )


def _page(template: str, **values: Any) -> Page:
    return safe.html(_templates().get_template(template).render(**values))


@cache
def _templates() -> Environment:
    """Whatever a template prints is visible, and then escaped."""
    made = Environment(
        loader=PackageLoader("qstash_sync", "render/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["marked"] = _marked
    return made


def _marked(line: str) -> Markup:
    """A line of words, escaped: arrows that do not break, and what stands in backticks as code."""
    pieces = _MARKS.split(safe.line(line))  # text, code or none, text, and so on
    pieces[1::2] = [_ARROW if code is None else _CODE.format(code) for code in pieces[1::2]]
    return Markup("").join(pieces)


def _shown(value: Any) -> Any:
    """A text from wherever it comes, made visible; markup is our own pictures and macros."""
    return value if hasattr(value, "__html__") else safe.line(str(value))


def _about(command: str, plan: Plan, account: str) -> dict[str, str]:
    """What a page is about."""
    return {
        "command": command,
        "environment": plan.environment or "",
        "namespace": plan.namespace,
        "account": account,
        "now": f"{plan.now.astimezone(UTC):%a %Y-%m-%d %H:%MZ}",
        "tzdata": plan.tzdata,
    }


# ---------------------------------------------------------------- entries, and room for them


class _Room:
    """Bytes that are left for entries; once one does not fit, none of those that come after it."""

    def __init__(self, left: int, around: int = _AROUND, between: int = _BETWEEN) -> None:
        self.left, self.around, self.between = left, around, between

    def takes(self, texts: Iterable[str]) -> bool:
        """Whether some texts fit, with the markup around each."""
        if self.left > 0:
            self.left -= self.around + sum(self.between + _size(text) for text in texts if text)
        return self.left > 0


def _size(text: str) -> int:
    """Bytes of a text as it is shown."""
    return len(escape(safe.line(text)).encode())


def _fit(title: str, entries: Iterator[_Entry], count: int, room: _Room) -> _Section:
    """As many entries as there is room for; the others are counted."""
    section = _Section(title=title)
    for entry in entries:
        if not room.takes(_texts((entry.head, entry.facts, entry.notes))):
            break
        section.entries.append(entry)
    section.unlisted = count - len(section.entries)
    section.bare = sum(entry.details is None for entry in section.entries)
    return section


def _and_names(section: _Section, names: Sequence[str]) -> _Section:
    """What goes is named, also where nothing else is said of it: all names, those listed first."""
    room = _Room(_NAMES, around=0, between=len(", "))
    cut = (review.cut(name, _LONGEST_NAME) for name in names[len(section.entries) :])
    section.names = list(takewhile(lambda name: room.takes([name]), cut))
    section.unlisted -= len(section.names)
    return section


def _texts(found: Any) -> Iterator[str]:
    """All texts of a value and what it is made of."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, tuple | list):
        for one in found:
            yield from _texts(one)
    elif is_dataclass(found):
        for each in fields(found):
            yield from _texts(getattr(found, each.name))


def _of_change(change: Change, declared: Mapping[str, Schedule], room: _Room) -> _Entry:
    schedule = declared.get(change.id) if change.kind is Kind.SCHEDULE else None
    return _Entry(
        kind="refused" if change.refused else str(change.action),
        head=review.head(change),
        details=_details(change, schedule, room),
    )


def _of_resource(one: ResourceDrift, declared: Mapping[str, Schedule], room: _Room) -> _Entry:
    """What is known stands open, and so does who cares for it; what an apply would do is folded."""
    schedule = declared.get(one.name) if one.kind is Kind.SCHEDULE else None
    change = None if one.status is Status.MISSING else one.change
    found = Details() if change is None else _details(change, schedule, room)
    asks = one.status is not Status.IN_SYNC or bool(one.diagnostics)
    return _Entry(
        kind=_style(one.status),
        head=review.resource(one),
        facts=tuple((drifts.GRADES[fact.severity], fact.message) for fact in one.diagnostics),
        notes=schedule.notes if schedule and asks else (),
        details=found and replace(found, facts=(), sides=_SIDES),
    )


def _style(status: Status) -> str:
    return status.replace("_", "-")


def _details(change: Change, schedule: Schedule | None, room: _Room) -> Details | None:
    """What is folded under an entry; None where there is no room for it."""
    if room.left <= 0:
        return None
    found = review.details(change, schedule)
    return found if room.takes(_texts(found)) else None


def _tiles(plan: Plan) -> Iterator[tuple[int, str, str]]:
    """The counts of the first lines: how many, of what, and in which style."""
    counts = plan.summary
    yield counts["create"], "to create", "create"
    yield counts["update"], "to update", "update"
    yield counts["delete"], "to delete", "delete"
    if counts["refused"]:
        yield counts["refused"], "refused", "refused"
    yield counts["unchanged"], "unchanged", "none"
    yield counts["unmanaged"], "unmanaged", "none"


def _lines(found: Sequence[str], room: _Room) -> dict[str, Any]:
    """Lines as long as there is room; more: so many are left out."""
    shown = list(takewhile(lambda line: room.takes([line]), (review.cut(one) for one in found)))
    return {"count": len(found), "lines": shown, "more": len(found) - len(shown)}


def _diagnostics(found: Sequence[Diagnostic]) -> dict[str, Any]:
    """The heaviest first, each with the line that it is about, as far as that may be shown."""
    ranked = sorted(folded(found), key=lambda one: RANKS[one.severity])
    room = _Room(_DIAGNOSTICS)
    shown = []
    for one in ranked[:_MOST_DIAGNOSTICS]:
        at = one.location
        source = at.text.strip() if at and one.severity is not Severity.INFO else ""
        entry = {
            "severity": str(one.severity),
            "where": str(at or ""),
            "text": review.cut(said(one)),
            "source": review.cut(source, _LONGEST_SOURCE),
            "hint": review.cut(one.hint),
        }
        if not room.takes(entry.values()):
            break
        shown.append(entry)
    return {"count": number(found), "shown": shown, "more": len(ranked) - len(shown)}


# ---------------------------------------------------------------- days of firings


def _days(found: Coming, zone: str, room: _Room) -> tuple[list[dict[str, Any]], int]:
    """The firings and clock changes of each day of a zone; how many firings have no room."""
    moments: list[tuple[datetime, int, str, Firing | None]] = [
        (one.change.at, 0, comings.change_words(one), None) for one in found.changes
    ]
    moments += [(one.at, 1, "", one) for one in found.firings]
    moments.sort(key=lambda moment: moment[:2])

    days: list[dict[str, Any]] = []
    unlisted = 0
    for day, group in groupby(moments, key=lambda m: m[0].astimezone(zones.zone(zone)).date()):
        rows = []
        for _, _, change, one in group:
            row = _firing(one, day) if one else {"change": change}
            if room.takes(row.values()):
                rows.append(row)
            else:
                unlisted += one is not None
        if rows:
            days.append({"title": f"{day:%a %Y-%m-%d}", "rows": rows})
    return days, unlisted


def _firing(one: Firing, day: date) -> dict[str, str]:
    """A row: the local time, with its day where that is another than its table's."""
    local = one.local
    return {
        "local": f"{local:%H:%M}" if local.date() == day else f"{local:%a %H:%M}",
        "zone": one.timezone,
        "utc": f"{one.at:%H:%MZ}" if one.at.date() == day else f"{one.at:%a %H:%MZ}",
        "name": one.schedule.name,
        "remarks": "; ".join(comings.remarks(one)),
        "style": "note rule" if one.rule else "note",
    }
