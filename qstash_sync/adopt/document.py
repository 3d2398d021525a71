"""The file: its head, what is shared, a section a kind, and as comments what it cannot be about."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from qstash_sync.adopt import factor, names, secrets
from qstash_sync.adopt.entries import LONGEST_KEY, Settings
from qstash_sync.adopt.secrets import Hidden
from qstash_sync.adopt.survey import Item, Survey
from qstash_sync.adopt.writer import WIDTH, Writer
from qstash_sync.model.names import natural
from qstash_sync.model.presentable import presentable
from qstash_sync.model.quotas import PLANS, PlanLimits
from qstash_sync.model.resources import Key, Kind, Live, LiveSchedule, Message, instant, plain
from qstash_sync.model.settings_table import CALLBACKS
from qstash_sync.reconcile import twins
from qstash_sync.record import record

_OTHERS = (Kind.URL_GROUP, Kind.QUEUE, Kind.FLOW_CONTROL)
_SECTIONS = {kind: f"{kind}s" for kind in (*_OTHERS, Kind.SCHEDULE)}
TOO_LONG = "its name is too long for a key of a file"
# What takes variables.
_ADDRESSES = ("destination", "endpoints", *CALLBACKS)
_TEXTS = ("headers", "body")
_MARGIN = 10  # of a list of names
_WIDEST = 3  # users of a variable that are named


@record(kw_only=True)
class Variable:
    """A value that the file takes from the environment; None: only its digest can be read."""

    name: str
    value: str | None = field(repr=False)
    digest: str | None
    what: str
    users: tuple[str, ...]


@record(kw_only=True)
class Choices:
    """What the check of an earlier draft has taught.

    left: why a resource is not written after all. apart: keys that must not be shared.
    allow_private: None until an address is refused that may be a private one; refused: those,
    until that is seen to help.
    """

    left: Mapping[Key, str] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    allow_private: bool | None = None
    refused: frozenset[tuple[str | int, ...]] = frozenset()


@record(kw_only=True)
class Left:
    """What stands as a comment, as it may be shown; address: where a schedule goes."""

    kind: Kind
    id: str
    address: str = ""
    why: str


@record(kw_only=True)
class Document:
    """The text, and what it needs of the environment; items: the schedules that it declares.

    left: what it leaves alone, twins aside.
    """

    text: str
    left: tuple[Left, ...]
    variables: tuple[Variable, ...]
    items: tuple[Item, ...]
    others: Mapping[Kind, Mapping[str, Settings]]

    @property
    def environ(self) -> dict[str, str]:
        """The variables whose values can be read."""
        return _environ(self.variables)


@record(kw_only=True)
class Style:
    """What the file's own rules say: the order of a schedule's keys, and what a line may show."""

    order: Sequence[str]
    shows: Callable[[str], bool]


def document(survey: Survey, live: Live, choices: Choices, style: Style) -> Document:
    """The whole file."""
    items = survey.items
    choices = replace(choices, left={**_too_long(survey), **choices.left})
    known = survey.known
    defaults, schedules = _factored([hiding(i.settings, known) for i in items], choices.apart)
    sections: dict[Kind, Mapping[str, Settings]] = {
        kind: {n: hiding(s, known) for n, s in found.items() if (kind, n) not in choices.left}
        for kind, found in survey.others.items()
    }
    named = dict(zip((item.name for item in items), schedules, strict=True))
    holders = [("", defaults), *((n, s) for k in _OTHERS for n, s in sections[k].items())]
    uses = [
        (owner, hidden)
        for owner, settings in (*holders, *named.items())
        for hidden in secrets.hidden_in(settings)
    ]
    variables = names.of_variables(uses, survey.namespace)
    told = tuple(_variables(uses, variables))
    page = _Page(style, variables)
    left = tuple(_left(survey, choices))
    blocks = (
        page.head(survey, live, choices),
        page.defaults(defaults),
        *(page.section(kind, sections[kind]) for kind in _OTHERS),
        page.schedules(items, named),
        page.left(left),
        page.callbacks(items, defaults, named),
        page.labels(items),
        page.needed(told),
    )
    paragraphs = ("\n".join(block) for block in blocks)
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    return Document(text=text, left=left, variables=told, items=items, others=sections)


def _too_long(survey: Survey) -> dict[Key, str]:
    """Names that can be no keys of YAML."""
    named = ((kind, name) for kind, found in survey.others.items() for name in found)
    return {key: TOO_LONG for key in named if len(key[1]) > LONGEST_KEY}


@record(kw_only=True)
class Beginning:
    """A first file; count: of its schedules, left: why others are none.

    variables: of the secrets that were read; needed: of all that it takes from the environment.
    asides: settings without a place in the file.
    """

    text: str
    variables: tuple[Variable, ...]
    needed: tuple[str, ...]
    count: int
    left: tuple[str, ...]
    asides: int

    @property
    def environ(self) -> dict[str, str]:
        """The variables whose values were read."""
        return _environ(self.variables)


def _environ(variables: Iterable[Variable]) -> dict[str, str]:
    return {one.name: one.value for one in variables if one.value is not None}


def beginning(
    schedules: Mapping[str, Settings],
    *,
    namespace: str,
    head: Sequence[str],
    plan: str | None,
    left: Sequence[str],
    asides: Sequence[str],
    apart: Collection[str],
    style: Style,
) -> Beginning:
    """The file of jobs that are not QStash's yet; left, asides: what it cannot say.

    apart: keys that must not be shared.
    """
    called = sorted(schedules, key=natural)
    known = secrets.Known(list(schedules.values()))
    own = [hiding(schedules[name], known) for name in called]
    theirs = {name for found in own for name in _variables_in(found)}
    defaults, settings = _factored(own, apart)
    named = dict(zip(called, settings, strict=True))
    uses = [
        (owner, hidden)
        for owner, found in (("", defaults), *named.items())
        for hidden in secrets.hidden_in(found)
    ]
    variables = names.of_variables(uses, namespace, theirs)
    told = tuple(_variables(uses, variables))
    page = _Page(style, variables)
    queues = dict.fromkeys(found["queue"].plain for found in own if "queue" in found)
    blocks: tuple[Iterable[str], ...] = (
        (*map(page.comment, head), *page.top(namespace), *page.plan(plan)),
        page.defaults(defaults),
        page.section(Kind.QUEUE, {name: {} for name in queues}),
        page.entries(named),
        page.remarks("Not carried over:", left),
        page.remarks("Settings without a place in the file:", asides),
        page.needed(told),
        page.remarks("Variables to set, to what these jobs have now:", sorted(theirs)),
    )
    paragraphs = ["\n".join(block) for block in blocks]
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    return Beginning(
        text=text,
        variables=told,
        needed=tuple(sorted(theirs | {one.name for one in told})),
        count=len(called),
        left=tuple(left),
        asides=len(asides),
    )


def _factored(
    schedules: Sequence[Settings], apart: Collection[str]
) -> tuple[Settings, Sequence[Settings]]:
    """What is shared, and what each schedule says beside."""
    base = None if "base_url" in apart else factor.base_url(schedules)
    if base:
        schedules = factor.below(schedules, base)
    defaults, schedules = factor.factored(schedules, apart)
    return {**defaults, "base_url": secrets.plain(base)} if base else defaults, schedules


def _variables_in(settings: Settings) -> Iterator[str]:
    """The variables that texts in the file's own words take."""
    for value in settings.get("headers", {}).values():
        if isinstance(value, str):
            yield from re.findall(r"(?<!\$)\$\{env\.(\w+)\}", value)


