"""How a schedule's messages are delivered: retries, timeouts, callbacks, addresses, bodies."""

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from itertools import pairwise
from operator import or_
from urllib.parse import urlsplit

from qstash_sync.crons.bitmaps import DAY, Span, pieces
from qstash_sync.crons.firings import wanted
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.lint.finding import finding, shared
from qstash_sync.model import addresses, durations, ladder, settings_table
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.lint import Code
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Schedule, Text, UrlGroup, is_known, plain

_LARGE = 100_000  # bytes
_LATE = timedelta(hours=1)
_HOUR = 3_600  # seconds
_MOVES = 60  # seconds of a delay
_YEAR = timedelta(days=366)
_MINUTE = timedelta(minutes=1)


def findings(
    schedule: Schedule, group: UrlGroup | None, plan: str | None, now: datetime
) -> Iterator[Diagnostic]:
    """What one schedule's message gives cause to say; group: the declared one that it calls."""
    message = schedule.message
    if message.failure_callback is None:
        fact = "no failure_callback: nobody hears of it when all retries are used up"
        hint = "failure_callback: /api/dead-letter, here or in defaults"
        yield finding(Code.NO_FAILURE_CALLBACK, schedule, fact, hint)
    if not schedule.has_retries:
        fact = "retries is not written: QStash tries 3 times more"
        yield finding(Code.DEFAULT_RETRIES, schedule, fact, "retries: 3, or 0, here or in defaults")
    yield from _timeout(schedule, plan)
    yield from _retries(schedule, now)
    yield from _addresses(schedule, group)
    yield from _placeholders(schedule)
    if (size := _size(message.body)) > _LARGE:
        fact = f"a body of {size:,} bytes, sent with each firing"
        yield finding(Code.LARGE_BODY, schedule, fact, "send a reference to it", "body")
    if message.delay >= _MOVES:
        fact = f"is delivered {durations.duration(message.delay)} after the time that the cron says"
        yield finding(Code.DELAY_MOVES_TIME, schedule, fact, "write that time as cron", "delay")


def endpoints(group: UrlGroup, callers: Sequence[Schedule], now: datetime) -> Iterator[Diagnostic]:
    """What the addresses of a URL group give cause to say.

    Of a preview: unless all that call it disable it.
    """
    for endpoint in group.endpoints:
        if found := _placeholder(endpoint.url):
            key = endpoint.name or "endpoints"
            yield finding(Code.UNEXPANDED, group, *_unexpanded(*found), key)
    telling = [one for one in callers if not one.lint.disables(Code.PREVIEW_HOST, now)]
    if callers and not telling:
        return
    for endpoint in group.endpoints:
        if where := _preview(endpoint.url):
            key = endpoint.name or "endpoints"
            temporary = finding(Code.PREVIEW_HOST, group, *_temporary(where), key)
            yield shared(temporary, (group, *telling))


def _timeout(schedule: Schedule, plan: str | None) -> Iterator[Diagnostic]:
    message, most = schedule.message, PLANS["free"].timeout
    if message.timeout is None:
        longest = PLANS[plan].timeout if plan else max(p.timeout for p in PLANS.values())
        fact = f"no timeout: QStash waits up to {durations.duration(longest)} for an answer"
        yield finding(Code.NO_TIMEOUT, schedule, fact, "timeout: 60s, here or in defaults")
    sent = [((), message), *(((key,), getattr(message, key)) for key in settings_table.CALLBACKS)]
    for path, one in sent:
        timeout = one and one.timeout
        if plan is None and timeout and timeout > most:
            fact = f"a timeout of {durations.duration(timeout)}; the free plan ends a request"
            fact += f" after {durations.duration(most)}"
            hint = "say limits: {plan: …} to have this checked"
            yield finding(Code.TIMEOUT_ABOVE_FREE, schedule, fact, hint, *path, "timeout")


