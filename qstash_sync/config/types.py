"""The types of single settings: what a value must be, and the form in which it goes on.

Each is an annotation for pydantic with its JSON Schema. What a check must know of the environment
comes as pydantic's validation context, a `Frame`. Values arrive after interpolation.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import core_schema

from qstash_sync.config import retry_delay, url
from qstash_sync.config.literals import LITERAL_SECRET, secret_in
from qstash_sync.config.text import shadow, to_json
from qstash_sync.config.tree import Loose
from qstash_sync.config.wrong import bad, each, wrong_text, wrong_type
from qstash_sync.crons import zones
from qstash_sync.crons.error import CronError
from qstash_sync.crons.grammar import Cron, parse
from qstash_sync.model import settings
from qstash_sync.model.quotas import PLANS, PlanLimits
from qstash_sync.model.resources import Secret, Text
from qstash_sync.plan.mark import PREFIX

NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]*")
WEEK = 7 * 86_400
YEAR = 366 * 86_400
HALF_DAY = 12 * 3_600

_TEMPLATE = {"type": "string", "pattern": r"\$\{.+\}"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_HEADERS = re.compile(r"authorization|proxy-authorization|cookie|.*-token|.*-key|.*-secret")
_REDACTED = "REDACTED:"
_HOW_REDACTED = "QStash shows it in place of a redacted value; write the value itself"


@dataclass(frozen=True, slots=True, kw_only=True)
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


# Numbers, durations, words


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a range; the end of the range may depend on the plan."""

    low: float = float("-inf")
    high: float | Callable[[PlanLimits | None], int] = float("inf")
    unit = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer"}, _TEMPLATE]}

    def parse(self, value: Any) -> int:
        """The number, or a validation error that says what stands in its place."""
        if isinstance(value, Loose) and re.fullmatch(r"-?[0-9]{1,20}", value):
            return int(value)
        if type(value) is not int:
            raise wrong_type("a whole number", value)
        return value

    def check(self, value: Any, info: ValidationInfo[Frame]) -> int:
        """The number within the range."""
        number = self.parse(value)
        high = self.high(info.context.limits) if callable(self.high) else self.high
        if not self.low <= number <= high:
            hint = f"{self.low}{self.unit} to {high}{self.unit}"
            raise bad(f"{number}{self.unit} is out of range", hint, "range")
        return number


@dataclass(frozen=True, slots=True)
class Seconds(Whole):
    """A duration such as `1h30m`, or seconds as a number."""

    unit = "s"

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        pattern = {"type": "string", "pattern": r"^(\d+[smhd])+$"}
        return {"anyOf": [{"type": "integer", "minimum": 0}, pattern, _TEMPLATE]}

    def parse(self, value: Any) -> int:
        """The duration in seconds."""
        if type(value) is int and value >= 0:
            return value
        if isinstance(value, Loose) and re.fullmatch(r"[0-9]{1,20}", value):
            return int(value)
        if not isinstance(value, str):
            raise wrong_type("a duration such as 10s, 5m or 1h30m", value)
        try:
            return parse_duration(value)
        except ValueError:
            hint = "write 10s, 5m, 1h30m, 1d or seconds as a number"
            raise bad(f"{value!r} is not a duration", hint) from None


def parse_duration(text: str) -> int:
    """Seconds in `10s`, `5m`, `1h30m` or `1d`; a ValueError for anything else."""
    if not re.fullmatch(r"([0-9]{1,20}[smhd])+", text):
        raise ValueError(text)
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))


