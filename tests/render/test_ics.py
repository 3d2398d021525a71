"""The calendar, read back by another library than the one that writes it."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import vobject
from hypothesis import given, settings, strategies as st
from icalendar import Calendar

from qstash_sync.crons import zones
from qstash_sync.crons.gap_and_fold import Fold, Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model.resources import Message, Schedule, Timing
from qstash_sync.render import ics
from qstash_sync.timeline.coming import Coming, coming
from tests.crons.crons import a_cron
from tests.timeline.test_coming import ZONES

SEED = 20261126
NOW = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)


def found(*jobs: Job, notes: tuple[tuple[str, str], ...] = (), now: datetime = NOW) -> Coming:
    schedules = [
        Schedule(
            name=f"s{number}",
            id=f"billing.s{number}",
            timing=Timing(job=job),
            message=Message(destination="https://app.example.com/x"),
            notes=notes,
        )
        for number, job in enumerate(jobs)
    ]
    return coming(schedules, now, hours=8_784, count=400)


def read(text: str) -> Any:
    assert text.count("\n") == text.count("\r\n")
    return vobject.readOne(text + "\n")


@pytest.mark.parametrize("timezone", ["UTC", *ZONES[:25], "America/Nuuk", "Africa/Casablanca"])
def test_another_library_reads_the_same_instants(timezone: str) -> None:
    rng = random.Random(f"{SEED} {timezone}")
    jobs = [Job((parse(a_cron(rng)),), timezone, fold=Fold.BOTH) for _ in range(3)]
    coming_firings = found(*jobs)
    text = str(ics.calendar(coming_firings, "QStash", NOW))
    events = read(text).vevent_list
    read_back = sorted((e.dtstart.value.astimezone(UTC), e.summary.value) for e in events)
    assert read_back == [(one.at, one.schedule.name) for one in coming_firings.firings], (
        f"seed {SEED}"
    )
    assert len({event.uid.value for event in events}) == len(events)
    if any(one.local.utcoffset() for one in coming_firings.firings):
        assert text.count("DTSTART;TZID=") >= len(events) - 4  # the second of two is in UTC


DAILY = parse("0 9 * * *")


@pytest.mark.parametrize("timezone", [*ZONES[:25], "Africa/Casablanca", "Australia/Lord_Howe"])
def test_a_zone_changes_at_the_local_time_that_it_was_until_then(timezone: str) -> None:
    """RFC 5545, 3.6.5: DTSTART and RDATE of an observance are local times by TZOFFSETFROM."""
    firings = found(Job((DAILY,), timezone))
    text = str(ics.calendar(firings, "QStash", NOW))
    (zone,) = Calendar.from_ical(text).walk("VTIMEZONE")
    rules: list[Any] = zone.walk()[1:]
    onsets = {
        (local - rule.TZOFFSETFROM, rule.TZOFFSETFROM, rule.TZOFFSETTO)
        for rule in rules
        if rule.TZOFFSETFROM != rule.TZOFFSETTO
        for local in (rule.DTSTART, *(at for at, *_ in rule.rdates))
    }
    around = (NOW - timedelta(days=365), firings.firings[-1].at + timedelta(days=365))
    changes = {
        (
            one.at.replace(tzinfo=None),
            *(timedelta(minutes=m) for m in (one.offset_before, one.offset_after)),
        )
        for one in zones.transitions(timezone, *around)
    }
    assert changes <= onsets


def test_the_clocks_of_berlin_go_forward_at_two() -> None:
    text = str(ics.calendar(found(Job((DAILY,), "Europe/Berlin")), "QStash", NOW))
    daylight = text.partition("BEGIN:DAYLIGHT\r\n")[2].partition("END:DAYLIGHT")[0].split("\r\n")
    assert daylight[0] == "DTSTART:20260329T020000"
    assert daylight[1].startswith("RDATE:20270328T020000")


def test_a_subscription_keeps_what_it_knows_of_an_event() -> None:
    daily = Job((parse("0 9 * * *"),), "Europe/Berlin")
    first, later = (
        read(str(ics.calendar(found(daily, now=now), "QStash", now))).vevent_list
        for now in (NOW, NOW + timedelta(days=1))
    )
    assert {event.uid.value for event in later} & {event.uid.value for event in first}


def test_a_calendar_without_a_firing_still_has_a_component() -> None:
    """RFC 5545, 3.6: a calendar has one at least; some programs refuse one that has none."""
    made = read(str(ics.calendar(found(), "QStash", NOW)))
    assert [child.name for child in made.getChildren() if child.name.startswith("V")] == [
        "VERSION", "VTIMEZONE",
    ]  # fmt: skip


def test_an_error_is_an_event_that_a_subscriber_sees() -> None:
    made = read(str(ics.failed(("a.yaml:1:1: no\r\nEND:VEVENT", "b\x1b"), NOW)))
    (event,) = made.vevent_list
    assert event.summary.value == "qstash-sync next has failed"
    assert "a.yaml:1:1: no" in event.description.value
    assert "\x1b" not in event.description.value
    assert event.dtstart.value == NOW


HOSTILE = st.text(
    st.sampled_from('ab\r\n;,:\\"\x1b\u202e\x00\x85\u2028é😀: #') | st.characters(codec="utf-8"),
    max_size=200,
)


@given(HOSTILE, HOSTILE)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_the_file_says_is_text_and_nothing_else(note: str, name: str) -> None:
    daily = Job((parse("0 9 1 * *"),), "UTC")
    text = str(ics.calendar(found(daily, notes=(("owner", note),)), name, NOW))
    assert text.isascii() or all(c.isprintable() or c in "\r\n" for c in text)
    assert "\x1b" not in text
    assert not [line for line in text.split("\r\n") if line.lstrip().startswith("::")]
    made = read(text)
    assert len(made.vevent_list) == 12
    assert {child.name for child in made.vevent_list[0].getChildren()} == {
        "UID", "DTSTAMP", "DTSTART", "SUMMARY", "TRANSP", "DESCRIPTION",
    }  # fmt: skip
