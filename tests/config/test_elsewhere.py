"""Two environments of one account: neither deletes what the other one declares."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qstash_sync.applying import proposal
from qstash_sync.config.load import gather, load
from qstash_sync.model.diagnostics import Severity
from qstash_sync.model.resources import Desired, Kind, LiveSchedule
from qstash_sync.planning.policy import Policy
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.reconcile.mark import Declared
from tests.support import World, cli, config, ids, messages

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
SAME = [("", ""), (", region: eu-central-1", ""), (", account: u", ""), (", url: 'https://a.example.com'", ", url: '${env.U|plain}'"),
    (", url: 'https://a.example.com'", ", url: 'https://A.example.com/v2/'"),
    (", url: 'https://qstash.upstash.io'", ", region: eu-central-1"),
    (", url: 'https://a.example.com'", ", url: 'https://a.example.com:443'"),
    (", url: 'https://a.example.com'", ", url: 'https://a.example.com./'"),
    (", url: 'http://localhost:8080'", ", url: 'http://127.0.0.1:8080'"),
    (", region: eu-central-1", ", region: us-east-1, url: '${env.U|plain}'"),
    (", url: 'https://qstash.upstash.io/'", ", url: 'https://qstash-eu-central-1.upstash.io'")]  # fmt: skip
OTHER = [(", region: eu-central-1", ", region: us-east-1"), (", account: u", ", account: v"), (", url: 'https://a.example.com'", ", url: 'https://b.example.com'")]  # fmt: skip


ONE_TOKEN = [  # what two environments say of their account, with one variable for the token
    ("url: 'https://proxy.example.com'", "region: eu-central-1", True),
    ("url: 'https://proxy.example.com'", "url: 'https://b.example.com'", True),
    ("url: 'https://proxy.example.com', account: u", "region: eu-central-1, account: v", False),
    ("region: us-east-1", "region: eu-central-1", False),
    ("url: 'https://qstash.upstash.io'", "region: us-east-1", False),
]


@pytest.mark.parametrize(("one", "other", "is_one"), ONE_TOKEN, ids=str)
def test_one_token_is_of_one_account(one: str, other: str, *, is_one: bool) -> None:
    """Whatever stands before the server; only a region of QStash's own is another account."""
    text = (FILE % (f", {one}", f", {other}")).replace("env.P", "env.T")
    for name in ("preview", "production"):
        assert bool(config(text, ENVIRON, environment=name).desired.elsewhere) == is_one


def test_no_token_is_no_token_of_two() -> None:
    text = FILE % (", url: 'https://a.example.com'", ", region: eu-central-1")
    for token in ('token: "${env.P}"', 'token: "${env.T}", '):
        text = text.replace(token, "")
    text = text.replace("{, ", "{")
    assert not config(text, ENVIRON, environment="preview").desired.elsewhere


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_a_local_account_is_one_for_all(tmp_path: Path, command: str) -> None:
    """Whatever regions the environments are of: a rehearsal shows no delete that is none."""
    text = """
version: 1
namespace: n
owns: {queues: ["*"]}
environments:
  pr: {region: us-east-1, namespace: n-pr}
  live: {region: eu-central-1, namespace: n-live}
queues: {a: {only: [pr]}, b: {only: [live]}}
"""
    (tmp_path / "q.yaml").write_text(text)
    common = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", "-e", "live", "--yes", *common).code == 0
    words = ("--yes", "n-pr") if command == "destroy" else ("--yes",)
    assert cli(command, "-e", "pr", *words, *common).code == 0
    assert "1 unchanged" in cli("plan", "-e", "live", *common).out


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


SELECTED = """
version: 1
namespace: shop
vars: {main: production, number: none}
owns: {queues: ["*"]}
environments:
  production: {token: "${env.P}", overrides: {queues: {moved: {only: production}}}}
  preview: {namespace: "shop-${var.number}", token: "${env.T}", vars: {main: preview}}
queues:
  by-variable: {parallelism: 2, only: ["${var.main}"]}
  excepted: {parallelism: 2, except: ["${var.main}"]}
  moved: {parallelism: 2, only: preview}
  "of-${var.number}": {parallelism: 1}
schedules: {}
"""


