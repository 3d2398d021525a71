"""The official Python SDK against the served socket: what it writes we read, and the reverse."""

import asyncio
from collections.abc import Iterator

import pytest
import qstash
from qstash.message import FlowControl

from qstash_sync.local import LOCAL_TOKEN
from qstash_sync.local.serve import Served
from qstash_sync.model.resources import Endpoint
from qstash_sync.qstash.client import Client
from tests.planning.test_plan import file
from tests.support import HEAD, World, config, secret

KINDS = ("schedules", "url_groups", "queues", "flow_controls")


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    """The world's account on a socket."""
    with Served(world.account) as served:
        yield served


def ours(served: Served) -> Client:
    return Client(served.url, secret(LOCAL_TOKEN), read_only=False)


def test_a_schedule_that_the_sdk_writes_is_read_back_equal_by_our_client(
    served: Served, sdk: qstash.QStash
) -> None:
    sdk.schedule.create(
        schedule_id="theirs",
        destination="https://e.com//a?x=1&y=https://z",
        cron="*/5 * * * *",
        body="héllo",
        content_type="text/plain",
        method="PATCH",
        headers={"x-test-header": "v"},
        retries=0,
        retry_delay="pow(2, retried) * 1000",
        delay="1h",
        timeout="90s",
        callback="https://c.example.com",
        failure_callback="https://f.example.com",
        queue="images",
        flow_control=FlowControl(key="k", parallelism=2, rate=3, period="1m"),
        label="a,b",
    )
    with ours(served) as client:
        (found,) = client.read({"schedules"}).schedules or ()
    message = found.message
    assert (found.id, found.cron, found.paused) == ("theirs", "*/5 * * * *", False)
    assert message.destination == "https://e.com//a?x=1&y=https://z"
    assert (message.body, message.method, message.retries) == ("héllo", "PATCH", 0)
    assert message.headers == (("Content-Type", "text/plain"), ("X-Test-Header", "v"))
    assert (message.retry_delay, message.delay, message.timeout) == (
        "pow(2, retried) * 1000",
        3600,
        90,
    )
    assert message.callback and message.callback.url == "https://c.example.com"
    assert message.failure_callback and message.failure_callback.url == "https://f.example.com"
    assert (message.queue, message.labels) == ("images", ("a", "b"))
    use = message.flow_control
    assert use and (use.key, use.parallelism, use.rate, use.period) == ("k", 2, 3, 60)


def test_a_schedule_that_we_write_is_read_back_equal_by_the_sdk(
    world: World, sdk: qstash.QStash
) -> None:
    world.apply(file(redact="", paused="true"))
    found = sdk.schedule.get("billing.s")
    assert found.destination == "https://app.example.com/x"
    assert found.cron == "0 8 * * 1-5"
    assert found.body == '{"type":"daily","deep":{"n":1}}'
    assert found.headers == {"X-A": ["1"], "X-B": ["2"], "Content-Type": ["application/json"]}
    assert (found.method, found.retries, found.delay, found.timeout) == ("PUT", 5, 10, 30)
    assert found.retry_delay_expression == "1000 * (1 + retried)"
    assert (found.callback, found.failure_callback) == (
        "https://c.example.com",
        "https://d.example.com",
    )
    assert found.callback_headers == {"X-C": ["1"]}
    assert found.failure_callback_headers == {"X-D": ["1"]}
    assert (found.queue, found.paused) == ("q", True)
    assert found.flow_control is not None
    assert (found.flow_control.key, found.flow_control.parallelism) == ("f", 5)
    assert (found.flow_control.rate, found.flow_control.period) == (10, 60)
    assert len(sdk.schedule.list()) == 1


def test_bytes_go_through_in_both_directions(world: World, sdk: qstash.QStash) -> None:
    world.apply(file(body="", body_base64="/wD+"))
    assert sdk.schedule.get("billing.s").body_base64 == "/wD+"


def test_the_sdk_pauses_resumes_and_deletes_what_we_wrote(world: World, sdk: qstash.QStash) -> None:
    text = file(paused="")
    world.apply(text)
    sdk.schedule.pause("billing.s")
    assert world.plan(text).empty
    assert world.schedule("billing.s")["isPaused"] is True
    assert [c.action for c in world.plan(file(paused="false")).changes] == ["resume"]
    sdk.schedule.resume("billing.s")
    sdk.schedule.delete("billing.s")
    assert [c.action for c in world.plan(text).changes] == ["create"]
    with pytest.raises(qstash.errors.QStashError):
        sdk.schedule.get("billing.s")


