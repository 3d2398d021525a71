"""An explanation: the verdict first, then what it rests on; and its JSON."""

from collections.abc import Iterator
from datetime import datetime

from qstash_sync.crons import zones
from qstash_sync.crons.firings import Gap
from qstash_sync.model import fields
from qstash_sync.model.settings import duration
from qstash_sync.reconcile import times
from qstash_sync.render import json as view, safe
from qstash_sync.render.coming import rule_document, rule_words
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint, details
from qstash_sync.timeline.explained import Explained, Verdict
from qstash_sync.timeline.rules import rule_at

_LABEL = 10
_MINUTE = 60  # seconds
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
    Verdict.SERVER_DISAGREES: "QStash disagrees",
    Verdict.UNKNOWN: "unknown",
}
_QUIET = (Verdict.AS_DECLARED, Verdict.GAP, Verdict.FOLD, Verdict.DELAY, Verdict.RETRY)


def document(found: Explained, requests: tuple[int, int]) -> Page:
    """The JSON: instants in UTC, `local` in the schedule's zone."""
    subject = found.subject
    schedule = subject.schedule
    return view.document(
        verdict=found.verdict,
        why=list(_why(found)),
        name=subject.name,
        id=schedule.id if schedule else subject.name,
        at=view.stamp(found.at),
        location=str(schedule.location) if schedule and schedule.location else None,
        wanted=[
            {"at": view.stamp(at), "local": _local(found, at).isoformat()} for at in found.wanted
        ],
        rule=found.rule and rule_document(found.rule),
        firing=view.stamp(found.firing),
        retry=found.retry
        and {
            "number": found.retry.number,
            "of": view.stamp(found.retry.of),
            "due": view.stamp(found.retry.due),
        },
        retries=None if found.retries is None else [view.stamp(at) for at in found.retries],
        live=found.part and {"id": found.part.live.id, "cron": found.part.live.cron},
        parts=[
            {"id": one.live.id, "cron": one.live.cron, "paused": one.live.paused}
            for one in subject.parts
        ],
        differences=[view.field(one) for one in found.differences],
        exact_until=view.stamp(found.until),
        next={
            "expected": view.stamp(found.expected_next),
            "server": view.stamp(found.server_next),
        },
        warnings=[view.diagnostic(one) for one in found.known],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )


def _local(found: Explained, at: datetime) -> datetime:
    schedule = found.subject.schedule
    return at.astimezone(zones.zone(schedule.timing.job.timezone if schedule else "UTC"))


def text(found: Explained, paint: Paint) -> Page:
    """The page: verdict and reason, then the facts in a column."""
    style = "green" if found.verdict in _QUIET else "yellow"
    title = _TITLES[found.verdict]
    lines = [f"{found.subject.name}: {paint(title, style, 'bold')}"]
    for sentence in _why(found):
        lines += paint.wrapped(f"  {sentence}", 2)
    lines.append("")
    for label, rows in _facts(found):
        for number, row in enumerate(rows):
            lines += paint.wrapped(f"  {label if not number else '':{_LABEL}}{row}", _LABEL + 4)
    return safe.page(lines)


# Why, in a sentence or two


def _why(found: Explained) -> Iterator[str]:
    """The reason, and the way out where there is one to go."""
    at = found.at
    when = _moment(found, at) if at else "now"
    match found.verdict:
        case Verdict.UNMANAGED:
            yield from _unmanaged(found)
        case Verdict.PAUSED:
            yield from _paused(found)
        case Verdict.GAP | Verdict.FOLD if found.rule:
            yield _of_rule(found)
        case Verdict.AS_DECLARED:
            yield from _as_declared(found)
        case Verdict.DELAY if found.firing:
            delay = duration(found.delay)
            before = _moment(found, found.firing)
            yield f"{when} is {delay} after the firing of {before}: its delay."
        case Verdict.RETRY if found.retry and at:
            yield _of_retry(found, at)
        case Verdict.HORIZON_OVER if found.until or found.change:
            yield from _horizon(found)
        case Verdict.LIVE_DIFFERS:
            yield from _differs(found)
        case Verdict.SERVER_DISAGREES:
            yield "QStash names a next firing that the stored cron does not have; see `server`."
        case _:
            yield from _nothing(found, when)


