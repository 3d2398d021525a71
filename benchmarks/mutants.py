"""`make mutants`: break one expression at a time in the rooms that decide, and see who notices.

    python benchmarks/mutants.py [--rooms ROOM ...] [--sample 150 | --all] [--seed 1] [--map]
                                 [--write]

1. The map: the tests run once under coverage, which notes the lines that each meets (`.mutants/`).
2. A seeded sample of each room's mutants. The tests are collected once; each mutant is a fork of
   that process in which one function has other code, so it costs its tests and no imports.
3. The first tests of its line (a budget of seconds), then, for what survives, more of them: quick
   ones that are named after its file, then the quickest.
4. `--write` puts the counts and what survived into tests/mutants.md, for the rooms of the run.

A mutant is killed by a test that fails, and passes without it, or by a run that does not end.
Mutated are the bodies of functions: comparisons, boolean and arithmetic operators, numbers and
flags, conditions, returned values, statements that only call. Left alone: strings (messages),
assertions (they state types), decorators, defaults. What a test starts as another process meets
the real code, and kills nothing.

Why not mutmut: it writes every mutant of a file into that file, and insists on a clean run of the
tests there; tests/crons/test_mutants.py, which wants its lines once in the source, then fails.
"""

import argparse
import ast
import copy
import importlib
import inspect
import os
import platform
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from operator import setitem
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".mutants"
PAGE = ROOT / "tests" / "mutants.md"
ROOMS = ("crons", "reconcile", "planning")
# What can see a mutant of these rooms in seconds; the suites that load copies of the code cannot.
TESTS = ("tests/crons", "tests/reconcile", "tests/planning", "tests/model")
BLIND = ("tests/crons/test_mutants.py",)
BUDGETS = (6.0, 60.0)  # seconds of tests in each pass, as measured under coverage
QUICK = 0.5  # seconds
SLOWER = 4  # a run does not end if it takes so many times as long as its tests did, and
GRACE = 20  # so many seconds
NO_END, CRASH = "did not end", "crashed"  # what kills beside tests
NOT_MADE = 77  # the exit code of a fork that could not even put the mutant in place
MEMORY = 4 << 30
LEAST = 85  # per cent
TODO = "**no reason yet**"

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change; `number` finds it again among those of its file."""

    room: str
    path: str
    number: int
    function: str
    line: int
    last_line: int
    change: str

    @property
    def key(self) -> str:
        """What names it in the page, and outlives edits elsewhere in the file."""
        return f"`{self.path.removeprefix('qstash_sync/')}` `{self.function}`: {self.change}"


# ---------------------------------------------------------------- making mutants


def replacements(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - a case a kind of change
    """What may stand in an expression's or statement's place."""
    match node:
        case ast.Compare(ops=ops):
            for number, op in enumerate(ops):
                if type(op) in SWAPS:
                    changed = copy.deepcopy(node)
                    swapped: Any = SWAPS[type(op)]()
                    changed.ops[number] = swapped
                    yield changed
        case ast.BoolOp(op=op) | ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in SWAPS:
            other = copy.deepcopy(node)
            setattr(other, "op", SWAPS[type(op)]())  # noqa: B010 its type is not that of one node
            yield other
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Return(value=value) if value is not None and not _is_as_false(value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not isinstance(node.test, ast.Compare):
        negated = copy.copy(node)
        negated.test = ast.UnaryOp(ast.Not(), node.test)
        yield negated


def _is_as_false(node: ast.AST) -> bool:
    """Whether it is None, or False, for which True is the mutant."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


Put = Callable[[ast.AST], None]


