"""What looks like a secret: by its shape, by what it is called, by the address that it is part of.

One table for both who ask: `config/`, for secrets that stand in a file in clear, and `adopt/`, for
what an import takes out of the file that it writes. `likely`: also what may well be none; an import
would rather take too much out, a file is not told off for it.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import cache, lru_cache

Span = tuple[int, int]
# Here, as elsewhere, a pattern that few runs need is a text: `re` compiles it at its first use.
# Variables that hold a token or a signing key of QStash.
TOKENS = re.compile(r"(?:\w+_)?QSTASH_(?:TOKEN|(?:CURRENT|NEXT)_SIGNING_KEY)")

# By shape


_SHAPES = (
    (r"\bsig_[A-Za-z0-9]{20,}", "a QStash signing key"),
    (r"eyJVc2VySUQiOi[A-Za-z0-9+/_=-]+", "a QStash token"),
    (r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}", "a Stripe key"),
    (r"\bwhsec_[A-Za-z0-9+/=]{16,}", "a signing secret of webhooks"),
    (r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{30,}", "a GitHub token"),
    (r"\bglpat-[\w-]{20,}", "a GitLab token"),
    (r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}", "a Slack token"),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", "an AWS access key"),
    (r"\bAIza[\w-]{35}", "a Google key"),
    (r"\bSG\.[\w-]{22}\.[\w-]{43}", "a SendGrid key"),
    (r"\bnpm_[A-Za-z0-9]{36}", "an npm token"),
    (r"\bsk-(?:proj|ant|svcacct)-[\w-]{20,}|\bsk-[A-Za-z0-9]{40,}", "an API key"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*", "a private key"),
)
# How the shapes begin: words that are searched for one by one, since a pattern of them all takes
# thrice the time. In a file's own text a secret may be behind escapes, or broken at the end of a
# line.
_TRACES = (
    "sig_", "eyJVc2VySUQiOi", "sk_", "rk_", "whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "xox", "xapp-", "AKIA", "ASIA", "AIza", "SG.", "npm_", "sk-",
    "PRIVATE KEY",
)  # fmt: skip
_ESCAPES = re.compile(r"\\[xuU\r\n]")
_LIKELY_SHAPES = (
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON Web Tokens
    r"|\b(?:sk|rk|pk)_(?:live|test)_\w{8,}|\bwhsec_[\w+/=]{16,}"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\b(?:xox[abeoprs]|xapp)-[\w-]{10,}|\bAIza[\w-]{30,}"
    r"|\bsk-[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bnpm_\w{30,}|\bshpat_\w{20,}"
)


def might_hold_secret(text: str) -> bool:
    """Whether it is worth to look at each value of a file with this text."""
    is_escaped = "\\" in text and _ESCAPES.search(text) is not None
    return is_escaped or any(trace in text for trace in _TRACES)


@cache
def shapes() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The shapes of secrets that are certain, and what each is the shape of."""
    return tuple((re.compile(shape), kind) for shape, kind in _SHAPES)


def kind_in(text: str) -> str | None:
    """What kind of secret stands in a text, as its shape tells for certain."""
    return next((kind for shape, kind in shapes() if shape.search(text)), None)


def likely_in(text: str) -> Iterator[Span]:
    """Where something stands that has the shape of a secret, certain or likely; spans overlap."""
    for shape in (*(shape for shape, _ in _SHAPES), _LIKELY_SHAPES):
        yield from (match.span() for match in re.finditer(shape, text))


# By name


class Where(Enum):
    """What a name is the name of: some words mean a secret in one place alone."""

    HEADER = auto()
    PARAMETER = auto()  # of an address, or a form's field in one
    MEMBER = auto()  # of a body, or a variable


# What a secret is called, in the letters of its name alone; the name may end so.
_NAMES = (
    "accesskey", "apikey", "authorization", "bearer", "bypass", "credential", "credentials", "jwt",
    "passphrase", "passwd", "password", "privatekey", "accesscode", "secret", "secretkey",
    "signingkey", "token",
)  # fmt: skip
_SHORT = ("auth", "key", "pass", "pwd", "sig", "signature")
_PARAMETERS = frozenset({*_SHORT, "amzsignature", "code", "googsignature", "hmac"})  # X- aside
_WORDS = frozenset({*_NAMES, *_SHORT, "session"})  # of headers
_LIKELY_LAST = (
    r"(?i)(?:.*[-_.])?(?:cookie|tokens?|tok|pass|passcode|pwd|creds?|signature|api[-_]key|access[-_]key"
    r"|private[-_]key|licen[cs]e[-_]?key|session[-_]?id|auth)"
)
_MAY_BE_LAST = r"(?i)(?:.*[-_.])?(?:key|private)"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# No words, no path, no date: one stretch at least mixes letters and digits, or it is base64.
_OPAQUE = (
    r"(?a)(?=[\w+=-]{16,}$)(?:.*[-_+=])?(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{8,}(?:[-_+=].*)?"
    r"|(?=.*[0-9])[A-Za-z0-9+/]{20,}={1,2}"
)
_LIKELY_PARAMETER = r"(?i)(?:.*[-_.])?(?:key|sig)"


