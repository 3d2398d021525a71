"""The file format as models: every key, its type and its meaning; the JSON Schema comes from here.

The models see values after interpolation. All keys of a schedule are optional here, since
`defaults` and `overrides` are schedules with gaps; what must be there is checked when they are
put together (`build.py`).
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from qstash_sync.config import message, types
from qstash_sync.config.wrong import bad
from qstash_sync.crons.compile import Strategy
from qstash_sync.crons.gap_and_fold import Fold, Gap
from qstash_sync.model.quotas import PLANS
from qstash_sync.model.resources import Kind, Text


class Spec(BaseModel):
    """A mapping of the file: unknown keys are errors, null means unset."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True
    )


def optional(description: str, *examples: Any) -> Any:
    """A key that may be left out: what it means, and how it may be written.

    The JSON Schema has both, and so has docs/file.md; a test reads each example.
    """
    return Field(default=None, description=description, examples=list(examples) or None)


def flag(description: str, *, example: bool) -> Any:
    """The same of what is true or false."""
    return optional(description, example)


def named(description: str, example: dict[str, Any]) -> Any:
    """A mapping by name that may be left out, whose entries are described by their own model."""
    return Field(default={}, description=description, examples=[example])


_IGNORE = "Fields that somebody else owns: neither compared nor written, once it is there."
_ONLY = "The environments in which it is; in the others it is not declared."
_EXCEPT = "The environments in which it is not."
_VARS = "Plain values for ${var.NAME}, of any type; an environment's and --var go before."


class DstSpec(Spec):
    """How a schedule goes through clock changes."""

    strategy: Annotated[Strategy, types.one_of(*Strategy)] | None = optional(
        "How local time is brought to QStash: plain UTC crons for a horizon (split), CRON_TZ="
        " (native), the offset in force now (follow), or the fewest that are exact (auto).",
        "auto",
    )
    gap: Annotated[Gap, types.one_of(*Gap)] | None = optional(
        "What becomes of a local time that does not exist: at the first instant after it, later by"
        " the length of the gap, or not at all.",
        "shift",
    )
    fold: Annotated[Fold, types.one_of(*Fold)] | None = optional(
        "Which of a local time that comes twice.", "both"
    )
    renew_before: types.RenewBefore | None = optional(
        "How long before the end of its horizon a schedule is renewed, 1d to 60d.", "30d"
    )
    max_parts: types.MaxParts | None = optional(
        "More schedules of the account than this for one of the file are an error today, and a"
        " warning of a later day.",
        4,
    )
    accept: types.Bool | None = flag(
        "Take a native cron although QStash's parser does something else around clock changes.",
        example=True,
    )


class CallbackSpec(Spec):
    """A callback: a URL alone, or with its own settings."""

    url: message.UrlOrPath = Field(
        description="Where the report goes; joined to base_url where it starts with /.",
        examples=["/api/dead-letter"],
    )
    method: types.Method | None = optional("Its method.", "PUT")
    headers: message.Headers | None = optional(
        "Headers that are sent with it.", {"X-Source": "qstash"}
    )
    retries: types.Retries | None = optional("How often the callback itself is tried again.", 2)
    timeout: types.Timeout | None = optional("How long QStash waits for its answer.", "30s")
    retry_delay: types.RetryDelay | None = optional(
        "Milliseconds before a retry of it, as an expression over retried.", "1000 * (1 + retried)"
    )


def _with_url(value: Any) -> Any:
    return {"url": value} if isinstance(value, Text) else value


CallbackField = Annotated[
    CallbackSpec,
    BeforeValidator(_with_url, json_schema_input_type=str | CallbackSpec),
]


class FlowUseSpec(Spec):
    """The flow-control key of a schedule, with limits of its own or without."""

    key: types.FlowKey = Field(description="The name of the key.", examples=["openai"])
    parallelism: types.Parallelism | None = optional("Messages under way at once.", 5)
    rate: types.Rate | None = optional("Messages a period.", 10)
    period: types.Period | None = optional("How long a period of the rate is, up to a week.", "1m")


class RedactSpec(Spec):
    """What QStash shows as a digest when it is read back."""

    body: types.Bool | None = flag("Whether the body is.", example=True)
    headers: message.RedactedHeaders | None = optional(
        "All headers (true), or those named.", ["Authorization"]
    )


