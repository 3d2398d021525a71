"""The fast path of the comparison says no more than the slow one, whatever the values are."""

import base64
import random
from dataclasses import fields, replace
from typing import Any

import pytest

from qstash_sync.model.resources import (
    MASK,
    Callback,
    Endpoint,
    FlowUse,
    LiveUrlGroup,
    Message,
    Piece,
    Redact,
    Secret,
    Text,
    UrlGroup,
    is_known,
    plain,
)
from qstash_sync.qstash import wire
from qstash_sync.reconcile import canonical, diff
from tests.support import secret

SEED = 20261126
TEXTS = [
    "",
    "a",
    "REDACTED:00",
    "(redacted)",
    "(secret)",
    "(unknown secret)",
    "__x",
    "ü",
    "1",
    "{",
    "[]",
]
BODIES: list[bytes | Text | None] = [
    None, "", "{}", "[1]", '{"json": [1]}', '{"__typename": "A"}', '{"a": 1}', '{"a": true}',
    '{"a":1}', b"\xff", '{"base64": "/w=="}', b"{}", "REDACTED:1", "null", "[", '{"a": 1e400}',
    '{"a": [], "b": {}}', '{"__a": [{"__b": null}]}', '{"__a": [{"__b": 0}]}', "[[]]", b"[[]] ",
]  # fmt: skip


