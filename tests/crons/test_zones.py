"""Zone data come from the tzdata package, with known changes."""

from datetime import UTC, datetime, timedelta

import pytest

from qstash_sync.crons import zones
from qstash_sync.crons.error import CronError

UNKNOWN = {
    "europe/berlin": "Europe/Berlin",
    "Europe/Berln": "Europe/Berlin",
    "New York": "America/New_York",
    "Tokyo": "Asia/Tokyo",
    "America/New_york": "America/New_York",
    "../etc/passwd": "a name such as Europe/Berlin",
}


@pytest.mark.parametrize(("name", "meant"), UNKNOWN.items(), ids=UNKNOWN)
def test_an_unknown_zone_names_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(CronError) as refusal:
        zones.zone(name)
    assert meant in str(refusal.value)


def test_every_zone_of_the_package_can_be_loaded() -> None:
    assert len(zones.names()) > 590
    assert all(zones.zone(name).key == name for name in zones.names())


def test_the_names_are_those_of_the_package_in_order() -> None:
    for cached in (zones.names, zones._known, zones.zone):
        cached.cache_clear()  # so that they are read here
    names = zones.names()
    assert list(names) == sorted(set(names))
    assert {"UTC", "Europe/Berlin", "Pacific/Chatham"} <= set(names)
    assert zones.zone("Pacific/Chatham").key == "Pacific/Chatham"
    with pytest.raises(CronError):
        zones.zone("Chatham")


def test_the_version_is_that_of_the_zone_data() -> None:
    version = zones.tzdata_version()
    assert version[:4].isdigit()
    assert version >= "2026"


def test_changes_are_found_to_the_minute() -> None:
    year = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert [
        (change.at, change.offset_before, change.offset_after)
        for change in zones.transitions("America/New_York", *year)
    ] == [
        (datetime(2027, 3, 14, 7, tzinfo=UTC), -300, -240),
        (datetime(2027, 11, 7, 6, tzinfo=UTC), -240, -300),
    ]
    assert zones.transitions("Australia/Lord_Howe", *year)
    assert not zones.transitions("Asia/Kolkata", *year)


def test_changes_are_those_after_the_start_until_the_end() -> None:
    at, day = datetime(2027, 3, 28, 1, tzinfo=UTC), timedelta(days=1)
    for start, end, count in ((at - day, at, 1), (at, at + day, 0), (at - day, at - day / 24, 0)):
        assert len(zones.transitions("Europe/Berlin", start, end)) == count


def test_offsets_are_whole_minutes_east_of_utc() -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    found = {name: zones.offset(name, at) for name in ("Asia/Kathmandu", "Pacific/Marquesas")}
    assert found == {"Asia/Kathmandu": 345, "Pacific/Marquesas": -570}