def _paused(found: Explained) -> Iterator[str]:
    schedule, parts = found.subject.schedule, found.subject.parts
    count = sum(part.live.paused for part in parts)
    by = "the file says paused: true" if schedule and schedule.paused else "the file leaves it so"
    what = "It is paused in the account"
    if count < len(parts):
        what = f"{count} of its {len(parts)} parts are paused; the next write pauses all"
    yield f"{what}, and {by}; `resume {found.subject.name}` resumes it."


def _moment(found: Explained, at: datetime) -> str:
    """A local time, with its date; seconds only where there are some."""
    local = _local(found, at)
    seconds = ":%S" if at.second else ""
    return f"{local:%a %Y-%m-%d %H:%M{seconds}}"


def _clock(found: Explained, at: datetime) -> str:
    local = _local(found, at)
    return f"{local:%H:%M:%S}" if at.second else f"{local:%H:%M}"


def _of_rule(found: Explained) -> str:
    rule = found.rule
    assert rule
    assert found.subject.schedule
    zone = found.subject.schedule.timing.job.timezone
    key = "gap" if rule.is_gap else "fold"
    policy = f"(dst.{key}: {rule.policy})"
    if isinstance(rule.policy, Gap):
        gone = f"{rule.local:%H:%M} does not exist on {rule.local:%Y-%m-%d} in {zone}"
        if rule.at is None:
            return f"Nothing fires: {gone}, and is left out {policy}."
        return f"{_clock(found, rule.at)} because {gone} {policy}."
    twice = f"{rule.local:%H:%M} comes twice on {rule.local:%Y-%m-%d} in {zone}"
    if found.at and found.firing is None and rule.at and found.at != rule.at:
        which = "second" if rule.second else "first"
        return f"Nothing fires at this one: {twice}, and only the {which} counts {policy}."
    which = "both count" if rule.policy == "both" else f"the {rule.policy} counts"
    return f"{twice}, and {which} {policy}."


def _as_declared(found: Explained) -> Iterator[str]:
    schedule = found.subject.schedule
    if schedule and fields.TIME in schedule.ignore:
        yield "Its time is somebody else's: the file ignores `cron`, and what is live counts."
        if found.at:
            yield f"{_part(found)} has {_moment(found, found.at)}."
        return
    if found.at is None:
        yield "What is live fires as the file says."
    else:
        tense = "fired" if found.at < found.now else "fires"
        yield f"{_moment(found, found.at)} is a time of the file; {_part(found)} {tense} then."
        if found.delay:
            yield f"It is sent {duration(found.delay)} later: its delay."
    if found.change:
        yield "An apply is due all the same: see `differs`, or `plan`."


def _part(found: Explained) -> str:
    return found.part.live.id if found.part else "a part"


def _of_retry(found: Explained, at: datetime) -> str:
    retry = found.retry
    assert retry
    late = (at - retry.due).total_seconds()
    due, of = _clock(found, retry.due), _moment(found, retry.of)
    if late < _MINUTE:
        return f"{_clock(found, at)} is retry {retry.number} of {of} (due {due})."
    took = f"due {due}, if the tries before it took {_size(late)}"
    return f"{_clock(found, at)} may be retry {retry.number} of {of} ({took})."


def _size(seconds: float) -> str:
    return duration(round(seconds))


def _horizon(found: Explained) -> Iterator[str]:
    if found.at and found.at > found.now and found.until:
        yield f"What is live is exact until {_moment(found, found.until)}, and no longer."
    else:
        yield "What is live was compiled for a time that is over, and nobody has renewed it."
    yield "`apply --only clock` renews it: run it from cron, without a review."


def _differs(found: Explained) -> Iterator[str]:
    if not found.subject.parts:
        yield (
            "Nothing of it is live: the file declares it, and no apply has created it, or"
            " somebody has deleted it; `apply` creates it."
        )
        return
    what = "The account has not what the file says"
    if found.at is not None:
        fires = f"{_part(found)} fires" if found.fires_then else "nothing of it fires"
        wanted = "wants it" if found.firing else "does not"
        what = f"At {_moment(found, found.at)} {fires}, and the file {wanted}"
    reasons = {
        "file": "the file has changed, and no apply has come since",
        "drift": "somebody has changed it outside",
        "both": "somebody has changed it outside, and the file has changed, too",
        "adopt": "it carries no mark of ours",
        "rename": "it is to be renamed",
    }
    why = reasons.get(found.change.reason) if found.change else None
    if why is None and any("=" in part.live.cron for part in found.subject.parts):
        why = "QStash reads a cron with a zone in its own way (dst.strategy: native)"
    yield f"{what}: {why}." if why else f"{what}."


