"""Text for terminals: diagnostics with the offending line, plans that read in ten seconds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qstash_sync.lint.judge import is_about
from qstash_sync.model.change import Action, Change, FieldChange, OfParts, Origin, Reason
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.lint import BY_CODE, Code
from qstash_sync.model.names import natural
from qstash_sync.model.resources import Kind
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import taken
from qstash_sync.reconcile.diff import address
from qstash_sync.render import safe, words
from qstash_sync.render.alike import folded, said
from qstash_sync.render.alike_changes import Group, alone, as_read, grouped, titled_by_action
from qstash_sync.render.safe import Page

_CODES = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "bold": 1, "dim": 2}
SEVERE = {
    Severity.ERROR: "red",
    Severity.DIFFERENCE: "yellow",
    Severity.WARNING: "yellow",
    Severity.INFO: "cyan",
}
_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.DELETE: ("-", "red"),
    Action.PAUSE: ("~", "yellow"),
    Action.RESUME: ("~", "yellow"),
}
LABEL_WIDTH = 21
WIDTH = 80  # columns where nobody says another number
_WIDEST = 200  # columns of a line of a file, where no terminal shows it
# What lint finds in a schedule was read when it came; but `follow` ends on a day of its own.
_RESUMED = "resumed"
_NO_NEWS = BY_CODE.keys() - {Code.FOLLOW_ENDS} | {_RESUMED}
_OF_TIME = ("cron", "dst", "parts", "timezone")
_SAID = 3  # fields that stand beside a name
_FEW = 20  # changes that need no titles
_ADDRESSES = {"destination", "endpoints", *CALLBACKS}  # of what is new, whom it calls is told whole
_SECTIONS = "declare schedules, url_groups, queues or flow_controls ({} means none of ours)"
_LONGEST_VALUE = 60
_BRIEF = 36  # of a value that stands beside a name, with the other side of it
_LONGEST_WHOLE = 2_000  # where nothing is cut that anybody reads
_AROUND = 24  # characters of what two values share, before the first that differs
_COLUMNS = 46  # of a line of 80, beside the label, for values with a note
_ROOM = 53  # likewise, for values alone


class Paint:
    """Colours, or none; never the only carrier of a meaning."""

    def __init__(self, *, color: bool, width: int | None = None) -> None:
        self.color = color
        self.is_terminal = width is not None
        self.width = width or WIDTH

    def wrapped(self, line: str, hang: int) -> list[str]:
        """A line in so many columns, the rest of it hanging; colours take none."""
        return safe.wrapped(line, hang, self.width)

    def page(self, lines: Iterable[str]) -> Page:
        """A whole page, no line of it wider than the terminal that shows it."""
        if not self.is_terminal:
            return safe.page(lines)
        indents = ((line, len(line) - len(line.lstrip(" "))) for line in lines)
        return safe.page(row for line, left in indents for row in self.wrapped(line, left + 4))

    def row(self, line: str) -> list[str]:
        """A line with a label, the rest hanging behind it."""
        return self.wrapped(line, 6 + LABEL_WIDTH)

    def __call__(self, text: str, *styles: str) -> str:
        """The text in the given styles."""
        if not self.color:
            return text
        return safe.styled(text, ";".join(str(_CODES[style]) for style in styles))


def diagnostics(found: Iterable[Diagnostic], paint: Paint, *, folds: bool = True) -> Page:
    """Location, message, the line with a caret, way out: one block each.

    Each message is one line where no terminal shows it, for programs that look for it.
    """
    return safe.page(blocks(found, paint, wraps=paint.is_terminal, folds=folds))


def blocks(
    found: Iterable[Diagnostic],
    paint: Paint,
    *,
    wraps: bool = True,
    excerpts: bool = True,
    folds: bool = True,
) -> Iterator[str]:
    """The lines of diagnostics; excerpts: with the lines of the file that warnings are about.

    folds: many that are alike are one.
    """

    def wrapped(line: str) -> list[str]:
        return paint.wrapped(line, 4) if wraps else [line]

    for diagnostic in folded(found) if folds else found:
        severity, location = diagnostic.severity, diagnostic.location
        style = SEVERE[severity]
        where = f"{location}: " if location else ""
        head = f"{where}{paint(severity + ':', style, 'bold')} {said(diagnostic)}"
        yield from wrapped(head)
        quotes = excerpts or severity is Severity.ERROR
        if quotes and location and location.text.strip() and severity is not Severity.INFO:
            yield from _quoted(diagnostic, location, paint, style)
        elif diagnostic.hint:
            yield from wrapped(f"    {diagnostic.hint}")


def _quoted(diagnostic: Diagnostic, location: Location, paint: Paint, style: str) -> Iterator[str]:
    """The line of the file, what is wrong in it, and the way out: beside the caret if it fits."""
    number = f"{location.line:>6} | "
    room = (paint.width if paint.is_terminal else _WIDEST) - len(number)
    text = location.text.expandtabs(1)  # a tab is one column here, as it is for the caret
    # Of a line that is too long for the page, what stands around the place.
    start = max(0, location.column - 1 - room // 2) if len(text) > room else 0
    end = start + room
    shown = "…" * bool(start) + text[start + bool(start) : end - (end < len(text))]
    yield paint(number, "dim") + shown + "…" * (end < len(text))
    margin = " " * (len(number) - 2) + paint("| ", "dim")
    before = " " * (location.column - 1 - start)
    fits = len(number) + len(before) + len(diagnostic.hint) + 2 <= paint.width
    if fits or not paint.is_terminal:
        yield f"{margin}{before}{paint('^', style)} {diagnostic.hint}".rstrip()
        return
    yield f"{margin}{before}{paint('^', style)}"
    yield from paint.wrapped(f"    {diagnostic.hint}", 4)


def plan(plan: Plan, paint: Paint, *, verbose: bool = False) -> Page:
    """The whole page: changes, warnings, the summary last."""
    return paint.page(plan_lines(plan, paint, verbose=verbose))


def plan_lines(plan: Plan, paint: Paint, *, verbose: bool) -> list[str]:
    """The lines of a plan's page."""
    lines: list[str] = []
    is_long = len(plan.changes) > _FEW
    for title, groups in _sections(plan.changes, verbose=verbose, titled=is_long):
        if title:
            lines += [""] * bool(lines) + [paint(title, "bold")]
        for group in groups:
            if is_long and not verbose:
                lines += paint.wrapped(head(group, paint), 6)
                lines += _refused(group, paint)
            else:
                lines += _group(group, paint, verbose=verbose)
                lines += _endpoints(plan, group.first, paint) if verbose else []
    if is_long and not verbose:
        lines += ["", "-v shows every change field by field."]
    lines += _aside(plan, paint) if verbose else []
    warnings, more = quiet(plan, verbose=verbose)
    found = (*warnings, *plan.errors)
    messages = [*blocks(found, paint, excerpts=False, folds=not verbose), *more]
    if messages:
        lines += ([""] if lines else []) + messages
    if lines:
        lines.append("")
    return [*lines, *(line for one in summary(plan) for line in paint.wrapped(one, 0))]


