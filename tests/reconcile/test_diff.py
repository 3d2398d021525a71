"""What of a difference is shown: by which path, and how much of the value that is live."""

from typing import Any

import pytest

from qstash_sync.model.change import Withheld
from qstash_sync.model.resources import Callback, Message, Piece, Secret, Text
from qstash_sync.reconcile import canonical, diff
from qstash_sync.reconcile.canonical import View
from qstash_sync.reconcile.diff import HIDDEN, Trust
from tests.support import secret

CHANGED, REMOVED = Withheld.CHANGED, Withheld.REMOVED
URL = "https://e.com/x"
Row = tuple[str, Any, Any, Withheld | None]


def rows(live: View, desired: View, trust: Trust = Trust.PLAIN) -> list[Row]:
    found = diff.compare(live, desired, trust)
    return [(one.path, one.before, one.after, one.withheld) for one in found]


def body(text: Text | None) -> View:
    return canonical.of_message(Message(destination=URL, body=text))


@pytest.mark.parametrize(
    ("live", "desired", "expected"),
    [
        ('{"a": [1, 2]}', '{"a": [1, 3]}', [("body.a[1]", 2, 3, None)]),
        ('{"a": [1, 2]}', '{"a": [1, 2, 3]}', [("body.a", HIDDEN, [1, 2, 3], CHANGED)]),
        ('{"a": [[1], 2]}', '{"a": [[3], 2]}', [("body.a[0][0]", 1, 3, None)]),
        ('{"a": [{"b": 1}]}', '{"a": [{"b": true}]}', [("body.a[0].b", 1, True, None)]),
        ('{"a": 1}', '{"a": 1, "b": 2}', [("body.b", None, 2, None)]),
        ('{"a": 1, "b": 2}', '{"a": 1}', [("body.b", HIDDEN, None, REMOVED)]),
        ('{"a": {"b": 1}}', '{"a": "b"}', [("body.a", HIDDEN, "b", CHANGED)]),
        ('{"a": "b"}', '{"a": {"b": 1}}', [("body.a", HIDDEN, {"b": 1}, CHANGED)]),
        ("text", '{"a": 1}', [("body", HIDDEN, {"a": 1}, CHANGED)]),
        ("text", "other", [("body", "text", "other", None)]),
        (None, "other", [("body", None, "other", None)]),
        ("text", None, [("body", HIDDEN, None, REMOVED)]),
    ],
    ids=[
        "an item", "a longer list", "an item of an item", "a flag for a number", "a key that comes",
        "a key that goes", "a text for a mapping", "a mapping for a text", "JSON for a text",
        "texts", "a body that comes", "a body that goes",
    ],
)  # fmt: skip
def test_what_differs_in_a_body(live: Text | None, desired: Text | None, expected: Any) -> None:
    assert rows(body(live), body(desired)) == expected


def test_items_come_by_number_and_settings_by_name() -> None:
    numbers = list(range(12))
    others = [n + 100 if n in (2, 10) else n for n in numbers]
    live, desired = (body(str({"a": each}).replace("'", '"')) for each in (numbers, others))
    assert [path for path, *_ in rows(live, desired)] == ["body.a[2]", "body.a[10]"]
    one = Message(destination=URL, headers=(("B", "1"),), retries=1, body="x", timeout=5)
    other = Message(destination=URL, headers=(("A", "1"),), retries=2, body="y", timeout=6)
    found = rows(canonical.of_message(one), canonical.of_message(other))
    assert found == [
        ("body", "x", "y", None),
        ("headers.A", None, "1", None),
        ("headers.B", HIDDEN, None, REMOVED),
        ("retries", 1, 2, None),
        ("timeout", 5, 6, None),
    ]


def test_none_at_all_and_zero_are_two_things() -> None:
    none, zero = View({}, {}), View({"retries": 1}, {"retries": 0})  # compared as one more
    assert rows(none, zero) == [("retries", None, 0, None)]
    assert rows(zero, none) == [("retries", 0, None, None)]


def test_what_the_content_of_a_secret_makes_of_the_json_around_it_is_part_of_the_secret() -> None:
    text = Secret((Piece('{"a": '), Piece('{"b": 1}', hidden=True), Piece(', "c": 1}')))
    (found,) = rows(body('{"a": {"b": 2}, "c": 1}'), body(text))
    path, before, after, withheld = found
    assert (path, before, withheld) == ("body", HIDDEN, CHANGED)
    assert "{" not in str(after).replace('{"a": (secret), "c": 1}', "")


def test_a_secret_is_its_mask_on_the_side_of_the_file_and_nothing_on_the_other() -> None:
    live, desired = (
        canonical.of_message(Message(destination=URL, headers=(("X", text),)))
        for text in ("former", secret("now"))
    )
    assert rows(live, desired) == [("headers.X", HIDDEN, "(secret)", CHANGED)]


KEY = "sk_live_" + "a1B2" * 4
PLACE = f"https://h.example.com/p?key={KEY}"


