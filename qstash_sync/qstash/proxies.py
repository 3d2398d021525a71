"""The proxy for an address: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, and what NO_PROXY exempts.

NO_PROXY has names (with their subdomains), addresses, networks such as `fd00::/8`, each perhaps
with a port, or `*`. An entry that is none of these exempts nothing, as with other tools.
"""

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies

_PORTS = {"http": 80, "https": 443}
_ENTRY = r"\[(?P<inside>[^]]*)\](?::(?P<port>\d+))?|(?P<name>[^:]*):(?P<its>\d+)"


def for_url(url: str) -> str | None:
    """The address of the proxy, None for none."""
    parts, known = urlsplit(url), getproxies()
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    found = known.get(scheme) or known.get("all")
    port = str(parts.port or _PORTS.get(scheme))
    entries = known.get("no", "").lower().split(",")
    if not found or any(_exempts(entry.strip(), host, port) for entry in entries):
        return None
    return found if "://" in found else f"http://{found}"


def _exempts(entry: str, host: str, port: str) -> bool:
    if split := re.fullmatch(_ENTRY, entry):
        entry = split["inside"] or split["name"] or ""
        if (split["port"] or split["its"] or port) != port:
            return False
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:  # one of the two is a name
        name = entry.removeprefix("*").strip(".")
        return bool(name) and f".{host}".endswith(f".{name}")
