"""What a reviewer reads first of many changes: which are paused, what only has another id, how many."""

import re
from dataclasses import replace
from typing import Any

import pytest

from qstash_sync.model.change import Action, Change, FieldChange, Foreign, PausesAll, Reason
from qstash_sync.model.resources import Desired, Kind
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.drift import Drift
from qstash_sync.reconcile.taken import Unmanaged
from qstash_sync.render import drift as drifts, html, markdown, text, words
from qstash_sync.render.alike_changes import grouped
from qstash_sync.render.text import Paint
from tests.render.test_html import Page
from tests.support import HEAD, World, config

PLAIN = Paint(color=False)
COUNT = 24


def schedules(count: int, more: str = "", prefix: str = "j") -> str:
    return "schedules:\n" + "".join(
        f"  {prefix}{k:02}: {{cron: '{k % 60} 9 * * *', destination: 'https://e.com/{k}'{more}}}\n"
        for k in range(count)
    )


def text_of(plan: Plan, *, verbose: bool = False) -> str:
    return str(text.plan(plan, PLAIN, verbose=verbose))


def page_of(plan: Plan, desired: Desired) -> Page:
    return Page(str(html.plan(plan, desired, (1, 0))))


# ---------------------------------------------------------------- created paused


@pytest.mark.parametrize("more", ["", ", paused: false"])
def test_what_is_created_paused_says_so_in_every_list(world: World, more: str) -> None:
    content = HEAD + schedules(COUNT, ", paused: true") + schedules(1, more, "z").partition("\n")[2]
    plan = world.plan(content)
    page = page_of(plan, config(content).desired)
    for shown in (text_of(plan), str(markdown.plan(plan))):
        heads = [line for line in shown.splitlines() if re.match(r" *\+ schedule", line)]
        listed = [line for line in heads if "  daily" in line]
        assert sum(line.endswith("  paused") for line in listed) == COUNT
        assert not any("paused" in line for line in listed if " z00 " in line)
    assert page.text.count("UTC to https://e.com/") == COUNT + 1
    leads = re.findall(r"to https://e\.com/\d+\s+paused", page.text)
    assert len(leads) == COUNT


def test_what_is_deleted_paused_says_so_as_before(world: World) -> None:
    world.apply(HEAD + schedules(COUNT, ", paused: true"))
    shown = text_of(world.plan(HEAD + "schedules: {}\n", allow_deletes=99))
    assert sum(line.endswith("  paused") for line in shown.splitlines()) == COUNT


# ---------------------------------------------------------------- renamed, and nothing else


def adopting(count: int) -> str:
    return "schedules:\n" + "".join(
        f"  j{k:02}: {{cron: '{k} 9 * * *', destination: 'https://e.com/{k}', id: scd_{k:04}X}}\n"
        for k in range(count)
    )


def test_ids_that_are_taken_out_are_one_entry_as_adoptions_are(world: World) -> None:
    world.apply(HEAD + adopting(COUNT))
    plan = world.plan(HEAD + schedules(COUNT))
    names = ", ".join(f"j{k:02}" for k in range(12))
    assert plan.summary["update"] == COUNT
    shown = text_of(plan)
    assert f"~ 24 schedules (renamed) id scd_* -> billing.* {names}" in " ".join(shown.split())
    assert len(shown.splitlines()) < 12
    page = str(markdown.plan(plan))
    assert page.count("scd_") == 2  # at first sight, and field by field
    assert "! 24 schedules  (renamed)  id scd_* -> billing.*" in page
    assert "nothing else changes" in page
    assert len(page.splitlines()) < 40
    folded = page.partition("<details>")[2]
    assert all(f"j{k:02}" in folded for k in range(COUNT))  # all names, whatever there are
    for whole in (text_of(plan, verbose=True), str(markdown.plan(plan, verbose=True))):
        assert all(f"scd_{k:04}X -> billing.j{k:02}" in whole for k in range(COUNT))


def test_adoptions_are_one_entry_field_by_field_too(world: World) -> None:
    world.apply(HEAD + adopting(COUNT))
    for k in range(COUNT):
        world.edit(f"scd_{k:04}X", labels=[])  # as if somebody had made them by hand
    plan = world.plan(HEAD + adopting(COUNT))
    page = str(markdown.plan(plan))
    assert page.count("(none) -> ours") == 2
    assert "<summary>24 changes, field by field</summary>" in page
    folded = page.partition("<details>")[2]
    assert all(f"j{k:02}" in folded for k in range(COUNT))
    assert str(markdown.plan(plan, verbose=True)).count("(none) -> ours") == 1 + COUNT


def test_a_new_namespace_is_told_as_that(world: World) -> None:
    world.apply(HEAD + schedules(5))
    moved = HEAD.replace("namespace: billing", "namespace: acme\nnamespace_was: billing")
    shown = text_of(world.plan(moved + schedules(5)))
    assert "id                   billing.* -> acme.*" in shown
    assert "~ 5 schedules  (renamed)" in shown
    assert "j00, j01, j02, j03, j04" in shown


