"""Cron as robfig/cron v3.0.1 reads it (its error texts, measured) and fires it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.local import cron
from tests.local.api import Api

MINUTE = 60


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // MINUTE


def fired(text: str, start: str, end: str) -> list[str]:
    minutes = cron.firings(cron.parse(text), at(start), at(end))
    return [datetime.fromtimestamp(m * MINUTE, UTC).strftime("%m-%dT%H:%M") for m in minutes]


REJECTED = [
    ("", "empty spec string"),
    (" ", "expected exactly 5 fields, found 0: []"),
    ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
    ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
    ("0 9 * * 7", "end of range (7) above maximum (6): 7"),
    ("60 * * * *", "end of range (60) above maximum (59): 60"),
    ("* 24 * * *", "end of range (24) above maximum (23): 24"),
    ("* * 32 * *", "end of range (32) above maximum (31): 32"),
    ("* * * 13 *", "end of range (13) above maximum (12): 13"),
    ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
    ("0 22-2 * * *", "beginning of range (22) beyond end of range (2): 22-2"),
    ("*/0 * * * *", "step of range should be a positive number: */0"),
    ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
    ("1/2/3 * * * *", "too many slashes: 1/2/3"),
    ("0 0 L * *", 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'),
    ("0 0 * * 1#2", 'failed to parse int from 1#2: strconv.Atoi: parsing "1#2": invalid syntax'),
    ("0 0 * * MONDAY", 'failed to parse int from MONDAY: strconv.Atoi: parsing "MONDAY": invalid '),
    ("-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
    ("@foo", "unrecognized descriptor: @foo"),
    (
        "CRON_TZ=Nope/Zone 0 9 * * *",
        "provided bad location Nope/Zone: unknown time zone Nope/Zone",
    ),
    ("CRON_TZ=europe/berlin 0 9 * * *", "provided bad location europe/berlin: unknown time zone "),
    ("cron_tz=UTC 0 9 * * *", "expected exactly 5 fields, found 6: [cron_tz=UTC 0 9 * * *]"),
    (" CRON_TZ=UTC 0 9 * * *", "expected exactly 5 fields, found 6: [CRON_TZ=UTC 0 9 * * *]"),
    ("CRON_TZ=Europe/Berlin\t0 9 * * *", "provided bad location Europe/Berlin\t0: unknown time"),
    ("CRON_TZ=../x 0 9 * * *", "provided bad location ../x: unknown time zone ../x"),
]


@pytest.mark.parametrize(("text", "message"), REJECTED, ids=[repr(t) for t, _ in REJECTED])
def test_a_bad_cron_is_refused_in_the_parsers_words(text: str, message: str) -> None:
    with pytest.raises(cron.CronError) as raised:
        cron.parse(text)
    assert str(raised.value).startswith(message)


def test_the_api_puts_its_own_words_before_the_parsers(api: Api) -> None:
    response = api.create(cron="60 * * * *")
    assert response.status_code == 400
    assert response.json() == {
        "error": "Invalid cron expression end of range (60) above maximum (59): 60"
    }


SAME = [
    ("0  9\t* * *", "0 9 * * *"),
    ("0 9 * * MON-FRI", "0 9 * * 1-5"),
    ("0 9 * JAN,feb *", "0 9 * 1,2 *"),
    ("0 9 ? * ?", "0 9 * * *"),
    ("5/15 * * * *", "5,20,35,50 * * * *"),
    ("*/90 * * * *", "0 * * * *"),
    ("00 09 * * *", "0 9 * * *"),
    ("1,,2 +3 * * *", "1,2 3 * * *"),
    ("*-5 9 * * *", "* 9 * * *"),
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@yearly", "0 0 1 1 *"),
    ("TZ=UTC 0 9 * * *", "0 9 * * *"),
    ("CRON_TZ= 0 9 * * *", "0 9 * * *"),
    ("CRON_TZ=Local   @daily", "0 0 * * *"),
    ("0 0 1-31 * 5", "0 0 * * *"),  # a full range is no star: either day matches
    ("0 0 */1 * 5", "0 0 * * 5"),  # a step of 1 is one
]


@pytest.mark.parametrize(("text", "same"), SAME, ids=[t for t, _ in SAME])
def test_what_the_parser_accepts_fires_as_its_plain_form(text: str, same: str) -> None:
    year = ("2027-01-01", "2028-01-01")
    assert fired(text, *year) == fired(same, *year)


def test_two_restricted_days_mean_either_and_a_step_takes_the_star_away() -> None:
    found = fired("0 0 */2 * 5", "2027-01-01", "2027-01-12")  # odd days or Fridays
    assert [int(day[3:5]) for day in found] == [1, 3, 5, 7, 8, 9, 11]
    assert fired("0 0 13 * 5", "2027-08-01", "2027-08-15") == ["08-06T00:00", "08-13T00:00"]


@pytest.mark.parametrize("text", ["0 0 30 2 *", ", * * * *"])
def test_a_cron_that_never_fires_parses_and_has_no_next_time(api: Api, text: str) -> None:
    assert "nextScheduleTime" not in api.created(cron=text)


# Measured with the real engine; see the transitions beside each.
CLOCK_CHANGES = [
    ("America/New_York 30 2 * * *", "2026-03-07", ["03-07T07:30", "03-09T06:30"]),  # 02-03 is lost
    ("America/New_York 0 3 * * *", "2026-03-08", ["03-08T07:00", "03-09T07:00"]),
    ("America/New_York 30 1 * * *", "2026-11-01", ["11-01T05:30", "11-01T06:30", "11-02T06:30"]),
    ("America/New_York 0 1,2 * * *", "2026-11-01", ["11-01T05:00", "11-01T06:00", "11-01T07:00"]),
    ("America/New_York 0 */2 * * *", "2026-03-08T05:00", ["03-08T05:00", "03-08T08:00"]),
    ("Europe/Berlin 30 2 * * *", "2026-03-28", ["03-28T01:30", "03-30T00:30"]),
    ("Europe/Berlin 30 2 * * *", "2026-10-25", ["10-25T00:30", "10-25T01:30", "10-26T01:30"]),
    ("Australia/Lord_Howe 15 2 * * *", "2026-10-02", ["10-02T15:45", "10-04T15:15"]),  # by 30 min
    ("Australia/Lord_Howe 45 1 * * *", "2026-04-04", ["04-04T14:45", "04-04T15:15"]),
    ("Africa/Cairo 0 0 * * *", "2026-04-22T12:00", ["04-22T22:00", "04-24T21:00"]),  # at midnight
    ("Asia/Kathmandu 0 0 * * 1", "2027-01-01", ["01-03T18:15", "01-10T18:15"]),  # +05:45
]


@pytest.mark.parametrize(("text", "start", "expected"), CLOCK_CHANGES, ids=str)
def test_a_gap_is_skipped_and_a_fold_fires_twice(
    text: str, start: str, expected: list[str]
) -> None:
    end = (datetime.fromisoformat(start) + timedelta(days=30)).isoformat()
    assert fired(f"CRON_TZ={text}", start, end)[: len(expected)] == expected


FIELD = st.one_of(
    st.just("*"),
    st.integers(1, 12).map(lambda n: f"*/{n}"),
    st.lists(st.integers(1, 6), min_size=1, max_size=3).map(lambda ns: ",".join(map(str, ns))),
)
ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Chatham")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    fields=st.tuples(FIELD, FIELD, FIELD, FIELD, FIELD),
    zone=st.sampled_from(ZONES),
    start=st.integers(at("2026-01-01"), at("2028-01-01")),
)
def test_the_firings_are_those_of_a_walk_over_every_minute(
    fields: tuple[str, ...], zone: str, start: int
) -> None:
    """Each UTC minute whose wall-clock time matches the fields fires, and no other."""
    spec = cron.parse(f"CRON_TZ={zone} {' '.join(fields)}")
    end = start + 4 * 1440
    expected = []
    for minute in range(start, end):
        wall = datetime.fromtimestamp(minute * MINUTE, UTC).astimezone(ZoneInfo(zone))
        if spec.fires_on(wall.toordinal()) and wall.hour * 60 + wall.minute in spec.times:
            expected.append(minute)
    assert list(cron.firings(spec, start, end)) == expected


def test_every_counts_from_the_creation(api: Api) -> None:
    found = api.created(cron="@every 1h30m")
    assert found["nextScheduleTime"] - found["createdAt"] == 90 * MINUTE * 1000


def test_years_of_firings_are_quick_to_list_and_leave_out_the_paused(api: Api) -> None:
    """(minute, id) for each, in order; a minute that two schedules share is there twice."""
    api.create(schedule_id="b", cron="0 0 * * *")
    api.create(schedule_id="a", cron="CRON_TZ=Europe/London 0 0 * * *")
    api.create(schedule_id="paused", cron="* * * * *")
    api.server.console.pause("paused")
    start = api.clock.now
    ten_years = api.server.firings(start, start + 3653 * 86_400)
    assert len(ten_years) == 2 * 3653
    midnight = ten_years[0][0]
    assert ten_years[:2] == [(midnight, "a"), (midnight, "b")]
    assert api.server.firings(midnight * 60.0, midnight * 60.0 + 1) == ten_years[:2]
    assert api.server.firings(midnight * 60.0 + 1, midnight * 60.0 + 60) == []
