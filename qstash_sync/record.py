"""The kind of value that the rooms hand to each other: a dataclass that is cheap to have.

A plan defines a hundred kinds of values at its start, and makes a hundred thousand of them. The
standard library's `frozen` writes and compiles six methods for each kind, and guards every field
that is set. Here a record is frozen to the type checker, which reads all of our code; at run time
it is a slotted dataclass (`fields`, `replace` and `asdict` know it), and even its `__init__` is
compiled once for all kinds with as many fields.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(*, kw_only: bool = False, slots: bool = True) -> Callable[[type[T]], type[T]]:
    """Make a class a record; equal are two of one kind whose compared fields are.

    Without slots, a record has room for what it works out once (`cached_property`).
    """

    def decorate(cls: type[T]) -> type[T]:
        sets_more = _sets_more(cls) or "__init__" in vars(cls)
        made: Any = dataclass(slots=slots, init=sets_more, eq=False, repr=False, kw_only=kw_only)(
            cls
        )
        if not sets_more:
            made.__init__ = _init(made, fields(made))
        content = _content_of([one.name for one in fields(made) if one.compare])

        def equals(self: T, other: object) -> bool:
            return content(self) == content(other) if type(other) is made else NotImplemented

        def hashed(self: T) -> int:
            return hash(content(self))

        made.__eq__ = equals
        for name, method in (("__hash__", hashed), ("__repr__", _repr)):
            if name not in cls.__dict__:
                setattr(made, name, method)
        return cast("type[T]", made)

    return decorate


def _sets_more(cls: type) -> bool:
    """Whether its `__init__` does more than to set what it is given."""
    known = [*vars(cls).values(), *getattr(cls, "__dataclass_fields__", {}).values()]
    made = (one for one in known if isinstance(one, Field))
    return hasattr(cls, "__post_init__") or any(
        not one.init or one.default_factory is not MISSING for one in made
    )


def _init(kind: type, known: tuple[Field[Any], ...]) -> FunctionType:
    """What sets the fields: those by place come first, then those by name."""
    by_place = [one for one in known if not one.kw_only]
    by_name = [one for one in known if one.kw_only]
    names = tuple(one.name for one in (*by_place, *by_name))
    code = _setting(len(by_place), len(by_name))
    code = code.replace(co_varnames=("self", *names), co_names=names)
    defaults = tuple(one.default for one in by_place if one.default is not MISSING)
    if any(one.default is not MISSING for one in by_place[: len(by_place) - len(defaults)]):
        raise TypeError(f"{kind.__qualname__}: a field without a default follows one that has some")
    init = FunctionType(code, {}, "__init__", defaults)
    init.__kwdefaults__ = {one.name: one.default for one in by_name if one.default is not MISSING}
    init.__module__ = kind.__module__
    init.__qualname__ = f"{kind.__qualname__}.__init__"
    init.__annotations__ = {one.name: one.type for one in known} | {"return": None}
    return init


@cache
def _setting(by_place: int, by_name: int) -> CodeType:
    """An `__init__` of so many fields, which are called `_0`, `_1` and so on."""
    names = [f"_{number}" for number in range(by_place + by_name)]
    taken = ["self", *names[:by_place], *(["*"] if by_name else []), *names[by_place:]]
    body = "\n ".join([f"self.{name} = {name}" for name in names] or ["pass"])
    module = compile(f"def __init__({', '.join(taken)}):\n {body}", "<record>", "exec")
    return next(one for one in module.co_consts if isinstance(one, CodeType))


def _content_of(names: list[str]) -> Callable[[object], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
