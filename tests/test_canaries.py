"""No secret is in any output: not those of the file, and not those that only the account holds."""

from pathlib import Path
from typing import Any

import pytest

from qstash_sync import engine
from qstash_sync.core.plan import Plan
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.render import json as json_view, text as text_view
from tests.support import HEAD, World, cli, config, ids, messages, world as make_world

URL = "https://app.example.com/x"


def schedule(settings: str) -> str:
    """A file with one schedule; settings is what it has beside its time and destination."""
    return HEAD + f"schedules:\n  s: {{cron: '0 9 * * *', destination: {URL}, {settings}}}\n"


def group(endpoints: str) -> str:
    return HEAD + f"url_groups: {{g: {{endpoints: {endpoints}}}}}\n"


def pages(plan: Plan) -> str:
    """A plan in every format."""
    text = text_view.plan(plan, text_view.Paint(color=False), verbose=True)
    return text + json_view.plan(plan, (0, 0)) + repr(plan)


def paths(plan: Plan) -> list[str]:
    return [field.path for change in plan.changes for field in change.fields]


# What may be told of a difference: the file before with SECRET in the account, the file after, and
# the paths of the plan.
LIVE_SECRETS: list[tuple[str, str, str, list[str]]] = [
    ("list item before a plain one", schedule("body: {l: ['${env.S}', x]}"), schedule("body: {l: [x]}"), ["body.l"]),
    ("list item after a plain one", schedule("body: {l: [x, '${env.S}']}"), schedule("body: {l: [x]}"), ["body.l"]),
    ("nested list", schedule("body: {l: [['${env.S}'], x]}"), schedule("body: {l: [[], x]}"), ["body.l[0]"]),
    ("list to text", schedule("body: {l: ['${env.S}']}"), schedule("body: {l: x}"), ["body.l"]),
    ("mapping to text", schedule("body: {k: '${env.S}'}"), schedule("body: x"), ["body", "headers.Content-Type"]),
    ("text to mapping", schedule("body: 'k=${env.S}'"), schedule("body: {k: x}"), ["body", "headers.Content-Type"]),
    ("mapping to list", schedule("body: {k: '${env.S}'}"), schedule("body: [x]"), ["body.json", "body.k"]),
    ("unnamed endpoint", group("['https://e.com/${env.S}', 'https://f.com']"), group("['https://f.com']"), ["endpoints.(unnamed)"]),
    ("named endpoint", group("{a: 'https://e.com/${env.S}', b: 'https://f.com'}"), group("{b: 'https://f.com'}"), ["endpoints.a"]),
    ("header", schedule("headers: {X-A: '${env.S}'}"), schedule("headers: {}"), ["headers.X-A"]),
    ("all headers", schedule("headers: {X-A: '${env.S}', X-B: '${env.S}'}"), schedule("retries: 3"), ["headers.X-A", "headers.X-B"]),
    ("callback", schedule("callback: 'https://c.com/${env.S}'"), schedule("retries: 3"), ["callback"]),
    ("query", schedule("callback: 'https://c.com/${env.S}'"), schedule("callback: 'https://c.com/${env.T}'"), ["callback"]),
    ("whole body", schedule("body: '${env.J}'"), schedule("body: '${env.K}'"), ["body"]),
    ("number in a body", schedule("body: '{\"n\": ${env.N}}'"), schedule("body: '{\"n\": ${env.M}}'"), ["body"]),
    ("header redacted from now on", schedule("headers: {X-A: '${env.S}'}"), schedule("headers: {X-A: '${env.S}'}, redact: {headers: [X-A]}"), ["headers.X-A"]),
    ("body redacted from now on", schedule("body: '${env.S}'"), schedule("body: '${env.S}', redact: {body: true}"), ["body"]),
    ("body no more redacted", schedule("body: '${env.S}', redact: {body: true}"), schedule("body: '${env.S}'"), ["body"]),
    ("JSON that a secret makes", schedule("body: '{\"k\": \"${env.I}\"}'"), schedule("body: '{\"k\": \"${env.H}\"}'"), ["body"]),
]  # fmt: skip
SECRET = "S3cretS3cret"
ENVIRON = {
    "S": SECRET, "T": "t-" + SECRET[::-1], "N": "314159265358979", "M": "271828182845904",
    "J": f'{{"password": "{SECRET}"}}', "K": f'{{"password": "{SECRET[::-1]}"}}',
    "I": f'x", "{SECRET}": "{SECRET}', "H": f'x", "{SECRET[::-1]}": "{SECRET[::-1]}',
}  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "told"), LIVE_SECRETS, ids=ids(LIVE_SECRETS))
def test_a_secret_that_only_the_account_has_is_no_part_of_a_plan(
    world: World, _id: str, before: str, after: str, told: list[str]
) -> None:
    """A live value is shown only where the file has a plain value at the same path."""
    world.environ = ENVIRON
    world.apply(before)
    assert world.plan(before).empty
    plan = world.plan(after)
    assert paths(plan) == told
    for hidden in (SECRET, SECRET[::-1], "password", ENVIRON["N"], ENVIRON["M"]):
        assert hidden not in pages(plan)
    world.apply(after)
    assert world.plan(after).empty


