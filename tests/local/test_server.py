"""The server itself: who may, what is logged, faults, threads, processes, the socket."""

import http.client
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from qstash_sync.local import LOCAL_READ_ONLY_TOKEN, LOCAL_TOKEN, OTHER_REGION_TOKEN, serve
from qstash_sync.local.keys import PUBLISHED
from tests.fault_server import KINDS, Fault, FaultServer
from tests.local.api import NOW, URL, Api, an_api, error

BEARER = {"Authorization": f"Bearer {LOCAL_TOKEN}"}


def test_a_token_goes_into_the_header_or_the_query(api: Api) -> None:
    bare = httpx.Client(transport=httpx.MockTransport(api.server), base_url="http://local")
    assert bare.get("/v2/keys", headers=BEARER).is_success
    assert bare.get("/v2/keys", params={"qstash_token": LOCAL_TOKEN}).is_success
    for response in (bare.get("/v2/keys"), bare.get("/v2/keys?qstash_token=x")):
        assert error(response) == (401, "unable to authenticate: invalid token")
    elsewhere = bare.get("/v2/keys", headers={"Authorization": f"Bearer {OTHER_REGION_TOKEN}"})
    assert error(elsewhere) == (404, "user not found in this region (eu-central-1)")


def test_the_read_only_token_reads_and_never_writes(api: Api) -> None:
    api.create()
    api.http.headers["Authorization"] = f"Bearer {LOCAL_READ_ONLY_TOKEN}"
    assert api.get("/v2/schedules/s")
    before = json.dumps(api.server.console.snapshot())
    for method, path in [("DELETE", "/v2/schedules/s"), ("POST", "/v2/schedules/s/pause")]:
        assert api.send(method, path).status_code == 403
    assert api.create(cron="1 1 * * *").status_code == 403
    assert json.dumps(api.server.console.snapshot()) == before


def test_an_unknown_path_is_a_404_and_a_wrong_method_a_405(api: Api) -> None:
    assert api.send("GET", "/v2/nothing").status_code == 404
    assert api.send("PUT", "/v2/schedules/s/pause").status_code == 405
    assert api.send("DELETE", "/v2/schedules/").status_code == 405


def test_every_answer_has_the_servers_date(api: Api) -> None:
    api.server.inject(Fault(kind="500", at=3))
    for path in ("/v2/keys", "/v2/nothing", "/v2/keys"):
        assert api.send("GET", path).headers["Date"] == "Mon, 23 Nov 2026 11:30:00 GMT"
    api.clock.now += 61
    assert api.send("GET", "/v2/keys").headers["Date"] == "Mon, 23 Nov 2026 11:31:01 GMT"


def test_requests_are_logged_and_counted(api: Api) -> None:
    api.create()
    api.send("GET", "/v2/schedules/nope")
    created, asked = ("POST", f"/v2/schedules/{URL}", 200), ("GET", "/v2/schedules/nope", 404)
    assert api.server.log == [created, asked]
    assert api.server.requests == {"POST": 1, "GET": 1}
    assert len(api.server.writes) == 1
    api.server.forget()
    assert api.server.log == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_hits_the_nth_matching_request_and_applies_it_or_not(api: Api, kind: str) -> None:
    api.server.inject(Fault(kind=kind, at=2, matches=lambda method, _: method == "POST"))
    api.send("POST", "/v2/keys/rotate")
    api.send("GET", "/v2/keys")
    outcome: object
    try:
        outcome = api.create().status_code
    except httpx.TransportError as failure:
        outcome = type(failure)
    expected: dict[str, object] = {
        "401": 401, "429": 429, "429_headers": 429, "500": 500, "503": 503, "html": 200,
        "reset_before": httpx.ConnectError, "reset_after": httpx.ReadError,
        "hang_before": httpx.ReadTimeout, "hang_after": httpx.ReadTimeout,
    }  # fmt: skip
    assert outcome == expected[kind]
    assert len(api.get("/v2/schedules")) == kind.endswith("_after")
    assert api.create().is_success  # it happened once
    assert (api.server.in_flight, len(api.server.log)) == (0, 5)


def test_a_rate_limit_says_when_it_ends_where_it_has_headers(api: Api) -> None:
    api.server.inject(Fault(kind="429_headers"), Fault(kind="429", at=2))
    assert api.send("GET", "/v2/keys").headers["Burst-RateLimit-Reset"] == str(int(NOW) + 1)
    assert "Burst-RateLimit-Reset" not in api.send("GET", "/v2/keys").headers