def _retries(schedule: Schedule, now: datetime) -> Iterator[Diagnostic]:
    """The last retry, if the next firing comes before it, or if it is late by itself."""
    delays = ladder.delays(schedule.message)
    if not delays:
        return
    total = sum(delays, timedelta())
    pair = _first_within(schedule.timing.job, Span.around(now, now + _YEAR), total)
    late = total + timedelta(seconds=schedule.message.delay)  # the next firing has its delay, too
    if not pair and late <= _LATE:
        return
    hint = "fewer retries, or a retry_delay"
    last = f"the last of {len(delays):,} retries comes" if delays[1:] else "its one retry comes"
    if pair:
        after = "the firing" if late == total else "the delivery"
        fact = f"{last} {_told(total, pair)} after {after}, the next firing after {_told(pair)}"
        yield finding(Code.OVERLAPPING_RETRIES, schedule, fact, hint, "retries")
    else:
        fact = f"{last} {_told(late, _LATE)} after the firing"
        yield finding(Code.LATE_RETRIES, schedule, fact, hint, "retries")


def _told(span: timedelta, above: timedelta = timedelta()) -> str:
    """To the second until an hour is over by a minute, from there on to the minute.

    above: what it is longer than, and is not told to be as long as.
    """
    seconds = math.ceil(span.total_seconds())
    minutes = seconds - seconds % 60
    is_rough = seconds >= _HOUR + 60 and minutes > above.total_seconds()
    return durations.duration(minutes if is_rough else seconds)


