"""URL groups come to their endpoints: never through empty, whatever QStash takes for the same."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from qstash_sync.errors import AccountError, RejectedError
from qstash_sync.local import Switches
from qstash_sync.model.resources import Endpoint, UrlGroup
from qstash_sync.model.steps import SettleUrlGroup
from qstash_sync.qstash.client import Client
from qstash_sync.reconcile.endpoints import ROUNDS, Settling, next_move
from tests.fault_server import Fault, FaultServer
from tests.support import World, ids, world as make_world

SEED = 20261123
ALONE = 9  # rounds that are enough where nobody else edits: eight requests and the last look
FAULTS = ("429", "429_headers", "500", "503", "html", "reset_before", "reset_after", "hang_before", "hang_after")  # fmt: skip
NAMES = (None, None, "a", "b", "c", "d")
URLS = ("https://e.com/0", "https://e.com/1?x=1", "http://e.com", "https://e.com:8443/", "https://e.com:443/0", "https://e.com/0?")  # fmt: skip
Pair = tuple[str | None, str]


def address(url: str) -> tuple[str | None, int, str, str]:
    """What is called in the end: the same for all twins of a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.hostname, port, parts.path, parts.query.strip("&")


def endpoints(pairs: Sequence[Pair]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(url=url, name=name) for name, url in pairs)


class Group:
    """A stored group on its way from some endpoints to others, looked at after every request."""

    def __init__(self, account: FaultServer, before: Sequence[Pair], after: Sequence[Pair]) -> None:
        self.account, self.after = account, list(after)
        self.is_merged = False  # of the wanted endpoints of one URL only one can be there
        self.edits: list[Sequence[Pair]] = []  # what somebody else makes of it meanwhile
        self.called: set[Any] = set()
        self.edited = False
        self.put(before)
        account.before, account.after = self.look_at_request, self.look_at_group

    def put(self, pairs: Sequence[Pair]) -> None:
        items = [{"url": url} | ({"name": name} if name else {}) for name, url in pairs]
        self.account.store.delete("topic", "g")
        if items:
            self.account.store.put("topic", "g", {"name": "g", "endpoints": items})

    @property
    def now(self) -> list[Pair]:
        stored = self.account.store.get("topic", "g") or {"endpoints": []}
        return [(item.get("name"), item["url"]) for item in stored["endpoints"]]

    def look_at_request(self, request: httpx.Request) -> None:
        """Removed is never by a wanted name; by a wanted URL only what has stand-ins by then."""
        self.edited = bool(self.edits)
        if self.edits:
            self.put(self.edits.pop())
            self.called = set()
        if request.method != "DELETE" or self.edited:
            return
        for item in json.loads(request.content)["endpoints"]:
            assert item.get("name", "-") not in {name for name, _ in self.after}
            for name, url in self.after:
                if item.get("url") == url:
                    same = [u for n, u in self.now if n == name or self.is_merged]
                    twins = [u for u in same if u != url]
                    assert address(url) in map(address, twins), (item, self.now)

    def look_at_group(self, _request: httpx.Request) -> None:
        """What is wanted, and was called once, is called at every moment: so it is never empty."""
        now = {address(url) for _, url in self.now}
        assert self.called <= now, self.now
        self.called = now & {address(url) for _, url in self.after}

    def settle(self, client: Client, rounds: int = ALONE) -> None:
        """Settle it, and look at what came of it."""
        client.write(SettleUrlGroup(group=UrlGroup(name="g", endpoints=endpoints(self.after))))
        assert sorted(self.now, key=str) == sorted(self.after, key=str)
        assert self.called
        judged = [entry for entry in self.account.log if entry[2] in (200, 404)]
        assert len(judged) <= 2 * rounds - 1, judged


def pairs(*texts: str) -> list[Pair]:
    """`name=host`, `host` or `name=host:port`."""
    made = [re.fullmatch(r"(?:(\w)=)?(?:(\w+)(:443)?|!)", text) for text in texts]
    return [(m[1], f"https://{m[2]}.example.com{m[3] or ''}" if m[2] else "!") for m in made if m]


CASES = [
    ("new", (), ("a=u0", "u1")),
    ("single endpoint replaced", ("a=u0",), ("a=u1",)),
    ("swapped names", ("a=u0", "b=u1"), ("a=u1", "b=u0")),
    ("same url, new name", ("a=u0",), ("c=u0",)),
    ("unnamed to named", ("u0",), ("a=u0",)),
    ("named to unnamed", ("a=u0",), ("u0",)),
    ("name moves to a known url", ("a=u0", "b=u1"), ("a=u1",)),
    ("name leaves a url that stays", ("a=u0",), ("u0", "a=u1")),
    ("two of one url", ("a=u0", "b=u0"), ("a=u0",)),
    ("all new", ("a=u0", "b=u1"), ("c=u2", "d=u3")),
    ("three in a ring", ("a=u0", "b=u1", "c=u2"), ("a=u1", "b=u2", "c=u0")),
    ("somebody's that is no url", ("a=u0", "x=!"), ("b=u0",)),
    ("cut off while stand-ins stand in", ("u0", "a=u0:443"), ("a=u0",)),
]


