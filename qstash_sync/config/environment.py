"""One environment of the files: which it is, its settings, its account and its resources."""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from qstash_sync.config import schema
from qstash_sync.config.build import Builder, check_identities, desired
from qstash_sync.config.elsewhere import KINDS, shares_account
from qstash_sync.config.in_clear import Hider
from qstash_sync.config.interpolate import MADE_UP, UNSET, UNSET_PLAIN, Scope, is_text
from qstash_sync.config.layers import LISTED, Checker, Layer, in_wrong_column, meant
from qstash_sync.config.literals import IN_CLEAR
from qstash_sync.config.missing import Missing
from qstash_sync.config.report import Path, Report
from qstash_sync.config.resources import SECTIONS, Resources
from qstash_sync.config.tree import NOTHING, Document, Loose, Map, Value
from qstash_sync.config.types import NAMESPACE, Frame
from qstash_sync.config.wrong import NOT_HERE, type_name
from qstash_sync.model import addresses
from qstash_sync.model.addresses import KEY_VARIABLES, TOKEN_VARIABLE
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import Desired, Key, Secret
from qstash_sync.model.secret_shapes import TOKENS
from qstash_sync.planning.known_secrets import KnownSecrets
from qstash_sync.record import record


@record(kw_only=True)
class Account:
    """Where the file says its account is; None is left to the environment variables."""

    token: Secret | None = None
    region: str | None = None
    url: str | None = None
    user: str | None = None
    token_from: str | None = None  # the variable that `token` names
    location: Location | None = None


@record(kw_only=True)
class Config:
    """One environment of the files, ready to be compared; warnings are not errors."""

    desired: Desired
    account: Account
    environments: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)  # to be masked in QStash's words


@record()
class Neighbour:
    """What others leave alone of an environment: the same for each of them."""

    declared: tuple[Key, ...]
    namespaces: tuple[tuple[str, str], ...]  # or the patterns of them, and whose they are


