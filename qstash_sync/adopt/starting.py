"""The first file of somebody who has none: a commented start, or the jobs of another tool."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from qstash_sync.adopt import document, entries, names, secrets
from qstash_sync.adopt.document import Style
from qstash_sync.adopt.entries import JSON, Settings
from qstash_sync.adopt.foreign import Found, NotCarriedError
from qstash_sync.adopt.times import Time
from qstash_sync.adopt.writer import Writer
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model.resources import Callback, FlowUse, Message
from qstash_sync.model.secret_shapes import shows_one
from qstash_sync.model.settings_table import CALLBACKS, canonical_header
from qstash_sync.record import record


@record(kw_only=True)
class Wrong:
    """What the file's own rules refuse: why, by the name of a schedule; keys of the defaults."""

    schedules: Mapping[str, str]
    defaults: frozenset[str] = frozenset()


Check = Callable[[str, Mapping[str, str]], Wrong]  # a file and the values of its secrets


@record(kw_only=True)
class Start:
    """The answers that a first file needs; plan: of the account, None where nobody says it."""

    namespace: str
    timezone: str
    base_url: str
    plan: str | None = None

    @property
    def strategy(self) -> Strategy:
        """The free plan has ten schedules: there a local time takes no more parts than it must."""
        return Strategy.AUTO if self.plan == "free" else Strategy.SPLIT

    def address(self, text: str) -> str:
        """An address of a job; a path is one of the application."""
        return f"{self.base_url.rstrip('/')}{text}" if text.startswith("/") else text


def starter(start: Start) -> str:
    """A file with one schedule, and what else there is in comments."""
    namespace = Writer(str.isprintable).key(start.namespace)
    plan = f"limits: {{plan: {start.plan}}}\n" if start.plan else ""
    dst = "\n  dst: {strategy: auto} # one schedule where a clock change allows it; ten are free"
    dst = dst if start.plan == "free" else ""
    return f"""\
# What the QStash account should hold: `qstash-sync plan` shows what would change, `apply` does it.
version: 1
namespace: {namespace} # the ids of our schedules begin with it; others are never touched
{plan}
defaults:
  timezone: {start.timezone} # crons are local times; they stay right when the clock changes{dst}
  base_url: {json.dumps(start.base_url)}
  # headers: {{Authorization: "Bearer ${{env.CRON_SECRET}}"}} # secrets come from the environment
  # failure_callback: /api/dead-letter # who is told when all retries of a message are used up
  # retries: 3
  # timeout: 60s

schedules:
  daily-report:
    cron: "0 9 * * 1-5" # minute hour day-of-month month weekday
    destination: /api/cron/daily-report
    # body: {{type: daily}}

# queues:
#   images: {{parallelism: 1}} # one after the other

# url_groups:
#   orders:
#     endpoints:
#       inventory: https://inventory.example.com/orders
"""


def of_jobs(
    found: Sequence[Found], start: Start, style: Style, head: Sequence[str], check: Check
) -> document.Beginning:
    """The file of another tool's jobs; what the file's rules refuse stands in a comment."""
    why = {number: job.why for number, job in enumerate(found) if job.why}
    known = secrets.Known(
        [secrets.whole(value, name) for job in found for name, value in job.secrets.items()]
    )
    apart: frozenset[str] = frozenset()
    while True:
        chosen = {n: job for n, job in enumerate(found) if n not in why}
        made: dict[int, Settings] = {}
        for number, job in chosen.items():
            try:
                made[number] = document.hiding(_settings(job, start), known)
            except (CronError, NotCarriedError) as error:
                why[number] = str(error)
        called = _names({n: job for n, job in chosen.items() if n in made}, made)
        beginning = document.beginning(
            {called[n]: settings for n, settings in made.items()},
            namespace=start.namespace,
            head=head,
            plan=start.plan,
            left=[f"{found[n].where}: {why[n]}" for n in sorted(why)],
            asides=[f"{called[n]}: {', '.join(found[n].left)}" for n in made if found[n].left],
            apart=apart,
            style=style,
        )
        wrong = check(beginning.text, beginning.environ)
        if not wrong.defaults <= apart:
            # What is wrong of one is said of that one: beside a default even its absence may be.
            apart |= wrong.defaults
            continue
        refused = {n: wrong.schedules[called[n]] for n in made if called[n] in wrong.schedules}
        if not refused:
            return beginning
        why |= refused


def _settings(job: Found, start: Start) -> Settings:
    """The settings of a job by the file's keys; raises `CronError`, `NotCarriedError`."""
    if what := next((what for what, text in _in_clear(job) if shows_one(text)), None):
        raise NotCarriedError(f"its {what} may hold a secret, and would stand in clear")
    if not job.url.startswith("/") and "://" not in job.url:
        raise NotCarriedError("its address begins neither with https:// nor with /")
    headers = dict(job.headers)
    if job.is_json and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = JSON
    more: dict[str, Any] = {
        key: Callback(url=start.address(value)) if key in CALLBACKS else value
        for key, value in job.more.items()
    }
    message = Message(
        destination=start.address(job.url),
        method=job.method or "POST",
        headers=tuple(sorted((canonical_header(name), text) for name, text in headers.items())),
        body=job.body,
        **more,
    )
    settings = entries.of_message(message)
    settings |= entries.labelled(message.labels)
    if job.paused:
        settings["paused"] = True
    if job.raw:
        raw = {canonical_header(name): text for name, text in job.raw.items()}
        settings["headers"] = {**settings.get("headers", {}), **raw}
    timezone = job.timezone or start.timezone
    dst = {"strategy": "auto"} if start.strategy is Strategy.AUTO and timezone != "UTC" else {}
    time = Time(job=Job(crons=(parse(job.cron),), timezone=timezone), dst=dst)
    return settings | entries.of_time(time)


def _in_clear(job: Found) -> Iterator[tuple[str, str]]:
    """What stands as it is in the file and in messages about it: what it is, and its text."""
    yield from (("cron", job.cron), ("timezone", job.timezone or ""))
    yield from (("name of a header", name) for name in (*job.headers, *job.raw))
    for key, value in job.more.items():
        if isinstance(value, FlowUse):
            yield key, value.key
        elif key not in CALLBACKS:
            texts = value if isinstance(value, tuple) else (str(value),)
            yield from ((key, text) for text in texts)


def _names(jobs: Mapping[int, Found], made: Mapping[int, Settings]) -> dict[int, str]:
    nameless = [
        names.Nameless(
            id=str(number),
            address=_address(made[number], job),
            method=job.method or "POST",
            given=(job.name,) if job.name else (),
        )
        for number, job in jobs.items()
    ]
    return {int(number): name for number, name in names.of_schedules(nameless).items()}


def _address(settings: Settings, job: Found) -> str:
    address = settings.get("destination")
    return (
        job.url if address is None else next((p for p in address.parts if isinstance(p, str)), "")
    )
