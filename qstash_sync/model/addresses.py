"""Addresses of QStash: its regions, and when two spellings are one address."""

import re
from urllib.parse import urlsplit

REGIONS = {
    "eu-central-1": "https://qstash.upstash.io",
    "us-east-1": "https://qstash-us-east-1.upstash.io",
}
# The variables that every SDK reads: of the address, of the token, of the signing keys.
URL_VARIABLE, TOKEN_VARIABLE = "QSTASH_URL", "QSTASH_TOKEN"
KEY_VARIABLES = ("QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")

_HOSTS = {urlsplit(url).hostname: region for region, url in REGIONS.items()} | {
    f"qstash-{region}.upstash.io": region for region in REGIONS
}

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"http": 80, "https": 443}


def bare(url: str) -> str:
    """The address without the path that the SDKs allow behind it."""
    return re.sub(r"/*(v2/*(publish/*)?)?$", "", url)


def region_of(url: str) -> str | None:
    """The region behind an address of QStash's own; the EU has two."""
    try:
        return _HOSTS.get(urlsplit(url).hostname)
    except ValueError:
        return None


def server_of(url: str | None, region: str | None) -> str | None:
    """What tells one server of QStash from another, however it is spelt.

    An address wins over a region.
    """
    if url is None:
        return region
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    if not host:
        return url  # a variable, or nonsense: nobody knows
    if host in _LOOPBACK:
        host = _LOOPBACK[0]
    return _HOSTS.get(host) or f"{host}:{port or _PORTS.get(parts.scheme)}"


def canonical(url: str) -> str:
    """One spelling for all that reach the same: of host, port and empty path, without fragment."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    user = parts.netloc.rpartition("@")[0]
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return f"{parts.scheme}://{user}@{host}:{port or _PORTS.get(parts.scheme)}{path}"