def test_a_burst_limit_counts_the_requests_of_a_second() -> None:
    with an_api(burst_limit=2) as api:
        statuses = [api.send("GET", "/v2/keys").status_code for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        limited = api.send("GET", "/v2/keys").headers
        assert limited["Burst-RateLimit-Limit"] == "2"
        assert limited["Burst-RateLimit-Remaining"] == "0"
        api.clock.now += 1
        assert api.send("GET", "/v2/keys").is_success


def test_an_unknown_kind_of_fault_is_a_mistake_of_the_test() -> None:
    with pytest.raises(ValueError, match="reset_after"):
        Fault(kind="reset")


def test_someone_else_can_act_around_every_request(api: Api) -> None:
    seen = []
    api.server.before = lambda request: seen.append(request.method)
    api.server.after = lambda request: seen.append(f"after {request.method}")
    api.send("GET", "/v2/keys")
    assert seen == ["GET", "after GET"]


def test_the_console_edits_without_a_request(api: Api) -> None:
    api.create(label="a")
    api.server.forget()
    api.server.console.edit("schedule", "s", cron="1 1 * * *")
    api.server.console.pause("s")
    assert api.server.log == []
    assert (api.schedule()["cron"], api.schedule()["isPaused"]) == ("1 1 * * *", True)
    api.server.console.pause("s", paused=False)
    assert api.schedule()["isPaused"] is False
    assert api.server.console.delete("schedule", "s")
    assert not api.server.console.delete("schedule", "s")
    with pytest.raises(KeyError):
        api.server.console.edit("schedule", "s", cron="1 1 * * *")


def test_many_threads_lose_nothing_and_their_number_is_seen(api: Api) -> None:
    together = threading.Barrier(8)

    def meet(_: httpx.Request) -> None:
        together.wait(10)

    api.server.before = meet
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: api.create(schedule_id=f"s{n}").status_code, range(80)))
    api.server.before = None
    assert done == [200] * 80
    assert api.server.most_in_flight == 8
    assert len(api.get("/v2/schedules")) == 80


CREATOR = """
import sys, httpx
from qstash_sync.local import LOCAL_TOKEN, LocalQStash
with LocalQStash(sys.argv[1]) as server, httpx.Client(transport=httpx.MockTransport(server)) as c:
    for n in range(50):
        headers = {"Upstash-Cron": "* * * * *", "Authorization": f"Bearer {LOCAL_TOKEN}"}
        headers["Upstash-Schedule-Id"] = f"{sys.argv[2]}.{n}"
        c.post("http://local/v2/schedules/https://example.com", headers=headers).raise_for_status()
"""


def test_several_processes_share_one_file(tmp_path: Path) -> None:
    file = str(tmp_path / "account.db")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CREATOR, file]
    running = [subprocess.Popen([*command, name], cwd=root) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with an_api(file) as api:
        assert len(api.get("/v2/schedules")) == 150


def test_an_account_outlives_its_server(tmp_path: Path) -> None:
    file = str(tmp_path / "account.db")
    with an_api(file, redact_digest="hmac") as api:
        first = api.created(body=b"x", redact_fields="body")
    with an_api(file, redact_digest="hmac") as api:
        assert api.schedule() == first


def test_the_socket_takes_the_target_as_it_is(api: Api) -> None:
    """No cleaning: neither dot segments nor double slashes nor percent signs."""
    target = "/v2/schedules/https://example.com//a/../b/./c%2F%zz?q=[1]"
    with serve(api.server) as served:
        raw = http.client.HTTPConnection("127.0.0.1", served.port)
        raw.request("POST", target, headers={**BEARER, "Upstash-Cron": "* * * * *"})
        assert raw.getresponse().read().startswith(b'{"scheduleId": "scd_')
        raw.request("DELETE", "/v2/queues/none", headers=BEARER)  # on the same connection
        empty = raw.getresponse()
        assert (empty.status, empty.read(), empty.headers["Content-Length"]) == (200, b"", "0")
        raw.close()
    (stored,) = api.server.store.all("schedule")
    assert stored["destination"] == target.removeprefix("/v2/schedules/")


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_reset_closes_the_socket_before_or_after_the_write(api: Api, kind: str) -> None:
    api.server.inject(Fault(kind=kind))
    with serve(api.server) as served, httpx.Client(base_url=served.url, headers=BEARER) as client:
        headers = {"Upstash-Cron": "* * * * *"}
        with pytest.raises(httpx.TransportError):
            client.post(f"/v2/schedules/{URL}", headers=headers)
        assert len(client.get("/v2/schedules").json()) == (kind == "reset_after")


def test_a_hang_lasts_until_the_client_gives_up(api: Api) -> None:
    api.server.inject(Fault(kind="hang_after"))
    with serve(api.server) as served, httpx.Client(headers=BEARER) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"{served.url}/v2/keys/rotate", timeout=0.2)
        assert client.get(f"{served.url}/v2/keys").json()["current"] == PUBLISHED["next"]


def test_the_socket_is_for_this_machine_only(api: Api) -> None:
    with pytest.raises(ValueError, match="for this machine only"):
        serve(api.server, host="0.0.0.0")


def test_two_servers_on_one_file_see_each_others_writes(tmp_path: Path) -> None:
    file = tmp_path / "account.db"
    with an_api(str(file)) as one, FaultServer(file) as other:
        one.create()
        assert [name for _, name in other.firings(NOW, NOW + 86_400)] == ["s"]
