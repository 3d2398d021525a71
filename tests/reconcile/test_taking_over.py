"""Sets that are not ours, or not all of them: what a run may take, what it leaves, what it tells."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from qstash_sync.applying import incident, proposal
from qstash_sync.applying.executor import Control
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.resources import Kind
from qstash_sync.planning import drift
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.pause_by_name import Wish
from qstash_sync.render import drift as drift_page, review
from tests.support import HEAD, UNLINTED, World, config, ids

URL = "https://app.example.com/x"
MOVED = HEAD.replace("namespace: billing", "namespace: corp\nnamespace_was: billing")
BERLIN = "cron: 30 9 * * *, timezone: Europe/Berlin"  # two parts


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
        world.hand_over("billing.b")
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


@pytest.mark.parametrize("entry", [PLAIN, "was: a"], ids=["its name", "was"])
def test_an_adopted_set_that_is_ours_in_part_is_left_by_its_schedule_whole_or_not_at_all(
    world: World, entry: str
) -> None:
    """Else the part of somebody else's fires on for ever, and nothing says so."""
    world.apply(file(a=f"id: scd_9, {BERLIN}"))
    world.hand_over("scd_9.2")
    name = "c" if "was" in entry else "a"
    text = file(**{name: entry})
    before = world.account.console.snapshot()
    assert only_change(world.plan(text)).is_refused_alone
    assert statuses(world.apply(text)) == [Status.REFUSED]
    assert world.account.console.snapshot() == before
    assert statuses(world.apply(text, adopt=(name,))) == [Status.DONE]
    assert live_ids(world) == [f"billing.{name}"]


def test_what_a_was_names_stays_while_the_id_of_its_schedule_is_refused(world: World) -> None:
    """It keeps a foreign id, too: by the name that the file gave it, it is the former one."""
    world.apply(file(a="id: scd_1"))
    world.apply(file(HEAD.replace("billing", "team"), x="id: scd_5"))
    before = world.account.console.snapshot()
    text = file(c="id: scd_5, was: a")
    assert statuses(world.apply(text)) == [Status.REFUSED]
    assert world.account.console.snapshot() == before


def test_an_id_that_a_further_part_had_is_not_written_and_deleted_by_one_plan(world: World) -> None:
    """The set goes to another id, and the file gives one of its own away."""
    world.apply(file(a=f"id: scd_1, {BERLIN}"))
    text = file(a=BERLIN, b="id: scd_1.2, retries: 7")
    assert statuses(world.apply(text)) == [Status.DONE, Status.DONE]
    assert live_ids(world) == ["billing.a", "billing.a.2", "scd_1.2"]
    assert world.plan(text).empty


def test_a_time_that_is_ignored_is_not_that_of_a_set_which_it_never_was(world: World) -> None:
    """A rename was cut off before its last delete, and the file taken back."""
    text = file(a=f"{BERLIN}, ignore: [cron]")
    world.apply(text)
    first = world.schedule("billing.a")
    unmarked(world, "scd_1", cron=first["cron"])
    world.apply(file(a=f"id: scd_1, {BERLIN}, ignore: [cron]"))
    world.account.store.put("schedule", "billing.a", first)
    assert statuses(world.apply(text)) == [Status.DONE]
    assert live_ids(world) == ["billing.a", "billing.a.2"]
    assert world.plan(text).empty


@pytest.mark.parametrize("theirs", [False, True])
def test_what_the_was_of_another_entry_names_is_not_what_a_new_one_of_that_name_was(
    world: World, theirs: bool
) -> None:
    """One goes by its `was:`, and its old name is given away while the namespace changes."""
    world.apply(file(c=PLAIN))
    if theirs:
        unmarked(world, "billing.c")
    text = file(MOVED, b=f"was: billing.c, {PLAIN}", c="retries: 7")
    assert [change.reason for change in world.plan(text).changes] == [Reason.RENAME, Reason.FILE]
    assert statuses(world.apply(text)) == [Status.DONE, Status.DONE]
    assert live_ids(world) == ["corp.b", "corp.c"]
    assert world.plan(text).empty


