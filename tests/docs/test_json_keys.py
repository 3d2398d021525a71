"""The keys of `--format json` that a page names are in the documents."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS
from tests.support import cli

FILE = """\
version: 1
namespace: billing
defaults: {timezone: America/New_York, base_url: https://app.example.com}
queues: {images: {parallelism: 1}}
schedules:
  report: {cron: 0 9 * * 1-5, destination: /report}
"""
CASES = {
    ("plan.md", "plan"): "format_version summary changes kind name id action reason fields path before after"
    " warnings errors requests read write managed unmanaged",
    ("plan.md", "plan of a delete"): "takes crons local destination paused next_firing",
    ("plan.md", "apply"): "outcome",
    ("plan.md", "import"): "text summary variables left",
    ("plan.md", "a wrong file"): "errors code message file line column",
    ("drift.md", "drift"): "status kind name grade facts code message differences",
    ("doctor.md", "doctor"): "checks subject status message hint summary requests",
    ("saved-plans.md", "plan --save"): "saved",
    ("saved-plans.md", "the saved plan"): "kind format_version now tzdata account options changes checksum",
}  # fmt: skip


def keys(value: Any) -> Iterator[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One document of each command, from a first file to a schedule that leaves it."""
    folder = tmp_path_factory.mktemp("documents")
    path, account = folder / "q.yaml", f"--local={folder / 'a.db'}"
    now = ("--now", "2026-11-25T12:00Z", "--format", "json")

    def run(*words: str) -> Any:
        return json.loads(cli(*words, "-f", str(path), account, *now).out)

    path.write_text(FILE)
    saved = folder / "plan.json"
    found = {"plan": run("plan"), "plan --save": run("plan", "--save", str(saved))}
    found["the saved plan"] = json.loads(Path(saved).read_text())
    found["apply"] = run("apply", "--yes")
    found["doctor"] = run("doctor")
    imported = cli("import", "--namespace", "billing", account, *now)
    found["import"] = json.loads(imported.out)
    cli("pause", "report", "-f", str(path), account)
    found["drift"] = run("drift")
    path.write_text(FILE.partition("  report")[0].replace("schedules:", "schedules: {}"))
    found["plan of a delete"] = run("plan")
    path.write_text(FILE.replace("0 9", "0 99"))
    found["a wrong file"] = run("plan")
    return found


@pytest.mark.parametrize(("page", "what"), CASES, ids=str)
def test_a_document_has_the_keys_that_its_page_names(
    page: str, what: str, documents: dict[str, Any]
) -> None:
    text = (DOCS / page).read_text()
    there = set(keys(documents[what]))
    for key in CASES[page, what].split():
        assert f"`{key}`" in text, key
        assert key in there, (key, sorted(there))
