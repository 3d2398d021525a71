"""Where the commands of a page begin: the folder, the account and the variables that they find."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import qstash

from qstash_sync.local import LOCAL_TOKEN, LocalQStash
from qstash_sync.local.serve import Served
from tests.adopt.accounts import Grown
from tests.cli.test_init import VERCEL
from tests.docs.pages import ROOT
from tests.fault_server import FaultServer
from tests.support import World

ACCOUNT = "account.db"

JOBS = (
    ("daily-report", "0 9 * * 1-5"), ("cleanup", "*/30 * * * *"), ("digest", "CRON_TZ=Europe/Berlin 0 7 * * *"),
    ("sync?token=tok-4711-secret", "0 * * * *"), ("invoices", "0 0 1 * *"),
)  # fmt: skip


def by_the_sdk(world: World) -> None:
    """What five deploys of a script leave behind, and a hand in the console."""
    with LocalQStash(ACCOUNT, clock=world.time) as account, Served(account) as served:
        sdk = qstash.QStash(token=LOCAL_TOKEN, base_url=served.url)
        sdk.url_group.upsert_endpoints(
            "alerts", [{"name": "mail", "url": "https://app.acme.com/api/alerts/mail"}]
        )
        ids: list[str] = []
        for _ in range(5):
            for name, cron in JOBS:
                world.sleep(60)
                made = sdk.schedule.create_json(
                    destination=f"https://app.acme.com/api/cron/{name}",
                    cron=cron,
                    body={"job": name.partition("?")[0]},
                    headers={"authorization": "Bearer cron-secret-4711"},
                    retries=5 if name == "invoices" else None,
                )
                ids.append(made)
        sdk.schedule.pause(ids[6])
        sdk.http._client.close()


def vercel(_: World) -> None:
    """The file, and the secret that its jobs are sent."""
    crons = ",\n    ".join(json.dumps(cron) for cron in VERCEL["crons"])
    Path("vercel.json").write_text(f'{{\n  "crons": [\n    {crons}\n  ]\n}}\n')
    Path(".env").write_text("CRON_SECRET=cron-secret-4711\n")
    LocalQStash(ACCOUNT).close()


def terraform(world: World) -> None:
    """Three schedules and a topic, and the state that made them."""
    jobs = (("nightly", "0 2 * * *"), ("hourly_sync", "0 * * * *"), ("digest", "0 7 * * 1"))
    resources = []
    with LocalQStash(ACCOUNT, clock=world.time) as account, Served(account) as served:
        sdk = qstash.QStash(token=LOCAL_TOKEN, base_url=served.url)
        sdk.url_group.upsert_endpoints(
            "orders", [{"name": "erp", "url": "https://erp.acme.com/in"}]
        )
        found = {
            name: sdk.schedule.create(destination=f"https://shop.acme.com/{name}", cron=cron)
            for name, cron in jobs
        }
        sdk.http._client.close()
    for name, schedule_id in found.items():
        attributes = {"schedule_id": schedule_id, "destination": f"https://shop.acme.com/{name}"}
        resources.append(
            {
                "mode": "managed",
                "type": "upstash_qstash_schedule_v2",
                "name": name,
                "instances": [{"attributes": attributes}],
            }
        )
    topic = {"attributes": {"name": "orders"}}
    resources.append(
        {
            "mode": "managed",
            "type": "upstash_qstash_topic_v2",
            "name": "orders",
            "instances": [topic],
        }
    )
    Path("terraform.tfstate").write_text(
        json.dumps({"version": 4, "resources": resources}, indent=2)
    )


CRONTAB = """\
CRON_TZ=Europe/Berlin
# m h dom mon dow command
*/10 * * * * curl -fsS https://app.acme.com/api/cron/cleanup
30 2 * * *   curl -fsS -X POST -H "Authorization: Bearer $CRON_SECRET" https://app.acme.com/api/cron/backup
0 4 * * 0    /usr/local/bin/rotate-logs
"""


def crontab(_: World) -> None:
    """A crontab that calls an application, and does something of its own."""
    Path("crontab").write_text(CRONTAB)
    Path(".env").write_text("CRON_SECRET=cron-secret-4711\n")
    LocalQStash(ACCOUNT).close()


def empty(_: World) -> None:
    """Nothing at all."""
    LocalQStash(ACCOUNT).close()


def with_a_digest(world: World) -> None:
    """What two deploys of a script and somebody in the console have left behind."""
    app, as_json = "https://app.example.com", {"Content-Type": "application/json"}
    world.account = FaultServer(Path(ACCOUNT), clock=world.time)
    grown = Grown(world, random.Random(1))
    endpoints = [
        {"name": "stock", "url": "https://stock.example.com/in"},
        {"name": "alerts", "url": "https://hooks.slack.com/services/T0/B0/zzz"},
    ]
    grown.request("POST", "/v2/topics/orders/endpoints", json={"endpoints": endpoints})
    common = {"Upstash-Forward-Authorization": "Bearer secret-4711", **as_json}
    report = f"{app}/api/cron/daily-report", "0 9 * * 1-5", b'{"type":"daily"}'
    digest = f"{app}/api/cron/digest", "CRON_TZ=Europe/Berlin 0 7 * * *", b'{"to":"everybody"}'
    sync = f"{app}/api/cron/sync", "*/15 * * * *", b""
    for schedule_id, (destination, cron, body), more in (
        ("scd_4hNwT1", report, common),
        ("scd_Zk81vW", digest, {**common, "Upstash-Redact-Fields": "body"}),
        ("scd_b2RtYu", sync, {**common, "Upstash-Retries": "5"}),
        ("scd_9QpLm3", report, common),
        ("scd_m5XcEe", ("orders", "@hourly", b""), {}),
        ("scd_w0JdKs", (f"{app}/ping", "@every 90m", b""), {}),
    ):
        grown.put(destination, cron, body, {**more, "Upstash-Schedule-Id": schedule_id})
    world.account.close()


def in_a_clone(_: World) -> None:
    """A clone of this repository, as far as its examples go, and an empty account."""
    shutil.copytree(ROOT / "examples", "examples")
    LocalQStash(ACCOUNT).close()


def grown_by_hand(world: World) -> None:
    """Beside ours: a queue that waits, and a schedule that somebody made in the console."""
    with LocalQStash(ACCOUNT, clock=world.time) as account, Served(account) as served:
        sdk = qstash.QStash(token=LOCAL_TOKEN, base_url=served.url)
        sdk.queue.upsert("legacy-images", parallelism=2)
        sdk.schedule.create(destination="https://old.example.com/ping", cron="0 4 * * *")
        sdk.http._client.close()


# Where a page, or a heading of it, begins; what is not named begins in an empty folder.
SCENES: dict[str, Callable[[World], None]] = {
    "README.md": in_a_clone,
    "adopt.md": by_the_sdk,
    "import.md": with_a_digest,
    "vercel.md": vercel,
    "terraform.md": terraform,
    "scripts.md": crontab,
    "environments.md": in_a_clone,
    "plan.md": grown_by_hand,
}
# Of these each ends, after so many commands at most, with an empty drift.
STORIES = {"adopt.md": 5, "vercel.md": 5, "terraform.md": 5, "start.md": 9}
