"""`make mutants`: small changes of the core's code, one at a time; which of them does no test notice?

    python tests/mutants.py [--room crons] [--size 60] [--seed 1] [--all]

A seeded sample of each room. First every test is run once, to learn which functions it calls and how
long it takes. Then, for each mutant, a forked process swaps the code of the one function and runs
the tests that call it, the fastest first, until one fails. What survives is printed with its place;
tests/mutants.md says of those of the last run why that is so.

Why not mutmut: it runs this suite from a copy of the repository, in which the tests that read its
files find none, and it knows no limit of time for what survives.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TESTS = {
    "crons": ("tests/crons", "tests/planning/test_attention.py", "tests/test_library.py"),
    "reconcile": ("tests/reconcile", "tests/planning", "tests/lint"),
    "planning": ("tests/planning", "tests/reconcile", "tests/lint"),
}
_QUIET = (
    "-q",
    "-x",
    "--no-header",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:randomly",
)
_SECONDS = 20.0  # of the tests that are asked first
_LATEST = 150.0  # seconds, then it counts as noticed: it hangs
_GOAL = 85.0  # per cent
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """The n-th possible change within one function of a module, and what it is."""

    path: str  # from the root
    function: str  # by its qualified name
    number: int
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}: {self.what}"


# ---------------------------------------------------------------- mutants


def changes(function: ast.AST) -> Iterator[tuple[int, str, Callable[[], None]]]:
    """Every change within a function: its line, what it is, and how to make it in place."""
    for node in ast.walk(function):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Compare(ops=[op, *_]) if type(op) in _SWAPS:
                yield line, _swap(node.ops, 0), _swapper(node.ops)
            case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _SWAPS:
                new = _SWAPS[type(op)]
                yield line, f"{type(op).__name__} -> {new.__name__}", _setter(node, "op", new())
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                negated = ast.UnaryOp(op=ast.Not(), operand=test)
                yield line, "condition negated", _setter(node, "test", negated)
            case ast.Constant(value=bool() as value):
                yield line, f"{value} -> {not value}", _setter(node, "value", not value)
            case ast.Constant(value=int() as value):
                yield line, f"{value} -> {value + 1}", _setter(node, "value", value + 1)
            case ast.Return(value=value) if value and not _is_none(value):
                yield line, "returns None", _setter(node, "value", ast.Constant(value=None))
            case ast.Continue():
                yield line, "continue -> break", partial(_become, node, ast.Break)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _swap(ops: list[ast.cmpop], at: int) -> str:
    return f"{type(ops[at]).__name__} -> {_SWAPS[type(ops[at])].__name__}"


def _swapper(ops: list[ast.cmpop]) -> Callable[[], None]:
    def swap() -> None:
        swapped: Any = _SWAPS[type(ops[0])]()
        ops[0] = swapped

    return swap


def _setter(node: ast.AST, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(node, name, value)


def _become(node: ast.AST, kind: type[ast.AST]) -> None:
    node.__class__ = kind


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module, by their qualified names; what is within goes along."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner


def bare(function: ast.FunctionDef) -> ast.FunctionDef:
    """Without its decorators, annotations and defaults: no call runs them."""
    function.decorator_list, function.returns = [], None
    function.args.defaults, function.args.kw_defaults = [], [None] * len(function.args.kwonlyargs)
    for argument in ast.walk(function.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return function


def all_of(room: str) -> list[Mutant]:
    """Every mutant of a room, in order."""
    found = []
    for path in sorted((ROOT / "qstash_sync" / room).glob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for function, node in functions(ast.parse(path.read_text())):
            for number, (line, what, _) in enumerate(changes(bare(copy.deepcopy(node)))):
                found.append(Mutant(name, function, number, line, what))
    return found


def code_of(mutant: Mutant) -> CodeType:
    """The changed function, compiled within its module."""
    tree = ast.parse((ROOT / mutant.path).read_text())
    node = dict(functions(tree))[mutant.function]
    kept = copy.copy(node)
    stripped = bare(copy.deepcopy(node))
    list(changes(stripped))[mutant.number][2]()
    node.body = stripped.body
    assert kept.name == node.name
    return _found(compile(ast.fix_missing_locations(tree), mutant.path, "exec"), mutant.function)


def _found(code: CodeType, name: str) -> CodeType:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                return constant
            with contextlib.suppress(LookupError):
                return _found(constant, name)
    raise LookupError(name)


def live(mutant: Mutant) -> FunctionType:
    """The function as the program has it, out of whatever is wrapped around it."""
    module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    holder, _, name = mutant.function.rpartition(".")
    found: Any = vars(getattr(module, holder) if holder else module)[name]
    while not isinstance(found, FunctionType):
        if isinstance(found, property):
            found = found.fget
        elif isinstance(found, cached_property):
            found = found.func
        else:
            found = getattr(found, "__wrapped__", None) or found.__func__
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    assert isinstance(found, FunctionType)
    return found


# ---------------------------------------------------------------- tests


class Recorder:
    """A plugin of pytest: which functions of the core each test calls, and how long it takes."""

    def __init__(self) -> None:
        self.calls: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Around one test, set-up and all."""
        seen: set[CodeType] = set()

        def profile(frame: Any, event: str, _: Any) -> None:
            if event == "call":
                seen.add(frame.f_code)

        start = time.perf_counter()
        threading.setprofile(profile)
        sys.setprofile(profile)
        yield
        sys.setprofile(None)
        threading.setprofile(None)
        took = time.perf_counter() - start
        for code in seen:
            room, _, file = code.co_filename.removeprefix(f"{ROOT}/qstash_sync/").partition("/")
            if room in TESTS and "/" not in file:
                self.calls[f"qstash_sync/{room}/{file} {code.co_qualname}"].append(
                    (took, item.nodeid)
                )


