"""Which live id is which part of which schedule: the table at the head of `live_parts.py`, by hand."""

from dataclasses import replace

import pytest

from qstash_sync.model.resources import LiveSchedule, Message
from qstash_sync.reconcile import mark as marks
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.mark import Mark
from tests.support import HEAD, config

ENTRY = "cron: 0 9 * * *, destination: 'https://e.com/x'"
FILE = (
    HEAD
    + "namespace_was: former\n"
    + f"schedules: {{x: {{{ENTRY}}}, y: {{{ENTRY}, id: scd_123}}, z: {{{ENTRY}, id: billing.z.2}}}}\n"
)
DESIRED = config(FILE).desired
OURS = Mark(
    scope=marks.scope("billing", None), part=1, parts=2,
    readable="a" * 12, definition="b" * 12, secrets="0" * 12,
)  # fmt: skip
OTHER = OURS._replace(scope=marks.scope("billing", "test"))
FORMER = OURS._replace(scope=marks.scope("former", None))


def bound(part_id: str, *, part: int = 1, mark: Mark = OURS) -> Mark:
    """A mark that belongs to an id outside the namespace."""
    return mark._replace(part=part, bound=marks.bound_to(part_id))


def live(part_id: str, mark: Mark | None, *labels: str) -> LiveSchedule:
    message = Message(
        destination="https://e.com/x", labels=(*([str(mark)] if mark else []), *labels)
    )
    return LiveSchedule(id=part_id, cron="0 9 * * *", message=message)


def index(*found: LiveSchedule) -> LiveParts:
    return LiveParts(DESIRED, found)