@pytest.mark.parametrize(
    ("origin", "was", "after"),
    [*(("a", "was: a, ", after) for after in range(5)), *(("b", "", n) for n in range(1, 5))],
)
def test_a_time_that_is_ignored_is_that_of_the_set_which_the_rename_began_from(
    world: World, origin: str, was: str, after: int
) -> None:
    """Another one that goes along has a time of its own; which it was, a later `was:` may not say."""
    other = "cron: 15 4 * * 1-5, timezone: America/New_York"
    world.apply(file(**{"a": other, "b": other, origin: BERLIN}))
    crons = [world.schedule(f"billing.{origin}{n}")["cron"] for n in ("", ".2")]
    world.cut_off(file(MOVED, b=f"{was}{other}, ignore: [cron]"), after=after)
    text = file(MOVED, b=f"was: a, {other}, ignore: [cron]")
    world.apply(text)
    assert live_ids(world) == ["corp.b", "corp.b.2"]
    assert [world.schedule(part_id)["cron"] for part_id in live_ids(world)] == crons
    assert world.plan(text).empty


def test_two_of_one_name_are_no_two_schedules(world: World) -> None:
    """What the former namespace has left was copied, and both were edited since."""
    world.apply(file(a="retries: 1"))
    world.apply(file(HEAD.replace("billing", "corp"), a="retries: 2"))
    text = file(MOVED, a="retries: 4")
    change = only_change(world.plan(text))
    assert (change.refused, change.drops) == (None, 1)
    assert statuses(world.apply(text)) == [Status.DONE]
    assert live_ids(world) == ["corp.a"]
    assert world.plan(text).empty


def test_what_waits_for_a_consent_is_asked_of_what_is_done_without_it(world: World) -> None:
    """A leftover of somebody else's stays, and is no reason to keep what the `id:` replaces."""
    world.apply(file(a=PLAIN, b="retries: 7"))
    world.hand_over("billing.b")
    unmarked(world, "scd_5", retries=1)
    world.apply(file(a="id: scd_5, was: b, retries: 1"))
    assert live_ids(world) == ["billing.b", "scd_5"]


@pytest.mark.parametrize("protected", ["a", "c", ""])
def test_all_that_goes_along_counts_and_is_protected(world: World, protected: str) -> None:
    """Two jobs of former names, and neither is what is live under the new one."""
    jobs = {name: f"retries: 7{', protect: true' * (name == protected)}" for name in "ac"}
    world.apply(file(**jobs))
    world.apply(file(HEAD.replace("billing", "corp"), c=PLAIN))
    change = only_change(world.plan(file(MOVED, c=f"was: a, {PLAIN}")))
    assert (change.drops, change.protected) == (2, bool(protected))


def test_a_protected_one_that_goes_along_stops_the_run_though_consent_is_given(
    world: World,
) -> None:
    """A consent to take over what is not ours is none to lose what is protected."""
    world.apply(file(x="protect: true"))
    unmarked(world, "billing.a")
    text = file(a=f"was: x, {PLAIN}", z=PLAIN)
    plan = world.plan(text, adopt=("a",))
    assert [error.code for error in plan.errors] == ["guard"]
    assert [change.is_refused_alone for change in plan.changes] == [False, False]
    allowed = world.plan(text, adopt=("a",), allow_protected=("*",))
    assert (allowed.errors, allowed.refused) == ((), 0)
    alone = world.plan(text)
    assert (alone.errors, alone.refused) == ((), 1)


# A rename that the file does not say


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("was", ["", "was: aa, "])
def test_a_rename_without_its_was_is_told(world: World, was: str, paused: bool) -> None:
    """It loses its pause: what is created runs."""
    world.apply(file(a=BERLIN, b=PLAIN))
    for part_id in ("billing.a", "billing.a.2"):
        world.account.console.pause(part_id, paused=paused)
    plan = world.plan(file(c=f"{was}{BERLIN}", b=PLAIN))
    assert [change.action for change in plan.changes] == [Action.CREATE, Action.DELETE]
    (told,) = (w for w in plan.warnings if w.code == "was")
    assert told.message.endswith(", and is paused") is paused
    assert told.hint == "if it is the same job, was: a renames it" + " and keeps the pause" * paused
    assert not list(warned(world.plan(file(c=f"was: a, {BERLIN}", b=PLAIN)), "was"))


@pytest.mark.parametrize("asked", ["true", "false"])
def test_no_pause_is_lost_where_the_file_says_one(world: World, asked: str) -> None:
    world.apply(file(a=PLAIN))
    world.account.console.pause("billing.a", paused=True)
    (told,) = warned(world.plan(file(c=f"paused: {asked}")), "was")
    assert "pause" not in told


