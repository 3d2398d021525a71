"""The file format as models: every key, its type and its meaning; the JSON Schema comes from here.

The models see values after interpolation. All keys of a schedule are optional here, since
`defaults` and `overrides` are schedules with gaps; what must be there is checked when they are
put together (`build.py`).
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from qstash_sync.config import message, types
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.firings import Fold, Gap
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Kind, Secret


class Spec(BaseModel):
    """A mapping of the file: unknown keys are errors, null means unset."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True
    )


_IGNORE = "Fields that somebody else owns: neither compared nor written, once it is there."


class DstSpec(Spec):
    """How a schedule goes through clock changes."""

    strategy: Annotated[Strategy, types.one_of(*Strategy)] | None = None
    gap: Annotated[Gap, types.one_of(*Gap)] | None = None
    fold: Annotated[Fold, types.one_of(*Fold)] | None = None
    renew_before: types.RenewBefore | None = Field(
        default=None, description="Renew this long before the end, at most 60d."
    )
    max_parts: types.MaxParts | None = None
    accept: types.Bool | None = Field(
        default=None, description="Take a native cron although it differs."
    )


class CallbackSpec(Spec):
    """A callback: a URL alone, or with its own settings."""

    url: message.UrlOrPath
    method: types.Method | None = None
    headers: message.Headers | None = None
    retries: types.Retries | None = None
    timeout: types.CallbackTimeout | None = None
    retry_delay: types.RetryDelay | None = None


def _with_url(value: Any) -> Any:
    return {"url": value} if isinstance(value, str | Secret) else value


CallbackField = Annotated[
    CallbackSpec,
    BeforeValidator(_with_url, json_schema_input_type=str | CallbackSpec),
]


class FlowUseSpec(Spec):
    """The flow-control key of a schedule, with limits of its own or without."""

    key: types.FlowKey
    parallelism: types.Parallelism | None = None
    rate: types.Rate | None = None
    period: types.Period | None = None


class RedactSpec(Spec):
    """What QStash shows as a digest when it is read back."""

    body: types.Bool | None = None
    headers: message.RedactedHeaders | None = None


class LintSpec(Spec):
    """What is made of lint's findings."""

    disable: types.Rules | None = Field(default=None, description="Codes that are not told.")
    error: types.Rules | None = Field(default=None, description="Codes that stop an apply.")


class OwnLintSpec(LintSpec):
    """The same for one schedule, which may be for a while."""

    until: types.Day | None = Field(
        default=None, description="The last day on which disable holds, as in 2027-01-31."
    )


class ScheduleSpec(Spec):
    """A schedule, or a part of one in defaults and overrides."""

    cron: types.Crons | None = Field(
        default=None, description="Five fields in local time; a list means the union."
    )
    timezone: types.Zone | None = Field(
        default=None, description="An IANA zone, such as Europe/Berlin."
    )
    dst: DstSpec | None = None
    base_url: message.BaseUrl | None = Field(
        default=None, description="Put before a destination or callback that starts with /."
    )
    destination: message.UrlOrPath | None = None
    url_group: types.Name | None = None
    queue: types.Name | None = None
    method: types.Method | None = None
    headers: message.Headers | None = None
    body: message.Body = None
    body_file: message.BodyFile | None = None
    body_base64: message.BodyBase64 | None = None
    content_type: message.ContentType | None = None
    retries: types.Retries | None = None
    retry_delay: types.RetryDelay | None = Field(
        default=None, description="Milliseconds, as an expression over retried."
    )
    timeout: types.Timeout | None = None
    delay: types.Delay | None = None
    callback: CallbackField | None = None
    failure_callback: CallbackField | None = None
    flow_control: FlowUseSpec | None = None
    labels: types.Labels | None = None
    redact: RedactSpec | None = None
    paused: types.Bool | None = Field(default=None, description="Absent: leave it as it is.")
    protect: types.Bool | None = None
    was: types.FormerName | None = Field(default=None, description="The name it had before.")
    id: types.ScheduleId | None = Field(
        default=None, description="Adopts a schedule whose id is not ours."
    )
    only: types.Environments | None = None
    except_: types.Environments | None = Field(default=None, alias="except")
    identify: types.Bool | None = None
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.SCHEDULE)] | None = Field(
        default=None, description=_IGNORE
    )
    lint: OwnLintSpec | None = None
    description: str | None = None
    owner: str | None = None
    runbook: str | None = None