@lru_cache(maxsize=4096)
def is_called(name: str, where: Where = Where.MEMBER, *, likely: bool = False) -> bool:
    """Whether a name is a secret's: access_token, X-Api-Key, stripeSecret."""
    letters = re.sub(r"[^a-z]", "", name.lower())
    if letters.endswith(_NAMES):
        return True
    if where is Where.PARAMETER and letters.removeprefix("x") in _PARAMETERS:
        return True
    if where is Where.HEADER and not _WORDS.isdisjoint(re.split("[-_.]", name.lower())):
        return True
    if not likely:
        return False
    is_parameter = where is Where.PARAMETER and re.fullmatch(_LIKELY_PARAMETER, name)
    return bool(is_parameter or re.fullmatch(_LIKELY_LAST, _spaced(name)))


def _spaced(name: str) -> str:
    """A name with its words apart: dbPass is db-Pass."""
    return _CAPITAL.sub("-", name)


def is_likely(name: str, value: str, where: Where = Where.MEMBER) -> bool:
    """Whether a value is a secret's by its name, or by its name and how it looks.

    {"key": "value"} is none, {"key": "a1b2c3d4e5f6a7b8"} likely is.
    """
    if is_called(name, where, likely=True):
        return True
    return bool(re.fullmatch(_MAY_BE_LAST, _spaced(name)) and re.fullmatch(_OPAQUE, value))


# By address, and in a text by the name before it


# Addresses whose path is the secret, behind what is written of it here: who knows it may post.
_WEBHOOKS = (
    (r"hooks\.slack\.com", r"(?:services|workflows|triggers)/"),
    (r"(?:[\w-]+\.)?discord(?:app)?\.com", r"api/(?:v\d+/)?webhooks/(?=\d+/)"),
    (r"(?:[\w-]+\.)+webhook\.office\.com", r"(?:webhookb2/)?"),
    (r"outlook\.office(?:365)?\.com", r"webhook/"),
    (r"hooks\.zapier\.com", r"hooks/catch/"),
    (r"hook\.(?:[\w.]+\.)?make\.com", ""),
    (r"maker\.ifttt\.com", r"trigger/[^/?#]+/(?:json/)?with/key/"),
    (r"(?:[\w-]+\.)+m\.pipedream\.net", ""),
    (r"api\.netlify\.com", r"build_hooks/"),
    (r"hc-ping\.com", ""),
    (r"api\.vercel\.com", r"v1/integrations/deploy/"),
    (r"api\.cloudflare\.com", r"client/v4/pages/webhooks/"),
    (r"(?:uptime\.)?betterstack\.com", r"api/v1/heartbeat/"),
    (r"hooks\.airtable\.com", r"workflows/"),
    (r"events\.(?:eu\.)?pagerduty\.com", r"integration/"),
    (r"cronitor\.link", r"(?:p/)?"),
)
_HOSTS = (
    "slack", "discord", "office", "zapier", "make.com", "ifttt", "pipedream", "netlify", "hc-ping",
    "vercel", "cloudflare", "betterstack", "airtable", "pagerduty", "cronitor", "telegram",
)  # fmt: skip
_AT = r"\.?(?::\d{1,5})?/+(?:\./+)*"  # between a host and its path
# Whatever stands before the host: the scheme of an address that is wrong may be missing.
WEBHOOK = re.compile(
    rf"(?<![\w.-])(?:{'|'.join(f'{host}{_AT}{path}' for host, path in _WEBHOOKS)})"
    rf"([^?#\s\"'<>\\]+)|(?<![\w.-])api\.telegram\.org{_AT}bot([^/?#\s\"'<>\\]+)",
    re.IGNORECASE,
)
_LIKELY_WEBHOOK = (
    r"(?i)https?://[^/?#\s]+(?:/[^/?#\s]+)*?/(?:[\w-]*[-_])?(?:web)?hooks?/"
    r"((?=[\w-]*\d)[\w-]{20,}[^?#\s\"'<>\\]*)"
)
_PARAMETER = re.compile(r"[?&;]([^=&;?#\s]{1,100})=([^&#]+)")
_FIELD = r"(?:^|[?&;])([^=&;?#\s]{1,100})=([^&\s]+)"
_MEMBER = r'"((?:[^"\\]|\\.){1,100})"\s*:\s*"((?:[^"\\]|\\.)+)"'


