"""The settings of callbacks do not read back: a change tells of them what can be known."""

import json
from pathlib import Path

import pytest

from tests.support import HEAD, World, cli

URL = "https://d.example.com/f"
WHOLE = (
    f"failure_callback: {{url: '{URL}', method: PUT, retries: 0, timeout: 90, retry_delay: '1000',"
    " headers: {X-K: v1, Authorization: 'Bearer ${env.T}'}}"
)
SHOWN = [
    ("failure_callback", URL),
    ("failure_callback.headers.Authorization", "Bearer (secret)"),
    ("failure_callback.headers.X-K", "v1"),
    ("failure_callback.method", "PUT"),
    ("failure_callback.retries", 0),
    ("failure_callback.retry_delay", "1000"),
    ("failure_callback.timeout", 90),
]
SECRET = "tok-of-the-callback"


def text(more: str = "retries: 3", name: str = "s") -> str:
    return f"{HEAD}schedules: {{{name}: {{cron: '0 9 * * *', destination: 'https://a.example.com', {more}}}}}\n"


@pytest.fixture
def world(world: World) -> World:
    world.environ = {"T": SECRET}
    return world


def test_a_create_tells_all_that_a_callback_has(world: World) -> None:
    (change,) = world.plan(text(WHOLE)).changes
    assert [(f.path, f.after) for f in change.fields if "callback" in f.path] == SHOWN
    (change,) = world.plan(text(f"callback: '{URL}'")).changes
    assert [f.path for f in change.fields if "callback" in f.path] == ["callback"]


def test_so_does_an_update_that_adds_one_and_a_rename(world: World) -> None:
    world.apply(text())
    (change,) = world.plan(text(WHOLE)).changes
    assert [(f.path, f.before, f.after) for f in change.fields] == [
        (path, None, after) for path, after in SHOWN
    ]
    (change,) = world.plan(text(f"{WHOLE}, was: s", "t")).changes
    assert [(f.path, f.after) for f in change.fields if "callback" in f.path] == SHOWN
    world.apply(text(WHOLE))
    assert world.plan(text(WHOLE)).empty
    (change,) = world.plan(text(WHOLE.replace("/f'", "/g'"))).changes
    assert [f.path for f in change.fields] == ["failure_callback"]


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_who_approves_a_create_sees_how_its_failures_go_out(tmp_path: Path, form: str) -> None:
    (tmp_path / "q.yaml").write_text(text(WHOLE))
    words = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}", "--format", form)
    shown = cli("plan", *words, environ={"T": SECRET}).out
    assert SECRET not in shown
    if form == "json":
        fields = json.loads(shown)["changes"][0]["fields"]
        assert [(f["path"], f["after"]) for f in fields if "callback" in f["path"]] == SHOWN
        return
    for path, value in SHOWN[1:]:
        said = "1m30s" if path.endswith("timeout") else str(value)
        after = shown.partition(path)[2].partition("failure_callback")[0]
        assert said in after, (path, after)


def callback(*settings: str) -> str:
    return text(f"failure_callback: {{url: '{URL}', {', '.join(settings)}}}")


PUT, TWO, KEY, TOKEN = "method: PUT", "retries: 2", "headers: {X-K: v1}", "headers: {A: '${env.T}'}"
MOVED = [
    ("a method comes", (), (PUT,), [("method", "POST", "PUT")]),
    ("a method goes", (PUT, TWO), (TWO,), [("method", "PUT", "POST")]),
    ("a method moves", (PUT,), ("method: GET",), [("method", "PUT", "GET")]),
    ("retries come", (PUT,), (PUT, TWO), [("retries", None, 2)]),
    ("retries of none", (), ("retries: 0",), [("retries", None, 0)]),
    ("retries move", (TWO, KEY), ("retries: 1", KEY), [("retries", 2, 1)]),
    ("retries go", (TWO,), (), [("retries", 2, None)]),
    ("a header comes", (PUT,), (PUT, KEY), [("headers.X-K", None, "v1")]),
    ("a secret comes", (), (TOKEN,), [("headers.A", None, "(secret)")]),
    ("two of three come", (PUT,), (PUT, TWO, KEY), [("headers.X-K", None, "v1"), ("retries", None, 2)]),
    ("all come", (), (PUT, TWO, KEY), [("headers.X-K", None, "v1"), ("method", "POST", "PUT"), ("retries", None, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "fields"), MOVED, ids=[c[0] for c in MOVED])
def test_what_the_mark_can_tell_of_a_change_is_told(
    world: World,
    _id: str,
    before: tuple[str, ...],
    after: tuple[str, ...],
    fields: list[tuple[str, object, object]],
) -> None:
    world.apply(callback(*before))
    (change,) = world.plan(callback(*after)).changes
    assert [(f.path, f.before, f.after) for f in change.fields] == [
        (f"failure_callback.{name}", was, becomes) for name, was, becomes in fields
    ]
    world.apply(callback(*after))
    assert world.plan(callback(*after)).empty


UNTOLD = [
    ("a header has another value", ("headers: {X-K: v2}", PUT), (KEY, PUT), "method, failure_callback.headers.X-K"),
    ("many retries", ("retries: 40", KEY), (TWO, KEY), "retries, failure_callback.headers.X-K"),
    ("a header goes", (KEY, PUT), (PUT,), "method"),
    ("two move", (PUT, TWO), ("method: GET", "retries: 1"), "method, failure_callback.retries"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "before", "after", "names"), UNTOLD, ids=[c[0] for c in UNTOLD])
def test_what_it_cannot_tell_is_one_of_these(
    world: World, _id: str, before: tuple[str, ...], after: tuple[str, ...], names: str
) -> None:
    world.apply(callback(*before))
    (change,) = world.plan(callback(*after)).changes
    (field,) = change.fields
    assert (field.path, field.after) == ("write_only", f"failure_callback.{names}")


def test_protection_is_told_beside_it(world: World) -> None:
    world.apply(callback(PUT))
    (change,) = world.plan(callback(PUT, KEY).replace("}}}\n", "}, protect: true}}\n")).changes
    assert [f.path for f in change.fields] == ["failure_callback.headers.X-K", "protect"]
