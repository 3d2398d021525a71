"""The grammar of a retry delay, and what Python would take beyond it."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from qstash_sync.config.retry_delay import check

GOOD = [
    "1000", "1000 * (1 + retried)", "pow(2, retried) * 1000", "-retried + +1", "1.5*retried%3",
    ".5 / 2", "min(60000, max(1, floor(exp(retried))))", "abs ( -3 )", "((((retried))))", "- - 1",
    "round(sqrt(retried)) + ceil(0.1)", "1 -\n 2", "\t7 ", "-" * 900 + "1", "+".join("1" * 500),
]  # fmt: skip
BAD: list[tuple[str, str]] = [
    ("", "ends too early"),
    ("1000 *", "ends too early"),
    ("(1 +", "ends too early"),
    ("(1", "a ) is missing"),
    ("pow(2, 3", "a ) is missing"),
    ("1)", "unexpected ')'"),
    ("1) + (2", "unexpected ')'"),
    ("2 retried", "unexpected"),
    ("1 1", "unexpected"),
    ("2 ** 3", "unexpected '**'"),
    ("2 * * 3", "unexpected '* *'"),
    ("7 // 2", "unexpected '//'"),
    ("1_000", "unexpected '1_000'"),
    ("0x10", "unexpected '0x10'"),
    ("1j", "unexpected '1j'"),
    ("1e3", "unexpected '1e3'"),
    ("1.", "not known"),
    ("010", "unexpected"),
    ("1 < 2", "unexpected '<'"),
    ("retried == 1", "unexpected '='"),
    ("'a'", 'unexpected "\'"'),
    ("round(number=1)", "unexpected '='"),
    ("pow(2, 3,)", "unexpected ','"),
    ("abs(*retried)", "unexpected"),
    ("(1, 2)", "unexpected"),
    ("()", "unexpected"),
    ("[1]", "unexpected '['"),
    ("retried.real", "unexpected"),
    ("(pow)(2, 3)", "unexpected"),
    ("pow(2, 3)(4)", "unexpected"),
    ("5(4)", "unexpected"),
    ("pow", "'pow' is not known"),
    ("True", "'True' is not known"),
    ("None", "'None' is not known"),
    ("not retried", "unexpected"),
    ("1 if retried else 2", "unexpected"),
    ("1 and 2", "unexpected"),
    ("lambda", "unexpected"),
    ("1 # comment", "unexpected '#'"),
    ("1; 2", "unexpected ';'"),
    ("sleep(1)", "'sleep' is not known"),
    ("geometric(2)", "'geometric' is not known"),
    ("__import__(1)", "'__import__' is not known"),
    ("pow(2)", "pow takes 2, not 1"),
    ("min(1, 2, 3)", "min takes 2, not 3"),
    ("retried(1)", "unexpected"),
    ("\uff11", "unexpected"),
    ("1\u00a0+ 2", "unexpected"),
    ("rétried", "unexpected 'é'"),
    ("1\\\n+2", "unexpected '\\\\'"),
    ("1\x00", "unexpected"),
    ("(" * 60 + "1" + ")" * 60, "more than 50 parentheses"),
    ("(" * 900, "more than 50 parentheses"),
    ("1 + " * 300 + "1", "longer than 1,000 characters"),
    ("9" * 5000, "longer than 1,000 characters"),
]


@pytest.mark.parametrize("text", GOOD)
def test_an_expression_of_qstash_is_taken_as_it_is(text: str) -> None:
    assert check(text) == text


@pytest.mark.parametrize(("text", "fact"), BAD, ids=[text[:20] for text, _ in BAD])
def test_what_is_not_of_its_grammar_is_refused(text: str, fact: str) -> None:
    with pytest.raises(PydanticCustomError) as raised:
        check(text)
    assert fact in raised.value.message()
    assert raised.value.type == "retry_delay"


def one(*_: Any) -> float:
    return 1.0


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "pow": one, "exp": one, "sqrt": one, "abs": abs, "round": round,
    "floor": math.floor, "ceil": math.ceil, "min": min, "max": max,
}  # fmt: skip


def test_noise_is_refused_or_is_arithmetic() -> None:
    """Whatever passes is made of numbers and known names alone."""
    draw = random.Random(4)
    words = [*FUNCTIONS, "retried", "1", ".5", "2.5", *"+-*/%(),", " ", "**", "x", "_", "e", "."]
    taken = 0
    for _ in range(20_000):
        text = "".join(draw.choice(words) for _ in range(draw.randint(1, 7)))
        try:
            check(text)
        except PydanticCustomError:
            continue
        taken += 1
        scope = {"__builtins__": {}, "retried": 1, **FUNCTIONS}
        try:
            value = eval(text.strip(), scope)
        except (ZeroDivisionError, OverflowError):
            continue
        assert isinstance(value, int | float)
    assert taken > 100
