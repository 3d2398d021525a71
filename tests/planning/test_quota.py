"""Rows of an account: told before they run out, now and on the worst day of the year, with the patch."""

import random
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying.outcomes import Status
from qstash_sync.crons.compile import Compilation
from qstash_sync.local import Switches
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Kind
from qstash_sync.planning import quota
from qstash_sync.reconcile import times
from tests.support import HEAD, World, cli, config, world as make_world

WINTER = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a clock change lies within every horizon
SPRING = datetime(2027, 4, 10, 12, tzinfo=UTC)  # none does before November


def file(count: int, *auto: str, plan: str = "free", dst: str = "") -> str:
    """Daily schedules in New York, some of them with `strategy: auto`."""
    names = [f"s{number}" for number in range(count)]
    each = (
        f"  {name}: {{cron: '0 9 * * *', timezone: America/New_York, "
        f"destination: 'https://e.com/{name}', dst: {{{'strategy: auto' if name in auto else dst}}}}}\n"
        for name in names
    )
    return HEAD + f"limits: {{plan: {plan}}}\nschedules:\n" + "".join(each)


def patch(hint: str) -> list[str]:
    """The schedules that a hint says to make `auto`."""
    found = re.search(r"strategy: auto\} for ([^;]+)", hint)
    return found[1].split(", ") if found else []


@pytest.mark.parametrize(
    ("created", "deleted", "allowed", "after", "tight"),
    [
        (2, 3, None, 7, False),
        (2, 3, 10, 7, False),
        (2, 0, 10, 10, False),
        (3, 3, 10, 8, True),
        (0, 0, 7, 8, True),
    ],
)
def test_how_full_an_account_is_meanwhile_and_afterwards(
    created: int, deleted: int, allowed: int | None, after: int, *, tight: bool
) -> None:
    found = quota.Usage(before=8, created=created, deleted=deleted, allowed=allowed)
    assert (found.after, found.is_tight) == (after, tight)


@pytest.mark.parametrize(
    ("created", "freed", "deleted", "fits"),
    [(0, 0, 1, True), (1, 0, 5, False), (1, 5, 5, True), (6, 5, 9, False), (6, 9, 5, False)],
)
def test_whether_there_is_room_at_every_moment(
    created: int, freed: int, deleted: int, *, fits: bool
) -> None:
    """Of an account that is too full only what is new needs any."""
    used = quota.Usage(before=12, created=created, deleted=deleted, allowed=10, freed=freed)
    assert used.fits is fits
    assert quota.Usage(before=12, created=created, deleted=deleted, allowed=None).fits


@pytest.mark.parametrize("change", ["namespace: b\nnamespace_was: billing", "namespace: billing"])
@pytest.mark.parametrize(("live", "fits"), [(10, False), (5, True), (6, False)])
def test_what_a_change_needs_before_it_frees_anything_is_counted(
    world: World, change: str, live: int, *, fits: bool
) -> None:
    """A rename makes the new ones first: where there is no room, every run would fail midway."""
    text = file(live, plan="free").replace("America/New_York", "UTC")
    world.apply(text)
    if "was" in change:
        text = text.replace("namespace: billing", change)
    else:
        text = re.sub("  s([0-9]): {", r"  t\1: {was: s\1, ", text)
    errors = world.plan(text).errors
    assert [error.code for error in errors] == ["limit"] * (not fits)
    if not fits:
        assert errors[0].message.startswith(f"{2 * live} schedules at once")
        assert ("--target" in errors[0].hint) is (live < 10)
        target = "schedules.s0" if "was" in change else "schedules.t0"
        assert bool(world.plan(text, target=(target,)).errors) is (live == 10)


def test_an_account_above_its_cap_may_lose_schedules(world: World) -> None:
    """And have others changed; it is told, and stops only what is new."""
    text = file(13, plan="payg").replace("America/New_York", "UTC")
    world.apply(text)
    full = text.replace("payg", "free")
    fewer, more = full[: full.index("  s12:")], full.replace("s12", "s13")
    for wanted, stops in ((fewer, False), (fewer.replace("0 9", "0 8", 1), False), (more, True)):
        plan = world.plan(wanted)
        assert plan.changes
        assert [error.code for error in plan.errors] == ["limit"] * stops
        assert [w.code for w in plan.warnings if w.code == "limit"] == ["limit"] * (not stops)


