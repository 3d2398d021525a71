"""Secrets that stand in a file in clear: found, told, and never shown again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qstash_sync.model.diagnostics import Diagnostic
from qstash_sync.model.resources import MASK

_SHOWN = 400  # characters; a value that a message quotes may have millions
LITERAL_SECRET = "literal_secret"  # noqa: S105 the code of a diagnostic

_SHAPES = (
    (re.compile(r"\bsig_[A-Za-z0-9]{20,}"), "a QStash signing key"),
    (re.compile(r"eyJVc2VySUQiOi[A-Za-z0-9+/_=-]+"), "a QStash token"),
    (re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"), "a Stripe key"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{16,}"), "a signing secret of webhooks"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}"), "a GitHub token"),
    (re.compile(r"\bglpat-[\w-]{20,}"), "a GitLab token"),
    (re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}"), "a Slack token"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "an AWS access key"),
    (re.compile(r"\bAIza[\w-]{35}"), "a Google key"),
    (re.compile(r"\bSG\.[\w-]{22}\.[\w-]{43}"), "a SendGrid key"),
    (re.compile(r"\bnpm_[A-Za-z0-9]{36}"), "an npm token"),
    (re.compile(r"\bsk-(?:proj|ant|svcacct)-[\w-]{20,}|\bsk-[A-Za-z0-9]{40,}"), "an API key"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*"), "a private key"),
)
# What a secret is called, in the letters of its name alone.
NAMES = (
    "accesskey", "apikey", "authorization", "bearer", "bypass", "credential", "credentials", "jwt",
    "passphrase", "passwd", "password", "privatekey", "secret", "secretkey", "signingkey", "token",
)  # fmt: skip
# Addresses whose path is the secret: who knows it may post.
WEBHOOK = re.compile(
    r"https?://(?:"
    r"hooks\.slack\.com/(?:services|workflows|triggers)/"
    r"|(?:[\w-]+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/"
    r"|(?:[\w-]+\.)+webhook\.office\.com/webhookb2/|outlook\.office(?:365)?\.com/webhook/"
    r"|api\.telegram\.org/bot|hooks\.zapier\.com/hooks/catch/|hook\.(?:\w+\.)?make\.com/"
    r"|maker\.ifttt\.com/trigger/[^/?#]+/(?:json/)?with/key/"
    r")([^?#]+)",
    re.IGNORECASE,
)
# Names begin where no letter stands before: else each letter of a long word would be a try.
# A value that a variable is part of, as in `Bearer ${env.TOKEN}`, is none in clear.
_MEMBER = re.compile(
    r"(?<![\w.-])([\w.-]+)[\"']?\s*[:=]\s*[\"']?(?=[^\s\"'$,}\]&|>])"
    r"(?!(?:(?:bearer|basic|token) )?[^\s\"',}\]$]{0,100}\$\{)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"(?<![\w.-])([\w.-]+)=([^\s&#'\"$]+)")  # in an address, or a form
# In a file's own text a secret may be behind escapes, or broken at the end of a line.
_TRACES = re.compile(
    r"sig_|eyJVc2VySUQiOi|[sr]k_|whsec_|gh[pousr]_|github_pat_|glpat-|xox|xapp-|AKIA|ASIA|AIza"
    r"|SG\.|npm_|sk-|PRIVATE KEY|\\[xuU\r\n]"
)


def might_hold_secret(text: str) -> bool:
    """Whether it is worth to look at each value of a file with this text."""
    return _TRACES.search(text) is not None


def secret_in(text: str) -> str | None:
    """What kind of secret stands in a text in clear, if one does."""
    return next((kind for shape, kind in _SHAPES if shape.search(text)), None)


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}={MASK}" if is_called(found[1]) else found[0]


def is_called(name: str, also: Sequence[str] = ()) -> bool:
    """Whether a name, or its last words, is a secret's: access_token, X-Api-Key, stripeSecret."""
    letters = re.sub(r"[^a-z]", "", name.lower())
    return letters in also or letters.endswith(NAMES)


def _shows_secret(line: str) -> bool:
    """Whether a secret stands in a line of a file, as far as its words tell: it may be no YAML."""
    if secret_in(line) or WEBHOOK.search(line):
        return True
    return any(is_called(found[1]) for found in _MEMBER.finditer(line))


def without_secrets(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """The diagnostics, none with a line in which a secret stands in clear."""
    texts = {_line(d): d.location.text for d in diagnostics if d.location}
    lines = {line for line, text in texts.items() if _shows_secret(text)}
    lines |= {_line(d) for d in diagnostics if d.code == LITERAL_SECRET}
    for diagnostic in diagnostics:
        location = diagnostic.location
        if location and _line(diagnostic) in lines:
            location = replace(location, text="")
        yield replace(diagnostic, location=location)


def _line(diagnostic: Diagnostic) -> tuple[str, int] | None:
    location = diagnostic.location
    return (location.file, location.line) if location else None


def presentable(text: str) -> str:
    """A message, a hint or a name as it may be shown, whatever value it quotes.

    Masked first, then cut: half a secret has no shape by which it could be known. It is cut in the
    middle, since what is said of a value stands around it.
    """
    if might_hold_secret(text):
        for shape, _ in _SHAPES:
            text = shape.sub(MASK, text)
    for webhook in WEBHOOK.findall(text) if "://" in text else ():
        text = text.replace(webhook, MASK)
    if "=" in text:
        text = _ASSIGNED.sub(_masked, text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}…{text[-(_SHOWN // 2) :]}"
