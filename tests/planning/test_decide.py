"""What a plan says of itself: counts of what it leaves, its rows, and what lint finds in what is new."""

import pytest

from qstash_sync.model.change import Reason
from qstash_sync.model.lint import Code
from qstash_sync.model.resources import Kind, Live
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.pause_by_name import Wish, pause_plan
from qstash_sync.planning.quota import Usage
from tests.support import HEAD, NOW, World, config

ENTRY = "{cron: '*/7 * * * *', destination: 'https://e.example.com/x'%s}"  # an uneven step
LIMITED = HEAD + "limits: {plan: free}\n"


def schedules(*names: str, more: str = "", head: str = HEAD) -> str:
    return head + "schedules: {" + ", ".join(f"{n}: {ENTRY % more}" for n in names) + "}\n"


def test_changes_of_other_reasons_are_left_and_counted(world: World) -> None:
    world.apply(schedules("a", "b"))
    world.edit("billing.a", retries=9)
    text = schedules("a", "b", "c", "d")
    plan = world.plan(text, only=Reason.DRIFT)
    assert [change.name for change in plan.changes] == ["a"]
    assert (plan.left, plan.left_alone) == (2, ())
    assert world.plan(text).left == 0


def test_what_is_not_approved_is_left_alone_and_named(world: World) -> None:
    text = schedules("a", "b", "c")
    plan = world.plan(text, among=frozenset({(Kind.SCHEDULE, "billing.b")}))
    assert [change.name for change in plan.changes] == ["b"]
    assert [change.name for change in plan.left_alone] == ["a", "c"]
    assert plan.left == 0


@pytest.mark.parametrize("approved", ["a", "b"])
def test_an_error_of_what_is_left_alone_is_a_warning(world: World, approved: str) -> None:
    wide = ", timezone: America/New_York, dst: {max_parts: 1}"
    text = f"{HEAD}schedules: {{a: {ENTRY % ''}, b: {ENTRY.replace('*/7', '0', 1).replace('* * * *', '9 * * *', 1) % wide}}}\n"
    assert [error.code for error in world.plan(text).errors] == ["max_parts"]
    plan = world.plan(text, among=frozenset({(Kind.SCHEDULE, f"billing.{approved}")}))
    told = [warning.code for warning in plan.warnings if warning.code == "max_parts"]
    assert [error.code for error in plan.errors] == ["max_parts"] * (approved == "b")
    assert told == ["max_parts"] * (approved == "a")


@pytest.mark.parametrize(
    ("head", "allowed"), [(LIMITED, 10), (HEAD, None)], ids=["a plan that is named", "none"]
)
def test_the_rows_of_an_account_before_and_after(
    world: World, head: str, allowed: int | None
) -> None:
    world.apply(schedules("a", "b", head=head))
    plan = world.plan(schedules("a", "c", "d", head=head))
    assert plan.schedule_counts == (2, 3)
    assert plan.schedules_allowed == allowed


def test_the_other_kinds_have_rows_of_their_own(world: World) -> None:
    def text(*names: str, groups: str = "g") -> str:
        owns = f"{LIMITED}owns: {{queues: ['*'], url_groups: ['*']}}\n"
        each = ", ".join(f"{name}: {{}}" for name in names)
        endpoints = ", ".join(f"{g}: {{endpoints: ['https://e.example.com']}}" for g in groups)
        return f"{owns}queues: {{{each}}}\nurl_groups: {{{endpoints}}}\n"

    world.apply(text("a", "b"))
    plan = world.plan(text("b", "c", "d"))
    assert plan.usage[Kind.QUEUE] == Usage(before=2, created=2, deleted=1, allowed=10)
    assert plan.usage[Kind.URL_GROUP] == Usage(before=1, created=0, deleted=0, allowed=1)
    assert plan.errors == ()
    (error,) = world.plan(text("b", groups="gh")).errors
    assert error.message == "2 URL groups after this; the plan free allows 1"
    assert not world.plan(text("b", groups="h"), allow_deletes=9).errors


def test_an_account_that_is_too_full_already_stops_new_schedules_alone(world: World) -> None:
    """It is told of what is about schedules, and keeps nobody from changing or deleting some."""

    def text(plan: str, parallelism: int, retries: int, count: int = 11) -> str:
        more = f", retries: {retries}"
        head = f"{HEAD}limits: {{plan: {plan}}}\nqueues: {{q: {{parallelism: {parallelism}}}}}\n"
        return schedules(*(f"s{n}" for n in range(count)), more=more, head=head)

    world.apply(text("payg", 1, 1))
    (error,) = world.plan(text("free", 1, 1, count=12)).errors
    assert error.message == "12 schedules are needed; the plan free allows 10: s11 needs 1 more"
    for other, is_told in (
        (text("free", 2, 1), False),
        (text("free", 1, 2), True),
        (text("free", 1, 1).replace("queues: {", "queues: {more: {}, "), True),
        (text("free", 1, 1, count=10), False),
    ):
        plan = world.plan(other)
        assert not plan.errors
        told = [w.message for w in plan.warnings if w.code == "limit"]
        assert told == ["11 schedules are needed; the plan free allows 10"] * is_told


def test_a_pause_by_name_asks_for_no_rows() -> None:
    wish = Wish(desired=config(schedules("a")).desired, globs=("a",), paused=True)
    plan: Plan = pause_plan(wish, Live(schedules=()), now=NOW, tzdata="").plan
    assert plan.schedule_counts == (0, 0)
    assert plan.schedules_allowed is None


def lint(plan: Plan) -> list[str]:
    """The schedules that lint says something of."""
    return [str(w.path[1]) for w in plan.warnings if w.code == Code.UNEVEN_STEP]


def test_lint_judges_what_the_file_changes_once(world: World) -> None:
    assert lint(world.plan(schedules("a", "b"))) == ["a", "b"]
    world.apply(schedules("a", "b"))
    assert lint(world.plan(schedules("a", "b"))) == []
    assert lint(world.plan(schedules("a", "b", "c"))) == ["c"]
    world.edit("billing.a", method="PUT")
    assert lint(world.plan(schedules("a", "b"))) == [], "somebody else's doing"
    assert lint(world.plan(schedules("a"))) == [], "a delete"


@pytest.mark.parametrize(
    "policy",
    [{"without_lint": True}, {"among": frozenset({(Kind.SCHEDULE, "billing.a")})}],
    ids=["not asked for", "judged when it was saved"],
)
def test_lint_is_silent(world: World, policy: dict[str, object]) -> None:
    assert lint(world.plan(schedules("a"), **policy)) == []
