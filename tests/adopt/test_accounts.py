"""Any account, imported, applied and imported again, stays as it is."""

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from qstash_sync.adopt.importing import is_quiet
from qstash_sync.adopt.survey import COPY, MARKED
from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.local import Switches
from qstash_sync.model.change import Reason
from qstash_sync.planning.decide import Plan
from tests.adopt.accounts import Grown
from tests.support import World, config, world as make_world

SEED = 20261125
COUNT = 1_000 if os.environ.get("QSTASH_SYNC_FULL") == "1" else 200
CHUNKS = 20
# Under these nothing that reads back can be relied on; what becomes of them is tested by itself.
UNUSUAL = {
    "labels_shown=none", "labels_shown=first", "next_time=wrong", "timeout_unit", "burst_limit",
    "read_only_write", "plan", "pin_on_new_key", "descriptors", "schedule_id_kept",
}  # fmt: skip
OURS = """
version: 1
namespace: billing
defaults: {timezone: America/New_York, destination: https://app.example.com/ours}
schedules:
  split: {cron: "0 9 * * 1-5", body: {n: 1}, labels: [l1]}
  fold: {cron: "30 1 * * *", dst: {gap: shift, fold: both}, paused: true}
  native: {cron: "15 6 * * *", dst: {strategy: native}, timeout: 45s}
  follow: {cron: "0 12 * * *", timezone: Europe/Berlin, dst: {strategy: follow}, protect: true}
  auto: {cron: "0 7 * * *", timezone: Asia/Tokyo, dst: {strategy: auto}, identify: true}
  two: {cron: ["0 9 * * *", "0 17 * * 5"], headers: {Authorization: "Bearer ${env.T}"}}
  hidden: {cron: "0 3 * * *", headers: {X-A: "${env.T}"}, redact: {headers: true, body: true}, body: "${env.T}"}
  adopted: {cron: "0 4 * * *", timezone: UTC, id: scd_adopted, callback: /cb, base_url: https://app.example.com}
"""  # noqa: E501, RUF100 a file as people write it


def switches(rng: random.Random) -> Switches:
    found = Switches().alternatives()
    usual = [(n, v) for n, v in found if n not in UNUSUAL and f"{n}={v}" not in UNUSUAL]
    return Switches(plan="none").with_(**dict(rng.sample(usual, rng.randrange(3))))


def plan(world: World, text: str, environ: dict[str, str]) -> Plan:
    with world.client(read_only=True) as client:
        return proposal.propose(client, config(text, environ).desired, now=world.now)


def apply(world: World, text: str, environ: dict[str, str]) -> None:
    with world.client() as client:
        desired = config(text, environ).desired
        found = proposal.propose(client, desired, now=world.now)
        for outcome in world.carry_out(client, desired, found).outcomes:
            assert outcome.status is Status.DONE, outcome


def edit(world: World, rng: random.Random) -> None:
    """Somebody's hand in the console, on what apply has written."""
    alone = rng.choice(["billing.auto", "billing.native", "scd_adopted", "billing.split"])
    changes: dict[str, Any] = rng.choice(
        [
            {"cron": rng.choice(["0 6 * * *", "*/7 1 * * *", "CRON_TZ=Europe/Oslo 0 6 * * *"])},
            {"header": {"X-By-Hand": ["1"]}},
            {"retries": 7, "destination": "https://app.example.com/other"},
            {"isPaused": True},
            {"labels": ["mine", "too"]},
        ]
    )
    world.edit(alone, **({"isPaused": True} if alone == "billing.split" else changes))


def round_trip(seed: int) -> None:
    rng = random.Random(seed)
    with make_world(switches(rng)) as world:
        grown = Grown(world, rng)
        if rng.random() < 0.3:
            world.environ = {"T": "our-secret"}
            world.apply(OURS)
            if rng.random() < 0.5:
                edit(world, rng)
        grown.fill()

        found = grown.read()
        text, environ = found.document.text, grown.environ(found)
        assert grown.read().document.text == text
        for value in found.document.environ.values():
            assert len(value) < 6 or value not in text, value
        left = {live.id for live, why in found.survey.left if why not in (COPY, MARKED)}
        assert left == grown.left, found.survey.left

        assert not [w for w in config(text, environ).warnings if w.code == "literal_secret"]
        first = plan(world, text, environ)
        assert not first.errors
        assert all(is_quiet(change, first.index) for change in first.changes)
        before = grown.stored()
        apply(world, text, environ)
        assert grown.stored() == before
        second = plan(world, text, environ)
        assert (second.changes, second.errors) == ((), ())

        again = grown.read()
        third = plan(world, again.document.text, grown.environ(again))
        assert (third.changes, third.errors) == ((), ()), again.document.text


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_an_account_is_imported_adopted_and_in_sync(chunk: int) -> None:
    """A plan of it adopts, an apply changes nothing that fires or is sent, then the plan is empty."""
    for seed in range(SEED + chunk, SEED + COUNT, CHUNKS):
        try:
            round_trip(seed)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_what_apply_wrote_is_the_same_plan_when_it_is_imported(world: World) -> None:
    """Strategies, policies, pauses and redaction come back from labels and marks."""
    world.environ = {"T": "our-secret"}
    world.apply(OURS)
    grown = Grown(world, random.Random(SEED))
    found = grown.read()
    again: Any = plan(world, found.document.text, grown.environ(found))
    assert (again.changes, again.errors) == ((), ()), found.document.text


def test_what_is_due_for_renewal_is_imported_in_local_time(world: World) -> None:
    """Its crons are wrong by now, or soon; the labels still tell what was meant."""
    world.environ = {"T": "our-secret"}
    world.apply(OURS)
    world.now += timedelta(days=200)
    grown = Grown(world, random.Random(SEED))
    found = grown.read()
    due = plan(world, OURS, world.environ).changes
    again = plan(world, found.document.text, grown.environ(found)).changes
    assert [change.name for change in again] == [change.name for change in due]
    assert found.reasons == {Reason.CLOCK: len(due)}
    timed = config(found.document.text, grown.environ(found)).desired.schedules or ()
    assert [s.timing.job.timezone for s in timed if s.name == "split"] == ["America/New_York"]
