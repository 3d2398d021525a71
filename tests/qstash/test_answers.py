"""What comes back: everything that is not QStash's answer is one clear error, and shows no secret."""

import base64
import contextlib
import gzip
import html
import json
import logging
import quopri
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.errors import (
    AccountError,
    AuthError,
    BadResponseError,
    RejectedError,
    StrayError,
    UnreachableError,
    WriteForbiddenError,
    WrongRegionError,
)
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, OTHER_REGION_TOKEN, Switches
from qstash_sync.model.resources import Endpoint, Kind, LiveFlowControl, Message, UrlGroup
from qstash_sync.model.steps import (
    DeleteQueue,
    DeleteSchedule,
    DeleteUrlGroup,
    PauseSchedule,
    PutQueue,
    PutSchedule,
    SettleUrlGroup,
    Step,
    UnpinFlowControl,
)
from qstash_sync.qstash.client import Client
from qstash_sync.qstash.mask import WITHHELD, Mask
from tests.fault_server import Fault
from tests.support import World, ids, secret, world as make_world

Handler = Callable[[httpx.Request], httpx.Response]
PUT = PutSchedule(id="a.b", cron="0 9 * * *", message=Message(destination="https://e.com"), labels=("l",))  # fmt: skip
SCHEDULE = {"scheduleId": "s", "cron": "0 9 * * *", "destination": "https://e.com"}
REGION = {"error": "user not found in this region (eu-central-1)"}


def client_of(handler: Handler, token: str = "token-1", **more: Any) -> Client:
    more = {"read_only": False, "sleep": lambda _s: None, **more}
    return Client("http://x", secret(token), transport=httpx.MockTransport(handler), **more)


def answering(response: httpx.Response) -> Handler:
    """The same answer for ever; a fresh one each time, since a response is read once."""
    return lambda _: httpx.Response(
        response.status_code, headers=response.headers, content=response.content
    )


def told(error: pytest.ExceptionInfo[AccountError]) -> str:
    """The message; no chain of exceptions may hang on it, since they quote requests."""
    assert error.value.__cause__ is None
    assert error.value.__context__ is None
    return str(error.value)


# Reading

