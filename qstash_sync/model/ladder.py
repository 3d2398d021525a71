"""When QStash tries a delivery again: its default backoff, or the expression of a schedule.

Source: QStash's documentation, "Retry": min(86400, e^(2.5 n)) seconds before retry n; an
expression gives milliseconds, `retried` is 0 before the first.
"""

import ast
import math
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache

from qstash_sync.model.resources import Message

_YEAR = 366 * 86_400.0  # of an expression: no plan of QStash lets a message wait longer
_LONGEST = 86_400.0  # seconds of the default


def _round(value: float) -> float:
    """Halves go away from zero, as they do in Go; Python takes them to the even number."""
    return math.copysign(math.floor(abs(value) + 0.5), value)


_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "pow": math.pow, "exp": math.exp, "sqrt": math.sqrt, "abs": abs, "floor": math.floor,
    "ceil": math.ceil, "round": _round, "min": min, "max": max,
}  # fmt: skip
_OPERATORS: Mapping[type[ast.AST], Callable[..., float]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b, ast.Mod: math.fmod, ast.UAdd: lambda a: a,
    ast.USub: lambda a: -a,
}  # fmt: skip


def delays(message: Message) -> tuple[timedelta, ...] | None:
    """How long QStash waits before each retry; None where an expression cannot be computed."""
    return _delays(message.retries, message.retry_delay)


@lru_cache(maxsize=1024)
def _delays(retries: int, expression: str | None) -> tuple[timedelta, ...] | None:
    try:
        if expression is None:
            found = [min(_LONGEST, math.exp(2.5 * n)) for n in range(1, retries + 1)]
        else:
            tree = ast.parse(" ".join(expression.split()), mode="eval").body
            found = [_value(tree, float(n)) / 1_000 for n in range(retries)]
        return tuple(timedelta(seconds=min(max(0.0, s), _YEAR)) for s in found)
    except (ArithmeticError, ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _value(node: ast.AST, retried: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id="retried"):
            return retried
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, retried), _value(right, retried))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(operand, retried))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return float(_FUNCTIONS[name](*(_value(item, retried) for item in args)))
    message = "no expression of a retry delay"
    raise ValueError(message)
