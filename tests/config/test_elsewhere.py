"""Two environments of one account: neither deletes what the other one declares."""

import pytest

from qstash_sync.apply import proposal
from qstash_sync.model.resources import Desired, Kind
from qstash_sync.plan.policy import Policy
from tests.support import World, config

FILE = """
version: 1
namespace: shop
vars: {suffix: live}
owns: {url_groups: ["*"], queues: ["*"], flow_controls: ["*"]}
environments:
  production: {token: "${env.P}"%s}
  preview: {namespace: shop-pr, token: "${env.T}", vars: {suffix: pr7}%s}
url_groups: {"orders-${var.suffix}": {endpoints: ["https://a.example.com"]}}
queues:
  images: {parallelism: 2, only: [production]}
  "mails-${var.suffix}": {parallelism: 1}
  traces: {parallelism: 1, except: [production]}
flow_controls: {openai: {parallelism: 3}, "flow-${var.suffix}": {rate: 1}}
schedules: {}
"""
ENVIRON = {"P": "p", "T": "t", "U": "https://a.example.com"}
SAME = [("", ""), (", region: eu-central-1", ""), (", account: u", ""), (", url: 'https://a.example.com'", ", url: '${env.U|plain}'")]  # fmt: skip
OTHER = [(", region: eu-central-1", ", region: us-east-1"), (", account: u", ", account: v"), (", url: 'https://a.example.com'", ", url: 'https://b.example.com'")]  # fmt: skip


def desired(environment: str, more: tuple[str, str] = ("", "")) -> Desired:
    return config(FILE % more, ENVIRON, environment=environment).desired


@pytest.mark.parametrize("more", SAME, ids=str)
def test_what_another_environment_of_the_account_declares_is_known(more: tuple[str, str]) -> None:
    assert desired("preview", more).elsewhere == {
        (Kind.URL_GROUP, "orders-live"): "production",
        (Kind.QUEUE, "images"): "production",
        (Kind.QUEUE, "mails-live"): "production",
        (Kind.FLOW_CONTROL, "openai"): "production",
        (Kind.FLOW_CONTROL, "flow-live"): "production",
    }


@pytest.mark.parametrize("more", OTHER, ids=str)
def test_another_account_is_no_matter(more: tuple[str, str]) -> None:
    assert not desired("preview", more).elsewhere


def test_a_preview_leaves_what_production_declares(world: World) -> None:
    """By an apply, which takes it for surplus, and by a destroy, which takes all that is owned."""

    def carry_out(wanted: Desired) -> list[str]:
        with world.client() as client:
            policy = Policy(allow_deletes=99)
            plan = proposal.propose(client, wanted, now=world.now, policy=policy)
            assert not plan.errors, plan.errors
            applied = world.carry_out(client, wanted, plan, policy)
        assert applied.done
        return sorted(outcome.change.name for outcome in applied.outcomes)

    carry_out(desired("production"))
    carry_out(desired("preview"))
    names = set(world.account.console.snapshot()["queue"])
    assert names == {"images", "mails-live", "mails-pr7", "traces"}
    gone = carry_out(proposal.emptied(desired("preview")))
    assert gone == ["flow-pr7", "mails-pr7", "orders-pr7", "traces"]
    left = world.account.console.snapshot()
    assert set(left["queue"]) == {"images", "mails-live"}
    assert left["flow"]["openai"]["isPinnedParallelism"]
    with world.client() as client:
        plan = proposal.propose(client, proposal.emptied(desired("preview")), now=world.now)
        told = [d.text for d in proposal.left_behind(desired("preview"), plan)]
    assert told == ["flow_controls.openai: stays: the environment production declares it, too"]