def places(node: ast.AST, put: Put, around: ast.AST) -> Iterator[tuple[ast.AST, Put, ast.AST]]:
    """Every node of a body, how to put another there, and what a reader needs to see around it."""
    yield node, put, around
    if not isinstance(node, ast.Slice | ast.UnaryOp | ast.keyword):  # these say little alone
        around = node
    if isinstance(node, ast.Assert):
        return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "args", "decorator_list"} and not isinstance(
            node, ast.Call
        ):
            continue
        if isinstance(value, ast.AST):
            yield from places(value, partial(setattr, node, name), around)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from places(item, partial(setitem, value, number), around)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One change of a syntax tree: in the function of this name, `put` sets `other` for `node`."""

    function: str
    node: ast.AST
    other: ast.AST
    put: Put
    around: ast.AST

    def make(self) -> None:
        """Change the tree."""
        self.put(self.other)

    def shown(self) -> str:
        """Before and after, in one line each; a constant with the expression that it stands in."""
        if not isinstance(self.node, ast.Constant):
            return "`{}` → `{}`".format(*excerpts(line(self.node), line(self.other)))
        before = line(self.around)
        self.put(self.other)
        after = line(self.around)
        self.put(self.node)
        return "`{}` → `{}`".format(*excerpts(before, after))


def mutations(tree: ast.Module) -> Iterator[Mutation]:
    """All of a module, in the order of its text."""
    for name, function in functions(tree.body, ""):
        for number, statement in enumerate(function.body):
            put = partial(setitem, function.body, number)
            for node, put_there, around in places(statement, put, statement):
                for other in replacements(node):
                    yield Mutation(
                        function=name, node=node, other=other, put=put_there, around=around
                    )


def functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Any]]:
    """Functions and methods; what is inside a function belongs to it."""
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from functions(statement.body, f"{prefix}{statement.name}.")
        elif isinstance(statement, FUNCTIONS):
            yield prefix + statement.name, statement


def line(node: ast.AST) -> str:
    """A node in one line; of a compound statement, its head."""
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).splitlines()[0]


def excerpts(*texts: str) -> Iterator[str]:
    """Of long texts the place where they begin to differ."""
    pairs = enumerate(zip(*texts, strict=False))
    same = next((n for n, pair in pairs if len({*pair}) > 1), min(map(len, texts)))
    for text in texts:
        start = max(0, min(same - 30, len(text) - 70))
        cut = text[start : start + 70]
        yield "…" * (start > 0) + cut + "…" * (start + 70 < len(text))


def mutants_of(path: Path) -> list[Mutant]:
    """All mutants of a file."""
    relative = path.relative_to(ROOT)
    return [
        Mutant(
            room=relative.parts[1], path=str(relative), number=number, function=one.function,
            line=one.node.lineno, last_line=_head_end(one.node), change=one.shown(),
        )
        for number, one in enumerate(mutations(ast.parse(path.read_text())))
    ]  # fmt: skip


def _head_end(node: Any) -> int:
    """The last line of a statement's head: its body is met by other tests."""
    return int(node.test.end_lineno if isinstance(node, ast.If | ast.While) else node.end_lineno)


def changed_code(mutant: Mutant) -> types.CodeType:
    """The code of the mutant's function."""
    path = ROOT / mutant.path
    tree = ast.parse(path.read_text())
    for number, one in enumerate(mutations(tree)):
        if number == mutant.number:
            one.make()
            break
    code = compile(ast.fix_missing_locations(tree), str(path), "exec")
    return next(c for c in _codes(code) if c.co_qualname == mutant.function)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _codes(constant)


def install(mutant: Mutant) -> None:
    """Give a loaded function the mutant's code, wherever it has been imported to."""
    found: Any = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    for name in mutant.function.split("."):
        found = inspect.getattr_static(found, name)
    for inner in ("fget", "__func__", "func"):
        found = getattr(found, inner, found)
    inspect.unwrap(found).__code__ = changed_code(mutant)
    # What was kept while the tests were collected, the mutant had no part in.
    for name, module in list(sys.modules.items()):
        for kept in vars(module).values() if name.startswith("qstash_sync") else ():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


# ---------------------------------------------------------------- which test meets which line


