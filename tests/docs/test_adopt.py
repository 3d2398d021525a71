"""`docs/adopt.md`: each story from its first command to an empty drift, as it is printed there.

QSTASH_SYNC_DOCS=write puts what the commands print today into the page; then read the diff.
"""

import json
import os
import random
import re
import shlex
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import qstash

from qstash_sync.local import LOCAL_TOKEN, LocalQStash
from qstash_sync.local.serve import Served
from tests.cli.test_init import VERCEL
from tests.support import World, cli

PAGE = Path(__file__).parents[2] / "docs" / "adopt.md"
NOW = "2026-11-25T12:00Z"
LOCAL = "--local=account.db"
STORY = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"(?<=```console\n)\$ (.+)\n((?:.*\n)*?)(?=```)")
MOST = 5  # commands from nothing to an empty drift

JOBS = (
    ("daily-report", "0 9 * * 1-5"), ("cleanup", "*/30 * * * *"), ("digest", "CRON_TZ=Europe/Berlin 0 7 * * *"),
    ("sync?token=tok-4711-secret", "0 * * * *"), ("invoices", "0 0 1 * *"),
)  # fmt: skip


def by_the_sdk(world: World) -> None:
    """What five deploys of a script leave behind, and a hand in the console."""
    with LocalQStash("account.db", clock=world.time) as account, Served(account) as served:
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
    LocalQStash("account.db").close()


def terraform(world: World) -> None:
    """Three schedules and a topic, and the state that made them."""
    jobs = (("nightly", "0 2 * * *"), ("hourly_sync", "0 * * * *"), ("digest", "0 7 * * 1"))
    resources = []
    with LocalQStash("account.db", clock=world.time) as account, Served(account) as served:
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


def empty(_: World) -> None:
    """Nothing at all."""
    LocalQStash("account.db").close()


STORIES: dict[str, Callable[[World], None]] = {
    "An account that grew by hand": by_the_sdk,
    "A `vercel.json` with eight crons": vercel,
    "A Terraform state": terraform,
    "An empty directory": empty,
}


def printed(command: str) -> str:
    """What a command of the page prints, on both streams, the result first."""
    program, *words = shlex.split(command)
    if program == "cat":
        return Path(words[0]).read_text()
    assert program == "qstash-sync"
    more = [] if words[0] == "init" else [LOCAL, "--now", NOW]
    ran = cli(*words, *more)
    assert ran.code == 0, ran.text
    told = "".join(
        sorted(ran.err.splitlines(keepends=True), key=lambda line: line[:4] == "done" and line)
    )
    return ran.out + (told if words[0] != "apply" else "")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and ids that are the same on every run."""
    monkeypatch.chdir(tmp_path)
    choice = random.Random(1).choice
    monkeypatch.setattr("qstash_sync.local.schedules.secrets.choice", choice)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("story", STORIES)
def test_the_page_shows_what_is_printed(story: str) -> None:
    text = PAGE.read_text()
    (at,) = [found.end() for found in STORY.finditer(text) if found[1] == story]
    end = next((found.start() for found in STORY.finditer(text, at)), len(text))
    STORIES[story](World(now=datetime.fromisoformat(NOW)))
    count = 0

    def run(block: re.Match[str]) -> str:
        nonlocal count
        count += block[1].startswith("qstash-sync")
        return f"$ {block[1]}\n{printed(block[1])}"

    told = BLOCK.sub(run, text[at:end])
    assert 0 < count <= MOST
    assert "No differences" in told
    assert "secret-4711" not in told and "tok-4711" not in told
    if os.environ.get("QSTASH_SYNC_DOCS") == "write":
        PAGE.write_text(text[:at] + told + text[end:])
        return
    assert told == text[at:end]


def test_every_story_of_the_page_is_run() -> None:
    assert STORY.findall(PAGE.read_text()) == list(STORIES)
