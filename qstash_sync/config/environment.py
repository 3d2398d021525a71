"""One environment of the files: its settings, its account, and its resources, layer on layer.

    defaults of the file < defaults of the environment < the resource < its override

Headers and `dst` merge by name, null unsets, everything else replaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from qstash_sync.config import schema
from qstash_sync.config.build import Builder, Entry, check_identities, desired
from qstash_sync.config.interpolate import Scope, is_text
from qstash_sync.config.literals import LITERAL_SECRET
from qstash_sync.config.report import Path, Report
from qstash_sync.config.tree import Document, Loose, Map, Origin, Value, spell
from qstash_sync.config.types import NAMESPACE, Frame
from qstash_sync.config.wrong import type_name, wrong_text
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.resources import Desired, Secret

SECTIONS = ("url_groups", "queues", "flow_controls", "schedules")
_MODELS: dict[str, type[schema.Spec]] = {
    "url_groups": schema.UrlGroupSpec,
    "queues": schema.QueueSpec,
    "flow_controls": schema.FlowControlSpec,
    "schedules": schema.ScheduleSpec,
}
# The more specific layer wins such a group as a whole: a body_file replaces a default's body.
_EXCLUSIVE = (
    frozenset({"body", "body_file", "body_base64"}),
    frozenset({"destination", "url_group"}),
    frozenset({"only", "except_"}),
)
_NOTHING = Map(Origin("", ""), 0)
S = TypeVar("S", bound=schema.Spec)


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


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings as they were checked, and the trees that know where each of them is."""

    spec: Any
    trees: tuple[Map, ...]  # the strongest last
    broken: frozenset[str] = frozenset()  # keys that are not in spec, since they are wrong


def lay(below: S, above: S) -> S:
    """One layer over another, each checked already; only what `above` gives is looked at."""
    given = above.model_fields_set
    changes = {key: getattr(above, key) for key in given}
    for group in _EXCLUSIVE:
        if not given.isdisjoint(group):
            changes |= dict.fromkeys(group - given)
    for key, merged in (("headers", _merged_headers), ("dst", lay)):
        lower, upper = getattr(below, key, None), changes.get(key)
        if lower is not None and upper is not None:
            changes[key] = merged(lower, upper)
    return below.model_copy(update=changes)


