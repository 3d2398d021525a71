"""Saved plans: what was approved is carried out, or nothing is."""

import base64
import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import shlex
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying import applying, outcomes, proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.crons import zones
from qstash_sync.errors import SavedPlanError, StalePlanError
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, LocalQStash, Served, Switches
from qstash_sync.model.change import Reason
from qstash_sync.planning import lifetime, saved, savefile
from qstash_sync.planning.fingerprint import Fingerprints
from qstash_sync.planning.policy import Policy
from qstash_sync.planning.saved import Where
from qstash_sync.reconcile import mark
from qstash_sync.render import applying as view, text as render
from tests.fault_server import Fault, FaultServer
from tests.reconcile import test_ignore as ignore
from tests.support import HEAD, NOW, Ran, World, cli, config, ids, world as make_world

SEED = 20261124
WEEK = timedelta(days=7)
HERE = Where(environment=None, namespace="billing", user="local", region=None, url="local")


def save(world: World, text: str, **options: Any) -> str:
    """The document of a plan."""
    with world.client(read_only=True) as client:
        desired = config(text, world.environ).desired
        live = proposal.observe(client, desired)
        chosen = Policy(**options)
        plan = proposal.compare(desired, live, now=world.now, policy=chosen)
        assert not plan.errors, plan.errors
        return savefile.dump(
            saved.of_plan(plan, Fingerprints(desired, live, plan.index), HERE, chosen)
        )


def apply(world: World, text: str, document: str) -> outcomes.Applied:
    """Carry a document out in this world, or raise what keeps it from that."""
    with world.client() as client:
        desired = config(text, world.environ).desired
        found = applying.approved(client, desired, savefile.load(document))
        assert not found.plan.errors, found.plan.errors
        return world.carry_out(client, desired, found.plan, found.policy)


def stale(world: World, text: str, document: str) -> StalePlanError:
    """Why a document does not hold any more; nothing may be written."""
    before = world.account.console.snapshot()
    with pytest.raises(StalePlanError) as caught:
        apply(world, text, document)
    assert world.account.console.snapshot() == before
    page = str(view.stale(caught.value, render.Paint(color=False, width=80)))
    assert max(map(len, page.splitlines())) <= 80
    assert all(moved.why in " ".join(page.split()) for moved in caught.value.moved)
    return caught.value


# Time


def zone_names() -> list[str]:
    """One zone for each history of its clock in 2026-2029, fixed offsets included."""
    span = datetime(2026, 1, 1, tzinfo=NOW.tzinfo), datetime(2030, 1, 1, tzinfo=NOW.tzinfo)
    found: dict[Any, str] = {}
    for name in zones.names():
        found.setdefault((zones.offset(name, span[0]), zones.transitions(name, *span)), name)
    return sorted(found.values())


def all_zones(hour: int, retries: int) -> str:
    """A daily schedule in every one of these zones."""
    line = "  z{}: {{cron: '30 {} * * *', timezone: {}, destination: 'https://e.example.com', retries: {}}}\n"
    lines = (line.format(n, hour, name, retries) for n, name in enumerate(zone_names()))
    return HEAD + "schedules:\n" + "".join(lines)


def test_a_plan_of_day_d_applies_a_week_later_in_every_zone_when_nobody_changed_anything() -> None:
    """Creates, then other settings, then another hour."""
    days = random.Random(SEED).sample(range(365), 2)
    for day in days:
        with make_world() as world:
            world.now = NOW + timedelta(days=day)
            for hour, retries in ((2, 3), (2, 4), (9, 4)):
                text = all_zones(hour, retries)
                document = save(world, text)
                world.now += WEEK
                applied = apply(world, text, document)
                assert applied.done, f"seed {SEED}: {day} days after {NOW}"
                assert len(applied.outcomes) == len(zone_names()) > 60
                # A renewal may have come due within the week where only settings were written.
                due = {change.reason for change in world.plan(text).changes}
                assert due <= ({"clock"} if (hour, retries) == (2, 4) else set())
                world.apply(text)


NEW_YORK = (
    HEAD
    + "schedules:\n  s: {cron: '0 9 * * *', timezone: America/New_York, destination: 'https://e.example.com'"
)


def test_a_plan_lasts_until_its_parts_are_exact_for_two_more_weeks_only(world: World) -> None:
    document = save(world, NEW_YORK + "}")
    until = savefile.load(document).changes[0].exact_until
    assert until is not None
    assert until - NOW > timedelta(days=120)
    world.now = until - lifetime.LEAST + timedelta(minutes=1)
    error = stale(world, NEW_YORK + "}", document)
    assert error.moved[0].why == f"its parts would be exact until {until:%Y-%m-%d %H:%MZ} only"
    world.now = until - lifetime.LEAST
    assert apply(world, NEW_YORK + "}", document).done


def test_a_setting_changed_a_day_before_its_schedule_is_renewed_applies_a_week_later(
    world: World,
) -> None:
    world.apply(NEW_YORK + "}")
    while world.plan(NEW_YORK + "}").empty:
        world.now += timedelta(days=1)
    world.now -= timedelta(days=1)
    document = save(world, NEW_YORK + ", retries: 1}")
    # Whatever is written anyway is written for the months to come.
    paths = [field.path for field in savefile.load(document).changes[0].change.fields]
    assert paths == ["cron", "retries"]
    world.now += WEEK
    assert apply(world, NEW_YORK + ", retries: 1}", document).done


def test_who_renews_late_is_held_to_no_more_than_that(world: World) -> None:
    text = NEW_YORK + ", dst: {renew_before: 3d}"
    world.apply(text + "}")
    while world.plan(text + "}").empty:
        world.now += timedelta(days=1)
    world.now -= timedelta(days=2)
    document = save(world, text + ", retries: 1}")
    world.now += timedelta(hours=12)
    assert apply(world, text + ", retries: 1}", document).done


def test_following_the_offset_in_force_is_stale_once_the_clock_has_changed(world: World) -> None:
    text = NEW_YORK + ", dst: {strategy: follow}}"
    world.now = datetime(2027, 3, 10, 12, tzinfo=NOW.tzinfo)
    document = save(world, text)
    world.now += timedelta(days=1)
    with world.client(read_only=True) as client:
        applying.approved(client, config(text).desired, savefile.load(document))
    world.now += WEEK
    assert "the clock has changed since" in stale(world, text, document).moved[0].why


@pytest.mark.parametrize("strategy", ["native", "auto"])
def test_what_needs_no_renewal_holds_for_years(world: World, strategy: str) -> None:
    text = NEW_YORK + f", dst: {{strategy: {strategy}}}}}"
    document = save(world, text)
    world.now += timedelta(days=800)
    assert apply(world, text, document).done


def test_a_plan_for_a_day_to_come_is_refused(world: World) -> None:
    """`plan --now` may look ahead; an apply may not."""
    world.now += timedelta(days=30)
    document = save(world, NEW_YORK + "}")
    world.now = NOW
    assert "which is still to come" in str(stale(world, NEW_YORK + "}", document))


def test_new_zone_data_alone_is_no_reason_to_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = save(world, NEW_YORK + "}")
    monkeypatch.setattr(zones, "tzdata_version", lambda: "2027z")
    assert apply(world, NEW_YORK + "}", document).done


