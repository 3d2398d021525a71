"""From files to one environment's `Config`: read, merge, interpolate, validate, build.

files --tree.read--> documents --_Merge--> one tree, each value with its place
      --interpolate--> values and secrets --spec--> checked types --build--> Desired
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pydantic import ValidationError

from qstash_sync.config import checks, spec
from qstash_sync.config.build import Builder
from qstash_sync.config.interpolate import Scope, is_text
from qstash_sync.config.tree import Document, Loose, Map, Value, locate, overlay, read, scalars
from qstash_sync.errors import ConfigError, UsageError
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity, in_order
from qstash_sync.model.resources import Desired, Secret

SECTIONS = ("url_groups", "queues", "flow_controls", "schedules")
_SINGLE = ("namespace", "vars", "owns", "limits", "protect", "environments", "allow_private")
_MODELS: dict[str, type[spec.Spec]] = {
    "url_groups": spec.UrlGroupSpec,
    "queues": spec.QueueSpec,
    "flow_controls": spec.FlowControlSpec,
    "schedules": spec.ScheduleSpec,
}
# The more specific file of a pair wins as a whole: a body_file replaces a default's body.
_EXCLUSIVE = (
    ("body", "body_file", "body_base64"),
    ("destination", "url_group"),
    ("only", "except"),
)
_LISTED = 12  # more names than this help nobody
_DEEP = ("headers", "dst")
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


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file; relative paths in it start at its folder."""

    name: str
    folder: str
    text: str


def gather(paths: Sequence[str], stdin: TextIO) -> tuple[Source, ...]:
    """Read files, directories (all `*.yaml`, `*.yml`) and `-`; the default is `qstash.yaml`."""
    if not paths:
        paths = [next((name for name in ("qstash.yaml", "qstash") if Path(name).exists()), "")]
    if paths == [""]:
        raise UsageError("no qstash.yaml and no qstash/ here; name the file or directory with -f")
    return tuple(source for path in paths for source in _sources(path, stdin))


def _sources(path: str, stdin: TextIO) -> Iterator[Source]:
    if path == "-":
        yield Source("<stdin>", ".", stdin.read())
        return
    root = Path(path)
    files = [root]
    if root.is_dir():
        files = sorted(p for p in root.iterdir() if p.suffix in (".yaml", ".yml") and p.is_file())
        if not files:
            raise UsageError(f"{path}: no *.yaml or *.yml in this directory")
    for file in files:
        try:
            yield Source(str(file), str(file.parent), file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"{file}: no such file or directory; name it with -f") from None
        except UnicodeDecodeError:
            raise UsageError(f"{file}: not UTF-8 text") from None
        except OSError as error:
            raise UsageError(f"{file}: cannot be read: {os.strerror(error.errno or 0)}") from None


def load(
    sources: Sequence[Source],
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str],
    missing: str = "error",
) -> Config:
    """Build one environment; raises `ConfigError` with every diagnostic at once."""
    files = Files(sources)
    config, diagnostics = files.build(environment, variables or {}, environ, missing)
    if config is None:
        raise ConfigError(diagnostics)
    return config


