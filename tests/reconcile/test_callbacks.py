"""The settings of callbacks do not read back: a change tells of them what can be known."""

import json
from pathlib import Path

import pytest

from qstash_sync.local import Switches
from tests.support import HEAD, World, cli, world as make_world

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
    names = f"failure_callback.{names}, a setting that a callback has no more"
    assert (field.path, field.after) == ("write_only", names)


def test_protection_is_told_beside_it(world: World) -> None:
    world.apply(callback(PUT))
    (change,) = world.plan(callback(PUT, KEY).replace("}}}\n", "}, protect: true}}\n")).changes
    assert [f.path for f in change.fields] == ["failure_callback.headers.X-K", "protect"]


# Beside other changes, and in a rename

REDACTED = (
    "headers: {Authorization: 'Bearer ${env.T}', X-P: plain}, redact: {headers: [Authorization]}"
)
CALL = f"failure_callback: {{url: '{URL}', method: PUT, retries: 1}}"
MORE = f"failure_callback: {{url: '{URL}', method: PUT, retries: 2}}"
BODY = "body: {a: 1}"
ROTATED = ("write_only", "(not shown)", "(secret)")
RETRIES = ("failure_callback.retries", 1, 2)
BESIDE = [
    ("a secret", f"{REDACTED}, {CALL}", f"{REDACTED}, {MORE}", "tok-rotated", [RETRIES, ROTATED]),
    ("no secret", f"{REDACTED}, {CALL}", f"{REDACTED}, {MORE}", SECRET, [RETRIES]),
    ("retries", CALL, f"{MORE}, retries: 5", SECRET, [("retries", 3, 5), RETRIES]),
    ("nothing hidden", CALL, f"{CALL}, retries: 5", SECRET, [("retries", 3, 5)]),
    ("a body", f"{CALL}, {BODY}", f"{MORE}, body: {{a: 2}}", SECRET, [("body.a", 1, 2), RETRIES]),
    ("an address", CALL, MORE.replace("/f'", "/g'"), SECRET, [("failure_callback", URL, URL[:-1] + "g"), RETRIES]),
    ("a header", f"{REDACTED}, {CALL}", f"{REDACTED}, {CALL}".replace("plain", "other"), SECRET, [("headers.X-P", "plain", "other")]),
    ("both", f"{REDACTED}, {CALL}", f"{REDACTED}, {MORE}".replace("plain", "other"), "tok-rotated", [("headers.X-P", "plain", "other"), RETRIES, ROTATED]),
    ("a callback goes", f"{CALL}, {REDACTED}".replace(", retries: 1", ""), REDACTED, SECRET, [("failure_callback", "(not shown)", None)]),
    ("a callback goes, a secret moves", f"{CALL}, {REDACTED}".replace(", retries: 1", ""), REDACTED, "tok-rotated", [("failure_callback", "(not shown)", None), ROTATED]),
    ("a callback with a secret comes", REDACTED, f"{REDACTED}, callback: {{url: '{URL}', headers: {{A: '${{env.T}}'}}}}", SECRET, [("callback", None, URL), ("callback.headers.A", None, "(secret)")]),
    ("a header comes to be hidden", CALL + ", headers: {X-P: plain}", MORE + ", headers: {X-P: plain}, redact: {headers: [X-P]}", SECRET, [("headers.X-P", "(not shown)", "(redacted)"), RETRIES]),
    ("a redacted one comes", f"{CALL}, {BODY}, redact: {{body: true}}", f"{MORE}, {BODY}, redact: {{body: true, headers: [A]}}, headers: {{A: '${{env.T}}'}}", SECRET, [("headers.A", None, "(redacted)"), RETRIES]),
    ("a readable secret is another", f"headers: {{A: '${{env.T}}'}}, {CALL}", f"headers: {{A: '${{env.T}}'}}, {MORE}", "tok-rotated", [("headers.A", "(not shown)", "(secret)"), RETRIES]),
    ("labels", f"{CALL}, labels: [a]", f"{MORE}, labels: [b]", SECRET, [("labels[0]", "a", "b"), RETRIES]),
]  # fmt: skip


