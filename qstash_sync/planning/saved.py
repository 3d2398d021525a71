"""A saved plan: what was approved, and whether it still is what an apply would do.

The file is compared with the account again, as of the day of the plan. Then, for each change:

    found again   the file says   the account holds   it would write   then
    no            as approved     -                   -                done already
    yes           -               as approved         as approved      the same, if it lasts
    otherwise                                                          moved: the plan is stale

"It lasts": `lifetime.py`. What is found again but was not approved is left alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from qstash_sync.model.change import Action, Change, FieldChange, Reason
from qstash_sync.model.resources import Kind
from qstash_sync.planning import lifetime
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.fingerprint import Fingerprints
from qstash_sync.planning.policy import Policy
from qstash_sync.record import record


@record(kw_only=True)
class Where:
    """What a plan is for; user and region are None where nothing says them."""

    environment: str | None
    namespace: str
    user: str | None
    region: str | None
    url: str


@record(kw_only=True)
class Approved:
    """One change as it was approved, without its steps; file, account, writes: see `Fingerprints`.

    paused: how many of its live resources were. exact_until: of the parts that it writes; None
    where it writes none, or for ever.
    """

    change: Change
    file: str
    account: str
    writes: str
    paused: int = 0
    exact_until: datetime | None = None


@record(kw_only=True)
class Saved:
    """A plan as it was approved, with the policy that shaped it.

    made_with: the options that an apply takes once more; nothing is decided by them. None: a plan
    of before they were kept.
    """

    now: datetime
    tzdata: str
    where: Where
    policy: Policy
    changes: tuple[Approved, ...]
    made_with: str | None = None

    @property
    def keys(self) -> frozenset[tuple[Kind, str]]:
        """The changes that are approved."""
        return frozenset(approved.change.key for approved in self.changes)


@record(kw_only=True)
class Move:
    """A field that an approved change would change otherwise now; None: not at all."""

    path: str
    approved: FieldChange | None
    now: FieldChange | None


@record(kw_only=True)
class Moved:
    """An approved change that is not what was approved any more."""

    change: Change
    why: str
    fields: tuple[Move, ...] = ()


def of_plan(plan: Plan, fingerprints: Fingerprints, where: Where, policy: Policy) -> Saved:
    """What is to be remembered of a plan."""
    changes = tuple(
        Approved(
            change=replace(change, steps=(), swap=None),
            file=fingerprints.file(change),
            account=fingerprints.account(change),
            writes=fingerprints.writes(change),
            paused=fingerprints.paused(change),
            exact_until=lifetime.exact_until(change, fingerprints, plan.now),
        )
        for change in plan.changes
    )
    return Saved(now=plan.now, tzdata=plan.tzdata, where=where, policy=policy, changes=changes)


LOCAL, _A_LOCAL = "local", "a local QStash"  # in place of an address; and for people


def elsewhere(approved: Where, here: Where) -> str | None:
    """Why a plan is not for this account; what a token or an address leaves open agrees."""
    known = (one.user or other.user for one, other in ((approved, here), (here, approved)))
    then, now = (_facts(one, user) for one, user in zip((approved, here), known, strict=True))
    if LOCAL in (approved.url, here.url):
        then, now = ([*one[:2], one[-1]] for one in (then, now))  # a local one has no users
    pairs = [(old, new) for old, new in zip(then, now, strict=True) if old != new]
    was, is_ = (", ".join(side) for side in zip(*pairs, strict=True)) if pairs else ("", "")
    return f"it was made for {was}; this run is for {is_}" if pairs else None


def _facts(where: Where, user: str | None) -> list[str]:
    """What a plan is for, in words, from the widest on."""
    server = f"region {where.region}" if where.region else where.url
    return [
        f"environment {where.environment}" if where.environment else "no environment",
        f"namespace {where.namespace}",
        f"account {user or ''}",
        _A_LOCAL if where.url == LOCAL else server,
    ]


def moved(saved: Saved, fresh: Plan, fingerprints: Fingerprints, now: datetime) -> Iterator[Moved]:
    """The approved changes that are neither the same nor done.

    fresh: the plan of the approved changes alone, as of the day of the saved one.
    """
    found = {change.key: change for change in fresh.changes}
    for approved in saved.changes:
        change = found.get(approved.change.key)
        if change is None:
            why = _not_done(approved, fingerprints)
        else:
            why = _not_the_same(approved, change, fingerprints, (saved.tzdata, fresh.tzdata))
            why = why or lifetime.too_short(change, fingerprints, now)
        if why:
            yield Moved(change=approved.change, why=why, fields=_moves(approved.change, change))


def _not_done(approved: Approved, fingerprints: Fingerprints) -> str | None:
    """Why there is nothing left to do, where that is not because it is done."""
    if approved.change.action is Action.DELETE:
        if fingerprints.gone(approved.change):
            return None
        if approved.change.reason is Reason.TWIN:
            return "one of the two has changed, so they are no twins any more"
        return "the file does not ask for it any more"
    if fingerprints.declared(approved.change) is None:
        return "it has left the file"
    if fingerprints.file(approved.change) != approved.file:
        return (
            "the file asks for what the account has already; is it (-f) the one that was planned?"
        )
    return None


def _not_the_same(
    approved: Approved, change: Change, fingerprints: Fingerprints, tzdata: tuple[str, str]
) -> str | None:
    """Why a change is another one than was approved, the cause that a person can act on first."""
    account, writes = fingerprints.account(change), fingerprints.writes(change)
    paused = fingerprints.paused(change)
    stops_more = change.pauses_all and paused != approved.paused  # also where it is ignored
    if (account, writes) == (approved.account, approved.writes) and not stops_more:
        return None
    if change.refused and change.refused != approved.change.refused:
        return change.refused
    if fingerprints.file(change) != approved.file:
        return "the file, a variable or a secret has changed"
    if account != approved.account or stops_more:
        return _what_happened(approved, change, paused)
    if tzdata[0] != tzdata[1]:
        return f"new zone data ({tzdata[0]}, now {tzdata[1]}) asks for other crons"
    return "other writes are needed for it now"


def _what_happened(approved: Approved, change: Change, paused: int) -> str:
    """What somebody did to the account, as far as it shows; or what of it we have done."""
    actions = approved.change.action, change.action
    if actions[0] is Action.CREATE and actions[1] is not Action.CREATE:
        return f"it has been created in the account{_or_cut_off(approved.change, change)}"
    if actions[1] is Action.CREATE and actions[0] is not Action.CREATE:
        return "it has been deleted from the account"
    if paused != approved.paused:
        done = "paused" if paused > approved.paused else "resumed"
        return f"it has been {done} in the account{_or_cut_off(approved.change, change)}"
    return f"it has been changed in the account{_or_cut_off(approved.change, change)}"


def _or_cut_off(approved: Change, now: Change) -> str:
    """What is half done of what was approved may look like anybody's doing.

    A queue is written by one request; the marks of schedules tell others' edits, but for pauses.
    """
    by_hand = {Reason.DRIFT, Reason.BOTH}
    is_pause = now.action in (Action.PAUSE, Action.RESUME)
    is_told = now.reason in by_hand and approved.reason not in by_hand and not is_pause
    return "" if now.kind is Kind.QUEUE or is_told else ", or an apply of it was cut off"


def _moves(approved: Change, now: Change | None) -> tuple[Move, ...]:
    """The fields in which the two changes differ, in order of their paths.

    Of what has been created meanwhile only what still differs; of what has been deleted, nothing;
    nor of what is not ours any more: nothing more of it is compared.
    """
    created = Action.CREATE
    if (
        now is None
        or now.is_refused_alone
        or (now.action is created and approved.action is not created)
    ):
        return ()
    before, after = _by_path(approved), _by_path(now)
    if approved.action is created and now.action is not created:
        before = {path: field for path, field in before.items() if path in after}
    return tuple(
        Move(path=path, approved=before.get(path), now=after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    )


def _by_path(change: Change) -> dict[str, FieldChange]:
    return {field.path: field for field in change.fields}
