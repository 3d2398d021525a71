"""How a check says no: a pydantic error with our own words, of which a diagnostic is made later."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TypeVar

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from qstash_sync.config.tree import Written
from qstash_sync.model.diagnostics import Fixed
from qstash_sync.model.resources import Secret

LINE_BREAK = "line_break"  # the code of an error that a variable may have brought along
NOT_HERE = "secret_here"  # of a secret where none can be, whatever its value is
IF_NONE = Fixed("write ${env.NAME|plain} if it is none")
_NEAR = 0.61  # FETCH is not meant for PATCH
K = TypeVar("K", bound=str | int)
V = TypeVar("V")
T = TypeVar("T")

_TYPE_NAMES = {
    bool: "true or false", int: "a number", float: "a decimal number", str: "text",
    dict: "a mapping", list: "a list", type(None): "nothing",
}  # fmt: skip


def bad(fact: str, hint: str = "", code: str = "type") -> PydanticCustomError:
    """A value that cannot be used: fact, way out, and the code of the diagnostic."""
    return PydanticCustomError(code, "{fact}", {"fact": fact, "hint": hint})


def no_secret(fact: str = "a secret cannot stand here", hint: str = IF_NONE) -> PydanticCustomError:
    """A secret where none can stand: told where its value is not known, or made up, too."""
    return bad(fact, hint, NOT_HERE)


def wrong_type(expected: str, value: object, hint: str = "") -> PydanticCustomError:
    """A value of another type than the one that is expected."""
    if isinstance(value, Secret):
        return no_secret()
    return bad(f"must be {expected}, not {type_name(value)}", hint)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of the known words that is meant, in capitals or not; None where none is near."""
    folded = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), folded, 1, _NEAR)
    return folded[close[0]] if close else None


def wrong_text(value: object) -> PydanticCustomError:
    """The error for a value that is no text; `str` itself is checked by pydantic."""
    hint = f'quote it: "{written(value)}"' if isinstance(value, int | float) else ""
    return wrong_type("text", value, hint)


def written(value: float) -> str:
    """A number or a truth value as the file has it."""
    if isinstance(value, Written):
        return value.text
    return str(value).lower() if isinstance(value, bool) else str(value)


def type_name(value: object) -> str:
    """What a value is called in messages."""
    return next((name for kind, name in _TYPE_NAMES.items() if isinstance(value, kind)), "a secret")


def each(items: Iterable[tuple[K, V]], check: Callable[[K, V], T]) -> list[T]:
    """Every item of a value checked; what is wrong with any of them is one error each."""
    good: list[T] = []
    errors: list[InitErrorDetails] = []
    for key, value in items:
        try:
            good.append(check(key, value))
        except PydanticCustomError as error:
            errors.append(InitErrorDetails(type=error, loc=(key,), input=value))
    if errors:
        raise ValidationError.from_exception_data("items", errors)
    return good
