"""An account -> the text of a file that changes nothing of it, proven before it is given away.

    survey      whose each schedule is, its name, its time
    document    the text
    check       load it and plan it against what was read: adoptions alone, or say what not

What a draft's check finds goes into the next one: a resource that the file's rules do not allow, or
that would be written otherwise, is left to a comment. Of what carries our own mark nothing is left
out: an apply would delete it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from qstash_sync.adopt.document import Choices, Document, Style, document
from qstash_sync.adopt.survey import Item, Survey, survey
from qstash_sync.errors import ImportedFileError
from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.presentable import presentable
from qstash_sync.model.resources import Key, Kind, Live
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.model.steps import PauseSchedule, PutSchedule
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import canonical, diff, mark as marks
from qstash_sync.reconcile.live_parts import LivePart, LiveParts, same_crons
from qstash_sync.record import record

T = TypeVar("T")
_SCHEDULE = Kind.SCHEDULE
_KINDS = {f"{kind}s": kind for kind in Kind if kind is not _SCHEDULE}
_DRAFTS = 12  # beside one for each schedule: each draft but the last leaves something out


@record(kw_only=True)
class Checked:
    """What the file's own rules, and a plan, make of a draft; errors: it is no file, plan: None."""

    errors: tuple[Diagnostic, ...] = ()
    plan: Plan | None = None


Check = Callable[[str, Mapping[str, str]], Checked]  # a text, and the environment that it needs


@record(kw_only=True)
class Imported:
    """The file, and what there is to say of it; reasons: of the changes that a plan of it has."""

    document: Document
    survey: Survey
    choices: Choices
    reasons: Mapping[Reason, int]

    @property
    def adopted(self) -> int:
        """How many schedules a plan of the file adopts."""
        return self.reasons.get(Reason.ADOPT, 0)

    @property
    def with_unseen_callbacks(self) -> tuple[str, ...]:
        """Schedules with callbacks of which QStash shows the address alone, and no mark more."""
        return tuple(
            item.name
            for item in self.document.items
            if (item.lost or not item.is_ours)
            and any(getattr(item.live[0].message, key) for key in CALLBACKS)
        )

    @property
    def twins(self) -> int:
        """How many schedules do what another one does."""
        return sum(len(item.twins) for item in self.survey.items)


def imported(
    live: Live,
    *,
    namespace: str,
    now: datetime,
    style: Style,
    check: Check,
    targets: Sequence[str] = (),
    given: Mapping[str, tuple[str, ...]] | None = None,
) -> Imported:
    """Write the file of an account; raises `ImportedFileError` where it would change something."""
    choices = Choices()
    for _ in range(_DRAFTS + len(live.schedules or ())):
        found = survey(
            live,
            namespace=namespace,
            now=now,
            targets=targets,
            given=given,
            without={name: why for (kind, name), why in choices.left.items() if kind is _SCHEDULE},
        )
        if found.lost:
            raise _error(found.lost)
        draft = document(found, live, choices, style)
        checked = check(draft.text, draft.environ)
        learnt = _learnt(checked, draft, choices)
        if learnt == choices:
            changes = checked.plan.changes if checked.plan else ()
            reasons = Counter(change.reason for change in changes)
            return Imported(document=draft, survey=found, choices=choices, reasons=reasons)
        choices = learnt
    raise _error(["the file does not come to rest"])


def _error(facts: Sequence[str]) -> ImportedFileError:
    """What would change although it carries our mark; a comment would be no true picture of it."""
    hint = "mend it with the file that made it, or import under another --namespace"
    return ImportedFileError(
        tuple(Diagnostic(code="import", message=presentable(fact), hint=hint) for fact in facts)
    )


def _learnt(checked: Checked, draft: Document, choices: Choices) -> Choices:
    """The choices for the next draft; the same where this one is right."""
    if checked.plan is None:
        learnt = _of_errors(checked.errors, draft, choices)
        if learnt == choices:
            raise _error([error.text for error in checked.errors])
        return learnt
    return _of_plan(checked.plan, draft, choices)


