"""The pictures of the README and the pages, made by the tool itself: `python docs/img/make.py`.

Needs Debian's `chromium`; draws what the commands print for an example account, at a fixed time.
"""

import contextlib
import html
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from qstash_sync.cli import session
from qstash_sync.cli.main import run

HERE = Path(__file__).parent
NOW = "2027-03-22T09:00Z"
BEFORE = """\
version: 1
namespace: billing
limits: {plan: payg}
defaults: {base_url: https://app.example.com, timezone: America/New_York}
schedules:
  report: {cron: "0 9 * * 1-5", destination: /cron/report, owner: team-billing}
  nightly: {cron: "30 2 * * *", timezone: Europe/Berlin, destination: /cron/nightly}
  sync: {cron: "*/30 8-18 * * 1-5", destination: /cron/sync, retries: 5}
  digest: {cron: "0 7 * * 1", timezone: Europe/Berlin, destination: /cron/digest}
  cleanup: {cron: "0 3 * * *", timezone: UTC, destination: /cron/cleanup}
queues:
  images: {parallelism: 2}
"""
AFTER = (
    BEFORE.replace('"0 9 * * 1-5"', '"30 9 * * 1-5"')
    .replace("retries: 5", "retries: 3")
    .replace('  cleanup: {cron: "0 3 * * *", timezone: UTC, destination: /cron/cleanup}\n', "")
    .replace("  digest:", '  invoices: {cron: "0 8 1 * *", destination: /cron/invoices}\n  digest:')
    .replace("parallelism: 2", "parallelism: 3")
)
EXPLAIN = ("explain", "nightly", "--at", "2027-03-28 02:30")
NEXT = ("next", "--hours", "150", "--name", "nightly", "--name", "digest")
_COLOURS = {"31": "#e5534b", "32": "#57ab5a", "33": "#c69026", "1": "bold", "2": "dim"}
_TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #1c2128; color: #cdd9e5 }}
pre {{ font: 15px/1.35 "DejaVu Sans Mono", monospace; margin: 18px 22px }}
.bold {{ font-weight: 700 }} .dim {{ opacity: .65 }}
</style><pre>{text}</pre>"""


def printed(*words: str, columns: int) -> str:
    """What a command prints on a terminal of so many columns, colours and all."""
    out = io.StringIO()
    columns_and_lines = os.terminal_size((columns, 24))
    size = mock.patch.object(shutil, "get_terminal_size", return_value=columns_and_lines)
    terminal = mock.patch.object(session.streams, "is_terminal", return_value=True)
    quiet = contextlib.redirect_stderr(io.StringIO())
    with contextlib.redirect_stdout(out), quiet, size, terminal:
        run([*words, "--now", NOW, "--color", "always"])
    return out.getvalue()


def as_html(text: str) -> str:
    """A terminal's colours as spans."""

    def span(found: re.Match[str]) -> str:
        codes = found[1].split(";")
        classes = " ".join(_COLOURS[code] for code in codes if code in ("1", "2"))
        colour = next((f"color:{_COLOURS[c]}" for c in codes if c.startswith("3")), "")
        return f'<span class="{classes}" style="{colour}">'

    shown = html.escape(text)
    shown = re.sub("\x1b\\[0m", "</span>", shown)
    return _TERMINAL.format(text=re.sub("\x1b\\[([\\d;]+)m", span, shown))


def shot(page: Path, name: str, width: int, height: int, *, dark: bool = False) -> None:
    """A picture of a page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options += ["--force-dark-mode", "--enable-features=WebContentsForceDark"] * 0
    options += ["--blink-settings=preferredColorScheme=0"] * dark
    target = HERE / f"{name}.png"
    command = [chromium, *options, f"--window-size={width},{height}", f"--screenshot={target}"]
    subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=120)


def main() -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name)
        (folder / "qstash.yaml").write_text(BEFORE)
        local = "--local=account.db"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run(["apply", "--yes", local, "--now", NOW])
        (folder / "qstash.yaml").write_text(AFTER)
        pages = {
            "plan-80": (printed("plan", local, columns=80), 780),
            "plan-160": (printed("plan", local, columns=160), 1_500),
            "explain-80": (printed(*EXPLAIN, local, columns=80), 780),
            "next-80": (printed(*NEXT, columns=80), 780),
        }
        for picture, (text, width) in pages.items():
            page = folder / f"{picture}.html"
            page.write_text(as_html(text))
            lines = text.count("\n")
            shot(page, picture, width, 36 + 21 * lines)


if __name__ == "__main__":
    main()
