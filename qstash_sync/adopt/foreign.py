"""Jobs as other tools keep them: `vercel.json`, a list of jobs (a crontab: `crontab.py`); pure.

What cannot be carried over is a job with a reason; nothing is left out in silence.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ADDRESS = ("url", "destination", "endpoint", "target", "uri", "path")
_CRON = ("cron", "schedule", "expression", "crontab")
_ZONE = ("timezone", "timeZone", "tz")
_BODY = ("body", "payload", "data", "json")
_METHOD = ("method", "httpMethod")
_NAMES = ("name", "id", "scheduleId", "title", "key")
# What a job is called in the file, and the words for it.
_MORE = {
    "retries": ("retries",),
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
_SWITCHES = frozenset(("enabled", "disabled", "active", "paused", "suspended"))
_KNOWN = frozenset((
    *_ADDRESS, *_CRON, *_NAMES, *_ZONE, *_BODY, *_METHOD, *_SWITCHES, "headers",
    *(word for words in _MORE.values() for word in words),
))  # fmt: skip
_NO = ("false", "0", "no", "off")
_LISTS = ("jobs", "schedules", "crons", "cronJobs", "cron_jobs")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_DURATION = re.compile(r"(\d{1,7})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One job; where: a line or a number, for people. why: it is not carried over.

    url: an address, or a path of the application. timezone: None where the source does not say.
    body: a text, or what JSON makes of a mapping or list. raw: headers in the file's own words.
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
    more: Mapping[str, Any] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    why: str | None = None


class NotCarriedError(Exception):
    """Why a job is not carried over; its text is for people, and shows no value of the job."""


class ForeignError(ValueError):
    """What is no file of the kind that it is said to be; its text is for people."""


def vercel(text: str) -> list[Found]:
    """The crons of a `vercel.json`: UTC, by GET, with the secret that Vercel sends."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ForeignError("not JSON") from None
    crons = data.get("crons") if isinstance(data, dict) else None
    if not isinstance(crons, list):
        raise ForeignError('has no list of "crons"')
    return [_of_vercel(f"crons[{number}]", item) for number, item in enumerate(crons)]


def _of_vercel(where: str, item: Any) -> Found:
    match item:
        case {"path": str(path), "schedule": str(cron)} if path.startswith("/"):
            return Found(
                where=where,
                cron=cron,
                timezone="UTC",
                url=path,
                method="GET",
                raw={"Authorization": "Bearer ${env.CRON_SECRET}"},
            )
    return Found(where=where, why='no "path" that begins with /, or no "schedule"')


def jobs(data: Any) -> list[Found]:
    """A list of objects, or objects by name; also below one of the usual keys, beside a zone."""
    zone = None
    if isinstance(data, Mapping):
        zone = next((data[key] for key in _ZONE if isinstance(data.get(key), str)), None)
        found = (data[key] for key in _LISTS if isinstance(data.get(key), list | Mapping))
        data = next(found, data)
    if isinstance(data, Mapping):
        named = ((n, item) for n, item in data.items() if n not in _ZONE)
        return [_of_job(f"{name}", item, str(name), zone) for name, item in named]
    if not isinstance(data, list):
        raise ForeignError("neither a list of jobs nor jobs by name")
    return [_of_job(f"number {number}", item, None, zone) for number, item in enumerate(data, 1)]


def _of_job(where: str, item: Any, name: str | None, zone_of_all: str | None) -> Found:
    try:
        return _job(where, item, name, zone_of_all)
    except NotCarriedError as why:
        return Found(where=where, why=str(why))


def _job(where: str, item: Any, name: str | None, zone_of_all: str | None) -> Found:
    if not isinstance(item, Mapping):
        raise NotCarriedError("is no object with a url and a cron")
    if _is_off(item):
        raise NotCarriedError("it is switched off there")
    if changing := sorted(_REQUEST & {key for key in item if item[key]}):
        raise NotCarriedError(f"its {', '.join(changing)} would have to stand in its url or body")
    url, cron = (_text(item, words, needed=True) for words in (_ADDRESS, _CRON))
    zone, method = (_text(item, words) for words in (_ZONE, _METHOD))
    body = _one(item, _BODY)
    is_text = body is None or isinstance(body, str)
    told = name or next((item[key] for key in _NAMES if isinstance(item.get(key), str)), None)
    more, left = _more(item)
    left += [str(key) for key in item if key not in _KNOWN | _REQUEST]
    return Found(
        where=where,
        cron=cron or "",
        timezone=zone or zone_of_all,
        url=url or "",
        method=method_of(method) if method else None,
        headers=_headers(item.get("headers") or {}),
        body=body if is_text else json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        is_json=not is_text,
        name=told,
        more=more,
        left=tuple(sorted(left)),
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
        made: str | int | None
        if key in ("timeout", "delay"):
            match = _DURATION.fullmatch(value) if isinstance(value, str) else None
            made = int(match[1]) * _UNITS[match[2]] if match else None  # a number has no unit
        elif key == "retries":
            made = value if isinstance(value, int) and not isinstance(value, bool) else None
        else:
            made = value if isinstance(value, str) and value else None
        if made is None:
            left.append(next(word for word in words if word in item))
        else:
            found[key] = made
    return found, left


def method_of(word: str) -> str:
    """A method that QStash sends; raises `NotCarriedError`."""
    if word.upper() not in _METHODS:
        raise NotCarriedError(f"its method is none of {', '.join(_METHODS)}")
    return word.upper()


def _is_off(item: Mapping[str, Any]) -> bool:
    """Whether a job is paused or disabled, in one of the usual words."""
    words = {str(key).lower(): str(value).lower() for key, value in item.items()}
    on = (words.get(key, "true") for key in ("enabled", "active"))
    off = (words.get(key, "false") for key in ("disabled", "paused", "suspended"))
    states = {words.get(key, "") for key in ("status", "state")}
    return (
        any(word in _NO for word in on)
        or any(word not in (*_NO, "none", "") for word in off)
        or not states.isdisjoint(("disabled", "paused", "inactive", "suspended", "off"))
    )
