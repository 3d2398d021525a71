"""Coming firings as a calendar: RFC 5545, in the schedules' own time zones, to subscribe to.

A time that comes twice is written in UTC where it is the second: RFC 5545 takes a local time for
the first of two.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard

from qstash_sync.crons import zones
from qstash_sync.record import record
from qstash_sync.render import safe
from qstash_sync.render.coming import remarks
from qstash_sync.render.safe import Page
from qstash_sync.timeline.coming import Coming, Firing

_AROUND = timedelta(days=366)  # of the clock changes that a calendar program is told
_AGAIN = timedelta(hours=6)


def calendar(found: Coming, name: str, now: datetime) -> Page:
    """An event for each firing; name: of the calendar."""
    made = _headed(name)
    end = found.firings[-1].at if found.firings else found.start
    zone_names = {one.timezone for one in found.firings} - {"UTC"}
    # RFC 5545, 3.6: a calendar has one component at least. UTC needs no definition.
    for timezone in sorted(zone_names) if found.firings else ("UTC",):
        made.add_component(_zone(timezone, found.start - _AROUND, end + _AROUND))
    for one in found.firings:
        made.add_component(_event(one, _stamp(now)))
    return safe.calendar(made.to_ical().decode())


def failed(errors: Sequence[str], now: datetime) -> Page:
    """Why there are no firings, as an event of this moment.

    Whoever has subscribed sees nothing but events; without this one the firings would be gone, and
    nothing would say why.
    """
    made, event = _headed("QStash"), Event()
    event.add("uid", "failed@qstash-sync")
    event.add("dtstamp", _stamp(now))
    event.add("dtstart", _stamp(now))
    event.add("summary", "qstash-sync next has failed")
    event.add("transp", "TRANSPARENT")
    event.add("description", "\n".join(map(safe.calendar_text, errors)))
    made.add_component(event)
    return safe.calendar(made.to_ical().decode())


def _headed(name: str) -> Calendar:
    made = Calendar()
    made.add("prodid", "-//qstash-sync//next//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    for key in ("name", "x-wr-calname"):
        made.add(key, safe.calendar_text(name))
    made.add("refresh-interval", _AGAIN, parameters={"VALUE": "DURATION"})
    return made


def _stamp(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(microsecond=0)


def _zone(timezone: str, start: datetime, end: datetime) -> Timezone:
    """The clock changes of a zone between two instants, and what it has before the first of them.

    RFC 5545, 3.6.5: each is written in the local time that it was until then, by TZOFFSETFROM.
    """
    at_first = zones.offset(timezone, start)
    onsets: dict[_Rule, list[datetime]] = {_rule(timezone, start, at_first, at_first): [start]}
    for change in zones.transitions(timezone, start, end):
        rule = _rule(timezone, change.at, change.offset_before, change.offset_after)
        onsets.setdefault(rule, []).append(change.at)

    made = Timezone()
    made.add("tzid", timezone)
    for rule, times in onsets.items():
        observance = (TimezoneDaylight if rule.is_summer else TimezoneStandard)()
        first, *more = (at.replace(tzinfo=None) + rule.before for at in times)
        observance.add("dtstart", first)
        if more:
            observance.add("rdate", more)
        observance.add("tzname", rule.name)
        observance.add("tzoffsetfrom", rule.before)
        observance.add("tzoffsetto", rule.after)
        made.add_component(observance)
    return made


@record()
class _Rule:
    """One way in which the clocks of a zone change."""

    before: timedelta
    after: timedelta
    name: str
    is_summer: bool


def _rule(timezone: str, at: datetime, before: int, after: int) -> _Rule:
    """The rule of a change at an instant; offsets in minutes east of UTC."""
    local = at.astimezone(zones.zone(timezone))
    offsets = (timedelta(minutes=before), timedelta(minutes=after))
    return _Rule(*offsets, local.tzname() or timezone, bool(local.dst()))


def _event(one: Firing, stamp: datetime) -> Event:
    event = Event()
    event.add("uid", f"{one.at:%Y%m%dT%H%MZ}.{one.schedule.id}@qstash-sync")
    event.add("dtstamp", stamp)
    local = one.local
    is_second = local.fold == 1
    event.add("dtstart", one.at if is_second or one.timezone == "UTC" else local)
    event.add("summary", safe.calendar_text(one.schedule.name))
    event.add("transp", "TRANSPARENT")
    event.add("description", "\n".join(map(safe.calendar_text, _described(one))))
    return event


def _described(one: Firing) -> Iterator[str]:
    job = one.schedule.timing.job
    yield f"{', '.join(cron.text for cron in job.crons)} in {job.timezone}"
    yield from remarks(one)
    for key, text in one.schedule.notes:
        yield f"{key}: {text}"
