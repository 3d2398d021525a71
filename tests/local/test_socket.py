"""`serve` as a stranger meets it: a browser, a scanner, a broken client."""

import json
import random
import socket
from collections.abc import Iterator

import pytest

from qstash_sync.local import DEVELOPMENT_TOKEN, LOCAL_TOKEN, Served, serve
from tests.local.api import Api

SEED = 20261126
BEARER = f"Authorization: Bearer {LOCAL_TOKEN}\r\n"
HOST = "Host: 127.0.0.1\r\n"


@pytest.fixture
def served(api: Api) -> Iterator[Served]:
    with serve(api.server) as served:
        yield served


def said(served: Served, request: str | bytes) -> bytes:
    """All that comes back for these bytes, once we have nothing more to say."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(request if isinstance(request, bytes) else request.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    return answer


def status(served: Served, request: str | bytes) -> int:
    """The status, of an answer that is QStash's in form."""
    head, _, body = said(served, request).partition(b"\r\n\r\n")
    number = int(head.split()[1])
    if number >= 400:
        assert set(json.loads(body)) == {"error"}
    return number


NAMES = [
    ("127.0.0.1", 200), ("127.0.0.1:8080", 200), ("localhost", 200), ("LocalHost:1", 200),
    ("[::1]:8080", 200), ("127.9.9.9", 200),
    ("evil.example.com", 403), ("evil.example.com:8080", 403), ("127.0.0.1.evil.example.com", 403),
    ("localhost.evil.example.com", 403), ("evil.example.com#127.0.0.1", 403), ("", 403),
    ("169.254.169.254", 403), ("10.0.0.1", 403), ("127.0.0.1@evil.example.com", 403),
    ("localhost:80:80", 403), ("0.0.0.0", 403), ("[::]", 403),
]  # fmt: skip


@pytest.mark.parametrize(("host", "code"), NAMES)
def test_only_names_of_this_machine_are_served(served: Served, host: str, code: int) -> None:
    """A page of evil.example.com may let its own name mean 127.0.0.1, and read what is here."""
    assert status(served, f"GET /v2/keys HTTP/1.1\r\nHost: {host}\r\n{BEARER}\r\n") == code


def test_every_name_that_is_given_counts_and_there_must_be_one(served: Served) -> None:
    two = f"{HOST}Host: evil.example.com\r\n"
    assert status(served, f"GET /v2/keys HTTP/1.1\r\n{two}{BEARER}\r\n") == 403
    assert status(served, f"GET /v2/keys HTTP/1.1\r\n{BEARER}\r\n") == 403


BROWSERS = [
    "Origin: https://evil.example.com",
    "Origin: http://localhost:8080",
    "Origin: null",
    "Origin: ",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-origin",
]


