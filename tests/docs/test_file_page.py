"""docs/file.md has every key of the file, from the models themselves; QSTASH_SYNC_DOCS=write renews its tables."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
import yaml

from qstash_sync.config import schema
from qstash_sync.config.load import Files, Source
from qstash_sync.config.schema import Spec, json_schema
from qstash_sync.crons.firings import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model import resources, settings
from tests.docs.pages import DOCS

PAGE = DOCS / "file.md"
BEGIN, END = "<!-- keys -->\n", "<!-- end -->\n"
# Each model of the file: its heading, and the values that hold where nothing is written.
SECTIONS: dict[type[Spec], tuple[str, tuple[type, ...]]] = {
    schema.FileSpec: ("The top level", ()),
    schema.ScheduleSpec: ("`schedules` and `defaults`", (resources.Message, resources.Schedule)),
    schema.DstSpec: ("`dst`", (resources.Timing,)),
    schema.CallbackSpec: ("`callback` and `failure_callback`", (resources.Callback,)),
    schema.FlowUseSpec: ("`flow_control` of a schedule", (resources.FlowUse,)),
    schema.RedactSpec: ("`redact`", (resources.Redact,)),
    schema.UrlGroupSpec: ("`url_groups`", (resources.UrlGroup,)),
    schema.EndpointSpec: ("An endpoint in a list", (resources.Endpoint,)),
    schema.QueueSpec: ("`queues`", (resources.Queue,)),
    schema.FlowControlSpec: ("`flow_controls`", (resources.FlowControl,)),
    schema.EnvironmentSpec: ("`environments`", ()),
    schema.OverridesSpec: ("`overrides` of an environment", ()),
    schema.LimitsSpec: ("`limits`", (resources.Limits,)),
    schema.GlobsSpec: ("`owns` and `protect`", ()),
    schema.LintSpec: ("`lint`", ()),
    schema.OwnLintSpec: ("`lint` of a schedule", ()),
}
# What no field of a model holds as its default.
NONE = "-"
SAID = {
    "ScheduleSpec.timezone": "must be said",
    "ScheduleSpec.cron": "must be said",
    "ScheduleSpec.destination": "this or `url_group`",
    "ScheduleSpec.dst": "as below",
    "ScheduleSpec.paused": "as it is",
    "ScheduleSpec.timeout": "the plan's",
    "ScheduleSpec.retry_delay": "QStash's backoff",
    "ScheduleSpec.identify": "`false`",
    "CallbackSpec.retries": "QStash's",
    "CallbackSpec.timeout": "QStash's",
    "CallbackSpec.retry_delay": "QStash's backoff",
    "FlowUseSpec.period": "`1s`, with a rate",
    "FlowControlSpec.period": "`1s`, with a rate",
    "FlowControlSpec.paused": "as it is",
    "QueueSpec.paused": "as it is",
    "RedactSpec.headers": "none",
    "HeadSpec.namespace": "must be said",
    "LimitsSpec.plan": "unknown",
    "HeadSpec.allow_private": "`false`",
    "EnvironmentSpec.namespace": "the file's",
    "EnvironmentSpec.token": "`$QSTASH_TOKEN`, with no `environments`",
}
_FIXED, _INTERVAL = (Job((parse(cron),), "UTC") for cron in ("0 9 * * *", "*/5 * * * *"))


def key_of(spec: type[Spec], name: str) -> str:
    return spec.model_fields[name].alias or name


def default(spec: type[Spec], name: str) -> str:
    """What holds where a key is not written."""
    field = spec.model_fields[name]
    if field.is_required():
        return "must be said"
    for owner in spec.__mro__:
        if (said := SAID.get(f"{owner.__name__}.{name}")) is not None:
            return said
    if spec is schema.DstSpec and name in ("gap", "fold"):
        first, second = (
            getattr(job, f"{name}_of")(job.crons[0]).value for job in (_FIXED, _INTERVAL)
        )
        return f"`{first}`; `{second}` for an interval"
    for model in SECTIONS[spec][1]:
        for found in fields(model):
            if found.name == name:
                return _shown(found.default, name)
    return NONE


def _shown(value: Any, name: str) -> str:
    if isinstance(value, timedelta):
        return f"`{settings.duration(int(value.total_seconds()))}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    durations = {row.key for row in settings.MESSAGE if row.is_duration}
    if name in durations and value is not None:
        return f"`{settings.duration(value)}`"
    return f"`{value}`" if isinstance(value, int | str) else NONE


def takes(found: Any, links: dict[str, str]) -> str:
    """The type of a value, in words."""
    options = [one for one in found.get("anyOf", [found]) if one != {"type": "null"}]
    words: list[str] = []
    for one in options:
        if "$ref" in one:
            words.append(links[one["$ref"].rpartition("/")[2]])
        elif "const" in one:
            words.append(f"`{one['const']}`")
        elif "enum" in one:
            words.append(", ".join(f"`{choice}`" for choice in one["enum"]))
        elif one.get("pattern") == r"\$\{.+\}":
            continue
        elif one.get("pattern", "").endswith("[smhd])+$"):
            words[-1:] = ["duration"]
        else:
            words += _types(one, links)
    return " or ".join(dict.fromkeys(words)) or "anything"


_WORDS = {"integer": "number", "boolean": "`true`, `false`", "string": "text", "array": "list"}


def _types(one: Any, links: dict[str, str]) -> Iterator[str]:
    types = one.get("type", [])
    for word in [types] if isinstance(types, str) else types:
        if word == "object":
            inside = one.get("additionalProperties")
            ref = inside.get("$ref", "") if isinstance(inside, dict) else ""
            yield f"mapping of {links[ref.rpartition('/')[2]]}" if ref else "mapping"
        elif word != "null":
            yield _WORDS[word]


def anchor(heading: str) -> str:
    return heading.replace("`", "").lower().replace(" ", "-")


def tables() -> str:
    found = json_schema()
    links = {
        spec.__name__: f"[{heading.replace('`', '').split(' ')[0].rstrip('s')}](#{anchor(heading)})"
        for spec, (heading, _) in SECTIONS.items()
    }
    links["ScheduleSpec"] = "[keys of a schedule](#schedules-and-defaults)"
    links["EndpointSpec"] = "[endpoint](#an-endpoint-in-a-list)"
    links["GlobsSpec"] = "[patterns](#owns-and-protect)"
    pages = []
    for spec, (heading, _) in SECTIONS.items():
        shape = found if spec is schema.FileSpec else found["$defs"][spec.__name__]
        rows = [
            f"| `{key_of(spec, name)}` | {takes(shape['properties'][key_of(spec, name)], links)} "
            f"| {default(spec, name)} | {_meaning(spec, name)} | {_example(spec, name)} |"
            for name in spec.model_fields
        ]
        head = [
            "| key | value | not written | meaning | example |",
            "| --- | --- | --- | --- | --- |",
        ]
        pages.append("\n".join([f"## {heading}", "", _sentence(spec), "", *head, *rows, "", ""]))
    return "".join(pages)


def _sentence(spec: type[Spec]) -> str:
    assert spec.__doc__
    return spec.__doc__.strip().splitlines()[0]


def _meaning(spec: type[Spec], name: str) -> str:
    return str(spec.model_fields[name].description).replace("|", "\\|").replace("<", "\\<")


def _example(spec: type[Spec], name: str) -> str:
    examples = spec.model_fields[name].examples or []
    return ", ".join(f"`{written(value)}`" for value in examples)


def written(value: Any) -> str:
    """A value as YAML in one line; what YAML would misread is quoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = re.fullmatch(r"[\w./:+-]+", value) and yaml.safe_load(value) == value
    return value if is_plain else json.dumps(value)


