"""From checked settings to the model: what settings mean together, one resource at a time.

What a single setting must be is its type's (`types.py`); here are the rules across several.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from qstash_sync.config import schema, url
from qstash_sync.config.interpolate import Scope
from qstash_sync.config.report import Path, Report
from qstash_sync.config.text import shadow
from qstash_sync.config.tree import Map, spell
from qstash_sync.config.types import (
    NO_LIMIT,
    Frame,
    check_flow_key,
    check_name,
    check_schedule_name,
)
from qstash_sync.crons.compile import RENEW_BEFORE, Strategy
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import Cron
from qstash_sync.model import references, settings_table
from qstash_sync.model.diagnostics import Location
from qstash_sync.model.lint import NO_LEVELS, Levels
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
    Text,
    Timing,
    UrlGroup,
    is_known,
    join,
    plain,
)
from qstash_sync.reconcile import ignored
from qstash_sync.record import record

_SHARED = ("timezone", "base_url")  # which schedules have in common, as a rule
_NEEDS_BASE = "a path needs base_url"
_NO_REDACTION = Redact()
_BODIES = ("body", "body_file", "body_base64")
_NAMES = {"schedules": check_schedule_name, "flow_controls": check_flow_key}  # by section
_NOTES = ("description", "owner", "runbook")


@record()
class Entry:
    """One resource of the file: where it is, and the layers that it was made of.

    left_behind: settings that the defaults of other files have, by which file; they are not its.
    """

    section: str
    name: str
    location: Location
    trees: Sequence[Map]  # the strongest last
    broken: frozenset[str]  # settings that are wrong by themselves: nothing else is said of them
    report: Report
    left_behind: Mapping[str, str]

    def error(self, code: str, path: Path, fact: str, hint: str = "", *, cause: str = "") -> None:
        """Note an error about a setting, where the layer that wins has it."""
        if path and self.is_broken(str(path[0])):
            return
        location = None
        tree = next((t for t in reversed(self.trees) if path and path[0] in t), None)
        if tree is not None:
            path, location = spell(tree, path)
        whole = (self.section, self.name, *path)
        self.report.error(code, whole, fact, location or self.location, hint, cause=cause)

    def at(self, *path: str | int) -> Location:
        """Where the layer that wins has a setting."""
        tree = next((tree for tree in reversed(self.trees) if path[0] in tree), None)
        return (tree and spell(tree, path)[1]) or self.location

    def missing(self, key: str, hint: str) -> None:
        """Note that a setting is not there, unless it may be the one that is misspelt."""
        if self.broken.issubset(schema.ScheduleSpec.model_fields):
            hint, cause = self.copied(key) or hint, self.inherited(key)
            self.error("missing", (key,), "this key is missing", hint, cause=cause)

    def copied(self, key: str) -> str:
        """The way out where the defaults of another file have a setting; "" where none have it."""
        fact = "has it in its defaults, which are of that file alone"
        return f"{self.left_behind[key]} {fact}: copy them here" if key in self.left_behind else ""

    def inherited(self, key: str) -> str:
        """The cause of all errors that a setting in the defaults of its file would mend, if any."""
        is_shared = key in _SHARED or key in self.left_behind
        return f"{self.location.file}: defaults.{key}" if is_shared else ""

    def is_broken(self, *keys: str) -> bool:
        """Whether one of some settings is wrong by itself."""
        return not self.broken.isdisjoint(keys)


def is_selected(given: schema.ScheduleSpec | schema.SelectedSpec, environment: str | None) -> bool:
    """Whether a resource is there in an environment."""
    if given.only is not None:
        return environment in given.only
    return environment not in (given.except_ or ())


@dataclass(eq=False, repr=False, slots=True)
class Builder:
    """Builds the resources of one environment; what is wrong goes to the entry's report."""

    namespace: str
    namespace_was: str | None
    environment: str | None
    frame: Frame
    scope: Scope
    # Of each kind of callback the last one: one of the defaults is built once for all.
    _last: dict[str, tuple[schema.CallbackSpec, str | None, Callback]] = field(default_factory=dict)
    # Many schedules fire alike: then they share one job, and what is known of it is found at once.
    _timings: dict[tuple[Any, ...], Timing] = field(default_factory=dict)

    def build(self, entry: Entry, given: Any) -> Any:
        """One resource, or None where the report says why not, or it is for another environment."""
        before = len(entry.report)
        try:
            _NAMES.get(entry.section, check_name)(entry.name)
        except PydanticCustomError as error:
            _note(entry, (), error)
            return None
        if entry.is_broken("only", "except"):
            return None
        if given.only is not None and given.except_ is not None:
            entry.error("conflict", ("except",), "only and except exclude each other", "keep one")
        if not is_selected(given, self.environment):
            return None
        resource: Any
        match given:
            case schema.ScheduleSpec():
                resource = self._schedule(entry, given)
            case schema.UrlGroupSpec():
                resource = self._url_group(entry, given)
            case schema.QueueSpec():
                resource = _queue(entry, given)
            case schema.FlowControlSpec():
                resource = _flow_control(entry, given)
        return resource if len(entry.report) == before and not entry.broken else None

    def _schedule(self, entry: Entry, given: schema.ScheduleSpec) -> Schedule | None:
        timing = self._timing(entry, given)
        message = self._message(entry, given)
        if timing is None or message is None:
            return None
        for fact in ignored.redacted(message, given.ignore or ()):
            hint = "a write would store a digest: ignore something else, or redact it no more"
            entry.error("ignore", ("ignore",), fact, hint)
        notes = ((key, getattr(given, key)) for key in _NOTES)
        return Schedule(
            name=entry.name,
            id=given.id or f"{self.namespace}.{entry.name}",
            timing=timing,
            message=message,
            to_group=given.url_group is not None,
            paused=given.paused,
            protect=bool(given.protect),
            adopted=given.id is not None,
            was=given.was,
            notes=tuple((key, value) for key, value in notes if value is not None),
            ignore=given.ignore or (),
            lint=_levels(given.lint),
            has_retries=given.retries is not None,
            location=entry.location,
            cron_location=entry.at("cron"),
            references=tuple(
                (path[0], entry.at(*path)) for path in references.PATHS if getattr(given, path[0])
            ),
        )

    def _timing(self, entry: Entry, given: schema.ScheduleSpec) -> Timing | None:
        if not given.cron:
            entry.missing("cron", 'cron: "0 9 * * 1-5"')
        if given.timezone is None:
            hint = "timezone: Europe/Berlin, here or in defaults; UTC is a zone, too"
            entry.missing("timezone", hint)
        if not given.cron or given.timezone is None:
            return None
        key = (given.cron, given.timezone, given.dst)
        if key not in self._timings:
            self._timings[key] = _timing(*key)
        return self._timings[key]

    def _message(self, entry: Entry, given: schema.ScheduleSpec) -> Message | None:
        destination = self._destination(entry, given)
        body, content_type = _body(entry, given)
        flow, redact = given.flow_control, given.redact
        message = Message(
            **settings_table.given(settings_table.MESSAGE, given),
            destination=destination or "",
            headers=self._headers(entry, given, content_type),
            body=body,
            callback=self._callback(entry, "callback", given.callback, given.base_url),
            failure_callback=self._callback(
                entry, "failure_callback", given.failure_callback, given.base_url
            ),
            flow_control=None if flow is None else _flow_use(entry, flow),
            labels=given.labels or (),
            redact=_NO_REDACTION if redact is None else _redact(redact),
        )
        return message if destination else None

    def _destination(self, entry: Entry, given: schema.ScheduleSpec) -> Text | None:
        if given.destination is not None and given.url_group is not None:
            fact = "destination and url_group exclude each other"
            entry.error("conflict", ("url_group",), fact, "keep one")
            return None
        if given.url_group is not None:
            return given.url_group
        if given.destination is None:
            if not entry.is_broken("url_group"):
                entry.missing("destination", "write destination: https://… or url_group: NAME")
            return None
        return self._joined(entry, ("destination",), given.destination, given.base_url)

    def _joined(self, entry: Entry, path: Path, value: Text, base: str | None) -> Text | None:
        """A URL; what starts with / is put behind the base URL, and checked only then."""
        if not shadow(value).startswith("/"):
            return value
        if base is None:
            if not entry.is_broken("base_url"):
                way = entry.copied("base_url")
                hint = (
                    f"{_NEEDS_BASE}: {way}" if way else f"{_NEEDS_BASE}, for example under defaults"
                )
                cause = entry.inherited("base_url")
                entry.error("url", path, "a URL must start with https://", hint, cause=cause)
            return None
        base = base.rstrip("/")
        value = base + value if isinstance(value, str) else join([base, value])
        try:
            return url.check(value, allow_private=self.frame.allow_private)
        except PydanticCustomError as error:
            self.scope.follow(entry.at(*path), entry.at("base_url"))
            _note(entry, path, error)
            return None

    def _headers(
        self, entry: Entry, given: schema.ScheduleSpec, content_type: str | None
    ) -> Headers:
        """The headers of the file, and those that other settings bring along."""
        result = {key: text for key, text in (given.headers or {}).items() if text is not None}
        if given.content_type is not None and "Content-Type" in result:
            hint = "keep one; Content-Type: null takes away what a default has"
            entry.error("conflict", ("content_type",), "stands in headers, too", hint)
        if given.content_type or content_type:
            result.setdefault("Content-Type", given.content_type or content_type or "")
        if given.identify:
            if "X-Qstash-Sync-Schedule" in result:
                fact = "the header X-Qstash-Sync-Schedule stands here twice"
                entry.error("duplicate", ("headers", "X-Qstash-Sync-Schedule"), fact, "keep one")
            result["X-Qstash-Sync-Schedule"] = f"{self.namespace}.{entry.name}"
        return tuple(sorted(result.items()))

    def _callback(
        self, entry: Entry, key: str, given: schema.CallbackSpec | None, base: str | None
    ) -> Callback | None:
        if given is None:
            return None
        spec, last_base, last = self._last.get(key, (None, None, None))
        if spec is given and last_base == base:
            return last
        target = self._joined(entry, (key, "url"), given.url, base)
        if target is None:
            return None
        headers = (given.headers or {}).items()
        built = Callback(
            **settings_table.given(settings_table.CALLBACK, given),
            url=target,
            headers=tuple(sorted((name, text) for name, text in headers if text is not None)),
        )
        self._last[key] = given, base, built
        return built

    def _url_group(self, entry: Entry, given: schema.UrlGroupSpec) -> UrlGroup | None:
        if not given.endpoints:
            fact = "a URL group exists only through its endpoints"
            entry.error("missing", ("endpoints",), fact, "add one, or remove the group")
            return None
        endpoints: list[Endpoint] = []
        names, known = set[str](), set[tuple[str | None, str]]()
        for number, item in enumerate(given.endpoints):
            path = ("endpoints", number)
            if item.name is not None and not item.name.strip():
                entry.error(
                    "name", path, "an endpoint's name is empty", "leave it out or give it one"
                )
            if item.name in names:
                fact = f"the endpoint {item.name} stands here twice"
                entry.error("duplicate", path, fact, "keep one")
            if is_known(item.url):  # what is not known here may be anything
                if (item.name, plain(item.url)) in known:
                    entry.error("duplicate", path, "this endpoint stands here twice", "keep one")
                known.add((item.name, plain(item.url)))
            names |= set() if item.name is None else {item.name}
            endpoints.append(Endpoint(url=item.url, name=item.name))
        limits = self.frame.limits
        if limits and len(endpoints) > limits.endpoints:
            fact = f"{len(endpoints):,} endpoints; the plan allows {limits.endpoints:,}"
            entry.error("limit", ("endpoints",), fact)
        ordered = sorted(endpoints, key=lambda e: (e.name or "", shadow(e.url)))
        return UrlGroup(
            name=entry.name,
            endpoints=tuple(ordered),
            ignore=given.ignore or (),
            location=entry.location,
        )


