"""Live values as the settings of the file, by its keys: what is QStash's default is left out.

Driven by the table of settings; texts are `Template`s, in which secrets are held apart.
"""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qstash_sync.adopt import secrets
from qstash_sync.adopt.secrets import Template
from qstash_sync.adopt.times import Time
from qstash_sync.model import durations, settings_table
from qstash_sync.model.resources import (
    Callback,
    FlowUse,
    LiveFlowControl,
    LiveQueue,
    LiveUrlGroup,
    Message,
    Redact,
    plain,
)

Settings = dict[str, Any]
JSON = "application/json"
_CONTENT_TYPE = "Content-Type"
_IDENTITY = "X-Qstash-Sync-Schedule"  # what `identify: true` sends
LONGEST_KEY = 500  # of a mapping; YAML takes 1,024 characters, quotes and escapes counted
_DEEPEST = 40  # a body that is nested deeper reads better as it is
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def of_message(message: Message) -> Settings:
    """The settings of a schedule's message, its labels left out.

    `content_type` is given whatever the body is: where it follows from that, the writer drops it.
    """
    found: Settings = {}
    target = plain(message.destination)
    if "://" in target:
        found["destination"] = secrets.url(target, "")
    else:
        found["url_group"] = target
    for row in settings_table.MESSAGE:
        value = getattr(message, row.key)
        if value is not None and value != row.default:
            found[row.key] = written(row, value)
    found |= _headers(message)
    found |= _body(message, is_json=str(found.get("content_type", "")) == JSON)
    for key in settings_table.CALLBACKS:
        callback: Callback | None = getattr(message, key)
        if callback:
            found[key] = secrets.url(plain(callback.url), key)
    if message.flow_control:
        found["flow_control"] = _flow_use(message.flow_control)
    redact = redaction(message)
    if redact != Redact():
        found["redact"] = redacted(redact)
    return found


Place = tuple[str, ...]  # of a text in the settings: its key, of a header its name, too


def places(found: Mapping[str, Any]) -> list[Place]:
    """Where texts stand that may hold a secret, and have none that is taken out already."""
    keys = [key for key in ("destination", "body", *settings_table.CALLBACKS) if key in found]
    named = [("headers", name) for name in found.get("headers", ())]
    texts = {(key,): found[key] for key in keys} | {p: found["headers"][p[1]] for p in named}
    return [place for place, value in texts.items() if not any(secrets.hidden_in(value))]


def exposed(found: Settings, message: Message, taken: Collection[Place]) -> Settings:
    """The settings with the texts of some places taken out whole."""
    result = dict(found)
    for key in ("destination", *settings_table.CALLBACKS):
        if (key,) in taken:
            what = key if key in settings_table.CALLBACKS else "address"
            result[key] = secrets.all_of_url(found[key], what)
    if "headers" in found:
        result["headers"] = {
            name: secrets.all_of_header(text, name) if ("headers", name) in taken else text
            for name, text in found["headers"].items()
        }
    text = _body_text(message)
    if ("body",) in taken and text is not None:
        result["body"] = secrets.whole(text, "body")
    return result


def written(row: settings_table.Setting, value: Any) -> Any:
    """A setting of one value as a person writes it."""
    if row.is_duration:
        return durations.duration(value)
    return secrets.plain(value) if isinstance(value, str) else value


def _headers(message: Message) -> Settings:
    found: Settings = {}
    headers: dict[str, Template] = {}
    for name, text in message.headers:
        value = secrets.header(name, plain(text))
        if name == _CONTENT_TYPE and value.plain is not None:
            found["content_type"] = value.plain
        else:
            headers[name] = value
    return {"headers": headers, **found} if headers else found


def identified(settings: Settings, identity: str) -> Settings:
    """The settings with `identify: true` in place of the header that it sends."""
    headers = dict(settings.get("headers", {}))
    if _IDENTITY not in headers or headers[_IDENTITY].plain != identity:
        return settings
    del headers[_IDENTITY]
    found = {**settings, "headers": headers, "identify": True}
    return found if headers else {key: found[key] for key in found if key != "headers"}


def _body(message: Message, *, is_json: bool) -> Settings:
    """A mapping only where that is sent as the same bytes, and under the same type."""
    text = _body_text(message)
    if text is None and isinstance(message.body, bytes):
        return {"body_base64": base64.b64encode(message.body).decode()}
    if not text:
        return {}
    if secrets.is_digest(text):
        return {"body": secrets.redacted(text, "body")}
    value = _parsed(text) if is_json else None
    if value is None:
        return {"body": secrets.text_body(text, "body")}
    apart = secrets.json_body(value, "body")
    return {"body": secrets.whole(text, "body") if apart is None else apart}


def bytes_text(message: Message) -> Template | None:
    """What people would read in a body that is no text, of one byte or of two a character."""
    if not isinstance(message.body, bytes) or _body_text(message) is not None:
        return None
    return secrets.text_body(message.body.replace(b"\0", b"").decode("latin-1"), "body")


