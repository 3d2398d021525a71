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
from tests.plan.test_plan import file
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


@pytest.fixture
def sdk(world: World, modules: Path) -> Sdk:
    """Run calls on the SDK; each is (name, arguments …)."""

    def run(*calls: tuple[Any, ...]) -> list[Any]:
        with Served(world.account) as served:
            done = subprocess.run(
                ["node", "run.mjs"],
                cwd=modules,
                input=json.dumps([{"call": call, "args": args} for call, *args in calls]),
                env={
                    "PATH": os.environ["PATH"],
                    "QSTASH_URL": served.url,
                    "QSTASH_TOKEN": LOCAL_TOKEN,
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout)
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
