"""Schedules as the documentation and the official SDKs' live tests have them."""

import hashlib
import json

import pytest

from tests.local.api import NOW, URL, Api, an_api, error


def test_a_minimal_schedule_reads_back_with_the_servers_defaults(api: Api) -> None:
    assert api.create().json() == {"scheduleId": "s"}
    assert api.schedule() == {
        "scheduleId": "s",
        "cron": "0 9 * * *",
        "destination": URL,
        "method": "POST",
        "retries": 3,
        "isPaused": False,
        "createdAt": int(NOW * 1000),
        "nextScheduleTime": 1_795_510_800_000,  # 2026-11-24T09:00Z
        "parallelism": 0,
        "callerIP": "127.0.0.1",
    }


SETTINGS = [
    ({"method": "put"}, {"method": "PUT"}),
    ({"retries": "0"}, {"retries": 0}),
    ({"retry_delay": "pow(retried, 2) * 1000"}, {"retryDelayExpression": "pow(retried, 2) * 1000"}),
    ({"delay": "10s"}, {"delay": 10}),
    ({"delay": "1d10m"}, {"delay": 87_000}),
    ({"timeout": "90s"}, {"timeout": 90}),
    ({"callback": "https://c.example.com"}, {"callback": "https://c.example.com"}),
    ({"failure_callback": "https://f.example.com"}, {"failureCallback": "https://f.example.com"}),
    ({"queue_name": "q"}, {"queueName": "q"}),
    ({"label": "a, b"}, {"label": "a", "labels": ["a", "b"]}),
    ({"flow_control_key": "k"}, {"flowControlKey": "k", "parallelism": 0, "period": 1}),
    (
        {"flow_control_key": "k", "flow_control_value": "parallelism=2"},
        {"flowControlKey": "k", "parallelism": 2, "period": 1},
    ),
    (
        {"flow_control_key": "k", "flow_control_value": "period=1d,rate=10, parallelism=5"},
        {"flowControlKey": "k", "parallelism": 5, "rate": 10, "period": 86_400},
    ),
]


@pytest.mark.parametrize(("sent", "shown"), SETTINGS, ids=str)
def test_each_setting_reads_back_in_the_apis_form(
    api: Api, sent: dict[str, str], shown: dict[str, object]
) -> None:
    """Durations become seconds; a period that is not given is 1."""
    found = api.created(**sent)
    assert {key: found[key] for key in shown} == shown
    assert "rate" in shown or "rate" not in found


def test_an_overwrite_replaces_everything_and_keeps_one_schedule(api: Api) -> None:
    """No merge: what the second request leaves out is gone."""
    api.created(body=b"first", label="a", delay="10s", callback="https://c.example.com")
    found = api.created("https://other.example.com")
    assert found["destination"] == "https://other.example.com"
    assert not found.keys() & {"body", "label", "labels", "delay", "callback"}
    assert len(api.get("/v2/schedules")) == 1


def test_without_an_id_every_create_makes_another_schedule(api: Api) -> None:
    ids = {api.create(schedule_id="").json()["scheduleId"] for _ in range(2)}
    assert len(ids) == 2
    assert all(schedule_id.startswith("scd_") and len(schedule_id) == 32 for schedule_id in ids)


def test_forwarded_headers_are_canonical_and_nothing_else_is_stored(api: Api) -> None:
    """Telemetry, User-Agent and the like never show up; Content-Type does if it was sent."""
    api.http.post(
        f"/v2/schedules/{URL}",
        headers=[
            ("Upstash-Schedule-Id", "s"),
            ("Upstash-Cron", "* * * * *"),
            ("upstash-forward-bypass-tunnel-reminder", "true"),
            ("Upstash-Forward-X-Twice", "1"),
            ("Upstash-Forward-X-Twice", "2"),
            ("Upstash-Telemetry-Sdk", "py"),
            ("Content-type", "text/plain"),
        ],
    )
    assert api.schedule()["header"] == {
        "Bypass-Tunnel-Reminder": ["true"],
        "X-Twice": ["1", "2"],
        "Content-Type": ["text/plain"],
    }


