"""Schedules: declared ones against the live parts, by id and mark."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.core import diff, fields, mark, timing
from qstash_sync.core.change import Action, Change, Reason, Work, pause_field
from qstash_sync.core.diff import FieldChange
from qstash_sync.core.findings import Finding, Severity
from qstash_sync.core.model import Desired, Kind, LiveSchedule, Schedule
from qstash_sync.core.steps import DeleteSchedule, PauseSchedule, PutSchedule, Step


class Schedules:
    """Compares the declared schedules with the live parts, by id and mark."""

    def __init__(
        self,
        work: Work,
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
        changed = (*timing.created_fields(schedule), *changed, *pause_field(None, paused))
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
        pause = pause_field(live_paused, paused)
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