def _aside(plan: Plan, paint: Paint) -> list[str]:
    """What the run is not about: fields and resources of others, and what was left out."""
    lines = ignored(plan)
    if plan.left_out:
        lines.append("left out of this run:")
        lines += [f"    {what(change)}" for change in as_read(plan.left_out)]
    if plan.unmanaged:
        lines.append("unmanaged (in the account, not ours, never touched):")
        lines += [line for one in unmanaged(plan) for line in paint.wrapped(f"    {one}", 8)]
    return lines


def quiet(
    plan: Plan, *, verbose: bool, command: str = ""
) -> tuple[Sequence[Diagnostic], list[str]]:
    """The warnings that this plan gives cause to read, and lines that count the others.

    What lint finds in what stays as it is, a clock change among it, was read when it came; that a
    schedule was resumed, who resumed it knows. command: which shows them, if not this one.
    """
    way = f"`{plan.desired.command(command, '-v')}`" if command and plan.desired else "-v"
    if verbose:
        return plan.warnings, []
    changed = {(f"{change.kind}s", change.name) for change in plan.changes}
    shown = [w for w in plan.warnings if w.code not in _NO_NEWS or is_about(w, changed)]
    left = Counter(one.code for one in plan.warnings)
    left.subtract(one.code for one in shown)
    resumed, others = left.pop(_RESUMED, 0), left.total()
    them = "it" if others == 1 else "them"
    fact = f"{words.counted(others, 'warning')} about what does not change"
    lines = [f"{fact}: {way} shows {them}"] * bool(others)
    are = "is" if resumed == 1 else "are"
    told = f"{words.counted(resumed, 'schedule')} {are} active again after a pause: {way}"
    return shown, [*lines, *[told] * bool(resumed)]


def _sections(
    changes: Sequence[Change], *, verbose: bool, titled: bool
) -> Iterator[tuple[str, list[Group]]]:
    """Few changes in the order of the plan; many by what happens, what goes away first."""
    if not titled:
        yield "", (alone if verbose else grouped)(as_read(changes))
        return
    for title, some in titled_by_action(changes):
        if some:
            yield title, alone(some) if verbose else grouped(some)