def test_new_zone_data_that_asks_for_other_crons_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = savefile.load(save(world, NEW_YORK + "}"))
    moved = replace(found.changes[0], writes="0" * 32)
    monkeypatch.setattr(zones, "tzdata_version", lambda: "2027z")
    error = stale(world, NEW_YORK + "}", savefile.dump(replace(found, changes=(moved,))))
    assert error.moved[0].why == f"new zone data ({found.tzdata}, now 2027z) asks for other crons"


# What moves

URL = "https://app.example.com"
FILE = (
    HEAD
    + """\
owns: {url_groups: ['x-*'], queues: ['x-*'], flow_controls: ['x-*']}
url_groups: {g: {endpoints: {a: 'https://a.example.com'}}}
queues: {q: {parallelism: 2}}
flow_controls: {f: {parallelism: 5}}
schedules:
  s: {cron: 0 9 * * *, destination: 'https://app.example.com', headers: {X-T: 'Bearer ${env.T}', X-P: p}}
  t: {cron: 0 8 * * *, destination: 'https://app.example.com', paused: false}
  old: {cron: 0 7 * * *, destination: 'https://app.example.com'}
"""
)
GONE = (
    FILE
    + """\
  gone: {cron: 0 6 * * *, destination: 'https://app.example.com'}
"""
)
WANTED = (
    FILE.replace("{a: 'https://a.example.com'}", "{a: 'https://b.example.com'}")
    .replace("q: {parallelism: 2}", "q: {parallelism: 3}, q2: {}")
    .replace("f: {parallelism: 5}", "f: {parallelism: 6}")
    .replace("s: {cron: 0 9 * * *,", "s: {cron: 0 10 * * *,")
    .replace("paused: false", "paused: true")
    .replace("  old: {", "  new: {was: old, ")
    + "  fresh: {cron: 5 5 * * *, destination: 'https://app.example.com'}\n"
)


@pytest.fixture
def account(world: World) -> World:
    """Everything of `GONE`, a queue and a group that the file owns, and a schedule of others."""
    world.environ = {"T": "first"}
    world.apply(
        GONE.replace("q: {", "x-q: {}, q: {").replace(
            "g: {", "x-g: {endpoints: {a: 'https://a.example.com'}}, g: {", 1
        )
    )
    copied("schedule", "billing.s", "theirs", scheduleId="theirs", labels=[])(world)
    return world


def edited(kind: str, target: str, **changes: Any) -> Callable[[World], None]:
    """Somebody's hand on a stored resource."""

    def edit(world: World) -> None:
        world.account.console.edit(kind, target, **changes)

    return edit


def deleted(kind: str, name: str) -> Callable[[World], None]:
    """Somebody deletes it."""

    def delete(world: World) -> None:
        assert world.account.console.delete(kind, name)

    return delete


def copied(kind: str, source: str, copy: str, **changes: Any) -> Callable[[World], None]:
    """Somebody creates a resource like another one."""

    def create(world: World) -> None:
        found = world.account.store.get(kind, source)
        assert found is not None
        world.account.store.put(kind, copy, {**found, **changes})

    return create


def relabelled(world: World) -> None:
    """Another environment has written the same id."""
    ours, *others = world.schedule("billing.s")["labels"]
    label = ours.replace(mark.scope("billing", None), "ffff", 1)
    world.edit("billing.s", labels=[label, *others])


def rotated(world: World) -> None:
    world.environ = {"T": "second"}


def nobody(_world: World) -> None:
    """Nothing happens in the account."""


MOVES: list[tuple[str, Callable[[World], None], tuple[str, str], str, str, str]] = [
    # what happened, by whose hand, in which file, to which change, why, which field
    ("a field edited by hand", edited("schedule", "billing.s", retries=1), ("", ""), "schedule billing.s", "changed in the account", "retries"),
    ("a cron edited by hand", edited("schedule", "billing.s", cron="0 6 * * *"), ("", ""), "schedule billing.s", "changed in the account", "parts"),
    ("a hidden value edited by hand", edited("schedule", "billing.s", header={"X-T": ["Bearer foreign"], "X-P": ["p"]}), ("", ""), "schedule billing.s", "changed in the account", "headers.X-T"),
    ("a header added by hand", edited("schedule", "billing.s", header={"X-T": ["Bearer first"], "X-P": ["p"], "X-N": ["n"]}), ("", ""), "schedule billing.s", "changed in the account", "headers.X-N"),
    ("paused by hand", edited("schedule", "billing.s", isPaused=True), ("", ""), "schedule billing.s", "paused in the account", ""),
    ("deleted by hand", deleted("schedule", "billing.s"), ("", ""), "schedule billing.s", "deleted from the account", ""),
    ("created by hand", copied("schedule", "theirs", "billing.fresh", scheduleId="billing.fresh", labels=[]), ("", ""), "schedule billing.fresh", "has no mark of ours", ""),
    ("the mark of another environment", relabelled, ("", ""), "schedule billing.s", "mark of another environment", ""),
    ("the old name of a rename edited", edited("schedule", "billing.old", cron="1 7 * * *"), ("", ""), "schedule billing.new", "changed in the account", "cron"),
    ("what is to be deleted edited", edited("schedule", "billing.gone", retries=1), ("", ""), "schedule billing.gone", "changed in the account", ""),
    ("a queue edited by hand", edited("queue", "q", parallelism=9), ("", ""), "queue q", "changed in the account", "parallelism"),
    ("a queue paused by hand", edited("queue", "q", paused=True), ("", ""), "queue q", "paused in the account", ""),
    ("a queue deleted by hand", deleted("queue", "q"), ("", ""), "queue q", "deleted from the account", ""),
    ("a queue created by hand", copied("queue", "q", "q2", name="q2", parallelism=5), ("", ""), "queue q2", "created in the account", "parallelism"),
    ("an endpoint edited by hand", edited("topic", "g", endpoints=[{"name": "a", "url": "https://z.example.com"}]), ("", ""), "url_group g", "changed in the account", "endpoints.a"),
    ("a pin edited by hand", edited("flow", "f", parallelismMax=7), ("", ""), "flow_control f", "changed in the account", "parallelism"),
    ("a secret rotated", rotated, ("", ""), "schedule billing.s", "the file, a variable or a secret has changed", "headers.X-T"),
    ("the cron edited in the file", nobody, ("s: {cron: 0 10 ", "s: {cron: 0 11 "), "schedule billing.s", "the file, a variable or a secret has changed", "cron"),
    ("the change taken back in the file", nobody, ("s: {cron: 0 10 ", "s: {cron: 0 9 "), "schedule billing.s", "the file asks for what the account has already", ""),
    ("a new schedule out of the file", nobody, ("  fresh: {cron: 5 5 * * *, destination: 'https://app.example.com'}\n", ""), "schedule billing.fresh", "it has left the file", ""),
    ("a deleted schedule in the file again", nobody, ("  fresh:", "  gone: {cron: 0 6 * * *, destination: 'https://app.example.com'}\n  fresh:"), "schedule billing.gone", "the file does not ask for it any more", ""),
    ("a deleted queue not owned any more", nobody, ("queues: ['x-*']", "queues: []"), "queue x-q", "the file does not ask for it any more", ""),
    ("a section out of the file", nobody, ("flow_controls: {f: {parallelism: 6}}\n", ""), "flow_control f", "it has left the file", ""),
    ("an endpoint edited in the file", nobody, ("'https://b.example.com'", "'https://c.example.com'"), "url_group g", "the file, a variable or a secret has changed", "endpoints.a"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "hand", "edit", "key", "why", "path"), MOVES, ids=ids(MOVES))
