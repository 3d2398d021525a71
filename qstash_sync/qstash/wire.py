"""Values <-> QStash's headers, paths and JSON: the only place that knows them, and unwraps secrets.

The destination stands in the path literally, query string included. A schedule is always written
whole, defaults spelled out, since QStash replaces the old definition.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import NoneType
from typing import Any, TypeVar
from urllib.parse import quote

from qstash_sync.errors import RejectedError
from qstash_sync.model import settings_table
from qstash_sync.model.resources import (
    Callback,
    Endpoint,
    FlowUse,
    Kind,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
    Message,
    Redact,
    is_known,
    plain,
)
from qstash_sync.model.settings_table import SHAPED, Setting
from qstash_sync.model.steps import (
    DeleteQueue,
    DeleteSchedule,
    DeleteUrlGroup,
    PauseFlowControl,
    PauseSchedule,
    PinFlowControl,
    PutQueue,
    PutSchedule,
    SettleUrlGroup,
    Step,
    UnpinFlowControl,
)
from qstash_sync.record import record

LISTS = {
    Kind.SCHEDULE: "/v2/schedules",
    Kind.URL_GROUP: "/v2/topics",
    Kind.QUEUE: "/v2/queues",
    Kind.FLOW_CONTROL: "/v2/flowControl",
}
SIGNING_KEYS, PARALLELISM = "/v2/keys", "/v2/globalParallelism"
_PERIOD = 1  # second, of a rate that says none
T = TypeVar("T")
LiveResource = LiveSchedule | LiveUrlGroup | LiveQueue | LiveFlowControl
KINDS = {f"{kind}s": kind for kind in LISTS}  # by the names of `Live`


@record(kw_only=True)
class Request:
    """One HTTP request; repr leaves out headers and content, which hold secrets."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} …)"


def get(kind: Kind, name: str | None = None) -> Request:
    """A read of all resources of a kind, or of one."""
    return Request(method="GET", path=LISTS[kind] if name is None else _path(kind, name))


def about_account(path: str) -> Request:
    """A read of what an account has beside its resources."""
    return Request(method="GET", path=path)


def _path(kind: Kind, name: str, rest: str = "") -> str:
    """The path of one resource; never that of all of them, as an empty name would make it."""
    if name in ("", ".", ".."):
        raise RejectedError(
            f"the {kind.noun} {name!r} cannot be addressed: its path means another", 0
        )
    return f"{LISTS[kind]}/{quote(name, safe='')}{rest}"


def of_step(step: Step) -> Request:  # noqa: PLR0911 one line a kind of step
    """The request for one write; URL groups take several, see `add_endpoints`."""
    match step:
        case PutSchedule():
            return put_schedule(step)
        case PauseSchedule(id=part_id, paused=paused):
            return _post(_path(Kind.SCHEDULE, part_id, _verb(paused=paused)))
        case DeleteSchedule(id=part_id):
            return Request(method="DELETE", path=_path(Kind.SCHEDULE, part_id))
        case DeleteUrlGroup(name=name):
            return Request(method="DELETE", path=_path(Kind.URL_GROUP, name))
        case PutQueue():
            body = {"queueName": step.name, "parallelism": step.parallelism, "paused": step.paused}
            return _json("POST", LISTS[Kind.QUEUE], body)
        case DeleteQueue(name=name):
            return Request(method="DELETE", path=_path(Kind.QUEUE, name))
        case PinFlowControl(name=name):
            return _post(_path(Kind.FLOW_CONTROL, name, f"/pin?{_pin_query(step)}"))
        case UnpinFlowControl():
            flags = [key for key in ("parallelism", "rate") if getattr(step, key)]
            query = "&".join(f"{flag}=true" for flag in flags)
            return _post(_path(Kind.FLOW_CONTROL, step.name, f"/unpin?{query}"))
        case PauseFlowControl(name=name, paused=paused):
            return _post(_path(Kind.FLOW_CONTROL, name, _verb(paused=paused)))
        case SettleUrlGroup(group=group):
            return add_endpoints(group.name, group.endpoints)


def unfit_header(request: Request) -> str | None:
    """What is to be said of a header that cannot be sent."""
    name = next(
        (name for name, value in request.headers if not settings_table.fits_header(value)), None
    )
    return f"the header {name} holds what no header can" if name else None


