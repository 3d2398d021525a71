"""What a single value must be: URLs, headers, retry expressions, and no literal secrets.

Each check returns the value in the form that is sent, or raises `Bad` with fact and way out.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit

from qstash_sync.model.resources import Piece, Secret, Text, join

NAME = re.compile(r"[A-Za-z0-9._-]+")
SCHEDULE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]*")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

REDACTED = "REDACTED:"
HOW_REDACTED = "QStash shows it in place of a redacted value; write the value itself"
_SECRET_HEADERS = re.compile(r"authorization|proxy-authorization|cookie|.*-token|.*-key|.*-secret")
_PRIVATE = {"localhost", "local", "internal", "home", "lan", "localdomain"}
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


class Bad(Exception):  # noqa: N818 it is caught where the place is known and becomes a diagnostic
    """A value that cannot be used: fact, and a hint at the way out."""

    code: str | None = None  # in place of that of the setting

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.hint = hint


class InClearError(Bad):
    """A secret that stands in the file itself; its line is not shown again."""

    code = "literal_secret"


def canonical_header(name: str) -> str:
    """The header name as Go writes it: `x-api-key` becomes `X-Api-Key`."""
    if not HEADER_NAME.fullmatch(name):
        raise Bad(f"{name!r} is not a header name", "use letters, digits and -")
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def header_value(name: str, value: Text) -> Text:
    """A header value that HTTP carries unchanged and that holds no literal secret."""
    text = shadow(value)
    if "\n" in text or "\r" in text:
        raise Bad(f"the header {name} contains a line break", "a header is a single line")
    if not text.isascii() or not text.isprintable():
        raise Bad(
            f"the header {name} contains characters outside ASCII",
            "encode it, for example as base64",
        )
    if text != text.strip():
        raise Bad(
            f"the header {name} starts or ends with a space, which HTTP drops", "remove the space"
        )
    if not text:
        raise Bad(f"the header {name} is empty", "write null to unset a default")
    if text.startswith(REDACTED):
        raise Bad(f"the header {name} is a digest, not its value", HOW_REDACTED)
    if _SECRET_HEADERS.fullmatch(name.lower()) and isinstance(value, str):
        raise InClearError(
            f"the header {name} holds a literal value, and this file is kept in git",
            "take it from the environment: ${env.NAME}, or ${env.NAME|plain} if it is no secret",
        )
    return value


def shadow(value: Text) -> str:
    """The value, with a stand-in for what is not known: for checks, never for output."""
    if isinstance(value, str):
        return value
    return "".join(piece.text if piece.known else "unknown" for piece in value.pieces)


def map_pieces(value: Text, change: Callable[[str], str]) -> Text:
    """The same text with every piece changed, hidden ones staying hidden."""
    if isinstance(value, str):
        return change(value)
    return Secret(tuple(Piece(change(p.text), p.hidden, p.known) for p in value.pieces))


def url(value: Text, *, allow_private: bool) -> Text:
    """A destination, endpoint or callback in the form that is sent, or why it cannot be one.

    Host in lower case and ASCII, everything outside URL characters percent-encoded. QStash calls
    public hosts only, and takes the URL literally: no fragment, no dot segments.
    """
    if not shadow(value).lower().startswith(("http://", "https://")):
        raise Bad("a URL must start with https://", _scheme_hint(value))
    value = _lower_host(map_pieces(value, lambda text: quote(text, safe=_URL_SAFE)))
    text = shadow(value)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Bad(f"not a URL: {_reason(error, value)}") from None
    if parts.username is not None:
        raise Bad("credentials in a URL end up in logs", "send them as a header, from ${env.NAME}")
    if parts.fragment or "#" in text:
        raise Bad("a fragment (#…) is never sent", "remove it")
    segments = re.split(r"[/\\]", parts.path)
    if any(re.fullmatch(r"(\.|%2e){1,2}", segment, re.IGNORECASE) for segment in segments):
        raise Bad(
            "dot segments (/./ or /../) are resolved on the way", "write the path they lead to"
        )
    for key in re.findall(r"(?:^|&)([^=&]*)", parts.query):
        if key == "qstash_token" or key.lower().startswith("upstash-"):
            shown = key if key in str(value) else "that a secret holds"
            raise Bad(f"QStash takes the query parameter {shown} for itself", "rename it")
    if port == 0 or text.endswith("?"):
        raise Bad(
            "port 0 cannot be called" if port == 0 else "an empty query (?) is lost on the way"
        )
    check_host(host, allow_private=allow_private)
    if parts.scheme != "https" and not allow_private:
        raise Bad(
            "http:// sends everything in clear",
            "write https://, or allow_private: true for a local server",
        )
    return value


def _scheme_hint(value: Text) -> str:
    if shadow(value).startswith("/"):
        return "a path needs base_url, for example under defaults"
    if isinstance(value, Secret) and value.pieces[0].hidden:
        return "let scheme and host stand in clear before the first ${env.…}"
    return "for a URL group write url_group: NAME" if NAME.fullmatch(shadow(value)) else ""


def _reason(error: ValueError, value: Text) -> str:
    return str(error) if isinstance(value, str) else "its host or port is malformed"


def _lower_host(value: Text) -> Text:
    """Lower-case scheme and host; they must stand in clear, before any secret."""
    first = value if isinstance(value, str) else value.pieces[0].text
    head = re.match(r"([A-Za-z]+://)([^/?#]*)", first)
    if not head or (isinstance(value, Secret) and value.pieces[0].hidden):
        raise Bad("scheme and host must stand in clear, before any secret")
    host = head[2]
    if isinstance(value, Secret) and head.end() == len(first) and "/" not in first[8:]:
        raise Bad("a host cannot be, or contain, a secret", "write ${env.NAME|plain} if it is none")
    if "%" in host:
        try:
            host = _idna(host)
        except (UnicodeError, ValueError):
            raise Bad("the host name is malformed") from None
    lowered = head[1].lower() + host.lower() + first[head.end() :]
    if isinstance(value, str):
        return lowered
    return join([lowered, Secret(value.pieces[1:])])


def _idna(host: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415 rare

    return unquote(host).encode("idna").decode("ascii")


def check_host(host: str, *, allow_private: bool) -> None:
    """Refuse hosts that QStash cannot reach from the internet."""
    way_out = "use a public host; allow_private: true at the top serves local servers"
    if not host:
        raise Bad("a URL without a host")
    if allow_private:
        return
    if (address := _address(host)) is not None:
        if not address.is_global or address.is_multicast:
            raise Bad(f"{host} is a private or local address, which QStash cannot call", way_out)
        return
    labels = host.rstrip(".").split(".")
    if len(labels) == 1 or labels[-1] in _PRIVATE or host.endswith(".home.arpa"):
        raise Bad(f"{host} is no public host, so QStash cannot call it", way_out)
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise Bad(f"{host} is not a valid address", way_out)
    if not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", label) for label in labels):
        raise Bad(f"{host!r} is not a host name")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def body_base64(text: str) -> bytes:
    """The bytes of a `body_base64`."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Bad("not valid base64") from None


