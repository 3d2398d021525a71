"""A saved plan <-> its file: one JSON document with what is fit to be shown, digests, no secret.

The checksum finds damage and edits by hand; it is no signature.
"""

import hashlib
import json
from dataclasses import asdict, fields
from datetime import UTC, datetime
from types import NoneType
from typing import Any

from qstash_sync.crons.zones import YEARS
from qstash_sync.errors import SavedPlanError
from qstash_sync.model.change import Action, Change, FieldChange, Reason, Withheld
from qstash_sync.model.resources import Kind
from qstash_sync.planning.policy import Policy
from qstash_sync.planning.saved import Approved, Saved, Where
from qstash_sync.reconcile import ignored, scope

KIND = "qstash-sync plan"
FORMAT_VERSION = 2  # 1 had fingerprints over unset fields
_HEAD = 100  # characters of a document within which its kind stands
# What follows from the changes, and what was done when they were saved: they were linted.
_DERIVED = {"among", "fail_on", "without_lint", "saved"}
_KEPT = [field for field in fields(Policy) if field.name not in _DERIVED]
_GLOBS = [field.name for field in _KEPT if field.default == ()]
_FLAGS = [field.name for field in _KEPT if field.default is False]
_NO_POLICY = Policy()


def dump(saved: Saved) -> str:
    """The document; the same plan gives the same bytes."""
    body = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "now": _time(saved.now),
        "tzdata": saved.tzdata,
        "environment": saved.where.environment,
        "namespace": saved.where.namespace,
        "account": {key: getattr(saved.where, key) for key in ("user", "region", "url")},
        "made_with": saved.made_with,
        "options": _options(saved.policy),
        "changes": [_change(approved) for approved in saved.changes],
    }
    body["checksum"] = _checksum(body)
    return json.dumps(body, indent=2) + "\n"


def is_saved_plan(text: str) -> bool:
    """Whether a text begins as a saved plan of any version does, whole or not."""
    return text.startswith("{") and f'"kind": "{KIND}"' in text[:_HEAD]


def load(text: str) -> Saved:
    """The plan in a document; raises `SavedPlanError` where it is damaged or of another version."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise SavedPlanError("cut off or damaged: not one JSON document") from None
    version = body.get("format_version")
    if version != FORMAT_VERSION:
        what = f"written in format {version}, this version reads {FORMAT_VERSION}"
        raise SavedPlanError(f"made by another version of qstash-sync: {what}")
    try:
        if body.pop("checksum", None) != _checksum(body):
            raise SavedPlanError("changed since it was saved: its checksum does not fit")
        return _saved(body)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise SavedPlanError("damaged: not in the form in which plans are saved") from None


def _checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _options(policy: Policy) -> dict[str, Any]:
    """Those that are given, so that an option that comes later changes no plan without it."""
    given = {f.name: getattr(policy, f.name) for f in _KEPT}
    return {k: v for k, v in given.items() if v != getattr(_NO_POLICY, k)}


def _change(approved: Approved) -> dict[str, Any]:
    change = approved.change
    until = approved.exact_until
    return {
        "kind": change.kind,
        "name": change.name,
        "id": change.id,
        "action": change.action,
        "reason": change.reason,
        "fields": [asdict(field) for field in change.fields],
        "refused": change.refused,
        "paused": approved.paused,
        "exact_until": until and _time(until),
        "digests": {key: getattr(approved, key) for key in ("file", "account", "writes")},
    }


def _saved(body: dict[str, Any]) -> Saved:
    account = _typed(body, "account", dict)
    return Saved(
        now=_instant(_text(body, "now")),
        tzdata=_text(body, "tzdata"),
        where=Where(
            environment=_text_or_none(body, "environment"),
            namespace=_text(body, "namespace"),
            user=_text_or_none(account, "user"),
            region=_text_or_none(account, "region"),
            url=_text(account, "url"),
        ),
        policy=_policy(_typed(body, "options", dict)),
        changes=tuple(_approved(change) for change in _typed(body, "changes", list)),
        made_with=_text_or_none({"made_with": None, **body}, "made_with"),
    )


def _policy(found: dict[str, Any]) -> Policy:
    """The options; one that is not there has its default."""
    defaults = {f.name: f.default for f in _KEPT}
    given: dict[str, Any] = {**defaults, **{key: [] for key in _GLOBS}, **found}
    only, most = _text_or_none(given, "only"), _typed(given, "allow_deletes", int, NoneType)
    if most is not None and most < 0:
        raise ValueError(most)
    globs: dict[str, Any] = {key: _texts(given, key) for key in _GLOBS}
    for text in (*globs["target"], *globs["exclude"]):
        scope.pattern(text)
    for text in globs["ignore"]:
        ignored.option(text)
    flags: dict[str, Any] = {key: _typed(given, key, bool) for key in _FLAGS}
    return Policy(only=None if only is None else Reason(only), allow_deletes=most, **globs, **flags)


def _approved(found: dict[str, Any]) -> Approved:
    until, digests = _text_or_none(found, "exact_until"), _typed(found, "digests", dict)
    return Approved(
        change=Change(
            kind=Kind(found["kind"]),
            name=_text(found, "name"),
            id=_text(found, "id"),
            action=Action(found["action"]),
            reason=Reason(found["reason"]),
            fields=tuple(_field(field) for field in _typed(found, "fields", list)),
            refused=_text_or_none(found, "refused"),
        ),
        paused=_typed(found, "paused", int),
        exact_until=_instant(until) if until else None,
        **{key: _text(digests, key) for key in ("file", "account", "writes")},
    )


def _field(found: dict[str, Any]) -> FieldChange:
    why, path = _text_or_none(found, "withheld"), _text(found, "path")
    is_cron = path == "cron"
    before, after = (
        tuple(side) if is_cron and isinstance(side, list) else side
        for side in (found["before"], found["after"])
    )
    return FieldChange(
        path=path,
        before=before,
        after=after,
        withheld=Withheld(why) if why else None,
        note=_text(found, "note"),
    )


# The checksum says that nothing is damaged, not who wrote it: each value is of its type, or none.


def _typed(found: dict[str, Any], key: str, *kinds: type) -> Any:
    if type(found[key]) not in kinds:
        raise TypeError(key)
    return found[key]


def _text(found: dict[str, Any], key: str) -> str:
    text: str = _typed(found, key, str)
    return text


def _text_or_none(found: dict[str, Any], key: str) -> str | None:
    text: str | None = _typed(found, key, str, NoneType)
    return text


def _texts(found: dict[str, Any], key: str) -> tuple[str, ...]:
    items: list[Any] = _typed(found, key, list)
    if any(type(item) is not str for item in items):
        raise TypeError(key)
    return tuple(items)


def _instant(text: str) -> datetime:
    """A time with its zone, far from the ends of the calendar."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.year not in YEARS:
        raise ValueError(text)
    return at


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
