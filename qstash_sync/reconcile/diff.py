"""Two views -> ordered field changes, and what of them may be shown."""

import json
import re
from dataclasses import replace
from enum import Enum, auto
from typing import Any

from qstash_sync.model import secret_shapes, settings_table
from qstash_sync.model.change import FieldChange, Withheld
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.reconcile.canonical import REDACTED, ZERO_COUNTS, View, fits, unknown

HIDDEN = "(not shown)"


class Trust(Enum):
    """How much may be shown of what the account holds at a path where the file has plain text."""

    PLAIN = auto()  # our mark says that it was written without a secret
    SECRET = auto()  # it says that it was written with one, or it is too old to say
    UNKNOWN = auto()  # there is no mark: an address may hold a secret


_URLS = ("destination", "endpoints", *CALLBACKS)
_ADDRESS = r"(?si)(?P<scheme>[a-z]+://)(?:[^/?#]*@)?(?P<host>[^/?#@]*)(?P<rest>.*)"
_DEFAULTS = {row.key: row.default for row in settings_table.MESSAGE}
_TEXTS = (*_URLS, "headers", "body", "body_base64")
Path = tuple[Any, ...]  # keys of mappings and indices of lists, from the top


def compare(live: View, desired: View, trust: Trust) -> tuple[FieldChange, ...]:
    """What an update would change, by path.

    A live value is shown only where the file has a plain value at the same path, and then as far as
    it is trusted: whatever else the account holds may be a secret that has since been rotated,
    removed or replaced by plain text.
    """
    if live is desired or live.text == desired.text:
        return ()
    before, after = _without_unknown(live.values, desired.values)
    if _text(before) == _text(after):
        return ()
    from deepdiff import DeepDiff  # noqa: PLC0415 heavy, and only needed where something differs

    tree = DeepDiff(
        before,
        after,
        view="tree",
        verbose_level=2,
        threshold_to_diff_deeper=0,
        zip_ordered_iterables=True,
        ignore_private_variables=False,  # a key of a body may begin with two underscores
    )
    found = {
        _shown_path(leaf, before, after, desired.shown)
        for items in tree.values()
        for item in items
        for leaf in _leaves(tuple(item.path(output_format="list")), before, after)
    }
    paths = sorted(found, key=_order)
    return tuple(_trusted(_change(path, before, after, desired), path, trust) for path in paths)


def _trusted(change: FieldChange, path: Path, trust: Trust) -> FieldChange:
    """A change with no more of the value before than may be shown."""
    if change.withheld or change.before is None:
        return change
    is_url = path[0] in _URLS
    if is_url and (trust is Trust.UNKNOWN or (trust is Trust.SECRET and _is_host_told(change))):
        return replace(change, before=address(str(change.before)))
    if trust is Trust.SECRET and path[0] in _TEXTS:
        return replace(change, before=HIDDEN, withheld=Withheld.CHANGED)
    # Written in plain once, and edited since: somebody may have put a secret there.
    if path[0] in _TEXTS and secret_shapes.shows_one(str(change.before)):
        if is_url:
            return replace(change, before=address(str(change.before)))
        return replace(change, before=HIDDEN, withheld=Withheld.CHANGED)
    return change


def _is_host_told(change: FieldChange) -> bool:
    """Whether the file has in plain, at the same path, where a live address goes."""
    sides = (re.match(_ADDRESS, str(side)) for side in (change.before, change.after))
    was, becomes = (side and (side["scheme"], side["host"]) for side in sides)
    return was is not None and was == becomes


def address(destination: str) -> str:
    """A live destination as it may be shown: the host of a URL, or the name of a URL group."""
    found = re.match(_ADDRESS, destination)
    if not found:
        return destination
    return f"{found['scheme']}{found['host']}{'/…' if found['rest'].strip('/') else ''}"


