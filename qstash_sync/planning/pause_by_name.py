"""A pause or a resume by glob, as a plan: all parts of ours that are not yet so, and nothing else.

live id        our mark   in the file     what becomes of it
billing.x      yes        yes or no       part of x
billing.x.2    yes        yes or no       part of x
scd_123        yes or no  id: scd_123     part of the schedule that names it
billing.x      no, other  yes             left alone and refused, and its further parts
anything else                             not ours, never touched
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from qstash_sync.model.change import Action, Change, OfParts, Reason
from qstash_sync.model.diagnostics import Diagnostic, Severity, listed
from qstash_sync.model.names import natural, near
from qstash_sync.model.resources import Desired, Key, Kind, Live, Schedule
from qstash_sync.model.steps import PauseSchedule
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import former
from qstash_sync.reconcile.live_parts import LivePart, LiveParts
from qstash_sync.reconcile.scope import is_glob
from qstash_sync.record import record

_STOPPED = (Kind.QUEUE, Kind.FLOW_CONTROL)  # what has a pause of its own
_NEAR = 0.7  # of 1: a word that was misspelt
_UNSURE = "whether the file pauses it is not known"


@record(kw_only=True)
class Wish:
    """What somebody asks for in one environment: the names, and whether they shall be paused."""

    desired: Desired
    globs: tuple[str, ...]
    paused: bool

    @property
    def action(self) -> Action:
        """What is to be done."""
        return Action.PAUSE if self.paused else Action.RESUME

    def names(self, name: str) -> bool:
        """Whether a glob means a name."""
        return any(fnmatchcase(name, glob) for glob in self.globs)


@record(kw_only=True)
class PausePlan:
    """The plan; refused: schedules with a part that is not ours and not as wanted, and why.

    left: how many stay paused, since the file pauses them.
    """

    plan: Plan
    refused: Mapping[Key, str]
    left: int = 0


@record(kw_only=True)
class _Found:
    """A live schedule, ours or declared; aliases: its name in the account, and in the file."""

    name: str
    id: str
    parts: tuple[LivePart, ...]
    declared: Schedule | None
    aliases: frozenset[str]
    foreign: tuple[LivePart, ...]  # its other parts: the first, and those of somebody's mark

    def is_named(self, glob: str) -> bool:
        """Whether a glob means its name."""
        return any(fnmatchcase(alias, glob) for alias in self.aliases)


def pause_plan(wish: Wish, live: Live, *, now: datetime, tzdata: str) -> PausePlan:
    """What a wish means for an account; errors where a glob names nothing."""
    desired = wish.desired
    index = LiveParts(desired, live.schedules or ())
    ours = list(_ours(desired, index))
    wish = replace(
        wish, globs=tuple(_name(glob, ours, desired, index.by_id) for glob in wish.globs)
    )
    found = {id(one.declared) for one in ours}
    absent = [s for s in desired.schedules or () if id(s) not in found]
    named = [one for one in ours if any(one.is_named(glob) for glob in wish.globs)]
    if not wish.paused:  # what is not ours a glob leaves paused, without a word
        named = [one for one in named if one.parts or one.declared or _is_said(wish, one)]
    rests = {one.id: _in_file(desired, one) for one in named if _is_one_of_many(wish, one)}
    left = [one for one in named if rests.get(one.id) is True]
    chosen = [one for one in named if rests.get(one.id) is not True]
    changes, unchanged, refused = [], [], {}
    for one in chosen:
        change = _change(wish, one)
        if rests.get(one.id, False) is None:
            change = replace(change, steps=(), notes=())
            refused[change.key] = _UNSURE
        against = [part for part in one.foreign if part.live.paused != wish.paused]
        if against and change.key not in refused:
            way_out = f"{'stop' if wish.paused else 'resume'} it in the console"
            if not any(map(index.is_anothers, against)):
                name = one.declared.name if one.declared else one.name
                orphan = "" if one.declared or one.parts else one.id
                does = "take it over" if one.declared else "delete all of it"
                way_out = f"{way_out}, or {does}: {desired.consent_to(name, orphan=orphan)}"
            refused[change.key] = f"{_carried(against, index)}; {way_out}"
        if change.steps or change.key in refused:
            changes.append(change)
        else:
            unchanged.append((Kind.SCHEDULE, one.name))
    managed = {part.live.id for one in ours for part in one.parts}
    plan = Plan(
        environment=desired.environment,
        namespace=desired.namespace,
        now=now,
        tzdata=tzdata,
        changes=tuple(sorted(changes, key=lambda change: change.order)),
        unchanged=tuple(sorted(unchanged)),
        unmanaged=tuple((Kind.SCHEDULE, i) for i in sorted(index.by_id) if i not in managed),
        warnings=(
            *_advice(wish, left, chosen, absent),
            *_unsure(wish, [one.name for one in chosen if rests.get(one.id, False) is None]),
            *_fires_on(wish, index),
        ),
        errors=tuple(_unmatched(wish, ours, [s.name for s in absent])),
        live=live,
        index=index,
    )
    return PausePlan(plan=plan, refused=refused, left=len(left))


def _ours(desired: Desired, index: LiveParts) -> Iterator[_Found]:
    """The live schedules with a part of ours, and those that are declared but not ours."""
    declared = {schedule.id: schedule for schedule in desired.schedules or ()}
    sets = [(s, one) for s in declared.values() for one in former.candidates(s, index)]
    renamed = {one[0].base: schedule for schedule, one in sets}
    live = index.by_id.values()
    bases = {
        part.base
        for part in live
        if part.base in declared or index.is_managed(part) or index.is_orphan(part)
    }
    for base in sorted(bases):
        schedule = declared.get(base)
        parts = index.of(base)
        mine = tuple(p for p in parts if index.is_managed(p) or index.consents(schedule, p))
        foreign = tuple(part for part in parts if part not in mine)
        if not parts:
            continue  # strays alone
        owner = schedule or renamed.get(base)
        name = schedule.name if schedule else index.name_of(parts[0])
        yield _Found(
            name=name,
            id=base,
            parts=mine,
            declared=owner,
            aliases=frozenset({name, owner.name} if owner else {name}),
            foreign=foreign,
        )


def _name(glob: str, ours: Sequence[_Found], desired: Desired, there: Collection[str]) -> str:
    """What a glob names; of the id of a part its schedule: a log names a delivery by that.

    there: the ids of all live schedules, whoever's they are.
    """
    declared = desired.schedules or ()
    if any(one.is_named(glob) for one in ours) or any(s.name == glob for s in declared):
        return glob
    base, _, number = glob.rpartition(".")
    is_gone = glob not in there and number.isdecimal() and int(number) > 1  # a part of it was so
    for name in (glob, base) if is_gone else (glob,):
        for one in ours:
            if name == one.id or any(part.live.id == name for part in (*one.parts, *one.foreign)):
                return one.declared.name if one.declared else one.name
        if found := next((s.name for s in declared if s.id == name), None):
            return found
    return glob


def _is_one_of_many(wish: Wish, one: _Found) -> bool:
    """Whether a resume of many means it, which leaves to the file what that pauses."""
    if wish.paused or not any(part.live.paused for part in one.parts):
        return False
    return not _is_said(wish, one)


def _is_said(wish: Wish, one: _Found) -> bool:
    """Whether it is called by its very name."""
    return any(one.is_named(glob) and not is_glob(glob) for glob in wish.globs)


def _in_file(desired: Desired, one: _Found) -> bool | None:
    """Whether the file pauses it; None where an error of the file leaves that open."""
    names = {one.name, one.id, *one.aliases} & desired.unbuilt.keys()
    said = {bool(one.declared and one.declared.paused), *map(desired.unbuilt.get, names)}
    if True in said:
        return True
    is_unnamed = desired.hides_names and one.declared is None
    return None if desired.hides_pauses or is_unnamed or None in said else False


def _carried(parts: Sequence[LivePart], index: LiveParts) -> str:
    """What parts carry that are not ours."""
    return "; ".join(f"{part.live.id} {index.carried(part)}" for part in parts)


def _change(wish: Wish, one: _Found) -> Change:
    return Change(
        kind=Kind.SCHEDULE,
        name=one.name,
        id=one.id,
        action=wish.action,
        reason=Reason.FILE,
        notes=(OfParts(of=len(one.parts)),),
        steps=tuple(
            PauseSchedule(id=part.live.id, paused=wish.paused)
            for part in one.parts
            if part.live.paused != wish.paused
        ),
    )


# ---------------------------------------------------------------- what to say of it


def _advice(
    wish: Wish, left: Sequence[_Found], chosen: Sequence[_Found], absent: Sequence[Schedule]
) -> Iterator[Diagnostic]:
    """What the next apply will do about it, what is left out, and what is not in the account."""
    yield from _warning(
        wish,
        "stays_paused",
        [one.name for one in left],
        "paused: true in the file, so left paused",
        "resume it by its name",
    )
    against = [
        one.name for one in chosen if one.declared and one.declared.paused is (not wish.paused)
    ]
    yield from _warning(
        wish,
        "paused_in_file",
        against,
        f"paused: {str(not wish.paused).lower()} in the file: the next apply undoes this",
        f"write paused: {str(wish.paused).lower()}",
    )
    missing = [schedule for schedule in absent if wish.names(schedule.name)]
    for will_be in (False, True):
        hint = "an apply creates it paused, as the file says"
        if not will_be:
            hint = "an apply creates it running: write paused: true" if wish.paused else ""
        yield from _warning(
            wish,
            "not_live",
            [one.name for one in missing if bool(one.paused) is will_be],
            "in the file, but not in the account",
            hint,
        )


def _unsure(wish: Wish, names: Sequence[str]) -> Iterator[Diagnostic]:
    """What an error of the file refuses, and the one command that resumes it all the same."""
    named = wish.desired.command("resume", *sorted(names, key=natural))
    fact = "an error of the file leaves open whether it pauses them, so refused"
    yield from _warning(wish, "unsure", names, fact, f"`{named}` resumes all the same")


def _fires_on(wish: Wish, index: LiveParts) -> Iterator[Diagnostic]:
    """What a pause leaves running of what a schedule was before, where that is not ours."""
    way_out = "stop it in the console if it is the same job"
    for schedule in wish.desired.schedules or ():
        if wish.paused and wish.names(schedule.name):
            sets = former.candidates(schedule, index)
            running = [one for one in sets if not all(part.live.paused for part in one)]
            yield from former.not_taken(schedule, running, index, way_out=way_out)


def _warning(
    wish: Wish, code: str, names: Sequence[str], fact: str, hint: str
) -> Iterator[Diagnostic]:
    if names:
        message = f"{_where(wish)}{listed(names)}: {fact}"
        yield Diagnostic(severity=Severity.WARNING, code=code, message=message, hint=hint)


def _unmatched(wish: Wish, ours: Sequence[_Found], absent: Sequence[str]) -> Iterator[Diagnostic]:
    known = sorted({*(one.name for one in ours), *absent})
    for glob in wish.globs:
        if any(one.is_named(glob) for one in ours) or any(fnmatchcase(n, glob) for n in absent):
            continue
        word = glob.removeprefix("schedules.")
        meant = [] if is_glob(word) else near(word, known, 5, _NEAR)
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"ours are {listed(known)}"
        namespace = wish.desired.namespace
        if not known:
            hint = f"no schedule of {namespace} is in the account; is it the right environment?"
        if of := next((kind for kind in _STOPPED if _declares(wish.desired, kind, word)), None):
            state, section = str(wish.paused).lower(), f"{of}s"
            apply = wish.desired.command("apply", "--target", f"{section}.{word}")
            hint = f"that is a {of.noun}: write paused: {state} in {section}, and `{apply}`"
        fact = f"{_where(wish)}no schedule of ours is named {glob}"
        yield Diagnostic(code="no_match", message=fact, hint=hint)


def _declares(desired: Desired, kind: Kind, name: str) -> bool:
    return any(one.name == name for one in getattr(desired, f"{kind}s") or ())


def _where(wish: Wish) -> str:
    return f"{wish.desired.environment}: " if wish.desired.environment else ""
