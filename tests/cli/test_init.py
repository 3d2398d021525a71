"""`init`: a first file from three answers, or from the jobs of another tool."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from qstash_sync.adopt import crontab, foreign
from qstash_sync.adopt.starting import Start, of_jobs
from qstash_sync.cli.import_ import style_of
from qstash_sync.cli.init import wrong
from tests.support import Ran, cli, config

NOW = ("--now", "2026-11-23T12:00Z")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "My App"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def done(*words: str, **environ: str) -> Ran:
    ran = cli(*words, environ=environ)
    assert ran.code == 0, ran.text
    return ran


def to_an_empty_drift(*words: str, **environ: str) -> str:
    """The commands that a person needs from nothing on: four."""
    done("init", "--yes", *words)
    common = ("--local=account.db", *NOW)
    done("plan", *common, **environ)
    done("apply", "--yes", *common, **environ)
    assert "No differences" in done("drift", *common, **environ).out
    return Path("qstash.yaml").read_text()


@pytest.mark.parametrize("plan", [None, "free", "payg", "fixed_1m", "fixed_10m"])
def test_an_empty_folder_has_a_file_in_one_command(plan: str | None) -> None:
    words = ["--timezone", "America/New_York", *(["--plan", plan] if plan else [])]
    text = to_an_empty_drift(*words)
    assert "namespace: my-app # " in text
    assert ("strategy: auto" in text) == (plan == "free")
    found = config(text)
    assert not found.warnings


def test_what_stands_in_comments_is_right_too() -> None:
    done("init", "--yes")
    lines = Path("qstash.yaml").read_text().splitlines()[1:]
    kept = [re.sub(r"^(\s*)# ", r"\1", line).partition(" # ")[0] for line in lines]
    found = config("\n".join(kept), {"CRON_SECRET": "x"})
    assert [q.name for q in found.desired.queues or ()] == ["images"]
    assert [g.name for g in found.desired.url_groups or ()] == ["orders"]
    (schedule,) = found.desired.schedules or ()
    assert schedule.message.timeout == 60
    assert schedule.message.failure_callback


def test_it_never_overwrites_and_asks_only_on_a_terminal() -> None:
    assert "init asks for --base-url, --namespace, --timezone" in cli("init").err
    assert not Path("qstash.yaml").exists()
    done("init", "--yes")
    before = Path("qstash.yaml").read_bytes()
    ran = cli("init", "--yes")
    assert (ran.code, "is there already" in ran.err) == (64, True)
    assert Path("qstash.yaml").read_bytes() == before
    done(
        "init",
        "--namespace",
        "a",
        "--timezone",
        "UTC",
        "--base-url",
        "https://a.com",
        "--out",
        "b.yaml",
    )


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("--namespace", "A b"), "--namespace A b: use a-z"),
        (("--timezone", "Mars"), "--timezone: 'Mars' is not a time zone"),
        (("--base-url", "ftp://x"), "--base-url ftp://x: "),
        (("--plan", "gold"), "'gold' is not one of"),
        (("--from", "nowhere.json"), "--from nowhere.json: no such file"),
        (("--env-out", ".env"), "--env-out .env: a file of its own"),
        (("--out", "nowhere/q.yaml"), "no such directory"),
    ],
)
def test_a_slip_of_the_pen_is_one_clear_error(words: tuple[str, ...], fact: str) -> None:
    ran = cli("init", "--yes", *words)
    assert ran.code == 64
    assert fact in ran.err
    assert not list(Path().iterdir())


def test_a_wrong_answer_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter(["Bad name!", "acme", "Mars", "Europe/Paris", "ftp://x", "https://a.acme.com"])
    monkeypatch.setattr("qstash_sync.cli.streams.is_terminal", lambda _: True)
    monkeypatch.setattr("qstash_sync.cli.streams.ask", lambda _question, _default: next(given))
    ran = done("init")
    assert [line.partition(":")[0] for line in ran.err.splitlines()] == [
        "--namespace Bad name!", "--timezone", "--base-url ftp",
    ]  # fmt: skip
    found = config(Path("qstash.yaml").read_text()).desired
    assert found.namespace == "acme"


def test_more_jobs_than_the_plan_allows_are_no_file() -> None:
    jobs = [{"url": f"https://a.acme.com/{n}", "cron": "0 1 * * *"} for n in range(11)]
    Path("jobs.json").write_text(json.dumps(jobs))
    words = ("init", "--yes", "--from", "jobs.json", "--plan", "free")
    assert "11 schedules are needed; the plan free allows 10" in cli(*words).err
    jobs = [{"url": f"https://a.acme.com/{n}", "cron": "30 2 * * *"} for n in range(10)]
    Path("jobs.json").write_text(json.dumps(jobs))
    assert "are needed" in cli(*words, "--timezone", "America/New_York").err  # in several parts
    assert not Path("qstash.yaml").exists()


VERCEL = {
    "crons": [
        {"path": f"/api/cron/{name}", "schedule": cron}
        for name, cron in (
            ("daily-report", "0 5 * * *"), ("cleanup", "*/10 * * * *"), ("weekly?full=1", "0 0 * * 0"),
            ("digest", "0 7 * * 1-5"), ("invoices", "0 0 1 * *"), ("sync/users", "5 * * * *"),
            ("sync/orders", "10 * * * *"), ("trial", "30 3 * * *"),
        )
    ]
}  # fmt: skip


def test_eight_crons_of_vercel_are_here_in_four_commands() -> None:
    Path("vercel.json").write_text(json.dumps(VERCEL))
    words = ("--from", "vercel.json", "--base-url", "https://acme.vercel.app")
    text = to_an_empty_drift(*words, CRON_SECRET="s")
    assert '# Take the "crons" out of vercel.json' in text
    found = config(text, {"CRON_SECRET": "s"}).desired.schedules or ()
    assert {s.name for s in found} >= {"daily-report", "cleanup", "weekly", "users", "orders"}
    assert len(found) == 8
    assert {s.timing.job.timezone for s in found} == {"UTC"}
    assert {s.message.method for s in found} == {"GET"}
    assert {str(dict(s.message.headers)["Authorization"]) for s in found} == {"Bearer (secret)"}
    assert all(
        str(s.message.destination).startswith("https://acme.vercel.app/api/cron/") for s in found
    )


def test_vercel_needs_the_address_of_its_paths() -> None:
    Path("vercel.json").write_text(json.dumps(VERCEL))
    assert "--base-url URL" in cli("init", "--yes", "--from", "vercel.json").err


CRONTAB = r"""
# my jobs
MAILTO=me@example.com
CRON_TZ=Europe/Berlin
0 9 * * 1-5 curl -fsS -X POST -H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' -d '{"type":"daily"}' https://app.acme.com/api/report > /dev/null 2>&1
*/5 * * * * wget -qO- https://app.acme.com/ping
@daily /usr/bin/curl https://app.acme.com/d -m 30 --retry 3
0 1 * * * /home/me/backup.sh
@reboot curl https://x.acme.com
30 2 * * * curl -s 'https://app.acme.com/night?token=s3cretvalue99'
0 3 * * * curl https://app.acme.com/pct?a=50\%
0 4 * * * curl https://app.acme.com/a && curl https://app.acme.com/b
0 5 * * * curl -d @body.json https://app.acme.com/c
61 * * * * curl https://app.acme.com/wrong
"""


def test_a_crontab_has_what_calls_an_address(here: Path) -> None:
    Path("crontab.txt").write_text(CRONTAB)
    ran = done("init", "--yes", "--from", "crontab.txt", "--env-out", ".env")
    text = Path("qstash.yaml").read_text()
    found = {
        s.name: s
        for s in config(text, {"API_KEY": "k", "NIGHT_TOKEN": "t"}).desired.schedules or ()
    }
    assert set(found) == {"report", "ping", "d", "night", "pct"}
    assert {s.timing.job.timezone for s in found.values()} == {"Europe/Berlin"}
    assert found["report"].message.method == "POST"
    assert (
        found["report"].message.body == b'{"type":"daily"}'
        or found["report"].message.body == '{"type":"daily"}'
    )
    assert "s3cretvalue99" not in text + ran.text
    assert Path(".env").read_text().count("NIGHT_TOKEN=s3cretvalue99") == 1
    assert "Secrets: 1 in .env" in ran.out
    assert "Set in the environment: API_KEY\n" in ran.out
    assert "plan --local -f qstash.yaml --env-file .env --unknown-env\n" in ran.out
    for reason in (
        "line 8, 0 1 * * *: its command is no single call", "line 9, @reboot: @reboot is when a machine starts",
        "line 12, 0 4 * * *: it is more than one command", "line 13, 0 5 * * *: its body stands in a file", "line 14: minute: 61 is out of range",
    ):  # fmt: skip
        assert f"#   {reason}" in text


CALLS: list[tuple[str, str]] = [
    ("curl -fsSL https://a.acme.com/x", ""),
    ("curl -sSo /dev/null -m30 --retry=3 https://a.acme.com/x", ""),
    ("wget -qO- https://a.acme.com/x", ""),
    ("curl --request=GET https://a.acme.com/x", ""),
    ("curl -XGET https://a.acme.com/x", ""),
    ("curl -O https://a.acme.com/x", ""),
    ("wget -nv -t 2 -T 30 --header 'A: b' -O /dev/null https://a.acme.com/x", ""),
    ("wget --spider https://a.acme.com/x", "its option --spider is not"),
    ("wget -i list https://a.acme.com/x", "its option -i is not"),
    ("curl -T file https://a.acme.com/x", "its option -T is not"),
    ("curl -I https://a.acme.com/x", "its option -I is not"),
    ("curl -F f=@x https://a.acme.com/x", "its option -F is not"),
    ("curl -K conf https://a.acme.com/x", "its option -K is not"),
    ("curl -H @file https://a.acme.com/x", "one of its headers stands in a file"),
    ("curl a.acme.com/x", "its address does not begin with https://"),
    ("curl https://a.acme.com/x https://a.acme.com/y", "it calls 2 addresses"),
    ("root curl https://a.acme.com/x", ""),  # the user of /etc/crontab
    ("time -p curl https://a.acme.com/x", "its command is no single call"),
    ("wget --post-file=/x https://a.acme.com/x", "its option --post-file is not"),
    (
        'curl -H "Authorization: Basic hunter2aaaa$FOO" https://a.acme.com/x',
        "its header Authorization has a secret",
    ),
    ('curl -H "X-P: ${A:-b}" https://a.acme.com/x', "it has more of the shell"),
    ("curl https://a.acme.com/x | logger -t x", ""),
    ("curl https://a.acme.com/x || true", ""),
    ("curl https://a.acme.com/x;", ""),
    ("curl https://a.acme.com/x &", ""),
    ("curl https://a.acme.com/x </dev/null", ""),
    ("flock -n /tmp/x.lock curl https://a.acme.com/x", ""),
    ("/usr/bin/timeout -k 5 60 /usr/bin/curl https://a.acme.com/x", ""),
    ("nice -n 10 ionice -c3 curl https://a.acme.com/x", ""),
    ("www-data curl https://a.acme.com/x", ""),
    ("echo curl https://a.acme.com/x", "its command is no single call"),
    ("curl -H Expect: --http1.1 --proto =https https://a.acme.com/x", ""),
    ("curl https://a.acme.com/x || curl https://b.acme.com/x", "it is more than one command"),
    ("curl https://a.acme.com/x &>/dev/null -X DELETE", "it is more than one command"),
    ("curl -b jar https://a.acme.com/x", "its cookies stand in a file"),
    ("curl -u me https://a.acme.com/x", "its option -u has no password"),
    ("curl -u me:$P https://a.acme.com/x", "its option -u has a variable"),
    ("curl -d a=1 -d @/etc/x https://a.acme.com/x", "its body stands in a file"),
    ("curl -d a=1 --json '{}' https://a.acme.com/x", "its body comes from several kinds"),
    ("curl -d $'a\\nb' https://a.acme.com/x", "it has more of the shell"),
    ("curl -o ~/x https://a.acme.com/x", "it has more of the shell"),
    ("curl https://a.acme.com/x\\", "a backslash ends it"),
    ('curl -H "X-P: \\$$AMT" https://a.acme.com/x', "its header X-P has a $ before"),
    (
        'curl -H "X-C: https://hooks.slack.com/services/T0/B0/hunter2?e=$E" https://a.acme.com/x',
        "its header X-C has a secret",
    ),
    ("curl 'https://a.acme.com/tab%20x'", "a % ends the command"),
    ("curl https://a.acme.com/x; rm -r x", "it is more than one command"),
    ("curl https://a.acme.com/x & sleep 1", "it is more than one command"),
    ("curl https://a.acme.com/x?a=1&b=2", "it is more than one command"),
    ("curl 'https://a.acme.com/{x,y}'", "its address has braces"),
    ("curl https://a.acme.com/{x,y}", "its braces may be several words"),
    ("curl 'https://a.acme.com/[1-3]'", "its address has braces"),
    ("curl $URL", "its address has a variable that the crontab does not set"),
    ('curl -d "$X" https://a.acme.com/x', "its body has a variable that"),
    ('curl -d "$(date)" https://a.acme.com/x', "it has more of the shell"),
    ("curl `cat url`", "it is more than one command"),
    ("curl 'https://a.acme.com/x", "its quotes do not match"),
    ("curl -X hunter2 https://a.acme.com/x", "its method is none of GET"),
    ("curl --hunter2_=1 https://a.acme.com/x", "its option that has an unusual name"),
    ("curl -m hunter2 https://a.acme.com/x", "one of its options needs a number"),
    ("wget -t 0 https://a.acme.com/x", "it tries for ever"),
    ("curl -H 'A: 1' -H 'a: 2' https://a.acme.com/x", "one of its headers stands there twice"),
    ("curl https://a.acme.com/x # nightly", ""),
    ("curl https://a.acme.com/x >> /var/log/x.log 2>&1", ""),
    ("curl https://a.acme.com/x &> /dev/null", ""),
    ("curl https://a.acme.com/x >/dev/null 2>/dev/null", ""),
    ("curl https://a.acme.com/x <body", "it is more than one command"),
]


@pytest.mark.parametrize(("command", "why"), CALLS, ids=[command for command, _ in CALLS])
def test_an_option_is_carried_over_or_a_reason_never_dropped(command: str, why: str) -> None:
    (found,) = crontab.jobs(f"0 1 * * * {command}\n")
    if why:
        assert found.why
        assert found.why.startswith(why)
        assert "hunter2" not in found.why
    else:
        assert (found.why, found.url, found.method) == (None, "https://a.acme.com/x", "GET")


def test_what_a_crontab_keeps_in_a_secrets_variable_is_none_less_in_an_address() -> None:
    Path("tab").write_text(
        "API_KEY=k3yk3yk3y\nCRON_PASSWORD=pwpwpwpw1\nTOKEN=t0kt0kt0k\n"
        '0 1 * * * curl "https://a.acme.com/cron/$API_KEY/x"\n'
        '0 2 * * * curl -d "p=$CRON_PASSWORD" https://a.acme.com/y?token=abcabcabc1\n'
        '0 3 * * * curl "https://a.acme.com/y?token=abcabcabc1"\n'
        '0 4 * * * curl -H "Authorization: Bearer $TOKEN" https://a.acme.com/z\n'
        '0 5 * * * curl -H "X-A: $ACME_TOKEN" https://a.acme.com/w\n'
    )
    ran = done("init", "--yes", "--from", "tab", "--namespace", "acme", "--env-out", ".env")
    text, env = Path("qstash.yaml").read_text(), Path(".env").read_text()
    for value in ("k3yk3yk3y", "pwpwpwpw1", "t0kt0kt0k", "abcabcabc1"):
        assert value not in text + ran.text
        assert f"={value}\n" in env
    assert "ACME_TOKEN_2=abcabcabc1" in env  # ACME_TOKEN is what the last job has already
    assert "Set in the environment: ACME_TOKEN\n" in ran.out


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('--data-urlencode "a=$TOKEN" https://a.acme.com/x', "another spelling"),
        ('--data-urlencode "$TOKEN" https://a.acme.com/x', "another spelling"),
        ('-G --data-urlencode "a=$TOKEN" https://a.acme.com/x', "another spelling"),
        ('--data-urlencode "a=x&$TOKEN" https://a.acme.com/x', "another spelling"),
        ("https://$WORD_TOKEN.acme.com/x", "in the host"),
        ("https://me:$WORD_TOKEN@a.acme.com/x", "credentials in a URL"),
        ('-d "$TOKEN" https://a.acme.com/x', None),
        ('--data-urlencode "a=$WORD_TOKEN" https://a.acme.com/x', None),
        ('"https://a.acme.com/$WORD_TOKEN/x"', None),
    ],
)
def test_a_secret_that_no_variable_can_bring_is_not_carried_over(
    call: str, why: str | None
) -> None:
    """The environment holds a value as it is, and an address begins with a plain host."""
    values = ("s3cret/value-8", "s3cretvalue5")
    Path("tab").write_text(f"TOKEN={values[0]}\nWORD_TOKEN={values[1]}\n0 1 * * * curl {call}\n")
    ran = cli("init", "--yes", "--from", "tab", "--env-out", ".env")
    text = Path("qstash.yaml").read_text() if Path("qstash.yaml").exists() else ""
    for value in (*values, "s3cret%2F"):
        assert value not in text + ran.text
    if why:
        assert why in text + ran.text
    else:
        assert ran.code == 0
        assert any(value in Path(".env").read_text() for value in values)


@pytest.mark.parametrize("call", ["$HOOK_TOKEN", "$HOOK_TOKEN/y", "-d x $HOOK_TOKEN?a=1"])
def test_a_secret_that_is_a_whole_address_is_not_carried_over(call: str) -> None:
    """No variable can bring it: an address begins with a plain host."""
    Path("tab").write_text(
        f"HOOK_TOKEN=https://a.acme.com/T0/s3cretvalue5\n0 1 * * * curl {call}\n"
    )
    ran = cli("init", "--yes", "--from", "tab", "--env-out", ".env")
    assert "in the host" in ran.text
    assert "s3cretvalue5" not in ran.text
    assert not Path("qstash.yaml").exists()


def test_what_several_jobs_share_costs_none_of_the_others_its_place() -> None:
    lines = [f"0 {n} * * * curl -H 'Upstash-Delay: 3s' https://a.acme.com/{n}" for n in range(4)]
    Path("tab").write_text("\n".join([*lines, "0 5 * * * curl https://a.acme.com/good"]))
    ran = done("init", "--yes", "--from", "tab")
    assert "1 schedule from the crontab" in ran.out
    assert Path("qstash.yaml").read_text().count("Upstash-… headers are") == 4


@pytest.mark.parametrize("name", ["2026", "true", "1e3"])
def test_a_namespace_that_yaml_would_misread_is_quoted(name: str) -> None:
    done("init", "--yes", "--namespace", name)
    assert config(Path("qstash.yaml").read_text()).desired.namespace == name
    Path("tab").write_text("0 5 * * * curl https://a.acme.com/good\n")
    done("init", "--yes", "--from", "tab", "--out", "b.yaml", "--namespace", name)
    assert config(Path("b.yaml").read_text()).desired.namespace == name


def test_crons_of_vercel_are_told_by_what_is_in_the_file_and_stdin_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("vercel.prod.json").write_text(json.dumps(VERCEL))
    words = ("--from", "vercel.prod.json", "--base-url", "https://acme.vercel.app")
    assert "8 schedules from vercel.json" in done("init", "--yes", *words).out
    ran = cli(
        "init",
        "--yes",
        "--from",
        "-",
        "--out",
        "b.yaml",
        stdin="0 1 * * * curl https://a.acme.com/x\n",
    )
    assert (ran.code, "1 schedule from the crontab" in ran.out) == (0, True)


def test_what_stands_beside_the_jobs_is_told_and_no_key_is_shown_that_may_be_a_secret() -> None:
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    found = foreign.jobs({"defaults": {"method": "GET"}, "jobs": [job], "schedules": [job]})
    assert [one.why is None for one in found] == [False, True, True]
    assert "defaults" in found[0].where
    url = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
    (hidden,) = foreign.jobs({url: "0 5 * * *"})
    assert "hooks" not in hidden.where + (hidden.why or "")


@pytest.mark.parametrize(
    "text",
    [
        '[{"headers": {"Authorization": "Bearer SUPERSECRET"} "body": 1}]',
        "[{headers: {Authorization: Bearer SUPERSECRET${X}}}]",
        "[{headers: {Authorization: *SUPERSECRET}}]",
        "[{headers: {Authorization: *SUPERSECRET a}}]",
        "[{headers: {Authorization: `SUPERSECRET`}}]",
    ],
    ids=["no comma", "a template", "an alias", "more than an alias", "a backquote"],
)
def test_a_syntax_error_shows_no_line_of_a_file_of_jobs(text: str) -> None:
    """Nor any of it in a hint: nobody knows what is a secret there."""
    for name in ("jobs.json", "jobs.yaml"):
        Path(name).write_text(text)
        ran = cli("init", "--yes", "--from", name)
        assert (ran.code, f"{name}:1:" in ran.err) == (1, True)
        assert "SUPERSECRET" not in ran.text


@pytest.mark.parametrize("text", ["---\n- {}", "\ufeff[{}]", "# ours\n---\n[{}]"])
def test_a_list_may_begin_as_lists_do(text: str) -> None:
    job = "{url: 'https://a.acme.com/x', cron: '0 1 * * *'}"
    Path("jobs.yaml").write_text(text.replace("{}", job))
    assert "1 schedule" in done("init", "--yes", "--from", "jobs.yaml").out


def test_two_names_of_one_file_are_one_file() -> None:
    Path("tab").write_text("0 1 * * * curl https://a.acme.com/x?token=abcabcabc1\n")
    ran = cli("init", "--yes", "--from", "tab", "--out", "o.yaml", "--env-out", "./o.yaml")
    assert (ran.code, Path("o.yaml").exists()) == (64, False)


def test_a_base_url_has_no_query() -> None:
    ran = cli("init", "--yes", "--base-url", "https://a.acme.com/?x=1")
    assert (ran.code, "cannot have a query" in ran.err) == (64, True)


def test_what_is_quoted_is_text_and_the_crontab_sets_variables() -> None:
    text = r"""