def test_an_account_above_its_cap_may_lose_parts(world: World) -> None:
    """Nothing is made, so nothing is in the way."""
    text = file(6, plan="payg", dst="strategy: split")
    world.apply(text)
    assert world.plan(text).usage[Kind.SCHEDULE].before == 18
    utc = text.replace("plan: payg", "plan: free").replace("America/New_York", "UTC")
    assert not world.plan(utc).errors


def test_what_loses_parts_goes_before_what_gets_some() -> None:
    """At the cap of 10: s3 gives a part back, a0 needs it; the account lets no eleventh in."""
    entry = "  {}: {{cron: '0 9 * * *', timezone: {}, destination: 'https://e.com/{}'}}\n"

    def text(first: str, last: str) -> str:
        zones = {"a0": first, "s3": last}
        more = "".join(entry.format(name, zone, name) for name, zone in zones.items())
        return file(2, dst="strategy: split") + more

    before, after = text("UTC", "America/New_York"), text("America/New_York", "UTC")
    with make_world(Switches(plan="free")) as full:
        full.apply(before)
        used = full.plan(after).usage[Kind.SCHEDULE]
        assert (used.before, used.is_tight, used.peak) == (10, True, 10)
        assert not full.plan(after).errors
        full.apply(after)
        assert full.plan(after).empty


def test_deletes_that_go_first_make_room(world: World) -> None:
    """Where creates would not fit before the deletes, the deletes come first: no error."""
    text = file(8, plan="free").replace("America/New_York", "UTC")
    world.apply(text)
    assert not world.plan(text.replace("  s", "  t"), allow_deletes=8).errors


def test_too_many_rows_now_are_refused_and_the_message_is_the_patch(world: World) -> None:
    world.now = WINTER
    (error,) = world.plan(file(6)).errors
    assert error.code == "limit"
    assert error.message == "18 schedules are needed; the plan free allows 10"
    names = patch(error.hint)
    assert len(names) == 4, "as many as it takes: each gives two rows back"
    assert not world.plan(file(6, *names)).errors
    assert world.plan(file(6, *names[1:])).errors


def test_rows_that_run_out_on_a_later_day_are_a_warning_with_that_day(world: World) -> None:
    world.now = SPRING
    plan = world.plan(file(4))
    assert not plan.errors
    (warning,) = [f for f in plan.warnings if f.code == "limit"]
    found = re.fullmatch(
        r"(\d+) schedules will be needed on ([\d-]+); the plan free allows 10", warning.message
    )
    assert found
    day = datetime.fromisoformat(found[2]).replace(tzinfo=UTC)
    made = [times.compiled(s, day) for s in config(file(4)).desired.schedules or ()]
    counts = [len(one.parts) for one in made if isinstance(one, Compilation)]
    assert sum(counts) == int(found[1]) > 10
    names = patch(warning.hint)
    patched = world.plan(file(4, *names))
    assert [f for f in patched.warnings if f.code == "limit"] == []


def test_schedules_of_others_take_rows_too(world: World) -> None:
    world.now = SPRING
    world.apply(file(1, plan="payg"))
    stored = world.schedule("billing.s0")
    for number in range(7):
        name = f"theirs-{number}"
        world.account.store.put("schedule", name, {**stored, "scheduleId": name, "labels": []})
    assert [f.code for f in world.plan(file(3)).errors] == ["limit"]
    assert not world.plan(file(1)).errors


@pytest.mark.parametrize("stray", ["scd_1", "billing.s0.77", "billing.s1.9", "billing.other"])
def test_whatever_is_not_ours_takes_a_row_whatever_it_is_called(world: World, stray: str) -> None:
    """The worst day of the year is named, too: a stray looks like a part and is none."""
    world.now = SPRING
    world.apply(file(2))
    stored = world.schedule("billing.s0")
    count = 10 - len(world.account.store.all("schedule"))
    for name in (stray, *(f"theirs-{n}" for n in range(1, count))):
        world.account.store.put("schedule", name, {**stored, "scheduleId": name, "labels": []})
    plan = world.plan(file(2).replace("e.com/s0", "e.com/other"))
    assert not plan.errors
    told = [d.message for d in plan.warnings if d.code == "limit"]
    assert told == ["14 schedules will be needed on 2027-09-24; the plan free allows 10"]


