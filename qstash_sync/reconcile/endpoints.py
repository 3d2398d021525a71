"""Bringing a URL group to its endpoints without a moment in which one of them is not called.

QStash adds or updates endpoints and removes none by itself; whether it takes one for the same by
its name or by its URL is not documented, and the last removal removes the group. So the next
request is decided anew from what is live, in this order:

1. guard    A name that is to move leaves its URL, which an unnamed endpoint wants as well: a twin
            of that URL is added first. Twins call the same address: https://e.com and
            https://e.com:443.
2. add      What is missing, unnamed ones first: a named endpoint of their URL would swallow them.
3. replace  Some leftovers cannot be removed alone: without a name, or with one that is wanted
            elsewhere, on a URL that is wanted; or the swallower of an unnamed endpoint. Then the
            wanted endpoints of that URL stand in under a twin of it, and the URL is removed.
4. remove   The other leftovers, each by a value that no wanted endpoint has.

If QStash tells endpoints apart by their URL alone, it cannot hold two of one URL: of what is added
only one is there. Then one of each URL is all that can be wanted, and that it is not all is said.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, takewhile

from qstash_sync.model.resources import Endpoint, Piece, Secret, plain
from qstash_sync.record import record

ROUNDS = 16  # a read and a request each; eight settle any group that nobody else edits
_MOST_LOSSES = 1  # another editor may undo what was added, once

Key = tuple[str | None, str]  # name and URL


@record()
class Move:
    """What to send next: endpoints to add, or removals; both empty when the group is settled."""

    add: tuple[Endpoint, ...] = ()
    remove: tuple[dict[str, str], ...] = ()


@record()
class _Sent:
    """An add, and what should be there after it.

    expected: at its URLs, of what is wanted or was added. rest: what it leaves alone.
    """

    names: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    expected: frozenset[Key] = frozenset()
    rest: frozenset[Key] = frozenset()

    def touches(self, key: Key) -> bool:
        """Whether an endpoint has a name or a URL of it."""
        return key[0] in self.names or key[1] in self.urls


class Settling:
    """One group on its way to its endpoints: move after move, and what QStash made of the last.

    what was added    what is there then    and the rest    then
    two of one URL    both                  -               QStash holds two: never merged
    two of one URL    one of them           as it was       a loss; the second one: merged
    two of one URL    one of them           otherwise       somebody else edits it: no loss
    """

    def __init__(self, wanted: Sequence[Endpoint]) -> None:
        self.wanted = tuple(wanted)
        self.merged: tuple[Endpoint, ...] = ()  # wanted ones that QStash takes for the same
        self._sent = _Sent()
        self._losses = 0
        self._holds_two = False

    def next_move(self, live: Sequence[Endpoint]) -> Move:
        """The next request; both of its parts are empty when nothing more can be done."""
        have = frozenset(map(_key, live))
        self._judge(have)
        move = next_move(self.wanted, live)
        self._sent = _sent(move, have, frozenset(map(_key, self.wanted)))
        return move

    def _judge(self, have: frozenset[Key]) -> None:
        """Whether QStash tells endpoints by their URL alone: see what the last add has made."""
        sent = self._sent
        is_ours = {key for key in have if not sent.touches(key)} == sent.rest
        self._losses += is_ours and _is_merged(sent.expected, have)
        self._holds_two |= len({url for _, url in have}) < len(have)
        if self._losses > _MOST_LOSSES and not (self._holds_two or self.merged):
            self.wanted, self.merged = _one_each(self.wanted)

    @property
    def fault(self) -> str:
        """Why not all that is wanted can be there; "" where it is."""
        if not self.merged:
            return ""
        by_url: dict[str, list[str]] = {}
        for endpoint in self.merged:
            by_url.setdefault(plain(endpoint.url), []).append(endpoint.name or "one without a name")
        which = ", ".join(" and ".join(names) for names in by_url.values())
        is_a_pair = [len(names) for names in by_url.values()] == [2]
        keep = "keep one of the two" if is_a_pair else "keep one of each URL"
        return f"QStash takes two endpoints of one URL for the same: {which}; {keep} in the file"


def _sent(move: Move, have: frozenset[Key], want: frozenset[Key]) -> _Sent:
    added = frozenset(map(_key, move.add))
    sent = _Sent(
        names=frozenset(name for name, _ in added if name),
        urls=frozenset(url for _, url in added),
    )
    stay = {key for key in have & want if key[0] not in sent.names and key[1] in sent.urls}
    rest = frozenset(key for key in have if not sent.touches(key))
    return replace(sent, expected=added | stay, rest=rest)


def _is_merged(expected: Collection[Key], have: Collection[Key]) -> bool:
    """Whether several endpoints of one URL were to be there, and one of them is."""
    counted = Counter(url for _, url in expected)
    there = Counter(url for _, url in set(expected) & set(have))
    return any(number > 1 and there[url] == 1 for url, number in counted.items())


def _one_each(wanted: Sequence[Endpoint]) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """One endpoint of each URL, with a name where there is one, and those of URLs with several."""
    by_url: dict[str, list[Endpoint]] = {}
    for endpoint in sorted(wanted, key=lambda e: (e.name is None, e.name or "")):
        by_url.setdefault(plain(endpoint.url), []).append(endpoint)
    several = (e for found in by_url.values() if len(found) > 1 for e in found)
    return tuple(found[0] for found in by_url.values()), tuple(several)


def next_move(wanted: Sequence[Endpoint], live: Sequence[Endpoint]) -> Move:
    """The next request on the way from the live to the wanted endpoints."""
    want, have = {_key(e) for e in wanted}, {_key(e) for e in live}
    stand_ins = {url: _stand_ins(url, want, have) for url in _stuck(want, have)}
    missing = {
        (name, url)
        for name, url in want - have
        if not _swallowed((name, url), have) and not stand_ins.get(url, set()) & have
    }
    guards = _guards(missing, want, have)
    if guards or missing:
        return _add(guards or missing)
    if stand_ins:
        absent = set().union(*stand_ins.values()) - have
        return _add(absent) if absent else Move(remove=tuple({"url": u} for u in sorted(stand_ins)))
    # URLs before names: an endpoint that went with its URL is not asked for by its name any more.
    left, wanted_urls = have - want, {url for _, url in want}
    urls = {url for _, url in left if url not in wanted_urls}
    names = {name for name, url in left if name and url in wanted_urls}
    by_url = tuple({"url": url} for url in sorted(urls))
    return Move(remove=by_url + tuple({"name": name} for name in sorted(names)))


def _key(endpoint: Endpoint) -> Key:
    return endpoint.name, plain(endpoint.url)


def _add(keys: Iterable[Key]) -> Move:
    """Unnamed ones first; hidden, since a URL may hold a secret."""
    ordered = sorted(keys, key=lambda key: (key[0] is not None, str(key)))
    return Move(
        add=tuple(Endpoint(url=Secret((Piece(url, hidden=True),)), name=n) for n, url in ordered)
    )


def _swallowed(key: Key, have: Collection[Key]) -> bool:
    """Whether adding this endpoint would do nothing, as another one has its URL."""
    return key[0] is None and any(url == key[1] for _, url in have)


def _stuck(want: Collection[Key], have: Collection[Key]) -> list[str]:
    """The wanted URLs that have to be removed with all their endpoints."""
    names, urls = {name for name, _ in want}, {url for _, url in want}
    nameless = {
        url for name, url in have if (name is None or name in names) and (name, url) not in want
    }
    swallowing = {
        url for name, url in want if (name, url) not in have and _swallowed((name, url), have)
    }
    return sorted((nameless & urls) | swallowing)


def _guards(missing: Collection[Key], want: Collection[Key], have: Collection[Key]) -> set[Key]:
    """Twins for the URLs that lose their only endpoint to a move and keep one without a name."""
    moving = {name for name, _ in missing if name is not None}
    covered = {_address(url) for name, url in have if name not in moving}
    return {
        (None, _free_twin(url, want, have))
        for name, url in have
        if name in moving and (None, url) in want and _address(url) not in covered
    }


def _stand_ins(url: str, want: Collection[Key], have: Collection[Key]) -> set[Key]:
    """The wanted endpoints of a URL under a twin: where they stand already, or a free one."""
    names = {name for name, u in want if u == url}
    urls = {u for _, u in want}
    free = _free_twin(url, want, have)
    nearer = (t for t in takewhile(lambda t: t != free, _twins(url)) if t not in urls)
    twin = next((t for t in nearer if {(name, t) for name in names} <= set(have)), free)
    return {(name, twin) for name in names}


def _free_twin(url: str, want: Collection[Key], have: Collection[Key]) -> str:
    taken = {u for _, u in want} | {u for name, u in have if name is not None}
    return next(twin for twin in _twins(url) if twin not in taken)


def _split(url: str) -> tuple[str, str, str]:
    """Scheme, host with port, and the rest; what is no URL, as somebody's may be, is all rest."""
    match = re.match(r"(https?)://([^/?#]*)(.*)", url, re.DOTALL)
    return (match[1], match[2], match[3]) if match else ("", "", url)


def _address(url: str) -> str:
    """What all twins of a URL have in common."""
    scheme, host, rest = _split(url)
    return f"{scheme}://{host.removesuffix(_port(scheme))}{rest.rstrip('&').removesuffix('?')}"


def _port(scheme: str) -> str:
    return ":443" if scheme == "https" else ":80"


def _twins(url: str) -> Iterator[str]:
    """Other spellings of the same address: with the scheme's own port, or with an empty query."""
    scheme, host, rest = _split(url)
    if not re.search(r":\d+$", host):
        yield f"{scheme}://{host}{_port(scheme)}{rest}"
    yield from (url + ("&" if "?" in rest else "?") + "&" * more for more in count())