def test_a_body_is_text_or_base64(api: Api) -> None:
    assert api.created(body="héllo".encode())["body"] == "héllo"
    found = api.created(body=b"\xff\x00")
    assert found["bodyBase64"] == "/wA="
    assert "body" not in found
    assert not api.created().keys() & {"body", "bodyBase64"}


@pytest.mark.parametrize(
    "destination",
    [
        "https://example.com",
        "https://example.com/",
        "https://example.com//a//b/",
        "https://example.com/pause",
        "https://example.com/a%20b%2Fc",
        "https://example.com/a?b=1&c=https://d//e",
        "http://example.com:8080/a?b",
    ],
)
def test_a_destination_is_the_literal_rest_of_the_path(api: Api, destination: str) -> None:
    """Nothing is added, removed, decoded or collapsed; the query string belongs to it."""
    assert api.created(destination)["destination"] == destination


def test_a_token_in_the_query_is_not_part_of_the_destination(api: Api) -> None:
    target = f"/v2/schedules/{URL}?a=1&qstash_token={api.http.headers['Authorization'][7:]}&b=2"
    del api.http.headers["Authorization"]
    assert api.send("POST", target, cron="* * * * *").is_success
    assert api.server.store.all("schedule")[0]["destination"] == f"{URL}?a=1&b=2"
    assert "token" not in api.server.log[0][1]


BAD_SCHEME = "invalid destination url: endpoint has invalid scheme, add http:// or https://"
REFUSED = [
    ("https%3A%2F%2Fexample.com", {}, 400, BAD_SCHEME),
    ("https:/example.com", {}, 400, BAD_SCHEME),
    ("ftp://example.com", {}, 400, BAD_SCHEME),
    ("example.com/x", {}, 400, BAD_SCHEME),
    ("", {}, 400, "a non-empty destination must be provided"),
    ("no-such-group", {}, 404, "topic no-such-group not found"),
    (URL, {"cron": ""}, 400, "Invalid cron expression empty spec string"),
    (URL, {"cron": "0 9 * * 7"}, 400, "end of range (7) above maximum (6): 7"),
    (URL, {"schedule_id": "a b"}, 400, "Upstash-Schedule-Id"),
    (URL, {"delay": "10"}, 400, 'time: missing unit in duration "10"'),
    (URL, {"delay": "1x"}, 400, "Upstash-Delay"),
    (URL, {"delay": "400d"}, 412, "quota maxDelay exceeded, current limit: 31536000"),
    (URL, {"timeout": "3h"}, 412, "quota maxTimeout exceeded, current limit: 7200"),
    (URL, {"retries": "-1"}, 400, "Upstash-Retries"),
    (URL, {"method": "HEAD"}, 400, "Upstash-Method"),
    (URL, {"callback": "c.example.com"}, 400, BAD_SCHEME),
    (URL, {"flow_control_key": "k", "flow_control_value": "speed=1"}, 400, "speed=1"),
    (URL, {"flow_control_key": "k", "flow_control_value": "period=8d"}, 400, "period"),
    (URL, {"redact_fields": "url"}, 400, "Upstash-Redact-Fields"),
    (URL, {"queue_name": "a/b"}, 400, "Upstash-Queue-Name"),
    (URL, {"callback": URL, "callback_timeout": "5"}, 400, "Upstash-Callback-Timeout"),
]


@pytest.mark.parametrize(("destination", "settings", "status", "text"), REFUSED, ids=str)
def test_what_is_wrong_is_refused_and_nothing_is_stored(
    api: Api, destination: str, settings: dict[str, str], status: int, text: str
) -> None:
    found = error(api.create(destination, **settings))
    assert (found[0], text in found[1]) == (status, True), found
    assert api.get("/v2/schedules") == []