def test_what_is_there_in_another_environment_is_judged_as_that_one_is_built() -> None:
    found = config(SELECTED, ENVIRON, environment="preview", variables={"number": "7"}).desired
    assert {name for _, name in found.elsewhere} == {"by-variable", "moved", "of-none"}
    assert [queue.name for queue in found.queues or ()] == ["by-variable", "moved", "of-7"]


def test_what_no_environment_can_know_counts_as_declared() -> None:
    """A variable of the command line alone: production may have been applied with the same."""
    text = FILE.replace("vars: {suffix: live}\n", "") % ("", "")
    found = config(text, ENVIRON, environment="preview", variables={"suffix": "pr8"}).desired
    assert found.declared_by_another((Kind.QUEUE, "mails-pr8")) == "production"
    assert found.declared_by_another((Kind.QUEUE, "letters-pr8")) is None


OPEN = """
version: 1
namespace: n
owns: {queues: ["jobs-*"], url_groups: ["g-*"], flow_controls: ["k-*"]}
%s
environments:
  pr: {namespace: n-pr, token: "${env.T}", vars: {stage: pr}}
  live: {namespace: n-live, token: "${env.P}"%s}
queues: {"jobs-${var.stage}": {}}
url_groups: {"g-${var.stage}": {endpoints: ["https://a.example.com/x"]}}
flow_controls: {"k-${var.stage}": {rate: 1}}
schedules: {}
"""
KEYS = [(Kind.QUEUE, "jobs-live"), (Kind.URL_GROUP, "g-live"), (Kind.FLOW_CONTROL, "k-live")]
ONLY_LIVE_KNOWS = [
    ("a variable of its job", "", ', vars: {stage: "${env.STAGE|plain}"}'),
    ("with a default", "", ', vars: {stage: "${env.STAGE:-zz|plain}"}'),
    ("through another", "", ', vars: {stage: "${var.s}", s: "${env.STAGE|plain}"}'),
    ("part of one", "", ', vars: {stage: "li${env.STAGE|plain}"}'),
    ("its --var", "", ""),
]


@pytest.mark.parametrize("stage", ["", "live", "pr"])
@pytest.mark.parametrize(("_id", "head", "own"), ONLY_LIVE_KNOWS, ids=ids(ONLY_LIVE_KNOWS))
def test_a_name_that_only_the_runs_of_another_environment_know_may_be_any(
    world: World, _id: str, head: str, own: str, stage: str
) -> None:
    """Neither an apply nor a destroy of one deletes it, whatever the variable is in its run."""
    text, environ = OPEN % (head, own), {**ENVIRON, **({"STAGE": stage} if stage else {})}
    found = config(text, environ, environment="pr").desired
    assert [found.declared_by_another(key) for key in KEYS] == ["live"] * 3
    live = config(OPEN % ("", ", vars: {stage: live}"), ENVIRON, environment="live").desired
    policy = Policy(allow_deletes=9)
    with world.client() as client:
        plan = proposal.propose(client, live, now=world.now, policy=policy)
        assert world.carry_out(client, live, plan, policy).done
        for wanted in (found, proposal.emptied(found)):
            plan = proposal.propose(client, wanted, now=world.now, policy=policy)
            assert not [change for change in plan.changes if change.name.endswith("-live")]


TWO_OF_ONE_PATTERN = """
version: 1
namespace: n
environments:
  pr: {namespace: n-pr, token: "${env.T}"}
  live: {namespace: n-live, token: "${env.P}", overrides: {queues: %s}}
queues:
  "jobs-${env.PR:-none|plain}": {only: [%s]}
  "jobs-${env.STAGE:-no-stage|plain}": {only: [%s]}
schedules: {}
"""
ONE, OTHER_ONE = '"jobs-${env.PR:-none|plain}"', '"jobs-${env.STAGE:-no-stage|plain}"'
OVERRIDES = [
    ("{}", "pr", "live"),
    ("{}", "live", "pr"),
    (f"{{{OTHER_ONE}: {{only: [live]}}}}", "pr", "pr"),
    (f"{{{ONE}: {{parallelism: 2}}, {OTHER_ONE}: {{only: [live]}}}}", "pr", "pr"),
    (f"{{{OTHER_ONE}: {{only: [live]}}, {ONE}: {{only: [pr]}}}}", "pr", "pr"),
]


