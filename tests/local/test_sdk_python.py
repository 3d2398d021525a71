"""The official Python SDK, sync and async, against the served socket: every setting it has."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import qstash
from qstash.message import FlowControl, FlowControlProperties

from qstash_sync.local import LOCAL_TOKEN, Served, serve
from tests.local.api import NOW, Api

EVERYTHING: dict[str, Any] = {
    "schedule_id": "theirs",
    "destination": "https://example.com//a?x=1&y=https://z",
    "cron": "CRON_TZ=Europe/Berlin */10 * * * *",
    "body": "héllo",
    "content_type": "text/plain",
    "method": "PATCH",
    "headers": {"test-header": "v", "Authorization": "secret"},
    "callback_headers": {"Upstash-Callback-Forward-X-C": "1"},
    "failure_callback_headers": {"Upstash-Failure-Callback-Forward-X-F": "2"},
    "retries": 0,
    "retry_delay": "pow(2, retried) * 1000",
    "callback": "https://c.example.com",
    "failure_callback": "https://f.example.com",
    "delay": "1h",
    "timeout": 90,
    "queue": "images",
    "flow_control": FlowControl(key="k", parallelism=2, rate=3, period="1d"),
    "label": "reports",
    "redact": {"header": ["Authorization"]},
}


@pytest.fixture
def served(api: Api) -> Iterator[Served]:
    with serve(api.server) as served:
        yield served


def check_everything(found: qstash.schedule.Schedule) -> None:
    assert found.schedule_id == "theirs"
    assert found.destination == EVERYTHING["destination"]
    assert found.cron == EVERYTHING["cron"]
    assert (found.body, found.body_base64, found.method) == ("héllo", None, "PATCH")
    assert found.headers is not None
    assert found.headers.pop("Authorization")[0].startswith("REDACTED:")
    assert found.headers == {"Test-Header": ["v"], "Content-Type": ["text/plain"]}
    assert found.callback_headers == {"X-C": ["1"]}
    assert found.failure_callback_headers == {"X-F": ["2"]}
    assert (found.retries, found.retry_delay_expression) == (0, "pow(2, retried) * 1000")
    assert found.callback == EVERYTHING["callback"]
    assert found.failure_callback == EVERYTHING["failure_callback"]
    assert (found.delay, found.timeout, found.queue) == (3600, 90, "images")
    assert found.flow_control == FlowControlProperties(
        key="k", parallelism=2, rate=3, period=86_400
    )
    assert (found.label, found.paused, found.error) == ("reports", False, None)
    assert (found.created_at, found.caller_ip) == (int(NOW * 1000), "127.0.0.1")
    assert (found.next_schedule_time, found.last_schedule_time) == (int(NOW + 600) * 1000, None)


def test_a_schedule_with_every_setting_reads_back(sdk: qstash.QStash) -> None:
    assert sdk.schedule.create(**EVERYTHING) == "theirs"
    check_everything(sdk.schedule.get("theirs"))
    (listed,) = sdk.schedule.list()
    check_everything(listed)


def test_an_overwrite_pause_resume_and_delete(sdk: qstash.QStash) -> None:
    sdk.schedule.create(**EVERYTHING)
    sdk.schedule.create(schedule_id="theirs", destination="https://e.com", cron="0 9 * * *")
    found = sdk.schedule.get("theirs")
    assert (found.destination, found.body, found.headers) == ("https://e.com", None, None)
    sdk.schedule.pause("theirs")
    assert sdk.schedule.get("theirs").paused is True
    sdk.schedule.resume("theirs")
    assert sdk.schedule.get("theirs").paused is False
    sdk.schedule.delete("theirs")
    with pytest.raises(qstash.errors.QStashError, match="schedule theirs not found"):
        sdk.schedule.get("theirs")


def test_bytes_and_json_bodies(sdk: qstash.QStash) -> None:
    one = sdk.schedule.create(destination="https://e.com", cron="0 9 * * *", body=b"\xff")
    assert sdk.schedule.get(one).body_base64 == "/w=="
    two = sdk.schedule.create_json(destination="https://e.com", cron="0 9 * * *", body={"a": 1})
    found = sdk.schedule.get(two)
    assert (found.body, found.headers) == ('{"a": 1}', {"Content-Type": ["application/json"]})
    assert len(sdk.schedule.list()) == 2


def test_url_groups(sdk: qstash.QStash) -> None:
    sdk.url_group.delete("g")  # one that is not there
    sdk.url_group.upsert_endpoints(
        "g", [{"url": "https://a.example.com"}, {"url": "https://b.example.com", "name": "b"}]
    )
    (group,) = sdk.url_group.list()
    assert [(e.url, e.name) for e in group.endpoints] == [
        ("https://a.example.com", None),
        ("https://b.example.com", "b"),
    ]
    assert sdk.schedule.create(destination="g", cron="0 9 * * *")
    sdk.url_group.remove_endpoints("g", [{"name": "b"}])
    assert len(sdk.url_group.get("g").endpoints) == 1
    sdk.url_group.remove_endpoints("g", [{"url": "https://a.example.com"}])
    assert sdk.url_group.list() == []


def test_queues(sdk: qstash.QStash) -> None:
    sdk.queue.upsert("q", parallelism=5)
    sdk.queue.upsert("q", paused=True)  # and its parallelism is 1 again
    queue = sdk.queue.get("q")
    assert (queue.parallelism, queue.paused, queue.lag) == (1, True, 0)
    sdk.queue.resume("q")
    sdk.queue.pause("q")
    assert [q.paused for q in sdk.queue.list()] == [True]
    sdk.queue.delete("q")
    sdk.queue.delete("q")
    assert sdk.queue.list() == []


def test_flow_control(sdk: qstash.QStash) -> None:
    sdk.flow_control.pin("k", {"parallelism": 3, "rate": 20, "period": 120})
    key = sdk.flow_control.get("k")
    assert (key.parallelism_max, key.rate_max, key.rate_period) == (3, 20, 120)
    assert (key.is_pinned_parallelism, key.is_pinned_rate) == (True, True)
    sdk.flow_control.unpin("k", {"parallelism": True})
    sdk.flow_control.pause("k")
    sdk.flow_control.reset_rate("k")
    key = sdk.flow_control.get("k")
    assert (key.is_pinned_parallelism, key.is_pinned_rate, key.is_paused) == (False, True, True)
    sdk.flow_control.resume("k")
    assert sdk.flow_control.get("k").is_paused is False
    assert sdk.flow_control.get_global_parallelism().parallelism_max == 100


def test_a_published_key_is_read_paused_pinned_unpinned_and_reset(sdk: qstash.QStash) -> None:
    """As the SDK's own suite does; a message with a key makes the key, and nothing else."""
    made = FlowControl(key="fc:1", parallelism=5, rate=10, period="1m")
    sent = sdk.message.publish_json(url="https://e.example.com", body={"a": 1}, flow_control=made)
    assert isinstance(sent, qstash.message.PublishResponse)
    key = sdk.flow_control.get("fc:1")
    assert (key.key, key.wait_list_size, key.parallelism_count) == ("fc:1", 0, 0)
    assert (key.parallelism_max, key.rate_max, key.rate_period) == (5, 10, 60)
    for act, paused in ((sdk.flow_control.pause, True), (sdk.flow_control.resume, False)):
        act("fc:1")
        assert sdk.flow_control.get("fc:1").is_paused is paused
    sdk.flow_control.pin("fc:1", {"parallelism": 3, "rate": 20, "period": 120})
    sdk.flow_control.unpin("fc:1", {"parallelism": True, "rate": True})
    key = sdk.flow_control.get("fc:1")
    assert (key.is_pinned_parallelism, key.is_pinned_rate, key.rate_max) == (False, False, 20)
    sdk.flow_control.reset_rate("fc:1")
    assert sdk.flow_control.get("fc:1").rate_count == 0
    sdk.message.cancel(sent.message_id)
    assert isinstance(sdk.flow_control.get_global_parallelism().parallelism_count, int)


