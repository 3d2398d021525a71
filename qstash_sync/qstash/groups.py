"""Bringing a URL group to its endpoints: which leftovers to remove, and by what.

QStash adds or updates endpoints and never removes any by itself; whether it takes an endpoint for
the same by its name or by its URL is not documented, and the last removal removes the group. So:
add what is wanted, read, and remove each leftover only by a value that no wanted endpoint has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from qstash_sync.core.model import Endpoint, plain

TEMPORARY = "qstash-sync-leftover"


@dataclass(frozen=True, slots=True)
class Move:
    """What to send next: endpoints to add, or removals; both empty when the group is settled."""

    add: tuple[Endpoint, ...] = ()
    remove: tuple[dict[str, str], ...] = ()


def next_move(wanted: Sequence[Endpoint], live: Sequence[Endpoint]) -> Move:
    """The next request towards the wanted endpoints, from what is there now."""
    want = {_key(endpoint) for endpoint in wanted}
    have = {_key(endpoint) for endpoint in live}
    missing = tuple(endpoint for endpoint in wanted if _key(endpoint) not in have)
    if missing:
        return Move(add=missing)
    names = {endpoint.name for endpoint in wanted if endpoint.name}
    urls = {plain(endpoint.url) for endpoint in wanted}
    removals: list[dict[str, str]] = []
    stuck: list[Endpoint] = []
    for endpoint in live:
        if _key(endpoint) in want:
            continue
        url = plain(endpoint.url)
        if endpoint.name and endpoint.name not in names:
            removals.append({"name": endpoint.name})
        elif url not in urls:
            removals.append({"url": url})
        else:
            stuck.append(endpoint)
    if removals:
        return Move(remove=tuple(removals))
    if stuck:  # its name and its URL are both wanted elsewhere: give it a name of its own first
        return Move(add=(Endpoint(url=stuck[0].url, name=TEMPORARY),))
    return Move()


def _key(endpoint: Endpoint) -> tuple[str | None, str]:
    return endpoint.name, plain(endpoint.url)