def test_a_change_that_moved_stops_everything_before_the_first_write(
    account: World,
    _id: str,
    hand: Callable[[World], None],
    edit: tuple[str, str],
    key: str,
    why: str,
    path: str,
) -> None:
    document = save(account, WANTED)
    assert len(savefile.load(document).changes) == 11
    account.now += WEEK
    hand(account)
    text = WANTED.replace(*edit) if edit[0] else WANTED
    assert text != WANTED or not edit[0]
    error = stale(account, text, document)
    assert [f"{m.change.kind} {m.change.id}" for m in error.moved] == [key]
    assert why in error.moved[0].why
    assert [move.path for move in error.moved[0].fields] == path.split()


def test_what_was_refused_and_has_gone_is_told(world: World) -> None:
    """What would be done by now is a create that nobody has seen."""
    world.apply(NEW_YORK + "}")
    world.edit("billing.s", labels=["x"])
    document = save(world, NEW_YORK + "}")
    for stored in world.account.store.all("schedule"):
        world.account.store.delete("schedule", stored["scheduleId"])
    (moved,) = stale(world, NEW_YORK + "}", document).moved
    assert moved.why == "it has been deleted from the account"


def test_of_what_was_created_meanwhile_only_what_still_differs_is_told(world: World) -> None:
    text = HEAD + "queues: {q: {parallelism: 3, paused: true}}\n"
    document = save(world, text)
    world.apply(text.replace("3", "5"))
    (moved,) = stale(world, text, document).moved
    assert moved.why == "it has been created in the account"
    (move,) = moved.fields
    assert move.path == "parallelism"
    assert (move.approved is not None, move.now is not None) == (True, True)


def test_what_of_a_change_has_been_done_by_hand_is_told_as_not_asked_for_any_more(
    account: World,
) -> None:
    text = WANTED.replace("s: {cron: 0 10", "s: {retries: 5, cron: 0 10")
    document = save(account, text)
    account.edit("billing.s", retries=5)
    (moved,) = stale(account, text, document).moved
    (move,) = (move for move in moved.fields if move.path == "retries")
    assert move.approved is not None
    assert (move.approved.after, move.now) == (5, None)


def test_a_plan_in_another_order_of_its_keys_is_the_same_plan(account: World) -> None:
    """Tools that sort the keys of a document change nothing in it."""
    document = save(account, WANTED)
    ordered = json.dumps(json.loads(document), sort_keys=True)
    assert ordered != document
    assert savefile.load(ordered) == savefile.load(document)


def test_of_what_has_been_overwritten_since_no_field_is_shown(account: World) -> None:
    """Nothing more of it is compared: that a field does not change now would be false."""
    document = save(account, WANTED)
    relabelled(account)
    (moved,) = stale(account, WANTED, document).moved
    assert (moved.change.id, moved.fields) == ("billing.s", ())


def test_a_section_that_has_left_the_file_deletes_nothing(account: World) -> None:
    document = save(account, WANTED)
    text = "".join(
        line for line in WANTED.splitlines(keepends=True) if not line.startswith("queues:")
    )
    assert {m.change.id: m.why for m in stale(account, text, document).moved} == {
        "q": "it has left the file",
        "q2": "it has left the file",
        "x-q": "the file does not ask for it any more",
    }


# What does not


def busy(world: World) -> None:
    """The account lives: schedules fire, messages wait, others do what they do."""
    for name in ("billing.s", "billing.old", "billing.gone"):
        world.account.console.tick(name, state="ERROR")
    edited("queue", "q", lag=7)(world)
    edited("schedule", "theirs", cron="1 1 1 1 *")(world)


QUIET: list[tuple[str, Callable[[World], None], tuple[str, str]]] = [
    ("nothing", nobody, ("", "")),
    ("what changes by itself", busy, ("", "")),
    ("a description", nobody, ("s: {cron", "s: {description: 'Why', cron")),
    ("another spelling of the cron", nobody, ("0 10 * * *", "'00 10 * * *'")),
    ("an earlier renewal", nobody, ("s: {cron", "s: {dst: {renew_before: 60d}, cron")),
    ("another schedule in the file", nobody, ("  fresh:", "  more: {cron: 0 1 * * *, destination: 'https://app.example.com'}\n  fresh:")),
    ("an application's own id beside ours", copied("schedule", "theirs", "billing.gone.2", scheduleId="billing.gone.2"), ("", "")),
    ("another queue not owned", copied("queue", "q", "theirs", name="theirs"), ("", "")),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "hand", "edit"), QUIET, ids=ids(QUIET))
def test_what_is_not_part_of_the_approved_changes_does_not_matter(
    account: World, _id: str, hand: Callable[[World], None], edit: tuple[str, str]
) -> None:
    document = save(account, WANTED)
    account.now += WEEK
    hand(account)
    applied = apply(account, WANTED.replace(*edit) if edit[0] else WANTED, document)
    assert applied.done, applied
    assert account.plan(WANTED, only=None).summary["update"] == 0


def test_unrelated_drift_is_left_alone_and_named(account: World) -> None:
    document = save(account, WANTED)
    edited("schedule", "billing.old", isPaused=False)(account)
    text = WANTED + "  later: {cron: 0 1 * * *, destination: 'https://app.example.com'}\n"
    applied = apply(account, text, document)
    assert applied.done
    assert [(change.action, change.id) for change in applied.fresh] == [("create", "billing.later")]
    assert account.account.store.get("schedule", "billing.later") is None


# Done already


def test_a_plan_applied_twice_writes_nothing_the_second_time(account: World) -> None:
    document = save(account, WANTED)
    assert apply(account, WANTED, document).done
    before = account.account.console.snapshot()
    with account.client() as client:
        desired = config(WANTED, account.environ).desired
        found = applying.approved(client, desired, savefile.load(document))
        assert found.done == savefile.load(document).keys
        applied = account.carry_out(client, desired, found.plan, found.policy)
        assert client.writes == 0
    assert applied.done
    assert len(applied.outcomes) == 11
    assert account.account.console.snapshot() == before


@pytest.mark.parametrize("moved_on", [False, True])
def test_a_delete_is_done_where_the_first_id_is_somebody_elses_by_now(
    world: World, *, moved_on: bool
) -> None:
    """It stands under the id that the schedule was known by, and is no part of it."""
    parts = "cron: 30 9 * * *, timezone: Europe/Berlin, destination: 'https://app.example.com'"
    world.apply(f"{HEAD}schedules: {{a: {{{parts}}}}}\n")
    world.edit("billing.a", labels=["theirs"])
    text = f"{HEAD}schedules: {{}}\n"
    document = save(world, text)
    if moved_on:
        world.edit("billing.a", retries=7)
    for _ in range(2):
        assert apply(world, text, document).done
        assert list(world.account.console.snapshot()["schedule"]) == ["billing.a"]


DONE: list[tuple[str, Callable[[World], None], str]] = [
    ("a pause set by hand", edited("schedule", "billing.t", isPaused=True), "schedule billing.t"),
    ("a queue set by hand", edited("queue", "q", parallelism=3), "queue q"),
    ("a deleted schedule", deleted("schedule", "billing.gone"), "schedule billing.gone"),
    ("a deleted queue", deleted("queue", "x-q"), "queue x-q"),
    ("a deleted group", deleted("topic", "x-g"), "url_group x-g"),
    ("a pin", edited("flow", "f", parallelismMax=6), "flow_control f"),
]


