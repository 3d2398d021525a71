"""Random histories: files that change, hands in the account, and runs that are cut off anywhere.

Whatever came before, of each run that reports success this must hold, by docs/ownership.md: nothing
of somebody else's was touched without the consent that is documented; the next plan is empty; each
schedule of the file fires when it is to, from one set of ours; nothing else of ours is left.
With QSTASH_SYNC_FULL=1 there are ten times as many.
"""

import json
import os
import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest

from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.crons import firings
from qstash_sync.crons.bitmaps import Span
from qstash_sync.local import Switches
from qstash_sync.model.resources import Schedule
from qstash_sync.reconcile import mark as marks
from tests.support import World, build, world as make_world

SEEDS = range(400 if os.environ.get("QSTASH_SYNC_FULL") == "1" else 40)
STEPS = 5
MOST_CUTS = 3  # of one run
Stored = dict[str, dict[str, Any]]

NAMESPACES = ("acme", "corp", "acme-x")
ENVIRONMENTS = (None, "prod", "live")
NAMES = ("a", "b", "c", "a-b")
TIMES = (
    ("30 9 * * *", "Europe/Berlin"), ("30 8 * * *", "Europe/Berlin"), ("30 9 * * *", "UTC"),
    ("15 4 * * 1-5", "America/New_York"), ("0 23 1 * *", "Asia/Tokyo"),
)  # fmt: skip
ERRORS = {"was"}  # its new name is another live one's: nothing is written
EXACT = timedelta(days=45)  # as long as `renew_before` promises


