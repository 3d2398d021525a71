"""`--target` and `--exclude`: which resources a run is about, and what is said of the others."""

import random
from typing import Any

import pytest

from qstash_sync.applying import proposal, watching
from qstash_sync.applying.outcomes import Status
from qstash_sync.errors import UsageError
from qstash_sync.model.change import Action, Reason
from qstash_sync.model.resources import Kind
from qstash_sync.planning import savefile
from qstash_sync.planning.drift import Drift
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile import scope
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.reconcile.reconcile import reconcile
from tests.fault_server import FaultServer
from tests.mixed import AFTER, Scene
from tests.support import HEAD, UNLINTED, World, config

SEED = 20261126
ENTRY = "{cron: 0 9 * * *, destination: 'https://e.example.com/x'}"
BOTH = f"{HEAD}queues: {{images: {{parallelism: 1}}}}\nschedules: {{a: {ENTRY}, b: {ENTRY}}}\n"
QUEUED = (
    HEAD
    + "queues: {images: {parallelism: 1}}\n"
    + f"schedules: {{a: {ENTRY[:-1]}, queue: images}}, b: {ENTRY}}}\n"
)


def names(changes: Any) -> list[str]:
    return [f"{change.kind}s.{change.name}" for change in changes]


def drift(world: World, text: str, **policy: Any) -> Drift:
    with world.client(read_only=True) as client:
        desired = config(text).desired
        return watching.watch(client, desired, now=world.now, policy=Policy(**policy))


# ---------------------------------------------------------------- how it is written


@pytest.mark.parametrize(
    ("written", "kinds", "glob"),
    [
        ("schedules.billing-*", {Kind.SCHEDULE}, "billing-*"),
        ("schedule.a", {Kind.SCHEDULE}, "a"),
        ("queue.my.queue", {Kind.QUEUE}, "my.queue"),
        ("url_groups.*", {Kind.URL_GROUP}, "*"),
        ("url-group.x", {Kind.URL_GROUP}, "x"),
        ("flow_control.a@b:c/d", {Kind.FLOW_CONTROL}, "a@b:c/d"),
        ("*.x", set(Kind), "x"),
    ],
)
def test_a_pattern_is_a_kind_in_singular_or_plural_and_a_glob(
    written: str, kinds: set[Kind], glob: str
) -> None:
    assert scope.pattern(written) == scope.Pattern(frozenset(kinds), glob)


@pytest.mark.parametrize(
    "written", ["", "a", "schedules", "schedules.", "topics.a", ".a", "cron.x"]
)
def test_what_is_no_pattern_is_told_how_to_be_one(written: str) -> None:
    with pytest.raises(
        ValueError, match=r"schedules\.billing-\*; the kinds are url_groups, queues"
    ):
        scope.pattern(written)


# ---------------------------------------------------------------- what is kept


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({}, ["queues.images", "schedules.a", "schedules.b"]),
        ({"target": ("schedules.a",)}, ["schedules.a"]),
        ({"target": ("schedule.*",)}, ["schedules.a", "schedules.b"]),
        ({"target": ("schedules.a", "queues.im*")}, ["queues.images", "schedules.a"]),
        ({"exclude": ("schedules.a",)}, ["queues.images", "schedules.b"]),
        ({"target": ("schedules.*",), "exclude": ("*.b",)}, ["schedules.a"]),
    ],
)
def test_what_is_not_kept_is_left_out_and_listed(
    world: World, policy: dict[str, tuple[str, ...]], kept: list[str]
) -> None:
    plan = world.plan(BOTH, **policy)
    assert names(plan.changes) == kept
    everything = ["queues.images", "schedules.a", "schedules.b"]
    assert names(plan.left_out) == [name for name in everything if name not in kept]
    assert plan.summary_left_out["create"] == 3 - len(kept)
    outcomes = world.apply(BOTH, **policy)
    assert {outcome.status for outcome in outcomes} == {Status.DONE}
    assert world.plan(BOTH, **policy).empty
    assert names(world.plan(BOTH).changes) == names(plan.left_out)


