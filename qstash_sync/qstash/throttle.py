"""When to send: the server's clock, and the one pause that all threads of a client share."""

import math
import random
import threading
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

FIRST, DOUBLINGS = 0.25, 5  # of a backoff: from a quarter of a second to eight
LONGEST = 60.0  # seconds that a server may ask for
_UNIX_TIME, _MILLISECONDS = 1e9, 1e11  # a number at least this large is one
_JITTER = 0.05  # seconds


class Throttle:
    """Tells the time, and makes threads wait: each for itself or, after a 429, all together.

    sleep: None for real waits, which `stopped` ends. clock: Unix time, until an answer brought
    the server's. monotonic: seconds; a sleep counts in full even where this clock stands still.
    """

    def __init__(
        self,
        sleep: Callable[[float], object] | None,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.stopped = threading.Event()
        self._sleep = sleep or self.stopped.wait
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._slept_more = 0.0
        self._ahead: float | None = None  # the server's Unix time minus `time()`
        self.is_unreadable = False  # there was a `Date`, and it was none
        self._resume_at = -math.inf
        self._random = random.Random()  # noqa: S311 spreads retries in time; no secret comes of it

    def time(self) -> float:
        """Seconds that only go forward."""
        return self._monotonic() + self._slept_more

    def now(self) -> float:
        """The server's Unix time, from its last `Date`; before the first, our own clock's."""
        return self._clock() if self._ahead is None else self._ahead + self.time()

    def skew(self) -> float | None:
        """Seconds that the server's clock is ahead of ours; None before it told its time."""
        return None if self._ahead is None else self.now() - self._clock()

    def learn(self, date: str, sent: float) -> None:
        """Take the server's time from the `Date` of an answer to a request sent at `time()` sent.

        A `Date` is cut to the second and was written between then and now. What is already known
        stays as long as it fits: so the second of uncertainty shrinks from answer to answer.
        """
        if not date:
            return
        try:
            parsed = parsedate_to_datetime(date)
            written = parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()
        except (ValueError, TypeError, OverflowError):
            self.is_unreadable = True
            return
        if not 0 <= written < _MILLISECONDS:
            self.is_unreadable = True
            return
        with self._lock:
            least, most = written - self.time(), written + 1 - sent
            known = least if self._ahead is None else self._ahead
            self._ahead = min(max(known, least), most)

    def backoff(self, tries: int) -> float:
        """Seconds before the next try after so many: doubling, with jitter."""
        return float(FIRST * 2 ** min(tries - 1, DOUBLINGS) * (0.5 + self._random.random()))

    def limit(self, reset: str, times: int) -> float:
        """Make all threads wait, as a 429 asks for; times counts those of this request so far.

        Returns the `time()` until which they wait.
        """
        asked = self._seconds_until(reset)
        wait = self.backoff(times + 1) if asked is None else max(asked, _JITTER * times)
        wait += self._random.random() * _JITTER
        with self._lock:
            self._resume_at = max(self._resume_at, self.time() + wait)
            return self._resume_at

    def _seconds_until(self, reset: str) -> float | None:
        """What a reset asks for: a Unix time in seconds or milliseconds, or a number of seconds."""
        try:
            asked = float(reset)
        except ValueError:
            return None
        if asked >= _MILLISECONDS:
            asked /= 1000
        wait = asked - self.now() if asked >= _UNIX_TIME else asked
        return wait if abs(wait) <= LONGEST else None  # NaN, too, is None

    def wait(self, moment: float, until: float) -> bool:
        """Wait for a `time()` and the common pause; False if stopped, or if it lasts past until."""
        while (go := max(moment, self._resume_at)) > self.time():
            if go > until or self.stopped.is_set():
                return False
            self._wait_until(go)
        return True

    def _wait_until(self, moment: float) -> None:
        self._sleep(moment - self.time())
        with self._lock:
            if not self.stopped.is_set():
                self._slept_more += max(moment - self.time(), 0.0)
