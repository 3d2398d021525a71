"""What a URL must be, so that QStash can call it, and the form in which it is sent."""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from pydantic_core import PydanticCustomError

from qstash_sync.config.text import has_control, map_pieces, shadow
from qstash_sync.config.wrong import LINE_BREAK, bad, no_secret
from qstash_sync.model.diagnostics import Fixed
from qstash_sync.model.resources import Secret, Text, join

_SAFE = "!#$%&'()*+,/:;=?@[]~"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.~!#$%&'()*+,/:;=?@\[\]-]")
_DOTS = re.compile(r"[/\\](?:\.|%2e){1,2}(?:[/\\]|$)", re.IGNORECASE)
_PRIVATE = {"localhost", "local", "internal", "home", "lan", "localdomain"}
_GROUP_NAME = re.compile(r"[A-Za-z0-9._-]+")


def _bad(fact: str, hint: str = "") -> PydanticCustomError:
    return bad(fact, hint, "url")


_IN_CLEAR = "scheme and host must stand in clear, before any secret"
_LONGEST_HOST = 253  # characters, by the DNS


def check(value: Text, *, allow_private: bool) -> Text:
    """A destination, endpoint or callback in the form that is sent, or why it cannot be one.

    Host in lower case and ASCII, everything outside URL characters percent-encoded. QStash calls
    public hosts only, and takes the URL literally: no fragment, no dot segments.
    """
    how = _checked if isinstance(value, Secret) else _of_text
    return how(value, allow_private=allow_private)


def _checked(value: Text, *, allow_private: bool) -> Text:
    check_line(value)
    check_start(value)
    if not shadow(value).lower().startswith(("http://", "https://")):
        raise _bad("a URL must start with https://", _scheme_hint(value))
    if isinstance(value, Secret) or _UNSAFE.search(value):
        value = map_pieces(value, lambda text: quote(text, safe=_SAFE))
    value = _lower_host(value)
    text = shadow(value)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        # A password that holds a slash begins where a port would: the reason quotes it.
        is_shown = isinstance(value, str) and "@" not in value
        reason = str(error) if is_shown else "its host or port is malformed"
        raise _bad(f"not a URL: {reason}") from None
    if parts.username is not None:
        raise _bad(
            "credentials in a URL end up in logs", Fixed("send them as a header, from ${env.NAME}")
        )
    if port == 0:
        raise _bad("port 0 cannot be called")
    _check_path(text, parts.path)
    if "?" in text:
        _check_query(parts.query, value)
    _check_host(host, allow_private=allow_private)
    if parts.scheme != "https" and not allow_private:
        hint = "write https://, or allow_private: true for a local server"
        raise _bad("http:// sends everything in clear", hint)
    return value


_of_text = lru_cache(maxsize=4096)(_checked)  # schedules share their destinations, often


def check_base(text: str) -> str:
    """What paths are put behind; the rest is checked with each of them."""
    check_line(text)
    if not text.lower().startswith(("http://", "https://")):
        is_host = re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?(/.*)?", text)
        raise _bad("a base_url must start with https://", f"https://{text}?" if is_host else "")
    if "?" in text or "#" in text:
        fact = "a base_url cannot have a query (?…) or a fragment (#…): paths go behind it"
        raise _bad(fact, "write them with the paths")
    return text


def fault(text: str, *, is_base: bool = False) -> str | None:
    """Why a text is no address of a public host, or of an application; None where it is one."""
    try:
        check(text, allow_private=False)
        if is_base:
            check_base(text)
    except PydanticCustomError as error:
        return str((error.context or {}).get("fact", error.message()))
    return None


def check_line(value: Text) -> None:
    """Refuse what is not a single line: sent percent-encoded, it would reach nobody."""
    if has_control(shadow(value)):
        fact = "a URL cannot contain line breaks or other control characters"
        raise bad(fact, "remove them", LINE_BREAK)


def check_start(value: Text) -> None:
    """Refuse an address that begins with a secret: a page could not say where it leads."""
    if isinstance(value, Secret) and value.pieces[0].hidden:
        raise no_secret(_IN_CLEAR)


def _scheme_hint(value: Text) -> str:
    if shadow(value).startswith("/"):
        return "write the whole address: base_url is put before the paths of schedules alone"
    return "for a URL group write url_group: NAME" if _GROUP_NAME.fullmatch(shadow(value)) else ""


def _lower_host(value: Text) -> Text:
    """Lower-case scheme and host; they must stand in clear, before any secret."""
    first = value if isinstance(value, str) else value.pieces[0].text
    head = re.match(r"([A-Za-z]+://)([^/?#]*)", first)
    if not head:
        raise no_secret(_IN_CLEAR)
    host = head[2]
    if isinstance(value, Secret) and head.end() == len(first) and "/" not in first[8:]:
        raise no_secret("a host cannot be, or contain, a secret")
    if "%" in host:
        try:
            host = unquote(host).encode("idna").decode("ascii")
        except (UnicodeError, ValueError):
            raise _bad("the host name is malformed") from None
    lowered = head[1].lower() + host.lower() + first[head.end() :]
    if isinstance(value, str):
        return lowered
    return join([lowered, Secret(value.pieces[1:])])


def _check_path(text: str, path: str) -> None:
    if "#" in text:
        raise _bad("a fragment (#…) is never sent", "remove it")
    if _DOTS.search(path):
        fact = "dot segments (/./ or /../) are resolved on the way"
        raise _bad(fact, "write the path they lead to")


def _check_query(query: str, value: Text) -> None:
    for key in re.findall(r"(?:^|&)([^=&]*)", query):
        if key == "qstash_token" or key.lower().startswith("upstash-"):
            shown = key if key in str(value) else "that a secret holds"
            raise _bad(f"QStash takes the query parameter {shown} for itself", "rename it")
    if shadow(value).endswith("?"):
        raise _bad("an empty query (?) is lost on the way")


@lru_cache(maxsize=1024)
def _check_host(host: str, *, allow_private: bool) -> None:
    """Refuse hosts that QStash cannot reach from the internet."""
    way_out = "use a public host; allow_private: true at the top serves local servers"
    if not host:
        raise _bad("a URL without a host")
    if len(host) > _LONGEST_HOST:
        raise _bad(f"the host name has {len(host):,} characters; {_LONGEST_HOST} can be resolved")
    if allow_private:
        return
    if (address := _address(host)) is not None:
        if not address.is_global or address.is_multicast:
            fact = f"{host} is a private or local address, which QStash cannot call"
            raise _bad(fact, way_out)
        return
    labels = host.rstrip(".").split(".")
    if len(labels) == 1 or labels[-1] in _PRIVATE or host.endswith(".home.arpa"):
        raise _bad(f"{host} is no public host, so QStash cannot call it", way_out)
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        raise _bad(f"{host} is not a valid address", way_out)
    if not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        raise _bad(f"{host!r} is not a host name")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not host[-1].isdigit() and ":" not in host:
        return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
