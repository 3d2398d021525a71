"""Desired x live -> plan: what to create, update or delete, why, and in which order.

    declared   live                          change
    yes        no                            create
    yes        ours, equal                   none
    yes        ours, only the pause differs  pause, resume
    yes        ours, differs                 update; reason by the mark: file, drift, both, clock
    yes        without our mark              refused, unless adopted (`id:`, --adopt)
    no         ours                          delete
    no         anything else                 none: unmanaged, counted, never touched

"Ours" is, for schedules, an id in the namespace and our mark; for the other kinds, which carry no
mark, a name that `owns` matches.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.core import diff, fields, mark, timing
from qstash_sync.core.diff import FieldChange
from qstash_sync.core.findings import Finding, Severity
from qstash_sync.core.limits import PLANS
from qstash_sync.core.model import (
    Desired,
    FlowControl,
    Kind,
    Live,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
    Queue,
    Schedule,
    UrlGroup,
)
from qstash_sync.core.steps import (
    DeleteQueue,
    DeleteSchedule,
    DeleteUrlGroup,
    PauseFlowControl,
    PauseSchedule,
    PinFlowControl,
    PutQueue,
    PutSchedule,
    SettleUrlGroup,
    Step,
    UnpinFlowControl,
)


class Action(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PAUSE = "pause"
    RESUME = "resume"


class Reason(StrEnum):
    """Why there is a change."""

    FILE = "file"
    DRIFT = "drift"
    BOTH = "both"
    CLOCK = "clock"
    ADOPT = "adopt"
    RENAME = "rename"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that will change; refused says why it will not, after all."""

    kind: Kind
    name: str
    id: str
    action: Action
    reason: Reason
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    refused: str | None = None

    @property
    def key(self) -> tuple[Kind, str]:
        """What tells it from every other change of a plan."""
        return self.kind, self.id

    @property
    def order(self) -> tuple[int, int, str]:
        """Groups, queues, flow controls, schedules; then deletes, the other way round."""
        rank = list(Kind).index(self.kind)
        return (1, -rank, self.name) if self.action is Action.DELETE else (0, rank, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an apply would do, in a total order; a value, not a mode."""

    environment: str | None
    namespace: str
    now: datetime
    tzdata: str
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    unmanaged: tuple[tuple[Kind, str], ...] = ()
    warnings: tuple[Finding, ...] = ()
    errors: tuple[Finding, ...] = ()
    rows: tuple[int, int] = (0, 0)  # schedules in the account, before and after

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do and nothing refused."""
        return not self.changes

    @property
    def summary(self) -> dict[str, int]:
        """Counts of resources; a pause is an update."""
        counts = Counter(
            {"pause": "update", "resume": "update"}.get(c.action, str(c.action))
            for c in self.changes
        )
        result = {key: counts[key] for key in ("create", "update", "delete")}
        return {**result, "unchanged": self.unchanged, "unmanaged": len(self.unmanaged)}


@dataclass(slots=True)
class _Work:
    """What is gathered while the kinds are compared."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    unmanaged: list[tuple[Kind, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, change: Change | None) -> None:
        if change is None:
            self.unchanged += 1
        else:
            self.changes.append(change)


def propose(
    desired: Desired, live: Live, *, now: datetime, adopt: Sequence[str] = (), tzdata: str
) -> Plan:
    """Compare and decide; raises nothing: what cannot be done is in the plan's errors."""
    work = _Work()
    work.findings += references(desired, live)
    _simple(work, Kind.URL_GROUP, desired, live)
    _simple(work, Kind.QUEUE, desired, live)
    _simple(work, Kind.FLOW_CONTROL, desired, live)
    if desired.schedules is not None:
        _Schedules(work, desired, live.schedules or (), now, tuple(adopt)).run()
    changes = sorted(work.changes, key=lambda change: change.order)
    changes = [_guarded(change, changes, desired, live) for change in changes]
    before = len(live.schedules or ())
    after = before + _row_balance(changes, live)
    work.findings += _guards(changes)
    work.findings += _too_many_deletes(desired, changes)
    work.findings += _limits(desired, live, changes, after)
    return Plan(
        environment=desired.environment,
        namespace=desired.namespace,
        now=now,
        tzdata=tzdata,
        changes=tuple(changes),
        unchanged=work.unchanged,
        unmanaged=tuple(sorted(work.unmanaged)),
        warnings=tuple(f for f in work.findings if f.severity is not Severity.ERROR),
        errors=tuple(f for f in work.findings if f.severity is Severity.ERROR),
        rows=(before, after),
    )


# References


def references(desired: Desired, live: Live) -> Iterator[Finding]:
    """Schedules that name a group, queue or key that is neither declared nor live."""
    groups = _names(desired.url_groups) | _names(live.url_groups)
    queues = _names(desired.queues) | _names(live.queues)
    flows = _names(desired.flow_controls) | _names(live.flow_controls)
    for schedule in desired.schedules or ():
        message = schedule.message
        if schedule.to_group and str(message.destination) not in groups:
            yield _dangling(schedule, "url_group", str(message.destination), groups)
        if message.queue is not None and message.queue not in queues:
            yield _dangling(schedule, "queue", message.queue, queues)
        use = message.flow_control
        if use and not (use.parallelism or use.rate) and use.key not in flows:
            yield _dangling(schedule, "flow_control", use.key, flows, " without limits of its own")


def _names(resources: Iterable[Any] | None) -> set[str]:
    return {resource.name for resource in resources or ()}


def _dangling(schedule: Schedule, key: str, name: str, known: set[str], more: str = "") -> Finding:
    from difflib import get_close_matches  # noqa: PLC0415 only on the way to an error

    close = get_close_matches(name, sorted(known), 1)
    section = f"{key}s"
    hint = f"did you mean {close[0]}?" if close else f"declare it under {section}"
    return Finding(
        code="reference",
        message=(
            f"schedules.{schedule.name}.{key}: {name}{more} is neither in the file "
            "nor in the account"
        ),
        place=schedule.place,
        hint=hint,
    )


# Kinds without a mark


def _simple(work: _Work, kind: Kind, desired: Desired, live: Live) -> None:
    """Compare one of the kinds that are told apart by name alone."""
    wanted, found, owned = {
        Kind.URL_GROUP: (desired.url_groups, live.url_groups, desired.owns.url_groups),
        Kind.QUEUE: (desired.queues, live.queues, desired.owns.queues),
        Kind.FLOW_CONTROL: (desired.flow_controls, live.flow_controls, desired.owns.flow_controls),
    }[kind]
    if wanted is None:
        return
    there: dict[str, Any] = {resource.name: resource for resource in found or ()}
    for resource in wanted:
        work.add(_SIMPLE[kind](resource, there.pop(resource.name, None)))
    for name, resource in sorted(there.items()):
        if any(fnmatchcase(name, pattern) for pattern in owned):
            change = _removal(kind, resource)
            if change:
                work.changes.append(change)
        elif kind is not Kind.FLOW_CONTROL:
            work.unmanaged.append((kind, name))


def _group(group: UrlGroup, live: LiveUrlGroup | None) -> Change | None:
    view = fields.of_group(group)
    before = fields.of_group(live) if live else fields.View({"endpoints": {}}, {})
    changed = diff.compare(before, view)
    if live and not changed:
        return None
    action = Action.UPDATE if live else Action.CREATE
    return _change(Kind.URL_GROUP, group, action, changed, (SettleUrlGroup(group=group),))


def _queue(queue: Queue, live: LiveQueue | None) -> Change | None:
    paused = queue.paused if queue.paused is not None else bool(live and live.paused)
    put = PutQueue(name=queue.name, parallelism=queue.parallelism, paused=paused)
    empty = fields.View({}, {})
    changed = diff.compare(fields.of_queue(live) if live else empty, fields.of_queue(queue))
    pause = _pause_field(live.paused if live else None, paused)
    if live is None:
        return _change(Kind.QUEUE, queue, Action.CREATE, (*changed, *pause), (put,))
    return _change_or_pause(Kind.QUEUE, queue, changed, pause, (put,))


def _flow(flow: FlowControl, live: LiveFlowControl | None) -> Change | None:
    empty = fields.View({}, {})
    changed = diff.compare(
        fields.of_flow_control(live) if live else empty, fields.of_flow_control(flow)
    )
    was_paused = live.paused if live else False
    paused = flow.paused if flow.paused is not None else was_paused
    pause = _pause_field(was_paused, paused)
    steps: list[Step] = []
    paths = {change.path for change in changed}
    release = UnpinFlowControl(
        name=flow.name,
        parallelism="parallelism" in paths and flow.parallelism is None,
        rate="rate" in paths and flow.rate is None,
    )
    if release.parallelism or release.rate:
        steps.append(release)
    if paths and (flow.parallelism is not None or flow.rate is not None):
        steps.append(
            PinFlowControl(
                name=flow.name, parallelism=flow.parallelism, rate=flow.rate, period=flow.period
            )
        )
    if pause:
        steps.append(PauseFlowControl(name=flow.name, paused=paused))
    if not steps:
        return None
    if live is None:
        return _change(Kind.FLOW_CONTROL, flow, Action.CREATE, (*changed, *pause), tuple(steps))
    return _change_or_pause(Kind.FLOW_CONTROL, flow, changed, pause, tuple(steps))


_SIMPLE: dict[Kind, Any] = {Kind.URL_GROUP: _group, Kind.QUEUE: _queue, Kind.FLOW_CONTROL: _flow}


def _pause_field(before: bool | None, after: bool | None) -> tuple[FieldChange, ...]:  # noqa: FBT001 two states of one setting
    if bool(before) == bool(after):
        return ()
    return (FieldChange(path="paused", before=before, after=after),)


def _change(
    kind: Kind,
    resource: Any,
    action: Action,
    changed: tuple[FieldChange, ...],
    steps: tuple[Step, ...],
) -> Change:
    return Change(
        kind=kind,
        name=resource.name,
        id=resource.name,
        action=action,
        reason=Reason.FILE,
        fields=changed,
        steps=steps,
    )


def _change_or_pause(
    kind: Kind,
    resource: Any,
    changed: tuple[FieldChange, ...],
    pause: tuple[FieldChange, ...],
    steps: tuple[Step, ...],
) -> Change | None:
    if not changed and not pause:
        return None
    action = Action.UPDATE if changed else (Action.PAUSE if pause[0].after else Action.RESUME)
    return _change(kind, resource, action, (*changed, *pause), steps)


def _removal(kind: Kind, live: Any) -> Change | None:
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    if kind is Kind.URL_GROUP:
        steps, notes = (DeleteUrlGroup(name=live.name),), (f"{len(live.endpoints)} endpoints",)
    elif kind is Kind.QUEUE:
        steps, notes = (DeleteQueue(name=live.name),), (f"{live.lag} waiting",)
    else:
        pinned = live.parallelism is not None, live.rate is not None
        if not any(pinned):
            return None
        steps = (UnpinFlowControl(name=live.name, parallelism=pinned[0], rate=pinned[1]),)
        notes = ("unpinned: a key cannot be deleted, and a pause stays",)
    change = _change(kind, live, Action.DELETE, (), steps)
    return replace(change, notes=notes)


# Schedules


class _Schedules:
    """Compares the declared schedules with the live parts, by id and mark."""

    def __init__(
        self,
        work: _Work,
        desired: Desired,
        live: tuple[LiveSchedule, ...],
        now: datetime,
        adopt: tuple[str, ...],
    ) -> None:
        self.work = work
        self.desired = desired
        self.now = now
        self.adopt = adopt
        self.scope = mark.scope(desired.namespace, desired.environment)
        self.parts = {part.id: part for part in live}
        self.marks = {part.id: mark.parse(part.message.labels) for part in live}

    def run(self) -> None:
        """Every declared schedule, then what is left of ours, then the rest."""
        claimed: set[str] = set()
        for schedule in self.desired.schedules or ():
            found = self._live_parts(schedule.id)
            claimed |= {part.id for part in found}
            if schedule.was and not found:
                old = self._live_parts(f"{self.desired.namespace}.{schedule.was}")
                if old and self._ours(old[0]):
                    claimed |= {part.id for part in old}
                    self.work.add(self._spared(schedule, self._rename(schedule, old)))
                    continue
            self.work.add(self._spared(schedule, self._one(schedule, found)))
        rest = [part for part_id, part in sorted(self.parts.items()) if part_id not in claimed]
        gone: dict[str, list[LiveSchedule]] = {}
        for part in rest:
            if self._ours(part):
                gone.setdefault(self._base(part), []).append(part)
            else:
                self.work.unmanaged.append((Kind.SCHEDULE, part.id))
        for base, parts in gone.items():
            self.work.changes.append(self._delete(base, parts))

    def _live_parts(self, base: str) -> list[LiveSchedule]:
        """The first part and `.2`, `.3`, …, in order of their number."""
        found = [self.parts[base]] if base in self.parts else []
        prefix = f"{base}."
        more = [
            (int(part_id.removeprefix(prefix)), part)
            for part_id, part in self.parts.items()
            if part_id.startswith(prefix)
            and part_id.removeprefix(prefix).isdecimal()
            and self._is_part(part_id)
        ]
        return found + [part for _, part in sorted(more, key=lambda item: item[0])]

    def _is_part(self, part_id: str) -> bool:
        """A numbered id is one of our parts only with our mark."""
        found = self.marks[part_id]
        return found is not None and found.scope == self.scope

    def _ours(self, part: LiveSchedule) -> bool:
        """An id in the namespace and our mark: labels alone can be copied to any schedule."""
        return part.id.startswith(f"{self.desired.namespace}.") and self._is_part(part.id)

    def _base(self, part: LiveSchedule) -> str:
        head, _, tail = part.id.rpartition(".")
        return head if tail.isdecimal() and head != self.desired.namespace else part.id

    def _name(self, base: str) -> str:
        return base.removeprefix(f"{self.desired.namespace}.")

    def _one(self, schedule: Schedule, found: list[LiveSchedule]) -> Change | None:
        if not found:
            return self._create(schedule)
        foreign = [part for part in found if not self._is_part(part.id)]
        if foreign and not schedule.adopted and not self._may_take(schedule):
            return self._refuse(schedule, foreign[0])
        return self._compare(schedule, found, adopting=bool(foreign))

    def _spared(self, schedule: Schedule, change: Change | None) -> Change | None:
        """The change, or a refusal where a further part would overwrite what is not ours."""
        if change is None or change.refused or self._may_take(schedule):
            return change
        for step in change.steps:
            if not isinstance(step, PutSchedule) or step.id == schedule.id:
                continue
            if step.id in self.parts and not self._is_part(step.id):
                return self._refuse(schedule, self.parts[step.id])
        return change

    def _may_take(self, schedule: Schedule) -> bool:
        return any(fnmatchcase(schedule.name, pattern) for pattern in self.adopt)

    def _refuse(self, schedule: Schedule, part: LiveSchedule) -> Change:
        found = self.marks[part.id]
        fact = (
            "carries the mark of another environment or namespace"
            if found
            else "has no mark of ours: it is the application's own, or somebody has overwritten it"
        )
        return self._change(
            schedule,
            Action.UPDATE,
            Reason.ADOPT,
            refused=f"{part.id} {fact}; take it over with --adopt {schedule.name}, or rename yours",
        )

    def _create(self, schedule: Schedule) -> Change:
        made = timing.compiled(schedule, self.now)
        if isinstance(made, Finding):
            return self._impossible(schedule, made, Action.CREATE)
        paused = bool(schedule.paused)
        crons = {schedule.part_id(k): cron for k, cron in enumerate(made, 1)}
        view = fields.of_message(schedule.message)
        changed = diff.compare(fields.View({}, {}), view)
        changed = (*timing.created_fields(schedule), *changed, *_pause_field(None, paused))
        return self._change(
            schedule,
            Action.CREATE,
            Reason.FILE,
            fields=changed,
            notes=timing.created_notes(schedule, made),
            steps=tuple(self._writes(schedule, crons, paused=paused, fresh=True)),
        )

    def _impossible(self, schedule: Schedule, finding: Finding, action: Action) -> Change:
        self.work.findings.append(finding)
        return self._change(schedule, action, Reason.FILE, refused=finding.message)

    def _change(self, schedule: Schedule, action: Action, reason: Reason, **more: Any) -> Change:
        return Change(
            kind=Kind.SCHEDULE,
            name=schedule.name,
            id=schedule.id,
            action=action,
            reason=reason,
            **more,
        )

    def _writes(
        self, schedule: Schedule, crons: dict[str, str], *, paused: bool, fresh: bool = False
    ) -> Iterator[Step]:
        """Each part's full definition, then its pause, which an upsert may keep or reset."""
        for number, (part_id, cron) in enumerate(crons.items(), 1):
            label = mark.make(
                schedule,
                cron,
                part=number,
                parts=len(crons),
                paused=paused,
                namespace=self.desired.namespace,
                environment=self.desired.environment,
            )
            names = (str(label), mark.name_label(self.desired.namespace, schedule.name))
            labels = (*names, *schedule.message.labels)
            yield PutSchedule(id=part_id, cron=cron, message=schedule.message, labels=labels)
            if paused or not fresh:
                yield PauseSchedule(id=part_id, paused=paused)

    def _compare(
        self, schedule: Schedule, found: list[LiveSchedule], *, adopting: bool
    ) -> Change | None:
        when = timing.compare(schedule, found, [self.marks[p.id] for p in found], self.now)
        if isinstance(when, Finding):
            return self._impossible(schedule, when, Action.UPDATE)
        settings = self._settings(schedule, found)
        file_moved, live_moved = self._moved(schedule, found, adopting=adopting)
        secret = (
            () if settings or when.changed else self._write_only(schedule, found, adopting=adopting)
        )
        live_paused = any(part.paused for part in found)
        paused = schedule.paused if schedule.paused is not None else live_paused
        partly = live_paused and not all(part.paused for part in found)
        pause = _pause_field(live_paused, paused)
        if partly and paused and schedule.paused is not None:
            pause = (FieldChange(path="paused", before="partly", after=True),)
        if partly and schedule.paused is None:
            self._warn_partly(schedule, found)
        changed = (*when.fields, *settings, *secret)
        if not changed and not pause:
            return None
        if not changed:
            action = Action.PAUSE if paused else Action.RESUME
            pauses = tuple(
                PauseSchedule(id=p.id, paused=paused) for p in found if p.paused != paused
            )
            reason = Reason.FILE if schedule.paused is not None else Reason.DRIFT
            return self._change(schedule, action, reason, fields=pause, steps=pauses)
        crons = timing.assign(schedule, when.crons, found)
        surplus = [part for part in found if part.id not in crons]
        steps: tuple[Step, ...] = tuple(self._writes(schedule, crons, paused=paused))
        steps += tuple(DeleteSchedule(id=part.id) for part in surplus)
        reason = _reason(
            when,
            settings or secret,
            file_moved=file_moved,
            live_moved=live_moved,
            adopting=adopting,
        )
        return self._change(
            schedule,
            Action.UPDATE,
            reason,
            fields=(*changed, *pause),
            notes=when.notes,
            steps=steps,
        )

    def _settings(self, schedule: Schedule, found: list[LiveSchedule]) -> tuple[FieldChange, ...]:
        """The first part that differs tells the fields; all parts carry the same message."""
        view = fields.of_message(schedule.message)
        for part in found:
            message = fields.live_message(part, schedule.message)
            labels = mark.own_labels(part.message.labels, self.desired.namespace, schedule.name)
            changed = diff.compare(fields.of_message(replace(message, labels=labels)), view)
            if changed:
                return changed
        return ()

    def _moved(
        self, schedule: Schedule, found: list[LiveSchedule], *, adopting: bool
    ) -> tuple[bool, bool]:
        """(the file changed, the account changed) since the mark was written."""
        if adopting:
            return True, False
        marks = [m for m in (self.marks[part.id] for part in found) if m]
        file_moved = any(m.definition != mark.definition(schedule) for m in marks)
        if mark.secrets_known(schedule):
            wanted = mark.secrets(schedule, self.desired.namespace)
            file_moved = file_moved or any(m.secrets != wanted for m in marks)
        live_moved = any(
            not mark.as_written(
                part, m, mark.own_labels(part.message.labels, self.desired.namespace, schedule.name)
            )
            for part, m in zip(found, (self.marks[p.id] for p in found), strict=True)
            if m
        )
        return file_moved, live_moved

    def _write_only(
        self, schedule: Schedule, found: list[LiveSchedule], *, adopting: bool
    ) -> tuple[FieldChange, ...]:
        """A change that only the mark reveals: of settings that QStash does not show."""
        marks = [m for m in (self.marks[part.id] for part in found) if m]
        if adopting:
            return (FieldChange(path="mark", after="ours", note="adopted"),)
        moved = any(m.definition != mark.definition(schedule) for m in marks)
        if moved:
            names = ", ".join(fields.write_only(schedule)) or "none left"
            note = f"write-only settings changed; now set: {names}"
            return (FieldChange(path="write_only", before=diff.HIDDEN, after=names, note=note),)
        if mark.secrets_known(schedule) and any(
            m.secrets != mark.secrets(schedule, self.desired.namespace) for m in marks
        ):
            note = "a secret that does not read back changed"
            return (
                FieldChange(path="write_only", before=diff.HIDDEN, after="(secret)", note=note),
            )
        if any(m.protected != schedule.protect for m in marks):
            return (
                FieldChange(path="protect", before=not schedule.protect, after=schedule.protect),
            )
        return ()

    def _warn_partly(self, schedule: Schedule, found: list[LiveSchedule]) -> None:
        paused = sum(part.paused for part in found)
        self.work.findings.append(
            Finding(
                severity=Severity.WARNING,
                code="partly_paused",
                message=f"schedules.{schedule.name}: {paused} of {len(found)} parts are paused",
                place=schedule.place,
                hint="write paused: true or paused: false",
            )
        )

    def _rename(self, schedule: Schedule, old: list[LiveSchedule]) -> Change:
        """A new name is a new id: write the new parts with the old pause, then delete the old."""
        paused = schedule.paused if schedule.paused is not None else any(p.paused for p in old)
        created = self._create(replace(schedule, paused=paused))
        if created.refused:
            return created
        renamed = FieldChange(path="name", before=schedule.was, after=schedule.name)
        return replace(
            created,
            action=Action.UPDATE,
            reason=Reason.RENAME,
            fields=(renamed, *created.fields),
            steps=(*created.steps, *(DeleteSchedule(id=part.id) for part in old)),
        )

    def _delete(self, base: str, parts: list[LiveSchedule]) -> Change:
        protected = any(m and m.protected for m in (self.marks[part.id] for part in parts))
        name = self._name(base)
        return Change(
            kind=Kind.SCHEDULE,
            name=name,
            id=base,
            action=Action.DELETE,
            reason=Reason.FILE,
            notes=(f"cron {parts[0].cron}" if len(parts) == 1 else f"{len(parts)} parts",),
            steps=tuple(DeleteSchedule(id=part.id) for part in reversed(parts)),
            refused="protected: apply it once with protect: false, then remove it"
            if protected
            else None,
        )


def _reason(
    when: timing.When, settings: object, *, file_moved: bool, live_moved: bool, adopting: bool
) -> Reason:
    if adopting:
        return Reason.ADOPT
    if file_moved and live_moved:
        return Reason.BOTH
    if live_moved or (when.incomplete and not file_moved):
        return Reason.DRIFT
    if file_moved:
        return Reason.FILE
    return Reason.CLOCK if when.changed and not settings else Reason.FILE


# Guards


def _guarded(change: Change, changes: Sequence[Change], desired: Desired, live: Live) -> Change:
    """Refuse to delete what is protected, still used after this plan, or has a backlog."""
    if change.action is not Action.DELETE or change.refused:
        return change
    if change.kind is not Kind.SCHEDULE:
        globs: tuple[str, ...] = getattr(desired.protect, f"{change.kind}s")
        if any(fnmatchcase(change.name, pattern) for pattern in globs):
            return replace(change, refused="the file's protect section names it")
    if change.kind is Kind.QUEUE:
        queue = next((q for q in live.queues or () if q.name == change.name), None)
        if queue and queue.lag > 0:
            return replace(change, refused=f"{queue.lag} messages wait in it and would be lost")
    if change.kind in (Kind.QUEUE, Kind.URL_GROUP):
        user = next(_users(change, changes, live), None)
        if user:
            return replace(change, refused=f"the schedule {user} uses it")
    return change


def _users(change: Change, changes: Sequence[Change], live: Live) -> Iterator[str]:
    written = {
        step.id: step
        for c in changes
        if not c.refused
        for step in c.steps
        if isinstance(step, PutSchedule)
    }
    deleted = {
        step.id
        for c in changes
        if not c.refused
        for step in c.steps
        if isinstance(step, DeleteSchedule)
    }
    for part in live.schedules or ():
        if part.id in deleted:
            continue
        message = written[part.id].message if part.id in written else part.message
        name = message.queue if change.kind is Kind.QUEUE else message.destination
        if name == change.name:
            yield part.id


def _guards(changes: Iterable[Change]) -> Iterator[Finding]:
    """A delete that is refused stops the whole apply: nothing is written."""
    for change in changes:
        if change.action is Action.DELETE and change.refused:
            message = f"{change.kind} {change.name} is not deleted: {change.refused}"
            yield Finding(code="guard", message=message)


def _too_many_deletes(desired: Desired, changes: Sequence[Change]) -> Iterator[Finding]:
    """What `limits` says of deletes; one of a kind is always allowed, unless it is the last."""
    limits = desired.limits
    removed = {kind: sum(_removed(c) for c in changes if c.kind is kind) for kind in Kind}
    total = sum(removed.values())
    if limits.max_deletes is not None and total > max(limits.max_deletes, 0):
        most = f"limits.max_deletes is {limits.max_deletes}"
        if any(count > 1 for count in removed.values()) or _last(desired, changes):
            yield Finding(code="guard", message=f"{total} deletes, {most}", hint="raise it")
    for kind, count in removed.items():
        ours = count + _kept(desired, changes, kind)
        if limits.max_delete_percent is None or not count or (count == 1 and ours > 1):
            continue
        if 100 * count > limits.max_delete_percent * ours:
            most = f"limits.max_delete_percent is {limits.max_delete_percent}"
            message = f"{count} of {ours} {kind}s would be deleted, {most}"
            yield Finding(code="guard", message=message, hint="raise it, or delete in steps")


def _removed(change: Change) -> int:
    """Resources, or endpoints of a URL group, that a change takes away."""
    if change.action is Action.DELETE:
        return 1
    gone = [f for f in change.fields if f.path.startswith("endpoints.") and f.note == "removed"]
    return len(gone) if change.kind is Kind.URL_GROUP else 0


def _kept(desired: Desired, changes: Sequence[Change], kind: Kind) -> int:
    """How many declared resources of a kind are in the account already."""
    declared = getattr(desired, f"{kind}s") or ()
    created = sum(c.kind is kind and c.action is Action.CREATE for c in changes)
    return len(declared) - created


def _last(desired: Desired, changes: Sequence[Change]) -> bool:
    deleted = {c.kind for c in changes if c.action is Action.DELETE}
    return any(_kept(desired, changes, kind) == 0 for kind in deleted)


def _row_balance(changes: Iterable[Change], live: Live) -> int:
    ids = {part.id for part in live.schedules or ()}
    balance = 0
    for change in changes:
        for step in change.steps if not change.refused else ():
            if isinstance(step, PutSchedule) and step.id not in ids:
                balance += 1
            elif isinstance(step, DeleteSchedule):
                balance -= 1
    return balance


def _limits(
    desired: Desired, live: Live, changes: Sequence[Change], rows: int
) -> Iterator[Finding]:
    """What the account's plan does not allow, before anything is written."""
    plan = PLANS.get(desired.limits.plan or "")
    growing = any(c.action is Action.CREATE or c.kind is Kind.SCHEDULE for c in changes)
    if plan is None:
        if rows > PLANS["free"].schedules and growing:
            yield Finding(
                severity=Severity.WARNING,
                code="limit",
                message=f"{rows} schedules after this plan, more than the free plan's "
                f"{PLANS['free'].schedules}",
                hint="say limits: {plan: …} to have this checked",
            )
        return
    counts = (
        (Kind.SCHEDULE, rows, plan.schedules),
        (Kind.URL_GROUP, _count(Kind.URL_GROUP, live.url_groups, changes), plan.url_groups),
        (Kind.QUEUE, _count(Kind.QUEUE, live.queues, changes), plan.queues),
    )
    for kind, count, most in counts:
        if count > most and any(c.kind is kind for c in changes):
            yield Finding(
                code="limit",
                message=f"{count} {kind}s after this; the plan {desired.limits.plan} allows {most}",
                hint="make split schedules auto, remove some, or raise the plan",
            )


def _count(kind: Kind, live: Sequence[Any] | None, changes: Sequence[Change]) -> int:
    created = sum(c.kind is kind and c.action is Action.CREATE for c in changes)
    deleted = sum(c.kind is kind and c.action is Action.DELETE and not c.refused for c in changes)
    return len(live or ()) + created - deleted
