"""The routes of signing keys, and of the account's parallelism."""

import secrets

from qstash_sync.local.answers import Call
from qstash_sync.local.limits import PLANS
from qstash_sync.local.store import Document

_FIRST = {"current": "sig_local_current", "next": "sig_local_next"}


def get(call: Call) -> Document:
    """GET /v2/keys."""
    return call.store.get("account", "keys") or _FIRST


def rotate(call: Call) -> Document:
    """POST /v2/keys/rotate: the next key becomes the current one."""
    fresh = {"current": get(call)["next"], "next": "sig_local_" + secrets.token_hex(12)}
    call.store.put("account", "keys", fresh)
    return fresh


def global_parallelism(call: Call) -> Document:
    """GET /v2/globalParallelism."""
    return {
        "parallelismMax": PLANS[call.switches.plan].global_parallelism,
        "parallelismCount": 0,
    }
