"""Whatever QStash really does where its documentation is silent: the account becomes what the file
says, or the run ends in a result that has a name.

Every value of every switch alone and in random pairs; all pairs with QSTASH_SYNC_FULL=1.
"""

import functools
import itertools
import json
import os
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qstash_sync import local
from qstash_sync.applying import proposal
from qstash_sync.applying.outcomes import Outcome, Status
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.model.resources import Desired
from tests.fault_server import FaultServer
from tests.support import HEAD, Ran, World, cli, config, world as make_world

SEED = 20261123
PAIRS = 80  # of about a thousand
FULL = os.environ.get("QSTASH_SYNC_FULL") == "1"

# Every setting of every kind, within the free plan's limits.
FIRST = """
version: 1
namespace: billing
limits: {max_deletes: none, max_delete_percent: none}
owns: {url_groups: [g], queues: ['q*'], flow_controls: ['f*']}
defaults: {timezone: Europe/Berlin}
url_groups:
  g: {endpoints: ['https://u1.example.com', 'https://u2.example.com', {name: a, url: 'https://a.example.com'}, {name: b, url: 'https://b.example.com'}]}
queues: {q: {parallelism: 2}, q2: {parallelism: 1, paused: true}}
flow_controls: {f: {parallelism: 5, rate: 10, period: 1m}, f2: {parallelism: 1}, f3: {rate: 3, paused: true}}
schedules:
  all:
    cron: 0 9 * * 1-5
    destination: https://app.example.com/x?q=1
    method: PUT
    headers: {X-A: '1', X-B: '2', X-S: '${env.S}'}
    body: {type: daily, deep: {n: 1, l: [1, true]}}
    retries: 0
    retry_delay: 1000 * (1 + retried)
    timeout: 30s
    delay: 10s
    queue: q
    labels: [l1, l2]
    callback: {url: 'https://c.example.com', method: PUT, headers: {X-C: '${env.S}'}, retries: 2, timeout: 5s, retry_delay: '1'}
    failure_callback: {url: 'https://d.example.com', method: PUT, headers: {X-D: '1'}, retries: 2, timeout: 5s, retry_delay: '1'}
    flow_control: {key: f, parallelism: 5, rate: 10, period: 1m}
    redact: {headers: [X-B, X-S]}
  parts: {cron: 0 9 * * *, timezone: America/New_York, url_group: g, flow_control: {key: f2}, body_base64: /wA=}
  native: {cron: 30 12 * * *, timezone: Asia/Tokyo, dst: {strategy: native}, destination: 'https://app.example.com', redact: {body: true}, body: text}
  old: {cron: '*/15 * * * *', destination: 'https://app.example.com/old', headers: {X-A: '1'}, redact: {headers: true}, flow_control: {key: k, rate: 2}}
  mine: {cron: '@hourly', timezone: UTC, destination: 'https://app.example.com/mine', id: scd_mine, protect: false}
"""  # noqa: E501, RUF100 a file as people write it
SECOND = """
version: 1
namespace: billing
limits: {max_deletes: none, max_delete_percent: none}
owns: {url_groups: [g], queues: ['q*'], flow_controls: ['f*']}
defaults: {timezone: Europe/Berlin}
url_groups:
  g: {endpoints: ['https://u2.example.com', 'https://u3.example.com', {name: a, url: 'https://b.example.com'}, {name: c, url: 'https://a.example.com'}]}
queues: {q: {parallelism: 1, paused: true}, q2: {parallelism: 2, paused: false}}
flow_controls: {f: {parallelism: 6, rate: 11, period: 2m}, f2: {rate: 1}, f3: {rate: 3, paused: false}}
schedules:
  all:
    cron: ['0 10 * * 1-5', '30 11 1 * *']
    destination: https://app.example.com/y
    method: PATCH
    headers: {X-A: '2', X-C: '3', X-S: '${env.T}'}
    body: {type: weekly, deep: {n: true, l: [1]}}
    retries: 7
    retry_delay: 1000 * (2 + retried)
    timeout: 1m
    delay: 1h
    queue: q2
    labels: [l2]
    callback: {url: 'https://cc.example.com', method: GET, headers: {X-C: '${env.T}'}, retries: 0, timeout: 6s, retry_delay: '2'}
    failure_callback: {url: 'https://dd.example.com', headers: {X-E: '2'}}
    flow_control: {key: f2, parallelism: 6, rate: 12, period: 5s}
    redact: {headers: [X-C, X-S], body: true}
  parts: {cron: 0 9 * * *, timezone: UTC, destination: 'https://app.example.com/p', url_group: null, queue: q, body: '[1, 2]'}
  native: {cron: 30 12 * * *, timezone: Asia/Tokyo, url_group: g}
  new: {was: old, cron: '*/5 * * * *', destination: 'https://app.example.com/new', headers: {X-A: '1'}, dst: {strategy: follow}}
  mine: {cron: '@daily', timezone: UTC, destination: 'https://app.example.com/mine', id: scd_mine, protect: true}
"""
ENVIRON = {"S": "first-secret", "T": "second-secret"}
PAUSED = SECOND.replace("Europe/Berlin}", "Europe/Berlin, paused: true}")
RESUMED = SECOND.replace("Europe/Berlin}", "Europe/Berlin, paused: false}").replace(
    "protect: true", "protect: false"
)
NOTHING = (
    SECOND.partition("url_groups:\n")[0]
    + "url_groups: {}\nqueues: {}\nflow_controls: {}\nschedules: {}\n"
)

