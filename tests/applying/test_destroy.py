"""`destroy`: all of one namespace goes, nothing else does, and only who names it may."""

import json
from pathlib import Path

import pytest

from qstash_sync.planning.policy import Policy
from tests.fault_server import FaultServer
from tests.support import HEAD, World, cli

URL = "https://app.example.com/x"
FILE = (
    HEAD
    + f"""owns: {{url_groups: ['*'], queues: ['*'], flow_controls: ['*']}}
url_groups: {{g: {{endpoints: ['{URL}']}}}}
queues: {{q: {{}}, r: {{}}}}
flow_controls: {{f: {{parallelism: 2}}}}
limits: {{plan: payg, max_deletes: 0, max_delete_percent: 1}}
schedules:
  a: {{cron: '0 9 * * *', url_group: g, queue: q}}
  b: {{cron: '30 2 * * *', timezone: America/New_York, destination: '{URL}', paused: true}}
"""
)


@pytest.fixture
def local(tmp_path: Path) -> tuple[str, ...]:
    """The options of a file and a local account in which it is applied."""
    path = tmp_path / "q.yaml"
    path.write_text(FILE)
    words = ("-f", str(path), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", *words).code == 0
    return words


def test_all_of_the_namespace_goes_whatever_the_limits_say(local: tuple[str, ...]) -> None:
    ran = cli("destroy", *local, "--yes", "billing", "--format", "json")
    assert ran.code == 0, ran
    data = json.loads(ran.out)
    assert data["summary"] == {
        "create": 0, "update": 0, "delete": 6, "refused": 0, "unchanged": 0, "unmanaged": 0,
    }  # fmt: skip
    assert {change["outcome"] for change in data["changes"]} == {"done"}
    assert cli("apply", *local).out.endswith("Applied: 6 done.\n")
    assert cli("destroy", *local, "--yes", "billing").out.endswith("Destroyed: 6 done.\n")
    again = cli("destroy", *local, "--yes", "billing")
    assert (again.code, again.out[:10]) == (0, "Nothing of")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--yes", "billing2"), "the namespace is billing"),
        ((), "say --yes billing"),
    ],
    ids=["another namespace", "nobody to ask"],
)
def test_nothing_goes_unless_the_namespace_is_named(
    local: tuple[str, ...], words: tuple[str, ...], message: str
) -> None:
    ran = cli("destroy", *local, *words)
    assert ran.code == 64
    assert message in ran.err
    assert cli("plan", *local, "--detailed-exitcode").code == 0


def test_other_namespaces_environments_and_kinds_that_the_file_leaves_out_stay(
    world: World,
) -> None:
    from qstash_sync.applying import proposal
    from tests.support import config

    other = FILE.replace("namespace: billing", "namespace: billing-stg")
    world.apply(FILE)
    world.apply(other)
    before = {s["scheduleId"]: s for s in world.account.store.all("schedule")}
    bare = HEAD + f"schedules: {{a: {{cron: '0 9 * * *', destination: '{URL}'}}}}\n"
    desired = proposal.emptied(config(bare).desired)
    with world.client() as client:
        plan = proposal.propose(client, desired, now=world.now)
        assert world.carry_out(client, desired, plan).done
    left = {s["scheduleId"]: s for s in world.account.store.all("schedule")}
    assert left == {k: v for k, v in before.items() if k.startswith("billing-stg.")}
    assert world.account.store.count("queue") == 2
    assert world.account.store.count("topic") == 1


def test_what_is_owned_goes_though_its_section_has_left_the_file(local: tuple[str, ...]) -> None:
    """As of a preview whose branch took its one queue out."""
    path = Path(local[1])
    bare = FILE.partition("url_groups: {g:")[0] + "schedules: {}\n"
    path.write_text(bare.replace("queues: ['*']", "queues: [q]"))
    ran = cli("destroy", *local, "--yes", "billing")
    assert ran.code == 0, ran
    assert "Destroyed: 5 done." in ran.out
    assert "queue r" not in ran.text
    path.write_text(FILE)
    ran = cli("plan", *local, "--format", "json")
    assert (
        json.loads(ran.out)["summary"]["create"] == 4
    )  # all but the queue r, and a key that is pinned again


