"""When requests are sent: again after a failure, all together after a 429, never without an end."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from time import tzset
from typing import Any

import httpx
import pytest

from qstash_sync.errors import AccountError, BadResponseError, RejectedError, UnreachableError
from qstash_sync.local import LOCAL_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.model.resources import Kind
from qstash_sync.model.steps import PauseSchedule, PutQueue
from qstash_sync.qstash.client import TRIES, TRIES_UNREACHED, Client
from qstash_sync.qstash.throttle import Throttle
from tests.fault_server import Fault, FaultServer
from tests.support import NOW, ids, secret

SEED = 20261123


@dataclass
class Time:
    """A clock that only sleeping moves: ours, monotonic, and `ahead` of both the server's."""

    ahead: float = 0.0
    seconds: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def monotonic(self) -> float:
        return self.seconds

    def ours(self) -> float:
        return NOW.timestamp() + self.seconds - 1_000.0

    def servers(self) -> float:
        return self.ours() + self.ahead

    def sleep(self, seconds: float) -> None:
        with self.guard:
            self.slept.append(seconds)
            self.seconds += seconds


def client_of(
    handler: Callable[[httpx.Request], httpx.Response], time: Time, **more: Any
) -> Client:
    return Client(
        "http://x",
        secret(LOCAL_TOKEN),
        read_only=False,
        transport=httpx.MockTransport(handler),
        **{"sleep": time.sleep, "clock": time.ours, "monotonic": time.monotonic, **more},
    )


def limited(time: Time, **headers: str) -> httpx.Response:
    date = {"Date": formatdate(time.servers(), usegmt=True)}
    return httpx.Response(429, json={"error": "rate limit"}, headers={**date, **headers})


# Tries


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_server_that_fails_is_asked_six_times_in_ever_longer_steps(status: int) -> None:
    time = Time()
    with client_of(lambda _: httpx.Response(status, html="<html>"), time) as client:
        with pytest.raises(
            RejectedError, match=rf"{status}: no JSON of QStash's \(text/html\) \(tried 6 times\)"
        ) as caught:
            client.read({"queues"})
        assert (caught.value.status, client.reads, client.writes) == (status, TRIES, 0)
    for number, wait in enumerate(time.slept):
        assert 0.125 * 2**number <= wait <= 0.375 * 2**number
    assert len(time.slept) == TRIES - 1


def test_two_clients_do_not_wait_alike() -> None:
    """Jitter: what failed together does not come back together."""
    times = Time(), Time()
    for time in times:
        with client_of(lambda _: httpx.Response(500), time) as client, pytest.raises(RejectedError):
            client.read({"queues"})
    assert times[0].slept != times[1].slept


LOST = [
    ("reset", httpx.ReadError("reset by peer"), "cannot be reached: reset by peer"),
    ("no host", httpx.ConnectError("[Errno -2] Name or service not known"), "Name or service not known"),
    ("connecting hangs", httpx.ConnectTimeout("timed out"), "no answer within 30 s"),
    ("reading hangs", httpx.ReadTimeout("timed out"), "no answer within 30 s"),
    ("writing hangs", httpx.WriteTimeout(""), "no answer within 30 s"),
    ("pool", httpx.PoolTimeout(""), "no answer within 30 s"),
    ("cut off", httpx.RemoteProtocolError("peer closed connection"), "peer closed connection"),
    ("nameless", httpx.NetworkError(""), "NetworkError"),
    ("proxy", httpx.ProxyError("407"), "407"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "failure", "fact"), LOST, ids=ids(LOST))
def test_a_lost_request_is_one_failed_try(
    _id: str, failure: httpx.TransportError, fact: str
) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise failure

    time = Time()
    with client_of(lose, time) as client:
        with pytest.raises(UnreachableError, match="is QSTASH_URL right") as caught:
            client.write(PauseSchedule(id="s", paused=True))
        assert fact in str(caught.value)
        is_unreached = isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout)
        assert (client.reads, client.writes) == (0, TRIES_UNREACHED if is_unreached else TRIES)
    assert caught.value.__context__ is None


def test_an_address_that_nothing_was_ever_reached_at_is_not_tried_for_long() -> None:
    """One that was keeps all its tries: a service that is started anew refuses connections, too."""
    time = Time()
    answers = iter([httpx.Response(200, json=[])])

    def once(request: httpx.Request) -> httpx.Response:
        if (answer := next(answers, None)) is None:
            raise httpx.ConnectError("refused")
        return answer

    for is_reached in (True, False):
        with client_of(once, time) as client:
            if is_reached:
                client.read({"queues"})
            before, sent = time.seconds, client.reads
            with pytest.raises(UnreachableError):
                client.read({"queues"})
            assert client.reads - sent == (TRIES if is_reached else TRIES_UNREACHED)
            assert is_reached or time.seconds - before <= 3