def forked(work: Callable[[], int], latest: float) -> int | None:
    """What a forked process returns; None if it takes too long."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.setpgid(0, 0)
        code = 1
        with contextlib.suppress(BaseException):
            code = work()
        os._exit(code)
    end = time.monotonic() + latest
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def learn(folders: tuple[str, ...]) -> dict[str, list[tuple[float, str]]]:
    """The tests of each function of the core, the fastest first."""
    with tempfile.NamedTemporaryFile("w+", suffix=".json") as file:

        def work() -> int:
            recorder = Recorder()
            code = pytest.main([*_QUIET, *folders], plugins=[recorder])
            Path(file.name).write_text(json.dumps(recorder.calls))
            return int(code)

        assert forked(work, 3_600) == 0, "the tests fail without any mutant"
        found = json.loads(Path(file.name).read_text())
    return {key: sorted(map(tuple, tests)) for key, tests in found.items()}


def is_noticed(mutant: Mutant, tests: list[tuple[float, str]]) -> bool | None:
    """Whether a test fails with it; None where its code cannot be swapped."""
    code, function = code_of(mutant), live(mutant)
    if code.co_freevars != function.__code__.co_freevars:
        return None
    ends = list(accumulate(took for took, _ in tests))
    first = sum(end <= _SECONDS for end in ends)
    names = [name for _, name in tests]
    for some in (names[:first], names[first:]):  # what takes long is asked only if it must be

        def work(some: list[str] = some) -> int:
            function.__code__ = code
            return int(pytest.main([*_QUIET, *some]))

        if some and forked(work, _LATEST) != 0:
            return True
    return False


def main() -> int:
    """Print what survives and the shares; 1 where fewer are noticed than is the goal."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--room", choices=TESTS, action="append")
    options.add_argument("--size", type=int, default=60, help="mutants a room")
    options.add_argument("--seed", type=int, default=20261126)
    options.add_argument("--all", action="store_true", help="every mutant: takes hours")
    given = options.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    rooms = given.room or list(TESTS)
    folders = tuple(dict.fromkeys(folder for room in rooms for folder in TESTS[room]))
    with contextlib.redirect_stdout(io.StringIO()):  # imports all of it, once
        pytest.main([*_QUIET, "--collect-only", *folders])
    print(f"seed {given.seed}; which test calls what ...", flush=True)
    tests, missed = learn(folders), False
    for room in rooms:
        found = all_of(room)
        size = len(found) if given.all else min(given.size, len(found))
        chosen = sorted(random.Random(given.seed).sample(found, size), key=str)
        counts = {True: 0, False: 0, None: 0}
        for mutant in chosen:
            verdict = is_noticed(mutant, tests.get(f"{mutant.path} {mutant.function}", []))
            counts[verdict] += 1
            if verdict is False:
                print(f"survived  {mutant}", flush=True)
        judged = counts[True] + counts[False]
        share = 100 * counts[True] / judged if judged else 100.0
        print(f"{room}: {counts[True]} of {judged} noticed, {share:.0f}% (of {len(found):,})\n")
        missed |= share < _GOAL
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