def test_a_hint_writes_a_name_that_is_no_text_in_yaml_as_one(world: World) -> None:
    world.apply(file(**{"'123'": PLAIN}))
    (told,) = warned(world.plan(file(c=PLAIN)), "was")
    assert 'was: "123" renames it' in told
    assert world.plan(file(c=f'was: "123", {PLAIN}')).changes[0].reason is Reason.RENAME


@pytest.mark.parametrize("entries", [
    {"c": BERLIN, "d": BERLIN}, {"c": "cron: 30 8 * * *"}, {"c": f"{BERLIN}, method: PUT"},
    {"c": f"{BERLIN}, body: x"}, {"c": BERLIN, "a": BERLIN},
], ids=str)  # fmt: skip
def test_what_may_be_another_job_is_no_rename(world: World, entries: dict[str, str]) -> None:
    world.apply(file(a=BERLIN))
    assert not list(warned(world.plan(file(**entries)), "was"))


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
    world.cut_off(text, after=after, adopt=(name,))
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


def test_what_a_rename_began_from_is_finished_though_a_was_names_another(world: World) -> None:
    """The mark of what is live tells which it was."""
    world.apply(file(c=PLAIN))
    unmarked(world, "billing.c")
    text = file(MOVED, c=f"was: a, {PLAIN}")
    world.cut_off(text, after=1, adopt=("c",))
    assert live_ids(world) == ["billing.c", "corp.c"]
    (told,) = warned(world.plan(text), "not_taken")
    assert "--adopt c" in told
    world.apply(text, adopt=("c",))
    assert live_ids(world) == ["corp.c"]


def test_what_cannot_be_carried_of_a_set_that_stays_stops_nothing(world: World) -> None:
    """The file ignores what QStash does not show in full: only a consent would need it."""
    entry = "retries: {}, ignore: [headers.X-A], headers: {{X-A: '1'}}"
    world.apply(file(a=PLAIN, b=entry.format(1)))
    unmarked(world, "billing.a", header={"X-A": ["REDACTED: sha256"]}, redact=["header[X-A]"])
    text = file(b=f"was: a, {entry.format(2)}")
    assert statuses(world.apply(text)) == [Status.DONE]
    assert live_ids(world) == ["billing.a", "billing.b"]


def test_a_rename_takes_what_its_was_names_and_no_other_job_of_another_environment(
    world: World,
) -> None:
    """The name it has now was another job's under the former namespace: nobody consents to that."""
    world.apply(file(a=BERLIN, c="retries: 7"))
    world.hand_over()
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
    world.hand_over("billing.b")
    text = file(a=f"was: b, {entry}")
    assert statuses(world.apply(text)) == ([] if entry == PLAIN else [Status.DONE])
    plan = world.plan(text)
    assert plan.empty
    (told,) = warned(plan, "not_taken")
    assert "billing.b carries the mark of another environment" in told


@pytest.fixture
def renamed(world: World) -> World:
    """A rename that is done: the mark of what is live tells what it was for as long as it stands."""
    world.apply(file(a=PLAIN))
    world.apply(file(b=f"was: a, {PLAIN}"))
    world.now += timedelta(days=1)
    return world


@pytest.mark.parametrize("protect", ["", ", protect: true"])
def test_what_gets_the_name_back_after_a_rename_is_no_rest_of_it(
    renamed: World, protect: str
) -> None:
    """It is another job, and goes as one: counted, and protected where it is."""
    renamed.apply(file(b=PLAIN, a=f"retries: 7{protect}"))
    plan = renamed.plan(file(b=f"was: a, {PLAIN}"))
    change = only_change(plan)
    assert [field.note for field in change.fields] == ["deleted with it"]
    assert change.drops == 1
    assert [error.code for error in plan.errors] == ["guard"] * bool(protect)


def test_another_environments_of_that_name_stops_nothing_and_stays(renamed: World) -> None:
    renamed.apply(file(b=PLAIN, a="retries: 7"))
    renamed.hand_over("billing.a")
    text = file(b="was: a, retries: 2")
    assert statuses(renamed.apply(text)) == [Status.DONE]
    (told,) = warned(renamed.plan(text), "not_taken")
    assert "billing.a carries the mark of another environment" in told
    assert live_ids(renamed) == ["billing.a", "billing.b"]


