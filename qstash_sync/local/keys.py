"""The routes of signing keys, and of the account's parallelism."""

import secrets

from qstash_sync.local.answers import Call
from qstash_sync.local.limits import PLANS
from qstash_sync.local.store import Document

# Those of the official development server, published in its documentation: an SDK in its
# development mode (`QSTASH_DEV=1`) talks to no server that has others.
PUBLISHED = {
    "current": "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
    "next": "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
}


def get(call: Call) -> Document:
    """GET /v2/keys."""
    return call.store.get("account", "keys") or PUBLISHED


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