def fault(step: PutSchedule) -> str | None:
    """Why a part can never be written, as far as its secrets are known; None where it can."""
    known = replace(step, message=_known(step.message))
    try:
        return unfit_header(get(Kind.SCHEDULE, step.id)) or unfit_header(put_schedule(known))
    except RejectedError as error:
        return str(error)


def _known(message: Message) -> Message:
    """A message without the texts that are not known."""
    lost: dict[str, Any] = {} if is_known(message.body) else {"body": None}
    for key in settings_table.CALLBACKS:
        callback = getattr(message, key)
        lost |= {} if callback is None or is_known(callback.url) else {key: None}
    headers = tuple((name, text) for name, text in message.headers if is_known(text))
    destination = message.destination if is_known(message.destination) else ""
    return replace(message, headers=headers, destination=destination, **lost)


def _verb(*, paused: bool) -> str:
    return "/pause" if paused else "/resume"


def _post(path: str) -> Request:
    return Request(method="POST", path=path)


def _json(method: str, path: str, body: Any) -> Request:
    headers = (("Content-Type", "application/json"),)
    return Request(method=method, path=path, headers=headers, content=json.dumps(body).encode())


def _pin_query(step: PinFlowControl) -> str:
    values = (("parallelism", step.parallelism), ("rate", step.rate), ("period", step.period))
    return "&".join(f"{key}={value}" for key, value in values if value is not None)


def add_endpoints(group: str, endpoints: Iterable[Endpoint]) -> Request:
    """Add endpoints to a URL group, or update those that QStash takes for the same."""
    items = [_endpoint(endpoint) for endpoint in endpoints]
    return _json("POST", _path(Kind.URL_GROUP, group, "/endpoints"), {"endpoints": items})


def remove_endpoints(group: str, items: Iterable[Mapping[str, str]]) -> Request:
    """Remove endpoints from a URL group, each by its name or by its URL."""
    body = {"endpoints": [dict(item) for item in items]}
    return _json("DELETE", _path(Kind.URL_GROUP, group, "/endpoints"), body)


def _endpoint(endpoint: Endpoint) -> dict[str, str]:
    item = {"url": plain(endpoint.url)}
    if endpoint.name is not None:
        item["name"] = endpoint.name
    return item


def put_schedule(step: PutSchedule) -> Request:
    """The full definition of one part."""
    message = step.message
    headers = [
        (SHAPED["cron"].header, step.cron),
        (SHAPED["id"].header, step.id),
        *_sent(settings_table.MESSAGE, message),
        (SHAPED["labels"].header, ",".join(step.labels)),
    ]
    for key in settings_table.CALLBACKS:
        callback = getattr(message, key)
        headers += _callback(SHAPED[key].header, callback) if callback else []
    if message.flow_control:
        headers += _flow_control(message.flow_control)
    redacted = _redact(message.redact)
    if redacted:
        headers.append((SHAPED["redact"].header, redacted))
    for name, value in message.headers:
        forwarded = f"{SHAPED['headers'].header}{name}"
        headers.append((name if name == "Content-Type" else forwarded, plain(value)))
    return Request(
        method="POST",
        path=f"/v2/schedules/{plain(message.destination)}",
        headers=tuple(headers),
        content=_content(message),
    )


def _content(message: Message) -> bytes:
    if message.body is None:
        return b""
    return message.body if isinstance(message.body, bytes) else plain(message.body).encode()


def _sent(rows: tuple[Setting, ...], source: object, prefix: str = "") -> list[tuple[str, str]]:
    """The headers of settings of one value; a default is sent where the table says so."""
    values = ((row, getattr(source, row.key)) for row in rows)
    return [
        (f"{prefix}{row.header}", row.write(value))
        for row, value in values
        if value is not None and (row.always or value != row.default)
    ]


def _callback(prefix: str, callback: Callback) -> list[tuple[str, str]]:
    return [
        (prefix, plain(callback.url)),
        *_sent(settings_table.CALLBACK, callback, f"{prefix}-"),
        *((f"{prefix}-Forward-{name}", plain(value)) for name, value in callback.headers),
    ]


