"""What an error leaves certain of a file: all but one value, or nothing of who has which settings.

A name that is lost, a block that begins in another column, a section within another one: then the
settings of one schedule are read as those of another one, or as those of an environment that has
their name. What tells of it is far from what is meant, and little: a key that nobody knows, one
that stands twice, one that is missing, a mapping where a text should be. So it is a list of what
is about one value alone; all else is about the shape of the file.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import get_origin

from qstash_sync.config import schema
from qstash_sync.config.layers import inside, is_entry, keys
from qstash_sync.config.report import Path
from qstash_sync.config.tree import COLLECTIONS, NOTHING, Document, Map, Value
from qstash_sync.config.wrong import nearest
from qstash_sync.model.diagnostics import Diagnostic

# Of these alone it is certain that the value stands where it is meant to stand.
OF_A_VALUE = frozenset((
    "body", "choice", "cron", "date", "header", "ignore", "interpolation", "json", "label",
    "limit", "line_break", "literal_secret", "name", "never_plain", "not_text", "range",
    "redacted", "refused_key", "retry_delay", "secret_here", "token", "type",
    "unknown_environment", "unset", "unset_plain", "url", "variable", "zone",
))  # fmt: skip
_KEYS = r"(?m)^\s*(?:- )?([\w-]+|<<)\s*:(?:\s|$)"  # in the lines of a text
_ENTRIES = ("schedules", "url_groups", "queues", "flow_controls")
_KNOWN = (*_ENTRIES, "defaults", "limits", "owns", "protect", "lint", "vars")
_HEADERS = "headers"
_CONTENT = ("defaults", "overrides", "vars")  # of an environment


def of_value(error: Diagnostic, documents: Sequence[Document]) -> Path | None:
    """The path of the one value that an error is about; None where it may be about any.

    A misspelt key is the key that it is meant for, where that is not there.
    """
    path = error.path
    if error.code == "missing" and path == ("version",):
        return path if all(one.root for one in documents) else None  # an empty file was not so
    is_name = error.code == "name" and len(path) == len(("section", "name"))
    is_of_home = error.code == "literal_secret" and str(*path[:1]).startswith("x-")
    if is_name or is_of_home or (not path and error.code == "literal_secret"):
        return path if error.code in OF_A_VALUE else None
    if not path:
        return None
    holders = [holder for one in documents if isinstance(holder := _at(one.root, path[:-1]), Map)]
    values = [holder[key] for holder in holders if (key := str(path[-1])) in holder]
    found = values or [value for one in documents if (value := _at(one.root, path)) is not None]
    if error.code == "header" and not found:  # of a name that is none, whose path is cut short
        found = [value for holder in holders for _, value in holder.children()]
    if not (_is_setting(path) and found) or any(map(_may_hold_more, found)):
        return None
    if error.code == "unknown_key":
        return _meant(path, holders)
    return path if error.code in OF_A_VALUE else None


def _meant(path: Path, holders: Sequence[Map]) -> Path | None:
    """The path of the key that a misspelt one is meant for; None where that is there, too."""
    key = str(path[-1])
    meant = None if key in _words() else nearest(key, keys(schema.FileSpec, path[:-1]))
    if meant is None or any(meant in holder for holder in holders):
        return None
    return (*path[:-1], meant)


@cache
def _words() -> frozenset[str]:
    """All keys of the format: one where it is not known belongs to something else."""
    models = (one for one in vars(schema).values() if isinstance(one, type))
    return frozenset(("<<",)) | frozenset(
        key for model in models if issubclass(model, schema.Spec) for key in keys(model, ())
    )


def _is_setting(path: Path) -> bool:
    """Whether something stands there that is no entry, no section and nobody's home."""
    match path:
        case ("environments", _, "overrides", *rest):
            return _is_setting(tuple(rest))
        case ("environments", _, section, *rest) if section in _CONTENT:
            return bool(rest)
        case ("environments", _, _) | ("allow_private",):
            return True
        case (section, *rest):
            return len(rest) > (section in _ENTRIES) and section in _KNOWN
    return False


def _at(value: Value, path: Path) -> Value:
    for step in path:
        if isinstance(value, Map):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _may_hold_more(value: Value) -> bool:
    """Whether other settings may have become a part of a value: a mapping, or lines of a text."""
    if isinstance(value, COLLECTIONS):
        return isinstance(value, Map) or any(_may_hold_more(item) for _, item in value.children())
    if not isinstance(value, str):
        return False
    return "paused" in value or any(key in _words() for key in re.findall(_KEYS, value))


def strays(documents: Sequence[Document]) -> Iterator[tuple[Map, str]]:
    """Holder and key of what stands where nothing is known: it may be meant for any setting."""
    for document in documents:
        yield from _strays(schema.FileSpec, document.root.without(*_homes(document.root)))


def _homes(root: Map) -> Iterator[str]:
    """The keys of a file that are nobody's, of what is merged in elsewhere."""
    return (key for key in root if key.startswith("x-"))


def lost_overrides(documents: Sequence[Document]) -> dict[str, tuple[str, ...]]:
    """By environment the overrides of schedules that no file has, as far as names are written."""
    roots = [document.root for document in documents]
    names = {name for root in roots for name in _map(root.get("schedules"))}
    found: dict[str, tuple[str, ...]] = {}
    for root in roots:
        for environment, raw in _map(root.get("environments")).items():
            entries = _map(_map(_map(raw).get("overrides")).get("schedules"))
            if lost := tuple(name for name in entries if name not in names):
                found[environment] = lost
    return found


def _map(value: Value) -> Map:
    return value if isinstance(value, Map) else NOTHING


def _is_no(model: type[schema.Spec], value: Value) -> bool:
    """Whether something is no mapping of the keys of a model, or leaves one of them empty."""
    if not isinstance(value, Map):
        return value is not None
    return not set(value) <= set(keys(model, ())) or None in value.values()


def _strays(model: type[schema.Spec], tree: Map) -> Iterator[tuple[Map, str]]:
    known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    for key, value in tree.items():
        inner = inside(known.get(key))
        if key == _HEADERS and isinstance(value, Map):  # whose names are free, and not their values
            yield from ((value, n) for n, item in value.items() if isinstance(item, COLLECTIONS))
        if key not in known or (inner is schema.RedactSpec and _is_no(inner, value)):
            yield tree, key
        elif inner is None or inner is schema.EndpointSpec or not isinstance(value, Map):
            continue
        elif get_origin(known[key]) is not dict:
            yield from _strays(inner, value)
        else:
            for name, entry in value.items():
                is_setting = name in keys(inner, ()) and not is_entry(entry, key)
                if isinstance(entry, Map) and not is_setting:
                    yield from _strays(inner, entry)
                else:
                    yield value, name
