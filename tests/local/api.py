"""A caller of the local server for its own tests: plain HTTP, no code of the client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from qstash_sync.local import LOCAL_TOKEN, Switches
from tests.fault_server import FaultServer

NOW = 1_795_433_400.0  # 2026-11-23T11:30:00Z
URL = "https://example.com/x"


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Api:
    """One server, its clock, and a client in process."""

    server: FaultServer
    clock: Clock
    http: httpx.Client = field(repr=False)

    def send(
        self, verb: str, path: str, /, *, json: Any = None, body: bytes = b"", **settings: str
    ) -> httpx.Response:
        """One request; settings are headers, `retry_delay="1"` is Upstash-Retry-Delay."""
        headers = {f"Upstash-{key.replace('_', '-').title()}": v for key, v in settings.items()}
        content = {"json": json} if json is not None else {"content": body}
        return self.http.request(verb, path, headers=headers, **content)

    def create(
        self, destination: str = URL, *, cron: str = "0 9 * * *", **more: Any
    ) -> httpx.Response:
        """Create the schedule `s`, if nothing else is said."""
        settings = {"schedule_id": "s", "cron": cron, **more}
        return self.send("POST", f"/v2/schedules/{destination}", **settings)

    def schedule(self, schedule_id: str = "s") -> Any:
        """A schedule as it reads back."""
        return self.http.get(f"/v2/schedules/{schedule_id}").raise_for_status().json()

    def created(self, destination: str = URL, **more: Any) -> Any:
        """Create a schedule and read it back."""
        self.create(destination, **more).raise_for_status()
        return self.schedule(more.get("schedule_id", "s"))

    def get(self, path: str) -> Any:
        """The JSON of a GET."""
        return self.http.get(path).raise_for_status().json()


@contextmanager
def an_api(path: str = ":memory:", **switches: Any) -> Iterator[Api]:
    """An account under some switches."""
    clock = Clock()
    with (
        FaultServer(path, switches=Switches(**switches), clock=clock) as server,
        httpx.Client(
            transport=httpx.MockTransport(server),
            base_url="http://local",
            headers={"Authorization": f"Bearer {LOCAL_TOKEN}"},
        ) as http,
    ):
        yield Api(server, clock, http)


def error(response: httpx.Response) -> tuple[int, str]:
    """The status and the text of a refusal."""
    return response.status_code, response.json()["error"]