NOT_JSON = [
    ("html", httpx.Response(200, html="<html>"), "text/html"),
    ("html said to be json", httpx.Response(200, content=b"<html>", headers={"content-type": "application/json"}), "application/json"),
    ("nothing", httpx.Response(200), "(nothing)"),
    ("no type", httpx.Response(200, content=b"x"), "(no content type)"),
    ("a list that is cut off", httpx.Response(200, content=b"[1"), "(no content type); is"),
    ("cut off", httpx.Response(200, content=b'[{"scheduleId": "s", "cr'), "did not answer with JSON"),
    ("not utf-8", httpx.Response(200, content=b'["\xff"]'), "did not answer with JSON"),
    ("millions of nothing", httpx.Response(200, content=b"[" + b"{}," * 3_000_001 + b"{}]"), "did not answer with JSON"),
    ("bottomless", httpx.Response(200, content=b"[" * 100_000), "did not answer with JSON"),
    ("a number too long", httpx.Response(200, content=b"[" + b"9" * 10_000 + b"]"), "did not answer with JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "response", "fact"), NOT_JSON, ids=ids(NOT_JSON))
def test_what_is_not_json_is_said_to_be_no_answer_of_qstash(
    _id: str, response: httpx.Response, fact: str
) -> None:
    with client_of(answering(response)) as client:
        for read in (lambda: client.read({"schedules"}), lambda: client.get(Kind.SCHEDULE, "s")):
            with pytest.raises(BadResponseError, match="is this the address of QStash") as caught:
                read()
            assert fact.replace("did not answer with JSON", "JSON") in told(caught)


@pytest.mark.parametrize(
    "broken", [b"<html>maintenance</html>", b'[{"scheduleId": "s', b""], ids=["html", "cut", "none"]
)
def test_a_page_that_comes_once_is_asked_again(broken: bytes) -> None:
    answers = [httpx.Response(200, content=broken), httpx.Response(200, json=[SCHEDULE])]
    with client_of(lambda _: answers.pop(0)) as client:
        (found,) = client.read({"schedules"}).schedules or ()
    assert found.id == "s"


def test_a_body_that_cannot_be_unpacked_is_one_failed_try() -> None:
    packed = {"content-encoding": "gzip"}
    answers = [
        httpx.Response(200, headers=packed, stream=httpx.ByteStream(b"no gzip")),
        httpx.Response(200, headers=packed, stream=httpx.ByteStream(gzip.compress(b"[]"))),
    ]
    with client_of(lambda _: answers.pop(0)) as client:
        assert client.read({"queues"}).queues == ()


STRANGE: list[tuple[str, dict[str, Any], str]] = [
    ("no id", {"scheduleId": None}, "scheduleId is missing"),
    ("an empty id", {"scheduleId": ""}, "scheduleId is missing"),
    ("a number as id", {"scheduleId": 7}, "scheduleId is a number"),
    ("a text as number", {"retries": "3"}, "retries is a text"),
    ("a fraction", {"retries": 2.5}, "retries is a number with a fraction"),
    ("a truth as number", {"retries": True}, "retries is true or false"),
    ("a text as truth", {"isPaused": "false"}, "isPaused is a text"),
    ("a number as truth", {"isPaused": 0}, "isPaused is a number"),
    ("a text as time", {"nextScheduleTime": "soon"}, "nextScheduleTime is a text"),
    ("a text as timeout", {"timeout": "30s"}, "timeout is a text"),
    ("a number as body", {"body": 5}, "body is a number"),
    ("bad base64", {"bodyBase64": "ab!cd"}, "bodyBase64 is not base64"),
    ("base64 outside ascii", {"bodyBase64": "é"}, "bodyBase64 is not base64"),
    ("labels as text", {"labels": "abc"}, "labels is a text"),
    ("a number as label", {"labels": [1]}, "labels holds a number"),
    ("headers as list", {"header": ["X"]}, "header is a list"),
    ("a header of null", {"header": {"X": None}}, "header X holds null"),
    ("a header of numbers", {"header": {"X": [1]}}, "header X holds a number"),
    ("a flow key of numbers", {"flowControlKey": "k", "rate": "1"}, "rate is a text"),
    ("an object as callback", {"callback": {}}, "callback is an object"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "changes", "fact"), STRANGE, ids=ids(STRANGE))
def test_a_field_of_the_wrong_type_is_named_and_its_value_is_not(
    _id: str, changes: dict[str, Any], fact: str
) -> None:
    with client_of(lambda _: httpx.Response(200, json=[SCHEDULE, SCHEDULE | changes])) as client:
        with pytest.raises(BadResponseError, match="number 2 of /v2/schedules") as caught:
            client.read({"schedules"})
        assert fact in told(caught)


KINDS = [
    ("url_groups", {"name": "g", "endpoints": [{"url": None}]}, "url is missing"),
    ("url_groups", {"name": "g", "endpoints": {}}, "endpoints is an object"),
    ("url_groups", {"name": "g", "endpoints": ["u"]}, "endpoints holds a text"),
    ("url_groups", {}, "name is missing"),
    ("queues", {"name": "q", "parallelism": "1"}, "parallelism is a text"),
    ("queues", {"name": "q", "paused": "no"}, "paused is a text"),
    ("flow_controls", {"flowControlKey": "k", "isPinnedRate": 1}, "isPinnedRate is a number"),
    ("flow_controls", {"flowControlKey": "k", "isPinnedRate": True, "rateMax": "9"}, "rateMax is a text"),
    ("queues", 5, "a number"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "item", "fact"), KINDS)
def test_the_other_kinds_are_held_to_their_types_too(kind: str, item: Any, fact: str) -> None:
    with (
        client_of(lambda _: httpx.Response(200, json=[item])) as client,
        pytest.raises(BadResponseError) as caught,
    ):
        client.read({kind})
    assert fact in told(caught)


def test_null_is_what_is_not_there() -> None:
    """Go may write null for any empty value."""
    keys = ("method", "header", "body", "bodyBase64", "retries", "retryDelayExpression", "timeout",
            "delay", "callback", "failureCallback", "queueName", "flowControlKey", "labels", "label",
            "isPaused", "createdAt", "nextScheduleTime", "lastScheduleTime", "error")  # fmt: skip
    answers = [[SCHEDULE], [SCHEDULE | dict.fromkeys(keys)]]
    with client_of(lambda _: httpx.Response(200, json=answers.pop())) as client:
        assert client.read({"schedules"}) == client.read({"schedules"})


LABELS: list[tuple[dict[str, Any], tuple[str, ...], bool]] = [
    ({}, (), False),
    ({"label": None}, (), False),
    ({"label": ""}, (), False),
    ({"label": "a"}, ("a",), True),
    ({"label": "a,b"}, ("a", "b"), False),
    ({"label": "a", "labels": ["a", "b"]}, ("a", "b"), False),
    ({"labels": []}, (), False),
]


@pytest.mark.parametrize(("shown", "labels", "is_cut"), LABELS)
def test_one_label_may_be_the_first_of_more(
    shown: dict[str, Any], labels: tuple[str, ...], is_cut: bool
) -> None:
    with client_of(lambda _: httpx.Response(200, json=[SCHEDULE | shown])) as client:
        (schedule,) = client.read({"schedules"}).schedules or ()
    assert (schedule.message.labels, schedule.labels_cut) == (labels, is_cut)


LISTED = {
    "schedules": SCHEDULE,
    "url_groups": {"name": "g", "endpoints": []},
    "queues": {"name": "q"},
    "flow_controls": {"flowControlKey": "k"},
}


@pytest.mark.parametrize("kind", ["schedules", "queues"])
def test_a_list_that_is_known_to_come_is_never_null(kind: str) -> None:
    """QStash has [] there: what is null got lost, and is no empty account."""
    with (
        client_of(lambda _: httpx.Response(200, content=b"null")) as client,
        pytest.raises(BadResponseError, match="without a list"),
    ):
        client.read({kind})


@pytest.mark.parametrize("kind", ["url_groups", "flow_controls"])
def test_elsewhere_null_is_an_empty_list_if_it_comes_twice(kind: str) -> None:
    with client_of(lambda _: httpx.Response(200, content=b"null")) as client:
        assert getattr(client.read({kind}), kind) == ()
        assert client.reads == 2
    answers = [b"null", json.dumps([LISTED[kind]]).encode()]
    with client_of(lambda _: httpx.Response(200, content=answers.pop(0))) as client:
        assert len(getattr(client.read({kind}), kind)) == 1


@pytest.mark.parametrize("kind", sorted(LISTED))
@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 206, 207, 208, 226, 299])
def test_a_list_of_any_success_but_200_is_not_all_of_it(kind: str, status: int) -> None:
    """A part of the account, or a proxy's idea of it, would have the rest created again."""
    with client_of(lambda _: httpx.Response(status, json=[])) as client:
        with pytest.raises(BadResponseError, match=f"answered {status}"):
            client.read({kind})
        assert client.reads == 1
        with pytest.raises(BadResponseError, match=f"answered {status}"):
            client.get(Kind.SCHEDULE, "s")


