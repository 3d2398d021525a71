"""The wire, literally; and every way in which an account cannot be read or written."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from qstash_sync.errors import (
    AccountError,
    AuthError,
    BadResponseError,
    RejectedError,
    UnreachableError,
    WriteForbiddenError,
    WrongRegionError,
)
from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, OTHER_REGION_TOKEN, Switches
from qstash_sync.local.serve import Served
from qstash_sync.model.resources import Message
from qstash_sync.model.steps import DeleteSchedule, PutQueue, PutSchedule
from qstash_sync.qstash.client import Client
from tests.fault_server import Fault
from tests.support import World, cli, ids, secret, world as make_world

DESTINATIONS = [
    "https://e.com",
    "https://e.com/",
    "https://e.com//a//b/",
    "https://e.com/a?x=1&y=https://z//w",
    "https://e.com/%7Ea/%2F?q=%20&r=a+b",
    "https://e.com:8443/a;b=c/@x?a[]=1",
    "https://e.com/p?a=b?c=d",
]


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_the_destination_goes_into_the_path_literally(world: World, destination: str) -> None:
    step = PutSchedule(
        id="a.b", cron="0 9 * * *", message=Message(destination=destination), labels=("l",)
    )
    with (
        Served(world.account) as served,
        Client(served.url, secret(LOCAL_TOKEN), read_only=False) as client,
    ):
        client.write(step)
        (found,) = client.read({"schedules"}).schedules or ()
    assert found.message.destination == destination
    assert world.account.log[0][1] == f"/v2/schedules/{destination}"


def client_of(
    handler: Callable[[httpx.Request], httpx.Response], token: str = LOCAL_TOKEN
) -> Client:
    return Client(
        "http://x",
        secret(token),
        read_only=False,
        transport=httpx.MockTransport(handler),
        sleep=lambda _s: None,
    )


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


ANSWERS: list[tuple[str, Callable[[httpx.Request], httpx.Response], type[AccountError], str]] = [
    ("html", lambda _: httpx.Response(200, html="<html>"), BadResponseError, "is this the address of QStash?"),
    ("object for list", lambda _: httpx.Response(200, json={}), BadResponseError, "without a list"),
    ("strange items", lambda _: httpx.Response(200, json=[1]), BadResponseError, "number 1 of /v2/schedules"),
    ("items without id", lambda _: httpx.Response(200, json=[{}]), BadResponseError, "scheduleId is missing"),
    ("401", lambda _: httpx.Response(401, json={"error": "unable to authenticate: invalid token"}), AuthError, "QSTASH_TOKEN"),
    ("403", lambda _: httpx.Response(403, json={"error": "no"}), AuthError, "set a QSTASH_TOKEN that may read it"),
    ("404 region", lambda _: httpx.Response(404, json={"error": "user not found in this region (eu-central-1)"}), WrongRegionError, "QSTASH_REGION"),
    ("404 html", lambda _: httpx.Response(404, html="<html>"), BadResponseError, "404 with no JSON of QStash's .text.html."),
    ("500", lambda _: httpx.Response(500), RejectedError, "500"),
    ("redirect", lambda _: httpx.Response(302, headers={"Location": "https://e.com"}), BadResponseError, "set QSTASH_URL to the address itself"),
    ("no answer", unreachable, UnreachableError, "is QSTASH_URL right?"),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "handler", "kind", "way_out"), ANSWERS, ids=ids(ANSWERS))
def test_every_failure_is_one_clear_error(
    _id: str,
    handler: Callable[[httpx.Request], httpx.Response],
    kind: type[AccountError],
    way_out: str,
) -> None:
    with (
        client_of(handler) as client,
        pytest.raises(kind, match=way_out.replace("?", r"\?")) as caught,
    ):
        client.read({"schedules"})
    assert LOCAL_TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_servers_words_are_shown_without_our_secrets() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": f"bad {request.headers['authorization']}"})

    with client_of(answer, "tok-en-123") as client, pytest.raises(RejectedError) as caught:
        client.read({"queues"})
    assert "tok-en-123" not in str(caught.value)
    assert "(secret)" in str(caught.value)


def test_an_unreachable_server_is_told_at_the_command_line() -> None:
    ran = cli(
        "plan", "-f", "examples/quickstart", environ={"QSTASH_TOKEN": "t", "QSTASH_URL": "nonsense"}
    )
    assert ran.code == 1
    assert "QSTASH_URL is not an address" in ran.err


@pytest.mark.parametrize(("command", "code"), [("plan", 1), ("doctor", 2), ("pause *", 1)])
def test_that_nothing_answers_is_said_before_it_is_tried_again(command: str, code: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    environ = {"QSTASH_TOKEN": "a-token-of-somebody", "QSTASH_URL": url}
    ran = cli(*command.split(), "-f", "examples/quickstart", environ=environ)
    assert ran.code == code
    assert ran.err.count("Trying again: ") == 1
    assert f"Trying again: {url} cannot be reached" in ran.err


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_an_address_that_would_show_the_token_is_refused_before_anything_is_sent(
    command: str,
) -> None:
    environ = {"QSTASH_TOKEN": "token-canary", "QSTASH_URL": "http://qstash.example.com"}
    ran = cli(command, "-f", "examples/quickstart", environ=environ)
    assert ran.code == 1
    assert (
        "http://qstash.example.com would be sent the token in clear; set QSTASH_URL to https"
        in ran.err
    )
    assert "token-canary" not in ran.text


def test_no_token_is_told_at_the_command_line() -> None:
    ran = cli("plan", "-f", "examples/quickstart")
    assert ran.code == 1
    assert "no token: set QSTASH_TOKEN, or try it with --local" in ran.err


REGIONS = [
    ("region's own variables", {"QSTASH_REGION": "us-east-1", "US_EAST_1_QSTASH_TOKEN": LOCAL_TOKEN, "US_EAST_1_QSTASH_URL": "URL", "QSTASH_TOKEN": "no"}, 0),
    ("plain variables", {"QSTASH_TOKEN": LOCAL_TOKEN, "QSTASH_URL": "URL/"}, 0),
    ("read-only token", {"QSTASH_TOKEN": LOCAL_READ_ONLY_TOKEN, "QSTASH_URL": "URL"}, 0),
    ("another region's token", {"QSTASH_TOKEN": OTHER_REGION_TOKEN, "QSTASH_URL": "URL"}, 1),
    ("a wrong token", {"QSTASH_TOKEN": "nope", "QSTASH_URL": "URL"}, 1),
    ("an unknown region", {"QSTASH_REGION": "mars", "QSTASH_TOKEN": "t"}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("_id", "environ", "code"), REGIONS, ids=ids(REGIONS))
def test_the_account_comes_from_the_sdks_variables(
    world: World,
    _id: str,
    environ: dict[str, str],
    code: int,
) -> None:
    world.account.clock = time.time  # a plan of a wrong clock ends with 3
    with Served(world.account) as served:
        filled = {key: value.replace("URL", served.url) for key, value in environ.items()}
        ran = cli("plan", "-f", "examples/quickstart", environ=filled)
    assert ran.code == code, ran
    assert "Traceback" not in ran.text
    assert world.account.writes == []


def test_an_apply_with_a_read_only_token_writes_nothing_and_says_why(world: World) -> None:
    world.account.clock = time.time
    with Served(world.account) as served:
        environ = {"QSTASH_TOKEN": LOCAL_READ_ONLY_TOKEN, "QSTASH_URL": served.url}
        ran = cli("apply", "-f", "examples/quickstart", "--yes", environ=environ)
    assert ran.code == 4
    why = "does not allow this: unable to authorize: read-only token; set a QSTASH_TOKEN that may write"
    assert why in ran.out
    assert all(world.account.store.count(kind) == 0 for kind in ("schedule", "queue", "topic"))


@pytest.mark.parametrize("parallelism", [1, 2, 4, 8])
def test_reads_are_no_more_at_once_than_was_asked_for(world: World, parallelism: int) -> None:
    """With fewer connections than threads, httpcore lost an answer now and then, for 30 s."""
    world.account.latency = 0.02
    with Client(
        "http://x",
        secret(LOCAL_TOKEN),
        read_only=True,
        transport=httpx.MockTransport(world.account),
        parallelism=parallelism,
    ) as client:
        client.read({"schedules", "url_groups", "queues", "flow_controls"})
    assert world.account.most_in_flight == min(parallelism, 4)


ALL = ("schedules", "url_groups", "queues", "flow_controls")


def test_a_read_in_the_background_is_the_same_read(world: World) -> None:
    with world.client() as client:
        client.write(PutQueue(name="q", parallelism=3, paused=False))
        result = client.start_reading(ALL)
        assert result() == result() == client.read(ALL)
        assert client.reads == 8


def test_a_read_in_the_background_keeps_its_error_for_who_asks(world: World) -> None:
    with world.client(token="nope") as client:
        result = client.start_reading(ALL)
        for _ in range(2):
            with pytest.raises(AuthError):
                result()


def test_who_has_no_use_for_a_read_any_more_does_not_wait_for_it(tmp_path: Path) -> None:
    """An error of the file, say: the process ends at once, though no answer has come."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from qstash_sync.model.resources import Piece, Secret\n"
        "from qstash_sync.qstash.client import Client\n"
        "token = Secret((Piece('t', hidden=True),))\n"
        "with Client(sys.argv[1], token, read_only=True) as client:\n"
        "    client.start_reading({'schedules', 'queues'})\n"
        "    sys.exit('a mistake in the file')\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, answers nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ran = subprocess.run(
            [sys.executable, script, url], capture_output=True, text=True, timeout=20, check=False
        )
    assert (ran.returncode, ran.stderr) == (1, "a mistake in the file\n")


