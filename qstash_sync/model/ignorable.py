"""Which fields of a resource can be left to somebody else, by the names of the file.

One header, or endpoint, is headers.NAME; NAME may be a glob, and takes in what is there by then.

QStash replaces a schedule as a whole: what is to be left as it is must be read and written back. So
a field can be left where the table of settings says that an answer shows it.
"""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.model import settings_table
from qstash_sync.model.resources import Callback, Kind, Message

TIME, PAUSE, LABELS = "cron", "paused", "labels"  # of a schedule, beside its message
HEADERS, BODY, CONTENT_TYPE = "headers", "body", "Content-Type"  # the last goes with a body
KNOWN: dict[Kind, tuple[str, ...]] = {
    Kind.SCHEDULE: (
        PAUSE,
        *(row.key for row in settings_table.MESSAGE if row.json is not None),
        *(
            row.key
            for row in settings_table.SHAPED.values()
            if row.json is not None and row.key != "id"
        ),
    ),
    Kind.URL_GROUP: ("endpoints",),
    Kind.QUEUE: ("parallelism", PAUSE),
    Kind.FLOW_CONTROL: ("parallelism", "rate", "period", PAUSE),
}
_BY_NAME = {(Kind.SCHEDULE, HEADERS), (Kind.URL_GROUP, "endpoints")}  # or one of them alone
_SAME = {
    "url_group": "destination",
    "body_file": BODY,
    "body_base64": BODY,
    "content_type": f"{HEADERS}.{CONTENT_TYPE}",
    **{f"{key}.url": key for key in settings_table.CALLBACKS},
}
_UNREADABLE = {
    *(row.key for row in settings_table.MESSAGE if row.json is None),
    *(row.key for row in settings_table.SHAPED.values() if row.json is None),
    *(f"{key}.{row.key}" for key in settings_table.CALLBACKS for row in settings_table.CALLBACK),
    *(f"{key}.{HEADERS}" for key in settings_table.CALLBACKS),
}
# What stands in a digest for what is ignored.
NOTHING = Message(destination="", callback=Callback(url=""), failure_callback=Callback(url=""))


class FieldError(ValueError):
    """A field that cannot be left to somebody else: which, why, and the way out."""

    def __init__(self, fact: str, hint: str) -> None:
        super().__init__(f"{fact}; {hint}")
        self.fact, self.hint = fact, hint


def owned(kind: Kind, field: str) -> str:
    """A field that somebody else may own, in our spelling; raises `FieldError` for any other."""
    field = _SAME.get(field, field) if kind is Kind.SCHEDULE else field
    root, dot, name = field.partition(".")
    if root in KNOWN[kind] and not dot:
        return field
    if (kind, root) in _BY_NAME and name:
        return f"{root}.{settings_table.canonical_header(name) if root == HEADERS else name}"
    parts = field.split(".")
    if kind is Kind.SCHEDULE and not _UNREADABLE.isdisjoint((root, ".".join(parts[:2]))):
        fact = f"{field} cannot be left to somebody else: QStash does not show it again"
        raise FieldError(fact, "a write replaces the whole schedule, so the file must have it")
    known = [f"{key} or {key}.NAME" if (kind, key) in _BY_NAME else key for key in KNOWN[kind]]
    raise FieldError(f"{field} is no field that can be ignored", f"known: {', '.join(known)}")


def is_sent(field: str) -> bool:
    """Whether a field of a schedule is a setting of its message."""
    return field not in (TIME, PAUSE, LABELS)


def names_of_headers(field: str, present: Iterable[str]) -> tuple[str, ...]:
    """The headers that a field is about, of those that are present somewhere."""
    root = field.partition(".")[0]
    if root == HEADERS:
        return tuple(name for name in dict.fromkeys(present) if is_about(field, name))
    return (CONTENT_TYPE,) if root == BODY else ()


def is_about(field: str, name: str) -> bool:
    """Whether a field, such as endpoints, endpoints.eu or headers.x-*, is about one of a name."""
    root, _, glob = field.partition(".")
    if root == HEADERS:
        name, glob = name.lower(), glob.lower()
    return not glob or fnmatchcase(name, glob)


def taken_from(source: Message, onto: Message, fields: tuple[str, ...]) -> Message:
    """The message `onto`, in which some fields are as `source` has them; labels are not among them.

    A callback is its URL here, since nothing else of it can be read; a body brings its type along.
    """
    changes: dict[str, Any] = {}
    headers, theirs = dict(onto.headers), dict(source.headers)
    for field in fields:
        for name in names_of_headers(field, [*headers, *theirs]):
            headers.pop(name, None)
            headers |= {name: theirs[name]} if name in theirs else {}
        if field in settings_table.CALLBACKS:
            changes[field] = _with_url(getattr(onto, field), getattr(source, field))
        elif is_sent(field) and field.partition(".")[0] != HEADERS:
            changes[field] = getattr(source, field)
    return replace(onto, headers=tuple(sorted(headers.items())), **changes)


def _with_url(onto: Callback | None, source: Callback | None) -> Callback | None:
    if source is None or onto is None:
        return source
    return replace(onto, url=source.url)