def test_a_delete_is_made_where_it_is_targeted_and_nowhere_else(world: World) -> None:
    text = f"{HEAD}schedules: {{a: {ENTRY}, b: {ENTRY}, c: {ENTRY}, d: {ENTRY}}}\n"
    world.apply(text)
    less = f"{HEAD}schedules: {{a: {ENTRY}, d: {ENTRY}}}\n"
    plan = world.plan(less, target=("schedules.b",))
    assert [(change.name, change.action) for change in plan.changes] == [("b", Action.DELETE)]
    assert [(change.name, change.action) for change in plan.left_out] == [("c", Action.DELETE)]
    assert world.plan(less, target=("schedules.a",)).empty
    world.apply(less, target=("schedules.b",))
    assert world.account.store.get("schedule", "billing.b") is None
    assert world.schedule("billing.c")


def test_what_is_in_sync_and_left_out_is_not_counted(world: World) -> None:
    world.apply(BOTH)
    plan = world.plan(BOTH, target=("schedules.a",))
    assert plan.summary == {
        "create": 0, "update": 0, "delete": 0, "refused": 0, "unchanged": 1, "unmanaged": 0,
    }  # fmt: skip
    assert plan.left_out == ()


def test_nothing_is_said_of_what_is_left_out(world: World) -> None:
    """An error of its time, which would stop the whole apply, included."""
    wide = ENTRY[:-1] + ", timezone: America/New_York, dst: {max_parts: 1}}"
    text = f"{HEAD}{UNLINTED}schedules: {{a: {ENTRY}, b: {wide}}}\n"
    assert world.plan(text).errors
    plan = world.plan(text, exclude=("schedules.b",))
    assert not plan.errors
    assert not plan.warnings
    world.apply(text, exclude=("schedules.b",))
    assert world.schedule("billing.a")


@pytest.mark.parametrize(
    ("name", "told"),
    [("billing.{}.7", "no mark of ours"), ("scd_{}", "it fires beside this one")],
    ids=["a stray", "a twin"],
)
def test_what_fires_beside_a_schedule_is_told_where_the_run_is_about_it(
    world: World, name: str, told: str
) -> None:
    text = BOTH.replace("x'}, b", "a'}, b").replace("x'}}", "b'}}")
    world.apply(text)
    for owner in "ab":
        beside = {**world.schedule(f"billing.{owner}"), "scheduleId": name.format(owner)}
        world.account.store.put("schedule", name.format(owner), {**beside, "labels": []})
    for policy, owners in (({}, "ab"), ({"target": ("schedules.b",)}, "b")):
        found = [w.text for w in world.plan(text, **policy).warnings if told in w.text]
        assert len(found) == len(owners)
        assert all(name.format(o) in one for o, one in zip(owners, sorted(found), strict=True))


def test_unmanaged_resources_count_where_the_run_is_about_them(world: World) -> None:
    world.apply(BOTH)
    stored = world.schedule("billing.a")
    world.account.store.put(
        "schedule", "billing.x", {**stored, "scheduleId": "billing.x", "labels": []}
    )
    assert len(world.plan(BOTH).unmanaged) == 1
    assert len(world.plan(BOTH, target=("schedules.[ax]*",)).unmanaged) == 1
    assert len(world.plan(BOTH, exclude=("schedules.*",)).unmanaged) == 0


MANY = (
    HEAD
    + f"""owns: {{queues: ['*'], url_groups: ['*']}}
url_groups: {{g: {{endpoints: ['https://e.example.com']}}}}
queues: {{q: {{parallelism: 1}}, gone: {{parallelism: 1}}}}
flow_controls: {{f: {{parallelism: 1}}}}
schedules: {{a: {ENTRY}, b: {ENTRY}, left: {ENTRY}}}
"""
)
LESS = MANY.replace(", gone: {parallelism: 1}", "").replace(f", left: {ENTRY}", "")
KEYS = [
    (Kind.URL_GROUP, "g"), (Kind.QUEUE, "q"), (Kind.QUEUE, "gone"), (Kind.FLOW_CONTROL, "f"),
    (Kind.SCHEDULE, "billing.a"), (Kind.SCHEDULE, "billing.b"), (Kind.SCHEDULE, "billing.left"),
]  # fmt: skip


