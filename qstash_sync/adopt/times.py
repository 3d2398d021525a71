"""When a live schedule fires, as the file says it, and nothing that the file would change.

    0 9 * * 1-5                          cron: 0 9 * * 1-5, timezone: UTC
    CRON_TZ=Europe/Berlin 0 9 * * *      timezone: Europe/Berlin, dst: {strategy: native}
    parts of ours, as they were written  the local time of their label; strategy and policies are
                                         those whose digest their mark has
    parts of ours that somebody edited   what they are now, in UTC

What cannot be said so that it fires at the same minutes is a reason, not a guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from qstash_sync.crons import robfig
from qstash_sync.crons.compile import Strategy, compile_job, native_parts
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Fold, Gap, Job
from qstash_sync.crons.grammar import parse, render
from qstash_sync.model.resources import LiveSchedule, Message, Schedule, Timing
from qstash_sync.reconcile import mark as marks, times
from qstash_sync.reconcile.mark import Mark
from qstash_sync.record import record

_MOST_PARTS = 8  # what the file allows where it does not say `dst.max_parts`


@record(kw_only=True)
class Time:
    """The settings of a schedule's time, and the job that they stand for."""

    job: Job
    strategy: Strategy = Strategy.SPLIT
    dst: Mapping[str, Any] = field(default_factory=dict)

    @property
    def crons(self) -> str | list[str]:
        """As the file has it: one, or a list."""
        texts = [cron.text for cron in self.job.crons]
        return texts[0] if len(texts) == 1 else texts


def of_stranger(cron: str, now: datetime) -> Time | str:
    """The time of a stored cron that carries no mark of ours; or why the file cannot say it."""
    try:
        spec = robfig.read(cron)
    except CronError as error:
        return str(error)
    body = cron.partition(" ")[2] if cron.startswith(("TZ=", "CRON_TZ=")) else cron
    why = f"{cron}: no cron of the file means the same"
    for text in dict.fromkeys((" ".join(body.split()), render(spec.fields))):
        try:
            job = Job(crons=(parse(text),), timezone=spec.timezone)
        except CronError as error:
            why = str(error)
            continue
        if spec.timezone == "UTC":
            if job.crons[0].fields.normal == spec.fields.normal:
                return Time(job=job)
        elif robfig.read(native_parts(job)[0].cron).fields == spec.fields:
            return _native(job, now)
    return why


@lru_cache(maxsize=4096)
def _native(job: Job, now: datetime) -> Time:
    """A cron with a zone; the policies, where QStash's own are not the usual ones."""
    skips = replace(job, gap=Gap.SKIP, fold=Fold.BOTH)  # what QStash's parser does
    for one in (job, skips):
        try:
            compile_job(one, now=now, strategy=Strategy.NATIVE)
        except CronError:
            continue
        return _with_dst(one, Strategy.NATIVE)
    return _with_dst(job, Strategy.NATIVE, accept=True)


def _with_dst(job: Job, strategy: Strategy, **more: Any) -> Time:
    said = {"strategy": None if strategy is Strategy.SPLIT else str(strategy)}
    said |= {"gap": job.gap and str(job.gap), "fold": job.fold and str(job.fold)}
    dst = {key: value for key, value in {**said, **more}.items() if value is not None}
    return Time(job=job, strategy=strategy, dst=dst)


def of_ours(mark: Mark, labels: Sequence[str], parts: int, now: datetime) -> Time | None:
    """The local time that parts of ours were written for; None where their labels do not tell."""
    found = marks.written_for(mark, tuple(labels))
    if found is None:
        return None
    job, strategy = found
    more = _room(Timing(job=job, strategy=strategy, accept=True), parts, now)
    if strategy is Strategy.NATIVE and _differs(job, now):
        more["accept"] = True
    return _with_dst(job, strategy, **more)


@lru_cache(maxsize=4096)
def _differs(job: Job, now: datetime) -> bool:
    try:
        compile_job(job, now=now, strategy=Strategy.NATIVE)
    except CronError:
        return True
    return False


def as_stored(parts: Sequence[LiveSchedule], now: datetime) -> Time | str:
    """What parts fire at as they are, whatever they were written for."""
    said = [of_stranger(part.cron, now) for part in parts]
    found = [time for time in said if isinstance(time, Time)]
    if len(found) < len(parts):
        return next(why for why in said if isinstance(why, str))
    zones = {(time.job.timezone, time.job.gap, time.job.fold) for time in found}
    if len(zones) > 1:
        return "its parts are in several time zones"
    crons = tuple(cron for time in found for cron in time.job.crons)
    first = found[0]
    job = replace(first.job, crons=crons)
    more = _room(Timing(job=job, strategy=first.strategy, accept=True), len(parts), now)
    return replace(first, job=job, dst={**first.dst, **more})


def _room(timing: Timing, live: int, now: datetime) -> dict[str, Any]:
    """`max_parts`, where those that are live, or any of the coming year, are more than usual."""
    schedule = Schedule(name="", id="", timing=timing, message=Message(destination=""))
    most = live
    if times.most_parts(schedule, now) > _MOST_PARTS:
        most = max(live, *(count for _, count in times.parts_ahead(schedule, now)), 0)
    return {"max_parts": most} if most > _MOST_PARTS else {}