def test_without_a_plan_the_free_one_is_named_once(world: World) -> None:
    world.now = WINTER
    text = file(6).replace("limits: {plan: free}\n", "")
    assert not world.plan(text).errors
    told = [f for f in world.plan(text).warnings if f.code == "limit"]
    assert [f.text for f in told] == ["18 schedules, more than the free plan's 10"]


@pytest.mark.parametrize(
    ("now", "most", "told"),
    [
        (WINTER, 2, r"error: schedules.s0: needs 3 parts, max_parts is 2"),
        (SPRING, 3, r"warning: schedules.s0: needs 4 parts on 2027-\d\d-\d\d, max_parts is 3"),
        (SPRING, 4, None),
    ],
    ids=["today", "later this year", "never"],
)
@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_more_parts_than_max_parts_are_an_error_today_and_a_warning_of_a_later_day(
    tmp_path: Path, command: str, now: datetime, most: int, told: str | None
) -> None:
    """One verdict: what validate refuses in a pull request, the apply after it does not take."""
    path = tmp_path / "q.yaml"
    path.write_text(file(1, dst=f"max_parts: {most}", plan="payg"))
    more = {
        "validate": ("--now", now.isoformat()),
        "plan": ("--now", now.isoformat(), f"--local={tmp_path / 'a.db'}"),
        "apply": ("--now", now.isoformat(), f"--local={tmp_path / 'a.db'}", "--yes"),
    }
    ran = cli(command, "-f", str(path), *more[command])
    assert ran.code == (1 if told and told.startswith("error") else 0)
    found = re.findall(r"(?:warning|error): schedules\.s0: needs .*", " ".join(ran.text.split()))
    assert len(found) == bool(told)
    assert told is None or re.match(told, found[0])


def test_a_plan_tells_of_parts_of_a_later_day_where_the_file_changes_the_schedule(
    world: World,
) -> None:
    """As it does of lint: what stays as it is was told when it came."""

    def told(text: str, **more: Any) -> list[tuple[str, str]]:
        found = [d for d in world.plan(text, **more).warnings if d.code == "max_parts"]
        return [(str(d.path[1]), d.message) for d in found]

    world.now = SPRING
    text = file(2, dst="max_parts: 3", plan="payg")
    need = "needs 4 parts on 2027-09-24, max_parts is 3"
    assert told(text) == [("s0", need), ("s1", need)]
    assert told(text, target=("schedules.s0",)) == [("s0", need)]
    world.apply(text)
    assert told(text) == []
    edited = text.replace("  s1: {", "  s1: {retries: 7, ")
    assert edited != text
    assert told(edited) == [("s1", need)]
    world.now = datetime(2027, 9, 24, 12, tzinfo=UTC)  # a renewal: now it is today's
    assert [d[1] for d in told(text)] == ["needs 4 parts, max_parts is 3"] * 2


def test_parts_of_a_time_that_somebody_else_owns_stop_no_plan(world: World) -> None:
    """They are not written."""
    world.now = SPRING
    text = file(1, dst="max_parts: 2", plan="payg")
    world.apply(text)
    edited = text.replace("  s0: {", "  s0: {retries: 7, ")
    world.now = datetime(2027, 8, 20, 12, tzinfo=UTC)
    assert [d.message for d in world.plan(edited).errors] == ["needs 4 parts, max_parts is 2"]
    theirs = world.plan(edited.replace("  s0: {", "  s0: {ignore: cron, "))
    assert (theirs.summary["update"], theirs.errors) == (1, ())


def test_validate_judges_the_rows_without_an_account(tmp_path: Path) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(file(6))
    ran = cli("validate", "-f", str(path), "--now", WINTER.isoformat())
    assert ran.code == 1
    assert "18 schedules are needed; the plan free allows 10" in ran.err
    assert "write dst: {strategy: auto} for s0, s1, s2, s3" in ran.err


def test_the_worst_day_is_the_most_of_all_renewals(world: World) -> None:
    schedules = config(file(2)).desired.schedules or ()
    days = quota.ahead(schedules, SPRING)
    assert days[0].at == SPRING
    assert [day.at for day in days] == sorted({day.at for day in days})
    assert all(day.count % 2 == 0 for day in days), "two schedules of one kind"
    (found,) = quota.judge(schedules, SPRING, plan="free", others=5)
    assert found.severity is Severity.WARNING
    assert str(max(day.count for day in days) + 5) in found.message


