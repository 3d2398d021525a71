"""Names in the order in which a person counts them."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from qstash_sync.model.names import natural, near

NAMES = st.text(alphabet="aj-.019²٣", max_size=8) | st.text(max_size=8)


def test_names_are_sorted_as_a_person_sorts_them() -> None:
    found = ["x", "job-x", "job-10-a", "job-10", "job-2", "job-1", "job"]
    expected = ["job", "job-1", "job-2", "job-10", "job-10-a", "job-x", "x"]
    assert sorted(found, key=natural) == expected


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("fx-rate", ["fx-rates", "fx-rates-2"]),
        ("fx", ["fx-rates", "fx-rates-2"]),
        ("close", ["market-close"]),
        ("e", []),
        ("m", ["market-close"]),
        ("", []),
        ("xyz", []),
    ],
)
def test_a_name_is_found_by_a_slip_its_beginning_or_a_part_of_it(
    word: str, found: list[str]
) -> None:
    assert near(word, ["market-close", "fx-rates-2", "fx-rates"], 3) == found


@given(names=st.lists(NAMES), rng=st.randoms())
def test_the_order_is_total_and_the_same_from_wherever_it_starts(
    names: list[str], rng: Any
) -> None:
    assert len({natural(name) for name in names}) == len(set(names))
    shuffled = rng.sample(names, len(names))
    assert sorted(shuffled, key=natural) == sorted(names, key=natural)


def test_a_name_of_many_digits_is_no_number_too_large() -> None:
    for digit in "9٣":
        assert natural(digit * 9_999) > natural("8")
