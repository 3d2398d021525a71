"""The table of settings: what it drives stays as it was written, and a new row is all it takes."""

from dataclasses import replace
from typing import Any

import pytest

from qstash_sync.crons.gap_and_fold import Job
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
from qstash_sync.qstash import wire
from qstash_sync.reconcile import mark

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
NEW_MARKS = {
    "plain": "qsync1-a984-1of2-5029f4dcabb9-d90c8c362c10-000000000000",
    "full": "qsync1-a984-1of2-da2518be0185-d90c8c7d9c52-1114e8a565aa-s",
    "secrets in clear": "qsync1-a984-1of2-ba68ada6f95d-d90c8c438afc-7d7ee7236b97-s",
    "bytes": "qsync1-a984-1of2-af4c711ec953-d90c8c7c8ee9-000000000000",
    "list body": "qsync1-a984-1of2-d7488cb3d566-d90c8c4f1a5c-000000000000",
    "empty mapping": "qsync1-a984-1of2-17e32f7e5373-d90c8c0b8f8b-000000000000",
    "hidden empty mapping": "qsync1-a984-1of2-9d5d6189de58-d90c8cf239ea-000000000000",
    "text body": "qsync1-a984-1of2-177c45bf6836-d90c8c3baf3b-000000000000",
}
MARKS = {  # of the first releases
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


def declared(message: Message) -> mark.Declared:
    return mark.Declared(schedule(message), "billing", "production")


CRON = "0 8 * 1-3,11,12 1-5"


def marked(message: Message) -> mark.Mark:
    return declared(message).mark("billing.a", CRON, part=1, parts=2, paused=False)


@pytest.mark.parametrize("name", MESSAGES)
def test_marks_of_the_first_releases_are_still_understood(name: str) -> None:
    old, now = mark.parse([MARKS[name]]), declared(MESSAGES[name])
    assert old is not None
    ours = marked(MESSAGES[name])
    assert now.wrote(old, now.view, CRON)
    assert old._replace(readable="") == ours._replace(
        readable="", definition=now.former_definition, exposed=False
    )
    assert now.defines(old)
    assert not now.times_moved(old)
    assert not now.settings_moved(old)


@pytest.mark.parametrize("name", MESSAGES)
def test_marks_that_are_in_accounts_stay_as_they_are(name: str) -> None:
    assert str(marked(MESSAGES[name])) == NEW_MARKS[name]


def test_how_a_secret_is_spelt_is_no_part_of_a_definition() -> None:
    """Known or not, alone or within other text: it is a secret there, and no more."""
    other = Secret((Piece("Bearer "), Piece("else", hidden=True)))
    texts = (TOKEN, UNKNOWN, Secret((Piece("", hidden=True),)), other)
    for change in (
        lambda text: {"headers": (("X", text),)},
        lambda text: {"destination": text},
        lambda text: {"body": text} if text.known and text.reveal() else {},
        lambda text: {"callback": Callback(url=text, headers=(("X", text),))},
    ):
        found = {
            declared(replace(MESSAGES["plain"], **made)).definition
            for text in texts
            if (made := change(text))
        }
        assert len(found) == 1


def test_the_halves_of_a_definition_tell_times_from_settings() -> None:
    before = declared(MESSAGES["plain"])
    found = marked(MESSAGES["plain"])
    other = declared(replace(MESSAGES["plain"], redact=Redact(body=True)))
    assert (other.times_moved(found), other.settings_moved(found)) == (False, True)
    late = replace(
        before.schedule, timing=Timing(job=Job((parse("1 9 * * 1-5"),), "Europe/Berlin"))
    )
    moved = mark.Declared(late, "billing", "production")
    assert (moved.times_moved(found), moved.settings_moved(found)) == (True, False)


def test_a_request_has_the_headers_of_the_table_and_their_order() -> None:
    step = PutSchedule(id="billing.a", cron="0 9 * * *", message=FULL, labels=("m", "one"))
    assert list(wire.put_schedule(step).headers) == HEADERS
