"""One layer of settings over another, each checked once, on its own.

    defaults of the file < defaults of the environment < the resource < its override

Headers and `dst` merge by name, null unsets, everything else replaces.
"""

import re
from collections.abc import Sequence
from operator import or_
from typing import Any, TypeVar

from pydantic import ValidationError

from qstash_sync.config import schema
from qstash_sync.config.in_clear import Hider
from qstash_sync.config.interpolate import Scope
from qstash_sync.config.message import HEADER_LETTERS
from qstash_sync.config.report import Path, Report
from qstash_sync.config.tree import Map, Value, spell
from qstash_sync.config.types import Frame
from qstash_sync.config.wrong import LINE_BREAK, nearest, type_name, wrong_text
from qstash_sync.model.diagnostics import Location
from qstash_sync.model.resources import Secret
from qstash_sync.record import record

# The more specific layer wins such a group as a whole: a body_file replaces a default's body.
_EXCLUSIVE = (
    frozenset({"body", "body_file", "body_base64"}),
    frozenset({"destination", "url_group"}),
    frozenset({"only", "except_"}),
)
_WORD = r"(?a)[A-Za-z][\w.:@/-]{0,60}"  # which YAML takes for a text as it is
S = TypeVar("S", bound=schema.Spec)


@record()
class Layer:
    """Settings as they were checked, and the trees that know where each of them is."""

    spec: Any
    trees: tuple[Map, ...]  # the strongest last
    broken: frozenset[str] = frozenset()  # keys that are not in spec, since they are wrong
    hides_pause: bool = False  # the pause is among them, or a key that nobody knows: it may mean it


def lay(below: S, above: S) -> S:
    """One layer over another, each checked already; only what `above` gives is looked at."""
    given = above.model_fields_set
    changes = {key: getattr(above, key) for key in given}
    for group in _EXCLUSIVE:
        if not given.isdisjoint(group):
            changes |= dict.fromkeys(group - given)
    for key, merged in (("headers", or_), ("dst", lay)):
        lower, upper = getattr(below, key, None), changes.get(key)
        if lower is not None and upper is not None:
            changes[key] = merged(lower, upper)
    return below.model_copy(update=changes)


def over(below: Layer | None, above: Layer | None) -> Layer | None:
    """Two layers as one; None where one of them is none."""
    if below is None or above is None:
        return None
    return Layer(
        lay(below.spec, above.spec),
        below.trees + above.trees,
        below.broken | above.broken,
        below.hides_pause or above.hides_pause,
    )


