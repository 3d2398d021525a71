"""Fingerprints of a change, for a saved plan: what the file says, the account holds, is written.

Two digests that are equal stand for the same. What is ignored of a resource is in none of them:
what its owner makes of it is carried over, and moves no plan.

No secret can be read out of one, and a guess at one is as dear to test as with the mark: whatever
may be secret is stretched before it is digested.
"""

import hashlib
import json
from dataclasses import fields as fields_of, is_dataclass
from datetime import timedelta
from typing import Any

from qstash_sync.crons.grammar import Cron
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.resources import (
    Desired,
    Key,
    Kind,
    Live,
    LiveFlowControl,
    LiveQueue,
    LiveSchedule,
    LiveUrlGroup,
    Resource,
    Schedule,
    Secret,
    UrlGroup,
)
from qstash_sync.reconcile import canonical, ignored, mark
from qstash_sync.reconcile.live_parts import LiveParts

LiveResource = LiveSchedule | LiveUrlGroup | LiveQueue | LiveFlowControl

# What may be edited in the file without asking for anything else in the account.
_ASIDE = {"notes", "was", "adopted", "renew_before", "max_parts", "accept"}


class Fingerprints:
    """What a change starts from and writes, found by what the change is called."""

    def __init__(self, desired: Desired, live: Live, index: LiveParts) -> None:
        self.desired = desired
        self.namespace = desired.namespace
        self.index = index
        self._live = live
        self._declared: dict[Key, Resource] = {}
        self._there: dict[Key, LiveResource] = {}
        for kind in Kind:
            for wanted in getattr(desired, f"{kind}s") or ():
                self._declared[kind, getattr(wanted, "id", wanted.name)] = wanted
            for found in getattr(live, f"{kind}s") or ():
                self._there[kind, getattr(found, "id", "") or found.name] = found

    def declared(self, change: Change) -> Resource | None:
        """What the file declares of a change's resource; None where it declares none."""
        return self._declared.get(change.key)

    def live(self, change: Change) -> tuple[LiveResource, ...]:
        """The live resources that a change touches; of a schedule all parts, by number."""
        ids = [change.id, *(getattr(step, "id", change.id) for step in change.steps)]
        if change.kind is Kind.SCHEDULE:
            ids += [part.live.id for part in self.index.ours(change.id)]
        if change.kind is Kind.SCHEDULE and change.action is Action.DELETE:
            ids = self._deleted(change)

        def by_number(name: str) -> tuple[str, int]:
            part = self.index.by_id.get(name)
            return (part.base, part.number) if part else (name, 0)

        found = dict.fromkeys(each for each in ids if (change.kind, each) in self._there)
        return tuple(self._there[change.kind, each] for each in sorted(found, key=by_number))

    def _deleted(self, change: Change) -> list[str]:
        """What a delete takes, or what is left of that; the first id may be somebody else's."""
        if change.reason is Reason.TWIN:
            return [change.id]
        found, rest = self.index.of(change.id), self.index.rest(change.id)
        return [p.live.id for p in found if self.index.is_managed(p) or p in rest]

    def paused(self, change: Change) -> int:
        """How many of the live resources that a change touches are paused."""
        return sum(getattr(found, "paused", False) for found in self.live(change))

    def gone(self, change: Change) -> bool:
        """Whether nothing is left of what a change deletes, in an account that was read for it."""
        if getattr(self._live, f"{change.kind}s") is None:
            return False
        # A flow-control key cannot be deleted: without a pin it is as good as gone.
        return all(
            isinstance(found, LiveFlowControl) and found.parallelism is None and found.rate is None
            for found in self.live(change)
        )

    # Digests

    def file(self, change: Change) -> str:
        """What the file says of a change's resource."""
        return _digest(_plain_json(self.declared(change), self.namespace))

    def writes(self, change: Change) -> str:
        """What a change sends, in order."""
        steps = tuple(ignored.unwritten(change.steps, self.declared(change)))
        return _digest(_plain_json(steps, self.namespace))

    def account(self, change: Change) -> str:
        """What the account holds of a change's resource, without what changes by itself."""
        hidden: list[Any] = []
        declared = self.declared(change)
        shown = [
            self._readable(
                ignored.unheld(found, declared, self.index), change.name, declared, hidden
            )
            for found in self.live(change)
        ]
        return _digest([shown, mark.stretched(_json(hidden), self.namespace) if hidden else None])

    def _readable(
        self, live: LiveResource, name: str, declared: Resource | None, hidden: list[Any]
    ) -> Any:
        if isinstance(live, LiveQueue):
            return [live.parallelism, live.paused]
        if isinstance(live, LiveFlowControl):
            return [live.parallelism, live.rate, live.period, live.paused]
        if isinstance(live, LiveUrlGroup):
            plain = declared.endpoints if isinstance(declared, UrlGroup) else ()
            for end in sorted(live.endpoints, key=canonical.endpoint_key):
                hidden += [] if end in plain else [[end.name, end.url]]
            return [[end.name, end.url] for end in plain if end in live.endpoints]
        known = declared.message.labels if isinstance(declared, Schedule) else ()
        labels = mark.own_labels(live, self.namespace, name, known)
        view = canonical.of_message(live.message, labels)
        file = canonical.View({}, {})
        if isinstance(declared, Schedule):
            file = canonical.of_message(declared.message)
        ours = [_unread(label) for label in live.message.labels if mark.parse([label])]
        shown = _plain(view.values, file.values, file.shown, hidden)
        return [live.id, live.cron, live.paused, ours, shown]


def _plain(live: Any, file: Any, shown: Any, hidden: list[Any]) -> Any:
    """Live values where the file has a plain value at the same path; whatever else may be secret.

    A value that is as the file says is written as that: then the digest of the file answers for it.
    """
    if isinstance(live, dict) and isinstance(file, dict) and isinstance(shown, dict):
        known = file.keys() & shown.keys()
        hidden += [[key, value] for key, value in sorted(live.items()) if key not in known]
        return {k: _plain(live[k], file[k], shown[k], hidden) for k in sorted(live.keys() & known)}
    if type(live) is type(file) and live == file:
        return "as in the file"
    if type(file) is type(shown) and file == shown:
        return [live]
    hidden.append(live)
    return None


def _plain_json(value: Any, namespace: str) -> Any:
    """A value of ours as JSON; hidden pieces of secrets are stretched, locations left out."""
    if isinstance(value, Secret):
        return [
            {"hidden": mark.stretched(piece.text, namespace)} if piece.hidden else piece.text
            for piece in value.pieces
        ]
    if is_dataclass(value) and not isinstance(value, Cron):
        # What is unset is left out, so that a new setting of ours changes no fingerprint.
        shown = (f for f in fields_of(value) if f.compare and f.name not in _ASIDE)
        given = {f.name: v for f in shown if (v := getattr(value, f.name)) != f.default}
        return {
            "": type(value).__name__,
            **{k: _plain_json(v, namespace) for k, v in given.items()},
        }
    if isinstance(value, tuple):
        return [_plain_json(item, namespace) for item in value]
    return _leaf(value)


def _leaf(value: Any) -> Any:
    if isinstance(value, str):
        return _unread(value)
    if isinstance(value, Cron):
        return value.key
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return value.total_seconds() if isinstance(value, timedelta) else value


def _unread(text: str) -> str:
    """A label; of a mark without its digest of what reads back, which no stretching protects."""
    found = mark.parse([text])
    return str(found._replace(readable="")) if found else text


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _digest(value: Any) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()[:32]
