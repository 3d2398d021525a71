"""What looks like a secret is held apart; what does not, stays readable."""

import json
from typing import Any

import pytest

from qstash_sync.adopt import secrets
from qstash_sync.adopt.secrets import Template
from tests.support import ids


def written(template: Template) -> str:
    """The text with `[…]` around what is held apart."""
    return "".join(p if isinstance(p, str) else f"[{p.value}]" for p in template.parts)


URLS = [
    ("https://e.com/x?a=1&b=2", "https://e.com/x?a=1&b=2"),
    ("https://e.com/x?token=s&a=1", "https://e.com/x?token=[s]&a=1"),
    ("https://e.com/x?a=1&api_key=s", "https://e.com/x?a=1&api_key=[s]"),
    ("https://e.com/x?x-vercel-protection-bypass=s", "https://e.com/x?x-vercel-protection-bypass=[s]"),
    ("https://e.com/x?accessToken=s", "https://e.com/x?accessToken=[s]"),
    ("https://e.com/x?CRON_SECRET=s", "https://e.com/x?CRON_SECRET=[s]"),
    ("https://e.com/x?token=", "https://e.com/x?token="),
    ("https://e.com/x?monkey=1&tokens_used=5", "https://e.com/x?monkey=1&tokens_used=5"),
    ("https://e.com/x?key=$s", "https://e.com/x?key=[$s]"),
    ("https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com/services/[T0/B0/x]"),
    ("https://discord.com/api/webhooks/12/ab-C?wait=true", "https://discord.com/api/webhooks/[12/ab-C]?wait=true"),
    ("https://api.telegram.org/bot12:AA/sendMessage", "https://api.telegram.org/bot[12:AA]/sendMessage"),
    ("https://e.com/webhooks/9a8b7c6d5e4f3a2b1c0d9e8f/x", "https://e.com/webhooks/[9a8b7c6d5e4f3a2b1c0d9e8f/x]"),
    ("https://e.com/webhooks/orders", "https://e.com/webhooks/orders"),
    ("https://e.com/ghp_" + "a" * 36, "https://e.com/[ghp_" + "a" * 36 + "]"),
    ("https://e.com/$token?token=s", "https://e.com/$token?token=[s]"),
    ("https://e.com/x?pass=s&db_pass=t&creds=u&tok=v", "https://e.com/x?pass=[s]&db_pass=[t]&creds=[u]&tok=[v]"),
    ("https://e.com/x?private=1&compass=n&class=3", "https://e.com/x?private=1&compass=n&class=3"),
    ("https://e.com/x?private=a1b2c3d4e5f6a7b8", "https://e.com/x?private=[a1b2c3d4e5f6a7b8]"),
]  # fmt: skip
HEADERS = [
    ("Authorization", "Bearer s", "Bearer [s]"),
    ("Authorization", "Basic dTpw", "Basic [dTpw]"),
    ("Authorization", "s", "[s]"),
    ("Proxy-Authorization", "s", "[s]"),
    ("Cookie", "a=b; c=d", "[a=b; c=d]"),
    ("X-Api-Key", "s", "[s]"),
    ("Apikey", "s", "[s]"),
    ("X-Cron-Auth", "s", "[s]"),
    ("X-Vercel-Protection-Bypass", "s", "[s]"),
    ("X-Hub-Signature", "s", "[s]"),
    ("Idempotency-Key", "s", "[s]"),
    ("X-Team", "billing", "billing"),
    ("X-Author", "me", "me"),
    ("X-Note", "use xoxb-1234567890-abc", "use [xoxb-1234567890-abc]"),
    ("X-Team", "REDACTED:00", "[REDACTED:00]"),
    ("X-Tok", "s", "[s]"),
    ("X-Pass", "s", "[s]"),
    ("X-Creds", "s", "[s]"),
    ("X-Config", '{"token":"s","n":1}', '{"token":"[s]","n":1}'),
    ("X-Config", "user=me; password=abcdefgh", "user=me; password=[abcdefgh]"),
    ("X-Config", "<password>s</password>", "<password>[s]</password>"),
    ("X-To", "https://e.com/x?a=1&key=s", "https://e.com/x?a=1&key=[s]"),
    ("X-To", "https://e.com/x?a=1&pass=s#f", "https://e.com/x?a=1&pass=[s#f]"),
    ("X-Trace", "a: b, #c", "a: b, #c"),
    ("Accept", "text/html;q=0.9", "text/html;q=0.9"),
    ("X-Private", "yes", "yes"),
]  # fmt: skip
TEXTS = [
    ("plain", "plain"),
    ("a=1&token=abc&b=2", "a=1&token=[abc]&b=2"),
    ('{"a": 1, "api_key": "k\\"1"}', '{"a": 1, "api_key": "[k\\"1]"}'),
    ("sk_live_4242424242424242", "[sk_live_4242424242424242]"),
    ("AKIAABCDEFGHIJKLMNOP and more", "[AKIAABCDEFGHIJKLMNOP] and more"),
    ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "[eyJhbGciOiJI.eyJzdWIiOiIx.c2ln]"),
    ("token", "token"),
    ("ghp_" + "a" * 36 + "_tail", "[ghp_" + "a" * 36 + "_tail]"),
    ("token=ghp_" + "a" * 36 + " b", "token=[ghp_" + "a" * 36 + "] b"),
    ('{"API_KEY": "k"}', '{"API_KEY": "[k]"}'),
    ("user=a&pass=s", "user=a&pass=[s]"),
    (
        "<a><password>s&amp;t</password><b>c</b></a>",
        "<a><password>[s&amp;t]</password><b>c</b></a>",
    ),
    ('<ns:apiKey type="x">s</ns:apiKey>', '<ns:apiKey type="x">[s]</ns:apiKey>'),
    ("<title>pass</title>", "<title>pass</title>"),
    ("to https://e.com/x?sig=a%2Fb now", "to https://e.com/x?sig=[a%2Fb] now"),
    ('{"u":"https://e.com/x?key=s","b":1}', '{"u":"https://e.com/x?key=[s]","b":1}'),
    ("key=daily-report", "key=daily-report"),
    ("key=a1b2c3d4e5f6a7b8", "key=[a1b2c3d4e5f6a7b8]"),
    ("key: a1b2c3d4e5f6a7b8", "key: [a1b2c3d4e5f6a7b8]"),
]
# What is called `key`, or `private`, is a secret where it looks like one: letters and digits mixed,
# sixteen or more, and no words.
MEMBERS = [
    ("pass", "economy", True),
    ("db_pass", "s", True),
    ("dbPass", "s", True),
    ("boardingPass", "s", True),
    ("creds", "s", True),
    ("tok", "s", True),
    ("license_key", "ABCD-1234", True),
    ("licenceKey", "ABCD-1234", True),
    ("key", "a1b2c3d4e5f6a7b8", True),
    ("key", "3f2c9a1b-7d4e-4c1a-9b2f-0a1b2c3d4e5f", True),
    ("accountKey", "Zm9vYmFyYmF6cXV4MTIzNA==", True),
    ("account_key", "Zm9vYmFyYmF6cXV4MTIzNA==", True),
    ("private", "a1b2c3d4e5f6a7b8", True),
    ("AccountKey", "aB3/xY+z09aBcDeF1234==", True),
    ("key", "value", False),
    ("key", "daily-report-2026-11-25", False),
    ("key", "uploads/2026/a1b2c3d4e5f6.csv", False),
    ("key", "2026-11-25T12:00:00Z", False),
    ("key", "1234567890123456", False),
    ("primary_key", "customer_identifier", False),
    ("private", "yes", False),
    ("monkey", "a1b2c3d4e5f6a7b8", False),
    ("compass", "north", False),
    ("passenger", "me", False),
    ("custom", "x", False),
]


