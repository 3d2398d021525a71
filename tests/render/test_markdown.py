"""Markdown for comments: bounded, balanced, the same on every run, and nothing breaks out of it."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qstash_sync.errors import AuthError, ConfigError
from qstash_sync.model.change import Action, Change, FieldChange, Reason, Stored, Withheld
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import Desired, Kind
from qstash_sync.planning.decide import Plan
from qstash_sync.planning.drift import Drift, ResourceDrift, Status
from qstash_sync.planning.quota import Usage
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.render import html, markdown
from tests.fault_server import FaultServer
from tests.support import HEAD, NOW, Ran, World, cli, config

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "```", "````\n# broken out", "\n```\n@everyone", "~~~", "`", "</details>", "</DETAILS >", "<details>",
    "<summary>x</summary>", "<!-- qstash-sync plan production -->", "-->", "<script>alert(1)</script>",
    "@octocat", "@org/team", "#1", "| a | b |", "\\|", "![x](https://e.com/p.png)", "[x](javascript:0)",
    "https://example.com", "**bold**", "\u202egnp.exe", "\u2028", "\r\n", "\t", "\x1b[31m", "\x00", "&lt;",
    "$math$", ":tada:", "é", "日本語", "🎉", "\U000e0041", "a b  c", " " * 90, "x" * 5_000, "",
]  # fmt: skip
OUTSIDE = [
    r"<!-- qstash-sync (plan|drift)( [\w.-]{1,100})? -->",
    r"## QStash (plan|drift)( for `[\w.-]{1,100}`)?",
    r"\*\*[\w ,:;.]+\*\*",
    r"\d+ changes of other reasons wait for an apply without --only\.",
    r"Left for a whole plan: \d+ with other reasons\.",
    r"Namespace `[\w.-]{0,100}`(, schedules in the account: [\d,]+( now, [\d,]+ after)?)?, tzdata \w+\.",
    r"[\d,]+ warnings? about what does not change: `qstash-sync (plan|drift) -v` shows (it|them)",
    r"[\d,]+ schedules? (is|are) active again after a pause: `qstash-sync (plan|drift) -v`",
    r"### [\d,]+ [a-z :,]+(, [\d,]+ refused)?",
    r"<details><summary>[\d,]+( of [\d,]+)? [A-Za-z :,]+</summary>",
    r"</details>",
    r"[\d,]+ more are not listed\.( The details of [\d,]+ are left out\.)?",
    r"The details of [\d,]+ are left out\.",
    r"requests: \d+ read, \d+ write",
    "",
]
WHITELIST = re.compile("|".join(f"(?:{line})" for line in OUTSIDE), re.ASCII)
INSIDE = re.compile(r"[-+!]( .*)?| {2}\S.*| {6}.*")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def counted(page: str) -> dict[str, tuple[int, int]]:
    """By the title of each section: (entries that are listed, entries that are only counted).

    On the way, that a page is what it should be: every line outside a fence is one of ours, and
    none inside ends it.
    """
    assert len(page) <= 60_000
    found: dict[str, tuple[int, int]] = {}
    title, count, fenced, open_details = "", 0, False, 0
    for line in page.split("\n"):
        if fenced:
            fenced = line != "```"
            assert not fenced or INSIDE.fullmatch(line), line
            assert not fenced or line.isprintable()
            if fenced and not line.startswith("   "):
                alike = re.match(r"! (?:warning|info): ([\d,]+) (?:times|like this)", line)
                alike = alike or re.match(r"[+!] ([\d,]+) (?:[a-zU]|URL g)[a-z ]+s(?:  |$)", line)
                entries = number(alike[1]) if alike else 1
                found[title] = found[title][0] + entries, found[title][1]
            continue
        if line == "```diff":
            fenced = True
            continue
        assert WHITELIST.fullmatch(line), line
        open_details += line.startswith("<details>") - (line == "</details>")
        assert open_details in (0, 1)
        heading = re.match(
            r"(?:### |<details><summary>)([\d,]+) [a-z ]+(?:, ([\d,]+) refused)?", line
        )
        more = re.match(r"([\d,]+) more are not listed", line)
        if heading:
            assert not title or sum(found[title]) == count, (title, count, found)
            title, count = line, number(heading[1]) + number(heading[2] or "0")
            found[title] = 0, 0
        if more:
            found[title] = found[title][0], number(more[1])
    assert not title or sum(found[title]) == count, (title, count, found)
    assert not fenced
    assert not open_details
    for opens, closes in (("<details", "</details"), ("<summary", "</summary"), ("<!--", "-->")):
        outside = re.sub(r"^[-+! ].*$", "", page, flags=re.MULTILINE)
        assert page.count(opens) == outside.count(opens) == outside.count(closes)
    assert page.count("```") == 2 * page.count("```diff")
    return found


class Maker:
    """Random plans, full of what would break a page."""

    def __init__(self, seed: int, most_fields: int = 120) -> None:
        self.choose = random.Random(seed)
        self.most_fields = most_fields

    def text(self) -> str:
        return "".join(self.choose.choices(HOSTILE, k=self.choose.choice([1, 1, 2, 5])))

    def field(self) -> FieldChange:
        value = self.choose.choice([None, True, 30, [self.text()], {self.text(): 1}, self.text()])
        return FieldChange(
            path=self.choose.choice(["cron", "body." + self.text(), "timeout", "headers.X"]),
            before=value,
            after=self.text(),
            withheld=self.choose.choice([None, None, *Withheld]),
            note=self.choose.choice(["", self.text()]),
        )

    def change(self, action: Action | None = None) -> Change:
        few = self.choose.choice([0, 1, 3, 3, self.most_fields])
        return Change(
            kind=self.choose.choice(list(Kind)),
            name=self.text(),
            id=self.text(),
            action=action or self.choose.choice(list(Action)),
            reason=self.choose.choice(list(Reason)),
            fields=tuple(self.field() for _ in range(few)),
            notes=(Stored(crons=(self.text(), self.text())),) * self.choose.choice([0, 0, 1]),
            refused=self.choose.choice([None, None, self.text()]),
        )

    def diagnostic(self, severity: Severity) -> Diagnostic:
        location = Location(self.text(), 3, 7, self.text())
        return Diagnostic(
            severity=severity,
            code="x",
            message=self.text() * self.choose.choice([1, 200]),
            location=self.choose.choice([None, location]),
            hint=self.text(),
        )

    def plan(self, size: int) -> Plan:
        diagnostics = self.choose.choice([0, 1, size])
        changes = [self.change() for _ in range(size)]
        return Plan(
            environment=self.choose.choice([None, "production", self.text()]),
            namespace=self.text(),
            now=NOW,
            tzdata="2026f",
            changes=tuple(sorted(changes, key=lambda change: change.order)),
            unchanged=tuple((Kind.QUEUE, self.text()) for _ in range(3)),
            unmanaged=tuple((Kind.SCHEDULE, self.text()) for _ in range(size)),
            warnings=tuple(self.diagnostic(Severity.WARNING) for _ in range(diagnostics)),
            errors=tuple(self.diagnostic(Severity.ERROR) for _ in range(diagnostics)),
            usage={Kind.SCHEDULE: Usage(before=size, created=size, deleted=0, allowed=None)},
            index=LiveParts(Desired(namespace="n"), ()),
            left=self.choose.choice([0, 4]),
        )

    def drift(self, size: int) -> Drift:
        plan = self.plan(size)
        resources = [
            ResourceDrift(
                kind=self.choose.choice(list(Kind)),
                name=self.text(),
                status=self.choose.choice(list(Status)),
                change=self.choose.choice([None, self.change()]),
                diagnostics=tuple(
                    Diagnostic(
                        severity=self.choose.choice(list(Severity)[1:]),
                        code="x",
                        message=self.text(),
                    )
                    for _ in range(self.choose.choice([0, 1, 50]))
                ),
            )
            for _ in range(size)
        ]
        return Drift(plan=plan, resources=tuple(sorted(resources, key=lambda s: s.order)))


def pages(seed: int, size: int, rounds: int) -> Iterator[tuple[Plan, str]]:
    for number in range(rounds):
        make = Maker(seed + number)
        verbose = bool(number % 2)
        plan = make.plan(size)
        yield plan, markdown.plan(plan, verbose=verbose)
        drift = make.drift(size)
        yield drift.plan, markdown.drift(drift, (4, 0), verbose=verbose)


SIZES = [(0, 20), (1, 100), (7, 40), (60, 8), (600, 2)]


@pytest.mark.parametrize(("size", "rounds"), SIZES, ids=[str(size) for size, _ in SIZES])
def test_nothing_breaks_out_of_a_page_and_everything_is_counted(size: int, rounds: int) -> None:
    seed = 20_261_123
    for number, (plan, page) in enumerate(pages(seed, size, rounds)):
        found = counted(page)
        context = (seed, number, size)
        assert page.startswith("<!-- qstash-sync "), context
        if page.startswith("<!-- qstash-sync plan"):
            deletes = plan.summary["delete"]
            listed = found.get(f"### {deletes:,} to delete", (0, 0))
            assert sum(listed) == deletes, context
            told = sum(sum(both) for title, both in found.items() if " to " in title)
            assert told == len(plan.changes), context
        said = (*plan.errors, *plan.warnings)
        for name, severity in (("error", Severity.ERROR), ("warning", Severity.WARNING)):
            count = sum(one.severity is severity for one in said)
            title = f"### {count:,} {name}{'s' * (count != 1)}"
            assert (title in found) == bool(count), context


@pytest.mark.parametrize("action", [None, *Action], ids=str)
def test_ten_thousand_changes_fit_and_as_many_deletes_as_fit_are_listed(
    action: Action | None,
) -> None:
    make = Maker(7, most_fields=3)
    changes = [make.change(action) for _ in range(10_000)]
    changes.sort(key=lambda change: change.order)
    plan = replace(make.plan(5), changes=tuple(changes))
    page = markdown.plan(plan)
    found = counted(page)
    total = sum(sum(both) for title, both in found.items() if " to " in title)
    assert total == 10_000
    assert len(page) > 55_000  # the room is used
    deletes = found.get(f"### {plan.summary['delete']:,} to delete")
    if action is Action.DELETE:
        assert deletes
        assert deletes[0] > 100
    if action is None and deletes:
        listed = sum(both[0] for title, both in found.items() if " to " in title)
        assert listed == deletes[0]  # nothing else is told before all deletes are


def short(action: Action, count: int, **more: object) -> list[Change]:
    """Changes as they come in life."""
    made = Change(kind=Kind.QUEUE, name="", id="", action=action, reason=Reason.FILE)
    fields = (FieldChange(path="parallelism", before=1, after=2),)
    return [replace(made, name=f"{action}-{n:04}", id=str(n), fields=fields) for n in range(count)]


def test_every_head_comes_before_the_details_of_any() -> None:
    """A long plan loses its details first, from the end, and says so."""
    changes = short(Action.UPDATE, 900) + short(Action.CREATE, 400) + short(Action.DELETE, 300)
    plan = replace(Maker(1).plan(0), changes=tuple(changes))
    page = markdown.plan(plan)
    assert counted(page) == {
        "### 300 to delete": (300, 0),
        "### 900 to update": (900, 0),
        "### 400 to create": (400, 0),
        "<details><summary>1,600 changes, field by field</summary>": (1_600, 0),
    }
    assert "      parallelism          1 -> 2\n! queue" in page
    left = re.findall(r"The details of ([\d,]+) are left out", page)
    assert number(left[-1]) > 400
    small = markdown.plan(replace(plan, changes=tuple(changes[:10])))
    assert "left out" not in small
    assert small.count("parallelism") == 1 + 10  # once for all ten, once for each


def test_many_errors_leave_room_for_the_deletes() -> None:
    make = Maker(2)
    errors = tuple(make.diagnostic(Severity.ERROR) for _ in range(3_000))
    plan = replace(make.plan(0), changes=tuple(short(Action.DELETE, 500)), errors=errors)
    found = counted(markdown.plan(plan))
    assert found["### 500 to delete"] == (500, 0)
    assert found["### 3,000 errors"] == (25, 2_975)


def test_what_is_in_sync_takes_no_room_from_what_differs() -> None:
    (change,) = short(Action.UPDATE, 1)
    idle = [
        ResourceDrift(kind=Kind.QUEUE, name=f"idle-{n}", status=Status.IN_SYNC)
        for n in range(9_000)
    ]
    moved = ResourceDrift(kind=Kind.SCHEDULE, name="a", status=Status.DRIFTED, change=change)
    plan = replace(Maker(1).plan(0), unmanaged=tuple((Kind.QUEUE, "u" * 90) for _ in range(9_000)))
    page = markdown.drift(Drift(plan=plan, resources=(moved, *idle)), (4, 0), verbose=True)
    assert "! schedule a\n      parallelism          1 -> 2\n" in page
    found = counted(page)
    assert found["### 1 drifted: changed outside"] == (1, 0)
    listed, more = found["<details><summary>9,000 in sync</summary>"]
    assert listed > 2_000
    assert more == 9_000 - listed


def test_deletes_come_first_then_what_is_riskier() -> None:
    make = Maker(3)
    make.plan(0)
    kinds = [
        ("deleted", Action.DELETE, Reason.FILE, None),
        ("refused-one", Action.UPDATE, Reason.FILE, "why"),
        ("conflict", Action.UPDATE, Reason.BOTH, None),
        ("moved-outside", Action.UPDATE, Reason.DRIFT, None),
        ("taken-over", Action.UPDATE, Reason.ADOPT, None),
        ("by-file", Action.UPDATE, Reason.FILE, None),
        ("by-clock", Action.UPDATE, Reason.CLOCK, None),
        ("created", Action.CREATE, Reason.FILE, None),
    ]
    changes = [
        Change(kind=Kind.SCHEDULE, name=name, id=name, action=a, reason=r, refused=why)
        for name, a, r, why in reversed(kinds)
    ]
    page = markdown.plan(replace(make.plan(0), changes=tuple(changes)))
    locations = [page.index(f"schedule {name}") for name, *_ in kinds]
    assert locations == sorted(locations)
    assert "refused: why" in page


def test_what_has_no_fields_is_not_counted_among_what_has_some(world: World) -> None:
    world.apply(f"{HEAD}queues: {{old: {{parallelism: 1}}}}\n")
    text = (
        f"{HEAD}owns: {{queues: ['*']}}\nqueues: {{a: {{parallelism: 2}}, b: {{parallelism: 2}}}}\n"
    )
    page = markdown.plan(world.plan(text))
    assert "<summary>2 of 3 changes, field by field</summary>" in page
    found = html.plan(world.plan(text), config(text).desired, (0, 0))
    assert found.count("0 waiting") == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_page_is_the_same_on_every_run(seed: int) -> None:
    one, two = (markdown.plan(Maker(seed).plan(50), verbose=True) for _ in range(2))
    assert one == two
    earlier = replace(Maker(seed).plan(50), now=NOW.replace(year=2025))
    assert markdown.plan(earlier, verbose=True) == one  # no clock of ours is in it


@pytest.mark.parametrize("seed", range(12))
def test_an_error_is_a_page_with_the_same_marker(seed: int) -> None:
    make = Maker(seed)
    found = tuple(make.diagnostic(make.choose.choice(list(Severity))) for _ in range(9 * seed))
    for error in (ConfigError(found), AuthError(make.text())):
        for environment in (None, "production", make.text()):
            page = markdown.error(error, "plan", environment)
            counted(page)
            plan = replace(make.plan(0), environment=environment)
            assert page.split("\n")[:2] == markdown.plan(plan).split("\n")[:2]


# ---------------------------------------------------------------- by the command line

FILE = HEAD + (
    "queues: {q: {parallelism: 2}, q2: {}, q3: {}}\n"
    "owns: {queues: ['q*']}\n"
    "schedules:\n"
    "  a:\n    cron: '0 9 * * *'\n    destination: https://e.com/x\n"
    "    headers: {Authorization: 'Bearer ${env.T}', X-Team: '@org/team'}\n"
    '    body: "```\\n</details> @octocat | <!-- qstash-sync plan -->"\n'
    "  b: {cron: '0 9 * * *', destination: https://e.com/x}\n"
)
AFTER = (
    FILE.replace(", q3: {}", "")
    .replace("parallelism: 2", "parallelism: 3")
    .replace("@octocat", "@hubot")
    + "  c: {cron: '0 9 * * *', destination: https://e.com/y}\n"
)
SECRET = "s3cr3t-canary"


def run(folder: Path, text: str, command: str, *words: str, secret: str = SECRET) -> Ran:
    file = folder / "q.yaml"
    file.write_text(text)
    now = f"{NOW:%Y-%m-%dT%H:%MZ}"
    given = ("-f", str(file), f"--local={folder / 'a.db'}", "--now", now)
    return cli(command, *given, *words, environ={"T": secret})


def test_a_plan_for_a_pull_request(tmp_path: Path) -> None:
    assert run(tmp_path, FILE, "apply", "--yes").code == 0
    rotated = "rotated-canary"
    ran = run(
        tmp_path, AFTER, "plan", "--format", "markdown", "--detailed-exitcode", secret=rotated
    )
    assert ran.code == 2
    found = counted(ran.out.removesuffix("\n"))
    assert found == {
        "### 1 to delete": (1, 0),
        "### 2 to update": (2, 0),
        "### 1 to create": (1, 0),
        "### 3 warnings": (3, 0),
        "<details><summary>3 of 4 changes, field by field</summary>": (3, 0),
    }
    assert "**Plan: 1 to create, 2 to update, 1 to delete; 2 unchanged, 0 unmanaged.**" in ran.out
    assert "Namespace `billing`, schedules in the account: 2 now, 3 after" in ran.out
    assert "header Authorization  Bearer (secret) (changed)" in ran.out
    assert ran.err == ""
    again = run(tmp_path, AFTER, "plan", "--format", "markdown", secret=rotated)
    assert again.out == ran.out
    for secret in (SECRET, rotated):
        assert secret not in ran.text


def test_warnings_of_the_file_and_of_the_plan_are_in_the_page(tmp_path: Path) -> None:
    text = FILE.replace("'0 9 * * *'\n", "'30 2 * * *'\n    timezone: America/New_York\n")
    ran = run(
        tmp_path, text.replace("q3: {}", "q3: {paused: true}"), "plan", "--format", "markdown"
    )
    assert ran.code == 0
    assert 'q.yaml:8:5: warning: schedules.a: "30 2 * * *"' in " ".join(ran.out.split())
    assert ran.out.count("```diff") == 4  # heads, a warning, fields, crons in UTC


def test_a_refused_plan_says_so_at_the_top_and_exits_3(tmp_path: Path) -> None:
    assert run(tmp_path, FILE, "apply", "--yes").code == 0
    with FaultServer(tmp_path / "a.db") as server:
        server.console.set_lag("q3", 5)
    for command, code in (("plan", 3), ("drift", 2)):
        ran = run(tmp_path, AFTER, command, "--format", "markdown")
        assert ran.code == code
        assert "5 messages wait in it and would be lost" in ran.out
        counted(ran.out.removesuffix("\n"))
    page = run(tmp_path, AFTER, "plan", "--format", "markdown").out
    assert page.index("### 1 error") < page.index("### 1 to delete")


@pytest.mark.parametrize("command", ["plan", "drift"])
@pytest.mark.parametrize(
    ("text", "words", "code", "fact"),
    [
        ("version: 1\nnamespace: a\nschedule: {}\n", (), 1, "did you mean schedules?"),
        (FILE, ("--nonsense",), 64, "--nonsense"),
        (FILE, ("--now", "yesterday"), 64, "--now: stands here 2 times"),
        (FILE, ("-e", "`x` @a\n"), 64, "the file has no environments section"),
        (FILE, ("--output", "pdf=x"), 64, "write it like markdown=FILE"),
        (FILE, ("--output", "json="), 64, "write it like markdown=FILE"),
        (FILE, ("--output", "json=/nowhere/x"), 64, "cannot be written"),
    ],
    ids=["file", "usage", "now", "environment", "format", "no file", "unwritable"],
)
def test_every_error_is_one_document_on_stdout(
    tmp_path: Path, command: str, text: str, words: tuple[str, ...], code: int, fact: str
) -> None:
    for form in (("--format", "markdown"), ("--format=markdown",)):
        ran = run(tmp_path, text, command, *words, *form)
        assert ran.code == code, ran
        assert fact in ran.out
        assert ran.out.startswith(f"<!-- qstash-sync {command}")
        assert sum(both[0] for both in counted(ran.out.removesuffix("\n")).values()) >= 1


def test_the_marker_of_an_environment_is_the_same_for_a_plan_and_its_error(tmp_path: Path) -> None:
    example = ("-f", str(ROOT / "examples" / "environments"), "--format", "markdown")
    local = f"--local={tmp_path / 'a.db'}"
    marker = "<!-- qstash-sync plan staging -->\n"
    for flag in (("-e", "staging"), ("--env=staging",), ("-estaging",)):
        good = cli("plan", *example, *flag, local, environ={"STG_QSTASH_TOKEN": "t"})
        bad = cli("plan", *example, *flag)
        assert (good.code, bad.code) == (0, 1)
        assert good.out.startswith(marker)
        assert bad.out.startswith(marker)


@pytest.mark.parametrize("command", ["plan", "drift"])
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_output_writes_the_same_documents_to_files(tmp_path: Path, command: str, form: str) -> None:
    assert run(tmp_path, FILE, "apply", "--yes").code == 0
    files = {name: tmp_path / f"plan.{name}" for name in ("text", "markdown", "json")}
    words = [word for name, path in files.items() for word in ("--output", f"{name}={path}")]
    ran = run(tmp_path, AFTER, command, "--format", form, *words)
    for name, path in files.items():
        alone = run(tmp_path, AFTER, command, "--format", name)
        assert path.read_text() == alone.out
        assert SECRET not in path.read_text()
    assert ran.out == files[form].read_text()


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_output_is_written_for_an_error_too(tmp_path: Path, form: str) -> None:
    """So that a comment never shows the plan of an older commit."""
    text = "version: 1\nnamespace: a\nschedule: {}\n"
    files = {name: tmp_path / f"plan.{name}" for name in ("text", "markdown", "json")}
    words = [word for name, path in files.items() for word in ("--output", f"{name}={path}")]
    ran = run(tmp_path, text, "plan", "--format", form, *words)
    assert ran.code == 1
    assert "unknown key" in files["text"].read_text()
    assert files["markdown"].read_text().startswith("<!-- qstash-sync plan -->\n")
    assert json.loads(files["json"].read_text())["errors"]
    assert (ran.out or ran.err) == files[form].read_text()


def test_colours_stay_out_of_files(tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    ran = run(tmp_path, FILE, "plan", "--color", "always", "--output", f"text={path}")
    assert "\x1b[" in ran.out
    assert "\x1b[" not in path.read_text()
