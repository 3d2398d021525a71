"""URL groups, queues, flow-control keys and signing keys."""

import json
from typing import Any

import pytest

from tests.local.api import NOW, URL, Api, an_api, error

A, B, C = ("https://a.example.com", "https://b.example.com", "https://c.example.com")
MS = int(NOW * 1000)


def endpoints(api: Api, *items: dict[str, str], method: str = "POST") -> None:
    api.send(method, "/v2/topics/g/endpoints", json={"endpoints": items}).raise_for_status()


def test_adding_endpoints_makes_the_group_and_never_removes(api: Api) -> None:
    endpoints(api, {"url": A})
    api.clock.now += 1
    endpoints(api, {"url": B, "name": "First endpoint"})
    group = {
        "name": "g",
        "createdAt": MS,
        "updatedAt": MS + 1000,
        "endpoints": [{"url": A}, {"url": B, "name": "First endpoint"}],
    }
    assert api.get("/v2/topics/g") == group
    assert api.get("/v2/topics") == [group]


def test_a_group_goes_with_its_last_endpoint(api: Api) -> None:
    endpoints(api, {"url": A}, {"url": B, "name": "b"})
    endpoints(api, {"url": A}, method="DELETE")
    assert api.get("/v2/topics/g")["endpoints"] == [{"url": B, "name": "b"}]
    endpoints(api, {"name": "b"}, method="DELETE")
    assert error(api.send("GET", "/v2/topics/g")) == (404, "topic g not found")


def test_a_group_is_deleted_with_its_endpoints_and_again_without_complaint(api: Api) -> None:
    endpoints(api, {"url": A})
    assert api.send("DELETE", "/v2/topics/g").status_code == 200
    assert api.send("DELETE", "/v2/topics/g").status_code == 200
    assert api.get("/v2/topics") == []


MATCHES = [
    ("name", [{"url": A, "name": "a"}], {"url": C, "name": "a"}, [{"url": C, "name": "a"}]),
    ("url", [{"url": A, "name": "a"}], {"url": C, "name": "a"}, [{"url": C, "name": "a"}]),
    ("name", [{"url": A, "name": "a"}], {"url": A, "name": "n"}, [A, A]),
    ("url", [{"url": A, "name": "a"}], {"url": A, "name": "n"}, [{"url": A, "name": "n"}]),
    ("name", [{"url": A}], {"url": A}, [{"url": A}]),
    ("url", [{"url": A}], {"url": A, "name": "n"}, [{"url": A, "name": "n"}]),
]


@pytest.mark.parametrize(("key", "before", "item", "after"), MATCHES, ids=str)
def test_an_endpoint_that_exists_is_updated(
    key: str, before: list[dict[str, str]], item: dict[str, str], after: list[object]
) -> None:
    """What "exists" means is unknown: the name when given, else the url; or the url first."""
    with an_api(endpoint_match=key) as api:
        endpoints(api, *before)
        endpoints(api, item)
        found = api.get("/v2/topics/g")["endpoints"]
        assert found == after or [endpoint["url"] for endpoint in found] == after


def test_default_headers_of_a_group_are_stored_and_never_shown(api: Api) -> None:
    endpoints(api, {"url": A})
    shown = api.get("/v2/topics/g")
    for headers in ({"Upstash-Retries": "3"}, {"X": ["a"]}):
        api.send("PATCH", "/v2/topics/g", json={"headers": headers}).raise_for_status()
    assert api.get("/v2/topics/g") == shown
    stored = api.server.store.get("topic", "g")
    assert stored is not None
    assert stored["headers"] == {"Upstash-Retries": "3", "X": ["a"]}


BAD_BODIES = [
    ("/v2/topics/g/endpoints", b"not json"),
    ("/v2/topics/g/endpoints", b"[]"),
    ("/v2/topics/g/endpoints", b'{"endpoints": [1]}'),
    ("/v2/topics/g/endpoints", b'{"endpoints": [{"url": "a.example.com"}]}'),
    ("/v2/topics/a%20b/endpoints", b'{"endpoints": [{"url": "https://a.example.com"}]}'),
    ("/v2/queues", b'{"queueName": "a b"}'),
    ("/v2/queues", b'{"queueName": "q", "parallelism": 0}'),
    ("/v2/queues", b'{"queueName": "q", "parallelism": "2"}'),
    ("/v2/flowControl/k/pin", b""),
    ("/v2/flowControl/k/pin?period=60", b""),
    ("/v2/flowControl/k/pin?rate=x", b""),
    ("/v2/flowControl/k/pin?rate=1&period=604801", b""),
]


@pytest.mark.parametrize(("path", "body"), BAD_BODIES, ids=str)
def test_a_bad_body_or_query_is_a_400_and_changes_nothing(api: Api, path: str, body: bytes) -> None:
    assert api.send("POST", path, body=body).status_code == 400
    assert not any(api.server.console.snapshot().values())


def test_a_queue_is_created_and_updated_by_name(api: Api) -> None:
    """Left out, parallelism is 1 and paused is false, whatever they were."""
    api.send("POST", "/v2/queues", json={"queueName": "q", "parallelism": 4, "paused": True})
    assert api.get("/v2/queues/q") == {
        "name": "q", "parallelism": 4, "paused": True, "lag": 0, "createdAt": MS, "updatedAt": MS,
    }  # fmt: skip
    api.server.console.set_lag("q", 7)
    api.clock.now += 1
    api.send("POST", "/v2/queues/", json={"queueName": "q"})
    (found,) = api.get("/v2/queues")
    assert (found["parallelism"], found["paused"], found["lag"]) == (1, False, 7)
    assert (found["createdAt"], found["updatedAt"]) == (MS, MS + 1000)