@record()
class Checker:
    """Interpolates and checks mappings of the files; what is wrong goes to the report."""

    scope: Scope
    report: Report

    def layer(
        self, model: type[schema.Spec], raw: Value, path: Path, location: Location, frame: Frame
    ) -> Layer | None:
        """Interpolate and check one mapping; None if it is none. What is right of it goes on."""
        if not isinstance(raw, Map):
            fact = f"must be a mapping, not {type_name(raw)}"
            hint = "write its settings below it, indented" if raw is None else ""
            if path[-1] in keys(model, ()):
                hint = f"is `{path[-1]}` a setting? indent it below the name that it belongs to"
            self.report.error("type", path, fact, location, hint)
            return None
        tree: Map = self.scope.resolve(raw, location, path)
        if model in _SENT:
            tree = Hider(self.scope, self.report).settings(tree, path)
        try:
            return Layer(model.model_validate(tree, context=frame), (tree,))
        except ValidationError as error:
            details = error.errors(include_url=False)
        for detail in details:
            self._complain(model, detail, tree, path)
        broken = frozenset(str(detail["loc"][0]) for detail in details)
        try:
            rest = model.model_validate(tree.without(*broken), context=frame)
        except ValidationError:
            return None  # a file without a version
        unknown = {str(each["loc"][-1]) for each in details if each["type"] == _UNKNOWN}
        return Layer(rest, (tree,), broken, "paused" in broken or not unknown <= _REFUSED.keys())

    def _complain(self, model: type[schema.Spec], detail: Any, tree: Map, path: Path) -> None:
        """Make a diagnostic of one of pydantic's errors."""
        trail, location = spell(tree, tuple(detail["loc"]))
        code, context = detail["type"], detail.get("ctx", {})
        fact, hint = context.get("fact"), context.get("hint", "")
        if code == _UNKNOWN:
            key = str(trail[-1])
            whole = schema.FileSpec if model is schema.HeadSpec else model
            hint = "" if self.report.is_long else _way_out(key, keys(whole, trail[:-1]))
            code, fact = "unknown_key", "unknown key"
            if len(trail) == 1 and (lost := _column(model, key, tree, path)):
                hint = lost
            if key in _REFUSED:
                code, hint = "refused_key", _REFUSED[key]
                fact = "QStash has this, but it cannot hold for a schedule"
        elif code == "string_type" or (fact is None and isinstance(detail["input"], Secret)):
            wrong = wrong_text(detail["input"])
            told = wrong.context or {}
            code, fact, hint = wrong.type, told["fact"], told["hint"]
        elif code == LINE_BREAK and location in self.scope.broken:
            hint = f"remove it from {self.scope.broken[location]}"
        elif fact is None:
            if code == "model_type" and not self.report.is_long:
                inner = _model_at(model, trail)
                hint = _alone(inner, detail["input"]) or f"its keys: {', '.join(keys(inner, ()))}"
            code, fact = "type", _FACTS.get(code, str(detail["msg"]))
        if code == "unknown_key":
            trail = (*trail[:-1], tree.origin.shown_key(str(trail[-1])))
        elif trail[-2:-1] == ("headers",):
            trail = (*trail[:-1], tree.origin.shown_key(str(trail[-1]), HEADER_LETTERS))
        self.report.error(code, path + trail, fact, location or tree.location, hint)


_UNKNOWN = "extra_forbidden"  # of pydantic: a key that the model does not have
_FACTS = {
    "missing": "this key is missing",
    "list_type": "must be a list or a single text",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}
_DEDUPLICATION = "it would swallow the next update of the schedule; ids make ours unique"
_REFUSED = {
    "deduplication_id": _DEDUPLICATION,
    "content_based_deduplication": _DEDUPLICATION,
    "not_before": "QStash ignores it on schedules; use delay for each message",
    "batch": "a schedule sends one message; use a url_group to reach several endpoints",
    "ratePerSecond": "write flow_control: {key: …, rate: …, period: 1s}",
}
_SENT = (schema.ScheduleSpec, schema.UrlGroupSpec, schema.OverridesSpec)  # to destinations
LISTED = 12  # more names than this help nobody


# What a setting is called elsewhere, by its name here.
_ELSEWHERE = {
    "destination": "url, uri, path, endpoint, target, target_url, webhook",
    "cron": "schedule, cronExpression, cron_expression, expression, rate, every, interval",
    "timezone": "tz, zone, time_zone, timeZone", "id": "scheduleId, schedule_id",
    "url_group": "topic, group, urlGroup", "body": "payload, data, json, message",
    "was": "renamed_from, old_name", "only": "env, environment, environments",
    "schedules": "jobs, crons, cron", "url_groups": "topics, groups",
    "flow_controls": "flow_control, flowControls, flowControl", "queues": "queue",
    "parallelism": "concurrency", "namespace": "prefix", "vars": "variables",
}  # fmt: skip
_OPPOSITES = {"enabled", "active", "disabled", "suspend", "suspended", "isPaused"}


def _way_out(key: str, known: Sequence[str]) -> str:
    """What to write in place of an unknown key."""
    if key in _OPPOSITES and "paused" in known:
        return "write paused: true or paused: false; without it a pause stays as it is"
    for ours, theirs in _ELSEWHERE.items():
        if ours in known and key in theirs.split(", "):
            return f"write {ours}:"
    if key == "name" and "cron" in known:
        return "the key of the entry is its name"
    return meant(key, known)