def desired(
    builder: Builder, head: Mapping[str, Any], resources: Mapping[str, tuple[Any, ...] | None]
) -> Desired:
    """All resources, with the settings that hold for the whole account."""
    return Desired(
        namespace=builder.namespace,
        namespace_was=builder.namespace_was,
        environment=builder.environment,
        schedules=resources["schedules"],
        url_groups=resources["url_groups"],
        queues=resources["queues"],
        flow_controls=resources["flow_controls"],
        owns=_globs(head.get("owns")),
        protect=_globs(head.get("protect")),
        limits=_limits(head.get("limits")),
        lint=_levels(head.get("lint")),
    )


def _limits(spec: schema.LimitsSpec | None) -> Limits:
    given = spec.model_dump(exclude_none=True) if spec else {}
    return Limits(**{key: None if value == NO_LIMIT else value for key, value in given.items()})


def _levels(given: schema.LintSpec | None) -> Levels:
    if given is None:
        return NO_LEVELS
    until = given.until if isinstance(given, schema.OwnLintSpec) else None
    return Levels(disable=given.disable or (), error=given.error or (), until=until)


def _globs(given: schema.GlobsSpec | None) -> Globs:
    if given is None:
        return Globs()
    return Globs(
        url_groups=tuple(given.url_groups),
        queues=tuple(given.queues),
        flow_controls=tuple(given.flow_controls),
    )