@pytest.mark.parametrize(("_id", "hand", "key"), DONE, ids=ids(DONE))
def test_what_somebody_has_done_meanwhile_is_done(
    account: World, _id: str, hand: Callable[[World], None], key: str
) -> None:
    document = save(account, WANTED)
    hand(account)
    with account.client(read_only=True) as client:
        desired = config(WANTED, account.environ).desired
        found = applying.approved(client, desired, savefile.load(document))
    assert {f"{kind} {name}" for kind, name in found.done} == {key}
    assert apply(account, WANTED, document).done


@pytest.mark.parametrize("moved", [False, True])
def test_a_refusal_that_was_lifted_meanwhile_is_done_however_the_account_is_read(
    world: World, *, moved: bool
) -> None:
    """Whether the two reads of the apply are the same decides how it goes on, and nothing else."""
    world.apply(NEW_YORK + "}")
    world.edit("billing.s", labels=["x"])
    document = save(world, NEW_YORK + "}")
    world.apply(NEW_YORK + "}", adopt=("s",))
    with world.client() as client:
        desired = config(NEW_YORK + "}").desired
        found = applying.approved(client, desired, savefile.load(document))
        if moved:
            world.edit("billing.s", lastScheduleTime=1)
        applied = world.carry_out(client, desired, found.plan, found.policy)
        assert client.writes == 0
    assert [(o.status, o.message) for o in applied.outcomes] == [(Status.DONE, "it is so already")]


def test_a_run_that_failed_is_finished_by_the_same_plan(account: World) -> None:
    document = save(account, WANTED)
    queues = Fault(
        kind="500", times=6, matches=lambda method, path: path == "/v2/queues" and method == "POST"
    )
    account.account.inject(queues)
    first = apply(account, WANTED, document)
    assert {outcome.status for outcome in first.outcomes} >= {Status.DONE, Status.FAILED}
    again = apply(account, WANTED, document)
    assert again.done
    assert account.plan(WANTED).empty


def test_a_schedule_whose_parts_were_cut_off_midway_has_moved(world: World) -> None:
    """Half of a set is neither what was approved nor done; the next plan heals it."""
    document = save(world, NEW_YORK + "}")
    world.account.inject(
        Fault(kind="500", at=2, times=6, matches=lambda method, _path: method == "POST")
    )
    assert not apply(world, NEW_YORK + "}", document).done
    assert [m.change.id for m in stale(world, NEW_YORK + "}", document).moved] == ["billing.s"]
    world.apply(NEW_YORK + "}")
    assert apply(world, NEW_YORK + "}", document).done


CUT = [  # changes of several requests: a file, the file of the plan, and the change
    (
        "url_groups: {g: {endpoints: {a: 'https://a.e.com', b: 'https://b.e.com'}}}",
        "url_groups: {g: {endpoints: {a: 'https://a2.e.com', c: 'https://c.e.com'}}}",
        "g",
    ),
    ("flow_controls: {k: {rate: 1}}", "flow_controls: {k: {parallelism: 2}}", "k"),
    ("flow_controls: {}", "flow_controls: {k: {rate: 1, paused: true}}", "k"),
    (
        "schedules: {a: {cron: 0 9 * * *, destination: 'https://e.com'}}",
        "schedules: {b: {was: a, cron: 0 9 * * *, destination: 'https://e.com'}}",
        "billing.b",
    ),
    (
        "schedules: {}",
        "schedules: {a: {cron: 0 9 * * *, destination: 'https://e.com', paused: true}}",
        "billing.a",
    ),
    *(
        (
            f"schedules: {{a: {{{zone}, cron: 0 9 * * *, destination: 'https://e.com'}}}}",
            f"schedules: {{a: {{{zone}, cron: '{hour} * * *', destination: 'https://e.com'{more}}}}}",
            "billing.a",
        )
        for zone in ("timezone: America/New_York",)
        for hour in ("0 9", "0 10", "30 9,10")
        for more in (", retries: 1", ", paused: true, retries: 1")
    ),
]


@pytest.mark.parametrize("at", [2, 3, 4])
@pytest.mark.parametrize(("before", "after", "name"), CUT)
def test_an_apply_that_was_cut_off_within_a_change_is_no_strangers_doing(
    world: World, before: str, after: str, name: str, at: int
) -> None:
    head = HEAD + "limits: {max_delete_percent: none}\n"
    world.apply(head + before)
    document = save(world, head + after)
    lost = Fault(
        kind="reset_before", at=at, times=99, matches=lambda method, _path: method != "GET"
    )
    world.account.inject(lost)
    if apply(world, head + after, document).done:
        assert at > 2  # it takes no more requests
        return
    world.account.forget()
    (moved,) = stale(world, head + after, document).moved
    assert (moved.change.id, moved.why.endswith(", or an apply of it was cut off")) == (name, True)
    assert all(outcome.status is Status.DONE for outcome in world.apply(head + after))
    assert apply(world, head + after, document).done


def test_a_change_of_one_request_is_done_or_not(world: World) -> None:
    world.apply(HEAD + "queues: {q: {}}")
    document = save(world, HEAD + "queues: {q: {parallelism: 3}}")
    world.account.console.edit("queue", "q", parallelism=2)
    (moved,) = stale(world, HEAD + "queues: {q: {parallelism: 3}}", document).moved
    assert moved.why == "it has been changed in the account"


def test_an_empty_plan_is_saved_and_applies(account: World) -> None:
    account.apply(WANTED)
    document = save(account, WANTED)
    assert savefile.load(document).changes == ()
    assert apply(account, WANTED, document).done


# Guards and scope


def blocked(world: World, text: str, document: str) -> tuple[str, ...]:
    """The errors of the fresh plan of the approved changes."""
    with world.client(read_only=True) as client:
        found = applying.approved(
            client, config(text, world.environ).desired, savefile.load(document)
        )
    return tuple(f"{diagnostic.code}: {diagnostic.text}" for diagnostic in found.plan.errors)


def test_guards_are_judged_anew_over_the_approved_changes(account: World) -> None:
    document = save(account, WANTED)
    edited("queue", "x-q", lag=4)(account)
    assert [e for e in blocked(account, WANTED, document) if "4 messages wait" in e]
    edited("queue", "x-q", lag=0)(account)
    edited("schedule", "theirs", queueName="x-q")(account)
    assert [e for e in blocked(account, WANTED, document) if "the schedule theirs uses it" in e]
    edited("schedule", "theirs", queueName=None)(account)
    assert blocked(account, WANTED, document) == ()
    protecting = WANTED.replace("owns:", "protect: {queues: [x-q]}\nowns:")
    assert [e for e in blocked(account, protecting, document) if "the file's protect section" in e]


def test_an_unrelated_refusal_does_not_stop_an_approved_change(world: World) -> None:
    """Two deletes are more than the file allows, but they are not in the saved plan."""
    text = HEAD + "limits: {max_deletes: 1}\nqueues: {q: {parallelism: 1}}\nschedules:\n"
    both = "".join(f"  {n}: {{cron: 0 9 * * *, destination: '{URL}', queue: q}}\n" for n in "abc")
    world.apply(text + both)
    document = save(world, (text + both).replace("parallelism: 1", "parallelism: 2"))
    less = (text + both.splitlines()[0] + "\n").replace("parallelism: 1", "parallelism: 2")
    assert [diagnostic.code for diagnostic in world.plan(less).errors] == ["guard"]
    applied = apply(world, less, document)
    assert applied.done
    assert [change.id for change in applied.fresh] == ["billing.b", "billing.c"]
    assert world.schedule("billing.b")