def draw_map() -> None:
    """Run the tests once, each line's tests noted."""
    WORK.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--cov",
        "--cov-context=test",
    ]
    command += ["--cov-report=", f"--junitxml={WORK / 'times.xml'}", *TESTS]
    command += [f"--ignore={name}" for name in BLIND]
    subprocess.run(
        command, cwd=ROOT, check=False, env={**os.environ, "COVERAGE_FILE": str(WORK / "lines")}
    )


def read_times() -> dict[str, float]:
    """Seconds of each test that passed."""
    times = {}
    for case in ET.parse(WORK / "times.xml").iter("testcase"):
        file = case.get("classname", "").replace(".", "/")
        if case.find("failure") is None:
            times[f"{file}.py::{case.get('name')}"] = float(case.get("time", 0))
    return times


class Lines:
    """The tests of a mutant, in the order in which it meets them."""

    def __init__(self, times: dict[str, float]) -> None:
        from coverage import CoverageData  # noqa: PLC0415 - the rest is tested without it

        self.data = CoverageData(str(WORK / "lines"))
        self.data.read()
        self.times = times
        self.met: dict[str, dict[int, list[str]]] = {}

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that meet its line, quickest first, but for the quick ones named after its file."""
        if mutant.path not in self.met:
            self.met[mutant.path] = self.data.contexts_by_lineno(str(ROOT / mutant.path))
        by_line = self.met[mutant.path]
        lines = range(mutant.line, mutant.last_line + 1)
        met = {c.rpartition("|")[0] for n in lines for c in by_line.get(n, ())}
        own = f"/test_{Path(mutant.path).stem}.py::"
        first = {t for t in met & set(self.times) if own in t and self.times[t] < QUICK}
        return sorted(met & set(self.times), key=lambda t: (t not in first, self.times[t], t))

    def passes(self, mutant: Mutant) -> list[list[str]]:
        """Those of each pass; one test at least, however slow, in the first that has none."""
        found: list[list[str]] = [[] for _ in BUDGETS]
        number, spent = 0, 0.0
        for test in self.tests(mutant):
            spent += self.times[test]
            if spent > BUDGETS[number] and any(found):
                number, spent = number + 1, self.times[test]
                if number == len(BUDGETS):
                    break
            found[number].append(test)
        return found

    def patience(self, tests: Sequence[str]) -> float:
        """Seconds after which a run of these does not end any more."""
        return GRACE + SLOWER * sum(self.times[test] for test in tests)


# ---------------------------------------------------------------- running


class Forks:
    """A pytest plugin: instead of the tests, every mutant with its tests in a fork."""

    def __init__(self, chosen: Sequence[Mutant], lines: Lines) -> None:
        self.chosen, self.lines = chosen, lines
        self.killed: dict[Mutant, str] = {}

    def pytest_sessionstart(self) -> None:
        """Prepare hypothesis, which pytest must be the first to import."""
        from hypothesis import Phase, settings  # noqa: PLC0415 pytest must import it first

        # No shrinking: that a test fails is enough. No database: examples are of one mutant.
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", database=None, phases=phases)
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Both passes, and whether what killed is well without a mutant."""
        items = {item.nodeid: item for item in session.items}
        for number, _ in enumerate(BUDGETS):
            left = [mutant for mutant in self.chosen if mutant not in self.killed]
            for mutant in left:
                names = [name for name in self.lines.passes(mutant)[number] if name in items]
                tests = [items[name] for name in names]
                if killers := fork(session, mutant, tests, self.lines.patience(names)):
                    self.killed[mutant] = killers[0]
                elif number == 0:
                    where = f"{mutant.path}:{mutant.line}"
                    print(f"  not by quick tests: {where} {mutant.change}", flush=True)
            dead = sum(mutant in self.killed for mutant in left)
            print(f"pass {number + 1}: {dead} of {len(left)} killed", flush=True)
        killers = [name for name in dict.fromkeys(self.killed.values()) if name in items]
        tests = [items[name] for name in killers]
        for name in fork(session, None, tests, self.lines.patience(killers)):
            print(f"kills nothing, since it fails without a mutant, too: {name}", flush=True)
            self.killed = {mutant: by for mutant, by in self.killed.items() if by != name}
        return True