@pytest.mark.parametrize("match", ["name", "url"])
@pytest.mark.parametrize(("_id", "before", "after"), CASES, ids=ids(CASES))
def test_a_url_group_is_settled_and_whole_all_the_time(
    match: Any, _id: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    with make_world(Switches(endpoint_match=match)) as world, world.client() as client:
        Group(world.account, pairs(*before), pairs(*after)).settle(client)


def a_group(random_: random.Random, match: str, *, least: int = 0) -> list[Pair]:
    """Endpoints that QStash can hold: no name twice, no pair twice; by URL, no URL twice."""
    found: list[Pair] = []
    for _ in range(random_.randrange(least, 6)):
        name, url = random_.choice(NAMES), random_.choice(URLS)
        twice = any(url == u if match == "url" else (name, url) == (n, u) for n, u in found)
        if not twice and (name is None or name not in {n for n, _ in found}):
            found.append((name, url))
    return found


@contextmanager
def random_group(number: int, **switches: Any) -> Iterator[tuple[random.Random, Group, Client]]:
    """A group on its way to another; a failure names the seed and the two."""
    random_ = random.Random(SEED + number)
    before = a_group(random_, switches["endpoint_match"])
    after = a_group(random_, switches["endpoint_match"], least=1)
    with make_world(Switches(**switches)) as world, world.client() as client:
        try:
            yield random_, Group(world.account, before, after), client
        except (AssertionError, AccountError) as error:
            raise AssertionError(f"seed {SEED} + {number}: {before} -> {after}") from error


@pytest.mark.parametrize("match", ["name", "url"])
def test_any_group_comes_to_any_other_and_is_whole_after_every_request(match: str) -> None:
    for number in range(300):
        with random_group(number, endpoint_match=match) as (_, group, client):
            group.settle(client)


@pytest.mark.parametrize("match", ["name", "url"])
def test_a_group_is_whole_with_faults_at_any_request(match: str) -> None:
    """A lost answer is sent again: a removal that was done already is no failure."""
    for number in range(150):
        switches = {"endpoint_match": match, "missing_endpoint_delete": 404}
        with random_group(number, **switches) as (random_, group, client):
            faulty = [at for at in range(1, 60) if at % 4 and random_.random() < 0.5]
            group.account.inject(*(Fault(kind=random_.choice(FAULTS), at=at) for at in faulty))
            group.settle(client, ROUNDS)


@pytest.mark.parametrize("match", ["name", "url"])
def test_a_group_that_somebody_else_edits_is_settled_when_they_stop(match: str) -> None:
    for number in range(150):
        with random_group(number, endpoint_match=match) as (random_, group, client):
            group.edits = [a_group(random_, match) for _ in range(random_.randrange(1, 8))]
            group.settle(client, ROUNDS)


def test_an_editor_who_never_stops_ends_in_a_named_failure(world: World) -> None:
    with world.client() as client:
        group = Group(world.account, [], pairs("a=u0"))
        group.edits = [pairs("z=u1")] * 1_000
        with pytest.raises(RejectedError, match="g does not come to its endpoints"):
            group.settle(client)
        assert client.reads + client.writes == 2 * ROUNDS


def test_endpoints_that_the_service_cannot_hold_are_a_named_failure() -> None:
    """Where QStash tells endpoints apart by URL alone, two of one URL are one; none gets lost."""
    with make_world(Switches(endpoint_match="url")) as world, world.client() as client:
        group = Group(world.account, pairs("a=u0", "b=u1"), pairs("a=u0", "b=u0"))
        with pytest.raises(RejectedError, match="g does not come to its endpoints"):
            group.settle(client)
        assert group.now


def test_a_hundred_endpoints_take_no_more_requests_than_one(world: World) -> None:
    before: list[Pair] = [(f"n{n}", f"https://e.com/{n}") for n in range(50)]
    with world.client() as client:
        Group(world.account, before, [(None, url) for _, url in before]).settle(client)


def test_a_settled_group_is_read_and_left_alone(world: World) -> None:
    with world.client() as client:
        Group(world.account, pairs("a=u0", "u1"), pairs("u1", "a=u0")).settle(client, 1)
        assert (client.reads, client.writes) == (1, 0)


def test_a_move_shows_no_url() -> None:
    """It may hold a secret."""
    move = next_move(endpoints(pairs("u0")), endpoints(pairs("a=u0")))
    assert move.add
    assert "u0" not in repr(move) + repr(move.add)


TWICE = [  # groups with one URL twice, and three times
    ("u0", "a=u0"), ("a=u0", "b=u0"), ("u0", "a=u0", "b=u0"), ("u0", "a=u0", "c=u1"),
    ("a=u0", "b=u0", "u1"), ("u0", "a=u0", "u1", "b=u1"), ("a=u0", "u0:443", "u0"),
]  # fmt: skip
LIVE = [
    (), ("u0",), ("a=u0",), ("b=u0",), ("c=u1",), ("a=u1",), ("b=u1", "a=u0"), ("a=u1", "u0"), ("u1", "b=u2"),
    ("z=u0", "u1"), ("a=u0:443", "u0"), ("d=u9", "u8"), ("c=u0", "a=u1"),
]  # fmt: skip


@pytest.mark.parametrize("match", ["name", "url"])
@pytest.mark.parametrize("after", TWICE, ids=",".join)
def test_one_url_twice_leaves_nothing_behind(match: Any, after: tuple[str, ...]) -> None:
    """Where QStash cannot hold it, that is said; what can be held is there, however often."""
    for before in LIVE:
        with make_world(Switches(endpoint_match=match)) as world, world.client() as client:
            group = Group(world.account, pairs(*before), pairs(*after))
            if match == "name":
                group.settle(client)
                continue
            group.is_merged = True
            for _ in range(3):
                world.account.log.clear()
                with pytest.raises(RejectedError, match="two endpoints of one URL for the same"):
                    group.settle(client)
                now = group.now
                assert set(now) <= set(group.after), (before, now)
                assert sorted(url for _, url in now) == sorted({url for _, url in group.after})
                assert len(world.account.log) <= 2 * ROUNDS


def test_a_group_with_one_url_twice_and_another_editor_is_settled() -> None:
    for number in range(150):
        with random_group(number, endpoint_match="name") as (random_, group, client):
            group.after = list(dict.fromkeys([*group.after, (None, URLS[0]), ("a", URLS[0])]))
            group.after = [p for p in group.after if p[0] != "a" or p[1] == URLS[0]]
            group.edits = [a_group(random_, "name") for _ in range(random_.randrange(1, 6))]
            group.settle(client, ROUNDS)


def test_the_leftovers_of_earlier_runs_go() -> None:
    junk = [("b", "https://u0.example.com?" + "&" * n) for n in range(40)]
    with make_world(Switches(endpoint_match="url")) as world, world.client() as client:
        group = Group(world.account, [*pairs("b=u0"), *junk], pairs("b=u0", "u0"))
        with pytest.raises(RejectedError, match="for the same: b and one without a name"):
            group.settle(client)
        assert group.now == pairs("b=u0")


TWICE = [
    ("b=u0 u0", "b and one without a name; keep one of the two in the file"),
    ("a=u0 b=u0 u0 c=u1", "a and b and one without a name; keep one of each URL in the file"),
    ("b=u0 u0 d=u1 u1", "b and one without a name, d and one without a name; keep one of each URL"),
]


@pytest.mark.parametrize(("wanted", "told"), TWICE)
def test_a_group_that_qstash_cannot_hold_is_told_what_to_keep(wanted: str, told: str) -> None:
    with make_world(Switches(endpoint_match="url")) as world, world.client() as client:
        group = Group(world.account, [], pairs(*wanted.split()))
        with pytest.raises(RejectedError, match=f"for the same: {told}"):
            group.settle(client)


U, V = "https://e.com/0", "https://e.com/v"
A, B, NAMELESS, OTHERS = ("a", U), ("b", U), (None, U), ("x", V)
LOOKS = [  # what is live at each look, before the first add and after each; what is kept of a and b
    ("two of one URL are there", [[], [A, B]], ()),
    ("one is, twice", [[], [A], [B]], (A, B)),
    ("one is, once", [[], [A]], ()),
    ("another editor undoes it, twice", [[OTHERS], [A], [A, OTHERS]], ()),
    ("another editor, and it", [[OTHERS], [A], [A], [A]], (A, B)),
    ("two were there before", [[NAMELESS, ("y", U)], [A], [B], [A]], ()),
    ("two were there meanwhile", [[], [A], [A, ("y", U)], [B], [A]], ()),
    ("none is, twice", [[], [], []], ()),
]


@pytest.mark.parametrize(("_id", "looks", "merged"), LOOKS, ids=ids(LOOKS))
def test_that_one_url_holds_one_endpoint_is_seen_twice_and_not_by_anothers_doing(
    _id: str, looks: list[list[Pair]], merged: tuple[Pair, ...]
) -> None:
    settling = Settling(endpoints([A, B]))
    for live in looks:
        settling.next_move(endpoints(live))
    assert tuple((one.name, one.url) for one in settling.merged) == merged
    assert len(settling.wanted) == (1 if merged else 2)
    assert bool(settling.fault) == bool(merged)
