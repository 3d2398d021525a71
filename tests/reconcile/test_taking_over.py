"""Sets that are not ours, or not all of them: what a run may take, what it leaves, what it tells."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from qstash_sync.applying import incident, proposal
from qstash_sync.applying.executor import Control
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.model.change import Change, Reason
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.pause_by_name import Wish
from tests.fault_server import Fault
from tests.support import HEAD, UNLINTED, World, config

URL = "https://app.example.com/x"
MOVED = HEAD.replace("namespace: billing", "namespace: corp\nnamespace_was: billing")
BERLIN = "cron: 30 9 * * *, timezone: Europe/Berlin"  # two parts
OTHER_SCOPE = "0000"


def file(head: str = HEAD, **schedules: str) -> str:
    """A file with schedules of these settings; a cron of one part where they have none."""
    text = f"{UNLINTED}{head}schedules:\n"
    for name, settings in schedules.items():
        time = "" if "cron:" in settings else "cron: 0 9 * * *, "
        text += f"  {name}: {{{time}destination: '{URL}', {settings}}}\n"
    return text


PLAIN = "retries: 1"


def live_ids(world: World) -> list[str]:
    return sorted(world.account.console.snapshot()["schedule"])


def unmarked(world: World, part_id: str, **changes: Any) -> None:
    """Let an id be the application's own."""
    template = next(iter(world.account.store.all("schedule")))
    stored = {**template, "scheduleId": part_id, "labels": ["theirs"], **changes}
    world.account.store.put("schedule", part_id, stored)


def hand_over(world: World, *part_ids: str) -> None:
    """Let another environment have written all of it, or these parts."""
    for part_id in part_ids or live_ids(world):
        first, *more = world.schedule(part_id)["labels"]
        labels = [re.sub("^qsync1-[0-9a-f]{4}", f"qsync1-{OTHER_SCOPE}", first), *more]
        world.edit(part_id, labels=labels)


def cut_off(world: World, text: str, *, after: int, **policy: Any) -> None:
    """An apply whose connection breaks for good after some writes."""
    broken = Fault(kind="reset_before", at=after + 1, times=999, matches=lambda m, _p: m != "GET")
    world.account.inject(broken)
    world.apply(text, **policy)
    world.account.forget()


def only_change(plan: Plan) -> Change:
    assert len(plan.changes) == 1, plan.changes
    return plan.changes[0]


def warned(plan: Plan, code: str) -> Iterator[str]:
    return (f"{warning.text} | {warning.hint}" for warning in plan.warnings if warning.code == code)


def statuses(outcomes: tuple[Outcome, ...]) -> list[Status]:
    return [outcome.status for outcome in outcomes]


# Which set a schedule was before


@pytest.mark.parametrize("hand", ["no mark", "another environment's"])
def test_what_is_ours_is_the_former_one_before_what_is_not(world: World, hand: str) -> None:
    """Else a `was:` that is left over deletes the live job, and its replacement is refused."""
    world.apply(file(a=BERLIN, b="retries: 7"))
    if hand == "no mark":
        unmarked(world, "billing.b", retries=7)
    else:
        hand_over(world, "billing.b")
    text = file(MOVED, a=f"was: b, {BERLIN}")
    plan = world.plan(text)
    change = only_change(plan)
    assert (change.reason, change.refused) == (Reason.RENAME, None)
    assert [field.before for field in change.fields] == ["billing.a"]
    (told,) = warned(plan, "not_taken")
    assert "billing.b" in told
    assert statuses(world.apply(text)) == [Status.DONE]
    assert live_ids(world) == ["billing.b", "corp.a", "corp.a.2"]
    assert world.plan(text).empty


def test_an_adopted_id_of_ours_is_the_former_one_before_what_is_not(world: World) -> None:
    """The same within one namespace, where an entry loses its `id:`."""
    world.apply(file(a=f"id: scd_9, {BERLIN}"))
    unmarked(world, "billing.b")
    text = file(a=f"was: b, {BERLIN}")
    assert statuses(world.apply(text)) == [Status.DONE]
    assert live_ids(world) == ["billing.a", "billing.a.2", "billing.b"]