def test_a_pause_of_that_name_is_none_of_the_renamed_one(renamed: World) -> None:
    """A foreign one that goes; the renamed one was paused when it was written, and resumed."""
    renamed.account.console.pause("billing.b")
    renamed.apply(file(b="paused: true, retries: 1"))
    renamed.account.console.pause("billing.b", paused=False)
    unmarked(renamed, "billing.a", isPaused=True)
    renamed.apply(file(b="was: billing.a, retries: 1"))
    assert live_ids(renamed) == ["billing.b"]
    assert not renamed.schedule("billing.b")["isPaused"]


def test_what_stays_is_counted_as_unmanaged_and_told_once(world: World) -> None:
    """Whether it is asked for or not, and though it fires as one that is declared."""
    world.apply(file(a=PLAIN, b="retries: 7", c=PLAIN))
    world.hand_over("billing.b", "billing.c")
    plan = world.plan(file(MOVED, a="was: b, retries: 1"))
    assert plan.unmanaged == ((Kind.SCHEDULE, "billing.b"), (Kind.SCHEDULE, "billing.c"))
    consented = world.plan(file(MOVED, a="was: b, retries: 1"), adopt=("a",))
    assert consented.unmanaged == ((Kind.SCHEDULE, "billing.c"),)
    assert len(list(warned(plan, "not_taken"))) == 1


@pytest.mark.parametrize("created", [0, 253_402_300_799_000, 2**62])
def test_a_time_that_no_calendar_has_does_not_stop_it(world: World, created: int) -> None:
    """When something was made is the account's to say, and nobody's to rely on."""
    text = file(a=f"{BERLIN}, ignore: [cron]")
    world.apply(text)
    assert world.account.store.delete("schedule", "billing.a.2")
    world.edit("billing.a", createdAt=created)
    assert not world.plan(text).errors


def test_parts_of_two_times_are_not_less_than_a_set(world: World) -> None:
    world.apply(file(a=BERLIN))
    world.cut_off(file(a="retries: 3"), after=1)
    change = only_change(world.plan(file(a="retries: 3, ignore: [cron]")))
    assert [(f.path, f.note) for f in change.fields] == [
        ("parts", "parts of two times: an apply was cut off")
    ]
    assert change.cut_off


def test_a_cron_that_somebody_has_edited_since_is_theirs_where_the_time_is_ignored(
    world: World,
) -> None:
    world.apply(file(a=BERLIN))
    world.cut_off(file(a="cron: 30 10 * * *, timezone: Europe/Berlin"), after=1)
    world.edit("billing.a", cron="1 1 * * *")
    assert world.plan(file(a=f"{BERLIN}, ignore: [cron]")).empty


def test_what_is_paused_in_part_is_not_said_to_stay_active(world: World) -> None:
    world.apply(file(a=BERLIN))
    text = file(c=f"was: a, {BERLIN}")
    world.cut_off(text, after=2)
    for part_id in ("billing.a", "billing.c"):
        world.account.console.pause(part_id)
    codes = [warning.code for warning in world.plan(text).warnings]
    assert "partly_paused" in codes
    assert "former_paused" not in codes


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
    world.hand_over()
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
    world.hand_over("billing.c.2")
    return world


REMOVED = f"{UNLINTED}{HEAD}schedules: {{}}\n"


@pytest.mark.parametrize("theirs", ["billing.c", "billing.c.2"])
def test_a_set_is_deleted_whole_or_not_at_all(world: World, theirs: str) -> None:
    """Else the rest of it fires on, and nobody knows whose it is."""
    world.apply(file(c=BERLIN))
    world.hand_over(theirs)
    plan = world.plan(REMOVED)
    refused = only_change(plan).refused or ""
    assert f"{theirs} carries the mark of another environment" in refused
    look = "`qstash-sync plan --adopt c --target schedule.c`"
    assert f"to take it along, {look} shows it" in refused
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


def test_a_delete_that_is_refused_is_still_a_delete(half_taken: World) -> None:
    """It shows what would go, and is counted neither among the deletes nor by their limit."""
    plan = half_taken.plan(f"{REMOVED}limits: {{max_deletes: 0}}\n")
    change = only_change(plan)
    assert (change.action, change.is_refused_alone) == (Action.DELETE, True)
    assert (change.takes is not None, change.foreign is not None) == (True, True)
    assert (plan.summary["delete"], plan.summary["refused"]) == (0, 1)
    assert not plan.errors


