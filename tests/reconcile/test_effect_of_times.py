"""What a plan says of a change of time: the local time before and after, and every firing's fate."""

import json
from dataclasses import dataclass

import pytest

from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model.change import Change, Firings, Reason, Stored
from tests.support import HEAD, World

URL = "https://app.example.com/x"


def text(cron: str = "0 9 * * 1-5", timezone: str = "America/New_York", more: str = "") -> str:
    shown = json.dumps(cron.split(" | ")) if " | " in cron else json.dumps(cron)
    settings = f"cron: {shown}, timezone: {timezone}, destination: {URL}{more}"
    return HEAD + f"schedules: {{s: {{{settings}}}}}\n"


@dataclass(frozen=True)
class Case:
    after: str
    fields: list[tuple[str, str, str]]
    fates: tuple[int, int, int]  # moved, added, removed
    by: float | None  # minutes
    stored: bool = True  # are other crons


TIMES = ("cron", "timezone", "dst.strategy", "dst.gap", "dst.fold")
WEEKDAYS = 261  # from Monday 23 November 2026 on, for 365 days
CASES = {
    "half an hour later": Case(text("30 9 * * 1-5"), [("cron", "0 9 * * 1-5", "30 9 * * 1-5")], (WEEKDAYS, 0, 0), 30),
    "to Chicago": Case(text(timezone="America/Chicago"), [("timezone", "America/New_York", "America/Chicago")], (WEEKDAYS, 0, 0), 60),
    "to another coast and time": Case(
        text("0 6 * * 1-5", "America/Los_Angeles"),
        [("cron", "0 9 * * 1-5", "0 6 * * 1-5"), ("timezone", "America/New_York", "America/Los_Angeles")],
        (0, 0, 0), None, stored=False,
    ),
    "on Saturdays, too": Case(text("0 9 * * 1-6"), [("cron", "0 9 * * 1-5", "0 9 * * 1-6")], (0, 52, 0), None),
    "not on Fridays": Case(text("0 9 * * 1-4"), [("cron", "0 9 * * 1-5", "0 9 * * 1-4")], (0, 0, 52), None),
    "twice a day": Case(text("0 9,17 * * 1-5"), [("cron", "0 9 * * 1-5", "0 9,17 * * 1-5")], (0, WEEKDAYS, 0), None),
    "another strategy": Case(text(more=", dst: {strategy: native}"), [("dst.strategy", "split", "native")], (0, 0, 0), None),
    "more than one of a day comes and goes": Case(
        text("*/10 * * * *"), [("cron", "*/15 * * * *", "*/10 * * * *")], (0, 35_040, 17_520), None,
    ),
    "an hour later, but for the day of a gap": Case(
        text("30 3 * * *"), [("cron", "30 2 * * *", "30 3 * * *")], (365, 0, 0), 60,
    ),
    "later and on Saturdays": Case(text("30 9 * * 1-6"), [("cron", "0 9 * * 1-5", "30 9 * * 1-6")], (WEEKDAYS, 52, 0), None),
}  # fmt: skip


def only(world: World, after: str) -> Change:
    (change,) = world.plan(after).changes
    return change


@pytest.mark.parametrize("name", CASES)
def test_the_effect_is_that_of_the_local_times(world: World, name: str) -> None:
    case = CASES[name]
    before = next((old for path, old, _ in case.fields if path == "cron"), "0 9 * * 1-5")
    world.apply(text(before))
    change = only(world, case.after)
    local = [(f.path, f.before, f.after) for f in change.fields if f.path in TIMES]
    assert local == case.fields
    (effect,) = [note.effect for note in change.notes if isinstance(note, Firings)]
    assert (effect.moved, effect.added, effect.removed) == case.fates
    minutes = effect.by.total_seconds() / 60 if effect.by else None
    assert minutes == case.by
    stored = [note for note in change.notes if isinstance(note, Stored)]
    assert bool(stored) is case.stored


BERLIN = text("30 2 * * *", "Europe/Berlin", ", dst: {fold: %s}")
POLICIES = [  # of 02:30 on Sunday 31 October 2027, of which there are two: before, after, fates
    ("first", "second", (1, 0, 0)),
    ("second", "first", (1, 0, 0)),
    ("first", "both", (0, 1, 0)),
    ("both", "second", (0, 0, 1)),
]


