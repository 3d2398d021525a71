"""The table of settings: what it drives stays as it was written, and a new row is all it takes."""

from dataclasses import replace
from typing import Any

import pytest

from qstash_sync.crons.firings import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model.resources import (
    Callback,
    FlowUse,
    Message,
    Piece,
    Redact,
    Schedule,
    Secret,
    Timing,
)
from qstash_sync.model.steps import PutSchedule
from qstash_sync.plan import mark
from qstash_sync.qstash import wire

TOKEN = Secret((Piece("Bearer "), Piece("s3cret", hidden=True)))
UNKNOWN = Secret((Piece("", hidden=True, known=False),))
FULL = Message(
    destination="https://e.example.com/x?y=1",
    method="PUT",
    headers=(("Authorization", TOKEN), ("Content-Type", "application/json"), ("X-A", "ü")),
    body='{"a": [1, true, null], "b": {"__typename": "A"}}',
    retries=0,
    retry_delay="1000 * (1 + retried)",
    timeout=30,
    delay=10,
    callback=Callback(
        url="https://e.example.com/cb", method="GET", headers=(("X-B", TOKEN),), retries=0,
        timeout=5, retry_delay="7",
    ),
    failure_callback=Callback(url=Secret((Piece("https://e.example.com/"), Piece("f", hidden=True)))),
    queue="q",
    flow_control=FlowUse(key="k", parallelism=2, rate=3, period=60),
    labels=("one", "two"),
    redact=Redact(body=True, headers=("Authorization",)),
)  # fmt: skip
MESSAGES: dict[str, Message] = {
    "plain": Message(destination="https://e.example.com"),
    "full": FULL,
    "secrets in clear": replace(FULL, redact=Redact(), labels=()),
    "bytes": Message(destination="orders", body=b"\xff\x00", retries=3),
    "list body": Message(destination="orders", body="[1, 2]", redact=Redact(all_headers=True)),
    "empty mapping": Message(destination="orders", body="{}"),
    "hidden empty mapping": Message(destination="orders", body=b"{ }", redact=Redact(body=True)),
    "text body": Message(destination="orders", body="{not json", delay=1),
}
# Marks are in people's accounts: a changed digest would make every schedule there drift.
MARKS = {
    "plain": "qsync1-a984-1of2-5029f4dcabb9-9b607fab3dd5-000000000000",
    "full": "qsync1-a984-1of2-da2518be0185-3a34ddbc7741-1114e8a565aa",
    "secrets in clear": "qsync1-a984-1of2-ba68ada6f95d-17c293ccc2aa-7d7ee7236b97",
    "bytes": "qsync1-a984-1of2-bf28be212dbf-af45a1ab1fcf-000000000000",
    "list body": "qsync1-a984-1of2-ad9af630f7b6-24bc427ac8c0-000000000000",
    "empty mapping": "qsync1-a984-1of2-45c35e5f4b08-e2a5aae061bc-000000000000",
    "hidden empty mapping": "qsync1-a984-1of2-9d5d6189de58-cafb5a3c8663-000000000000",
    "text body": "qsync1-a984-1of2-177c45bf6836-218a3a0e867c-000000000000",
}
HEADERS = [
    ("Upstash-Cron", "0 9 * * *"),
    ("Upstash-Schedule-Id", "billing.a"),
    ("Upstash-Method", "PUT"),
    ("Upstash-Retries", "0"),
    ("Upstash-Retry-Delay", "1000 * (1 + retried)"),
    ("Upstash-Timeout", "30s"),
    ("Upstash-Delay", "10s"),
    ("Upstash-Queue-Name", "q"),
    ("Upstash-Label", "m,one"),
    ("Upstash-Callback", "https://e.example.com/cb"),
    ("Upstash-Callback-Method", "GET"),
    ("Upstash-Callback-Retries", "0"),
    ("Upstash-Callback-Timeout", "5s"),
    ("Upstash-Callback-Retry-Delay", "7"),
    ("Upstash-Callback-Forward-X-B", "Bearer s3cret"),
    ("Upstash-Failure-Callback", "https://e.example.com/f"),
    ("Upstash-Failure-Callback-Method", "POST"),
    ("Upstash-Flow-Control-Key", "k"),
    ("Upstash-Flow-Control-Value", "parallelism=2, rate=3, period=60s"),
    ("Upstash-Redact-Fields", "body,header[Authorization]"),
    ("Upstash-Forward-Authorization", "Bearer s3cret"),
    ("Content-Type", "application/json"),
    ("Upstash-Forward-X-A", "ü"),
]


def schedule(message: Message, **more: Any) -> Schedule:
    job = Job(crons=(parse("0 9 * * 1-5"),), timezone="Europe/Berlin")
    return Schedule(name="a", id="billing.a", timing=Timing(job=job), message=message, **more)


def marked(message: Message) -> str:
    declared = mark.Declared(schedule(message), "billing", "production")
    return str(declared.mark("0 8 * 1-3,11,12 1-5", part=1, parts=2, paused=False))


@pytest.mark.parametrize("name", MESSAGES)
def test_marks_that_are_in_accounts_stay_as_they_are(name: str) -> None:
    assert marked(MESSAGES[name]) == MARKS[name]


def test_a_secret_that_is_not_known_has_the_definition_of_one_that_is() -> None:
    known, unknown = (replace(MESSAGES["plain"], headers=(("X", t),)) for t in (TOKEN, UNKNOWN))
    same = replace(known, headers=(("X", Secret((Piece("", hidden=True),))),))
    assert mark.definition(schedule(unknown)) == mark.definition(schedule(same))
    assert mark.definition(schedule(known)) != mark.definition(schedule(unknown))


def test_a_request_has_the_headers_of_the_table_and_their_order() -> None:
    step = PutSchedule(id="billing.a", cron="0 9 * * *", message=FULL, labels=("m", "one"))
    assert list(wire.put_schedule(step).headers) == HEADERS
