"""Secrets in clear: by their shape an error, by their name a warning, and shown by no page."""

import base64
import json
import time
from pathlib import Path

import pytest

from qstash_sync.config.missing import Missing
from qstash_sync.model.diagnostics import Severity
from tests.support import HEAD, World, build, cli, config, ids, messages, seconds

STRIPE = "sk_live_" + "a1B2" * 6

CANARY = "S3cretC4naryV4lue"
URL = "https://app.example.com/x"


def schedule(settings: str, destination: str = URL) -> str:
    return (
        HEAD
        + f"schedules:\n  a: {{cron: '0 9 * * *', destination: '{destination}', {settings} retries: 2}}\n"
    )


WARNED = [
    ("x-vercel-protection-bypass", schedule(f"headers: {{x-vercel-protection-bypass: {CANARY}}},")),
    ("apikey", schedule(f"headers: {{apikey: {CANARY}}},")),
    ("X-Cron-Auth", schedule(f"headers: {{X-Cron-Auth: {CANARY}}},")),
    ("X-Password", schedule(f"headers: {{X-Password: 'p {CANARY}'}},")),
    ("X-Signature", schedule(f"headers: {{X-Signature: {CANARY}}},")),
    ("callback's header", schedule(f"callback: {{url: '{URL}', headers: {{apikey: {CANARY}}}}},")),
    ("?secret=", schedule("", f"{URL}?a=1&secret={CANARY}")),
    ("?token=", schedule("", f"{URL}?token={CANARY}&b=2")),
    ("?access_token=", schedule("", f"{URL}?access_token={CANARY}")),
    ("?x-vercel-protection-bypass=", schedule("", f"{URL}?x-vercel-protection-bypass={CANARY}")),
    ("?key=", schedule("", f"{URL}?key={CANARY}")),
    ("?sig= beside a secret", schedule("", f"{URL}?sig={CANARY}&o=${{env.O}}")),
    ("path with a query", schedule("base_url: 'https://e.com',", f"/x?apiKey={CANARY}")),
    ("Slack", schedule("", f"https://hooks.slack.com/services/T0/B0/{CANARY}")),
    ("Discord", schedule("", f"https://discord.com/api/webhooks/123/{CANARY}?wait=true")),
    ("Telegram", schedule("", f"https://api.telegram.org/bot1:{CANARY}/sendMessage")),
    ("Teams", schedule("", f"https://acme.webhook.office.com/webhookb2/{CANARY}")),
    ("callback", schedule(f"callback: 'https://hooks.slack.com/services/T0/B0/{CANARY}',")),
    ("failure callback", schedule(f"failure_callback: {{url: '{URL}?token={CANARY}'}},")),
    ("endpoint", HEAD + f"url_groups: {{g: {{endpoints: ['{URL}?token={CANARY}']}}}}"),
    ("named endpoint", HEAD + f"url_groups: {{g: {{endpoints: {{a: '{URL}?token={CANARY}'}}}}}}"),
    ("endpoint as a mapping", HEAD + f"url_groups: {{g: {{endpoints: [{{url: '{URL}?token={CANARY}'}}]}}}}"),
    ("api_key in a body", schedule(f"body: {{a: 1, api_key: {CANARY}}},")),
    ("deep in a body", schedule(f"body: [{{a: [{{clientSecret: {CANARY}, b: 2}}]}}],")),
    ("JSON text", schedule(f"body: '{{\"a\": 1, \"password\": \"{CANARY}\"}}',")),
    ("a form", schedule(f"body: 'a=1&access_token={CANARY}&b=2',")),
    ("a scheme", schedule(f"headers: {{X-Internal: 'Bearer {CANARY}'}},")),
    ("a scheme in a body", schedule(f"body: {{auth_header: 'Basic {CANARY}'}},")),
    ("a login in a body", schedule(f"body: {{db: 'postgres://u:{CANARY}@db.example.com/x'}},")),
    ("a login in a text", schedule(f"body: 'to redis://default:{CANARY}@x.upstash.io please',")),
    ("a webhook in a body", schedule(f"body: {{to: 'https://hooks.slack.com/services/T0/B0/{CANARY}'}},")),
    ("X-Pass", schedule(f"headers: {{X-Pass: {CANARY}}},")),
    ("X-Access-Code", schedule(f"headers: {{X-Access-Code: {CANARY}}},")),
    ("?pass=", schedule("", f"{URL}?pass={CANARY}")),
    ("?X-Amz-Signature=", schedule("", f"{URL}?X-Amz-Signature={CANARY}")),
    ("Netlify", schedule("", f"https://api.netlify.com/build_hooks/{CANARY}")),
    ("Vercel", schedule("", f"https://api.vercel.com/v1/integrations/deploy/prj_x/{CANARY}")),
    ("healthchecks", schedule("", f"https://hc-ping.com/{CANARY}")),
    ("defaults", "version: 1\nnamespace: billing\ndefaults: {timezone: UTC, headers: {apikey: " + CANARY + "}}\nschedules: {a: {cron: '@daily', destination: '" + URL + "'}}"),
    ("a variable's value", HEAD + f"vars: {{v: {CANARY}}}\nschedules: {{a: {{cron: '@daily', destination: '{URL}?token=${{var.v}}'}}}}"),
    ("a variable's name", HEAD + f"vars: {{api_token: {CANARY}}}\nschedules: {{a: {{cron: '@daily', destination: '{URL}', body: 'x ${{var.api_token}}'}}}}"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text"), WARNED, ids=ids(WARNED))
def test_what_is_called_a_secret_is_a_warning_and_is_shown_nowhere(
    world: World, tmp_path: Path, _id: str, text: str
) -> None:
    built, found = build(text, {"O": "other"})
    assert built is not None, found
    (warning,) = [f for f in found if f.code == "literal_secret"]
    assert warning.severity is Severity.WARNING
    assert warning.location is not None
    assert "${env.NAME}" in warning.hint
    assert CANARY not in repr((built, found))

    world.environ = {"O": "other"}
    world.apply(text)
    assert world.plan(text).empty
    stored = [*world.account.store.all("schedule"), *world.account.store.all("topic")]
    bodies = [base64.b64decode(one.get("bodyBase64", "")) for one in stored]
    assert CANARY in f"{stored} {bodies}"  # it is sent as it is

    (tmp_path / "q.yaml").write_text(text)
    words = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
    for output in ("text", "json", "markdown"):
        ran = cli("plan", *words, "-v", "--format", output, environ={"O": "other"})
        assert ran.code == 0, ran
        assert CANARY not in ran.text
        assert "literal" in ran.text


@pytest.mark.parametrize(
    "text", ["?" * 200_000, "&a" * 100_000, "x" * 200_000, '"\\' * 100_000, '{"' + '\\"' * 100_000, "a=" * 100_000, "https://a." * 20_000, "-----BEGIN " * 20_000],
    ids=["queries", "pairs", "letters", "quotes", "escapes", "signs", "addresses", "keys"],
)  # fmt: skip
def test_the_search_for_secrets_ends_fast_in_any_text(text: str) -> None:
    quoted = json.dumps(text)
    start = time.process_time()
    for setting in (f"body: {quoted},", f"callback: {quoted},", f"timezone: {quoted},"):
        build(schedule(setting), {})
    build(HEAD + f"queues: {{{quoted}: {{paused: 5}}}}", {})
    assert time.process_time() - start < seconds(5)


IN_KEYS = [
    ("an endpoint's name", HEAD + f"url_groups: {{g: {{endpoints: {{'{URL}?token={CANARY}'}}}}}}"),
    ("a group's name", HEAD + f"url_groups: {{'{URL}?token={CANARY}': {{endpoints: [x]}}}}"),
    ("an unknown key", schedule(f"'{URL}?api_key={CANARY}': 1,")),
    ("a webhook as a name", HEAD + f"queues: {{'https://hooks.slack.com/services/T/B/{CANARY}': {{}}}}"),
    ("a value that is none", schedule(f"timeout: 'password={CANARY}',")),
    ("a password", schedule("", f"https://me:{CANARY}@e.com/x")),
    ("a password with a slash", schedule("", f"https://me:p/{CANARY}@e.com/x")),
    ("a password that begins as a port does", schedule("", f"https://me:80{CANARY}/x@e.com/x")),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "text"), IN_KEYS, ids=ids(IN_KEYS))
def test_an_error_about_a_name_or_a_value_that_holds_a_secret_does_not_show_it(
    tmp_path: Path, _id: str, text: str
) -> None:
    (tmp_path / "q.yaml").write_text(text)
    for output in ("text", "json"):
        words = ("-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}")
        ran = cli("plan", *words, "--format", output)
        assert ran.code == 1
        assert CANARY not in ran.text


PLAIN = [
    ("an author", "headers: {X-Author: bob, X-Tokenizer: a, X-Request-Id: b},", URL),
    ("numbers and nothing", "body: {token: null, max_tokens: 5, password: '', secret: true},", URL),
    ("a query", "", f"{URL}?page=2&monkey=1&tokens=3&design=4"),
    ("a page of Slack's", "", "https://slack.com/services/T0/B0"),
    ("a text", "body: 'the password is: none',", URL),
    ("a secret already", "headers: {X-Cron-Auth: '${env.O}'}, body: {api_key: '${env.O}'},", f"{URL}?token=${{env.O}}"),
    ("declared", "headers: {X-Cron-Auth: 'a ${env.O|plain}', Authorization: '${env.O|plain}'}, body: {api_key: '${env.O|plain}'},", f"{URL}?token=${{env.O|plain}}"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "settings", "destination"), PLAIN, ids=ids(PLAIN))
def test_what_is_no_secret_or_declared_to_be_none_is_left_alone(
    _id: str, settings: str, destination: str
) -> None:
    text = schedule(settings, destination)
    assert [f.text for f in build(text, {"O": "other"})[1]] == []
    assert config(text, {"O": "other"}).desired.schedules


@pytest.mark.parametrize("environ", [{}, {"O": ""}, {"O": "other"}], ids=["unset", "empty", "set"])
@pytest.mark.parametrize("missing", [Missing.ERROR, Missing.MOCK, Missing.UNKNOWN])
def test_a_declaration_holds_for_its_default_at_each_place(
    environ: dict[str, str], missing: Missing
) -> None:
    text = HEAD + "vars: {v: '${env.O:-anonymous|plain}'}\nschedules:\n"
    for name, value in (
        ("a", "${env.O:-anonymous|plain}"),
        ("b", "x ${env.O:-y|plain}"),
        ("c", "${var.v}"),
    ):
        for again in ("", "2"):
            text += f"  {name}{again}: {{cron: '@daily', destination: '{URL}?token={value}', headers: {{X-Api-Key: '{value}', Authorization: '{value}'}}, body: {{api_key: '{value}'}}}}\n"
    assert [f.text for f in build(text, environ, missing=missing)[1]] == []


def test_a_default_is_a_literal_where_nothing_declares_it() -> None:
    found = build(schedule("headers: {X-Api-Key: '${env.O:-anonymous}'},"), {})[1]
    assert [one.code for one in found] == ["literal_secret"]


@pytest.mark.parametrize("word", ["plain", "environment", "literal", "NAME", "env."])
@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_secret_that_is_a_word_of_ours_masks_no_way_out(
    tmp_path: Path, command: str, word: str
) -> None:
    text = HEAD + "lint: {disable: [no_failure_callback]}\nschedules:\n"
    text += f"  a: {{cron: '@daily', destination: '{URL}', headers: {{X-Token-Z: {word}}}}}\n"
    text += f"  b: {{cron: '@daily', destination: '{URL}', headers: {{X-Token-Y: other-one}}}}\n"
    text += f"  c: {{cron: '@daily', destination: '{URL}', description: '{word} it is'}}\n"
    (tmp_path / "q.yaml").write_text(text)
    local = (f"--local={tmp_path / 'a.db'}",) * (command == "plan")
    ran = cli(command, "-f", str(tmp_path / "q.yaml"), *local, "--format", "json")
    found = [one for one in json.loads(ran.out)["warnings"] if one["code"] == "literal_secret"]
    assert {one["hint"] for one in found} == {
        "take it from the environment: ${env.NAME}, or ${env.NAME|plain} if it is no secret"
    }
    assert all(one["message"].endswith(": a literal secret") for one in found)
    assert f"{word} it is" not in ran.text


def test_a_declaration_holds_through_a_variable() -> None:
    text = HEAD + "vars: {v: '${env.O|plain}'}\n"
    text += f"schedules: {{a: {{cron: '@daily', destination: '{URL}', headers: {{Authorization: '${{var.v}}'}}}}}}"
    assert [f.text for f in build(text, {"O": "other"})[1]] == []


SHAPES = [
    ("Stripe", "sk_live_" + "a1B2" * 6),
    ("Stripe test", "rk_test_" + "a1B2" * 6),
    ("webhooks", "whsec_" + "a1B2" * 6),
    ("GitHub", "ghp_" + "a1B2" * 9),
    ("GitHub, fine-grained", "github_pat_" + "a1_2" * 9),
    ("GitLab", "glpat-" + "a1B2" * 5),
    ("Slack", "xoxb-" + "123456-" * 3 + "abc"),
    ("Slack app", "xapp-1-" + "A1B2" * 5),
    ("AWS", "AKIA" + "A1B2" * 4),
    ("Google", "AIza" + "a1B2-" * 7),
    ("SendGrid", "SG." + "a" * 22 + "." + "b" * 43),
    ("npm", "npm_" + "a1B2" * 9),
    ("OpenAI", "sk-proj-" + "a1B2" * 9),
    ("Upstash", "sig_" + "a1B2" * 6),
    ("a private key", "-----BEGIN RSA PRIVATE KEY-----"),
]
PLACES = [
    schedule("headers: {X: 'a SHAPE'},"), schedule("body: {a: [SHAPE]},"), schedule("", f"{URL}?q=SHAPE"),
    schedule("description: SHAPE,"), schedule("flow_control: SHAPE,"), HEAD + "vars: {v: SHAPE}", HEAD + "x-mine: [SHAPE]", HEAD + "queues: {SHAPE: {}}",
]  # fmt: skip


@pytest.mark.parametrize(("_id", "shape"), SHAPES, ids=ids(SHAPES))
def test_a_secret_of_a_known_shape_is_an_error_wherever_it_stands(
    tmp_path: Path, _id: str, shape: str
) -> None:
    for place in PLACES:
        (tmp_path / "q.yaml").write_text(place.replace("SHAPE", shape))
        ran = cli("validate", "-f", str(tmp_path / "q.yaml"))
        assert (ran.code, "in clear" in ran.err) == (1, True), ran
        assert shape not in ran.text


TOKEN = "t0ken-of-this-run"
UNMASKED = [
    ("the token", "${env.QSTASH_TOKEN|plain}", {"QSTASH_TOKEN": TOKEN}),
    ("that of a region", "${env.US_EAST_1_QSTASH_TOKEN|plain}", {"US_EAST_1_QSTASH_TOKEN": TOKEN}),
    ("that of the environment", "${env.MINE|plain}", {"MINE": TOKEN}),
    ("that of another", "${env.OTHER|plain}", {"MINE": "x", "OTHER": TOKEN}),
    ("a copy", "${env.COPY|plain}", {"QSTASH_TOKEN": TOKEN, "COPY": TOKEN}),
    (
        "in a longer text",
        "${env.COPY|plain}",
        {"QSTASH_TOKEN": f"{TOKEN}\n", "COPY": f"Bearer {TOKEN}!"},
    ),
    ("with a default", "${env.QSTASH_TOKEN:-x|plain}", {"QSTASH_TOKEN": TOKEN}),
    ("a signing key", "${env.QSTASH_NEXT_SIGNING_KEY|plain}", {"QSTASH_NEXT_SIGNING_KEY": TOKEN}),
    ("a known shape", "${env.STRIPE|plain}", {"STRIPE": "sk_live_" + "a1B2" * 6}),
    ("through a variable", "${var.v}", {"QSTASH_TOKEN": TOKEN}),
]


@pytest.mark.parametrize(("_id", "value", "environ"), UNMASKED, ids=ids(UNMASKED))
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_token_of_the_run_is_never_plain(
    tmp_path: Path, form: str, _id: str, value: str, environ: dict[str, str]
) -> None:
    text = (
        HEAD
        + "environments: {e: {token: '${env.MINE}'}, f: {token: '${env.OTHER}', namespace: n}}\n"
    )
    text += "vars: {v: 'x ${env.QSTASH_TOKEN|plain}'}\n"
    text += f"schedules: {{a: {{cron: '@daily', destination: '{URL}', description: '{value}'}}}}\n"
    (tmp_path / "q.yaml").write_text(text)
    words = ("plan", "-f", str(tmp_path / "q.yaml"), "-e", "e", f"--local={tmp_path / 'a.db'}")
    ran = cli(*words, "--format", form, environ={"MINE": "mine-mine-mine", **environ})
    assert ran.code == 1
    assert "is never shown" in ran.text
    for hidden in environ.values():
        assert len(hidden) < 8 or hidden.strip() not in ran.text


def test_the_token_of_the_run_is_no_value_of_var(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(HEAD + "vars: {t: x}\n")
    words = ("validate", "-f", str(tmp_path / "q.yaml"), "--var", f"t=Bearer {TOKEN}")
    ran = cli(*words, environ={"QSTASH_TOKEN": TOKEN})
    assert (ran.code, TOKEN in ran.text) == (1, False)
    assert "--var t: holds the token of QSTASH_TOKEN" in ran.err
    assert cli(*words).code == 0


def test_what_is_declared_to_be_no_secret_is_so_at_every_place_of_its_text() -> None:
    """A text is looked at once, but what is noted of it is noted of places: aliases share theirs."""
    auth = "{Authorization: 'Bearer ${env.T|plain}'}"
    each = "cron: '0 9 * * *', destination: 'https://e.example.com/x'"
    text = HEAD + f"schedules:\n  a: {{{each}, headers: &h {auth}}}\n  b: {{{each}, headers: *h}}\n"
    text += f"  c: {{{each}, headers: *h}}\n  d: {{{each}, headers: {auth}}}\n"
    found = config(text, {"T": "no secret at all"})
    assert [one for one in found.warnings if one.code == "literal_secret"] == []
    assert {s.message.headers for s in found.desired.schedules or ()} == {
        (("Authorization", "Bearer no secret at all"),)
    }


@pytest.mark.parametrize(
    "text",
    [
        f"schedules: {{a: {{cron: '@daily', destination: 'https://e.com', body: {{api_key: {STRIPE}}}}}}}\n",
        f"schedules: {{a: {{cron: '@daily', destination: 'https://e.com', headers: {{Authorization: {STRIPE}}}}}}}\n",
        f"schedules: {{a: {{cron: '@daily', destination: 'https://e.com/?token={STRIPE}'}}}}\n",
        f"vars: {{api_key: {STRIPE}}}\n",
        f"environments: {{p: {{token: {STRIPE}}}}}\n",
    ],
    ids=["body", "header", "address", "variable", "token"],
)
def test_one_secret_is_told_once(text: str) -> None:
    """By its shape, which is an error; that its name says so, too, is no news."""
    environment = "p" if "environments" in text else None
    told = [
        one
        for one in messages(HEAD + text, environment=environment)
        if "literal" in one or "clear" in one
    ]
    assert len(told) == 1
    assert "a Stripe key in clear" in told[0]


SLACK = "https://hooks.slack.com/services"
SHOWN = [
    ("a reference", f"{SLACK}/${{env.UNSET}}"),
    ("references", f"{SLACK}/${{env.UNSET}}/${{var.no}}/${{ env.X|plain }}"),
    ("a bot's", "https://api.telegram.org/bot${env.UNSET}/sendMessage"),
    ("a query", f"{SLACK}/${{env.UNSET}}?a=1"),
    ("no webhook", f"{URL}?token=${{env.UNSET}}"),
]
UNSHOWN = [
    ("a part in clear", f"{SLACK}/T0/B0/{CANARY}${{env.UNSET}}"),
    ("a part behind", f"{SLACK}/${{env.UNSET}}/{CANARY}"),
    ("a part between", f"{SLACK}/${{env.UNSET}}/{CANARY}/${{env.UNSET}}"),
    ("a default", f"{SLACK}/${{env.UNSET}}/${{env.Y:-{CANARY}}}"),
    ("a plain default", f"{SLACK}/${{env.UNSET}}/${{env.Y:-{CANARY}|plain}}"),
    ("a bot's", f"https://api.telegram.org/bot${{env.UNSET}}:{CANARY}/sendMessage"),
    ("a literal", f"{SLACK}/$${{env.{CANARY}}}/${{env.UNSET}}"),
    ("a parameter", f"{SLACK}/${{env.UNSET}}?sig={CANARY}"),
    ("a parameter with a reference", f"{SLACK}/${{env.UNSET}}?sig={CANARY}${{env.UNSET}}"),
    ("two", f"{SLACK}/${{env.UNSET}} {SLACK}/{CANARY}"),
    ("a comment", f"{SLACK}/${{env.UNSET}}' # was '{SLACK}/T0/B0/{CANARY}"),
    ("a comment with a parameter", f"{SLACK}/${{env.UNSET}}' # was 'https://e.com/?sig={CANARY}"),
    ("a login", f"{SLACK}/${{env.UNSET}}' # https://me:{CANARY}@e.com '"),
    ("a part behind spaces", f"{SLACK}/${{ env.UNSET }}/{CANARY}"),
    ("a part beside spaces", f"{SLACK}/${{ env.UNSET }}{CANARY}"),
    ("a bot's behind spaces", f"https://api.telegram.org/bot${{ env.UNSET }}:{CANARY}/sendMessage"),
    ("a parameter behind spaces", f"{SLACK}/${{ env.UNSET }}?sig=${{ env.UNSET }}{CANARY}"),
    ("a fragment", f"{SLACK}/${{env.UNSET}}#{CANARY}"),
    ("a fragment of what is masked", f"{SLACK}/T00000000/B00000000/${{env.UNSET}}#{CANARY}"),
    ("a fragment of a chat's", f"https://discord.com/api/webhooks/123456789012345678/${{env.UNSET}}#{CANARY}"),
    ("a fragment of a parameter", f"{URL}?token=${{env.UNSET}}#{CANARY}"),
    ("an escape", f"{SLACK}/${{env.UNSET}}\\u0041{CANARY}"),
    ("braces", f"{SLACK}/${{env.UNSET}}{{{CANARY}}}"),
]  # fmt: skip


@pytest.mark.parametrize("holder", ["destination: '{}'", "callback: {{url: '{}'}}", "'{}': 1"])
@pytest.mark.parametrize(("_id", "url"), SHOWN, ids=ids(SHOWN))
def test_a_line_in_which_references_alone_could_be_secret_is_shown(
    tmp_path: Path, _id: str, url: str, holder: str
) -> None:
    line = holder.format(url)
    text = f"{HEAD}schedules:\n  a:\n    cron: '@daily'\n    {line}\n"
    found = [one.location.text for one in build(text)[1] if one.location and one.location.line == 7]
    assert found
    assert set(found) == {f"    {line}"}


@pytest.mark.parametrize("reference", ["${env.TEAM}", "${ env.TEAM }"])
@pytest.mark.parametrize(
    "setting", ["destination: '{}'", "body: 'to {}', destination: https://e.com"]
)
def test_the_rest_of_a_webhook_behind_a_reference_is_a_literal_secret(
    tmp_path: Path, reference: str, setting: str
) -> None:
    url = f"{SLACK}/{reference}/B0/{CANARY}"
    text = f"{HEAD}schedules:\n  a: {{cron: '@daily', {setting.format(url)}}}\n"
    (tmp_path / "q.yaml").write_text(text)
    words = ("plan", "-f", str(tmp_path / "q.yaml"), f"--local={tmp_path / 'a.db'}", "-v")
    ran = cli(*words, environ={"TEAM": "T0000000"})
    assert CANARY not in ran.text, ran.text
    assert "a literal secret" in ran.text


@pytest.mark.parametrize("is_whole", [True, False], ids=["a file", "no YAML"])
@pytest.mark.parametrize(("_id", "url"), UNSHOWN, ids=ids(UNSHOWN))
def test_a_line_with_a_secret_beside_a_reference_is_not(
    tmp_path: Path, _id: str, url: str, is_whole: bool
) -> None:
    """Nor where it is shown for another mistake in it."""
    for settings in (f"destination: '{url}'", f"{{destination: '{url}', nope: 1}}"):
        holder = settings if settings.startswith("d") else f"x-{settings}"
        text = (
            f"{HEAD}schedules:\n  a:\n    cron: '@daily'\n    {holder}{'' if is_whole else ' ]['}\n"
        )
        (tmp_path / "q.yaml").write_text(text)
        for form in ("text", "json", "markdown", "html"):
            ran = cli(
                "validate" if form in ("text", "json") else "plan",
                "-f",
                str(tmp_path / "q.yaml"),
                *([f"--local={tmp_path / 'a.db'}"] if form in ("markdown", "html") else []),
                "--format",
                form,
            )
            assert ran.code == 1, ran
            assert CANARY not in ran.text, ran.text