@pytest.mark.parametrize(("before", "after", "fates"), POLICIES)
def test_a_policy_that_changes_has_its_effect(
    world: World, before: str, after: str, fates: tuple[int, int, int]
) -> None:
    """Its crons differ where the clock changes within what they hold."""
    world.now = world.now.replace(year=2027, month=10, day=20)
    world.apply(BERLIN % before)
    change = only(world, BERLIN % after)
    assert [(f.path, f.before, f.after) for f in change.fields] == [("dst.fold", before, after)]
    (effect,) = [note.effect for note in change.notes if isinstance(note, Firings)]
    assert (effect.moved, effect.added, effect.removed) == fates


def relabelled(world: World, label: str | None) -> None:
    """Our label of the local time, in each part, changed by somebody's hand."""
    for stored in world.account.store.all("schedule"):
        mark, name, _, *rest = stored["labels"]
        told = [] if label is None else [label]
        world.edit(stored["scheduleId"], labels=[mark, name, *told, *rest])


def test_what_somebody_edited_is_what_a_change_of_the_file_is_held_against(world: World) -> None:
    """Live fires in the evening; the file's nine o'clock is nobody's any more."""
    world.apply(text())
    first = world.schedule("billing.s")["cron"]
    world.edit("billing.s", cron="0 1" + first.removeprefix("0 14"))
    change = only(world, text("30 9 * * 1-5"))
    assert change.reason is Reason.BOTH
    (parts,) = [field for field in change.fields if field.path == "parts"]
    assert parts.note.startswith("part 1 was edited to 0 1 ")
    (effect,) = [note.effect for note in change.notes if isinstance(note, Firings)]
    assert effect.first_before
    assert effect.first_before.hour == 1


@pytest.mark.parametrize("strategy", ["native, accept: true", "split"])
def test_a_policy_whose_crons_stay_tells_its_effect(world: World, strategy: str) -> None:
    """The clock changes beyond the horizon of what is stored; QStash's own reckoning counts."""
    world.apply(text("30 2 * * *", "Europe/Berlin"))
    policy = "" if "native" in strategy else ", gap: skip, fold: both"
    after = text("30 2 * * *", "Europe/Berlin", f", dst: {{strategy: {strategy}{policy}}}")
    change = only(world, after)
    (effect,) = [note.effect for note in change.notes if isinstance(note, Firings)]
    assert (effect.moved, effect.added, effect.removed) == (0, 1, 1)
    assert change.wanted is not None
    assert isinstance(change.wanted.before, Job)
    assert change.wanted.before.timezone == "Europe/Berlin"


def test_a_label_that_somebody_forged_is_not_believed(world: World) -> None:
    """The mark's digest is none of what it tells: there is no effect of "the former time"."""
    world.apply(text())
    (honest,) = {stored["labels"][2] for stored in world.account.store.all("schedule")}
    forged = honest.replace("9", "4", 1)
    assert forged != honest
    relabelled(world, forged)
    change = only(world, text("30 9 * * 1-5"))
    assert "0 4 * * 1-5" not in str(change)


def test_a_policy_that_changes_is_an_update_where_no_label_tells_the_time(world: World) -> None:
    """So it is where a time is too long for a label."""
    world.apply(text())
    relabelled(world, None)
    assert world.plan(text()).empty
    skipping = text(more=", dst: {gap: skip}")
    assert [field.path for field in only(world, skipping).fields] == ["dst"]
    world.apply(skipping)
    assert world.plan(skipping).empty


def test_a_time_that_is_too_long_for_a_label_makes_no_old_mark(world: World) -> None:
    """What the mark says of settings is still known, and what it says of secrets."""
    long = " | ".join(f"{minute} {hour} * * 1-5" for minute in (1, 11, 31) for hour in range(3, 9))
    more = ", dst: {max_parts: 64}, headers: {X-A: '%s'}, " + WRITE_ONLY
    world.apply(text(long, more=more % ("one", 1)))
    (change,) = world.plan(text(long, more=more % ("two", 1))).changes
    assert [(f.path, f.before, f.after) for f in change.fields] == [("headers.X-A", "one", "two")]
    (change,) = world.plan(text(long, more=more % ("one", 2))).changes
    assert [(f.path, f.before, f.after) for f in change.fields] == [("callback.retries", 1, 2)]


