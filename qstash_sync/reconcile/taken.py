"""What may be told of live resources that the file does not have: deleted ones, unmanaged ones.

A live address may hold a secret, and the file has nothing that says where: its host is all of it
that is shown.
"""

from collections.abc import Sequence
from datetime import datetime

from qstash_sync.crons.compile import compile_job
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.model.change import Takes
from qstash_sync.model.resources import Kind, Live, LiveSchedule, instant
from qstash_sync.reconcile import mark, time_label
from qstash_sync.reconcile.diff import address
from qstash_sync.reconcile.live_parts import LivePart, LiveParts, is_untouched, same_crons
from qstash_sync.record import record


def by_delete(parts: Sequence[LivePart], index: LiveParts, now: datetime) -> Takes:
    """What deleting the parts of a schedule takes away; its local time, if that is live."""
    found = [part.live for part in parts]
    crons = tuple(live.cron for live in found)
    job = time_label.read(found[0].message.labels)
    if job and not (_is_whole(parts, index, job) or _are_crons_of(job, crons, now)):
        job = None
    ran = [at for live in found if (at := instant(live.last_at))]
    firings = [at for live in found if not live.paused and (at := instant(live.next_at))]
    return Takes(
        crons=crons,
        job=job,
        destination=address(str(found[0].message.destination)),
        paused=any(live.paused for live in found),
        next_at=min(firings, default=None),
        last_at=max(ran, default=None),
    )


def _is_whole(parts: Sequence[LivePart], index: LiveParts, job: Job) -> bool:
    """Whether a set is all that was written for a time, and nobody has touched it."""
    first = parts[0].mark
    is_all = first is not None and len(parts) == first.parts
    return is_all and all(is_untouched(part, index, job) for part in parts)


def _are_crons_of(job: Job, crons: tuple[str, ...], now: datetime) -> bool:
    """Whether a set is just what would be written for a time today."""
    try:
        return same_crons(compile_job(job, now=now, keep=crons).crons, crons)
    except CronError:
        return False


@record(kw_only=True)
class Unmanaged:
    """One live resource that is not ours; marked: the name behind a mark that is somebody's.

    orphan: what an environment has left that the files do not have.
    """

    kind: Kind
    name: str
    cron: str | None = None
    destination: str | None = None
    marked: str | None = None
    orphan: bool = False
    endpoints: int | None = None
    waiting: int | None = None


def unmanaged(
    names: Sequence[tuple[Kind, str]], live: Live, index: LiveParts
) -> tuple[Unmanaged, ...]:
    """What is known of unmanaged resources, in their order."""
    groups = {group.name: len(group.endpoints) for group in live.url_groups or ()}
    queues = {queue.name: queue.lag for queue in live.queues or ()}

    def described(kind: Kind, name: str) -> Unmanaged:
        if kind is Kind.URL_GROUP:
            return Unmanaged(kind=kind, name=name, endpoints=groups.get(name))
        part = index.by_id.get(name) if kind is Kind.SCHEDULE else None
        if part is None:
            return Unmanaged(kind=kind, name=name, waiting=queues.get(name))
        return Unmanaged(
            kind=kind,
            name=name,
            cron=part.live.cron,
            destination=address(str(part.live.message.destination)),
            marked=_marked(part.live) if part.mark else None,
            orphan=index.is_orphan(part),
        )

    return tuple(described(kind, name) for kind, name in names)


def _marked(live: LiveSchedule) -> str:
    """The name that stands behind a mark."""
    names = (label for label in live.message.labels if not label.startswith(mark.PREFIX))
    return next(names, "(no name)")
