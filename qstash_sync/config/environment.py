"""One environment of the files: its settings, its account, and its resources, layer on layer.

    defaults of the file < defaults of the environment < the resource < its override

Headers and `dst` merge by name, null unsets, everything else replaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from qstash_sync.config import checks, spec
from qstash_sync.config.build import Builder
from qstash_sync.config.interpolate import Scope, is_text
from qstash_sync.config.report import Path, Report
from qstash_sync.config.tree import Document, Loose, Map, Origin, Value, locate
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.resources import Desired, Secret

SECTIONS = ("url_groups", "queues", "flow_controls", "schedules")
_MODELS: dict[str, type[spec.Spec]] = {
    "url_groups": spec.UrlGroupSpec,
    "queues": spec.QueueSpec,
    "flow_controls": spec.FlowControlSpec,
    "schedules": spec.ScheduleSpec,
}
# The more specific layer wins such a group as a whole: a body_file replaces a default's body.
_EXCLUSIVE = (
    ("body", "body_file", "body_base64"),
    ("destination", "url_group"),
    ("only", "except"),
)
_DEEP = ("headers", "dst")
_NOTHING = Map(Origin("", ""), 0)
S = TypeVar("S", bound=spec.Spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the file says its account is; None is left to the environment variables."""

    token: Secret | None = None
    region: str | None = None
    url: str | None = None
    user: str | None = None
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One environment of the files, ready to be compared; warnings are not errors."""

    desired: Desired
    account: Account
    environments: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)  # to be masked in QStash's words


class Layers:
    """The layers of one resource, the strongest last, and where each key of them was written."""

    def __init__(self, layers: Sequence[Map], location: Location) -> None:
        self.layers = layers
        self.location = location

    def merged(self) -> dict[str, Value]:
        """One mapping of all layers."""
        result: dict[str, Value] = {}
        for layer in self.layers:
            for group in _EXCLUSIVE:
                if any(key in layer for key in group):
                    for key in group:
                        result.pop(key, None)
            for key, value in layer.items():
                below = result.get(key)
                both = key in _DEEP and isinstance(below, dict) and isinstance(value, dict)
                result[key] = {**below, **value} if both else value  # type: ignore[dict-item]
        return result

    def locate(self, path: Path) -> Location:
        """Where the layer that wins has a setting; where the resource is, if none has it."""
        for length in (2, 1) if path and path[0] in _DEEP else (1,):
            for layer in reversed(self.layers):
                value: Any = layer
                for step in path[:length]:
                    value = value.get(str(step), _NOTHING) if isinstance(value, Map) else _NOTHING
                if value is not _NOTHING:
                    return locate(layer, path) or self.location
        return self.location


class Environment:
    """One environment on its way through the steps; collects diagnostics, stops at none."""

    def __init__(
        self,
        documents: Sequence[Document],
        top: Mapping[str, tuple[Value, Location]],
        name: str | None,
        variables: Mapping[str, str],
        *,
        environ: Mapping[str, str],
        missing: str,
    ) -> None:
        self.documents = documents
        self.raw_top = top
        self.name = name
        self.report = Report()
        found = top.get("environments", (None, None))[0]
        self.environments: Map | None = found if isinstance(found, Map) else None
        self.names = tuple(self.environments or ())
        self.is_certain = self._is_chosen()
        own = (self.environments or _NOTHING).get(name or "")
        self.own: Map = own if isinstance(own, Map) else _NOTHING
        self.top: dict[str, Any] = {}  # the top level as it was checked, by key
        self.checked: spec.EnvironmentSpec | None = None  # likewise of this environment
        self.scope = Scope(self._variables(variables), environ, missing, self.report)

    def diagnostics(self) -> list[Diagnostic]:
        """What was found, but for what is about a value that is not the real one anyway."""
        mocked = self.scope.mocked
        return [d for d in self.report if d.code == "environment" or d.location not in mocked]

    def _is_chosen(self) -> bool:
        name, names = self.name, self.names
        fact = hint = ""
        if self.environments is None and name is not None:
            fact = f"-e {name}: the file has no environments section"
        elif self.environments is not None and name is None:
            fact = "the file has environments: say which"
            hint = f"-e {' or -e '.join(names)}"
        elif self.environments is not None and name not in names:
            fact, hint = f"-e {name}: no such environment", meant(name or "", names)
        if fact:
            self.report.error("environment", (), fact, None, hint)
        return not fact

    def _variables(self, given: Mapping[str, str]) -> dict[str, tuple[Value, Location | None]]:
        result: dict[str, tuple[Value, Location | None]] = {}
        for layer in (self.raw_top.get("vars", (None,))[0], self.own.get("vars")):
            if isinstance(layer, Map):
                result.update({key: (value, layer.at(key)) for key, value in layer.items()})
        for name, value in given.items():
            if not is_text(value):
                self.report.error("variable", (), f"--var {name}: is not UTF-8 text", None)
        return {**result, **{key: (Loose(value), None) for key, value in given.items()}}

    def config(self) -> Config | None:
        """What can be built; None where it is not certain which environment is meant."""
        for document in self.documents:
            self._head(document)
        for name, raw in (self.environments or {}).items():
            self._environment(name, raw)
        self._same_account()
        if not self.is_certain:
            return None
        builder = Builder(self.report, **self._frame())
        account = self._account()
        sections = {section: self._section(section, builder) for section in SECTIONS}
        builder.finish(sections["schedules"])
        return Config(
            desired=builder.desired(sections),
            account=account,
            environments=self.names,
            secrets=tuple(sorted(self.scope.secrets)),
        )

    def model(
        self, model: type[S], raw: Value, path: Path, layers: Layers, *, resolve: bool = True
    ) -> S | None:
        """Validate one mapping; diagnostics carry the position of the guilty key."""
        if not isinstance(raw, dict):
            fact = f"must be a mapping, not {spec.type_name(raw)}"
            hint = "write its settings below it" if raw is None else ""
            self.report.error("type", path, fact, layers.location, hint)
            return None
        if resolve:
            raw = self.scope.resolve(raw, layers.location, path)
            layers = Layers([raw], layers.location)
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._complain(model, detail, layers, path)
            return None

    def _complain(self, model: type[spec.Spec], detail: Any, layers: Layers, path: Path) -> None:
        trail = tuple(detail["loc"])
        location = layers.locate(trail)
        if detail["type"] == "extra_forbidden":
            reason = _REFUSED.get(str(trail[-1]))
            hint = reason or meant(str(trail[-1]), keys(model, trail[:-1]))
            fact = "QStash has this, but it cannot hold for a schedule" if reason else "unknown key"
            code = "refused_key" if reason else "unknown_key"
            self.report.error(code, path + trail, fact, location, hint)
            return
        context = detail.get("ctx", {})
        fact = context.get("fact") or _FACTS.get(detail["type"], str(detail["msg"]))
        self.report.error("type", path + trail, fact, location, context.get("hint", ""))

    def _head(self, document: Document) -> None:
        """Check a file's top level; sections and environments have their own turn."""
        root = document.root
        head = root.without(*SECTIONS, "defaults", "environments", "vars")
        if "version" in root:
            found = self.model(spec.FileSpec, head, (), Layers([], root.location))
            if found:
                self.top |= {key: getattr(found, key) for key in head if hasattr(found, key)}
        for key in ("environments", "vars", *SECTIONS):
            if key in root and not isinstance(root[key], Map):
                fact = f"must be a mapping, not {spec.type_name(root[key])}"
                self.report.error("type", (key,), fact, root.at(key))
        if "defaults" in root:
            here = Layers([], root.at("defaults"))
            self.model(spec.ScheduleSpec, root["defaults"], ("defaults",), here)

    def _environment(self, name: str, raw: Value) -> None:
        location = (self.environments or _NOTHING).at(name)
        path = ("environments", name)
        if not isinstance(raw, Map):
            fact = f"must be a mapping, not {spec.type_name(raw)}"
            hint = "write {} for an environment like the rest" if raw is None else ""
            self.report.error("type", path, fact, location, hint)
            return
        token = raw.get("token")
        if "token" in raw and not (isinstance(token, str) and token.strip().startswith("${env.")):
            variable = f"{name.upper().replace('-', '_')}_QSTASH_TOKEN"
            hint = f"name the variable that holds it: token: ${{env.{variable}}}"
            at = raw.at("token")
            self.report.error("literal_secret", (*path, "token"), "a literal token", at, hint)
        if raw is self.own:
            shown = raw.without("token", "vars")
            self.checked = self.model(spec.EnvironmentSpec, shown, path, Layers([], location))
            return
        known = tuple(spec.EnvironmentSpec.model_fields)
        for key in raw:
            if key not in known:
                hint = meant(key, known)
                self.report.error("unknown_key", (*path, key), "unknown key", raw.at(key), hint)

    def _same_account(self) -> None:
        """Two environments that would manage the same ids are a mistake, whichever is chosen."""
        seen: dict[tuple[object, ...], str] = {}
        for name, raw in (self.environments or {}).items():
            if not isinstance(raw, Map):
                continue
            namespace = raw.get("namespace", self.raw_top.get("namespace", (None,))[0])
            where = (raw.get("region"), raw.get("url"), namespace)
            for identity in (("account", raw.get("account")), ("token", raw.get("token"))):
                if identity[1] is None and (identity[0] == "account" or raw.get("account")):
                    continue
                other = seen.setdefault((*identity, *where), name)
                if other != name:
                    fact = f"has the same account and namespace as {other}"
                    location = (self.environments or _NOTHING).at(name)
                    hint = "give one of them a namespace of its own"
                    path = ("environments", name)
                    self.report.error("same_account", path, fact, location, hint)
                    break

    def _frame(self) -> dict[str, Any]:
        """The top-level settings that every resource is built with."""
        return {
            "namespace": self._namespace(),
            "environment": self.name,
            "environments": self.names,
            "allow_private": self.top.get("allow_private") is True,
            "owns": self.top.get("owns") or spec.GlobsSpec(),
            "protect": self.top.get("protect") or spec.GlobsSpec(),
            "limits": self.top.get("limits") or spec.LimitsSpec(),
        }

    def _namespace(self) -> str:
        """The environment's namespace or the files'; `invalid` where a diagnostic says why not."""
        raw, location = self.raw_top.get("namespace", (None, None))
        found = self.top.get("namespace", raw)
        if "namespace" in self.own:
            raw, location = self.own["namespace"], self.own.at("namespace")
            found = self.checked.namespace if self.checked else raw
        if isinstance(found, str) and checks.NAMESPACE.fullmatch(found):
            return found
        if raw is None and self.documents:
            hint = "schedule ids start with it: namespace: billing"
            location = self.documents[0].root.location
            self.report.error("missing", ("namespace",), "this key is missing", location, hint)
        elif isinstance(found, str) and "${" not in found:
            fact = f"{found!r} is not allowed"
            self.report.error("name", ("namespace",), fact, location, "use a-z, 0-9 and -")
        return "invalid"

    def _account(self) -> Account:
        raw = self.own
        if raw is _NOTHING:
            return Account()
        before = len(self.report)
        token = raw.get("token")
        found = self.scope.environ.get(_variable_name(token)) if isinstance(token, str) else None
        resolved = self.scope.resolve(token, raw.at("token"), ("token",)) if found else None
        region, url, user = (
            self.scope.resolve(raw.get(key), raw.at(key), (key,))
            for key in ("region", "url", "account")
        )
        del self.report[before:]  # already said by the environment's own check
        return Account(
            token=resolved if isinstance(resolved, Secret) else None,
            region=region,
            url=url,
            user=user,
            location=raw.at("token"),
        )

    def _section(self, section: str, builder: Builder) -> tuple[Any, ...] | None:
        """Every resource of one kind from all files; None where no file has the section."""
        holders = [d for d in self.documents if isinstance(d.root.get(section), Map)]
        if not holders:
            return None
        built: dict[str, Any] = {}
        locations: dict[str, Location] = {}
        overrides = self._overrides(section)
        for document in holders:
            entries = document.root[section]
            below = self._defaults(document) if section == "schedules" else []
            for name, raw in entries.items():
                location = entries.at(name)
                if name in locations:
                    fact = f"this name stands in two files, first in {locations[name]}"
                    hint = "rename one of them"
                    self.report.error("duplicate", (section, name), fact, location, hint)
                    continue
                locations[name] = location
                path = (section, name)
                if isinstance(raw, Map):
                    above = overrides.get(name)
                    own = self.scope.resolve(raw, location, path)
                    above = [above] if isinstance(above, Map) else []
                    layers = Layers([*below, own, *above], location)
                    merged: Value = layers.merged()
                else:
                    layers, merged = Layers([], location), raw
                model = self.model(_MODELS[section], merged, path, layers, resolve=False)
                if model is not None:
                    resource = builder.build(section, name, model, layers, document.folder)
                    if resource is not None:
                        built[name] = resource
        for name in overrides:
            if name not in locations:
                own_path = ("environments", self.name or "", "overrides", section, name)
                hint = meant(name, tuple(locations))
                at = overrides.at(name)
                self.report.error("unknown_name", own_path, "nothing to override", at, hint)
        return tuple(built[name] for name in sorted(built))

    def _defaults(self, document: Document) -> list[Map]:
        """The defaults of a file and of the environment, with their values."""
        return [
            self.scope.resolve(holder["defaults"], holder.at("defaults"), path)
            for holder, path in (
                (document.root, ("defaults",)),
                (self.own, ("environments", self.name or "", "defaults")),
            )
            if isinstance(holder.get("defaults"), Map)
        ]

    def _overrides(self, section: str) -> Map:
        """The overrides of this environment for one kind, with their values."""
        found = self.own.get("overrides") or _NOTHING
        raw = found.get(section) if isinstance(found, Map) else None
        if not isinstance(raw, Map):
            return _NOTHING
        path = ("environments", self.name or "", "overrides", section)
        resolved: Map = self.scope.resolve(raw, found.at(section), path)
        return resolved


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
_LISTED = 12  # more names than this help nobody


def meant(word: str, known: Sequence[str]) -> str:
    """The nearest of the known words, as a hint."""
    from difflib import get_close_matches  # noqa: PLC0415 only for errors

    close = get_close_matches(word, known, 1, 0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(known)}" if known and len(known) <= _LISTED else ""


def keys(model: type[spec.Spec], trail: Sequence[object]) -> tuple[str, ...]:
    """The keys that are known at a trail below a model."""
    for step in trail:
        known = {field.alias or name: field for name, field in model.model_fields.items()}
        if step in known:  # a name or an index is no field: it stays with the model inside
            model = _inside(known[str(step)].annotation) or model
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _inside(annotation: Any) -> type[spec.Spec] | None:
    """The model inside an annotation such as `dict[str, QueueSpec] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, spec.Spec):
        return annotation
    inner = (_inside(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)


def _variable_name(token: str) -> str:
    return (
        token.strip().removeprefix("${env.").partition("}")[0].partition("|")[0].partition(":-")[0]
    )
