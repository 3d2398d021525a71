"""Whatever is asked of it, the server answers in JSON: odd names, numbers, crons and bodies."""

import json
import random
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from qstash_sync.local import Switches
from tests.local.api import an_api

ROUNDS = 60  # requests under one pair of switches
LONG = "9" * 5_000
TEXTS = [
    "", "0", "-1", "1.5", "x", " ", "é", LONG, "9" * 18, "1e400", "²", "..", "%", "%00", "%ED%A0%80",
    "1s", "1d1d", ".s", f"{LONG}s", f"{'9' * 400}d", f"1.{LONG}s",
    "@daily", "@every 1h", "@every -1h", f"@every {LONG}h", "* * * * *", f"{LONG} * * * *",
    f"*/{LONG} * * * *", f"1-{LONG} * * * *", "0 0 30 2 *", ",,, * * * *", "* * * * * *",
    "CRON_TZ=../../etc/passwd * * * * *", "CRON_TZ=/etc * * * * *", "CRON_TZ=Europe/Berlin",
    "CRON_TZ= * * * * *", "TZ=\x00 * * * * *", "² * * * *",
    "key=", "parallelism=1", f"rate={LONG}", "period=99999999999999d, rate=1",
    "body,header[x]", "header[]", "http://[", "http://[::1", "https://e.com", "https://1.2.3.4.5",
    "https://localhost:99999/", "g", "q/../", "a" * 70_000,
]  # fmt: skip
HEADERS = [
    f"Upstash-{name}"
    for name in (
        "Cron", "Schedule-Id", "Method", "Retries", "Retry-Delay", "Delay", "Timeout", "Callback",
        "Callback-Timeout", "Callback-Retries", "Failure-Callback", "Queue-Name", "Label",
        "Flow-Control-Key", "Flow-Control-Value", "Redact-Fields", "Forward-X", "Forward-",
    )
]  # fmt: skip
VALUES: list[Any] = [
    None, 0, -1, 1.5, True, 10**30, 10**4_000, float("inf"), "x", "\ud800", [], {}, [1], [{}],
    [{"url": None}], [{"url": {"a": 1}}], [{"url": "https://e.com", "name": 7}],
]  # fmt: skip
PATHS = [
    "/v2/schedules", "/v2/schedules/{}", "/v2/schedules/{}/pause",
    "/v2/topics", "/v2/topics/{}", "/v2/topics/{}/endpoints",
    "/v2/queues", "/v2/queues/{}", "/v2/queues/{}/resume",
    "/v2/flowControl", "/v2/flowControl/{}", "/v2/flowControl?search={}",
    "/v2/flowControl/{}/pin?parallelism={}&rate={}&period={}", "/v2/flowControl/{}/unpin?rate={}",
    "/v2/keys", "/v2/publish/{}", "/v2/messages/{}",
]  # fmt: skip


def asked(rng: random.Random, bearer: str) -> httpx.Request:
    """A request of odd pieces."""
    path = rng.choice(PATHS)
    while "{}" in path:
        text = rng.choice(["s", "g", "q", "https://e.com/x", *TEXTS])
        path = path.replace("{}", quote(text, safe="/:") if rng.random() < 0.6 else text, 1)
    names = [*rng.sample(HEADERS, rng.randrange(4)), *["Upstash-Cron"] * (rng.random() < 0.7)]
    headers = [(name, rng.choice(TEXTS)) for name in names]
    body = {key: rng.choice(VALUES) for key in ("parallelism", "paused", "endpoints", "headers")}
    body["queueName"] = rng.choice(["q", *VALUES])
    return httpx.Request(
        rng.choice(["GET", "POST", "PATCH", "DELETE"]),
        "http://local/",
        headers=[(b"Authorization", bearer.encode())]
        + [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers],
        content=json.dumps(body).encode() if rng.random() < 0.8 else b"\xff[",
        extensions={"target": path.encode("latin-1", "replace")},
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_request_has_an_answer(seed: int) -> None:
    rng = random.Random(seed)
    some = [switch for switch in Switches().alternatives() if switch != ("success_body", "text")]
    with an_api(**dict(rng.sample(some, 2))) as api:
        api.create()
        for _ in range(ROUNDS):
            request = asked(rng, api.http.headers["Authorization"])
            response = api.server(request)
            assert not response.content or response.json() is not ...
            assert response.status_code < 500, (request.extensions, request.headers)
        api.server.firings(api.clock.now, api.clock.now + 86_400)
