"""Somebody's hand in the account: the next plan tells it as what it is, and an apply heals it.

Days and parts are drawn from a seeded generator; how many parts a set has is the compiler's matter.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from qstash_sync.applying.outcomes import Status
from qstash_sync.crons import compile as compiler, firings
from qstash_sync.crons.bitmaps import Difference
from qstash_sync.crons.compile import Compilation, Part, Strategy
from qstash_sync.crons.grammar import parse, render
from qstash_sync.local import Switches
from qstash_sync.model.change import Action, Firings, InSomeParts, Reason
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import Schedule
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule, PutSchedule
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import times
from qstash_sync.render import words
from tests.fault_server import Fault
from tests.support import HEAD, World, config, ids, world as make_world
from tests.years import RENEW_BEFORE, START, Job, crons, errors, file, fired, show

SEED = 20270313
JOBS = {
    "America/New_York": "0 9 * * 1-5",
    "Europe/Berlin": "*/15 9-17 * * *",
    "Australia/Lord_Howe": "0 9 * * *",
    "Africa/Cairo": "30 8 * * 1-5",
    "America/Santiago": "0 9 1,15 * *",
}
SETTINGS = "retries: 4, headers: {X-A: '1'}, body: {a: 1}"


@dataclass
class Scene:
    """A schedule of several parts, in sync on a random day."""

    world: World
    job: Job
    rng: random.Random
    before: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return file([self.job])

    @property
    def schedule(self) -> Schedule:
        (found,) = config(self.text).desired.schedules or ()
        return found

    @property
    def parts(self) -> dict[str, dict[str, Any]]:
        """What is stored, by id."""
        return {stored["scheduleId"]: stored for stored in self.world.account.store.all("schedule")}

    @property
    def recompiles_alike(self) -> bool:
        """Whether today's compilation has the crons that were stored before the hand."""
        return sorted(compiled(self.schedule, self.world)) == sorted(
            stored["cron"] for stored in self.before.values()
        )

    @property
    def valid_until(self) -> datetime:
        """The end of what is compiled today; all of these zones change their clocks."""
        made = times.compiled(self.schedule, self.world.now)
        assert not isinstance(made, Diagnostic)
        assert made.valid_until
        return made.valid_until

    def a_part(self, *, further: bool = False) -> str:
        return self.rng.choice(sorted(self.before)[further:])

    def edit(self, part_id: str, **changes: Any) -> None:
        self.world.edit(part_id, **changes)

    def put(self, part_id: str, stored: dict[str, Any], **changes: Any) -> None:
        document = {**stored, "scheduleId": part_id, **changes}
        self.world.account.store.put("schedule", part_id, document)

    def delete(self, part_id: str) -> None:
        self.world.account.store.delete("schedule", part_id)

    def plan(self) -> Plan:
        return self.world.plan(self.text)

    def fires_as_wanted(self) -> bool:
        """Whether every firing of the next 45 days is right, by brute force."""
        wanted = soon_wanted(self.job, self.world.now, RENEW_BEFORE)
        fires = soon_fired(self.world, RENEW_BEFORE)
        return errors(fires, wanted) == Difference()


def soon_wanted(job: Job, now: datetime, ahead: timedelta) -> list[int]:
    """The minutes from now on that a job is wanted in, by brute force."""
    return job.wanted(now, now + ahead, (now.date() - timedelta(days=3), ahead.days + 6))


def soon_fired(world: World, ahead: timedelta) -> list[int]:
    """The minutes from now on in which the account fires it."""
    return fired(world.account, ["x"], world.now, world.now + ahead)["x"]


def compiled(schedule: Schedule, world: World) -> tuple[str, ...]:
    made = times.compiled(schedule, world.now)
    assert not isinstance(made, Diagnostic)
    return made.crons


