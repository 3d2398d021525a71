"""The types of single settings: what a value must be, and the form in which it goes on.

Each is an annotation for pydantic with its JSON Schema. What a check must know of the environment
comes as pydantic's validation context, a `Frame`. Values arrive after interpolation.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo, WithJsonSchema
from pydantic_core import core_schema

from qstash_sync.config import retry_delay
from qstash_sync.config.tree import Loose
from qstash_sync.config.wrong import bad, each, nearest, no_secret, wrong_text, wrong_type
from qstash_sync.crons import zones
from qstash_sync.crons.compile import RENEWALS
from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import Cron, parse
from qstash_sync.model import durations, ignorable, settings_table
from qstash_sync.model.lint import BY_CODE, Code
from qstash_sync.model.quotas import PLANS, PlanLimits
from qstash_sync.model.resources import Kind, Secret, Text
from qstash_sync.reconcile import time_label
from qstash_sync.reconcile.mark import PREFIX
from qstash_sync.record import record

NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]*")
WEEK = 7 * 86_400
YEAR = 366 * 86_400
HALF_DAY = 12 * 3_600


@record(kw_only=True)
class Frame:
    """The environment and its file, as far as a single setting depends on them."""

    environments: tuple[str, ...] = ()
    allow_private: bool = False
    plan: str | None = None
    folder: str = "."

    @property
    def limits(self) -> PlanLimits | None:
        """What the account's plan allows, where the file names it."""
        return PLANS.get(self.plan or "")


@dataclass(slots=True, eq=False, repr=False)
class Check:
    """An annotation for pydantic: a function that checks a value, and the JSON Schema."""

    function: Callable[[Any, ValidationInfo[Frame]], Any]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self.function)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return self.schema