def test_that_something_is_tried_again_is_said_once_a_run_and_not_of_a_429() -> None:
    time, said = Time(), list[str]()
    answers = [limited(time), httpx.Response(200, json=[])]
    with client_of(lambda _: answers.pop(0), time) as client:
        client.on_retry = said.append
        client.read({"queues"})
    assert not said
    with client_of(lambda _: httpx.Response(503, json={"error": "busy"}), time) as client:
        client.on_retry = said.append
        for _ in range(2):
            with pytest.raises(RejectedError):
                client.read({"queues", "schedules", "url_groups"})
    assert said == ["Trying again: QStash answered 503: busy"]


def test_a_wait_for_a_limit_is_said_once_where_it_lasts() -> None:
    """Two minutes of silence look like a program that hangs."""
    time, said = Time(), list[str]()
    storm = httpx.Response(429, json={"error": "daily rate limit exceeded"})
    why = "QStash answered 429: daily rate limit exceeded"
    with client_of(lambda _: storm, time) as client:
        began = time.seconds
        client.on_retry = lambda words: said.append(f"{words} after {time.seconds - began:.0f} s")
        with pytest.raises(RejectedError, match=r"\(tried \d+ times\); try again later$"):
            client.read({"queues", "schedules"})
    assert len(said) == 1
    told, _, after = said[0].partition(" after ")
    assert told == f"Waiting: {why}"
    assert float(after.split()[0]) <= 3


def test_a_limit_that_asks_for_a_long_wait_is_said_at_once() -> None:
    time, said = Time(), list[str]()
    answers = [limited(time, **{"Retry-After": "30"}), httpx.Response(200, json=[])]
    with client_of(lambda _: answers.pop(0), time) as client:
        client.on_retry = said.append
        client.read({"queues"})
    assert [words.partition(":")[0] for words in said] == ["Waiting"]


def test_what_qstash_refuses_is_not_sent_again() -> None:
    for status in (400, 401, 403, 404, 409, 412):
        time = Time()
        with client_of(lambda _: httpx.Response(status, json={"error": "no"}), time) as client:  # noqa: B023 used within the round
            with pytest.raises(AccountError):
                client.write(PauseSchedule(id="s", paused=True))
            assert client.writes == 1
        assert time.slept == []


# The end of every request


def test_a_server_that_hangs_is_left_after_two_minutes() -> None:
    time = Time()
    given: list[float] = []

    def hang(request: httpx.Request) -> httpx.Response:
        given.append(request.extensions["timeout"]["read"])
        time.seconds += given[-1]
        raise httpx.ReadTimeout("timed out")

    with client_of(hang, time) as client, pytest.raises(UnreachableError):
        client.read({"queues"})
    assert time.seconds - 1_000 <= 120
    assert given[0] == 30
    assert sum(given) + sum(time.slept) == pytest.approx(time.seconds - 1_000)


def test_an_answer_that_drips_is_left_at_the_deadline() -> None:
    """httpx's timeout begins again at every byte."""
    time = Time()

    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            while True:
                time.seconds += 20
                yield b" "

    with (
        client_of(lambda _: httpx.Response(200, stream=Drip()), time, deadline=100) as client,
        pytest.raises(UnreachableError),
    ):
        client.read({"queues"})
    assert time.seconds - 1_000 <= 100 + 20


@pytest.mark.parametrize("reset", ["", "0", "nonsense", "1", "-5", "9e99", "nan"])
def test_a_server_that_says_429_for_ever_is_left_after_two_minutes(reset: str) -> None:
    time = Time()
    with client_of(lambda _: limited(time, **{"Burst-RateLimit-Reset": reset}), time) as client:
        with pytest.raises(RejectedError, match="429: rate limit") as caught:
            client.read({"queues"})
        assert client.reads > TRIES
        assert client.reads < 200
    assert caught.value.status == 429
    assert time.seconds - 1_000 <= 120


def test_a_clock_that_stands_still_does_not_make_a_run_endless() -> None:
    """A sleep counts in full, whatever the clock says of it."""
    time = Time()
    with client_of(lambda _: limited(time), time, sleep=lambda _s: None) as client:
        with pytest.raises(RejectedError):
            client.read({"queues"})
        assert client.reads < 200