def head(group: Group, paint: Paint, sign: str = "") -> str:
    """All that is to be known of a change at once, or of several that are alike.

    sign: in place of the one that stands there.
    """
    change = group.first
    own, style = _SIGNS[change.action]
    what, more = f"{noun(change.kind)} {change.name}", [words.stands(change)]
    if not group.is_one:
        what, more = f"{len(group.changes):,} {noun(change.kind)}s", [group.names]
    told = "; ".join(filter(None, (words.headline(change), summary_of(change))))
    beside = [aside(change), "" if group.is_renewal else told, *more]
    painted = paint(f"{sign} {what}" if sign else f"  {own} {what}", style, "bold")
    return "  ".join(filter(None, (painted, *beside)))


def _refused(group: Group, paint: Paint) -> Iterator[str]:
    for line in refusal(group):
        yield from (paint(row, "red") for row in paint.wrapped(f"      {line}", 8))


def _group(group: Group, paint: Paint, *, verbose: bool) -> Iterator[str]:
    """One change with its details, or several that are alike."""
    change = group.first
    sign, style = _SIGNS[change.action]
    if group.is_one:
        beside = "  ".join(filter(None, (aside(change), words.headline(change))))
        name = paint(f"  {sign} {noun(change.kind)} {change.name}", style, "bold")
        yield from paint.wrapped(f"{name}  {beside}" if beside else name, 6)
        yield from (row for line in details(change, verbose=verbose) for row in paint.row(line))
        yield from _refused(group, paint)
        return
    name = paint(f"  {sign} {len(group.changes):,} {noun(change.kind)}s", style, "bold")
    yield f"{name}  {aside(change)}" if aside(change) else name
    if not group.is_renewal:
        yield from (row for line in details(change) for row in paint.row(line))
    yield from paint.wrapped(f"      {group.names}", 6)
    yield from _refused(group, paint)


def _endpoints(plan: Plan, change: Change, paint: Paint) -> Iterator[str]:
    """What goes with a URL group, as far as a live address may be shown."""
    if change.kind is Kind.URL_GROUP and change.action is Action.DELETE:
        live = [group for group in plan.live.url_groups or () if group.name == change.name]
        for one in (endpoint for group in live for endpoint in group.endpoints):
            label = column(f"endpoint {one.name or '(unnamed)'}")
            yield from paint.row(f"      {label}{address(str(one.url))}")


def summary(plan: Plan) -> list[str]:
    """The last lines: what is to do, and what it was judged by: quota and zone data."""
    before, after = plan.schedule_counts
    count = f"{before:,} -> {after:,}" if before != after else f"{after:,}"
    quota = f" of {plan.schedules_allowed:,}" if plan.schedules_allowed else ""
    schedules = f"Schedules in the account: {count}{quota}; " if before or after else ""
    return [*headline(plan), f"{schedules}{_messages(plan)}tzdata {plan.tzdata}."]


def _messages(plan: Plan) -> str:
    """How many a day, where the account's plan has a limit that is near."""
    found = plan.messages
    if found is None:
        return ""
    change = f"{found.before:,} -> " if found.before != found.after else ""
    return f"messages a day: {change}{found.after:,} of {found.allowed:,}; "


_IN_SYNC = "the account is as the file says"


def headline(plan: Plan) -> list[str]:
    """What is to do, in one line; a second one where the run leaves something out."""
    counts = plan.summary
    rest = f"{counts['unchanged']:,} unchanged, {counts['unmanaged']:,} unmanaged."
    more = [f"Left for a whole plan: {plan.left:,} with other reasons."] * bool(plan.left)
    more += [_whose(plan)] * (plan.is_attributed and not plan.empty)
    more += left_out(plan)
    if plan.empty and plan.left_out:
        return [f"No changes of what this run is about; {rest}", *more]
    if plan.empty and plan.left:
        return [f"Nothing of that kind is to do; {rest}", *more]
    if not plan.managed:
        return [f"No section is declared, so nothing is managed: {_SECTIONS}.", *more]
    if plan.empty:
        halves = any(warning.code == "partly_paused" for warning in plan.warnings)
        is_so = "of what is paused in part, the file says nothing" if halves else _IN_SYNC
        return [f"No changes: {is_so}; {rest}", *more]
    works = [f"{counts[action]:,} to {action}" for action in ("create", "update", "delete")]
    work = f"{', '.join(works)}; " + f"{counts['refused']:,} refused; " * bool(counts["refused"])
    return [f"Plan: {work}{rest}", *more]