def test_a_reference_that_an_approved_change_needs_is_looked_for_again(account: World) -> None:
    text = HEAD + f"schedules: {{u: {{cron: 0 9 * * *, destination: '{URL}', queue: x-q}}}}\n"
    document = save(account, text, allow_deletes=9)
    account.account.console.delete("queue", "x-q")
    assert "queue: x-q is neither" in blocked(account, text, document)[0]
    other = (
        "schedules: {w: {cron: 0 9 * * *, destination: 'https://app.example.com', queue: nowhere}, "
    )
    account.account.store.put("queue", "x-q", {"name": "x-q", "parallelism": 1})
    assert blocked(account, text.replace("schedules: {", other), document) == ()


def test_renewals_alone_are_stale_when_there_is_more_to_them_now(world: World) -> None:
    """Saved with `--only clock`; somebody has edited the schedule since."""
    world.apply(NEW_YORK + "}")
    world.now += timedelta(days=100)
    document = save(world, NEW_YORK + "}", only=Reason.CLOCK)
    assert [a.change.reason for a in savefile.load(document).changes] == ["clock"]
    world.edit("billing.s", retries=1)
    assert [m.why for m in stale(world, NEW_YORK + "}", document).moved] == [
        "it has been changed in the account"
    ]


def test_an_apply_of_renewals_alone_sees_an_edit_between_its_two_reads(world: World) -> None:
    world.apply(NEW_YORK + "}")
    world.now += timedelta(days=100)
    policy = Policy(only=Reason.CLOCK)
    with world.client() as client:
        desired = config(NEW_YORK + "}").desired
        plan = proposal.propose(client, desired, now=world.now, policy=policy)
        assert len(plan.changes) == 1
        world.edit("billing.s", retries=1)
        applied = world.carry_out(client, desired, plan, policy)
    assert [outcome.status for outcome in applied.outcomes] == [Status.REFUSED]


# Secrets

CANARY = "c4n4ry-"
SECRETS = (
    HEAD
    + """\
owns: {queues: ['x-*'], url_groups: ['x-*']}
vars: {v: 'https://v.example.com/${env.C0}'}
url_groups: {g: {endpoints: {a: 'https://a.example.com/${env.C1}'}}, h: {endpoints: ['https://h.example.com/?k=${env.C2}']}}
schedules:
  a:
    cron: 0 9 * * *
    destination: 'https://app.example.com/?k=${env.C3}'
    headers: {Authorization: 'Bearer ${env.C4}', X-Hidden: '${env.C5}'}
    body: {deep: {token: '${env.C6}'}}
    redact: {headers: [X-Hidden]}
    callback: {url: 'https://c.example.com/${env.C7}', headers: {X-C: '${env.C8}'}}
    failure_callback: {url: '${var.v}/x', headers: {X-F: '${env.C9}'}}
  b: {cron: 0 8 * * *, url_group: g, body: 'text ${env.C6} text'}
  c: {cron: 0 7 * * *, url_group: g, body: '{"${env.C6}": {"x": "${env.C5}"}}'}
"""
)


def canaries(seed: str) -> dict[str, str]:
    """A value for each variable that no other text contains."""
    rng = random.Random(f"{SEED} {seed}")
    return {f"C{n}": f"{CANARY}{rng.randrange(10**12):012}" for n in range(10)}


def by_hand(world: World, seed: str) -> None:
    """Secrets that are only in the account, in every place that takes one."""
    value = iter(canaries(seed).values())
    console = world.account.console
    header = world.schedule("billing.a")["header"]
    header = {**header, "X-Live": [next(value)], "Authorization": [next(value)]}
    console.edit(
        "schedule", "billing.a", header=header, destination=f"https://l.example.com/{next(value)}"
    )
    console.edit(
        "schedule",
        "billing.b",
        body=f"live {next(value)}",
        callback=f"https://l.example.com/{next(value)}",
    )
    console.edit(
        "topic", "g", endpoints=[{"name": "a", "url": f"https://l.example.com/{next(value)}"}]
    )
    console.edit("topic", "h", endpoints=[{"url": f"https://l.example.com/{next(value)}"}])
    copied("schedule", "billing.a", "billing.old", scheduleId="billing.old", body=next(value))(
        world
    )


def digests_of(value: str) -> list[str]:
    """Whatever a plain digest of a value may begin with."""
    names = ("md5", "sha1", "sha256", "sha512")
    return [hashlib.new(name, value.encode()).hexdigest()[:12] for name in names]


CASES = ["created", "rotated", "another hour"]


def with_secrets(world: World, case: str, first: str, second: str, live: str) -> str:
    """The document of a plan in which all of these secrets have a part."""
    world.environ = canaries(first)
    if case == "created":
        return save(world, SECRETS)
    world.apply(SECRETS)
    if case == "rotated":
        by_hand(world, live)
        world.environ = canaries(second)
    return save(world, SECRETS.replace("cron: 0 ", "cron: 5 "))


@pytest.mark.parametrize("case", CASES)
def test_a_saved_plan_holds_no_secret_and_no_plain_digest_of_one(world: World, case: str) -> None:
    document = with_secrets(world, case, "first", "second", "live")
    changes = {"created": 5, "rotated": 6, "another hour": 3}
    assert len(savefile.load(document).changes) == changes[case]
    assert CANARY not in document, f"seed {SEED}"
    for seed in ("first", "second", "live"):
        for value in canaries(seed).values():
            assert value.removeprefix(CANARY) not in document
            assert base64.b64encode(value.encode()).decode()[:16] not in document
            assert not [digest for digest in digests_of(value) if digest in document]
    world.environ = canaries("third")
    page = view.stale(stale(world, SECRETS, document), render.Paint(color=False))
    assert CANARY not in page