@pytest.mark.parametrize("row", OVERRIDES, ids=str)
def test_two_names_of_one_pattern_are_two_resources(row: tuple[str, str, str]) -> None:
    """What is the pattern of both stands for names that differ in every run."""
    found = config(TWO_OF_ONE_PATTERN % row, {**ENVIRON, "PR": "7"}, environment="pr").desired
    assert found.declared_by_another((Kind.QUEUE, "jobs-blue")) == "live"


def test_so_are_two_in_two_files(tmp_path: Path) -> None:
    first, rest = (TWO_OF_ONE_PATTERN % OVERRIDES[0]).split('  "jobs-${env.STAGE')
    (tmp_path / "a.yaml").write_text(first)
    (tmp_path / "b.yaml").write_text('version: 1\nqueues:\n  "jobs-${env.STAGE' + rest)
    found = load(gather([str(tmp_path)], None), environment="pr", environ={**ENVIRON, "PR": "7"})
    assert found.desired.declared_by_another((Kind.QUEUE, "jobs-blue")) == "live"


def test_two_spellings_of_one_address_are_one_account() -> None:
    text = FILE % (
        ", account: u, url: 'https://qstash.upstash.io/v2/'",
        ", account: u, url: 'https://qstash-eu-central-1.upstash.io'",
    )
    told = messages(text.replace("namespace: shop-pr, ", ""), ENVIRON, environment="preview")
    assert [line for line in told if "the same account and namespace as production" in line]


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


def test_two_addresses_from_variables_are_not_called_one_account() -> None:
    text = FILE % (", account: u, url: '${env.A|plain}'", ", account: u, url: '${env.B|plain}'")
    text = text.replace("namespace: shop-pr, ", "")
    environ = {**ENVIRON, "A": "https://a.example.com", "B": "https://b.example.com"}
    assert not messages(text, environ, environment="preview")


SHARED = """
version: 1
namespace: acme
environments:
  prod: {token: "${env.P}"%s}
  staging: {namespace: acme-stg, token: "${env.T}"%s}
  preview: {namespace: "acme-${var.n}", token: "${env.T}"%s}
schedules:
  hook: {cron: "0 9 * * *", timezone: UTC, destination: "https://partner.example.org/hook"}
"""


def test_the_namespaces_of_other_environments_are_known() -> None:
    found = config(SHARED % ("", "", ""), ENVIRON, environment="staging").desired
    assert found.neighbours == (("acme", "prod"), ("acme-*", "preview"))
    apart = SHARED % (", account: a", ", account: a", ", account: b")
    assert config(apart, ENVIRON, environment="staging").desired.neighbours == found.neighbours


def test_two_environments_may_have_one_pattern() -> None:
    text = (SHARED % ("", "", "")).replace(
        "  staging:", '  load: {namespace: "acme-${env.N|plain}"}\n  staging:'
    )
    found = config(text, ENVIRON, environment="prod").desired
    assert found.neighbours == (("acme-*", "load"), ("acme-stg", "staging"), ("acme-*", "preview"))