@pytest.mark.parametrize(
    "within", [None, *(frozenset((key,)) for key in KEYS), frozenset(KEYS[2:5])]
)
def test_a_comparison_of_some_resources_has_those_alone(
    world: World, within: frozenset[tuple[Kind, str]] | None
) -> None:
    world.apply(MANY)
    desired = config(LESS).desired
    with world.client(read_only=True) as client:
        live = proposal.observe(client, desired)
    index = LiveParts(desired, live.schedules or ())
    found = reconcile(desired, live, index, world.now, within=within)
    assert [one.key for one in found.compared] == [k for k in KEYS if within is None or k in within]
    assert found.unmanaged == []


# ---------------------------------------------------------------- patterns that name nothing


def test_of_a_kind_that_has_names_those_alone_are_listed(world: World) -> None:
    with pytest.raises(UsageError) as caught:
        world.plan(BOTH, target=("queues.zzz",))
    assert str(caught.value).endswith("has such a name; there is queues.images")


def test_of_many_names_twelve_are_listed_and_the_others_counted(world: World) -> None:
    names_ = [f"n{number:02}" for number in range(15)]
    text = f"{HEAD}schedules: {{{', '.join(f'{name}: {ENTRY}' for name in names_)}}}\n"
    with pytest.raises(UsageError) as caught:
        world.plan(text, target=("schedules.other",))
    listed = ", ".join(f"schedules.{name}" for name in names_[:12])
    assert str(caught.value).endswith(f"there is {listed} and 3 more")


@pytest.mark.parametrize("option", ["target", "exclude"])
@pytest.mark.parametrize(
    ("glob", "told"),
    [
        ("schedules.zzz", "there is schedules.a, schedules.b, schedules.other"),
        (
            "schedules.othr",
            "name; did you mean schedules.other? there is schedules.a, schedules.b, schedules.other",
        ),
        ("queue.*", "there is schedules.a, schedules.b, schedules.other"),
    ],
)
def test_a_pattern_that_names_nothing_is_wrong_usage(
    world: World, option: str, glob: str, told: str
) -> None:
    text = f"{HEAD}schedules: {{a: {ENTRY}, b: {ENTRY}, other: {ENTRY}}}\n"
    with pytest.raises(UsageError) as caught:
        world.plan(text, **{option: ("schedules.a", glob)})
    assert str(caught.value).startswith(f"--{option} {glob}: nothing in the files, or of ours")
    assert str(caught.value).endswith(told)


def test_what_is_live_and_ours_is_named_after_it_left_the_file(world: World) -> None:
    world.apply(f"{HEAD}schedules: {{a: {ENTRY}, b: {ENTRY}}}\n")
    less = f"{HEAD}schedules: {{a: {ENTRY}}}\n"
    assert names(world.plan(less, target=("schedules.b",)).changes) == ["schedules.b"]
    stored = world.schedule("billing.a")
    world.account.store.put("schedule", "theirs", {**stored, "scheduleId": "theirs", "labels": []})
    with pytest.raises(UsageError, match=r"schedules\.theirs: nothing"):
        world.plan(less, target=("schedules.theirs",))


# ---------------------------------------------------------------- references, guards, limits


@pytest.mark.parametrize("policy", [{"target": ("schedules.a",)}, {"exclude": ("queue.images",)}])
def test_a_reference_to_what_is_left_out_and_not_live_is_an_error(
    world: World, policy: dict[str, tuple[str, ...]]
) -> None:
    (error,) = world.plan(QUEUED, **policy).errors
    assert error.text == (
        "schedules.a.queue: images is left out of this run, and not in the account yet"
    )
    assert error.hint == "do it first, or in the same run: --target queues.images"
    world.apply(QUEUED, target=("queues.images",))
    assert not world.plan(QUEUED, **policy).errors


def test_a_reference_of_what_is_left_out_itself_is_no_error(world: World) -> None:
    assert not world.plan(QUEUED, target=("schedules.b",)).errors