_FUNCTIONS = {
    "pow": 2,
    "exp": 1,
    "sqrt": 1,
    "abs": 1,
    "floor": 1,
    "ceil": 1,
    "round": 1,
    "min": 2,
    "max": 2,
}
_LEXEME = re.compile(r"\s*(?:(\d+(?:\.\d+)?|\.\d+)|([A-Za-z_]\w*)|([-+*/%(),]))")


def retry_delay(expression: str) -> str:
    """A retry delay that QStash can compute: numbers, `retried`, + - * / % and its functions."""
    tokens = list(_lexemes(expression))
    rest = _sum(tokens)
    if rest:
        raise Bad(f"unexpected {rest[0]!r} in the expression")
    return expression


def _lexemes(expression: str) -> Iterator[str]:
    position = 0
    while expression[position:].strip():
        match = _LEXEME.match(expression, position)
        if not match:
            raise Bad(f"unexpected {expression[position:].strip()[0]!r} in the expression")
        yield match[0].strip()
        position = match.end()


def _sum(tokens: list[str]) -> list[str]:
    """Read one expression, whatever the precedence: only its grammar matters here."""
    rest = _term(tokens)
    while rest and rest[0] in "+-*/%":
        rest = _term(rest[1:])
    return rest


def _term(tokens: list[str]) -> list[str]:
    if not tokens:
        raise Bad("the expression ends too early")
    head, rest = tokens[0], tokens[1:]
    if head in "+-":
        return _term(rest)
    if head == "(":
        return _closed(_sum(rest))
    if head[0].isdigit() or head[0] == "." or head == "retried":
        return rest
    if head in _FUNCTIONS and rest[:1] == ["("]:
        return _arguments(head, rest[1:])
    known = f"known: retried, {', '.join(_FUNCTIONS)}"
    hint = "write pow(2, retried) * 1000 for a geometric delay" if "geometric" in head else known
    raise Bad(f"{head!r} is not known in a retry delay", hint)


def _arguments(function: str, tokens: list[str]) -> list[str]:
    count, rest = 1, _sum(tokens)
    while rest[:1] == [","]:
        count, rest = count + 1, _sum(rest[1:])
    if count != _FUNCTIONS[function]:
        raise Bad(f"{function} takes {_FUNCTIONS[function]}, not {count} values")
    return _closed(rest)


def _closed(tokens: list[str]) -> list[str]:
    if tokens[:1] != [")"]:
        raise Bad("a ) is missing in the expression")
    return tokens[1:]
