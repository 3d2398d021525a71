"""Pause and resume by name: the way out of an incident, as a plan that is carried out at once."""

from dataclasses import replace
from datetime import datetime

from qstash_sync.applying import verification
from qstash_sync.applying.account import Account
from qstash_sync.applying.executor import Control, carry_out
from qstash_sync.applying.outcomes import Applied, Outcome, Status
from qstash_sync.applying.verification import Verification
from qstash_sync.crons import zones
from qstash_sync.planning.pause_by_name import PausePlan, Wish, pause_plan
from qstash_sync.planning.policy import Policy


def look(client: Account, wish: Wish, *, now: datetime) -> PausePlan:
    """Read the account, one GET, and pick what is meant."""
    live = client.read({"schedules"})
    return pause_plan(wish, live, now=now, tzdata=zones.tzdata_version())


def pause(client: Account, wish: Wish, found: PausePlan, control: Control | None = None) -> Applied:
    """Write all parts that differ, side by side, then judge by what the account shows.

    Nothing is looked at before: a pause overwrites nothing, and an incident has no time. Every
    part is tried, however many writes are lost.
    """
    plan, control = found.plan, control or Control()
    outcomes = carry_out(client, plan.changes, plan.live, Policy(), control, urgent=True)
    came_up: list[Outcome] = []

    def look_again() -> Verification:
        after = look(client, wish, now=plan.now)
        left = {change.key: change for change in after.plan.changes}
        verdict = Verification(
            {key: change for key, change in left.items() if change.steps},
            before=plan.live,
            after=after.plan.live,
            now=client.now(),
        )
        came_up.extend(
            _refused(verdict.appeared(change), after)
            for key, change in left.items()
            if key not in outcomes
        )
        return verdict

    if any(change.steps for change in plan.changes):
        outcomes = verification.judged(outcomes, look_again)
    judged = [_refused(outcome, found) for outcome in outcomes.values()]
    ordered = sorted((*judged, *came_up), key=lambda outcome: outcome.change.order)
    return Applied(outcomes=tuple(ordered))


def _refused(outcome: Outcome, found: PausePlan) -> Outcome:
    """Parts of ours are done, but the first part is not ours: that is what counts."""
    why = found.refused.get(outcome.change.key)
    if why is None or outcome.status not in (Status.DONE, Status.UNVERIFIED):
        return outcome
    return replace(outcome, status=Status.REFUSED, message=why)
