"""A headless Chromium over its debugging pipe: what a page asks for, says and looks like."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0  # seconds for one answer
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)  # fmt: skip


def program() -> str | None:
    """Where a Chromium is, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Browser:
    """One tab of a browser; events are kept as they come."""

    process: subprocess.Popen[bytes]
    to: int
    of: int
    session: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _rest: bytes = b""

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self._next(end)
            if found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                result: dict[str, Any] = found["result"]
                return result
            self.events.append(found)
        raise TimeoutError(method)

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.of], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise TimeoutError("the browser says nothing")
            data = os.read(self.of, 1 << 16)
            assert data, "the browser has gone"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, path: Path, *, width: int = 1280, dark: bool = False) -> None:
        """Show a file, and forget what came before."""
        scheme = "dark" if dark else "light"
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=800, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        self.events.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + PATIENCE
        while not any(one.get("method") == "Page.loadEventFired" for one in self.events):
            self.events.append(self._next(end))

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is on the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self) -> bytes:
        """What is to be seen of the page, as PNG."""
        found = self.ask("Page.captureScreenshot", format="png")
        return base64.b64decode(found["data"])

    def requests(self) -> list[str]:
        """The addresses that the page has asked for."""
        found = [one for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        return [one["params"]["request"]["url"] for one in found]

    def blocked(self) -> list[str]:
        """Why requests have not been sent."""
        found = [one for one in self.events if one.get("method") == "Network.loadingFailed"]
        return [one["params"].get("blockedReason", "") for one in found]

    def complaints(self) -> list[str]:
        """Everything on the console, exceptions and violations of the policy among them."""
        said = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [json.dumps(one["params"]) for one in self.events if one.get("method") in said]


@contextlib.contextmanager
def browser(path: str, profile: Path) -> Iterator[Browser]:
    """A browser with one empty tab; it ends with the block."""
    theirs, to = os.pipe()
    of, back = os.pipe()

    def connect() -> None:
        """The browser reads commands from 3 and writes answers to 4."""
        high = [os.dup2(fd, fd + 100) for fd in (theirs, back)]  # neither is overwritten
        for fd, place in zip(high, (3, 4), strict=True):
            os.dup2(fd, place, inheritable=True)

    process = subprocess.Popen(
        [path, *_FLAGS, f"--user-data-dir={profile}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        close_fds=False, preexec_fn=connect,  # noqa: PLW1509 numbers 3 and 4 are given by it
    )  # fmt: skip
    try:
        for fd in (theirs, back):
            os.close(fd)
        found = Browser(process, to, of)
        target = found.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = found.ask("Target.attachToTarget", targetId=target, flatten=True)
        found.session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            found.ask(f"{domain}.enable")
        yield found
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for fd in (to, of):
            os.close(fd)
