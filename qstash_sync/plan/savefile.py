"""A saved plan <-> its file: one JSON document with what is fit to be shown, digests, no secret.

The checksum finds damage and edits by hand; it is no signature.
"""

import hashlib
import json
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from qstash_sync.errors import SavedPlanError
from qstash_sync.model.change import Action, Change, FieldChange, Reason, Withheld
from qstash_sync.model.resources import Kind
from qstash_sync.plan.policy import Policy
from qstash_sync.plan.saved import Approved, Saved, Where

KIND = "qstash-sync plan"
FORMAT_VERSION = 2  # 1 had fingerprints over unset fields
_HEAD = 100  # characters of a document within which its kind stands
_DERIVED = {"among"}  # options that follow from the changes


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
        "options": {k: v for k, v in asdict(saved.policy).items() if k not in _DERIVED},
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
    if body.pop("checksum", None) != _checksum(body):
        raise SavedPlanError("changed since it was saved: its checksum does not fit")
    try:
        return _saved(body)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SavedPlanError("damaged: not in the form in which plans are saved") from None


def _checksum(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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
    where = {key: body[key] for key in ("environment", "namespace")}
    where |= {key: body["account"][key] for key in ("user", "region", "url")}
    return Saved(
        now=datetime.fromisoformat(body["now"]),
        tzdata=body["tzdata"],
        where=Where(**where),
        policy=_policy(body["options"]),
        changes=tuple(_approved(change) for change in body["changes"]),
    )


def _policy(found: dict[str, Any]) -> Policy:
    known = {field.name for field in fields(Policy)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in found.items()
        if key in known
    }
    return Policy(**{**values, "only": Reason(values["only"]) if values["only"] else None})


def _approved(found: dict[str, Any]) -> Approved:
    until = found["exact_until"]
    fields_of_change = [
        FieldChange(**{**field, "withheld": Withheld(why) if (why := field["withheld"]) else None})
        for field in found["fields"]
    ]
    return Approved(
        change=Change(
            kind=Kind(found["kind"]),
            name=found["name"],
            id=found["id"],
            action=Action(found["action"]),
            reason=Reason(found["reason"]),
            fields=tuple(fields_of_change),
            refused=found["refused"],
        ),
        paused=found["paused"],
        exact_until=datetime.fromisoformat(until) if until else None,
        **{key: found["digests"][key] for key in ("file", "account", "writes")},
    )


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
