"""Somebody else writes between our read and our write: told, and never silently overwritten.

Each case is played once for every request of the apply: right after the n-th, the other one acts.
Only what happens between the look at a resource and the write that follows can be lost.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from qstash_sync.applying import applying, proposal
from qstash_sync.applying.executor import Control
from qstash_sync.applying.outcomes import Applied, Status
from qstash_sync.local import Switches
from qstash_sync.planning.policy import Policy
from tests.fault_server import Fault, FaultServer
from tests.mixed import Scene
from tests.support import config, ids

HEAD = """
version: 1
namespace: n
owns: {url_groups: ["*"], queues: ["*"], flow_controls: ["*"]}
limits: {max_deletes: 9, max_delete_percent: none}
defaults: {timezone: UTC, cron: "0 3 * * *", destination: https://e.com}
"""
THEIRS = {"isPaused": False, "createdAt": 0, "cron": "1 1 * * *", "destination": "https://theirs.example.com", "method": "POST", "retries": 3, "labels": ["theirs"], "redact": [], "header": {}, "bodyBase64": "eA=="}  # fmt: skip
Act = Callable[[Scene], None]


def put(kind: str, name: str, document: dict[str, Any]) -> Act:
    """Somebody creates or replaces a resource, now."""

    def act(world: Scene) -> None:
        stamps = {key: int(world.now * 1000) for key in ("createdAt", "updatedAt")}
        world.account.store.put(kind, name, {**document, **stamps})

    return act


def edit(kind: str, name: str, **changes: Any) -> Act:
    """Somebody edits what is there; what is not there any more cannot be edited."""

    def act(world: Scene) -> None:
        if world.account.store.get(kind, name):
            world.edit(kind, name, **changes)

    return act


def delete(kind: str, name: str) -> Act:
    """Somebody deletes a resource."""

    def act(world: Scene) -> None:
        world.account.store.delete(kind, name)

    return act


@dataclass(frozen=True)
class Race:
    """Two files, what somebody does between them, and the stored document that it is about."""

    before: str
    after: str
    act: Act
    about: tuple[str, str]
    switches: Switches = Switches()

    @contextmanager
    def world(self) -> Iterator[Scene]:
        """An account in which the first file is applied."""
        world = Scene()
        with FaultServer(switches=self.switches, clock=world.time) as world.account:
            assert world.apply(config(HEAD + self.before).desired).done
            world.account.forget()
            yield world

    def run(self, world: Scene, at: int, policy: Policy = Policy()) -> Applied:
        """Apply the second file; somebody acts when n requests of the apply are done."""
        desired = config(HEAD + self.after).desired
        with world.client() as client:
            plan = proposal.propose(client, desired, now=world.at, policy=policy)
            assert not plan.errors
            world.account.forget()

            def after(_request: httpx.Request | None = None) -> None:
                if len(world.account.log) == at:
                    self.act(world)

            after()
            world.account.after = after
            try:
                control = Control(parallelism=1, sleep=world.sleep)
                return applying.apply(client, desired, plan, policy=policy, control=control)
            finally:
                world.account.after = None

    def requests(self) -> int:
        """How many requests the apply takes when nobody acts."""
        with self.world() as world:
            assert self.run(world, -1).done
            return len(world.account.log)


A = "schedules: {a: {}}\n"
BODY = "schedules: {a: {body: x}}\n"
PARTS = "schedules: {a: {cron: '0 9 * * *', timezone: America/New_York}}\n"
MORE_PARTS = PARTS.replace("0 9", "30 9")
NONE = "schedules: {}\n"
GROUP = "url_groups: {g: {endpoints: {a: 'https://u0.example.com'}}}\n"
NO_GROUP = "url_groups: {}\n"
THEIR_GROUP = {"name": "g", "endpoints": [{"name": "x", "url": "https://theirs.example.com"}]}
THEIR_QUEUE = {"name": "q", "parallelism": 7, "paused": False, "lag": 0}
THEIR_KEY = {"flowControlKey": "f", "parallelismMax": 7, "isPinnedParallelism": True}
KEPT, RESET = Switches(), Switches(overwrite_keeps_pause=False)

RACES: dict[str, Race] = {
    "a schedule that we update is deleted": Race(A, BODY, delete("schedule", "n.a"), ("schedule", "n.a")),
    "one that we update is edited": Race(A, BODY, edit("schedule", "n.a", retries=9), ("schedule", "n.a")),
    "one that we update is taken over": Race(A, BODY, edit("schedule", "n.a", labels=["theirs"]), ("schedule", "n.a")),
    "one that we update is paused": Race(A, BODY, edit("schedule", "n.a", isPaused=True), ("schedule", "n.a"), KEPT),
    "one that we update is paused, and overwriting resumes": Race(A, BODY, edit("schedule", "n.a", isPaused=True), ("schedule", "n.a"), RESET),
    "a part that we replace is edited": Race(PARTS, MORE_PARTS, edit("schedule", "n.a.2", retries=9), ("schedule", "n.a.2")),
    "a part that we replace is deleted": Race(PARTS, MORE_PARTS, delete("schedule", "n.a.3"), ("schedule", "n.a.3")),
    "a further part of ours appears": Race(A, PARTS, put("schedule", "n.a.2", {"scheduleId": "n.a.2", **THEIRS}), ("schedule", "n.a.2")),
    "one that we delete is edited": Race(A, NONE, edit("schedule", "n.a", retries=9), ("schedule", "n.a")),
    "one that we delete is taken over": Race(A, NONE, edit("schedule", "n.a", labels=["theirs"]), ("schedule", "n.a")),
    "one that we pause is taken over": Race(A, "schedules: {a: {paused: true}}\n", edit("schedule", "n.a", labels=["theirs"]), ("schedule", "n.a")),
    "one that we rename is edited": Race(A, "schedules: {b: {was: a}}\n", edit("schedule", "n.a", retries=9), ("schedule", "n.a")),
    "one that we create appears": Race(NONE, A, put("schedule", "n.a", {"scheduleId": "n.a", **THEIRS}), ("schedule", "n.a")),
    "a new name appears": Race(A, "schedules: {b: {was: a}}\n", put("schedule", "n.b", {"scheduleId": "n.b", **THEIRS}), ("schedule", "n.b")),
    "messages begin to wait in a queue that we delete": Race("queues: {q: {}}\n", "queues: {}\n", edit("queue", "q", lag=3), ("queue", "q")),
    "a queue that we update is edited": Race("queues: {q: {}}\n", "queues: {q: {parallelism: 3}}\n", edit("queue", "q", parallelism=7), ("queue", "q")),
    "a queue that we update is paused": Race("queues: {q: {}}\n", "queues: {q: {parallelism: 3}}\n", edit("queue", "q", paused=True), ("queue", "q")),
    "a queue that we create appears": Race("queues: {}\n", "queues: {q: {}}\n", put("queue", "q", THEIR_QUEUE), ("queue", "q")),
    "a URL group that we delete is edited": Race(GROUP, NO_GROUP, put("topic", "g", THEIR_GROUP), ("topic", "g")),
    "a URL group that we update is edited": Race(GROUP, GROUP.replace("u0", "u9"), put("topic", "g", THEIR_GROUP), ("topic", "g")),
    "a URL group that we create appears": Race(NO_GROUP, GROUP, put("topic", "g", THEIR_GROUP), ("topic", "g")),
    "a key that we pin is pinned": Race("flow_controls: {}\n", "flow_controls: {f: {parallelism: 2}}\n", put("flow", "f", THEIR_KEY), ("flow", "f")),
    "a key that we unpin is pinned otherwise": Race("flow_controls: {f: {parallelism: 2}}\n", "flow_controls: {}\n", put("flow", "f", THEIR_KEY), ("flow", "f")),
}  # fmt: skip


def document(world: Scene, race: Race) -> Any:
    """What is stored, without what every write touches."""
    stored = world.account.store.get(*race.about) or {}
    return {key: value for key, value in stored.items() if key not in ("createdAt", "updatedAt")}


@pytest.mark.parametrize("name", RACES)
def test_what_somebody_else_does_is_told_or_stays(name: str) -> None:
    race = RACES[name]
    lost: list[str] = []
    for at in range(race.requests() + 1):
        with race.world() as world:
            left: list[Any] = []

            def act(world: Scene, left: list[Any] = left) -> None:
                race.act(world)
                left.append(document(world, race))

            applied = replace(race, act=act).run(world, at)
            told = not applied.done or bool(applied.fresh)
            if not told and document(world, race) != left[0]:
                lost.append(" ".join(world.account.log[at - 1][:2]))
    kind, resource = race.about
    path = {"schedule": "schedules", "topic": "topics", "queue": "queues", "flow": "flowControl"}[
        kind
    ]
    look = f"GET /v2/{path}/{resource}"
    if kind == "topic":  # several requests bring a URL group to its endpoints
        lost = [request for request in lost if f"/v2/topics/{resource}" not in request]
    assert set(lost) <= {look}, lost
    assert len(lost) <= 1, lost


USERS = [
    ("a URL group", GROUP, NO_GROUP, {"destination": "g"}, ("topic", "g")),
    ("a queue", "queues: {q: {}}\n", "queues: {}\n", {"queueName": "q"}, ("queue", "q")),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "use", "about"), USERS, ids=ids(USERS))
def test_what_a_foreign_schedule_begins_to_use_is_not_deleted(
    _id: str, before: str, after: str, use: dict[str, str], about: tuple[str, str]
) -> None:
    act = put("schedule", "theirs", {"scheduleId": "theirs", **THEIRS, **use})
    race = Race(before, after, act, about)
    requests = race.requests()
    outcomes: list[str] = []
    for at in range(requests + 1):
        with race.world() as world:
            applied = race.run(world, at)
            kept = world.account.store.get(*about) is not None
            assert kept == (not applied.done)
            outcomes.append(applied.outcomes[0].message if kept else "deleted")
    # Two looks, at the schedules and at it, then the write; nothing can be told after these.
    first = outcomes.index("deleted")
    assert first >= requests - 6
    assert all("the schedule theirs uses it" in message for message in outcomes[:first])


def test_of_many_that_are_created_one_that_appears_is_left_alone() -> None:
    many: dict[str, Any] = {f"s{k}": {} for k in range(9)}
    race = Race(
        NONE,
        f"schedules: {many}\n",
        put("schedule", "n.s8", {"scheduleId": "n.s8", **THEIRS}),
        ("schedule", "n.s8"),
    )
    with race.world() as world:
        world.account.before = lambda _request: world.sleep(0.5)
        applied = race.run(world, 2)
        told = [outcome for outcome in applied.outcomes if outcome.status is Status.REFUSED]
        assert [outcome.change.name for outcome in told] == ["s8"]
        assert "n.s8 has appeared since it was read" in told[0].message
        assert document(world, race) == {
            k: v for k, v in {"scheduleId": "n.s8", **THEIRS}.items() if k != "createdAt"
        }


def test_what_comes_up_meanwhile_is_told_and_left_for_the_next_plan() -> None:
    two = "schedules: {a: {}, b: {}}\n"
    race = Race(
        two,
        two.replace("a: {}", "a: {body: x}"),
        edit("schedule", "n.b", retries=9),
        ("schedule", "n.b"),
    )
    for at in range(race.requests()):  # after the last read nobody looks
        with race.world() as world:
            applied = race.run(world, at)
            assert applied.done
            assert [change.name for change in applied.fresh] == ["b"], at
            assert world.schedule("n.b")["retries"] == 9


def test_nothing_is_deleted_when_an_update_is_refused() -> None:
    """Its schedule would be left with a URL group that is gone, or a job with no schedule at all."""
    before = GROUP + "schedules: {a: {url_group: g, destination: null}, old: {}}\n"
    after = NO_GROUP + "schedules: {a: {}, new: {}}\n"
    race = Race(before, after, edit("schedule", "n.a", retries=9), ("schedule", "n.a"))
    for at in (0, 1, 2):
        with race.world() as world:
            outcomes = {o.change.id: o.status for o in race.run(world, at).outcomes}
            assert outcomes == {
                "n.a": Status.REFUSED,
                "n.new": Status.DONE,
                "n.old": Status.BLOCKED,
                "g": Status.BLOCKED,
            }, at
            assert world.account.store.get("topic", "g")
            assert world.apply(config(HEAD + after).desired).done


def test_what_is_created_beside_a_name_that_appears_keeps_its_old_schedule() -> None:
    before, after = "schedules: {a: {}, c: {}}\n", "schedules: {b: {}, c: {}}\n"
    race = Race(
        before, after, put("schedule", "n.b", {"scheduleId": "n.b", **THEIRS}), ("schedule", "n.b")
    )
    with race.world() as world:
        outcomes = {o.change.id: o.status for o in race.run(world, 0).outcomes}
        assert outcomes == {"n.b": Status.REFUSED, "n.a": Status.BLOCKED}
        assert world.account.store.get("schedule", "n.a")


def test_somebody_who_does_the_same_is_no_failure() -> None:
    with Race(A, NONE, delete("schedule", "n.a"), ("schedule", "n.a")).world() as world:
        race = Race(A, NONE, delete("schedule", "n.a"), ("schedule", "n.a"))
        applied = race.run(world, 0)
        assert applied.done
        assert applied.outcomes[0].message == "it is so already"


def test_a_pin_that_waits_for_its_first_use_does_not_hold_up_that_use() -> None:
    text = "flow_controls: {k: {parallelism: 2}}\nschedules: {a: {flow_control: {key: k}}}\n"
    world = Scene()
    with FaultServer(switches=Switches(pin_on_new_key=404), clock=world.time) as world.account:
        desired = config(HEAD + text).desired
        outcomes = {o.change.id: o for o in world.apply(desired).outcomes}
        assert "waits for its first use" in outcomes["k"].message
        assert outcomes["n.a"].status is Status.DONE


REPLACED = [
    ("renamed", A, "schedules: {b: {was: a}}\n"),
    ("renamed, in several parts", PARTS, PARTS.replace("{a: {", "{b: {was: a, ")),
    ("given an id", A, "schedules: {a: {id: scd_1}}\n"),
    ("growing", A, PARTS.replace("0 9", "0 3")),
    ("of other times", PARTS, MORE_PARTS),
    ("shrinking", PARTS, A),
]


@pytest.mark.parametrize("switches", [KEPT, RESET], ids=["kept", "reset"])
@pytest.mark.parametrize(("_id", "before", "after"), REPLACED, ids=ids(REPLACED))
def test_whoever_pauses_what_is_replaced_has_paused_what_comes_in_its_place(
    _id: str, before: str, after: str, switches: Switches
) -> None:
    """At every moment; only between a look at a part and its delete can a pause be lost."""
    race = Race(
        before, after, edit("schedule", "n.a", isPaused=True), ("schedule", "n.a"), switches
    )
    lost: list[str] = []
    told = 0
    for at in range(race.requests() + 1):
        with race.world() as world:
            before_it: list[bool] = []
            there = {one["scheduleId"] for one in world.account.store.all("schedule")}

            def act(world: Scene, seen: list[bool] = before_it) -> None:
                seen.append(world.account.store.get("schedule", "n.a") is not None)
                race.act(world)

            applied = replace(race, act=act).run(world, at)
            stored = world.account.store.all("schedule")
            active = {one["scheduleId"] for one in stored if not one["isPaused"]}
            if before_it != [True]:
                continue
            if not applied.done:
                told += 1
                (outcome,) = applied.outcomes
                assert "since it was read" in outcome.message
                assert active <= there, outcome.message  # what was written is paused, too
            if active and world.account.store.get("schedule", "n.a") is None:
                lost.append(" ".join(world.account.log[at - 1][:2]))
    assert set(lost) <= {"GET /v2/schedules/n.a"}
    assert told


RENAMED = ("schedules: {a: {}}\n", "schedules: {b: {was: a}}\n")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"isPaused": True}, "n.a was paused since it was read; so n.b, which this run wrote, is paused, too"),
        ({"isPaused": True, "retries": 4}, "n.a was paused since it was read; so n.b, which this run wrote, is paused, too"),
    ],
)  # fmt: skip
def test_an_edit_beside_a_pause_hides_no_pause(changes: dict[str, Any], told: str) -> None:
    race = Race(*RENAMED, edit("schedule", "n.a", **changes), ("schedule", "n.a"))
    messages = []
    for at in range(race.requests()):
        with race.world() as world:
            (outcome,) = race.run(world, at).outcomes
            messages.append(outcome.message)
            if told in outcome.message:
                assert all(one["isPaused"] for one in world.account.store.all("schedule"))
    assert any(told in message for message in messages)


def test_what_cannot_be_paused_with_it_is_named_with_the_command() -> None:
    """Applied again it would stay active: the pause was of what is deleted then."""

    def act(world: Scene) -> None:
        fails = Fault(kind="401", times=99, matches=lambda _, path: path.endswith("/n.b/pause"))
        world.account.inject(fails)
        edit("schedule", "n.a", isPaused=True)(world)

    race = Race(*RENAMED, act, ("schedule", "n.a"))
    told = []
    for at in range(race.requests()):
        with race.world() as world:
            (outcome,) = race.run(world, at).outcomes
            told += [outcome.message] * (
                "n.b, which this run wrote, may be active" in outcome.message
            )
    assert told
    assert all(one.endswith("`qstash-sync pause b`, then apply again") for one in told)


def test_whoever_does_what_the_file_says_anyway_stops_nothing() -> None:
    race = Race(
        RENAMED[0],
        "schedules: {b: {was: a, paused: true}}\n",
        edit("schedule", "n.a", isPaused=True),
        ("schedule", "n.a"),
    )
    done = []
    for at in range(1, race.requests() + 1):
        with race.world() as world:
            done.append(race.run(world, at).done)
            (stored,) = world.account.store.all("schedule") if done[-1] else ({"isPaused": True},)
            assert stored["isPaused"]
    assert sum(done) >= len(done) - 2, done  # but where the account is read once more as a whole


def test_a_resume_of_what_is_replaced_is_told() -> None:
    race = Race(*RENAMED, edit("schedule", "n.a", isPaused=False), ("schedule", "n.a"))
    told = []
    for at in range(race.requests() + 1):
        with race.world() as world:
            world.account.console.pause("n.a")
            (outcome,) = race.run(world, at).outcomes
            told.append(outcome.message)
    fact = "n.a was resumed since it was read, and what replaces it may be paused; apply again, then resume it"
    assert any(fact in one for one in told)


def test_nothing_is_deleted_for_what_another_run_has_deleted_meanwhile() -> None:
    """That is of another version of the file, and finds the new name one of ours in no file."""

    def act(world: Scene) -> None:
        world.account.console.delete("schedule", "n.b")

    race = Race(*RENAMED, act, ("schedule", "n.b"))
    told, empty = [], []
    for at in range(race.requests() + 1):
        with race.world() as world:
            written = [False]

            def later(world: Scene, written: list[bool] = written) -> None:
                written[0] = world.account.store.get("schedule", "n.b") is not None
                act(world)

            (outcome,) = replace(race, act=later).run(world, at).outcomes
            if written[0] and not world.account.store.all("schedule"):
                empty.append(" ".join(world.account.log[at - 1][:2]))
            elif written[0] and world.account.store.get("schedule", "n.a"):
                told.append(outcome.message)
    fact = "n.b is gone by now: another run has deleted it; what it replaces is left as it is"
    assert any(fact in one for one in told)
    # The one round trip between a look and the delete, and whoever deletes it once it is alone.
    assert {one for one in empty if "n.b" in one} <= {"GET /v2/schedules/n.b"}


def test_nor_by_the_run_that_finishes_a_rename() -> None:
    """It writes nothing any more, and deletes the rest of the old name."""
    there: list[bool] = []

    def act(world: Scene) -> None:
        there.append(world.account.store.get("schedule", "n.a") is not None)
        world.account.console.delete("schedule", "n.b")

    race = Race(*RENAMED, act, ("schedule", "n.b"))
    told, empty = [], []
    for at in range(12):
        there.clear()
        with race.world() as world:
            old = world.account.store.get("schedule", "n.a") or {}
            race.run(world, -1)
            world.account.store.put("schedule", "n.a", old)  # as a cut leaves it
            (outcome,) = race.run(world, at).outcomes
            told.append(outcome.message)
            if there == [True] and not world.account.store.all("schedule"):
                empty.append(" ".join(world.account.log[at - 1][:2]))
    assert any("n.b is gone by now" in one for one in told)
    assert set(empty) <= {"GET /v2/schedules/n.a", "GET /v2/schedules/n.b"}


def test_a_pause_of_another_part_than_the_one_that_is_paused_is_not_lost() -> None:
    """Where a pause is somebody else's, what a change pauses is not all that it writes."""
    parts = "schedules: {a: {cron: '0 9 * * *', timezone: America/New_York, ignore: [paused]}}\n"
    renamed = parts.replace("{a: {", "{b: {was: a, ")
    race = Race(parts, renamed, edit("schedule", "n.a.3", isPaused=True), ("schedule", "n.a.3"))
    lost = []
    for at in range(1, race.requests() + 1):
        with race.world() as world:
            world.account.console.pause("n.a.2")
            there = [True]

            def act(world: Scene, there: list[bool] = there) -> None:
                there[0] = world.account.store.get("schedule", "n.a.3") is not None
                race.act(world)

            applied = replace(race, act=act).run(world, at)
            new = world.account.store.get("schedule", "n.b.3")
            if there[0] and applied.done and new and not new["isPaused"]:
                lost.append(" ".join(world.account.log[at - 1][:2]))
    assert set(lost) <= {"GET /v2/schedules/n.a.3"}


def test_a_resume_of_the_one_part_that_is_paused_is_told() -> None:
    parts = "schedules: {a: {cron: '0 9 * * *', timezone: America/New_York, ignore: [paused]}}\n"
    renamed = parts.replace("{a: {", "{b: {was: a, ")
    race = Race(parts, renamed, edit("schedule", "n.a.2", isPaused=False), ("schedule", "n.a.2"))
    lost = []
    for at in range(1, race.requests() + 1):
        with race.world() as world:
            world.account.console.pause("n.a.2")
            there = [True]

            def act(world: Scene, there: list[bool] = there) -> None:
                there[0] = world.account.store.get("schedule", "n.a.2") is not None
                race.act(world) if there[0] else None

            applied = replace(race, act=act).run(world, at)
            new = world.account.store.get("schedule", "n.b.2")
            if there[0] and applied.done and new and new["isPaused"]:
                lost.append(" ".join(world.account.log[at - 1][:2]))
    assert set(lost) <= {"GET /v2/schedules/n.a.2", "GET /v2/schedules/n.b"}


def test_a_resume_of_what_is_updated_in_place_says_no_more_than_that() -> None:
    race = Race(A, BODY, edit("schedule", "n.a", isPaused=False), ("schedule", "n.a"))
    told = []
    for at in range(race.requests() + 1):
        with race.world() as world:
            world.account.console.pause("n.a")
            told += [one.message for one in race.run(world, at).outcomes]
    assert any("n.a has changed since it was read; plan again" in one for one in told)
    assert not any("replaces" in one for one in told)


@pytest.mark.parametrize("saved", [False, True])
def test_what_to_do_next_is_what_works_next(*, saved: bool) -> None:
    """A saved plan does not hold any more, once somebody has paused what it replaces."""
    race = Race(*RENAMED, edit("schedule", "n.a", isPaused=True), ("schedule", "n.a"))
    told = []
    for at in range(race.requests()):
        with race.world() as world:
            (outcome,) = race.run(world, at, Policy(saved=saved)).outcomes
            told += [outcome.message] * ("is paused, too" in outcome.message)
    assert told
    assert all(one.endswith("plan again" if saved else "apply again") for one in told)


def test_a_resume_of_one_part_of_an_update_is_told_as_one() -> None:
    """The run has written further parts, and paused them, as the one that it read."""
    before = "schedules: {a: {}}\n"
    after = "schedules: {a: {timezone: Europe/Berlin}}\n"
    race = Race(before, after, edit("schedule", "n.a", isPaused=False), ("schedule", "n.a"))
    told = []
    for at in range(race.requests() + 1):
        with race.world() as world:
            world.account.console.pause("n.a")
            (outcome,) = race.run(world, at).outcomes
            told.append(outcome.message)
    assert any("n.a was resumed since it was read" in one for one in told)
    assert not any("n.a has changed since it was read" in one for one in told)