@pytest.mark.parametrize("case", CASES)
def test_every_guess_at_a_secret_costs_a_stretching(
    monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """With the stretching taken out, other secrets give the same document."""

    def documents() -> set[str]:
        found = set()
        for seeds in (("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x")):
            with make_world() as world:
                found.add(with_secrets(world, case, *seeds))
        return found

    monkeypatch.setattr(mark, "_stretched_all", mark._stretched_all.__wrapped__)  # no cache
    assert len(documents()) == {"created": 2, "rotated": 4, "another hour": 2}[case]
    monkeypatch.setattr(mark, "stretched", lambda _value, _namespace: "")
    assert len(documents()) == 1


def test_a_secret_that_is_not_known_cannot_be_approved(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(FILE)
    ran = cli(
        "plan",
        "-f",
        str(tmp_path / "q.yaml"),
        f"--local={tmp_path / 'a.db'}",
        "--unknown-env",
        "--save",
        str(tmp_path / "p"),
    )
    assert (ran.code, (tmp_path / "p").exists()) == (64, False)
    assert "cannot be approved" in ran.err


# The file


@pytest.mark.parametrize("order", ["creation", "reverse", "random"])
def test_the_same_plan_is_the_same_bytes(order: Any) -> None:
    documents = set()
    for listed in (order, "creation"):
        with make_world(Switches(list_order=listed)) as world:
            world.environ = {"T": "first"}
            world.apply(GONE)
            documents |= {save(world, WANTED), save(world, WANTED)}
    assert len(documents) == 1


class Folder:
    """A folder with a file of resources, a local account and a place for a plan."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file, self.plan = path / "q.yaml", path / "plan.json"
        self.file.write_text(FILE)
        self.clock = ("--now", NOW.isoformat())

    def run(self, *words: str, token: str = "first") -> Ran:
        """A command on the local account of this folder."""
        common = ("-f", str(self.file), f"--local={self.path / 'a.db'}", *self.clock)
        return cli(*words, *common, environ={"T": token})

    def save(self, *words: str) -> Ran:
        return self.run("plan", "--save", str(self.plan), *words)

    def apply(self, *words: str, **more: Any) -> Ran:
        return self.run("apply", str(self.plan), *words, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_plan_goes_through_its_file_from_one_command_to_the_other(folder: Folder) -> None:
    ran = folder.save()
    assert ran.code == 0
    assert ran.err.startswith(
        f"Saved to {folder.plan}; apply it: qstash-sync apply {folder.plan} -f "
    )
    assert " --local=" in ran.err
    assert stat.S_IMODE(folder.plan.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.path.iterdir()) == ["plan.json", "q.yaml"]
    first = folder.plan.read_bytes()
    assert folder.save("--detailed-exitcode").code == 2
    assert folder.plan.read_bytes() == first
    folder.clock = ("--now", (NOW + WEEK).isoformat())
    ran = folder.apply()
    assert ran.code == 0, ran
    assert ran.out.startswith("Saved plan of Mon 2026-11-23 12:00Z: 6 changes.\n  + URL group g")
    assert ran.out.endswith("Applied: 6 done.\n")
    ran = folder.apply()
    assert ran.code == 0
    assert ran.out.startswith("Saved plan of Mon 2026-11-23 12:00Z: 6 changes, done already.\n")
    assert folder.run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(("days", "told"), [
    (90, "p.json, to look at: no apply takes it before 20"),
    (0, "p.json; apply it: qstash-sync apply"),
    (-1, "p.json; apply it: qstash-sync apply"),
])  # fmt: skip
def test_a_plan_of_a_day_to_come_is_not_told_to_be_applied(
    tmp_path: Path, days: int, told: str
) -> None:
    file, plan = tmp_path / "q.yaml", tmp_path / "p.json"
    file.write_text(NEW_YORK + "}")
    day = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with FaultServer() as server, Served(server) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        saves = ("plan", "-f", str(file), "--save", str(plan), "--now", day)
        ran = cli(*saves, environ=environ)
        assert (ran.code, told in ran.err) == (0, True), ran
        ran = cli("apply", str(plan), "-f", str(file), environ=environ)
        assert (ran.code == 5) is ("to look at" in told), ran


def test_json_is_one_document_in_every_outcome_of_a_saved_plan(folder: Folder) -> None:
    def document(ran: Ran, code: int) -> dict[str, Any]:
        assert ran.code == code, ran
        found: dict[str, Any] = json.loads(ran.out)
        assert set(found) >= {
            "format_version",
            "summary",
            "changes",
            "warnings",
            "errors",
            "requests",
        }
        return found

    assert document(folder.save("--format", "json"), 0)["saved"] == str(folder.plan)
    assert folder.save().code == 0
    found = document(folder.apply("--format", "json", token="second"), 5)
    assert found["requests"] == {"read": 4, "write": 0}
    assert [error["code"] for error in found["errors"]] == ["stale_plan"]
    assert (
        "schedule s: the file, a variable or a secret has changed" in found["errors"][0]["message"]
    )
    assert found["moved"][0] | {"fields": []} == {
        "kind": "schedule", "name": "s", "id": "billing.s", "action": "create", "reason": "file",
        "why": "the file, a variable or a secret has changed", "fields": [],
    }  # fmt: skip
    found = document(folder.apply("--format", "json"), 0)
    assert {change["outcome"] for change in found["changes"]} == {"done"}
    assert found["requests"]["read"] <= 3 * 4 + found["requests"]["write"] + 2
    found = document(folder.apply("--format", "json"), 0)
    assert len(found["changes"]) == 6
    assert (found["requests"]["write"], found["unapproved"]) == (0, [])
    folder.file.write_text(WANTED)
    found = document(folder.apply("--format", "json"), 5)
    assert all(set(f) == {"path", "approved", "now"} for m in found["moved"] for f in m["fields"])
    folder.plan.write_text("{}")
    assert document(folder.apply("--format", "json"), 64)["errors"][0]["code"] == "usage"


def test_a_plan_with_errors_is_not_saved(folder: Folder) -> None:
    assert folder.run("apply").code == 0
    folder.file.write_text(
        "limits: {max_deletes: 1}\n"
        + FILE.partition("  s: ")[0].replace("schedules:", "schedules: {}")
    )
    ran = folder.save()
    assert (ran.code, folder.plan.exists()) == (3, False)
    assert "Not saved" in ran.err
    assert json.loads(folder.save("--format", "json").out)["saved"] is None


DAMAGE: list[tuple[str, Callable[[str], str], int, str]] = [
    ("cut off", lambda text: text[: len(text) // 2], 1, "cut off or damaged"),
    ("edited", lambda text: text.replace('"retries"', '"retires"'), 1, "changed since it was saved"),
    ("a change taken out", lambda text: json.dumps({**json.loads(text), "changes": []}, indent=2), 1, "changed since it was saved"),
    ("no checksum", lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "checksum"}), 1, "changed since"),
    ("another format", lambda text: text.replace('"format_version": 2', '"format_version": 9'), 1, "written in format 9, this version reads 2"),
    ("another document", lambda _text: '{"format_version": 1, "summary": {}}', 64, "not a plan that `plan --save` has written"),
    ("a file of resources", lambda _text: FILE, 64, "not a plan that `plan --save` has written"),
    ("nothing", lambda _text: "", 64, "not a plan"),
    ("a list", lambda _text: "[]", 64, "not a plan"),
    ("very deep", lambda _text: '{"kind": "qstash-sync plan", "x": ' + "[" * 9999 + "]" * 9999 + "}", 1, "cut off or damaged"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "damage", "code", "message"), DAMAGE, ids=ids(DAMAGE))
def test_a_file_that_is_no_whole_plan_is_refused_with_one_message(
    folder: Folder, _id: str, damage: Callable[[str], str], code: int, message: str
) -> None:
    assert folder.save().code == 0
    text = folder.plan.read_text()
    assert damage(text) != text
    folder.plan.write_text(damage(text))
    ran = folder.apply()
    assert (ran.code, message in ran.err) == (code, True), ran
    assert folder.plan.name in ran.err
    assert ran.err.count("\n") == 1


def test_any_cut_of_a_plan_is_told_and_no_traceback(world: World) -> None:
    document = save(world, NEW_YORK + "}")
    for end in range(1, len(document) - 1):
        with pytest.raises(SavedPlanError):
            savefile.load(document[:end])


# Whatever an editor may leave behind: of another type, out of range, hostile, or nothing at all.
EDITS: list[Any] = [
    None, True, -1, 10**30, 1.5, float("nan"), "", "x", "\x1b[31m\n::error::x", "\ud800",
    "2026-11-23T12:00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00",
    [], {}, [1], ["a"], {"a": 1}, [[None]], "(gone)",
]  # fmt: skip


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document."""
    if path:
        yield path
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def rewritten(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> str:
    """A document with one value that is another, and the checksum that fits."""
    made = json.loads(json.dumps(document))
    made.pop("checksum", None)
    parent = made
    for key in path[:-1]:
        parent = parent[key]
    if value == "(gone)":
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    made["checksum"] = savefile._checksum(made)
    return json.dumps(made)


def test_an_edit_by_hand_with_a_checksum_that_fits_is_damage_or_another_plan(
    tmp_path: Path,
) -> None:
    """Whatever is read has the types of a plan, so that nothing breaks on it later."""
    path, plan = tmp_path / "q.yaml", tmp_path / "p.json"
    words = ("-f", str(path), f"--local={tmp_path / 'a.db'}", "--now", "2026-11-23T12:00Z")
    path.write_text(in_two_parts("0 9"))
    assert cli("apply", "--yes", *words).code == 0
    path.write_text(in_two_parts("30 9"))
    assert cli("plan", "--save", str(plan), *words).code == 0
    document = json.loads(plan.read_text())
    read = 0
    for number, (place, value) in enumerate(itertools.product(places(document), EDITS)):
        if place == ("checksum",):
            continue
        text = rewritten(document, place, value)
        try:
            found = savefile.load(text)
        except SavedPlanError:
            pass
        else:
            read += 1
            assert json.loads(savefile.dump(found))["kind"] == savefile.KIND
            assert isinstance(found.keys, frozenset)
        if number % 29 == 0 or place in {("now",), ("environment",), ("options", "adopt")}:
            plan.write_text(text)
            ran = cli("apply", str(plan), *words)
            assert ran.code in (0, 1, 5, 64), (place, value)
            assert "internal error" not in ran.text, (place, value)
            assert "Traceback" not in ran.text
            assert "\x1b" not in ran.text
            assert "\n::error" not in ran.text
    assert read > 100


def in_two_parts(cron: str) -> str:
    return HEAD + (
        f"schedules: {{a: {{cron: '{cron} * * 1-5', timezone: America/New_York, "
        "destination: 'https://e.example.com/x', headers: {X-A: b}}}\n"
    )


def test_a_body_that_is_not_ours_with_a_checksum_that_fits_is_told(world: World) -> None:
    body = json.loads(save(world, NEW_YORK + "}"))
    for key in [key for key in body if key not in ("kind", "format_version", "checksum")]:
        for wrong in (None, 7, "x", [7], {"x": 7}):
            made = {**body, key: wrong}
            made.pop("checksum")
            made["checksum"] = savefile._checksum(made)
            with contextlib.suppress(SavedPlanError):  # and nothing else
                savefile.load(json.dumps(made))


def test_a_file_that_is_not_a_plan_is_never_overwritten(folder: Folder) -> None:
    before = folder.file.read_text()
    ran = folder.run("plan", "--save", str(folder.file))
    assert (ran.code, folder.file.read_text()) == (64, before)
    assert "not overwritten" in ran.err
    assert folder.run("plan", "--save", str(folder.path)).code == 64
    assert folder.run("plan", "--save", str(folder.path / "no" / "plan")).code == 64
    folder.plan.touch()
    assert folder.save().code == 0


def test_a_plan_is_replaced_whole_or_not_at_all(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder.save().code == 0
    before = folder.plan.read_bytes()
    folder.file.write_text(WANTED.replace("was: old, ", ""))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = folder.save()
    assert (ran.code, folder.plan.read_bytes()) == (1, before)
    assert "No space left on device" in ran.err
    assert sorted(path.name for path in folder.path.iterdir()) == ["plan.json", "q.yaml"]


# Options


def test_the_options_of_the_plan_hold_and_others_are_wrong_usage(folder: Folder) -> None:
    assert folder.run("apply").code == 0
    folder.file.write_text(
        "limits: {max_deletes: 1}\n"
        + FILE.partition("  s: ")[0].replace("schedules:", "schedules: {}")
    )
    assert folder.save("--allow-deletes", "3").code == 0
    ran = folder.apply("--allow-deletes", "5")
    assert (ran.code, "--allow-deletes" in ran.err) == (64, True)
    assert folder.apply("--adopt", "*").code == 64
    assert folder.apply("--delete-after-failure").code == 64
    assert folder.apply("--only", "clock").code == 64
    assert folder.apply("--allow-deletes", "3").code == 0


def test_what_is_adopted_is_saved_with_the_plan(folder: Folder) -> None:
    assert folder.run("apply").code == 0
    with FaultServer(str(folder.path / "a.db")) as server:
        server.console.edit("schedule", "billing.s", labels=[])
    assert folder.save("--adopt", "s").code == 0
    assert folder.apply().code == 0
    assert folder.run("plan", "--detailed-exitcode").code == 0


# Places

PLACES = """\
version: 1
namespace: billing
defaults: {timezone: UTC}
environments:
  production: {token: '${env.TOKEN}', url: '@'}
  staging: {token: '${env.TOKEN}', url: '@', namespace: billing-stg}
schedules: {s: {cron: 0 9 * * *, destination: 'https://app.example.com'}}
"""


def token(user: str) -> str:
    return base64.b64encode(json.dumps({"UserID": user, "Password": "p" * 20}).encode()).decode()


def test_a_plan_holds_for_its_account_region_environment_and_namespace_only(tmp_path: Path) -> None:
    file, plan = tmp_path / "q.yaml", tmp_path / "plan.json"

    def run(*words: str, env: str = "production", **more: str) -> Ran:
        file.write_text(more.get("text", PLACES).replace("@", more.get("url", served.url)))
        chosen = ("-e", env) if env else ()
        environ = {"TOKEN": more.get("token", LOCAL_TOKEN)}
        return cli(*words, "-f", str(file), *chosen, environ=environ)

    with FaultServer() as server, Served(server) as served:
        ran = run("plan", "--save", str(plan), token=LOCAL_READ_ONLY_TOKEN)
        assert ran.code == 0, ran
        assert LOCAL_READ_ONLY_TOKEN not in plan.read_text()
        words = ("apply", str(plan))
        other = "https://qstash-us-east-1.upstash.io"
        for ran, why in (
            (run(*words, env="staging"), "for environment production, namespace billing; this run is for environment staging, namespace billing-stg"),
            (run(*words, token=token("other")), "for account localUser; this run is for account other"),
            (run(*words, url=other), f"for {served.url}; this run is for region us-east-1"),
            (run(*words, f"--local={tmp_path / 'a.db'}"), "this run is for a local QStash"),
        ):  # fmt: skip
            assert (ran.code, why in ran.err) == (5, True), ran
        sales = PLACES.replace("namespace: billing\n", "namespace: sales\n")
        assert (
            "for namespace billing; this run is for namespace sales" in run(*words, text=sales).err
        )
        assert server.console.snapshot()["schedule"] == {}
        ran = run(*words, env="")
        assert ran.code == 0, ran
        assert list(server.console.snapshot()["schedule"]) == ["billing.s"]


def test_the_two_addresses_of_a_region_are_one_place() -> None:
    from qstash_sync.model.addresses import region_of

    eu = {
        region_of(f"https://{host}")
        for host in ("qstash.upstash.io", "qstash-eu-central-1.upstash.io")
    }
    assert eu == {"eu-central-1"}
    here = replace(HERE, user=None, region="eu-central-1", url="https://qstash.upstash.io")
    there = replace(here, url="https://qstash-eu-central-1.upstash.io", user="somebody")
    assert saved.elsewhere(here, there) is None
    assert saved.elsewhere(here, replace(there, region="us-east-1")) is not None


def test_a_local_plan_holds_wherever_the_account_lies(folder: Folder) -> None:
    assert folder.save().code == 0
    assert str(folder.path) not in folder.plan.read_text()
    moved = folder.path / "elsewhere"
    moved.mkdir()
    LocalQStash(moved / "a.db").close()
    common = ("-f", str(folder.file), f"--local={moved / 'a.db'}", *folder.clock)
    assert cli("apply", str(folder.plan), *common, environ={"T": "first"}).code == 0


def test_a_plan_that_moved_says_that_it_was_made_from_other_files(folder: Folder) -> None:
    """Who forgets the -f has not changed the file, nor has anybody touched the account."""
    assert folder.run("apply").code == 0
    two = folder.path / "two.yaml"
    two.write_text(folder.file.read_text().replace("0 9 * * *", "0 8 * * *"))
    local = f"--local={folder.path / 'a.db'}"
    plain = ("--var", "x=canary", local, *folder.clock)
    two.write_text(two.read_text() + "vars: {x: a}\n")
    folder.file.write_text(folder.file.read_text() + "vars: {x: a}\n")
    environ = {"T": "first"}
    saves = ("plan", "-f", str(two), *plain, "--save", str(folder.plan))
    assert cli(*saves, environ=environ).code == 0
    assert "canary" not in folder.plan.read_text()
    assert str(folder.path) not in folder.plan.read_text()
    ran = cli(
        "apply", str(folder.plan), "-f", str(folder.file), local, *folder.clock, environ=environ
    )
    assert ran.code == 5
    told = (
        "it was made with --local=a.db --var x -f two.yaml, this run has --local=a.db -f q.yaml\n"
    )
    assert told in ran.err
    with FaultServer(str(folder.path / "a.db")) as server:
        server.console.edit("schedule", "billing.s", cron="0 6 * * *")
    ran = cli("apply", str(folder.plan), "-f", str(two), *plain, environ=environ)
    assert (ran.code, "made with" in ran.err) == (5, False)
    older = json.loads(folder.plan.read_text())
    folder.plan.write_text(rewritten(older, ("made_with",), "(gone)"))
    ran = cli(
        "apply", str(folder.plan), "-f", str(folder.file), local, *folder.clock, environ=environ
    )
    assert (ran.code, "made with" in ran.err) == (5, False)


def test_what_is_no_regular_file_is_no_saved_plan(tmp_path: Path) -> None:
    """A pipe that nobody writes would hang, and a device would never end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (str(tmp_path / "pipe"), "/dev/zero", "/dev/null", str(tmp_path), "no\0name"):
        ran = cli("apply", path)
        assert ran.code == 64, (path, ran)
        assert ran.err.count("\n") == 1, ran


# What is ignored


@pytest.mark.parametrize(("field", "hand"), ignore.CASES)
def test_what_the_owner_of_an_ignored_field_does_moves_no_plan_and_is_kept(
    world: World, field: str, hand: dict[str, Any]
) -> None:
    """The approved change is the same: what is carried over is as the account has it by then."""
    changed: dict[str, Any] = {"method": "PATCH"} if field != "method" else {"delay": 5}
    assert ignore.done(world.apply(ignore.text([field])))
    after = ignore.text([field], **changed)
    document = save(world, after)
    ignore.edit(world, **hand)
    held = ignore.stored(world, hand)
    assert apply(world, after, document).done
    assert ignore.stored(world, hand) == held
    assert world.plan(after).empty


OTHER_FIELDS: list[tuple[str, str, str]] = [
    ("g", "b: 'https://b.example.com'", "b: 'https://b2.example.com'"),
    ("q", "parallelism: 2, paused: false", "parallelism: 3, paused: true"),
    ("f", "{parallelism: 2, rate: 5", "{parallelism: 3, rate: 6"),
]  # fmt: skip


# Of a group that is somebody else's as a whole there is nothing to save.
IN_PART = [case for case in ignore.KIND_CASES if case[1] != "endpoints"]


@pytest.mark.parametrize(("letter", "field", "kind", "name", "hand"), IN_PART)
def test_of_the_other_kinds_as_well(
    world: World, letter: str, field: str, kind: str, name: str, hand: dict[str, Any]
) -> None:
    ours = ignore.kinds(**{letter: field})
    assert ignore.done(world.apply(ours))
    ((old, new),) = [(old, new) for of, old, new in OTHER_FIELDS if of == letter]
    after = ours.replace(old, new)
    document = save(world, after)
    found = world.account.store.get(kind, name)
    assert found is not None
    world.account.store.put(kind, name, {**found, **hand})
    assert savefile.load(document).changes
    assert apply(world, after, document).done
    kept = world.account.store.get(kind, name) or {}
    assert {key: kept[key] for key in hand if key != "endpoints"} == {
        key: value for key, value in hand.items() if key != "endpoints"
    }
    assert world.plan(after).empty


def test_an_edit_beside_the_ignored_field_is_still_a_move(world: World) -> None:
    assert ignore.done(world.apply(ignore.text(["method"])))
    after = ignore.text(["method"], delay=5)
    document = save(world, after)
    ignore.edit(world, method="GET", retries=9)
    (moved,) = stale(world, after, document).moved
    assert [move.path for move in moved.fields] == ["retries", "write_only"]


@pytest.mark.parametrize(
    ("option", "value", "damaged"),
    [
        ("allow_deletes", -1, True),
        ("allow_deletes", 0, False),
        ("allow_deletes", None, False),
        ("allow_deletes", True, True),
        ("only", "clock", False),
        ("only", "nothing", True),
        ("target", ["schedules.a*"], False),
        ("target", ["a*"], True),
        ("target", [1], True),
        ("ignore", ["no such field"], True),
        ("delete_after_failure", 1, True),
    ],
)
def test_an_option_in_a_saved_plan_is_one_that_a_run_can_have(
    world: World, option: str, value: Any, *, damaged: bool
) -> None:
    document = rewritten(json.loads(save(world, NEW_YORK + "}")), ("options", option), value)
    if damaged:
        with pytest.raises(SavedPlanError, match="damaged"):
            savefile.load(document)
    else:
        found = getattr(savefile.load(document).policy, option)
        assert found == (tuple(value) if isinstance(value, list) else value)


def test_a_create_that_is_approved_moves_in_what_moved_alone(world: World) -> None:
    """What QStash does where nothing is said is no part of what was approved."""
    text = HEAD + "schedules: {a: {cron: 0 9 * * *, destination: 'https://e.com/a'}}\n"
    document = save(world, text)
    error = stale(world, text.replace("e.com/a", "e.com/b"), document)
    (moved,) = error.moved
    assert [field.path for field in moved.fields] == ["destination"]


def test_a_plan_for_a_local_server_is_told_to_be_for_one() -> None:
    there = replace(HERE, user="defaultUser", url="http://127.0.0.1:8080")
    assert saved.elsewhere(HERE, there) == (
        "it was made for a local QStash; this run is for http://127.0.0.1:8080"
    )
    assert saved.elsewhere(there, HERE) == (
        "it was made for http://127.0.0.1:8080; this run is for a local QStash"
    )


def test_a_plan_of_a_pretended_time_is_applied_at_that_time(tmp_path: Path) -> None:
    file, local = tmp_path / "q.yaml", f"--local={tmp_path / 'a'}"
    file.write_text(
        f"{HEAD}schedules: {{a: {{cron: '0 9 * * *', timezone: UTC, destination: 'https://e.example.com'}}}}\n"
    )
    words = ("-f", str(file), local, "--now", "2027-06-01T00:00Z")
    told = cli("plan", *words, "--save", str(tmp_path / "p.json")).text
    (command,) = re.findall(r"apply it: qstash-sync (.*)", told)
    assert cli(*shlex.split(command)).code == 0
