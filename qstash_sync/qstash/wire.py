"""Values <-> QStash's headers, paths and JSON: the only place that knows them, and unwraps secrets.

The destination stands in the path literally, query string included. A schedule is always written
whole, defaults spelled out, since QStash replaces the old definition.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qstash_sync.core.model import (
    Callback,
    Endpoint,
    FlowUse,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
    Message,
    Redact,
    plain,
)
from qstash_sync.core.steps import (
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

LISTS = {
    "schedules": "/v2/schedules",
    "url_groups": "/v2/topics",
    "queues": "/v2/queues",
    "flow_controls": "/v2/flowControl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; repr leaves out headers and content, which hold secrets."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method} …)"


def get(path: str) -> Request:
    """A read."""
    return Request(method="GET", path=path)


def of_step(step: Step) -> Request:  # noqa: PLR0911 one line a kind of step
    """The request for one write; URL groups take several, see `add_endpoints`."""
    match step:
        case PutSchedule():
            return put_schedule(step)
        case PauseSchedule(id=part_id, paused=paused):
            return _post(f"/v2/schedules/{part_id}/{_verb(paused)}")
        case DeleteSchedule(id=part_id):
            return Request(method="DELETE", path=f"/v2/schedules/{part_id}")
        case DeleteUrlGroup(name=name):
            return Request(method="DELETE", path=f"/v2/topics/{name}")
        case PutQueue():
            body = {"queueName": step.name, "parallelism": step.parallelism, "paused": step.paused}
            return _json("POST", "/v2/queues", body)
        case DeleteQueue(name=name):
            return Request(method="DELETE", path=f"/v2/queues/{name}")
        case PinFlowControl():
            return _post(f"/v2/flowControl/{step.name}/pin?{_pin_query(step)}")
        case UnpinFlowControl():
            flags = [key for key in ("parallelism", "rate") if getattr(step, key)]
            query = "&".join(f"{flag}=true" for flag in flags)
            return _post(f"/v2/flowControl/{step.name}/unpin?{query}")
        case PauseFlowControl(name=name, paused=paused):
            return _post(f"/v2/flowControl/{name}/{_verb(paused)}")
        case SettleUrlGroup(group=group):
            return add_endpoints(group.name, group.endpoints)


def _verb(paused: bool) -> str:  # noqa: FBT001 the state itself
    return "pause" if paused else "resume"


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
    return _json("POST", f"/v2/topics/{group}/endpoints", {"endpoints": items})


def remove_endpoints(group: str, items: Iterable[Mapping[str, str]]) -> Request:
    """Remove endpoints from a URL group, each by its name or by its URL."""
    return _json("DELETE", f"/v2/topics/{group}/endpoints", {"endpoints": [dict(i) for i in items]})


def _endpoint(endpoint: Endpoint) -> dict[str, str]:
    item = {"url": plain(endpoint.url)}
    if endpoint.name is not None:
        item["name"] = endpoint.name
    return item


def put_schedule(step: PutSchedule) -> Request:
    """The full definition of one part."""
    message = step.message
    headers: list[tuple[str, str]] = [
        ("Upstash-Cron", step.cron),
        ("Upstash-Schedule-Id", step.id),
        ("Upstash-Method", message.method),
        ("Upstash-Retries", str(message.retries)),
        ("Upstash-Label", ",".join(step.labels)),
    ]
    if message.retry_delay is not None:
        headers.append(("Upstash-Retry-Delay", message.retry_delay))
    if message.timeout is not None:
        headers.append(("Upstash-Timeout", f"{message.timeout}s"))
    if message.delay:
        headers.append(("Upstash-Delay", f"{message.delay}s"))
    if message.queue is not None:
        headers.append(("Upstash-Queue-Name", message.queue))
    for prefix, callback in (
        ("Upstash-Callback", message.callback),
        ("Upstash-Failure-Callback", message.failure_callback),
    ):
        headers += _callback(prefix, callback) if callback else []
    if message.flow_control:
        headers += _flow_control(message.flow_control)
    redacted = _redact(message.redact)
    if redacted:
        headers.append(("Upstash-Redact-Fields", redacted))
    for name, value in message.headers:
        sent_as = name if name == "Content-Type" else f"Upstash-Forward-{name}"
        headers.append((sent_as, plain(value)))
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


def _callback(prefix: str, callback: Callback) -> list[tuple[str, str]]:
    headers = [(prefix, plain(callback.url)), (f"{prefix}-Method", callback.method)]
    if callback.retries is not None:
        headers.append((f"{prefix}-Retries", str(callback.retries)))
    if callback.timeout is not None:
        headers.append((f"{prefix}-Timeout", f"{callback.timeout}s"))
    if callback.retry_delay is not None:
        headers.append((f"{prefix}-Retry-Delay", callback.retry_delay))
    return headers + [
        (f"{prefix}-Forward-{name}", plain(value)) for name, value in callback.headers
    ]


def _flow_control(use: FlowUse) -> list[tuple[str, str]]:
    values = [("parallelism", use.parallelism), ("rate", use.rate)]
    parts = [f"{key}={value}" for key, value in values if value is not None]
    if use.rate is not None and use.period is not None:
        parts.append(f"period={use.period}s")
    headers = [("Upstash-Flow-Control-Key", use.key)]
    return headers + ([("Upstash-Flow-Control-Value", ", ".join(parts))] if parts else [])


def _redact(redact: Redact) -> str:
    fields = ["body"] if redact.body else []
    fields += ["header"] if redact.all_headers else [f"header[{name}]" for name in redact.headers]
    return ",".join(fields)


# Reading


def schedule(data: Mapping[str, Any]) -> LiveSchedule:
    """A schedule from its JSON; a missing value is QStash's default."""
    labels = data.get("labels") or ([data["label"]] if data.get("label") else [])
    return LiveSchedule(
        id=str(data["scheduleId"]),
        cron=str(data["cron"]),
        message=Message(
            destination=str(data["destination"]),
            method=str(data.get("method") or "POST"),
            headers=_headers(data.get("header")),
            body=_body(data),
            retries=int(data.get("retries", 3)),
            retry_delay=data.get("retryDelayExpression") or None,
            timeout=data.get("timeout") or None,
            delay=int(data.get("delay") or 0),
            callback=_live_callback(data.get("callback")),
            failure_callback=_live_callback(data.get("failureCallback")),
            queue=data.get("queueName") or None,
            flow_control=_flow_use(data),
            labels=tuple(map(str, labels)),
        ),
        paused=bool(data.get("isPaused")),
        created_at=data.get("createdAt"),
        next_at=data.get("nextScheduleTime"),
        last_at=data.get("lastScheduleTime"),
        error=data.get("error") or None,
    )


