"""What is taken over was written by nobody knows whom: its crons are held against the file's."""

from collections.abc import Sequence

import pytest

from qstash_sync.model.change import Reason
from qstash_sync.model.resources import LiveSchedule
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import live_times
from qstash_sync.reconcile.mark import parse
from tests.support import HEAD, World, config, ids, world as make_world

BERLIN = "cron: '30 9 * * *', timezone: Europe/Berlin"
NEW_YORK = "cron: '15 4 * * 1-5', timezone: America/New_York"
JULY = "cron: '0 9 1 7 *'"
UTC_8_30 = "cron: '30 8 * * *'"  # what Berlin's is in winter


def file(time: str, more: str = "") -> str:
    return HEAD + f"schedules: {{a: {{{time}, destination: 'https://e.example.com/x'{more}}}}}\n"


def hand_over(world: World, labels: Sequence[str] | None = None) -> None:
    """Let another environment have written all of it, or somebody with labels of their own."""
    world.hand_over()
    for part_id in crons(world) if labels is not None else ():
        world.edit(part_id, labels=labels)


def crons(world: World) -> dict[str, str]:
    return {s["scheduleId"]: s["cron"] for s in world.account.store.all("schedule")}


def labels_of(world: World, name: str) -> list[str]:
    return list(world.schedule(name)["labels"])


def fields_of(plan: Plan) -> list[str]:
    return [field.path for change in plan.changes for field in change.fields]


def written_anew(text: str) -> dict[str, str]:
    """The crons of an account that was empty."""
    with make_world() as other:
        other.apply(text)
        return crons(other)


WRONG = [
    ("of June, which is months away", "cron: '0 9 1 6 *'", JULY),
    ("of another zone, right until spring", BERLIN, UTC_8_30),
    ("of another job altogether", NEW_YORK, "cron: '0 23 1 * *', timezone: Asia/Tokyo"),
    ("right until spring, of one part for two", UTC_8_30, BERLIN),
]  # fmt: skip


@pytest.mark.parametrize("labels", [None, ["theirs"], []], ids=["marked", "labelled", "bare"])
@pytest.mark.parametrize(("_id", "live", "wanted"), WRONG, ids=ids(WRONG))
def test_its_time_is_compared_beyond_the_days_in_which_nothing_is_renewed(
    world: World, _id: str, live: str, wanted: str, labels: list[str] | None
) -> None:
    """Else it is in sync, and wrong from a day on that is no renewal's."""
    world.apply(file(live))
    hand_over(world, labels)
    plan = world.plan(file(wanted), adopt=("a",))
    (change,) = plan.changes
    assert change.reason is Reason.ADOPT
    assert "cron" in fields_of(plan)
    world.apply(file(wanted), adopt=("a",))
    assert world.plan(file(wanted)).empty
    ours = {name: cron for name, cron in crons(world).items() if parse(labels_of(world, name))}
    assert ours == written_anew(file(wanted))


@pytest.mark.parametrize("gone", ["billing.a.2", "billing.a.3"])
def test_a_set_with_a_hole_is_made_whole(world: World, gone: str) -> None:
    world.apply(file(NEW_YORK))
    whole = crons(world)
    assert len(whole) == 3
    hand_over(world)
    assert world.account.store.delete("schedule", gone)
    assert "cron" in fields_of(world.plan(file(NEW_YORK), adopt=("a",)))
    world.apply(file(NEW_YORK), adopt=("a",))
    assert sorted(crons(world).values()) == sorted(whole.values())
    assert world.plan(file(NEW_YORK)).empty


def test_what_has_the_same_crons_keeps_them(world: World) -> None:
    world.apply(file(NEW_YORK))
    whole = crons(world)
    hand_over(world)
    plan = world.plan(file(NEW_YORK), adopt=("a",))
    assert fields_of(plan) == ["mark"]
    world.apply(file(NEW_YORK), adopt=("a",))
    assert crons(world) == whole
    assert world.plan(file(NEW_YORK)).empty


def test_what_fires_as_the_file_says_for_a_year_is_kept_though_we_would_write_other_crons(
    world: World,
) -> None:
    """On the 13th or a Friday: ours are right until a renewal, theirs for ever."""
    either = "cron: '0 9 13 * 5'"
    world.apply(file(JULY))
    world.edit("billing.a", cron="0 9 13 * 5", labels=[])
    assert len(written_anew(file(either))) > 1
    assert fields_of(world.plan(file(either), adopt=("a",))) == ["mark"]
    world.apply(file(either), adopt=("a",))
    assert crons(world) == {"billing.a": "0 9 13 * 5"}
    assert world.plan(file(either)).empty


def test_what_is_taken_over_in_part_is_not_told_to_miss_the_rest(world: World) -> None:
    """A take-over that was cut off: the part that is theirs still is there."""
    world.apply(file(NEW_YORK))
    ours = world.schedule("billing.a")
    hand_over(world)
    world.account.store.put("schedule", "billing.a", ours)
    plan = world.plan(file(NEW_YORK), adopt=("a",))
    assert fields_of(plan) == ["mark"]
    world.apply(file(NEW_YORK), adopt=("a",))
    assert world.plan(file(NEW_YORK)).empty