def _whose(plan: Plan) -> str:
    """How many changes are this branch's, and how many somebody else's."""
    counts = Counter(change.origin for change in plan.changes)
    yours = counts[Origin.YOURS] + counts[Origin.BOTH]
    said = [f"{yours:,} of this branch", f"{counts[Origin.ALREADY]:,} there before it"]
    return f"By the base: {', '.join(said)}, {counts[Origin.CLOCK]:,} of the clock."


def ignored(plan: Plan) -> list[str]:
    """The fields that somebody else owns, of each resource that has some."""
    kinds = list(Kind)
    named = sorted(plan.ignored, key=lambda one: (kinds.index(one.kind), natural(one.name)))
    found = [f"    {noun(one.kind)} {one.name}  {', '.join(one.fields)}" for one in named]
    return ["ignored (somebody else's, neither compared nor written):"] * bool(found) + found


def left_out(plan: Plan) -> list[str]:
    """What the run is not about, in one line; none where that is nothing."""
    counts = [
        f"{count:,} refused" if action == "refused" else f"{count:,} to {action}"
        for action, count in plan.summary_left_out.items()
        if count
    ]
    return [f"Left out by --target and --exclude: {', '.join(counts)}."] * bool(counts)


def refusal(group: Group) -> list[str]:
    """Why changes will not be made, unless a diagnostic of the plan says it."""
    change = group.first
    if change.foreign and change.can_adopt and not group.is_one:
        ways = f"--adopt {change.name} takes one over, --adopt '*' all; or rename yours"
        return [f"refused: each {change.foreign.value}; {ways}"]
    is_said = change.diagnosed or change.is_guarded
    return [f"refused: {change.refused}"] if change.refused and not is_said else []


def unmanaged(plan: Plan) -> list[str]:
    """What is in the account and not ours, each with what is known of it."""
    keys = sorted(plan.unmanaged, key=lambda key: (key[0], natural(key[1])))
    found = taken.unmanaged(keys, plan.live, plan.index)
    return [f"{noun(one.kind)} {one.name}  {words.unmanaged(one)}".rstrip() for one in found]


def noun(kind: Kind) -> str:
    """A kind as people call it."""
    return kind.noun


def aside(change: Change) -> str:
    """Why a change is, where that is not that the file says so; and whose, where a base says it."""
    cut_off = "an apply was cut off" if change.is_begun else ""
    said = "; ".join(filter(None, (_reason(change), cut_off, _WHOSE.get(change.origin, ""))))
    return f"({said})" if said else ""


_WHOSE: dict[Origin | None, str] = {
    Origin.ALREADY: "there before this branch",
    Origin.BOTH: "yours, beside what was there before",
}


OUTSIDE_OR_CUT_OFF = "changed outside, or an apply was cut off"


def _reason(change: Change) -> str:
    if change.is_refused_alone:
        return "not ours" if change.action is Action.UPDATE else "stays"
    if change.action is Action.DELETE:
        return ""
    if change.pauses_all:
        return "WILL BE PAUSED, all of it: a part is"
    if change.reason is Reason.FILE and change.origin is Origin.ALREADY:
        return "not applied yet"
    if change.may_be_cut_off:
        return OUTSIDE_OR_CUT_OFF
    return {
        "file": "", "drift": "changed outside", "both": "changed outside and in the file",
        "clock": "renewed for the clock", "adopt": "taken over", "rename": "renamed",
        "twin": "",
    }[change.reason]  # fmt: skip


def details(change: Change, *, verbose: bool = False, whole: bool = False) -> Iterator[str]:
    """Field by field, then what the change does.

    verbose: what nobody wrote, and parts, too, and all of long values; whole: those alone.
    """
    defaults = 0
    for field in change.fields:
        if field.default and not verbose:
            defaults += 1
        else:
            yield from _field(field, change.action, whole=whole or verbose)
    if defaults:
        yield f"      {'':{LABEL_WIDTH}}and {defaults} default{'s' * (defaults != 1)}"
    is_more = len(change.fields) > 1 or change.cut_off or change.pauses_all
    if change.reason is Reason.RENAME and not is_more:
        yield f"      {'':{LABEL_WIDTH}}nothing else changes"
        return
    if change.action is Action.DELETE:
        for label, (first, *more) in words.taken(change):
            yield f"      {label:{LABEL_WIDTH}}{first}"
            yield from (f"      {'':{LABEL_WIDTH}}{line}" for line in more)
        return
    parts = words.stored(change) if verbose else []
    for note in (*parts, *words.details(change, verbose=verbose)):
        yield f"      {'':{LABEL_WIDTH}}{note}"


