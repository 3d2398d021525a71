"""What `make mutants` breaks, and where."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import mutants


def broken(body: str) -> Iterator[str]:
    """The texts of all mutants of a function."""
    source = f"def f(a: int = 1, b: int = 2) -> int:\n    {body}\n"
    for number, _ in enumerate(mutants.mutations(ast.parse(source))):
        tree = ast.parse(source)
        list(mutants.mutations(tree))[number].make()
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
        ("return False", {"return True"}),
        ("return True", {"return False", "return None"}),
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


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return a[:1]", "`a[:1]` → `a[:2]`"),
        ("return max(a, default=0)", "`max(a, default=0)` → `max(a, default=1)`"),
        ("return a[-1]", "`a[-1]` → `a[-2]`"),
        ("if a and b: return", "`a and b` → `a or b`"),
        ("x = " + "a + " * 40 + "0", "`… " + "a + " * 17 + "0` → `… " + "a + " * 17 + "1`"),
    ],
)
def test_a_change_is_shown_with_what_tells_it_from_others(body: str, shown: str) -> None:
    tree = ast.parse(f"def f(a: int = 1, b: int = 2) -> int:\n    {body}\n")
    before = ast.unparse(tree)
    assert shown in [one.shown() for one in mutants.mutations(tree)]
    assert ast.unparse(tree) == before


# The page


ONE, TWO, THREE, FOUR = mutants.choose(["crons"], 4, 1)["crons"][1]


def after(known: mutants.Room | None, *sample: mutants.Mutant, killed: int = 0) -> mutants.Room:
    """What becomes of a room when a sample was run, of which the first ones were killed."""
    run = mutants.Run(seed="7", killed=dict.fromkeys(sample[:killed], "a test"))
    return mutants.renewed("crons", run, [ONE, TWO, THREE, FOUR], sample, known)


def room(**reasons: str) -> mutants.Room:
    """A room of which these survived in an earlier sample."""
    keys = {"one": ONE, "two": TWO, "three": THREE, "gone": None}
    found = [(mutants.cell(m.key) if (m := keys[k]) else k, why) for k, why in reasons.items()]
    rows = [mutants.Survivor(key=key, seed="5", reason=why) for key, why in found]
    return mutants.Room(counts="| crons | earlier |", survivors=tuple(rows))


def told(found: mutants.Room) -> list[tuple[str, str, str]]:
    return [(one.key, one.seed, one.reason) for one in found.survivors]


def test_a_survivor_has_no_reason_until_somebody_gives_one() -> None:
    assert told(after(None, ONE, TWO, killed=1)) == [(mutants.cell(TWO.key), "7", mutants.TODO)]


def test_a_reason_stays_with_its_mutant() -> None:
    known = room(one="equivalent")
    assert told(after(known, ONE)) == [(mutants.cell(ONE.key), "7", "equivalent")]
    assert told(after(known, TWO, killed=1)) == [(mutants.cell(ONE.key), "5", "equivalent")]


def test_what_was_killed_since_or_is_no_mutant_any_more_leaves_the_page() -> None:
    known = room(one="equivalent", two=mutants.TODO, gone="equivalent")
    assert told(after(known, ONE, THREE, killed=2)) == []


def test_the_page_is_read_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of one room leaves the others as they were."""
    monkeypatch.setattr(mutants, "PAGE", tmp_path / "mutants.md")
    assert mutants.known_rooms() == {}
    rooms = {"crons": after(None, ONE, TWO, killed=1)}
    mutants.PAGE.write_text("\n".join(mutants.page(rooms)))
    assert mutants.known_rooms() == rooms


def test_a_bar_in_a_change_ends_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "PAGE", tmp_path / "mutants.md")
    row = mutants.Survivor(key=mutants.cell("`a.py` `f`: `a | b` → `a & b`"), seed="1")
    rooms = {"crons": mutants.Room(counts="| crons | 1 |", survivors=(row,))}
    mutants.PAGE.write_text("\n".join(mutants.page(rooms)))
    assert mutants.known_rooms() == rooms
