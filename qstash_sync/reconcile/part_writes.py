"""The writes that bring live parts to their crons, settings, mark and pause."""

from collections.abc import Iterator, Mapping

from qstash_sync.model.settings_table import fits_header
from qstash_sync.model.steps import PauseSchedule, PutSchedule, Step
from qstash_sync.reconcile import ignored
from qstash_sync.reconcile.live_parts import LiveParts, Part, same_crons
from qstash_sync.reconcile.mark import Declared, Mark


def part_writes(
    declared: Declared,
    crons: Mapping[str, str],
    known: Mapping[str, Part],
    index: LiveParts,
    *,
    paused: bool,
    like: Mapping[str, str] | None = None,
    keeps_pauses: bool = False,
) -> Iterator[Step]:
    """The parts that are not as they should be: each whole, then its pause.

    crons: of each part id, in order. known: live parts whose settings are right. like: the live id
    that a part is like in what is ignored. keeps_pauses: and in its pause, each part by itself.
    An upsert may keep or reset a pause; what runs and is to run needs no word, and a word would
    undo the pause that somebody makes meanwhile. New parts come first: a set that is cut off midway
    has marks of two sets then, and is not taken for one that somebody has deleted parts of.
    """
    schedule, live = declared.schedule, index.by_id
    numbered = enumerate(((part_id, _sendable(cron)) for part_id, cron in crons.items()), 1)
    for number, (part_id, cron) in sorted(numbered, key=lambda item: item[1][0] in live):
        source = live.get((like or {}).get(part_id, part_id))
        message = ignored.carried(schedule, source, index)
        pauses = source.live.paused if source and keeps_pauses else paused
        label = declared.mark(
            part_id, cron, part=number, parts=len(crons), paused=pauses,
            in_milliseconds=index.in_milliseconds,
        )  # fmt: skip
        part = known.get(part_id)
        if part is None or not _is_as_written(part, cron, label):
            labels = (str(label), *declared.labels_of(message))
            yield PutSchedule(id=part_id, cron=cron, message=message, labels=labels)
            if pauses or (part_id in live and live[part_id].live.paused):
                yield PauseSchedule(id=part_id, paused=pauses)
        elif part.live.paused != pauses:
            yield PauseSchedule(id=part_id, paused=pauses)


def _sendable(cron: str) -> str:
    """A stored cron that is kept, as a header can hold it: with spaces for any other blanks."""
    return cron if fits_header(cron) else " ".join(cron.split())


def _is_as_written(part: Part, cron: str, label: Mark) -> bool:
    """Whether a live part whose settings are right needs no write: same cron, same mark."""
    if part.mark is None or not same_crons([part.live.cron], [cron]):
        return False
    # A mark without -z may stay on a paused part; one with -z must go from a part that is to run.
    paused = part.mark.paused or label.paused
    # What it was before is told while that is there; afterwards nobody asks.
    found = part.mark._replace(paused=paused, was=None)
    return found == label._replace(paused=paused, was=None) and (
        label.paused or not part.mark.paused
    )