def or_variable(*schemas: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of what `${…}` may stand for, too."""
    return {"anyOf": [*schemas, {"type": "string", "pattern": r"\$\{.+\}"}]}


TEXT = {"type": "string"}
TEXTS = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}


# Numbers, durations, words

# What older YAML, and other tools, take for the two words of YAML 1.2.
_BOOLEANS = dict.fromkeys(("true", "yes", "on", "y", "1"), "true")
_BOOLEANS |= dict.fromkeys(("false", "no", "off", "n", "0"), "false")
_Limit = int | Callable[[PlanLimits | None], int]  # a number, or what the plan allows


def _in_range(
    number: int, low: int, high: int, show: Callable[[int], str] = str, plan: str | None = None
) -> int:
    """plan: the account's, where it sets the limit."""
    if not low <= number <= high:
        who = f"; the plan {plan} allows no more" if plan and number > high else ""
        hint = f"{show(low)} to {show(high)}{who}"
        raise bad(f"{show(number)} is out of range", hint, "range")
    return number


def _integer(value: Any) -> int:
    if isinstance(value, Loose) and re.fullmatch(r"-?[0-9]{1,20}", value):
        return int(value)
    if type(value) is not int:
        raise wrong_type("a whole number", value)
    return value


def _duration(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, Loose) and re.fullmatch(r"[0-9]{1,20}", value):
        return int(value)
    if not isinstance(value, str):
        raise wrong_type("a duration such as 10s, 5m or 1h30m", value)
    try:
        return durations.parse_duration(value)
    except ValueError:
        hint = "write 10s, 5m, 1h30m, 1d or seconds as a number"
        raise bad(f"{value!r} is not a duration", hint) from None


def _upper(high: _Limit, frame: Frame) -> tuple[int, str | None]:
    """The upper end, and the plan that sets it."""
    if isinstance(high, int):
        return high, None
    return high(frame.limits), frame.plan


def whole(low: int, high: _Limit) -> Check:
    """A whole number in a range."""

    def check(value: Any, info: ValidationInfo[Frame]) -> int:
        most, plan = _upper(high, info.context)
        return _in_range(_integer(value), low, most, plan=plan)

    return Check(check, or_variable({"type": "integer"}))


def seconds(low: int, high: _Limit) -> Check:
    """A duration in a range, such as `1h30m`, or seconds as a number."""

    def check(value: Any, info: ValidationInfo[Frame]) -> int:
        most, plan = _upper(high, info.context)
        return _in_range(_duration(value), low, most, durations.duration, plan)

    written = {"type": "string", "pattern": r"^(\d+[smhd])+$"}
    return Check(check, or_variable({"type": "integer", "minimum": 0}, written))


def one_of(*choices: str) -> Check:
    """One of a few words; the members of an enum stay members."""

    def check(value: Any, _: ValidationInfo[Frame]) -> str:
        text = string(value)
        found = next((choice for choice in choices if choice == text), None)
        if found is None:
            close = nearest(text, choices)
            hint = f"did you mean {close}?" if close else ""
            raise bad(f"{text!r} is not one of {', '.join(choices)}", hint, "choice")
        return found

    return Check(check, or_variable({"enum": [str(choice) for choice in choices]}))


def day(value: Any, _: ValidationInfo[Frame]) -> date:
    """A date, as in 2027-01-31."""
    written = string(value)
    try:
        return date.fromisoformat(written)
    except ValueError:
        hint = "write it like 2027-01-31"
        raise bad(f"{written!r} is not a date", hint, "date") from None


def boolean(value: Any, _: object = None) -> bool:
    """True or false, or a variable that stands for it."""
    if isinstance(value, Loose) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if type(value) is not bool:
        meant = _BOOLEANS.get(str(value).lower()) if isinstance(value, str | int) else None
        quoted = ", without quotes" * (meant is not None and str(value).lower() == meant)
        raise wrong_type("true or false", value, f"write {meant}{quoted}" if meant else "")
    return value


def _version(value: Any, _: object) -> int:
    if isinstance(value, Secret):
        raise no_secret()
    if type(value) is not int or value != 1:
        meant = str(value) in ("1", "1.0") and not isinstance(value, bool)
        hint = "write it as a number: version: 1" if meant else ""
        raise bad("must be 1, the only version there is", hint)
    return 1


_MOST_CRONS = 100
NO_LIMIT = "none"


def _most(high: int) -> Check:
    """A limit of deletes, or the word that lifts it."""

    def check(value: Any, _: ValidationInfo[Frame]) -> int | str:
        return NO_LIMIT if value == NO_LIMIT else _in_range(_integer(value), 0, high)

    return Check(check, or_variable({"type": "integer"}, {"const": NO_LIMIT}))


_MOST_PARALLEL = max(plan.queue_parallelism for plan in PLANS.values())
MostDeletes = Annotated[int | str, _most(1_000_000)]
MostPercent = Annotated[int | str, _most(100)]
Retries = Annotated[int, whole(0, 999)]
Timeout = Annotated[int, seconds(1, lambda plan: plan.timeout if plan else HALF_DAY)]
Delay = Annotated[int, seconds(0, lambda plan: plan.delay if plan else YEAR)]
RenewBefore = Annotated[int, seconds(*(int(each.total_seconds()) for each in RENEWALS))]
MaxParts = Annotated[int, whole(1, 100)]
Parallelism = Annotated[int, whole(1, 1_000_000)]
QueueParallelism = Annotated[
    int, whole(1, lambda plan: plan.queue_parallelism if plan else _MOST_PARALLEL)
]
Rate = Annotated[int, whole(1, 1_000_000_000)]
Period = Annotated[int, seconds(1, WEEK)]
Method = Annotated[str, one_of(*settings_table.METHODS)]
Bool = Annotated[bool, Check(boolean, or_variable({"type": "boolean"}))]
Version = Annotated[int, Check(_version, {"const": 1})]


# Texts


def string(value: Any) -> str:
    """Text in clear."""
    if not isinstance(value, str):
        raise wrong_text(value)
    return str(value)


def text(value: Any, _: object = None) -> Text:
    """Text that may be a secret."""
    return value if isinstance(value, Secret) else string(value)


def listed(value: Any, check: Callable[[str], Any]) -> tuple[Any, ...]:
    """A text alone, or each text of a list."""
    if isinstance(value, list):
        return tuple(each(enumerate(value), lambda _, item: check(string(item))))
    if not isinstance(value, Text):
        raise bad("must be a list or a single text")
    return (check(string(value)),)


def name_like(pattern: str | re.Pattern[str], fact: str, hint: str) -> Callable[[str], str]:
    """The check of a name; {!r} in the fact is the name."""
    compiled = re.compile(pattern)

    def check(name: str) -> str:
        if not compiled.fullmatch(name):
            raise bad(fact.format(name), hint, "name")
        return name

    return check


_NAME, _SCHEDULE_NAME = r"[A-Za-z0-9._-]+", r"[a-z0-9][a-z0-9_-]*"
_NOT_ALLOWED, _ALLOWED = "the name {!r} is not allowed", "use letters, digits, -, _ and ."
_NAME_SCHEMA = WithJsonSchema({"type": "string", "pattern": rf"^{_NAME}$"})
check_name = name_like(_NAME, _NOT_ALLOWED, _ALLOWED)
_FLOW_KEY = r"[A-Za-z0-9._:@/-]+"
check_flow_key = name_like(_FLOW_KEY, _NOT_ALLOWED, "use letters, digits, -, _, ., :, @ and /")
check_schedule_name = name_like(_SCHEDULE_NAME, _NOT_ALLOWED, "use a-z, 0-9, - and _")
_check_id = name_like(_NAME, "{!r} is not a schedule id", _ALLOWED)
_check_former = name_like(_NAME, "{!r} is neither a name nor an id of a schedule", _ALLOWED)


def is_line(line: str) -> bool:
    """Whether a text is printable ASCII."""
    return line.isascii() and line.isprintable()


def _label(label: str) -> str:
    if label.startswith(PREFIX):
        raise bad(f"labels that start with {PREFIX} are our own", code="label")
    if time_label.is_label(label):
        raise bad(f"{label!r} looks like the time that we write as a label", code="label")
    if "," in label or not label or label != label.strip() or not is_line(label):
        hint = "ASCII, without commas or outer spaces"
        raise bad(f"{label!r} is not a label", hint, "label")
    return label


def _environments(value: Any, info: ValidationInfo[Frame]) -> tuple[str, ...]:
    names = info.context.environments

    def check(name: str) -> str:
        if name not in names:
            known = ", ".join(names) or "the file has none"
            raise bad(f"no such environment: {name}", f"known: {known}", "unknown_environment")
        return name

    return listed(value, check)


def words(choices: Check) -> Check:
    """A word of a few, or a list of them."""

    def check(value: Any, info: ValidationInfo[Frame]) -> tuple[Any, ...]:
        return listed(value, lambda word: choices.function(word, info))

    schema = choices.schema
    return Check(check, {"anyOf": [schema, {"type": "array", "items": schema}]})


def _of_a_schedule() -> Check:
    """A rule whose findings can be about a schedule; a word about another would do nothing."""
    choices = one_of(*(code for code in Code if not BY_CODE[code].about))
    every = one_of(*Code)

    def check(value: Any, info: ValidationInfo[Frame]) -> Any:
        rule = BY_CODE[every.function(value, info)]
        if rule.about:
            key = info.field_name
            hint = f"write it at the top of the file: lint: {{{key}: [{rule.code}]}}"
            fact = f"{rule.code} is about {rule.about}, never about one schedule"
            raise bad(fact, hint, "choice")
        return rule.code

    return Check(check, choices.schema)


def fields_of(kind: Kind) -> Check:
    """Fields of a kind that somebody else may own."""

    def check(field: str) -> str:
        try:
            return ignorable.owned(kind, field)
        except ignorable.FieldError as error:
            raise bad(error.fact, error.hint, "ignore") from None

    return Check(lambda value, _: tuple(dict.fromkeys(listed(value, check))), TEXTS)


def _crons(value: Any) -> tuple[Cron, ...]:
    if isinstance(value, list) and len(value) > _MOST_CRONS:
        fact = f"{len(value):,} crons; {_MOST_CRONS:,} can be the times of one schedule"
        raise bad(fact, "write ranges and lists within a cron, or more schedules", "cron")
    return listed(value, _cron)


def _cron(cron: str) -> Cron:
    try:
        return parse(" ".join(cron.split()))  # a block of YAML ends in a line break
    except CronError as error:
        raise bad(str(error), code="cron") from None


def _zone(name: str) -> str:
    try:
        zones.zone(name)
    except CronError as error:
        raise bad(str(error), code="zone") from None
    return name


TextField = Annotated[Text, Check(text, TEXT)]
Name = Annotated[str, AfterValidator(check_name), _NAME_SCHEMA]
FlowKey = Annotated[
    str,
    AfterValidator(check_flow_key),
    WithJsonSchema({"type": "string", "pattern": rf"^{_FLOW_KEY}$"}),
]
ScheduleId = Annotated[str, AfterValidator(_check_id), _NAME_SCHEMA]
FormerName = Annotated[str, AfterValidator(_check_former), _NAME_SCHEMA]
Namespace = Annotated[
    str, WithJsonSchema(or_variable({"type": "string", "pattern": f"^{NAMESPACE.pattern}$"}))
]
FormerNamespace = Annotated[
    str, AfterValidator(name_like(NAMESPACE, "{!r} is not a namespace", "use a-z, 0-9 and -"))
]
Labels = Annotated[tuple[str, ...], Check(lambda value, _: listed(value, _label), TEXTS)]
Environments = Annotated[tuple[str, ...], Check(_environments, TEXTS)]
Crons = Annotated[tuple[Cron, ...], Check(lambda value, _: _crons(value), TEXTS)]
Zone = Annotated[str, AfterValidator(_zone)]
Rules = Annotated[tuple[Code, ...], words(one_of(*Code))]
OwnRules = Annotated[tuple[Code, ...], words(_of_a_schedule())]
Day = Annotated[date, Check(day, {"type": "string", "format": "date"})]
RetryDelay = Annotated[str, AfterValidator(retry_delay.check)]