def test_drift_calls_it_surplus_while_its_delete_is_refused(half_taken: World) -> None:
    desired = config(REMOVED).desired
    with half_taken.client(read_only=True) as client:
        plan = proposal.propose(client, desired, now=half_taken.now)
    found = drift.judge(desired, plan.live, plan, read_at=half_taken.now)
    assert [(one.name, one.status) for one in found.resources] == [("c", drift.Status.SURPLUS)]


def test_what_is_to_be_looked_at_twice_is_that_it_is_refused(half_taken: World) -> None:
    """It is no delete of this run."""
    assert [risk.text for risk in review.risks(half_taken.plan(REMOVED))] == ["Refused"]


@pytest.mark.parametrize("hand", ["protected", "half taken"])
def test_drift_says_once_why_a_delete_is_refused(world: World, hand: str) -> None:
    """Of what stops an apply a warning says it."""
    world.apply(file(c=f"{BERLIN}, protect: {str(hand == 'protected').lower()}"))
    if hand == "half taken":
        world.hand_over("billing.c.2")
    plan = world.plan(REMOVED)
    (one,) = drift.judge(world.desired(REMOVED), plan.live, plan, read_at=world.now).resources
    said = [line for line in drift_page.facts(one) if "refused: " in line]
    assert (len(said), len(plan.errors)) == ((1, 0) if hand == "half taken" else (0, 1))


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


def test_a_label_of_theirs_with_a_name_of_ours_makes_nothing_ours(world: World) -> None:
    """The name behind the mark tells whose it is."""
    world.apply(file(HEAD.replace("billing", "team"), c="id: scd_5, labels: [billing.report]"))
    change = only_change(world.plan(file(c="id: scd_5"), adopt=("*",)))
    assert change.is_refused_alone
    assert not change.can_adopt


@pytest.mark.parametrize("head", [HEAD, MOVED], ids=["the same namespace", "the former one"])
def test_consent_takes_an_adopted_id_from_another_environment_of_the_namespace(
    world: World, head: str
) -> None:
    """As it does under an id of ours: else a file that gets environments loses what it adopted."""
    world.apply(file(c=f"id: scd_5, {BERLIN}"))
    world.hand_over()
    text = file(head, c=f"id: scd_5, {BERLIN}")
    assert only_change(world.plan(text)).is_refused_alone
    plan = world.plan(text, adopt=("c",))
    assert (len(only_change(plan).steps), plan.summary["unmanaged"]) == (2, 0)
    assert statuses(world.apply(text, adopt=("c",))) == [Status.DONE]
    assert world.plan(text).empty
    assert live_ids(world) == ["scd_5", "scd_5.2"]


@pytest.mark.parametrize("edit", [{}, {"cron": "*/10 * * * *"}, {"cron": "30 09 * * *"}], ids=str)
@pytest.mark.parametrize("entry", [PLAIN, "id: scd_1", "ignore: [cron]", "labels: [x]"])
def test_a_delete_shows_the_local_time_only_where_that_is_what_is_live(
    world: World, entry: str, edit: dict[str, str]
) -> None:
    """Somebody has edited the cron: the label of the mark tells another time."""
    world.apply(file(a=f"cron: 30 9 * * *, {entry}"))
    (part_id,) = live_ids(world)
    world.edit(part_id, **edit)
    takes = only_change(world.plan(REMOVED)).takes
    assert takes is not None
    assert (takes.job is not None) is ("cron" not in edit or "09" in edit["cron"])
    assert takes.crons == (edit.get("cron", "30 9 * * *"),)


@pytest.mark.parametrize("entry", [PLAIN, "ignore: [retries]", "id: scd_1"])
@pytest.mark.parametrize("edit", [{"retries": 9}, {"callback": "https://e.com/x"}], ids=str)
def test_a_delete_shows_the_local_time_whatever_else_somebody_has_edited(
    world: World, entry: str, edit: dict[str, Any]
) -> None:
    world.apply(file(a=f"{BERLIN}, {entry}"))
    for part_id in live_ids(world):
        world.edit(part_id, **edit)
    takes = only_change(world.plan(REMOVED)).takes
    assert takes is not None
    assert takes.job is not None
    assert takes.job.timezone == "Europe/Berlin"


