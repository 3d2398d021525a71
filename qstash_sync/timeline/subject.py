"""Whom a question is about: what a name, an id, or the header of a delivery means.

Pure: of what the file declares and what was read.
"""

import re
from collections.abc import Sequence

from qstash_sync.crons import robfig
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model.diagnostics import listed
from qstash_sync.model.names import near
from qstash_sync.model.resources import Desired, Schedule
from qstash_sync.planning.drift import Drift
from qstash_sync.reconcile import time_label
from qstash_sync.reconcile.former import left_under_a_former_name, live_set
from qstash_sync.reconcile.live_parts import LivePart
from qstash_sync.record import record


class NoSubjectError(ValueError):
    """Nothing is called so, neither in the file nor in the account; its text is for people."""


@record(kw_only=True)
class Subject:
    """Whom a question is about: a declared schedule, a live one, or both.

    parts: what a rename has left that was cut off, and fires, among them. part: the live part that
    was named by its id; missing: the id, where none has it. job: its local
    time, as it is declared or, where it is not, as a label says it.
    """

    name: str
    schedule: Schedule | None = None
    parts: tuple[LivePart, ...] = ()
    part: LivePart | None = None
    missing: str | None = None

    @property
    def id(self) -> str:
        """Of its first part."""
        return self.schedule.id if self.schedule else self.parts[0].base

    @property
    def job(self) -> Job | None:
        """Its local time."""
        if self.schedule:
            return self.schedule.timing.job
        return time_label.read(self.parts[0].live.message.labels)

    @property
    def timezone(self) -> str:
        """By whose clock it is told; UTC where nobody says it."""
        if job := self.job:
            return job.timezone
        try:
            return robfig.read(self.parts[0].live.cron).timezone
        except CronError:
            return "UTC"


def subject(desired: Desired, drift: Drift, asked: str) -> Subject:
    """Whom a name, an id, or the header of a delivery means; raises `NoSubjectError`."""
    header = re.fullmatch(r"[A-Za-z-]+:\s+(\S+)\s*", asked)
    word = header[1] if header else asked.strip()
    index = drift.plan.index
    declared = desired.schedules or ()
    part = index.by_id.get(word)
    for schedule in declared:
        left = left_under_a_former_name(schedule, index)
        own = live_set(schedule, index)
        parts = (*own, *(one for one in left if not one.live.paused))
        head, _, tail = word.rpartition(".")
        is_part = head == schedule.id and tail.isdecimal()
        is_live = part is not None and part in (*own, *left)
        if word in (schedule.name, schedule.id, schedule.was) or is_part or is_live:
            missing = word if is_part and part is None else None
            return Subject(
                name=schedule.name, schedule=schedule, parts=parts, part=part, missing=missing
            )
    if part is None:  # a name that no file has any more
        named = (p for p in index.by_id.values() if index.name_of(p) == word)
        known = (p for p in named if index.is_managed(p) or index.is_orphan(p))
        part = min(known, key=lambda one: (index.is_orphan(one), one.number), default=None)
    if part and (index.is_managed(part) or index.is_orphan(part)):
        return Subject(name=index.name_of(part), parts=tuple(index.of(part.base)), part=part)
    if part:
        return Subject(name=part.live.id, parts=(part,), part=part)
    raise NoSubjectError(_unknown(word, declared, desired.namespace))


def _unknown(word: str, declared: Sequence[Schedule], namespace: str) -> str:
    names = [schedule.name for schedule in declared]
    meant = near(word.removeprefix(f"{namespace}."), names, 3)
    hint = f"; the files have {listed(names)}" if names else ""
    if meant:
        hint = f"; did you mean {', '.join(meant)}?"
    return f"{word}: no schedule of the files and none in the account has this name or id{hint}"
