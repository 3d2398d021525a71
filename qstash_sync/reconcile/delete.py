"""What is ours and not declared any more."""

from collections.abc import Sequence
from datetime import datetime

from qstash_sync.model.change import Action, Change, Foreign, Reason
from qstash_sync.model.resources import Kind
from qstash_sync.model.steps import DeleteSchedule
from qstash_sync.reconcile import taken
from qstash_sync.reconcile.changes import are_protected
from qstash_sync.reconcile.compared import Compared, Consent
from qstash_sync.reconcile.live_parts import LivePart, LiveParts


def delete(
    ours: Sequence[LivePart], rest: Sequence[LivePart], index: LiveParts, now: datetime
) -> Compared:
    """The set goes, the first part last: by it the others are known.

    rest: the parts of the set that carry somebody else's mark; without consent it stays whole.
    """
    base, name = ours[0].base, index.name_of(ours[0])
    parts = sorted((*ours, *rest), key=lambda part: part.number)
    change = Change(
        kind=Kind.SCHEDULE,
        name=name,
        id=base,
        action=Action.DELETE,
        reason=Reason.FILE,
        notes=(taken.by_delete(parts, index, now),),
        steps=tuple(DeleteSchedule(id=part.live.id) for part in reversed(parts)),
        protected=are_protected(parts),
    )
    consent = None
    if rest:
        can_be_given = not any(map(index.is_anothers, rest))
        consent = Consent(id=rest[0].live.id, foreign=Foreign.OTHER_MARK, can_be_given=can_be_given)
    return Compared(kind=Kind.SCHEDULE, name=name, id=base, change=change, consent=consent)
