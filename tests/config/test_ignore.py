"""`ignore` in the file: on every kind, in defaults and overrides, each mistake at its place."""

import pytest

from tests.support import config, messages

FILE = """\
version: 1
namespace: billing
environments: {one: {namespace: one}, two: {namespace: two, overrides: {schedules: {a: {ignore: [paused]}}, queues: {q: {ignore: parallelism}}}}}
defaults: {timezone: UTC, cron: 0 9 * * *, destination: 'https://e.example.com/x', ignore: [retries, headers.x-a]}
queues: {q: {}}
schedules:
  a: {}
  b: {ignore: [cron, body_file, retries, cron]}
  c: {ignore: null}
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("one", {"a": ("retries", "headers.X-A"), "b": ("cron", "body", "retries"), "c": ()}),
        ("two", {"a": ("paused",), "b": ("cron", "body", "retries"), "c": ()}),
    ],
)
def test_a_list_replaces_that_of_the_defaults_and_null_unsets_it(
    environment: str, expected: dict[str, tuple[str, ...]]
) -> None:
    desired = config(FILE, environment=environment).desired
    assert {schedule.name: schedule.ignore for schedule in desired.schedules or ()} == expected
    (queue,) = desired.queues or ()
    assert queue.ignore == (("parallelism",) if environment == "two" else ())


def test_every_kind_has_its_fields() -> None:
    desired = config("""\
version: 1
namespace: billing
url_groups: {g: {endpoints: {a: 'https://e.example.com'}, ignore: [endpoints.a, endpoints.b]}}
queues: {q: {ignore: [parallelism, paused]}}
flow_controls: {k: {rate: 1, ignore: [rate, period]}}
""").desired
    found = [
        *(group.ignore for group in desired.url_groups or ()),
        *(queue.ignore for queue in desired.queues or ()),
        *(key.ignore for key in desired.flow_controls or ()),
    ]
    assert found == [
        ("endpoints.a", "endpoints.b"), ("parallelism", "paused"), ("rate", "period"),
    ]  # fmt: skip


def schedule(rest: str) -> str:
    return (
        "version: 1\nnamespace: billing\nschedules:\n  a:\n    cron: 0 9 * * *\n    timezone: UTC\n"
        f"    destination: https://e.example.com/x\n    headers: {{X-A: '1'}}\n{rest}"
    )


UNREAD = "cannot be left to somebody else: QStash does not show it again"


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        (schedule("    ignore: [retries, retrys]\n"), "q.yaml:9:23", "retrys is no field that can be ignored"),
        (schedule("    ignore:\n      - redact\n"), "q.yaml:10:9", f"redact {UNREAD}"),
        (schedule("    ignore: [callback.retries]\n"), "q.yaml:9:14", f"callback.retries {UNREAD}"),
        (schedule("    ignore: [failure_callback.headers.X-A]\n"), "q.yaml:9:14", f"failure_callback.headers.X-A {UNREAD}"),
        (schedule("    ignore: [5]\n"), "q.yaml:9:14", "must be text, not a number"),
        (schedule("    ignore: {retries: true}\n"), "q.yaml:9:5", "must be a list or a single text"),
        (schedule("    ignore: ['${env.X}']\n"), "q.yaml:9:14", "a secret cannot stand here"),
        (schedule("    redact: {body: true}\n    ignore: body\n"), "q.yaml:10:5", "the body is redacted"),
        (schedule("    redact: {headers: [X-A]}\n    ignore: headers\n"), "q.yaml:10:5", "the header X-A is redacted"),
        (schedule("    redact: {headers: [X-A]}\n    ignore: [headers.x-a]\n"), "q.yaml:10:5", "the header X-A is redacted"),
        ("version: 1\nnamespace: billing\nqueues: {q: {ignore: [rate]}}\n", "q.yaml:3:23", "rate is no field that can be ignored"),
        ("version: 1\nnamespace: billing\ndefaults:\n  ignore: [id]\nschedules: {}\n", "q.yaml:4:12", "id is no field that can be ignored"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(text: str, place: str, told: str) -> None:
    found = messages(text, {"X": "retries"})
    assert len(found) == 1, found
    assert found[0].startswith(place), found
    assert told in found[0]


def test_an_unknown_field_is_told_with_the_known_ones() -> None:
    (found,) = messages(schedule("    ignore: [retrys]\n"))
    assert found.endswith(
        "| known: paused, method, retries, retry_delay, timeout, delay, queue, cron, destination,"
        " headers or headers.NAME, body, callback, failure_callback, flow_control, labels"
    )


def test_other_headers_than_the_redacted_ones_can_be_ignored() -> None:
    assert not messages(schedule("    redact: {headers: [X-B]}\n    ignore: headers.X-A\n"))