def test_the_page_has_every_key() -> None:
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    page = f"{head}{BEGIN}{tables()}{END}{tail}"
    if os.environ.get("QSTASH_SYNC_DOCS") == "write":
        PAGE.write_text(page)
    assert page == text


def specs() -> set[type[Spec]]:
    found, to_do = set[type[Spec]](), [Spec]
    while to_do:
        found.update(more := to_do.pop().__subclasses__())
        to_do += more
    return found


def test_every_model_has_a_heading() -> None:
    parts = {schema.HeadSpec, schema.AccountSpec, schema.SelectedSpec}
    assert specs() == {*SECTIONS, *parts}


KEYS = [
    (spec, name)
    for spec in sorted(specs(), key=lambda spec: spec.__name__)
    for name in spec.model_fields
]


@pytest.mark.parametrize(("spec", "name"), KEYS, ids=lambda item: getattr(item, "__name__", item))
def test_every_key_has_a_description_and_an_example(spec: type[Spec], name: str) -> None:
    field = spec.model_fields[name]
    assert field.description
    assert field.description.endswith(".")
    maps = "dict[str, " in str(field.annotation) and "Spec]" in str(field.annotation)
    assert field.examples or maps


# A file in which the example of a key stands where it may; {} is the key with its value.
HEAD = "version: 1\nnamespace: billing\nowns: {queues: []}\n"
TWO = "environments: {production: {}, staging: {namespace: billing-stg}}\n"
START = "defaults: {timezone: UTC, base_url: 'https://app.example.com'}\n"
ENTRY = "cron: 0 9 * * *, destination: /x, "
PLACES: dict[type[Spec], str] = {
    schema.ScheduleSpec: HEAD + TWO + START + "schedules: {report: {%s%s}}\n",
    schema.DstSpec: HEAD + START + "schedules: {report: {" + ENTRY + "dst: {%s}}}\n",
    schema.CallbackSpec: HEAD + START + "schedules: {report: {" + ENTRY + "callback: {url: /y, %s}}}\n",
    schema.FlowUseSpec: HEAD + START + "schedules: {report: {" + ENTRY + "flow_control: {key: k, rate: 5, %s}}}\n",
    schema.RedactSpec: HEAD + START + "schedules: {report: {" + ENTRY + "body: x, redact: {%s}}}\n",
    schema.UrlGroupSpec: HEAD + TWO + "url_groups: {orders: {endpoints: {a: 'https://a.com/b'}, %s}}\n",
    schema.EndpointSpec: HEAD + "url_groups: {orders: {endpoints: [{url: 'https://a.com/b', %s}]}}\n",
    schema.QueueSpec: HEAD + TWO + "queues: {images: {%s}}\n",
    schema.FlowControlSpec: HEAD + TWO + "flow_controls: {openai: {rate: 5, %s}}\n",
    schema.EnvironmentSpec: HEAD + START + "environments: {staging: {%s}}\n"
    "schedules: {report: {cron: 0 9 * * *, destination: /x}}\n",
    schema.LimitsSpec: HEAD + "schedules: {}\nlimits: {%s}\n",
    schema.GlobsSpec: "version: 1\nnamespace: billing\nschedules: {}\nprotect: {%s}\n",
    schema.LintSpec: HEAD + "schedules: {}\nlint: {%s}\n",
    schema.OwnLintSpec: HEAD + START + "schedules: {report: {" + ENTRY + "lint: {disable: [peak_minute], %s}}}\n",
    schema.FileSpec: "schedules: {}\n%s\n",
}  # fmt: skip
IN_PLACE = {"cron": "destination: /x, ", "url_group": "cron: 0 9 * * *, ", "destination": "cron: 0 9 * * *, "}  # fmt: skip

