"""Many changes as few entries: renewals, refusals, new ids and equal changes; names are counted.

Deletes are never folded: each stands by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from qstash_sync.model.change import RISKS, Action, Change, FieldChange, Reason, Wanted
from qstash_sync.model.names import natural
from qstash_sync.record import record

_ALIKE = 3  # changes that are one entry
_NAMED = 12
_ON_A_LINE = 6
_MADE = "scd_"  # before the ids that QStash makes


@record(kw_only=True)
class Group:
    """Changes that are alike, or one."""

    changes: tuple[Change, ...]
    is_renewal: bool = False

    @property
    def first(self) -> Change:
        """What stands for all of them; of new ids, what these have in common."""
        first = self.changes[0]
        if self.is_one or not _has_new_id(first):
            return first
        before = _family((change.fields[0].before, change.name) for change in self.changes)
        after = _family((change.id, change.name) for change in self.changes)
        return replace(
            first, fields=(FieldChange(path="id", before=before, after=after),), notes=()
        )

    @property
    def is_handed_over(self) -> bool:
        """Whether all that changes is whose they are, or their ids, and not what they do."""
        return not self.is_one and self.first.reason in (Reason.ADOPT, Reason.RENAME)

    @property
    def is_one(self) -> bool:
        """Whether it is a change by itself."""
        return len(self.changes) == 1

    def all_names(self) -> Iterator[str]:
        """Every name, some on a line."""
        named = [change.name for change in self.changes]
        for start in range(0, len(named), _ON_A_LINE):
            yield ", ".join(named[start : start + _ON_A_LINE])

    @property
    def names(self) -> str:
        """The names, the rest of very many counted."""
        named = [change.name for change in self.changes]
        more = len(named) - _NAMED
        shown = ", ".join(named[:_NAMED])
        return f"{shown} and {more:,} more" if more > 0 else shown


def as_read(changes: Iterable[Change]) -> list[Change]:
    """In the order of the plan, but with names as people sort them."""
    return sorted(changes, key=lambda change: (*change.order[:2], natural(change.name)))


def alone(changes: Iterable[Change]) -> list[Group]:
    """Each change by itself."""
    return [Group(changes=(change,)) for change in changes]


def grouped(changes: Iterable[Change]) -> list[Group]:
    """The changes in their order; a group stands where its first one stood."""
    alike: dict[object, list[Change]] = {}
    rank: dict[object, int] = {}
    for change in changes:
        rank[change.key] = len(rank)
        alike.setdefault(_key(change) or object(), []).append(change)
    found: list[Group] = []
    for key, some in alike.items():
        if len(some) >= _ALIKE:
            found.append(Group(changes=tuple(some), is_renewal=key == Reason.CLOCK))
        else:
            found += [Group(changes=(change,)) for change in some]
    return sorted(found, key=lambda group: rank[group.first.key])


def _key(change: Change) -> object:
    """What is alike of changes that are one entry; None of those that stand alone."""
    if change.can_adopt:
        return change.foreign
    # What was cut off has its own rest to do.
    is_alone = change.cut_off or change.refused or change.is_refused_alone
    if change.action is Action.DELETE or is_alone:
        return None
    if change.reason is Reason.CLOCK:
        return Reason.CLOCK  # nobody's else: its origin is the clock's, too
    alike = change.kind, change.action, change.reason, change.origin
    if _has_new_id(change):
        return (*alike, change.id.removesuffix(change.name))
    if change.action is Action.CREATE or _has_own_time(change) or not change.fields:
        return None
    # As text: a value may be a mapping of a body.
    return (*alike, repr(change.fields), repr(change.notes))


def _has_new_id(change: Change) -> bool:
    """Whether a schedule gets the id of its name, and nothing else changes, or is to be known."""
    if change.reason is not Reason.RENAME or change.protected or change.drops:
        return False
    paths = [(field.path, bool(field.note)) for field in change.fields]
    is_all = paths == [("id", False)] and all(isinstance(note, Wanted) for note in change.notes)
    return is_all and change.id.endswith(f".{change.name}")


def _family(ids: Iterable[tuple[str, str]]) -> str:
    """What some ids have in common, each given with its name: what stands before that, if any."""
    found = [(id_, id_.removesuffix(name)) for id_, name in ids]
    first = found[0][1]
    if all(start == first != id_ for id_, start in found):
        return f"{first}*"
    return f"{_MADE}*" if all(id_.startswith(_MADE) for id_, _ in found) else "various"


def _has_own_time(change: Change) -> bool:
    return any(isinstance(note, Wanted) for note in change.notes)


def titled_by_action(changes: Iterable[Change]) -> list[tuple[str, list[Change]]]:
    """Deletes, updates of every kind, creates, each as it is read, with how many there are.

    What is refused by itself stands among the updates, and is counted for itself.
    """
    found: tuple[list[Change], list[Change], list[Change]] = ([], [], [])
    for change in as_read(changes):
        action = Action.UPDATE if change.is_refused_alone else change.action
        found[{Action.DELETE: 0, Action.CREATE: 2}.get(action, 1)].append(change)
    deletes, updates, creates = found
    refused = sum(change.is_refused_alone for change in updates)
    to_update = f"{len(updates) - refused:,} to update" + f", {refused:,} refused" * bool(refused)
    return [
        (f"{len(deletes):,} to delete", deletes),
        (to_update, updates),
        (f"{len(creates):,} to create", creates),
    ]


def by_risk(changes: Iterable[Change]) -> list[Change]:
    """Refused ones first, then as much as there is to doubt."""
    return sorted(changes, key=lambda c: (not c.refused, RISKS.index(c.reason)))
