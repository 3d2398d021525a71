"""What a schedule will do: its firings, the clock changes that come, the year after its parts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.firings import next_firings
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.resources import Timing
from qstash_sync.planning.outlook import Outlook, outlook
from tests.support import NOW

AT = Location(file="q.yaml", line=3, column=5, quoted="a: {cron: 0 9 * * *}")
GAP = datetime(2026, 3, 29, 1, tzinfo=UTC)  # Berlin: 02:00 -> 03:00
FOLD = datetime(2026, 10, 25, 1, tzinfo=UTC)
NEXT_GAP = datetime(2027, 3, 28, 1, tzinfo=UTC)


def timing(cron: str = "0 9 * * *", timezone: str = "Europe/Berlin", **more: Any) -> Timing:
    return Timing(job=Job(crons=(parse(cron),), timezone=timezone), **more)


def look(timing: Timing, now: datetime = NOW) -> Outlook:
    found = outlook(timing, now)
    assert isinstance(found, Outlook)
    return found


@pytest.mark.parametrize(
    ("now", "offsets", "changes"),
    [
        (GAP - timedelta(minutes=1), (60, 120), (GAP, FOLD)),  # a third one is a year away
        (GAP, (120, 60), (FOLD, NEXT_GAP)),
        (GAP + timedelta(days=2), (120, 60), (FOLD, NEXT_GAP)),
        (FOLD - timedelta(minutes=1), (120, 60), (FOLD, NEXT_GAP)),
    ],
    ids=["before a change", "at a change", "after one", "before the other"],
)
def test_the_offsets_of_a_year_and_the_next_two_changes(
    now: datetime, offsets: tuple[int, ...], changes: tuple[datetime, ...]
) -> None:
    found = look(timing(), now)
    assert found.offsets == offsets
    assert tuple(change.at for change in found.changes) == changes


def test_a_zone_without_changes_has_one_offset() -> None:
    found = look(timing(timezone="UTC"))
    assert (found.offsets, found.changes, found.after.none) == ((0,), (), True)


def test_the_next_five_firings_by_the_local_time() -> None:
    nine = datetime(2026, 11, 23, 8, tzinfo=UTC)
    days = [nine + timedelta(days=n) for n in range(6)]
    assert look(timing(), nine).firings == tuple(days[:5])
    assert look(timing(), nine + timedelta(seconds=1)).firings == tuple(days[1:])


def test_native_fires_as_the_model_of_the_parser_does() -> None:
    """02:30 is in the gap: the policy fires at 03:30, the parser not at all."""
    declared = timing("30 2 * * *", strategy=Strategy.NATIVE, accept=True)
    now = GAP - timedelta(days=2)
    found = look(declared, now)
    assert found.firings == next_firings(["CRON_TZ=Europe/Berlin 30 2 * * *"], now, 5)
    assert found.firings != next_firings(declared.job, now, 5)
    split = look(timing("30 2 * * *"), now)
    assert split.firings == next_firings(declared.job, now, 5)


def test_the_year_after_the_end_is_that_of_the_parts_as_they_are() -> None:
    found = look(timing())
    assert found.made.valid_until is not None
    assert found.after.first is not None
    assert found.after.first >= found.made.valid_until


def test_what_is_to_be_said_of_it_has_its_place() -> None:
    few = timing(max_parts=1)
    found = outlook(few, NOW, name="a", location=AT)
    assert isinstance(found, Outlook)
    (told,) = found.diagnostics
    assert (told.code, told.path, told.location) == ("max_parts", ("schedules", "a"), AT)
    assert look(timing(max_parts=len(found.made.parts))).diagnostics == ()
    gap = outlook(timing("30 2 * * *", max_parts=1), NOW, name="a", location=AT)
    assert isinstance(gap, Outlook)
    first, *_, last = gap.diagnostics
    assert (first.severity, first.location) == ("warning", AT)
    assert last.code == "max_parts"


@pytest.mark.parametrize(("name", "path"), [("a", ("schedules", "a", "cron")), (None, ())])
def test_a_time_without_a_proof_is_an_error_at_its_cron(
    name: str | None, path: tuple[str, ...]
) -> None:
    found = outlook(timing("30 2 * * *", strategy=Strategy.NATIVE), NOW, name=name, location=AT)
    assert isinstance(found, Diagnostic)
    assert (found.code, found.path, found.location) == ("cron", path, AT)
    assert "QStash" in found.message


def test_how_much_is_accepted_and_when_it_is_renewed_are_its_own() -> None:
    one, other = (look(timing(renew_before=timedelta(days=n))) for n in (10, 60))
    assert one.made.renew_at is not None
    assert other.made.renew_at is not None
    assert one.made.renew_at - other.made.renew_at == timedelta(days=50)