EXAMPLES = [
    (spec, name, example)
    for spec, name in KEYS
    if spec in PLACES
    for example in spec.model_fields[name].examples or []
]


@pytest.mark.parametrize(
    ("spec", "name", "example"), EXAMPLES, ids=lambda item: str(getattr(item, "__name__", item))
)
def test_every_example_can_be_read(
    spec: type[Spec], name: str, example: Any, tmp_path: Any
) -> None:
    given = f"{key_of(spec, name)}: {written(example)}"
    place = PLACES[spec]
    if spec is schema.ScheduleSpec:
        text = place % (IN_PLACE.get(name, ENTRY), given)
    elif spec is schema.FileSpec:
        head = {"version": "version: 1", "namespace": "namespace: billing"}
        head.pop(name, None)
        text = "\n".join([*head.values(), place % given])
    elif name == "url":
        text = place.replace("url: /y, ", "").replace("url: 'https://a.com/b', ", "") % given
    elif name in ("key", "rate", "endpoints", "disable"):
        drop = {
            "key": "key: k, ",
            "rate": "rate: 5, ",
            "endpoints": "endpoints: {a: 'https://a.com/b'}, ",
            "disable": "disable: [peak_minute], ",
        }
        text = place.replace(drop[name], "") % given
    else:
        text = place % given
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "report.json").write_text("{}")
    found = messages_of(text, tmp_path)
    assert not found, (text, found)


def messages_of(text: str, folder: Any) -> list[str]:
    """What is wrong with a file in a folder, in each of its environments."""
    files = Files([Source("q.yaml", str(folder), text)])
    wrong: list[str] = []
    for environment in files.names() or (None,):
        _, found = files.build(environment, {}, {}, "mock")
        wrong += [d.text for d in found if d.severity.value == "error"]
    return wrong
