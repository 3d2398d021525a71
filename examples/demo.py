"""The demo: plan, apply, plan again, a change made by hand, and the plan that finds it."""

import subprocess
import sys
from pathlib import Path

from qstash_sync.local import LocalQStash

ROOT = Path(__file__).resolve().parent.parent
FILE = "examples/quickstart"
ACCOUNT = ROOT / ".qstash-demo.db"  # it stays, for who goes on


def say(text: str) -> None:
    """A line of the story."""
    print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def run(*words: str) -> None:
    """Show a command as a person would type it, and run it."""
    given = [*words, f"--local={ACCOUNT.name}", "-f", FILE]
    print(f"$ qstash-sync {' '.join(given)}", flush=True)
    command = [sys.executable, "-m", "qstash_sync", *given]
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603 our own program


def main() -> None:
    """Tell the story on an account of its own, from the start."""
    for path in ROOT.glob(f"{ACCOUNT.name}*"):
        path.unlink()
    LocalQStash(ACCOUNT).close()
    say("A YAML file declares what the account should hold. What is missing?")
    run("plan")
    say("Make it so. The account is a QStash kept in a file: no token, no network.")
    run("apply", "--yes")
    say("A second look: nothing left to do.")
    run("plan")
    say("Meanwhile somebody edits a cron and pauses a schedule in the console ...")
    with LocalQStash(ACCOUNT) as console:
        edited = console.store.get("schedule", "quickstart.daily-report") or {}
        console.store.put("schedule", edited["scheduleId"], {**edited, "cron": "0 6 * * 1-5"})
        paused = console.store.get("schedule", "quickstart.summaries") or {}
        console.store.put("schedule", paused["scheduleId"], {**paused, "isPaused": True})
    say("... and the next plan says so. The pause stays: the file leaves it open.")
    run("plan")
    say("Your turn: edit examples/quickstart/qstash.yaml, then run")
    print(f"$ .venv/bin/qstash-sync plan --local={ACCOUNT.name} -f {FILE}")


if __name__ == "__main__":
    main()