def test_a_deadline_may_be_as_long_as_one_likes() -> None:
    """Ten thousand answers of 429 overflow no number."""
    time = Time()
    with client_of(lambda _: limited(time), time, deadline=80_000.0) as client:
        with pytest.raises(RejectedError):
            client.read({"queues"})
        assert client.reads > 2_000


def test_deadline_and_timeout_are_the_callers() -> None:
    time = Time()
    with (
        client_of(lambda _: limited(time), time, deadline=3.0, timeout=1.0) as client,
        pytest.raises(RejectedError),
    ):
        client.read({"queues"})
    assert time.seconds - 1_000 <= 3


@pytest.mark.parametrize("status", [429, 503])
def test_patience_bounds_the_tries_and_not_an_answer_under_way(status: int) -> None:
    """A diagnosis need not insist; but a long list takes its time."""
    time, asked = Time(), []

    def answer(_: httpx.Request) -> httpx.Response:
        asked.append(time.seconds)
        if len(asked) == 1:
            time.sleep(60)
            return httpx.Response(200, json=[])
        return limited(time) if status == 429 else httpx.Response(status, json={"error": "busy"})

    with client_of(answer, time) as client:
        client.patience = 5.0
        assert client.read({"queues"}).queues == ()
        began = time.seconds
        with pytest.raises(RejectedError, match=r"tried [2-9] times"):
            client.read({"queues"})
        assert time.seconds - began <= 5
        client.patience = 500.0  # never longer than the deadline
        with pytest.raises(RejectedError):
            client.read({"queues"})
    assert time.seconds - began <= 130


# 429


def test_a_429_uses_up_no_tries() -> None:
    time = Time()
    answers = [limited(time) for _ in range(TRIES + 2)] + [httpx.Response(200, json=[])]
    with client_of(lambda _: answers.pop(0), time) as client:
        assert client.read({"queues"}).queues == ()
    assert client.reads == TRIES + 3


RESETS: list[tuple[str, Callable[[Time], dict[str, str]], float, float]] = [
    ("seconds", lambda t: {"Burst-RateLimit-Reset": f"{t.servers() + 7:.0f}"}, 7, 7),
    ("milliseconds", lambda t: {"Burst-RateLimit-Reset": f"{(t.servers() + 7) * 1000:.0f}"}, 7, 7),
    ("a fraction", lambda t: {"Burst-RateLimit-Reset": f"{t.servers() + 7.5:.1f}"}, 7.5, 7.5),
    ("relative", lambda _: {"Burst-RateLimit-Reset": "7"}, 7, 7),
    ("a proxy's word", lambda _: {"Retry-After": "7"}, 7, 7),
    ("missing", lambda _: {}, 0.2, 2),
    ("nonsense", lambda _: {"Burst-RateLimit-Reset": "soon"}, 0.2, 2),
    ("past", lambda t: {"Burst-RateLimit-Reset": f"{t.servers() - 9:.0f}"}, 0.01, 0.1),
    ("long past", lambda t: {"Burst-RateLimit-Reset": f"{t.servers() - 9e7:.0f}"}, 0.2, 2),
    ("another year", lambda t: {"Burst-RateLimit-Reset": f"{t.servers() + 9e7:.0f}"}, 0.2, 2),
    ("a day", lambda _: {"Burst-RateLimit-Reset": "86400"}, 0.2, 2),
    ("a date far off", lambda t: {"Burst-RateLimit-Reset": f"{t.servers() + 7:.0f}", "Date": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.2, 2),
    ("a date of nonsense", lambda t: {"Burst-RateLimit-Reset": f"{t.ours() + 7:.0f}", "Date": "today"}, 7, 7),
]  # fmt: skip


@pytest.mark.parametrize("ahead", [0.0, 40.0, -86_400.0])
@pytest.mark.parametrize(("_id", "headers", "least", "most"), RESETS, ids=ids(RESETS))
def test_a_429_is_waited_for_as_long_as_it_says_by_the_servers_clock(
    ahead: float,
    _id: str,
    headers: Callable[[Time], dict[str, str]],
    least: float,
    most: float,
) -> None:
    time = Time(ahead=ahead)
    answers = [lambda: limited(time, **headers(time)), lambda: httpx.Response(200, json=[])]
    with client_of(lambda _: answers.pop(0)(), time) as client:
        client.read({"queues"})
    assert least <= sum(time.slept) <= most + 0.1


def test_a_429_makes_all_threads_wait() -> None:
    """While one has been told to wait, no other sends: not even one that has asked for nothing yet."""
    time = Time()
    open_at = time.servers() + 10
    seen: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        seen.append(time.servers())
        if time.servers() < open_at:
            return limited(time, **{"Burst-RateLimit-Reset": f"{open_at:.0f}"})
        return httpx.Response(200, json=[])

    with client_of(answer, time) as client:
        client.read({"queues"})
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(client.write, [PauseSchedule(id=f"s{n}", paused=True) for n in range(40)])
            )
        assert client.writes == 40
    assert len([at for at in seen if at < open_at]) == 1