@lru_cache(maxsize=4096)
def _first_within(job: Job, span: Span, total: timedelta) -> timedelta | None:
    """How long it is to the next of the first two firings that are less than this apart."""
    reach = min(-(-total // _MINUTE) - 1, span.days * DAY)  # minutes strictly before `total`
    if reach < 1 or never_within(job, span, reach):
        return None
    fired = wanted(job, span)
    after = _smeared(fired, reach) & fired
    if not after:
        return None
    second = (after & -after).bit_length() - 1
    first = (fired & ((1 << second) - 1)).bit_length() - 1
    return (second - first) * _MINUTE


def never_within(job: Job, span: Span, reach: int) -> bool:
    """Whether no two firings can be so few minutes apart: told by the minutes of the day alone.

    A change of the clock brings two firings nearer by no more than its length, whatever the
    policies, and one firing twice at that distance; there may be two changes between two firings.
    False says nothing.
    """
    offsets = [offset for _, _, offset in pieces(job.timezone, span.padded)]
    changes = [abs(after - before) for before, after in pairwise(offsets)]
    minutes = reduce(or_, (cron.fields.minute_of_day for cron in job.crons))
    two_days = minutes | minutes << DAY
    near = _smeared(two_days, reach + 2 * max(changes, default=0)) & two_days
    return not near and reach < min(changes, default=DAY)


def _smeared(bitmap: int, reach: int) -> int:
    """Each minute of a set moved on by 1, 2, …, `reach` minutes."""
    found, width = bitmap << 1, 1  # `width` minutes are there already
    while width < reach:
        step = min(width, reach - width)
        found |= found << step
        width += step
    return found


# ---------------------------------------------------------------- addresses


def _addresses(schedule: Schedule, group: UrlGroup | None) -> Iterator[Diagnostic]:
    message = schedule.message
    urls = {key: c.url for key in settings_table.CALLBACKS if (c := getattr(message, key))}
    for key, url in urls.items():
        looped = "gets its own answers as jobs"
        hint = "give it another address"
        if not schedule.to_group and _same(url, message.destination):
            fact = f"a callback is its destination: the handler {looped}"
            yield finding(Code.CALLBACK_LOOP, schedule, fact, hint, key)
        elif group and any(_same(url, endpoint.url) for endpoint in group.endpoints):
            fact = f"a callback is an endpoint of {group.name}, its group: that one {looped}"
            found = finding(Code.CALLBACK_LOOP, schedule, fact, hint, key)
            yield shared(found, (schedule, group))
    if not schedule.to_group:
        urls = {"destination": message.destination, **urls}
    for key, url in urls.items():
        if where := _preview(url):
            yield finding(Code.PREVIEW_HOST, schedule, *_temporary(where), key)


def _same(one: Text, other: Text) -> bool:
    if not (is_known(one) and is_known(other)):
        return False
    return addresses.canonical(plain(one)) == addresses.canonical(plain(other))


# A deployment of Vercel has a hash of nine characters before its team, or a branch; what stays has
# neither. A word such as backend01 has its digits at the end; of the hashes a few have, too.
_PREVIEWS = (
    r".*-(?=[a-z0-9]*\d[a-z])[a-z0-9]{9}-[a-z0-9-]+\.vercel\.app"
    r"|.*-git-.*\.vercel\.app"
    r"|deploy-preview-\d+--.*\.netlify\.app|[0-9a-f]{24}--.*\.netlify\.app"
    r"|[0-9a-f]{8}\.[a-z0-9-]+\.pages\.dev"
)
_TUNNELS = (
    "ngrok.io", "ngrok.app", "ngrok.dev", "ngrok-free.app", "ngrok-free.dev", "loca.lt",
    "localtunnel.me", "trycloudflare.com", "serveo.net", "localhost.run", "lhr.life",
    "devtunnels.ms", "webhook.site", "requestbin.net",
)  # fmt: skip


def _preview(url: Text) -> str | None:
    """The host of a preview deployment or of a tunnel, never a secret; None for any other."""
    if not is_known(url):
        return None
    try:
        host = (urlsplit(plain(url)).hostname or "").rstrip(".")
    except ValueError:
        return None
    return host if _is_preview(host) else None


@lru_cache(maxsize=4096)
def _is_preview(host: str) -> bool:
    is_tunnel = any(host == name or host.endswith(f".{name}") for name in _TUNNELS)
    return is_tunnel or re.fullmatch(_PREVIEWS, host) is not None


def _temporary(host: str) -> tuple[str, str]:
    fact = f"{host} is a preview or a tunnel: it goes away, and the schedule does not"
    return fact, "use the address that stays"


# ---------------------------------------------------------------- what nothing fills in

_PLACEHOLDER = (
    r"\$\((?P<command>[A-Z_][A-Z0-9_]+)\)"
    r"|(?<![\w$])\$(?:(?P<shell>[A-Z_][A-Z0-9_]+)|(?P<ours>(?:env|var)\.\w+))"
    r"|\{\{\s*\.?(?:(?P<scope>[a-z]+)\.)?(?P<template>[A-Za-z_]\w*)[^{}]*\}\}"
)


def _placeholders(schedule: Schedule) -> Iterator[Diagnostic]:
    """Variables as a shell, a template or a workflow has them, in headers and addresses."""
    message = schedule.message
    texts: list[tuple[tuple[str, ...], Text]]
    texts = [] if schedule.to_group else [(("destination",), message.destination)]
    texts += [(("headers", name), text) for name, text in message.headers]
    for key in settings_table.CALLBACKS:
        callback = getattr(message, key)
        if callback:
            texts.append(((key,), callback.url))
            texts += [((key, "headers", name), text) for name, text in callback.headers]
    for path, text in texts:
        if found := _placeholder(text):
            is_hidden = "headers" in path and message.redact.hides(path[-1])
            yield finding(
                Code.UNEXPANDED, schedule, *_unexpanded(*found, shows=not is_hidden), *path
            )


def _unexpanded(spelt: str, meant: str, *, shows: bool = True) -> tuple[str, str]:
    """Fact and way out; shows: whether what stands there may be told."""
    if not shows:
        spelt, meant = "a variable as another tool has it", ""
    fact = f"{spelt} is sent as it is written: nothing fills it in"
    return fact, f"write {meant or '${env.NAME} or ${var.name}'}"


def _placeholder(text: Text) -> tuple[str, str] | None:
    """How it is spelt, and is here; None where the text has no such thing beside its secrets."""
    pieces = [text] if isinstance(text, str) else [p.text for p in text.pieces if not p.hidden]
    for piece in pieces:
        match = re.search(_PLACEHOLDER, piece) if "$" in piece or "{{" in piece else None
        if match and match["template"]:
            scope = f"{match['scope']}." if match["scope"] else ""
            ours = "var" if match["scope"] == "var" else "env"
            return f"{{{{ {scope}{match['template']} }}}}", f"${{{ours}.{match['template']}}}"
        if match:
            ours = match["ours"] or f"env.{match['command'] or match['shell']}"
            return match[0], f"${{{ours}}}"
    return None


def _size(body: bytes | Text | None) -> int:
    """Bytes; 0 where it is not known."""
    if body is None or not is_known(body):
        return 0
    return len(body if isinstance(body, bytes) else plain(body).encode())