def test_signing_keys(sdk: qstash.QStash) -> None:
    before = sdk.signing_key.get()
    assert sdk.signing_key.rotate().current == before.next


def test_errors_are_the_sdks_own(served: Served, sdk: qstash.QStash, api: Api) -> None:
    with pytest.raises(qstash.errors.QStashError, match=r"400.*Invalid cron expression"):
        sdk.schedule.create(destination="https://e.com", cron="0 9 * * 7")
    api.server.switches = api.server.switches.with_(burst_limit=1)
    sdk.queue.list()
    with pytest.raises(qstash.errors.RateLimitExceededError) as limited:
        sdk.queue.list()
    assert limited.value.reset == str(int(NOW) + 1)
    stranger = qstash.QStash("nope", base_url=served.url, retry=False)
    with pytest.raises(qstash.errors.QStashError, match="unable to authenticate: invalid token"):
        stranger.schedule.list()
    stranger.http._client.close()


def test_the_async_sdk(served: Served) -> None:
    async def story() -> None:
        client = qstash.AsyncQStash(LOCAL_TOKEN, base_url=served.url, retry=False)
        await client.schedule.create(**EVERYTHING)
        check_everything(await client.schedule.get("theirs"))
        await client.schedule.pause("theirs")
        assert [s.paused for s in await client.schedule.list()] == [True]
        await client.url_group.upsert_endpoints("g", [{"url": "https://e.com", "name": "e"}])
        assert (await client.url_group.get("g")).endpoints[0].name == "e"
        await client.queue.upsert("q", parallelism=2, paused=True)
        assert (await client.queue.get("q")).paused is True
        await client.flow_control.pin("k", {"rate": 1, "period": 60})
        assert (await client.flow_control.get("k")).rate_period == 60
        await client.schedule.delete("theirs")
        await client.http._client.aclose()

    asyncio.run(story())
