"""Whatever goes wrong beside the account: a run ends with what became of each change."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import httpx
import pytest

from qstash_sync.applying import applying, executor, incident, proposal, stretching, windows
from qstash_sync.applying.executor import Control
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.applying.verification import Verification
from qstash_sync.errors import AuthError, RejectedError
from qstash_sync.local import LOCAL_TOKEN, Served
from qstash_sync.model.steps import Step
from qstash_sync.planning.pause_by_name import Wish
from qstash_sync.qstash.client import Client
from qstash_sync.reconcile import mark
from tests.fault_server import FaultServer
from tests.mixed import Scene
from tests.support import World, config, ids, secret

HEAD = "version: 1\nnamespace: n\ndefaults: {destination: 'https://e.com', timezone: UTC}\n"
SEVERAL = HEAD + "schedules:\n" + "".join(f"  s{k}: {{cron: '0 9 * * *'}}\n" for k in range(6))
PARTS = (
    HEAD
    + "schedules: {s0: {cron: '0 9 * * *', timezone: America/New_York}, s1: {cron: '@daily'}}\n"
)


@contextmanager
def scene(text: str = "") -> Iterator[Scene]:
    """An account in virtual time, in which a file is applied."""
    found = Scene()
    with FaultServer(clock=found.time) as found.account:
        if text:
            assert found.apply(config(text).desired).done
        found.account.forget()
        yield found


def outcomes(world: Scene, text: str, step: Any = None, **more: Any) -> dict[str, Outcome]:
    """Plan and apply; step: called with each step in place of the client, and with the client."""
    desired = config(text).desired
    with world.client() as client, pytest.MonkeyPatch.context() as monkey:
        plan = proposal.propose(client, desired, now=world.at)
        if step:
            write = client.write
            monkey.setattr(client, "write", lambda one: step(one, write))
        control = Control(sleep=world.sleep, parallelism=1, **more)
        applied = applying.apply(client, desired, plan, control=control)
    return {outcome.change.name: outcome for outcome in applied.outcomes}


def buggy(name: str) -> Any:
    """A write of this schedule raises what nobody expects, with a secret in it."""

    def step(one: Step, write: Any) -> None:
        if getattr(one, "id", "") == name:
            raise TypeError("s3cret")
        write(one)

    return step


def test_a_bug_costs_one_change_and_not_what_became_of_the_others() -> None:
    with scene() as world:
        found = outcomes(world, SEVERAL, buggy("n.s2"))
        assert {name: one.status for name, one in found.items()} == {
            f"s{k}": Status.FAILED if k == 2 else Status.DONE for k in range(6)
        }
        assert found["s2"].message == "internal error: TypeError"
        assert found["s2"].change.name == "s2"
        assert outcomes(world, SEVERAL)["s2"].status is Status.DONE


def test_after_a_bug_nothing_is_deleted_and_a_set_that_is_cut_off_is_named() -> None:
    with scene(PARTS.replace("s1", "gone")) as world:
        found = outcomes(world, PARTS.replace("0 9", "30 9"), buggy("n.s0.2"))
        assert found["gone"].status is Status.BLOCKED
        message = found["s0"].message
        assert message.startswith("internal error: TypeError; cut off after "), message
        assert "s3cret" not in str(found)


def test_a_bug_outside_of_the_requests_costs_one_change_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("s3cret")

    with scene(PARTS) as world:
        monkeypatch.setattr(windows, "in_order", broken)
        found = outcomes(world, PARTS.replace("0 9", "30 9").replace("@daily", "@hourly"))
        assert {one.message for one in found.values()} == {"internal error: ValueError"}


# A bug in the calling thread: where, at which call, and how many changes it costs.
ASIDE: list[tuple[str, Any, str, int, int]] = [
    ("before a change begins", executor._Run, "_is_open", 3, 1),
    ("in what it needs", executor._Run, "_early", 3, 1),
    ("in the last read", Client, "start_reading", 3, 6),
    ("in the comparison after it", applying, "reconcile", 1, 6),
    ("in the judgement of one", Verification, "_doubts", 3, 1),
]


@pytest.mark.parametrize(("_id", "place", "name", "call", "costs"), ASIDE, ids=ids(ASIDE))
def test_a_bug_beside_the_workers_loses_no_outcome(
    _id: str, place: Any, name: str, call: int, costs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, calls = getattr(place, name), []

    def broken(*arguments: Any, **more: Any) -> Any:
        calls.append(name)
        if len(calls) == call:
            raise IndexError("s3cret")
        return sound(*arguments, **more)

    with scene() as world:
        monkeypatch.setattr(place, name, broken)
        found = outcomes(world, SEVERAL)
    wrong = {name: one for name, one in found.items() if one.status is not Status.DONE}
    assert (len(found), len(wrong)) == (6, costs)
    for one in wrong.values():
        assert one.status in (Status.FAILED, Status.UNVERIFIED)
        assert one.message.endswith("internal error: IndexError")


def test_a_pause_whose_last_read_meets_a_bug_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with scene(SEVERAL) as world, world.client() as client:
        wish = Wish(desired=config(SEVERAL).desired, globs=("*",), paused=True)
        plan = incident.look(client, wish, now=world.at)
        monkeypatch.setattr(incident, "look", Mock(side_effect=RecursionError("s3cret")))
        found = incident.pause(client, wish, plan, Control(sleep=world.sleep))
    told = {(one.status, one.message) for one in found.outcomes}
    assert told == {(Status.UNVERIFIED, "cannot be read again: internal error: RecursionError")}
    assert len(found.outcomes) == 6


@pytest.mark.parametrize("error", [OSError(28, "full"), BrokenPipeError(), ValueError("closed")])
def test_progress_that_cannot_be_told_never_ends_a_run(error: Exception) -> None:
    told: list[object] = []

    def full(what: object) -> None:
        told.append(what)
        raise error

    with scene() as world:
        found = outcomes(world, SEVERAL, report=full)
    assert all(one.status is Status.DONE for one in found.values())
    assert len(told) == 1, "who cannot be told is not told again"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_an_apply_whose_stderr_is_full_does_all_of_its_work(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(SEVERAL)
    words = [sys.executable, "-m", "qstash_sync", "apply", "--yes", "-f", str(tmp_path / "q.yaml")]
    with FaultServer() as account, Served(account) as served, Path("/dev/full").open("w") as full:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN, "LC_ALL": "C.UTF-8"}
        ran = subprocess.run(
            words, env=environ, stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
        assert len(account.store.all("schedule")) == 6
    assert "Applied: 6 done" in ran.stdout
    assert ran.returncode == 0


@pytest.mark.parametrize("many", [20, 200])
def test_changes_that_wait_for_their_window_are_not_looked_at_again_and_again(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many wait as are created meanwhile: the clock is asked in proportion, not for each pair.

    Counted by the lists of calls: a mock's own count loses some where two threads call at once.
    """
    window, now = Mock(wraps=windows.window), create_autospec(Client.now, side_effect=Client.now)
    monkeypatch.setattr(windows, "window", window)
    monkeypatch.setattr(Client, "now", now)
    lines = "".join(f"  a{k}: {{cron: '30 * * * *'}}\n" for k in range(many))
    before = HEAD + "schedules:\n" + lines
    after = before.replace("30 *", "1 *") + lines.replace("  a", "  b")
    with scene(before) as world:
        world.sleep((timedelta(minutes=30) - timedelta(seconds=20)).total_seconds())
        now.reset_mock()
        window.reset_mock()
        found = outcomes(world, after)
    assert len(found) == 2 * many
    assert all(one.status is Status.DONE for one in found.values())
    # Once for all that are alike, for the plan; before it waits, before it begins, as it begins.
    assert len(window.call_args_list) == 1 + 3 * many
    assert len(now.call_args_list) < 8 * many