NAMED = {
    "labels_shown=none",
    "schedule_id_kept",
    "idle_pins_vanish",
    "pin_on_new_key",
    "next_time=wrong",
}


Pair = tuple[tuple[str, Any], ...]


def usual() -> list[tuple[str, Any]]:
    """Every alternative under which everything comes true."""
    found = Switches().alternatives()
    return [(n, v) for n, v in found if n not in NAMED and f"{n}={v}" not in NAMED]


def pairs() -> list[Pair]:
    every: list[Pair] = [
        (one, two) for one, two in itertools.combinations(usual(), 2) if one[0] != two[0]
    ]
    return every if FULL else random.Random(SEED).sample(every, PAIRS)


def name(pair: Pair) -> str:
    return "+".join(f"{n}={v}" for n, v in pair)


ALONE: list[Pair] = [(switch,) for switch in usual()]


@functools.cache
def desired(text: str) -> Desired:
    return config(text, ENVIRON).desired


def apply(world: World, text: str) -> tuple[Outcome, ...]:
    with world.client() as client:
        plan = proposal.propose(client, desired(text), now=world.now)
        assert not plan.errors, plan.errors
        return world.carry_out(client, desired(text), plan).outcomes


def settle(world: World, text: str) -> None:
    """Apply: everything is done; the plan is empty then, and a second apply writes nothing."""
    for outcome in apply(world, text):
        assert outcome.status is Status.DONE, outcome
    before = len(world.account.writes)
    assert apply(world, text) == ()
    assert len(world.account.writes) == before


def journey(switches: Switches) -> None:
    """Create all, change every setting, pause, resume, delete."""
    with make_world(switches) as world:
        for text in (FIRST, SECOND, PAUSED, RESUMED, NOTHING):
            settle(world, text)
            if text in (PAUSED, RESUMED):
                stored = world.account.store.all("schedule")
                assert {s["isPaused"] for s in stored} == {text is PAUSED}
        # An adopted one, whose id is not in the namespace, goes with its entry, too.
        assert not world.account.console.snapshot()["schedule"]
        assert world.account.store.count("queue") == world.account.store.count("topic") == 0


def test_the_files_change_every_setting() -> None:
    """What both files say alike is a name, or stands for a schedule's own identity."""
    one, two = (config(text, ENVIRON).desired.schedules for text in (FIRST, SECOND))
    first, second = ({s.name: s for s in found or ()}["all"] for found in (one, two))
    for name in first.message.__dataclass_fields__:
        assert getattr(first.message, name) != getattr(second.message, name), name
    assert first.timing != second.timing


@pytest.mark.parametrize("pair", ALONE, ids=name)
def test_under_every_switch_the_account_becomes_what_the_file_says(pair: Pair) -> None:
    journey(Switches().with_(**dict(pair)))


@pytest.mark.parametrize("pair", pairs(), ids=name)
def test_under_pairs_of_switches_the_account_becomes_what_the_file_says(pair: Pair) -> None:
    print(f"seed {SEED}")  # noqa: T201 pytest shows it with a failure
    journey(Switches().with_(**dict(pair)))


BURSTS = [{"burst_headers": False}, {"burst_reset_unit": "s"}, {"burst_reset_unit": "ms"}]


@pytest.mark.parametrize("more", BURSTS, ids=["no headers", "seconds", "milliseconds"])
def test_a_limit_of_a_few_requests_a_second_only_takes_time(more: dict[str, Any]) -> None:
    journey(Switches().with_(burst_limit=5, rate_headers=True, **more))


