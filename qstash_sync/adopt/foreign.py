"""Jobs as other tools keep them: `vercel.json`, a crontab, a list of jobs; pure.

What cannot be carried over is a job with a reason; nothing is left out in silence.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qstash_sync.model.secret_shapes import SCHEME, Where, is_called, likely_in

_URL = ("url", "destination", "endpoint", "target", "uri", "path")
_CRON = ("cron", "schedule", "expression", "crontab")
_NAME = ("name", "id", "title", "key")
_ZONE = ("timezone", "timeZone", "tz")
_BODY = ("body", "payload", "data")
_KNOWN = frozenset((*_URL, *_CRON, *_NAME, *_ZONE, *_BODY, "method", "httpMethod", "headers"))
_SWITCHES = frozenset(("enabled", "disabled", "active", "paused", "suspended"))
_NO = ("false", "0", "no", "off")
_LISTS = ("jobs", "schedules", "crons", "cronJobs", "cron_jobs")
_SET = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_FIELDS = 5
_SHORT = 2  # characters of an option that stands alone
_SHELL = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_SHELLED = re.compile(r"[`;|]|\$\(|&&|<\(")


@dataclass(frozen=True, slots=True)
class _Program:
    """The options of a program: what they say of the request, and those that say nothing of it.

    Any other is a reason not to carry a call over.
    """

    words: Mapping[str, str]
    idle: frozenset[str]
    idle_with_value: frozenset[str]


_CURL = _Program(
    words={
        "-X": "method", "--request": "method", "-H": "header", "--header": "header", "-d": "data",
        "--data": "data", "--data-raw": "data", "--data-ascii": "data", "--json": "json",
        "--url": "url",
    },
    idle=frozenset((
        "-s", "-S", "-f", "-L", "-v", "-k", "-i", "-N", "-g", "-#", "-4", "-6", "-O", "--silent",
        "--show-error", "--fail", "--fail-with-body", "--location", "--verbose", "--insecure",
        "--include", "--no-buffer", "--globoff", "--compressed", "--no-progress-meter",
        "--retry-all-errors", "--retry-connrefused", "--remote-name",
    )),
    idle_with_value=frozenset((
        "-o", "-m", "-w", "--output", "--max-time", "--connect-timeout", "--retry", "--retry-delay",
        "--write-out", "--max-redirs", "--retry-max-time",
    )),
)  # fmt: skip
_WGET = _Program(
    words={
        "--header": "header", "--post-data": "data", "--method": "method", "--body-data": "data",
    },
    idle=frozenset((
        "-q", "-v", "-S", "-4", "-6", "--quiet", "--verbose", "--no-verbose", "-nv",
        "--server-response", "--no-check-certificate",
    )),
    idle_with_value=frozenset((
        "-O", "-o", "-a", "-T", "-t", "--output-document", "--output-file", "--append-output",
        "--timeout", "--tries", "--max-redirect", "--wait",
    )),
)  # fmt: skip
_PROGRAMS = {"curl": _CURL, "wget": _WGET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One job; where: a line or a number, for people. why: it is not carried over.

    url: an address, or a path of the application. timezone: None where the source does not say.
    body: a text, or what JSON makes of a mapping or list. raw: headers in the file's own words.
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
    left: tuple[str, ...] = ()
    why: str | None = None


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
    if not isinstance(item, Mapping):
        return Found(where=where, why="is no object with a url and a cron")
    url, cron, zone = (_first(item, keys) for keys in (_URL, _CRON, _ZONE))
    method = item.get("method", item.get("httpMethod"))
    headers = item.get("headers") or {}
    why = None
    if not isinstance(url, str) or not isinstance(cron, str):
        why = f"has no {' or '.join(_URL[:2] if not isinstance(url, str) else _CRON[:2])}"
    elif not isinstance(headers, Mapping):
        why = "its headers are no mapping"
    elif _is_off(item):
        why = "it is switched off there"
    elif not isinstance(zone, str | None) or not isinstance(method, str | None):
        why = "its time zone or method is no text"
    if why:
        return Found(where=where, why=why)
    body = _first(item, _BODY)
    is_text = body is None or isinstance(body, str)
    told = name or _first(item, _NAME)
    return Found(
        where=where,
        cron=str(cron),
        timezone=zone or zone_of_all,
        url=str(url),
        method=method.upper() if isinstance(method, str) else None,
        headers={str(key): str(value) for key, value in headers.items()},
        body=body if is_text else json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        is_json=not is_text,
        name=told if isinstance(told, str) else None,
        left=tuple(sorted(str(key) for key in item if key not in _KNOWN | _SWITCHES)),
    )


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


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def crontab(text: str) -> list[Found]:
    """The lines of a user's crontab that call an address with curl or wget."""
    return list(_lines(text))


