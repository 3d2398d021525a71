"""Parts of one schedule that differ: in a pause, or in what somebody else owns."""

from pathlib import Path
from typing import Any

import pytest

from qstash_sync.model.change import InSomeParts, Reason, Stored
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.steps import PauseSchedule
from qstash_sync.planning.horizons import LEFT_DUE
from tests.support import HEAD, World, cli, world as make_world


def text(more: str = "", name: str = "s", zone: str = "America/New_York") -> str:
    entry = f"cron: '0 9 * * *', timezone: {zone}, destination: 'https://a.example.com/x'"
    return f"{HEAD}schedules: {{{name}: {{{entry}{more}}}}}\n"


def live(world: World, *fields: str) -> dict[str, Any]:
    found = world.account.console.snapshot()["schedule"]
    return {key: tuple(one.get(field) for field in fields) for key, one in found.items()}


OWNED = ", ignore: [paused]"


@pytest.mark.parametrize("renamed", [False, True])
def test_a_pause_that_somebody_else_owns_is_each_parts_own(world: World, *, renamed: bool) -> None:
    world.apply(text(OWNED))
    world.edit("billing.s.2", isPaused=True)
    after = text(f"{OWNED}, method: GET, was: s", "t") if renamed else text(f"{OWNED}, method: GET")
    (change,) = world.plan(after).changes
    assert not change.pauses_all
    paused = [step.id[-1] for step in change.steps if isinstance(step, PauseSchedule)]
    assert paused == ["2"]
    world.apply(after)
    found = [paused for _, (paused,) in sorted(live(world, "isPaused").items())]
    assert found == [False, True, *[False] * (len(found) - 2)]
    assert world.plan(after).empty


@pytest.mark.parametrize("renamed", [False, True])
def test_where_the_parts_are_cut_anew_none_has_its_own(world: World, *, renamed: bool) -> None:
    """Then all of it is paused, and it is said; no renewal does it."""
    world.apply(text(OWNED))
    world.edit("billing.s.3", isPaused=True)
    world.now = world.now.replace(year=2027, month=4, day=2)
    after = text(f"{OWNED}, was: s", "t") if renamed else text(OWNED)
    (change,) = world.plan(after).changes
    assert change.pauses_all
    assert change.reason is (Reason.RENAME if renamed else Reason.DRIFT)
    assert not change.may_be_cut_off
    assert world.plan(after, only=Reason.CLOCK).empty
    world.apply(after)
    assert all(paused for (paused,) in live(world, "isPaused").values())


def test_each_part_keeps_its_own_by_its_cron_not_by_its_number(world: World) -> None:
    """After a renewal the ids of a set are not in the order in which it is compiled."""
    owned = ", ignore: [paused, retries]"
    world.now = world.now.replace(year=2026, month=11, day=23)
    berlin = text(owned, zone="Europe/Berlin")
    world.apply(berlin)
    world.now = world.now.replace(year=2027, month=6, day=11)
    world.apply(berlin)
    first = min(world.account.console.snapshot()["schedule"])
    world.edit(first, isPaused=True, retries=7)
    before = {cron: rest for cron, *rest in live(world, "cron", "isPaused", "retries").values()}
    assert len(before) > 1
    world.apply(text(f"{owned}, was: s", "t", zone="Europe/Berlin"))
    after = {cron: rest for cron, *rest in live(world, "cron", "isPaused", "retries").values()}
    assert after == before


def test_without_it_a_write_pauses_every_part_and_says_so(world: World) -> None:
    world.apply(text())
    world.edit("billing.s.2", isPaused=True)
    (change,) = world.plan(text(", method: GET")).changes
    assert change.pauses_all


@pytest.mark.parametrize("how", ["was", "namespace_was"])
def test_a_rename_carries_over_what_each_part_has(world: World, how: str) -> None:
    owned = ", ignore: [retries]"
    world.apply(text(owned))
    world.edit("billing.s.2", retries=7)
    after = text(f"{owned}, was: s", "t")
    if how == "namespace_was":
        after = text(owned).replace(
            "namespace: billing", "namespace: other\nnamespace_was: billing"
        )
    world.apply(after)
    retries = [one for _, (one,) in sorted(live(world, "retries").items())]
    assert retries == [3, 7, *[3] * (len(retries) - 2)]
    assert world.plan(after).empty


def test_a_rename_tells_that_one_part_was_edited(world: World) -> None:
    world.apply(text())
    world.edit("billing.s.2", retries=7)
    (change,) = world.plan(text(", was: s", "t")).changes
    assert [(f.path, f.before, f.after) for f in change.fields][1:] == [("retries", 7, 3)]
    assert InSomeParts(ids=("billing.s.2",), of=3) in change.notes


def test_a_renewal_is_no_reason_to_pause_what_runs(tmp_path: Path) -> None:
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a'}"
    file.write_text(text())
    words = ("--yes", "-f", str(file), local)
    assert cli("apply", *words, "--now", "2026-11-28T00:00Z").code == 0
    from qstash_sync.local import LocalQStash

    with LocalQStash(str(tmp_path / "a")) as account:
        found = account.store.get("schedule", "billing.s.3") or {}
        account.store.put("schedule", "billing.s.3", {**found, "isPaused": True})
    ran = cli("apply", "--only", "clock", *words, "--now", "2027-03-01T00:00Z")
    assert "Nothing of that kind is to do" in ran.out
    assert "exact until" in ran.text
    with LocalQStash(str(tmp_path / "a")) as account:
        paused = [one["isPaused"] for one in account.store.all("schedule")]
    assert sorted(paused) == [False, False, True]


