"""The settings of callbacks do not read back: what a change can tell of them all the same.

a callback comes      all of them are new, with it
"""

from collections.abc import Iterable, Iterator

from qstash_sync.model.change import FieldChange
from qstash_sync.model.resources import Message, Secret
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.reconcile.canonical import callback_settings


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


def _shown(value: object) -> object:
    return str(value) if isinstance(value, Secret) else value
