"""What of an account a saved plan may hold as it is, and what only behind a stretched digest."""

from typing import Any

import pytest

from qstash_sync.model.change import Action, Change, Reason
from qstash_sync.model.resources import Kind, Live, LiveFlowControl
from qstash_sync.planning import fingerprint
from qstash_sync.planning.fingerprint import Fingerprints
from qstash_sync.reconcile.live_parts import LiveParts
from tests.support import HEAD, config

MASK = "(secret)"


@pytest.mark.parametrize(
    ("live", "file", "shown", "plain", "hidden"),
    [
        ("a", "a", "a", "as in the file", []),
        ("a", "a", MASK, "as in the file", []),
        ("b", "a", "a", ["b"], []),
        ("b", "a", MASK, None, ["b"]),
        (1, 1, 1, "as in the file", []),
        (True, 1, 1, [True], []),
        (1, True, True, [1], []),
        ({"k": "a"}, {"k": "a"}, {"k": "a"}, {"k": "as in the file"}, []),
        ({"k": "b", "more": 1}, {"k": "a"}, {"k": "a"}, {"k": ["b"]}, [["more", 1]]),
        ({}, {"k": "a"}, {"k": "a"}, {}, []),
        ({"k": "a"}, {"k": "a"}, {}, {}, [["k", "a"]]),
        ({"k": "a"}, {}, {"k": "a"}, {}, [["k", "a"]]),
        ({"k": {"x": "b"}}, {"k": {"x": "a"}}, {"k": {"x": MASK}}, {"k": {"x": None}}, ["b"]),
        ({"k": "a"}, "a", "a", [{"k": "a"}], []),
        ({"k": "a"}, "a", MASK, None, [{"k": "a"}]),
        ({"y": 1, "x": 2}, {}, {}, {}, [["x", 2], ["y", 1]]),
    ],
    ids=[
        "as the file says", "a secret as the file says", "another value", "another than a secret",
        "a number", "a flag for a number", "a number for a flag", "a mapping", "a key of theirs",
        "a key that is gone", "a key that no page shows", "a key that the file has not",
        "a secret within", "a mapping for a text", "a mapping for a secret", "the order of keys",
    ],
)  # fmt: skip
def test_what_is_held_as_it_is(
    live: Any, file: Any, shown: Any, plain: Any, hidden: list[Any]
) -> None:
    found: list[Any] = []
    assert fingerprint._plain(live, file, shown, found) == plain
    assert found == hidden


CHANGE = Change(
    kind=Kind.SCHEDULE, name="s", id="billing.s", action=Action.UPDATE, reason=Reason.FILE
)
ENVIRON = {"S": "one-secret", "T": "another-one"}


def of_the_file(settings: str, *, lines: int = 0, name: str = "s") -> str:
    """The fingerprint of what the file says of a schedule."""
    text = f"{HEAD}{'#' * bool(lines)}\nschedules: {{{name}: {{destination: 'https://e.com/x', {settings}}}}}"
    desired = config(text, ENVIRON).desired
    return Fingerprints(desired, Live(), LiveParts(desired, ())).file(CHANGE)


BASE = "cron: 0 9 * * 1-5"


@pytest.mark.parametrize(
    ("settings", "is_same"),
    [
        ("cron: 0 9 * * MON-FRI", True),
        ("cron: 0 9 * * 1-6", False),
        (f"{BASE}, timezone: Europe/Berlin", False),
        (f"{BASE}, dst: {{strategy: auto}}", False),
        (f"{BASE}, dst: {{gap: skip}}", False),
        (f"{BASE}, dst: {{max_parts: 9, renew_before: 9d, accept: true}}", True),
        (f"{BASE}, retries: 3", True),
        (f"{BASE}, retries: 4", False),
        (f"{BASE}, delay: 0", True),
        (f"{BASE}, method: POST", True),
        (f"{BASE}, method: PUT", False),
        (f"{BASE}, headers: {{X: y}}", False),
        (f"{BASE}, body: x", False),
        (f"{BASE}, paused: false", False),
        (f"{BASE}, protect: true", False),
        (f"{BASE}, ignore: [body]", False),
        (f"{BASE}, was: t", True),
        (f"{BASE}, id: billing.s", True),
        (f"{BASE}, owner: team-a, description: x", True),
    ],
)
def test_what_the_file_says_is_all_that_asks_for_anything_in_the_account(
    settings: str, *, is_same: bool
) -> None:
    assert (of_the_file(settings) == of_the_file(BASE)) is is_same


def test_where_it_stands_in_the_file_is_no_part_of_it() -> None:
    assert of_the_file(BASE) == of_the_file(BASE, lines=3)


@pytest.mark.parametrize("setting", ["body: '${env.%s}'", "headers: {X: '${env.%s}'}"])
def test_another_secret_is_another_file_and_its_name_is_not(setting: str) -> None:
    one, two, same = (
        of_the_file(f"{BASE}, {setting % name}" if name else f"{BASE}, {setting % 'S'}")
        for name in ("S", "T", "")
    )
    assert one == same != two


def test_what_is_not_in_the_file_is_the_same_whatever_else_is() -> None:
    assert of_the_file(BASE, name="t") == of_the_file(f"{BASE}, retries: 1", name="u")
    assert of_the_file(BASE, name="t") != of_the_file(BASE)


def test_a_fingerprint_stays_as_it_is() -> None:
    """A plan that was saved before an upgrade is applied after it."""
    settings = f"{BASE}, timezone: Europe/Berlin, retries: 5, body: '${{env.S}}', labels: [l]"
    assert of_the_file(settings) == "ad094a7f00a2e5b6ff15146f2b26cc00"


@pytest.mark.parametrize(
    ("key", "is_gone"),
    [
        (None, True),
        (LiveFlowControl(name="k"), True),
        (LiveFlowControl(name="k", parallelism=1), False),
        (LiveFlowControl(name="k", rate=1, period=1), False),
        (LiveFlowControl(name="other", parallelism=1), True),
    ],
    ids=["no key", "no pin", "a parallelism", "a rate", "another key"],
)
def test_a_key_is_gone_without_a_pin(key: LiveFlowControl | None, *, is_gone: bool) -> None:
    desired = config(HEAD).desired
    change = Change(
        kind=Kind.FLOW_CONTROL, name="k", id="k", action=Action.DELETE, reason=Reason.FILE
    )
    live = Live(flow_controls=(key,) if key else ())
    assert Fingerprints(desired, live, LiveParts(desired, ())).gone(change) is is_gone
    assert not Fingerprints(desired, Live(), LiveParts(desired, ())).gone(change), "not read"
