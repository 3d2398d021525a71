"""Whose a change is, by the plan that the base of a branch would have."""

from datetime import timedelta

import pytest

from qstash_sync.applying import proposal
from qstash_sync.model.change import Origin, Wanted
from qstash_sync.planning.decide import Plan
from tests.support import HEAD, World, config

OLD, NEW, OTHER = ("first-of-three", "second-of-three", "third-of-three")
SECRET = ", headers: {Authorization: 'Bearer ${env.S}'}"


def file(*, retries: int = 3, more: str = "", cron: str = "0 9 * * *", zone: str = "UTC") -> str:
    return (
        HEAD
        + f"schedules: {{s: {{cron: {cron}, timezone: {zone}, retries: {retries}, destination: 'https://e.com/x'{more}}}}}\n"
    )


def owning(*names: str, owned: str = "", section: str = "queues") -> str:
    """A file that declares queues or groups, and owns some of them."""
    spec = {"queues": "{parallelism: 2}", "url_groups": "{endpoints: [{url: 'https://e.com'}]}"}[
        section
    ]
    each = ", ".join(f"{name}: {spec}" for name in names)
    return HEAD + f"owns: {{{section}: [{owned}]}}\n{section}: {{{each}}}\n"  # fmt: skip


def propose(world: World, text: str, base: str, secrets: tuple[str, str] = (NEW, NEW)) -> Plan:
    """The plan of a branch's file; secrets: what its variable S is there and in the base."""
    desired, before = (
        config(each, {"S": s}).desired for each, s in zip((text, base), secrets, strict=True)
    )
    with world.client(read_only=True) as client:
        return proposal.propose(client, desired, now=world.now, base=before)


@pytest.mark.parametrize(
    ("branch", "base", "secrets", "origin"),
    [
        (file(retries=1), file(), None, Origin.YOURS),
        (file(retries=1), file(retries=1), None, Origin.ALREADY),
        (file(retries=1), file(retries=2), None, Origin.BOTH),
        (file(more=SECRET), file(more=SECRET), (NEW, NEW), Origin.ALREADY),
        (file(more=SECRET), file(more=SECRET), (NEW, OTHER), Origin.BOTH),
    ],
    ids=[
        "nothing of it in the base",
        "the same",
        "another change",
        "the same secret",
        "another secret",
    ],
)
def test_whose_a_change_is(
    world: World, branch: str, base: str, secrets: tuple[str, str] | None, origin: Origin
) -> None:
    world.environ = {"S": OLD}
    world.apply(file(more=SECRET if secrets else ""))
    plan = propose(world, branch, base, secrets or (NEW, NEW))
    assert [change.origin for change in plan.changes] == [origin]
    assert plan.is_attributed


def test_a_renewal_is_the_clocks_whatever_the_base_says(world: World) -> None:
    text = file(zone="America/New_York")
    world.apply(text)
    world.now += timedelta(days=120)
    assert [c.origin for c in propose(world, text, text).changes] == [Origin.CLOCK]


@pytest.mark.parametrize("section", ["queues", "url_groups"])
@pytest.mark.parametrize(
    ("branch", "owned", "left"),
    [(("a",), "", ["b"]), (("a", "b"), "", []), (("a",), "b", []), ((), "", ["a", "b"])],
    ids=["one leaves", "none leaves", "one is deleted", "all leave"],
)
def test_what_leaves_the_file_and_stays_in_the_account_is_told(
    world: World, section: str, branch: tuple[str, ...], owned: str, left: list[str]
) -> None:
    base = owning("a", "b", section=section)
    world.apply(base)
    plan = propose(world, owning(*branch, owned=owned, section=section), base)
    told = [w for w in plan.warnings if w.code == "left"]
    assert [w.path for w in told] == [(section, name) for name in left]
    assert [w.hint for w in told] == [
        f"to have it deleted, say owns: {{{section}: [{name}]}}" for name in left
    ]


def test_what_was_never_made_is_not_left_behind(world: World) -> None:
    plan = propose(world, owning("a"), owning("a", "b"))
    assert [w for w in plan.warnings if w.code == "left"] == []


def test_the_local_times_before_are_those_of_the_base(world: World) -> None:
    """The account stores UTC; what the times were in the file's zone, only the base knows."""
    base, branch = (file(cron=f"0 {hour} * * *", zone="America/New_York") for hour in (9, 10))
    world.apply(base)
    (change,) = propose(world, branch, base).changes
    (wanted,) = (note for note in change.notes if isinstance(note, Wanted))
    assert wanted.before is not None
    assert wanted.before == (config(base).desired.schedules or ())[0].timing.job


def without_label(world: World) -> None:
    """The account does not tell the local time any more: somebody has taken our label of it."""
    for stored in world.account.store.all("schedule"):
        mark, name, _, *rest = stored["labels"]
        world.edit(stored["scheduleId"], labels=[mark, name, *rest])


def wanted(plan: Plan) -> Wanted:
    (change,) = plan.changes
    (found,) = (note for note in change.notes if isinstance(note, Wanted))
    return found


def test_where_the_account_does_not_tell_the_local_time_the_base_does(world: World) -> None:
    base, branch = (file(cron=f"0 {hour} * * *", zone="America/New_York") for hour in (9, 10))
    world.apply(base)
    without_label(world)
    assert wanted(world.plan(branch)).before is None
    before, after = ((config(t).desired.schedules or ())[0].timing.job for t in (base, branch))
    assert wanted(propose(world, branch, base)) == Wanted(before=before, after=after)
    # What the base asks for as well is not there yet, and says nothing of what is.
    assert wanted(propose(world, branch, branch)).before is None
    assert wanted(propose(world, branch, HEAD + "schedules: {}\n")).before is None


def test_what_is_created_had_no_time_whatever_the_base_says(world: World) -> None:
    base, branch = (file(cron=f"0 {hour} * * *", zone="America/New_York") for hour in (9, 10))
    assert wanted(propose(world, branch, base)).before is None
