"""Pages in a real browser: they ask nobody, complain of nothing, fit a phone, and nothing in them acts."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from qstash_sync.errors import ConfigError
from qstash_sync.model import load
from qstash_sync.model.change import Action, Change, FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import Kind
from qstash_sync.planning.drift import Drift
from qstash_sync.render import html
from qstash_sync.timeline import coming
from tests.browser.chromium import Browser, browser, program
from tests.render.test_html import EVIL, NONE, Hostile, resources
from tests.support import NOW, config, world

FOUND = program()
pytestmark = [
    pytest.mark.skipif(FOUND is None, reason="no Chromium on the PATH"),
    pytest.mark.xdist_group("browser"),
]
BEFORE = """
version: 1
namespace: billing
defaults: {timezone: Europe/Berlin, destination: 'https://app.example.com/api'}
limits: {max_deletes: none, max_delete_percent: none}
queues: {billing-images: {parallelism: 1}}
schedules:
  report: {cron: "0 9 * * 1-5", timezone: America/New_York, owner: team-a, body: {type: daily}}
  nightly: {cron: "30 2 * * *", runbook: 'https://wiki.example.com/a-rather-long-path/of-a-runbook/nightly'}
  poll: {cron: "*/10 * * * *"}
  gone: {cron: "0 4 1 * *"}
"""
AFTER = (
    BEFORE.replace("0 9", "0 10").replace("*/10 * ", "*/15 9-17 ").replace('  gone: {cron: "0 4 1 * *"}\n', "")
    + '  new: {cron: "15 7,19 * * *", timezone: Asia/Tokyo}\n'
)  # fmt: skip
PWNED = [
    "<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "<svg onload=window.pwned=1>",
    '"><iframe src="javascript:window.pwned=1">', "</style><script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>", "<link rel=stylesheet href=http://evil.example/x.css>",
    "<img src=http://evil.example/x.png>", "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href=http://evil.example/>", "<b>bold</b>" + "W" * 400, "\u202egnp.exe",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(str(FOUND), tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By its name, each kind of page, with what is usual and with what is hostile."""
    folder = tmp_path_factory.mktemp("pages")
    with world() as found:
        found.apply(BEFORE)
        found.edit("billing.nightly", cron="0 5 * * *")
        plan = found.plan(AFTER)
    desired = config(AFTER).desired
    schedules = desired.schedules or ()
    now = NOW.replace(year=2027, month=3, day=27)
    firings = coming.coming(schedules, now, hours=48, count=200)
    make = Hostile(4)
    evil = replace(
        make.plan(0),
        environment=PWNED[0],
        changes=tuple(_hostile(number, word) for number, word in enumerate([*PWNED, *EVIL])),
        warnings=tuple(_said(word) for word in PWNED),
    )
    theirs = tuple(replace(one, name=word) for one, word in zip(schedules, PWNED, strict=False))
    made = {
        "plan": html.plan(
            plan, desired, (4, 0), verbose=True, account="defaultUser at https://qstash.upstash.io"
        ),
        "drift": html.drift(
            Drift(plan=plan, resources=tuple(resources(make, 30))), desired, (4, 0)
        ),
        "next": html.coming(
            firings,
            load.load(desired, schedules, now),
            schedules,
            environment="production",
            namespace="billing",
        ),
        "error": html.error(ConfigError(tuple(map(_said, PWNED))), "plan", PWNED[0]),
        "hostile": html.plan(evil, NONE, (4, 0), verbose=True, account=PWNED[1]),
        "hostile-next": html.coming(
            coming.coming(theirs, now, hours=48, count=200),
            None,
            theirs,
            environment=PWNED[0],
            namespace=PWNED[1],
        ),
    }
    for name, page in made.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def _hostile(number: int, word: str) -> Change:
    return Change(
        kind=list(Kind)[number % 4], name=word, id=word, action=list(Action)[number % 5], reason=list(Reason)[number % 7],
        fields=(FieldChange(path=word, before=word, after=[word], note=word),), refused=word if number % 3 else None,
    )  # fmt: skip


def _said(word: str) -> Diagnostic:
    return Diagnostic(
        severity=Severity.WARNING,
        code="x",
        message=word,
        location=Location(word, 1, 1, word),
        hint=word,
    )