@pytest.mark.parametrize("hand", ["cron", "delete"])
def test_a_delete_shows_no_local_time_where_a_part_of_another_season_is_another(
    world: World, hand: str
) -> None:
    """It is the winter's part that fires now."""
    world.apply(file(a=BERLIN))
    if hand == "cron":
        world.edit("billing.a.2", cron="0 0 * 4-10 *")
    else:
        world.account.store.delete("schedule", "billing.a.2")
    takes = only_change(world.plan(REMOVED)).takes
    assert takes is not None
    assert takes.job is None


def test_a_delete_of_what_is_due_for_renewal_shows_the_local_time(world: World) -> None:
    """It does not fire so any more; nobody has touched it."""
    world.apply(file(a=BERLIN))
    world.now += timedelta(days=120)
    assert [change.reason for change in world.plan(file(a=BERLIN)).changes] == [Reason.CLOCK]
    takes = only_change(world.plan(REMOVED)).takes
    assert takes is not None
    assert takes.job is not None


def test_consent_deletes_no_part_that_another_namespace_manages(world: World) -> None:
    """Half of an adopted set has got their mark; the rest stays with it."""
    adopted = f"id: scd_9, {BERLIN}"
    world.apply(file(HEAD.replace("billing", "team"), x=adopted))
    theirs = world.schedule("scd_9.2")["labels"]
    for part_id in live_ids(world):
        world.account.store.delete("schedule", part_id)
    world.apply(file(a=adopted))
    world.edit("scd_9.2", labels=theirs)
    for text, way_out in (
        (REMOVED, "only its owner can give it up"),
        (file(a=adopted), "take out the id: that names it"),
        (file(a=BERLIN), "only its owner can give it up"),
    ):
        plan = world.plan(text, adopt=("a",))
        refused = [change.refused for change in plan.changes if change.refused]
        assert len(refused) == 1
        assert way_out in (refused[0] or "")
        assert "DeleteSchedule" not in str([c.steps for c in plan.changes if c.refused])


@pytest.mark.parametrize("hand", ["no mark", "another environment's"])
def test_what_is_taken_over_is_shown_as_what_it_was(world: World, hand: str) -> None:
    """A mark of somebody else's is what the consent is about."""
    world.apply(file(a=PLAIN))
    if hand == "no mark":
        world.edit("billing.a", labels=[])
    else:
        world.hand_over()
    (field,) = only_change(world.plan(file(a=PLAIN), adopt=("a",))).fields
    before = None if hand == "no mark" else "another's"
    assert (field.path, field.before, field.after) == ("mark", before, "ours")


# What a rename that was cut off has left of somebody else's, to those who stop it


@pytest.fixture
def half_renamed(world: World) -> World:
    """The new name is ours, the old set is still another environment's."""
    world.apply(file(a=BERLIN))
    world.hand_over()
    world.cut_off(RENAMED, after=2, adopt=("c",))
    assert live_ids(world) == ["billing.a", "billing.a.2", "billing.c", "billing.c.2"]
    return world


RENAMED = file(c=f"was: a, {BERLIN}")

FORMER_NAMES = [  # what the account has, the head of the file, its entry and its name
    ("was", BERLIN, HEAD, "was: a, ", "c"),
    ("was, as an id", BERLIN, HEAD, "was: billing.a, ", "c"),
    ("namespace_was", BERLIN, MOVED, "", "a"),
    ("both", BERLIN, MOVED, "was: a, ", "c"),
    ("without its id", f"id: scd_1, {BERLIN}", HEAD, "", "a"),
    ("was of an adopted one", f"id: scd_1, {BERLIN}", HEAD, "was: a, ", "c"),
    ("was, as a foreign id", f"id: scd_1, {BERLIN}", HEAD, "was: scd_1, ", "c"),
    ("both of an adopted one", f"id: scd_1, {BERLIN}", MOVED, "was: a, ", "c"),
]


@pytest.mark.parametrize(
    ("_id", "live", "head", "was", "name"), FORMER_NAMES, ids=ids(FORMER_NAMES)
)
def test_a_pause_stops_what_a_rename_has_left_under_any_former_name(
    world: World, _id: str, live: str, head: str, was: str, name: str
) -> None:
    """By the name that it has now: both sets fire, and there is no time to look for the other."""
    world.apply(file(a=live))
    text = file(head, **{name: f"{was}{BERLIN}"})
    world.cut_off(text, after=2)
    assert len(live_ids(world)) == 4
    wish = Wish(desired=config(text).desired, globs=(name,), paused=True)
    with world.client() as client:
        found = incident.look(client, wish, now=world.now)
        incident.pause(client, wish, found, Control(sleep=world.sleep))
    assert all(world.schedule(part_id)["isPaused"] for part_id in live_ids(world))