@contextlib.contextmanager
def scene(what: str, timezone: str, more: str = SETTINGS) -> Iterator[Scene]:
    """An account in sync: applied on a random day, some days ago."""
    rng = random.Random(f"{SEED} {what} {timezone}")
    job = Job(name="x", cron=JOBS[timezone], timezone=timezone, more=more)
    with make_world() as world:
        found = Scene(world, job, rng)
        while True:
            world.now = START + timedelta(days=rng.randrange(600), hours=rng.randrange(24))
            if len(compiled(found.schedule, world)) > (2 if "two" in what else 1):
                break
        world.apply(found.text)
        applied, days = world.now, rng.choice([0, rng.randrange(60)])
        while True:
            world.now = applied + timedelta(days=days)
            if found.plan().empty:
                break
            days -= 1
        show(f"seed {SEED}: {what}, {timezone}, {world.now:%Y-%m-%d}, applied {days} days ago")
        found.before = found.parts
        yield found


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the plan must say of a hand, and the fewest writes that heal it."""

    parts: str = ""  # the note of the field `parts`
    written: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()


def deleted(at: Scene, *gone: str) -> Told:
    for part_id in gone:
        at.delete(part_id)
    numbers = sorted(number(part_id) for part_id in gone)
    told = "; ".join(f"part {number} is missing" for number in numbers)
    return Told(parts=told, written=frozenset(gone))


def all_deleted_but_one(at: Scene) -> Told:
    kept = at.a_part()
    return deleted(at, *(part_id for part_id in at.before if part_id != kept))


def number(part_id: str) -> int:
    return int(part_id.removeprefix("billing.x").removeprefix(".") or 1)


def edited(cron: Callable[[str], str], *, far: bool = False) -> Callable[[Scene], Told]:
    """Edit a part's cron; far: of the part that fires last."""

    def hand(at: Scene) -> Told:
        part_id = last_to_fire(at) if far else at.a_part()
        at.edit(part_id, cron=cron(at.before[part_id]["cron"]))
        return Told(parts=f"part {number(part_id)} was edited", written=frozenset({part_id}))

    return hand


def last_to_fire(at: Scene) -> str:
    first: dict[str, int] = {}
    now = at.world.now
    for minute, part_id in at.world.account.firings(
        now.timestamp(), (now + timedelta(days=366)).timestamp()
    ):
        first.setdefault(part_id, minute)
    assert not set(first) ^ set(at.before)
    found = max(first, key=first.__getitem__)
    assert first[found] * 60 > (now + RENEW_BEFORE).timestamp(), "it matters months later"
    return found


def another_minute(cron: str) -> str:
    return " ".join(["7", *cron.split()[1:]])


def copied(at: Scene) -> Told:
    """A copy with our labels, as a console makes it."""
    at.put("billing.x.7", at.before[at.a_part()])
    return Told(parts="billing.x.7 is surplus", deleted=frozenset({"billing.x.7"}))


def moved(at: Scene) -> Told:
    part_id = at.a_part(further=True)
    at.put("billing.x.17", at.before[part_id])
    at.delete(part_id)
    told = f"part {number(part_id)} is missing; billing.x.17 is surplus"
    gone = frozenset({"billing.x.17"})
    return Told(parts=told, written=frozenset({part_id}), deleted=gone)


HANDS: list[tuple[str, Callable[[Scene], Told]]] = [
    ("the first part deleted", lambda at: deleted(at, "billing.x")),
    ("a further part deleted", lambda at: deleted(at, at.a_part(further=True))),
    ("all parts deleted but one", all_deleted_but_one),
    ("a cron edited", edited(another_minute)),
    ("a cron edited that fires months later", edited(another_minute, far=True)),
    ("a zone set", edited(lambda cron: f"CRON_TZ=America/Lima {cron}")),
    ("a cron of every hour", edited(lambda _cron: "@every 1h")),
    ("a cron that never fires", edited(lambda cron: " ".join([*cron.split()[:4], ","]))),
    ("a copy added", copied),
    ("a part moved to another id", moved),
]


@pytest.mark.parametrize("timezone", JOBS)
@pytest.mark.parametrize(("what", "hand"), HANDS, ids=ids(HANDS))
def test_a_hand_on_parts_is_told_as_what_it_is_and_healed_by_the_fewest_writes(
    what: str, hand: Callable[[Scene], Told], timezone: str
) -> None:
    with scene(what, timezone) as at:
        told = hand(at)
        (change,) = at.plan().changes
        assert (change.action, change.reason) == (Action.UPDATE, Reason.DRIFT)
        assert [f.note for f in change.fields if f.path == "parts"] == [told.parts]
        assert {f.path for f in change.fields} <= {"parts", "cron"}
        heal(at, told)