@pytest.mark.parametrize("policy", [{"exclude": ("schedules.a",)}, {"target": ("queues.images",)}])
def test_what_a_schedule_uses_that_is_left_out_is_not_deleted(
    world: World, policy: dict[str, tuple[str, ...]]
) -> None:
    world.apply(QUEUED)
    less = f'{HEAD}owns: {{queues: ["*"]}}\nqueues: {{}}\nschedules: {{b: {ENTRY}}}\n'
    plan = world.plan(less, **policy, allow_deletes=9)
    assert [error.code for error in plan.errors] == ["guard"]
    assert "the schedule billing.a uses it" in plan.errors[0].message


def test_limits_of_deletes_count_what_is_kept_of_all_of_ours(world: World) -> None:
    """Three of ten are 30 %, and allowed: of the three that are targeted they would be all."""
    every = "".join(f"  s{number}: {ENTRY}\n" for number in range(10))
    world.apply(f"{HEAD}schedules:\n{every}")
    less = f"{HEAD}schedules: {{s9: {ENTRY}}}\n"
    assert [error.code for error in world.plan(less).errors] == ["guard"]
    assert not world.plan(less, target=("schedules.s[012]",)).errors
    (error,) = world.plan(less, target=("schedules.s[0123]",)).errors
    assert error.message == ("4 of 10 schedules would be deleted, limits.max_delete_percent is 30")
    limited = less.replace("schedules", "limits: {max_deletes: 1}\nschedules", 1)
    assert not world.plan(limited, target=("schedules.s0",)).errors


def test_another_files_schedules_are_not_deleted_because_one_of_ours_is_left_out(
    world: World,
) -> None:
    text = f"{HEAD}schedules: {{a: {ENTRY}, b: {ENTRY}, c: {ENTRY}}}\n"
    world.apply(text)
    other = f"{HEAD}schedules: {{x: {ENTRY}, y: {ENTRY}}}\n"
    plan = world.plan(other, exclude=("schedules.x", "schedules.b", "schedules.c"))
    assert "is the namespace another file's?" in plan.errors[0].hint


def test_quotas_count_what_is_kept(world: World) -> None:
    every = "".join(f"  s{number:02}: {ENTRY}\n" for number in range(11))
    text = f"{HEAD}{UNLINTED}limits: {{plan: free}}\nschedules:\n{every}"
    assert [error.code for error in world.plan(text).errors] == ["limit"]
    plan = world.plan(text, exclude=("schedules.s10",))
    assert not plan.errors
    assert not plan.warnings
    assert plan.schedule_counts == (0, 10)


# ---------------------------------------------------------------- renames


@pytest.mark.parametrize("one", ["old", "new"])
@pytest.mark.parametrize("paused", [False, True])
def test_half_a_rename_is_never_made(world: World, one: str, *, paused: bool) -> None:
    """Either name means both: the schedule is there before, meanwhile and afterwards."""
    world.apply(f"{HEAD}schedules: {{old: {ENTRY}, other: {ENTRY}}}\n")
    world.edit("billing.old", isPaused=paused)
    text = f"{HEAD}schedules: {{new: {ENTRY[:-1]}, was: old}}, other: {ENTRY}}}\n"
    left = world.plan(text, exclude=(f"schedules.{one}",))
    assert left.empty
    assert names(left.left_out) == ["schedules.new"]
    assert not world.apply(text, exclude=(f"schedules.{one}",))
    assert world.schedule("billing.old")
    (outcome,) = world.apply(text, target=(f"schedules.{one}",))
    assert (outcome.status, outcome.change.reason) == (Status.DONE, Reason.RENAME)
    assert world.account.store.get("schedule", "billing.old") is None
    assert world.schedule("billing.new")["isPaused"] is paused


def test_an_old_name_that_is_gone_names_nothing_any_more(world: World) -> None:
    text = f"{HEAD}schedules: {{new: {ENTRY[:-1]}, was: old}}}}\n"
    world.apply(text)
    with pytest.raises(UsageError, match=r"schedules\.old: nothing"):
        world.plan(text, target=("schedules.old",))


