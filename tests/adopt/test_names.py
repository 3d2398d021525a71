"""Names of schedules and variables: readable, each once, and the same whatever the order."""

import contextlib
import json
import random
from typing import Any

import pytest

from qstash_sync.adopt import names, terraform
from qstash_sync.adopt.names import Nameless
from qstash_sync.adopt.secrets import Hidden
from tests.support import ids

APP = "https://app.example.com"
# What goes where, and by which method; the names.
CASES: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    ("the last segment", [(f"{APP}/api/cron/daily-report", "POST")], ["daily-report"]),
    ("segments that tell them apart", [(f"{APP}/billing/sync", "POST"), (f"{APP}/users/sync", "POST")], ["billing-sync", "users-sync"]),
    ("the method", [(f"{APP}/sync", "GET"), (f"{APP}/sync", "POST")], ["sync-get", "sync-post"]),
    ("the host", [("https://a.example.com/run", "POST"), ("https://b.example.com/run", "POST")], ["a-run", "b-run"]),
    ("nothing but a number", [(f"{APP}/sync", "POST")] * 3, ["sync", "sync-2", "sync-3"]),
    ("no path", [(APP, "POST"), ("https://jobs.example.org/", "POST")], ["app", "jobs"]),
    ("a URL group", [("Orders.v2", "POST")], ["orders-v2"]),
    ("an id in the path", [(f"{APP}/reminders/8f14e45fceea167a5a36dedd4bea2543", "POST")], ["reminders"]),
    ("only an id", [(f"{APP}/8f14e45fceea167a5a36dedd4bea2543", "POST")], ["app"]),
    ("a query", [(f"{APP}/x?tenant=1", "POST"), (f"{APP}/x?tenant=2", "POST")], ["x", "x_2"]),
    ("capitals and dots", [(f"{APP}/API/Report.PHP", "POST")], ["report-php"]),
    ("percent signs", [(f"{APP}/a%20b", "POST")], ["a-b"]),
    ("letters that are none of ours", [(f"{APP}/größe", "POST"), (f"{APP}/日本", "POST")], ["gr-e", "app"]),
    ("credentials", [("https://user:pw@h.example.com", "POST")], ["h"]),
    ("the home of an anchor", [(f"{APP}/x-jobs", "POST"), (f"{APP}/x", "GET"), (f"{APP}/x", "GET")], ["x_jobs", "x", "x_2"]),
    ("very long and twice", [(f"{APP}/{'y' * 300}", "POST")] * 2, ["y" * 60, "y" * 60 + "-2"]),
    ("very long", [(f"{APP}/{'x' * 300}", "POST")], ["x" * 60]),
]  # fmt: skip


def nameless(targets: list[tuple[str, str]]) -> list[Nameless]:
    return [
        Nameless(id=f"scd_{n}", address=address, method=method)
        for n, (address, method) in enumerate(targets)
    ]


@pytest.mark.parametrize(("_id", "targets", "expected"), CASES, ids=ids(CASES))
def test_a_schedule_is_named_after_what_it_calls(
    _id: str, targets: list[tuple[str, str]], expected: list[str]
) -> None:
    assert list(names.of_schedules(nameless(targets)).values()) == expected


def test_names_are_valid_and_no_two_are_alike() -> None:
    rng = random.Random(20261125)
    words = ["sync", "a", "api", "v1", "report", "x.y", "%2e", "..", "1", "é", "sync-2"]
    targets = [
        (f"{APP}/{'/'.join(rng.choices(words, k=rng.randrange(4)))}", rng.choice(["GET", "POST"]))
        for _ in range(500)
    ]
    found = names.of_schedules(nameless(targets))
    assert len(set(found.values())) == len(targets)
    assert all(names.is_name(name) for name in found.values())


def test_a_name_that_a_schedule_has_already_is_nobody_elses() -> None:
    kept = Nameless(id="billing.sync", address=f"{APP}/other", method="POST", kept="sync")
    found = names.of_schedules([*nameless([(f"{APP}/api/sync", "POST")]), kept])
    assert found == {"billing.sync": "sync", "scd_0": "api-sync"}