@pytest.mark.parametrize("former", ["was: b", "was: b, retries: 9"])
def test_nothing_that_a_schedule_may_have_been_goes_while_it_is_refused(
    world: World, former: str
) -> None:
    """Two sets of ours, and the new id is somebody's: both stay."""
    world.apply(file(a=PLAIN, b="retries: 7"))
    unmarked(world, "corp.a")
    before = world.account.console.snapshot()
    text = file(MOVED, a=former)
    assert statuses(world.apply(text)) == [Status.REFUSED]
    assert world.account.console.snapshot() == before
    assert statuses(world.apply(text, adopt=("a",))) == [Status.DONE]
    assert live_ids(world) == ["corp.a"]
    assert world.plan(text).empty


@pytest.mark.parametrize("was", [PLAIN, "id: scd_1"], ids=["our id", "an adopted id"])
def test_a_job_stays_while_the_id_that_it_is_to_have_is_refused(world: World, was: str) -> None:
    """The entry gets an `id:` of somebody else's: what it had is not surplus yet."""
    theirs = HEAD.replace("billing", "team")
    world.apply(file(theirs, x="id: scd_5"))
    world.apply(file(a=was))
    before = world.account.console.snapshot()
    assert statuses(world.apply(file(a="id: scd_5"))) == [Status.REFUSED, Status.REFUSED]
    assert world.account.console.snapshot() == before


def test_what_another_entry_of_the_file_keeps_is_no_former_one(world: World) -> None:
    """An adopted schedule keeps its id under a new name, and the old name is given away."""
    world.apply(file(a="id: scd_1"))
    text = file(a="retries: 7", y="id: scd_1")
    assert statuses(world.apply(text)) == [Status.DONE, Status.DONE]
    assert live_ids(world) == ["billing.a", "scd_1"]
    assert world.plan(text).empty


# What is left beside it


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize(
    ("head", "entry", "name"),
    [(HEAD, f"was: a, {BERLIN}", "c"), (MOVED, BERLIN, "a")],
    ids=["was", "namespace_was"],
)
def test_a_rename_from_what_had_no_mark_is_finished_by_the_same_consent(
    world: World, head: str, entry: str, name: str, after: int
) -> None:
    """And without it what is left is told: else both fire for ever, and nothing says so."""
    world.apply(file(a=PLAIN))
    unmarked(world, "billing.a")
    text = file(head, **{name: entry})
    cut_off(world, text, after=after, adopt=(name,))
    assert "billing.a" in live_ids(world)
    without = world.plan(text)
    assert not any(change.refused for change in without.changes)
    (told,) = warned(without, "not_taken")
    assert "billing.a has no mark of ours" in told
    assert f"--adopt {name}" in told
    world.apply(text)
    assert "billing.a" in live_ids(world)
    change = only_change(world.plan(text, adopt=(name,)))
    assert [field.note for field in change.fields] == ["deleted with it"]
    assert statuses(world.apply(text, adopt=(name,))) == [Status.DONE]
    assert "billing.a" not in live_ids(world)
    assert world.plan(text, adopt=(name,)).empty
    assert not list(warned(world.plan(text), "not_taken"))


def test_a_rename_takes_what_its_was_names_and_no_other_job_of_another_environment(
    world: World,
) -> None:
    """The name it has now was another job's under the former namespace: nobody consents to that."""
    world.apply(file(a=BERLIN, c="retries: 7"))
    hand_over(world)
    text = file(MOVED, c=f"was: a, {BERLIN}")
    assert statuses(world.apply(text, adopt=("c",))) == [Status.DONE]
    assert live_ids(world) == ["billing.c", "corp.c", "corp.c.2"]
    plan = world.plan(text, adopt=("c",))
    assert plan.empty
    (told,) = warned(plan, "not_taken")
    assert "billing.c carries the mark of another environment" in told
    world.apply(text, adopt=("c",))
    assert "billing.c" in live_ids(world)


@pytest.mark.parametrize("entry", [PLAIN, "retries: 3"], ids=["in sync", "changed"])
def test_a_was_that_is_left_over_stops_no_change_of_its_schedule(world: World, entry: str) -> None:
    """What it names is by now another job of another environment."""
    world.apply(file(a=PLAIN, b="retries: 7"))
    hand_over(world, "billing.b")
    text = file(a=f"was: b, {entry}")
    assert statuses(world.apply(text)) == ([] if entry == PLAIN else [Status.DONE])
    plan = world.plan(text)
    assert plan.empty
    (told,) = warned(plan, "not_taken")
    assert "billing.b carries the mark of another environment" in told


# A set of somebody else's that is not whole


def without_first(world: World) -> None:
    assert world.account.store.delete("schedule", "billing.c")


