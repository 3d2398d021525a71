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
from dataclasses import fields, replace
from itertools import chain, count
from operator import attrgetter
from typing import Any

from qstash_sync.model import settings
from qstash_sync.model.resources import (
    MASK,
    UNKNOWN_MASK,
    Callback,
    Endpoint,
    FlowControl,
    FlowUse,
    LiveFlowControl,
    LiveQueue,
    LiveUrlGroup,
    Message,
    Queue,
    Redact,
    Schedule,
    Secret,
    Text,
    UrlGroup,
)

REDACTED = "(redacted)"
Tree = Mapping[str, Any]
ZERO_COUNTS = {row.key for row in settings.MESSAGE if row.zero}  # compared as n + 1
_NOTHING_HIDDEN = Redact()
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


class View:
    """Settings by the keys of the file: values to compare, and the same tree fit to be shown.

    masked: what of `shown` is not as in `values`.
    """

    __slots__ = ("_text", "masked", "values")

    def __init__(self, values: dict[str, Any], masked: dict[str, Any]) -> None:
        self.values = values
        self.masked = masked
        self._text: str | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """The tree for people."""
        return {**self.values, **self.masked}

    @property
    def text(self) -> str:
        """The values as JSON, in which 1 and true are two things; equal views have equal texts."""
        if self._text is None:
            self._text = _encode(self.values)
        return self._text


def both(text: Text) -> tuple[Any, Any]:
    """(value, shown) of a text; a secret that is not known is its mask in both."""
    if isinstance(text, Secret):
        return (text.reveal() if text.known else str(text)), str(text)
    return text, text


def of_message(message: Message, labels: tuple[str, ...] | None = None) -> View:
    """The readable settings of a schedule's message; what is redacted is a stand-in.

    labels: those to compare, where the message has others beside. What is None or 0 is absent.
    """
    values: dict[str, Any] = {}
    masked: dict[str, Any] = {}
    for row in settings.MESSAGE:
        value = getattr(message, row.key)
        if row.zero and value is not None:
            values[row.key], masked[row.key] = value + 1, value
        elif value is not None and value != 0:
            values[row.key] = value
    _put(values, masked, "destination", both(message.destination))
    for key in settings.CALLBACKS:
        callback = getattr(message, key)
        if callback:
            _put(values, masked, key, both(callback.url))
    if message.headers:
        _put(values, masked, "headers", _headers(message, message.redact))
    if message.body is not None:
        _put(values, masked, "body", _body(message, message.redact))
    if message.flow_control:
        values["flow_control"] = _flow_use(message.flow_control)
    labels = message.labels if labels is None else labels
    if labels:
        values["labels"] = list(labels)
    return View(values, masked)


def _put(values: dict[str, Any], masked: dict[str, Any], key: str, pair: tuple[Any, Any]) -> None:
    values[key], shown = pair
    if shown is not values[key]:
        masked[key] = shown


def declared_shown(message: Message, view: View) -> dict[str, Any]:
    """What the file says, fit to be shown: nothing redacted, no labels. view: of this message."""
    shown = view.shown
    shown.pop("labels", None)
    hidden = message.redact
    if message.headers and (hidden.headers or hidden.all_headers):
        shown["headers"] = _headers(message, _NOTHING_HIDDEN)[1]
    if message.body is not None and hidden.body:
        shown["body"] = _body(message, _NOTHING_HIDDEN)[1]
    return shown


def _headers(message: Message, hidden: Redact) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and what may be shown; one and the same where nothing is secret."""
    values: dict[str, Any] = {}
    masked: dict[str, Any] = {}
    for name, text in message.headers:
        value, shown = (text, text) if type(text) is str else both(text)
        if hidden.all_headers or name in hidden.headers or value.startswith("REDACTED:"):
            value = shown = REDACTED
        values[name] = value
        if shown is not value:
            masked[name] = shown
    return values, {**values, **masked} if masked else values


def _body(message: Message, hidden: Redact) -> tuple[Any, Any]:
    """A body taken apart where it is JSON, else as text or base64."""
    if hidden.body:
        return REDACTED, REDACTED
    body = message.body or ""
    if isinstance(body, bytes):
        try:
            text = shown = body.decode()
        except UnicodeDecodeError:
            encoded = {"base64": base64.b64encode(body).decode()}
            return encoded, encoded
    else:
        text, shown = both(body)
    value = _taken_apart(text)
    if isinstance(value, str) and value.startswith("REDACTED:"):
        return REDACTED, REDACTED
    return (value, value) if shown is text else (value, _taken_apart(shown))


def _taken_apart(text: str) -> Any:
    """The content of a text that is JSON, whatever its type says: headers may be redacted."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return content if isinstance(content, dict) else {"json": content}
    return text


def _flow_use(use: FlowUse) -> dict[str, Any]:
    period = use.period if use.rate else None
    flow = {"key": use.key, "parallelism": use.parallelism, "rate": use.rate, "period": period}
    return {key: value for key, value in flow.items() if value}


def same_but_labels(one: Message, other: Message) -> bool:
    """Whether two live messages differ in nothing but their labels, as parts of one set do."""
    return bool(_but_labels(one) == _but_labels(other))


_but_labels = attrgetter(*(f.name for f in fields(Message) if f.name != "labels"))


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


def in_units_of(desired: Message, live: Message) -> Message:
    """What the account shows, in the units of the file: a timeout may come in milliseconds."""
    if desired.timeout and live.timeout == desired.timeout * 1000:
        return replace(live, timeout=desired.timeout)
    return live


def of_queue(queue: Queue | LiveQueue) -> View:
    """A queue's own setting; the pause is a state of its own."""
    return View({"parallelism": queue.parallelism} if queue.parallelism else {}, {})


def of_flow_control(flow: FlowControl | LiveFlowControl) -> View:
    """What is pinned."""
    period = flow.period if flow.rate else None
    pins = {"parallelism": flow.parallelism, "rate": flow.rate, "period": period}
    return View({key: value for key, value in pins.items() if value}, {})


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
    for key in settings.CALLBACKS:
        callback = getattr(message, key)
        found += [f"{key}.{name}" for name in callback_settings(callback)] if callback else []
    return tuple(found)


def callback_settings(callback: Callback) -> dict[str, Any]:
    """What a callback has beside its URL, none of which reads back; defaults are left out."""
    values = {row.key: getattr(callback, row.key) for row in settings.CALLBACK}
    changed = {r.key: values[r.key] for r in settings.CALLBACK if values[r.key] != r.default}
    return changed | {f"headers.{name}": value for name, value in callback.headers}