@pytest.mark.parametrize(
    ("count", "autos", "hint"),
    [
        (11, 11, "remove some, or raise the plan"),
        (12, 11, "write dst: {strategy: auto} for s11; then remove some, or raise the plan"),
        (10, 9, "write dst: {strategy: auto} for s9"),
        (
            13,
            3,
            "write dst: {strategy: auto} for s3, s4, s5, s6, s7, s8, s9, s10, …; then remove some, or raise the plan",
        ),
    ],
    ids=["nothing gives rows back", "too few", "just enough", "more than are listed"],
)
def test_the_patch_says_what_it_does_not_reach(
    world: World, count: int, autos: int, hint: str
) -> None:
    world.now = WINTER
    (error,) = world.plan(file(count, *(f"s{n}" for n in range(autos)))).errors
    assert error.hint == hint


def test_the_patch_is_the_same_however_the_file_is_ordered() -> None:
    """Of those that give as much back, the first by name; as many as it takes for the last row."""
    schedules = config(file(6)).desired.schedules or ()
    for others, names in ((0, "s0, s1, s2, s3"), (1, "s0, s1, s2, s3, s4")):
        for order in (schedules, schedules[::-1]):
            (told,) = quota.judge(order, WINTER, plan="free", others=others)
            assert told.hint == f"write dst: {{strategy: auto}} for {names}"


def test_a_schedule_that_gives_one_row_back_is_named_too() -> None:
    """The last day of February but for leap years: two dates in UTC, one cron with its zone."""
    text = file(6).replace("0 9 * * *", "30 23 28 2 *")
    schedules = config(text).desired.schedules or ()
    assert quota.ahead(schedules, WINTER)[0].count == 12
    (told,) = quota.judge(schedules, WINTER, plan="free")
    assert told.hint == "write dst: {strategy: auto} for s0, s1"


def test_what_cannot_be_compiled_takes_no_row_and_hides_no_other() -> None:
    differs = "{cron: '30 2 * * *', timezone: America/New_York, destination: 'https://e.com', dst: {strategy: native}}"
    text = file(4, plan="payg") + f"  bad: {differs}\n"
    schedules = config(text).desired.schedules or ()
    bad = [schedule for schedule in schedules if schedule.name == "bad"]
    assert [day.count for day in quota.ahead(bad, WINTER)] == [0]
    assert quota.ahead(schedules, WINTER)[0].count == 12
    (told,) = quota.judge(schedules, WINTER, plan=None)
    assert told.message == "12 schedules, more than the free plan's 10"
    (told,) = quota.judge(schedules, WINTER, plan="free")
    assert told.message == "12 schedules are needed; the plan free allows 10"


@pytest.mark.parametrize(
    ("count", "told"), [(10, "30 schedules"), (11, "11 or more schedules")], ids=["ten", "eleven"]
)
def test_more_schedules_than_rows_are_told_without_compiling_one(
    tmp_path: Path, count: int, told: str
) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(file(count).replace("limits: {plan: free}\n", ""))
    ran = cli("validate", "-f", str(path), "--now", WINTER.isoformat())
    assert ran.code == 0
    assert f"{told}, more than the free plan's 10" in ran.err


@pytest.mark.parametrize("cron", ["0 9 1 * *", "30 23 * 3-5 5", "*/5 1 1-7 3 *"])
def test_max_parts_is_held_to_what_is_needed_and_not_to_the_bound(cron: str) -> None:
    """The bound is above what any day needs here, so every renewal is looked at."""
    text = (
        f"schedules: {{s: {{cron: '{cron}', timezone: Europe/Berlin, "
        "destination: 'https://e.com/x', dst: {max_parts: MOST}}}\n"
    )
    (schedule,) = config(HEAD + text.replace("MOST", "50")).desired.schedules or ()
    needed = max(count for _, count in times.parts_ahead(schedule, WINTER))
    assert times.most_parts(schedule, WINTER) > needed
    for most, refused in ((needed, False), (needed - 1, True)):
        if most:
            (schedule,) = config(HEAD + text.replace("MOST", f"{most}")).desired.schedules or ()
            found = quota.too_many_parts(schedule, WINTER)
            assert isinstance(found, tuple)
            assert bool(found) is refused