def test_a_queue_is_paused_resumed_and_deleted(api: Api) -> None:
    api.send("POST", "/v2/queues", json={"queueName": "q"})
    for verb, paused in (("pause", True), ("pause", True), ("resume", False)):
        assert api.send("POST", f"/v2/queues/q/{verb}").status_code == 200
        assert api.get("/v2/queues/q")["paused"] is paused
    for _ in range(2):  # deleting what is not there is fine
        assert api.send("DELETE", "/v2/queues/q").status_code == 200
    assert error(api.send("GET", "/v2/queues/q")) == (404, "queue q not found")


def test_a_pin_sets_what_it_names_and_unpin_frees_it_with_its_value(api: Api) -> None:
    api.send("POST", "/v2/flowControl/k/pin?parallelism=3&rate=20&period=120")
    key = api.get("/v2/flowControl/k")
    assert key == {
        "flowControlKey": "k", "waitListSize": 0, "parallelismMax": 3,
        "rateMax": 20, "rateCount": 0, "ratePeriod": 120, "ratePeriodStart": int(NOW),
        "isPinnedParallelism": True, "isPinnedRate": True, "isPaused": False,
    }  # fmt: skip
    api.send("POST", "/v2/flowControl/k/pin?parallelism=5")
    assert api.get("/v2/flowControl/k") == {**key, "parallelismMax": 5}
    api.send("POST", "/v2/flowControl/k/unpin?rate=true")
    freed = {**key, "parallelismMax": 5, "isPinnedRate": False}
    assert api.get("/v2/flowControl/k") == freed
    api.send("POST", "/v2/flowControl/k/unpin")  # no flags: nothing
    assert api.get("/v2/flowControl") == [freed]


def test_a_message_overwrites_only_what_is_not_pinned(api: Api) -> None:
    api.send("POST", "/v2/flowControl/k/pin?parallelism=3")
    api.create(flow_control_key="k", flow_control_value="parallelism=9, rate=8, period=1m")
    api.server.console.tick("s")
    key = api.get("/v2/flowControl/k")
    assert (key["parallelismMax"], key["rateMax"], key["ratePeriod"]) == (3, 8, 60)


def test_a_message_with_a_key_makes_it_and_is_not_kept(api: Api) -> None:
    """Nothing is delivered here: a message without a key has nothing to show for itself."""
    key: Any = {"flow_control_key": "plan:pro", "flow_control_value": "parallelism=5, rate=10"}
    sent = api.send("POST", f"/v2/publish/{URL}?a=1", **key)
    assert sent.json()["messageId"].startswith("msg_")
    found = api.get("/v2/flowControl/plan:pro")
    assert (found["parallelismMax"], found["rateMax"], found["ratePeriod"]) == (5, 10, 1)
    assert "parallelismCount" not in found
    assert api.send("DELETE", f"/v2/messages/{sent.json()['messageId']}").status_code == 200
    assert api.send("POST", f"/v2/publish/{URL}").status_code == 404
    assert api.send("POST", "/v2/publish/nonsense:", **key).status_code == 400
    assert api.send("POST", "/v2/publish/no-group", **key).status_code == 404


def test_a_key_is_paused_resumed_reset_and_found(api: Api) -> None:
    api.send("POST", "/v2/flowControl/one/pause")
    assert api.get("/v2/flowControl/one")["isPaused"] is True
    api.send("POST", "/v2/flowControl/one/resume")
    assert api.get("/v2/flowControl/one")["isPaused"] is False
    api.clock.now += 5
    api.send("POST", "/v2/flowControl/one/resetRate")
    assert api.get("/v2/flowControl/one")["ratePeriodStart"] == int(NOW) + 5
    api.send("POST", "/v2/flowControl/none/resume")
    assert api.send("GET", "/v2/flowControl/none").status_code == 404
    assert api.get("/v2/flowControl?search=two") == []
    assert len(api.get("/v2/flowControl?search=on")) == 1


def test_rotating_makes_the_next_key_the_current_one(api: Api) -> None:
    first = api.get("/v2/keys")
    rotated = api.send("POST", "/v2/keys/rotate").json()
    assert rotated["current"] == first["next"]
    assert len({*first.values(), *rotated.values()}) == 3
    assert api.get("/v2/keys") == rotated


def test_the_accounts_parallelism_follows_its_plan(api: Api) -> None:
    assert api.get("/v2/globalParallelism") == {"parallelismMax": 100, "parallelismCount": 0}


QUOTAS = [
    ("/v2/topics/two/endpoints", {"endpoints": [{"url": URL}]}, "maxTopics", 1),
    (
        "/v2/topics/one/endpoints",
        {"endpoints": [{"url": f"{URL}/{n}"} for n in range(101)]},
        "maxEndpointsPerTopic",
        100,
    ),
    ("/v2/queues", {"queueName": "one-more"}, "maxQueues", 10),
    ("/v2/queues", {"queueName": "q0", "parallelism": 3}, "maxParallelism", 2),
]


@pytest.mark.parametrize(("path", "body", "quota", "limit"), QUOTAS, ids=[q[2] for q in QUOTAS])
def test_what_exceeds_the_plan_is_a_412(path: str, body: object, quota: str, limit: int) -> None:
    with an_api(plan="free") as api:
        api.send("POST", "/v2/topics/one/endpoints", json={"endpoints": [{"url": URL}]})
        for number in range(10):
            api.send("POST", "/v2/queues", json={"queueName": f"q{number}"})
        before = json.dumps(api.server.console.snapshot())
        refusal = error(api.send("POST", path, json=body))
        assert refusal == (412, f"quota {quota} exceeded, current limit: {limit}")
        assert json.dumps(api.server.console.snapshot()) == before
