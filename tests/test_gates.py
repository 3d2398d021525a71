"""What costs time, counted instead of timed: imports, comparisons, compilations, nodes visited."""

import gc
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from qstash_sync.applying import applying, proposal
from qstash_sync.config import build, interpolate, parse, tree
from qstash_sync.crons import compile as compiler, exactness
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.model.resources import Desired
from qstash_sync.qstash.client import Client
from qstash_sync.reconcile import canonical, diff, reconcile, twins as live_twins, update
from tests.adopt.accounts import Grown
from tests.fault_server import FaultServer
from tests.support import NOW, cli, config, secret, world as make_world

HEAVY = ("yaml", "pydantic", "ssl", "asyncio", "httpx", "deepdiff", "croniter", "zoneinfo")
FILE = (
    "version: 1\nnamespace: billing\ndefaults: {timezone: Europe/Berlin}\n"
    "schedules: {s: {cron: 0 9 * * *, destination: 'https://e.example.com/x', body: {a: 1}}}\n"
)
COMMANDS: list[tuple[list[str], tuple[str, ...]]] = [
    (["--help"], HEAVY),
    (["--version"], HEAVY),
    (["plan", "--help"], HEAVY),
    (["validate", "-f", "q.yaml"], ("ssl", "asyncio", "httpx", "deepdiff")),
    # What a server's words may bring is looked for where they are shown alone.
    (["plan", "-f", "q.yaml", "--local=a.db"], ("qstash_sync.qstash.mask", "deepdiff")),
]


