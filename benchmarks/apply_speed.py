"""How fast changes are applied: 1,000 creates against a local server in a process of its own.

python benchmarks/apply_speed.py [--changes 1000] [--latency 0.05] [--rounds 3]

Each round measures everything once, so that noise meets all alike; the table has the medians.
`bare` is the same requests from a loop of threads with http.client: what Python can do at all.
"""

import argparse
import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from qstash_sync.applying.executor import Control, carry_out
from qstash_sync.applying.outcomes import Status
from qstash_sync.local import LOCAL_TOKEN, Served, Switches
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.resources import Kind, Live, Message, Piece, Secret
from qstash_sync.model.steps import PutSchedule
from qstash_sync.planning.policy import Policy
from qstash_sync.qstash import wire
from qstash_sync.qstash.client import Client
from tests.fault_server import FaultServer

ROOT = Path(__file__).parents[1]
BARS = {8: 1.15, 32: 1.3}  # times the ideal: changes x latency / parallelism
BURST, BURST_BAR = 100, 0.9  # requests a second; the part of them that must be used
TOKEN = Secret((Piece(LOCAL_TOKEN, hidden=True),))
MESSAGE = Message(
    destination="https://app.example.com/api/cron/report",
    headers=(("Content-Type", "application/json"), ("X-Team", "billing")),
    body='{"type": "daily"}',
)


# The server, in its own process: reads settings from stdin, answers with what it counted before


def serve() -> None:
    with FaultServer(switches=Switches(plan="none")) as account, Served(account) as served:
        print(served.url, flush=True)
        for line in sys.stdin:
            settings = json.loads(line)
            refused = sum(status == 429 for *_, status in account.log)
            counted = {"most": account.most_in_flight, "refused": refused, "all": len(account.log)}
            account.forget()
            account.latency = settings["latency"]
            account.switches = account.switches.with_(burst_limit=settings["burst"])
            print(json.dumps(counted), flush=True)


