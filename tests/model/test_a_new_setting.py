"""A made-up setting of QStash comes in by exactly the files that CONTRIBUTING.md names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qstash_sync.local.store import Store

ROOT = Path(__file__).parents[2]
# One text edit a file: what stands before it, and what is written behind that.
EDITS = {
    "qstash_sync/model/settings_table.py": (
        "MESSAGE = (\n",
        '    Setting(key="priority", header="Upstash-Priority", json="priority"),\n',
    ),
    "qstash_sync/model/resources.py": (
        "    delay: int = 0  # seconds\n    callback",
        "    priority: str | None = None\n    callback",
    ),
    "qstash_sync/config/schema.py": (
        '    delay: types.Delay | None = optional("How long after the firing it is delivered.", "10s")\n',
        '    priority: str | None = optional("How urgent it is.", "high")\n',
    ),
    "qstash_sync/local/settings.py": (
        '    "Upstash-Retry-Delay": "retryDelayExpression",\n',
        '    "Upstash-Priority": "priority",\n',
    ),
}  # fmt: skip
FILE = """\
version: 1
namespace: billing
defaults: {timezone: UTC, priority: low}
lint: {disable: [no_failure_callback, default_retries, no_timeout]}
schedules:
  a: {cron: 0 9 * * *, destination: 'https://e.example.com/x', priority: high}
  b: {cron: 0 9 * * *, destination: 'https://e.example.com/y'}
"""


class Copy:
    """The package with one more setting, and a folder to use it in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "qstash_sync", folder / "qstash_sync")
        for name, (before, added) in EDITS.items():
            file = folder / name
            text = file.read_text()
            anchor = before.split("    callback")[0]
            assert text.count(before) == 1, f"{name}: {before!r} is not there once"
            file.write_text(text.replace(anchor, anchor + added.split("    callback")[0], 1))
        (folder / "q.yaml").write_text(FILE)

    def run(self, *words: str, file: bool = True) -> tuple[int, str]:
        """A command line of the copy; its exit code and what it printed."""
        ran = subprocess.run(
            [sys.executable, "-m", "qstash_sync", *words, *["-f", "q.yaml"] * file],
            cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
        )  # fmt: skip
        return ran.returncode, ran.stdout + ran.stderr

    def edit(self, schedule_id: str, **changes: str) -> None:
        """Somebody's hand in the account."""
        store = Store(self.folder / "a.db")
        stored = store.get("schedule", schedule_id)
        assert stored is not None
        store.put("schedule", schedule_id, {**stored, **changes})
        store.close()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


def test_it_is_checked_sent_read_back_compared_and_told(copy: Copy) -> None:
    assert copy.run("validate") == (0, "Valid: 1 file.\n")
    code, page = copy.run("apply", "--yes", "--local=a.db")
    assert code == 0, page
    assert "priority             high" in page
    code, page = copy.run("plan", "--local=a.db")
    assert (code, page.startswith("No changes")) == (0, True), page
    copy.edit("billing.a", priority="none")
    code, page = copy.run("plan", "--local=a.db")
    assert "priority             none -> high" in page
    assert "changed outside" in page
    code, page = copy.run("plan", "--local=a.db", "--ignore", "schedules.a.priority")
    assert (code, page.startswith("No changes")) == (0, True), page


def test_it_is_imported(copy: Copy) -> None:
    assert copy.run("apply", "--yes", "--local=b.db")[0] == 0
    words = ("import", "--namespace", "billing", "--local=b.db")
    ran = copy.run(*words, file=False)
    assert ran[0] == 0, ran[1]
    assert '  a:\n    cron: "0 9 * * *"\n    timezone: UTC\n' in ran[1]
    assert "    priority: high\n" in ran[1]


def test_the_guide_names_these_files_and_no_other() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    section = guide.split("## A new setting of QStash")[1].split("\n## ")[0]
    assert set(re.findall(r"`(qstash_sync/[\w/]+\.py)`", section)) == set(EDITS)