NAMES = ("plan", "drift", "next", "error", "hostile", "hostile-next")
UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true })"
WIDTH = "[document.documentElement.scrollWidth, innerWidth]"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_asks_nobody_and_complains_of_nothing(
    chromium: Browser, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    chromium.open(pages[name], width=width, dark=dark)
    for unfold in (False, True):
        if unfold:
            chromium.value(UNFOLD)
        assert chromium.value(WIDTH) == [width, width]
    picture = chromium.picture()  # lays out and paints everything
    assert picture.startswith(b"\x89PNG")
    assert chromium.requests() == [pages[name].as_uri()]
    assert chromium.complaints() == []
    ground = chromium.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(15, 19, 25)" if dark else "rgb(244, 245, 247)")


@pytest.mark.parametrize("width", range(360, 820, 20))
def test_no_word_of_a_tile_is_broken(chromium: Browser, pages: dict[str, Path], width: int) -> None:
    chromium.open(pages["plan"], width=width)
    lines = "[...document.querySelectorAll('.tiles span')].map(e => e.getClientRects().length)"
    assert set(chromium.value(lines)) == {1}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_page_acts(chromium: Browser, pages: dict[str, Path], name: str) -> None:
    chromium.open(pages[name])
    chromium.value(UNFOLD)
    active = (
        "document.querySelectorAll('script,iframe,img,base,object,embed,form,input,a,video').length"
    )
    assert chromium.value(active) == 0
    assert chromium.value("document.querySelectorAll('link').length") == 1
    assert chromium.value("typeof window.pwned") == "undefined"
    attributes = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/i.test(a.name)).length"
    assert chromium.value(attributes) == 0
    assert chromium.value("location.href") == pages[name].as_uri()


def test_hostile_words_are_read_as_they_are(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["hostile"])
    chromium.value(UNFOLD)
    text = chromium.value("document.body.innerText")
    assert "<script>window.pwned=1</script>" in text
    assert "\\u202egnp.exe" in text
    assert chromium.value("document.title") == f"QStash plan: {PWNED[0]}"


def test_even_a_script_that_got_in_would_not_run(
    chromium: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    """The page's own policy is the second wall."""
    page = pages["plan"].read_text()
    broken = tmp_path / "broken.html"
    inserted = "<script>window.pwned=1</script><img src='http://evil.example/x.png' onerror='window.pwned=2'>"
    broken.write_text(page.replace("<main>", f"<main>{inserted}"))
    chromium.open(broken)
    assert chromium.value("typeof window.pwned") == "undefined"
    assert chromium.blocked() == ["csp"]
    assert any("Content Security Policy" in one for one in chromium.complaints())


def test_marks_stand_where_their_hours_are(chromium: Browser, pages: dict[str, Path]) -> None:
    """A mark lies exactly under the label of its hour, on a phone as on a desk."""
    for width in (360, 1280):
        chromium.open(pages["next"], width=width)
        found = chromium.value(
            """(() => {
              const middle = one => { const box = one.getBoundingClientRect(); return (box.left + box.right) / 2 };
              const section = [...document.querySelectorAll('section')].find(s => s.querySelector('h2')?.textContent === 'When what fires');
              const lane = [...section.querySelectorAll('li.lane')].find(l => l.querySelector('b').textContent === 'report');
              const label = [...section.querySelectorAll('.hours text')].find(t => t.textContent === '9');
              const next = [...section.querySelectorAll('.hours text')].find(t => t.textContent === '12');
              return [middle(label), middle(lane.querySelector('circle')), middle(next)];
            })()"""
        )
        nine, mark, noon = found
        assert abs(mark - (nine + (noon - nine) / 3)) < 1.5, (width, found)


def test_a_page_prints_its_details(chromium: Browser, pages: dict[str, Path]) -> None:
    chromium.open(pages["plan"])
    chromium.ask("Emulation.setEmulatedMedia", media="print")
    try:
        heights = chromium.value(
            "[...document.querySelectorAll('details .body')].map(one => one.offsetHeight)"
        )
        assert heights
        assert all(height > 0 for height in heights)
        assert len(chromium.ask("Page.printToPDF")["data"]) > 1_000
    finally:
        chromium.ask("Emulation.setEmulatedMedia", media="")


def test_a_reader_without_eyes_meets_names_and_levels(
    chromium: Browser, pages: dict[str, Path]
) -> None:
    """Headings go down one level at a time; pictures and tables have names."""
    for name in ("plan", "drift", "next"):
        chromium.open(pages[name])
        chromium.value(UNFOLD)
        levels = chromium.value(
            "[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])"
        )
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert chromium.value("[...document.querySelectorAll('table')].every(one => one.caption)")
        bare = "[...document.querySelectorAll('svg[role=img]')].filter(one => !one.querySelector('title')?.textContent).length"
        assert chromium.value(bare) == 0