def is_pause(step: Step, part: str) -> bool:
    return getattr(step, "id", "") == part and hasattr(step, "paused") and not hasattr(step, "cron")


def test_a_part_that_moved_keeps_no_other_part_from_its_pause_and_hides_no_failure() -> None:
    """One part of three is refused by QStash, the next has been edited meanwhile."""
    paused = PARTS.replace("America/New_York", "America/New_York, paused: true")
    with scene(PARTS) as world:
        ids = sorted(i for i in world.account.console.snapshot()["schedule"] if ".s0" in i)
        assert len(ids) == 3

        def step(one: Step, write: Any) -> None:
            if is_pause(one, ids[0]):
                world.account.console.edit("schedule", ids[1], cron="1 1 1 1 *")
                raise RejectedError("QStash answered 400: no", 400)
            write(one)

        found = outcomes(world, paused, step)["s0"]
        stored = world.account.console.snapshot()["schedule"]
    assert found.status is Status.REFUSED
    for text in (f"{ids[0]}: QStash answered 400: no", f"{ids[1]} has changed since it was read"):
        assert text in found.message
    assert [stored[part]["isPaused"] for part in ids] == [False, False, True]


TIMES = ["nextScheduleTime", "createdAt", "lastScheduleTime"]


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", [10**15, 10**18, -(10**18), 10**300])
def test_a_time_that_no_calendar_has_is_told_after_the_writes_too(
    world: World, name: str, value: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        found = world.account(request)
        if request.method != "GET" or request.url.path != "/v2/schedules":
            return found
        return httpx.Response(200, json=[{**one, name: value} for one in json.loads(found.content)])

    client = Client(
        "http://local",
        secret(LOCAL_TOKEN),
        read_only=False,
        transport=httpx.MockTransport(answer),
        sleep=world.sleep,
        clock=world.time,
        monotonic=world.time,
    )
    desired = config(SEVERAL).desired
    with client:
        plan = proposal.propose(client, desired, now=world.now)
        applied = world.carry_out(client, desired, plan)
    wrong = Status.UNVERIFIED if name == "nextScheduleTime" else Status.DONE
    assert {one.status for one in applied.outcomes} == {wrong}
    if name == "nextScheduleTime":
        assert all("at a time that no calendar has" in one.message for one in applied.outcomes)


REDACTED = "destination: 'https://e.com', headers: {X-A: '${env.K%d}'}, redact: {headers: [X-A]}"


def many_secrets(world: World, count: int) -> str:
    """As many schedules with a secret each that does not read back."""
    world.environ = {f"K{k}": f"secret number {k}" for k in range(count)}
    lines = (f"  s{k}: {{cron: '0 9 * * *', {REDACTED % k}}}\n" for k in range(count))
    return HEAD + "schedules:\n" + "".join(lines)


@pytest.fixture
def stretched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What is stretched, in a list that threads can share; the stretching costs nothing."""
    mark.stretch.cache_clear()
    made: list[bytes] = []

    def scrypt(value: bytes, **_: object) -> bytes:
        made.append(value)
        return b"0" * 16

    monkeypatch.setattr("hashlib.scrypt", scrypt)
    yield made
    mark.stretch.cache_clear()
    mark._stretched_all.cache_clear()


def test_every_secret_is_stretched_once_however_many_there_are(
    world: World, stretched: list[bytes]
) -> None:
    text = many_secrets(world, 5000)
    world.plan(text)
    assert len(stretched) == len(set(stretched)) == 5000


def test_plans_in_threads_share_what_is_stretched_and_end_in_any_order(
    world: World, stretched: list[bytes]
) -> None:
    one, other = (config(many_secrets(world, n), world.environ).desired for n in (40, 60))
    first, second = stretching.stretching(one), stretching.stretching(other)
    first.__enter__()
    second.__enter__()
    asked = dict(mark.ahead)
    assert len(asked) == 60
    first.__exit__(None, None, None)  # what it had not begun is not done, unless somebody waits
    assert {ask() for ask in asked.values()} == {(b"0" * 16).hex()}
    second.__exit__(None, None, None)
    assert (mark.ahead, stretching._under_way) == ({}, [])
    assert len(set(stretched)) == 60


def test_a_stretching_that_was_begun_elsewhere_and_cancelled_is_done_by_who_waits() -> None:
    future: Future[str] = Future()
    future.cancel()
    key = ("a secret", "billing")
    assert stretching._of(future, key) == mark.stretch(*key)


def test_a_read_that_fails_waits_for_no_stretching(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way ends, once it is waited for; what has not begun by then never does."""
    waited_for = threading.Event()
    begun: list[str] = []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT002 as the library has it
            if wait:
                waited_for.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    def stretch(value: str, _namespace: str) -> None:
        begun.append(value)
        waited_for.wait()

    monkeypatch.setattr(mark, "stretch", stretch)
    monkeypatch.setattr(stretching, "ThreadPoolExecutor", Pool)
    desired = config(many_secrets(world, 100), world.environ).desired
    with world.client(token="wrong") as client, pytest.raises(AuthError):
        proposal.propose(client, desired, now=world.now)
    assert len(begun) <= (os.cpu_count() or 1)
