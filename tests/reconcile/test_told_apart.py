"""The key of twins says what comparing each pair of them says."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from qstash_sync.model.resources import Callback, FlowUse, Message, Redact
from qstash_sync.reconcile import twins

BASE = Message(destination="https://e.example.com/x", method="POST")
DIGESTS = ("REDACTED:00", "REDACTED:01")


def messages() -> Iterator[Message]:
    """One setting changed at a time."""
    yield BASE
    yield replace(BASE, method="GET")
    yield replace(BASE, destination="https://e.example.com/y")
    yield replace(BASE, retries=5)
    yield replace(BASE, retries=0)
    yield replace(BASE, retry_delay="1000")
    yield replace(BASE, timeout=30)
    yield replace(BASE, delay=30)
    yield replace(BASE, queue="q")
    yield replace(BASE, labels=("l",))
    yield replace(BASE, callback=Callback(url="https://e.example.com/cb"))
    yield replace(BASE, failure_callback=Callback(url="https://e.example.com/cb"))
    yield replace(BASE, flow_control=FlowUse(key="k", parallelism=1))
    yield replace(BASE, flow_control=FlowUse(key="k", rate=1, period=60))
    for name in ("Authorization", "X-Tenant", "X-Tenant-Key"):
        for value in ("a", "b", "", *DIGESTS):
            yield replace(BASE, headers=((name, value),))
    yield replace(BASE, headers=(("Authorization", "a"), ("X-Tenant", "a")))
    yield replace(BASE, redact=Redact(body=True))


def test_two_have_one_key_where_one_of_them_may_go() -> None:
    for one, other in combinations(messages(), 2):
        may_go = twins.may_go(twins.differences(one, other))
        assert (twins.told_apart(one) == twins.told_apart(other)) is may_go, (one, other)
