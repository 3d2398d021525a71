"""What of an account a saved plan may hold as it is, and what only behind a stretched digest."""

from typing import Any

import pytest

from qstash_sync.planning import fingerprint

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