def fork(
    session: pytest.Session, mutant: Mutant | None, tests: list[pytest.Item], patience: float
) -> list[str]:
    """Run the tests with the mutant in place: the first that fails; without one, all that do."""
    if not tests:
        return []
    sys.stdout.flush()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        _run_and_leave(session, mutant, tests, tell)
    os.close(tell)
    status, deadline = None, time.monotonic() + patience
    while status is None and time.monotonic() < deadline:
        time.sleep(0.01)
        pid, ended = os.waitpid(child, os.WNOHANG)
        status = os.waitstatus_to_exitcode(ended) if pid else None
    if status is None:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with os.fdopen(told) as failed:
        names = failed.read().splitlines()
    if status == NOT_MADE:
        raise RuntimeError(f"cannot be made: {mutant and mutant.key}")
    if status is None:
        return [*names, NO_END]
    return names or ([CRASH] if status else [])


def _run_and_leave(
    session: pytest.Session, mutant: Mutant | None, tests: list[pytest.Item], tell: int
) -> None:
    code = NOT_MADE
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if mutant:
            install(mutant)
        code = 1  # whatever else ends the run
        for item, following in zip(tests, [*tests[1:], None], strict=True):
            before = session.testsfailed
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed > before:
                os.write(tell, f"{item.nodeid}\n".encode())
                if mutant:
                    break
        code = 1 if session.testsfailed else 0
    finally:
        os._exit(code)


# ---------------------------------------------------------------- the command


def choose(
    rooms: Sequence[str], size: int | None, seed: int
) -> dict[str, tuple[list[Mutant], list[Mutant]]]:
    """Of each room: all its mutants, and the sample."""
    chosen = {}
    for room in rooms:
        every = [
            m
            for path in sorted((ROOT / "qstash_sync" / room).glob("*.py"))
            for m in mutants_of(path)
        ]
        rng = random.Random(f"{seed} {room}")
        picked = every if size is None or size >= len(every) else rng.sample(every, size)
        chosen[room] = (every, sorted(picked, key=lambda m: (m.path, m.number)))
    return chosen


