"""Jobs as other tools keep them: `vercel.json`, a list of jobs (a crontab: `crontab.py`); pure.

What cannot be carried over is a job with a reason; nothing is left out in silence.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any

from qstash_sync.adopt.names import slug
from qstash_sync.model.durations import parse_duration
from qstash_sync.model.resources import FlowUse
from qstash_sync.model.secret_shapes import likely_in, shows_one
from qstash_sync.model.settings_table import CALLBACKS, METHODS
from qstash_sync.record import record

_ADDRESS = ("url", "destination", "endpoint", "target", "uri", "path")
_CRON = ("cron", "schedule", "expression", "crontab")
_ZONE = ("timezone", "timeZone", "tz")
_BODY = ("body", "payload", "data", "json")
_METHOD = ("method", "httpMethod")
_NAMES = ("name", "id", "scheduleId", "title", "key")
_TYPE = ("contentType", "content_type")
_GROUP = ("urlGroup", "url_group", "topic")
# What a job is called in the file, and the words for it.
_MORE = {
    "retries": ("retries",),
    "retry_delay": ("retryDelay", "retry_delay"),
    "labels": ("label", "labels"),
    "flow_control": ("flowControl", "flow_control"),
    "timeout": ("timeout",),
    "delay": ("delay",),
    "queue": ("queue", "queueName"),
    "callback": ("callback",),
    "failure_callback": ("failureCallback", "failure_callback"),
}
_REQUEST = frozenset((  # they change the request, and have no place of their own in the file
    "query", "params", "queryParams", "query_params", "searchParams", "qs", "auth", "cookies",
    "form", "formData",
))  # fmt: skip
# Whether a job runs, in the letters of the word alone.
_ON = frozenset(("enabled", "active", "isenabled", "isactive"))
_OFF = frozenset((
    "disabled", "paused", "suspended", "suspend", "isdisabled", "ispaused", "issuspended",
))  # fmt: skip
_STATES = frozenset(("status", "state"))
_OFF_STATES = frozenset((
    "disabled", "paused", "inactive", "suspended", "stopped", "off", "false", "archived",
))  # fmt: skip
_KNOWN = frozenset((
    *_ADDRESS, *_CRON, *_NAMES, *_ZONE, *_BODY, *_METHOD, *_TYPE, *_GROUP, "headers",
    *(word for words in _MORE.values() for word in words),
))  # fmt: skip
_IN_NO_JOB = frozenset((*_ZONE, "version", "$schema", "name", "description"))  # beside a list
_NO = ("false", "0", "no", "off", "n", "never", "inactive", "disabled")
_LISTS = ("jobs", "schedules", "crons", "cronJobs", "cron_jobs")


@record(kw_only=True)
class Found:
    """One job; where: a line or a number, for people. why: it is not carried over.

    url: an address, or a path of the application. timezone: None where the source does not say.
    body: a text, or what JSON makes of a mapping or list. raw: headers in the file's own words.
    paused: it is switched off there. secrets: values that stand in a variable called as a secret.
    more: retries, timeout and delay in seconds, queue, addresses of callbacks, by the file's keys.
    left: settings that have no place in the file.
    """

    where: str
    cron: str = ""
    timezone: str | None = None
    url: str = ""
    method: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    is_json: bool = False
    name: str | None = None
    paused: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    more: Mapping[str, Any] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    why: str | None = None

    @property
    def has_paths(self) -> bool:
        """Whether one of its addresses is a path of the application."""
        callbacks = (self.more[key] for key in CALLBACKS if key in self.more)
        return any(address.startswith("/") for address in (self.url, *callbacks))


class NotCarriedError(Exception):
    """Why a job is not carried over; its text is for people, and shows no value of the job."""


class ForeignError(ValueError):
    """What is no file of the kind that it is said to be; its text is for people."""


def is_vercels(data: Any) -> bool:
    """Whether values are those of a `vercel.json`, whatever the file is called."""
    match data:
        case {"crons": [{"path": str(path), "schedule": str()} as first, *_]}:
            return path.startswith("/") and not {"url", "destination"} & first.keys()
    return False


def vercel(data: Any) -> list[Found]:
    """The crons of a `vercel.json`: UTC, by GET, with the secret that Vercel sends."""
    crons = data.get("crons") if isinstance(data, Mapping) else None
    if not isinstance(crons, list):
        raise ForeignError('has no list of "crons"')
    return [_of_vercel(f"crons[{number}]", item) for number, item in enumerate(crons)]


def _of_vercel(where: str, item: Any) -> Found:
    match item:
        case {"path": str(path), "schedule": str(cron), **more} if path.startswith("/"):
            return Found(
                where=where,
                cron=cron,
                timezone="UTC",
                url=path,
                method="GET",
                raw={"Authorization": "Bearer ${env.CRON_SECRET}"},
                left=tuple(sorted(_shown(str(key)) for key in more)),
            )
    return Found(where=where, why='no "path" that begins with /, or no "schedule"')


def jobs(data: Any) -> list[Found]:
    """A list of objects, or objects by name; also below one of the usual keys, beside a zone."""
    zone, off, found = None, False, []
    if isinstance(data, Mapping) and (lists := [k for k in _LISTS if _holds_jobs(data.get(k))]):
        zone, off = _text_of(data, _ZONE), _is_off(data)
        beside = [key for key in data if key not in _IN_NO_JOB and key not in lists]
        beside = [key for key in beside if _word(key) not in _ON | _OFF | _STATES]
        if beside:
            why = "what stands beside the jobs, for all of them, is not read"
            found.append(Found(where=", ".join(map(_shown, beside)), why=why))
        many = [one for key in lists for one in _each(data[key])]
    elif _holds_jobs(data):
        many = list(_each(data))
    else:
        raise ForeignError("neither a list of jobs nor jobs by name")
    return found + [
        _of_job(f"number {number}", item, name, zone, off=off)
        for number, (name, item) in enumerate(many, 1)
    ]


def _holds_jobs(value: Any) -> bool:
    return isinstance(value, list | Mapping)


def _each(data: Any) -> Iterator[tuple[str | None, Any]]:
    """Jobs with their names, if they have some."""
    if isinstance(data, Mapping):
        return ((str(name), item) for name, item in data.items())
    return ((None, item) for item in data)


def _text_of(item: Mapping[str, Any], words: tuple[str, ...]) -> str | None:
    return next((item[key] for key in words if isinstance(item.get(key), str)), None)


def _shown(name: str) -> str:
    """A name as a comment may show it: no address, and nothing that may be a secret."""
    is_plain = re.fullmatch(r"[\w .-]{1,60}", name) and not any(likely_in(name))
    return name if is_plain else "(a key)"


def _of_job(
    where: str, item: Any, name: str | None, zone_of_all: str | None, *, off: bool
) -> Found:
    told = name or (_text_of(item, _NAMES) if isinstance(item, Mapping) else None)
    if told and _shown(told) == told:
        where = f"{told} ({where})"
    try:
        return _job(where, item, told, zone_of_all, off=off)
    except NotCarriedError as why:
        return Found(where=where, why=str(why))


def _job(where: str, item: Any, name: str | None, zone_of_all: str | None, *, off: bool) -> Found:
    if not isinstance(item, Mapping):
        raise NotCarriedError("is no object with a url and a cron")
    if changing := sorted(_REQUEST & {key for key in item if item[key]}):
        raise NotCarriedError(f"its {', '.join(changing)} would have to stand in its url or body")
    if any(item.get(word) for word in _GROUP):
        raise NotCarriedError("it goes to a URL group: declare that, and say url_group: NAME")
    url, cron = (_text(item, words, needed=True) for words in (_ADDRESS, _CRON))
    zone, method, content_type = (_text(item, words) for words in (_ZONE, _METHOD, _TYPE))
    body = _one(item, _BODY)
    is_text = body is None or isinstance(body, str)
    more, left = _more(item)
    switches = _ON | _OFF | _STATES
    known = _KNOWN | _REQUEST
    left += [str(key) for key in item if key not in known and _word(key) not in switches]
    told = tuple(sorted(map(_shown, left)))
    if name and ("://" in name or shows_one(name) or shows_one(slug(name))):
        name, told = None, (*told, "its name, which may hold a secret")
    headers = _headers(item.get("headers") or {})
    if content_type and "content-type" not in {key.lower() for key in headers}:
        headers["Content-Type"] = content_type
    return Found(
        where=where,
        cron=cron or "",
        timezone=zone or zone_of_all,
        url=url or "",
        method=method_of(method) if method else None,
        headers=headers,
        body=body if is_text else json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        is_json=not is_text,
        name=name,
        paused=off or _is_off(item),
        more=more,
        left=told,
    )


def _one(item: Mapping[str, Any], words: tuple[str, ...]) -> Any:
    """What a job says in one of several words for one thing."""
    said = {word: item[word] for word in words if item.get(word) is not None}
    first = next(iter(said.values()), None)
    if any(value != first for value in said.values()):
        raise NotCarriedError(f"it says {' and '.join(said)}, of which only one can be")
    return first


def _text(item: Mapping[str, Any], words: tuple[str, ...], *, needed: bool = False) -> str | None:
    value = _one(item, words)
    if isinstance(value, str) or (value is None and not needed):
        return value
    if value is None:
        raise NotCarriedError(f"has no {' or '.join(words[:2])}")
    raise NotCarriedError(f"its {next(w for w in words if item.get(w) is not None)} is no text")


def _headers(headers: Any) -> dict[str, str]:
    if not isinstance(headers, Mapping):
        raise NotCarriedError("its headers are no mapping")
    for value in headers.values():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise NotCarriedError("one of its headers is neither a text nor a number")
    if len({str(name).lower() for name in headers}) < len(headers):
        raise NotCarriedError("one of its headers stands there twice")
    return {str(name): str(value) for name, value in headers.items()}


def _more(item: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Further settings in the file's words, and those whose meaning is not certain."""
    found: dict[str, Any] = {}
    left: list[str] = []
    for key, words in _MORE.items():
        value = _one(item, words)
        if value is None:
            continue
        read: Callable[[Any], Any] = _READ.get(key, _as_text)
        made = read(value)
        if made is None:
            left.append(next(word for word in words if word in item))
        else:
            found[key] = made
    return found, left