@pytest.mark.parametrize(
    ("status", "is_done"),
    [(201, True), (202, True), (204, True), (203, False), (206, False), (207, False)],
)
def test_a_write_is_done_where_all_of_it_is(status: int, is_done: bool) -> None:
    with client_of(lambda _: httpx.Response(status)) as client:
        if is_done:
            client.write(PauseSchedule(id="s", paused=True))
        else:
            with pytest.raises(BadResponseError, match="no whole answer"):
                client.write(PauseSchedule(id="s", paused=True))


HALVES = [
    ("as bytes", b'["\xed\xa0\x80"]'),
    ("utf-16", '["é"]'.encode("utf-16")),
    ("half a character of utf-16", b'[\x00"\x00\x00\xd8"\x00]\x00'),
    ("with a byte order mark", b"\xef\xbb\xbf[]"),
]


@pytest.mark.parametrize(("_id", "content"), HALVES, ids=ids(HALVES))
def test_an_answer_is_utf_8_and_whole_characters(_id: str, content: bytes) -> None:
    with (
        client_of(lambda _: httpx.Response(200, content=content)) as client,
        pytest.raises(BadResponseError, match="did not answer with JSON"),
    ):
        client.read({"queues"})


def test_half_a_character_of_one_schedule_is_a_question_mark() -> None:
    """It is nobody's that a run is about: the others are read as they are."""
    odd = SCHEDULE | {
        "scheduleId": "odd",
        "body": "\ud800x",
        "label": "\udfff",
        "cron": "1 1 * * \udc00",
    }
    whole = SCHEDULE | {"scheduleId": "whole", "body": "\U0001f511"}
    content = json.dumps([odd, whole]).encode()
    with client_of(lambda _: httpx.Response(200, content=content)) as client:
        first, second = client.read({"schedules"}).schedules or ()
    assert (first.cron, first.message.body) == ("1 1 * * ?", "?x")
    assert second.message.body == "\U0001f511"


def test_what_is_there_is_not_taken_for_the_default() -> None:
    shown = SCHEDULE | {"retries": 0, "isPaused": True, "method": "GET"}
    with client_of(lambda _: httpx.Response(200, json=[shown])) as client:
        (found,) = client.read({"schedules"}).schedules or ()
    assert (found.message.retries, found.paused, found.message.method) == (0, True, "GET")


def test_a_list_that_names_something_twice_is_refused() -> None:
    with (
        client_of(lambda _: httpx.Response(200, json=[SCHEDULE, SCHEDULE])) as client,
        pytest.raises(BadResponseError, match="lists s twice"),
    ):
        client.read({"schedules"})


def test_a_header_in_two_spellings_is_one_header() -> None:
    both = SCHEDULE | {"header": {"x-a": ["1"], "X-A": ["2", "3"]}}
    with client_of(lambda _: httpx.Response(200, json=[both])) as client:
        (found,) = client.read({"schedules"}).schedules or ()
    assert found.message.headers == (("X-A", "1, 2, 3"),)


# One resource