BASE="https://a.acme.com"
0 1 * * * curl -d '{"text": "a > b; c & d | $HOME `x` \%"}' -H "A: 1;q=2" "$BASE/x?a=1&b={2}" -g
0 2 * * * curl -H 'Authorization: Bearer $TOKEN' -H "X-A: ${B}c" -H X-D:\$E -H 'X-F: ${G}' $BASE/y
"""
    quoted, variables = crontab.jobs(text)
    assert (quoted.why, quoted.url) == (None, "https://a.acme.com/x?a=1&b={2}")
    assert quoted.body == '{"text": "a > b; c & d | $HOME `x` %"}'
    assert variables.raw == {"X-A": "${env.B}c"}
    assert variables.headers == {
        "Authorization": "Bearer $TOKEN", "X-D": "$E", "X-F": "${G}",
    }  # fmt: skip


BODIES: list[tuple[str, str, str | None, dict[str, str]]] = [
    ("-d ''", "POST", "", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("-d a=1 -d b=2", "POST", "a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("-d '-sS' -H 'Content-Type: text/plain'", "POST", "-sS", {"Content-Type": "text/plain"}),
    ("--data-raw @x -H Content-Type:", "POST", "@x", {}),
    ("--json '{\"a\"' --json ':1}'", "POST", '{"a":1}', {"Content-Type": "application/json", "Accept": "application/json"}),
    ("-G -d a=1 -d b=2", "GET", None, {}),
    ("--data-urlencode 'q=a b&c'", "POST", "q=a%20b%26c", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("-u me:hunter2", "GET", None, {"Authorization": "Basic bWU6aHVudGVyMg=="}),
    ("--oauth2-bearer t0ken -b a=b -A me", "GET", None, {"Authorization": "Bearer t0ken", "Cookie": "a=b", "User-Agent": "me"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "method", "body", "headers"), BODIES, ids=[one[0] for one in BODIES]
)
def test_what_is_sent_is_what_curl_would_send(
    options: str, method: str, body: str | None, headers: dict[str, str]
) -> None:
    (found,) = crontab.jobs(f"0 1 * * * curl {options} https://a.acme.com/x\n")
    assert (found.why, found.method, found.body, found.headers) == (None, method, body, headers)
    assert found.url == "https://a.acme.com/x" + "?a=1&b=2" * ("-G" in options)


def test_wget_sends_the_last_body() -> None:
    (found,) = crontab.jobs("0 1 * * * wget --post-data=a --post-data='' https://a.acme.com/x\n")
    assert (found.method, found.body) == ("POST", "")


def test_a_value_of_several_words_is_no_word() -> None:
    line = "0 1 * * * curl -d {} https://a.acme.com/x\n"
    for value, quoted, why in (
        ("a b", "$B", "a variable without"),
        ("a b", '"$B"', None),
        ("ab", "$B", None),
    ):
        (found,) = crontab.jobs(f"B={value}\n{line.format(quoted)}")
        assert (found.why or "").startswith(why or "")
        assert (found.why is None) == (why is None)


def test_how_long_and_how_often_it_tries_is_carried_over() -> None:
    url = "https://a.acme.com/x"
    found = crontab.jobs(
        f"0 1 * * * curl -m 2.5 --retry 3 --retry-delay 5 {url}\n"
        f"0 1 * * * curl -m 10 -m 0 -k {url}\n"
        f"0 1 * * * wget -t 3 --timeout=9 {url}\n"
        f"0 1 * * * flock /x timeout 5m curl -m 400 {url} | logger\n"
    )
    assert [(dict(job.more), job.left) for job in found] == [
        ({"timeout": 3, "retries": 3}, ("--retry-delay",)),
        ({}, ("-k",)),
        ({"retries": 2}, ("--timeout",)),
        (
            {"timeout": 300},
            (
                "flock; a flow_control key with parallelism 1 keeps runs apart, too",
                "what is done with the answer",
            ),
        ),
    ]


def test_the_words_of_a_list_are_carried_over_or_told() -> None:
    (found,) = foreign.jobs([{
        "scheduleId": "nightly", "destination": "https://a.acme.com/x", "cron": "0 1 * * *",
        "retries": 5, "timeout": "30s", "delay": 60, "queueName": "mail", "paused": False,
        "failureCallback": "https://a.acme.com/failed", "owner": "me", "json": {"a": 1},
    }])  # fmt: skip
    assert (found.name, found.body, found.left) == ("nightly", '{"a":1}', ("delay", "owner"))
    Path("jobs.json").write_text(json.dumps([{
        "url": "https://a.acme.com/x", "cron": "0 1 * * *", "retries": 5, "timeout": "2m30s",
        "failureCallback": "https://a.acme.com/failed", "queue": "mail",
    }]))  # fmt: skip
    done("init", "--yes", "--from", "jobs.json")
    (schedule,) = config(Path("qstash.yaml").read_text()).desired.schedules or ()
    message = schedule.message
    assert (message.retries, message.timeout, message.queue) == (5, 150, "mail")
    assert message.failure_callback


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"endpoint": "https://b.acme.com"}, "it says url and endpoint, of which only one can be"),
    ({"schedule": "0 2 * * *"}, "it says cron and schedule"),
    ({"data": {"a": 1}, "payload": {"a": 2}}, "it says payload and data"),
    ({"timezone": "UTC", "tz": "Asia/Tokyo"}, "it says timezone and tz"),
    ({"query": {"a": 1}}, "its query would have to stand in its url or body"),
    ({"headers": {"A": ["a", "b"]}}, "one of its headers is neither a text nor a number"),
    ({"headers": {"A": True}}, "one of its headers is neither a text nor a number"),
    ({"headers": {"A": "1", "a": "2"}}, "one of its headers stands there twice"),
    ({"method": "hunter2"}, "its method is none of GET"),
    ({"method": 5}, "its method is no text"),
]


@pytest.mark.parametrize(("more", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_can_be_read_in_two_ways_is_a_reason(more: dict[str, Any], why: str) -> None:
    (found,) = foreign.jobs([{"url": "https://a.acme.com/x", "cron": "0 1 * * *"} | more])
    assert found.why
    assert found.why.startswith(why)
    assert "hunter2" not in found.why


def test_what_only_the_value_of_a_secret_shows_is_found() -> None:
    url = "https://a.acme.com/x?token=abcdefgh12345678#top"
    Path("jobs.json").write_text(json.dumps([{"url": url, "cron": "0 1 * * *"}]))
    ran = cli("init", "--yes", "--from", "jobs.json")
    assert (ran.code, "number 1: destination: a fragment (#…) is never sent" in ran.err) == (
        64,
        True,
    )
    assert "abcdefgh" not in ran.text
    assert not Path("qstash.yaml").exists()


def test_a_vercel_json_is_asked_no_zone_and_is_told_none(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vercel.json").write_text(json.dumps(VERCEL))
    ran = cli(
        "init",
        "--yes",
        "--from",
        "vercel.json",
        "--timezone",
        "Asia/Tokyo",
        "--base-url",
        "https://a.com",
    )
    assert (ran.code, "the crons of a vercel.json are UTC" in ran.err) == (64, True)
    asked: list[tuple[str, str | None]] = []

    def ask(question: str, default: str | None) -> str:
        asked.append((question.partition(" [")[0], default))
        return default or "https://a.acme.com"

    monkeypatch.setattr("qstash_sync.cli.streams.is_terminal", lambda _: True)
    monkeypatch.setattr("qstash_sync.cli.streams.ask", ask)
    done("init", "--from", "vercel.json", "--env-out", "made.env")
    assert asked == [
        ("Namespace, with which ids begin", "my-app"),
        ("Address of the application", None),
    ]
    assert "https://a.acme.com" in Path("qstash.yaml").read_text()
    assert "read from vercel.json" in Path("made.env").read_text()


def test_what_short_options_say_in_one_word_is_read() -> None:
    (found,) = crontab.jobs(
        "0 1 * * * curl -sXPOST -d'{\"x\":1}' -H 'content-type: application/json' https://a.acme.com/x"
    )
    assert (found.method, found.body) == ("POST", '{"x":1}')
    assert found.headers == {"content-type": "application/json"}


def test_the_zone_of_a_crontab_is_cron_tz_and_that_of_jobs_may_stand_beside_them() -> None:
    line = "0 1 * * * curl https://a.acme.com/x\n"
    assert [f.timezone for f in crontab.jobs(f"TZ=Asia/Tokyo\n{line}")] == [None]
    assert [f.timezone for f in crontab.jobs(f"CRON_TZ=Asia/Tokyo\n{line}")] == ["Asia/Tokyo"]
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    (found,) = foreign.jobs({"timezone": "Europe/Berlin", "jobs": [job]})
    assert found.timezone == "Europe/Berlin"
    Path("crontab").write_text(line)
    assert (
        "Nothing says the time zone of all: UTC is taken"
        in done("init", "--yes", "--from", "crontab").out
    )


OFF: list[dict[str, Any]] = [
    {"enabled": False}, {"enabled": "false"}, {"disabled": True}, {"active": False}, {"paused": True},
    {"status": "DISABLED"}, {"state": "paused"}, {"suspended": "yes"}, {"isPaused": True},
    {"is_active": False}, {"suspend": True}, {"status": "stopped"},
]  # fmt: skip


@pytest.mark.parametrize("more", OFF, ids=str)
def test_a_job_that_is_switched_off_does_not_go_live(more: dict[str, Any]) -> None:
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    for data in ([job | more], {"jobs": [job], **more}):
        (found,) = foreign.jobs(data)
        assert (found.why, found.paused, found.left) == (None, True, ())
    (found,) = foreign.jobs([job | {"enabled": True, "paused": False, "status": "ENABLED"}])
    assert (found.why, found.paused) == (None, False)
    Path("jobs.json").write_text(json.dumps([job | more]))
    done("init", "--yes", "--from", "jobs.json")
    (schedule,) = config(Path("qstash.yaml").read_text()).desired.schedules or ()
    assert schedule.paused is True


@pytest.mark.parametrize(
    ("name", "text", "fact"),
    [
        ("jobs.json", "[]", "has no jobs"),
        ("vercel.json", '{"crons": []}', "has no jobs"),
        ("crontab", "# nothing", "has no jobs"),
        ("jobs.json", '[{"url": "/x", "cron": "0 1 * * *"}]', "--base-url URL"),
        (
            "jobs.yaml",
            "a: {url: 'https://a.com/x', cron: '@daily'}\na: {url: 'https://a.com/y', cron: '@daily'}",
            "twice",
        ),
    ],
)
def test_what_would_be_lost_or_made_up_is_an_error(name: str, text: str, fact: str) -> None:
    Path(name).write_text(text)
    ran = cli("init", "--yes", "--from", name)
    assert ran.code in (1, 64)
    assert fact in ran.err
    assert not Path("qstash.yaml").exists()


JOBS: list[dict[str, Any]] = [
    {
        "name": "Send Digest", "url": "https://a.acme.com/api/digest", "schedule": "0 8 * * *",
        "timezone": "Europe/Paris", "method": "put", "body": {"a": 1}, "owner": "me",
        "headers": {"Authorization": "Bearer sk_live_1234567890abcdef"},
    },
    {"destination": "https://a.acme.com/x", "cron": "0 0 31 2 *"},
    {"destination": "https://a.acme.com/off", "cron": "0 0 * * *", "enabled": False},
    {"target": "http://10.0.0.1/y", "cron": "0 0 * * *"},
]  # fmt: skip


@pytest.mark.parametrize("form", ["list", "jobs", "named", "yaml", "flow"])
def test_a_list_of_jobs_in_the_forms_that_people_keep(form: str) -> None:
    named = {f"job-{number}": job for number, job in enumerate(JOBS)}
    data: Any = {"jobs": {"jobs": JOBS}, "named": named}.get(form, JOBS)
    file = Path("jobs.yaml" if form in ("yaml", "flow") else "jobs.json")
    text = json.dumps(data)
    if form == "yaml":
        text = "# ours\n" + "".join(f"- {json.dumps(job)}\n" for job in JOBS)
    file.write_text(text)
    ran = done("init", "--yes", "--from", str(file))
    made = Path("qstash.yaml").read_text()
    assert "sk_live_" not in made + ran.text
    environ = {"SEND_DIGEST_AUTHORIZATION": "x", "JOB_0_AUTHORIZATION": "x"}
    schedule, off = config(made, environ).desired.schedules or ()
    if schedule.paused:
        schedule, off = off, schedule
    assert off.paused
    assert schedule.name == ("job-0" if form == "named" else "send-digest")
    assert (schedule.message.method, schedule.timing.job.timezone) == ("PUT", "Europe/Paris")
    assert "body: {a: 1}" in made
    assert ": owner" in made
    for reason in ("never fires", "private or local address"):
        assert reason in made


@pytest.mark.parametrize("name", ["vercel.json", "jobs.json", "jobs.yaml", "crontab"])
@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "{}", "[1, null, []]", "a: &a [*a]", "\0", "{" * 5_000, '{"crons": 5}',
     '{"crons": [null, {"path": 5}]}', "* * * * * curl", "x" * 100_000, "[{url: [], cron: {}}]"],
    ids=range(13),
)  # fmt: skip
def test_a_file_of_any_form_is_one_clear_answer(name: str, text: str) -> None:
    Path(name).write_text(text)
    ran = cli("init", "--yes", "--from", name, "--base-url", "https://a.acme.com")
    assert ran.code in (0, 1, 64), ran
    assert "internal error" not in ran.text
    if ran.code == 0:
        config(Path("qstash.yaml").read_text())


WORDS = st.sampled_from([
    "curl", "wget", "-X", "-H", "A: $B", "-d", "{}", "https://a.acme.com/x", "%", r"\%", "'", "@daily", "* * * * *",
    "0 9 * * 1-5", "${X}", "\n", ">", "|", "é", "\x1b", "--url=https://b.acme.com/y?token=1234567890",
])  # fmt: skip


@given(st.lists(WORDS, max_size=14).map(" ".join))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_whatever_a_crontab_says_the_file_is_valid(text: str) -> None:
    start = Start(namespace="a", timezone="UTC", base_url="https://a.acme.com")
    made = of_jobs(list(crontab.jobs(text)), start, style_of("utf-8"), ["x"], wrong)
    assert not wrong(made.text, {}).schedules
    assert "\x1b" not in made.text


CALLBACKS = ["callback", "failure_callback"]


@pytest.mark.parametrize("key", CALLBACKS)
@pytest.mark.parametrize("others", [0, 3])
def test_a_path_of_a_job_is_one_of_the_application_wherever_it_stands(
    key: str, others: int
) -> None:
    """An address that others share is no home of paths: it is never theirs by being the base."""
    jobs: list[dict[str, Any]] = [
        {"cron": f"0 {n} * * *", "url": f"https://vendor.example.com/{n}"} for n in range(others)
    ]
    mine = {
        "name": "mine",
        "cron": "0 6 * * *",
        "url": "/api/d",
        key: "/api/dead?token=hunter2hunter2",
    }
    Path("jobs.json").write_text(json.dumps([*jobs, mine]))
    base = "https://app.acme.com/sub/"
    done("init", "--yes", "--from", "jobs.json", "--base-url", base)
    text = Path("qstash.yaml").read_text()
    variable = f"MINE_{key.upper()}_TOKEN"
    found = config(text, {variable: "t"}).desired.schedules or ()
    (message,) = (one.message for one in found if one.name == "mine")
    assert str(message.destination) == "https://app.acme.com/sub/api/d"
    assert str(getattr(message, key).url) == "https://app.acme.com/sub/api/dead?token=(secret)"


@pytest.mark.parametrize("key", CALLBACKS)
def test_the_address_of_the_application_is_asked_for_where_a_callback_alone_is_a_path(
    key: str,
) -> None:
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *", key: "/dead"}
    Path("jobs.json").write_text(json.dumps([job]))
    ran = cli("init", "--yes", "--from", "jobs.json")
    assert (ran.code, "--base-url URL: say where" in ran.err) == (64, True)
    done("init", "--yes", "--from", "jobs.json", "--base-url", "https://b.acme.com")
    (schedule,) = config(Path("qstash.yaml").read_text()).desired.schedules or ()
    assert str(getattr(schedule.message, key).url) == "https://b.acme.com/dead"


SHARED: dict[str, Any] = {
    "queue": "q1", "retries": 5, "retryDelay": "1000", "timeout": "30s", "delay": "10s",
    "labels": ["nightly"], "flowControl": {"key": "k", "rate": 2}, "contentType": "text/plain",
    "callback": "https://a.acme.com/done", "failureCallback": "https://a.acme.com/failed",
    "body": {"a": 1}, "headers": {"X-A": "1", "Authorization": "Bearer t0kent0ken"},
    "method": "PUT", "timezone": "Europe/Berlin",
}  # fmt: skip


@pytest.mark.parametrize("key", SHARED)
def test_what_most_jobs_share_is_unset_where_one_has_none(key: str) -> None:
    job = {"method": "POST", "timezone": "UTC"}
    jobs = [job | {"cron": f"0 {n} * * *", "url": f"https://a.acme.com/{n}"} for n in range(7)]
    Path("jobs.json").write_text(
        json.dumps([jobs[0], *(one | {key: SHARED[key]} for one in jobs[1:])])
    )
    done("init", "--yes", "--from", "jobs.json", "--env-out", ".env")
    text = Path("qstash.yaml").read_text()
    found = config(text, {"MY_APP_AUTHORIZATION": "t"}).desired
    assert len(found.schedules or ()) == 7
    assert [one.name for one in found.queues or ()] == ["q1"] * (key == "queue")
    without = next(
        one for one in found.schedules or () if str(one.message.destination).endswith("/0")
    )
    Path("jobs.json").write_text(json.dumps(jobs[:1]))
    done("init", "--yes", "--from", "jobs.json", "--out", "alone.yaml")
    (alone,) = config(Path("alone.yaml").read_text()).desired.schedules or ()
    assert (without.message, without.timing) == (alone.message, alone.timing)


NO_TIMES = [
    "  -u admin:hunter2secret https://a.acme.com/backup --max-time 30 -s -f",
    "curl -u admin:hunter2secret https://a.acme.com/y -X POST -s",
    "hunter2 * * * * curl https://a.acme.com/x",
    "0 9 * * hunter2 curl https://a.acme.com/x",
    "@hunter2 curl https://a.acme.com/x",
    "export TOKEN=hunter2 a b c d e",
    "* * * * hunter2: /bin/true",
    "0 9 * * 1;hunter2 /bin/true",
]


@pytest.mark.parametrize("line", NO_TIMES)
def test_a_line_that_has_no_time_is_named_by_its_number_alone(line: str) -> None:
    """Its first words may be anything: a command, with the password in it."""
    (found,) = crontab.jobs(line)
    assert (found.where, found.why) == ("line 1", "its first words are no time")
    Path("tab").write_text(f"{line}\n0 9 * * * curl https://a.acme.com/x\n")
    ran = done("init", "--yes", "--from", "tab")
    text = Path("qstash.yaml").read_text()
    assert "#   line 1: its first words are no time\n" in text
    assert "hunter2" not in text + ran.text


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("61 * * * *", "minute: 61 is out of range"),
        ("0 9 * * mon-fri/8", "weekday: "),
        ("0 0 31 2 *", "never fires"),
        ("H 9 * * *", "random times"),
        ("@REBOOT", "@reboot is when a machine starts, and QStash has none"),
    ],
)
def test_a_time_that_is_wrong_is_told(cron: str, why: str) -> None:
    Path("tab").write_text(f"{cron} curl https://a.acme.com/x\n")
    ran = cli("init", "--yes", "--from", "tab")
    assert why in ran.err


@pytest.mark.parametrize("source", ["tab", "-"])
@pytest.mark.parametrize("text", ["CRON_TZ=Europe/Berlin\n0 9 * * * {}\n", "0 9 * * * {}\n"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(source: str, text: str) -> None:
    given = f"\ufeff{text.format('curl https://a.acme.com/x')}".encode()
    Path("tab").write_bytes(given)
    ran = cli("init", "--yes", "--from", source, stdin=given)
    assert ran.code == 0, ran.err
    made = Path("qstash.yaml").read_text()
    assert "Not carried over" not in made
    (schedule,) = config(made).desired.schedules or ()
    assert schedule.timing.job.timezone == ("Europe/Berlin" if "CRON_TZ" in text else "UTC")


CALL = b"0 9 * * * curl -d 'caf\xc3\xa9' https://a.acme.com/x\n"


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        (b"0 8 * * * curl https://a.acme.com/y\n" + b"#\n" * 5_000_000 + CALL, "is larger than 10,000,000 bytes"),
        (b"# caf\xe9\n" + CALL, "not UTF-8 text, in line 1"),
        (CALL + b"\xff\xfe", "not UTF-8 text, in line 2"),
        (CALL.decode().encode("utf-16"), "not UTF-8 text, in line 1"),
    ],
    ids=["large", "latin-1", "later", "utf-16"],
)  # fmt: skip
def test_standard_input_is_read_by_the_rule_of_files(given: bytes, fact: str) -> None:
    """Whatever the locale says, and whole or not at all."""
    Path("tab").write_bytes(given)
    for source in ("tab", "-"):
        ran = cli("init", "--yes", "--from", source, stdin=given)
        assert (ran.code, ran.err.startswith(f"error: --from {source}: {fact}")) == (64, True), ran
    assert not Path("qstash.yaml").exists()


def test_standard_input_is_text_in_utf_8() -> None:
    assert cli("init", "--yes", "--from", "-", stdin=CALL).code == 0
    (schedule,) = config(Path("qstash.yaml").read_text()).desired.schedules or ()
    assert schedule.message.body == "café"


@pytest.mark.parametrize("options", [("--out", "--env-out"), ("--env-out", "--out")])
@pytest.mark.parametrize("bad", ["x" * 256, "alias/good"], ids=["long", "alias"])
def test_both_files_are_there_or_none(options: tuple[str, str], bad: str) -> None:
    Path("tab").write_text("0 1 * * * curl https://a.acme.com/x?token=abcabcabc1\n")
    Path("alias").symlink_to(".")
    words = (options[0], "good", options[1], bad)
    assert cli("init", "--yes", "--from", "tab", *words).code == 64
    assert sorted(map(str, Path().iterdir())) == ["alias", "tab"]
    done("init", "--yes", "--from", "tab", options[0], "good", options[1], "other")


STRIPE = "sk_live_abcdefghij1234"


LOGIN = "https://u:abcdefghij@a.acme.com/x"


@pytest.mark.parametrize("name", [STRIPE, STRIPE.capitalize(), f"my {STRIPE}", LOGIN])
def test_a_job_that_is_named_like_a_secret_is_named_by_its_address(name: str) -> None:
    """A name stands in the file in clear, in a comment and in ids."""
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    for form in ([{"name": name, **job}], {name: job}):
        Path("jobs.json").write_text(json.dumps(form))
        ran = done("init", "--yes", "--from", "jobs.json")
        text = Path("qstash.yaml").read_text()
        assert "  x:\n" in text
        assert "#   x: its name, which may hold a secret\n" in text
        assert "abcdefghij" not in text + ran.text
        Path("qstash.yaml").unlink()


AS_SECRETS: list[tuple[str, Any]] = [
    ("url", f"https://{STRIPE}.acme.com/x"), ("callback", f"https://{STRIPE}.acme.com/x"),
    ("cron", f"{STRIPE} * * * *"), ("headers", {STRIPE: "x"}), ("body", {STRIPE: 1}), ("method", STRIPE),
    *((key, text) for key in ("timezone", "queue", "labels", "retryDelay") for text in (STRIPE, LOGIN)),
    *(("flowControl", {"key": text, "rate": 1}) for text in (STRIPE, LOGIN)), ("url", LOGIN),
    ("callback", LOGIN), ("labels", ["plain", LOGIN]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), AS_SECRETS, ids=str)
def test_a_setting_that_looks_like_a_secret_costs_its_job_alone_and_is_not_shown(
    key: str, value: Any
) -> None:
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    for number in (1, 4):  # it is shared, or not
        jobs = [job | {"name": f"odd-{n}", key: value} for n in range(number)]
        Path("jobs.json").write_text(json.dumps([*jobs, {**job, "name": "good"}]))
        ran = done("init", "--yes", "--from", "jobs.json")
        text = Path("qstash.yaml").read_text()
        assert "  good:\n" in text
        assert "abcdefghij" not in text + ran.text
        assert "Not carried over" in text
        Path("qstash.yaml").unlink()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"headers": {"${env.X}": "1"}}, "headers: a name cannot contain"),
        ({"queue": "a b"}, "queue: the name 'a b' is not allowed"),
        ({"retries": 10**9}, "retries: "),
        ({"labels": [""]}, ""),
        ({"body": {"${env.X}": 1}}, "body"),
    ],
    ids=str,
)
def test_one_without_what_others_share_and_the_file_refuses_is_carried_over(
    more: dict[str, Any], why: str
) -> None:
    """Its `null` beside a wrong default is wrong, too, and no fault of its own."""
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    jobs = [*(job | more for _ in range(4)), job | {"name": "good"}]
    Path("jobs.json").write_text(json.dumps(jobs))
    done("init", "--yes", "--from", "jobs.json")
    text = Path("qstash.yaml").read_text()
    assert "  good:\n" in text
    assert why in text


@pytest.mark.parametrize("word", ["url", "destination", "path"])
@pytest.mark.parametrize("address", ["api.acme.com", "api/x", "orders", "", "x?a=b", "mailto:x"])
def test_a_word_is_no_address_and_no_url_group(word: str, address: str) -> None:
    job = {"url": "https://a.acme.com/x", "cron": "0 1 * * *"}
    Path("jobs.json").write_text(json.dumps([{"cron": "0 1 * * *", word: address}, job]))
    ran = done("init", "--yes", "--from", "jobs.json")
    assert "1 schedule from" in ran.out
    told = "number 1: its address begins neither with https:// nor with /"
    assert told in Path("qstash.yaml").read_text()


@pytest.mark.parametrize(
    "address",
    ["https://u:hunter2@x.com", "https://hunter2@x.com", "ftp://x.com?token=hunter2", "https://u:hunter2/x@x.com"],
)  # fmt: skip
def test_an_address_that_is_none_is_not_shown_where_it_may_hold_a_secret(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = cli("init", "--yes", "--base-url", address)
    assert (ran.code, "error: --base-url: " in ran.err) == (64, True)
    monkeypatch.setattr("qstash_sync.cli.streams.is_terminal", lambda _: True)
    given = iter(["acme", "UTC", address, "https://a.acme.com"])
    monkeypatch.setattr("qstash_sync.cli.streams.ask", lambda _question, _default: next(given))
    again = done("init")
    assert again.err.startswith("--base-url: ")
    assert "hunter2" not in ran.text + again.text


JOB = '[{"path": "/x", "cron": "0 9 * * *"}]'
TOKEN = "eyJVc2VySUQiOiJhIiwiUGFzc3dvcmQiOiJiIn0="


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://a.com/${env.X}", "${…} is for the file"),
        ("https://a.com/${var.x}", "${…} is for the file"),
        ("https://a.com/${x", "${…} is for the file"),
        ("https://a.com/\udcff", "is not UTF-8 text"),
        (f"https://a.com/{TOKEN}", "a QStash token in clear"),
    ],
    ids=["env", "var", "open", "bytes", "token"],
)
@pytest.mark.parametrize("source", [(), ("--from", "jobs.json")], ids=["example", "jobs"])
def test_an_address_that_the_file_would_read_as_something_else_is_none(
    address: str, why: str, source: tuple[str, ...]
) -> None:
    Path("jobs.json").write_text(JOB)
    ran = cli("init", "--yes", "--base-url", address, *source)
    assert ran.code == 64
    assert f"--base-url: {why}" in ran.err
    assert TOKEN not in ran.text
    assert not Path("qstash.yaml").exists()


@pytest.mark.parametrize("source", [(), ("--from", "jobs.json")], ids=["example", "jobs"])
def test_the_command_that_is_told_can_be_typed(source: tuple[str, ...]) -> None:
    Path("jobs.json").write_text(JOB.replace("}", ', "headers": {"Authorization": "Bearer x"}}'))
    out, env_out = "my $(file).yaml", "it's.env"
    more = ("--env-out", env_out) if source else ()
    ran = done("init", "--yes", "--base-url", "https://a.com", "--out", out, *source, *more)
    (told,) = (line for line in ran.out.splitlines() if line.startswith("Next: "))
    _, *words = shlex.split(told.removeprefix("Next: "))
    assert words == ["plan", "--local", "-f", out, *(("--env-file", env_out) if source else ())]
    done(*words, *NOW)


def import_or_init(command: str, out: str) -> Ran:
    given = ("--namespace", "a", "--local=account.db") if command == "import" else ("--yes",)
    return cli(command, *given, "--out", out)


@pytest.mark.parametrize("command", ["init", "import"])
@pytest.mark.parametrize(
    ("there", "out", "way_out"),
    [
        ("qstash/a.yaml", "qstash.yaml", "--out qstash/NAME.yaml puts it there"),
        ("qstash/a.YML", "./qstash.yaml", "--out qstash/NAME.yaml puts it there"),
        ("sub/qstash/a.yaml", "sub/qstash.yaml", "--out sub/qstash/NAME.yaml puts it there"),
        ("qstash.yaml", "qstash/a.yaml", "move qstash.yaml into qstash/ first"),
        ("sub/qstash.yaml", "sub/qstash/a.yml", "move sub/qstash.yaml into sub/qstash/ first"),
    ],
)
def test_no_new_file_takes_the_place_of_what_is_read_so_far(
    command: str, there: str, out: str, way_out: str
) -> None:
    """A plan reads qstash.yaml, else qstash/: what is left out would be deleted, or never be read."""
    for path in (there, out):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(there).write_text("version: 1\nnamespace: a\nschedules: {}\n")
    ran = import_or_init(command, out)
    assert ran.code == 64
    assert way_out in ran.err
    assert not Path(out).exists()


@pytest.mark.parametrize("command", ["init", "import"])
@pytest.mark.parametrize(
    ("there", "out"),
    [
        ("qstash/main.py", "qstash.yaml"),  # a folder of something else
        ("qstash/a.yaml", "other.yaml"),
        ("qstash/a.yaml", "qstash/b.yaml"),
        ("qstash.yaml", "other/a.yaml"),
        ("qstash.yaml", "qstash/a.txt"),
    ],
)
def test_what_changes_nothing_of_what_is_read_is_written(
    command: str, there: str, out: str
) -> None:
    for path in (there, out):
        Path(path).parent.mkdir(exist_ok=True)
    Path(there).write_text("")
    assert import_or_init(command, out).code == 0


CRON = '{"path": "/x", "schedule": "0 9 * * *"}'
COMMENTS = [
    (f'{{\n  // ours\n  "crons": [{CRON}]}}', "2:3"),
    (f'{{"a": 1,\n  // ours\n  "crons": [{CRON}]}}', "2:3"),
    (f'{{"a": 1, // it\'s "ours"\n  "crons": [{CRON}]}}', "1:10"),
    (f'{{"crons": [ /* ours */ {CRON}]}}', "1:13"),
    (f'{{"crons": [{CRON},// ours\n]}}', "1:52"),
    (f'// ours\n{{"crons": [{CRON}]}}', "1:1"),
    (f'{{"crons": [{CRON}]}}\n// ours', "2:1"),
    (f'{{"a": "\\" // none",\n"crons": [{CRON}]//ours\n}}', "2:51"),
]


@pytest.mark.parametrize("name", ["vercel.json", "jobs.json", "-", "copy"])
@pytest.mark.parametrize(("text", "place"), COMMENTS, ids=[place for _, place in COMMENTS])
def test_a_comment_of_javascript_is_named(name: str, text: str, place: str) -> None:
    if text.startswith("//") and not name.endswith(".json"):
        return  # nothing says that it is JSON
    if name != "-":
        Path(name).write_text(text)
    ran = cli("init", "--yes", "--from", name, "--base-url", "https://a.com", stdin=text)
    assert ran.code == 1
    assert f"{name}:{place}: error: a comment, which JSON does not have" in ran.err
    assert not Path("qstash.yaml").exists()


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (f'{{"crons": [{CRON}', "vercel.json:1:51: error: not valid JSON: "),
        (f'{{"crons": [{CRON}]]}}', "vercel.json:1:52: error: not valid JSON: "),
        (f'{{"crons": [{CRON}]}} x', "vercel.json:1:54: error: not valid JSON: "),
        ("{" * 5_000, "vercel.json:1:2: error: not valid JSON: "),
        ('{"crons": 1, "crons": 2}', "this key stands here twice"),
        ('{"crons": 1e999}', "is not a number that can be sent"),
    ],
    ids=range(6),
)
def test_what_is_wrong_of_json_is_said_in_its_words(text: str, fact: str) -> None:
    Path("vercel.json").write_text(text)
    ran = cli("init", "--yes", "--from", "vercel.json")
    assert (ran.code, fact in ran.err, "YAML" in ran.text) == (1, True, False), ran.err


@pytest.mark.parametrize(
    "text",
    [
        f'{{"$schema": "https://a.com", "a": ["//", " /* "],\n\t"crons": [{CRON}]}}',
        f"{{crons: [{CRON.replace(chr(34), chr(39))},], a: https://a.com, b: 'x // y'}}",
        f'# ours\n{{"crons": [{CRON}]}}',
    ],
    ids=["addresses", "loose", "hash"],
)
def test_what_is_no_comment_of_javascript_is_read(text: str) -> None:
    Path("vercel.json").write_text(text)
    done("init", "--yes", "--from", "vercel.json", "--base-url", "https://a.com")


def test_of_many_jobs_that_the_file_refuses_none_is_lost() -> None:
    """A person is shown 200 errors at a time; a draft learns from all."""
    bad = [{"cron": "0 9 * * *", "url": f"https://u:p@e.example.com/{n}"} for n in range(201)]
    jobs = [*bad, {"cron": "0 8 * * *", "url": "https://e.example.com/good"}]
    Path("jobs.json").write_text(json.dumps(jobs))
    done("init", "--yes", "--from", "jobs.json", "--namespace", "acme")
    text = Path("qstash.yaml").read_text()
    assert "https://e.example.com/good" in text
    assert text.count("credentials in a URL") == 201


def test_a_file_that_would_be_hidden_is_refused_from_inside_the_folder_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("qstash").mkdir()
    Path("qstash.yaml").write_text("version: 1\nnamespace: a\n")
    monkeypatch.chdir("qstash")
    ran = cli("init", "--yes", "--out", "a.yaml")
    assert ran.code == 64
    assert "only one of them is read without -f" in ran.err
    assert not Path("a.yaml").exists()


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("KEY=a1b2c3d4e5f6a7b8c9", True), ("PASS=otherpassword", True), ("KEY=reports", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("use", ['"https://a.acme.com/x?p=$V"', '-d "p=$V" https://a.acme.com/x'])
def test_a_variable_of_a_crontab_is_a_secret_by_its_name_or_by_its_look(
    line: str, hidden: bool, use: str
) -> None:
    name, _, value = line.partition("=")
    Path("ct").write_text(f"{line}\n0 9 * * * curl {use}\n".replace("$V", f"${name}"))
    done("init", "--yes", "--from", "ct", "--namespace", "acme")
    text = Path("qstash.yaml").read_text()
    assert "https://a.acme.com/x" in text
    assert (value not in text) == hidden


@pytest.mark.parametrize("mark", ["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029", "\r"])
def test_a_line_of_a_crontab_ends_where_cron_ends_it(mark: str) -> None:
    """What stands in a comment is no job, and a body is not cut in two."""
    gone = f"# until May:{mark}0 9 * * * curl https://a.acme.com/gone\n"
    assert not list(crontab.jobs(gone))
    (found,) = crontab.jobs(f"0 1 * * * curl -d 'a{mark}b' https://a.acme.com/x\n")
    assert found.body == f"a{mark}b"
    (found,) = crontab.jobs("# a\r\nA=https://a.acme.com/x\r\n\r\n0 1 * * * curl $A\r\n")
    assert (found.where, found.url) == ("line 4", "https://a.acme.com/x")
