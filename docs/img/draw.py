"""The drawing of docs/local-time.md: `python docs/img/draw.py` writes it, `… FILE` elsewhere.

What it shows is compiled by the tool itself, at two fixed times; a test compares it.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qstash_sync.crons.bitmaps import Span, instants
from qstash_sync.crons.compile import Compilation, compile_job
from qstash_sync.crons.firings import Job, wanted
from qstash_sync.crons.grammar import parse
from qstash_sync.crons.zones import zone

HERE = Path(__file__).parent
ZONE = "America/New_York"
JOB = Job((parse("0 9 * * *"),), ZONE)
FIRST = datetime(2026, 11, 22, tzinfo=UTC)
DAYS = 365
DAY = timedelta(days=1)
LEFT, WIDTH, PER_DAY = 250, 1010, 2
ROW, BAR = 24, 14  # from one row to the next, and the height of a bar
STYLE = """
svg { background: #fff; font: 13px ui-monospace, "DejaVu Sans Mono", monospace }
text { fill: #1f2328 } .dim { fill: #59636e } .title { font-weight: 700 }
.grid { stroke: #d1d9e0 } .change { stroke: #bc4c00; stroke-dasharray: 5 4 } .said { fill: #bc4c00 }
.winter { fill: #0969da } .summer { fill: #bf8700 } .late { opacity: .22 }
.end { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 } text { fill: #e6edf3 } .dim { fill: #9198a1 }
  .grid { stroke: #3d444d } .change { stroke: #f0883e } .said { fill: #f0883e }
  .winter { fill: #4493f8 } .summer { fill: #d29922 } .end { stroke: #e6edf3 }
}"""


def x_of(at: datetime) -> int:
    """Where an instant is, from the left."""
    return LEFT + round((at - FIRST) / DAY * PER_DAY)


def text(x: int, y: int, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words at a place."""
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def line(at: datetime, top: int, bottom: int, kind: str) -> str:
    """A vertical line at an instant."""
    x = x_of(at)
    return f'<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" class="{kind}"/>'


def group(title: str, found: Compilation, since: datetime, top: int) -> Iterator[str]:
    """The parts of a compilation, a row each: a bar a day on which it fires."""
    assert found.valid_until
    yield text(12, top, title, "title")
    for number, part in enumerate(found.parts):
        y = top + 12 + number * ROW
        yield text(12, y + BAR - 2, part.cron)
        hour = part.cron.split()[1]
        kind = "winter" if hour == "14" else "summer"
        span = Span(FIRST.date(), DAYS)
        fires = Job((parse(part.cron),), "UTC")
        days = [at.replace(hour=0) for at in instants(wanted(fires, span), span)]
        for start, count in runs([day for day in days if day >= since], found.valid_until):
            late = " late" if start >= found.valid_until else ""
            yield (
                f'<rect x="{x_of(start)}" y="{y}" width="{count * PER_DAY}" height="{BAR}"'
                f' class="{kind}{late}"/>'
            )
    bottom = top + 12 + len(found.parts) * ROW
    yield line(found.valid_until, top - 12, bottom, "end")
    end = f"exact until {found.valid_until.day} {found.valid_until:%b}"
    yield text(x_of(found.valid_until) - 6, top, end, "dim", "end")


def runs(days: list[datetime], end: datetime) -> Iterator[tuple[datetime, int]]:
    """Days in a row, each with how many; none reaches over an end."""
    start, count = None, 0
    for day in days:
        if start is not None and day == start + count * DAY and day != end:
            count += 1
            continue
        if start is not None:
            yield start, count
        start, count = day, 1
    if start is not None:
        yield start, count


def drawing() -> str:
    """The whole picture."""
    first = compile_job(JOB, now=FIRST)
    assert first.renew_at
    renewed = compile_job(JOB, now=first.renew_at, keep=tuple(p.cron for p in first.parts))
    second = 122 + len(first.parts) * ROW
    height = second + 60 + len(renewed.parts) * ROW
    shown = [text(12, 24, f"0 9 * * *  {ZONE}", "title")]
    months = [FIRST + n * DAY for n in range(DAYS) if (FIRST + n * DAY).day == 1]
    for month in months:
        shown += [
            line(month, 34, height - 36, "grid"),
            text(x_of(month) + 4, 46, f"{month:%b}", "dim"),
        ]
    offsets = [(FIRST + n * DAY).astimezone(zone(ZONE)).utcoffset() for n in range(DAYS + 1)]
    for number in range(1, DAYS + 1):
        if offsets[number] != offsets[number - 1]:
            at = FIRST + (number - 1) * DAY
            now = offsets[number]
            assert now is not None
            hour = 9 - round(now.total_seconds() / 3600)
            shown.append(line(at, 34, height - 36, "change"))
            side = ("start", 4) if at - FIRST < DAYS / 2 * DAY else ("end", -4)
            shown.append(text(x_of(at) + side[1], 24, f"09:00 is now {hour}:00Z", "said", side[0]))
    when = f"compiled {FIRST.day} {FIRST:%b %Y}"
    shown += group(when, first, FIRST, 76)
    again = f"renewed {first.renew_at.day} {first.renew_at:%b %Y}"
    shown += group(again, renewed, first.renew_at, second)
    legend = (
        "a bar: the days on which a part fires; pale: behind its end, if nobody applies by then"
    )
    shown.append(text(12, height - 14, legend, "dim"))
    body = "\n".join(shown)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>The parts of a daily job in New York over a year</title>\n"
        f"<style>{STYLE}\n</style>\n{body}\n</svg>\n"
    )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if sys.argv[1:] else HERE / "parts-of-a-year.svg"
    target.write_text(drawing())
