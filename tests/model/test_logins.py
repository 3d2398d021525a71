"""Which addresses have a password, and which only look so."""

import pytest

from qstash_sync.cli import streams
from qstash_sync.model.presentable import presentable
from qstash_sync.model.secret_shapes import has_login, passwords
from qstash_sync.render import safe

NONE = [
    "https://h.acme.com:8080/@scope", "http://[::1]:8080/users/@me", "https://a.com:80,x@y.com",
    "https://localhost:${var.port}/users/@me", "https://a.com/x?mail=me@b.com", "me@a.com",
    '{"url":"https://a.com","mail":"me@x.com"}', "{'url':'https://a.com','mail':'me@x.com'}",
    "[https://a.com,mailto:me@x.com]", "https://a.com:443?to=me@b.com", "https://user@a.com/x:y", "https://[::1]/a:b@c",
]  # fmt: skip
SOME = [
    ("https://me:hunter2@a.com", "hunter2"), ("postgres://u:80hunter@h:5432/db", "80hunter"),
    ("https://me:a/b@a.com/x", "a/b"), ("https://:pw@a.com", "pw"), ("https://me:p@ss@a.com", "p@ss"),
    ("https://me:hunt'erS3@a.com", "hunt'erS3"), ('https://me:hunt"er@a.com', 'hunt"er'),
    ("https://o'brien:hunter2@a.com", "hunter2"), ("https://u[1]:hunter2@a.com", "hunter2"),
    ("https://me:a:b@a.com", "a:b"), (f"https://me:{'x' * 900}@a.com", "x" * 900),
]  # fmt: skip


@pytest.mark.parametrize("text", NONE)
def test_a_port_a_host_in_brackets_and_a_variable_are_no_password(text: str) -> None:
    assert not has_login(text)
    assert presentable(text) == text
    streams.hide_logins([f"base={text}"])
    assert streams.without_tokens(safe.page(text)) == text


@pytest.mark.parametrize(("text", "password"), SOME)
def test_whatever_is_no_port_is_one(text: str, password: str) -> None:
    assert [text[slice(*span)] for span in passwords(text)] == [password]
    quoted = presentable(f"{text} is no duration")
    assert (password in quoted, quoted.endswith("is no duration")) == (False, True)
    streams.hide_logins([f"base={text}"])
    assert password not in streams.without_tokens(safe.page(text))
    streams.hide_logins([])


def test_a_short_password_masks_no_letters_elsewhere() -> None:
    shown = presentable(
        "'https://u:e@e.com/x' is not a time zone; https://u:longpassword@e.com longpassword"
    )
    assert (
        shown
        == "'https://u:(secret)@e.com/x' is not a time zone; https://u:(secret)@e.com (secret)"
    )


@pytest.mark.parametrize("before", ["", "u:p@", "u@", "u:p@q@"])
@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("hooks.slack.com", "services/"), ("discord.com", "api/v10/webhooks/"),
        ("a.webhook.office.com", "webhookb2/"), ("hook.eu1.make.com", ""),
        ("hc-ping.com", ""), ("maker.ifttt.com", "trigger/x/with/key/"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("port", ["", ":443"])
def test_a_webhook_is_one_behind_a_login_and_with_a_port(
    before: str, host: str, path: str, port: str
) -> None:
    url = f"https://{before}{host}{port}/{path}123/hiddenpath"
    assert "hiddenpath" not in presentable(f"'{url}' is no cron")
    assert "telegramkey" not in presentable(
        f"https://{before}api.telegram.org{port}/bottelegramkey/x"
    )


@pytest.mark.parametrize("inner", ["A", "AAAA/BBBBBBBB", "A/B@C"])
def test_a_secret_within_another_one_leaves_nothing_of_either(inner: str) -> None:
    shown = presentable(
        f"'https://u:https://hooks.slack.com/services/{inner}?TAILSEC@e.com' is no cron"
    )
    assert shown == "'https://u:(secret)@e.com' is no cron"


@pytest.mark.parametrize(
    "before", ["", "//", "https:/", "htps://", "https:", "see ", "https://user@", "https://x.example.com/?u="]
)  # fmt: skip
def test_a_webhook_is_one_whatever_stands_before_its_host(before: str) -> None:
    for host in (
        "hooks.slack.com/services",
        "hooks.slack.com./services",
        "hooks.slack.com/./services",
    ):
        assert "hiddenpath" not in presentable(f"{before}{host}/T0/B0/hiddenpath")
    assert "readme" in presentable(f"{before}myhooks.slack.com/services/T0/B0/readme")