def _body_text(message: Message) -> str | None:
    """The body as text; None where there is none, or it is none."""
    body = message.body
    if not isinstance(body, bytes):
        return None if body is None else plain(body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _parsed(text: str) -> Any:
    """The mapping or list that a text is, byte for byte; else None."""
    if text[0] not in "{[":
        return None
    try:
        value = json.loads(text, parse_constant=_refuse)
        same = _encode(value) == text
    except (ValueError, RecursionError):
        return None
    return value if same and _fits(value, _DEEPEST) else None


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _fits(value: Any, depth: int) -> bool:
    """Whether a mapping or list can stand in the file: keys, and how deep it is."""
    if isinstance(value, dict):
        keys = all("${" not in key and len(key) <= LONGEST_KEY for key in value)
        return depth > 0 and keys and all(_fits(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(_fits(item, depth - 1) for item in value)
    return True


def _flow_use(use: FlowUse) -> Settings:
    found: Settings = {"key": use.key}
    return found | _limits(use.parallelism, use.rate, use.period)


def _limits(parallelism: int | None, rate: int | None, period: int | None) -> Settings:
    found: Settings = {}
    if parallelism:
        found["parallelism"] = parallelism
    if rate:
        found["rate"] = rate
        found |= {"period": durations.duration(period)} if period and period != 1 else {}
    return found


def redaction(message: Message) -> Redact:
    """What is hidden, as far as that shows: the body, all headers, or some of them.

    All are where even the content type is, which nobody would name.
    """
    body = plain(message.body) if isinstance(message.body, str) else ""
    hidden = [name for name, text in message.headers if secrets.is_digest(plain(text))]
    everything = len(hidden) == len(message.headers) and _CONTENT_TYPE in hidden
    return Redact(
        body=secrets.is_digest(body),
        all_headers=bool(hidden) and everything,
        headers=() if everything else tuple(sorted(hidden)),
    )


def other_redaction(message: Message, redact: Redact) -> Redact:
    """The other one that reads back alike, where there is one: all headers, or each by name."""
    names = tuple(name for name, _ in message.headers)
    if redact.all_headers:
        return replace(redact, all_headers=False, headers=names)
    return replace(redact, all_headers=True, headers=()) if redact.headers == names else redact


def redacted(redact: Redact) -> Settings:
    """The setting of a redaction."""
    found: Settings = {"body": True} if redact.body else {}
    if redact.all_headers:
        found["headers"] = True
    elif redact.headers:
        found["headers"] = list(redact.headers)
    return found


def as_declared(message: Message, found: Mapping[str, Any], redact: Redact) -> Message:
    """The message that the file will declare: secrets are secrets, as the mark's digests want it.

    found: its settings by `of_message`.
    """

    def secret(value: Any) -> Any:
        return value.as_declared() if isinstance(value, Template) else value

    headers = found.get("headers", {})
    body = found.get("body")
    if not isinstance(body, Template) and any(secrets.hidden_in(body)):
        body = secrets.whole(plain(message.body) if isinstance(message.body, str) else "", "body")
    return replace(
        message,
        destination=secret(found.get("destination", message.destination)),
        headers=tuple((name, secret(headers.get(name, text))) for name, text in message.headers),
        body=secret(body) if isinstance(body, Template) else message.body,
        labels=(),
        redact=redact,
        **{
            key: replace(callback, url=secret(found[key]))
            for key in settings_table.CALLBACKS
            if (callback := getattr(message, key))
        },
    )


def of_time(time: Time) -> Settings:
    """When it fires."""
    found: Settings = {"cron": time.crons, "timezone": time.job.timezone}
    return {**found, "dst": dict(time.dst)} if time.dst else found


def of_group(group: LiveUrlGroup) -> Settings:
    """A URL group: endpoints by name, or a list where some have none."""
    owned = [(e.name, secrets.url(plain(e.url), e.name or "endpoint")) for e in group.endpoints]
    names = [name for name, _ in owned]
    fit = not any("${" in str(n) or len(str(n)) > LONGEST_KEY for n in names)
    if all(names) and len(set(names)) == len(names) and fit:
        return {"endpoints": {str(name): url for name, url in owned}}
    if not any(names):
        return {"endpoints": [url for _, url in owned]}
    return {
        "endpoints": [
            {"name": secrets.plain(name), "url": url} if name else url for name, url in owned
        ]
    }


def of_queue(queue: LiveQueue) -> Settings:
    """A queue: how many messages at once, and whether it is paused."""
    return {"parallelism": queue.parallelism, **({"paused": True} if queue.paused else {})}


def of_flow_control(flow: LiveFlowControl) -> Settings:
    """A flow-control key: what is pinned."""
    found = _limits(flow.parallelism, flow.rate, flow.period)
    return {**found, "paused": True} if flow.paused else found


def labelled(labels: Sequence[str]) -> Settings:
    """The user's labels."""
    return {"labels": [secrets.plain(label) for label in labels]} if labels else {}