def test_get_reads_one_resource_of_each_kind(world: World) -> None:
    with world.client() as client:
        client.write(PUT)
        client.write(
            SettleUrlGroup(group=UrlGroup(name="g", endpoints=(Endpoint(url="https://e.com"),)))
        )
        client.write(PutQueue(name="q", parallelism=2, paused=True))
        world.account.store.put("flow", "k", {"flowControlKey": "k", "isPaused": True})
        world.account.forget()
        before = client.reads
        live = client.read({"schedules", "url_groups", "queues", "flow_controls"})
        one_by_one = (
            client.get(Kind.SCHEDULE, "a.b"),
            client.get(Kind.URL_GROUP, "g"),
            client.get(Kind.QUEUE, "q"),
            client.get(Kind.FLOW_CONTROL, "k"),
        )
    listed = (live.schedules, live.url_groups, live.queues, live.flow_controls)
    assert listed == tuple((item,) for item in one_by_one)
    assert client.reads - before == 8 == len(world.account.log)


@pytest.mark.parametrize("kind", list(Kind))
def test_get_says_none_only_where_qstash_says_404(kind: Kind, world: World) -> None:
    with world.client(read_only=True) as client:
        assert client.get(kind, "nope") is None
        assert client.reads == 1
    with world.client(token=OTHER_REGION_TOKEN) as client, pytest.raises(WrongRegionError):
        client.get(kind, "nope")
    for page in (
        httpx.Response(404, html="<html>"),
        httpx.Response(404, text="404 page not found"),
    ):
        with client_of(answering(page)) as client, pytest.raises(BadResponseError):
            client.get(kind, "nope")


def test_what_is_absent_costs_no_search_for_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one look before every write: with many secrets a search takes milliseconds."""
    with make_world() as world, world.client() as client:
        monkeypatch.setattr(Mask, "__call__", Mock(side_effect=AssertionError))
        assert client.get(Kind.SCHEDULE, "nope") is None
        client.write(DeleteSchedule(id="nope"))


def test_get_refuses_an_answer_about_something_else() -> None:
    with (
        client_of(lambda _: httpx.Response(200, json=SCHEDULE)) as client,
        pytest.raises(BadResponseError, match="asked for t, QStash answered with s"),
    ):
        client.get(Kind.SCHEDULE, "t")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_address_a_whole_collection_is_never_sent(
    world: World, name: str
) -> None:
    """`DELETE /v2/queues/` and `/v2/queues/..` mean something else than one queue."""
    steps: list[Step] = [DeleteQueue(name=name), DeleteSchedule(id=name), DeleteUrlGroup(name=name)]
    with world.client() as client:
        for step in steps:
            with pytest.raises(RejectedError, match="cannot be addressed"):
                client.write(step)
        with pytest.raises(RejectedError, match="cannot be addressed"):
            client.get(Kind.QUEUE, name)
    assert world.account.log == []


def test_a_flow_control_key_may_have_any_character(world: World) -> None:
    key = "a/b c?d#é%"
    world.account.store.put(
        "flow", key, {"flowControlKey": key, "isPinnedRate": True, "rateMax": 5}
    )
    with world.client() as client:
        client.write(UnpinFlowControl(name=key, rate=True))
        found = client.get(Kind.FLOW_CONTROL, key)
    assert found == LiveFlowControl(name=key)


# Writing


def test_a_page_is_no_success_of_a_write(world: World) -> None:
    """A proxy's page says 200, and nothing was written."""
    world.account.inject(Fault(kind="html", times=2))
    with world.client() as client:
        client.write(PutQueue(name="q", parallelism=3, paused=False))
        assert client.writes == 3
    assert world.account.store.get("queue", "q")
    for kind in ("text/html", "application/json"):
        page = httpx.Response(200, content=b" <html>", headers={"content-type": kind})
        with client_of(answering(page)) as client:
            with pytest.raises(BadResponseError, match=kind) as caught:
                client.write(PauseSchedule(id="s", paused=True))
            assert "is this the address of QStash?" in told(caught)


@pytest.mark.parametrize("body", [b"", b"OK", b"{}", b'"done"', b"null"])
def test_what_a_successful_write_says_is_not_asked_for(body: bytes) -> None:
    with client_of(lambda _: httpx.Response(200, content=body)) as client:
        client.write(PauseSchedule(id="s", paused=True))
        client.write(DeleteSchedule(id="s"))


def test_a_schedule_under_another_id_is_told_and_is_the_last() -> None:
    """As behind a proxy that drops our header: each write would add one more schedule."""
    with client_of(lambda _: httpx.Response(200, json={"scheduleId": "scd_1"})) as client:
        with pytest.raises(StrayError, match=r"written as scd_1, not as a\.b") as caught:
            client.write(PUT)
        assert "delete scd_1" in told(caught)
        for _ in range(3):
            with pytest.raises(StrayError, match="not sent"):
                client.write(PUT)
        assert client.writes == 1


def test_the_first_schedule_goes_alone_and_the_others_side_by_side() -> None:
    """Until one is seen to keep its id; a refusal shows nothing of that."""
    sending, most, sent = 0, [], []
    guard, together = threading.Lock(), threading.Barrier(4)

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal sending
        with guard:
            sending += 1
            most.append(sending)
            sent.append(request.headers["upstash-schedule-id"])
        if len(sent) == 1:
            return_value = httpx.Response(412, json={"error": "quota"})
        else:
            if len(sent) > 2:
                together.wait(10)
            return_value = httpx.Response(
                200, json={"scheduleId": request.headers["upstash-schedule-id"]}
            )
        with guard:
            sending -= 1
        return return_value

    def write(number: int) -> None:
        with contextlib.suppress(RejectedError):
            client.write(replace(PUT, id=f"a.{number}"))

    with client_of(answer) as client, ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert most[:2] == [1, 1]
    assert max(most) == 4
    assert len(sent) == 6


