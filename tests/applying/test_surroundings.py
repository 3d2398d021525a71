"""What an account says beside its resources: ids that get lost, its clock, what it does not list."""

import json
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from qstash_sync.applying import proposal, watching
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.errors import ClockError
from qstash_sync.local import LOCAL_TOKEN, Served, Switches
from qstash_sync.planning.policy import Policy
from tests.fault_server import FaultServer
from tests.support import HEAD, UNLINTED, World, cli, config, world as make_world

if TYPE_CHECKING:
    from collections.abc import Sequence

D = "https://e.example.com/x"


def schedules(count: int) -> str:
    entries = "".join(f"  s{n}: {{cron: 0 9 * * *, destination: {D}}}\n" for n in range(count))
    return f"{HEAD}schedules:\n{entries}"


# Ids that get lost


@pytest.mark.parametrize("times", [1, 2])
def test_one_stray_is_enough(times: int) -> None:
    """A proxy that drops our header would leave one schedule more with every create."""
    with make_world(Switches(schedule_id_kept=False)) as world:
        text = schedules(60) + "queues: {q: {parallelism: 2}}\n"
        outcomes: Sequence[Outcome] = ()
        for _ in range(times):
            outcomes = world.apply(text)
        assert world.account.store.count("schedule") == times
        told = Counter(outcome.status for outcome in outcomes if outcome.change.kind == "schedule")
        assert told == {Status.FAILED: 1, Status.BLOCKED: 59}
        (failed,) = (outcome for outcome in outcomes if outcome.status is Status.FAILED)
        strays = {item["scheduleId"] for item in world.account.store.all("schedule")}
        assert any(f"delete {stray}" in failed.message for stray in strays)


def test_a_stray_in_the_place_of_an_update_ends_the_run_too() -> None:
    with make_world() as world:
        world.apply(schedules(20))
        world.account.switches = Switches(schedule_id_kept=False)
        before = world.account.console.snapshot()["schedule"]
        text = schedules(20).replace("/x", "/y")
        outcomes = world.apply(text)
        assert Counter(o.status for o in outcomes) == {Status.FAILED: 1, Status.BLOCKED: 19}
        after = world.account.console.snapshot()["schedule"]
        assert len(after.keys() - before.keys()) == 1
        assert {key: after[key] for key in before} == before


def test_nothing_is_deleted_after_a_stray() -> None:
    with make_world() as world:
        world.apply(schedules(3))
        world.account.switches = Switches(schedule_id_kept=False)
        text = schedules(2).replace("s0:", "fresh:")
        world.apply(text, delete_after_failure=True)
        assert {"billing.s0", "billing.s2"} <= world.account.console.snapshot()["schedule"].keys()


# Clocks


def off(world: World, seconds: float, text: str) -> tuple[Any, Any]:
    """A client whose own clock is off, and a plan of what it reads."""
    client = world.client()
    client._throttle._clock = lambda: world.time() + seconds
    desired = config(text).desired
    return client, proposal.propose(client, desired, now=world.now + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "apart"),
    [(-310, "5m10s"), (310, "5m10s"), (-3600, "1h"), (365 * 86_400, "365d"), (-14_640 * 86_400, "14640d")],
)  # fmt: skip
def test_a_clock_that_is_off_writes_nothing(world: World, seconds: float, apart: str) -> None:
    """The day of a plan decides which crons are right: an hour, a day, or a year off."""
    client, plan = off(world, seconds, schedules(1))
    (warning,) = [one for one in plan.warnings if one.code == "clock"]
    assert "apply refuses to write" in warning.message
    order = "ahead of" if seconds > 0 else "behind"
    with pytest.raises(ClockError, match=f" is {apart} {order} QStash's"):
        world.carry_out(client, config(schedules(1)).desired, plan, Policy())
    assert world.account.writes == []
    found = watching.watch(client, config(schedules(1)).desired, now=world.now)
    assert "clock" in {one.code for one in found.plan.warnings}


