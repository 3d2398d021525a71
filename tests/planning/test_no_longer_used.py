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


ENVIRONMENTS = """
environments: {pr: {namespace: n-pr, token: "${env.T}"}, live: {namespace: n-live, token: "${env.P}"}}
"""


def test_what_is_protected_is_not_told(world: World) -> None:
    world.apply(FILE % "")
    protected = "protect: {queues: ['*'], url_groups: ['*']}"
    assert told(world, OTHERS % protected) == []


def test_what_another_environment_declares_is_not_told(world: World) -> None:
    """Though `owns` names nothing."""
    world.environ |= {"T": "t" * 9, "P": "p" * 9}
    world.environment = "pr"
    kept = OTHERS.replace("queues: {", "queues: {mails: {only: [live]}, ")
    kept = kept.replace(
        "url_groups: {",
        "url_groups: {orders: {only: [live], endpoints: [https://b.example.com/in]}, ",
    )
    world.apply(FILE % ENVIRONMENTS)
    assert len(told(world, OTHERS % ENVIRONMENTS)) == 2
    assert told(world, kept % ENVIRONMENTS) == []


def test_what_this_run_leaves_out_is_not_told(world: World) -> None:
    world.apply(FILE % "")
    third = "  c: {cron: '0 9 * * *', destination: https://a.example.com/c, queue: mails}\n"
    with_third = (OTHERS % "") + third
    assert told(world, with_third) == [(Severity.INFO, "url_groups.orders")]
    found = world.plan(with_third, target=("schedules.b",)).warnings
    assert not [d for d in found if d.code == "unused" and "mails" in d.path]


def test_what_another_schedule_calls_is_not_told(world: World) -> None:
    world.apply(FILE % "")
    third = "  c: {cron: '0 9 * * *', url_group: orders, queue: mails}\n"
    assert told(world, OTHERS % "" + third) == []