NEW = "  x: {cron: '0 9 * * *', timezone: America/New_York, destination: 'https://e.com/x'}\n"


def test_a_full_account_says_what_needs_the_rows_and_how_the_rest_gets_through(
    world: World,
) -> None:
    assert all(outcome.status is Status.DONE for outcome in world.apply(file(3)))
    changed = file(3).replace("'https://e.com/s2'", "'https://e.com/s2', retries: 1") + NEW
    (told,) = world.plan(changed).errors
    assert told.message == "12 schedules are needed; the plan free allows 10: x needs 3 more"
    assert told.hint.endswith("; or --exclude schedules.x, for the rest alone")
    assert not world.plan(changed, exclude=("schedules.x",)).errors
    (alone,) = world.plan(file(3) + NEW).errors
    assert "x needs 3 more" in alone.message
    assert "--exclude" not in alone.hint  # nothing would be left


def test_what_leaving_out_does_not_mend_is_not_advised(world: World) -> None:
    """Where the account is above its plan without it, and the rest makes something new."""
    assert all(o.status is Status.DONE for o in world.apply(file(6, plan="payg")))
    both = file(6) + NEW + NEW.replace("  x:", "  y:").replace("/x", "/y")
    (told,) = world.plan(both).errors
    assert told.message.endswith(": x needs 3 more, y needs 3 more")
    assert "--exclude" not in told.hint  # nothing would be left


CRONS = [
    "cron: '0 9 * * *', timezone: UTC", "cron: '0 9 * * *'", "cron: '*/5 * * * *'",
    "cron: '30 6 * * 1'",
]  # fmt: skip


def drawn(entries: dict[str, str]) -> str:
    head = file(0).replace(
        "{plan: free", "{max_deletes: none, max_delete_percent: none, plan: free"
    )
    return head.replace("{timezone: UTC}", "{timezone: Europe/Berlin}") + "".join(
        f"  {name}: {{{timing}, destination: 'https://e.com/{name}'}}\n"
        for name, timing in sorted(entries.items())
    )


@pytest.mark.parametrize("seed", range(60))
def test_the_advice_to_leave_out_is_right_as_typed_and_given_where_it_is(
    world: World, seed: int
) -> None:
    """Of a rename new parts are made before the old ones go: the peak counts, too."""
    draw = random.Random(seed)
    first = {f"x{n}": draw.choice(CRONS) for n in draw.sample(range(12), draw.randint(2, 6))}
    if world.plan(drawn(first)).errors:
        return
    world.apply(drawn(first))
    second = {
        name: timing if draw.random() < 0.5 else draw.choice(CRONS)
        for name, timing in first.items()
        if draw.random() < 0.85
    }
    new = [f"x{n}" for n in range(12) if f"x{n}" not in first and draw.random() < 0.4]
    second |= {name: draw.choice(CRONS) for name in new}
    gone = [name for name in first if name not in second]
    if gone and new:
        second[new[0]] += f", was: {gone[0]}"
    plan = world.plan(drawn(second))
    for error in plan.errors:
        growing = re.findall(r"(x\d+) needs", error.message)
        left_out = tuple(f"schedules.{name}" for name in growing)
        if not growing or ", …" in error.message:
            continue
        rest = world.plan(drawn(second), exclude=left_out)
        advised = all(f"--exclude {one}" in error.hint for one in left_out)
        assert advised == (not rest.errors and bool(rest.changes)), (plan, error.hint)


def test_an_account_that_holds_more_already_is_told_of_no_free_plan(world: World) -> None:
    """Somebody pays for it, and every plan would say so again."""
    line = "  s{}: {{cron: '0 9 * * *', destination: 'https://e.example.com'}}\n"
    text = HEAD + "schedules:\n" + "".join(line.format(n) for n in range(11))
    assert [w.code for w in world.plan(text).warnings if w.code == "limit"] == ["limit"]
    world.apply(text)
    for changed in (text + line.format(11), text.replace(line.format(0), "")):
        plan = world.plan(changed)
        assert plan.changes
        assert not [w for w in plan.warnings if w.code == "limit"]
