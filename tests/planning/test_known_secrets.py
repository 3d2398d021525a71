"""Secrets that a run knows are masked wherever they stand."""

from dataclasses import replace
from typing import Any

import pytest

from qstash_sync.model.change import Action, Change, FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic, Location
from qstash_sync.model.resources import MASK, Kind
from qstash_sync.planning.known_secrets import KnownSecrets

KNOWN = KnownSecrets(["abc", "four", "four and more", "a/b c", ""])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abc", MASK),
        ("abcd", "abcd"),
        ("four", MASK),
        ("x four y four", f"x {MASK} y {MASK}"),
        ("four and more", MASK),
        ("https://e.com/?k=a%2Fb%20c", f"https://e.com/?k={MASK}"),
        ("a/b c", MASK),
        ("", ""),
        (4, 4),
        (None, None),
        (["four", 1], [MASK, 1]),
        (("x", "abc"), ("x", MASK)),
        ({"four": {"k": "abc"}}, {MASK: {"k": MASK}}),
    ],
    ids=[
        "short, as a whole", "short, within", "long, as a whole", "long, within", "the longest first",
        "as a URL has it", "as it is", "nothing", "a number", "none", "a list", "a tuple",
        "keys and values",
    ],
)  # fmt: skip
def test_what_is_shown(value: Any, shown: Any) -> None:
    assert KNOWN(value) == shown
    assert type(KNOWN(value)) is type(shown)


def test_without_secrets_all_is_shown() -> None:
    assert KnownSecrets([])("four") == "four"
    assert KnownSecrets(["abc"])("abcd") == "abcd"


def test_a_change_is_masked_in_what_it_shows_alone() -> None:
    field = FieldChange(path="headers.X", before="four", after="x")
    other = FieldChange(path="method", before="GET", after="POST")
    change = Change(
        kind=Kind.QUEUE, name="four", id="four", action=Action.UPDATE, reason=Reason.DRIFT,
        fields=(field, other), refused="four is not ours",
    )  # fmt: skip
    masked = KNOWN.in_change(change)
    assert masked.fields == (replace(field, before=MASK), other)
    assert masked.refused == f"{MASK} is not ours"
    assert (masked.name, masked.id, masked.reason) == ("four", "four", Reason.DRIFT)
    assert KNOWN.in_change(replace(change, refused=None)).refused is None


@pytest.mark.parametrize("text", ["a: four", None])
def test_a_diagnostic_is_masked_with_the_line_that_it_shows(text: str | None) -> None:
    at = Location(file="q.yaml", line=1, column=2, quoted=text) if text else None
    told = KNOWN.in_diagnostic(
        Diagnostic(code="x", message="four", hint="not four", location=at, path=("queues", "q"))
    )
    assert (told.message, told.hint, told.path) == (MASK, f"not {MASK}", ("queues", "q"))
    assert told.location == at
    assert told.location is None or told.location.text == f"a: {MASK}"
