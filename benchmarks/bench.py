"""`make bench`: one table of what our commands cost, as ratios to octoDNS and to the ideal.

    python benchmarks/bench.py [--rounds 5] [--large-rounds 3] [--only GLOB] [--small] [--write]

Whole processes, as a user starts them. What is compared is measured in turn within one run (ours,
theirs, ours, theirs, ...), so that noise meets both alike; each ratio is that of the medians. A
command that does not end as it must (in sync, as many changes as there are) ends the run.
"""

import argparse
import fnmatch
import json
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import inputs
import report
from report import Row

HERE = Path(__file__).parent
BIN = Path(sysconfig.get_path("scripts"))
LATENCY = 0.05  # seconds until each answer to an apply
COMPILATIONS = 51
BUSY = 1.0  # a load from which on the figures that are no ratios are not to be trusted
SIZES = {"1": 1, "1k": 1_000, "10k": 10_000}
SMALL = {"1": 1, "1k": 100, "10k": 1_000}

Sample = dict[str, float]  # what one measurement found
Measure = Callable[[], Sample]


# One process


def run(words: Sequence[str | Path], says: str = "", code: int = 0, **environ: str) -> Sample:
    """Its wall time in seconds and its peak memory in MB; it must say and return just that.

    Linux counts the memory of the process that starts another to the other's: so this one is small.
    """
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **inputs.SECRETS, **environ}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(words, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode != code or not re.search(says, text):
        shown = " ".join(map(str, words))
        sys.exit(f"{text[-2000:]}\n{shown}: ended with {process.returncode}, expected: {says!r}")
    return {"wall": wall, "memory": usage.ru_maxrss * 1024 / 1e6}


@dataclass
class Server:
    """A script of this folder that serves from its own process."""

    process: subprocess.Popen[str]
    greeting: str

    def ask(self) -> dict[str, Any]:
        """What it counted since it was asked last."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told


@contextmanager
def serving(*words: str | Path) -> Iterator[Server]:
    """The server, as long as it is needed; the end of its stdin ends it."""
    command = [sys.executable, *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield Server(process, process.stdout.readline().strip())
        process.communicate()


# What the commands work with: files, accounts and servers, each made when first asked for


@dataclass
class Setup:
    """The scratch folder of one run, and all that is in it."""

    folder: Path
    sizes: dict[str, int]
    stack: ExitStack
    _made: dict[str, Any] = field(default_factory=dict)

    def _once(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def file(self, name: str) -> Path:
        """Our file: of 1, 1k, 10k schedules, `distinct` or `utc`."""
        thousand = self.sizes["1k"]

        def make() -> Path:
            text = {
                "distinct": lambda: inputs.schedules(thousand, distinct=thousand),
                "utc": lambda: inputs.schedules(thousand, timezones=("UTC",)),
            }.get(name, lambda: inputs.schedules(self.sizes[name]))()
            path = self.folder / f"{name}.yaml"
            path.write_text(text)
            return path

        path: Path = self._once(f"file {name}", make)
        return path

    def octodns(self, size: str) -> Path:
        """The config of octoDNS for as many records."""
        folder = self.folder / f"octodns-{size}"
        path: Path = self._once(f"octodns {size}", lambda: inputs.octodns(folder, self.sizes[size]))
        return path

    def account(self, name: str) -> str:
        """The address of the account that a file was applied to; `NAME-changed`: then edited."""
        url: str = self._once(f"account {name}", lambda: self._serve(self._account(name)))
        return url

    def _serve(self, folder: Path) -> str:
        return self.stack.enter_context(serving(HERE / "lists.py", folder)).greeting

    def _account(self, name: str) -> Path:
        folder, of = self.folder / f"account-{name}", name.removesuffix("-changed")
        if name == "empty":
            folder.mkdir()
            for file in ("schedules", "topics", "queues", "flowControl"):
                (folder / file).write_text("[]")
        elif not folder.exists():
            print(f"... an apply of {of} makes the account", file=sys.stderr, flush=True)
            plain, changed = self.folder / f"account-{of}", self.folder / f"account-{of}-changed"
            words = [HERE / "account.py", "build", self.file(of), plain, "--changed", changed]
            subprocess.run([sys.executable, *words], check=True)
        return folder

    def counting(self) -> Server:
        """The account that an apply writes to, with its latency."""
        words = (HERE / "account.py", "serve", "--latency", str(LATENCY))
        server: Server = self._once("counting", lambda: self.stack.enter_context(serving(*words)))
        return server


# What is measured: each prepares its part of the setup, and returns what measures once


def plan(setup: Setup, file: str, account: str, says: str) -> Measure:
    """`qstash-sync plan`: in sync, or with as many changes as it says."""
    words = [BIN / "qstash-sync", "plan", "-f", setup.file(file), "--now", inputs.NOW]
    words.append("--detailed-exitcode")
    url, code = setup.account(account), 0 if says.startswith("No changes") else 2
    return lambda: run(words, says, code, QSTASH_URL=url, QSTASH_TOKEN="any")


def in_sync(setup: Setup, name: str) -> Measure:
    """A plan with nothing to do."""
    return plan(setup, name, name, "No changes: ")


def validate(setup: Setup, size: str) -> Measure:
    """`qstash-sync validate`."""
    words = [BIN / "qstash-sync", "validate", "-f", setup.file(size), "--now", inputs.NOW]
    return lambda: run(words, "Valid: 1 file")


def octodns(setup: Setup, size: str) -> Measure:
    """`octodns-sync` without --doit, from YAML to the same YAML."""
    words = [BIN / "octodns-sync", "--config-file", setup.octodns(size)]
    return lambda: run(words, "No changes were planned")


def applying(setup: Setup, parallelism: int) -> Measure:
    """`qstash-sync apply` of creates: wall time, and that of the writes, in times the ideal.

    The ideal is requests x latency / parallelism, with all requests that the server saw: those of
    the whole process, or those from the first about a single schedule to the last.
    """
    server, creates = setup.counting(), setup.sizes["1k"]
    words = [BIN / "qstash-sync", "apply", "--yes", "-f", setup.file("utc")]
    words += ["--parallelism", str(parallelism)]
    address = json.loads(server.greeting)
    environ = {"QSTASH_URL": address["url"], "QSTASH_TOKEN": address["token"]}

    def measure() -> Sample:
        ran = run(words, f"Applied: {creates:,} done", **environ)
        told = server.ask()
        assert told["writes"] == creates, told
        each = LATENCY / parallelism
        whole, writes = ran["wall"] / (told["all"] * each), told["took"] / (told["single"] * each)
        return {**ran, "whole": whole, "writes": writes}

    return measure


def compilation(_: Setup) -> Measure:
    """Milliseconds of processor time for a daily job in New York, proof included, cold."""

    def measure() -> Sample:
        import compile_speed  # noqa: PLC0415 with all of the compiler: not before the last stage

        text, timezone, strategy, _ = compile_speed.CASES[0]
        compile_speed.once(text, timezone, strategy)
        return {"ms": compile_speed.median(text, timezone, strategy, COMPILATIONS)}

    return measure


CASES: dict[str, Callable[[Setup], Measure]] = {
    "octodns-1k": lambda setup: octodns(setup, "1k"),
    "plan-1k": lambda setup: in_sync(setup, "1k"),
    "empty-1k": lambda setup: plan(
        setup, "1k", "empty", f"Plan: {setup.sizes['1k']:,} to create, 0 to update"
    ),
    "distinct-1k": lambda setup: in_sync(setup, "distinct"),
    "validate-1k": lambda setup: validate(setup, "1k"),
    "plan-1": lambda setup: in_sync(setup, "1"),
    "octodns-10k": lambda setup: octodns(setup, "10k"),
    "plan-10k": lambda setup: in_sync(setup, "10k"),
    "changed-10k": lambda setup: plan(
        setup, "10k", "10k-changed", f"Plan: 0 to create, {setup.sizes['10k'] // 100:,} to update"
    ),
    "validate-10k": lambda setup: validate(setup, "10k"),
    "click": lambda _: lambda: run([sys.executable, "-c", "import click"]),
    "help": lambda _: lambda: run([BIN / "qstash-sync", "--help"], "Usage: qstash-sync"),
    **{f"apply-{n}": lambda setup, n=n: applying(setup, n) for n in (8, 16, 32)},
    "compile": compilation,
}
STAGES = {  # which are measured in turn
    "small": ("octodns-1k", "plan-1k", "empty-1k", "distinct-1k", "validate-1k", "plan-1"),
    "large": ("octodns-10k", "plan-10k", "changed-10k", "validate-10k"),
    "start": ("click", "help"),
    "apply": ("apply-8", "apply-16", "apply-32"),
    "compile": ("compile",),
}


class Found:
    """All samples of a run, and the figures that come of them."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = defaultdict(list)

    def add(self, case: str, sample: Sample) -> None:
        """Take one measurement."""
        self._samples[case].append(sample)

    def median(self, case: str, what: str = "wall") -> float:
        """Of all rounds."""
        return statistics.median(sample[what] for sample in self._samples[case])

    def ratio(self, case: str, base: str) -> float:
        """Wall time in times another's."""
        return self.median(case) / self.median(base)

    def growth(self) -> float:
        """Ten times as many schedules, in times the time, without that of one."""
        one = self.median("plan-1")
        return (self.median("plan-10k") - one) / (self.median("plan-1k") - one)

    def lines(self) -> Iterator[str]:
        """The seconds behind the ratios: median, least and most of each case."""
        for case, samples in self._samples.items():
            walls = [sample["wall"] for sample in samples if "wall" in sample]
            if walls:
                spread = f"{min(walls):.3f} to {max(walls):.3f}"
                memory = f"{self.median(case, 'memory'):4.0f} MB"
                middle = statistics.median(walls)
                yield f"{case:13} {middle:7.3f} s {memory}  {len(walls)} rounds, {spread} s"


def rows(sizes: dict[str, int]) -> list[Row]:
    """The table: what, its goal, the cases that it needs, and its figure."""
    few, many = f"{sizes['1k']:,}", f"{sizes['10k']:,}"

    def ratio(key: str, what: str, goal: float, base: str) -> Row:
        unit = "x octoDNS" if base.startswith("octodns") else "x `import click`"
        return Row(key, what, goal, unit, (key, base), lambda found: found.ratio(key, base))

    def ideal(key: str, what: str, goal: float, case: str, sample: str) -> Row:
        return Row(key, what, goal, "x ideal", (case,), lambda found: found.median(case, sample))

    return [
        ratio("plan-1k", f"plan of {few}, in sync", 0.70, "octodns-1k"),
        ratio("plan-10k", f"plan of {many}, in sync", 0.33, "octodns-10k"),
        Row(
            "plan-10k-memory", "its peak memory", 200, "MB", ("plan-10k",),
            lambda found: found.median("plan-10k", "memory"),
        ),
        ratio("changed-10k", f"plan of {many}, 1 % changed", 0.36, "octodns-10k"),
        ratio("empty-1k", f"plan of {few} into an empty account", 1.4, "octodns-1k"),
        ratio("distinct-1k", f"plan of {few} distinct crons, in sync", 0.9, "octodns-1k"),
        ratio("validate-1k", f"validate of {few}", 1.0, "octodns-1k"),
        ratio("validate-10k", f"validate of {many}", 0.36, "octodns-10k"),
        Row(
            "growth", f"plan in sync, (T({many}) - T(1)) / (T({few}) - T(1))", 10, "x",
            ("plan-1", "plan-1k", "plan-10k"), Found.growth,
        ),
        Row(
            "compile", "a compilation with its proof, daily in New York, cold", 3.0, "ms",
            ("compile",), lambda found: found.median("compile", "ms"),
        ),
        *(
            ideal(f"apply-{n}", f"apply of {few} creates, parallelism {n}, whole process", goal,
                  f"apply-{n}", "whole")
            for n, goal in ((8, 1.2), (16, 1.3), (32, 1.6))
        ),
        *(
            ideal(f"writes-{n}", f"the same at {n}, first request to last answer", goal,
                  f"apply-{n}", "writes")
            for n, goal in ((8, 1.1), (16, 1.1), (32, 1.15))
        ),
        ratio("help", "--help", 1.3, "click"),
    ]  # fmt: skip


def measure(chosen: Sequence[Row], sizes: dict[str, int], rounds: dict[str, int]) -> Found:
    """Everything that the rows need, stage by stage, in turn within each."""
    needed = {case for row in chosen for case in row.needs}
    found = Found()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        setup = Setup(Path(folder), sizes, stack)
        for stage, cases in STAGES.items():
            ready = {case: CASES[case](setup) for case in cases if case in needed}
            for number in range(rounds[stage] if ready else 0):
                print(f"... {stage}, round {number + 1}", file=sys.stderr, flush=True)
                for case, once in ready.items():
                    found.add(case, once())
    return found


def main() -> None:
    """Measure, print, and keep what is asked for."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, help="5, or 1 with --small")
    options.add_argument("--large-rounds", type=int, help="of the 10,000: 3, or 1")
    options.add_argument("--only", action="append", metavar="GLOB", help="rows; repeatable")
    options.add_argument("--small", action="store_true", help="a tenth of all: does it run?")
    options.add_argument("--seconds", action="store_true", help="show the seconds, too")
    options.add_argument("--write", action="store_true", help="write docs/performance.md")
    options.add_argument("--save", type=Path, metavar="FILE", help="add the figures to a JSON file")
    given = options.parse_args()
    sizes = SMALL if given.small else SIZES
    globs = given.only or ["*"]
    chosen = [row for row in rows(sizes) if any(fnmatch.fnmatch(row.key, g) for g in globs)]
    if given.write and (given.small or given.only):
        options.error("--write is for the whole table")
    if not chosen:
        options.error(f"rows: {', '.join(row.key for row in rows(sizes))}")
    few = given.rounds or (1 if given.small else 5)
    many = given.large_rounds or (1 if given.small else 3)
    rounds = {"small": few, "large": many, "start": 5 * few, "apply": few, "compile": 1}
    machine = report.machine()
    if float(machine["load"]) > BUSY:
        print(f"... load {machine['load']}: others work here; see --seconds", file=sys.stderr)
    found = measure(chosen, sizes, rounds)
    now = report.Measured(machine, {row.key: row.figure(found) for row in chosen})
    print(report.as_text(chosen, now, judged=not given.small))
    if given.seconds:
        print("", *found.lines(), sep="\n")
    if given.save:
        report.save(given.save, now)
    if given.write:
        report.write(chosen, now)


if __name__ == "__main__":
    main()