def test_a_rename_that_does_more_stands_by_itself(world: World) -> None:
    world.apply(HEAD + adopting(5))
    wanted = schedules(5).replace("'0 9", "'30 9").replace("com/1'", "com/1', retries: 1")
    shown = text_of(world.plan(HEAD + wanted))
    assert "~ 3 schedules  (renamed)" in shown
    assert "~ schedule j00  (renamed)" in shown
    assert "~ schedule j01  (renamed)" in shown
    named = schedules(5, prefix="k").replace("destination", "was: X, destination")
    for k in range(5):
        named = named.replace("was: X", f"was: j{k:02}", 1)
    shown = text_of(world.plan(HEAD + named))
    assert "name                 j00 -> k00" in shown  # each has a name of its own
    assert "5 schedules" not in shown.partition("Plan:")[0]


def renamed(number: int) -> Change:
    name = f"s{number}"
    field = FieldChange(path="id", before=f"scd_{number}", after=f"n.{name}")
    return Change(
        kind=Kind.SCHEDULE, name=name, id=f"n.{name}", action=Action.UPDATE, reason=Reason.RENAME,
        fields=(field,),
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"refused": "why"}, {"protected": True}, {"drops": 1}, {"cut_off": True},
        {"notes": (PausesAll(),)}, {"refused": "why", "foreign": Foreign.UNMARKED},
        {"id": "scd_new"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_to_be_looked_at_is_never_folded(more: dict[str, Any]) -> None:
    changes = [renamed(number) for number in range(6)]
    changes[2] = replace(changes[2], **more)
    assert sorted(len(group.changes) for group in grouped(changes)) == [1, 5]


def test_where_the_old_ids_have_nothing_in_common_they_are_various() -> None:
    changes = [renamed(number) for number in range(3)]
    changes[1] = replace(changes[1], fields=(FieldChange(path="id", before="x", after="n.s1"),))
    (group,) = grouped(changes)
    assert "(renamed)  id various -> n.*  s0, s1, s2" in text.head(group, PLAIN)


# ---------------------------------------------------------------- as QStash stores it

BERLIN = HEAD.replace("UTC}", "Europe/Berlin, dst: {strategy: native}}")


def test_a_rename_that_keeps_the_crons_says_nothing_of_them(world: World) -> None:
    world.apply(BERLIN + adopting(2))
    content = BERLIN + schedules(2)
    plan = world.plan(content)
    assert "as QStash stores" not in str(markdown.plan(plan))
    assert "as QStash stores" not in page_of(plan, config(content).desired).text
    assert not any("stored as" in line for change in plan.changes for line in words.notes(change))
    world.edit("scd_0000X", paused=True)
    assert "as QStash stores" not in str(markdown.plan(world.plan(content)))


def test_what_is_stored_may_have_a_zone_so_it_is_not_said_to_be_in_utc(world: World) -> None:
    world.apply(BERLIN + adopting(2))
    content = BERLIN + schedules(2).replace("0 9", "0 8")
    plan = world.plan(content)
    page = str(markdown.plan(plan))
    assert "<summary>1 schedule as QStash stores it</summary>" in page
    assert "stored as CRON_TZ=Europe/Berlin 0 8 * * *" in page
    found = page_of(plan, config(content).desired).text
    assert "Crons as QStash stores them -" in found


# ---------------------------------------------------------------- what is not ours


def test_the_mark_of_the_very_id_is_not_told_twice() -> None:
    one = Unmanaged(kind=Kind.SCHEDULE, name="stg.a", cron="0 7 * * *", marked="stg.a")
    assert "stg.a" not in words.unmanaged(one)
    assert "managed elsewhere" in words.unmanaged(one)
    other = replace(one, name="scd_1")
    assert words.unmanaged(other) == "0 7 * * *  carries the mark of stg.a"
    assert words.unmanaged(replace(one, marked=None)) == "0 7 * * *"


@pytest.mark.parametrize(
    ("name", "is_part"), [("stg.a.2", True), ("stg.a.14", True), ("stg.a.b", False), ("a.2", False)]
)
def test_all_parts_of_a_set_are_managed_elsewhere(name: str, *, is_part: bool) -> None:
    one = Unmanaged(kind=Kind.SCHEDULE, name=name, marked="stg.a")
    said = "managed elsewhere" if is_part else "carries the mark of stg.a"
    assert words.unmanaged(one) == said


# ---------------------------------------------------------------- numbers of four digits


def test_a_large_number_is_one_that_is_read_at_once(world: World) -> None:
    head = HEAD + "limits: {plan: payg, max_deletes: 1000}\n"
    content = head + schedules(1_200)
    plan = world.plan(content)
    drift = Drift(plan=plan, resources=())
    for page in (
        text_of(plan),
        str(markdown.plan(plan)),
        page_of(plan, config(content).desired).text,
        str(drifts.text(drift, (1_234, 0), PLAIN)),
    ):
        assert "1,200 schedules are needed; the plan payg allows 1,000" in page
        assert not re.findall(r"(?<![\w/.])(?!20\d\d-|0369)\d{4,}\b", page)
    assert "Plan: 1,200 to create, 0 to update" in text_of(plan)
    assert "Schedules in the account: 0 -> 1,200 of 1,000" in text_of(plan)


def test_a_large_number_to_be_typed_is_typed_as_it_is(world: World) -> None:
    """The embedded account takes a thousand schedules."""
    head = HEAD + "limits: {max_deletes: 999}\n"
    world.apply(head + schedules(1_000))
    many, every = world.plan(head + "schedules: {}\n").errors
    assert many.message == "1,000 deletes, limits.max_deletes is 999"
    assert every.message == "all 1,000 schedules of ours would be deleted"
    assert many.hint.endswith("--allow-deletes 1000")