def with_unmarked_first(world: World) -> None:
    world.edit("billing.c", labels=["theirs"])


BROKEN_SETS = {"its first is gone": without_first, "its first has no mark": with_unmarked_first}


@pytest.mark.parametrize("entry", [PLAIN, BERLIN], ids=["to one part", "to two parts"])
@pytest.mark.parametrize("case", BROKEN_SETS)
def test_a_set_that_another_environment_has_left_is_taken_whole_or_not_at_all(
    world: World, case: str, entry: str
) -> None:
    """Whose a further part is does not hang on the first, which the run itself writes."""
    world.apply(file(c=BERLIN))
    hand_over(world)
    BROKEN_SETS[case](world)
    text, before = file(c=entry), world.account.console.snapshot()
    plan = world.plan(text)
    assert only_change(plan).is_refused_alone
    assert not list(warned(plan, "stray"))
    assert statuses(world.apply(text)) == [Status.REFUSED]
    assert world.account.console.snapshot() == before

    plan = world.plan(text, adopt=("c",))
    assert (only_change(plan).reason, plan.summary["unmanaged"]) == (Reason.ADOPT, 0)
    assert not list(warned(plan, "stray"))
    assert statuses(world.apply(text, adopt=("c",))) == [Status.DONE]
    assert world.plan(text).empty
    assert len(live_ids(world)) == (1 if entry == PLAIN else 2)


@pytest.mark.parametrize("paused", [False, True])
def test_what_is_overwritten_is_shown_and_not_said_to_be_left_alone(
    world: World, paused: bool
) -> None:
    """An id of the application's own stands where a further part is to be."""
    world.apply(file(a=PLAIN))
    unmarked(world, "billing.a.2", cron="0 4 * * *", isPaused=paused)
    assert list(warned(world.plan(file(a=PLAIN)), "stray"))
    text = file(a=BERLIN)
    assert only_change(world.plan(text)).refused
    plan = world.plan(text, adopt=("a",))
    change = only_change(plan)
    assert (change.refused, plan.summary["unmanaged"]) == (None, 0)
    assert not list(warned(plan, "stray"))
    (field,) = (field for field in change.fields if field.path == "mark")
    assert field.note == f"billing.a.2, {'paused, ' * paused}is overwritten: adopted"
    assert statuses(world.apply(text, adopt=("a",))) == [Status.DONE]
    assert world.plan(text).empty


def test_a_part_that_nothing_overwrites_is_left_alone(world: World) -> None:
    world.apply(file(a=PLAIN))
    unmarked(world, "billing.a.2", cron="0 4 * * *")
    plan = world.plan(file(a="retries: 2"), adopt=("a",))
    assert plan.summary["unmanaged"] == 1
    assert list(warned(plan, "stray"))


# A set that is ours in part


@pytest.fixture
def half_taken(world: World) -> World:
    """A take-over that was cut off: the first part is ours, the second another environment's."""
    world.apply(file(c=BERLIN))
    hand_over(world, "billing.c.2")
    return world


REMOVED = f"{UNLINTED}{HEAD}schedules: {{}}\n"


@pytest.mark.parametrize("theirs", ["billing.c", "billing.c.2"])
def test_a_set_is_deleted_whole_or_not_at_all(world: World, theirs: str) -> None:
    """Else the rest of it fires on, and nobody knows whose it is."""
    world.apply(file(c=BERLIN))
    hand_over(world, theirs)
    plan = world.plan(REMOVED)
    refused = only_change(plan).refused or ""
    assert f"{theirs} carries the mark of another environment" in refused
    assert "apply --adopt c takes it along" in refused
    assert statuses(world.apply(REMOVED)) == [Status.REFUSED]
    assert live_ids(world) == ["billing.c", "billing.c.2"]
    assert statuses(world.apply(REMOVED, adopt=("c",))) == [Status.DONE]
    assert not live_ids(world)


def test_a_part_of_ours_beside_what_has_no_mark_is_deleted_alone(world: World) -> None:
    """That is the application's own, and no part of any set."""
    world.apply(file(c=BERLIN))
    unmarked(world, "billing.c")
    assert statuses(world.apply(REMOVED)) == [Status.DONE]
    assert live_ids(world) == ["billing.c"]


