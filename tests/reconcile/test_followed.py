"""An edit of the console that is taken over into the file: nothing moves, and nothing is undone."""

import pytest

from qstash_sync.model.change import Firings, Reason
from tests.support import World

FILE = (
    "version: 1\nnamespace: billing\ndefaults: {{timezone: UTC}}\n"
    "schedules: {{sync: {{cron: '{}', timezone: UTC, destination: 'https://a.com/s'{}}}}}\n"
)


@pytest.fixture
def edited(world: World) -> World:
    """Applied at 08:30, and then edited to 06:00."""
    world.apply(FILE.format("30 8 * * *", ""))
    world.account.console.edit("schedule", "billing.sync", cron="0 6 * * *")
    return world


def test_the_file_follows(edited: World) -> None:
    followed = FILE.format("0 6 * * *", "")
    (change,) = edited.plan(followed).changes
    assert change.reason is Reason.FILE
    assert [note.effect.none for note in change.notes if isinstance(note, Firings)] == [True]
    assert [(f.path, f.before, f.after, f.note) for f in change.fields] == [
        ("cron", "30 8 * * *", "0 6 * * *", "the account has it so already")
    ]
    assert change.swap is None
    edited.apply(followed)
    assert not edited.plan(followed).changes


def test_the_file_follows_a_setting(world: World) -> None:
    """Whether something hidden has changed, too, nobody can tell; that it was followed may be."""
    callback = ", failure_callback: 'https://a.com/f', retries: {}"
    world.apply(FILE.format("30 8 * * *", callback.format(2)))
    world.account.console.edit("schedule", "billing.sync", retries=4)
    (change,) = world.plan(FILE.format("30 8 * * *", callback.format(4))).changes
    (field,) = change.fields
    assert (change.reason, field.path) == (Reason.BOTH, "mark")
    assert field.note == "the account has what the file says already"


@pytest.mark.parametrize(
    ("cron", "more", "reason"),
    [
        ("0 7 * * *", "", Reason.BOTH),  # a third time: the edit is undone
        ("30 8 * * *", "", Reason.DRIFT),
        ("0 6 * * *", ", retries: 4", Reason.BOTH),  # whose doing that is, nobody can tell
    ],
)
def test_the_file_says_something_else(edited: World, cron: str, more: str, reason: Reason) -> None:
    (change,) = edited.plan(FILE.format(cron, more)).changes
    assert change.reason is reason