def heal(at: Scene, told: Told) -> None:
    """Apply; where today's compilation is what is stored, only what was touched is written."""
    (change,) = at.plan().changes
    alike = at.recompiles_alike
    if alike:
        assert {s.id for s in change.steps if isinstance(s, PutSchedule)} == told.written
        assert {s.id for s in change.steps if isinstance(s, DeleteSchedule)} == told.deleted
        assert {s.id for s in change.steps if isinstance(s, PauseSchedule)} <= told.written
    assert [outcome.status for outcome in at.world.apply(at.text)] == [Status.DONE]
    assert at.plan().empty
    assert at.fires_as_wanted()
    assert "billing.x" in at.parts
    if alike:
        assert crons(at.world.account)["x"] == {i: s["cron"] for i, s in at.before.items()}
        for part_id in set(at.before) - told.written:
            assert at.parts[part_id] == at.before[part_id]


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("a header", {"header": {"X-A": ["2"], "Content-Type": ["application/json"]}}, "headers.X-A"),
    ("the body", {"bodyBase64": "eyJhIjogMn0="}, "body.a"),
    ("the retries", {"retries": 9}, "retries"),
    ("the destination", {"destination": "https://app.example.com/y"}, "destination"),
]


@pytest.mark.parametrize("timezone", JOBS)
@pytest.mark.parametrize(("what", "changes", "path"), CHANGES, ids=ids(CHANGES))
def test_a_setting_edited_in_one_part_is_told_with_that_part(
    what: str, changes: dict[str, Any], path: str, timezone: str
) -> None:
    with scene(what, timezone) as at:
        part_id = at.a_part()
        at.edit(part_id, **changes)
        (change,) = at.plan().changes
        assert (change.action, change.reason) == (Action.UPDATE, Reason.DRIFT)
        assert [f.path for f in change.fields] == [path]
        assert words.notes(change) == [f"in 1 of {len(at.before)} parts: {part_id}"]
        heal_setting(at, part_id)


def heal_setting(at: Scene, part_id: str) -> None:
    (change,) = at.plan().changes
    assert {getattr(step, "id", None) for step in change.steps} == {part_id}
    assert [outcome.status for outcome in at.world.apply(at.text)] == [Status.DONE]
    assert at.plan().empty
    assert {i: s for i, s in at.parts.items() if i != part_id} == {
        i: s for i, s in at.before.items() if i != part_id
    }