def test_a_name_without_slashes_is_a_url_group(api: Api) -> None:
    api.send("POST", "/v2/topics/g/endpoints", json={"endpoints": [{"url": URL}]})
    assert api.created("g")["destination"] == "g"


def test_redaction_hides_the_named_values_everywhere_and_leaves_the_others(api: Api) -> None:
    """The value becomes REDACTED: and 64 hex digits; the list of fields is not readable."""
    digest = "REDACTED:" + hashlib.sha256(b"Bearer x").hexdigest()
    found = api.created(
        body=b"Bearer x",
        redact_fields="body, header[authorization]",
        forward_authorization="Bearer x",
        forward_x_plain="y",
    )
    assert found["body"] == digest
    assert found["header"] == {"Authorization": [digest], "X-Plain": ["y"]}
    assert api.get("/v2/schedules") == [found]
    assert "redact" not in json.dumps(found)
    everything = api.created(redact_fields="header", forward_a="Bearer x", forward_b="Bearer x")
    assert everything["header"] == {"A": [digest], "B": [digest]}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("collection", ["schedules", "Schedules"])
def test_pause_and_resume_take_post_and_patch_and_repeat_without_effect(
    api: Api, method: str, collection: str
) -> None:
    """The spec says POST, the SDKs send PATCH; the Go SDK writes Schedules."""
    next_time = api.created()["nextScheduleTime"]
    for verb, paused in (("pause", True), ("pause", True), ("resume", False), ("resume", False)):
        response = api.send(method, f"/v2/{collection}/s/{verb}")
        assert (response.status_code, response.content) == (200, b"")
        assert api.schedule()["isPaused"] is paused
        assert api.schedule()["nextScheduleTime"] == next_time


def test_a_deleted_schedule_is_gone(api: Api) -> None:
    api.create()
    assert api.send("DELETE", "/v2/schedules/s/").status_code == 200
    assert error(api.send("GET", "/v2/schedules/s")) == (404, "schedule s not found")


def test_callback_headers_read_back_without_their_prefix(api: Api) -> None:
    found = api.created(
        callback="https://c.example.com",
        callback_method="PUT",
        callback_forward_x_c="1",
        failure_callback="https://f.example.com",
        failure_callback_forward_x_f="2",
    )
    assert found["callbackHeader"] == {"X-C": ["1"]}
    assert found["failureCallbackHeader"] == {"X-F": ["2"]}


def test_the_plan_limits_new_schedules_but_not_overwrites() -> None:
    with an_api(plan="free") as api:
        for number in range(10):
            assert api.create(schedule_id=f"s{number}").is_success
        assert error(api.create(schedule_id="one-more")) == (
            412,
            "quota maxSchedules exceeded, current limit: 10",
        )
        assert api.create(schedule_id="s0").is_success
        assert api.create(schedule_id="s0", body=b"x" * 1_000_001).status_code == 412


def test_a_schedule_with_a_queue_or_a_key_makes_them_only_when_it_fires(api: Api) -> None:
    api.create(queue_name="q", flow_control_key="k", flow_control_value="parallelism=2, rate=3")
    assert api.get("/v2/queues") == []
    assert api.get("/v2/flowControl") == []
    api.server.console.tick("s")
    assert api.get("/v2/queues/q")["parallelism"] == 1
    key = api.get("/v2/flowControl/k")
    assert (key["parallelismMax"], key["rateMax"], key["ratePeriod"]) == (2, 3, 1)
    found = api.schedule()
    assert found["lastScheduleTime"] == int(NOW * 1000)
    assert list(found["lastScheduleStates"].values()) == ["SUCCESS"]


def test_a_paused_schedule_ignores_its_ticks(api: Api) -> None:
    api.create(queue_name="q")
    api.server.console.pause("s")
    api.server.console.tick("s")
    assert api.get("/v2/queues") == []
    assert "lastScheduleTime" not in api.schedule()
