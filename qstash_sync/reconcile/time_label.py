"""The third label of a part: the local time as a person would write it, for consoles and logs.

    0 9 * * 1-5, America/New_York            0_9_x_x_1-5@America.New_York
    0 9 1,15 * * and 30 */2 * * *, UTC       0_9_1.15_x_x+30_x~2_x_x_x@UTC

A plan reads it back: where the file has changed a time, it knows what the time was.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from qstash_sync.crons import zones
from qstash_sync.crons.error import CronError
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse

_LONGEST = 100  # characters; a longer one is left out
_SPELT = str.maketrans(" *,/", "_x.~")
_MEANT = str.maketrans("_x.~", " *,/")
_FIELD = r"[0-9x.~-]+"
_CRON = rf"{_FIELD}(?:_{_FIELD}){{4}}"
_LABEL = re.compile(rf"({_CRON}(?:\+{_CRON})*)@([A-Za-z][A-Za-z0-9._+-]*)")


@lru_cache(maxsize=16_384)
def label(job: Job) -> str | None:
    """The label of a job; None where it would be too long to be read."""
    times = "+".join(sorted(cron.canonical.translate(_SPELT) for cron in job.crons))
    found = f"{times}@{job.timezone.replace('/', '.')}"
    return found if len(found) <= _LONGEST else None


def is_label(text: str) -> bool:
    """Whether a label has this form."""
    return len(text) <= _LONGEST and _LABEL.fullmatch(text) is not None


def read(labels: Iterable[str]) -> Job | None:
    """The local time that a part was written for, its policies aside; None where none is told."""
    for text in labels:
        match = _LABEL.fullmatch(text) if len(text) <= _LONGEST else None
        if match:
            crons, timezone = match[1].translate(_MEANT).split("+"), match[2].replace(".", "/")
            try:
                zones.zone(timezone)
                return Job(crons=tuple(parse(cron) for cron in crons), timezone=timezone)
            except CronError:
                return None
    return None
