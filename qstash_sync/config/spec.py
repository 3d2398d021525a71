"""The file format as models: every key, its type and its meaning; the JSON Schema comes from here.

The models see values after interpolation. All keys of a schedule are optional here, since
`defaults` and `overrides` are schedules with gaps; what must be there is checked when they are
put together (`build.py`).
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from qstash_sync.config.tree import Loose
from qstash_sync.model.resources import Secret, Text

_TEMPLATE = {"type": "string", "pattern": r"\$\{.+\}"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TYPE_NAMES = {
    bool: "true or false", int: "a number", float: "a decimal number", str: "text",
    dict: "a mapping", list: "a list", type(None): "nothing",
}  # fmt: skip


def type_name(value: object) -> str:
    """What a value is called in messages."""
    return next((name for kind, name in _TYPE_NAMES.items() if isinstance(value, kind)), "a secret")


def _wrong(expected: str, value: object, hint: str = "") -> PydanticCustomError:
    if isinstance(value, Secret):
        fact = "a secret cannot stand here"
        return PydanticCustomError(
            "secret", "{fact}", {"fact": fact, "hint": "write ${env.NAME|plain} if it is none"}
        )
    fact = f"must be {expected}, not {type_name(value)}"
    return PydanticCustomError("wrong_type", "{fact}", {"fact": fact, "hint": hint})


def bad(fact: str, hint: str = "") -> PydanticCustomError:
    """A validation error with our own words: fact and way out."""
    return PydanticCustomError("bad", "{fact}", {"fact": fact, "hint": hint})


def _integer(value: Any) -> int:
    if isinstance(value, Loose) and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    if type(value) is not int:
        raise _wrong("a whole number", value)
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, Loose) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if type(value) is not bool:
        raise _wrong("true or false", value)
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        quoted = isinstance(value, int | float) and not isinstance(value, Secret)
        raise _wrong("text", value, f'quote it: "{value}"' if quoted else "")
    return str(value)


def _text(value: Any) -> Text:
    return value if isinstance(value, Secret) else _string(value)


def _header_value(value: Any) -> Text | None:
    if type(value) is int:
        return str(value)  # `X-Version: 5` is not worth an error; 1.10 and true are
    return None if value is None else _text(value)


def _strings(value: Any) -> Any:
    if isinstance(value, Secret):
        raise _wrong("text", value)
    return [value] if isinstance(value, str) else value


def parse_duration(text: str) -> int:
    """Seconds in `10s`, `5m`, `1h30m` or `1d`; a ValueError for anything else."""
    if not re.fullmatch(r"(\d+[smhd])+", text):
        raise ValueError(text)
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text))


def _duration(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, Loose) and value.isdigit():
        return int(value)
    if not isinstance(value, str):
        raise _wrong("a duration such as 10s, 5m or 1h30m", value)
    try:
        return parse_duration(value)
    except ValueError:
        raise bad(
            f"{value!r} is not a duration", "write 10s, 5m, 1h30m, 1d or seconds as a number"
        ) from None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A pydantic annotation: one of a few words."""

    choices: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.choices)}, _TEMPLATE]}

    def check(self, value: Any) -> str:
        """The word itself, or a validation error that lists the choices."""
        text = _string(value)
        if text not in self.choices:
            close = get_close_matches(text, self.choices, 1)
            hint = f"did you mean {close[0]}?" if close else ""
            raise bad(f"{text!r} is not one of {', '.join(self.choices)}", hint)
        return text


def _schema(kind: str) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": kind}, _TEMPLATE]})


