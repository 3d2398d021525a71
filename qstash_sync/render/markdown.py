"""Markdown for a comment: bounded, the same on every run, and proof against what it quotes.

    <!-- qstash-sync plan production -->    a sticky comment finds itself by this
    ## QStash plan for `production`
    **Plan: 1 to create, …**
    ### 2 to delete                         errors, deletes, then by risk, then warnings
    ```diff                                 what comes from outside stands in fences alone, each
    - queue images  0 waiting               line of it behind a sign or spaces: nothing in it can
    ```                                     end the fence, be a tag, or call somebody
    9,700 more are not listed.

The heads of all entries come first, section by section, then their details, while there is room;
what is in sync or unmanaged comes after that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from qstash_sync.applying.outcomes import Applied, Outcome, Status as Done
from qstash_sync.errors import QstashSyncError
from qstash_sync.model.change import Change
from qstash_sync.model.diagnostics import Diagnostic, Severity
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.drift import Drift, ResourceDrift, Status
from qstash_sync.record import record
from qstash_sync.render import applying, drift as drifts, json as view, review, safe, text, words
from qstash_sync.render.alike import folded, number
from qstash_sync.render.alike_changes import Group, alone, by_risk, grouped, titled_by_action
from qstash_sync.render.safe import Page

LIMIT = 60_000  # characters; GitHub takes 65,536
_WIDTH = 100  # columns; a fence does not wrap
_LONGEST = 400  # characters of one line, before it is wrapped
_MOST_FINDINGS = 25
_MOST_DETAILS = 40  # lines
_FENCED = {"~": "!", "=": " "}  # the signs that a diff has for what stays and what changes
_PLAIN = text.Paint(color=False)


@record(kw_only=True)
class _Entry:
    """A resource or diagnostic: the line that names it, and those that may be left out.

    count: of the resources that it stands for.
    """

    head: str
    details: Callable[[], Iterable[str]] = tuple
    count: int = 1


@dataclass(slots=True, kw_only=True)
class _Section:
    """Entries under one title; the first `len(shown)` of them are listed, some with details.

    most: entries that are listed at most; such a section gets its room first.
    idle: nothing happens to its entries; they get the room that is left.
    """

    title: str
    entries: Sequence[_Entry]
    folded: bool = False
    most: int | None = None
    idle: bool = False
    shown: list[list[str]] = field(default_factory=list)
    bare: int = 0  # entries that are listed without their details

    def lines(self) -> Iterator[str]:
        """The section as it stands, with counts of what is left out."""
        yield f"<details><summary>{self.title}</summary>" if self.folded else f"### {self.title}"
        yield ""
        if self.shown:
            yield "```diff"
            for entry in self.shown:
                yield from entry
            yield from ("```", "")
        note = self.note(sum(one.count for one in self.entries[len(self.shown) :]), self.bare)
        yield from (note, "") * bool(note)
        yield from ("</details>", "") * self.folded

    @staticmethod
    def note(unlisted: int, bare: int) -> str:
        """What is not there, in numbers."""
        counts = [f"{unlisted:,} more are not listed."] * bool(unlisted)
        counts += [f"The details of {bare:,} are left out."] * bool(bare)
        return " ".join(counts)


# ---------------------------------------------------------------- pages


def plan(plan: Plan, *, verbose: bool = False, account: str = "") -> Page:
    """What an apply would change, for a reviewer; account: which it is about, and why."""
    (deleting, deletes), (updating, updates), (creating, creates) = titled_by_action(plan.changes)
    updates = by_risk(updates)
    changes = (*deletes, *updates, *creates)
    fields, parts = _detailed(changes, verbose=verbose), _stored(changes)
    detailed, count = sum(entry.count for entry in fields), len(changes)
    of = f"{detailed:,} of " * (detailed < count)
    them = "it" if len(parts) == 1 else "them"
    warnings, unread = text.quiet(plan, verbose=verbose, command="plan")
    sections = [
        *_diagnostics(plan.errors),
        _Section(title=deleting, entries=_heads(deletes)),
        _Section(title=updating, entries=_heads(updates)),
        _Section(title=creating, entries=_heads(creates)),
        *_diagnostics(warnings),
        _Section(
            title=f"{of}{words.counted(count, 'change')}, field by field",
            entries=fields,
            folded=True,
            idle=True,
        ),
        _Section(
            title=f"{words.counted(len(parts), 'schedule')} as QStash stores {them}",
            entries=parts,
            folded=True,
            idle=True,
        ),
        *_unmanaged(plan, verbose=verbose),
    ]
    lead, *more = text.headline(plan)
    lines = [f"**{lead}**", *more, *unread, _about(plan, account)]
    return _page("plan", plan.environment, lines, sections)


def drift(
    drift: Drift, requests: tuple[int, int], *, verbose: bool = False, account: str = ""
) -> Page:
    """Where the declared resources stand; account: which they were looked for in, and why."""
    plan = drift.plan
    warnings, unread = text.quiet(plan, verbose=verbose, command="drift")
    sections = [
        *_diagnostics(plan.errors),
        *(section for status in Status for section in _resources(drift, status)),
        *_diagnostics(warnings),
        *_unmanaged(plan, verbose=verbose),
    ]
    lead = [f"**{drifts.summary(drift)}**", *unread, *text.left_out(plan), _about(plan, account)]
    return _page("drift", plan.environment, lead, sections, drifts.sent(requests))


def applied(plan: Plan, applied: Applied, *, account: str = "") -> Page:
    """What became of a plan that was carried out; account: where, and why there."""
    done = [one for one in applied.outcomes if one.status is Done.DONE]
    left = [one for one in applied.outcomes if one.status is not Done.DONE]

    warnings, unread = text.quiet(plan, verbose=False, command="plan")

    def entries(some: Iterable[Outcome], sign: str) -> list[_Entry]:
        return [_Entry(head=f"{sign} {applying.outcome_line(one, _PLAIN)}") for one in some]

    sections = [
        _Section(title=f"{len(left):,} not done", entries=entries(left, "-")),
        _Section(title=f"{len(done):,} done", entries=entries(done, "+")),
        *_diagnostics(warnings),
    ]
    lead = [f"**{len(done):,} done, {len(left):,} not done.**", *unread, _about(plan, account)]
    return _page("apply", plan.environment, lead, sections)


def error(
    error: QstashSyncError, command: str, environment: str | None, *, written: int = 0
) -> Page:
    """A run that ended in an error; written: how many requests to write it had sent by then."""
    found = view.diagnostics_of(error)
    lead = [f"**It ended in an error{'; nothing was written' * (not written)}.**"]
    return _page(command, environment, lead, [*_diagnostics(found)])


def _page(
    command: str,
    environment: str | None,
    lead: Sequence[str],
    sections: Sequence[_Section],
    last: str = "",
) -> Page:
    sections = [section for section in sections if section.entries]
    where = safe.name(environment or "")
    top = [
        f"<!-- {' '.join(filter(None, ('qstash-sync', command, where)))} -->",
        f"## QStash {command}" + f" for `{where}`" * bool(where),
        "",
        *(line for paragraph in lead for line in (paragraph, "")),
    ]
    bottom = [last] if last else []
    _fill(sections, LIMIT - sum(len(line) + 1 for line in (*top, *bottom)))
    lines = [*top, *(line for section in sections for line in section.lines()), *bottom]
    while not lines[-1]:
        lines.pop()
    return safe.page(lines)


def _fill(sections: Sequence[_Section], room: int) -> None:
    """Give each section as many entries, then as many details, as there is room for."""
    # What every section takes whatever it lists: its title, its fence, the longest note.
    for section in sections:
        count = sum(entry.count for entry in section.entries)
        room -= _size(section.lines()) + _size(("```diff", "```", ""))
        room -= len(section.note(count, count))

    for idle in (False, True):
        some = [section for section in sections if section.idle is idle]

        # Heads, until one has no room: what comes after it is counted, however short it is.
        ranked = sorted(some, key=lambda section: section.most is None)
        for section, entry in ((s, entry) for s in ranked for entry in s.entries[: s.most]):
            head = _lines(entry.head)
            if _size(head) > room:
                break
            section.shown.append(head)
            room -= _size(head)

        for section in some:
            for entry, shown in zip(section.entries, section.shown, strict=False):
                more = _details(entry, room)
                section.bare += more is None
                shown.extend(more or ())
                room -= _size(more or ())


def _size(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _details(entry: _Entry, room: int) -> list[str] | None:
    """The lines under an entry, the first of very many; None where they do not fit."""
    if room < _WIDTH:
        return None if any(entry.details()) else []
    lines = [line for detail in entry.details() for line in _lines(detail)]
    left = len(lines) - _MOST_DETAILS
    if left > 0:
        lines = [*lines[:_MOST_DETAILS], f"      and {words.counted(left, 'line')} more"]
    return lines if _size(lines) <= room else None


def _lines(line: str) -> list[str]:
    """A line of a fence: safe, not too long, wrapped."""
    shown = safe.fenced(line)
    return safe.wrapped(shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…", 8, _WIDTH)


# ---------------------------------------------------------------- sections


def _heads(changes: Sequence[Change]) -> list[_Entry]:
    """A line for each change, or for many that are alike."""
    return [_head(group) for group in grouped(changes)]


def _head(group: Group) -> _Entry:
    change = group.first
    refused = [f"      {why}" for why in text.refusal(group)]
    line = text.head(group, _PLAIN, _sign(change))
    return _Entry(head=line, details=lambda: refused, count=len(group.changes))


def _sign(change: Change) -> str:
    return _fenced(review.sign(change))


def _fenced(sign: str) -> str:
    return _FENCED.get(sign, sign)


def _named(change: Change) -> str:
    return f"{_sign(change)} {text.noun(change.kind)} {change.name}"


def _detailed(changes: Sequence[Change], *, verbose: bool) -> list[_Entry]:
    """Each change with its fields; what is only handed over once for all of it, with all names."""
    found: list[_Entry] = []
    for group in alone(changes) if verbose else grouped(changes):
        if group.is_handed_over:
            found.append(_handed_over(group))
            continue
        found += [
            _Entry(head=_named(change), details=partial(text.details, change, whole=True))
            for change in group.changes
            if any(text.details(change))
        ]
    return found


def _handed_over(group: Group) -> _Entry:
    def details() -> Iterator[str]:
        yield from text.details(group.first)
        yield from (f"      {names}" for names in group.all_names())

    change, count = group.first, len(group.changes)
    head = f"{_sign(change)} {count:,} {text.noun(change.kind)}s  {text.aside(change)}"
    return _Entry(head=head, details=details, count=count)


def _stored(changes: Iterable[Change]) -> list[_Entry]:
    """What QStash will hold for each schedule that is written, and the first firings."""
    return [
        _Entry(head=_named(change), details=partial(_in_utc, change))
        for change in changes
        if any(_in_utc(change))
    ]


def _in_utc(change: Change) -> Iterator[str]:
    moments = words.moments(change.firings) if change.firings else []
    yield from (f"      {line}" for line in (*words.stored(change), *moments))


def _resources(drift: Drift, status: Status) -> Iterator[_Section]:
    """The resources of one status; of those in sync, the ones without diagnostics are folded."""
    found = [one for one in drifts.as_read(drift) if one.status is status]
    title = f"{drifts.words(status)}: {drifts.WHO_MOVED[status]}".removesuffix(": ")
    in_sync = status is Status.IN_SYNC
    noted = [_resource(one) for one in found if one.diagnostics or not in_sync]
    idle = [_resource(one) for one in found if in_sync and not one.diagnostics]
    more = ", with something to know" * in_sync
    yield _Section(title=f"{len(noted):,} {title}{more}", entries=noted)
    yield _Section(title=f"{len(idle):,} {title}", entries=idle, folded=True, idle=True)


def _resource(one: ResourceDrift) -> _Entry:
    def details() -> Iterator[str]:
        yield from drifts.facts(one)
        yield from drifts.effect(one)
        yield from drifts.fields(one)

    head = f"{_fenced(review.status_sign(one.status))} {text.noun(one.kind)} {one.name}"
    taken = words.headline(one.change) if one.change and one.status is Status.SURPLUS else ""
    whose = drifts.whose(one)
    beside = (f"({whose})" if whose else "", taken)
    return _Entry(head="  ".join(filter(None, (head, *beside))), details=details)


_TITLES = {
    Severity.ERROR: ("error", "errors"),
    Severity.DIFFERENCE: ("difference", "differences"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("thing to know", "things to know"),
}


def _diagnostics(found: Sequence[Diagnostic]) -> Iterator[_Section]:
    """A section for each severity, the heaviest first."""

    def entry(diagnostic: Diagnostic) -> _Entry:
        sign = "-" if diagnostic.severity is Severity.ERROR else "!"
        hint = [f"      {diagnostic.hint}"] * bool(diagnostic.hint)
        return _Entry(head=f"{sign} {drifts.one_line(diagnostic)}", details=lambda: hint)

    for severity, (one, many) in _TITLES.items():
        some = [diagnostic for diagnostic in found if diagnostic.severity is severity]
        count = number(some)
        title = f"{count:,} {one if count == 1 else many}"
        yield _Section(title=title, entries=[*map(entry, folded(some))], most=_MOST_FINDINGS)


def _unmanaged(plan: Plan, *, verbose: bool) -> Iterator[_Section]:
    if verbose:
        title = f"{len(plan.unmanaged):,} unmanaged: in the account, not ours, never touched"
        idle = [_Entry(head=f"  {line}") for line in text.unmanaged(plan)]
        yield _Section(title=title, entries=idle, folded=True, idle=True)


def _about(plan: Plan, account: str) -> str:
    before, after = plan.schedule_counts
    count = f"{before:,}" if before == after else f"{before:,} now, {after:,} after"
    facts = [f"schedules in the account: {count}"] * bool(before or after)
    namespace = f"Namespace `{safe.name(plan.namespace)}`"
    about = ", ".join([namespace, *facts, f"tzdata {plan.tzdata}."])
    return about + f" Account: `{safe.fenced(account.replace('`', '_'))}`." * bool(account)