def _unmanaged(found: Explained) -> Iterator[str]:
    part = found.part
    if found.subject.schedule and part:
        yield f"Another schedule, {part.live.id}, calls the same address then: {part.live.cron}."
        yield "Nothing of this one is due at that time."
        return
    mine = part is not None and part.ours
    if mine:
        yield "It is ours by its mark, and no file declares it: an apply deletes it."
    elif part is not None and part.mark:
        yield "It carries the mark of another namespace or environment; nothing here touches it."
    else:
        yield "No file declares it, and it carries no mark: nothing here touches it."
    if part is None:
        return
    yield f"It fires by its own cron: {part.live.cron}"
    if found.at is not None:
        fires = "fires" if found.fires_then else "does not fire"
        yield f"At {found.at:%a %Y-%m-%d %H:%MZ} it {fires}."


def _nothing(found: Explained, when: str) -> Iterator[str]:
    if found.at and found.since and found.at < found.since:
        yield f"Nothing of it is older than {_moment(found, found.since)}: nobody knows of before."
        return
    if found.firing or found.fires_then:
        yield f"{when} is past, and what was live then is not known: it has been renewed since."
        return
    yield f"Nothing of it is due at {when}: no firing, no delay, no retry of one."
    yield "Somebody may have called it by hand; QStash's log has the message's id."


# The facts


def _facts(found: Explained) -> Iterator[tuple[str, list[str]]]:
    schedule = found.subject.schedule
    if schedule:
        location = (
            f"{schedule.location.file}:{schedule.location.line}: " if schedule.location else ""
        )
        yield "file", [f"{location}{times.text(schedule)} in {schedule.timing.job.timezone}"]
        yield "notes", [f"{key}: {text}" for key, text in schedule.notes]
    yield "wanted", [*_wanted(found)]
    yield "account", [*_account(found)]
    yield "retries", [*_retries(found)]
    if found.until:
        yield "exact", [f"until {found.until:%a %Y-%m-%d %H:%MZ}"]
    if found.change:
        lines = [line.strip() for line in details(found.change)]
        yield "differs", lines or [f"an apply would {found.change.action} it"]
    yield "server", [*_server(found)]
    yield "known", [one.message for one in found.known]


def _wanted(found: Explained) -> Iterator[str]:
    """Firings of the file in local time and UTC; the one in question is marked."""
    schedule = found.subject.schedule
    asked = found.firing or found.at
    for at in found.wanted:
        rule = rule_at(schedule.timing.job, at) if schedule else None
        told = f"  {rule_words(rule, policy=False)}" if rule else ""
        mark = "  <--" if asked and at == asked.replace(second=0, microsecond=0) else ""
        yield f"{_moment(found, at)}  {at:%H:%MZ}{told}{mark}"
    if found.subject.schedule and not found.wanted:
        yield "never"


def _account(found: Explained) -> Iterator[str]:
    for part in found.subject.parts:
        paused = "  paused" if part.live.paused else ""
        mark = "  <--" if part is found.part and found.verdict not in _NO_PART else ""
        yield f"{part.live.id}  {part.live.cron}{paused}{mark}"


_NO_PART = (Verdict.PAUSED, Verdict.UNMANAGED)


def _retries(found: Explained) -> Iterator[str]:
    if found.retries is None:
        yield "by an expression that cannot be computed here"
    elif found.retries:
        first = _local(found, found.firing or found.at or found.retries[0]).date()
        days = [(_local(found, at).date() - first).days for at in found.retries]
        clocks = [_clock(found, at) for at in found.retries]
        shown = (f"{c} +{day}d" if day else c for c, day in zip(clocks, days, strict=True))
        yield f"{len(found.retries)}, if each try fails at once: {', '.join(shown)}"


def _server(found: Explained) -> Iterator[str]:
    if found.server_next is None:
        return
    same = found.server_next == found.expected_next
    ours = (
        ""
        if same or not found.expected_next
        else f"; the file: {found.expected_next:%a %Y-%m-%d %H:%MZ}"
    )
    yield f"next {found.server_next:%a %Y-%m-%d %H:%MZ}{', as the file' if same else ours}"
