"""An embedded QStash in a SQLite file: a peer that shares no code with the client."""

from qstash_sync.local.serve import Served, serve
from qstash_sync.local.server import (
    DEVELOPMENT_TOKEN,
    LOCAL_READ_ONLY_TOKEN,
    LOCAL_TOKEN,
    OTHER_REGION_TOKEN,
    LocalQStash,
)
from qstash_sync.local.store import StoreError
from qstash_sync.local.switches import Switches

__all__ = [
    "DEVELOPMENT_TOKEN",
    "LOCAL_READ_ONLY_TOKEN",
    "LOCAL_TOKEN",
    "OTHER_REGION_TOKEN",
    "LocalQStash",
    "Served",
    "StoreError",
    "Switches",
    "serve",
]
