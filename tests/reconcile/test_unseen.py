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
