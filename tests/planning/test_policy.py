"""What the options of a run leave alone."""

import pytest

from qstash_sync.model.change import Reason
from qstash_sync.model.resources import Kind
from qstash_sync.planning.policy import Policy


@pytest.mark.parametrize(
    ("policy", "partial", "narrowed", "scoped"),
    [
        (Policy(), False, False, False),
        (Policy(only=Reason.CLOCK), True, False, True),
        (Policy(strays=True), True, False, True),
        (Policy(target=("a*",)), False, True, True),
        (Policy(exclude=("a*",)), False, True, True),
        (Policy(among=frozenset()), False, False, True),
        (Policy(among=frozenset({(Kind.QUEUE, "a")})), False, False, True),
        (Policy(allow_deletes=0), False, False, False),
    ],
    ids=["all", "one reason", "strays", "a target", "an exclusion", "nothing approved", "one approved", "a limit"],
)  # fmt: skip
def test_what_leaves_something_alone(
    policy: Policy, *, partial: bool, narrowed: bool, scoped: bool
) -> None:
    assert (policy.is_partial, policy.is_narrowed, policy.is_scoped) == (partial, narrowed, scoped)