def _merged_headers(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    return {**below, **above}


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
            self._head(document.root)
        for name, raw in (self.environments or {}).items():
            self._environment(name, raw)
        self._same_account()
        limits = self.top.get("limits")
        frame = Frame(
            environments=self.names,
            allow_private=self.top.get("allow_private") is True,
            plan=limits.plan if limits else None,
        )
        account, namespace = self._account(frame)
        sections = Resources(self, frame)
        if not self.is_certain:
            return None
        builder = Builder(namespace, self.name, frame)
        resources = {section: sections.build(section, builder) for section in SECTIONS}
        check_identities(resources["schedules"] or (), self.report)
        return Config(
            desired=desired(builder, self.top, resources),
            account=account,
            environments=self.names,
            secrets=tuple(sorted(self.scope.secrets)),
        )

    def layer(
        self, model: type[schema.Spec], raw: Value, path: Path, location: Location, frame: Frame
    ) -> Layer | None:
        """Interpolate and check one mapping; None if it is none. What is right of it goes on."""
        if not isinstance(raw, Map):
            fact = f"must be a mapping, not {type_name(raw)}"
            hint = "write its settings below it" if raw is None else ""
            self.report.error("type", path, fact, location, hint)
            return None
        tree: Map = self.scope.resolve(raw, location, path)
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
        return Layer(rest, (tree,), broken)

    def _complain(self, model: type[schema.Spec], detail: Any, tree: Map, path: Path) -> None:
        """Make a diagnostic of one of pydantic's errors."""
        trail, location = spell(tree, tuple(detail["loc"]))
        code, context = detail["type"], detail.get("ctx", {})
        fact, hint = context.get("fact"), context.get("hint", "")
        if code == "extra_forbidden":
            key = str(trail[-1])
            whole = schema.FileSpec if model is schema.HeadSpec else model
            code, fact, hint = "unknown_key", "unknown key", meant(key, keys(whole, trail[:-1]))
            if key in _REFUSED:
                code, hint = "refused_key", _REFUSED[key]
                fact = "QStash has this, but it cannot hold for a schedule"
        elif code == "string_type":
            told = wrong_text(detail["input"]).context or {}
            code, fact, hint = "type", told["fact"], told["hint"]
        elif fact is None:
            code, fact = "type", _FACTS.get(code, str(detail["msg"]))
        self.report.error(code, path + trail, fact, location or tree.location, hint)

    def _head(self, root: Map) -> None:
        """Check a file's top level; sections and environments have their own turn."""
        if "version" in root:
            head = root.without(*SECTIONS, "defaults", "environments", "vars")
            found = self.layer(schema.HeadSpec, head, (), root.location, Frame())
            if found:
                self.top |= {key: getattr(found.spec, key) for key in found.spec.model_fields_set}
        for key in ("environments", "vars", *SECTIONS):
            if key in root and not isinstance(root[key], Map):
                fact = f"must be a mapping, not {type_name(root[key])}"
                self.report.error("type", (key,), fact, root.at(key))

    def _environment(self, name: str, raw: Value) -> None:
        """Check what must be right of every environment, whichever is chosen."""
        path = ("environments", name)
        if not isinstance(raw, Map):
            fact = f"must be a mapping, not {type_name(raw)}"
            hint = "write {} for an environment like the rest" if raw is None else ""
            location = (self.environments or _NOTHING).at(name)
            self.report.error("type", path, fact, location, hint)
            return
        token = raw.get("token")
        if "token" in raw and not (isinstance(token, str) and token.strip().startswith("${env.")):
            variable = f"{name.upper().replace('-', '_')}_QSTASH_TOKEN"
            hint = f"name the variable that holds it: token: ${{env.{variable}}}"
            at = raw.at("token")
            self.report.error(LITERAL_SECRET, (*path, "token"), "a literal token", at, hint)
        known = tuple(schema.EnvironmentSpec.model_fields)
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

    def _account(self, frame: Frame) -> tuple[Account, str]:
        """The account of this environment, and its namespace."""
        raw = self.own
        if raw is _NOTHING:
            return Account(), self._namespace(None)
        path = ("environments", self.name or "")
        location = (self.environments or _NOTHING).at(self.name or "")
        known = [key for key in raw if key in schema.AccountSpec.model_fields and key != "token"]
        shown = raw.without(*(key for key in raw if key not in known))
        found = self.layer(schema.AccountSpec, shown, path, location, frame)
        spec = found.spec if found else schema.AccountSpec()
        account = Account(
            token=self._token(raw),
            region=spec.region,
            url=spec.url,
            user=spec.account,
            location=raw.at("token"),
        )
        return account, self._namespace(found)

    def _token(self, raw: Map) -> Secret | None:
        """The token, where it is known; a command that needs it says so otherwise."""
        token = raw.get("token")
        if not isinstance(token, str) or not self.scope.environ.get(_variable_name(token)):
            return None
        found = self.scope.resolve(
            token, raw.at("token"), ("environments", self.name or "", "token")
        )
        return found if isinstance(found, Secret) else None

    def _namespace(self, account: Layer | None) -> str:
        """The environment's namespace or the files'; `invalid` where a diagnostic says why not."""
        raw, location = self.raw_top.get("namespace", (None, None))
        found = self.top.get("namespace", raw)
        if "namespace" in self.own:
            raw, location = self.own["namespace"], self.own.at("namespace")
            found = account.spec.namespace if account else raw
        if isinstance(found, str) and NAMESPACE.fullmatch(found):
            return found
        if raw is None and self.documents:
            hint = "schedule ids start with it: namespace: billing"
            location = self.documents[0].root.location
            self.report.error("missing", ("namespace",), "this key is missing", location, hint)
        elif isinstance(found, str) and "${" not in found:
            fact = f"{found!r} is not allowed"
            self.report.error("name", ("namespace",), fact, location, "use a-z, 0-9 and -")
        return "invalid"


class Resources:
    """The resources of the files in one environment, layer on layer."""

    def __init__(self, environment: Environment, frame: Frame) -> None:
        self.environment = environment
        self.report = environment.report
        own, raw = environment.own, environment.environments
        self.path: Path = ("environments", environment.name or "")
        folders = (d.folder for d in environment.documents if d.root.get("environments") is raw)
        here = replace(frame, folder=next(folders, "."))
        defaults = self._layer(schema.ScheduleSpec, own, "defaults", self.path, here)
        overrides = own.get("overrides")
        self.overridden: Map = overrides if isinstance(overrides, Map) else _NOTHING
        self.overrides = self._layer(schema.OverridesSpec, own, "overrides", self.path, here)
        self.files: list[tuple[Map, Frame, Layer | None]] = []
        for document in environment.documents:
            there = replace(frame, folder=document.folder)
            below = self._layer(schema.ScheduleSpec, document.root, "defaults", (), there)
            self.files.append((document.root, there, _over(below, defaults)))

    def _layer(
        self, model: type[schema.Spec], holder: Map, key: str, path: Path, frame: Frame
    ) -> Layer | None:
        """A layer that may be absent; None where it is wrong."""
        if holder.get(key) is None:
            return Layer(model(), ())
        return self.environment.layer(model, holder[key], (*path, key), holder.at(key), frame)

    def build(self, section: str, builder: Builder) -> tuple[Any, ...] | None:
        """Every resource of one kind from all files; None where no file has the section."""
        holders = [file for file in self.files if isinstance(file[0].get(section), Map)]
        if not holders:
            return None
        built: dict[str, Any] = {}
        locations: dict[str, Location] = {}
        for root, frame, below in holders:
            entries = root[section]
            for name, raw in entries.items():
                location = entries.at(name)
                if name in locations:
                    fact = f"this name stands in two files, first in {locations[name]}"
                    hint = "rename one of them"
                    self.report.error("duplicate", (section, name), fact, location, hint)
                    continue
                locations[name] = location
                own = self.environment.layer(
                    _MODELS[section], raw, (section, name), location, frame
                )
                layer = self._overridden(section, name, own)
                if section == "schedules":
                    layer = _over(below, layer)
                if layer is not None:
                    entry = Entry(section, name, location, layer.trees, layer.broken, self.report)
                    built[name] = builder.build(entry, layer.spec)
        self._check_overrides(section, locations)
        return tuple(built[name] for name in sorted(built) if built[name] is not None)

    def _overridden(self, section: str, name: str, layer: Layer | None) -> Layer | None:
        names = self.overridden.get(section)
        if not isinstance(names, Map) or name not in names:
            return layer
        if self.overrides is None or name not in getattr(self.overrides.spec, section):
            return None  # it is wrong
        spec = getattr(self.overrides.spec, section)[name]
        return _over(layer, Layer(spec, (self.overrides.trees[0][section][name],)))

    def _check_overrides(self, section: str, known: Mapping[str, Location]) -> None:
        names = self.overridden.get(section)
        for name in names if isinstance(names, Map) else ():
            if name not in known:
                path = (*self.path, "overrides", section, name)
                at, hint = self.overridden[section].at(name), meant(name, tuple(known))
                self.report.error("unknown_name", path, "nothing to override", at, hint)


def _over(below: Layer | None, above: Layer | None) -> Layer | None:
    """Two layers as one; None where one of them is none."""
    if below is None or above is None:
        return None
    return Layer(
        lay(below.spec, above.spec), below.trees + above.trees, below.broken | above.broken
    )


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


def keys(model: type[schema.Spec], trail: Sequence[object]) -> tuple[str, ...]:
    """The keys that are known at a trail below a model."""
    for step in trail:
        known = {field.alias or name: field for name, field in model.model_fields.items()}
        if step in known:  # a name or an index is no field: it stays with the model inside
            model = _inside(known[str(step)].annotation) or model
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _inside(annotation: Any) -> type[schema.Spec] | None:
    """The model inside an annotation such as `dict[str, QueueSpec] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, schema.Spec):
        return annotation
    inner = (_inside(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)


def _variable_name(token: str) -> str:
    return (
        token.strip().removeprefix("${env.").partition("}")[0].partition("|")[0].partition(":-")[0]
    )