NO_ENVIRONMENT = "environment"  # a code: the one that is asked for is not there, or none is
# Of what follows at the same place.
_CAUSES = (UNSET, UNSET_PLAIN, "variable", "not_text", "interpolation")
_OF_KEYS = ("unknown_key", "refused_key")


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
        missing: Missing,
        shape: str = MADE_UP,
    ) -> None:
        self.documents = documents
        self.raw_top = top
        self.name = name
        self.environ = environ
        self.report = Report()
        found = top.get("environments", (None, None))[0]
        self.environments: Map | None = found if isinstance(found, Map) else None
        self.names = tuple(self.environments or ())
        self.is_certain = self._is_chosen()
        own = (self.environments or NOTHING).get(name or "")
        self.own: Map = own if isinstance(own, Map) else NOTHING
        self.top: dict[str, Any] = {}  # the top level as it was checked, by key
        tokens = self._tokens(environ)
        self.scope = Scope({}, environ, missing, shape, self.report, tokens=tokens)
        self.scope.variables = self._variables(variables)
        self.checker = Checker(self.scope, self.report)

    def diagnostics(self) -> list[Diagnostic]:
        """What was found, but for what may be about a value that is not the real one anyway."""
        mocked = self.scope.mocked
        barred = {d.location for d in self.report if d.code == NOT_HERE}  # to set it is no help
        told = (
            d for d in self.report
            if (d.code in _CAUSES and d.location not in barred)
            or d.code == NOT_HERE or d.location not in mocked
        )  # fmt: skip
        return self._masked(told)

    def doubts(self, places: Collection[Location | None] | None = None) -> list[Diagnostic]:
        """The errors that may be about a made-up value: at its place, and of no cause told there.

        Of a value that may be of any type only what is about the key. places: to look at, if not
        at those of all such values.
        """
        lost, at = self.scope.lost, self.scope.mocked if places is None else places
        return self._masked(
            d for d in self.report
            if d.severity is Severity.ERROR and d.location in at
            and d.code not in _CAUSES and d.code != NOT_HERE
            and (d.location not in lost or d.code in _OF_KEYS)
        )  # fmt: skip

    def _masked(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        known = KnownSecrets(self.scope.secrets)
        return [known.in_diagnostic(diagnostic) for diagnostic in diagnostics]

    def _is_chosen(self) -> bool:
        name, names = self.name, self.names
        fact = hint = ""
        if self.environments is None and name is not None:
            fact = f"-e {name}: the file has no environments section"
        elif self.environments is not None and name is None:
            ways = " or ".join(f"-e {shlex.quote(one)}" for one in names)
            fact = "the file has environments: say which"
            hint = ways if len(names) <= LISTED else "-e NAME"
        elif self.environments is not None and name not in names:
            fact, hint = f"-e {name}: no such environment", meant(name or "", names)
        if fact:
            self.report.error(NO_ENVIRONMENT, (), fact, None, hint)
        return not fact

    def _variables(self, given: Mapping[str, str]) -> dict[str, tuple[Value, Location | None]]:
        result: dict[str, tuple[Value, Location | None]] = {}
        hider = Hider(self.scope, self.report)
        places: tuple[Path, Path] = (("vars",), ("environments", self.name or "", "vars"))
        layers = self.raw_top.get("vars", (None,))[0], self.own.get("vars")
        for layer, path in zip(layers, places, strict=True):
            if isinstance(layer, Map):
                hidden = hider.data(layer, path)
                result.update({key: (hidden[key], layer.at(key)) for key in layer})
        for name, value in given.items():
            if not is_text(value):
                self.report.error("variable", (), f"--var {name}: is not UTF-8 text", None)
            if holder := self.scope.holder_of_token("", value):
                fact = f"--var {name}: holds the token of {holder}, and variables are shown"
                self.report.error("never_plain", (), fact, None, f"write ${{env.{holder}}}")
        return {**result, **{key: (Loose(value), None) for key, value in given.items()}}

    def _tokens(self, environ: Mapping[str, str]) -> frozenset[str]:
        """The variables that hold a token of this or another run, or a signing key."""
        own = (
            raw.get("token") for raw in (self.environments or {}).values() if isinstance(raw, Map)
        )
        named = {found[1] for token in own if (found := _named(token))}
        return frozenset(
            named
            | {name for name in environ if TOKENS.fullmatch(name)}
            | {TOKEN_VARIABLE, *KEY_VARIABLES}
        )

    def check(self) -> tuple[Desired, Account] | None:
        """Build it by itself, for what is wrong with it; None where it is not certain which."""
        for document in self.documents:
            self._head(document.root)
        for name, raw in (self.environments or {}).items():
            self._environment(name, raw)
        self._same_account()
        limits = self.top.get("limits")
        frame = Frame(
            environments=self.names,
            allow_private=self._may_be_private(),
            plan=limits.plan if limits else None,
        )
        account, namespace, former = self._account(frame)
        resources = Resources(self.checker, self.documents, self.own, self.name, frame)
        if not self.is_certain:
            return None
        builder = Builder(namespace, former, self.name, frame, self.scope)
        built = {section: resources.build(section, builder) for section in SECTIONS}
        check_identities(built["schedules"] or (), namespace, self.report)
        found = desired(builder, self.top, built)
        return replace(found, unbuilt=resources.unbuilt), account

    def config(self, known: dict[str, Neighbour], *, one_account: bool) -> Config | None:
        """What can be built; None where it is not certain which environment is meant.

        known: what the other environments have, as far as one was asked for it. one_account: the
        run has one for all of them.
        """
        built = self.check()
        if built is None:
            return None
        found, account = built
        secrets = tuple(sorted(self.scope.secrets))
        elsewhere: dict[Key, str] = {}
        patterns: list[tuple[Key, str]] = []
        neighbours: list[tuple[str, str]] = []
        for name, is_beside in self._others(one_account=one_account):
            if name not in known:
                known[name] = self._neighbour(name)
            neighbours += known[name].namespaces  # a mark tells, whatever account is said
            declared = known[name].declared if is_beside else ()
            patterns += ((key, name) for key in declared if "*" in key[1])
            elsewhere |= {key: name for key in declared if "*" not in key[1]}
        return Config(
            desired=replace(
                found,
                secrets=secrets,
                elsewhere=elsewhere,
                patterns=tuple(patterns),
                neighbours=tuple(neighbours),
            ),
            account=account,
            environments=self.names,
            secrets=secrets,
        )

    def _may_be_private(self) -> bool:
        """Whether private hosts are allowed; where that is made up, it may be."""
        location = self.raw_top.get("allow_private", (None, None))[1]
        return self.top.get("allow_private") is True or location in self.scope.mocked

    def _others(self, *, one_account: bool) -> Iterator[tuple[str, bool]]:
        """The other environments, and whether each may be of the same account."""
        for name, raw in (self.environments or {}).items():
            if name != self.name and isinstance(raw, Map):
                yield name, one_account or shares_account(self.own, raw)

    def _neighbour(self, name: str) -> Neighbour:
        """What another environment has as the file says it: not with the variables of this run."""
        other = Environment(
            self.documents, self.raw_top, name, {}, environ=self.environ, missing=Missing.ANY
        )
        return Neighbour(tuple(other.declared()), tuple(other.namespaces()))

    def declared(self) -> Iterator[Key]:
        """Names or patterns of names of the kinds without a mark; what is wrong counts, too."""
        frame = Frame(environments=self.names)
        resources = Resources(self.checker, self.documents, self.own, self.name, frame)
        for section, kind in KINDS.items():
            yield from ((kind, one) for one in resources.declared(section, self.name or ""))

    def namespaces(self) -> Iterator[tuple[str, str]]:
        """Its namespace, and the one that this replaces, or the patterns of them; and its name."""
        for key in ("namespace", "namespace_was"):
            text = self.own.get(key, self.raw_top.get(key, (None,))[0])
            if isinstance(text, str):
                yield str(self.scope.resolve(text, self.own.location, (key,))), self.name or ""

    def _head(self, root: Map) -> None:
        """Check a file's top level; sections and environments have their own turn."""
        head = root.without(*SECTIONS, "defaults", "environments", "vars")
        if "version" not in root:  # which is told; the rest is checked as if it were there
            head = head.replaced("version", 1)
        found = self.checker.layer(schema.HeadSpec, head, (), root.location, Frame())
        if found:
            self.top |= {key: getattr(found.spec, key) for key in found.spec.model_fields_set}
        for key in ("environments", "vars", *SECTIONS):
            if key in root and not isinstance(root[key], Map):
                fact = f"must be a mapping, not {type_name(root[key])}"
                hint = f"each has a name: write {key}: {{NAME: …}}" if key in SECTIONS else ""
                self.report.error("type", (key,), fact, root.at(key), hint)

    def _environment(self, name: str, raw: Value) -> None:
        """Check what must be right of every environment, whichever is chosen."""
        path = ("environments", name)
        if not isinstance(raw, Map):
            fact = f"must be a mapping, not {type_name(raw)}"
            hint = "write {} for an environment like the rest" if raw is None else ""
            location = (self.environments or NOTHING).at(name)
            self.report.error("type", path, fact, location, hint)
            return
        if not isinstance(raw.get("vars"), Map | None):
            fact = f"must be a mapping, not {type_name(raw['vars'])}"
            self.report.error("type", (*path, "vars"), fact, raw.at("vars"))
        token = raw.get("token")
        named = _named(token)
        if "token" in raw and not (isinstance(token, str) and token.strip().startswith("${env.")):
            variable = f"{name.upper().replace('-', '_')}_QSTASH_TOKEN"
            hint = f"name the variable that holds it: token: ${{env.{variable}}}"
            at = raw.at("token")
            self.report.error(IN_CLEAR, (*path, "token"), "a literal token", at, hint)
        elif named and named["plain"]:
            self.scope.refuse_plain(named[1], raw.at("token"), (*path, "token"))
        known = tuple(schema.EnvironmentSpec.model_fields)
        for key in raw:
            if key not in known:
                hint = "" if self.report.is_long else meant(key, known)
                hint = in_wrong_column("environments", name, raw) or hint
                shown = raw.origin.shown_key(key)
                self.report.error("unknown_key", (*path, shown), "unknown key", raw.at(key), hint)

    def _same_account(self) -> None:
        """Two environments that would manage the same ids are a mistake, whichever is chosen."""
        seen: dict[tuple[object, ...], str] = {}
        for name, raw in (self.environments or {}).items():
            if not isinstance(raw, Map):
                continue
            namespace = raw.get("namespace", self.raw_top.get("namespace", (None,))[0])
            named = (*(raw.get(key) for key in ("region", "url", "account", "token")), namespace)
            if not all(isinstance(value, str | None) for value in named):
                continue  # of a wrong type, which is told elsewhere
            where = (addresses.server_of(raw.get("url"), raw.get("region")), namespace)
            for identity in (("account", raw.get("account")), ("token", raw.get("token"))):
                if identity[1] is None and (identity[0] == "account" or raw.get("account")):
                    continue
                other = seen.setdefault((*identity, *where), name)
                if other != name:
                    fact = f"has the same account and namespace as {other}"
                    location = (self.environments or NOTHING).at(name)
                    hint = in_wrong_column("environments", name, raw)
                    hint = hint or "give one of them a namespace of its own"
                    path = ("environments", name)
                    self.report.error("same_account", path, fact, location, hint)
                    break

    def _account(self, frame: Frame) -> tuple[Account, str, str | None]:
        """The account of this environment, its namespace, and the one that it had before."""
        raw = self.own
        if raw is NOTHING:
            return Account(), self._namespace(None), self.top.get("namespace_was")
        path = ("environments", self.name or "")
        location = (self.environments or NOTHING).at(self.name or "")
        known = [key for key in raw if key in schema.AccountSpec.model_fields and key != "token"]
        shown = raw.without(*(key for key in raw if key not in known))
        found = self.checker.layer(schema.AccountSpec, shown, path, location, frame)
        spec = found.spec if found else schema.AccountSpec()
        account = Account(
            token=self._token(raw),
            region=spec.region,
            url=spec.url,
            user=spec.account,
            token_from=named[1] if (named := _named(raw.get("token"))) else None,
            location=raw.at("token"),
        )
        is_own = any(raw.get(key) is not None for key in ("namespace", "namespace_was"))
        former = spec.namespace_was if is_own else self.top.get("namespace_was")
        return account, self._namespace(found), former

    def _token(self, raw: Map) -> Secret | None:
        """The token, where it is known; a command that needs it says so otherwise."""
        token = raw.get("token")
        named = _named(token)
        if not named or not self.scope.environ.get(named[1]):
            return None
        path = ("environments", self.name or "", "token")
        found = self.scope.resolve(token, raw.at("token"), path)
        return found if isinstance(found, Secret) else None

    def _namespace(self, account: Layer | None) -> str:
        """The environment's namespace or the files'; `invalid` where a diagnostic says why not."""
        raw, location = self.raw_top.get("namespace", (None, None))
        found = self.top.get("namespace", raw)
        if self.own.get("namespace") is not None:
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


def _named(token: Value) -> re.Match[str] | None:
    """The variable that an environment's token comes from, as the first group."""
    form = r"\s*\$\{env\.(\w+)(?P<plain>[^}]*\|plain\s*\})?"
    return re.match(form, token) if isinstance(token, str) else None