_SECTIONS = schema.FileSpec.model_fields.keys()
# What a mapping has that is an entry of a section, and what that is called.
_ENTRIES = {
    "schedules": ({"cron", "destination", "url_group"}, "a schedule"),
    "url_groups": ({"endpoints"}, "a URL group"),
    "queues": ({"parallelism", "paused"}, "a queue"),
    "flow_controls": ({"parallelism", "rate", "period", "paused"}, "a flow control"),
}


def misplaced(root: Map, section: str) -> str:
    """Where entries of a section that is empty may be: a hint, "" where none is beside it."""
    settings = keys(schema.FileSpec, (section,))
    for key, value in root.items():
        if key in schema.FileSpec.model_fields or key.startswith("x-"):
            continue
        if is_entry(value, section):
            return _below(key, section)
        if key in settings:
            return f"is `{key}` a setting? indent it below the name that it belongs to"
    return ""


def _column(model: type[schema.Spec], key: str, tree: Map, path: Path) -> str:
    """Where an unknown key may belong that looks like an entry: another column; "" for none."""
    value = tree.get(key)
    if model is schema.HeadSpec:
        found = next((section for section in _ENTRIES if is_entry(value, section)), None)
        return _below(key, found) if found else ""
    if len(path) != len(("section", "name")):
        return ""
    section, name = map(str, path)
    if lost := in_wrong_column(section, name, tree):
        return lost
    if is_entry(value, section):
        return f"is `{key}` {_ENTRIES[section][1]}? let it begin in the column of {name}"
    return ""


def in_wrong_column(section: str, name: str, entry: Map) -> str:
    """What to do with an entry that is called as a setting or a section is, and looks like none."""
    settings = keys(schema.FileSpec, (section,))
    if is_entry(entry, section) or (
        section == "environments" and not entry.keys().isdisjoint(settings)
    ):
        return ""
    if name in settings and (section == "environments" or name not in _SECTIONS):
        return f"is `{name}` a setting? indent it below the name that it belongs to"
    if name in _SECTIONS:
        return f"is `{name}` a section of the file? let it begin in the first column"
    return ""


def _below(key: str, section: str) -> str:
    return f"is `{key}` {_ENTRIES[section][1]}? indent it below {section}:"


def is_entry(value: Value, section: str) -> bool:
    """Whether something has what an entry of a section must have, or alone can have."""
    known = _ENTRIES.get(section, (set[str](), ""))[0]
    return isinstance(value, Map) and not known.isdisjoint(value)


def meant(word: str, known: Sequence[str]) -> str:
    """The nearest of the known words, as a hint."""
    if close := nearest(word, known):
        return f"did you mean {close}?"
    return f"known: {', '.join(known)}" if known and len(known) <= LISTED else ""


def keys(model: type[schema.Spec], trail: Sequence[object]) -> tuple[str, ...]:
    """The keys that are known at a trail below a model."""
    fields = _model_at(model, trail).model_fields
    return tuple(field.alias or name for name, field in fields.items())


def _model_at(model: type[schema.Spec], trail: Sequence[object]) -> type[schema.Spec]:
    for step in trail:
        known = {field.alias or name: field for name, field in model.model_fields.items()}
        if step in known:  # a name or an index is no field: it stays with the model inside
            model = inside(known[str(step)].annotation) or model
    return model


def _alone(model: type[schema.Spec], value: Value) -> str:
    """How to write a word that stands in place of a mapping: under the one key that takes it.

    A word that is a key is that key, where it is one that may be true.
    """
    if not isinstance(value, str) or not re.fullmatch(_WORD, value):
        return ""
    known = keys(model, ())
    if value in known:
        return f"write {{{value}: true}}" if _takes(model, {value: True}) else ""
    taking = [key for key in known if _takes(model, {key: value})]
    return f"write {{{taking[0]}: {value}}}" if len(taking) == 1 else ""


def _takes(model: type[schema.Spec], settings: dict[str, Value]) -> bool:
    try:
        model.model_validate(settings, context=Frame())
    except ValidationError:
        return False
    return True


def inside(annotation: Any) -> type[schema.Spec] | None:
    """The model inside an annotation such as `dict[str, QueueSpec] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, schema.Spec):
        return annotation
    inner = (inside(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)
