"""The official JavaScript SDK against the served socket, in both directions."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.local import LOCAL_TOKEN
from qstash_sync.local.serve import Served
from qstash_sync.qstash.client import Client
from tests.planning.test_plan import file
from tests.support import HEAD, World, secret

HERE = Path(__file__).parent / "sdk-js"
Sdk = Callable[..., list[Any]]

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("CI") != "true",
    reason="node is not installed; CI installs it",
)


@pytest.fixture(scope="session")
def modules() -> Path:
    """The SDK, installed once; a lock file would name hosts, so there is none."""
    stamp = HERE / "node_modules" / ".installed"
    with (HERE / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)  # several test processes may get here at once
        wanted = package.read()
        if not stamp.exists() or stamp.read_text() != wanted:
            flags = ["--no-package-lock", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(["npm", "install", *flags], cwd=HERE, check=True, timeout=300)
            stamp.write_text(wanted)
    return HERE


def addressed(served: Served) -> dict[str, str]:
    return {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}


@pytest.fixture
def sdk(world: World, modules: Path) -> Sdk:
    """Run calls on the SDK; each is (name, arguments …)."""

    def run(
        *calls: tuple[Any, ...], environ: Callable[[Served], dict[str, str]] = addressed
    ) -> list[Any]:
        with Served(world.account) as served:
            done = subprocess.run(
                ["node", "run.mjs"],
                cwd=modules,
                input=json.dumps([{"call": call, "args": args} for call, *args in calls]),
                env={"PATH": os.environ["PATH"], **environ(served)},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout.splitlines()[-1])  # behind what the SDK says of itself
        assert not [r for r in results if "error" in r], results
        return [result["ok"] for result in results]

    return run


def client(served: Served) -> Client:
    return Client(served.url, secret(LOCAL_TOKEN), read_only=True)


def test_a_schedule_that_the_sdk_writes_is_read_back_equal_by_our_client(
    world: World, sdk: Sdk
) -> None:
    sdk(
        (
            "schedules.create",
            {
                "scheduleId": "theirs",
                "destination": "https://e.com//a?x=1",
                "cron": "*/5 * * * *",
                "body": '{"a": 1}',
                "method": "PUT",
                "headers": {"x-test-header": "v"},
                "retries": 0,
                "retryDelay": "1000 * (1 + retried)",
                "delay": 60,
                "timeout": 90,
                "callback": "https://c.example.com",
                "failureCallback": "https://f.example.com",
                "queueName": "images",
                "flowControl": {"key": "k", "parallelism": 2, "rate": 3, "period": "1m"},
                "label": ["a", "b"],
            },
        ),
        ("schedules.pause", {"schedule": "theirs"}),
    )
    with world.client() as ours:
        (found,) = ours.read({"schedules"}).schedules or ()
    message = found.message
    assert (found.id, found.cron, found.paused) == ("theirs", "*/5 * * * *", True)
    assert message.destination == "https://e.com//a?x=1"
    assert (message.body, message.method, message.retries) == ('{"a": 1}', "PUT", 0)
    assert message.headers == (("Content-Type", "application/json"), ("X-Test-Header", "v"))
    assert (message.retry_delay, message.delay, message.timeout) == ("1000 * (1 + retried)", 60, 90)
    assert message.callback and message.callback.url == "https://c.example.com"
    assert message.failure_callback and message.failure_callback.url == "https://f.example.com"
    assert (message.queue, message.labels) == ("images", ("a", "b"))
    use = message.flow_control
    assert use and (use.key, use.parallelism, use.rate, use.period) == ("k", 2, 3, 60)


def test_a_schedule_that_we_write_is_read_back_equal_by_the_sdk(world: World, sdk: Sdk) -> None:
    world.apply(file(redact="", paused="true"))
    (found, listed) = sdk(("schedules.get", "billing.s"), ("schedules.list",))
    assert found["destination"] == "https://app.example.com/x"
    assert (found["cron"], found["method"], found["retries"]) == ("0 8 * * 1-5", "PUT", 5)
    assert found["body"] == '{"type":"daily","deep":{"n":1}}'
    assert found["header"] == {"X-A": ["1"], "X-B": ["2"], "Content-Type": ["application/json"]}
    assert (found["callback"], found["queueName"]) == ("https://c.example.com", "q")
    assert (found["isPaused"], found["delay"]) == (True, 10)
    assert (found["flowControlKey"], found["parallelism"], found["rate"], found["period"]) == (
        "f",
        5,
        10,
        60,
    )
    assert found["labels"][1:] == ["billing.s", "0_9_x_x_1-5@Africa.Lagos", "l1", "l2"]
    assert [s["scheduleId"] for s in listed] == ["billing.s"]


def test_the_other_kinds_agree_in_both_directions(world: World, sdk: Sdk) -> None:
    text = (
        HEAD + "url_groups: {g: {endpoints: {x: 'https://x.example.com'}}}\n"
        "queues: {q: {parallelism: 4, paused: true}}\n"
        "flow_controls: {f: {parallelism: 2, rate: 5, period: 1m}}\n"
    )
    world.apply(text)
    group, queue, flow = sdk(("urlGroups.get", "g"), ("queue.get", "q"), ("flowControl.get", "f"))
    assert group["endpoints"] == [{"name": "x", "url": "https://x.example.com"}]
    assert (queue["parallelism"], queue["paused"]) == (4, True)
    assert (flow["parallelismMax"], flow["rateMax"], flow["ratePeriod"]) == (2, 5, 60)
    sdk(
        (
            "urlGroups.addEndpoints",
            {"name": "theirs", "endpoints": [{"url": "https://e.com", "name": "One two"}]},
        ),
        ("queue.upsert", "theirs", {"parallelism": 3, "paused": True}),
        ("flowControl.pin", "theirs", {"parallelism": 7}),
        ("flowControl.pause", "theirs"),
        ("queue.resume", "q"),
        ("urlGroups.removeEndpoints", {"name": "g", "endpoints": [{"name": "x"}]}),
    )
    with world.client() as ours:
        live = ours.read({"url_groups", "queues", "flow_controls"})
    assert [(g.name, g.endpoints[0].name) for g in live.url_groups or ()] == [("theirs", "One two")]
    assert [(q.name, q.parallelism, q.paused) for q in live.queues or ()] == [
        ("q", 4, False),
        ("theirs", 3, True),
    ]
    assert [(f.name, f.parallelism, f.paused) for f in live.flow_controls or ()] == [
        ("f", 2, False),
        ("theirs", 7, True),
    ]
    assert [(c.action, c.name) for c in world.plan(text).changes] == [
        ("create", "g"),
        ("pause", "q"),
    ]


# What the SDK's own suite asks of the management API, test by test


def test_a_schedule_is_made_read_and_listed(sdk: Sdk) -> None:
    made, *_ = sdk(
        ("schedules.create", {
            "destination": "https://oz.example.com/", "body": '{"hello":"world"}',
            "headers": {"test-header": "v", "Upstash-Forward-bypass-tunnel-reminder": "c"},
            "method": "GET", "callback": "https://example.com", "delay": 10, "retries": 5,
            "failureCallback": "https://example.com/failure", "queueName": "scheduleQueue",
            "cron": "*/10 * * * * ", "label": "reports",
        }),
        ("schedules.create", {"destination": "https://oz1.example.com/", "cron": "*/10 * * * * "}),
    )  # fmt: skip
    found, listed = sdk(("schedules.get", made["scheduleId"]), ("schedules.list",))
    expected = {
        "cron": "*/10 * * * *", "destination": "https://oz.example.com/", "method": "GET",
        "header": {"Bypass-Tunnel-Reminder": ["c"], "Content-Type": ["application/json"],
                   "Test-Header": ["v"]},
        "body": '{"hello":"world"}', "retries": 5, "delay": 10, "callback": "https://example.com",
        "failureCallback": "https://example.com/failure", "queueName": "scheduleQueue",
        "label": "reports", "isPaused": False,
    }  # fmt: skip
    assert {key: found.get(key) for key in expected} == expected
    assert made["scheduleId"] in {item["scheduleId"] for item in listed}
    assert len(listed) == 2


def test_a_schedule_is_replaced_paused_resumed_and_deleted(sdk: Sdk) -> None:
    of = {"cron": "*/5 * * * *", "scheduleId": "-V1StGXR8_Z5jdHi6B-myT"}  # as nanoid makes them
    flow = {"key": "flow-key", "parallelism": 10, "rate": 5, "period": "1d"}
    results = sdk(
        ("schedules.list",),
        ("schedules.create", {**of, "destination": "https://a.example.com", "body": "payload"}),
        ("schedules.create", {**of, "destination": "https://b.example.com", "flowControl": flow}),
        ("schedules.list",),
        ("schedules.pause", {"schedule": of["scheduleId"]}),
        ("schedules.get", of["scheduleId"]),
        ("schedules.resume", {"schedule": of["scheduleId"]}),
        ("schedules.get", of["scheduleId"]),
        ("schedules.delete", of["scheduleId"]),
        ("schedules.list",),
    )
    assert results[0] == results[-1] == []
    (found,) = results[3]
    assert (found["scheduleId"], found["destination"]) == (
        of["scheduleId"],
        "https://b.example.com",
    )
    assert "body" not in found
    assert (found["flowControlKey"], found["parallelism"]) == ("flow-key", 10)
    assert (found["rate"], found["ratePerSecond"], found["period"]) == (5, 5, 86_400)
    assert [results[n]["isPaused"] for n in (5, 7)] == [True, False]


def test_url_groups_are_made_added_to_and_deleted(sdk: Sdk) -> None:
    one = {"name": "one", "url": "https://oz.example.com"}
    two = {"name": "two", "url": "https://oz1.example.com"}
    _, got, _, listed, _, after = sdk(
        ("urlGroups.addEndpoints", {"name": "my-proxy-url-group", "endpoints": [one]}),
        ("urlGroups.get", "my-proxy-url-group"),
        ("urlGroups.addEndpoints", {"name": "my-proxy-url-group", "endpoints": [two]}),
        ("urlGroups.list",),
        ("urlGroups.delete", "my-proxy-url-group"),
        ("urlGroups.list",),
    )
    assert got["endpoints"] == [one]
    assert [group["endpoints"] for group in listed] == [[one, two]]
    assert after == []


def test_queues_are_made_paused_and_deleted(sdk: Sdk) -> None:
    results = sdk(
        ("queue.upsert", "q", {"parallelism": 1}), ("queue.get", "q"),
        ("queue.pause", "q"), ("queue.get", "q"),
        ("queue.resume", "q"), ("queue.get", "q"),
        ("queue.upsert", "q", {"paused": True}), ("queue.get", "q"),
        ("queue.upsert", "q", {"paused": False}), ("queue.get", "q"),
        ("queue.upsert", "r", {"parallelism": 2}), ("queue.list", "q"),
        ("queue.delete", "q"), ("queue.delete", "r"), ("queue.list", "q"),
    )  # fmt: skip
    assert [result["paused"] for result in results[1:10:2]] == [False, True, False, True, False]
    assert sorted(queue["name"] for queue in results[11]) == ["q", "r"]
    assert results[-1] == []


def test_a_published_key_is_read_paused_pinned_unpinned_and_reset(sdk: Sdk) -> None:
    flow = {"key": "fc:1", "parallelism": 5, "rate": 10, "period": "1m"}
    pin = {"parallelism": 3, "rate": 20, "period": 120}
    published, first, _, paused, _, resumed, _, pinned, _, half, _, free, _, reset, most, _ = sdk(
        ("publish", {"url": "https://e.example.com/200", "body": "hello", "flowControl": flow}),
        ("flowControl.get", "fc:1"),
        ("flowControl.pause", "fc:1"), ("flowControl.get", "fc:1"),
        ("flowControl.resume", "fc:1"), ("flowControl.get", "fc:1"),
        ("flowControl.pin", "fc:1", pin), ("flowControl.get", "fc:1"),
        ("flowControl.unpin", "fc:1", {"parallelism": True}), ("flowControl.get", "fc:1"),
        ("flowControl.unpin", "fc:1", {"rate": True}), ("flowControl.get", "fc:1"),
        ("flowControl.resetRate", "fc:1"), ("flowControl.get", "fc:1"),
        ("flowControl.getGlobalParallelism",),
        ("messages.delete", "msg_1"),
    )  # fmt: skip
    assert published["messageId"].startswith("msg_")
    assert (first["flowControlKey"], first["waitListSize"], first["parallelismMax"]) == (
        "fc:1",
        0,
        5,
    )
    assert (first["isPaused"], paused["isPaused"], resumed["isPaused"]) == (False, True, False)
    assert (pinned["parallelismMax"], pinned["rateMax"], pinned["ratePeriod"]) == (3, 20, 120)
    flags = [(it["isPinnedParallelism"], it["isPinnedRate"]) for it in (first, pinned, half, free)]
    assert flags == [(False, False), (True, True), (False, True), (False, False)]
    assert reset["rateCount"] == 0
    assert (most["parallelismMax"], most["parallelismCount"]) == (100, 0)


def test_its_development_mode_finds_this_server_and_takes_it_for_its_own(
    world: World, sdk: Sdk
) -> None:
    """By the published token and keys; without them it would download a server, and start that."""

    def development(served: Served) -> dict[str, str]:
        return {"QSTASH_DEV": "1", "QSTASH_DEV_PORT": str(served.port), "HOME": "/nowhere"}

    create = {"scheduleId": "theirs", "destination": "https://e.com", "cron": "* * * * *"}
    keys = sdk(("schedules.create", create), environ=development)
    assert keys == [{"scheduleId": "theirs"}]
    assert world.account.store.count("schedule") == 1
    assert world.account.log[0][:2] == ("GET", "/v2/keys")
