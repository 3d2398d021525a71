"""Any valid file, applied to any live state, leaves an empty plan, whatever the order."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Status
from qstash_sync.local import Switches
from tests.support import HEAD, World, cli, config, world as make_world

Draw = Any  # hypothesis types it by the first strategy drawn
NAMES = st.sampled_from(["a", "b-1", "c_2", "daily", "x9"])
HOSTS = st.sampled_from(
    ["https://a.example.com", "https://b.example.com/p?q=1", "https://c.example.org//x"]
)
TEXTS = st.sampled_from(
    ["plain", '{"a": 1}', '{"a":1}', "héllo", "[1, 2]", " spaced ", "line\nbreak"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab 'é\"\\", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("kmn"), inner, max_size=2)
    ),
    max_leaves=4,
)
HEADERS = st.dictionaries(
    st.sampled_from(["X-A", "x-b", "Content-Type", "Accept"]),
    st.sampled_from(["1", "text/plain", "a, b"]),
    max_size=3,
)
LIMITS = st.fixed_dictionaries(
    {}, optional={"parallelism": st.integers(1, 9), "rate": st.integers(1, 9)}
)
CALLBACKS = st.fixed_dictionaries(
    {"url": HOSTS},
    optional={
        "method": st.sampled_from(["GET", "POST", "PUT"]),
        "retries": st.integers(0, 5),
        "timeout": st.integers(1, 100),
        "headers": HEADERS,
    },
)


@st.composite
def schedules(draw: Draw, groups: list[str], queues: list[str]) -> dict[str, Any]:
    made = draw(
        st.fixed_dictionaries(
            {
                "cron": st.sampled_from(
                    ["0 9 * * *", "*/15 8-17 * * 1-5", "30 2 1,15 * *", "@hourly", "0 0 * * SUN"]
                ),
                "timezone": st.sampled_from(
                    ["UTC", "Asia/Kolkata", "America/New_York", "Africa/Cairo"]
                ),
            },
            optional={
                "method": st.sampled_from(["GET", "POST", "PATCH"]),
                "headers": HEADERS,
                "retries": st.integers(0, 9),
                "retry_delay": st.sampled_from(["1000", "pow(2, retried) * 1000"]),
                "timeout": st.sampled_from([1, 30, 1000, 2000, "5m"]),
                "delay": st.sampled_from([0, 10, "1h"]),
                "labels": st.lists(st.sampled_from(["l1", "l2", "l3"]), max_size=2),
                "callback": HOSTS | CALLBACKS,
                "failure_callback": HOSTS | CALLBACKS,
                "paused": st.booleans(),
                "identify": st.booleans(),
                "redact": st.fixed_dictionaries(
                    {},
                    optional={"body": st.booleans(), "headers": st.booleans() | st.just(["X-A"])},
                ),
                "body": TEXTS
                | st.dictionaries(st.sampled_from("kmn"), JSON, max_size=3)
                | st.lists(JSON, max_size=2),
            },
        )
    )
    if groups and draw(st.booleans()):
        made["url_group"] = draw(st.sampled_from(groups))
    else:
        made["destination"] = draw(HOSTS)
    if queues and draw(st.booleans()):
        made["queue"] = draw(st.sampled_from(queues))
    limits = draw(LIMITS.filter(bool))
    if draw(st.booleans()):
        made["flow_control"] = {"key": "k", **limits}
    return dict(made)


@st.composite
def files(draw: Draw) -> dict[str, Any]:
    named = st.dictionaries(NAMES, HOSTS, min_size=1, max_size=3)
    endpoints = named.filter(lambda e: len(set(e.values())) == len(e)) | st.lists(
        HOSTS, min_size=1, max_size=3, unique=True
    )
    groups = draw(
        st.dictionaries(NAMES, st.fixed_dictionaries({"endpoints": endpoints}), max_size=2)
    )
    queues = draw(
        st.dictionaries(
            NAMES,
            st.fixed_dictionaries(
                {}, optional={"parallelism": st.integers(1, 9), "paused": st.booleans()}
            ),
            max_size=2,
        )
    )
    flows = draw(st.dictionaries(NAMES, LIMITS.filter(bool), max_size=2))
    made = draw(st.dictionaries(NAMES, schedules(list(groups), list(queues)), max_size=3))
    owns = (
        {"url_groups": ["*"], "queues": ["*"], "flow_controls": ["*"]}
        if draw(st.booleans())
        else {}
    )
    return {
        "version": 1, "namespace": "billing", "owns": owns,
        "url_groups": groups, "queues": queues, "flow_controls": flows, "schedules": made,
    }  # fmt: skip


EDITS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["cron", "retries", "isPaused", "delete", "unmark", "header", "body"]),
    ),
    max_size=3,
)


def disturb(world: World, edits: list[tuple[int, str]]) -> None:
    """Somebody's hand in the console."""
    for number, what in edits:
        stored = world.account.store.all("schedule")
        if not stored:
            return
        one = stored[number % len(stored)]
        changes: dict[str, dict[str, Any]] = {
            "cron": {"cron": "7 3 * * *"}, "retries": {"retries": 8}, "isPaused": {"isPaused": True},
            "unmark": {"labels": ["theirs"]}, "header": {"header": {"X-Theirs": ["1"]}}, "body": {"bodyBase64": "eA=="},
        }  # fmt: skip
        if what == "delete":
            world.account.store.delete("schedule", one["scheduleId"])
        else:
            world.account.store.put("schedule", one["scheduleId"], {**one, **changes[what]})


