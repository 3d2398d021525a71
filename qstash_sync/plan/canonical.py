"""One canonical, comparable form for what the file says and what the account shows.

A `View` holds the readable settings as nested plain values (JSON bodies are taken apart), and
beside them what may be shown of each: a secret's mask where the value came from the environment.
Values that cannot be compared (redacted ones, secrets that are not known) are stand-ins that are
equal on both sides.

What is shown is made from the masked text alone: a secret that is JSON, or changes the JSON around
it, gives `values` a shape that `shown` does not have.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

from qstash_sync.model.resources import (
    MASK,
    UNKNOWN_MASK,
    Callback,
    Endpoint,
    FlowControl,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
    Message,
    Queue,
    Schedule,
    Secret,
    Text,
    UrlGroup,
)

REDACTED = "(redacted)"
Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """Settings by the keys of the file: values to compare, and the same tree fit to be shown."""

    values: dict[str, Any]
    shown: dict[str, Any]


def both(text: Text) -> tuple[Any, Any]:
    """(value, shown) of a text; a secret that is not known is its mask in both."""
    if isinstance(text, Secret):
        return (text.reveal() if text.known else str(text)), str(text)
    return text, text


class _Builder:
    def __init__(self) -> None:
        self.view = View({}, {})

    def put(self, key: str, value: Any, shown: Any = None) -> None:
        """Set one setting; what is None, 0 or empty counts as absent."""
        if value is None or value in (0, {}, ()):
            return
        self.view.values[key] = value
        self.view.shown[key] = value if shown is None else shown

    def text(self, key: str, text: Text | None) -> None:
        if text is not None:
            self.put(key, *both(text))


def of_message(message: Message) -> View:
    """The readable settings of a schedule's message; what is redacted is a stand-in."""
    hidden = message.redact
    view = _Builder()
    view.text("destination", message.destination)
    view.put("method", message.method)
    headers = {name: both(value) for name, value in message.headers}
    for name, (value, _) in headers.items():
        if hidden.hides(name) or str(value).startswith("REDACTED:"):
            headers[name] = (REDACTED, REDACTED)
    view.put(
        "headers", {n: v for n, (v, _) in headers.items()}, {n: s for n, (_, s) in headers.items()}
    )
    if message.body is not None:
        value, shown = _body(message)
        if hidden.body or (isinstance(value, str) and value.startswith("REDACTED:")):
            value, shown = REDACTED, REDACTED
        view.put("body", value, shown)
    view.put("retries", message.retries + 1, message.retries)  # 0 is a value here, not an absence
    view.put("retry_delay", message.retry_delay)
    view.put("timeout", message.timeout)
    view.put("delay", message.delay)
    for key, callback in (
        ("callback", message.callback),
        ("failure_callback", message.failure_callback),
    ):
        view.text(key, callback.url if callback else None)
    view.put("queue", message.queue)
    if message.flow_control:
        use = message.flow_control
        period = use.period if use.rate else None
        flow = {"key": use.key, "parallelism": use.parallelism, "rate": use.rate, "period": period}
        view.put("flow_control", {key: value for key, value in flow.items() if value})
    view.put("labels", list(message.labels) or None)
    return view.view


def _body(message: Message) -> tuple[Any, Any]:
    """A body taken apart where it is JSON, else as text or base64."""
    body = message.body
    if isinstance(body, bytes):
        try:
            text: Text | None = body.decode()
        except UnicodeDecodeError:
            encoded = base64.b64encode(body).decode()
            return {"base64": encoded}, {"base64": encoded}
    else:
        text = body
    assert text is not None
    value, shown = both(text)
    return _taken_apart(value), _taken_apart(shown)


