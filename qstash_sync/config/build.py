"""From checked types to the model: one resource at a time, every diagnostic with its place."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path as FilePath
from typing import Any

from qstash_sync.config import checks, spec
from qstash_sync.config.checks import Bad
from qstash_sync.config.literals import secret_in
from qstash_sync.config.report import Path, Report
from qstash_sync.config.tree import Map, Value
from qstash_sync.crons import zones
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.error import CronError
from qstash_sync.crons.firings import Fold, Gap, Job
from qstash_sync.crons.grammar import Cron, parse
from qstash_sync.model.diagnostics import Location
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import (
    Callback,
    Desired,
    Endpoint,
    FlowControl,
    FlowUse,
    Globs,
    Headers,
    Limits,
    Message,
    Queue,
    Redact,
    Schedule,
    Secret,
    Text,
    Timing,
    UrlGroup,
    is_known,
    join,
    plain,
)
from qstash_sync.plan.mark import PREFIX

MAX_RETRIES = 999
WEEK = 7 * 86_400
YEAR = 366 * 86_400
HALF_DAY = 12 * 3_600


@dataclass(slots=True)
class _Entry:
    """The resource at hand: its path and layers, for positions."""

    path: Path
    layers: Any
    folder: str
    location: Location


@dataclass(slots=True)
class Builder:
    """Builds resources for one environment; what is wrong goes to `diagnostics`."""

    report: Report
    namespace: str
    environment: str | None
    environments: tuple[str, ...]
    allow_private: bool
    owns: spec.GlobsSpec
    protect: spec.GlobsSpec
    limits: spec.LimitsSpec
    ids: dict[str, str] = field(default_factory=dict)
    entry: _Entry = field(default_factory=lambda: _Entry((), None, ".", Location("", 0, 0)))

    def build(self, section: str, name: str, model: spec.Spec, layers: Any, folder: str) -> Any:
        """One resource, or None where a diagnostic says why not."""
        self.entry = _Entry((section, name), layers, folder, layers.location)
        pattern = checks.SCHEDULE_NAME if section == "schedules" else checks.NAME
        if not pattern.fullmatch(name):
            allowed = (
                "a-z, 0-9, - and _" if section == "schedules" else "letters, digits, -, _ and ."
            )
            self._say("name", (), f"the name {name!r} is not allowed", f"use {allowed}")
            return None
        before = self._errors()
        makers: Mapping[str, Callable[[str, Any], Any]] = {
            "schedules": self._schedule,
            "url_groups": self._url_group,
            "queues": self._queue,
            "flow_controls": self._flow_control,
        }
        resource = makers[section](name, model)
        return resource if self._errors() == before else None

    def desired(self, sections: Mapping[str, Any]) -> Desired:
        """All of it, with the settings that hold for the whole account."""
        return Desired(
            namespace=self.namespace,
            environment=self.environment,
            owns=_globs(self.owns),
            protect=_globs(self.protect),
            limits=Limits(**self.limits.model_dump()),
            **sections,
        )

    def finish(self, schedules: "Sequence[Schedule] | None") -> None:
        """Checks across resources: no two with one id, no rename of what is still there."""
        taken: dict[str, Schedule] = {}
        for schedule in sorted(schedules or (), key=lambda s: s.adopted):
            ids = {schedule.id} | {schedule.part_id(k) for k in range(2, 32)}
            other = next((taken[i] for i in sorted(ids) if i in taken), None)
            if other:
                fact = f"has the same id as {other.name}: {schedule.id}"
                self._say_of(schedule, "", "same_id", fact, "give each its own id")
            taken |= dict.fromkeys(ids, schedule)
        names = {schedule.name for schedule in schedules or ()}
        for schedule in schedules or ():
            if schedule.was in names:
                fact = f"{schedule.was} is in the file, too, so nothing was renamed"
                self._say_of(schedule, "was", "was", fact, "remove was:, or what it names")

    def _say_of(self, schedule: Schedule, key: str, code: str, fact: str, hint: str) -> None:
        path = ("schedules", schedule.name, *([key] if key else []))
        self.report.error(code, path, fact, schedule.location, hint)

    def _errors(self) -> int:
        return len(self.report)

    def _say(self, code: str, keys: Path, fact: str, hint: str = "") -> None:
        location = self.entry.layers.locate(keys)
        self.report.error(code, self.entry.path + keys, fact, location, hint)

    def _try(self, code: str, keys: Path, check: Callable[..., Any], *values: Any) -> Any:
        """The checked value, or None and a diagnostic."""
        try:
            return check(*values)
        except Bad as error:
            self._say(error.code or code, keys, error.fact, error.hint)
        except CronError as error:
            self._say(code, keys, str(error))
        return None

    def _between(
        self, key: Path, value: int | None, low: int, high: int, unit: str = ""
    ) -> int | None:
        if value is not None and not low <= value <= high:
            shown = f"{value}{unit}"
            self._say("range", key, f"{shown} is out of range", f"{low}{unit} to {high}{unit}")
        return value

    # Schedules

    def _schedule(self, name: str, given: spec.ScheduleSpec) -> Schedule | None:
        if not self._selected(given):
            return None
        timing = self._timing(given)
        message = self._message(name, given)
        if given.id is not None and not checks.NAME.fullmatch(given.id):
            self._say(
                "name",
                ("id",),
                f"{given.id!r} is not a schedule id",
                "use letters, digits, -, _ and .",
            )
        if given.was is not None and not checks.SCHEDULE_NAME.fullmatch(given.was):
            self._say("name", ("was",), f"{given.was!r} is not a schedule name")
        if timing is None or message is None:
            return None
        notes = (
            ("description", given.description),
            ("owner", given.owner),
            ("runbook", given.runbook),
        )
        return Schedule(
            name=name,
            id=given.id or f"{self.namespace}.{name}",
            timing=timing,
            message=message,
            to_group=given.url_group is not None,
            paused=given.paused,
            protect=bool(given.protect),
            adopted=given.id is not None,
            was=given.was,
            notes=tuple((key, value) for key, value in notes if value is not None),
            location=self.entry.location,
        )

    def _selected(self, given: spec.ScheduleSpec) -> bool:
        if given.only is not None and given.except_ is not None:
            self._say("conflict", ("except",), "only and except exclude each other", "keep one")
        for key, names in (("only", given.only), ("except", given.except_)):
            for name in names or ():
                if name not in self.environments:
                    known = ", ".join(self.environments) or "the file has none"
                    self._say(
                        "environment", (key,), f"no such environment: {name}", f"known: {known}"
                    )
        if given.only is not None:
            return self.environment in given.only
        return self.environment not in (given.except_ or ())

    def _timing(self, given: spec.ScheduleSpec) -> Timing | None:
        crons = self._crons(given.cron)
        zone = given.timezone
        if zone is None:
            self._say(
                "missing",
                ("timezone",),
                "this key is missing",
                "timezone: Europe/Berlin, here or in defaults; UTC is a zone, too",
            )
            return None
        self._try("zone", ("timezone",), zones.zone, zone)
        dst = given.dst or spec.DstSpec()
        self._between(("dst", "renew_before"), dst.renew_before, 86_400, 60 * 86_400, "s")
        self._between(("dst", "max_parts"), dst.max_parts, 1, 100)
        if not crons:
            return None
        job = Job(
            crons=crons,
            timezone=zone,
            gap=Gap(dst.gap) if dst.gap else None,
            fold=Fold(dst.fold) if dst.fold else None,
        )
        return Timing(
            job=job,
            strategy=Strategy(dst.strategy or "split"),
            renew_before=timedelta(
                seconds=45 * 86_400 if dst.renew_before is None else dst.renew_before
            ),
            max_parts=dst.max_parts or 8,
            accept=bool(dst.accept),
        )

    def _crons(self, texts: list[str] | None) -> tuple[Cron, ...]:
        if not texts:
            self._say("missing", ("cron",), "this key is missing", 'cron: "0 9 * * 1-5"')
            return ()
        listed = isinstance(self.entry.layers.merged().get("cron"), list)
        parsed = [
            self._try("cron", ("cron", number) if listed else ("cron",), parse, text)
            for number, text in enumerate(texts)
        ]
        return tuple(cron for cron in parsed if cron is not None)

    def _message(self, name: str, given: spec.ScheduleSpec) -> Message | None:
        destination = self._destination(given)
        plan = PLANS.get(self.limits.plan or "")
        retries = self._between(("retries",), given.retries, 0, MAX_RETRIES)
        longest = plan.timeout if plan else HALF_DAY
        self._between(("timeout",), given.timeout, 1, longest, "s")
        self._between(("delay",), given.delay, 0, plan.delay if plan else YEAR, "s")
        if given.retry_delay is not None:
            self._try("retry_delay", ("retry_delay",), checks.retry_delay, given.retry_delay)
        body, content_type = self._body(given)
        headers = self._headers(
            given.headers, ("headers",), self._added_headers(name, given, content_type)
        )
        message = Message(
            destination=destination or "",
            method=given.method or "POST",
            headers=headers,
            body=body,
            retries=3 if retries is None else retries,
            retry_delay=given.retry_delay,
            timeout=given.timeout,
            delay=given.delay or 0,
            callback=self._callback("callback", given.callback, given.base_url),
            failure_callback=self._callback(
                "failure_callback", given.failure_callback, given.base_url
            ),
            queue=self._name(("queue",), given.queue),
            flow_control=self._flow_use(given.flow_control),
            labels=self._labels(given.labels),
            redact=self._redact(given.redact),
        )
        return message if destination else None

    def _name(self, key: Path, name: str | None) -> str | None:
        if name is not None and not checks.NAME.fullmatch(name):
            self._say(
                "name", key, f"the name {name!r} is not allowed", "use letters, digits, -, _ and ."
            )
        return name

    def _destination(self, given: spec.ScheduleSpec) -> Text | None:
        if given.destination is not None and given.url_group is not None:
            self._say(
                "conflict",
                ("url_group",),
                "destination and url_group exclude each other",
                "keep one",
            )
            return None
        if given.url_group is not None:
            return self._name(("url_group",), given.url_group)
        if given.destination is None:
            self._say(
                "missing",
                ("destination",),
                "this key is missing",
                "write destination: https://… or url_group: NAME",
            )
            return None
        return self._url(("destination",), given.destination, given.base_url)

    def _url(self, key: Path, value: Text, base: str | None = None) -> Text | None:
        if base is not None and checks.shadow(value).startswith("/"):
            value = join([base.rstrip("/"), value])
        checked: Text | None = self._try(
            "url", key, partial(checks.url, allow_private=self.allow_private), value
        )
        return checked

    def _body(self, given: spec.ScheduleSpec) -> tuple[bytes | Text | None, str | None]:
        """The body, and the content type that it brings along."""
        found = [k for k in ("body", "body_file", "body_base64") if getattr(given, k) is not None]
        if len(found) > 1:
            self._say(
                "conflict", (found[1],), f"{' and '.join(found)} exclude each other", "keep one"
            )
            return None, None
        body: bytes | Text | None = None
        content_type = None
        if given.body_file is not None:
            body = self._try("body", ("body_file",), self._read, given.body_file)
        elif given.body_base64 is not None:
            body = self._try("body", ("body_base64",), checks.body_base64, given.body_base64)
        elif isinstance(given.body, dict | list):
            body, content_type = to_json(given.body), "application/json"
        elif isinstance(given.body, str | Secret):
            body = str(given.body) if isinstance(given.body, str) else given.body
        elif given.body is not None:
            fact = f"must be a mapping, a list or text, not {spec.type_name(given.body)}"
            self._say("type", ("body",), fact, f'quote it: "{given.body}"')
        if body is not None:
            self._check_body(found[0], body)
        return body, content_type

    def _check_body(self, key: str, body: bytes | Text) -> None:
        content = (
            body
            if isinstance(body, bytes)
            else checks.shadow(body).encode("utf-8", "surrogatepass")
        )
        plan = PLANS.get(self.limits.plan or "")
        most = plan.body if plan else max(p.body for p in PLANS.values())
        if len(content) > most:
            who = f"the plan {self.limits.plan}" if plan else "QStash"
            fact = f"the body has {len(content):,} bytes; {who} allows {most:,}"
            self._say("body", (key,), fact, "send a reference to the data instead")
        if content.startswith(checks.REDACTED.encode()):
            self._say("redacted", (key,), "is a digest, not its value", checks.HOW_REDACTED)
        kind = secret_in(content.decode("latin-1")) if not isinstance(body, Secret) else None
        if kind and key != "body":  # what stands in the file itself is told when it is read
            self._say(
                "literal_secret",
                (key,),
                f"{kind} in clear",
                "take it from the environment in a `body`",
            )

    def _read(self, name: str) -> bytes:
        path = FilePath(self.entry.folder) / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise Bad(f"{name} cannot be read: {error.strerror}", f"looked at {path}") from None

    def _added_headers(
        self, name: str, given: spec.ScheduleSpec, content_type: str | None
    ) -> Headers:
        added: list[tuple[str, Text]] = []
        explicit = given.content_type
        own = {key.lower() for key, value in (given.headers or {}).items() if value is not None}
        if explicit is not None and "content-type" in own:
            self._say("conflict", ("content_type",), "stands in headers, too", "keep one")
        elif explicit is not None or (content_type and "content-type" not in own):
            added.append(("Content-Type", explicit or content_type or ""))
        if given.identify:
            added.append(("X-Qstash-Sync-Schedule", f"{self.namespace}.{name}"))
        return tuple(added)

    def _headers(
        self,
        given: Mapping[str, Text | None] | None,
        keys: Path,
        added: Headers = (),
    ) -> Headers:
        result: dict[str, Text] = {}
        for name, value in given.items() if given else ():
            if value is None:
                continue
            where = (*keys, name)
            canonical = self._try("header", where, checks.canonical_header, name)
            if canonical is None:
                continue
            if canonical in result or canonical in dict(added):
                self._say(
                    "duplicate", where, f"the header {canonical} stands here twice", "keep one"
                )
            if canonical.startswith("Upstash-"):
                hint = "settings have their own keys; name forwarded headers without the prefix"
                self._say("header", where, "Upstash-… headers are QStash's own", hint)
            checked = self._try("header", where, checks.header_value, canonical, value)
            result[canonical] = checked if checked is not None else ""
        for name, value in added:
            checked = self._try("header", ("content_type",), checks.header_value, name, value)
            result[name] = checked if checked is not None else ""
        return tuple(sorted(result.items()))

    def _callback(
        self, key: str, given: spec.CallbackSpec | None, base: str | None
    ) -> Callback | None:
        if given is None:
            return None
        target = self._url((key, "url"), given.url, base)
        self._between((key, "retries"), given.retries, 0, MAX_RETRIES)
        self._between((key, "timeout"), given.timeout, 1, HALF_DAY, "s")
        if given.retry_delay is not None:
            self._try(
                "retry_delay",
                (key, "retry_delay"),
                checks.retry_delay,
                given.retry_delay,
            )
        headers = self._headers(given.headers, (key, "headers"))
        if target is None:
            return None
        return Callback(
            url=target,
            method=given.method or "POST",
            headers=headers,
            retries=given.retries,
            timeout=given.timeout,
            retry_delay=given.retry_delay,
        )

    def _flow_use(self, given: spec.FlowUseSpec | None) -> FlowUse | None:
        if given is None:
            return None
        self._name(("flow_control", "key"), given.key)
        self._flow_limits(("flow_control",), given)
        period = (
            given.period if given.period is not None else (1 if given.rate is not None else None)
        )
        return FlowUse(key=given.key, parallelism=given.parallelism, rate=given.rate, period=period)

    def _flow_limits(
        self, keys: tuple[str, ...], given: spec.FlowUseSpec | spec.FlowControlSpec
    ) -> None:
        self._between((*keys, "parallelism"), given.parallelism, 1, 1_000_000)
        self._between((*keys, "rate"), given.rate, 1, 1_000_000_000)
        self._between((*keys, "period"), given.period, 1, WEEK, "s")
        if given.period is not None and given.rate is None:
            self._say("conflict", (*keys, "period"), "a period needs a rate", "add rate:")

    def _labels(self, given: list[str] | None) -> tuple[str, ...]:
        for number, label in enumerate(given or ()):
            if (
                "," in label
                or not label.strip()
                or label != label.strip()
                or not (label.isascii() and label.isprintable())
            ):
                self._say(
                    "label",
                    ("labels", number),
                    f"{label!r} is not a label",
                    "ASCII, without commas or outer spaces",
                )
            elif label.startswith(PREFIX):
                self._say(
                    "label", ("labels", number), f"labels that start with {PREFIX} are our own"
                )
        return tuple(given or ())

    def _redact(self, given: spec.RedactSpec | None) -> Redact:
        if given is None:
            return Redact()
        names = given.headers if isinstance(given.headers, list) else ()
        canonical = [
            self._try("header", ("redact", "headers"), checks.canonical_header, name)
            for name in names
        ]
        return Redact(
            body=bool(given.body),
            all_headers=given.headers is True,
            headers=tuple(sorted({name for name in canonical if name})),
        )

    # The other kinds

    def _url_group(self, name: str, given: spec.UrlGroupSpec) -> UrlGroup | None:
        if not given.endpoints:
            self._say(
                "missing",
                ("endpoints",),
                "a URL group exists only through its endpoints",
                "add one, or remove the group",
            )
            return None
        endpoints: list[Endpoint] = []
        for number, item in enumerate(given.endpoints):
            raw = self.entry.layers.merged().get("endpoints")
            key: Path = (
                "endpoints",
                item.name if isinstance(raw, Map) and item.name else number,
            )
            target = self._url(key, item.url)
            if item.name is not None and not item.name.strip():
                self._say("name", key, "an endpoint's name is empty", "leave it out or give it one")
            if any(item.name is not None and item.name == e.name for e in endpoints):
                self._say(
                    "duplicate", key, f"the endpoint {item.name} stands here twice", "keep one"
                )
            if target is not None and any(
                _same(target, e.url) and e.name == item.name for e in endpoints
            ):
                self._say("duplicate", key, "this endpoint stands here twice", "keep one")
            if target is not None:
                endpoints.append(Endpoint(url=target, name=item.name))
        plan = PLANS.get(self.limits.plan or "")
        if plan and len(endpoints) > plan.endpoints:
            self._say(
                "limit",
                ("endpoints",),
                f"{len(endpoints)} endpoints; the plan allows {plan.endpoints}",
            )
        ordered = sorted(endpoints, key=lambda e: (e.name or "", plain_or_shadow(e.url)))
        return UrlGroup(name=name, endpoints=tuple(ordered), location=self.entry.location)

    def _queue(self, name: str, given: spec.QueueSpec) -> Queue:
        plan = PLANS.get(self.limits.plan or "")
        most = plan.queue_parallelism if plan else max(p.queue_parallelism for p in PLANS.values())
        self._between(("parallelism",), given.parallelism, 1, most)
        return Queue(
            name=name,
            parallelism=1 if given.parallelism is None else given.parallelism,
            paused=given.paused,
            location=self.entry.location,
        )

    def _flow_control(self, name: str, given: spec.FlowControlSpec) -> FlowControl:
        self._flow_limits((), given)
        period = (
            given.period if given.period is not None else (1 if given.rate is not None else None)
        )
        return FlowControl(
            name=name,
            parallelism=given.parallelism,
            rate=given.rate,
            period=period,
            paused=given.paused,
            location=self.entry.location,
        )


def _same(one: Text, other: Text) -> bool:
    """Whether two texts are the same; what is not known here may be anything."""
    return is_known(one) and is_known(other) and plain(one) == plain(other)


def plain_or_shadow(text: Text) -> str:
    """The value of a text; for one that is not known, a stand-in."""
    return plain(text) if isinstance(text, str) or text.known else checks.shadow(text)


def to_json(value: Value) -> Text:
    """Compact JSON text; a secret inside stays a secret piece."""
    return join(_json_pieces(value))


def _json_pieces(value: Value) -> list[str | Secret]:
    if isinstance(value, Secret):
        escaped = checks.map_pieces(value, lambda text: json.dumps(text, ensure_ascii=False)[1:-1])
        return ['"', escaped, '"']
    if isinstance(value, dict):
        return _joined(
            "{",
            [
                [json.dumps(str(k), ensure_ascii=False), ":", *_json_pieces(v)]
                for k, v in value.items()
            ],
            "}",
        )
    if isinstance(value, list):
        return _joined("[", [_json_pieces(item) for item in value], "]")
    return [json.dumps(str(value) if isinstance(value, str) else value, ensure_ascii=False)]


def _joined(opening: str, items: list[list[str | Secret]], closing: str) -> list[str | Secret]:
    pieces: list[str | Secret] = [opening]
    for number, item in enumerate(items):
        pieces += [*([","] if number else []), *item]
    return [*pieces, closing]


def _globs(given: spec.GlobsSpec) -> Globs:
    return Globs(
        url_groups=tuple(given.url_groups),
        queues=tuple(given.queues),
        flow_controls=tuple(given.flow_controls),
    )