def _headers(data: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    pairs = (
        (name, ", ".join(v) if isinstance(v, list) else str(v)) for name, v in (data or {}).items()
    )
    return tuple(
        sorted(("-".join(p[:1].upper() + p[1:].lower() for p in n.split("-")), v) for n, v in pairs)
    )


def _body(data: Mapping[str, Any]) -> bytes | str | None:
    if data.get("bodyBase64"):
        return base64.b64decode(data["bodyBase64"])
    body = data.get("body")
    return str(body) if body else None


def _live_callback(url: Any) -> Callback | None:
    return Callback(url=str(url)) if url else None


def _flow_use(data: Mapping[str, Any]) -> FlowUse | None:
    if not data.get("flowControlKey"):
        return None
    return FlowUse(
        key=str(data["flowControlKey"]),
        parallelism=data.get("parallelism") or None,
        rate=data.get("rate") or None,
        period=data.get("period") or (1 if data.get("rate") else None),
    )


def url_group(data: Mapping[str, Any]) -> LiveUrlGroup:
    """A URL group from its JSON."""
    items = data.get("endpoints") or ()
    endpoints = tuple(Endpoint(url=str(i["url"]), name=i.get("name") or None) for i in items)
    return LiveUrlGroup(name=str(data["name"]), endpoints=endpoints)


def queue(data: Mapping[str, Any]) -> LiveQueue:
    """A queue from its JSON."""
    return LiveQueue(
        name=str(data["name"]),
        parallelism=int(data.get("parallelism") or 1),
        paused=bool(data.get("paused")),
        lag=int(data.get("lag") or 0),
    )


def flow_control(data: Mapping[str, Any]) -> LiveFlowControl:
    """A flow-control key from its JSON; only what is pinned is a setting."""
    pinned_rate = bool(data.get("isPinnedRate"))
    return LiveFlowControl(
        name=str(data["flowControlKey"]),
        parallelism=data.get("parallelismMax") if data.get("isPinnedParallelism") else None,
        rate=data.get("rateMax") if pinned_rate else None,
        period=(data.get("ratePeriod") or 1) if pinned_rate else None,
        paused=bool(data.get("isPaused")),
        waiting=int(data.get("waitListSize") or 0),
    )


PARSERS = {
    "schedules": schedule,
    "url_groups": url_group,
    "queues": queue,
    "flow_controls": flow_control,
}
