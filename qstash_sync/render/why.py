"""Why, in a sentence or two: what a verdict says to a person, and the way out if there is one."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from qstash_sync.crons import zones
from qstash_sync.crons.firings import Fold, Gap
from qstash_sync.model import fields
from qstash_sync.model.change import Action
from qstash_sync.model.resources import Kind, Schedule
from qstash_sync.model.settings import duration
from qstash_sync.reconcile.live_parts import LivePart
from qstash_sync.reconcile.pauses import partly
from qstash_sync.render import spoken
from qstash_sync.timeline.explained import Doubt, Explained, Verdict
from qstash_sync.timeline.question import LATE, MINUTE

_TITLES = {
    Verdict.UNMANAGED: "unmanaged",
    Verdict.PAUSED: "paused",
    Verdict.AS_DECLARED: "as declared",
    Verdict.GAP: "by the gap policy",
    Verdict.FOLD: "by the fold policy",
    Verdict.HORIZON_OVER: "the horizon is over",
    Verdict.LIVE_DIFFERS: "the account differs from the file",
    Verdict.DELAY: "sent after its delay",
    Verdict.RETRY: "a retry",
    Verdict.OTHER: "another schedule",
    Verdict.SERVER_DISAGREES: "QStash disagrees",
    Verdict.UNKNOWN: "unknown",
}


def title(found: Explained) -> str:
    """The verdict as people say it."""
    question = found.question
    if found.holder:
        return f"its {_holder_noun(found)} is paused"
    if found.verdict is Verdict.PAUSED and len(question.paused) < len(found.subject.parts):
        return "partly paused"
    is_ahead = question.end is not None and question.end > question.read_at
    if found.verdict is Verdict.HORIZON_OVER and is_ahead:
        return "the horizon ends before"
    return _TITLES[found.verdict]


def why(found: Explained, options: str) -> Iterator[str]:
    """The reason, and the way out where there is one to go.

    options: those that a command needs to be about the same files and environment.
    """
    if found.subject.schedule is None:
        return _undeclared(found, options)
    return (_held if found.holder else _SAID[found.verdict])(found, options)


def location(schedule: Schedule | None) -> str:
    """Where the file declares it; empty where none does."""
    place = schedule.location if schedule else None
    return f"{place.file}:{place.line}" if place else ""


def local_time(found: Explained, at: datetime) -> datetime:
    """By the clock of its zone."""
    return at.astimezone(zones.zone(found.subject.timezone))


def _command(options: str, *words: str) -> str:
    """A command that works as it stands, with the files and the environment of this one."""
    return f"`{' '.join(filter(None, (*words, options)))}`"


def moment(found: Explained, at: datetime) -> str:
    """A local time, with its date; seconds only where there are some."""
    local = local_time(found, at)
    seconds = ":%S" if at.second else ""
    return f"{local:%a %Y-%m-%d %H:%M{seconds}}"


def _clock(found: Explained, at: datetime) -> str:
    local = local_time(found, at)
    return f"{local:%H:%M:%S}" if at.second else f"{local:%H:%M}"


def _size(by: timedelta) -> str:
    return duration(round(by.total_seconds()))


def _part(part: LivePart | None) -> str:
    return part.live.id if part else "a part"


# Pauses


def _paused(found: Explained, options: str) -> Iterator[str]:
    question, schedule = found.question, found.subject.schedule
    paused, parts = question.paused, found.subject.parts
    if len(paused) == len(parts):
        yield "It is paused in the account."
    else:
        names = ", ".join(part.live.id for part in paused)
        yield f"{partly(len(paused), len(parts))}: {names}."
        if found.at:
            yield f"At {moment(found, found.at)} {_part(found.part)} should fire, and is paused."
        elif question.server_next:
            yield f"The others fire, next {moment(found, question.server_next)}."
    resume = _command(options, "resume", found.subject.name)
    if schedule and schedule.paused and fields.PAUSE not in schedule.ignore:
        yield "The file says paused: true: change that first, or the next apply pauses it again."
    elif schedule and schedule.paused is False:
        yield f"The file says paused: false: {_command(options, 'apply')} resumes it."
    elif len(paused) < len(parts):
        yield f"The next write pauses all of it; {resume} resumes it."
    else:
        yield f"The file leaves it so; {resume} resumes it."


def _holder_noun(found: Explained) -> str:
    holder = found.holder
    return "queue" if holder and holder.kind is Kind.QUEUE else "flow-control key"


def _held(found: Explained, _: str) -> Iterator[str]:
    holder = found.holder
    assert holder
    waiting = "how many is not known"
    if holder.waiting is not None:
        waiting = f"{holder.waiting} message{'s' * (holder.waiting != 1)} now"
    noun = _holder_noun(found)
    yield f"It fires, and its messages wait: {noun} {holder.name} is paused ({waiting})."
    if found.question.is_past:
        yield "Since when it is paused, QStash does not say."
    yield f"They are sent when the {noun} is resumed."


# What the file says


def _of_rule(found: Explained, _: str) -> Iterator[str]:
    """What becomes of a time that does not exist, or comes twice."""
    rule = found.rule
    assert rule
    zone = found.subject.timezone
    policy = f"(dst.{'gap' if rule.is_gap else 'fold'}: {rule.policy})"
    day = f"{rule.local:%Y-%m-%d} in {zone}"
    if isinstance(rule.policy, Gap):
        gone = f"{rule.local:%H:%M} does not exist on {day}"
        if rule.at is None:
            yield f"Nothing fires: {gone}, and is left out {policy}."
        else:
            yield f"{_clock(found, rule.at)} because {gone} {policy}."
    elif found.firing is None:
        twice, which = (
            f"{rule.local:%H:%M} comes twice on {day}",
            "second" if rule.second else "first",
        )
        yield f"Nothing fires at this one: {twice}, and only the {which} counts {policy}."
    else:
        which = "both count" if rule.policy is Fold.BOTH else f"the {rule.policy} counts"
        yield f"{rule.local:%H:%M} comes twice on {day}, and {which} {policy}."
    yield from _of_firing(found)


def _as_declared(found: Explained, _: str) -> Iterator[str]:
    schedule = found.subject.schedule
    if schedule and fields.TIME in schedule.ignore:
        yield "Its time is somebody else's: the file ignores `cron`, and what is live counts."
        if found.at:
            yield f"{_part(found.part)} has {moment(found, found.at)}."
    elif found.at is None:
        yield "What is live fires as the file says."
    else:
        yield f"{moment(found, found.at)} is a time of the file."
        yield from _of_firing(found)
    if found.question.change:
        yield "An apply is due all the same: see `differs`, or `plan`."


def _of_firing(found: Explained) -> Iterator[str]:
    """Whether it fires, or is known to have fired, and when its message is sent."""
    question, at = found.question, found.firing
    if at is None:
        return
    renewal, end, run = question.renewal, question.end, question.last_run
    if found.part is None and renewal and end:
        yield f"What is live is exact until {moment(found, end)}."
        yield f"An apply from {local_time(found, renewal):%a %Y-%m-%d} on renews it before then."
    elif not question.is_past:
        yield f"{_part(found.part)} fires then."
    elif run is None:
        yield f"{_part(found.part)} was due then; QStash notes no run of it."
    elif run < at + MINUTE + LATE:
        yield f"{_part(found.part)} fired then: it is the last run that QStash notes."
    else:
        last = moment(found, run)
        yield f"{_part(found.part)} was due then; the last run that QStash notes is {last}."
    if question.delay:
        yield f"It is sent {_size(question.delay)} later: its delay."


def _delayed(found: Explained, _: str) -> Iterator[str]:
    assert found.at
    assert found.firing
    when, before = moment(found, found.at), moment(found, found.firing)
    yield f"{when} is {_size(found.question.delay)} after the firing of {before}: its delay."


def _of_retry(found: Explained, _: str) -> Iterator[str]:
    retry, at = found.retry, found.at
    assert retry
    assert at
    late = at - retry.due
    verb, due = "is", f"due {_clock(found, retry.due)}"
    if late >= MINUTE:
        verb, due = "may be", f"{due}, if the tries before it took {_size(late)}"
    if retry.due > found.question.read_at:
        verb = "would be"
    yield f"{_clock(found, at)} {verb} retry {retry.number} of {moment(found, retry.of)} ({due})."


# What is live


def _horizon(found: Explained, options: str) -> Iterator[str]:
    end = found.question.end
    if end and end > found.question.read_at:
        yield f"What is live is exact until {moment(found, end)}, and no longer."
    else:
        yield "What is live was compiled for a time that is over, and nobody has renewed it."
    renew = _command(options, "apply", "--only clock")
    yield f"{renew} renews it: run it from cron, without a review."


def _differs(found: Explained, options: str) -> Iterator[str]:
    question = found.question
    if not found.subject.parts:
        yield (
            "Nothing of it is live: the file declares it, and no apply has created it, or"
            f" somebody has deleted it; {_command(options, 'apply')} creates it."
        )
        return
    what = "The account does not have what the file says"
    if found.at is not None:
        fires = f"{_part(found.part)} fires" if found.part else "nothing of it fires"
        wanted = "wants it" if found.firing else "does not"
        what = f"At {moment(found, found.at)} {fires}, and the file {wanted}"
    reasons = {
        "file": "the file has changed, and no apply has come since",
        "drift": "somebody has changed it outside",
        "both": "somebody has changed it outside, and the file has changed, too",
        "adopt": "it carries no mark of ours",
        "rename": "it is to be renamed",
    }
    change = question.change
    why = reasons.get(change.reason) if change else None
    if change and change.is_refused_alone:
        why = _overwritten(found)
    elif why is None and question.is_native:
        why = "QStash reads a cron with a zone in its own way (dst.strategy: native)"
    yield f"{what}: {why}." if why else f"{what}."
    if change and change.is_refused_alone:
        adopt = _command(options, "apply", "--adopt", found.subject.name)
        yield f"A plan refuses to overwrite it; {adopt} takes it over."


def _overwritten(found: Explained) -> str:
    foreign = next((p for p in found.subject.parts if not p.ours), found.subject.parts[0])
    if foreign.mark:
        return f"{foreign.live.id} carries the mark of another namespace or environment"
    return f"somebody has overwritten {foreign.live.id}, or made it: it has no mark of ours"


def _disagrees(_found: Explained, _: str) -> Iterator[str]:
    yield "QStash names a next firing that the stored cron does not have; see `server`."


def _of_another(found: Explained, _: str) -> Iterator[str]:
    other = found.other
    assert other
    assert found.at
    cron = other.part.live.cron
    if other.schedule is None:
        yield f"Another schedule, {other.part.live.id}, calls the same address then: {cron}."
        yield "No file here declares it."
    else:
        job = other.schedule.timing.job
        place = f" ({location(other.schedule)})" if location(other.schedule) else ""
        yield f"{other.schedule.name}{place} calls the same address then: {spoken.time(job)}."
    yield f"Nothing of {found.subject.name} is due at that time."


def _undeclared(found: Explained, _: str) -> Iterator[str]:
    part, change, job = found.subject.parts[0], found.question.change, found.subject.job
    if change and change.action is Action.DELETE:
        fate = "the next apply deletes it"
        if change.refused:
            fate = f"a plan refuses to delete it: {change.refused}"
        yield f"It is ours by its mark, and no file declares it any more: {fate}."
    elif part.ours:
        yield "It is ours by its mark, and the files declare no schedules at all."
    elif part.mark:
        yield "It carries the mark of another namespace or environment; nothing here touches it."
    else:
        yield "No file declares it, and it carries no mark: nothing here touches it."
    if job:
        yield f"It was written for {spoken.time(job)}."
    else:
        yield f"It fires by its own cron: {part.live.cron}"
    question = found.question
    if question.local and not question.is_shown:
        yield _no_such_time(found)
    elif question.at is not None:
        fires, zone = question.fires(question.at), found.subject.timezone
        local = f" ({_clock(found, question.at)} {zone})" if zone != "UTC" else ""
        fate = "it fires" if fires else "it does not fire"
        paused = "; it is paused" if fires and fires.live.paused else ""
        yield f"At {question.at:%a %Y-%m-%d %H:%MZ}{local} {fate}{paused}."


def _no_such_time(found: Explained) -> str:
    local = found.question.local
    return f"{local:%H:%M} does not exist on {local:%Y-%m-%d} in {found.subject.timezone}."


def _unknown(found: Explained, _: str) -> Iterator[str]:
    question = found.question
    when = moment(found, found.at) if found.at else ""
    run = question.last_run
    match found.doubt:
        case Doubt.NOT_MADE if question.since:
            since = moment(found, question.since)
            yield f"Nothing of it is older than {since}: nobody knows of before."
        case Doubt.NO_SUCH_TIME:
            yield _no_such_time(found)
            yield "Nothing of it is due in the hour that the clock leaves out."
        case Doubt.REPLACED:
            yield f"{when} is past, and what was live then is not known: it has been renewed since."
        case Doubt.NOT_RUN if run:
            last = moment(found, run)
            yield f"{_part(found.part)} was due at {when}; its last run is {last}, says QStash."
            yield "Either it was not fired then, or it has been changed or paused in between."
        case _:
            yield f"Nothing of it is due at {when}: no firing, no delay, no retry of one."
            if question.is_past:
                yield "Somebody may have called it by hand; QStash's log has the message's id."


_SAID: dict[Verdict, Callable[[Explained, str], Iterator[str]]] = {
    Verdict.UNMANAGED: _undeclared,
    Verdict.PAUSED: _paused,
    Verdict.AS_DECLARED: _as_declared,
    Verdict.GAP: _of_rule,
    Verdict.FOLD: _of_rule,
    Verdict.HORIZON_OVER: _horizon,
    Verdict.LIVE_DIFFERS: _differs,
    Verdict.DELAY: _delayed,
    Verdict.RETRY: _of_retry,
    Verdict.OTHER: _of_another,
    Verdict.SERVER_DISAGREES: _disagrees,
    Verdict.UNKNOWN: _unknown,
}