@pytest.mark.parametrize("there", [True, False])
def test_an_answer_without_an_id_is_looked_up(there: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200)
        found = {**SCHEDULE, "scheduleId": "a.b"}
        return (
            httpx.Response(200, json=found) if there else httpx.Response(404, json={"error": "no"})
        )

    with client_of(answer) as client:
        if there:
            client.write(PUT)
            return
        with pytest.raises(StrayError, match="is not there"):
            client.write(PUT)


DELETES: list[Step] = [DeleteSchedule(id="x"), DeleteUrlGroup(name="x"), DeleteQueue(name="x")]


@pytest.mark.parametrize("step", [*DELETES, UnpinFlowControl(name="x", rate=True)], ids=repr)
def test_what_is_gone_already_needs_no_delete(step: Step) -> None:
    missing = Switches(missing_group_delete=404, pin_on_new_key=404)
    with make_world(missing) as world, world.client() as client:
        client.write(step)
    with client_of(lambda _: httpx.Response(404, json={"error": "queue x not found"})) as client:
        client.write(step)


@pytest.mark.parametrize("step", DELETES, ids=repr)
def test_a_delete_that_is_refused_is_not_done(step: Step) -> None:
    with (
        client_of(lambda _: httpx.Response(400, json={"error": "queue in use"})) as client,
        pytest.raises(RejectedError, match="queue in use"),
    ):
        client.write(step)


@pytest.mark.parametrize("step", [*DELETES, PUT, PauseSchedule(id="x", paused=False)], ids=repr)
def test_a_wrong_region_is_never_a_success_nor_an_absence(step: Step) -> None:
    with (
        client_of(lambda _: httpx.Response(404, json=REGION)) as client,
        pytest.raises(WrongRegionError, match="region: us-east-1"),
    ):
        client.write(step)
    with (
        client_of(answering(httpx.Response(404, html="gone"))) as client,
        pytest.raises(BadResponseError),
    ):
        client.write(step)


