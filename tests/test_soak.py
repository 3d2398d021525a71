"""A soak: random edits of a file of 100 resources, random faults; success means an empty plan.

SOAK_EDITS=1000 runs it at full size; the suite runs a part of the same sequence.
"""

import os
import random
from typing import Any

import yaml

from qstash_sync import engine
from qstash_sync.engine import Status
from qstash_sync.errors import AccountError
from qstash_sync.local import Fault, Switches
from qstash_sync.local.faults import KINDS
from tests.support import World, config, world as make_world
from tests.years import show

SEED = 20261126
EDITS = int(os.environ.get("SOAK_EDITS", "60"))
SIZES = {"schedules": 60, "url_groups": 15, "queues": 15, "flow_controls": 10}
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata")
PART = {kind: kind.rstrip("s")[0] for kind in SIZES}
HEAD: dict[str, Any] = {
    "version": 1,
    "namespace": "billing",
    "limits": {"plan": "fixed_1m"},
    "owns": {kind: [f"{PART[kind]}-*"] for kind in ("url_groups", "queues", "flow_controls")},
    "defaults": {"destination": "https://app.example.com/x"},
}


def resource(draw: random.Random, kind: str) -> dict[str, Any]:
    """One random resource; schedules name no other, so that any edit is a valid file."""
    if kind == "url_groups":
        names = draw.sample("abcd", draw.randint(1, 3))
        return {"endpoints": {n: f"https://e{draw.randrange(6)}.example.com" for n in names}}
    if kind == "queues":
        return {"parallelism": draw.randint(1, 5), "paused": draw.random() < 0.3}
    if kind == "flow_controls":
        return {"parallelism": draw.randint(1, 9), "rate": draw.randint(1, 9), "period": "1m"}
    made: dict[str, Any] = {
        "cron": f"{draw.randrange(60)} {draw.randrange(24)} * * {draw.choice(['*', '1-5'])}",
        "timezone": draw.choice(ZONES),
        "body": {"n": draw.randrange(100)},
        "retries": draw.randrange(5),
    }
    if draw.random() < 0.3:
        made["paused"] = draw.random() < 0.5
    if draw.random() < 0.3:
        made["headers"] = {"X-A": str(draw.randrange(9))}
    return made


def edit(draw: random.Random, file: dict[str, Any]) -> None:
    """Change, add or remove one resource, around a hundred of them in all."""
    kind = draw.choice(list(SIZES))
    section = file[kind]
    room = len(section) < SIZES[kind]
    what = draw.choice(["change", "change", "add" if room else "remove"])
    if what == "add":
        free = [n for n in range(SIZES[kind]) if f"{PART[kind]}-{n}" not in section]
        section[f"{PART[kind]}-{draw.choice(free)}"] = resource(draw, kind)
        return
    name = draw.choice(sorted(section))
    if what == "remove":
        del section[name]
    else:
        section[name] = resource(draw, kind)


def applied(world: World, text: str) -> bool:
    """Whether an apply reports success; whatever it reports, it ends."""
    desired = config(text).desired
    try:
        with world.client() as client:
            plan = engine.propose(client, desired, now=world.now)
            assert not plan.errors, plan.errors
            outcomes = world.carry_out(client, desired, plan).outcomes
    except AccountError:
        return False
    return all(outcome.status is Status.DONE for outcome in outcomes)


def test_after_each_apply_that_reports_success_the_plan_is_empty() -> None:
    show(f"seed {SEED}, {EDITS} edits")
    draw = random.Random(SEED)
    file = {
        **HEAD,
        **{k: {f"{PART[k]}-{n}": resource(draw, k) for n in range(c)} for k, c in SIZES.items()},
    }
    succeeded = failed = 0
    text = ""
    with make_world(Switches(plan="none", list_order="random", next_time="absent")) as world:
        for _ in range(EDITS):
            for _ in range(draw.randint(1, 3)):
                edit(draw, file)
            world.account.forget()
            if draw.random() < 0.5:
                fault = Fault(
                    kind=draw.choice(KINDS),
                    at=draw.randint(1, 12),
                    times=draw.choice([1, 2, 50]),
                )
                world.account.inject(fault)
            text = yaml.safe_dump(file, sort_keys=False)
            success = applied(world, text)
            world.account.forget()
            if success:
                succeeded += 1
                assert world.plan(text).empty
            else:
                failed += 1
        assert applied(world, text)
        assert world.plan(text).empty
    show(f"{succeeded} successes, {failed} named failures")
    assert succeeded > EDITS / 3
    assert failed
