"""An embedded QStash in a SQLite file: a peer that shares no code with the client."""

from qstash_sync.local.serve import Served, serve
from qstash_sync.local.server import (
    LOCAL_READ_ONLY_TOKEN,
    LOCAL_TOKEN,
    OTHER_REGION_TOKEN,
    LocalQStash,
)
from qstash_sync.local.switches import Switches

__all__ = [
    "LOCAL_READ_ONLY_TOKEN",
    "LOCAL_TOKEN",
    "OTHER_REGION_TOKEN",
    "LocalQStash",
    "Served",
    "Switches",
    "serve",
]
