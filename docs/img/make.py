"""The pictures of the README and the pages, made by the tool itself: `python docs/img/make.py`.

Needs Debian's `chromium`; draws what the commands print for an example account, at a fixed time.
"""

import base64
import contextlib
import html
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

from qstash_sync.cli import session
from qstash_sync.cli.main import run

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.chromium import Browser, browser

HERE = Path(__file__).parent
_HIGHEST = 1_500  # pixels
NOW = "2027-03-22T09:00Z"
BEFORE = """\
version: 1
namespace: billing
limits: {plan: payg}
defaults: {base_url: https://app.example.com, timezone: America/New_York, retries: 2,
  failure_callback: /failed}
schedules:
  report: {cron: "0 9 * * 1-5", destination: /cron/report, owner: team-billing}
  nightly: {cron: "30 2 * * *", timezone: Europe/Berlin, destination: /cron/nightly}
  sync: {cron: "*/30 8-18 * * 1-5", destination: /cron/sync, retries: 5, retry_delay: '1000'}
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
_COMMENT = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 24px 28px; font: 15px/1.5 "DejaVu Sans", sans-serif; color: #1f2328 }}
h2 {{ border-bottom: 1px solid #d1d9e0; padding-bottom: 6px }} h3 {{ margin: 18px 0 6px }}
pre {{ background: #f6f8fa; padding: 12px; border-radius: 6px; font: 13px/1.45 "DejaVu Sans Mono" }}
pre span {{ display: block }} summary {{ cursor: pointer; margin: 8px 0 }}
.minus {{ background: #ffebe9; color: #82071e }} .plus {{ background: #dafbe1; color: #116329 }}
.change {{ color: #953800 }} code {{ background: #eff1f3; padding: 1px 4px; border-radius: 4px }}
</style>{text}"""


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


def comment(markdown: str) -> str:
    """The comment as a reader of it sees it: the little of Markdown that there is in one."""
    shown, fenced = [], False
    for line in markdown.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            shown.append("<pre>" if fenced else "</pre>")
        elif fenced:
            colour = {"-": "minus", "+": "plus", "!": "change"}.get(line[:1], "")
            shown.append(f'<span class="{colour}">{html.escape(line)}</span>')
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            shown.append(f"<h{level}>{html.escape(line.lstrip('# '))}</h{level}>")
        elif line.startswith(("<details>", "</details>")):
            shown.append(line)
        elif line and not line.startswith("<!--"):
            text = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(line))
            shown.append("<p>" + re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text) + "</p>")
    return _COMMENT.format(
        text="\n".join(shown).replace("<pre>\n", "<pre>").replace("</span>\n", "</span>")
    )


def shot(tab: Browser, page: Path, name: str, width: int, *, dark: bool = False) -> None:
    """A picture of a page, of its first screens where it is long."""
    tab.open(page, width=width, dark=dark)
    height = min(tab.value("document.documentElement.scrollHeight"), _HIGHEST)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    found = tab.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    (HERE / f"{name}.png").write_bytes(base64.b64decode(found["data"]))


def main() -> None:
    """Make them all."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder = Path(name)
        (folder / "qstash.yaml").write_text(BEFORE)
        local = "--local=account.db"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run(["apply", "--yes", local, "--now", NOW])
        (folder / "qstash.yaml").write_text(AFTER)
        (folder / "base.yaml").write_text(BEFORE)
        outputs = ["--output", "markdown=plan.md", "--output", "html=plan.html"]
        pages = {
            "plan-80": (as_html(printed("plan", local, *outputs, columns=80)), 780),
            "plan-160": (as_html(printed("plan", local, columns=160)), 1_500),
            "explain-80": (as_html(printed(*EXPLAIN, local, columns=80)), 780),
            "next-80": (as_html(printed(*NEXT, columns=80)), 780),
            "comment": (comment((folder / "plan.md").read_text()), 900),
        }
        with browser(chromium, folder / "profile") as tab:
            for picture, (text, width) in pages.items():
                page = folder / f"{picture}.html"
                page.write_text(text)
                shot(tab, page, picture, width)
            for scheme in ("light", "dark"):
                for device, width in (("desk", 1_000), ("phone", 360)):
                    shot(
                        tab,
                        folder / "plan.html",
                        f"page-{device}-{scheme}",
                        width,
                        dark=scheme == "dark",
                    )


if __name__ == "__main__":
    main()