def switches() -> st.SearchStrategy[Switches]:
    usable = [
        s
        for s in Switches().alternatives()
        if s not in (("labels_shown", "none"), ("plan", "free"))  # the free plan refuses too much
        and s[0] not in ("schedule_id_kept", "idle_pins_vanish", "pin_on_new_key")
    ]
    return st.lists(st.sampled_from(usable), max_size=3).map(
        lambda chosen: Switches().with_(**dict(chosen))
    )


def dump(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def apply(world: World, text: str) -> dict[str, Status]:
    """Apply until guards are satisfied; returns what became of each schedule id."""
    with world.client() as client:
        desired = config(text).desired
        plan = proposal.propose(client, desired, now=world.now)
        if plan.errors:
            return {}
        return {o.change.id: o.status for o in world.carry_out(client, desired, plan).outcomes}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(first=files(), second=files(), edits=EDITS, chosen=switches())
def test_an_applied_file_leaves_an_empty_plan(
    first: dict[str, Any], second: dict[str, Any], edits: list[tuple[int, str]], chosen: Switches
) -> None:
    with make_world(chosen) as world:
        apply(world, dump(first))
        disturb(world, edits)
        unmarked = {
            s["scheduleId"]: s
            for s in world.account.store.all("schedule")
            if s.get("labels") == ["theirs"]
        }
        plan = world.plan(dump(second))
        if plan.errors:  # refused as a whole: a reference to what is still there, a guard
            before = world.account.store.all("schedule")
            apply(world, dump(second))
            assert world.account.store.all("schedule") == before
            return
        outcomes = apply(world, dump(second))
        assert set(outcomes.values()) <= {Status.DONE, Status.REFUSED}
        left = world.plan(dump(second)).changes
        assert [c for c in left if not c.refused] == []
        assert {c.id for c in left} == {i for i, s in outcomes.items() if s is Status.REFUSED}
        for schedule_id, stored in unmarked.items():
            assert world.account.store.get("schedule", schedule_id) == stored


def reverse(value: Any) -> Any:
    """The same mapping with every order turned round."""
    if isinstance(value, dict):
        return {key: reverse(item) for key, item in reversed(value.items())}
    return value


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=files(), other=files())
def test_a_plan_does_not_depend_on_the_order_of_the_input(
    data: dict[str, Any], other: dict[str, Any]
) -> None:
    bodies = {
        **data,
        "schedules": {
            n: {k: v for k, v in s.items() if k != "body"} for n, s in data["schedules"].items()
        },
    }
    with make_world() as world, make_world(Switches(list_order="reverse")) as turned:
        for each in (world, turned):
            apply(each, dump(other))
        one, two = world.plan(dump(bodies)), turned.plan(dump(reverse(bodies)))
        assert one.changes == two.changes
        assert one.summary == two.summary


def test_a_plan_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "quickstart"
    command = [
        sys.executable,
        "-m",
        "qstash_sync",
        "plan",
        "--format",
        "json",
        "--now",
        "2026-11-23T12:00Z",
    ]
    command += [f"--local={tmp_path / 'a.db'}", "-f", str(example)]
    printed = {
        subprocess.run(
            command,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
            cwd=example.parent.parent,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1
    assert json.loads(printed.pop())["summary"]["create"] == 6


@pytest.mark.parametrize("command", ["plan -v", "plan --format markdown", "drift --format json"])
def test_nor_does_one_in_which_much_happens(tmp_path: Path, command: str) -> None:
    """Renames without `was:`, other bodies, redacted headers, twins, queues that nobody calls."""
    names = [f"job-{n}" for n in range(8)]
    secret = "headers: {X-A: '1', X-B: '2', X-C: '3'}, redact: {headers: true}"
    ways = ["", f", {secret}", ", queue: q", ", body: {b: 1, a: 2, c: [1, 2]}"]

    def file(prefix: str, more: str) -> str:
        entries = (
            f"  {prefix}{name}: {{cron: '{n} 9 * * *', destination: 'https://e.com/{n}'{ways[n % 4]}}}\n"
            for n, name in enumerate(names)
        )
        queues = "".join(f"  {name}: {{parallelism: 2}}\n" for name in (more, f"{more}2", "q"))
        return f"{HEAD}owns: {{queues: ['*']}}\nqueues:\n{queues}schedules:\n{''.join(entries)}"

    path, account = tmp_path / "q.yaml", tmp_path / "a.db"
    common = ["-f", str(path), f"--local={account}", "--now", "2026-11-23T12:00Z"]
    path.write_text(file("", "one"))
    assert cli("apply", "--yes", *common).code == 0
    path.write_text(file("new-", "two").replace("'2'", "'9'").replace("a: 2", "a: 3"))
    printed = {
        subprocess.run(
            [sys.executable, "-m", "qstash_sync", *command.split(), *common],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[2],
        ).stdout
        for seed in "01234"
    }
    assert len(printed) == 1
    assert b"new-job-3" in printed.pop()