HEAD = (
    "| room | mutants | seed | run | killed | of these did not end | survived | killed, % | on |",
    "|---|--:|--:|--:|--:|--:|--:|--:|---|",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A row of the page: a mutant by its key, the seed of the sample in which it survived, why."""

    key: str
    seed: str
    reason: str = TODO

    def __str__(self) -> str:
        return f"| {self.key} | {self.seed} | {self.reason} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the page says of a room."""

    counts: str
    survivors: tuple[Survivor, ...]


def known_rooms() -> dict[str, Room]:
    """What the page says so far."""
    counts: dict[str, str] = {}
    survivors: dict[str, list[Survivor]] = {room: [] for room in ROOMS}
    room = ""
    for text in PAGE.read_text().splitlines() if PAGE.exists() else ():
        cells = text.removeprefix("| ").removesuffix(" |").split(" | ")
        if text.startswith("## "):
            room = text.removeprefix("## ")
        elif cells[0] in ROOMS:
            counts[cells[0]] = text
        elif room and cells[0].startswith("`"):
            key, seed, reason = cells
            survivors[room].append(Survivor(key=key, seed=seed, reason=reason))
    return {room: Room(counts=counts[room], survivors=tuple(survivors[room])) for room in counts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What killed which mutant, in the sample of a seed."""

    seed: str
    killed: dict[Mutant, str]

    def counts(self, room: str, every: Sequence[Mutant], sample: Sequence[Mutant]) -> str:
        """A row of the table."""
        by = [self.killed[mutant] for mutant in sample if mutant in self.killed]
        alive = len(sample) - len(by)
        today = datetime.now(tz=UTC).date()
        return (
            f"| {room} | {len(every)} | {self.seed} | {len(sample)} | {len(by)} "
            f"| {by.count(NO_END)} | {alive} | {100 * len(by) / len(sample):.1f} | {today} |"
        )


def renewed(
    room: str, run: Run, every: Sequence[Mutant], sample: Sequence[Mutant], known: Room | None
) -> Room:
    """A room after a run. Of earlier samples stays what has a reason, and was not run again."""
    before = {one.key: one for one in (known.survivors if known else ())}
    alive = dict.fromkeys(cell(m.key) for m in sample if m not in run.killed)
    rows = [
        Survivor(key=key, seed=run.seed, reason=before[key].reason if key in before else TODO)
        for key in alive
    ]
    others = {cell(m.key) for m in every} - {cell(m.key) for m in sample}
    rows += [one for one in before.values() if one.key in others and one.reason != TODO]
    return Room(counts=run.counts(room, every, sample), survivors=tuple(rows))


def cell(text: str) -> str:
    """A text in a table: no bar of it ends a cell."""
    return text.replace("|", "\\|")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=ROOMS)
    parser.add_argument("--sample", type=int, default=150)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--map", action="store_true", help="draw the map of tests anew")
    parser.add_argument("--write", action="store_true", help="write tests/mutants.md")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    if options.map or not (WORK / "times.xml").exists():
        draw_map()
    os.chdir(ROOT)
    chosen = choose(options.rooms, None if options.all else options.sample, options.seed)
    everyone = [mutant for _, sample in chosen.values() for mutant in sample]
    forks = Forks(everyone, Lines(read_times()))
    with tempfile.TemporaryDirectory() as folder:
        words = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:cov", f"--basetemp={folder}/t"]
        pytest.main([*words, *TESTS, *(f"--ignore={name}" for name in BLIND)], plugins=[forks])
    run = Run(seed="all" if options.all else str(options.seed), killed=forks.killed)
    known = known_rooms()
    rooms = {r: renewed(r, run, every, of, known.get(r)) for r, (every, of) in chosen.items()}
    print("\n".join((*HEAD, *(room.counts for room in rooms.values()))))
    for mutant in everyone:
        if mutant not in forks.killed:
            met = "" if forks.lines.tests(mutant) else "  (no test meets the line)"
            print(f"{mutant.path}:{mutant.line} {mutant.function}: {mutant.change}{met}")
    if options.write:
        PAGE.write_text("\n".join(page(known | rooms)) + "\n")
    alive = {room: sum(m not in forks.killed for m in of) for room, (_, of) in chosen.items()}
    return int(any(100 * alive[r] > (100 - LEAST) * len(of) for r, (_, of) in chosen.items()))


def page(rooms: dict[str, Room]) -> Iterator[str]:
    """The lines of tests/mutants.md."""
    with_them = {one.metadata["Name"].lower(): one.version for one in metadata.distributions()}
    told = ("pytest", "coverage", "hypothesis")  # who only reads the page may lack coverage
    versions = ", ".join(f"{name} {with_them[name]}" for name in told if name in with_them)
    quick, slow = BUDGETS
    yield "# The mutants that survived"
    yield ""
    yield "What `make mutants` left alive, each with a reason. `mutants.py --write` writes"
    yield "the page: the rooms of its run anew; of earlier samples, what has a reason stays."
    yield ""
    yield f"Each mutant had {quick:g} s of the tests that meet its line (of its own file, then the"
    yield f"quickest), and if it lived, {slow:g} s of the others."
    yield f"Python {platform.python_version()}, {versions}."
    yield ""
    yield from HEAD
    yield from (rooms[room].counts for room in ROOMS if room in rooms)
    for room in ROOMS:
        if room in rooms and rooms[room].survivors:
            yield from ("", f"## {room}", "", "| mutant | seed | reason |", "|---|--:|---|")
            yield from map(str, rooms[room].survivors)


if __name__ == "__main__":
    sys.exit(main())
