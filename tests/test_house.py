"""The directions and owners of the code, and what every module owes the reader."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "qstash_sync"
MODULES = sorted(ROOT.rglob("*.py"))
# Downwards only: cli -> adopt, applying, config, health, render, timeline, qstash, local -> planning -> lint ->
# reconcile -> model -> crons; edges do not import each other, but for the views, which show what others came to.
CORE = {"planning", "lint", "reconcile", "model", "crons", "errors", "exit_codes", "record"}
MAY_IMPORT = {
    "exit_codes.py": set[str](),
    "record.py": set[str](),
    "errors.py": {"exit_codes"},
    "crons": {"crons", "record"},
    "model": {"model", "crons", "record"},
    "reconcile": CORE - {"planning", "lint"},
    "lint": {"lint", "reconcile", "model", "crons", "errors", "record"},
    "planning": CORE,
    "adopt": {"adopt", *CORE},
    "timeline": {"timeline", *CORE},
    "applying": {"applying", *CORE},
    "health": {"health", *CORE},
    "config": {"config", *CORE},
    "qstash": {"qstash", *CORE},
    "render": {"render", "adopt", "applying", "timeline", "health", *CORE},
    "local": {"local"},
}
OWNERS = {
    "pydantic": ("config/",),
    "pydantic_core": ("config/", "qstash/answers.py"),
    "yaml": ("config/",),
    "dotenv": ("config/env_file.py",),
    "deepdiff": ("reconcile/diff.py",),
    "croniter": ("crons/compile.py",),
    "httpx": (
        "qstash/client.py",
        "qstash/connections.py",
        "qstash/exchange.py",
        "local/",
        "library.py",
    ),  # library: the transport of an embedded account
    "click": ("cli/",),
    "icalendar": ("render/ics.py",),
    "jinja2": ("render/html.py",),
    "tzdata": ("crons/zones.py", "local/cron.py"),
    "zoneinfo": ("crons/zones.py", "local/cron.py"),
}
PURE = ("crons", "model", "reconcile", "lint", "planning", "adopt", "timeline")
IMPURE = {"os", "sys", "socket", "subprocess", "pathlib", "time", "random", "logging", "threading"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            if node.module == "qstash_sync":
                yield from (f"qstash_sync.{name.name}" for name in node.names)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_imports_only_in_the_allowed_direction(path: Path) -> None:
    room = name(path).split("/")[0]
    if room not in MAY_IMPORT:
        return  # cli, __main__ and the package itself
    for module in imports(path):
        if module.startswith("qstash_sync."):
            part = module.split(".")[1]
            assert part in MAY_IMPORT[room], module


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_outside_package_has_its_owner(path: Path) -> None:
    for module in imports(path):
        owners = OWNERS.get(module.split(".")[0])
        if owners:
            assert name(path).startswith(owners), f"{module} belongs to {owners}"


@pytest.mark.parametrize(
    "path", [path for room in PURE for path in sorted((ROOT / room).glob("*.py"))], ids=name
)
def test_the_core_is_pure(path: Path) -> None:
    assert not IMPURE & {module.split(".")[0] for module in imports(path)}
    assert "print(" not in path.read_text()
    assert "datetime.now" not in path.read_text()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_and_public_definition_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


PROSE = {"message", "note", "hint", "refused", "why", "fact"}  # written for people
READERS = {
    "startswith", "endswith", "partition", "rpartition", "split", "find", "index", "removeprefix",
    "removesuffix", "match", "search", "fullmatch",
}  # fmt: skip


def reads_prose(node: ast.AST) -> bool:
    """Whether an expression asks what a text for people says."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        asked = [node.func.value, *node.args] if node.func.attr in READERS else []
        return node.func.attr in READERS and any(map(_is_prose, asked))
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        texts = [s for s in sides if isinstance(s, ast.Constant) and isinstance(s.value, str)]
        return bool([t for t in texts if t.value]) and any(map(_is_prose, sides))
    return False


def _is_prose(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(isinstance(a, ast.Name) and a.id in {"error", "exception"} for a in node.args)
    return isinstance(node, ast.Attribute) and node.attr in PROSE


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_decision_reads_prose(path: Path) -> None:
    """What code must know is a field or an enum; a message is written last, for a person."""
    found = [ast.unparse(n) for n in ast.walk(ast.parse(path.read_text())) if reads_prose(n)]
    assert not found, f"{name(path)}:{found}"


@pytest.mark.parametrize(
    "code",
    [
        'if outcome.message.startswith("waits"): pass',
        'x = change.note == "removed"',
        'x = "cut off" in finding.message',
        'x = error.message.partition(": ")[0]',
        'x = re.match("a", found.message)',
        'x = str(error).startswith("no")',
    ],
)
def test_prose_that_is_read_is_seen(code: str) -> None:
    assert any(reads_prose(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_count_in_a_text_has_its_separators(path: Path) -> None:
    """Six thousand is 6,000 wherever it is read; what is to be typed is no `len`."""
    found = [
        f"{name(path)}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FormattedValue)
        and ast.unparse(node.value).startswith("len(")
        and node.format_spec is None
    ]
    assert name(path).startswith("local/") or not found, found


@pytest.mark.parametrize("path", sorted((ROOT / "cli").glob("*.py")), ids=name)
def test_what_a_command_ends_with_is_an_exit_code_by_its_name(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    ends = [node.value for node in nodes if isinstance(node, ast.Return)]
    ends += [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and "exit" in ast.unparse(node.func) and node.args
    ]
    found = [end for end in ends if isinstance(end, ast.Constant) and type(end.value) is int]
    assert not found, [f"{name(path)}:{end.lineno}" for end in found]
