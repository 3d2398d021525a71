"""What other environments of the files declare in the same account, of the kinds without a mark.

A queue, a URL group or a flow-control key is known by its name alone: one that production declares
is not a preview's to delete, whatever the preview's `owns` says.
"""

from collections.abc import Iterator, Mapping, Sequence

from qstash_sync.config.interpolate import Scope
from qstash_sync.config.tree import Document, Map
from qstash_sync.model.resources import Key, Kind

_KINDS = {
    "url_groups": Kind.URL_GROUP,
    "queues": Kind.QUEUE,
    "flow_controls": Kind.FLOW_CONTROL,
}


def shares_account(one: Map, other: Map) -> bool:
    """Whether two environments may be of one account: only what they say tells that they are not.

    Two tokens may be of one account, so they tell nothing.
    """
    for key in ("region", "url", "account"):
        values = {str(raw[key]) for raw in (one, other) if raw.get(key) is not None}
        if len(values) > 1 and not any("${" in value for value in values):
            return False
    return True


def declared(documents: Sequence[Document], name: str, scope: Scope) -> Iterator[Key]:
    """The names that an environment declares; scope: of its variables."""
    for document in documents:
        for section, kind in _KINDS.items():
            entries = document.root.get(section)
            if not isinstance(entries, Map):
                continue
            for written, raw in entries.items():
                found: str | None = written
                if "${" in written:
                    found = scope.name(written, entries.at(written), (section, written))
                if found is not None and _is_selected(raw, name):
                    yield kind, found


def _is_selected(raw: object, name: str) -> bool:
    if not isinstance(raw, Map):
        return True
    only, others = _listed(raw, "only"), _listed(raw, "except")
    return name in only if only is not None else name not in (others or ())


def _listed(raw: Mapping[str, object], key: str) -> list[str] | None:
    value = raw.get(key)
    if isinstance(value, list):
        return [str(item) for item in value]
    return None if value is None else [str(value)]