@pytest.mark.parametrize(("words", "never"), COMMANDS, ids=" ".join)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(
    tmp_path: Path, words: list[str], never: tuple[str, ...]
) -> None:
    (tmp_path / "q.yaml").write_text(FILE)
    code = (
        "import sys; from qstash_sync.cli.main import run\n"
        f"code = run({words!r})\n"
        f"print('imported', [name for name in {never!r} if name in sys.modules], code)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "imported [] 0", ran.stdout


def test_a_command_imports_no_other() -> None:
    code = (
        "import sys; from qstash_sync.cli.main import run\n"
        "run(['plan', '--help'])\n"
        "print(sorted(name for name in sys.modules if name.startswith('qstash_sync.cli.')))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = ran.stdout.splitlines()[-1]
    assert "'qstash_sync.cli.plan'" in imported
    for other in ("apply", "import_", "init", "validate", "doctor", "tools"):
        assert f"'qstash_sync.cli.{other}'" not in imported


# ---------------------------------------------------------------- counts that grow with the file

SIZES = (200, 2_000)
DISTINCT = 12  # crons, each in one of two zones


def text(count: int) -> str:
    entries = (
        f"  s{number}:\n"
        f"    cron: '{number % DISTINCT} 9 * * 1-5'\n"
        f"    timezone: {'America/New_York' if number % 2 else 'Europe/Berlin'}\n"
        f"    destination: https://e.example.com/{number}\n"
        f"    body: {{number: {number}}}\n"
        for number in range(count)
    )
    return "version: 1\nnamespace: billing\nschedules:\n" + "".join(entries)


def client(account: FaultServer, *, read_only: bool = False) -> Client:
    return Client(
        "http://local", secret(LOCAL_TOKEN), read_only=read_only,
        transport=httpx.MockTransport(account), clock=NOW.timestamp, monotonic=NOW.timestamp,
        sleep=lambda _seconds: None,
    )  # fmt: skip


@contextmanager
def counted(*targets: tuple[Any, str]) -> Iterator[Counter[str]]:
    """Calls of functions by their names, while the block runs."""
    calls: Counter[str] = Counter()

    def counting(name: str, function: Any) -> Any:
        def called(*words: Any, **more: Any) -> Any:
            calls[name] += 1
            return function(*words, **more)

        return called

    with ExitStack() as stack:
        for owner, name in targets:
            function = counting(name, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, function))
        yield calls


@pytest.fixture(scope="module", params=SIZES)
def applied(request: Any) -> Iterator[tuple[int, Desired, FaultServer, Counter[str], Counter[str]]]:
    """An account that holds a file of so many schedules, and what its apply and a plan cost."""
    count: int = request.param
    desired = config(text(count)).desired
    with FaultServer(switches=Switches(plan="none"), clock=NOW.timestamp) as account:
        with client(account) as ours:
            plan = proposal.propose(ours, desired, now=NOW)
            with counted(
                (proposal, "reconcile"), (applying, "reconcile"), (update, "read_parts")
            ) as apply:
                assert applying.apply(ours, desired, plan).done
        for cache in (compiler._split, exactness._holds):
            cache.cache_clear()
        with (
            client(account, read_only=True) as ours,
            counted(
                (compiler, "compile_job"), (exactness, "compare"), (canonical, "of_message"),
                (update, "read_parts"), (update, "is_as_written"), (reconcile, "reconcile"),
            ) as again,
        ):  # fmt: skip
            assert proposal.propose(ours, desired, now=NOW).empty
        yield count, desired, account, apply, again


def test_an_apply_compares_at_most_twice_and_each_schedule_once(applied: Any) -> None:
    count, _, _, calls, _ = applied
    assert calls["reconcile"] <= 2
    assert calls["read_parts"] <= 2 * count


def test_a_plan_in_sync_compiles_nothing_and_looks_at_each_timing_once(applied: Any) -> None:
    _, _, _, _, calls = applied
    assert calls["compile_job"] == 0
    assert calls["compare"] <= DISTINCT


def test_a_plan_in_sync_makes_one_view_a_schedule(applied: Any) -> None:
    count, _, _, _, calls = applied
    assert calls["of_message"] == calls["is_as_written"] == count
    assert calls["read_parts"] == 0


@pytest.mark.parametrize("count", SIZES)
def test_headers_that_schedules_share_are_looked_at_once(count: int) -> None:
    shared = "defaults: {headers: {X-Team: billing, X-Token: '${env.TOKEN}'}}\n"
    canonical.headers_of.cache_clear()
    origin = tree.Origin
    with counted((origin, "location"), (interpolate.Scope, "_text")) as calls:
        schedules = config(shared + text(count), environ={"TOKEN": "hush"}).desired.schedules or ()
    for schedule in schedules:
        assert canonical.of_message(schedule.message).values["headers"]["X-Token"] == "hush"
    assert canonical.headers_of.cache_info().misses == 1
    assert calls["_text"] == 1
    assert calls["location"] <= 2 * count + 20  # the name's, and the cron's


@pytest.mark.parametrize("count", SIZES)
def test_each_node_of_a_file_is_visited_once(count: int) -> None:
    builds, scope = parse._Tree, interpolate.Scope
    with counted(
        (builds, "scalar"), (builds, "start"), (scope, "resolve"), (build.Builder, "build")
    ) as c:
        config(text(count))
    assert c["scalar"] <= 12 * count
    assert c["start"] <= 2 * count + 10
    assert c["build"] == count
    assert c["resolve"] <= 2 * count + 10


def test_many_environments_are_not_all_held_at_once(tmp_path: Path) -> None:
    """The last config of a run is held to its end, to be taken apart by nobody; the others go."""
    names = ", ".join(f"e{n}: {{namespace: n{n}}}" for n in range(20))
    file = tmp_path / "q.yaml"
    file.write_text(
        f"version: 1\nenvironments: {{{names}}}\ndefaults: {{timezone: UTC}}\n"
        "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.example.com/x'}}\n"
    )

    def held() -> int:
        gc.collect()
        return sum(type(one) is Desired for one in gc.get_objects())

    before = held()
    assert cli("validate", "--mock-env", "-f", str(file)).code == 0
    assert held() - before <= 1


# ---------------------------------------------------------------- what an import costs

SHAPES: dict[str, Callable[[int], dict[str, str]]] = {
    "a header each": lambda n: {"Upstash-Forward-X-Tenant": str(n)},
    "a header for two": lambda n: {"Upstash-Forward-X-Tenant": str(n // 2)},
    "a credential each": lambda n: {"Upstash-Forward-Authorization": f"Bearer abcdefgh{n}"},
    "all alike": lambda _: {},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_import_compares_no_schedule_with_each_other(shape: str) -> None:
    """Of 3,000 tenants with one address nobody waits for 4,500,000 pairs."""
    costs = []
    for count in (40, 160):
        with make_world(Switches(plan="none")) as world:
            grown = Grown(world, random.Random(1))
            for number in range(count):
                grown.put("https://e.example.com/x", "0 9 * * *", headers=SHAPES[shape](number))
            with counted((diff, "compare"), (live_twins, "for_ever")) as calls:
                grown.read()
            costs.append(calls.total())
    assert costs[1] <= 4 * costs[0] + 8
