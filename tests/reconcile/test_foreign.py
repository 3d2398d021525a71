"""An account where others keep things too: nothing of theirs changes by a byte, whatever we apply."""

import json
import random
from typing import Any

import pytest

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.errors import AccountError
from qstash_sync.local import Switches
from qstash_sync.model.resources import Desired
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile import mark
from tests.fault_server import KINDS, Fault
from tests.support import World, config, world as make_world

SEED = 20261125
FOREIGN, APPLIES, TURNS = 500, 200, 50
# No next times: the local server would spend its time on those of five hundred schedules.
SWITCHES = Switches(plan="none", list_order="random", next_time="absent")
# Names that a careless prefix, glob or case would take for ours.
ALIKE = [
    "billing", "billing2.daily", "billing-daily", "billing-daily.x", "BILLING.daily", "Billing.daily", "xbilling.daily",
    "bill.ing.daily", "billing_daily", "billing..daily", "scd_billing.daily", "billing-stg.daily", "daily", ".billing.daily",
]  # fmt: skip
# Unmarked ids in our namespace: some of names that our files want, and of their further parts.
UNMARKED = [
    "billing.customer-1", "billing.customer-1.2", "billing.taken", "billing.daily.7", "billing.hourly.2", "billing.taken.2",
    "billing.2", "billing.3.4", "billing.daily.x", "billing.weekly.02",
]  # fmt: skip
GROUPS = ["mine", "Mine-1", "xmine-1", "mine_1", "min", "m*", "billing-orders"]
QUEUES = [*GROUPS, "default"]
NAMES = ["daily", "hourly", "weekly", "taken", "s-1", "s-2", "2", "x"]


def choice(draw: random.Random, *options: Any) -> Any:
    return draw.choice(options)


def stored(draw: random.Random, schedule_id: str, labels: list[str]) -> dict[str, Any]:
    """A schedule as somebody else has made it, now and then with our labels on it."""
    return {
        "scheduleId": schedule_id, "cron": choice(draw, "0 9 * * *", "*/5 * * * *", "CRON_TZ=Asia/Tokyo 0 9 * * 1"),
        "destination": choice(draw, "https://app.example.com/x", "https://theirs.example.com/y", "mine-a", "mine-b"),
        "method": "POST", "retries": draw.randrange(5), "createdAt": draw.randrange(10**12, 10**12 * 2),
        "isPaused": draw.random() < 0.3, "labels": labels, "redact": [], "queueName": choice(draw, "default", "mine-q"),
        "header": {"X-Theirs": [str(draw.random())]}, "bodyBase64": choice(draw, "", "eyJhIjogMX0=", "/wA="),
    }  # fmt: skip


def neighbours(world: World, draw: random.Random, ours: list[str]) -> None:
    """Fill an account with what is not ours; ours: the labels of a schedule that is."""
    store = world.account.store
    labels = [
        [], ["theirs"], ours, ours[1:], ["billing.daily"], [str(other_scope(ours[0]))], ["qsync1-"], [ours[0] + "x"],
    ]  # fmt: skip
    for schedule_id in UNMARKED:
        theirs = [item for item in labels if item is not ours]
        store.put("schedule", schedule_id, stored(draw, schedule_id, draw.choice(theirs)))
    names = [
        *ALIKE,
        *(f"{choice(draw, 'scd_', 'other.', 'billing2.', 'b-')}{n}" for n in range(200)),
    ]
    for schedule_id in names:
        store.put("schedule", schedule_id, stored(draw, schedule_id, draw.choice(labels)))
    for number, name in enumerate([*GROUPS, *(f"g-{n}" for n in range(120))]):
        endpoints = [
            {"name": f"e{n}", "url": f"https://e{n}.example.com"} for n in range(1 + number % 3)
        ]
        store.put("topic", name, {"name": name, "createdAt": number, "endpoints": endpoints})
    left = FOREIGN - store.count("schedule") - store.count("topic")
    for number, name in enumerate([*QUEUES, *(f"q-{n}" for n in range(left - len(QUEUES)))]):
        queue = {
            "name": name,
            "parallelism": 1 + number % 7,
            "paused": number % 5 == 0,
            "lag": number % 4,
        }
        store.put("queue", name, queue)
    for number in range(20):
        key = {
            "flowControlKey": f"k-{number}",
            "parallelismMax": 3,
            "isPinnedParallelism": number % 2 == 0,
        }
        store.put("flow", f"k-{number}", key)


def other_scope(label: str) -> str:
    """The same mark of another environment."""
    return (
        label[:7] + "".join("0123456789abcdef"[15 - int(c, 16)] for c in label[7:11]) + label[11:]
    )