class Files:
    """The parsed files, before an environment is chosen."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.documents: list[Document] = []
        for source in sources:
            document, diagnostics = read(source.text, name=source.name, folder=source.folder)
            self.diagnostics += diagnostics
            if document:
                self.documents.append(document)
        self.top: dict[str, tuple[Value, Location]] = {}
        self._literal_secrets()
        for document in self.documents:
            self._top_level(document)
        found = self.top.get("environments", (None, None))[0]
        self.environments: Map | None = found if isinstance(found, Map) else None

    def say(self, code: str, message: str, location: Location | None, hint: str = "") -> None:
        """Note an error."""
        self.diagnostics.append(
            Diagnostic(code=code, message=message, location=location, hint=hint)
        )

    def _top_level(self, document: Document) -> None:
        root = document.root
        if "version" not in root:
            self.say(
                "missing", "version: this key is missing", root.location, "start with: version: 1"
            )
        for key in list(root):
            location = root.at(key)
            if key.startswith("x-"):
                del root[key]
            elif key in SECTIONS and root[key] is None:
                hint = (
                    f"write `{key}: {{}}` for none of ours, or remove the line to leave them alone"
                )
                self.say("null", f"{key}: this section is empty", location, hint)
                del root[key]
            elif root[key] is None and key in (*_SINGLE, "defaults"):
                self.say(
                    "null",
                    f"{key}: this key has no value",
                    location,
                    "give it one or remove the line",
                )
                del root[key]
            elif key in _SINGLE and key in self.top:
                first = self.top[key][1]
                self.say(
                    "duplicate",
                    f"{key}: stands in two files, first in {first}",
                    location,
                    "keep it in one file",
                )
            elif key in _SINGLE:
                self.top[key] = (root[key], location)

    def _literal_secrets(self) -> None:
        for document in self.documents:
            for path, value, location in scalars(document.root, document.root.location):
                kind = checks.literal_secret(value) if isinstance(value, str) else None
                if kind:
                    hint = "take it from ${env.NAME}, and replace it: it has been in a file"
                    self.say("literal_secret", f"{path}: {kind} in clear", location, hint)

    def names(self) -> tuple[str, ...]:
        """The environments in the order of the file."""
        return tuple(self.environments or ())

    def build(
        self,
        environment: str | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
        missing: str = "error",
    ) -> tuple[Config | None, tuple[Diagnostic, ...]]:
        """One environment's config, or None and why; warnings come along either way."""
        config, diagnostics = self.attempt(environment, variables, environ, missing)
        if config is None or any(f.severity is Severity.ERROR for f in diagnostics):
            return None, diagnostics
        return replace(config, warnings=diagnostics), diagnostics

    def attempt(
        self,
        environment: str | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
        missing: str = "error",
    ) -> tuple[Config | None, tuple[Diagnostic, ...]]:
        """What can be built in spite of errors; None only where no environment is chosen."""
        run = _Run(self, environment, variables, environ, missing)
        config = run.config()
        told = [f for f in self.diagnostics + run.diagnostics if not run.is_mocked(f)]
        return config, in_order(list(_without_secrets(told)))