def by_name(cron: str) -> str:
    """Months and weekdays by name, where a field has no name in lists that end in a range."""
    *rest, months, weekdays = cron.split()
    return " ".join([*rest, named(months, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", 1),
                     named(weekdays, "SUN MON TUE WED THU FRI SAT", 0)])  # fmt: skip


def named(text: str, names: str, low: int) -> str:
    words = names.split()
    if text.startswith("*"):
        return text
    spans = (item.split("-") for item in text.split(","))
    return ",".join("-".join(words[int(n) - low] for n in span) for span in spans)


def one_by_one(cron: str) -> str:
    """Every list written out, backwards."""
    fields = parse(cron).fields
    sets = (fields.minutes, fields.hours, fields.days, fields.months, fields.weekdays)
    every = (60, 24, 31, 12, 7)
    return " ".join(
        "*" if len(values) == count else ",".join(str(value) for value in reversed(values))
        for values, count in zip(sets, every, strict=True)
    )


SPELLINGS: list[tuple[str, Callable[[str], str]]] = [
    ("names", by_name),
    ("small names", lambda cron: by_name(cron).lower()),
    ("lists backwards", one_by_one),
    ("question marks", lambda cron: cron.replace("*", "?") if "/" not in cron else cron),
    ("zeros and spaces", lambda cron: "  ".join(f"0{w}" if w.isdecimal() else w for w in cron.split())),
    ("UTC by name", lambda cron: f"CRON_TZ=UTC {cron}"),
]  # fmt: skip


@pytest.mark.parametrize("timezone", JOBS)
@pytest.mark.parametrize(("what", "respelt"), SPELLINGS, ids=ids(SPELLINGS))
def test_another_spelling_of_the_same_firings_is_no_change(
    what: str, respelt: Callable[[str], str], timezone: str
) -> None:
    """Nor on any later day on which nothing was due before it."""
    with scene(what, timezone) as at:
        today = at.world.now
        days = [today + timedelta(days=day) for day in range(0, 60, 6)]
        still = [at.world.now for at.world.now in days if at.plan().empty]
        for part_id, stored in at.before.items():
            at.edit(part_id, cron=respelt(stored["cron"]))
        assert [at.world.now for at.world.now in days if at.plan().empty] == still
        at.world.now = today
        assert at.world.apply(at.text) == ()


@pytest.mark.parametrize(
    ("cron", "is_same"),
    [("0 9 1-31 * 0-6", True), ("0 9 * 1-12 0,1,2,3,4,5,6", True), ("0 9 1-31 * 1-6", True),
     ("0 9 1-30 * *", False), ("0 9 * * 1-6", False), ("0,0 9 * * *", True)],
)  # fmt: skip
def test_another_cron_of_the_same_firings_is_no_change(
    world: World, cron: str, *, is_same: bool
) -> None:
    """With both day fields restricted, either of them may match."""
    text = f"{HEAD}schedules: {{x: {{cron: 0 9 * * *, destination: 'https://e.com/x'}}}}\n"
    world.apply(text)
    world.edit("billing.x", cron=cron)
    assert world.plan(text).empty is is_same


def test_an_unmarked_schedule_among_the_parts_is_told_and_left_alone() -> None:
    with scene("stray", "America/New_York") as at:
        at.put("billing.x.9", at.before["billing.x"], labels=["theirs"])
        plan = at.plan()
        assert plan.empty
        assert [f.code for f in plan.warnings if f.code != "clock_change"] == ["stray"]
        assert "schedules.x: billing.x.9 looks like a part of it" in plan.warnings[-1].text
        at.delete(at.a_part(further=True))
        at.world.apply(at.text)
        assert at.parts["billing.x.9"]["labels"] == ["theirs"]


def test_a_part_that_lost_its_mark_is_refused_and_named() -> None:
    with scene("unmarked", "Europe/Berlin") as at:
        at.edit("billing.x", labels=["theirs"])
        (change,) = at.plan().changes
        assert change.refused is not None
        assert change.refused.startswith("billing.x has no mark of ours")
        assert [outcome.status for outcome in at.world.apply(at.text)] == [Status.REFUSED]
        assert at.parts["billing.x"]["labels"] == ["theirs"]


def test_a_surplus_copy_is_told_by_what_it_doubles() -> None:
    """Not by what else will be wrong once the horizon has ended."""
    with scene("doubles", "America/New_York") as at:
        part_id = at.a_part()
        at.put("billing.x.7", at.before[part_id])
        now = at.world.now
        span = now.timestamp(), (now + timedelta(days=366)).timestamp()
        times = sum(found == part_id for _, found in at.world.account.firings(*span))
        (change,) = at.plan().changes
        assert words.notes(change) == [f"{times} firings a year come twice"]


def test_an_edited_part_is_told_by_the_firings_of_that_part_alone() -> None:
    with scene("effect", "America/New_York") as at:
        part_id = last_to_fire(at)
        cron = at.before[part_id]["cron"]
        at.edit(part_id, cron=" ".join(["5", *cron.split()[1:]]))
        now = at.world.now
        (change,) = at.plan().changes
        days = (at.valid_until - now).days  # what it fires later is not what the file wants
        span = now.timestamp(), (now + timedelta(days=days)).timestamp()
        count = sum(found == part_id for _, found in at.world.account.firings(*span))
        told = f"{count} firings in {days} days move 5m earlier, first Wed 2027-12-01 09:00"
        assert words.notes(change)[0] == told


@pytest.mark.parametrize("timezone", JOBS)
def test_a_part_that_is_gone_is_told_by_what_is_wanted_of_it(timezone: str) -> None:
    """What it would fire once the horizon has ended comes back, and is not what the file wants."""
    with scene("gone", timezone) as at:
        now = at.world.now
        ahead = timedelta(days=min((at.valid_until - now).days, 365))
        fires = list(at.world.account.firings(now.timestamp(), (now + ahead).timestamp()))
        wanted = set(soon_wanted(at.job, now, ahead))
        for part_id, stored in at.before.items():
            at.delete(part_id)
            (change,) = at.plan().changes
            (note,) = (note for note in change.notes if isinstance(note, Firings))
            its_own = [when for when, found in fires if found == part_id]
            assert wanted.issuperset(its_own)
            assert (note.effect.added, note.effect.days) == (len(its_own), ahead.days)
            assert (note.effect.removed, note.effect.moved) == (0, 0)
            at.put(part_id, stored)


def test_a_schedule_of_which_no_part_is_left_is_created_again() -> None:
    """Nothing tells that it was there."""
    with scene("all deleted", "Africa/Cairo") as at:
        deleted(at, *at.before)
        (change,) = at.plan().changes
        assert (change.action, change.reason) == (Action.CREATE, Reason.FILE)
        at.world.apply(at.text)
        assert at.plan().empty
        assert at.fires_as_wanted()


# The pause


def test_a_part_paused_by_hand_is_told_and_left() -> None:
    with scene("one paused", "Africa/Cairo") as at:
        at.edit(at.a_part(), isPaused=True)
        plan = at.plan()
        assert plan.empty
        told = [f.text for f in plan.warnings if f.code == "partly_paused"]
        assert told == [f"schedules.x: 1 of {len(at.before)} parts is paused"]


def test_all_parts_paused_by_hand_are_left_so_and_resumed_by_hand_too() -> None:
    with scene("all paused", "Africa/Cairo") as at:
        for paused, codes in ((True, ["paused"]), (False, [])):
            for part_id in at.before:
                at.edit(part_id, isPaused=paused)
            plan = at.plan()
            assert plan.empty
            assert [f.code for f in plan.warnings if f.code != "clock_change"] == codes


@pytest.mark.parametrize("paused", [True, False])
def test_a_pause_that_the_file_sets_is_put_back_in_the_part_alone(*, paused: bool) -> None:
    with scene("set", "Europe/Berlin", more=f"paused: {str(paused).lower()}") as at:
        part_id = at.a_part()
        at.edit(part_id, isPaused=not paused)
        (change,) = at.plan().changes
        action = Action.PAUSE if paused else Action.RESUME
        assert (change.action, change.reason) == (action, Reason.DRIFT)
        assert change.steps == (PauseSchedule(id=part_id, paused=paused),)
        at.world.apply(at.text)
        assert at.plan().empty
        assert at.parts == at.before


def test_a_write_to_a_partly_paused_schedule_says_that_it_pauses_every_part() -> None:
    with scene("partly and edited", "America/New_York") as at:
        paused, touched = sorted(at.before)[:2]
        at.edit(paused, isPaused=True)
        at.edit(touched, retries=9)
        (change,) = at.plan().changes
        assert change.reason is Reason.DRIFT
        assert "every part will be paused, since some are" in words.notes(change)
        at.world.apply(at.text)
        assert all(stored["isPaused"] for stored in at.parts.values())
        assert at.plan().empty


@pytest.mark.parametrize("more", ["", "paused: true", "paused: false"])
@pytest.mark.parametrize("hand", [None, True, False])
def test_a_write_says_so_only_where_it_pauses_what_nobody_asked_for(
    more: str, hand: bool | None
) -> None:
    with scene("all alike", "America/New_York", more=more) as at:
        for part_id in at.before:
            at.edit(part_id, retries=9, **({} if hand is None else {"isPaused": hand}))
        (change,) = at.plan().changes
        assert not change.pauses_all
        assert not any(isinstance(note, InSomeParts) for note in change.notes)


def test_a_label_edited_in_one_part_is_told_as_that() -> None:
    """The parts of a set are alike but for their marks: that is no reason to look at one alone."""
    with scene("a label", "America/New_York", more="labels: [l]") as at:
        part_id = at.a_part(further=True)
        at.edit(part_id, labels=[*at.before[part_id]["labels"], "theirs"])
        (change,) = at.plan().changes
        assert [field.path for field in change.fields] == ["labels"]
        assert change.reason is Reason.DRIFT
        assert words.notes(change) == [f"in 1 of {len(at.before)} parts: {part_id}"]


@pytest.mark.parametrize(
    ("timezone", "note"),
    [("UTC", ""), ("Asia/Tokyo", "in UTC, for 30 23 * * * in Asia/Tokyo")],
    ids=["as written", "not so"],
)
def test_what_the_file_has_stands_beside_a_cron_that_is_stored_otherwise(
    world: World, timezone: str, note: str
) -> None:
    text = f"{HEAD}schedules: {{x: {{cron: 30 23 * * *, timezone: {timezone}, destination: 'https://e.com/x'}}}}\n"
    world.apply(text)
    stored = world.schedule("billing.x")["cron"]
    world.edit("billing.x", cron="7 3 * * *")
    (change,) = world.plan(text).changes
    (field,) = change.fields
    assert (field.path, field.before, field.after) == ("cron", "7 3 * * *", stored)
    assert field.note == note


def test_a_cron_that_differs_is_told_by_the_part_and_not_as_in_some_parts() -> None:
    with scene("a cron", "America/New_York") as at:
        at.edit(at.a_part(), cron="7 3 * * *")
        (change,) = at.plan().changes
        assert not any(isinstance(note, InSomeParts) for note in change.notes)


# A set that was cut off midway


def shorter(job: firings.Job, **given: Any) -> Compilation:
    """An earlier set of one part: right until the next clock change."""
    return COMPILE(job, **{**given, "strategy": Strategy.FOLLOW})


def as_now(job: firings.Job, **given: Any) -> Compilation:
    """An earlier set as it is compiled today."""
    return COMPILE(job, **given)


def longer(job: firings.Job, **given: Any) -> Compilation:
    """An earlier set of more parts: those of several months in two."""
    made = COMPILE(job, **given)
    return replace(made, parts=tuple(half for part in made.parts for half in halves(part)))


COMPILE = compiler.compile_job


def halves(part: Part) -> list[Part]:
    fields = parse(part.cron).fields
    middle = (len(fields.months) + 1) // 2
    months = [found for found in (fields.months[:middle], fields.months[middle:]) if found]
    return [replace(part, cron=render(replace(fields, months=some))) for some in months]


EARLIER = {"fewer": shorter, "as many": as_now, "more": longer}
Earlier = Callable[..., Compilation]


@contextlib.contextmanager
def due_renewal(
    timezone: str, earlier: Earlier, monkeypatch: pytest.MonkeyPatch, switches: Switches
) -> Iterator[Scene]:
    """On the day of a renewal: the stored set is one of an earlier version of ours."""
    rng = random.Random(f"{SEED} {earlier.__name__} {timezone}")
    job = Job(name="x", cron=JOBS[timezone], timezone=timezone)
    with make_world(switches) as world:
        at = Scene(world, job, rng)
        world.now = START + timedelta(days=rng.randrange(360))
        with monkeypatch.context() as patched:
            patched.setattr(compiler, "compile_job", earlier)
            world.apply(at.text)
        while at.plan().empty:
            world.now += timedelta(days=1)
        at.before = at.parts
        yield at


def restore(at: Scene) -> None:
    for part_id in at.parts:
        at.delete(part_id)
    for part_id, stored in at.before.items():
        at.put(part_id, stored)


def cut_off(at: Scene, writes: int) -> bool:
    """Renew, but every write after the first ones fails; whether there was one that failed."""
    restore(at)
    now = at.world.now
    fault = Fault(kind="500", at=writes + 1, times=10**6, matches=lambda method, _: method != "GET")
    at.world.account.inject(fault)
    (outcome,) = at.world.apply(at.text, only=Reason.CLOCK)
    at.world.account.forget()
    at.world.now = now
    return outcome.status is Status.FAILED


@pytest.mark.parametrize("only", [None, Reason.CLOCK])
@pytest.mark.parametrize("earlier", EARLIER)
@pytest.mark.parametrize("timezone", ["America/New_York", "Australia/Lord_Howe"])
def test_a_renewal_cut_off_after_any_write_is_healed_by_the_next(
    timezone: str, earlier: str, only: Reason | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as what it is, no hand of somebody's, so that a weekly job heals it, too."""
    with due_renewal(timezone, EARLIER[earlier], monkeypatch, Switches()) as at:
        whole = sorted(compiled(at.schedule, at.world))
        needed = len(at.plan().changes[0].steps)
        writes = 0
        while cut_off(at, writes):
            left = at.plan().changes
            for change in left:
                assert change.reason is Reason.CLOCK
                notes = [f.note for f in change.fields if f.path == "parts"]
                assert all("an apply was cut off" in note for note in notes)
            at.world.apply(at.text, only=only)
            assert at.plan().empty
            assert at.fires_as_wanted()
            if left:  # else what there is will do for weeks, and the clock tells when it will not
                assert sorted(crons(at.world.account)["x"].values()) == whole
            writes += 1
        assert writes == needed >= 2
        show(f"{len(at.before)} -> {len(whole)} parts, cut off after each of {writes} writes")


@pytest.mark.parametrize("earlier", EARLIER)
@pytest.mark.parametrize("keeps", [True, False])
def test_a_renewal_of_a_paused_schedule_that_was_cut_off_leaves_no_part_active_unseen(
    *, earlier: str, keeps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a server that resets the pause of what is overwritten can leave one so; it is told."""
    switches = Switches(overwrite_keeps_pause=keeps)
    with due_renewal("America/New_York", EARLIER[earlier], monkeypatch, switches) as at:
        for part_id in at.before:
            at.edit(part_id, isPaused=True)
        at.before = at.parts
        writes = 0
        while cut_off(at, writes):
            at.world.apply(at.text, only=Reason.CLOCK if keeps else None)
            plan = at.plan()
            assert plan.empty
            told = {w.code for w in plan.warnings} & {"partly_paused", "resumed"}
            assert all(stored["isPaused"] for stored in at.parts.values()) is not bool(told)
            assert not (told and keeps)
            writes += 1
        assert writes > len(at.before)


def test_a_pause_lifted_by_hand_before_a_renewal_is_no_matter_of_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last write paused it; nothing pauses it again."""
    with due_renewal("America/New_York", as_now, monkeypatch, Switches()) as at:
        for part_id in at.before:
            at.edit(part_id, isPaused=True)
        at.world.apply(at.text)
        for part_id in at.parts:
            at.edit(part_id, isPaused=False)
        assert "resumed" in {w.code for w in at.plan().warnings}
        while at.plan().empty:
            at.world.now += timedelta(days=1)
        (change,) = at.plan().changes
        assert ([f.path for f in change.fields], change.reason) == (["cron"], Reason.CLOCK)
        assert at.world.apply(at.text, only=Reason.CLOCK)[0].status is Status.DONE
        assert not any(stored["isPaused"] for stored in at.parts.values())
        assert "resumed" not in {w.code for w in at.plan().warnings}


# Strategies


@pytest.mark.parametrize("timezone", ["America/New_York", "Europe/Berlin", "Asia/Kolkata"])
def test_switching_the_strategy_keeps_the_first_id_and_takes_one_apply(timezone: str) -> None:
    jobs = {**JOBS, "Asia/Kolkata": "0 9 * * 1-5"}
    rng = random.Random(f"{SEED} strategies {timezone}")
    with make_world() as world:
        world.now = START + timedelta(days=rng.randrange(360))
        show(f"seed {SEED}: {timezone}, {world.now:%Y-%m-%d}")
        for strategy in ("split", "native", "follow", "auto", "split"):
            job = Job(name="x", cron=jobs[timezone], timezone=timezone, strategy=strategy)
            at = Scene(world, job, rng)
            (outcome,) = world.apply(at.text)
            assert (outcome.status, outcome.change.reason) == (Status.DONE, Reason.FILE)
            assert "billing.x" in at.parts
            assert at.plan().empty
            if strategy != "follow":
                assert at.fires_as_wanted()


def test_follow_is_put_right_by_the_first_apply_after_a_clock_change() -> None:
    """New York, 2027: 14 March at 07:00Z and 7 November at 06:00Z."""
    job = Job(name="x", cron="0 9 * * *", timezone="America/New_York", strategy="follow")
    with make_world() as world:
        world.now = START
        world.apply(file([job]))
        for change in (datetime(2027, 3, 14, 7, tzinfo=UTC), datetime(2027, 11, 7, 6, tzinfo=UTC)):
            world.now = change - timedelta(minutes=1)
            assert world.plan(file([job])).empty
            world.now = change + timedelta(minutes=3)
            (outcome,) = world.apply(file([job]), only=Reason.CLOCK)
            assert (outcome.status, outcome.change.reason) == (Status.DONE, Reason.CLOCK)
            ahead = timedelta(days=90)
            assert soon_fired(world, ahead) == soon_wanted(job, world.now, ahead)


def native(cron: str, *, accept: bool = False, retries: int = 3) -> str:
    job = Job(name="x", cron=cron, timezone="America/New_York", strategy="native")
    text = file([job]).replace("'}\n", f"', retries: {retries}}}\n")
    return text.replace("strategy: native", f"strategy: native, accept: {str(accept).lower()}")


def test_native_that_differs_from_the_policy_is_an_error_to_create_and_to_change_a_warning_later(
    world: World,
) -> None:
    """A parser loses 02:30 on the day of the gap, which the default policy runs at 03:00."""
    world.now = START
    (error,) = world.plan(native("30 2 * * *")).errors
    assert "QStash's parser would miss 1 firing," in error.message
    world.apply(native("30 2 * * *", accept=True))
    later = world.plan(native("30 2 * * *"))
    assert later.empty
    assert not later.errors
    assert [f.text for f in later.warnings] == [error.text]
    (outcome,) = world.apply(native("30 2 * * *", retries=7))
    assert (outcome.status, world.schedule("billing.x")["retries"]) == (Status.DONE, 7)
    (changed,) = world.plan(native("45 2 * * *")).errors
    assert "QStash's parser would miss 1 firing," in changed.message


# A server that spells things its own way


def spelling(world: World, respelt: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Let the account store schedules in other words than they were sent."""

    def after(request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path.startswith("/v2/schedules/http"):
            for stored in world.account.store.all("schedule"):
                world.account.store.put("schedule", stored["scheduleId"], respelt(stored))

    world.account.after = after


@pytest.mark.parametrize("timezone", JOBS)
def test_a_server_that_respells_crons_makes_nothing_drift_and_no_write_more(timezone: str) -> None:
    """Over a year of renewals, and where a part is deleted by hand."""
    job = Job(name="x", cron=JOBS[timezone], timezone=timezone)
    written: dict[bool, list[tuple[object, ...]]] = {False: [], True: []}
    for respells in (False, True):
        rng = random.Random(f"{SEED} respelt {timezone}")
        with make_world() as world:
            at = Scene(world, job, rng)
            if respells:
                spelling(world, lambda s: {**s, "cron": one_by_one(s["cron"])})
            world.now = START
            world.apply(at.text)
            for day in range(0, 400, 5):
                world.now = START + timedelta(days=day)
                if rng.random() < 0.2:
                    at.delete(rng.choice(sorted(at.parts)))
                for change in at.plan().changes:
                    steps = tuple((type(step), getattr(step, "id", "")) for step in change.steps)
                    written[respells].append((day, change.reason, *steps))
                world.apply(at.text)
                assert at.plan().empty
    assert written[True] == written[False]
    assert len(written[True]) > 3


def test_a_header_that_comes_back_otherwise_is_told_as_that_header_alone() -> None:
    """No part is called edited for it, and no cron is written anew."""
    job = Job(
        name="x", cron=JOBS["Europe/Berlin"], timezone="Europe/Berlin", more="headers: {X-A: a;b}"
    )
    with make_world() as world:
        spelling(world, lambda s: {**s, "header": {"X-A": ["a; b"]}})
        world.now = START
        world.apply(file([job]))
        (change,) = world.plan(file([job])).changes
        assert [f.path for f in change.fields] == ["headers.X-A"]


@pytest.mark.parametrize("respells", [False, True])
def test_a_part_whose_cron_stays_keeps_its_id_however_it_is_spelt(
    *, respells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a part that is missing is written alone, in whatever order the parts once came."""
    job = Job(name="x", cron="0 9 * * *", timezone="America/New_York")
    with make_world() as world:
        at = Scene(world, job, random.Random(SEED))
        if respells:
            spelling(world, lambda s: {**s, "cron": one_by_one(s["cron"])})
        world.now = START
        with monkeypatch.context() as patched:
            patched.setattr(compiler, "compile_job", backwards)
            world.apply(at.text)
        assert at.plan().empty
        gone = at.rng.choice(sorted(at.parts))
        at.delete(gone)
        (change,) = at.plan().changes
        assert {step.id for step in change.steps if isinstance(step, PutSchedule)} == {gone}


def backwards(job: firings.Job, **given: Any) -> Compilation:
    made = COMPILE(job, **given)
    return replace(made, parts=made.parts[::-1])


@pytest.mark.parametrize("respells", [False, True])
def test_auto_keeps_a_live_native_that_is_exact_for_a_year_however_it_is_spelt(
    *, respells: bool
) -> None:
    """12 March is the day of the gap in 2028, so that `auto` would not choose it anew in 2026."""
    before = Job(name="x", cron="30 2 12 3 *", timezone="America/New_York", strategy="native")
    after = replace(before, strategy="auto")
    with make_world() as world:
        if respells:
            spelling(world, lambda s: {**s, "cron": s["cron"].replace(" 3 ", " MAR ")})
        world.now = START - timedelta(days=9)
        world.apply(file([before]))
        world.apply(file([after]))
        assert world.schedule("billing.x")["cron"].startswith("CRON_TZ=")
        assert world.plan(file([after])).empty
    with make_world() as world:
        world.now = START - timedelta(days=9)
        world.apply(file([after]))
        assert not world.schedule("billing.x")["cron"].startswith("CRON_TZ=")
