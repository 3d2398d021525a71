"""Which change overwrites or deletes what is not ours, and so needs consent."""

from collections.abc import Sequence

from qstash_sync.model.change import Change
from qstash_sync.model.resources import Schedule
from qstash_sync.model.steps import DeleteSchedule, PutSchedule
from qstash_sync.reconcile.compared import Consent
from qstash_sync.reconcile.live_parts import LivePart, LiveParts


def consent(
    schedule: Schedule, change: Change | None, found: Sequence[LivePart], index: LiveParts
) -> Consent | None:
    """What a change would overwrite or delete that is not ours, and the file does not adopt.

    The first part is asked for even where there is no compilation, and so no write: an error
    of the cron would stop the whole apply for a schedule that is not ours. Of several ids it is
    one that nobody can consent to, else the first: one consent stands for all of them.
    """
    ids = [part.live.id for part in found[:1]]
    for step in change.steps if change else ():
        ids += [step.id] if isinstance(step, PutSchedule | DeleteSchedule) else []
    there = (index.by_id[part_id] for part_id in ids if part_id in index.by_id)
    asked = [
        (
            part.number,
            Consent(id=part.live.id, foreign=foreign, can_be_given=not index.is_anothers(part)),
        )
        for part in there
        if (foreign := index.foreign(part)) and not index.consents(schedule, part)
    ]
    return min(asked, key=lambda one: (one[1].can_be_given, one[0]), default=(0, None))[1]