def test_a_redirect_is_not_followed_and_says_where_to() -> None:
    seen: list[str] = []

    def moved(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(301, headers={"Location": "https://qstash.example.com/v2/queues"})

    with client_of(moved) as client:
        for act in (lambda: client.read({"queues"}), lambda: client.write(PUT)):
            with pytest.raises(BadResponseError, match="redirects to https://qstash") as caught:
                act()
            assert "set QSTASH_URL" in told(caught)
    assert len(seen) == 2


def test_a_refusal_in_html_is_told_as_no_answer_of_qstash() -> None:
    for status in (400, 403, 404, 413):
        with (
            client_of(answering(httpx.Response(status, html="<html>"))) as client,
            pytest.raises(BadResponseError, match=f"{status} .*text/html"),
        ):
            client.read({"queues"})


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_may_not_write_is_told_as_that(status: Any) -> None:
    with make_world(Switches(read_only_write=status)) as world:
        with world.client(token=LOCAL_READ_ONLY_TOKEN) as client:
            client.read({"queues"})
            with pytest.raises(
                AuthError, match=r"read-only token; set a QSTASH_TOKEN that may write$"
            ):
                client.write(PUT)
        assert world.account.store.count("schedule") == 0


def test_every_method_but_get_is_refused_read_only_before_anything_is_sent(world: World) -> None:
    group = SettleUrlGroup(group=UrlGroup(name="g", endpoints=(Endpoint(url="https://e.com"),)))
    with world.client(read_only=True) as client:
        for step in (*DELETES, PUT, group, PauseSchedule(id="x", paused=True)):
            with pytest.raises(WriteForbiddenError):
                client.write(step)
        assert (client.reads, client.writes) == (0, 0)
    assert world.account.log == []


# Secrets

SECRET = 'p@ss/"wörd"<+7>'


CODERS: dict[str, Callable[[str], str]] = {
    "percent": lambda text: quote(text, safe="", errors="replace"),
    "json": lambda text: json.dumps(text)[1:-1],
    "html": html.escape,
    "bytes": lambda text: "".join(f"\\x{b:02x}" for b in text.encode("utf-8", "replace")),
}


def forms(text: str) -> list[tuple[str, str]]:
    data = text.encode()
    return [
        ("as it is", text),
        ("json", json.dumps(text)[1:-1]),
        ("json, utf-8", json.dumps(text, ensure_ascii=False)[1:-1]),
        ("go's json", json.dumps(text)[1:-1].replace("<", r"\u003c").replace(">", r"\u003e")),
        ("percent", quote(text, safe="")),
        ("percent, lower", quote(text, safe="").lower()),
        ("path", quote(text)),
        ("base64", base64.b64encode(data).decode()),
        ("base64 for urls", base64.urlsafe_b64encode(data).decode().rstrip("=")),
        ("base64 behind a user", base64.b64encode(b"me:" + data + b":x").decode()),
        ("base64 behind two letters", base64.b64encode(b"me" + data).decode()),
        ("percent, twice", quote(quote(text, safe=""), safe="")),
        ("percent, three times", quote(quote(quote(text, safe="")), safe="")),
        ("every byte percent", "".join(f"%{b:02X}" for b in data)),
        ("json in json", json.dumps(json.dumps(text))[1:-1]),
        ("json in a query", quote(json.dumps(text)[1:-1], safe="")),
        ("html", html.escape(text)),
        ("html, numbers", "".join(f"&#{ord(c)};" for c in text)),
        ("html, hex", "".join(f"&#x{ord(c):X};" for c in text)),
        ("html in html", html.escape(html.escape(text))),
        ("hex", data.hex()),
        ("hex, upper", data.hex().upper()),
        ("go's bytes", "".join(f"\\x{b:02x}" for b in data)),
        ("go's %+q", text.encode("ascii", "backslashreplace").decode().replace("/", "\\x2f")),
        ("octal", "".join(f"\\{b:03o}" for b in data)),
        ("quoted-printable", quopri.encodestring(data, quotetabs=True).decode().strip()),
        ("javascript", "".join(f"\\u{{{ord(c):x}}}" for c in text)),
        ("python", "".join(f"\\U{ord(c):08x}" for c in text)),
        ("upper case", text.upper()),
        ("bytes as Go prints them", f"[{' '.join(map(str, text.encode()))}]"),
        ("bytes as Python prints them", str([*text.encode()])),
        ("a list in hex", ", ".join(f"0x{byte:02x}" for byte in text.encode())),
        ("hex with colons", text.encode().hex(":")),
        ("HTML without semicolons", "".join(f"&#{ord(c)}" for c in text)),
        ("as `escape` writes it", "".join(f"%u{ord(c):04x}" for c in text)),
        ("base64 of base64", base64.b64encode(base64.b64encode(text.encode())).decode()),
        ("its beginning", text[:8]),
        ("its end", text[-8:]),
        ("out of its middle", f"…{text[2:12]}…"),
        ("its beginning, percent", quote(text, safe="")[:26]),
    ]


@pytest.mark.parametrize(("_id", "form"), forms(SECRET), ids=ids(forms(SECRET)))
def test_a_secret_in_a_servers_text_is_masked_in_every_form(_id: str, form: str) -> None:
    refusal = {"error": f"header X is {form}: refused"}
    with (
        client_of(lambda _: httpx.Response(400, json=refusal), hide=[SECRET]) as client,
        pytest.raises(RejectedError) as caught,
    ):
        client.write(PUT)
    text = told(caught)
    assert (form[6:-6] or form) not in text
    assert text.startswith("QStash answered 400: header X is ")
    assert "(secret)" in text
    assert text.endswith(": refused")


NO_JSON: list[tuple[str, httpx.Response, str]] = [
    ("a word", httpx.Response(502, content=b"bad gateway\n"), "answered 502: no JSON: bad gateway (tried"),
    ("of a type", httpx.Response(503, text="upstream\nis gone"), "503: no JSON (text/plain): upstream is gone (tried"),
    ("long", httpx.Response(500, content=b"x" * 1_000), f"500: no JSON: {'x' * 100}… (tried"),
    ("a page", httpx.Response(502, html="<h1>Bad"), "502: no JSON of QStash's (text/html) (tried"),
    ("data", httpx.Response(500, content=b'[{"a": 1}]'), "500: no JSON of QStash's (tried"),
    ("nothing", httpx.Response(500), "500: no JSON (nothing) (tried"),
    ("a refusal", httpx.Response(404, content=b"no route"), "404 with no JSON: no route; is this the address"),
    ("a secret", httpx.Response(502, content=b"no token-t-77 here"), "no JSON: no (secret) here"),
    ("bytes", httpx.Response(502, content=b"\xff\x1b[31m"), "no JSON: \ufffd\\x1b[31m"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "answer", "says"), NO_JSON, ids=ids(NO_JSON))
def test_a_refusal_that_is_no_json_is_told_as_what_it_begins_with(
    _id: str, answer: httpx.Response, says: str
) -> None:
    with (
        client_of(answering(answer), hide=["token-t-77"]) as client,
        pytest.raises(AccountError) as caught,
    ):
        client.read({"schedules"})
    assert says in told(caught)


ECHOES: list[tuple[str, httpx.Response]] = [
    ("content type of a page", httpx.Response(404, text="x", headers={"Content-Type": "token-t-77/html"})),
    ("content type of a list", httpx.Response(200, text="x", headers={"Content-Type": "x/token-t-77"})),
    ("content type of a failure", httpx.Response(500, text="x", headers={"Content-Type": "token-t-77"})),
    ("name of a header", httpx.Response(200, json=[{"scheduleId": "a", "cron": "* * * * *", "destination": "b", "header": {"token-t-77": [5]}}])),
    ("an id twice", httpx.Response(200, json=[{"scheduleId": "token-t-77", "cron": "* * * * *", "destination": "b"}] * 2)),
    ("address of a redirect", httpx.Response(302, headers={"Location": "https://e.com/?t=token%2Dt%2D77"})),
    ("cut off", httpx.Response(401, json={"error": "invalid token token-t-…"})),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "answer"), ECHOES, ids=ids(ECHOES))
