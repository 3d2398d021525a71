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
from dataclasses import fields
from decimal import Decimal
from functools import lru_cache
from itertools import chain, count
from operator import attrgetter
from typing import Any, NamedTuple

from qstash_sync.model import settings_table
from qstash_sync.model.resources import (
    MASK,
    UNKNOWN_MASK,
    Callback,
    Endpoint,
    FlowControl,
    FlowUse,
    Headers,
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
    is_known,
    plain,
)

REDACTED = "(redacted)"
DIGEST = "REDACTED:"  # how a value begins that QStash hides
ZERO_COUNTS = {row.key for row in settings_table.MESSAGE if row.zero}  # compared as n + 1
_NOTHING_HIDDEN = Redact()
_MASKED = f'"{MASK}"'
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_simple = attrgetter(*(row.key for row in settings_table.MESSAGE))


class View:
    """Settings by the keys of the file: values to compare, and the same tree fit to be shown.

    masked: what of `shown` is not as in `values`. headers: those of a message, known as JSON.
    """

    __slots__ = ("_pieces", "_text", "headers", "masked", "values")

    def __init__(
        self,
        values: dict[str, Any],
        masked: dict[str, Any],
        headers: "HeadersView | None" = None,
    ) -> None:
        self.values = values
        self.masked = masked
        self.headers = headers
        self._pieces: dict[str, str] | None = None
        self._text: str | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """The tree for people."""
        return {**self.values, **self.masked}

    @property
    def pieces(self) -> dict[str, str]:
        """The JSON of each value, by key in order; written once, for both digests."""
        if self._pieces is None:
            known, values = {"headers": self.headers.text} if self.headers else {}, self.values
            self._pieces = {key: known.get(key) or encoded(values[key]) for key in sorted(values)}
        return self._pieces

    @property
    def text(self) -> str:
        """The values as JSON, in which 1 and true are two things; equal views have equal texts."""
        if self._text is None:
            self._text = joined(self.pieces)
        return self._text


def encoded(value: Any) -> str:
    """Compact JSON with sorted keys."""
    return str(value) if type(value) is int else _encode(value)


def joined(pieces: Mapping[str, str]) -> str:
    """A JSON object from the JSON of its values."""
    return "{" + ",".join([f'"{key}":{text}' for key, text in pieces.items()]) + "}"


def digested(view: "View") -> str:
    """What the first releases made the digests of a mark of.

    They took a body of `{}` for none, and put a list or bytes into a mapping.
    """
    pieces = view.pieces
    body, as_base64 = pieces.get("body", ""), pieces.get("body_base64")
    if as_base64 is None and body != "{}" and not body.startswith("["):
        return view.text
    pieces = {key: text for key, text in pieces.items() if key != "body_base64"}
    if body == "{}":
        del pieces["body"]
    else:
        pieces["body"] = f'{{"base64":{as_base64}}}' if as_base64 else f'{{"json":{body}}}'
    return joined(dict(sorted(pieces.items())))


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
    for row, value in zip(settings_table.MESSAGE, _simple(message), strict=True):
        if row.zero and value is not None:
            values[row.key], masked[row.key] = value + 1, value
        elif value is not None and value != 0:
            values[row.key] = value
    _put(values, masked, "destination", both(message.destination))
    for key in settings_table.CALLBACKS:
        callback = getattr(message, key)
        if callback:
            _put(values, masked, key, both(callback.url))
    headers = headers_of(message.headers, message.redact)
    if message.headers:
        _put(values, masked, "headers", (headers.values, headers.shown))
    if message.body is not None and not _is_empty(message.body):
        _put(values, masked, *_body(message, message.redact))
    if message.flow_control:
        values["flow_control"] = _flow_use(message.flow_control)
    labels = message.labels if labels is None else labels
    if labels:
        values["labels"] = list(labels)
    return View(values, masked, headers)


def _put(values: dict[str, Any], masked: dict[str, Any], key: str, pair: tuple[Any, Any]) -> None:
    values[key], shown = pair
    if shown is not values[key]:
        masked[key] = shown


