"""What a server can do to a client without an end: bytes, time, interim answers, packed zeros."""

import gzip
import itertools
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from qstash_sync.errors import AccountError, BadResponseError, UnreachableError
from qstash_sync.model.steps import PauseSchedule
from qstash_sync.qstash import exchange
from qstash_sync.qstash.client import Client
from tests.support import ids, secret

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
Talk = Callable[[Callable[[bytes], None]], None]


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """A server that says anything, on every connection, until it is left."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            talk(connection.sendall)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def slowly(*parts: bytes) -> Talk:
    """One byte after the other, and the last part for ever."""

    def talk(send: Callable[[bytes], None]) -> None:
        for byte in itertools.chain(b"".join(parts[:-1]), itertools.cycle(parts[-1])):
            send(bytes([byte]))
            time.sleep(0.02)

    return talk


def for_ever(start: bytes, again: bytes, pause: float = 0.0) -> Talk:
    def talk(send: Callable[[bytes], None]) -> None:
        send(start)
        while True:
            send(again)
            time.sleep(pause)

    return talk


ENDLESS: list[tuple[str, Talk]] = [
    ("headers, a byte at a time", slowly(b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n")),
    ("one header, a byte at a time", slowly(b"HTTP/1.1 200 OK\r\nX-A: ", b"a")),
    ("a status line", slowly(b"HTTP/1.1 200 ", b"O")),
    ("a body, a byte at a time", slowly(OK + b"Content-Length: 99999\r\n\r\n", b" ")),
    ("a chunk's size", slowly(CHUNKED, b"0")),
    ("trailers", slowly(CHUNKED + b"2\r\n[]\r\n0\r\n", b"X-A: 1\r\n")),
    ("processing", for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.01)),
    ("early hints, at full speed", for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)),
    ("empty chunks of a packed body", for_ever(
        OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\na\r\n"
        + gzip.compress(b"")[:10] + b"\r\n",
        b"5\r\n\x00\x00\x00\xff\xff\r\n", 0.01,
    )),
    ("silence", lambda _send: time.sleep(30)),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "talk"), ENDLESS, ids=ids(ENDLESS))
def test_one_deadline_covers_the_whole_exchange(_id: str, talk: Talk) -> None:
    """Not only the time between two bytes."""
    with (
        talking(talk) as url,
        Client(url, secret("t"), read_only=False, deadline=0.4, timeout=0.3) as client,
    ):
        started = time.monotonic()
        with pytest.raises(AccountError) as caught:
            client.write(PauseSchedule(id="s", paused=True))
        assert time.monotonic() - started < 5
    assert isinstance(caught.value, UnreachableError | BadResponseError)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_connection_that_was_cut_off_is_followed_by_a_fresh_one() -> None:
    answers = [b"HTTP/1.1 102 Processing\r\n\r\n", OK + b"Content-Length: 2\r\n\r\n[]"]

    def talk(send: Callable[[bytes], None]) -> None:
        send(answers.pop(0))
        if answers:
            time.sleep(30)

    with (
        talking(talk) as url,
        Client(url, secret("t"), read_only=True, deadline=0.3, timeout=5, parallelism=1) as client,
    ):
        with pytest.raises(UnreachableError, match="no answer within"):
            client.read({"queues"})
        assert client.read({"queues"}).queues == ()


def packed(times: int) -> bytes:
    """Gzip of zeros, a thousandth of what it becomes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = bytes(2**20)
    return b"".join(packer.compress(zeros) for _ in range(times)) + packer.flush()


def streamed(content: bytes, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(200, headers=named, stream=httpx.ByteStream(content))


def client_of(handler: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client(
        "https://q.example.com",
        secret("t"),
        read_only=True,
        transport=httpx.MockTransport(handler),
        sleep=lambda _seconds: None,
    )


def test_what_is_packed_is_unpacked_no_further_than_any_account_is_long() -> None:
    """Some kilobytes become gigabytes, and twice packed, anything."""
    bomb = packed(3 * exchange.MOST // 2**20)
    assert len(bomb) < 2**20
    tracemalloc.start()
    try:
        with (
            client_of(streamed(bomb, content_encoding="gzip")) as client,
            pytest.raises(BadResponseError, match="longer than 128 MB"),
        ):
            client.read({"queues"})
        assert client.reads == 1  # it would be as long the next time
        assert tracemalloc.get_traced_memory()[1] < 2.5 * exchange.MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "deflate", "zstd", "gzip,identity"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    twice = gzip.compress(gzip.compress(b"[]"))
    with (
        client_of(streamed(twice, content_encoding=encoding)) as client,
        pytest.raises(BadResponseError, match="not asked for"),
    ):
        client.read({"queues"})


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip ", "identity", ""])
def test_what_was_asked_for_is_read(encoding: str) -> None:
    content = gzip.compress(b"[]") if "gzip" in encoding.lower() else b"[]"
    with client_of(streamed(content, content_encoding=encoding)) as client:
        assert client.read({"queues"}).queues == ()


def test_a_body_without_an_end_is_left_where_no_account_is_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "MOST", 2**20)
    with (
        talking(for_ever(CHUNKED, b"1000\r\n" + b" " * 0x1000 + b"\r\n")) as url,
        Client(url, secret("t"), read_only=True) as client,
        pytest.raises(BadResponseError, match="longer than 1 MB"),
    ):
        client.read({"queues"})