def test_a_token_is_masked_wherever_an_answer_has_it(_id: str, answer: httpx.Response) -> None:
    with (
        client_of(answering(answer), hide=["token-t-77"]) as client,
        pytest.raises(AccountError) as caught,
    ):
        client.read({"schedules"})
    text = told(caught)
    assert "(secret)" in text
    assert "token-t-" not in text.lower()


def test_what_a_token_is_made_of_is_masked_too() -> None:
    """The password inside of it is the secret."""
    made = '{"UserID":"somebody","Password":"local-password"}'
    token = base64.b64encode(made.encode()).decode()
    refusal = httpx.Response(401, json={"error": f"bad {made} of somebody"})
    with (
        client_of(answering(refusal), token=token) as client,
        pytest.raises(AccountError) as caught,
    ):
        client.read({"schedules"})
    assert "local-password" not in told(caught)
    assert "somebody" in told(caught)


@given(
    secret=st.text(min_size=9, max_size=40),
    coders=st.lists(st.sampled_from(sorted(CODERS)), max_size=3),
    around=st.text(alphabet="xyz ", max_size=5),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_part_of_a_secret_is_left_in_any_encoding_of_encodings(
    secret: str, coders: list[str], around: str
) -> None:
    text = f"{around}{secret}{around}"
    for name in coders:
        text = CODERS[name](text)
    shown = Mask([secret])(f"<{text}>")
    assert "(secret)" in shown or shown == WITHHELD
    assert secret.lower() not in shown.lower()


@given(text=st.text(max_size=60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Mask(["\U0001f511secret-of-somebody"])(text) == text


def test_each_line_of_a_long_secret_is_one() -> None:
    key = "-----BEGIN KEY-----\nMIIBOgIBAAJBAKj34Gkx\n-----END KEY-----"
    with client_of(lambda _: httpx.Response(500), hide=[key]) as client:
        assert client.scrub("bad line MIIBOgIBAAJBAKj34Gkx.") == "bad line (secret)."


def test_a_text_without_end_is_not_searched_and_not_shown() -> None:
    with client_of(lambda _: httpx.Response(500), hide=["secret-1"]) as client:
        assert "withheld" in client.scrub("x" * 30_000 + "secret-1")


def test_secrets_that_overlap_leave_no_rest() -> None:
    with client_of(lambda _: httpx.Response(500), hide=["abcdef", "defghi", "ghi-jkl"]) as client:
        assert client.scrub("<abcdefghi-jkl>") == "<(secret)>"


@pytest.mark.parametrize("short", ["", "a", "no"])
def test_a_short_secret_makes_no_confetti(short: str) -> None:
    refusal = {"error": "no, not a b"}
    with (
        client_of(lambda _: httpx.Response(400, json=refusal), hide=[short]) as client,
        pytest.raises(RejectedError) as caught,
    ):
        client.read({"queues"})
    hidden = "QStash answered 400: (its words are withheld: they hold a secret, or no end)"
    assert told(caught) == ("QStash answered 400: no, not a b" if not short else hidden)


def test_a_servers_text_is_one_short_line_of_printable_characters() -> None:
    noise = "a\x1b[31mb\nc\u202ed" + "x" * 5_000
    with (
        client_of(lambda _: httpx.Response(400, json={"error": noise})) as client,
        pytest.raises(RejectedError) as caught,
    ):
        client.read({"queues"})
    assert told(caught).isprintable()
    assert r"a\x1b[31mb c\u202edxxx" in told(caught)
    assert len(told(caught)) < 400


@pytest.mark.parametrize("bad", ["läbel", "a1\nX-Evil: 1", "a1\x00b", " a1", "a1 "])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(world: World, bad: str) -> None:
    message = Message(destination="https://e.com", headers=(("Authorization", secret(bad)),))
    with world.client() as client:
        with pytest.raises(RejectedError, match="Upstash-Forward-Authorization") as caught:
            client.write(PutSchedule(id="s", cron="* * * * *", message=message, labels=("l",)))
        assert bad.strip() not in told(caught)
    assert world.account.log == []


def test_a_destination_that_would_not_arrive_as_written_is_not_sent(world: World) -> None:
    for path in (
        "https://e.com/a/../b",
        "https://e.com/ä",
        "https://e.com/a b",
        "https://e.com/a\nb",
    ):
        step = PutSchedule(id="s", cron="* * * * *", message=Message(destination=path), labels=())
        with world.client() as client:
            with pytest.raises(RejectedError, match="would not arrive as it is written") as caught:
                client.write(step)
            assert "e.com" not in told(caught)
    assert world.account.log == []


@pytest.mark.parametrize("bad", ["tök", "to\nken", "to ken", "", "to\x7fken"])
def test_a_token_that_cannot_be_one_is_refused_without_showing_it(bad: str) -> None:
    with pytest.raises(AuthError, match="QSTASH_TOKEN") as caught:
        client_of(lambda _: httpx.Response(500), token=bad)
    assert not bad or bad not in told(caught)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://x",
        "http://",
        "http://x:port",
        "http://u:pw@x",
        "http://x/?a=1",
        "https://u:pw@x",
    ],
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(UnreachableError, match=r"QSTASH_URL") as caught:
        Client(url, secret("t"), read_only=True)
    assert "pw" not in told(caught)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "foo://proxy"),
        ("HTTPS_PROXY", "http://user:pr0xy-pw@proxy:port"),
        ("ALL_PROXY", "socks5://proxy:1"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
    ],
)
def test_an_environment_that_httpx_cannot_use_is_told(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ("HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.lower(), raising=False)
    monkeypatch.setenv(name, value)
    with (
        Client("https://qstash.example.com", secret("t"), read_only=True) as client,
        pytest.raises(UnreachableError, match=name) as caught,
    ):
        client.read({"queues"})
    assert "pr0xy-pw" not in told(caught)


OPEN = [
    "http://qstash.upstash.io",
    "HTTP://10.0.0.1:8080",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://[fe80::1]",
    "http://0.0.0.0",
    "http://2130706433",
    "http://qstash.localhost",  # whoever answers for the DNS may say where that is
]


@pytest.mark.parametrize("url", OPEN)
def test_a_token_never_leaves_this_machine_in_clear(url: str) -> None:
    with pytest.raises(UnreachableError, match="the token in clear; set QSTASH_URL to https"):
        Client(url, secret("t"), read_only=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.1.2.3"],
)
def test_on_this_machine_it_may_be_plain_and_no_proxy_is_asked(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.com:3128")
    with (
        Client(f"http://{host}", secret("t"), read_only=True) as client,
        client._connections.one() as connection,
    ):
        assert not connection.http.trust_env
        assert connection.http._mounts == {}


@pytest.mark.parametrize(
    "url", ["https://qstash.example.com", "HTTPS://qstash.example.com", "http://localhost"]
)
def test_certificates_are_always_checked(url: str) -> None:
    """However the address is spelled."""
    with Client(url, secret("t"), read_only=True) as client:
        trusted = client._connections.trusted()
        assert trusted.verify_mode is ssl.CERT_REQUIRED
        assert trusted.check_hostname


@pytest.mark.parametrize(
    ("url", "times"),
    [("https://q.example.com", 1), ("HTTPS://q.example.com", 1), ("http://127.0.0.1", 0)],
)
def test_certificates_are_read_once_and_only_where_they_are_needed(
    url: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Mock(wraps=httpx.create_ssl_context)
    monkeypatch.setattr(httpx, "create_ssl_context", create)
    with Client(url, secret("t"), read_only=True) as client:
        with client._connections.one(), client._connections.one():
            pass
        assert create.call_count == times
        assert bool(client._connections.trusted().get_ca_certs()) == bool(times), (
            "without any, nobody is trusted"
        )


@pytest.mark.parametrize("tail", ["", "/", "/v2", "/v2/", "/v2/publish", "//"])
def test_an_address_may_end_as_the_sdks_take_it(world: World, tail: str) -> None:
    with (
        Client(
            f"http://local{tail}",
            secret("x"),
            read_only=True,
            transport=httpx.MockTransport(lambda r: httpx.Response(200, json=[str(r.url)])),
        ) as client,
        pytest.raises(BadResponseError, match="number 1 of /v2/queues"),
    ):
        client.read({"queues"})
    assert client.url == "http://local"


def test_what_httpx_says_is_shown_without_secrets() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['authorization']!r}")

    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route for {request.headers['authorization']}")

    def quote(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("Illegal header value b't\\x6fk-en-123'")

    for handler in (fail, lose, quote):
        with client_of(handler, token="tok-en-123") as client:
            with pytest.raises(UnreachableError) as caught:
                client.read({"queues"})
            assert "k-en-123" not in told(caught)


def test_the_loggers_of_httpx_stay_silent(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """They log addresses, and httpcore's even headers."""
    with caplog.at_level(logging.DEBUG), world.client() as client:
        client.write(PUT)
        client.read({"schedules"})
    assert [r for r in caplog.records if r.name.startswith(("httpx", "httpcore"))] == []
