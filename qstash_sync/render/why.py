"""Why, in a sentence or two: what a verdict says to a person, and the way out if there is one."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from qstash_sync.crons import zones
from qstash_sync.crons.compilation import Strategy
from qstash_sync.crons.gap_and_fold import Fold, Gap
from qstash_sync.model import ignorable
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.durations import duration
from qstash_sync.model.resources import Schedule
from qstash_sync.reconcile.live_parts import LivePart
from qstash_sync.reconcile.pauses import partly
from qstash_sync.render import spoken
from qstash_sync.timeline.explained import Explained, Verdict
from qstash_sync.timeline.question import LATE, MINUTE, Doubt

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
        return f"its {found.holder.noun} is paused"
    if found.verdict is Verdict.PAUSED and len(question.paused) < len(found.subject.parts):
        return "partly paused"
    if found.verdict is Verdict.HORIZON_OVER and _ends_ahead(found):
        return "the horizon ends before"
    if found.verdict is Verdict.HORIZON_OVER and question.change is None:
        return "the horizon was over"
    if found.verdict is Verdict.RETRY and _is_late(found):
        return "nothing is due then; perhaps a late retry"
    return _TITLES[found.verdict]


def why(found: Explained) -> Iterator[str]:
    """The reason, and the way out where there is one to go."""
    said = _held if found.holder else _SAID[found.verdict]
    yield from (said if found.subject.schedule else _undeclared)(found)
    if found.subject.missing:
        live = ", ".join(part.live.id for part in found.subject.parts) or "nothing"
        yield f"{found.subject.missing} is not live; what is: {live}."


def location(schedule: Schedule | None) -> str:
    """Where the file declares it; empty where none does."""
    place = schedule.location if schedule else None
    return f"{place.file}:{place.line}" if place else ""


def local_time(found: Explained, at: datetime) -> datetime:
    """By the clock of its zone."""
    return at.astimezone(zones.zone(found.subject.timezone))


def _command(found: Explained, *words: str) -> str:
    return f"`{found.question.desired.command(*words)}`"


def moment(found: Explained, at: datetime) -> str:
    """A local time, with its date; seconds only where there are some."""
    local = local_time(found, at)
    seconds = ":%S" if at.second else ""
    return f"{local:%a %Y-%m-%d %H:%M{seconds}}"


def _moment(found: Explained, at: datetime) -> str:
    """In a sentence, where nothing stands beside it: of a time that comes twice, which one."""
    local = local_time(found, at)
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return f"{moment(found, at)} ({at:%H:%MZ})" if twice else moment(found, at)


def _clock(found: Explained, at: datetime) -> str:
    local = local_time(found, at)
    return f"{local:%H:%M:%S}" if at.second else f"{local:%H:%M}"


def _size(by: timedelta) -> str:
    return duration(round(by.total_seconds()))


def _part(part: LivePart | None) -> str:
    return part.live.id if part else "a part"


# Pauses


def _paused(found: Explained) -> Iterator[str]:
    question, schedule = found.question, found.subject.schedule
    paused, parts = question.paused, found.subject.parts
    if len(paused) == len(parts):
        yield "It is paused in the account."
    else:
        names = ", ".join(part.live.id for part in paused)
        yield f"{partly(len(paused), len(parts))}: {names}."
        if found.at:
            yield f"At {_moment(found, found.at)} {_part(found.part)} should fire, and is paused."
        elif question.server_next:
            yield f"The others fire, next {_moment(found, question.server_next)}."
    if question.is_past:
        yield "Since when, QStash does not say."
    resume = _command(found, "resume", found.subject.name)
    if schedule and schedule.paused and ignorable.PAUSE not in schedule.ignore:
        yield "The file says paused: true: change that first, or the next apply pauses it again."
    elif schedule and schedule.paused is False:
        yield f"The file says paused: false: {_command(found, 'apply')} resumes it."
    elif len(paused) < len(parts):
        yield f"The next write pauses all of it; {resume} resumes it."
    else:
        yield f"The file leaves it so; {resume} resumes it."


def _held(found: Explained) -> Iterator[str]:
    holder = found.holder
    assert holder
    yield f"It fires, and {holder.waits}."
    if found.question.is_past:
        yield "Since when it is paused, QStash does not say."
    yield f"They are sent when the {holder.noun} is resumed."


# What the file says


def _of_rule(found: Explained) -> Iterator[str]:
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


def _as_declared(found: Explained) -> Iterator[str]:
    schedule = found.subject.schedule
    if schedule and ignorable.TIME in schedule.ignore:
        yield "Its time is somebody else's: the file ignores `cron`, and what is live counts."
        if found.at:
            yield f"{_part(found.part)} has {_moment(found, found.at)}."
    elif found.at is None:
        yield "What is live fires as the file says."
    else:
        yield f"{_moment(found, found.firing or found.at)} is a time of the file."
        yield from _of_firing(found)
        if found.retry:
            yield (
                f"{_clock(found, found.at)} is when its retry {found.retry.number} is due, too, if"
                " the first try fails at once."
            )
    if found.question.change:
        yield "An apply is due all the same: see `differs`, or " + _command(found, "plan") + "."


def _of_firing(found: Explained) -> Iterator[str]:
    """Whether it fires, or is known to have fired, and when its message is sent."""
    question, at = found.question, found.firing
    if at is None:
        return
    renewal, end, run = question.renewal, question.end, question.last_run
    if found.part is None and renewal and end:
        yield f"What is live is exact until {_moment(found, end)}."
        yield f"An apply from {local_time(found, renewal):%a %Y-%m-%d} on renews it before then."
    elif not question.is_past:
        yield f"{_part(found.part)} fires then."
    elif run is None:
        yield f"{_part(found.part)} was due then; QStash notes no run of it."
        yield "It has not run, or what was live then has been overwritten since."
    elif run < at + MINUTE + LATE:
        yield f"{_part(found.part)} fired then: it is the last run that QStash notes."
    else:
        last = _moment(found, run)
        yield f"{_part(found.part)} was due then; the last run that QStash notes is {last}."
    if found.delay:
        yield f"It is sent {_size(found.delay)} later: its delay."


def _delayed(found: Explained) -> Iterator[str]:
    assert found.at
    assert found.firing
    when, before = _moment(found, found.at), _moment(found, found.firing)
    yield f"{when} is {_size(found.delay)} after the firing of {before}: its delay."
    yield from _unwanted(found)


def _unwanted(found: Explained) -> Iterator[str]:
    """That the file does not have the firing which explains a time."""
    if found.firing and not found.question.wants(found.firing):
        why = _reason(found.question.change)
        yield f"The file does not have that firing{f': {why}' if why else ''}."


def _is_late(found: Explained) -> bool:
    """Whether a time is that of a retry only if the tries before it took so long."""
    return bool(found.at and found.retry and found.at - found.retry.due >= MINUTE)


def _of_retry(found: Explained) -> Iterator[str]:
    retry, at = found.retry, found.at
    assert retry
    assert at
    late = at - retry.due
    verb, due = "is", f"due {_clock(found, retry.due)}"
    if _is_late(found):
        verb, due = "may be", f"{due}, if the tries before it took {_size(late)}"
    if retry.due > found.question.now:
        verb = "would be"
    of = (f"retry {one.number} of {_moment(found, one.of)}" for one in (retry, *found.also))
    yield f"{_clock(found, at)} {verb} {' or '.join(of)} ({due})."
    yield from _unwanted(found)


# What is live


def _ends_ahead(found: Explained) -> bool:
    question = found.question
    if question.is_past or question.wrong_since:
        return False
    return question.end is not None and question.end > question.now


def _horizon(found: Explained) -> Iterator[str]:
    question, change = found.question, found.question.change
    if question.end and _ends_ahead(found):
        yield f"What is live is exact until {_moment(found, question.end)}, and no longer."
    elif ended := question.ended(found.at if found.at and question.is_past else question.now):
        end = _moment(found, ended)
        yield f"What is live was exact until {end}: nobody seems to have renewed it."
    else:
        yield "What is live was compiled for a time that is over, and nobody has renewed it."
    if found.at and not _ends_ahead(found):
        yield f"By it, {_at(found)}."
    if change and change.reason is not Reason.CLOCK:
        yield f"{_command(found, 'apply')} renews it, with all else that differs."
    elif change or (_ends_ahead(found) and not _follows(found)):
        renew = _command(found, "apply", "--only", "clock")
        yield f"{renew} renews it: run it from cron, without a review."
    elif _ends_ahead(found):
        renew = _command(found, "apply", "--only", "clock")
        yield f"{renew} right after that renews it, and no sooner (dst.strategy: follow)."
    else:
        yield "By now it fires as the file says again."


def _follows(found: Explained) -> bool:
    schedule = found.subject.schedule
    return schedule is not None and schedule.timing.strategy is Strategy.FOLLOW


def _at(found: Explained) -> str:
    """What fires at a time, and what the file wants."""
    assert found.at
    fires = f"{_part(found.part)} fires" if found.part else "nothing of it fires"
    wanted = "wants it" if found.firing else "does not"
    return f"at {_moment(found, found.at)} {fires}, and the file {wanted}"


_REASONS = {
    Reason.FILE: "the file has changed, and no apply has come since",
    Reason.DRIFT: "somebody has changed it outside",
    Reason.BOTH: "somebody has changed it outside, and the file has changed, too",
    Reason.ADOPT: "it carries no mark of ours",
    Reason.RENAME: "it is to be renamed",
}


def _reason(change: Change | None) -> str | None:
    """Why account and file differ."""
    if change is None:
        return None
    if change.is_begun:
        return "an apply was cut off, and the next one finishes it"
    if change.may_be_cut_off:
        return "somebody has changed it outside, or an apply was cut off"
    return _REASONS.get(change.reason)


def _differs(found: Explained) -> Iterator[str]:
    question = found.question
    if not found.subject.parts:
        yield (
            "Nothing of it is live: the file declares it, and no apply has created it, or"
            f" somebody has deleted it; {_command(found, 'apply')} creates it."
        )
        return
    what = "The account does not have what the file says"
    if found.at is not None:
        what = _at(found)[0].upper() + _at(found)[1:]
    change = question.change
    why = _reason(change)
    if change and change.is_refused_alone:
        why = _overwritten(found)
    elif why is None and question.is_native:
        why = "QStash reads a cron with a zone in its own way (dst.strategy: native)"
    yield f"{what}: {why}." if why else f"{what}."
    if question.is_past and not question.is_native:
        yield "Since when it is so, QStash does not say."
    if change and change.is_refused_alone and not change.can_adopt:
        yield f"A plan refuses to overwrite it: {change.refused}."
    elif change and change.is_refused_alone:
        consent = question.desired.consent_to(found.subject.name)
        yield f"A plan refuses to overwrite it. To take it over, {consent}."
    elif change and change.reason is Reason.ADOPT:
        yield f"{_command(found, 'apply')} takes it over."


def _overwritten(found: Explained) -> str:
    foreign = next((p for p in found.subject.parts if not p.ours), found.subject.parts[0])
    if foreign.mark:
        return f"{foreign.live.id} carries the mark of another namespace or environment"
    return f"somebody has overwritten {foreign.live.id}, or made it: it has no mark of ours"


def _disagrees(found: Explained) -> Iterator[str]:
    yield "QStash names a next firing that the stored cron does not have; see `server`."
    if found.at and found.firing:
        yield f"By its cron, {_part(found.part)} fires at {_moment(found, found.firing)}."


def _of_another(found: Explained) -> Iterator[str]:
    other = found.other
    assert other
    assert found.at
    cron = other.part.live.cron
    if other.schedule is None:
        yield f"Another schedule, {other.part.live.id}, calls the same address then: {cron}."
        yield "It is wrong in the file." if other.is_wrong else "No file here declares it."
    else:
        job = other.schedule.timing.job
        place = f" ({location(other.schedule)})" if location(other.schedule) else ""
        is_former = other.part.base != other.schedule.id
        when = f", as {other.part.live.id}: {cron}" if is_former else f": {spoken.time(job)}"
        yield f"{other.schedule.name}{place} calls the same address then{when}."
    yield f"Nothing of {found.subject.name} is due at that time."


def _undeclared(found: Explained) -> Iterator[str]:
    part, change, job = found.subject.parts[0], found.question.change, found.subject.job
    if change and change.action is Action.DELETE:
        fate = "the next apply deletes it"
        if change.refused:
            fate = f"a plan refuses to delete it: {change.refused}"
        yield f"It is ours by its mark, and no file declares it any more: {fate}."
    elif part.ours:
        some = found.question.desired.schedules is not None
        which = "no file declares it any more" if some else "the files declare no schedules at all"
        yield f"It is ours by its mark, and {which}."
    elif found.question.drift.plan.index.is_orphan(part):
        yield "It is of an environment that the files do not have, so it is left alone."
        consent = found.question.desired.consent_to(found.subject.name, orphan=part.base)
        yield f"To delete it, {consent}."
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
        zone = found.subject.timezone
        local = f" ({_clock(found, question.at)} {zone})" if zone != "UTC" else ""
        yield f"At {question.at:%a %Y-%m-%d %H:%MZ}{local} {_fate(found)}."


def _fate(found: Explained) -> str:
    """Whether what no file declares fires at a time."""
    question, at = found.question, found.question.at
    assert at
    fires = question.fires(at)
    if question.since and at < question.since - MINUTE:
        return f"it was not there: it was made {_moment(found, question.since)}"
    if fires is None and question.unread:
        return f"nobody can tell here: {question.unread.live.cron} is no cron that we read"
    if fires is None:
        return "it does not fire"
    return "it is due, and paused" if question.is_paused_at(at) else "it fires"


def _no_such_time(found: Explained) -> str:
    local = found.question.local
    return f"{local:%H:%M} does not exist on {local:%Y-%m-%d} in {found.subject.timezone}."


def _unknown(found: Explained) -> Iterator[str]:
    question = found.question
    asked = found.at or question.at
    when = _moment(found, found.firing or asked) if asked else ""
    run = question.last_run
    match found.doubt:
        case Doubt.NOT_MADE if question.since:
            since = _moment(found, question.since)
            yield f"Nothing of it is older than {since}: nobody knows of before."
        case Doubt.NO_SUCH_TIME:
            yield _no_such_time(found)
            yield "Nothing of it is due in the hour that the clock leaves out."
        case Doubt.REPLACED:
            yield f"{when} is past, and what was live then is not known: it has been renewed since."
        case Doubt.UNREAD:
            cron = question.unread.live.cron if question.unread else ""
            yield f"{cron} is no cron that we read: whether it fires at {when} is not known."
        case Doubt.UNCOMPUTED:
            yield f"No firing and no delay of one is due at {when}; it may be a retry:"
            yield "when they are due, an expression says that cannot be computed here."
        case Doubt.NOT_RUN if run:
            last = _moment(found, run)
            yield f"{_part(found.part)} was due at {when}; its last run is {last}, says QStash."
            yield "Either it was not fired then, or it has been changed or paused in between."
        case _:
            yield f"Nothing of it is due at {when}: no firing, no delay, no retry of one."
            if retry := found.retry:
                of = f"retry {retry.number} of {_moment(found, retry.of)}"
                yield f"It would be {of}, which the file has, and what is live has not."
            if question.is_past:
                yield "It may have been written otherwise then, or somebody has called it by hand;"
                yield "QStash's log has the message's id."


_SAID: dict[Verdict, Callable[[Explained], Iterator[str]]] = {
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
