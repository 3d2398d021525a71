"""An `id:` that comes back, as with last week's commit: a rename, as was the way there."""

import pytest

from qstash_sync.model.change import Action, Reason
from tests.support import HEAD, World

TWO = "cron: '0 9 * * *', timezone: Europe/Berlin"  # parts
BEFORE = HEAD + f"schedules: {{a: {{{TWO}, destination: 'https://a.com/a'%s}}}}\n"
WITHOUT = BEFORE % ""
WITH = BEFORE % ", id: scd_1"


def live(world: World) -> dict[str, bool]:
    """Ids, and whether each is paused."""
    found = world.account.console.snapshot()["schedule"]
    return {schedule_id: one["isPaused"] for schedule_id, one in found.items()}


@pytest.fixture
def paused(world: World) -> World:
    """A schedule that had an id, lost it, and was paused in an incident."""
    world.apply(WITH)
    world.apply(WITHOUT)
    for schedule_id in live(world):
        world.account.console.pause(schedule_id)
    assert live(world) == {"billing.a": True, "billing.a.2": True}
    return world


def test_it_is_a_rename_and_keeps_the_pause(paused: World) -> None:
    plan = paused.plan(WITH)
    assert not plan.errors
    (change,) = plan.changes
    assert (change.action, change.reason) == (Action.UPDATE, Reason.RENAME)
    assert not [d for d in plan.warnings if d.code in ("not_live", "was")]
    paused.apply(WITH)
    assert live(paused) == {"scd_1": True, "scd_1.2": True}
    assert not paused.plan(WITH).changes


@pytest.mark.parametrize("after", range(5))
def test_it_is_whole_wherever_it_is_cut_off(paused: World, after: int) -> None:
    """Four writes; what is left of it is no delete that counts."""
    paused.cut_off(WITH, after=after)
    paused.apply(WITH, allow_deletes=0)
    assert live(paused) == {"scd_1": True, "scd_1.2": True}
    assert not paused.plan(WITH).changes


def test_an_id_that_it_never_had_may_be_a_slip(world: World) -> None:
    """Nothing tells the two apart but the mark, which keeps what a rename has ended."""
    world.apply(WITHOUT)
    plan = world.plan(WITH)
    (told,) = [d for d in plan.warnings if d.code == "not_live"]
    assert told.message == "nothing in the account is scd_1, so billing.a is renamed to it"
    for named in ("a", "billing.a"):  # who names what it was means it
        plan = world.plan((BEFORE % f", was: {named}, id: scd_1").replace("{a: {", "{b: {"))
        assert [change.reason for change in plan.changes] == [Reason.RENAME]
        assert not [d for d in plan.warnings if d.code == "not_live"]


@pytest.mark.parametrize("adopt", [(), ("a",)])
def test_what_the_application_wrote_over_it_stays(world: World, adopt: tuple[str, ...]) -> None:
    """Part 1 is the application's own by now: nothing names it, so it is nothing of ours."""
    world.apply(WITHOUT)
    theirs = {**world.schedule("billing.a"), "labels": [], "label": "", "cron": "7 7 * * *"}
    world.account.store.put("schedule", "billing.a", theirs)
    world.apply(WITH, adopt=adopt)
    assert set(live(world)) == {"billing.a", "scd_1", "scd_1.2"}
    assert world.schedule("billing.a") == theirs


def test_who_says_was_means_another(world: World) -> None:
    """Then what stands under the name is a schedule of its own: its delete counts."""
    world.apply(WITHOUT.replace("}}\n", f"}}, b: {{{TWO}, destination: 'https://a.com/b'}}}}\n"))
    plan = world.plan(BEFORE % ", was: b, id: scd_1", allow_deletes=9)
    assert [(c.action, c.id) for c in plan.changes if c.action is Action.DELETE] == [
        (Action.DELETE, "billing.a")
    ]


def test_what_is_live_under_the_id_by_itself_is_another_schedule(world: World) -> None:
    """Then the two are not one: the declared one stays, and ours under the name goes."""
    world.apply(WITHOUT)
    both = WITH.replace("schedules: {a:", "schedules: {b:")
    world.apply(both)
    assert set(live(world)) == {"scd_1", "scd_1.2"}
    world.apply(
        WITHOUT.replace("}}\n", "}, b: {" + TWO + ", destination: 'https://a.com/a', id: scd_1}}\n")
    )
    assert set(live(world)) == {"scd_1", "scd_1.2", "billing.a", "billing.a.2"}
    plan = world.plan(WITH, allow_deletes=9)
    assert [change.action for change in plan.changes if change.action is Action.DELETE]


@pytest.mark.parametrize("id_of_it", ["scd_1", "billing.a", "billing.z"])
def test_another_name_of_what_keeps_its_id_is_the_files_doing(world: World, id_of_it: str) -> None:
    """As after an import, where names are what one changes first."""
    text = BEFORE % f", id: {id_of_it}, labels: [team-a]"
    world.apply(text)
    renamed = text.replace("{a: {", "{b: {")
    (change,) = world.plan(renamed).changes
    assert change.reason is Reason.FILE
    assert [(f.path, f.before, f.after) for f in change.fields] == [("name", "a", "b")]
    world.apply(renamed)
    assert not world.plan(renamed).changes
    assert world.schedule(id_of_it)["labels"][-1] == "team-a"
    assert "billing.b" in world.schedule(f"{id_of_it}.2")["labels"]
    world.edit(id_of_it, labels=[*world.schedule(id_of_it)["labels"], "more"])
    (change,) = world.plan(renamed).changes
    assert (change.reason, [f.path for f in change.fields]) == (Reason.DRIFT, ["labels"])


def test_an_id_of_the_namespace_that_leaves_the_file_gives_its_own_name_back(world: World) -> None:
    world.apply((BEFORE % ", id: billing.a").replace("{a: {", "{b: {"))
    (change,) = world.plan(WITHOUT).changes
    assert change.reason is Reason.FILE
    assert [(f.path, f.before, f.after) for f in change.fields] == [("name", "b", "a")]
    world.apply(WITHOUT)
    assert not world.plan(WITHOUT).changes