def webhooks(text: str, *, likely: bool = False) -> Iterator[Span]:
    """Where the secret paths of webhooks stand in a text."""
    lower = text.lower()
    if not likely and not any(host in lower for host in _HOSTS):
        return
    for shape in (WEBHOOK, _LIKELY_WEBHOOK) if likely else (WEBHOOK,):
        for match in re.finditer(shape, text):
            yield match.span(match.lastindex or 0)


SCHEME = re.compile(r"(?:Bearer|Basic|Token|Digest|ApiKey) +", re.IGNORECASE)
# A credential by what stands around it: its scheme, an address's login; and JSON Web Tokens.
_SCHEMED = r"(?i)(?<![\w-])(?:Bearer|Basic|ApiKey) +([\w.~+/=:-]{12,})"
_LOGIN = re.compile(
    r"[a-z][a-z0-9+.-]{1,30}://[^/?#\s:@\"]{0,200}:([^/?#\s@\"]{3,1000})@", re.IGNORECASE
)
_JWT = r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"


def anywhere(text: str) -> Iterator[Span]:
    """Where credentials stand in a text, whatever the text is called."""
    if "/" in text:
        yield from webhooks(text)
    if "://" in text:
        yield from (match.span(1) for match in _LOGIN.finditer(text))
    if " " in text:
        yield from (match.span(1) for match in re.finditer(_SCHEMED, text))
    if "eyJ" in text:
        yield from (match.span() for match in re.finditer(_JWT, text))


# A password may hold what should be escaped in an address: whatever is no port is one. A host in
# brackets has colons of its own, and what a variable stands for is not there to be seen.
_USERINFO = (
    r"(?i)[a-z][a-z0-9+.-]{1,30}://(?!\[)[^:/?#\s\",]{0,200}:(?!\d{0,5}[/?,])(?!\$\{)(\S{1,1000})@"
)


def passwords(text: str) -> Iterator[Span]:
    """Where the passwords of addresses stand in a text."""
    if "@" in text:
        yield from (match.span(1) for match in re.finditer(_USERINFO, text))


def has_login(text: str) -> bool:
    """Whether an address with a password stands in a text."""
    return any(passwords(text))


def shows_one(text: str) -> bool:
    """Whether something in a text is a secret by what it looks like, or by what it is called."""
    return (
        has_login(text)
        or any(likely_in(text))
        or any(anywhere(text))
        or any(is_called(name, Where.PARAMETER, likely=True) for name, _ in parameters(text))
    )


def parameters(url: str) -> Iterator[tuple[str, Span]]:
    """Name, and span of the value, of each parameter of an address's query."""
    start = url.find("?")
    if start >= 0:
        yield from ((match[1], match.span(2)) for match in _PARAMETER.finditer(url, start))


def members(text: str) -> Iterator[tuple[str, Span]]:
    """Name, and span of the value, of each text that stands as a member in JSON."""
    return ((match[1], match.span(2)) for match in re.finditer(_MEMBER, text))


# `token: abcsecret`, `{'token': 'abcsecret'}`, `\"token\": \"abcsecret\"`, `"token": 123456789`.
_LOOSE = (
    r"(?<![\w-])([A-Za-z][\w-]{1,60})(?:\\?[\"'])?\s*[:=]\s*(?:\\?[\"'])?([^\s\"'\\,;&{}\[\]]{8,})"
)


def loose_members(text: str) -> Iterator[tuple[str, Span]]:
    """Name, and span of the value, of what stands as a name and a value in any notation."""
    return ((match[1], match.span(2)) for match in re.finditer(_LOOSE, text))


# `<password>abcsecret</password>`, with a namespace and attributes.
_ELEMENT = r"<(?:[\w.-]{1,60}:)?([A-Za-z][\w.-]{0,60})(?:\s[^<>]{0,500})?>([^<>]+)</"
# `?sig=abcsecret` of an address that stands in a text.
_IN_ADDRESS = r"[?&]([^=&;?#\s\"']{1,100})=([^&#\s\"'<>\\]+)"


def elements(text: str) -> Iterator[tuple[str, Span]]:
    """Name, and span of the value, of each element of XML that holds a text alone."""
    if "</" in text:
        yield from ((match[1], match.span(2)) for match in re.finditer(_ELEMENT, text))


def in_addresses(text: str) -> Iterator[tuple[str, Span]]:
    """Name, and span of the value, of each parameter where addresses stand in a text."""
    if "://" in text:
        yield from ((match[1], match.span(2)) for match in re.finditer(_IN_ADDRESS, text))


def fields(text: str) -> Iterator[tuple[str, Span]]:
    """Name, and span of the value, of each field of a form."""
    return ((match[1], match.span(2)) for match in re.finditer(_FIELD, text))