UNKNOWN: list[tuple[str, str]] = [
    ("header", schedule("headers: {X-A: 'Bearer ${env.S}'}")),
    ("body of JSON", schedule("body: '${env.J}'")),
    ("number in a body", schedule("body: '{\"n\": ${env.N}}'")),
    ("JSON that a secret breaks", schedule("body: '{\"k\": \"${env.Q}\"}'")),
    ("list in a body", schedule("body: ['${env.S}', x]")),
    ("deep list in a body", schedule("body: {l: [[x, '${env.S}']]}")),
    ("body text", schedule("body: 'a ${env.S} b'")),
    ("destination", schedule("retries: 3").replace(URL, f"'{URL}?k=${{env.S}}'")),
    ("callback", schedule("callback: {url: 'https://c.com/${env.S}', headers: {X: '${env.S}'}}")),
    ("redacted", schedule("body: [{k: '${env.S}'}], redact: {body: true}")),
    ("redacted header", schedule("headers: {X-A: '${env.S}'}, redact: {headers: true}")),
    ("unnamed endpoints", group("['https://e.com/${env.S}', 'https://e.com/${env.T}', 'https://f.com']")),
    ("endpoints by names", group("{a: 'https://e.com/${env.S}', b: 'https://e.com/${env.T}'}")),
]  # fmt: skip


def plan_unknown(world: World, text: str) -> Plan:
    with world.client(read_only=True) as client:
        desired = config(text, {}, missing="unknown").desired
        return engine.propose(client, desired, now=world.now)


@pytest.mark.parametrize(("_id", "text"), UNKNOWN, ids=ids(UNKNOWN))
@pytest.mark.parametrize("digest", ["sha256", "hmac"])
def test_a_secret_that_is_not_known_here_equals_what_is_live(
    digest: str, _id: str, text: str
) -> None:
    with make_world(Switches().with_(redact_digest=digest)) as world:
        world.environ = {**ENVIRON, "Q": 'a"b\\'}
        world.apply(text)
        assert world.plan(text).empty
        assert plan_unknown(world, text).changes == ()


CHANGED_AROUND: list[tuple[str, str, str, str]] = [
    ("header", "headers: {X-A: 'Bearer ${env.S}'}", "headers: {X-A: 'Token ${env.S}'}", "headers.X-A"),
    ("body text", "body: 'a ${env.S}'", "body: 'b ${env.S}'", "body"),
    ("list item", "body: ['${env.S}', x]", "body: ['${env.S}', y]", "body.json[1]"),
    ("list grown", "body: ['${env.S}', x]", "body: ['${env.S}', x, y]", "body.json"),
    ("another setting", "body: '${env.S}'", "body: '${env.S}', delay: 5s", "delay"),
    ("redacted", "body: '${env.S}', redact: {body: true}", "body: '${env.S}', redact: {body: true}, delay: 5s", "delay"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "before", "after", "path"), CHANGED_AROUND, ids=ids(CHANGED_AROUND)
)
def test_what_changes_around_an_unknown_secret_is_told_and_the_secret_stays_out(
    world: World, _id: str, before: str, after: str, path: str
) -> None:
    world.environ = ENVIRON
    world.apply(schedule(before))
    plan = plan_unknown(world, schedule(after))
    assert paths(plan) == [path]
    assert SECRET not in pages(plan)


JSON_TYPES: list[tuple[str, Any, Any]] = [
    ("a number for true", "true", "1"),
    ("true for a number in a list", "[1, 2]", "[true, 2]"),
    ("a text for a number", "1", "'1'"),
]


@pytest.mark.parametrize(("_id", "before", "after"), JSON_TYPES, ids=ids(JSON_TYPES))
def test_a_body_that_differs_in_a_type_alone_differs(
    world: World, _id: str, before: str, after: str
) -> None:
    world.apply(schedule(f"body: {{k: {before}}}"))
    plan = world.plan(schedule(f"body: {{k: {after}}}"))
    assert [path.partition("[")[0] for path in paths(plan)] == ["body.k"]


IN_CLEAR: list[tuple[str, str]] = [
    ("beside another mistake", schedule(f"body: '{LOCAL_TOKEN}', retires: 3")),
    ("not valid YAML", schedule(f"body: {LOCAL_TOKEN}: x: ")),
    ("in a name", HEAD + f"queues: {{'{LOCAL_TOKEN}': {{paralelism: 1}}}}\n"),
    ("a header", schedule(f"headers: {{Authorization: 'Bearer {SECRET}'}}, retries: -1")),
    ("an environment's token", HEAD + f"environments: {{e: {{token: {SECRET}, regoin: x}}}}\n"),
]


@pytest.mark.parametrize(("_id", "text"), IN_CLEAR, ids=ids(IN_CLEAR))
def test_a_line_that_holds_a_secret_is_not_shown_whatever_is_wrong_with_it(
    tmp_path: Path, _id: str, text: str
) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(text)
    for output_format in ("text", "json"):
        chosen = ("-e", "e") if "environments" in text else ()
        ran = cli("validate", "-f", str(file), *chosen, "--format", output_format)
        assert ran.code == 1
        assert "q.yaml" in ran.text
        assert LOCAL_TOKEN not in ran.text
        assert SECRET not in ran.text


def test_a_parameter_that_a_secret_holds_is_refused_without_its_name() -> None:
    environ = {"S": f"upstash-{SECRET}=1"}
    found = messages(schedule("retries: 3").replace(URL, f"'{URL}?${{env.S}}'"), environ)
    assert "QStash takes the query parameter that a secret holds for itself" in found[0]
    assert SECRET not in str(found)


NO_TEXT = "S3cret\udcff"  # what Python makes of a byte that is no UTF-8


@pytest.mark.parametrize(
    "setting", ["body: '${env.S}'", "body: '${env.S|plain}'", "body: ['${env.S}']"]
)
def test_a_variable_that_is_no_text_is_refused_without_its_value(setting: str) -> None:
    found = messages(schedule(setting), {"S": NO_TEXT})
    assert "the environment variable S is not UTF-8 text" in found[0]
    assert "S3cret" not in str(found)
    given = messages(schedule("body: '${var.x}'"), variables={"x": NO_TEXT})
    assert "--var x: is not UTF-8 text" in given[0]