class LintSpec(Spec):
    """What is made of lint's findings."""

    disable: types.Rules | None = optional("Codes that are not told.", ["peak_minute"])
    error: types.Rules | None = optional("Codes that stop an apply.", ["no_failure_callback"])


class OwnLintSpec(LintSpec):
    """The same for one schedule, which may be for a while."""

    disable: types.OwnRules | None = optional("Codes that are not told.", ["clock_change"])
    error: types.OwnRules | None = optional("Codes that stop an apply.", ["no_failure_callback"])
    until: types.Day | None = optional(
        "The last day, in UTC, on which disable holds.", "2027-01-31"
    )


def _one_word(given: LintSpec) -> LintSpec:
    """Of each code one thing is said, and nothing that does nothing."""
    both = [code for code in given.disable or () if code in (given.error or ())]
    if both:
        fact = f"{both[0]} is in disable and in error"
        raise bad(fact, "keep it in one of the two", "conflict")
    if isinstance(given, OwnLintSpec) and given.until and not given.disable:
        fact = "until is the last day of disable, and nothing is disabled"
        raise bad(fact, "add disable: [CODE], or remove until", "conflict")
    return given


_OneWord = AfterValidator(_one_word)


class ScheduleSpec(Spec):
    """A schedule, or a part of one in defaults and overrides."""

    cron: types.Crons | None = optional(
        "When it fires, in local time: five fields, or @daily and its like; a list is the union.",
        "0 9 * * 1-5",
        ["0 9 * * *", "30 17 * * *"],
    )
    timezone: types.Zone | None = optional(
        "The IANA zone of the cron; must be said, here or in defaults.", "America/New_York"
    )
    dst: DstSpec | None = optional("How it goes through clock changes.", {"strategy": "auto"})
    base_url: message.BaseUrl | None = optional(
        "Put before a destination or callback that starts with /.", "https://app.example.com"
    )
    destination: message.UrlOrPath | None = optional(
        "The URL that is called; either this or url_group.", "/api/cron/report"
    )
    url_group: types.Name | None = optional(
        "The URL group whose endpoints are called, each with its own message.", "orders"
    )
    queue: types.Name | None = optional("The queue through which messages go.", "images")
    method: types.Method | None = optional("The method of the call.", "GET")
    headers: message.Headers | None = optional(
        "Headers that are forwarded; they merge with those of defaults by name, null unsets one.",
        {"Authorization": "Bearer ${env.REPORT_TOKEN}"},
    )
    body: message.Body = optional(
        "What is sent: a mapping or a list as JSON, with its Content-Type; text as it is.",
        {"type": "daily"},
    )
    body_file: message.BodyFile | None = optional(
        "A file whose content is sent, below the folder of this one; in place of body.",
        "bodies/report.json",
    )
    body_base64: message.BodyBase64 | None = optional(
        "Bytes that are sent, in base64; in place of body.", "AAEC"
    )
    content_type: message.ContentType | None = optional(
        "The Content-Type; of a body that is a mapping or a list it is application/json.",
        "text/plain",
    )
    retries: types.Retries | None = optional("How often a call that failed is tried again.", 5)
    retry_delay: types.RetryDelay | None = optional(
        "Milliseconds before a retry, as an expression over retried, 0 at the first: numbers,"
        " + - * / and pow, exp, sqrt, abs, floor, ceil, round, min, max.",
        "1000 * (1 + retried)",
    )
    timeout: types.Timeout | None = optional("How long QStash waits for an answer.", "30s")
    delay: types.Delay | None = optional("How long after the firing it is delivered.", "10s")
    callback: CallbackField | None = optional(
        "Where QStash reports each delivery: a URL, or a mapping.", "/api/delivered"
    )
    failure_callback: CallbackField | None = optional(
        "Where QStash reports that all retries are used up: a URL, or a mapping.",
        "/api/dead-letter",
    )
    flow_control: FlowUseSpec | None = optional(
        "The flow-control key of its messages.", {"key": "openai", "rate": 10, "period": "1m"}
    )
    labels: types.Labels | None = optional("Labels beside ours, for the logs.", ["reports"])
    redact: RedactSpec | None = optional(
        "What QStash shows as a digest when it is read back.", {"headers": ["Authorization"]}
    )
    paused: types.Bool | None = flag(
        "Whether it is paused; absent, a pause is left as it is.",
        example=False,
    )
    protect: types.Bool | None = flag(
        "Refuse to delete it until a file with protect: false was applied.",
        example=True,
    )
    was: types.FormerName | None = optional(
        "The name it had before, or a live id: it is renamed, and keeps its pause.",
        "nightly-report",
    )
    id: types.ScheduleId | None = optional(
        "Adopts a live schedule whose id is not ours, and keeps that id.", "scd_4hNwT1"
    )
    only: types.Environments | None = optional(_ONLY, ["production"])
    except_: types.Environments | None = Field(
        default=None, alias="except", description=_EXCEPT, examples=[["staging"]]
    )
    identify: types.Bool | None = flag(
        "Forward the header X-Qstash-Sync-Schedule with its id, such as billing.daily-report.",
        example=True,
    )
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.SCHEDULE)] | None = optional(
        _IGNORE, ["retries", "headers.X-Release"]
    )
    lint: Annotated[OwnLintSpec, _OneWord] | None = optional(
        "What is made of lint's findings about it.", {"disable": ["clock_change"]}
    )
    description: str | None = optional(
        "For people; never sent.", "The daily report of each office."
    )
    owner: str | None = optional("Who is asked; never sent, shown where it fails.", "team-billing")
    runbook: str | None = optional(
        "What to do; never sent, shown where it fails.", "https://wiki.example.com/reports"
    )