def _flow_control(use: FlowUse) -> list[tuple[str, str]]:
    """Without a rate a period means nothing, and one that somebody else has set is kept."""
    values = [("parallelism", use.parallelism), ("rate", use.rate)]
    parts = [f"{key}={value}" for key, value in values if value is not None]
    is_said = use.rate is not None or use.period != _PERIOD
    if is_said and use.period is not None:
        parts.append(f"period={use.period}s")
    headers = [(SHAPED["flow_control"].header, use.key)]
    return headers + ([("Upstash-Flow-Control-Value", ", ".join(parts))] if parts else [])


def _redact(redact: Redact) -> str:
    fields = ["body"] if redact.body else []
    fields += ["header"] if redact.all_headers else [f"header[{name}]" for name in redact.headers]
    return ",".join(fields)


# Reading


class MalformedError(ValueError):
    """JSON that is not what QStash documents: which field, and what is there, never its value."""


_TYPES = {
    NoneType: "null",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number with a fraction",
    list: "a list",
    dict: "an object",
}


_INT64 = 2**63


def parse(kind: Kind, data: Any) -> LiveResource:
    """One resource from its JSON; raises `MalformedError` where it is not one."""
    if not isinstance(data, dict):
        raise MalformedError(f"it is {_TYPES[type(data)]}")
    return _PARSERS[kind](data)


_TIMES = ("createdAt", "nextScheduleTime", "lastScheduleTime")
_JSON = {row.key: row.json for row in SHAPED.values() if row.json is not None}
_REQUIRED = [_JSON[key] for key in ("id", "cron", "destination")]
_SCHEDULE: dict[str, type] = {
    **{row.json: row.type for row in settings_table.MESSAGE if row.json is not None},
    **{row.json: row.type for row in SHAPED.values() if row.json is not None},
    **dict.fromkeys(("bodyBase64", "label", "error"), str),
    **dict.fromkeys(_TIMES, int),
    **dict.fromkeys(("parallelism", "rate", "period"), int),
    "isPaused": bool,
}
_SHOWN = [(row.key, row.json, row.absent) for row in settings_table.MESSAGE if row.json is not None]


def schedule(data: Mapping[str, Any]) -> LiveSchedule:
    """A schedule from its JSON; what is missing is nothing, or a zero."""
    for key, value in data.items():
        kind = _SCHEDULE.get(key)
        if kind is None or value is None:
            continue
        if type(value) is not kind or (type(value) is int and not -_INT64 <= value < _INT64):
            _check(key, value, kind)
    get = data.get
    for key in _REQUIRED:
        if not get(key):
            raise MalformedError(f"{key} is missing")
    labels = get(_JSON["labels"])
    headers, repeated = _headers(get(_JSON["headers"]) or {})
    # `label` is the first, or all of them: no label holds a comma.
    label = (get("label") or "").split(",")
    return LiveSchedule(
        id=data[_JSON["id"]],
        cron=data[_JSON["cron"]],
        message=Message(
            **{key: get(name) or absent for key, name, absent in _SHOWN},
            destination=data[_JSON["destination"]],
            headers=headers,
            body=_body(data),
            callback=_live_callback(get(_JSON["callback"])),
            failure_callback=_live_callback(get(_JSON["failure_callback"])),
            flow_control=_flow_use(data),
            labels=_texts(labels or (), "labels") or tuple(filter(None, label)),
        ),
        paused=get("isPaused") or False,
        created_at=get("createdAt"),
        next_at=get("nextScheduleTime"),
        last_at=get("lastScheduleTime"),
        last_states=_states(get("lastScheduleStates")),
        error=get("error") or None,
        labels_cut=labels is None and len(label) == 1 and label != [""],
        repeated=repeated,
    )


def _states(found: Any) -> tuple[str, ...]:
    """How the messages of the last run went; no setting, so what is no state is none."""
    if not isinstance(found, dict):
        return ()
    return tuple(sorted(state for state in found.values() if isinstance(state, str)))


def _texts(items: Iterable[Any], what: str) -> tuple[str, ...]:
    found = tuple(items)
    for item in found:
        if type(item) is not str:
            raise MalformedError(f"{what} holds {_TYPES[type(item)]}")
    return found


