"""No line of a page is wider than the terminal that shows it."""

import re
from typing import Any

import pytest

from qstash_sync.applying import proposal, watching
from qstash_sync.errors import StalePlanError
from qstash_sync.planning.policy import Policy
from qstash_sync.planning.saved import Move, Moved
from qstash_sync.render import applying, drift, safe, text
from tests.support import HEAD, config, world as make_world

FILE = (
    f"{HEAD}owns: {{url_groups: ['*']}}\nurl_groups: {{}}\nschedules:\n"
    + "".join(
        f"  nightly-report-of-region-{n}: {{cron: '30 2 * * *', timezone: Europe/Berlin,"
        f" destination: 'https://app.example.com/api/cron/nightly/{n}', ignore: [headers.X-Request-Name]}}\n"
        for n in range(3)
    )
)  # fmt: skip
GROUP: dict[str, Any] = {
    "name": "left-over-group",
    "endpoints": [{"url": "https://a.example.com/endpoint"}],
}


def widest(page: safe.Page) -> int:
    return max(safe.columns(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in page.split("\n"))


@pytest.mark.parametrize("width", [40, 47, 63, 80])
@pytest.mark.parametrize("verbose", [False, True])
def test_of_plan_drift_and_apply(width: int, verbose: bool) -> None:
    paint = text.Paint(color=True, width=width)
    with make_world() as world:
        pages = [text.plan(world.plan(FILE), paint, verbose=verbose)]
        assert world.apply(FILE)
        stored = world.schedule("billing.nightly-report-of-region-0")
        for number in range(2):
            name = f"somebody-elses-schedule-{number}"
            world.account.store.put("schedule", name, {**stored, "scheduleId": name, "labels": []})
        world.account.store.put("topic", "left-over-group", GROUP)
        pages += [text.plan(world.plan(FILE), paint, verbose=verbose)]
        pages += [text.plan(world.plan(FILE, target=("schedules.*",)), paint, verbose=verbose)]
        with world.client() as client:
            desired = config(FILE).desired
            found = watching.watch(client, desired, now=world.now)
            pages.append(drift.text(found, (1, 0), paint, verbose=verbose))
            policy = Policy(allow_deletes=9)
            plan = proposal.propose(client, desired, now=world.now, policy=policy)
            pages.append(applying.applied(world.carry_out(client, desired, plan, policy), paint))
    if not verbose:
        said = "about what does not change: -v shows them"
        assert all(said in " ".join(page.split()) for page in pages[1:4])
    assert max(map(widest, pages)) <= width


def test_of_a_stale_plan() -> None:
    with make_world() as world:
        (change, *_) = world.plan(FILE).changes
    field = change.fields[0]
    moved = Moved(
        change=change,
        why="it has been changed in the account",
        fields=(Move(path="cron", approved=field, now=None),),
    )
    error = StalePlanError("1 of 1 approved changes moved", (moved,))
    assert widest(applying.stale(error, text.Paint(color=True, width=40))) <= 40