def test_what_is_written_fires_only_after_the_lag_and_no_verdict_is_wrong() -> None:
    """A schedule written within a minute of its firing says that it fires the next time."""
    text = HEAD + "schedules: {s: {cron: '* * * * *', destination: 'https://app.example.com'}}\n"
    for second in (0, 1, 30, 58, 59):
        for lag in (0, 60):
            with make_world(Switches().with_(activation_lag=lag)) as world:
                world.now = world.now.replace(second=second)
                settle(world, text)
                settle(world, text.replace("* * * * *", "*/2 * * * *"))


# Read-only tokens


@pytest.mark.parametrize("status", [401, 403])
def test_a_read_only_token_plans_and_its_apply_fails_in_every_change(status: int) -> None:
    account = FaultServer(switches=Switches().with_(read_only_write=status))
    with account, Served(account) as served:
        environ = {**ENVIRON, "QSTASH_URL": served.url, "QSTASH_TOKEN": LOCAL_READ_ONLY_TOKEN}
        before = account.console.snapshot()
        assert cli("plan", "-f", "-", stdin=FIRST, environ=environ).code == 0
        ran = cli("apply", "--yes", "-f", "-", "--format", "json", stdin=FIRST, environ=environ)
        assert ran.code == 4
        changes = json.loads(ran.out)["changes"]
        assert {change["outcome"] for change in changes} == {"failed", "blocked"}
        for change in changes:
            fact = "unable to authorize: read-only token; set a QSTASH_TOKEN that may write"
            refused = f"does not allow this: {fact}" in change["message"]
            assert "is it a" not in change["message"]  # QStash has said it
            assert refused or change["message"].startswith("needs ")
        assert account.console.snapshot() == before


# The results that have a name


@dataclass
class Site:
    """A file, an account on disk with some switches, and the command line on both."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    switches: Switches = field(default_factory=Switches)

    def run(self, text: str, *words: str) -> Ran:
        path = self.folder / "q.yaml"
        path.write_text(text)
        with self.monkeypatch.context() as patch:
            patch.setattr(
                local, "LocalQStash", functools.partial(FaultServer, switches=self.switches)
            )
            at = ("-f", str(path), f"--local={self.folder / 'a.db'}", "--now", "2026-11-23T12:00Z")
            return cli(*words, *at, environ=ENVIRON)

    def apply(self, text: str, *words: str) -> tuple[Ran, dict[str, Any]]:
        """Both formats, the one of people on a plan only; the parsed outcome."""
        ran = self.run(text, "apply", "--yes", "--format", "json", *words)
        return ran, json.loads(ran.out)

    def outcomes(self, text: str, *words: str) -> tuple[int, dict[str, tuple[str, str]]]:
        ran, data = self.apply(text, *words)
        return ran.code, {c["name"]: (c["outcome"], c["message"]) for c in data["changes"]}

    def snapshot(self) -> dict[str, Any]:
        with FaultServer(self.folder / "a.db") as server:
            return server.console.snapshot()

    def tick(self, schedule_id: str) -> None:
        with FaultServer(self.folder / "a.db") as server:
            server.console.tick(schedule_id)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def others(seed: int, count: int = 3) -> list[dict[str, Any]]:
    """Nothing, and a few other switches to go with a named one."""
    return [{}, *(dict([switch]) for switch in random.Random(seed).sample(usual(), count))]


KEYS = """
version: 1
namespace: billing
defaults: {timezone: UTC}
flow_controls: {f: {parallelism: 2, rate: 10}, idle: {rate: 1}}
schedules:
  user: {cron: 0 9 * * *, destination: 'https://app.example.com', flow_control: {key: f}}
