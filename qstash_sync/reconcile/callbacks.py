"""The settings of callbacks do not read back: what a change can tell of them all the same.

a callback comes    all of them are new, with it
another change      those are new, or have moved, without which the digest comes out as it was
                    written (`hidden.py`); a value of before is told where there are few that it
                    can have been
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import Any

from qstash_sync.model.change import FieldChange
from qstash_sync.model.resources import Callback, Message, Secret
from qstash_sync.model.settings_table import CALLBACKS, METHODS
from qstash_sync.reconcile import mark as marks
from qstash_sync.reconcile.canonical import callback_settings, encoded
from qstash_sync.record import record

_FEW = 5  # settings of which every choice is tried
_MANY = 20  # of more none is tried alone
_RETRIES = range(8)
_VALUES: dict[str, tuple[Any, ...]] = {"method": METHODS, "retries": (None, *_RETRIES)}


def created(message: Message, among: Iterable[str] = CALLBACKS) -> Iterator[FieldChange]:
    """The settings of the callbacks that come, but for defaults; a secret is its mask."""
    for key in (one for one in CALLBACKS if one in among):
        callback = getattr(message, key)
        for name, value in sorted(callback_settings(callback).items()) if callback else ():
            yield FieldChange(path=f"{key}.{name}", after=_shown(value))


def with_new(message: Message, fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """The fields of an update, and behind the address of each new callback its settings."""
    found: list[FieldChange] = []
    for field in fields:
        found.append(field)
        if field.before is None and field.withheld is None:
            found += created(message, {field.path})
    return tuple(found)


@record()
class Guess:
    """What the settings of the callbacks may have been: what has changed since, if anything.

    callbacks: JSON of what they were, as a digest has it. names: what each had, None: it was none.
    """

    fields: tuple[FieldChange, ...]
    callbacks: str
    names: tuple[frozenset[str] | None, ...]


@lru_cache(maxsize=256)
def guesses(*callbacks: Callback | None) -> tuple[Guess, ...]:
    """What the settings may have been, the likeliest first; most schedules share callbacks."""
    now = [marks.callback_definition(one) for one in callbacks]
    settings = [callback_settings(one) if one else {} for one in callbacks]
    names = [(at, name) for at, found in enumerate(settings) for name in sorted(found)]

    def without(some: Iterable[tuple[int, str]]) -> Guess:
        gone = {*some}
        before = [
            one and {name: value for name, value in one.items() if (at, name) not in gone}
            for at, one in enumerate(now)
        ]
        return _guess([_field(at, name, None, settings) for at, name in sorted(gone)], before)

    def otherwise(at: int, name: str, value: object) -> Guess:
        before = [{**one} if one is not None else None for one in now]
        changed = before[at]
        assert changed is not None
        changed.pop(name, None)
        if value not in (None, "POST"):
            changed[name] = str(value)
        return _guess([_field(at, name, value, settings)], before)

    if len(names) <= _FEW:
        sizes: Sequence[int] = range(len(names) + 1)
    else:
        sizes = (0, 1, len(names)) if len(names) <= _MANY else (0, len(names))
    found = [without(some) for size in sizes for some in combinations(names, size)]
    for at, name in (
        (at, name) for at, one in enumerate(now) if one is not None for name in _VALUES
    ):
        same = settings[at].get(name, "POST" if name == "method" else None)
        found += [otherwise(at, name, value) for value in _VALUES[name] if value != same]
    return tuple(found)


def _guess(fields: Sequence[FieldChange], before: Sequence[dict[str, Any] | None]) -> Guess:
    names = tuple(None if one is None else frozenset(one) for one in before)
    return Guess(tuple(fields), encoded(before), names)


def before(message: Message, guess: Guess) -> Message:
    """A message with the headers that its callbacks had; a header of a callback may be a secret."""
    found: dict[str, Any] = {}
    for key, names in zip(CALLBACKS, guess.names, strict=True):
        if names is not None:
            one: Callback = getattr(message, key)
            headers = tuple(header for header in one.headers if f"headers.{header[0]}" in names)
            found[key] = replace(one, headers=headers)
    return replace(message, **found)


def _field(at: int, name: str, before: object, settings: Sequence[dict[str, Any]]) -> FieldChange:
    """A setting before and after; of a method that is not said, the one that is meant."""
    usual = "POST" if name == "method" else None
    after = _shown(settings[at].get(name, usual))
    before = usual if before is None else before
    return FieldChange(path=f"{CALLBACKS[at]}.{name}", before=before, after=after)


def _shown(value: object) -> object:
    return str(value) if isinstance(value, Secret) else value