def test_the_host_that_the_file_has_in_plain_is_no_secret() -> None:
    """Which of two addresses a change is to, nobody should have to guess."""
    live, desired = (
        canonical.of_message(Message(destination=f"https://h.example.com/{path}"))
        for path in ("api/old", "api/new")
    )
    assert rows(live, desired, Trust.SECRET) == [
        ("destination", "https://h.example.com/…", "https://h.example.com/api/new", None)
    ]


@pytest.mark.parametrize(
    ("trust", "live", "shown"),
    [
        (Trust.PLAIN, "https://h.example.com/p?k=v", "https://h.example.com/p?k=v"),
        (Trust.PLAIN, PLACE, "https://h.example.com/…"),
        (Trust.UNKNOWN, "https://u:p@h.example.com/p", "https://h.example.com/…"),
        (Trust.UNKNOWN, "https://h.example.com/", "https://h.example.com"),
        (Trust.UNKNOWN, "a-group", "a-group"),
        (Trust.SECRET, "https://h.example.com/p", HIDDEN),
    ],
)
@pytest.mark.parametrize("key", ["destination", "callback"])
def test_how_much_of_an_address_is_shown(trust: Trust, live: str, shown: str, key: str) -> None:
    def view(url: str) -> View:
        callback = Callback(url=url) if key == "callback" else None
        destination = URL if key == "callback" else url
        return canonical.of_message(Message(destination=destination, callback=callback))

    withheld = CHANGED if shown == HIDDEN else None
    assert rows(view(live), view("https://new.com"), trust) == [
        (key, shown, "https://new.com", withheld)
    ]


@pytest.mark.parametrize(
    ("trust", "live", "shown"),
    [
        (Trust.PLAIN, "former", "former"),
        (Trust.PLAIN, f"Bearer {KEY}", HIDDEN),
        (Trust.UNKNOWN, "former", "former"),
        (Trust.UNKNOWN, f"Bearer {KEY}", HIDDEN),
        (Trust.SECRET, "former", HIDDEN),
    ],
)
def test_how_much_of_a_header_is_shown(trust: Trust, live: str, shown: str) -> None:
    one, other = (
        canonical.of_message(Message(destination=URL, headers=(("X", text),), queue=queue))
        for text, queue in ((live, KEY), ("now", "q"))
    )
    withheld = CHANGED if shown == HIDDEN else None
    header, queue = rows(one, other, trust)
    assert header == ("headers.X", shown, "now", withheld)
    assert queue == ("queue", KEY, "q", None)  # no text of the user's


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://h.example.com", "https://h.example.com"),
        ("https://h.example.com/", "https://h.example.com"),
        ("https://h.example.com/p", "https://h.example.com/…"),
        ("https://h.example.com?k=v", "https://h.example.com/…"),
        ("HTTPS://u:p@H.example.com:8/p#f", "HTTPS://H.example.com:8/…"),
        ("http://h/\np", "http://h/…"),
        ("group", "group"),
    ],
)
def test_an_address_is_shown_by_its_host(address: str, shown: str) -> None:
    assert diff.address(address) == shown


def test_a_create_tells_what_would_be_so_without_a_word() -> None:
    message = Message(
        destination=URL, method="POST", retries=3, timeout=5, body='{"a": 1}',
        headers=(("Content-Type", "application/json"), ("X", "y")),
    )  # fmt: skip
    found = {
        one.path: (one.after, one.default) for one in diff.created(canonical.of_message(message))
    }
    assert found == {
        "body": ({"a": 1}, False),
        "destination": (URL, False),
        "headers.Content-Type": ("application/json", True),
        "headers.X": ("y", False),
        "method": ("POST", True),
        "retries": (3, True),
        "timeout": (5, False),
    }
    other = Message(destination=URL, method="PUT", headers=(("Content-Type", "text/plain"),))
    found_there = diff.created(canonical.of_message(other))
    assert [one.path for one in found_there if one.default] == ["retries"]


@pytest.mark.parametrize(
    ("live", "desired", "is_alike"),
    [
        ('{"a": "x-1-y"}', ('{"a": "x-', '-y"}'), True),
        ('{"a": "x-1-z"}', ('{"a": "x-', '-y"}'), False),
        ('{"a": ["x-1", 2]}', ('{"a": ["x-', '", 2]}'), True),
        ('{"a": ["x-1", 3]}', ('{"a": ["x-', '", 2]}'), False),
        ('{"a": ["x-1"]}', ('{"a": ["x-', '", 2]}'), False),
        ('{"a": ["x-1", 2]}', ('{"a": ["x-', '"]}'), False),
        ('{"a": "x-1", "b": 1}', ('{"a": "x-', '"}'), False),
        ('["x"]', ('{"a": "x-', '"}'), True),
        ("text", ('["x-', '", 2]'), True),
        ('{"a": 1}', ('{"a": {"b": ["x-', '"]}}'), True),
        ("x-1-y", ("x-", "-y"), True),
        ("x-1-z", ("x-", "-y"), False),
    ],
)
def test_what_is_not_known_is_alike_to_whatever_it_could_be(
    live: str, desired: tuple[str, str], *, is_alike: bool
) -> None:
    start, end = desired
    unknown = Secret((Piece(start), Piece("", hidden=True, known=False), Piece(end)))
    assert (rows(body(live), body(unknown)) == []) is is_alike