Retries = Annotated[int, Whole(0, 999)]
Timeout = Annotated[int, Seconds(1, lambda plan: plan.timeout if plan else HALF_DAY)]
CallbackTimeout = Annotated[int, Seconds(1, HALF_DAY)]
Delay = Annotated[int, Seconds(0, lambda plan: plan.delay if plan else YEAR)]
RenewBefore = Annotated[int, Seconds(86_400, 60 * 86_400)]
MaxParts = Annotated[int, Whole(1, 100)]
Parallelism = Annotated[int, Whole(1, 1_000_000)]
Rate = Annotated[int, Whole(1, 1_000_000_000)]
Period = Annotated[int, Seconds(1, WEEK)]
_MOST_PARALLEL = max(plan.queue_parallelism for plan in PLANS.values())
QueueParallelism = Annotated[
    int, Whole(1, lambda plan: plan.queue_parallelism if plan else _MOST_PARALLEL)
]


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words: as text, or as the member of an enum."""

    choices: tuple[str, ...] | type[StrEnum]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"enum": [str(choice) for choice in self.choices]}, _TEMPLATE]}

    def check(self, value: Any) -> str:
        """The word itself, or a validation error that lists the choices."""
        text = _string(value)
        found = next((choice for choice in self.choices if choice == text), None)
        if found is None:
            from difflib import get_close_matches  # noqa: PLC0415 only for errors

            close = get_close_matches(text, list(self.choices), 1)
            hint = f"did you mean {close[0]}?" if close else ""
            raise bad(f"{text!r} is not one of {', '.join(self.choices)}", hint)
        return found


Method = Annotated[str, OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"))]


def _boolean(value: Any) -> bool:
    if isinstance(value, Loose) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if type(value) is not bool:
        raise wrong_type("true or false", value)
    return value


Bool = Annotated[
    bool,
    PlainValidator(_boolean),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, _TEMPLATE]}),
]


def _version(value: Any) -> int:
    if type(value) is not int or value != 1:
        raise bad("must be 1, the only version there is")
    return 1


Version = Annotated[int, PlainValidator(_version), WithJsonSchema({"const": 1})]


# Texts


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_text(value)
    return str(value)


def _text(value: Any) -> Text:
    return value if isinstance(value, Secret) else _string(value)


def _listed(value: Any, check: Callable[[str], Any]) -> tuple[Any, ...]:
    """A text alone, or each text of a list."""
    if isinstance(value, list):
        return tuple(each(enumerate(value), lambda _, item: check(_string(item))))
    if not isinstance(value, str | Secret):
        raise bad("must be a list or a single text")
    return (check(_string(value)),)


TextField = Annotated[Text, PlainValidator(_text), WithJsonSchema({"type": "string"})]
_ONE_OR_MORE = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
)


def _name(pattern: str, what: str, hint: str) -> Any:
    compiled = re.compile(pattern)

    def check(name: str) -> str:
        if not compiled.fullmatch(name):
            raise bad(what.format(name), hint, "name")
        return name

    return check


_ALLOWED = "use letters, digits, -, _ and ."
_NAME = r"[A-Za-z0-9._-]+"
_NAME_SCHEMA = WithJsonSchema({"type": "string", "pattern": rf"^{_NAME}$"})
check_name = _name(_NAME, "the name {!r} is not allowed", _ALLOWED)
check_schedule_name = _name(
    r"[a-z0-9][a-z0-9_-]*", "the name {!r} is not allowed", "use a-z, 0-9, - and _"
)
Name = Annotated[str, AfterValidator(check_name), _NAME_SCHEMA]
ScheduleId = Annotated[
    str, AfterValidator(_name(_NAME, "{!r} is not a schedule id", _ALLOWED)), _NAME_SCHEMA
]
FormerName = Annotated[
    str,
    AfterValidator(_name(r"[a-z0-9][a-z0-9_-]*", "{!r} is not a schedule name", "")),
    _NAME_SCHEMA,
]
Namespace = Annotated[
    str,
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$"}, _TEMPLATE]}),
]


def _label(label: str) -> str:
    if label.startswith(PREFIX):
        raise bad(f"labels that start with {PREFIX} are our own", code="label")
    if "," in label or not label or label != label.strip() or not _is_line(label):
        hint = "ASCII, without commas or outer spaces"
        raise bad(f"{label!r} is not a label", hint, "label")
    return label


def _is_line(text: str) -> bool:
    return text.isascii() and text.isprintable()


Labels = Annotated[
    tuple[str, ...], PlainValidator(lambda value: _listed(value, _label)), _ONE_OR_MORE
]


def _environments(value: Any, info: ValidationInfo[Frame]) -> tuple[str, ...]:
    names: tuple[str, ...] = info.context.environments

    def check(name: str) -> str:
        if name not in names:
            known = ", ".join(names) or "the file has none"
            raise bad(f"no such environment: {name}", f"known: {known}", "environment")
        return name

    return _listed(value, check)


Environments = Annotated[tuple[str, ...], PlainValidator(_environments), _ONE_OR_MORE]


# Time


def _cron(text: str) -> Cron:
    try:
        return parse(text)
    except CronError as error:
        raise bad(str(error), code="cron") from None


def _zone(name: str) -> str:
    try:
        zones.zone(name)
    except CronError as error:
        raise bad(str(error), code="zone") from None
    return name


Crons = Annotated[
    tuple[Cron, ...], PlainValidator(lambda value: _listed(value, _cron)), _ONE_OR_MORE
]
Zone = Annotated[str, AfterValidator(_zone)]


# Messages


def _url(value: Any, info: ValidationInfo[Frame]) -> Text:
    return url.check(_text(value), allow_private=info.context.allow_private)


def _url_or_path(value: Any, info: ValidationInfo[Frame]) -> Text:
    text = _text(value)  # a path is checked when it is known which base_url it follows
    return text if shadow(text).startswith("/") else _url(text, info)


Url = Annotated[Text, PlainValidator(_url), WithJsonSchema({"type": "string"})]
UrlOrPath = Annotated[Text, PlainValidator(_url_or_path), WithJsonSchema({"type": "string"})]
RetryDelay = Annotated[str, AfterValidator(retry_delay.check)]


@lru_cache(maxsize=1024)
def canonical_header(name: str) -> str:
    """The header name as Go writes it: `x-api-key` becomes `X-Api-Key`."""
    if not _HEADER_NAME.fullmatch(name):
        raise bad(f"{name!r} is not a header name", "use letters, digits and -", "header")
    return settings.canonical_header(name)


def header_value(name: str, value: Text) -> Text:
    """A header value that HTTP carries unchanged and that holds no literal secret."""
    text = shadow(value)
    fact = hint = ""
    if "\n" in text or "\r" in text:
        fact, hint = "contains a line break", "a header is a single line"
    elif not _is_line(text):
        fact, hint = "contains characters outside ASCII", "encode it, for example as base64"
    elif text != text.strip():
        fact, hint = "starts or ends with a space, which HTTP drops", "remove the space"
    elif not text:
        fact, hint = "is empty", "write null to unset a default"
    elif text.startswith(_REDACTED):
        fact, hint = "is a digest, not its value", _HOW_REDACTED
    if fact:
        raise bad(f"the header {name} {fact}", hint, "header")
    if isinstance(value, str) and _SECRET_HEADERS.fullmatch(name.lower()):
        fact = f"the header {name} holds a literal value, and this file is kept in git"
        hint = "take it from the environment: ${env.NAME}, or ${env.NAME|plain} if it is no secret"
        raise bad(fact, hint, LITERAL_SECRET)
    return value


def _headers(value: Any) -> dict[str, Text | None]:
    """Headers by canonical name; null unsets one of the defaults."""
    if not isinstance(value, Mapping):
        raise bad("must be a mapping")
    result: dict[str, Text | None] = {}

    def check(name: str, text: Any) -> None:
        canonical = canonical_header(name)
        if text is None:
            result.setdefault(canonical, None)
            return
        if result.get(canonical) is not None:
            raise bad(f"the header {canonical} stands here twice", "keep one", "duplicate")
        if canonical.startswith("Upstash-"):
            hint = "settings have their own keys; name forwarded headers without the prefix"
            raise bad("Upstash-… headers are QStash's own", hint, "header")
        # `X-Version: 5` is not worth an error; 1.10 and true are
        text = str(text) if type(text) is int else _text(text)
        result[canonical] = header_value(canonical, text)

    each(value.items(), check)
    return result


Headers = Annotated[
    dict[str, Text | None],
    PlainValidator(_headers),
    WithJsonSchema({
        "type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}
    }),
]  # fmt: skip
ContentType = Annotated[str, AfterValidator(lambda text: header_value("Content-Type", text))]


def _redacted_headers(value: Any) -> bool | tuple[str, ...]:
    if isinstance(value, list):
        return tuple(sorted(set(_listed(value, canonical_header))))
    return _boolean(value)


RedactedHeaders = Annotated[
    bool | tuple[str, ...],
    PlainValidator(_redacted_headers),
    WithJsonSchema(
        {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]}
    ),
]


@dataclass(frozen=True, slots=True)
class Content:
    """A body in the form that is sent, and the content type that it brings along."""

    data: bytes | Text
    content_type: str | None = None


def _body(value: Any, info: ValidationInfo[Frame]) -> Content | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return _sized(Content(to_json(value), "application/json"), info)
    if not isinstance(value, str | Secret):
        raise wrong_type("a mapping, a list or text", value, f'quote it: "{value}"')
    return _sized(Content(_text(value)), info)


def _body_file(value: Any, info: ValidationInfo[Frame]) -> Content:
    name = _string(value)
    path = Path(info.context.folder) / name
    try:
        data = path.read_bytes()
    except OSError as error:
        fact = f"{name} cannot be read: {error.strerror}"
        raise bad(fact, f"looked at {path}", "body") from None
    except ValueError:
        raise bad(f"{name!r} cannot be the name of a file", code="body") from None
    return _without_literals(_sized(Content(data), info))


def _body_base64(value: Any, info: ValidationInfo[Frame]) -> Content:
    import base64  # noqa: PLC0415 rare

    try:
        data = base64.b64decode("".join(_string(value).split()), validate=True)
    except ValueError:
        raise bad("not valid base64", code="body") from None
    return _without_literals(_sized(Content(data), info))


def _sized(content: Content, info: ValidationInfo[Frame]) -> Content:
    """The content, unless it is larger than the plan allows, or a digest."""
    data = content.data
    if not isinstance(data, bytes):
        data = shadow(data).encode("utf-8", "surrogatepass")
    frame: Frame = info.context
    most = frame.limits.body if frame.limits else max(plan.body for plan in PLANS.values())
    if len(data) > most:
        who = f"the plan {frame.plan}" if frame.limits else "QStash"
        fact = f"the body has {len(data):,} bytes; {who} allows {most:,}"
        raise bad(fact, "send a reference to the data instead", "body")
    if data.startswith(_REDACTED.encode()):
        raise bad("is a digest, not its value", _HOW_REDACTED, "redacted")
    return content


def _without_literals(content: Content) -> Content:
    """The content of what does not stand in the file itself, where it would be found."""
    if isinstance(content.data, bytes) and (kind := secret_in(content.data.decode("latin-1"))):
        hint = "take it from the environment in a `body`"
        raise bad(f"{kind} in clear", hint, LITERAL_SECRET)
    return content


Body = Annotated[
    Content | None,
    PlainValidator(_body),
    WithJsonSchema({"type": ["string", "object", "array", "null"]}),
]
BodyFile = Annotated[Content, PlainValidator(_body_file), WithJsonSchema({"type": "string"})]
BodyBase64 = Annotated[Content, PlainValidator(_body_base64), WithJsonSchema({"type": "string"})]
