"""`import` of accounts with much that no file carries: the rest comes over, and stays what it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_import import APP, JSON, NOW, Account, applied, imported_from, open_account
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