@pytest.mark.parametrize("seconds", [0, -290, 290])
def test_a_clock_that_is_nearly_right_is_right(world: World, seconds: float) -> None:
    client, plan = off(world, seconds, schedules(1))
    assert not [one for one in plan.warnings if one.code == "clock"]
    assert world.carry_out(client, config(schedules(1)).desired, plan).done


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Thu, 01 Jan 1970 00:00:00", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_a_server_that_does_not_tell_its_time_is_not_compared(
    world: World, date: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1970 without a zone is a time, and a wrong one; what is none tells that a clock is broken."""
    answer = world.account._response

    def undated(*words: Any) -> Any:
        response = answer(*words)
        response.headers["Date"] = date
        return response

    monkeypatch.setattr(world.account, "_response", undated)
    plan = world.plan(schedules(1))
    assert bool([one for one in plan.warnings if one.code == "clock"]) is bool(date)


def test_the_command_line_says_so_and_a_pretended_time_is_none() -> None:
    real = time.time
    with FaultServer(clock=lambda: real() - 7_200) as account, Served(account) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        words = ("-f", "-", "--format", "json")
        ran = cli("apply", "--yes", *words, environ=environ, stdin=schedules(1))
        (error,) = json.loads(ran.out)["errors"]
        assert (ran.code, error["code"]) == (3, "clock")
        assert account.writes == []
        ran = cli("plan", *words, environ=environ, stdin=UNLINTED + schedules(1))
        assert (ran.code, [w["code"] for w in json.loads(ran.out)["warnings"]]) == (3, ["clock"])
        ran = cli("plan", *words, environ=environ, stdin=f"{HEAD}schedules: {{}}\n")
        assert (ran.code, [w["code"] for w in json.loads(ran.out)["warnings"]]) == (0, ["clock"])
        ran = cli("drift", *words, environ=environ, stdin=schedules(1))
        assert "clock" in [w["code"] for w in json.loads(ran.out)["warnings"]]
        account.clock = real
        ran = cli(
            "plan",
            "--now",
            "2027-06-01T00:00Z",
            *words,
            environ=environ,
            stdin=UNLINTED + schedules(1),
        )
        assert (ran.code, json.loads(ran.out)["warnings"]) == (0, [])
        ran = cli("apply", "--yes", *words, environ=environ, stdin=schedules(1))
        assert ran.code == 0, ran


def test_an_incident_has_no_time_for_clocks() -> None:
    """A pause says nothing of times: it is carried out by a machine with any clock."""
    real = time.time
    with FaultServer(clock=real) as account, Served(account) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        assert cli("apply", "--yes", "-f", "-", environ=environ, stdin=schedules(1)).code == 0
        account.clock = lambda: real() + 7_200
        assert cli("pause", "s0", "--yes", "-f", "-", environ=environ, stdin=schedules(1)).code == 0


# What is not listed

KEYS = (
    HEAD
    + """flow_controls: {f: {parallelism: 2, rate: 10}, a.b: {rate: 1, paused: true}}
schedules:
  user: {cron: 0 9 * * *, destination: 'https://e.example.com/x', flow_control: {key: used}}
  other: {cron: 0 9 * * *, destination: 'https://e.example.com/y', flow_control: {key: f}}
"""
)


def test_keys_are_asked_for_by_their_names_where_they_are_not_listed() -> None:
    with make_world(Switches(flow_list=404)) as world:
        world.account.store.put("flow", "used", {"flowControlKey": "used"})
        assert {o.status for o in world.apply(KEYS)} == {Status.DONE}
        assert world.plan(KEYS).empty
        world.account.console.edit("flow", "f", rateMax=11)
        (change,) = world.plan(KEYS).changes
        assert (change.name, [field.path for field in change.fields]) == ("f", ["rate"])
        world.account.forget()
        world.plan(KEYS)
        asked = {path for _, path, _ in world.account.log if path.startswith("/v2/flowControl/")}
        assert asked == {f"/v2/flowControl/{key}" for key in ("f", "used", "a.b")}


def test_what_only_a_list_would_show_is_told_as_not_seen() -> None:
    text = UNLINTED + KEYS.replace(
        "flow_controls:", "owns: {flow_controls: ['old-*']}\nflow_controls:"
    )
    with make_world() as world:
        assert not [one for one in world.plan(text).warnings if one.code == "not_listed"]
        world.account.switches = Switches(flow_list=404)
        assert [one.code for one in world.plan(text).warnings] == ["not_listed"]
        assert not [one for one in world.plan(KEYS).warnings if one.code == "not_listed"]


@pytest.mark.parametrize("shown", ["first", "joined"])
def test_labels_that_come_back_in_another_form_change_nothing(shown: Any) -> None:
    """The mark is the first: whose it is, and who moved, can be told from that alone."""
    text = schedules(2).replace("/x}", "/x, labels: [one, two]}")
    with make_world(Switches(labels_shown=shown)) as world:
        assert {o.status for o in world.apply(text)} == {Status.DONE}
        world.account.forget()
        assert world.plan(text).empty
        changed = text.replace("[one, two]", "[three]", 1)
        (change,) = world.plan(changed).changes
        assert change.name == "s0"
        world.apply(changed)
        labels = {
            item["scheduleId"]: item["labels"] for item in world.account.store.all("schedule")
        }
        assert "three" in labels["billing.s0"]
        assert world.plan(changed).empty
        world.edit("billing.s1", retries=9)
        (change,) = world.plan(changed).changes
        assert (change.reason, [f.path for f in change.fields]) == ("drift", ["retries"])
        assert world.apply(schedules(0).replace("schedules:\n", "schedules: {}\n"))
        assert world.account.store.count("schedule") == 0
