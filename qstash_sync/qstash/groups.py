"""Bringing a URL group to its endpoints: which leftovers to remove, and by what.

QStash adds or updates endpoints and never removes any by itself; whether it takes an endpoint for
the same by its name or by its URL is not documented, and the last removal removes the group. So:
add what is wanted, read, and remove each leftover only by a value that no wanted endpoint has.

A leftover whose name and URL are both wanted elsewhere cannot be named alone, and one that is to
lose its name keeps it when it is added without. Then the wanted
endpoints of that URL stand in under a twin of it, which calls the same address (https://e.com and
https://e.com:443), while the URL is removed, and come back after.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qstash_sync.core.model import Endpoint, plain


@dataclass(frozen=True, slots=True)
class Move:
    """What to send next: endpoints to add, or removals; both empty when the group is settled."""

    add: tuple[Endpoint, ...] = ()
    remove: tuple[dict[str, str], ...] = ()


def next_move(wanted: Sequence[Endpoint], live: Sequence[Endpoint]) -> Move:
    """The next request towards the wanted endpoints, which were all added once before."""
    want, have = {_key(e) for e in wanted}, {_key(e) for e in live}
    names = {endpoint.name for endpoint in wanted if endpoint.name}
    urls = {plain(endpoint.url) for endpoint in wanted}
    missing = tuple(endpoint for endpoint in wanted if _key(endpoint) not in have)
    # Adding an unnamed endpoint leaves a named one of its URL as it is.
    swallowed = {plain(endpoint.url) for endpoint in missing if endpoint.name is None}
    removals: list[dict[str, str]] = []
    for endpoint in live:
        url = plain(endpoint.url)
        if _key(endpoint) in want:
            continue
        if endpoint.name and endpoint.name not in names and url not in swallowed:
            removals.append({"name": endpoint.name})
        elif url in urls:
            return _stand_in(url, wanted, have)
        else:
            removals.append({"url": url})
    return Move(add=missing) if missing else Move(remove=tuple(removals))


def _stand_in(url: str, wanted: Sequence[Endpoint], have: set[tuple[str | None, str]]) -> Move:
    """Twins for the wanted endpoints of a URL; once they are there, remove the URL itself."""
    twins = [Endpoint(url=twin(url), name=e.name) for e in wanted if plain(e.url) == url]
    absent = tuple(endpoint for endpoint in twins if _key(endpoint) not in have)
    return Move(add=absent) if absent else Move(remove=({"url": url},))


def twin(url: str) -> str:
    """Another spelling of the same address: with the scheme's own port, or an empty query."""
    match = re.match(r"(https?)://([^/?#]*)(.*)", url, re.DOTALL)
    assert match is not None
    scheme, host, rest = match.groups()
    if not re.search(r":\d+$", host):
        return f"{scheme}://{host}:{443 if scheme == 'https' else 80}{rest}"
    return url + ("&" if "?" in rest else "?")


def _key(endpoint: Endpoint) -> tuple[str | None, str]:
    return endpoint.name, plain(endpoint.url)