class EndpointSpec(Spec):
    """An endpoint in a list: a URL, or a URL with a name."""

    url: message.Url = Field(
        description="Where messages of the group go.", examples=["https://stock.example.com/in"]
    )
    name: str | None = optional("Its name within the group.", "stock")


def _endpoints(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"name": name, "url": url} for name, url in value.items()]
    if isinstance(value, list):
        return [_with_url(item) for item in value]
    return value


class SelectedSpec(Spec):
    """What is there in some environments only."""

    only: types.Environments | None = optional(_ONLY, ["production"])
    except_: types.Environments | None = Field(
        default=None, alias="except", description=_EXCEPT, examples=[["staging"]]
    )


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
    ) = optional(
        "All of its endpoints: URLs by name, or a list.",
        {"inventory": "https://inventory.example.com/in"},
        ["https://mail.example.com/in"],
    )
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.URL_GROUP)] | None = optional(
        _IGNORE, ["endpoints"]
    )


class QueueSpec(SelectedSpec):
    """A queue."""

    parallelism: types.QueueParallelism | None = optional("Messages under way at once.", 2)
    paused: types.Bool | None = flag(
        "Whether it is paused; absent, a pause is left as it is.",
        example=False,
    )
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.QUEUE)] | None = optional(
        _IGNORE, ["parallelism"]
    )


class FlowControlSpec(SelectedSpec):
    """A flow-control key: what is given is pinned."""

    parallelism: types.Parallelism | None = optional("Messages under way at once.", 5)
    rate: types.Rate | None = optional("Messages a period.", 10)
    period: types.Period | None = optional("How long a period of the rate is, up to a week.", "1m")
    paused: types.Bool | None = flag(
        "Whether it is paused; absent, a pause is left as it is.",
        example=False,
    )
    ignore: Annotated[tuple[str, ...], types.fields_of(Kind.FLOW_CONTROL)] | None = optional(
        _IGNORE, ["rate"]
    )


class GlobsSpec(Spec):
    """Name patterns for kinds that carry no mark."""

    url_groups: list[str] = Field(
        default=[], description="Patterns of URL groups.", examples=[["billing-*"]]
    )
    queues: list[str] = Field(
        default=[], description="Patterns of queues.", examples=[["billing-*"]]
    )
    flow_controls: list[str] = Field(
        default=[], description="Patterns of flow-control keys.", examples=[["billing-*"]]
    )


class LimitsSpec(Spec):
    """The account's plan, and how much one apply may delete."""

    plan: Annotated[str, types.one_of(*PLANS)] | None = optional(
        "QStash's plan: its quotas are checked before the first write.", "payg"
    )
    max_deletes: types.MostDeletes | None = optional(
        "What one apply may delete at most; none lifts the limit.", 25, "none"
    )
    max_delete_percent: types.MostPercent | None = optional(
        "The same in percent of ours, from three deletes on; none lifts it.", 50, "none"
    )