def _lines(text: str) -> Iterator[Found]:
    zone: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        setting = _SET.fullmatch(line)
        if setting and not stripped[0].isdigit():
            if setting[1] == "CRON_TZ":  # TZ is the zone of what a command prints
                zone = setting[2].strip("\"'") or None
            continue
        where = f"line {number}"
        words = stripped.split(None, 1 if stripped.startswith("@") else _FIELDS)
        count = 1 if stripped.startswith("@") else _FIELDS
        if len(words) <= count:
            yield Found(where=where, why="no time and command")
            continue
        cron, command = " ".join(words[:count]), words[count]
        yield _of_command(where, cron, zone, command)


class _NotCarriedError(Exception):
    """Why a command is no job of ours."""


def _of_command(where: str, cron: str, zone: str | None, command: str) -> Found:
    """A call of curl or wget as a job; what only a shell can do is a reason."""
    before, _, _ = command.replace(r"\%", "\0").partition("%")  # the rest would be its input
    try:
        return _of_call(where, cron, zone, before.replace("\0", "%"))
    except _NotCarriedError as why:
        return Found(where=where, why=str(why))


def _of_call(where: str, cron: str, zone: str | None, command: str) -> Found:
    if cron.lower() == "@reboot":
        raise _NotCarriedError("@reboot is no time")
    try:
        words = shlex.split(re.sub(r"\s*(?:\d?>>?|&>)\s*\S+", " ", command))
    except ValueError:
        raise _NotCarriedError("its quotes do not match") from None
    if len(words) > 1 and words[1].rpartition("/")[2] in _PROGRAMS and words[0].isidentifier():
        words = words[1:]  # /etc/crontab has a user before the command
    program = _PROGRAMS.get(words[0].rpartition("/")[2]) if words else None
    if program is None or _SHELLED.search(command):
        raise _NotCarriedError("its command is no single call of curl or wget")
    urls, options = _options(words[1:], program)
    if len(urls) != 1 or _SHELL.search(urls[0]):
        raise _NotCarriedError("it does not call one address that stands in it")
    if "://" not in urls[0]:
        raise _NotCarriedError("its address does not begin with https://")
    texts = options.get("header", [])
    if not all(":" in text for text in texts):
        raise _NotCarriedError("one of its headers stands in a file, or is empty")
    headers = dict(map(_header, texts))
    data = options.get("data", [])
    is_json = bool(options.get("json"))
    body = "&".join(data) or next(iter(options.get("json", ())), None)
    if body is not None and (_SHELL.search(body) or body.startswith("@")):
        raise _NotCarriedError("its body is a file, or has a variable of the shell")
    if data and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    method = next(iter(options.get("method", ())), "GET" if body is None else "POST")
    raw = {name: _in_words(name, text) for name, text in headers.items() if "$" in text}
    return Found(
        where=where,
        cron=cron,
        timezone=zone,
        url=urls[0],
        method=method.upper(),
        headers={name: text for name, text in headers.items() if name not in raw},
        raw=raw,
        body=body,
        is_json=is_json,
    )


def _options(words: list[str], program: _Program) -> tuple[list[str], dict[str, list[str]]]:
    """The addresses of a call, and its options by what they are."""
    urls: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter([word for whole in words for word in _apart(whole, program)])
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            urls.append(word)
        elif name in program.words:
            options.setdefault(program.words[name], []).append(value if equals else next(rest, ""))
        elif name in program.idle_with_value:
            value = value if equals else next(rest, "")
        elif name not in program.idle:
            raise _NotCarriedError(f"its option {name} has no place in the file")
    return urls + options.pop("url", []), options


def _apart(word: str, program: _Program) -> Iterator[str]:
    """Short options that are written as one, each alone; the last may have its value behind it."""
    is_one = word in program.idle or len(word) <= _SHORT
    if not word.startswith("-") or word.startswith("--") or is_one:
        yield word
        return
    for at in range(1, len(word)):
        option, value = f"-{word[at]}", word[at + 1 :]
        yield option
        if value and (option in program.words or option in program.idle_with_value):
            yield value
            return


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def _in_words(name: str, text: str) -> str:
    """A text with the shell's variables as those of the file."""
    rest = _SHELL.sub("", text)
    if "$" in rest:
        raise _NotCarriedError(f"its header {name} has more of the shell than a variable")
    plain = SCHEME.sub("", rest, count=1).strip()
    if plain and (is_called(name, Where.HEADER, likely=True) or any(likely_in(plain))):
        raise _NotCarriedError(f"its header {name} has a secret beside a variable")
    return _SHELL.sub(lambda found: f"${{env.{found[1] or found[2]}}}", text)