def test_url_groups_agree(world: World, served: Served, sdk: qstash.QStash) -> None:
    sdk.url_group.upsert_endpoints(
        "theirs",
        [
            {"url": "https://a.example.com"},
            {"url": "https://b.example.com", "name": "First endpoint"},
        ],
    )
    with ours(served) as client:
        (found,) = client.read({"url_groups"}).url_groups or ()
    assert found.endpoints == (
        Endpoint(url="https://a.example.com"),
        Endpoint(url="https://b.example.com", name="First endpoint"),
    )
    world.apply(
        HEAD
        + "url_groups: {g: {endpoints: {x: 'https://x.example.com', y: 'https://y.example.com'}}}\n"
    )
    group = sdk.url_group.get("g")
    assert [(e.name, e.url) for e in group.endpoints] == [
        ("x", "https://x.example.com"),
        ("y", "https://y.example.com"),
    ]
    sdk.url_group.remove_endpoints("g", [{"name": "x"}])
    assert [e.name for e in sdk.url_group.get("g").endpoints] == ["y"]
    sdk.url_group.delete("g")
    assert [g.name for g in sdk.url_group.list()] == ["theirs"]


def test_queues_agree(world: World, served: Served, sdk: qstash.QStash) -> None:
    sdk.queue.upsert("theirs", parallelism=3, paused=True)
    with ours(served) as client:
        (found,) = client.read({"queues"}).queues or ()
    assert (found.name, found.parallelism, found.paused) == ("theirs", 3, True)
    world.apply(HEAD + "queues: {q: {parallelism: 4, paused: true}}\n")
    queue = sdk.queue.get("q")
    assert (queue.parallelism, queue.paused, queue.lag) == (4, True, 0)
    sdk.queue.resume("q")
    assert [
        c.action for c in world.plan(HEAD + "queues: {q: {parallelism: 4, paused: true}}\n").changes
    ] == ["pause"]
    sdk.queue.delete("q")
    assert [q.name for q in sdk.queue.list()] == ["theirs"]


def test_flow_controls_agree(world: World, served: Served, sdk: qstash.QStash) -> None:
    sdk.flow_control.pin("theirs", {"parallelism": 3, "rate": 20, "period": 120})
    sdk.flow_control.pause("theirs")
    with ours(served) as client:
        (found,) = client.read({"flow_controls"}).flow_controls or ()
    assert (found.parallelism, found.rate, found.period, found.paused) == (3, 20, 120, True)
    world.apply(HEAD + "flow_controls: {f: {parallelism: 2, rate: 5, period: 1m}}\n")
    key = sdk.flow_control.get("f")
    assert (key.is_pinned_parallelism, key.is_pinned_rate) == (True, True)
    assert (key.parallelism_max, key.rate_max, key.rate_period) == (2, 5, 60)
    sdk.flow_control.unpin("f", {"rate": True})
    plan = world.plan(HEAD + "flow_controls: {f: {parallelism: 2, rate: 5, period: 1m}}\n")
    assert [f.path for f in plan.changes[0].fields] == ["period", "rate"]


def test_the_async_sdk_agrees(world: World, served: Served) -> None:
    async def story() -> tuple[str, int, str]:
        client = qstash.AsyncQStash(LOCAL_TOKEN, base_url=served.url, retry=False)
        schedule_id = await client.schedule.create_json(
            destination="https://e.com", cron="0 9 * * *", body={"a": 1}
        )
        await client.schedule.pause(schedule_id)
        found = await client.schedule.get(schedule_id)
        await client.queue.upsert("aq", parallelism=2)
        queue = await client.queue.get("aq")
        await client.url_group.upsert_endpoints("ag", [{"url": "https://e.com"}])
        group = await client.url_group.get("ag")
        assert found.paused is True
        await client.flow_control.pin("ak", {"parallelism": 1})
        await client.http._client.aclose()
        return str(found.body), queue.parallelism, group.name

    assert asyncio.run(story()) == ('{"a": 1}', 2, "ag")
    live = config(HEAD + "schedules: {}\nqueues: {}\nurl_groups: {}\nflow_controls: {}\n")
    with ours(served) as client:
        from qstash_sync.applying import proposal

        plan = proposal.propose(client, live.desired, now=world.now)
    assert plan.empty
    assert plan.summary["unmanaged"] == 3


def test_a_wrong_token_is_refused_like_the_real_service_does(served: Served) -> None:
    client = qstash.QStash("nope", base_url=served.url, retry=False)
    with pytest.raises(qstash.errors.QStashError, match="unable to authenticate: invalid token"):
        client.schedule.list()
    client.http._client.close()
