"""Whatever goes wrong beside the account: a run ends with what became of each change."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from qstash_sync.apply import applying, proposal, windows
from qstash_sync.apply.executor import Control
from qstash_sync.apply.outcomes import Outcome, Status
from qstash_sync.local import LOCAL_TOKEN, LocalQStash, Served
from qstash_sync.model.steps import Step
from qstash_sync.qstash.client import Client
from tests.mixed import Scene
from tests.support import config

HEAD = "version: 1\nnamespace: n\ndefaults: {destination: 'https://e.com', timezone: UTC}\n"
SEVERAL = HEAD + "schedules:\n" + "".join(f"  s{k}: {{cron: '0 9 * * *'}}\n" for k in range(6))
PARTS = (
    HEAD
    + "schedules: {s0: {cron: '0 9 * * *', timezone: America/New_York}, s1: {cron: '@daily'}}\n"
)


@contextmanager
def scene(text: str = "") -> Iterator[Scene]:
    """An account in virtual time, in which a file is applied."""
    found = Scene()
    with LocalQStash(clock=found.time) as found.account:
        if text:
            assert found.apply(config(text).desired).done
        found.account.forget()
        yield found


def outcomes(world: Scene, text: str, step: Any = None, **more: Any) -> dict[str, Outcome]:
    """Plan and apply; step: called with each step in place of the client, and with the client."""
    desired = config(text).desired
    with world.client() as client, pytest.MonkeyPatch.context() as monkey:
        plan = proposal.propose(client, desired, now=world.at)
        if step:
            write = client.write
            monkey.setattr(client, "write", lambda one: step(one, write))
        control = Control(sleep=world.sleep, parallelism=1, **more)
        applied = applying.apply(client, desired, plan, control=control)
    return {outcome.change.name: outcome for outcome in applied.outcomes}


def buggy(name: str) -> Any:
    """A write of this schedule raises what nobody expects, with a secret in it."""

    def step(one: Step, write: Any) -> None:
        if getattr(one, "id", "") == name:
            raise TypeError("s3cret")
        write(one)

    return step


def test_a_bug_costs_one_change_and_not_what_became_of_the_others() -> None:
    with scene() as world:
        found = outcomes(world, SEVERAL, buggy("n.s2"))
        assert {name: one.status for name, one in found.items()} == {
            f"s{k}": Status.FAILED if k == 2 else Status.DONE for k in range(6)
        }
        assert found["s2"].message == "internal error: TypeError"
        assert found["s2"].change.name == "s2"
        assert outcomes(world, SEVERAL)["s2"].status is Status.DONE


def test_after_a_bug_nothing_is_deleted_and_a_set_that_is_cut_off_is_named() -> None:
    with scene(PARTS.replace("s1", "gone")) as world:
        found = outcomes(world, PARTS.replace("0 9", "30 9"), buggy("n.s0.2"))
        assert found["gone"].status is Status.BLOCKED
        message = found["s0"].message
        assert message.startswith("internal error: TypeError; cut off after "), message
        assert "s3cret" not in str(found)


def test_a_bug_outside_of_the_requests_costs_one_change_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("s3cret")

    with scene(PARTS) as world:
        monkeypatch.setattr(windows, "in_order", broken)
        found = outcomes(world, PARTS.replace("0 9", "30 9").replace("@daily", "@hourly"))
        assert {one.message for one in found.values()} == {"internal error: ValueError"}


@pytest.mark.parametrize("error", [OSError(28, "full"), BrokenPipeError(), ValueError("closed")])
def test_progress_that_cannot_be_told_never_ends_a_run(error: Exception) -> None:
    told: list[object] = []

    def full(what: object) -> None:
        told.append(what)
        raise error

    with scene() as world:
        found = outcomes(world, SEVERAL, report=full)
    assert all(one.status is Status.DONE for one in found.values())
    assert len(told) == 1, "who cannot be told is not told again"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_an_apply_whose_stderr_is_full_does_all_of_its_work(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(SEVERAL)
    words = [sys.executable, "-m", "qstash_sync", "apply", "--yes", "-f", str(tmp_path / "q.yaml")]
    with LocalQStash() as account, Served(account) as served, Path("/dev/full").open("w") as full:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_TOKEN, "LC_ALL": "C.UTF-8"}
        ran = subprocess.run(
            words, env=environ, stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
        assert len(account.store.all("schedule")) == 6
    assert "Applied: 6 done" in ran.stdout
    assert ran.returncode == 0


@pytest.mark.parametrize("many", [20, 200])
def test_changes_that_wait_for_their_window_are_not_looked_at_again_and_again(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many wait as are created meanwhile: the clock is asked in proportion, not for each pair."""
    window, now = Mock(wraps=windows.window), create_autospec(Client.now, side_effect=Client.now)
    monkeypatch.setattr(windows, "window", window)
    monkeypatch.setattr(Client, "now", now)
    lines = "".join(f"  a{k}: {{cron: '30 * * * *'}}\n" for k in range(many))
    before = HEAD + "schedules:\n" + lines
    after = before.replace("30 *", "1 *") + lines.replace("  a", "  b")
    with scene(before) as world:
        world.sleep((timedelta(minutes=30) - timedelta(seconds=20)).total_seconds())
        now.reset_mock()
        window.reset_mock()
        found = outcomes(world, after)
    assert len(found) == 2 * many
    assert all(one.status is Status.DONE for one in found.values())
    assert window.call_count == 3 * many  # before it waits, before it begins, and as it begins
    assert now.call_count < 8 * many
