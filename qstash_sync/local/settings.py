"""From the headers and the body of a create request to the stored document of a schedule."""

import base64
import re

from qstash_sync.local.answers import Call, bad, canonical, check_name, check_url, integer, seconds
from qstash_sync.local.limits import MAX_PERIOD, within
from qstash_sync.local.store import Document

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CALLBACKS = (("callback", "Upstash-Callback"), ("failureCallback", "Upstash-Failure-Callback"))
_VERBATIM = {
    "Upstash-Retry-Delay": "retryDelayExpression",
    "Upstash-Queue-Name": "queueName",
    "Upstash-Flow-Control-Key": "flowControlKey",
}
_REDACTABLE = re.compile(r"body|headers?|headers?\[[^\]]+\]")


def settings(call: Call) -> Document:
    """All settings, values in clear and what to redact beside them; nothing of an older document.

    A full replace: what this request does not say is not there afterwards.
    """
    sent = sent_by_name(call)
    stored: Document = {"method": _method(sent), "retries": 3}
    stored |= {key: sent[name] for name, key in _VERBATIM.items() if name in sent}
    if "queueName" in stored:
        check_name(stored["queueName"], "Upstash-Queue-Name")
    if "Upstash-Retries" in sent:
        stored["retries"] = integer("Upstash-Retries", sent["Upstash-Retries"])
    for name, key in (("Upstash-Delay", "delay"), ("Upstash-Timeout", "timeout")):
        if name in sent:
            stored[key] = seconds(name, sent[name])
            within(call, key, stored[key])
    stored |= flow_control(sent)
    stored["labels"] = _items(sent.get("Upstash-Label", ""))
    stored["redact"] = _redact(call, sent.get("Upstash-Redact-Fields", ""))
    for key, name in CALLBACKS:
        if name in sent:
            stored[key] = check_url(sent[name], call.switches)
            stored[f"{key}Settings"] = _callback_settings(name, call)
    stored["header"] = _behind("Upstash-Forward-", call)
    if "Content-Type" in sent:
        stored["header"]["Content-Type"] = [sent["Content-Type"]]
    within(call, "body_size", len(call.body))
    stored["bodyBase64"] = base64.b64encode(call.body).decode()
    return stored


def sent_by_name(call: Call) -> dict[str, str]:
    """The headers by canonical name; of those without a value, none."""
    sent = {canonical(name): value.strip(" \t") for name, value in call.headers}
    empty = [name for name, value in sent.items() if not value and name.startswith("Upstash-")]
    settable = [name for name in empty if "-Forward-" not in name]
    if settable and call.switches.empty_headers == "refused":
        raise bad(f"invalid {settable[0]}: empty value")
    return {name: value for name, value in sent.items() if value}


def _method(sent: dict[str, str]) -> str:
    method = sent.get("Upstash-Method", "POST").upper()
    if method not in _METHODS:
        raise bad(f"invalid Upstash-Method: {method}")
    return method


def flow_control(sent: dict[str, str]) -> Document:
    """parallelism, rate and period of `parallelism=5, rate=10, period=1m`, in any order."""
    read: Document = {}
    for item in _items(sent.get("Upstash-Flow-Control-Value", "")):
        key, _, value = (part.strip() for part in item.partition("="))
        if key not in {"parallelism", "rate", "period"}:
            raise bad(f"invalid Upstash-Flow-Control-Value: {item}")
        is_duration = key == "period" and not value.isdecimal()
        read[key] = seconds(key, value) if is_duration else integer(key, value)
    if read.get("period", 0) > MAX_PERIOD:
        raise bad(f"invalid Upstash-Flow-Control-Value: period above {MAX_PERIOD}s")
    return read


def _redact(call: Call, text: str) -> list[str]:
    fields = _items(text)
    for field in fields:
        other = field.startswith("headers") and call.switches.redact_spelling != "both"
        if other or not _REDACTABLE.fullmatch(field):
            raise bad(f"invalid Upstash-Redact-Fields: {field}")
    return fields


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _behind(prefix: str, call: Call) -> dict[str, list[str]]:
    """The headers with a prefix, without it; one that is sent twice keeps both values."""
    read: dict[str, list[str]] = {}
    for name, value in call.headers:
        full = canonical(name)
        if full.startswith(prefix) and full != prefix:
            read.setdefault(full.removeprefix(prefix), []).append(value)
    return read


def _callback_settings(name: str, call: Call) -> Document:
    """How the callback is called; its durations and numbers are checked, not converted."""
    read = _behind(f"{name}-", call)
    for setting, values in read.items():
        if setting == "Timeout":
            seconds(f"{name}-Timeout", values[0])
        elif setting == "Retries":
            integer(f"{name}-Retries", values[0])
        elif setting == "Method" and values[0].upper() not in _METHODS:
            raise bad(f"invalid {name}-Method: {values[0]}")
    return read