def test_what_renews_nothing_says_so_and_fails_when_it_is_near(tmp_path: Path) -> None:
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a'}"
    file.write_text(text(", retries: 2"))
    assert cli("apply", "--yes", "-f", str(file), local, "--now", "2026-11-28T00:00Z").code == 0
    file.write_text(text(", retries: 1"))
    clock = ("apply", "--only", "clock", "--yes", "-f", str(file), local, "--now")
    for day, code, told in (
        ("2027-01-10", 0, ""),
        ("2027-03-01", 0, "exact until Thu 2027-04-01 13:00Z, and not"),
        ("2027-03-18", 4, "exact until Thu 2027-04-01 13:00Z, and not"),
        ("2027-04-05", 4, "wrong at its next firing, Mon 2027-04-05 13:00Z"),
    ):
        ran = cli(*clock, f"{day}T12:00Z" if day < "2027-04" else f"{day}T00:00Z")
        assert (ran.code, told in " ".join(ran.text.split())) == (code, True), ran.text
        seen = " ".join(cli("drift", "-f", str(file), local, "--now", f"{day}T00:00Z").text.split())
        assert ("2027-04-01 13:00Z;" in seen or "wrong at its next firing" in seen) == bool(told)
    explained = cli("explain", "s", "--at", "2027-04-05 09:00", "-f", str(file), local, "--now", "2027-04-05T00:00Z")  # fmt: skip
    assert "the horizon is over" in explained.out
    assert "was exact until Thu 2027-04-01 09:00" in explained.out


def test_a_part_that_somebody_paused_is_somebodys_doing(world: World) -> None:
    world.apply(text())
    world.edit("billing.s.2", isPaused=True)
    world.now = world.now.replace(year=2027, month=3, day=1)
    (change,) = world.plan(text()).changes
    assert change.reason is Reason.DRIFT
    found = world.plan(text(), only=Reason.CLOCK)
    assert found.empty
    assert [one.code for one in found.warnings if "exact until" in one.message]
    world.now = world.now.replace(day=31)
    found = world.plan(text(), only=Reason.CLOCK)
    assert LEFT_DUE in [one.code for one in found.warnings]


@pytest.mark.parametrize("paused", [True, False])
def test_a_create_beside_its_paused_twin_says_so(world: World, *, paused: bool) -> None:
    """A namespace that is taken back, an environment that a job moves to: the pause is elsewhere."""
    world.apply(text())
    for part in world.account.console.snapshot()["schedule"]:
        world.edit(part, isPaused=paused)
    after = text().replace("namespace: billing", "namespace: other")
    told = {one.code: one.text for one in world.plan(after).warnings}
    assert ("paused_twin" in told, "twin" in told) == (paused, not paused)
    if paused:
        assert "billing.s has the same destination" in told["paused_twin"]
        said = after.replace("'https://a.example.com/x'", "'https://a.example.com/x', paused: true")
        assert "paused_twin" not in {one.code for one in world.plan(said).warnings}
        world.apply(after)
        assert "paused_twin" not in {one.code for one in world.plan(after).warnings}


@pytest.mark.parametrize(("cron", "is_tight"), [("* * * * *", True), ("0 * * * *", False)])
def test_a_plan_says_where_there_is_no_room_between_firings(
    world: World, cron: str, *, is_tight: bool
) -> None:
    file = text(zone="UTC").replace("0 9 * * *", cron)
    world.apply(file)
    renamed = file.replace("schedules: {s: {", "schedules: {t: {was: s, ")
    assert ("tight" in {one.code for one in world.plan(renamed).warnings}) == is_tight
    assert "tight" not in {one.code for one in world.plan(file).warnings}


def test_what_another_environment_pauses_by_its_file_nobody_has_stopped() -> None:
    two = "environments: {{prod: {{}}, stg: {{namespace: stg, defaults: {{paused: {}}}}}}}\n"
    for by_file in (True, False):
        with make_world() as world:
            file = text().replace("schedules:", two.format(str(by_file).lower()) + "schedules:")
            world.environment = "stg"
            world.apply(file)
            for part in world.account.console.snapshot()["schedule"]:
                world.edit(part, isPaused=True)
            world.environment = "prod"
            told = {one.code: one.severity for one in world.plan(file).warnings}
            assert told["paused_twin"] == (Severity.INFO if by_file else Severity.WARNING)


@pytest.mark.parametrize("renamed", [False, True])
def test_who_differs_in_what_is_ignored_is_asked_to_look(world: World, *, renamed: bool) -> None:
    """A renewal that nobody reviews moves no host from one season to another."""
    owned = ", ignore: [destination, retries]"
    world.apply(text(owned))
    world.edit("billing.s", retries=7, destination="https://b.example.com/other")
    assert world.plan(text(owned)).empty
    world.now = world.now.replace(year=2027, month=4, day=2)
    after = text(f"{owned}, was: s", "t") if renamed else text(owned)
    found = world.plan(after)
    assert "ignored_parts" in {one.code for one in found.warnings}
    assert found.changes[0].reason is (Reason.RENAME if renamed else Reason.DRIFT)
    assert world.plan(after, only=Reason.CLOCK).empty


def test_a_rename_that_renews_tells_its_crons_once(world: World) -> None:
    world.now = world.now.replace(year=2026, month=11, day=28)
    world.apply(text())
    world.now = world.now.replace(year=2027, month=4, day=5)
    (change,) = world.plan(text(", was: s", "t")).changes
    assert [f.path for f in change.fields] == ["name", "cron"]
    assert not any(isinstance(note, Stored) for note in change.notes)
