"""The file format as models: every key, its type and its meaning; the JSON Schema comes from here.

The models see values after interpolation. All keys of a schedule are optional here, since
`defaults` and `overrides` are schedules with gaps; what must be there is checked when they are
put together (`build.py`).
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from qstash_sync.config.types import (
    Body,
    BodyBase64,
    BodyFile,
    Bool,
    CallbackTimeout,
    ContentType,
    Crons,
    Delay,
    Environments,
    FormerName,
    Headers,
    Labels,
    MaxParts,
    Method,
    Name,
    Namespace,
    OneOf,
    Parallelism,
    Period,
    QueueParallelism,
    Rate,
    RedactedHeaders,
    RenewBefore,
    Retries,
    RetryDelay,
    ScheduleId,
    TextField,
    Timeout,
    Url,
    UrlOrPath,
    Version,
    Whole,
    Zone,
)
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.firings import Fold, Gap
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Secret

Count = Annotated[int, Whole()]


class Spec(BaseModel):
    """A mapping of the file: unknown keys are errors, null means unset."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True
    )


class DstSpec(Spec):
    """How a schedule goes through clock changes."""

    strategy: Annotated[Strategy, OneOf(Strategy)] | None = None
    gap: Annotated[Gap, OneOf(Gap)] | None = None
    fold: Annotated[Fold, OneOf(Fold)] | None = None
    renew_before: RenewBefore | None = Field(
        default=None, description="Renew this long before the end, at most 60d."
    )
    max_parts: MaxParts | None = None
    accept: Bool | None = Field(default=None, description="Take a native cron although it differs.")


class CallbackSpec(Spec):
    """A callback: a URL alone, or with its own settings."""

    url: UrlOrPath
    method: Method | None = None
    headers: Headers | None = None
    retries: Retries | None = None
    timeout: CallbackTimeout | None = None
    retry_delay: RetryDelay | None = None


def _with_url(value: Any) -> Any:
    return {"url": value} if isinstance(value, str | Secret) else value


CallbackField = Annotated[
    CallbackSpec,
    BeforeValidator(_with_url, json_schema_input_type=str | CallbackSpec),
]


class FlowUseSpec(Spec):
    """The flow-control key of a schedule, with limits of its own or without."""

    key: Name
    parallelism: Parallelism | None = None
    rate: Rate | None = None
    period: Period | None = None


class RedactSpec(Spec):
    """What QStash shows as a digest when it is read back."""

    body: Bool | None = None
    headers: RedactedHeaders | None = None


class ScheduleSpec(Spec):
    """A schedule, or a part of one in defaults and overrides."""

    cron: Crons | None = Field(
        default=None, description="Five fields in local time; a list means the union."
    )
    timezone: Zone | None = Field(default=None, description="An IANA zone, such as Europe/Berlin.")
    dst: DstSpec | None = None
    base_url: str | None = Field(
        default=None, description="Put before a destination or callback that starts with /."
    )
    destination: UrlOrPath | None = None
    url_group: Name | None = None
    queue: Name | None = None
    method: Method | None = None
    headers: Headers | None = None
    body: Body = None
    body_file: BodyFile | None = None
    body_base64: BodyBase64 | None = None
    content_type: ContentType | None = None
    retries: Retries | None = None
    retry_delay: RetryDelay | None = Field(
        default=None, description="Milliseconds, as an expression over retried."
    )
    timeout: Timeout | None = None
    delay: Delay | None = None
    callback: CallbackField | None = None
    failure_callback: CallbackField | None = None
    flow_control: FlowUseSpec | None = None
    labels: Labels | None = None
    redact: RedactSpec | None = None
    paused: Bool | None = Field(default=None, description="Absent: leave it as it is.")
    protect: Bool | None = None
    was: FormerName | None = Field(default=None, description="The name it had before.")
    id: ScheduleId | None = Field(
        default=None, description="Adopts a schedule whose id is not ours."
    )
    only: Environments | None = None
    except_: Environments | None = Field(default=None, alias="except")
    identify: Bool | None = None
    description: str | None = None
    owner: str | None = None
    runbook: str | None = None


class EndpointSpec(Spec):
    """An endpoint in a list: a URL, or a URL with a name."""

    url: Url
    name: str | None = None


def _endpoints(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"name": name, "url": url} for name, url in value.items()]
    if isinstance(value, list):
        return [_with_url(item) for item in value]
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

    parallelism: QueueParallelism | None = None
    paused: Bool | None = None


class FlowControlSpec(Spec):
    """A flow-control key: what is given is pinned."""

    parallelism: Parallelism | None = None
    rate: Rate | None = None
    period: Period | None = None
    paused: Bool | None = None


class GlobsSpec(Spec):
    """Name patterns for kinds that carry no mark."""

    url_groups: list[str] = []
    queues: list[str] = []
    flow_controls: list[str] = []


class LimitsSpec(Spec):
    """The account's plan, and how much one apply may delete."""

    plan: Annotated[str, OneOf(tuple(PLANS))] | None = None
    max_deletes: Count | None = None
    max_delete_percent: Count | None = None


class OverridesSpec(Spec):
    """Changes to single resources in one environment."""

    schedules: dict[str, ScheduleSpec] = {}
    url_groups: dict[str, UrlGroupSpec] = {}
    queues: dict[str, QueueSpec] = {}
    flow_controls: dict[str, FlowControlSpec] = {}


Vars = dict[str, Any]


class AccountSpec(Spec):
    """What an environment says of itself and of its account."""

    namespace: Namespace | None = None
    token: TextField | None = Field(
        default=None, description="A reference such as ${env.PROD_QSTASH_TOKEN}."
    )
    region: Annotated[str, OneOf(("eu-central-1", "us-east-1"))] | None = None
    url: str | None = None
    account: str | None = Field(default=None, description="The user that the token must belong to.")


class EnvironmentSpec(AccountSpec):
    """One account, or one namespace of an account."""

    vars: Vars = {}
    defaults: ScheduleSpec | None = None
    overrides: OverridesSpec | None = None


class HeadSpec(Spec):
    """A file without its resources and environments."""

    version: Version = Field(description="The version of this format.")
    namespace: Namespace | None = None
    allow_private: Bool | None = Field(
        default=None, description="Allow http:// and private hosts: for local servers."
    )
    limits: LimitsSpec | None = None
    owns: GlobsSpec | None = None
    protect: GlobsSpec | None = None


class FileSpec(HeadSpec):
    """A qstash-sync file."""

    vars: Vars = {}
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