def test_a_read_only_client_refuses_every_write(world: World) -> None:
    with world.client(read_only=True) as client:
        for step in (DeleteSchedule(id="x"), PutQueue(name="q", parallelism=1, paused=False)):
            with pytest.raises(WriteForbiddenError):
                client.write(step)
    assert world.account.log == []


@pytest.mark.parametrize(
    "kind",
    [
        "429",
        "429_headers",
        "500",
        "503",
        "reset_before",
        "reset_after",
        "hang_before",
        "hang_after",
    ],
)
def test_a_passing_fault_is_tried_again(world: World, kind: str) -> None:
    world.account.inject(Fault(kind=kind, times=2))
    with world.client() as client:
        client.write(PutQueue(name="q", parallelism=3, paused=False))
        (queue,) = client.read({"queues"}).queues or ()
    assert queue.parallelism == 3


def test_deleting_what_is_gone_already_is_done() -> None:
    for status in (404, 200):
        with (
            make_world(Switches(missing_schedule_delete=status)) as world,
            world.client() as client,
        ):
            client.write(DeleteSchedule(id="nope"))


SECRETS = """\
version: 1
namespace: n
schedules:
  a:
    cron: "0 9 * * *"
    timezone: UTC
    destination: https://e.com/${env.PATH_KEY}
    headers: {Authorization: "Bearer ${env.HEADER_KEY}"}
    body: {key: "${env.BODY_KEY}"}
"""


