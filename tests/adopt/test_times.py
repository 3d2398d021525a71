"""The time of a live schedule, as the file says it: it fires at the same minutes."""

import random
from typing import Any

import pytest

from qstash_sync.adopt.times import Time, of_stranger
from qstash_sync.planning import quota
from qstash_sync.reconcile import times
from tests.adopt.accounts import Grown
from tests.support import NOW, World, config, ids

UTC = "UTC"
SAID: list[tuple[str, str, str, dict[str, Any]]] = [
    ("0 9 * * 1-5", "0 9 * * 1-5", UTC, {}),
    ("0  9 * *   MON-FRI", "0 9 * * MON-FRI", UTC, {}),
    ("@daily", "@daily", UTC, {}),
    ("0 9 ? * 2", "0 9 ? * 2", UTC, {}),
    ("0 9 1,15 * 1", "0 9 1,15 * 1", UTC, {}),
    ("CRON_TZ=UTC 0 9 * * *", "0 9 * * *", UTC, {}),
    # QStash's parser reads a step in a day field as a restriction, cron as none.
    ("0 9 1 * */2", "0 9 1 * 0,2,4,6", UTC, {}),
    ("0 9 1-31 * 1", "0 9 1-31 * 1", UTC, {}),
    ("CRON_TZ=Asia/Tokyo 0 9 * * *", "0 9 * * *", "Asia/Tokyo", {"strategy": "native"}),
    ("TZ=Asia/Tokyo 0 9 * * *", "0 9 * * *", "Asia/Tokyo", {"strategy": "native"}),
    ("CRON_TZ=Europe/Berlin 0 9 * * *", "0 9 * * *", "Europe/Berlin", {"strategy": "native"}),
    # Its clock change takes this one away, or doubles it: QStash skips, and fires both times.
    ("CRON_TZ=Europe/Berlin 30 2 * * *", "30 2 * * *", "Europe/Berlin", {"strategy": "native", "gap": "skip", "fold": "both"}),
    # Where midnight does not exist, QStash loses the whole day: no policy says that.
    ("CRON_TZ=Africa/Cairo 0 9 * * 5", "0 9 * * 5", "Africa/Cairo", {"strategy": "native", "accept": True}),
]  # fmt: skip
REASONS = [
    ("@every 1h", "unrecognized descriptor"),
    ("0 0 30 2 *", "never fires"),
    ("CRON_TZ=Mars/Base 0 9 * * *", "Mars/Base"),
    ("CRON_TZ=Europe/Berlin 0 9 1-31 * 1", "no cron of the file means the same"),
    ("0 9 * * *  0", "fields"),
    ("", "fields"),
]


@pytest.mark.parametrize(("live", "cron", "timezone", "dst"), SAID, ids=ids(SAID))
def test_a_stored_cron_is_said_in_its_own_zone(
    live: str, cron: str, timezone: str, dst: dict[str, Any]
) -> None:
    found = of_stranger(live, NOW)
    assert isinstance(found, Time), found
    assert (found.crons, found.job.timezone, found.dst) == (cron, timezone, dst)


@pytest.mark.parametrize(("live", "why"), REASONS, ids=ids(REASONS))
def test_what_no_file_can_say_is_a_reason(live: str, why: str) -> None:
    found = of_stranger(live, NOW)
    assert isinstance(found, str)
    assert why in found


MANY = """
version: 1
namespace: billing
defaults: {timezone: Europe/Berlin, destination: https://e.example.com/x, dst: {max_parts: 50}}
schedules:
"""
FIVE = '["0 1 * * *", "7 2 * * *", "11 3 * * 1", "13 4 1 * *", "17 5 * * *"]'
FOUR = '["0 1 * * *", "7 2 * * *", "11 3 * * 1", "13 4 1 * *"]'
PARTS = [
    ("more in another season", FIVE, {}),
    ("none too many now", FOUR, {}),
    ("as follow", FIVE, {"strategy": "follow"}),
    ("as auto", FIVE, {"strategy": "auto"}),
    ("native", '["0 1 * * *"]', {"strategy": "native"}),
    ("few", '["0 9 * * 1-5"]', {}),
]


@pytest.mark.parametrize(("_id", "crons", "dst"), PARTS, ids=[case[0] for case in PARTS])
@pytest.mark.parametrize("is_edited", [False, True])
def test_a_file_allows_the_parts_of_the_coming_year(
    world: World, _id: str, crons: str, dst: dict[str, str], *, is_edited: bool
) -> None:
    """Those that are live now may be fewer; what validate asks for stands in the file."""
    told = f"dst: {{max_parts: 50, strategy: {dst.get('strategy', 'split')}}}"
    world.apply(f"{MANY}  many: {{cron: {crons}, {told}}}\n")
    if is_edited:
        first = min(item["scheduleId"] for item in world.account.store.all("schedule"))
        world.edit(first, cron="3 3 * * *")
    found = Grown(world, random.Random(1)).read()
    desired = config(found.document.text).desired
    (schedule,) = desired.schedules or ()
    assert quota.too_many_parts(schedule, world.now) == ()
    ahead = max(count for _, count in times.parts_ahead(schedule, world.now))
    assert ("max_parts" in found.document.text) is (ahead > 8)