def hiding(settings: Settings, known: secrets.Known) -> Settings:
    """The settings without what is a secret elsewhere, where the file takes a variable."""
    change = dict.fromkeys(_ADDRESSES, known.hiding_in_url) | dict.fromkeys(_TEXTS, known.hiding)
    return {
        key: secrets.replaced(value, change[key]) if key in change else value
        for key, value in settings.items()
    }


def _variables(
    uses: Sequence[tuple[str, Hidden]], variables: Mapping[str, str]
) -> Iterator[Variable]:
    owners = names.owners_of(uses)
    first: dict[str, Hidden] = {}
    for _, hidden in uses:
        first.setdefault(hidden.value, hidden)
    for value, hidden in first.items():
        yield Variable(
            name=variables[value],
            value=None if hidden.redacted else value,
            digest=value if hidden.redacted else None,
            what=hidden.what,
            users=owners[value],
        )


class _Page:
    """Lines of the file."""

    def __init__(self, style: Style, variables: Mapping[str, str]) -> None:
        self._rank = {key: number for number, key in enumerate(style.order)}
        self._variables = variables
        self._writer = Writer(style.shows)
        self._shows = style.shows

    def ordered(self, settings: Settings) -> Settings:
        """The settings in the order of the schema."""
        return dict(
            sorted(settings.items(), key=lambda item: self._rank.get(item[0], len(self._rank)))
        )

    def _written(self, settings: Settings) -> Settings:
        return {
            key: secrets.replaced(value, lambda text: text.written(self._variables))
            for key, value in settings.items()
        }

    def _lines(self, settings: Settings, indent: int) -> Iterator[str]:
        """A schedule's settings, or the defaults, line by line."""
        for key, value in self._written(self.ordered(settings)).items():
            yield from self._writer.entry(key, value, indent)

    def defaults(self, settings: Settings) -> Iterator[str]:
        """What schedules share."""
        if settings:
            yield "defaults:"
            yield from self._lines(settings, 2)

    def section(self, kind: Kind, found: Mapping[str, Settings]) -> Iterator[str]:
        """A kind that is known by names; each on one line, if it fits."""
        if found:
            yield f"{_SECTIONS[kind]}:"
        for name, settings in found.items():
            yield from self._writer.entry(name, self._written(settings), 2)

    def schedules(self, items: Sequence[Item], settings: Mapping[str, Settings]) -> Iterator[str]:
        """The schedules, each with its twins."""
        if items:
            yield "schedules:"
        for item in items:
            yield f"  {self._writer.key(item.name)}:"
            yield from self._lines(settings[item.name], 4)
            yield from self.twins(item)

    def entries(self, schedules: Mapping[str, Settings]) -> Iterator[str]:
        """Schedules alone."""
        yield "schedules:" if schedules else "schedules: {}"
        for name, settings in schedules.items():
            yield f"  {self._writer.key(name)}:"
            yield from self._lines(settings, 4)

    def remarks(self, head: str, lines: Sequence[str]) -> Iterator[str]:
        """Lines of comments below a head, if there are any."""
        if lines:
            yield self.comment(head)
        yield from (self.comment(f"  {line}") for line in lines)

    def comment(self, text: str, indent: int = 0) -> str:
        """A comment of one line, whatever is in it."""
        line = f"{' ' * indent}# {text}"
        if self._shows(line):
            return line
        shown = "".join(c if c.isascii() and c.isprintable() and c != "#" else "?" for c in text)
        return f"{' ' * indent}# {shown}"

    def top(self, namespace: str) -> Iterator[str]:
        """The two lines that every file begins with."""
        yield "version: 1"
        yield f"namespace: {self._writer.key(namespace)}"

    def plan(self, plan: str | None, why: str = "") -> Iterator[str]:
        """What the account allows."""
        if plan:
            yield f"limits: {{plan: {plan}}}{why}"

    def head(self, survey: Survey, live: Live, choices: Choices) -> Iterator[str]:
        """What stands above everything."""
        yield from self.top(survey.namespace)
        if choices.allow_private:
            yield "allow_private: true # some addresses are http://, or no public hosts"
        why = " # the smallest that holds what the account has"
        yield from self.plan(_smallest_plan(live), why)

    def twins(self, item: Item) -> Iterator[str]:
        """Those that fire beside a schedule with the same destination, method and body."""
        if not item.twins:
            return
        yield self.comment(
            f"The same again, beside {item.name}; import --strays says which may go:", 4
        )
        for twin in item.twins:
            since = instant(twin.created_at)
            told = f"   since {since:%Y-%m-%d}" if since else ""
            differs = twins.differences(twin.message, item.live[0].message)
            told += f"; differs in {', '.join(differs)}" if differs else ""
            yield self.comment(f"  {presentable(twin.id)}{told}", 4)

    def left(self, found: Sequence[Left]) -> Iterator[str]:
        """What is not declared, and why."""
        schedules = [one for one in found if one.kind is Kind.SCHEDULE]
        if schedules:
            yield self.comment("Schedules that this file leaves alone:")
        for one in schedules:
            yield self.comment(f"  {one.id}   {one.address}: {one.why}")
        for one in found:
            if one.kind is not Kind.SCHEDULE:
                yield self.comment(f"{_SECTIONS[one.kind]}.{one.id} is left alone: {one.why}")

    def callbacks(
        self, items: Sequence[Item], defaults: Settings, settings: Mapping[str, Settings]
    ) -> Iterator[str]:
        """Of callbacks QStash shows the address alone."""

        def own(found: Settings) -> bool:
            return any(found.get(key) for key in CALLBACKS)

        unknown = [item.name for item in items if item.lost or not item.is_ours]
        found = ["defaults"] if own(defaults) and unknown else []
        found += [name for name in unknown if own(settings[name])]
        if found:
            yield self.comment(
                "Of callbacks QStash shows the address alone. Write the method, headers,"
            )
            yield self.comment(
                "retries, timeout and retry_delay that these have, or an apply resets them:"
            )
            yield from self._listed(found)

    def labels(self, items: Sequence[Item]) -> Iterator[str]:
        """Where QStash shows the first label alone, nobody can tell whether there are more."""
        found = [i.name for i in items if any(p.labels_cut and p.message.labels for p in i.live)]
        if found:
            yield self.comment(
                "QStash shows one label of these; write the others, if they have some:"
            )
            yield from self._listed(found)

    def needed(self, variables: Sequence[Variable]) -> Iterator[str]:
        """The variables, each with what it is; apart those that only their owner knows."""
        width = max((len(one.name) for one in variables), default=0)
        heads = {
            False: "Variables of this file; --env-file FILE reads them from a file:",
            True: "Of these QStash shows a digest alone; nobody but you can set them:",
        }
        for is_digest, head in heads.items():
            chosen = [one for one in variables if (one.value is None) is is_digest]
            if chosen:
                yield self.comment(head)
            for one in chosen:
                more = len(one.users) - _WIDEST
                users = ", ".join(user or "defaults" for user in one.users[:_WIDEST])
                users += f" and {more:,} more" if more > 0 else ""
                yield self.comment(f"  {one.name:{width}}  {one.what}, in {users}")

    def _listed(self, found: Sequence[str]) -> Iterator[str]:
        line = ""
        for name in found:
            if line and len(line) + len(name) > WIDTH - _MARGIN:
                yield self.comment(f"  {line},")
                line = ""
            line += f", {name}" if line else name
        yield self.comment(f"  {line}")