@dataclass
class File:
    """What a file says, as far as it matters for who owns what."""

    namespace: str = "acme"
    namespace_was: str | None = None
    environment: str | None = None
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The file, in JSON, which is YAML."""
        data = {
            "version": 1,
            "namespace": self.namespace,
            "limits": {"max_deletes": "none", "max_delete_percent": "none"},
            "schedules": self.schedules,
        }
        if self.namespace_was:
            data["namespace_was"] = self.namespace_was
        if self.environment:
            data["environments"] = {self.environment: {"token": "${env.T}"}}
        return json.dumps(data)

    def declared(self) -> tuple[Schedule, ...] | None:
        """Its schedules; None where it is wrong."""
        built, _ = build(self.text, {"T": "t"}, environment=self.environment)
        return built.desired.schedules if built else None

    def bases(self, name: str) -> list[str]:
        """The ids that a schedule has or may have had, by its entry."""
        namespaces = [each for each in (self.namespace, self.namespace_was) if each]
        one = self.schedules.get(name, {})
        names = [each for each in (name, one.get("was")) if each]
        found = [f"{namespace}.{each}" for namespace in namespaces for each in names]
        found += [each for each in names if each.startswith(tuple(f"{n}." for n in namespaces))]
        return found

    def scopes(self) -> dict[str, str]:
        """What the marks begin with that are its own to manage, each with its namespace."""
        namespaces = filter(None, (self.namespace, self.namespace_was))
        return {marks.scope(name, self.environment): name for name in namespaces}


def entry(rng: random.Random) -> dict[str, Any]:
    cron, timezone = rng.choice(TIMES)
    destination = f"https://app.example.com/j{rng.randrange(6)}"
    return {"cron": cron, "timezone": timezone, "destination": destination, "retries": 1}


def renamed(file: File, name: str, _stored: Stored, rng: random.Random) -> None:
    one, other = file.schedules[name], rng.choice(NAMES)
    if other not in file.schedules:
        was = rng.choice([name, name, f"{file.namespace}.{name}", one.get("id", name)])
        kept = {key: value for key, value in one.items() if key != "id"}
        file.schedules[other] = {**kept, "was": was}
        del file.schedules[name]


def moved(file: File, _name: str, _stored: Stored, rng: random.Random) -> None:
    other = rng.choice(NAMESPACES)
    if other != file.namespace:
        file.namespace_was = file.namespace if rng.random() < 0.8 else None
        file.namespace = other


def set_up(file: File, _name: str, _stored: Stored, rng: random.Random) -> None:
    file.environment = rng.choice(ENVIRONMENTS)


def set_anew(file: File, name: str, _stored: Stored, rng: random.Random) -> None:
    one = file.schedules[name]
    one["cron"], one["timezone"] = rng.choice(TIMES)
    one["retries"] = rng.randrange(4)
    one |= rng.choice([{}, {"paused": True}, {"paused": False}])


def ignoring(file: File, name: str, _stored: Stored, rng: random.Random) -> None:
    file.schedules[name]["ignore"] = [rng.choice(["cron", "retries", "paused"])]


def added(file: File, _name: str, _stored: Stored, rng: random.Random) -> None:
    file.schedules.setdefault(rng.choice(NAMES), entry(rng))


def removed(file: File, name: str, _stored: Stored, _rng: random.Random) -> None:
    del file.schedules[name]


def adopting(file: File, name: str, stored: Stored, rng: random.Random) -> None:
    foreign = [part_id for part_id in stored if part_id.startswith("scd_")]
    if file.schedules[name].pop("id", None) is None and foreign:
        file.schedules[name]["id"] = rng.choice(foreign)


def tidied(file: File, _name: str, _stored: Stored, rng: random.Random) -> None:
    file.namespace_was = rng.choice([None, file.namespace_was])
    gone = rng.choice([["was"], ["was", "ignore", "paused"]])
    for one in file.schedules.values():
        for key in gone:
            one.pop(key, None)


EDITS = (
    renamed, renamed, renamed, moved, moved, set_up, set_anew, set_anew, ignoring, added, removed,
    adopting, tidied,
)  # fmt: skip


def edited(file: File, stored: Stored, rng: random.Random) -> File:
    """The file after an edit; it may be wrong."""
    new = deepcopy(file)
    added(new, "", stored, rng)
    name = rng.choice([*new.schedules])
    if name not in file.schedules and file.schedules:
        del new.schedules[name]
        name = rng.choice([*new.schedules])
    rng.choice(EDITS)(new, name, stored, rng)
    return new


def handled(world: World, stored: Stored, rng: random.Random) -> None:
    """Somebody's hand in the console, or the application's own."""
    part_id = rng.choice(sorted(stored))
    one, other = stored[part_id], f"{rng.choice(NAMESPACES)}.{rng.choice(NAMES)}"
    other = rng.choice([other, f"{other}.2", f"scd_{rng.randrange(3)}"])
    labels = rng.choice([one["labels"], [], ["theirs"]])
    match rng.choice("pcdoh"):
        case "p":
            world.edit(part_id, isPaused=rng.choice([True, False]))
        case "c":
            world.edit(part_id, cron="7 3 * * *", labels=labels)
        case "d":
            world.account.store.delete("schedule", part_id)
        case "o":
            copy = {**one, "scheduleId": other, "labels": labels}
            world.account.store.put("schedule", other, copy)
        case "h" if marks.parse(one["labels"]):
            world.hand_over(part_id)


def stored_in(world: World) -> Stored:
    return {one["scheduleId"]: one for one in world.account.store.all("schedule")}


def restore(world: World, stored: Stored, now: datetime) -> None:
    for part_id in stored_in(world):
        world.account.store.delete("schedule", part_id)
    for part_id, one in stored.items():
        world.account.store.put("schedule", part_id, one)
    world.now = now


# What must hold

_SETTLED = (Status.DONE, Status.REFUSED)


def is_part(part_id: str, base: str) -> bool:
    head, _, tail = part_id.rpartition(".")
    return part_id == base or (head == base and tail.isdecimal())


def managed(file: File, stored: Stored) -> Iterator[str]:
    """What carries our mark under an id of ours, or under the one that it is bound to.

    The first releases' marks are bound to no id: ours as long as the file names that.
    """
    scopes = file.scopes()
    named = [one["id"] for one in file.schedules.values() if "id" in one]
    for part_id, one in stored.items():
        mark = marks.parse(one["labels"])
        if mark is None or mark.scope not in scopes:
            continue
        is_named = mark.bound is None and any(is_part(part_id, each) for each in named)
        if is_named or mark.bound == marks.binding(part_id, scopes[mark.scope]):
            yield part_id


def touchable(file: File, adopt: tuple[str, ...], stored: Stored) -> set[str]:
    """What a run may touch: what is managed, what an entry names, and what a consent is about."""
    found = set(managed(file, stored))
    namespaces = [name for name in (file.namespace, file.namespace_was) if name]
    ours = {marks.scope(name, e) for name in namespaces for e in ENVIRONMENTS} | {"0000"}
    for name, one in file.schedules.items():
        consents = any(fnmatchcase(name, glob) for glob in adopt)
        bases = file.bases(name)
        for part_id, stands in stored.items():
            mark = marks.parse(stands["labels"])
            is_copy = mark is not None and mark.bound not in (None, marks.bound_to(part_id))
            if part_id == one.get("id") and (mark is None or is_copy):
                found.add(part_id)
            if part_id == one.get("was") and mark is None:
                found.add(part_id)
            if consents and any(is_part(part_id, base) for base in bases):
                found.add(part_id)
            if (
                consents
                and is_part(part_id, one.get("id", "-"))
                and (not mark or mark.scope in ours)
            ):
                found.add(part_id)
    # A set that is ours in part goes with the consent to its name.
    for part_id in [*found]:
        base = part_id.rpartition(".")[0] if part_id.rpartition(".")[2].isdecimal() else part_id
        if adopt:
            found |= {each for each in stored if is_part(each, base)}
    return found


def check(
    world: World,
    file: File,
    adopt: tuple[str, ...],
    before: Stored,
    outcomes: tuple[Outcome, ...],
    *,
    is_cut: bool,
) -> None:
    after = stored_in(world)
    allowed = touchable(file, adopt, before)
    touched = {part_id for part_id, one in before.items() if after.get(part_id) != one}
    assert touched <= allowed, f"touched {touched - allowed}"
    if is_cut and any(outcome.status not in _SETTLED for outcome in outcomes):
        return  # it was cut off, and says so
    for outcome in outcomes:
        assert outcome.status in _SETTLED, outcome
        assert outcome.status is Status.DONE or outcome.change.refused, outcome
    again = world.plan(file.text, adopt=adopt, allow_deletes=10_000, allow_protected=("*",))
    assert not again.errors
    assert all(change.refused for change in again.changes), again.changes
    refused = {change.name for change in again.changes}
    ours = set(managed(file, after))
    declared = file.declared() or ()
    for schedule in declared:
        parts = {i for i in ours if is_part(i, schedule.id)} - {
            other.id for other in declared if other is not schedule
        }
        ours -= parts
        if schedule.name not in refused:
            check_one(world, schedule, [after[part_id] for part_id in sorted(parts)])
    waiting = {base for name in refused for base in file.bases(name)}
    waiting |= {change.id for change in again.changes}
    left = {one for one in ours if not any(is_part(one, base) for base in waiting)}
    assert not left, f"left {left}"


def check_one(world: World, schedule: Schedule, parts: list[dict[str, Any]]) -> None:
    assert parts, f"{schedule.name} is not there"
    if schedule.paused is not None and "paused" not in schedule.ignore:
        assert {one["isPaused"] for one in parts} == {schedule.paused}, schedule.name
    if "cron" in schedule.ignore:
        return
    span = Span.around(world.now, world.now + EXACT)
    within = span.window(world.now + timedelta(minutes=2), world.now + EXACT)
    fired = [firings.fired([one["cron"]], span) & within for one in parts]
    union = 0
    for one in fired:
        assert not union & one, f"{schedule.name} fires twice"
        union |= one
    assert union == firings.wanted(schedule.timing.job, span) & within, schedule.name


# The histories


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_came_before_a_run_does_what_the_file_says_and_no_more(seed: int) -> None:
    """The seed is the test's number; what it did is in the assertion's traceback."""
    rng = random.Random(seed)
    file = File(environment=rng.choice(ENVIRONMENTS))
    file.schedules = {name: entry(rng) for name in rng.sample(NAMES, 2)}
    order = rng.choice(["creation", "reverse"])
    with make_world(Switches(plan="none").with_(list_order=order)) as world:
        world.environ = {"T": "t"}
        run(world, file, ())
        for _ in range(STEPS):
            previous, before = file, stored_in(world)
            file = edited(edited(file, before, rng), before, rng)
            if before and rng.random() < 0.4:
                handled(world, before, rng)
            if file.declared() is None:
                file = previous
            adopt = rng.choice([(), ("*",), tuple(file.schedules)[:1]]) if file.schedules else ()
            start, now = stored_in(world), world.now
            writes = run(world, file, adopt)
            end = stored_in(world)
            for after in rng.sample(range(writes), min(writes, MOST_CUTS)):
                restore(world, start, now)
                run(world, file, adopt, cut=after)
                half = stored_in(world)
                other = edited(file, half, rng) if rng.random() < 0.5 else file
                run(world, other if other.declared() is not None else file, adopt[:1])
            restore(world, end, now + timedelta(days=rng.choice([0, 0, 1, 40, 150])))


def run(world: World, file: File, adopt: tuple[str, ...], *, cut: int | None = None) -> int:
    """One apply, whole or cut off, and what must hold of it; returns how many writes it made."""
    before, names = stored_in(world), file.schedules
    world.environment = file.environment
    adopt = tuple(glob for glob in adopt if any(fnmatchcase(name, glob) for name in names))
    policy: dict[str, Any] = {"adopt": adopt, "allow_protected": ("*",)}
    if errors := world.plan(file.text, allow_deletes=10_000, **policy).errors:
        assert {error.code for error in errors} <= ERRORS, errors
        return 0  # nothing is written
    start = len(world.account.log)
    if cut is None:
        outcomes = world.apply(file.text, **policy)
    else:
        outcomes = world.cut_off(file.text, after=cut, **policy)
    check(world, file, adopt, before, outcomes, is_cut=cut is not None)
    return sum(method != "GET" for method, _, _ in world.account.log[start:])