@pytest.mark.parametrize("glob", ["billing.a", "billing.a.2", "billing.a.7", "scd_1", "scd_1.2"])
def test_a_pause_takes_the_id_that_a_log_names(world: World, glob: str) -> None:
    """All of its schedule, and no other of which a glob would be the id."""
    world.apply(file(a=BERLIN, s=PLAIN, b="id: scd_1"))
    wish = Wish(
        desired=config(file(a=BERLIN, s=PLAIN, b="id: scd_1")).desired, globs=(glob,), paused=True
    )
    with world.client(read_only=True) as client:
        found = incident.look(client, wish, now=world.now)
    assert [change.name for change in found.plan.changes] == ["b" if "scd" in glob else "a"]
    assert not found.plan.errors


@pytest.mark.parametrize("glob", ["billing.a", "billing.a.2", "billing.c", "billing.c.2"])
def test_a_pause_by_an_id_is_one_of_the_schedule(world: World, glob: str) -> None:
    """A rename was cut off: its job fires from both sets."""
    world.apply(file(a=BERLIN))
    world.cut_off(RENAMED, after=2)
    wish = Wish(desired=config(RENAMED).desired, globs=(glob,), paused=True)
    with world.client() as client:
        found = incident.look(client, wish, now=world.now)
        incident.pause(client, wish, found, Control(sleep=world.sleep))
    assert all(world.schedule(part_id)["isPaused"] for part_id in live_ids(world))


def test_a_pause_by_an_id_says_all_that_one_by_the_name_says(half_renamed: World) -> None:
    text = RENAMED + f"  gone: {{cron: 0 9 * * *, destination: '{URL}'}}\n"
    desired = config(text).desired
    with half_renamed.client(read_only=True) as client:
        by_name, by_id = (
            incident.look(
                client, Wish(desired=desired, globs=globs, paused=True), now=half_renamed.now
            ).plan
            for globs in (("c", "gone"), ("billing.c.2", "billing.gone"))
        )
    assert {warning.code for warning in by_name.warnings} >= {"not_taken", "not_live"}
    assert (by_id.warnings, by_id.errors) == (by_name.warnings, by_name.errors)


def test_a_section_before_a_name_is_a_slip(world: World) -> None:
    """As `--target` has it."""
    world.apply(file(a=PLAIN, report=PLAIN))
    desired = config(file(a=PLAIN, report=PLAIN)).desired
    wish = Wish(desired=desired, globs=("schedules.report",), paused=True)
    with world.client(read_only=True) as client:
        (error,) = incident.look(client, wish, now=world.now).plan.errors
    assert error.hint == "did you mean report?"


@pytest.mark.parametrize("glob", ["job.5", "billing.a.1", "billing.a.0"])
def test_an_id_of_somebody_elses_is_no_part_of_ours(world: World, glob: str) -> None:
    """However it ends: it is live, and fires on; nor has a part of ours such a number."""
    text = file(a=PLAIN, b="id: job")
    world.apply(text)
    unmarked(world, "job.5")
    wish = Wish(desired=config(text).desired, globs=(glob,), paused=True)
    with world.client(read_only=True) as client:
        found = incident.look(client, wish, now=world.now)
    assert not found.plan.changes
    assert found.plan.errors


def test_a_name_comes_before_an_id(world: World) -> None:
    """An `id:` may be what another is called."""
    text = file(a=PLAIN, b="id: a")
    world.apply(text)
    wish = Wish(desired=config(text).desired, globs=("a",), paused=True)
    with world.client(read_only=True) as client:
        found = incident.look(client, wish, now=world.now)
    assert [change.name for change in found.plan.changes] == ["a"]