class Maker:
    """Random messages with the values that nobody thinks of."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def text(self) -> Text:
        text = self.rng.choice(TEXTS)
        kind = self.rng.randrange(6)
        if kind == 0:
            return Secret((Piece("x"), Piece(text, hidden=True)))
        return Secret((Piece("", hidden=True, known=False),)) if kind == 1 else text

    def message(self) -> Message:
        pick = self.rng.choice
        names = sorted(self.rng.sample(["Authorization", "Content-Type", "X-A", "Upstash-X"], 2))
        body = pick(BODIES)
        if isinstance(body, str) and pick([True, False, False]):
            body = Secret((Piece(body, hidden=True),))
        return Message(
            destination=pick(["https://e.com", self.text()]),
            method=pick(["POST", "GET"]),
            headers=tuple((name, self.text()) for name in names[: pick([0, 1, 2])]),
            body=body,
            retries=pick([0, 3]),
            timeout=pick([None, 1, 1000]),
            delay=pick([0, 5]),
            callback=pick([None, Callback(url=self.text(), retries=pick([None, 0]))]),
            queue=pick([None, "q"]),
            flow_control=pick([None, FlowUse(key="k"), FlowUse(key="k", rate=1, period=60)]),
            labels=pick([(), ("a",)]),
            redact=pick([Redact(), Redact(body=True), Redact(headers=("X-A",))]),
        )

    def stored(self, message: Message) -> Message:
        """What comes back of a message, through the parser of answers, with an edit now and then."""
        data: dict[str, Any] = {
            "scheduleId": "i", "cron": "* * * * *",
            "destination": _known(message.destination) or "d", "method": message.method,
            "retries": message.retries, "timeout": message.timeout, "delay": message.delay,
            "queueName": message.queue, "labels": list(message.labels),
            "header": {
                self.rng.choice([name, name.lower(), name.upper()]): [
                    "REDACTED:h" if message.redact.hides(name) else _known(value)
                ]
                for name, value in message.headers
            },
        }  # fmt: skip
        if self.rng.random() < 0.1:  # somebody's, of which the file says nothing
            name = self.rng.choice(["Upstash-Forward-X", "UPSTASH-X", "__x", "x-a"])
            data["header"][name] = self.rng.choice([["a"], [], ["a", "b"], ["REDACTED:1"]])
        if message.body is not None:
            body = (
                message.body if isinstance(message.body, bytes) else _known(message.body).encode()
            )
            if message.redact.body and body:
                data["body"] = "REDACTED:b"
            elif self.rng.random() < 0.5:
                data["bodyBase64"] = base64.b64encode(body).decode()
            else:
                data["body"] = body.decode(errors="replace")
        if message.callback:
            data["callback"] = _known(message.callback.url)
        use = message.flow_control
        if use:
            data |= {"flowControlKey": use.key, "rate": use.rate or 0, "period": use.period or 0}
        if self.rng.random() < 0.5:
            data["timeout"] = self.rng.choice([None, 1, 1000])
        return wire.schedule(data).message


def _known(text: Text) -> str:
    return plain(text) if is_known(text) else "unknown"


@pytest.mark.parametrize("seed", range(SEED, SEED + 20))
def test_what_is_as_declared_has_equal_views_and_no_field_changes(seed: int) -> None:
    make = Maker(seed)
    alike = 0
    for _ in range(400):
        desired = make.message()
        live = make.stored(desired if make.rng.random() < 0.8 else make.message())
        if canonical.is_as_declared(live, desired, live.labels):
            alike += 1
            views = canonical.of_message(live), canonical.of_message(desired)
            assert views[0].text == views[1].text, (seed, live, desired)
            assert not diff.compare(*views, diff.Trust.PLAIN), (seed, live, desired)
    assert alike > 40


OTHER: dict[str, Any] = {
    "destination": "https://other.com", "method": "PUT", "headers": (("X-A", "2"),), "body": "other",
    "retries": 4, "retry_delay": "1000", "timeout": 9, "delay": 9, "queue": "other",
    "callback": Callback(url="https://other.com"), "failure_callback": None,
    "flow_control": FlowUse(key="other"), "labels": ("other",),
}  # fmt: skip


def test_no_field_of_a_message_is_overlooked_by_either_way() -> None:
    """A new field must be put here: the fast path would say of it that all is well."""
    message = Message(
        destination="https://e.com", headers=(("X-A", "1"),), body="{}", queue="q", labels=("a",),
        callback=Callback(url="https://c.com"), failure_callback=Callback(url="https://f.com"),
        flow_control=FlowUse(key="k", parallelism=1),
    )  # fmt: skip
    shown = {field.name for field in fields(Message)} - {"redact"}  # which is not read back
    assert shown == OTHER.keys()
    assert canonical.is_as_declared(message, message, message.labels)
    for name, other in OTHER.items():
        live = replace(message, **{name: other})
        assert not canonical.is_as_declared(live, message, live.labels), name
        assert not canonical.is_as_declared(message, live, message.labels), name
        assert diff.compare(
            canonical.of_message(live), canonical.of_message(message), diff.Trust.PLAIN
        ), name
    for use in (None, FlowUse(key="k"), FlowUse(key="k", parallelism=1, rate=1)):
        live = replace(message, flow_control=use)
        assert not canonical.is_as_declared(live, message, live.labels), use


def test_an_empty_mapping_and_no_body_are_two_things() -> None:
    live, desired = Message(destination="d"), Message(destination="d", body="{}")
    (change,) = diff.compare(
        canonical.of_message(live), canonical.of_message(desired), diff.Trust.PLAIN
    )
    assert (change.path, change.after) == ("body", {})


def test_a_key_that_begins_with_two_underscores_is_a_change() -> None:
    """GraphQL has `__typename`; deepdiff calls such keys private and leaves them out."""
    live, desired = (Message(destination="d", body=f'{{"__typename": "{v}"}}') for v in "AB")
    (change,) = diff.compare(
        canonical.of_message(live), canonical.of_message(desired), diff.Trust.PLAIN
    )
    assert (change.path, change.before, change.after) == ("body.__typename", "A", "B")


def test_what_a_create_sets_is_what_a_comparison_with_nothing_would_show() -> None:
    for seed in range(SEED, SEED + 200):
        view = canonical.of_message(replace(Maker(seed).message()))
        slow = diff.compare(canonical.View({}, {}), view, diff.Trust.PLAIN)
        assert [(c.path, c.after) for c in diff.created(view)] == [(c.path, c.after) for c in slow]


def test_endpoints_without_a_name_are_told_by_what_may_be_shown_of_their_url() -> None:
    """Two secrets look alike: the second one has a number."""
    urls: list[Text] = ["https://a.com", *(secret(f"https://{n}.com") for n in "cb")]
    group = UrlGroup(
        name="g",
        endpoints=(*(Endpoint(url=url) for url in urls), Endpoint(url="https://d.com", name="n")),
    )
    view = canonical.of_group(group)
    assert view.values["endpoints"] == {
        "(unnamed) https://a.com": "https://a.com",
        f"(unnamed) {MASK}": "https://b.com",
        f"(unnamed) {MASK} (2)": "https://c.com",
        "n": "https://d.com",
    }
    assert view.shown["endpoints"][f"(unnamed) {MASK} (2)"] == MASK


def test_live_endpoints_have_the_keys_of_the_declared_ones_with_their_url() -> None:
    declared = UrlGroup(
        name="g", endpoints=(Endpoint(url="https://a.com"), Endpoint(url=secret("https://b.com")))
    )
    live = LiveUrlGroup(
        name="g",
        endpoints=tuple(Endpoint(url=f"https://{n}.com") for n in "xbay"),
    )
    assert canonical.of_group(live, declared).values["endpoints"] == {
        "(unnamed) https://a.com": "https://a.com",
        f"(unnamed) {MASK}": "https://b.com",
        "(unnamed)": "https://x.com",
        "(unnamed) (2)": "https://y.com",
    }
    assert not diff.compare(
        canonical.of_group(replace(live, endpoints=live.endpoints[1:3]), declared),
        canonical.of_group(declared),
        diff.Trust.UNKNOWN,
    )