@pytest.mark.parametrize(("text", "expected"), URLS, ids=ids(URLS))
def test_secrets_of_an_address(text: str, expected: str) -> None:
    assert written(secrets.url(text, "")) == expected


@pytest.mark.parametrize(("name", "value", "expected"), HEADERS)
def test_secrets_of_a_header(name: str, value: str, expected: str) -> None:
    assert written(secrets.header(name, value)) == expected


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=ids(TEXTS))
def test_secrets_of_a_body(text: str, expected: str) -> None:
    assert written(secrets.text_body(text, "body")) == expected


def test_secrets_of_a_mapping() -> None:
    value = {
        "api_key": "k",
        "deep": [{"Password": "p"}],
        "ok": "plain",
        "tokens_used": 5000,
        "token": "",
    }
    found = secrets.replaced(secrets.json_body(value, "body"), written)
    assert found == {**value, "api_key": "[k]", "deep": [{"Password": "[p]"}]}


@pytest.mark.parametrize(("name", "value", "is_secret"), MEMBERS)
def test_a_member_is_a_secret_by_its_name_or_by_both(
    name: str, value: str, *, is_secret: bool
) -> None:
    shown = f"[{value}]" if is_secret else value
    found = secrets.replaced(secrets.json_body({"a": [{name: value}]}, "body"), written)
    assert found == {"a": [{name: shown}]}
    text = json.dumps({name: value})
    assert written(secrets.text_body(text, "body")) == json.dumps({name: shown})


def test_a_file_is_not_told_off_for_what_is_only_likely() -> None:
    from tests.support import HEAD, config

    body = json.dumps({"pass": "x", "key": "a1b2c3d4e5f6a7b8", "creds": "x", "tok": "x"})
    settings = f"cron: '@daily', destination: 'https://e.example.com', body: {body}"
    found = config(f"{HEAD}schedules: {{s: {{{settings}, headers: {{X-Tok: x}}}}}}")
    assert [one.code for one in found.warnings if "secret" in one.code] == []


@pytest.mark.parametrize("value", [{"password": 123456}, [{"a": {"secret": 9999.5}}]])
def test_a_secret_that_is_a_number_takes_the_whole_body_along(value: Any) -> None:
    """Its variable would make a text of it."""
    assert secrets.json_body(value, "body") is None


@pytest.mark.parametrize("text", ["$", "${", "$${x}", "a$${b", "${env.X}", "{$"])
def test_a_dollar_and_a_brace_stay_what_they_are(text: str) -> None:
    from tests.support import HEAD, config

    body = json.dumps(secrets.plain(text).written({}))
    file = f"{HEAD}schedules: {{s: {{cron: '@daily', destination: 'https://e.example.com', body: {body}}}}}"
    schedules = config(file).desired.schedules
    assert schedules and schedules[0].message.body == text


def test_a_representation_shows_no_secret() -> None:
    assert "s3cret" not in repr(secrets.whole("s3cret", "x"))
