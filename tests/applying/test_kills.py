"""The real process, ended in the middle: the next apply does the rest, and pauses stay pauses.

The server stands in this process and ends the other one at a chosen write. Its clock stands still
far from all firings, so that nothing waits for a window.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
import pytest

from qstash_sync.cli.apply import signals
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.local.serve import Served
from tests.fault_server import FaultServer
from tests.mixed import AFTER, Scene, Snapshot
from tests.support import config

ROOT = Path(__file__).parents[2]
DESIRED = config(AFTER).desired
TODAY = datetime.now(UTC)  # the process plans for today; any day will do
CHUNKS = 6
# The process has the clock of the account, whatever the machine says.
IN_TIME = """
import signal, sys, time
for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # whoever started the tests may ignore them
    signal.signal(getattr(signal, name), signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
real, ahead = time.time, float(sys.argv[1])
time.time = lambda: real() + ahead
from qstash_sync.cli.main import main
main(sys.argv[2:])
"""
LONGEST = 60.0  # seconds for a process, however slow the machine is


@dataclass
class Process:
    """`qstash-sync apply` against a server that may do something to it at each write."""

    world: Scene
    at_write: Callable[["Process", int], None]
    parallelism: int = 1
    writes: int = 0
    pid: int = 0
    known: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self, file: Path, on_end: Callable[[], None] = lambda: None
    ) -> subprocess.CompletedProcess[str]:
        """Start it and wait for its end."""
        ahead = self.world.now - time.time()
        command = [sys.executable, "-c", IN_TIME, str(ahead), "apply", "--yes", "-f", str(file)]
        command += ["--parallelism", str(self.parallelism)]
        self.world.account.before = self._before
        with Served(self.world.account) as served:
            environ = {
                "QSTASH_TOKEN": LOCAL_TOKEN,
                "QSTASH_URL": served.url,
                "PYTHONPATH": str(ROOT),
            }
            with subprocess.Popen(
                command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process:
                self.pid = process.pid
                self.known.set()
                out, err = process.communicate(timeout=LONGEST)
                self.pid = 0
            on_end()
            self.world.account.before = None
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self.known.wait(LONGEST)
        if self.pid:
            os.kill(self.pid, number)

    def _before(self, request: httpx.Request) -> None:
        if request.method != "GET":
            with self._lock:
                self.writes += 1
                writes = self.writes
            self.at_write(self, writes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "q.yaml"
    found.write_text(AFTER)
    return found


@contextmanager
def account(*, keeps_pause: bool) -> Iterator[Scene]:
    """An account; all is as it was before the apply once it is prepared or restored."""
    world = Scene(today=TODAY)
    switches = Switches(overwrite_keeps_pause=keeps_pause)
    with FaultServer(switches=switches, clock=world.time) as world.account:
        yield world


@cache
def prepared() -> tuple[Snapshot, int]:
    """The account before, and how many writes the apply takes."""
    with account(keeps_pause=True) as world:
        world.prepare()
        before = world.stored()
        assert world.apply(DESIRED).done
        return before, len(world.account.writes)


@contextmanager
def watched(*, keeps_pause: bool) -> Iterator[Scene]:
    """The account before; what others own is as it was in the end."""
    with account(keeps_pause=keeps_pause) as world:
        world.restore(prepared()[0])
        theirs = world.theirs()
        yield world
        assert world.theirs() == theirs


def assert_converges(world: Scene) -> None:
    """A plain apply does the rest: nothing twice, nothing missing, every pause in its place."""
    world.account.forget()
    if not world.plan(DESIRED).empty:
        assert world.apply(DESIRED).done
        assert world.plan(DESIRED).empty
    paused = {name for name in ("body", "halt", "halt.2", "halt.3", "new", "new-name", "keep", "go", "split")
              if (part := world.account.store.get("schedule", f"billing.{name}")) and part["isPaused"]}  # fmt: skip
    # A pause that an upsert undid, and the apply did not live to restore, is told: it might be
    # somebody's wish by now.
    told = {w.path[1] for w in world.plan(DESIRED).warnings if w.code == "resumed"}
    assert told <= ({"body"} if not world.account.switches.overwrite_keeps_pause else set())
    assert paused | told >= {"body", "halt", "new", "new-name"}
    assert not paused & {"keep", "go", "split"}
    assert world.account.store.get("schedule", "billing.old-name") is None


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("keeps_pause", [True, False])
def test_a_kill_in_the_middle_of_any_write_is_healed_by_the_next_apply(
    *, keeps_pause: bool, chunk: int, file: Path
) -> None:
    for write in range(1 + chunk, prepared()[1] + 1, CHUNKS):

        def kill(process: Process, writes: int, write: int = write) -> None:
            if writes == write:
                process.send(signal.SIGKILL)

        with watched(keeps_pause=keeps_pause) as world:
            process = Process(world, kill)
            assert process.run(file).returncode == -signal.SIGKILL, f"at write {write}"
            assert process.writes == write
            assert_converges(world)


def test_a_kill_with_many_writes_in_flight_is_healed_too(file: Path) -> None:
    for write in (3, 14, 25):

        def kill(process: Process, writes: int, write: int = write) -> None:
            if writes == write:
                process.send(signal.SIGKILL)

        with watched(keeps_pause=False) as world:
            process = Process(world, kill, parallelism=8)
            assert process.run(file).returncode == -signal.SIGKILL
            assert_converges(world)


ASKED = [(name, write) for name in ("SIGINT", "SIGTERM", "SIGHUP") for write in (1, 9, 20)]


@pytest.mark.parametrize(("name", "write"), ASKED)
def test_a_signal_ends_what_is_in_flight_and_starts_nothing_more(
    name: str, write: int, file: Path
) -> None:
    """Two workers: of the changes, those two are ended that had begun, however many writes it takes."""

    def ask(process: Process, writes: int) -> None:
        if writes == write:
            process.send(signal.Signals[name])
        if writes >= write:
            time.sleep(0.1)  # the signal comes while this request is in flight

    with watched(keeps_pause=False) as world:
        process = Process(world, ask, parallelism=2)
        ran = process.run(file)
        assert ran.returncode == 4, ran
        assert f"{name}: finishing what is in flight, starting nothing more" in ran.stderr
        told = ran.stderr.partition(f"{name}: ")[2].splitlines()[1:]
        ended = [line for line in told if line.startswith("done")]
        assert len(ended) <= 4  # two may have ended right before
        assert "failed" not in ran.stdout
        assert "stopped before it began" in ran.stdout
        assert "Traceback" not in ran.stdout + ran.stderr
        left = re.search(r", (\d+) blocked", ran.stdout.splitlines()[-1])
        assert left
        assert int(left[1]) >= 3
        assert_converges(world)


def test_a_signal_during_a_wait_for_a_window_ends_the_wait(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    text = "version: 1\nnamespace: n\nschedules: {a: {cron: '0 12 * * *', timezone: UTC, destination: 'https://e.com'}}\n"
    file.write_text(text.replace("0 12", "5 12"))
    with account(keeps_pause=True) as world:
        assert world.apply(config(text).desired).done
        world.now -= 40
        reads = [0]

        def after(_request: httpx.Request) -> None:
            reads[0] += 1
            if reads[0] == 2:  # both before the first write; then it waits
                threading.Timer(1.5, process.send, [signal.SIGTERM]).start()

        world.account.after = after
        process = Process(world, lambda _process, _writes: None)
        started = time.monotonic()
        ran = process.run(file)
        assert time.monotonic() - started < 30
        assert ran.returncode == 4, ran
        assert "a: a firing is near; waiting until 12:00:02Z" in ran.stderr
        assert "stopped before it began" in ran.stdout
        assert process.writes == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_same_signal_once_more_ends_it_at_once(name: str, file: Path) -> None:
    """Although a request hangs."""
    ended = threading.Event()

    def ask(process: Process, writes: int) -> None:
        if writes == 9:
            process.send(signal.Signals[name])
            time.sleep(1.5)
            process.send(signal.Signals[name])
            ended.wait(20)

    with watched(keeps_pause=True) as world:
        process = Process(world, ask)
        started = time.monotonic()
        ran = process.run(file, on_end=ended.set)
        assert time.monotonic() - started < 15
        assert f"{name} once more ends at once" in ran.stderr
        assert ran.returncode == -signal.Signals[name]
        assert process.writes == 9
        assert_converges(world)


@pytest.mark.parametrize(
    "names", [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGTERM"), ("SIGINT", "SIGINT", "SIGHUP")]
)
def test_one_wish_may_come_as_several_signals(names: tuple[str, ...], file: Path) -> None:
    """GNU `timeout` signals a process and its group; who cancels a job in CI, with one and another."""

    def ask(process: Process, writes: int) -> None:
        if writes == 9:
            for name in names:
                process.send(signal.Signals[name])
                time.sleep(0.05)

    with watched(keeps_pause=True) as world:
        process = Process(world, ask)
        ran = process.run(file)
        assert ran.returncode == 4, ran
        assert ran.stderr.count("finishing what is in flight") == 1
        assert "stopped before it began" in ran.stdout
        assert_converges(world)


@pytest.mark.usefixtures("usual_handlers")
def test_only_the_same_signal_and_only_later_is_a_second_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[int] = []
    monkeypatch.setattr("os.kill", lambda _pid, number: killed.append(number))
    now = [100.0]
    stop = threading.Event()
    with signals(stop, [], lambda: now[0]):
        asked = signal.getsignal(signal.SIGINT)
        assert callable(asked)
        for second, number in ((0, "INT"), (1, "INT"), (1.1, "TERM"), (2, "TERM")):
            now[0] = 100.0 + second
            asked(signal.Signals[f"SIG{number}"], None)
        assert (stop.is_set(), killed) == (True, [])
        now[0] = 101.01
        asked(signal.SIGINT, None)
        assert killed == [signal.SIGINT]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
