"""docs/file.md has every key of the file, from the models themselves; QSTASH_SYNC_DOCS=write renews its tables."""

import json
import os
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from qstash_sync.config import schema
from qstash_sync.config.load import Files, Source
from qstash_sync.config.missing import Missing
from qstash_sync.config.schema import Spec, json_schema
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model import durations, resources, settings_table
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
        return f"`{durations.duration(int(value.total_seconds()))}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if name in {row.key for row in settings_table.MESSAGE if row.is_duration} and value is not None:
        return f"`{durations.duration(value)}`"
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
    assert field.examples


# A file that has everything once, and where in it each model stands.
BASE: dict[str, Any] = {
    "version": 1,
    "namespace": "billing",
    "defaults": {"timezone": "UTC", "base_url": "https://app.example.com"},
    "environments": {
        "production": {},
        "staging": {"namespace": "billing-stg", "overrides": {}},
    },
    "limits": {},
    "owns": {},
    "protect": {},
    "lint": {},
    "url_groups": {"orders": {"endpoints": [{"url": "https://a.example.com/in", "name": "a"}]}},
    "queues": {"images": {}},
    "flow_controls": {"openai": {"rate": 5}},
    "schedules": {
        "report": {
            "cron": "0 9 * * *",
            "destination": "https://app.example.com/report",
            "dst": {},
            "callback": {"url": "https://app.example.com/done"},
            "flow_control": {"key": "openai", "rate": 5},
            "redact": {},
            "lint": {"disable": ["late_day"]},
        }
    },
}
REPORT = ("schedules", "report")
PLACES: dict[type[Spec], tuple[str | int, ...]] = {
    schema.FileSpec: (),
    schema.ScheduleSpec: REPORT,
    schema.DstSpec: (*REPORT, "dst"),
    schema.CallbackSpec: (*REPORT, "callback"),
    schema.FlowUseSpec: (*REPORT, "flow_control"),
    schema.RedactSpec: (*REPORT, "redact"),
    schema.OwnLintSpec: (*REPORT, "lint"),
    schema.UrlGroupSpec: ("url_groups", "orders"),
    schema.EndpointSpec: ("url_groups", "orders", "endpoints", 0),
    schema.QueueSpec: ("queues", "images"),
    schema.FlowControlSpec: ("flow_controls", "openai"),
    schema.EnvironmentSpec: ("environments", "staging"),
    schema.OverridesSpec: ("environments", "staging", "overrides"),
    schema.LimitsSpec: ("limits",),
    schema.GlobsSpec: ("owns",),
    schema.LintSpec: ("lint",),
}
INSTEAD = {"url_group": "destination"}  # of two keys that exclude each other, the one of the file
EXAMPLES = [
    (spec, name, example)
    for spec in PLACES
    for name in spec.model_fields
    for example in spec.model_fields[name].examples or []
]


def test_every_model_has_a_place() -> None:
    assert set(PLACES) == set(SECTIONS)


@pytest.mark.parametrize(
    ("spec", "name", "example"), EXAMPLES, ids=lambda item: str(getattr(item, "__name__", item))
)
def test_every_example_can_be_read(
    spec: type[Spec], name: str, example: Any, tmp_path: Path
) -> None:
    """As the page writes it."""
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "report.json").write_text("{}")
    file = deepcopy(BASE)
    place: Any = file
    for step in PLACES[spec]:
        place = place[step]
    place.pop(INSTEAD.get(name), None)
    place[key_of(spec, name)] = example
    assert not messages_of(written(file), tmp_path)


def messages_of(text: str, folder: Path) -> list[str]:
    """What is wrong with a file in a folder, in each of its environments."""
    files = Files([Source("q.yaml", str(folder), text)])
    wrong: list[str] = []
    for environment in files.names() or (None,):
        _, found = files.build(environment, {}, {}, Missing.MOCK)
        wrong += [d.text for d in found if d.severity.value == "error"]
    return wrong