def _check(key: str, value: object, kind: type) -> None:
    """Raise where a value is not of the type, or a number that QStash itself could not hold.

    A time is no setting: one that no calendar has is told of its schedule alone, see `instant`.
    """
    if type(value) is not kind:
        raise MalformedError(f"{key} is {_TYPES[type(value)]}")
    if isinstance(value, int) and key not in _TIMES and not -_INT64 <= value < _INT64:
        raise MalformedError(f"{key} is a number out of range")


def _field(data: Mapping[str, Any], key: str, kind: type[T]) -> T | None:
    value: T | None = data.get(key)
    if value is not None:
        _check(key, value, kind)
    return value


def _required(data: Mapping[str, Any], key: str) -> str:
    value = _field(data, key, str)
    if not value:
        raise MalformedError(f"{key} is missing")
    return value


def _items(data: Mapping[str, Any], key: str, kind: type[T]) -> tuple[T, ...]:
    items = _field(data, key, list) or ()
    for item in items:
        if type(item) is not kind:
            raise MalformedError(f"{key} holds {_TYPES[type(item)]}")
    return tuple(items)


def _headers(headers: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Canonical names, sorted, and which are sent more than once.

    What has two spellings or several values is one header.
    """
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for name, value in headers.items():
        values = value if type(value) is list else (value,)
        text = values[0] if len(values) == 1 else ""
        if len(values) != 1 or type(text) is not str:
            text = ", ".join(_texts(values, f"header {name}"))
        canonical = settings_table.canonical_header(name)
        if canonical in found or len(values) > 1:
            repeated.add(canonical)
        found[canonical] = f"{found[canonical]}, {text}" if canonical in found else text
    return tuple(sorted(found.items())), tuple(sorted(repeated))


def _body(data: Mapping[str, Any]) -> bytes | str | None:
    encoded = data.get("bodyBase64")
    if not encoded:
        return data.get(_JSON["body"]) or None
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        raise MalformedError("bodyBase64 is not base64") from None


def _live_callback(url: str | None) -> Callback | None:
    return Callback(url=url) if url else None


def _flow_use(data: Mapping[str, Any]) -> FlowUse | None:
    key = data.get(_JSON["flow_control"])
    if not key:
        return None
    rate = data.get("rate") or None
    return FlowUse(
        key=key,
        parallelism=data.get("parallelism") or None,
        rate=rate,
        period=data.get("period") or (_PERIOD if rate else None),
    )


def url_group(data: Mapping[str, Any]) -> LiveUrlGroup:
    """A URL group from its JSON."""
    endpoints = tuple(
        Endpoint(url=_required(item, "url"), name=_field(item, "name", str) or None)
        for item in _items(data, "endpoints", dict)
    )
    return LiveUrlGroup(name=_required(data, "name"), endpoints=endpoints)


def queue(data: Mapping[str, Any]) -> LiveQueue:
    """A queue from its JSON."""
    return LiveQueue(
        name=_required(data, "name"),
        parallelism=_field(data, "parallelism", int) or 1,
        paused=_field(data, "paused", bool) or False,
        lag=_field(data, "lag", int),
    )


def flow_control(data: Mapping[str, Any]) -> LiveFlowControl:
    """A flow-control key from its JSON; only what is pinned is a setting."""
    parallelism, rate = _field(data, "parallelismMax", int), _field(data, "rateMax", int)
    pinned_rate = _field(data, "isPinnedRate", bool)
    return LiveFlowControl(
        name=_required(data, "flowControlKey"),
        parallelism=parallelism if _field(data, "isPinnedParallelism", bool) else None,
        rate=rate if pinned_rate else None,
        period=(_field(data, "ratePeriod", int) or _PERIOD) if pinned_rate else None,
        paused=_field(data, "isPaused", bool) or False,
        waiting=_field(data, "waitListSize", int) or 0,
    )


_PARSERS: dict[Kind, Callable[[Mapping[str, Any]], LiveResource]] = {
    Kind.SCHEDULE: schedule,
    Kind.URL_GROUP: url_group,
    Kind.QUEUE: queue,
    Kind.FLOW_CONTROL: flow_control,
}
