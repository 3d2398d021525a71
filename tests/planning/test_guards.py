"""Guards: what is not known is no reason to go ahead."""

from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying.outcomes import Status
from tests.fault_server import FaultServer
from tests.support import HEAD, World, cli

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


def owned(live: int, kept: int, new: int = 0) -> tuple[str, str]:
    """A file of so many queues, and one that keeps some of them and has new ones."""
    head = HEAD + "owns: {queues: ['*']}\nlimits: {max_delete_percent: 50}\n"
    before, after = ([f"q{n}" for n in range(count)] for count in (live, kept))
    after += [f"new{n}" for n in range(new)]
    one, two = (f"{head}queues: {{{', '.join(f'{n}: {{}}' for n in each)}}}\n" for each in (before, after))  # fmt: skip
    return one, two


@pytest.mark.parametrize(
    ("live", "kept", "new", "told"),
    [
        (10, 6, 0, ""),
        (10, 5, 0, ""),
        (10, 4, 0, "6 of 10 queues would be deleted, limits.max_delete_percent is 50"),
        (10, 4, 20, "6 of 10 queues would be deleted, limits.max_delete_percent is 50"),
        (3, 1, 0, ""),
        (4, 1, 0, "3 of 4 queues would be deleted, limits.max_delete_percent is 50"),
        (2, 0, 0, "all 2 queues of ours would be deleted"),
        (1, 0, 0, ""),
        (2, 0, 5, "all 2 queues of ours would be deleted"),
    ],
)
def test_a_share_is_of_what_was_ours_before(
    world: World, live: int, kept: int, new: int, told: str
) -> None:
    """What is created meanwhile makes a delete no smaller."""
    before, after = owned(live, kept, new)
    world.apply(before)
    errors = [error.message for error in world.plan(after).errors]
    assert errors == ([told] if told else [])
    allowed = world.plan(after, allow_deletes=live - kept)
    assert not allowed.errors
    if told:
        assert world.plan(after, allow_deletes=live - kept - 1).errors


GROUP = HEAD + "limits: {max_delete_percent: 50}\nurl_groups: {g: {endpoints: {%s}}}\n"
CALLED = HEAD + "limits: {max_deletes: 0}\nschedules: {s: {cron: 0 9 * * *, destination: 'https://e.com'%s}}\n"  # fmt: skip


def test_an_endpoint_that_goes_is_a_delete_and_a_header_is_none(world: World) -> None:
    ends = [f"{name}: 'https://{name}.example.com'" for name in "abcd"]
    world.apply(GROUP % ", ".join(ends))
    (error,) = world.plan(GROUP % ends[0]).errors
    assert error.message.startswith("3 of 4 endpoints would be deleted")
    assert not world.plan(GROUP % ", ".join(ends[:2])).errors
    world.apply(CALLED % ", headers: {A: a, B: b, C: c}, retries: 5")
    plan = world.plan(CALLED % "")
    assert plan.changes
    assert not plan.errors


def test_a_change_that_is_refused_makes_up_for_no_delete(world: World) -> None:
    text = CALLED.replace("schedules: {", "schedules: {gone: {cron: 0 9 * * *, destination: 'https://e.com'}, ")  # fmt: skip
    world.apply(text % "")
    world.edit("billing.s", labels=[])
    (error,) = world.plan(CALLED % "").errors
    assert error.message == "1 delete, limits.max_deletes is 0"


SAVED = [  # what comes up after a plan was saved, and the consent that it lacks
    ("--drop-backlog q", lambda console: console.edit("queue", "q", lag=3)),
    (
        "--allow-in-use q",
        lambda console: console.edit("schedule", "other.t", queueName="q"),
    ),
]


@pytest.mark.parametrize(("option", "edit"), SAVED, ids=["backlog", "in use"])
def test_a_saved_plan_lacks_a_consent_that_another_plan_gives(
    tmp_path: Path, option: str, edit: Any
) -> None:
    file, path, plan = tmp_path / "q.yaml", tmp_path / "a.db", str(tmp_path / "p.json")
    words = ("-f", str(file), f"--local={path}")
    file.write_text(QUEUES)
    assert cli("apply", "--yes", *words).code == 0
    job = "schedules: {t: {cron: '0 9 * * *', destination: 'https://e.com/x'}}\n"
    file.write_text(HEAD.replace("billing", "other") + job)
    assert cli("apply", "--yes", *words).code == 0
    file.write_text(QUEUES.replace(", q: {}", ""))
    assert cli("plan", "--save", plan, *words).code == 0
    with FaultServer(path) as account:
        edit(account.console)
    refused = cli("apply", plan, *words)
    assert refused.code == 3
    told = " ".join(refused.text.split())
    assert f"plan again with {option}" in told, told
    assert f"plan again with {option}" not in " ".join(cli("plan", *words).text.split())
    assert cli("apply", plan, *words, *option.split()).code == 64
    assert cli("plan", "--save", plan, *words, *option.split()).code == 0
    assert cli("apply", plan, *words).code == 0