class OverridesSpec(Spec):
    """Changes to single resources in one environment."""

    schedules: dict[str, ScheduleSpec] = named(
        "Keys of schedules, by name.", {"report": {"paused": False}}
    )
    url_groups: dict[str, UrlGroupSpec] = named(
        "Keys of URL groups, by name.",
        {"orders": {"endpoints": ["https://stock.staging.example.com/in"]}},
    )
    queues: dict[str, QueueSpec] = named("Keys of queues, by name.", {"images": {"parallelism": 1}})
    flow_controls: dict[str, FlowControlSpec] = named(
        "Keys of flow-control keys, by name.", {"openai": {"rate": 1}}
    )


Vars = dict[str, Any]


class AccountSpec(Spec):
    """What an environment says of itself and of its account."""

    namespace: types.Namespace | None = optional(
        "In place of the file's; two environments in one account need two.", "billing-stg"
    )
    namespace_was: types.FormerNamespace | None = optional(
        "The namespace it had before: its schedules are renamed.", "invoices-stg"
    )
    token: types.TextField | None = optional(
        "A reference to a variable; a token itself is an error.", "${env.STG_QSTASH_TOKEN}"
    )
    region: Annotated[str, types.one_of("eu-central-1", "us-east-1")] | None = optional(
        "The region of the account; or url.", "us-east-1"
    )
    url: str | None = optional(
        "The address of QStash, in place of region.", "http://127.0.0.1:8080"
    )
    account: str | None = optional("The user that the token must belong to.", "defaultUser")


class EnvironmentSpec(AccountSpec):
    """One account, or one namespace of an account."""

    vars: Vars = Field(
        default={}, description=_VARS, examples=[{"app_url": "https://staging.example.com"}]
    )
    defaults: ScheduleSpec | None = optional(
        "Any keys of a schedule, over the files' defaults.", {"paused": True, "retries": 0}
    )
    overrides: OverridesSpec | None = optional(
        "Changes to single resources here.", {"schedules": {"report": {"paused": False}}}
    )


class HeadSpec(Spec):
    """A file without its resources and environments."""

    version: types.Version = Field(description="The version of this format.", examples=[1])
    namespace: types.Namespace | None = optional(
        "What ids begin with: a schedule is <namespace>.<name>. Ours are those with our mark here.",
        "billing",
    )
    namespace_was: types.FormerNamespace | None = optional(
        "The namespace it had before: its schedules are renamed.", "invoices"
    )
    allow_private: types.Bool | None = flag(
        "Allow http:// and private hosts: for local servers.",
        example=True,
    )
    limits: LimitsSpec | None = optional(
        "The account's plan, and how much one apply may delete.", {"plan": "payg"}
    )
    owns: GlobsSpec | None = optional(
        "What may be deleted when it leaves the file, of the kinds that carry no mark.",
        {"queues": ["billing-*"]},
    )
    protect: GlobsSpec | None = optional(
        "What is never deleted, of the kinds that carry no mark.", {"queues": ["billing-ledger"]}
    )
    lint: Annotated[LintSpec, _OneWord] | None = optional(
        "What is made of lint's findings.", {"error": ["no_failure_callback"]}
    )


class FileSpec(HeadSpec):
    """A qstash-sync file."""

    vars: Vars = Field(
        default={}, description=_VARS, examples=[{"app_url": "https://app.example.com"}]
    )
    environments: dict[str, EnvironmentSpec] = named(
        "Accounts, or namespaces of one, by name; with this section -e is required.",
        {"production": {"token": "${env.PROD_QSTASH_TOKEN}"}},
    )
    defaults: ScheduleSpec | None = optional(
        "Any keys of a schedule, for all schedules of this file.", {"timezone": "Europe/Berlin"}
    )
    url_groups: dict[str, UrlGroupSpec] = named(
        "URL groups, by name.", {"orders": {"endpoints": {"stock": "https://stock.example.com/in"}}}
    )
    queues: dict[str, QueueSpec] = named("Queues, by name.", {"images": {"parallelism": 2}})
    flow_controls: dict[str, FlowControlSpec] = named(
        "Flow-control keys, by name: what is given is pinned, a part left out is not.",
        {"openai": {"parallelism": 5}},
    )
    schedules: dict[str, ScheduleSpec] = named(
        "Schedules, by name.",
        {"report": {"cron": "0 9 * * 1-5", "destination": "/api/report"}},
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file, for editors and CI."""
    schema = FileSpec.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "qstash-sync"
    schema["patternProperties"] = {"^x-": {}}
    return schema
