"""What every route shares: the call it answers, the answer that refuses, names and durations."""

import ipaddress
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from qstash_sync.local.store import Document, Store
from qstash_sync.local.switches import Switches

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BAD_SCHEME = "invalid destination url: endpoint has invalid scheme, add http:// or https://"


class RefusedError(Exception):
    """An answer other than 200: its status and the text of `error`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authorised request, inside one transaction of the store.

    names: what stands in the path, decoded, by the placeholders of the route.
    rest: the path behind /v2/<kind>/, literally, and the query string, without a token.
    """

    store: Store
    switches: Switches
    now: float
    secret: bytes
    names: dict[str, str]
    rest: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def now_ms(self) -> int:
        """The time in the API's milliseconds."""
        return int(self.now * 1000)

    def json(self) -> Document:
        """The body as an object."""
        try:
            data = json.loads((self.body or b"{}").decode())
            json.dumps(data, ensure_ascii=False).encode()  # no half of a character
        except (ValueError, RecursionError):
            raise bad("invalid request body: not JSON") from None
        if not isinstance(data, dict):
            raise bad("invalid request body: not an object")
        return data


def bad(text: str) -> RefusedError:
    """A request that is wrong in itself."""
    return RefusedError(HTTPStatus.BAD_REQUEST, text)


def refuse_missing(what: str, name: str, *, status: int = HTTPStatus.NOT_FOUND) -> None:
    """Refuse a name that is not there, unless the switch for it says 200."""
    if status != HTTPStatus.OK:
        raise RefusedError(status, f"{what} {name} not found")


def found(document: Document | None, what: str, name: str) -> Document:
    """The document, or 404."""
    if document is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, f"{what} {name} not found")
    return document


def canonical(name: str) -> str:
    """A header name in Go's canonical MIME form: `test-header` is Test-Header."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def is_name(text: str) -> bool:
    """Whether a text has only the characters that QStash allows in names."""
    return bool(_NAME.fullmatch(text))


def check_name(text: str, what: str) -> str:
    """The name, or 400."""
    if not is_name(text):
        raise bad(f"invalid {what}: only alphanumeric characters, hyphens, periods, underscores")
    return text


def integer(field: str, text: str, *, least: int = 0) -> int:
    """A whole number, or 400."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise bad(f"invalid {field}: {text}")
    return int(text)


def seconds(field: str, text: str) -> int:
    """A duration such as 1d10m in seconds, or 400 in the words of Go."""
    if re.fullmatch(r"[0-9.]+", text):
        raise bad(f'invalid {field}: time: missing unit in duration "{text}"')
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise bad(f'invalid {field}: time: invalid duration "{text}"')
    return int(sum(float(number) * _UNITS[unit] for number, unit in parts))


def check_url(url: str, switches: Switches) -> str:
    """The URL as sent, or 400 if QStash could not call it."""
    if not re.match(r"https?://[^/?#]", url):
        raise bad(_BAD_SCHEME)
    if not switches.check_destinations:
        return url
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        raise bad("invalid destination url: endpoint has no host") from None
    try:
        address = ipaddress.ip_address("::1" if host == "localhost" else host)
    except ValueError:
        return url  # a name; nothing here may ask the network what it resolves to
    for kind in ("loopback", "private"):
        if getattr(address, f"is_{kind}"):
            raise bad(f"invalid destination url: endpoint resolves to a {kind} address: {address}")
    return url


def whole(field: str, value: Any, *, least: int = 0) -> int:
    """A JSON number that is whole, or 400."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise bad(f"invalid {field}: {value}")
    return value