def _of_errors(errors: Sequence[Diagnostic], draft: Document, choices: Choices) -> Choices:
    """What the file's rules do not allow."""
    addresses = frozenset(error.path for error in errors if error.code == "url")
    if addresses and choices.allow_private is None:
        return replace(choices, allow_private=True, refused=addresses)
    if choices.refused and addresses >= choices.refused:  # that was no help
        return replace(choices, allow_private=False, refused=frozenset())

    left, apart = dict(choices.left), set(choices.apart)
    items = _as_shown((item.name, item) for item in draft.items)
    others = {kind: _as_shown((name, name) for name in draft.others[kind]) for kind in draft.others}
    lost: list[str] = []
    for error in errors:
        section, name, *_ = (*map(str, error.path), "", "")
        name = presentable(name)
        if section == "defaults":
            apart.add(name)
            continue
        kind = _KINDS.get(section)
        alike = items.get(name, []) if section == "schedules" else []
        named = others[kind].get(name, []) if kind else []
        for item in alike:
            left |= {} if item.is_ours else _left(item, error.message)
        if kind:
            left = {(kind, one): error.message for one in named} | left
        if not named and (not alike or any(item.is_ours for item in alike)):
            lost.append(error.text)
    if lost:
        raise _error(sorted(set(lost)))
    return replace(choices, left=left, apart=frozenset(apart), refused=frozenset())


def _as_shown(named: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """By the names that a diagnostic shows: of secrets, and of what is long, several may be one."""
    found: dict[str, list[T]] = {}
    for name, value in named:
        found.setdefault(presentable(name), []).append(value)
    return found


def _of_plan(plan: Plan, draft: Document, choices: Choices) -> Choices:
    """What an apply would do beside adopting."""
    left = dict(choices.left)
    items = {item.id: item for item in draft.items}
    named = {item.name: item for item in draft.items}
    lost: list[str] = []
    for error in plan.errors:
        section, name, *_ = (*map(str, error.path), "", "")
        item = named.get(name) if section == "schedules" else None
        if item and not item.is_ours:
            left |= _left(item, error.message)
        else:
            lost.append(error.text)
    planned = {(change.kind, change.name) for change in plan.changes} | {*plan.unchanged}
    unread = (item.name for item in draft.items if (_SCHEDULE, item.name) not in planned)
    lost += [f"schedules.{name}: is in the file, and not in a plan of it" for name in unread]
    for change in plan.changes:
        if is_quiet(change, plan.index):
            continue
        item = items.get(change.id) if change.kind is _SCHEDULE else None
        why = f"written down, it would be another: {_paths(change)}"
        if item and not item.is_ours:
            left |= _left(item, why)
        elif change.kind is _SCHEDULE:
            lost.append(_told(change))
        else:
            left[change.key] = why
    if lost:
        raise _error(lost)
    return replace(choices, left=left)


def _left(item: Item, why: str) -> dict[Key, str]:
    """A schedule that is left alone, and with it the twins that are the same to the last word."""
    alike = [t for t in item.twins if t.message == item.live[0].message]
    return {(_SCHEDULE, live.id): why for live in (*item.live, *alike)}


def _told(change: Change) -> str:
    if change.action is Action.DELETE:
        return f"{change.id} carries the mark of this namespace, and would be deleted"
    return f"{change.id} would be changed: {_paths(change)}"


def _paths(change: Change) -> str:
    named = (f"{one.path} ({one.note})" if one.note else one.path for one in change.fields)
    found = dict.fromkeys(path.partition(".(unnamed)")[0] for path in named)
    return change.refused or ", ".join(found) or str(change.action)


def is_quiet(change: Change, index: LiveParts) -> bool:
    """Whether a change writes marks and labels alone: what fires, and what it sends, stays.

    A renewal is due whether there is a file or not.
    """
    if change.kind is not Kind.SCHEDULE or change.refused or change.action is Action.DELETE:
        return False
    if change.reason is Reason.CLOCK:
        return True
    return all(_is_quiet_step(step, index) for step in change.steps)


def _is_quiet_step(step: object, index: LiveParts) -> bool:
    part = index.by_id.get(step.id) if isinstance(step, PutSchedule | PauseSchedule) else None
    if part is None:
        return False
    if isinstance(step, PauseSchedule):
        return step.paused == part.live.paused
    assert isinstance(step, PutSchedule)
    return same_crons([step.cron], [part.live.cron]) and not any(_differences(step, part, index))


def _differences(step: PutSchedule, part: LivePart, index: LiveParts) -> Iterator[object]:
    """The settings that a write would change, as far as they read back."""
    name = step.labels[1].partition(".")[2]
    labels = marks.own_labels(part.live, index.namespace, name, step.message.labels)
    before = canonical.of_message(part.live.message, labels)
    yield from diff.compare(before, canonical.of_message(step.message), diff.Trust.UNKNOWN)
