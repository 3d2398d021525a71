"""The live parts of one schedule: what their marks tell, and what is odd about the set.

mark 1of2  billing.x      as written     nothing odd
mark 2of2  billing.x.2    edited         "part 2 was edited"
(none)     billing.x.3    missing        "part 3 is missing"
mark 1of2  billing.x.7    a copy         "billing.x.7 is surplus"
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from qstash_sync.crons.compile import native_parts
from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import Fields, render
from qstash_sync.crons.robfig import read
from qstash_sync.model.resources import LiveSchedule, Message, Schedule
from qstash_sync.plan import canonical, mark as marks
from qstash_sync.plan.mark import Mark

CUT_OFF = "an apply was cut off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One live part: its mark if it is ours, and whether it still is what was written."""

    live: LiveSchedule
    mark: Mark | None
    message: Message  # the live one, with the user's labels only
    intact: bool = True  # every readable field
    cron_intact: bool = True


def part(schedule: Schedule, live: LiveSchedule, mark: Mark | None, namespace: str) -> Part:
    """Hold a live part against the digest in its mark; without a mark there is nothing to tell."""
    labels = marks.own_labels(live.message.labels, namespace, schedule.name)
    message = replace(canonical.live_message(live, schedule.message), labels=labels)
    if mark is None:
        return Part(live=live, mark=None, message=message)
    crons = _spellings(schedule, live.cron)
    messages: tuple[Message, ...] = (message, replace(live.message, labels=labels))
    timeout = live.message.timeout
    if timeout and timeout % 1000 == 0:
        messages = (*messages, replace(message, timeout=timeout // 1000))
    intact = _fits(mark, messages, crons)
    return Part(
        live=live,
        mark=mark,
        message=message,
        intact=intact,
        # With the file's message in place of an edited one, the digest is about the cron alone.
        cron_intact=intact or _fits(mark, (schedule.message,), crons),
    )


def _fits(mark: Mark, messages: Iterable[Message], crons: Sequence[str]) -> bool:
    return any(marks.readable(m, cron) == mark.readable for m in messages for cron in crons)


def _spellings(schedule: Schedule, cron: str) -> tuple[str, ...]:
    """A live cron as it is, and as we would have written it: QStash may spell it otherwise."""
    found = _meaning(cron)
    if found is None:
        return (cron,)
    timezone, fields = found
    plain = (render(fields),) if timezone == "UTC" else ()
    native = native_parts(schedule.timing.job)
    return (cron, *plain, *(part.cron for part in native if _meaning(part.cron) == found))


def as_written(schedule: Schedule, cron: str) -> str:
    """A live cron in our own spelling, as far as we could have written it."""
    _, *ours = _spellings(schedule, cron)
    return ours[0] if ours else cron


def _meaning(cron: str) -> tuple[str, Fields] | None:
    """Zone and fields of a stored cron; None where it is not understood."""
    try:
        found = read(cron)
    except CronError:
        return None
    return found.timezone, found.fields


def is_understood(cron: str) -> bool:
    """Whether the model of QStash's parser can read a stored cron."""
    return _meaning(cron) is not None


def same_crons(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two sets of stored crons mean the same, however they are spelt."""
    left, right = ([repr(_meaning(cron) or cron) for cron in crons] for crons in (some, others))
    return sorted(left) == sorted(right)


def oddities(schedule: Schedule, parts: Sequence[Part]) -> tuple[str, ...]:
    """What is wrong with a set of parts by its marks: missing, edited, surplus, of two sets."""
    ours = [part for part in parts if part.mark]
    if not ours:
        return ()
    at_home = [p for p in ours if p.mark and p.live.id == schedule.part_id(p.mark.part)]
    totals = {p.mark.parts for p in at_home if p.mark}
    if len(totals) > 1 or len({p.mark.definition for p in at_home if p.mark}) > 1:
        return (f"{len(parts)} parts of two sets: {CUT_OFF}",)
    numbers = {p.mark.part for p in at_home if p.mark}
    total = max(totals, default=1)
    missing = [k for k in range(1, total + 1) if k not in numbers]
    found = [f"part {k} is missing" for k in missing]
    found += [f"{p.live.id} is surplus" for p in ours if p not in at_home]
    found += [f"part {p.mark.part} was edited" for p in at_home if p.mark and not p.cron_intact]
    return tuple(found)
