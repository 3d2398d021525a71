"""The coming firings: a page in local time and UTC, Markdown, and JSON."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from qstash_sync.crons import zones
from qstash_sync.crons.gap_and_fold import Fold, Gap
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.durations import duration
from qstash_sync.model.load import Load
from qstash_sync.model.names import natural
from qstash_sync.record import record
from qstash_sync.render import json as view, safe, spoken
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint
from qstash_sync.render.words import counted
from qstash_sync.timeline.coming import ClockChange, Coming, Firing
from qstash_sync.timeline.rules import Rule

_NAME = 32  # columns of a name, in which most fit
_LIMIT = 55_000  # characters of the firings in a comment, which may have 65,536
_INDENT = 9
_REMARK = "\0"  # before what is to be known of a firing: a name cannot hold it


def document(found: Coming, load: Load | None, warnings: tuple[Diagnostic, ...] = ()) -> Page:
    """The JSON; instants in ISO 8601, those of `at` in UTC."""
    more = {"load": _load(load)} if load else {}
    return view.document(
        start=view.stamp(found.start),
        until=view.stamp(found.until),
        firings=[
            {
                "name": one.schedule.name,
                "id": one.schedule.id,
                "at": view.stamp(one.at),
                "local": one.local.isoformat(),
                "timezone": one.timezone,
                "rule": one.rule and rule_document(one.rule),
                "delay": one.schedule.message.delay,
            }
            for one in found.firings
        ],
        clock_changes=[
            {
                "timezone": one.timezone,
                "at": view.stamp(one.change.at),
                "offset_before": one.change.offset_before,
                "offset_after": one.change.offset_after,
            }
            for one in found.changes
        ],
        more=found.more,
        paused=list(found.paused),
        **more,
        warnings=[view.diagnostic(one) for one in warnings],
        errors=[],
        requests={"read": 0, "write": 0},
    )


def rule_document(rule: Rule) -> dict[str, Any]:
    """A rule in JSON; local has no offset, as it may not exist."""
    return {
        "local": rule.local.isoformat(),
        "policy": f"{'gap' if rule.is_gap else 'fold'}: {rule.policy}",
        "chosen": rule.chosen,
    }


def _load(load: Load) -> dict[str, Any]:
    return {
        "days": load.days,
        "messages": load.total,
        "busiest_day": load.busiest.isoformat(),
        "messages_of_busiest_day": load.messages,
        "worst_of_busiest_day": load.worst,
        "plan": load.plan,
        "allowed_a_day": load.allowed,
        "peak_minute": view.stamp(load.peak),
        "messages_at_peak": load.at_peak,
        "of_peak": [{"name": name, "messages": count} for name, count in load.of_peak],
        "uncounted_url_groups": list(load.uncounted),
    }


# ---------------------------------------------------------------- text


def text(found: Coming, load: Load | None, paint: Paint) -> Page:
    """A line for each firing, below the day of its UTC time; what changes the clock between."""
    lines = [
        *_rows(found, paint, [row for one in often(found) for row in paint.wrapped(f"  {one}", 4)]),
        *(row for line in end(found) for row in paint.wrapped(line, 4)),
    ]
    if load:
        lines.append("")
        for label, value in load_lines(load):
            lines += paint.wrapped(f"{label:14}{value}", 14)
    return paint.page(lines)


def _rows(found: Coming, paint: Paint, beats: list[str]) -> Iterator[str]:
    """What fires too often to be listed, a gap, and the firings below their days."""
    yield from beats
    yield from [""] * bool(beats and (found.firings or found.changes))
    yield from _firings(found, paint)


def often(found: Coming) -> Iterator[str]:
    """What fires too often to be listed, a line for each."""
    for one in found.often:
        beat = spoken.time(one.schedule.timing.job)
        when = f"{one.first:%a %Y-%m-%d %H:%MZ}"
        yield f"{one.schedule.name}  {beat}, {one.count:,} times, next {when}"


def markdown(found: Coming, load: Load | None, environment: str | None) -> Page:
    """The same in a fence, for a comment, which finds itself by its first line."""
    shown, room = [], _LIMIT
    for line in _rows(found, Paint(color=False), [*often(found)]):
        room -= len(safe.fenced(line)) + 1
        if room < 0:
            shown.append("... and more; --count and --name ask for less, json has all")
            break
        shown.append(safe.fenced(line))
    where = safe.name(environment or "")
    marker = " ".join(filter(None, ("qstash-sync next", where)))
    title = "## QStash: the coming firings" + f" of `{where}`" * bool(where)
    lines = [f"<!-- {marker} -->", title, ""]
    lines += ["```text", *shown, "```", ""] if shown else []
    lines += [safe.fenced(line) for line in end(found)]
    if load:
        rows = (f"| {label} | {_cell(value)} |" for label, value in load_lines(load))
        lines += ["", "| load | |", "| --- | --- |", *rows]
    return safe.page(lines)


def _cell(text: str) -> str:
    return safe.fenced(text).replace("|", "\\|").replace("<", "&lt;")


def _firings(found: Coming, paint: Paint) -> Iterator[str]:
    """Rows below their days; where days have one firing, each with its own."""
    named = {one.timezone for one in found.firings}
    timezone = next(iter(named)) if len(named) == 1 else None  # of all
    zone = zones.zone(timezone or "UTC")
    table = _Table(
        timezone=timezone,
        name=min(max((len(one.schedule.name) for one in found.firings), default=0), _NAME),
        zone=max((len(one.timezone) for one in found.firings), default=0),
        utc=max((len(spoken.utc(one.at, one.local)) for one in found.firings), default=0),
    )
    rows = [(one.change.at, 0, paint(f"-- {change_words(one)}", "yellow")) for one in found.changes]
    firings = sorted(found.firings, key=lambda one: natural(one.schedule.name))
    rows += [(one.at, 1, table.row(one)) for one in firings]
    rows.sort(key=lambda row: row[:2])
    days = [f"{at.astimezone(zone):%a %Y-%m-%d}" for at, _, _ in rows]
    sparse = len(set(days)) * 2 > len(days)
    if sparse and rows:
        yield paint(f"In {timezone or 'UTC'}", "bold")
    last = ""
    for day, (_, _, row) in zip(days, rows, strict=True):
        if not sparse and day != last:
            yield from [""] * bool(last)
            yield paint(f"{day}, {timezone or 'UTC'}", "bold")
        yield from _folded(f"  {day}  {row}" if sparse else f"  {row}", paint)
        last = day


def _folded(row: str, paint: Paint) -> Iterator[str]:
    """What is to be known of a firing stands below it, where the line would be too long."""
    line, _, remark = row.partition(_REMARK)
    if remark and safe.columns(line.rstrip()) + len(remark) + 2 > paint.width:
        yield from paint.wrapped(line.rstrip(), _INDENT)
        yield from paint.wrapped(f"{'':{_INDENT}}{remark}", _INDENT)
    else:
        yield from paint.wrapped(f"{line}{remark}".rstrip(), _INDENT)


@record(kw_only=True)
class _Table:
    """The columns: the local time, UTC where that is another, the name; timezone: of all.

    name, zone, utc: how wide they are.
    """

    timezone: str | None
    name: int
    zone: int
    utc: int

    def row(self, one: Firing) -> str:
        """The line of a firing."""
        when = f"{one.local:%H:%M}"
        if self.timezone is None:
            local = "" if one.timezone == "UTC" else f"{one.local:%a %H:%M} {one.timezone}"
            when = f"{one.at:%H:%MZ}  {local:{self.zone + len('Mon 00:00 ')}}"
        elif self.timezone != "UTC":
            when += f"  {spoken.utc(one.at, one.local):{self.utc}}"
        return f"{when}  {one.schedule.name:{self.name}}  {_REMARK}{'; '.join(remarks(one))}"


def remarks(one: Firing) -> list[str]:
    """What is to be known of a firing: the rule that it met, by its own clock, and its delay."""
    timezone, delay = one.schedule.timing.job.timezone, one.schedule.message.delay
    found = [rule_words(one.rule)] if one.rule else []
    if one.timezone != timezone:
        found = [f"{words} in {timezone}" for words in found]
    return [*found, *[f"sent {duration(delay)} later"] * bool(delay)]


def rule_words(rule: Rule, *, policy: bool = True) -> str:
    """What happened to a local time; policy: and by which policy."""
    key = "gap" if rule.is_gap else "fold"
    by = f" (dst.{key}: {rule.policy})" if policy else ""
    if isinstance(rule.policy, Gap):
        fate = ", is left out" if rule.policy is Gap.SKIP else ""
        return f"{rule.local:%H:%M} does not exist{fate}{by}"
    words = {Fold.BOTH: "both count", Fold.FIRST: "the first", Fold.SECOND: "the second"}
    return f"{rule.local:%H:%M} comes twice, {words[rule.policy]}{by}"


def change_words(one: ClockChange) -> str:
    """A clock change in local times, and its instant."""
    before, after = (
        f"{one.change.at.replace(tzinfo=None) + timedelta(minutes=offset):%H:%M}"
        for offset in (one.change.offset_before, one.change.offset_after)
    )
    return f"{one.timezone}: the clock goes from {before} to {after}, {one.change.at:%H:%MZ}"


def end(found: Coming) -> Iterator[str]:
    """How many there are, how many more, and what is left out."""
    if found.firings or found.often:
        yield ""
    until = f" until {found.until:%a %Y-%m-%d %H:%MZ}" if found.until else ""
    count = len(found.firings) + sum(one.count for one in found.often)
    if not count:
        yield f"No schedule fires{until}."
    elif found.more:
        yield f"{counted(count, 'firing')}, and {found.more:,} more{until}; --count shows more."
    else:
        yield f"{counted(count, 'firing')}{until}."
    if found.paused:
        yield f"Paused in the file, and left out: {', '.join(sorted(found.paused, key=natural))}."
    if count:
        yield "A pause made in the account is not known here: `drift` shows it."


def load_lines(load: Load) -> Iterator[tuple[str, str]]:
    """Labels and values."""
    allowed = f" of {load.allowed:,} ({load.plan})" if load.allowed else ""
    yield "busiest day", f"{load.busiest:%a %Y-%m-%d}: {counted(load.messages, 'message')}{allowed}"
    yield "at worst", f"{load.worst:,}, where every try fails"
    yield "a day", f"{load.total / load.days:,.0f}, mean of {load.days} days"
    if load.peak:
        listed = sorted(load.of_peak, key=lambda one: (-one[1], natural(one[0])))
        names = ", ".join(f"{count:,} {name}" for name, count in listed)  # never on two lines
        more = f" and {load.more_of_peak:,} more" if load.more_of_peak else ""
        count = counted(load.at_peak, "message")
        yield "peak minute", f"{load.peak:%a %Y-%m-%d %H:%MZ}: {count}: {names}{more}"
    if load.uncounted:
        yield "not counted", f"endpoints of {', '.join(load.uncounted)}: not in the file"
