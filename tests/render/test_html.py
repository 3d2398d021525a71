"""HTML: self-contained, balanced, bounded, the same on every run, and nothing breaks out of it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import given, settings, strategies as st

from qstash_sync.applying import watching
from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.errors import AuthError, ConfigError
from qstash_sync.model import load
from qstash_sync.model.change import Action, Change, FieldChange, Reason, Takes
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import Desired, Kind
from qstash_sync.planning.drift import Drift, ResourceDrift, Status
from qstash_sync.render import gallery, html, picture, review, safe
from qstash_sync.timeline import clock_days, coming, week as weeks
from tests.render.test_markdown import HOSTILE, Maker
from tests.support import HEAD, NOW, World, config, ids, secret

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "qstash_sync/render/templates"
NONE = Desired(namespace="billing")
VOID = {"meta", "link", "br"}
TAGS = {
    "html", "head", "meta", "link", "title", "style", "body", "header", "main", "footer", "section",
    "h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "dt", "dd", "div", "span", "b", "i", "code",
    "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "del", "ins",
    "svg", "defs", "pattern", "path", "circle", "rect", "line", "text",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "open", "scope",
    "colspan", "aria-hidden", "role", "width", "height", "x", "y", "x1", "x2", "y1", "y2", "cx",
    "cy", "r", "rx", "d", "id", "patternunits", "fill", "overflow",
}  # fmt: skip
VALUE = re.compile(r"[\w \-.,%#:;=/'\x00-\x20]*", re.ASCII)
EVIL = [
    *HOSTILE, '"><script>alert(1)</script>', "'onmouseover='alert(1)", "</style><script>", "{{ 7*7 }}",
    "{% raw %}", "<svg/onload=alert(1)>", "&#x3c;script&#x3e;", "</title>", "]]>", "\n::error::x", "##[error]x",
    "javascript:alert(1)", "<img src=x onerror=alert(1)>", "</textarea>", "--!>", "\x9b31m",
]  # fmt: skip


@dataclass
class Page(HTMLParser):
    """A page as it is parsed: balanced, and of our elements and attributes alone."""

    source: str
    open: list[str] = field(default_factory=list)
    tags: Counter[str] = field(default_factory=Counter)
    texts: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        assert self.source.startswith('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset')
        assert all(line.isprintable() for line in self.source.split("\n"))
        assert not re.search(r"^\s*::|##\[|##vso\[", self.source, re.MULTILINE)
        self.feed(self.source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        self.tags[tag] += 1
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            assert VALUE.fullmatch(value or ""), (tag, name, value)
            assert name != "href" or value == "data:,"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag, (self.open, tag)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        assert decl == "DOCTYPE html"

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, *tags: str) -> list[str]:
        """The texts that stand in some elements."""
        return [" ".join(text.split()) for tag, text in self.texts if tag in tags and text.strip()]

    @property
    def text(self) -> str:
        """What a reader sees, in one line."""
        return " ".join("".join(text for tag, text in self.texts if tag != "style").split())


class Hostile(Maker):
    """Random plans whose every text would like to be markup."""

    def text(self) -> str:
        return "".join(self.choose.choices(EVIL, k=self.choose.choice([1, 1, 2, 5])))

    def takes(self) -> Change:
        made = replace(self.change(Action.DELETE), kind=Kind.SCHEDULE)
        takes = Takes(crons=(self.text(),), destination=self.text(), next_at=NOW)
        return replace(made, notes=(takes,))


def number(text: str) -> int:
    return int(text.replace(",", ""))


def page_of(plan: Any, desired: Desired = NONE, **more: Any) -> Page:
    return Page(html.plan(plan, desired, (4, 0), **more))


# ---------------------------------------------------------------- whatever is in it


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([0, 1, 5, 40]))
def test_no_text_of_a_plan_is_ever_markup(seed: int, size: int) -> None:
    make = Hostile(seed, most_fields=20)
    plan = make.plan(size)
    plan = replace(plan, changes=(*plan.changes, make.takes()))
    page = page_of(plan, verbose=True, account=make.text())
    assert len(page.source.encode()) < html.LIMIT
    for change in plan.changes:
        shown = safe.line(review.cut(change.name, 200))
        assert " ".join(shown.split()) in page.text


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([0, 1, 5, 40]))
def test_no_text_of_a_drift_is_ever_markup(seed: int, size: int) -> None:
    make = Hostile(seed, most_fields=20)
    drift = Drift(plan=make.plan(0), resources=tuple(resources(make, size)))
    Page(html.drift(drift, NONE, (4, 0), verbose=True))


def resources(make: Maker, size: int) -> Iterator[ResourceDrift]:
    for _ in range(size):
        status = make.choose.choice(list(Status))
        facts = make.choose.choices(list(Severity)[1:], k=make.choose.choice([0, 1, 3]))
        yield ResourceDrift(
            kind=make.choose.choice(list(Kind)), name=make.text(), status=status,
            change=None if status is Status.IN_SYNC else make.change(),
            diagnostics=tuple(make.diagnostic(severity) for severity in facts),
        )  # fmt: skip


@pytest.mark.parametrize("word", EVIL, ids=ascii)
def test_no_text_of_a_schedule_is_ever_markup(word: str) -> None:
    """Pictures have names in them, too; the file takes no such name, another way in might."""
    declared = config(
        HEAD
        + "schedules: {a: {cron: '30 2 * * *', timezone: Europe/Berlin, destination: 'https://e.com'}}\n"
    ).desired
    (plain,) = declared.schedules or ()
    schedule = replace(plain, name=word, notes=(("owner", word), ("runbook", word)))
    found = coming.coming([schedule], NOW, hours=24, count=50)
    page = Page(
        html.coming(found, None, [schedule], environment=word, namespace=word, warnings=[
            Diagnostic(severity=Severity.WARNING, code="x", message=word, location=Location(word, 1, 1, word), hint=word)
        ])
    )  # fmt: skip
    shown = " ".join(safe.line(word).split())
    assert shown in page.text
    assert any(shown in text for text in page.of("title"))


@pytest.mark.parametrize("word", EVIL, ids=ascii)
def test_no_text_of_an_error_is_ever_markup(word: str) -> None:
    found = Diagnostic(code="x", message=word, location=Location(word, 3, 7, word), hint=word)
    for error in (AuthError(word), ConfigError((found, found))):
        page = Page(html.error(error, "plan", word))
        assert " ".join(safe.line(word).split()) in page.text
        assert "It ended in an error; nothing was written." in page.text


def test_the_page_asks_nobody_and_runs_nothing() -> None:
    page = page_of(Maker(1).plan(20))
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page.source
    assert page.source.index("Content-Security-Policy") < page.source.index("<title>")
    assert '<link rel="icon" href="data:,">' in page.source
    assert not page.tags["script"]
    style = (TEMPLATES / "style.css").read_text()
    assert not re.search(r"@import|@font-face|https?:|url\((?!#)", style)


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_only_our_own_pictures_are_taken_as_markup(path: Path) -> None:
    found = re.findall(r"\{\{([^}]*)\|\s*safe\s*\}\}", path.read_text())
    assert {one.strip().rpartition(".")[2] for one in found} <= {"axis", "all", "svg"}
    assert "autoescape" not in path.read_text()


def test_a_masked_secret_stays_masked(world: World) -> None:
    world.environ["T"] = "S3cretS3cret"
    text = (
        HEAD
        + "schedules: {a: {cron: '0 9 * * *', destination: 'https://e.com/x', headers: {X-A: 'Bearer ${env.T}'}}}\n"
    )
    plan = world.plan(text)
    page = page_of(plan, config(text, world.environ).desired)
    assert "Bearer (secret)" in page.text
    assert "S3cret" not in page.source
    assert str(secret("S3cret")) == "(secret)"


# ---------------------------------------------------------------- what it says

TIMES = "schedules: {a: {cron: '0 9 * * 1-5', timezone: America/New_York, destination: 'https://e.example.com/x', owner: team-a}}\n"


def test_a_change_of_time_is_told_in_local_time(world: World) -> None:
    world.apply(HEAD + TIMES)
    text = HEAD + TIMES.replace("0 9", "0 10")
    page = page_of(world.plan(text), config(text).desired)
    for said in (
        "Mon-Fri 09:00 -> 10:00 New York",
        "261 firings a year move 1h later, first Mon 2026-11-23 09:00",
        "first before Mon 2026-11-23 09:00 New York (Mon 14:00Z)",
        "owner team-a",
        "Crons as QStash stores them",
        "Mon-Fri 09:00 -> 10:00",
    ):
        assert said in page.text, said
    # UTC comes last: after the settings of the change.
    assert page.source.index('class="parts"') > page.source.index('class="fields"')


def test_somebodys_hand_is_told_by_its_first_firing(world: World) -> None:
    text = HEAD + TIMES
    world.apply(text)
    world.edit("billing.a", cron="0 6 * * 1-5")
    page = page_of(world.plan(text), config(text).desired)
    assert "Mon-Fri 09:00 New York" in page.text
    assert "(changed outside)" in page.text
    assert "Undoes what was changed outside (1): schedule a" in page.text


def test_every_picture_has_a_text_that_says_the_same(world: World) -> None:
    """Pictures without a title repeat the labels of an axis or a legend, and are hidden."""
    text = (
        HEAD
        + "schedules: {a: {cron: '30 2 * * *', timezone: Europe/Berlin, destination: 'https://e.com/x'}}\n"
    )
    page = page_of(world.plan(text), config(text).desired)
    pictures = re.findall(r"<svg [^>]*>(?:<title>[^<]+)?", page.source)
    for one in pictures:
        is_titled = 'role="img"' in one and "<title>" in one
        assert is_titled or 'aria-hidden="true"' in one or 'class="head' in one, one
    titles = page.of("title")
    assert "a, every day: 02:30, Europe/Berlin" in titles
    assert "02:30 does not exist (dst.gap: next_valid): fires at 03:00 (01:00Z)" in page.text
    assert any(one.startswith("a: 02:30 does not exist") for one in titles)


def test_before_is_hollow_and_after_is_full(world: World) -> None:
    world.apply(HEAD + TIMES)
    text = HEAD + TIMES.replace("0 9", "0 12")
    week = weeks.of_plan(config(text).desired, world.plan(text))
    (lane,) = week.lanes
    drawn = picture.line(lane.lines[0], lane, week.first)
    marks = re.findall(r'<circle class="(\w+)" cx="([\d.]+)%"', drawn)
    assert marks == [("goes", "37.88"), ("comes", "50.00")]
    assert drawn.count('class="head"') == 1


CROWDED = [
    ("both dense", (*range(0, 600, 10),), (*range(0, 600, 15),), ("rect", "rect")),
    ("one upon the other", (540,), (550,), ("circle", "circle")),
]


@pytest.mark.parametrize(("_id", "before", "after", "marks"), CROWDED, ids=ids(CROWDED))
def test_what_would_lie_upon_each_other_lies_side_by_side(
    _id: str, before: tuple[int, ...], after: tuple[int, ...], marks: tuple[str, ...]
) -> None:
    first = NOW.date()
    line = weeks.Line(days=(first,), before=before, after=after)
    lane = weeks.Lane(name="a", timezone="UTC", fate=weeks.Fate.MOVED, lines=(line,))
    drawn = picture.line(line, lane, first)
    assert tuple(re.findall(r'<(\w+) class="(?:goes|comes)"', drawn)) == marks
    assert len(set(re.findall(r'class="(?:goes|comes)"[^>]* (?:y|cy)="(\d+)"', drawn))) == 2


STAYING = [
    ("more often", (*range(0, 1440, 10),), (*range(0, 1440, 5),), "comes"),
    ("less often", (*range(0, 1440, 5),), (*range(0, 1440, 10),), "goes"),
    ("dots among dots", (*range(0, 1440, 30),), (*range(0, 1440, 60),), "goes"),
    ("dots apart", (360, 420), (360,), None),
    ("one end of a bar", (*range(480, 600, 10),), (*range(480, 720, 10),), None),
]


@pytest.mark.parametrize(("_id", "before", "after", "other"), STAYING, ids=ids(STAYING))
def test_what_stays_is_seen_whatever_comes_or_goes(
    _id: str, before: tuple[int, ...], after: tuple[int, ...], other: str | None
) -> None:
    first = NOW.date()
    line = weeks.Line(days=(first,), before=before, after=after)
    lane = weeks.Lane(name="a", timezone="UTC", fate=weeks.Fate.MOVED, lines=(line,))
    drawn = picture.line(line, lane, first)
    heights = dict(re.findall(r'class="(stays|goes|comes)"[^>]* c?y="(\d+)"', drawn))
    assert len(heights) == 2
    assert len({*heights.values()}) == (2 if other else 1)
    assert other is None or other in heights


DAYS = [
    ("weekly", "0 6 * * 2", "Tue"),
    ("monthly", "0 6 1 * *", "Tue 2026-12-01, 1st of the month"),
    ("several in a month", "0 6 1,2 * *", "Tue 2026-12-01, Wed 2026-12-02"),
    ("many in a month", "0 6 1-3 * *", "Tue 2026-12-01 to Thu 2026-12-03"),
    ("in some months", "0 6 1 12 *", "Tue 2026-12-01"),
    ("weekly in some months", "0 6 * 12 2", "Tue 2026-12-01"),
    ("later than the week", "0 6 1 1 *", "Fri 2027-01-01"),
    ("a month later than the week", "0 6 15 * *", "Tue 2026-12-15, 15th of the month"),
]


@pytest.mark.parametrize(("_id", "cron", "said"), DAYS, ids=ids(DAYS))
def test_days_are_dates_but_where_a_week_is_like_another(_id: str, cron: str, said: str) -> None:
    text = f"{HEAD}schedules: {{a: {{cron: '{cron}', destination: 'https://e.example.com/x'}}}}\n"
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    week = weeks.of_schedules(config(text).desired.schedules or (), now)
    (lane,) = gallery.pictures(week, now, "", "fires")["week"]["lanes"]
    (line,) = lane["lines"]
    assert line["days"] == said
    assert f"a, {said}: 06:00, UTC" in line["svg"]
    assert bool(line["week"]) == (said == "Tue")


MONTHLY, WEEKLY = "0 9 1 * *", "0 9 * * 1"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (WEEKLY, MONTHLY, {"Mon 2026-11-30", "Tue 2026-12-01, 1st of the month"}),
        (MONTHLY, WEEKLY, {"Tue 2026-12-01", "Mon"}),
        ("0 9 28 3 *", None, {"Sun 2027-03-28"}),
    ],
)
def test_a_day_of_the_month_is_one_of_what_is_to_be(
    world: World, before: str, after: str | None, said: set[str]
) -> None:
    entry = (
        "schedules: {{a: {{cron: '{}', timezone: UTC, destination: 'https://e.example.com/x'}}}}\n"
    )
    head = f"{HEAD}limits: {{max_deletes: none, max_delete_percent: none}}\n"
    world.apply(head + entry.format(before))
    text = head + (entry.format(after) if after else "schedules: {}\n")
    week = weeks.of_plan(world.desired(text), world.plan(text))
    (lane,) = gallery.pictures(week, world.now, "", "fires")["week"]["lanes"]
    assert {line["days"] for line in lane["lines"]} == said


WORDS = [
    ("few", (540, 1020), "09:00, 17:00"),
    ("none", (), "none"),
    ("every minute", tuple(range(1440)), "every minute"),
    ("a beat", tuple(range(0, 1440, 15)), "every 15 minutes"),
    ("a beat that begins later", tuple(range(5, 1440, 15)), "every 15 minutes from 00:05"),
    ("hours", tuple(range(0, 1440, 120)), "every 2 hours"),
    ("office hours", tuple(range(540, 1020, 10)), "every 10 minutes, 09:00 to 16:50"),
    ("uneven", (0, 1, 2, 7, 9, 1439), "6 times, 00:00 to 23:59"),
]


@pytest.mark.parametrize(("_id", "minutes", "said"), WORDS, ids=ids(WORDS))
def test_times_in_words(_id: str, minutes: tuple[int, ...], said: str) -> None:
    assert picture.times(minutes) == said


def test_hours_of_a_clock_change_never_touch() -> None:
    """Labels keep apart, those of a fold stand twice."""
    jobs = [("a", config(HEAD + TIMES).desired.schedules)]  # only for the zone
    job = (jobs[0][1] or ())[0].timing.job
    for day in clock_days.clock_days([("a", job)], NOW).days:
        drawn = re.findall(r'<text x="([\d.]+)%" y="12">(\d+)<', picture.clock_axis(day))
        places = [float(at) for at, _ in drawn]
        assert places == sorted(places)
        assert min(b - a for a, b in pairwise(places)) > 5
        hours = [hour for _, hour in drawn]
        assert hours.count("1") == (2 if day.by < 0 else 1)


def test_a_drift_names_who_cares_for_it(world: World) -> None:
    text = HEAD + TIMES.replace(
        "owner: team-a", "owner: team-a, runbook: 'https://wiki.example.com/a'"
    )
    declared = config(text).desired
    change = Change(
        kind=Kind.SCHEDULE, name="a", id="billing.a", action=Action.UPDATE, reason=Reason.DRIFT,
        fields=(FieldChange(path="retries", before=1, after=3),),
    )  # fmt: skip
    fact = Diagnostic(severity=Severity.DIFFERENCE, code="x", message="QStash says otherwise")
    one = ResourceDrift(
        kind=Kind.SCHEDULE, name="a", status=Status.DRIFTED, change=change, diagnostics=(fact,)
    )
    plan = replace(world.plan(text), changes=(change,))
    page = Page(html.drift(Drift(plan=plan, resources=(one,)), declared, (4, 0)))
    assert "1 drifted: changed outside" in page.of("h2")
    for said in (
        "retries 1 -> 3",
        "difference QStash says otherwise",
        "runbook https://wiki.example.com/a",
    ):
        assert said in page.text, said


def test_the_pictures_of_a_drift_have_the_words_of_drift(world: World) -> None:
    """What an apply would make new is missing, what it would take away is surplus."""
    world.apply(HEAD + "schedules:\n" + "".join(
        f"  {name}: {{cron: '0 9 * * *', destination: 'https://e.com'}}\n" for name in "abc"
    ))  # fmt: skip
    world.account.console.delete("schedule", "billing.a")
    world.edit("billing.b", cron="0 7 * * *", retries=1)
    text = HEAD + "schedules:\n" + "".join(
        f"  {name}: {{cron: '0 9 * * *', destination: 'https://e.com'}}\n" for name in "abd"
    )  # fmt: skip
    desired = config(text).desired
    with world.client(read_only=True) as client:
        found = watching.watch(client, desired, now=world.now)
    page = Page(html.drift(found, desired, (4, 0)))
    pictures = page.source.partition('class="lane hours"')[2]
    fates = re.findall(r'<b>(\w)</b> <span class="fate ([\w-]+)">([^<]*)<', pictures)
    assert sorted(fates) == [
        ("a", "missing", "missing"), ("b", "drifted", "drifted"),
        ("c", "surplus", "surplus"), ("d", "missing", "missing"),
    ]  # fmt: skip
    assert page.of("th")[:3] == ["setting", "in the account", "as the file says"]
    planned = page_of(found.plan, desired)
    assert {"new", "gone", "moved"} <= {*planned.of("span")}
    assert planned.of("th")[:3] == ["setting", "before", "after"]


def test_next_has_local_time_and_utc_clock_changes_and_load() -> None:
    text = (
        HEAD
        + "limits: {plan: free}\nschedules: {a: {cron: '30 2 * * *', timezone: Europe/Berlin, destination: 'https://e.com/x', delay: 1h}}\n"
    )
    desired = config(text).desired
    schedules = desired.schedules or ()
    now = NOW.replace(year=2027, month=3, day=27)
    found = coming.coming(schedules, now, hours=72, count=50)
    page = Page(
        html.coming(
            found,
            load.load(desired, schedules, now),
            schedules,
            environment="prod",
            namespace="billing",
        )
    )
    rows = re.findall(r'<td class="when">([^<]*)</td><td class="utc">([^<]*)<', page.source)
    assert rows == [("03:00", "01:00Z"), ("02:30", "00:30Z"), ("02:30", "00:30Z")]
    assert page.of("caption")[:2] == ["Load", "Sun 2027-03-28"]
    for said in (
        "QStash next prod", "Europe/Berlin: the clock goes from 02:00 to 03:00, 01:00Z",
        "02:30 does not exist (dst.gap: next_valid)", "sent 1h later", "of 1,000 (free)",
    ):  # fmt: skip
        assert said in page.text, said


# ---------------------------------------------------------------- bounds


def counted(page: Page) -> dict[str, int]:
    """By what is to do: entries that are listed, named or counted, which together are all."""
    found: dict[str, int] = {}
    for section in re.split(r"<section[^>]*>", page.source)[1:]:
        title = re.search(r"<h2>([\d,]+) (to \w+)(?:, ([\d,]+) refused)?", section)
        if not title:
            continue
        shown = section.count('<span class="name">')
        alone = re.search(
            r"([\d,]+) more by name alone:</p>\s*<p class=\"names\">([^<]*)<", section
        )
        if alone:
            assert len(alone[2].split(", ")) == number(alone[1])
            shown += number(alone[1])
        missing = re.search(r"([\d,]+) more are not listed\.", section)
        shown += number(missing[1]) if missing else 0
        assert shown == number(title[1]) + number(title[3] or "0")
        found[title[2]] = number(title[1])
    return found


def many(count: int, action: Action) -> tuple[Change, ...]:
    takes = Takes(
        crons=("0 8 * 1-3 1-5",),
        job=Job((parse("0 9 * * *"),), "Europe/Berlin"),
        destination="https://e.example.com/…",
        next_at=NOW,
    )
    return tuple(
        Change(
            kind=Kind.SCHEDULE, name=f"schedule-{number:05}", id=f"billing.schedule-{number:05}", action=action,
            reason=Reason.FILE, fields=(FieldChange(path="body.n", before=1, after=number),), notes=(takes,),
        )
        for number in range(count)
    )  # fmt: skip


@pytest.mark.parametrize("action", list(Action)[:3])
def test_ten_thousand_changes_are_all_counted_and_every_delete_is_named(action: Action) -> None:
    page = page_of(replace(Maker(1).plan(0), changes=many(10_000, action)))
    assert len(page.source.encode()) < html.LIMIT
    assert counted(page) == {f"to {action}": 10_000}
    if action is Action.DELETE:
        assert all(f"schedule-{number:05}" in page.source for number in range(10_000))


@pytest.mark.parametrize("seed", range(3))
def test_a_huge_hostile_plan_is_bounded_and_counted(seed: int) -> None:
    make = Hostile(seed, most_fields=200)
    page = page_of(make.plan(3_000), verbose=True)
    assert len(page.source.encode()) < html.LIMIT
    counted(page)


def test_names_of_deletes_that_have_no_room_are_counted() -> None:
    deletes = many(9_000, Action.DELETE)
    long = tuple(replace(one, name=one.name + "é<" * 90) for one in deletes)
    page = page_of(replace(Maker(1).plan(0), changes=long))
    assert len(page.source.encode()) < html.LIMIT
    assert counted(page) == {"to delete": 9_000}
    assert "more are not listed." in page.text


def test_only_what_is_shown_is_worked_out() -> None:
    """Counts instead of seconds: details of ten thousand changes, lanes of as many schedules."""
    plan = replace(Maker(1).plan(0), changes=many(10_000, Action.UPDATE))
    with mock.patch.object(review, "details", wraps=review.details) as details:
        page_of(plan)
    assert details.call_count < 3_000
    entries = "".join(
        f"  s{n}: {{cron: '{n % 60} 9 * * *', destination: 'https://e.com'}}\n" for n in range(500)
    )
    schedules = config(f"{HEAD}schedules:\n{entries}").desired.schedules or ()
    with mock.patch.object(weeks, "_days", wraps=weeks._days) as days:
        found = weeks.of_schedules(schedules, NOW)
    assert (days.call_count, found.rest) == (weeks.MOST, 500 - weeks.MOST)


def test_the_same_plan_is_the_same_page() -> None:
    pages = {html.plan(Maker(7).plan(50), NONE, (4, 0), verbose=True) for _ in range(3)}
    assert len(pages) == 1


# ---------------------------------------------------------------- how it looks


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_in_both_schemes(scheme: int) -> None:
    """WCAG's 4.5 for text; 3 for marks of a picture."""
    style = (TEMPLATES / "style.css").read_text()
    colours = dict(
        re.findall(
            r"--(\w+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
        )
    )
    for paper in ("paper", "ground", "faint"):
        for ink in ("ink", "soft", "create", "update", "delete", "accent"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for mark in ("stays", "after", "update"):
        assert contrast(colours[mark], colours["paper"]) >= 3, mark


def test_the_templates_are_in_the_wheel() -> None:
    builder = WheelBuilder(str(ROOT))
    files = {file.distribution_path for file in builder.recurse_included_files()}
    found = {f"qstash_sync/render/templates/{path.name}" for path in TEMPLATES.iterdir()}
    assert found
    assert found <= files


def test_an_arrow_is_one_sign_and_a_command_is_code(world: World) -> None:
    """On a phone `->` broke into two lines, and backticks are no typography."""
    before = (
        HEAD + "schedules: {a: {cron: 0 9 * * *, destination: 'https://e.com/a', retries: 2}}\n"
    )
    world.apply(before)
    changed = before.replace("retries: 2", "retries: 1, labels: [a->b]")
    page = html.plan(world.plan(changed), config(changed).desired, (0, 0))
    assert "retries 2 <span class=to>-&gt;</span> 1" in page
    assert 'class="line first"' not in page  # it is no time
    schedules = config(before).desired.schedules or ()
    found = coming.coming(schedules, NOW, hours=24, count=5)
    shown = html.coming(found, None, schedules, environment=None, namespace="n")
    assert "<code>drift</code>" in shown
    assert "`drift`" not in shown


def test_only_what_is_a_time_is_as_bold_as_one() -> None:
    field = FieldChange(path="retries", before=2, after=1)
    for kind in Kind:
        change = Change(
            kind=kind, name="a", id="a", action=Action.UPDATE, reason=Reason.FILE, fields=(field,)
        )
        assert not review.head(change).timed
