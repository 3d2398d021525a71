"""What `make mutants` breaks, and where."""

import ast
from collections.abc import Iterator

import pytest

from benchmarks import mutants


def broken(body: str) -> Iterator[str]:
    """The texts of all mutants of a function."""
    source = f"def f(a: int = 1, b: int = 2) -> int:\n    {body}\n"
    for number, _ in enumerate(mutants.mutations(ast.parse(source))):
        tree = ast.parse(source)
        *_, change = list(mutants.mutations(tree))[number]
        change()
        yield ast.unparse(ast.fix_missing_locations(tree)).partition("\n    ")[2]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x = a < b", {"x = a <= b"}),
        ("x = a in b", {"x = a not in b"}),
        ("x = a < b == a", {"x = a <= b == a", "x = a < b != a"}),
        ("x = a and b", {"x = a or b"}),
        ("x = a + b", {"x = a - b"}),
        ("x |= b", {"x &= b"}),
        ("x = not a", {"x = a"}),
        ("x = 7", {"x = 8", "x = 6"}),
        ("x = True", {"x = False"}),
        ("x = a if b else a", {"x = a if not b else a"}),
        ("x = [a for a in b if a]", set()),
        ("return a", {"return None"}),
        ("return None", set()),
        ("return", set()),
        ("print(a)", {"pass"}),
        ("x: int = a", set()),
        ("x = 'text'", set()),
        ("assert a == 1", set()),
    ],
)
def test_each_kind_of_change(body: str, expected: set[str]) -> None:
    assert set(broken(body)) == expected


def test_a_sample_is_that_of_its_seed_whatever_rooms_are_asked_for() -> None:
    one, other = (mutants.choose(rooms, 20, 1)["crons"] for rooms in (["crons"], mutants.ROOMS))
    assert one == other
    assert mutants.choose(["crons"], 20, 2)["crons"] != one


def test_every_mutant_of_a_sample_can_be_made() -> None:
    for _, sample in mutants.choose(mutants.ROOMS, 20, 3).values():
        for mutant in sample:
            assert mutants.changed_code(mutant).co_name == mutant.function.split(".")[-1]
