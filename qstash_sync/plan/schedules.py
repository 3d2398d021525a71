"""Schedules: declared ones against the live parts, by id and mark.

paused in the file   mark says      live              then
true / false         -              otherwise         pause, resume (a resume clears -z)
absent               -z             active            pause: an apply was cut off before it could
absent               anything else  partly paused     told; the next write pauses every part
absent               anything else  anything else     left as it is
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from qstash_sync.model.change import Action, Change, FieldChange, Reason, Swap, pause_field
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.resources import Desired, Kind, LiveSchedule, Schedule
from qstash_sync.model.steps import DeleteSchedule, PauseSchedule, PutSchedule, Step
from qstash_sync.plan import canonical, diff, mark, times
from qstash_sync.plan.live_parts import Part, part as read_part, same_crons
from qstash_sync.plan.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """A schedule's pause: what it will be, the parts to be told, and how it reads in a plan."""

    paused: bool
    wrong: frozenset[str] = frozenset()  # ids of the parts that are not so and must become so
    stale: bool = False  # a mark says -z, the file says active
    fields: tuple[FieldChange, ...] = ()
    reason: Reason = Reason.FILE


class Schedules:
    """Compares the declared schedules with the live parts."""

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
        self.live = {part.id: part for part in live}
        self.marks = {part.id: mark.parse(part.message.labels) for part in live}

    def run(self) -> None:
        """Every declared schedule, then what is left of ours, then the rest."""
        claimed: set[str] = set()
        for schedule in self.desired.schedules or ():
            found = self._live_parts(schedule.id)
            claimed |= {part.id for part in found}
            old = self._old_parts(schedule)
            claimed |= {part.id for part in old}
            if old and not found:
                change: Change | None = self._rename(schedule, old)
            else:
                change = self._renamed(schedule, self._one(schedule, found), old)
            self.work.add((Kind.SCHEDULE, schedule.name), self._spared(schedule, change))
        self._rest([part for part_id, part in sorted(self.live.items()) if part_id not in claimed])

    def _rest(self, rest: Sequence[LiveSchedule]) -> None:
        gone: dict[str, list[LiveSchedule]] = {}
        for part in rest:
            if self._ours(part):
                gone.setdefault(self._base(part), []).append(part)
            else:
                self.work.unmanaged.append((Kind.SCHEDULE, part.id))
                self._tell_stray(part)
        for base, parts in gone.items():
            self.work.changes.append(self._delete(base, parts))

    # Which live parts belong to which schedule

    def _live_parts(self, base: str) -> list[LiveSchedule]:
        """The first part and `.2`, `.3`, …, in order of their number."""
        found = [self.live[base]] if base in self.live else []
        prefix = f"{base}."
        more = [
            (int(part_id.removeprefix(prefix)), part)
            for part_id, part in self.live.items()
            if part_id.startswith(prefix)
            and part_id.removeprefix(prefix).isdecimal()
            and self._is_part(part_id)
        ]
        return found + [part for _, part in sorted(more, key=lambda item: item[0])]

    def _old_parts(self, schedule: Schedule) -> list[LiveSchedule]:
        """What `was:` names, as far as it is ours."""
        old = self._live_parts(f"{self.desired.namespace}.{schedule.was}") if schedule.was else []
        return [part for part in old if self._ours(part)]

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

    def _tell_stray(self, part: LiveSchedule) -> None:
        """An unmarked id that looks like a further part of a declared schedule fires beside it."""
        base = self._base(part)
        schedule = next((s for s in self.desired.schedules or () if s.id == base), None)
        if schedule is None or base == part.id:
            return
        fact = f"{part.id} looks like a part of schedules.{schedule.name}, but has no mark of ours"
        hint = "it fires beside ours and is left alone; delete it if nobody needs it"
        self._warn("stray", fact, schedule, hint)

    # One declared schedule

    def _one(self, schedule: Schedule, found: list[LiveSchedule]) -> Change | None:
        if not found:
            return self._create(schedule)
        foreign = [part for part in found if not self._is_part(part.id)]
        if foreign and not schedule.adopted and not self._may_take(schedule):
            return self._refuse(schedule, foreign[0])
        ours = [self.marks[p.id] if self._is_part(p.id) else None for p in found]
        parts = [
            read_part(schedule, live, of, self.desired.namespace)
            for live, of in zip(found, ours, strict=True)
        ]
        return self._compare(schedule, parts)

    def _spared(self, schedule: Schedule, change: Change | None) -> Change | None:
        """The change, or a refusal where a further part would overwrite what is not ours."""
        if change is None or change.refused or self._may_take(schedule):
            return change
        for step in change.steps:
            if not isinstance(step, PutSchedule) or step.id == schedule.id:
                continue
            if step.id in self.live and not self._is_part(step.id):
                return self._refuse(schedule, self.live[step.id])
        return change

    def _may_take(self, schedule: Schedule) -> bool:
        return any(fnmatchcase(schedule.name, pattern) for pattern in self.adopt)

    def _refuse(self, schedule: Schedule, part: LiveSchedule) -> Change:
        if self.marks[part.id]:
            fact = "carries the mark of another environment or namespace"
        elif part.message.labels:
            fact = (
                "has no mark of ours: it is the application's own, or somebody has overwritten it"
            )
        else:
            fact = "has no mark of ours, nor any label: not ours, or QStash shows no labels"
        return self._change(
            schedule,
            Action.UPDATE,
            Reason.ADOPT,
            refused=f"{part.id} {fact}; take it over with --adopt {schedule.name}, or rename yours",
        )

    def _create(self, schedule: Schedule, *, paused: bool | None = None) -> Change:
        made = times.compiled(schedule, self.now)
        if isinstance(made, Diagnostic):
            return self._impossible(schedule, made, Action.CREATE)
        self.work.diagnostics += self._too_many(schedule, len(made.parts), Severity.ERROR)
        self.work.diagnostics += times.warnings(made, schedule.name, schedule.location)
        paused = bool(schedule.paused) if paused is None else paused
        crons = {schedule.part_id(k): cron for k, cron in enumerate(made.crons, 1)}
        changed = diff.compare(canonical.View({}, {}), canonical.of_message(schedule.message))
        return self._change(
            schedule,
            Action.CREATE,
            Reason.FILE,
            fields=(*times.created_fields(schedule), *changed, *pause_field(None, paused)),
            notes=times.created_notes(schedule, made.crons),
            steps=tuple(self._writes(schedule, crons, {}, paused=paused)),
        )

    def _impossible(self, schedule: Schedule, diagnostic: Diagnostic, action: Action) -> Change:
        self.work.diagnostics.append(diagnostic)
        return self._change(schedule, action, Reason.FILE, refused=diagnostic.message)

    def _change(self, schedule: Schedule, action: Action, reason: Reason, **more: Any) -> Change:
        return Change(
            kind=Kind.SCHEDULE,
            name=schedule.name,
            id=schedule.id,
            action=action,
            reason=reason,
            **more,
        )

    def _compare(self, schedule: Schedule, parts: list[Part]) -> Change | None:
        when = times.compare(schedule, parts, self.now)
        if isinstance(when, Diagnostic):
            return self._impossible(schedule, when, Action.UPDATE)
        self.work.diagnostics += when.diagnostics
        settings, differing = self._settings(schedule, parts)
        hidden = self._write_only(schedule, parts, alone=not (settings or when.fields))
        pause = self._pause(schedule, parts)
        changed = (*when.fields, *settings, *hidden)
        if not changed and not pause.fields:
            return None
        crons = times.assign(schedule, when.crons, [part.live for part in parts])
        known = {part.live.id: part for part in parts if part.live.id not in differing}
        if not changed and not pause.stale:
            return self._pause_only(schedule, pause)
        before = tuple(part.live.cron for part in parts)
        surplus = tuple(part.live.id for part in parts if part.live.id not in crons)
        steps = (
            *self._writes(schedule, crons, known, paused=pause.paused),
            *(DeleteSchedule(id=part_id) for part_id in surplus),
        )
        others = bool(settings or hidden)
        reason = self._reason(schedule, parts, when, pause, others) if changed else pause.reason
        self._judge_parts(schedule, len(when.crons), reason)
        silent = pause.paused and all(part.live.paused for part in parts)
        fires_alike = same_crons(before, when.crons) and not surplus
        return self._change(
            schedule,
            Action.UPDATE,
            reason,
            fields=(*changed, *pause.fields),
            notes=(*when.notes, *_in_some(differing, parts), *_paused_with(pause, parts)),
            steps=steps,
            swap=None if silent or fires_alike else Swap(before=before, after=when.crons),
        )

    def _writes(
        self,
        schedule: Schedule,
        crons: dict[str, str],
        known: dict[str, Part],
        *,
        paused: bool,
    ) -> Iterator[Step]:
        """The parts that are not as they should be: each whole, then its pause.

        An upsert may keep or reset a pause; what runs and is to run needs no word, and a word would
        undo the pause that somebody makes meanwhile. known: live parts whose settings are right.
        New parts come first: a set that is cut off midway has marks of two sets then, and is not
        taken for one that somebody has deleted parts of.
        """
        numbered = enumerate(crons.items(), 1)
        for number, (part_id, cron) in sorted(numbered, key=lambda item: item[1][0] in self.live):
            label = mark.make(
                schedule,
                cron,
                part=number,
                parts=len(crons),
                paused=paused,
                namespace=self.desired.namespace,
                environment=self.desired.environment,
            )
            if not _stands(known.get(part_id), cron, label):
                names = (str(label), mark.name_label(self.desired.namespace, schedule.name))
                labels = (*names, *schedule.message.labels)
                yield PutSchedule(id=part_id, cron=cron, message=schedule.message, labels=labels)
                if paused or (part_id in self.live and self.live[part_id].paused):
                    yield PauseSchedule(id=part_id, paused=paused)
            elif known[part_id].live.paused != paused:
                yield PauseSchedule(id=part_id, paused=paused)

    def _settings(
        self, schedule: Schedule, parts: Sequence[Part]
    ) -> tuple[tuple[FieldChange, ...], frozenset[str]]:
        """The first part that differs tells the fields; and the ids of all that differ."""
        view = canonical.of_message(schedule.message)
        found = {
            part.live.id: changed
            for part in parts
            if (changed := diff.compare(canonical.of_message(part.message), view))
        }
        return next(iter(found.values()), ()), frozenset(found)

    # Who moved

    def _reason(
        self,
        schedule: Schedule,
        parts: Sequence[Part],
        when: times.When,
        pause: _Pause,
        others: bool,  # noqa: FBT001 there are changes beside time and pause
    ) -> Reason:
        marks = [part.mark for part in parts if part.mark]
        if len(marks) < len(parts):
            return Reason.ADOPT
        declared = mark.definition(schedule)
        file_moved = any(m.definition != declared for m in marks) or (
            self._secrets_moved(schedule, parts)
        )
        lifted = bool(pause.fields) and pause.reason is Reason.DRIFT
        asked = bool(pause.fields) and not lifted
        live_moved = (
            when.odd or any(not part.intact for part in parts) or (lifted and not when.cut_off)
        )
        if file_moved and live_moved:
            return Reason.BOTH
        if live_moved:
            return Reason.DRIFT
        renewed = when.fields and not (others or asked or file_moved)
        return Reason.CLOCK if renewed else Reason.FILE

    def _secrets_moved(self, schedule: Schedule, parts: Sequence[Part]) -> bool:
        if not mark.secrets_known(schedule):
            return False
        wanted = mark.secrets(schedule, self.desired.namespace)
        return any(part.mark is not None and part.mark.secrets != wanted for part in parts)

    def _secret_changed(self, schedule: Schedule, parts: Sequence[Part]) -> bool:
        """Whether there were such secrets and are; else one only began or ceased to be hidden."""
        if not self._secrets_moved(schedule, parts):
            return False
        digests = {part.mark.secrets for part in parts if part.mark}
        return mark.NO_SECRETS not in digests | {mark.secrets(schedule, self.desired.namespace)}

    def _write_only(
        self, schedule: Schedule, parts: Sequence[Part], *, alone: bool
    ) -> tuple[FieldChange, ...]:
        """Changes that only the mark reveals: of settings that QStash does not show.

        alone: nothing else differs, so a new definition is one of such settings.
        """
        marks = [part.mark for part in parts if part.mark]
        if len(marks) < len(parts):
            # `id:` is marked at its next write; --adopt writes for the sake of the mark.
            adopted = FieldChange(path="mark", after="ours", note="adopted")
            return (adopted,) if alone and self._may_take(schedule) else ()
        found: list[FieldChange] = []
        if alone and {m.definition for m in marks} != {mark.definition(schedule)}:
            names = ", ".join(("timezone", "dst", *canonical.write_only(schedule)))
            note = "one of these, which QStash does not show, changed in the file"
            found.append(FieldChange(path="write_only", before=diff.HIDDEN, after=names, note=note))
        elif self._secret_changed(schedule, parts):
            note = "a secret that does not read back changed"
            found.append(
                FieldChange(path="write_only", before=diff.HIDDEN, after="(secret)", note=note)
            )
        if any(m.protected != schedule.protect for m in marks):
            found.append(
                FieldChange(path="protect", before=not schedule.protect, after=schedule.protect)
            )
        return tuple(found)

    def _judge_parts(self, schedule: Schedule, count: int, reason: Reason) -> None:
        """More parts than allowed: an error where the file asks for them, else a warning."""
        unasked = reason in (Reason.CLOCK, Reason.DRIFT)
        severity = Severity.WARNING if unasked else Severity.ERROR
        self.work.diagnostics += self._too_many(schedule, count, severity)

    def _too_many(
        self, schedule: Schedule, count: int, severity: Severity
    ) -> tuple[Diagnostic, ...]:
        most = schedule.timing.max_parts
        return times.too_many(count, most, schedule.name, schedule.location, severity)

    # The pause

    def _pause(self, schedule: Schedule, parts: Sequence[Part]) -> _Pause:
        now_paused = [part for part in parts if part.live.paused]
        marked = [part for part in parts if part.mark and part.mark.paused]
        before: Any = "partly" if 0 < len(now_paused) < len(parts) else bool(now_paused)
        if schedule.paused is not None:
            wrong = frozenset(p.live.id for p in parts if p.live.paused != schedule.paused)
            stale = bool(marked) and not schedule.paused
            drift = bool(wrong) and bool(marked) == schedule.paused
            changed = (
                (FieldChange(path="paused", before=before, after=schedule.paused),)
                if wrong
                else (FieldChange(path="mark", before="paused", after="active"),) * stale
            )
            return _Pause(
                paused=schedule.paused,
                wrong=wrong,
                stale=stale,
                fields=changed,
                reason=Reason.DRIFT if drift else Reason.FILE,
            )
        cut_off = frozenset(part.live.id for part in marked if not part.live.paused)
        if cut_off:
            note = "written while paused: an apply was cut off; paused: false in the file resumes"
            changed = (FieldChange(path="paused", before=before, after=True, note=note),)
            return _Pause(paused=True, wrong=cut_off, fields=changed, reason=Reason.DRIFT)
        if before == "partly":
            fact = f"{len(now_paused)} of {len(parts)} parts are paused"
            message = f"schedules.{schedule.name}: {fact}"
            self._warn("partly_paused", message, schedule, "write paused: true or paused: false")
        elif now_paused:
            told = f"schedules.{schedule.name}: paused in the account; the file leaves it so"
            self._warn("paused", told, schedule, severity=Severity.INFO)
        return _Pause(paused=bool(now_paused))

    def _pause_only(self, schedule: Schedule, pause: _Pause) -> Change:
        action = Action.PAUSE if pause.paused else Action.RESUME
        steps = tuple(PauseSchedule(id=i, paused=pause.paused) for i in sorted(pause.wrong))
        return self._change(schedule, action, pause.reason, fields=pause.fields, steps=steps)

    def _warn(
        self,
        code: str,
        message: str,
        schedule: Schedule,
        hint: str = "",
        severity: Severity = Severity.WARNING,
    ) -> None:
        location = schedule.location
        self.work.diagnostics.append(
            Diagnostic(severity=severity, code=code, message=message, location=location, hint=hint)
        )

    # Renames and deletes

    def _rename(self, schedule: Schedule, old: list[LiveSchedule]) -> Change:
        """A new name is a new id: write the new parts with the old pause, then delete the old."""
        was_paused = any(part.paused for part in old)
        paused = schedule.paused if schedule.paused is not None else was_paused
        created = self._create(schedule, paused=paused)
        if created.refused:
            return created
        renamed = FieldChange(path="name", before=schedule.was, after=schedule.name)
        crons = tuple(step.cron for step in created.steps if isinstance(step, PutSchedule))
        before = tuple(part.cron for part in old)
        return replace(
            created,
            action=Action.UPDATE,
            reason=Reason.RENAME,
            fields=(renamed, *created.fields),
            steps=(*created.steps, *(DeleteSchedule(id=part.id) for part in old)),
            swap=None if was_paused and paused else Swap(before=before, after=crons),
        )

    def _renamed(
        self, schedule: Schedule, change: Change | None, old: list[LiveSchedule]
    ) -> Change | None:
        """The change of a schedule whose rename was cut off: what is left of the old name goes."""
        if not old or (change and change.refused):
            return change
        note = "the apply that renamed it was cut off"
        renamed = FieldChange(path="name", before=schedule.was, after=schedule.name, note=note)
        begun = change or self._change(schedule, Action.UPDATE, Reason.RENAME)
        return replace(
            begun,
            action=Action.UPDATE,
            fields=(renamed, *begun.fields),
            steps=(*begun.steps, *(DeleteSchedule(id=part.id) for part in old)),
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


def _stands(part: Part | None, cron: str, label: mark.Mark) -> bool:
    """Whether a live part whose settings are right needs no write: same cron, same mark."""
    if part is None or part.mark is None or not same_crons([part.live.cron], [cron]):
        return False
    paused = part.mark.paused or label.paused  # a mark without -z may stay on a paused part
    return replace(part.mark, paused=paused) == replace(label, paused=paused) and (
        label.paused or not part.mark.paused
    )


def _in_some(differing: frozenset[str], parts: Sequence[Part]) -> tuple[str, ...]:
    if not 0 < len(differing) < len(parts):
        return ()
    return (f"in {len(differing)} of {len(parts)} parts: {', '.join(sorted(differing))}",)


def _paused_with(pause: _Pause, parts: Sequence[Part]) -> tuple[str, ...]:
    """A write makes the parts agree, and a partly paused schedule counts as paused."""
    if not pause.paused or pause.fields or all(part.live.paused for part in parts):
        return ()
    return ("every part will be paused, since some are",)