def test_what_another_environment_may_have_stays_where_its_section_has_left_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "q.yaml"
    head = (
        HEAD
        + "environments: {prod: {}, dev: {namespace: dev}}\nowns: {url_groups: [g], queues: [q]}\n"
    )
    group = f"url_groups: {{g: {{endpoints: ['{URL}']}}}}\nqueues: {{q: {{}}}}\n"
    words = ("-f", str(path), f"--local={tmp_path / 'a.db'}")
    path.write_text(head + group)
    for name in ("prod", "dev"):
        assert cli("apply", "-e", name, *words).code == 0
    path.write_text(head)
    ran = cli("destroy", "-e", "dev", "--yes", "dev", *words)
    assert ran.code == 0
    told = " ".join(ran.text.split())
    assert "owns names url_groups, and the files have none: what there is stays" in told
    assert "else write `queues: {}`, and all goes that owns names" in told
    path.write_text(head + group)
    assert "No changes" in cli("plan", "-e", "prod", *words).out


def test_what_is_protected_in_use_or_full_stops_it_before_the_first_delete(world: World) -> None:
    from qstash_sync.applying import proposal
    from tests.support import config

    protected = FILE.replace("queue: q}", "queue: q, protect: true}")
    world.apply(protected)
    stored = world.account.store.get("queue", "r") or {}
    world.account.store.put("queue", "r", {**stored, "lag": 2})
    desired = proposal.emptied(config(protected).desired)
    with world.client(read_only=True) as client:
        plan = proposal.propose(client, desired, now=world.now)
        told = " ".join(diagnostic.text for diagnostic in plan.errors)
        assert "protected" in told
        assert "2 messages wait in it" in told
        allowed = Policy(allow_protected=("a",), drop_backlog=("r",), allow_in_use=("g", "q"))
        assert not proposal.propose(client, desired, now=world.now, policy=allowed).errors


def test_what_the_file_does_not_own_stays_and_is_told(tmp_path: Path) -> None:
    """A queue has no mark: whose it is, only `owns` says."""
    path = tmp_path / "q.yaml"
    path.write_text(FILE.replace("owns: {url_groups: ['*'], queues: ['*']", "owns: {queues: [r]"))
    words = ("-f", str(path), f"--local={tmp_path / 'a.db'}")
    assert cli("apply", *words).code == 0
    ran = cli("destroy", *words, "--yes", "billing")
    assert ran.code == 0, ran
    for line in ("url_groups.g: stays: owns", "queues.q: stays: owns"):
        assert line in ran.out + ran.err
    with FaultServer(tmp_path / "a.db") as server:
        left = server.console.snapshot()
    assert {kind: sorted(names) for kind, names in left.items()} == {
        "schedule": [], "topic": ["g"], "queue": ["q"], "flow": ["f"],
    }  # fmt: skip
    assert not left["flow"]["f"].get("isPinnedParallelism")


def test_what_the_former_namespace_still_has_stays_and_is_named(tmp_path: Path) -> None:
    """`--yes` names one namespace, and the plan shows what is under another."""
    path = tmp_path / "q.yaml"
    words = ("-f", str(path), f"--local={tmp_path / 'a.db'}")
    entry = f"{{cron: '0 9 * * *', destination: '{URL}'}}"
    path.write_text(f"{HEAD}schedules: {{a: {entry}, z: {entry}}}\n")
    assert cli("apply", *words).code == 0
    moved = HEAD.replace("namespace: billing", "namespace: corp\nnamespace_was: billing")
    path.write_text(f"{moved}schedules: {{a: {entry}}}\n")
    ran = cli("destroy", *words, "--yes", "corp")
    assert (ran.code, ran.out) == (0, "Nothing of corp is to be deleted.\n")
    assert "of the former namespace billing these stay: billing.a, billing.z" in ran.err
    with FaultServer(tmp_path / "a.db") as account:
        assert sorted(account.console.snapshot()["schedule"]) == ["billing.a", "billing.z"]
    assert cli("apply", *words).code == 0
    ran = cli("destroy", *words, "--yes", "corp")
    assert (ran.code, "stay" in ran.text) == (0, False)
