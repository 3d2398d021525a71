"""The expression of a retry delay, in the grammar of QStash.

Numbers, `retried`, + - * / %, parentheses and a few functions. Python's parser reads it, since all
of that is Python, too; what Python has beyond it is refused, by its characters or by its nodes.
"""

import ast
import re

from pydantic_core import PydanticCustomError

from qstash_sync.config.wrong import bad

MAX_LENGTH = 1_000
MAX_NESTING = 50

_ARGUMENTS = {
    "pow": 2, "exp": 1, "sqrt": 1, "abs": 1, "floor": 1, "ceil": 1, "round": 1, "min": 2, "max": 2,
}  # fmt: skip
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.UAdd, ast.USub)
# No quotes, comparisons, brackets, comments; no 1_000, 0x10, 1j, 1e3; no ** and //, no (1, 2,).
_FOREIGN = r"(?a)[^\w\s.+\-*/%(),]|(?<![\w.])[\d.]+[A-Za-z_]\w*|\*\s*\*|/\s*/|,(?=\s*\))"
_NUMBER = r"(?a)\d+(\.\d+)?|\.\d+"


def check(expression: str) -> str:
    """The expression itself, if QStash can compute it."""
    if len(expression) > MAX_LENGTH:
        raise _bad(f"the expression is longer than {MAX_LENGTH:,} characters")
    text = re.sub(r"\s", " ", expression, flags=re.ASCII).strip(" ")
    if foreign := re.search(_FOREIGN, text):
        raise _unexpected(foreign[0])
    if _nesting(text) > MAX_NESTING:
        raise _bad(f"more than {MAX_NESTING} parentheses in each other")
    if not text or text[-1] in "+-*/%,":
        raise _bad("the expression ends too early")
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        if text.count("(") > text.count(")"):
            raise _bad("a ) is missing in the expression") from None
        rest = text[max((error.offset or 1) - 1, 0) :].split()
        raise _unexpected(rest[0] if rest else text[-1]) from None
    except (RecursionError, MemoryError, ValueError):
        raise _bad("the expression is too deep to be read") from None
    for node in ast.walk(tree.body):
        _check_node(node, text)
    return expression


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _check_node(node: ast.AST, text: str) -> None:
    match node:
        case ast.BinOp() | ast.UnaryOp() | ast.Load() | ast.Name(id="retried"):
            return
        case ast.operator() | ast.unaryop() if isinstance(node, _OPERATORS):
            return
        case ast.Constant() if re.fullmatch(_NUMBER, _source(node, text)):
            return
        case ast.Call(func=ast.Name(id=name)) if name != "retried" and _is_called(node.func, text):
            if name in _ARGUMENTS and len(node.args) != _ARGUMENTS[name]:
                raise _bad(f"{name} takes {_ARGUMENTS[name]}, not {len(node.args):,} values")
            return
        case ast.Name(id=name) if name in _ARGUMENTS and _is_called(node, text):
            return
        case ast.Name() | ast.Constant():
            word = _source(node, text)
            known = f"known: retried, {', '.join(_ARGUMENTS)}"
            way_out = "write pow(2, retried) * 1000 for a geometric delay"
            hint = way_out if "geometric" in word else known
            raise _bad(f"{word!r} is not known in a retry delay", hint)
        case ast.expr():
            raise _unexpected(_source(node, text))
    raise _unexpected(type(node).__name__.lower())


def _is_called(node: ast.expr, text: str) -> bool:
    return text[_end(node) :].lstrip().startswith("(")


def _source(node: ast.expr, text: str) -> str:
    return text[node.col_offset : _end(node)]


def _end(node: ast.expr) -> int:
    return node.end_col_offset or 0


def _unexpected(what: str) -> PydanticCustomError:
    return _bad(f"unexpected {what!r} in the expression")


def _bad(fact: str, hint: str = "") -> PydanticCustomError:
    return bad(fact, hint, "retry_delay")