def schedule(draw: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {
        "cron": choice(draw, "0 9 * * *", "*/15 8-17 * * 1-5", "30 2 * * *", "0 0 1 * *"),
        "timezone": choice(draw, "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
    }
    if draw.random() < 0.2:
        made["url_group"] = choice(draw, "mine-a", "g-1")
    else:
        made["destination"] = choice(
            draw, "https://app.example.com/x", "https://app.example.com/z?q=1"
        )
    options = {
        "retries": draw.randrange(4), "paused": draw.random() < 0.5, "body": choice(draw, "text", {"a": 1}),
        "headers": {"X-A": str(draw.randrange(3))}, "labels": [choice(draw, "l1", "l2")], "protect": False,
        "queue": choice(draw, "mine-q", "default"), "was": choice(draw, "s-9", "gone", "customer-1"),
        "redact": {"body": True}, "flow_control": {"key": "k-1", "rate": 3},
    }  # fmt: skip
    return made | {key: options[key] for key in options if draw.random() < 0.3}


def some(draw: random.Random, names: list[str]) -> list[str]:
    return sorted(draw.sample(names, draw.randrange(len(names) + 1)))


def file(draw: random.Random, namespace: str = "billing", mine: str = "mine") -> dict[str, Any]:
    """Any file of one namespace; of the kinds without a mark, names with our prefix."""
    data: dict[str, Any] = {"version": 1, "namespace": namespace}
    if draw.random() < 0.7:
        data["owns"] = {key: [f"{mine}-*"] for key in ("url_groups", "queues", "flow_controls")}
    sections: dict[str, dict[str, Any]] = {
        "schedules": {name: schedule(draw) for name in some(draw, NAMES)},
        "url_groups": {
            f"{mine}-{n}": {"endpoints": {"e": f"https://e{draw.randrange(3)}.example.com"}} for n in some(draw, ["a", "b"])
        },
        "queues": {f"{mine}-{n}": {"parallelism": 1 + draw.randrange(3)} for n in some(draw, ["q", "r"])},
        "flow_controls": {f"{mine}-{n}": {"rate": 1 + draw.randrange(3)} for n in some(draw, ["f"])},
    }  # fmt: skip
    claimed: set[str] = set()
    for settings in sections["schedules"].values():
        if settings.get("was") in claimed:  # one alone can have been that
            del settings["was"]
        claimed.add(settings.get("was", ""))
    return data | {name: section for name, section in sections.items() if draw.random() < 0.8}


def attempt(world: World, desired: Desired) -> list[Status] | None:
    """Plan and apply; None where the plan as a whole is refused, as for a group in use."""
    with world.client() as client:
        policy = Policy(allow_deletes=10_000)
        plan = proposal.propose(client, desired, now=world.now, policy=policy)
        if plan.errors:
            return None
        applied = world.carry_out(client, desired, plan, policy)
        return [outcome.status for outcome in applied.outcomes]


def bytes_of(world: World) -> dict[tuple[str, str], str]:
    """Every stored document as it is on disk."""
    query = "select kind, name, document from resources where kind <> 'account'"
    with world.account.store.transaction(write=False):
        return {(kind, name): text for kind, name, text in world.account.store._db.execute(query)}


def test_five_hundred_neighbours_are_the_same_to_the_byte_after_two_hundred_applies() -> None:
    print(f"seed {SEED}")  # noqa: T201 pytest shows it with a failure
    draw = random.Random(SEED)
    with make_world(SWITCHES) as world:
        first = {
            "daily": {
                "cron": "0 9 * * *",
                "timezone": "UTC",
                "destination": "https://a.example.com",
            }
        }
        attempt(world, desired_of({"version": 1, "namespace": "billing", "schedules": first}))
        neighbours(world, draw, world.schedule("billing.daily")["labels"])
        theirs = bytes_of(world)
        del theirs["schedule", "billing.daily"]
        assert sum(kind != "flow" for kind, _ in theirs) == FOREIGN - 1
        found: list[Status] = []
        applies = 0
        while applies < APPLIES:
            if draw.random() < 0.2:
                at = draw.randrange(1, 20)
                world.account.inject(
                    Fault(kind=draw.choice(KINDS), at=at, times=draw.randrange(1, 9))
                )
            world.account.log.clear()
            statuses = attempt_any(world, desired_of(file(draw)))
            world.account.forget()
            applies += statuses is not None
            found += statuses or []
            now = bytes_of(world)
            assert {key: now.get(key) for key in theirs} == theirs
        assert {Status.DONE, Status.REFUSED, Status.FAILED} <= set(found)
        assert found.count(Status.DONE) > 3 * APPLIES


def attempt_any(world: World, desired: Desired) -> list[Status] | None:
    """Likewise; an account that cannot be read is no apply either."""
    try:
        return attempt(world, desired)
    except AccountError:
        return None


def desired_of(data: dict[str, Any], environment: str | None = None) -> Desired:
    text = json.dumps(data)  # which is YAML, too
    return config(text, {"T": "t"}, environment=environment).desired


PLACES = [("two namespaces", ("billing", "billing-stg")), ("one namespace", ("billing", "billing"))]


@pytest.mark.parametrize(("_id", "namespaces"), PLACES, ids=[case[0] for case in PLACES])
def test_two_environments_of_one_account_never_write_what_is_the_others(
    _id: str, namespaces: tuple[str, str]
) -> None:
    """In one namespace whoever comes first has the name; the other is refused, and goes on."""
    print(f"seed {SEED}")  # noqa: T201 pytest shows it with a failure
    draw = random.Random(SEED)
    refused = 0
    with make_world(SWITCHES) as world:
        for turn in range(TURNS):
            side = turn % 2
            environment = ("one", "two")[side]
            data = file(draw, namespaces[side], f"mine{side}")
            for made in data.get("schedules", {}).values():
                if made.pop("url_group", None):
                    made["destination"] = "https://app.example.com/g"
                made.pop("queue", None)
            data["environments"] = {environment: {"token": "${env.T}"}}
            before, scope = bytes_of(world), mark.scope(namespaces[side], environment)
            statuses = attempt(world, desired_of(data, environment))
            assert statuses is not None
            assert set(statuses) <= {Status.DONE, Status.REFUSED}
            refused += statuses.count(Status.REFUSED)
            after = bytes_of(world)
            for key in before.keys() | after.keys():
                if before.get(key) != after.get(key):
                    for text in filter(None, (before.get(key), after.get(key))):
                        assert is_of(key, text, scope, f"mine{side}-"), key
    assert (refused > 0) is (namespaces[0] == namespaces[1])


def is_of(key: tuple[str, str], text: str, scope: str, prefix: str) -> bool:
    """Whether a document belongs to an environment."""
    if key[0] != "schedule":
        return key[1].startswith(prefix)
    return f'"qsync1-{scope}-' in text