class EndpointSpec(Spec):
    """An endpoint in a list: a URL, or a URL with a name."""

    url: message.Url
    name: str | None = None


def _endpoints(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"name": name, "url": url} for name, url in value.items()]
    if isinstance(value, list):
        return [_with_url(item) for item in value]
    return value


class SelectedSpec(Spec):
    """What is there in some environments only."""

    only: types.Environments | None = None
    except_: types.Environments | None = Field(default=None, alias="except")


class UrlGroupSpec(SelectedSpec):
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
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.URL_GROUP)] | None = Field(
        default=None, description=_IGNORE
    )


class QueueSpec(SelectedSpec):
    """A queue."""

    parallelism: types.QueueParallelism | None = None
    paused: types.Bool | None = None
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.QUEUE)] | None = Field(
        default=None, description=_IGNORE
    )


class FlowControlSpec(SelectedSpec):
    """A flow-control key: what is given is pinned."""

    parallelism: types.Parallelism | None = None
    rate: types.Rate | None = None
    period: types.Period | None = None
    paused: types.Bool | None = None
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.FLOW_CONTROL)] | None = Field(
        default=None, description=_IGNORE
    )


class GlobsSpec(Spec):
    """Name patterns for kinds that carry no mark."""

    url_groups: list[str] = []
    queues: list[str] = []
    flow_controls: list[str] = []


class LimitsSpec(Spec):
    """The account's plan, and how much one apply may delete."""

    plan: Annotated[str, types.one_of(*PLANS)] | None = None
    max_deletes: types.MostDeletes | None = Field(
        default=None, description="10 when not given; none lifts the limit."
    )
    max_delete_percent: types.MostPercent | None = Field(
        default=None, description="30 when not given, from three deletes on; none lifts it."
    )


class OverridesSpec(Spec):
    """Changes to single resources in one environment."""

    schedules: dict[str, ScheduleSpec] = {}
    url_groups: dict[str, UrlGroupSpec] = {}
    queues: dict[str, QueueSpec] = {}
    flow_controls: dict[str, FlowControlSpec] = {}


Vars = dict[str, Any]


class AccountSpec(Spec):
    """What an environment says of itself and of its account."""

    namespace: types.Namespace | None = None
    namespace_was: types.FormerNamespace | None = Field(
        default=None, description="The namespace it had before: its schedules are renamed."
    )
    token: types.TextField | None = Field(
        default=None, description="A reference such as ${env.PROD_QSTASH_TOKEN}."
    )
    region: Annotated[str, types.one_of("eu-central-1", "us-east-1")] | None = None
    url: str | None = None
    account: str | None = Field(default=None, description="The user that the token must belong to.")


class EnvironmentSpec(AccountSpec):
    """One account, or one namespace of an account."""

    vars: Vars = {}
    defaults: ScheduleSpec | None = None
    overrides: OverridesSpec | None = None


class HeadSpec(Spec):
    """A file without its resources and environments."""

    version: types.Version = Field(description="The version of this format.")
    namespace: types.Namespace | None = None
    namespace_was: types.FormerNamespace | None = Field(
        default=None, description="The namespace it had before: its schedules are renamed."
    )
    allow_private: types.Bool | None = Field(
        default=None, description="Allow http:// and private hosts: for local servers."
    )
    limits: LimitsSpec | None = None
    owns: GlobsSpec | None = None
    protect: GlobsSpec | None = None
    lint: LintSpec | None = None


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
