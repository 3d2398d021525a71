"""From files to one environment's `Config`: parse, interpolate, validate, merge, build.

files --parse--> documents, each value with its position --interpolate--> values and secrets
      --schema--> checked types --environment: layers merged--> one entry each --build--> Desired
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from qstash_sync.config.environment import NO_ENVIRONMENT, Account, Config, Environment, Neighbour
from qstash_sync.config.interpolate import Scope
from qstash_sync.config.layers import misplaced
from qstash_sync.config.literals import told_once, without_secrets, without_words_of
from qstash_sync.config.made_up import whatever_it_is
from qstash_sync.config.missing import Missing
from qstash_sync.config.parse import read
from qstash_sync.config.redacted import Redacted
from qstash_sync.config.report import Report
from qstash_sync.config.resources import SECTIONS
from qstash_sync.config.sources import Source, gather
from qstash_sync.config.tree import Document, Map, Value, texts
from qstash_sync.config.wrong import NOT_HERE
from qstash_sync.errors import ConfigError, UnknownNameError
from qstash_sync.model.diagnostics import Diagnostic, Fixed, Location, Severity, in_order
from qstash_sync.model.secret_shapes import kind_in, might_hold_secret

__all__ = ["Account", "Config", "Files", "Source", "gather", "load"]

MAX_ENVIRONMENTS = 200  # `validate` builds each, and each looks at all

_UNREADABLE = ("yaml", "not_text")  # codes of a file that could not be read
# Of what is not there, and perhaps stands in such a file.
_ELSEWHERE = {NO_ENVIRONMENT, "missing", "unknown_environment", "unknown_name", "variable"}
_SINGLE = (
    "namespace", "namespace_was", "vars", "owns", "limits", "protect", "environments",
    "allow_private",
)  # fmt: skip


def load(
    sources: Sequence[Source],
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str],
    missing: Missing = Missing.ERROR,
) -> Config:
    """Build one environment; raises `ConfigError` with every diagnostic at once."""
    files = Files(sources)
    config, diagnostics = files.build(environment, variables or {}, environ, missing)
    if config is None:
        raise files.failure(diagnostics)
    return config


class Files:
    """The parsed files, before an environment is chosen.

    one_account: all environments are in one, as in a local server, whatever they say.
    """

    def __init__(self, sources: Sequence[Source], *, one_account: bool = False) -> None:
        self.one_account = one_account
        self.report = Report()
        self.documents: list[Document] = []
        self.top: dict[str, tuple[Value, Location]] = {}
        self.neighbours: dict[str, Neighbour] = {}  # environments, as they were asked for
        self.is_whole = True  # each of them could be read
        there = weakref.ref(self)  # a location, which outlives this, has no need of the trees
        self.redacted = Redacted(sources, lambda: files.documents if (files := there()) else None)
        for source in sources:
            if source.no_text:
                place = Location(source.name, *source.no_text)
                self.report.error("not_text", (), "not UTF-8 text", place, "save it as UTF-8")
                self.is_whole = False
                continue
            document = read(source.text, name=source.name, folder=source.folder, report=self.report)
            if document is None:
                self.is_whole = False
            else:
                self._literal_secrets(source, document)
                self.documents.append(replace(document, root=self._top_level(document.root)))
                document.root.origin.hidden_lines = partial(self.redacted.of, source.name)
        self.report[:] = self._without_what_is_redacted(sources)
        found, at = self.top.get("environments", (None, None))
        if isinstance(found, Map) and len(found) > MAX_ENVIRONMENTS:
            fact = f"{len(found):,} environments; {MAX_ENVIRONMENTS} can be checked in one run"
            self.report.error("limit", ("environments",), fact, at, "split them over files")
            found = self.top.pop("environments")[0].like()
        self.environments: Map | None = found if isinstance(found, Map) else None

    def _is_redacted(self, location: Location) -> bool:
        return location.line in self.redacted.of(location.file)

    def _without_what_is_redacted(self, sources: Sequence[Source]) -> Iterator[Diagnostic]:
        """What was said while the files were read, when nobody knew yet what is redacted."""
        texts = {source.name: source.text.splitlines() for source in sources if self.report}
        for one in [*self.report]:
            at = one.location
            if at and self._is_redacted(at):
                yield without_words_of(texts[at.file][at.line - 1], one)
            else:
                yield one

    def _literal_secrets(self, source: Source, document: Document) -> None:
        if not might_hold_secret(source.text):
            return
        hint = Fixed("take it from ${env.NAME}, and replace it: it has been in a file")
        for path, text, location in texts(document.root):
            if kind := kind_in(text):
                self.report.error("literal_secret", path, f"{kind} in clear", location, hint)

    def _top_level(self, root: Map) -> Map:
        """The root without what stands for nothing: `x-…` keys, and keys without a value."""
        if "version" not in root:
            fact, hint = "this key is missing", "start with: version: 1"
            self.report.error("missing", ("version",), fact, root.location, hint)
        dropped = [key for key in root if key.startswith("x-")]
        for key, value in root.items():
            if value is None and key in SECTIONS:
                ways = (
                    f"write `{key}: {{}}` for none of ours, or remove the line to leave them alone"
                )
                hint = misplaced(root, key) or ways  # {} would delete what is beside it
                self.report.error("null", (key,), "this section is empty", root.at(key), hint)
                dropped.append(key)
            elif value is None and key in (*_SINGLE, "defaults"):
                hint = "give it one or remove the line"
                self.report.error("null", (key,), "this key has no value", root.at(key), hint)
                dropped.append(key)
            elif key in self.top:
                fact = f"stands in two files, first in {self.top[key][1]}"
                self.report.error("duplicate", (key,), fact, root.at(key), "keep it in one file")
            elif key in _SINGLE:
                self.top[key] = (value, root.at(key))
        return root.without(*dropped)

    def bodies(self, variables: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[str]:
        """The files that `body_file` names, in any environment."""
        scopes: list[Scope] = []
        for document in self.documents:
            for path, text, location in texts(document.root):
                if path[-1:] != ("body_file",) or text == path[-1]:  # keys come along
                    continue
                if "${" not in text:
                    yield str(Path(document.folder, text))
                    continue
                scopes = scopes or [*self._scopes(variables, environ)]
                found = (scope.resolve(text, location, path) for scope in scopes)
                yield from (str(Path(document.folder, n)) for n in found if isinstance(n, str))

    def _scopes(self, variables: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Scope]:
        for name in self.names() or (None,):
            chosen = Environment(
                self.documents, self.top, name, variables, environ=environ, missing=Missing.MOCK
            )
            yield chosen.scope

    def names(self) -> tuple[str, ...]:
        """The environments in the order of the file."""
        return tuple(self.environments or ())

    def failure(self, found: tuple[Diagnostic, ...]) -> ConfigError:
        """What errors make of a run: an environment that is not there, or not said, is wrong usage.

        A file that has none at all may have them under a wrong key.
        """
        found = self.certain(found)
        errors = {d.code for d in found if d.severity is Severity.ERROR}
        is_wrong = NO_ENVIRONMENT in errors and bool(self.names() or len(errors) == 1)
        return (UnknownNameError if is_wrong else ConfigError)(found)

    def certain(self, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """Without what may only follow from a file that cannot be read; that comes first."""
        if self.is_whole:
            return found
        left = (d for d in found if d.code not in _ELSEWHERE)
        return tuple(sorted(left, key=lambda d: d.code not in _UNREADABLE))

    def build(
        self,
        environment: str | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
        missing: Missing = Missing.ERROR,
    ) -> tuple[Config | None, tuple[Diagnostic, ...]]:
        """One environment's config, or None and why; warnings come along either way."""
        config, diagnostics = self.attempt(environment, variables, environ, missing)
        if config is None or any(d.severity is Severity.ERROR for d in diagnostics):
            return None, self.certain(diagnostics)
        return replace(config, warnings=diagnostics), diagnostics

    def config(
        self,
        environment: str | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
        missing: Missing = Missing.ERROR,
    ) -> Config:
        """The same; raises `ConfigError` with every diagnostic."""
        config, found = self.build(environment, variables, environ, missing)
        if config is None:
            raise self.failure(found)
        return config

    def attempt(
        self,
        environment: str | None,
        variables: Mapping[str, str],
        environ: Mapping[str, str],
        missing: Missing = Missing.ERROR,
    ) -> tuple[Config | None, tuple[Diagnostic, ...]]:
        """What can be built in spite of errors; None only where no environment is chosen."""
        made = partial(
            Environment, top=self.top, name=environment, variables=variables, environ=environ
        )
        chosen = made(self.documents, missing=missing)
        config = chosen.config(self.neighbours, one_account=self.one_account)
        again = partial(made, missing=missing)
        certain = whatever_it_is(chosen.doubts(), again, self.documents)
        found = [*self.report, *chosen.diagnostics(), *certain]
        if chosen.scope.is_defaulted:  # what its variable may never be set to
            if_set = made(self.documents, missing=Missing.SET)
            if_set.check()
            found += [d for d in if_set.diagnostics() if d.code == NOT_HERE and d not in found]
        return config, tuple(without_secrets(in_order(told_once(found)), self._is_redacted))