def _as_text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _as_seconds(value: Any) -> int | None:
    """A duration with its unit; of a number nobody knows the unit."""
    with suppress(ValueError):
        return parse_duration(value) if isinstance(value, str) else None
    return None


def _as_count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _as_labels(value: Any) -> tuple[str, ...] | None:
    labels = value if isinstance(value, list) else [value]
    return tuple(labels) if all(map(_as_text, labels)) else None


def _as_flow(value: Any) -> FlowUse | None:
    """A key with its limits; period: a duration, or a number of seconds, as QStash's SDKs have."""
    if not isinstance(value, Mapping) or not value.keys() <= {
        "key",
        "parallelism",
        "rate",
        "period",
    }:
        return None
    period = value.get("period")
    seconds = _as_seconds(period) if isinstance(period, str) else _as_count(period)
    limits = {key: _as_count(value.get(key)) for key in ("parallelism", "rate")}
    unread = any(limits[key] is None and value.get(key) is not None for key in limits)
    if not _as_text(value.get("key")) or unread or (seconds is None and period is not None):
        return None
    return FlowUse(key=value["key"], **limits, period=seconds)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "retries": _as_count,
    "timeout": _as_seconds,
    "delay": _as_seconds,
    "labels": _as_labels,
    "flow_control": _as_flow,
}


def method_of(word: str) -> str:
    """A method that QStash sends; raises `NotCarriedError`."""
    if word.upper() not in METHODS:
        raise NotCarriedError(f"its method is none of {', '.join(METHODS)}")
    return word.upper()


def _is_off(item: Mapping[str, Any]) -> bool:
    """Whether a job is paused or disabled, in one of the usual words."""
    words = {_word(key): str(value).lower() for key, value in item.items()}
    return any(
        (word in _ON and value in _NO)
        or (word in _OFF and value not in (*_NO, "none", ""))
        or (word in _STATES and value in _OFF_STATES)
        for word, value in words.items()
    )


def _word(key: Any) -> str:
    return re.sub(r"[^a-z]", "", str(key).lower())