WHOSE = [  # an id of the account, the labels that it has there, and whose it is where it was adopted
    ("acme.hook", ("acme", "prod", "acme.hook"), "prod"),
    ("acme.hook", ("acme", "old", "acme.hook"), None),
    ("acme.hook", ("acme-7", "prod", "acme-7.hook"), None),
    ("acme-7.hook", ("acme-7", "preview", "acme-7.hook"), "preview"),
    ("acme-7.hook", ("acme-8", "preview", "acme-8.hook"), "preview"),
    ("acme-7.hook", ("acme", "prod", "acme.hook"), "prod"),
    ("scd_1", ("acme", "prod", "acme.hook"), "prod"),
    ("scd_1", ("acme-7", "preview", "acme-7.hook"), "preview"),
    ("scd_1", ("acme-7", "preview", "acme-8.hook"), None),
    ("scd_1", ("other", "preview", "other.hook"), None),
    ("acme-stg.hook", ("acme-stg", "staging", "acme-stg.hook"), None),  # its own
]


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize(("part_id", "labels", "whose"), WHOSE, ids=str)
def test_whose_a_mark_is(
    part_id: str, labels: tuple[str, str, str], whose: str | None, *, bound: bool
) -> None:
    """An adopted id is in no namespace: its mark is bound to it, and the name stands behind."""
    namespace, environment, name = labels
    wanted = config(SHARED % ("", "", ""), ENVIRON, environment="staging").desired
    (schedule,) = wanted.schedules or ()
    mark = Declared(schedule, namespace, environment).mark(
        part_id, "* * * * *", part=1, parts=1, paused=False
    )
    if not bound:
        mark = mark._replace(bound=None)
        whose = whose if part_id.startswith(f"{namespace}.") else None
    live = LiveSchedule(
        id=part_id, cron="* * * * *", message=replace(schedule.message, labels=(str(mark), name))
    )
    copy = replace(live, id="scd_2")
    index = LiveParts(wanted, [live, copy])
    assert index.environment_of(index.by_id[part_id]) == whose
    assert index.environment_of(index.by_id["scd_2"]) is None


ORPHANS = [  # an id of the account, the labels that it has there; is it left of another one here
    ("acme-stg.hook", ("acme-stg", "old", "acme-stg.hook"), True),
    ("acme-stg.hook", ("acme-stg", "old", "acme.hook"), False),
    ("acme-stg.hook", ("acme", "old", "acme.hook"), False),
    ("acme-stg.hook", ("acme-stg", "staging", "acme-stg.hook"), False),
    ("acme.hook", ("acme", "old", "acme.hook"), False),
    ("acme.hook", ("acme", "prod", "acme.hook"), False),
]


@pytest.mark.parametrize(("part_id", "labels", "is_left"), ORPHANS, ids=str)
@pytest.mark.parametrize("declared", [True, False])
def test_what_an_environment_has_left(
    part_id: str, labels: tuple[str, str, str], *, is_left: bool, declared: bool
) -> None:
    """In this namespace by its id, and by its name, as far as that is known."""
    namespace, environment, name = labels
    wanted = config(SHARED % ("", "", ""), ENVIRON, environment="staging").desired
    (schedule,) = wanted.schedules or ()
    if not declared:
        wanted = replace(wanted, schedules=())
    made = Declared(schedule, namespace, environment)
    mark = made.mark(f"{namespace}.x", "* * * * *", part=1, parts=1, paused=False)
    adopted = made.mark("scd_1", "* * * * *", part=1, parts=1, paused=False)
    message = replace(schedule.message, labels=(str(mark), name))
    live = LiveSchedule(id=part_id, cron="* * * * *", message=message)
    other = replace(live, id="scd_1", message=replace(message, labels=(str(adopted), name)))
    index = LiveParts(wanted, [live, other, replace(other, id="scd_2")])
    assert index.is_orphan(index.by_id[part_id]) == (is_left and not declared)
    assert index.is_orphan(index.by_id["scd_1"]) == is_left
    assert not index.is_orphan(index.by_id["scd_2"])  # a copy


HERS = [  # what prod is called before, and now; what staging says to get at its schedule
    ("by namespace_was", "", "", "namespace_was: acme, ", ""),
    ("by was", "", "", "", "was: acme.hook, "),
    ("by id", "", "", "", "id: acme.hook, "),
    ("by the namespace that prod leaves", "", "namespace: acme-prod, namespace_was: acme, ", "namespace_was: acme, ", ""),
    ("by the id that prod adopts", "id: scd_9, ", "", "", "id: scd_9, "),
    ("by the id that prod had as a name", "id: scd_9, ", "", "namespace_was: acme, ", "was: scd_9, "),
]  # fmt: skip