def on_the_network(status: int, answer: Callable[[httpx.Request], object]) -> Served:
    """A server that refuses with this status and in these words; 401 refuses reads, too."""

    def said(request: httpx.Request) -> httpx.Response:
        request.read()
        is_list = bytes(request.extensions["target"]).count(b"/") == 2  # /v2/schedules
        if request.method == "GET" and status != 401:
            headers = {"Date": formatdate(usegmt=True)}
            found: object = [] if is_list else {"error": "not found"}
            return httpx.Response(200 if is_list else 404, json=found, headers=headers)
        words = {"error": str(answer(request))}
        return httpx.Response(status, json=words, headers={"Date": formatdate(usegmt=True)})

    server: Any = said  # all that is asked of a FaultServer is to be called
    return Served(server)


def test_secrets_are_masked_in_what_a_server_on_the_network_quotes(tmp_path: Path) -> None:
    """Over httpx's own transport: nothing is injected, and the mask is that of the command."""
    keys = {f"{name}_KEY": f"{name.lower()}-canary-77" for name in ("PATH", "HEADER", "BODY")}
    environ = {**keys, "QSTASH_TOKEN": "token-canary-77"}

    def all_of(request: httpx.Request) -> object:
        return request.url, sorted(request.headers.items()), request.content

    (tmp_path / "q.yaml").write_text(SECRETS)
    with on_the_network(400, all_of) as served:
        words = ("apply", "--yes", "-f", str(tmp_path / "q.yaml"))
        ran = cli(*words, environ={**environ, "QSTASH_URL": served.url})
    assert ran.code == 4, ran.text
    assert "(secret)" in ran.out
    assert "QStash answered 400: " in ran.out
    assert "canary-77" not in ran.text


def test_a_token_that_a_server_on_the_network_quotes_is_masked(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text("version: 1\nnamespace: n\nqueues: {}\n")
    with on_the_network(401, lambda request: request.headers["authorization"]) as served:
        environ = {"QSTASH_URL": served.url, "QSTASH_TOKEN": "token-canary-77"}
        ran = cli("plan", "-f", str(tmp_path / "q.yaml"), environ=environ)
    assert ran.code == 1
    assert "refuses the token: Bearer (secret)" in ran.err
    assert "canary-77" not in ran.text
