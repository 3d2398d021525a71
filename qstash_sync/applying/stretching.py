"""Secrets stretched beside other work: it takes time, a twentieth of a second each, but no GIL."""

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

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
    secrets = sorted(mark.to_stretch(schedules))
    namespaces = filter(None, (desired.namespace, desired.namespace_was))
    keys = [(secret, namespace) for namespace in namespaces for secret in secrets]
    keys = [key for key in keys if key not in mark.ahead]
    if not keys:
        yield
        return
    pool = ThreadPoolExecutor(max_workers=min(len(keys), os.cpu_count() or 1))
    mark.ahead.update((key, partial(_of, pool.submit(mark.stretch, *key), key)) for key in keys)
    _under_way.append(schedules)
    try:
        yield
    finally:
        _under_way[:] = [one for one in _under_way if one is not schedules]
        for key in keys:
            mark.ahead.pop(key, None)
        pool.shutdown(cancel_futures=True)


def _of(future: "Future[str]", key: tuple[str, str]) -> str:
    """The digest; where who began it has ended meanwhile, in another thread, it is made here."""
    try:
        return future.result()
    except CancelledError:
        return mark.stretch(*key)