class _Run:
    """One environment on its way through the steps; collects diagnostics, stops at none."""

    def __init__(
        self,
        files: Files,
        environment: str | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
        missing: str,
    ) -> None:
        self.files = files
        self.environment = environment
        self.diagnostics: list[Diagnostic] = []
        self.chosen = self._choose()
        self.top: dict[str, Any] = {}  # the top level as it was checked, by key
        self.own: spec.EnvironmentSpec | None = None  # likewise of the chosen environment
        self.scope = Scope(self._variables(variables), environ, missing, self.diagnostics)

    def say(self, code: str, message: str, location: Location | None, hint: str = "") -> None:
        self.diagnostics.append(
            Diagnostic(code=code, message=message, location=location, hint=hint)
        )

    def is_mocked(self, diagnostic: Diagnostic) -> bool:
        """Whether a diagnostic is about a value that is not the real one anyway."""
        return diagnostic.location in self.scope.mocked and diagnostic.code != "environment"

    def _choose(self) -> Map | None:
        names = self.files.names()
        if self.files.environments is None:
            if self.environment is not None:
                self.say(
                    "environment",
                    f"-e {self.environment}: the file has no environments section",
                    None,
                )
            return None
        if self.environment is None:
            self.say(
                "environment",
                "the file has environments: say which",
                None,
                f"-e {' or -e '.join(names)}",
            )
            return None
        if self.environment not in names:
            self.say(
                "environment",
                f"-e {self.environment}: no such environment",
                None,
                _meant(self.environment, names),
            )
            return None
        value = self.files.environments[self.environment]
        return value if isinstance(value, Map) else None

    def _variables(self, given: Mapping[str, str]) -> dict[str, tuple[Value, Location | None]]:
        own = self.chosen.get("vars") if self.chosen is not None else None
        result: dict[str, tuple[Value, Location | None]] = {}
        for layer in (self.files.top.get("vars", (None,))[0], own):
            if isinstance(layer, Map):
                result.update({key: (value, layer.at(key)) for key, value in layer.items()})
        for name, value in given.items():
            if not is_text(value):
                self.say("variable", f"--var {name}: is not UTF-8 text", None)
        return {**result, **{key: (Loose(value), None) for key, value in given.items()}}

    def model(self, model: type[S], raw: Value, path: str, location: Location) -> S | None:
        """Interpolate and validate one mapping; diagnostics carry the place of the guilty key."""
        if not isinstance(raw, Map):
            fact = f"{path}: must be a mapping, not {spec.type_name(raw)}"
            self.say("type", fact, location, "write its settings below it" if raw is None else "")
            return None
        tree = self.scope.resolve(raw, raw.location, path)
        try:
            return model.model_validate(tree)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._complain(model, detail, tree, path)
            return None

    def _complain(self, model: type[spec.Spec], detail: Any, tree: Map, path: str) -> None:
        trail = tuple(detail["loc"])
        name = ".".join([path, *map(str, trail)] if path else map(str, trail))
        location = locate(tree, trail)
        if detail["type"] == "extra_forbidden":
            known = _keys(model, trail[:-1])
            reason = _REFUSED.get(str(trail[-1]))
            hint = reason or _meant(str(trail[-1]), known)
            fact = "QStash has this, but it cannot hold for a schedule" if reason else "unknown key"
            self.say("refused_key" if reason else "unknown_key", f"{name}: {fact}", location, hint)
            return
        context = detail.get("ctx", {})
        fact = context.get("fact") or _FACTS.get(detail["type"], str(detail["msg"]))
        self.say("type", f"{name}: {fact}", location, context.get("hint", ""))

    def config(self) -> Config | None:
        for document in self.files.documents:
            self._shell(document)
        for name, raw in (self.files.environments or {}).items():
            self._environment(name, raw)
        self._same_account()
        if any(f.code == "environment" and f.location is None for f in self.diagnostics):
            return None
        builder = Builder(self.diagnostics, **self._frame())
        account = self._account()
        sections: dict[str, Any] = {}
        for section in SECTIONS:
            sections[section] = self._section(section, builder)
        builder.finish(sections["schedules"])
        desired = builder.desired(sections)
        return Config(
            desired=desired,
            account=account,
            environments=self.files.names(),
            secrets=tuple(sorted(self.scope.secrets)),
        )

    def _shell(self, document: Document) -> None:
        """Check a file's top level; sections and environments have their own turn."""
        root = Map(document.root.location)
        for key, value in document.root.items():
            if key not in (*SECTIONS, "defaults", "environments", "vars"):
                root.put(key, value, document.root.at(key))
        found = self.model(spec.FileSpec, root, "", root.location) if "version" in root else None
        if found:
            self.top |= {key: getattr(found, key) for key in root if hasattr(found, key)}
        for key in ("environments", "vars", *SECTIONS):
            value = document.root.get(key)
            if key in document.root and not isinstance(value, Map):
                fact = f"{key}: must be a mapping, not {spec.type_name(value)}"
                self.say("type", fact, document.root.at(key))
        if "defaults" in document.root:
            self.model(
                spec.ScheduleSpec,
                document.root["defaults"],
                "defaults",
                document.root.at("defaults"),
            )

    def _environment(self, name: str, raw: Value) -> None:
        location = self.files.environments.at(name) if self.files.environments else None
        path = f"environments.{name}"
        if raw is None or not isinstance(raw, Map):
            fact = f"{path}: must be a mapping, not {spec.type_name(raw)}"
            self.say(
                "type",
                fact,
                location,
                "write {} for an environment like the rest" if raw is None else "",
            )
            return
        token = raw.get("token")
        if "token" in raw and not (isinstance(token, str) and token.strip().startswith("${env.")):
            variable = f"{name.upper().replace('-', '_')}_QSTASH_TOKEN"
            hint = f"name the variable that holds it: token: ${{env.{variable}}}"
            self.say("literal_secret", f"{path}.token: a literal token", raw.at("token"), hint)
        if raw is self.chosen:
            shown = Map(raw.location)
            for key, value in raw.items():
                if key not in ("token", "vars"):
                    shown.put(key, value, raw.at(key))
            self.own = self.model(spec.EnvironmentSpec, shown, path, location or raw.location)
        else:
            for key in raw:
                if key not in spec.EnvironmentSpec.model_fields:
                    hint = _meant(key, tuple(spec.EnvironmentSpec.model_fields))
                    self.say("unknown_key", f"{path}.{key}: unknown key", raw.at(key), hint)

    def _same_account(self) -> None:
        """Two environments that would manage the same ids are a mistake, whichever is chosen."""
        seen: dict[tuple[object, ...], str] = {}
        for name, raw in (self.files.environments or {}).items():
            if not isinstance(raw, Map):
                continue
            namespace = raw.get("namespace", self.files.top.get("namespace", (None,))[0])
            where = (raw.get("region"), raw.get("url"), namespace)
            for identity in (("account", raw.get("account")), ("token", raw.get("token"))):
                if identity[1] is None and (identity[0] == "account" or raw.get("account")):
                    continue
                other = seen.setdefault((*identity, *where), name)
                if other != name:
                    fact = f"environments.{name}: has the same account and namespace as {other}"
                    location = self.files.environments.at(name) if self.files.environments else None
                    self.say(
                        "same_account", fact, location, "give one of them a namespace of its own"
                    )
                    break

    def _frame(self) -> dict[str, Any]:
        """The top-level settings that every resource is built with."""
        return {
            "namespace": self._namespace(),
            "environment": self.environment,
            "environments": self.files.names(),
            "allow_private": self.top.get("allow_private") is True,
            "owns": self.top.get("owns") or spec.GlobsSpec(),
            "protect": self.top.get("protect") or spec.GlobsSpec(),
            "limits": self.top.get("limits") or spec.LimitsSpec(),
        }

    def _namespace(self) -> str:
        """The environment's namespace or the files'; `invalid` where a diagnostic says why not."""
        raw, location = self.files.top.get("namespace", (None, None))
        found = self.top.get("namespace", raw)
        if self.chosen is not None and "namespace" in self.chosen:
            raw, location = self.chosen["namespace"], self.chosen.at("namespace")
            found = self.own.namespace if self.own else raw
        if isinstance(found, str) and checks.NAMESPACE.fullmatch(found):
            return found
        if raw is None and self.files.documents:
            location = self.files.documents[0].root.location
            hint = "schedule ids start with it: namespace: billing"
            self.say("missing", "namespace: this key is missing", location, hint)
        elif isinstance(found, str) and "${" not in found:
            self.say("name", f"namespace: {found!r} is not allowed", location, "use a-z, 0-9 and -")
        return "invalid"

    def _account(self) -> Account:
        raw = self.chosen
        if raw is None:
            return Account()
        before = len(self.diagnostics)
        token = raw.get("token")
        found = self.scope.environ.get(_variable_name(token)) if isinstance(token, str) else None
        resolved = self.scope.resolve(token, raw.at("token"), "token") if found else None
        keys = ("region", "url", "account")
        region, url, user = (self.scope.resolve(raw.get(key), raw.at(key), key) for key in keys)
        del self.diagnostics[before:]  # already said by the environment's own check
        return Account(
            token=resolved if isinstance(resolved, Secret) else None,
            region=region,
            url=url,
            user=user,
            location=raw.at("token"),
        )

    def _section(self, section: str, builder: Builder) -> tuple[Any, ...] | None:
        """Every resource of one kind from all files; None where no file has the section."""
        holders = [d for d in self.files.documents if isinstance(d.root.get(section), Map)]
        if not holders:
            return None
        built: dict[str, Any] = {}
        locations: dict[str, Location] = {}
        for document in holders:
            entries = document.root[section]
            for name, raw in entries.items():
                location = entries.at(name)
                if name in locations:
                    first = locations[name]
                    fact = f"{section}.{name}: this name stands in two files, first in {first}"
                    self.say("duplicate", fact, location, "rename one of them")
                    continue
                locations[name] = location
                resource = self._resource(section, name, raw, document, builder, location)
                if resource is not None:
                    built[name] = resource
        self._overrides_known(section, locations)
        return tuple(built[name] for name in sorted(built))

    def _resource(
        self,
        section: str,
        name: str,
        raw: Value,
        document: Document,
        builder: Builder,
        location: Location,
    ) -> Any:
        path = f"{section}.{name}"
        merged = self._merge(section, name, raw, document)
        model = self.model(
            _MODELS[section], merged if isinstance(raw, Map) else raw, path, location
        )
        if model is None:
            return None
        return builder.build(section, name, model, merged, document.folder, location)

    def _merge(self, section: str, name: str, raw: Value, document: Document) -> Value:
        """Lay defaults, the environment's defaults, the resource and its override together."""
        if not isinstance(raw, Map):
            return raw
        layers = [raw]
        if section == "schedules":
            own = self.chosen.get("defaults") if self.chosen is not None else None
            layers = [
                m for m in (document.root.get("defaults"), own) if isinstance(m, Map)
            ] + layers
        override = self._overrides(section).get(name)
        if isinstance(override, Map):
            layers.append(override)
        merged: Map = Map(raw.location)
        for layer in layers:
            for group in _EXCLUSIVE:
                if any(key in layer for key in group):
                    for key in group:
                        if key not in layer:
                            merged.pop(key, None)
            merged = overlay(merged, layer, deep=_DEEP)
        merged.location = raw.location
        return merged

    def _overrides(self, section: str) -> Map:
        overrides = self.chosen.get("overrides") if self.chosen is not None else None
        found = overrides.get(section) if isinstance(overrides, Map) else None
        return found if isinstance(found, Map) else Map(Location("", 0, 0))

    def _overrides_known(self, section: str, locations: Mapping[str, Location]) -> None:
        overrides = self._overrides(section)
        for name in overrides:
            if name not in locations:
                path = f"environments.{self.environment}.overrides.{section}.{name}"
                fact = f"{path}: nothing to override"
                self.say("unknown_name", fact, overrides.at(name), _meant(name, tuple(locations)))