def test_an_old_mark_tells_no_local_time_and_is_compared_as_far_as_it_was_exact(
    world: World,
) -> None:
    """Beyond the horizon of its parts nobody ever meant anything."""
    world.apply(text())
    relabelled(world, None)
    assert world.plan(text()).empty
    change = only(world, text("30 9 * * 1-5"))
    (effect,) = [note.effect for note in change.notes if isinstance(note, Firings)]
    assert effect.days == 45
    assert (effect.moved, effect.added, effect.removed) == (33, 0, 0)
    assert effect.by is not None
    assert effect.by.total_seconds() == 30 * 60


WRITE_ONLY = "callback: {url: 'https://c.example.com', retries: %s}"
SPELLINGS: list[tuple[str, str, str, dict[str, str], set[str]]] = [
    ("a secret respelt", "headers: {A: 'Bearer ${env.T}'}", "headers: {A: '${env.U}'}", {}, set()),
    ("a secret respelt in a body", "body: {a: 'x${env.V}'}", "body: {a: '${env.W}'}", {}, set()),
    ("a redacted one respelt", "headers: {A: 'Bearer ${env.T}'}, redact: {headers: [A]}", "headers: {A: '${env.U}'}, redact: {headers: [A]}", {}, set()),
    ("a body", "body: {a: 1}", "body: {a: 2}", {}, {"body.a"}),
    ("a body with a secret", "body: {a: 1, b: '${env.V}'}", "body: {a: 2, b: '${env.V}'}", {}, {"body.a"}),
    ("a redacted body", "body: {a: 1}, redact: {body: true}", "body: {a: 2}, redact: {body: true}", {}, {"write_only: the redacted body"}),
    ("a secret that is none any more", "headers: {A: '${env.T}'}", "headers: {A: '${env.T|plain}'}", {}, {"write_only: redact, a setting of a callback, which values are secrets"}),
    ("a setting of a callback", WRITE_ONLY % 1, WRITE_ONLY % 2, {}, {"callback.retries"}),
    ("one whose former value may be any", WRITE_ONLY % 50, WRITE_ONLY % 60, {}, {"write_only: callback.retries, a setting that a callback has no more"}),
    ("a policy", "dst: {fold: first}", "dst: {fold: second}", {}, {"dst.fold: second"}),
    ("a zone that is as good", "timezone: UTC", "timezone: Etc/UTC", {}, {"timezone: Etc/UTC"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "before", "after", "more", "told"), SPELLINGS, ids=[c[0] for c in SPELLINGS]
)
def test_a_change_is_put_down_to_what_can_have_changed(
    world: World, _id: str, before: str, after: str, more: dict[str, str], told: set[str]
) -> None:
    world.environ = {"T": "t", "U": "Bearer t", "V": "v", "W": "xv"}
    file = HEAD + f"schedules: {{s: {{cron: '0 9 * * *', destination: {URL}, %s}}}}\n"
    world.apply(file % before)
    world.environ |= more
    plan = world.plan(file % after)
    found = {
        f"{f.path}: {f.after}" if f.path in ("write_only", *TIMES) else f.path
        for change in plan.changes
        for f in change.fields
    }
    assert found == told


@pytest.mark.parametrize(
    ("after", "fields"),
    [
        (text("0 8 * * 1-5"), [("cron", "America/New_York")]),
        (text("0 8 * * 1-5", "Europe/Berlin"), [("cron", ""), ("timezone", "")]),
        (text(timezone="Europe/Berlin"), [("timezone", "")]),
    ],
    ids=["the time", "both", "the zone"],
)
def test_the_zone_stands_beside_a_time_where_no_line_of_its_own_has_it(
    world: World, after: str, fields: list[tuple[str, str]]
) -> None:
    world.apply(text())
    assert [(f.path, f.note) for f in only(world, after).fields if f.path != "parts"] == fields
