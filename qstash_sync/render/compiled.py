"""Compilations: a page in 80 columns that is read in ten seconds, and its JSON."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import Any

from qstash_sync.crons import zones
from qstash_sync.crons.bitmaps import Difference
from qstash_sync.crons.compile import Compilation, Part, Proof, Strategy
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.model.names import natural
from qstash_sync.planning.outlook import Outlook
from qstash_sync.render import json as view
from qstash_sync.render.safe import Page
from qstash_sync.render.text import Paint
from qstash_sync.render.words import counted

_WIDTH = 80
_LABEL = 13  # columns before a value
_ROOM = _WIDTH - _LABEL
_CRON = 38  # a longer cron takes a line of its own

# ---------------------------------------------------------------- JSON


def document(
    shown: Iterable[Outlook], diagnostics: Sequence[Diagnostic], requests: tuple[int, int] = (0, 0)
) -> Page:
    """All compilations, with the diagnostics of a run; an error leaves the others standing."""
    errors = [f for f in diagnostics if f.severity is Severity.ERROR]
    return view.document(
        tzdata=zones.tzdata_version(),
        schedules=[_as_json(outlook) for outlook in shown],
        warnings=[view.diagnostic(f) for f in diagnostics if f not in errors],
        errors=[view.diagnostic(f) for f in errors],
        requests={"read": requests[0], "write": requests[1]},
    )


def _as_json(outlook: Outlook) -> dict[str, Any]:
    """Instants are ISO 8601 in UTC, offsets minutes east of UTC."""
    made, job = outlook.made, outlook.timing.job
    crons = [cron.text for cron in job.crons]
    return {
        "name": outlook.name,
        "cron": crons[0] if len(crons) == 1 else crons,
        "timezone": job.timezone,
        "gap": job.gap,
        "fold": job.fold,
        "requested": made.requested,
        "strategy": made.strategy,
        "reason": made.reason,
        "parts": list(made.crons),
        "parts_detail": [
            {"cron": part.cron, "serves": part.serves, "offsets": list(_offsets(part, outlook))}
            for part in made.parts
        ],
        "valid_from": view.stamp(made.valid_from),
        "valid_until": view.stamp(made.valid_until),
        "renew_at": view.stamp(made.renew_at),
        "proof": {"firings": made.proof.firings, **_wrong(made.proof)},
        "transitions": [
            {
                "at": view.stamp(change.at),
                "offset_before": change.offset_before,
                "offset_after": change.offset_after,
            }
            for change in made.transitions
        ],
        "next_firings": [
            {"local": _local(outlook, at).isoformat(), "utc": view.stamp(at)}
            for at in outlook.firings
        ],
        "after_the_end": {
            **_wrong(outlook.after),
            "first": view.stamp(outlook.after.first),
        },
        "warnings": [caution.text for caution in made.cautions],
    }


def _wrong(counted: Proof | Difference) -> dict[str, int]:
    return {"missing": counted.missing, "extra": counted.extra, "doubled": counted.doubled}


# ---------------------------------------------------------------- text


def text(shown: Sequence[Outlook], paint: Paint) -> Page:
    """One block for each schedule, the sums last."""
    named = sorted(shown, key=lambda outlook: natural(outlook.name or ""))
    blocks = [line for outlook in named for line in (*_block(outlook, paint), "")]
    parts = sum(len(outlook.made.parts) for outlook in shown)
    total = f"{counted(len(shown), 'schedule')}, {counted(parts, 'part')}"
    return paint.page([*blocks, paint(f"{total}; tzdata {zones.tzdata_version()}.", "dim")])


def _block(outlook: Outlook, paint: Paint) -> Iterator[str]:
    made, job = outlook.made, outlook.timing.job
    crons = ", ".join(" ".join(cron.text.split()) for cron in job.crons)
    heading = f"{outlook.name}: " if outlook.name else ""
    for line in wrap(f"{heading}{crons} in {job.timezone}", _WIDTH):
        yield paint(line, "bold")

    by_auto = f", chosen by auto: {made.reason}" if made.requested is Strategy.AUTO else ""
    # The policies that were asked for; the defaults stand in the warnings where they matter.
    policies = [f"{key}: {value}" for key, value in (("gap", job.gap), ("fold", job.fold)) if value]
    proof = [f"{counted(made.proof.firings, 'firing')}: {_numbers(made.proof)}"]
    if made.strategy is Strategy.NATIVE:
        proof.append("by a model of QStash's parser, over 366 days")

    fields = [
        ("strategy", _fold(f"{made.strategy}{by_auto}")),
        ("policy", [", ".join(policies)] if policies else []),
        ("parts", _parts(outlook)),
        ("clock", [*_changes(outlook)]),
        ("next", [*_firings(outlook)]),
        ("horizon", _fold(_horizon(made))),
        ("renewal", _fold(_renewal(outlook))),
        ("proof", proof),
        ("after", _after(outlook)),
        *(("warning", _fold(caution.text)) for caution in made.cautions),
    ]
    verdict = "red" if any(_wrong(made.proof).values()) else "green"
    for label, lines in fields:
        head = paint(f"{label:{_LABEL - 2}}", "yellow" if label == "warning" else "dim")
        for number, line in enumerate(lines):
            before = f"  {head}" if number == 0 else " " * _LABEL
            yield before + (paint(line, verdict) if label == "proof" else line)


def _parts(outlook: Outlook) -> list[str]:
    """Cron, offset and dates of each part in columns; a long cron stands on lines of its own."""
    parts = [(part, _hours(_offsets(part, outlook))) for part in outlook.made.parts]
    wide = max((len(part.cron) for part, _ in parts if len(part.cron) <= _CRON), default=0)
    middle = max(len(hours) for _, hours in parts)
    lines: list[str] = []
    for part, hours in parts:
        cron, start = part.cron, wide
        if max(map(len, part.serves.split())) > _ROOM - wide - middle - 4:
            start = 0
        if len(cron) > start:
            lines += _fold(cron, hang="    ")
            cron = ""
        first = f"{cron:{start}}  {hours:{middle}}  "
        lines += _fold(part.serves, first=first, hang=" " * len(first))
    return lines


def _offsets(part: Part, outlook: Outlook) -> tuple[int, ...]:
    """The offsets that a part serves: its own, or all of the coming year."""
    return outlook.offsets if part.offset is None else (part.offset,)


def _hours(offsets: Iterable[int]) -> str:
    """UTC-5, UTC+5:30, or UTC-5/-4 for two."""
    signed = []
    for offset in offsets:
        hours, minutes = divmod(abs(offset), 60)
        rest = f":{minutes:02}" if minutes else ""
        signed.append(f"{'-' if offset < 0 else '+'}{hours}{rest}")
    return "UTC" + "/".join(signed)


def _changes(outlook: Outlook) -> Iterator[str]:
    if not outlook.changes:
        yield "no change within a year"
    for change in outlook.changes:
        before = change.at + timedelta(minutes=change.offset_before)
        after = change.at + timedelta(minutes=change.offset_after)
        other_day = "" if before.date() == after.date() else f"{after:%a} "
        yield (
            f"{before:%a %Y-%m-%d %H:%M} -> {other_day}{after:%H:%M}"
            f"   {_hours([change.offset_before])} -> {_hours([change.offset_after])}"
        )


def _firings(outlook: Outlook) -> Iterator[str]:
    end = outlook.made.valid_until
    for at in outlook.firings:
        late = "   once renewed" if end and at >= end else ""
        yield f"{_local(outlook, at):%a %Y-%m-%d %H:%M}   {_utc(at)}{late}"


def _horizon(made: Compilation) -> str:
    start = f"from {_utc(made.valid_from)}"
    if made.strategy is Strategy.NATIVE:
        return f"{start} for ever: QStash keeps the zone's time"
    if made.valid_until is None:
        return f"{start} for ever, as far as the zone data tells"
    days = (made.valid_until - made.valid_from).days
    return f"exact {start} until {_utc(made.valid_until)}, {counted(days, 'day')}"


def _renewal(outlook: Outlook) -> str:
    made = outlook.made
    if made.valid_until is None or made.renew_at is None:
        return "none needed"
    if made.strategy is Strategy.FOLLOW:
        return "by an apply right after the end, no sooner"
    days = (made.valid_until - made.renew_at).days
    return f"planned from {made.renew_at:%a %Y-%m-%d} on, {counted(days, 'day')} before the end"


def _after(outlook: Outlook) -> list[str]:
    found = outlook.after
    if outlook.made.valid_until is None:
        return ["no end in sight"]
    if found.first is None:
        return ["nothing goes wrong in the 365 days after the end, renewed or not"]
    return [
        f"365 days if not renewed: {_numbers(found)}",
        f"first wrong {_local(outlook, found.first):%a %Y-%m-%d %H:%M}   {_utc(found.first)}",
    ]


def _numbers(counted: Proof | Difference) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in _wrong(counted).items())


def _local(outlook: Outlook, at: datetime) -> datetime:
    return at.astimezone(zones.zone(outlook.timing.job.timezone))


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def _fold(line: str, *, first: str = "", hang: str = "") -> list[str]:
    """Lines that fit beside a label; only a field of a cron that is longer is left whole."""
    return wrap(
        line, _ROOM, initial_indent=first, subsequent_indent=hang,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
