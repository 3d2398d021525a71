"""What a plan says of a rename, a delete, a refusal, and of a file that declares nothing."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qstash_sync.crons.gap_and_fold import Job
from qstash_sync.crons.grammar import parse
from qstash_sync.model.change import Action, Change, FieldChange, Reason
from qstash_sync.model.diagnostics import Diagnostic, Location, Severity
from qstash_sync.model.resources import Kind, Live
from qstash_sync.planning.decide import Plan
from qstash_sync.reconcile import diff
from qstash_sync.reconcile.live_parts import LiveParts
from qstash_sync.render import markdown, spoken, text
from qstash_sync.render.text import Paint
from qstash_sync.render.words import effect
from tests.fault_server import FaultServer
from tests.support import HEAD, Ran, World, cli, config

URL = "https://user:pw@hooks.example.com/T0/B0/s3cret?key=s3cret#x"
NEW_YORK = (
    HEAD + "schedules: {a: {cron: '0 9 * * 1-5', timezone: America/New_York,"
    " destination: 'https://e.example.com/x'}}\n"
)
NOTHING = HEAD + "schedules: {}\n"
PLAIN = Paint(color=False)


class Account:
    """Files and a local account beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "a.db"

    def run(self, content: str, *words: str) -> Ran:
        path = self.folder / "q.yaml"
        path.write_text(content)
        local = [f"--local={self.database}", "--now", "2026-11-23T12:00Z"]
        return cli(*words, "-f", str(path), *local)

    def files(self, content: str, *words: str) -> Ran:
        """A command that needs no account."""
        path = self.folder / "q.yaml"
        path.write_text(content)
        return cli(*words, "-f", str(path), "--now", "2026-11-23T12:00Z")


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


def plan_of(*changes: Change) -> Plan:
    desired = config(NOTHING).desired
    return Plan(
        environment=None, namespace="billing", now=datetime(2026, 11, 23, tzinfo=UTC), tzdata="x",
        changes=changes, index=LiveParts(desired, ()), live=Live(),
    )  # fmt: skip


def renamed(*more: FieldChange) -> Plan:
    name = FieldChange(path="name", before="a", after="b")
    return plan_of(
        Change(
            kind=Kind.SCHEDULE, name="b", id="billing.b", action=Action.UPDATE,
            reason=Reason.RENAME, fields=(name, *more),
        )
    )  # fmt: skip


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_rename_says_that_nothing_else_changes_or_what_does(form: str) -> None:
    def page(plan: Plan) -> str:
        return markdown.plan(plan) if form == "markdown" else text.plan(plan, PLAIN)

    assert "nothing else changes" in page(renamed())
    other = page(renamed(FieldChange(path="retries", before=3, after=4)))
    assert "nothing else changes" not in other
    assert "3 -> 4" in other


def test_a_rename_shows_what_changes_and_no_more(account: Account) -> None:
    assert account.run(NEW_YORK, "apply", "--yes").code == 0
    moved = NEW_YORK.replace("a: {", "b: {was: a, ")
    for words in (("plan",), ("drift",), ("plan", "--format", "markdown")):
        lines = account.run(moved, *words).out.splitlines()
        found = [" ".join(line.split()) for line in lines if line.startswith("      ")]
        assert [one for one in found if not one.startswith("stored as")] == [
            "name a -> b",
            "nothing else changes",
        ]
    found = json.loads(account.run(moved, "plan", "--format", "json").out)["changes"][0]["fields"]
    assert [one["path"] for one in found] == ["name"]
    out = account.run(moved.replace("/x'", "/y'"), "plan").out
    assert "destination          https://e.example.com/x -> https://e.example.com/y" in out
    assert "(none)" not in out


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_delete_says_when_and_where_the_schedule_fires(account: Account, form: str) -> None:
    assert account.run(NEW_YORK, "apply", "--yes").code == 0
    for words in (("plan", "--allow-deletes", "1"), ("drift",)):
        ran = account.run(NOTHING, *words, "--format", form)
        for line in (
            "      cron                 0 9 * * 1-5 in America/New_York\n",
            "      destination          https://e.example.com/…\n",
            "      next firing          Mon 2026-11-23 14:00Z\n",
        ):
            assert line in ran.out
    found = json.loads(account.run(NOTHING, "plan", "--format", "json").out)["changes"][0]["takes"]
    assert found["next_firing"] == "2026-11-23T14:00:00Z"
    assert found["destination"] == "https://e.example.com/…"
    assert len(found["crons"]) == 3
    with FaultServer(account.database) as server:
        for part, stored in server.console.snapshot()["schedule"].items():
            server.console.edit("schedule", part, labels=stored["labels"][:2])
    for cron in found["crons"]:
        assert cron in account.run(NOTHING, "plan", "--format", form).out


