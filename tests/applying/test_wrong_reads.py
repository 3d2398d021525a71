"""A list that is wrong, though each resource answers rightly by its id, becomes no write."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.applying.verification import Verification
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.local.server import target_of
from qstash_sync.model.change import Action, Change, FieldChange, Reason
from qstash_sync.model.resources import Kind, Live
from tests.fault_server import Fault, FaultServer
from tests.support import HEAD, World, cli, config, world as make_world

URL = "https://app.example.com/x"
OWNS = "owns: {url_groups: ['*'], queues: ['*'], flow_controls: ['*']}\n"
NO_LIMITS = "limits: {max_deletes: none, max_delete_percent: none}\n"
ALL = (
    HEAD
    + OWNS
    + NO_LIMITS
    + f"""
url_groups: {{g: {{endpoints: {{a: 'https://a.example.com'}}}}}}
queues: {{q: {{parallelism: 2}}}}
flow_controls: {{f: {{parallelism: 3}}}}
schedules:
  s: {{cron: '0 9 * * *', destination: '{URL}'}}
  t: {{cron: '0 9 * * *', timezone: America/New_York, destination: '{URL}/t'}}
"""
)
NONE = HEAD + OWNS + NO_LIMITS + "url_groups: {}\nqueues: {}\nflow_controls: {}\nschedules: {}\n"
LISTS = {"/v2/schedules", "/v2/topics", "/v2/queues", "/v2/flowControl"}


class Liar(FaultServer):
    """Leaves resources out of some of its lists: `lies` says of which reads, from 1 on."""

    lies: Collection[int] = ()
    paths: Collection[str] = LISTS
    keep: Callable[[dict[str, Any]], bool] = staticmethod(lambda _item: False)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = super().__call__(request)
        path = target_of(request).partition("?")[0]
        if request.method != "GET" or path not in self.paths:
            return response
        number = sum(entry[:2] == ("GET", path) for entry in self.log)
        if number not in self.lies:
            return response
        items = [item for item in response.json() or () if self.keep(item)]
        return httpx.Response(200, headers={"Date": response.headers["Date"]}, json=items)


@contextmanager
def lying(before: str) -> Iterator[World]:
    world = World()
    with Liar(clock=world.time) as world.account:
        if before:
            world.apply(before)
        world.account.forget()
        yield world


def stored(world: World) -> Any:
    return {
        kind: {
            name: {k: v for k, v in item.items() if k != "createdAt"}
            for name, item in items.items()
        }
        for kind, items in world.account.console.snapshot().items()
    }


def attempt(world: World, text: str, lies: Collection[int]) -> list[tuple[str, Status]]:
    assert isinstance(world.account, Liar)
    world.account.lies = lies
    with world.client() as client:
        desired = config(text).desired
        plan = proposal.propose(client, desired, now=world.now)
        assert not plan.errors
        applied = world.carry_out(client, desired, plan)
    return [(outcome.change.id, outcome.status) for outcome in applied.outcomes]


def test_what_a_list_leaves_out_is_not_created_over() -> None:
    """Of every kind: it is looked up by its id before it is written."""
    theirs = (
        ALL.replace("retries", "x")
        .replace("parallelism: 2", "parallelism: 7")
        .replace("parallelism: 3", "parallelism: 8")
        .replace("a.example", "b.example")
        .replace("0 9", "1 9")
    )
    with lying(theirs) as world:
        for item in world.account.store.all("schedule"):
            world.edit(item["scheduleId"], labels=["theirs"])
        before = stored(world)
        outcomes = attempt(world, ALL, (1, 2, 3))
        assert {status for _, status in outcomes} == {Status.REFUSED}
        assert stored(world) == before


@pytest.mark.parametrize("lies", [(2,), (2, 3)], ids=str)
def test_what_a_list_leaves_out_is_not_taken_for_deleted(lies: tuple[int, ...]) -> None:
    with lying(ALL) as world:
        before = stored(world)
        outcomes = attempt(world, NONE, lies)
        assert len(outcomes) == 5
        assert {status for _, status in outcomes} == {Status.REFUSED, Status.BLOCKED}
        assert stored(world) == before


def test_what_a_list_leaves_out_is_not_taken_for_done_by_the_last_read() -> None:
    """The writes are right, the look at them is not: that is no verdict to rely on."""
    with lying("") as world:
        outcomes = attempt(world, ALL, (3,))
        assert {status for _, status in outcomes} == {Status.UNVERIFIED}


def test_what_was_there_before_is_told_where_an_overwrite_keeps_its_time() -> None:
    """A server that hides a schedule in lists and by its id, until it is overwritten."""
    with lying("") as world:
        world.apply(HEAD + f"schedules: {{s: {{cron: '0 9 * * *', destination: '{URL}'}}}}\n")
        hidden = world.schedule("billing.s")
        created = int((world.time() - 86_400) * 1000)
        world.account.store.delete("schedule", "billing.s")

        def unveil(request: httpx.Request) -> None:
            if request.method == "POST" and request.url.path.startswith("/v2/schedules/"):
                old = {**hidden, "labels": [], "createdAt": created}
                world.account.store.put("schedule", "billing.s", old)

        world.account.before = unveil
        with world.client() as client:
            desired = config(ALL.partition("  t:")[0]).desired
            plan = proposal.propose(client, desired, now=world.now)
            applied = world.carry_out(client, desired, plan)
        (outcome,) = [o for o in applied.outcomes if o.change.id == "billing.s"]
        assert outcome.status is Status.UNVERIFIED
        assert "was created at 2026-11-22" in outcome.message


def test_what_was_so_already_and_is_not_any_more_is_unverified_with_the_difference() -> None:
    """Nothing was written, so there is no time of that to tell."""
    field = FieldChange(path="parallelism", before=1, after=2)
    change = Change(
        kind=Kind.QUEUE, name="q", id="q", action=Action.UPDATE, reason=Reason.FILE, fields=(field,)
    )
    verdict = Verification({change.key: change}, before=Live(), after=Live(), now=World().now)
    early = Outcome(change=change, status=Status.DONE, message="it is so already")
    assert verdict.of(early).message == "written, but it still differs: parallelism"


def test_a_pause_that_an_overwrite_lost_and_nobody_could_restore_is_told() -> None:
    """It fires, though it was paused: the outcome says so, not only that an answer was 503."""
    with make_world(Switches(overwrite_keeps_pause=False)) as world:
        world.apply(ALL)
        world.account.console.pause("billing.s")
        fault = Fault(kind="503", times=99, matches=lambda _, path: path.endswith("/pause"))
        world.account.inject(fault)
        outcomes = world.apply(ALL.replace("'0 9 * * *', dest", "'0 10 * * *', dest"))
        (failed,) = [one for one in outcomes if one.status is Status.FAILED]
    assert failed.message.endswith("; billing.s is active")


@pytest.mark.parametrize("path", sorted(LISTS))
def test_a_destroy_that_leaves_what_its_last_read_finds_is_not_done(
    path: str, tmp_path: Path
) -> None:
    """Its first list lacked it, so no change of the plan was about it."""

    file = tmp_path / "q.yaml"
    file.write_text(ALL)
    world = World()
    with Liar(clock=world.time) as account, Served(account) as served:
        world.account = account
        world.apply(ALL)
        account.forget()
        account.lies, account.paths = (1,), (path,)
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("qstash_sync.applying.applying.check_clock", lambda _client: None)
            ran = cli("destroy", "--yes", "billing", "-f", str(file), environ=environ)
    assert ran.code == 4, ran.text
    assert "Came up meanwhile, for the next plan: delete" in ran.out
