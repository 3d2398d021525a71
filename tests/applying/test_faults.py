"""Every request of a mixed apply goes wrong in every way: it ends in time, in a state with a name.

Then it is applied again, without faults, and the account is as after an apply that met none. What
others own stays as it is to the byte, and no URL group passes through empty.

A seeded sample runs by default: each request with two faults. QSTASH_SYNC_FULL=1 runs them all.
"""

import contextlib
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import pytest

from qstash_sync.applying.outcomes import Applied, Status
from qstash_sync.errors import AccountError
from qstash_sync.local import Switches
from qstash_sync.qstash.client import DEADLINE, TIMEOUT
from tests.fault_server import KINDS, Fault, FaultServer
from tests.mixed import AFTER, Scene, Snapshot
from tests.support import config

SEED = 20261123
FULL = bool(os.environ.get("QSTASH_SYNC_FULL"))
CHUNKS = 12
FOR_EVER = 10**6
MATCHES = ("name", "url")  # how the service tells endpoints apart
FAULTS = [kind for kind in KINDS if kind != "401"]  # no passing fault
LASTING = ("billing-single", "billing-swapped", "billing-renamed")  # groups that stay
ONE_REQUEST = DEADLINE + TIMEOUT  # seconds: the last try may begin right before the end


@dataclass(frozen=True)
class Case:
    """Which request goes wrong: its method and path, and which of those that have both."""

    method: str
    path: str
    at: int
    kind: str
    times: int
    match: str

    def fault(self) -> Fault:
        """The fault to inject."""

        def matches(method: str, path: str) -> bool:
            return (method, path) == (self.method, self.path)

        return Fault(kind=self.kind, at=self.at, times=self.times, matches=matches)


@cache
def prepared(match: str) -> tuple[Snapshot, tuple[tuple[str, str], ...], dict[Any, Any]]:
    """The account before, the requests of an apply that meets no fault, and our part of it after."""
    with account(match) as world:
        world.prepare()
        before = world.stored()
        assert world.apply(DESIRED).done
        requests = tuple((method, path) for method, path, _ in world.account.log)
        assert world.plan(DESIRED).empty
        return before, requests, world.ours()


DESIRED = config(AFTER).desired


@contextmanager
def account(match: str) -> Iterator[Scene]:
    """An account in virtual time."""
    world = Scene()
    switches = Switches().with_(endpoint_match=match)
    with FaultServer(switches=switches, clock=world.time) as world.account:
        yield world


@contextmanager
def watched(match: str) -> Iterator[Scene]:
    """An account as it was before, in which URL groups and what others own are watched."""
    with account(match) as world:
        world.restore(prepared(match)[0])
        theirs = world.theirs()

        def after(_request: httpx.Request) -> None:
            for name in LASTING:
                group = world.account.store.get("topic", name)
                assert group and group["endpoints"], f"{name} is empty"

        world.account.after = after
        yield world
        assert world.theirs() == theirs


def cases() -> list[Case]:
    """All of them, or two for each request."""
    found: list[Case] = []
    for match in MATCHES:
        seen: Counter[tuple[str, str]] = Counter()
        for method, path in prepared(match)[1]:
            seen[method, path] += 1
            found += [
                Case(method, path, seen[method, path], kind, times, match)
                for kind in FAULTS
                for times in (1, FOR_EVER)
            ]
    if FULL:
        return found
    rng = random.Random(SEED)
    each = len(FAULTS) * 2
    return [
        case for at in range(0, len(found), each) for case in rng.sample(found[at : at + each], 2)
    ]


def applied_in_time(world: Scene, bound: float, **more: Any) -> Applied | None:
    """An apply that ends within its time in a state that has a name; None: before its first write."""
    start = world.now
    applied: Applied | None = None
    with contextlib.suppress(AccountError):
        applied = world.apply(DESIRED, **more)
    assert applied or not world.account.writes
    assert world.now - start <= bound
    for outcome in applied.outcomes if applied else ():
        assert isinstance(outcome.status, Status)
        assert outcome.status is Status.DONE or outcome.message
    return applied


def assert_converges(world: Scene, match: str) -> None:
    """Without faults, one more apply does the rest."""
    world.account.forget()
    if not world.plan(DESIRED).empty:
        assert world.apply(DESIRED).done
        assert world.plan(DESIRED).empty
    assert world.ours() == prepared(match)[2]
    assert all(world.schedule(f"billing.{name}")["isPaused"] for name in ("body", "new-name"))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_request_may_go_wrong(chunk: int) -> None:
    for case in cases()[chunk::CHUNKS]:
        try:
            with watched(case.match) as world:
                world.account.inject(case.fault())
                # Several schedules may have the same path, and each of them its time.
                affected = (
                    1
                    if case.times == 1
                    else prepared(case.match)[1].count((case.method, case.path))
                )
                applied_in_time(world, (1 + affected) * ONE_REQUEST)
                assert_converges(world, case.match)
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}: {case}: {error}") from error


DOWN = ("503", "429", "hang_before", "reset_before")


@pytest.mark.parametrize("kind", DOWN)
def test_a_server_that_goes_down_ends_an_apply_soon(kind: str) -> None:
    """Three changes in a row that could not reach it are enough; then a read, of four lists."""
    requests = len(prepared("name")[1])
    for at in random.Random(SEED).sample(range(1, requests + 1), requests if FULL else 6):
        with watched("name") as world:
            world.account.inject(Fault(kind=kind, at=at, times=FOR_EVER))
            applied = applied_in_time(world, (3 + 4) * ONE_REQUEST)
            assert not (applied and applied.done), f"seed {SEED}: {kind} from request {at} on"
            assert_converges(world, "name")


@pytest.mark.parametrize("seed", range(24 if FULL else 6))
def test_any_storm_of_faults_side_by_side_ends_and_converges(seed: int) -> None:
    rng = random.Random(f"{SEED} {seed}")
    match = rng.choice(MATCHES)
    with watched(match) as world:
        for at in rng.sample(range(1, 2 * len(prepared(match)[1])), 25):
            world.account.inject(
                Fault(kind=rng.choice(FAULTS), at=at, times=rng.choice([1, 1, 2, 9]))
            )
        applied_in_time(world, 20 * ONE_REQUEST, parallelism=8)
        assert_converges(world, match)
