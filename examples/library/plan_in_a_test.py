"""A test of one's own: what the files of a repository would make of an empty account.

python examples/library/plan_in_a_test.py      # or pytest, which finds the function
"""

from pathlib import Path

from qstash_sync import apply, embedded, load, plan

FILES = Path(__file__).parents[1] / "quickstart"


def test_a_second_plan_is_empty() -> None:
    """Needs no account and no network: the account is one in memory."""
    desired = load(FILES).desired
    with embedded() as account:
        first = plan(desired, account)
        assert not first.errors
        assert apply(desired, first, account).done
        assert plan(desired, account).empty
    assert len(desired.schedules or ()) == first.summary["create"] - 3  # and what they use


if __name__ == "__main__":
    test_a_second_plan_is_empty()
    print("the files are fine")