def _left(survey: Survey, choices: Choices) -> Iterator[Left]:
    known = survey.known
    for live, why in survey.left:
        yield Left(
            kind=Kind.SCHEDULE,
            id=presentable(live.id),
            address=_host(live, known),
            why=known.masked(why),
        )
    for (kind, name), why in sorted(choices.left.items()):
        if kind is not Kind.SCHEDULE:
            yield Left(kind=kind, id=presentable(name), why=known.masked(why))


def _host(live: LiveSchedule, known: secrets.Known) -> str:
    """Where it goes, without what may be a secret."""
    target = plain(live.message.destination)
    scheme, colon, rest = target.partition("://")
    if not colon:
        return target
    host = f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0].rpartition('@')[2]}"
    path = f"{scheme}://{re.split('[?#]', rest, maxsplit=1)[0]}"
    is_plain = known.hiding_in_url(secrets.url(path, "")).plain is not None
    return path if "@" not in path and is_plain else host


def _smallest_plan(live: Live) -> str | None:
    """The first plan of QStash's that holds what is live; None where the free one may."""
    free, *paid = PLANS.items()
    if len(live.schedules or ()) <= free[1].schedules:
        return None
    return next((name for name, plan in paid if _holds(plan, live)), None)


def _holds(plan: PlanLimits, live: Live) -> bool:
    messages = [schedule.message for schedule in live.schedules or ()]
    endpoints = [len(group.endpoints) for group in live.url_groups or ()]
    return (
        len(messages) <= plan.schedules
        and len(endpoints) <= plan.url_groups
        and max(endpoints, default=0) <= plan.endpoints
        and len(live.queues or ()) <= plan.queues
        and all(queue.parallelism <= plan.queue_parallelism for queue in live.queues or ())
        and all((message.timeout or 0) <= plan.timeout for message in messages)
        and all(message.delay <= plan.delay for message in messages)
        and all(_size(message) <= plan.body for message in messages)
    )


def _size(message: Message) -> int:
    body = message.body or ""
    return len(body) if isinstance(body, bytes) else len(plain(body).encode("utf-8", "replace"))