def check_identities(schedules: Sequence[Schedule], namespace: str, report: Report) -> None:
    """No two schedules with one id, and no rename of what is still there.

    Parts add `.2`, `.3`, … to an id. Names have no dots, so only ids that stand in the file clash.
    """
    owners = {s.id: s for s in sorted(schedules, key=lambda s: s.adopted, reverse=True)}
    for schedule in schedules:
        base, _, number = schedule.id.rpartition(".")
        is_part = number.isdecimal()
        for other in (owners[schedule.id], owners.get(base) if is_part else None):
            if other is None or other is schedule:
                continue
            if schedule.adopted or other.adopted:
                fact = f"has the same id as {other.name}: {schedule.id}"
                path: Path = ("schedules", schedule.name)
                report.error("same_id", path, fact, schedule.location, "give each its own id")
    _check_former_names(schedules, owners, namespace, report)


def _check_former_names(
    schedules: Sequence[Schedule], owners: Mapping[str, Schedule], namespace: str, report: Report
) -> None:
    """What `was:` names, by name or id, is nobody's else: neither declared nor renamed twice."""
    names = {schedule.name: schedule for schedule in schedules}
    claimed: dict[str, str] = {}
    for schedule in schedules:
        was = schedule.was
        if was is None:
            continue
        base, _, number = was.rpartition(".")
        ids = (was, f"{namespace}.{was}", base if number.isdecimal() else "")
        there = names.get(was) or next((owners[i] for i in ids if i in owners), None)
        first = claimed.setdefault(was.removeprefix(f"{namespace}."), schedule.name)
        if there is not None:
            fact = f"{was} is in the file, too, so nothing was renamed"
            fact += "" if there.name == was else f": it is schedules.{there.name}"
            hint = "remove was:, or what it names"
        elif first != schedule.name:
            fact, hint = f"{was} cannot become {first} and this, too", "keep one of the two was:"
        else:
            continue
        path = ("schedules", schedule.name, "was")
        report.error("was", path, fact, schedule.location, hint)