def settings_text(message: Message, view: View) -> str:
    """What the file says as JSON: nothing redacted, no labels; what holds a secret is a mask.

    view: of this message; what is neither secret nor redacted is not written again.
    """
    hidden = message.redact
    pieces = {**view.pieces}
    pieces.pop("labels", None)
    if isinstance(message.destination, Secret):
        pieces["destination"] = _MASKED
    for key in settings_table.CALLBACKS:
        callback = getattr(message, key)
        if callback and isinstance(callback.url, Secret):
            pieces[key] = _MASKED
    if view.headers and (message.headers or hidden.headers or hidden.all_headers):
        pieces["headers"] = view.headers.declared
    if isinstance(message.body, Secret):
        pieces.pop("body", None)
        if not _is_empty(message.body):
            pieces["body"] = _MASKED
    elif message.body and hidden.body:
        key, (value, _) = _body(message, _NOTHING_HIDDEN)
        pieces.pop("body", None)
        pieces[key] = encoded(value)
    return joined(dict(sorted(pieces.items())))


def masked_whole(value: Any) -> str:
    """A value as text; one that holds a secret does not show how that is spelt."""
    return MASK if isinstance(value, Secret) else str(value)


def declared_text(message: Message, view: View) -> str:
    """What the first releases made of the same: masks within the text around them."""
    hidden = message.redact
    masked = dict(view.masked)
    if message.headers and (hidden.headers or hidden.all_headers):
        masked["headers"] = headers_of(message.headers, _NOTHING_HIDDEN).shown
    if message.body is not None and hidden.body:
        key, (_, shown) = _body(message, _NOTHING_HIDDEN)
        masked.pop("body", None)
        masked[key] = shown
    values = {key: value for key, value in view.values.items() if key != "labels"}
    if "body_base64" in masked:
        values.pop("body", None)
    return digested(View({**values, **masked}, {}))


class HeadersView(NamedTuple):
    """Headers by name: values to compare, the same fit to be shown, and what they are as JSON.

    declared: JSON of what the file says, see `settings_text`. unreadable: secrets that QStash does
    not show again. exposes: whether it shows one.
    """

    values: Mapping[str, Any]
    shown: Mapping[str, Any]
    text: str
    declared: str
    unreadable: tuple[Secret, ...]
    exposes: bool


@lru_cache(maxsize=4096)
def headers_of(headers: Headers, hidden: Redact) -> HeadersView:
    """The view of some headers, as most schedules share theirs: made once; to be read only."""
    values: dict[str, Any] = {}
    masked: dict[str, Any] = {}
    for name, text in headers:
        value, shown = both(text)
        if hidden.hides(name) or value.startswith(DIGEST):
            value = shown = REDACTED
        values[name] = value
        if shown is not value:
            masked[name] = shown
    secret = {name: text for name, text in headers if isinstance(text, Secret)}
    is_text = not (secret or hidden.headers or hidden.all_headers)
    text = encoded(values)
    return HeadersView(
        values=values,
        shown={**values, **masked} if masked else values,
        text=text,
        declared=text if is_text else encoded({n: masked_whole(value) for n, value in headers}),
        unreadable=tuple(text for name, text in secret.items() if hidden.hides(name)),
        exposes=not all(map(hidden.hides, secret)),
    )


def _is_empty(body: bytes | Text) -> bool:
    """Whether a body reads back as none; one that is not known may be anything."""
    return body.known and not body.reveal() if isinstance(body, Secret) else not body


def _body(message: Message, hidden: Redact) -> tuple[str, tuple[Any, Any]]:
    """A body under a key that no other kind of body has: JSON and text, or bytes."""
    if hidden.body:
        return "body", (REDACTED, REDACTED)
    body = message.body or ""
    if isinstance(body, bytes):
        try:
            text = shown = body.decode()
        except UnicodeDecodeError:
            encoded = base64.b64encode(body).decode()
            return "body_base64", (encoded, encoded)
    else:
        text, shown = both(body)
    value = _taken_apart(text)
    if isinstance(value, str) and value.startswith(DIGEST):
        return "body", (REDACTED, REDACTED)
    return "body", ((value, value) if shown is text else (value, _taken_apart(shown)))


