"""A queue or URL group under another name: what nobody calls any more is told, once."""

import pytest

from qstash_sync.model.diagnostics import Severity
from tests.support import HEAD, World

FILE = (
    HEAD
    + """%s
url_groups: {orders: {endpoints: [https://b.example.com/in]}}
queues: {mails: {}}
schedules:
  a: {cron: '0 9 * * *', url_group: orders}
  b: {cron: '0 9 * * *', destination: https://a.example.com/b, queue: mails}
"""
)
OTHERS = FILE.replace("orders", "events").replace("mails", "letters")


def told(world: World, text: str) -> list[tuple[Severity, str]]:
    """What is said of it, and how loud."""
    found = [d for d in world.plan(text, allow_deletes=9).warnings if d.code == "unused"]
    return [(d.severity, ".".join(map(str, d.path))) for d in found]


def test_it_is_told_by_the_plan_that_leaves_them(world: World) -> None:
    world.apply(FILE % "")
    assert told(world, FILE % "") == []
    assert told(world, OTHERS % "") == [
        (Severity.INFO, "queues.mails"),
        (Severity.INFO, "url_groups.orders"),
    ]
    world.apply(OTHERS % "")
    assert told(world, OTHERS % "") == []


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("owns: {queues: ['*'], url_groups: ['*']}", []),
        ("owns: {queues: [mails]}", [(Severity.INFO, "url_groups.orders")]),
    ],
)
def test_what_goes_is_not_told(
    world: World, head: str, expected: list[tuple[Severity, str]]
) -> None:
    world.apply(FILE % "")
    assert told(world, OTHERS % head) == expected


def test_what_another_schedule_calls_is_not_told(world: World) -> None:
    world.apply(FILE % "")
    third = "  c: {cron: '0 9 * * *', url_group: orders, queue: mails}\n"
    assert told(world, OTHERS % "" + third) == []
