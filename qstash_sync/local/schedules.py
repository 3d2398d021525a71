"""The routes of schedules, and a schedule as GET and LIST show it."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import replace

from qstash_sync.local import cron
from qstash_sync.local.answers import (
    Call,
    bad,
    check_name,
    check_url,
    found,
    is_name,
    refuse_missing,
)
from qstash_sync.local.limits import within
from qstash_sync.local.queues import ensure_queue
from qstash_sync.local.settings import CALLBACKS, settings
from qstash_sync.local.store import Document
from qstash_sync.local.switches import Switches

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_HIDDEN = frozenset({
    "activeFrom", "bodyBase64", "callbackSettings", "failureCallbackSettings", "header", "labels",
    "redact",
})  # fmt: skip
_LAST_RUN = ("lastScheduleTime", "lastScheduleStates", "error")
_WRONG_ZONE = "Asia/Kathmandu"


def create(call: Call) -> Document:
    """POST /v2/schedules/{destination}: create, or replace the one with the same id as a whole."""
    sent = {name.lower(): value.strip(" \t") for name, value in call.headers}
    schedule_id = sent.get("upstash-schedule-id")
    if not schedule_id or not call.switches.schedule_id_kept:
        schedule_id = "scd_" + "".join(secrets.choice(_ALPHABET) for _ in range(28))
    check_name(schedule_id, "Upstash-Schedule-Id")
    target = destination(call)
    text = sent.get("upstash-cron", "")
    try:
        cron.parse(text, descriptors=call.switches.descriptors)
    except cron.CronError as error:
        raise bad(f"Invalid cron expression {error}") from None
    old = call.store.get("schedule", schedule_id)
    if old is None:
        within(call, "schedules", call.store.count("schedule") + 1)
    stored = settings(call) | {
        "scheduleId": schedule_id,
        "cron": text,
        "destination": target,
        **_carried_over(call, old or {}),
    }
    if "queueName" in stored and call.switches.queue_from_schedule:
        ensure_queue(call.store, stored["queueName"], call.now_ms)
    call.store.put("schedule", schedule_id, stored)
    return {"scheduleId": schedule_id}


def _carried_over(call: Call, old: Document) -> Document:
    """What the server sets itself, and what of it survives an overwrite."""
    keep = call.switches
    kept: Document = {
        "isPaused": bool(old.get("isPaused")) and keep.overwrite_keeps_pause,
        "createdAt": call.now_ms,
    }
    if old and keep.overwrite_keeps_created_at:
        kept["createdAt"] = old["createdAt"]
    if keep.overwrite_keeps_last_run:
        kept |= {key: old[key] for key in _LAST_RUN if key in old}
    if keep.activation_lag:
        kept["activeFrom"] = call.now + keep.activation_lag
    return kept


def destination(call: Call) -> str:
    """The literal remainder of the path with its query string: a URL or the name of a group."""
    if not call.rest:
        raise bad("a non-empty destination must be provided")
    if not is_name(call.rest):
        url = f"{call.rest}?{call.query}" if call.query else call.rest
        return check_url(url, call.switches)
    if call.store.get("topic", call.rest) is None:
        refuse_missing("topic", call.rest, status=call.switches.unknown_group)
    return call.rest


def listed(call: Call) -> list[Document]:
    """GET /v2/schedules."""
    return [shown(call, stored) for stored in call.store.all("schedule")]


def get(call: Call) -> Document:
    """GET /v2/schedules/{id}."""
    schedule_id = call.names["name"]
    return shown(call, found(call.store.get("schedule", schedule_id), "schedule", schedule_id))


def delete(call: Call) -> None:
    """DELETE /v2/schedules/{id}."""
    schedule_id = call.names["name"]
    if not call.store.delete("schedule", schedule_id):
        refuse_missing("schedule", schedule_id, status=call.switches.missing_schedule_delete)


def pause(call: Call) -> None:
    """POST or PATCH /v2/schedules/{id}/pause and /resume."""
    schedule_id = call.names["name"]
    stored = call.store.get("schedule", schedule_id)
    if stored is None:
        refuse_missing("schedule", schedule_id, status=call.switches.missing_schedule_pause)
        return
    stored["isPaused"] = call.names["verb"].lower() == "pause"
    call.store.put("schedule", schedule_id, stored)


def spec(stored: Document, switches: Switches) -> cron.Spec:
    """The stored cron as this server evaluates it."""
    parsed = cron.parse(stored["cron"])
    return replace(parsed, zone=_WRONG_ZONE) if switches.next_time == "wrong" else parsed


def shown(call: Call, stored: Document) -> Document:
    """A stored schedule as the API shows it."""
    switches = call.switches
    result = {key: value for key, value in stored.items() if key not in _HIDDEN and value != 0}
    result["isPaused"] = stored["isPaused"]
    if stored["retries"] or switches.retries_zero_shown:
        result["retries"] = stored["retries"]
    if switches.parallelism_zero_shown:
        result.setdefault("parallelism", 0)
    if "flowControlKey" in stored and switches.period_default_shown:
        result.setdefault("period", 1)
    if "timeout" in result and switches.timeout_unit == "ms":
        result["timeout"] *= 1000
    result |= _labels(stored["labels"], switches.labels_shown)
    result[switches.caller_key] = "127.0.0.1"
    return result | _headers(call, stored) | _body(call, stored) | _next_time(call, stored)


def _labels(labels: list[str], shown: str) -> Document:
    if not labels or shown == "none":
        return {}
    label = ",".join(labels) if shown == "joined" else labels[0]
    return {"label": label} | ({"labels": labels} if shown == "both" else {})


def _headers(call: Call, stored: Document) -> Document:
    """The forwarded headers, with digests for what is redacted, and those of the callbacks."""
    result: Document = {}
    hidden = {field.lower().replace("headers", "header") for field in stored["redact"]}
    for name, values in stored["header"].items():
        hides = hidden & {"header", f"header[{name.lower()}]"}
        shown_values = [_digest(value.encode(), call) for value in values] if hides else values
        result.setdefault("header", {})[name] = shown_values

    shows = call.switches.callback_header_shown
    for key, _ in CALLBACKS if shows != "none" else ():
        headers = {
            name.removeprefix("Forward-"): values
            for name, values in stored.get(f"{key}Settings", {}).items()
            if shows == "all" or name.startswith("Forward-")
        }
        if headers:
            result[f"{key}Header"] = headers
    return result


def _body(call: Call, stored: Document) -> Document:
    body = base64.b64decode(stored["bodyBase64"])
    if not body:
        return {}
    if "body" in stored["redact"]:
        return {"body": _digest(body, call)}
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"bodyBase64": stored["bodyBase64"]}


def _digest(data: bytes, call: Call) -> str:
    if call.switches.redact_digest == "hmac":
        return "REDACTED:" + hmac.new(call.secret, data, hashlib.sha256).hexdigest()
    return "REDACTED:" + hashlib.sha256(data).hexdigest()


def _next_time(call: Call, stored: Document) -> Document:
    """When it fires next; paused or not, since a pause drops deliveries and moves no time."""
    if call.switches.next_time == "absent":
        return {}
    after = max(call.now, stored.get("activeFrom", 0))
    minute = cron.next_firing(spec(stored, call.switches), after, origin=origin(stored))
    return {} if minute is None else {"nextScheduleTime": minute * 60_000}


def origin(stored: Document) -> int:
    """The minute from which an `@every` cron counts."""
    return int(stored["createdAt"]) // 60_000
