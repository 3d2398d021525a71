"""The resources of the files in one environment, layer on layer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qstash_sync.config import schema
from qstash_sync.config.build import Builder, Entry, is_selected
from qstash_sync.config.layers import Checker, Layer, meant, over
from qstash_sync.config.report import Path
from qstash_sync.config.tree import NOTHING, Document, Map, Value
from qstash_sync.config.types import Frame
from qstash_sync.model.diagnostics import Location
from qstash_sync.record import record

MODELS: dict[str, type[schema.Spec]] = {
    "url_groups": schema.UrlGroupSpec,
    "queues": schema.QueueSpec,
    "flow_controls": schema.FlowControlSpec,
    "schedules": schema.ScheduleSpec,
}
SECTIONS = tuple(MODELS)


@record()
class _File:
    """One file: its tree, what its checks must know, what its schedules lie on, and not on.

    left_behind: settings that the defaults of other files have and its own do not, by which file.
    """

    root: Map
    frame: Frame
    below: Layer | None
    left_behind: Mapping[str, str]


class Resources:
    """The resources of the files in one environment, layer on layer."""

    def __init__(
        self,
        checker: Checker,
        documents: Sequence[Document],
        own: Map,
        name: str | None,
        frame: Frame,
    ) -> None:
        self.checker = checker
        self.report = checker.report
        self.path: Path = ("environments", name or "")
        sections = ((d.folder, d.root.get("environments")) for d in documents)
        homes = (folder for folder, found in sections if isinstance(found, Map) and name in found)
        here = replace(frame, folder=next(homes, "."))
        defaults = self._layer(schema.ScheduleSpec, own, "defaults", self.path, here)
        overrides = own.get("overrides")
        self.overridden: Map = overrides if isinstance(overrides, Map) else NOTHING
        if self.overridden.dynamic:
            own = own.replaced("overrides", self._overrides_by_name())
            self.overridden = own["overrides"]
        self.overrides = self._layer(schema.OverridesSpec, own, "overrides", self.path, here)
        elsewhere = _holders(documents)
        self.unbuilt: dict[str, bool | None] = {}  # what it becomes: see `Desired`
        self.files: list[_File] = []
        for document in documents:
            there = replace(frame, folder=document.folder)
            below = self._layer(schema.ScheduleSpec, document.root, "defaults", (), there)
            self.files.append(
                _File(
                    root=document.root,
                    frame=there,
                    below=over(below, defaults),
                    left_behind=_left_behind(document.root, elsewhere),
                )
            )

    def _layer(
        self, model: type[schema.Spec], holder: Map, key: str, path: Path, frame: Frame
    ) -> Layer | None:
        """A layer that may be absent; None where it is wrong."""
        if holder.get(key) is None:
            return Layer(model(), ())
        return self.checker.layer(model, holder[key], (*path, key), holder.at(key), frame)

    def build(self, section: str, builder: Builder) -> tuple[Any, ...] | None:
        """Every resource of one kind from all files; None where no file has the section."""
        if not any(isinstance(file.root.get(section), Map) for file in self.files):
            return None
        built: dict[str, Any] = {}
        for entry, layer in self._entries(section):
            resource = builder.build(entry, layer.spec) if layer else None
            if resource is not None:
                built[entry.name] = resource
            elif section == "schedules" and _may_be_there(entry, layer, builder.environment):
                self._note_pause(entry, layer)
        return tuple(built[name] for name in sorted(built))

    def _note_pause(self, entry: Entry, layer: Layer | None) -> None:
        """Remember what the file says of the pause of a schedule that is wrong otherwise."""
        names: list[str | None] = [entry.name]
        paused: bool | None = None
        if layer:
            names += [layer.spec.id, layer.spec.was]
            # A key that is misspelt may be the one that says it.
            is_spelt = entry.broken.issubset(schema.ScheduleSpec.model_fields)
            is_said = is_spelt and not entry.is_broken("paused")
            paused = layer.spec.paused or (False if is_said else None)
        self.unbuilt |= dict.fromkeys(filter(None, names), paused)

    def declared(self, section: str, environment: str) -> Iterator[str]:
        """The names of what may be there in an environment: what is wrong counts, too."""
        for entry, layer in self._entries(section):
            if _may_be_there(entry, layer, environment):
                yield entry.name

    def _entries(self, section: str) -> Iterator[tuple[Entry, Layer | None]]:
        """Every entry of a section, with its settings; None where they are wrong as a whole."""
        locations: dict[str, Location] = {}
        for file in self.files:
            if not isinstance(file.root.get(section), Map):
                continue
            entries = self._named(file.root[section], (section,))
            for name, raw in entries.items():
                location = entries.at(name)
                if section == "schedules" and name.startswith("x-"):
                    self._check_home(name, raw, location)
                    continue
                if name in locations:
                    fact = f"this name stands in two files, first in {locations[name]}"
                    hint = "rename one of them"
                    self.report.error("duplicate", (section, name), fact, location, hint)
                    self.unbuilt[name] = None
                    continue
                locations[name] = location
                path = (section, name)
                own = self.checker.layer(MODELS[section], raw, path, location, file.frame)
                layer = self._overridden(section, name, own)
                if section == "schedules":
                    layer = over(file.below, layer)
                if entries.origin.hidden:  # its line may hold a secret, as is known now
                    location = entries.at(name)
                trees, broken = (layer.trees, layer.broken) if layer else ((), frozenset[str]())
                yield (
                    Entry(section, name, location, trees, broken, self.report, file.left_behind),
                    layer,
                )
        self._check_overrides(section, locations)

    def _check_home(self, name: str, raw: Value, location: Location) -> None:
        """An anchor's home is no schedule; one without an anchor may be meant for one."""
        is_like_one = isinstance(raw, Map) and "cron" in raw
        if is_like_one and "&" not in location.text:
            fact = "is no schedule, and never fires: a name that begins with x- is an anchor's home"
            path = ("schedules", name)
            self.report.warning("home", path, fact, location, "give it another name")

    def _overrides_by_name(self) -> Map:
        result = self.overridden
        for section, entries in self.overridden.items():
            if isinstance(entries, Map):
                path = (*self.path, "overrides", section)
                result = result.replaced(section, self._named(entries, path))
        return result

    def _named(self, entries: Map, path: Path) -> Map:
        """The same entries, by names in which no variable stands any more.

        So a preview has queues, groups and keys of its own. A schedule's name is not sent: its id
        has the namespace, which may hold a variable.
        """
        if path[-1] == "schedules" or not any("${" in name for name in entries):
            return entries
        result = Map(entries.origin, entries.mark)
        result.dynamic = entries.dynamic
        for written, value in entries.items():
            location = entries.at(written)
            name = self.checker.scope.name(written, location, (*path, written))
            if name is None:
                continue
            if name in result:
                fact = f"the name {name} stands here twice, first in {result.at(name)}"
                self.report.error("duplicate", (*path, written), fact, location, "rename one")
                continue
            result[name] = value
            result.marks[name] = entries.marks[written]
        return result

    def _overridden(self, section: str, name: str, layer: Layer | None) -> Layer | None:
        names = self.overridden.get(section)
        if not isinstance(names, Map) or name not in names:
            return layer
        if self.overrides is None or name not in getattr(self.overrides.spec, section):
            return None  # it is wrong
        spec = getattr(self.overrides.spec, section)[name]
        return over(layer, Layer(spec, (self.overrides.trees[0][section][name],)))

    def _check_overrides(self, section: str, known: Mapping[str, Location]) -> None:
        names = self.overridden.get(section)
        for name in names if isinstance(names, Map) else ():
            if name not in known:
                path = (*self.path, "overrides", section, name)
                at = self.overridden[section].at(name)
                hint = "" if self.report.is_long else meant(name, tuple(known))
                self.report.error("unknown_name", path, "nothing to override", at, hint)


def _may_be_there(entry: Entry, layer: Layer | None, environment: str | None) -> bool:
    """Whether a resource is there in an environment; what is wrong may be."""
    if layer is None or entry.is_broken("only", "except"):
        return True
    return is_selected(layer.spec, environment)


def _holders(documents: Sequence[Document]) -> dict[str, str]:
    """Each setting that the defaults of a file have, and the first such file."""
    holders: dict[str, str] = {}
    for document in documents:
        for key in _defaults(document.root):
            holders.setdefault(key, document.root.origin.name)
    return holders


def _left_behind(root: Map, holders: Mapping[str, str]) -> dict[str, str]:
    own = set(_defaults(root))
    return {key: name for key, name in holders.items() if key not in own}


def _defaults(root: Map) -> Iterator[str]:
    found = root.get("defaults")
    for key, value in found.items() if isinstance(found, Map) else ():
        if value is not None:
            yield key
