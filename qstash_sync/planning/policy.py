"""What a person asks for on the command line beside the file: scope, consent, overrides."""

from collections.abc import Container, Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from qstash_sync.model.change import Change, Reason
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Key, Kind
from qstash_sync.reconcile import scope
from qstash_sync.reconcile.compared import Compared
from qstash_sync.record import record

SKEW = timedelta(minutes=5)  # clocks that are further apart stop every write
_OF_STRAYS = (Reason.ADOPT, Reason.TWIN)


@record(kw_only=True)
class Policy:
    """Policies of one run; each override answers one refusal, and none answers all.

    target, exclude: the resources that the run is about, see `scope`; all others are left out.
    only: leave every change alone that has another reason.
    ignore: fields that somebody else owns, see `ignored`: what is desired has them already.
    strays: adopt what the file names, delete its twins, and leave every other change alone.
    among: leave every change alone but these, by kind and id: those that a saved plan approves.
    adopt: globs of schedule names whose unmarked live ids are taken over.
    delete_orphan: globs of ids to delete of what environments have left that the files lack.
    allow_deletes: as many deletes as this, whatever `limits` says.
    allow_protected, allow_in_use, drop_backlog: globs of names to delete all the same.
    delete_after_failure: delete although an earlier change of the run failed.
    fail_on: lint's findings of this severity, or a heavier one, stop the run; None: none does.
    saved: a saved plan is carried out; it takes no other consent than it has.
    without_lint: the run is not about what the files say, but about whether the account is so.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    only: Reason | None = None
    strays: bool = False
    among: frozenset[Key] | None = None
    adopt: tuple[str, ...] = ()
    delete_orphan: tuple[str, ...] = ()
    allow_deletes: int | None = None
    allow_protected: tuple[str, ...] = ()
    allow_in_use: tuple[str, ...] = ()
    drop_backlog: tuple[str, ...] = ()
    delete_after_failure: bool = False
    fail_on: Severity | None = Severity.ERROR
    without_lint: bool = False
    saved: bool = False

    @property
    def named(self) -> Iterator[tuple[str, str, scope.Pattern]]:
        """What the run is about: the option, its text, and what that means."""
        for option, texts in (("--target", self.target), ("--exclude", self.exclude)):
            yield from ((option, text, scope.pattern(text)) for text in texts)

    @property
    def consents(self) -> Iterator[tuple[str, str, scope.Pattern]]:
        """Likewise what consents name; a glob may name nothing."""
        for option, names, kinds in (
            ("--allow-protected", self.allow_protected, frozenset(Kind)),
            ("--allow-in-use", self.allow_in_use, frozenset((Kind.QUEUE, Kind.URL_GROUP))),
            ("--drop-backlog", self.drop_backlog, frozenset((Kind.QUEUE,))),
        ):
            plain = (name for name in names if not scope.is_glob(name))
            yield from ((option, name, scope.Pattern(kinds, name)) for name in plain)

    def way(self, option: str) -> str:
        """How to give a consent that is missing."""
        return f"plan again with {option}" if self.saved else option

    def covers(self, kind: Kind, names: tuple[str, ...]) -> bool:
        """Whether the run is about a resource that has these names."""
        is_targeted = not self.target or scope.is_named(self.target, kind, names)
        return is_targeted and not scope.is_named(self.exclude, kind, names)

    def ends(self, orphan: Compared) -> bool:
        """Whether what an environment has left goes."""
        return any(fnmatchcase(orphan.id, glob) for glob in self.delete_orphan)

    def has_ended(self, pattern: scope.Pattern, there: Container[str]) -> bool:
        """Whether a scope names what a run before has deleted by `--delete-orphan ID`."""
        gone = (one for one in self.delete_orphan if one not in there and not scope.is_glob(one))
        return any(pattern.names(Kind.SCHEDULE, (one, one.rpartition(".")[2])) for one in gone)

    def is_about(self, orphan: Compared) -> bool:
        """Whether the run has something to say of it."""
        is_whole = not self.is_partial and self.among is None
        return is_whole and self.covers(orphan.kind, orphan.names)

    def keeps(self, change: Change) -> bool:
        """Whether a change is in the scope; what is approved is, whatever its reason is by now."""
        if self.among is not None:
            return change.key in self.among
        return self.asks_for(change)

    def asks_for(self, change: Change) -> bool:
        """Whether a change is of what the run is about, and has a reason that is asked for."""
        if not self.covers(change.kind, change.names):
            return False
        if self.strays:
            return change.reason in _OF_STRAYS
        return self.only in (None, change.reason)

    @property
    def is_partial(self) -> bool:
        """Whether not every reason is asked for."""
        return self.only is not None or self.strays

    @property
    def is_narrowed(self) -> bool:
        """Whether the run is not about everything."""
        return bool(self.target or self.exclude)

    @property
    def is_scoped(self) -> bool:
        """Whether anything is left alone."""
        return self.is_partial or self.is_narrowed or self.among is not None
