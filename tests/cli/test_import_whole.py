"""`import` of accounts with much that no file carries: the rest comes over, and stays what it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_import import APP, Account, applied, imported_from, open_account
from tests.support import World


@pytest.fixture
def account(world: World, tmp_path: Path) -> Iterator[Account]:
    yield from open_account(world, tmp_path)


def live(number: int | str, **changes: Any) -> dict[str, Any]:
    """A schedule as QStash lists it."""
    return {
        "scheduleId": f"scd_{number}", "cron": "0 9 * * *", "destination": f"{APP}/{number}",
        "method": "POST", "retries": 3, "createdAt": 1, "isPaused": False, "header": {}, **changes,
    }  # fmt: skip


# ---------------------------------------------------------------- what is left alone


def test_any_number_is_left_alone(account: Account) -> None:
    """A person is shown 200 errors at a time; an import learns from all."""
    refused = [live(n, destination=f"https://u:p@e.example.com/{n}") for n in range(201)]
    text = imported_from([*refused, live("good")], account).out
    assert text.count("credentials in a URL") == 201
    assert "id: scd_good\n" in text


SECRET = "hunter2hunter2"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize(
    "body", ['{"name":"Zoë","api_key":"hunter2hunter2"}', "Zoë: hunter2hunter2"]
)
def test_a_secret_in_bytes_is_not_hidden_by_their_base64(
    account: Account, body: str, encoding: str
) -> None:
    """No variable may stand in `body_base64`: the schedule is left alone, and its twins."""
    headers = {"Upstash-Forward-Authorization": f"Bearer {SECRET}"}
    account.grown.put(f"{APP}/known", "@daily", b"x", headers)
    for _ in range(2):
        account.grown.put(f"{APP}/bin", "@daily", body.encode(encoding))
    account.grown.put(f"{APP}/harmless", "@daily", b"\xff\x00\x01")
    text = account.file()
    assert text.count(f"{APP}/bin: its body is no text, and has a secret in it") == 2
    assert text.count("body_base64") == 1


def test_a_secret_in_bytes_of_ours_is_an_error(account: Account) -> None:
    import base64

    encoded = base64.b64encode(f'ë "api_key":"{SECRET}"'.encode("latin-1")).decode()
    applied(account, OURS.format(more=f"body_base64: {encoded}"))
    ran = account.imported(code=1)
    assert "billing.daily: its body is no text, and has a secret in it" in ran.err
    assert ran.out == ""


OURS = f"""\
version: 1
namespace: billing
schedules:
  daily: {{{{cron: "0 9 * * *", timezone: UTC, destination: {APP}/x, {{more}}}}}}
"""


@pytest.mark.parametrize("where", ["declared", "the same", "another that is left"])
def test_a_secret_of_one_place_is_in_no_comment(account: Account, where: str) -> None:
    secret = {"header": {"Authorization": [f"Bearer {SECRET}"]}}
    run = f"{APP}/run/{SECRET}"
    listed = [live("left", destination=run, cron="@every 1h"), live("good")]
    match where:
        case "declared":
            listed[1] |= secret
        case "the same":
            listed[0] |= secret
        case _:
            listed.append(live("other", cron="@every 1h", **secret))
    text = imported_from(listed, account).out
    assert SECRET not in text
    assert f"#   scd_left   {APP}: its cron: unrecognized descriptor: @every 1h" in text


# ---------------------------------------------------------------- what is no secret


WORDS = [
    ("a word", "X-Auth-Source", "production", "https://production.acme.com"),
    ("an address", "X-Next-Token", "https://app.acme.com", "https://app.acme.com"),
    ("a part of one", "X-Next-Token", "acme.com/job", "https://app.acme.com"),
]


@pytest.mark.parametrize(("_id", "header", "word", "host"), WORDS, ids=[w[0] for w in WORDS])
@pytest.mark.parametrize("ours", [False, True])
def test_no_secret_is_looked_for_in_a_host(
    account: Account, _id: str, header: str, word: str, host: str, *, ours: bool
) -> None:
    account.grown.put(f"{APP}/one", "@daily", headers={f"Upstash-Forward-{header}": word})
    if ours:
        applied(account, OURS.format(more="").replace(APP, host))
    for n in range(4):
        more = {"Upstash-Callback": f"{host}/done"} if n == 3 else {}
        account.grown.put(f"{host}/job{n}", f"{n} 2 * * *", headers=more)
    endpoints = {"endpoints": [{"url": f"{host}/in"}]}
    account.grown.request("POST", "/v2/topics/orders/endpoints", json=endpoints)
    ran = account.imported()
    assert "left alone" not in ran.text
    assert f"base_url: {host}\n" in ran.out
    assert f"endpoints: [{host}/in]" in ran.out.replace('"', "")