def body_text(message: Message) -> str | None:
    """The body, equal where the bodies are; None where it cannot be known here."""
    kind, (value, _) = _body(message, message.redact)
    return None if value == REDACTED or unknown(value) else encoded([kind, value])


def _taken_apart(text: str) -> Any:
    """The content of a text that is JSON, whatever its type says: headers may be redacted."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _decode(text)
        except (ValueError, RecursionError):
            return text
    return text


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object; of one that has a name twice, who knows what is read."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _number(text: str) -> float | str:
    """A number; as text where a float would be another one."""
    found = float(text)
    return found if Decimal(text) == Decimal(repr(found)) else text


_decode = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number).decode


def _flow_use(use: FlowUse) -> dict[str, Any]:
    period = use.period if use.rate else None
    flow = {"key": use.key, "parallelism": use.parallelism, "rate": use.rate, "period": period}
    return {key: value for key, value in flow.items() if value}


def same_but_labels(one: Message, other: Message) -> bool:
    """Whether two live messages differ in nothing but their labels, as parts of one set do."""
    return bool(_but_labels(one) == _but_labels(other))


_but_labels = attrgetter(*(f.name for f in fields(Message) if f.name != "labels"))


def is_as_declared(live: Message, desired: Message, labels: tuple[str, ...]) -> bool:
    """Whether a live message is, byte for byte, what is sent for the desired one.

    Then their views are equal, and need not be made. False says nothing: JSON may be written in
    another way, a timeout in another unit, and a secret may not be known here.
    """
    return (
        labels == desired.labels
        and bool(_simple(live) == _simple(desired))
        and _is_sent_as(live.destination, desired.destination)
        and all(
            _is_url_of(getattr(live, key), getattr(desired, key))
            for key in settings_table.CALLBACKS
        )
        and _are_sent_as(live, desired)
        and _is_body_of(live.body, desired)
        and _flow(live) == _flow(desired)
    )


def _is_sent_as(live: Text | None, desired: Text | None) -> bool:
    if live is desired:  # it is ignored, and need not be known
        return True
    if isinstance(desired, Secret):
        return desired.known and live == desired.reveal()
    return live == desired


def _is_url_of(live: Callback | None, desired: Callback | None) -> bool:
    if live is None or desired is None:
        return live is desired
    return _is_sent_as(live.url, desired.url)


def _are_sent_as(live: Message, desired: Message) -> bool:
    """The headers; one that is redacted reads back as a digest, whatever it is."""
    hidden = desired.redact
    if len(live.headers) != len(desired.headers):
        return False
    for (name, value), (wanted, text) in zip(live.headers, desired.headers, strict=True):
        is_digest = str(value).startswith(DIGEST)
        if name != wanted or is_digest != hidden.hides(name):
            return False
        if not is_digest and not _is_sent_as(value, text):
            return False
    return True


def _is_body_of(live: bytes | Text | None, desired: Message) -> bool:
    if live is desired.body or live is None or desired.body is None or _is_empty(desired.body):
        return live is desired.body
    sent = live if isinstance(live, bytes) else plain(live).encode()
    if desired.redact.body:
        return sent.startswith(DIGEST.encode())
    if isinstance(desired.body, bytes):
        return sent == desired.body
    return is_known(desired.body) and sent == plain(desired.body).encode()


def _flow(message: Message) -> dict[str, Any] | None:
    return _flow_use(message.flow_control) if message.flow_control else None


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
    found = ["the redacted body"] if message.redact.body else []
    if message.redact.all_headers or message.redact.headers:
        found.append("redacted headers")
    for key in settings_table.CALLBACKS:
        callback = getattr(message, key)
        found += [f"{key}.{name}" for name in callback_settings(callback)] if callback else []
    return tuple(found)


def callback_settings(callback: Callback) -> dict[str, Any]:
    """What a callback has beside its URL, none of which reads back; defaults are left out."""
    values = {row.key: getattr(callback, row.key) for row in settings_table.CALLBACK}
    changed = {r.key: values[r.key] for r in settings_table.CALLBACK if values[r.key] != r.default}
    return changed | {f"headers.{name}": value for name, value in callback.headers}
