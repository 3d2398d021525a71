"""The settings of callbacks do not read back: what a change can tell of them all the same.

a callback comes      all of them are new, with it
nothing else moved    those are new, or have moved, without which the digest comes out as it was
                      written; a value of before is told where there are few that it can have been
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any

from qstash_sync.model.change import FieldChange
from qstash_sync.model.resources import Callback, Message, Secret
from qstash_sync.model.settings_table import CALLBACKS, METHODS
from qstash_sync.reconcile import mark as marks
from qstash_sync.reconcile.canonical import callback_settings
from qstash_sync.reconcile.mark import Declared, Mark

_FEW = 5  # settings of which every choice is tried
_RETRIES = range(8)
_VALUES: dict[str, tuple[Any, ...]] = {"method": METHODS, "retries": (None, *_RETRIES)}
Guess = tuple[tuple[FieldChange, ...], Sequence[Any]]  # what has changed, and what was before


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


def moved(declared: Declared, found: Sequence[Mark]) -> tuple[FieldChange, ...]:
    """Which of them have changed, where a digest of a mark tells; none where it does not.

    Half a digest is 24 bits, and some fifty are tried: one in 300,000 comes out by chance.
    """
    written = {mark.settings for mark in found}
    if len(written) > 1 or declared.schedule.ignore:
        return ()
    message = declared.schedule.message
    for fields, before in _guesses(message.callback, message.failure_callback):
        if marks.settings_with(declared, before) in written:
            return fields
    return ()


@lru_cache(maxsize=256)
def _guesses(*callbacks: Callback | None) -> tuple[Guess, ...]:
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
        return tuple(_field(at, name, None, settings) for at, name in sorted(gone)), before

    def otherwise(at: int, name: str, value: object) -> Guess:
        before = [{**one} if one is not None else None for one in now]
        changed = before[at]
        assert changed is not None
        changed.pop(name, None)
        if value not in (None, "POST"):
            changed[name] = str(value)
        return (_field(at, name, value, settings),), before

    sizes = range(1, len(names) + 1) if len(names) <= _FEW else (1, len(names))
    found = [without(some) for size in sizes for some in combinations(names, size)]
    for at, name in (
        (at, name) for at, one in enumerate(now) if one is not None for name in _VALUES
    ):
        same = settings[at].get(name, "POST" if name == "method" else None)
        found += [otherwise(at, name, value) for value in _VALUES[name] if value != same]
    return tuple(found)


def _field(at: int, name: str, before: object, settings: Sequence[dict[str, Any]]) -> FieldChange:
    """A setting before and after; of a method that is not said, the one that is meant."""
    usual = "POST" if name == "method" else None
    after = _shown(settings[at].get(name, usual))
    before = usual if before is None else before
    return FieldChange(path=f"{CALLBACKS[at]}.{name}", before=before, after=after)


def _shown(value: object) -> object:
    return str(value) if isinstance(value, Secret) else value