@pytest.mark.parametrize("there", [None, (), ("acme-stg", "old"), ("acme", "old")], ids=str)
@pytest.mark.parametrize(("_id", "hers", "prod", "staging", "ours"), HERS, ids=ids(HERS))
def test_no_way_takes_what_another_environment_of_the_file_manages(
    world: World, _id: str, hers: str, prod: str, staging: str, ours: str, there: Any
) -> None:
    """Nor is it taken along with what a consent is asked for: there, under the id that is ours."""
    text = """
version: 1
namespace: acme
environments:
  prod: {%stoken: "${env.P}"}
  staging: {%snamespace: acme-stg, token: "${env.T}", defaults: {paused: true}}
schedules:
  hook: {%scron: "0 9 * * *", timezone: UTC, destination: "https://partner.example.org/hook"}
"""

    def carry_out(name: str, *values: str) -> str:
        wanted = config(text % values, ENVIRON, environment=name).desired
        policy = Policy(adopt=("*",), allow_deletes=9)
        with world.client() as client:
            plan = proposal.propose(client, wanted, now=world.now, policy=policy)
            world.carry_out(client, wanted, plan, policy)
        return " ".join(str(change.refused) for change in plan.changes)

    carry_out("prod", "", "", hers)
    before = world.account.console.snapshot()["schedule"]
    if there is not None:
        (made,) = world.account.store.all("schedule")
        part_id = "acme-stg.hook"
        labels: list[str] = []
        if there:
            wanted = config(text % ("", "", ""), ENVIRON, environment="staging").desired
            (schedule,) = wanted.schedules or ()
            declared = Declared(schedule, *there)
            mark = declared.mark(part_id, "0 9 * * *", part=1, parts=1, paused=False)
            labels = [str(mark), f"{there[0]}.hook"]
        copied = {**made, "scheduleId": part_id, "labels": labels}
        world.account.store.put("schedule", part_id, copied)
    told = carry_out("staging", prod, staging, ours)
    after = world.account.console.snapshot()["schedule"]
    assert before.items() <= after.items()
    assert "adopt" not in told
    if there is not None and "id:" not in ours and not _id.startswith("by was"):
        assert told == "None"  # what is staging's is taken over, and hers is left beside it


@pytest.mark.parametrize("number", [1, 2])
def test_of_several_ids_it_is_the_one_that_nobody_can_give(world: World, number: int) -> None:
    """One consent stands for all of them: a set without a mark, of which prod has a part."""
    text = (
        "version: 1\nnamespace: acme\nenvironments: {prod: {token: '${env.P}'}, staging: {token: '${env.T}'}}\n"
        "schedules:\n  hook: {cron: '30 9 * * *', timezone: Europe/Berlin, destination: 'https://p.example.org'}\n"
    )
    prod, staging = (
        config(text, ENVIRON, environment=name).desired for name in ("prod", "staging")
    )
    with world.client() as client:
        plan = proposal.propose(client, prod, now=world.now)
        assert world.carry_out(client, prod, plan, Policy()).done
        hers = f"acme.hook.{number}" if number > 1 else "acme.hook"
        for part_id in world.account.console.snapshot()["schedule"]:
            if part_id != hers:
                world.edit(part_id, labels=[])
        policy = Policy(adopt=("*",))
        (change,) = proposal.propose(client, staging, now=world.now, policy=policy).changes
    assert f"{hers} carries the mark of the environment prod" in str(change.refused)


@pytest.mark.parametrize("paused", [True, False])
def test_what_another_environment_declares_is_no_stranger(world: World, *, paused: bool) -> None:
    """Two environments of one address may both fire: that is said, and no way to take it over."""
    text = SHARED % ("", ", defaults: {paused: true}" if paused else "", "")
    prod, staging = (
        config(text, ENVIRON, environment=name).desired for name in ("prod", "staging")
    )
    with world.client() as client:
        for wanted in (prod, staging):
            plan = proposal.propose(client, wanted, now=world.now)
            assert world.carry_out(client, wanted, plan, Policy()).done
        plan = proposal.propose(client, staging, now=world.now)
    told = [d for d in plan.warnings if d.code == "twin"]
    assert [d.severity for d in told] == ([] if paused else [Severity.INFO])
    assert all("acme.hook of the environment prod" in d.message for d in told)
    assert not any("namespace_was" in d.hint for d in told)
