import signal
from collections.abc import Iterator

import pytest
import qstash

from qstash_sync.local import LOCAL_TOKEN, Served
from tests.support import World, world as make_world


@pytest.fixture(autouse=True)
def no_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs the tests: what they run does not run on GitHub."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh account in memory."""
    with make_world() as fresh:
        yield fresh


@pytest.fixture
def sdk(served: Served) -> Iterator[qstash.QStash]:
    """The official client; it has no way to close its connections but this."""
    client = qstash.QStash(LOCAL_TOKEN, base_url=served.url, retry=False)
    yield client
    client.http._client.close()


@pytest.fixture
def usual_handlers() -> Iterator[None]:
    """As a shell starts a process: what runs in the background ignores SIGINT."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
