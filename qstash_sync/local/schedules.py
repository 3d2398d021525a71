"""Schedules on the server's side: from the headers of a request to the stored document."""

import base64
import hashlib
import hmac
import re
from typing import Any

from qstash_sync.local.switches import Switches

Document = dict[str, Any]
_ID = re.compile(r"[A-Za-z0-9._-]+")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CALLBACKS = (("callback", "Upstash-Callback"), ("failureCallback", "Upstash-Failure-Callback"))


class Refused(Exception):  # noqa: N818 it becomes an HTTP answer
    """An answer other than 200: its status and the text of `error`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def canonical(name: str) -> str:
    """A header name in Go's canonical form."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def check_id(text: str, what: str) -> str:
    """A name of the characters that QStash allows."""
    if not _ID.fullmatch(text):
        raise Refused(
            400, f"invalid {what}: only alphanumeric characters, hyphens, periods and underscores"
        )
    return text


def seconds(header: str, text: str) -> int:
    """A duration such as 1d10m, in seconds."""
    if re.fullmatch(r"\d+", text):
        raise Refused(400, f'invalid {header}: time: missing unit in duration "{text}"')
    if not re.fullmatch(r"(\d+[smhd])+", text):
        raise Refused(400, f'invalid {header}: time: invalid duration "{text}"')
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))


def integer(header: str, text: str) -> int:
    """A whole number that is not negative."""
    if not text.isdecimal():
        raise Refused(400, f"invalid {header}: {text}")
    return int(text)


def document(headers: list[tuple[str, str]], body: bytes, switches: Switches) -> Document:
    """The settings of a schedule, as they are stored: values in clear, redaction beside them."""
    sent = {canonical(name): value for name, value in headers if value}
    stored: Document = {"method": _method(sent), "retries": 3}
    simple = {
        "Upstash-Retry-Delay": "retryDelayExpression",
        "Upstash-Queue-Name": "queueName",
        "Upstash-Flow-Control-Key": "flowControlKey",
    }
    stored |= {key: sent[name] for name, key in simple.items() if name in sent}
    if "Upstash-Retries" in sent:
        stored["retries"] = integer("Upstash-Retries", sent["Upstash-Retries"])
    for name, key in (("Upstash-Delay", "delay"), ("Upstash-Timeout", "timeout")):
        if name in sent:
            stored[key] = seconds(name, sent[name])
    if "Upstash-Flow-Control-Value" in sent:
        stored |= _flow_control(sent["Upstash-Flow-Control-Value"])
    if "Upstash-Label" in sent:
        stored["labels"] = [
            label.strip() for label in sent["Upstash-Label"].split(",") if label.strip()
        ]
    for key, name in _CALLBACKS:
        if name in sent:
            stored[key] = _url(name, sent[name], switches)
            stored[f"{key}Settings"] = _callback_settings(name, sent)
    stored["header"] = _forwarded("Upstash-Forward-", headers)
    if "Content-Type" in sent:
        stored["header"]["Content-Type"] = [sent["Content-Type"]]
    stored["redact"] = [
        f.strip() for f in sent.get("Upstash-Redact-Fields", "").split(",") if f.strip()
    ]
    stored["bodyBase64"] = base64.b64encode(body).decode()
    return stored


def _method(sent: dict[str, str]) -> str:
    method = sent.get("Upstash-Method", "POST").upper()
    if method not in _METHODS:
        raise Refused(400, f"invalid Upstash-Method: {method}")
    return method


def _url(name: str, url: str, switches: Switches) -> str:
    if not url.startswith(("http://", "https://")):
        raise Refused(400, f"invalid {name}: endpoint has invalid scheme, add http:// or https://")
    if switches.check_destinations:
        check_loopback(url)
    return url


def check_loopback(url: str) -> None:
    """Refuse an address that only this machine could call."""
    host = re.match(r"https?://(\[[^]]*\]|[^/:?]*)", url)
    if host and host[1].lower() in ("localhost", "127.0.0.1", "[::1]"):
        raise Refused(400, "invalid destination url: endpoint resolves to a loopback address: ::1")


def _flow_control(text: str) -> Document:
    found: Document = {}
    for item in text.split(","):
        key, _, value = item.strip().partition("=")
        if key == "period":
            found["period"] = int(value) if value.isdecimal() else seconds("period", value)
        elif key in ("parallelism", "rate"):
            found[key] = integer(key, value)
        else:
            raise Refused(400, f"invalid Upstash-Flow-Control-Value: {item.strip()}")
    found.setdefault("period", 1)
    return found


def _forwarded(prefix: str, headers: list[tuple[str, str]]) -> Document:
    found: Document = {}
    for name, value in headers:
        full = canonical(name)
        if full.startswith(prefix):
            found.setdefault(full.removeprefix(prefix), []).append(value)
    return found


def _callback_settings(name: str, sent: dict[str, str]) -> Document:
    prefix = f"{name}-"
    return {
        key.removeprefix(prefix): [value] for key, value in sent.items() if key.startswith(prefix)
    }


def shown(stored: Document, switches: Switches, *, key: bytes) -> Document:
    """A stored schedule as GET and LIST show it."""
    result = {k: v for k, v in stored.items() if k not in _HIDDEN}
    result["header"] = {
        name: [
            _redacted(value, switches, key) if _hides(stored, name) else value for value in values
        ]
        for name, values in stored["header"].items()
    }
    if not result["header"]:
        del result["header"]
    _show_body(result, stored, switches, key)
    labels = stored.get("labels")
    if labels and switches.labels_shown:
        result |= {"label": labels[0]}
    else:
        result.pop("labels", None)
    if "timeout" in stored and switches.timeout_unit == "ms":
        result["timeout"] = stored["timeout"] * 1000
    if switches.parallelism_zero_shown:
        result.setdefault("parallelism", 0)
    if not result["retries"] and not switches.retries_zero_shown:
        del result["retries"]
    if not result.get("delay"):
        result.pop("delay", None)
    for callback, _ in _CALLBACKS:
        settings = _callback_header(stored.get(f"{callback}Settings", {}), switches)
        if settings:
            result[f"{callback}Header"] = settings
    result[switches.caller_key] = "127.0.0.1"
    return result


_HIDDEN = ("redact", "bodyBase64", "header", "callbackSettings", "failureCallbackSettings")


def _callback_header(settings: Document, switches: Switches) -> Document:
    if switches.callback_header_shown == "none":
        return {}
    if switches.callback_header_shown == "all":
        return settings
    prefix = "Forward-"
    return {k.removeprefix(prefix): v for k, v in settings.items() if k.startswith(prefix)}


def _show_body(result: Document, stored: Document, switches: Switches, key: bytes) -> None:
    body = base64.b64decode(stored["bodyBase64"])
    if not body:
        return
    if "body" in stored["redact"]:
        result["body"] = _redacted(body.decode("latin-1"), switches, key)
        return
    try:
        result["body"] = body.decode()
    except UnicodeDecodeError:
        result["bodyBase64"] = stored["bodyBase64"]


def _hides(stored: Document, name: str) -> bool:
    fields = {field.lower() for field in stored["redact"]}
    return bool(
        fields & {"header", "headers", f"header[{name.lower()}]", f"headers[{name.lower()}]"}
    )


def _redacted(value: str, switches: Switches, key: bytes) -> str:
    data = value.encode("latin-1", "replace")
    if switches.redact_digest == "hmac":
        return "REDACTED:" + hmac.new(key, data, hashlib.sha256).hexdigest()
    return "REDACTED:" + hashlib.sha256(data).hexdigest()
