"""The resources of the files in one environment, layer on layer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from qstash_sync.config import schema
from qstash_sync.config.build import Builder, Entry, is_selected
from qstash_sync.config.layers import Checker, Layer, meant, over
from qstash_sync.config.report import Path
from qstash_sync.config.tree import NOTHING, Document, Map, Value, line_and_column
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
        if not any(self._sections(section)):
            self._check_overrides(section, {})
            return None
        built: dict[str, Any] = {}
        for entry, layer in self._entries(section):
            resource = builder.build(entry, layer.spec) if layer else None
            if resource is not None:
                built[entry.name] = resource
            elif section == "schedules" and (
                layer is None or _may_be_there(layer, builder.environment)
            ):
                self._note_pause(entry, layer)
        return tuple(built[name] for name in sorted(built))

    def _note_pause(self, entry: Entry, layer: Layer | None) -> None:
        """Remember what the file says of the pause of a schedule that is wrong otherwise."""
        names: list[str | None] = [entry.name]
        paused: bool | None = None
        if layer:
            names += [layer.spec.id, layer.spec.was]
            paused = layer.spec.paused or (None if layer.hides_pause else False)
        self.unbuilt |= dict.fromkeys(filter(None, names), paused)

    def declared(self, section: str, environment: str) -> Iterator[str]:
        """The names of what may be there in an environment: what is wrong counts, too.

        A name may be a pattern: two entries that have the same one are two resources.
        """
        for file, entries in self._sections(section):
            for written, name in self._names(entries, section):
                layer = self._layers(file, section, name, entries[written], entries.at(written))
                is_any = "*" in name and self._is_overridden(section, name)
                if is_any or layer is None or _may_be_there(layer, environment):
                    yield name

    def _sections(self, section: str) -> Iterator[tuple[_File, Map]]:
        found = ((file, file.root.get(section)) for file in self.files)
        return ((file, entries) for file, entries in found if isinstance(entries, Map))

    def _entries(self, section: str) -> Iterator[tuple[Entry, Layer | None]]:
        """Every entry of a section, with its settings; None where they are wrong as a whole."""
        locations: dict[str, Location] = {}
        for file, entries in self._sections(section):
            for written, name in self._names(entries, section):
                location = entries.at(written)
                if section == "schedules" and name.startswith("x-"):
                    self._check_home(entries, written)
                    continue
                if name in locations:
                    self._twice((section, written), name, location, locations[name])
                    self.unbuilt[name] = None
                    continue
                locations[name] = location
                layer = self._layers(file, section, name, entries[written], location)
                trees, broken = (layer.trees, layer.broken) if layer else ((), frozenset[str]())
                yield (
                    Entry(section, name, location, trees, broken, self.report, file.left_behind),
                    layer,
                )
        self._check_overrides(section, locations)

    def _twice(self, path: Path, name: str, location: Location, first: Location) -> None:
        where = "here twice" if location.file == first.file else "in two files"
        what = "this name" if path[-1] == name else f"the name {name}"
        fact = f"{what} stands {where}, first in {first}"
        self.report.error("duplicate", path, fact, location, "rename one of them")

    def _layers(
        self, file: _File, section: str, name: str, raw: Value, location: Location
    ) -> Layer | None:
        """The settings of an entry, layer on layer."""
        own = self.checker.layer(MODELS[section], raw, (section, name), location, file.frame)
        layer = self._overridden(section, name, own)
        return over(file.below, layer) if section == "schedules" else layer

    def _check_home(self, entries: Map, name: str) -> None:
        """An anchor's home is no schedule; one without an anchor may be meant for one."""
        raw, (line, _) = entries[name], line_and_column(entries.mark_of(name))
        is_like_one = isinstance(raw, Map) and "cron" in raw
        if is_like_one and "&" not in entries.origin.lines[line]:
            fact = "is no schedule, and never fires: a name that begins with x- is an anchor's home"
            path = ("schedules", name)
            self.report.warning("home", path, fact, entries.at(name), "give it another name")

    def _overrides_by_name(self) -> Map:
        result = self.overridden
        for section, entries in self.overridden.items():
            if isinstance(entries, Map):
                result = result.replaced(section, self._by_name(entries, section))
        return result

    def _by_name(self, entries: Map, section: str) -> Map:
        """The overrides of a section by names in which no variable stands any more."""
        result = Map(entries.origin, entries.mark)
        result.dynamic = entries.dynamic
        path = (*self.path, "overrides", section)
        for written, name in self._names(entries, section, path):
            if name in result:
                self._twice((*path, written), name, entries.at(written), result.at(name))
                continue
            result[name] = entries[written]
            result.marks[name] = entries.marks[written]
        return result

    def _names(
        self, entries: Map, section: str, path: Path | None = None
    ) -> Iterator[tuple[str, str]]:
        """Each key, and the name in which no variable stands any more.

        So a preview has queues, groups and keys of its own. A schedule's name is not sent: its id
        has the namespace, which may hold a variable.
        """
        if section == "schedules" or not any("${" in written for written in entries):
            yield from zip(entries, entries, strict=True)
            return
        for written in entries:
            place = (*(path or (section,)), written)
            name = self.checker.scope.name(written, entries.at(written), place)
            if name is not None:
                yield written, name

    def _is_overridden(self, section: str, name: str) -> bool:
        names = self.overridden.get(section)
        return isinstance(names, Map) and name in names

    def _overridden(self, section: str, name: str, layer: Layer | None) -> Layer | None:
        if not self._is_overridden(section, name):
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


def _may_be_there(layer: Layer, environment: str | None) -> bool:
    """Whether a resource is there in an environment; one whose selection is wrong may be."""
    is_open = not layer.broken.isdisjoint(("only", "except"))
    return is_open or is_selected(layer.spec, environment)


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