def _note(entry: Entry, path: Path, error: PydanticCustomError) -> None:
    context = error.context or {}
    entry.error(error.type, path, context["fact"], context["hint"])


def _timing(crons: tuple[Cron, ...], timezone: str, dst: schema.DstSpec | None) -> Timing:
    if dst is None:
        return Timing(job=Job(crons=crons, timezone=timezone))
    renew = dst.renew_before
    return Timing(
        job=Job(crons=crons, timezone=timezone, gap=dst.gap, fold=dst.fold),
        strategy=dst.strategy or Strategy.SPLIT,
        renew_before=RENEW_BEFORE if renew is None else timedelta(seconds=renew),
        max_parts=dst.max_parts or 8,
        accept=bool(dst.accept),
    )


def _body(entry: Entry, given: schema.ScheduleSpec) -> tuple[bytes | Text | None, str | None]:
    """The body, and the content type that it brings along."""
    found = [key for key in _BODIES if getattr(given, key) is not None]
    if not found:
        return None, None
    if len(found) > 1:
        fact = f"{' and '.join(found)} exclude each other"
        entry.error("conflict", (found[1],), fact, "keep one")
    content = getattr(given, found[0])
    return content.data, content.content_type


def _flow_use(entry: Entry, given: schema.FlowUseSpec) -> FlowUse:
    return FlowUse(
        key=given.key,
        parallelism=given.parallelism,
        rate=given.rate,
        period=_period(entry, ("flow_control",), given),
    )


def _period(
    entry: Entry, path: Path, given: schema.FlowUseSpec | schema.FlowControlSpec
) -> int | None:
    is_rated = given.rate is not None or (not path and entry.is_broken("rate"))
    if given.period is not None and not is_rated:
        entry.error("conflict", (*path, "period"), "a period needs a rate", "add rate:")
    return 1 if given.period is None and given.rate is not None else given.period


def _queue(entry: Entry, given: schema.QueueSpec) -> Queue:
    return Queue(
        name=entry.name,
        parallelism=1 if given.parallelism is None else given.parallelism,
        paused=given.paused,
        ignore=given.ignore or (),
        location=entry.location,
    )


def _flow_control(entry: Entry, given: schema.FlowControlSpec) -> FlowControl:
    made = FlowControl(
        name=entry.name,
        parallelism=given.parallelism,
        rate=given.rate,
        period=_period(entry, (), given),
        paused=given.paused,
        has_period=given.period is not None,
        location=entry.location,
    )
    return ignored.left_to_others(made, given.ignore or ())


def _redact(given: schema.RedactSpec) -> Redact:
    names = given.headers if isinstance(given.headers, tuple) else ()
    return Redact(body=bool(given.body), all_headers=given.headers is True, headers=names)