ROWS: list[tuple[str, str, Mark | None, tuple[str, int], bool]] = [
    ("ours", "billing.x", OURS, ("billing.x", 1), True),
    ("the application's own", "billing.x", None, ("billing.x", 1), False),
    ("a further part", "billing.x.2", OURS._replace(part=2), ("billing.x", 2), True),
    ("a stray", "billing.x.2", None, ("billing.x", 2), False),
    ("no part has ten digits", "billing.x.1000000002", None, ("billing.x.1000000002", 1), False),
    ("a part of nine digits", "billing.x.100000002", None, ("billing.x", 100_000_002), False),
    ("digits of another script", "billing.x.٣", None, ("billing.x.٣", 1), False),
    ("a name of digits", "billing.9", OURS, ("billing.9", 1), True),
    ("a former name of digits", "former.9", FORMER, ("former.9", 1), False),
    ("a declared id like a part", "billing.z.2", OURS, ("billing.z.2", 1), True),
    ("adopted", "scd_123", bound("scd_123"), ("scd_123", 1), True),
    ("adopted, not declared", "scd_9", bound("scd_9"), ("scd_9", 1), True),
    ("a part of it", "scd_9.2", bound("scd_9.2", part=2), ("scd_9", 2), True),
    ("adopted, like a part", "scd_9.2", bound("scd_9.2"), ("scd_9.2", 1), True),
    ("adopted by the first releases", "scd_123", OURS, ("scd_123", 1), True),
    ("a part of that", "scd_123.2", OURS._replace(part=2), ("scd_123", 2), True),
    ("the same, without its entry", "scd_9", OURS, ("scd_9", 1), False),
    ("a copy", "scd_456", bound("scd_123"), ("scd_456", 1), False),
    ("of another environment", "billing.x", OTHER, ("billing.x", 1), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("part_id", "mark", "place", "is_ours"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_which_part_it_is(
    part_id: str, mark: Mark | None, place: tuple[str, int], *, is_ours: bool
) -> None:
    part = index(live(part_id, mark)).by_id[part_id]
    assert (part.base, part.number) == place
    assert part.ours is is_ours


@pytest.mark.parametrize(
    ("part_id", "mark", "former"),
    [
        ("former.x", FORMER, "former"),
        ("former.x.2", FORMER._replace(part=2), "former"),
        ("former.x", OURS, None),
        ("former.x", None, None),
        ("scd_9", bound("scd_9", mark=FORMER), "former"),
        ("scd_9", bound("scd_8", mark=FORMER), None),
        ("scd_9", FORMER, None),
        ("billing.x", OURS, None),
    ],
)
def test_what_the_former_namespace_has_left(
    part_id: str, mark: Mark | None, former: str | None
) -> None:
    found = index(live(part_id, mark))
    part = found.by_id[part_id]
    assert part.former == former
    assert found.is_managed(part) == (part.ours or former is not None)
    assert found.namespace_of(part) == (former or "billing")


def test_parts_come_by_number_however_the_account_lists_them() -> None:
    parts = [live(f"billing.x.{n}", OURS._replace(part=n)) for n in (10, 2)]
    strays = [live("billing.x.3", None), live("billing.x.4", OTHER)]
    found = index(*parts, *strays, live("billing.x", OURS))
    ids = ["billing.x", "billing.x.2", "billing.x.10"]
    assert [part.live.id for part in found.of("billing.x")] == ids
    assert [part.live.id for part in found.ours("billing.x")] == ids
    two = index(parts[1], live("billing.x", None))
    assert [part.live.id for part in two.of("billing.x")] == ["billing.x", "billing.x.2"]
    assert [part.live.id for part in two.ours("billing.x")] == ["billing.x.2"]
    assert found.of("billing.y") == found.ours("billing.y") == []


def test_an_adopted_schedule_is_found_by_the_name_behind_its_mark() -> None:
    parts = [
        live("scd_9.2", bound("scd_9.2", part=2), "billing.y"),
        live("scd_9", bound("scd_9"), "billing.y", "theirs"),
        live("scd_8", bound("scd_9"), "billing.y"),  # a copy
        live("scd_7", None, "billing.y"),
        live("scd_6", bound("scd_6", mark=FORMER), "former.y"),
        live("billing.y", OURS, "billing.y"),
    ]
    found = index(*parts)
    sets = [[part.live.id for part in one] for one in found.adopted("y")]
    assert sets == [["scd_6"], ["scd_9", "scd_9.2"]]
    assert found.adopted("x") == []


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (live("billing.x", OURS, "billing.other"), "x"),
        (live("billing.x.2", OURS._replace(part=2)), "x"),
        (live("former.x", FORMER), "x"),
        (live("scd_9", bound("scd_9"), "billing.y"), "y"),
        (live("scd_9", bound("scd_9")), "scd_9"),
        (live("scd_9", bound("scd_9", mark=FORMER), "billing.no", "former.y"), "y"),
        (live("theirs", None, "billing.y"), "theirs"),
    ],
    ids=["ours", "a part", "of the former namespace", "adopted", "adopted, its label gone", "adopted by the former one", "theirs"],
)  # fmt: skip
def test_what_a_live_part_is_called(found: LiveSchedule, name: str) -> None:
    parts = index(found)
    assert parts.name_of(parts.by_id[found.id]) == name


@pytest.mark.parametrize(
    ("part_id", "mark", "is_copy"),
    [
        ("scd_9", bound("scd_9"), False),
        ("scd_9", bound("scd_8"), True),
        ("scd_9", OURS, False),
        ("scd_9", None, False),
    ],
)
def test_a_copy_has_the_mark_of_another_id(part_id: str, mark: Mark | None, is_copy: bool) -> None:
    part = LivePart(live(part_id, mark), part_id, 1, mark, ours=False)
    assert part.is_copy is is_copy


# Timeouts in milliseconds


def timed(part_id: str, mark: Mark | None, timeout: int) -> LiveSchedule:
    found = live(part_id, mark)
    return replace(found, message=replace(found.message, timeout=timeout))


REMEMBERS = OURS._replace(in_milliseconds=True)


@pytest.mark.parametrize(
    ("mark", "remembers"),
    [
        (REMEMBERS, True),
        (OURS, False),
        (OTHER._replace(in_milliseconds=True), False),
        (bound("scd_9", mark=REMEMBERS), False),
        (None, False),
    ],
    ids=["ours", "ours, from before", "of another environment", "a copy", "no mark"],
)
def test_a_mark_of_ours_remembers_that_timeouts_come_in_milliseconds(
    mark: Mark | None, *, remembers: bool
) -> None:
    found = index(timed("billing.x", mark, 5000), timed("theirs", None, 2000))
    assert found.in_milliseconds is remembers
    factor = 1 if remembers else 1000
    timeouts = {key: part.live.message.timeout for key, part in found.by_id.items()}
    assert timeouts == {"billing.x": 5 * factor, "theirs": 2 * factor}


def test_what_is_no_whole_second_stays_as_it_is() -> None:
    found = index(timed("billing.x", REMEMBERS, 5000), timed("theirs", None, 1500))
    assert found.by_id["theirs"].live.message.timeout == 1500
    assert found.by_id["billing.x"].live.message.timeout == 5