def summary_of(change: Change) -> str:
    """The fields of an update in a few words, where it has few."""
    shown = [
        field
        for field in change.fields
        if not field.default and field.path.partition(".")[0] not in _OF_TIME
    ]
    if change.action in (Action.CREATE, Action.DELETE) or not shown:
        return ""
    said = [_in_short(field) for field in shown[:_SAID]]
    more = len(shown) - _SAID
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")


def _in_short(field: FieldChange) -> str:
    """A field and its two sides; of long ones what is around the first difference."""
    label = words.label(field.path)
    if field.withheld:
        return _cut(f"{label} {sides(field)}")
    return f"{_cut(label)} {' -> '.join(_both(field, _BRIEF))}"


def _field(field: FieldChange, action: Action, *, whole: bool) -> Iterator[str]:
    label = column(words.label(field.path))
    if action is Action.CREATE:
        if field.after is not None and field.after is not False:
            is_whole = whole or field.path.partition(".")[0] in _ADDRESSES
            shown = _cut(_value(field.after, field.path), most=_most(whole=is_whole))
            yield f"      {label}{shown}"
        return

    # Of several stored crons, those that go and those that come; not those that stay.
    if field.several:
        yield f"      {label}{field.note or 'as QStash stores it:'}"
        before, after = field.several
        for sign, crons, others in (("-", before, after), ("+", after, before)):
            yield from (f"      {'':{LABEL_WIDTH}}{sign} {c}" for c in crons if c not in others)
        return

    # What does not fit on one line takes two, and a note stands under them.
    shown = sides(field, whole=whole)
    if len(shown) > _ROOM and not field.withheld:
        was, becomes = _both(field, _LONGEST_WHOLE if whole else _ROOM - len("- "))
        yield f"      {label}- {was}"
        yield f"      {'':{LABEL_WIDTH}}+ {becomes}"
        if field.note:
            yield f"      {'':{LABEL_WIDTH}}{field.note}"
    elif field.note and len(shown) + len(field.note) > _COLUMNS:
        yield f"      {label}{shown}"
        yield f"      {'':{LABEL_WIDTH}}{field.note}"
    else:
        yield f"      {label}{shown}{note_of(field)}"


def column(label: str) -> str:
    """A label in its column, two blanks before what it is about."""
    return f"{label:{LABEL_WIDTH - 2}}  "


def _value(value: Any, path: str) -> str:
    return safe.line(words.value(value, path))


def _cut(text: str, start: int = 0, most: int = _LONGEST_VALUE) -> str:
    """A text from a character on, as long as there is room."""
    shown = f"…{text[start:]}" if start else text
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _most(*, whole: bool) -> int:
    return _LONGEST_WHOLE if whole else _LONGEST_VALUE


def _both(field: FieldChange, most: int) -> tuple[str, str]:
    """What a field was and what it becomes; of long texts what is around the first difference."""
    before, after = (_value(value, field.path) for value in (field.before, field.after))
    pairs = enumerate(zip(before, after, strict=False))
    shared = next((i for i, (one, other) in pairs if one != other), min(len(before), len(after)))
    around = min(_AROUND, most // 2)
    is_seen = max(len(before), len(after)) <= most or shared + around < most
    start = 0 if is_seen else max(shared - around, 0)
    return _cut(before, start, most), _cut(after, start, most)


def what(change: Change) -> str:
    """A change in a word, a kind and a name; of a pause by name also how many parts."""
    head = f"{change.action} {noun(change.kind)} {change.name}"
    count, steps = parts(change), len(change.steps)
    if count is None or count <= 1:
        return head
    return head + (f" ({count:,} parts)" if steps == count else f" ({steps:,} of {count:,} parts)")


def parts(change: Change) -> int | None:
    """How many parts a schedule has that is paused or resumed by name."""
    return next((note.of for note in change.notes if isinstance(note, OfParts)), None)


def sides(field: FieldChange, *, whole: bool = False) -> str:
    """What a field was and what it becomes, on one line; whole: uncut."""
    most = _most(whole=whole)
    if field.withheld:
        after = _cut(_value(field.after, field.path), most=most)
        return field.withheld if field.after is None else f"{after} ({field.withheld})"
    return " -> ".join(_both(field, most))


def note_of(field: FieldChange) -> str:
    """What stands behind a field's two sides."""
    return f"  ({field.note})" if field.note else ""