def test_a_429_never_shortens_the_wait_that_another_asked_for() -> None:
    time = Time()
    throttle = Throttle(time.sleep, time.ours, time.monotonic)
    throttle.limit("10", 1)
    throttle.limit("1", 1)
    assert throttle.wait(throttle.time(), throttle.time() + 60)
    assert sum(time.slept) >= 10


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("unit", ["s", "ms"])
def test_an_account_with_a_burst_limit_takes_every_write_in_the_seconds_it_needs(
    unit: Any, threads: int
) -> None:
    """95 writes at 10 a second: in each second of the server ten are taken, and no write fails.

    Of several threads each wait moves the one clock: how far is the scheduler's luck.
    """
    time = Time(ahead=3.7)
    switches = Switches(burst_limit=10, burst_reset_unit=unit)
    with (
        FaultServer(switches=switches, clock=time.servers) as account,
        client_of(account, time, parallelism=threads) as client,
    ):
        start = time.seconds
        with ThreadPoolExecutor(threads) as pool:
            steps = [PutQueue(name=f"q{n}", parallelism=1, paused=False) for n in range(95)]
            list(pool.map(client.write, steps))
        assert account.store.count("queue") == 95
        refused = sum(status == 429 for *_, status in account.log)
    assert refused <= 10 * threads
    if threads == 1:
        assert time.seconds - start < 12


# The server's clock


def test_now_is_the_servers_time() -> None:
    time = Time(ahead=3_600.4)
    with client_of(
        lambda _: httpx.Response(
            200, json=[], headers={"Date": formatdate(time.servers(), usegmt=True)}
        ),
        time,
    ) as client:
        assert client.now() == datetime.fromtimestamp(time.ours(), UTC)
        client.read({"queues"})
        for wait in (0.0, 0.5, 1_000.0):
            time.seconds += wait
            assert 0 <= time.servers() - client.now().timestamp() < 1


def test_now_comes_closer_with_every_answer() -> None:
    """A Date is cut to the second; answers at several moments leave ever less room."""
    random_ = random.Random(SEED)
    time = Time(ahead=12.345)
    with client_of(
        lambda _: httpx.Response(
            200, json=[], headers={"Date": formatdate(time.servers(), usegmt=True)}
        ),
        time,
    ) as client:
        for _ in range(200):
            time.seconds += random_.random()
            client.read({"queues"})
        assert abs(time.servers() - client.now().timestamp()) < 0.05, f"seed {SEED}"
        time.ahead = -500.0  # as behind a load balancer with clocks of its own
        client.read({"queues"})
        assert abs(time.servers() - client.now().timestamp()) <= 1


