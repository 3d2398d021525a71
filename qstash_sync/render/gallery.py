"""The pictures of a page, each with its words: values for a template."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from qstash_sync.crons import zones
from qstash_sync.model.durations import duration
from qstash_sync.render import coming as comings, picture
from qstash_sync.timeline import clock_days as clocks, week as weeks
from qstash_sync.timeline.clock_days import ClockDay, MetJob
from qstash_sync.timeline.coming import ClockChange
from qstash_sync.timeline.rules import Rule
from qstash_sync.timeline.week import Fate, Lane, Week

_MOST_LINES = 80  # of a picture
_NAMED = 5  # schedules of one job, and of its times that a clock change meets
_MONDAY_FIRST = "MTWTFSS"


def pictures(
    week: Week,
    now: datetime,
    before: str,
    after: str,
    fates: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, Any]:
    """When what fires, and the days of the coming clock changes; before: none beside it.

    fates: what a page that is no plan calls a difference, by the schedule: words and style.
    """
    days = clocks.clock_days(week.jobs, now)
    lines, lanes = 0, []
    for lane in week.lanes:
        lines += len(lane.lines)
        if lines > _MOST_LINES:
            break
        lanes.append(_lane(lane, week.first, fates or {}))
    last = week.first + timedelta(days=weeks.DAYS - 1)
    return {
        "week": {
            "first": f"{week.first:%a %Y-%m-%d}",
            "last": f"{last:%a %Y-%m-%d}",
            "lanes": lanes,
            "more": week.rest + len(week.lanes) - len(lanes),
            "changes": week.changes,
            "before": before,
            "after": after,
            "axis": picture.axis(),
        },
        "clock": {
            "days": [*map(_clock_day, days.days)],
            "more": days.rest,
            "of_more": _of_more(days.rest_that_meet),
        },
    }


def _of_more(meet: int) -> str:
    """What is to be known of clock changes that are counted alone."""
    fate = f"{meet:,} of them meet a time of a schedule" if meet else "they meet no firing"
    return f"clock changes are not drawn; {fate}."


def _lane(lane: Lane, first: date, fates: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    fate, style = "", ""
    if lane.fate is not Fate.SAME:
        fate, style = fates.get(lane.name, (str(lane.fate), str(lane.fate)))
    return {
        "name": lane.name,
        "zone": lane.timezone,
        "fate": fate,
        "style": style,
        "paused": lane.paused,
        "is_readable": lane.is_readable,
        "lines": [
            {
                "days": picture.days(line, lane, first),
                "week": [*_weekdays(line.days)]
                if lane.is_weekly and not weeks.is_beyond(line.days, first)
                else [],
                "times": picture.change(line, lane.fate),
                "svg": picture.line(line, lane, first),
            }
            for line in lane.lines
        ],
    }


def _weekdays(days: Sequence[date]) -> Iterator[tuple[str, bool]]:
    numbers = {day.weekday() for day in days}
    yield from ((letter, number in numbers) for number, letter in enumerate(_MONDAY_FIRST))


def _clock_day(day: ClockDay) -> dict[str, Any]:
    size = duration(abs(day.by) * 60)
    return {
        "title": f"{day.day:%a %Y-%m-%d}",
        "words": comings.change_words(ClockChange(timezone=day.timezone, change=day.change)),
        "axis": picture.clock_axis(day),
        "all": picture.clock_all(day),
        "fires": bool(day.firings),
        "jobs": [_met_job(day, job) for job in day.jobs],
        "more": day.more,
        "others": day.others,
        "shift": f"{size} {'earlier' if day.by > 0 else 'later'}",
    }


def _met_job(day: ClockDay, job: MetJob) -> dict[str, Any]:
    names = ", ".join(job.names[:_NAMED])
    names += f" and {len(job.names) - _NAMED:,} more" * (len(job.names) > _NAMED)
    told = [_met(met.rule, day.timezone) for met in job.met[:_NAMED]]
    more = len(job.met) - len(told) + job.more
    words = f"{names}: {'; '.join(told)}"
    return {
        "names": names,
        "told": told,
        "more": more,
        "svg": picture.clock_job(day, job, words),
    }


def _met(rule: Rule, timezone: str) -> str:
    """What becomes of a local time; of one that comes twice, the rule says it."""
    words = comings.rule_words(rule)
    if not rule.is_gap or rule.at is None:
        return words
    local = rule.at.astimezone(zones.zone(timezone))
    return f"{words}: fires at {local:%H:%M} ({rule.at:%H:%MZ})"