def test_a_pause_names_what_the_old_name_still_fires(half_renamed: World) -> None:
    desired = config(RENAMED).desired
    with half_renamed.client(read_only=True) as client:
        wishes = [Wish(desired=desired, globs=("c",), paused=paused) for paused in (True, False)]
        plans = [incident.look(client, wish, now=half_renamed.now).plan for wish in wishes]
    told = [list(warned(plan, "not_taken")) for plan in plans]
    assert [len(one) for one in told] == [1, 0]
    assert "billing.a carries the mark of another environment" in told[0][0]
    assert "stop it in the console" in told[0][0]


@pytest.mark.parametrize(("entries", "way_out"), [
    ({"c": f"was: a, {BERLIN}"}, "take it over: `qstash-sync plan --adopt c --target schedule.c`"),
    ({}, "delete all of it: `qstash-sync plan --adopt a --target schedule.a`"),
])  # fmt: skip
def test_the_way_out_of_a_pause_that_is_refused_is_what_an_apply_does(
    world: World, entries: dict[str, str], way_out: str
) -> None:
    """By the name that the file has; of what it has not, the set goes."""
    world.apply(file(a=BERLIN))
    world.hand_over("billing.a.2")
    text = file(**entries) if entries else REMOVED
    wish = Wish(desired=config(text).desired, globs=("a",), paused=True)
    with world.client(read_only=True) as client:
        (why,) = incident.look(client, wish, now=world.now).refused.values()
    assert way_out in why
    (name,) = tuple(entries) or ("a",)
    does = world.plan(text, adopt=(name,), target=(f"schedule.{name}",))
    assert (not does.errors, only_change(does).refused) == (True, None)


def test_there_is_no_way_out_by_consent_where_none_can_be_given(world: World) -> None:
    world.apply(file(HEAD.replace("billing", "team"), c="id: scd_5"))
    wish = Wish(desired=config(file(c="id: scd_5")).desired, globs=("c",), paused=True)
    with world.client(read_only=True) as client:
        (why,) = incident.look(client, wish, now=world.now).refused.values()
    assert why.endswith("; stop it in the console")


def test_a_destroy_names_what_stays_of_the_old_name(half_renamed: World) -> None:
    desired = config(RENAMED).desired
    with half_renamed.client(read_only=True) as client:
        plan = proposal.propose(client, proposal.emptied(desired), now=half_renamed.now)
    assert list(proposal.left_behind(desired, plan)) == []
    (told,) = plan.warnings
    assert told.text == "billing.a: of an environment that the files do not have, so left alone"


UNSEEN = [
    ("callback: 'https://c.example.com'", ["method, retries, timeout, retry_delay, headers"]),
    ("callback: {url: 'https://c.example.com', retries: 1, method: PUT}", ["timeout, retry_delay, headers"]),
    ("callback: {url: 'https://c.example.com', retries: 1, method: PUT, timeout: 5s, retry_delay: '1000', headers: {X-A: b}}", []),
    ("retries: 2", []),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "told"), UNSEEN)
def test_a_take_over_tells_which_settings_of_a_callback_nobody_has_seen(
    world: World, settings: str, told: list[str]
) -> None:
    world.apply(file(x=PLAIN))
    unmarked(world, "scd_1", callback="https://c.example.com")
    text = file(x=PLAIN, theirs=f"id: scd_1, {settings}")
    found = list(warned(world.plan(text), "unseen"))
    fact = "schedules.theirs: callback: QStash shows its address alone; its {} become the defaults"
    assert found == [f"{fact.format(one)} | write those that it has" for one in told]
    world.apply(text)
    assert not list(warned(world.plan(text.replace("retries: 1", "retries: 3")), "unseen"))


@pytest.mark.parametrize(
    ("cron", "fields"),
    [("0 0 13 * 5", [("id", "scd_1", "billing.x"), ("parts", 1, 4)]), ("0 9 * * *", [("id", "scd_1", "billing.x")])],
)  # fmt: skip
def test_an_id_that_goes_tells_where_one_schedule_becomes_several(
    world: World, cron: str, fields: list[tuple[str, Any, Any]]
) -> None:
    """One that somebody made may have a cron that ours are never stored with."""
    world.apply(file(y=PLAIN))
    unmarked(world, "scd_1", cron=cron, labels=[])
    text = file(x=f"cron: {cron}, {PLAIN}, id: scd_1", y=PLAIN)
    world.apply(text)
    assert world.schedule("scd_1")["cron"] == cron
    change = only_change(world.plan(text.replace(", id: scd_1", "")))
    assert [(field.path, field.before, field.after) for field in change.fields] == fields
