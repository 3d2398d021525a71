"""Guards: what is not known is no reason to go ahead."""

from typing import Any

import pytest

from qstash_sync.applying.outcomes import Status
from tests.support import HEAD, World

QUEUES = HEAD + "owns: {queues: ['*']}\nqueues: {a: {}, q: {}}\n"
LAGS: list[tuple[dict[str, Any], bool]] = [
    ({"lag": 0}, False), ({"lag": 5}, True), ({"lag": -1}, True), ({"lag": None}, True),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "refused"), LAGS, ids=str)
def test_a_queue_is_deleted_only_when_it_is_known_to_be_empty(
    world: World, shown: dict[str, Any], refused: bool
) -> None:
    world.apply(QUEUES)
    world.account.console.edit("queue", "q", **shown)
    text = QUEUES.replace(", q: {}", "")
    assert [e.code for e in world.plan(text).errors] == ["guard"] * refused
    assert not world.plan(text, drop_backlog=("q",)).errors


@pytest.mark.parametrize("shown", [{"lag": 5}, {"lag": -1}, {"lag": None}], ids=str)
def test_a_backlog_that_comes_up_or_is_not_told_any_more_is_seen_before_the_delete(
    world: World, shown: dict[str, Any]
) -> None:
    world.apply(QUEUES)

    def meanwhile(request: Any) -> None:
        if request.method == "GET" and request.url.path == "/v2/queues/q":
            world.account.console.edit("queue", "q", **shown)

    world.account.before = meanwhile
    (outcome,) = world.apply(QUEUES.replace(", q: {}", ""))
    assert outcome.status is Status.REFUSED
    assert "--drop-backlog q" in outcome.message
    assert world.account.store.get("queue", "q")
