"""Two views -> ordered field changes, and what of them may be shown."""

from dataclasses import dataclass
from typing import Any

from qstash_sync.core.fields import UNNAMED, View, unknown
from qstash_sync.core.model import MASK

HIDDEN = "(not shown)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One setting that differs; before and after are fit to be shown, None is absent."""

    path: str
    before: Any = None
    after: Any = None
    note: str = ""


def compare(live: View, desired: View) -> tuple[FieldChange, ...]:
    """What an update would change, by path.

    A live value is shown only where the file has a plain value at the same path: whatever else
    the account holds may be a secret that has since been rotated or removed.
    """
    before, after = _without_unknown(live.values, desired.values)
    if before == after:
        return ()
    from deepdiff import DeepDiff  # noqa: PLC0415 heavy, and only needed where something differs

    tree = DeepDiff(before, after, view="tree", verbose_level=2, threshold_to_diff_deeper=0)
    found = {
        leaf
        for items in tree.values()
        for item in items
        for leaf in _leaves(tuple(item.path(output_format="list")), before, after)
    }
    paths = sorted(found, key=lambda path: (_order(_masked(path, desired)), _order(path)))
    return tuple(_change(path, before, after, desired) for path in paths)


_TAKEN_APART = {"headers", "endpoints", "flow_control"}


def _leaves(path: tuple[Any, ...], before: Any, after: Any) -> list[tuple[Any, ...]]:
    """A whole group of settings that comes or goes is told one by one."""
    if len(path) == 1 and path[0] in _TAKEN_APART:
        return [(*path, key) for side in (before, after) for key in side.get(path[0], {})]
    return [path]


def _order(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(f"{step:06}" if isinstance(step, int) else str(step) for step in path)


def _without_unknown(live: Any, desired: Any) -> tuple[Any, Any]:
    """Both sides without the values that nobody can compare here."""
    if unknown(desired):
        return desired, desired
    if isinstance(live, dict) and isinstance(desired, dict):
        left, right = dict(live), dict(desired)
        for key in live.keys() & desired.keys():
            left[key], right[key] = _without_unknown(live[key], desired[key])
        for key in desired.keys() - live.keys():
            if unknown(desired[key]) or unknown(key):
                right[key] = desired[key]
        return left, right
    return live, desired


_ABSENT = object()


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return tree


def _change(path: tuple[Any, ...], before: Any, after: Any, desired: View) -> FieldChange:
    old, new, shown = _at(before, path), _at(after, path), _at(desired.shown, path)
    shown = MASK if shown is _ABSENT else shown  # below a key that is a secret
    name = _name(_masked(path, desired))
    if name == "retries":  # compared as n + 1, so that 0 is a value
        old, new = (None if v is _ABSENT else v - 1 for v in (old, new))
        return FieldChange(path=name, before=old, after=new)
    plain = new is not _ABSENT and _same(shown, new)
    if new is _ABSENT:
        return FieldChange(path=name, before=HIDDEN, note="removed")
    if old is _ABSENT:
        return FieldChange(path=name, after=new if plain else shown)
    if plain:
        return FieldChange(path=name, before=old, after=new)
    return FieldChange(path=name, before=HIDDEN, after=shown, note="changed")


def _same(shown: Any, value: Any) -> bool:
    return type(shown) is type(value) and bool(shown == value)


def _masked(path: tuple[Any, ...], desired: View) -> tuple[Any, ...]:
    """A path up to the first key that is a secret, or may have been one: that is masked.

    So are a key of a JSON body and the URL that stands for the name of an unnamed endpoint.
    """
    values: Any = desired.values
    shown: Any = desired.shown
    for number, step in enumerate(path):
        if not isinstance(values, dict) or not isinstance(shown, dict):
            break
        if str(step).startswith(UNNAMED):
            return (*path[:number], f"{UNNAMED}{shown.get(step, HIDDEN)}")
        if step not in shown and values.keys() != shown.keys():
            return (*path[:number], MASK if step in values else HIDDEN)
        values, shown = values.get(step, {}), shown.get(step, {})
    return path


def _name(path: tuple[Any, ...]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else str(step))
    return text
