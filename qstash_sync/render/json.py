"""JSON: one document for every outcome, with `format_version` and the keys of the contract."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from qstash_sync.applying.outcomes import Applied, Outcome
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.errors import ConfigError, QstashSyncError, StalePlanError
from qstash_sync.model.change import Change, FieldChange
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import taken
from qstash_sync.render import safe, words
from qstash_sync.render.safe import Page

FORMAT_VERSION = 1
_LONG = 1_000
_COUNTS = ("create", "update", "delete", "refused", "unchanged", "unmanaged")


def document(**parts: Any) -> Page:
    """One JSON document; keys keep their order."""
    found = {"format_version": FORMAT_VERSION, **parts}
    # Of thousands of items nobody reads the indents, which take most of the time.
    is_long = any(isinstance(part, list) and len(part) > _LONG for part in parts.values())
    return safe.document(json.dumps(found, indent=None if is_long else 2, ensure_ascii=False))


def plan(
    plan: Plan, requests: tuple[int, int], applied: Applied | None = None, **more: Any
) -> Page:
    """A plan, and what became of it when it was applied; more: further keys."""
    if applied:
        more["unapproved"] = [_named(c) for c in applied.fresh]
    outcomes = applied.outcomes if applied else ()
    by_change = {outcome.change.key: outcome for outcome in outcomes}
    return document(
        environment=plan.environment,
        namespace=plan.namespace,
        tzdata=plan.tzdata,
        summary=plan.summary,
        changes=[change(c, by_change.get(c.key)) for c in plan.changes],
        warnings=[diagnostic(f) for f in plan.warnings],
        errors=[diagnostic(f) for f in plan.errors],
        rows={
            "before": plan.schedule_counts[0],
            "after": plan.schedule_counts[1],
            "allowed": plan.schedules_allowed,
        },
        messages_a_day=plan.messages and asdict(plan.messages),
        left=plan.left,
        left_out=[_named(c) for c in plan.left_out],
        summary_left_out=plan.summary_left_out,
        ignored=[asdict(one) for one in plan.ignored],
        managed=list(plan.managed),
        unmanaged=[asdict(one) for one in taken.unmanaged(plan.unmanaged, plan.live, plan.index)],
        **more,
        requests={"read": requests[0], "write": requests[1]},
    )


def _named(change: Change) -> dict[str, Any]:
    """What is changed, and why, without the fields."""
    return {key: getattr(change, key) for key in ("kind", "name", "id", "action", "reason")}


def change(change: Change, outcome: Outcome | None = None) -> dict[str, Any]:
    """One change, with its outcome after an apply."""
    origin = {"origin": change.origin} if change.origin else {}
    result = {**_named(change), **origin, "fields": [field(f) for f in change.fields]}
    notes = words.notes(change)
    if notes:
        result["notes"] = notes
    result |= _times(change)
    takes = change.takes
    if takes and takes.destination is not None:
        result["takes"] = {
            "crons": list(takes.crons),
            "local": takes.job and f"{_crons(takes.job)} in {takes.job.timezone}",
            "destination": takes.destination,
            "paused": takes.paused,
            "next_firing": stamp(takes.next_at),
            "last_firing": stamp(takes.last_at),
        }
    if change.pauses_all:
        result["pauses_all"] = True
    if change.refused:
        result["refused"] = change.refused
    if outcome:
        result |= {"outcome": outcome.status, "message": outcome.message}
        if outcome.facts:
            result["facts"] = list(outcome.facts)
    return result


def _times(change: Change) -> dict[str, Any]:
    """When a schedule fires before and after, and what that does to a year's firings."""
    found: dict[str, Any] = {}
    wanted, firings = change.wanted, change.firings
    if wanted:
        sides = (("before", wanted.before), ("after", wanted.after))
        found["wanted"] = {
            key: job and {"cron": _crons(job), "timezone": job.timezone} for key, job in sides
        }
    if firings:
        effect = firings.effect
        found["firings"] = {
            "days": effect.days,
            "moved": effect.moved,
            "added": effect.added,
            "removed": effect.removed,
            "moved_otherwise": effect.odd,
            "moved_by_minutes": effect.by and round(effect.by.total_seconds() / 60),
            "doubled": firings.doubled,
            "first_before": stamp(effect.first_before),
            "first_after": stamp(effect.first_after),
        }
    return found


def _crons(job: Job) -> str:
    return ", ".join(cron.text for cron in job.crons)


def stamp(at: datetime | None) -> str | None:
    """A time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


def field(field: FieldChange) -> dict[str, Any]:
    """A setting that differs."""
    before, after = (
        ", ".join(side) if isinstance(side, tuple) else side for side in (field.before, field.after)
    )
    result = {"path": field.path, "before": before, "after": after}
    note = field.withheld or field.note
    return result | ({"note": note} if note else {})


def diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic with its location; line and column are null where there is none."""
    location = diagnostic.location
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.text,
        "hint": diagnostic.hint,
        "file": location.file if location else None,
        "line": location.line if location else None,
        "column": location.column if location else None,
    }


def error(error: QstashSyncError, requests: tuple[int, int]) -> Page:
    """A run that ended in an error, with the keys of a plan."""
    diagnostics = [diagnostic(f) for f in diagnostics_of(error)]
    more: dict[str, Any] = {}
    if isinstance(error, StalePlanError):
        more["moved"] = [
            {
                **_named(moved.change),
                "why": moved.why,
                "fields": [
                    {
                        "path": move.path,
                        "approved": move.approved and field(move.approved),
                        "now": move.now and field(move.now),
                    }
                    for move in moved.fields
                ],
            }
            for moved in error.moved
        ]
    return document(
        summary=dict.fromkeys(_COUNTS, 0),
        changes=[],
        warnings=[f for f in diagnostics if f["severity"] != "error"],
        errors=[f for f in diagnostics if f["severity"] == "error"],
        **more,
        requests={"read": requests[0], "write": requests[1]},
    )


def diagnostics_of(error: QstashSyncError) -> tuple[Diagnostic, ...]:
    """An error as diagnostics: its own, or one of its message."""
    if isinstance(error, ConfigError):
        return error.diagnostics
    if isinstance(error, StalePlanError) and error.moved:
        messages = [f"{m.change.kind} {m.change.name}: {m.why}" for m in error.moved]
        return tuple(Diagnostic(code=error.code, message=message) for message in messages)
    return (Diagnostic(code=error.code, message=str(error)),)