@pytest.mark.parametrize("header", BROWSERS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_page_of_a_browser_is_served(api: Api, served: Served, header: str, method: str) -> None:
    """What needs no permission of ours, as a text/plain POST with the token in the address."""
    target = f"/v2/queues?qstash_token={LOCAL_TOKEN}"
    body = '{"queueName": "evil"}'
    head = f"{HOST}{header}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    assert status(served, f"{method} {target} HTTP/1.1\r\n{head}\r\n{body}") == 403
    assert api.server.log == []


def test_the_address_line_of_a_browser_and_an_sdk_are_no_page(served: Served) -> None:
    for header in ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: cors"):  # the second is Node's
        assert status(served, f"GET /v2/keys HTTP/1.1\r\n{HOST}{header}\r\n{BEARER}\r\n") == 200


def test_the_published_token_of_the_development_server_opens_it_too(served: Served) -> None:
    bearer = f"Authorization: Bearer {DEVELOPMENT_TOKEN}\r\n"
    assert status(served, f"GET /v2/keys HTTP/1.1\r\n{HOST}{bearer}\r\n") == 200


POST = f"POST /v2/queues HTTP/1.1\r\n{HOST}{BEARER}"
MALFORMED = [
    ("a length that is none", f"{POST}Content-Length: many\r\n\r\n", 400),
    ("a length below zero", f"{POST}Content-Length: -1\r\n\r\n", 400),
    ("a length with a sign", f"{POST}Content-Length: +2\r\n\r\n{{}}", 400),
    ("a length of other digits", f"{POST}Content-Length: \xb2\r\n\r\n", 400),
    ("two lengths", f"{POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}", 400),
    ("a length without an end", f"{POST}Content-Length: {'9' * 5_000}\r\n\r\n", 400),
    ("a length above any body", f"{POST}Content-Length: 999999999999\r\n\r\n", 413),
    ("a body that is shorter", f"{POST}Content-Length: 200\r\n\r\n{{", 400),
    ("no length", f"{POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    ("no JSON", f"{POST}Content-Length: 1\r\n\r\n{{", 400),
    ("bottomless JSON", f"{POST}Content-Length: 99999\r\n\r\n{'[' * 99_999}", 400),
    ("JSON of half a character", f"{POST}Content-Length: 26\r\n\r\n" + '{"queueName": "q\\ud800" }  ', 400),
    ("a number without an end", f"{POST}Content-Length: 5016\r\n\r\n" + '{"parallelism":' + "9" * 5_000 + "}", 400),
    ("a method of nobody", f"BREW /v2/queues HTTP/1.1\r\n{HOST}\r\n", 501),
    ("a preflight", f"OPTIONS /v2/queues HTTP/1.1\r\n{HOST}\r\n", 501),
    ("another protocol", "HELO there\r\n\r\n", 400),
    ("a version of nobody", f"GET / HTTP/9.9\r\n{HOST}\r\n", 505),
    ("words too many", f"GET / / HTTP/1.1\r\n{HOST}\r\n", 400),
    ("a target without an end", f"GET /{'a' * 70_000} HTTP/1.1\r\n{HOST}\r\n", 414),
    ("a header without an end", f"GET / HTTP/1.1\r\n{HOST}X: {'a' * 70_000}\r\n\r\n", 431),
    ("headers without an end", f"GET / HTTP/1.1\r\n{HOST}" + "X: 1\r\n" * 200 + "\r\n", 431),
    ("another machine's address", f"GET http://evil.example.com/v2/keys HTTP/1.1\r\n{HOST}{BEARER}\r\n", 404),
    ("a target of bytes", f"GET /v2/queues/\xff\xfe HTTP/1.1\r\n{HOST}{BEARER}\r\n", 400),
    ("a header of bytes", f"GET /v2/keys HTTP/1.1\r\n{HOST}{BEARER}X-A: \xff\xe9\r\n\r\n", 200),
    ("a header without a colon", f"GET /v2/keys HTTP/1.1\r\n{HOST}{BEARER}what\r\n\r\n", 200),
    ("a folded header", f"GET /v2/keys HTTP/1.1\r\n{HOST}{BEARER}X-A: 1\r\n 2\r\n\r\n", 200),
]  # fmt: skip


@pytest.mark.parametrize(
    ("_id", "request_bytes", "code"), MALFORMED, ids=[case[0] for case in MALFORMED]
)
def test_a_malformed_request_is_refused_in_qstashs_form(
    served: Served, _id: str, request_bytes: str, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status(served, request_bytes) == code
    assert status(served, f"GET /v2/keys HTTP/1.1\r\n{HOST}{BEARER}\r\n") == 200
    assert "".join(capfd.readouterr()) == ""


def test_no_bytes_at_all_make_it_fall(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    """Requests with bytes left out, doubled and changed: an answer, or none, and no traceback."""
    rng = random.Random(SEED)
    head = (
        f"{HOST}{BEARER}Upstash-Cron: */5 * * * *\r\nUpstash-Delay: 10s\r\nUpstash-Retries: 3\r\n"
    )
    whole = (
        f"POST /v2/schedules/https://e.com/x?a=1 HTTP/1.1\r\n{head}"
        "Upstash-Flow-Control-Key: k\r\nUpstash-Flow-Control-Value: rate=1, period=1m\r\n"
        'Content-Length: 8\r\n\r\n{"a": 1}'
    ).encode()
    for _ in range(300):
        text = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(text))
            piece = rng.choice(
                [b"", b"\0", b"\r\n", b"\xff", b"9" * 30, b":", b" ", text[place : place + 9] * 2]
            )
            text[place : place + rng.randrange(4)] = piece
        answer = said(served, bytes(text))
        assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert "".join(capfd.readouterr()) == ""