def test_the_next_firing_of_a_paused_schedule_is_none(account: Account) -> None:
    paused = NEW_YORK.replace("'}", "', paused: true}")
    assert account.run(paused, "apply", "--yes").code == 0
    assert "next firing          none: paused" in account.run(NOTHING, "plan").out


def test_time_alone_does_not_make_a_delete_another_one(world: World) -> None:
    """Else a plan that somebody reads for a day could not be applied any more."""
    world.apply(NEW_YORK)
    first = world.plan(NOTHING)
    world.edit("billing.a", nextScheduleTime=1_795_600_000_000)
    assert world.plan(NOTHING).changes == first.changes


@pytest.mark.parametrize(
    ("_id", "live", "shown"),
    [
        ("a URL", "https://e.com/p/s3cret", "https://e.com/…"),
        ("a query", "https://e.com?k=s3cret", "https://e.com/…"),
        ("a login", URL, "https://hooks.example.com/…"),
        ("a login alone", "http://s3cret@e.com:8080", "http://e.com:8080"),
        ("a host", "https://e.com/", "https://e.com"),
        ("capitals", "HTTPS://E.com/s3cret", "HTTPS://E.com/…"),
        ("two lines", "https://e.com/\ns3cret", "https://e.com/…"),
        ("a URL group", "orders", "orders"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_of_a_live_address_the_host_is_shown(_id: str, live: str, shown: str) -> None:
    assert diff.address(live) == shown


def test_crons_that_change_have_a_line_that_says_what_they_are(account: Account) -> None:
    """Also where only the strategy changes, and the local cron is that of the native one."""
    assert account.run(NEW_YORK, "apply", "--yes").code == 0
    for strategy in ("native, accept: true", "follow"):
        changed = NEW_YORK.replace("'}", f"', dst: {{strategy: {strategy}}}}}")
        ran = account.run(changed, "plan")
        for words in (("plan",), ("drift",), ("plan", "--format", "markdown")):
            ran = account.run(changed, *words)
            assert not [
                line for line in ran.out.splitlines() if line.split() in (["cron"], ["parts"])
            ]
            assert f"split -> {strategy.split(',')[0]}" in ran.out
        assert "stored as" in ran.out  # the comment has all, folded
        assert "stored as" in account.run(changed, "plan", "-v").out


def test_why_a_change_is_refused_is_said_once(account: Account) -> None:
    text = NEW_YORK.replace("'}", "', protect: true}")
    assert account.run(text, "apply", "--yes").code == 0
    invalid = NEW_YORK.replace("0 9 * * 1-5", "30 2 * * *").replace(
        "'}", "', dst: {strategy: native}}"
    )
    for content, why in ((NOTHING, "protected: apply it once"), (invalid, "parser would miss")):
        for form in ("text", "markdown"):
            ran = account.run(content, "plan", "--format", form)
            flat = " ".join(ran.text.split())
            assert ran.code in (1, 3)
            assert flat.count(why) == 1, ran.text


def test_a_change_that_fails_is_told_once_with_its_reason(account: Account) -> None:
    """What is done is told as it is done; what is not stands in the result."""
    assert account.run(NEW_YORK, "apply", "--yes").code == 0
    with FaultServer(account.database) as server:
        server.console.edit("schedule", "billing.a", labels=["theirs"])
    ran = account.run(NEW_YORK.replace("1-5", "1-4"), "apply", "--yes")
    assert ran.code == 4
    assert "refused" not in ran.err
    assert ran.out.count("has no mark of ours") == 1
    assert ran.out.count("refused    update schedule a\n") == 1


# A file that declares nothing, and what is not ours


@pytest.mark.parametrize("words", [("plan",), ("drift",), ("plan", "--format", "markdown"), ("drift", "--format", "markdown")], ids=" ".join)  # fmt: skip
def test_a_file_that_declares_no_section_is_not_told_that_all_is_well(
    account: Account, words: tuple[str, ...]
) -> None:
    assert account.run(NEW_YORK, "apply", "--yes").code == 0
    ran = account.run(HEAD, *words)
    assert ran.code == 0
    assert "No section is declared, so nothing is managed" in ran.out
    assert "No changes" not in ran.out
    assert "No differences" not in ran.out
    found = json.loads(account.run(HEAD, words[0], "--format", "json").out)
    assert found["managed"] == []
    assert account.run(HEAD, "drift", "--fail-on", "unmanaged").code == 64


def test_what_is_not_ours_is_listed_with_cron_destination_and_mark(account: Account) -> None:
    other = NEW_YORK.replace("billing", "acme").replace(
        "https://e.example.com/x", URL.split("#", maxsplit=1)[0].replace("user:pw@", "")
    )
    assert account.run(other, "apply", "--yes").code == 0
    with FaultServer(account.database) as server:
        theirs = server.console.edit("schedule", "acme.a.2", labels=[])
        server.store.put("schedule", "copy", {**theirs, "scheduleId": "copy"})
    quiet, ran = account.run(NOTHING, "plan"), account.run(NOTHING, "plan", "-v")
    assert "4 unmanaged" in quiet.out
    assert "acme" not in quiet.out
    for line in (
        "    schedule acme.a  0 14 * 1,2,11,12 1-5  to https://hooks.example.com/…  managed elsewhere",
        "    schedule acme.a.2  0 14 1-5,8-12 3-10 *  to https://hooks.example.com/…",
        "    schedule copy  0 14 1-5,8-12 3-10 *  to https://hooks.example.com/…",
    ):
        assert " ".join(line.split()) in " ".join(ran.out.split())
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "s3cret" not in ran.text
    found = json.loads(account.run(NOTHING, "drift", "--format", "json").out)["unmanaged"]
    assert [one["marked"] for one in found] == ["acme.a", None, "acme.a", None]
    assert found[0]["cron"] == "0 14 * 1,2,11,12 1-5"
    drift = account.run(NOTHING, "drift", "--fail-on", "unmanaged")
    assert drift.code == 2
    assert "schedule copy" in drift.out
    assert account.run(NOTHING, "drift").code == 0
    page = account.run(NOTHING, "drift", "--fail-on", "unmanaged", "--format", "markdown").out
    assert "schedule copy" in page


def test_an_unnamed_endpoint_is_told_by_its_url_once(account: Account) -> None:
    text = HEAD + "url_groups: {m: {endpoints: ['https://mail.example.com/in', %s]}}\n"
    first = account.run(text % "'https://b.example.com'", "plan").out
    assert "\n      endpoint (unnamed)   https://mail.example.com/in\n" in first
    assert account.run(text % "'https://b.example.com'", "apply").code == 0
    for form in ("text", "markdown", "html"):
        page = account.run(text % "'https://c.example.com'", "plan", "--format", form).out
        assert "(unnamed)" in page
        assert "(unnamed) https" not in page


def test_a_url_group_that_goes_says_with_v_which_hosts_it_calls(account: Account) -> None:
    """There is no undo, and a path may hold a secret."""
    urls = "{orders: 'https://a.example.com/hook-canary', stock: 'https://b.example.com'}"
    assert account.run(HEAD + f"url_groups: {{m: {{endpoints: {urls}}}}}\n", "apply").code == 0
    gone = HEAD + "owns: {url_groups: ['*']}\nlimits: {max_deletes: none}\nurl_groups: {}\n"
    assert "2 endpoints\n" in account.run(gone, "plan").out
    for command in ("plan", "apply"):
        page = account.run(gone, command, "-v").out
        assert "\n      endpoint orders      https://a.example.com/…\n" in page
        assert "\n      endpoint stock       https://b.example.com\n" in page
        assert "canary" not in page


def test_what_somebody_has_put_into_a_plain_setting_may_be_a_secret(account: Account) -> None:
    text = NEW_YORK.replace("/x'", "/x', headers: {X-T: plain}")
    assert account.run(text, "apply", "--yes").code == 0
    with FaultServer(account.database) as server:
        url = "https://usr:liveSECRETpw@h.example.com/x?sig=liveSECRETsig"
        header = {"X-T": ["Bearer liveSECRETtoken"]}
        server.console.edit("schedule", "billing.a", destination=url, header=header)
    every = ("text", "markdown", "json", "html")
    asked = [(("plan",), every), (("plan", "-v"), every), (("drift",), every)]
    for words, forms in (*asked, (("explain", "a"), every[::2])):
        for form in forms:
            ran = account.run(text, *words, "--format", form)
            assert "liveSECRET" not in ran.text, (words, form)
            assert "h.example.com" in ran.out


def test_an_address_with_a_password_is_not_shown_with_its_line(account: Account) -> None:
    ran = account.run(NEW_YORK.replace("https://e", "https://u:pw-SECRET@e"), "plan")
    assert ran.code == 1
    assert "credentials in a URL" in ran.err
    assert "pw-SECRET" not in ran.text


MOVES = [
    ("0 9 * * 1", "*/15 * * * *", "Mon 09:00 -> every 15 minutes in Berlin"),
    ("*/15 * * * *", "0 9 * * 1", "every 15 minutes -> Mon 09:00 Berlin"),
    ("*/15 * * * *", "*/10 * * * *", "every 15 minutes -> every 10 minutes in Berlin"),
    ("*/15 * * * 1-5", "*/10 * * * 1-5", "Mon-Fri every 15 minutes -> every 10 minutes in Berlin"),
    ("0 9 * * *", "30 9 * * *", "daily 09:00 -> 09:30 Berlin"),
]


@pytest.mark.parametrize(("before", "after", "said"), MOVES, ids=[case[2] for case in MOVES])
def test_a_beat_is_in_a_zone_and_a_time_is_of_it(before: str, after: str, said: str) -> None:
    jobs = [Job(crons=(parse(cron),), timezone="Europe/Berlin") for cron in (before, after)]
    assert spoken.move(*jobs) == said


@pytest.mark.parametrize(
    ("timezone", "told"),
    [("Etc/GMT+2", "daily 09:00 UTC-2"), ("Etc/UTC", "daily 09:00 UTC"), ("GMT", "daily 09:00 GMT"),
     ("EST5EDT", "daily 09:00 EST5EDT")],
)  # fmt: skip
def test_a_zone_of_etc_is_told_by_what_its_clock_shows(
    account: Account, timezone: str, told: str
) -> None:
    """`09:00 GMT+2` is 07:00Z to any reader, and 11:00Z to the zone data."""
    file = NEW_YORK.replace("America/New_York", timezone).replace("1-5", "*")
    moved = file.replace("0 9", "0 10")
    for form in ("text", "markdown", "html"):
        ran = account.run(file, "plan", "--format", form)
        assert told in ran.out
        assert not re.search(r"(?<!Etc/)GMT[+-]", ran.out)
    assert account.run(file, "apply").code == 0
    for words in (("plan", "-v"), ("explain", "a"), ("next",), ("next", "--format", "ics")):
        for form in ("text", "markdown", "html")[: 1 if words[0] != "plan" else 3]:
            more = () if "--format" in words else ("--format", form)
            run = account.files if words[0] == "next" else account.run
            ran = run(moved, *words, *more)
            assert ran.code == 0
            assert not re.search(r"(?<!Etc/)GMT[+-]", ran.out)


@pytest.mark.parametrize(("timezone", "city"), [("Asia/Tokyo", " Tokyo"), ("Europe/Berlin", "")])
def test_the_first_firing_that_moves_says_in_which_zone_where_there_are_two(
    world: World, timezone: str, city: str
) -> None:
    """The old firing stands on the new clock."""
    entry = "schedules: {{s: {{cron: 0 {} * * *, timezone: {}, destination: 'https://e.com'}}}}\n"
    world.apply(HEAD + entry.format(9, "Europe/Berlin"))
    (change,) = world.plan(HEAD + entry.format(10, timezone)).changes
    assert change.firings
    first = effect(change.firings, change.wanted).rpartition(", first ")[2]
    assert first.endswith(f":00{city}")


TIMES = [
    ("0 */2 * * *", "every 2 hours in UTC"),
    ("30 */2 * * *", "every 2 hours at :30 in UTC"),
    ("5 */3 * * 1-5", "Mon-Fri every 3 hours at :05 in UTC"),
    ("0 1-23/2 * * *", "every 2 hours from 01:00 in UTC"),
    ("0 */6 * * *", "daily 00:00, 06:00, 12:00, 18:00 UTC"),
    ("0 */5 * * *", "(0 */5 * * *) UTC"),  # 20:00 and midnight are no five hours apart
    ("0 8-18/2 * * *", "(0 8-18/2 * * *) UTC"),
    ("*/20 */2 * * *", "(*/20 */2 * * *) UTC"),
    ("30 2 28 3 *", "28 Mar 02:30 UTC"),
    ("0 6 1,15 12 *", "1, 15 Dec 06:00 UTC"),
    ("0 6 1 1,7 *", "on the 1st in Jan, Jul 06:00 UTC"),
    ("0 6 1 * *", "on the 1st of the month 06:00 UTC"),
    ("0 * * * *", "hourly at :00 in UTC"),
]


@pytest.mark.parametrize(("cron", "said"), TIMES, ids=[cron for cron, _ in TIMES])
def test_a_time_in_words(cron: str, said: str) -> None:
    assert spoken.time(Job(crons=(parse(cron),), timezone="UTC")) == said


LISTS = [
    (("0 0 1 1 *", "0 9 * * 1-5", "30 17 * * *"), ("0 9 * * 1-5", "30 18 * * *", "0 0 1 1 *"),
     ("Mon-Fri 09:00 + daily 17:30 + 1 Jan 00:00"
      " -> Mon-Fri 09:00 + daily 18:30 + 1 Jan 00:00 Berlin")),
    (("0 9 * * *", "0 8 * * *"), ("0 8 * * *",), "daily 08:00 + daily 09:00 -> daily 08:00 Berlin"),
    (("0 8 * * *",), ("0 9 * * *", "0 8 * * *"), "daily 08:00 -> daily 09:00 + daily 08:00 Berlin"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "said"), LISTS, ids=range(len(LISTS)))
def test_a_list_of_crons_has_one_order_on_both_sides(
    before: tuple[str, ...], after: tuple[str, ...], said: str
) -> None:
    """Only what changes is to differ: the label keeps another order than the file."""
    jobs = [Job(crons=tuple(map(parse, c)), timezone="Europe/Berlin") for c in (before, after)]
    assert spoken.move(*jobs) == said


@pytest.mark.parametrize("label", ["body", "a" * 19, "flow_control.parallelism", "x" * 60])
def test_a_label_keeps_two_blanks_before_its_value(label: str) -> None:
    assert text.column(label).startswith(f"{label}  ")
    assert len(text.column(label)) == max(text.LABEL_WIDTH, len(label) + 2)


def test_a_short_line_says_what_a_field_was_and_what_it_becomes() -> None:
    field = FieldChange(
        path="endpoints.inventory", before="https://stock.example.com/…",
        after="https://stock.example.com/api/v2",
    )  # fmt: skip
    change = Change(
        kind=Kind.URL_GROUP, name="g", id="g", action=Action.UPDATE, reason=Reason.FILE,
        fields=(field,),
    )  # fmt: skip
    assert text.summary_of(change) == (
        "endpoint inventory https://stock.example.com/… -> https://stock.example.com/api/v2"
    )


def test_each_severity_looks_otherwise() -> None:
    severities = (Severity.ERROR, Severity.WARNING, Severity.INFO)
    heads = [Diagnostic(severity=one, code="c", message="m") for one in severities]
    page = text.diagnostics(heads, Paint(color=True))
    assert len(set(re.findall(r"\x1b\[([\d;]+)m(?:error|warning|info):", page))) == 3


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("column", [1, 12, 60, 150, 200])
@pytest.mark.parametrize("length", [20, 31, 71, 72, 200])
def test_a_line_of_a_file_that_is_cut_says_so(width: int, column: int, length: int) -> None:
    source = "".join(chr(97 + at % 26) for at in range(length))
    column = min(column, length)
    at = Location("q.yaml", 6, column, source)
    found = Diagnostic(code="c", message="m", location=at, hint="do this")
    _, quoted, caret, *_ = text.diagnostics([found], Paint(color=False, width=width)).split("\n")
    assert len(quoted) <= width
    shown = quoted.removeprefix("     6 | ")
    assert (shown == source) == (length <= width - 9)
    inner = shown.removeprefix("…").removesuffix("…")
    assert inner in source
    assert source.startswith(inner) or shown[0] == "…"
    assert source.endswith(inner) or shown[-1] == "…"
    assert quoted[caret.index("^")] in (source[column - 1], "…")
