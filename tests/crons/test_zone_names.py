"""What people write for a time zone gets the zones that they mean, or none."""

from datetime import UTC, datetime

import pytest

from qstash_sync.crons import grammar, zone_names, zones
from qstash_sync.crons.error import CronError

SIGN = "in Etc/ the sign is reversed"
CASES = [
    ("GMT+3", "Etc/GMT-3 for UTC+3", SIGN),
    ("UTC+3", "Etc/GMT-3 for UTC+3", SIGN),
    ("utc-5", "Etc/GMT+5 for UTC-5", SIGN),
    ("GMT-05:00", "Etc/GMT+5 for UTC-5", SIGN),
    ("+3", "Etc/GMT-3", SIGN),
    ("+05:30", "such as Asia/Kolkata", "an offset says nothing of clock changes"),
    ("UTC+0545", "such as Asia/Kathmandu", ""),
    ("+00:00", "or UTC", ""),
    ("IST", "did you mean Asia/Kolkata or Europe/Dublin or Asia/Jerusalem?", ""),
    ("aest", "did you mean Australia/Sydney or ", ""),
    ("EST5", "did you mean America/New_York or America/Panama?", ""),
    ("Pacific Time", "did you mean America/Los_Angeles?", ""),
    ("W. Europe Standard Time", "did you mean Europe/Berlin?", ""),
    ("Indian Standard Time", "did you mean Asia/Kolkata?", ""),
    ("US Eastern", "did you mean America/New_York?", ""),
    ("new york", "did you mean America/New_York?", ""),
    ("Europe/Berln", "did you mean Europe/Berlin?", ""),
    ("oslo", "did you mean Europe/Oslo?", ""),
    ("America/Berlin", "did you mean Europe/Berlin?", ""),
    ("Europe/New_York", "did you mean America/New_York?", ""),
    ("Europe/Tokyo", "did you mean Asia/Tokyo?", ""),
    ("Europe/Sydney", "did you mean Australia/Sydney?", ""),
    ("europe/new york", "did you mean America/New_York?", ""),
    ("Europe/Buenos_Aires", "Buenos_Aires", ""),
    ("Europe/Germany/Berlin", "did you mean Europe/Berlin?", ""),
    ("US/EST", "did you mean America/New_York or America/Panama?", ""),
]
NONE = [
    "UTC+15",
    "-03:30",
    "Mars",
    "",
    "America",
    "Etc/GMT+20",
    "San Francisco",
    "E" * 100_000,
    "Mars/Base",
    "Europe/",
    "/",
    "Europe/San Francisco",
    "Asia/Berln",
]


def said(name: str) -> str:
    with pytest.raises(CronError) as caught:
        zones.zone(name)
    return str(caught.value)


@pytest.mark.parametrize(("name", "meant", "why"), CASES)
def test_a_name_that_is_no_zone_gets_the_zones_that_are_meant(
    name: str, meant: str, why: str
) -> None:
    assert meant in said(name)
    assert why in said(name)


@pytest.mark.parametrize("name", NONE, ids=lambda name: name[:20])
def test_no_zone_is_proposed_where_none_can_be_meant(name: str) -> None:
    assert "did you mean" not in said(name)
    assert "Etc/" not in said(name).replace(repr(name), "")


def test_every_zone_that_is_proposed_has_the_abbreviation_or_the_offset() -> None:
    """A proposal that is wrong is worse than none: it moves every firing."""
    days = [datetime(2026, month, 15, tzinfo=UTC) for month in (1, 7)]
    for abbreviation, proposed in zone_names._ABBREVIATIONS.items():
        for name in proposed.split():
            found = {day.astimezone(zones.zone(name)).tzname() for day in days}
            assert abbreviation in found, (abbreviation, name)
    for minutes, name in zone_names._ODD_OFFSETS.items():
        assert {zones.offset(name, day) for day in days} == {minutes}, name
    for minutes in range(-12 * 60, 14 * 60 + 1, 60):
        sign = "+" if minutes >= 0 else "-"
        if minutes:
            zone = said(f"UTC{sign}{abs(minutes) // 60}").partition(", or ")[2].split()[0]
            assert {zones.offset(zone, day) for day in days} == {minutes}, zone
    assert set(zone_names._SPOKEN) <= set(zones.names())


@pytest.mark.parametrize("prefix", ["CRON_TZ=", "TZ="])
def test_a_zone_in_the_cron_is_the_one_that_is_proposed(prefix: str) -> None:
    with pytest.raises(CronError, match=r"write timezone: Europe/Oslo, cron: '0 9 \* \* \*'"):
        grammar.parse(f"{prefix}Europe/Oslo 0 9 * * *")
    with pytest.raises(CronError, match=r"did you mean Europe/Oslo\?"):
        grammar.parse(f"{prefix}Europe/Osloo 0 9 * * *")


@pytest.mark.parametrize("digits", [10, 5_000, 100_000])
def test_a_number_of_any_length_in_a_cron_is_a_clear_error(digits: int) -> None:
    for cron in (
        f"{'9' * digits} 9 * * *",
        f"*/{'9' * digits} 9 * * *",
        f"0-{'1' * digits} 9 * * *",
    ):
        with pytest.raises(CronError, match=f"{digits:,} digits"):
            grammar.parse(cron)


FIXED = [
    ("Etc/GMT+2", "UTC-2"),
    ("Etc/GMT-14", "UTC+14"),
    ("Etc/GMT0", "UTC"),
    ("Etc/GMT-0", "UTC"),
    ("GMT+0", "UTC"),
    ("GMT0", "UTC"),
    ("Etc/UTC", None),
    ("GMT", None),
    ("EST5EDT", None),
    ("Europe/Berlin", None),
]


@pytest.mark.parametrize(("name", "said"), FIXED)
def test_an_offset_of_etc_is_what_its_clock_shows(name: str, said: str | None) -> None:
    """In its name the sign is reversed, and everybody reads it the other way round."""
    assert zone_names.fixed(name) == said
    if said:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        assert zones.offset(name, at) == 60 * int(said.removeprefix("UTC") or 0)
