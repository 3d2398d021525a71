"""One try of a request: a whole answer, bounded in bytes and in time, or how it was lost."""

import zlib
from collections.abc import Callable, Iterator

import httpx

from qstash_sync.errors import BadResponseError
from qstash_sync.qstash.answers import NOT_QSTASH
from qstash_sync.qstash.connections import Connection

MOST = 2**27  # bytes of a body, packed or not: more than 50,000 schedules of 2 kB each
_GZIP = zlib.MAX_WBITS | 16  # a gzip header, and no other
_PLAIN, _PACKED = {"", "identity"}, {"gzip", "x-gzip"}


def exchange(
    connection: Connection, request: httpx.Request, *, until: float, time: Callable[[], float]
) -> tuple[httpx.Response, bytes]:
    """The response, closed, and its body, unpacked; raises httpx's errors where it was lost.

    until: a `time()`, for all of it. httpx's own timeout begins again at every byte, and at every
    interim answer.
    """
    with connection.within(until - time()):
        try:
            response = connection.http.send(request, stream=True)
            try:
                return response, b"".join(_body(response, until, time))
            finally:
                response.close()
        except httpx.HTTPError:
            if not connection.is_cut_off:
                raise
    raise httpx.ReadTimeout("")


def _body(response: httpx.Response, until: float, time: Callable[[], float]) -> Iterator[bytes]:
    """We unpack: httpx would first unpack what comes, however much, and as often as it is told."""
    if response.is_stream_consumed:  # in process: all of it is in memory already
        yield response.content
        return
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _PLAIN | _PACKED:
        raise BadResponseError("the answer is in an encoding that was not asked for")
    unpacker = zlib.decompressobj(_GZIP) if encoding in _PACKED else None
    received = size = 0
    for chunk in response.iter_raw():
        if time() > until:
            raise httpx.ReadTimeout("")
        received += len(chunk)
        try:
            part = unpacker.decompress(chunk, MOST - size + 1) if unpacker else chunk
        except zlib.error as error:
            raise httpx.DecodingError(f"what it packed cannot be unpacked: {error}") from None
        size += len(part)
        if max(received, size) > MOST:
            raise BadResponseError(f"the answer is longer than {MOST // 2**20} MB; {NOT_QSTASH}")
        yield part