Int = Annotated[int, PlainValidator(_integer), _schema("integer")]
Bool = Annotated[bool, PlainValidator(_boolean), _schema("boolean")]
Str = Annotated[str, PlainValidator(_string), WithJsonSchema({"type": "string"})]
TextField = Annotated[Text, PlainValidator(_text), WithJsonSchema({"type": "string"})]
HeaderValue = Annotated[
    Text | None,
    PlainValidator(_header_value),
    WithJsonSchema({"type": ["string", "integer", "null"]}),
]
Seconds = Annotated[
    int,
    PlainValidator(_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^(\d+[smhd])+$"},
                _TEMPLATE,
            ]
        }
    ),
]
Strings = Annotated[
    list[Str],
    BeforeValidator(_strings),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Name = Annotated[
    str,
    PlainValidator(_string),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9._-]+$"}),
]
Namespace = Annotated[
    str,
    PlainValidator(_string),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$"}, _TEMPLATE]}),
]
Method = Annotated[str, OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"))]


def _version(value: Any) -> int:
    if type(value) is not int or value != 1:
        raise bad("must be 1, the only version there is")
    return 1


Version = Annotated[int, PlainValidator(_version), WithJsonSchema({"const": 1})]


class Spec(BaseModel):
    """A mapping of the file: unknown keys are errors, null means unset."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class DstSpec(Spec):
    """How a schedule goes through clock changes."""

    strategy: Annotated[str, OneOf(("split", "native", "follow", "auto"))] | None = None
    gap: Annotated[str, OneOf(("next_valid", "shift", "skip"))] | None = None
    fold: Annotated[str, OneOf(("first", "second", "both"))] | None = None
    renew_before: Seconds | None = Field(
        default=None, description="Renew this long before the end, at most 60d."
    )
    max_parts: Int | None = None
    accept: Bool | None = Field(default=None, description="Take a native cron although it differs.")


class CallbackSpec(Spec):
    """A callback: a URL alone, or with its own settings."""

    url: TextField
    method: Method | None = None
    headers: dict[str, HeaderValue] | None = None
    retries: Int | None = None
    timeout: Seconds | None = None
    retry_delay: Str | None = None


def _callback(value: Any) -> Any:
    return {"url": value} if isinstance(value, str | Secret) else value


CallbackField = Annotated[
    CallbackSpec,
    BeforeValidator(_callback, json_schema_input_type=str | CallbackSpec),
]


class FlowUseSpec(Spec):
    """The flow-control key of a schedule, with limits of its own or without."""

    key: Name
    parallelism: Int | None = None
    rate: Int | None = None
    period: Seconds | None = None


def _redact_headers(value: Any) -> bool | list[str]:
    if isinstance(value, list):
        return [_string(item) for item in value]
    return _boolean(value)


class RedactSpec(Spec):
    """What QStash shows as a digest when it is read back."""

    body: Bool | None = None
    headers: (
        Annotated[
            bool | list[str],
            PlainValidator(_redact_headers),
            WithJsonSchema(
                {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]}
            ),
        ]
        | None
    ) = None


class ScheduleSpec(Spec):
    """A schedule, or a part of one in defaults and overrides."""

    cron: Strings | None = Field(
        None, description="Five fields in local time; a list means the union."
    )
    timezone: Str | None = Field(None, description="An IANA zone, such as Europe/Berlin.")
    dst: DstSpec | None = None
    base_url: Str | None = Field(
        None, description="Put before a destination or callback that starts with /."
    )
    destination: TextField | None = None
    url_group: Name | None = None
    queue: Name | None = None
    method: Method | None = None
    headers: dict[str, HeaderValue] | None = None
    body: Annotated[Any, WithJsonSchema({"type": ["string", "object", "array", "null"]})] = None
    body_file: Str | None = None
    body_base64: Str | None = None
    content_type: Str | None = None
    retries: Int | None = None
    retry_delay: Str | None = Field(
        None, description="Milliseconds, as an expression over retried."
    )
    timeout: Seconds | None = None
    delay: Seconds | None = None
    callback: CallbackField | None = None
    failure_callback: CallbackField | None = None
    flow_control: FlowUseSpec | None = None
    labels: Strings | None = None
    redact: RedactSpec | None = None
    paused: Bool | None = Field(None, description="Absent: leave it as it is.")
    protect: Bool | None = None
    was: Name | None = Field(None, description="The name it had before.")
    id: Name | None = Field(None, description="Adopts a schedule whose id is not ours.")
    only: Strings | None = None
    except_: Strings | None = Field(None, alias="except")
    identify: Bool | None = None
    description: Str | None = None
    owner: Str | None = None
    runbook: Str | None = None


class EndpointSpec(Spec):
    """An endpoint in a list: a URL, or a URL with a name."""

    url: TextField
    name: Str | None = None


def _endpoints(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"name": name, "url": url} for name, url in value.items()]
    if isinstance(value, list):
        return [{"url": item} if isinstance(item, str | Secret) else item for item in value]
    return value


class UrlGroupSpec(Spec):
    """A URL group: named endpoints as a mapping, or a list of URLs."""

    endpoints: (
        Annotated[
            list[EndpointSpec],
            BeforeValidator(
                _endpoints, json_schema_input_type=dict[str, str] | list[str | EndpointSpec]
            ),
        ]
        | None
    ) = None


class QueueSpec(Spec):
    """A queue."""

    parallelism: Int | None = None
    paused: Bool | None = None


class FlowControlSpec(Spec):
    """A flow-control key: what is given is pinned."""

    parallelism: Int | None = None
    rate: Int | None = None
    period: Seconds | None = None
    paused: Bool | None = None


class GlobsSpec(Spec):
    """Name patterns for kinds that carry no mark."""

    url_groups: list[Str] = []
    queues: list[Str] = []
    flow_controls: list[Str] = []


class LimitsSpec(Spec):
    """The account's plan, and how much one apply may delete."""

    plan: Annotated[str, OneOf(("free", "payg", "fixed_1m", "fixed_10m"))] | None = None
    max_deletes: Int | None = None
    max_delete_percent: Int | None = None


class OverridesSpec(Spec):
    """Changes to single resources in one environment."""

    schedules: dict[str, ScheduleSpec] = {}
    url_groups: dict[str, UrlGroupSpec] = {}
    queues: dict[str, QueueSpec] = {}
    flow_controls: dict[str, FlowControlSpec] = {}


Vars = dict[str, Any]


class EnvironmentSpec(Spec):
    """One account, or one namespace of an account."""

    namespace: Namespace | None = None
    token: TextField | None = Field(
        None, description="A reference such as ${env.PROD_QSTASH_TOKEN}."
    )
    region: Annotated[str, OneOf(("eu-central-1", "us-east-1"))] | None = None
    url: Str | None = None
    account: Str | None = Field(None, description="The user that the token must belong to.")
    vars: Vars = {}
    defaults: ScheduleSpec | None = None
    overrides: OverridesSpec | None = None


class FileSpec(Spec):
    """A qstash-sync file."""

    version: Version = Field(description="The version of this format.")
    namespace: Namespace | None = None
    allow_private: Bool | None = Field(
        None, description="Allow http:// and private hosts: for local servers."
    )
    vars: Vars = {}
    limits: LimitsSpec | None = None
    owns: GlobsSpec | None = None
    protect: GlobsSpec | None = None
    environments: dict[str, EnvironmentSpec] = {}
    defaults: ScheduleSpec | None = None
    url_groups: dict[str, UrlGroupSpec] = {}
    queues: dict[str, QueueSpec] = {}
    flow_controls: dict[str, FlowControlSpec] = {}
    schedules: dict[str, ScheduleSpec] = {}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file, for editors and CI."""
    schema = FileSpec.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "qstash-sync"
    schema["patternProperties"] = {"^x-": {}}
    return schema
