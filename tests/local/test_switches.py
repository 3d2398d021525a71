"""Each switch changes what it says, and only then."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, Switches
from tests.local.api import NOW, URL, Api, an_api

A = "https://a.example.com"


def status(method: str, path: str, **more: Any) -> Callable[[Api], int]:
    return lambda api: api.send(method, path, **more).status_code


def shown(key: str, **settings: str) -> Callable[[Api], Any]:
    return lambda api: api.created(**settings).get(key)


def overwritten(key: str) -> Callable[[Api], Any]:
    def probe(api: Api) -> Any:
        api.create()
        api.server.console.tick("s")
        api.server.console.pause("s")
        api.clock.now += 60
        return api.created().get(key)

    return probe


def read_only(api: Api) -> int:
    api.http.headers["Authorization"] = f"Bearer {LOCAL_READ_ONLY_TOKEN}"
    return api.create().status_code


def read_only_keys(api: Api) -> int:
    api.http.headers["Authorization"] = f"Bearer {LOCAL_READ_ONLY_TOKEN}"
    return api.send("GET", "/v2/keys").status_code


def endpoint(method: str, item: dict[str, str]) -> Callable[[Api], Any]:
    def probe(api: Api) -> Any:
        api.send("POST", "/v2/topics/g/endpoints", json={"endpoints": [{"url": A, "name": "a"}]})
        sent = api.send(method, "/v2/topics/g/endpoints", json={"endpoints": [item]})
        return len(api.get("/v2/topics/g")["endpoints"]) if sent.is_success else sent.status_code

    return probe


def limited(read: Callable[[Any], Any]) -> Callable[[Api], Any]:
    def probe(api: Api) -> Any:
        responses = [api.send("GET", "/v2/keys") for _ in range(1001)]
        return read(responses[-1])

    return probe


def reset(response: Any) -> Any:
    return response.headers.get("Burst-RateLimit-Reset")


def queue_after_upsert(api: Api) -> bool:
    for more in ({"paused": True}, {}):
        api.send("POST", "/v2/queues", json={"queueName": "q", **more})
    return bool(api.get("/v2/queues/q")["paused"])


def queues(api: Api) -> int:
    api.create(queue_name="q")
    return len(api.get("/v2/queues"))


def pinned(api: Api) -> int:
    api.send("POST", "/v2/flowControl/k/pin?parallelism=1")
    return api.send("GET", "/v2/flowControl/k").status_code


def flow_field(api: Api) -> Any:
    api.send("POST", "/v2/flowControl/k/pin?parallelism=1")
    assert api.get("/v2/flowControl/k")["rateMax"] == 0  # of one key it always shows
    (key,) = api.get("/v2/flowControl")
    return key.get("rateMax")


def listed(api: Api) -> str:
    for name in "abcdef":
        api.create(schedule_id=name)
    return "".join(schedule["scheduleId"] for schedule in api.get("/v2/schedules"))


def digest_of(api: Api) -> bool:
    found = api.created(body=b"", forward_x="", redact_fields="header")["header"]["X"]
    return bool(found == ["REDACTED:" + hashlib.sha256(b"").hexdigest()])


def creates(destination: str = URL, **settings: str) -> Callable[[Api], int]:
    return lambda api: api.create(destination, **settings).status_code


def most_at_once(api: Api) -> Any:
    return api.get("/v2/globalParallelism")["parallelismMax"]


def schedules(api: Api) -> int:
    for number in range(11):
        api.create(schedule_id=f"s{number}")
    return len(api.get("/v2/schedules"))


def stored_id(api: Api) -> str:
    made: str = api.create().json()["scheduleId"]
    assert [item["scheduleId"] for item in api.get("/v2/schedules")] == [made]
    return made[:4]


def first_firing(api: Api) -> float:
    api.create(cron="* * * * *")
    assert api.schedule()["nextScheduleTime"] > (NOW + api.server.switches.activation_lag) * 1000
    return api.server.firings(NOW, NOW + 3600)[0][0] * 60 - NOW


RESET = str(int(NOW) + 1)
LIMIT = {"burst_limit": 1000}
CALLBACK = {"callback": A, "callback_method": "PUT", "callback_forward_x": "1"}
KEY = {"flow_control_key": "k"}
# (switch, its value, other switches, what to look at, under the default, under the value)
PROBES: list[tuple[str, Any, dict[str, Any], Callable[[Api], Any], Any, Any]] = [
    ("overwrite_keeps_pause", False, {}, overwritten("isPaused"), True, False),
    ("overwrite_keeps_created_at", False, {}, overwritten("createdAt"), NOW * 1e3, NOW * 1e3 + 6e4),
    ("overwrite_keeps_last_run", True, {}, overwritten("lastScheduleTime"), None, NOW * 1e3),
    ("missing_schedule_delete", 200, {}, status("DELETE", "/v2/schedules/s"), 404, 200),
    ("missing_schedule_pause", 200, {}, status("PATCH", "/v2/schedules/s/pause"), 404, 200),
    ("missing_group_delete", 404, {}, status("DELETE", "/v2/topics/g"), 200, 404),
    (
        "missing_group_endpoints", 200, {},
        status("DELETE", "/v2/topics/g/endpoints", json={"endpoints": [{"url": A}]}), 404, 200,
    ),
    ("missing_endpoint_delete", 404, {}, endpoint("DELETE", {"url": URL}), 1, 404),
    ("missing_queue_pause", 200, {}, status("POST", "/v2/queues/q/pause"), 404, 200),
    ("read_only_write", 401, {}, read_only, 403, 401),
    ("read_only_keys", 403, {}, read_only_keys, 200, 403),
    ("read_only_keys", 401, {}, read_only_keys, 200, 401),
    ("plan", "free", {}, schedules, 11, 10),
    ("plan", "fixed_1m", {}, most_at_once, 100, 200),
    ("plan", "fixed_10m", {}, most_at_once, 100, 1000),
    ("plan", "none", {}, creates(delay="999d"), 412, 200),
    ("burst_limit", 1000, {}, limited(lambda response: response.status_code), 200, 429),
    ("burst_headers", False, LIMIT, limited(reset), RESET, None),
    ("burst_reset_unit", "ms", LIMIT, limited(reset), RESET, RESET + "000"),
    ("rate_headers", True, {}, lambda api: reset(api.send("GET", "/v2/keys")), None, RESET),
    ("check_destinations", True, {}, creates("http://localhost:3000"), 200, 400),
    ("unknown_group", 200, {}, creates("g"), 404, 200),
    ("queue_from_schedule", True, {}, queues, 0, 1),
    ("descriptors", False, {}, creates(cron="@hourly"), 200, 400),
    ("empty_headers", "refused", {}, creates(callback=""), 200, 400),
    ("redact_spelling", "header", {}, creates(redact_fields="headers"), 200, 400),
    ("activation_lag", 60, {}, first_firing, 0, 60),
    ("endpoint_match", "url", {}, endpoint("POST", {"url": A, "name": "n"}), 2, 1),
    ("queue_paused_omitted", "keep", {}, queue_after_upsert, False, True),
    ("pin_on_new_key", 404, {}, status("POST", "/v2/flowControl/k/pin?rate=1"), 200, 404),
    ("idle_pins_vanish", True, {}, pinned, 200, 404),
    ("timeout_unit", "ms", {}, shown("timeout", timeout="90s"), 90, 90_000),
    ("redact_digest", "hmac", {}, digest_of, True, False),
    ("parallelism_zero_shown", False, {}, shown("parallelism"), 0, None),
    ("retries_zero_shown", False, {}, shown("retries", retries="0"), 0, None),
    ("period_default_shown", False, {}, shown("period", **KEY), 1, None),
    ("flow_zeros_shown", False, {}, flow_field, 0, None),
    ("caller_key", "callerIp", {}, shown("callerIp"), None, "127.0.0.1"),
    ("labels_shown", "none", {}, shown("label", label="a"), "a", None),
    ("labels_shown", "first", {}, shown("labels", label="a,b"), ["a", "b"], None),
    ("labels_shown", "joined", {}, shown("label", label="a, b"), "a", "a,b"),
    (
        "callback_header_shown", "all", {}, shown("callbackHeader", **CALLBACK),
        {"X": ["1"]}, {"X": ["1"], "Method": ["PUT"]},
    ),
    ("callback_header_shown", "none", {}, shown("callbackHeader", **CALLBACK), {"X": ["1"]}, None),
    ("next_time", "absent", {}, shown("nextScheduleTime"), 1_795_510_800_000, None),
    ("next_time", "wrong", {}, shown("nextScheduleTime"), 1_795_510_800_000, 1_795_490_100_000),
    ("success_body", "text", {}, lambda api: api.send("DELETE", "/v2/queues/q").text, "", "OK"),
    ("success_body", "json", {}, lambda api: api.send("DELETE", "/v2/queues/q").text, "", "{}"),
    ("flow_list", 404, {}, status("GET", "/v2/flowControl"), 200, 404),
    ("schedule_id_kept", False, {}, stored_id, "s", "scd_"),
    ("empty_list", "null", {}, lambda api: api.send("GET", "/v2/topics").text, "[]", "null"),
    ("list_order", "reverse", {}, listed, "abcdef", "fedcba"),
    ("list_order", "random", {}, listed, "abcdef", "ecbafd"),
    ("list_seed", 1, {"list_order": "random"}, listed, "ecbafd", "cdfaeb"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("switch", "value", "others", "probe", "usual", "changed"),
    PROBES,
    ids=[f"{switch}={value}" for switch, value, *_ in PROBES],
)
def test_a_switch_changes_what_it_says(
    switch: str,
    value: Any,
    others: dict[str, Any],
    probe: Callable[[Api], Any],
    usual: Any,
    changed: Any,
) -> None:
    with an_api(**others) as api:
        assert probe(api) == usual
    with an_api(**others, **{switch: value}) as api:
        assert probe(api) == changed


def test_every_value_of_every_switch_has_a_probe() -> None:
    assert set(Switches().alternatives()) == {(probe[0], probe[1]) for probe in PROBES}


def test_alternatives_are_seen_from_the_values_that_are_set() -> None:
    switches = Switches().with_(endpoint_match="url")
    assert ("endpoint_match", "name") in set(switches.alternatives())
    assert Switches.values()["success_body"] == ("empty", "text", "json")