@dataclass
class Server:
    """The other side, seen from here."""

    process: subprocess.Popen[str]
    url: str

    def set(self, *, latency: float = 0.0, burst: int = 0) -> dict[str, int]:
        """Behave like this from now on; returns what was counted since the last time."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"latency": latency, "burst": burst}) + "\n")
        self.process.stdin.flush()
        found: dict[str, int] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def a_server() -> Iterator[Server]:
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield Server(process, process.stdout.readline().strip())
        process.communicate()  # closes its stdin, which ends it


# What is measured


def creates(count: int, run: str) -> list[PutSchedule]:
    return [
        PutSchedule(id=f"{run}.{n}", cron=f"{n % 60} 9 * * *", message=MESSAGE, labels=("a", "b"))
        for n in range(count)
    ]


def ours(url: str, steps: Sequence[PutSchedule], parallelism: int) -> float:
    """The executor of an apply, from the first write to the last answer."""
    changes = [
        Change(
            kind=Kind.SCHEDULE,
            name=step.id,
            id=step.id,
            action=Action.CREATE,
            reason=Reason.FILE,
            steps=(step,),
        )
        for step in steps
    ]
    nothing, control = Live(schedules=()), Control(parallelism=parallelism)
    with Client(url, TOKEN, read_only=False, parallelism=parallelism) as client:
        start = perf_counter()
        outcomes = carry_out(client, changes, nothing, Policy(), control)
        took = perf_counter() - start
    assert all(outcome.status is Status.DONE for outcome in outcomes.values())
    return took


def bare(url: str, steps: Sequence[PutSchedule], parallelism: int) -> float:
    own = threading.local()

    def send(step: PutSchedule) -> None:
        request = wire.of_step(step)
        if not hasattr(own, "connection"):
            own.connection = HTTPConnection(url.removeprefix("http://"))
        headers = {"Authorization": f"Bearer {LOCAL_TOKEN}", **dict(request.headers)}
        own.connection.request(request.method, request.path, request.content, headers)
        answer = own.connection.getresponse()
        answer.read()
        assert answer.status == 200

    with ThreadPoolExecutor(parallelism) as pool:
        start = perf_counter()
        list(pool.map(send, steps))
        return perf_counter() - start


def whole_process(url: str, steps: Sequence[PutSchedule], parallelism: int) -> float:
    """`qstash-sync apply` of as many schedules: start-up, file, compilation, reads and all.

    Without the site module, and so without any .pth file that somebody's packages brought along.
    """
    entry = "cron: '{} 9 * * *', destination: https://app.example.com/api/cron/report"
    schedules = "".join(f"  s{n}: {{{entry.format(n % 60)}}}\n" for n in range(len(steps)))
    paths = [str(ROOT), sysconfig.get_paths()["purelib"]]
    code = f"import sys; sys.path[:0] = {paths}; from qstash_sync.cli.main import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "qstash.yaml"
        namespace = steps[0].id.partition(".")[0]
        head = f"version: 1\nnamespace: {namespace}\ndefaults: {{timezone: UTC}}\nschedules:\n"
        file.write_text(head + schedules)
        options = ["apply", "--yes", "-f", str(file), "--parallelism", str(parallelism)]
        start = perf_counter()
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", code, *options],
            check=True,
            capture_output=True,
            env={"QSTASH_URL": url, "QSTASH_TOKEN": LOCAL_TOKEN},
        )
        return perf_counter() - start


# The rounds and the table

Found = dict[tuple[str, int], list[tuple[float, dict[str, int]]]]


def a_round(server: Server, found: Found, number: int, changes: int, latency: float) -> None:
    burst: dict[str, Any] = {"latency": latency, "burst": BURST}
    cases: list[tuple[str, Callable[..., float], dict[str, Any]]] = [
        ("bare full speed", bare, {}),
        ("ours full speed", ours, {}),
        ("bare latency", bare, {"latency": latency}),
        ("ours latency", ours, {"latency": latency}),
        ("ours burst", ours, burst),  # `bare` does not know how to wait
        ("whole process", whole_process, {"latency": latency}),
    ]
    for parallelism in BARS:
        for what, measure, settings in cases:
            run = f"{what.replace(' ', '-')}-{number}-{parallelism}"
            server.set(**settings)
            taken = measure(server.url, creates(changes, run), parallelism)
            found[what, parallelism].append((taken, server.set()))


def table(found: Found, changes: int, latency: float) -> None:
    def median(what: str, parallelism: int) -> float:
        return statistics.median(taken for taken, _ in found[what, parallelism])

    def counted(what: str, parallelism: int, key: str) -> str:
        return "/".join(str(n) for n in sorted({c[key] for _, c in found[what, parallelism]}))

    print(f"{changes} creates at {latency * 1000:.0f} ms, from the first write to the last answer")
    print(
        "parallelism  ideal    bare    ours  x bare  x ideal (goal)  most in flight  whole process"
    )
    for parallelism, bar in BARS.items():
        ideal = changes * latency / parallelism
        base, taken = median("bare latency", parallelism), median("ours latency", parallelism)
        whole = median("whole process", parallelism)
        print(
            f"{parallelism:11} {ideal:5.2f} s {base:5.2f} s {taken:5.2f} s {taken / base:7.2f}"
            f" {taken / ideal:8.2f} ({bar:.2f}) {counted('ours latency', parallelism, 'most'):>15}"
            f" {whole:8.2f} s, {whole / ideal:.2f} x"
        )
    print(f"\nthe same where {BURST} requests a second are allowed: none may fail")
    print("parallelism    ours  creates a second (goal)  refused on the way")
    for parallelism in BARS:
        taken = median("ours burst", parallelism)
        refused = counted("ours burst", parallelism, "refused")
        print(
            f"{parallelism:11} {taken:5.2f} s {changes / taken:17.1f} ({BURST * BURST_BAR:.0f})"
            f" {refused:>20}"
        )
    print("\nwithout latency: what client and server can do, in creates a second")
    for parallelism in BARS:
        speeds = [changes / median(f"{way} full speed", parallelism) for way in ("bare", "ours")]
        print(f"{parallelism:11}  bare {speeds[0]:5.0f}  ours {speeds[1]:5.0f}")


def main() -> None:
    options = argparse.ArgumentParser(description="Measure applies.")
    options.add_argument("--changes", type=int, default=1_000)
    options.add_argument("--latency", type=float, default=0.05, help="seconds")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve()
        return
    found: Found = defaultdict(list)
    with a_server() as server:
        for number in range(given.rounds):
            a_round(server, found, number, given.changes, given.latency)
    table(found, given.changes, given.latency)


if __name__ == "__main__":
    main()
