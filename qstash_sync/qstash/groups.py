"""Bringing a URL group to its endpoints without a moment in which one of them is not called.

QStash adds or updates endpoints and removes none by itself; whether it takes one for the same by
its name or by its URL is not documented, and the last removal removes the group. So what is
wanted is added first, and then each leftover is removed, only by a value that no wanted one has:

    leftover              its URL is not wanted     its URL is wanted
    its name not wanted   by URL                    by name
    name wanted, or none  by URL                    stand-ins

Stand-ins: the wanted endpoints of that URL are added under a twin of it, which calls the same
address (https://e.com and https://e.com:443); when they are there, the URL is removed as a whole;
then they are added again, and the twins are leftovers like any other. The same where an unnamed
endpoint is wanted and does not come: the one with a name that has its URL is taken for it.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from qstash_sync.core.model import Endpoint, Piece, Secret, plain

ROUNDS = 12  # a request and a read each; five settle any group that nobody else edits


@dataclass(frozen=True, slots=True, repr=False)
class Move:
    """What to send next: endpoints to add, or removals; both empty when the group is settled."""

    add: tuple[Endpoint, ...] = ()
    remove: tuple[dict[str, str], ...] = ()


def next_move(wanted: Sequence[Endpoint], live: Sequence[Endpoint]) -> Move:
    """The next request towards the wanted endpoints, which were all added once before."""
    want, have = {_key(e) for e in wanted}, {_key(e) for e in live}
    left = sorted(have - want, key=str)
    stuck = _stuck(left, want, have)
    missing = tuple(e for e in wanted if _key(e) not in have and plain(e.url) not in stuck)
    if missing:
        return Move(add=missing)
    if stuck:
        return _replace(stuck, wanted, have)
    return Move(remove=tuple(_removals(left, {url for _, url in want})))


Key = tuple[str | None, str]  # name and URL


def _key(endpoint: Endpoint) -> Key:
    return endpoint.name, plain(endpoint.url)


def _stuck(left: Sequence[Key], want: Collection[Key], have: Collection[Key]) -> list[str]:
    """The wanted URLs with a leftover that has to go with all of its URL."""
    names, urls = {name for name, _ in want}, {url for _, url in want}
    swallowed = {url for name, url in want if name is None and (None, url) not in have}
    nameless = {url for name, url in left if name is None or name in names or url in swallowed}
    return sorted(nameless & urls)


def _replace(stuck: Sequence[str], wanted: Sequence[Endpoint], have: Collection[Key]) -> Move:
    """Stand-ins for the wanted endpoints of some URLs; when they are there, away with the URLs."""
    taken = {plain(e.url) for e in wanted}
    twins = {url: next(twin for twin in _twins(url) if twin not in taken) for url in stuck}
    stand_ins = [
        Endpoint(url=_hidden(twins[plain(e.url)]), name=e.name)
        for e in wanted
        if plain(e.url) in twins
    ]
    absent = tuple(e for e in stand_ins if _key(e) not in have)
    return Move(add=absent) if absent else Move(remove=tuple({"url": url} for url in stuck))


def _removals(left: Sequence[Key], urls: Collection[str]) -> Iterator[dict[str, str]]:
    """URLs before names: an endpoint that went with its URL is not asked for by its name again."""
    yield from ({"url": url} for url in sorted({url for _, url in left if url not in urls}))
    yield from ({"name": name} for name, url in left if name and url in urls)


def _twins(url: str) -> Iterator[str]:
    """Other spellings of the same address: with the scheme's own port, or with an empty query."""
    match = re.match(r"(https?)://([^/?#]*)(.*)", url, re.DOTALL)
    assert match is not None
    scheme, host, rest = match.groups()
    if not re.search(r":\d+$", host):
        yield f"{scheme}://{host}:{443 if scheme == 'https' else 80}{rest}"
    yield from (url + ("&" if "?" in rest else "?") + "&" * more for more in count())


def _hidden(url: str) -> Secret:
    return Secret((Piece(url, hidden=True),))
