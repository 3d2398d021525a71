"""The routes of URL groups, which the wire calls topics."""

from qstash_sync.local.answers import Call, bad, check_name, check_url, found, refuse_missing
from qstash_sync.local.limits import within
from qstash_sync.local.store import Document


def listed(call: Call) -> list[Document] | None:
    """GET /v2/topics."""
    return call.switches.listed([_shown(stored) for stored in call.store.all("topic")])


def get(call: Call) -> Document:
    """GET /v2/topics/{name}."""
    name = call.names["name"]
    return _shown(found(call.store.get("topic", name), "topic", name))


def _shown(stored: Document) -> Document:
    """Without the default headers: they are stored and nothing reads them back."""
    return {key: value for key, value in stored.items() if key != "headers"}


def delete(call: Call) -> None:
    """DELETE /v2/topics/{name}: the group with all its endpoints."""
    name = call.names["name"]
    if not call.store.delete("topic", name):
        refuse_missing("topic", name, status=call.switches.missing_group_delete)


def set_headers(call: Call) -> None:
    """PATCH /v2/topics/{name}: default headers of the group's messages."""
    name = call.names["name"]
    stored = found(call.store.get("topic", name), "topic", name)
    headers = call.json().get("headers")
    if not isinstance(headers, dict):
        raise bad("invalid headers: not an object")
    stored["headers"] = {**stored.get("headers", {}), **headers}
    call.store.put("topic", name, stored)


def add(call: Call) -> None:
    """POST /v2/topics/{name}/endpoints: adds and updates, never removes; creates the group."""
    name = check_name(call.names["name"], "topic name")
    items = _items(call)
    for item in items:
        check_url(item.get("url", ""), call.switches)
    stored = call.store.get("topic", name)
    if stored is None:
        within(call, "topics", call.store.count("topic") + 1)
        stored = {"name": name, "createdAt": call.now_ms, "endpoints": []}
    for item in items:
        _merge(stored["endpoints"], item, by=call.switches.endpoint_match)
    within(call, "endpoints_per_topic", len(stored["endpoints"]))
    _save(call, stored)


def remove(call: Call) -> None:
    """DELETE /v2/topics/{name}/endpoints: without its last endpoint the group is gone."""
    name, items = call.names["name"], _items(call)
    stored = call.store.get("topic", name)
    if stored is None:
        refuse_missing("topic", name, status=call.switches.missing_group_endpoints)
        return
    for item in items:
        keys = ("name", "url") if call.switches.endpoint_match == "name" else ("url", "name")
        key = next((key for key in keys if item.get(key)), None)
        if key is None:
            raise bad("invalid endpoint: url or name is required")
        kept = [endpoint for endpoint in stored["endpoints"] if endpoint.get(key) != item[key]]
        if len(kept) == len(stored["endpoints"]):
            refuse_missing("endpoint", item[key], status=call.switches.missing_endpoint_delete)
        stored["endpoints"] = kept
    _save(call, stored)


def _items(call: Call) -> list[dict[str, str]]:
    """The endpoints of a body, of each only its name and url."""
    items = call.json().get("endpoints")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad("invalid endpoints: not a list of objects")
    return [{k: str(item[k]) for k in ("name", "url") if item.get(k)} for item in items]


def _merge(endpoints: list[dict[str, str]], item: dict[str, str], *, by: str) -> None:
    """Update the endpoint that counts as the same one, else append.

    by: "name" goes by the name where one is given, else by the url; "url" by the url first.
    """
    keys = ("name" if "name" in item else "url",) if by == "name" else ("url", "name")
    for key in keys:
        for endpoint in endpoints:
            if item.get(key) and endpoint.get(key) == item[key]:
                endpoint.update(item)
                return
    endpoints.append(item)


def _save(call: Call, stored: Document) -> None:
    stored["updatedAt"] = call.now_ms
    if stored["endpoints"]:
        call.store.put("topic", stored["name"], stored)
    else:
        call.store.delete("topic", stored["name"])