def test_an_answer_without_a_date_leaves_the_clock_as_it_is() -> None:
    time = Time(ahead=50.0)
    answers = [
        {"Date": formatdate(time.servers(), usegmt=True)},
        {},
        {"Date": "nonsense"},
        {"Date": "Mon, 99 Nov 2026 99:99:99 GMT"},
    ]
    with client_of(lambda _: httpx.Response(200, json=[], headers=answers.pop(0)), time) as client:
        for _ in range(4):
            client.read({"queues"})
        assert 0 <= time.servers() - client.now().timestamp() < 1


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_a_date_without_a_zone_is_utc_whatever_the_machine_says(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    tzset()
    time = Time()
    dates = ["Mon, 23 Nov 2026 12:00:00 -0000", "Fri, 31 Dec 9999 23:59:59 GMT"]
    with client_of(
        lambda _: httpx.Response(200, json=[], headers={"Date": dates.pop(0)}), time
    ) as client:
        client.read({"queues"})
        client.read({"queues"})
        assert abs(client.now().timestamp() - NOW.timestamp()) <= 1
    monkeypatch.undo()
    tzset()


# Stopping


def test_ctrl_c_ends_the_waits_of_the_other_reads() -> None:
    """With real waits: they would last for a minute."""
    waiting = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v2/queues":
            waiting.set()
            return httpx.Response(429, headers={"Retry-After": "60"}, json={"error": "slow"})
        assert waiting.wait(10)
        raise KeyboardInterrupt

    client = Client("http://x", secret("t"), read_only=True, transport=httpx.MockTransport(answer))
    with client:
        with pytest.raises(KeyboardInterrupt):
            client.read({"flow_controls", "queues"})
        with pytest.raises(AccountError, match="stopped"):
            client.read({"queues"})


def test_cancel_ends_a_wait_at_once() -> None:
    """With real waits: the thread would sleep for a minute."""
    waiting = threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        waiting.set()
        return httpx.Response(429, headers={"Burst-RateLimit-Reset": "60"}, json={"error": "slow"})

    client = Client("http://x", secret("t"), read_only=False, transport=httpx.MockTransport(answer))
    with client, ThreadPoolExecutor(2) as pool:
        steps = [PauseSchedule(id=name, paused=True) for name in "ab"]
        running = [pool.submit(client.write, step) for step in steps]
        assert waiting.wait(10)
        client.cancel()
        failures = [future.exception(10) for future in running]
    for failure in failures:
        assert isinstance(failure, AccountError)
        assert "stopped" in str(failure)


def test_after_a_cancel_what_need_not_wait_is_still_sent_once() -> None:
    """So that a change that was begun can be ended, and the account be read."""
    time = Time()
    answers = [
        httpx.Response(200),
        httpx.Response(503, json={"error": "busy"}),
        httpx.Response(200, json=[]),
    ]
    with client_of(lambda _: answers.pop(0), time) as client:
        client.cancel()
        client.write(PauseSchedule(id="s", paused=True))
        with pytest.raises(RejectedError, match=r"503: busy \(tried 1 time, then stopped\)"):
            client.write(PauseSchedule(id="s", paused=True))
        assert client.read({"queues"}).queues == ()
    assert time.slept == []


def test_a_request_in_flight_outlives_a_cancel() -> None:
    sent, go_on = threading.Event(), threading.Event()

    def answer(_: httpx.Request) -> httpx.Response:
        sent.set()
        assert go_on.wait(10)
        return httpx.Response(200, json=[])

    with client_of(answer, Time()) as client, ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.read, {"queues"})
        assert sent.wait(10)
        client.cancel()
        go_on.set()
        assert running.result(10).queues == ()


# A real socket


@pytest.mark.parametrize(
    "kind",
    [
        "reset_before",
        "reset_after",
        "hang_before",
        "hang_after",
        "html",
        "503",
        "429",
        "429_headers",
    ],
)
def test_on_a_socket_too_a_fault_is_one_failed_try(kind: str) -> None:
    with FaultServer(clock=NOW.timestamp) as account, Served(account) as served:
        account.inject(Fault(kind=kind, times=2))
        with Client(
            served.url, secret(LOCAL_TOKEN), read_only=False, sleep=lambda _s: None, timeout=0.2
        ) as client:
            client.write(PutQueue(name="q", parallelism=3, paused=False))
            assert client.writes == 3
            assert client.get(Kind.QUEUE, "q")


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """A socket that reads a request, says this, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed: the end
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


RAW = [
    ("closed at once", b"", UnreachableError),
    ("no http", b"SSH-2.0-OpenSSH\r\n", UnreachableError),
    ("cut off", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", UnreachableError),
    ("cut off, no length", b"HTTP/1.1 200 OK\r\n\r\n[", BadResponseError),
    ("bad chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", UnreachableError),
    ("no gzip", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]", UnreachableError),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "answer", "kind"), RAW, ids=ids(RAW))
def test_a_broken_answer_on_a_socket_is_one_clear_error(
    _id: str, answer: bytes, kind: type[AccountError]
) -> None:
    with (
        raw_server(answer) as url,
        Client(url, secret("t"), read_only=True, sleep=lambda _s: None, timeout=5) as client,
    ):
        with pytest.raises(kind) as caught:
            client.read({"queues"})
        assert client.reads == TRIES
    assert caught.value.__context__ is None


def test_threads_share_as_many_connections_as_they_may() -> None:
    """Six requests have to meet before any of them is answered; and never is there a seventh."""
    together = threading.Barrier(6)

    def meet(_: httpx.Request) -> None:
        together.wait(30)

    with FaultServer() as account, Served(account) as served:
        account.before = meet
        client = Client(served.url, secret(LOCAL_TOKEN), read_only=False, parallelism=6)
        with client, ThreadPoolExecutor(12) as pool:
            steps = [PutQueue(name=f"q{n}", parallelism=1, paused=False) for n in range(60)]
            list(pool.map(client.write, steps))
            assert client.writes == 60
        assert account.most_in_flight == 6
        assert account.store.count("queue") == 60
