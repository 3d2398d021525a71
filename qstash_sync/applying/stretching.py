"""Secrets stretched beside other work: it takes time, a twentieth of a second each, but no GIL."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from qstash_sync.model.resources import Desired
from qstash_sync.reconcile import mark

_under_way: list[object] = []  # the schedules whose secrets are


@contextmanager
def stretching(desired: Desired) -> Iterator[None]:
    """Begin with the secrets of digests `c`; who asks for one waits for it, and for no other.

    What nobody has asked for by the end, as where the account cannot be read, is not begun.
    """
    schedules = desired.schedules or ()
    if any(one is schedules for one in _under_way):
        yield
        return
    keys = [(secret, desired.namespace) for secret in sorted(mark.to_stretch(schedules))]
    keys = [key for key in keys if key not in mark.ahead]
    if not keys:
        yield
        return
    pool = ThreadPoolExecutor(max_workers=min(len(keys), os.cpu_count() or 1))
    mark.ahead.update((key, pool.submit(mark.stretch, *key).result) for key in keys)
    _under_way.append(schedules)
    try:
        yield
    finally:
        _under_way.pop()
        for key in keys:
            del mark.ahead[key]
        pool.shutdown(cancel_futures=True)