def _without_secrets(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """The diagnostics, none with a line in which a secret stands in clear."""
    lines = {(f.location.file, f.location.line) for f in diagnostics if f.location and _in_clear(f)}
    for diagnostic in diagnostics:
        message, hint = (
            checks.without_literals(text) for text in (diagnostic.message, diagnostic.hint)
        )
        location = diagnostic.location
        if location and (location.file, location.line) in lines:
            location = replace(location, text="")
        yield replace(diagnostic, message=message, hint=hint, location=location)


def _in_clear(diagnostic: Diagnostic) -> bool:
    text = diagnostic.location.text if diagnostic.location else ""
    return diagnostic.code == "literal_secret" or checks.literal_secret(text) is not None


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


def _meant(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, 1, 0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(known)}" if known and len(known) <= _LISTED else ""


def _keys(model: type[spec.Spec], trail: Sequence[object]) -> tuple[str, ...]:
    """The keys that are known at a trail below a model."""
    schema = spec.json_schema()
    definitions = schema["$defs"]
    node: Any = schema if model is spec.FileSpec else definitions[model.__name__]
    for step in trail:
        node = _below(node, step, definitions)
    return tuple(node.get("properties", {}))


def _below(node: Any, step: object, definitions: Any) -> Any:
    child = (
        node.get("properties", {}).get(step)
        or node.get("additionalProperties")
        or node.get("items")
        or {}
    )
    for option in [child, *child.get("anyOf", ())]:
        if "$ref" in option:
            return definitions[option["$ref"].rpartition("/")[2]]
        if "items" in option or isinstance(option.get("additionalProperties"), dict):
            return option
    return {}


def _variable_name(token: str) -> str:
    return (
        token.strip().removeprefix("${env.").partition("}")[0].partition("|")[0].partition(":-")[0]
    )