def _taken_apart(text: str) -> Any:
    """The content of a text that is JSON, whatever its type says: headers may be redacted."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return content if isinstance(content, dict) else {"json": content}
    return text


def unknown(value: Any) -> bool:
    """Whether something in a compared value cannot be known here."""
    if isinstance(value, dict):
        return any(unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(unknown(item) for item in value)
    return isinstance(value, str) and UNKNOWN_MASK in value


def fits(text: str, value: str) -> bool:
    """Whether a text could be a value in which something is not known: masks fit anything."""
    pieces = re.split(f"{re.escape(UNKNOWN_MASK)}|{re.escape(MASK)}", value)
    return re.fullmatch(".*".join(map(re.escape, pieces)), text, re.DOTALL) is not None


def live_message(live: LiveSchedule, desired: Message) -> Message:
    """What the account shows, in the units of the file: a timeout may come in milliseconds."""
    message = live.message
    if desired.timeout and message.timeout == desired.timeout * 1000:
        message = replace(message, timeout=desired.timeout)
    return message


def of_queue(queue: Queue | LiveQueue) -> View:
    """A queue's own setting; the pause is a state of its own."""
    view = _Builder()
    view.put("parallelism", queue.parallelism)
    return view.view


def of_flow_control(flow: FlowControl | LiveFlowControl) -> View:
    """What is pinned."""
    view = _Builder()
    view.put("parallelism", flow.parallelism)
    view.put("rate", flow.rate)
    view.put("period", flow.period if flow.rate else None)
    return view.view


def of_group(group: UrlGroup | LiveUrlGroup, declared: UrlGroup | None = None) -> View:
    """Named endpoints by name; unnamed ones are a set of URLs, each told by its masked URL.

    declared: what a live group is compared with. An unnamed URL that is only live has no more than
    a number, since it may be a secret of former times.
    """
    values: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    waiting = _unnamed(declared) if declared else {}
    for endpoint in sorted(group.endpoints, key=endpoint_key):
        value, masked = both(endpoint.url)
        key = endpoint.name
        if key is None and declared is not None:
            key = next((k for k, url in waiting.items() if value == url), None) or next(
                (k for k, url in waiting.items() if unknown(url) and fits(value, url)), None
            )
            waiting.pop(key or "", None)
            masked = ""
        if key is None:
            key = _free(f"(unnamed) {masked}".strip(), {*values, *waiting})
        values[key], shown[key] = value, masked
    return View({"endpoints": values}, {"endpoints": shown})


def _unnamed(group: UrlGroup) -> dict[str, Any]:
    """The unnamed endpoints of a declared group by their keys."""
    named = {endpoint.name for endpoint in group.endpoints}
    view = of_group(group).values["endpoints"]
    return {key: url for key, url in view.items() if key not in named}


def _free(key: str, taken: Collection[str]) -> str:
    """The key, with a number where others have it."""
    numbered = (f"{key} ({number})" for number in count(2))
    return next(found for found in chain([key], numbered) if found not in taken)


def endpoint_key(endpoint: Endpoint) -> tuple[str, str]:
    """How endpoints are ordered and told apart."""
    return endpoint.name or "", str(both(endpoint.url)[0])


def write_only(schedule: Schedule) -> tuple[str, ...]:
    """The settings of this schedule that QStash does not show again."""
    message = schedule.message
    found = [
        f"redact.{k}"
        for k, on in (
            ("body", message.redact.body),
            ("headers", message.redact.all_headers or message.redact.headers),
        )
        if on
    ]
    for key, callback in (
        ("callback", message.callback),
        ("failure_callback", message.failure_callback),
    ):
        found += [f"{key}.{name}" for name in callback_settings(callback)] if callback else []
    return tuple(found)


def callback_settings(callback: Callback) -> dict[str, Any]:
    """What a callback has beside its URL; unset settings are left out."""
    settings: dict[str, Any] = {}
    if callback.method != "POST":
        settings["method"] = callback.method
    for key in ("retries", "timeout", "retry_delay"):
        value = getattr(callback, key)
        if value is not None:
            settings[key] = value
    for name, value in callback.headers:
        settings[f"headers.{name}"] = value
    return settings