def created(desired: View) -> tuple[FieldChange, ...]:
    """What a create sets, by path; nothing is compared for it."""
    shown = desired.shown
    paths = [leaf for key in desired.values for leaf in _leaves((key,), {}, desired.values)]
    return tuple(
        FieldChange(path=_name(path), after=after, default=_is_default(path, after))
        for path in sorted(paths, key=_order)
        for after in [_at(shown, path)]
    )


def _is_default(path: Path, value: Any) -> bool:
    """Whether a create would do the same if nothing were said."""
    if path == ("headers", "Content-Type"):
        return bool(value == "application/json")  # of a body that is a mapping
    return len(path) == 1 and value is not None and bool(_DEFAULTS.get(path[0]) == value)


def _text(tree: Any) -> str:
    """JSON, in which 1 and true are two things."""
    return json.dumps(tree, sort_keys=True)


def _shown_path(path: Path, before: Any, after: Any, shown: Any) -> Path:
    """How much of a path may be shown.

    A list that became longer or shorter has no item at the same path any more; and what the
    content of a secret makes of the JSON around it is part of the secret.
    """
    for length, step in enumerate(path):
        lists = [side for side in (before, after) if isinstance(side, list)]
        if len({len(side) for side in lists}) > 1 or _keys(after) != _keys(shown):
            return path[:length]
        before, after, shown = (_at(side, (step,)) for side in (before, after, shown))
    return path


def _keys(tree: Any) -> Any:
    if isinstance(tree, list):
        return len(tree)
    return tree.keys() if isinstance(tree, dict) else None


_TAKEN_APART = {"headers", "endpoints", "flow_control"}


def _leaves(path: Path, before: Any, after: Any) -> list[Path]:
    """A whole group of settings that comes or goes is listed one by one."""
    if len(path) == 1 and path[0] in _TAKEN_APART:
        return [(*path, key) for side in (before, after) for key in side.get(path[0], {})]
    return [path]


def _order(path: Path) -> tuple[str, ...]:
    return tuple(f"{step:06}" if isinstance(step, int) else str(step) for step in path)


def _without_unknown(live: Any, desired: Any) -> tuple[Any, Any]:
    """Both sides, alike where what is desired is not known here and what is live could be it."""
    if isinstance(live, dict) and isinstance(desired, dict):
        left, right = dict(live), dict(desired)
        for key in live.keys() & desired.keys():
            left[key], right[key] = _without_unknown(live[key], desired[key])
        return left, right
    if isinstance(live, list) and isinstance(desired, list):
        pairs = [_without_unknown(*pair) for pair in zip(live, desired, strict=False)]
        end = len(pairs)
        return [a for a, _ in pairs] + live[end:], [b for _, b in pairs] + desired[end:]
    if not unknown(desired):
        return live, desired
    # A text that a secret turns into JSON, or out of it, has another type than its mask.
    alike = type(live) is not type(desired) or fits(live, desired)
    return (desired, desired) if alike else (live, desired)


_ABSENT = object()


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(tree, dict | list):
            return _ABSENT
        try:
            tree = tree[step]
        except (KeyError, IndexError):
            return _ABSENT
    return tree


def _change(path: Path, before: Any, after: Any, desired: View) -> FieldChange:
    old, new, shown = _at(before, path), _at(after, path), _at(desired.shown, path)
    name = _name(path)
    if name in ZERO_COUNTS:
        old, new = (None if v is _ABSENT else v - 1 for v in (old, new))
        return FieldChange(path=name, before=old, after=new)
    if new is _ABSENT:
        return FieldChange(path=name, before=HIDDEN, withheld=Withheld.REMOVED)
    if old is _ABSENT:
        return FieldChange(path=name, after=shown)
    is_plain = _text(shown) == _text(new) and new != REDACTED and not unknown(new)
    if is_plain and not any(isinstance(side, dict | list) for side in (old, new)):
        return FieldChange(path=name, before=old, after=new)
    return FieldChange(path=name, before=HIDDEN, after=shown, withheld=Withheld.CHANGED)


def _name(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else str(step))
    return text