@pytest.mark.parametrize("paused", [True, False])
def test_a_pause_of_a_set_that_is_ours_in_part_is_refused(half_taken: World, paused: bool) -> None:
    """Ours are paused for all that; what is left fires on, and is named."""
    for part_id in live_ids(half_taken):
        half_taken.account.console.pause(part_id, paused=not paused)
    wish = Wish(desired=config(file(c=BERLIN)).desired, globs=("c",), paused=paused)
    with half_taken.client() as client:
        found = incident.look(client, wish, now=half_taken.now)
        control = Control(sleep=half_taken.sleep)
        (outcome,) = incident.pause(client, wish, found, control).outcomes
    assert outcome.status is Status.REFUSED
    assert "billing.c.2 carries the mark of another environment" in outcome.message
    assert half_taken.schedule("billing.c")["isPaused"] is paused
    assert half_taken.schedule("billing.c.2")["isPaused"] is not paused


def test_a_destroy_names_what_stays_of_a_set_that_is_ours_in_part(half_taken: World) -> None:
    desired = config(file(c=BERLIN)).desired
    emptied = proposal.emptied(desired)
    with half_taken.client() as client:
        plan = proposal.propose(client, emptied, now=half_taken.now)
        told = [warning.text for warning in proposal.left_behind(desired, plan)]
        outcomes = half_taken.carry_out(client, emptied, plan).outcomes
    assert statuses(outcomes) == [Status.REFUSED]
    assert told == [
        "schedules.c: stays: billing.c.2 carries the mark of another environment or namespace"
    ]


# An `id:` of somebody else's


@pytest.mark.parametrize("entry", ["id: team.c", "id: scd_5"])
@pytest.mark.parametrize("name", ["c", "*"])
def test_no_consent_takes_what_another_namespace_manages(
    world: World, entry: str, name: str
) -> None:
    theirs = HEAD.replace("billing", "team")
    world.apply(file(theirs, c=entry if "scd" in entry else PLAIN))
    before = world.account.console.snapshot()
    change = only_change(world.plan(file(c=entry), adopt=(name,)))
    assert change.is_refused_alone
    assert "take out the id: that names it" in (change.refused or "")
    assert statuses(world.apply(file(c=entry), adopt=(name,))) == [Status.REFUSED]
    assert world.account.console.snapshot() == before


@pytest.mark.parametrize("head", [HEAD, MOVED], ids=["the same namespace", "the former one"])
def test_consent_takes_an_adopted_id_from_another_environment_of_the_namespace(
    world: World, head: str
) -> None:
    """As it does under an id of ours: else a file that gets environments loses what it adopted."""
    world.apply(file(c=f"id: scd_5, {BERLIN}"))
    hand_over(world)
    text = file(head, c=f"id: scd_5, {BERLIN}")
    assert only_change(world.plan(text)).is_refused_alone
    assert statuses(world.apply(text, adopt=("c",))) == [Status.DONE]
    assert world.plan(text).empty


# What a rename that was cut off has left of somebody else's, to those who stop it


@pytest.fixture
def half_renamed(world: World) -> World:
    """The new name is ours, the old set is still another environment's."""
    world.apply(file(a=BERLIN))
    hand_over(world)
    cut_off(world, RENAMED, after=2, adopt=("c",))
    assert live_ids(world) == ["billing.a", "billing.a.2", "billing.c", "billing.c.2"]
    return world


RENAMED = file(c=f"was: a, {BERLIN}")


def test_a_pause_names_what_the_old_name_still_fires(half_renamed: World) -> None:
    desired = config(RENAMED).desired
    with half_renamed.client(read_only=True) as client:
        wishes = [Wish(desired=desired, globs=("c",), paused=paused) for paused in (True, False)]
        plans = [incident.look(client, wish, now=half_renamed.now).plan for wish in wishes]
    told = [list(warned(plan, "not_taken")) for plan in plans]
    assert [len(one) for one in told] == [1, 0]
    assert "billing.a carries the mark of another environment" in told[0][0]
    assert "stop it in the console" in told[0][0]


def test_a_destroy_names_what_stays_of_the_old_name(half_renamed: World) -> None:
    desired = config(RENAMED).desired
    with half_renamed.client(read_only=True) as client:
        plan = proposal.propose(client, proposal.emptied(desired), now=half_renamed.now)
    told = [warning.text for warning in proposal.left_behind(desired, plan)]
    mark = "carries the mark of another environment or namespace"
    assert told == [
        f"schedules.c: stays: billing.a {mark}",
        f"schedules.c: stays: billing.a.2 {mark}",
    ]
