"""An explanation: the verdict first, then what it rests on; and its JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.reconcile import times
from qstash_sync.reconcile.live_parts import LivePart
from qstash_sync.render import json as view, safe, spoken, why
from qstash_sync.render.coming import rule_document, rule_words
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint, details
from qstash_sync.timeline.explained import Explained, Verdict
from qstash_sync.timeline.retries import Retry
from qstash_sync.timeline.rules import rule_at

_LABEL = 10
_QUIET = (Verdict.AS_DECLARED, Verdict.GAP, Verdict.FOLD, Verdict.DELAY, Verdict.RETRY)


def document(
    found: Explained, requests: tuple[int, int], warnings: Iterable[Diagnostic] = ()
) -> Page:
    """The JSON: instants in UTC, `local` in the schedule's zone; warnings: of the files."""
    question, subject, rule = found.question, found.subject, found.rule
    part = _shown_part(found)
    return view.document(
        verdict=found.verdict,
        why=list(why.why(found)),
        name=subject.name,
        id=subject.id,
        at=view.stamp(found.at),
        local=question.local and question.local.isoformat(),
        location=why.location(subject.schedule) or None,
        wanted=[
            {"at": view.stamp(at), "local": why.local_time(found, at).isoformat()}
            for at in question.around
        ],
        rule=rule and rule_document(rule),
        firing=view.stamp(found.firing),
        retry=found.retry and _retry(found.retry),
        also=[_retry(one) for one in found.also],
        retries=None if found.retries is None else [view.stamp(at) for at in found.retries],
        other=found.other
        and {
            "id": found.other.part.live.id,
            "name": found.other.schedule and found.other.schedule.name,
            "location": why.location(found.other.schedule) or None,
        },
        holder=found.holder
        and {
            "kind": found.holder.kind,
            "name": found.holder.name,
            "waiting": found.holder.waiting,
        },
        live=part and {"id": part.live.id, "cron": part.live.cron},
        parts=[
            {"id": one.live.id, "cron": one.live.cron, "paused": one.live.paused}
            for one in subject.parts
        ],
        differences=[view.field(one) for one in found.differences],
        exact_until=view.stamp(question.wrong_since or question.end),
        next={
            "expected": view.stamp(question.expected_next),
            "server": view.stamp(question.server_next),
        },
        last_run=view.stamp(question.last_run),
        warnings=[view.diagnostic(one) for one in (*warnings, *question.known)],
        errors=[],
        requests={"read": requests[0], "write": requests[1]},
    )


def _retry(retry: Retry) -> dict[str, Any]:
    return {"number": retry.number, "of": view.stamp(retry.of), "due": view.stamp(retry.due)}


def _shown_part(found: Explained) -> LivePart | None:
    """The part in question; where there is none, the one that was named."""
    return found.part or found.subject.part or next(found.question.disagreeing, None)


def text(found: Explained, paint: Paint) -> Page:
    """The page: verdict and reason, then the facts in a column."""
    style = "green" if found.verdict in _QUIET else "yellow"
    lines = paint.wrapped(f"{found.subject.name}: {paint(why.title(found), style, 'bold')}", 2)
    for sentence in why.why(found):
        lines += paint.wrapped(f"  {sentence}", 2)
    lines.append("")
    for label, rows in _facts(found):
        lines += _beside(label, rows, paint)
    return safe.page(lines)


def _beside(label: str, rows: list[str], paint: Paint) -> Iterator[str]:
    """A fact behind its label; what has columns of its own stands under it where it has no room."""
    shown = [f"  {label if not number else '':{_LABEL}}{row}" for number, row in enumerate(rows)]
    has_columns = any(row.startswith(" ") for row in rows)
    if has_columns and max(map(safe.columns, shown)) > paint.width:
        yield f"  {label}"
        yield from (line for row in rows for line in paint.row(f"      {row}"))
        return
    for row in shown:
        yield from paint.wrapped(row, _LABEL + 4)


# ---------------------------------------------------------------- the facts


def _facts(found: Explained) -> Iterator[tuple[str, list[str]]]:
    question, schedule = found.question, found.subject.schedule
    if schedule:
        place = f"{why.location(schedule)}: " if why.location(schedule) else ""
        yield "file", [f"{place}{times.text(schedule)} in {schedule.timing.job.timezone}"]
        yield "notes", [f"{key}: {text}" for key, text in schedule.notes]
    yield "wanted", [*_wanted(found)]
    yield "account", [*_account(found)]
    yield "retries", [*_retries(found)]
    ends = [f"{end:%a %Y-%m-%d %H:%MZ}" for end in (question.wrong_since, question.end) if end]
    yield "exact", [f"until {', next wrong '.join(ends)}"] if ends else []
    if question.change and schedule:
        lines = [line.removeprefix(" " * 6) for line in details(question.change)]
        if not (lines or question.change.refused):
            lines = [f"an apply would {question.change.action} it"]
        yield "differs", lines
    yield "server", [*_server(found)]
    yield "known", [one.message for one in question.known]


def _wanted(found: Explained) -> Iterator[str]:
    """Firings of the file in local time and UTC; the one in question is marked."""
    job, asked = found.question.job, found.firing or found.at
    firings = found.question.around
    for at in firings:
        rule = rule_at(job, at) if job else None
        fate = f"  {rule_words(rule, policy=False)}" if rule else ""
        mark = "  <--" if asked and at == asked.replace(second=0, microsecond=0) else ""
        utc = spoken.utc(at, why.local_time(found, at))
        yield f"{why.moment(found, at)}  {utc}{fate}{mark}"
    if found.subject.schedule and not firings and found.question.source:
        yield "never"


def _account(found: Explained) -> Iterator[str]:
    is_of_all = found.verdict is Verdict.PAUSED and found.question.at is None
    marked = found.subject.part if is_of_all else _shown_part(found)
    for part in found.subject.parts:
        paused = "  paused" if part.live.paused else ""
        yield f"{part.live.id}  {part.live.cron}{paused}{'  <--' if part is marked else ''}"


def _retries(found: Explained) -> Iterator[str]:
    if found.retries is None:
        yield "by an expression that cannot be computed here"
    elif found.retries:
        of = found.firing or found.at or found.retries[0]
        locals_ = [why.local_time(found, at) for at in (of, *found.retries)]
        # Where the clock changes between them, its times run backwards: then UTC.
        is_steady = len({local.utcoffset() for local in locals_}) == 1
        shown = locals_ if is_steady else [of, *found.retries]
        days = [(at.date() - shown[0].date()).days for at in shown[1:]]
        clocks = [f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}" for at in shown[1:]]
        zone = "" if is_steady else "Z"
        said = (
            f"{clock}{zone} +{day}d" if day else f"{clock}{zone}"
            for clock, day in zip(clocks, days, strict=True)
        )
        yield f"{len(found.retries):,}, if each try fails at once: {', '.join(said)}"


def _server(found: Explained) -> Iterator[str]:
    server, expected = found.question.server_next, found.question.expected_next
    if server is None:
        return
    ours = f"; the file: {expected:%a %Y-%m-%d %H:%MZ}" if expected else ""
    yield f"next {server:%a %Y-%m-%d %H:%MZ}{', as the file' if server == expected else ours}"