def test_a_terraform_state_gives_its_addresses() -> None:
    def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {"mode": "managed", "type": kind, "name": name, **more}

    kind = "upstash_qstash_schedule_v2"
    state = {
        "version": 4,
        "resources": [
            resource(kind, "daily_report", instances=[{"attributes": {"schedule_id": "scd_a"}}]),
            resource(kind, "tenant", instances=[
                {"index_key": "eu", "attributes": {"schedule_id": "scd_b"}},
                {"index_key": 1, "attributes": {"schedule_id": "scd_c"}},
            ]),
            resource(kind, "sync", module="module.jobs", instances=[{"attributes": {"id": "scd_d"}}]),
            resource("upstash_qstash_topic_v2", "orders", instances=[{"attributes": {"name": "topic-1"}}]),
            resource("aws_instance", "x", instances=[{"attributes": {"id": "i-1"}}]),
        ],
    }  # fmt: skip
    assert terraform.names(json.dumps(state)) == {
        "scd_a": ("daily_report",),
        "scd_b": ("tenant-eu",),
        "scd_c": ("tenant-1",),
        "scd_d": ("sync", "jobs-sync"),
        "topic-1": ("orders",),
    }


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"resources": 1}', "no", '{"resources": [{"type": 1}, 2]}', "[" * 9999],
)
def test_what_is_no_state_gives_no_names(text: str) -> None:
    with contextlib.suppress(ValueError, RecursionError):
        assert terraform.names(text) == {}


def variables(*uses: tuple[str, str, str]) -> list[str]:
    """The names; uses: owner, what, value."""
    found = names.of_variables([(o, Hidden(v, w)) for o, w, v in uses], "billing")
    return list(found.values())


def test_a_variable_is_named_after_what_it_is_and_whose() -> None:
    assert variables(("daily-report", "Authorization", "s")) == ["DAILY_REPORT_AUTHORIZATION"]


def test_equal_values_share_one_variable_that_is_nobodys() -> None:
    uses = ("a", "Authorization", "s"), ("b", "Authorization", "s"), ("b", "X-Key", "t")
    assert variables(*uses) == ["BILLING_AUTHORIZATION", "B_X_KEY"]


def test_two_values_never_share_a_variable() -> None:
    uses = ("a-b", "token", "1"), ("a_b", "token", "2"), ("a", "B token", "3")
    assert variables(*uses) == ["A_B_TOKEN", "A_B_TOKEN_2", "A_B_TOKEN_3"]


@pytest.mark.parametrize("what", ["qstash-token", "QSTASH_URL", "Path", "home"])
def test_no_secret_takes_the_name_of_a_variable_that_means_something(what: str) -> None:
    assert variables(("", what, "s"))[0].startswith("BILLING_")


SET = [
    ("github", "token"), ("gitlab", "Token"), ("npm", "token"), ("aws", "secret access key"),
    ("ci", "job token"), ("actions", "runtime token"), ("azure", "password"), ("vercel", "token"),
    ("google", "api key"), ("node-auth", "token"), ("system", "accessToken"), ("gh", "token"),
    ("cloudflare", "api token"), ("docker", "auth config"), ("runner", "token"), ("ssl", "key"),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "what"), SET)
def test_no_secret_takes_a_name_that_a_machine_gives_its_processes(owner: str, what: str) -> None:
    """The environment wins over --env-file: the token of a CI would be sent instead."""
    (plain,) = variables((owner.replace("-", ""), f"x{what}", "s"))
    (name,) = variables((owner, what, "s"))
    assert name.startswith(f"BILLING_{owner.upper().replace('-', '_')}_")
    assert plain != name
    shared = [(one, Hidden("s", what)) for one in ("a", "b")]
    (own,) = names.of_variables(shared, owner.partition("-")[0]).values()
    assert own.startswith("SCHEDULES_")


@pytest.mark.parametrize("owner", ["githubber", "civic", "npmx", "awsome", "daily-report", "sync"])
def test_other_names_stay_short(owner: str) -> None:
    assert variables((owner, "token", "s")) == [f"{owner.upper().replace('-', '_')}_TOKEN"]


@pytest.mark.parametrize("what", ["0", "ä", "", "-"])
def test_a_variable_is_a_name_that_a_file_can_write(what: str) -> None:
    assert variables(("1st", what, "s"))[0].isidentifier()