"""


@pytest.mark.parametrize("more", others(SEED), ids=str)
def test_a_pin_on_a_key_that_is_not_known_yet_waits_for_its_first_use(
    site: Site, more: dict[str, Any]
) -> None:
    """The schedule that brings the key into being does not wait for the pin."""
    site.switches = Switches().with_(pin_on_new_key=404, **more)
    code, outcomes = site.outcomes(KEYS)
    assert code == 4
    assert outcomes["user"] == ("done", "")
    for key in ("f", "idle"):
        status, message = outcomes[key]
        assert status == "failed"
        assert message.startswith("waits for its first use: QStash does not know this key yet")
    before = site.snapshot()
    code, outcomes = site.outcomes(KEYS)
    assert (code, set(outcomes)) == (4, {"f", "idle"})
    assert site.snapshot() == before
    site.tick("billing.user")
    code, outcomes = site.outcomes(KEYS)
    assert (code, outcomes["f"][0], outcomes["idle"][0]) == (4, "done", "failed")
    known = KEYS.replace(", idle: {rate: 1}", "")
    assert site.run(known, "plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("more", others(SEED + 1), ids=str)
def test_a_pin_that_is_forgotten_is_told_and_nothing_is_doubled_by_running_again(
    site: Site, more: dict[str, Any]
) -> None:
    site.switches = Switches().with_(idle_pins_vanish=True, **more)
    for run in range(3):
        code, outcomes = site.outcomes(KEYS)
        assert code == 4
        assert set(outcomes) == ({"f", "idle", "user"} if run == 0 else {"f", "idle"})
        for key in ("f", "idle"):
            assert outcomes[key] == (
                "unverified",
                "written, but QStash does not list the key: it forgets pins of keys not in use",
            )
        assert len(site.snapshot()["flow"]) == 2
        assert len(site.snapshot()["schedule"]) == 1
    site.tick("billing.user")
    assert {name for name, _ in site.outcomes(KEYS)[1].items()} == {"idle"}


@pytest.mark.parametrize("more", others(SEED + 2), ids=str)
def test_without_labels_nothing_can_be_verified_and_nothing_is_written_twice(
    site: Site, more: dict[str, Any]
) -> None:
    site.switches = Switches().with_(labels_shown="none", **more)
    code, outcomes = site.outcomes(FIRST)
    assert code == 4
    names = {"all", "parts", "native", "old"}
    unmarked = {name for name, (status, _) in outcomes.items() if status != "done"}
    assert unmarked > names  # what is adopted by its id needs a mark as well
    for name in unmarked:
        status, message = outcomes[name]
        assert status == "unverified"
        assert message.startswith("cannot verify: no labels")
    before = site.snapshot()
    for text in (FIRST, SECOND.replace("was: old, ", "").replace("new:", "old:")):
        ran, data = site.apply(text)
        assert ran.code == 4
        refused = {c["name"]: c["message"] for c in data["changes"] if c["outcome"] == "refused"}
        assert set(refused) == names
        for name, message in refused.items():
            assert f"billing.{name} has no mark of ours, nor any label" in message
            assert "QStash shows no labels" in message
            assert f"--adopt {name}" in message
        found = site.snapshot()["schedule"]
        ours = [i for i in found if i.startswith("billing.")]
        assert {i: found[i] for i in ours} == {
            i: s for i, s in before["schedule"].items() if i.startswith("billing.")
        }
    code, outcomes = site.outcomes(FIRST, "--adopt", "*")
    assert code == 4
    assert {outcomes[name][0] for name in names} == {"unverified"}
    assert set(site.snapshot()["schedule"]) == set(before["schedule"])
    gone = site.run(NOTHING, "apply", "--yes", "--format", "json")
    assert not [c for c in json.loads(gone.out)["changes"] if c["kind"] == "schedule"]
    site.switches = Switches()  # QStash shows them again: as if nothing had been
    site.outcomes(FIRST)
    assert site.run(FIRST, "plan", "--detailed-exitcode").code == 0
    assert set(site.snapshot()["schedule"]) == set(before["schedule"])


@pytest.mark.parametrize("more", others(SEED + 3), ids=str)
def test_a_next_firing_that_is_none_of_ours_is_unverified_with_the_facts(
    site: Site, more: dict[str, Any]
) -> None:
    site.switches = Switches().with_(next_time="wrong", **more)
    ran = site.run(FIRST, "apply", "--yes")
    assert ran.code == 4
    facts = ran.out.partition("--- for a bug report ---")[2].splitlines()
    assert "unverified create schedule all: QStash says that billing.all fires next at" in ran.out
    for line in (
        "schedule all: written 2026-11-23T12:00:00Z, read 2026-11-23T12:00:00Z",
        "schedule all: sent billing.all: cron ",
        "schedule all: read billing.all: cron ",
    ):
        assert any(fact.startswith(line) for fact in facts), facts
    assert any(re.search(r", next 20\d\d-\d\d-\d\dT[\d:]+Z, active$", fact) for fact in facts)
    assert any(f.startswith("schedule all: why: QStash says that billing.all fires") for f in facts)
    for secret in ENVIRON.values():
        assert secret not in ran.text
    # Nor a digest from which a short one could be guessed, in any format.
    labels = [mark for part in site.snapshot()["schedule"].values() for mark in part["labels"]]
    digests = [
        d for label in labels for d in re.findall(r"(?<=-)[0-9a-f]{12}", label) if int(d, 16)
    ]
    assert digests
    assert not [digest for digest in digests if digest in ran.text]
    assert any("its mark as sent" in fact for fact in facts)
    before = site.snapshot()
    assert site.run(FIRST, "plan", "--detailed-exitcode").code == 0
    assert site.run(FIRST, "apply", "--yes").code == 0
    assert site.snapshot() == before