@pytest.mark.parametrize("renamed", [False, True], ids=["", "renamed"])
@pytest.mark.parametrize(
    ("before", "after", "token", "fields"), [row[1:] for row in BESIDE], ids=[r[0] for r in BESIDE]
)
def test_what_is_hidden_is_told_beside_other_changes_and_in_a_rename(
    world: World, before: str, after: str, token: str, fields: list[tuple[str, object, object]],
    renamed: bool,
) -> None:  # fmt: skip
    world.apply(text(before))
    world.environ = {"T": token}
    file = text(f"{after}, was: s", "t") if renamed else text(after)
    (change,) = world.plan(file).changes
    found = [(f.path, f.before, f.after) for f in change.fields]
    if renamed:
        assert found.pop(0) == ("name", "s", "t")
    assert found == fields
    world.apply(file)
    assert world.plan(file).empty


PERHAPS = [
    ("a timeout goes", callback("timeout: 30s"), callback()),
    ("a header goes", callback(TOKEN), callback()),
    ("a header goes, and one stays", callback(KEY, TWO), callback(TWO)),
    ("a header of it has another value", f"{callback(KEY)}", callback("headers: {X-K: v2}")),
    ("two move", callback(PUT, TWO), callback("method: GET", "retries: 1")),
]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in PERHAPS], ids=[r[0] for r in PERHAPS])  # fmt: skip
def test_beside_other_changes_what_it_cannot_tell_may_be_one_of_these(
    world: World, before: str, after: str
) -> None:
    world.apply(before)
    (change,) = world.plan(after.replace("}}}\n", "}, retries: 7}}\n")).changes
    first, second = change.fields
    assert (first.path, second.path) == ("retries", "write_only")
    assert "may have changed" in second.note


def test_an_edit_by_hand_hides_what_was_written(world: World) -> None:
    """Then what is shown is not what was written, and nothing can be put together again."""
    world.apply(text(CALL))
    world.edit("billing.s", retries=9)
    (change,) = world.plan(text(f"{MORE}, retries: 5")).changes
    assert [f.path for f in change.fields] == ["retries", "write_only"]
    (change,) = world.plan(text(f"{CALL}")).changes
    assert [f.path for f in change.fields] == ["retries"]


GONE = [
    ("a redacted header", f"headers: {{A: '${{env.T}}', X-A: 'x${{env.T}}'}}, redact: {{headers: true}}, {CALL}", f"headers: {{A: '${{env.T}}'}}, redact: {{headers: true}}, {CALL}"),
    ("a callback with a secret", f"{REDACTED}, callback: {{url: '{URL}', headers: {{A: '${{env.T}}'}}}}", REDACTED),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in GONE], ids=[r[0] for r in GONE])
def test_a_secret_that_went_may_be_all(world: World, before: str, after: str) -> None:
    world.apply(text(before))
    (change,) = world.plan(text(after)).changes
    (told,) = [f.note for f in change.fields if f.after == "(secret)"]
    assert told == "a secret that does not read back changed, or one went"


@pytest.mark.parametrize(
    "switches", [Switches(labels_shown="first"), Switches()], ids=["one", "all"]
)
def test_where_the_account_shows_one_label_it_is_told_as_well(switches: Switches) -> None:
    with make_world(switches) as world:
        world.apply(callback(PUT))
        after = callback("method: DELETE").replace("}}}\n", "}, retries: 7}}\n")
        (change,) = world.plan(after).changes
        assert [f.path for f in change.fields] == ["retries", "failure_callback.method"]


def test_where_a_time_has_no_label_it_may_have_changed_too(world: World) -> None:
    odd = ",".join(map(str, range(1, 50, 2))) + " " + ",".join(map(str, range(1, 24, 2))) + " * * *"
    world.apply(callback(PUT))
    (change,) = world.plan(callback("method: DELETE").replace("0 9 * * *", odd)).changes
    assert change.fields[-1].path == "failure_callback.method"
    world.apply(callback("method: DELETE").replace("0 9 * * *", odd))
    again = callback(PUT).replace("0 9 * * *", odd.replace("1,3", "2,3"))
    (change,) = world.plan(again).changes
    assert "may have changed" in change.fields[-1].note


def test_a_callback_that_somebody_else_owns_keeps_its_secrets(world: World) -> None:
    own = (
        f"{REDACTED}, callback: {{url: '{URL}', headers: {{A: 'x${{env.T}}'}}}}, ignore: [callback]"
    )
    world.apply(text(own))
    (change,) = world.plan(text(f"{own}, retries: 7")).changes
    assert [f.path for f in change.fields] == ["retries"]