# ---------------------------------------------------------------- with other policies


def test_a_renewal_alone_of_some(world: World) -> None:
    daily = ENTRY[:-1] + ", timezone: Europe/Berlin}"
    text = f"{HEAD}schedules: {{a: {daily}, b: {daily}, c: {daily}}}\n"
    world.apply(text)
    world.sleep(100 * 86_400)
    edited = text.replace("c: {cron: 0 9", "c: {cron: 0 8")
    plan = world.plan(edited, only=Reason.CLOCK, target=("schedules.[ac]",))
    assert (names(plan.changes), plan.left, names(plan.left_out)) == (
        ["schedules.a"], 1, ["schedules.b"],
    )  # fmt: skip
    (outcome,) = world.apply(edited, only=Reason.CLOCK, target=("schedules.[ac]",))
    assert outcome.status is Status.DONE


def test_what_is_taken_over_is_what_is_targeted_too(world: World) -> None:
    text = f"{HEAD}schedules: {{a: {ENTRY}, b: {ENTRY}}}\n"
    world.apply(text)
    for name in ("billing.a", "billing.b"):
        world.edit(name, labels=["theirs"])
    outcomes = world.apply(text, adopt=("*",), target=("schedules.a",))
    assert [(o.change.name, o.status) for o in outcomes] == [("a", Status.DONE)]
    assert world.schedule("billing.b")["labels"] == ["theirs"]


def test_drift_judges_what_is_kept(world: World) -> None:
    world.apply(BOTH)
    world.edit("billing.a", retries=9)
    assert drift(world, BOTH).differences == 1
    found = drift(world, BOTH, exclude=("schedules.a",))
    assert found.differences == 0
    assert names(found.plan.left_out) == ["schedules.a"]
    assert [one.name for one in found.resources] == ["images", "b"]
    assert drift(world, BOTH, target=("schedules.a",)).differences == 1


def test_what_came_up_elsewhere_is_no_news_of_this_run(world: World) -> None:
    world.apply(BOTH)
    edited = BOTH.replace("b: {cron: 0 9", "b: {cron: 0 8")
    world.edit("billing.a", retries=9)
    policy = Policy(target=("schedules.b",))
    with world.client() as client:
        desired = config(edited).desired
        plan = proposal.propose(client, desired, now=world.now, policy=policy)
        world.edit("billing.a", retries=8)
        applied = world.carry_out(client, desired, plan, policy)
    assert applied.done
    assert not applied.fresh


@pytest.mark.parametrize("damaged", ["topics.x", "", "schedules"])
def test_a_damaged_scope_of_a_saved_plan_is_told(damaged: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        savefile._policy({"target": [damaged]})


# ---------------------------------------------------------------- one after the other


def test_one_target_after_the_other_ends_as_all_at_once() -> None:
    """Whatever the order; what refers to something that is not there yet waits for its turn."""
    desired = config(AFTER).desired
    random_ = random.Random(SEED)
    scene = Scene()
    with FaultServer(clock=scene.time) as scene.account:
        scene.prepare()
        start = scene.stored()
        targets = names(scene.plan(desired).changes)
        assert scene.apply(desired).done
        expected, theirs = scene.ours(), scene.theirs()
        for _ in range(12):
            scene.restore(start)
            rounds = _groups(random_, targets)
            waited = 0
            while rounds:
                policy = Policy(target=tuple(rounds[0]))
                if scene.plan(desired, policy).errors:
                    rounds.append(rounds.pop(0))
                    waited += 1
                    assert waited < 100, rounds
                    continue
                before = scene.theirs()
                assert scene.apply(desired, policy).done
                assert scene.theirs() == before == theirs
                rounds.pop(0)
            assert scene.ours() == expected
            assert scene.plan(desired).empty


def _groups(random_: random.Random, targets: list[str]) -> list[list[str]]:
    """Targets in random order, some together, some written in the singular."""
    written = [t.replace("s.", ".", 1) if random_.random() < 0.5 else t for t in targets]
    random_.shuffle(written)
    size = random_.randint(1, 4)
    return [written[start : start + size] for start in range(0, len(written), size)]