@pytest.mark.parametrize("theirs", [0, 1, 2, 3], ids="{} of 3 are theirs".format)
@pytest.mark.parametrize("one", [1, 2, 3])
@pytest.mark.parametrize("other", [1, 2, 3])
def test_two_equal_crons_are_no_reason_to_stop(
    world: World, one: int, other: int, theirs: int
) -> None:
    """An edit in the console, or a take-over that was cut off, makes such sets."""
    world.apply(file(NEW_YORK))
    whole = crons(world)
    names = sorted(whole)
    world.edit(names[one - 1], cron=whole[names[other - 1]])
    if theirs:
        world.hand_over(*names[3 - theirs :])
    plan = world.plan(file(NEW_YORK), adopt=("a",))
    assert not plan.errors
    world.apply(file(NEW_YORK), adopt=("a",))
    assert sorted(crons(world).values()) == sorted(whole.values())
    assert world.plan(file(NEW_YORK)).empty


NEVER = "0 0 30 2 *"
PLACES = [
    ("two that are kept", ["x", "x"], ["x", "x"], ["x", "x"]),
    ("two of which one is kept", ["x", "x"], ["y", "x"], ["x", "y"]),
    ("one that is wanted twice", ["x"], ["x", "x"], ["x", "x"]),
    ("two that never fire", [NEVER, NEVER], [NEVER, NEVER], [NEVER, NEVER]),
    ("more than there are to be", ["x", "y", "x"], ["y"], ["y"]),
    ("each keeps its own", ["x", "y"], ["y", "x"], ["x", "y"]),
]


@pytest.mark.parametrize(("_id", "live", "wanted", "placed"), PLACES, ids=ids(PLACES))
def test_each_cron_has_an_id_however_often_it_is_live(
    _id: str, live: list[str], wanted: list[str], placed: list[str]
) -> None:
    (schedule,) = config(file(JULY)).desired.schedules or ()
    found = [
        LiveSchedule(id=schedule.part_id(number), cron=cron, message=schedule.message)
        for number, cron in enumerate(live, 1)
    ]
    there = live_times.assign(schedule, wanted, found)
    assert list(there.values()) == placed
    assert list(there) == [schedule.part_id(number) for number in range(1, len(wanted) + 1)]


# The name that others gave it


CORP = HEAD.replace("billing", "corp") + "namespace_was: billing\n"
NAMED = [
    ("renamed into another namespace", CORP, "c: {was: a, ", "c", "0000"),
    ("moved into another namespace", CORP, "a: {", "a", "0000"),
    ("the same, ours", CORP, "a: {", "a", None),
    ("renamed", HEAD, "c: {was: a, ", "c", "0000"),
    ("as it is", HEAD, "a: {", "a", "0000"),
]


@pytest.mark.parametrize("ignore", ["", ", ignore: [labels]"], ids=["", "ignored"])
@pytest.mark.parametrize(("_id", "head", "entry", "name", "scope"), NAMED, ids=ids(NAMED))
def test_the_name_that_others_gave_it_is_no_label_of_the_users(
    world: World, _id: str, head: str, entry: str, name: str, scope: str | None, ignore: str
) -> None:
    text = file(JULY, ", labels: [mine, v1.2]")
    world.apply(text)
    if scope:
        hand_over(world)
    changed = head + text.removeprefix(HEAD).replace("a: {", entry).replace("]}", f"]{ignore}}}")
    plan = world.plan(changed, adopt=("*",))
    assert "labels" not in fields_of(plan)
    world.apply(changed, adopt=("*",))
    (part,) = crons(world)
    assert labels_of(world, part)[1:] == [part, "0_9_1_7_x@UTC", "mine", "v1.2"]
    assert part == f"{'corp' if 'corp' in head else 'billing'}.{name}"
    assert world.plan(changed).empty


def test_a_copy_that_is_adopted_has_no_label_of_the_one_that_it_was_made_from(world: World) -> None:
    first = (
        HEAD + f"schedules: {{a: {{{JULY}, destination: 'https://e.example.com/x', id: scd_1}}}}\n"
    )
    world.apply(file(JULY))
    stored = world.schedule("billing.a")
    assert world.account.store.delete("schedule", "billing.a")
    world.account.store.put("schedule", "scd_1", {**stored, "scheduleId": "scd_1", "labels": []})
    world.apply(first)
    copy = {**world.schedule("scd_1"), "scheduleId": "scd_2"}
    world.account.store.put("schedule", "scd_2", copy)
    more = f"  b: {{{JULY}, destination: 'https://e.example.com/x', id: scd_2}}\n"
    both = first.replace("schedules: {", "schedules:\n  ").replace("}}\n", "}\n") + more
    assert fields_of(world.plan(both)) == ["mark"]
